// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace systole::platform {

/// Writes `FST file`.gtkw (without the ".fst"): a GTKWave save file with one group an engine, made from the signals that the
/// FST file really holds: the ports of the top, and of each engine its ports and its blocks' states.
/// @throws std::runtime_error if either file cannot be opened
void write_gtkw(const std::string &fst_file);

}  // namespace systole::platform
