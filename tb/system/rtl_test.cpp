// SPDX-License-Identifier: Apache-2.0
// What only the RTL has: cycles, counters, bus errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "sim/platform/rtl.hpp"
#include "sim/platform/rtl_accelerator.hpp"
#include "tb/system/engine.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {

std::string engine_name() { return "rtl"; }
std::vector<std::string> engine_configs() { return platform::rtl_configs(); }
platform::AcceleratorFactory engine_factory() { return platform::rtl_factory(); }

namespace {

using platform::GemmJob;
using platform::GemmResult;
using platform::RunOptions;

class RtlTest : public SystemTest {};

TEST_P(RtlTest, CausesAddUpToTheMeasuredCycles) {
  const std::vector<GemmResult> results = expect_golden(options(), {random_job(random_, 64, 64, 128)});
  const auto &counters = results[0].counters;
  uint64_t sum = 0;
  for (const char *name : {"compute", "command", "weights", "activations", "hazard", "store", "drain"}) sum += counters.at(name);
  EXPECT_EQ(sum, counters.at("total"));
  EXPECT_EQ(counters.at("total"), results[0].cycles);
  EXPECT_GT(counters.at("compute"), 0u);
}

/// Expects the error (SYSTOLE_ERROR_NONE: every bit of C), and memory outside C intact.
void expect_outcome(const GemmJob &job, const GemmResult &result, int error, const std::string &name) {
  EXPECT_TRUE(result.memory_intact) << name << ": " << result.memory_report;
  if (error == SYSTOLE_ERROR_NONE) {
    EXPECT_EQ(result.driver_result, SYSTOLE_OK) << name << ": " << result.driver_message;
    EXPECT_EQ(result.driver_message, "") << name;
    EXPECT_EQ(result.c, platform::golden_result(job)) << name;
  } else {
    EXPECT_EQ(result.driver_result, SYSTOLE_ERR_BUS) << name;
    const std::string code = "error code " + std::to_string(error) + ",";
    EXPECT_NE(result.driver_message.find(code), std::string::npos)
        << name << ": not " << code << " but " << result.driver_message;
    EXPECT_NE(result.driver_message.find(systole_error_text(static_cast<uint32_t>(error))), std::string::npos)
        << name << ": " << result.driver_message;
  }
}

/// A bus error in each of three places: the driver reports it with its cause, memory is intact, and the next job succeeds.
TEST_P(RtlTest, ComesBackFromBusErrors) {
  RunOptions run = options();
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 6; ++i) jobs.push_back(random_job(random_, 40, 40, 100));
  run.before_job = [](size_t job, const platform::Layout &at, platform::Accelerator &accelerator) {
    platform::AxiMemoryPort &port = dynamic_cast<platform::RtlAccelerator &>(accelerator).port();
    port.clear_injections();
    if (job == 0) port.inject(at.a + 500, at.a + 500, platform::RESP_SLVERR, true, false);
    if (job == 2) port.inject(at.c + 1000, at.c + 1000, platform::RESP_DECERR, false, true);
    if (job == 4) port.inject(at.ring, at.ring + 65535, platform::RESP_SLVERR, true, false);
  };
  const std::vector<GemmResult> results = run_gemm(run, jobs);
  const int errors[] = {SYSTOLE_ERROR_AXI_LOAD, SYSTOLE_ERROR_NONE,      SYSTOLE_ERROR_AXI_STORE,
                        SYSTOLE_ERROR_NONE,     SYSTOLE_ERROR_AXI_FETCH, SYSTOLE_ERROR_NONE};
  for (size_t i = 0; i < jobs.size(); ++i) expect_outcome(jobs[i], results[i], errors[i], "job " + std::to_string(i));
}

/// An address of a random byte of a matrix whose rows are `row_bytes` and a gap apart.
uint64_t byte_of_matrix(std::mt19937_64 &random, uint64_t start, uint32_t rows, uint64_t row_bytes, uint32_t gap) {
  const uint64_t row = random() % rows;
  return start + row * (row_bytes + gap) + random() % row_bytes;
}

/// Every second job meets an error at some byte of A or of C, at whatever the machine does then; the one after it succeeds.
TEST_P(RtlTest, ComesBackFromABusErrorAtAnyByte) {
  RunOptions run = options();
  run.layout_seed = 5;
  run.timing.stall_seed = 9;
  const bool floats = platform::find_config(GetParam()).fp;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 80; ++i) {
    const uint32_t m = 1 + random_() % 40, n = 1 + random_() % 40, k = 1 + random_() % 80;
    if (floats && random_() % 2) {
      jobs.push_back(random_float_job(random_, m, n, k));
    } else {
      jobs.push_back(random_job(random_, m, n, k));
      randomise(random_, jobs.back());
    }
  }
  std::vector<int> expected(jobs.size(), SYSTOLE_ERROR_NONE);
  run.before_job = [&](size_t i, const platform::Layout &at, platform::Accelerator &accelerator) {
    platform::AxiMemoryPort &port = dynamic_cast<platform::RtlAccelerator &>(accelerator).port();
    port.clear_injections();
    if (i % 2 != 0) return;
    const GemmJob &job = jobs[i];
    const bool load = random_() % 2;
    const uint64_t byte = load ? byte_of_matrix(random_, at.a, job.m, job.k * golden::size(job.a_type), job.a_gap)
                               : byte_of_matrix(random_, at.c, job.m, job.n * golden::size(job.epilogue.out), job.c_gap);
    port.inject(byte, byte, load ? platform::RESP_SLVERR : platform::RESP_DECERR, load, !load);
    expected[i] = load ? SYSTOLE_ERROR_AXI_LOAD : SYSTOLE_ERROR_AXI_STORE;
  };
  const std::vector<GemmResult> results = run_gemm(run, jobs);
  ASSERT_EQ(results.size(), jobs.size());
  EXPECT_GT(std::count(expected.begin(), expected.end(), SYSTOLE_ERROR_AXI_LOAD), 10);
  EXPECT_GT(std::count(expected.begin(), expected.end(), SYSTOLE_ERROR_AXI_STORE), 10);
  for (size_t i = 0; i < jobs.size(); ++i) expect_outcome(jobs[i], results[i], expected[i], "job " + std::to_string(i));
}

TEST_P(RtlTest, ABusErrorEndsTheWholeQueue) {
  RunOptions run = options();
  run.queued = true;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 3; ++i) jobs.push_back(random_job(random_, 40, 40, 100));
  run.before_job = [](size_t job, const platform::Layout &at, platform::Accelerator &accelerator) {
    platform::AxiMemoryPort &port = dynamic_cast<platform::RtlAccelerator &>(accelerator).port();
    if (job == 1) port.inject(at.a + 500, at.a + 500, platform::RESP_SLVERR, true, false);
  };
  const std::vector<GemmResult> results = run_gemm(run, jobs);
  ASSERT_EQ(results.size(), 3u);
  for (const GemmResult &result : results) {
    EXPECT_EQ(result.driver_result, SYSTOLE_ERR_BUS);
    EXPECT_NE(result.driver_message.find("error code " + std::to_string(SYSTOLE_ERROR_AXI_LOAD) + ","), std::string::npos)
        << result.driver_message;
    EXPECT_TRUE(result.memory_intact) << result.memory_report;
  }
  EXPECT_EQ(results[0].c, platform::golden_result(jobs[0]));  // it was complete before the next one began
  EXPECT_NE(results[2].unwritten, 0u);
}

INSTANTIATE_TEST_SUITE_P(Rtl, RtlTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return test_name(info.param); });

/// How busy the array must at least be, with the default memory: the figures are exact, so no margin for noise is needed.
struct Floor {
  std::string config;
  uint32_t size;
  golden::DType operands, result;
  double utilisation;
};

void PrintTo(const Floor &floor, std::ostream *out) {
  *out << floor.config << ", " << floor.size << ", " << golden::name(floor.operands) << " to " << golden::name(floor.result);
}

class UtilisationTest : public testing::TestWithParam<Floor> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(UtilisationTest);  // binaries of configurations without a floor

TEST_P(UtilisationTest, SquareProductKeepsTheArrayBusy) {
  const Floor &floor = GetParam();
  tool::Random values(seeded_random()());
  RunOptions run;
  run.config = floor.config;
  run.make_accelerator = engine_factory();
  run.ring_entries_log2 = 12;  // the whole job, before its one doorbell
  GemmJob job;
  if (golden::is_float(floor.operands)) {
    job = tool::float_product(values, floor.operands, floor.result, floor.size, floor.size, floor.size);
  } else {
    job = tool::int_product(values, floor.size, floor.size, floor.size);
    if (floor.result != golden::DType::s32) {  // parameters for each column: the costliest way
      job.epilogue.out = floor.result;
      job.epilogue.rule = golden::Requant::floating;
      for (uint32_t column = 0; column < job.n; ++column)
        job.epilogue.scale.push_back(golden::as_bits(1.0f / static_cast<float>(1000 + column)));
    }
  }
  const std::vector<GemmResult> results = expect_golden(run, {job});
  EXPECT_GE(results[0].utilisation, floor.utilisation) << results[0].cycles << " cycles";
}

std::vector<Floor> floors() {
  using golden::DType;
  const std::vector<Floor> all = {
      {"16x16-int8", 256, DType::s8, DType::s32, 0.94}, {"16x16-int8", 512, DType::s8, DType::s32, 0.98},
      {"16x16-int8", 512, DType::s8, DType::s8, 0.97},  {"16x16", 512, DType::s8, DType::s8, 0.97},
      {"16x16", 512, DType::fp16, DType::fp16, 0.98},
  };
  std::vector<Floor> here;
  const std::vector<std::string> configs = engine_configs();
  std::copy_if(all.begin(), all.end(), std::back_inserter(here),
               [&configs](const Floor &f) { return std::count(configs.begin(), configs.end(), f.config) != 0; });
  return here;
}

INSTANTIATE_TEST_SUITE_P(Rtl, UtilisationTest, testing::ValuesIn(floors()), [](const auto &info) {
  const Floor &floor = info.param;
  return test_name(floor.config) + "_" + std::to_string(floor.size) + "_" + golden::name(floor.operands) + "_" +
         golden::name(floor.result);
});

class LatencyTest : public testing::TestWithParam<std::tuple<std::string, unsigned>> {};

TEST_P(LatencyTest, EveryBitAgrees) {
  std::mt19937_64 random{std::get<1>(GetParam())};
  RunOptions run;
  run.config = std::get<0>(GetParam());
  run.make_accelerator = engine_factory();
  run.timing.latency = std::get<1>(GetParam());
  run.layout_seed = std::get<1>(GetParam());
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 6; ++i) {
    jobs.push_back(random_job(random, 1 + random() % 50, 1 + random() % 50, 1 + random() % 130));
    randomise(random, jobs.back());
  }
  for (unsigned i = 0; i < 4 && platform::find_config(run.config).fp; ++i)
    jobs.push_back(random_float_job(random, 1 + random() % 50, 1 + random() % 50, 1 + random() % 70));
  expect_golden(run, jobs);
}

INSTANTIATE_TEST_SUITE_P(Rtl, LatencyTest,
                         testing::Combine(testing::ValuesIn(engine_configs()), testing::Values(1, 2, 3, 9, 77, 200)),
                         [](const auto &info) {
                           return test_name(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace systole::tb
