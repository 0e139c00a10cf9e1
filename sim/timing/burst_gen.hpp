// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "sim/timing/bursts.hpp"
#include "sim/timing/timing.hpp"

namespace systole::timing {

/// The burst generator of the load engine, cycle by cycle (rtl/common/systole_burst_gen.sv): a transfer is set up in two cycles,
/// beside the walk of the one before, taken when that is over, then becomes a burst a cycle.
///
/// Use, in a cycle in which anything may move: look at valid() and beats(), which are registers; then step() with what the consumer
/// answers in this cycle. Cycles in which neither the consumer takes nor next() is reached may be left out.
class BurstGen {
 public:
  explicit BurstGen(unsigned bus_bytes) : bursts_(bus_bytes) {}

  /// A burst is offered; its beats.
  bool valid() const { return beats_ != 0; }
  uint32_t beats() const { return beats_; }
  /// A transfer is being set up or waits for its walk.
  bool setting_up() const { return set_up_ != kNever; }

  /// Performs cycle `now`. `transfer` is not null while one is offered, and must stay until it is taken; `ready` is the
  /// consumer's answer.
  /// @returns the transfer is taken in this cycle (it has to change, or go, in the next one)
  bool step(Cycle now, const Transfer *transfer, bool ready) {
    const bool walking = bursts_.left(), walk = walking && (beats_ == 0 || ready);
    if (walk) {
      beats_ = bursts_.next();
    } else if (ready) {
      beats_ = 0;
    }
    if (transfer == nullptr) return false;
    if (set_up_ == kNever) {
      set_up_ = now + 2;
      return false;
    }
    if (now < set_up_ || walking) return false;
    bursts_.start(*transfer);
    set_up_ = kNever;
    return true;
  }

  /// The first cycle > now in which it moves by itself, that is, without the consumer's ready (while valid()) or a new transfer.
  Cycle next(Cycle now) const {
    if (bursts_.left()) return beats_ == 0 ? now + 1 : kNever;
    return set_up_ == kNever ? kNever : set_up_ > now ? set_up_ : now + 1;
  }

 private:
  Bursts bursts_;
  uint32_t beats_ = 0;     // of the burst in the output register
  Cycle set_up_ = kNever;  // cycle from which on the waiting transfer may be taken
};

}  // namespace systole::timing
