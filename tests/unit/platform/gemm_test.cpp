// SPDX-License-Identifier: Apache-2.0
// run_gemm without an engine worth the name: what it refuses and how it fails.
#include "sim/platform/gemm.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

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
  refused([](RunOptions &r, GemmJob &) { r.config = "5x5-int8"; });
  refused([](RunOptions &r, GemmJob &) { r.make_accelerator = nullptr; });
  refused([](RunOptions &r, GemmJob &) { r.ring_entries_log2 = 17; });
  refused([](RunOptions &r, GemmJob &) { r.memory_base = 64; });
}

TEST(RunGemmTest, DoesNothingForNoJobs) { EXPECT_TRUE(run_gemm(options(0), {}).empty()); }

}  // namespace
}  // namespace systole::platform
