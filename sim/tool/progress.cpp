// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <system_error>

#include "sim/tool/options.hpp"

namespace systole::tool {

namespace {

/// "[#####---------------]".
std::string bar(double fraction) {
  constexpr int kWidth = 20;
  const int full = std::clamp(static_cast<int>(fraction * kWidth), 0, kWidth);
  return "[" + std::string(full, '#') + std::string(kWidth - full, '-') + "]";
}

}  // namespace

ProgressMeter::ProgressMeter() : terminal_(::isatty(STDERR_FILENO) != 0), start_(Clock::now()) {
  try {
    thread_ = std::thread([this] { print_now_and_then(); });
  } catch (const std::system_error &) {  // no thread, no progress
  }
}

ProgressMeter::~ProgressMeter() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_ = true;
  }
  ended_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (terminal_ && shown_) std::fprintf(stderr, "\r\033[K");
}

void ProgressMeter::phase(const std::string &name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  phase_ = name;
  detail_.clear();
  progress_.reset();
}

void ProgressMeter::detail(const std::string &text, double fraction) {
  const std::lock_guard<std::mutex> lock(mutex_);
  detail_ = text;
  fraction_ = fraction;
}

void ProgressMeter::operator()(const platform::Progress &progress) {
  const std::lock_guard<std::mutex> lock(mutex_);
  progress_ = progress;
}

void ProgressMeter::print_now_and_then() {
  std::unique_lock<std::mutex> lock(mutex_);
  Clock::time_point next = start_ + std::chrono::seconds(2);
  while (!ended_.wait_until(lock, next, [this] { return end_; })) {
    const Clock::time_point now = Clock::now();
    print(now);
    next = now + (terminal_ ? std::chrono::milliseconds(250) : std::chrono::seconds(5));
  }
}

void ProgressMeter::print(Clock::time_point now) {
  shown_ = true;
  const std::chrono::duration<double> elapsed = now - start_;
  std::fprintf(stderr, "%s%s: %.0f s, %s", terminal_ ? "\r" : "", program_name().c_str(), elapsed.count(), phase_.c_str());
  if (progress_) {
    if (progress_->jobs > 1) std::fprintf(stderr, " product %zu of %zu", progress_->job + 1, progress_->jobs);
    std::fprintf(stderr, " %s %.0f %% of the commands fetched, %.1f Mcycle", bar(progress_->fraction).c_str(),
                 100 * progress_->fraction, 1e-6 * static_cast<double>(progress_->cycles));
  }
  if (!detail_.empty()) std::fprintf(stderr, " %s %.0f %%, %s", bar(fraction_).c_str(), 100 * fraction_, detail_.c_str());
  std::fprintf(stderr, "%s", terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
}

}  // namespace systole::tool
