// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/load.hpp"

#include <algorithm>
#include <stdexcept>

#include "firmware/include/systole_regs.h"

namespace systole::timing {

ReadStream::ReadStream(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services,
                       const Compute &compute, bool every_cycle)
    : config_(config),
      services_(services),
      compute_(compute),
      every_cycle_(every_cycle),
      latency_(memory.latency),
      gap_((config.axi_bytes() + memory.bytes_per_cycle - 1) / memory.bytes_per_cycle),
      bus_(config.axi_bytes()) {
  while ((1u << shift_) < bus_) ++shift_;
  const uint32_t word = config.word_bytes();
  slots_ = word >= 2 * bus_ ? 2 * word / bus_ : word == bus_ ? 4 : 2;
  if (slots_ > kMaxSlots) throw std::invalid_argument("timing model: words of that many beats are not supported");
}

void ReadStream::advance(Cycle now) {
  writes_known_ = every_cycle_ ? now + 1 : compute_.earliest_start(now) + compute_.write_delay();
  wake_ = kNever;
  chunks();
  while (!bursts_.empty()) {
    Burst &burst = bursts_.front();
    if (burst.fetch) {
      const Cycle last = std::max(offer_, burst.due) + (burst.beats - 1) * gap_;
      offer_ = last + gap_;
      burst_ends(last);
      records.push(last + 1);
      bursts_.pop();
      continue;
    }
    Cycle at = std::max(offer_, burst.due);
    while (burst.beats != 0 && accepted_ - freed_ != slots_) {
      if (!every_cycle_ && item(burst, at)) {
        if (accepted_ - freed_ >= touched_) chunks();
        continue;
      }
      const uint32_t slot = static_cast<uint32_t>(accepted_) & (slots_ - 1);
      at = std::max(at, free_at_[slot]);
      accepted_at_[slot] = at;
      ++accepted_;
      --burst.beats;
      at += gap_;
      if (accepted_ - freed_ >= touched_) chunks();
    }
    offer_ = at;
    if (burst.beats != 0) return;  // the chunk that frees a slot waits for the array
    burst_ends(at - gap_);
    bursts_.pop();
  }
}

// All of the present item, or as many whole chunks of it as the burst's beats make, if no beat waits for a slot and no chunk for
// anything but its beats. Then a chunk fires in the cycle after its last beat, one that needs no new beat a cycle later; and a
// slot is free long before its turn comes: it holds a beat for at most as many beats as a chunk has, and three cycles.
bool ReadStream::item(Burst &burst, Cycle &at) {
  if (command_ == nullptr || writing_ || !is_data_ || acc_ || chunk_bytes_ < bus_) return false;
  const uint32_t have = static_cast<uint32_t>(accepted_ - freed_), needed = touched_ - have;
  if (burst.beats < needed || at + (needed - 1) * gap_ + 1 < ready_) return false;
  for (Cycle when = at, beat = accepted_; when < ready_; when += gap_, ++beat)
    if (free_at_[static_cast<uint32_t>(beat) & (slots_ - 1)] > when) return false;

  const uint32_t whole = (left_ - 1) >> chunk_shift_, span = offset_ + left_;
  const uint32_t all = ((span + bus_ - 1) >> shift_) - have;  // beats that the item still needs
  if (burst.beats >= all) {
    const uint32_t before =
        whole == 0 ? 0 : needed + ((whole - 1) << (chunk_shift_ - shift_));  // those of the chunks before the last
    accepted_ += all;
    burst.beats -= all;
    at += all * gap_;
    const Cycle last = at - gap_, when = last + (all == before ? 2 : 1);
    freed_ += segment_end() ? have + all : span >> shift_;
    if (accepted_ != freed_) accepted_at_[static_cast<uint32_t>(freed_) & (slots_ - 1)] = last;
    ready_ = when + 1;
    offset_ = span & (bus_ - 1);
    end_item(when);
    return true;
  }
  if (whole == 0) return false;
  const uint32_t chunks = std::min(whole, 1 + ((burst.beats - needed) >> (chunk_shift_ - shift_)));
  const uint32_t beats = needed + ((chunks - 1) << (chunk_shift_ - shift_));
  accepted_ += beats;
  burst.beats -= beats;
  at += beats * gap_;
  freed_ += uint64_t{chunks} << (chunk_shift_ - shift_);
  if (accepted_ != freed_) accepted_at_[static_cast<uint32_t>(freed_) & (slots_ - 1)] = at - gap_;
  ready_ = at - gap_ + 2;
  left_ -= chunks << chunk_shift_;
  begin_chunk();
  return true;
}

// Fires the chunks whose beats are there, unless the array must be waited for.
void ReadStream::chunks() {
  for (;;) {
    if (command_ == nullptr && !contexts_.empty()) take_context();
    if (writing_ && !settle_write()) return;
    if (command_ == nullptr) return;
    Cycle when = ready_;
    if (is_data_) {
      if (accepted_ - freed_ < touched_) return;
      when = std::max(when, accepted_at_[static_cast<uint32_t>(freed_ + touched_ - 1) & (slots_ - 1)] + 1);
    }
    fire(when);
  }
}

// When does the write register's chunk go to the accumulators?
bool ReadStream::settle_write() {
  write_from_ = compute_.writes_free(write_from_, write_half_, write_chunk_ * write_columns_, write_columns_);
  if (write_from_ >= writes_known_) {
    wake_ = write_from_ - 1;  // all that follows from this write comes later than that
    return false;
  }
  writing_ = false;
  ready_ = std::max(ready_, write_from_);
  if (write_ends_ != nullptr) finish(*write_ends_, write_from_);
  return true;
}

void ReadStream::finish(const Decoded &command, Cycle written) {
  services_.done(Engine::Load, command.index, written + 1);
  if (command.give != 0) services_.give(written + 1, command.give);
}

void ReadStream::take_context() {
  const Context &context = contexts_.front();
  const Cycle at = std::max(context.visible, last_fire_);
  taken_at_[contexts_out_++ % kContexts] = at;
  ready_ = std::max(ready_, at + 1);
  command_ = context.command;
  merge1_ = context.merge1;
  merge2_ = context.merge2;
  contexts_.pop();

  const LoadFields &load = command_->load;
  item1_ = item2_ = 0;
  data_first1_ = load.pad_left;
  data_last1_ = load.pad_left + load.count1 - 1;
  item_last1_ = data_last1_ + load.pad_right;
  data_first2_ = load.pad_top;
  data_last2_ = load.pad_top + load.count2 - 1;
  item_last2_ = data_last2_ + load.pad_bottom;
  address_ = row_address_ = load.address;
  offset_ = static_cast<uint32_t>(load.address) & (bus_ - 1);
  left_ = load.length;
  chunk_ = 0;
  word_ = load.dst;
  const uint32_t width = config_.word_bytes();
  uint32_t word = width;
  acc_ = load.dest == SYSTOLE_DEST_ACC;
  if (load.dest == SYSTOLE_DEST_ACC || load.dest == SYSTOLE_DEST_PARAM)
    word = acc_ || load.bank == SYSTOLE_BANK_BIAS || load.bank == SYSTOLE_BANK_SCALE ? 4 * config_.cols : config_.cols;
  chunk_bytes_ = std::min(word, width);
  chunk_last_ = word / chunk_bytes_ - 1;
  chunk_shift_ = 0;
  while ((1u << chunk_shift_) < chunk_bytes_) ++chunk_shift_;
  begin_chunk();
}

// The present item is the last of its segment.
bool ReadStream::segment_end() const { return !(item1_ == data_last1_ ? merge2_ && item2_ != data_last2_ : merge1_); }

void ReadStream::begin_chunk() {
  is_data_ = item1_ >= data_first1_ && item1_ <= data_last1_ && item2_ >= data_first2_ && item2_ <= data_last2_;
  item_end_ = left_ <= chunk_bytes_;
  bytes_ = item_end_ ? left_ : chunk_bytes_;
  touched_ = is_data_ ? (offset_ + bytes_ + bus_ - 1) >> shift_ : 0;
}

// The next chunk enters the write register in cycle `when`.
void ReadStream::fire(Cycle when) {
  if (acc_) {
    writing_ = true;
    write_ends_ = nullptr;
    write_from_ = when + 1;
    write_half_ = word_ >= config_.acc_rows;
    write_chunk_ = chunk_;
    write_columns_ = chunk_bytes_ / 4;
  } else {
    ready_ = when + 1;
  }
  if (is_data_) {
    const uint32_t span = offset_ + bytes_, freed = item_end_ && segment_end() ? touched_ : span >> shift_;
    for (uint32_t i = 0; i < freed; ++i) free_at_[static_cast<uint32_t>(freed_ + i) & (slots_ - 1)] = when + 1;
    freed_ += freed;
    offset_ = span & (bus_ - 1);
  }
  if (item_end_ || chunk_ == chunk_last_) {
    chunk_ = 0;
    ++word_;
  } else {
    ++chunk_;
  }
  if (item_end_) {
    end_item(when);
  } else {
    left_ -= chunk_bytes_;
    begin_chunk();
  }
}

// The item's last chunk fires in cycle `when`.
void ReadStream::end_item(Cycle when) {
  const LoadFields &load = command_->load;
  if (is_data_) {
    if (item1_ == data_last1_) {
      address_ = row_address_ = row_address_ + static_cast<uint64_t>(int64_t{load.pitch2});
    } else {
      address_ += static_cast<uint64_t>(int64_t{load.pitch1});
    }
    offset_ = static_cast<uint32_t>(address_) & (bus_ - 1);
  }
  if (item1_ != item_last1_) {
    ++item1_;
  } else if (item2_ != item_last2_) {
    item1_ = 0;
    ++item2_;
  } else {
    last_fire_ = when;
    if (acc_) {
      write_ends_ = command_;
    } else {
      finish(*command_, when + 1);
    }
    command_ = nullptr;
    touched_ = 0;
    return;
  }
  left_ = load.length;
  begin_chunk();
}

}  // namespace systole::timing
