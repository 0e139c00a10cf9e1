// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/hang_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "firmware/include/systole_regs.h"

namespace systole::platform {
namespace {

using timing::Record;

constexpr unsigned ACT_FULL = 0, WGT_FULL = 1, ACT_FREE = 2, WGT_FREE = 3, ACC_FULL = 4, ACC_FREE = 5;
constexpr uint16_t NO_COMMAND = 1 << 2, WEIGHTS = 1 << 3, ACTIVATIONS = 1 << 4, HAZARD = 1 << 5, STORE = 1 << 6;  // counters

Record record(uint32_t opcode, uint32_t wait, uint32_t give) {
  Record result{};
  result[SYSTOLE_CMD_OPCODE_WORD] = opcode;
  result[SYSTOLE_CMD_WAIT_WORD] = wait << SYSTOLE_CMD_WAIT_LSB | give << SYSTOLE_CMD_GIVE_LSB;
  return result;
}

/// A product of two tiles: each operand is loaded, multiplied and stored.
class HangReportTest : public testing::Test {
 protected:
  HangReportTest() {
    for (int tile = 0; tile < 2; ++tile) {
      program_.program.records.push_back(record(SYSTOLE_OPCODE_LOAD, tile * SYSTOLE_TOKEN_WGT_FREE, SYSTOLE_TOKEN_WGT_FULL));
      program_.program.records.back()[SYSTOLE_LOAD_DEST_WORD] = SYSTOLE_DEST_WGT << SYSTOLE_LOAD_DEST_LSB;
      program_.program.records.push_back(record(SYSTOLE_OPCODE_LOAD, tile * SYSTOLE_TOKEN_ACT_FREE, SYSTOLE_TOKEN_ACT_FULL));
      program_.program.records.push_back(record(SYSTOLE_OPCODE_MATMUL, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL,
                                                SYSTOLE_TOKEN_ACT_FREE | SYSTOLE_TOKEN_WGT_FREE | SYSTOLE_TOKEN_ACC_FULL));
      program_.program.records.push_back(record(SYSTOLE_OPCODE_STORE, SYSTOLE_TOKEN_ACC_FULL, SYSTOLE_TOKEN_ACC_FREE));
    }
    program_.commands.resize(program_.program.records.size());
    program_.ring_entries_log2 = 4;
    state_.measured = &program_;
    state_.now = 3000;
    state_.last_move = 1234;
    state_.doorbell = 1000;
    state_.probe.known = true;
    state_.probe.dispatch = state_.probe.next_fetch = static_cast<uint32_t>(program_.program.records.size());
    state_.queue_depth = 4;
    state_.registers = {{"STATUS", 5}, {"RING_HEAD", std::nullopt}};
  }
  void begin(size_t i, uint64_t cycle) { program_.commands[i].begin = cycle; }
  void end(size_t i, uint64_t cycle) { program_.commands[i].end = cycle; }
  void run(size_t i) {
    begin(i, 10 * i);
    end(i, 10 * i + 9);
  }
  /// All commands are dispatched; the engines have taken what has begun, compute the next one, too.
  void fill_queues() {
    const bool taken[] = {false, true, false};
    for (unsigned engine = 0; engine < ENGINES; ++engine) {
      unsigned waiting = 0;
      for (size_t i = 0; i < program_.commands.size(); ++i)
        waiting += engine_of(program_.program.records[i]) == engine && program_.commands[i].begin == timing::kNever;
      state_.probe.queues[engine].level = waiting - (taken[engine] && waiting != 0 ? 1 : 0);
    }
  }
  /// The line that begins with `engine`, in one piece.
  std::string line(const std::string &engine) {
    if (filled_) fill_queues();
    std::string report = hang_report(state_);
    const std::string wrap = "\n" + std::string(11, ' ');
    for (size_t at = report.find(wrap); at != std::string::npos; at = report.find(wrap)) report.replace(at, wrap.size(), " ");
    const size_t at = report.find("\n  " + engine);
    return at == std::string::npos ? report : report.substr(at + 1, report.find('\n', at + 1) - at - 1);
  }
  void expect(const std::string &engine, const std::string &part) {
    EXPECT_NE(line(engine).find(part), std::string::npos) << "no \"" << part << "\" in\n" << line(engine);
  }
  void expect_tokens(unsigned token, int least, int most) const {
    const TokenRange range = expected_tokens(program_, state_.probe)[token];
    EXPECT_EQ(range.least, least) << TOKEN_NAMES[token];
    EXPECT_EQ(range.most, most) << TOKEN_NAMES[token];
  }

  MeasuredProgram program_;
  HangState state_;
  bool filled_ = true;  // with the queues of fill_queues()
};

TEST_F(HangReportTest, NamesTheTokenAndWhoGivesIt) {
  run(0);
  begin(1, 30);
  state_.probe.tokens[WGT_FULL] = 1;
  state_.probe.events = WEIGHTS;
  state_.reads = {{0, 0x1234000, 16, 3}, {0, 0x1235000, 8, 0}};
  expect("load ", "#1 LOAD ACT (");
  expect("load ",
         "began at 30: waits for read data: 2 bursts outstanding, first the burst at 0x1234000, 3 of 16 beats over the bus");
  state_.probe.events = ACTIVATIONS;
  expect("compute ", "#2 MATMUL");
  expect("compute ", "has not begun: waits for token ACT_FULL (0 there; #1 LOAD ACT gives it, which began at 30)");
  expect("store ", "#3 STORE");
  expect("store ", "waits for token ACC_FULL (0 there; #2 MATMUL gives it, which has not begun)");
  EXPECT_NE(hang_report(state_).find("read ID 0 at 0x1234000: 3 of 16 beats"), std::string::npos) << hang_report(state_);
}

TEST_F(HangReportTest, SaysWhatACommandWaitsForOnceItHasBegun) {
  begin(0, 5);
  expect("load ", "all data that it asked for are there, and it does not write them");
  state_.probe.load_writes = true;
  state_.probe.load_dest = SYSTOLE_DEST_ACC;
  expect("load ", "waits for the write port of the accumulators");
  state_.probe.load_writes = false;
  state_.master.arvalid = true;
  expect("load ", "waits for ready of AR");
  state_.reads = {{0, 0x7000, 4, 3}, {0, 0x8000, 4, 0}};
  state_.in_ring = [](uint64_t address) { return address == 0x7000; };
  expect("load ", "waits for read data: 1 burst outstanding, first the burst at 0x8000, 0 of 4 beats");
  state_.slave.rvalid = true;
  expect("load ",
         "does not take the data that R offers (rtl/load/systole_dma_read.sv, systole_read_mux.sv): the burst at 0x7000, 3 of 4");
  EXPECT_NE(hang_report(state_).find("read ID 0 at 0x7000: 3 of 4 beats over the bus, of the ring\n"), std::string::npos);
  for (size_t i = 0; i < 3; ++i) run(i);
  begin(3, 60);
  expect("store ", "began at 60: all that it wrote is answered, and it writes no more");
  state_.probe.store_reads = true;
  expect("store ", "waits for the read port of the accumulators");
  state_.master.wvalid = true;
  expect("store ", "waits for ready of W");
  state_.master.awvalid = true;
  expect("store ", "waits for ready of AW");
  state_.master = {};
  state_.probe.store_reads = false;
  state_.writes = {{0, 0x8000, 4, 4}};
  expect("store ", "waits for 1 write response, the oldest of the burst at 0x8000, 4 of 4 beats");
  state_.writes = {{0, 0x8000, 4, 1}};
  expect("store ", "does not send all data of the burst at 0x8000, 1 of 4 beats");
  state_.slave.bvalid = true;
  expect("store ", "does not take the response that B offers (rtl/store/systole_store_answers.sv): the burst at 0x8000");
  end(3, 80);
  begin(6, 81);
  state_.probe.events = HAZARD;
  expect("compute ", "(hazard)");
}

TEST_F(HangReportTest, SaysWhereACommandStandsThatHasNotBegun) {
  filled_ = false;
  RtlProbe &p = state_.probe;
  for (const uint32_t first : {0u, 77u, ~uint32_t{0} - 2}) {
    program_.first = first;
    // Both first loads in the queue, a MATMUL in dispatch, three records behind it, one more asked for.
    p.dispatch = first + 2;
    p.dispatch_holds = p.dispatch_open = true;
    p.queues = {RtlProbe::Queue{2, false}, {4, true}, {0, false}};
    p.order = {2, false};
    p.fetched = {3, false};
    p.next_fetch = first + 7;
    state_.queue_depth = 4;
    expect("load ", "has not begun: is first in load's queue with all that it needs; load does not take it");
    expect("compute ", "has not begun: stands in dispatch and waits for a place in compute's queue");
    expect("store ", "has not begun: is fetched, behind #2 in dispatch, which waits for a place in compute's queue");
    expect("dispatch ", "#2 MATMUL waits for a place in compute's queue; next to fetch is #7");
    expect("  queues: ",
           "load 2 of 4, compute 4 of 4, store 0 of 4; 2 dispatched and not retired; behind dispatch 3 fetched, 1 asked for");
    expect("  #0 LOAD WGT", "has not begun, in load's queue");
    expect("  #2 MATMUL", "has not begun, in dispatch");
    expect("  #4 LOAD WGT", "has not begun, fetched");
    state_.queue_depth.reset();
    expect("  queues: ", "load 2, compute 4 (full), store 0;");
    begin(0, 1);
    p.queues[0].level = 1;
    expect("  #1 LOAD ACT", "has not begun, in load's queue");
    p.queues[0].level = 0;
    expect("  #1 LOAD ACT", "has not begun, taken by load");
    end(0, 2);
    expect("load ", "#1 LOAD ACT (to word 0, 0 items of 0 bytes) has not begun: was taken from load's queue and goes no further");
    program_.commands[0] = {};
    p.order = {32, true};
    expect("store ", "is fetched, behind #2 in dispatch, which waits for the oldest of 32 dispatched commands to end");
    p.dispatch_open = false;
    expect("compute ", "stands in dispatch and is held since the machine has stopped or is not enabled");
    p.dispatch_refused = true;
    expect("compute ", "stands in dispatch and is illegal");
    p.dispatch_refused = false;
    p.dispatch_open = true;
    p.order.full = false;
    p.queues[1].full = false;
    expect("compute ", "waits for nothing that dispatch shows (rtl/control/systole_dispatch.sv)");
    // What is further behind.
    p.fetched.level = 0;
    p.queues[1].full = true;
    expect("store ", "its record is asked for and has not come: the bus owes none");
    state_.reads = {{0, 0x5000, 4, 1}};
    state_.in_ring = [](uint64_t address) { return address == 0x5000; };
    expect("store ", "its record is asked for and has not come: waits for the burst at 0x5000, 1 of 4 beats over the bus");
    p.next_fetch = first + 3;
    expect("store ", "is not fetched (#3 is next), behind #2 in dispatch, which waits for a place in compute's queue");
    p.dispatch_holds = false;
    p.next_fetch = first + 2;
    expect("store ", "is not fetched (#2 is next): waits for the burst at 0x5000");
    expect("dispatch ", "#2 is next; next to fetch is #2");
    state_.reads.clear();
  }
}

TEST_F(HangReportTest, TokensAreWhatBegunAndEndedCommandsMakeThem) {
  state_.probe.events = NO_COMMAND;
  expect_tokens(ACT_FULL, 0, 0);
  run(0);
  run(1);
  expect_tokens(ACT_FULL, 1, 1);
  expect_tokens(WGT_FULL, 1, 1);  // the engine has no command
  state_.probe.events = STORE;    // the weights are in the array
  expect_tokens(WGT_FULL, 0, 0);
  expect_tokens(WGT_FREE, 0, 1);
  state_.probe.events = WEIGHTS;
  expect_tokens(WGT_FULL, 1, 1);
  state_.probe = {};
  expect_tokens(WGT_FULL, 0, 1);
  begin(2, 40);
  expect_tokens(WGT_FULL, 0, 0);
  expect_tokens(ACT_FULL, 0, 0);
  expect_tokens(ACT_FREE, 0, 1);
  expect_tokens(ACC_FULL, 0, 0);
  end(2, 50);
  expect_tokens(ACT_FREE, 1, 1);
  expect_tokens(ACC_FULL, 1, 1);
  begin(3, 51);
  expect_tokens(ACC_FULL, 0, 0);
  expect_tokens(ACC_FREE, 0, 1);
  end(3, 60);
  expect_tokens(ACC_FREE, 1, 1);
}

TEST_F(HangReportTest, ALostTokenAndADoubledOneStandOut) {
  for (size_t i = 0; i < 3; ++i) run(i);
  state_.probe.events = NO_COMMAND;
  state_.probe.tokens[ACC_FULL] = state_.probe.tokens[ACT_FREE] = 1;
  state_.probe.tokens[ACC_FREE] = 2;
  begin(5, 70);
  filled_ = false;
  state_.probe.queues[0].level = 2;
  const std::string report = hang_report(state_);
  for (const char *part :
       {"WGT_FREE: the RTL holds 0, its commands make it 1: LOST, or taken twice, between compute, which gives it, and load",
        "ACC_FREE: the RTL holds 2, its commands make it 0: GIVEN TWICE", "ACT_FREE: the RTL holds 1, its commands make it 0"})
    EXPECT_NE(report.find(part), std::string::npos) << "no \"" << part << "\" in\n" << report;
  EXPECT_EQ(report.find("they agree"), std::string::npos) << report;
  expect("load ", "WGT_FREE (0 there; #2 MATMUL gives it, which ended at 29: the token was LOST)");
}

TEST_F(HangReportTest, TokensThatAgreeAreSaidToAgree) {
  state_.probe.events = NO_COMMAND;
  const std::string report = hang_report(state_);
  EXPECT_NE(report.find("they agree"), std::string::npos) << report;
  EXPECT_NE(report.find("hang: nothing has moved since cycle 1,234 (234 of the job), now it is 3,000"), std::string::npos)
      << report;
  EXPECT_NE(report.find("STATUS=5 RING_HEAD=?"), std::string::npos) << report;
}

TEST_F(HangReportTest, FitsOnOneScreen) {
  for (int i = 0; i < 1000; ++i) program_.program.records.push_back(program_.program.records[i % 8]);
  program_.commands.resize(program_.program.records.size());
  program_.first = 77;
  for (uint64_t i = 0; i < 16; ++i) {
    state_.reads.push_back({0, 0x1000 * i, 256, 0});
    state_.writes.push_back({0, 0x1000 * i, 256, 0});
  }
  state_.probe.tokens = {9, 9, 9, 9, 9, 9, 9, 9};
  state_.probe.dispatch_holds = true;
  state_.probe.dispatch = 977;
  state_.registers.assign(9, {"ERROR_INDEX", 4'000'000'000u});
  const std::string report = hang_report(state_);
  EXPECT_LE(std::count(report.begin(), report.end(), '\n') + 1, 42) << report;  // with a title and two lines about waves
  std::istringstream lines(report);
  for (std::string text; std::getline(lines, text);) EXPECT_LE(text.size(), HANG_COLUMNS) << text;
  EXPECT_NE(report.find("oldest incomplete #0, as RING_HEAD counts 77"), std::string::npos) << report;
  EXPECT_NE(report.find("and 13 read bursts more"), std::string::npos) << report;
}

TEST_F(HangReportTest, WithoutAJobOrAProbeThereIsAReport) {
  const MeasuredProgram none;
  state_.measured = &none;
  state_.doorbell = 0;
  state_.probe = {};
  state_.unanswered = 8;
  const std::string report = hang_report(state_);
  EXPECT_NE(report.find("0 commands announced"), std::string::npos) << report;
  EXPECT_NE(report.find("register access to offset 8 is not answered"), std::string::npos) << report;
  state_.measured = &program_;
  expect("compute ", "what it waits for is not known of this top");
}

}  // namespace
}  // namespace systole::platform
