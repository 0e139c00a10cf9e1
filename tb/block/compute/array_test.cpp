// SPDX-License-Identifier: Apache-2.0
// The systolic array alone, fed with the skew of its edges: results, the cycles of a square product (3n-1 with int8 elements),
// and the L cycles that a sum takes through each row.
#include <Varray_16.h>
#include <Varray_32.h>
#include <Varray_4.h>
#include <Varray_4_fp2.h>
#include <Varray_4_fp3.h>
#include <Varray_4_fp4.h>
#include <Varray_4_fp7.h>
#include <Varray_4_fp7_m.h>
#include <Varray_4_m.h>
#include <Varray_8.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

double sc_time_stamp() { return 0; }

namespace {

void set_bits(uint32_t *words, int at, int width, uint32_t value) {
  for (int i = 0; i < width; i++) {
    const int bit = at + i;
    words[bit / 32] = (words[bit / 32] & ~(1u << (bit % 32))) | (((value >> i) & 1u) << (bit % 32));
  }
}

struct Timing {
  int cycles;   // from a[0][0] at its multiplier to the last element's sum, inclusive
  int missing;  // elements of the product that never came out
};

/// Bits of a lane and of its first operand (the second has nine): docs of systole_edge. L = 1 stands for no floating point.
constexpr int lane_bits(int latency) { return latency == 1 ? 18 : 32; }
constexpr int first_bits(int latency) { return latency == 1 ? 9 : 12; }

/// C = A*B with M = N = n over n lanes (K = 2n), operands 9 bits signed, through one weight tile.
template <class Dut, int L>
Timing square_product(int n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  auto operand = [&] { return int(rng() % 511) - 255; };
  std::vector<int> a(n * 2 * n), b(2 * n * n);
  for (auto &v : a) v = operand();
  for (auto &v : b) v = operand();

  Dut dut;
  const int lane = lane_bits(L), pushes = n;
  int first_product = -1;
  std::vector<int32_t> product(n * n, 0);
  std::vector<int> seen(n * n, -1);  // the first cycle in which psum_o shows the element
  for (int m = 0; m < n; m++) {
    for (int c = 0; c < n; c++) {
      for (int k = 0; k < 2 * n; k++) product[m * n + c] += a[m * 2 * n + k] * b[k * n + c];
    }
  }
  // Row r of a lane stream presented at cycle t + L*r; weights at t = 0 … n-1, activations from t = n on.
  for (int t = 0; t < (L + 5) * n + 8; t++) {
    auto *act = reinterpret_cast<uint32_t *>(&dut.act_i), *wgt = reinterpret_cast<uint32_t *>(&dut.wgt_i);
    for (int r = 0; r < n; r++) {
      const int push = t - L * r, m = t - L * r - pushes;
      for (int i = 0; i < 2; i++) {
        const int k = 2 * r + i;
        const int at = r * lane + i * first_bits(L), width = i == 0 ? first_bits(L) : 9;
        set_bits(wgt, at, width, push >= 0 && push < n ? b[k * n + (n - 1 - push)] : 0x155);
        set_bits(act, at, width, m >= 0 && m < n ? a[m * 2 * n + k] : 0xaa);
      }
    }
    dut.push_i = t < pushes ? (uint32_t)((uint64_t(2) << t) - 1) : 0;
    dut.switch_i = t == pushes;
    for (int c = 0; c < n; c++) reinterpret_cast<uint32_t *>(&dut.psum_i)[c] = 0;
    dut.clk_i = 0;
    dut.eval();
    for (int c = 0; c < n; c++) {
      const auto got = int32_t(reinterpret_cast<uint32_t *>(&dut.psum_o)[c]);
      for (int m = 0; m < n; m++) {
        if (seen[m * n + c] < 0 && got == product[m * n + c]) seen[m * n + c] = t;
      }
    }
    if (t == pushes) first_product = t + 1;  // a[0][0] is presented now and multiplied in the next cycle
    dut.clk_i = 1;
    dut.eval();
  }
  // psum_o is a register: what it shows at t was added by the last row's element at t - 1.
  const int last_sum = *std::max_element(seen.begin(), seen.end()) - 1;
  return {last_sum - first_product + 1, int(std::count(seen.begin(), seen.end(), -1))};
}

/// Cycles from the first multiplication to the last sum. A product has a cycle of its own before the L of its row.
constexpr int formula(int n, int latency) { return (latency + 2) * (n - 1) + latency + 1; }

template <class Dut, int L = 1>
void check(int n, int multiplier = 0) {
  for (uint64_t seed = 1; seed <= 5; seed++) {
    const Timing timing = square_product<Dut, L>(n, seed);
    EXPECT_EQ(timing.missing, 0);
    EXPECT_EQ(timing.cycles, formula(n, L) + multiplier);
    if (seed > 1) continue;
    std::printf("%dx%d array, L = %d: %d cycles for M = N = %d, K = %d\n", n, n, L, timing.cycles, n, 2 * n);
  }
}

TEST(ArrayTest, SquareProductTakes3nMinus1CyclesN4) { check<Varray_4>(4); }
TEST(ArrayTest, SquareProductTakes3nMinus1CyclesN8) { check<Varray_8>(8); }
TEST(ArrayTest, SquareProductTakes3nMinus1CyclesN16) { check<Varray_16>(16); }
TEST(ArrayTest, SquareProductTakes3nMinus1CyclesN32) { check<Varray_32>(32); }

// They lie behind the skew of the edges, so that they count once.
TEST(ArrayTest, RegistersInTheMultipliersTakeOneCycleAndTwoWithFloatingPoint) {
  check<Varray_4_m>(4, 1);
  check<Varray_4_fp7_m, 7>(4, 2);
}

TEST(ArrayTest, SquareProductTakesItsFormulaWithElementsOfSeveralCycles) {
  check<Varray_4_fp2, 2>(4);
  check<Varray_4_fp3, 3>(4);
  check<Varray_4_fp4, 4>(4);
  check<Varray_4_fp7, 7>(4);
}

/// Sums that meet only zeros (`is_float`: elements that pass) come out unchanged, L cycles a row later, never earlier.
template <class Dut, int L>
void check_fall(int n, bool is_float) {
  std::mt19937_64 rng(7);
  Dut dut;
  const int lane = lane_bits(L), depth = L * n;
  std::vector<std::vector<uint32_t>> in;
  for (int t = 0; t < 20 * depth; t++) {
    auto *act = reinterpret_cast<uint32_t *>(&dut.act_i), *wgt = reinterpret_cast<uint32_t *>(&dut.wgt_i);
    for (int r = 0; r < n; r++) {
      set_bits(act, r * lane, lane, is_float ? 0x800000 | 0x17F << 12 | 0x400 : uint32_t(rng()) & 0x0FF0FF);
      set_bits(wgt, r * lane, lane, is_float ? 0x800000 : 0);
    }
    dut.push_i = (1 << n) - 1;
    dut.switch_i = 1;
    in.emplace_back(n);
    for (int c = 0; c < n; c++) {
      in[t][c] = is_float ? uint32_t(rng()) & 0xBFFFFFFF : uint32_t(rng());  // no NaN, which would become the canonical one
      reinterpret_cast<uint32_t *>(&dut.psum_i)[c] = in[t][c];
    }
    dut.clk_i = 0;
    dut.eval();
    for (int c = 0; c < n; c++) {
      // Once the zeros are everywhere.
      if (t >= 6 * depth) EXPECT_EQ(reinterpret_cast<uint32_t *>(&dut.psum_o)[c], in[t - depth][c]) << "cycle " << t;
    }
    dut.clk_i = 1;
    dut.eval();
  }
}

TEST(ArrayTest, SumsFallOneRowEveryLCycles) {
  check_fall<Varray_4, 1>(4, false);
  for (const bool is_float : {false, true}) {
    check_fall<Varray_4_fp2, 2>(4, is_float);
    check_fall<Varray_4_fp3, 3>(4, is_float);
    check_fall<Varray_4_fp4, 4>(4, is_float);
    check_fall<Varray_4_fp7, 7>(4, is_float);
  }
}

}  // namespace
