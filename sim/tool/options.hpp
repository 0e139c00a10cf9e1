// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/platform/gemm.hpp"

namespace systole::tool {

/// Where a board is.
struct BoardOptions {
  std::string port;
  std::optional<unsigned> baud;       ///< none: several are tried
  double timeout_s = 1;               ///< for a reply
  std::optional<std::string> config;  ///< that the user expects
};

/// What `gemm` and `sim` have in common.
struct EngineOptions {
  platform::ConfigInfo config;
  std::string engine = "rtl";  ///< or "model", "fpga"
  platform::MemoryTiming timing;
  std::optional<std::uint64_t> layout_seed;
  std::optional<std::uint64_t> order_seed;  ///< of the model
  std::uint64_t x_seed = 0;                 ///< of the RTL
  std::string waves;                        ///< "": none
  std::uint64_t waves_from = 0;             ///< cycles since the start between which waves are written
  std::uint64_t waves_to = ~std::uint64_t{0};
  std::vector<std::string> waves_scopes;
  bool diagnosis = true;                    ///< look for the first wrong bit when values are wrong
  std::string mismatch_waves;               ///< waves around it; beside `json` by default; "": none
  std::string hang_waves;                   ///< waves around the last move of a hang; the same, under another name by default
  std::string json;                         ///< "": none
  std::string trace;                        ///< "": none
  std::string timeline;                     ///< "": none; with a picture beside it, svg_name()
  std::optional<std::uint64_t> hang_limit;  ///< of the RTL, in cycles
  BoardOptions board;                       ///< engine fpga; its configuration is what the board says

  bool is_fpga() const { return engine == "fpga"; }
  bool is_rtl() const { return engine == "rtl"; }
  /// Whether the engine says how long it takes: the functional model does, if nothing is random.
  bool has_clock() const { return is_rtl() || !timing.stall_seed; }
};

/// Adds the options of EngineOptions.
void add_engine_options(boost::program_options::options_description &options);
/// Adds those of them that a forecast needs, too: configuration, memory, addresses, JSON.
void add_machine_options(boost::program_options::options_description &options);

/// Adds those of BoardOptions but `config`.
void add_board_options(boost::program_options::options_description &options);

/// Parses a command's arguments; at most one positional argument, called `positional` ("": none).
/// @throws UserError, boost::program_options::error
boost::program_options::variables_map parse(const std::vector<std::string> &arguments,
                                            const boost::program_options::options_description &options,
                                            const std::string &positional = "");

/// Reads and checks the options of EngineOptions.
/// @param fpga  the command can use a board
/// @throws UserError
EngineOptions engine_options(const boost::program_options::variables_map &values, bool fpga = false);
/// Reads and checks the options of BoardOptions. @throws UserError
BoardOptions board_options(const boost::program_options::variables_map &values);

/// Whether this program holds Verilated RTL.
bool has_rtl();
/// What this program is called: "systole", or "systole-model" if it holds no RTL.
std::string program_name();

/// The planted fault that SYSTOLE_PLANT wakes; "": none.
std::string awake_plant();

/// The configuration if none is named.
std::string default_config();

/// The value of an option that is a text, if it was given.
std::optional<std::string> given(const boost::program_options::variables_map &values, const char *name);

/// The type of C: that of --out-dtype, if it goes with the operands; else 32 bits. @throws UserError
golden::DType out_type(const std::optional<std::string> &text, golden::DType operands);

/// Name of the picture beside a timeline: .svg instead of .json, or after another name.
std::string svg_name(const std::string &timeline);

/// Checks that all outputs can be written, and that no two are the same file under different names.
/// @param out  that of --out, if any
/// @throws UserError, npy::Error
void check_outputs(const EngineOptions &options, const std::string &out = "");

/// An integer in decimal or, with 0x, hexadecimal.
/// @param option  without its dashes; a short one with its dash: "-m"
/// @throws UserError naming the option
std::int64_t integer(const std::string &option, const std::string &text, std::int64_t low, std::int64_t high);
/// The same for the whole range of 64 bits.
std::uint64_t unsigned_integer(const std::string &option, const std::string &text);

/// Options of run_gemm that follow from these. @throws UserError if this binary lacks the engine
platform::RunOptions run_options(const EngineOptions &options);

}  // namespace systole::tool
