// SPDX-License-Identifier: Apache-2.0
/// Random products for tests: integers, floating-point numbers in every regime, ways from the sums to the results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/types.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// Random numbers that are the same everywhere: the standard's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// 0 to limit - 1; the bias of the remainder is far below what a test could notice.
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }
  std::uint32_t bits32() { return static_cast<std::uint32_t>(engine_()); }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// Any byte, or, for a matrix of extremes, one of the four at the ends of the types' ranges.
  std::vector<std::uint8_t> bytes(std::size_t count, bool extremes = false);
  /// Any 32 bits: int32 seeds.
  std::vector<std::uint32_t> words(std::size_t count);
  /// One of s8's or u8's values.
  int zero_point(golden::DType type) { return static_cast<int>(below(256)) - (type == golden::DType::s8 ? 128 : 0); }

 private:
  std::mt19937_64 engine_;
};

/// What the numbers of one row of A or one column of B are like. In a product each row and each column is in a regime of its own,
/// so that a huge term or a NaN spoils only what it must, and no peculiarity is hidden by the others.
enum class Regime {
  minus_zero,  ///< -0 only
  zeros,       ///< zeros of both signs
  subnormal,   ///< subnormal numbers, some zeros
  tiny,        ///< the least normal numbers
  small,       ///< around the square root of the least normal number: products near it
  positive,    ///< around 1, positive: keeps the sign of a zero
  ordinary,    ///< around 1, both signs
  cancelling,  ///< x, -x, y, -y, …; now and then an ulp off
  paired,      ///< x, x, y, y, …: what cancelling ones cancel with
  big,         ///< around the square root of the largest number: products near overflow
  large,       ///< the largest numbers
  special,     ///< around 1, with infinities, NaNs (quiet and signalling) and zeros among them
  any,         ///< any bits
};
constexpr std::size_t kRegimes = 13;

/// A row of A or a column of B: count elements of `type`, fp16 or bf16.
std::vector<std::uint16_t> float_line(Random &random, golden::DType type, Regime regime, std::size_t count);

/// `lines` rows of `count` elements, row i in the regime (first + i) % kRegimes; little-endian.
std::vector<std::uint8_t> regime_matrix(Random &random, golden::DType type, std::size_t lines, std::size_t count,
                                        std::size_t first = 0);

/// The same, all of one regime.
std::vector<std::uint8_t> float_matrix(Random &random, golden::DType type, std::size_t lines, std::size_t count,
                                       Regime regime = Regime::ordinary);

/// binary32 seeds: zeros of both signs, subnormals, numbers of all magnitudes, infinities, NaNs.
std::vector<std::uint32_t> float_seeds(Random &random, std::size_t count);

/// A product of random 8-bit integers without zero points; C int32.
platform::GemmJob int_product(Random &random, std::uint32_t m, std::uint32_t n, std::uint32_t k, bool extremes = false);

/// A product of random numbers around 1; C has the type `out`.
platform::GemmJob float_product(Random &random, golden::DType type, golden::DType out, std::uint32_t m, std::uint32_t n,
                                std::uint32_t k);

/// Random requantisation to s8 or u8 by that rule, for sums that reach about `reach` in magnitude: per tensor or per column,
/// with a zero point and perhaps narrower bounds.
golden::Epilogue random_requant(Random &random, golden::Requant rule, std::size_t n, double reach);

}  // namespace systole::tool
