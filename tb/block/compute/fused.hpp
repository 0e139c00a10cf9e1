// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace systole::tb {

inline float as_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline uint32_t as_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// The value of a bfloat16 (`brain`) or binary16 number, exactly.
inline float widen(bool brain, uint16_t bits) {
  if (brain) return as_float(uint32_t(bits) << 16);
  const uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3FF;
  if (exponent == 31) return as_float(sign | 0x7F800000 | fraction << 13);
  if (exponent != 0) return as_float(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = float(fraction) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

/// One element's work, by the C library's fused multiply-add: bits of RN32(c + a*b), NaN canonical.
inline uint32_t fused(float a, float b, uint32_t c) {
  const float sum = std::fmaf(a, b, as_float(c));
  return std::isnan(sum) ? 0x7FC00000U : as_bits(sum);
}

}  // namespace systole::tb
