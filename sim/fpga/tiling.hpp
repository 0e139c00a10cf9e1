// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sim/platform/config.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::fpga {

/// How a product goes through a board's memory: blocks of tile_m x tile_n results, each over all of K at once or in pieces of
/// tile_k whose 32-bit sums stay on the board as the next piece's seed. What stays of A and B from one tile to the next is not
/// sent again.
struct Tiling {
  std::uint32_t tile_m = 0, tile_n = 0, tile_k = 0;  ///< the last one of each dimension may be smaller
  bool n_outer = false;                              ///< for blocks of columns: for blocks of rows; else the other way round

  std::uint32_t ring_log2 = 0;  ///< records of the ring, which begins at address 0
  std::uint32_t a = 0, b = 0, parameters = 0;
  std::array<std::uint32_t, 2> sums{};  ///< seeds and results, in turn
  std::uint32_t end = 0;                ///< first address that is not used

  std::uint64_t bytes_to_board = 0;  ///< operands, seeds and parameters
  std::uint64_t bytes_from_board = 0;
  std::uint64_t tiles = 0;  ///< products that the accelerator does

  std::uint32_t m_blocks(const platform::GemmJob &job) const { return (job.m - 1) / tile_m + 1; }
  std::uint32_t n_blocks(const platform::GemmJob &job) const { return (job.n - 1) / tile_n + 1; }
  std::uint32_t k_pieces(const platform::GemmJob &job) const { return (job.k - 1) / tile_k + 1; }
};

/// Where a block's parameters lie, from Tiling::parameters on; 64-byte aligned.
struct ParameterLayout {
  std::uint32_t bias = 0, zero_points = 0, scales = 0, shifts = 0, bytes = 0;
};
ParameterLayout parameter_layout(const platform::GemmJob &job, std::uint32_t columns);

/// The tiling that sends fewest bytes over the line, with a charge for each tile's commands.
/// @param memory  bytes of the board's memory
/// @return none if even the smallest tile does not fit
std::optional<Tiling> choose_tiling(const platform::GemmJob &job, const platform::ConfigInfo &config, std::uint64_t memory);

/// The least memory that does for the product.
std::uint64_t least_memory(const platform::GemmJob &job, const platform::ConfigInfo &config);

}  // namespace systole::fpga
