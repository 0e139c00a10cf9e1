// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/platform/pins.hpp"
#include "sim/platform/timing.hpp"

namespace systole::platform {

/// Bytes behind a memory port.
class MemoryBackend {
 public:
  virtual ~MemoryBackend() = default;
  /// Reads `length` bytes. @returns an AXI response; on an error nothing is read.
  virtual Resp read(uint64_t address, size_t length, uint8_t *data) = 0;
  /// Writes the bytes whose `enable` is not zero. @returns an AXI response; on an error nothing is written.
  virtual Resp write(uint64_t address, size_t length, const uint8_t *data, const uint8_t *enable) = 0;
};

/// A source of random stalls for one channel: spells of stalled and of free cycles of random length and density.
class StallSource {
 public:
  StallSource() = default;
  explicit StallSource(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull), on_(true) {}
  /// To be called once a cycle: is the channel stalled in this one?
  bool next();

 private:
  uint64_t random();
  uint64_t state_ = 1;
  bool on_ = false;
  unsigned spell_ = 0;    // cycles left with the present density
  unsigned density_ = 0;  // of 256
};

/// An AXI4 slave on pins with the timing of docs/memory_model.md, to the cycle. Each cycle: drive() gives what the slave
/// drives (it depends on earlier cycles only), then clock() takes what the master drove in the same cycle.
///
/// It is the least obliging memory that the protocol allows: a read takes its data when AR is accepted, a write takes
/// effect when its B is first offered, lanes below an unaligned first address hold junk.
/// It serves full-width INCR bursts; others are answered SLVERR (the checker reports them).
class AxiMemoryPort {
 public:
  /// @param bus_bytes 4 to 64, a power of two. @throws std::invalid_argument on a bad setting
  AxiMemoryPort(unsigned bus_bytes, const MemoryTiming &timing, MemoryBackend &backend);

  /// The slave's pins in this cycle; valid until clock().
  const AxiSlavePins &drive();
  /// The end of the cycle. `reset` is rst_ni low: all is forgotten.
  void clock(const AxiMasterPins &master, bool reset = false);

  /// Answers reads and/or writes that touch [first, last] with `response`; their data is not accessed.
  void inject(uint64_t first, uint64_t last, Resp response, bool reads = true, bool writes = true);
  /// Answers one beat, or one write burst, with `response`, whatever its address: the `nth` (0: the first) of those whose burst is accepted
  /// from now on.
  void inject_read_beat(uint64_t nth, Resp response) { ordinals_.push_back({true, asked_beats_ + nth, response}); }
  void inject_write_burst(uint64_t nth, Resp response) { ordinals_.push_back({false, write_bursts_ + nth, response}); }
  void clear_injections() {
    injections_.clear();
    ordinals_.clear();
  }
  bool injections() const { return !injections_.empty() || !ordinals_.empty(); }

  enum Channel { AR, AW, W, R, B };
  /// A slave that goes silent: after `transfers` more on that channel it accepts (AR, AW, W) or offers (R, B) nothing there until release().
  void hold(Channel channel, uint64_t transfers = 0) { held_[channel] = transferred(channel) + transfers; }
  void release() { held_.fill(~uint64_t{0}); }

  /// A read beat or a write response that was handed over.
  struct Transfer {
    bool write = false;
    uint64_t cycle = 0, addr = 0;  ///< addr: of the burst
    unsigned beat = 0;
    Resp resp = RESP_OKAY;
  };
  /// Forgets what was recorded, and records from now on all that is handed over.
  void record_transfers() {
    recording_ = true;
    transfers_.clear();
  }
  const std::vector<Transfer> &transfers() const { return transfers_; }

  const MemoryTiming &timing() const { return timing_; }
  /// Another timing from now on; stalls begin anew. @throws std::invalid_argument on a bad setting, std::logic_error unless quiet()
  void set_timing(const MemoryTiming &timing);
  /// Nothing is outstanding and both buckets are full, as after a reset.
  bool quiet() const;

  size_t reads_outstanding() const { return reads_.size(); }
  size_t writes_outstanding() const { return write_outstanding_; }
  uint64_t cycle() const { return cycle_; }
  uint64_t read_beats() const { return read_beats_; }
  uint64_t write_beats() const { return write_beats_; }
  uint64_t read_bursts() const { return read_bursts_; }    ///< read addresses accepted
  uint64_t write_bursts() const { return write_bursts_; }  ///< write addresses accepted
  /// A line about what is unfinished.
  std::string describe() const;
  /// An accepted burst that has not been answered whole.
  struct Burst {
    uint8_t id = 0;
    uint64_t addr = 0;
    unsigned beats = 0, done = 0;  ///< data beats, and those of them that went over the bus
  };
  /// Those of a direction, oldest first.
  std::vector<Burst> unfinished_reads() const;
  std::vector<Burst> unfinished_writes() const;

 private:
  struct Read {
    uint64_t due = 0;  // first cycle in which R may be offered
    uint64_t addr = 0;
    unsigned beats = 0, next = 0;
    uint8_t id = 0;
    std::vector<uint8_t> data;
    std::vector<uint8_t> resp;  // empty: all OKAY
  };
  struct Write {
    AxiAddress address;
    uint64_t number = 0;  // of all bursts
    unsigned next = 0;
    std::vector<uint8_t> data, enable;
    uint64_t due = 0;
    bool done = false;      // all its data is here
    bool answered = false;  // effect taken, response known
    Resp resp = RESP_OKAY;
  };
  struct Injection {
    uint64_t first, last;
    Resp response;
    bool reads, writes;
  };
  struct Ordinal {
    bool read;
    uint64_t number;
    Resp response;
  };
  /// A queue whose elements keep their buffers when they are used again.
  template <class T>
  class Ring {
   public:
    bool empty() const { return count_ == 0; }
    size_t size() const { return count_; }
    T &front() { return items_[head_]; }
    T &operator[](size_t i) { return items_[(head_ + i) % items_.size()]; }
    const T &operator[](size_t i) const { return items_[(head_ + i) % items_.size()]; }
    T &push() {
      if (count_ == items_.size()) grow();
      return items_[(head_ + count_++) % items_.size()];
    }
    void pop() {
      head_ = (head_ + 1) % items_.size();
      --count_;
    }
    void clear() { head_ = count_ = 0; }

   private:
    void grow() {
      std::vector<T> bigger(items_.empty() ? 16 : 2 * items_.size());
      for (size_t i = 0; i < count_; ++i) bigger[i] = std::move((*this)[i]);
      items_ = std::move(bigger);
      head_ = 0;
    }
    std::vector<T> items_;
    size_t head_ = 0, count_ = 0;
  };

  void accept_read(const AxiAddress &address);
  void take_effect(Write &write);
  bool regular(const AxiAddress &address) const;
  Resp injected(uint64_t first, uint64_t last, bool is_read) const;
  Resp injected_ordinal(bool read, uint64_t number) const;
  uint64_t transferred(Channel channel) const;
  bool held(Channel channel) const { return held_[channel] != ~uint64_t{0} && transferred(channel) >= held_[channel]; }

  const unsigned bus_bytes_, size_log2_;
  unsigned rate_ = 0;
  MemoryTiming timing_;
  MemoryBackend &backend_;
  std::vector<Injection> injections_;
  std::vector<Ordinal> ordinals_;
  std::array<uint64_t, 5> held_{~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};
  bool recording_ = false;
  std::vector<Transfer> transfers_;

  AxiSlavePins pins_;
  bool driven_ = false;
  uint64_t cycle_ = 0;
  unsigned read_tokens_, write_tokens_;
  bool r_held_ = false, b_held_ = false;  // offered and not taken: must stay
  Ring<Read> reads_;
  Ring<Write> writes_;        // accepted AWs, oldest first, up to their B
  size_t write_filling_ = 0;  // index in writes_ of the burst that gets the next beat
  size_t write_outstanding_ = 0;
  StallSource ar_stall_, aw_stall_, w_stall_, r_stall_, b_stall_;
  uint64_t read_beats_ = 0, write_beats_ = 0, read_bursts_ = 0, write_bursts_ = 0;
  uint64_t asked_beats_ = 0, write_answers_ = 0;  // read beats of accepted bursts; B handed over
};

}  // namespace systole::platform
