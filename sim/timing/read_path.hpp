// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/timing/burst_gen.hpp"
#include "sim/timing/load.hpp"
#include "sim/timing/machine.hpp"

namespace systole::timing {

/// Everything before the engines and the reads of memory: command fetch, dispatch, the load engine's front (it takes commands and
/// asks for bursts), the read multiplexer, and the memory's AR channel. rtl/control/systole_{fetch,dispatch}.sv,
/// rtl/load/systole_{load,read_mux}.sv.
class ReadSide {
 public:
  ReadSide(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program, Services &services,
           const Compute &compute, bool every_cycle);

  /// Performs cycle `now`. @returns the next cycle in which something moves
  Cycle step(Cycle now);
  /// The program has got a further doorbell in `cycle`, which is still to come.
  void doorbell(Cycle cycle) { dispatch_wake_ = std::min(dispatch_wake_, cycle); }

 private:
  static constexpr uint32_t kFetchSlots = 8, kOrderDepth = 32;

  bool order_room(Cycle now) const;
  bool queue_room(Engine engine, Cycle now) const;
  void handshake(Cycle now, uint32_t beats, bool fetch);
  Cycle room() const;
  void load_front(Cycle now, bool ready);
  void dispatch(Cycle now, bool fetch_taken);
  Cycle dispatch_next(Cycle now) const;
  Cycle next(Cycle now) const;

  const Program &program_;
  Services &services_;
  const bool every_cycle_;  // leave out nothing
  const uint32_t queue_depth_, max_reads_, outstanding_, fetch_beats_;
  ReadStream stream_;

  // Multiplexer and memory. The burst in the multiplexer's register goes to the memory when that has a place for it; where the
  // cycle in which it will is known at once, so is everything that follows from it.
  uint64_t taken_ = 0;    // bursts by the multiplexer, the one in the register included
  bool pending_ = false;  // the one in the register waits for a cycle that is not known yet
  bool pending_fetch_ = false;
  uint32_t pending_beats_ = 0;
  Cycle taken_at_ = 0, register_free_ = 0;  // of the last burst; the cycle of its AR's handshake

  // Load.
  BurstGen bursts_;
  const Decoded *hold_ = nullptr;
  Transfer transfer_;

  // Fetch.
  bool fetch_valid_ = false;
  uint32_t next_ = 0, reserved_ = 0, tail_ = 0;
  size_t doorbell_ = 0;

  // Dispatch: the record whose index is index_ stands checked in its register.
  bool checked_ = false;
  uint32_t index_ = 0;
  Cycle dispatch_wake_ = 0;  // when fetch and dispatch must be stepped next, apart from arriving records
};

}  // namespace systole::timing
