// SPDX-License-Identifier: Apache-2.0
// Floating-point products end to end, on the configurations that have floating point.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <numeric>
#include <optional>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "tb/system/engine.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {
namespace {

using golden::DType;
using platform::GemmJob;
using platform::GemmResult;
using platform::RunOptions;

class FloatTest : public SystemTest {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FloatTest);  // binaries of configurations without floating point

std::vector<std::string> float_configs() {
  std::vector<std::string> out;
  const std::vector<std::string> all = engine_configs();
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [](const std::string &name) { return platform::find_config(name).fp; });
  return out;
}

/// Element i of little-endian 16-bit elements, exactly; written without the golden model's conversions.
float element(const std::vector<uint8_t> &bytes, DType type, size_t i) {
  const uint32_t bits = bytes[2 * i] | static_cast<uint32_t>(bytes[2 * i + 1]) << 8;
  if (type == DType::bf16) {
    const uint32_t word = bits << 16;
    float value;
    std::memcpy(&value, &word, sizeof value);
    return value;
  }
  const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
  float magnitude;
  if (exponent == 31)
    magnitude = fraction == 0 ? INFINITY : NAN;
  else
    magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return std::copysign(magnitude, (bits & 0x8000) != 0 ? -1.0f : 1.0f);
}

std::vector<float> elements(const std::vector<uint8_t> &bytes, DType type) {
  std::vector<float> out(bytes.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) out[i] = element(bytes, type, i);
  return out;
}

/// The contract, word for word: acc = seed; for k ascending: acc = fma(a, b, acc). C as binary32 words.
std::vector<uint32_t> scalar_loop(const GemmJob &job) {
  const std::vector<float> a = elements(job.a, job.a_type), b = elements(job.b, job.b_type);
  std::vector<uint32_t> c(size_t{job.m} * job.n);
  for (uint32_t i = 0; i < job.m; ++i) {
    for (uint32_t j = 0; j < job.n; ++j) {
      float acc;
      std::memcpy(&acc, &job.seed->at(size_t{i} * job.n + j), sizeof acc);
      for (uint32_t k = 0; k < job.k; ++k) acc = std::fma(a[size_t{i} * job.k + k], b[size_t{j} * job.k + k], acc);
      uint32_t bits = 0x7FC00000;
      if (!std::isnan(acc)) std::memcpy(&bits, &acc, sizeof bits);
      c[size_t{i} * job.n + j] = bits;
    }
  }
  return c;
}

std::vector<uint32_t> words(const std::vector<uint8_t> &bytes) {
  std::vector<uint32_t> out(bytes.size() / 4);
  std::memcpy(out.data(), bytes.data(), 4 * out.size());
  return out;
}

/// Rows of `size` bytes in another order: row i is row order[i] of `in`.
std::vector<uint8_t> reordered(const std::vector<uint8_t> &in, const std::vector<uint32_t> &order, size_t size) {
  std::vector<uint8_t> out;
  for (const uint32_t row : order)
    out.insert(out.end(), in.begin() + static_cast<ptrdiff_t>(row * size), in.begin() + static_cast<ptrdiff_t>((row + 1) * size));
  return out;
}

/// c[i][j] = in[rows[i]][columns[j]].
std::vector<uint32_t> reordered(const std::vector<uint32_t> &in, const std::vector<uint32_t> &rows,
                                const std::vector<uint32_t> &columns) {
  std::vector<uint32_t> out;
  for (const uint32_t row : rows)
    for (const uint32_t column : columns) out.push_back(in[size_t{row} * columns.size() + column]);
  return out;
}

/// A product from a seed matrix to binary32, each row and column in a regime of its own.
GemmJob seeded_job(tool::Random &values, DType type, uint32_t m, uint32_t n, uint32_t k) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = type;
  job.a = tool::regime_matrix(values, type, m, k);
  job.b = tool::regime_matrix(values, type, n, k);
  job.seed = tool::float_seeds(values, size_t{m} * n);
  job.epilogue.out = DType::fp32;
  return job;
}

void expect_words(const std::vector<uint32_t> &c, const std::vector<uint32_t> &expected, size_t index) {
  ASSERT_EQ(c.size(), expected.size());
  const auto [actual, right] = std::mismatch(c.begin(), c.end(), expected.begin());
  EXPECT_TRUE(actual == c.end()) << "job " << index << ", element " << actual - c.begin() << ": "
                                 << tool::value_text(DType::fp32, *actual) << " instead of "
                                 << tool::value_text(DType::fp32, *right);
}

/// The driver's plan for a job of seeded_job().
systole_gemm_plan_t plan_of(const platform::ConfigInfo &config, uint32_t m, uint32_t n, uint32_t k) {
  const auto log2 = [](unsigned value) {
    uint32_t out = 0;
    while (1u << out < value) ++out;
    return out;
  };
  systole_t device{};
  device.caps.rows_log2 = log2(config.rows);
  device.caps.cols_log2 = log2(config.cols);
  device.caps.word_bytes_log2 = log2(config.word_bytes());
  device.caps.axi_bytes_log2 = log2(config.axi_bytes());
  device.caps.act_words = config.act_words();
  device.caps.wgt_words = config.wgt_words();
  device.caps.acc_rows = config.acc_rows;
  device.caps.param_entries = config.param_entries;
  device.caps.element_latency = config.element_latency;
  device.caps.epilogue_lanes_log2 = log2(config.epilogue_lanes());
  device.caps.queue_depth = config.queue_depth;
  device.caps.max_reads = config.max_reads;
  device.caps.max_writes = config.max_writes;
  device.caps.address_bits = config.axi_addr_bits;
  device.caps.fp = config.fp;
  systole_gemm_t gemm{};
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  gemm.a = 0x10000000;
  gemm.b = 0x20000000;
  gemm.seed = 0x30000000;
  gemm.c = 0x40000000;
  gemm.a_pitch = gemm.b_pitch = int64_t{2} * k;
  gemm.seed_pitch = gemm.c_pitch = int64_t{4} * n;
  gemm.a_dtype = gemm.b_dtype = SYSTOLE_DTYPE_FP16;
  gemm.epilogue.out_dtype = SYSTOLE_DTYPE_FP32;
  systole_gemm_plan_t plan{};
  EXPECT_EQ(systole_gemm_plan(&device, &gemm, &plan), SYSTOLE_OK);
  return plan;
}

/// The data is the same for every configuration: that each equals the scalar loop makes them equal to one another.
TEST_P(FloatTest, EqualsAScalarLoopInEveryOrderOfRowsAndColumns) {
  tool::Random values(7);
  std::vector<GemmJob> jobs;
  std::vector<std::vector<uint32_t>> expected;
  for (const DType type : {DType::fp16, DType::bf16}) {
    for (const uint32_t k : {45u, 130u}) {
      const GemmJob job = seeded_job(values, type, 41, 43, k);
      const std::vector<uint32_t> c = scalar_loop(job);
      std::vector<uint32_t> rows(job.m), columns(job.n);
      std::iota(rows.begin(), rows.end(), 0);
      std::iota(columns.begin(), columns.end(), 0);
      for (unsigned order = 0; order < 4; ++order) {
        if (order % 2 == 1) std::shuffle(rows.begin(), rows.end(), random_);
        if (order / 2 == 1) std::shuffle(columns.begin(), columns.end(), random_);
        GemmJob other = job;
        other.a = reordered(job.a, rows, size_t{2} * k);
        other.b = reordered(job.b, columns, size_t{2} * k);
        other.seed = reordered(*job.seed, rows, columns);
        jobs.push_back(other);
        expected.push_back(reordered(c, rows, columns));
      }
    }
  }
  const std::vector<GemmResult> results = expect_golden(options(), jobs);
  ASSERT_EQ(results.size(), jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) expect_words(words(results[i].c), expected[i], i);
}

/// C beyond an accumulator half, A and B beyond their buffers: blocks along M and along N, chunks along K. The shapes are the
/// smallest ones that the driver cuts so, one for either order of the blocks.
TEST_P(FloatTest, EqualsAScalarLoopInBlocksOfMAndNAndChunksOfKInBothOrders) {
  struct Choice {
    uint32_t m, n, k;
    uint64_t macs() const { return uint64_t{m} * n * k; }
  };
  std::vector<Choice> shapes;
  const auto larger = [](uint32_t size) { return size + size / 5; };
  for (uint32_t m = 33; m < 800; m = larger(m)) {
    for (uint32_t n = 31; n < 800; n = larger(n)) {
      for (uint32_t k = 57; k < 1100; k = larger(k)) {
        const uint64_t tiles = (n + config().cols - 1) / config().cols, k_words = (k + config().rows - 1) / config().rows;
        if (m * tiles <= config().acc_rows || m * k_words <= config().act_words() || n * k_words <= config().wgt_words())
          continue;
        shapes.push_back({m, n, k});
      }
    }
  }
  std::sort(shapes.begin(), shapes.end(), [](const Choice &a, const Choice &b) { return a.macs() < b.macs(); });
  std::optional<Choice> choices[2];
  for (auto shape = shapes.begin(); shape != shapes.end() && !(choices[0] && choices[1]); ++shape) {
    const systole_gemm_plan_t plan = plan_of(config(), shape->m, shape->n, shape->k);
    if (plan.m_blocks < 2 || plan.n_blocks < 2 || plan.k_chunk >= plan.k_words) continue;
    std::optional<Choice> &choice = choices[plan.n_outer ? 1 : 0];
    if (!choice) choice = *shape;
  }
  tool::Random values(8);
  std::vector<GemmJob> jobs;
  for (const std::optional<Choice> &choice : choices) {
    ASSERT_TRUE(choice) << "the driver never takes this order";
    jobs.push_back(seeded_job(values, jobs.empty() ? DType::bf16 : DType::fp16, choice->m, choice->n, choice->k));
  }
  const std::vector<GemmResult> results = expect_golden(options(), jobs);
  ASSERT_EQ(results.size(), jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) expect_words(words(results[i].c), scalar_loop(jobs[i]), i);
}

TEST_P(FloatTest, ShapesAroundTheTile) {
  const auto around = [](uint32_t tile) { return std::vector<uint32_t>{1, tile - 1, tile, tile + 1}; };
  std::vector<GemmJob> jobs;
  for (const uint32_t m : around(config().cols))
    for (const uint32_t n : around(config().cols))
      for (const uint32_t k : around(config().rows)) jobs.push_back(random_float_job(random_, m, n, k));
  expect_golden(options(), jobs);
}

/// The lanes beyond K pass the sum as it is: were +0 added there, -0 would become +0.
TEST_P(FloatTest, TailsKeepMinusZero) {
  std::vector<GemmJob> jobs;
  tool::Random values(random_());
  for (const DType type : {DType::fp16, DType::bf16}) {
    for (uint32_t k = 1; k <= 2 * config().rows + 1; k += 1 + k / 5) {
      GemmJob job = tool::float_product(values, type, DType::fp32, 5, 6, k);
      job.a = tool::float_matrix(values, type, job.m, k, tool::Regime::minus_zero);
      job.b = tool::float_matrix(values, type, job.n, k, tool::Regime::positive);
      job.bias = std::vector<uint32_t>(job.n, 0x80000000);
      jobs.push_back(job);
    }
  }
  const std::vector<GemmResult> results = expect_golden(options(), jobs);
  for (const GemmResult &result : results) EXPECT_EQ(words(result.c), std::vector<uint32_t>(30, 0x80000000));
}

TEST_P(FloatTest, RandomStallsOnAllChannels) {
  RunOptions run = options();
  run.timing.stall_seed = 13;
  run.layout_seed = 13;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 20; ++i)
    jobs.push_back(random_float_job(random_, 1 + random_() % 60, 1 + random_() % 60, 1 + random_() % 90));
  expect_golden(run, jobs);
}

/// One MATMUL follows the other, integers after floating point and the other way round, with no idle time between.
TEST_P(FloatTest, JobsOfAllTypesQueuedInOneRing) {
  RunOptions run = options();
  run.layout_seed = 14;
  run.queued = true;
  run.ring_entries_log2 = 12;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 24; ++i) {
    const uint32_t m = 1 + random_() % 40, n = 1 + random_() % 40, k = 1 + random_() % 60;
    if (i % 2 == 0) {
      jobs.push_back(random_job(random_, m, n, k));
      randomise(random_, jobs.back());
    } else {
      jobs.push_back(random_float_job(random_, m, n, k));
    }
  }
  expect_golden(run, jobs);
}

TEST_P(FloatTest, QueuedJobsLongerThanTheRing) {
  RunOptions run = options();
  run.queued = true;
  run.ring_entries_log2 = 2;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < 3; ++i) {
    jobs.push_back(random_float_job(random_, 50, 70, 90));
    jobs.push_back(random_job(random_, 70, 50, 130));
  }
  expect_golden(run, jobs);
}

TEST_P(FloatTest, LargerThanEveryBuffer) {
  RunOptions run = options();
  run.timing.bytes_per_cycle = 64;
  const bool small = config().fp_macs_per_cycle() < 50;
  // A beyond the activation buffer, B beyond the weight buffer, C beyond both accumulator halves.
  expect_golden(run, {small ? random_float_job(random_, 270, 40, 150) : random_float_job(random_, 270, 260, 150),
                      random_float_job(random_, 20, 24, 2100)});
}

INSTANTIATE_TEST_SUITE_P(Float, FloatTest, testing::ValuesIn(float_configs()),
                         [](const auto &info) { return engine_name() + "_" + test_name(info.param); });

}  // namespace
}  // namespace systole::tb
