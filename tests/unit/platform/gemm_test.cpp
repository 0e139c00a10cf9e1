// SPDX-License-Identifier: Apache-2.0
// run_gemm without an engine worth the name: what it refuses and how it fails.
#include "sim/platform/gemm.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "firmware/include/systole_regs.h"

namespace systole::platform {
namespace {

/// Registers that read as a 4x4 core's and remember nothing: every command is accepted and none is ever executed.
class DeadAccelerator final : public Accelerator {
 public:
  explicit DeadAccelerator(uint32_t id) : Accelerator("dead"), id_(id) {}

 private:
  void registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time & /*delay*/) override {
    uint32_t value = 0;
    switch (payload.get_address()) {
      case SYSTOLE_REG_ID: value = id_; break;
      case SYSTOLE_REG_VERSION: value = 1u << SYSTOLE_VERSION_COMMAND_LSB; break;
      case SYSTOLE_REG_CAP0: value = 0x04111222; break;
      case SYSTOLE_REG_CAP1: value = 0x060A0C0D; break;
      case SYSTOLE_REG_CAP2: value = 0x00281010; break;
      default: break;
    }
    if (payload.is_read()) std::memcpy(payload.get_data_ptr(), &value, 4);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  const uint32_t id_;
};

GemmJob job() {
  GemmJob job;
  job.m = 2;
  job.n = 3;
  job.k = 4;
  job.a.resize(8);
  job.b.resize(12);
  return job;
}

RunOptions options(uint32_t id) {
  RunOptions options;
  options.config = "4x4-int8";
  options.make_accelerator = [id](const ConfigInfo &, const MemoryTiming &) { return std::make_unique<DeadAccelerator>(id); };
  return options;
}

TEST(RunGemmTest, ReportsADriverThatCannotStart) {
  try {
    run_gemm(options(0xDEADBEEF), {job()});
    FAIL();
  } catch (const HangError &) {
    FAIL() << "not a hang";
  } catch (const RunError &error) {
    EXPECT_NE(std::string(error.what()).find("the driver cannot start"), std::string::npos) << error.what();
  }
}

TEST(RunGemmTest, ReportsAnEngineThatNeverAnswers) { EXPECT_THROW(run_gemm(options(0x53595354), {job()}), HangError); }

TEST(RunGemmTest, RefusesWhatDoesNotFit) {
  const auto refused = [](const std::function<void(RunOptions &, GemmJob &)> &change) {
    RunOptions run = options(0x53595354);
    GemmJob bad = job();
    change(run, bad);
    EXPECT_THROW(run_gemm(run, {bad}), std::invalid_argument);
  };
  refused([](RunOptions &, GemmJob &j) { j.m = 0; });
  refused([](RunOptions &, GemmJob &j) { j.a.pop_back(); });
  refused([](RunOptions &, GemmJob &j) { j.b.push_back(0); });
  refused([](RunOptions &, GemmJob &j) { j.b_zp = {1, 2}; });
  refused([](RunOptions &, GemmJob &j) { j.bias.emplace(2); });
  refused([](RunOptions &, GemmJob &j) { j.seed.emplace(5); });
  refused([](RunOptions &, GemmJob &j) {
    j.bias.emplace(3);
    j.seed.emplace(6);
  });
  refused([](RunOptions &, GemmJob &j) { j.a_zp = 128; });
  refused([](RunOptions &, GemmJob &j) { j.b_zp = {-129}; });
  refused([](RunOptions &, GemmJob &j) { j.epilogue.out = golden::DType::s8; });
  refused([](RunOptions &r, GemmJob &) { r.config = "5x5-int8"; });
  refused([](RunOptions &r, GemmJob &) { r.make_accelerator = nullptr; });
  refused([](RunOptions &r, GemmJob &) { r.ring_entries_log2 = 17; });
  refused([](RunOptions &r, GemmJob &) { r.memory_base = 64; });
}

TEST(ValidateTest, KnowsWhichTypesGoTogether) {
  using golden::DType;
  const auto legal = [](DType a, DType b, DType out, const char *config) {
    GemmJob j;
    j.a_type = a;
    j.b_type = b;
    j.a.resize(golden::size(a));
    j.b.resize(golden::size(b));
    j.epilogue.out = out;
    if (out == DType::s8 || out == DType::u8) {
      j.epilogue.rule = golden::Requant::floating;
      j.epilogue.scale = {0x3f800000};
    }
    try {
      validate(j, find_config(config));
      return true;
    } catch (const std::invalid_argument &) {
      return false;
    }
  };
  constexpr DType kAll[] = {DType::s8, DType::u8, DType::fp16, DType::bf16, DType::s32, DType::fp32};
  const auto integer = [](DType t) { return t == DType::s8 || t == DType::u8; };
  const auto half = [](DType t) { return t == DType::fp16 || t == DType::bf16; };
  for (const DType a : kAll)
    for (const DType b : kAll)
      for (const DType out : kAll) {
        const bool ints = integer(a) && integer(b) && !golden::is_float(out);
        const bool floats = half(a) && a == b && golden::is_float(out);
        const std::string name = std::string(golden::name(a)) + ", " + golden::name(b) + ", " + golden::name(out);
        EXPECT_EQ(legal(a, b, out, "4x4"), ints || floats) << name;
        EXPECT_EQ(legal(a, b, out, "4x4-int8"), ints) << name;
      }
}

TEST(ValidateTest, FloatsHaveTwoBytesAndNoZeroPoints) {
  GemmJob good = job();
  good.a_type = good.b_type = golden::DType::fp16;
  good.epilogue.out = golden::DType::fp32;
  good.a.resize(16);
  good.b.resize(24);
  const ConfigInfo &config = find_config("4x4");
  validate(good, config);
  const auto refused = [&](const std::function<void(GemmJob &)> &change) {
    GemmJob bad = good;
    change(bad);
    EXPECT_THROW(validate(bad, config), std::invalid_argument);
  };
  refused([](GemmJob &j) { j.a.resize(8); });
  refused([](GemmJob &j) { j.b.resize(12); });
  refused([](GemmJob &j) { j.a_zp = 1; });
  refused([](GemmJob &j) { j.b_zp = {-1}; });
  refused([](GemmJob &j) { j.b_zp = {0, 0, 0}; });
  refused([](GemmJob &j) { j.epilogue.scale = {0x3f800000}; });
  EXPECT_EQ(peak_macs(good, config), 16u);
  EXPECT_EQ(peak_macs(job(), config), 32u);
}

TEST(GoldenResultTest, TakesZeroPointsSeedsAndTheEpilogue) {
  GemmJob j;
  j.m = 2;
  j.n = 2;
  j.k = 2;
  j.a = {1, 2, 3, 4};
  j.b = {1, 0, 1, 1};  // columns (1 0) and (1 1)
  j.a_zp = 1;
  j.b_zp = {0, 2};
  j.bias = std::vector<uint32_t>{100, 0xffffffff};
  // A - 1 is (0 1; 2 3), the columns (1 0) and (-1 -1).
  EXPECT_EQ(golden_result(j), (std::vector<uint8_t>{100, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 102, 0, 0, 0, 0xfa, 0xff, 0xff, 0xff}));
  j.epilogue.out = golden::DType::s8;
  j.epilogue.rule = golden::Requant::fixed;
  j.epilogue.multiplier = {1 << 30};  // a half
  j.epilogue.shift = {0, 1};          // times 1, times 2
  j.epilogue.zero_point = 5;
  EXPECT_EQ(golden_result(j), (std::vector<uint8_t>{55, 3, 56, 0xff}));
}

/// The interrupt rises when RING_HEAD passes a command with an interrupt bit: one cycle after its end, or later behind others.
TEST(TimingDifferenceTest, TheInterruptRisesWithOneOfTheCommandsThatHaveItsBit) {
  MeasuredProgram measured;
  measured.program.records.resize(4);
  for (timing::Record &record : measured.program.records) record[SYSTOLE_CMD_OPCODE_WORD] = SYSTOLE_OPCODE_LOAD;
  const auto set = [&](size_t i) { measured.program.records[i][SYSTOLE_CMD_IRQ_WORD] |= 1u << SYSTOLE_CMD_IRQ_LSB; };
  timing::Prediction predicted;
  predicted.commands = measured.commands = {{1, 30}, {2, 10}, {3, 31}, {4, 50}};  // RING_HEAD moves in 31, 32, 33, 51
  predicted.complete = 51;
  predicted.counters = {{"total", 51}};
  const auto difference = [&](uint64_t interrupt) { return timing_difference(measured, interrupt, {{"total", 51}}, predicted); };
  EXPECT_NE(difference(51), "") << "nobody has the bit";
  EXPECT_EQ(difference(0), "");
  set(3);
  EXPECT_EQ(difference(51), "");
  for (const uint64_t wrong : {31, 50, 52})
    EXPECT_EQ(difference(wrong), "the interrupt comes " + std::to_string(wrong) + " cycles after the doorbell, predicted 51");
  set(1);
  EXPECT_EQ(difference(32), "") << "and nobody clears it before the last";
  EXPECT_EQ(difference(51), "");
  for (const uint64_t wrong : {11, 31, 33, 50}) EXPECT_NE(difference(wrong), "") << wrong;
  predicted.counters["total"] = 50;
  EXPECT_EQ(difference(51), "counter total is 51, predicted 50");
}

TEST(RunGemmTest, DoesNothingForNoJobs) { EXPECT_TRUE(run_gemm(options(0), {}).empty()); }

}  // namespace
}  // namespace systole::platform
