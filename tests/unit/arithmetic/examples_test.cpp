// SPDX-License-Identifier: Apache-2.0
// The worked examples of docs/arithmetic.md, number by number.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

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

TEST(ArithmeticExamplesTest, Five_WrapsAround) { EXPECT_EQ(product({1}, true, 0, {1}, true, {0}, {INT32_MAX}), Ints{INT32_MIN}); }

TEST(ArithmeticExamplesTest, Six_AZeroPointForEachColumn) {
  EXPECT_EQ(product({s8(10)}, true, 0, {7, 7}, false, {7, 8}), (Ints{0, -10}));
}

TEST(ArithmeticExamplesTest, TheLongestSafeKReachesJustBelowTheTop) {
  const std::size_t k = 33025;
  EXPECT_EQ(product(Bytes(k, 0), false, 255, Bytes(k, 0), false, {255}), Ints{2147450625});
  EXPECT_LT(product(Bytes(k + 1, 0), false, 255, Bytes(k + 1, 0), false, {255})[0], 0);
}

}  // namespace
}  // namespace systole::golden
