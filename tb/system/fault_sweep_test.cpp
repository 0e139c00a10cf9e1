// SPDX-License-Identifier: Apache-2.0
// Two small products of the driver's, disturbed everywhere: an error response at each beat, a soft reset in each cycle, a slave that never
// answers on any channel. Each time the machine stops with what docs/faults.md says, and the next job is exact.
#include <gtest/gtest.h>

#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <algorithm>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"
#include "sim/platform/rtl_accelerator.hpp"
#include "sim/record/record.hpp"
#include "tb/system/engine.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {
namespace {

using platform::AxiMemoryPort;
using platform::GemmJob;
using platform::Host;
using platform::MemoryTiming;
using timing::Record;

#define FIELD(name) name##_WORD, name##_LSB, name##_WIDTH

uint32_t get(const Record &record, unsigned word, unsigned lsb, unsigned width) {
  return systole_field_get(record.data(), word, lsb, width);
}

/// What the error registers hold.
struct Error {
  uint32_t code = 0, index = 0;
  uint64_t address = 0;
  bool operator==(const Error &other) const { return code == other.code && index == other.index && address == other.address; }
};

void PrintTo(const Error &error, std::ostream *out) {
  *out << "code " << error.code << ", command " << error.index << ", address 0x" << std::hex << error.address << std::dec;
}

/// Memories by whose timing the sweeps run.
struct Memory {
  const char *name;
  MemoryTiming timing;
};

std::vector<Memory> memories() {
  Memory even{"deterministic", {}}, stalling{"stalling", {}};
  even.timing.latency = 12;
  stalling.timing.latency = 25;
  stalling.timing.outstanding = 3;
  stalling.timing.stall_seed = 7;
  return {even, stalling};
}

class FaultSweepTest : public SystemTest {
 protected:
  static constexpr uint64_t kBase = 0x12'0000'0000, kJob = 0x4000;
  static constexpr uint32_t kSlots = 32, kIrqLimit = 50'000;

  void SetUp() override {
    memory_ = std::make_unique<platform::Memory>("memory", kBase, 3 * kJob);
    memory_->fill_pattern(kBase, 3 * kJob, random_());
    record::Recorder recorder(config());
    for (unsigned i = 0; i < 2; ++i) {
      platform::RunOptions where = options();
      where.memory_base = kBase + (i + 1) * kJob;
      where.layout_seed = 11 + i;  // no address is aligned to anything
      where.ring_entries_log2 = 0;
      jobs_.push_back(job(i));
      const platform::MemoryImage image = operand_image(where, {jobs_.back()}, 0);
      ASSERT_LE(image.base + image.bytes.size(), where.memory_base + kJob);
      std::memcpy(memory_->at(image.base, image.bytes.size()), image.bytes.data(), image.bytes.size());
      const systole_gemm_t gemm = placed_gemm(where, jobs_.back());
      recorder.add(gemm);
      const size_t row = jobs_[i].n * golden::size(jobs_[i].epilogue.out);
      regions_.push_back({gemm.c, jobs_[i].m, row, static_cast<size_t>(gemm.c_pitch)});
      golden_.push_back(golden_result(jobs_.back()));
    }
    records_ = recorder.take().records;
    ASSERT_LE(records_.size(), kSlots);
    for (Record &record : records_) systole_field_set(record.data(), FIELD(SYSTOLE_CMD_IRQ), &record == &records_.back() ? 1 : 0);
    for (size_t i = 0; i < records_.size(); ++i)
      std::memcpy(memory_->at(slot(i), SYSTOLE_COMMAND_BYTES), records_[i].data(), SYSTOLE_COMMAND_BYTES);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    accelerator_ = engine_factory()(config(), MemoryTiming{});
    rtl_ = dynamic_cast<platform::RtlAccelerator *>(accelerator_.get());
    ASSERT_NE(rtl_, nullptr);
  }

  /// Activations, weights, parameters, a bias; activations, weights, a matrix of seeds. Two column tiles, rows and sums that are no
  /// multiple of anything.
  GemmJob job(unsigned i) {
    tool::Random values(random_());
    const uint32_t m = 5, n = config().cols + 2, k = config().rows + 3;
    GemmJob job = config().fp ? tool::float_product(values, golden::DType::fp16,
                                                    i == 0 ? golden::DType::fp16 : golden::DType::fp32, m, n, k)
                              : tool::int_product(values, m, n, k);
    job.a_gap = 3;  // so that a row is a burst
    job.b_gap = 2;
    job.c_gap = 5;
    if (i == 0) {
      job.bias = config().fp ? tool::float_seeds(values, n) : values.words(n);
      if (!config().fp) job.epilogue = tool::random_requant(values, golden::Requant::fixed, n, 0x1p31);
      if (!config().fp && !job.epilogue.per_column()) {
        job.epilogue.multiplier.assign(n, job.epilogue.multiplier.at(0));
        job.epilogue.shift.assign(n, job.epilogue.shift_of(0));
      }
    } else {
      job.seed = config().fp ? tool::float_seeds(values, size_t{m} * n) : values.words(size_t{m} * n);
    }
    return job;
  }

  uint64_t slot(size_t record) const { return kBase + SYSTOLE_COMMAND_BYTES * record; }
  uint32_t count() const { return static_cast<uint32_t>(records_.size()); }
  AxiMemoryPort &port() { return rtl_->port(); }

  void simulate(const std::function<void(Host &)> &program) {
    Host host("host", [&](Host &h) {
      h.write32(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(kBase));
      h.write32(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(kBase >> 32));
      h.write32(SYSTOLE_REG_RING_SIZE, 5);
      h.write32(SYSTOLE_REG_IRQ_ENABLE, SYSTOLE_IRQ_ENABLE_DONE_MASK | SYSTOLE_IRQ_ENABLE_ERROR_MASK);
      h.write32(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
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
  }

  /// The memory behaves like this from now on, the same in each run: stalls begin anew.
  void set_timing(Host &host, const MemoryTiming &timing) {
    while (!port().quiet()) host.read32(SYSTOLE_REG_STATUS);
    port().set_timing(timing);
  }

  /// C as it was not, nothing else of the memory changed since.
  void forget_results() {
    for (const platform::Memory::Region &region : regions_)
      for (size_t row = 0; row < region.rows; ++row)
        std::memset(memory_->at(region.address + row * region.pitch, region.row_bytes), 0xA5, region.row_bytes);
    memory_->watch(regions_);
  }

  bool results_exact() {
    for (size_t i = 0; i < regions_.size(); ++i)
      for (size_t row = 0; row < regions_[i].rows; ++row)
        if (std::memcmp(memory_->at(regions_[i].address + row * regions_[i].pitch, regions_[i].row_bytes),
                        &golden_[i][row * regions_[i].row_bytes], regions_[i].row_bytes) != 0)
          return false;
    return true;
  }

  void expect_intact() {
    const platform::Memory::Findings findings = memory_->check();
    EXPECT_EQ(findings.stray_bytes, 0u) << findings.first;
  }

  void start(Host &host) {
    forget_results();
    accelerator_->begin_job();
    host.write32(SYSTOLE_REG_RING_TAIL, count());
  }

  /// Waits for the interrupt. @returns false if it does not come: a hang
  bool interrupted(Host &host) {
    if (!host.irq.read()) sc_core::wait(kIrqLimit * platform::clock_period(), host.irq.posedge_event());
    return host.irq.read();
  }

  /// @returns how often CTRL was read until the reset was over; 0 if it never was
  unsigned await_reset(Host &host) {
    for (unsigned polls = 1; polls < 2000; ++polls)
      if ((host.read32(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) == 0) return polls;
    return 0;
  }

  /// The machine is as after a reset, and the bus is quiet.
  void expect_fresh(Host &host) {
    EXPECT_EQ(host.read32(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), 0u);
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_TAIL), 0u);
    EXPECT_EQ(error(host), Error{});
    EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), 0u);
    EXPECT_FALSE(host.irq.read());
    accelerator_->check_quiet();  // no burst was left unanswered
  }

  void request_reset(Host &host) { host.write32(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK | SYSTOLE_CTRL_SOFT_RESET_MASK); }

  /// The job that was rung for ends, exact; then a soft reset.
  void finish_exact(Host &host) {
    EXPECT_TRUE(interrupted(host)) << "hang";
    EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), SYSTOLE_IRQ_STATUS_DONE_MASK);
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), count());
    EXPECT_EQ(error(host), Error{});
    EXPECT_TRUE(results_exact());
    expect_intact();
    end_job(host);
  }

  void end_job(Host &host) {
    port().clear_injections();
    request_reset(host);
    EXPECT_NE(await_reset(host), 0u) << "the reset hangs";
    expect_fresh(host);
  }

  void run_exact(Host &host) {
    start(host);
    finish_exact(host);
  }

  Error error(Host &host) {
    Error out;
    out.code = host.read32(SYSTOLE_REG_ERROR_CODE);
    out.index = host.read32(SYSTOLE_REG_ERROR_INDEX);
    out.address = host.read32(SYSTOLE_REG_ERROR_ADDR_LO);
    out.address |= uint64_t{host.read32(SYSTOLE_REG_ERROR_ADDR_HI)} << 32;
    return out;
  }

  /// Calls `call` with the first and the last address of each item of a LOAD or STORE, in their order, until it returns true.
  template <class Call>
  bool any_item(const Record &record, Call call) const {
    const bool is_load = get(record, FIELD(SYSTOLE_CMD_OPCODE)) == SYSTOLE_OPCODE_LOAD;
    if (!is_load && get(record, FIELD(SYSTOLE_CMD_OPCODE)) != SYSTOLE_OPCODE_STORE) return false;
    const auto type = static_cast<golden::DType>(get(record, FIELD(SYSTOLE_STORE_OUT_DTYPE)));
    const uint64_t first =
        is_load ? get(record, FIELD(SYSTOLE_LOAD_ADDRESS_LO)) | uint64_t{get(record, FIELD(SYSTOLE_LOAD_ADDRESS_HI))} << 32
                : get(record, FIELD(SYSTOLE_STORE_ADDRESS_LO)) | uint64_t{get(record, FIELD(SYSTOLE_STORE_ADDRESS_HI))} << 32;
    const uint32_t bytes =
        is_load ? get(record, FIELD(SYSTOLE_LOAD_LENGTH))
                : static_cast<uint32_t>(golden::size(type) * ((get(record, FIELD(SYSTOLE_STORE_N)) - 1) * config().cols +
                                                              get(record, FIELD(SYSTOLE_STORE_N_TAIL))));
    const uint32_t inner = is_load ? get(record, FIELD(SYSTOLE_LOAD_COUNT1)) : get(record, FIELD(SYSTOLE_STORE_M0));
    const uint32_t outer = is_load ? get(record, FIELD(SYSTOLE_LOAD_COUNT2)) : get(record, FIELD(SYSTOLE_STORE_M1));
    const auto pitch0 =
        static_cast<int32_t>(is_load ? get(record, FIELD(SYSTOLE_LOAD_PITCH1)) : get(record, FIELD(SYSTOLE_STORE_PITCH0)));
    const auto pitch1 =
        static_cast<int32_t>(is_load ? get(record, FIELD(SYSTOLE_LOAD_PITCH2)) : get(record, FIELD(SYSTOLE_STORE_PITCH1)));
    for (uint32_t i1 = 0; i1 < outer; ++i1)
      for (uint32_t i0 = 0; i0 < inner; ++i0) {
        const uint64_t item = first + static_cast<uint64_t>(int64_t{pitch1} * i1 + int64_t{pitch0} * i0);
        if (call(item, item + bytes - 1)) return true;
      }
    return false;
  }

  /// What the registers must say of an error response to this transfer: for a record its slot; for a load the first item that has a byte
  /// in the beat; for a store the burst. No byte is loaded or stored by two commands, so that a burst's first one names its command.
  Error expected(const AxiMemoryPort::Transfer &transfer) const {
    Error out;
    if (!transfer.write && transfer.addr < slot(kSlots)) {
      out.code = SYSTOLE_ERROR_AXI_FETCH;
      out.index = static_cast<uint32_t>((transfer.addr - kBase) / SYSTOLE_COMMAND_BYTES);
      out.address = slot(out.index);
      return out;
    }
    const uint32_t opcode = transfer.write ? SYSTOLE_OPCODE_STORE : SYSTOLE_OPCODE_LOAD;
    const uint64_t bus = config().axi_bytes(), word = (transfer.addr & ~(bus - 1)) + transfer.beat * bus;
    const uint64_t first = std::max(word, transfer.addr), last = transfer.write ? first : word + bus - 1;
    out.code = transfer.write ? SYSTOLE_ERROR_AXI_STORE : SYSTOLE_ERROR_AXI_LOAD;
    for (out.index = 0; out.index < count(); ++out.index) {
      const Record &record = records_[out.index];
      if (get(record, FIELD(SYSTOLE_CMD_OPCODE)) != opcode) continue;
      if (!any_item(record, [&](uint64_t from, uint64_t to) { return from <= transfer.addr && transfer.addr <= to; })) continue;
      any_item(record, [&](uint64_t from, uint64_t to) {
        out.address = transfer.write ? transfer.addr : from;
        return from <= last && to >= first;
      });
      return out;
    }
    ADD_FAILURE() << "nobody asked for address 0x" << std::hex << transfer.addr;
    return out;
  }

  /// The transfers of an undisturbed job, which is exact.
  std::vector<AxiMemoryPort::Transfer> clean_run(Host &host, const MemoryTiming &timing) {
    set_timing(host, timing);
    port().record_transfers();
    run_exact(host);
    return port().transfers();
  }

  std::vector<GemmJob> jobs_;
  std::vector<Record> records_;
  std::vector<platform::Memory::Region> regions_;
  std::vector<std::vector<uint8_t>> golden_;
  std::unique_ptr<platform::Memory> memory_;
  std::unique_ptr<platform::Accelerator> accelerator_;
  platform::RtlAccelerator *rtl_ = nullptr;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FaultSweepTest);  // binaries of large configurations

TEST_P(FaultSweepTest, AnErrorResponseAtEveryBeatEndsInTheRightCode) {
  simulate([&](Host &host) {
    for (const Memory &memory : memories()) {
      const std::vector<AxiMemoryPort::Transfer> clean = clean_run(host, memory.timing);
      std::map<uint32_t, unsigned> positions;  // by the code
      std::set<unsigned> beats;                // of loads
      std::set<uint32_t> loads;                // commands
      unsigned right = 0, hangs = 0, exact = 0;
      for (const platform::Resp response : {platform::RESP_SLVERR, platform::RESP_DECERR}) {
        uint64_t reads = 0, writes = 0;
        for (const AxiMemoryPort::Transfer &transfer : clean) {
          const Error error = expected(transfer);
          SCOPED_TRACE(std::string(memory.name) + " memory, response " + std::to_string(response) + ", " +
                       (transfer.write ? "B " : "R ") + std::to_string(transfer.write ? writes : reads) + ", beat " +
                       std::to_string(transfer.beat));
          ++positions[error.code];
          if (error.code == SYSTOLE_ERROR_AXI_LOAD) {
            beats.insert(transfer.beat);
            loads.insert(error.index);
          }
          set_timing(host, memory.timing);
          port().record_transfers();
          if (transfer.write)
            port().inject_write_burst(writes++, response);
          else
            port().inject_read_beat(reads++, response);
          start(host);
          const bool ended = interrupted(host);
          hangs += !ended;
          EXPECT_TRUE(ended) << "hang";
          EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), SYSTOLE_IRQ_STATUS_ERROR_MASK);
          EXPECT_NE(host.read32(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_ERROR_MASK, 0u);
          const Error found = this->error(host);
          EXPECT_EQ(found, error);
          right += found == error;
          EXPECT_LE(host.read32(SYSTOLE_REG_RING_HEAD), error.index);
          request_reset(host);  // what is under way goes on until then
          const bool over = await_reset(host) != 0;
          hangs += !over;
          EXPECT_TRUE(over) << "the reset hangs";
          expect_fresh(host);
          expect_intact();
          port().clear_injections();
          unsigned failed = 0;
          for (const AxiMemoryPort::Transfer &seen : port().transfers()) {
            if (seen.resp == platform::RESP_OKAY) continue;
            ++failed;
            EXPECT_EQ(seen.resp, response);
            EXPECT_EQ(seen.addr, transfer.addr);
            EXPECT_EQ(seen.beat, transfer.beat);
          }
          EXPECT_EQ(failed, 1u);
          run_exact(host);
          if (HasFailure()) return;
          ++exact;
        }
      }
      unsigned total = 0;
      for (const auto &[code, number] : positions) total += number;
      std::cout << memory.name << " memory: " << clean.size() << " positions x 2 responses (fetch "
                << positions[SYSTOLE_ERROR_AXI_FETCH] << ", load " << positions[SYSTOLE_ERROR_AXI_LOAD] << ", store "
                << positions[SYSTOLE_ERROR_AXI_STORE] << "): " << right << " of " << total
                << " with the right code, command and address, " << hangs << " hangs, " << exact << " next jobs exact\n";
      EXPECT_EQ(right, total);
      EXPECT_EQ(hangs, 0u);
      EXPECT_EQ(exact, total);
      // Every record's every beat, all loads, bursts of several beats, each store's bursts.
      EXPECT_EQ(positions[SYSTOLE_ERROR_AXI_FETCH], 2 * count() * SYSTOLE_COMMAND_BYTES / config().axi_bytes());
      EXPECT_GE(loads.size(), config().fp ? 6u : 8u);
      EXPECT_GE(beats.size(), 4u);
      EXPECT_GE(positions[SYSTOLE_ERROR_AXI_LOAD], 100u);
      EXPECT_GE(positions[SYSTOLE_ERROR_AXI_STORE], 2 * 2 * 3u);
    }
  });
}

/// The reset is requested `relation` cycles after the doorbell (before it, if negative; 0: a machine that was switched off has its
/// doorbell already and is switched on by the write that requests the reset). Those of -2, -1, 1 and 2 do not exist: writes of this host
/// to two registers take effect at least three cycles apart.
TEST_P(FaultSweepTest, ASoftResetInEveryCycleLeavesNothingBehind) {
  constexpr int kBefore = 30, kAfter = 20;
  simulate([&](Host &host) {
    for (const Memory &memory : memories()) {
      clean_run(host, memory.timing);
      const int cycles = static_cast<int>(accelerator_->irq_cycle() - accelerator_->doorbell_cycle());
      ASSERT_GT(cycles, 300);
      std::set<int> covered;
      unsigned forgotten = 0, outstanding = 0;
      const auto reset_at = [&](int relation) {
        SCOPED_TRACE(std::string(memory.name) + " memory, reset " + std::to_string(relation) + " cycles after the doorbell");
        set_timing(host, memory.timing);
        if (relation == 0) {
          host.write32(SYSTOLE_REG_CTRL, 0);
          start(host);
          request_reset(host);
          covered.insert(0);
        } else {
          forget_results();
          accelerator_->begin_job();
          uint64_t reset = 0, doorbell = 0;
          const auto write = [&](bool is_reset) {
            if (is_reset)
              request_reset(host);
            else
              host.write32(SYSTOLE_REG_RING_TAIL, count());
            (is_reset ? reset : doorbell) = rtl_->written_cycle();
          };
          const unsigned distance = static_cast<unsigned>(std::abs(relation));
          if (distance == 3) {  // too close for a host that waits for the first answer
            sc_core::sc_process_handle other = sc_core::sc_spawn([&] { write(relation < 0); });
            sc_core::wait(sc_core::SC_ZERO_TIME);
            write(relation > 0);
            if (!other.terminated()) sc_core::wait(other.terminated_event());
          } else {
            write(relation < 0);
            if (distance > 4) sc_core::wait((distance - 4) * platform::clock_period());
            write(relation > 0);
          }
          covered.insert(static_cast<int>(static_cast<int64_t>(reset - doorbell)));
        }
        outstanding += port().reads_outstanding() + port().writes_outstanding() != 0;
        EXPECT_NE(await_reset(host), 0u) << "the reset hangs";
        if (relation < 0 && host.read32(SYSTOLE_REG_RING_TAIL) != 0) {
          finish_exact(host);  // the doorbell came when the reset was over
        } else {
          ++forgotten;
          expect_fresh(host);
          expect_intact();
        }
        run_exact(host);
      };
      for (int relation = -kBefore; relation <= cycles + kAfter; ++relation) {
        if (relation != 0 && std::abs(relation) < 3) continue;
        reset_at(relation);
        if (HasFailure()) return;
      }
      std::cout << memory.name << " memory: reset in " << covered.size() << " cycles, " << *covered.begin() << " to "
                << *covered.rbegin() << " of the doorbell (job: " << cycles << " cycles), " << outstanding
                << " times with bursts outstanding\n";
      for (int relation = -kBefore; relation <= cycles + kAfter; ++relation)
        if (relation == 0 || std::abs(relation) >= 3) EXPECT_EQ(covered.count(relation), 1u) << relation;
      EXPECT_GT(outstanding, 100u);
      EXPECT_LT(forgotten, covered.size());
    }
  });
}

/// An error response, and a soft reset requested in each cycle around the one in which the machine gets it, and around the one in which it
/// is latched: what comes first decides whether the error is ever seen, never whether the machine comes back.
TEST_P(FaultSweepTest, ASoftResetAroundAnErrorDoesNotHang) {
  constexpr int kAround = 12, kAroundLatched = 5;
  simulate([&](Host &host) {
    for (const Memory &memory : memories()) {
      const std::vector<AxiMemoryPort::Transfer> clean = clean_run(host, memory.timing);
      const uint64_t doorbell = accelerator_->doorbell_cycle();
      std::map<uint32_t, unsigned> picked;
      uint64_t reads = 0, writes = 0;
      unsigned runs = 0, seen = 0, drained = 0;
      for (const AxiMemoryPort::Transfer &transfer : clean) {
        const uint64_t number = transfer.write ? writes++ : reads++;
        const Error error = expected(transfer);
        const auto start_with_error = [&] {
          set_timing(host, memory.timing);
          port().record_transfers();
          if (transfer.write)
            port().inject_write_burst(number, platform::RESP_SLVERR);
          else
            port().inject_read_beat(number, platform::RESP_SLVERR);
          start(host);
        };
        // Some of each kind: a record costs as many beats as all loads of a command.
        const unsigned one_in = error.code == SYSTOLE_ERROR_AXI_FETCH ? 37 : error.code == SYSTOLE_ERROR_AXI_LOAD ? 11 : 3;
        if (picked[error.code]++ % one_in != 0) continue;
        start_with_error();
        EXPECT_TRUE(interrupted(host)) << "hang";
        // ERROR_CODE shows it a cycle before the interrupt.
        const int latched = static_cast<int>(accelerator_->irq_cycle() - accelerator_->doorbell_cycle()) - 1;
        end_job(host);
        const int arrived = static_cast<int>(transfer.cycle - doorbell);
        std::set<int> resets;
        for (int offset = -kAround; offset <= kAround; ++offset) resets.insert(arrived + offset);
        for (int offset = -kAroundLatched; offset <= kAroundLatched; ++offset) resets.insert(latched + offset);
        for (const int at : resets) {
          if (at < 4) continue;
          SCOPED_TRACE(std::string(memory.name) + " memory, " + (transfer.write ? "B " : "R ") + std::to_string(number) +
                       " in error, reset " + std::to_string(at - arrived) + " cycles after it, " + std::to_string(at - latched) +
                       " after it was latched");
          start_with_error();
          if (at > 4) sc_core::wait((at - 4) * platform::clock_period());
          request_reset(host);
          const uint64_t requested = rtl_->written_cycle();
          EXPECT_EQ(requested - accelerator_->doorbell_cycle(), static_cast<uint64_t>(at));
          const uint32_t code = host.read32(SYSTOLE_REG_ERROR_CODE);
          if (code != SYSTOLE_ERROR_NONE) EXPECT_EQ(code, error.code);
          seen += code != SYSTOLE_ERROR_NONE;
          EXPECT_NE(await_reset(host), 0u) << "the reset hangs";
          expect_fresh(host);
          expect_intact();
          for (const AxiMemoryPort::Transfer &done : port().transfers())
            drained += done.resp != platform::RESP_OKAY && done.cycle > requested;
          port().clear_injections();
          run_exact(host);
          ++runs;
          if (HasFailure()) return;
        }
      }
      std::cout << memory.name << " memory: " << runs << " resets around an error, " << seen
                << " times the error was read before the reset, " << drained << " times it came while the machine drained\n";
      EXPECT_GT(runs, 200u);
      EXPECT_GT(seen, 50u);
      EXPECT_GT(drained, 50u);
    }
  });
}

/// On each channel, at the first transfer and at later ones, the slave goes silent for good: the watchdog says so. A soft reset waits for
/// it, and is carried out when the slave goes on after all.
TEST_P(FaultSweepTest, ASlaveThatNeverAnswersIsFoundByTheWatchdog) {
  simulate([&](Host &host) {
    for (const Memory &memory : memories()) {
      const std::vector<AxiMemoryPort::Transfer> clean = clean_run(host, memory.timing);
      host.write32(SYSTOLE_REG_WATCHDOG, 1500);
      // The number of transfers on each channel, and where loads begin on R and AR.
      uint64_t reads = 0, bursts = 0, answers = 0, first_load = 0, first_load_burst = 0;
      for (const AxiMemoryPort::Transfer &transfer : clean) {
        if (transfer.write) {
          ++answers;
          continue;
        }
        if (first_load == 0 && transfer.addr >= slot(kSlots)) {
          first_load = reads;
          first_load_burst = bursts;
        }
        ++reads;
        bursts += transfer.beat == 0;
      }
      ASSERT_NE(first_load, 0u);
      const std::vector<std::pair<AxiMemoryPort::Channel, std::vector<uint64_t>>> places = {
          {AxiMemoryPort::AR, {0, 1, first_load_burst, first_load_burst + 1, bursts - 1}},
          {AxiMemoryPort::R, {0, 1, first_load, first_load + 1, reads / 2, reads - 1}},
          {AxiMemoryPort::AW, {0, 1, answers - 1}},
          {AxiMemoryPort::W, {0, 1, 4}},
          {AxiMemoryPort::B, {0, 1, answers - 1}}};
      unsigned times = 0;
      for (const auto &[channel, transfers] : places)
        for (const uint64_t after : transfers) {
          SCOPED_TRACE(std::string(memory.name) + " memory, channel " + std::to_string(channel) + " silent after " +
                       std::to_string(after));
          set_timing(host, memory.timing);
          port().hold(channel, after);
          start(host);
          EXPECT_TRUE(interrupted(host)) << "hang";
          EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), SYSTOLE_IRQ_STATUS_ERROR_MASK);
          Error error;
          error.code = SYSTOLE_ERROR_WATCHDOG;
          error.index = host.read32(SYSTOLE_REG_RING_HEAD);
          EXPECT_LT(error.index, count());
          EXPECT_EQ(this->error(host), error);
          EXPECT_EQ(host.read32(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_BUSY_MASK | SYSTOLE_STATUS_ERROR_MASK);  // not quiet
          request_reset(host);
          EXPECT_EQ(await_reset(host), 0u) << "the reset did not wait for the slave";
          EXPECT_EQ(this->error(host), error);
          port().release();
          EXPECT_NE(await_reset(host), 0u) << "the reset hangs";
          expect_fresh(host);
          expect_intact();
          run_exact(host);
          ++times;
          if (HasFailure()) return;
        }
      host.write32(SYSTOLE_REG_WATCHDOG, 0);
      std::cout << memory.name << " memory: " << times
                << " times silent for good, found by the watchdog, exact after the reset\n";
    }
  });
}

/// What errors and resets meet is the same in larger machines, which only take longer.
std::vector<std::string> smallest_configs() {
  std::vector<std::string> small;
  for (const std::string &name : engine_configs())
    if (platform::find_config(name).rows * platform::find_config(name).cols <= 16) small.push_back(name);
  return small;
}

INSTANTIATE_TEST_SUITE_P(Rtl, FaultSweepTest, testing::ValuesIn(smallest_configs()),
                         [](const auto &info) { return test_name(info.param); });

}  // namespace
}  // namespace systole::tb
