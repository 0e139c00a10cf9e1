// SPDX-License-Identifier: Apache-2.0
/// What a product will cost, without its data: the driver's plan and records, and the timing model's prediction.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "sim/golden/types.hpp"
#include "sim/platform/gemm.hpp"
#include "sim/record/record.hpp"
#include "sim/timing/timing.hpp"

namespace systole::tool {

/// A product without data.
struct Shape {
  std::uint32_t m = 1, n = 1, k = 1;
};

/// What the products of a forecast have in common.
struct ForecastOptions {
  platform::ConfigInfo config;
  platform::MemoryTiming timing;
  std::optional<std::uint64_t> layout_seed;
  golden::DType a_type = golden::DType::s8, b_type = golden::DType::s8, out = golden::DType::s32;
  bool bias = false;        ///< a bias is added
  bool per_column = false;  ///< 8-bit results: a scale for each column, else one for all
};

struct Forecast {
  Shape shape;
  systole_gemm_plan_t plan{};
  std::uint64_t commands = 0, loads = 0, matmuls = 0, stores = 0;  ///< records, all and by kind
  timing::Program program;
  timing::Prediction prediction;
  std::uint64_t macs = 0;
  unsigned peak = 1;                  ///< MACs a cycle
  std::uint64_t read = 0, write = 0;  ///< bytes that must go over the memory's port at least: every operand once
  unsigned bytes_per_cycle = 1;       ///< of the port and the memory, a direction
  double driver_s = 0, model_s = 0;   ///< that planning and writing the records took, and the timing model

  std::uint64_t cycles() const { return prediction.complete; }
  /// Least cycles by the array and by the port, and the greater of the two: the roofline.
  double mac_cycles() const { return static_cast<double>(macs) / peak; }
  double read_cycles() const { return static_cast<double>(read) / bytes_per_cycle; }
  double write_cycles() const { return static_cast<double>(write) / bytes_per_cycle; }
  double roofline_cycles() const;
  double utilisation() const { return mac_cycles() / static_cast<double>(cycles()); }
  double efficiency() const { return roofline_cycles() / static_cast<double>(cycles()); }
};

/// Forecasts a product with the addresses that run_gemm gives it.
/// @throws UserError if the machine or the driver cannot do it, or if it takes more than kMostCommands records
Forecast forecast(const ForecastOptions &options, const Shape &shape, record::Recorder &recorder);

/// Records of a product that can be forecast; they are all held in memory.
constexpr std::uint32_t kMostCommands = 1u << 22;

/// Records that the ring holds: a product of more is announced by several doorbells, here without waiting for the processor.
constexpr std::uint32_t kRingCommands = 1u << 16;

/// The products of a CSV file with a header that has the columns m, n and k; other columns are ignored. Plain numbers, no quotes;
/// the file may begin with a byte order mark.
/// @throws UserError naming file and line
std::vector<Shape> read_shapes(const std::string &path);

/// All about one product, on one screen.
void print_forecast(std::ostream &out, const ForecastOptions &options, const Forecast &forecast);
/// A table with a line for each product.
void print_forecasts(std::ostream &out, const ForecastOptions &options, const std::vector<Forecast> &forecasts);

/// The report as docs/tool.md has it.
std::string to_json(const ForecastOptions &options, const std::vector<Forecast> &forecasts);

}  // namespace systole::tool
