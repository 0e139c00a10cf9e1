// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/fpga/board.hpp"
#include "sim/fpga/tiling.hpp"
#include "sim/link/client.hpp"
#include "sim/npy/output_file.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/tool/check.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"

namespace systole::tool {

/// What a run on a board had to do with.
struct BoardReport {
  fpga::Board board;
  unsigned baud = 0;
  fpga::Tiling tiling;
  link::Statistics link;
  std::size_t chunk = 0;  ///< data bytes of a frame at the end
};

/// All that is known after a run.
struct Report {
  std::string test;                  ///< name of the test; "gemm" for the user's own data
  std::vector<std::string> command;  ///< as typed: "sim", "gemm_int8", …
  EngineOptions options;
  std::optional<std::uint64_t> seed;  ///< of the data, or of the stalls
  std::vector<Case> cases;
  std::vector<std::string> notes;                   ///< lines for the summary
  bool repeatable = true;                           ///< show how to run it again with this seed
  std::string again;                                ///< the command that does so
  std::optional<BoardReport> board;                 ///< engine fpga
  std::vector<std::string> diagnosis;               ///< lines about the first wrong bit
  std::optional<platform::FirstWrong> first_wrong;  ///< none: no value is wrong, or nothing more is known
  std::string first_wrong_waves;                    ///< "": none
  std::string error;                                ///< what ended the simulation early, if anything

  bool pass() const;
};

/// Exit status of a run that is over; says on stderr which of the engine's files is missing, if one is.
int exit_status(const Report &report);

/// The one-screen summary.
void print_summary(std::ostream &out, const Report &report);

/// The report as docs/tool.md has it. Cycles and what follows from them are null for an engine without a clock. A simulation that
/// ended early has no cases: pass is false, mismatches null, and `error` says why.
std::string to_json(const Report &report);

/// Makes every run fail that the timing model should have predicted, but did not: one that has a clock and nothing random.
void require_predictions(Report &report);

/// Writes a file under a temporary name; commit() gives it its own. @throws npy::Error
std::unique_ptr<npy::OutputFile> prepare_file(const std::string &path, const std::string &text);

/// Writes to_json() under a temporary name, if options.json is given; null if not. @throws npy::Error
std::unique_ptr<npy::OutputFile> prepare_json(const Report &report);

/// When every command began and ended, as CSV; columns as in docs/tool.md. Cycles count from the product's first doorbell; what
/// is not known is empty.
std::string to_csv(const Report &report);

/// Writes to_csv() under a temporary name, if options.trace is given; null if not. @throws npy::Error
std::unique_ptr<npy::OutputFile> prepare_trace(const Report &report);

/// Lines of a summary: the memory, and what went over its port.
void print_memory(std::ostream &out, const platform::MemoryTiming &timing);
void print_bus(std::ostream &out, const std::map<std::string, std::uint64_t> &counters);

/// A bar chart of where the cycles went: the counters' causes, as far as they are not 0. A bar is empty where its share is 0.0 %.
void print_causes(std::ostream &out, const std::map<std::string, std::uint64_t> &counters);

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t value);
/// "1 burst", "1,234 bursts".
std::string counted(std::uint64_t value, const std::string &noun);
/// "1,234 requests, none of them repeated".
std::string repeats_text(const link::Statistics &link);
/// With so many digits after the point.
std::string fixed(double value, int digits);

/// Removes reports of earlier runs, lest they pass for this one's.
void remove_old_reports(const Report &report);

/// Simulates. Older reports and traces are removed first, lest they pass for this run's; if the simulation fails, a report that
/// says so is written before the exception goes on.
/// @throws UserError for what the engine cannot be asked for, platform::RunError, platform::OutputError
std::vector<platform::GemmResult> simulate(platform::RunOptions options, const std::vector<platform::GemmJob> &jobs,
                                           Report &report, ProgressMeter &meter);

}  // namespace systole::tool
