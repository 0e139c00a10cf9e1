// SPDX-License-Identifier: Apache-2.0
/// Values of waves as text: lanes, sums and places in loops, from the hexadecimal digits that GTKWave shows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace systole::waves {

/// The loops of a MATMUL; index 0 is the innermost.
struct Loops {
  bool k_inner = true;  ///< levels are k0, k1, n; else n, k0, k1
  std::array<uint32_t, 3> counts{1, 1, 1};
  uint32_t m0 = 1, m1 = 1;
};
/// By the command's index.
using LoopTable = std::map<uint32_t, Loops>;

/// Reads a loop table: a line a command, "INDEX ORDER COUNT0 COUNT1 COUNT2 M0 M1", ORDER 0: k inner.
/// @throws std::runtime_error if the file cannot be read or holds something else
LoopTable read_loops(const std::string &file);

/// Bits of a place in the loops, from the highest: {valid, now, next valid, index, next index, left2, left1, left0, i1, i0, row}.
/// index: command of the tile under way; next valid, next index and left (iterations left, this one included): what the sequencer's loops
/// say, which is of the tile under way while `now`, else of the tile after it; i1, i0: rows left after this one; row: of the accumulators.
/// Where weights are pushed, {valid, next valid, index, next index, left2, left1, left0, column}; the loops are always at the tile after.
constexpr unsigned ROW_WIDTHS[] = {1, 1, 1, 32, 32, 16, 16, 16, 16, 16, 18};
constexpr unsigned WEIGHT_WIDTHS[] = {1, 1, 32, 32, 16, 16, 16};

/// From a value in hexadecimal digits to a text; digits that are unknown (x, z, …) give "x".
using Decoder = std::function<std::string(const std::string &digits)>;

/// What TYPE names:
///   int8, uint8, fp16, bf16        a lane of 16 bits: two integers (the first in K first), or a number
///   int32, fp32                    a sum
///   s8, u8                         a byte
///   edge-int8, edge-act, edge-wgt  a lane behind systole_edge (24 bits or more) with integers; with any type, of activations; with
///                                  floating point, of weights
///   edge18                         the same of a build without floating point: two 9-bit integers
///   rows FILE                      ROW_WIDTHS: the tile and its row, by a loop table
///   weights BITS FILE              WEIGHT_WIDTHS and so many bits: the tile and its column
/// @throws std::runtime_error for another type or a file that cannot be read
Decoder decoder(const std::string &type);

}  // namespace systole::waves
