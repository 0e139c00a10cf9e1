// SPDX-License-Identifier: Apache-2.0
// What an epilogue may say, what it answers otherwise, and how its results lie in memory.
#include "sim/golden/epilogue.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sim/golden/float.hpp"

namespace systole::golden {
namespace {

/// The message that validate() throws; empty if it accepts.
std::string complaint(const Epilogue &epilogue, DType operands, std::size_t n = 4) {
  try {
    validate(epilogue, operands, n);
  } catch (const std::invalid_argument &error) {
    return error.what();
  }
  return "";
}

Epilogue raw(DType out) {
  Epilogue e;
  e.out = out;
  return e;
}

Epilogue floating(std::vector<float> scale, DType out = DType::s8) {
  Epilogue e = raw(out);
  e.rule = Requant::floating;
  for (const float s : scale) e.scale.push_back(as_bits(s));
  return e;
}

Epilogue fixed(std::vector<std::int32_t> multiplier, std::vector<std::int32_t> shift, DType out = DType::s8) {
  Epilogue e = raw(out);
  e.rule = Requant::fixed;
  e.multiplier = std::move(multiplier);
  e.shift = std::move(shift);
  return e;
}

template <typename Change>
Epilogue with(Epilogue e, Change change) {
  change(e);
  return e;
}

TEST(EpilogueTest, AcceptsEveryPairThatExists) {
  for (const DType operands : {DType::s8, DType::u8}) {
    EXPECT_EQ(complaint(raw(DType::s32), operands), "");
    for (const DType out : {DType::s8, DType::u8}) {
      EXPECT_EQ(complaint(floating({0.5F}, out), operands), "");
      EXPECT_EQ(complaint(floating({0.5F, 1, 2, 3}, out), operands), "");
      EXPECT_EQ(complaint(fixed({1 << 30}, {-3}, out), operands), "");
      EXPECT_EQ(complaint(fixed({0, 1, 2, 3}, {-31, 30, 0, 1}, out), operands), "");
      EXPECT_EQ(complaint(fixed({5}, {1, 2, 3, 4}, out), operands), "") << "one multiplier, a shift for each column";
    }
  }
  for (const DType operands : {DType::fp16, DType::bf16}) {
    for (const DType out : {DType::fp32, DType::fp16, DType::bf16}) EXPECT_EQ(complaint(raw(out), operands), "");
  }
}

TEST(EpilogueTest, RefusesResultTypesThatDoNotGoWithTheOperands) {
  EXPECT_EQ(complaint(raw(DType::fp16), DType::s8),
            "a result of type fp16 does not go with operands of type int8 (int32, int8 or uint8 does)");
  EXPECT_EQ(complaint(raw(DType::fp32), DType::u8),
            "a result of type fp32 does not go with operands of type uint8 (int32, int8 or uint8 does)");
  EXPECT_EQ(complaint(raw(DType::s32), DType::fp16),
            "a result of type int32 does not go with operands of type fp16 (fp32, fp16 or bf16 does)");
  EXPECT_EQ(complaint(floating({1}), DType::bf16),
            "a result of type int8 does not go with operands of type bf16 (fp32, fp16 or bf16 does)");
}

TEST(EpilogueTest, RefusesARuleThatIsMissingOrOutOfPlace) {
  EXPECT_EQ(complaint(raw(DType::s8), DType::s8), "a result of type int8 needs a requantisation rule, float or fixed");
  EXPECT_EQ(complaint(raw(DType::u8), DType::s8), "a result of type uint8 needs a requantisation rule, float or fixed");
  EXPECT_EQ(complaint(floating({1}, DType::s32), DType::s8), "a requantisation rule does not go with a result of type int32");
  EXPECT_EQ(complaint(fixed({1}, {0}, DType::fp16), DType::fp16), "a requantisation rule does not go with a result of type fp16");
  EXPECT_EQ(complaint(with(raw(DType::s32), [](Epilogue &e) { e.scale = {as_bits(1)}; }), DType::s8),
            "scale does not go with a result of type int32");
  EXPECT_EQ(complaint(with(raw(DType::fp32), [](Epilogue &e) { e.shift = {1}; }), DType::bf16),
            "shift does not go with a result of type fp32");
  EXPECT_EQ(complaint(with(floating({1}), [](Epilogue &e) { e.multiplier = {1}; }), DType::s8),
            "multiplier does not go with the requantisation rule float");
  EXPECT_EQ(complaint(with(floating({1}), [](Epilogue &e) { e.shift = {1}; }), DType::s8),
            "shift does not go with the requantisation rule float");
  EXPECT_EQ(complaint(with(fixed({1}, {1}), [](Epilogue &e) { e.scale = {as_bits(1)}; }), DType::s8),
            "scale does not go with the requantisation rule fixed");
  EXPECT_EQ(complaint(with(raw(DType::s32), [](Epilogue &e) { e.zero_point = 1; }), DType::s8),
            "a zero point does not go with a result of type int32");
}

TEST(EpilogueTest, RefusesParametersOfTheWrongLength) {
  EXPECT_EQ(complaint(floating({}), DType::s8), "scale is missing");
  EXPECT_EQ(complaint(floating({1, 1, 1}), DType::s8), "scale: 3 values for 4 columns; give one, or one a column");
  EXPECT_EQ(complaint(floating({1, 1}), DType::s8, 1), "scale: 2 values for 1 column");
  EXPECT_EQ(complaint(fixed({}, {0}), DType::s8), "multiplier is missing");
  EXPECT_EQ(complaint(fixed({1}, {}), DType::s8), "shift is missing");
  EXPECT_EQ(complaint(fixed({1}, {0, 0}), DType::s8), "shift: 2 values for 4 columns; give one, or one a column");
}

TEST(EpilogueTest, RefusesParametersOutOfRange) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(complaint(floating({0}), DType::s8), "scale 0 is not a positive, finite number");
  EXPECT_EQ(complaint(floating({-0.0F}), DType::s8), "scale -0 is not a positive, finite number");
  EXPECT_EQ(complaint(floating({-0.5F}), DType::s8), "scale -0.5 is not a positive, finite number");
  EXPECT_EQ(complaint(floating({infinity}), DType::s8), "scale infinity is not a positive, finite number");
  EXPECT_EQ(complaint(floating({-infinity}), DType::s8), "scale -infinity is not a positive, finite number");
  EXPECT_EQ(complaint(floating({1, 1, std::nanf(""), 1}), DType::s8), "scale NaN (column 2) is not a positive, finite number");
  EXPECT_EQ(complaint(floating({as_float(1)}), DType::s8), "") << "a subnormal scale is legal";
  EXPECT_EQ(complaint(floating({as_float(0x7F7FFFFF)}), DType::s8), "");
  EXPECT_EQ(complaint(fixed({-1}, {0}), DType::s8), "multiplier -1 is not in 0 to 2147483647");
  EXPECT_EQ(complaint(fixed({1, 1, 1, -7}, {0}), DType::s8), "multiplier -7 (column 3) is not in 0 to 2147483647");
  EXPECT_EQ(complaint(fixed({1}, {31}), DType::s8), "shift 31 is not in -31 to 30");
  EXPECT_EQ(complaint(fixed({1}, {0, -32, 0, 0}), DType::s8), "shift -32 (column 1) is not in -31 to 30");
}

TEST(EpilogueTest, RefusesZeroPointsAndBoundsOutsideTheType) {
  const auto zero_point = [](DType out, std::int32_t value) {
    return with(floating({1}, out), [&](Epilogue &e) { e.zero_point = value; });
  };
  EXPECT_EQ(complaint(zero_point(DType::s8, 128), DType::s8),
            "the result's zero point 128 is not in the range of int8, -128 to 127");
  EXPECT_EQ(complaint(zero_point(DType::u8, -1), DType::s8), "the result's zero point -1 is not in the range of uint8, 0 to 255");
  EXPECT_EQ(complaint(zero_point(DType::s8, -128), DType::s8), "");
  EXPECT_EQ(complaint(zero_point(DType::u8, 255), DType::s8), "");

  const auto bounds = [](Epilogue e, std::uint32_t low, std::uint32_t high) {
    e.clamp_min = low;
    e.clamp_max = high;
    return e;
  };
  const auto whole = [](std::int32_t x) { return static_cast<std::uint32_t>(x); };
  EXPECT_EQ(complaint(bounds(floating({1}), whole(-129), 0), DType::s8),
            "clamp minimum -129 is not in the range of int8, -128 to 127");
  EXPECT_EQ(complaint(bounds(floating({1}, DType::u8), 0, 256), DType::s8),
            "clamp maximum 256 is not in the range of uint8, 0 to 255");
  EXPECT_EQ(complaint(bounds(fixed({1}, {0}), 5, 4), DType::s8), "clamp minimum 5 is above the maximum 4");
  EXPECT_EQ(complaint(bounds(fixed({1}, {0}), 5, 5), DType::s8), "");
  EXPECT_EQ(complaint(bounds(raw(DType::s32), 0, 1), DType::s8), "clamp bounds do not go with a result of type int32");
  EXPECT_EQ(complaint(bounds(raw(DType::fp16), 0x7FC00000, as_bits(1)), DType::fp16), "clamp minimum is NaN");
  EXPECT_EQ(complaint(bounds(raw(DType::fp16), as_bits(1), 0xFF800001), DType::fp16), "clamp maximum is NaN");
  EXPECT_EQ(complaint(bounds(raw(DType::bf16), as_bits(1.5F), as_bits(-2)), DType::bf16),
            "clamp minimum 1.5 is above the maximum -2");
  EXPECT_EQ(complaint(bounds(raw(DType::fp32), as_bits(0), as_bits(-0.0F)), DType::bf16), "") << "zeros are equal";
  EXPECT_EQ(complaint(bounds(raw(DType::fp32), 0xFF800000, 0x7F800000), DType::bf16), "");
  // One bound alone goes with the type's limit on the other side.
  EXPECT_EQ(complaint(with(floating({1}), [](Epilogue &e) { e.clamp_min = 0; }), DType::s8), "");
}

TEST(EpilogueTest, TellsBoundsAndParametersAsTheRecordHoldsThem) {
  EXPECT_EQ(raw(DType::s32).low(), 0U);
  EXPECT_EQ(raw(DType::s32).high(), 0U);
  EXPECT_EQ(raw(DType::s8).low(), 0xFFFFFF80U);
  EXPECT_EQ(raw(DType::s8).high(), 127U);
  EXPECT_EQ(raw(DType::u8).low(), 0U);
  EXPECT_EQ(raw(DType::u8).high(), 255U);
  for (const DType out : {DType::fp32, DType::fp16, DType::bf16}) {
    EXPECT_EQ(raw(out).low(), 0xFF800000U);
    EXPECT_EQ(raw(out).high(), 0x7F800000U);
  }
  EXPECT_FALSE(floating({2}).per_column());
  EXPECT_TRUE(floating({2, 3}).per_column());
  EXPECT_EQ(floating({2}).scale_word(3), as_bits(2));
  EXPECT_EQ(floating({2, 3}).scale_word(1), as_bits(3));
  EXPECT_EQ(floating({2, 3}).shift_of(1), 0);
  EXPECT_TRUE(fixed({7}, {1, 2}).per_column());
  EXPECT_EQ(fixed({7}, {1, 2}).scale_word(1), 7U);
  EXPECT_EQ(fixed({7}, {1, 2}).shift_of(1), 2);
  EXPECT_EQ(raw(DType::fp16).scale_word(0), 0U);
}

TEST(EpilogueTest, LaysResultsOutLittleEndianWithoutGaps) {
  using Bytes = std::vector<std::uint8_t>;
  const auto run = [](const Epilogue &e, std::size_t m, std::size_t n, const std::vector<std::uint32_t> &sums) {
    Bytes out(m * n * size(e.out) + 1, 0xA5);
    apply(e, m, n, sums.data(), out.data());
    EXPECT_EQ(out.back(), 0xA5);
    out.pop_back();
    return out;
  };
  EXPECT_EQ(run(raw(DType::s32), 1, 2, {0x01020304, 0xFFFFFFFE}), (Bytes{4, 3, 2, 1, 0xFE, 0xFF, 0xFF, 0xFF}));
  EXPECT_EQ(run(raw(DType::fp32), 1, 1, {0x3F800001}), (Bytes{1, 0, 0x80, 0x3F}));
  EXPECT_EQ(run(raw(DType::fp16), 2, 1, {as_bits(1), as_bits(-2)}), (Bytes{0x00, 0x3C, 0x00, 0xC0}));
  EXPECT_EQ(run(raw(DType::bf16), 1, 2, {as_bits(1), as_bits(-2)}), (Bytes{0x80, 0x3F, 0x00, 0xC0}));
  // Rows of two columns, each column with its own scale.
  EXPECT_EQ(run(floating({1, 0.5F}), 2, 2, {10, 10, 0xFFFFFFF6, 0xFFFFFFF6}), (Bytes{10, 5, 0xF6, 0xFB}));
  EXPECT_EQ(run(fixed({1 << 30, 1 << 30}, {1, 0}, DType::u8), 2, 2, {10, 10, 300, 300}), (Bytes{10, 5, 255, 150}));
  // Clamp, then rounding.
  EXPECT_EQ(run(with(raw(DType::fp16), [](Epilogue &e) { e.clamp_max = as_bits(6); }), 1, 2, {as_bits(7), as_bits(5)}),
            (Bytes{0x00, 0x46, 0x00, 0x45}));
  EXPECT_EQ(run(with(floating({1}), [](Epilogue &e) { e.clamp_min = 0; }), 1, 2, {0xFFFFFFFB, 5}), (Bytes{0, 5}));
}

}  // namespace
}  // namespace systole::golden
