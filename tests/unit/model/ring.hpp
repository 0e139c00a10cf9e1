// SPDX-License-Identifier: Apache-2.0
// Command records by hand, for the tests of the model.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "firmware/include/systole_regs.h"

namespace systole::model {

using Record = std::array<std::uint32_t, SYSTOLE_COMMAND_WORDS>;

// SET(record, LOAD_LENGTH, 5) sets a field by its name in the generated header.
#define SET(record, name, value)                                                                          \
  systole_field_set((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH, \
                    static_cast<std::uint32_t>(value))

inline Record command(unsigned opcode, std::uint32_t wait, std::uint32_t give) {
  Record r{};
  SET(r, CMD_OPCODE, opcode);
  SET(r, CMD_VERSION, SYSTOLE_COMMAND_VERSION);
  SET(r, CMD_WAIT, wait);
  SET(r, CMD_GIVE, give);
  return r;
}

/// A load of count1 items, one after the other.
inline Record load(unsigned dest, std::uint64_t address, std::uint32_t dst, std::uint32_t length, std::uint32_t count1,
                   std::int32_t pitch1, std::uint32_t wait = 0, std::uint32_t give = 0) {
  Record r = command(SYSTOLE_OPCODE_LOAD, wait, give);
  SET(r, LOAD_ADDRESS_LO, address);
  SET(r, LOAD_ADDRESS_HI, address >> 32);
  SET(r, LOAD_DEST, dest);
  SET(r, LOAD_DST, dst);
  SET(r, LOAD_LENGTH, length);
  SET(r, LOAD_COUNT1, count1);
  SET(r, LOAD_COUNT2, 1);
  SET(r, LOAD_PITCH1, pitch1);
  return r;
}

/// The smallest legal product: one row, one K step, one column tile; the caller sets the rest.
inline Record matmul(unsigned k_tail, unsigned n_tail, std::uint32_t wait = 0, std::uint32_t give = 0) {
  Record r = command(SYSTOLE_OPCODE_MATMUL, wait, give);
  SET(r, MATMUL_M0, 1);
  SET(r, MATMUL_M1, 1);
  SET(r, MATMUL_ACT_M0_STRIDE, 1);
  SET(r, MATMUL_K0, 1);
  SET(r, MATMUL_K1, 1);
  SET(r, MATMUL_N, 1);
  SET(r, MATMUL_K_TAIL, k_tail);
  SET(r, MATMUL_N_TAIL, n_tail);
  SET(r, MATMUL_WGT_COL_STRIDE, 1);
  return r;
}

inline Record store(std::uint64_t address, std::uint32_t acc, std::uint32_t m0, std::int32_t pitch0, std::uint32_t n,
                    std::uint32_t n_tail, std::uint32_t wait = 0, std::uint32_t give = 0) {
  Record r = command(SYSTOLE_OPCODE_STORE, wait, give);
  SET(r, STORE_ADDRESS_LO, address);
  SET(r, STORE_ADDRESS_HI, address >> 32);
  SET(r, STORE_ACC, acc);
  SET(r, STORE_M0, m0);
  SET(r, STORE_M1, 1);
  SET(r, STORE_PITCH0, pitch0);
  SET(r, STORE_N, n);
  SET(r, STORE_N_TAIL, n_tail);
  SET(r, STORE_OUT_DTYPE, SYSTOLE_DTYPE_S32);
  return r;
}

/// The same store with floating-point results; `low` and `high` are binary32 patterns (as given: no clamp).
inline Record float_results(Record r, unsigned dtype, std::uint32_t low = 0xFF800000u, std::uint32_t high = 0x7F800000u) {
  SET(r, STORE_OUT_DTYPE, dtype);
  SET(r, STORE_CLAMP_MIN, low);
  SET(r, STORE_CLAMP_MAX, high);
  return r;
}

/// The same store with 8-bit results, over the whole range of the type.
/// @param scale  pattern of a binary32 number, or the multiplier
inline Record byte_results(Record r, unsigned dtype, unsigned rule, std::uint32_t scale, int shift = 0, int zero_point = 0) {
  SET(r, STORE_OUT_DTYPE, dtype);
  SET(r, STORE_REQUANT, rule);
  SET(r, STORE_SCALE, scale);
  SET(r, STORE_SHIFT, shift);
  SET(r, STORE_OUT_ZERO_POINT, zero_point);
  SET(r, STORE_CLAMP_MIN, dtype == SYSTOLE_DTYPE_S8 ? -128 : 0);
  SET(r, STORE_CLAMP_MAX, dtype == SYSTOLE_DTYPE_S8 ? 127 : 255);
  return r;
}

/// The same with scales (and, with the rule FIXED, shifts) from entry `param` of the parameter banks on.
inline Record per_column(Record r, std::uint32_t param) {
  SET(r, STORE_PER_COLUMN, 1);
  SET(r, STORE_SCALE, 0);
  SET(r, STORE_SHIFT, 0);
  SET(r, STORE_PARAM, param);
  return r;
}

}  // namespace systole::model
