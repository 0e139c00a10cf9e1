// SPDX-License-Identifier: Apache-2.0
// systole_control: command fetch, dispatch, tokens, retirement, counters, errors and soft reset, at three bus widths.
#include "Vcontrol_128.h"
#include "Vcontrol_32.h"
#include "Vcontrol_512.h"
#include "Vcontrol_int8.h"
#include "tb/block/control/control_bench.hpp"

namespace systole::tb {
namespace {

template <class Bench>
class ControlTest : public testing::Test {
 protected:
  Bench bench;

  /// A random program whose tokens follow the rules: a giver before its taker, never more than a few unused.
  std::vector<Record> random_program(unsigned length) {
    constexpr std::array<unsigned, 3> takes{0x4C, 0x23, 0x90};  // load, compute, store: by hand from the token table
    constexpr std::array<unsigned, 3> gives{0x83, 0x1C, 0x60};
    std::vector<Record> program;
    std::array<unsigned, 8> open{};
    std::array<std::deque<unsigned>, 8> recent;
    for (unsigned i = 0; i < length; ++i) {
      const unsigned engine = bench.random.below(3);
      Record record = legal_record(engine, bench.random.word());
      unsigned wait = 0;
      unsigned give = 0;
      for (unsigned t = 0; t < 8; ++t) {
        while (!recent[t].empty() && recent[t].front() + 50 < i) recent[t].pop_front();
        if ((takes[engine] >> t & 1) != 0 && open[t] != 0 && bench.random.percent(60)) {
          wait |= 1U << t;
          --open[t];
        }
        if ((gives[engine] >> t & 1) != 0 && open[t] < 4 && recent[t].size() < 10 && bench.random.percent(50)) {
          give |= 1U << t;
          ++open[t];
          recent[t].push_back(i);
        }
      }
      SET(record, CMD_WAIT, wait);
      SET(record, CMD_GIVE, give);
      SET(record, CMD_IRQ, bench.random.percent(20));
      program.push_back(record);
    }
    return program;
  }

  Manners random_manners() {
    Manners manners;
    manners.ar_ready_percent = 20 + bench.random.below(81);
    manners.latency = 1 + bench.random.below(60);
    manners.beat_percent = 20 + bench.random.below(81);
    manners.accept_percent = 10 + bench.random.below(91);
    manners.work = bench.random.percent(50) ? 0 : bench.random.below(100);
    return manners;
  }

  /// Waits for the error, checks what is reported, and that the machine works again after a soft reset.
  void expect_error(unsigned code, uint32_t index, uint64_t address) {
    ASSERT_TRUE(bench.wait_for([this] { return bench.dut->stop_o != 0; }));
    bench.wait_cycles(1);
    EXPECT_EQ(bench.dut->irq_o, 1) << "the interrupt comes a cycle after the stop";
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), code);
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_INDEX), index);
    EXPECT_EQ(bench.read64(SYSTOLE_REG_ERROR_ADDR_LO), address);
    EXPECT_NE(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_ERROR_MASK, 0U);
    EXPECT_NE(bench.read(SYSTOLE_REG_IRQ_STATUS) & SYSTOLE_IRQ_STATUS_ERROR_MASK, 0U);
    expect_recovery();
  }

  void expect_recovery() {
    bench.hold_reads = false;
    bench.before = nullptr;
    bench.frozen.fill(false);
    bench.soft_reset();
    EXPECT_EQ(bench.reset_run, 8U);
    for (const uint32_t offset : {SYSTOLE_REG_ERROR_CODE, SYSTOLE_REG_ERROR_INDEX, SYSTOLE_REG_ERROR_ADDR_LO,
                                  SYSTOLE_REG_ERROR_ADDR_HI, SYSTOLE_REG_RING_HEAD, SYSTOLE_REG_RING_TAIL, SYSTOLE_REG_IRQ_STATUS,
                                  SYSTOLE_REG_DONE_LOAD, SYSTOLE_REG_DONE_COMPUTE, SYSTOLE_REG_DONE_STORE}) {
      EXPECT_EQ(bench.read(offset), 0U) << offset;
    }
    EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
    EXPECT_EQ(bench.dut->irq_o, 0);
    bench.write(SYSTOLE_REG_CTRL, 0);
    bench.write(SYSTOLE_REG_WATCHDOG, 0);
    bench.start(0x4000, 2);
    bench.run(random_program(12));
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), 0U);
  }
};

using Benches = testing::Types<ControlBench<Vcontrol_32, 32>, ControlBench<Vcontrol_128, 128>, ControlBench<Vcontrol_512, 512>>;
TYPED_TEST_SUITE(ControlTest, Benches);

TYPED_TEST(ControlTest, RunsLongRandomProgramsThroughASmallRing) {
  auto &bench = this->bench;
  bench.master.slow = true;
  bool first = true;
  for (const unsigned entries_log2 : {3U, 0U, 5U, 1U}) {
    SCOPED_TRACE(entries_log2);
    if (!first) bench.soft_reset();
    first = false;
    bench.start(0xFF12345640 + 64 * bench.random.below(1000), entries_log2);
    const auto program = this->random_program(160);
    for (int part = 0; part < 4; ++part) {
      bench.manners = this->random_manners();
      bench.run({program.begin() + part * 40, program.begin() + part * 40 + 40});
      if (this->HasFailure()) return;
    }
    EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 160U);
    EXPECT_EQ(bench.read(SYSTOLE_REG_RING_TAIL), 160U);
    EXPECT_EQ(bench.read(SYSTOLE_REG_DONE_LOAD), bench.issued[load].size());
    EXPECT_EQ(bench.read(SYSTOLE_REG_DONE_COMPUTE), bench.issued[compute].size());
    EXPECT_EQ(bench.read(SYSTOLE_REG_DONE_STORE), bench.issued[store].size());
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), 0U);
  }
}

TYPED_TEST(ControlTest, DoorbellAsksForTheRecordInTheNextCycle) {
  auto &bench = this->bench;
  bench.start(0x1000, 4);
  bench.put(legal_record(load));
  const uint64_t before = bench.now;
  bench.doorbell();  // handshake in cycle `before`, the register shows the value in before + 2
  ASSERT_TRUE(bench.wait_for([&] { return !bench.issued[load].empty(); }));
  EXPECT_EQ(bench.ar_cycles.at(0), before + 2 + 1);
  EXPECT_EQ(bench.issued[load].at(0).cycle, bench.last_beat_cycles.at(0) + 3);
}

TYPED_TEST(ControlTest, StreamsRecordsAtTheSpeedOfTheBus) {
  auto &bench = this->bench;
  bench.manners.latency = 1;
  bench.start(0x1000, 6);
  for (unsigned i = 0; i < 48; ++i) bench.put(legal_record(i % 3, bench.random.word()));
  bench.doorbell();
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 48; }));
  if (TypeParam::beats > 1) {
    for (unsigned i = 1; i < 48; ++i) EXPECT_EQ(bench.last_beat_cycles[i] - bench.last_beat_cycles[i - 1], TypeParam::beats);
  }
}

TYPED_TEST(ControlTest, ReservesAPlaceForEveryRecordItAsksFor) {
  auto &bench = this->bench;
  bench.manners.latency = 200;
  bench.start(0x1000, 6);
  bench.frozen[compute] = true;
  for (unsigned i = 0; i < 32; ++i) bench.put(legal_record(compute, i));
  bench.doorbell();
  bench.wait_cycles(150);
  EXPECT_EQ(bench.ar_cycles.size(), 8U) << "eight places, none taken";
  bench.wait_cycles(1000);
  EXPECT_EQ(bench.ar_cycles.size(), 13U) << "four in the queue, one checked, eight places";
  bench.frozen[compute] = false;
  EXPECT_TRUE(bench.wait_for([&] { return bench.model_head == 32; }, 5000));
}

TYPED_TEST(ControlTest, AFullQueueOfOneEngineLeavesTheOthersWorking) {
  auto &bench = this->bench;
  bench.start(0x1000, 5);
  bench.frozen[compute] = true;
  bench.put(legal_record(compute));
  for (unsigned i = 0; i < 10; ++i) bench.put(legal_record(i % 2 == 0 ? load : store, i));
  bench.doorbell();
  EXPECT_TRUE(bench.wait_for([&] { return bench.completions[load] == 5 && bench.completions[store] == 5; }));
  EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 0U) << "nothing retires before the oldest";
  EXPECT_EQ(bench.read(SYSTOLE_REG_DONE_LOAD), 5U);
  EXPECT_EQ(bench.dut->irq_o, 0);
  bench.frozen[compute] = false;
  EXPECT_TRUE(bench.wait_for([&] { return bench.model_head == 11; }));
  EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 11U);
}

TYPED_TEST(ControlTest, DisabledItNeitherFetchesNorDispatches) {
  auto &bench = this->bench;
  bench.start(0x1000, 5);
  bench.write(SYSTOLE_REG_CTRL, 0);
  for (unsigned i = 0; i < 9; ++i) bench.put(legal_record(load, i));
  bench.doorbell();
  bench.wait_cycles(100);
  EXPECT_TRUE(bench.ar_cycles.empty());
  EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK, SYSTOLE_STATUS_BUSY_MASK);
  bench.write(SYSTOLE_REG_CTRL, 1);
  EXPECT_TRUE(bench.wait_for([&] { return bench.model_head == 9; }));
}

TYPED_TEST(ControlTest, CountersAddUpAndTotalIsTheBusyTime) {
  auto &bench = this->bench;
  uint64_t rows = 0;
  uint64_t written_beats = 0, written_bursts = 0, read_bursts = 0, macs = 0;
  uint64_t busy_from = 0;
  std::array<uint64_t, 5> causes{};
  bool counting = false;
  bench.before = [&] {
    auto &d = *bench.dut;
    const bool row = bench.random.percent(50);
    const unsigned cause = bench.random.below(5);
    d.row_issue_i = row;
    d.act_cause_i = static_cast<CData>(row ? bench.random.below(32) : 1U << cause);
    d.w_beat_i = bench.random.percent(30);
    d.w_burst_i = bench.random.percent(10);
    d.r_burst_i = bench.random.percent(20);
    d.macs_i = bench.random.percent(50) ? bench.random.below(8193) : 0;
    if (counting && bench.now >= busy_from && bench.model_head != bench.written) {
      rows += row ? 1 : 0;
      causes[cause] += row ? 0 : 1;
      written_beats += d.w_beat_i;
      written_bursts += d.w_burst_i;
      read_bursts += d.r_burst_i;
      macs += d.macs_i;
    }
  };
  bench.start(0x1000, 5);
  bench.manners = this->random_manners();
  bench.manners.work = 30;
  for (unsigned i = 0; i < 29; ++i) bench.put(legal_record(i % 2, i));
  bench.put(legal_record(store));
  bench.frozen[store] = true;
  busy_from = bench.now + 2;
  counting = true;
  // First the memory keeps the commands back for long, at the end the store engine keeps the machine busy.
  bench.hold_reads = true;
  bench.doorbell();
  bench.wait_cycles(3000);
  const uint64_t command = causes[4];
  bench.hold_reads = false;
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 29 && bench.dut->store_cmd_valid_o != 0; }, 20000));
  bench.wait_cycles(2);
  const uint64_t before_drain = causes[4];
  bench.wait_cycles(100);
  const uint64_t drain = causes[4] - before_drain;
  bench.frozen[store] = false;
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 30; }, 20000));
  const uint64_t busy = bench.now - busy_from;  // head shows its last value in this cycle
  bench.write(SYSTOLE_REG_COUNTER_CTRL, 3);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_TOTAL_LO), busy);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_COMPUTE_LO), rows);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_WEIGHTS_LO), causes[0]);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_ACTIVATIONS_LO), causes[1]);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_HAZARD_LO), causes[2]);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_STORE_LO), causes[3]);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_COMMAND_LO) + bench.read64(SYSTOLE_REG_COUNTER_DRAIN_LO), causes[4]);
  EXPECT_GE(bench.read64(SYSTOLE_REG_COUNTER_COMMAND_LO), command);
  EXPECT_GE(bench.read64(SYSTOLE_REG_COUNTER_DRAIN_LO), drain);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_READ_BYTES_LO), 30U * 64);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_WRITE_BYTES_LO), written_beats * TypeParam::beat_bytes);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_READ_BURSTS_LO), read_bursts);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_WRITE_BURSTS_LO), written_bursts);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_MACS_LO), macs);
  bench.write(SYSTOLE_REG_COUNTER_CTRL, 1);
  EXPECT_EQ(bench.read64(SYSTOLE_REG_COUNTER_TOTAL_LO), 0U) << "cleared after the snapshot";
}

/// One way to spoil a legal record.
struct Fault {
  const char *name;
  unsigned engine;
  unsigned code;
  std::optional<uint64_t> address;  // of RANGE errors; the others report the record's
  void (*spoil)(Record &);
};

#define SPOIL(field, value) [](Record &r) { SET(r, field, value); }

const std::vector<Fault> &faults() {
  static const std::vector<Fault> list{
      {"opcode 0", load, SYSTOLE_ERROR_OPCODE, {}, SPOIL(CMD_OPCODE, 0)},
      {"opcode 4", load, SYSTOLE_ERROR_OPCODE, {}, SPOIL(CMD_OPCODE, 4)},
      {"opcode 0x81", load, SYSTOLE_ERROR_OPCODE, {}, SPOIL(CMD_OPCODE, 0x81)},
      {"version 0", load, SYSTOLE_ERROR_VERSION, {}, SPOIL(CMD_VERSION, 0)},
      {"version 2", compute, SYSTOLE_ERROR_VERSION, {}, SPOIL(CMD_VERSION, 2)},
      {"another accelerator", store, SYSTOLE_ERROR_VERSION, {}, SPOIL(CMD_ACCEL_ID, 2)},
      {"load transpose", load, SYSTOLE_ERROR_RESERVED_FIELD, {}, SPOIL(LOAD_TRANSPOSE, 1)},
      {"matmul weight format", compute, SYSTOLE_ERROR_RESERVED_FIELD, {}, SPOIL(MATMUL_WEIGHT_FORMAT, 8)},
      {"store activation", store, SYSTOLE_ERROR_RESERVED_FIELD, {}, SPOIL(STORE_ACTIVATION, 1)},
      {"store residual", store, SYSTOLE_ERROR_RESERVED_FIELD, {}, SPOIL(STORE_RESIDUAL, 1)},
      {"load takes its own token", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_WAIT, 0x01)},
      {"load gives compute's token", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_GIVE, 0x04)},
      {"compute takes store's token", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_WAIT, 0x40)},
      {"compute gives load's token", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_GIVE, 0x80)},
      {"store takes compute's token", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_WAIT, 0x20)},
      {"store gives compute's token", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(CMD_GIVE, 0x10)},
      {"load length 0", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(LOAD_LENGTH, 0)},
      {"load count1 0", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(LOAD_COUNT1, 0)},
      {"load count2 0", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(LOAD_COUNT2, 0)},
      {"load dest 4", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(LOAD_DEST, 4)},
      {"load bank of no parameter", load, SYSTOLE_ERROR_FIELD, {}, SPOIL(LOAD_BANK, 1)},
      {"load bank 4",
       load,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         SET(r, LOAD_DEST, SYSTOLE_DEST_PARAM);
         SET(r, LOAD_DST, 0);
         SET(r, LOAD_BANK, 4);
       }},
      {"matmul of a float and an integer", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_A_DTYPE, SYSTOLE_DTYPE_FP16)},
      {"matmul of an integer and a float", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_B_DTYPE, SYSTOLE_DTYPE_BF16)},
      {"matmul of two kinds of floats",
       compute,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(compute, 1U << 30);
         SET(r, MATMUL_B_DTYPE, SYSTOLE_DTYPE_BF16);
       }},
      {"matmul of floats with a zero point",
       compute,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(compute, 1U << 30);
         SET(r, MATMUL_A_ZERO_POINT, 1);
       }},
      {"matmul of floats with a zero point of B",
       compute,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(compute, 3U << 30);
         SET(r, MATMUL_B_ZERO_POINT, 128);
       }},
      {"matmul of floats with zero points per column",
       compute,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(compute, 3U << 30);
         SET(r, MATMUL_B_ZP_PER_COLUMN, 1);
       }},
      {"matmul of half a float",
       compute,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(compute, 1U << 30);
         SET(r, MATMUL_K_TAIL, 31);
       }},
      {"matmul b dtype", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_B_DTYPE, 15)},
      {"matmul seed 3", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_SEED, 3)},
      {"matmul m0 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_M0, 0)},
      {"matmul m1 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_M1, 0)},
      {"matmul k0 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_K0, 0)},
      {"matmul k1 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_K1, 0)},
      {"matmul n 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_N, 0)},
      {"matmul k tail 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_K_TAIL, 0)},
      {"matmul k tail 33", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_K_TAIL, 33)},
      {"matmul n tail 0", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_N_TAIL, 0)},
      {"matmul n tail 17", compute, SYSTOLE_ERROR_FIELD, {}, SPOIL(MATMUL_N_TAIL, 17)},
      {"store dtype", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_OUT_DTYPE, 6)},
      {"store of bytes without a rule", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_OUT_DTYPE, SYSTOLE_DTYPE_S8)},
      {"store of sums with a rule", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_REQUANT, SYSTOLE_REQUANT_FLOAT)},
      {"store of sums with a bound", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_CLAMP_MAX, 1)},
      {"store of floats with a NaN as bound",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 2U << 30);
         SET(r, STORE_CLAMP_MIN, 0x7FC00000);
       }},
      {"store of floats with a scale",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 2U << 30);
         SET(r, STORE_SCALE, 0x3F800000);
       }},
      {"store of bytes with bounds in reverse",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_CLAMP_MIN, 200);
         SET(r, STORE_CLAMP_MAX, 199);
       }},
      {"store of bytes with a bound beyond them",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_CLAMP_MAX, 256);
       }},
      {"store with a scale beside the bank's",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_SCALE, 1);
       }},
      {"store with an infinite scale",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_REQUANT, SYSTOLE_REQUANT_FLOAT);
         SET(r, STORE_PER_COLUMN, 0);
         SET(r, STORE_PARAM, 0);
         SET(r, STORE_SCALE, 0x7F800000);
       }},
      {"store with a shift of 31",
       store,
       SYSTOLE_ERROR_FIELD,
       {},
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_PER_COLUMN, 0);
         SET(r, STORE_PARAM, 0);
         SET(r, STORE_SCALE, 1);
         SET(r, STORE_SHIFT, 31);
       }},
      {"store m0 0", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_M0, 0)},
      {"store m1 0", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_M1, 0)},
      {"store n 0", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_N, 0)},
      {"store n tail 0", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_N_TAIL, 0)},
      {"store n tail 17", store, SYSTOLE_ERROR_FIELD, {}, SPOIL(STORE_N_TAIL, 17)},
      {"load address", load, SYSTOLE_ERROR_RANGE, 0x10000000007ULL,
       [](Record &r) {
         SET(r, LOAD_ADDRESS_LO, 7);
         SET(r, LOAD_ADDRESS_HI, 0x100);
       }},
      {"load to word 2048 of activations", load, SYSTOLE_ERROR_RANGE, 2048, SPOIL(LOAD_DST, 2048)},
      {"load to word 1024 of weights", load, SYSTOLE_ERROR_RANGE, 1024,
       [](Record &r) {
         SET(r, LOAD_DEST, SYSTOLE_DEST_WGT);
         SET(r, LOAD_DST, 1024);
       }},
      {"load to accumulator row 2048", load, SYSTOLE_ERROR_RANGE, 2048,
       [](Record &r) {
         SET(r, LOAD_DEST, SYSTOLE_DEST_ACC);
         SET(r, LOAD_DST, 2048);
       }},
      {"load to parameter 64", load, SYSTOLE_ERROR_RANGE, 64,
       [](Record &r) {
         SET(r, LOAD_DEST, SYSTOLE_DEST_PARAM);
         SET(r, LOAD_DST, 64);
       }},
      {"matmul activations", compute, SYSTOLE_ERROR_RANGE, 2048, SPOIL(MATMUL_ACT, 2048)},
      {"matmul weights", compute, SYSTOLE_ERROR_RANGE, 65535, SPOIL(MATMUL_WGT, 65535)},
      {"matmul accumulators", compute, SYSTOLE_ERROR_RANGE, 2048, SPOIL(MATMUL_ACC, 2048)},
      {"matmul bias", compute, SYSTOLE_ERROR_RANGE, 64,
       [](Record &r) {
         SET(r, MATMUL_SEED, SYSTOLE_SEED_BIAS);
         SET(r, MATMUL_PARAM, 64);
       }},
      {"matmul zero points", compute, SYSTOLE_ERROR_RANGE, 100,
       [](Record &r) {
         SET(r, MATMUL_SEED, SYSTOLE_SEED_ZERO);
         SET(r, MATMUL_B_ZP_PER_COLUMN, 1);
         SET(r, MATMUL_PARAM, 100);
       }},
      {"store accumulators", store, SYSTOLE_ERROR_RANGE, 2048, SPOIL(STORE_ACC, 2048)},
      {"store parameters", store, SYSTOLE_ERROR_RANGE, 64,
       [](Record &r) {
         r = legal_record(store, 1U << 30);
         SET(r, STORE_PARAM, 64);
       }},
      {"store address", store, SYSTOLE_ERROR_RANGE, 0xFF00000000000000ULL,
       [](Record &r) {
         SET(r, STORE_ADDRESS_LO, 0);
         SET(r, STORE_ADDRESS_HI, 0xFF000000);
       }},
  };
  return list;
}

TYPED_TEST(ControlTest, StopsAtEveryKindOfIllegalRecord) {
  auto &bench = this->bench;
  for (const Fault &fault : faults()) {
    SCOPED_TRACE(fault.name);
    bench.soft_reset();
    bench.manners = this->random_manners();
    const uint64_t base = 0xFFFF000000 + 64 * bench.random.below(100);
    bench.start(base, 4);
    const uint32_t good = bench.random.below(8);
    for (uint32_t i = 0; i < good; ++i) bench.put(legal_record(i % 3, bench.random.word()));
    Record bad = legal_record(fault.engine, 0);
    fault.spoil(bad);
    bench.put(bad);
    bench.put(legal_record(load, 1));
    bench.put(legal_record(compute, 1));
    bench.put(legal_record(store, 1));
    bench.doorbell();
    ASSERT_TRUE(bench.wait_for([&] { return bench.dut->stop_o != 0; }));
    bench.wait_cycles(300);
    EXPECT_EQ(bench.issued[0].size() + bench.issued[1].size() + bench.issued[2].size(), good) << "only what came before it";
    EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), good) << "the oldest incomplete";
    this->expect_error(fault.code, good, fault.address.value_or(base + 64 * good));
    if (this->HasFailure()) return;
  }
}

TYPED_TEST(ControlTest, TellsThatItHasFloatingPoint) {
  const uint32_t cap0 = this->bench.read(SYSTOLE_REG_CAP0);
  EXPECT_EQ(cap0 & SYSTOLE_CAP0_FP_MASK, SYSTOLE_CAP0_FP_MASK);
  EXPECT_EQ((cap0 & SYSTOLE_CAP0_ELEMENT_LATENCY_MASK) >> SYSTOLE_CAP0_ELEMENT_LATENCY_LSB, 4U);
}

/// A build with Fp = 0.
using IntegerControlTest = ControlTest<ControlBench<Vcontrol_int8, 128>>;

TEST_F(IntegerControlTest, TellsThatItHasNoFloatingPoint) {
  const uint32_t cap0 = bench.read(SYSTOLE_REG_CAP0);
  EXPECT_EQ(cap0 & SYSTOLE_CAP0_FP_MASK, 0U);
  EXPECT_EQ((cap0 & SYSTOLE_CAP0_ELEMENT_LATENCY_MASK) >> SYSTOLE_CAP0_ELEMENT_LATENCY_LSB, 1U);
}

TEST_F(IntegerControlTest, StopsAtFloatingPoint) {
  for (const auto &[engine, salt] : {std::pair{compute, 1U << 30}, std::pair{compute, 2U << 30}, std::pair{store, 2U << 30}}) {
    SCOPED_TRACE(salt);
    bench.soft_reset();
    bench.start(0x1000, 3);
    bench.put(legal_record(engine, 0));
    bench.put(legal_record(engine, salt));
    bench.doorbell();
    ASSERT_TRUE(bench.wait_for([&] { return bench.dut->stop_o != 0; }));
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_FIELD});
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_INDEX), 1U);
    EXPECT_EQ(bench.read64(SYSTOLE_REG_ERROR_ADDR_LO), 0x1000U + 64);
  }
  // Requantised results it has.
  bench.soft_reset();
  bench.start(0x1000, 3);
  bench.run({legal_record(store, 1U << 30)});
  EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), 0U);
}

TYPED_TEST(ControlTest, RefusesEveryReservedBitOfEveryCommand) {
  auto &bench = this->bench;
  const std::array<const uint32_t *, 3> masks{SYSTOLE_LOAD_RESERVED, SYSTOLE_MATMUL_RESERVED, SYSTOLE_STORE_RESERVED};
  for (unsigned engine = 0; engine < 3; ++engine) {
    for (unsigned bit = 0; bit < 512; ++bit) {
      if ((masks[engine][bit / 32] >> bit % 32 & 1) == 0) continue;
      bench.soft_reset();
      bench.start(0, 1);
      Record bad = legal_record(engine);
      bad[bit / 32] |= 1U << bit % 32;
      bench.put(bad);
      bench.doorbell();
      ASSERT_TRUE(bench.wait_for([&] { return bench.dut->stop_o != 0; })) << "engine " << engine << " bit " << bit;
      ASSERT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), static_cast<uint32_t>(SYSTOLE_ERROR_RESERVED_FIELD));
    }
  }
}

TYPED_TEST(ControlTest, StopsAtABusErrorOnAnyBeatOfAFetch) {
  auto &bench = this->bench;
  for (const bool first_only : {false, true}) {
    bench.start(0x40000, 3);
    bench.fail = {5U, first_only};
    for (uint32_t i = 0; i < 8; ++i) bench.put(legal_record(i % 3, bench.random.word()));
    bench.doorbell();
    this->expect_error(SYSTOLE_ERROR_AXI_FETCH, 5, 0x40000 + 5 * 64);
    bench.soft_reset();
  }
}

TYPED_TEST(ControlTest, StopsAtARingBeyondTheAddressWidth) {
  auto &bench = this->bench;
  bench.start(0xFFFFFFFFC0, 2);  // the second slot is the first one too far
  for (uint32_t i = 0; i < 3; ++i) bench.put(legal_record(load, i));
  bench.doorbell();
  this->expect_error(SYSTOLE_ERROR_RANGE, 1, 0x10000000000);
}

TYPED_TEST(ControlTest, StopsWhenTheTailIsTooFarAhead) {
  auto &bench = this->bench;
  bench.start(0x1000, 2);
  bench.frozen.fill(true);
  for (uint32_t i = 0; i < 4; ++i) bench.put(legal_record(load, i));
  bench.doorbell();
  bench.wait_cycles(100);
  EXPECT_EQ(bench.dut->stop_o, 0) << "a full ring is legal";
  bench.write(SYSTOLE_REG_RING_TAIL, 5);
  this->expect_error(SYSTOLE_ERROR_RING, 0, 0);
}

TYPED_TEST(ControlTest, StopsWhenTheTailGoesBackwards) {
  auto &bench = this->bench;
  bench.start(0x1000, 2);
  bench.run(this->random_program(7));
  bench.write(SYSTOLE_REG_RING_TAIL, 6);
  this->expect_error(SYSTOLE_ERROR_RING, 7, 0);
}

TYPED_TEST(ControlTest, StopsWhenTheTailGoesBehindWhatWasFetched) {
  auto &bench = this->bench;
  bench.start(0x1000, 4);
  bench.frozen.fill(true);
  for (uint32_t i = 0; i < 8; ++i) bench.put(legal_record(load, i));
  bench.doorbell();
  bench.wait_cycles(200);
  bench.write(SYSTOLE_REG_RING_TAIL, 1);  // ahead of the head, so no other rule sees it
  this->expect_error(SYSTOLE_ERROR_RING, 0, 0);
}

TYPED_TEST(ControlTest, StopsAtARingOfMoreThan65536Records) {
  auto &bench = this->bench;
  bench.start(0x1000, 2);
  bench.write(SYSTOLE_REG_RING_SIZE, 17);
  EXPECT_EQ(bench.dut->stop_o, 0);
  bench.write(SYSTOLE_REG_RING_TAIL, 1);
  bench.written = 1;
  bench.hold_reads = true;
  ASSERT_TRUE(bench.wait_for([&] { return bench.dut->stop_o != 0; }, 20));
  bench.hold_reads = false;
  this->expect_error(SYSTOLE_ERROR_RING, 0, 0);
}

TYPED_TEST(ControlTest, RefusesToMoveTheRingWhileBusy) {
  auto &bench = this->bench;
  for (const uint32_t offset : {SYSTOLE_REG_RING_BASE_LO, SYSTOLE_REG_RING_BASE_HI, SYSTOLE_REG_RING_SIZE}) {
    bench.start(0x1000, 3);
    bench.frozen.fill(true);
    bench.put(legal_record(load));
    bench.doorbell();
    const uint32_t before = bench.read(offset);
    bench.write(offset, 0x40);
    EXPECT_EQ(bench.read(offset), before);
    this->expect_error(SYSTOLE_ERROR_RING, 0, 0);
    bench.soft_reset();
  }
}

/// Register writes as fast as the port takes them: the doorbell right behind a window's last register already meets the new window.
TYPED_TEST(ControlTest, AWindowSetRightBeforeTheDoorbellBoundsTheFirstRecord) {
  auto &bench = this->bench;
  for (const bool opens : {false, true}) {
    SCOPED_TRACE(opens);
    bench.start(0x40000, 3);
    bench.put(legal_record(load));
    bench.write(SYSTOLE_REG_READ_LIMIT_HI, 0);
    bench.write(SYSTOLE_REG_READ_LIMIT_LO, opens ? 0x3FFFF : 0x40FFF);
    const std::array<std::pair<uint32_t, uint32_t>, 2> posted{
        {{SYSTOLE_REG_READ_LIMIT_LO, opens ? 0x40FFF : 0x3FFFF}, {SYSTOLE_REG_RING_TAIL, 1}}};
    bench.written = 1;
    bench.post(posted, 0);
    if (opens) {
      ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 1; }));
      EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
    } else {
      this->expect_error(SYSTOLE_ERROR_WINDOW, 0, 0x40000);
    }
    bench.soft_reset();
    bench.write(SYSTOLE_REG_READ_LIMIT_LO, 0xFFFFFFFF);
    bench.write(SYSTOLE_REG_READ_LIMIT_HI, 0xFFFFFFFF);
  }
}

/// A tail moved back makes the machine look idle while what was fetched is under way: its windows and its ring stay as they are.
TYPED_TEST(ControlTest, AWindowIsNotMovedUnderCommandsThatATailMovedBackHides) {
  auto &bench = this->bench;
  bench.start(0x1000, 3);
  bench.frozen.fill(true);
  bench.put(legal_record(load));
  bench.doorbell();
  bench.wait_cycles(50);
  bench.write(SYSTOLE_REG_RING_TAIL, 0);
  EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK, 0U);
  bench.write(SYSTOLE_REG_WRITE_LIMIT_LO, 0xFFF);
  EXPECT_EQ(bench.read(SYSTOLE_REG_WRITE_LIMIT_LO), 0xFFFFFFFFU);
  this->expect_error(SYSTOLE_ERROR_RING, 0, 0);
}

TYPED_TEST(ControlTest, ReportsAnEnginesErrorAndKeepsTheFirst) {
  auto &bench = this->bench;
  for (unsigned engine = 0; engine < 3; ++engine) {
    SCOPED_TRACE(engine);
    bench.start(0x1000, 3);
    bench.frozen.fill(true);
    bench.put(legal_record(engine));
    bench.doorbell();
    bench.wait_cycles(50);
    const uint64_t address = 0xAB12345600 + engine;
    uint64_t raised = 0;
    bench.before = [&] {
      auto &d = *bench.dut;
      const bool first = raised == 0;
      if (first) raised = bench.now;
      // The others raise theirs one cycle later, and all repeat them.
      d.load_err_valid_i = !first || engine == load;
      d.compute_err_valid_i = !first || engine == compute;
      d.store_err_valid_i = !first || engine == store;
      d.load_err_code_i = SYSTOLE_ERROR_AXI_LOAD;
      d.compute_err_code_i = SYSTOLE_ERROR_RANGE;
      d.store_err_code_i = SYSTOLE_ERROR_AXI_STORE;
      d.load_err_idx_i = d.compute_err_idx_i = d.store_err_idx_i = 77 + (first ? 0 : 1);
      d.load_err_addr_i = d.compute_err_addr_i = d.store_err_addr_i = first ? address : 0;
    };
    bench.wait_cycles(5);
    bench.before = nullptr;
    bench.dut->load_err_valid_i = bench.dut->compute_err_valid_i = bench.dut->store_err_valid_i = 0;
    EXPECT_EQ(bench.stop_cycle, raised + 1);
    EXPECT_EQ(bench.irq_cycles.back(), raised + 2);
    constexpr std::array<unsigned, 3> codes{SYSTOLE_ERROR_AXI_LOAD, SYSTOLE_ERROR_RANGE, SYSTOLE_ERROR_AXI_STORE};
    this->expect_error(codes[engine], 77, address);
    bench.soft_reset();
  }
}

TYPED_TEST(ControlTest, ATokenCounterHoldsFifteenAndTheSixteenthIsAnError) {
  auto &bench = this->bench;
  bench.start(0x1000, 5);
  Record giver = legal_record(load);
  SET(giver, CMD_GIVE, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_PARAM_FULL);
  for (unsigned i = 0; i < 15; ++i) bench.put(giver);
  bench.doorbell();
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 15; }));
  bench.wait_cycles(5);
  EXPECT_EQ(bench.dut->stop_o, 0);
  // Fifteen can be taken again.
  Record taker = legal_record(compute);
  SET(taker, CMD_WAIT, SYSTOLE_TOKEN_ACT_FULL);
  for (unsigned i = 0; i < 15; ++i) bench.put(taker);
  bench.doorbell();
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 30; }));
  EXPECT_EQ(bench.dut->tok_avail_o, SYSTOLE_TOKEN_PARAM_FULL);
  bench.put(giver);
  bench.doorbell();
  this->expect_error(SYSTOLE_ERROR_TOKEN, 30, 0);
}

TYPED_TEST(ControlTest, TheWatchdogStopsAMachineThatMakesNoProgress) {
  auto &bench = this->bench;
  bench.start(0x1000, 5);
  bench.write(SYSTOLE_REG_WATCHDOG, 60);
  bench.wait_cycles(200);
  EXPECT_EQ(bench.dut->stop_o, 0) << "idle";
  for (unsigned i = 0; i < 30; ++i) bench.put(legal_record(i % 3, i));
  bench.manners.work = 20;
  bench.doorbell();
  ASSERT_TRUE(bench.wait_for([&] { return bench.model_head == 30; }));
  EXPECT_EQ(bench.dut->stop_o, 0) << "progress";
  bench.hold_reads = true;
  bench.put(legal_record(load));
  const uint64_t before = bench.now;
  bench.doorbell();
  ASSERT_TRUE(bench.wait_for([&] { return bench.stop_cycle != 0; }));
  EXPECT_EQ(bench.stop_cycle, before + 2 + 60 + 1) << "60 cycles busy, then the error";
  EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_QUIET_MASK, 0U);
  this->expect_error(SYSTOLE_ERROR_WATCHDOG, 30, 0);
}

TYPED_TEST(ControlTest, SoftResetWaitsForOutstandingTransactions) {
  auto &bench = this->bench;
  bench.start(0x1000, 5);
  bench.hold_reads = true;
  for (unsigned i = 0; i < 8; ++i) bench.put(legal_record(i % 3, i));
  bench.doorbell();
  bench.wait_cycles(20);
  bench.write(SYSTOLE_REG_CTRL, 3);
  bench.wait_cycles(100);
  EXPECT_EQ(bench.dut->stop_o, 1);
  EXPECT_EQ(bench.read(SYSTOLE_REG_CTRL), 3U) << "its own reads are outstanding";
  EXPECT_EQ(bench.reset_cycles, 0U);
  bench.quiet = false;
  bench.hold_reads = false;
  bench.wait_cycles(100);
  EXPECT_EQ(bench.read(SYSTOLE_REG_CTRL), 3U) << "an engine's are";
  EXPECT_EQ(bench.reset_cycles, 0U);
  bench.quiet = true;
  ASSERT_TRUE(bench.wait_for([&] { return (bench.read(SYSTOLE_REG_CTRL) & 2) == 0; }));
  EXPECT_GE(bench.reset_run, 4U);
  EXPECT_EQ(bench.read(SYSTOLE_REG_CTRL), 1U) << "enable stays";
  EXPECT_EQ(bench.dut->stop_o, 0);
  bench.start(0x8000, 3);
  bench.run(this->random_program(20));
}

/// Right before and behind the doorbell, as close as the port takes writes and some cycles further off; a tail that comes before the
/// reset is over is forgotten.
TYPED_TEST(ControlTest, SoftResetBesideTheDoorbellLeavesACleanMachine) {
  auto &bench = this->bench;
  const std::pair<uint32_t, uint32_t> doorbell{SYSTOLE_REG_RING_TAIL, 1}, reset{SYSTOLE_REG_CTRL, 3};
  for (const auto &posted : {std::array{doorbell, reset}, std::array{reset, doorbell}})
    for (unsigned gap = 0; gap < 12; ++gap) {
      SCOPED_TRACE("gap " + std::to_string(gap) + (posted[0] == reset ? ", reset first" : ", doorbell first"));
      bench.start(0x1000, 3);
      bench.put(legal_record(load));
      bench.written = 1;
      const std::array<uint64_t, 2> taken = bench.post(posted, gap);
      EXPECT_EQ(taken[1] - taken[0], 2 + gap) << "the port takes a write every other cycle";
      ASSERT_TRUE(bench.wait_for([&] { return (bench.read(SYSTOLE_REG_CTRL) & 2) == 0; }));
      for (const uint32_t offset : {SYSTOLE_REG_RING_TAIL, SYSTOLE_REG_RING_HEAD, SYSTOLE_REG_ERROR_CODE, SYSTOLE_REG_IRQ_STATUS})
        EXPECT_EQ(bench.read(offset), 0U) << offset;
      EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
      this->expect_recovery();
      if (this->HasFailure()) return;
    }
}

TYPED_TEST(ControlTest, SoftResetInTheMiddleOfAnythingLeavesACleanMachine) {
  auto &bench = this->bench;
  for (int i = 0; i < 60; ++i) {
    bench.manners = this->random_manners();
    bench.start(0x1000, 4);
    const auto program = this->random_program(16);
    for (const Record &record : program) bench.put(record);
    bench.doorbell();
    bench.wait_cycles(bench.random.below(400));
    this->expect_recovery();
    if (this->HasFailure()) return;
  }
}

}  // namespace
}  // namespace systole::tb
