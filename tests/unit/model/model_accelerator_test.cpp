// SPDX-License-Identifier: Apache-2.0
// The model behind its sockets: registers, memory and interrupt through TLM.
#include "sim/model/model_accelerator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "tests/unit/model/ring.hpp"

namespace systole::model {
namespace {

constexpr std::uint64_t kBase = 0x10000;

/// Memory and host in one.
class Bench final : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Bench> regs_socket;
  tlm_utils::simple_target_socket<Bench> mem_socket;
  sc_core::sc_signal<bool> irq;
  std::vector<std::uint8_t> memory;
  sc_core::sc_time memory_time{5, sc_core::SC_NS};  // that an access takes
  std::function<void()> job;

  explicit Bench(const sc_core::sc_module_name &name)
      : sc_module(name), regs_socket("regs_socket"), mem_socket("mem_socket"), irq("irq"), memory(0x10000, 0x5C) {
    SC_HAS_PROCESS(Bench);
    mem_socket.register_b_transport(this, &Bench::memory_b_transport);
    SC_THREAD(run);
  }

  tlm::tlm_response_status registers(tlm::tlm_command command, std::uint64_t address, std::uint32_t &value, unsigned length = 4) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char *>(&value));
    payload.set_data_length(length);
    payload.set_streaming_width(length);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    regs_socket->b_transport(payload, delay);
    return payload.get_response_status();
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    EXPECT_EQ(registers(tlm::TLM_WRITE_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
  }
  std::uint32_t read(std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_EQ(registers(tlm::TLM_READ_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
    return value;
  }

 private:
  void run() { job(); }
  void memory_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time & /*delay*/) {
    const std::uint64_t at = payload.get_address() - kBase;
    const std::size_t size = payload.get_data_length();
    if (payload.get_address() < kBase || at + size > memory.size()) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (memory_time != sc_core::SC_ZERO_TIME) wait(memory_time);  // a target may take time
    if (payload.is_read()) std::memcpy(payload.get_data_ptr(), &memory[at], size);
    if (payload.is_write()) std::memcpy(&memory[at], payload.get_data_ptr(), size);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

/// Elaborates, runs `job` in the host's thread and ends the simulation with it.
void simulate(const std::function<void(Bench &, ModelAccelerator &)> &job,
              std::optional<platform::MemoryTiming> timing = std::nullopt) {
  Bench bench("bench");
  ModelAccelerator model("model", platform::find_config("4x4-int8"), timing);
  if (timing) bench.memory_time = sc_core::SC_ZERO_TIME;  // the timing model has it
  bench.regs_socket.bind(model.regs_socket);
  model.mem_socket.bind(bench.mem_socket);
  model.irq(bench.irq);
  bool finished = false;
  bench.job = [&] {
    bench.write(SYSTOLE_REG_RING_BASE_LO, kBase);
    bench.write(SYSTOLE_REG_RING_SIZE, 3);
    bench.write(SYSTOLE_REG_IRQ_ENABLE, 3);
    bench.write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
    job(bench, model);
    finished = true;
    sc_core::sc_stop();
  };
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_TRUE(finished);
}

TEST(ModelAcceleratorTest, ExecutesARingAndInterrupts) {
  simulate([](Bench &bench, ModelAccelerator &) {
    const std::uint8_t vector[] = {1, 2, 3};
    std::memcpy(&bench.memory[0x400], vector, sizeof vector);
    Record save = store(kBase + 0x801, 0, 1, 0, 1, 1, SYSTOLE_TOKEN_ACC_FULL);
    SET(save, CMD_IRQ, 1);
    const Record ring[] = {load(SYSTOLE_DEST_ACT, kBase + 0x400, 0, 3, 1, 0, 0, SYSTOLE_TOKEN_ACT_FULL),
                           load(SYSTOLE_DEST_WGT, kBase + 0x400, 0, 3, 1, 0, 0, SYSTOLE_TOKEN_WGT_FULL),
                           matmul(3, 1, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACC_FULL), save};
    std::memcpy(bench.memory.data(), ring, sizeof ring);
    bench.write(SYSTOLE_REG_RING_TAIL, 4);
    EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK, SYSTOLE_STATUS_BUSY_MASK);
    EXPECT_FALSE(bench.irq.read());
    sc_core::wait(bench.irq.posedge_event());
    EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 4u);
    std::uint32_t result = 0;
    std::memcpy(&result, &bench.memory[0x801], 4);
    EXPECT_EQ(result, 14u);
    EXPECT_EQ(bench.memory[0x800], 0x5C);
    EXPECT_EQ(bench.memory[0x805], 0x5C);
    bench.write(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    sc_core::wait(2, sc_core::SC_NS);
    EXPECT_FALSE(bench.irq.read());
  });
}

TEST(ModelAcceleratorTest, TurnsBusErrorsIntoAnErrorAndAnInterrupt) {
  simulate([](Bench &bench, ModelAccelerator &) {
    const Record bad = load(SYSTOLE_DEST_ACT, 0x40, 0, 3, 1, 0);
    std::memcpy(bench.memory.data(), &bad, sizeof bad);
    bench.write(SYSTOLE_REG_RING_TAIL, 1);
    sc_core::wait(bench.irq.posedge_event());
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_AXI_LOAD});
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_ADDR_LO), 0x40u);
  });
}

TEST(ModelAcceleratorTest, WatchdogEndsAWaitForAMissingToken) {
  simulate([](Bench &bench, ModelAccelerator &) {
    const Record stuck = matmul(1, 1, SYSTOLE_TOKEN_ACT_FULL);
    std::memcpy(bench.memory.data(), &stuck, sizeof stuck);
    bench.write(SYSTOLE_REG_WATCHDOG, 1000);
    bench.write(SYSTOLE_REG_RING_TAIL, 1);
    sc_core::wait(bench.irq.posedge_event());
    EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_WATCHDOG});
    EXPECT_GE(sc_core::sc_time_stamp(), sc_core::sc_time(1000, sc_core::SC_NS));
  });
}

/// A small product: two loads, a MATMUL, a STORE with an interrupt.
std::vector<Record> product(std::uint64_t result) {
  Record save = store(result, 0, 1, 0, 1, 1, SYSTOLE_TOKEN_ACC_FULL);
  SET(save, CMD_IRQ, 1);
  return {load(SYSTOLE_DEST_ACT, kBase + 0x400, 0, 3, 1, 0, 0, SYSTOLE_TOKEN_ACT_FULL),
          load(SYSTOLE_DEST_WGT, kBase + 0x400, 0, 3, 1, 0, 0, SYSTOLE_TOKEN_WGT_FULL),
          matmul(3, 1, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACC_FULL), save};
}

void put(Bench &bench, std::size_t index, const std::vector<Record> &records) {
  std::memcpy(&bench.memory[index * sizeof(Record)], records.data(), records.size() * sizeof(Record));
}

timing::Program program_of(std::vector<Record> records, std::vector<timing::Doorbell> doorbells) {
  timing::Program out;
  out.records.assign(records.begin(), records.end());
  out.doorbells = std::move(doorbells);
  return out;
}

std::uint64_t counter(Bench &bench, std::uint32_t low) {
  return bench.read(low) | static_cast<std::uint64_t>(bench.read(low + 4)) << 32;
}

constexpr platform::MemoryTiming kSlow{123, 4, 2, std::nullopt};

TEST(ModelAcceleratorTest, InterruptsInTheCycleThatIsPredicted) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        const auto expected =
            timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(product(kBase + 0x801), {{0, 4}}));
        ASSERT_NE(expected.complete, timing::kNever);
        ASSERT_GT(expected.complete, 3 * std::uint64_t{kSlow.latency});  // record, operands, result
        const std::uint8_t vector[] = {1, 2, 3};
        std::memcpy(&bench.memory[0x400], vector, sizeof vector);
        put(bench, 0, product(kBase + 0x801));
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_CLEAR_MASK);
        model.begin_job();
        EXPECT_EQ(model.doorbell_cycle(), 0u);
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        const std::uint64_t doorbell = model.doorbell_cycle();
        EXPECT_EQ(model.cycles(), doorbell + 1);  // its response is seen a cycle later
        EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 0u);
        EXPECT_EQ(bench.read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK, SYSTOLE_STATUS_BUSY_MASK);
        EXPECT_EQ(bench.memory[0x801], 0x5C);
        sc_core::wait(bench.irq.posedge_event());
        EXPECT_EQ(model.irq_cycle(), doorbell + expected.complete);
        EXPECT_EQ(model.cycles(), model.irq_cycle() + 1);  // an output of a cycle is there at its end
        EXPECT_EQ(bench.memory[0x801], 14);

        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), 0u);  // no snapshot yet
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK | SYSTOLE_COUNTER_CTRL_CLEAR_MASK);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), expected.complete);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_MACS_LO), 3u);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_COMPUTE_LO), 1u);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_READ_BURSTS_LO), 6u);  // four records, two operands
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_WRITE_BURSTS_LO), expected.counters.at("write_bursts"));
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), 0u);

        ASSERT_NE(model.measured(), nullptr);
        EXPECT_TRUE(model.measured()->predictable);
        ASSERT_EQ(model.measured()->commands.size(), 4u);
        EXPECT_EQ(timing::first_difference(model.measured()->program, model.measured()->commands, expected.commands), "");
      },
      kSlow);
}

TEST(ModelAcceleratorTest, ALaterDoorbellIsPartOfWhatIsPredicted) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        std::vector<Record> records = product(kBase + 0x801);
        const std::vector<Record> second = product(kBase + 0x901);
        records.insert(records.end(), second.begin(), second.end());
        put(bench, 0, records);
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        const std::uint64_t first = model.doorbell_cycle();
        sc_core::wait(57, sc_core::SC_NS);
        bench.write(SYSTOLE_REG_RING_TAIL, 8);
        EXPECT_EQ(model.doorbell_cycle(), first);
        const std::uint64_t later = model.cycles() - 1 - first;
        const auto expected =
            timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(records, {{0, 4}, {later, 8}}));
        const auto alone =
            timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(product(kBase + 0x801), {{0, 4}}));
        sc_core::wait(bench.irq.posedge_event());
        // The first STORE has an interrupt bit, too.
        EXPECT_GE(bench.read(SYSTOLE_REG_RING_HEAD), 4u);
        EXPECT_LT(bench.read(SYSTOLE_REG_RING_HEAD), 8u);
        bench.write(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
        sc_core::wait(bench.irq.posedge_event());
        EXPECT_EQ(model.irq_cycle(), first + expected.complete);
        EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 8u);
        EXPECT_GT(expected.complete, alone.complete);
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), expected.counters.at("total"));
      },
      kSlow);
}

/// A ring of eight records, refilled piece by piece by a host that sleeps, polls RING_HEAD or does neither: the hardest case for a
/// clock that must not run past a doorbell still to come. The end is that of timing::predict for the whole program.
TEST(ModelAcceleratorTest, ManyDoorbellsAreAsGoodAsOneProgram) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        constexpr std::uint32_t kProducts = 100, kRecords = 4 * kProducts;
        std::mt19937 random(7);
        std::vector<Record> records;
        for (std::uint32_t i = 0; i < kProducts; ++i) {
          std::vector<Record> next = product(kBase + 0x800 + random() % 0x400);
          if (random() % 3 != 0 && i + 1 != kProducts) SET(next.back(), CMD_IRQ, 0);
          records.insert(records.end(), next.begin(), next.end());
        }
        std::vector<timing::Doorbell> doorbells;
        std::vector<std::pair<std::uint64_t, std::uint32_t>> heads;  // cycle, RING_HEAD
        model.begin_job();
        std::uint32_t head = 0, tail = 0;
        const auto poll = [&] {
          head = bench.read(SYSTOLE_REG_RING_HEAD);
          heads.emplace_back(model.cycles() - 2 - model.doorbell_cycle(), head);  // its data are seen two cycles later
        };
        while (head != kRecords) {
          const std::uint32_t room = std::min(head + 8, kRecords) - tail;
          if (room != 0 && random() % 4 != 0) {
            const std::uint32_t more = 1 + static_cast<std::uint32_t>(random() % room);
            for (const std::uint32_t end = tail + more; tail != end; ++tail) put(bench, tail % 8, {records[tail]});
            bench.write(SYSTOLE_REG_RING_TAIL, tail);
            doorbells.push_back({model.cycles() - 1 - model.doorbell_cycle(), tail});
          }
          const std::uint32_t before = head;
          switch (random() % 3) {
            case 0: sc_core::wait(static_cast<double>(1 + random() % 700), sc_core::SC_NS); break;
            case 1:
              for (unsigned i = 0; i < 300 && head == before; ++i) poll();
              break;
            default: break;
          }
          poll();
        }
        ASSERT_GT(doorbells.size(), 100u);
        const auto expected = timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(records, doorbells));
        ASSERT_NE(expected.complete, timing::kNever);
        // RING_HEAD passes one record a cycle, each after its end.
        std::vector<timing::Cycle> passes;
        for (const timing::Command &command : expected.commands)
          passes.push_back(std::max(passes.empty() ? 0 : passes.back(), command.end) + 1);
        EXPECT_EQ(passes.back(), expected.complete);
        for (const auto &[cycle, value] : heads)
          EXPECT_EQ(value, std::upper_bound(passes.begin(), passes.end(), cycle) - passes.begin()) << "in cycle " << cycle;
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), expected.counters.at("total"));
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_COMMAND_LO), expected.counters.at("command"));
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_MACS_LO), 3u * kProducts);
        const platform::MeasuredProgram &measured = *model.measured();
        EXPECT_TRUE(measured.predictable);
        EXPECT_EQ(timing::first_difference(measured.program, measured.commands, expected.commands), "");
        ASSERT_TRUE(measured.prediction.has_value());
        EXPECT_EQ(measured.prediction->complete, expected.complete);
        EXPECT_EQ(measured.prediction->counters, expected.counters);
        ASSERT_EQ(measured.program.doorbells.size(), doorbells.size());
        for (std::size_t i = 0; i < doorbells.size(); ++i) EXPECT_EQ(measured.program.doorbells[i].cycle, doorbells[i].cycle);
      },
      kSlow);
}

TEST(ModelAcceleratorTest, DisabledBeforeAllIsCompleteItClaimsNoPrediction) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        put(bench, 0, product(kBase + 0x801));
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        bench.write(SYSTOLE_REG_CTRL, 0);
        bench.write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
        sc_core::wait(bench.irq.posedge_event());
        EXPECT_FALSE(model.measured()->predictable);
      },
      kSlow);
}

TEST(ModelAcceleratorTest, AFaultyRecordEndsWhatCanBePredicted) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        std::vector<Record> records = product(kBase + 0x801);
        records.push_back(command(9, 0, 0));  // no such opcode
        put(bench, 0, records);
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 5);
        sc_core::wait(bench.irq.posedge_event());
        while (bench.read(SYSTOLE_REG_ERROR_CODE) == SYSTOLE_ERROR_NONE) sc_core::wait(1, sc_core::SC_NS);
        EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_OPCODE});
        EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_INDEX), 4u);
        EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 4u);
        EXPECT_FALSE(model.measured()->predictable);

        // After a soft reset all is as at first.
        bench.write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK);
        bench.write(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK | SYSTOLE_IRQ_STATUS_ERROR_MASK);
        bench.write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        sc_core::wait(bench.irq.posedge_event());
        const auto expected =
            timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(product(kBase + 0x801), {{0, 4}}));
        EXPECT_EQ(model.irq_cycle() - model.doorbell_cycle(), expected.complete);
        EXPECT_TRUE(model.measured()->predictable);
      },
      kSlow);
}

TEST(ModelAcceleratorTest, WatchdogEndsAWaitThatThePredictionSaysNeverEnds) {
  simulate(
      [](Bench &bench, ModelAccelerator &) {
        put(bench, 0, {matmul(1, 1, SYSTOLE_TOKEN_ACT_FULL)});
        bench.write(SYSTOLE_REG_WATCHDOG, 1000);
        bench.write(SYSTOLE_REG_RING_TAIL, 1);
        sc_core::wait(bench.irq.posedge_event());
        EXPECT_EQ(bench.read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_WATCHDOG});
        EXPECT_GE(sc_core::sc_time_stamp(), sc_core::sc_time(1000, sc_core::SC_NS));
      },
      kSlow);
}

TEST(ModelAcceleratorTest, StartsWhenItIsEnabled) {
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        put(bench, 0, product(kBase + 0x801));
        bench.write(SYSTOLE_REG_CTRL, 0);
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        sc_core::wait(10, sc_core::SC_US);
        EXPECT_EQ(bench.read(SYSTOLE_REG_RING_HEAD), 0u);
        bench.write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
        const std::uint64_t enabled = model.cycles() - 1;
        sc_core::wait(bench.irq.posedge_event());
        const auto expected =
            timing::predict(platform::find_config("4x4-int8"), kSlow, program_of(product(kBase + 0x801), {{0, 4}}));
        EXPECT_EQ(model.irq_cycle(), enabled + expected.complete);
      },
      kSlow);
}

TEST(ModelAcceleratorTest, RandomStallsLeaveItWithoutAClock) {
  platform::MemoryTiming random = kSlow;
  random.stall_seed = 5;
  simulate(
      [](Bench &bench, ModelAccelerator &model) {
        put(bench, 0, product(kBase + 0x801));
        model.begin_job();
        bench.write(SYSTOLE_REG_RING_TAIL, 4);
        sc_core::wait(bench.irq.posedge_event());
        EXPECT_EQ(model.cycles(), 0u);
        EXPECT_EQ(model.doorbell_cycle(), 0u);
        EXPECT_EQ(model.irq_cycle(), 0u);
        EXPECT_EQ(model.measured(), nullptr);
        bench.write(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK);
        EXPECT_EQ(counter(bench, SYSTOLE_REG_COUNTER_TOTAL_LO), 0u);
      },
      random);
}

TEST(ModelAcceleratorTest, RefusesAccessesThatTheBusDoesNotHave) {
  simulate([](Bench &bench, ModelAccelerator &) {
    std::uint32_t value = 0;
    EXPECT_EQ(bench.registers(tlm::TLM_READ_COMMAND, 0xFFC, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(bench.registers(tlm::TLM_WRITE_COMMAND, 0x1000, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(bench.registers(tlm::TLM_READ_COMMAND, 0, value, 2), tlm::TLM_BURST_ERROR_RESPONSE);
  });
}

}  // namespace
}  // namespace systole::model
