// SPDX-License-Identifier: Apache-2.0
// The windows: what lies outside is not touched and named, a page more or less on each side; locks hold; no command widens anything.
#include <gtest/gtest.h>

#include "tb/system/error_bench.hpp"

namespace systole::tb {
namespace {

class ProtectionTest : public ErrorTest {
 protected:
  static constexpr uint64_t kPage = 4096;

  static void set_window(Host &host, bool write, uint64_t base, uint64_t limit) {
    const uint32_t first = write ? SYSTOLE_REG_WRITE_BASE_LO : SYSTOLE_REG_READ_BASE_LO;
    host.write32(first, static_cast<uint32_t>(base));
    host.write32(first + 4, static_cast<uint32_t>(base >> 32));
    host.write32(first + 8, static_cast<uint32_t>(limit));
    host.write32(first + 12, static_cast<uint32_t>(limit >> 32));
  }
  static void open(Host &host) {
    set_window(host, false, 0, ~uint64_t{0});
    set_window(host, true, 0, ~uint64_t{0});
  }
  /// A page of the data, of the results, with two more on both sides.
  uint64_t data() const { return ((regions_.data + kPage - 1) & ~(kPage - 1)) + 2 * kPage; }
  uint64_t results() const { return ((regions_.results + kPage - 1) & ~(kPage - 1)) + 2 * kPage; }

  /// A STORE of `rows` accumulator rows of 32-bit results, one after the other, to an address.
  Record store_rows(uint64_t address, uint32_t rows) const {
    Record record = store();
    put(record, FIELD(SYSTOLE_STORE_ADDRESS_LO), address & 0xFFFFFFFF);
    put(record, FIELD(SYSTOLE_STORE_ADDRESS_HI), address >> 32);
    put(record, FIELD(SYSTOLE_STORE_ACC), 0);
    put(record, FIELD(SYSTOLE_STORE_M0), rows);
    put(record, FIELD(SYSTOLE_STORE_PITCH0), 4 * config().cols);
    return record;
  }

  void expect_window_error(Host &host, uint32_t index, uint64_t address) {
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_WINDOW});
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_INDEX), index);
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_LO), static_cast<uint32_t>(address));
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_HI), static_cast<uint32_t>(address >> 32));
  }
  void expect_done(Host &host) {
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), tail_);
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
  }
  static Record with_irq(Record record) {
    put(record, FIELD(SYSTOLE_CMD_IRQ), 1);
    return record;
  }
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProtectionTest);  // binaries of large configurations

/// A load of 64 bytes at, before and behind each bound of the read window.
TEST_P(ProtectionTest, ALoadOutsideTheReadWindowIsRefusedBeforeTheBus) {
  simulate([&](Host &host) {
    const uint64_t page = data();
    struct Case {
      uint64_t address;
      uint32_t length;
      uint64_t refused;  // 0: none
    };
    const uint64_t last = (uint64_t{1} << config().axi_addr_bits) - 16;
    const Case cases[] = {{page, 64, 0},
                          {page + kPage - 64, 64, 0},
                          {page + kPage, 1, page + kPage},
                          {page + kPage - 33, 64, page + kPage},  // its second burst is outside
                          {last, 16, last}};
    for (const Case &c : cases) {
      SCOPED_TRACE(std::to_string(c.address - page));
      set_window(host, false, kBase, page + kPage - 1);  // the ring is read, too
      const uint32_t index = tail_;
      const uint64_t bursts = rtl_->port().read_bursts();
      ring(host, {load(SYSTOLE_DEST_ACT, c.address, c.length), with_irq(store())});
      if (c.refused == 0) {
        expect_done(host);
      } else {
        expect_window_error(host, index, c.refused);
        EXPECT_EQ(rtl_->port().read_bursts() - bursts, 2u + (c.address != c.refused)) << "records and what is inside";
        EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), index);
        soft_reset(host);
        open(host);
        EXPECT_EQ(product(host), first_);
      }
      if (HasFatalFailure()) return;
    }
    // The lower bound: a window from the data's page on, with a ring behind it.
    open(host);
    const uint64_t upper_ring = good_ + kPage - SYSTOLE_COMMAND_BYTES * 64;
    const Record records[] = {load(SYSTOLE_DEST_ACT, page, 16), load(SYSTOLE_DEST_ACT, page - 1, 1)};
    for (unsigned i = 0; i < 2; ++i) {
      soft_reset(host);
      host.write32(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(upper_ring & ~uint64_t{63}));
      host.write32(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(upper_ring >> 32));
      set_window(host, false, page, ~uint64_t{0});
      const Record record = with_irq(records[i]);
      std::memcpy(memory_->at(upper_ring & ~uint64_t{63}, SYSTOLE_COMMAND_BYTES), record.data(), SYSTOLE_COMMAND_BYTES);
      host.write32(SYSTOLE_REG_RING_TAIL, 1);
      host.idle();
      EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), i == 0 ? uint32_t{SYSTOLE_ERROR_NONE} : uint32_t{SYSTOLE_ERROR_WINDOW});
      host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    }
    soft_reset(host);
    open(host);
    set_up(host, kEntriesLog2);
    EXPECT_EQ(product(host), first_);
  });
}

/// Stores that end at the window's bounds or go beyond them: what is inside is written, no byte outside changes.
TEST_P(ProtectionTest, AStoreOutsideTheWriteWindowChangesNoByteThere) {
  simulate([&](Host &host) {
    const uint64_t page = results();
    const uint32_t row = 4 * config().cols;
    struct Case {
      int64_t from;  // the page's start
      uint32_t rows;
      bool refused;
      int64_t at;  // the refused burst
    };
    const auto behind = static_cast<int64_t>(kPage);
    const Case cases[] = {{0, 4, false, 0},
                          {behind - 4 * row, 4, false, 0},
                          {behind - 4 * row + 1, 4, true, behind},
                          {behind, 1, true, behind},
                          {-1, 1, true, -1},
                          {-4 * static_cast<int64_t>(row), 4, true, -4 * static_cast<int64_t>(row)}};
    for (const Case &c : cases) {
      SCOPED_TRACE(std::to_string(c.from));
      set_window(host, true, page, page + kPage - 1);
      uint8_t *const around = memory_->at(page - kPage, 3 * kPage);
      std::memset(around, 0xC3, 3 * kPage);
      const uint32_t index = tail_ + 1;
      const uint64_t address = page + static_cast<uint64_t>(c.from), bursts = rtl_->port().write_bursts();
      ring(host, {store_rows(page, 1), with_irq(store_rows(address, c.rows)), store_rows(page, 1)});
      if (c.refused) {
        expect_window_error(host, index, page + static_cast<uint64_t>(c.at));
        EXPECT_LE(host.read32(SYSTOLE_REG_RING_HEAD), index);
        EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), uint32_t{SYSTOLE_IRQ_STATUS_ERROR_MASK});
        soft_reset(host);  // when it is done all writes are
        EXPECT_EQ(rtl_->port().write_bursts() - bursts, 1u + (c.from > 0 && c.from < behind)) << "none behind the refused one";
      } else {
        while (host.read32(SYSTOLE_REG_RING_HEAD) != tail_) {}
        expect_done(host);
      }
      for (uint64_t i = 0; i < kPage; ++i) {
        ASSERT_EQ(around[i], 0xC3) << "below, byte " << i;
        ASSERT_EQ(around[2 * kPage + i], 0xC3) << "above, byte " << i;
      }
      if (c.from > 0 && c.from < behind) {
        EXPECT_NE(around[kPage + static_cast<uint64_t>(c.from)], 0xC3) << "the part inside was written";
      }
      open(host);
      expect_recovery(host);
      if (HasFatalFailure()) return;
    }
  });
}

/// A ring that leaves the read window after so many records: these are executed, the next is refused.
TEST_P(ProtectionTest, ARecordOutsideTheReadWindowIsNotFetched) {
  simulate([&](Host &host) {
    for (const uint32_t slots : {0u, 1u, 3u, 64u, 100u}) {
      SCOPED_TRACE(std::to_string(slots) + " slots");
      soft_reset(host);
      open(host);
      // The ring begins `slots` records (of 64 bytes) before the end of a page.
      const uint64_t end = data() + 2 * kPage;
      const uint64_t base = end - SYSTOLE_COMMAND_BYTES * slots;
      host.write32(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(base));
      host.write32(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(base >> 32));
      set_window(host, false, slots == 0 ? 0 : base, end - 1);
      const Record record = with_irq(store());
      for (uint32_t i = 0; i <= slots; ++i)
        std::memcpy(memory_->at(base + SYSTOLE_COMMAND_BYTES * i, SYSTOLE_COMMAND_BYTES), record.data(), SYSTOLE_COMMAND_BYTES);
      for (uint32_t i = 1; i <= slots; ++i) {
        host.write32(SYSTOLE_REG_RING_TAIL, i);
        host.idle();
        ASSERT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE}) << i;
        host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
      }
      const uint64_t bursts = rtl_->port().read_bursts();
      host.write32(SYSTOLE_REG_RING_TAIL, slots + 1);
      expect_window_error(host, slots, end);
      EXPECT_EQ(rtl_->port().read_bursts(), bursts);
      if (HasFatalFailure()) return;
    }
    soft_reset(host);
    open(host);
    set_up(host, kEntriesLog2);
    EXPECT_EQ(product(host), first_);
  });
}

/// A base above the limit, and one beyond the address width, allow nothing; a limit beyond it is no bound.
TEST_P(ProtectionTest, AnEmptyWindowAllowsNothing) {
  simulate([&](Host &host) {
    const std::pair<uint64_t, uint64_t> empty[] = {{2 * kPage, kPage}, {uint64_t{1} << 40, ~uint64_t{0}}, {~uint64_t{0}, 0}};
    for (const auto &[base, limit] : empty) {
      SCOPED_TRACE(std::to_string(base));
      set_window(host, true, base, limit);
      const uint32_t index = tail_;
      ring(host, {store()});
      expect_window_error(host, index, regions_.results);
      soft_reset(host);
      set_window(host, true, 0, ~uint64_t{0});
      set_window(host, false, base, limit);
      ring(host, {store()});
      expect_window_error(host, 0, kBase);
      soft_reset(host);
      set_window(host, false, kBase, (uint64_t{1} << 40) + kPage);
      EXPECT_EQ(product(host), first_);
      if (HasFatalFailure()) return;
    }
  });
}

/// Windows are set while nothing runs; a lock holds through soft resets.
TEST_P(ProtectionTest, WindowsAreSetWhileIdleAndLockedForGood) {
  simulate([&](Host &host) {
    const uint32_t index = tail_;
    ring(host, {waiting(store(), SYSTOLE_TOKEN_ACC_FULL)});
    host.write32(SYSTOLE_REG_WRITE_LIMIT_LO, 0);
    EXPECT_EQ(host.read32(SYSTOLE_REG_WRITE_LIMIT_LO), 0xFFFFFFFFu);
    expect_error(host, SYSTOLE_ERROR_RING, index);

    const uint64_t page = results();
    set_window(host, true, page, page + kPage - 1);
    host.write32(SYSTOLE_REG_LOCK, SYSTOLE_LOCK_WINDOWS_MASK);
    for (unsigned round = 0; round < 2; ++round) {
      for (uint32_t offset = SYSTOLE_REG_READ_BASE_LO; offset < SYSTOLE_REG_LOCK; offset += 4) {
        const uint32_t before = host.read32(offset);
        EXPECT_THROW(host.write32(offset, ~before), platform::RunError) << offset;
        EXPECT_EQ(host.read32(offset), before) << offset;
      }
      host.write32(SYSTOLE_REG_LOCK, 0);
      EXPECT_EQ(host.read32(SYSTOLE_REG_LOCK), uint32_t{SYSTOLE_LOCK_WINDOWS_MASK});
      EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE}) << "a locked write is no error of the machine";
      const uint32_t at = tail_;
      ring(host, {store_rows(page, 1), store_rows(page + kPage, 1)});
      expect_window_error(host, at + 1, page + kPage);
      soft_reset(host);
    }
  });
}

std::vector<std::string> small_configs() {
  std::vector<std::string> small;
  for (const std::string &name : engine_configs())
    if (platform::find_config(name).rows * platform::find_config(name).cols <= 32) small.push_back(name);
  return small;
}

INSTANTIATE_TEST_SUITE_P(Rtl, ProtectionTest, testing::ValuesIn(small_configs()),
                         [](const auto &info) { return test_name(info.param); });

}  // namespace
}  // namespace systole::tb
