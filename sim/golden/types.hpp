// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace systole::golden {

/// Types of operands and results; the values are those of the command records.
enum class DType : std::uint8_t { s8 = 0, u8 = 1, fp16 = 2, bf16 = 3, s32 = 4, fp32 = 5 };

/// Bytes of an element.
constexpr std::size_t size(DType type) {
  return type == DType::s8 || type == DType::u8 ? 1 : type == DType::fp16 || type == DType::bf16 ? 2 : 4;
}

constexpr bool is_float(DType type) { return type == DType::fp16 || type == DType::bf16 || type == DType::fp32; }

/// "int8", "uint8", "fp16", "bf16", "int32", "fp32", as the tool's options name them.
constexpr const char *name(DType type) {
  constexpr const char *names[] = {"int8", "uint8", "fp16", "bf16", "int32", "fp32"};
  return names[static_cast<std::size_t>(type)];
}

}  // namespace systole::golden
