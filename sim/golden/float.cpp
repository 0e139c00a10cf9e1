// SPDX-License-Identifier: Apache-2.0
#include "sim/golden/float.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

// The host's float is binary32, its arithmetic rounds to nearest even and keeps subnormals (the state a C++ program starts in), and
// no expression is contracted behind our back (-ffp-contract=off, see CMakeLists.txt).
static_assert(std::numeric_limits<float>::is_iec559 && sizeof(float) == 4 && std::numeric_limits<float>::digits == 24);

namespace systole::golden {

namespace {

constexpr std::uint32_t kSign = 0x80000000, kInfinity = 0x7F800000;

std::uint32_t canonical(float value) { return std::isnan(value) ? kNan32 : as_bits(value); }

}  // namespace

float as_float(std::uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::uint32_t as_bits(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

std::uint32_t widen(DType type, std::uint16_t bits) {
  if (type == DType::bf16) {  // the upper half of a binary32
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
    return (wide & ~kSign) > kInfinity ? kNan32 : wide;
  }
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1F;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0x1F) return fraction != 0 ? kNan32 : sign | kInfinity;
  if (exponent == 0) return sign | as_bits(static_cast<float>(fraction) * 0x1p-24F);  // both factors and the product are exact
  return sign | (exponent - 15 + 127) << 23 | fraction << 13;
}

std::uint16_t narrow(DType type, std::uint32_t bits) {
  const std::uint32_t magnitude = bits & ~kSign;
  const auto sign = static_cast<std::uint16_t>((bits & kSign) >> 16);
  if (type == DType::bf16) {
    if (magnitude > kInfinity) return kNanBf16;
    // Drops 16 bits. Half a unit less one, plus the last bit kept, carries exactly when nearest-even says so, and a carry out of
    // the fraction is the next exponent, out of the largest number infinity.
    return static_cast<std::uint16_t>(sign | (magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16);
  }
  if (magnitude > kInfinity) return kNanFp16;
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  if (exponent > 15) return static_cast<std::uint16_t>(sign | 0x7C00);
  if (exponent < -25) return sign;  // below half of the smallest subnormal, 2^-24
  // |x| = significand * 2^(exponent - 23); the result counts units of 2^(grid - 10), which stop shrinking at the subnormals.
  const std::uint32_t significand = (magnitude & 0x7FFFFF) | 0x800000;
  const int grid = std::max(exponent, -14);
  const int dropped = grid - exponent + 13;  // 13 to 24 bits
  std::uint32_t units = significand >> dropped;
  const std::uint32_t rest = significand & ((1U << dropped) - 1);
  const std::uint32_t half = 1U << (dropped - 1);
  if (rest > half || (rest == half && (units & 1) != 0)) ++units;
  // A normal number has 2^10 units or more: that bit, added to the exponent's field, makes it grid + 15. A carry to 2^11 is the
  // next exponent, and 2^16 is 0x7C00, infinity.
  return static_cast<std::uint16_t>(sign | ((static_cast<std::uint32_t>(grid + 14) << 10) + units));
}

std::uint32_t multiply_add(DType type, std::uint32_t acc, std::uint16_t a, std::uint16_t b) {
  return canonical(std::fma(as_float(widen(type, a)), as_float(widen(type, b)), as_float(acc)));
}

std::uint32_t clamp(std::uint32_t x, std::uint32_t low, std::uint32_t high) {
  if (as_float(x) < as_float(low)) return low;
  if (as_float(x) > as_float(high)) return high;
  return x;
}

void gemm_float(DType type, std::size_t m, std::size_t n, std::size_t k, const std::uint8_t *a, const std::uint8_t *b,
                const std::uint32_t *seed_matrix, const std::uint32_t *bias, std::uint32_t *c) {
  // The same as multiply_add, k times; operands are widened once, and a NaN is made canonical at the end, since all NaNs are alike
  // to the additions in between.
  const auto widened = [type](const std::uint8_t *from, std::size_t count) {
    std::vector<float> to(count);
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = as_float(widen(type, static_cast<std::uint16_t>(from[2 * i] | from[2 * i + 1] << 8)));
    }
    return to;
  };
  const std::vector<float> wide_a = widened(a, m * k);
  const std::vector<float> wide_b = widened(b, n * k);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const std::uint32_t seed = seed_matrix != nullptr ? seed_matrix[i * n + j] : bias != nullptr ? bias[j] : 0;
      float sum = as_float(seed);
      for (std::size_t x = 0; x < k; ++x) sum = std::fma(wide_a[i * k + x], wide_b[j * k + x], sum);
      c[i * n + j] = k == 0 ? seed : canonical(sum);
    }
  }
}

std::string value_text(DType type, std::uint32_t bits) {
  char text[64];
  switch (type) {
    case DType::s8: std::snprintf(text, sizeof text, "%d (0x%02x)", static_cast<std::int8_t>(bits), bits); break;
    case DType::u8: std::snprintf(text, sizeof text, "%u (0x%02x)", bits, bits); break;
    case DType::s32: std::snprintf(text, sizeof text, "%d (0x%08x)", static_cast<std::int32_t>(bits), bits); break;
    case DType::fp32: std::snprintf(text, sizeof text, "%.9g (0x%08x)", static_cast<double>(as_float(bits)), bits); break;
    case DType::fp16:
    case DType::bf16:
      std::snprintf(text, sizeof text, "%.5g (0x%04x)",
                    static_cast<double>(as_float(widen(type, static_cast<std::uint16_t>(bits)))), bits);
      break;
  }
  return text;
}

}  // namespace systole::golden
