// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace systole::platform {

/// The deterministic memory that figures are quoted with (docs/memory_model.md), and random stalls.
struct MemoryTiming {
  unsigned latency = 40;               ///< cycles from AR to the first R and from WLAST to B, >= 1
  unsigned bytes_per_cycle = 16;       ///< a direction, >= 1; more than the bus width means the bus width
  unsigned outstanding = 16;           ///< accepted and unfinished bursts a direction, >= 1
  std::optional<uint64_t> stall_seed;  ///< random stalls on all five channels
};

}  // namespace systole::platform
