// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/timing/timing.hpp"

namespace systole::timing {

/// How the machine goes through time. The result does not depend on it: EveryCycle steps every block in every cycle, as a check of
/// the blocks' own statements of when they are to be stepped next.
enum class Stepping { Skip, EveryCycle };

/// As predict() of timing.hpp.
Prediction predict(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program,
                   Stepping stepping);

}  // namespace systole::timing
