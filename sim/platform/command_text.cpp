// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/command_text.hpp"

#include <cstdio>

#include "firmware/include/systole_regs.h"
#include "sim/golden/types.hpp"

#define FIELD(name) systole_field_get(record.data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)

namespace systole::platform {
namespace {

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string name_of(const std::vector<const char *> &names, uint32_t value) {
  return value < names.size() ? names[value] : std::to_string(value);
}

std::string dtype(uint32_t value) {
  return value <= static_cast<uint32_t>(golden::DType::fp32) ? golden::name(static_cast<golden::DType>(value))
                                                             : std::to_string(value);
}

std::string count(uint64_t number, const char *noun) { return std::to_string(number) + ' ' + noun + (number == 1 ? "" : "s"); }

uint64_t address_of(uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; }

}  // namespace

const std::array<const char *, TOKENS> TOKEN_NAMES = {"ACT_FULL", "WGT_FULL", "ACT_FREE", "WGT_FREE",
                                                      "ACC_FULL", "ACC_FREE", "MEM_DONE", "PARAM_FULL"};

const char *engine_name(unsigned engine) {
  static const char *const NAMES[] = {"load", "compute", "store"};
  return engine < ENGINES ? NAMES[engine] : "?";
}

unsigned engine_of(const timing::Record &record) {
  switch (FIELD(CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: return 0;
    case SYSTOLE_OPCODE_MATMUL: return 1;
    case SYSTOLE_OPCODE_STORE: return 2;
    default: return NO_ENGINE;
  }
}

const char *mnemonic(const timing::Record &record) {
  static const char *const NAMES[] = {"LOAD", "MATMUL", "STORE", "?"};
  return NAMES[engine_of(record)];
}

std::string command_name(const timing::Record &record) {
  std::string out = mnemonic(record);
  if (engine_of(record) != 0) return out;
  out += ' ' + name_of({"ACT", "WGT", "ACC", "PARAM"}, FIELD(LOAD_DEST));
  if (FIELD(LOAD_DEST) == SYSTOLE_DEST_PARAM) out += ' ' + name_of({"BIAS", "B_ZERO_POINT", "SCALE", "SHIFT"}, FIELD(LOAD_BANK));
  return out;
}

std::vector<CommandField> command_fields(const timing::Record &record) {
  switch (engine_of(record)) {
    case 0: {
      const uint64_t address = address_of(FIELD(LOAD_ADDRESS_LO), FIELD(LOAD_ADDRESS_HI));
      return {{"address", address, hex(address)},
              {"dst", FIELD(LOAD_DST), ""},
              {"length", FIELD(LOAD_LENGTH), ""},
              {"count1", FIELD(LOAD_COUNT1), ""},
              {"count2", FIELD(LOAD_COUNT2), ""}};
    }
    case 1:
      return {{"a_dtype", FIELD(MATMUL_A_DTYPE), dtype(FIELD(MATMUL_A_DTYPE))},
              {"b_dtype", FIELD(MATMUL_B_DTYPE), dtype(FIELD(MATMUL_B_DTYPE))},
              {"seed", FIELD(MATMUL_SEED), name_of({"zero", "bias", "keep"}, FIELD(MATMUL_SEED))},
              {"order", FIELD(MATMUL_ORDER), name_of({"k_inner", "n_inner"}, FIELD(MATMUL_ORDER))},
              {"m0", FIELD(MATMUL_M0), ""},
              {"m1", FIELD(MATMUL_M1), ""},
              {"k0", FIELD(MATMUL_K0), ""},
              {"k1", FIELD(MATMUL_K1), ""},
              {"n", FIELD(MATMUL_N), ""},
              {"k_tail", FIELD(MATMUL_K_TAIL), ""},
              {"n_tail", FIELD(MATMUL_N_TAIL), ""},
              {"act", FIELD(MATMUL_ACT), ""},
              {"wgt", FIELD(MATMUL_WGT), ""},
              {"acc", FIELD(MATMUL_ACC), ""}};
    case 2: {
      const uint64_t address = address_of(FIELD(STORE_ADDRESS_LO), FIELD(STORE_ADDRESS_HI));
      return {{"address", address, hex(address)}, {"out_dtype", FIELD(STORE_OUT_DTYPE), dtype(FIELD(STORE_OUT_DTYPE))},
              {"m0", FIELD(STORE_M0), ""},        {"m1", FIELD(STORE_M1), ""},
              {"n", FIELD(STORE_N), ""},          {"n_tail", FIELD(STORE_N_TAIL), ""},
              {"acc", FIELD(STORE_ACC), ""}};
    }
    default: return {};
  }
}

std::string command_essentials(const timing::Record &record) {
  switch (engine_of(record)) {
    case 0:
      return "to word " + std::to_string(FIELD(LOAD_DST)) + ", " +
             count(uint64_t{FIELD(LOAD_COUNT1)} * FIELD(LOAD_COUNT2), "item") + " of " + count(FIELD(LOAD_LENGTH), "byte");
    case 1:
      return count(uint64_t{FIELD(MATMUL_K0)} * FIELD(MATMUL_K1) * FIELD(MATMUL_N), "tile") + " of " +
             count(uint64_t{FIELD(MATMUL_M0)} * FIELD(MATMUL_M1), "row") + ", act " + std::to_string(FIELD(MATMUL_ACT)) +
             ", wgt " + std::to_string(FIELD(MATMUL_WGT)) + ", acc " + std::to_string(FIELD(MATMUL_ACC));
    case 2:
      return "acc " + std::to_string(FIELD(STORE_ACC)) + " to " +
             hex(address_of(FIELD(STORE_ADDRESS_LO), FIELD(STORE_ADDRESS_HI))) + ", " +
             count(uint64_t{FIELD(STORE_M0)} * FIELD(STORE_M1), "row") + " of " + count(FIELD(STORE_N), "tile") + ", " +
             dtype(FIELD(STORE_OUT_DTYPE));
    default: return "opcode " + std::to_string(FIELD(CMD_OPCODE));
  }
}

uint8_t tokens_taken(const timing::Record &record) { return static_cast<uint8_t>(FIELD(CMD_WAIT)); }
uint8_t tokens_given(const timing::Record &record) { return static_cast<uint8_t>(FIELD(CMD_GIVE)); }

std::string token_text(uint8_t tokens) {
  std::string out;
  for (unsigned token = 0; token < TOKENS; ++token)
    if ((tokens >> token & 1) != 0) out += (out.empty() ? "" : ", ") + std::string(TOKEN_NAMES[token]);
  return out;
}

}  // namespace systole::platform
