// SPDX-License-Identifier: Apache-2.0
// The worked examples of docs/arithmetic.md, number by number.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "sim/golden/gemm.hpp"

namespace systole::golden {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Ints = std::vector<std::int32_t>;

std::uint8_t s8(int value) { return static_cast<std::uint8_t>(value); }

/// One row of A times N rows of B (K contiguous).
Ints product(const Bytes &a, bool a_signed, int a_zp, const Bytes &b, bool b_signed, const Ints &b_zp, const Ints &bias = {}) {
  const std::size_t k = a.size();
  const std::size_t n = b.size() / k;
  Ints c(n);
  const auto pitch = static_cast<std::ptrdiff_t>(k);
  gemm_int(1, n, k, Operand{a.data(), a_signed, pitch}, Operand{b.data(), b_signed, pitch}, a_zp, b_zp.data(), nullptr,
           bias.empty() ? nullptr : bias.data(), c.data());
  return c;
}

TEST(ArithmeticExamplesTest, One_SymmetricSigned) {
  EXPECT_EQ(product({s8(1), s8(-2), s8(127)}, true, 0, {s8(3), s8(4), s8(-128)}, true, {0}), Ints{-16261});
}

TEST(ArithmeticExamplesTest, Two_AsymmetricUnsignedTimesSignedWithABias) {
  EXPECT_EQ(product({0, 128, 255}, false, 128, {s8(5), s8(-6), s8(7)}, true, {-1}, {1000}), Ints{1248});
}

TEST(ArithmeticExamplesTest, Three_BothZeroPointsAtTheExtremes) {
  EXPECT_EQ(product({0, 0}, false, 255, {0, 0}, false, {255}), Ints{130050});
}

TEST(ArithmeticExamplesTest, Four_ATailAddsNothing) {
  Bytes a = {0, 128, 255}, b = {s8(5), s8(-6), s8(7)};
  a.resize(8, 200);
  b.resize(8, 50);
  EXPECT_EQ(product(a, false, 128, b, true, {-1}, {1000})[0] - 1248, 18360);
  std::fill(b.begin() + 3, b.end(), s8(-1));  // zero after the removal of the zero point
  EXPECT_EQ(product(a, false, 128, b, true, {-1}, {1000}), Ints{1248});
}

TEST(ArithmeticExamplesTest, Five_WrapsAround) { EXPECT_EQ(product({1}, true, 0, {1}, true, {0}, {INT32_MAX}), Ints{INT32_MIN}); }

TEST(ArithmeticExamplesTest, Six_AZeroPointForEachColumn) {
  EXPECT_EQ(product({s8(10)}, true, 0, {7, 7}, false, {7, 8}), (Ints{0, -10}));
}

TEST(ArithmeticExamplesTest, TheLongestSafeKReachesJustBelowTheTop) {
  const std::size_t k = 33025;
  EXPECT_EQ(product(Bytes(k, 0), false, 255, Bytes(k, 0), false, {255}), Ints{2147450625});
  EXPECT_LT(product(Bytes(k + 1, 0), false, 255, Bytes(k + 1, 0), false, {255})[0], 0);
}

// ---- floating point

using Halves = std::vector<std::uint16_t>;

constexpr DType kFp16 = DType::fp16, kBf16 = DType::bf16;
constexpr std::uint32_t kOne = 0x3F800000, kInfinity = 0x7F800000, kMinusZero = 0x80000000;

/// One row times one column, from a seed.
std::uint32_t sum_of(DType type, const Halves &a, const Halves &b, std::uint32_t seed = 0) {
  const auto bytes = [](const Halves &halves) {
    Bytes out;
    for (const std::uint16_t h : halves) {
      out.push_back(static_cast<std::uint8_t>(h));
      out.push_back(static_cast<std::uint8_t>(h >> 8));
    }
    return out;
  };
  std::uint32_t c = 0;
  gemm_float(type, 1, 1, a.size(), bytes(a).data(), bytes(b).data(), &seed, nullptr, &c);
  return c;
}

TEST(ArithmeticExamplesTest, Seven_AProductIsExact) {
  EXPECT_EQ(multiply_add(kFp16, 0, 0x3FFF, 0x3FFF), 0x407FC004U);
  EXPECT_EQ(as_float(0x407FC004), 4190209.0F / 1048576.0F);
  EXPECT_EQ(narrow(kFp16, 0x407FC004), 0x43FE);
  EXPECT_EQ(as_float(widen(kFp16, 0x43FE)), 2046.0F / 512.0F);
}

TEST(ArithmeticExamplesTest, Eight_ATieGoesToTheEvenNeighbour) {
  EXPECT_EQ(multiply_add(kFp16, 0x3F800000, 0x0C00, 0x0C00), 0x3F800000U);
  EXPECT_EQ(multiply_add(kFp16, 0x3F800001, 0x0C00, 0x0C00), 0x3F800002U);
  EXPECT_EQ(multiply_add(kFp16, 0x3F800000, 0x0C00, 0x0C01), 0x3F800001U);
}

TEST(ArithmeticExamplesTest, Nine_SubnormalsAreKept) {
  EXPECT_EQ(multiply_add(kFp16, 0, 0x0001, 0x0001), 0x27800000U);
  EXPECT_EQ(multiply_add(kFp16, 0, 0x0001, 0x3C00), 0x33800000U);
  EXPECT_EQ(multiply_add(kBf16, 0, 0x1C80, 0x1C80), 0x00000200U);
  EXPECT_EQ(multiply_add(kBf16, 0, 0x1A00, 0x1A00), 0x00000000U);
  EXPECT_EQ(multiply_add(kBf16, 0, 0x1A40, 0x1A00), 0x00000001U);
  EXPECT_EQ(multiply_add(kBf16, 0x00000001, 0x1A00, 0x1A00), 0x00000002U);
}

TEST(ArithmeticExamplesTest, Ten_Zeros) {
  EXPECT_EQ(multiply_add(kFp16, kMinusZero, 0x8000, 0x3C00), kMinusZero);
  EXPECT_EQ(multiply_add(kFp16, 0, 0x8000, 0x3C00), 0U);
  EXPECT_EQ(multiply_add(kFp16, kMinusZero, 0x8000, 0x8000), 0U);
  EXPECT_EQ(multiply_add(kBf16, 0, 0x9A00, 0x1A00), kMinusZero);
  EXPECT_EQ(sum_of(kFp16, {0x8000, 0x8000, 0x8000}, {0x3C00, 0x3C00, 0x3C00}, kMinusZero), kMinusZero);
}

TEST(ArithmeticExamplesTest, Eleven_ExactCancellationIsPlusZero) {
  EXPECT_EQ(multiply_add(kFp16, 0xC0C00000, 0x4000, 0x4200), 0U);
  EXPECT_EQ(multiply_add(kFp16, 0x40C00000, 0xC000, 0x4200), 0U);
}

TEST(ArithmeticExamplesTest, Twelve_InfinitiesAndNaNs) {
  EXPECT_EQ(multiply_add(kFp16, kInfinity, 0xFC00, 0x3C00), 0x7FC00000U);
  EXPECT_EQ(multiply_add(kFp16, kOne, 0x7C00, 0x8000), 0x7FC00000U);
  EXPECT_EQ(multiply_add(kFp16, kOne, 0xFC00, 0x3C00), 0xFF800000U);
  EXPECT_EQ(multiply_add(kFp16, 0xFFC01234, 0x3C00, 0x3C00), 0x7FC00000U);
  EXPECT_EQ(multiply_add(kFp16, kOne, 0x7C01, 0x3C00), 0x7FC00000U);
}

TEST(ArithmeticExamplesTest, Thirteen_OverflowByRounding) {
  EXPECT_EQ(multiply_add(kBf16, 0x7F7FFFFF, 0x5980, 0x5900), kInfinity);
  EXPECT_EQ(multiply_add(kBf16, 0x7F7FFFFF, 0x5980, 0x5880), 0x7F7FFFFFU);
}

TEST(ArithmeticExamplesTest, Fourteen_AProductBeyondBinary32Cancels) {
  EXPECT_EQ(multiply_add(kBf16, 0xFF7FFFFF, 0x5F80, 0x5F80), 0x73800000U);
}

TEST(ArithmeticExamplesTest, Fifteen_TheOrderOfK) {
  EXPECT_EQ(sum_of(kFp16, {0x3C00, 0x0C00, 0x0C00}, {0x3C00, 0x0C00, 0x0C00}), 0x3F800000U);
  EXPECT_EQ(sum_of(kFp16, {0x0C00, 0x0C00, 0x3C00}, {0x0C00, 0x0C00, 0x3C00}), 0x3F800001U);
}

TEST(ArithmeticExamplesTest, Sixteen_ATailPassesThePartialSum) {
  EXPECT_EQ(sum_of(kFp16, {0x8000}, {0x3C00}, kMinusZero), kMinusZero);
  EXPECT_EQ(sum_of(kFp16, {0x8000, 0x0000}, {0x3C00, 0x0000}, kMinusZero), 0U);
  EXPECT_EQ(sum_of(kFp16, {0x8000, 0x0000}, {0x3C00, 0x7C00}, kMinusZero), 0x7FC00000U);
}

// ---- results in 16 bits, clamp

TEST(ArithmeticExamplesTest, Seventeen_ToBinary16) {
  EXPECT_EQ(narrow(kFp16, 0x45001000), 0x6800);
  EXPECT_EQ(narrow(kFp16, 0x45003000), 0x6802);
  EXPECT_EQ(narrow(kFp16, 0x477FEFFF), 0x7BFF);
  EXPECT_EQ(narrow(kFp16, 0x477FF000), 0x7C00);
  EXPECT_EQ(narrow(kFp16, 0x33000000), 0x0000);
  EXPECT_EQ(narrow(kFp16, 0x33000001), 0x0001);
  EXPECT_EQ(narrow(kFp16, 0x33C00000), 0x0002);
  EXPECT_EQ(narrow(kFp16, 0xB2800000), 0x8000);
  EXPECT_EQ(narrow(kFp16, 0xFFC01234), 0x7E00);
}

TEST(ArithmeticExamplesTest, Eighteen_ToBfloat16) {
  EXPECT_EQ(narrow(kBf16, 0x3F808000), 0x3F80);
  EXPECT_EQ(narrow(kBf16, 0x3F818000), 0x3F82);
  EXPECT_EQ(narrow(kBf16, 0x3F808001), 0x3F81);
  EXPECT_EQ(narrow(kBf16, 0x7F7F7FFF), 0x7F7F);
  EXPECT_EQ(narrow(kBf16, 0x7F7F8000), 0x7F80);
  EXPECT_EQ(narrow(kBf16, 0x7F800001), 0x7FC0);
}

TEST(ArithmeticExamplesTest, Nineteen_AClampPassesNaNAndMinusZero) {
  const std::uint32_t zero = 0, six = as_bits(6);
  EXPECT_EQ(clamp(as_bits(7.25F), zero, six), six);
  EXPECT_EQ(clamp(as_bits(-1), zero, six), zero);
  EXPECT_EQ(clamp(kMinusZero, zero, six), kMinusZero);
  EXPECT_EQ(clamp(0x7FC00000, zero, six), 0x7FC00000U);
  EXPECT_EQ(clamp(kInfinity, zero, six), six);
}

// ---- requantisation

std::int32_t floating(std::int32_t acc, std::uint32_t scale, std::int32_t zero_point = 0) {
  return requant_float(acc, scale, zero_point, -128, 127);
}

std::int32_t fixed(std::int32_t acc, std::int32_t multiplier, std::int32_t shift, std::int32_t zero_point = 0) {
  return requant_fixed(acc, multiplier, shift, zero_point, -128, 127);
}

TEST(ArithmeticExamplesTest, Twenty_RuleFloatRoundsHalfToEven) {
  for (const auto &[acc, result] : std::vector<std::pair<int, int>>{{5, 2}, {7, 4}, {-5, -2}, {-7, -4}, {6, 3}}) {
    EXPECT_EQ(floating(acc, 0x3F000000), result) << acc;
  }
  EXPECT_EQ(floating(300, 0x3F000000), 127);
}

TEST(ArithmeticExamplesTest, TwentyOne_TheZeroPointComesAfterTheRounding) { EXPECT_EQ(floating(1, 0x3F000000, 1), 1); }

TEST(ArithmeticExamplesTest, TwentyTwo_RuleFloatRoundsSumAndProductToBinary32) {
  EXPECT_EQ(floating(16777217, 0x33000000), 0);
  EXPECT_EQ(floating(16777218, 0x33000000), 1);
  EXPECT_EQ(as_bits(static_cast<float>(16777217)), 0x4B800000U);
  EXPECT_EQ(floating(3, 0x3E2AAAAB), 0);
  EXPECT_EQ(as_bits(3.0F * as_float(0x3E2AAAAB)), 0x3F000000U);
}

TEST(ArithmeticExamplesTest, TwentyThree_RuleFixedStepByStep) {
  constexpr std::int32_t kMultiplier = 1395864371;
  EXPECT_EQ((std::int64_t{1234} * kMultiplier + (1 << 30)) >> 31, 802);
  EXPECT_EQ(fixed(1234, kMultiplier, -5, -10), 15);
  EXPECT_EQ(fixed(-1234, kMultiplier, -5, -10), -35);
}

TEST(ArithmeticExamplesTest, TwentyFour_RuleFixedRoundsHalvesTwoWays) {
  for (const auto &[acc, result] : std::vector<std::pair<int, int>>{{1, 1}, {-1, 0}, {3, 2}, {-3, -1}}) {
    EXPECT_EQ(fixed(acc, 1 << 30, 0), result) << acc;
  }
  EXPECT_EQ(fixed(6, 1 << 30, -1), 2);
  EXPECT_EQ(fixed(-6, 1 << 30, -1), -2);
  EXPECT_EQ(fixed(-5, 1 << 30, -1), -1);
}

TEST(ArithmeticExamplesTest, TwentyFive_ALeftShiftWraps) {
  EXPECT_EQ(fixed(25, 1 << 30, 2), 50);
  EXPECT_EQ(fixed(1 << 29, 1 << 30, 2), -128);
}

TEST(ArithmeticExamplesTest, TwentySix_WhereTheRulesDiffer) {
  constexpr std::uint32_t kHalf = 0x3F000000, kQuarter = 0x3E800000;
  EXPECT_EQ(floating(1, kHalf), 0);
  EXPECT_EQ(fixed(1, 1 << 30, 0), 1);
  EXPECT_EQ(floating(-3, kHalf), -2);
  EXPECT_EQ(fixed(-3, 1 << 30, 0), -1);
  EXPECT_EQ(floating(5, kHalf), 2);
  EXPECT_EQ(fixed(5, 1 << 30, 0), 3);
  EXPECT_EQ(floating(1, kQuarter), 0);
  EXPECT_EQ(fixed(1, 1 << 30, -1), 1);
}

}  // namespace
}  // namespace systole::golden
