// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/bursts.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

#include "sim/timing/burst_gen.hpp"

namespace systole::timing {
namespace {

std::vector<uint32_t> cut(unsigned bus_bytes, const Transfer &transfer) {
  Bursts bursts(bus_bytes);
  bursts.start(transfer);
  std::vector<uint32_t> beats;
  while (bursts.left()) beats.push_back(bursts.next());
  return beats;
}

using Beats = std::vector<uint32_t>;

TEST(BurstsTest, EndsABurstAtFourKibibytes) {
  EXPECT_EQ(cut(16, {0x0, 8192, 1, 1, 0, 0}), (Beats{256, 256}));
  EXPECT_EQ(cut(16, {0xFF0, 32, 1, 1, 0, 0}), (Beats{1, 1}));
  EXPECT_EQ(cut(64, {0x100, 4096, 1, 1, 0, 0}), (Beats{60, 4}));
}

TEST(BurstsTest, EndsABurstAfter256Beats) { EXPECT_EQ(cut(4, {0x0, 4096, 1, 1, 0, 0}), (Beats{256, 256, 256, 256})); }

TEST(BurstsTest, CountsTheBeatThatAnUnalignedAddressBeginsIn) {
  EXPECT_EQ(cut(16, {0xF, 1, 1, 1, 0, 0}), (Beats{1}));
  EXPECT_EQ(cut(16, {0xF, 2, 1, 1, 0, 0}), (Beats{2}));
  EXPECT_EQ(cut(16, {0x1, 16, 1, 1, 0, 0}), (Beats{2}));
}

TEST(BurstsTest, MergesWhatLiesBackToBack) {
  EXPECT_EQ(cut(16, {0x0, 8, 4, 3, 8, 32}), (Beats{6})) << "items and rows";
  EXPECT_EQ(cut(16, {0x0, 8, 4, 3, 8, 64}), (Beats{2, 2, 2})) << "items only";
  EXPECT_EQ(cut(16, {0x0, 8, 2, 2, 16, 32}), (Beats{1, 1, 1, 1})) << "nothing";
  EXPECT_EQ(cut(16, {0x0, 8, 1, 3, 999, 8}), (Beats{2})) << "rows of one item";
  EXPECT_EQ(cut(16, {0x0, 8, 3, 1, 16, 777}), (Beats{1, 1, 1})) << "one row";
}

TEST(BurstsTest, FollowsNegativePitches) {
  // Items at 0x1008 (two beats) and 0xFF8 (one on each side of the boundary), twice.
  EXPECT_EQ(cut(16, {0x1008, 16, 2, 2, -16, 0}), (Beats{2, 1, 1, 2, 1, 1}));
}

/// Against a walk byte by byte: the beats that a segment touches, cut at pages and after 256 of them.
TEST(BurstsTest, TouchesEachBeatOfASegmentOnce) {
  std::mt19937_64 random(20240607);
  for (int i = 0; i < 500; ++i) {
    const unsigned bus = 4u << random() % 5;
    Transfer t;
    t.address = 0x10000 + random() % 8192;
    t.length = 1 + static_cast<uint32_t>(random() % 3000);
    t.count1 = 1 + static_cast<uint32_t>(random() % 4);
    t.count2 = 1 + static_cast<uint32_t>(random() % 4);
    t.pitch1 = random() % 2 == 0 ? static_cast<int32_t>(t.length) : static_cast<int32_t>(random() % 4000) - 2000;
    t.pitch2 = random() % 2 == 0 ? static_cast<int32_t>(t.length * t.count1) : static_cast<int32_t>(random() % 4000) - 2000;
    Beats expected;
    uint64_t end = 0;  // of the segment so far
    uint64_t beat = 0;
    for (uint32_t i2 = 0; i2 < t.count2; ++i2)
      for (uint32_t i1 = 0; i1 < t.count1; ++i1) {
        const uint64_t item = t.address + static_cast<uint64_t>(int64_t{i2} * t.pitch2 + int64_t{i1} * t.pitch1);
        const bool merged = i1 != 0 ? t.merge1() : i2 != 0 && t.merge2();
        EXPECT_TRUE(!merged || item == end);
        for (uint64_t byte = item; byte < item + t.length; ++byte) {
          const bool first = !merged && byte == item;
          if (!first && byte / bus == beat) continue;
          beat = byte / bus;
          if (first || byte % 4096 == 0 || expected.back() == 256) expected.push_back(0);
          ++expected.back();
        }
        end = item + t.length;
      }
    EXPECT_EQ(cut(bus, t), expected) << "transfer " << i;
  }
}

// The cycles are those of rtl/common/systole_burst_gen.sv's header: taken two cycles after it was offered, first burst two cycles
// after that, one burst a cycle.
TEST(BurstGenTest, TakesATransferInTwoCyclesAndGivesABurstACycle) {
  BurstGen generator(16);
  const Transfer transfer{0, 16, 3, 1, 64, 0};
  EXPECT_FALSE(generator.step(10, &transfer, true));
  EXPECT_FALSE(generator.step(11, &transfer, true));
  EXPECT_TRUE(generator.step(12, &transfer, true));
  EXPECT_FALSE(generator.valid());
  generator.step(13, nullptr, true);
  for (Cycle now = 14; now < 17; ++now) {
    EXPECT_TRUE(generator.valid()) << now;
    EXPECT_EQ(generator.beats(), 1u);
    generator.step(now, nullptr, true);
  }
  EXPECT_FALSE(generator.valid());
}

TEST(BurstGenTest, HoldsABurstUntilItIsTakenAndSetsUpTheNextTransferMeanwhile) {
  BurstGen generator(16);
  const Transfer first{0, 16, 2, 1, 64, 0}, second{0, 48, 1, 1, 0, 0};
  for (Cycle now = 0; now < 2; ++now) EXPECT_FALSE(generator.step(now, &first, false));
  EXPECT_TRUE(generator.step(2, &first, false));
  for (Cycle now = 3; now < 9; ++now) EXPECT_FALSE(generator.step(now, &second, false)) << now;
  EXPECT_TRUE(generator.valid());
  EXPECT_EQ(generator.next(8), kNever) << "only the consumer can wake it";
  EXPECT_FALSE(generator.step(9, &second, true)) << "the last burst is being loaded";
  EXPECT_EQ(generator.next(9), 10u);
  EXPECT_TRUE(generator.step(10, &second, true)) << "in the cycle after that";
  EXPECT_FALSE(generator.valid());
  generator.step(11, nullptr, true);
  EXPECT_TRUE(generator.valid());
  EXPECT_EQ(generator.beats(), 3u);
}

}  // namespace
}  // namespace systole::timing
