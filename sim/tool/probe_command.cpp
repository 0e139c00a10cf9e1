// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "sim/fpga/board.hpp"
#include "sim/fpga/selftest.hpp"
#include "sim/npy/output_file.hpp"
#include "sim/tool/board.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;

namespace {

/// All that is known after a probe.
struct Probe {
  std::string port;
  unsigned baud = 0;
  link::BoardInfo info;
  std::optional<fpga::Board> board;  ///< of a whole accelerator
  std::vector<fpga::TestResult> tests;
  link::Statistics link;

  bool pass() const {
    return std::all_of(tests.begin(), tests.end(), [](const fpga::TestResult &test) { return test.pass; });
  }
};

/// 10^9 multiply-accumulates a second.
double gmacs(unsigned per_cycle, std::uint32_t clock_hz) { return 1e-9 * per_cycle * clock_hz; }

unsigned bench_rows(const link::BoardInfo &info) { return info.array & 0xFF; }
unsigned bench_cols(const link::BoardInfo &info) { return info.array >> 8 & 0xFF; }

std::string to_json(const Probe &probe) {
  using Json = nlohmann::ordered_json;
  const link::BoardInfo &info = probe.info;
  Json out;
  out["port"] = probe.port;
  out["baud"] = probe.baud;
  out["board"] = {{"id", info.id},
                  {"name", info.name()},
                  {"link_version", info.link_version},
                  {"clock_hz", info.clock_hz},
                  {"baud", info.baud},
                  {"memory_bytes", info.memory_bytes},
                  {"kind", info.kind == link::kKindAccelerator ? "accelerator" : "array bench"}};
  out["accelerator"] = nullptr;
  if (probe.board) {
    const platform::ConfigInfo &config = probe.board->config;
    out["accelerator"] = {{"version", probe.board->version_text()}, {"command_version", probe.board->version >> 24}};
    out["config"] = {{"name", config.name},
                     {"rows", config.rows},
                     {"cols", config.cols},
                     {"axi_bits", config.axi_bits},
                     {"fp", config.fp},
                     {"act_bytes", config.act_bytes},
                     {"wgt_bytes", config.wgt_bytes},
                     {"acc_rows", config.acc_rows},
                     {"param_entries", config.param_entries}};
    out["peak"] = {{"int8_gmacs", gmacs(config.int8_macs_per_cycle(), info.clock_hz)},
                   {"fp_gmacs", config.fp ? Json(gmacs(config.fp_macs_per_cycle(), info.clock_hz)) : Json()}};
  } else {
    out["config"] = {{"rows", bench_rows(info)}, {"cols", bench_cols(info)}, {"fp", false}};
    out["peak"] = {{"int8_gmacs", gmacs(2 * bench_rows(info) * bench_cols(info), info.clock_hz)}, {"fp_gmacs", nullptr}};
  }
  out["selftest"] = Json::array();
  for (const fpga::TestResult &test : probe.tests)
    out["selftest"].push_back({{"name", test.name}, {"pass", test.pass}, {"detail", test.detail}});
  out["pass"] = probe.pass();
  out["link"] = {{"requests", probe.link.requests},       {"repeats", probe.link.repeats},
                 {"timeouts", probe.link.timeouts},       {"bad_frames", probe.link.bad_frames},
                 {"bad_replies", probe.link.bad_replies}, {"stale", probe.link.stale},
                 {"bytes_sent", probe.link.bytes_sent},   {"bytes_received", probe.link.bytes_received}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void print(std::ostream &out, const Probe &probe) {
  const link::BoardInfo &info = probe.info;
  out << "probe: " << (probe.pass() ? "PASS" : "FAIL") << '\n'
      << "  board        " << info.name() << " at " << fixed(1e-6 * info.clock_hz, 3) << " MHz, link version "
      << info.link_version << ", " << probe.port << " at " << probe.baud << " baud\n";
  if (probe.board) {
    const platform::ConfigInfo &config = probe.board->config;
    out << "  accelerator  version " << probe.board->version_text() << ", command records of version "
        << (probe.board->version >> 24) << "\n  core         " << config.name << ": " << config.rows << " x " << config.cols
        << " elements, " << config.axi_bits << "-bit AXI, " << (config.fp ? "int8, fp16 and bf16" : "int8") << "\n  buffers      "
        << counted(config.act_bytes, "byte") << " of activations, " << counted(config.wgt_bytes, "byte") << " of weights, 2 x "
        << config.acc_rows << " rows of sums\n  memory       " << counted(info.memory_bytes, "byte") << "\n  peak         "
        << fixed(gmacs(config.int8_macs_per_cycle(), info.clock_hz), 2) << " GMAC/s int8";
    if (config.fp) out << ", " << fixed(gmacs(config.fp_macs_per_cycle(), info.clock_hz), 2) << " GMAC/s fp16 and bf16";
  } else {
    out << "  core         the array alone: " << bench_rows(info) << " x " << bench_cols(info)
        << " elements, int8\n  peak         " << fixed(gmacs(2 * bench_rows(info) * bench_cols(info), info.clock_hz), 2)
        << " GMAC/s int8";
  }
  out << "\n  link         " << grouped(probe.link.bytes_sent) << " bytes sent, " << grouped(probe.link.bytes_received)
      << " received, " << repeats_text(probe.link) << "\n  self-test\n";
  for (const fpga::TestResult &test : probe.tests) {
    out << "    " << test.name << std::string(test.name.size() < 22 ? 22 - test.name.size() : 1, ' ')
        << (test.pass ? "ok      " : "FAILED  ") << test.detail << '\n';
  }
}

}  // namespace

int probe_command(const std::vector<std::string> &arguments) {
  po::options_description options("Options");
  add_board_options(options);
  options.add_options()                                                                   //
      ("json", po::value<std::string>()->value_name("FILE"), "write the result as JSON")  //
      ("help,h", "this text");
  const po::variables_map values = parse(arguments, options);
  if (values.count("help") != 0) {
    std::cout
        << "Usage: " << program_name()
        << " probe --port PORT [OPTIONS]\n\nWhat is on the board at a serial port: its accelerator's configuration, clock, "
           "memory, "
           "peak; then a self-test of registers,\nmemory and products against the golden model, which overwrites the board's "
           "memory. Exit status: 0 passed, 1 failed,\n2 no answer or bad input.\n\n"
        << options;
    return kOk;
  }
  EngineOptions engine;
  engine.engine = "fpga";
  engine.json = given(values, "json").value_or("");
  engine.board = board_options(values);
  check_outputs(engine);
  auto meter = std::make_unique<ProgressMeter>();
  meter->phase("connecting");
  Connection connection(engine.board);
  link::Client &client = connection.client;
  Probe probe;
  probe.port = engine.board.port;
  probe.baud = client.baud();
  probe.info = client.info();
  const auto next = [&meter](const std::string &name) { meter->phase("self-test: " + name); };
  if (probe.info.kind == link::kKindAccelerator) {
    probe.board = fpga::read_board(client);
    probe.tests = fpga::self_test(client, *probe.board, next);
  } else {
    probe.tests = fpga::bench_test(client, next);
  }
  probe.link = client.statistics();
  if (!engine.json.empty()) prepare_file(engine.json, to_json(probe))->commit();
  meter.reset();
  print(std::cout, probe);
  return probe.pass() ? kOk : kFailed;
}

}  // namespace systole::tool
