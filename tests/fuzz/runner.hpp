// SPDX-License-Identifier: Apache-2.0
// Runs a program on the Verilated machine and judges it.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "sim/platform/config.hpp"
#include "sim/platform/rtl_model.hpp"
#include "tests/fuzz/program.hpp"

namespace systole::fuzz {

/// The machine that is fuzzed, as the model knows it; its numbers come from CMakeLists.txt.
const platform::ConfigInfo &config();

/// rtl.cpp; one for each Verilated copy. `x_seed` is not 0.
std::unique_ptr<platform::RtlModel> make_rtl(uint64_t x_seed);

/// A rule that the machine broke. what() is one line that begins with the rule.
class Violation : public std::runtime_error {
 public:
  Violation(const std::string &rule, const std::string &detail, uint64_t cycle)
      : std::runtime_error(rule + ": " + detail + " (cycle " + std::to_string(cycle) + ")"), rule(rule) {}
  const std::string rule;
};

/// What a program brought about: commands that completed, by kind, errors, and some situations.
enum Feature : unsigned {
  kLoads = 0,                            ///< ACT, WGT, ACC, then the four banks
  kMatmuls = kLoads + 7,                 ///< (types * 2 + order) * 3 + seed; types: S8 S8, S8 U8, U8 S8, U8 U8, FP16, BF16
  kZeroPointsPerColumn = kMatmuls + 36,  ///< a MATMUL with them
  kStores =
      kZeroPointsPerColumn + 1,     ///< S32, FP32, FP16, BF16, then S8 and U8: FLOAT, FLOAT per column, FIXED, FIXED per column
  kErrors = kStores + 12,           ///< by code
  kErrorsOf = kErrors + 16,         ///< code * 4 + opcode of the command in error (0: none of the three)
  kSoftResetBusy = kErrorsOf + 64,  ///< a soft reset while busy without an error
  kSoftResetInFlight,               ///< a soft reset with AXI transactions outstanding
  kSoftResetAfterError,
  kModelCompared,   ///< the whole program agreed with the functional model
  kModelCompared4,  ///< and four commands at least were complete
  kWriteRefused,    ///< a register write answered SLVERR
  kIrq,             ///< irq_o rose
  kLockedOut,       ///< locked windows kept the product behind the soft reset out: error WINDOW, then rst_ni
  kWindows,         ///< something completed with windows that do not hold everything
  kFeatures
};
constexpr unsigned kLastError = SYSTOLE_ERROR_PARITY;
using Features = std::bitset<kFeatures>;
std::string feature_name(unsigned feature);

struct Outcome {
  Features features;
  uint64_t cycles = 0;
};

/// Runs the program from power-on, forces an end (WATCHDOG), resets and multiplies two small matrices. Rules, in what a Violation names:
/// those of platform::AxiChecker and AxiLiteChecker; LITE_ANSWER: a register access is answered within 100 cycles; BOUND: the machine is
/// done or in an error state, then quiet, then reset, in time; ERROR: an error state is consistent and stays; STOP: nothing new is asked
/// of the bus in it; WINDOW_READ, WINDOW_WRITE: no address outside the windows is on the bus; WINDOW: their registers change when they may
/// and only then; WRITE_STRAY: no byte is written that no
/// legal STORE names; RESET: a soft reset clears what it says; MODEL: the functional model agrees, where it can tell; GEMM: the product
/// behind the soft reset is exact.
/// @throws Violation
Outcome run(const Program &program);

}  // namespace systole::fuzz
