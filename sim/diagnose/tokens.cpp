// SPDX-License-Identifier: Apache-2.0
#include "sim/diagnose/tokens.hpp"

#include <string>

#include "firmware/include/systole_regs.h"

namespace systole::diagnose {

namespace {

/// Tokens that say that a command has ended; the others are given while it runs.
constexpr unsigned kAtEnd =
    SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL | SYSTOLE_TOKEN_PARAM_FULL | SYSTOLE_TOKEN_ACC_FULL | SYSTOLE_TOKEN_MEM_DONE;

}  // namespace

TokenEvents read_tokens(std::uint64_t begin, platform::WaveReader &waves) {
  const std::vector<std::string> signals = {"systole.load_give", "systole.compute_give", "systole.store_give",
                                            "systole.load_take", "systole.compute_take", "systole.store_take"};
  TokenEvents out;
  waves.read(signals, [&](std::uint64_t cycle, const std::vector<platform::WaveValue> &values) {
    if (cycle < begin) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (unsigned token = 0; token < platform::TOKENS; ++token) {
        if (values[i].bit(token)) (i < 3 ? out.given : out.taken)[token].push_back(cycle);
      }
    }
  });
  return out;
}

std::optional<TokenFault> find_token_fault(const platform::MeasuredProgram &measured, std::uint64_t doorbell,
                                           const TokenEvents &events) {
  std::optional<TokenFault> first;
  const auto note = [&first](const TokenFault &fault) {
    if (!first || fault.cycle < first->cycle) first = fault;
  };
  const std::vector<timing::Record> &records = measured.program.records;
  for (unsigned token = 0; token < platform::TOKENS; ++token) {
    std::vector<std::size_t> givers, takers;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if ((platform::tokens_given(records[i]) >> token & 1) != 0) givers.push_back(i);
      if ((platform::tokens_taken(records[i]) >> token & 1) != 0) takers.push_back(i);
    }
    const auto at = [](const std::vector<std::size_t> &list, std::size_t n) {
      return n < list.size() ? std::optional(list[n]) : std::nullopt;
    };
    const std::vector<std::uint64_t> &given = events.given[token], &taken = events.taken[token];
    const std::size_t there = measured.program.tokens[token];  // before the first record
    for (std::size_t n = 0; n < given.size() && n < givers.size() && (kAtEnd >> token & 1) != 0; ++n) {
      const timing::Cycle end = measured.commands[givers[n]].end;
      if (end == timing::kNever || given[n] < doorbell + end) note({token, true, given[n], givers[n], at(takers, n + there)});
    }
    for (std::size_t n = there; n < taken.size(); ++n) {
      if (n - there >= given.size() || given[n - there] >= taken[n])
        note({token, false, taken[n], at(givers, n - there), at(takers, n)});
    }
  }
  return first;
}

}  // namespace systole::diagnose
