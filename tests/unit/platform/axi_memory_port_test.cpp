// SPDX-License-Identifier: Apache-2.0
// The memory port's timing, to the cycle, against docs/memory_model.md.
#include "sim/platform/axi_memory_port.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <stdexcept>
#include <vector>

#include "sim/platform/axi_checker.hpp"

namespace systole::platform {
namespace {

constexpr uint64_t BASE = 0x10000;

/// 64 KiB of memory.
class TestMemory final : public MemoryBackend {
 public:
  TestMemory() {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  }
  Resp read(uint64_t address, size_t length, uint8_t *data) override {
    if (address < BASE || address + length > BASE + bytes.size()) return RESP_DECERR;
    std::memcpy(data, &bytes[address - BASE], length);
    return RESP_OKAY;
  }
  Resp write(uint64_t address, size_t length, const uint8_t *data, const uint8_t *enable) override {
    if (address < BASE || address + length > BASE + bytes.size()) return RESP_DECERR;
    for (size_t i = 0; i < length; ++i)
      if (enable[i] != 0) bytes[address - BASE + i] = data[i];
    return RESP_OKAY;
  }
  std::vector<uint8_t> bytes = std::vector<uint8_t>(65536);
};

AxiAddress burst(uint64_t addr, unsigned beats, unsigned bus_bytes) {
  AxiAddress address;
  address.addr = addr;
  address.len = static_cast<uint8_t>(beats - 1);
  while ((1u << address.size) < bus_bytes) ++address.size;
  return address;
}

/// A port and its checker, one cycle at a time; `master` is driven by the test.
struct Bench {
  explicit Bench(unsigned bus, MemoryTiming timing = {})
      : bus_bytes(bus), port(bus, timing, memory), checker("m_axi", rules(bus)) {
    master.rready = master.bready = true;
  }
  static AxiRules rules(unsigned bus) {
    AxiRules rules;
    rules.bus_bytes = bus;
    rules.max_reads = rules.max_writes = 64;
    return rules;
  }
  /// One cycle; afterwards `slave` holds what the slave drove in it.
  void step() {
    slave = port.drive();
    EXPECT_TRUE(checker.check(master, slave)) << checker.report();
    port.clock(master);
  }
  uint64_t now() const { return port.cycle(); }

  unsigned bus_bytes;
  TestMemory memory;
  AxiMemoryPort port;
  AxiChecker checker;
  AxiMasterPins master;
  AxiSlavePins slave;
};

MemoryTiming timing(unsigned latency, unsigned bytes, unsigned outstanding) {
  MemoryTiming t;
  t.latency = latency;
  t.bytes_per_cycle = bytes;
  t.outstanding = outstanding;
  return t;
}

/// Issues the AR of one burst now and returns the cycles in which its beats came.
std::vector<uint64_t> read_beats(Bench &bench, const AxiAddress &address) {
  bench.master.arvalid = true;
  bench.master.ar = address;
  std::vector<uint64_t> cycles;
  while (cycles.size() < address.beats()) {
    const uint64_t cycle = bench.now();
    bench.step();
    if (bench.master.arvalid && bench.slave.arready) bench.master.arvalid = false;
    if (bench.slave.rvalid) cycles.push_back(cycle);
    if (bench.now() > 10000) break;
  }
  return cycles;
}

class LatencyTest : public testing::TestWithParam<unsigned> {};

TEST_P(LatencyTest, FirstReadDataComeExactlyLatencyAfterTheAddress) {
  Bench bench(16, timing(GetParam(), 16, 16));
  for (unsigned i = 0; i < 5; ++i) bench.step();
  const uint64_t asked = bench.now();
  const std::vector<uint64_t> cycles = read_beats(bench, burst(BASE, 3, 16));
  ASSERT_EQ(cycles.size(), 3u);
  for (unsigned beat = 0; beat < 3; ++beat) EXPECT_EQ(cycles[beat], asked + GetParam() + beat);
}

TEST_P(LatencyTest, ResponseComesExactlyLatencyAfterTheLastData) {
  Bench bench(16, timing(GetParam(), 16, 16));
  bench.master.awvalid = true;
  bench.master.aw = burst(BASE, 2, 16);
  bench.step();
  bench.master.awvalid = false;
  bench.master.wvalid = true;
  bench.master.wstrb = 0xFFFF;
  bench.step();
  bench.master.wlast = true;
  const uint64_t last = bench.now();
  bench.step();
  ASSERT_TRUE(bench.slave.wready);
  bench.master.wvalid = false;
  while (!bench.slave.bvalid && bench.now() < 1000) bench.step();
  EXPECT_EQ(bench.now() - 1, last + GetParam());
}

INSTANTIATE_TEST_SUITE_P(Port, LatencyTest, testing::Values(1, 2, 3, 40, 200));

TEST(AxiMemoryPortTest, BurstsFollowEachOtherWithoutAGap) {
  Bench bench(16, timing(10, 16, 16));
  std::vector<uint64_t> cycles;
  unsigned asked = 0;
  while (cycles.size() < 16 && bench.now() < 1000) {
    bench.master.arvalid = asked < 4;
    bench.master.ar = burst(BASE + 64 * asked, 4, 16);
    const uint64_t cycle = bench.now();
    bench.step();
    if (bench.master.arvalid) {
      EXPECT_TRUE(bench.slave.arready);  // one address a cycle
      ++asked;
    }
    if (bench.slave.rvalid) cycles.push_back(cycle);
  }
  for (unsigned beat = 0; beat < 16; ++beat) EXPECT_EQ(cycles.at(beat), 10u + beat);
}

TEST(AxiMemoryPortTest, ASlotIsFreeInTheCycleAfterTheLastData) {
  Bench bench(16, timing(5, 16, 2));
  bench.master.arvalid = true;
  std::vector<uint64_t> taken, last;
  for (unsigned i = 0; i < 40; ++i) {
    bench.master.ar = burst(BASE + 32 * taken.size(), 2, 16);
    const uint64_t cycle = bench.now();
    bench.step();
    if (bench.slave.arready) taken.push_back(cycle);
    if (bench.slave.rvalid && bench.slave.rlast) last.push_back(cycle);
  }
  // 0 and 1 fill both slots; each later burst is taken one cycle after an earlier one's last data.
  EXPECT_EQ(taken.at(0), 0u);
  EXPECT_EQ(taken.at(1), 1u);
  EXPECT_EQ(last.at(0), 6u);
  for (unsigned i = 2; i < 6; ++i) EXPECT_EQ(taken.at(i), last.at(i - 2) + 1);
}

TEST(AxiMemoryPortTest, AWriteSlotIsFreeInTheCycleAfterItsResponse) {
  Bench bench(16, timing(5, 16, 1));
  bench.master.awvalid = true;
  bench.master.aw = burst(BASE, 1, 16);
  bench.master.wlast = true;
  std::vector<uint64_t> taken, answered;
  unsigned owed = 0;
  for (unsigned i = 0; i < 30; ++i) {
    bench.master.wvalid = owed > 0;
    const uint64_t cycle = bench.now();
    bench.step();
    if (bench.master.wvalid && bench.slave.wready) --owed;
    if (bench.slave.awready) {
      taken.push_back(cycle);
      ++owed;
    }
    if (bench.slave.bvalid) answered.push_back(cycle);
  }
  EXPECT_EQ(taken.at(0), 0u);
  EXPECT_EQ(answered.at(0), 6u);  // data in cycle 1
  EXPECT_EQ(taken.at(1), 7u);
}

/// Cycles of the beats of one long burst, relative to the first, for a rate and a bus width.
std::vector<uint64_t> beat_cycles(unsigned bus, unsigned rate) {
  Bench bench(bus, timing(7, rate, 16));
  std::vector<uint64_t> cycles = read_beats(bench, burst(BASE, 6, bus));
  const uint64_t first = cycles.empty() ? 0 : cycles.front();
  EXPECT_EQ(first, 7u);
  for (uint64_t &cycle : cycles) cycle -= first;
  return cycles;
}

TEST(AxiMemoryPortTest, TokenBucketPacesWholeBeats) {
  using V = std::vector<uint64_t>;
  EXPECT_EQ(beat_cycles(16, 16), (V{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(beat_cycles(16, 1000), (V{0, 1, 2, 3, 4, 5}));  // never more than the bus
  EXPECT_EQ(beat_cycles(4, 16), (V{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(beat_cycles(16, 8), (V{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(beat_cycles(32, 16), (V{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(beat_cycles(16, 1), (V{0, 16, 32, 48, 64, 80}));
  EXPECT_EQ(beat_cycles(16, 12), (V{0, 2, 4, 6, 8, 10}));  // capped at one beat: 16 bytes every second cycle
}

TEST(AxiMemoryPortTest, WritesHaveTheirOwnBucket) {
  Bench bench(16, timing(3, 4, 16));
  bench.master.awvalid = true;
  bench.master.aw = burst(BASE, 3, 16);
  bench.step();
  bench.master.awvalid = false;
  bench.master.wvalid = true;
  std::vector<uint64_t> taken;
  while (taken.size() < 3 && bench.now() < 100) {
    bench.master.wlast = taken.size() == 2;
    const uint64_t cycle = bench.now();
    bench.step();
    if (bench.slave.wready) taken.push_back(cycle);
  }
  EXPECT_EQ(taken, (std::vector<uint64_t>{1, 5, 9}));
}

TEST(AxiMemoryPortTest, AStoppedMasterLosesNothing) {
  Bench bench(8, timing(2, 8, 4));
  bench.master.arvalid = true;
  bench.master.ar = burst(BASE + 24, 5, 8);
  bench.step();
  bench.master.arvalid = false;
  std::vector<uint8_t> got;
  for (unsigned i = 0; got.size() < 40 && i < 100; ++i) {
    bench.master.rready = i % 3 == 0;
    bench.step();
    if (bench.slave.rvalid && bench.master.rready)
      got.insert(got.end(), bench.slave.rdata.begin(), bench.slave.rdata.begin() + 8);
  }
  EXPECT_EQ(got, std::vector<uint8_t>(bench.memory.bytes.begin() + 24, bench.memory.bytes.begin() + 64));
}

TEST(AxiMemoryPortTest, LanesBelowAnUnalignedAddressHoldJunk) {
  Bench bench(16, timing(1, 16, 4));
  bench.memory.bytes.assign(bench.memory.bytes.size(), 1);
  read_beats(bench, burst(BASE + 5, 1, 16));
  for (unsigned lane = 0; lane < 16; ++lane) EXPECT_EQ(bench.slave.rdata[lane] == 1, lane >= 5) << lane;
}

TEST(AxiMemoryPortTest, WritesOnlyWhatTheStrobesSayAndAtTheResponse) {
  Bench bench(8, timing(6, 8, 4));
  const std::vector<uint8_t> before = bench.memory.bytes;
  bench.master.awvalid = true;
  bench.master.aw = burst(BASE + 3, 2, 8);
  bench.step();
  bench.master.awvalid = false;
  bench.master.wvalid = true;
  bench.master.wdata.fill(0xEE);
  bench.master.wstrb = 0xF8;
  bench.step();
  bench.master.wstrb = 0x05;
  bench.master.wlast = true;
  bench.step();
  bench.master.wvalid = false;
  while (!bench.slave.bvalid && bench.now() < 100) {
    EXPECT_EQ(bench.memory.bytes, before);  // nobody may rely on it before the response
    bench.step();
  }
  for (size_t i = 0; i < 64; ++i) {
    const bool written = (i >= 3 && i < 8) || i == 8 || i == 10;
    EXPECT_EQ(bench.memory.bytes[i], written ? 0xEE : before[i]) << i;
  }
}

TEST(AxiMemoryPortTest, AReadSeesMemoryAsItWasAtItsAddress) {
  Bench bench(4, timing(20, 4, 4));
  bench.master.arvalid = true;
  bench.master.ar = burst(BASE, 1, 4);
  bench.memory.bytes[0] = 1;
  bench.step();
  bench.master.arvalid = false;
  bench.memory.bytes[0] = 2;
  while (!bench.slave.rvalid && bench.now() < 100) bench.step();
  EXPECT_EQ(bench.slave.rdata[0], 1);
}

TEST(AxiMemoryPortTest, ErrorsAreAnsweredBeatByBeatOnReads) {
  Bench bench(16, timing(1, 16, 4));
  bench.port.inject(BASE + 40, BASE + 40, RESP_SLVERR);
  bench.master.arvalid = true;
  bench.master.ar = burst(BASE, 4, 16);
  std::vector<unsigned> responses;
  for (unsigned i = 0; i < 20 && responses.size() < 4; ++i) {
    bench.step();
    bench.master.arvalid = false;
    if (bench.slave.rvalid) responses.push_back(bench.slave.rresp);
  }
  EXPECT_EQ(responses, (std::vector<unsigned>{0, 0, RESP_SLVERR, 0}));
}

TEST(AxiMemoryPortTest, AnswersTheNthBeatAndTheNthBurstWithAnError) {
  Bench bench(16, timing(3, 16, 4));
  bench.port.inject_read_beat(5, RESP_DECERR);  // the second burst's second beat, at the same address as the first one's
  bench.port.inject_write_burst(1, RESP_SLVERR);
  EXPECT_TRUE(bench.port.injections());
  bench.port.record_transfers();
  bench.master.arvalid = bench.master.awvalid = true;
  bench.master.ar = burst(BASE, 4, 16);
  bench.master.aw = burst(BASE + 256, 1, 16);
  bench.master.wvalid = bench.master.wlast = true;
  bench.master.wstrb = 0xFFFF;
  bench.step();
  bench.step();
  bench.master.arvalid = bench.master.awvalid = bench.master.wvalid = false;
  for (unsigned i = 0; i < 30; ++i) bench.step();
  std::vector<unsigned> reads, writes;
  for (const AxiMemoryPort::Transfer &transfer : bench.port.transfers()) {
    EXPECT_EQ(transfer.addr, transfer.write ? BASE + 256 : BASE);
    EXPECT_EQ(transfer.beat, transfer.write ? 0 : reads.size() % 4);
    (transfer.write ? writes : reads).push_back(transfer.resp);
  }
  EXPECT_EQ(reads, (std::vector<unsigned>{0, 0, 0, 0, 0, RESP_DECERR, 0, 0}));
  EXPECT_EQ(writes, (std::vector<unsigned>{0, RESP_SLVERR}));
  bench.port.clear_injections();
  EXPECT_FALSE(bench.port.injections());
}

TEST(AxiMemoryPortTest, AHeldChannelIsSilentUntilItIsReleased) {
  for (const auto channel : {AxiMemoryPort::AR, AxiMemoryPort::AW, AxiMemoryPort::W, AxiMemoryPort::R, AxiMemoryPort::B}) {
    SCOPED_TRACE(channel);
    Bench bench(16, timing(3, 16, 4));
    bench.port.record_transfers();
    bench.port.hold(channel, 1);
    const auto go = [&bench](unsigned cycles) {  // two bursts of one beat in each direction
      for (unsigned i = 0; i < cycles; ++i) {
        bench.master.arvalid = bench.port.read_bursts() < 2;
        bench.master.awvalid = bench.port.write_bursts() < 2;
        bench.master.wvalid = bench.master.wlast = bench.port.write_beats() < bench.port.write_bursts();
        bench.master.wstrb = 0xFFFF;
        bench.master.ar = burst(BASE, 1, 16);
        bench.master.aw = burst(BASE + 256, 1, 16);
        bench.step();
      }
      return bench.port.transfers().size();
    };
    EXPECT_EQ(go(200), 3u);  // two in one direction, one in that of the channel
    bench.port.release();
    EXPECT_EQ(go(30), 4u);
  }
}

TEST(AxiMemoryPortTest, OutsideMemoryIsADecodeError) {
  Bench bench(16, timing(1, 16, 4));
  read_beats(bench, burst(BASE - 16, 1, 16));
  EXPECT_EQ(bench.slave.rresp, RESP_DECERR);
  bench.master.awvalid = bench.master.wvalid = bench.master.wlast = true;
  bench.master.aw = burst(BASE + 65536, 1, 16);
  bench.step();
  bench.master.awvalid = bench.master.wvalid = false;
  while (!bench.slave.bvalid && bench.now() < 100) bench.step();
  EXPECT_EQ(bench.slave.bresp, RESP_DECERR);
}

TEST(AxiMemoryPortTest, InjectedWriteErrorsWriteNothing) {
  Bench bench(16, timing(1, 16, 4));
  const std::vector<uint8_t> before = bench.memory.bytes;
  bench.port.inject(BASE, BASE + 15, RESP_DECERR, false, true);
  bench.master.awvalid = bench.master.wvalid = bench.master.wlast = true;
  bench.master.aw = burst(BASE, 1, 16);
  bench.master.wstrb = 0xFFFF;
  bench.step();
  bench.master.awvalid = bench.master.wvalid = false;
  while (!bench.slave.bvalid && bench.now() < 100) bench.step();
  EXPECT_EQ(bench.slave.bresp, RESP_DECERR);
  EXPECT_EQ(bench.memory.bytes, before);
}

TEST(AxiMemoryPortTest, RefusesBadSettings) {
  TestMemory memory;
  EXPECT_THROW(AxiMemoryPort(3, {}, memory), std::invalid_argument);
  EXPECT_THROW(AxiMemoryPort(128, {}, memory), std::invalid_argument);
  EXPECT_THROW(AxiMemoryPort(16, timing(0, 16, 16), memory), std::invalid_argument);
  EXPECT_THROW(AxiMemoryPort(16, timing(1, 0, 16), memory), std::invalid_argument);
  EXPECT_THROW(AxiMemoryPort(16, timing(1, 16, 0), memory), std::invalid_argument);
}

TEST(AxiMemoryPortTest, TheTimingChangesOnlyWhileItIsQuiet) {
  Bench bench(16, timing(5, 16, 16));
  EXPECT_TRUE(bench.port.quiet());
  EXPECT_EQ(read_beats(bench, burst(BASE, 2, 16)), (std::vector<uint64_t>{5, 6}));
  EXPECT_TRUE(bench.port.quiet());
  bench.port.set_timing(timing(9, 2, 16));
  EXPECT_EQ(bench.port.timing().latency, 9u);
  EXPECT_EQ(read_beats(bench, burst(BASE, 2, 16)), (std::vector<uint64_t>{16, 24}));  // asked in cycle 7
  // The bucket is full again 8 cycles after the last beat, no earlier.
  while (bench.now() < 31) bench.step();
  EXPECT_FALSE(bench.port.quiet());
  EXPECT_THROW(bench.port.set_timing(timing(1, 16, 16)), std::logic_error);
  bench.step();
  EXPECT_TRUE(bench.port.quiet());
  EXPECT_THROW(bench.port.set_timing(timing(0, 16, 16)), std::invalid_argument);
  bench.master.arvalid = true;
  bench.master.ar = burst(BASE, 1, 16);
  bench.step();
  EXPECT_FALSE(bench.port.quiet());
  EXPECT_THROW(bench.port.set_timing(timing(1, 16, 16)), std::logic_error);
}

TEST(AxiMemoryPortTest, CountsBurstsAndBeats) {
  Bench bench(16, timing(2, 16, 16));
  read_beats(bench, burst(BASE, 3, 16));
  read_beats(bench, burst(BASE, 1, 16));
  bench.master.awvalid = true;
  bench.master.aw = burst(BASE, 2, 16);
  bench.step();
  bench.master.awvalid = false;
  bench.master.wvalid = true;
  bench.step();
  EXPECT_EQ(bench.port.read_bursts(), 2u);
  EXPECT_EQ(bench.port.read_beats(), 4u);
  EXPECT_EQ(bench.port.write_bursts(), 1u);
  EXPECT_EQ(bench.port.write_beats(), 1u);
}

class StallTest : public testing::TestWithParam<uint64_t> {};

/// Random traffic over a stalling port: the checker is content, every byte comes through, every channel stalls and flows.
TEST_P(StallTest, EveryByteComesThrough) {
  MemoryTiming t = timing(1 + GetParam() % 30, 16, 1 + GetParam() % 16);
  t.stall_seed = GetParam();
  Bench bench(16, t);
  std::mt19937_64 random(GetParam());
  std::vector<uint8_t> expected_reads, got_reads, expected_memory = bench.memory.bytes;
  std::vector<std::pair<uint64_t, unsigned>> writes;  // address, beats still to send
  uint64_t pointer = BASE;
  unsigned reads = 0, answers = 0, wanted_answers = 0;
  std::map<std::string, unsigned> stalled, flowed;
  const auto note = [&](const char *channel, bool valid, bool ready) {
    if (valid) ++(ready ? flowed : stalled)[channel];
  };
  bool r_waits = false;
  for (unsigned i = 0; i < 20000; ++i) {
    AxiMasterPins &m = bench.master;
    if (!m.arvalid && random() % 4 == 0 && reads < 300) {
      const unsigned beats = 1 + random() % 8;
      const uint64_t address = BASE + 32768 + random() % (32768 / 16 - 8) / 8 * 128;
      m.arvalid = true;
      m.ar = burst(address, beats, 16);
      ++reads;
      const auto first = bench.memory.bytes.begin() + static_cast<std::ptrdiff_t>(address - BASE);
      expected_reads.insert(expected_reads.end(), first, first + beats * 16);
    }
    if (!m.awvalid && random() % 4 == 0 && pointer < BASE + 32000) {
      const unsigned beats = 1 + random() % 8;
      m.awvalid = true;
      m.aw = burst(pointer, beats, 16);
      pointer += 128;
      ++wanted_answers;
    }
    if (!m.wvalid && !writes.empty() && random() % 2 == 0) {
      m.wvalid = true;
      m.wlast = writes.front().second == 1;
      m.wstrb = random() & 0xFFFF;
      for (uint8_t &byte : m.wdata) byte = static_cast<uint8_t>(random());
    }
    m.rready = random() % 4 != 0;
    m.bready = random() % 4 != 0;
    bench.step();
    note("AR", m.arvalid, bench.slave.arready);
    note("AW", m.awvalid, bench.slave.awready);
    note("W", m.wvalid, bench.slave.wready);
    note("R", r_waits || bench.port.reads_outstanding() > 0, bench.slave.rvalid);
    note("B", bench.port.writes_outstanding() > 0, bench.slave.bvalid);
    if (m.arvalid && bench.slave.arready) m.arvalid = false;
    if (m.wvalid && bench.slave.wready) {
      for (unsigned lane = 0; lane < 16; ++lane)
        if ((m.wstrb >> lane) & 1) expected_memory[writes.front().first - BASE + lane] = m.wdata[lane];
      writes.front().first += 16;
      if (--writes.front().second == 0) writes.erase(writes.begin());
      m.wvalid = false;
    }
    if (m.awvalid && bench.slave.awready) {
      writes.emplace_back(m.aw.addr, m.aw.beats());
      m.awvalid = false;
    }
    if (bench.slave.rvalid && m.rready)
      got_reads.insert(got_reads.end(), bench.slave.rdata.begin(), bench.slave.rdata.begin() + 16);
    if (bench.slave.bvalid && m.bready) ++answers;
  }
  EXPECT_EQ(got_reads, expected_reads);
  EXPECT_EQ(bench.memory.bytes, expected_memory);
  EXPECT_EQ(answers, wanted_answers);
  EXPECT_TRUE(bench.checker.finish()) << bench.checker.report();
  for (const char *channel : {"AR", "AW", "W", "R", "B"}) {
    EXPECT_GT(stalled[channel], 20u) << channel;
    EXPECT_GT(flowed[channel], 20u) << channel;
  }
}

INSTANTIATE_TEST_SUITE_P(Port, StallTest, testing::Range<uint64_t>(1, 9));

TEST(AxiMemoryPortTest, TheSameSeedStallsTheSameWay) {
  MemoryTiming t = timing(3, 16, 4);
  t.stall_seed = 42;
  Bench one(16, t), two(16, t);
  for (unsigned i = 0; i < 1000; ++i) {
    one.step();
    two.step();
    EXPECT_EQ(one.slave.arready, two.slave.arready);
    EXPECT_EQ(one.slave.awready, two.slave.awready);
    EXPECT_EQ(one.slave.wready, two.slave.wready);
  }
}

}  // namespace
}  // namespace systole::platform
