// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "tb/block/dma/dma_bench.hpp"

namespace systole::tb::dma {

/// Sizes of a Verilated systole_store.
struct StoreSizes {
  unsigned rows, cols, bus_bytes, ep_lanes;
  unsigned acc_rows = 128, max_writes = 16, param_entries = 16;
  unsigned lanes() const { return ep_lanes; }
};

/// The pins of a systole_store, whatever its sizes.
struct StorePins {
  // inputs
  bool reset_n = true, stop = false, cmd_valid = false, rd_ready = false, aw_ready = false, w_ready = false, b_valid = false;
  uint64_t window_first = 0, window_last = ~uint64_t{0} >> 36;  // pages; all of them
  bool wr_valid = false;
  uint8_t wr_dest = 0, wr_bank = 0, wr_chunk = 0;
  uint16_t wr_addr = 0;
  Bytes cmd, rd_data, wr_data;
  uint32_t idx = 0;
  uint8_t tokens = 0, b_resp = 0;
  // outputs
  bool cmd_ready, done, err, rd_valid, aw_valid, w_valid, w_last, b_ready, quiet;
  bool aw_constants;
  uint8_t take, give, err_code, rd_group, aw_len;
  uint16_t rd_addr;
  uint32_t err_idx;
  uint64_t err_addr, aw_addr, w_strobes;
  Bytes w_data;
};

class StoreDut {
 public:
  virtual ~StoreDut() = default;
  virtual const StoreSizes &sizes() const = 0;
  virtual std::string name() const = 0;
  virtual void settle(StorePins &) = 0;  ///< drives the inputs, reads the outputs before the clock edge
  virtual void clock() = 0;              ///< the edge
};

template <typename Top>
class VerilatedStore final : public StoreDut {
 public:
  VerilatedStore(unsigned rows, unsigned cols, unsigned axi_bits, unsigned lanes) : sizes_{rows, cols, axi_bits / 8, lanes} {}
  const StoreSizes &sizes() const override { return sizes_; }
  std::string name() const override {
    return std::to_string(sizes_.cols) + " columns, " + std::to_string(sizes_.ep_lanes) + " lanes on " +
           std::to_string(8 * sizes_.bus_bytes);
  }
  void settle(StorePins &p) override {
    top_->clk_i = 0;
    top_->rst_ni = p.reset_n;
    top_->stop_i = p.stop;
    top_->window_first_i = p.window_first;
    top_->window_last_i = p.window_last;
    top_->cmd_valid_i = p.cmd_valid;
    set_port(top_->cmd_i, p.cmd);
    top_->idx_i = p.idx;
    top_->tok_avail_i = p.tokens;
    top_->acc_rd_ready_i = p.rd_ready;
    set_port(top_->acc_rd_data_i, p.rd_data);
    top_->wr_valid_i = p.wr_valid;
    top_->wr_dest_i = p.wr_dest;
    top_->wr_bank_i = p.wr_bank;
    top_->wr_addr_i = p.wr_addr;
    top_->wr_chunk_i = p.wr_chunk;
    set_port(top_->wr_data_i, p.wr_data);
    top_->m_axi_awready_i = p.aw_ready;
    top_->m_axi_wready_i = p.w_ready;
    top_->m_axi_bvalid_i = p.b_valid;
    top_->m_axi_bresp_i = p.b_resp;
    top_->m_axi_bid_i = 0;
    top_->eval();
    p.cmd_ready = top_->cmd_ready_o;
    p.take = top_->take_o;
    p.give = top_->give_o;
    p.done = top_->done_o;
    p.err = top_->err_valid_o;
    p.err_code = top_->err_code_o;
    p.err_idx = top_->err_idx_o;
    p.err_addr = top_->err_addr_o;
    p.rd_valid = top_->acc_rd_valid_o;
    p.rd_addr = top_->acc_rd_addr_o;
    p.rd_group = top_->acc_rd_group_o;
    p.aw_valid = top_->m_axi_awvalid_o;
    p.aw_addr = top_->m_axi_awaddr_o;
    p.aw_len = top_->m_axi_awlen_o;
    p.aw_constants = top_->m_axi_awid_o == 0 && 1u << top_->m_axi_awsize_o == sizes_.bus_bytes && top_->m_axi_awburst_o == 1 &&
                     top_->m_axi_awlock_o == 0 && top_->m_axi_awcache_o == 3 && top_->m_axi_awprot_o == 0 &&
                     top_->m_axi_awqos_o == 0;
    p.w_valid = top_->m_axi_wvalid_o;
    p.w_last = top_->m_axi_wlast_o;
    p.w_strobes = top_->m_axi_wstrb_o;
    p.w_data = get_port(top_->m_axi_wdata_o, sizes_.bus_bytes);
    p.b_ready = top_->m_axi_bready_o;
    p.quiet = top_->quiet_o;
  }
  void clock() override {
    top_->clk_i = 1;
    top_->eval();
  }

 private:
  StoreSizes sizes_;
  std::unique_ptr<Top> top_ = std::make_unique<Top>();
};

/// Every Verilated configuration, a new instance each.
std::vector<std::unique_ptr<StoreDut>> store_duts();

struct StoreCommand {
  uint64_t address = 0;
  unsigned acc = 0;
  int stride = 0;
  unsigned m0 = 1, m1 = 1, n = 1, n_tail = 1;
  int32_t pitch0 = 0, pitch1 = 0;
  uint8_t wait = 0, give = 0;
  uint32_t index = 0;
  // The results: with per_column, scale and shift are in the banks' entries from `param` on.
  golden::DType out = golden::DType::s32;
  golden::Requant rule = golden::Requant::none;
  bool per_column = false;
  int32_t zero_point = 0, shift = 0;
  uint32_t scale = 0, clamp_min = 0, clamp_max = 0;
  unsigned param = 0;

  unsigned size() const { return unsigned(golden::size(out)); }
  unsigned row_bytes(const StoreSizes &sizes) const { return size() * ((n - 1) * sizes.cols + n_tail); }
  Shape shape(const StoreSizes &sizes) const { return {address, row_bytes(sizes), m0, m1, pitch0, pitch1}; }
  int row(unsigned tile, unsigned i1, unsigned i0) const { return int(acc) + int(tile) * stride + int(i1 * m0 + i0); }

  Bytes record() const {
    Record r;
#define SYSTOLE_PUT(NAME, VALUE) r.set(SYSTOLE_##NAME##_WORD, SYSTOLE_##NAME##_LSB, SYSTOLE_##NAME##_WIDTH, uint32_t(VALUE))
    SYSTOLE_PUT(CMD_OPCODE, SYSTOLE_OPCODE_STORE);
    SYSTOLE_PUT(CMD_WAIT, wait);
    SYSTOLE_PUT(CMD_GIVE, give);
    SYSTOLE_PUT(STORE_ADDRESS_LO, address);
    SYSTOLE_PUT(STORE_ADDRESS_HI, address >> 32);
    SYSTOLE_PUT(STORE_ACC, acc);
    SYSTOLE_PUT(STORE_ACC_N_STRIDE, stride);
    SYSTOLE_PUT(STORE_M0, m0);
    SYSTOLE_PUT(STORE_M1, m1);
    SYSTOLE_PUT(STORE_PITCH0, pitch0);
    SYSTOLE_PUT(STORE_PITCH1, pitch1);
    SYSTOLE_PUT(STORE_N, n);
    SYSTOLE_PUT(STORE_N_TAIL, n_tail);
    SYSTOLE_PUT(STORE_OUT_DTYPE, out);
    SYSTOLE_PUT(STORE_REQUANT, rule);
    SYSTOLE_PUT(STORE_PER_COLUMN, per_column);
    SYSTOLE_PUT(STORE_OUT_ZERO_POINT, zero_point);
    SYSTOLE_PUT(STORE_SHIFT, shift);
    SYSTOLE_PUT(STORE_SCALE, scale);
    SYSTOLE_PUT(STORE_CLAMP_MIN, clamp_min);
    SYSTOLE_PUT(STORE_CLAMP_MAX, clamp_max);
    SYSTOLE_PUT(STORE_PARAM, param);
#undef SYSTOLE_PUT
    return r.bytes();
  }
};

/// Runs commands and checks, cycle by cycle: reads, bursts and their rules, every beat with its strobes and the golden
/// model's results, tokens, quiet.
class StoreBench {
 public:
  StoreBench(StoreDut &dut, Random &random, Pace pace);

  void submit(const StoreCommand &command);
  /// One cycle; false once anything failed (the test then has a failure).
  bool step();
  /// Steps until all commands are done (or the failure, or `limit` cycles, which is a failure).
  void run(uint64_t limit = 2'000'000);
  void reset();
  /// Fills entry after entry of both banks through the write port, with writes to everything else in between. Lasts some cycles.
  void load_params();
  uint32_t &scale(unsigned entry, unsigned column) { return scales_.at(entry * dut_.sizes().cols + column); }
  int8_t &shift(unsigned entry, unsigned column) { return shifts_.at(entry * dut_.sizes().cols + column); }
  /// What command c makes of a column of a tile.
  uint32_t result(const StoreCommand &c, unsigned row, unsigned tile, unsigned column);

  // Behaviour of the surroundings.
  unsigned token_percent = 100;         ///< chance that a token is there
  std::optional<uint64_t> error_burst;  ///< bad response to the burst of this number
  bool hold_aw = false;                 ///< no AW is accepted
  bool stop = false;

  // What happened.
  uint64_t cycle = 0, beats = 0, first_beat = 0, last_beat = 0, reads = 0, first_read = 0, last_read = 0, done = 0, bursts = 0;
  uint64_t first_aw = 0, first_accept = 0, empty_beats = 0;
  bool error = false;
  uint8_t error_code = 0;
  uint32_t error_index = 0;
  uint64_t error_address = 0;
  bool quiet = true;
  size_t outstanding() const { return writes_.size(); }

 private:
  struct Read {
    unsigned row, group;
    bool last;
    uint8_t give;
  };
  struct Beat {
    Bytes data;
    uint64_t strobes;
    bool last;
  };
  struct ExpectedBurst {
    Burst burst;
    bool last;  // of its command
    uint8_t give;
    uint32_t index;  // of its command
  };
  struct Write {
    ExpectedBurst expected;
    uint64_t number;
    unsigned beats = 0;
    uint64_t due = UINT64_MAX;
  };
  static uint32_t value(unsigned row, unsigned column);
  void check(const StorePins &before);
  bool cut_off() const { return error && (error_code == SYSTOLE_ERROR_RANGE || error_code == SYSTOLE_ERROR_PARAM); }

  std::vector<uint32_t> scales_;
  std::vector<int8_t> shifts_;
  StoreDut &dut_;
  Random &random_;
  Pace pace_;
  StorePins pins_;
  bool failed_ = false;
  bool stopped_ = false;
  bool failed_response_ = false;
  std::deque<StoreCommand> queue_;
  std::deque<Read> expected_reads_;
  std::deque<ExpectedBurst> expected_bursts_;
  std::deque<Beat> expected_beats_;
  std::deque<Write> writes_;                   // AW accepted, no B yet
  std::array<std::optional<Read>, 2> answer_;  // reads of one and two cycles before
  uint64_t submitted_ = 0;
  bool done_next_ = false;
  uint8_t give_next_ = 0;
};

}  // namespace systole::tb::dma
