// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/golden/float.hpp"
#include "sim/golden/types.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// An element of C that is wrong. Values are bits of C's type, in the low bits.
struct Mismatch {
  std::size_t row = 0, column = 0;
  std::uint32_t expected = 0;
  std::optional<std::uint32_t> actual;  ///< none: C ends before
};

/// A product, what the engine made of it, and what the golden model says.
struct Case {
  std::string name;
  std::uint32_t m = 0, n = 0, k = 0;
  golden::DType a_type = golden::DType::s8, b_type = golden::DType::s8, out = golden::DType::s32;
  unsigned peak = 1;  ///< multiply-accumulates a cycle that the array does at most with these types
  platform::GemmResult result;
  std::uint64_t mismatches = 0;  ///< 0 where the driver failed: nothing was compared
  /// How the wrong values lie: "all of them", "one row", "one column", "columns 2 modulo 16: column 2 of the array", … "": in no pattern.
  std::string pattern;
  std::vector<Mismatch> first;  ///< the first few of them, in C's order
  /// What is wrong with the counters: their causes do not add up to the cycles, or their multiply-accumulates are not M*N*K. "" if
  /// nothing is, or if the engine has no clock.
  std::string counters_report;

  /// Every bit agreed, every cycle was the predicted one, and nothing else went wrong.
  bool pass() const { return mismatches == 0 && result.ok() && counters_report.empty() && result.timing_report.empty(); }
  /// The operands' type: "int8" or "fp16" if A and B have the same one, otherwise "int8,uint8".
  std::string dtype() const;
  /// C's type: "int32", "fp16", …
  std::string out_dtype() const;
  /// "MxNxK".
  std::string shape() const;
};

/// The counters that say where every cycle went; with `compute` they add up to the cycles from doorbell to interrupt. The hardware
/// counts all but the last, kIdle.
extern const std::vector<std::string> kCauses;
inline constexpr const char *kIdle = "idle";

/// Cycles from doorbell to interrupt in which the machine had nothing to do: the ring was empty before the host put in the rest.
std::uint64_t idle_cycles(const platform::GemmResult &result);

using golden::value_text;

/// Rows, columns and bits of the values that are wrong, as they are found.
class Pattern {
 public:
  Pattern(std::uint32_t m, std::uint32_t n, unsigned cols, unsigned lanes)
      : cols_(cols), rows_(m), columns_(n), array_columns_(cols), lanes_(lanes) {}
  void add(std::size_t row, std::size_t column, std::uint32_t difference);
  /// As Case::pattern.
  std::string text() const;

 private:
  unsigned cols_;
  std::vector<bool> rows_, columns_, array_columns_, lanes_;  // the last: of the epilogue
  std::uint64_t count_ = 0;
  std::uint32_t bits_ = 0, common_ = ~std::uint32_t{0};
  std::size_t row_ = 0, column_ = 0;  // the first one's
  bool one_tile_ = true;
};

/// A case without a result.
Case unchecked(const std::string &name, const platform::GemmJob &job, const platform::ConfigInfo &config);

/// Compares with the golden model, bit by bit, if the driver succeeded.
/// @param queued_macs  those of the jobs before in the same queue: the last one's counters hold them, too
Case check(const std::string &name, const platform::GemmJob &job, const platform::ConfigInfo &config, platform::GemmResult result,
           std::uint64_t queued_macs = 0);

}  // namespace systole::tool
