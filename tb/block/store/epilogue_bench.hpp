// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "tb/block/dma/dma_bench.hpp"

/// Bench of a Verilated systole_epilogue of 16 lanes.
namespace systole::tb::store {

using dma::Random;
using golden::DType;
using golden::Requant;

constexpr unsigned kLanes = 16;
constexpr unsigned kLatency = 11;  ///< cycles from a group's taking to its offer, stalls left out

/// What one lane works on.
struct Case {
  std::uint32_t acc = 0;
  std::uint32_t scale = 0;
  std::int8_t shift = 0;
};

/// A group: what the command says, and the lanes' cases. With per_column, scale and shift are each lane's own, else lane 0's.
struct Group {
  DType out = DType::s32;
  Requant rule = Requant::none;
  bool per_column = false;
  std::int32_t zero_point = 0;
  std::uint32_t low = 0, high = 0;
  unsigned lanes = kLanes, offset = 0, entry = 0;
  bool end = false;
  std::uint32_t index = 0;
  Case cases[kLanes];

  std::uint32_t expected(unsigned lane) const {
    const Case &c = cases[lane];
    const Case &p = cases[per_column ? lane : 0];
    const auto zp = zero_point;
    switch (out) {
      case DType::s32: return c.acc;
      case DType::fp32: return golden::clamp(c.acc, low, high);
      case DType::fp16:
      case DType::bf16: return golden::narrow(out, golden::clamp(c.acc, low, high));
      default: break;
    }
    const auto acc = std::int32_t(c.acc), qmin = std::int32_t(low), qmax = std::int32_t(high);
    return std::uint8_t(rule == Requant::fixed ? golden::requant_fixed(acc, std::int32_t(p.scale), p.shift, zp, qmin, qmax)
                                               : golden::requant_float(acc, p.scale, zp, qmin, qmax));
  }
};

/// Sends groups and checks, cycle by cycle: the results, their place, the latency, that an offer holds, the errors.
template <typename Top>
class EpilogueBench {
 public:
  EpilogueBench(Random &random, unsigned in_percent, unsigned out_percent)
      : random_(random), in_percent_(in_percent), out_percent_(out_percent) {
    top_->rst_ni = 0;
    top_->in_valid_i = 0;
    top_->out_fits_i = 0;
    for (int i = 0; i < 3; i++) clock();
    top_->rst_ni = 1;
  }
  ~EpilogueBench() { top_->final(); }

  /// Runs the groups that `next` makes (false: no more) until all have come out. False after a failure.
  bool run(const std::function<bool(Group &)> &next) {
    bool more = true;
    while (more || waiting_ || !flight_.empty()) {
      if (more && !waiting_) {
        group_ = Group();
        waiting_ = more = next(group_);
      }
      if (!step()) return false;
    }
    return true;
  }

  /// A result that came out, in order: for tests that look at more than its being right.
  std::function<void(const Group &, unsigned lane, std::uint32_t result)> on_result;

  std::uint64_t results = 0, cycles = 0, stalls = 0;
  /// A group with an illegal parameter: the error's index and entry are expected to be its.
  bool expect_error = false;
  bool error = false;

  bool step() {
    Top &t = *top_;
    if (waiting_ && !offered_) offered_ = random_.chance(in_percent_);
    t.in_valid_i = offered_;
    if (offered_ != shown_) show();
    t.out_fits_i = out_percent_ == 100 || random_.chance(out_percent_);  // ready_ in the next cycle
    t.clk_i = 0;
    t.eval();

    EXPECT_EQ(t.in_ready_o, !t.out_valid_o || ready_);
    const bool due = !flight_.empty() && advances_ - flight_.front().taken >= kLatency;
    EXPECT_EQ(bool(t.out_valid_o), due) << "cycle " << cycles;
    EXPECT_EQ(bool(t.idle_o), flight_.empty() && !dropping());
    if (t.out_valid_o && due) check(flight_.front().group);
    if (t.err_valid_o) {
      EXPECT_TRUE(expect_error && !error);
      EXPECT_EQ(t.err_idx_o, bad_.index);
      EXPECT_EQ(t.err_entry_o, bad_.entry);
      error = true;
      error_at_ = advances_;
    }
    EXPECT_EQ(bool(t.dead_o), error);
    if (t.out_valid_o && ready_ && due) flight_.pop_front();
    stalls += t.out_valid_o && !ready_;
    const bool take = t.in_valid_i && t.in_ready_o;
    EXPECT_EQ(bool(t.param_re_o), take);
    if (take) {
      if (is_bad(group_) && !had_bad_) {
        EXPECT_TRUE(expect_error);
        had_bad_ = true;
        bad_ = group_;
        bad_at_ = advances_;
      }
      if (!had_bad_)
        flight_.push_back({group_, advances_});
      else
        dropped_ = advances_;
    }
    advances_ += t.in_ready_o;
    ready_ = t.out_fits_i;
    t.clk_i = 1;
    t.eval();
    if (take) {
      // The banks' answer; they hold it until they are asked again. Without per_column it is noise.
      std::uint8_t shifts[kLanes];
      for (unsigned l = 0; l < kLanes; l++) {
        t.scale_i[l] = group_.per_column ? group_.cases[l].scale : std::uint32_t(random_.bits());
        shifts[l] = group_.per_column ? std::uint8_t(group_.cases[l].shift) : std::uint8_t(random_.bits());
      }
      std::memcpy(&t.shift_i[0], shifts, kLanes);
      waiting_ = offered_ = shown_ = false;
    }
    cycles++;
    return !::testing::Test::HasFailure();
  }

 private:
  struct Flight {
    Group group;
    std::uint64_t taken;
  };

  static bool is_bad(const Group &g) {
    if (!g.per_column) return false;
    for (unsigned l = 0; l < g.lanes; l++) {
      const Case &c = g.cases[l];
      if (g.rule == Requant::floating ? c.scale == 0 || c.scale >= 0x7F800000 : c.scale >> 31 || c.shift < -31 || c.shift > 30)
        return true;
    }
    return false;
  }

  /// A group still counts as in the pipeline for the two stages before it fails its check, one that follows it for the first of these.
  bool dropping() const { return had_bad_ && (advances_ - bad_at_ <= 2 || advances_ - dropped_ == 1); }

  void clock() {
    top_->clk_i = 0;
    top_->eval();
    top_->clk_i = 1;
    top_->eval();
  }

  void show() {
    Top &t = *top_;
    shown_ = true;
    for (unsigned l = 0; l < kLanes; l++) t.in_data_i[l] = group_.cases[l].acc;
    t.in_lanes_i = group_.lanes;
    t.in_offset_i = group_.offset;
    t.in_end_i = group_.end;
    t.in_entry_i = group_.entry;
    t.in_idx_i = group_.index;
    t.in_dtype_i = unsigned(group_.out);
    const std::size_t bytes = golden::size(group_.out);
    t.in_size_i = bytes == 1 ? 0 : bytes == 2 ? 1 : 2;
    t.in_requant_i = unsigned(group_.rule);
    t.in_per_column_i = group_.per_column;
    t.in_zero_point_i = std::uint8_t(group_.zero_point);
    t.in_shift_i = group_.per_column ? 0 : std::uint8_t(group_.cases[0].shift);
    t.in_scale_i = group_.per_column ? 0 : group_.cases[0].scale;
    t.in_clamp_min_i = group_.low;
    t.in_clamp_max_i = group_.high;
  }

  void check(const Group &g) {
    Top &t = *top_;
    const std::size_t size = golden::size(g.out);
    const auto *strobes = reinterpret_cast<const std::uint8_t *>(&t.out_strobes_o);
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(&t.out_data_o[0]);
    for (std::size_t b = 0; b < std::size_t{4} * kLanes; b++) {
      EXPECT_EQ(strobes[b / 8] >> b % 8 & 1, b < g.lanes * size ? 1 : 0);
      if (b >= g.lanes * size) EXPECT_EQ(bytes[b], 0);
    }
    EXPECT_EQ(t.out_offset_o, g.offset);
    EXPECT_EQ(bool(t.out_end_o), g.end);
    const auto *data = reinterpret_cast<const std::uint8_t *>(&t.out_data_o[0]);
    for (unsigned l = 0; l < g.lanes; l++) {
      std::uint32_t result = 0;
      std::memcpy(&result, data + l * size, size);
      const std::uint32_t expected = g.expected(l);
      if (result != expected) {
        const Case &p = g.cases[g.per_column ? l : 0];
        ADD_FAILURE() << golden::name(g.out) << " rule " << int(g.rule) << std::hex << " acc " << g.cases[l].acc << " scale "
                      << p.scale << std::dec << " shift " << int(p.shift) << " zero point " << g.zero_point << std::hex
                      << " bounds " << g.low << " " << g.high << ": " << result << ", expected " << expected;
      }
      if (ready_ && on_result) on_result(g, l, result);
    }
    if (ready_) results += g.lanes;
  }

  std::unique_ptr<Top> top_ = std::make_unique<Top>();
  Random &random_;
  unsigned in_percent_, out_percent_;
  Group group_, bad_;
  bool waiting_ = false, offered_ = false, shown_ = false, had_bad_ = false, ready_ = false;
  std::uint64_t advances_ = 0, dropped_ = 0, bad_at_ = 0, error_at_ = 0;
  std::deque<Flight> flight_;
};

}  // namespace systole::tb::store
