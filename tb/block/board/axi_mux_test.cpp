// SPDX-License-Identifier: Apache-2.0
// systole_axi_mux: two random masters, an imagined slave that answers in order, the protocol's rules on all three ports. Addresses name the
// master and the burst, and data and responses follow from addresses, so that whatever goes astray is seen.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>

#include "Vaxi_mux_direct.h"
#include "Vaxi_mux_slices.h"
#include "tb/block/board/axi_bench.hpp"

namespace {

using namespace systole::board_bench;

constexpr unsigned BUS = 4;  // bytes

uint32_t data_of(uint64_t address) { return static_cast<uint32_t>((address + 1) * 2654435761U); }
uint8_t response_of(uint64_t address) {
  return static_cast<uint8_t>((address * 40503U) >> 9 & 3) == 1 ? 3 : (address >> 5 & 7) == 2 ? 2 : 0;
}

template <typename T>
class AxiMuxTest : public ::testing::Test {};
using Models = ::testing::Types<Vaxi_mux_slices, Vaxi_mux_direct>;
TYPED_TEST_SUITE(AxiMuxTest, Models, );

template <typename Model>
class Bench {
 public:
  explicit Bench(uint64_t seed, bool w_early = false) : random(seed), early(w_early) {
    for (auto &m : master) m.early = early;
    model.rst_ni = 0;
    for (int i = 0; i < 4; ++i) cycle();
    model.rst_ni = 1;
    reset_ = false;
  }
  AxiAddress burst(unsigned master, unsigned beats) {
    AxiAddress a;
    // Bit 31: the master; the rest: a burst of its own place.
    a.addr = uint64_t{master} << 31 | (next_[master]++ * 4096U & 0x7FFFFFFF);
    a.len = static_cast<uint8_t>(beats - 1);
    a.size = 2;
    return a;
  }
  void read(unsigned m, unsigned beats) { master[m].reads.push_back(burst(m, beats)); }
  void write(unsigned m, unsigned beats) {
    WriteBurst w{burst(m, beats), {}, {}};
    for (unsigned i = 0; i < beats; ++i) {
      Beat beat{};
      const uint32_t data = data_of(w.address.addr + uint64_t{i} * BUS);
      std::memcpy(beat.data(), &data, BUS);
      w.data.push_back(beat);
      w.strobes.push_back(data >> 7 & 15);
    }
    master[m].writes.push_back(w);
  }
  void cycle() {
    std::array<AxiMasterPins, 2> m;
    if (!reset_) m = {master[0].drive(random), master[1].drive(random)};
    const auto both = [&](auto get, unsigned bits) {
      return static_cast<uint64_t>(get(m[0])) | static_cast<uint64_t>(get(m[1])) << bits;
    };
    model.s_arvalid_i = static_cast<uint8_t>(both([](auto &p) { return p.arvalid; }, 1));
    model.s_araddr_i = both([](auto &p) { return p.ar.addr & 0xFFFFFFFF; }, 32);
    model.s_arlen_i = static_cast<uint16_t>(both([](auto &p) { return p.ar.len; }, 8));
    model.s_arsize_i = static_cast<uint8_t>(both([](auto &p) { return p.ar.size; }, 3));
    model.s_arburst_i = static_cast<uint8_t>(both([](auto &p) { return p.ar.burst; }, 2));
    model.s_awvalid_i = static_cast<uint8_t>(both([](auto &p) { return p.awvalid; }, 1));
    model.s_awaddr_i = both([](auto &p) { return p.aw.addr & 0xFFFFFFFF; }, 32);
    model.s_awlen_i = static_cast<uint16_t>(both([](auto &p) { return p.aw.len; }, 8));
    model.s_awsize_i = static_cast<uint8_t>(both([](auto &p) { return p.aw.size; }, 3));
    model.s_awburst_i = static_cast<uint8_t>(both([](auto &p) { return p.aw.burst; }, 2));
    model.s_wvalid_i = static_cast<uint8_t>(both([](auto &p) { return p.wvalid; }, 1));
    model.s_wlast_i = static_cast<uint8_t>(both([](auto &p) { return p.wlast; }, 1));
    model.s_wstrb_i = static_cast<uint8_t>(both([](auto &p) { return p.wstrb; }, 4));
    model.s_wdata_i = both(
        [](auto &p) {
          uint32_t data;
          std::memcpy(&data, p.wdata.data(), BUS);
          return data;
        },
        32);
    model.s_rready_i = static_cast<uint8_t>(both([](auto &p) { return p.rready; }, 1));
    model.s_bready_i = static_cast<uint8_t>(both([](auto &p) { return p.bready; }, 1));

    // The slave: each answer stays until it is taken.
    AxiSlavePins s;
    if (!reset_) {
      s.arready = chance(random, slave_percent) && slave_reads.size() < 12;
      s.awready = chance(random, slave_percent) && slave_writes.size() < 12;
      s.wready = chance(random, slave_percent);
      r_valid_ = r_valid_ || (!slave_reads.empty() && chance(random, slave_percent));
      b_valid_ = b_valid_ || (!slave_answers.empty() && chance(random, slave_percent));
    }
    s.rvalid = r_valid_;
    s.bvalid = b_valid_;
    if (r_valid_) {
      const uint64_t address = slave_reads.front().addr + uint64_t{r_beat_} * BUS;
      const uint32_t data = data_of(address);
      std::memcpy(s.rdata.data(), &data, BUS);
      s.rresp = response_of(address);
      s.rlast = r_beat_ == slave_reads.front().len;
    }
    if (b_valid_) s.bresp = response_of(slave_answers.front());
    model.m_arready_i = s.arready;
    model.m_awready_i = s.awready;
    model.m_wready_i = s.wready;
    model.m_rvalid_i = s.rvalid;
    model.m_rlast_i = s.rlast;
    model.m_rresp_i = s.rresp;
    std::memcpy(&model.m_rdata_i, s.rdata.data(), BUS);
    model.m_bvalid_i = s.bvalid;
    model.m_bresp_i = s.bresp;
    model.clk_i = 0;
    model.eval();

    // The slave's port as the mux drives it.
    AxiMasterPins out;
    out.arvalid = model.m_arvalid_o;
    out.ar.addr = model.m_araddr_o;
    out.ar.len = model.m_arlen_o;
    out.ar.size = model.m_arsize_o;
    out.ar.burst = model.m_arburst_o;
    out.awvalid = model.m_awvalid_o;
    out.aw.addr = model.m_awaddr_o;
    out.aw.len = model.m_awlen_o;
    out.aw.size = model.m_awsize_o;
    out.aw.burst = model.m_awburst_o;
    out.wvalid = model.m_wvalid_o;
    out.wlast = model.m_wlast_o;
    out.wstrb = model.m_wstrb_o;
    std::memcpy(out.wdata.data(), &model.m_wdata_o, BUS);
    out.rready = model.m_rready_o;
    out.bready = model.m_bready_o;

    if (!reset_) {
      checker[2].check(out, s);
      at_slave(out, s);
      for (unsigned i = 0; i < 2; ++i) {
        AxiSlavePins p;
        p.arready = model.s_arready_o >> i & 1;
        p.awready = model.s_awready_o >> i & 1;
        p.wready = model.s_wready_o >> i & 1;
        p.rvalid = model.s_rvalid_o >> i & 1;
        p.rlast = model.s_rlast_o >> i & 1;
        p.rresp = model.s_rresp_o >> (2 * i) & 3;
        const auto data = static_cast<uint32_t>(model.s_rdata_o >> (32 * i));
        std::memcpy(p.rdata.data(), &data, BUS);
        p.bvalid = model.s_bvalid_o >> i & 1;
        p.bresp = model.s_bresp_o >> (2 * i) & 3;
        if (!early) checker[i].check(m[i], p);  // of the core's subset: no W before its AW
        at_master(i, m[i], p);
      }
    }
    model.clk_i = 1;
    model.eval();
  }
  void at_slave(const AxiMasterPins &out, const AxiSlavePins &s) {
    if (s.rvalid && out.rready) {
      r_valid_ = false;
      if (r_beat_++ == slave_reads.front().len) {
        r_beat_ = 0;
        slave_reads.pop_front();
      }
    }
    if (s.bvalid && out.bready) {
      b_valid_ = false;
      slave_answers.pop_front();
    }
    if (out.arvalid && s.arready) {
      slave_reads.push_back(out.ar);
      order.push_back(static_cast<int>(out.ar.addr >> 31));
    }
    if (out.awvalid && s.awready) slave_writes.push_back(out.aw);
    if (out.wvalid && s.wready) {
      ASSERT_FALSE(slave_writes.empty()) << "W before its AW";
      const AxiAddress &a = slave_writes.front();
      uint32_t data;
      std::memcpy(&data, out.wdata.data(), BUS);
      ASSERT_EQ(data, data_of(a.addr + uint64_t{w_beat_} * BUS)) << "beat " << w_beat_ << " of " << std::hex << a.addr;
      ASSERT_EQ(out.wstrb, data >> 7 & 15);
      ASSERT_EQ(out.wlast, w_beat_ == a.len);
      if (w_beat_++ == a.len) {
        w_beat_ = 0;
        slave_answers.push_back(a.addr);
        slave_writes.pop_front();
      }
    }
  }
  void at_master(unsigned i, const AxiMasterPins &m, const AxiSlavePins &p) {
    if (p.rvalid && m.rready) {
      ASSERT_FALSE(asked[i].empty()) << "R for master " << i << " without a burst";
      const AxiAddress &a = asked[i].front();
      const uint64_t address = a.addr + uint64_t{beat[i]} * BUS;
      uint32_t data;
      std::memcpy(&data, p.rdata.data(), BUS);
      ASSERT_EQ(data, data_of(address)) << "master " << i;
      ASSERT_EQ(p.rresp, response_of(address));
      ASSERT_EQ(p.rlast, beat[i] == a.len);
      if (beat[i]++ == a.len) {
        beat[i] = 0;
        asked[i].pop_front();
        ++bursts[i];
      }
    }
    if (p.bvalid && m.bready) {
      ASSERT_FALSE(written[i].empty()) << "B for master " << i << " without a burst";
      ASSERT_EQ(p.bresp, response_of(written[i].front())) << "master " << i;
      written[i].pop_front();
      ++bursts[i];
    }
    auto done = master[i].clock(p);
    if (done.read) asked[i].push_back(done.read_address);
    if (done.write) written[i].push_back(done.written.address.addr);
  }
  bool quiet() const {
    for (unsigned i = 0; i < 2; ++i) {
      if (!master[i].reads.empty() || !master[i].writes.empty() || !asked[i].empty() || !written[i].empty()) return false;
    }
    return slave_reads.empty() && slave_writes.empty() && slave_answers.empty();
  }
  void finish() {
    // A wrong beat is not taken, so that nothing would end any more.
    for (unsigned i = 0; i < 100000 && !quiet() && !::testing::Test::HasFatalFailure(); ++i) cycle();
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(quiet()) << "hangs";
    for (int i = 0; i < 20; ++i) cycle();
    for (auto &c : checker) {
      EXPECT_TRUE(c.finish());
      EXPECT_EQ(broken(c, {"R_RESP", "B_RESP", "AR_LIMIT", "AW_LIMIT"}), "");
    }
  }

  std::mt19937_64 random;
  bool early;
  Model model;
  std::array<Master, 2> master;
  std::array<systole::platform::AxiChecker, 3> checker{systole::platform::AxiChecker("master 0", {BUS, 32, 128, 128}),
                                                       systole::platform::AxiChecker("master 1", {BUS, 32, 128, 128}),
                                                       systole::platform::AxiChecker("slave", {BUS, 32, 128, 128})};
  unsigned slave_percent = 100;
  std::deque<AxiAddress> slave_reads, slave_writes;
  std::deque<uint64_t> slave_answers;
  std::array<std::deque<AxiAddress>, 2> asked;
  std::array<std::deque<uint64_t>, 2> written;
  std::array<unsigned, 2> beat{}, bursts{};
  std::vector<int> order;  // whose reads the slave got

 private:
  bool reset_ = true, r_valid_ = false, b_valid_ = false;
  unsigned r_beat_ = 0, w_beat_ = 0;
  std::array<uint32_t, 2> next_{};
};

uint64_t seed() { return std::getenv("SYSTOLE_SEED") ? std::strtoull(std::getenv("SYSTOLE_SEED"), nullptr, 0) : 1; }

TYPED_TEST(AxiMuxTest, LosesDoublesAndMixesNothing) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed()));
  for (const bool early : {false, true}) {
    Bench<TypeParam> bench(seed(), early);
    const unsigned percents[] = {100, 15, 60};
    for (unsigned round = 0; round < 27; ++round) {
      for (auto &m : bench.master) {
        m.valid_percent = percents[round % 3];
        m.ready_percent = percents[round / 3 % 3];
      }
      bench.slave_percent = percents[round / 9];
      for (unsigned i = 0; i < 1500; ++i) {
        for (unsigned m = 0; m < 2; ++m) {
          const auto beats = [&] { return 1 + static_cast<unsigned>(bench.random() % (bench.random() % 8 == 0 ? 256 : 5)); };
          if (bench.random() % 4 == 0 && bench.master[m].reads.size() < 5) bench.read(m, beats());
          if (bench.random() % 4 == 0 && bench.master[m].writes.size() < 5) bench.write(m, beats());
        }
        bench.cycle();
        ASSERT_FALSE(this->HasFatalFailure()) << "round " << round;
      }
      bench.finish();
      ASSERT_FALSE(this->HasFailure()) << "round " << round;
    }
    EXPECT_GT(bench.bursts[0], 1000U);
    EXPECT_GT(bench.bursts[1], 1000U);
  }
}

TYPED_TEST(AxiMuxTest, TakesTurnsWhenBothAsk) {
  Bench<TypeParam> bench(2);
  for (int i = 0; i < 200; ++i) {
    bench.read(0, 4);
    bench.read(1, 4);
  }
  bench.finish();
  ASSERT_EQ(bench.order.size(), 400U);
  for (size_t i = 4; i < 396; ++i) ASSERT_NE(bench.order[i], bench.order[i - 1]) << i;
}

TYPED_TEST(AxiMuxTest, OneMasterAloneGetsABeatACycle) {
  for (unsigned m = 0; m < 2; ++m) {
    Bench<TypeParam> bench(3);
    for (int i = 0; i < 50; ++i) {
      bench.read(m, 8);
      bench.write(m, 8);
    }
    unsigned cycles = 0;
    while (!bench.quiet() && cycles < 10000 && !this->HasFatalFailure()) {
      bench.cycle();
      ++cycles;
    }
    EXPECT_LE(cycles, 50U * 8 + 12);
  }
}

}  // namespace
