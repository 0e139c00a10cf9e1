// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/platform/activity.hpp"
#include "sim/platform/pins.hpp"
#include "sim/platform/timing.hpp"
#include "sim/timing/timing.hpp"

namespace systole::platform {

/// What a machine was given to do since its last Accelerator::begin_job(), and when it did it: what the timing model predicts.
/// Cycles count from the first doorbell.
struct MeasuredProgram {
  timing::Program program;
  std::vector<timing::Command> commands;  ///< by record; kNever: it did not begin or end
  MemoryTiming memory;
  /// Whether a prediction can be asked for: the machine was idle at first and its tokens known, and nothing disturbed it (no
  /// random stalls, no bus errors, no soft reset, CTRL.enable not 0).
  bool predictable = false;
  /// What timing::predict() says of the program, if the engine keeps the timing model's time: `commands` are those of it.
  std::optional<timing::Prediction> prediction;
  /// What the memory port has counted since the first doorbell: handshakes of AR, R, AW and W.
  uint64_t read_bursts = 0, read_beats = 0, write_bursts = 0, write_beats = 0;
  uint32_t first = 0;              ///< RING_TAIL before: the first record's index as RING_HEAD counts
  unsigned ring_entries_log2 = 0;  ///< of the ring
  Activity activity;               ///< if the engine was asked for it (RtlOptions::activity)
};

/// Puts MeasuredProgram together from what the platform sees: writes of the ring's registers and the pulses of the RTL's wire
/// `trace`. Each engine executes its records in order, so the i-th pulse of an engine is that of its i-th record.
class CommandTrace {
 public:
  /// Reads memory without disturbing anything. @returns false if there is none
  using Peek = std::function<bool(uint64_t address, size_t length, uint8_t *data)>;
  explicit CommandTrace(Peek peek) : peek_(std::move(peek)) {}

  /// The machine should be idle: all records announced until now are complete.
  void begin_job();
  /// A register shows its new value in `cycle`.
  void register_written(uint16_t offset, uint32_t value, uint64_t cycle);
  /// Bit 0: load begins, 1: compute begins, 2: store begins, 3 to 5: they end. Not to be called with 0.
  void pulses(uint8_t trace, uint64_t cycle);
  /// The first doorbell comes now; `predictable`: memory is idle and nothing in it random.
  void start(const MemoryTiming &memory, bool predictable);

  MeasuredProgram &measured() { return measured_; }
  const MeasuredProgram &measured() const { return measured_; }
  /// Whether an address lies in the ring.
  bool in_ring(uint64_t address) const { return address >= ring_ && (address - ring_) >> entries_log2_ < RECORD_BYTES; }

 private:
  static constexpr uint64_t RECORD_BYTES = sizeof(timing::Record);
  struct Engine {
    std::deque<uint32_t> to_begin, to_end;  // records of this job
  };
  void announce(uint32_t tail, uint64_t cycle);
  void disturb() { measured_.predictable = false; }
  bool all_complete() const;

  Peek peek_;
  std::array<Engine, 3> engines_;
  uint64_t ring_ = 0;
  unsigned entries_log2_ = 0;
  uint32_t tail_ = 0;
  bool tokens_known_ = true, enabled_ = false;
  uint64_t doorbell_cycle_ = 0;
  MeasuredProgram measured_;
};

/// A text file about what a machine does: a line for every handshake on its AXI4 port, then one for every command. Cycles count
/// from the job's first doorbell.
class TraceFile {
 public:
  /// @throws std::invalid_argument if the file cannot be written
  explicit TraceFile(const std::string &file);
  void handshakes(const AxiMasterPins &master, const AxiSlavePins &slave, uint64_t cycle);
  void job_over(const MeasuredProgram &measured);

 private:
  std::ofstream out_;
  unsigned jobs_ = 0;
};

}  // namespace systole::platform
