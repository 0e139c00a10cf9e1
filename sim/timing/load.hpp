// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "sim/timing/compute.hpp"
#include "sim/timing/machine.hpp"

namespace systole::timing {

/// Read data, from the memory's R channel to the buffers: the beats of bursts of fetch and load (docs/memory_model.md), the slots
/// they wait in, and the walker that cuts them into chunks and writes these (rtl/load/systole_dma_read.sv).
///
/// All of this follows from the bursts accepted so far, except that the array may hold up writes to the accumulators. So the
/// stream runs ahead of the machine's time as far as its bursts go, or as far as the array's writes are known; the times it finds
/// are mostly in the future.
class ReadStream {
 public:
  ReadStream(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services, const Compute &compute,
             bool every_cycle);

  /// In cycle `now` it is known that AR is accepted in cycle `accepted` >= now.
  void burst(Cycle now, Cycle accepted, uint32_t beats, bool fetch) {
    bursts_.push({accepted + latency_, beats, fetch});
    advance(now);
  }
  /// A command's context enters the queue to the walker in cycle `now`; its first burst comes later.
  void context(Cycle now, const Decoded *command, bool merge1, bool merge2) {
    contexts_.push({command, now + 1, merge1, merge2});
    ++contexts_in_;
    advance(now);
  }
  /// Goes as far as it can in cycle `now`.
  void advance(Cycle now);
  /// The cycle in which advance() must be called again although no burst or context came, kNever if there is none.
  Cycle wake() const { return wake_; }

  /// The first cycle in which there is a place in the queue of contexts (kNever: not known yet).
  Cycle context_room() const {
    if (contexts_in_ < kContexts) return 0;
    const uint64_t needed = contexts_in_ - kContexts;  // this one must have left
    return needed < contexts_out_ ? taken_at_[needed % kContexts] + 1 : kNever;
  }

  /// How many bursts have a known cycle of their last R beat's handshake, and that cycle of one of the last kKept of them.
  uint64_t finished() const { return finished_; }
  Cycle last(uint64_t burst) const { return last_[burst % kKept]; }
  static constexpr unsigned kKept = 128;

  /// Cycles from which on fetched records are there, in order.
  Ring<Cycle> records;

 private:
  struct Burst {
    Cycle due;
    uint32_t beats;
    bool fetch;
  };
  struct Context {
    const Decoded *command;
    Cycle visible;
    bool merge1, merge2;
  };
  static constexpr unsigned kContexts = 4;  // depth of their queue
  static constexpr unsigned kMaxSlots = 64;

  bool item(Burst &burst, Cycle &at);
  void end_item(Cycle when);
  void burst_ends(Cycle last) { last_[finished_++ % kKept] = last; }
  void chunks();
  bool settle_write();
  void take_context();
  bool segment_end() const;
  void begin_chunk();
  void fire(Cycle when);
  void finish(const Decoded &command, Cycle written);

  const platform::ConfigInfo &config_;
  Services &services_;
  const Compute &compute_;
  const bool every_cycle_;     // look at the array's writes when they happen, and at each chunk
  const Cycle latency_, gap_;  // gap: cycles from beat to beat
  const uint32_t bus_;
  unsigned shift_ = 0;

  Ring<Burst> bursts_;
  uint64_t finished_ = 0;
  std::array<Cycle, kKept> last_ = {};
  Ring<Context> contexts_;
  uint64_t contexts_in_ = 0, contexts_out_ = 0;
  std::array<Cycle, kContexts> taken_at_ = {};
  Cycle wake_ = kNever;
  Cycle writes_known_ = 0;  // the array's writes before this cycle are known

  // Beats of loads, counted from the start; slot = beat modulo slots.
  uint32_t slots_ = 2;
  uint64_t accepted_ = 0, freed_ = 0;
  std::array<Cycle, kMaxSlots> accepted_at_ = {}, free_at_ = {};  // free_at: first cycle in which the slot can be filled
  Cycle offer_ = 0;                                               // first cycle in which the bucket allows the next beat

  // The walker. Items are counted as the RTL does.
  const Decoded *command_ = nullptr;
  bool merge1_ = false, merge2_ = false;
  uint32_t item1_ = 0, item2_ = 0, data_first1_ = 0, data_last1_ = 0, item_last1_ = 0, data_first2_ = 0, data_last2_ = 0,
           item_last2_ = 0;
  uint64_t address_ = 0, row_address_ = 0;
  uint32_t offset_ = 0, left_ = 0, chunk_ = 0, chunk_last_ = 0, chunk_bytes_ = 0, word_ = 0;
  unsigned chunk_shift_ = 0;  // log2 of chunk_bytes_
  bool acc_ = false;
  Cycle ready_ = 0;      // first cycle in which the next chunk may fire
  Cycle last_fire_ = 0;  // of the command before
  // The next chunk.
  uint32_t bytes_ = 0, touched_ = 0;
  bool is_data_ = false, item_end_ = false;
  // A write that the array may hold up: in the write register from write_from_ on.
  bool writing_ = false;
  const Decoded *write_ends_ = nullptr;  // the command that it ends
  Cycle write_from_ = 0;
  uint32_t write_half_ = 0, write_chunk_ = 0, write_columns_ = 0;
};

}  // namespace systole::timing
