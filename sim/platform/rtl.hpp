// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/platform/accelerator.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/platform/wave_reader.hpp"

namespace systole::platform {

/// Options of the Verilated engine.
struct RtlOptions {
  std::string waves;  ///< FST file to write ("": none); FILE.gtkw and FILE.names/ are written next to it
  uint64_t waves_from = 0, waves_to = ~uint64_t{0};  ///< cycles since the start between which they are written, both included
  /// If not empty: only the signals directly in these scopes ("systole", "systole.u_compute.u_accumulators"), and no .gtkw.
  std::vector<std::string> waves_scopes;
  uint64_t x_seed = 0;  ///< not 0: use the build whose unreset state starts random, with this seed
  uint64_t hang_limit =
      100'000;  ///< cycles without a handshake or a command that begins or ends (beyond four latencies of the memory) that end the run (HangError); 0: never
  bool activity = false;   ///< record MeasuredProgram::activity, which costs time
  std::string trace_file;  ///< text file for every handshake and the commands' times ("": environment variable SYSTOLE_TRACE)
};

/// Name of the GTKWave view next to an FST file: .gtkw instead of .fst, or after another name.
std::string gtkw_name(const std::string &fst_file);
/// Name of the folder next to them that holds the texts which the view shows for values: .names instead of .gtkw.
std::string gtkw_names(const std::string &fst_file);

/// The RTL of a shipped configuration. @throws std::invalid_argument if this binary holds no such build.
std::unique_ptr<Accelerator> make_rtl_accelerator(const std::string &config, const MemoryTiming &timing,
                                                  const RtlOptions &options = {});

/// The names of the configurations of which this program holds an RTL build, in the order of configs(), then those of
/// add_config().
std::vector<std::string> rtl_configs(bool waves = false, bool x_unique = false);

/// Opens a wave file that a build of this program has written. @throws OutputError, std::invalid_argument if no build here writes waves
std::unique_ptr<WaveReader> read_waves(const std::string &file);

/// Writes the view of a wave file that a build of this program has written, with what is known by then: write_gtkw().
void write_view(const WavePlan &plan, const WaveNotes &notes);

/// Faults, name and what is wrong, that the builds of this program hold besides the right RTL (sim/planted); empty: none, as in `systole`.
std::vector<std::pair<std::string, std::string>> planted_faults();

/// make_rtl_accelerator as a factory for run_gemm.
AcceleratorFactory rtl_factory(const RtlOptions &options = {});

}  // namespace systole::platform
