// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tb/block/dma/dma_bench.hpp"

namespace systole::tb::dma {

/// Sizes of a Verilated load_dut.
struct LoadSizes {
  unsigned rows, cols, bus_bytes;
  unsigned act_words = 512, wgt_words = 256, acc_rows = 128, param_entries = 64, max_reads = 16;
  unsigned word_bytes() const { return 2 * rows; }
  unsigned dest_bytes(unsigned dest, unsigned bank) const {
    if (dest == SYSTOLE_DEST_ACT || dest == SYSTOLE_DEST_WGT) return word_bytes();
    return dest == SYSTOLE_DEST_ACC || bank == SYSTOLE_BANK_BIAS || bank == SYSTOLE_BANK_SCALE ? 4 * cols : cols;
  }
  unsigned depth(unsigned dest) const {
    return dest == SYSTOLE_DEST_ACT   ? act_words
           : dest == SYSTOLE_DEST_WGT ? wgt_words
           : dest == SYSTOLE_DEST_ACC ? 2 * acc_rows
                                      : param_entries;
  }
};

/// The pins of a load_dut, whatever its sizes.
struct LoadPins {
  // inputs
  bool reset_n = true, stop = false, cmd_valid = false, wr_ready = false, fetch_valid = false, ar_ready = false, r_valid = false;
  uint64_t window_first = 0, window_last = ~uint64_t{0} >> 36;  // pages; all of them
  bool r_last = false;
  Bytes cmd, r_data;
  uint32_t idx = 0;
  uint8_t tokens = 0, r_resp = 0;
  uint64_t fetch_address = 0;
  // outputs
  bool cmd_ready, done, err, wr_valid, load_quiet, mux_quiet, fetch_ready, fetch_r_valid, fetch_r_last, fetch_r_err, ar_valid;
  bool r_ready;
  uint8_t take, give, err_code, wr_dest, wr_bank, wr_chunk, ar_len;
  bool ar_constants;
  uint16_t wr_addr;
  uint32_t err_idx;
  uint64_t err_addr, ar_addr;
  Bytes wr_data, fetch_data;
};

class LoadDut {
 public:
  virtual ~LoadDut() = default;
  virtual const LoadSizes &sizes() const = 0;
  virtual std::string name() const = 0;
  virtual void settle(LoadPins &) = 0;  ///< drives the inputs, reads the outputs before the clock edge
  virtual void clock() = 0;             ///< the edge
};

template <typename Top>
class VerilatedLoad final : public LoadDut {
 public:
  VerilatedLoad(unsigned rows, unsigned cols, unsigned axi_bits) : sizes_{rows, cols, axi_bits / 8} {}
  const LoadSizes &sizes() const override { return sizes_; }
  std::string name() const override {
    return std::to_string(sizes_.rows) + "x" + std::to_string(sizes_.cols) + " on " + std::to_string(8 * sizes_.bus_bytes);
  }
  void settle(LoadPins &p) override {
    top_->clk_i = 0;
    top_->rst_ni = p.reset_n;
    top_->stop_i = p.stop;
    top_->window_first_i = p.window_first;
    top_->window_last_i = p.window_last;
    top_->cmd_valid_i = p.cmd_valid;
    set_port(top_->cmd_i, p.cmd);
    top_->idx_i = p.idx;
    top_->tok_avail_i = p.tokens;
    top_->wr_ready_i = p.wr_ready;
    top_->fetch_ar_valid_i = p.fetch_valid;
    top_->fetch_ar_addr_i = p.fetch_address;
    top_->m_axi_arready_i = p.ar_ready;
    top_->m_axi_rvalid_i = p.r_valid;
    top_->m_axi_rlast_i = p.r_last;
    top_->m_axi_rresp_i = p.r_resp;
    top_->m_axi_rid_i = 0;
    set_port(top_->m_axi_rdata_i, p.r_data);
    top_->eval();
    p.cmd_ready = top_->cmd_ready_o;
    p.take = top_->take_o;
    p.give = top_->give_o;
    p.done = top_->done_o;
    p.err = top_->err_valid_o;
    p.err_code = top_->err_code_o;
    p.err_idx = top_->err_idx_o;
    p.err_addr = top_->err_addr_o;
    p.wr_valid = top_->wr_valid_o;
    p.wr_dest = top_->wr_dest_o;
    p.wr_bank = top_->wr_bank_o;
    p.wr_addr = top_->wr_addr_o;
    p.wr_chunk = top_->wr_chunk_o;
    p.wr_data = get_port(top_->wr_data_o, sizes_.word_bytes());
    p.load_quiet = top_->load_quiet_o;
    p.mux_quiet = top_->mux_quiet_o;
    p.fetch_ready = top_->fetch_ar_ready_o;
    p.fetch_r_valid = top_->fetch_r_valid_o;
    p.fetch_r_last = top_->fetch_r_last_o;
    p.fetch_r_err = top_->fetch_r_err_o;
    p.fetch_data = get_port(top_->fetch_r_data_o, sizes_.bus_bytes);
    p.ar_valid = top_->m_axi_arvalid_o;
    p.ar_addr = top_->m_axi_araddr_o;
    p.ar_len = top_->m_axi_arlen_o;
    p.ar_constants = top_->m_axi_arid_o == 0 && 1u << top_->m_axi_arsize_o == sizes_.bus_bytes && top_->m_axi_arburst_o == 1 &&
                     top_->m_axi_arlock_o == 0 && top_->m_axi_arcache_o == 3 && top_->m_axi_arprot_o == 0 &&
                     top_->m_axi_arqos_o == 0;
    p.r_ready = top_->m_axi_rready_o;
  }
  void clock() override {
    top_->clk_i = 1;
    top_->eval();
  }

 private:
  LoadSizes sizes_;
  std::unique_ptr<Top> top_ = std::make_unique<Top>();
};

/// Every Verilated configuration, a new instance each.
std::vector<std::unique_ptr<LoadDut>> load_duts();

struct LoadCommand {
  Shape shape;
  unsigned dest = SYSTOLE_DEST_ACT, bank = 0, dst = 0;
  unsigned left = 0, right = 0, top = 0, bottom = 0;
  uint8_t pad = 0;
  uint8_t wait = 0, give = 0;
  uint32_t index = 0;

  Bytes record() const {
    Record r;
    const auto field = [&](unsigned word, unsigned lsb, unsigned width, uint32_t value) { r.set(word, lsb, width, value); };
#define SYSTOLE_PUT(NAME, VALUE) field(SYSTOLE_##NAME##_WORD, SYSTOLE_##NAME##_LSB, SYSTOLE_##NAME##_WIDTH, uint32_t(VALUE))
    SYSTOLE_PUT(CMD_OPCODE, SYSTOLE_OPCODE_LOAD);
    SYSTOLE_PUT(CMD_WAIT, wait);
    SYSTOLE_PUT(CMD_GIVE, give);
    SYSTOLE_PUT(LOAD_ADDRESS_LO, shape.address);
    SYSTOLE_PUT(LOAD_ADDRESS_HI, shape.address >> 32);
    SYSTOLE_PUT(LOAD_DEST, dest);
    SYSTOLE_PUT(LOAD_BANK, bank);
    SYSTOLE_PUT(LOAD_PAD_BYTE, pad);
    SYSTOLE_PUT(LOAD_DST, dst);
    SYSTOLE_PUT(LOAD_LENGTH, shape.length);
    SYSTOLE_PUT(LOAD_COUNT1, shape.count1);
    SYSTOLE_PUT(LOAD_COUNT2, shape.count2);
    SYSTOLE_PUT(LOAD_PITCH1, shape.pitch1);
    SYSTOLE_PUT(LOAD_PITCH2, shape.pitch2);
    SYSTOLE_PUT(LOAD_PAD_LEFT, left);
    SYSTOLE_PUT(LOAD_PAD_RIGHT, right);
    SYSTOLE_PUT(LOAD_PAD_TOP, top);
    SYSTOLE_PUT(LOAD_PAD_BOTTOM, bottom);
#undef SYSTOLE_PUT
    return r.bytes();
  }
  unsigned words(const LoadSizes &sizes) const {
    const unsigned bytes = sizes.dest_bytes(dest, bank);
    return (left + shape.count1 + right) * (top + shape.count2 + bottom) * ((shape.length + bytes - 1) / bytes);
  }
};

/// Runs commands and checks, cycle by cycle: bursts, their order and rules, every chunk, tokens, completion pulses, quiet.
class LoadBench {
 public:
  LoadBench(LoadDut &dut, Random &random, Pace pace);

  void submit(const LoadCommand &command);
  /// One cycle; false once anything failed (the test then has a failure).
  bool step();
  /// Steps until all commands are done (or the failure, or `limit` cycles, which is a failure).
  void run(uint64_t limit = 2'000'000);
  void reset();

  // Behaviour of the surroundings.
  unsigned fetch_percent = 0;          ///< chance of a fetch request a cycle
  unsigned token_percent = 100;        ///< chance that a token is there
  std::optional<uint64_t> error_beat;  ///< bad response at the beat that holds this address
  bool stop = false;

  // What happened.
  uint64_t cycle = 0, beats = 0, first_beat = 0, last_beat = 0, chunks = 0, first_chunk = 0, last_chunk = 0, done = 0;
  uint64_t first_ar = 0, first_accept = 0, bursts = 0;
  bool error = false;
  uint8_t error_code = 0;
  uint32_t error_index = 0;
  uint64_t error_address = 0;
  bool quiet = true;
  size_t outstanding() const { return reads_.size(); }

  /// What memory holds at an address.
  static uint8_t memory(uint64_t address);

 private:
  struct Chunk {
    unsigned dest, bank, addr, index;
    Bytes bytes;
    bool last;
    uint8_t give;
  };
  struct Read {
    Burst burst;
    bool fetch;
    uint64_t due;
    unsigned beat = 0;
  };
  void expect(const LoadCommand &);
  void check(const LoadPins &before);

  LoadDut &dut_;
  Random &random_;
  Pace pace_;
  LoadPins pins_;
  bool failed_ = false;
  bool stopped_ = false;  // stop or an error was seen in an earlier cycle
  std::deque<LoadCommand> queue_;
  std::deque<Burst> expected_bursts_;
  std::deque<Chunk> expected_chunks_;
  std::deque<Burst> expected_fetches_;
  std::deque<Read> reads_;
  uint64_t submitted_ = 0;
  unsigned loads_before_fetch_ = 0;
  bool done_next_ = false;
  uint8_t give_next_ = 0;
};

}  // namespace systole::tb::dma
