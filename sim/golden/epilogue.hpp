// SPDX-License-Identifier: Apache-2.0
/// From the 32-bit sums to the results, as docs/arithmetic.md defines it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sim/golden/types.hpp"

namespace systole::golden {

/// How int32 sums become 8-bit results; the values are those of the command records.
enum class Requant : std::uint8_t { none = 0, floating = 1, fixed = 2 };

/// ONNX Runtime's rule: t = RN32(RN32(acc) * scale), clamp to [qmin - zp, qmax - zp], round half to even, add zp.
/// @param scale  bits of a positive, finite binary32 number
std::int32_t requant_float(std::int32_t acc, std::uint32_t scale, std::int32_t zero_point, std::int32_t qmin, std::int32_t qmax);

/// TFLite's rule: x = acc * 2^max(shift,0) modulo 2^32, h = floor((x * multiplier + 2^30) / 2^31), h / 2^max(-shift,0) rounded half
/// away from zero, add zp, clamp to [qmin, qmax].
/// @param multiplier  0 to 2^31 - 1
/// @param shift       -31 to 30, positive is left
std::int32_t requant_fixed(std::int32_t acc, std::int32_t multiplier, std::int32_t shift, std::int32_t zero_point,
                           std::int32_t qmin, std::int32_t qmax);

/// What happens to the sums of one product.
struct Epilogue {
  DType out = DType::s32;                ///< type of the result; s32 and fp32: the sums themselves (fp32 after the clamp)
  Requant rule = Requant::none;          ///< floating or fixed for s8 and u8, none otherwise
  std::vector<std::uint32_t> scale;      ///< rule floating: binary32 bits; one, or one a column
  std::vector<std::int32_t> multiplier;  ///< rule fixed: one, or one a column
  std::vector<std::int32_t> shift;       ///< rule fixed: one, or one a column
  std::int32_t zero_point = 0;           ///< s8, u8: in the result's type
  /// Bounds; none: the type's limits. s8, u8: an integer; floating point: binary32 bits.
  std::optional<std::uint32_t> clamp_min, clamp_max;

  /// Whether parameters are given for each column (else for the whole matrix).
  bool per_column() const { return scale.size() > 1 || multiplier.size() > 1 || shift.size() > 1; }
  /// The bounds as the command record holds them: the given ones or the type's limits (s32: zero).
  std::uint32_t low() const;
  std::uint32_t high() const;

  /// Column j's entry of the parameter banks SCALE (rule floating: the scale; fixed: the multiplier; none: 0) and SHIFT (fixed: the
  /// shift; else 0). A single value stands for every column.
  std::uint32_t scale_word(std::size_t j) const;
  std::int32_t shift_of(std::size_t j) const;
};

/// @throws std::invalid_argument with one line, if the epilogue makes no sense for sums of `operands` type and n columns: a result type
///         that does not go with it (int8 operands: s32, s8, u8; floats: fp32, fp16, bf16), parameters missing, too many or of the
///         wrong length, out of range (scale not positive and finite, multiplier negative, shift, zero point, bounds)
void validate(const Epilogue &epilogue, DType operands, std::size_t n);

/// Turns M x N sums (int32 or binary32 bits) into M x N results of size(epilogue.out) bytes each, little-endian, without gaps.
/// The epilogue is one that validate() accepts.
void apply(const Epilogue &epilogue, std::size_t m, std::size_t n, const std::uint32_t *sums, std::uint8_t *c);

}  // namespace systole::golden
