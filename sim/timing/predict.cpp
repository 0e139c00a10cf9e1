// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/predict.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
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
  Machine(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Program program, Stepping stepping)
      : config_(config),
        program_(std::move(program)),
        every_cycle_(stepping == Stepping::EveryCycle),
        services_(program_),
        compute_(config_, services_),
        store_(config_, memory, services_, compute_, every_cycle_),
        read_(config_, memory, program_, services_, compute_, every_cycle_) {
    services_.later_ = {0, 0, 0};
  }

  void announce(Cycle cycle, const std::vector<Record> &records);
  void run(Cycle until, size_t record);
  Prediction prediction();

  bool still() const { return next() == kNever; }
  Cycle retired(size_t record) const { return record < services_.retired_count_ ? services_.retired_[record] : kNever; }
  const Program &program() const { return program_; }

 private:
  using Spans = std::vector<std::pair<Cycle, Cycle>>;  // [from, to), rising, apart

  Cycle complete() const {
    const size_t records = program_.records.size();
    return records != 0 && services_.retired_count_ == records ? services_.retired_.back() + 1 : kNever;
  }
  Cycle next() const { return std::min({services_.later_[0], services_.later_[1], services_.later_[2]}); }
  Cycle step(Block block, Cycle now);
  void count(Prediction &prediction, Cycle end);

  const platform::ConfigInfo config_;
  Program program_;
  const bool every_cycle_;
  Services services_;
  Compute compute_;
  Store store_;
  ReadSide read_;
  Cycle reached_ = 0;  // the first cycle that was not run
};

Cycle Machine::step(Block block, Cycle now) {
  switch (block) {
    case Block::Compute: return std::min(compute_.step(now), services_.next_token(SYSTOLE_COMPUTE_TAKES, now));
    case Block::Store: return std::min(store_.step(now), services_.next_token(SYSTOLE_STORE_TAKES, now));
    default: return read_.step(now);
  }
}

void Machine::announce(Cycle cycle, const std::vector<Record> &records) {
  if (cycle < reached_ || (!program_.doorbells.empty() && cycle < program_.doorbells.back().cycle))
    throw std::invalid_argument("a doorbell in cycle " + std::to_string(cycle) + ", which is over");
  if (records.empty()) return;
  services_.add(records.data(), records.size());
  program_.records.insert(program_.records.end(), records.begin(), records.end());
  program_.doorbells.push_back({cycle, static_cast<uint32_t>(program_.records.size())});
  read_.doorbell(cycle);
  services_.poke(Block::Read, cycle);
}

void Machine::run(Cycle until, size_t record) {
  Services &s = services_;
  if (program_.records.empty()) return;
  while (s.retired_count_ <= record) {
    const Cycle wake = next();
    if (wake == kNever || wake >= complete()) break;
    Cycle now = every_cycle_ ? reached_ : wake;
    if (now >= until) break;
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
      while (b == kBlocks - 1 && !every_cycle_ && s.retired_count_ <= record && hint < std::min({next(), complete(), until})) {
        now = s.now_ = hint;
        hint = read_.step(now);
      }
      s.later_[b] = std::min(s.later_[b], hint);
    }
    s.current_ = kBlocks;
    reached_ = now + 1;
  }
}

Prediction Machine::prediction() {
  Prediction prediction;
  if (program_.records.empty()) return prediction;
  prediction.complete = complete();
  const Cycle end = prediction.complete != kNever ? prediction.complete : reached_;
  compute_.finish(end);
  prediction.commands = services_.commands_;
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

namespace {

std::unique_ptr<Machine> make_machine(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Program program,
                                      Stepping stepping) {
  if (memory.latency == 0 || memory.bytes_per_cycle == 0 || memory.outstanding == 0)
    throw std::invalid_argument("memory latency, bytes per cycle and outstanding bursts must be at least 1");
  return std::make_unique<Machine>(config, memory, std::move(program), stepping);
}

}  // namespace

Predictor::Predictor(const platform::ConfigInfo &config, const platform::MemoryTiming &memory,
                     const std::array<uint8_t, 8> &tokens, Stepping stepping)
    : machine_(make_machine(config, memory, Program{{}, {}, tokens}, stepping)) {}

Predictor::~Predictor() = default;

void Predictor::announce(Cycle cycle, const std::vector<Record> &records) { machine_->announce(cycle, records); }

void Predictor::run(Cycle until, size_t record) { machine_->run(until, record); }

Cycle Predictor::head_passes(size_t record) const {
  const Cycle retired = machine_->retired(record);
  return retired == kNever ? kNever : retired + 1;
}

bool Predictor::still() const { return machine_->still(); }

const Program &Predictor::program() const { return machine_->program(); }

Prediction Predictor::prediction() { return machine_->prediction(); }

Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program,
                   Stepping stepping) {
  const std::unique_ptr<Machine> machine = make_machine(config, memory, program, stepping);
  machine->run(kNever, std::numeric_limits<size_t>::max());
  return machine->prediction();
}

Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program) {
  return predict(config, memory, program, Stepping::Skip);
}

std::string first_difference(const Program &program, const std::vector<Command> &measured,
                             const std::vector<Command> &predicted) {
  const auto of = [](const std::vector<Command> &commands, size_t i) { return i < commands.size() ? commands[i] : Command{}; };
  // The first cycle in which one of the two shows something that the other does not; kNever: there is none.
  const auto differ = [](const Command &m, const Command &p) {
    const Cycle begin = m.begin == p.begin ? kNever : std::min(m.begin, p.begin);
    return std::min(begin, m.end == p.end ? kNever : std::min(m.end, p.end));
  };
  size_t first = 0;
  Cycle when = kNever;
  for (size_t i = 0; i < program.records.size(); ++i) {
    const Cycle here = differ(of(measured, i), of(predicted, i));
    if (here >= when) continue;
    first = i;
    when = here;
  }
  if (when == kNever) return "";
  const auto text = [](Cycle cycle) { return cycle == kNever ? std::string("never") : std::to_string(cycle); };
  const Command m = of(measured, first), p = of(predicted, first);
  const uint32_t opcode = program.records[first][SYSTOLE_CMD_OPCODE_WORD] & 0xFF;
  const char *name = opcode == SYSTOLE_OPCODE_LOAD     ? "LOAD"
                     : opcode == SYSTOLE_OPCODE_MATMUL ? "MATMUL"
                     : opcode == SYSTOLE_OPCODE_STORE  ? "STORE"
                                                       : "?";
  return "command " + std::to_string(first) + " " + name + ": measured cycles " + text(m.begin) + " to " + text(m.end) +
         ", predicted " + text(p.begin) + " to " + text(p.end);
}

}  // namespace systole::timing
