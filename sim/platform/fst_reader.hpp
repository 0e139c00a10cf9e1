// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sim/platform/wave_reader.hpp"

namespace systole::platform {

/// A reader of the FST files of traced builds. @throws OutputError if the file cannot be read
std::unique_ptr<WaveReader> open_fst(const std::string &file);

}  // namespace systole::platform
