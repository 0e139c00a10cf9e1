// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/timing/timing.hpp"

/// The texts that the view of waves shows for numbers; all numbers come from the generated header of registers and commands.
namespace systole::platform::text {

using Names = std::vector<std::pair<uint32_t, std::string>>;

/// Offsets of registers, destinations of a load, its parameter banks, error codes.
Names registers(), destinations(), banks(), errors();
/// What an activation sequencer's `cause_o` says about a cycle without a row (rtl/compute/systole_act_seq.sv).
Names causes();
/// The eight tokens, by bit.
std::vector<std::string> tokens();
/// Each set of tokens: 256 of them.
Names token_sets();

/// A field of a command record by the words of the generated header.
constexpr uint32_t field(const timing::Record &record, unsigned word, unsigned lsb, unsigned width) {
  return record[word] >> lsb & (width == 32 ? ~uint32_t{0} : (uint32_t{1} << width) - 1);
}
#define SYSTOLE_FIELD(record, NAME) \
  ::systole::platform::text::field(record, SYSTOLE_##NAME##_WORD, SYSTOLE_##NAME##_LSB, SYSTOLE_##NAME##_WIDTH)

}  // namespace systole::platform::text
