// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "sim/golden/gemm.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::tb {

/// Random numbers of a test, the same in every run; the environment variable SYSTOLE_SEED gives others. The seed is printed.
inline std::mt19937_64 seeded_random() {
  const char *given = std::getenv("SYSTOLE_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : 20240607;
  std::cout << "SYSTOLE_SEED=" << seed << '\n';
  return std::mt19937_64{seed};
}

/// Random matrices of the given sizes, signed, without zero points.
inline platform::GemmJob random_job(std::mt19937_64 &random, uint32_t m, uint32_t n, uint32_t k) {
  platform::GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a.resize(size_t{m} * k);
  job.b.resize(size_t{n} * k);
  for (uint8_t &byte : job.a) byte = static_cast<uint8_t>(random());
  for (uint8_t &byte : job.b) byte = static_cast<uint8_t>(random());
  return job;
}

/// Random types, zero points (often at their limits), seeds and gaps.
inline void randomise(std::mt19937_64 &random, platform::GemmJob &job) {
  const auto below = [&random](uint64_t limit) { return random() % limit; };
  const auto zero_point = [&](bool is_signed) {
    const int low = is_signed ? -128 : 0;
    switch (below(4)) {
      case 0: return low;
      case 1: return low + 255;
      case 2: return 0;
      default: return low + static_cast<int>(below(256));
    }
  };
  job.a_signed = below(2) != 0;
  job.b_signed = below(2) != 0;
  job.a_zp = zero_point(job.a_signed);
  job.b_zp.assign(below(2) != 0 ? job.n : 1, 0);
  for (int &zp : job.b_zp) zp = zero_point(job.b_signed);
  const uint64_t seed = below(3);
  if (seed == 1) {
    job.bias.emplace(job.n);
    for (int32_t &value : *job.bias) value = static_cast<int32_t>(random());
  } else if (seed == 2) {
    job.seed.emplace(size_t{job.m} * job.n);
    for (int32_t &value : *job.seed) value = static_cast<int32_t>(random());
  }
  job.a_gap = below(2) * below(40);
  job.b_gap = below(2) * below(40);
  job.c_gap = below(2) * below(40);
}

/// The golden result of a job.
inline std::vector<int32_t> golden(const platform::GemmJob &job) {
  std::vector<int32_t> zero_points(job.n), c(size_t{job.m} * job.n);
  for (uint32_t n = 0; n < job.n; ++n) zero_points[n] = job.b_zp[job.b_zp.size() == 1 ? 0 : n];
  golden::gemm_int(job.m, job.n, job.k, {job.a.data(), job.a_signed, job.k}, {job.b.data(), job.b_signed, job.k}, job.a_zp,
                   zero_points.data(), job.seed ? job.seed->data() : nullptr, job.bias ? job.bias->data() : nullptr, c.data());
  return c;
}

/// Runs the jobs and expects every bit, and no other byte of memory changed.
inline std::vector<platform::GemmResult> expect_golden(const platform::RunOptions &options,
                                                       const std::vector<platform::GemmJob> &jobs) {
  const std::vector<platform::GemmResult> results = platform::run_gemm(options, jobs);
  for (size_t i = 0; i < jobs.size(); ++i) {
    const platform::GemmJob &job = jobs[i];
    const std::string name =
        "job " + std::to_string(i) + ": " + std::to_string(job.m) + "x" + std::to_string(job.n) + "x" + std::to_string(job.k);
    const platform::GemmResult &result = results[i];
    EXPECT_EQ(result.driver_message, "") << name;
    EXPECT_TRUE(result.ok()) << name << ": " << result.memory_report << ", " << result.unwritten << " bytes of C not written";
    const std::vector<int32_t> expected = golden(job);
    size_t wrong = 0, first = 0;
    for (size_t e = 0; e < expected.size(); ++e)
      if (result.c.at(e) != expected[e] && wrong++ == 0) first = e;
    EXPECT_EQ(wrong, 0u) << name << ": first at row " << first / job.n << ", column " << first % job.n << ": " << result.c[first]
                         << " instead of " << expected[first];
  }
  return results;
}

/// "8x8-int8" as a part of a test's name.
inline std::string test_name(std::string config) {
  for (char &c : config)
    if (c == '-') c = '_';
  return config;
}

}  // namespace systole::tb
