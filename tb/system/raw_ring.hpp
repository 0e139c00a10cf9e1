// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/timing/timing.hpp"
#include "sim/tool/test_data.hpp"

namespace systole::tb {

/// Random command records, legal but without purpose: what no driver would write. Their results are junk, their timing is not.
///
/// A program ends: each token that a record waits for is given by an earlier one, and no counter exceeds 15, since a program gives
/// at most that many of a kind.
class RawRing {
 public:
  /// Where the records may read and write.
  struct Regions {
    uint64_t data = 0, scales = 0, shifts = 0, results = 0;
    uint32_t data_bytes = 0, scale_bytes = 0, result_bytes = 0;  ///< scale_bytes: of scales and of shifts
  };
  /// What the records are like.
  enum class Kind {
    mixed,         ///< anything
    tiny_matmuls,  ///< one-column tiles of one row, many commands in the array at once
    same_rows,     ///< several tiles and K steps on the same accumulator rows, K_INNER
    traffic,       ///< loads and stores of the accumulators while the array works in them
    loads,         ///< loads of all shapes
    stores,        ///< stores of all shapes
    queues,        ///< small commands in long rows of one engine: every queue fills
  };
  static constexpr unsigned kKinds = 7;

  RawRing(const platform::ConfigInfo &config, const Regions &regions, uint64_t seed)
      : config_(config), regions_(regions), random_(seed) {}

  /// Records that together cost at most about `budget` cycles, if a burst costs `burst_cycles` and a byte of memory `byte_cycles`.
  /// The last one has an interrupt bit.
  /// @param tokens what the counters hold before
  std::vector<timing::Record> program(Kind kind, double budget, double burst_cycles, double byte_cycles,
                                      const std::array<uint8_t, 8> &tokens);
  /// Fills the parameter banks SCALE and SHIFT with legal values: to be run before the first program.
  std::vector<timing::Record> prologue();

  /// A MATMUL of one full tile and one row; a STORE of its results, each 32 bits wide. Both wait for nothing.
  static timing::Record small_matmul(const platform::ConfigInfo &config);
  static timing::Record small_store(const platform::ConfigInfo &config, const Regions &regions);

  /// One record each; the cost in cycles is added to cost().
  timing::Record load(Kind kind);
  timing::Record matmul(Kind kind);
  timing::Record store(Kind kind);

 private:
  uint32_t below(uint64_t limit) { return static_cast<uint32_t>(random_.below(limit)); }
  /// 1 to `most`, small numbers as likely as large ones.
  uint32_t size(uint32_t most);
  int32_t stride(int32_t natural, int32_t reach);
  /// Of rows of `count` items of `length` bytes: from item to item, from row to row. Often such that they lie back to back, which
  /// makes one segment of them.
  std::pair<int32_t, int32_t> pitches(uint32_t length, uint32_t count);

  const platform::ConfigInfo &config_;
  const Regions regions_;
  tool::Random random_;
  double burst_cycles_ = 1, byte_cycles_ = 0.1, cost_ = 0;
};

}  // namespace systole::tb
