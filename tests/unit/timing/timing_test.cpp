// SPDX-License-Identifier: Apache-2.0
// The timing model by itself. Expected cycles are derived from docs/architecture.md, docs/memory_model.md and the latencies in the
// headers of the RTL's modules; that it equals the RTL is tested in tb/system/timing_test.cpp.
#include "sim/timing/timing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "sim/record/record.hpp"
#include "sim/timing/predict.hpp"
#include "tb/system/raw_ring.hpp"

namespace systole::timing {
namespace {

using platform::ConfigInfo;
using platform::MemoryTiming;
using tb::RawRing;

uint64_t seed() {
  const char *text = std::getenv("SYSTOLE_SEED");
  const uint64_t value = text == nullptr ? 20240607 : std::strtoull(text, nullptr, 0);
  std::printf("SYSTOLE_SEED=%llu\n", static_cast<unsigned long long>(value));
  return value;
}

#define PUT(record, name, value) systole_field_set((record).data(), name##_WORD, name##_LSB, name##_WIDTH, (value))

Record load(uint32_t length, uint32_t count = 1, uint32_t pitch = 0) {
  Record r{};
  PUT(r, SYSTOLE_CMD_OPCODE, SYSTOLE_OPCODE_LOAD);
  PUT(r, SYSTOLE_CMD_VERSION, SYSTOLE_COMMAND_VERSION);
  PUT(r, SYSTOLE_LOAD_DEST, SYSTOLE_DEST_ACT);
  PUT(r, SYSTOLE_LOAD_LENGTH, length);
  PUT(r, SYSTOLE_LOAD_COUNT1, count);
  PUT(r, SYSTOLE_LOAD_COUNT2, 1);
  PUT(r, SYSTOLE_LOAD_PITCH1, pitch);
  return r;
}
Record matmul(uint32_t m, uint32_t columns) {
  Record r{};
  PUT(r, SYSTOLE_CMD_OPCODE, SYSTOLE_OPCODE_MATMUL);
  PUT(r, SYSTOLE_CMD_VERSION, SYSTOLE_COMMAND_VERSION);
  PUT(r, SYSTOLE_MATMUL_M0, m);
  PUT(r, SYSTOLE_MATMUL_M1, 1);
  PUT(r, SYSTOLE_MATMUL_K0, 1);
  PUT(r, SYSTOLE_MATMUL_K1, 1);
  PUT(r, SYSTOLE_MATMUL_N, 1);
  PUT(r, SYSTOLE_MATMUL_K_TAIL, 7);
  PUT(r, SYSTOLE_MATMUL_N_TAIL, columns);
  return r;
}
Record waiting(Record record, uint32_t tokens) {
  PUT(record, SYSTOLE_CMD_WAIT, tokens);
  return record;
}
Record giving(Record record, uint32_t tokens) {
  PUT(record, SYSTOLE_CMD_GIVE, tokens);
  return record;
}
Program program(const std::vector<Record> &records) { return {records, {{0, static_cast<uint32_t>(records.size())}}, {}}; }

/// Both ways of stepping, which must agree.
Prediction both(const ConfigInfo &config, const MemoryTiming &memory, const Program &program) {
  const Prediction skipping = predict(config, memory, program, Stepping::Skip);
  const Prediction stepping = predict(config, memory, program, Stepping::EveryCycle);
  EXPECT_EQ(first_difference(program, stepping.commands, skipping.commands), "");
  EXPECT_EQ(stepping.complete, skipping.complete);
  EXPECT_EQ(stepping.counters, skipping.counters);
  return skipping;
}
uint64_t causes(const Prediction &prediction) {
  uint64_t sum = 0;
  for (const char *name : {"compute", "command", "weights", "activations", "hazard", "store", "drain"})
    sum += prediction.counters.at(name);
  return sum;
}

class PredictTest : public testing::Test {
 protected:
  const ConfigInfo &config_ = platform::find_config("16x16");  // 16 bytes a beat, L = 4, P = 2
};

// Doorbell in 0; AR on fetch's port in 1, on the bus in 2. The record's four beats from 2 + latency on; the engine's queue offers
// it three cycles after the last. A load's first AR is five cycles after it was taken, and one more later on the bus. The beat
// comes; a cycle later the chunk enters the write register, then the buffer, then done_o.
TEST_F(PredictTest, ALoadTakesTheDocumentedCycles) {
  for (const unsigned latency : {1u, 40u, 200u}) {
    MemoryTiming memory;
    memory.latency = latency;
    const Prediction p = both(config_, memory, program({load(16)}));
    const Cycle begin = 2 + latency + 3 + 3, end = begin + 6 + latency + 3;
    EXPECT_EQ(p.commands[0].begin, begin);
    EXPECT_EQ(p.commands[0].end, end);
    EXPECT_EQ(p.complete, end + 1);
    EXPECT_EQ(p.counters.at("total"), end + 1);
    EXPECT_EQ(p.counters.at("command"), begin) << "until the record is in its queue";
    EXPECT_EQ(p.counters.at("drain"), end + 1 - begin);
    EXPECT_EQ(p.counters.at("read_bursts"), 2u);
    EXPECT_EQ(p.counters.at("read_bytes"), 64u + 16);
  }
}

TEST_F(PredictTest, AMemoryOfAnEighthOfTheBusTakesEightCyclesABeat) {
  MemoryTiming memory;
  memory.bytes_per_cycle = 2;
  const Prediction p = both(config_, memory, program({load(64)}));
  const Cycle begin = 2 + 40 + 3 * 8 + 3;
  EXPECT_EQ(p.commands[0].begin, begin);
  EXPECT_EQ(p.commands[0].end, begin + 6 + 40 + 3 * 8 + 3);
}

TEST_F(PredictTest, OneOutstandingBurstWaitsForTheLastBeat) {
  const Program two_items = program({load(16, 2, 64)});
  MemoryTiming memory;
  memory.outstanding = 2;
  const Cycle begin = 2 + 40 + 3 + 3;
  EXPECT_EQ(both(config_, memory, two_items).commands[0].end, begin + 6 + 40 + 3 + 1) << "a burst a cycle";
  memory.outstanding = 1;  // the second AR in the cycle after the first beat
  EXPECT_EQ(both(config_, memory, two_items).commands[0].end, begin + 6 + 40 + 1 + 40 + 3);
}

// Weights are pushed from the second cycle after the command left its queue on, a column a cycle; the tile starts in the cycle after
// the last. The last row's last column is written 2 + P + L*Rows + Cols - 1 cycles after the row.
TEST_F(PredictTest, AMatmulTakesTheDocumentedCycles) {
  for (const unsigned columns : {16u, 5u}) {
    const Prediction p = both(config_, {}, program({matmul(4, columns)}));
    const Cycle begin = 2 + 40 + 3 + 3 + 2 + columns;
    EXPECT_EQ(p.commands[0].begin, begin);
    EXPECT_EQ(p.commands[0].end, begin + 3 + 2 + 2 + 4 * 16 + 15);
    EXPECT_EQ(p.counters.at("compute"), 4u);
    EXPECT_EQ(p.counters.at("weights"), columns) << "the sequencer has the command two cycles after the queue had";
    EXPECT_EQ(p.counters.at("macs"), uint64_t{4} * 7 * columns);
  }
}

TEST_F(PredictTest, EndsWhereNobodyGivesTheToken) {
  const Program stuck = program({load(16), waiting(matmul(1, 1), SYSTOLE_TOKEN_ACT_FULL), load(16)});
  const Prediction p = both(config_, {}, stuck);
  EXPECT_EQ(p.complete, kNever);
  EXPECT_NE(p.commands[0].end, kNever);
  EXPECT_EQ(p.commands[1].begin, kNever);
  EXPECT_EQ(p.commands[1].end, kNever);
  EXPECT_NE(p.commands[2].end, kNever) << "another engine goes on";
  const Program fed = program({giving(load(16), SYSTOLE_TOKEN_ACT_FULL), stuck.records[1], load(16)});
  EXPECT_NE(both(config_, {}, fed).complete, kNever);
}

TEST_F(PredictTest, TakesTokensThatWereThereBefore) {
  Program p = program({waiting(load(16), SYSTOLE_TOKEN_MEM_DONE), waiting(load(16), SYSTOLE_TOKEN_MEM_DONE)});
  EXPECT_EQ(both(config_, {}, p).commands[0].begin, kNever);
  p.tokens[6] = 1;
  EXPECT_EQ(both(config_, {}, p).commands[0].begin, 48u);
  EXPECT_EQ(both(config_, {}, p).commands[1].begin, kNever);
  p.tokens[6] = 2;
  EXPECT_NE(both(config_, {}, p).complete, kNever);
}

TEST_F(PredictTest, ATokenCanBeTakenInTheCycleAfterItWasGiven) {
  // The MATMUL's weights are in place long before the load is complete.
  const Prediction p =
      both(config_, {}, program({giving(load(16), SYSTOLE_TOKEN_ACT_FULL), waiting(matmul(1, 1), SYSTOLE_TOKEN_ACT_FULL)}));
  EXPECT_EQ(p.commands[1].begin, p.commands[0].end + 1);
}

TEST_F(PredictTest, CountsOnlyBusyCycles) {
  Program p = program({load(16), load(16)});
  const Cycle one = both(config_, {}, program({load(16)})).complete;
  p.doorbells = {{0, 1}, {10000, 2}};
  const Prediction prediction = both(config_, {}, p);
  EXPECT_EQ(prediction.complete, 10000 + one);
  EXPECT_EQ(prediction.commands[1].begin, 10000 + prediction.commands[0].begin);
  EXPECT_EQ(prediction.counters.at("total"), 2 * one);
  EXPECT_EQ(causes(prediction), 2 * one);
}

TEST_F(PredictTest, RefusesWhatItCannotRun) {
  EXPECT_THROW(predict(config_, {}, program({Record{}})), std::invalid_argument);
  EXPECT_THROW(predict(config_, {}, program({load(0)})), std::invalid_argument);
  EXPECT_THROW(predict(config_, {}, program({matmul(0, 1)})), std::invalid_argument);
  MemoryTiming memory;
  memory.latency = 0;
  EXPECT_THROW(predict(config_, memory, program({load(16)})), std::invalid_argument);
}

TEST_F(PredictTest, FirstDifferenceNamesTheCommandAndBothTimes) {
  const Program p = program({load(16), matmul(1, 1)});
  const std::vector<Command> measured = {{1, 2}, {3, 5}}, predicted = {{1, 2}, {3, 4}};
  EXPECT_EQ(first_difference(p, measured, measured), "");
  const std::string text = first_difference(p, measured, predicted);
  for (const char *part : {"1", "MATMUL", "3 to 5", "3 to 4"}) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(PredictTest, FirstDifferenceIsTheEarliestInTime) {
  const Program p = program({load(16), matmul(1, 1), load(16)});
  const std::vector<Command> predicted = {{10, 200}, {60, 90}, {20, 50}};
  // The second LOAD ends late and holds up the MATMUL, and that the first LOAD.
  std::vector<Command> measured = {{10, 203}, {62, 92}, {20, 51}};
  EXPECT_EQ(first_difference(p, measured, predicted).rfind("command 2 LOAD", 0), 0u);
  // Early or late, begin or end, never or not.
  measured = {{10, 40}, {60, 90}, {19, 50}};
  EXPECT_EQ(first_difference(p, measured, predicted).rfind("command 2 LOAD", 0), 0u);
  measured = {{10, 200}, {60, kNever}, {20, 100}};
  EXPECT_EQ(first_difference(p, measured, predicted).rfind("command 2 LOAD", 0), 0u);
  measured = {{10, 200}, {60, kNever}, {20, 50}};
  EXPECT_EQ(first_difference(p, measured, predicted).rfind("command 1 MATMUL", 0), 0u);
  // In the same cycle: ring order.
  measured = {{11, 200}, {60, 90}, {10, 50}};
  EXPECT_EQ(first_difference(p, measured, predicted).rfind("command 0 LOAD", 0), 0u);
}

TEST_F(PredictTest, APredictorRefusesDoorbellsInCyclesThatAreOver) {
  Predictor predictor(config_, {});
  predictor.announce(0, {load(16)});
  predictor.run(100);
  const Cycle end = predictor.head_passes(0);
  ASSERT_NE(end, kNever);
  EXPECT_THROW(predictor.announce(1, {load(16)}), std::invalid_argument);
  EXPECT_THROW(predictor.announce(200, {load(16), Record{}}), std::invalid_argument);
  EXPECT_EQ(predictor.program().records.size(), 1u) << "what is refused is not announced in part";
  predictor.announce(200, {load(16)});
  EXPECT_EQ(predictor.head_passes(1), kNever);
  EXPECT_EQ(predictor.prediction().complete, kNever);
  predictor.run(kNever);
  EXPECT_EQ(predictor.head_passes(1), 200 + end);
  EXPECT_EQ(predictor.prediction().complete, 200 + end);
}

/// What it stops at leaves a host time to ring in the very cycle in which RING_HEAD moves.
TEST_F(PredictTest, APredictorStopsBeforeAHostCanSeeARecordComplete) {
  const std::vector<Record> records(3, load(16));
  Predictor predictor(config_, {});
  predictor.announce(0, records);
  predictor.run(kNever, 0);
  const Cycle first = predictor.head_passes(0);
  ASSERT_NE(first, kNever);
  EXPECT_FALSE(predictor.still());
  EXPECT_NO_THROW(predictor.announce(first, records));
  predictor.run(kNever);
  Program whole = program(records);
  whole.records.insert(whole.records.end(), records.begin(), records.end());
  whole.doorbells.push_back({first, 6});
  EXPECT_EQ(predictor.prediction().complete, predict(config_, {}, whole).complete);
}

TEST_F(PredictTest, APredictorStandsStillWhereNobodyGivesTheToken) {
  Predictor predictor(config_, {});
  predictor.announce(0, {waiting(load(16), SYSTOLE_TOKEN_MEM_DONE)});
  EXPECT_FALSE(predictor.still());
  predictor.run(kNever, 0);
  EXPECT_TRUE(predictor.still());
  EXPECT_EQ(predictor.head_passes(0), kNever);
}

/// Each block says when it is to be stepped next; nothing may depend on that. Builds that are not shipped, too.
class SteppingTest : public testing::TestWithParam<ConfigInfo> {
 protected:
  MemoryTiming random_memory() {
    const auto choose = [&](std::initializer_list<unsigned> values) { return values.begin()[random_() % values.size()]; };
    MemoryTiming memory;
    memory.latency = choose({1, 2, 3, 7, 40, 200});
    memory.bytes_per_cycle = choose({1, 2, 3, 5, 12, 16, 64});
    memory.outstanding = choose({1, 2, 3, 16, 40});
    return memory;
  }
  /// The same program for a Predictor, which learns of each doorbell when it comes, by a host that looks at it now and then.
  void step_by_step(const ConfigInfo &config, const MemoryTiming &memory, const Program &p, const Prediction &whole) {
    Predictor predictor(config, memory, p.tokens, random_() % 8 == 0 ? Stepping::EveryCycle : Stepping::Skip);
    uint32_t announced = 0;
    size_t known = 0;
    Cycle now = 0;
    const auto look = [&](Cycle until) {
      while (now < until) {
        // Up to the next doorbell it may be told that nothing comes, up to the next completion or some cycles more.
        now = random_() % 2 == 0 ? until : std::min(until, now + 1 + random_() % 100);
        predictor.run(now, random_() % 2 == 0 ? known : p.records.size());
        while (known < announced && predictor.head_passes(known) != kNever) ++known;
      }
      predictor.run(until);
    };
    for (const Doorbell &doorbell : p.doorbells) {
      look(doorbell.cycle);
      predictor.announce(doorbell.cycle, {p.records.begin() + announced, p.records.begin() + doorbell.records});
      announced = doorbell.records;
    }
    for (size_t record = 0; record < p.records.size(); ++record) {
      predictor.run(kNever, record);
      ASSERT_NE(predictor.head_passes(record), kNever);
    }
    predictor.run(kNever);
    const Prediction prediction = predictor.prediction();
    EXPECT_EQ(first_difference(p, prediction.commands, whole.commands), "");
    EXPECT_EQ(prediction.complete, whole.complete);
    EXPECT_EQ(prediction.counters, whole.counters);
    EXPECT_EQ(predictor.head_passes(p.records.size() - 1), whole.complete);
  }
  /// The records of a program for a Predictor, by a host that announces further ones when it sees a record complete, or later.
  void in_answer(const ConfigInfo &config, const MemoryTiming &memory, Program p) {
    Predictor predictor(config, memory, p.tokens);
    const auto records = static_cast<uint32_t>(p.records.size());
    p.doorbells.clear();
    Cycle now = 0;
    for (uint32_t announced = 0; announced < records;) {
      const uint32_t before = announced;
      announced += 1 + static_cast<uint32_t>(random_() % std::min(records - announced, 8u));
      predictor.announce(now, {p.records.begin() + before, p.records.begin() + announced});
      p.doorbells.push_back({now, announced});
      const size_t awaited = random_() % announced;
      predictor.run(kNever, awaited);
      ASSERT_NE(predictor.head_passes(awaited), kNever);
      now = std::max(now + 1, predictor.head_passes(awaited)) + (random_() % 2 == 0 ? 0 : random_() % 50);
    }
    predictor.run(kNever);
    const Prediction prediction = predictor.prediction(), whole = predict(config, memory, p);
    EXPECT_EQ(first_difference(p, prediction.commands, whole.commands), "");
    EXPECT_EQ(prediction.complete, whole.complete);
    EXPECT_EQ(prediction.counters, whole.counters);
  }
  std::mt19937_64 random_{seed()};
};

TEST_P(SteppingTest, SkippingCyclesChangesNothingInRandomRings) {
  const ConfigInfo &config = GetParam();
  RawRing::Regions regions;
  regions.data = 0x1'0000'0000;
  regions.scales = 0x1'0010'0000;
  regions.shifts = 0x1'0020'0000;
  regions.results = 0x1'0030'0000;
  regions.data_bytes = regions.result_bytes = 98304;
  regions.scale_bytes = 32768;
  RawRing ring(config, regions, random_());
  std::array<uint64_t, 7> seen{};
  const char *names[] = {"compute", "command", "weights", "activations", "hazard", "store", "drain"};
  for (unsigned i = 0; i < 40 * RawRing::kKinds && !HasFailure(); ++i) {
    const MemoryTiming memory = random_memory();
    SCOPED_TRACE("ring " + std::to_string(i));
    Program p;
    for (uint8_t &tokens : p.tokens) tokens = random_() % 3 == 0 ? static_cast<uint8_t>(random_() % 3) : 0;
    p.records = ring.program(static_cast<RawRing::Kind>(i % RawRing::kKinds), 1500,
                             2 + double(memory.latency) / memory.outstanding, 1.0 / memory.bytes_per_cycle, p.tokens);
    const auto records = static_cast<uint32_t>(p.records.size());
    Cycle cycle = random_() % 20;
    for (uint32_t announced = 0; announced < records; cycle += 1 + random_() % 400) {
      announced += 1 + static_cast<uint32_t>(random_() % (records - announced));
      p.doorbells.push_back({cycle, announced});
    }
    const Prediction prediction = both(config, memory, p);
    EXPECT_NE(prediction.complete, kNever);
    EXPECT_EQ(causes(prediction), prediction.counters.at("total"));
    step_by_step(config, memory, p, prediction);
    in_answer(config, memory, p);
    for (size_t c = 0; c < seen.size(); ++c) seen[c] += prediction.counters.at(names[c]);
  }
  for (size_t c = 0; c < seen.size(); ++c) EXPECT_NE(seen[c], 0u) << names[c] << " never occurred";
}

TEST_P(SteppingTest, SkippingCyclesChangesNothingInTheDriversPrograms) {
  const ConfigInfo &config = GetParam();
  for (unsigned i = 0; i < 6 && !HasFailure(); ++i) {
    systole_gemm_t gemm{};
    const bool floats = config.fp && random_() % 2 == 0;
    gemm.m = 1 + static_cast<uint32_t>(random_() % 60);
    gemm.n = 1 + static_cast<uint32_t>(random_() % 60);
    gemm.k = 1 + static_cast<uint32_t>(random_() % 100);
    gemm.a = 0x100000 + random_() % 64;
    gemm.b = 0x200000 + random_() % 64;
    gemm.c = 0x300000 + random_() % 64;
    gemm.a_pitch = gemm.b_pitch = gemm.k * (floats ? 2 : 1) + static_cast<uint32_t>(random_() % 3);
    gemm.c_pitch = gemm.n * 4;
    gemm.a_dtype = gemm.b_dtype = floats ? SYSTOLE_DTYPE_FP16 : SYSTOLE_DTYPE_S8;
    gemm.epilogue.out_dtype = floats ? SYSTOLE_DTYPE_FP32 : SYSTOLE_DTYPE_S32;
    const Program p = record::record_gemm(config, gemm);
    const Prediction prediction = both(config, random_memory(), p);
    EXPECT_NE(prediction.complete, kNever);
    EXPECT_EQ(prediction.counters.at("macs"), uint64_t{gemm.m} * gemm.n * gemm.k);
    EXPECT_EQ(causes(prediction), prediction.counters.at("total"));
  }
}

std::vector<ConfigInfo> builds() {
  std::vector<ConfigInfo> all = platform::configs();
  ConfigInfo other = platform::find_config("8x8");
  other.name = "8x8 of three cycles an element, one burst outstanding, short queues";
  other.element_latency = 3;
  other.multiplier_registers = true;
  other.max_reads = other.max_writes = 1;
  other.queue_depth = 2;
  all.push_back(other);
  other = platform::find_config("16x16");
  other.name = "16x16 of two cycles an element, 512-bit bus, 64 bursts outstanding, long queues";
  other.element_latency = 2;
  other.axi_bits = 512;
  other.max_reads = other.max_writes = 64;
  other.queue_depth = 64;
  all.push_back(other);
  other = platform::find_config("16x16-int8");
  other.name = "64x64-int8 with a 32-bit bus";
  other.rows = other.cols = 64;
  other.axi_bits = 32;
  all.push_back(other);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Builds, SteppingTest, testing::ValuesIn(builds()), [](const auto &info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace systole::timing
