// SPDX-License-Identifier: Apache-2.0
// The hazard table against two references: the writes themselves, row by row (no tile may read a row too early), and the rule
// that its description gives (no tile waits longer than that).
#include <Vhazard_7x3.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "tb/block/control/bench.hpp"

double sc_time_stamp() { return 0; }

namespace systole::tb {
namespace {

class HazardTest : public testing::Test {
 protected:
  static constexpr int DEPTH = 7, ENTRIES = 3, ACC_ROWS = 64;  // as in CMakeLists.txt

  struct Tile {
    int first = 0, rows = 1;
    bool reads = false;

    bool operator==(const Tile &other) const { return first == other.first && rows == other.rows && reads == other.reads; }
  };

  HazardTest() : dut_(random_.seed()), written_(ACC_ROWS, -1000) {
    dut_->rst_ni = 0;
    dut_->start_i = dut_->stream_i = dut_->change_i = 0;
    for (int i = 0; i < 4; ++i) {
      dut_.settle();
      dut_.edge();
    }
    dut_->rst_ni = 1;
  }

  /// Offers the tile in this cycle, in which the rows of the one before may still be streaming; it starts if it is `willing`
  /// and nothing holds it. Returns whether it started: never in the first cycle in which it is offered. If another one was offered
  /// before and has not started, it takes a cycle to announce the change.
  bool offer(const Tile &tile, bool willing = true) {
    if (!(tile == offered_) && !fresh_) cycle(offered_, false, true);
    offered_ = tile;
    return cycle(tile, willing, false);
  }
  void start(const Tile &tile) {
    while (!offer(tile) && !HasFailure()) {}
  }

  bool cycle(const Tile &tile, bool willing, bool change) {
    const bool streaming = left_ > 0;
    dut_->change_i = change;
    dut_->first_i = static_cast<CData>(tile.first);
    dut_->end_i = static_cast<CData>(tile.first + tile.rows);
    dut_->reads_i = tile.reads;
    dut_->start_i = 0;
    dut_->stream_i = streaming;
    dut_.settle();
    const bool clear = dut_->clear_o != 0;
    bool start = false;
    if (!streaming) {
      EXPECT_TRUE(!clear || safe(tile)) << "cycle " << now_ << ": rows from " << tile.first
                                        << " would be read before they are written";
      EXPECT_EQ(clear, allowed(tile)) << "cycle " << now_ << ": rows " << tile.first << " to " << tile.first + tile.rows - 1;
      start = clear && willing;
    }
    if (start) {
      dut_->start_i = 1;
      dut_.settle();
      tiles_.push_back({tile, now_, now_ + tile.rows - 1});
      left_ = tile.rows;
      next_ = tile.first;
    }
    if (left_ > 0) {
      --left_;
      written_[next_++] = now_ + DEPTH;
    }
    dut_.edge();
    ++now_;
    fresh_ = start || change;
    return start;
  }

  /// Cycles that the tile waits from the first cycle in which it could follow the one before.
  int wait_of(const Tile &tile) {
    while (left_ > 0) offer(tile, false);
    int waited = 0;
    while (!offer(tile) && waited < 1000) ++waited;
    return waited;
  }
  /// Lets all tiles leave the array.
  void drain() {
    for (int i = 0; i < 64 + DEPTH; ++i) offer({}, false);
  }

  Random random_;
  int waits_same = 0, waits_other = 0, waits_full = 0;  // cycles, by cause

 private:
  struct Started {
    Tile tile;
    int64_t start, last_row;
  };

  /// Row by row: if the tile starts now, each row is read when it has been written.
  bool safe(const Tile &tile) const {
    if (!tile.reads) return true;
    for (int i = 0; i < tile.rows; ++i)
      if (now_ + i < written_[tile.first + i]) return false;
    return true;
  }

  /// What the description promises.
  bool allowed(const Tile &tile) {
    while (!tiles_.empty() && now_ >= tiles_.front().last_row + DEPTH) tiles_.pop_front();
    if (fresh_) return false;
    const bool full = tiles_.size() >= ENTRIES;
    bool same = false, other = false;
    for (const Started &s : tiles_) {
      if (!tile.reads || tile.first >= s.tile.first + s.tile.rows || s.tile.first >= tile.first + tile.rows) continue;
      if (tile.first == s.tile.first)
        same |= now_ < s.start + DEPTH;
      else
        other = true;
    }
    waits_full += full ? 1 : 0;
    waits_same += same ? 1 : 0;
    waits_other += other ? 1 : 0;
    return !full && !same && !other;
  }

  Clocked<Vhazard_7x3> dut_;
  std::deque<Started> tiles_;     // whose results may still be in the array
  std::vector<int64_t> written_;  // by row: the first cycle in which it may be read again
  int64_t now_ = 0;
  int left_ = 0, next_ = 0;  // rows of the streaming tile
  Tile offered_;
  bool fresh_ = true;  // the tile was not offered in the cycle before
};

TEST_F(HazardTest, TilesOnTheSameRowsFollowAfterTheDepth) {
  for (int rows = 1; rows < 20; ++rows) {
    start({8, rows, false});
    EXPECT_EQ(wait_of({8, rows, true}), std::max(0, DEPTH - rows)) << rows << " rows";
    drain();
  }
}

TEST_F(HazardTest, TilesOnOtherOverlappingRowsWaitForTheLastWrite) {
  const auto wait_after = [this](const Tile &before, const Tile &tile) {
    drain();
    start(before);
    return wait_of(tile);
  };
  EXPECT_EQ(wait_after({10, 5, false}, {9, 2, true}), DEPTH - 1);
  EXPECT_EQ(wait_after({10, 5, false}, {14, 5, true}), DEPTH - 1);
  EXPECT_EQ(wait_after({10, 5, false}, {9, 20, true}), DEPTH - 1);
  EXPECT_EQ(wait_after({10, 5, false}, {5, 5, true}), 0);   // ends just below
  EXPECT_EQ(wait_after({10, 5, false}, {15, 5, true}), 0);  // begins just above
}

TEST_F(HazardTest, OnlyReadsWait) {
  start({10, 1, false});
  EXPECT_EQ(wait_of({10, 1, false}), 1);  // to be looked at
  EXPECT_GT(wait_of({10, 1, true}), 0);
}

TEST_F(HazardTest, AnyTileWaitsForAFreeEntry) {
  start({0, 1, false});
  for (int i = 1; i < ENTRIES; ++i) EXPECT_EQ(wait_of({4 * i, 1, false}), 1);
  EXPECT_EQ(wait_of({40, 1, false}), DEPTH - (2 * ENTRIES - 1));  // the oldest has left
}

TEST_F(HazardTest, RandomTilesReadNothingEarlyAndWaitNoLongerThanPromised) {
  Tile tile;
  int started = 0;
  for (int i = 0; i < 60000 && !HasFailure(); ++i) {
    const int willing = i / 1000 % 3 == 0 ? 30 : 100;
    if (!offer(tile, random_.percent(static_cast<uint32_t>(willing)))) continue;
    ++started;
    const int span = i / 3000 % 2 != 0 ? 8 : 40;
    tile.rows = 1 + static_cast<int>(random_.below(random_.percent(50) ? 3 : 12));
    if (random_.percent(60)) tile.first = static_cast<int>(random_.below(static_cast<uint32_t>(span)));
    tile.reads = random_.percent(70);
  }
  EXPECT_GT(started, 3000);
  for (const int waits : {waits_same, waits_other, waits_full}) EXPECT_GT(waits, 300);
}

}  // namespace
}  // namespace systole::tb
