// SPDX-License-Identifier: Apache-2.0
#include "mock_device.hpp"

namespace systole::test {

namespace {
constexpr uint64_t RING_ADDRESS = 0x1'2345'6000 & ~uint64_t{63};
}

MockDevice::MockDevice(const Shape &s, unsigned ring_entries_log2)
    : ring_(size_t{SYSTOLE_COMMAND_WORDS} << ring_entries_log2), ring_entries_log2_(ring_entries_log2) {
  registers[SYSTOLE_REG_ID] = SYSTOLE_ID_VALUE;
  registers[SYSTOLE_REG_VERSION] = SYSTOLE_COMMAND_VERSION << SYSTOLE_VERSION_COMMAND_LSB;
  registers[SYSTOLE_REG_CAP0] = s.rows_log2 << SYSTOLE_CAP0_ROWS_LOG2_LSB | s.cols_log2 << SYSTOLE_CAP0_COLS_LOG2_LSB |
                                s.axi_bytes_log2 << SYSTOLE_CAP0_AXI_BYTES_LOG2_LSB |
                                s.element_latency << SYSTOLE_CAP0_ELEMENT_LATENCY_LSB |
                                s.epilogue_lanes_log2 << SYSTOLE_CAP0_EPILOGUE_LANES_LOG2_LSB |
                                (s.fp ? SYSTOLE_CAP0_FP_MASK : 0u) | s.queue_depth << SYSTOLE_CAP0_QUEUE_DEPTH_LSB;
  registers[SYSTOLE_REG_CAP1] =
      s.act_words_log2 << SYSTOLE_CAP1_ACT_WORDS_LOG2_LSB | s.wgt_words_log2 << SYSTOLE_CAP1_WGT_WORDS_LOG2_LSB |
      s.acc_rows_log2 << SYSTOLE_CAP1_ACC_ROWS_LOG2_LSB | s.param_entries_log2 << SYSTOLE_CAP1_PARAM_ENTRIES_LOG2_LSB;
  registers[SYSTOLE_REG_CAP2] = s.max_reads << SYSTOLE_CAP2_MAX_READS_LSB | s.max_writes << SYSTOLE_CAP2_MAX_WRITES_LSB |
                                s.address_bits << SYSTOLE_CAP2_AXI_ADDR_BITS_LSB | s.accel_id << SYSTOLE_CAP2_ACCEL_ID_LSB;
}

systole_config_t MockDevice::config() {
  systole_config_t config{};
  config.mmio.ctx = this;
  config.mmio.read32 = [](void *ctx, uint32_t offset) { return static_cast<MockDevice *>(ctx)->Read(offset); };
  config.mmio.write32 = [](void *ctx, uint32_t offset, uint32_t value) { static_cast<MockDevice *>(ctx)->Write(offset, value); };
  config.mmio.idle = [](void *ctx) { static_cast<MockDevice *>(ctx)->Idle(); };
  config.mmio.barrier = [](void *ctx) {
    ++static_cast<MockDevice *>(ctx)->barriers;
    static_cast<MockDevice *>(ctx)->fresh_barrier_ = true;
  };
  config.ring = ring_.data();
  config.ring_address = RING_ADDRESS;
  config.ring_entries_log2 = ring_entries_log2_;
  return config;
}

uint32_t MockDevice::Read(uint32_t offset) {
  switch (offset) {
    case SYSTOLE_REG_STATUS: return (head_ != tail_ ? SYSTOLE_STATUS_BUSY_MASK : 0u) | (error_ ? SYSTOLE_STATUS_ERROR_MASK : 0u);
    case SYSTOLE_REG_RING_HEAD: Complete(complete_per_read); return head_;
    case SYSTOLE_REG_CTRL: return stuck_reset ? registers[offset] : registers[offset] & ~SYSTOLE_CTRL_SOFT_RESET_MASK;
    default: return registers[offset];
  }
}

void MockDevice::Write(uint32_t offset, uint32_t value) {
  writes.emplace_back(offset, value);
  registers[offset] = value;
  if (offset == SYSTOLE_REG_RING_TAIL) Publish(value);
  if (offset == SYSTOLE_REG_IRQ_STATUS && (value & SYSTOLE_IRQ_STATUS_DONE_MASK) != 0u) irq_done_ = false;
  if (offset == SYSTOLE_REG_CTRL && (value & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0u) {
    head_ = tail_ = 0;
    irq_done_ = error_ = false;
  }
}

void MockDevice::Publish(uint32_t tail) {
  ++doorbells;
  if (!fresh_barrier_) fault = "doorbell without a barrier";
  fresh_barrier_ = false;
  if (tail - head_ > uint32_t{1} << ring_entries_log2_) fault = "the ring overflows";
  for (; tail_ != tail; ++tail_) {
    Record record;
    const size_t slot = tail_ & ((uint32_t{1} << ring_entries_log2_) - 1u);
    for (size_t i = 0; i < record.size(); ++i) record[i] = ring_[slot * SYSTOLE_COMMAND_WORDS + i];
    log.push_back(record);
  }
}

void MockDevice::Complete(uint32_t count) {
  while (count-- > 0 && head_ != tail_ && !error_) {
    if (head_ == error_after) {
      error_ = true;
      return;
    }
    const size_t slot = head_ & ((uint32_t{1} << ring_entries_log2_) - 1u);
    uint32_t *words = &ring_[slot * SYSTOLE_COMMAND_WORDS];
    if (systole_field_get(words, SYSTOLE_CMD_IRQ_WORD, SYSTOLE_CMD_IRQ_LSB, SYSTOLE_CMD_IRQ_WIDTH) != 0u) irq_done_ = true;
    for (unsigned i = 0; i < SYSTOLE_COMMAND_WORDS; ++i) words[i] = 0xDEADBEEF;  // the driver must not rely on old contents
    ++head_;
  }
}

void MockDevice::Idle() {
  ++idles;
  while (!irq_done_ && !error_) {
    if (head_ == tail_) {
      fault = "idle() with nothing left that could raise the interrupt";
      error_ = true;  // ends the driver's loop
      return;
    }
    Complete(1);
  }
}

}  // namespace systole::test
