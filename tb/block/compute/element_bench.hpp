// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "firmware/include/systole_regs.h"

namespace systole::tb {

/// Streams multiply-adds through a Verilated element_top (tb/block/compute/element_top.sv): tiles of Cols activations, each meeting Cols
/// weights, back to back; Cols sums a cycle.
template <class Dut, int Cols, int L, int MulRegs = 0>
class ElementBench {
 public:
  struct Weight {
    uint16_t bits = 0;
    bool valid = true;  ///< false: beyond the command's K, sums pass unchanged
  };
  struct Tile {
    unsigned dtype = SYSTOLE_DTYPE_FP16;
    std::array<uint16_t, Cols> acts{};
    std::array<Weight, Cols> weights{};
  };

  ElementBench() {
    dut.rst_ni = 0;
    for (int i = 0; i < 4; i++) clock();
    dut.rst_ni = 1;
  }

  /// Runs `count` tiles. `tile(Tile &)` draws one; `seed(const Tile &, row, column)` gives the partial sum that meets acts[row] *
  /// weights[column], in the order of need; `result(const Tile &, row, column, seed, sum)` takes what came out.
  template <class T, class S, class R>
  void run(uint64_t count, T tile, S seed, R result) {
    constexpr int kSkew = (L > 4 ? 4 : 3) + (MulRegs ? 2 : 0),
                  kTiles = 4;  // a tile is pushed, used, and its last sums leave: within four tiles of Cols cycles
    static_assert(Cols + kSkew + L < 2 * Cols, "the ring of tiles would be too short");
    std::array<Tile, kTiles> tiles;
    std::array<std::array<uint32_t, Cols>, L> seeds{};  // ring over cycles
    const int64_t cycles = int64_t(count + 2) * Cols + kSkew + L + Cols;
    // In cycle t: weight t of tile t / Cols is pushed, and one tile later activation t - Cols is presented.
    for (int64_t t = 0; t < cycles; t++) {
      const int at = int(t % Cols);
      const auto number = uint64_t(t / Cols);
      if (at == 0) {
        if (number < count) tile(tiles[number % kTiles]);
        dut.switch_i = number > 0;
      } else {
        dut.switch_i = 0;
      }
      const Tile &next = tiles[number % kTiles];
      const Weight &weight = next.weights[Cols - 1 - at];
      dut.wgt_dtype_i = next.dtype;
      dut.wgt_i = weight.bits;
      dut.valid_bytes_i = weight.valid ? 2 : 0;
      dut.push_i = (uint32_t(2) << at) - 1;
      if (number > 0) {
        const Tile &now = tiles[(number - 1) % kTiles];
        dut.dtype_i = now.dtype;
        dut.act_i = now.acts[at];
      }
      auto *psum_in = reinterpret_cast<uint32_t *>(&dut.psum_i);
      const auto *psum_out = reinterpret_cast<const uint32_t *>(&dut.psum_o);
      auto &ring = seeds[t % L];
      dut.clk_i = 0;  // outputs are registers: no evaluation is needed to see them
      for (int c = 0; c < Cols; c++) {
        const int64_t out = t - Cols - kSkew - L - c;
        if (out >= 0 && out < int64_t(count) * Cols)
          result(tiles[(out / Cols) % kTiles], int(out % Cols), c, ring[c], psum_out[c]);
        const int64_t in = t - Cols - kSkew - c;
        if (in >= 0 && in < int64_t(count) * Cols) ring[c] = seed(tiles[(in / Cols) % kTiles], int(in % Cols), c);
        psum_in[c] = ring[c];
      }
      clock();
    }
  }

  Dut dut;

 private:
  void clock() {
    dut.clk_i = 0;
    dut.eval();
    dut.clk_i = 1;
    dut.eval();
  }
};

}  // namespace systole::tb
