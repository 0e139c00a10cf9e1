// SPDX-License-Identifier: Apache-2.0
// The Verilated machine, or a copy of it with a fault: whatever is linked as Vfuzz.
#include "Vfuzz.h"
#include "Vfuzz___024root.h"
#include "sim/platform/verilated_model.hpp"
#include "tests/fuzz/runner.hpp"

namespace systole::fuzz {

std::unique_ptr<platform::RtlModel> make_rtl(uint64_t x_seed) {
  return std::make_unique<platform::VerilatedModel<Vfuzz>>(x_seed);
}

}  // namespace systole::fuzz
