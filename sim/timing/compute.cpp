// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/compute.hpp"

#include <algorithm>

#include "firmware/include/systole_regs.h"

namespace systole::timing {

bool Compute::Walk::advance() {
  const MatmulFields &m = command->matmul;
  if (m.order == SYSTOLE_ORDER_K_INNER) {
    if (++k0 < m.k0) return true;
    k0 = 0;
    if (++k1 < m.k1) return true;
    k1 = 0;
    return ++n < m.n;
  }
  if (++n < m.n) return true;
  n = 0;
  if (++k0 < m.k0) return true;
  k0 = 0;
  return ++k1 < m.k1;
}

Compute::Compute(const platform::ConfigInfo &config, Services &services)
    : rows_(config.rows),
      cols_(config.cols),
      acc_rows_(config.acc_rows),
      read_delay_((config.element_latency > 4 ? 3 : 2) + (config.multiplier_registers ? (config.fp ? 2 : 1) : 0)),
      write_delay_(read_delay_ + 2 + config.element_latency * config.rows),
      hazard_depth_(config.element_latency * config.rows + 3),
      weight_delay_(config.element_latency * (config.rows - 1)),
      activation_delay_(std::max(weight_delay_, read_delay_ + config.cols - 1)),
      services_(services),
      hazards_((hazard_depth_ + cols_ - 1) / cols_ + 1) {}

// What the activation sequencer does in cycle `now`, in the order of its priorities (Compute: it issues a row).
Cause Compute::cause(Cycle now) const {
  if (now < stream_over_) return Cause::Compute;
  if (!tile_valid_) return passed_count_ != 0 ? Cause::Command : Cause::None;
  if (!shadow_ || now <= last_push_) return Cause::Weights;
  if ((wait_ & SYSTOLE_TOKEN_ACT_FULL) != 0 && !services_.available(now, SYSTOLE_TOKEN_ACT_FULL)) return Cause::Activations;
  if (now < clear_) return Cause::Hazard;
  if ((wait_ & SYSTOLE_TOKEN_ACC_FREE) != 0 && !services_.available(now, SYSTOLE_TOKEN_ACC_FREE)) return Cause::Store;
  return Cause::Compute;
}

// From the next cycle on tiles_ stands at another tile: its accumulator rows, and when the hazard table, which then takes a cycle to
// look at it, lets it start.
void Compute::next_tile(Cycle now) {
  const MatmulFields &m = tiles_.command->matmul;
  const uint32_t mask = 2 * acc_rows_ - 1;
  tile_reads_ = m.seed == SYSTOLE_SEED_KEEP || tiles_.k0 != 0 || tiles_.k1 != 0;
  tile_first_ = (m.acc + tiles_.n * static_cast<uint32_t>(m.acc_n_stride)) & mask;
  tile_last_ = (tile_first_ + m.m0 * m.m1 - 1) & mask;
  clear_ = std::max(hazards_[hazard_].over, now + 2);
  if (!tile_reads_) return;
  for (const Hazard &hazard : hazards_)
    if (tile_first_ <= hazard.last && tile_last_ >= hazard.first)
      clear_ = std::max(clear_, tile_first_ == hazard.first ? hazard.start_over : hazard.over);
}

// [now, now + rows) of column 0, from accumulator row `row` on; a tile may reach from one half into the other.
void Compute::use_accumulators(Cycle now, uint32_t row, uint32_t rows, bool reads) {
  unsigned half = row / acc_rows_;
  row %= acc_rows_;
  while (rows != 0) {
    const uint32_t part = std::min(rows, acc_rows_ - row);
    writes_[half].add(now + write_delay_, now + write_delay_ + part);
    if (reads) reads_[half].add(now + read_delay_, now + read_delay_ + part);
    now += part;
    rows -= part;
    row = 0;
    half ^= 1;
  }
}

// The tile that tiles_ stands at starts.
void Compute::start(Cycle now) {
  const Decoded &command = *tiles_.command;
  const MatmulFields &m = command.matmul;
  const uint32_t rows = m.m0 * m.m1;

  if (tiles_.n == 0 && tiles_.k0 == 0 && tiles_.k1 == 0) services_.begin(command.index, now);
  services_.take(now, wait_);
  wait_ = 0;

  hazards_[hazard_] = {tile_first_, tile_last_, now + hazard_depth_, now + rows - 1 + hazard_depth_};
  hazard_ = hazard_ + 1 == hazards_.size() ? 0 : hazard_ + 1;
  for (unsigned half = 0; half < 2; ++half) {
    reads_[half].forget(now, cols_);
    writes_[half].forget(now, cols_);
  }
  use_accumulators(now, tile_first_, rows, tile_reads_);

  const uint32_t bytes = tiles_.k0 + 1 == m.k0 ? m.k_tail : 2 * rows_;
  const bool int8 = m.a_dtype == SYSTOLE_DTYPE_S8 || m.a_dtype == SYSTOLE_DTYPE_U8;
  services_.count_macs(uint64_t{rows} * (int8 ? bytes : bytes / 2) * (tiles_.last_n() ? m.n_tail : cols_));

  shadow_ = false;
  stream_over_ = now + rows;
  if (tiles_.advance()) {
    next_tile(now);
    return;
  }
  tile_valid_ = false;
  const Cycle last_row = now + rows - 1;
  const Cycle written = last_row + write_delay_ + cols_ - 1;
  if ((command.give & SYSTOLE_TOKEN_ACT_FREE) != 0) services_.give(last_row + activation_delay_, SYSTOLE_TOKEN_ACT_FREE);
  if ((command.give & SYSTOLE_TOKEN_ACC_FULL) != 0) services_.give(written, SYSTOLE_TOKEN_ACC_FULL);
  services_.done(Engine::Compute, command.index, written);
}

// The tile that weights_ stands at becomes the one to be pushed.
void Compute::prepare(Cycle now) {
  prepared_ = weights_.command;
  prepared_columns_ = columns();
  prepared_wait_ = wait_weights_;
  prepared_from_ = now + 1;
  wait_weights_ = false;
  prepared_last_ = !weights_.advance();
  weights_valid_ = !prepared_last_;
}

// The first push of the prepared tile.
void Compute::push(Cycle now) {
  if (prepared_wait_) services_.take(now, SYSTOLE_TOKEN_WGT_FULL);
  shadow_ = true;
  last_push_ = now + prepared_columns_ - 1;
  weights_from_ = std::max(last_push_, now + 1);  // the next tile is prepared
  if (prepared_last_ && (prepared_->give & SYSTOLE_TOKEN_WGT_FREE) != 0)
    services_.give(last_push_ + weight_delay_, SYSTOLE_TOKEN_WGT_FREE);
  prepared_ = nullptr;
}

Cycle Compute::step(Cycle now) {
  account(now);
  const bool room = passed_count_ != passed_.size();  // as a register: what leaves in this cycle makes room in the next
  bool passed_on = false;

  // Activation sequencer: a tile starts, and in the cycle of a command's last start the next command is taken.
  cause_ = cause(now);
  const bool starts = cause_ == Cause::Compute && now >= stream_over_;
  if (starts) start(now);
  if (!tile_valid_ && passed_count_ != 0) {
    tiles_ = {passed_[0]};
    passed_[0] = passed_[1];
    --passed_count_;
    tile_valid_ = passed_on = true;
    wait_ = tiles_.command->wait & (SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_ACC_FREE);
    next_tile(now);
  }

  // Weight sequencer: pushes may begin in the cycle in which the tile before starts; the next tile is prepared in that of its last push, or
  // later, and in the cycle in which a command's last tile is prepared the next command is taken.
  if (prepared_ != nullptr && now >= prepared_from_ && !shadow_ &&
      (!prepared_wait_ || services_.available(now, SYSTOLE_TOKEN_WGT_FULL)))
    push(now);
  if (weights_valid_ && prepared_ == nullptr && now >= weights_from_) prepare(now);
  if (!weights_valid_ && room) {
    if (const Decoded *command = services_.front(Engine::Compute, now)) {
      services_.pop(Engine::Compute, now);
      weights_ = {command};
      weights_valid_ = true;
      weights_from_ = std::max(weights_from_, now + 1);
      wait_weights_ = (command->wait & SYSTOLE_TOKEN_WGT_FULL) != 0;
      passed_[passed_count_++] = command;
    }
  }

  // No tile starts before this.
  next_start_ = std::max(stream_over_, now + 1);
  if (shadow_) {
    next_start_ = std::max(next_start_, last_push_ + 1);
    if (tile_valid_) next_start_ = std::max(next_start_, clear_);
  } else if (prepared_ != nullptr) {
    next_start_ = std::max(next_start_, now + 1 + prepared_columns_);
  } else if (weights_valid_) {
    next_start_ = std::max(next_start_, weights_from_ + 1 + columns());
  } else {
    next_start_ = std::max(next_start_, now + 4);  // a command is taken, its first tile prepared, pushed, starts
  }

  // When does something change by itself?
  Cycle wake = kNever;
  if (stream_over_ > now) {
    wake = stream_over_;
  } else if (passed_on) {
    wake = now + 1;
  } else if (cause_ == Cause::Weights && shadow_) {
    wake = last_push_ + 1;
  } else if (cause_ == Cause::Hazard) {
    wake = clear_;
  }
  if (!tile_valid_ && passed_count_ != 0) wake = now + 1;
  if (prepared_ != nullptr) {
    if (prepared_from_ > now && !shadow_) wake = std::min(wake, prepared_from_);
  } else if (weights_valid_) {
    wake = std::min(wake, std::max(weights_from_, now + 1));
  }
  if (!weights_valid_ && passed_on) wake = now + 1;
  return wake;
}

}  // namespace systole::timing
