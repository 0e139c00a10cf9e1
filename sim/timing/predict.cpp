// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/predict.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/timing/compute.hpp"
#include "sim/timing/machine.hpp"
#include "sim/timing/read_path.hpp"
#include "sim/timing/store.hpp"

namespace systole::timing {

/// The blocks and the clock.
class Machine {
 public:
  Machine(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program, Stepping stepping)
      : config_(config),
        program_(program),
        every_cycle_(stepping == Stepping::EveryCycle),
        services_(config, program),
        compute_(config, services_),
        store_(config, memory, services_, compute_, every_cycle_),
        read_(config, memory, program, services_, compute_, every_cycle_) {}

  Prediction run();

 private:
  using Spans = std::vector<std::pair<Cycle, Cycle>>;  // [from, to), rising, apart

  Cycle complete() const { return services_.retired_count_ == program_.records.size() ? services_.retired_.back() + 1 : kNever; }
  Cycle step(Block block, Cycle now);
  void count(Prediction &prediction, Cycle end);

  const platform::ConfigInfo &config_;
  const Program &program_;
  const bool every_cycle_;
  Services services_;
  Compute compute_;
  Store store_;
  ReadSide read_;
};

Cycle Machine::step(Block block, Cycle now) {
  switch (block) {
    case Block::Compute: return std::min(compute_.step(now), services_.next_token(SYSTOLE_COMPUTE_TAKES, now));
    case Block::Store: return std::min(store_.step(now), services_.next_token(SYSTOLE_STORE_TAKES, now));
    default: return read_.step(now);
  }
}

Prediction Machine::run() {
  Prediction prediction;
  Services &s = services_;
  if (program_.records.empty()) return prediction;
  Cycle now = 0, last = 0;
  s.later_ = {0, 0, 0};
  for (;;) {
    last = now;
    Cycle next = kNever;
    for (unsigned b = 0; b < kBlocks; ++b) next = std::min(next, s.later_[b]);
    if (next == kNever || next >= complete()) break;
    now = every_cycle_ && next != 0 ? now + 1 : next;
    s.now_ = now;
    for (unsigned b = 0; b < kBlocks; ++b) {
      s.due_[b] = s.later_[b] <= now || every_cycle_;
      if (s.later_[b] <= now) s.later_[b] = kNever;
    }
    for (unsigned b = 0; b < kBlocks; ++b) {
      if (!s.due_[b]) continue;
      s.current_ = b;
      Cycle hint = step(static_cast<Block>(b), now);
      // As long as nobody else has anything to do, Read, which is the last of a cycle, goes on.
      while (b == kBlocks - 1 && !every_cycle_ && hint < std::min({s.later_[0], s.later_[1], s.later_[2], complete()})) {
        now = s.now_ = hint;
        hint = read_.step(now);
      }
      s.later_[b] = std::min(s.later_[b], hint);
    }
    s.current_ = kBlocks;
  }
  prediction.complete = complete();
  const Cycle end = prediction.complete != kNever ? prediction.complete : last + 1;
  compute_.finish(end);
  prediction.commands = s.commands_;
  count(prediction, end);
  return prediction;
}

void Machine::count(Prediction &prediction, Cycle end) {
  const Services &s = services_;
  // While the machine is busy, and while a command is not yet with the activation sequencer or on its way to it.
  Spans busy, left;
  const auto add = [](Spans &spans, Cycle from, Cycle to) {
    if (!spans.empty() && from <= spans.back().second) {
      spans.back().second = std::max(spans.back().second, to);
    } else if (from < to) {
      spans.emplace_back(from, to);
    }
  };
  uint32_t record = 0;
  for (const Doorbell &doorbell : program_.doorbells)
    for (; record < doorbell.records; ++record) {
      const Cycle retired = s.retired_[record];
      add(busy, doorbell.cycle, retired == kNever ? end : retired + 1);
      add(left, doorbell.cycle, std::min(s.left_[record], end));
    }
  const auto length = [](const Spans &spans) {
    uint64_t sum = 0;
    for (const auto &span : spans) sum += span.second - span.first;
    return sum;
  };
  const auto common = [](const Spans &a, const std::vector<Services::Span> &b) {
    uint64_t sum = 0;
    size_t j = 0;
    for (const auto &span : a) {
      while (j < b.size() && b[j].to <= span.first) ++j;
      for (size_t k = j; k < b.size() && b[k].from < span.second; ++k)
        sum += std::min(span.second, b[k].to) - std::max(span.first, b[k].from);
    }
    return sum;
  };
  const auto cause = [&](Cause c) { return s.causes_[static_cast<unsigned>(c)]; };
  const uint64_t command = common(left, s.none_);
  auto &counters = prediction.counters;
  counters["total"] = length(busy);
  counters["compute"] = cause(Cause::Compute);
  counters["command"] = command + cause(Cause::Command);
  counters["weights"] = cause(Cause::Weights);
  counters["activations"] = cause(Cause::Activations);
  counters["hazard"] = cause(Cause::Hazard);
  counters["store"] = cause(Cause::Store);
  counters["drain"] = common(busy, s.none_) - command;
  counters["read_bytes"] = s.read_beats_ * config_.axi_bytes();
  counters["write_bytes"] = s.write_beats_ * config_.axi_bytes();
  counters["read_bursts"] = s.read_bursts_;
  counters["write_bursts"] = s.write_bursts_;
  counters["macs"] = s.macs_;
}

Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program,
                   Stepping stepping) {
  if (memory.latency == 0 || memory.bytes_per_cycle == 0 || memory.outstanding == 0)
    throw std::invalid_argument("memory latency, bytes per cycle and outstanding bursts must be at least 1");
  return Machine(config, memory, program, stepping).run();
}

Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program) {
  return predict(config, memory, program, Stepping::Skip);
}

std::string first_difference(const Program &program, const std::vector<Command> &measured,
                             const std::vector<Command> &predicted) {
  const auto text = [](Cycle cycle) { return cycle == kNever ? std::string("never") : std::to_string(cycle); };
  for (size_t i = 0; i < program.records.size(); ++i) {
    const Command m = i < measured.size() ? measured[i] : Command{}, p = i < predicted.size() ? predicted[i] : Command{};
    if (m.begin == p.begin && m.end == p.end) continue;
    const uint32_t opcode = program.records[i][SYSTOLE_CMD_OPCODE_WORD] & 0xFF;
    const char *name = opcode == SYSTOLE_OPCODE_LOAD     ? "LOAD"
                       : opcode == SYSTOLE_OPCODE_MATMUL ? "MATMUL"
                       : opcode == SYSTOLE_OPCODE_STORE  ? "STORE"
                                                         : "?";
    return "command " + std::to_string(i) + " " + name + ": measured cycles " + text(m.begin) + " to " + text(m.end) +
           ", predicted " + text(p.begin) + " to " + text(p.end);
  }
  return "";
}

}  // namespace systole::timing
