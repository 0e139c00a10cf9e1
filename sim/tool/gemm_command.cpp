// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "firmware/include/systole.h"
#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "sim/npy/npy.hpp"
#include "sim/tool/board.hpp"
#include "sim/tool/diagnosis.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/timeline.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {

namespace po = boost::program_options;
using golden::DType;

namespace {

std::string required(const po::variables_map &values, const char *name) {
  if (values.count(name) == 0) throw UserError(std::string("--") + name + " is missing (" + program_name() + " gemm --help)");
  return values[name].as<std::string>();
}

std::string shape(const npy::Array &array) { return std::to_string(array.shape[0]) + "x" + std::to_string(array.shape[1]); }

/// A matrix without empty dimensions, of one of the operands' types.
npy::Array read_matrix(const std::string &path) {
  npy::Array out = npy::read(path, {npy::Type::i1, npy::Type::u1, npy::Type::f2, npy::Type::u2}, 2);
  for (const std::size_t extent : out.shape) {
    if (extent == 0) throw UserError(path + ": the matrix is empty (" + shape(out) + ")");
    if (extent > std::numeric_limits<std::uint32_t>::max())
      throw UserError(path + ": the matrix is too large (" + shape(out) + ")");
  }
  return out;
}

/// The type of an operand; `bf16`: --dtype bf16 was given.
DType operand_type(const std::string &path, npy::Type type, bool bf16) {
  if (bf16 && type != npy::Type::u2)
    throw UserError(path + ": dtype is " + npy::name(type) + ", with --dtype bf16 uint16 expected");
  switch (type) {
    case npy::Type::i1: return DType::s8;
    case npy::Type::u1: return DType::u8;
    case npy::Type::f2: return DType::fp16;
    default:
      if (!bf16)
        throw UserError(path + ": dtype is uint16: bfloat16 needs --dtype bf16; otherwise int8, uint8 or float16 expected");
      return DType::bf16;
  }
}

/// NumPy's type for elements of C; it has no bfloat16.
npy::Type file_type(DType type) {
  switch (type) {
    case DType::s8: return npy::Type::i1;
    case DType::u8: return npy::Type::u1;
    case DType::fp16: return npy::Type::f2;
    case DType::bf16: return npy::Type::u2;
    case DType::s32: return npy::Type::i4;
    case DType::fp32: return npy::Type::f4;
  }
  throw std::logic_error("gemm: type without a NumPy type");
}

/// K x N to N x K, in blocks that stay in the cache. Elements have `size` bytes.
std::vector<std::uint8_t> transposed(const std::vector<std::uint8_t> &in, std::size_t rows, std::size_t columns,
                                     std::size_t size) {
  constexpr std::size_t kBlock = 64;
  std::vector<std::uint8_t> out(in.size());
  for (std::size_t r0 = 0; r0 < rows; r0 += kBlock) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kBlock) {
      for (std::size_t r = r0; r < std::min(r0 + kBlock, rows); ++r) {
        for (std::size_t c = c0; c < std::min(c0 + kBlock, columns); ++c) {
          for (std::size_t byte = 0; byte < size; ++byte) out[(c * rows + r) * size + byte] = in[(r * columns + c) * size + byte];
        }
      }
    }
  }
  return out;
}

/// An integer of an 8-bit type.
int in_type(const std::string &option, const std::string &text, DType type) {
  const bool is_signed = type == DType::s8;
  return static_cast<int>(integer(option, text, is_signed ? -128 : 0, is_signed ? 127 : 255));
}

bool is_npy(const std::string &text) { return text.size() > 4 && text.compare(text.size() - 4, 4, ".npy") == 0; }

/// One zero point, or a file with one for each column, in B's type.
std::vector<int> b_zero_points(const std::string &text, DType type, std::size_t n) {
  if (!is_npy(text)) return {in_type("b-zero-point", text, type)};
  const npy::Array file = npy::read(text, {file_type(type)}, 1);
  if (file.shape[0] != n)
    throw UserError(text + ": " + std::to_string(file.shape[0]) + " zero points, but B has " + std::to_string(n) + " columns");
  std::vector<int> out;
  for (const std::uint8_t byte : file.data) out.push_back(type == DType::s8 && byte >= 128 ? byte - 256 : byte);
  return out;
}

/// The vector in the file that an option names. Some of these options look as if they took a number.
npy::Array read_vector(const std::string &option, const std::string &path, npy::Type type) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown) && !unknown)
    throw UserError("cannot read " + path + ": No such file (--" + option + " expects an .npy file of " + npy::name(type) + ")");
  return npy::read(path, {type}, 1);
}

/// The numbers of the file that an option names, for the whole matrix (one) or for each of the n columns.
std::vector<std::uint32_t> parameters(const std::string &option, const std::string &path, npy::Type type, std::size_t n) {
  const npy::Array file = read_vector(option, path, type);
  if (file.shape[0] != 1 && file.shape[0] != n) {
    throw UserError(path + ": " + std::to_string(file.shape[0]) + " " + option + "s, but B has " + std::to_string(n) +
                    " columns: one or " + std::to_string(n) + " expected");
  }
  return file.words();
}

/// The same as int32 from `low` to `high`.
std::vector<std::int32_t> int_parameters(const std::string &option, const std::string &path, std::size_t n, std::int32_t low,
                                         std::int32_t high) {
  std::vector<std::int32_t> out;
  for (const std::uint32_t bits : parameters(option, path, npy::Type::i4, n)) {
    const auto value = static_cast<std::int32_t>(bits);
    if (value < low || value > high) {
      throw UserError(path + ": element " + std::to_string(out.size()) + " is " + std::to_string(value) + ", " + option +
                      "s from " + std::to_string(low) + " to " + std::to_string(high) + " expected");
    }
    out.push_back(value);
  }
  return out;
}

std::vector<std::uint32_t> scales(const std::string &path, std::size_t n) {
  std::vector<std::uint32_t> out = parameters("scale", path, npy::Type::f4, n);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float value = golden::as_float(out[i]);
    if (std::isfinite(value) && value > 0) continue;
    throw UserError(path + ": element " + std::to_string(i) + " is " + value_text(DType::fp32, out[i]) +
                    ", positive finite scales expected");
  }
  return out;
}

/// A bound of C: an integer of its type, or the bits of the binary32 number nearest to a decimal one.
std::uint32_t bound(const std::string &option, const std::string &text, DType type) {
  if (!golden::is_float(type)) return static_cast<std::uint32_t>(in_type(option, text, type));
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::string magnitude = text.substr(sign);
  char *end = nullptr;
  const float value = std::strtof(text.c_str(), &end);
  const bool infinite = magnitude == "inf" || magnitude == "infinity";
  const bool decimal = magnitude.find_first_not_of("0123456789.eE+-") == std::string::npos && *end == '\0' &&
                       magnitude.find_first_of("0123456789.") == 0 && std::isfinite(value);
  if (!infinite && !decimal)
    throw UserError("--" + option + " is '" + text + "', a decimal number within float32's range, inf or -inf expected");
  return golden::as_bits(value);
}

/// What the options say of the way from the sums to C. `operands`: type of A.
golden::Epilogue epilogue(const po::variables_map &values, DType operands, std::size_t n) {
  golden::Epilogue out;
  out.out = out_type(given(values, "out-dtype"), operands);
  const bool quantised = out.out == DType::s8 || out.out == DType::u8;
  const auto scale = given(values, "scale"), multiplier = given(values, "multiplier"), shift = given(values, "shift");
  for (const char *option : {"scale", "multiplier", "shift", "out-zero-point"}) {
    if (!quantised && given(values, option)) throw UserError("--" + std::string(option) + " needs --out-dtype int8 or uint8");
  }
  if (scale && (multiplier || shift))
    throw UserError("--scale and " + std::string(multiplier ? "--multiplier" : "--shift") +
                    " exclude one another: two different rules");
  if (multiplier.has_value() != shift.has_value()) throw UserError("--multiplier and --shift need one another");
  if (quantised && !scale && !multiplier)
    throw UserError(std::string("--out-dtype ") + golden::name(out.out) + " needs --scale, or --multiplier and --shift");
  if (scale) {
    out.rule = golden::Requant::floating;
    out.scale = scales(*scale, n);
  } else if (multiplier) {
    out.rule = golden::Requant::fixed;
    out.multiplier = int_parameters("multiplier", *multiplier, n, 0, std::numeric_limits<std::int32_t>::max());
    out.shift = int_parameters("shift", *shift, n, -31, 30);
  }
  if (const auto text = given(values, "out-zero-point")) out.zero_point = in_type("out-zero-point", *text, out.out);
  const auto low = given(values, "clamp-min"), high = given(values, "clamp-max");
  if (out.out == DType::s32 && (low || high))
    throw UserError("--clamp-" + std::string(low ? "min" : "max") + " needs another --out-dtype than int32");
  if (low) out.clamp_min = bound("clamp-min", *low, out.out);
  if (high) out.clamp_max = bound("clamp-max", *high, out.out);
  if (low && high) {
    const bool floating = golden::is_float(out.out);
    const bool crossed = floating ? golden::as_float(*out.clamp_min) > golden::as_float(*out.clamp_max)
                                  : static_cast<std::int32_t>(*out.clamp_min) > static_cast<std::int32_t>(*out.clamp_max);
    if (crossed) throw UserError("--clamp-min is " + *low + ", more than --clamp-max, which is " + *high);
  }
  return out;
}

}  // namespace

int gemm_command(const std::vector<std::string> &arguments) {
  const auto value = [](const char *name) { return po::value<std::string>()->value_name(name); };
  po::options_description options("Options");
  options.add_options()                                                                                         //
      ("a", value("A.npy"), "A, M x K: int8, uint8, float16, or bfloat16 as uint16 with --dtype bf16")          //
      ("b", value("B.npy"), "B, K x N as in numpy.matmul, types as A; transposed once to N x K")                //
      ("out", value("C.npy"), "where to write C, M x N")                                                        //
      ("bias", value("V.npy"), "shape (N,), int32 or, with floating point, float32: added to every row first")  //
      ("dtype", value("TYPE"), "bf16: uint16 files hold the bits of bfloat16 numbers")                          //
      ("a-zero-point", value("Z"), "integers: zero point of A, in A's type, 0 by default")                      //
      ("b-zero-point", value("Z"), "the same of B; or an .npy file of shape (N,)")                              //
      ("out-dtype", value("TYPE"),
       "C: int32 (default), int8, uint8; of floats fp32 (default), fp16, bf16 (written as uint16)")                 //
      ("scale", value("S.npy"), "to int8, uint8: float32 of shape (1,) or (N,); round(sum * scale), ties to even")  //
      ("multiplier", value("M.npy"),
       "to int8, uint8, with --shift: int32 of shape (1,) or (N,); fixed point, sum * M * 2^(H-31)")               //
      ("shift", value("H.npy"), "int32 of shape (1,) or (N,), -31 to 30, positive is left")                        //
      ("out-zero-point", value("Z"), "to int8, uint8: added after rounding, in C's type, 0 by default")            //
      ("clamp-min", value("X"), "least value of C: an integer of its type, with floating point a number or -inf")  //
      ("clamp-max", value("X"), "greatest value of C, as --clamp-min");
  add_engine_options(options);
  add_board_options(options);
  const po::variables_map values = parse(arguments, options);
  if (values.count("help") != 0) {
    std::cout
        << "Usage: " << program_name()
        << " gemm --a A.npy --b B.npy --out C.npy [OPTIONS]\n\n"
           "C = bias + (A - a_zero_point) * (B - b_zero_point), integers modulo 2^32, floating point in float32 with one "
           "rounding "
           "a step,\nk ascending; then brought to C's type (docs/arithmetic.md). Computed by the engine and checked against "
           "the golden model\nbit by bit; C is written only if every bit agrees.\n\n"
        << options;
    return kOk;
  }

  const std::string a_path = required(values, "a");
  const std::string b_path = required(values, "b");
  const std::string out_path = required(values, "out");
  Report report;
  report.test = "gemm";
  report.repeatable = false;
  report.options = engine_options(values, true);
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
  const std::string dtype = given(values, "dtype").value_or("bf16");
  if (dtype != "bf16")
    throw UserError("unknown --dtype '" + dtype + "' (known: bf16; the files name all other types themselves)");
  job.a_type = operand_type(a_path, a.type, values.count("dtype") != 0);
  job.b_type = operand_type(b_path, b.type, values.count("dtype") != 0);
  const bool floating = golden::is_float(job.a_type);
  if (floating != golden::is_float(job.b_type)) {
    throw UserError("there is no product of " + std::string(golden::name(job.a_type)) + " and " + golden::name(job.b_type) +
                    ": " + a_path + " and " + b_path + " must both be integers or both floating point");
  }
  for (const char *option : {"a-zero-point", "b-zero-point"}) {
    if (floating && given(values, option)) throw UserError("--" + std::string(option) + ": only integers have zero points");
  }
  if (const auto text = given(values, "a-zero-point")) job.a_zp = in_type("a-zero-point", *text, job.a_type);
  if (const auto text = given(values, "b-zero-point")) job.b_zp = b_zero_points(*text, job.b_type, job.n);
  if (const auto path = given(values, "bias")) {
    const npy::Array bias = read_vector("bias", *path, floating ? npy::Type::f4 : npy::Type::i4);
    if (bias.shape[0] != job.n) {
      throw UserError(*path + ": " + std::to_string(bias.shape[0]) + " values, but B has " + std::to_string(job.n) + " columns");
    }
    job.bias = bias.words();
  }
  job.epilogue = epilogue(values, job.a_type, job.n);
  job.a = a.data;
  job.b = transposed(b.data, job.k, job.n, npy::size(b.type));
  b.data.clear();
  report.notes.push_back("B was transposed once, from K x N in the file to N x K in memory");

  std::vector<platform::GemmResult> results;
  platform::RunOptions run;
  if (report.options.is_fpga()) {
    results.push_back(run_on_board(job, report, *meter));
  } else {
    run = run_options(report.options);
    run.ring_entries_log2 = 16;  // a measured job lies entirely in the ring
    report.command = {"gemm"};
    report.command.insert(report.command.end(), arguments.begin(), arguments.end());
    results = simulate(run, jobs, report, *meter);
  }
  platform::GemmResult &result = results.at(0);
  if (result.driver_result != SYSTOLE_OK && result.driver_result != SYSTOLE_ERR_TIMEOUT &&
      !systole_is_device_error(static_cast<systole_result_t>(result.driver_result))) {
    throw UserError("the driver cannot map this product: " + result.driver_message);
  }
  meter->phase("checking");
  report.cases.push_back(check("gemm", job, report.options.config, std::move(result)));
  if (!report.options.is_fpga()) {
    require_predictions(report);
    report.again = again_text(report.command, report);
    note_plant(report);
    diagnose(report.command, run, jobs, report, *meter);
  }
  // All files or none: all bytes lie on the disk before the first gets its name.
  const auto json = prepare_json(report), trace = prepare_trace(report);
  const TimelineFiles timeline = prepare_timeline(report);
  if (report.pass()) {
    npy::OutputFile file(out_path);
    npy::write(file, npy::Array{file_type(job.epilogue.out), {job.m, job.n}, std::move(report.cases.front().result.c)});
    file.commit();
  } else {
    report.notes.push_back(out_path + " was not written");
  }
  if (json) json->commit();
  if (trace) trace->commit();
  timeline.commit();
  meter.reset();
  print_summary(std::cout, report);
  return exit_status(report);
}

}  // namespace systole::tool
