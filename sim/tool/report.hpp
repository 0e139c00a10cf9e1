// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/npy/output_file.hpp"
#include "sim/tool/check.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"

namespace systole::tool {

/// All that is known after a run.
struct Report {
  std::string test;  ///< name of the test; "gemm" for the user's own data
  EngineOptions options;
  std::optional<std::uint64_t> seed;  ///< of the data, or of the stalls
  std::vector<Case> cases;
  std::vector<std::string> notes;  ///< lines for the summary
  bool repeatable = true;          ///< show how to run it again with this seed
  std::string error;               ///< what ended the simulation early, if anything

  bool pass() const;
};

/// The one-screen summary.
void print_summary(std::ostream &out, const Report &report);

/// The report as docs/tool.md has it. Cycles and what follows from them are null for an engine without a clock. A simulation that
/// ended early has no cases: pass is false, mismatches null, and `error` says why.
std::string to_json(const Report &report);

/// Writes to_json() under a temporary name, if options.json is given; null if not. @throws npy::Error
std::unique_ptr<npy::OutputFile> prepare_json(const Report &report);

/// Simulates. An older JSON report is removed first, lest it pass for this run's; if the simulation fails, a report that says so is
/// written before the exception goes on.
/// @throws UserError for what the engine cannot be asked for, platform::RunError, platform::OutputError
std::vector<platform::GemmResult> simulate(platform::RunOptions options, const std::vector<platform::GemmJob> &jobs,
                                           Report &report, ProgressMeter &meter);

}  // namespace systole::tool
