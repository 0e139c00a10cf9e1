// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/options.hpp"

#include <algorithm>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <system_error>
#include <utility>

#include "sim/model/model_accelerator.hpp"
#include "sim/npy/output_file.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;

namespace {

std::optional<std::string> text(const po::variables_map &values, const std::string &name) {
  if (values.count(name) == 0) return std::nullopt;
  return values[name].as<std::string>();
}

// The options' bounds: what a simulation can still be asked for without overflowing a counter.
constexpr std::int64_t kMaxTiming = 1'000'000;

}  // namespace

void add_engine_options(po::options_description &options) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  options.add_options()                                                                                              //
      ("engine", value("ENGINE"), "rtl (default): the Verilated RTL; model: the functional model, without cycles")   //
      ("config", value("NAME"), "configuration of the core, 16x16 by default (`systole list`)")                      //
      ("mem-latency", value("CYCLES"), "memory: cycles from address to first data, 40 by default")                   //
      ("mem-bytes-per-cycle", value("B"), "memory: bytes a cycle and direction, 16 by default")                      //
      ("mem-outstanding", value("N"), "memory: unfinished bursts a direction, 16 by default")                        //
      ("stall-seed", value("S"), "random stalls on all five AXI channels, from this seed")                           //
      ("layout-seed", value("S"), "matrices at random byte addresses, from this seed")                               //
      ("order-seed", value("S"), "model: the engines take turns at random, as far as tokens allow, from this seed")  //
      ("x-seed", value("S"), "start unreset state from random values, from this seed (only builds made for it)")     //
      ("waves", value("FILE"), "write an FST wave file, and next to it a .gtkw for GTKWave")                         //
      ("json", value("FILE"), "write the result as JSON")                                                            //
      ("help,h", "this text");
}

po::variables_map parse(const std::vector<std::string> &arguments, const po::options_description &options,
                        const std::string &positional) {
  po::options_description all;
  all.add(options);
  po::positional_options_description places;
  if (!positional.empty()) {
    all.add_options()(positional.c_str(), po::value<std::string>(), "");
    places.add(positional.c_str(), 1);
  }
  for (const std::string &argument : arguments) {
    if (argument.empty()) throw UserError("an argument is empty");
  }
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(places).style(style).run(), values);
  } catch (const po::too_many_positional_options_error &) {
    throw UserError("too many arguments (options start with --)");
  }
  return values;
}

std::int64_t integer(const std::string &option, const std::string &text, std::int64_t low, std::int64_t high) {
  errno = 0;
  char *end = nullptr;
  const bool hexadecimal = text.find_first_of("xX") != std::string::npos;
  const long long value = std::strtoll(text.c_str(), &end, hexadecimal ? 16 : 10);
  const bool starts =
      !text.empty() && text.find_first_of("0123456789") <= 1 && std::string("+-0123456789").find(text[0]) != std::string::npos;
  if (!starts || *end != '\0' || errno != 0 || value < low || value > high) {
    throw UserError("--" + option + " is '" + text + "', an integer from " + std::to_string(low) + " to " + std::to_string(high) +
                    " expected");
  }
  return value;
}

std::uint64_t unsigned_integer(const std::string &option, const std::string &text) {
  errno = 0;
  char *end = nullptr;
  const bool hexadecimal = text.find_first_of("xX") != std::string::npos;
  const unsigned long long value = std::strtoull(text.c_str(), &end, hexadecimal ? 16 : 10);
  if (text.empty() || text.find_first_of("0123456789") != 0 || *end != '\0' || errno != 0) {
    throw UserError("--" + option + " is '" + text + "', a non-negative integer of 64 bits expected");
  }
  return value;
}

EngineOptions engine_options(const po::variables_map &values) {
  EngineOptions out;
  try {
    out.config = platform::find_config(text(values, "config").value_or(platform::configs().front().name));
  } catch (const std::invalid_argument &error) {
    throw UserError(error.what());
  }
  out.engine = text(values, "engine").value_or("rtl");
  if (out.engine != "rtl" && out.engine != "model") throw UserError("unknown engine '" + out.engine + "' (known: rtl, model)");
  const auto timing = [&](const char *option, unsigned &setting) {
    if (const auto given = text(values, option)) setting = static_cast<unsigned>(integer(option, *given, 1, kMaxTiming));
  };
  timing("mem-latency", out.timing.latency);
  timing("mem-bytes-per-cycle", out.timing.bytes_per_cycle);
  timing("mem-outstanding", out.timing.outstanding);
  if (const auto given = text(values, "stall-seed")) out.timing.stall_seed = unsigned_integer("stall-seed", *given);
  if (const auto given = text(values, "layout-seed")) out.layout_seed = unsigned_integer("layout-seed", *given);
  if (const auto given = text(values, "x-seed")) out.x_seed = unsigned_integer("x-seed", *given);
  if (const auto given = text(values, "order-seed")) out.order_seed = unsigned_integer("order-seed", *given);
  out.waves = text(values, "waves").value_or("");
  out.json = text(values, "json").value_or("");
  if (!out.is_rtl() && !out.waves.empty()) throw UserError("--waves needs --engine rtl: the model has no signals");
  if (!out.is_rtl() && out.x_seed != 0) throw UserError("--x-seed needs --engine rtl");
  for (const char *option : {"mem-latency", "mem-bytes-per-cycle", "mem-outstanding", "stall-seed"}) {
    if (!out.is_rtl() && values.count(option) != 0)
      throw UserError("--" + std::string(option) + " needs --engine rtl: the model has no clock");
  }
  if (out.is_rtl() && out.order_seed) throw UserError("--order-seed needs --engine model");
  return out;
}

void check_outputs(const EngineOptions &options, const std::string &out) {
  namespace fs = std::filesystem;
  std::vector<std::pair<std::string, std::string>> outputs = {
      {"--out", out}, {"--json", options.json}, {"--waves", options.waves}};
  if (!options.waves.empty()) outputs.emplace_back("the .gtkw of --waves", platform::gtkw_name(options.waves));
  std::map<fs::path, std::string> named;
  for (const auto &[what, path] : outputs) {
    if (path.empty()) continue;
    std::error_code unknown;
    const fs::path real = fs::weakly_canonical(fs::absolute(path, unknown), unknown);
    const auto [earlier, fresh] = named.emplace(unknown ? fs::path(path) : real, what);
    if (!fresh) throw UserError(earlier->second + " and " + what + " name the same file");
  }
  for (const auto &[what, path] : outputs) {
    if (path.empty()) continue;
    // The wave writer replaces its files, and would replace a device by one.
    std::error_code unknown;
    const bool waves = path != out && path != options.json;
    if (waves && fs::exists(path, unknown) && !fs::is_regular_file(path, unknown))
      throw UserError("cannot write " + path + ": not a regular file");
    npy::check_writable(path);
  }
}

platform::RunOptions run_options(const EngineOptions &options) {
  platform::RunOptions out;
  out.config = options.config.name;
  out.timing = options.timing;
  out.layout_seed = options.layout_seed;
  if (options.is_rtl()) {
    platform::RtlOptions rtl;
    rtl.waves = options.waves;
    const std::vector<std::string> built = platform::rtl_configs(!options.waves.empty(), options.x_seed != 0);
    if (std::find(built.begin(), built.end(), options.config.name) == built.end())
      throw UserError("this program holds no RTL build of '" + options.config.name + "'" +
                      (options.waves.empty() ? "" : " with waves") + (options.x_seed == 0 ? "" : " with random initial state"));
    rtl.x_seed = options.x_seed;
    out.make_accelerator = platform::rtl_factory(rtl);
  } else {
    out.make_accelerator = model::model_factory(options.order_seed);
  }
  return out;
}

}  // namespace systole::tool
