// SPDX-License-Identifier: Apache-2.0
// Matrix products end to end: driver, registers, engine, memory. The engine and its configurations are those of the binary.
#include <gtest/gtest.h>

#include <algorithm>

#include "tb/system/engine.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {
namespace {

using platform::GemmJob;
using platform::RunOptions;

class GemmTest : public SystemTest {};

/// 1, one less and one more than a tile, and a prime, along each axis.
std::vector<uint32_t> sizes_around(uint32_t tile, uint32_t prime) {
  std::vector<uint32_t> sizes = {1, tile - 1, tile, tile + 1, prime};
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

TEST_P(GemmTest, OneByOneByOne) { expect_golden(options(), {random_job(random_, 1, 1, 1)}); }

TEST_P(GemmTest, OneTile) { expect_golden(options(), {random_job(random_, config().cols, config().cols, 2 * config().rows)}); }

TEST_P(GemmTest, ShapesAroundTheTile) {
  std::vector<GemmJob> jobs;
  for (const uint32_t m : sizes_around(config().cols, 5))
    for (const uint32_t n : sizes_around(config().cols, 3))
      for (const uint32_t k : sizes_around(2 * config().rows, 7)) jobs.push_back(random_job(random_, m, n, k));
  expect_golden(options(), jobs);
}

TEST_P(GemmTest, PrimeShapes) {
  std::vector<GemmJob> jobs;
  const uint32_t primes[][3] = {{2, 3, 5}, {7, 11, 13}, {17, 19, 23}, {29, 31, 37}, {61, 67, 71}, {101, 53, 113}, {131, 37, 257}};
  for (const auto &p : primes) jobs.push_back(random_job(random_, p[0], p[1], p[2]));
  expect_golden(options(), jobs);
}

TEST_P(GemmTest, TypesZeroPointsSeedsAndGaps) {
  RunOptions run = options();
  run.layout_seed = 7;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 40; ++i) {
    jobs.push_back(random_job(random_, 1 + random_() % 40, 1 + random_() % 40, 1 + random_() % 90));
    randomise(random_, jobs.back());
  }
  expect_golden(run, jobs);
}

/// Rule FIXED with a shift to the left before the multiplication, one for the matrix: what turns small sums into large results.
TEST_P(GemmTest, RequantisationShiftsLeft) {
  std::vector<GemmJob> jobs;
  for (const int shift : {1, 7, 24, 30}) {
    GemmJob job = random_job(random_, 9, 11, 2);
    tool::Random values(random_());
    job.epilogue = tool::random_requant(values, golden::Requant::fixed, 1, 100);
    job.epilogue.multiplier = {static_cast<int32_t>((int64_t{1} << 31 >> shift) - 1)};
    job.epilogue.shift = {shift};
    jobs.push_back(job);
  }
  expect_golden(options(), jobs);
}

TEST_P(GemmTest, RandomStallsOnAllChannels) {
  RunOptions run = options();
  run.timing.stall_seed = 11;
  run.layout_seed = 11;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 20; ++i) {
    jobs.push_back(random_job(random_, 1 + random_() % 60, 1 + random_() % 60, 1 + random_() % 150));
    randomise(random_, jobs.back());
  }
  expect_golden(run, jobs);
}

TEST_P(GemmTest, SlowestMemory) {
  RunOptions run = options();
  run.timing.bytes_per_cycle = 1;
  run.timing.outstanding = 1;
  run.layout_seed = 12;
  expect_golden(run, {random_job(random_, 19, 17, 23), random_job(random_, 1, 40, 65)});
}

TEST_P(GemmTest, JobLongerThanTheRing) {
  RunOptions run = options();
  run.ring_entries_log2 = 2;
  expect_golden(run, {random_job(random_, 150, 70, 300), random_job(random_, 3, 5, 7), random_job(random_, 90, 170, 130)});
}

TEST_P(GemmTest, LargerThanEveryBuffer) {
  RunOptions run = options();
  run.timing.bytes_per_cycle = 64;
  const bool small = config().int8_macs_per_cycle() < 100;
  // A beyond the activation buffer, B beyond the weight buffer, C beyond both accumulator halves.
  expect_golden(
      run, {small ? random_job(random_, 270, 40, 300) : random_job(random_, 270, 260, 300), random_job(random_, 20, 24, 4200)});
}

TEST_P(GemmTest, VectorTimesMatrix) {
  expect_golden(options(),
                {random_job(random_, 1, 100, 1000), random_job(random_, 100, 1, 1000), random_job(random_, 1, 1, 3001)});
}

INSTANTIATE_TEST_SUITE_P(Gemm, GemmTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return engine_name() + "_" + test_name(info.param); });

}  // namespace
}  // namespace systole::tb
