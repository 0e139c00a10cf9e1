// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/platform/axi_memory_port.hpp"
#include "sim/platform/command_text.hpp"
#include "sim/platform/command_trace.hpp"
#include "sim/platform/pins.hpp"
#include "sim/platform/rtl_model.hpp"

namespace systole::platform {

/// A machine in which nothing moves any more.
struct HangState {
  uint64_t now = 0, last_move = 0, doorbell = 0;  ///< cycles since the start of the simulation; doorbell 0: there was none
  const MeasuredProgram *measured = nullptr;
  RtlProbe probe;
  AxiMasterPins master;
  AxiSlavePins slave;
  std::vector<AxiMemoryPort::Burst> reads, writes;                         ///< unfinished, oldest first
  std::function<bool(uint64_t address)> in_ring;                           ///< whose reads are command fetch's; empty: none are
  std::optional<unsigned> queue_depth;                                     ///< of an engine's queue; none: not known
  std::vector<std::pair<std::string, std::optional<uint32_t>>> registers;  ///< none: no answer
  std::optional<uint16_t> unanswered;                                      ///< register access under way: its offset
};

/// What the counter of a token should hold. It is a range where commands are under way that may have given or taken theirs.
struct TokenRange {
  int least = 0, most = 0;
};

/// By token number, from the commands that have begun and ended. LOAD and STORE take their tokens when they begin and give them when
/// they end, but for STORE's ACC_FREE, which it gives between. MATMUL takes ACT_FULL and ACC_FREE when it begins, and WGT_FULL
/// before, for its first weights; it gives WGT_FREE at any time from then to its end, ACT_FREE between its beginning and its end, and
/// ACC_FULL at its end. @param probe  says whether the weights of the next MATMUL are in the array; unknown: that may be
std::array<TokenRange, TOKENS> expected_tokens(const MeasuredProgram &measured, const RtlProbe &probe);

inline constexpr size_t HANG_COLUMNS = 132;  ///< of the longest line of a report

/// Why nothing moves, in one screen: what each engine's oldest incomplete command waits for, the tokens, the queue, the bus.
std::string hang_report(const HangState &state);

}  // namespace systole::platform
