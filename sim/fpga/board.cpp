// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/board.hpp"

#include <cstdio>
#include <vector>

#include "firmware/include/systole_regs.h"

namespace systole::fpga {

namespace {

// The fields' names are macros; this pastes them together: FIELD(word, CAP0_FP).
#define FIELD(word, name) (((word)&SYSTOLE_##name##_MASK) >> SYSTOLE_##name##_LSB)

std::string version_of(std::uint32_t major, std::uint32_t minor, std::uint32_t patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

/// As docs of versions have it: our own MAJOR and command version, at least our MINOR.
bool accepted(std::uint32_t version) {
  return FIELD(version, VERSION_MAJOR) == SYSTOLE_VERSION_MAJOR && FIELD(version, VERSION_MINOR) >= SYSTOLE_VERSION_MINOR &&
         FIELD(version, VERSION_COMMAND) == SYSTOLE_COMMAND_VERSION;
}

constexpr std::uint32_t kMostArrayLog2 = 6, kMostBufferLog2 = 16, kMostAccRowsLog2 = 15;  // as the RTL's parameters allow

bool within(std::uint32_t value, std::uint32_t low, std::uint32_t high) { return value >= low && value <= high; }

/// Whether an accelerator can have these capability registers.
bool plausible(const std::vector<std::uint32_t> &caps) {
  const std::uint32_t cols = FIELD(caps[0], CAP0_COLS_LOG2), weights = FIELD(caps[1], CAP1_WGT_WORDS_LOG2);
  return within(FIELD(caps[0], CAP0_ROWS_LOG2), 1, kMostArrayLog2) && within(cols, 1, kMostArrayLog2) &&
         within(FIELD(caps[0], CAP0_AXI_BYTES_LOG2), 2, 6) && FIELD(caps[0], CAP0_ELEMENT_LATENCY) != 0 &&
         FIELD(caps[0], CAP0_QUEUE_DEPTH) != 0 && FIELD(caps[1], CAP1_ACT_WORDS_LOG2) <= kMostBufferLog2 &&
         within(weights, cols, kMostBufferLog2) && within(FIELD(caps[1], CAP1_ACC_ROWS_LOG2), 1, kMostAccRowsLog2) &&
         FIELD(caps[1], CAP1_PARAM_ENTRIES_LOG2) <= kMostBufferLog2 && FIELD(caps[2], CAP2_MAX_READS) != 0 &&
         FIELD(caps[2], CAP2_MAX_WRITES) != 0 && within(FIELD(caps[2], CAP2_AXI_ADDR_BITS), 32, 64);
}

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

}  // namespace

std::string Board::version_text() const {
  return version_of(FIELD(version, VERSION_MAJOR), FIELD(version, VERSION_MINOR), FIELD(version, VERSION_PATCH));
}

Board read_board(link::Client &client) {
  const std::string &port = client.port();
  Board board;
  board.info = client.info();
  if (board.info.kind != link::kKindAccelerator) {
    throw link::Error(port + ": the board " + board.info.name() +
                      " holds the array bench only, which computes no products of files; `systole probe` tries its array");
  }
  if (board.info.memory_bytes == 0) throw link::Error(port + ": the board has no memory; load another bitstream");
  const std::uint32_t id = client.read_register(link::kAcceleratorBase + SYSTOLE_REG_ID);
  if (id != SYSTOLE_ID_VALUE) {
    throw link::Error(port +
                      ": the board's link answers, but there is no accelerator behind it (its ID register is wrong); "
                      "load the bitstream again");
  }
  board.version = client.read_register(link::kAcceleratorBase + SYSTOLE_REG_VERSION);
  if (!accepted(board.version)) {
    throw link::Error(port + ": the board's accelerator has version " + board.version_text() +
                      " with command records of version " + std::to_string(FIELD(board.version, VERSION_COMMAND)) +
                      ", this program is made for " +
                      version_of(SYSTOLE_VERSION_MAJOR, SYSTOLE_VERSION_MINOR, SYSTOLE_VERSION_PATCH) + " with version " +
                      std::to_string(SYSTOLE_COMMAND_VERSION) + "; use bitstream and program of the same release");
  }
  const std::vector<std::uint32_t> caps = client.read_registers(link::kAcceleratorBase + SYSTOLE_REG_CAP0, 3);
  if (!plausible(caps)) {
    throw link::Error(port + ": the capabilities of the board's accelerator make no sense (CAP0 " + hex(caps[0]) + ", CAP1 " +
                      hex(caps[1]) + ", CAP2 " + hex(caps[2]) +
                      "); load the bitstream again, or use bitstream and program of the same release");
  }
  platform::ConfigInfo &config = board.config;
  config.rows = 1u << FIELD(caps[0], CAP0_ROWS_LOG2);
  config.cols = 1u << FIELD(caps[0], CAP0_COLS_LOG2);
  config.axi_bits = 8u << FIELD(caps[0], CAP0_AXI_BYTES_LOG2);
  config.fp = FIELD(caps[0], CAP0_FP) != 0;
  config.element_latency = FIELD(caps[0], CAP0_ELEMENT_LATENCY);
  config.queue_depth = FIELD(caps[0], CAP0_QUEUE_DEPTH);
  config.act_bytes = (1u << FIELD(caps[1], CAP1_ACT_WORDS_LOG2)) * config.word_bytes();
  config.wgt_bytes = (1u << FIELD(caps[1], CAP1_WGT_WORDS_LOG2)) * config.word_bytes();
  config.acc_rows = 1u << FIELD(caps[1], CAP1_ACC_ROWS_LOG2);
  config.param_entries = 1u << FIELD(caps[1], CAP1_PARAM_ENTRIES_LOG2);
  config.max_reads = FIELD(caps[2], CAP2_MAX_READS);
  config.max_writes = FIELD(caps[2], CAP2_MAX_WRITES);
  config.axi_addr_bits = FIELD(caps[2], CAP2_AXI_ADDR_BITS);
  config.name = std::to_string(config.rows) + "x" + std::to_string(config.cols) + (config.fp ? "" : "-int8");
  return board;
}

void expect_config(const Board &board, const std::string &name, const std::string &port) {
  if (name == board.config.name) return;
  throw link::Error(port + ": the board holds configuration " + board.config.name + ", not " + name +
                    " as --config says; leave --config out, or load a bitstream of " + name);
}

}  // namespace systole::fpga
