// SPDX-License-Identifier: Apache-2.0
/// What a run with wrong results says of their cause: docs/debugging.md.
#pragma once

#include <string>
#include <vector>

#include "sim/platform/errors.hpp"
#include "sim/platform/gemm.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"

namespace systole::tool {

/// Of the first product whose values are wrong, or with which the machine stopped with an error: finds the first wrong bit, or a token that came
/// too early, and leaves waves around it. The run is repeated, at most twice, in processes of their own. Does nothing if there is no such
/// product or the engine is not the RTL.
/// @param arguments  the command as typed: "sim", "gemm_int8", …
/// @param run        what was run, `jobs` what of
/// Fills report.diagnosis; what hinders it is said there, too.
void diagnose(const std::vector<std::string> &arguments, const platform::RunOptions &run,
              const std::vector<platform::GemmJob> &jobs, Report &report, ProgressMeter &meter);

/// Leaves waves around the last move of a run that hangs: repeats it once, in a process of its own, unless it has written them itself.
/// @returns what the hang report says of them, a line break before it; "": nothing
std::string show_hang(const platform::HangError &error, const platform::RunOptions &run,
                      const std::vector<platform::GemmJob> &jobs, Report &report, ProgressMeter &meter);

/// A run that failed, as its user can type it again: with the seed that was drawn and the planted fault, without files to write.
std::string again_text(const std::vector<std::string> &arguments, const Report &report);

/// Notes in the report which planted fault is awake, if any.
void note_plant(Report &report);

/// The command that repeats a run with waves and nothing else: without options that write files, with the seed that was drawn.
std::vector<std::string> rerun_arguments(const std::vector<std::string> &arguments, const Report &report);

}  // namespace systole::tool
