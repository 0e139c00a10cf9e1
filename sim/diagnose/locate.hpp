// SPDX-License-Identifier: Apache-2.0
/// Where data first go wrong inside the machine.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/golden/types.hpp"
#include "sim/platform/config.hpp"
#include "sim/platform/wave_reader.hpp"
#include "sim/timing/timing.hpp"

namespace systole::diagnose {

/// Ports at which data pass from one block to the next, in the order of the data's way.
enum class Port {
  load,         ///< load writes a buffer, an accumulator or a parameter bank
  accumulator,  ///< the array's sum is written into its column's accumulator
  read,         ///< store reads accumulators
  result,       ///< the epilogue hands packed results to the write DMA
  memory,       ///< the write DMA sends beats on AXI
};
inline constexpr unsigned kPorts = 5;

/// The scopes whose signals locate() reads: a wave file of these alone will do.
std::vector<std::string> located_scopes();

/// What a machine did, as far as data are concerned.
struct Run {
  platform::ConfigInfo config;
  std::vector<timing::Record> records;
  std::vector<std::uint8_t> memory;  ///< before the first record
  std::uint64_t memory_base = 0;
  std::uint64_t begin = 0;  ///< cycle of the first doorbell, as the waves count
};

/// The first write, or read, whose data are not those that the model says.
struct Divergence {
  Port port = Port::load;
  std::uint64_t cycle = 0;       ///< as the waves count
  bool missing = false;          ///< it never came; `cycle` is the last one of the waves then
  std::size_t command = 0;       ///< index of the record
  std::string place;             ///< what was written: "word 12 of the activation buffer, byte 5"
  std::string tile;              ///< "tile n 1, k1 0, k0 2, row 5"; "" where there are none
  std::string expected, actual;  ///< value and bits
  std::string bits;              ///< which of them differ: "bit 5"
  std::uint64_t address = 0;     ///< result, memory: of the result, or of the byte, in memory
  std::string stale;             ///< a row that was computed before its operands were there: which of them; "" if not so
  std::string pattern;           ///< of all that is wrong at this port: columns or lanes, and bits
  unsigned lane = 0;             ///< load, memory: byte of the chunk, of the beat; read, result: lane of the epilogue
  unsigned column = 0;           ///< accumulator, read: of the array
  // Port::accumulator: what was written, and the sum after each row of the array as it should be (from the one that enters row 0 on).
  golden::DType sum_type = golden::DType::s32;
  std::uint32_t sum = 0;  ///< as it was written
  std::vector<std::uint32_t> partial_sums;
};

/// What was compared at a port.
struct Tally {
  std::uint64_t compared = 0, wrong = 0;
};

struct Findings {
  std::optional<Divergence> first;  ///< in time; none: all that was compared is right
  std::array<Tally, kPorts> ports;
};

/// Compares what passes the ports, by the wave file, with the functional model: the n-th access of a place must have the n-th value.
/// @throws std::invalid_argument if the waves lack a signal or the model refuses a record
Findings locate(const Run &run, platform::WaveReader &waves);

/// The element of the array's column in which a wrong sum is first seen: its row; none if the sum that enters row 0 is wrong already, or if
/// the waves do not hold the sums between the rows (arrays without floating point keep them in one block).
struct Element {
  bool known = false;
  bool seed_wrong = false;  ///< what enters row 0 is wrong: accumulator read, bias or forwarding
  unsigned row = 0;
  std::uint32_t expected = 0, actual = 0;  ///< the sum that leaves the element
  std::uint64_t cycle = 0;                 ///< in which it does
};
Element find_element(const platform::ConfigInfo &config, const Divergence &divergence, platform::WaveReader &waves);

}  // namespace systole::diagnose
