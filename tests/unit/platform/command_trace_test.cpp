// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/command_trace.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "firmware/include/systole_regs.h"

namespace systole::platform {
namespace {

using timing::Command;
using timing::Record;

constexpr uint64_t RING = 0x12'0000'0040;
constexpr uint8_t LOAD_BEGINS = 1, COMPUTE_BEGINS = 2, STORE_BEGINS = 4, LOAD_ENDS = 8, COMPUTE_ENDS = 16, STORE_ENDS = 32;

bool operator==(const Command &a, const Command &b) { return a.begin == b.begin && a.end == b.end; }

Record record(uint32_t opcode, uint32_t wait, uint32_t give, uint32_t mark) {
  Record result{};
  result[SYSTOLE_CMD_OPCODE_WORD] = opcode;
  result[SYSTOLE_CMD_WAIT_WORD] = wait << SYSTOLE_CMD_WAIT_LSB | give << SYSTOLE_CMD_GIVE_LSB;
  result[15] = mark;
  return result;
}

/// A ring of four records in memory.
class CommandTraceTest : public testing::Test {
 protected:
  CommandTraceTest() {
    trace_.register_written(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(RING), 1);
    trace_.register_written(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(RING >> 32), 2);
    trace_.register_written(SYSTOLE_REG_RING_SIZE, 2, 3);
    enable(true, 4);
    trace_.begin_job();
  }
  void enable(bool on, uint64_t cycle) { trace_.register_written(SYSTOLE_REG_CTRL, on ? SYSTOLE_CTRL_ENABLE_MASK : 0, cycle); }
  void reset(uint64_t cycle) {
    trace_.register_written(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK | SYSTOLE_CTRL_ENABLE_MASK, cycle);
  }
  void ring(uint32_t tail, uint64_t cycle) { trace_.register_written(SYSTOLE_REG_RING_TAIL, tail, cycle); }

  std::vector<Record> slots_ = std::vector<Record>(4);
  CommandTrace trace_{[this](uint64_t address, size_t length, uint8_t *data) {
    if (address < RING || address + length > RING + 64 * slots_.size()) return false;
    std::memcpy(data, reinterpret_cast<const uint8_t *>(slots_.data()) + (address - RING), length);
    return true;
  }};
};

TEST_F(CommandTraceTest, CountsFromTheDoorbellAndKeepsTheEnginesApart) {
  slots_ = {record(SYSTOLE_OPCODE_LOAD, 0, 0, 0), record(SYSTOLE_OPCODE_MATMUL, 0, 0, 1), record(SYSTOLE_OPCODE_LOAD, 0, 0, 2),
            record(SYSTOLE_OPCODE_STORE, 0, 0, 3)};
  const std::vector<Record> all = slots_;
  MemoryTiming memory;
  memory.latency = 77;
  trace_.start(memory, true);
  ring(3, 1000);
  trace_.pulses(LOAD_BEGINS, 1010);
  ring(4, 1015);
  trace_.pulses(LOAD_BEGINS | COMPUTE_BEGINS | STORE_BEGINS, 1020);
  trace_.pulses(LOAD_ENDS | STORE_ENDS, 1030);
  trace_.pulses(COMPUTE_ENDS, 1040);
  const MeasuredProgram &measured = trace_.measured();
  EXPECT_TRUE(measured.predictable);
  EXPECT_EQ(measured.memory.latency, 77u);
  EXPECT_EQ(measured.program.records, all);
  ASSERT_EQ(measured.program.doorbells.size(), 2u);
  EXPECT_EQ(measured.program.doorbells[0].cycle, 0u);
  EXPECT_EQ(measured.program.doorbells[0].records, 3u);
  EXPECT_EQ(measured.program.doorbells[1].cycle, 15u);
  EXPECT_EQ(measured.program.doorbells[1].records, 4u);
  const std::vector<Command> expected = {{10, 30}, {20, 40}, {20, timing::kNever}, {20, 30}};
  ASSERT_EQ(measured.commands.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(measured.commands[i] == expected[i]) << i;
}

TEST_F(CommandTraceTest, TheRingWrapsAndTokensOutlastAJob) {
  slots_[0] = record(SYSTOLE_OPCODE_LOAD, 0, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_PARAM_FULL, 0);
  slots_[1] = record(SYSTOLE_OPCODE_LOAD, 0, SYSTOLE_TOKEN_ACT_FULL, 1);
  slots_[2] = record(SYSTOLE_OPCODE_MATMUL, SYSTOLE_TOKEN_ACT_FULL, 0, 2);
  trace_.start({}, true);
  ring(3, 100);
  trace_.pulses(LOAD_BEGINS, 101);
  trace_.pulses(LOAD_ENDS | LOAD_BEGINS, 102);
  trace_.pulses(LOAD_ENDS | COMPUTE_BEGINS, 103);
  trace_.pulses(COMPUTE_ENDS, 104);
  trace_.begin_job();
  EXPECT_TRUE(trace_.measured().program.records.empty());
  EXPECT_EQ(trace_.measured().program.tokens, (std::array<uint8_t, 8>{1, 0, 0, 0, 0, 0, 0, 1}));
  for (uint32_t i = 0; i < 3; ++i) slots_[(3 + i) % 4] = record(SYSTOLE_OPCODE_STORE, 0, 0, 10 + i);
  trace_.start({}, true);
  ring(6, 200);
  ring(6, 201);  // nothing new
  ASSERT_EQ(trace_.measured().program.records.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(trace_.measured().program.records[i][15], 10 + i);
  EXPECT_EQ(trace_.measured().program.doorbells.size(), 1u);
  EXPECT_TRUE(trace_.measured().predictable);
}

TEST_F(CommandTraceTest, AsksForNoPredictionOfWhatItCannotKnow) {
  slots_[0] = record(SYSTOLE_OPCODE_LOAD, 0, SYSTOLE_TOKEN_ACT_FULL, 0);
  trace_.start({}, false);
  ring(1, 10);
  EXPECT_FALSE(trace_.measured().predictable) << "random stalls or errors in memory";
  trace_.begin_job();  // the load has not ended: who knows its token
  trace_.start({}, true);
  EXPECT_FALSE(trace_.measured().predictable) << "unknown tokens";
  reset(20);
  EXPECT_EQ(trace_.measured().program.tokens, (std::array<uint8_t, 8>{}));
  trace_.begin_job();
  trace_.start({}, true);
  ring(1, 30);
  EXPECT_TRUE(trace_.measured().predictable) << "a reset clears the tokens";
  EXPECT_EQ(trace_.measured().program.records.size(), 1u) << "and the tail";
  reset(40);
  EXPECT_FALSE(trace_.measured().predictable) << "a reset in the middle";

  trace_.begin_job();
  trace_.start({}, true);
  ring(6, 50);
  EXPECT_FALSE(trace_.measured().predictable) << "more records than the ring holds";
  reset(60);
  trace_.begin_job();
  trace_.start({}, true);
  slots_[0] = record(0, 0, 0, 0);
  ring(1, 70);
  EXPECT_FALSE(trace_.measured().predictable) << "no opcode";
  reset(80);
  trace_.begin_job();
  trace_.start({}, true);
  trace_.pulses(STORE_BEGINS, 90);
  EXPECT_FALSE(trace_.measured().predictable) << "a command that nobody asked for";
}

TEST_F(CommandTraceTest, AsksForNoPredictionOfAMachineThatIsNotEnabled) {
  slots_.assign(4, record(SYSTOLE_OPCODE_LOAD, 0, 0, 0));
  const auto job = [&] {
    trace_.begin_job();
    trace_.start({}, true);
  };
  const auto execute = [&](uint64_t cycle) { trace_.pulses(LOAD_BEGINS, cycle), trace_.pulses(LOAD_ENDS, cycle + 5); };
  enable(false, 10);
  job();
  ring(1, 20);
  EXPECT_FALSE(trace_.measured().predictable) << "disabled when the doorbell rings";
  enable(true, 30);
  execute(40);
  EXPECT_FALSE(trace_.measured().predictable);

  job();
  ring(2, 50);
  enable(true, 52);
  EXPECT_TRUE(trace_.measured().predictable) << "it was enabled";
  enable(false, 55);
  EXPECT_FALSE(trace_.measured().predictable) << "disabled before all is complete";
  enable(true, 57);
  execute(60);

  job();
  ring(3, 70);
  execute(75);
  enable(false, 90);
  EXPECT_TRUE(trace_.measured().predictable) << "disabled when all was complete";
  ring(4, 100);
  EXPECT_FALSE(trace_.measured().predictable) << "and still at the next doorbell";
  enable(true, 110);
  execute(120);

  job();
  ring(5, 130);
  execute(140);
  EXPECT_TRUE(trace_.measured().predictable) << "of the next job nothing of that is left";
}

}  // namespace
}  // namespace systole::platform
