// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// Tells on stderr how far a long run is: on a terminal a line with a bar that rewrites itself, elsewhere a line every few seconds. Runs of
/// less than two seconds say nothing. A thread of its own prints, so that phases without callbacks are seen too.
class ProgressMeter final {
 public:
  /// Begins in the phase "preparing".
  ProgressMeter();
  /// Wipes the terminal's line.
  ~ProgressMeter();
  ProgressMeter(const ProgressMeter &) = delete;
  ProgressMeter &operator=(const ProgressMeter &) = delete;

  /// What is being done from now on.
  void phase(const std::string &name);
  /// For RunOptions::progress; shown until the next phase.
  void operator()(const platform::Progress &progress);
  /// Something else to show until the next phase, "3 of 8 tiles", behind a bar of which `fraction` (0 to 1) is full.
  void detail(const std::string &text, double fraction);

 private:
  using Clock = std::chrono::steady_clock;
  void print_now_and_then();
  void print(Clock::time_point now);

  const bool terminal_;
  const Clock::time_point start_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable ended_;
  bool end_ = false, shown_ = false;
  std::string phase_ = "preparing", detail_;
  double fraction_ = 0;  // of what detail_ describes
  std::optional<platform::Progress> progress_;
  std::thread thread_;
};

}  // namespace systole::tool
