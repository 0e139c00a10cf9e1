// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/platform/timing.hpp"
#include "sim/timing/compute.hpp"
#include "sim/timing/machine.hpp"
#include "sim/timing/write_path.hpp"

namespace systole::timing {

/// The store engine (rtl/store): commands, walker, epilogue, packing, and all behind it.
///
/// Behind the walker nothing depends on the rest of the machine. So a group of columns is one event: the cycle in which the
/// walker reads it gives those in which the epilogue takes it and hands it over, and in which its beats leave. The walker runs
/// ahead of the machine's time as far as it is known when the array leaves it the accumulators' read port.
class Store {
 public:
  /// `every_cycle`: it is stepped in each, and reads nothing ahead of its time: the same result by another way.
  Store(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services, const Compute &compute,
        bool every_cycle = false);

  /// Performs cycle `now`, at most once each and after Compute's. @returns the next cycle in which something may happen by itself
  Cycle step(Cycle now);

 private:
  static constexpr unsigned kContexts = 4;  // commands waiting for the walker
  static constexpr unsigned kCredits = 5;   // groups on their way from the walker to the epilogue
  static constexpr unsigned kStages = 11;   // of the epilogue

  /// A command as the walker gets it.
  struct Context {
    Cycle visible = 0;
    const Decoded *command = nullptr;
    bool merge1 = false, merge2 = false;
  };
  /// The epilogue stands still in [from, to).
  struct Stall {
    Cycle from, to;
  };

  void hand_on();
  void enter(const Context &context);
  Cycle walk(Cycle now);
  void group(Cycle read, uint32_t lanes, bool segment_end);

  const unsigned cols_, acc_rows_, lanes_, bus_bytes_, bus_shift_, slots_;
  const bool every_cycle_;
  Services &services_;
  const Compute &compute_;
  WritePath writes_;

  // The command that waits for the burst generator and a place in the queue to the walker.
  const Decoded *held_ = nullptr;
  Cycle held_from_ = 0;
  Cycle handed_on_ = 0;  // when the last one was: the first cycle in which the next may be accepted
  uint32_t contexts_in_ = 0, contexts_out_ = 0;
  std::array<Cycle, kContexts> taken_ = {};  // when the walker took the last ones
  Ring<Context> contexts_;

  // Walker: the command under way and the group that is next.
  bool active_ = false;
  Context context_;
  unsigned size_ = 0;                          // log2 of a result's bytes
  uint32_t left0_ = 0, left1_ = 0, tile_ = 0;  // rows left, this one included; column tile
  uint32_t row_ = 0, tile_row_ = 0;            // accumulator row of the first tile, of this tile
  uint32_t column_ = 0, columns_ = 0;          // first column of the group in its tile, columns of the tile
  uint32_t offset_ = 0, start0_ = 0,
           start1_ = 0;  // place in the beat: of the group, of this row's start, of this i1's first row's
  Cycle next_read_ = 0;

  // Epilogue: it advances as a whole, so a group's place in it is a number of advances.
  uint64_t groups_ = 0;
  std::array<Cycle, kCredits> entered_ = {};  // when the last groups entered
  Cycle next_entry_ = 0;
  Ring<Stall> stalls_;        // those that the next group's entry may meet
  Cycle stalled_before_ = 0;  // cycles of stalls before these
  Cycle stalled_ = 0;         // of all known so far

  // Packing.
  uint64_t beats_ = 0;       // complete
  std::vector<Cycle> sent_;  // when the last ones left
  uint64_t sent_mask_ = 0;
};

}  // namespace systole::timing
