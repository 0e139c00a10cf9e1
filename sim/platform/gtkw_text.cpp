// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gtkw_text.hpp"

#include <cstdio>

#include "firmware/include/systole_regs.h"
#include "sim/golden/types.hpp"
#include "sim/platform/command_text.hpp"
#include "sim/platform/command_trace.hpp"
#include "sim/platform/gtkw.hpp"

namespace systole::platform {
namespace text {

Names registers() {
#define REGISTER(NAME) \
  { SYSTOLE_REG_##NAME, #NAME }
#define COUNTER(NAME) REGISTER(COUNTER_##NAME##_LO), REGISTER(COUNTER_##NAME##_HI)
  return {REGISTER(ID),           REGISTER(VERSION),     REGISTER(CAP0),          REGISTER(CAP1),          REGISTER(CAP2),
          REGISTER(CTRL),         REGISTER(STATUS),      REGISTER(IRQ_ENABLE),    REGISTER(IRQ_STATUS),    REGISTER(RING_BASE_LO),
          REGISTER(RING_BASE_HI), REGISTER(RING_SIZE),   REGISTER(RING_TAIL),     REGISTER(RING_HEAD),     REGISTER(WATCHDOG),
          REGISTER(ERROR_CODE),   REGISTER(ERROR_INDEX), REGISTER(ERROR_ADDR_LO), REGISTER(ERROR_ADDR_HI), REGISTER(DONE_LOAD),
          REGISTER(DONE_COMPUTE), REGISTER(DONE_STORE),  REGISTER(COUNTER_CTRL),  COUNTER(TOTAL),          COUNTER(COMPUTE),
          COUNTER(COMMAND),       COUNTER(WEIGHTS),      COUNTER(ACTIVATIONS),    COUNTER(HAZARD),         COUNTER(STORE),
          COUNTER(DRAIN),         COUNTER(READ_BYTES),   COUNTER(WRITE_BYTES),    COUNTER(READ_BURSTS),    COUNTER(WRITE_BURSTS),
          COUNTER(MACS)};
#undef COUNTER
#undef REGISTER
}

Names destinations() {
  return {{SYSTOLE_DEST_ACT, "activations"},
          {SYSTOLE_DEST_WGT, "weights"},
          {SYSTOLE_DEST_ACC, "accumulators"},
          {SYSTOLE_DEST_PARAM, "parameters"}};
}

Names banks() {
  return {{SYSTOLE_BANK_BIAS, "bias"},
          {SYSTOLE_BANK_B_ZERO_POINT, "B zero points"},
          {SYSTOLE_BANK_SCALE, "scales"},
          {SYSTOLE_BANK_SHIFT, "shifts"}};
}

Names errors() {
  Names names;
#define ERROR(NAME, RESULT, SENTENCE) \
  names.emplace_back(SYSTOLE_ERROR_##NAME, SYSTOLE_ERROR_##NAME == SYSTOLE_ERROR_NONE ? "-" : #NAME);
  SYSTOLE_ERRORS(ERROR)
#undef ERROR
  return names;
}

Names causes() { return {{0, "-"}, {1, "weights"}, {2, "activations"}, {4, "hazard"}, {8, "store"}, {16, "no command"}}; }

std::vector<std::string> tokens() { return {TOKEN_NAMES.begin(), TOKEN_NAMES.end()}; }

Names token_sets() {
  const std::vector<std::string> names = tokens();
  Names sets = {{0, "-"}};
  for (uint32_t set = 1; set < 256; ++set) {
    std::string text;
    for (unsigned bit = 0; bit < names.size(); ++bit)
      if ((set >> bit & 1) != 0) text += (text.empty() ? "" : " ") + names[bit];
    sets.emplace_back(set, text);
  }
  return sets;
}

}  // namespace text

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

std::string type_name(uint32_t type) {
  return type <= static_cast<uint32_t>(golden::DType::fp32) ? golden::name(static_cast<golden::DType>(type))
                                                            : "type " + number(type);
}

std::string address(uint32_t high, uint32_t low) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%x%08x", high, low);
  return text;
}

/// "m=64", or "m=2x32" of two loops.
std::string loops(const char *name, uint32_t outer, uint32_t inner) {
  return std::string(" ") + name + "=" + (outer == 1 ? "" : number(outer) + "x") + number(inner);
}

}  // namespace

std::string describe_command(uint32_t index, const timing::Record &record) {
  std::string out = "#" + number(index) + " ";
  switch (SYSTOLE_FIELD(record, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: {
      static const char *const DESTINATIONS[] = {"act", "wgt", "acc", "param"};
      const uint32_t dest = SYSTOLE_FIELD(record, LOAD_DEST), bank = SYSTOLE_FIELD(record, LOAD_BANK);
      out += "LOAD ";
      out += dest < 4 ? DESTINATIONS[dest] : "?";
      for (const auto &[value, name] : text::banks())
        if (dest == SYSTOLE_DEST_PARAM && bank == value) out += " " + name;
      out += " " + number(SYSTOLE_FIELD(record, LOAD_DST));
      const uint32_t count1 = SYSTOLE_FIELD(record, LOAD_COUNT1), count2 = SYSTOLE_FIELD(record, LOAD_COUNT2);
      out += ": " + (count2 == 1 ? "" : number(count2) + "x") + (count1 == 1 ? "" : number(count1) + "x") +
             number(SYSTOLE_FIELD(record, LOAD_LENGTH)) + " B @" +
             address(SYSTOLE_FIELD(record, LOAD_ADDRESS_HI), SYSTOLE_FIELD(record, LOAD_ADDRESS_LO));
      return out;
    }
    case SYSTOLE_OPCODE_MATMUL: {
      static const char *const SEEDS[] = {"zero", "bias", "keep", "?"};
      const uint32_t a = SYSTOLE_FIELD(record, MATMUL_A_DTYPE), b = SYSTOLE_FIELD(record, MATMUL_B_DTYPE);
      out += "MATMUL " + type_name(a) + (a == b ? "" : "*" + type_name(b)) + " n=" + number(SYSTOLE_FIELD(record, MATMUL_N)) +
             loops("k", SYSTOLE_FIELD(record, MATMUL_K1), SYSTOLE_FIELD(record, MATMUL_K0)) +
             loops("m", SYSTOLE_FIELD(record, MATMUL_M1), SYSTOLE_FIELD(record, MATMUL_M0)) + " " +
             SEEDS[SYSTOLE_FIELD(record, MATMUL_SEED)] + " act " + number(SYSTOLE_FIELD(record, MATMUL_ACT)) + " wgt " +
             number(SYSTOLE_FIELD(record, MATMUL_WGT)) + " acc " + number(SYSTOLE_FIELD(record, MATMUL_ACC));
      return out;
    }
    case SYSTOLE_OPCODE_STORE:
      out += "STORE " + type_name(SYSTOLE_FIELD(record, STORE_OUT_DTYPE)) + " n=" + number(SYSTOLE_FIELD(record, STORE_N)) +
             loops("m", SYSTOLE_FIELD(record, STORE_M1), SYSTOLE_FIELD(record, STORE_M0)) + " acc " +
             number(SYSTOLE_FIELD(record, STORE_ACC)) + " @" +
             address(SYSTOLE_FIELD(record, STORE_ADDRESS_HI), SYSTOLE_FIELD(record, STORE_ADDRESS_LO));
      return out;
    default: return out + "opcode " + number(SYSTOLE_FIELD(record, CMD_OPCODE));
  }
}

void WaveNotes::add(const MeasuredProgram &measured, uint64_t doorbell, uint64_t irq) {
  if (doorbell == 0) return;
  Job job{doorbell, irq, 0, commands.size()};
  for (size_t i = 0; i < measured.commands.size(); ++i) {
    const timing::Record &record = measured.program.records[i];
    commands.push_back({measured.first + static_cast<uint32_t>(i), record});
    const bool matmul = SYSTOLE_FIELD(record, CMD_OPCODE) == SYSTOLE_OPCODE_MATMUL;
    if (matmul && job.first_row == 0 && measured.commands[i].begin != timing::kNever)
      job.first_row = doorbell + measured.commands[i].begin;
  }
  jobs.push_back(job);
}

}  // namespace systole::platform
