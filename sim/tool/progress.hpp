// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// Tells on stderr how far a long run is: on a terminal a line that rewrites itself, elsewhere a line every few seconds. Runs of less
/// than two seconds say nothing.
class ProgressMeter final {
 public:
  ProgressMeter();
  /// Wipes the terminal's line.
  ~ProgressMeter();
  ProgressMeter(const ProgressMeter &) = delete;
  ProgressMeter &operator=(const ProgressMeter &) = delete;

  /// For RunOptions::progress.
  void operator()(const platform::Progress &progress);

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_, last_;
};

}  // namespace systole::tool
