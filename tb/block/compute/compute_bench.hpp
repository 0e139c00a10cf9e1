// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firmware/include/systole_regs.h"
#include "tb/block/compute/fused.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace systole::tb {

using Record = std::array<uint32_t, 16>;

/// A MATMUL record by field; counts default to one tile of one row.
struct Matmul {
  bool a_signed = true, b_signed = true;
  unsigned float_dtype = 0;  ///< SYSTOLE_DTYPE_FP16 or _BF16 for both operands; 0: int8
  unsigned seed = SYSTOLE_SEED_ZERO, order = SYSTOLE_ORDER_K_INNER;
  bool zp_per_column = false;
  uint8_t a_zp = 0, b_zp = 0;
  unsigned act = 0, wgt = 0, acc = 0, param = 0;
  unsigned m0 = 1, m1 = 1, k0 = 1, k1 = 1, n = 1, k_tail = 1, n_tail = 1;
  int act_m0 = 0, act_m1 = 0, act_k0 = 0, act_k1 = 0, wgt_k0 = 0, wgt_k1 = 0, wgt_n = 0, wgt_col = 0, acc_n = 0;
  unsigned wait = 0, give = 0;

  Record record() const {
    Record r{};
    uint32_t *w = r.data();
#define SYSTOLE_TB_SET(field, value)                                                           \
  systole_field_set(w, SYSTOLE_##field##_WORD, SYSTOLE_##field##_LSB, SYSTOLE_##field##_WIDTH, \
                    uint32_t(value) & mask(SYSTOLE_##field##_WIDTH))
    SYSTOLE_TB_SET(CMD_OPCODE, SYSTOLE_OPCODE_MATMUL);
    SYSTOLE_TB_SET(CMD_VERSION, 1);
    SYSTOLE_TB_SET(CMD_WAIT, wait);
    SYSTOLE_TB_SET(CMD_GIVE, give);
    SYSTOLE_TB_SET(MATMUL_A_DTYPE, float_dtype != 0 ? float_dtype : unsigned(a_signed ? SYSTOLE_DTYPE_S8 : SYSTOLE_DTYPE_U8));
    SYSTOLE_TB_SET(MATMUL_B_DTYPE, float_dtype != 0 ? float_dtype : unsigned(b_signed ? SYSTOLE_DTYPE_S8 : SYSTOLE_DTYPE_U8));
    SYSTOLE_TB_SET(MATMUL_SEED, seed);
    SYSTOLE_TB_SET(MATMUL_ORDER, order);
    SYSTOLE_TB_SET(MATMUL_B_ZP_PER_COLUMN, zp_per_column);
    SYSTOLE_TB_SET(MATMUL_A_ZERO_POINT, a_zp);
    SYSTOLE_TB_SET(MATMUL_B_ZERO_POINT, b_zp);
    SYSTOLE_TB_SET(MATMUL_ACT, act);
    SYSTOLE_TB_SET(MATMUL_WGT, wgt);
    SYSTOLE_TB_SET(MATMUL_ACC, acc);
    SYSTOLE_TB_SET(MATMUL_PARAM, param);
    SYSTOLE_TB_SET(MATMUL_M0, m0);
    SYSTOLE_TB_SET(MATMUL_M1, m1);
    SYSTOLE_TB_SET(MATMUL_ACT_M0_STRIDE, act_m0);
    SYSTOLE_TB_SET(MATMUL_ACT_M1_STRIDE, act_m1);
    SYSTOLE_TB_SET(MATMUL_K0, k0);
    SYSTOLE_TB_SET(MATMUL_K1, k1);
    SYSTOLE_TB_SET(MATMUL_ACT_K0_STRIDE, act_k0);
    SYSTOLE_TB_SET(MATMUL_ACT_K1_STRIDE, act_k1);
    SYSTOLE_TB_SET(MATMUL_WGT_K0_STRIDE, wgt_k0);
    SYSTOLE_TB_SET(MATMUL_WGT_K1_STRIDE, wgt_k1);
    SYSTOLE_TB_SET(MATMUL_N, n);
    SYSTOLE_TB_SET(MATMUL_K_TAIL, k_tail);
    SYSTOLE_TB_SET(MATMUL_N_TAIL, n_tail);
    SYSTOLE_TB_SET(MATMUL_WGT_N_STRIDE, wgt_n);
    SYSTOLE_TB_SET(MATMUL_WGT_COL_STRIDE, wgt_col);
    SYSTOLE_TB_SET(MATMUL_ACC_N_STRIDE, acc_n);
#undef SYSTOLE_TB_SET
    return r;
  }
  static uint32_t mask(unsigned width) { return width >= 32 ? ~0u : (1u << width) - 1; }
};

/// The compute engine with its memories mirrored and the contract of MATMUL as a plain loop. `Dut` is a Verilated
/// systole_compute of Rows x Cols whose elements take L cycles (1: no floating point), with or without registers in its multipliers.
template <class Dut, int Rows, int Cols, int L = 1, int MulRegs = 0>
class ComputeBench {
 public:
  static constexpr int kWordBytes = 2 * Rows;
  static constexpr int kEpLanes = Cols / 2, kGroups = Cols / kEpLanes;
  static constexpr int kActWords = 64, kWgtWords = 64, kAccRows = 32, kParams = 8;
  static constexpr bool kFloat = L > 1;
  static constexpr int kDelay = (L > 4 ? 3 : 2) + (MulRegs ? (kFloat ? 2 : 1) : 0);  // P of docs/architecture.md
  static constexpr int kDepth = L * Rows + 3;

  explicit ComputeBench(uint64_t seed)
      : rng(seed),
        act_(kActWords * kWordBytes),
        wgt_(kWgtWords * kWordBytes),
        zp_(kParams * Cols),
        acc_(2 * kAccRows * Cols),
        bias_(kParams * Cols),
        defined_(acc_.size(), true) {
    dut.rst_ni = 0;
    for (int i = 0; i < 4; i++) cycle();
    dut.rst_ni = 1;
    fill_memories();
  }

  /// Fills all memories with random bytes through the load port.
  void fill_memories() {
    for (auto *bytes : {&act_, &wgt_, &zp_})
      for (auto &b : *bytes) b = random_byte();
    for (auto &v : acc_) v = int32_t(rng());
    for (auto &v : bias_) v = int32_t(rng());
    if (kFloat) {
      // Most lanes are binary16 numbers near 1 (as bfloat16: around 2^-66), so that sums stay finite and cancel.
      for (auto *bytes : {&act_, &wgt_}) {
        for (size_t at = 0; at < bytes->size(); at += 2) {
          const uint16_t lane = rng() % 64 == 0 ? uint16_t(rng()) : uint16_t((rng() & 0x83FF) | (8 + rng() % 14) << 10);
          std::memcpy(&(*bytes)[at], &lane, 2);
        }
      }
      for (auto *words : {&acc_, &bias_}) {
        for (auto &v : *words) {
          const uint32_t exponent = rng() % 2 ? 110 + rng() % 30 : rng() % 12;
          if (rng() % 16) v = int32_t((rng() & 0x807FFFFF) | exponent << 23);
        }
      }
    }
    write_memories();
  }

  /// Sets one lane of an activation or weight word (`dest`); write_memories() brings it into the engine.
  void set_lane(unsigned dest, int word, int lane, uint16_t value) {
    std::memcpy(&(dest == SYSTOLE_DEST_ACT ? act_ : wgt_)[word * kWordBytes + 2 * lane], &value, 2);
  }
  void set_bias(int entry, int column, uint32_t value) { bias_[entry * Cols + column] = int32_t(value); }
  void set_accumulator(int row, int column, uint32_t value) { acc_[row * Cols + column] = int32_t(value); }
  /// What the mirror holds.
  uint32_t accumulator(int row, int column) const { return uint32_t(acc_[row * Cols + column]); }

  void write_memories() {
    for (int w = 0; w < kActWords; w++) write_word(SYSTOLE_DEST_ACT, 0, w, &act_[w * kWordBytes], kWordBytes);
    for (int w = 0; w < kWgtWords; w++) write_word(SYSTOLE_DEST_WGT, 0, w, &wgt_[w * kWordBytes], kWordBytes);
    for (int w = 0; w < 2 * kAccRows; w++)
      write_word(SYSTOLE_DEST_ACC, 0, w, reinterpret_cast<uint8_t *>(&acc_[w * Cols]), 4 * Cols);
    for (int w = 0; w < kParams; w++) {
      write_word(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_BIAS, w, reinterpret_cast<uint8_t *>(&bias_[w * Cols]), 4 * Cols);
      write_word(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_B_ZERO_POINT, w, &zp_[w * Cols], Cols);
    }
  }

  /// Writes one destination word through the load port, in chunks.
  void write_word(unsigned dest, unsigned bank, unsigned addr, const uint8_t *bytes, int size) {
    const int chunk = std::min(kWordBytes, size);
    for (int at = 0; at < size; at += chunk)
      while (!offer_chunk(dest, bank, addr, unsigned(at / chunk), bytes + at, chunk)) {}
  }

  /// Offers a chunk to the load port for one cycle; false if it was not taken. The mirror does not follow.
  bool offer_chunk(unsigned dest, unsigned bank, unsigned addr, unsigned chunk, const uint8_t *bytes, int size) {
    dut.wr_valid_i = 1;
    dut.wr_dest_i = dest;
    dut.wr_bank_i = bank;
    dut.wr_addr_i = addr;
    dut.wr_chunk_i = chunk;
    std::memcpy(&dut.wr_data_i, bytes, size);
    dut.eval();
    const bool taken = dut.wr_ready_o;
    cycle();
    dut.wr_valid_i = 0;
    return taken;
  }

  /// Queues a command for the engine and applies it to the mirror.
  void submit(const Matmul &m) {
    queue_.push_back(m.record());
    submitted_++;
    apply(m);
  }

  /// Queues a record that the mirror does not follow.
  void submit_raw(const Record &record) {
    queue_.push_back(record);
    submitted_++;
  }

  /// Clocks until all commands are done; false after `limit` cycles.
  bool run(unsigned limit) {
    for (unsigned i = 0; i < limit && done_cycles.size() < submitted_; i++) cycle();
    return done_cycles.size() == submitted_;
  }

  /// Clocks until the engine gives a token; false after `limit` cycles.
  bool run_until_given(unsigned token, unsigned limit) {
    for (unsigned i = 0; i < limit; i++) {
      const size_t before = gives.size();
      cycle();
      if (gives.size() > before && (gives.back().second & token)) return true;
    }
    return false;
  }

  /// Stops the engine, as control does, and resets it a little later, for `cycles` cycles. Commands that were not done are
  /// forgotten; the accumulators are undefined from then on, the other memories keep what they hold.
  void reset(unsigned cycles) {
    stop = true;
    for (auto i = rng() % 12; i > 0; i--) cycle();
    dut.rst_ni = 0;
    queue_.clear();
    submitted_ = 0;
    offered_ = false;
    for (unsigned i = 0; i < cycles; i++) cycle();
    dut.rst_ni = 1;
    stop = false;
    errors = 0;
    row_cycles.clear();
    done_cycles.clear();
    gives.clear();
    std::fill(defined_.begin(), defined_.end(), false);
  }

  void cycle() {
    if (random_commands && !offered_) offered_ = rng() % 4 == 0;
    if (!random_commands) offered_ = true;
    dut.cmd_valid_i = !queue_.empty() && offered_;
    if (!queue_.empty()) std::memcpy(&dut.cmd_i, queue_.front().data(), 64);
    dut.stop_i = stop || errors != 0;  // as control does, one cycle after the error
    dut.tok_avail_i = random_tokens ? uint8_t(rng() & rng()) : tokens;
    dut.clk_i = 0;
    dut.eval();
    if (dut.rst_ni) {
      if (dut.row_issue_o) row_cycles.push_back(now);
      if (!dut.row_issue_o) causes[dut.act_cause_o]++;
      macs += dut.macs_o;
      if (dut.done_o) done_cycles.push_back(now);
      if (dut.give_o) gives.emplace_back(now, dut.give_o);
      if (dut.err_valid_o && errors++ == 0) error_address = dut.err_addr_o;
      taken |= dut.take_o;
      if (dut.cmd_valid_i && dut.cmd_ready_o) {
        queue_.pop_front();
        offered_ = false;
      }
    }
    dut.clk_i = 1;
    dut.eval();
    now++;
  }

  /// Reads every accumulator that holds a defined value; returns how many differ from the mirror.
  int compare() {
    int wrong = 0;
    for (int row = 0; row < 2 * kAccRows; row++) {
      for (int group = 0; group < kGroups; group++) wrong += compare_group(row, group);
    }
    return wrong;
  }

  /// The same for one group of one row, which is read in the next cycle; its data come in the second one after.
  int compare_group(int row, int group) {
    dut.acc_rd_valid_i = 1;
    dut.acc_rd_addr_i = row;
    dut.acc_rd_group_i = group;
    cycle();
    dut.acc_rd_valid_i = 0;
    cycle();
    int32_t got[kEpLanes];
    dut.eval();
    std::memcpy(got, &dut.acc_rd_data_o, sizeof got);
    int wrong = 0;
    for (int i = 0; i < kEpLanes; i++) {
      const size_t at = row * Cols + group * kEpLanes + i;
      if (defined_[at] && got[i] != acc_[at]) wrong++;
    }
    return wrong;
  }

  /// How many accumulators compare() looks at.
  size_t defined() const { return size_t(std::count(defined_.begin(), defined_.end(), true)); }

  /// A command with every field drawn at random, within its memories.
  Matmul random_command() {
    Matmul m;
    auto below = [&](int n) { return int(rng() % n); };
    do {
      m.a_signed = below(2);
      m.b_signed = below(2);
      m.seed = below(3);
      m.order = below(2);
      m.zp_per_column = below(2);
      m.a_zp = random_byte();
      m.b_zp = random_byte();
      m.m0 = 1 + below(below(2) ? 3 : 2 * Cols);
      m.m1 = 1 + below(3);
      m.k0 = 1 + below(3);
      m.k1 = 1 + below(3);
      m.n = 1 + below(4);
      m.k_tail = 1 + below(kWordBytes);
      m.n_tail = 1 + below(Cols);
      m.act = below(kActWords);
      m.wgt = below(kWgtWords);
      m.acc = below(2 * kAccRows);
      m.param = below(kParams);
      for (int *stride : {&m.act_m0, &m.act_m1, &m.act_k0, &m.act_k1, &m.wgt_k0, &m.wgt_k1, &m.wgt_n, &m.wgt_col})
        *stride = below(9) - 4;
      if (kFloat && below(2)) {
        m.float_dtype = below(2) ? SYSTOLE_DTYPE_FP16 : SYSTOLE_DTYPE_BF16;
        m.zp_per_column = false;
        m.a_zp = m.b_zp = 0;
        m.k_tail += m.k_tail % 2;
      }
      // Accumulator strides: apart, overlapping or in place; rows of a tile may meet rows of another.
      m.acc_n = below(3) == 0 ? 0 : below(2 * int(m.m0 * m.m1) + 1) - int(m.m0 * m.m1);
    } while (!inside(m));
    return m;
  }

  uint64_t now = 0;
  std::vector<uint64_t> row_cycles;                  ///< cycles in which an activation word entered row 0
  std::vector<uint64_t> done_cycles;                 ///< cycles in which done_o was high
  std::vector<std::pair<uint64_t, unsigned>> gives;  ///< cycle, tokens
  std::map<unsigned, uint64_t> causes;
  uint64_t macs = 0;             ///< sum of macs_o
  unsigned tokens = 0xff;        ///< tok_avail_i
  bool random_tokens = false;    ///< withhold tokens at random
  bool random_commands = false;  ///< offer commands at random
  int errors = 0;
  uint64_t error_address = 0;                ///< of the first
  bool stop = false;                         ///< stop_i
  unsigned taken = 0;                        ///< all tokens ever taken
  uint64_t finite_sums = 0, other_sums = 0;  ///< floating-point sums of tiles in the mirror: finite; infinite or NaN
  std::mt19937_64 rng;
  Dut dut;

 private:
  uint8_t random_byte() {
    static constexpr uint8_t kExtremes[] = {0, 1, 127, 128, 255};
    return rng() % 4 == 0 ? kExtremes[rng() % 5] : uint8_t(rng());
  }

  static int operand(uint8_t byte, bool is_signed) { return is_signed ? int8_t(byte) : byte; }

  /// Calls `f(n, k1, k0, i1, i0)` in the contract's order of tiles.
  template <class F>
  static void for_each_row(const Matmul &m, F f) {
    auto tile = [&](unsigned n, unsigned k1, unsigned k0) {
      for (unsigned i1 = 0; i1 < m.m1; i1++)
        for (unsigned i0 = 0; i0 < m.m0; i0++) f(int(n), int(k1), int(k0), int(i1), int(i0));
    };
    if (m.order == SYSTOLE_ORDER_K_INNER) {
      for (unsigned n = 0; n < m.n; n++)
        for (unsigned k1 = 0; k1 < m.k1; k1++)
          for (unsigned k0 = 0; k0 < m.k0; k0++) tile(n, k1, k0);
    } else {
      for (unsigned k1 = 0; k1 < m.k1; k1++)
        for (unsigned k0 = 0; k0 < m.k0; k0++)
          for (unsigned n = 0; n < m.n; n++) tile(n, k1, k0);
    }
  }

  static int act_word(const Matmul &m, int k1, int k0, int i1, int i0) {
    return int(m.act) + k1 * m.act_k1 + k0 * m.act_k0 + i1 * m.act_m1 + i0 * m.act_m0;
  }
  static int wgt_word(const Matmul &m, int n, int k1, int k0, int c) {
    return int(m.wgt) + n * m.wgt_n + k1 * m.wgt_k1 + k0 * m.wgt_k0 + c * m.wgt_col;
  }
  static int acc_row(const Matmul &m, int n, int i1, int i0) { return int(m.acc) + n * m.acc_n + i1 * int(m.m0) + i0; }
  static int columns(const Matmul &m, int n) { return n == int(m.n) - 1 ? int(m.n_tail) : Cols; }

  static bool inside(const Matmul &m) {
    bool ok = m.param + m.n <= kParams;
    for_each_row(m, [&](int n, int k1, int k0, int i1, int i0) {
      const int a = act_word(m, k1, k0, i1, i0), r = acc_row(m, n, i1, i0);
      ok = ok && a >= 0 && a < kActWords && r >= 0 && r < 2 * kAccRows;
      for (int c : {0, columns(m, n) - 1}) {
        const int w = wgt_word(m, n, k1, k0, c);
        ok = ok && w >= 0 && w < kWgtWords;
      }
    });
    return ok;
  }

  void apply(const Matmul &m) {
    for_each_row(m, [&](int n, int k1, int k0, int i1, int i0) {
      const int row = acc_row(m, n, i1, i0);
      const uint8_t *a = &act_[act_word(m, k1, k0, i1, i0) * kWordBytes];
      const int bytes = k0 == int(m.k0) - 1 ? int(m.k_tail) : kWordBytes;
      for (int c = 0; c < Cols; c++) {
        uint32_t sum = acc_[row * Cols + c];
        bool defined = defined_[row * Cols + c];
        if (k0 == 0 && k1 == 0 && m.seed != SYSTOLE_SEED_KEEP) {
          sum = m.seed == SYSTOLE_SEED_BIAS ? bias_[(m.param + n) * Cols + c] : 0;
          defined = true;
        }
        const uint8_t *b = c < columns(m, n) ? &wgt_[wgt_word(m, n, k1, k0, c) * kWordBytes] : nullptr;
        if (b != nullptr && m.float_dtype) {
          for (int i = 0; i < bytes; i += 2) {
            uint16_t x, y;
            std::memcpy(&x, a + i, 2);
            std::memcpy(&y, b + i, 2);
            sum = fused(widen(m.float_dtype == SYSTOLE_DTYPE_BF16, x), widen(m.float_dtype == SYSTOLE_DTYPE_BF16, y), sum);
          }
          if (defined) (std::isfinite(as_float(sum)) ? finite_sums : other_sums)++;
        } else if (b != nullptr) {
          const int b_zp = operand(m.zp_per_column ? zp_[(m.param + n) * Cols + c] : m.b_zp, m.b_signed);
          for (int i = 0; i < bytes; i++)
            sum += uint32_t((operand(a[i], m.a_signed) - operand(m.a_zp, m.a_signed)) * (operand(b[i], m.b_signed) - b_zp));
        } else {
          defined = false;  // columns beyond N hold whatever weights were there before
        }
        acc_[row * Cols + c] = int32_t(sum);
        defined_[row * Cols + c] = defined;
      }
    });
  }

  std::vector<uint8_t> act_, wgt_, zp_;
  std::vector<int32_t> acc_, bias_;
  std::vector<bool> defined_;
  std::deque<Record> queue_;
  size_t submitted_ = 0;
  bool offered_ = true;
};

}  // namespace systole::tb
