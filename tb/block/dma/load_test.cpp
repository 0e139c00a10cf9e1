// SPDX-License-Identifier: Apache-2.0
// The load engine and the read multiplexer against a byte-level reference, on several sizes.
#include <gtest/gtest.h>

#include "Vload_16x16_128.h"
#include "Vload_16x4_128.h"
#include "Vload_2x2_512.h"
#include "Vload_2x64_32.h"
#include "Vload_32x32_256.h"
#include "Vload_4x16_128.h"
#include "Vload_4x4_32.h"
#include "Vload_8x8_128.h"
#include "tb/block/dma/load_bench.hpp"

namespace systole::tb::dma {

std::vector<std::unique_ptr<LoadDut>> load_duts() {
  Verilated::randReset(2);
  Verilated::randSeed(int(std::random_device{}() >> 1));
  std::vector<std::unique_ptr<LoadDut>> duts;
  duts.push_back(std::make_unique<VerilatedLoad<Vload_16x16_128>>(16, 16, 128));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_8x8_128>>(8, 8, 128));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_4x4_32>>(4, 4, 32));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_4x16_128>>(4, 16, 128));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_16x4_128>>(16, 4, 128));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_2x2_512>>(2, 2, 512));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_2x64_32>>(2, 64, 32));
  duts.push_back(std::make_unique<VerilatedLoad<Vload_32x32_256>>(32, 32, 256));
  return duts;
}

namespace {

LoadCommand random_command(Random &r, const LoadSizes &sizes, uint32_t index) {
  for (;;) {
    LoadCommand c;
    c.index = index;
    c.dest = unsigned(r.in(0, 3));
    c.bank = c.dest == SYSTOLE_DEST_PARAM ? unsigned(r.in(SYSTOLE_BANK_BIAS, SYSTOLE_BANK_SHIFT)) : 0;
    const int word = int(sizes.dest_bytes(c.dest, c.bank));
    const int bus = int(sizes.bus_bytes);
    Shape &s = c.shape;
    const int64_t length = r.pick<int64_t>({1, word - 1, word, word + 1, bus - 1, bus, bus + 1, 2, 3, 5, 7, 13, 31, 61, 127, 251,
                                            r.in(1, 5 * word), r.in(1, 3 * word), 5000});
    s.length = uint32_t(std::max<int64_t>(1, length));
    s.count1 = uint32_t(r.pick<int64_t>({1, 1, 2, 3, r.in(1, 12)}));
    s.count2 = uint32_t(r.pick<int64_t>({1, 1, 2, 3, r.in(1, 8)}));
    const auto pitch = [&](int64_t tight) {
      return int32_t(r.pick<int64_t>(
          {tight, tight, tight, 0, -tight, tight + 1, tight - 1, tight + bus, r.in(-5000, 5000), 1, r.in(-(1 << 30), 1 << 30)}));
    };
    s.pitch1 = pitch(s.length);
    s.pitch2 = pitch(int64_t(s.length) * s.count1);
    s.address = wrap(uint64_t(r.pick<int64_t>({r.in(0, 1 << 20), (int64_t(1) << 36) + r.in(-100, 100), 4096 * 5 - r.in(0, 80)})));
    if (r.chance(40)) {
      c.left = unsigned(r.in(0, 2));
      c.right = unsigned(r.in(0, 2));
      c.top = unsigned(r.in(0, 2));
      c.bottom = unsigned(r.in(0, 2));
    }
    c.pad = uint8_t(r.bits());
    c.wait = uint8_t(r.bits()) & 0x4C;
    c.give = uint8_t(r.bits()) & 0x83;
    const unsigned words = c.words(sizes);
    if (words > sizes.depth(c.dest)) continue;
    c.dst = unsigned(r.in(0, sizes.depth(c.dest) - words));
    return c;
  }
}

/// Runs `body` on every configuration until one fails.
template <typename Body>
void on_all(Body body) {
  for (auto &dut : load_duts()) {
    SCOPED_TRACE(dut->name());
    body(*dut);
    if (::testing::Test::HasFailure()) return;
  }
}

LoadCommand act(Shape shape, unsigned dst = 0) {
  LoadCommand c;
  c.shape = shape;
  c.dst = dst;
  return c;
}

constexpr Pace kNoStalls = {};

TEST(LoadTest, RandomDescriptorsGiveTheReferencesBytes) {
  on_all([](LoadDut &dut) {
    Random random(1);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 12; round++) {
      LoadBench bench(dut, random, round == 0 ? kNoStalls : Pace::random(random));
      bench.fetch_percent = unsigned(random.pick({0, 5, 50}));
      bench.token_percent = unsigned(random.pick({100, 50, 10}));
      for (uint32_t i = 0; i < 15; i++) bench.submit(random_command(random, dut.sizes(), 1000u * round + i));
      bench.run();
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST(LoadTest, FirstAddressFollowsTheCommandAfterTheDocumentedCycles) {
  on_all([](LoadDut &dut) {
    Random random(2);
    LoadBench bench(dut, random, kNoStalls);
    bench.submit(act({64, dut.sizes().word_bytes()}));
    bench.run();
    // Five cycles to the engine's AR, one more through the multiplexer.
    EXPECT_EQ(bench.first_ar, bench.first_accept + 6);
    EXPECT_EQ(bench.last_chunk, bench.last_beat + 2);
  });
}

TEST(LoadTest, LongItemsTakeABeatACycleAtAnyAlignment) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    if (sizes.word_bytes() < sizes.bus_bytes) return;
    for (uint64_t offset = 0; offset < sizes.bus_bytes; offset += offset < 4 ? 1 : 3) {
      Random random(3);
      LoadBench bench(dut, random, kNoStalls);
      bench.submit(act({4000 + offset, sizes.word_bytes() * sizes.act_words - unsigned(offset % 5)}));
      bench.run();
      EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats) << "offset " << offset;
    }
  });
}

TEST(LoadTest, ContiguousItemsShareBeats) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    Random random(4);
    LoadBench bench(dut, random, kNoStalls);
    const uint32_t n = sizes.word_bytes();
    bench.submit(act({3, n, 16, 8, int32_t(n), int32_t(16 * n)}));
    bench.run();
    EXPECT_EQ(bench.beats, (3 + 128 * n + sizes.bus_bytes - 1) / sizes.bus_bytes);
    EXPECT_EQ(bench.chunks, 128u);
  });
}

TEST(LoadTest, IsolatedItemsTakeABeatACycle) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    if (sizes.word_bytes() < sizes.bus_bytes) return;
    for (int32_t gap : {1, 3, 64}) {
      Random random(5);
      LoadBench bench(dut, random, kNoStalls);
      bench.submit(act({1, sizes.word_bytes(), 200, 1, int32_t(sizes.word_bytes()) + gap, 0}));
      bench.run();
      EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats) << "gap " << gap;
    }
  });
}

TEST(LoadTest, ChunksNarrowerThanBeatsAreWrittenOneACycle) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    if (sizes.word_bytes() >= sizes.bus_bytes) return;
    for (uint64_t offset = 0; offset < sizes.bus_bytes; offset += 7) {
      Random random(6);
      LoadBench bench(dut, random, kNoStalls);
      bench.submit(act({8192 + offset, sizes.word_bytes() * sizes.act_words}));
      bench.run();
      EXPECT_EQ(bench.last_chunk - bench.first_chunk + 1, bench.chunks) << "offset " << offset;
    }
  });
}

TEST(LoadTest, PaddingIsWrittenAChunkACycle) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    Random random(7);
    Pace pace;
    pace.latency = 200;  // the item's data come after the top and left padding
    LoadBench bench(dut, random, pace);
    LoadCommand c = act({77, sizes.word_bytes()});
    c.top = 5;
    c.left = 2;
    c.right = 20;
    c.bottom = 4;
    c.pad = 0x80;
    bench.submit(c);
    bench.run();
    EXPECT_EQ(bench.chunks, 23u * 10);
    EXPECT_EQ(bench.first_chunk, bench.first_accept + 6) << "padding needs no data";
    EXPECT_EQ(bench.last_chunk - bench.last_beat, 2 + 20u + 4 * 23) << "one chunk a cycle behind the data";
  });
}

TEST(LoadTest, ShortCommandsKeepTheBusBusy) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    if (sizes.word_bytes() < sizes.bus_bytes) return;
    Random random(8);
    Pace pace;
    pace.latency = 10;
    LoadBench bench(dut, random, pace);
    for (unsigned i = 0; i < 60; i++) {
      LoadCommand c = act({4096 * i, 5 * sizes.bus_bytes}, 0);
      bench.submit(c);
    }
    bench.run();
    // Commands are offered in 80 % of the cycles only, hence a little slack.
    EXPECT_LE(bench.last_beat - bench.first_beat + 1, bench.beats + bench.beats / 10);
  });
}

TEST(LoadTest, BadResponseStopsWithTheItemsAddress) {
  on_all([](LoadDut &dut) {
    Random random(9);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 20; round++) {
      LoadBench bench(dut, random, Pace::random(random));
      const uint32_t n = dut.sizes().word_bytes();
      const uint32_t item = uint32_t(random.in(0, 19));
      LoadCommand before = act({1 << 20, n, 3, 1, 4096, 0});
      before.index = 6;
      LoadCommand c = act({5000, n, 20, 1, int32_t(n) + 300, 0});
      c.index = 7;
      bench.submit(before);
      bench.submit(c);
      bench.submit(before);
      bench.error_beat = c.shape.item(0, item) + random.in(0, n - 1);
      while (!bench.error && bench.cycle < 20000)
        if (!bench.step()) return;
      EXPECT_EQ(bench.error_code, SYSTOLE_ERROR_AXI_LOAD);
      EXPECT_EQ(bench.error_index, 7u);
      EXPECT_EQ(bench.error_address, c.shape.item(0, item));
      EXPECT_LE(bench.chunks, 3u + item);
      EXPECT_GE(bench.chunks + 1, 3u + item);
      const uint64_t bursts = bench.bursts;
      for (int i = 0; i < 100000 && !bench.quiet; i++)
        if (!bench.step()) return;
      for (int i = 0; i < 200; i++)
        if (!bench.step()) return;
      EXPECT_TRUE(bench.quiet);
      EXPECT_EQ(bench.outstanding(), 0u);
      EXPECT_LE(bench.bursts, bursts + 2) << "bursts were started after the error";
      EXPECT_EQ(bench.chunks, 3u + item) << "a chunk was written after the error";
      EXPECT_EQ(bench.done, 1u);
    }
  });
}

TEST(LoadTest, WordBeyondTheBufferIsARangeError) {
  on_all([](LoadDut &dut) {
    const LoadSizes &sizes = dut.sizes();
    for (unsigned dest = 0; dest < 4; dest++) {
      for (unsigned bank = 0; bank < (dest == SYSTOLE_DEST_PARAM ? SYSTOLE_BANK_SHIFT + 1u : 1u); bank++) {
        Random random(10);
        LoadBench bench(dut, random, Pace::random(random));
        LoadCommand c = act({123, sizes.dest_bytes(dest, bank), 9, 1, 4096, 0}, sizes.depth(dest) - 5);
        c.dest = dest;
        c.bank = bank;
        c.index = 99;
        bench.submit(c);
        while (!bench.error && bench.cycle < 20000)
          if (!bench.step()) return;
        EXPECT_EQ(bench.error_code, SYSTOLE_ERROR_RANGE);
        EXPECT_EQ(bench.error_index, 99u);
        EXPECT_EQ(bench.error_address, sizes.depth(dest));
        for (int i = 0; i < 2000; i++)
          if (!bench.step()) return;
        EXPECT_TRUE(bench.quiet);
        EXPECT_EQ(bench.done, 0u);
        const unsigned per_word = std::max(1u, sizes.dest_bytes(dest, bank) / sizes.word_bytes());
        EXPECT_EQ(bench.chunks, 5 * per_word);
      }
    }
  });
}

TEST(LoadTest, StopLetsIssuedBurstsFinishAndResetStartsAfresh) {
  on_all([](LoadDut &dut) {
    Random random(11);
    SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(random.seed()));
    for (int round = 0; round < 15; round++) {
      LoadBench bench(dut, random, Pace::random(random));
      for (uint32_t i = 0; i < 6; i++) bench.submit(random_command(random, dut.sizes(), i));
      for (int64_t i = random.in(1, 400); i > 0; i--)
        if (!bench.step()) return;
      bench.stop = true;
      if (!bench.step()) return;
      const uint64_t bursts = bench.bursts, chunks = bench.chunks;
      for (int i = 0; i < 100000 && !bench.quiet; i++)
        if (!bench.step()) return;
      for (int i = 0; i < 300; i++)
        if (!bench.step()) return;
      EXPECT_TRUE(bench.quiet);
      EXPECT_EQ(bench.outstanding(), 0u);
      EXPECT_LE(bench.bursts, bursts + 2);
      EXPECT_LE(bench.chunks, chunks + 1);
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
