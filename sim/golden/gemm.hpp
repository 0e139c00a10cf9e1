// SPDX-License-Identifier: Apache-2.0
/// The golden model: what a matrix product is, element by element, with no knowledge of arrays, tiles or buffers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace systole::golden {

/// A matrix of 8-bit integers in memory, row after row.
struct Operand {
  const std::uint8_t *data = nullptr;  ///< first byte of row 0
  bool is_signed = true;               ///< bytes are s8 (two's complement) or u8
  std::ptrdiff_t row_pitch = 0;        ///< bytes from one row to the next; may be zero or negative
};

/// c[i][j] = seed + sum over x of (a[i][x] - a_zp) * (b[j][x] - b_zp[j]), two's complement, modulo 2^32 (docs/arithmetic.md).
///
/// @param m,n,k        sizes; zero is allowed (an empty sum is the seed)
/// @param a            M x K
/// @param b            N x K: row j is column j of the mathematical B, K contiguous
/// @param a_zp         zero point of A, in A's type
/// @param b_zp         n zero points of B, in B's type; null means zero
/// @param seed_matrix  M x N, row-major without gaps, or null
/// @param bias         n values, or null; added to the seed matrix should both be given
/// @param c            result, M x N, row-major without gaps
void gemm_int(std::size_t m, std::size_t n, std::size_t k, const Operand &a, const Operand &b, std::int32_t a_zp,
              const std::int32_t *b_zp, const std::int32_t *seed_matrix, const std::int32_t *bias, std::int32_t *c);

}  // namespace systole::golden
