// SPDX-License-Identifier: Apache-2.0
#include "tb/block/dma/store_bench.hpp"

#include <gtest/gtest.h>

namespace systole::tb::dma {

uint32_t StoreBench::value(unsigned row, unsigned column) {
  uint64_t x = (uint64_t(row) * 64 + column + 1) * 0x9E3779B97F4A7C15u;
  return uint32_t((x ^ (x >> 29)) * 0xBF58476D1CE4E5B9u >> 32);
}

StoreBench::StoreBench(StoreDut &dut, Random &random, Pace pace) : dut_(dut), random_(random), pace_(pace) {
  const size_t count = size_t(dut.sizes().param_entries) * dut.sizes().cols;
  scales_.assign(count, 0x3F800000);
  shifts_.assign(count, 0);
  reset();
}

void StoreBench::load_params() {
  const StoreSizes &sizes = dut_.sizes();
  const auto write = [&](uint8_t dest, uint8_t bank, unsigned entry, unsigned chunk, Bytes data) {
    pins_.wr_valid = true;
    pins_.wr_dest = dest;
    pins_.wr_bank = bank;
    pins_.wr_addr = uint16_t(entry);
    pins_.wr_chunk = uint8_t(chunk);
    data.resize(2 * sizes.rows);
    pins_.wr_data = data;
    dut_.settle(pins_);
    dut_.clock();
    pins_.wr_valid = false;
  };
  const auto noise = [&] {
    Bytes data(2 * sizes.rows);
    for (uint8_t &byte : data) byte = uint8_t(random_.bits());
    return data;
  };
  for (unsigned entry = 0; entry < sizes.param_entries; entry++) {
    Bytes scale_bytes, shift_bytes;
    for (unsigned column = 0; column < sizes.cols; column++) {
      for (unsigned byte = 0; byte < 4; byte++) scale_bytes.push_back(uint8_t(scale(entry, column) >> 8 * byte));
      shift_bytes.push_back(uint8_t(shift(entry, column)));
    }
    for (auto [bank, bytes] : {std::pair(SYSTOLE_BANK_SCALE, scale_bytes), std::pair(SYSTOLE_BANK_SHIFT, shift_bytes)})
      for (size_t at = 0, chunk = 0; at < bytes.size(); at += 2 * sizes.rows, chunk++) {
        write(SYSTOLE_DEST_PARAM, uint8_t(bank), entry, unsigned(chunk),
              Bytes(bytes.begin() + long(at), bytes.begin() + long(std::min<size_t>(bytes.size(), at + 2 * sizes.rows))));
        // Neither another bank nor another memory.
        write(SYSTOLE_DEST_PARAM, random_.chance(50) ? SYSTOLE_BANK_BIAS : SYSTOLE_BANK_B_ZERO_POINT, entry, unsigned(chunk),
              noise());
        write(uint8_t(random_.pick({SYSTOLE_DEST_ACT, SYSTOLE_DEST_WGT, SYSTOLE_DEST_ACC})), uint8_t(bank), entry,
              unsigned(chunk), noise());
      }
  }
}

uint32_t StoreBench::result(const StoreCommand &c, unsigned row, unsigned tile, unsigned column) {
  const uint32_t acc = value(row, column);
  const unsigned entry = std::min(c.param + tile, dut_.sizes().param_entries - 1);
  const uint32_t own_scale = c.per_column ? scale(entry, column) : c.scale;
  const int own_shift = c.per_column ? shift(entry, column) : c.shift;
  const auto low = int32_t(c.clamp_min), high = int32_t(c.clamp_max);
  if (c.out == golden::DType::s32) return acc;
  if (c.rule == golden::Requant::floating) {
    const bool legal = own_scale != 0 && own_scale < 0x7F800000;
    return uint32_t(legal ? golden::requant_float(int32_t(acc), own_scale, c.zero_point, low, high) : 0);
  }
  if (c.rule == golden::Requant::fixed) {
    const bool legal = own_scale >> 31 == 0 && own_shift >= -31 && own_shift <= 30;
    return uint32_t(legal ? golden::requant_fixed(int32_t(acc), int32_t(own_scale), own_shift, c.zero_point, low, high) : 0);
  }
  const uint32_t clamped = golden::clamp(acc, c.clamp_min, c.clamp_max);
  return c.out == golden::DType::fp32 ? clamped : golden::narrow(c.out, clamped);
}

void StoreBench::reset() {
  pins_ = StorePins();
  pins_.reset_n = false;
  for (int i = 0; i < 3; i++) {
    dut_.settle(pins_);
    dut_.clock();
  }
  pins_.reset_n = true;
  stop = stopped_ = error = done_next_ = failed_response_ = hold_aw = false;
  give_next_ = 0;
  queue_.clear();
  expected_reads_.clear();
  expected_bursts_.clear();
  expected_beats_.clear();
  writes_.clear();
  answer_ = {};
  submitted_ = done = cycle = beats = reads = bursts = empty_beats = 0;
}

void StoreBench::submit(const StoreCommand &c) {
  const StoreSizes &sizes = dut_.sizes();
  queue_.push_back(c);
  submitted_++;
  const Shape shape = c.shape(sizes);

  // Reads and the bytes they bring, in order.
  Bytes stream;
  for (unsigned i1 = 0; i1 < c.m1; i1++)
    for (unsigned i0 = 0; i0 < c.m0; i0++)
      for (unsigned tile = 0; tile < c.n; tile++) {
        const unsigned columns = tile + 1 == c.n ? c.n_tail : sizes.cols;
        const unsigned row = unsigned(c.row(tile, i1, i0));
        for (unsigned group = 0; group * sizes.lanes() < columns; group++) expected_reads_.push_back({row, group, false, 0});
        for (unsigned column = 0; column < columns; column++) {
          const uint32_t word = result(c, row, tile, column);
          for (unsigned byte = 0; byte < c.size(); byte++) stream.push_back(uint8_t(word >> 8 * byte));
        }
      }
  expected_reads_.back().last = true;
  expected_reads_.back().give = c.give & (1u << 5);

  for (const Burst &burst : shape.bursts(sizes.bus_bytes)) expected_bursts_.push_back({burst, false, 0, c.index});
  expected_bursts_.back().last = true;
  expected_bursts_.back().give = c.give & (1u << 6);

  size_t at = 0;
  for (auto [address, bytes] : shape.segments()) {
    for (uint64_t end = address + bytes; address < end;) {
      Beat beat{Bytes(sizes.bus_bytes), 0, false};
      const uint64_t next = std::min(end, (address / sizes.bus_bytes + 1) * sizes.bus_bytes);
      for (; address < next; address++) {
        beat.data[address % sizes.bus_bytes] = stream.at(at++);
        beat.strobes |= uint64_t{1} << address % sizes.bus_bytes;
      }
      expected_beats_.push_back(beat);
    }
  }
  EXPECT_EQ(at, stream.size());
}

bool StoreBench::step() {
  const StoreSizes &sizes = dut_.sizes();
  const StorePins before = pins_;
  StorePins &p = pins_;

  if (!(before.cmd_valid && !before.cmd_ready)) {
    p.cmd_valid = !queue_.empty() && random_.chance(80);
    if (p.cmd_valid) {
      p.cmd = queue_.front().record();
      p.idx = queue_.front().index;
    }
  }
  p.tokens = 0;
  for (int bit = 0; bit < 8; bit++) p.tokens |= uint8_t(random_.chance(token_percent)) << bit;
  p.stop = stop;
  p.aw_ready = !hold_aw && random_.chance(pace_.address);
  p.w_ready = random_.chance(pace_.data);
  p.rd_ready = random_.chance(pace_.buffer);
  // The accumulators' answer to a read of two cycles before; noise otherwise.
  p.rd_data.resize(4 * sizes.lanes());
  for (unsigned lane = 0; lane < sizes.lanes(); lane++) {
    const uint32_t word =
        answer_[1] ? value(answer_[1]->row, answer_[1]->group * sizes.lanes() + lane) : uint32_t(random_.bits());
    for (unsigned byte = 0; byte < 4; byte++) p.rd_data[4 * lane + byte] = uint8_t(word >> 8 * byte);
  }
  answer_[1] = answer_[0];
  answer_[0].reset();
  if (!(before.b_valid && !before.b_ready)) {
    p.b_valid = !writes_.empty() && writes_.front().due <= cycle && random_.chance(pace_.response);
    p.b_resp = p.b_valid && error_burst == writes_.front().number ? 3 : 0;
  }

  dut_.settle(p);
  check(before);
  dut_.clock();
  cycle++;
  failed_ = failed_ || ::testing::Test::HasFailure();
  return !failed_;
}

void StoreBench::check(const StorePins &before) {
  const StoreSizes &sizes = dut_.sizes();
  const StorePins &p = pins_;
  const bool first = cycle == 0;

  if (p.cmd_valid && p.cmd_ready) {
    EXPECT_EQ(p.take, queue_.front().wait);
    EXPECT_EQ(p.take & ~p.tokens, 0);
    EXPECT_FALSE(stopped_) << "a command was accepted after the stop";
    if (queue_.size() == submitted_) first_accept = cycle;
    queue_.pop_front();
  } else {
    EXPECT_EQ(p.take, 0);
  }

  // Completion of the cycle before.
  EXPECT_EQ(p.done, done_next_);
  EXPECT_EQ(p.give, give_next_);
  done_next_ = false;
  give_next_ = 0;
  done += p.done;

  // Accumulator reads.
  if (!first && before.rd_valid && !before.rd_ready) {
    EXPECT_TRUE(p.rd_valid && p.rd_addr == before.rd_addr && p.rd_group == before.rd_group) << "read changed before it was taken";
  }
  if (p.rd_valid && p.rd_ready) {
    if (reads++ == 0) first_read = cycle;
    last_read = cycle;
    if (expected_reads_.empty()) {
      ADD_FAILURE() << "unexpected read";
    } else {
      const Read &read = expected_reads_.front();
      EXPECT_EQ(p.rd_addr, read.row);
      EXPECT_EQ(p.rd_group, read.group);
      give_next_ |= read.give;
      answer_[0] = read;
      expected_reads_.pop_front();
    }
  }

  // Addresses.
  if (!first && before.aw_valid && !before.aw_ready) {
    EXPECT_TRUE(p.aw_valid && p.aw_addr == before.aw_addr && p.aw_len == before.aw_len) << "AW changed before it was taken";
  } else if (stopped_) {
    EXPECT_FALSE(p.aw_valid) << "AW was raised after the stop";
  }
  if (p.aw_valid && first_aw == 0) first_aw = cycle;
  if (p.aw_valid && p.aw_ready) {
    EXPECT_TRUE(p.aw_constants);
    const Burst burst{p.aw_addr, p.aw_len + 1u};
    EXPECT_LE(p.aw_addr % 4096 / sizes.bus_bytes * sizes.bus_bytes + burst.beats * sizes.bus_bytes, 4096u) << burst;
    if (expected_bursts_.empty()) {
      ADD_FAILURE() << "unexpected burst " << burst;
    } else {
      EXPECT_EQ(burst, expected_bursts_.front().burst);
      writes_.push_back({expected_bursts_.front(), bursts, 0, UINT64_MAX});
      expected_bursts_.pop_front();
    }
    bursts++;
    EXPECT_LE(writes_.size(), sizes.max_writes);
  }

  if (p.err) {
    EXPECT_FALSE(error) << "two error pulses";
    error = true;
    error_code = p.err_code;
    error_index = p.err_idx;
    error_address = p.err_addr;
  }

  // Write data.
  if (!first && before.w_valid && !before.w_ready) {
    EXPECT_TRUE(p.w_valid && p.w_data == before.w_data && p.w_strobes == before.w_strobes && p.w_last == before.w_last)
        << "W changed before it was taken";
  }
  if (p.w_valid) {
    auto write = std::find_if(writes_.begin(), writes_.end(), [](const Write &w) { return w.due == UINT64_MAX; });
    if (write == writes_.end()) {
      ADD_FAILURE() << "W without an AW";
    } else if (p.w_ready) {
      if (beats++ == 0) first_beat = cycle;
      last_beat = cycle;
      if (++write->beats == write->expected.burst.beats) write->due = cycle + pace_.latency;
      EXPECT_EQ(p.w_last, write->due != UINT64_MAX);
      if (p.w_strobes == 0 && cut_off()) {
        empty_beats++;
      } else if (expected_beats_.empty()) {
        ADD_FAILURE() << "unexpected beat";
      } else {
        EXPECT_EQ(empty_beats, 0u) << "data after empty beats";
        const Beat &beat = expected_beats_.front();
        EXPECT_EQ(p.w_strobes, beat.strobes) << "beat " << beats;
        for (unsigned i = 0; i < sizes.bus_bytes; i++) {
          if (beat.strobes >> i & 1) {
            EXPECT_EQ(p.w_data[i], beat.data[i]) << "beat " << beats << " byte " << i;
          }
        }
        expected_beats_.pop_front();
      }
    }
  }

  // Responses.
  if (p.b_valid) {
    EXPECT_TRUE(p.b_ready);
    const Write &write = writes_.front();
    failed_response_ = failed_response_ || p.b_resp != 0;
    // A command that a RANGE or PARAM error cut off, and those after it, never complete.
    const bool cut = cut_off() && int32_t(write.expected.index - error_index) >= 0;
    done_next_ = write.expected.last && !failed_response_ && !cut;
    if (done_next_) give_next_ |= write.expected.give;
    writes_.pop_front();
  }

  stopped_ = stopped_ || p.err || p.stop;

  size_t outstanding_before = writes_.size() + p.b_valid - (p.aw_valid && p.aw_ready);
  EXPECT_EQ(p.quiet, outstanding_before == 0 && !p.aw_valid);
  quiet = p.quiet;
}

void StoreBench::run(uint64_t limit) {
  const uint64_t end = cycle + limit;
  while (done < submitted_ && cycle < end)
    if (!step()) return;
  EXPECT_EQ(done, submitted_) << "not done after " << cycle << " cycles; beats missing: " << expected_beats_.size();
  EXPECT_TRUE(expected_beats_.empty() && expected_bursts_.empty() && expected_reads_.empty());
  if (!step()) return;
  EXPECT_TRUE(quiet);
}

}  // namespace systole::tb::dma
