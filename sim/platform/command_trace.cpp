// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/command_trace.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "firmware/include/systole_regs.h"
#include "sim/platform/command_text.hpp"

namespace systole::platform {
bool CommandTrace::all_complete() const {
  return std::all_of(measured_.commands.begin(), measured_.commands.end(),
                     [](const timing::Command &command) { return command.end != timing::kNever; });
}

void CommandTrace::begin_job() {
  // What the tokens are now follows from the records that came before.
  std::array<uint8_t, 8> tokens = measured_.program.tokens;
  if (!all_complete()) tokens_known_ = false;
  for (const timing::Record &record : measured_.program.records)
    for (unsigned token = 0; token < tokens.size(); ++token) {
      const uint32_t word = record[SYSTOLE_CMD_WAIT_WORD];
      tokens[token] = static_cast<uint8_t>(tokens[token] + (word >> (SYSTOLE_CMD_GIVE_LSB + token) & 1) -
                                           (word >> (SYSTOLE_CMD_WAIT_LSB + token) & 1));
    }
  measured_ = {};
  measured_.program.tokens = tokens;
  measured_.first = tail_;
  measured_.ring_entries_log2 = entries_log2_;
  for (Engine &engine : engines_) engine = {};
  doorbell_cycle_ = 0;
}

void CommandTrace::start(const MemoryTiming &memory, bool predictable) {
  measured_.memory = memory;
  measured_.predictable = predictable && tokens_known_;
}

void CommandTrace::register_written(uint16_t offset, uint32_t value, uint64_t cycle) {
  switch (offset) {
    case SYSTOLE_REG_RING_BASE_LO: ring_ = (ring_ & ~uint64_t{0xFFFFFFFF}) | (value & ~uint32_t{63}); break;
    case SYSTOLE_REG_RING_BASE_HI: ring_ = (ring_ & 0xFFFFFFFF) | uint64_t{value} << 32; break;
    case SYSTOLE_REG_RING_SIZE: entries_log2_ = std::min(value & 31, 16u); break;
    case SYSTOLE_REG_RING_TAIL: announce(value, cycle); break;
    case SYSTOLE_REG_CTRL:
      enabled_ = (value & SYSTOLE_CTRL_ENABLE_MASK) != 0;
      if (!enabled_ && !all_complete()) disturb();
      if ((value & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0) {
        measured_ = {};
        for (Engine &engine : engines_) engine = {};
        tail_ = 0;
        tokens_known_ = true;
      }
      break;
    default: break;
  }
}

void CommandTrace::announce(uint32_t tail, uint64_t cycle) {
  timing::Program &program = measured_.program;
  if (!enabled_) disturb();  // it begins when it is enabled
  if (doorbell_cycle_ == 0) doorbell_cycle_ = cycle;
  for (; tail_ != tail; ++tail_) {
    const uint64_t address = ring_ + uint64_t{SYSTOLE_COMMAND_BYTES} * (tail_ & ((uint32_t{1} << entries_log2_) - 1));
    timing::Record record{};
    if (tail - tail_ > uint32_t{1} << entries_log2_ ||
        !peek_(address, sizeof record, reinterpret_cast<uint8_t *>(record.data()))) {
      tail_ = tail;  // an error, which the machine reports
      disturb();
      return;
    }
    const auto index = static_cast<uint32_t>(program.records.size());
    program.records.push_back(record);
    measured_.commands.emplace_back();
    const unsigned engine = engine_of(record);
    if (engine == NO_ENGINE) {
      disturb();
      continue;
    }
    engines_[engine].to_begin.push_back(index);
    engines_[engine].to_end.push_back(index);
  }
  const auto announced = static_cast<uint32_t>(program.records.size());
  if (program.doorbells.empty() || program.doorbells.back().records != announced)
    program.doorbells.push_back({cycle - doorbell_cycle_, announced});
}

void CommandTrace::pulses(uint8_t trace, uint64_t cycle) {
  for (unsigned e = 0; e < engines_.size(); ++e) {
    const auto mark = [&](std::deque<uint32_t> &records, timing::Cycle timing::Command::*time) {
      if (records.empty()) {
        disturb();  // a command of which nothing is known
        return;
      }
      measured_.commands[records.front()].*time = cycle - doorbell_cycle_;
      records.pop_front();
    };
    if ((trace >> e & 1) != 0) mark(engines_[e].to_begin, &timing::Command::begin);
    if ((trace >> (e + 3) & 1) != 0) mark(engines_[e].to_end, &timing::Command::end);
  }
}

TraceFile::TraceFile(const std::string &file) : out_(file) {
  if (!out_) throw std::invalid_argument("cannot write '" + file + "'");
}

void TraceFile::handshakes(const AxiMasterPins &master, const AxiSlavePins &slave, uint64_t cycle) {
  if (master.arvalid && slave.arready)
    out_ << cycle << " AR 0x" << std::hex << master.ar.addr << std::dec << ' ' << master.ar.beats() << '\n';
  if (slave.rvalid && master.rready) out_ << cycle << (slave.rlast ? " R last\n" : " R\n");
  if (master.awvalid && slave.awready)
    out_ << cycle << " AW 0x" << std::hex << master.aw.addr << std::dec << ' ' << master.aw.beats() << '\n';
  if (master.wvalid && slave.wready) out_ << cycle << (master.wlast ? " W last\n" : " W\n");
  if (slave.bvalid && master.bready) out_ << cycle << " B\n";
}

void TraceFile::job_over(const MeasuredProgram &measured) {
  if (measured.commands.empty()) return;
  out_ << "job " << jobs_++ << ": latency " << measured.memory.latency << ", " << measured.memory.bytes_per_cycle
       << " bytes a cycle, " << measured.memory.outstanding << " outstanding; tokens";
  for (const uint8_t token : measured.program.tokens) out_ << ' ' << unsigned{token};
  out_ << "; doorbells";
  for (const timing::Doorbell &doorbell : measured.program.doorbells) out_ << ' ' << doorbell.cycle << '/' << doorbell.records;
  out_ << (measured.predictable ? "" : "; not predictable") << '\n';
  for (size_t i = 0; i < measured.commands.size(); ++i) {
    const timing::Command &command = measured.commands[i];
    const auto time = [](timing::Cycle cycle) { return cycle == timing::kNever ? "never" : std::to_string(cycle); };
    const timing::Record &record = measured.program.records[i];
    out_ << "command " << i << ' ' << mnemonic(record) << " begin " << time(command.begin) << " end " << time(command.end)
         << " words" << std::hex;
    for (const uint32_t word : record) out_ << ' ' << word;
    out_ << std::dec << '\n';
  }
  out_.flush();
}

}  // namespace systole::platform
