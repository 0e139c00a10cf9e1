// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/selftest.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "firmware/include/systole_regs.h"
#include "sim/fpga/engine.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::fpga {

namespace {

using link::Bytes;
using link::Client;
using link::Op;
using link::Status;

/// A part of the test found something wrong.
struct Wrong {
  std::string what;
};

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", value);
  return text;
}

std::uint32_t bits_of(std::uint32_t size) {
  std::uint32_t bits = 0;
  while (bits < 31 && (1u << bits) < size) ++bits;
  return bits;
}

Bytes random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (std::uint8_t &byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

void compare(std::uint32_t address, const Bytes &expected, const Bytes &actual) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == actual[i]) continue;
    throw Wrong{"address " + hex(address + static_cast<std::uint32_t>(i)) + " holds " + hex(actual[i]) + ", expected " +
                hex(expected[i])};
  }
}

Bytes read(Client &client, std::uint32_t address, std::size_t size) {
  Bytes out(size);
  client.read_memory(address, out.data(), size);
  return out;
}

void write(Client &client, std::uint32_t address, const Bytes &data) { client.write_memory(address, data.data(), data.size()); }

std::string registers(Client &client) {
  // An accelerator that somebody left in the middle of something would refuse.
  client.write_register(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK);
  for (unsigned polls = 0; (client.read_register(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0; ++polls) {
    if (polls == 1000) throw Wrong{"the soft reset does not end"};
  }
  unsigned tried = 0;
  const auto holds = [&](std::uint32_t offset, std::uint32_t mask, std::uint32_t value) {
    client.write_register(offset, value);
    const std::uint32_t got = client.read_register(offset);
    ++tried;
    if ((got & mask) != (value & mask))
      throw Wrong{"register " + hex(offset) + " reads " + hex(got) + " after " + hex(value) + " was written"};
  };
  for (const std::uint32_t value : {0x55555555u, 0xAAAAAAAAu, 0xFFFFFFFFu, 0x01234567u, 0u}) {
    holds(SYSTOLE_REG_WATCHDOG, 0xFFFFFFFF, value);
    holds(SYSTOLE_REG_RING_BASE_LO, 0xFFFFFFC0, value);
  }
  const std::uint32_t id = client.read_register(SYSTOLE_REG_ID);
  client.write_register(SYSTOLE_REG_ID, ~id);
  if (client.read_register(SYSTOLE_REG_ID) != id) throw Wrong{"the ID register can be written"};
  return std::to_string(tried) + " values written and read back";
}

/// Requests that the board must refuse. `memory`: bytes of it.
std::string refusals(Client &client, std::uint32_t memory) {
  const auto expect = [&](const char *what, Status expected, std::uint8_t op, std::uint32_t address, std::uint16_t length) {
    const Bytes data(op == static_cast<std::uint8_t>(Op::mem_write) || op == static_cast<std::uint8_t>(Op::reg_write) ? length
                                                                                                                      : 0);
    const Status status = client.ask(op, address, length, data);
    if (status != expected)
      throw Wrong{std::string(what) + " is answered " + link::name(status) + ", expected " + link::name(expected)};
  };
  const auto code = [](Op op) { return static_cast<std::uint8_t>(op); };
  expect("an unknown request", Status::bad_op, 0x55, 0, 0);
  expect("a register read of 2 bytes", Status::bad_length, code(Op::reg_read), 0, 2);
  expect("a memory read of nothing", Status::bad_length, code(Op::mem_read), 0, 0);
  expect("a memory read of 1025 bytes", Status::bad_length, code(Op::mem_read), 0, 1025);
  expect("a register far above all", Status::decerr, code(Op::reg_read), 0xFFFFF000, 4);
  expect("a write to the board's information", Status::slverr, code(Op::reg_write), link::kInfoBase, 4);
  if (memory != 0) {
    expect("a read beyond the memory", Status::decerr, code(Op::mem_read), memory, 1);
    expect("a write across the memory's end", Status::decerr, code(Op::mem_write), memory - 2, 4);
  }
  return memory != 0 ? "8 bad requests refused" : "6 bad requests refused";
}

std::string addresses(Client &client, std::uint32_t memory) {
  const std::uint32_t bits = bits_of(memory);
  const auto value = [](std::uint32_t bit) { return Bytes{static_cast<std::uint8_t>(0xA0 + bit)}; };
  std::vector<std::uint32_t> where = {0};
  for (std::uint32_t bit = 0; bit < bits; ++bit) {
    if ((1u << bit) < memory) where.push_back(1u << bit);
  }
  // Downwards: a bit that does not count lets a later write hit an earlier place.
  for (std::uint32_t i = static_cast<std::uint32_t>(where.size()); i-- > 0;) write(client, where[i], value(i));
  for (std::uint32_t i = 0; i < where.size(); ++i) compare(where[i], value(i), read(client, where[i], 1));
  for (std::uint32_t i = 0; i < where.size(); ++i) write(client, where[i], value(i));
  for (std::uint32_t i = 0; i < where.size(); ++i) compare(where[i], value(i), read(client, where[i], 1));
  return std::to_string(bits) + " address bits";
}

std::string patterns(Client &client, std::uint32_t memory) {
  const std::uint32_t size = std::min<std::uint32_t>(1024, memory);
  Bytes data = random_bytes(size, 1);
  for (unsigned round = 0; round < 2; ++round) {
    for (const std::uint32_t at : {0u, (memory - size) / 2 | 1u, memory - size}) {
      const std::uint32_t address = std::min(at, memory - size);
      write(client, address, data);
      compare(address, data, read(client, address, size));
    }
    for (std::uint8_t &byte : data) byte = static_cast<std::uint8_t>(~byte);
  }
  return "3 places of " + std::to_string(size) + " random bytes and their complement";
}

std::string strobes(Client &client) {
  constexpr std::size_t kSize = 64;
  Bytes expected = random_bytes(kSize, 2);
  write(client, 0, expected);
  std::size_t writes = 0;
  const auto put = [&](std::size_t at, std::size_t size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = expected[at + i] = static_cast<std::uint8_t>(~expected[at + i]);
    write(client, static_cast<std::uint32_t>(at), data);
    compare(0, expected, read(client, 0, kSize));
    ++writes;
  };
  for (std::size_t at = 0; at < 16; ++at) put(at, 1);
  for (const auto &[at, size] : {std::pair<std::size_t, std::size_t>{7, 2}, {1, 6}, {5, 23}, {31, 33}, {3, 61}}) put(at, size);
  return std::to_string(writes) + " writes of 1 to 61 bytes at odd addresses";
}

/// A small product with tails in all dimensions, against the golden model.
std::string product(Client &client, const Board &board, golden::DType type) {
  platform::GemmJob job;
  job.m = board.config.cols + 3;
  job.n = board.config.cols + 1;
  job.k = 4 * board.config.rows + 1;
  job.a_type = job.b_type = type;
  const std::size_t element = golden::size(type);
  job.a = random_bytes(job.m * job.k * element, 3);
  job.b = random_bytes(job.n * job.k * element, 4);
  if (golden::is_float(type)) {
    // Numbers about 1: random bits would end in infinities and NaNs soon.
    for (Bytes *matrix : {&job.a, &job.b}) {
      for (std::size_t i = 1; i < matrix->size(); i += 2) (*matrix)[i] = static_cast<std::uint8_t>(((*matrix)[i] & 0x83) | 0x38);
    }
    job.epilogue.out = golden::DType::fp32;
  } else {
    job.a_zp = 3;
    job.b_zp = {-5};
  }
  EngineOptions options;
  options.fill_results = true;
  Engine engine(client, board);
  const platform::GemmResult result = engine.run(job, options);
  if (result.driver_result != 0) throw Wrong{result.driver_message};
  const std::vector<std::uint8_t> expected = platform::golden_result(job);
  if (result.c.size() != expected.size()) throw Wrong{"the result is incomplete"};
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.size(); i += 4) wrong += std::equal(&expected[i], &expected[i] + 4, &result.c[i]) ? 0 : 1;
  const std::size_t values = expected.size() / 4;
  if (wrong != 0) throw Wrong{std::to_string(wrong) + " of " + std::to_string(values) + " values are wrong"};
  const std::uint64_t macs = std::uint64_t{job.m} * job.n * job.k;
  const auto counted = result.counters.find("macs");
  if (counted == result.counters.end() || counted->second != macs)
    throw Wrong{"the values are right, but the counter of multiply-accumulates is not " + std::to_string(macs)};
  return std::to_string(job.m) + "x" + std::to_string(job.n) + "x" + std::to_string(job.k) + ", " + std::to_string(values) +
         " values equal the golden model, " + std::to_string(result.cycles) + " cycles";
}

template <typename Part>
void run(std::vector<TestResult> &results, const std::function<void(const std::string &)> &next, const std::string &name,
         const Part &part) {
  if (next) next(name);
  TestResult result;
  result.name = name;
  try {
    result.detail = part();
    result.pass = true;
  } catch (const Wrong &wrong) {
    result.detail = wrong.what;
  } catch (const link::BoardError &error) {
    result.detail = error.what();
  } catch (const ResetError &error) {
    result.detail = error.what();
  } catch (const StallError &error) {
    result.detail = error.what();
  }
  results.push_back(result);
}

// --- the array bench -------------------------------------------------------------------------------------------------------

constexpr std::uint32_t kControl = 0x2000, kStimulus = 0x4000, kCapture = 0x8000;
constexpr unsigned kOperandBits = 9;

/// The whole input of the array in one cycle, as the words of a stimulus entry.
class Stimulus {
 public:
  Stimulus(unsigned rows, unsigned cols) : rows_(rows), cols_(cols), words_((36 * rows + cols + 1 + 31) / 32) {}

  void activation(unsigned row, int first, int second) { lane(2 * kOperandBits * row, first, second); }
  void weight(unsigned row, int first, int second) { lane(2 * kOperandBits * (rows_ + row), first, second); }
  void push_all() { put(4 * kOperandBits * rows_, (std::uint64_t{1} << cols_) - 1, cols_); }
  void switch_weights() { put(4 * kOperandBits * rows_ + cols_, 1, 1); }

  const std::vector<std::uint32_t> &words() const { return words_; }

 private:
  void lane(unsigned at, int first, int second) {
    put(at, static_cast<std::uint32_t>(first), kOperandBits);
    put(at + kOperandBits, static_cast<std::uint32_t>(second), kOperandBits);
  }
  void put(unsigned at, std::uint64_t value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i) {
      if ((value >> i & 1) != 0) words_[(at + i) / 32] |= 1u << ((at + i) % 32);
    }
  }
  const unsigned rows_, cols_;
  std::vector<std::uint32_t> words_;
};

std::uint32_t power_of_two(std::uint32_t least) {
  std::uint32_t out = 1;
  while (out < least) out *= 2;
  return out;
}

/// A[M x 2*Rows] * B[2*Rows x Cols]: weights pushed in, then an activation row a cycle, each row of the array a cycle behind the one
/// above; column c of result m is on the array's outputs 2 + c + Rows cycles after its activations (rtl/compute/systole_array.sv).
std::string array_product(Client &client, std::uint32_t seed) {
  const std::uint32_t array = client.info().array;
  const unsigned rows = array & 0xFF, cols = array >> 8 & 0xFF, depth_log2 = array >> 16 & 0xFF;
  if (rows == 0 || cols == 0 || cols > 64 || depth_log2 < 4 || depth_log2 > 12)
    throw Wrong{"the size of the array makes no sense: " + hex(array)};
  const unsigned depth = 1u << depth_log2, first = cols, overhead = 2 * cols + rows + 2;
  if (depth <= overhead) throw Wrong{"the stimulus memory is too short for a product"};
  const unsigned m = std::min(depth - overhead, 64u);
  std::mt19937 random(seed);
  const auto operand = [&random] { return static_cast<int>(random() % 512) - 256; };
  std::vector<int> a(m * 2 * rows), b(cols * 2 * rows);
  for (int &value : a) value = operand();
  for (int &value : b) value = operand();

  std::vector<Stimulus> program(depth, Stimulus(rows, cols));
  for (unsigned c = 0; c < cols; ++c) {
    program[c].push_all();
    for (unsigned r = 0; r < rows; ++r) {
      const int *const pair = &b[(cols - 1 - c) * 2 * rows + 2 * r];
      program[c + r].weight(r, pair[0], pair[1]);
    }
  }
  program[first].switch_weights();
  for (unsigned i = 0; i < m; ++i) {
    for (unsigned r = 0; r < rows; ++r)
      program[first + i + r].activation(r, a[i * 2 * rows + 2 * r], a[i * 2 * rows + 2 * r + 1]);
  }
  const std::uint32_t stride = 4 * power_of_two(static_cast<std::uint32_t>(program[0].words().size()));
  for (unsigned i = 0; i < depth; ++i) client.write_registers(kStimulus + stride * i, program[i].words());
  client.write_register(kControl, 1);
  for (unsigned polls = 0; (client.read_register(kControl) & 1) != 0; ++polls) {
    if (polls == 1000) throw Wrong{"the bench stays busy"};
  }
  const std::uint32_t capture = power_of_two(cols);
  const std::vector<std::uint32_t> outputs = client.read_registers(kCapture, std::size_t{capture} * depth);
  for (unsigned i = 0; i < m; ++i) {
    for (unsigned c = 0; c < cols; ++c) {
      std::int64_t sum = 0;
      for (unsigned k = 0; k < 2 * rows; ++k) sum += std::int64_t{a[i * 2 * rows + k]} * b[c * 2 * rows + k];
      const std::uint32_t got = outputs[(first + i + 2 + c + rows) * capture + c];
      if (got != static_cast<std::uint32_t>(sum)) {
        throw Wrong{"C[" + std::to_string(i) + "][" + std::to_string(c) + "] is " +
                    std::to_string(static_cast<std::int32_t>(got)) + ", expected " + std::to_string(sum)};
      }
    }
  }
  return std::to_string(m) + "x" + std::to_string(cols) + "x" + std::to_string(2 * rows) + " at a row a cycle, every sum right";
}

}  // namespace

std::vector<TestResult> self_test(Client &client, const Board &board, const std::function<void(const std::string &)> &next) {
  const std::uint32_t memory = board.info.memory_bytes;
  std::vector<TestResult> out;
  run(out, next, "registers", [&] { return registers(client); });
  run(out, next, "refusals", [&] { return refusals(client, memory); });
  run(out, next, "memory addresses", [&] { return addresses(client, memory); });
  run(out, next, "memory data", [&] { return patterns(client, memory); });
  run(out, next, "memory byte writes", [&] { return strobes(client); });
  run(out, next, "int8 product", [&] { return product(client, board, golden::DType::s8); });
  if (board.config.fp) run(out, next, "fp16 product", [&] { return product(client, board, golden::DType::fp16); });
  return out;
}

std::vector<TestResult> bench_test(Client &client, const std::function<void(const std::string &)> &next) {
  std::vector<TestResult> out;
  run(out, next, "refusals", [&] { return refusals(client, 0); });
  run(out, next, "array product", [&] { return array_product(client, 5); });
  run(out, next, "second array product", [&] { return array_product(client, 6); });
  return out;
}

}  // namespace systole::fpga
