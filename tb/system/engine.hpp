// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sim/platform/accelerator.hpp"

namespace systole::tb {

/// The engine of this binary, for the names of tests: "rtl" or "model".
std::string engine_name();
/// The configurations that this binary holds.
std::vector<std::string> engine_configs();
/// Makes the engine.
platform::AcceleratorFactory engine_factory();

}  // namespace systole::tb
