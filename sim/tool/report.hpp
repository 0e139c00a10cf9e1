// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "sim/tool/check.hpp"
#include "sim/tool/options.hpp"

namespace systole::tool {

/// All that is known after a run.
struct Report {
  std::string test;  ///< name of the test; "gemm" for the user's own data
  EngineOptions options;
  std::optional<std::uint64_t> seed;  ///< of the data, or of the stalls
  std::vector<Case> cases;
  std::vector<std::string> notes;  ///< lines for the summary
  bool repeatable = true;          ///< show how to run it again with this seed

  bool pass() const;
};

/// The one-screen summary.
void print_summary(std::ostream &out, const Report &report);

/// result.json as docs/architecture.md has it: test, config, shape, dtype, engine, pass, mismatches, cycles, model_cycles,
/// macs, utilisation, counters, seed, wall_s, and cases[] for a test of many shapes. Cycles and what follows from them are null for an
/// engine without a clock.
std::string to_json(const Report &report);

/// Writes to_json() to options.json, if given. @throws npy::Error
void write_json(const Report &report);

}  // namespace systole::tool
