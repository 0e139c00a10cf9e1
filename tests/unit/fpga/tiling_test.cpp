// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/tiling.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace systole::fpga {
namespace {

using golden::DType;

platform::ConfigInfo small_config() {
  platform::ConfigInfo out;
  out.rows = out.cols = 8;
  out.axi_bits = 64;
  return out;
}

/// A job without its matrices, which a tiling does not look at.
platform::GemmJob job_of(std::uint32_t m, std::uint32_t n, std::uint32_t k, DType type = DType::s8, DType out = DType::s32) {
  platform::GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = type;
  job.epilogue.out = out;
  return job;
}

/// First address and bytes of what a tiling puts into memory.
std::vector<std::pair<std::uint64_t, std::uint64_t>> regions(const platform::GemmJob &job, const Tiling &t) {
  const std::uint64_t element = golden::size(job.a_type), sums = std::uint64_t{t.tile_m} * t.tile_n;
  const bool pieces = t.tile_k < job.k;
  const std::uint64_t result = pieces ? 4 : golden::size(job.epilogue.out);
  return {{0, std::uint64_t{64} << t.ring_log2},          {t.a, t.tile_m * t.tile_k * element},
          {t.b, t.tile_n * t.tile_k * element},           {t.parameters, parameter_layout(job, t.tile_n).bytes},
          {t.sums[0], pieces || job.seed ? 4 * sums : 0}, {t.sums[1], result * sums}};
}

TEST(FpgaTilingTest, AProductThatFitsIsOneTileAndGoesOverTheLineOnce) {
  const platform::GemmJob job = job_of(64, 48, 100);
  const auto tiling = choose_tiling(job, small_config(), 262144);
  ASSERT_TRUE(tiling);
  EXPECT_EQ(tiling->tiles, 1u);
  EXPECT_EQ(tiling->bytes_to_board, 64u * 100 + 48 * 100);
  EXPECT_EQ(tiling->bytes_from_board, 4u * 64 * 48);
}

TEST(FpgaTilingTest, WhatStaysIsNotSentAgain) {
  // C is far too large for the memory, B is small: each row of A goes over the line once, B too.
  const auto rows = choose_tiling(job_of(5000, 16, 64), small_config(), 65536);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->bytes_to_board, 5000u * 64 + 16 * 64);
  const auto columns = choose_tiling(job_of(16, 5000, 64), small_config(), 65536);
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->bytes_to_board, 5000u * 64 + 16 * 64);
  // A and B are far too large, C is small: in pieces of K, once each.
  const auto pieces = choose_tiling(job_of(32, 32, 50'000), small_config(), 65536);
  ASSERT_TRUE(pieces);
  EXPECT_EQ(pieces->bytes_to_board, 2u * 32 * 50'000);
  EXPECT_GT(pieces->k_pieces(job_of(32, 32, 50'000)), 1u);
}

TEST(FpgaTilingTest, TheLongerDimensionIsTheInnerLoop) {
  // What is sent again and again is the outer loop's count times the inner operand.
  const auto tall = choose_tiling(job_of(3000, 1000, 100), small_config(), 65536);
  const auto wide = choose_tiling(job_of(1000, 3000, 100), small_config(), 65536);
  ASSERT_TRUE(tall && wide);
  EXPECT_TRUE(tall->n_outer);
  EXPECT_FALSE(wide->n_outer);
  EXPECT_EQ(tall->bytes_to_board, wide->bytes_to_board);
}

TEST(FpgaTilingTest, BlocksFitAlignedAndApart) {
  std::mt19937 random(1);
  unsigned in_pieces = 0, whole = 0;
  for (unsigned round = 0; round < 300; ++round) {
    const auto size = [&random] { return 1 + static_cast<std::uint32_t>(random() % (random() % 2 != 0 ? 30 : 2000)); };
    platform::GemmJob job = job_of(size(), size(), size(), random() % 2 != 0 ? DType::s8 : DType::fp16);
    if (job.a_type == DType::fp16) job.epilogue.out = random() % 2 != 0 ? DType::fp16 : DType::fp32;
    if (random() % 3 == 0)
      job.bias.emplace(job.n);
    else if (random() % 3 == 0)
      job.seed.emplace();
    if (random() % 3 == 0 && job.a_type == DType::s8) {
      job.b_zp.resize(job.n);
      job.epilogue.out = DType::s8;
      job.epilogue.rule = golden::Requant::fixed;
      job.epilogue.multiplier.resize(job.n);
      job.epilogue.shift.resize(job.n);
    }
    const std::uint64_t memory = std::uint64_t{4096} << random() % 7;
    const auto t = choose_tiling(job, small_config(), memory);
    ASSERT_TRUE(t) << job.m << ' ' << job.n << ' ' << job.k << ' ' << memory;
    std::uint64_t next = 0;
    for (const auto &[address, bytes] : regions(job, *t)) {
      ASSERT_EQ(address % 64, 0u);
      ASSERT_GE(address, next);
      next = address + bytes;
    }
    ASSERT_LE(next, memory);
    ASSERT_LE(t->end, memory);
    ASSERT_EQ(t->tiles, std::uint64_t{t->m_blocks(job)} * t->n_blocks(job) * t->k_pieces(job));
    (t->tile_k < job.k ? in_pieces : whole) += 1;
  }
  EXPECT_GT(in_pieces, 30u);
  EXPECT_GT(whole, 30u);
}

TEST(FpgaTilingTest, NoOtherEvenCutSendsLess) {
  // Small enough to try every block, by the tiling's own account of bytes: one piece of K, both loop orders, by hand.
  const platform::GemmJob job = job_of(40, 56, 200);
  const std::uint64_t memory = 16384;
  const auto t = choose_tiling(job, small_config(), memory);
  ASSERT_TRUE(t);
  std::uint64_t best = UINT64_MAX;
  for (std::uint64_t m = 1; m <= job.m; ++m) {
    for (std::uint64_t n = 1; n <= job.n; ++n) {
      if (512 + m * job.k + n * job.k + 4 * m * n + 3 * 64 > memory) continue;
      const std::uint64_t mb = (job.m + m - 1) / m, nb = (job.n + n - 1) / n;
      const std::uint64_t a = 40 * 200, b = 56 * 200;
      // Inner blocks are used twice where the loop turns round.
      const std::uint64_t rows_outer = a + std::max(b, b * mb - (mb - 1) * n * job.k);
      const std::uint64_t columns_outer = b + std::max(a, a * nb - (nb - 1) * m * job.k);
      best = std::min({best, rows_outer + 1024 * mb * nb, columns_outer + 1024 * mb * nb});
    }
  }
  EXPECT_LE(t->bytes_to_board + 1024 * t->tiles, best);
}

TEST(FpgaTilingTest, LeastMemoryIsWhatDoes) {
  for (const std::uint32_t size : {1u, 100u}) {
    const platform::GemmJob job = job_of(size, size, size);
    const std::uint64_t least = least_memory(job, small_config());
    EXPECT_TRUE(choose_tiling(job, small_config(), least));
    EXPECT_FALSE(choose_tiling(job, small_config(), least - 64));
  }
}

TEST(FpgaTilingTest, HugeProductsAreCutSoon) {
  // The search must not look at every size.
  const auto t = choose_tiling(job_of(1'000'000, 1'000'000, 1'000'000), small_config(), 262144);
  ASSERT_TRUE(t);
  EXPECT_GT(t->tile_m, 50u);
}

}  // namespace
}  // namespace systole::fpga
