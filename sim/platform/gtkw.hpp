// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/timing/timing.hpp"

namespace systole::platform {

/// Units of an FST file's time in a cycle. A unit is 100 ps, so that a cycle reads as 1 ns: at N ns the inputs change and all shows
/// what it is in cycle N; half a nanosecond later is the rising edge that ends it.
constexpr uint64_t WAVE_UNITS = 10;

/// Which waves to write; cycles count from the start of the simulation.
struct WavePlan {
  std::string file;                      ///< FST
  uint64_t from = 0, to = ~uint64_t{0};  ///< cycles between which they are written, both included
  std::vector<std::string> scopes;       ///< only the signals directly in these ("systole.u_load"), and no view; empty: all
};

/// What the view of waves tells besides their signals; cycles count from the start of the simulation.
struct WaveNotes {
  struct Command {
    uint32_t index = 0;  ///< as the RTL counts
    timing::Record record{};
  };
  struct Job {
    uint64_t doorbell = 0, irq = 0;  ///< cycles; 0: there was none
    uint64_t first_row = 0;          ///< the cycle in which its first MATMUL began, 0: none did
    size_t first_command = 0;        ///< in `commands`
  };
  std::vector<Command> commands;  ///< of all jobs, in order
  std::vector<Job> jobs;
  std::optional<uint64_t> mark;  ///< the first mismatch
  bool hang = false;             ///< no: `mark` is the last cycle in which something moved
};

/// The wave writer does not say when the disk is full: walks the file's blocks. @throws OutputError unless it is there and whole
void check_fst(const std::string &fst_file);

/// Writes gtkw_name() and gtkw_names(): a GTKWave save file, made from the signals that the FST file really holds, in groups in the
/// order of the data's way, and the files by which GTKWave turns values into text. Lanes and sums are decoded by the program
/// `systole-wave-filter` next to this one (without it they stay hexadecimal).
/// @throws OutputError if the one cannot be read or the others not be written
void write_gtkw(const WavePlan &plan, const WaveNotes &notes);

/// Marks a cycle as that of the first mismatch in a view that write_gtkw() has written, and goes there. Does nothing if there is none.
void mark_view(const std::string &gtkw_file, uint64_t cycle);

/// A command in a line: "#12 MATMUL int8 n=4 k=1x2 m=64 keep act 0 wgt 128 acc 64".
std::string describe_command(uint32_t index, const timing::Record &record);

}  // namespace systole::platform
