// SPDX-License-Identifier: Apache-2.0
// A machine whose memories have parity: no false alarm, every bank's errors found, nothing completes with a wrong word.
#include <gtest/gtest.h>

#include "sim/platform/rtl.hpp"
#include "tb/system/error_bench.hpp"

namespace systole::tb {
namespace {

platform::ConfigInfo parity_machine(unsigned rows, unsigned cols) {
  platform::ConfigInfo config;
  config.name = std::to_string(rows) + "x" + std::to_string(cols) + "-parity";
  config.rows = rows;
  config.cols = cols;
  config.axi_bits = 64;
  config.act_bytes = 4096;
  config.wgt_bytes = 2048;
  config.acc_rows = 128;
  config.param_entries = 16;
  return config;
}

const bool known[] = {platform::add_config(parity_machine(4, 8)), platform::add_config(parity_machine(2, 2))};

}  // namespace

// What error_bench.hpp asks for: memories start with random bits, which the machine must clear by itself.
std::string engine_name() { return "rtl"; }
// The smallest array is the one in which a result follows closest upon a wrong word.
std::vector<std::string> engine_configs() { return platform::rtl_configs(false, true); }
platform::AcceleratorFactory engine_factory() {
  platform::RtlOptions options;
  options.x_seed = 7;
  return platform::rtl_factory(options);
}

namespace {

class ParityTest : public ErrorTest {
 protected:
  struct Bank {
    uint32_t memory, bank, word;
  };
  static constexpr uint32_t kAct = 5, kWgt = 9, kAcc = 131, kParam = 3;

  /// All banks of all memories, with the word that job() reads from each: 8 bytes of a bank of SCALE hold 2 columns, one read of
  /// the store engine 4 (of SHIFT).
  std::vector<Bank> banks() const {
    const uint32_t rows = config().rows, cols = config().cols;
    const std::pair<uint32_t, uint32_t> counts[] = {{SYSTOLE_MEMORY_ACT, rows},       {SYSTOLE_MEMORY_WGT, rows},
                                                    {SYSTOLE_MEMORY_ACC, cols},       {SYSTOLE_MEMORY_BIAS, cols},
                                                    {SYSTOLE_MEMORY_SCALE, cols / 2}, {SYSTOLE_MEMORY_SHIFT, (cols + 3) / 4},
                                                    {SYSTOLE_MEMORY_B_ZERO_POINT, 1}};
    std::vector<Bank> all;
    for (const auto &[memory, count] : counts)
      for (uint32_t bank = 0; bank < count; ++bank)
        all.push_back({memory, bank,
                       memory == SYSTOLE_MEMORY_ACT   ? kAct
                       : memory == SYSTOLE_MEMORY_WGT ? kWgt
                       : memory == SYSTOLE_MEMORY_ACC ? kAcc
                                                      : kParam});
    return all;
  }

  Record parameter(uint32_t bank, uint64_t from, uint32_t bytes, uint32_t give) const {
    Record record = load(SYSTOLE_DEST_PARAM, from, bytes);
    put(record, FIELD(SYSTOLE_LOAD_BANK), bank);
    put(record, FIELD(SYSTOLE_LOAD_DST), kParam);
    put(record, FIELD(SYSTOLE_CMD_GIVE), give);
    return record;
  }

  /// A product that uses every memory: bias, zero points and requantisation by column.
  std::vector<Record> job() const {
    const uint32_t cols = config().cols, word = config().word_bytes();
    std::vector<Record> records = {parameter(SYSTOLE_BANK_BIAS, regions_.data, 4 * cols, 0),
                                   parameter(SYSTOLE_BANK_B_ZERO_POINT, regions_.data, cols, 0),
                                   parameter(SYSTOLE_BANK_SCALE, regions_.scales, 4 * cols, 0),
                                   parameter(SYSTOLE_BANK_SHIFT, regions_.shifts, cols, SYSTOLE_TOKEN_PARAM_FULL),
                                   load(SYSTOLE_DEST_ACT, regions_.data + 3, word),
                                   load(SYSTOLE_DEST_WGT, regions_.data + 1000, word * cols),
                                   matmul(),
                                   store()};
    put(records[4], FIELD(SYSTOLE_LOAD_DST), kAct);
    put(records[4], FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_ACT_FULL);
    put(records[5], FIELD(SYSTOLE_LOAD_DST), kWgt);
    put(records[5], FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_WGT_FULL);
    Record &m = records[6];
    put(m, FIELD(SYSTOLE_MATMUL_ACT), kAct);
    put(m, FIELD(SYSTOLE_MATMUL_WGT), kWgt);
    put(m, FIELD(SYSTOLE_MATMUL_ACC), kAcc);
    put(m, FIELD(SYSTOLE_MATMUL_PARAM), kParam);
    put(m, FIELD(SYSTOLE_MATMUL_SEED), SYSTOLE_SEED_BIAS);
    put(m, FIELD(SYSTOLE_MATMUL_B_ZP_PER_COLUMN), 1);
    put(m, FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL);
    put(m, FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_ACC_FULL);
    Record &s = records[7];
    put(s, FIELD(SYSTOLE_STORE_ACC), kAcc);
    put(s, FIELD(SYSTOLE_STORE_OUT_DTYPE), SYSTOLE_DTYPE_S8);
    put(s, FIELD(SYSTOLE_STORE_CLAMP_MIN), -128);
    put(s, FIELD(SYSTOLE_STORE_CLAMP_MAX), 127);
    put(s, FIELD(SYSTOLE_STORE_REQUANT), SYSTOLE_REQUANT_FIXED);
    put(s, FIELD(SYSTOLE_STORE_PER_COLUMN), 1);
    put(s, FIELD(SYSTOLE_STORE_PARAM), kParam);
    put(s, FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_ACC_FULL | SYSTOLE_TOKEN_PARAM_FULL);
    put(s, FIELD(SYSTOLE_CMD_IRQ), 1);
    return records;
  }

  static void inject(Host &host, const Bank &place) {
    host.write32(SYSTOLE_REG_INJECT,
                 SYSTOLE_INJECT_ARM_MASK | place.memory << SYSTOLE_INJECT_MEMORY_LSB | place.bank << SYSTOLE_INJECT_BANK_LSB);
  }
};

/// One flipped bit in each bank of each memory: named with memory, bank and word, and the job does not complete.
TEST_P(ParityTest, AFlippedBitOfAnyBankIsFoundBeforeItsResultIsAnnounced) {
  simulate([&](Host &host) {
    for (const unsigned late : {0u, 1u}) {  // the store engine reads at its own pace
      for (const Bank &place : banks()) {
        SCOPED_TRACE("memory " + std::to_string(place.memory) + ", bank " + std::to_string(place.bank));
        platform::MemoryTiming memory;
        memory.latency = late != 0 ? 1 : 40;
        while (!rtl_->port().quiet()) host.read32(SYSTOLE_REG_STATUS);
        rtl_->port().set_timing(memory);
        const uint32_t stores = host.read32(SYSTOLE_REG_DONE_STORE);
        inject(host, place);
        const uint32_t begin = tail_;
        ring(host, job());
        host.idle();
        EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), uint32_t{SYSTOLE_IRQ_STATUS_ERROR_MASK});
        EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_PARITY});
        EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_HI), place.memory | place.bank << 8);
        EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_ADDR_LO), place.word);
        EXPECT_EQ(host.read32(SYSTOLE_REG_INJECT) & SYSTOLE_INJECT_ARM_MASK, 0u);
        for (unsigned i = 0; i < 100; ++i) host.read32(SYSTOLE_REG_STATUS);  // whatever was under way
        EXPECT_EQ(host.read32(SYSTOLE_REG_DONE_STORE), stores);
        EXPECT_LT(host.read32(SYSTOLE_REG_RING_HEAD), tail_);
        EXPECT_GE(host.read32(SYSTOLE_REG_ERROR_INDEX), begin);
        EXPECT_LE(host.read32(SYSTOLE_REG_ERROR_INDEX), host.read32(SYSTOLE_REG_RING_HEAD));
        expect_recovery(host);
        if (HasFatalFailure()) return;
      }
    }
  });
}

/// What is armed waits for a write to its bank; a flipped word that nobody reads, or that is written again, is no error.
TEST_P(ParityTest, AWrongWordThatIsNotReadIsNoError) {
  simulate([&](Host &host) {
    inject(host, {SYSTOLE_MEMORY_SHIFT, (config().cols + 3) / 4 - 1, 0});
    EXPECT_EQ(product(host), first_);
    EXPECT_EQ(host.read32(SYSTOLE_REG_INJECT) & SYSTOLE_INJECT_ARM_MASK, uint32_t{SYSTOLE_INJECT_ARM_MASK}) << "nothing written";
    ring(host, {parameter(SYSTOLE_BANK_SHIFT, regions_.shifts, config().cols, 0)});
    EXPECT_EQ(product(host), first_);
    EXPECT_EQ(host.read32(SYSTOLE_REG_INJECT) & SYSTOLE_INJECT_ARM_MASK, 0u);
    ring(host, job());  // writes the word anew
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    inject(host, {9, 0, 0});  // no such memory
    EXPECT_EQ(host.read32(SYSTOLE_REG_INJECT) & SYSTOLE_INJECT_ARM_MASK, 0u);
  });
}

TEST_P(ParityTest, ALockKeepsFaultsFromBeingInjected) {
  simulate([&](Host &host) {
    EXPECT_EQ(host.read32(SYSTOLE_REG_CAP0) & SYSTOLE_CAP0_PARITY_MASK, uint32_t{SYSTOLE_CAP0_PARITY_MASK});
    host.write32(SYSTOLE_REG_LOCK, SYSTOLE_LOCK_INJECT_MASK);
    for (unsigned round = 0; round < 2; ++round) {
      EXPECT_THROW(inject(host, {SYSTOLE_MEMORY_ACT, 0, 0}), platform::RunError);
      EXPECT_EQ(host.read32(SYSTOLE_REG_INJECT), 0u);
      EXPECT_EQ(product(host), first_);
      soft_reset(host);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Rtl, ParityTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return test_name(info.param); });

/// No false alarm and no other cycle than without parity: shapes whose tails leave lanes, columns and words that no load wrote.
class ParityGemmTest : public testing::TestWithParam<std::tuple<std::string, unsigned>> {};

TEST_P(ParityGemmTest, EveryBitAndCycleAgrees) {
  const auto &[config, seed] = GetParam();
  std::mt19937_64 random{seed};
  platform::RtlOptions rtl;
  rtl.x_seed = seed;
  platform::RunOptions run;
  run.config = config;
  run.make_accelerator = platform::rtl_factory(rtl);
  run.layout_seed = seed;
  if (seed % 2 == 0) run.timing.stall_seed = seed;
  std::vector<platform::GemmJob> jobs;
  for (unsigned i = 0; i < 16; ++i) {
    jobs.push_back(random_job(random, 1 + random() % 40, 1 + random() % 40, 1 + random() % 80));
    randomise(random, jobs.back());
  }
  expect_golden(run, jobs);
}

INSTANTIATE_TEST_SUITE_P(Rtl, ParityGemmTest, testing::Combine(testing::ValuesIn(engine_configs()), testing::Range(1u, 7u)),
                         [](const auto &info) {
                           return test_name(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace systole::tb
