// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace systole::platform {

/// Time units of a wave file a clock cycle: inputs change at the cycle's beginning, registers at the rising edge half a cycle later.
inline constexpr uint64_t WAVE_UNITS = 2;

}  // namespace systole::platform
