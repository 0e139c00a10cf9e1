// SPDX-License-Identifier: Apache-2.0
// The wrapper of the Verilated top, with platform_dut.sv, which copies bursts of eight beats, in the core's place.
#include "sim/platform/rtl_accelerator.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"

namespace systole::platform {
namespace {

constexpr uint64_t BASE = 0x10000;
constexpr uint32_t SRC = 0x004, DST = 0x008, COUNT = 0x00C, GO = 0x010, CLEAR = 0x014, RING_TAIL = 0x03C;

struct Case {
  std::string config = "4x4-int8";
  MemoryTiming timing;
  RtlOptions rtl;
};

/// A platform around the stand-in; runs `program` on the host. @throws what the accelerator or the program threw
class Bench {
 public:
  Bench(const Case &setup, std::function<void(Bench &)> program)
      : memory("memory", BASE, 65536),
        rtl(make_rtl_accelerator(setup.config, setup.timing, setup.rtl)),
        host("host", [this, program = std::move(program)](Host &) { program(*this); }),
        irq("irq") {
    memory.fill_pattern(BASE, memory.size(), 3);
    host.regs_socket.bind(rtl->regs_socket);
    rtl->mem_socket.bind(memory.socket);
    rtl->irq.bind(irq);
    host.irq.bind(irq);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  }
  void run() {
    sc_core::sc_start();
    rtl->rethrow();
    host.rethrow();
    EXPECT_TRUE(host.finished());
  }
  /// Starts a copy and waits for the interrupt. @returns the status register
  uint32_t copy(uint64_t source, uint64_t destination, uint32_t bursts) {
    host.write32(SRC, static_cast<uint32_t>(source));
    host.write32(DST, static_cast<uint32_t>(destination));
    host.write32(COUNT, bursts);
    host.write32(GO, 1);
    host.idle();
    host.write32(CLEAR, 1);
    return host.read32(GO);
  }
  AxiMemoryPort &port() { return dynamic_cast<RtlAccelerator &>(*rtl).port(); }

  Memory memory;
  std::unique_ptr<Accelerator> rtl;
  Host host;
  sc_core::sc_signal<bool> irq;
};

TEST(RtlAcceleratorTest, ReadsAndWritesRegisters) {
  Bench bench({}, [](Bench &b) {
    EXPECT_EQ(b.host.read32(0), 0x53595354u);
    for (uint32_t i = 0; i < 20; ++i) {
      b.host.write32(SRC, i * 0x01010101u);
      EXPECT_EQ(b.host.read32(SRC), i * 0x01010101u);
    }
  });
  bench.run();
}

class CopyTest : public testing::TestWithParam<Case> {};

TEST_P(CopyTest, CopiesEveryByteAndNoOther) {
  Bench bench(GetParam(), [](Bench &b) {
    const uint64_t burst = 8 * find_config(GetParam().config).axi_bytes();
    b.memory.watch({BASE + 32768, 1, 60 * burst, 60 * burst});
    EXPECT_EQ(b.copy(BASE + 4096, BASE + 32768, 60), 0u);
    const Memory::Findings findings = b.memory.check();
    EXPECT_EQ(findings.stray_bytes + findings.unwritten_bytes + findings.rewritten_bytes, 0u) << findings.first;
    EXPECT_EQ(0, std::memcmp(b.memory.at(BASE + 32768), b.memory.at(BASE + 4096), 60 * burst));
    b.rtl->check_quiet();
  });
  bench.run();
}

MemoryTiming timing(unsigned latency, unsigned bytes, unsigned outstanding, uint64_t seed) {
  MemoryTiming t;
  t.latency = latency;
  t.bytes_per_cycle = bytes;
  t.outstanding = outstanding;
  if (seed != 0) t.stall_seed = seed;
  return t;
}

INSTANTIATE_TEST_SUITE_P(Platform, CopyTest,
                         testing::Values(Case{"4x4-int8", {}, {}}, Case{"16x16-int8", {}, {}},
                                         Case{"4x4-int8", timing(1, 16, 1, 0), {}}, Case{"16x16-int8", timing(200, 1, 16, 0), {}},
                                         Case{"4x4-int8", timing(7, 16, 3, 5), {}},
                                         Case{"16x16-int8", timing(40, 16, 16, 6), {}}),
                         [](const auto &info) { return "Case" + std::to_string(info.index); });

TEST(RtlAcceleratorTest, InterruptIsSeenInItsCycle) {
  Bench bench({}, [](Bench &b) {
    b.copy(BASE, BASE + 4096, 3);
    // Reset took four cycles before SystemC's time 0, and the cycle in which the host runs is already counted.
    EXPECT_GT(b.rtl->irq_cycle(), 0u);
    EXPECT_LT(b.rtl->cycles() - b.rtl->irq_cycle(), 20u);
    EXPECT_EQ(b.rtl->cycles(), sc_core::sc_time_stamp() / clock_period() + 5);
  });
  bench.run();
}

TEST(RtlAcceleratorTest, DoorbellIsTheFirstCycleOfTheResponse) {
  Bench bench({}, [](Bench &b) {
    b.rtl->begin_job();
    EXPECT_EQ(b.rtl->doorbell_cycle(), 0u);
    b.host.write32(RING_TAIL, 1);
    // The response ends the access; the host wakes in the cycle after it, which is already counted.
    EXPECT_EQ(b.rtl->doorbell_cycle() + 2, b.rtl->cycles());
    const uint64_t first = b.rtl->doorbell_cycle();
    b.host.write32(RING_TAIL, 2);
    EXPECT_EQ(b.rtl->doorbell_cycle(), first);
  });
  bench.run();
}

TEST(RtlAcceleratorTest, BusErrorsReachTheCore) {
  Bench bench({}, [](Bench &b) {
    b.port().inject(BASE + 40, BASE + 40, RESP_SLVERR, true, false);
    EXPECT_EQ(b.copy(BASE, BASE + 4096, 4), 2u);
    b.port().clear_injections();
    EXPECT_EQ(b.copy(BASE, BASE + 4096, 4), 0u);
    b.port().inject(BASE + 4096, BASE + 4096, RESP_DECERR, false, true);
    EXPECT_EQ(b.copy(BASE, BASE + 4096, 4), 2u);
    b.port().clear_injections();
    EXPECT_EQ(b.copy(BASE, BASE + 65536, 4), 2u);  // beyond memory
  });
  bench.run();
}

TEST(RtlAcceleratorTest, ABrokenRuleEndsTheRun) {
  Bench bench({}, [](Bench &b) { b.copy(BASE + 4096 - 16, BASE + 8192, 1); });
  try {
    bench.run();
    FAIL() << "a burst over 4 KiB passed";
  } catch (const ProtocolError &error) {
    EXPECT_NE(std::string(error.what()).find("AR_4K"), std::string::npos) << error.what();
  }
}

TEST(RtlAcceleratorTest, AHangEndsTheRunWithAReport) {
  Case setup;
  setup.rtl.hang_limit = 5000;
  Bench bench(setup, [](Bench &b) { b.copy(BASE, BASE + 8192, 0); });  // no bursts: never done
  try {
    bench.run();
    FAIL() << "the hang was not noticed";
  } catch (const HangError &error) {
    const std::string report = error.what();
    EXPECT_NE(report.find("nothing has moved since cycle"), std::string::npos) << report;
    EXPECT_NE(report.find("STATUS="), std::string::npos) << report;
  }
  EXPECT_LT(bench.rtl->cycles(), 7000u);
}

TEST(RtlAcceleratorTest, WritesWavesAndTheirView) {
  const std::string base = testing::TempDir() + "/systole_platform_waves";
  {
    Case setup;
    setup.rtl.waves = base + ".fst";
    Bench bench(setup, [](Bench &b) { EXPECT_EQ(b.copy(BASE, BASE + 4096, 4), 0u); });
    bench.run();
  }
  std::ifstream fst(base + ".fst", std::ios::binary | std::ios::ate);
  EXPECT_GT(fst.tellg(), 500);
  std::ifstream view(base + ".gtkw");
  std::stringstream text;
  text << view.rdbuf();
  EXPECT_NE(text.str().find("TOP.platform_dut.m_axi_araddr_o[39:0]"), std::string::npos) << text.str();
  // This device has no engines; the groups of its ports begin and end (sim.waves checks those of the engines).
  for (const std::string group : {"registers", "memory read", "memory write"}) {
    const size_t begin = text.str().find("00200\n-" + group + "\n");
    EXPECT_NE(begin, std::string::npos) << group;
    EXPECT_NE(text.str().find("@1000200\n-" + group + "\n", begin), std::string::npos) << group;
  }
  std::remove((base + ".fst").c_str());
  std::remove((base + ".gtkw").c_str());
}

TEST(RtlAcceleratorTest, RefusesWavesThatCannotBeWritten) {
  RtlOptions options;
  options.waves = "/nonexistent/folder/w.fst";
  EXPECT_THROW(make_rtl_accelerator("4x4-int8", {}, options), OutputError);
}

TEST(RtlAcceleratorTest, RefusesABuildThatIsNotThere) {
  EXPECT_THROW(make_rtl_accelerator("8x8-int8", {}, {}), std::invalid_argument);
  RtlOptions options;
  options.x_seed = 1;
  EXPECT_THROW(make_rtl_accelerator("4x4-int8", {}, options), std::invalid_argument);
}

}  // namespace
}  // namespace systole::platform
