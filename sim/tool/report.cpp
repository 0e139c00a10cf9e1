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

#include "sim/npy/output_file.hpp"
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
  return "last results leave the array and are stored";
}

/// Sums over the cases.
struct Totals {
  std::uint64_t cycles = 0, macs = 0, mismatches = 0, simulated = 0, values = 0;
  std::map<std::string, std::uint64_t> counters;
  double wall_s = 0;
  double utilisation = 0;
  unsigned peak = 0;  // multiply-accumulates a cycle, if it is the same for all cases; else 0
};

std::uint64_t counter(const std::map<std::string, std::uint64_t> &counters, const std::string &name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

Totals totals(const Report &report) {
  Totals out;
  double ideal_cycles = 0;
  for (const Case &c : report.cases) {
    ideal_cycles += static_cast<double>(c.result.macs) / c.peak;
    out.peak = &c == &report.cases.front() || out.peak == c.peak ? c.peak : 0;
    out.cycles += c.result.cycles;
    out.macs += c.result.macs;
    out.mismatches += c.mismatches;
    out.simulated += c.result.simulated_cycles;
    out.values += std::uint64_t{c.m} * c.n;
    out.wall_s += c.result.wall_s;
    for (const auto &[name, count] : c.result.counters) out.counters[name] += count;
  }
  if (out.cycles != 0) out.utilisation = ideal_cycles / static_cast<double>(out.cycles);
  return out;
}

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t value) {
  std::string out = std::to_string(value);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

nlohmann::ordered_json json_of(const EngineOptions &options, const platform::GemmResult &result) {
  nlohmann::ordered_json out;
  // The engine has a clock, and the job was measured by itself (of queued jobs only the last one holds figures).
  const bool clock = options.is_rtl() && (result.cycles != 0 || result.driver_result != 0);
  out["cycles"] = clock ? nlohmann::ordered_json(result.cycles) : nlohmann::ordered_json();
  out["model_cycles"] = nullptr;
  out["macs"] = result.macs;
  out["utilisation"] = clock ? nlohmann::ordered_json(result.utilisation) : nlohmann::ordered_json();
  nlohmann::ordered_json counters = nullptr;
  if (clock) {
    counters = nlohmann::ordered_json::object();
    for (const std::string &cause : kCauses) counters[cause] = counter(result.counters, cause);
  }
  out["counters"] = counters;
  for (const char *bytes : {"read_bytes", "write_bytes"}) {
    out[bytes] = clock ? nlohmann::ordered_json(counter(result.counters, bytes)) : nlohmann::ordered_json();
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
  out["mismatches"] = c.mismatches;
  out.update(json_of(options, c.result));
  out["memory_intact"] = c.result.memory_intact;
  out["driver_result"] = c.result.driver_result;
  out["wall_s"] = c.result.wall_s;
  return out;
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
  if (!c.counters_report.empty()) out << "    counters: " << c.counters_report << '\n';
  if (c.result.unwritten != 0) out << "    " << grouped(c.result.unwritten) << " bytes of C were never written\n";
  if (c.mismatches == 0) return;
  out << "    " << grouped(c.mismatches) << " of " << grouped(std::uint64_t{c.m} * c.n) << " values are wrong:\n";
  for (const Mismatch &wrong : c.first) {
    out << "      C[" << wrong.row << "][" << wrong.column << "]  expected " << value_text(c.out, wrong.expected) << "  actual "
        << (wrong.actual ? value_text(c.out, *wrong.actual) : "missing") << '\n';
  }
  if (c.mismatches > c.first.size()) out << "      and " << grouped(c.mismatches - c.first.size()) << " more\n";
}

void print_bars(std::ostream &out, const Totals &total) {
  constexpr std::size_t kWidth = 40;
  std::uint64_t sum = 0;
  for (const std::string &cause : kCauses) sum += counter(total.counters, cause);
  if (sum == 0) return;
  out << "  where the cycles went\n";
  for (const std::string &cause : kCauses) {
    const std::uint64_t count = counter(total.counters, cause);
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(sum);
    const auto length = static_cast<std::size_t>(share * kWidth + 0.5);
    out << "    " << std::left << std::setw(12) << cause << std::right << std::setw(14) << grouped(count) << std::setw(7)
        << fixed(100 * share, 1) << " %  " << std::left << std::setw(kWidth) << std::string(std::max<std::size_t>(length, 1), '#')
        << ' ' << std::right << meaning(cause) << '\n';
  }
}

}  // namespace

bool Report::pass() const {
  return !cases.empty() && std::all_of(cases.begin(), cases.end(), [](const Case &c) { return c.pass(); });
}

void print_summary(std::ostream &out, const Report &report) {
  const EngineOptions &options = report.options;
  const platform::ConfigInfo &config = options.config;
  const Totals total = totals(report);
  const bool same_types = alike(report.cases, types);

  out << report.test << ": " << (report.pass() ? "PASS" : "FAIL") << '\n';
  out << "  core         " << config.name << ": " << config.rows << " x " << config.cols << " elements, " << config.axi_bits
      << "-bit AXI, engine " << options.engine << '\n';
  if (options.is_rtl()) {
    out << "  memory       latency " << options.timing.latency << ", " << options.timing.bytes_per_cycle << " bytes a cycle, "
        << options.timing.outstanding << " bursts outstanding, ";
    if (options.timing.stall_seed)
      out << "random stalls (seed " << *options.timing.stall_seed << ")\n";
    else
      out << "no stalls\n";
  }
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

  if (report.pass()) {
    out << "  checked      " << grouped(total.values)
        << " values against the golden model: every bit agrees; memory outside C is untouched\n";
  }
  if (total.cycles != 0) {
    out << "  cycles       " << grouped(total.cycles) << " from doorbell to interrupt\n";
    out << "  utilisation  " << fixed(100 * total.utilisation, 2) << " % (" << grouped(total.macs) << " MACs, at most "
        << (total.peak != 0 ? std::to_string(total.peak) + " a cycle" : "what the types of each product allow") << ")\n";
    print_bars(out, total);
    out << "  bus          " << grouped(counter(total.counters, "read_bytes")) << " bytes read, "
        << grouped(counter(total.counters, "write_bytes")) << " written\n";
  }
  out << "  wall time    " << fixed(total.wall_s, 2) << " s";
  if (total.simulated != 0 && total.wall_s > 0)
    out << ", " << fixed(1e-3 * static_cast<double>(total.simulated) / total.wall_s, 0) << " kcycle/s";
  out << '\n';

  constexpr std::size_t kFailures = 5;
  std::size_t failures = 0;
  for (const Case &c : report.cases) {
    if (!c.pass() && ++failures <= kFailures) print_failure(out, c);
  }
  if (failures > kFailures) out << "  and " << failures - kFailures << " more products failed\n";
  if (failures > 0 && report.repeatable && report.seed) {
    out << "  again with   systole sim " << report.test << " --config " << config.name << " --engine " << options.engine
        << " --seed " << *report.seed << '\n';
  }
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
  out["mismatches"] = total.mismatches;
  if (!report.error.empty()) {
    out["mismatches"] = nullptr;  // nothing was compared
    out["error"] = report.error;
  }
  platform::GemmResult sum;
  sum.cycles = total.cycles;
  sum.counters = total.counters;
  sum.macs = total.macs;
  sum.utilisation = total.utilisation;
  out.update(json_of(report.options, sum));
  if (!report.error.empty()) {
    for (const char *key : {"cycles", "macs", "utilisation", "counters", "read_bytes", "write_bytes"}) out[key] = nullptr;
  }
  out["seed"] = report.seed ? nlohmann::ordered_json(*report.seed) : nlohmann::ordered_json();
  const platform::MemoryTiming &timing = report.options.timing;
  out["memory"] = nullptr;
  if (report.options.is_rtl()) {
    out["memory"] = {{"latency", timing.latency},
                     {"bytes_per_cycle", timing.bytes_per_cycle},
                     {"outstanding", timing.outstanding},
                     {"stall_seed", timing.stall_seed ? nlohmann::ordered_json(*timing.stall_seed) : nlohmann::ordered_json()}};
  }
  out["wall_s"] = total.wall_s;
  out["simulated_cycles"] = total.simulated;
  if (!single) {
    out["cases"] = nlohmann::ordered_json::array();
    for (const Case &c : report.cases) out["cases"].push_back(json_of(report.options, c));
  }
  // A file's name in an error may be no UTF-8.
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::unique_ptr<npy::OutputFile> prepare_json(const Report &report) {
  if (report.options.json.empty()) return nullptr;
  const std::string text = to_json(report);
  auto file = std::make_unique<npy::OutputFile>(report.options.json);
  file->write(text.data(), text.size());
  file->finish();
  return file;
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
  std::error_code none;
  if (std::filesystem::is_regular_file(report.options.json, none)) std::filesystem::remove(report.options.json, none);
  options.before_job = [&meter](std::size_t, const platform::Layout &, platform::Accelerator &) { meter.phase("simulating"); };
  options.progress = [&meter](const platform::Progress &progress) { meter(progress); };
  try {
    return platform::run_gemm(options, jobs);
  } catch (const std::invalid_argument &error) {
    throw UserError(error.what());
  } catch (const std::exception &error) {
    report.error = error.what();
    try {
      if (const auto json = prepare_json(report)) json->commit();
    } catch (const npy::Error &other) {
      std::cerr << "systole: " << other.what() << '\n';
    }
    throw;
  }
}

}  // namespace systole::tool
