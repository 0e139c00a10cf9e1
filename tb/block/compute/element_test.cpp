// SPDX-License-Identifier: Apache-2.0
// The fused multiply-add of one row of elements, behind its edges, against the C library's fmaf: 10^8 cases of each type, most of
// them with a partial sum chosen to fall near a boundary of rounding, cancellation or range, and every regime counted.
#include "tb/block/compute/element_bench.hpp"

#include <Velement_2.h>
#include <Velement_3.h>
#include <Velement_4.h>
#include <Velement_5.h>
#include <Velement_6.h>
#include <Velement_7.h>
#include <Velement_7_m.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tb/block/compute/fused.hpp"

double sc_time_stamp() { return 0; }

namespace systole::tb {
namespace {

constexpr int kCols = 16;

/// xorshift64*: fast enough not to matter beside the simulation.
class Fast {
 public:
  explicit Fast(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}
  uint64_t operator()() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545F4914F6CDD1D) >> 8;
  }

 private:
  uint64_t state_;
};

uint64_t double_bits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Regimes a case may be in; a case may be in several.
enum Regime {
  kNan,
  kInfinite,          // from an infinite operand
  kOverflow,          // infinite from finite operands
  kPositiveZero,      // cancellation to +0
  kNegativeZero,      // (-0) + (-0)
  kSubnormalSum,      // subnormal result
  kInexactSubnormal,  // subnormal or zero result, rounded
  kTie,               // exactly halfway
  kTieToZeroBit,      // … and rounded towards zero
  kNearTie,           // within 2^-16 of a unit from halfway
  kCancelled,         // ten bits or more cancelled, not zero
  kSubnormalSeed,
  kSubnormalOperand,
  kProductGreater,
  kSeedGreater,
  kFinerThanSeed,  // product below the finest partial sum, 2^-149
  kCrossed,        // subnormal seed less a greater product below 2^-126: the sum changes sign after alignment
  kProductBeyond,  // |product| >= 2^128, finite sum
  kInfMinusInf,
  kZeroTimesInf,
  kPassed,
  kRegimes
};
constexpr const char *kRegimeNames[kRegimes] = {"NaN",
                                                "infinity",
                                                "overflow",
                                                "exact +0",
                                                "-0",
                                                "subnormal",
                                                "rounded tiny",
                                                "tie",
                                                "tie towards zero",
                                                "near tie",
                                                "cancellation",
                                                "subnormal seed",
                                                "subnormal operand",
                                                "product greater",
                                                "seed greater",
                                                "fine product",
                                                "crossed",
                                                "huge product",
                                                "inf - inf",
                                                "0 * inf",
                                                "passed"};

struct Cases {
  explicit Cases(bool is_brain, uint64_t seed) : random(seed), brain(is_brain) {}

  uint16_t operand(unsigned style) {
    const uint64_t r = random();
    const auto fraction = uint16_t(r & (brain ? 0x7F : 0x3FF)), sign = uint16_t(r >> 16 & 0x8000);
    const int shift = brain ? 7 : 10;
    switch (style) {
      case 0: return uint16_t(r);  // anything
      case 1: {                    // near one
        const int exponent = (brain ? 120 : 8) + int(r >> 40) % 15;
        return uint16_t(sign | exponent << shift | fraction);
      }
      case 2: {  // bfloat16: products around 2^-149 to 2^-120; binary16: small and subnormal
        const int exponent = brain ? 50 + int(r >> 40) % 20 : int(r >> 40) % 3;
        return uint16_t(sign | exponent << shift | fraction);
      }
      case 3: {  // bfloat16: products around 2^128; binary16: large
        const int exponent = brain ? 186 + int(r >> 40) % 10 : 28 + int(r >> 40) % 3;
        return uint16_t(sign | exponent << shift | fraction);
      }
      case 4: {  // few significant bits
        const int exponent = (brain ? 60 : 1) + int(r >> 40) % (brain ? 140 : 30);
        return uint16_t(sign | exponent << shift | (fraction & (brain ? 0x60 : 0x300)));
      }
      case 5: return uint16_t(sign | fraction);  // subnormal
      default: {
        const uint16_t max = brain ? 0x7F7F : 0x7BFF, inf = brain ? 0x7F80 : 0x7C00, min = brain ? 0x0080 : 0x0400;
        const uint16_t special[] = {0, 0, 1, uint16_t(min - 1), min, max, inf, inf, uint16_t(inf + 1), uint16_t(inf | fraction)};
        return uint16_t(sign | special[(r >> 40) % 10]);
      }
    }
  }

  template <class Tile>
  void draw_tile(Tile &tile) {
    const unsigned style = unsigned(random() % 10);
    tile.dtype = brain ? SYSTOLE_DTYPE_BF16 : SYSTOLE_DTYPE_FP16;
    for (auto &act : tile.acts) act = operand(pick(style));
    for (auto &weight : tile.weights) {
      weight.bits = operand(pick(style));
      weight.valid = random() % 64 != 0;
    }
  }
  unsigned pick(unsigned style) {
    const uint64_t r = random() % 32;
    return r == 0 ? 6 : r == 1 ? 5 : style < 6 ? style : unsigned(r % 5);
  }

  /// A partial sum for the exact product `p` (a double holds it exactly).
  uint32_t seed(double p) {
    const uint64_t r = random();
    const uint64_t bits = double_bits(p);
    const int exponent = int(bits >> 52 & 0x7FF) - 1023;  // of the product
    const uint32_t sign = r & 1 ? 0x80000000 : 0, fraction = uint32_t(r >> 1 & 0x7FFFFF);
    const auto choice = unsigned(r >> 40);
    auto scaled = [&](int biased) {  // |sum| with that exponent, or subnormal
      if (biased > 254) biased = 254;
      return biased > 0 ? uint32_t(biased) << 23 | fraction : biased > -24 ? (0x800000 | fraction) >> (1 - biased) : 0;
    };
    switch (r >> 24 & 15) {
      case 0: return uint32_t(r >> 1);
      case 1:
      case 2:  // cancellation to a few units
        return as_bits(float(-p)) + uint32_t(choice % 9) - 4;
      case 3:  // exactly the negative, if there is one
        return as_bits(float(-p));
      case 4:
      case 5: {  // the product's last bit is half a unit of the sum, or next to it
        const int zeros = (bits << 12) == 0 ? 52 : __builtin_ctzll(bits);
        return sign | scaled(exponent - 52 + zeros + 24 - 1 + int(choice % 3) + 127);
      }
      case 6:
      case 7: {  // the product's first bit is half a unit of the sum, or next to it
        return sign | scaled(exponent + 24 - 1 + int(choice % 3) + 127);
      }
      case 8:
      case 9:
      case 10:  // anywhere where they overlap
        return sign | scaled(exponent + int(choice % 58) - 29 + 127);
      case 11:  // subnormal
        return sign | fraction >> (choice % 24);
      case 12:  // just beside the greatest, or its exponent
        return sign | (choice % 2 ? 0x7F7FFFFF - choice / 2 % 4 : 0x7F000000 | fraction);
      case 13: {  // around the smallest normal number
        return sign | (0x800000 - 8 + choice % 16);
      }
      case 14: {
        constexpr uint32_t special[] = {0,          0,          0,          1,          0x7FFFFF,  0x800000,
                                        0x7F7FFFFF, 0x7F800000, 0x7F800000, 0x7F800001, 0x7FC00000};
        return sign | special[choice % 11];
      }
      default:
        if (choice % 2) return sign | scaled(exponent + 24 + 127) | 0x7FFFF0;  // sums that round up to the next power of two
        // Half a unit of the product, and the numbers next to that.
        const uint32_t half = scaled(exponent - 24 + 127) & 0x7F800000;
        return sign | (half > 0 ? half - 1 + choice / 2 % 3 : 0);
    }
  }

  void count(float a, float b, double p, uint32_t c, uint32_t result, bool valid) {
    auto hit = [&](Regime regime, bool in) { hits[regime] += in ? 1 : 0; };
    if (!valid) {
      hits[kPassed]++;
      return;
    }
    const float sum_in = as_float(c), r = as_float(result);
    const uint32_t magnitude = result & 0x7FFFFFFF;
    const bool a_special = !std::isfinite(a), b_special = !std::isfinite(b), c_special = !std::isfinite(sum_in);
    hit(kSubnormalOperand, subnormal_operand(a) || subnormal_operand(b));
    if (a_special || b_special || c_special) {
      hit(kNan, magnitude > 0x7F800000);
      hit(kInfinite, magnitude == 0x7F800000);
      hit(kZeroTimesInf, (std::isinf(a) && b == 0) || (a == 0 && std::isinf(b)));
      hit(kInfMinusInf, std::isinf(p) && std::isinf(sum_in) && (p < 0) != (sum_in < 0));
      return;
    }
    const double big = std::fabs(p), seed_size = std::fabs(double(sum_in));
    // The exact sum is s + error (Knuth's two-sum: no case here over- or underflows a double).
    const double s = p + double(sum_in), t = s - p, error = (p - (s - t)) + (double(sum_in) - t);
    const bool inexact = error != 0 || double(r) != s;
    const bool tiny = magnitude < 0x800000;
    hit(kOverflow, magnitude == 0x7F800000);
    hit(kPositiveZero, result == 0 && !inexact && (p != 0));
    hit(kNegativeZero, result == 0x80000000);
    hit(kSubnormalSum, tiny && magnitude != 0);
    hit(kInexactSubnormal, tiny && inexact);
    const uint64_t below = double_bits(s) & 0x1FFFFFFF;
    if (!tiny && magnitude < 0x7F800000) {
      const bool tie = below == 0x10000000 && error == 0;
      hit(kTie, tie);
      hit(kTieToZeroBit, tie && std::fabs(double(r)) < std::fabs(s));
      hit(kNearTie, !tie && below - (0x10000000 - 0x2000) <= 0x4000);
      hit(kCancelled, std::fabs(s) < 0x1p-10 * std::max(big, seed_size));
    }
    hit(kSubnormalSeed, c << 1 != 0 && (c & 0x7F800000) == 0);
    hit(kProductGreater, big > seed_size);
    hit(kSeedGreater, big < seed_size);
    hit(kFinerThanSeed, big != 0 && big < 0x1p-149);
    hit(kCrossed, seed_size < 0x1p-126 && big < 0x1p-126 && big > seed_size && seed_size != 0 && (p < 0) != (sum_in < 0));
    hit(kProductBeyond, big >= 0x1p128 && magnitude < 0x7F800000);
  }
  bool subnormal_operand(float x) const { return x != 0 && std::fabs(x) < (brain ? 0x1p-126f : 0x1p-14f); }

  Fast random;
  bool brain;
  std::array<uint64_t, kRegimes> hits{};
};

struct Totals {
  uint64_t cases = 0, mismatches = 0;
  std::array<uint64_t, kRegimes> hits{};
};

template <class Dut, int L, int MulRegs = 0>
Totals stream(bool brain, uint64_t count) {
  const char *env = std::getenv("SYSTOLE_SEED");
  const uint64_t seed = env != nullptr ? std::strtoull(env, nullptr, 0) : 1;
  std::printf("SYSTOLE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  using Bench = ElementBench<Dut, kCols, L, MulRegs>;
  using Tile = typename Bench::Tile;
  Bench bench;
  Cases cases(brain, seed);
  Totals totals;
  bench.run((count + kCols * kCols - 1) / (kCols * kCols), [&](Tile &tile) { cases.draw_tile(tile); },
            [&](const Tile &tile, int row, int column) {
              return cases.seed(double(widen(brain, tile.acts[row])) * double(widen(brain, tile.weights[column].bits)));
            },
            [&](const Tile &tile, int row, int column, uint32_t c, uint32_t sum) {
              const float a = widen(brain, tile.acts[row]), b = widen(brain, tile.weights[column].bits);
              const bool valid = tile.weights[column].valid;
              const uint32_t expected = valid ? fused(a, b, c) : std::isnan(as_float(c)) ? 0x7FC00000 : c;
              totals.cases++;
              cases.count(a, b, double(a) * double(b), c, expected, valid);
              if (sum == expected) return;
              if (totals.mismatches++ < 20)
                ADD_FAILURE() << std::hex << "a " << tile.acts[row] << ", b " << tile.weights[column].bits << ", c " << c << ": "
                              << sum << ", expected " << expected << (valid ? "" : " (masked)");
            });
  totals.hits = cases.hits;
  return totals;
}

void expect_regimes(const Totals &totals, bool brain, uint64_t least) {
  for (int regime = 0; regime < kRegimes; regime++) {
    // A binary16 product is never as fine or as large as that.
    const bool possible = brain || (regime != kFinerThanSeed && regime != kCrossed && regime != kProductBeyond &&
                                    regime != kOverflow && regime != kInexactSubnormal);
    std::printf("  %-18s %11llu\n", kRegimeNames[regime], static_cast<unsigned long long>(totals.hits[regime]));
    if (possible) EXPECT_GE(totals.hits[regime], least) << kRegimeNames[regime];
  }
}

constexpr uint64_t kCases = 100'000'000;

TEST(ElementTest, Binary16MultiplyAddsEqualFmaf) {
  const Totals totals = stream<Velement_4, 4>(false, kCases);
  EXPECT_GE(totals.cases, kCases);
  EXPECT_EQ(totals.mismatches, 0u);
  std::printf("%llu multiply-adds, %llu mismatches\n", static_cast<unsigned long long>(totals.cases),
              static_cast<unsigned long long>(totals.mismatches));
  expect_regimes(totals, false, 5000);
}

TEST(ElementTest, Bfloat16MultiplyAddsEqualFmaf) {
  const Totals totals = stream<Velement_4, 4>(true, kCases);
  EXPECT_GE(totals.cases, kCases);
  EXPECT_EQ(totals.mismatches, 0u);
  std::printf("%llu multiply-adds, %llu mismatches\n", static_cast<unsigned long long>(totals.cases),
              static_cast<unsigned long long>(totals.mismatches));
  expect_regimes(totals, true, 5000);
}

// The other latencies, and registers in the multipliers, put the same steps into fewer or more cycles.
TEST(ElementTest, OtherLatenciesGiveTheSameSums) {
  for (const bool brain : {false, true}) {
    EXPECT_EQ((stream<Velement_2, 2>(brain, 2'000'000).mismatches), 0u);
    EXPECT_EQ((stream<Velement_3, 3>(brain, 2'000'000).mismatches), 0u);
    EXPECT_EQ((stream<Velement_5, 5>(brain, 2'000'000).mismatches), 0u);
    EXPECT_EQ((stream<Velement_6, 6>(brain, 2'000'000).mismatches), 0u);
    EXPECT_EQ((stream<Velement_7, 7>(brain, 2'000'000).mismatches), 0u);
    EXPECT_EQ((stream<Velement_7_m, 7, 1>(brain, 2'000'000).mismatches), 0u);
  }
}

}  // namespace
}  // namespace systole::tb
