// SPDX-License-Identifier: Apache-2.0
#include "sim/board/simulator.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace systole::board {

namespace {

constexpr uint64_t kPowerOnCycles = 1024;       // simulated before the first byte: PLL, the top's own reset
constexpr uint64_t kSlice = 512;                // cycles between two looks at the pseudo-terminal
constexpr uint64_t kSleepAfter = 100'000;       // cycles of silence
constexpr uint8_t kBusyLeds = 1 << 3 | 1 << 6;  // accelerator (lit for a while after each access to memory), link
constexpr uint64_t kResetCycles = 64;           // that the button is pressed
constexpr std::size_t kMostQueued = 256;        // bytes taken from the pseudo-terminal ahead of the line
constexpr std::size_t kMostOutgoing = 65536;    // bytes kept for a PC that does not read
constexpr int kNapMs = 200;

}  // namespace

Simulator::Simulator(const BoardBuild &build, Mishaps mishaps, Pty &pty)
    : build_(build),
      mishaps_(std::move(mishaps)),
      pty_(pty),
      board_(build.make()),
      sender_(build.clock_hz, build.baud),
      receiver_(build.clock_hz, build.baud),
      to_board_(mishaps_.noise, 2 * mishaps_.noise_seed),
      to_host_(mishaps_.noise, 2 * mishaps_.noise_seed + 1) {
  // The next one stands at the end.
  std::sort(mishaps_.reset_after.rbegin(), mishaps_.reset_after.rend());
  std::sort(mishaps_.reload_after.rbegin(), mishaps_.reload_after.rend());
  for (uint64_t i = 0; i < kPowerOnCycles; ++i) cycle();
  active_ = cycles_;
}

void Simulator::cycle() {
  Board::Inputs inputs;
  inputs.reset = reset_left_ != 0;
  if (reset_left_ != 0) --reset_left_;
  const bool sending = !sender_.idle();
  inputs.rx = sender_.next();
  if (sender_.sent() != sent_) mishaps();
  outputs_ = board_->cycle(inputs);
  ++cycles_;
  if (sending || !outputs_.tx || (outputs_.leds & kBusyLeds) != 0) active_ = cycles_;
  if (const auto symbol = receiver_.take(outputs_.tx)) {
    if (!symbol->stop) ++framing_errors_;
    to_host_.pass(*symbol, [this](Symbol heard) {
      if (to_host_.counts().bytes > mishaps_.cut) {
        ++silenced_;
      } else if (outgoing_.size() < kMostOutgoing) {
        outgoing_.push_back(heard.stop ? heard.byte : 0);  // as a PC's driver hands on a byte without stop bit
      } else {
        ++lost_;
      }
    });
  }
}

void Simulator::mishaps() {
  sent_ = sender_.sent();
  if (!mishaps_.reset_after.empty() && sent_ > mishaps_.reset_after.back()) {
    mishaps_.reset_after.pop_back();
    reset_left_ = kResetCycles;
    ++resets_;
  }
  if (!mishaps_.reload_after.empty() && sent_ > mishaps_.reload_after.back()) {
    mishaps_.reload_after.pop_back();
    board_ = build_.make();
    ++reloads_;
  }
}

void Simulator::receive() {
  if (sender_.queued() > kMostQueued / 2) return;
  std::array<uint8_t, kMostQueued> data{};
  const std::size_t count = pty_.read(data.data(), data.size());
  if (count == 0) return;
  right_speed_ = pty_.speed().value_or(build_.baud) == build_.baud;
  for (std::size_t i = 0; i < count; ++i) {
    to_board_.pass(Symbol{data[i], true}, [this](Symbol sent) {
      if (right_speed_) {
        sender_.push(sent);
      } else {
        wrong_speed_.pass(sent, [this](Symbol garbled) { sender_.push(garbled); });
      }
    });
  }
}

void Simulator::deliver() {
  if (outgoing_.empty()) return;
  const std::size_t count = pty_.write(outgoing_.data(), outgoing_.size());
  outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(count));
}

bool Simulator::asleep() const {
  return cycles_ - active_ > kSleepAfter && reset_left_ == 0 && sender_.idle() && receiver_.idle();
}

void Simulator::run(const std::atomic<bool> &stop, uint64_t cycles) {
  using Clock = std::chrono::steady_clock;
  uint64_t end = UINT64_MAX;
  while (!stop && cycles_ < end && getppid() == parent_) {
    receive();
    if (end == UINT64_MAX && to_board_.counts().bytes != 0 && cycles < UINT64_MAX - cycles_) end = cycles_ + cycles;
    if (end == UINT64_MAX && asleep()) {
      deliver();
      pty_.wait(kNapMs);
      continue;
    }
    const auto begin = Clock::now();
    for (uint64_t i = std::min(kSlice, end - cycles_); i != 0; --i) cycle();
    busy_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
    deliver();
  }
}

std::string Simulator::to_json() const {
  const auto line = [](const Noise::Counts &counts) {
    return nlohmann::ordered_json{{"bytes", counts.bytes},     {"hits", counts.hits()},       {"flipped", counts.flipped},
                                  {"dropped", counts.dropped}, {"inserted", counts.inserted}, {"broken", counts.broken}};
  };
  const nlohmann::ordered_json report = {{"board", build_.name},
                                         {"cycles", cycles_},
                                         {"busy_s", busy_seconds_},
                                         {"to_board", line(to_board_.counts())},
                                         {"to_host", line(to_host_.counts())},
                                         {"framing_errors", framing_errors_},
                                         {"silenced", silenced_},
                                         {"lost", lost_},
                                         {"wrong_speed", wrong_speed_.counts().bytes},
                                         {"resets", resets_},
                                         {"reloads", reloads_},
                                         {"leds", outputs_.leds}};
  return report.dump(2) + "\n";
}

std::string Simulator::summary() const {
  const Noise::Counts &in = to_board_.counts(), &out = to_host_.counts();
  const auto number = [](uint64_t value) { return std::to_string(value); };
  std::array<char, 64> speed{};
  std::snprintf(speed.data(), speed.size(), "%.0f kcycle/s",
                busy_seconds_ > 0 ? static_cast<double>(cycles_) / busy_seconds_ / 1e3 : 0.0);
  std::string text = build_.name + ": " + number(cycles_) + " cycles, " + speed.data() + "; " + number(in.bytes) +
                     " bytes from the PC, " + number(out.bytes) + " to it";
  if (mishaps_.noise > 0) {
    text += "; noise hit " + number(in.hits() + out.hits()) + " (" + number(in.flipped + out.flipped) + " flipped, " +
            number(in.dropped + out.dropped) + " dropped, " + number(in.inserted + out.inserted) + " inserted, " +
            number(in.broken + out.broken) + " without stop bit)";
  }
  if (silenced_ != 0) text += "; " + number(silenced_) + " not sent";
  if (resets_ != 0) text += "; reset " + number(resets_) + (resets_ == 1 ? " time" : " times");
  if (reloads_ != 0) text += "; configured anew " + number(reloads_) + (reloads_ == 1 ? " time" : " times");
  if (wrong_speed_.counts().bytes != 0) {
    text += "; " + number(wrong_speed_.counts().bytes) + " came at another speed than " + number(build_.baud) +
            " baud and were garbled";
  }
  return text + "\n";
}

}  // namespace systole::board
