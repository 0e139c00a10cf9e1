// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <tuple>
#include <utility>

#include "sim/record/record.hpp"
#include "sim/tool/forecast.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;
using golden::DType;

namespace {

DType operand_type(const std::string &text) {
  for (const DType type : {DType::s8, DType::u8, DType::fp16, DType::bf16}) {
    if (text == golden::name(type)) return type;
  }
  throw UserError("unknown --dtype '" + text +
                  "' (known: int8, uint8, fp16, bf16; of A and B, or two integer types: uint8,int8)");
}

/// "int8", or "uint8,int8" for A and B.
std::pair<DType, DType> operand_types(const std::string &text) {
  const std::size_t comma = text.find(',');
  const DType a = operand_type(text.substr(0, comma));
  const DType b = comma == std::string::npos ? a : operand_type(text.substr(comma + 1));
  if (a != b && (golden::is_float(a) || golden::is_float(b)))
    throw UserError("there is no product of " + std::string(golden::name(a)) + " and " + golden::name(b));
  return {a, b};
}

std::vector<Shape> shapes(const po::variables_map &values) {
  const auto file = given(values, "shapes");
  Shape shape;
  const std::pair<const char *, std::uint32_t *> sizes[] = {{"-m", &shape.m}, {"-n", &shape.n}, {"-k", &shape.k}};
  for (const auto &[name, size] : sizes) {
    const auto text = given(values, name);
    if (file && text) throw UserError("--shapes and " + std::string(name) + " exclude one another");
    if (!file && !text) throw UserError(std::string(name) + " is missing (" + program_name() + " plan --help)");
    if (text) *size = static_cast<std::uint32_t>(integer(name, *text, 1, 0xFFFFFFFF));
  }
  return file ? read_shapes(*file) : std::vector<Shape>{shape};
}

}  // namespace

int plan_command(const std::vector<std::string> &arguments) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  po::options_description options("Options");
  options.add_options()                                                                                      //
      (",m", value("M"), "rows of A and C")                                                                  //
      (",n", value("N"), "columns of B and C")                                                               //
      (",k", value("K"), "columns of A, rows of B")                                                          //
      ("shapes", value("FILE.csv"), "many products: a header with the columns m, n and k, then one a line")  //
      ("dtype", value("TYPE"),
       "operands: int8, uint8, fp16, bf16, or A's and B's: uint8,int8; by default fp16, "
       "or int8 on a configuration without floating point")                                                  //
      ("out-dtype", value("TYPE"), "C: int32 (default), int8, uint8; of floats fp32 (default), fp16, bf16")  //
      ("bias", "a bias is added")                                                                            //
      ("per-column", "int8 and uint8 results: a scale for each column, else one for all");
  add_machine_options(options);
  const po::variables_map values = parse(arguments, options);
  if (values.count("help") != 0) {
    const std::string name = program_name();
    std::cout << "Usage: " << name << " plan -m M -n N -k K [OPTIONS]\n       " << name
              << " plan --shapes FILE.csv [OPTIONS]\n\n"
                 "How the driver maps a product onto the machine, and the cycles that it takes: exactly those of `systole gemm` "
                 "on the RTL.\nNo data is needed, and nothing is computed.\n\n"
              << options;
    return kOk;
  }

  const EngineOptions engine = engine_options(values);
  ForecastOptions common;
  common.config = engine.config;
  common.timing = engine.timing;
  common.layout_seed = engine.layout_seed;
  std::tie(common.a_type, common.b_type) = operand_types(given(values, "dtype").value_or(engine.config.fp ? "fp16" : "int8"));
  if (golden::is_float(common.a_type) && !engine.config.fp)
    throw UserError("configuration " + engine.config.name + " has no floating point");
  common.out = out_type(given(values, "out-dtype"), common.a_type);
  common.bias = values.count("bias") != 0;
  common.per_column = values.count("per-column") != 0;
  if (common.per_column && common.out != DType::s8 && common.out != DType::u8)
    throw UserError("--per-column needs --out-dtype int8 or uint8");
  const std::vector<Shape> all = shapes(values);
  check_outputs(engine);

  record::Recorder recorder(engine.config);
  std::vector<Forecast> forecasts;
  for (const Shape &shape : all) {
    forecasts.push_back(forecast(common, shape, recorder));
    forecasts.back().program = {};  // of hundreds
    forecasts.back().prediction.commands = {};
  }
  if (!engine.json.empty()) prepare_file(engine.json, to_json(common, forecasts))->commit();
  if (values.count("shapes") != 0)
    print_forecasts(std::cout, common, forecasts);
  else
    print_forecast(std::cout, common, forecasts.front());
  return kOk;
}

}  // namespace systole::tool
