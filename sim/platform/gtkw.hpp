// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace systole::platform {

/// The wave writer does not say when the disk is full: walks the file's blocks. @throws OutputError unless it is there and whole
void check_fst(const std::string &fst_file);

/// Writes gtkw_name(): a GTKWave save file with one group an engine, made from the signals that the
/// FST file really holds: the ports of the top, and of each engine its ports and its blocks' states.
/// @throws OutputError if the one cannot be read or the other not be written
void write_gtkw(const std::string &fst_file);

}  // namespace systole::platform
