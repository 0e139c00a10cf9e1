// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/forecast.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "sim/golden/float.hpp"
#include "sim/tool/check.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

using golden::DType;

namespace {

std::string text(const Shape &shape) {
  return std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
}

std::string types(const ForecastOptions &options) {
  const std::string a = golden::name(options.a_type), b = golden::name(options.b_type);
  return a == b ? a : a + "," + b;
}

/// The job without its matrices.
platform::GemmJob job_of(const ForecastOptions &options, const Shape &shape) {
  platform::GemmJob job;
  job.m = shape.m;
  job.n = shape.n;
  job.k = shape.k;
  job.a_type = options.a_type;
  job.b_type = options.b_type;
  job.epilogue.out = options.out;
  if (options.bias) job.bias.emplace(shape.n);
  if (options.out == DType::s8 || options.out == DType::u8) {
    job.epilogue.rule = golden::Requant::floating;
    job.epilogue.scale.assign(options.per_column ? shape.n : 1, golden::as_bits(1.0f));
  }
  return job;
}

/// The columns of a line of a CSV file, without blanks around them.
std::vector<std::string> cells(const std::string &line) {
  std::vector<std::string> out(1);
  for (const char c : line) {
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  }
  for (std::string &cell : out) {
    cell.erase(0, cell.find_first_not_of(" \t\r"));
    cell.erase(cell.find_last_not_of(" \t\r") + 1);
  }
  return out;
}

// What the driver chose: the following functions alone know the fields of its plan.

const char *name_of_keep(std::uint32_t keep) {
  switch (keep) {
    case SYSTOLE_KEEP_PASS: return "pass";
    case SYSTOLE_KEEP_JOB: return "job";
    default: return "not";
  }
}

/// How an operand goes through its buffer.
std::string text(const systole_operand_plan_t &operand) {
  const char *kept = operand.keep == SYSTOLE_KEEP_JOB    ? "loaded once, "
                     : operand.keep == SYSTOLE_KEEP_PASS ? "kept for a pass of the inner loop, "
                                                         : "streamed, ";
  const std::string piece = operand.piece == 0 ? "a chunk" : counted(operand.piece, "word") + " of K";
  return kept + counted(operand.loads, "filling") + " of " + counted(operand.slots, "slot") + " of " +
         counted(operand.slot_words, "word") + ", " + piece + " each";
}

/// A dimension's parts: their number, size, and how the first and the last ones grow and shrink.
std::string text(std::uint32_t blocks, std::uint32_t block, std::uint32_t head, std::uint32_t tail) {
  std::string out = grouped(blocks) + " of " + std::to_string(block);
  if (tail >= block) tail = 0;
  if (head >= block) head = 0;
  if (head != 0) out += " (growing from " + std::to_string(head) + (tail == 0 ? ")" : ", ");
  if (tail != 0) out += (head == 0 ? " (" : "") + ("shrinking to " + std::to_string(tail)) + ")";
  return out;
}

nlohmann::ordered_json json_of(const systole_operand_plan_t &operand) {
  return {{"keep", name_of_keep(operand.keep)},
          {"slots", operand.slots},
          {"slot_words", operand.slot_words},
          {"piece", operand.piece},
          {"loads", operand.loads}};
}

void print_plan(std::ostream &out, const systole_gemm_plan_t &plan) {
  out << "  blocks       " << grouped(plan.blocks) << ", " << (plan.n_outer ? "columns" : "rows") << " outermost, "
      << counted(plan.acc_slots, "accumulator place") << "; rows: " << text(plan.m_blocks, plan.m_block, plan.m_head, plan.m_tail)
      << ";\n               column tiles (" << grouped(plan.n_tiles)
      << " in N): " << text(plan.n_blocks, plan.t_block, plan.t_head, plan.t_tail) << '\n';
  out << "  K            " << counted(plan.k_words, "word") << ", " << plan.k_chunk << " a MATMUL";
  if (plan.k_head != 0) out << ", growing from " << plan.k_head << " at first";
  out << '\n';
  const auto parts = [&plan](std::uint32_t size) { return counted(size, plan.part_rows ? "row" : "column tile"); };
  if (plan.part_max != 0) out << "  parts        of " << parts(plan.part_max) << " at most, of each chunk\n";
  if (plan.part != 0) out << "  parts        growing from " << parts(plan.part) << ", of the first block's chunks\n";
  if (plan.part_end != 0) out << "  parts        shrinking to " << parts(plan.part_end) << ", of the last chunk\n";
  out << "  A            " << text(plan.a) << '\n';
  out << "  B            " << text(plan.b) << '\n';
  if (plan.params) out << "  parameters   of columns, " << (plan.params_resident ? "loaded once\n" : "loaded for each block\n");
}

nlohmann::ordered_json json_of(const systole_gemm_plan_t &plan) {
  nlohmann::ordered_json out;
  out["n_outer"] = plan.n_outer;
  out["blocks"] = plan.blocks;
  out["acc_slots"] = plan.acc_slots;
  out["rows"] = {{"block", plan.m_block}, {"head", plan.m_head}, {"tail", plan.m_tail}, {"blocks", plan.m_blocks}};
  out["column_tiles"] = {
      {"all", plan.n_tiles}, {"block", plan.t_block}, {"head", plan.t_head}, {"tail", plan.t_tail}, {"blocks", plan.n_blocks}};
  out["k_words"] = {{"all", plan.k_words}, {"chunk", plan.k_chunk}, {"head", plan.k_head}};
  out["parts"] = {
      {"of", plan.part_rows ? "rows" : "column_tiles"}, {"most", plan.part_max}, {"first", plan.part}, {"last", plan.part_end}};
  out["params"] = plan.params;
  out["params_resident"] = plan.params_resident;
  out["a"] = json_of(plan.a);
  out["b"] = json_of(plan.b);
  out["commands"] = plan.commands;
  out["cycles"] = plan.cycles;
  return out;
}

void print_core(std::ostream &out, const ForecastOptions &options) {
  const platform::ConfigInfo &config = options.config;
  out << "  core         " << config.name << ": " << config.rows << " x " << config.cols << " elements, " << config.axi_bits
      << "-bit AXI\n";
  print_memory(out, options.timing);
}

/// What the forecast of many commands leaves out.
constexpr const char *kDoorbells =
    "above 65,536 commands, all that the ring holds, the further doorbells are taken to follow without delay";

/// Cycles, if a part of one is a whole one.
std::uint64_t whole(double cycles) { return static_cast<std::uint64_t>(std::ceil(cycles)); }

std::uint64_t counter(const Forecast &forecast, const std::string &name) {
  if (name == kIdle) return forecast.cycles() - counter(forecast, "total");
  const auto found = forecast.prediction.counters.find(name);
  return found == forecast.prediction.counters.end() ? 0 : found->second;
}

}  // namespace

double Forecast::roofline_cycles() const { return std::max({mac_cycles(), read_cycles(), write_cycles()}); }

Forecast forecast(const ForecastOptions &options, const Shape &shape, record::Recorder &recorder) {
  const platform::ConfigInfo &config = options.config;
  Forecast out;
  out.shape = shape;
  const std::uint64_t m = shape.m, n = shape.n, k = shape.k;
  // Each matrix within the address space: then nothing overflows before the driver looks.
  const double most = static_cast<double>(std::uint64_t{1} << std::min(config.axi_addr_bits, 62u));
  const auto bytes = [&](std::uint64_t rows, std::uint64_t columns, DType type) {
    const double all = static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(golden::size(type));
    if (all >= most) throw UserError(text(shape) + ": a matrix is larger than the address space");
    return rows * columns * golden::size(type);
  };
  out.read = bytes(m, k, options.a_type) + bytes(n, k, options.b_type);
  out.write = bytes(m, n, options.out);
  out.macs = m * n * k;
  if (static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) >= 0x1p62)
    throw UserError(text(shape) + ": more multiply-accumulates than can be counted");
  const platform::GemmJob job = job_of(options, shape);
  if (job.bias) out.read += 4 * n;
  if (job.epilogue.per_column()) out.read += 4 * n;
  out.peak = platform::peak_macs(job, config);
  out.bytes_per_cycle = std::min(options.timing.bytes_per_cycle, config.axi_bytes());

  platform::RunOptions run;
  run.config = config.name;
  run.layout_seed = options.layout_seed;
  const systole_gemm_t gemm = platform::placed_gemm(run, job);
  auto start = std::chrono::steady_clock::now();
  const auto lap = [&start] {
    const auto before = std::exchange(start, std::chrono::steady_clock::now());
    return std::chrono::duration<double>(start - before).count();
  };
  try {
    out.plan = recorder.plan(gemm);
    if (out.plan.commands > kMostCommands)
      throw UserError(text(shape) + ": takes more than the " + grouped(kMostCommands) + " commands that can be forecast");
    recorder.add(gemm);
  } catch (const std::invalid_argument &error) {
    throw UserError(text(shape) + ": " + error.what());
  }
  out.program = recorder.take();
  out.driver_s = lap();
  out.commands = out.program.records.size();
  for (const timing::Record &record : out.program.records) {
    switch (systole_field_get(record.data(), SYSTOLE_CMD_OPCODE_WORD, SYSTOLE_CMD_OPCODE_LSB, SYSTOLE_CMD_OPCODE_WIDTH)) {
      case SYSTOLE_OPCODE_LOAD: ++out.loads; break;
      case SYSTOLE_OPCODE_MATMUL: ++out.matmuls; break;
      default: ++out.stores; break;
    }
  }
  lap();
  out.prediction = timing::predict(config, options.timing, out.program);
  out.model_s = lap();
  if (out.cycles() == timing::kNever || out.cycles() == 0)
    throw std::runtime_error(text(shape) + ": the driver's commands wait for one another for ever");
  return out;
}

std::vector<Shape> read_shapes(const std::string &path) {
  std::ifstream in(path);
  if (!in) throw UserError("cannot read " + path + ": " + std::strerror(errno));
  std::vector<Shape> out;
  std::array<std::size_t, 3> columns{};  // of m, n, k
  constexpr const char *kNames[] = {"m", "n", "k"};
  std::string line;
  bool header = false;
  const std::string mark = "\xEF\xBB\xBF";
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (number == 1 && line.compare(0, mark.size(), mark) == 0) line.erase(0, mark.size());
    const std::vector<std::string> fields = cells(line);
    if (fields.size() == 1 && fields[0].empty()) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    if (!header) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (std::count(fields.begin(), fields.end(), kNames[i]) != 1)
          throw UserError(where + "a header with one column " + kNames[i] + " expected");
        columns[i] = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), kNames[i]) - fields.begin());
      }
      header = true;
      continue;
    }
    Shape shape;
    std::uint32_t *const sizes[] = {&shape.m, &shape.n, &shape.k};
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string field = columns[i] < fields.size() ? fields[columns[i]] : "";
      if (field.empty() || field.size() > 10 || field.find_first_not_of("0123456789") != std::string::npos ||
          std::stoull(field) == 0 || std::stoull(field) > 0xFFFFFFFFu)
        throw UserError(where + kNames[i] + " is '" + field + "', an integer from 1 to 4294967295 expected");
      *sizes[i] = static_cast<std::uint32_t>(std::stoull(field));
    }
    out.push_back(shape);
  }
  if (in.bad()) throw UserError("cannot read " + path);
  if (out.empty()) throw UserError(path + ": no product in it (a header with m, n and k, then one a line)");
  return out;
}

void print_forecast(std::ostream &out, const ForecastOptions &options, const Forecast &f) {
  out << "plan: C[" << f.shape.m << " x " << f.shape.n << "] = A[" << f.shape.m << " x " << f.shape.k << "] * B[" << f.shape.k
      << " x " << f.shape.n << "], " << types(options) << " -> " << golden::name(options.out) << '\n';
  print_core(out, options);
  print_plan(out, f.plan);
  out << "  commands     " << grouped(f.commands) << ": " << grouped(f.loads) << " LOAD, " << grouped(f.matmuls) << " MATMUL, "
      << grouped(f.stores) << " STORE\n";
  if (f.commands > kRingCommands) out << "               " << kDoorbells << '\n';
  out << "  cycles       " << grouped(f.cycles())
      << " from doorbell to interrupt, by the timing model; the driver's own forecast " << grouped(f.plan.cycles) << '\n';
  out << "  utilisation  " << fixed(100 * f.utilisation(), 2) << " % (" << counted(f.macs, "MAC") << ", at most " << f.peak
      << " a cycle)\n";
  out << "  roofline     " << fixed(100 * f.efficiency(), 2) << " % of what array and memory allow: at least "
      << counted(whole(f.mac_cycles()), "cycle") << " to multiply,\n               " << grouped(whole(f.read_cycles()))
      << " to read " << counted(f.read, "byte") << ", " << grouped(whole(f.write_cycles())) << " to write " << grouped(f.write)
      << '\n';
  print_causes(out, f.prediction.counters);
  print_bus(out, f.prediction.counters);
}

void print_forecasts(std::ostream &out, const ForecastOptions &options, const std::vector<Forecast> &forecasts) {
  out << "plan: " << counted(forecasts.size(), "product") << ", " << types(options) << " -> " << golden::name(options.out)
      << '\n';
  print_core(out, options);
  out << "           m          n          k     commands           cycles  utilisation  roofline\n";
  std::uint64_t cycles = 0;
  double mac_cycles = 0, roofline_cycles = 0;
  for (const Forecast &f : forecasts) {
    out << "  " << std::setw(10) << f.shape.m << ' ' << std::setw(10) << f.shape.n << ' ' << std::setw(10) << f.shape.k << ' '
        << std::setw(12) << grouped(f.commands) << ' ' << std::setw(16) << grouped(f.cycles()) << std::setw(11)
        << fixed(100 * f.utilisation(), 2) << " %" << std::setw(8) << fixed(100 * f.efficiency(), 2) << " %\n";
    cycles += f.cycles();
    mac_cycles += f.mac_cycles();
    roofline_cycles += f.roofline_cycles();
  }
  out << "  all " << std::setw(59) << grouped(cycles) << std::setw(11) << fixed(100 * mac_cycles / static_cast<double>(cycles), 2)
      << " %" << std::setw(8) << fixed(100 * roofline_cycles / static_cast<double>(cycles), 2) << " %\n";
  if (std::any_of(forecasts.begin(), forecasts.end(), [](const Forecast &f) { return f.commands > kRingCommands; }))
    out << "  " << kDoorbells << '\n';
}

std::string to_json(const ForecastOptions &options, const std::vector<Forecast> &forecasts) {
  const platform::ConfigInfo &config = options.config;
  nlohmann::ordered_json out;
  out["config"] = {
      {"name", config.name}, {"rows", config.rows}, {"cols", config.cols}, {"axi_bits", config.axi_bits}, {"fp", config.fp}};
  out["dtype"] = types(options);
  out["out_dtype"] = golden::name(options.out);
  out["memory"] = {{"latency", options.timing.latency},
                   {"bytes_per_cycle", options.timing.bytes_per_cycle},
                   {"outstanding", options.timing.outstanding}};
  out["products"] = nlohmann::ordered_json::array();
  for (const Forecast &f : forecasts) {
    nlohmann::ordered_json one;
    one["m"] = f.shape.m;
    one["n"] = f.shape.n;
    one["k"] = f.shape.k;
    one["macs"] = f.macs;
    one["cycles"] = f.cycles();
    one["utilisation"] = f.utilisation();
    one["roofline"] = {{"efficiency", f.efficiency()},
                       {"mac_cycles", f.mac_cycles()},
                       {"read_cycles", f.read_cycles()},
                       {"write_cycles", f.write_cycles()}};
    one["counters"] = nlohmann::ordered_json::object();
    for (const std::string &cause : kCauses) one["counters"][cause] = counter(f, cause);
    for (const char *name : {"read_bytes", "write_bytes", "read_bursts", "write_bursts"}) one[name] = counter(f, name);
    one["commands"] = f.commands;
    one["loads"] = f.loads;
    one["matmuls"] = f.matmuls;
    one["stores"] = f.stores;
    one["plan"] = json_of(f.plan);
    one["driver_s"] = f.driver_s;
    one["model_s"] = f.model_s;
    out["products"].push_back(std::move(one));
  }
  return out.dump(2) + "\n";
}

}  // namespace systole::tool
