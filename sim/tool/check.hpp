// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// An element of C that is wrong.
struct Mismatch {
  std::size_t row = 0, column = 0;
  std::int32_t expected = 0, actual = 0;
};

/// A product, what the engine made of it, and what the golden model says.
struct Case {
  std::string name;
  std::uint32_t m = 0, n = 0, k = 0;
  bool a_signed = true, b_signed = true;
  platform::GemmResult result;
  std::uint64_t mismatches = 0;
  std::vector<Mismatch> first;  ///< the first few of them, in C's order
  std::string counters_report;  ///< "" if the counters' causes add up to the cycles, or if the engine has no clock

  /// Every bit agreed, and nothing else went wrong.
  bool pass() const { return mismatches == 0 && result.ok() && counters_report.empty(); }
  /// "int8" if A and B have the same type, otherwise "int8,uint8".
  std::string dtype() const;
  /// "MxNxK".
  std::string shape() const;
};

/// The counters that say where every cycle went; with `compute` they add up to the cycles from doorbell to interrupt.
extern const std::vector<std::string> kCauses;

/// What the golden model says. C of a job is M x N.
std::vector<std::int32_t> golden_result(const platform::GemmJob &job);

/// Compares bit by bit.
Case check(const std::string &name, const platform::GemmJob &job, platform::GemmResult result);

}  // namespace systole::tool
