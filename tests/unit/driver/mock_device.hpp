// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "systole.h"
#include "systole_regs.h"

namespace systole::test {

/// One 64-byte record.
using Record = std::array<uint32_t, SYSTOLE_COMMAND_WORDS>;

/// What a mock accelerator's capability registers say.
struct Shape {
  unsigned rows_log2 = 4, cols_log2 = 4, axi_bytes_log2 = 4;
  unsigned act_words_log2 = 11, wgt_words_log2 = 10, acc_rows_log2 = 10, param_entries_log2 = 6;
  unsigned element_latency = 1, queue_depth = 4, max_reads = 16, max_writes = 16, address_bits = 40, accel_id = 0;
  unsigned epilogue_lanes_log2 = 3;
  bool fp = false;
};

/// Registers and ring of an accelerator that executes nothing: it logs the records between doorbells and lets them complete, a few
/// at each read of RING_HEAD, or up to the next interrupt in idle().
class MockDevice final {
 public:
  explicit MockDevice(const Shape &shape, unsigned ring_entries_log2 = 10);

  systole_config_t config();

  std::vector<Record> log;                            ///< every published record, in order, as it was when published
  std::vector<std::pair<uint32_t, uint32_t>> writes;  ///< all register writes
  unsigned doorbells = 0, barriers = 0, idles = 0;
  unsigned complete_per_read = 0;  ///< records that complete when RING_HEAD is read
  bool stuck_reset = false;        ///< CTRL.soft_reset never goes back to 0
  uint32_t error_after = ~0u;      ///< index of a record that fails
  std::string fault;               ///< what the driver did wrong, if anything
  std::map<uint32_t, uint32_t> registers;

 private:
  uint32_t Read(uint32_t offset);
  void Write(uint32_t offset, uint32_t value);
  void Idle();
  void Complete(uint32_t count);
  void Publish(uint32_t tail);

  std::vector<uint32_t> ring_;
  unsigned ring_entries_log2_;
  uint32_t head_ = 0, tail_ = 0;
  bool irq_done_ = false, error_ = false, fresh_barrier_ = false;
};

}  // namespace systole::test
