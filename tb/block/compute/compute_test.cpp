// SPDX-License-Identifier: Apache-2.0
// The compute engine alone: random MATMULs against the contract's loop, and the cycles that docs/architecture.md promises.
#include "tb/block/compute/compute_bench.hpp"

#include <Vcompute_2x8.h>
#include <Vcompute_2x8_fp4.h>
#include <Vcompute_2x8_fp5.h>
#include <Vcompute_2x8_m.h>
#include <Vcompute_4x4.h>
#include <Vcompute_4x4_fp2.h>
#include <Vcompute_4x4_fp3.h>
#include <Vcompute_4x4_fp4.h>
#include <Vcompute_4x4_fp7.h>
#include <Vcompute_4x4_fp7_m.h>
#include <Vcompute_8x2.h>
#include <Vcompute_8x2_fp4.h>
#include <gtest/gtest.h>
#include <cstdlib>
#include <string>

double sc_time_stamp() { return 0; }

namespace systole::tb {
namespace {

template <class Dut, int R, int C, int Latency = 1, int MulRegs = 0>
struct Shape {
  using Bench = ComputeBench<Dut, R, C, Latency, MulRegs>;
  static constexpr int kRows = R, kCols = C, kL = Latency;
};

template <class S>
class ComputeTest : public ::testing::Test {};
using Shapes =
    ::testing::Types<Shape<Vcompute_4x4, 4, 4>, Shape<Vcompute_8x2, 8, 2>, Shape<Vcompute_2x8, 2, 8>,
                     Shape<Vcompute_4x4_fp4, 4, 4, 4>, Shape<Vcompute_8x2_fp4, 8, 2, 4>, Shape<Vcompute_2x8_fp4, 2, 8, 4>,
                     Shape<Vcompute_4x4_fp3, 4, 4, 3>, Shape<Vcompute_4x4_fp2, 4, 4, 2>, Shape<Vcompute_4x4_fp7, 4, 4, 7>,
                     Shape<Vcompute_2x8_fp5, 2, 8, 5>, Shape<Vcompute_2x8_m, 2, 8, 1, 1>, Shape<Vcompute_4x4_fp7_m, 4, 4, 7, 1>>;
TYPED_TEST_SUITE(ComputeTest, Shapes);

uint64_t seed_of_run() {
  const char *env = std::getenv("SYSTOLE_SEED");
  const uint64_t seed = env ? std::strtoull(env, nullptr, 0) : 1;
  std::printf("SYSTOLE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

TYPED_TEST(ComputeTest, RandomCommandsEqualTheLoop) {
  const uint64_t seed = seed_of_run();
  uint64_t finite = 0, other = 0;
  for (uint64_t round = 0; round < 40; round++) {
    typename TypeParam::Bench bench(seed * 1000 + round);
    bench.random_tokens = round & 1;
    bench.random_commands = round & 2;
    uint64_t macs = 0;
    for (int i = 0; i < 40; i++) {
      Matmul m = bench.random_command();
      m.wait = SYSTOLE_COMPUTE_TAKES;
      m.give = SYSTOLE_COMPUTE_GIVES;
      bench.submit(m);
      const unsigned bytes = m.float_dtype != 0 ? 2 : 1;
      const uint64_t k = m.k1 * ((m.k0 - 1) * 2 * TypeParam::kRows / bytes + m.k_tail / bytes);
      macs += uint64_t(m.m0) * m.m1 * k * ((m.n - 1) * TypeParam::kCols + m.n_tail);
    }
    ASSERT_TRUE(bench.run(200000));
    EXPECT_EQ(bench.macs, macs) << "round " << round;
    EXPECT_EQ(bench.compare(), 0) << "round " << round;
    EXPECT_EQ(bench.errors, 0);
    EXPECT_EQ(bench.taken, SYSTOLE_COMPUTE_TAKES);
    finite += bench.finite_sums;
    other += bench.other_sums;
  }
  if (TypeParam::kL > 1) {
    EXPECT_GT(finite, 20000u);
    EXPECT_GT(other, 2000u);
  }
}

// A product of `n` tiles and `k` steps with M rows each, its operands in place.
template <class S>
Matmul plain(unsigned m0, unsigned k, unsigned n, unsigned order) {
  Matmul m;
  m.m0 = m0;
  m.k0 = k;
  m.n = n;
  m.act_m0 = 1;
  m.act_k0 = 1;
  m.wgt_k0 = 1;
  m.wgt_n = 1;
  m.wgt_col = 1;
  m.acc_n = int(m0);
  m.k_tail = 2 * S::kRows;
  m.n_tail = S::kCols;
  m.order = order;
  return m;
}

template <class B>
uint64_t bubbles(const B &bench) {
  return bench.row_cycles.back() - bench.row_cycles.front() + 1 - bench.row_cycles.size();
}

TYPED_TEST(ComputeTest, TilesOfColsRowsFollowWithoutABubbleOnDifferentRows) {
  typename TypeParam::Bench bench(1);
  const unsigned m0 = TypeParam::kCols;
  for (int i = 0; i < 3; i++) bench.submit(plain<TypeParam>(m0, 1, 4, SYSTOLE_ORDER_N_INNER));  // over command boundaries, too
  ASSERT_TRUE(bench.run(10000));
  EXPECT_EQ(bench.row_cycles.size(), 3 * 4 * m0);
  // Seeds are zero, so no tile reads what another left: nothing may hold them up.
  EXPECT_EQ(bubbles(bench), 0u);
  EXPECT_EQ(bench.compare(), 0);
}

TYPED_TEST(ComputeTest, TilesOnTheSameRowsFollowWithoutABubbleWhenTheRowsCoverTheDepth) {
  typename TypeParam::Bench bench(2);
  const unsigned depth = TypeParam::Bench::kDepth, m0 = std::max(depth, unsigned(TypeParam::kCols));
  Matmul m = plain<TypeParam>(m0, 3, 1, SYSTOLE_ORDER_K_INNER);
  bench.submit(m);
  m.seed = SYSTOLE_SEED_KEEP;
  bench.submit(m);
  ASSERT_TRUE(bench.run(10000));
  EXPECT_EQ(bubbles(bench), 0u);
  EXPECT_EQ(bench.compare(), 0);
}

TYPED_TEST(ComputeTest, TilesOnTheSameRowsWaitExactlyForTheDepth) {
  const unsigned depth = TypeParam::Bench::kDepth;
  for (unsigned m0 = 1; m0 < depth; m0++) {
    typename TypeParam::Bench bench(3);
    bench.submit(plain<TypeParam>(m0, 4, 1, SYSTOLE_ORDER_K_INNER));
    ASSERT_TRUE(bench.run(10000));
    const unsigned period = std::max(depth, unsigned(TypeParam::kCols));
    EXPECT_EQ(bench.row_cycles.back() - bench.row_cycles.front(), 3 * period + m0 - 1) << "M = " << m0;
    EXPECT_EQ(bench.compare(), 0);
  }
}

TYPED_TEST(ComputeTest, NInnerHidesTheDepthOfShortTiles) {
  typename TypeParam::Bench bench(4);
  const unsigned m0 = TypeParam::kCols, n = (TypeParam::Bench::kDepth + m0 - 1) / m0;
  bench.submit(plain<TypeParam>(m0, 4, n, SYSTOLE_ORDER_N_INNER));
  ASSERT_TRUE(bench.run(10000));
  EXPECT_EQ(bubbles(bench), 0u);
  EXPECT_EQ(bench.compare(), 0);
}

TYPED_TEST(ComputeTest, ShortTilesFollowAsFastAsTheirWeightsShiftIn) {
  // M = 1: the next tile's pushes decide. One-column tiles follow every other cycle until the hazard table is full.
  constexpr unsigned kTiles = 6, kCols = TypeParam::kCols, kDepth = TypeParam::Bench::kDepth;
  constexpr unsigned kEntries = (kDepth + kCols - 1) / kCols + 1;
  for (unsigned columns : {kCols, 1u}) {
    typename TypeParam::Bench bench(5);
    std::vector<uint64_t> starts;
    for (unsigned i = 0; i < kTiles; i++) {
      Matmul m = plain<TypeParam>(1, 1, 1, SYSTOLE_ORDER_K_INNER);
      m.n_tail = columns;
      m.acc = i;
      bench.submit(m);
      uint64_t start = i == 0 ? 0 : starts[i - 1] + std::max(columns, 2u);
      if (i >= kEntries) start = std::max(start, starts[i - kEntries] + kDepth);
      starts.push_back(start);
    }
    ASSERT_TRUE(bench.run(10000));
    ASSERT_EQ(bench.row_cycles.size(), kTiles);
    for (unsigned i = 0; i < kTiles; i++) EXPECT_EQ(bench.row_cycles[i] - bench.row_cycles[0], starts[i]) << "tile " << i;
    EXPECT_EQ(bench.compare(), 0);
  }
}

TYPED_TEST(ComputeTest, ResultsAreDoneAfterTheDocumentedLatency) {
  constexpr int kL = TypeParam::kL, kDelay = TypeParam::Bench::kDelay;
  typename TypeParam::Bench bench(6);
  Matmul m = plain<TypeParam>(3, 1, 1, SYSTOLE_ORDER_K_INNER);
  m.give = SYSTOLE_COMPUTE_GIVES;
  bench.submit(m);
  ASSERT_TRUE(bench.run(1000));
  const uint64_t last = bench.row_cycles.back(), last_push = bench.row_cycles.front() - 1;
  EXPECT_EQ(bench.done_cycles.back(), last + 2 + kDelay + kL * TypeParam::kRows + TypeParam::kCols - 1);
  for (auto [cycle, tokens] : bench.gives) {
    if (tokens & SYSTOLE_TOKEN_ACC_FULL) EXPECT_EQ(cycle, bench.done_cycles.back());
    if (tokens & SYSTOLE_TOKEN_ACT_FREE)
      EXPECT_EQ(cycle, last + std::max(kL * (TypeParam::kRows - 1), kDelay + TypeParam::kCols - 1));
    if (tokens & SYSTOLE_TOKEN_WGT_FREE) EXPECT_EQ(cycle, last_push + kL * (TypeParam::kRows - 1));
  }
  EXPECT_EQ(bench.gives.size(), 3u);
}

// One tile column with biases and, where its type allows it, a zero point per column: all that a token can free is in use.
template <class S>
Matmul user_of_everything(uint64_t seed, bool with_zero_points) {
  Matmul m = plain<S>(1 + unsigned(seed % 5), 1 + unsigned(seed % 3), 1, SYSTOLE_ORDER_K_INNER);
  m.give = SYSTOLE_COMPUTE_GIVES;
  m.seed = SYSTOLE_SEED_BIAS;
  if (S::kL > 1 && seed % 2 && !with_zero_points)
    m.float_dtype = SYSTOLE_DTYPE_FP16;
  else
    m.zp_per_column = true;
  return m;
}

// Overwrites a chunk with noise in the cycle after `token`; the results must not change.
template <class S>
void overwrite_after(uint64_t seed, unsigned token, unsigned dest, unsigned bank, unsigned addr, unsigned chunk,
                     const Matmul &m) {
  typename S::Bench bench(seed);
  uint8_t noise[S::Bench::kWordBytes];
  for (uint8_t &byte : noise) byte = uint8_t(bench.rng());
  bench.submit(m);
  ASSERT_TRUE(bench.run_until_given(token, 1000));
  ASSERT_TRUE(bench.offer_chunk(dest, bank, addr, chunk, noise, int(sizeof noise)));
  ASSERT_TRUE(bench.run(1000));
  EXPECT_EQ(bench.compare(), 0);
}

TYPED_TEST(ComputeTest, WordsMayBeOverwrittenTheCycleAfterTheirToken) {
  constexpr unsigned kBiasChunks = (4 * TypeParam::kCols + TypeParam::Bench::kWordBytes - 1) / TypeParam::Bench::kWordBytes;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    // What is read last: the last row's activations, the last column's bias, the last push's weights (column 0) and zero point.
    const Matmul m = user_of_everything<TypeParam>(seed, false), zp = user_of_everything<TypeParam>(seed, true);
    const unsigned last_row = m.m0 - 1 + m.k0 - 1, last_push = m.k0 - 1;
    {
      SCOPED_TRACE("activations");
      overwrite_after<TypeParam>(seed, SYSTOLE_TOKEN_ACT_FREE, SYSTOLE_DEST_ACT, 0, last_row, 0, m);
    }
    {
      SCOPED_TRACE("bias");
      overwrite_after<TypeParam>(seed, SYSTOLE_TOKEN_ACT_FREE, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_BIAS, 0, kBiasChunks - 1, m);
    }
    {
      SCOPED_TRACE("weights");
      overwrite_after<TypeParam>(seed, SYSTOLE_TOKEN_WGT_FREE, SYSTOLE_DEST_WGT, 0, last_push, 0, m);
    }
    {
      SCOPED_TRACE("zero points");
      overwrite_after<TypeParam>(seed, SYSTOLE_TOKEN_WGT_FREE, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_B_ZERO_POINT, 0, 0, zp);
    }
  }
}

TYPED_TEST(ComputeTest, ResultsMayBeReadTheCycleAfterTheirToken) {
  using Bench = typename TypeParam::Bench;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Bench bench(seed);
    const Matmul m = user_of_everything<TypeParam>(seed, false);
    bench.submit(m);
    ASSERT_TRUE(bench.run_until_given(SYSTOLE_TOKEN_ACC_FULL, 1000));
    EXPECT_EQ(bench.compare_group(int(m.m0) - 1, Bench::kGroups - 1), 0) << "the group that is written last";
    EXPECT_EQ(bench.compare(), 0);
  }
}

TYPED_TEST(ComputeTest, CausesFollowTheirPriority) {
  // What is missing, and the bit of act_cause_o that is seen meanwhile: weights before activations before a free half.
  constexpr unsigned kWgt = SYSTOLE_TOKEN_WGT_FULL, kAct = SYSTOLE_TOKEN_ACT_FULL, kAcc = SYSTOLE_TOKEN_ACC_FREE;
  const struct {
    unsigned missing, cause;
  } cases[] = {{kWgt, 0x01},
               {kAct, 0x02},
               {kAcc, 0x08},
               {kWgt | kAct, 0x01},
               {kWgt | kAcc, 0x01},
               {kAct | kAcc, 0x02},
               {kWgt | kAct | kAcc, 0x01}};
  for (auto c : cases) {
    typename TypeParam::Bench bench(7);
    Matmul m = plain<TypeParam>(1, 1, 1, SYSTOLE_ORDER_K_INNER);
    m.wait = SYSTOLE_COMPUTE_TAKES;
    bench.tokens = 0xff & ~c.missing;
    bench.submit(m);
    EXPECT_FALSE(bench.run(100));
    EXPECT_TRUE(bench.row_cycles.empty());
    bench.causes.clear();
    EXPECT_FALSE(bench.run(10));
    EXPECT_EQ(bench.causes[c.cause], 10u) << "missing " << c.missing;
    bench.tokens = 0xff;
    EXPECT_TRUE(bench.run(100));
  }
}

TYPED_TEST(ComputeTest, HazardIsACauseAfterTheTokensOfLoadAndBeforeThatOfStore) {
  constexpr unsigned kDepth = TypeParam::Bench::kDepth, kCols = TypeParam::kCols;
  for (unsigned missing : {0u, unsigned(SYSTOLE_TOKEN_ACC_FREE), unsigned(SYSTOLE_TOKEN_ACT_FULL)}) {
    typename TypeParam::Bench bench(8);
    Matmul m = plain<TypeParam>(1, 1, 1, SYSTOLE_ORDER_K_INNER);
    bench.submit(m);
    m.seed = SYSTOLE_SEED_KEEP;  // reads the row that the first command writes
    m.wait = SYSTOLE_COMPUTE_TAKES;
    bench.tokens = 0xff & ~missing;
    bench.submit(m);
    while (bench.row_cycles.empty()) bench.cycle();
    bench.causes.clear();
    // The second tile's weights are in after kCols cycles; the row may be read again kDepth cycles after the first start.
    for (unsigned i = 1; i < kDepth; i++) bench.cycle();
    const unsigned hazard = kDepth > kCols ? kDepth - kCols : 0;
    EXPECT_EQ(bench.causes[0x04], missing == SYSTOLE_TOKEN_ACT_FULL ? 0u : hazard);
    EXPECT_EQ(bench.causes[0x02], missing == SYSTOLE_TOKEN_ACT_FULL ? hazard : 0u);
    bench.tokens = 0xff;
    EXPECT_TRUE(bench.run(100));
    EXPECT_EQ(bench.compare(), 0);
  }
}

TYPED_TEST(ComputeTest, RangeErrorsNameTheOffendingWord) {
  using Bench = typename TypeParam::Bench;
  auto address = [](auto change) {
    Bench bench(11);
    Matmul m = plain<TypeParam>(2, 1, 1, SYSTOLE_ORDER_K_INNER);
    change(m);
    bench.submit_raw(m.record());
    bench.run(200);
    EXPECT_GT(bench.errors, 0);
    return bench.error_address;
  };
  EXPECT_EQ(address([](Matmul &m) { m.act_m0 = -1; }), 0xFFFFu) << "word -1, as a 16-bit field has it";
  EXPECT_EQ(address([](Matmul &m) {
              m.param = Bench::kParams;
              m.seed = SYSTOLE_SEED_BIAS;
            }),
            uint64_t(Bench::kParams));
  EXPECT_EQ(address([](Matmul &m) {
              m.param = Bench::kParams + 1;
              m.zp_per_column = true;
            }),
            uint64_t(Bench::kParams + 1));
}

TYPED_TEST(ComputeTest, StopEndsEvenARunningTile) {
  typename TypeParam::Bench bench(9);
  bench.submit_raw(plain<TypeParam>(20, 3, 1, SYSTOLE_ORDER_K_INNER).record());
  while (bench.row_cycles.size() < 5) bench.cycle();
  bench.stop = true;
  EXPECT_FALSE(bench.run(200));
  EXPECT_EQ(bench.row_cycles.size(), 6u) << "one in the cycle with stop_i, none from then on";
  EXPECT_TRUE(bench.done_cycles.empty());
}

TYPED_TEST(ComputeTest, AResetAtAnyMomentLeavesNothingBehind) {
  const uint64_t seed = seed_of_run();
  size_t compared = 0;
  for (uint64_t round = 0; round < 100; round++) {
    typename TypeParam::Bench bench(seed * 1000 + round);
    bench.random_commands = round & 1;
    for (int i = 0; i < 20; i++) bench.submit(bench.random_command());
    for (auto i = bench.rng() % 300; i > 0; i--) bench.cycle();
    bench.reset(round % 3 == 0 ? 1 : 8);
    for (auto i = bench.rng() % 3; i > 0; i--) bench.cycle();
    for (int i = 0; i < 6; i++) {
      Matmul m = bench.random_command();
      // The first ones start afresh; those that keep an undefined sum are not compared.
      if (i < 3) m.seed = bench.rng() % 2 ? SYSTOLE_SEED_ZERO : SYSTOLE_SEED_BIAS;
      bench.submit(m);
    }
    ASSERT_TRUE(bench.run(200000)) << "round " << round;
    EXPECT_EQ(bench.compare(), 0) << "round " << round;
    EXPECT_EQ(bench.errors, 0);
    compared += bench.defined();
  }
  EXPECT_GT(compared, 1000u * TypeParam::kCols);
}

TYPED_TEST(ComputeTest, ACommandThatLeavesAMemoryNeverCompletesNorWritesElsewhere) {
  using Bench = typename TypeParam::Bench;
  for (const bool act : {true, false}) {
    Bench bench(10);
    Matmul m = plain<TypeParam>(2, 1, 1, SYSTOLE_ORDER_K_INNER);  // its last row is the one outside
    m.give = SYSTOLE_COMPUTE_GIVES;
    m.acc = act ? 0 : 2 * Bench::kAccRows - 1;
    m.act = act ? Bench::kActWords - 1 : 0;
    bench.submit_raw(m.record());
    EXPECT_FALSE(bench.run(200));
    EXPECT_EQ(bench.errors, 1);
    EXPECT_EQ(bench.error_address, unsigned(act ? Bench::kActWords : 2 * Bench::kAccRows));
    EXPECT_TRUE(bench.done_cycles.empty());
    for (auto [cycle, tokens] : bench.gives) EXPECT_EQ(tokens, unsigned(SYSTOLE_TOKEN_WGT_FREE)) << cycle;
    EXPECT_LE(bench.compare(), TypeParam::kCols) << "only the first row may have been written";
  }
}

TYPED_TEST(ComputeTest, AddressesOutsideAMemoryAreErrors) {
  auto provoke = [](auto change) {
    typename TypeParam::Bench bench(8);
    Matmul m = plain<TypeParam>(2, 1, 1, SYSTOLE_ORDER_K_INNER);
    change(m);
    bench.submit_raw(m.record());
    bench.run(1000);
    return bench.errors > 0;
  };
  EXPECT_FALSE(provoke([](Matmul &) {}));
  EXPECT_TRUE(provoke([](Matmul &m) { m.act = TypeParam::Bench::kActWords - 1; }));
  EXPECT_TRUE(provoke([](Matmul &m) { m.act_m0 = -1; }));
  EXPECT_TRUE(provoke([](Matmul &m) { m.wgt = TypeParam::Bench::kWgtWords - 1; }));
  EXPECT_TRUE(provoke([](Matmul &m) { m.wgt_col = -1; }));
  EXPECT_TRUE(provoke([](Matmul &m) { m.acc = 2 * TypeParam::Bench::kAccRows - 1; }));
  EXPECT_TRUE(provoke([](Matmul &m) {
    m.param = TypeParam::Bench::kParams;
    m.seed = SYSTOLE_SEED_BIAS;
  }));
  EXPECT_TRUE(provoke([](Matmul &m) {
    m.param = TypeParam::Bench::kParams;
    m.zp_per_column = true;
  }));
}

// --- floating point (shapes whose elements take more than one cycle) ------------------------------------------------------

template <class S>
class FloatComputeTest : public ::testing::Test {};
using FloatShapes =
    ::testing::Types<Shape<Vcompute_4x4_fp4, 4, 4, 4>, Shape<Vcompute_8x2_fp4, 8, 2, 4>, Shape<Vcompute_2x8_fp4, 2, 8, 4>,
                     Shape<Vcompute_4x4_fp3, 4, 4, 3>, Shape<Vcompute_4x4_fp2, 4, 4, 2>, Shape<Vcompute_4x4_fp7, 4, 4, 7>,
                     Shape<Vcompute_2x8_fp5, 2, 8, 5>, Shape<Vcompute_4x4_fp7_m, 4, 4, 7, 1>>;
TYPED_TEST_SUITE(FloatComputeTest, FloatShapes);

TYPED_TEST(FloatComputeTest, CommandsOfAllTypesFollowWithoutABubble) {
  constexpr unsigned kCols = TypeParam::kCols, kTypes = 4;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    typename TypeParam::Bench bench(seed);
    for (unsigned i = 0; i < 2 * kTypes; i++) {
      Matmul m = plain<TypeParam>(kCols, 1, 1, SYSTOLE_ORDER_K_INNER);
      m.float_dtype = i % kTypes == 0 ? SYSTOLE_DTYPE_FP16 : i % kTypes == 2 ? SYSTOLE_DTYPE_BF16 : 0;
      m.a_signed = i < kTypes;
      m.seed = i % 3 == 0 ? SYSTOLE_SEED_BIAS : SYSTOLE_SEED_ZERO;
      m.act = m.wgt = unsigned(bench.rng() % 32);
      m.acc = i * kCols;
      bench.submit(m);
    }
    ASSERT_TRUE(bench.run(10000));
    EXPECT_EQ(bubbles(bench), 0u);
    EXPECT_EQ(bench.compare(), 0) << "seed " << seed;
  }
}

TYPED_TEST(FloatComputeTest, ShortProductsWaitForTheirSums) {
  constexpr unsigned kDepth = TypeParam::Bench::kDepth;
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
    for (const unsigned seed : {SYSTOLE_SEED_ZERO, SYSTOLE_SEED_BIAS, SYSTOLE_SEED_KEEP}) {
      for (const unsigned m0 : {1U, 2U}) {
        typename TypeParam::Bench bench(30 + m0);
        Matmul m = plain<TypeParam>(m0, 6, 1, SYSTOLE_ORDER_K_INNER);
        m.float_dtype = dtype;
        m.seed = seed;
        bench.submit(m);
        ASSERT_TRUE(bench.run(10000));
        const unsigned period = std::max(kDepth, unsigned(TypeParam::kCols));
        EXPECT_EQ(bench.row_cycles.back() - bench.row_cycles.front(), 5 * period + m0 - 1) << "M = " << m0;
        EXPECT_EQ(bench.compare(), 0);
      }
    }
  }
}

TYPED_TEST(FloatComputeTest, LanesBeyondKPassEverySumUnchanged) {
  constexpr int kRows = TypeParam::kRows, kCols = TypeParam::kCols;
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
    const bool brain = dtype == SYSTOLE_DTYPE_BF16;
    const auto one = uint16_t(brain ? 0x3F80 : 0x3C00), inf = uint16_t(brain ? 0x7F80 : 0x7C00), nan = uint16_t(inf | 1);
    const uint16_t padding[] = {inf, nan, 0x8000, uint16_t(inf | 0x8000), 0, one};
    for (int valid = 1; valid < kRows; valid++) {
      typename TypeParam::Bench bench(40);
      // A = -0, B = 1, seed -0: every partial sum stays -0 unless the padding adds something. Then a plain sum, and an infinite one.
      for (int lane = 0; lane < kRows; lane++) {
        for (int word = 0; word < kCols; word++) {
          const bool inside = lane < valid;
          bench.set_lane(SYSTOLE_DEST_ACT, word, lane, inside ? uint16_t(word == 0 ? 0x8000 : one) : padding[(lane + word) % 6]);
          bench.set_lane(SYSTOLE_DEST_WGT, word, lane, inside ? one : padding[(lane + word / 2) % 6]);
        }
      }
      for (int c = 0; c < kCols; c++) {
        bench.set_accumulator(0, c, 0x80000000);
        bench.set_accumulator(1, c, c % 2 ? 0x3F000000 : 0xFF800000);
      }
      bench.write_memories();
      Matmul m = plain<TypeParam>(2, 1, 1, SYSTOLE_ORDER_K_INNER);
      m.float_dtype = dtype;
      m.seed = SYSTOLE_SEED_KEEP;
      m.k_tail = unsigned(2 * valid);
      bench.submit(m);
      for (int c = 0; c < kCols; c++) {
        EXPECT_EQ(bench.accumulator(0, c), 0x80000000U);
        EXPECT_EQ(as_float(bench.accumulator(1, c)), c % 2 ? 0.5F + float(valid) : -INFINITY);
      }
      ASSERT_TRUE(bench.run(1000));
      EXPECT_EQ(bench.compare(), 0) << valid << " lanes in use";
    }
  }
}

TYPED_TEST(FloatComputeTest, SeedsKeepTheirSignAndNanBecomesCanonical) {
  constexpr int kCols = TypeParam::kCols, kRows = TypeParam::kRows;
  typename TypeParam::Bench bench(50);
  for (int lane = 0; lane < kRows; lane++) {
    for (int word = 0; word < kCols; word++) {
      bench.set_lane(SYSTOLE_DEST_ACT, word, lane, 0x8000);
      bench.set_lane(SYSTOLE_DEST_WGT, word, lane, 0x3C00);
    }
  }
  const uint32_t seeds[] = {0, 0x80000000, 0x7F800001, 0xFFC12345, 1, 0x80000001, 0x7F800000, 0xFF7FFFFF};
  const uint32_t expected[] = {0, 0x80000000, 0x7FC00000, 0x7FC00000, 1, 0x80000001, 0x7F800000, 0xFF7FFFFF};
  for (int first = 0; first < 8; first += kCols) {
    for (int c = 0; c < kCols; c++) bench.set_bias(0, c, seeds[(first + c) % 8]);
    bench.write_memories();
    Matmul m = plain<TypeParam>(1, 1, 1, SYSTOLE_ORDER_K_INNER);
    m.float_dtype = SYSTOLE_DTYPE_FP16;
    m.seed = SYSTOLE_SEED_BIAS;
    bench.submit(m);
    for (int c = 0; c < kCols; c++) EXPECT_EQ(bench.accumulator(0, c), expected[(first + c) % 8]);
    ASSERT_TRUE(bench.run(1000));
    EXPECT_EQ(bench.compare(), 0);
    m.seed = SYSTOLE_SEED_ZERO;
    bench.submit(m);
    EXPECT_EQ(bench.accumulator(0, 0), 0U) << "(+0) + (-0)";
    ASSERT_TRUE(bench.run(1000));
    EXPECT_EQ(bench.compare(), 0);
  }
}

}  // namespace
}  // namespace systole::tb
