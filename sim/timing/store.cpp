// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/store.hpp"

#include <algorithm>

#include "firmware/include/systole_regs.h"

namespace systole::timing {
namespace {

unsigned log2_of(unsigned value) {
  unsigned result = 0;
  while ((1u << result) < value) ++result;
  return result;
}

// Beat slots of rtl/store/systole_dma_write.sv.
unsigned slots_of(unsigned group_bytes, unsigned bus_bytes) {
  return group_bytes >= 2 * bus_bytes ? 2 * group_bytes / bus_bytes : group_bytes == bus_bytes ? 4 : 2;
}

unsigned size_of(uint32_t dtype) {
  switch (dtype) {
    case SYSTOLE_DTYPE_S8:
    case SYSTOLE_DTYPE_U8: return 0;
    case SYSTOLE_DTYPE_FP16:
    case SYSTOLE_DTYPE_BF16: return 1;
    default: return 2;
  }
}

Transfer transfer_of(const StoreFields &s, unsigned cols) {
  Transfer transfer;
  transfer.address = s.address;
  transfer.length = (((s.n - 1) * cols + s.n_tail) << size_of(s.out_dtype)) & 0xFFFFFF;
  transfer.count1 = s.m0;
  transfer.count2 = s.m1;
  transfer.pitch1 = s.pitch0;
  transfer.pitch2 = s.pitch1;
  return transfer;
}

}  // namespace

Store::Store(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services, const Compute &compute,
             bool every_cycle)
    : cols_(config.cols),
      acc_rows_(config.acc_rows),
      lanes_(config.epilogue_lanes()),
      bus_bytes_(config.axi_bytes()),
      bus_shift_(log2_of(bus_bytes_)),
      slots_(slots_of(4 * lanes_, bus_bytes_)),
      every_cycle_(every_cycle),
      services_(services),
      compute_(compute),
      writes_(config, memory, services) {
  sent_.resize(size_t{1} << log2_of(slots_));
  sent_mask_ = sent_.size() - 1;
}

// The command held goes to the burst generator and into the queue to the walker, as soon as it is known when.
void Store::hand_on() {
  if (held_ == nullptr || writes_.loaded() == kNever) return;
  Cycle offered = held_from_;
  if (contexts_in_ >= kContexts) {
    if (contexts_in_ - kContexts >= contexts_out_) return;
    offered = std::max(offered, taken_[contexts_in_ % kContexts] + 1);
  }
  // Two cycles of set-up; then the cycle after the last burst of the command before was loaded into the generator's register.
  handed_on_ = std::max(offered + 2, writes_.loaded() + 1);
  const Transfer transfer = transfer_of(held_->store, cols_);
  contexts_.push({handed_on_ + 1, held_, transfer.merge1(), transfer.merge2()});
  ++contexts_in_;
  writes_.command(handed_on_, transfer, *held_);
  held_ = nullptr;
}

void Store::enter(const Context &context) {
  const StoreFields &s = context.command->store;
  // In the cycle of the last read of the command before, or later.
  const Cycle taken = groups_ == 0 ? context.visible : std::max(context.visible, next_read_ - 1);
  taken_[contexts_out_++ % kContexts] = taken;
  next_read_ = taken + 1;
  active_ = true;
  context_ = context;
  size_ = size_of(s.out_dtype);
  left0_ = s.m0;
  left1_ = s.m1;
  tile_ = 0;
  row_ = tile_row_ = s.acc;
  column_ = 0;
  columns_ = s.n == 1 ? s.n_tail : cols_;
  offset_ = start0_ = start1_ = static_cast<uint32_t>(s.address) & (bus_bytes_ - 1);
}

// Reads groups, as long as it is known whether the array leaves their banks alone. @returns the cycle in which to go on
Cycle Store::walk(Cycle now) {
  // A tile that has not started reads column c from known + c on.
  const Cycle known = compute_.earliest_start(now) + compute_.read_delay();
  for (;;) {
    if (!active_) {
      if (contexts_.empty()) return kNever;
      enter(contexts_.front());
      contexts_.pop();
      hand_on();
    }
    const StoreFields &s = context_.command->store;

    Cycle read = next_read_;
    if (groups_ >= kCredits) read = std::max(read, entered_[groups_ % kCredits] + 1);
    const unsigned half = tile_row_ >= acc_rows_ ? 1 : 0;
    read = compute_.reads_free(read, half, column_, lanes_);
    next_read_ = read;  // not before, whatever becomes known
    if (every_cycle_ && read > now) return now + 1;
    if (read >= known + column_) return read - compute_.read_delay() - column_;
    next_read_ = read + 1;

    const bool group_last = columns_ - column_ <= lanes_;
    const uint32_t lanes = group_last ? columns_ - column_ : lanes_;
    const bool row_end = group_last && tile_ + 1 == s.n;
    const bool last0 = left0_ == 1, last1 = left1_ == 1;
    group(read, lanes, row_end && !(last0 ? context_.merge2 && !last1 : context_.merge1));

    const uint32_t mask = bus_bytes_ - 1;
    if (!group_last) {
      column_ += lanes_;
      offset_ = (offset_ + (lanes << size_)) & mask;
      continue;
    }
    column_ = 0;
    if (!row_end) {
      ++tile_;
      tile_row_ += static_cast<uint32_t>(s.acc_n_stride);
      columns_ = tile_ + 1 == s.n ? s.n_tail : cols_;
      offset_ = (offset_ + (lanes << size_)) & mask;
      continue;
    }
    if (last0 && last1) {
      active_ = false;
      if ((context_.command->give & SYSTOLE_TOKEN_ACC_FREE) != 0) services_.give(read + 1, SYSTOLE_TOKEN_ACC_FREE);
      continue;
    }
    tile_ = 0;
    tile_row_ = ++row_;
    columns_ = s.n == 1 ? s.n_tail : cols_;
    if (last0) {
      --left1_;
      left0_ = s.m0;
      offset_ = start0_ = start1_ = (start1_ + static_cast<uint32_t>(s.pitch1)) & mask;
    } else {
      --left0_;
      offset_ = start0_ = (start0_ + static_cast<uint32_t>(s.pitch0)) & mask;
    }
  }
}

// A group that is read in cycle `read`: epilogue, packing, beats.
void Store::group(Cycle read, uint32_t lanes, bool segment_end) {
  // It is offered to the epilogue three cycles later and enters in a cycle in which that advances.
  Cycle entry = std::max(read + 3, next_entry_);
  while (!stalls_.empty() && stalls_.front().from <= entry) {
    const Stall &stall = stalls_.front();
    stalled_before_ += stall.to - stall.from;
    entry = std::max(entry, stall.to);
    stalls_.pop();
  }
  next_entry_ = entry + 1;
  entered_[groups_++ % kCredits] = entry;

  // It is at the other end when the epilogue has advanced 11 times, all stalls until then are those of groups before it.
  const Cycle arrived = entry - stalled_before_ + kStages + stalled_;
  const uint32_t span = offset_ + (lanes << size_);
  const uint32_t touched = (span + bus_bytes_ - 1) >> bus_shift_;
  Cycle placed = arrived;
  if (beats_ + touched > slots_) placed = std::max(placed, sent_[(beats_ + touched - slots_ - 1) & sent_mask_] + 1);
  if (placed != arrived) {
    stalls_.push({arrived, placed});
    stalled_ += placed - arrived;
  }

  for (uint32_t complete = segment_end ? touched : span >> bus_shift_; complete != 0; --complete)
    sent_[beats_++ & sent_mask_] = writes_.send(placed + 1);
}

Cycle Store::step(Cycle now) {
  hand_on();
  Cycle wake = walk(now);
  hand_on();
  if (held_ == nullptr && now >= handed_on_) {
    const Decoded *command = services_.front(Engine::Store, now);
    if (command != nullptr && services_.available(now, command->wait)) {
      services_.take(now, command->wait);
      services_.pop(Engine::Store, now);
      services_.begin(command->index, now);
      held_ = command;
      held_from_ = now + 1;
      hand_on();
      wake = walk(now);
      hand_on();
    }
  }
  if (held_ == nullptr && handed_on_ > now) wake = std::min(wake, handed_on_);
  return wake;
}

}  // namespace systole::timing
