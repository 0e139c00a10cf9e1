// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/tiling.hpp"

#include <algorithm>
#include <vector>

#include "sim/golden/types.hpp"

namespace systole::fpga {

namespace {

constexpr std::uint64_t kAlign = 64;
constexpr std::uint64_t kRecordBytes = 64;
constexpr std::uint64_t kSumBytes = 4;
// Commands, doorbell and polls of a tile, in bytes on the line.
constexpr std::uint64_t kTileBytes = 1024;

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }
std::uint64_t parts(std::uint64_t whole, std::uint64_t part) { return (whole + part - 1) / part; }

/// The ring takes a 32nd of the memory: 4 to 256 records.
std::uint32_t ring_log2_of(std::uint64_t memory) {
  std::uint32_t log2 = 2;
  while (log2 < 8 && (kRecordBytes << (log2 + 1)) <= memory / 32) ++log2;
  return log2;
}

/// Sizes into which a dimension is cut evenly, from 1 to all of it, none above `most`.
std::vector<std::uint64_t> candidates(std::uint64_t size, std::uint64_t most) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t part = std::min(size, std::max<std::uint64_t>(most, 1)); part != 0;) {
    const std::uint64_t even = parts(size, parts(size, part));  // as many parts, the smallest
    out.push_back(even);
    part = even - 1;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

/// What is fixed in a search.
struct Search {
  const platform::GemmJob &job;
  std::uint64_t memory, ring, word;  // bytes, bytes, elements of a buffer word
  std::uint64_t element, result;     // bytes
};

/// The memory that blocks of this shape take, without A's and B's.
std::uint64_t fixed_bytes(const Search &s, std::uint64_t m, std::uint64_t n, bool pieces) {
  std::uint64_t bytes = s.ring + parameter_layout(s.job, static_cast<std::uint32_t>(n)).bytes;
  if (pieces || s.job.seed) bytes += aligned(m * n * kSumBytes);
  bytes += aligned(m * n * (pieces ? kSumBytes : s.result));
  return bytes;
}

/// The best that can be made of blocks of this shape, all of K at once or in pieces; none if they do not fit.
std::optional<Tiling> fit(const Search &s, std::uint64_t m, std::uint64_t n, bool pieces) {
  const platform::GemmJob &job = s.job;
  const std::uint64_t fixed = fixed_bytes(s, m, n, pieces), slack = 2 * (kAlign - 1);
  if (fixed + slack >= s.memory) return std::nullopt;
  const std::uint64_t most = (s.memory - fixed - slack) / ((m + n) * s.element);  // of K
  if (most == 0 || (!pieces && most < job.k)) return std::nullopt;
  std::uint64_t k = job.k;
  if (pieces) {
    k = parts(job.k, parts(job.k, most));
    // Whole buffer words, where there is room: only the last piece has a tail then.
    const std::uint64_t rounded = parts(k, s.word) * s.word;
    if (rounded <= most)
      k = std::min<std::uint64_t>(rounded, job.k);
    else if (most >= s.word)
      k = most / s.word * s.word;
  }
  const std::uint64_t mb = parts(job.m, m), nb = parts(job.n, n), kb = parts(job.k, k);
  const std::uint64_t a = std::uint64_t{job.m} * job.k * s.element, b = std::uint64_t{job.n} * job.k * s.element;
  const std::uint64_t parameters = parameter_layout(job, static_cast<std::uint32_t>(n)).bytes;
  // The outer operand goes over the line once, if all of its K stays; the inner one in each pass. The inner loop turns round at its
  // ends, so that the block there is used twice.
  const auto inner = [kb](std::uint64_t all, std::uint64_t block, std::uint64_t passes) {
    return kb == 1 ? std::max(all, all * passes - (passes - 1) * block) : all * passes;
  };
  std::optional<Tiling> best;
  for (const bool n_outer : {false, true}) {
    Tiling t;
    t.tile_m = static_cast<std::uint32_t>(m);
    t.tile_n = static_cast<std::uint32_t>(n);
    t.tile_k = static_cast<std::uint32_t>(k);
    t.n_outer = n_outer;
    if (n_outer)
      t.bytes_to_board = (kb == 1 ? b : b * mb) + inner(a, m * job.k * s.element, nb) + parameters * nb;
    else
      t.bytes_to_board = (kb == 1 ? a : a * nb) + inner(b, n * job.k * s.element, mb) + parameters * (nb * mb - (mb - 1));
    if (job.seed) t.bytes_to_board += std::uint64_t{job.m} * job.n * kSumBytes;
    t.bytes_from_board = std::uint64_t{job.m} * job.n * s.result;
    t.tiles = mb * nb * kb;
    if (!best || t.bytes_to_board < best->bytes_to_board) best = t;
  }
  return best;
}

std::uint64_t cost(const Tiling &tiling) { return tiling.bytes_to_board + tiling.bytes_from_board + tiling.tiles * kTileBytes; }

/// Gives the blocks their addresses.
void place(const Search &s, Tiling &t) {
  std::uint64_t next = s.ring;
  const auto take = [&next](std::uint64_t bytes) {
    const std::uint64_t address = next;
    next += aligned(bytes);
    return static_cast<std::uint32_t>(address);
  };
  const std::uint64_t sums = std::uint64_t{t.tile_m} * t.tile_n;
  const bool pieces = t.tile_k < s.job.k;
  t.a = take(std::uint64_t{t.tile_m} * t.tile_k * s.element);
  t.b = take(std::uint64_t{t.tile_n} * t.tile_k * s.element);
  t.parameters = take(parameter_layout(s.job, t.tile_n).bytes);
  t.sums[0] = take(pieces || s.job.seed ? sums * kSumBytes : 0);
  t.sums[1] = take(sums * (pieces ? kSumBytes : s.result));
  t.end = static_cast<std::uint32_t>(next);
}

}  // namespace

ParameterLayout parameter_layout(const platform::GemmJob &job, std::uint32_t columns) {
  ParameterLayout out;
  const auto take = [&out](std::uint64_t bytes) {
    const std::uint32_t at = out.bytes;
    out.bytes += static_cast<std::uint32_t>(aligned(bytes));
    return at;
  };
  if (job.bias) out.bias = take(std::uint64_t{4} * columns);
  if (job.b_zp.size() > 1) out.zero_points = take(columns);
  if (job.epilogue.per_column()) {
    out.scales = take(std::uint64_t{4} * columns);
    if (job.epilogue.rule == golden::Requant::fixed) out.shifts = take(columns);
  }
  return out;
}

std::optional<Tiling> choose_tiling(const platform::GemmJob &job, const platform::ConfigInfo &config, std::uint64_t memory) {
  const std::uint32_t ring_log2 = ring_log2_of(memory);
  Search s{job, memory, kRecordBytes << ring_log2, 0, golden::size(job.a_type), golden::size(job.epilogue.out)};
  s.word = config.word_bytes() / s.element;
  if (memory <= s.ring) return std::nullopt;
  std::optional<Tiling> best;
  for (const std::uint64_t m : candidates(job.m, memory / s.element)) {
    for (const std::uint64_t n : candidates(job.n, memory / s.element)) {
      if (m * n > memory) break;  // results alone would not fit, nor for a larger n
      for (const bool pieces : {false, true}) {
        const std::optional<Tiling> tiling = fit(s, m, n, pieces);
        if (tiling && (!best || cost(*tiling) < cost(*best))) best = tiling;
      }
    }
  }
  if (!best) return best;
  best->ring_log2 = ring_log2;
  place(s, *best);
  return best;
}

std::uint64_t least_memory(const platform::GemmJob &job, const platform::ConfigInfo &config) {
  std::uint64_t memory = kRecordBytes;
  platform::GemmJob small = job;  // a product of one tile needs what the least tile of any does
  small.m = small.n = 1;
  while (!choose_tiling(small, config, memory)) memory += kAlign;
  return memory;
}

}  // namespace systole::fpga
