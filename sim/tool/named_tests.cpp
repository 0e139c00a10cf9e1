// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/named_tests.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <random>
#include <utility>

#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace {

using platform::GemmJob;

/// Random numbers that are the same everywhere: the standard's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// 0 to limit - 1; the bias of the remainder is far below what a test could notice.
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }
  std::int32_t int32() {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(below(std::uint64_t{1} << 32)) - (std::int64_t{1} << 31));
  }

  /// Any byte, or, for a matrix of extremes, one of the four at the ends of the types' ranges.
  std::vector<std::uint8_t> bytes(std::size_t count, bool extremes) {
    static constexpr std::uint8_t kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
    std::vector<std::uint8_t> out(count);
    for (std::uint8_t &byte : out) byte = extremes ? kExtremes[below(4)] : static_cast<std::uint8_t>(below(256));
    return out;
  }

  std::vector<std::int32_t> int32s(std::size_t count) {
    std::vector<std::int32_t> out(count);
    for (std::int32_t &value : out) value = int32();
    return out;
  }

  int zero_point(bool is_signed) { return static_cast<int>(below(256)) - (is_signed ? 128 : 0); }

 private:
  std::mt19937_64 engine_;
};

GemmJob product(Random &random, std::uint32_t m, std::uint32_t n, std::uint32_t k, bool extremes = false) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a = random.bytes(std::size_t{m} * k, extremes);
  job.b = random.bytes(std::size_t{n} * k, extremes);
  return job;
}

void add(TestPlan &plan, std::string name, GemmJob job) {
  plan.names.push_back(std::move(name));
  plan.jobs.push_back(std::move(job));
}

TestPlan gemm_int8(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  add(plan, "256x256x256", product(random, 256, 256, 256));
  return plan;
}

TestPlan gemm_int8_ragged(const platform::ConfigInfo &, std::uint64_t seed) {
  static constexpr std::array<std::uint32_t, 3> kShapes[] = {
      {1, 1, 1},     {1, 1, 2},     {2, 1, 1},       {1, 2, 1},     {3, 5, 7},     {7, 3, 5},     {5, 7, 3},      {1, 17, 33},
      {17, 1, 33},   {33, 17, 1},   {15, 15, 15},    {16, 16, 16},  {17, 17, 17},  {16, 16, 31},  {16, 16, 32},   {16, 16, 33},
      {31, 32, 33},  {32, 31, 65},  {64, 64, 64},    {65, 63, 127}, {97, 89, 83},  {101, 103, 7}, {11, 103, 107}, {127, 129, 131},
      {1, 255, 257}, {257, 1, 255}, {255, 257, 1},   {13, 300, 7},  {300, 13, 7},  {7, 13, 300},  {200, 3, 200},  {1, 1, 1031},
      {1031, 1, 1},  {1, 1031, 1},  {191, 193, 197}, {251, 7, 509}, {2, 509, 251}, {4, 67, 2049},
  };
  Random random(seed);
  TestPlan plan;
  plan.layout_seed = seed;
  for (std::size_t i = 0; i < std::size(kShapes); ++i) {
    const auto [m, n, k] = kShapes[i];
    GemmJob job = product(random, m, n, k, i % 5 == 4);
    if (i % 3 == 1) job.bias = random.int32s(n);
    if (i % 3 == 2) job.seed = random.int32s(std::size_t{m} * n);
    if (i % 4 == 1) {  // rows that do not follow each other without a gap
      job.a_gap = static_cast<std::uint32_t>(random.below(40));
      job.b_gap = static_cast<std::uint32_t>(random.below(40));
      job.c_gap = static_cast<std::uint32_t>(random.below(40));
    }
    add(plan, "ragged " + std::to_string(i), std::move(job));
  }
  return plan;
}

TestPlan gemm_uint8_asymmetric(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.layout_seed = seed;
  for (const bool a_signed : {false, true}) {
    for (const bool b_signed : {false, true}) {
      const int a_low = a_signed ? -128 : 0;
      const int b_low = b_signed ? -128 : 0;
      const std::string types = std::string(a_signed ? "int8" : "uint8") + " * " + (b_signed ? "int8" : "uint8");
      for (const int a_zp : {a_low, a_low + 255}) {
        for (const int b_zp : {b_low, b_low + 255}) {
          GemmJob job = product(random, 37, 41, 83, true);
          job.a_signed = a_signed;
          job.b_signed = b_signed;
          job.a_zp = a_zp;
          job.b_zp = {b_zp};
          add(plan, types + ", zero points " + std::to_string(a_zp) + " and " + std::to_string(b_zp), std::move(job));
        }
      }
      GemmJob job = product(random, 50, 77, 131);
      job.a_signed = a_signed;
      job.b_signed = b_signed;
      job.a_zp = random.zero_point(a_signed);
      job.b_zp.clear();
      for (std::uint32_t column = 0; column < job.n; ++column) {
        job.b_zp.push_back(column % 4 == 0 ? b_low : column % 4 == 1 ? b_low + 255 : random.zero_point(b_signed));
      }
      job.bias = random.int32s(job.n);
      add(plan, types + ", a zero point a column", std::move(job));
    }
  }
  return plan;
}

TestPlan gemm_int8_stress(const platform::ConfigInfo &config, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.stall_seed = seed;
  plan.layout_seed = seed;
  constexpr unsigned kProducts = 30;
  for (unsigned i = 0; i < kProducts; ++i) {
    // Sizes near the array's own are as likely as any others.
    const auto size = [&](std::uint32_t tile) {
      if (random.chance(3))
        return static_cast<std::uint32_t>(
            std::max<std::int64_t>(1, tile * (1 + random.below(3)) + static_cast<std::int64_t>(random.below(3)) - 1));
      const std::uint32_t limit = 1u << (1 + random.below(8));
      return static_cast<std::uint32_t>(1 + random.below(limit));
    };
    const std::uint32_t m = size(config.cols), n = size(config.cols), k = size(config.word_bytes());
    GemmJob job = product(random, m, n, k, random.chance(4));
    job.a_signed = random.chance(2);
    job.b_signed = random.chance(2);
    job.a_zp = random.zero_point(job.a_signed);
    job.b_zp.clear();
    const bool per_column = random.chance(2);
    for (std::uint32_t column = 0; column < (per_column ? n : 1); ++column) job.b_zp.push_back(random.zero_point(job.b_signed));
    const std::uint64_t seeds = random.below(3);
    if (seeds == 1) job.bias = random.int32s(n);
    if (seeds == 2) job.seed = random.int32s(std::size_t{m} * n);
    if (random.chance(2)) {
      job.a_gap = static_cast<std::uint32_t>(random.below(70));
      job.b_gap = static_cast<std::uint32_t>(random.below(70));
      job.c_gap = static_cast<std::uint32_t>(random.below(70));
    }
    add(plan, "stress " + std::to_string(i), std::move(job));
  }
  return plan;
}

TestPlan gemv_int8(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  GemmJob job = product(random, 1, 4096, 4096);
  job.bias = random.int32s(job.n);
  add(plan, "1x4096x4096", std::move(job));
  return plan;
}

TestPlan gemm_int8_long(const platform::ConfigInfo &config, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.ring_entries_log2 = 3;
  // Many blocks in every direction, with tails.
  add(plan, "ring of 8 records", product(random, 9 * config.cols + 200, 11 * config.cols + 3, 700));
  return plan;
}

struct NamedTest {
  const char *name;
  const char *what;
  TestPlan (*plan)(const platform::ConfigInfo &, std::uint64_t);
};

constexpr NamedTest kTests[] = {
    {"gemm_int8", "256x256x256, int8: the first thing to run", gemm_int8},
    {"gemm_int8_ragged", "a few dozen odd shapes, at odd addresses, with biases and seed matrices", gemm_int8_ragged},
    {"gemm_uint8_asymmetric", "all four signedness pairs, zero points at the extremes and per column", gemm_uint8_asymmetric},
    {"gemm_int8_stress", "random shapes, types, zero points and addresses, random stalls on all AXI channels", gemm_int8_stress},
    {"gemv_int8", "1x4096x4096, a matrix-vector product: bound by memory", gemv_int8},
    {"gemm_int8_long", "a job many times longer than the command ring", gemm_int8_long},
};

}  // namespace

void list_named_tests(std::ostream &out) {
  for (const NamedTest &test : kTests) out << "  " << std::left << std::setw(24) << test.name << std::right << test.what << '\n';
}

TestPlan named_test(const std::string &name, const platform::ConfigInfo &config, std::uint64_t seed) {
  for (const NamedTest &test : kTests) {
    if (name == test.name) return test.plan(config, seed);
  }
  throw UserError("unknown test '" + name + "' (`systole sim` lists them)");
}

}  // namespace systole::tool
