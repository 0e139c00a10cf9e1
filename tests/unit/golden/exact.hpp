// SPDX-License-Identifier: Apache-2.0
/// The arithmetic of docs/arithmetic.md once more, in exact integers and by search instead of by bit tricks. It shares no line with
/// sim/golden: every finite number of every format, every product and every sum is an integer multiple of 2^-kUnit, and the rounded
/// result is looked up among the format's numbers.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "sim/golden/types.hpp"

namespace systole::golden::exact {

/// Wide enough for (2^128)^2 in units of 2^-kUnit, with room for sums.
using Integer =
    boost::multiprecision::number<boost::multiprecision::cpp_int_backend<704, 704, boost::multiprecision::signed_magnitude,
                                                                         boost::multiprecision::unchecked, void>>;

/// The smallest product, of two bfloat16 subnormals, is 2^-266; each of its factors is a multiple of 2^-kHalfUnit.
inline constexpr int kHalfUnit = 140, kUnit = 2 * kHalfUnit;

struct Format {
  int fraction_bits, exponent_bits;
  std::uint32_t infinity() const { return ((1U << exponent_bits) - 1) << fraction_bits; }
  std::uint32_t sign() const { return 1U << (fraction_bits + exponent_bits); }
  std::uint32_t nan() const { return infinity() | 1U << (fraction_bits - 1); }  ///< the canonical one
};

inline constexpr Format kBinary32{23, 8}, kBinary16{10, 5}, kBfloat16{7, 8};

inline Format format(DType type) { return type == DType::fp16 ? kBinary16 : type == DType::bf16 ? kBfloat16 : kBinary32; }

inline bool is_nan(Format f, std::uint32_t bits) { return (bits & ~f.sign()) > f.infinity(); }
inline bool is_infinite(Format f, std::uint32_t bits) { return (bits & ~f.sign()) == f.infinity(); }
inline bool is_negative(Format f, std::uint32_t bits) { return (bits & f.sign()) != 0; }

/// |x| in units of 2^-unit. The encoding of infinity stands for the power of two that would follow the largest number.
inline Integer magnitude(Format f, std::uint32_t bits, int unit = kUnit) {
  const std::uint32_t fraction = bits & ((1U << f.fraction_bits) - 1);
  const int field = static_cast<int>((bits & ~f.sign()) >> f.fraction_bits);
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const std::uint32_t significand = field == 0 ? fraction : fraction | 1U << f.fraction_bits;
  if (significand == 0) return 0;  // its exponent may be finer than the unit
  return Integer(significand) << ((field == 0 ? 1 : field) - bias - f.fraction_bits + unit);
}

/// The value of a finite number in units of 2^-unit.
inline Integer value(Format f, std::uint32_t bits, int unit = kUnit) {
  const Integer x = magnitude(f, bits, unit);
  return is_negative(f, bits) ? Integer(-x) : x;
}

/// What happened while rounding.
struct Rounding {
  bool inexact = false, tie = false, up = false;  ///< up: away from zero
};

/// The encoding nearest to a magnitude, of two equally near ones the even one: the numbers of a format ascend with their encodings,
/// so that the two neighbours are found by bisection.
inline std::uint32_t nearest(Format f, const Integer &x, Rounding *rounding = nullptr) {
  Rounding r;
  std::uint32_t below = 0, above = f.infinity();
  if (x >= magnitude(f, above)) {
    below = above;
    r.inexact = r.up = true;
  } else {
    while (above - below > 1) {
      const std::uint32_t middle = below + (above - below) / 2;
      (magnitude(f, middle) <= x ? below : above) = middle;
    }
    const Integer down = x - magnitude(f, below), up = magnitude(f, above) - x;
    r.inexact = down != 0;
    r.tie = down == up;
    r.up = up < down || (r.tie && (above & 1) == 0);
    if (r.up) below = above;
  }
  if (rounding != nullptr) *rounding = r;
  return below;
}

/// A number to a format; zero gets the sign that is asked for.
inline std::uint32_t round(Format f, const Integer &x, bool negative_zero, Rounding *rounding = nullptr) {
  if (x == 0) {
    if (rounding != nullptr) *rounding = Rounding{};
    return negative_zero ? f.sign() : 0;
  }
  return (x < 0 ? f.sign() : 0) | nearest(f, x < 0 ? Integer(-x) : x, rounding);
}

/// acc + a*b, rounded once (IEEE 754-2019, 5.4.1 fusedMultiplyAdd, 6.1 to 6.3).
inline std::uint32_t multiply_add(DType type, std::uint32_t acc, std::uint16_t a, std::uint16_t b, Rounding *rounding = nullptr) {
  const Format in = format(type), out = kBinary32;
  if (rounding != nullptr) *rounding = Rounding{};
  const bool product_negative = is_negative(in, a) != is_negative(in, b), acc_negative = is_negative(out, acc);
  if (is_nan(in, a) || is_nan(in, b) || is_nan(out, acc)) return out.nan();
  if (is_infinite(in, a) || is_infinite(in, b)) {
    const bool times_zero = (a & ~in.sign()) == 0 || (b & ~in.sign()) == 0;
    const bool opposite = is_infinite(out, acc) && acc_negative != product_negative;
    return times_zero || opposite ? out.nan() : out.infinity() | (product_negative ? out.sign() : 0);
  }
  if (is_infinite(out, acc)) return acc;
  const Integer product = value(in, a, kHalfUnit) * value(in, b, kHalfUnit);  // in units of 2^-kUnit
  return round(out, value(out, acc) + product, product_negative && acc_negative, rounding);
}

/// binary32 to binary16 or bfloat16.
inline std::uint16_t narrow(DType type, std::uint32_t bits, Rounding *rounding = nullptr) {
  const Format f = format(type);
  if (rounding != nullptr) *rounding = Rounding{};
  if (is_nan(kBinary32, bits)) return static_cast<std::uint16_t>(f.nan());
  const std::uint32_t sign = is_negative(kBinary32, bits) ? f.sign() : 0;
  return static_cast<std::uint16_t>(sign | nearest(f, magnitude(kBinary32, bits), rounding));
}

/// The seed of the random tests: SYSTOLE_SEED, or the one given.
inline std::uint64_t seed(std::uint64_t otherwise) {
  const char *given = std::getenv("SYSTOLE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : otherwise;
}

inline std::string hex(std::uint32_t bits) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", bits);
  return text;
}

}  // namespace systole::golden::exact
