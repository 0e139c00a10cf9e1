// SPDX-License-Identifier: Apache-2.0
// The timing model against the RTL: the times of every command, the interrupt and all counters, to the cycle. And the counters
// against what the platform counts itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/platform/rtl_accelerator.hpp"
#include "tb/system/engine.hpp"
#include "tb/system/raw_ring.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {
namespace {

using platform::ConfigInfo;
using platform::GemmJob;
using platform::GemmResult;
using platform::MeasuredProgram;
using platform::MemoryTiming;
using platform::RunOptions;
using timing::Record;

// Programs that are compared in each configuration, by test.
constexpr unsigned kJobs = 40, kSmallRingJobs = 10, kQueues = 2, kRawPrograms = 196;
constexpr unsigned kPrograms = kJobs + kSmallRingJobs + kQueues + kRawPrograms;
constexpr unsigned kWanted = 300;

#define FIELD_OF(record, name) systole_field_get((record).data(), name##_WORD, name##_LSB, name##_WIDTH)

/// Multiply-accumulates that a program's MATMULs stand for.
uint64_t macs_of(const std::vector<Record> &records, const ConfigInfo &config) {
  uint64_t macs = 0;
  for (const Record &record : records) {
    if (FIELD_OF(record, SYSTOLE_CMD_OPCODE) != SYSTOLE_OPCODE_MATMUL) continue;
    const uint64_t rows = uint64_t{FIELD_OF(record, SYSTOLE_MATMUL_M0)} * FIELD_OF(record, SYSTOLE_MATMUL_M1);
    const uint64_t columns =
        uint64_t{config.cols} * (FIELD_OF(record, SYSTOLE_MATMUL_N) - 1) + FIELD_OF(record, SYSTOLE_MATMUL_N_TAIL);
    const uint64_t bytes =
        uint64_t{FIELD_OF(record, SYSTOLE_MATMUL_K1)} *
        (uint64_t{config.word_bytes()} * (FIELD_OF(record, SYSTOLE_MATMUL_K0) - 1) + FIELD_OF(record, SYSTOLE_MATMUL_K_TAIL));
    const bool halves = FIELD_OF(record, SYSTOLE_MATMUL_A_DTYPE) >= SYSTOLE_DTYPE_FP16;
    macs += rows * columns * (halves ? bytes / 2 : bytes);
  }
  return macs;
}

/// The hardware's counters against what the platform saw.
void expect_counters(const MeasuredProgram &measured, const std::map<std::string, uint64_t> &counters, const ConfigInfo &config) {
  uint64_t causes = 0;
  for (const char *name : {"compute", "command", "weights", "activations", "hazard", "store", "drain"})
    causes += counters.at(name);
  EXPECT_EQ(causes, counters.at("total"));
  EXPECT_EQ(counters.at("read_bursts"), measured.read_bursts);
  EXPECT_EQ(counters.at("write_bursts"), measured.write_bursts);
  EXPECT_EQ(counters.at("read_bytes"), measured.read_beats * config.axi_bytes());
  EXPECT_EQ(counters.at("write_bytes"), measured.write_beats * config.axi_bytes());
  EXPECT_EQ(counters.at("macs"), macs_of(measured.program.records, config));
}

std::string describe(const MemoryTiming &memory) {
  return "latency " + std::to_string(memory.latency) + ", " + std::to_string(memory.bytes_per_cycle) + " bytes a cycle, " +
         std::to_string(memory.outstanding) + " outstanding";
}

class TimingTest : public SystemTest {
 protected:
  /// 1 to `most`, small numbers as likely as large ones.
  uint32_t log_uniform(double least, double most) {
    const double position = static_cast<double>(random_() >> 11) / static_cast<double>(uint64_t{1} << 53);
    return static_cast<uint32_t>(std::lround(least * std::pow(most / least, position)));
  }
  MemoryTiming random_memory() {
    MemoryTiming memory;
    memory.latency = log_uniform(1, 200);
    memory.bytes_per_cycle = log_uniform(1, 64);
    // More than the core's own limit now and then, so that this is what holds it up.
    memory.outstanding = random_() % 8 == 0 ? 64 : 1 + static_cast<unsigned>(random_() % 16);
    return memory;
  }
  /// A random product that takes at most about `cycles` with that memory.
  GemmJob random_product(const MemoryTiming &memory, double cycles) {
    const ConfigInfo &c = config();
    const bool floats = c.fp && random_() % 2 == 0;
    const double width = std::min(memory.bytes_per_cycle, c.axi_bytes()), burst = double(memory.latency) / memory.outstanding;
    uint32_t m = 0, n = 0, k = 0;
    double estimate = 0;
    do {
      m = log_uniform(1, 600);
      n = log_uniform(1, 600);
      k = log_uniform(1, 600);
      const double bytes = double{1} * (m + n) * k * (floats ? 2 : 1) + 4.0 * m * n;
      estimate = double{1} * m * n * k / (floats ? c.fp_macs_per_cycle() : c.int8_macs_per_cycle()) + bytes / width +
                 burst * (2 * m + n);
    } while (estimate > cycles);
    if (floats) return random_float_job(random_, m, n, k);
    GemmJob job = random_job(random_, m, n, k);
    randomise(random_, job);
    return job;
  }
  /// The memory's timing changes from job to job.
  static std::function<void(size_t, const platform::Layout &, platform::Accelerator &)> retime(
      const std::vector<MemoryTiming> &memories) {
    return [&memories](size_t job, const platform::Layout & /*at*/, platform::Accelerator &accelerator) {
      if (job < memories.size()) dynamic_cast<platform::RtlAccelerator &>(accelerator).port().set_timing(memories[job]);
    };
  }
  /// Expects result and prediction of a job that was compared.
  void expect_predicted(const GemmJob &job, const GemmResult &result) {
    SCOPED_TRACE(std::to_string(job.m) + "x" + std::to_string(job.n) + "x" + std::to_string(job.k) + ", " +
                 describe(result.measured.memory));
    EXPECT_TRUE(result.ok()) << result.driver_message << result.memory_report;
    ASSERT_TRUE(result.predicted.has_value());
    EXPECT_EQ(result.timing_report, "");
    expect_counters(result.measured, result.counters, config());
    ++compared_;
  }
  unsigned compared_ = 0;
};

TEST_P(TimingTest, PredictsRandomProducts) {
  std::vector<MemoryTiming> memories;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < kJobs; ++i) {
    memories.push_back(random_memory());
    jobs.push_back(random_product(memories.back(), i % 4 == 0 ? 60000 : 20000));
  }
  RunOptions run = options();
  run.layout_seed = random_();
  run.before_job = retime(memories);
  const std::vector<GemmResult> results = run_gemm(run, jobs);
  ASSERT_EQ(results.size(), jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    SCOPED_TRACE("job " + std::to_string(i));
    EXPECT_EQ(results[i].cycles, results[i].counters.at("total"));
    expect_predicted(jobs[i], results[i]);
  }
  EXPECT_EQ(compared_, kJobs);
}

/// A ring shorter than the jobs: the driver rings again and again.
TEST_P(TimingTest, PredictsWithManyDoorbells) {
  std::vector<MemoryTiming> memories;
  std::vector<GemmJob> jobs;
  for (unsigned i = 0; i < kSmallRingJobs; ++i) {
    memories.push_back(random_memory());
    jobs.push_back(random_product(memories.back(), 20000));
  }
  RunOptions run = options();
  run.ring_entries_log2 = 1 + static_cast<unsigned>(random_() % 3);
  run.before_job = retime(memories);
  const std::vector<GemmResult> results = run_gemm(run, jobs);
  ASSERT_EQ(results.size(), jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    SCOPED_TRACE("job " + std::to_string(i));
    expect_predicted(jobs[i], results[i]);
  }
  EXPECT_EQ(compared_, kSmallRingJobs);
}

class TimingQueueTest : public TimingTest {
 protected:
  void run_queue(unsigned count) {
    const std::vector<MemoryTiming> memories = {random_memory()};
    std::vector<GemmJob> jobs;
    for (unsigned i = 0; i < count; ++i) jobs.push_back(random_product(memories.front(), 6000));
    RunOptions run = options();
    run.queued = true;
    run.layout_seed = random_();
    run.before_job = retime(memories);
    const std::vector<GemmResult> results = run_gemm(run, jobs);
    ASSERT_EQ(results.size(), jobs.size());
    expect_predicted(jobs.back(), results.back());
    EXPECT_GE(results.back().measured.program.doorbells.size(), count);
    EXPECT_EQ(compared_, 1u);
  }
};

TEST_P(TimingQueueTest, PredictsAShortQueue) { run_queue(2); }
TEST_P(TimingQueueTest, PredictsALongQueue) { run_queue(6); }

/// A host that writes records of its own into the ring.
class TimingRingTest : public TimingTest {
 protected:
  static constexpr uint64_t kBase = 0x12'0000'0000;
  static constexpr unsigned kEntriesLog2 = 9;
  static constexpr uint32_t kRingBytes = SYSTOLE_COMMAND_BYTES << kEntriesLog2;

  void SetUp() override {
    regions_.scales = kBase + kRingBytes;
    regions_.scale_bytes = 32768;
    regions_.shifts = regions_.scales + regions_.scale_bytes;
    regions_.data = regions_.shifts + regions_.scale_bytes;
    regions_.data_bytes = 98304;
    regions_.results = regions_.data + regions_.data_bytes;
    regions_.result_bytes = 98304;
    const uint64_t end = regions_.results + regions_.result_bytes + 4096;
    memory_ = std::make_unique<platform::Memory>("memory", kBase, end - kBase);
    memory_->fill_pattern(regions_.data, regions_.data_bytes, random_());
    std::memset(memory_->at(regions_.scales, regions_.scale_bytes), 0x3F, regions_.scale_bytes);
    std::memset(memory_->at(regions_.shifts, regions_.scale_bytes), 0x01, regions_.scale_bytes);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    accelerator_ = engine_factory()(config(), MemoryTiming{});
    rtl_ = dynamic_cast<platform::RtlAccelerator *>(accelerator_.get());
    ASSERT_NE(rtl_, nullptr);
  }

  /// Runs `host` on the machine.
  void simulate(const std::function<void(platform::Host &)> &program) {
    platform::Host host("host", [&](platform::Host &h) {
      start(h);
      program(h);
    });
    sc_core::sc_signal<bool> irq("irq");
    host.regs_socket.bind(accelerator_->regs_socket);
    accelerator_->mem_socket.bind(memory_->socket);
    accelerator_->irq.bind(irq);
    host.irq.bind(irq);
    sc_core::sc_start();
    accelerator_->rethrow();
    host.rethrow();
    ASSERT_TRUE(host.finished());
    accelerator_->close_files();
  }

  /// Runs a program, whose last record has an interrupt bit, announcing it in up to `doorbells` steps; expects the prediction.
  void run(platform::Host &host, const std::vector<Record> &records, const MemoryTiming &memory, unsigned doorbells,
           const std::string &name) {
    SCOPED_TRACE(name + ": " + std::to_string(records.size()) + " records, " + describe(memory));
    ASSERT_LE(records.size(), size_t{1} << kEntriesLog2);
    rtl_->port().set_timing(memory);
    for (size_t i = 0; i < records.size(); ++i)
      std::memcpy(memory_->at(kBase + SYSTOLE_COMMAND_BYTES * ((tail_ + i) % (1u << kEntriesLog2)), SYSTOLE_COMMAND_BYTES),
                  records[i].data(), SYSTOLE_COMMAND_BYTES);
    ASSERT_EQ(systole_clear_counters(&device_), SYSTOLE_OK);
    uint32_t announced = 0;
    for (; doorbells != 0 && announced < records.size(); --doorbells) {
      const auto rest = static_cast<uint32_t>(records.size()) - announced;
      const uint32_t now = doorbells == 1 ? rest : 1 + static_cast<uint32_t>(random_() % rest);
      announced += now;
      host.write32(SYSTOLE_REG_RING_TAIL, tail_ + announced);
      if (doorbells > 1) {
        unsigned wait = log_uniform(1, 200);
        while (wait-- > 0) host.read32(SYSTOLE_REG_RING_TAIL);
      }
    }
    tail_ += announced;
    host.idle();
    ASSERT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE})
        << "the program is not legal: command " << host.read32(SYSTOLE_REG_ERROR_INDEX);
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    ASSERT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), tail_);
    systole_counters_t read{};
    ASSERT_EQ(systole_read_counters(&device_, &read), SYSTOLE_OK);
    counters_ = platform::by_name(read);

    const MeasuredProgram &measured = *rtl_->measured();
    ASSERT_TRUE(measured.predictable);
    ASSERT_EQ(measured.program.records, records);
    expect_counters(measured, counters_, config());
    predicted_ = timing::predict(config(), memory, measured.program);
    EXPECT_EQ(platform::timing_difference(measured, rtl_->irq_cycle() - rtl_->doorbell_cycle(), counters_, predicted_), "");
    ++compared_;
    rtl_->begin_job();
  }

  /// A random program with a random memory.
  void run_random(platform::Host &host, RawRing &ring, RawRing::Kind kind, double budget, const std::string &name) {
    const MemoryTiming memory = random_memory();
    const double width = std::min(memory.bytes_per_cycle, config().axi_bytes());
    const std::vector<Record> records =
        ring.program(kind, budget, 2 + double(memory.latency) / memory.outstanding, 1 / width, rtl_->measured()->program.tokens);
    run(host, records, memory, random_() % 2 == 0 ? 1 : 1 + static_cast<unsigned>(random_() % 4), name);
  }

  RawRing::Regions regions_;
  std::unique_ptr<platform::Memory> memory_;
  std::unique_ptr<platform::Accelerator> accelerator_;
  platform::RtlAccelerator *rtl_ = nullptr;
  std::map<std::string, uint64_t> counters_;
  timing::Prediction predicted_;

 private:
  void start(platform::Host &host) {
    systole_config_t config{};
    config.mmio.ctx = &host;
    config.mmio.read32 = [](void *ctx, uint32_t offset) { return static_cast<platform::Host *>(ctx)->read32(offset); };
    config.mmio.write32 = [](void *ctx, uint32_t offset, uint32_t value) {
      static_cast<platform::Host *>(ctx)->write32(offset, value);
    };
    config.ring_address = kBase;
    config.ring_entries_log2 = kEntriesLog2;
    config.ring = memory_->at(kBase, kRingBytes);
    ASSERT_EQ(systole_init(&device_, &config), SYSTOLE_OK);
    rtl_->begin_job();
  }

  systole_t device_{};
  uint32_t tail_ = 0;
};

/// Programs that no driver writes: see RawRing.
TEST_P(TimingRingTest, PredictsRandomRings) {
  RawRing ring(config(), regions_, random_());
  simulate([&](platform::Host &host) {
    run(host, ring.prologue(), MemoryTiming{}, 1, "prologue");
    for (unsigned i = 0; i < kRawPrograms && !HasFatalFailure(); ++i)
      run_random(host, ring, static_cast<RawRing::Kind>(i % RawRing::kKinds), log_uniform(200, 8000),
                 "ring " + std::to_string(i));
  });
  EXPECT_EQ(compared_, 1 + kRawPrograms);
}

/// COMMAND says that the array has nothing to do and that records are left which may be for it, DRAIN that none are (predicted to
/// the cycle as in every other program): first two programs that differ in nothing but STOREs behind the only MATMUL, of which the
/// queue cannot take all; then one whose MATMULs are announced while the results of the ones before are being stored.
TEST_P(TimingRingTest, TellsCommandFromDrain) {
  simulate([&](platform::Host &host) {
    MemoryTiming slow;
    slow.latency = 150;
    const auto set = [](Record record, unsigned lsb, uint32_t value) {  // in words 0 and 1
      systole_field_set(record.data(), lsb / 32, lsb % 32, 1, value);
      return record;
    };
    const Record plain = RawRing::small_store(config(), regions_);
    const Record matmul = set(RawRing::small_matmul(config()), 32 + SYSTOLE_CMD_GIVE_LSB + 4, 1);  // ACC_FULL
    const Record store = set(plain, 32 + SYSTOLE_CMD_WAIT_LSB + 4, 1);
    const auto program = [&](unsigned stores) {
      std::vector<Record> records = {matmul, store};
      records.insert(records.end(), stores - 1, plain);
      records.back() = set(records.back(), SYSTOLE_CMD_IRQ_LSB, 1);
      return records;
    };
    run(host, program(1), slow, 1, "one store");
    const auto few = counters_;
    run(host, program(24), slow, 1, "24 stores");
    const auto many = counters_;
    EXPECT_EQ(few.at("compute"), many.at("compute"));
    EXPECT_GT(few.at("drain"), slow.latency);                         // until the write response
    EXPECT_GT(many.at("command"), few.at("command") + slow.latency);  // until the last STORE is in its queue
    EXPECT_GT(many.at("drain"), 0u);
    std::vector<Record> again;
    for (unsigned i = 0; i < 12; ++i) again.push_back(i % 2 == 0 ? matmul : store);
    again.back() = set(again.back(), SYSTOLE_CMD_IRQ_LSB, 1);
    run(host, again, slow, 6, "in steps");
    EXPECT_GT(counters_.at("command"), 0u);
    EXPECT_GT(counters_.at("drain"), 0u);
  });
  EXPECT_EQ(compared_, 3u);
}

TEST_P(TimingTest, ComparesEnoughPrograms) { EXPECT_GE(kPrograms * platform::configs().size(), kWanted); }

INSTANTIATE_TEST_SUITE_P(Rtl, TimingTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return test_name(info.param); });
INSTANTIATE_TEST_SUITE_P(Rtl, TimingQueueTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return test_name(info.param); });
INSTANTIATE_TEST_SUITE_P(Rtl, TimingRingTest, testing::ValuesIn(engine_configs()),
                         [](const auto &info) { return test_name(info.param); });

}  // namespace
}  // namespace systole::tb
