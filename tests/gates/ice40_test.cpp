// SPDX-License-Identifier: Apache-2.0
// The iCE40 board's netlist, by its pins: products through the array, asked for over the serial line, against a plain loop.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vice40.h"
#include "tb/block/board/line.hpp"

namespace {

int fault_of_next = 0;

}  // namespace

/// Called by the netlist when it is evaluated for the first time (ice40.py --faults).
extern "C" int systole_gates_fault() { return fault_of_next; }

namespace systole::gates {
namespace {

using line::Bytes;

constexpr unsigned kRows = SYSTOLE_ICE40_Rows, kCols = SYSTOLE_ICE40_Cols, kDepth = 1U << SYSTOLE_ICE40_DepthLog2;
constexpr double kClocks = static_cast<double>(SYSTOLE_ICE40_ClkHz) / SYSTOLE_ICE40_Baud;  // a bit
constexpr unsigned kPatience = 4000;                                                       // cycles without an edge on the line
constexpr uint32_t kInfo = 0x1000, kControl = 0x2000, kStimulus = 0x4000, kCapture = 0x8000;

/// The netlist, its clock, and the PC's end of the line.
class Board {
 public:
  /// @param x_seed of the memories' first contents
  /// @param fault the cell whose output is inverted, 0: none
  explicit Board(int x_seed, int fault) {
    context_.randReset(2);
    context_.randSeed(x_seed);
    fault_of_next = fault;
    model_ = std::make_unique<Vice40>(&context_);
    model_->RX = 1;
    model_->BTN_N = 0;
    for (int i = 0; i < 20; ++i) cycle();
    model_->BTN_N = 1;
    for (int i = 0; i < 400; ++i) cycle();
  }
  ~Board() { model_->final(); }

  /// The reply's data.
  /// @throws std::runtime_error on silence, a damaged reply or an error
  Bytes ask(uint8_t op, uint32_t address, unsigned length, const Bytes &data = {}) {
    ++seq_;
    sender_.send(line::slip(line::with_crc(line::request(op, seq_, address, length, data))));
    for (unsigned quiet = 0; quiet < kPatience; ++quiet) {
      if (!sender_.idle()) quiet = 0;
      const std::optional<uint8_t> byte = cycle();
      if (!byte) continue;
      quiet = 0;
      const std::optional<line::Reply> reply = decoder_.feed(*byte);
      if (decoder_.bad != 0 || receiver_.errors != 0) throw std::runtime_error("a damaged reply");
      if (!reply) continue;
      if (reply->op != (op | 0x80) || reply->seq != seq_ || reply->status != line::OK)
        throw std::runtime_error("status " + std::to_string(reply->status) + " at address " + std::to_string(address));
      return reply->data;
    }
    throw std::runtime_error("no answer");
  }
  uint32_t word(uint32_t address) { return words(address, 1).front(); }
  std::vector<uint32_t> words(uint32_t address, unsigned count) {
    const Bytes data = ask(line::REG_READ, address, 4 * count);
    if (data.size() != size_t{4} * count) throw std::runtime_error("a reply of another length");
    std::vector<uint32_t> result(count);
    for (size_t i = 0; i < data.size(); ++i) result[i / 4] |= uint32_t{data[i]} << (8 * (i % 4));
    return result;
  }
  void write(uint32_t address, const std::vector<uint32_t> &words) {
    Bytes data;
    for (const uint32_t word : words) line::append(data, word, 4);
    ask(line::REG_WRITE, address, static_cast<unsigned>(data.size()), data);
  }
  [[nodiscard]] bool red_led() const { return model_->LEDR_N == 0; }

 private:
  std::optional<uint8_t> cycle() {
    model_->RX = sender_.level() ? 1 : 0;
    model_->CLK = 0;
    model_->eval();
    model_->CLK = 1;
    model_->eval();
    return receiver_.sample(model_->TX != 0);
  }

  VerilatedContext context_;
  std::unique_ptr<Vice40> model_;
  line::Sender sender_{kClocks};
  line::Receiver receiver_{kClocks};
  line::Decoder decoder_;
  uint8_t seq_ = 0;
};

unsigned power_of_two(unsigned n) {
  unsigned p = 1;
  while (p < n) p *= 2;
  return p;
}

/// The stimulus of docs/link.md as words, entry after entry.
class Stimulus {
 public:
  explicit Stimulus(unsigned entries) : words_(size_t{entries} * stride()) {}
  /// @param lane activations of row 0 on, then weights of row 0 on
  void lane(unsigned entry, unsigned lane, int first, int second) {
    put(entry, 18 * lane, 9, static_cast<uint32_t>(first) & 0x1FF);
    put(entry, 18 * lane + 9, 9, static_cast<uint32_t>(second) & 0x1FF);
  }
  void push(unsigned entry, unsigned column) { put(entry, 36 * kRows + column, 1, 1); }
  void change(unsigned entry) { put(entry, 36 * kRows + kCols, 1, 1); }
  [[nodiscard]] const std::vector<uint32_t> &words() const { return words_; }

 private:
  static unsigned stride() { return power_of_two((36 * kRows + kCols + 1 + 31) / 32); }
  void put(unsigned entry, unsigned at, unsigned width, uint32_t value) {
    for (unsigned i = 0; i < width; ++i) words_[size_t{entry} * stride() + (at + i) / 32] |= (value >> i & 1) << ((at + i) % 32);
  }
  std::vector<uint32_t> words_;
};

/// C = A·B with A of m rows, values of 9 bits, through the array. "": as a plain loop has it, else the first difference.
std::string product(Board &board, unsigned m, std::mt19937 &random) {
  const auto value = [&random] { return static_cast<int>(random() % 511) - 255; };
  constexpr unsigned kDepthOfProduct = 2 * kRows;
  std::vector<int> a(size_t{m} * kDepthOfProduct), b(size_t{kDepthOfProduct} * kCols);
  for (int &x : a) x = value();
  for (int &x : b) x = value();

  constexpr unsigned kBegin = kCols + kRows;
  const unsigned used = kBegin + m + kRows + kCols + 2;
  if (used > kDepth) throw std::logic_error("too many rows");
  Stimulus stimulus(used);
  for (unsigned t = 0; t < kCols; ++t) {  // the farthest column's weights first, row r a cycle after row r - 1
    const unsigned column = kCols - 1 - t;
    for (unsigned r = 0; r < kRows; ++r)
      stimulus.lane(t + r, kRows + r, b[size_t{2} * r * kCols + column], b[(size_t{2} * r + 1) * kCols + column]);
    for (unsigned c = 0; c < kCols; ++c) stimulus.push(t, c);
  }
  stimulus.change(kBegin);
  for (unsigned i = 0; i < m; ++i)
    for (unsigned r = 0; r < kRows; ++r)
      stimulus.lane(kBegin + i + r, r, a[size_t{i} * kDepthOfProduct + 2 * r], a[size_t{i} * kDepthOfProduct + 2 * r + 1]);

  constexpr unsigned kChunk = line::MAX / 4;
  const std::vector<uint32_t> &words = stimulus.words();
  for (size_t at = 0; at < words.size(); at += kChunk) {
    const size_t end = std::min(words.size(), at + kChunk);
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(at);
    board.write(kStimulus + 4 * static_cast<uint32_t>(at), {begin, begin + static_cast<std::ptrdiff_t>(end - at)});
  }
  board.write(kControl, {1});
  if (board.word(kControl) != 0) return "the run does not end";  // it takes less than the request

  const unsigned stride = power_of_two(kCols);
  std::vector<uint32_t> capture;
  while (capture.size() < size_t{used} * stride) {
    const size_t count = std::min<size_t>(kChunk, size_t{used} * stride - capture.size());
    const std::vector<uint32_t> part =
        board.words(kCapture + 4 * static_cast<uint32_t>(capture.size()), static_cast<unsigned>(count));
    capture.insert(capture.end(), part.begin(), part.end());
  }
  for (unsigned i = 0; i < m; ++i)
    for (unsigned c = 0; c < kCols; ++c) {
      int32_t sum = 0;
      for (unsigned k = 0; k < kDepthOfProduct; ++k) sum += a[size_t{i} * kDepthOfProduct + k] * b[size_t{k} * kCols + c];
      const auto got = static_cast<int32_t>(capture[size_t{kBegin + i + 2 + c + kRows} * stride + c]);
      if (got != sum)
        return "row " + std::to_string(i) + ", column " + std::to_string(c) + ": " + std::to_string(got) + " instead of " +
               std::to_string(sum);
    }
  return {};
}

TEST(Ice40GatesTest, SaysWhatItIs) {
  Board board(1, 0);
  const std::vector<uint32_t> info = board.words(kInfo, 9);
  EXPECT_EQ(info, (std::vector<uint32_t>{0x53595342, 1, SYSTOLE_ICE40_BoardId, SYSTOLE_ICE40_ClkHz, SYSTOLE_ICE40_Baud, 0, 1,
                                         line::MAX, kRows | kCols << 8 | SYSTOLE_ICE40_DepthLog2 << 16}));
  EXPECT_FALSE(board.red_led());
  EXPECT_THROW(board.word(0x3000), std::runtime_error);
  EXPECT_TRUE(board.red_led());
}

TEST(Ice40GatesTest, MultipliesAsAPlainLoop) {
  std::mt19937 random(7);
  for (int x_seed = 1; x_seed <= 2; ++x_seed) {
    Board board(x_seed, 0);
    for (unsigned m = 40; m > 1; m /= 3) EXPECT_EQ(product(board, m, random), "");
    EXPECT_FALSE(board.red_led());
  }
}

/// Every multiplier counts; of LUTs that a product does not need, some stay unnoticed.
TEST(Ice40GatesTest, PlantedFaultsAreSeen) {
  unsigned unseen = 0;
  for (int fault = 0; fault <= SYSTOLE_ICE40_FAULTS; ++fault) {
    std::string report;
    try {
      Board board(1, fault);
      std::mt19937 random(3);
      report = product(board, 6, random);
    } catch (const std::runtime_error &error) {
      report = error.what();
    }
    if (fault == 0) {
      ASSERT_EQ(report, "") << "without a fault";
      continue;
    }
    std::cout << "fault " << fault << ": " << (report.empty() ? "not seen" : report) << '\n';
    if (report.empty()) ++unseen;
    if (fault <= SYSTOLE_ICE40_FAULTS / 2) {
      EXPECT_NE(report, "") << "multiplier " << fault;
    }
  }
  EXPECT_LE(unseen, SYSTOLE_ICE40_FAULTS / 4);
}

}  // namespace
}  // namespace systole::gates
