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

#include "sim/diagnose/locate.hpp"
#include "sim/model/model_accelerator.hpp"
#include "sim/npy/output_file.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;

namespace {

// The options' bounds: what a simulation can still be asked for without overflowing a counter.
constexpr std::int64_t kMaxTiming = 1'000'000;
constexpr std::int64_t kMaxHangLimit = 1'000'000'000;

}  // namespace

std::optional<std::string> given(const po::variables_map &values, const char *name) {
  if (values.count(name) == 0) return std::nullopt;
  return values[name].as<std::string>();
}

bool has_rtl() {
  for (const bool waves : {false, true}) {
    for (const bool x_unique : {false, true}) {
      if (!platform::rtl_configs(waves, x_unique).empty()) return true;
    }
  }
  return false;
}

std::string awake_plant() {
  const char *const name = std::getenv("SYSTOLE_PLANT");
  return name != nullptr ? name : "";
}

std::string default_config() {
  // The first that this program can run; `systole` and `systole-model` have all.
  const std::vector<std::string> built = platform::rtl_configs();
  return built.empty() ? platform::configs().front().name : built.front();
}

std::string program_name() {
  if (!platform::planted_faults().empty()) return "systole-planted";
  return has_rtl() ? "systole" : "systole-model";
}

void add_machine_options(po::options_description &options) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  options.add_options()                                                                             //
      ("config", value("NAME"), "configuration of the core, 16x16 by default (`list` names them)")  //
      ("mem-latency", value("CYCLES"), "memory: cycles from address to first data, 40 by default")  //
      ("mem-bytes-per-cycle", value("B"), "memory: bytes a cycle and direction, 16 by default")     //
      ("mem-outstanding", value("N"), "memory: unfinished bursts a direction, 16 by default")       //
      ("layout-seed", value("S"), "matrices at random byte addresses, from this seed")              //
      ("json", value("FILE"), "write the result as JSON")                                           //
      ("help,h", "this text");
}

void add_engine_options(po::options_description &options) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  options.add_options()  //
      ("engine", value("ENGINE"),
       has_rtl() ? "rtl (default): the Verilated RTL; model: the functional and the timing model"
                 : "model (default): the functional and the timing model; this program holds no RTL")                //
      ("stall-seed", value("S"), "random stalls on all five AXI channels, from this seed")                           //
      ("order-seed", value("S"), "model: the engines take turns at random, as far as tokens allow, from this seed")  //
      ("x-seed", value("S"), "start unreset state from random values, from this seed (only builds made for it)")     //
      ("waves", value("FILE"), "write an FST wave file, and next to it a .gtkw for GTKWave")                         //
      ("waves-window", value("FROM:TO"), "only of these cycles since the start; either may be left out")             //
      ("waves-scope", po::value<std::vector<std::string>>()->value_name("SCOPE"),
       "only the signals directly in this scope (of those that the diagnosis uses); may be repeated; no .gtkw is written")  //
      ("no-diagnosis", "do not look for the first wrong bit when values are wrong, nor for waves of a hang")                //
      ("mismatch-waves", value("FILE"),
       "waves around the first wrong bit or a hang; mismatch.fst, hang.fst beside --json by default, none without")     //
      ("trace", value("FILE"), "write when every command began and ended as CSV")                                       //
      ("timeline", value("FILE"), "rtl: write who was busy when as Chrome trace events (Perfetto), and a .svg beside")  //
      ("hang-limit", value("CYCLES"), "rtl: give up when nothing has moved for so long, 100000 by default");
  add_machine_options(options);
}

golden::DType out_type(const std::optional<std::string> &text, golden::DType operands) {
  const bool floating = golden::is_float(operands);
  if (!text) return floating ? golden::DType::fp32 : golden::DType::s32;
  for (const golden::DType type : {golden::DType::s32, golden::DType::s8, golden::DType::u8, golden::DType::fp32,
                                   golden::DType::fp16, golden::DType::bf16}) {
    if (*text != golden::name(type)) continue;
    if (golden::is_float(type) != floating) {
      throw UserError("--out-dtype " + *text + " does not go with " + golden::name(operands) + " operands (" +
                      (floating ? "fp32, fp16 or bf16" : "int32, int8 or uint8") + " expected)");
    }
    return type;
  }
  throw UserError("unknown --out-dtype '" + *text + "' (known: int32, int8, uint8, fp32, fp16, bf16)");
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
    throw UserError((option[0] == '-' ? "" : "--") + option + " is '" + text + "', an integer from " + std::to_string(low) +
                    " to " + std::to_string(high) + " expected");
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

void add_board_options(po::options_description &options) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  options.add_options()                                                                        //
      ("port", value("PORT"), "the board's serial port, e.g. /dev/ttyUSB0")                    //
      ("baud", value("B"), "its baud rate; 3000000, 1000000 and 115200 are tried by default")  //
      ("timeout", value("S"), "seconds after which a request is repeated, 1 by default; more for slow simulations");
}

BoardOptions board_options(const po::variables_map &values) {
  BoardOptions out;
  const auto port = given(values, "port");
  if (!port) throw UserError("--port is missing: the serial port of the board, e.g. --port /dev/ttyUSB0");
  out.port = *port;
  if (const auto text = given(values, "baud")) out.baud = static_cast<unsigned>(integer("baud", *text, 1200, 12'000'000));
  if (const auto text = given(values, "timeout")) {
    char *end = nullptr;
    const double value = std::strtod(text->c_str(), &end);
    const bool decimal = text->find_first_not_of("0123456789.") == std::string::npos && *end == '\0' && end != text->c_str();
    if (!decimal || !(value >= 0.01 && value <= 3600))
      throw UserError("--timeout is '" + *text + "', a decimal number of seconds from 0.01 to 3600 expected");
    out.timeout_s = value;
  }
  out.config = given(values, "config");
  return out;
}

namespace {

/// A file of that name beside one that was asked for; "" if there is none or that is a device, or where another output, or something that is no
/// file, has that name or its view's.
std::string waves_beside(const std::string &beside, const char *name, const std::vector<std::string> &others) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto usable = [&error](const std::string &path) { return !fs::exists(path, error) || fs::is_regular_file(path, error); };
  if (beside.empty() || !usable(beside)) return "";
  const std::string path = (fs::path(beside).parent_path() / name).string();
  for (const std::string &file : {path, platform::gtkw_name(path)}) {
    if (!usable(file)) return "";
    for (const std::string &other : others) {
      if (!other.empty() &&
          fs::weakly_canonical(fs::absolute(file, error), error) == fs::weakly_canonical(fs::absolute(other, error), error))
        return "";
    }
  }
  return path;
}

/// FROM:TO, FROM: or :TO.
void parse_window(const std::string &text, EngineOptions &out) {
  const std::size_t colon = text.find(':');
  const std::string from = text.substr(0, colon), to = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto cycle = [](const std::string &word) {
    return word.find_first_not_of("0123456789") == std::string::npos && word.size() < 18;
  };
  if (colon == std::string::npos || (from.empty() && to.empty()) || !cycle(from) || !cycle(to))
    throw UserError("--waves-window is '" + text + "', two cycles FROM:TO expected, of which one may be left out");
  if (!from.empty()) out.waves_from = std::stoull(from);
  if (!to.empty()) out.waves_to = std::stoull(to);
  if (out.waves_from > out.waves_to) throw UserError("--waves-window is '" + text + "': it ends before it begins");
}

}  // namespace

EngineOptions engine_options(const po::variables_map &values, bool fpga) {
  EngineOptions out;
  if (given(values, "engine").value_or("") == "fpga") {
    if (!fpga) throw UserError("--engine fpga is for `gemm` (`probe` tests a board)");
    out.engine = "fpga";
    for (const char *option :
         {"mem-latency", "mem-bytes-per-cycle", "mem-outstanding", "stall-seed", "layout-seed", "order-seed", "x-seed", "waves",
          "waves-window", "waves-scope", "mismatch-waves", "no-diagnosis", "trace", "timeline", "hang-limit"}) {
      if (values.count(option) != 0)
        throw UserError("--" + std::string(option) + " is for simulations: a board has no such setting");
    }
    out.json = given(values, "json").value_or("");
    out.board = board_options(values);
    return out;
  }
  for (const char *option : {"port", "baud", "timeout"}) {
    if (fpga && given(values, option)) throw UserError("--" + std::string(option) + " needs --engine fpga");
  }
  try {
    out.config = platform::find_config(given(values, "config").value_or(default_config()));
  } catch (const std::invalid_argument &error) {
    throw UserError(error.what());
  }
  out.engine = given(values, "engine").value_or(has_rtl() ? "rtl" : "model");
  if (out.engine != "rtl" && out.engine != "model")
    throw UserError("unknown engine '" + out.engine + "' (known: rtl, model" + (fpga ? ", fpga)" : ")"));
  if (out.is_rtl() && !has_rtl()) throw UserError("this program holds no RTL: --engine rtl needs the program systole");
  const auto timing = [&](const char *option, unsigned &setting) {
    if (const auto text = given(values, option)) setting = static_cast<unsigned>(integer(option, *text, 1, kMaxTiming));
  };
  timing("mem-latency", out.timing.latency);
  timing("mem-bytes-per-cycle", out.timing.bytes_per_cycle);
  timing("mem-outstanding", out.timing.outstanding);
  if (const auto text = given(values, "stall-seed")) out.timing.stall_seed = unsigned_integer("stall-seed", *text);
  if (const auto text = given(values, "layout-seed")) out.layout_seed = unsigned_integer("layout-seed", *text);
  if (const auto text = given(values, "x-seed")) out.x_seed = unsigned_integer("x-seed", *text);
  if (const auto text = given(values, "order-seed")) out.order_seed = unsigned_integer("order-seed", *text);
  out.waves = given(values, "waves").value_or("");
  if (const auto text = given(values, "waves-window")) {
    if (out.is_rtl() && out.waves.empty()) throw UserError("--waves-window needs --waves");
    parse_window(*text, out);
  }
  out.json = given(values, "json").value_or("");
  out.trace = given(values, "trace").value_or("");
  out.timeline = given(values, "timeline").value_or("");
  if (const auto text = given(values, "hang-limit"))
    out.hang_limit = static_cast<std::uint64_t>(integer("hang-limit", *text, 100, kMaxHangLimit));
  if (std::filesystem::path(out.timeline).extension() == ".svg")
    throw UserError("--timeline names the .json; its picture, " + out.timeline + ", comes beside it");
  if (!out.is_rtl() && !out.timeline.empty())
    throw UserError("--timeline needs --engine rtl: the model has no counters cycle by cycle");
  if (!out.is_rtl() && out.hang_limit) throw UserError("--hang-limit needs --engine rtl: the model does not hang");
  if (values.count("waves-scope") != 0) out.waves_scopes = values["waves-scope"].as<std::vector<std::string>>();
  // The wave writer does not survive a file without signals: only scopes that all builds have.
  const std::vector<std::string> scopes = diagnose::located_scopes();
  for (const std::string &scope : out.waves_scopes) {
    if (std::find(scopes.begin(), scopes.end(), scope) != scopes.end()) continue;
    std::string known;
    for (const std::string &name : scopes) known += (known.empty() ? "" : ", ") + name;
    throw UserError("unknown --waves-scope '" + scope + "' (known: " + known + ")");
  }
  if (!out.waves_scopes.empty() && out.waves.empty()) throw UserError("--waves-scope needs --waves");
  out.diagnosis = values.count("no-diagnosis") == 0;
  out.mismatch_waves = given(values, "mismatch-waves").value_or("");
  if (!out.diagnosis && !out.mismatch_waves.empty()) throw UserError("--mismatch-waves and --no-diagnosis exclude one another");
  out.hang_waves = out.mismatch_waves;
  if (out.is_rtl() && out.diagnosis && out.mismatch_waves.empty()) {
    const std::string c = given(values, "out").value_or("");
    std::vector<std::string> others = {c, out.json, out.trace, out.timeline, out.waves};
    if (!out.timeline.empty()) others.push_back(svg_name(out.timeline));
    if (!out.waves.empty()) others.push_back(platform::gtkw_name(out.waves));
    out.mismatch_waves = waves_beside(out.json.empty() ? c : out.json, "mismatch.fst", others);
    out.hang_waves = waves_beside(out.json.empty() ? c : out.json, "hang.fst", others);
  }
  if (!out.is_rtl() && !awake_plant().empty())
    throw UserError("SYSTOLE_PLANT needs --engine rtl: the model holds no planted faults");
  if (!out.is_rtl() && (!out.waves.empty() || given(values, "waves-window")))
    throw UserError("--waves needs --engine rtl: the model has no signals");
  for (const char *option : {"mismatch-waves", "no-diagnosis"}) {
    if (!out.is_rtl() && values.count(option) != 0) throw UserError("--" + std::string(option) + " needs --engine rtl");
  }
  if (!out.is_rtl() && out.x_seed != 0) throw UserError("--x-seed needs --engine rtl");
  if (out.is_rtl() && out.order_seed) throw UserError("--order-seed needs --engine model");
  return out;
}

std::string svg_name(const std::string &timeline) {
  const bool json = timeline.size() > 5 && timeline.compare(timeline.size() - 5, 5, ".json") == 0;
  return (json ? timeline.substr(0, timeline.size() - 5) : timeline) + ".svg";
}

void check_outputs(const EngineOptions &options, const std::string &out) {
  namespace fs = std::filesystem;
  std::vector<std::pair<std::string, std::string>> outputs = {{"--out", out},
                                                              {"--json", options.json},
                                                              {"--trace", options.trace},
                                                              {"--waves", options.waves},
                                                              {"--timeline", options.timeline},
                                                              {"--mismatch-waves", options.mismatch_waves}};
  if (!options.timeline.empty()) outputs.emplace_back("the .svg of --timeline", svg_name(options.timeline));
  if (!options.waves.empty()) outputs.emplace_back("the .gtkw of --waves", platform::gtkw_name(options.waves));
  if (!options.mismatch_waves.empty())
    outputs.emplace_back("the .gtkw of --mismatch-waves", platform::gtkw_name(options.mismatch_waves));
  if (!options.hang_waves.empty() && options.hang_waves != options.mismatch_waves) {
    outputs.emplace_back("the waves of a hang", options.hang_waves);
    outputs.emplace_back("their .gtkw", platform::gtkw_name(options.hang_waves));
  }
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
    const bool waves =
        path != out && path != options.json && path != options.trace && what.find("--timeline") == std::string::npos;
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
    rtl.waves_from = options.waves_from;
    rtl.waves_to = options.waves_to;
    rtl.waves_scopes = options.waves_scopes;
    rtl.activity = !options.timeline.empty();
    if (options.hang_limit) rtl.hang_limit = *options.hang_limit;
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
