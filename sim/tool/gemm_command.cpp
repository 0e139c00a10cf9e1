// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>

#include "firmware/include/systole.h"
#include "sim/npy/npy.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;

namespace {

std::string required(const po::variables_map &values, const char *name) {
  if (values.count(name) == 0) throw UserError(std::string("--") + name + " is missing (systole gemm --help)");
  return values[name].as<std::string>();
}

std::string shape(const npy::Array &array) { return std::to_string(array.shape[0]) + "x" + std::to_string(array.shape[1]); }

/// An 8-bit matrix without empty dimensions.
npy::Array read_matrix(const std::string &path) {
  npy::Array out = npy::read(path, {npy::Type::i1, npy::Type::u1}, 2);
  for (const std::size_t extent : out.shape) {
    if (extent == 0) throw UserError(path + ": the matrix is empty (" + shape(out) + ")");
    if (extent > std::numeric_limits<std::uint32_t>::max())
      throw UserError(path + ": the matrix is too large (" + shape(out) + ")");
  }
  return out;
}

/// K x N to N x K, in blocks that stay in the cache.
std::vector<std::uint8_t> transposed(const std::vector<std::uint8_t> &in, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kBlock = 64;
  std::vector<std::uint8_t> out(in.size());
  for (std::size_t r0 = 0; r0 < rows; r0 += kBlock) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kBlock) {
      for (std::size_t r = r0; r < std::min(r0 + kBlock, rows); ++r) {
        for (std::size_t c = c0; c < std::min(c0 + kBlock, columns); ++c) out[c * rows + r] = in[r * columns + c];
      }
    }
  }
  return out;
}

int zero_point(const std::string &option, const std::string &text, npy::Type type) {
  const bool is_signed = type == npy::Type::i1;
  return static_cast<int>(integer(option, text, is_signed ? -128 : 0, is_signed ? 127 : 255));
}

bool is_npy(const std::string &text) { return text.size() > 4 && text.compare(text.size() - 4, 4, ".npy") == 0; }

/// One zero point, or a file with one for each column, in B's type.
std::vector<int> b_zero_points(const std::string &text, npy::Type type, std::size_t n) {
  if (!is_npy(text)) return {zero_point("b-zero-point", text, type)};
  const npy::Array file = npy::read(text, {type}, 1);
  if (file.shape[0] != n)
    throw UserError(text + ": " + std::to_string(file.shape[0]) + " zero points, but B has " + std::to_string(n) + " columns");
  std::vector<int> out;
  for (const std::uint8_t byte : file.data) out.push_back(type == npy::Type::i1 && byte >= 128 ? byte - 256 : byte);
  return out;
}

}  // namespace

int gemm_command(const std::vector<std::string> &arguments) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  po::options_description options("Options");
  options.add_options()                                                                              //
      ("a", value("A.npy"), "A, M x K, int8 or uint8")                                               //
      ("b", value("B.npy"), "B, K x N as in numpy.matmul, int8 or uint8; transposed once to N x K")  //
      ("out", value("C.npy"), "where to write C, M x N, int32")                                      //
      ("bias", value("V.npy"), "int32, shape (N,): added to every row")                              //
      ("a-zero-point", value("Z"), "zero point of A, in A's type, 0 by default")                     //
      ("b-zero-point", value("Z"), "zero point of B, in B's type, 0 by default; or an .npy file of shape (N,)");
  add_engine_options(options);
  const po::variables_map values = parse(arguments, options);
  if (values.count("help") != 0) {
    std::cout << "Usage: systole gemm --a A.npy --b B.npy --out C.npy [OPTIONS]\n\n"
                 "C = bias + (A - a_zero_point) * (B - b_zero_point), modulo 2^32, computed by the engine and checked against "
                 "the golden\n"
                 "model bit by bit; C is written only if every bit agrees.\n\n"
              << options;
    return kOk;
  }

  const std::string a_path = required(values, "a");
  const std::string b_path = required(values, "b");
  const std::string out_path = required(values, "out");
  Report report;
  report.test = "gemm";
  report.repeatable = false;
  report.options = engine_options(values);
  report.seed = report.options.timing.stall_seed;
  check_outputs(report.options, out_path);
  auto meter = std::make_unique<ProgressMeter>();

  const npy::Array a = read_matrix(a_path);
  npy::Array b = read_matrix(b_path);
  if (a.shape[1] != b.shape[0]) {
    throw UserError("inner dimensions differ: " + a_path + " is " + shape(a) + ", " + b_path + " is " + shape(b));
  }
  std::vector<platform::GemmJob> jobs(1);
  platform::GemmJob &job = jobs.front();
  job.m = static_cast<std::uint32_t>(a.shape[0]);
  job.k = static_cast<std::uint32_t>(a.shape[1]);
  job.n = static_cast<std::uint32_t>(b.shape[1]);
  job.a_signed = a.type == npy::Type::i1;
  job.b_signed = b.type == npy::Type::i1;
  if (values.count("a-zero-point") != 0) job.a_zp = zero_point("a-zero-point", values["a-zero-point"].as<std::string>(), a.type);
  if (values.count("b-zero-point") != 0) job.b_zp = b_zero_points(values["b-zero-point"].as<std::string>(), b.type, job.n);
  if (values.count("bias") != 0) {
    const std::string path = values["bias"].as<std::string>();
    const npy::Array bias = npy::read(path, {npy::Type::i4}, 1);
    if (bias.shape[0] != job.n) {
      throw UserError(path + ": " + std::to_string(bias.shape[0]) + " values, but B has " + std::to_string(job.n) + " columns");
    }
    job.bias = bias.int32();
  }
  job.a = a.data;
  job.b = transposed(b.data, job.k, job.n);
  b.data.clear();
  report.notes.push_back("B was transposed once, from K x N in the file to N x K in memory");

  platform::RunOptions run = run_options(report.options);
  run.ring_entries_log2 = 16;  // a measured job lies entirely in the ring
  std::vector<platform::GemmResult> results = simulate(run, jobs, report, *meter);
  platform::GemmResult &result = results.at(0);
  if (result.driver_result != SYSTOLE_OK && result.driver_result != SYSTOLE_ERR_DEVICE &&
      result.driver_result != SYSTOLE_ERR_TIMEOUT) {
    throw UserError("the driver cannot map this product: " + result.driver_message);
  }
  meter->phase("checking");
  report.cases.push_back(check("gemm", job, std::move(result)));
  // Both files or neither: all bytes lie on the disk before the first gets its name.
  const auto json = prepare_json(report);
  if (report.pass()) {
    npy::OutputFile file(out_path);
    npy::write(file, npy::from_int32({job.m, job.n}, report.cases.front().result.c.data()));
    file.commit();
  } else {
    report.notes.push_back(out_path + " was not written");
  }
  if (json) json->commit();
  meter.reset();
  print_summary(std::cout, report);
  return report.pass() ? kOk : kFailed;
}

}  // namespace systole::tool
