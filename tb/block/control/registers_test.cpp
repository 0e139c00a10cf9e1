// SPDX-License-Identifier: Apache-2.0
// systole_regs: every register against a table written by hand from the specification, so that a fault of the generator
// shows here too.
#include <array>
#include <map>

#include "Vregs.h"
#include "tb/block/control/bench.hpp"

namespace systole::tb {
namespace {

/// `window`: as `locked`, and read-only once LOCK.windows is set; `sticky`: writing 1 sets.
enum class Access { constant, status, writable, locked, clear, trigger, window, sticky, inject };

struct Register {
  uint32_t offset;
  const char *name;
  Access access;
  uint32_t mask;      // implemented bits
  uint32_t reset;     // of constants and writable registers
  uint32_t ones = 0;  // bits that always read 1
};

constexpr std::array<Register, 33> registers{{
    {0x000, "ID", Access::constant, 0xFFFFFFFF, 0x53595354},
    {0x004, "VERSION", Access::constant, 0xFFFFFFFF, 0x01000100},
    {0x008, "CAP0", Access::status, 0xFFFF3FFF, 0},
    {0x00C, "CAP1", Access::status, 0x1F1F1F1F, 0},
    {0x010, "CAP2", Access::status, 0x0FFFFFFF, 0},
    {0x020, "CTRL", Access::writable, 0x3, 0},
    {0x024, "STATUS", Access::status, 0xF, 0},
    {0x028, "IRQ_ENABLE", Access::writable, 0x3, 0},
    {0x02C, "IRQ_STATUS", Access::clear, 0x3, 0},
    {0x030, "RING_BASE_LO", Access::locked, 0xFFFFFFC0, 0},
    {0x034, "RING_BASE_HI", Access::locked, 0xFFFFFFFF, 0},
    {0x038, "RING_SIZE", Access::locked, 0x1F, 0},
    {0x03C, "RING_TAIL", Access::writable, 0xFFFFFFFF, 0},
    {0x040, "RING_HEAD", Access::status, 0xFFFFFFFF, 0},
    {0x044, "WATCHDOG", Access::writable, 0xFFFFFFFF, 0},
    {0x048, "ERROR_CODE", Access::status, 0xFF, 0},
    {0x04C, "ERROR_INDEX", Access::status, 0xFFFFFFFF, 0},
    {0x050, "ERROR_ADDR_LO", Access::status, 0xFFFFFFFF, 0},
    {0x054, "ERROR_ADDR_HI", Access::status, 0xFFFFFFFF, 0},
    {0x060, "DONE_LOAD", Access::status, 0xFFFFFFFF, 0},
    {0x064, "DONE_COMPUTE", Access::status, 0xFFFFFFFF, 0},
    {0x068, "DONE_STORE", Access::status, 0xFFFFFFFF, 0},
    {0x080, "COUNTER_CTRL", Access::trigger, 0x3, 0},
    {0x100, "READ_BASE_LO", Access::window, 0xFFFFF000, 0},
    {0x104, "READ_BASE_HI", Access::window, 0xFFFFFFFF, 0},
    {0x108, "READ_LIMIT_LO", Access::window, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFF},
    {0x10C, "READ_LIMIT_HI", Access::window, 0xFFFFFFFF, 0xFFFFFFFF},
    {0x110, "WRITE_BASE_LO", Access::window, 0xFFFFF000, 0},
    {0x114, "WRITE_BASE_HI", Access::window, 0xFFFFFFFF, 0},
    {0x118, "WRITE_LIMIT_LO", Access::window, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFF},
    {0x11C, "WRITE_LIMIT_HI", Access::window, 0xFFFFFFFF, 0xFFFFFFFF},
    {0x120, "LOCK", Access::sticky, 0x3, 0},
    {0x124, "INJECT", Access::inject, 0x80003F0F, 0},
}};
constexpr uint32_t counters_first = 0x088;
constexpr unsigned counters = 13;
constexpr unsigned okay = 0;
constexpr unsigned slverr = 2;

class RegistersTest : public testing::Test {
 protected:
  RegistersTest() : dut(random.seed()), master(*dut, random) {
    dut->s_axil_awvalid_i = dut->s_axil_wvalid_i = dut->s_axil_bready_i = dut->s_axil_arvalid_i = dut->s_axil_rready_i = 0;
    dut->busy_i = dut->soft_reset_i = dut->ctrl_soft_reset_done_i = dut->inject_arm_done_i = 0;
    dut->irq_status_done_set_i = dut->irq_status_error_set_i = 0;
    dut->rst_ni = 0;
    for (int i = 0; i < 2; ++i) cycle([] {});
    EXPECT_EQ(dut->irq_o, 0);
    EXPECT_EQ(dut->s_axil_bvalid_o, 0);
    EXPECT_EQ(dut->s_axil_rvalid_o, 0);
    dut->rst_ni = 1;
    set_status();
    for (const Register &reg : registers) value[reg.offset] = reg.access == Access::status ? status[reg.offset] : reg.reset;
  }

  template <class Sample>
  void cycle(Sample &&sample) {
    dut.settle();
    sample();
    snapshots += dut->counter_ctrl_snapshot_o;
    clears += dut->counter_ctrl_clear_o;
    refusals += dut->locked_write_o;
    dut.edge();
  }
  auto clock() {
    return [this](auto &&sample) { this->cycle(sample); };
  }

  unsigned write(uint32_t offset, uint32_t data, unsigned strb = 15) { return master.write(clock(), offset, data, strb); }
  ReadResult read(uint32_t offset) {
    return master.read(clock(), offset, [] {});
  }

  /// Puts random values on all status inputs and notes what the registers must read.
  void set_status() {
    const auto bits = [this](unsigned width) { return random.word() & ((width < 32 ? 1U << width : 0U) - 1U); };
    const auto put = [](auto &port, uint32_t v) { port = static_cast<std::remove_reference_t<decltype(port)>>(v); };
    uint32_t v = bits(32) & 0xFFFF3FFF;
    status[0x008] = v;
    put(dut->cap0_rows_log2_i, v & 15);
    put(dut->cap0_cols_log2_i, v >> 4 & 15);
    put(dut->cap0_axi_bytes_log2_i, v >> 8 & 15);
    put(dut->cap0_fp_i, v >> 12 & 1);
    put(dut->cap0_parity_i, v >> 13 & 1);
    put(dut->cap0_element_latency_i, v >> 16 & 15);
    put(dut->cap0_epilogue_lanes_log2_i, v >> 20 & 15);
    put(dut->cap0_queue_depth_i, v >> 24);
    v = bits(32) & 0x1F1F1F1F;
    status[0x00C] = v;
    put(dut->cap1_act_words_log2_i, v & 31);
    put(dut->cap1_wgt_words_log2_i, v >> 8 & 31);
    put(dut->cap1_acc_rows_log2_i, v >> 16 & 31);
    put(dut->cap1_param_entries_log2_i, v >> 24 & 31);
    v = bits(28);
    status[0x010] = v;
    put(dut->cap2_max_reads_i, v & 255);
    put(dut->cap2_max_writes_i, v >> 8 & 255);
    put(dut->cap2_axi_addr_bits_i, v >> 16 & 255);
    put(dut->cap2_accel_id_i, v >> 24);
    v = bits(4);
    status[0x024] = v;
    put(dut->status_busy_i, v & 1);
    put(dut->status_error_i, v >> 1 & 1);
    put(dut->status_quiet_i, v >> 2 & 1);
    put(dut->status_init_i, v >> 3);
    put(dut->ring_head_i, status[0x040] = bits(32));
    put(dut->error_code_i, status[0x048] = bits(8));
    put(dut->error_index_i, status[0x04C] = bits(32));
    put(dut->error_addr_lo_i, status[0x050] = bits(32));
    put(dut->error_addr_hi_i, status[0x054] = bits(32));
    put(dut->done_load_i, status[0x060] = bits(32));
    put(dut->done_compute_i, status[0x064] = bits(32));
    put(dut->done_store_i, status[0x068] = bits(32));
    for (unsigned c = 0; c < counters; ++c) {
      const uint64_t count = uint64_t{bits(16)} << 32 | bits(32);
      for (unsigned b = 0; b < 48; ++b) {
        const unsigned at = c * 48 + b;
        dut->counter_i[at / 32] &= ~(1U << at % 32);
        dut->counter_i[at / 32] |= static_cast<uint32_t>(count >> b & 1) << at % 32;
      }
      status[counters_first + 8 * c] = static_cast<uint32_t>(count);
      status[counters_first + 8 * c + 4] = static_cast<uint32_t>(count >> 32);
    }
    for (const auto &[offset, v2] : status) value[offset] = v2;
  }

  bool refused(uint32_t offset) const {
    return (offset >= 0x100 && offset < 0x120 && (value.at(0x120) & 1) != 0) || (offset == 0x124 && (value.at(0x120) & 2) != 0);
  }

  /// What a write does to `value`.
  void model_write(uint32_t offset, uint32_t data, unsigned strb) {
    uint32_t lanes = 0;
    for (unsigned b = 0; b < 4; ++b) lanes |= (strb >> b & 1) != 0 ? 0xFFU << 8 * b : 0U;
    if (refused(offset)) return;
    for (const Register &reg : registers) {
      if (reg.offset != offset) continue;
      uint32_t &v = value[offset];
      const uint32_t merged = ((v & ~lanes) | (data & lanes)) & reg.mask;
      if (offset == 0x020) {
        v = (merged & 1) | (v & 2) | (data & lanes & 2);
      } else if (reg.access == Access::writable ||
                 ((reg.access == Access::locked || reg.access == Access::window) && dut->busy_i == 0)) {
        v = merged | reg.ones;
      } else if (reg.access == Access::sticky) {
        v |= data & lanes & reg.mask;
      } else if (reg.access == Access::inject) {
        v = merged;
      } else if (reg.access == Access::clear) {
        v &= ~(data & lanes);
      }
      if ((reg.access == Access::locked || reg.access == Access::window) && dut->busy_i != 0) ++expected_refusals;
      if (reg.access == Access::trigger) {
        expected_snapshots += data & lanes & 1;
        expected_clears += data >> 1 & lanes >> 1 & 1;
      }
    }
  }

  static bool mapped(uint32_t offset) {
    if (offset % 4 != 0) return false;
    if (offset >= counters_first && offset < counters_first + 8 * counters) return true;
    for (const Register &reg : registers) {
      if (reg.offset == offset) return true;
    }
    return false;
  }

  Random random;
  Clocked<Vregs> dut;
  LiteMaster<Vregs> master;
  std::map<uint32_t, uint32_t> value;   // what each register must read
  std::map<uint32_t, uint32_t> status;  // the status inputs
  uint32_t snapshots = 0, clears = 0, refusals = 0, locked_writes = 0;
  uint32_t expected_snapshots = 0, expected_clears = 0, expected_refusals = 0;
};

TEST_F(RegistersTest, EveryRegisterHasItsResetValue) {
  for (const Register &reg : registers) {
    const ReadResult result = read(reg.offset);
    EXPECT_EQ(result.resp, okay) << reg.name;
    EXPECT_EQ(result.data, value[reg.offset]) << reg.name;
  }
  for (uint32_t offset = counters_first; offset < counters_first + 8 * counters; offset += 4) {
    EXPECT_EQ(read(offset).data, value[offset]) << offset;
  }
}

TEST_F(RegistersTest, EveryOtherAddressAnswersSlverrAndChangesNothing) {
  for (uint32_t offset = 0; offset < 4096; ++offset) {
    if (mapped(offset)) {
      EXPECT_EQ(read(offset).resp, okay) << offset;
      continue;
    }
    EXPECT_EQ(read(offset).resp, slverr) << offset;
    EXPECT_EQ(write(offset, 0xFFFFFFFF), slverr) << offset;
  }
  for (const Register &reg : registers) EXPECT_EQ(read(reg.offset).data, value[reg.offset]) << reg.name;
  EXPECT_EQ(snapshots + clears + refusals, 0U);
}

TEST_F(RegistersTest, HoldsAgainstAModelUnderRandomAccesses) {
  master.slow = true;
  for (int i = 0; i < 6000; ++i) {
    if (i % 200 == 199) {  // only this opens what LOCK has locked
      dut->rst_ni = 0;
      cycle([] {});
      dut->rst_ni = 1;
      for (const Register &reg : registers)
        if (reg.access != Access::status) value[reg.offset] = reg.reset;
    }
    const bool any = random.percent(10);
    uint32_t offset = any ? random.below(4096) : registers[random.below(registers.size())].offset;
    if (!any && random.percent(20)) offset = counters_first + 4 * random.below(2 * counters);
    if (random.percent(5)) dut->busy_i = !dut->busy_i;
    if (random.percent(5)) set_status();
    if (random.percent(50)) {
      const uint32_t data = random.percent(30) ? random.below(4) : random.word();
      const unsigned strb = random.percent(50) ? 15 : random.below(16);
      const bool locked = refused(offset);
      locked_writes += locked;
      ASSERT_EQ(write(offset, data, strb), mapped(offset) && !locked ? okay : slverr) << offset;
      model_write(offset, data, strb);
    } else {
      const ReadResult result = read(offset);
      ASSERT_EQ(result.resp, mapped(offset) ? okay : slverr) << offset;
      if (mapped(offset)) ASSERT_EQ(result.data, value[offset]) << offset;
    }
    if (random.percent(10)) {
      const bool done = random.percent(50);
      const bool error = random.percent(50);
      dut->irq_status_done_set_i = done;
      dut->irq_status_error_set_i = error;
      dut->ctrl_soft_reset_done_i = random.percent(50);
      if (done) value[0x02C] |= 1;
      if (error) value[0x02C] |= 2;
      if (dut->ctrl_soft_reset_done_i != 0) value[0x020] &= 1;
      dut->inject_arm_done_i = random.percent(50);
      if (dut->inject_arm_done_i != 0) value[0x124] &= 0x7FFFFFFF;
      dut->soft_reset_i = random.percent(10);
      if (dut->soft_reset_i != 0) value[0x02C] = value[0x03C] = 0;
      cycle([] {});
      dut->irq_status_done_set_i = dut->irq_status_error_set_i = dut->ctrl_soft_reset_done_i = dut->soft_reset_i = 0;
      dut->inject_arm_done_i = 0;
    }
    ASSERT_EQ(dut->irq_o, (value[0x02C] & value[0x028]) != 0);
    ASSERT_EQ(snapshots, expected_snapshots);
    ASSERT_EQ(clears, expected_clears);
    ASSERT_EQ(refusals, expected_refusals);
    ASSERT_EQ(dut->ring_tail_o, value[0x03C]);
    ASSERT_EQ(dut->write_limit_hi_o, value[0x11C]);
  }
  EXPECT_GT(locked_writes, 100U);
}

TEST_F(RegistersTest, InterruptSetByHardwareSurvivesAClearInTheSameCycle) {
  write(0x028, 1);
  dut->irq_status_done_set_i = 1;
  write(0x02C, 1);
  dut->irq_status_done_set_i = 0;
  EXPECT_EQ(dut->irq_o, 1);
  EXPECT_EQ(read(0x02C).data, 1U);
  write(0x02C, 1);
  EXPECT_EQ(dut->irq_o, 0);
}

}  // namespace
}  // namespace systole::tb
