// SPDX-License-Identifier: Apache-2.0
// Widening, narrowing and multiply-add against exact arithmetic (exact.hpp), and the same test data against functions with one fault
// each: a fault that the data would not show makes the test fail.
#include "sim/golden/float.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/golden/exact.hpp"
#include "tests/unit/golden/float_cases.hpp"

namespace systole::golden {
namespace {

using exact::format;
using exact::hex;
using exact::kBinary32;

constexpr std::uint32_t kSign = 0x80000000, kInfinity = 0x7F800000, kLargest = 0x7F7FFFFF;

bool is_subnormal(exact::Format f, std::uint32_t bits) {
  const std::uint32_t magnitude = bits & ~f.sign();
  return magnitude != 0 && magnitude < 1U << f.fraction_bits;
}

// ---- widening

TEST(GoldenFloatTest, WideningIsExactForEveryPattern) {
  for (const DType type : {DType::fp16, DType::bf16}) {
    const exact::Format f = format(type);
    for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
      const std::uint32_t wide = widen(type, static_cast<std::uint16_t>(bits));
      if (exact::is_nan(f, bits)) {
        ASSERT_EQ(wide, kNan32) << hex(bits);
        continue;
      }
      ASSERT_EQ(wide & kSign, (bits & 0x8000) << 16) << hex(bits);
      if (exact::is_infinite(f, bits)) {
        ASSERT_EQ(wide & ~kSign, kInfinity) << hex(bits);
      } else {
        ASSERT_LT(wide & ~kSign, kInfinity) << hex(bits);
        ASSERT_EQ(exact::magnitude(kBinary32, wide), exact::magnitude(f, bits)) << hex(bits);
      }
      ASSERT_EQ(narrow(type, wide), bits) << "there and back";
    }
  }
}

// ---- narrowing

/// Faults of a narrowing conversion.
enum class Narrowing {
  right,
  ties_away,
  truncates,
  flushes_input,
  flushes_output,
  saturates,
  rounds_twice,
  keeps_payload,
  drops_sign
};

/// binary32 to a 16-bit format by scaling in double, which holds every intermediate exactly; with a fault.
std::uint16_t faulty_narrow(Narrowing fault, DType type, std::uint32_t bits) {
  const exact::Format f = format(type);
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  std::uint32_t sign = (bits & kSign) >> 16;
  if (exact::is_nan(kBinary32, bits)) {
    if (fault == Narrowing::keeps_payload)
      return static_cast<std::uint16_t>(sign | f.infinity() | (bits & 0x7FFFFF) >> (23 - f.fraction_bits));
    return static_cast<std::uint16_t>(f.nan());
  }
  if ((bits & ~kSign) == kInfinity) return static_cast<std::uint16_t>(sign | f.infinity());
  double x = std::fabs(static_cast<double>(as_float(bits)));
  if (fault == Narrowing::flushes_input && is_subnormal(kBinary32, bits)) x = 0;
  const auto to_grid = [fault](double value, double unit) {
    const double n = value / unit;
    return unit * (fault == Narrowing::ties_away   ? std::floor(n + 0.5)
                   : fault == Narrowing::truncates ? std::floor(n)
                                                   : std::nearbyint(n));
  };
  if (x != 0) {
    const int exponent = std::ilogb(x);
    if (fault == Narrowing::rounds_twice) x = to_grid(x, std::ldexp(1.0, exponent - f.fraction_bits));
    x = to_grid(x, std::ldexp(1.0, std::max(exponent, 1 - bias) - f.fraction_bits));
  }
  if (x == 0) return static_cast<std::uint16_t>(fault == Narrowing::drops_sign ? 0 : sign);
  const int exponent = std::max(std::ilogb(x), 1 - bias);
  if (exponent > bias)
    return static_cast<std::uint16_t>(sign | (fault == Narrowing::saturates ? f.infinity() - 1 : f.infinity()));
  const auto units = static_cast<std::uint32_t>(std::ldexp(x, f.fraction_bits - exponent));
  const std::uint32_t result = (static_cast<std::uint32_t>(exponent + bias - 1) << f.fraction_bits) + units;
  if (fault == Narrowing::flushes_output && is_subnormal(f, result)) return static_cast<std::uint16_t>(sign);
  return static_cast<std::uint16_t>(sign | result);
}

/// binary32 patterns at and beside each number of the format, each midpoint of two neighbours, and the edges.
std::vector<std::uint32_t> narrowing_patterns(DType type) {
  const exact::Format f = format(type);
  std::vector<std::uint32_t> patterns;
  const auto around = [&patterns](std::uint32_t bits) {
    for (std::uint32_t b : {bits - 2, bits - 1, bits, bits + 1, bits + 2}) {
      patterns.push_back(b);
      patterns.push_back(b ^ kSign);
    }
  };
  for (std::uint32_t target = 0; target < f.infinity(); ++target) {
    const std::uint32_t here = exact::round(kBinary32, exact::magnitude(f, target), false);
    around(here);
    around(exact::round(kBinary32, (exact::magnitude(f, target) + exact::magnitude(f, target + 1)) / 2, false));
  }
  for (std::uint32_t exponent = 0; exponent <= 0xFF; ++exponent) {
    for (const std::uint32_t fraction : {0x000000U, 0x000001U, 0x3FFFFFU, 0x400000U, 0x400001U, 0x7FFFFFU, 0x155555U}) {
      around(exponent << 23 | fraction);
    }
  }
  return patterns;
}

TEST(GoldenFloatTest, NarrowingIsNearestEvenAroundEveryTarget) {
  static constexpr struct {
    Narrowing fault;
    const char *name;
    bool only_bf16;
  } kFaults[] = {{Narrowing::ties_away, "ties away from zero", false},
                 {Narrowing::truncates, "truncation", false},
                 {Narrowing::flushes_output, "subnormal results flushed", false},
                 {Narrowing::saturates, "overflow saturates", false},
                 {Narrowing::keeps_payload, "NaN payload kept", false},
                 {Narrowing::drops_sign, "sign of zero dropped", false},
                 // A binary32 subnormal is far below binary16's smallest one: no difference there.
                 {Narrowing::flushes_input, "subnormal operands flushed", true},
                 // To the full precision first, then to the subnormals' grid.
                 {Narrowing::rounds_twice, "rounded twice", false}};
  for (const DType type : {DType::fp16, DType::bf16}) {
    SCOPED_TRACE(name(type));
    std::size_t ties_up = 0, ties_down = 0, subnormal = 0, overflows = 0;
    std::vector<std::size_t> caught(std::size(kFaults));
    const std::vector<std::uint32_t> patterns = narrowing_patterns(type);
    for (const std::uint32_t bits : patterns) {
      exact::Rounding rounding;
      const std::uint16_t expected = exact::narrow(type, bits, &rounding);
      ASSERT_EQ(narrow(type, bits), expected) << hex(bits);
      ASSERT_EQ(faulty_narrow(Narrowing::right, type, bits), expected) << hex(bits);
      for (std::size_t i = 0; i < std::size(kFaults); ++i)
        caught[i] += faulty_narrow(kFaults[i].fault, type, bits) != expected ? 1 : 0;
      ties_up += rounding.tie && rounding.up ? 1 : 0;
      ties_down += rounding.tie && !rounding.up ? 1 : 0;
      subnormal += is_subnormal(format(type), expected) ? 1 : 0;
      overflows += exact::is_infinite(format(type), expected) && (bits & ~kSign) < kInfinity ? 1 : 0;
    }
    EXPECT_GT(patterns.size(), 600000U);
    EXPECT_GT(ties_up, 30000U);
    EXPECT_GT(ties_down, 30000U);
    EXPECT_GT(subnormal, type == DType::fp16 ? 20000U : 2000U);
    EXPECT_GT(overflows, 8U);
    for (std::size_t i = 0; i < std::size(kFaults); ++i) {
      if (kFaults[i].only_bf16 && type != DType::bf16) continue;
      EXPECT_GT(caught[i], 0U) << "not noticed: " << kFaults[i].name;
    }
  }
}

// ---- multiply-add

/// Multiply-add with one fault, built from the host's float and double. A product of two 16-bit numbers is exact in double. So, as far
/// as a rounding to binary32 can tell, is the sum: neither summand spans 53 - 24 bits, which a false tie would need.
struct Fault {
  const char *name;
  std::function<std::uint32_t(DType, std::uint32_t, std::uint16_t, std::uint16_t)> multiply_add;
  bool only_bf16 = false;
};

double wide(DType type, std::uint16_t bits) { return static_cast<double>(as_float(widen(type, bits))); }

std::uint16_t flushed(DType type, std::uint16_t bits) { return is_subnormal(format(type), bits) ? bits & 0x8000 : bits; }

std::vector<Fault> multiply_add_faults() {
  return {
      {"subnormal operands flushed", [](DType t, std::uint32_t acc, std::uint16_t a,
                                        std::uint16_t b) { return multiply_add(t, acc, flushed(t, a), flushed(t, b)); }},
      {"subnormal partial sum flushed",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         return multiply_add(t, is_subnormal(kBinary32, acc) ? acc & kSign : acc, a, b);
       }},
      {"subnormal result flushed",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         return is_subnormal(kBinary32, r) ? r & kSign : r;
       }},
      {"ties away from zero",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         const double sum = wide(t, a) * wide(t, b) + static_cast<double>(as_float(acc));
         const std::uint32_t away = r + 1;  // the next magnitude
         if ((r & ~kSign) >= kLargest || std::fabs(sum) <= std::fabs(static_cast<double>(as_float(r)))) return r;
         return sum - static_cast<double>(as_float(r)) == static_cast<double>(as_float(away)) - sum ? away : r;
       }},
      {"ties to odd",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         const double sum = wide(t, a) * wide(t, b) + static_cast<double>(as_float(acc)), mine = static_cast<double>(as_float(r));
         if ((r & ~kSign) >= kLargest || (r & ~kSign) == 0 || sum == mine) return r;
         const std::uint32_t other = std::fabs(sum) > std::fabs(mine) ? r + 1 : r - 1;
         return sum - mine == static_cast<double>(as_float(other)) - sum ? other : r;
       }},
      {"truncation",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         const double sum = wide(t, a) * wide(t, b) + static_cast<double>(as_float(acc));
         return (r & ~kSign) < kInfinity && std::fabs(static_cast<double>(as_float(r))) > std::fabs(sum) ? r - 1 : r;
       }},
      {"sticky bit lost",  // the smaller summand loses what lies beyond two guard bits of the larger
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         double large = wide(t, a) * wide(t, b), small = static_cast<double>(as_float(acc));
         if (!std::isfinite(large) || !std::isfinite(small) || large == 0 || small == 0) return multiply_add(t, acc, a, b);
         if (std::fabs(small) > std::fabs(large)) std::swap(large, small);
         const double unit = std::ldexp(1.0, std::ilogb(large) - 25);
         const double sum = large + std::trunc(small / unit) * unit;
         return sum == 0 ? multiply_add(t, acc, a, b) : as_bits(static_cast<float>(sum));
       }},
      {"a zero factor skips the addition",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         return (a & 0x7FFF) == 0 || (b & 0x7FFF) == 0 ? acc : multiply_add(t, acc, a, b);
       }},
      {"every zero result is +0",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         return r == kSign ? 0 : r;
       }},
      {"a zero result takes the product's sign",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         return (r & ~kSign) == 0 && wide(t, a) * wide(t, b) != 0 ? ((a ^ b) & 0x8000U) << 16 : r;
       }},
      {"the partial sum's NaN is passed on",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         return exact::is_nan(kBinary32, acc) ? acc : multiply_add(t, acc, a, b);
       }},
      {"infinity minus infinity is zero",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         const bool operands = !std::isnan(wide(t, a) * wide(t, b)) && !exact::is_nan(kBinary32, acc);
         return r == kNan32 && operands ? 0 : r;
       }},
      {"overflow saturates",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const std::uint32_t r = multiply_add(t, acc, a, b);
         const bool infinite = std::isinf(wide(t, a)) || std::isinf(wide(t, b)) || exact::is_infinite(kBinary32, acc);
         return exact::is_infinite(kBinary32, r) && !infinite ? (r & kSign) | kLargest : r;
       },
       true},  // no binary16 product reaches half of binary32's last place at the top
      {"product rounded on its own",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const float product = as_float(widen(t, a)) * as_float(widen(t, b));
         const float sum = product + as_float(acc);
         return std::isnan(sum) ? kNan32 : as_bits(sum);
       },
       true},  // a binary16 product is exact in binary32
      {"result rounded to 24 bits and again to the subnormal grid",
       [](DType t, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
         const double sum = wide(t, a) * wide(t, b) + static_cast<double>(as_float(acc));
         if (!std::isfinite(sum) || sum == 0 || std::fabs(sum) >= 0x1p-126) return multiply_add(t, acc, a, b);
         const float once = static_cast<float>(std::ldexp(sum, 200));
         return as_bits(static_cast<float>(std::ldexp(static_cast<double>(once), -200)));
       },
       true},  // a binary16 product is a multiple of 2^-48: a subnormal result is exact
  };
}

void check_multiply_add(DType type, std::size_t count, std::uint64_t seed) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  const std::vector<Fault> faults = multiply_add_faults();
  std::vector<std::size_t> caught(faults.size());
  std::size_t ties_up = 0, ties_down = 0, subnormal_in = 0, subnormal_out = 0, overflows = 0, cancelled = 0, nan = 0,
              negative_zero = 0;
  exact::Cases cases(type, seed);
  for (std::size_t i = 0; i < count; ++i) {
    const exact::Case c = cases.next();
    exact::Rounding rounding;
    const std::uint32_t expected = exact::multiply_add(type, c.acc, c.a, c.b, &rounding);
    ASSERT_EQ(hex(multiply_add(type, c.acc, c.a, c.b)), hex(expected)) << hex(c.acc) << " + " << hex(c.a) << " * " << hex(c.b);
    for (std::size_t f = 0; f < faults.size(); ++f)
      caught[f] += faults[f].multiply_add(type, c.acc, c.a, c.b) != expected ? 1 : 0;
    const bool finite = (c.acc & ~kSign) < kInfinity && !std::isinf(wide(type, c.a)) && !std::isinf(wide(type, c.b));
    ties_up += rounding.tie && rounding.up ? 1 : 0;
    ties_down += rounding.tie && !rounding.up ? 1 : 0;
    subnormal_in += is_subnormal(format(type), c.a) || is_subnormal(format(type), c.b) || is_subnormal(kBinary32, c.acc) ? 1 : 0;
    subnormal_out += is_subnormal(kBinary32, expected) ? 1 : 0;
    overflows += finite && (expected & ~kSign) == kInfinity ? 1 : 0;
    cancelled += expected == 0 && (c.acc & ~kSign) != 0 ? 1 : 0;
    nan += expected == kNan32 ? 1 : 0;
    negative_zero += expected == kSign ? 1 : 0;
  }
  // The data is worth what it hits.
  EXPECT_GT(ties_up, count / 1000);
  EXPECT_GT(ties_down, count / 1000);
  EXPECT_GT(subnormal_in, count / 10);
  EXPECT_GT(subnormal_out, count / 1000);
  EXPECT_GT(cancelled, count / 100);
  EXPECT_GT(nan, count / 100);
  EXPECT_GT(negative_zero, count / 1000);
  if (type == DType::bf16) {
    EXPECT_GT(overflows, count / 1000);
  }
  for (std::size_t f = 0; f < faults.size(); ++f) {
    if (faults[f].only_bf16 && type != DType::bf16) {
      EXPECT_EQ(caught[f], 0U) << faults[f].name << ": thought to make no difference for binary16";
    } else {
      EXPECT_GT(caught[f], 0U) << "not noticed: " << faults[f].name;
    }
  }
}

TEST(GoldenFloatTest, MultiplyAddOfBinary16EqualsExactArithmetic) { check_multiply_add(DType::fp16, 1'000'000, exact::seed(16)); }
TEST(GoldenFloatTest, MultiplyAddOfBfloat16EqualsExactArithmetic) { check_multiply_add(DType::bf16, 1'000'000, exact::seed(19)); }

TEST(GoldenFloatTest, MultiplyAddOfSpecialValuesInEveryCombination) {
  for (const DType type : {DType::fp16, DType::bf16}) {
    const exact::Format f = format(type);
    const auto edges = [](exact::Format g) {
      std::vector<std::uint32_t> list;
      const std::uint32_t least = 1U << g.fraction_bits, one = ((1U << (g.exponent_bits - 1)) - 1) << g.fraction_bits;
      for (const std::uint32_t bits : {0U, 1U, 2U, 3U, least - 1, least, least + 1, one - 1, one, one + 1, g.infinity() - 1,
                                       g.infinity(), g.infinity() + 1, g.nan(), g.nan() + 1}) {
        list.push_back(bits);
        list.push_back(bits | g.sign());
      }
      return list;
    };
    for (const std::uint32_t acc : edges(kBinary32)) {
      for (const std::uint32_t a : edges(f)) {
        for (const std::uint32_t b : edges(f)) {
          const auto x = static_cast<std::uint16_t>(a), y = static_cast<std::uint16_t>(b);
          ASSERT_EQ(hex(multiply_add(type, acc, x, y)), hex(exact::multiply_add(type, acc, x, y)))
              << name(type) << ": " << hex(acc) << " + " << hex(a) << " * " << hex(b);
        }
      }
    }
  }
}

// ---- clamp

TEST(GoldenFloatTest, ClampPassesWhatIsNeitherBelowNorAbove) {
  const auto f = [](float x) { return as_bits(x); };
  EXPECT_EQ(clamp(f(-1.5F), f(-1), f(6)), f(-1));
  EXPECT_EQ(clamp(f(7), f(-1), f(6)), f(6));
  EXPECT_EQ(clamp(f(2.5F), f(-1), f(6)), f(2.5F));
  EXPECT_EQ(clamp(f(-0.0F), f(0), f(6)), kSign) << "-0 is not below +0";
  EXPECT_EQ(clamp(f(0), f(-6), f(-0.0F)), 0U) << "+0 is not above -0";
  EXPECT_EQ(clamp(0xFFC01234, f(0), f(6)), 0xFFC01234) << "a NaN compares with nothing";
  EXPECT_EQ(clamp(kSign | kInfinity, f(-1), f(6)), f(-1));
  EXPECT_EQ(clamp(kInfinity, kSign | kInfinity, kInfinity), kInfinity);
  EXPECT_EQ(clamp(1, 2, 3), 2U) << "subnormals are numbers";
}

// ---- matrices

/// A matrix product by another road: one step of the exact oracle after the other.
std::vector<std::uint32_t> product(DType type, std::size_t m, std::size_t n, std::size_t k, const std::vector<std::uint16_t> &a,
                                   const std::vector<std::uint16_t> &b, const std::vector<std::uint32_t> &seed) {
  std::vector<std::uint32_t> c = seed;
  for (std::size_t x = 0; x < k; ++x) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = 0; i < m; ++i) c[i * n + j] = exact::multiply_add(type, c[i * n + j], a[i * k + x], b[j * k + x]);
    }
  }
  return c;
}

std::vector<std::uint8_t> bytes(const std::vector<std::uint16_t> &elements) {
  std::vector<std::uint8_t> out;
  for (const std::uint16_t e : elements) {
    out.push_back(static_cast<std::uint8_t>(e));
    out.push_back(static_cast<std::uint8_t>(e >> 8));
  }
  return out;
}

TEST(GoldenGemmFloatTest, EqualsExactArithmeticStepByStepInEveryRegime) {
  const std::uint64_t seed = exact::seed(5);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const DType type : {DType::fp16, DType::bf16}) {
    const exact::Format f = format(type);
    const std::uint32_t fraction = (1U << f.fraction_bits) - 1, one = ((1U << (f.exponent_bits - 1)) - 1) << f.fraction_bits;
    for (int round = 0; round < 180; ++round) {
      const int regime = round % 6;
      SCOPED_TRACE(std::string(name(type)) + " regime " + std::to_string(regime) + " round " + std::to_string(round));
      const auto element = [&]() -> std::uint16_t {
        const auto bits = static_cast<std::uint32_t>(random());
        switch (regime) {
          case 0: return static_cast<std::uint16_t>(bits);                                  // anything
          case 1: return static_cast<std::uint16_t>(bits & (f.sign() | fraction));          // subnormal
          case 2: return static_cast<std::uint16_t>(one | (bits & (f.sign() | fraction)));  // 1 to 2, both signs: cancelling
          case 3: return static_cast<std::uint16_t>(bits & f.sign());                       // zeros
          case 4: return static_cast<std::uint16_t>((f.infinity() - fraction - 1) | (bits & (f.sign() | fraction)));  // large
          default:
            return static_cast<std::uint16_t>(bits % 4 == 0 ? f.infinity() | (bits & f.sign()) : one);  // infinities and ones
        }
      };
      const std::size_t m = 1 + random() % 6, n = 1 + random() % 6, k = 1 + random() % 24;
      std::vector<std::uint16_t> a(m * k), b(n * k);
      std::vector<std::uint32_t> start(m * n, 0), bias(n);
      for (auto &x : a) x = element();
      for (auto &x : b) x = element();
      const int mode = round / 6 % 3;  // zero, bias, matrix
      for (std::size_t j = 0; j < n; ++j) bias[j] = mode == 0 ? 0 : regime == 3 ? kSign : static_cast<std::uint32_t>(random());
      for (std::size_t i = 0; i < m * n; ++i) start[i] = mode == 2 ? static_cast<std::uint32_t>(random()) : bias[i % n];
      std::vector<std::uint32_t> c(m * n, 0x55555555);
      gemm_float(type, m, n, k, bytes(a).data(), bytes(b).data(), mode == 2 ? start.data() : nullptr,
                 mode == 1 ? bias.data() : nullptr, c.data());
      ASSERT_EQ(c, product(type, m, n, k, a, b, start));
    }
  }
}

TEST(GoldenGemmFloatTest, EqualsAPlainLoopOfFmaf) {
  std::mt19937 random(static_cast<unsigned>(exact::seed(6)));
  const std::size_t m = 17, n = 19, k = 301;
  for (const DType type : {DType::fp16, DType::bf16}) {
    std::vector<std::uint16_t> a(m * k), b(n * k);
    for (auto &x : a) x = narrow(type, as_bits(static_cast<float>(static_cast<int>(random() % 20001) - 10000) / 777));
    for (auto &x : b) x = narrow(type, as_bits(static_cast<float>(static_cast<int>(random() % 20001) - 10000) / 777));
    std::vector<std::uint32_t> c(m * n);
    gemm_float(type, m, n, k, bytes(a).data(), bytes(b).data(), nullptr, nullptr, c.data());
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        float sum = 0;
        for (std::size_t x = 0; x < k; ++x)
          sum = fmaf(as_float(widen(type, a[i * k + x])), as_float(widen(type, b[j * k + x])), sum);
        ASSERT_EQ(c[i * n + j], as_bits(sum)) << i << "," << j;
      }
    }
  }
}

TEST(GoldenGemmFloatTest, TheOrderOfKCanBeSeen) {
  // 1 + 2^-24 is a tie that goes to 1, so two steps of 2^-24 from 1 leave 1, but both before the 1 make 2^-23.
  const std::uint16_t one = 0x3C00, small = 0x0C00;  // binary16: 1, 2^-12
  std::uint32_t c = 0;
  gemm_float(DType::fp16, 1, 1, 3, bytes({one, small, small}).data(), bytes({one, small, small}).data(), nullptr, nullptr, &c);
  EXPECT_EQ(c, 0x3F800000U);
  gemm_float(DType::fp16, 1, 1, 3, bytes({small, small, one}).data(), bytes({small, small, one}).data(), nullptr, nullptr, &c);
  EXPECT_EQ(c, 0x3F800001U);
}

TEST(GoldenGemmFloatTest, NegativeZeroSurvivesProductsOfNegativeZero) {
  const std::vector<std::uint16_t> a(5, 0x8000), b(5, 0x3C00);  // -0, 1
  const std::uint32_t negative = kSign;
  std::uint32_t c = 0;
  gemm_float(DType::fp16, 1, 1, 5, bytes(a).data(), bytes(b).data(), nullptr, &negative, &c);
  EXPECT_EQ(c, kSign) << "-0 + (-0) = -0";
  gemm_float(DType::fp16, 1, 1, 5, bytes(a).data(), bytes(b).data(), nullptr, nullptr, &c);
  EXPECT_EQ(c, 0U) << "+0 + (-0) = +0";
  gemm_float(DType::fp16, 1, 1, 5, bytes(a).data(), bytes(a).data(), nullptr, &negative, &c);
  EXPECT_EQ(c, 0U) << "-0 + (+0) = +0";
}

TEST(GoldenGemmFloatTest, AnEmptySumIsTheSeed) {
  const std::uint32_t seed[] = {0x80000000, 0xFFC01234};
  std::uint32_t c[2] = {1, 1};
  gemm_float(DType::bf16, 1, 2, 0, nullptr, nullptr, seed, nullptr, c);
  EXPECT_EQ(c[0], seed[0]);
  EXPECT_EQ(c[1], seed[1]);
}

}  // namespace
}  // namespace systole::golden
