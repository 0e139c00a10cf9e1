// SPDX-License-Identifier: Apache-2.0
// Every error of the whole machine, and resets at any moment: what the registers say, and that a soft reset brings the machine back.
#include <gtest/gtest.h>

#include "tb/system/error_bench.hpp"

namespace systole::tb {
namespace {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ErrorTest);  // binaries of large configurations

/// Records that control refuses, and commands that engines find wrong while they execute them, each behind a good one.
TEST_P(ErrorTest, AWrongRecordIsNamedAndASoftResetBringsTheMachineBack) {
  struct Case {
    const char *name;
    uint32_t code;
    Record record;
  };
  std::vector<Case> cases;
  const auto add = [&cases](const char *name, uint32_t code, Record record, unsigned word, unsigned lsb, unsigned width,
                            uint32_t value) {
    put(record, word, lsb, width, value);
    cases.push_back({name, code, record});
  };
  const Record fine = load(SYSTOLE_DEST_ACT, regions_.data, config().word_bytes());
  const auto acc = [this] {
    Record record = store();
    put(record, FIELD(SYSTOLE_STORE_OUT_DTYPE), SYSTOLE_DTYPE_S8);
    put(record, FIELD(SYSTOLE_STORE_CLAMP_MAX), 100);
    put(record, FIELD(SYSTOLE_STORE_PER_COLUMN), 1);
    put(record, FIELD(SYSTOLE_STORE_REQUANT), SYSTOLE_REQUANT_FLOAT);
    return record;
  };
  add("opcode", SYSTOLE_ERROR_OPCODE, fine, FIELD(SYSTOLE_CMD_OPCODE), 77);
  add("version", SYSTOLE_ERROR_VERSION, fine, FIELD(SYSTOLE_CMD_VERSION), 9);
  add("accelerator", SYSTOLE_ERROR_VERSION, fine, FIELD(SYSTOLE_CMD_ACCEL_ID), 5);
  add("reserved", SYSTOLE_ERROR_RESERVED_FIELD, fine, 15, 0, 32, 1);
  add("field", SYSTOLE_ERROR_FIELD, fine, FIELD(SYSTOLE_LOAD_LENGTH), 0);
  add("address", SYSTOLE_ERROR_RANGE, fine, FIELD(SYSTOLE_LOAD_ADDRESS_HI), 0x80000000);
  add("load leaves its buffer", SYSTOLE_ERROR_RANGE, load(SYSTOLE_DEST_ACT, regions_.data, 3 * config().word_bytes()),
      FIELD(SYSTOLE_LOAD_DST), config().act_words() - 1);
  add("activations leave their buffer", SYSTOLE_ERROR_RANGE, waiting(matmul(), 0), FIELD(SYSTOLE_MATMUL_ACT_M0_STRIDE), 0x7FFF);
  put(cases.back().record, FIELD(SYSTOLE_MATMUL_M0), 3);
  add("store leaves the accumulators", SYSTOLE_ERROR_RANGE, store(), FIELD(SYSTOLE_STORE_ACC), 2 * config().acc_rows - 1);
  put(cases.back().record, FIELD(SYSTOLE_STORE_M0), 3);
  put(cases.back().record, FIELD(SYSTOLE_STORE_PITCH0), 4 * config().cols);
  add("parameter", SYSTOLE_ERROR_PARAM, acc(), FIELD(SYSTOLE_STORE_PARAM), 1);

  // A bank whose second entry is no legal scale.
  std::memset(memory_->at(regions_.scales + 4 * config().cols, 4 * config().cols), 0xFF, 4 * config().cols);
  Record scales = load(SYSTOLE_DEST_PARAM, regions_.scales, 4 * config().cols * 2);
  put(scales, FIELD(SYSTOLE_LOAD_BANK), SYSTOLE_BANK_SCALE);
  simulate([&](Host &host) {
    for (const Case &c : cases) {
      SCOPED_TRACE(c.name);
      Record bad = c.record;
      Record before = scales;
      put(before, FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_PARAM_FULL);
      if (c.code == SYSTOLE_ERROR_PARAM) put(bad, FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_PARAM_FULL);
      const uint32_t index = tail_ + 1;
      ring(host, {before, bad, fine});
      expect_error(host, c.code, index);
      if (HasFatalFailure()) return;
    }
  });
}

/// Each token is given until its counter would overflow.
TEST_P(ErrorTest, TooManyTokensAreAnError) {
  simulate([&](Host &host) {
    for (unsigned token = 0; token < 8; ++token) {
      SCOPED_TRACE("token " + std::to_string(token));
      const uint32_t bit = 1u << token;
      Record giver = (SYSTOLE_LOAD_GIVES & bit) != 0      ? load(SYSTOLE_DEST_ACT, regions_.data, config().word_bytes())
                     : (SYSTOLE_COMPUTE_GIVES & bit) != 0 ? matmul()
                                                          : store();
      put(giver, FIELD(SYSTOLE_CMD_GIVE), bit);
      soft_reset(host);
      ring(host, std::vector<Record>(16, giver));
      host.idle();
      EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_TOKEN});
      expect_recovery(host);
      if (HasFatalFailure()) return;
    }
  });
}

/// Takers that are late by a cycle more each time, or tokens that are, so that now and then one is taken in the very cycle in which the next is
/// given: none is lost or doubled, since 15 more fit and a sixteenth does not.
TEST_P(ErrorTest, ATokenGivenAndTakenAtOnceIsOneToken) {
  enum Engine { kLoad, kCompute, kStore };
  constexpr uint32_t kTakes[] = {SYSTOLE_LOAD_TAKES, SYSTOLE_COMPUTE_TAKES, SYSTOLE_STORE_TAKES};
  constexpr uint32_t kGives[] = {SYSTOLE_LOAD_GIVES, SYSTOLE_COMPUTE_GIVES, SYSTOLE_STORE_GIVES};
  const auto engine_of = [](uint32_t bit, const uint32_t(&sets)[3]) {
    return (sets[kLoad] & bit) != 0 ? kLoad : (sets[kCompute] & bit) != 0 ? kCompute : kStore;
  };
  const Record commands[] = {load(SYSTOLE_DEST_ACT, regions_.data, config().word_bytes()), matmul(), store()};
  simulate([&](Host &host) {
    for (unsigned token = 0; token < 8; ++token) {
      const uint32_t bit = 1u << token;
      const Engine gives = engine_of(bit, kGives), takes = engine_of(bit, kTakes);
      const Record filler = commands[takes];
      Record giver = commands[gives], taker = filler, delay = filler, pacer = matmul();
      put(giver, FIELD(SYSTOLE_CMD_GIVE), bit);
      put(taker, FIELD(SYSTOLE_CMD_WAIT), bit);
      for (unsigned late = 1; late < 120; ++late) {
        SCOPED_TRACE("token " + std::to_string(token) + ", " + std::to_string(late));
        Record second = giver;
        std::vector<Record> records = {giver, delay, filler, taker};
        if (takes ==
            kLoad) {  // bursts take the memory's time: what comes to the cycle is a MATMUL's rows, in the giver or before it
          put(records[1], FIELD(SYSTOLE_LOAD_LENGTH), 1);
          put(records[1], FIELD(SYSTOLE_LOAD_COUNT1), 60);
          put(records[1], FIELD(SYSTOLE_LOAD_PITCH1), 128);
          put(gives == kCompute ? second : pacer, FIELD(SYSTOLE_MATMUL_M0), late);
          if (gives == kStore) {
            put(pacer, FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_ACC_FULL);
            put(second, FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_ACC_FULL);
            records.push_back(pacer);
          }
        } else if (takes == kCompute) {
          put(records[1], FIELD(SYSTOLE_MATMUL_M0), late);
        } else {
          put(records[1], FIELD(SYSTOLE_STORE_M0), late);
          put(records[1], FIELD(SYSTOLE_STORE_PITCH0), 256);
        }
        records.push_back(second);
        records.push_back(taker);
        put(records.back(), FIELD(SYSTOLE_CMD_IRQ), 1);
        ring(host, records);
        host.idle();
        ASSERT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
        host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
      }
      std::vector<Record> records(15, giver);
      put(records.back(), FIELD(SYSTOLE_CMD_IRQ), 1);
      ring(host, records);
      host.idle();
      ASSERT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
      host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
      ring(host, {giver});
      host.idle();
      EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_TOKEN});
      expect_recovery(host);
      if (HasFatalFailure()) return;
    }
  });
}

/// A command for whose token nobody is there: the watchdog ends it, and only that.
TEST_P(ErrorTest, TheWatchdogEndsACommandThatWaitsForEver) {
  simulate([&](Host &host) {
    host.write32(SYSTOLE_REG_WATCHDOG, 2000);
    EXPECT_EQ(product(host), first_);
    const std::pair<Record, uint32_t> stuck[] = {{load(SYSTOLE_DEST_ACT, regions_.data, 8), SYSTOLE_TOKEN_ACT_FREE},
                                                 {load(SYSTOLE_DEST_WGT, regions_.data, 8), SYSTOLE_TOKEN_WGT_FREE},
                                                 {load(SYSTOLE_DEST_ACT, regions_.data, 8), SYSTOLE_TOKEN_MEM_DONE},
                                                 {matmul(), SYSTOLE_TOKEN_ACT_FULL},
                                                 {matmul(), SYSTOLE_TOKEN_WGT_FULL},
                                                 {matmul(), SYSTOLE_TOKEN_ACC_FREE},
                                                 {store(), SYSTOLE_TOKEN_ACC_FULL},
                                                 {store(), SYSTOLE_TOKEN_PARAM_FULL}};
    for (const auto &[record, token] : stuck) {
      SCOPED_TRACE("token " + std::to_string(token));
      const uint32_t index = tail_ + 1;
      ring(host, {store(), waiting(record, token), store()});
      expect_error(host, SYSTOLE_ERROR_WATCHDOG, index);
      if (HasFatalFailure()) return;
    }
  });
}

/// The doorbell beyond the ring's end, and the ring moved while the machine is busy.
TEST_P(ErrorTest, MisuseOfTheRingIsAnError) {
  simulate([&](Host &host) {
    const Record stuck = waiting(store(), SYSTOLE_TOKEN_ACC_FULL);
    const std::pair<uint32_t, uint32_t> writes[] = {
        {SYSTOLE_REG_RING_TAIL, 1000}, {SYSTOLE_REG_RING_SIZE, 3}, {SYSTOLE_REG_RING_BASE_LO, 64}};
    for (const auto &[offset, value] : writes) {
      SCOPED_TRACE("register " + std::to_string(offset));
      const uint32_t index = tail_;
      ring(host, {stuck});
      host.write32(offset, value);
      expect_error(host, SYSTOLE_ERROR_RING, index);
      if (HasFatalFailure()) return;
    }
  });
}

/// An error response at a burst's first, middle, last and only beat, of each kind, on fetch, load and store.
TEST_P(ErrorTest, AnErrorResponseAtAnyBeatIsReported) {
  const uint32_t bus = config().axi_bytes();
  const uint64_t data = (regions_.data + 4095) & ~uint64_t{4095};
  const std::vector<std::pair<unsigned, unsigned>> places = {{0, 1}, {0, 8}, {3, 8}, {7, 8}};  // beat, of beats
  simulate([&](Host &host) {
    for (const platform::Resp response : {platform::RESP_SLVERR, platform::RESP_DECERR}) {
      for (const auto &[beat, beats] : places) {
        SCOPED_TRACE("response " + std::to_string(response) + ", beat " + std::to_string(beat) + " of " + std::to_string(beats));
        rtl_->port().inject(data + beat * bus, data + beat * bus, response, true, false);
        const uint32_t index = tail_;
        ring(host, {load(SYSTOLE_DEST_WGT, data, beats * bus), store()});
        expect_error(host, SYSTOLE_ERROR_AXI_LOAD, index);
      }
      for (const uint32_t byte : {0u, 30u, 63u}) {
        SCOPED_TRACE("response " + std::to_string(response) + ", byte " + std::to_string(byte) + " of a record");
        const uint64_t slot = kBase + SYSTOLE_COMMAND_BYTES * ((tail_ + 1) % entries_);
        rtl_->port().inject(slot + byte, slot + byte, response, true, false);
        const uint32_t index = tail_ + 1;
        ring(host, {store(), store(), store()});
        expect_error(host, SYSTOLE_ERROR_AXI_FETCH, index);
      }
      SCOPED_TRACE("response " + std::to_string(response) + " to a store");
      rtl_->port().inject(regions_.results, regions_.results, response, false, true);
      const uint32_t index = tail_;
      ring(host, {store(), store()});
      expect_error(host, SYSTOLE_ERROR_AXI_STORE, index);
      if (HasFatalFailure()) return;
    }
  });
}

/// A soft reset at some moment of a busy machine, with the memory slow so that bursts are under way.
TEST_P(ErrorTest, ASoftResetAtAnyMomentLeavesNothingBehind) {
  constexpr RawRing::Kind kKinds[] = {RawRing::Kind::mixed, RawRing::Kind::traffic, RawRing::Kind::same_rows,
                                      RawRing::Kind::stores};
  RawRing raw(config(), regions_, random_());
  simulate([&](Host &host) {
    ring(host, raw.prologue());
    host.idle();
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    for (unsigned i = 0; i < 24; ++i) {
      SCOPED_TRACE("reset " + std::to_string(i));
      platform::MemoryTiming memory;
      memory.latency = 1 + random_() % 60;
      while (!rtl_->port().quiet()) host.read32(SYSTOLE_REG_STATUS);
      rtl_->port().set_timing(memory);
      ring(host, raw.program(kKinds[i % 4], 4000, 10, 0.1, {}));
      for (uint64_t wait = random_() % 120; wait > 0; --wait) host.read32(SYSTOLE_REG_STATUS);
      expect_recovery(host);
      if (HasFatalFailure()) return;
    }
  });
}

/// Records announced while the machine is switched off wait; one switched off in between goes on where it stopped.
TEST_P(ErrorTest, TheMachineStopsWhileItIsSwitchedOff) {
  simulate([&](Host &host) {
    host.write32(SYSTOLE_REG_CTRL, 0);
    Record last = store();
    put(last, FIELD(SYSTOLE_CMD_IRQ), 1);
    ring(host, {store(), last});
    for (unsigned i = 0; i < 50; ++i) EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), tail_ - 2);
    host.write32(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), tail_);
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    EXPECT_EQ(product(host), first_);
  });
}

/// A ring of one record: each doorbell goes round it.
TEST_P(ErrorTest, ARingOfOneRecordGoesRound) {
  simulate([&](Host &host) {
    soft_reset(host);
    set_up(host, 0);
    for (unsigned i = 0; i < 5; ++i) {
      Record record = store();
      put(record, FIELD(SYSTOLE_CMD_IRQ), 1);
      ring(host, {record});
      host.idle();
      EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), i + 1);
      host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    }
    soft_reset(host);
    set_up(host, kEntriesLog2);
    EXPECT_EQ(product(host), first_);
  });
}

/// What errors and resets meet is the same in larger machines, which only take longer.
std::vector<std::string> small_configs() {
  std::vector<std::string> small;
  for (const std::string &name : engine_configs())
    if (platform::find_config(name).rows * platform::find_config(name).cols <= 64) small.push_back(name);
  return small;
}

INSTANTIATE_TEST_SUITE_P(Rtl, ErrorTest, testing::ValuesIn(small_configs()),
                         [](const auto &info) { return test_name(info.param); });

}  // namespace
}  // namespace systole::tb
