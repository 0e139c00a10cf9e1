// SPDX-License-Identifier: Apache-2.0
#include "tb/block/dma/load_bench.hpp"

#include <gtest/gtest.h>

namespace systole::tb::dma {

namespace {

constexpr uint64_t kFetchBase = 0xE0'0000'0000;

bool is_fetch(uint64_t address) { return address >> 32 == kFetchBase >> 32; }

}  // namespace

uint8_t LoadBench::memory(uint64_t address) {
  uint64_t x = (address + 1) * 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return uint8_t(x >> 56);
}

LoadBench::LoadBench(LoadDut &dut, Random &random, Pace pace) : dut_(dut), random_(random), pace_(pace) { reset(); }

void LoadBench::reset() {
  pins_ = LoadPins();
  pins_.reset_n = false;
  for (int i = 0; i < 3; i++) {
    dut_.settle(pins_);
    dut_.clock();
  }
  pins_.reset_n = true;
  stop = stopped_ = error = done_next_ = false;
  give_next_ = 0;
  queue_.clear();
  expected_bursts_.clear();
  expected_chunks_.clear();
  expected_fetches_.clear();
  reads_.clear();
  submitted_ = done = 0;
  cycle = beats = chunks = bursts = 0;
}

void LoadBench::submit(const LoadCommand &command) {
  queue_.push_back(command);
  submitted_++;
  for (const Burst &burst : command.shape.bursts(dut_.sizes().bus_bytes)) expected_bursts_.push_back(burst);
  expect(command);
}

void LoadBench::expect(const LoadCommand &c) {
  const LoadSizes &sizes = dut_.sizes();
  const unsigned word_bytes = sizes.dest_bytes(c.dest, c.bank);
  const unsigned chunk_bytes = std::min(word_bytes, sizes.word_bytes());
  unsigned addr = c.dst;
  const unsigned columns = c.left + c.shape.count1 + c.right;
  const unsigned rows = c.top + c.shape.count2 + c.bottom;
  for (unsigned row = 0; row < rows; row++) {
    for (unsigned column = 0; column < columns; column++) {
      const bool data = row >= c.top && row < c.top + c.shape.count2 && column >= c.left && column < c.left + c.shape.count1;
      Bytes bytes(c.shape.length, c.pad);
      if (data) {
        const uint64_t base = c.shape.item(row - c.top, column - c.left);
        for (uint32_t i = 0; i < c.shape.length; i++) bytes[i] = memory(wrap(base + i));
      }
      for (uint32_t done_bytes = 0; done_bytes < c.shape.length;) {
        for (unsigned index = 0; index < word_bytes / chunk_bytes && done_bytes < c.shape.length; index++) {
          const uint32_t n = std::min(chunk_bytes, c.shape.length - done_bytes);
          const auto from = bytes.begin() + done_bytes;
          expected_chunks_.push_back({c.dest, c.bank, addr, index, Bytes(from, from + n), false, 0});
          done_bytes += n;
        }
        addr++;
      }
    }
  }
  expected_chunks_.back().last = true;
  expected_chunks_.back().give = c.give;
}

bool LoadBench::step() {
  const LoadSizes &sizes = dut_.sizes();
  LoadPins before = pins_;
  LoadPins &p = pins_;

  // Drive. What is valid and was not taken stays.
  const bool cmd_held = before.cmd_valid && !before.cmd_ready;
  if (!cmd_held) {
    p.cmd_valid = !queue_.empty() && random_.chance(80);
    if (p.cmd_valid) {
      p.cmd = queue_.front().record();
      p.idx = queue_.front().index;
    }
  }
  p.tokens = 0;
  for (int bit = 0; bit < 8; bit++) p.tokens |= uint8_t(random_.chance(token_percent)) << bit;
  if (!(before.fetch_valid && !before.fetch_ready)) {
    const auto fetches = std::count_if(reads_.begin(), reads_.end(), [](const Read &read) { return read.fetch; });
    p.fetch_valid = random_.chance(fetch_percent) && size_t(fetches) + expected_fetches_.size() < 3;
    p.fetch_address = kFetchBase + 64 * uint64_t(random_.in(0, 1000));
  }
  p.ar_ready = random_.chance(pace_.address);
  p.wr_ready = random_.chance(pace_.buffer);
  p.stop = stop;
  if (!(before.r_valid && !before.r_ready)) {
    p.r_valid = !reads_.empty() && reads_.front().due <= cycle && random_.chance(pace_.data);
    if (p.r_valid) {
      const Read &read = reads_.front();
      const uint64_t base = read.burst.address / sizes.bus_bytes * sizes.bus_bytes + uint64_t(read.beat) * sizes.bus_bytes;
      p.r_data.resize(sizes.bus_bytes);
      for (unsigned i = 0; i < sizes.bus_bytes; i++)
        p.r_data[i] = base + i < read.burst.address ? uint8_t(random_.bits()) : memory(base + i);
      p.r_last = read.beat + 1 == read.burst.beats;
      p.r_resp = error_beat && !read.fetch && *error_beat >= base && *error_beat < base + sizes.bus_bytes ? 2 : 0;
    }
  }

  dut_.settle(p);
  check(before);
  dut_.clock();
  cycle++;
  failed_ = failed_ || ::testing::Test::HasFailure();
  return !failed_;
}

void LoadBench::check(const LoadPins &before) {
  const LoadSizes &sizes = dut_.sizes();
  const LoadPins &p = pins_;
  const bool first = cycle == 0;

  // Commands and tokens.
  const bool accept = p.cmd_valid && p.cmd_ready;
  if (accept) {
    EXPECT_EQ(p.take, queue_.front().wait);
    EXPECT_EQ(p.take & ~p.tokens, 0);
    EXPECT_FALSE(stopped_) << "a command was accepted after the stop";
    if (queue_.size() == submitted_) first_accept = cycle;
    queue_.pop_front();
  } else {
    EXPECT_EQ(p.take, 0);
  }

  // Addresses.
  if (!first && before.ar_valid && !before.ar_ready) {
    EXPECT_TRUE(p.ar_valid && p.ar_addr == before.ar_addr && p.ar_len == before.ar_len) << "AR changed before it was taken";
  }
  if (p.ar_valid) {
    EXPECT_TRUE(p.ar_constants);
    if (bursts == 0 && !is_fetch(p.ar_addr) && first_ar == 0) first_ar = cycle;
  }
  if (p.fetch_valid && p.fetch_ready) expected_fetches_.push_back({p.fetch_address, std::max(1u, 64 / sizes.bus_bytes)});
  if (p.ar_valid && p.ar_ready) {
    const Burst burst{p.ar_addr, p.ar_len + 1u};
    auto &expected = is_fetch(p.ar_addr) ? expected_fetches_ : expected_bursts_;
    EXPECT_LE(p.ar_addr % 4096 / sizes.bus_bytes * sizes.bus_bytes + burst.beats * sizes.bus_bytes, 4096u) << burst;
    if (expected.empty()) {
      ADD_FAILURE() << "unexpected burst " << burst;
    } else {
      EXPECT_EQ(burst, expected.front());
      expected.pop_front();
    }
    // One load burst may already stand in the AR register when a fetch asks.
    loads_before_fetch_ = !is_fetch(p.ar_addr) && before.fetch_valid ? loads_before_fetch_ + 1 : 0;
    EXPECT_LE(loads_before_fetch_, 1u) << "load went before fetch";
    reads_.push_back({burst, is_fetch(p.ar_addr), cycle + pace_.latency});
    if (!is_fetch(p.ar_addr)) bursts++;
    EXPECT_LE(reads_.size(), sizes.max_reads);
  }

  // Read data.
  if (p.r_valid && p.r_ready) {
    Read &read = reads_.front();
    EXPECT_EQ(p.fetch_r_valid, read.fetch);
    if (read.fetch) {
      EXPECT_EQ(p.fetch_data, p.r_data);
      EXPECT_EQ(p.fetch_r_last, p.r_last);
      EXPECT_EQ(p.fetch_r_err, false);
    } else {
      if (beats++ == 0) first_beat = cycle;
      last_beat = cycle;
    }
    if (++read.beat == read.burst.beats) reads_.pop_front();
  } else if (!p.r_valid) {
    EXPECT_FALSE(p.fetch_r_valid);
  }

  // Completion of the cycle before.
  EXPECT_EQ(p.done, done_next_);
  EXPECT_EQ(p.give, give_next_);
  done_next_ = false;
  give_next_ = 0;
  done += p.done;

  // Chunks.
  if (!first && before.wr_valid && !before.wr_ready) {
    EXPECT_TRUE(p.wr_valid && p.wr_addr == before.wr_addr && p.wr_chunk == before.wr_chunk && p.wr_data == before.wr_data &&
                p.wr_dest == before.wr_dest && p.wr_bank == before.wr_bank)
        << "chunk changed before it was taken";
  }
  if (p.wr_valid && p.wr_ready) {
    if (chunks++ == 0) first_chunk = cycle;
    last_chunk = cycle;
    if (expected_chunks_.empty()) {
      ADD_FAILURE() << "unexpected chunk";
    } else {
      const Chunk &chunk = expected_chunks_.front();
      EXPECT_EQ(p.wr_dest, chunk.dest);
      EXPECT_EQ(p.wr_bank, chunk.bank);
      EXPECT_EQ(p.wr_addr, chunk.addr);
      EXPECT_EQ(p.wr_chunk, chunk.index);
      EXPECT_EQ(Bytes(p.wr_data.begin(), p.wr_data.begin() + chunk.bytes.size()), chunk.bytes) << "word " << chunk.addr;
      done_next_ = chunk.last;
      give_next_ = chunk.last ? chunk.give : 0;
      expected_chunks_.pop_front();
    }
  }

  if (p.err) {
    EXPECT_FALSE(error) << "two error pulses";
    error = true;
    error_code = p.err_code;
    error_index = p.err_idx;
    error_address = p.err_addr;
  }
  stopped_ = stopped_ || p.err || p.stop;

  size_t loads = 0;
  for (const Read &read : reads_) loads += !read.fetch;
  if (p.load_quiet && p.mux_quiet) {
    // A burst that is taken in this very cycle was up before it.
    EXPECT_TRUE(reads_.empty() && !p.ar_valid) << "quiet with reads under way";
  }
  if (loads > 0 && !(p.ar_valid && p.ar_ready)) {
    EXPECT_FALSE(p.mux_quiet);
  }
  quiet = p.load_quiet && p.mux_quiet;
}

void LoadBench::run(uint64_t limit) {
  const uint64_t end = cycle + limit;
  while (done < submitted_ && cycle < end)
    if (!step()) return;
  EXPECT_EQ(done, submitted_) << "not done after " << cycle << " cycles; chunks missing: " << expected_chunks_.size();
  EXPECT_TRUE(expected_bursts_.empty());
  fetch_percent = 0;
  for (int i = 0; i < 20000 && (!quiet || pins_.fetch_valid); i++)
    if (!step()) return;
  EXPECT_TRUE(quiet);
  EXPECT_TRUE(reads_.empty());
}

}  // namespace systole::tb::dma
