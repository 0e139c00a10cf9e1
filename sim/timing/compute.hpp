// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/platform/config.hpp"
#include "sim/timing/machine.hpp"

namespace systole::timing {

/// The cycles in which the array uses one kind of port (read or write) of one half's accumulator banks. Column c follows column 0
/// by c cycles, so column 0 stands for all.
class PortUse {
 public:
  /// Column 0's bank is used in [from, to); in rising order.
  void add(Cycle from, Cycle to) {
    if (!spans_.empty() && spans_.back().to == from) {
      spans_.back().to = to;
    } else {
      spans_.push({from, to});
    }
  }
  /// Nobody asks for cycles before `now` any more, of at most `columns` columns.
  void forget(Cycle now, unsigned columns) {
    while (!spans_.empty() && spans_.front().to + columns <= now) spans_.pop();
  }
  /// The first cycle >= `when` in which none of the columns [first, first + columns) is used.
  Cycle free(Cycle when, unsigned first, unsigned columns) const {
    for (size_t i = 0; i < spans_.size(); ++i) {
      const Span &span = spans_[i];
      if (when < span.from + first) break;
      const Cycle to = span.to + first + columns - 1;
      if (when < to) when = to;
    }
    return when;
  }

 private:
  struct Span {
    Cycle from, to;
  };
  Ring<Span> spans_;
};

/// The compute engine (rtl/compute): weight sequencer, activation sequencer, hazard table, the array's use of the accumulators.
///
/// A tile is one event: when it starts, all that follows from it is known, for the array never waits within a tile.
class Compute {
 public:
  Compute(const platform::ConfigInfo &config, Services &services);

  /// Performs cycle `now`, at most once each. @returns the next cycle in which something may happen by itself
  Cycle step(Cycle now);
  /// Accounts for the cycles up to `end` (exclusive), before which no step is to come.
  void finish(Cycle end) { account(end); }

  /// The first cycle >= `when` in which the tiles started so far leave the read (write) ports of the columns [first, first +
  /// columns) of `half` alone: a lower bound from the cycle on that tiles not yet started reach (earliest_start()). `when` must not
  /// lie before the machine's time: what is over is forgotten.
  Cycle reads_free(Cycle when, unsigned half, unsigned first, unsigned columns) const {
    return reads_[half].free(when, first, columns);
  }
  Cycle writes_free(Cycle when, unsigned half, unsigned first, unsigned columns) const {
    return writes_[half].free(when, first, columns);
  }

  /// When Compute had its turn in cycle `now`, or needed none: no further tile starts before this cycle, which is later than `now`.
  Cycle earliest_start(Cycle now) const { return next_start_ > now ? next_start_ : now + 1; }
  /// A tile that starts in cycle t reads column c's accumulators from t + read_delay() + c on, and writes them from
  /// t + write_delay() + c on.
  unsigned read_delay() const { return read_delay_; }
  unsigned write_delay() const { return write_delay_; }

 private:
  /// Where a sequencer stands in its command: the tile that is next.
  struct Walk {
    const Decoded *command = nullptr;
    uint32_t n = 0, k0 = 0, k1 = 0;

    bool last_n() const { return n + 1 == command->matmul.n; }
    /// Goes on to the next tile. @returns false if there is none
    bool advance();
  };
  struct Hazard {
    uint32_t first = 0, last = 0;    // rows
    Cycle start_over = 0, over = 0;  // Depth cycles after the start; after the last row
  };

  /// Columns of the tile that weights_ stands at.
  unsigned columns() const { return weights_.last_n() ? weights_.command->matmul.n_tail : cols_; }
  void account(Cycle now) {
    if (now <= accounted_) return;
    services_.account(cause_, accounted_, now);
    accounted_ = now;
  }
  Cause cause(Cycle now) const;
  void start(Cycle now);
  void use_accumulators(Cycle now, uint32_t row, uint32_t rows, bool reads);
  void next_tile(Cycle now);
  void prepare(Cycle now);
  void push(Cycle now);

  // The machine.
  const unsigned rows_, cols_, acc_rows_, read_delay_, write_delay_, hazard_depth_, weight_delay_, activation_delay_;
  Services &services_;

  // Weight sequencer: the tile that is to be prepared, and the prepared one, which is to be pushed.
  Walk weights_;
  bool weights_valid_ = false;  // there is one to be prepared
  bool wait_weights_ = false;   // and its command's token is to be taken
  Cycle weights_from_ = 0;      // the first cycle in which it may be prepared
  const Decoded *prepared_ = nullptr;
  bool prepared_wait_ = false, prepared_last_ = false;  // takes its command's token; is its command's last tile
  unsigned prepared_columns_ = 0;
  Cycle prepared_from_ = 0;  // the first cycle in which it may be pushed
  // Shadow registers: they are full, or being filled, up to and including cycle last_push_.
  bool shadow_ = false;
  Cycle last_push_ = 0;

  // Commands between the sequencers.
  std::array<const Decoded *, 2> passed_ = {};
  unsigned passed_count_ = 0;

  // Activation sequencer.
  Walk tiles_;
  bool tile_valid_ = false;                  // a tile is to be started
  uint8_t wait_ = 0;                         // tokens that it takes
  bool tile_reads_ = false;                  // the accumulators
  uint32_t tile_first_ = 0, tile_last_ = 0;  // its rows of them
  Cycle clear_ = 0;                          // first cycle without a hazard
  Cycle stream_over_ = 0;                    // first cycle without rows of the tile before
  Cycle next_start_ = 0;

  std::vector<Hazard> hazards_;
  size_t hazard_ = 0;  // entry that the next tile takes

  std::array<PortUse, 2> reads_, writes_;  // by half

  Cause cause_ = Cause::None;
  Cycle accounted_ = 0;
};

}  // namespace systole::timing
