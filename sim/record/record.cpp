// SPDX-License-Identifier: Apache-2.0
#include "sim/record/record.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "firmware/include/systole_regs.h"

namespace systole::record {

namespace {

constexpr uint32_t kRingLog2 = 16;
constexpr uint64_t kRingAddress = 0x1000;

uint32_t log2_of(uint64_t value) {
  uint32_t out = 0;
  while ((uint64_t{2} << out) <= value) ++out;
  return out;
}

void check(systole_result_t result) {
  if (result != SYSTOLE_OK) throw std::invalid_argument(std::string("the driver refuses: ") + systole_result_string(result));
}

}  // namespace

struct Recorder::Device {
  explicit Device(const platform::ConfigInfo &info) : config(info), ring(new uint32_t[SYSTOLE_COMMAND_WORDS << kRingLog2]) {
    systole_config_t setup{};
    setup.mmio.ctx = this;
    setup.mmio.read32 = [](void *ctx, uint32_t offset) { return static_cast<Device *>(ctx)->read(offset); };
    setup.mmio.write32 = [](void *ctx, uint32_t offset, uint32_t value) { static_cast<Device *>(ctx)->write(offset, value); };
    setup.ring = ring.get();
    setup.ring_address = kRingAddress;
    setup.ring_entries_log2 = kRingLog2;
    const systole_result_t result = systole_init(&driver, &setup);
    if (result != SYSTOLE_OK)
      throw std::logic_error(std::string("the driver does not start on ") + config.name + ": " + systole_result_string(result));
  }

  uint32_t read(uint32_t offset) const {
    switch (offset) {
      case SYSTOLE_REG_ID: return SYSTOLE_ID_VALUE;
      case SYSTOLE_REG_VERSION: return SYSTOLE_COMMAND_VERSION << SYSTOLE_VERSION_COMMAND_LSB;
      case SYSTOLE_REG_CAP0:
        return log2_of(config.rows) << SYSTOLE_CAP0_ROWS_LOG2_LSB | log2_of(config.cols) << SYSTOLE_CAP0_COLS_LOG2_LSB |
               log2_of(config.axi_bytes()) << SYSTOLE_CAP0_AXI_BYTES_LOG2_LSB | (config.fp ? 1u : 0u) << SYSTOLE_CAP0_FP_LSB |
               config.element_latency << SYSTOLE_CAP0_ELEMENT_LATENCY_LSB |
               log2_of(config.epilogue_lanes()) << SYSTOLE_CAP0_EPILOGUE_LANES_LOG2_LSB |
               config.queue_depth << SYSTOLE_CAP0_QUEUE_DEPTH_LSB;
      case SYSTOLE_REG_CAP1:
        return log2_of(config.act_words()) << SYSTOLE_CAP1_ACT_WORDS_LOG2_LSB |
               log2_of(config.wgt_words()) << SYSTOLE_CAP1_WGT_WORDS_LOG2_LSB |
               log2_of(config.acc_rows) << SYSTOLE_CAP1_ACC_ROWS_LOG2_LSB |
               log2_of(config.param_entries) << SYSTOLE_CAP1_PARAM_ENTRIES_LOG2_LSB;
      case SYSTOLE_REG_CAP2:
        return config.max_reads << SYSTOLE_CAP2_MAX_READS_LSB | config.max_writes << SYSTOLE_CAP2_MAX_WRITES_LSB |
               config.axi_addr_bits << SYSTOLE_CAP2_AXI_ADDR_BITS_LSB;
      case SYSTOLE_REG_RING_HEAD: return tail;  // all is complete at once: the driver never waits
      default: return 0;
    }
  }

  void write(uint32_t offset, uint32_t value) {
    if (offset == SYSTOLE_REG_CTRL && (value & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0) tail = 0;
    if (offset != SYSTOLE_REG_RING_TAIL) return;
    for (; tail != value; ++tail) {
      timing::Record record;
      const size_t slot = tail & ((uint32_t{1} << kRingLog2) - 1);
      for (size_t word = 0; word < record.size(); ++word) record[word] = ring[slot * SYSTOLE_COMMAND_WORDS + word];
      program.records.push_back(record);
    }
    timing::Doorbell doorbell;
    doorbell.cycle = program.doorbells.size();
    doorbell.records = static_cast<uint32_t>(program.records.size());
    program.doorbells.push_back(doorbell);
  }

  const platform::ConfigInfo config;
  const std::unique_ptr<uint32_t[]> ring;
  systole_t driver{};
  uint32_t tail = 0;
  timing::Program program;
};

Recorder::Recorder(const platform::ConfigInfo &config) : device_(std::make_unique<Device>(config)) {}
Recorder::~Recorder() = default;

void Recorder::add(const systole_gemm_t &gemm) { check(systole_gemm(&device_->driver, &gemm)); }

systole_gemm_plan_t Recorder::plan(const systole_gemm_t &gemm) const {
  systole_gemm_plan_t plan{};
  check(systole_gemm_plan(&device_->driver, &gemm, &plan));
  return plan;
}

timing::Program Recorder::take() {
  timing::Program out = std::exchange(device_->program, {});
  check(systole_reset(&device_->driver));
  return out;
}

const systole_t &Recorder::device() const { return device_->driver; }

timing::Program record_gemm(const platform::ConfigInfo &config, const systole_gemm_t &gemm) {
  Recorder recorder(config);
  recorder.add(gemm);
  return recorder.take();
}

}  // namespace systole::record
