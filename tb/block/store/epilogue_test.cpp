// SPDX-License-Identifier: Apache-2.0
// The epilogue's pipeline against the golden model: directed cases, every kind of tie counted.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "Vepilogue_0.h"
#include "Vepilogue_1.h"
#include "tb/block/store/epilogue_bench.hpp"

namespace systole::tb::store {
namespace {

using golden::as_bits;
using golden::as_float;

std::uint32_t power(int exponent) { return as_bits(std::ldexp(1.0f, exponent)); }

std::uint64_t below(Random &r, std::uint64_t limit) { return r.bits() % limit; }
std::uint64_t bits(Random &r, unsigned count) { return count == 0 ? 0 : r.bits() >> (64 - count); }
/// Odd, exactly `count` bits.
std::uint64_t odd(Random &r, unsigned count) {
  return count <= 1 ? 1 : (std::uint64_t{1} << (count - 1)) | bits(r, count - 1) | 1;
}
std::uint32_t signed_as(bool negative, std::uint64_t magnitude) {
  return negative ? std::uint32_t(-std::int64_t(magnitude)) : std::uint32_t(magnitude);
}

const std::uint32_t kExtremes[] = {0,          1,          2,          3,          0x7FFFFFFF, 0x7FFFFFFE,
                                   0x80000000, 0x80000001, 0xFFFFFFFF, 0xFFFFFFFE, 0x00FFFFFF, 0x01000000,
                                   0x01000001, 0x01000003, 0xFEFFFFFF, 0xFF000000, 0x7FFFFF80, 0x7FFFFFC0,
                                   0x7FFFFFBF, 0x40000000, 0xC0000000, 0x00010000, 0x0000FFFF, 0x55555555};

std::uint32_t any_acc(Random &r) {
  switch (below(r, 4)) {
    case 0: return kExtremes[below(r, std::size(kExtremes))];
    case 1: return std::uint32_t(r.bits());
    default: return signed_as(r.bits() & 1, bits(r, unsigned(1 + below(r, 31))));
  }
}

/// What the command says of an 8-bit result: all types, zero points and bounds, extremes often.
void any_command(Random &r, Group &g, Requant rule) {
  g.out = r.bits() & 1 ? DType::s8 : DType::u8;
  g.rule = rule;
  g.per_column = true;
  const int low = g.out == DType::s8 ? -128 : 0;
  const auto any = [&] {
    const std::uint64_t kind = below(r, 4);
    return low + (kind == 0 ? 0 : kind == 1 ? 255 : int(below(r, 256)));
  };
  g.zero_point = r.bits() & 1 ? 0 : any();
  int bound[2] = {low, low + 255};
  if (below(r, 4) == 0) {
    bound[0] = any();
    bound[1] = any();
    if (bound[0] > bound[1]) std::swap(bound[0], bound[1]);
  }
  g.low = std::uint32_t(bound[0]);
  g.high = std::uint32_t(bound[1]);
  g.offset = unsigned(below(r, 16));
  g.end = r.bits() & 1;
  g.index = std::uint32_t(r.bits());
  g.entry = unsigned(below(r, 64));
  g.lanes = below(r, 8) == 0 ? unsigned(1 + below(r, kLanes)) : kLanes;
}

using Counts = std::map<std::string, std::uint64_t>;

void expect_all(const Counts &counts, std::initializer_list<const char *> kinds, std::uint64_t least) {
  for (const char *kind : kinds) {
    const auto found = counts.find(kind);
    EXPECT_GE(found == counts.end() ? 0 : found->second, least) << kind;
  }
  for (const auto &[kind, count] : counts) ::testing::Test::RecordProperty(kind, std::to_string(count));
}

// --- rule FLOAT ---------------------------------------------------------------------------------------------------------

/// Significands of accumulator and scale whose product lies half-way between two binary32 numbers of which one is an odd
/// multiple of one half (once scaled): rounding the product the wrong way, or not at all, changes the integer.
struct Halfway {
  std::uint32_t a, s;
};

std::vector<Halfway> halfway_products(Random &r, std::size_t count) {
  std::vector<Halfway> found;
  while (found.size() < count) {
    // 2t +- 1 for a t of 24 bits with few of them set on top, split into two factors.
    const unsigned top = unsigned(2 + below(r, 9));
    const std::uint32_t n = std::uint32_t(odd(r, top) << (25 - top)) + (r.bits() & 1 ? 1 : -1);
    std::vector<std::uint32_t> primes;
    std::uint32_t rest = n;
    for (std::uint32_t p = 3; p * p <= rest; p += 2)
      while (rest % p == 0) {
        primes.push_back(p);
        rest /= p;
      }
    primes.push_back(rest);
    std::uint32_t a = 1;
    for (std::uint32_t p : primes)
      if (r.bits() & 1) a *= p;
    if (a < (1u << 24) && n / a < (1u << 24)) found.push_back({a, n / a});
  }
  return found;
}

Case float_case(Random &r, const std::vector<Halfway> &halfway) {
  Case c;
  c.shift = std::int8_t(r.bits());  // not used by the rule
  const bool negative = r.bits() & 1;
  switch (below(r, 8)) {
    case 0: {  // any two
      c.acc = any_acc(r);
      c.scale = std::uint32_t(1 + below(r, 0x7F7FFFFF));
      break;
    }
    case 1: {  // a half, from an exact product
      const unsigned up = unsigned(below(r, 22));
      c.acc = signed_as(negative, (2 * below(r, 300) + 1) << up);
      c.scale = power(-1 - int(up));
      break;
    }
    case 2: {  // a half once the accumulator is rounded; ties of that rounding among them
      const unsigned length = unsigned(2 + below(r, 9)), up = 31 - length - unsigned(below(r, 31 - 24 - 1));
      const std::uint64_t middle = odd(r, length) << up;
      const unsigned lost = length + up - 24;  // bits that do not fit
      const std::int64_t near = lost == 0 ? 0 : std::int64_t(below(r, (2u << lost) + 1)) - (1 << lost);
      c.acc = signed_as(negative, middle + std::uint64_t(r.bits() & 1 ? near : (near > 0 ? 1 : -1) * (1 << lost) / 2));
      c.scale = power(-1 - int(up));
      break;
    }
    case 3: {  // any tie of the accumulator's rounding
      const unsigned lost = unsigned(1 + below(r, 7));
      c.acc = signed_as(negative, ((1u << 23 | bits(r, 23)) << lost) + (1u << (lost - 1)));
      c.scale = as_bits(std::ldexp(float(1 << 23 | bits(r, 23)), int(below(r, 10)) - 24 - 23 - int(lost)));
      break;
    }
    case 4: {  // any tie of the product's rounding
      const unsigned k = 23 + unsigned(r.bits() & 1), i = unsigned(below(r, k));
      const std::uint64_t a = odd(r, 24 - i) << i, s = odd(r, 24 - (k - 1 - i)) << (k - 1 - i);
      c.acc = signed_as(negative, a << below(r, 8));
      c.scale = as_bits(std::ldexp(float(s), int(below(r, 12)) - 48));
      break;
    }
    case 5: {  // ties of the product's rounding next to a half
      const Halfway &h = halfway[below(r, halfway.size())];
      c.acc = signed_as(negative, h.a);
      int exponent;
      std::frexp(double(h.a) * h.s, &exponent);
      c.scale = as_bits(std::ldexp(float(h.s), int(below(r, 10)) - exponent));
      break;
    }
    default: {  // a product within a few units of a multiple of one quarter
      c.acc = any_acc(r);
      const double target = (1 + double(below(r, 2400))) / 4;
      const double value = std::fabs(double(std::int32_t(c.acc)));
      c.scale = value == 0 ? 1 : as_bits(float(target / value)) + std::uint32_t(below(r, 9)) - 4;
      break;
    }
  }
  if (c.scale == 0 || c.scale >= 0x7F800000) c.scale = 0x3F800000;
  return c;
}

void count_float(const Case &c, Counts &counts) {
  const auto acc = std::int32_t(c.acc);
  const float a = float(acc), s = as_float(c.scale), t = a * s;
  const std::string sign = acc < 0 ? "negative " : "positive ";
  if (c.scale < 0x00800000) counts["subnormal scale"]++;
  if (acc == 0) counts["zero"]++;
  if (std::fabs(t) >= 1024) counts[sign + "saturated"]++;
  const double gap = std::fabs(double(acc) - double(a));
  if (gap != 0 && (std::nextafter(std::fabs(a), 0.0f) == std::fabs(float(double(std::fabs(a)) - 2 * gap)) ||
                   std::fabs(a) + 2 * gap == double(std::nextafter(std::fabs(a), HUGE_VALF)))) {
    counts[sign + "tie of the accumulator"]++;
  }
  if (c.scale >= 0x00800000 && acc != 0 && std::fabs(t) < 1024) {
    const double exact = double(a) * s;  // 48 bits
    int exponent;
    const double f = std::fabs(std::frexp(exact, &exponent)) * (1 << 24);
    if (f - std::floor(f) == 0.5)
      counts[sign + (std::uint64_t(f) & 1 ? "tie of the product, odd" : "tie of the product, even")]++;
    const double magnitude = std::fabs(double(t));
    if (magnitude - std::floor(magnitude) == 0.5) counts[sign + (std::uint64_t(magnitude) & 1 ? "half, odd" : "half, even")]++;
    // Without one of the roundings, another integer.
    if (std::nearbyint(exact) != std::nearbyint(t)) counts["decided by the product's rounding"]++;
    const long double whole = static_cast<long double>(acc) * s;
    if (std::nearbyint(static_cast<long double>(float(whole))) != std::nearbyint(t))
      counts["decided by the accumulator's rounding"]++;
  }
}

template <typename Top>
void test_float(std::uint64_t cases, std::uint64_t salt) {
  Random r(salt);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(r.seed()));
  const auto halfway = halfway_products(r, 2000);
  Counts counts;
  for (unsigned ready : {100u, 70u}) {
    EpilogueBench<Top> bench(r, ready, ready);
    std::uint64_t left = cases / 2;
    ASSERT_TRUE(bench.run([&](Group &g) {
      if (left == 0) return false;
      any_command(r, g, Requant::floating);
      g.per_column = below(r, 64) != 0;
      for (unsigned l = 0; l < kLanes; l++) {
        g.cases[l] = float_case(r, halfway);
        if (l > 0 && !g.per_column) g.cases[l].scale = g.cases[0].scale;
        if (l < g.lanes) count_float(g.cases[l], counts);
      }
      left -= std::min<std::uint64_t>(left, g.lanes);
      return true;
    }));
    EXPECT_GE(bench.results, cases / 2);
  }
  expect_all(counts,
             {"positive tie of the accumulator", "negative tie of the accumulator", "positive tie of the product, odd",
              "negative tie of the product, odd", "positive tie of the product, even", "negative tie of the product, even",
              "positive half, odd", "negative half, odd", "positive half, even", "negative half, even", "positive saturated",
              "negative saturated"},
             cases / 1000);
  expect_all(counts, {"decided by the product's rounding", "decided by the accumulator's rounding"}, cases / 2000);
  expect_all(counts, {"zero", "subnormal scale"}, 100);
}

TEST(EpilogueTest, FloatRuleIsExactOnEveryKindOfTie) { test_float<Vepilogue_1>(12'000'000, 41); }
TEST(EpilogueTest, FloatRuleIsExactWithoutFloatingPoint) { test_float<Vepilogue_0>(1'000'000, 42); }

// --- rule FIXED ---------------------------------------------------------------------------------------------------------

Case fixed_case(Random &r) {
  Case c;
  const bool negative = r.bits() & 1;
  switch (below(r, 6)) {
    case 0: {  // anything
      c.acc = any_acc(r);
      const std::uint32_t extremes[] = {0, 1, 0x40000000, 0x7FFFFFFF};
      c.scale = r.bits() & 1 ? std::uint32_t(bits(r, 31)) : extremes[below(r, 4)];
      c.shift = std::int8_t(int(below(r, 62)) - 31);
      break;
    }
    case 1: {  // a tie of the first rounding: the product is an odd multiple of 2^30
      const unsigned i = unsigned(below(r, 31)), length = unsigned(1 + below(r, 31 - i));
      const unsigned up = unsigned(below(r, i + 1));  // by the shift to the left
      c.acc = signed_as(negative, odd(r, length) << (i - up));
      c.scale = std::uint32_t(odd(r, unsigned(1 + below(r, i + 1))) << (30 - i));
      c.shift = r.bits() & 1 && up == 0 ? std::int8_t(-int(below(r, 32))) : std::int8_t(up);
      break;
    }
    case 2: {  // a tie of the second: h is an odd multiple of 2^(n-1), or next to one
      const unsigned n = unsigned(1 + below(r, 31));
      const unsigned room = 31 - (n - 1);
      const std::int64_t h = std::int64_t(odd(r, unsigned(1 + below(r, std::min(room, 10u)))) << (n - 1));
      const std::uint64_t multiplier = 0x40000000 | bits(r, 30);
      const double acc = (negative ? -1.0 : 1.0) * double(h) * 2147483648.0 / double(multiplier);
      c.acc = std::uint32_t(std::int64_t(std::nearbyint(std::fmax(-2147483648.0, std::fmin(2147483647.0, acc)))) +
                            std::int64_t(below(r, 3)) - 1);
      c.scale = std::uint32_t(multiplier);
      c.shift = std::int8_t(-int(n));
      break;
    }
    case 3: {  // both: half of an odd accumulator, then an odd multiple of 2^(n-1)
      const unsigned n = unsigned(1 + below(r, 30));
      const std::uint64_t h = odd(r, unsigned(1 + below(r, std::min(30 - (n - 1), 10u)))) << (n - 1);
      c.acc = signed_as(negative, 2 * h + (negative ? 1 : -1));
      c.scale = 0x40000000;
      c.shift = std::int8_t(-int(n));
      break;
    }
    default: {  // results of the type's size: acc * multiplier * 2^(shift - 31) about 2^8
      const unsigned length = unsigned(1 + below(r, 31));
      c.acc = signed_as(negative, odd(r, length) - (r.bits() & 1));
      c.scale = std::uint32_t(1u << 30 | bits(r, 30));
      c.shift = std::int8_t(std::max(-31, 9 - int(length) - int(below(r, 4))));
      break;
    }
  }
  return c;
}

void count_fixed(const Case &c, Counts &counts) {
  const int left = std::max<int>(c.shift, 0), right = std::max<int>(-c.shift, 0);
  const auto x = std::int32_t(c.acc << left);
  const std::int64_t product = std::int64_t(x) * std::int32_t(c.scale);
  const std::int64_t h = (product + (1 << 30)) >> 31;
  const std::string sign = product < 0 ? "negative " : "positive ";
  if (std::int64_t(x) != std::int64_t(std::int32_t(c.acc)) << left) counts["wrapped by the shift"]++;
  const bool first = (product & 0x7FFFFFFF) == 0x40000000;
  const bool second = right > 0 && (h & ((std::int64_t{1} << right) - 1)) == std::int64_t{1} << (right - 1);
  if (first) counts[sign + "tie of the first rounding"]++;
  if (second) counts[sign + "tie of the second rounding"]++;
  if (first && second) counts[sign + "tie of both"]++;
  counts["shift " + std::to_string(c.shift)]++;
}

template <typename Top>
void test_fixed(std::uint64_t cases, std::uint64_t salt) {
  Random r(salt);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(r.seed()));
  Counts counts;
  for (unsigned ready : {100u, 70u}) {
    EpilogueBench<Top> bench(r, ready, ready);
    std::uint64_t left = cases / 2;
    ASSERT_TRUE(bench.run([&](Group &g) {
      if (left == 0) return false;
      any_command(r, g, Requant::fixed);
      g.per_column = below(r, 64) != 0;
      for (unsigned l = 0; l < kLanes; l++) {
        g.cases[l] = fixed_case(r);
        if (l > 0 && !g.per_column) {
          g.cases[l].scale = g.cases[0].scale;
          g.cases[l].shift = g.cases[0].shift;
        }
        if (l < g.lanes) count_fixed(g.cases[l], counts);
      }
      left -= std::min<std::uint64_t>(left, g.lanes);
      return true;
    }));
    EXPECT_GE(bench.results, cases / 2);
  }
  expect_all(counts,
             {"positive tie of the first rounding", "negative tie of the first rounding", "positive tie of the second rounding",
              "negative tie of the second rounding", "positive tie of both", "negative tie of both", "wrapped by the shift"},
             cases / 1000);
  for (int shift = -31; shift <= 30; shift++) EXPECT_GE(counts["shift " + std::to_string(shift)], cases / 10000) << shift;
}

TEST(EpilogueTest, FixedRuleIsExactOnEveryKindOfTie) { test_fixed<Vepilogue_1>(12'000'000, 43); }
TEST(EpilogueTest, FixedRuleIsExactWithoutFloatingPoint) { test_fixed<Vepilogue_0>(1'000'000, 44); }

TEST(EpilogueTest, ExtremesOfEveryParameterMeetEachOther) {
  Random r(45);
  std::vector<Group> groups;
  const std::uint32_t scales[] = {1,          0x007FFFFF, 0x00800000, 0x00800001, 0x2F800000, 0x307FFFFF, 0x37000000,
                                  0x3B7FFFFF, 0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x42FFFFFF, 0x7F7FFFFF};
  const std::uint32_t multipliers[] = {0, 1, 2, 0x3FFFFFFF, 0x40000000, 0x40000001, 0x7FFFFFFE, 0x7FFFFFFF};
  for (DType out : {DType::s8, DType::u8})
    for (int bounds = 0; bounds < 3; bounds++)
      for (int zero : {0, 1, 127, 128, 255}) {
        const int low = out == DType::s8 ? -128 : 0;
        Group g;
        g.out = out;
        g.per_column = true;
        g.zero_point = low + zero;
        g.low = std::uint32_t(bounds == 1 ? low + 255 : low);
        g.high = std::uint32_t(bounds == 2 ? low : low + 255);
        unsigned lane = 0;
        const auto add = [&](Requant rule, std::uint32_t acc, std::uint32_t scale, int shift) {
          g.rule = rule;
          g.cases[lane] = {acc, scale, std::int8_t(shift)};
          if (++lane == kLanes) groups.push_back(g);
          lane %= kLanes;
        };
        for (std::uint32_t scale : scales)
          for (int i = 0; i < 48; i++) add(Requant::floating, kExtremes[i % std::size(kExtremes)], scale, 0);
        for (std::uint32_t multiplier : multipliers)
          for (int shift = -31; shift <= 30; shift++)
            for (std::uint32_t acc : kExtremes) add(Requant::fixed, acc, multiplier, shift);
        ASSERT_EQ(lane, 0u);
      }
  EpilogueBench<Vepilogue_1> bench(r, 100, 100);
  std::size_t next = 0;
  bench.run([&](Group &g) {
    if (next == groups.size()) return false;
    g = groups[next++];
    return true;
  });
  EXPECT_EQ(bench.results, groups.size() * kLanes);
}

TEST(EpilogueTest, TheTwoRulesDifferWhereTheirRoundingsDo) {
  Random r(46);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(r.seed()));
  EpilogueBench<Vepilogue_1> bench(r, 100, 100);
  std::uint32_t first[kLanes];
  std::uint64_t differ = 0, same = 0;
  bench.on_result = [&](const Group &g, unsigned lane, std::uint32_t result) {
    if (g.rule == Requant::floating) {
      first[lane] = result;
    } else {
      (result == first[lane] ? same : differ)++;
    }
  };
  unsigned left = 40000;
  Group floating, fixed;
  bench.run([&](Group &g) {
    if (left-- == 0) return false;
    if (left % 2 == 0) {
      g = fixed;
      return true;
    }
    any_command(r, floating, Requant::floating);
    floating.low = std::uint32_t(floating.out == DType::s8 ? -128 : 0);
    floating.high = std::uint32_t(floating.out == DType::s8 ? 127 : 255);
    fixed = floating;
    fixed.rule = Requant::fixed;
    for (unsigned l = 0; l < kLanes; l++) {
      // The same number as a binary32 scale and as a multiplier of 24 bits; half of them powers of two, with many halves.
      const std::uint32_t multiplier = 1u << 30 | (r.bits() & 1 ? 0 : std::uint32_t(bits(r, 23)) << 7);
      const int shift = -int(below(r, 12));
      const std::uint32_t acc = signed_as(r.bits() & 1, bits(r, unsigned(1 + below(r, unsigned(9 - shift)))));
      floating.cases[l] = {acc, as_bits(std::ldexp(float(multiplier), shift - 31)), 0};
      fixed.cases[l] = {acc, multiplier, std::int8_t(shift)};
    }
    g = floating;
    return true;
  });
  EXPECT_GT(differ, 1000u);
  EXPECT_GT(same, 1000u);
  RecordProperty("differ", std::to_string(differ));
}

// --- floating-point results ------------------------------------------------------------------------------------------------

constexpr std::uint32_t kInf = 0x7F800000, kMinus = 0x80000000;

/// Runs the values through one result type, clamped to [low, high].
void run_values(EpilogueBench<Vepilogue_1> &bench, Random &r, DType out, const std::vector<std::uint32_t> &values,
                std::uint32_t low = kMinus | kInf, std::uint32_t high = kInf) {
  std::size_t next = 0;
  bench.run([&](Group &g) {
    if (next == values.size()) return false;
    g.out = out;
    g.low = low;
    g.high = high;
    g.offset = unsigned(below(r, 16));
    g.end = r.bits() & 1;
    g.lanes = unsigned(std::min<std::size_t>(kLanes, values.size() - next));
    for (unsigned l = 0; l < g.lanes; l++) g.cases[l].acc = values[next++];
    return true;
  });
}

TEST(EpilogueTest, NarrowingIsExactAroundEveryValueAndMidpoint) {
  for (DType type : {DType::fp16, DType::bf16}) {
    Random r(47);
    SCOPED_TRACE(golden::name(type));
    EpilogueBench<Vepilogue_1> bench(r, 90, 90);
    std::vector<std::uint32_t> values;
    const std::uint32_t infinity = type == DType::fp16 ? 0x7C00 : 0x7F80;
    std::uint64_t ties = 0;
    for (std::uint32_t v = 0; v < infinity; v++) {
      const std::uint32_t here = golden::widen(type, std::uint16_t(v));
      // The next value; beyond the largest one, where it would be if there were no end (bfloat16: infinity's own bits).
      const std::uint32_t next = v + 1 < infinity      ? golden::widen(type, std::uint16_t(v + 1))
                                 : type == DType::fp16 ? power(16)
                                                       : kInf;
      std::uint32_t middle = as_bits(float((double(as_float(here)) + double(as_float(next))) / 2));
      if (next == kInf) middle = (here + next) / 2;
      ties += golden::narrow(type, middle) != golden::narrow(type, middle - 1) ||
              golden::narrow(type, middle) != golden::narrow(type, middle + 1);
      for (std::uint32_t x : {here, middle})
        for (int ulp = -1; ulp <= 1; ulp++)
          if (x != 0 || ulp >= 0)
            for (std::uint32_t sign : {0u, kMinus}) values.push_back((x + std::uint32_t(ulp)) | sign);
    }
    EXPECT_EQ(ties, infinity);
    for (std::uint32_t x :
         {kInf - 1, kInf, kInf + 1, 0x7FC00000u, 0x7FFFFFFFu, 0x7FA12345u, 0x7F801000u, 1u, 0x007FFFFFu, 0x00800000u})
      for (std::uint32_t sign : {0u, kMinus}) values.push_back(x | sign);
    for (int i = 0; i < 2'000'000; i++) values.push_back(std::uint32_t(r.bits()));
    run_values(bench, r, type, values);
    EXPECT_EQ(bench.results, values.size());
    EXPECT_GT(bench.stalls, 1000u);
  }
}

TEST(EpilogueTest, ClampKeepsNanAndTheSignOfZero) {
  Random r(48);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(r.seed()));
  EpilogueBench<Vepilogue_1> bench(r, 100, 90);
  const std::uint32_t specials[] = {
      0,          kMinus,        1,          kMinus | 1, 0x3F800000,          0xBF800000, 0x477FE000,
      kInf,       kMinus | kInf, 0x7FC00000, 0xFFC00000, kMinus | 0x00800000, 0x33000000, 0x7F7FFFFF,
      0x38800000, 0x387FE000,    kInf + 1,   0xFF7FFFFF};
  const auto any = [&] { return r.bits() & 1 ? specials[below(r, std::size(specials))] : std::uint32_t(r.bits()); };
  unsigned clamped = 0, nans = 0, zeros = 0;
  for (int round = 0; round < 30000; round++) {
    std::uint32_t low, high;
    do {
      low = any();
      high = any();
    } while (!(as_float(low) <= as_float(high)));  // neither is a NaN
    std::vector<std::uint32_t> values;
    for (unsigned l = 0; l < kLanes; l++) {
      const std::uint32_t x = l % 4 == 0 ? any()
                                         : (l % 4 == 1   ? low
                                            : l % 4 == 2 ? high
                                                         : any()) +
                                               std::uint32_t(below(r, 3)) - 1;
      values.push_back(x);
      nans += std::isnan(as_float(x));
      zeros += x == kMinus && (low << 1 == 0 || high << 1 == 0);
      clamped += golden::clamp(x, low, high) != x;
    }
    run_values(bench, r, r.pick({DType::fp32, DType::fp16, DType::bf16}), values, low, high);
    if (HasFailure()) return;
  }
  EXPECT_GT(nans, 1000u);
  EXPECT_GT(zeros, 1000u);
  EXPECT_GT(clamped, 1000u);
}

// --- the pipeline ------------------------------------------------------------------------------------------------------------

/// Groups of all kinds of result, one after the other.
template <typename Top>
void mixed(unsigned in, unsigned out, bool fp) {
  Random r(49);
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(r.seed()));
  EpilogueBench<Top> bench(r, in, out);
  const auto halfway = halfway_products(r, 20);
  unsigned left = 20000;
  bench.run([&](Group &g) {
    if (left-- == 0) return false;
    any_command(r, g, r.bits() & 1 ? Requant::floating : Requant::fixed);
    g.per_column = r.bits() & 1;
    for (Case &c : g.cases) {
      c = g.rule == Requant::floating ? float_case(r, halfway) : fixed_case(r);
    }
    const unsigned kind = unsigned(below(r, fp ? 6 : 3));
    if (kind >= 2) {
      g.out = kind == 2 ? DType::s32 : r.pick({DType::fp32, DType::fp16, DType::bf16});
      g.rule = Requant::none;
      g.per_column = false;
      g.zero_point = 0;
      g.low = g.high = 0;
      g.cases[0].scale = 0;
      g.cases[0].shift = 0;
      for (Case &c : g.cases) c.acc = std::uint32_t(r.bits());
      if (kind != 2) {
        g.low = as_bits(-1e5f);
        g.high = as_bits(3e38f);
      }
    }
    return true;
  });
  if (in == 100 && out == 100) {
    EXPECT_LE(bench.cycles, 20000u + kLatency + 2);
  }
}

TEST(EpilogueTest, AllTypesTakeTheDocumentedCyclesOneGroupACycle) { mixed<Vepilogue_1>(100, 100, true); }
TEST(EpilogueTest, AllTypesKeepTheirOrderUnderStalls) {
  mixed<Vepilogue_1>(60, 100, true);
  mixed<Vepilogue_1>(100, 40, true);
  mixed<Vepilogue_1>(50, 50, true);
  mixed<Vepilogue_0>(70, 50, false);
}

TEST(EpilogueTest, AnIllegalParameterInAnyLaneStopsItsGroupAndAllBehind) {
  const std::vector<std::uint32_t> scales = {0,        kMinus,     kMinus | 1, 0xBF800000, kInf,
                                             kInf + 1, 0x7FC00000, 0xFF800000, 0xFFFFFFFF};
  for (Requant rule : {Requant::floating, Requant::fixed})
    for (unsigned lane = 0; lane < kLanes; lane++)
      for (unsigned kind = 0; kind < 9; kind++) {
        Random r(50 + lane);
        EpilogueBench<Vepilogue_1> bench(r, r.pick({100u, 60u}), r.pick({100u, 60u}));
        bench.expect_error = true;
        unsigned left = 12;
        ASSERT_TRUE(bench.run([&](Group &g) {
          if (left-- == 0) return false;
          any_command(r, g, rule);
          g.lanes = left == 5 ? unsigned(r.in(lane + 1, kLanes)) : left > 5 ? lane : kLanes;
          if (left > 5 && lane == 0) g.lanes = kLanes;
          for (Case &c : g.cases) c = {std::uint32_t(r.bits()), 0x3F000000, -3};
          Case &c = g.cases[lane];
          // Before the group in question the illegal parameter lies beyond the lanes.
          if (left == 5 || g.lanes == lane) {
            const int shifts[] = {-128, -33, -32, 31, 32, 63, 64, 96, 127};
            if (rule == Requant::floating) {
              c.scale = scales[kind];
            } else if (kind % 2 == 0) {
              c.shift = std::int8_t(shifts[kind]);
            } else {
              c.scale = kind == 1 ? kMinus : kind == 3 ? 0xFFFFFFFF : std::uint32_t(kMinus | r.bits());
            }
          }
          return true;
        }));
        for (unsigned i = 0; i < 2 * kLatency; i++) ASSERT_TRUE(bench.step());
        EXPECT_TRUE(bench.error);
      }
}

}  // namespace
}  // namespace systole::tb::store
