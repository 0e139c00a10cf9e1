// SPDX-License-Identifier: Apache-2.0
// systole_array_bench: products of int8 matrices by the recipe of docs/link.md, against a plain loop.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "Varray_bench_2x4.h"
#include "Varray_bench_4x4.h"

namespace {

template <typename Model, unsigned ROWS, unsigned COLS, unsigned DEPTH>
class Bench {
 public:
  Bench() {
    model.rst_ni = 0;
    model.req_valid_i = 0;
    for (int i = 0; i < 4; ++i) clock();
    model.rst_ni = 1;
    clock();
  }
  unsigned access(bool write, uint32_t address, uint32_t data = 0) {
    model.req_valid_i = 1;
    model.req_write_i = write;
    model.req_addr_i = static_cast<uint16_t>(address);
    model.req_wdata_i = data;
    for (int i = 0; i < 10; ++i) {
      clock();
      if (model.rsp_valid_o) {
        value = model.rsp_rdata_o;
        const unsigned resp = model.rsp_resp_o;
        model.req_valid_i = 0;
        clock();
        return resp;
      }
    }
    ADD_FAILURE() << "no response";
    return 9;
  }
  void clock() {
    model.clk_i = 0;
    model.eval();
    model.clk_i = 1;
    model.eval();
  }
  void run() {
    EXPECT_EQ(access(true, 0x2000, 1), 0U);
    EXPECT_EQ(access(false, 0x2000), 0U);
    EXPECT_EQ(value, 1U) << "busy";
    for (unsigned i = 0; i < DEPTH + 10; ++i) clock();
    EXPECT_EQ(access(false, 0x2000), 0U);
    EXPECT_EQ(value, 0U);
  }
  Model model;
  uint32_t value = 0;
};

/// One cycle of the array's inputs, as bits.
template <unsigned ROWS, unsigned COLS>
struct Entry {
  static constexpr unsigned BITS = 36 * ROWS + COLS + 1, WORDS = (BITS + 31) / 32;
  std::vector<uint32_t> words = std::vector<uint32_t>(WORDS);
  void put(unsigned at, unsigned width, uint32_t value) {
    for (unsigned i = 0; i < width; ++i) words[(at + i) / 32] |= (value >> i & 1) << ((at + i) % 32);
  }
  void lane(unsigned lane, int first, int second) {
    put(18 * lane, 9, static_cast<uint32_t>(first) & 0x1FF);
    put(18 * lane + 9, 9, static_cast<uint32_t>(second) & 0x1FF);
  }
  void act(unsigned row, int first, int second) { lane(row, first, second); }
  void wgt(unsigned row, int first, int second) { lane(ROWS + row, first, second); }
  void push(unsigned col) { put(36 * ROWS + col, 1, 1); }
  void change() { put(36 * ROWS + COLS, 1, 1); }
};

constexpr unsigned power(unsigned n) {
  unsigned p = 1;
  while (p < n) p *= 2;
  return p;
}

template <typename Model, unsigned ROWS, unsigned COLS, unsigned DEPTH>
void product(Bench<Model, ROWS, COLS, DEPTH> &bench, unsigned seed) {
  using E = Entry<ROWS, COLS>;
  std::mt19937 random(seed);
  const unsigned m = DEPTH - 4 * ROWS - 3 * COLS - 8;  // rows of A that a run has room for
  const auto value = [&] { return static_cast<int>(random() % 511) - 255; };
  std::vector<int> a(size_t{m} * 2 * ROWS), b(size_t{2} * ROWS * COLS);
  for (auto &x : a) x = value();
  for (auto &x : b) x = value();

  std::vector<E> entries(DEPTH);
  // Weights enter at the left, the farthest column first; row r a cycle after row r - 1. Column c's shadow takes the last but c of them.
  for (unsigned t = 0; t < COLS; ++t) {
    const unsigned column = COLS - 1 - t;
    for (unsigned r = 0; r < ROWS; ++r) entries[t + r].wgt(r, b[(2 * r) * COLS + column], b[(2 * r + 1) * COLS + column]);
    for (unsigned c = 0; c < COLS; ++c) entries[t].push(c);
  }
  const unsigned begin = COLS + ROWS;
  entries[begin].change();
  for (unsigned i = 0; i < m; ++i) {
    for (unsigned r = 0; r < ROWS; ++r) entries[begin + i + r].act(r, a[i * 2 * ROWS + 2 * r], a[i * 2 * ROWS + 2 * r + 1]);
  }
  for (unsigned e = 0; e < DEPTH; ++e) {
    for (unsigned w = 0; w < E::WORDS; ++w)
      ASSERT_EQ(bench.access(true, 0x4000 + 4 * (e * power(E::WORDS) + w), entries[e].words[w]), 0U);
  }
  bench.run();
  for (unsigned i = 0; i < m; ++i) {
    for (unsigned c = 0; c < COLS; ++c) {
      int32_t sum = 0;
      for (unsigned k = 0; k < 2 * ROWS; ++k) sum += a[i * 2 * ROWS + k] * b[k * COLS + c];
      ASSERT_EQ(bench.access(false, 0x8000 + 4 * ((begin + i + 2 + c + ROWS) * power(COLS) + c)), 0U);
      ASSERT_EQ(static_cast<int32_t>(bench.value), sum) << "row " << i << ", column " << c;
    }
  }
}

TEST(ArrayBenchTest, MultipliesOn2x4) {
  Bench<Varray_bench_2x4, 2, 4, 64> bench;
  for (unsigned seed = 1; seed < 8; ++seed) product(bench, seed);
}

TEST(ArrayBenchTest, MultipliesOn4x4) {
  Bench<Varray_bench_4x4, 4, 4, 256> bench;
  for (unsigned seed = 1; seed < 8; ++seed) product(bench, seed);
}

TEST(ArrayBenchTest, ARepeatedRunGivesTheSame) {
  Bench<Varray_bench_2x4, 2, 4, 64> bench;
  product(bench, 1);
  const auto capture = [&] {
    std::vector<uint32_t> words;
    for (unsigned i = 14; i < 64 * 4; ++i) {  // what lies before is the array's past
      bench.access(false, 0x8000 + 4 * i);
      if (i / 4 > 10) words.push_back(bench.value);
    }
    return words;
  };
  const auto before = capture();
  bench.run();
  EXPECT_EQ(before, capture());
}

TEST(ArrayBenchTest, AnswersEveryAddress) {
  Bench<Varray_bench_2x4, 2, 4, 64> bench;
  EXPECT_EQ(bench.access(false, 0x0000), 3U);
  EXPECT_EQ(bench.access(true, 0x1100), 3U);
  EXPECT_EQ(bench.access(true, 0x2004), 3U);
  EXPECT_EQ(bench.access(false, 0x3ffc), 3U);
  EXPECT_EQ(bench.access(false, 0x4000), 2U);
  EXPECT_EQ(bench.access(true, 0x4000), 0U);
  EXPECT_EQ(bench.access(true, 0x7ffc), 0U);
  EXPECT_EQ(bench.access(true, 0x8000), 2U);
  EXPECT_EQ(bench.access(false, 0xfffc), 0U);
  EXPECT_EQ(bench.access(true, 0x2000, 0), 0U);  // starts nothing
  EXPECT_EQ(bench.access(false, 0x2000), 0U);
  EXPECT_EQ(bench.value, 0U);
}

}  // namespace
