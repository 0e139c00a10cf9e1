// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace systole::platform {

/// A shipped configuration of the core; the sizes are those of the RTL's parameters.
struct ConfigInfo {
  std::string name;  ///< "16x16": with floating point; "16x16-int8": without
  unsigned rows = 0;
  unsigned cols = 0;
  unsigned axi_bits = 0;
  bool fp = false;                    ///< the RTL's parameter Fp
  unsigned element_latency = 1;       ///< the RTL's parameter L: 4 with floating point, else 1
  bool multiplier_registers = false;  ///< the RTL's parameter MulRegs: of FPGA boards only
  unsigned axi_addr_bits = 40;
  unsigned act_bytes = 65536;
  unsigned wgt_bytes = 32768;
  unsigned acc_rows = 1024;  ///< of one half
  unsigned param_entries = 64;
  unsigned queue_depth = 4;
  unsigned max_reads = 16;
  unsigned max_writes = 16;

  unsigned word_bytes() const { return 2 * rows; }
  unsigned act_words() const { return act_bytes / word_bytes(); }
  unsigned wgt_words() const { return wgt_bytes / word_bytes(); }
  unsigned axi_bytes() const { return axi_bits / 8; }
  unsigned epilogue_lanes() const { return cols / 2 > 0 ? cols / 2 : 1; }
  /// int8 multiply-accumulates a cycle.
  unsigned int8_macs_per_cycle() const { return 2 * rows * cols; }
  /// binary16 or bfloat16 multiply-accumulates a cycle; without `fp` there are none.
  unsigned fp_macs_per_cycle() const { return rows * cols; }
};

/// All shipped configurations, the default (16x16) first.
const std::vector<ConfigInfo> &configs();

/// Makes a configuration that is not shipped known to find_config, until the program ends. @returns true
bool add_config(const ConfigInfo &config);

/// The shipped or added configuration of that name. @throws std::invalid_argument (naming the known ones) if there is none.
const ConfigInfo &find_config(const std::string &name);

}  // namespace systole::platform
