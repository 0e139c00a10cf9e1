// SPDX-License-Identifier: Apache-2.0
#include "sim/golden/gemm.hpp"

#include <cstring>

namespace systole::golden {

namespace {

std::int32_t element(const Operand &x, std::size_t row, std::size_t column) {
  const std::uint8_t byte = x.data[static_cast<std::ptrdiff_t>(row) * x.row_pitch + static_cast<std::ptrdiff_t>(column)];
  const std::int32_t value = byte;
  return (x.is_signed && value >= 128) ? value - 256 : value;
}

}  // namespace

void gemm_int(std::size_t m, std::size_t n, std::size_t k, const Operand &a, const Operand &b, std::int32_t a_zp,
              const std::int32_t *b_zp, const std::int32_t *seed_matrix, const std::int32_t *bias, std::int32_t *c) {
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const std::int32_t zero_b = b_zp != nullptr ? b_zp[j] : 0;
      // Unsigned sums wrap modulo 2^32 by definition. A product of two differences of 8-bit values fits in 17 bits and a sign.
      std::uint32_t sum = 0;
      if (seed_matrix != nullptr) sum += static_cast<std::uint32_t>(seed_matrix[i * n + j]);
      if (bias != nullptr) sum += static_cast<std::uint32_t>(bias[j]);
      for (std::size_t x = 0; x < k; ++x) {
        const std::int32_t product = (element(a, i, x) - a_zp) * (element(b, j, x) - zero_b);
        sum += static_cast<std::uint32_t>(product);
      }
      // The same 32 bits read as two's complement; a cast of a value above INT32_MAX would be implementation-defined.
      std::memcpy(&c[i * n + j], &sum, sizeof sum);
    }
  }
}

}  // namespace systole::golden
