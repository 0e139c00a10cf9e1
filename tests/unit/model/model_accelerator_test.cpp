// SPDX-License-Identifier: Apache-2.0
// The model behind its sockets: registers, memory and interrupt through TLM.
#include "sim/model/model_accelerator.hpp"

#include <gtest/gtest.h>

#include <cstring>
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
    wait(5, sc_core::SC_NS);  // a target may take time
    if (payload.is_read()) std::memcpy(payload.get_data_ptr(), &memory[at], size);
    if (payload.is_write()) std::memcpy(&memory[at], payload.get_data_ptr(), size);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

/// Elaborates, runs `job` in the host's thread and ends the simulation with it.
void simulate(const std::function<void(Bench &, ModelAccelerator &)> &job) {
  Bench bench("bench");
  ModelAccelerator model("model", platform::find_config("4x4-int8"));
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
