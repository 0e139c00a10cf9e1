// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/named_tests.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <ostream>
#include <utility>

#include "sim/golden/float.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/test_data.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace {

using golden::DType;
using golden::Requant;
using platform::GemmJob;

void add(TestPlan &plan, std::string name, GemmJob job) {
  plan.names.push_back(std::move(name));
  plan.jobs.push_back(std::move(job));
}

TestPlan gemm_int8(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  add(plan, "256x256x256", int_product(random, 256, 256, 256));
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
    GemmJob job = int_product(random, m, n, k, i % 5 == 4);
    if (i % 3 == 1) job.bias = random.words(n);
    if (i % 3 == 2) job.seed = random.words(std::size_t{m} * n);
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
  for (const DType a_type : {DType::u8, DType::s8}) {
    for (const DType b_type : {DType::u8, DType::s8}) {
      const int a_low = a_type == DType::s8 ? -128 : 0;
      const int b_low = b_type == DType::s8 ? -128 : 0;
      const std::string types = std::string(golden::name(a_type)) + " * " + golden::name(b_type);
      for (const int a_zp : {a_low, a_low + 255}) {
        for (const int b_zp : {b_low, b_low + 255}) {
          GemmJob job = int_product(random, 37, 41, 83, true);
          job.a_type = a_type;
          job.b_type = b_type;
          job.a_zp = a_zp;
          job.b_zp = {b_zp};
          add(plan, types + ", zero points " + std::to_string(a_zp) + " and " + std::to_string(b_zp), std::move(job));
        }
      }
      GemmJob job = int_product(random, 50, 77, 131);
      job.a_type = a_type;
      job.b_type = b_type;
      job.a_zp = random.zero_point(a_type);
      job.b_zp.clear();
      for (std::uint32_t column = 0; column < job.n; ++column) {
        job.b_zp.push_back(column % 4 == 0 ? b_low : column % 4 == 1 ? b_low + 255 : random.zero_point(b_type));
      }
      job.bias = random.words(job.n);
      add(plan, types + ", a zero point a column", std::move(job));
    }
  }
  return plan;
}

/// Sizes near the array's own are as likely as any others.
std::uint32_t stress_size(Random &random, std::uint32_t tile) {
  if (random.chance(3)) {
    const std::int64_t tiles = random.between(1, 3);
    return static_cast<std::uint32_t>(std::max<std::int64_t>(1, tile * tiles + random.between(-1, 1)));
  }
  const std::uint32_t limit = 1u << (1 + random.below(8));
  return static_cast<std::uint32_t>(1 + random.below(limit));
}

void stress_gaps(Random &random, GemmJob &job) {
  if (random.chance(2)) return;
  job.a_gap = static_cast<std::uint32_t>(random.below(70));
  job.b_gap = static_cast<std::uint32_t>(random.below(70));
  job.c_gap = static_cast<std::uint32_t>(random.below(70));
}

/// The reach of the sums of k random products.
double reach(std::uint32_t k) { return 128.0 * 128.0 * std::sqrt(static_cast<double>(k)); }

GemmJob stress_int(Random &random, const platform::ConfigInfo &config) {
  const std::uint32_t m = stress_size(random, config.cols), n = stress_size(random, config.cols),
                      k = stress_size(random, config.word_bytes());
  GemmJob job = int_product(random, m, n, k, random.chance(4));
  job.a_type = random.chance(2) ? DType::s8 : DType::u8;
  job.b_type = random.chance(2) ? DType::s8 : DType::u8;
  job.a_zp = random.zero_point(job.a_type);
  job.b_zp.clear();
  const bool per_column = random.chance(2);
  for (std::uint32_t column = 0; column < (per_column ? n : 1); ++column) job.b_zp.push_back(random.zero_point(job.b_type));
  const std::uint64_t seeds = random.below(3);
  if (seeds == 1) job.bias = random.words(n);
  if (seeds == 2) job.seed = random.words(std::size_t{m} * n);
  // Random words as seeds are far beyond the products.
  const double far = seeds == 0 ? reach(k) : 0x1p31;
  switch (random.below(4)) {
    case 0: job.epilogue = random_requant(random, Requant::floating, n, far); break;
    case 1: job.epilogue = random_requant(random, Requant::fixed, n, far); break;
    default: break;
  }
  stress_gaps(random, job);
  return job;
}

constexpr DType kFloatResults[] = {DType::fp32, DType::fp16, DType::bf16};

/// A bound for the clamp: any number but a NaN, more often a moderate one.
std::uint32_t float_bound(Random &random) {
  static constexpr std::uint32_t kBounds[] = {0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
                                              0xff800000, 0x00000001, 0x80000001, 0x477fe000, 0xc77fe000};
  return kBounds[random.below(std::size(kBounds))];
}

/// Bounds that make sense, perhaps one, perhaps none.
void random_clamp(Random &random, golden::Epilogue &epilogue) {
  std::uint32_t low = float_bound(random), high = float_bound(random);
  if (golden::as_float(low) > golden::as_float(high)) std::swap(low, high);
  if (random.chance(2)) epilogue.clamp_min = low;
  if (random.chance(2)) epilogue.clamp_max = high;
}

/// Every row and every column in a regime of its own.
GemmJob regimes(Random &random, DType type, DType out, std::uint32_t m, std::uint32_t n, std::uint32_t k) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = type;
  job.a = regime_matrix(random, type, m, k, random.below(kRegimes));
  job.b = regime_matrix(random, type, n, k, random.below(kRegimes));
  job.epilogue.out = out;
  return job;
}

GemmJob stress_float(Random &random, const platform::ConfigInfo &config) {
  const DType type = random.chance(2) ? DType::fp16 : DType::bf16;
  const DType out = kFloatResults[random.below(3)];
  const std::uint32_t m = stress_size(random, config.cols), n = stress_size(random, config.cols),
                      k = stress_size(random, config.rows);
  GemmJob job = random.chance(2) ? regimes(random, type, out, m, n, k) : float_product(random, type, out, m, n, k);
  const std::uint64_t seeds = random.below(3);
  if (seeds == 1) job.bias = float_seeds(random, n);
  if (seeds == 2) job.seed = float_seeds(random, std::size_t{m} * n);
  if (random.chance(3)) random_clamp(random, job.epilogue);
  stress_gaps(random, job);
  return job;
}

TestPlan gemm_int8_stress(const platform::ConfigInfo &config, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.stall_seed = seed;
  plan.layout_seed = seed;
  constexpr unsigned kProducts = 30;
  for (unsigned i = 0; i < kProducts; ++i) add(plan, "stress " + std::to_string(i), stress_int(random, config));
  return plan;
}

TestPlan gemm_float_stress(const platform::ConfigInfo &config, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.stall_seed = seed;
  plan.layout_seed = seed;
  constexpr unsigned kProducts = 30;
  for (unsigned i = 0; i < kProducts; ++i) add(plan, "stress " + std::to_string(i), stress_float(random, config));
  return plan;
}

TestPlan gemm_fp16(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  add(plan, "512x512x512", float_product(random, DType::fp16, DType::fp16, 512, 512, 512));
  return plan;
}

TestPlan gemm_bf16(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  add(plan, "256x256x256", float_product(random, DType::bf16, DType::bf16, 256, 256, 256));
  return plan;
}

TestPlan gemm_fp16_special(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.layout_seed = seed;
  // K below, at and beyond the words of the configurations, mostly odd: the tails let a sum of -0 pass.
  static constexpr std::uint32_t kDepths[] = {1, 2, 3, 7, 15, 17, 33, 64, 71};
  unsigned i = 0;
  for (const DType type : {DType::fp16, DType::bf16}) {
    for (const DType out : kFloatResults) {
      for (unsigned seeds = 0; seeds < 3; ++seeds, ++i) {
        const std::uint32_t m = 27 + 2 * i % 9, n = 29 + 4 * i % 13, k = kDepths[i % std::size(kDepths)];
        GemmJob job = regimes(random, type, out, m, n, k);
        if (seeds == 1) job.bias = float_seeds(random, n);
        if (seeds == 2) job.seed = float_seeds(random, std::size_t{m} * n);
        if (i % 4 == 3) random_clamp(random, job.epilogue);
        add(plan, std::string(golden::name(type)) + " -> " + golden::name(out) + ", K = " + std::to_string(k), std::move(job));
      }
    }
    // Nothing but -0, from a seed of -0: the sum is -0 whatever K is, and the tail must not make it +0.
    for (const std::uint32_t k : {1u, 5u, 31u, 65u}) {
      GemmJob job = float_product(random, type, DType::fp32, 19, 21, k);
      job.a = float_matrix(random, type, job.m, k, Regime::minus_zero);
      job.b = float_matrix(random, type, job.n, k, Regime::positive);
      job.bias = std::vector<std::uint32_t>(job.n, 0x80000000);
      add(plan, std::string(golden::name(type)) + ", -0 only, K = " + std::to_string(k), std::move(job));
    }
  }
  return plan;
}

TestPlan gemm_mixed(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.layout_seed = seed;
  plan.queued = true;
  for (unsigned round = 0; round < 3; ++round) {
    const std::uint32_t size = 21 + 18 * round;
    GemmJob ints = int_product(random, size, size + 3, 2 * size + 1);
    ints.bias = random.words(ints.n);
    add(plan, "int8 -> int32", std::move(ints));
    GemmJob halves = regimes(random, DType::fp16, DType::fp16, size + 5, size, size + 6);
    halves.bias = float_seeds(random, halves.n);
    add(plan, "fp16 -> fp16", std::move(halves));
    GemmJob bytes = int_product(random, size, size + 1, size + 2);
    bytes.a_type = DType::u8;
    bytes.a_zp = 131;
    bytes.epilogue = random_requant(random, round % 2 == 0 ? Requant::floating : Requant::fixed, bytes.n, reach(bytes.k));
    add(plan, "uint8 * int8 requantised", std::move(bytes));
    add(plan, "bf16 -> fp32", regimes(random, DType::bf16, DType::fp32, size, size + 7, size));
    add(plan, "fp16 -> bf16", float_product(random, DType::fp16, DType::bf16, 2 * size, size, size));
  }
  return plan;
}

/// A product whose sums are the seed matrix: A is zero.
GemmJob sums(std::uint32_t m, std::uint32_t n, std::vector<std::uint32_t> values) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = 1;
  job.a.assign(m, 0);
  job.b.assign(n, 1);
  job.seed = std::move(values);
  return job;
}

/// m x n sums around 0 that hold every integer of a range, in order, from the middle.
std::vector<std::uint32_t> consecutive(std::uint32_t m, std::uint32_t n) {
  std::vector<std::uint32_t> out(std::size_t{m} * n);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint32_t>(i) - static_cast<std::uint32_t>(out.size() / 2);
  return out;
}

/// Sums at the ends of int32 and around powers of two.
std::vector<std::uint32_t> extreme_sums(Random &random, std::size_t count) {
  std::vector<std::uint32_t> out(count);
  for (std::uint32_t &value : out) {
    const std::uint32_t offset = static_cast<std::uint32_t>(random.between(-2, 2));
    value = random.chance(3) ? random.bits32() : (std::uint32_t{1} << random.below(32)) + offset;
    if (random.chance(2)) value = 0u - value;
  }
  return out;
}

/// What both rules have in common: `tie` sets parameters that halve so many times, `any` those of n columns (1: of the whole
/// matrix).
template <typename Tie, typename Any>
TestPlan requant(std::uint64_t seed, Requant rule, const Tie &tie, const Any &any) {
  Random random(seed);
  TestPlan plan;
  plan.layout_seed = seed;
  for (const DType out : {DType::s8, DType::u8}) {
    const int low = out == DType::s8 ? -128 : 0;
    const std::string name = std::string(golden::name(out)) + ": ";
    const auto epilogue = [&](int zero_point) {
      golden::Epilogue epilogue;
      epilogue.out = out;
      epilogue.rule = rule;
      epilogue.zero_point = zero_point;
      return epilogue;
    };
    // Ties of both signs, everywhere in the result's range and beyond; zero points at both ends and inside.
    for (const int zero_point : {low, low + 77, low + 255}) {
      for (const unsigned halvings : {1u, 3u}) {
        GemmJob job = sums(83, 61, consecutive(83, 61));
        job.epilogue = epilogue(zero_point);
        tie(job.epilogue, halvings);
        add(plan, name + "ties, zero point " + std::to_string(zero_point), std::move(job));
      }
    }
    // Every parameter that there is, on sums as large as they come, for each column another.
    for (const std::uint32_t n : {64u, 67u}) {
      GemmJob job = sums(33, n, extreme_sums(random, std::size_t{33} * n));
      job.epilogue = epilogue(random.zero_point(out));
      any(job.epilogue, random, n);
      add(plan, name + "any parameters per column", std::move(job));
    }
    for (unsigned i = 0; i < 6; ++i) {
      GemmJob job = sums(23, 17, extreme_sums(random, std::size_t{23} * 17));
      job.epilogue = epilogue(random.zero_point(out));
      any(job.epilogue, random, 1);
      add(plan, name + "any parameters", std::move(job));
    }
    // Bounds inside the type, equal ones, on either side of the zero point.
    static constexpr int kBounds[][2] = {{0, 255}, {100, 140}, {200, 200}, {0, 3}, {250, 255}, {255, 255}, {0, 0}};
    for (const auto &[from, to] : kBounds) {
      GemmJob job = sums(29, 19, consecutive(29, 19));
      job.epilogue = epilogue(low + 128);
      tie(job.epilogue, 1);
      job.epilogue.clamp_min = static_cast<std::uint32_t>(low + from);
      job.epilogue.clamp_max = static_cast<std::uint32_t>(low + to);
      add(plan, name + "bounds", std::move(job));
    }
    // Products as a network has them.
    for (const std::array<std::uint32_t, 3> &shape :
         {std::array<std::uint32_t, 3>{65, 63, 129}, {1, 131, 77}, {130, 1, 64}, {31, 95, 33}}) {
      const auto [m, n, k] = shape;
      GemmJob job = int_product(random, m, n, k);
      job.a_type = DType::u8;
      job.a_zp = 119;
      job.bias = std::vector<std::uint32_t>(n);
      for (std::uint32_t &value : *job.bias) value = static_cast<std::uint32_t>(random.between(-100000, 100000));
      job.epilogue = random_requant(random, rule, n, reach(k));
      job.c_gap = static_cast<std::uint32_t>(random.below(20));
      add(plan, name + "a layer", std::move(job));
    }
  }
  return plan;
}

TestPlan requant_float(const platform::ConfigInfo &, std::uint64_t seed) {
  const auto tie = [](golden::Epilogue &epilogue, unsigned halvings) {
    epilogue.scale = {(127 - halvings) << 23};  // 2^-halvings
  };
  const auto any = [](golden::Epilogue &epilogue, Random &random, std::size_t n) {
    static constexpr std::uint32_t kScales[] = {0x00000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x3f800000,
                                                0x33800000, 0x2f800000, 0x30000000, 0x3b808081};
    for (std::size_t i = 0; i < n; ++i) {
      // Any scale would mostly give zeros and bounds: most lie where int32 sums meet the result's range.
      const std::uint32_t useful =
          static_cast<std::uint32_t>(random.between(95, 128)) << 23 | (random.chance(2) ? 0 : random.bits32() & 0x7fffff);
      epilogue.scale.push_back(random.chance(3) ? kScales[random.below(std::size(kScales))] : useful);
    }
  };
  return requant(seed, Requant::floating, tie, any);
}

TestPlan requant_fixed(const platform::ConfigInfo &, std::uint64_t seed) {
  const auto tie = [](golden::Epilogue &epilogue, unsigned halvings) {
    // 1/2 * 2^(1 - halvings): for 1 the tie is in the multiplication, beyond in the shift to the right.
    epilogue.multiplier = {1 << 30};
    epilogue.shift = {1 - static_cast<std::int32_t>(halvings)};
  };
  const auto any = [](golden::Epilogue &epilogue, Random &random, std::size_t n) {
    static constexpr std::int32_t kMultipliers[] = {0, 1, 2, 1 << 30, (1 << 30) + 1, 0x7fffffff, 0x7ffffffe, 0x55555555};
    for (std::size_t i = 0; i < n; ++i) {
      epilogue.multiplier.push_back(random.chance(2) ? kMultipliers[random.below(std::size(kMultipliers))]
                                                     : static_cast<std::int32_t>(random.bits32() >> 1));
      // With 62 columns and more, every shift there is.
      epilogue.shift.push_back(n >= 62 ? static_cast<std::int32_t>(i % 62) - 31
                                       : static_cast<std::int32_t>(random.between(-31, 30)));
    }
    if (n == 67) epilogue.shift = {-7};  // one parameter per column, the other for all
  };
  return requant(seed, Requant::fixed, tie, any);
}

TestPlan gemv_int8(const platform::ConfigInfo &, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  GemmJob job = int_product(random, 1, 4096, 4096);
  job.bias = random.words(job.n);
  add(plan, "1x4096x4096", std::move(job));
  return plan;
}

TestPlan gemm_int8_long(const platform::ConfigInfo &config, std::uint64_t seed) {
  Random random(seed);
  TestPlan plan;
  plan.ring_entries_log2 = 3;
  // Many blocks in every direction, with tails.
  add(plan, "ring of 8 records", int_product(random, 9 * config.cols + 200, 11 * config.cols + 3, 700));
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
    {"gemm_int8_stress", "random shapes, types, results, zero points and addresses, random stalls on all AXI channels",
     gemm_int8_stress},
    {"gemv_int8", "1x4096x4096, a matrix-vector product: bound by memory", gemv_int8},
    {"gemm_int8_long", "a job many times longer than the command ring", gemm_int8_long},
    {"requant_float", "int8 and uint8 results by a float32 scale: ties, extremes, zero points, bounds, per column",
     requant_float},
    {"requant_fixed", "the same by multiplier and shift in fixed point", requant_fixed},
    {"gemm_fp16", "512x512x512, fp16 to fp16", gemm_fp16},
    {"gemm_bf16", "256x256x256, bf16 to bf16", gemm_bf16},
    {"gemm_fp16_special",
     "fp16 and bf16: zeros, subnormals, cancellation, overflow, infinities and NaNs, each in rows of its own", gemm_fp16_special},
    {"gemm_float_stress", "random shapes, float types, biases, clamps and addresses, random stalls on all AXI channels",
     gemm_float_stress},
    {"gemm_mixed", "integer and float products alternately in one command ring, none waiting for the one before", gemm_mixed},
};

}  // namespace

void list_named_tests(std::ostream &out) {
  for (const NamedTest &test : kTests) out << "  " << std::left << std::setw(24) << test.name << std::right << test.what << '\n';
}

TestPlan named_test(const std::string &name, const platform::ConfigInfo &config, std::uint64_t seed) {
  for (const NamedTest &test : kTests) {
    if (name == test.name) return test.plan(config, seed);
  }
  throw UserError("unknown test '" + name + "' (`" + program_name() + " sim` lists them)");
}

}  // namespace systole::tool
