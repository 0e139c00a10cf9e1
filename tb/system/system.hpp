// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "sim/golden/float.hpp"
#include "sim/platform/gemm.hpp"
#include "sim/tool/check.hpp"
#include "sim/tool/test_data.hpp"
#include "tb/system/engine.hpp"

namespace systole::tb {

/// Random numbers of a test, the same in every run; the environment variable SYSTOLE_SEED gives others. The seed is printed.
inline std::mt19937_64 seeded_random() {
  const char *given = std::getenv("SYSTOLE_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : 20240607;
  std::cout << "SYSTOLE_SEED=" << seed << '\n';
  return std::mt19937_64{seed};
}

/// Fixture of tests that run on each configuration of the program's engine; the parameter is the configuration's name.
class SystemTest : public testing::TestWithParam<std::string> {
 protected:
  platform::RunOptions options() const {
    platform::RunOptions options;
    options.config = GetParam();
    options.make_accelerator = engine_factory();
    return options;
  }
  const platform::ConfigInfo &config() const { return platform::find_config(GetParam()); }
  std::mt19937_64 random_ = seeded_random();
};

/// Random int8 matrices of the given sizes, without zero points; C is int32.
inline platform::GemmJob random_job(std::mt19937_64 &random, uint32_t m, uint32_t n, uint32_t k) {
  tool::Random values(random());
  return tool::int_product(values, m, n, k);
}

/// Random integer types, zero points (often at their limits), seeds, results and gaps.
inline void randomise(std::mt19937_64 &random, platform::GemmJob &job) {
  tool::Random values(random());
  const auto type = [&values] { return values.chance(2) ? golden::DType::s8 : golden::DType::u8; };
  const auto zero_point = [&values](golden::DType of) {
    const int low = of == golden::DType::s8 ? -128 : 0;
    switch (values.below(4)) {
      case 0: return low;
      case 1: return low + 255;
      case 2: return 0;
      default: return values.zero_point(of);
    }
  };
  job.a_type = type();
  job.b_type = type();
  job.a_zp = zero_point(job.a_type);
  job.b_zp.assign(values.chance(2) ? job.n : 1, 0);
  for (int &zp : job.b_zp) zp = zero_point(job.b_type);
  const uint64_t seed = values.below(3);
  if (seed == 1) job.bias = values.words(job.n);
  if (seed == 2) job.seed = values.words(size_t{job.m} * job.n);
  const double reach = seed == 0 ? 30000.0 * job.k : 0x1p31;
  const uint64_t result = values.below(4);
  if (result == 1) job.epilogue = tool::random_requant(values, golden::Requant::floating, job.n, reach);
  if (result == 2) job.epilogue = tool::random_requant(values, golden::Requant::fixed, job.n, reach);
  for (uint32_t *gap : {&job.a_gap, &job.b_gap, &job.c_gap})
    if (values.chance(2)) *gap = static_cast<uint32_t>(values.below(40));
}

/// A random floating-point product: each row and column in a regime of its own, random seeds, result and gaps.
inline platform::GemmJob random_float_job(std::mt19937_64 &random, uint32_t m, uint32_t n, uint32_t k) {
  tool::Random values(random());
  platform::GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = values.chance(2) ? golden::DType::fp16 : golden::DType::bf16;
  job.a = tool::regime_matrix(values, job.a_type, m, k, values.below(tool::kRegimes));
  job.b = tool::regime_matrix(values, job.b_type, n, k, values.below(tool::kRegimes));
  constexpr golden::DType kResults[] = {golden::DType::fp32, golden::DType::fp16, golden::DType::bf16};
  job.epilogue.out = kResults[values.below(3)];
  if (values.chance(3)) job.epilogue.clamp_min = golden::as_bits(-3.0f);
  if (values.chance(3)) job.epilogue.clamp_max = golden::as_bits(5.0f);
  const uint64_t seed = values.below(3);
  if (seed == 1) job.bias = tool::float_seeds(values, n);
  if (seed == 2) job.seed = tool::float_seeds(values, size_t{m} * n);
  for (uint32_t *gap : {&job.a_gap, &job.b_gap, &job.c_gap})
    if (values.chance(2)) *gap = static_cast<uint32_t>(values.below(40));
  return job;
}

/// Expects every bit of the results, no other byte of memory changed, and all times as predicted. Nothing is predicted only with
/// random stalls; of a queue the last result has it all. (Not for runs whose memory answers with errors.)
inline void expect_golden(const platform::RunOptions &options, const std::vector<platform::GemmJob> &jobs,
                          const std::vector<platform::GemmResult> &results) {
  ASSERT_EQ(results.size(), jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    const tool::Case c = tool::check("", jobs[i], platform::find_config(options.config), results[i]);
    const std::string name = "job " + std::to_string(i) + ": " + c.shape() + ", " + c.dtype() + " -> " + c.out_dtype();
    EXPECT_EQ(c.result.driver_message, "") << name;
    EXPECT_TRUE(c.result.ok()) << name << ": " << c.result.memory_report << ", " << c.result.unwritten
                               << " bytes of C not written";
    const bool timed =
        options.predict && !options.timing.stall_seed && c.result.driver_result == 0 && (!options.queued || i + 1 == jobs.size());
    if (timed) {
      EXPECT_TRUE(c.result.predicted.has_value()) << name << ": nothing was predicted";
      EXPECT_FALSE(c.result.measured.commands.empty()) << name;
    }
    EXPECT_EQ(c.result.timing_report, "") << name;
    if (c.mismatches == 0) continue;
    const tool::Mismatch &first = c.first.front();
    ADD_FAILURE() << name << ": " << c.mismatches << " wrong, first at row " << first.row << ", column " << first.column << ": "
                  << (first.actual ? tool::value_text(c.out, *first.actual) : "missing") << " instead of "
                  << tool::value_text(c.out, first.expected);
  }
}

/// Runs the jobs and expects the same.
inline std::vector<platform::GemmResult> expect_golden(const platform::RunOptions &options,
                                                       const std::vector<platform::GemmJob> &jobs) {
  std::vector<platform::GemmResult> results = platform::run_gemm(options, jobs);
  expect_golden(options, jobs, results);
  return results;
}

/// "8x8-int8" as a part of a test's name.
inline std::string test_name(std::string config) {
  for (char &c : config)
    if (c == '-') c = '_';
  return config;
}

}  // namespace systole::tb
