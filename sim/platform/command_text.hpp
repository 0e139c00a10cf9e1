// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/timing/timing.hpp"

/// Command records in words, for reports.
namespace systole::platform {

inline constexpr unsigned ENGINES = 3;  ///< load, compute, store
inline constexpr unsigned NO_ENGINE = ENGINES;
inline constexpr unsigned TOKENS = 8;

/// "load", "compute", "store", "?".
const char *engine_name(unsigned engine);
/// Which engine executes the record; NO_ENGINE: none.
unsigned engine_of(const timing::Record &record);
/// "LOAD", "MATMUL", "STORE", "?".
const char *mnemonic(const timing::Record &record);
/// With the destination of a load: "LOAD ACT", "LOAD PARAM SCALE", "MATMUL", "STORE".
std::string command_name(const timing::Record &record);

/// A field of a record that a reader wants to see.
struct CommandField {
  const char *name;
  uint64_t value;
  std::string text;  ///< for a person: "0x1200001000", "k_inner"; "": the number
};
/// Those of the record, by the names of the specification.
std::vector<CommandField> command_fields(const timing::Record &record);
/// The fields that tell one command from the next: "dst 0, 16 items of 256 bytes".
std::string command_essentials(const timing::Record &record);

/// By token number: "ACT_FULL", …
extern const std::array<const char *, TOKENS> TOKEN_NAMES;
/// Bits by token number.
uint8_t tokens_taken(const timing::Record &record);
uint8_t tokens_given(const timing::Record &record);
/// "ACT_FULL, WGT_FULL"; "": none.
std::string token_text(uint8_t tokens);

}  // namespace systole::platform
