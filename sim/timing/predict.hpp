// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "sim/timing/timing.hpp"

namespace systole::timing {

/// How the machine goes through time. The result does not depend on it: EveryCycle steps every block in every cycle, as a check of
/// the blocks' own statements of when they are to be stepped next.
enum class Stepping { Skip, EveryCycle };

/// As predict() of timing.hpp.
Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program,
                   Stepping stepping);

class Machine;

/// predict() for a host that is not known beforehand: records are announced one after another, and time goes on in between. What
/// is found out for the cycles run so far does not depend on what is announced for later ones, so in the end all is as predict()
/// says of the whole program.
class Predictor {
 public:
  /// An idle machine. @param tokens as Program::tokens  @throws std::invalid_argument as predict() about the memory
  Predictor(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const std::array<uint8_t, 8> &tokens = {},
            Stepping stepping = Stepping::Skip);
  ~Predictor();
  Predictor(const Predictor &) = delete;
  Predictor &operator=(const Predictor &) = delete;

  /// In `cycle` RING_TAIL first shows that these records are there, too.
  /// @throws std::invalid_argument as predict() about the records, or if `cycle` is one of those already run or lies before the
  /// doorbell before; nothing is announced then
  void announce(Cycle cycle, const std::vector<Record> &records);
  /// Runs the cycles before `until`, or fewer: until it is known when the record of that index is complete (in that case none
  /// from the cycle on in which RING_HEAD shows it), or until all are, or until nothing moves any more.
  void run(Cycle until, size_t record = std::numeric_limits<size_t>::max());

  /// The first cycle in which RING_HEAD is past a record; kNever: not known yet.
  Cycle head_passes(size_t record) const;
  /// Whether without a further doorbell nothing will ever move.
  bool still() const;
  /// What was announced.
  const Program &program() const;
  /// What is known now. `complete` is kNever as long as a record is not complete, and the counters are right only if all are or
  /// if nothing moves any more.
  Prediction prediction();

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace systole::timing
