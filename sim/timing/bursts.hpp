// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace systole::timing {

/// What a LOAD or STORE moves: count2 x count1 items of `length` bytes, item (i2, i1) at address + i2*pitch2 + i1*pitch1.
struct Transfer {
  uint64_t address = 0;
  uint32_t length = 0, count1 = 0, count2 = 0;
  int32_t pitch1 = 0, pitch2 = 0;

  /// Items of a row lie back to back and share beats and bursts; rows do, too.
  bool merge1() const { return count1 == 1 || static_cast<uint32_t>(pitch1) == length; }
  bool merge2() const {
    const uint64_t row = uint64_t{count1} * length;
    return merge1() && row >> 24 == 0 && (count2 == 1 || static_cast<uint32_t>(pitch2) == row);
  }
};

/// Cuts a transfer into AXI bursts, as rtl/common/systole_burst_gen.sv does: a burst ends at a 4 KiB boundary, after 256 beats or
/// with its segment (an item, a row or all, whatever lies back to back).
class Bursts {
 public:
  explicit Bursts(unsigned bus_bytes)
      : bus_bytes_(bus_bytes), page_beats_(4096 / bus_bytes), max_beats_(std::min(page_beats_, 256u)) {
    while ((1u << shift_) < bus_bytes) ++shift_;
  }

  void start(const Transfer &transfer) {
    const uint64_t row = uint64_t{transfer.count1} * transfer.length;
    const bool merge1 = transfer.merge1(), merge2 = transfer.merge2();
    length_ = merge2 ? row * transfer.count2 : merge1 ? row : transfer.length;
    segments_ = left1_ = merge1 ? 1 : transfer.count1;
    left2_ = merge2 ? 1 : transfer.count2;
    pitch1_ = transfer.pitch1;
    pitch2_ = transfer.pitch2;
    segment_ = row_start_ = transfer.address;
    begin_segment();
    left_ = true;
  }
  /// There is a next burst.
  bool left() const { return left_; }
  /// Takes it. @returns its beats
  uint32_t next() {
    const uint64_t page_left = page_beats_ - ((address_ >> shift_) & (page_beats_ - 1));
    const uint64_t limit = std::min<uint64_t>(page_left, max_beats_);
    if (beats_ > limit) {
      address_ = (address_ & ~uint64_t{bus_bytes_ - 1}) + limit * bus_bytes_;
      beats_ -= limit;
      return static_cast<uint32_t>(limit);
    }
    const auto beats = static_cast<uint32_t>(beats_);
    if (left1_ != 1) {
      --left1_;
      segment_ += static_cast<uint64_t>(int64_t{pitch1_});
    } else if (left2_ != 1) {
      --left2_;
      left1_ = segments_;
      segment_ = row_start_ += static_cast<uint64_t>(int64_t{pitch2_});
    } else {
      left_ = false;
      return beats;
    }
    begin_segment();
    return beats;
  }

 private:
  void begin_segment() {
    address_ = segment_;
    beats_ = (length_ + (segment_ & (bus_bytes_ - 1)) + bus_bytes_ - 1) >> shift_;
  }

  const uint32_t bus_bytes_, page_beats_, max_beats_;
  unsigned shift_ = 0;
  bool left_ = false;
  uint64_t length_ = 0;                            // bytes of a segment
  uint64_t segment_ = 0, row_start_ = 0;           // addresses of this segment, of its row
  uint64_t address_ = 0, beats_ = 0;               // of the next burst; beats of the segment left
  uint32_t segments_ = 0, left1_ = 0, left2_ = 0;  // segments a row; segments and rows left, this one included
  int32_t pitch1_ = 0, pitch2_ = 0;
};

}  // namespace systole::timing
