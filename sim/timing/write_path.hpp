// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/platform/timing.hpp"
#include "sim/timing/bursts.hpp"
#include "sim/timing/machine.hpp"

namespace systole::timing {

/// The AXI write side: bursts, the memory's write port (docs/memory_model.md), responses. Nobody else writes, and nothing here
/// waits for anything but beats that are not ready; so each beat's and each burst's times follow from those before it, and may be
/// found long before their cycle comes.
class WritePath {
 public:
  WritePath(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services);

  /// The burst generator takes a command's transfer in cycle `when`, which is not before loaded().
  void command(Cycle when, const Transfer &transfer, const Decoded &store);
  /// The cycle in which the last burst of the last command is loaded into the AW register, kNever as long as that is not known.
  Cycle loaded() const { return generator_.left() ? kNever : loaded_; }
  /// The next beat may leave from cycle `ready` on. @returns the cycle in which it does
  Cycle send(Cycle ready);

 private:
  struct Burst {
    Cycle accepted = 0;  // handshake of its AW
    uint32_t beats = 0;
    bool last = false;  // of its command
    const Decoded *store = nullptr;
  };
  void raise();
  Cycle answered(uint64_t burst) const { return answers_[burst & answer_mask_]; }

  const unsigned max_writes_, limit_, latency_, beat_cycles_;
  Services &services_;

  // Burst generator: the command under way.
  Bursts generator_;
  const Decoded *store_ = nullptr;
  Cycle ready_ = 0;  // first cycle in which it may load a burst

  // AW register.
  bool in_register_ = false;  // holds burst number raised_
  Cycle loaded_ = 0;          // when it, or the last one, was loaded
  Burst register_;
  uint64_t raised_ = 0;  // bursts accepted
  Cycle accepted_ = 0;   // when the last one was

  // Bursts accepted and not complete; when the last max_writes_ or more were answered.
  Ring<Burst> bursts_;
  uint64_t answered_ = 0;
  std::vector<Cycle> answers_;
  uint64_t answer_mask_ = 0;

  Cycle next_beat_ = 0;  // first cycle in which the memory takes one
};

}  // namespace systole::timing
