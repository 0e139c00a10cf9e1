// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/platform/timing.hpp"
#include "sim/timing/timing.hpp"

/// What the blocks of the timing model share: decoded records, tokens, queues, wake-ups, the trace and the counters.
namespace systole::timing {

enum class Engine : uint8_t { Load, Compute, Store };

/// What the machine steps, in this order within a cycle. Read is load, read multiplexer, fetch, dispatch and retirement.
enum class Block : uint8_t { Compute, Store, Read };
inline constexpr unsigned kBlocks = 3;

/// Where a cycle of the activation sequencer goes (the counters of the same names). None: no command is in it; whether that
/// counts as COMMAND or DRAIN, or not at all, the machine decides. Command: no command is in it, but one is on its way from the
/// weight sequencer (the RTL's cmd_waiting_o).
enum class Cause : uint8_t { Compute, Weights, Activations, Hazard, Store, None, Command };

/// A first-in first-out queue that grows as needed and never shrinks.
template <class T>
class Ring {
 public:
  bool empty() const { return head_ == tail_; }
  size_t size() const { return tail_ - head_; }
  T &front() { return items_[head_ & mask_]; }
  const T &front() const { return items_[head_ & mask_]; }
  T &back() { return items_[(tail_ - 1) & mask_]; }
  /// The i-th oldest.
  T &operator[](size_t i) { return items_[(head_ + i) & mask_]; }
  const T &operator[](size_t i) const { return items_[(head_ + i) & mask_]; }
  T &push(const T &item) {
    if (size() == items_.size()) grow();
    T &place = items_[tail_++ & mask_];
    place = item;
    return place;
  }
  void pop() { ++head_; }
  void clear() { head_ = tail_ = 0; }

 private:
  void grow() {
    std::vector<T> bigger(2 * items_.size());
    const size_t count = size();
    for (size_t i = 0; i < count; ++i) bigger[i] = (*this)[i];
    items_ = std::move(bigger);
    mask_ = items_.size() - 1;
    head_ = 0;
    tail_ = count;
  }
  std::vector<T> items_ = std::vector<T>(16);
  size_t mask_ = 15, head_ = 0, tail_ = 0;
};

/// The fields of a LOAD that matter for its timing (firmware/include/systole_regs.h explains them).
struct LoadFields {
  uint64_t address = 0;
  uint32_t dest = 0, bank = 0, dst = 0, length = 0, count1 = 0, count2 = 0;
  int32_t pitch1 = 0, pitch2 = 0;
  uint32_t pad_left = 0, pad_right = 0, pad_top = 0, pad_bottom = 0;
};

/// The fields of a MATMUL that matter for its timing.
struct MatmulFields {
  uint32_t a_dtype = 0, seed = 0, order = 0, acc = 0;
  uint32_t m0 = 0, m1 = 0, k0 = 0, k1 = 0, n = 0, k_tail = 0, n_tail = 0;
  int32_t acc_n_stride = 0;
};

/// The fields of a STORE that matter for its timing.
struct StoreFields {
  uint64_t address = 0;
  uint32_t acc = 0, m0 = 0, m1 = 0, n = 0, n_tail = 0, out_dtype = 0;
  int32_t acc_n_stride = 0, pitch0 = 0, pitch1 = 0;
};

/// A record, decoded. Only the member of its opcode is set.
struct Decoded {
  uint32_t index = 0;  ///< in the program
  Engine engine = Engine::Load;
  uint8_t wait = 0, give = 0;
  LoadFields load;
  MatmulFields matmul;
  StoreFields store;
};

/// @throws std::invalid_argument on an unknown opcode or a count of zero; other illegal fields are not noticed
Decoded decode(const Record &record, uint32_t index);

/// Given to each block by reference. A *cycle* is as in docs/memory_model.md: state is that at its beginning, a handshake in it
/// shows in the next one.
class Services {
 public:
  explicit Services(const Program &program);

  // --- tokens: each kind has one engine that gives and one that takes, both in order ---

  /// Is a token of each kind in `mask` there in cycle `now`?
  bool available(Cycle now, uint8_t mask) const { return when_available(mask) <= now; }
  /// The first cycle in which one of each kind is there, as far as gifts are known (kNever if one is not). With an empty mask 0.
  Cycle when_available(uint8_t mask) const {
    Cycle result = 0;
    for (unsigned left = mask; left != 0; left &= left - 1) {
      const Ring<Cycle> &tokens = tokens_[static_cast<unsigned>(__builtin_ctz(left))];
      if (tokens.empty()) return kNever;
      result = std::max(result, tokens.front());
    }
    return result;
  }
  /// Takes one of each in cycle `now`; they must be there.
  void take(Cycle now, uint8_t mask) {
    assert(available(now, mask));
    (void)now;
    for (unsigned t = 0; mask != 0; ++t, mask = static_cast<uint8_t>(mask >> 1))
      if (mask & 1) tokens_[t].pop();
  }
  /// Gives one of each: the pulse is in cycle `when`, which may be far ahead (but not before an earlier gift of that kind); they
  /// can be taken from when + 1 on. The taker is woken then.
  void give(Cycle when, uint8_t mask);

  // --- the engines' queues ---

  /// The oldest command of the engine's queue if it is valid in cycle `now`, else nullptr. The engine is woken when there is one.
  /// The record lives as long as the machine.
  const Decoded *front(Engine engine, Cycle now) const {
    const Ring<Queued> &queue = queues_[static_cast<unsigned>(engine)];
    return !queue.empty() && queue.front().visible <= now ? queue.front().command : nullptr;
  }
  /// Takes it in cycle `now`.
  void pop(Engine engine, Cycle now);

  // --- the trace ---

  void begin(uint32_t index, Cycle when) { commands_[index].begin = when; }
  /// The engine's done_o for its command `index` is in cycle `when` (>= now, may be far ahead).
  void done(Engine engine, uint32_t index, Cycle when);

  // --- counters ---

  /// The cycles [from, to) go to `cause`. Compute accounts for all cycles from the first doorbell on, in order; the last interval
  /// (None) may be left out.
  void account(Cause cause, Cycle from, Cycle to) {
    if (cause == Cause::None) {
      none(from, to);
    } else {
      causes_[static_cast<unsigned>(cause)] += to - from;
    }
  }
  void count_macs(uint64_t macs) { macs_ += macs; }
  void count_reads(uint64_t bursts, uint64_t beats) { read_bursts_ += bursts, read_beats_ += beats; }
  void count_writes(uint64_t bursts, uint64_t beats) { write_bursts_ += bursts, write_beats_ += beats; }

  // --- wake-ups ---

  /// Has `block` stepped in cycle `when`: this one, if its turn in it is still to come, or the next. What step() returns replaces
  /// everything later than that.
  void poke(Block block, Cycle when) {
    const unsigned b = static_cast<unsigned>(block);
    if (when <= now_ && b > current_) {
      due_[b] = true;
    } else {
      later_[b] = std::min(later_[b], std::max(when, now_ + 1));
    }
  }

 private:
  friend class Machine;
  friend class ReadSide;

  struct Queued {
    const Decoded *command;
    Cycle visible;
  };
  /// [from, to) without a command in the activation sequencer.
  struct Span {
    Cycle from, to;
  };
  void none(Cycle from, Cycle to) {
    if (from >= to) return;
    if (!none_.empty() && none_.back().to == from) {
      none_.back().to = to;
    } else {
      none_.push_back({from, to});
    }
  }
  /// The first cycle > now in which another token of `takes` is there, as far as known.
  Cycle next_token(uint8_t takes, Cycle now) const;
  static Block block_of(Engine engine) {
    return engine == Engine::Compute ? Block::Compute : engine == Engine::Store ? Block::Store : Block::Read;
  }

  /// Further records. @throws as decode(), and then has none of them
  void add(const Record *records, size_t count);

  std::deque<Decoded> decoded_;        // whose elements stay where they are
  std::array<Ring<Cycle>, 8> tokens_;  // cycles from which on those not yet taken are there
  std::array<Ring<Queued>, 3> queues_;
  std::array<Cycle, 3> popped_ = {};  // cycle + 1 of the last pop, by engine
  std::vector<Command> commands_;
  std::vector<Cycle> retired_;  // cycle in which a record retires, as far as known
  uint32_t retired_count_ = 0;  // records with a known cycle of retirement
  std::vector<Cycle> left_;     // cycle from which on a record is no longer counted as one that compute has yet to get

  std::array<uint64_t, 7> causes_ = {};
  std::vector<Span> none_;
  uint64_t macs_ = 0, read_bursts_ = 0, read_beats_ = 0, write_bursts_ = 0, write_beats_ = 0;

  Cycle dispatch_poked_ = kNever;  // dispatch must be stepped then
  Cycle now_ = 0;
  unsigned current_ = kBlocks;  // block that is being stepped
  std::array<bool, kBlocks> due_ = {};
  std::array<Cycle, kBlocks> later_ = {kNever, kNever, kNever};
};

}  // namespace systole::timing
