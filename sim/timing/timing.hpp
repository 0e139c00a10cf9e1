// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/platform/timing.hpp"

/// The timing model: when every command begins and ends, from the records and the memory's parameters alone
/// (docs/timing_model.md). It shares no code with the RTL, uses no Verilated code and no SystemC.
namespace systole::timing {

using Cycle = uint64_t;
inline constexpr Cycle kNever = ~Cycle{0};

/// A command record as it lies in the ring: 64 bytes, little-endian words.
using Record = std::array<uint32_t, 16>;

/// In `cycle` RING_TAIL first shows that the program's first `records` records are there.
struct Doorbell {
  Cycle cycle = 0;
  uint32_t records = 0;
};

/// What the machine, idle before, is given to do.
struct Program {
  std::vector<Record> records;         ///< in ring order, legal ones
  std::vector<Doorbell> doorbells;     ///< rising in both members; the last one announces all records
  std::array<uint8_t, 8> tokens = {};  ///< what the counters hold before, by token number
};

/// A command in its engine. LOAD and STORE begin in the cycle in which the engine takes them from its queue, MATMUL in the
/// cycle in which its first activation word enters row 0. `end` is the cycle in which the engine reports it complete.
struct Command {
  Cycle begin = kNever, end = kNever;
};

/// What the model says of a program; cycles count like those of the doorbells.
struct Prediction {
  std::vector<Command> commands;  ///< by record
  /// The first cycle in which RING_HEAD shows all records complete: with an interrupt bit in the last record also the first
  /// cycle with irq = 1. kNever if the machine would wait for ever.
  Cycle complete = kNever;
  /// The counters of the hardware from the first doorbell on, by the specification's names in lower case (total, compute, …).
  std::map<std::string, uint64_t> counters;
};

/// Predicts. The memory has no random stalls (`memory.stall_seed` is not looked at).
/// @throws std::invalid_argument if a record has an unknown opcode or a count of zero, or if one of the memory's latency, bytes a
/// cycle and outstanding bursts is zero
Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program);

/// One line about the command where the two part first in time (the cause rather than what follows from it; of several in the same
/// cycle the first in the ring), or "" if no time differs: its index, mnemonic and both times.
std::string first_difference(const Program &program, const std::vector<Command> &measured, const std::vector<Command> &predicted);

}  // namespace systole::timing
