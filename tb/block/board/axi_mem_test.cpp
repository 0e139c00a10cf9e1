// SPDX-License-Identifier: Apache-2.0
// systole_axi_mem against an array of bytes: random bursts, strobes and stalls; bursts that it must refuse; throughput.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "Vaxi_mem_32.h"
#include "Vaxi_mem_64.h"
#include "tb/block/board/axi_bench.hpp"

namespace {

using namespace systole::board_bench;

template <typename Model, unsigned BUS, unsigned MEMORY>
struct Shape {
  using M = Model;
  static constexpr unsigned bus = BUS, memory = MEMORY;
};
template <typename T>
class AxiMemTest : public ::testing::Test {};
using Shapes = ::testing::Types<Shape<Vaxi_mem_64, 8, 4096>, Shape<Vaxi_mem_32, 4, 1024>>;
TYPED_TEST_SUITE(AxiMemTest, Shapes, );

struct Range {
  uint64_t begin, end;
  bool overlaps(const Range &o) const { return begin < o.end && o.begin < end; }
};

template <typename S>
class Bench {
 public:
  explicit Bench(uint64_t seed) : random(seed) {
    model.rst_ni = 0;
    for (int i = 0; i < 4; ++i) cycle();
    model.rst_ni = 1;
    reset_ = false;
  }
  AxiAddress burst(uint64_t addr, unsigned beats) {
    AxiAddress a;
    a.addr = addr;
    a.len = static_cast<uint8_t>(beats - 1);
    a.size = S::bus == 8 ? 3 : 2;
    return a;
  }
  /// By the specification alone.
  static bool legal(const AxiAddress &a) {
    return a.burst == 1 && a.size == (S::bus == 8 ? 3 : 2) &&
           a.addr / S::bus * S::bus + uint64_t{a.beats()} * S::bus <= S::memory;
  }
  static Range range(const AxiAddress &a) { return {a.addr / S::bus * S::bus, a.addr / S::bus * S::bus + a.beats() * S::bus}; }
  WriteBurst write(const AxiAddress &a) {
    WriteBurst w{a, {}, {}};
    for (unsigned i = 0; i < a.beats(); ++i) {
      Beat beat{};
      for (unsigned k = 0; k < S::bus; ++k) beat[k] = static_cast<uint8_t>(random());
      uint64_t strobe = random() % 3 ? (1U << S::bus) - 1 : random() & ((1U << S::bus) - 1);
      if (i == 0) strobe = strobe >> (a.addr % S::bus) << (a.addr % S::bus);
      w.data.push_back(beat);
      w.strobes.push_back(strobe);
    }
    return w;
  }
  void cycle() {
    const AxiMasterPins &m = reset_ ? idle_ : master.drive(random);
    model.s_arvalid_i = m.arvalid;
    model.s_araddr_i = static_cast<uint32_t>(m.ar.addr);
    model.s_arlen_i = m.ar.len;
    model.s_arsize_i = m.ar.size;
    model.s_arburst_i = m.ar.burst;
    model.s_awvalid_i = m.awvalid;
    model.s_awaddr_i = static_cast<uint32_t>(m.aw.addr);
    model.s_awlen_i = m.aw.len;
    model.s_awsize_i = m.aw.size;
    model.s_awburst_i = m.aw.burst;
    model.s_wvalid_i = m.wvalid;
    std::memcpy(&model.s_wdata_i, m.wdata.data(), S::bus);
    model.s_wstrb_i = static_cast<uint8_t>(m.wstrb);
    model.s_rready_i = m.rready;
    model.s_bready_i = m.bready;
    model.clk_i = 0;
    model.eval();
    AxiSlavePins s;
    s.arready = model.s_arready_o;
    s.awready = model.s_awready_o;
    s.wready = model.s_wready_o;
    s.rvalid = model.s_rvalid_o;
    s.rlast = model.s_rlast_o;
    s.rresp = model.s_rresp_o;
    std::memcpy(s.rdata.data(), &model.s_rdata_o, S::bus);
    s.bvalid = model.s_bvalid_o;
    s.bresp = model.s_bresp_o;
    if (!reset_) {
      if (!master.early) checker.check(m, s);  // of the core's subset: no W before its AW
      answers(m, s);
      const auto done = master.clock(s);
      if (done.read) asked.push_back(done.read_address);
      if (done.write) written.push_back(done.written);
    }
    model.clk_i = 1;
    model.eval();
    ++now;
  }
  void answers(const AxiMasterPins &m, const AxiSlavePins &s) {
    if (s.rvalid && m.rready) {
      ASSERT_FALSE(asked.empty()) << "R without a burst";
      const AxiAddress &a = asked.front();
      ASSERT_EQ(s.rresp, legal(a) ? 0 : 3) << std::hex << a.addr << " " << unsigned{a.len};
      ASSERT_EQ(s.rlast, beat == a.len);
      if (legal(a)) {
        for (unsigned k = 0; k < S::bus; ++k) {
          ASSERT_EQ(s.rdata[k], memory[range(a).begin + uint64_t{beat} * S::bus + k])
              << std::hex << a.addr << " beat " << beat << " byte " << k << " cycle " << std::dec << now;
        }
      }
      if (first_r == 0) first_r = now;
      last_r = now;
      ++beats_r;
      if (++beat > a.len) {
        beat = 0;
        asked.pop_front();
        ++bursts;
      }
    }
    if (s.bvalid && m.bready) {
      ASSERT_FALSE(written.empty()) << "B without a burst";
      const WriteBurst &w = written.front();
      ASSERT_EQ(s.bresp, legal(w.address) ? 0 : 3);
      if (legal(w.address)) {
        for (unsigned i = 0; i < w.data.size(); ++i) {
          for (unsigned k = 0; k < S::bus; ++k) {
            if (w.strobes[i] >> k & 1) memory[range(w.address).begin + uint64_t{i} * S::bus + k] = w.data[i][k];
          }
        }
      }
      last_b = now;
      beats_w += w.data.size();
      written.pop_front();
      ++bursts;
    }
  }
  bool quiet() const { return master.reads.empty() && master.writes.empty() && asked.empty() && written.empty(); }
  void finish() {
    // A wrong beat is not taken, so that nothing would end any more.
    for (unsigned i = 0; i < 200000 && !quiet() && !::testing::Test::HasFatalFailure(); ++i) cycle();
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(quiet()) << "hangs";
    for (int i = 0; i < 50; ++i) cycle();
    EXPECT_TRUE(checker.finish());
    EXPECT_EQ(broken(checker, {"AR_SUBSET", "AW_SUBSET", "AR_4K", "AW_4K", "R_RESP", "B_RESP", "AR_LIMIT", "AW_LIMIT"}), "");
  }
  /// Whether a burst of one direction may go while those of the other one are under way: what a read gets must be certain.
  bool free(const AxiAddress &a, bool read) const {
    const Range r = range(a);
    if (read) {
      for (const auto &w : master.writes)
        if (range(w.address).overlaps(r)) return false;
      for (const auto &w : written)
        if (range(w.address).overlaps(r)) return false;
    } else {
      for (const auto &other : master.reads)
        if (range(other).overlaps(r)) return false;
      for (const auto &other : asked)
        if (range(other).overlaps(r)) return false;
    }
    return true;
  }
  void fill() {
    for (unsigned at = 0; at < S::memory; at += 16 * S::bus) {
      auto w = write(burst(at, 16));
      for (auto &strobe : w.strobes) strobe = (1U << S::bus) - 1;
      master.writes.push_back(w);
    }
    finish();
  }

  std::mt19937_64 random;
  typename S::M model;
  Master master;
  systole::platform::AxiChecker checker{"memory", {S::bus, 32, 128, 128}};
  std::vector<uint8_t> memory = std::vector<uint8_t>(S::memory);
  std::deque<AxiAddress> asked;
  std::deque<WriteBurst> written;
  uint64_t now = 0, first_r = 0, last_r = 0, last_b = 0, beats_r = 0, beats_w = 0, bursts = 0;
  unsigned beat = 0;

 private:
  bool reset_ = true;
  AxiMasterPins idle_;
};

uint64_t seed() { return std::getenv("SYSTOLE_SEED") ? std::strtoull(std::getenv("SYSTOLE_SEED"), nullptr, 0) : 1; }

TYPED_TEST(AxiMemTest, KeepsRandomBurstsUnderRandomStalls) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed()));
  for (const bool early : {false, true}) {
    Bench<TypeParam> bench(seed());
    bench.master.early = early;
    bench.fill();
    for (unsigned round = 0; round < 12; ++round) {
      bench.master.valid_percent = round % 3 == 0 ? 100 : round % 3 == 1 ? 30 : 70;
      bench.master.ready_percent = round % 4 == 0 ? 100 : round % 4 == 1 ? 20 : 70;
      for (unsigned i = 0; i < 4000; ++i) {
        const bool read = bench.random() % 2;
        if (bench.random() % 4 == 0 && (read ? bench.master.reads.size() : bench.master.writes.size()) < 4) {
          const unsigned beats = 1 + static_cast<unsigned>(bench.random() % (bench.random() % 4 == 0 ? 64 : 6));
          AxiAddress a = bench.burst(bench.random() % TypeParam::memory, beats);
          switch (bench.random() % 20) {  // some that it must refuse
            case 0: a.addr = TypeParam::memory + bench.random() % 4096; break;
            case 1: a.addr = bench.random() & 0xFFFFFFFF; break;
            case 2: a.addr |= uint64_t{1} << (20 + bench.random() % 12); break;
            case 3: a.burst = static_cast<uint8_t>(bench.random() % 4); break;
            case 4: a.size = static_cast<uint8_t>(bench.random() % 8); break;
            case 5:
              a.addr = TypeParam::memory - (beats - bench.random() % 2) * TypeParam::bus;
              break;  // ends at the end, or a word beyond
            default: break;
          }
          if (read && bench.free(a, true)) bench.master.reads.push_back(a);
          if (!read && bench.free(a, false)) bench.master.writes.push_back(bench.write(a));
        }
        bench.cycle();
        ASSERT_FALSE(this->HasFatalFailure()) << "round " << round;
      }
      bench.finish();
      ASSERT_FALSE(this->HasFailure()) << "round " << round;
    }
    EXPECT_GT(bench.bursts, 1500U);
    for (unsigned at = 0; at < TypeParam::memory; at += 16 * TypeParam::bus) bench.master.reads.push_back(bench.burst(at, 16));
    bench.finish();
  }
}

TYPED_TEST(AxiMemTest, ReadsWhatWasWrittenAsSoonAsItIsAnswered) {
  Bench<TypeParam> bench(2);
  bench.fill();
  for (int i = 0; i < 200; ++i) {
    const AxiAddress a = bench.burst(bench.random() % (TypeParam::memory / 2), 1 + static_cast<unsigned>(bench.random() % 3));
    bench.master.writes.push_back(bench.write(a));
    while (!bench.quiet() && bench.now < 1000000 && !this->HasFatalFailure()) bench.cycle();
    bench.master.reads.push_back(a);  // in the cycle after B
    while (!bench.quiet() && bench.now < 1000000 && !this->HasFatalFailure()) bench.cycle();
    ASSERT_FALSE(this->HasFatalFailure());
  }
  bench.finish();
}

TYPED_TEST(AxiMemTest, MovesABeatACycleEachWayWithoutAGap) {
  for (const unsigned beats : {1U, 2U, 3U, 16U, 64U}) {
    Bench<TypeParam> bench(3);
    bench.fill();
    bench.first_r = bench.beats_r = bench.beats_w = 0;
    const uint64_t begin = bench.now;
    // Reads of the upper half, writes of the lower half, at the same time.
    for (unsigned i = 0; i < 40; ++i) {
      bench.master.reads.push_back(bench.burst(TypeParam::memory / 2, beats));
      bench.master.writes.push_back(bench.write(bench.burst(0, beats)));
    }
    while (!bench.quiet() && bench.now < 1000000 && !this->HasFatalFailure()) bench.cycle();
    EXPECT_EQ(bench.beats_r, 40 * beats);
    EXPECT_EQ(bench.last_r - bench.first_r + 1, 40 * beats) << "gaps between read beats of bursts of " << beats;
    EXPECT_EQ(bench.first_r - begin, 10U) << "cycles from an address to its first beat";
    // From the first address to the last response: the beats, and the way through.
    EXPECT_LE(bench.last_b - begin, 40 * beats + 8) << "gaps between write beats of bursts of " << beats;
    EXPECT_EQ(bench.beats_w, 40 * beats);
    bench.finish();
  }
}

}  // namespace
