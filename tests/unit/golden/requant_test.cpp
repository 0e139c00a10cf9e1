// SPDX-License-Identifier: Apache-2.0
// The two rules that turn int32 sums into bytes, against exact arithmetic written from their definitions, the fixed rule moreover
// against a second formulation; and the same data against functions with one fault each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "tests/unit/golden/exact.hpp"

namespace systole::golden {
namespace {

using exact::Integer;

constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min(), kMax = std::numeric_limits<std::int32_t>::max();

/// Integer part towards minus infinity.
Integer floor_divide(const Integer &x, const Integer &by) {
  Integer q = x / by;
  if (q * by > x) --q;
  return q;
}

struct FloatCase {
  std::int32_t acc;
  std::uint32_t scale;
  std::int32_t zero_point, qmin, qmax;
};

struct FixedCase {
  std::int32_t acc, multiplier, shift, zero_point, qmin, qmax;
};

/// Zero point and bounds of s8 or u8, the whole range in half of the cases.
template <typename Case>
void choose_type(Case &c, std::mt19937_64 &random) {
  const std::int32_t low = (random() & 1) != 0 ? -128 : 0, high = low + 255;
  const auto within = [&random](std::int32_t from, std::int32_t to) {
    return from + static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(to - from + 1));
  };
  c.zero_point = random() % 4 == 0 ? (random() % 2 == 0 ? low : high) : within(low, high);
  c.qmin = low;
  c.qmax = high;
  if (random() % 2 == 0) {
    c.qmin = within(low, high);
    c.qmax = within(c.qmin, high);
  }
}

/// All sizes of sums, the ends of the range among them.
std::int32_t sum(std::mt19937_64 &random) {
  const auto bits = static_cast<std::uint32_t>(random());
  switch (random() % 8) {
    case 0: return static_cast<std::int32_t>(bits);
    case 1: {
      const std::int32_t edges[] = {0, 1, -1, kMin, kMin + 1, kMax, kMax - 1, 1 << 24, (1 << 24) + 1, -(1 << 24) - 1, 1 << 30};
      return edges[bits % std::size(edges)];
    }
    case 2: return static_cast<std::int32_t>((1U << 24) + bits % (1U << 26)) * (random() % 2 == 0 ? 1 : -1);
    default: {
      const auto magnitude = static_cast<std::int32_t>(bits >> (1 + random() % 31));
      return random() % 2 == 0 ? magnitude : -magnitude;
    }
  }
}

/// The data is worth what it hits.
void expect_hits(const std::vector<std::pair<const char *, std::size_t>> &counts, std::size_t least) {
  for (const auto &[what, count] : counts) EXPECT_GT(count, least) << what;
}

// ---- rule float

struct FloatTies {
  bool sum = false, product = false, result = false, result_even_down = false, overflow = false, subnormal = false;
};

/// RN32(RN32(acc) * scale), clamped, rounded half to even, from the definition in exact integers.
std::int32_t exact_float(const FloatCase &c, FloatTies *ties = nullptr) {
  const exact::Format f = exact::kBinary32;
  exact::Rounding r;
  const std::uint32_t x = exact::round(f, Integer(c.acc) << exact::kUnit, false, &r);
  if (ties != nullptr) ties->sum = r.tie;
  // A rounded sum is a multiple of 2^-kSumUnit, a scale of 2^-149.
  constexpr int kSumUnit = 24;
  const Integer product = exact::value(f, x, kSumUnit) * exact::value(f, c.scale, exact::kUnit - kSumUnit);
  const std::uint32_t t = exact::round(f, product, c.acc < 0, &r);
  const Integer low = Integer(c.qmin - c.zero_point), high = Integer(c.qmax - c.zero_point);
  const Integer unit = Integer(1) << exact::kUnit;
  Integer y;
  if (exact::is_infinite(f, t)) {
    y = exact::is_negative(f, t) ? low : high;
  } else {
    const Integer v = exact::value(f, t), twice = 2 * v;
    // The integer below, then up if more than half lies above it, or exactly half and it is odd.
    y = floor_divide(v, unit);
    const Integer rest = twice - 2 * y * unit;
    const bool odd = (y < 0 ? Integer(-y) : y) % 2 != 0;
    const bool inside = v > low * unit && v < high * unit;
    if (ties != nullptr && inside) {
      ties->product = r.tie;
      ties->result = rest == unit;
      ties->result_even_down = rest == unit && !odd;
    }
    if (rest > unit || (rest == unit && odd)) ++y;
  }
  if (ties != nullptr) {
    ties->overflow = exact::is_infinite(f, t);
    ties->subnormal = (t & 0x7FFFFFFF) != 0 && (t & 0x7FFFFFFF) < 0x00800000;
  }
  return static_cast<std::int32_t>(std::min(std::max(y, low), high)) + c.zero_point;
}

FloatCase float_case(std::mt19937_64 &random) {
  FloatCase c{sum(random), 0, 0, 0, 0};
  choose_type(c, random);
  const double magnitude = std::fabs(static_cast<double>(c.acc)) + 1;
  const auto bits = static_cast<std::uint32_t>(random());
  switch (random() % 8) {
    case 0:
      c.scale = random() % 4 == 0 ? 1 + ((bits & 0x7FFFFF) >> bits % 23) : 1 + bits % 0x7F7FFFFF;
      break;                                                                                       // any, subnormal ones, too
    case 1: c.scale = static_cast<std::uint32_t>(127 - static_cast<int>(bits % 34)) << 23; break;  // 2^-n: halves
    case 2: c.scale = (static_cast<std::uint32_t>(127 - static_cast<int>(bits % 30)) << 23) | (bits & 0x700000); break;
    case 3: {  // n + 1/2 as nearly as the format has it
      const double target = static_cast<double>(random() % 256) + 0.5;
      c.scale = as_bits(static_cast<float>(target / magnitude)) + static_cast<std::uint32_t>(random() % 5) - 2;
      break;
    }
    case 4: {  // a product with a short tail, for ties of the product: acc = 3 * 2^n, the scale even
      c.acc = static_cast<std::int32_t>(3U << (bits % 29));
      if ((bits & 0x80000000) != 0) c.acc = -c.acc;
      const int exponent = std::min(254, 127 + static_cast<int>(random() % 7) - static_cast<int>(bits % 29));
      c.scale = static_cast<std::uint32_t>(exponent) << 23 | (static_cast<std::uint32_t>(random()) & 0x7FFFFE);
      break;
    }
    case 5: {  // a sum of more than 24 bits that is a tie itself, results of a few units
      const int extra = 1 + static_cast<int>(random() % 6);
      const std::uint32_t odd_half = (static_cast<std::uint32_t>(random()) & 0xFFFFFF) << extra | 1U << (extra - 1);
      c.acc = static_cast<std::int32_t>((1U << (23 + extra) | odd_half) & 0x7FFFFFFF);
      if (random() % 2 == 0) c.acc = -c.acc;
      c.scale = as_bits(static_cast<float>((static_cast<double>(random() % 256) + 0.5) / std::fabs(static_cast<double>(c.acc))));
      break;
    }
    default: c.scale = as_bits(static_cast<float>(static_cast<double>(bits % 300000) / 1000.0 / magnitude)); break;  // in range
  }
  if (c.scale == 0 || c.scale >= 0x7F800000) c.scale = 0x3F000000;
  return c;
}

struct FloatFault {
  const char *name;
  std::function<std::int32_t(const FloatCase &)> rule;
};

std::vector<FloatFault> float_faults() {
  const auto rule = [](auto &&product, auto &&finish) {
    return [product, finish](const FloatCase &c) { return static_cast<std::int32_t>(finish(product(c), c)); };
  };
  const auto right_product = [](const FloatCase &c) {
    return static_cast<double>(static_cast<float>(c.acc) * as_float(c.scale));
  };
  const auto clamped = [](double t, const FloatCase &c) {
    return std::min(std::max(t, static_cast<double>(c.qmin - c.zero_point)), static_cast<double>(c.qmax - c.zero_point));
  };
  const auto right_finish = [clamped](double t, const FloatCase &c) { return std::nearbyint(clamped(t, c)) + c.zero_point; };
  return {
      {"ties away from zero",
       rule(right_product, [clamped](double t, const FloatCase &c) { return std::round(clamped(t, c)) + c.zero_point; })},
      {"half up",
       rule(right_product, [clamped](double t, const FloatCase &c) { return std::floor(clamped(t, c) + 0.5) + c.zero_point; })},
      {"truncation",
       rule(right_product, [clamped](double t, const FloatCase &c) { return std::trunc(clamped(t, c)) + c.zero_point; })},
      {"zero point before the rounding",
       rule(right_product, [clamped](double t, const FloatCase &c) { return std::nearbyint(clamped(t, c) + c.zero_point); })},
      {"zero point before the rounding, in binary32",
       rule(right_product,
            [](double t, const FloatCase &c) {
              const float y = static_cast<float>(t) + static_cast<float>(c.zero_point);
              return std::nearbyint(std::min(std::max(y, static_cast<float>(c.qmin)), static_cast<float>(c.qmax)));
            })},
      {"clamp before the zero point", rule(right_product,
                                           [](double t, const FloatCase &c) {
                                             return std::nearbyint(std::min(std::max(t, static_cast<double>(c.qmin)),
                                                                            static_cast<double>(c.qmax))) +
                                                    c.zero_point;
                                           })},
      {"product not rounded to binary32", rule(
                                              [](const FloatCase &c) {
                                                return static_cast<double>(static_cast<float>(c.acc)) *
                                                       static_cast<double>(as_float(c.scale));
                                              },
                                              right_finish)},
      {"sum not rounded to binary32",
       rule(
           [](const FloatCase &c) {
             return static_cast<double>(static_cast<float>(static_cast<double>(c.acc) * static_cast<double>(as_float(c.scale))));
           },
           right_finish)},
      {"all in double",
       rule([](const FloatCase &c) { return static_cast<double>(c.acc) * static_cast<double>(as_float(c.scale)); },
            right_finish)},
      {"sum truncated to 24 bits", rule(
                                       [](const FloatCase &c) {
                                         float x = static_cast<float>(c.acc);
                                         if (std::fabs(static_cast<double>(x)) > std::fabs(static_cast<double>(c.acc)))
                                           x = std::nextafter(x, 0.0F);
                                         return static_cast<double>(x * as_float(c.scale));
                                       },
                                       right_finish)},
      {"division by the reciprocal of the scale",
       rule([](const FloatCase &c) { return static_cast<double>(static_cast<float>(c.acc) / (1.0F / as_float(c.scale))); },
            [right_finish](double t, const FloatCase &c) { return std::isnan(t) ? c.zero_point : right_finish(t, c); })},
  };
}

TEST(GoldenRequantTest, RuleFloatEqualsExactArithmetic) {
  const std::uint64_t seed = exact::seed(754);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<FloatFault> faults = float_faults();
  std::vector<std::size_t> caught(faults.size());
  std::size_t sum_ties = 0, product_ties = 0, down = 0, up = 0, negative_down = 0, negative_up = 0, overflows = 0, subnormal = 0;
  constexpr std::size_t kCount = 1'000'000;
  for (std::size_t i = 0; i < kCount; ++i) {
    const FloatCase c = float_case(random);
    FloatTies ties;
    const std::int32_t expected = exact_float(c, &ties);
    ASSERT_EQ(requant_float(c.acc, c.scale, c.zero_point, c.qmin, c.qmax), expected)
        << c.acc << " * " << exact::hex(c.scale) << " + " << c.zero_point << " in " << c.qmin << ".." << c.qmax;
    for (std::size_t f = 0; f < faults.size(); ++f) caught[f] += faults[f].rule(c) != expected ? 1 : 0;
    sum_ties += ties.sum ? 1 : 0;
    product_ties += ties.product ? 1 : 0;
    // Down and up as numbers; 2.5 goes down, -2.5 up.
    if (ties.result) ++(c.acc < 0 ? (ties.result_even_down ? negative_down : negative_up) : (ties.result_even_down ? down : up));
    overflows += ties.overflow ? 1 : 0;
    subnormal += ties.subnormal ? 1 : 0;
  }
  expect_hits({{"sums that are ties", sum_ties},
               {"products that are ties", product_ties},
               {"n + 1/2 down", down},
               {"n + 1/2 up", up},
               {"-n - 1/2 down", negative_down},
               {"-n - 1/2 up", negative_up},
               {"overflowing products", overflows},
               {"subnormal products", subnormal}},
              kCount / 5000);
  for (std::size_t f = 0; f < faults.size(); ++f) EXPECT_GT(caught[f], 0U) << "not noticed: " << faults[f].name;
}

// ---- rule fixed

struct FixedTies {
  bool first = false, second = false, wraps = false, low = false, high = false;
};

/// The definition, in exact integers.
std::int32_t exact_fixed(const FixedCase &c, FixedTies *ties = nullptr) {
  const Integer two32 = Integer(1) << 32, two31 = Integer(1) << 31;
  const Integer shifted = Integer(c.acc) << std::max(c.shift, 0);
  Integer x = shifted - floor_divide(shifted, two32) * two32;  // modulo 2^32 ...
  if (x >= two31) x -= two32;                                  // ... as two's complement
  const Integer product = x * c.multiplier;
  Integer h = floor_divide(product + (Integer(1) << 30), two31);
  h = std::min(std::max(h, Integer(-two31)), Integer(two31 - 1));
  // Half away from zero: floor(|h| / 2^n + 1/2) with h's sign.
  const Integer power = Integer(1) << std::max(-c.shift, 0), size = h < 0 ? Integer(-h) : h;
  const Integer rounded = floor_divide(2 * size + power, 2 * power);
  const Integer y = (h < 0 ? Integer(-rounded) : rounded) + c.zero_point;
  if (ties != nullptr) {
    ties->first = floor_divide(product, Integer(1) << 30) * (Integer(1) << 30) == product &&
                  floor_divide(product, two31) * two31 != product;
    ties->second = (2 * size) % (2 * power) == power && power > 1;
    ties->wraps = x != shifted;
    ties->low = y < c.qmin;
    ties->high = y > c.qmax;
  }
  return static_cast<std::int32_t>(std::min(std::max(y, Integer(c.qmin)), Integer(c.qmax)));
}

/// The same as TFLite's reference kernels put it: the high half of the doubled product, rounded and saturated, then a division by a
/// power of two that rounds by comparing the remainder with a threshold. Left shifts are done modulo 2^32.
std::int32_t saturating_rounding_doubling_high_mul(std::int32_t a, std::int32_t b) {
  if (a == kMin && b == kMin) return kMax;
  const std::int64_t product = std::int64_t{a} * b;
  const std::int64_t nudge = product >= 0 ? std::int64_t{1} << 30 : 1 - (std::int64_t{1} << 30);
  return static_cast<std::int32_t>((product + nudge) / (std::int64_t{1} << 31));  // towards zero
}

std::int32_t rounding_divide_by_power_of_two(std::int32_t x, int exponent) {
  const auto mask = static_cast<std::int32_t>((std::int64_t{1} << exponent) - 1);
  const std::int32_t remainder = x & mask, threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

std::int32_t two_step_fixed(const FixedCase &c) {
  const int left = std::max(c.shift, 0), right = std::max(-c.shift, 0);
  const auto x = static_cast<std::int32_t>(static_cast<std::uint32_t>(c.acc) * (1U << left));
  const std::int64_t y =
      std::int64_t{rounding_divide_by_power_of_two(saturating_rounding_doubling_high_mul(x, c.multiplier), right)} + c.zero_point;
  return static_cast<std::int32_t>(std::min<std::int64_t>(std::max<std::int64_t>(y, c.qmin), c.qmax));
}

FixedCase fixed_case(std::mt19937_64 &random) {
  FixedCase c{
      sum(random), static_cast<std::int32_t>(random() & 0x7FFFFFFF), static_cast<std::int32_t>(random() % 62) - 31, 0, 0, 0};
  choose_type(c, random);
  const int size = c.acc == 0 ? 0 : std::ilogb(static_cast<double>(c.acc));
  switch (random() % 8) {
    case 0: break;  // anything
    case 1: {       // few bits: both roundings meet ties
      c.multiplier = static_cast<std::int32_t>((1 + random() % 7) << (random() % 29));
      c.shift = -static_cast<std::int32_t>(random() % 8);
      break;
    }
    case 2: {  // 2^30: halves everywhere
      c.multiplier = 1 << 30;
      c.shift = std::min(30, std::max(-31, 6 - size + static_cast<int>(random() % 3)));
      break;
    }
    case 3: {
      const std::int32_t edges[] = {0, 1, 2, 1 << 30, (1 << 30) + 1, (1 << 30) - 1, kMax, kMax - 1};
      c.multiplier = edges[random() % std::size(edges)];
      break;
    }
    case 4: {  // left shifts, some of which wrap
      c.shift = std::min(30, std::max(0, 30 - size + static_cast<int>(random() % 3)));
      c.multiplier = static_cast<std::int32_t>(random() % 1024);
      break;
    }
    default: {  // as converters make them: multiplier in 2^30 to 2^31 - 1, results of a few hundred
      c.multiplier |= 1 << 30;
      c.shift = std::min(30, std::max(-31, 8 - size - static_cast<int>(random() % 3)));
      break;
    }
  }
  return c;
}

struct FixedFault {
  const char *name;
  std::function<std::int64_t(const FixedCase &, std::int32_t x, int right)> scaled;  ///< before zero point and clamp
};

std::vector<FixedFault> fixed_faults() {
  const auto high = [](std::int64_t product) { return (product + (std::int64_t{1} << 30)) >> 31; };
  const auto divide = [](std::int64_t h, int right) {
    const std::int64_t half = right == 0 ? 0 : std::int64_t{1} << (right - 1);
    return h >= 0 ? (h + half) >> right : -((-h + half) >> right);
  };
  return {
      {"first rounding: half away from zero",
       [=](const FixedCase &c, std::int32_t x, int right) {
         const std::int64_t p = std::int64_t{x} * c.multiplier;
         return divide(p >= 0 ? high(p) : -high(-p), right);
       }},
      {"first rounding: to the floor",
       [=](const FixedCase &c, std::int32_t x, int right) { return divide((std::int64_t{x} * c.multiplier) >> 31, right); }},
      {"first rounding: towards zero after adding half",
       [=](const FixedCase &c, std::int32_t x, int right) {
         return divide((std::int64_t{x} * c.multiplier + (1 << 30)) / (std::int64_t{1} << 31), right);
       }},
      {"second rounding: half up",
       [=](const FixedCase &c, std::int32_t x, int right) {
         return (high(std::int64_t{x} * c.multiplier) + (right == 0 ? 0 : std::int64_t{1} << (right - 1))) >> right;
       }},
      {"second rounding: half to even",
       [=](const FixedCase &c, std::int32_t x, int right) {
         return static_cast<std::int64_t>(
             std::nearbyint(std::ldexp(static_cast<double>(high(std::int64_t{x} * c.multiplier)), -right)));
       }},
      {"second rounding: to the floor",
       [=](const FixedCase &c, std::int32_t x, int right) { return high(std::int64_t{x} * c.multiplier) >> right; }},
      {"one rounding for both",
       [=](const FixedCase &c, std::int32_t x, int right) {
         return (std::int64_t{x} * c.multiplier + (std::int64_t{1} << (30 + right))) >> (31 + right);
       }},
      {"left shift saturates",
       [=](const FixedCase &c, std::int32_t, int right) {
         const std::int64_t wide = std::int64_t{c.acc} * (std::int64_t{1} << std::max(c.shift, 0));
         return divide(high(std::min<std::int64_t>(std::max<std::int64_t>(wide, kMin), kMax) * c.multiplier), right);
       }},
      {"left shift after the multiplication",
       [=](const FixedCase &c, std::int32_t, int right) {
         return divide(high(std::int64_t{c.acc} * c.multiplier) * (std::int64_t{1} << std::max(c.shift, 0)), right);
       }},
      {"a right shift of 16 or more loses its top bit",
       [=](const FixedCase &c, std::int32_t x, int right) { return divide(high(std::int64_t{x} * c.multiplier), right & 15); }},
      {"zero point before the right shift",
       [=](const FixedCase &c, std::int32_t x, int right) {
         return divide(high(std::int64_t{x} * c.multiplier) + c.zero_point, right) - c.zero_point;
       }},
  };
}

TEST(GoldenRequantTest, RuleFixedEqualsExactArithmeticAndTheTwoStepFormulation) {
  const std::uint64_t seed = exact::seed(31);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<FixedFault> faults = fixed_faults();
  std::vector<std::size_t> caught(faults.size());
  std::size_t clamped_early = 0;
  std::size_t first_positive = 0, first_negative = 0, second_positive = 0, second_negative = 0, both = 0, wraps = 0, low = 0,
              high = 0;
  constexpr std::size_t kCount = 2'000'000;
  for (std::size_t i = 0; i < kCount; ++i) {
    const FixedCase c = fixed_case(random);
    FixedTies ties;
    const std::int32_t expected = exact_fixed(c, &ties);
    const auto text = [&c] {
      return std::to_string(c.acc) + " * " + std::to_string(c.multiplier) + " >> " + std::to_string(-c.shift) + " + " +
             std::to_string(c.zero_point);
    };
    ASSERT_EQ(requant_fixed(c.acc, c.multiplier, c.shift, c.zero_point, c.qmin, c.qmax), expected) << text();
    ASSERT_EQ(two_step_fixed(c), expected) << text();
    const auto x = static_cast<std::int32_t>(static_cast<std::uint32_t>(c.acc) << std::max(c.shift, 0));
    for (std::size_t f = 0; f < faults.size(); ++f) {
      const std::int64_t y = faults[f].scaled(c, x, std::max(-c.shift, 0)) + c.zero_point;
      caught[f] += std::min<std::int64_t>(std::max<std::int64_t>(y, c.qmin), c.qmax) != expected ? 1 : 0;
    }
    const std::int32_t raw = requant_fixed(c.acc, c.multiplier, c.shift, 0, kMin, kMax);
    clamped_early += std::min(std::max(raw, c.qmin), c.qmax) + c.zero_point != expected ? 1 : 0;
    const bool negative = x < 0, seen = !ties.low && !ties.high;
    if (ties.first && seen) ++(negative ? first_negative : first_positive);
    if (ties.second && seen) ++(negative ? second_negative : second_positive);
    both += ties.first && ties.second && seen ? 1 : 0;
    wraps += ties.wraps ? 1 : 0;
    low += ties.low ? 1 : 0;
    high += ties.high ? 1 : 0;
  }
  expect_hits({{"first ties, positive", first_positive},
               {"first ties, negative", first_negative},
               {"second ties, positive", second_positive},
               {"second ties, negative", second_negative},
               {"ties of both", both},
               {"left shifts that wrap", wraps},
               {"below the minimum", low},
               {"above the maximum", high}},
              kCount / 5000);
  for (std::size_t f = 0; f < faults.size(); ++f) EXPECT_GT(caught[f], 0U) << "not noticed: " << faults[f].name;
  EXPECT_GT(clamped_early, 0U) << "not noticed: clamp before the zero point";
}

// ---- the two rules beside each other

TEST(GoldenRequantTest, TheRulesDifferOnEqualScales) {
  // 2^30 and shift 0 are a scale of 1/2.
  const std::uint32_t half = as_bits(0.5F), quarter = as_bits(0.25F);
  const auto floating = [](std::int32_t acc, std::uint32_t scale) { return requant_float(acc, scale, 0, -128, 127); };
  const auto fixed = [](std::int32_t acc, std::int32_t shift) { return requant_fixed(acc, 1 << 30, shift, 0, -128, 127); };
  EXPECT_EQ(floating(1, half), 0);
  EXPECT_EQ(fixed(1, 0), 1) << "1/2 goes up";
  EXPECT_EQ(floating(-3, half), -2);
  EXPECT_EQ(fixed(-3, 0), -1) << "-3/2 goes up as well";
  EXPECT_EQ(floating(1, quarter), 0);
  EXPECT_EQ(fixed(1, -1), 1) << "1/4 becomes 1/2, then 1: two roundings";

  // Scales that both rules can express: 24 bits.
  std::mt19937_64 random(exact::seed(8));
  std::size_t different = 0, equal = 0, widest = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto significand = static_cast<std::int32_t>((1U << 23 | (random() & 0x7FFFFF)));
    const auto shift = -static_cast<std::int32_t>(random() % 12);
    const std::int32_t acc = static_cast<std::int32_t>(random() % 400001) - 200000;
    const std::uint32_t scale = as_bits(std::ldexp(static_cast<float>(significand), 7 - 31 + shift));
    const std::int32_t a = requant_float(acc, scale, 3, -128, 127), b = requant_fixed(acc, significand << 7, shift, 3, -128, 127);
    ++(a == b ? equal : different);
    widest = std::max(widest, static_cast<std::size_t>(std::abs(a - b)));
  }
  EXPECT_GT(different, 0U);
  EXPECT_GT(equal, different) << "they agree in nearly all cases";
  EXPECT_EQ(widest, 1U) << "and never differ by more than one";
}

}  // namespace
}  // namespace systole::golden
