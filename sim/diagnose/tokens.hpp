// SPDX-License-Identifier: Apache-2.0
/// Tokens that were given or taken too early.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/platform/command_text.hpp"
#include "sim/platform/command_trace.hpp"
#include "sim/platform/wave_reader.hpp"

namespace systole::diagnose {

/// The cycles in which each token was given and taken, as the waves count.
struct TokenEvents {
  std::array<std::vector<std::uint64_t>, platform::TOKENS> given, taken;
};

/// Those from a cycle on, from waves that hold the scope of the machine's top. @throws std::invalid_argument if they lack a signal
TokenEvents read_tokens(std::uint64_t begin, platform::WaveReader &waves);

/// A token that came before its time. Of each token the n-th taker in the order of the records takes what the n-th giver gave.
struct TokenFault {
  unsigned token = 0;
  bool given_early = false;                 ///< before its giver had ended, which it is to say; else: taken before it was given
  std::uint64_t cycle = 0;                  ///< in which that was, as the waves count
  std::optional<std::size_t> giver, taker;  ///< indices of the records; no giver: none that would give so many
};

/// The first in time, if there is any. @param doorbell  cycle in which the waves have the job's first doorbell
std::optional<TokenFault> find_token_fault(const platform::MeasuredProgram &measured, std::uint64_t doorbell,
                                           const TokenEvents &events);

}  // namespace systole::diagnose
