// SPDX-License-Identifier: Apache-2.0
/// Floating point as docs/arithmetic.md defines it: binary16 and bfloat16 operands, binary32 sums.
/// Numbers travel as bit patterns; binary32 in std::uint32_t, the others in std::uint16_t.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sim/golden/types.hpp"

namespace systole::golden {

/// The NaN that every operation delivers.
inline constexpr std::uint32_t kNan32 = 0x7FC00000;
inline constexpr std::uint16_t kNanFp16 = 0x7E00;
inline constexpr std::uint16_t kNanBf16 = 0x7FC0;

/// The same bits as a C++ float, and back.
float as_float(std::uint32_t bits);
std::uint32_t as_bits(float value);

/// Exact widening to binary32 (subnormals and signed zeros kept; a NaN becomes kNan32).
std::uint32_t widen(DType type, std::uint16_t bits);

/// binary32 to binary16 or bfloat16: round to nearest even, overflow to infinity, subnormals kept, NaN canonical.
std::uint16_t narrow(DType type, std::uint32_t bits);

/// One element's work: RN32(acc + a*b), the product exact, one rounding to nearest even; NaN canonical. `type`: fp16 or bf16.
std::uint32_t multiply_add(DType type, std::uint32_t acc, std::uint16_t a, std::uint16_t b);

/// x < low becomes low, x > high becomes high, anything else (NaN and -0 too) stays.
std::uint32_t clamp(std::uint32_t x, std::uint32_t low, std::uint32_t high);

/// c[i][j] = seed; for x = 0 … k-1 ascending: c[i][j] = RN32(c[i][j] + a[i][x] * b[j][x]).
///
/// @param type         fp16 or bf16
/// @param m,n,k        sizes; zero is allowed (an empty sum is the seed, as it is)
/// @param a            M x K, little-endian elements, row-major without gaps
/// @param b            N x K (K contiguous), the same
/// @param seed_matrix  M x N binary32, or null
/// @param bias         n binary32 values, or null; at most one of the two seeds may be given
/// @param c            result, M x N binary32, row-major
void gemm_float(DType type, std::size_t m, std::size_t n, std::size_t k, const std::uint8_t *a, const std::uint8_t *b,
                const std::uint32_t *seed_matrix, const std::uint32_t *bias, std::uint32_t *c);

/// A value and its bits: "-3 (0xfd)", "1.5 (0x3e00)", "nan (0x7fc00000)".
std::string value_text(DType type, std::uint32_t bits);

}  // namespace systole::golden
