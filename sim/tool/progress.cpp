// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace systole::tool {

ProgressMeter::ProgressMeter() : terminal_(::isatty(STDERR_FILENO) != 0), start_(Clock::now()), last_(start_) {}

ProgressMeter::~ProgressMeter() {
  if (terminal_ && shown_) std::fprintf(stderr, "\r\033[K");
}

void ProgressMeter::operator()(const platform::Progress &progress) {
  const Clock::time_point now = Clock::now();
  const std::chrono::duration<double> elapsed = now - start_;
  const std::chrono::duration<double> since = now - last_;
  if (elapsed.count() < 2 || since.count() < (terminal_ ? 0.25 : 5)) return;
  last_ = now;
  shown_ = true;
  std::fprintf(stderr, "%ssystole: %.0f s", terminal_ ? "\r" : "", elapsed.count());
  if (progress.jobs > 1) std::fprintf(stderr, ", product %zu of %zu", progress.job + 1, progress.jobs);
  std::fprintf(stderr, ", %.0f %% of C written, %.1f Mcycle%s", 100 * progress.fraction,
               1e-6 * static_cast<double>(progress.cycles), terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
}

}  // namespace systole::tool
