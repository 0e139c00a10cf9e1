// SPDX-License-Identifier: Apache-2.0
/// The tests behind `make sim TEST=…`.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// What a named test runs, one after another on one machine.
struct TestPlan {
  std::vector<std::string> names;  ///< of the jobs
  std::vector<platform::GemmJob> jobs;
  std::optional<std::uint64_t> stall_seed;
  std::optional<std::uint64_t> layout_seed;
  unsigned ring_entries_log2 = 16;  ///< a measured job lies entirely in the ring
  bool queued = false;              ///< all jobs are started before the first is complete
};

/// A line for each test.
void list_named_tests(std::ostream &out);

/// The test of that name, its data from `seed`. @throws UserError if there is none
TestPlan named_test(const std::string &name, const platform::ConfigInfo &config, std::uint64_t seed);

}  // namespace systole::tool
