// SPDX-License-Identifier: Apache-2.0
// The compute engine's memories, each alone and cycle by cycle against a plain array: operand buffer (write, skewed read) and
// accumulators (the array's reads and writes, load's writes and the store engine's reads on the same banks, in both halves).
#include <Vaccumulators_4x8.h>
#include <Voperand_buffer_4.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "tb/block/control/bench.hpp"

double sc_time_stamp() { return 0; }

namespace systole::tb {
namespace {

// --- operand buffer ------------------------------------------------------------------------------------------------------

class OperandBufferTest : public testing::Test {
 protected:
  static constexpr unsigned ROWS = 4, WORDS = 16, L = 2;  // L as in CMakeLists.txt: two cycles a row show a wrong skew

  OperandBufferTest() : dut_(random_.seed()), words_(WORDS) {
    dut_->rst_ni = 0;
    dut_->we_i = dut_->re_i = 0;
    for (int i = 0; i < 4; ++i) clock();
    dut_->rst_ni = 1;
    for (unsigned i = 0; i < WORDS; ++i) cycle(true, i, false, 0);
  }

  /// One cycle, all lanes checked: what each shows, and that it holds it.
  void cycle(bool write, unsigned write_address, bool read, unsigned read_address) {
    reads_.push_front({read, read_address});
    reads_.resize(L * ROWS);
    std::array<uint16_t, ROWS> word{};
    for (auto &lane : word) lane = static_cast<uint16_t>(random_.word());
    dut_->we_i = write;
    dut_->waddr_i = static_cast<CData>(write_address);
    dut_->wdata_i = 0;
    for (unsigned r = 0; r < ROWS; ++r) dut_->wdata_i |= QData{word[r]} << (16 * r);
    dut_->re_i = read;
    dut_->raddr_i = static_cast<CData>(read ? read_address : random_.below(WORDS));
    dut_.settle();
    for (unsigned r = 0; r < ROWS; ++r) {
      if (defined_[r]) ASSERT_EQ(static_cast<uint16_t>(dut_->lanes_o >> (16 * r)), lanes_[r]) << "lane " << r;
      const Read &now = reads_[L * r];  // row r's bank is addressed L * r cycles after row 0's
      if (!now.valid) continue;
      lanes_[r] = words_[now.address][r];
      defined_[r] = !(write && now.address == write_address);  // of a word that is being written: undefined
    }
    if (write) words_[write_address] = word;
    dut_.edge();
  }

  Random random_;

 private:
  struct Read {
    bool valid = false;
    unsigned address = 0;
  };
  void clock() {
    dut_.settle();
    dut_.edge();
  }

  Clocked<Voperand_buffer_4> dut_;
  std::vector<std::array<uint16_t, ROWS>> words_;
  std::deque<Read> reads_;
  std::array<uint16_t, ROWS> lanes_{};
  std::array<bool, ROWS> defined_{};
};

TEST_F(OperandBufferTest, LaneFollowsItsRowsSkewAndHolds) {
  for (unsigned word = 0; word < WORDS; ++word) {
    cycle(false, 0, true, word);
    for (unsigned i = 0; i < 2 * L * ROWS; ++i) cycle(false, 0, false, 0);
  }
  for (unsigned word = 0; word < 3 * WORDS; ++word) cycle(false, 0, true, word % WORDS);
}

TEST_F(OperandBufferTest, RandomWritesAndReadsEqualTheArray) {
  for (int i = 0; i < 20000 && !HasFailure(); ++i)
    cycle(random_.percent(50), random_.below(WORDS), random_.percent(60), random_.below(WORDS));
}

// --- accumulators --------------------------------------------------------------------------------------------------------

/// A row of the array, as the activation sequencer describes it.
struct Row {
  bool valid = false, acc_read = false, bias_read = false, acc_full = false, last = false;
  unsigned acc = 0, param = 0;
};
struct Load {
  bool acc = false, bias = false;
  unsigned address = 0, chunk = 0;
  uint64_t data = 0;
};
struct Store {
  bool valid = false;
  unsigned address = 0, group = 0;
};

class AccumulatorsTest : public testing::Test {
 protected:
  static constexpr unsigned ROWS = 4, COLS = 8, ACC_ROWS = 8, PARAMS = 4, EP_LANES = 4, L = 1;
  static constexpr unsigned CHUNK = ROWS / 2, CHUNKS = COLS / CHUNK, GROUPS = COLS / EP_LANES;
  static constexpr unsigned BOTTOM = 2 + L * ROWS;  // cycles from a row's read to its write, in the same column

  AccumulatorsTest() : dut_(random_.seed()), acc_(2 * ACC_ROWS), bias_(PARAMS) {
    dut_->rst_ni = 0;
    drive({}, {}, {});
    for (int i = 0; i < 4; ++i) {
      dut_.settle();
      dut_.edge();
    }
    dut_->rst_ni = 1;
    for (unsigned chunk = 0; chunk < CHUNKS; ++chunk) {
      for (unsigned i = 0; i < 2 * ACC_ROWS; ++i) must_take({true, false, i, chunk, data()});
      for (unsigned i = 0; i < PARAMS; ++i) must_take({false, true, i, chunk, data()});
    }
  }

  uint64_t data() { return uint64_t{random_.word()} << 32 | random_.word(); }
  /// Words of which some are undefined.
  template <unsigned N>
  using Words = std::array<std::optional<uint32_t>, N>;
  static unsigned half(unsigned row) { return row / ACC_ROWS; }

  /// One cycle, everything checked: seeds, tokens, who waits, the store's data. The array is never asked whether it can.
  void cycle(const Row &row, const Load &load = {}, const Store &store = {}) {
    rows_.push_front(row);
    rows_.resize(BOTTOM + COLS);
    std::array<uint32_t, COLS> psum{};
    Words<COLS> seed;
    seed.fill(0);
    for (auto &value : psum) value = random_.word();
    drive(row, load, store);
    for (unsigned c = 0; c < COLS; ++c) dut_->psum_i[c] = psum[c];
    dut_.settle();

    // What the array does in this cycle, column c being c cycles behind column 0.
    bool load_waits = false, store_waits = false;
    for (unsigned c = 0; c < COLS; ++c) {
      const Row &top = rows_[c], &bottom = rows_[BOTTOM + c];
      const bool loaded = c / CHUNK == load.chunk, stored = c / EP_LANES == store.group;
      load_waits |= load.acc && loaded && bottom.valid && half(bottom.acc) == half(load.address);
      store_waits |= store.valid && stored && top.acc_read && half(top.acc) == half(store.address);
      if (top.acc_read)
        seed[c] = acc_[top.acc][c];
      else if (top.bias_read)
        seed[c] = bias_[top.param][c];
      if (seeds_[1][c]) ASSERT_EQ(dut_->psum_o[c], *seeds_[1][c]) << "column " << c;
    }
    if (load.acc) {  // the bias bank takes its word at once
      ASSERT_EQ(dut_->wr_ready_o, !load_waits) << "load to half " << half(load.address) << ", chunk " << load.chunk;
    }
    if (store.valid) {
      ASSERT_EQ(dut_->rd_ready_o, !store_waits) << "store from half " << half(store.address) << ", group " << store.group;
    }
    const Row &done = rows_[BOTTOM + COLS - 1];
    ASSERT_EQ(dut_->acc_full_o, done.acc_full);
    ASSERT_EQ(dut_->done_o, done.last);
    for (unsigned i = 0; i < EP_LANES; ++i) {
      if (stored_[1][i]) ASSERT_EQ(dut_->rd_data_o[i], *stored_[1][i]) << "store, lane " << i;
    }

    stored_[1] = stored_[0];
    stored_[0] = {};
    store_taken = store.valid && !store_waits;
    load_taken = (load.acc || load.bias) && !load_waits;
    if (store_taken)
      for (unsigned i = 0; i < EP_LANES; ++i) stored_[0][i] = acc_[store.address][store.group * EP_LANES + i];
    // A read of what is written in this cycle is undefined.
    const auto write = [&](bool acc, unsigned address, unsigned c, uint32_t value) {
      (acc ? acc_ : bias_)[address][c] = value;
      const Row &top = rows_[c];
      if (acc ? top.acc_read && top.acc == address : top.bias_read && !top.acc_read && top.param == address) seed[c].reset();
      if (acc && store_taken && c / EP_LANES == store.group && store.address == address) stored_[0][c % EP_LANES].reset();
    };
    for (unsigned c = 0; c < COLS; ++c) {
      const Row &bottom = rows_[BOTTOM + c];
      if (bottom.valid) write(true, bottom.acc, c, psum[c]);
      if (!load_taken || c / CHUNK != load.chunk) continue;
      write(load.acc, load.address, c, static_cast<uint32_t>(load.data >> (32 * (c % CHUNK))));
    }
    seeds_[1] = seeds_[0];
    seeds_[0] = seed;
    if (load_waits) ++load_waited[half(load.address)];
    if (store_waits) ++store_waited[half(store.address)];
    dut_.edge();
  }

  /// Reads all accumulators through the store's port.
  void read_back() {
    for (unsigned i = 0; i < BOTTOM + COLS; ++i) cycle({});
    for (unsigned row = 0; row < 2 * ACC_ROWS; ++row) {
      for (unsigned group = 0; group < GROUPS; ++group) {
        cycle({}, {}, {true, row, group});
        ASSERT_TRUE(store_taken);
      }
    }
    cycle({});
    cycle({});
  }

  Random random_;
  bool load_taken = false, store_taken = false;
  std::array<unsigned, 2> load_waited{}, store_waited{};  // by half

 private:
  void must_take(const Load &load) {
    cycle({}, load);
    ASSERT_TRUE(load_taken);
  }

  void drive(const Row &row, const Load &load, const Store &store) {
    dut_->row_i = row.valid;
    dut_->acc_row_i = static_cast<CData>(row.acc);
    dut_->acc_read_i = row.acc_read;
    dut_->bias_read_i = row.bias_read;
    dut_->param_i = static_cast<CData>(row.param);
    dut_->acc_full_i = row.acc_full;
    dut_->last_i = row.last;
    dut_->wr_acc_i = load.acc;
    dut_->wr_bias_i = load.bias;
    dut_->wr_addr_i = static_cast<SData>(load.address);
    dut_->wr_chunk_i = static_cast<CData>(load.chunk);
    dut_->wr_data_i = load.data;
    dut_->rd_valid_i = store.valid;
    dut_->rd_addr_i = static_cast<SData>(store.address);
    dut_->rd_group_i = static_cast<CData>(store.group);
  }

  Clocked<Vaccumulators_4x8> dut_;
  std::vector<std::array<uint32_t, COLS>> acc_, bias_;
  std::deque<Row> rows_ = std::deque<Row>(BOTTOM + COLS);
  std::array<Words<COLS>, 2> seeds_;       // of one and two cycles ago
  std::array<Words<EP_LANES>, 2> stored_;  // what the store asked for one and two cycles ago
};

TEST_F(AccumulatorsTest, LoadAndStoreUseOneHalfWhileTheArrayUsesTheOther) {
  for (unsigned array_half = 0; array_half < 2; ++array_half) {
    const unsigned other = (1 - array_half) * ACC_ROWS;
    for (unsigned i = 0; i < 100; ++i) {
      Row row;
      row.valid = row.acc_read = true;
      row.acc = array_half * ACC_ROWS + i % ACC_ROWS;
      const unsigned at = other + random_.below(ACC_ROWS);
      cycle(row, {true, false, at, random_.below(CHUNKS), data()},
            {true, other + random_.below(ACC_ROWS), random_.below(GROUPS)});
      ASSERT_TRUE(load_taken && store_taken) << "half " << array_half << ", cycle " << i;
    }
    for (unsigned i = 0; i < BOTTOM + COLS; ++i) cycle({});
  }
  read_back();
}

TEST_F(AccumulatorsTest, LoadAndStoreWaitForTheArrayBankByBank) {
  for (unsigned array_half = 0; array_half < 2; ++array_half) {
    for (unsigned chunk = 0; chunk < CHUNKS; ++chunk) {
      // A single row: its writes pass the chunk's columns in CHUNK successive cycles, its reads the group's in EP_LANES.
      const unsigned at = array_half * ACC_ROWS + 3, group = chunk % GROUPS;
      unsigned load_before = load_waited[array_half], store_before = store_waited[array_half];
      Row row;
      row.valid = row.acc_read = row.last = row.acc_full = true;
      row.acc = at;
      for (unsigned i = 0; i < BOTTOM + COLS; ++i) {
        cycle(i == 0 ? row : Row{}, {true, false, at + 1, chunk, data()}, {true, at, group});
        EXPECT_EQ(store_taken, i / EP_LANES != group) << "cycle " << i;
        EXPECT_EQ(load_taken, i < BOTTOM || (i - BOTTOM) / CHUNK != chunk) << "cycle " << i;
      }
      EXPECT_EQ(load_waited[array_half] - load_before, CHUNK);
      EXPECT_EQ(store_waited[array_half] - store_before, EP_LANES);
    }
  }
  read_back();
}

TEST_F(AccumulatorsTest, RandomTrafficOnTheSameBanksEqualsTheArray) {
  Load load;
  Store store;
  unsigned loads = 0, stores = 0;
  for (int i = 0; i < 30000 && !HasFailure(); ++i) {
    Row row;
    row.valid = random_.percent(i / 1000 % 2 != 0 ? 95 : 40);
    row.acc = random_.below(2 * ACC_ROWS);
    row.param = random_.below(PARAMS);
    if (row.valid) {
      const unsigned seed = random_.below(3);
      row.acc_read = seed == 1;
      row.bias_read = seed == 2;
      row.last = random_.percent(20);
      row.acc_full = row.last && random_.percent(50);
    }
    if (!load.acc && !load.bias && random_.percent(70)) {  // a request is held until it is taken
      load.acc = random_.percent(80);
      load.bias = !load.acc;
      load.address = random_.below(load.acc ? 2 * ACC_ROWS : PARAMS);
      load.chunk = random_.below(CHUNKS);
      load.data = data();
    }
    if (!store.valid && random_.percent(70)) store = {true, random_.below(2 * ACC_ROWS), random_.below(GROUPS)};
    cycle(row, load, store);
    if (load_taken) load = {};
    if (store_taken) store = {};
    loads += load_taken ? 1 : 0;
    stores += store_taken ? 1 : 0;
  }
  read_back();
  EXPECT_GT(loads, 5000u);
  EXPECT_GT(stores, 5000u);
  for (const unsigned waited : {load_waited[0], load_waited[1], store_waited[0], store_waited[1]}) EXPECT_GT(waited, 500u);
}

}  // namespace
}  // namespace systole::tb
