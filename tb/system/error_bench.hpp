// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"
#include "sim/platform/rtl_accelerator.hpp"
#include "tb/system/engine.hpp"
#include "tb/system/raw_ring.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {

using platform::Host;
using timing::Record;

/// Arguments of put() for a field of the generated header.
#define FIELD(name) name##_WORD, name##_LSB, name##_WIDTH

/// Puts a value into a field of a record.
template <class T>
void put(Record &record, unsigned word, unsigned lsb, unsigned width, T value) {
  systole_field_set(record.data(), word, lsb, width, static_cast<uint32_t>(value));
}

/// A host that writes records and registers of its own.
class ErrorTest : public SystemTest {
 protected:
  static constexpr uint64_t kBase = 0x12'0000'0000;
  static constexpr unsigned kEntriesLog2 = 7;
  static constexpr uint32_t kRingBytes = SYSTOLE_COMMAND_BYTES << kEntriesLog2;

  void SetUp() override {
    regions_.scales = kBase + kRingBytes;
    regions_.scale_bytes = 16384;
    regions_.shifts = regions_.scales + regions_.scale_bytes;
    regions_.data = regions_.shifts + regions_.scale_bytes;
    regions_.data_bytes = 65536;
    regions_.results = regions_.data + regions_.data_bytes;
    regions_.result_bytes = 65536;
    good_ = regions_.results + regions_.result_bytes;
    memory_ = std::make_unique<platform::Memory>("memory", kBase, good_ + 8192 - kBase);
    memory_->fill_pattern(regions_.data, regions_.data_bytes, random_());
    std::memset(memory_->at(regions_.scales, regions_.scale_bytes), 0x3F, regions_.scale_bytes);
    std::memset(memory_->at(regions_.shifts, regions_.scale_bytes), 0x01, regions_.scale_bytes);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    accelerator_ = engine_factory()(config(), platform::MemoryTiming{});
    rtl_ = dynamic_cast<platform::RtlAccelerator *>(accelerator_.get());
    ASSERT_NE(rtl_, nullptr);
  }

  void simulate(const std::function<void(Host &)> &program) {
    Host host("host", [&](Host &h) {
      set_up(h, kEntriesLog2);
      first_ = product(h);
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

  void set_up(Host &host, unsigned entries_log2) {
    host.write32(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(kBase));
    host.write32(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(kBase >> 32));
    host.write32(SYSTOLE_REG_RING_SIZE, entries_log2);
    entries_ = 1u << entries_log2;
    host.write32(SYSTOLE_REG_IRQ_ENABLE, SYSTOLE_IRQ_ENABLE_DONE_MASK | SYSTOLE_IRQ_ENABLE_ERROR_MASK);
    host.write32(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
  }

  Record command(uint32_t opcode) const {
    Record record{};
    put(record, FIELD(SYSTOLE_CMD_OPCODE), opcode);
    put(record, FIELD(SYSTOLE_CMD_VERSION), SYSTOLE_COMMAND_VERSION);
    return record;
  }
  /// A LOAD of one item.
  Record load(uint32_t dest, uint64_t address, uint32_t length) const {
    Record record = command(SYSTOLE_OPCODE_LOAD);
    put(record, FIELD(SYSTOLE_LOAD_ADDRESS_LO), address & 0xFFFFFFFF);
    put(record, FIELD(SYSTOLE_LOAD_ADDRESS_HI), address >> 32);
    put(record, FIELD(SYSTOLE_LOAD_DEST), dest);
    put(record, FIELD(SYSTOLE_LOAD_LENGTH), length);
    put(record, FIELD(SYSTOLE_LOAD_COUNT1), 1);
    put(record, FIELD(SYSTOLE_LOAD_COUNT2), 1);
    return record;
  }
  Record matmul() const { return RawRing::small_matmul(config()); }
  Record store() const { return RawRing::small_store(config(), regions_); }
  /// One more command may be legal but waits for a token that nobody gives.
  static Record waiting(Record record, uint32_t token) {
    put(record, FIELD(SYSTOLE_CMD_WAIT), token);
    return record;
  }

  /// Writes records behind those that are there, and rings.
  void ring(Host &host, const std::vector<Record> &records) {
    for (const Record &record : records)
      std::memcpy(memory_->at(kBase + SYSTOLE_COMMAND_BYTES * (tail_++ % entries_), SYSTOLE_COMMAND_BYTES), record.data(),
                  SYSTOLE_COMMAND_BYTES);
    host.write32(SYSTOLE_REG_RING_TAIL, tail_);
  }

  void soft_reset(Host &host) {
    host.write32(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK | SYSTOLE_CTRL_SOFT_RESET_MASK);
    unsigned polls = 0;
    while ((host.read32(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0) ASSERT_LT(++polls, 10000u);
    while ((host.read32(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_INIT_MASK) != 0) ASSERT_LT(++polls, 10000u);
    tail_ = 0;
    EXPECT_EQ(host.read32(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), 0u);
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), uint32_t{SYSTOLE_ERROR_NONE});
    EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), 0u);
  }

  /// A small product whose commands wait for one another. @returns its result
  std::vector<uint8_t> product(Host &host) {
    const uint32_t word = config().word_bytes(), bytes = 4 * config().cols;
    std::vector<Record> records = {load(SYSTOLE_DEST_ACT, regions_.data + 3, word),
                                   load(SYSTOLE_DEST_WGT, regions_.data + 1000, word * config().cols), matmul(), store()};
    put(records[0], FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_ACT_FULL);
    put(records[1], FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_WGT_FULL);
    put(records[2], FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL);
    put(records[2], FIELD(SYSTOLE_CMD_GIVE), SYSTOLE_TOKEN_ACC_FULL);
    put(records[3], FIELD(SYSTOLE_CMD_WAIT), SYSTOLE_TOKEN_ACC_FULL);
    put(records[3], FIELD(SYSTOLE_STORE_ADDRESS_LO), good_ & 0xFFFFFFFF);
    put(records[3], FIELD(SYSTOLE_CMD_IRQ), 1);
    std::memset(memory_->at(good_, bytes), 0xA5, bytes);
    ring(host, records);
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS), SYSTOLE_IRQ_STATUS_DONE_MASK);
    EXPECT_EQ(host.read32(SYSTOLE_REG_RING_HEAD), tail_);
    host.write32(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
    const uint8_t *result = memory_->at(good_, bytes);
    return {result, result + bytes};
  }

  /// A soft reset, and the product comes out as at first.
  void expect_recovery(Host &host) {
    rtl_->port().clear_injections();
    soft_reset(host);
    EXPECT_EQ(product(host), first_);
  }

  /// Waits for the interrupt of an error, expects its code and the index of the command counted from `begin`, then recovery.
  void expect_error(Host &host, uint32_t code, uint32_t index) {
    host.idle();
    EXPECT_EQ(host.read32(SYSTOLE_REG_IRQ_STATUS) & SYSTOLE_IRQ_STATUS_ERROR_MASK, SYSTOLE_IRQ_STATUS_ERROR_MASK);
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_CODE), code);
    EXPECT_EQ(host.read32(SYSTOLE_REG_ERROR_INDEX), index);
    expect_recovery(host);
  }

  RawRing::Regions regions_;
  uint64_t good_ = 0;
  std::unique_ptr<platform::Memory> memory_;
  std::unique_ptr<platform::Accelerator> accelerator_;
  platform::RtlAccelerator *rtl_ = nullptr;
  std::vector<uint8_t> first_;
  uint32_t tail_ = 0, entries_ = 1;
};

}  // namespace systole::tb
