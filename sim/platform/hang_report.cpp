// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/hang_report.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "firmware/include/systole_regs.h"

namespace systole::platform {
namespace {

using timing::kNever;

// Token numbers, of the masks in the header.
constexpr unsigned number(uint32_t mask) {
  unsigned out = 0;
  while ((mask >> out & 1) == 0) ++out;
  return out;
}
constexpr unsigned ACT_FULL = number(SYSTOLE_TOKEN_ACT_FULL), WGT_FULL = number(SYSTOLE_TOKEN_WGT_FULL),
                   WGT_FREE = number(SYSTOLE_TOKEN_WGT_FREE), ACT_FREE = number(SYSTOLE_TOKEN_ACT_FREE),
                   ACC_FREE = number(SYSTOLE_TOKEN_ACC_FREE);

enum Engine : unsigned { LOAD, COMPUTE, STORE };

// Bits of RtlProbe::events: the counters' numbers, in the order of their registers.
constexpr unsigned event(unsigned offset) { return 1u << (offset - SYSTOLE_REG_COUNTER_TOTAL_LO) / 8; }
constexpr unsigned CAUSE_COMPUTE = event(SYSTOLE_REG_COUNTER_COMPUTE_LO), CAUSE_WEIGHTS = event(SYSTOLE_REG_COUNTER_WEIGHTS_LO),
                   CAUSE_ACTIVATIONS = event(SYSTOLE_REG_COUNTER_ACTIVATIONS_LO),
                   CAUSE_HAZARD = event(SYSTOLE_REG_COUNTER_HAZARD_LO), CAUSE_STORE = event(SYSTOLE_REG_COUNTER_STORE_LO),
                   CAUSE_COMMAND = event(SYSTOLE_REG_COUNTER_COMMAND_LO) | event(SYSTOLE_REG_COUNTER_DRAIN_LO);
// The weights of the next tile are in the array.
constexpr unsigned CAUSE_BEHIND_WEIGHTS = CAUSE_ACTIVATIONS | CAUSE_HAZARD | CAUSE_STORE;

constexpr size_t MOST_RECORDS = 5, MOST_BURSTS = 3;  // that are shown

std::string grouped(uint64_t value) {
  std::string out = std::to_string(value);
  for (size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string counted(uint64_t value, const std::string &noun) { return grouped(value) + ' ' + noun + (value == 1 ? "" : "s"); }

/// A line in as many as it takes, the further ones below the first one's text.
std::string wrapped(std::string line) {
  const size_t margin = line.find_first_not_of(' ');
  const std::string indent(margin == 2 ? 11 : margin + 2, ' ');
  std::string out;
  line.resize(line.find_last_not_of(' ') + 1);
  while (line.size() > HANG_COLUMNS) {
    const size_t end = line.rfind(' ', HANG_COLUMNS);
    if (end == std::string::npos || end <= indent.size()) break;
    out += line.substr(0, end) + '\n';
    line = indent + line.substr(end + 1);
  }
  return out + line + '\n';
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// The commands of a job by engine.
class Report {
 public:
  explicit Report(const HangState &state) : state_(state), measured_(*state.measured) {
    for (size_t i = 0; i < records().size(); ++i) {
      const unsigned engine = engine_of(records()[i]);
      if (engine < ENGINES && command(i).end == kNever && oldest_[engine] == NONE) oldest_[engine] = i;
    }
  }

  std::string text() const {
    std::string out = "hang: nothing has moved since cycle " + grouped(state_.last_move);
    if (state_.doorbell != 0 && state_.last_move >= state_.doorbell)
      out += " (" + grouped(state_.last_move - state_.doorbell) + " of the job)";
    out += ", now it is " + grouped(state_.now) + '\n';
    for (unsigned engine = 0; engine < ENGINES; ++engine)
      out += "  " + padded(engine_name(engine), 9) + engine_line(engine) + '\n';
    if (state_.probe.known) out += token_lines();
    out += queue_lines();
    if (state_.probe.known) out += dispatch_lines();
    out += bus_lines() + register_line() + '\n';
    std::string narrow;
    for (size_t at = 0, end = 0; at < out.size(); at = end + 1) {
      end = out.find('\n', at);
      narrow += wrapped(out.substr(at, end - at));
    }
    narrow.pop_back();  // no line break behind the last line
    return narrow;
  }

 private:
  static constexpr size_t NONE = ~size_t{0};

  const std::vector<timing::Record> &records() const { return measured_.program.records; }
  const timing::Command &command(size_t i) const { return measured_.commands[i]; }
  std::string name(size_t i) const { return '#' + std::to_string(i) + ' ' + command_name(records()[i]); }
  std::string whole_name(size_t i) const { return name(i) + " (" + command_essentials(records()[i]) + ')'; }

  /// "has not begun", "began at 123", "ended at 456".
  std::string status(size_t i) const {
    if (command(i).end != kNever) return "ended at " + grouped(command(i).end);
    return command(i).begin != kNever ? "began at " + grouped(command(i).begin) : "has not begun";
  }

  /// Who gives command `i` its token: givers and takers of a token meet in the ring's order.
  std::string giver(size_t i, unsigned token) const {
    unsigned before = 0;  // taken by those before it
    for (size_t k = 0; k < i; ++k) before += tokens_taken(records()[k]) >> token & 1;
    unsigned given = measured_.program.tokens[token];
    if (before < given) return "it was there before the job";
    for (size_t k = 0; k < records().size(); ++k) {
      given += tokens_given(records()[k]) >> token & 1;
      if (given <= before) continue;
      if (command(k).end != kNever) return name(k) + " gives it, which " + status(k) + ": the token was LOST";
      return name(k) + " gives it, which " + status(k);
    }
    return "no command in the ring gives it";
  }

  std::string token_wait(size_t i, unsigned token) const {
    return "waits for token " + std::string(TOKEN_NAMES[token]) + " (" + std::to_string(state_.probe.tokens[token]) + " there; " +
           giver(i, token) + ")";
  }

  /// The tokens that it waits for and that are not there; "": all are.
  std::string token_waits(size_t i, uint8_t among) const {
    std::string out;
    for (unsigned token = 0; token < TOKENS; ++token)
      if ((tokens_taken(records()[i]) & among) >> token & 1 && state_.probe.tokens[token] == 0)
        out += (out.empty() ? "" : ", and ") + token_wait(i, token);
    return out;
  }

  std::string engine_line(unsigned engine) const {
    const size_t i = oldest_[engine];
    if (i == NONE) return "has nothing to do: all its commands have ended";
    const bool begun = command(i).begin != kNever;
    const std::string start = whole_name(i) + ' ' + (begun ? "began at " + grouped(command(i).begin) : "has not begun") + ": ";
    if (!state_.probe.known) return start + "what it waits for is not known of this top";
    switch (engine) {
      case LOAD: return start + (begun ? load_waits() : queue_waits(i));
      case COMPUTE: return start + compute_waits(i, begun);
      default: return start + (begun ? store_waits() : queue_waits(i));
    }
  }

  /// How far a record has come on its way to its engine.
  enum class Stage { not_asked, asked, fetched, dispatch, queue, engine };
  struct Place {
    Stage stage;
    size_t before = 0;  ///< in its queue: commands before it
  };

  /// Records from that in dispatch to the i-th; negative: it was dispatched.
  int32_t behind_dispatch(size_t i) const {
    return static_cast<int32_t>(measured_.first + static_cast<uint32_t>(i) - state_.probe.dispatch);
  }

  Place place(size_t i) const {
    const RtlProbe &p = state_.probe;
    const int32_t behind = behind_dispatch(i);
    if (behind < 0) {
      // A queue holds those of its engine that were dispatched last.
      const unsigned engine = engine_of(records()[i]);
      unsigned after = 0;
      for (size_t k = i + 1; k < records().size() && behind_dispatch(k) < 0; ++k) after += engine_of(records()[k]) == engine;
      if (engine >= ENGINES || after >= p.queues[engine].level) return {Stage::engine};
      return {Stage::queue, p.queues[engine].level - 1 - after};
    }
    if (behind == 0 && p.dispatch_holds) return {Stage::dispatch};
    if (behind < static_cast<int32_t>(p.fetched.level + (p.dispatch_holds ? 1 : 0))) return {Stage::fetched};
    return {static_cast<int32_t>(measured_.first + static_cast<uint32_t>(i) - p.next_fetch) < 0 ? Stage::asked
                                                                                                : Stage::not_asked};
  }

  std::string where(size_t i) const {
    const std::string engine = engine_name(engine_of(records()[i]));
    switch (place(i).stage) {
      case Stage::engine: return "taken by " + engine;
      case Stage::queue: return "in " + engine + "'s queue";
      case Stage::dispatch: return "in dispatch";
      case Stage::fetched: return "fetched";
      case Stage::asked: return "asked for";
      default: return "not fetched";
    }
  }

  /// An index of the RTL as the job counts.
  std::string index_text(uint32_t index) const { return '#' + std::to_string(static_cast<int32_t>(index - measured_.first)); }

  /// The record in dispatch as a command of the job; NONE: it is none.
  size_t dispatched() const {
    const uint32_t i = state_.probe.dispatch - measured_.first;
    return i < records().size() ? i : NONE;
  }

  /// Why dispatch does not hand on its record.
  std::string dispatch_waits() const {
    const RtlProbe &p = state_.probe;
    const size_t i = dispatched();
    if (p.dispatch_refused) return "is illegal: an error, nothing behind it is taken";
    if (!p.dispatch_open) return "is held since the machine has stopped or is not enabled";
    if (p.order.full) return "waits for the oldest of " + counted(p.order.level, "dispatched command") + " to end";
    const unsigned engine = i == NONE ? NO_ENGINE : engine_of(records()[i]);
    if (engine < ENGINES && p.queues[engine].full) return std::string("waits for a place in ") + engine_name(engine) + "'s queue";
    return "waits for nothing that dispatch shows (rtl/control/systole_dispatch.sv)";
  }

  /// Why a command that has not begun has not.
  std::string queue_waits(size_t i) const {
    const Place at = place(i);
    const std::string engine = engine_name(engine_of(records()[i]));
    const std::string dispatch = state_.probe.dispatch_holds
                                     ? "behind " + index_text(state_.probe.dispatch) + " in dispatch, which " + dispatch_waits()
                                     : std::string("and dispatch, which holds nothing, does not take it");
    switch (at.stage) {
      case Stage::engine: return "was taken from " + engine + "'s queue and goes no further";
      case Stage::queue: {
        if (at.before != 0) return "stands in " + engine + "'s queue behind " + counted(at.before, "other command");
        const std::string tokens = engine_of(records()[i]) == COMPUTE ? "" : token_waits(i, 0xFF);
        return tokens.empty() ? "is first in " + engine + "'s queue with all that it needs; " + engine + " does not take it"
                              : tokens;
      }
      case Stage::dispatch: return "stands in dispatch and " + dispatch_waits();
      case Stage::fetched: return "is fetched, " + dispatch;
      case Stage::asked: return "its record is asked for and has not come: " + ring_reads();
      default:
        return "is not fetched (" + index_text(state_.probe.next_fetch) + " is next)" +
               (state_.probe.dispatch_holds ? ", " + dispatch : ": " + ring_reads());
    }
  }

  bool from_ring(uint64_t address) const { return state_.in_ring && state_.in_ring(address); }

  /// The oldest read of the ring; null: there is none.
  const AxiMemoryPort::Burst *ring_read() const {
    const auto found =
        std::find_if(state_.reads.begin(), state_.reads.end(), [this](const auto &r) { return from_ring(r.addr); });
    return found == state_.reads.end() ? nullptr : &*found;
  }

  std::string ring_reads() const {
    if (const AxiMemoryPort::Burst *const read = ring_read()) return "waits for " + progress(*read);
    return state_.master.arvalid && from_ring(state_.master.ar.addr) ? "waits for ready of AR" : "the bus owes none";
  }

  /// "the burst from 0x1200: 3 of 16 beats over the bus".
  static std::string progress(const AxiMemoryPort::Burst &burst) {
    return "the burst at " + hex(burst.addr) + ", " + std::to_string(burst.done) + " of " + counted(burst.beats, "beat") +
           " over the bus";
  }

  std::string load_waits() const {
    const AxiMasterPins &m = state_.master;
    const RtlProbe &p = state_.probe;
    static constexpr const char *PORTS[] = {"the activation buffer", "the weight buffer", "the accumulators", "a parameter bank"};
    const std::string port = std::string("waits for the write port of ") + PORTS[p.load_dest & 3];
    if (p.load_writes) return port;
    std::vector<AxiMemoryPort::Burst> reads;  // without those of the ring
    std::copy_if(state_.reads.begin(), state_.reads.end(), std::back_inserter(reads),
                 [this](const auto &read) { return !from_ring(read.addr); });
    if (state_.slave.rvalid && !m.rready)
      return "does not take the data that R offers (rtl/load/systole_dma_read.sv, systole_read_mux.sv)" +
             (state_.reads.empty() ? "" : ": " + progress(state_.reads.front()));
    if (!reads.empty())
      return "waits for read data: " + counted(reads.size(), "burst") + " outstanding, first " + progress(reads.front());
    if (m.arvalid && !state_.slave.arready && !from_ring(m.ar.addr)) return "waits for ready of AR, address " + hex(m.ar.addr);
    return "all data that it asked for are there, and it does not write them (rtl/load/systole_dma_read.sv)";
  }

  std::string compute_waits(size_t i, bool begun) const {
    const RtlProbe &p = state_.probe;
    if (!begun && place(i).stage != Stage::engine) return queue_waits(i);
    if ((p.events & CAUSE_COMPUTE) != 0)
      return begun ? "rows go into the array: it does move" : "waits for nothing that is not there";
    if ((p.events & CAUSE_COMMAND) != 0) {
      if (!begun) return queue_waits(i);
      return "all its rows are in the array; its results do not come out";
    }
    if ((p.events & CAUSE_WEIGHTS) != 0) {
      const std::string tokens = begun ? "" : token_waits(i, SYSTOLE_TOKEN_WGT_FULL);
      return tokens.empty() ? "waits for its weights, which do not come into the array" : tokens;
    }
    if ((p.events & CAUSE_ACTIVATIONS) != 0) return token_waits_or(i, ACT_FULL);
    if ((p.events & CAUSE_STORE) != 0) return token_waits_or(i, ACC_FREE);
    return (p.events & CAUSE_HAZARD) != 0 ? "waits for results on the same accumulator rows to leave the array (hazard)"
                                          : "waits for no known cause";
  }

  std::string token_waits_or(size_t i, unsigned token) const {
    // The engine may wait on behalf of a command behind one whose rows are all in the array.
    for (; i < records().size(); ++i)
      if (engine_of(records()[i]) == COMPUTE && command(i).begin == kNever)
        return (i == oldest_[COMPUTE] ? "" : "its rows are in the array; " + name(i) + ' ') + token_wait(i, token);
    return std::string("waits for token ") + TOKEN_NAMES[token];
  }

  std::string store_waits() const {
    const AxiMasterPins &m = state_.master;
    if (state_.slave.bvalid && !m.bready)
      return "does not take the response that B offers (rtl/store/systole_store_answers.sv)" +
             (state_.writes.empty() ? "" : ": " + progress(state_.writes.front()));
    if (m.awvalid && !state_.slave.awready) return "waits for ready of AW, address " + hex(m.aw.addr);
    if (m.wvalid && !state_.slave.wready) return "waits for ready of W";
    const auto filling =
        std::find_if(state_.writes.begin(), state_.writes.end(), [](const auto &w) { return w.done != w.beats; });
    if (state_.probe.store_reads) return "waits for the read port of the accumulators";
    if (filling != state_.writes.end()) return "does not send all data of " + progress(*filling);
    if (!state_.writes.empty())
      return "waits for " + counted(state_.writes.size(), "write response") + ", the oldest of " +
             progress(state_.writes.front());
    return "all that it wrote is answered, and it writes no more: its walk or its epilogue stands (rtl/store)";
  }

  std::string token_lines() const {
    const std::array<TokenRange, TOKENS> expected = expected_tokens(measured_, state_.probe);
    std::string names = "  tokens              ", held = "    in the RTL        ", due = "    by its commands   ", faults;
    for (unsigned token = 0; token < TOKENS; ++token) {
      const std::string token_name = TOKEN_NAMES[token];
      const size_t width = token_name.size() + 2;
      const auto [least, most] = expected[token];
      const int count = state_.probe.tokens[token];
      names += padded(token_name, width);
      held += padded(std::to_string(count), width);
      due += padded(std::to_string(least) + (most == least ? "" : " to " + std::to_string(most)), width);
      if (count >= least && count <= most) continue;
      const uint32_t bit = 1u << token;
      const auto among = [bit](uint32_t load, uint32_t compute, uint32_t store) {
        return engine_name((load & bit) != 0 ? LOAD : (compute & bit) != 0 ? COMPUTE : (store & bit) != 0 ? STORE : NO_ENGINE);
      };
      faults += "    " + token_name + ": the RTL holds " + std::to_string(count) + ", its commands make it " +
                std::to_string(count < least ? least : most) +
                (count < least ? ": LOST, or taken twice," : ": GIVEN TWICE, or not taken,") + " between " +
                among(SYSTOLE_LOAD_GIVES, SYSTOLE_COMPUTE_GIVES, SYSTOLE_STORE_GIVES) + ", which gives it, and " +
                among(SYSTOLE_LOAD_TAKES, SYSTOLE_COMPUTE_TAKES, SYSTOLE_STORE_TAKES) + '\n';
    }
    return names + '\n' + held + '\n' + due + '\n' + (faults.empty() ? "    they agree\n" : faults);
  }

  std::string queue_lines() const {
    size_t head = 0;
    while (head < records().size() && command(head).end != kNever) ++head;
    std::string out = "  queue    " + counted(records().size(), "command") + " announced, in a ring of " +
                      counted(uint64_t{1} << measured_.ring_entries_log2, "record");
    if (head == records().size()) return out + "; all have ended\n";
    out += "; oldest incomplete #" + std::to_string(head);
    if (measured_.first != 0) out += ", as RING_HEAD counts " + std::to_string(measured_.first + static_cast<uint32_t>(head));
    out += '\n';
    size_t shown = 0;
    for (size_t i = head; i < records().size() && shown < MOST_RECORDS; ++i, ++shown) {
      const bool waits = command(i).begin == kNever && state_.probe.known;
      out += "    " + padded(name(i) + ' ' + status(i) + (waits ? ", " + where(i) : ""), 48);
      const std::string takes = token_text(tokens_taken(records()[i])), gives = token_text(tokens_given(records()[i]));
      if (!takes.empty()) out += "  takes " + takes;
      if (!gives.empty()) out += "  gives " + gives;
      out += '\n';
    }
    if (records().size() - head > shown) out += "    and " + grouped(records().size() - head - shown) + " more\n";
    return out;
  }

  std::string dispatch_lines() const {
    const RtlProbe &p = state_.probe;
    const size_t i = dispatched();
    std::string out = "  dispatch " + (i == NONE || !p.dispatch_holds ? index_text(p.dispatch) : name(i)) + ' ' +
                      (p.dispatch_holds ? dispatch_waits() : std::string("is next")) + "; next to fetch is " +
                      index_text(p.next_fetch) + "\n    queues: ";
    for (unsigned engine = 0; engine < ENGINES; ++engine) {
      const RtlProbe::Queue &queue = p.queues[engine];
      out += (engine == 0 ? "" : ", ") + std::string(engine_name(engine)) + ' ' + std::to_string(queue.level) +
             (state_.queue_depth ? " of " + std::to_string(*state_.queue_depth)
              : queue.full       ? " (full)"
                                 : "");
    }
    const uint32_t asked = p.next_fetch - p.dispatch - (p.dispatch_holds ? 1 : 0) - p.fetched.level;
    return out + "; " + grouped(p.order.level) + " dispatched and not retired; behind dispatch " + grouped(p.fetched.level) +
           " fetched, " + grouped(asked) + " asked for\n";
  }

  std::string burst_lines(const char *what, const std::vector<AxiMemoryPort::Burst> &bursts) const {
    std::string out;
    for (size_t i = 0; i < bursts.size() && i < MOST_BURSTS; ++i)
      out += std::string("    ") + what + " ID " + std::to_string(bursts[i].id) + " at " + hex(bursts[i].addr) + ": " +
             std::to_string(bursts[i].done) + " of " + counted(bursts[i].beats, "beat") + " over the bus" +
             (from_ring(bursts[i].addr) ? ", of the ring\n" : "\n");
    if (bursts.size() > MOST_BURSTS)
      out += "    and " + counted(bursts.size() - MOST_BURSTS, std::string(what) + " burst") + " more\n";
    return out;
  }

  std::string bus_lines() const {
    const AxiMasterPins &m = state_.master;
    const AxiSlavePins &s = state_.slave;
    const auto channel = [](const char *name, bool valid, bool ready) {
      return std::string("  ") + name + (valid ? " valid, " : " idle, ") + (ready ? "ready" : "not ready");
    };
    return "  bus      " + counted(state_.reads.size(), "read burst") + " and " + counted(state_.writes.size(), "write burst") +
           " outstanding\n" + burst_lines("read", state_.reads) + burst_lines("write", state_.writes) +
           "    pins:" + channel("AR", m.arvalid, s.arready) + channel("R", s.rvalid, m.rready) +
           channel("AW", m.awvalid, s.awready) + channel("W", m.wvalid, s.wready) + channel("B", s.bvalid, m.bready) + '\n';
  }

  std::string register_line() const {
    if (state_.unanswered) return "  register access to offset " + std::to_string(*state_.unanswered) + " is not answered";
    std::string out = "  registers:";
    for (const auto &[register_name, value] : state_.registers)
      out += ' ' + register_name + '=' + (value ? std::to_string(*value) : "?");
    return out;
  }

  const HangState &state_;
  const MeasuredProgram &measured_;
  std::array<size_t, ENGINES> oldest_ = {NONE, NONE, NONE};
};

}  // namespace

std::array<TokenRange, TOKENS> expected_tokens(const MeasuredProgram &measured, const RtlProbe &probe) {
  std::array<TokenRange, TOKENS> out{};
  for (unsigned token = 0; token < TOKENS; ++token) out[token] = {measured.program.tokens[token], measured.program.tokens[token]};
  bool next = true;      // no MATMUL before this one is yet to begin
  bool running = false;  // one before it has begun and not ended: the engine's state may be that one's
  for (size_t i = 0; i < measured.program.records.size(); ++i) {
    const timing::Record &record = measured.program.records[i];
    const bool begun = measured.commands[i].begin != kNever, ended = measured.commands[i].end != kNever;
    const unsigned engine = engine_of(record);
    // Weights go into the array before the rows: of the MATMUL that is next, too.
    const bool ahead = engine == COMPUTE && !begun && next && !(probe.known && (probe.events & CAUSE_COMMAND) != 0);
    if (engine == COMPUTE && !begun) next = false;
    if (engine == COMPUTE && begun && !ended) running = true;
    const bool waits = probe.known && (probe.events & CAUSE_WEIGHTS) != 0;  // its first weights are not all there
    for (unsigned token = 0; token < TOKENS; ++token) {
      if ((tokens_taken(record) >> token & 1) != 0) {
        const bool first = ahead && token == WGT_FULL;
        if (begun || (first && !running && (probe.events & CAUSE_BEHIND_WEIGHTS) != 0)) {
          --out[token].least;
          --out[token].most;
        } else if (first && (running || !probe.known || !waits)) {
          --out[token].least;
        }
      }
      if ((tokens_given(record) >> token & 1) != 0) {
        const bool early = engine == COMPUTE ? token == WGT_FREE || token == ACT_FREE : engine == STORE && token == ACC_FREE;
        if (ended) {
          ++out[token].least;
          ++out[token].most;
        } else if ((early && begun) || (ahead && token == WGT_FREE && !(waits && !running))) {
          ++out[token].most;
        }
      }
    }
  }
  // What may have been taken was there.
  for (TokenRange &range : out) range.least = std::max(range.least, std::min(range.most, 0));
  return out;
}

std::string hang_report(const HangState &state) { return Report(state).text(); }

}  // namespace systole::platform
