// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/report.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <system_error>
#include <utility>

#include "sim/npy/output_file.hpp"
#include "sim/platform/command_text.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/tool/diagnosis.hpp"
#include "sim/tool/timeline.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace {

/// A counter's meaning for a person.
const char *meaning(const std::string &cause) {
  if (cause == "compute") return "an activation word entered the array";
  if (cause == "command") return "no matrix command fetched yet";
  if (cause == "weights") return "waiting for weights";
  if (cause == "activations") return "waiting for activations";
  if (cause == "hazard") return "waiting for earlier results on the same rows";
  if (cause == "store") return "waiting for a free accumulator half";
  if (cause == kIdle) return "the ring was empty, waiting for the host";
  return "last results leave the array and are stored";
}

/// Sums over the cases.
struct Totals {
  std::uint64_t cycles = 0, macs = 0, mismatches = 0, simulated = 0, values = 0;
  std::map<std::string, std::uint64_t> counters;
  double wall_s = 0;
  double utilisation = 0;
  unsigned peak = 0;                       // multiply-accumulates a cycle, if it is the same for all cases; else 0
  std::optional<std::uint64_t> predicted;  // none: not all that has cycles was predicted
};

/// Counters of the bus, as they stand in reports.
constexpr const char *kBus[] = {"read_bytes", "write_bytes", "read_bursts", "write_bursts"};

std::uint64_t counter(const std::map<std::string, std::uint64_t> &counters, const std::string &name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

/// What the timing model says of GemmResult::cycles; none: nothing, or that it would take for ever.
std::optional<std::uint64_t> predicted_cycles(const platform::GemmResult &result) {
  if (!result.predicted || result.predicted->complete == timing::kNever) return std::nullopt;
  // Queued products are measured by the counter.
  const std::uint64_t busy = counter(result.predicted->counters, "total");
  return result.cycles == counter(result.counters, "total") ? busy : result.predicted->complete;
}

Totals totals(const Report &report) {
  Totals out;
  out.predicted = 0;
  double ideal_cycles = 0;
  for (const Case &c : report.cases) {
    ideal_cycles += static_cast<double>(c.result.macs) / c.peak;
    out.peak = &c == &report.cases.front() || out.peak == c.peak ? c.peak : 0;
    out.cycles += c.result.cycles;
    const std::optional<std::uint64_t> predicted = predicted_cycles(c.result);
    if (out.predicted && predicted)
      *out.predicted += *predicted;
    else if (c.result.cycles != 0)
      out.predicted.reset();
    out.macs += c.result.macs;
    out.mismatches += c.mismatches;
    out.simulated += c.result.simulated_cycles;
    out.values += std::uint64_t{c.m} * c.n;
    out.wall_s += c.result.wall_s;
    for (const auto &[name, count] : c.result.counters) out.counters[name] += count;
  }
  if (out.cycles == 0) out.predicted.reset();
  if (out.cycles != 0) out.utilisation = ideal_cycles / static_cast<double>(out.cycles);
  return out;
}

/// The driver was content with each product.
bool completed(const Report &report) {
  return std::all_of(report.cases.begin(), report.cases.end(), [](const Case &c) { return c.result.driver_result == 0; });
}

/// null if there is none.
nlohmann::ordered_json json_of(const std::optional<std::uint64_t> &value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

/// What of the times or counters is wrong, in one line; "": nothing, or nothing was compared.
std::string timing_text(const Case &c) { return c.result.timing_report.empty() ? c.counters_report : c.result.timing_report; }

/// null if it is empty.
nlohmann::ordered_json json_of(const std::string &text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json json_of(const EngineOptions &options, const platform::GemmResult &result,
                               const std::optional<std::uint64_t> &predicted) {
  nlohmann::ordered_json out;
  // The engine has a clock, and the job was measured by itself (of queued jobs only the last one holds figures).
  const bool clock = options.has_clock() && (result.cycles != 0 || result.driver_result != 0);
  out["cycles"] = clock ? nlohmann::ordered_json(result.cycles) : nlohmann::ordered_json();
  out["model_cycles"] = clock ? json_of(predicted) : nlohmann::ordered_json();
  out["macs"] = result.macs;
  // Of a product that the machine did not complete they say nothing.
  const bool counted = clock && result.driver_result == 0;
  out["utilisation"] = counted ? nlohmann::ordered_json(result.utilisation) : nlohmann::ordered_json();
  nlohmann::ordered_json counters = nullptr;
  if (counted) {
    counters = nlohmann::ordered_json::object();
    for (const std::string &cause : kCauses) counters[cause] = counter(result.counters, cause);
  }
  out["counters"] = counters;
  for (const char *name : kBus) {
    out[name] = counted ? nlohmann::ordered_json(counter(result.counters, name)) : nlohmann::ordered_json();
  }
  return out;
}

nlohmann::ordered_json json_of(const EngineOptions &options, const Case &c) {
  nlohmann::ordered_json out;
  out["name"] = c.name;
  out["shape"] = {{"m", c.m}, {"n", c.n}, {"k", c.k}};
  out["dtype"] = c.dtype();
  out["out_dtype"] = c.out_dtype();
  out["pass"] = c.pass();
  out["mismatches"] = c.result.driver_result == 0 ? nlohmann::ordered_json(c.mismatches) : nullptr;
  out["timing"] = json_of(timing_text(c));
  out.update(json_of(options, c.result, predicted_cycles(c.result)));
  out["memory_intact"] = c.result.memory_intact;
  out["driver_result"] = c.result.driver_result;
  out["wall_s"] = c.result.wall_s;
  return out;
}

nlohmann::ordered_json json_of(const BoardReport &report, const std::string &port) {
  const link::BoardInfo &info = report.board.info;
  const fpga::Tiling &t = report.tiling;
  const link::Statistics &link = report.link;
  nlohmann::ordered_json out;
  out["name"] = info.name();
  out["id"] = info.id;
  out["clock_hz"] = info.clock_hz;
  out["memory_bytes"] = info.memory_bytes;
  out["version"] = report.board.version_text();
  out["port"] = port;
  out["baud"] = report.baud;
  out["tiles"] = {{"m", t.tile_m},
                  {"n", t.tile_n},
                  {"k", t.tile_k},
                  {"count", t.tiles},
                  {"bytes_to_board", t.bytes_to_board},
                  {"bytes_from_board", t.bytes_from_board}};
  out["link"] = {{"requests", link.requests},
                 {"repeats", link.repeats},
                 {"timeouts", link.timeouts},
                 {"bad_frames", link.bad_frames},
                 {"bad_replies", link.bad_replies},
                 {"stale", link.stale},
                 {"bytes_sent", link.bytes_sent},
                 {"bytes_received", link.bytes_received},
                 {"chunk", report.chunk}};
  return out;
}

/// Lines of the summary.
void print_board(std::ostream &out, const BoardReport &report, const std::string &port) {
  const link::BoardInfo &info = report.board.info;
  const fpga::Tiling &t = report.tiling;
  out << "  board        " << info.name() << " at " << fixed(1e-6 * info.clock_hz, 3) << " MHz, "
      << counted(info.memory_bytes, "byte") << " of memory, " << port << " at " << report.baud << " baud\n"
      << "  link         " << grouped(report.link.bytes_sent) << " bytes sent, " << grouped(report.link.bytes_received)
      << " received, " << repeats_text(report.link) << "\n  tiles        ";
  if (t.tiles == 1)
    out << "one: the product fits into the board's memory\n";
  else
    out << grouped(t.tiles) << " of at most " << t.tile_m << " x " << t.tile_n << " x " << t.tile_k
        << ": as a whole it does not fit into the board's memory\n";
}

std::string types(const Case &c) { return c.dtype() + " -> " + c.out_dtype(); }

/// Whether all cases have the first one's.
template <typename Property>
bool alike(const std::vector<Case> &cases, const Property &property) {
  return std::all_of(cases.begin(), cases.end(), [&](const Case &c) { return property(c) == property(cases.front()); });
}

/// What all cases have in common, or "mixed"; null if there are none.
template <typename Property>
nlohmann::ordered_json common(const std::vector<Case> &cases, const Property &property) {
  if (cases.empty()) return nullptr;
  return alike(cases, property) ? property(cases.front()) : "mixed";
}

void print_failure(std::ostream &out, const Case &c) {
  out << "  FAILED " << c.name << " (" << c.shape() << ", " << types(c) << ")\n";
  if (c.result.driver_result != 0) out << "    driver: " << c.result.driver_message << '\n';
  if (!c.result.memory_intact) out << "    memory outside C: " << c.result.memory_report << '\n';
  if (!c.result.timing_report.empty()) out << "    timing: " << c.result.timing_report << '\n';
  if (!c.counters_report.empty()) out << "    counters: " << c.counters_report << '\n';
  if (c.result.unwritten != 0) {
    out << "    " << counted(c.result.unwritten, "byte") << " of C " << (c.result.unwritten == 1 ? "was" : "were")
        << " never written\n";
  }
  if (c.mismatches == 0) return;
  out << "    " << grouped(c.mismatches) << " of " << grouped(std::uint64_t{c.m} * c.n) << " values are wrong"
      << (c.pattern.empty() ? "" : ", " + c.pattern) << ":\n";
  for (const Mismatch &wrong : c.first) {
    out << "      C[" << wrong.row << "][" << wrong.column << "]  expected " << value_text(c.out, wrong.expected) << "  actual "
        << (wrong.actual ? value_text(c.out, *wrong.actual) : "missing") << '\n';
  }
  if (c.mismatches > c.first.size()) out << "      and " << grouped(c.mismatches - c.first.size()) << " more\n";
}

}  // namespace

std::string grouped(std::uint64_t value) {
  std::string out = std::to_string(value);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string counted(std::uint64_t value, const std::string &noun) {
  return grouped(value) + ' ' + noun + (value == 1 ? "" : "s");
}

std::string repeats_text(const link::Statistics &link) {
  return counted(link.requests, "request") + ", " + (link.repeats == 0 ? "none" : grouped(link.repeats)) + " of them repeated";
}

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

void print_memory(std::ostream &out, const platform::MemoryTiming &timing) {
  out << "  memory       latency " << timing.latency << ", " << counted(timing.bytes_per_cycle, "byte") << " a cycle, "
      << counted(timing.outstanding, "burst") << " outstanding, ";
  if (timing.stall_seed)
    out << "random stalls (seed " << *timing.stall_seed << ")\n";
  else
    out << "no stalls\n";
}

void print_bus(std::ostream &out, const std::map<std::string, std::uint64_t> &counters) {
  out << "  bus          " << counted(counter(counters, "read_bytes"), "byte") << " read in "
      << counted(counter(counters, "read_bursts"), "burst") << ", " << grouped(counter(counters, "write_bytes")) << " written in "
      << grouped(counter(counters, "write_bursts")) << '\n';
}

void print_causes(std::ostream &out, const std::map<std::string, std::uint64_t> &counters) {
  constexpr std::size_t kWidth = 40;
  std::uint64_t sum = 0;
  for (const std::string &cause : kCauses) sum += counter(counters, cause);
  if (sum == 0) return;
  out << "  where the cycles went\n";
  for (const std::string &cause : kCauses) {
    const std::uint64_t count = counter(counters, cause);
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(sum);
    const std::string percent = fixed(100 * share, 1);
    auto length = static_cast<std::size_t>(share * kWidth + 0.5);
    if (length == 0 && percent != "0.0") length = 1;
    out << "    " << std::left << std::setw(12) << cause << std::right << std::setw(14) << grouped(count) << std::setw(7)
        << percent << " %  " << std::left << std::setw(kWidth) << std::string(length, '#') << ' ' << std::right << meaning(cause)
        << '\n';
  }
}

bool Report::pass() const {
  return !cases.empty() && std::all_of(cases.begin(), cases.end(), [](const Case &c) { return c.pass(); });
}

void print_summary(std::ostream &out, const Report &report) {
  const EngineOptions &options = report.options;
  const platform::ConfigInfo &config = options.config;
  const Totals total = totals(report);
  const bool same_types = alike(report.cases, types);
  const bool timing_equal = alike(report.cases, [](const Case &c) { return c.result.timing_report; }) &&
                            (report.cases.empty() || report.cases.front().result.timing_report.empty());

  out << report.test << ": " << (report.pass() ? "PASS" : "FAIL") << '\n';
  out << "  core         " << config.name << ": " << config.rows << " x " << config.cols << " elements, " << config.axi_bits
      << "-bit AXI, engine " << options.engine << '\n';
  if (report.board)
    print_board(out, *report.board, options.board.port);
  else
    print_memory(out, options.timing);
  if (report.cases.size() == 1) {
    const Case &c = report.cases.front();
    out << "  product      C[" << c.m << " x " << c.n << "] = A[" << c.m << " x " << c.k << "] * B[" << c.k << " x " << c.n
        << "], " << types(c);
  } else {
    const auto passed = std::count_if(report.cases.begin(), report.cases.end(), [](const Case &c) { return c.pass(); });
    out << "  products     " << report.cases.size() << ", of which " << passed << " passed";
    if (!report.cases.empty()) out << ", " << (same_types ? types(report.cases.front()) : "of mixed types");
  }
  if (report.seed) out << ", seed " << *report.seed;
  out << '\n';
  for (const std::string &note : report.notes) out << "  note         " << note << '\n';

  if (report.cases.size() > 1) {
    constexpr std::size_t kLine = 110;
    std::string line = "   ";
    for (const Case &c : report.cases) {
      const std::string item = ' ' + c.shape() + (same_types ? "" : ' ' + types(c)) + (c.pass() ? " ok" : " WRONG") + ',';
      if (line.size() + item.size() > kLine) {
        out << line << '\n';
        line = "   ";
      }
      line += item;
    }
    line.back() = '\n';
    out << line;
  }

  // What is wrong with times alone says nothing against the values.
  if (!report.cases.empty() &&
      std::all_of(report.cases.begin(), report.cases.end(), [](const Case &c) { return c.mismatches == 0 && c.result.ok(); })) {
    out << "  checked      " << counted(total.values, "value") << " against the golden model: every bit agrees"
        << (options.is_fpga() ? "\n" : "; memory outside C is untouched\n");
  }
  if (total.cycles != 0) {
    out << "  cycles       " << grouped(total.cycles)
        << (options.is_fpga()   ? " in which the accelerator was busy"
            : completed(report) ? " from doorbell to interrupt"
                                : " from doorbell to interrupt, that of the error included");
    if (report.board)
      out << ", " << fixed(1e3 * static_cast<double>(total.cycles) / report.board->board.info.clock_hz, 3) << " ms\n";
    else if (!options.is_rtl())
      out << ", by the timing model\n";
    else if (!total.predicted)
      out << (timing_equal ? "; no prediction\n" : "; the model DIFFERS\n");
    else
      out << "; model " << grouped(*total.predicted)
          << (timing_equal                       ? ", every command equal\n"
              : *total.predicted != total.cycles ? ", which DIFFERS\n"
                                                 : ", but a command's time or a counter differs\n");
  }
  if (total.cycles != 0 && completed(report)) {
    out << "  utilisation  " << fixed(100 * total.utilisation, 2) << " % (" << counted(total.macs, "MAC") << ", at most "
        << (total.peak != 0 ? std::to_string(total.peak) + " a cycle" : "what the types of each product allow") << ")\n";
    print_causes(out, total.counters);
    print_bus(out, total.counters);
  }
  out << "  wall time    " << fixed(total.wall_s, 2) << " s";
  if (total.simulated != 0 && total.wall_s > 0)
    out << ", " << fixed(1e-3 * static_cast<double>(total.simulated) / total.wall_s, 0) << " kcycle/s";
  else if (report.board)
    out << ", with the line";
  out << '\n';

  constexpr std::size_t kFailures = 5;
  std::size_t failures = 0;
  for (const Case &c : report.cases) {
    if (!c.pass() && ++failures <= kFailures) print_failure(out, c);
  }
  if (failures > kFailures) out << "  and " << counted(failures - kFailures, "more product") << " failed\n";
  if (!report.diagnosis.empty()) {
    out << "  where it went wrong\n";
    for (const std::string &line : report.diagnosis) out << "    " << line << '\n';
  }
  if (failures > 0 && !report.again.empty()) out << "  again with   " << report.again << '\n';
}

int exit_status(const Report &report) {
  const std::string missing = report.cases.empty() ? "" : report.cases.back().result.files_report;
  if (!missing.empty()) std::cerr << program_name() << ": " << missing << '\n';
  return !missing.empty() ? kBadInput : report.pass() ? kOk : kFailed;
}

std::string to_json(const Report &report) {
  const Totals total = totals(report);
  const platform::ConfigInfo &config = report.options.config;
  nlohmann::ordered_json out;
  out["test"] = report.test;
  out["config"] = {
      {"name", config.name}, {"rows", config.rows}, {"cols", config.cols}, {"axi_bits", config.axi_bits}, {"fp", config.fp}};
  const bool single = report.cases.size() == 1;
  out["shape"] = nullptr;
  if (single) {
    const Case &c = report.cases.front();
    out["shape"] = {{"m", c.m}, {"n", c.n}, {"k", c.k}};
  }
  out["dtype"] = common(report.cases, [](const Case &c) { return c.dtype(); });
  out["out_dtype"] = common(report.cases, [](const Case &c) { return c.out_dtype(); });
  out["engine"] = report.options.engine;
  out["pass"] = report.pass();
  // Where the driver fails, nothing is compared.
  const bool compared = completed(report);
  out["mismatches"] = compared ? nlohmann::ordered_json(total.mismatches) : nullptr;
  const auto differs =
      std::find_if(report.cases.begin(), report.cases.end(), [](const Case &c) { return !timing_text(c).empty(); });
  out["timing"] = json_of(differs == report.cases.end() ? "" : timing_text(*differs));
  out["plant"] = json_of(awake_plant());
  out["first_wrong"] = nullptr;
  if (report.first_wrong) {
    const platform::FirstWrong &at = *report.first_wrong;
    out["first_wrong"] = {{"port", at.port},
                          {"command", json_of(at.command)},
                          {"cycle", at.cycle},
                          {"place", json_of(at.place)},
                          {"expected", json_of(at.expected)},
                          {"actual", json_of(at.actual)},
                          {"row", json_of(at.row)},
                          {"column", json_of(at.column)},
                          {"stale", at.stale},
                          {"waves", json_of(report.first_wrong_waves)}};
  }
  if (!report.error.empty()) {
    out["mismatches"] = nullptr;  // nothing was compared
    out["error"] = report.error;
  }
  platform::GemmResult sum;
  sum.cycles = total.cycles;
  sum.counters = total.counters;
  sum.macs = total.macs;
  sum.utilisation = total.utilisation;
  sum.driver_result = compared ? 0 : SYSTOLE_ERR_DEVICE;
  out.update(json_of(report.options, sum, total.predicted));
  if (!report.error.empty()) {
    for (const char *key : {"cycles", "model_cycles", "macs", "utilisation", "counters"}) out[key] = nullptr;
    for (const char *key : kBus) out[key] = nullptr;
  }
  out["seed"] = json_of(report.seed);
  const platform::MemoryTiming &timing = report.options.timing;
  out["memory"] = {{"latency", timing.latency},
                   {"bytes_per_cycle", timing.bytes_per_cycle},
                   {"outstanding", timing.outstanding},
                   {"stall_seed", json_of(timing.stall_seed)}};
  if (report.options.is_fpga()) out["memory"] = nullptr;
  out["wall_s"] = total.wall_s;
  out["simulated_cycles"] = total.simulated;
  if (report.board) out["board"] = json_of(*report.board, report.options.board.port);
  if (!single) {
    out["cases"] = nlohmann::ordered_json::array();
    for (const Case &c : report.cases) out["cases"].push_back(json_of(report.options, c));
  }
  // A file's name in an error may be no UTF-8.
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string to_csv(const Report &report) {
  std::ostringstream out;
  const auto cell = [&out](timing::Cycle cycle) {
    out << ',';
    if (cycle != timing::kNever) out << cycle;
  };
  out << "product,index,command,engine,begin,end,predicted_begin,predicted_end\n";
  for (std::size_t product = 0; product < report.cases.size(); ++product) {
    const platform::GemmResult &result = report.cases[product].result;
    const std::vector<timing::Record> &records = result.measured.program.records;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto at = [i](const std::vector<timing::Command> &commands) {
        return i < commands.size() ? commands[i] : timing::Command{};
      };
      const timing::Command measured = report.options.is_rtl() ? at(result.measured.commands) : timing::Command{};
      const timing::Command predicted = result.predicted ? at(result.predicted->commands) : timing::Command{};
      out << product << ',' << i << ',' << platform::mnemonic(records[i]) << ','
          << platform::engine_name(platform::engine_of(records[i]));
      for (const timing::Cycle cycle : {measured.begin, measured.end, predicted.begin, predicted.end}) cell(cycle);
      out << '\n';
    }
  }
  return out.str();
}

std::unique_ptr<npy::OutputFile> prepare_file(const std::string &path, const std::string &text) {
  auto file = std::make_unique<npy::OutputFile>(path);
  file->write(text.data(), text.size());
  file->finish();
  return file;
}

std::unique_ptr<npy::OutputFile> prepare_json(const Report &report) {
  return report.options.json.empty() ? nullptr : prepare_file(report.options.json, to_json(report));
}

std::unique_ptr<npy::OutputFile> prepare_trace(const Report &report) {
  return report.options.trace.empty() ? nullptr : prepare_file(report.options.trace, to_csv(report));
}

void require_predictions(Report &report) {
  for (Case &c : report.cases) {
    if (report.options.timing.stall_seed || c.result.driver_result != 0 || c.result.cycles == 0 || c.result.predicted) continue;
    if (c.result.timing_report.empty()) c.result.timing_report = "nothing was random, but the timing model was not asked";
  }
}

void remove_old_reports(const Report &report) {
  const EngineOptions &options = report.options;
  std::vector<std::string> paths = {options.json, options.trace, options.timeline};
  if (!options.timeline.empty()) paths.push_back(svg_name(options.timeline));
  for (const std::string &waves : {options.mismatch_waves, options.hang_waves}) {
    if (waves.empty()) continue;
    paths.push_back(waves);
    paths.push_back(platform::gtkw_name(waves));
  }
  for (const std::string &path : paths) {
    std::error_code none;
    if (std::filesystem::is_regular_file(path, none)) std::filesystem::remove(path, none);
  }
}

std::vector<platform::GemmResult> simulate(platform::RunOptions options, const std::vector<platform::GemmJob> &jobs,
                                           Report &report, ProgressMeter &meter) {
  for (const platform::GemmJob &job : jobs) {
    try {
      platform::validate(job, report.options.config);
    } catch (const std::invalid_argument &error) {
      throw UserError(error.what());
    }
  }
  // However this process ends: an earlier report does not outlive the start of the simulation.
  remove_old_reports(report);
  options.before_job = [&meter](std::size_t, const platform::Layout &, platform::Accelerator &) { meter.phase("simulating"); };
  options.progress = [&meter](const platform::Progress &progress) { meter(progress); };
  // What the commands did until then; the JSON report has no cases, since nothing was checked.
  Report partial = report;
  bool begun = false;
  options.on_failure = [&](std::vector<platform::GemmResult> results) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      begun = begun || !results[i].measured.commands.empty();
      partial.cases.push_back(unchecked("", jobs[i], report.options.config));
      partial.cases.back().result = std::move(results[i]);
    }
  };
  try {
    return platform::run_gemm(options, jobs);
  } catch (const std::invalid_argument &error) {
    throw UserError(error.what());
  } catch (const std::exception &error) {
    report.error = error.what();
    const auto *const hang = dynamic_cast<const platform::HangError *>(&error);
    if (hang != nullptr) report.error += show_hang(*hang, options, jobs, report, meter);
    try {
      if (const auto json = prepare_json(report)) json->commit();
      if (begun) {
        if (const auto trace = prepare_trace(partial)) trace->commit();
        prepare_timeline(partial).commit();
      }
    } catch (const npy::Error &other) {
      std::cerr << program_name() << ": " << other.what() << '\n';
    }
    if (hang != nullptr) throw platform::HangError(report.error, hang->last_move());
    throw;
  }
}

}  // namespace systole::tool
