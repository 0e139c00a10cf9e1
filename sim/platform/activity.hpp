// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/platform/pins.hpp"

namespace systole::platform {

/// What a machine did in each window of cycles; cycles count from the job's first doorbell.
struct Activity {
  struct Window {
    std::array<uint32_t, SYSTOLE_COUNTER_COUNT> events{};  ///< cycles that each hardware counter counted, by its number
    uint32_t ar = 0, ar_fetch = 0;                         ///< read addresses accepted; those of them in the command ring
    uint32_t r = 0, aw = 0, w = 0, b = 0;                  ///< handshakes
    uint64_t reads = 0, writes = 0;                        ///< unfinished bursts, summed over the window's cycles
    Window &operator+=(const Window &other);
  };
  uint64_t window = 1;               ///< cycles of a window; a power of two
  uint64_t cycles = 0;               ///< to the last interrupt, or to the last cycle in which anything happened
  std::vector<Window> windows;       ///< no more than MAX_WINDOWS
  std::vector<uint64_t> interrupts;  ///< cycles in which irq rose
  static constexpr size_t MAX_WINDOWS = 2000;
  /// Makes windows twice as long.
  void halve();
  /// The same until there are no more than `most`.
  void coarsen(size_t most);
};

/// Puts an Activity together. Its windows double whenever they become too many.
class ActivityRecorder {
 public:
  /// Forgets everything.
  void begin_job() { activity_ = {}; }
  /// What happened in a cycle. @param events  of the cycle before (RtlModel::events()), which is nothing in cycle 0
  void cycle(uint64_t cycle, uint16_t events, const AxiMasterPins &master, const AxiSlavePins &slave, bool fetch, size_t reads,
             size_t writes);
  void interrupt(uint64_t cycle);
  const Activity &activity() const { return activity_; }

 private:
  Activity::Window &at(uint64_t cycle);
  Activity activity_;
};

}  // namespace systole::platform
