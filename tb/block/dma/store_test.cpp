// SPDX-License-Identifier: Apache-2.0
// The store engine against a byte-level reference, on several sizes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "Vstore_16x16_128_8.h"
#include "Vstore_16x16_32_4.h"
#include "Vstore_2x2_512_1.h"
#include "Vstore_2x4_128_2.h"
#include "Vstore_32x32_256_16.h"
#include "Vstore_4x64_32_32.h"
#include "Vstore_4x8_128_4.h"
#include "Vstore_4x8_64_1.h"
#include "Vstore_64x4_32_2.h"
#include "Vstore_8x8_64_8.h"
#include "tb/block/dma/store_bench.hpp"

namespace systole::tb::dma {

std::vector<std::unique_ptr<StoreDut>> store_duts() {
  Verilated::randReset(2);
  Verilated::randSeed(int(std::random_device{}() >> 1));
  std::vector<std::unique_ptr<StoreDut>> duts;
  duts.push_back(std::make_unique<VerilatedStore<Vstore_16x16_128_8>>(16, 16, 128, 8));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_4x8_128_4>>(4, 8, 128, 4));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_64x4_32_2>>(64, 4, 32, 2));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_2x4_128_2>>(2, 4, 128, 2));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_2x2_512_1>>(2, 2, 512, 1));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_4x64_32_32>>(4, 64, 32, 32));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_32x32_256_16>>(32, 32, 256, 16));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_8x8_64_8>>(8, 8, 64, 8));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_4x8_64_1>>(4, 8, 64, 1));
  duts.push_back(std::make_unique<VerilatedStore<Vstore_16x16_32_4>>(16, 16, 32, 4));
  return duts;
}

namespace {

/// Any type of result, with parameters that make many different ones.
void random_result(Random &r, const StoreSizes &sizes, StoreCommand &c) {
  using golden::DType;
  c.out = r.pick({DType::s8, DType::u8, DType::fp16, DType::bf16, DType::s32, DType::fp32});
  c.rule = golden::Requant::none;
  c.per_column = false;
  c.scale = c.clamp_min = c.clamp_max = 0;
  c.shift = c.zero_point = 0;
  c.param = 0;
  if (c.out == DType::s8 || c.out == DType::u8) {
    const int low = c.out == DType::s8 ? -128 : 0;
    c.rule = r.pick({golden::Requant::floating, golden::Requant::fixed});
    c.per_column = r.chance(60);
    c.zero_point = low + int(r.in(0, 255));
    c.clamp_min = uint32_t(low + int(r.pick<int64_t>({0, r.in(0, 128)})));
    c.clamp_max = uint32_t(low + int(r.pick<int64_t>({255, r.in(128, 255)})));
    if (c.per_column) {
      c.param = unsigned(r.in(0, int(sizes.param_entries) - int(c.n)));
    } else if (c.rule == golden::Requant::floating) {
      c.scale = golden::as_bits(float(r.in(1, 1 << 20)) * 0x1p-44f);
    } else {
      c.scale = uint32_t(r.in(1 << 29, 0x7FFFFFFF));
      c.shift = int(r.in(-26, -20));
    }
  } else if (c.out != DType::s32) {
    c.clamp_min = golden::as_bits(-r.pick({1e9f, 3e38f, HUGE_VALF, 100.0f}));
    c.clamp_max = golden::as_bits(r.pick({0.0f, 6.0f, 1e9f, HUGE_VALF}));
  }
}

/// Legal parameters under both rules, many different results.
void random_params(Random &r, StoreBench &bench, const StoreSizes &sizes) {
  for (unsigned entry = 0; entry < sizes.param_entries; entry++)
    for (unsigned column = 0; column < sizes.cols; column++) {
      bench.scale(entry, column) = golden::as_bits(float(r.in(1, 1 << 20)) * 0x1p-44f);  // as a multiplier: about 2^29
      bench.shift(entry, column) = int8_t(r.in(-25, -18));
    }
  bench.load_params();
}

StoreCommand random_command(Random &r, const StoreSizes &sizes, uint32_t index) {
  const int rows = int(2 * sizes.acc_rows);
  for (;;) {
    StoreCommand c;
    c.index = index;
    c.n = unsigned(r.pick<int64_t>({1, 1, 2, 3, r.in(1, 6)}));
    c.n_tail = unsigned(r.pick<int64_t>({1, sizes.cols, r.in(1, sizes.cols)}));
    c.m0 = unsigned(r.pick<int64_t>({1, 2, 3, r.in(1, 20)}));
    c.m1 = unsigned(r.pick<int64_t>({1, 1, 2, 3, r.in(1, 6)}));
    c.stride = int(r.pick<int64_t>({0, c.m0 * c.m1, -int64_t(c.m0 * c.m1), r.in(-40, 40)}));
    c.acc = unsigned(r.in(0, rows - 1));
    random_result(r, sizes, c);
    const int64_t row = c.row_bytes(sizes);
    const auto pitch = [&](int64_t tight) {
      return int32_t(r.pick<int64_t>(
          {tight, tight, tight, 0, -tight, tight + 1, tight - 1, tight + 64, r.in(-5000, 5000), 1, r.in(-(1 << 30), 1 << 30)}));
    };
    c.pitch0 = pitch(row);
    c.pitch1 = pitch(row * c.m0);
    c.address = wrap(uint64_t(r.pick<int64_t>({r.in(0, 1 << 20), (int64_t(1) << 36) + r.in(-100, 100), 4096 * 5 - r.in(0, 80)})));
    c.wait = uint8_t(r.bits()) & 0x90;
    c.give = uint8_t(r.bits()) & 0x60;
    bool inside = true;
    for (unsigned tile = 0; tile < c.n; tile++)
      inside = inside && c.row(tile, 0, 0) >= 0 && c.row(tile, c.m1 - 1, c.m0 - 1) < rows;
    if (inside) return c;
  }
}

/// Runs `body` on every configuration until one fails.
template <typename Body>
void on_all(Body body) {
  for (auto &dut : store_duts()) {
    SCOPED_TRACE(dut->name());
    body(*dut);
    if (::testing::Test::HasFailure()) return;
  }
}

/// m rows of n whole tiles.
StoreCommand rows(const StoreSizes &sizes, uint64_t address, unsigned m, unsigned n, int32_t pitch) {
  StoreCommand c;
  c.address = address;
  c.m0 = m;
  c.n = n;
  c.n_tail = sizes.cols;
  c.stride = int(m);
  c.pitch0 = pitch;
  return c;
}

constexpr Pace kNoStalls = {};

TEST(StoreTest, RandomDescriptorsWriteTheReferencesBytes) {
  on_all([](StoreDut &dut) {
    Random random(21);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 12; round++) {
      StoreBench bench(dut, random, round == 0 ? kNoStalls : Pace::random(random));
      bench.token_percent = unsigned(random.pick({100, 50, 10}));
      random_params(random, bench, dut.sizes());
      for (uint32_t i = 0; i < 12; i++) bench.submit(random_command(random, dut.sizes(), 1000u * round + i));
      bench.run();
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST(StoreTest, AddressReadAndDataFollowAfterTheDocumentedCycles) {
  on_all([](StoreDut &dut) {
    Random random(22);
    StoreBench bench(dut, random, kNoStalls);
    StoreCommand c = rows(dut.sizes(), 64, 1, 1, 0);
    c.n_tail = 1;
    bench.submit(c);
    bench.run();
    EXPECT_EQ(bench.first_aw, bench.first_accept + 5);
    EXPECT_EQ(bench.first_read, bench.first_accept + 5);
    EXPECT_EQ(bench.first_beat, bench.first_read + 15);
  });
}

TEST(StoreTest, LongRowsTakeABeatACycleAtAnyAlignment) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    if (4 * sizes.lanes() < sizes.bus_bytes) return;
    for (uint64_t offset = 0; offset < sizes.bus_bytes; offset += offset < 4 ? 1 : 3) {
      Random random(23);
      StoreBench bench(dut, random, kNoStalls);
      bench.submit(rows(sizes, 4000 + offset, 7, 30, int32_t(30 * 4 * sizes.cols)));
      bench.run();
      EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats) << "offset " << offset;
    }
  });
}

TEST(StoreTest, IsolatedRowsTakeABeatACycle) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    if (4 * sizes.lanes() < sizes.bus_bytes) return;
    for (int32_t gap : {1, 5, 64}) {
      Random random(24);
      StoreBench bench(dut, random, kNoStalls);
      bench.submit(rows(sizes, 3, 80, 2, int32_t(2 * 4 * sizes.cols) + gap));
      bench.run();
      EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats) << "gap " << gap;
    }
  });
}

TEST(StoreTest, GroupsNarrowerThanBeatsAreReadOneACycle) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    if (4 * sizes.lanes() >= sizes.bus_bytes) return;
    for (uint64_t offset = 0; offset < sizes.bus_bytes; offset += 3) {
      Random random(25);
      StoreBench bench(dut, random, kNoStalls);
      bench.submit(rows(sizes, 8192 + offset, 7, 30, int32_t(30 * 4 * sizes.cols)));
      bench.run();
      EXPECT_EQ(bench.last_read - bench.first_read + 1, bench.reads) << "offset " << offset;
    }
  });
}

TEST(StoreTest, ContiguousRowsShareBeats) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(26);
    StoreBench bench(dut, random, kNoStalls);
    StoreCommand c = rows(sizes, 3, 5, 3, 0);
    c.n_tail = 1;
    c.m1 = 3;
    c.stride = 15;
    c.pitch0 = int32_t(c.row_bytes(sizes));
    c.pitch1 = 5 * c.pitch0;
    bench.submit(c);
    bench.run();
    EXPECT_EQ(bench.beats, (3 + 15 * c.row_bytes(sizes) + sizes.bus_bytes - 1) / sizes.bus_bytes);
  });
}

TEST(StoreTest, ShortCommandsKeepTheBusBusy) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    if (4 * sizes.lanes() < sizes.bus_bytes) return;
    Random random(27);
    Pace pace;
    pace.latency = 10;
    StoreBench bench(dut, random, pace);
    const unsigned tiles = std::max(1u, 5 * sizes.bus_bytes / (4 * sizes.cols));
    for (unsigned i = 0; i < 60; i++) bench.submit(rows(sizes, 4096 * i, 1, tiles + 1, 0));
    bench.run();
    EXPECT_LE(bench.last_beat - bench.first_beat + 1, bench.beats + bench.beats / 10);
  });
}

TEST(StoreTest, EveryTypeTakesTheSameCycles) {
  on_all([](StoreDut &dut) {
    Random random(31);
    for (int round = 0; round < 20; round++) {
      StoreBench bench(dut, random, kNoStalls);
      random_params(random, bench, dut.sizes());
      StoreCommand c = rows(dut.sizes(), 64 + unsigned(random.in(0, 3)), 1, 1, 0);
      c.n_tail = 1;
      random_result(random, dut.sizes(), c);
      c.n_tail = unsigned(random.in(1, dut.sizes().bus_bytes / 4 > dut.sizes().lanes() ? 1 : dut.sizes().lanes()));
      bench.submit(c);
      bench.run();
      EXPECT_EQ(bench.first_read, bench.first_accept + 5);
      EXPECT_EQ(bench.first_beat, bench.first_read + 15);
    }
  });
}

TEST(StoreTest, NarrowResultsAreReadOneGroupACycle) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(32);
    for (golden::DType out : {golden::DType::s8, golden::DType::fp16, golden::DType::bf16, golden::DType::u8}) {
      for (uint64_t offset = 0; offset < sizes.bus_bytes; offset += 5) {
        StoreBench bench(dut, random, kNoStalls);
        random_params(random, bench, sizes);
        StoreCommand c = rows(sizes, 8192 + offset, 7, 16, 0);
        do random_result(random, sizes, c);
        while (c.out != out);
        if (c.size() * sizes.lanes() > sizes.bus_bytes) continue;
        c.pitch0 = int32_t(c.row_bytes(sizes)) + int32_t(random.pick({0, 1, 2}));
        bench.submit(c);
        bench.run();
        if (::testing::Test::HasFailure()) return;
        // A row's last, incomplete beat may cost a cycle of W; within a row there is none to lose.
        const bool apart = c.pitch0 != int32_t(c.row_bytes(sizes));
        EXPECT_LE(bench.last_read - bench.first_read + 1, bench.reads + (apart ? c.m0 : 0)) << "offset " << offset;
      }
    }
  });
}

TEST(StoreTest, SizesAroundTheTileAtOddPlaces) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(33);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    StoreBench bench(dut, random, Pace::random(random));
    random_params(random, bench, sizes);
    uint32_t index = 0;
    for (golden::DType out : {golden::DType::s8, golden::DType::u8, golden::DType::fp16, golden::DType::bf16, golden::DType::fp32,
                              golden::DType::s32})
      for (unsigned columns : {1u, sizes.cols - 1, sizes.cols, sizes.cols + 1, 2 * sizes.cols - 1, 2 * sizes.cols + 1}) {
        StoreCommand c;
        c.index = index++;
        c.n = (columns + sizes.cols - 1) / sizes.cols;
        c.n_tail = columns - (c.n - 1) * sizes.cols;
        c.m0 = unsigned(random.in(1, 4));
        c.stride = int(c.m0);
        c.acc = unsigned(random.in(0, 100));
        do random_result(random, sizes, c);
        while (c.out != out);
        c.address = uint64_t(index) * 65536 + uint64_t(2 * random.in(0, 40) + 1);
        c.pitch0 = int32_t(c.row_bytes(sizes)) + int32_t(random.pick({0, 1, 3, 37, -1}));
        bench.submit(c);
      }
    bench.run();
  });
}

TEST(StoreTest, BadResponseStopsWithTheBurstsAddress) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(28);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 20; round++) {
      StoreBench bench(dut, random, Pace::random(random));
      StoreCommand before = rows(sizes, 1 << 20, 3, 1, 8192);
      before.index = 6;
      before.give = 0x60;
      StoreCommand c = rows(sizes, 5120, 20, 1, 1024);
      c.index = 7;
      c.give = 0x60;
      bench.submit(before);
      bench.submit(c);
      bench.submit(before);
      const unsigned row = unsigned(random.in(0, 19));
      bench.error_burst = 3 + row;
      while (!bench.error && bench.cycle < 20000)
        if (!bench.step()) return;
      EXPECT_EQ(bench.error_code, SYSTOLE_ERROR_AXI_STORE);
      EXPECT_EQ(bench.error_index, 7u);
      EXPECT_EQ(bench.error_address, 5120u + 1024 * row);
      for (int i = 0; i < 100000 && !bench.quiet; i++)
        if (!bench.step()) return;
      for (int i = 0; i < 300; i++)
        if (!bench.step()) return;
      EXPECT_TRUE(bench.quiet);
      EXPECT_EQ(bench.outstanding(), 0u);
      EXPECT_EQ(bench.done, 1u);
    }
  });
}

TEST(StoreTest, RowBeyondTheAccumulatorsIsARangeErrorAndBurstsAreCompleted) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(29);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 20; round++) {
      StoreBench bench(dut, random, Pace::random(random));
      bench.submit(rows(sizes, 1 << 20, 3, 1, 8192));
      StoreCommand c = rows(sizes, 4096 + unsigned(random.in(0, 100)), 30, 2, int32_t(8 * sizes.cols));
      c.index = 99;
      uint64_t address = 2 * sizes.acc_rows;
      if (random.chance(50)) {  // beyond the end
        c.acc = 2 * sizes.acc_rows - unsigned(random.in(1, 29));
        c.stride = -5;
      } else {  // before the beginning
        c.acc = 4;
        c.stride = -10;
        address = 0xFFFA;
      }
      bench.submit(c);
      while (!bench.error && bench.cycle < 20000)
        if (!bench.step()) return;
      EXPECT_EQ(bench.error_code, SYSTOLE_ERROR_RANGE);
      EXPECT_EQ(bench.error_index, 99u);
      EXPECT_EQ(bench.error_address, address);
      for (int i = 0; i < 100000 && !bench.quiet; i++)
        if (!bench.step()) return;
      for (int i = 0; i < 300; i++)
        if (!bench.step()) return;
      EXPECT_TRUE(bench.quiet);
      EXPECT_EQ(bench.outstanding(), 0u);
    }
  });
}

/// Runs a command that must end in an error, and lets its bursts finish.
void run_into_error(StoreBench &bench, uint8_t code, uint32_t index, uint64_t address) {
  while (!bench.error && bench.cycle < 20000)
    if (!bench.step()) return;
  EXPECT_EQ(bench.error_code, code);
  EXPECT_EQ(bench.error_index, index);
  EXPECT_EQ(bench.error_address, address);
  for (int i = 0; i < 100000 && !bench.quiet; i++)
    if (!bench.step()) return;
  for (int i = 0; i < 100; i++)
    if (!bench.step()) return;
  EXPECT_TRUE(bench.quiet);
  EXPECT_EQ(bench.outstanding(), 0u);
}

TEST(StoreTest, IllegalParameterOfAnyColumnStopsWithItsEntry) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(34);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (unsigned column = 0; column < sizes.cols; column++) {
      StoreBench bench(dut, random, Pace::random(random));
      StoreCommand before = rows(sizes, 1 << 20, 3, 2, 8192);
      before.index = 6;
      before.give = 0x60;
      StoreCommand c = rows(sizes, 5121, 2, 3, 4096);
      do random_result(random, sizes, c);
      while (!c.per_column);
      c.index = 7;
      c.give = 0x60;
      // The same parameters, but the illegal one is beyond the columns: no error.
      StoreCommand tail = c;
      tail.index = 5;
      tail.n = 2;
      tail.n_tail = std::max(1u, column);
      random_params(random, bench, sizes);
      if (c.rule == golden::Requant::fixed && random.chance(50)) {
        bench.shift(c.param + 1, column) = int8_t(random.pick({-128, -32, 31, 127}));
      } else {
        bench.scale(c.param + 1, column) =
            c.rule == golden::Requant::fixed ? 0x80000000u : random.pick({0u, 0x7F800000u, 0x7FC00000u, 0x80000001u});
      }
      bench.load_params();
      if (column > 0) bench.submit(tail);
      bench.submit(before);
      bench.submit(c);
      before.index = 8;
      bench.submit(before);
      run_into_error(bench, SYSTOLE_ERROR_PARAM, 7, c.param + 1);
      EXPECT_EQ(bench.done, column > 0 ? 2u : 1u);
      if (::testing::Test::HasFailure()) return;
      bench.reset();
    }
  });
}

TEST(StoreTest, EntryBeyondTheBanksIsARangeError) {
  on_all([](StoreDut &dut) {
    const StoreSizes &sizes = dut.sizes();
    Random random(35);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 20; round++) {
      StoreBench bench(dut, random, Pace::random(random));
      random_params(random, bench, sizes);
      bench.submit(rows(sizes, 1 << 20, 3, 1, 8192));
      StoreCommand c = rows(sizes, 4096 + unsigned(random.in(0, 100)), 2, 4, int32_t(8 * sizes.cols));
      do random_result(random, sizes, c);
      while (!c.per_column);
      c.index = 99;
      c.param = sizes.param_entries - unsigned(random.in(1, 3));
      // An illegal parameter before it comes first.
      const bool bad = random.chance(50);
      if (bad) bench.scale(sizes.param_entries - 1, unsigned(random.in(0, sizes.cols - 1))) = 0xFFFFFFFF;
      bench.load_params();
      bench.submit(c);
      run_into_error(bench, bad ? SYSTOLE_ERROR_PARAM : SYSTOLE_ERROR_RANGE, 99, sizes.param_entries - (bad ? 1 : 0));
      if (::testing::Test::HasFailure()) return;
    }
  });
}

/// The error that a sequence of commands must end in, found command by command in the order in which accumulators are read.
struct ExpectedError {
  int code = SYSTOLE_ERROR_NONE;
  uint32_t index = 0;
  uint64_t address = 0;
};

bool illegal(golden::Requant rule, uint32_t scale, int shift) {
  if (rule == golden::Requant::floating) return scale == 0 || scale >= 0x7F800000u;
  return scale >> 31 || shift < -31 || shift > 30;
}

/// What tile `tile` of row (i1, i0) of a command runs into.
ExpectedError error_of_tile(StoreBench &bench, const StoreSizes &sizes, const StoreCommand &c, unsigned i1, unsigned i0,
                            unsigned tile) {
  const int row = c.row(tile, i1, i0);
  if (row < 0 || row >= int(2 * sizes.acc_rows)) return {SYSTOLE_ERROR_RANGE, c.index, uint16_t(row)};
  if (!c.per_column) return {};
  const unsigned entry = c.param + tile, columns = tile + 1 == c.n ? c.n_tail : sizes.cols;
  if (entry >= sizes.param_entries) return {SYSTOLE_ERROR_RANGE, c.index, entry};
  for (unsigned column = 0; column < columns; column++)
    if (illegal(c.rule, bench.scale(entry, column), bench.shift(entry, column))) return {SYSTOLE_ERROR_PARAM, c.index, entry};
  return {};
}

ExpectedError error_of(StoreBench &bench, const StoreSizes &sizes, const StoreCommand &c) {
  for (unsigned i1 = 0; i1 < c.m1; i1++)
    for (unsigned i0 = 0; i0 < c.m0; i0++)
      for (unsigned tile = 0; tile < c.n; tile++)
        if (const ExpectedError e = error_of_tile(bench, sizes, c, i1, i0, tile); e.code != SYSTOLE_ERROR_NONE) return e;
  return {};
}

/// Up to three illegal or extreme parameters among legal ones.
void random_params_with_illegal_ones(Random &r, StoreBench &bench, const StoreSizes &sizes) {
  random_params(r, bench, sizes);
  for (int64_t i = r.in(0, 3); i > 0; i--) {
    const auto entry = unsigned(r.in(0, sizes.param_entries - 1)), column = unsigned(r.in(0, sizes.cols - 1));
    if (r.chance(50))
      bench.scale(entry, column) = r.pick({0u, 0x7F800000u, 0x7FC00000u, 0x80000001u, 0x80000000u});
    else
      bench.shift(entry, column) = int8_t(r.pick({-128, -32, 31, 127}));
  }
  bench.load_params();
}

/// A random command, often short, sometimes one that leaves the accumulators or the banks.
StoreCommand random_command_with_errors(Random &r, const StoreSizes &sizes, uint32_t index) {
  StoreCommand c = random_command(r, sizes, index);
  if (r.chance(50)) {
    c.m0 = std::min(c.m0, 3u);
    c.m1 = 1;
    c.n = std::min(c.n, 2u);
    c.stride = std::clamp(c.stride, -2, 2);
    c.acc = std::clamp(c.acc, 8u, 200u);
  }
  if (r.chance(8)) {
    c.acc = 2 * sizes.acc_rows - 1;
    c.stride = r.pick({1, -1, 5});
  }
  if (c.per_column && r.chance(10)) c.param = sizes.param_entries - 1;
  return c;
}

/// Runs until all is done or an error; three times in ten a stop comes at a random moment before. Then all comes to rest.
void run_or_stop(Random &r, StoreBench &bench, uint64_t commands) {
  const uint64_t stop_at = r.chance(30) ? uint64_t(r.in(5, 400)) : UINT64_MAX;
  for (uint64_t limit = bench.cycle + 400'000; bench.cycle < limit && !bench.error && bench.done < commands && !bench.stop;) {
    bench.stop = bench.cycle >= stop_at;
    if (!bench.step()) return;
  }
  for (int i = 0; i < 100'000 && !bench.quiet; i++)
    if (!bench.step()) return;
  for (int64_t i = r.in(8, 60); i > 0; i--)
    if (!bench.step()) return;
  EXPECT_TRUE(bench.quiet);
  EXPECT_EQ(bench.outstanding(), 0u);
}

TEST(StoreTest, ErrorsAmongRandomCommandsAreFoundInOrderAndAResetStartsAfresh) {
  std::map<int, int> seen;  // how many runs ended in which error
  int cut_off = 0;          // ... and had bursts to be completed without data
  on_all([&](StoreDut &dut) {
    constexpr uint32_t kRounds = 100, kCommands = 10;
    const StoreSizes &sizes = dut.sizes();
    Random random(36);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (uint32_t round = 0; round < kRounds; round++) {
      SCOPED_TRACE("round " + std::to_string(round));
      StoreBench bench(dut, random, round % 5 == 0 ? kNoStalls : Pace::random(random));
      random_params_with_illegal_ones(random, bench, sizes);
      const uint32_t first = random.pick({0u, 0xFFFFFFFCu, 77u});  // indices wrap around
      ExpectedError expected;
      for (uint32_t i = 0; i < kCommands; i++) {
        const StoreCommand c = random_command_with_errors(random, sizes, first + i);
        if (expected.code == SYSTOLE_ERROR_NONE) expected = error_of(bench, sizes, c);
        bench.submit(c);
      }
      run_or_stop(random, bench, kCommands);
      if (bench.error) {
        EXPECT_EQ(int(bench.error_code), expected.code);
        EXPECT_EQ(bench.error_index, expected.index);
        EXPECT_EQ(bench.error_address, expected.address);
        seen[bench.error_code]++;
      } else if (!bench.stop) {
        EXPECT_EQ(expected.code, SYSTOLE_ERROR_NONE);
        EXPECT_EQ(bench.done, kCommands);
        seen[SYSTOLE_ERROR_NONE]++;
      }
      cut_off += bench.empty_beats != 0;
      bench.reset();
      random_params(random, bench, sizes);
      for (uint32_t i = 0; i < 3; i++) bench.submit(random_command(random, sizes, i));
      bench.run();
      if (::testing::Test::HasFailure()) return;
    }
  });
  if (::testing::Test::HasFailure()) return;
  EXPECT_GT(seen[SYSTOLE_ERROR_RANGE], 100);
  EXPECT_GT(seen[SYSTOLE_ERROR_PARAM], 20);
  EXPECT_GT(seen[SYSTOLE_ERROR_NONE], 50);
  EXPECT_GT(cut_off, 100);
}

TEST(StoreTest, StopLetsIssuedBurstsFinishAndResetStartsAfresh) {
  on_all([](StoreDut &dut) {
    Random random(30);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 15; round++) {
      StoreBench bench(dut, random, Pace::random(random));
      random_params(random, bench, dut.sizes());
      for (uint32_t i = 0; i < 6; i++) bench.submit(random_command(random, dut.sizes(), i));
      for (int64_t i = random.in(1, 400); i > 0; i--)
        if (!bench.step()) return;
      bench.stop = true;
      if (!bench.step()) return;
      for (int i = 0; i < 100000 && !bench.quiet; i++)
        if (!bench.step()) return;
      for (int i = 0; i < 300; i++)
        if (!bench.step()) return;
      EXPECT_TRUE(bench.quiet);
      EXPECT_EQ(bench.outstanding(), 0u);
      EXPECT_FALSE(bench.error);
      bench.reset();
      for (uint32_t i = 0; i < 3; i++) bench.submit(random_command(random, dut.sizes(), i));
      bench.run();
      if (::testing::Test::HasFailure()) return;
    }
  });
}

}  // namespace
}  // namespace systole::tb::dma
