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

struct MeasuredProgram;

/// Where data first went wrong, for reports and views.
struct FirstWrong {
  std::string port = "memory";         ///< load, accumulator, read, result, memory; token, error: the machine stopped
  std::optional<std::size_t> command;  ///< of the job
  uint64_t cycle = 0;                  ///< as the waves count
  std::string place;
  std::string expected, actual;          ///< value and bits; "": it never came, or there is no value
  std::string bits;                      ///< which of them differ: "bit 5"
  std::optional<unsigned> row, column;   ///< of the array
  bool stale = false;                    ///< a command began before its operands were there
  std::string token;                     ///< which token came too early for them, and when; "": not known
  unsigned lane = 0;                     ///< load, memory: byte of the chunk, of the beat; read, result: lane of the epilogue
  std::string sum_expected, sum_actual;  ///< the sum that leaves element [row][column], if `row` is known
  uint64_t cause_cycle = 0;              ///< in which it does, or in which `token` came; 0: not known
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
  std::optional<FirstWrong> first_wrong;
  std::optional<uint64_t> hang;  ///< the last cycle in which something moved

  /// Adds what a machine did since a doorbell (0: there was none, and nothing is added).
  void add(const MeasuredProgram &measured, uint64_t doorbell, uint64_t irq);
};

/// The wave writer does not say when the disk is full: walks the file's blocks. @throws OutputError unless it is there and whole
void check_fst(const std::string &fst_file);

/// Writes gtkw_name() and gtkw_names(): a GTKWave save file, made from the signals that the FST file really holds, in groups in the
/// order of the data's way (what is first wrong before all), and the files by which GTKWave turns values into text. Lanes and sums are decoded by the program
/// `systole-wave-filter` next to this one (without it they stay hexadecimal).
/// @throws OutputError if the one cannot be read or the others not be written
void write_gtkw(const WavePlan &plan, const WaveNotes &notes);

/// A command in a line: "#12 MATMUL int8 n=4 k=1x2 m=64 keep act 0 wgt 128 acc 64".
std::string describe_command(uint32_t index, const timing::Record &record);

}  // namespace systole::platform
