// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <random>

#include "sim/tool/diagnosis.hpp"
#include "sim/tool/named_tests.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/timeline.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;

int sim_command(const std::vector<std::string> &arguments) {
  po::options_description options("Options");
  options.add_options()("seed", po::value<std::string>()->value_name("S"), "seed of the data, 1 by default; `random` draws one");
  add_engine_options(options);
  const po::variables_map values = parse(arguments, options, "test");

  if (values.count("help") != 0) {
    std::cout << "Usage: " << program_name()
              << " sim TEST [OPTIONS]\n\nRuns a named test and checks every bit. Without TEST, lists the tests:\n";
    list_named_tests(std::cout);
    std::cout << '\n' << options;
    return kOk;
  }
  if (values.count("test") == 0) {
    if (!arguments.empty()) throw UserError("no test named (`" + program_name() + " sim` lists them)");
    list_named_tests(std::cout);
    return kOk;
  }

  Report report;
  report.test = values["test"].as<std::string>();
  report.options = engine_options(values);
  check_outputs(report.options);
  const std::string seed = values.count("seed") != 0 ? values["seed"].as<std::string>() : "1";
  report.seed = seed == "random" ? std::random_device{}() : unsigned_integer("seed", seed);
  auto meter = std::make_unique<ProgressMeter>();
  const TestPlan plan = named_test(report.test, report.options.config, *report.seed);

  // What the command line says goes before what the test says.
  if (!report.options.timing.stall_seed) report.options.timing.stall_seed = plan.stall_seed;
  if (!report.options.layout_seed) report.options.layout_seed = plan.layout_seed;
  platform::RunOptions run = run_options(report.options);
  run.ring_entries_log2 = plan.ring_entries_log2;
  run.queued = plan.queued;
  report.command = {"sim"};
  report.command.insert(report.command.end(), arguments.begin(), arguments.end());
  std::vector<platform::GemmResult> results = simulate(run, plan.jobs, report, *meter);
  meter->phase("checking");
  std::uint64_t macs = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    report.cases.push_back(check(plan.names[i], plan.jobs[i], report.options.config, std::move(results[i]), macs));
    if (plan.queued) macs += report.cases.back().result.macs;
  }
  report.again = again_text(report.command, report);
  note_plant(report);
  diagnose(report.command, run, plan.jobs, report, *meter);
  meter.reset();
  require_predictions(report);
  const auto json = prepare_json(report), trace = prepare_trace(report);
  const TimelineFiles timeline = prepare_timeline(report);
  if (json) json->commit();
  if (trace) trace->commit();
  timeline.commit();
  print_summary(std::cout, report);
  return exit_status(report);
}

}  // namespace systole::tool
