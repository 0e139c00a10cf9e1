// SPDX-License-Identifier: Apache-2.0

/// AXI4 memory of `MemBytes` bytes of block RAM at address 0: INCR bursts of whole-width beats with strobes, one beat a cycle each way and at the
/// same time, from burst to burst without a gap; reads and writes are independent and each in order (hence no IDs). A read of a word
/// whose write has had its B gets what was written; before, anything.
///
/// DECERR, and no byte written, for a burst of which any beat lies outside, of another type than INCR or narrower than the bus. There
/// is no SLVERR. Read data follow ten cycles after an address when nothing is under way. All outputs come from registers or FIFOs.
///
/// The RAM is one systole_ram for each byte lane and `BankWords` words: 16384 x 8 are eight ECP5 DP16KD of 16384 x 1, and no multiplexer
/// but that of the banks, which stands between registers: one for each bank, for the RAMs' outputs come late in their cycle, and one after it.
module systole_axi_mem #(
  parameter int DataW     = 64,
  parameter int AddrW     = 32,
  parameter int MemBytes  = 262144,  // a power of two, at least two words
  parameter int BankWords = 16384    // a power of two
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               s_awvalid_i,
  output logic               s_awready_o,
  input  logic [AddrW-1:0]   s_awaddr_i,
  input  logic [7:0]         s_awlen_i,
  input  logic [2:0]         s_awsize_i,
  input  logic [1:0]         s_awburst_i,
  input  logic               s_wvalid_i,
  output logic               s_wready_o,
  input  logic [DataW-1:0]   s_wdata_i,
  input  logic [DataW/8-1:0] s_wstrb_i,
  output logic               s_bvalid_o,
  input  logic               s_bready_i,
  output logic [1:0]         s_bresp_o,
  input  logic               s_arvalid_i,
  output logic               s_arready_o,
  input  logic [AddrW-1:0]   s_araddr_i,
  input  logic [7:0]         s_arlen_i,
  input  logic [2:0]         s_arsize_i,
  input  logic [1:0]         s_arburst_i,
  output logic               s_rvalid_o,
  input  logic               s_rready_i,
  output logic [DataW-1:0]   s_rdata_o,
  output logic [1:0]         s_rresp_o,
  output logic               s_rlast_o
);

  localparam int Lanes     = DataW / 8;
  localparam int Words     = MemBytes / Lanes;
  localparam int IndexW    = $clog2(Words);
  localparam int BankDepth = Words < BankWords ? Words : BankWords;
  localparam int Banks     = Words / BankDepth;
  localparam int BankAddrW = $clog2(BankDepth);
  localparam int BankW     = Banks > 1 ? $clog2(Banks) : 1;
  localparam int Places    = 8;  // of the read FIFO: a beat on its way takes one for seven cycles, from its take to the next one's
  localparam int PlaceW    = $clog2(Places + 1);

  localparam logic [1:0] OKAY = 2'b00, DECERR = 2'b11;

  if (MemBytes != 2**$clog2(MemBytes) || Words < 2 || BankWords != 2**$clog2(BankWords) || BankWords < 2) begin : gen_bad_size
    systole_error_mem_bytes_must_be_a_power_of_two_of_at_least_two_words u_error ();
  end

  // --- write ---
  logic              w_valid, w_take, w_beat_valid, w_last, w_bad, b_room;
  logic [DataW-1:0]  w_data;
  logic [Lanes-1:0]  w_strb;
  logic [IndexW-1:0] w_index;

  logic [Lanes-1:0]  we_q;
  logic [IndexW-1:0] waddr_q;
  logic [DataW-1:0]  wdata_q;

  systole_axi_walk #(
    .AddrW    (AddrW),
    .WordBytes(Lanes),
    .Words    (Words)
  ) u_write_walk (
    .clk_i,
    .rst_ni,
    .valid_i     (s_awvalid_i),
    .ready_o     (s_awready_o),
    .addr_i      (s_awaddr_i),
    .len_i       (s_awlen_i),
    .size_i      (s_awsize_i),
    .burst_i     (s_awburst_i),
    .beat_valid_o(w_beat_valid),
    .beat_ready_i(w_take),
    .beat_index_o(w_index),
    .beat_last_o (w_last),
    .beat_bad_o  (w_bad)
  );

  systole_skid #(
    .W(DataW + Lanes)
  ) u_write_data (
    .clk_i,
    .rst_ni,
    .valid_i(s_wvalid_i),
    .ready_o(s_wready_o),
    .data_i ({s_wdata_i, s_wstrb_i}),
    .valid_o(w_valid),
    .ready_i(w_take),
    .data_o ({w_data, w_strb})
  );

  // Beats wait at the last one of a burst until its response has a place.
  assign w_take = w_valid && w_beat_valid && b_room;

  systole_fifo #(
    .W    (2),
    .Depth(4)
  ) u_write_response (
    .clk_i,
    .rst_ni,
    .valid_i(w_take && w_last),
    .ready_o(b_room),
    .data_i (w_bad ? DECERR : OKAY),
    .valid_o(s_bvalid_o),
    .ready_i(s_bready_i),
    .data_o (s_bresp_o)
  );

  always_ff @(posedge clk_i) begin
    we_q    <= w_take && !w_bad && rst_ni ? w_strb : '0;
    waddr_q <= w_index;
    wdata_q <= w_data;
  end

  // --- read ---
  logic              r_beat_valid, r_take, r_last, r_bad, r_pop, r_error, r_room;
  logic [IndexW-1:0] r_index;
  logic [PlaceW-1:0] places_q;  // of the FIFO that no beat under way has taken
  logic              place_q;   // there is one

  logic [IndexW-1:0] raddr_q;
  // A beat on its way to the banks, at the RAMs' address, at their outputs, in the banks' registers, after the banks' multiplexer; its
  // {bad, last}.
  logic              re_q, at_q, out_q, bank_q, data_q;
  logic [1:0]        re_end_q, at_end_q, out_end_q, bank_end_q, data_end_q;
  logic [BankW-1:0]  at_select_q, out_select_q, bank_select_q;
  logic [DataW-1:0]  rdata_q;
  logic [Banks*DataW-1:0] out_data, bank_data_q;

  systole_axi_walk #(
    .AddrW    (AddrW),
    .WordBytes(Lanes),
    .Words    (Words)
  ) u_read_walk (
    .clk_i,
    .rst_ni,
    .valid_i     (s_arvalid_i),
    .ready_o     (s_arready_o),
    .addr_i      (s_araddr_i),
    .len_i       (s_arlen_i),
    .size_i      (s_arsize_i),
    .burst_i     (s_arburst_i),
    .beat_valid_o(r_beat_valid),
    .beat_ready_i(r_take),
    .beat_index_o(r_index),
    .beat_last_o (r_last),
    .beat_bad_o  (r_bad)
  );

  assign r_take = r_beat_valid && place_q;
  assign r_pop  = s_rvalid_o && s_rready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      places_q <= PlaceW'(Places);
      place_q  <= 1'b1;
      re_q     <= 1'b0;
      at_q     <= 1'b0;
      out_q    <= 1'b0;
      bank_q   <= 1'b0;
      data_q   <= 1'b0;
    end else begin
      if (r_take && !r_pop) places_q <= places_q - PlaceW'(1);
      if (r_pop && !r_take) places_q <= places_q + PlaceW'(1);
      // Whether there will be a place: none if the last one goes now and none comes back.
      place_q <= r_pop || places_q > PlaceW'(1) || (places_q == PlaceW'(1) && !r_take);
      re_q    <= r_take;
      at_q    <= re_q;
      out_q   <= at_q;
      bank_q  <= out_q;
      data_q  <= bank_q;
    end
    raddr_q     <= r_index;
    re_end_q    <= {r_bad, r_last};
    at_end_q    <= re_end_q;
    out_end_q   <= at_end_q;
    bank_end_q  <= out_end_q;
    bank_data_q <= out_data;
    data_end_q  <= bank_end_q;
    rdata_q     <= bank_end_q[1] ? '0 : bank_data_q[bank_select_q*DataW +: DataW];
  end

  systole_fifo #(
    .W    (DataW + 2),
    .Depth(Places)
  ) u_read_data (
    .clk_i,
    .rst_ni,
    .valid_i(data_q),
    .ready_o(r_room),
    .data_i ({data_end_q, rdata_q}),
    .valid_o(s_rvalid_o),
    .ready_i(s_rready_i),
    .data_o ({r_error, s_rlast_o, s_rdata_o})
  );
  assign s_rresp_o = r_error ? DECERR : OKAY;

  logic unused;
  assign unused = r_room;  // places_q has seen to it

  // --- the RAM ---
  logic [BankW-1:0] wbank, rbank;
  if (Banks > 1) begin : gen_bank_index
    assign wbank = waddr_q[IndexW-1 -: BankW];
    assign rbank = raddr_q[IndexW-1 -: BankW];
  end else begin : gen_one_bank
    assign wbank = '0;
    assign rbank = '0;
  end

  always_ff @(posedge clk_i) begin
    at_select_q   <= rbank;
    out_select_q  <= at_select_q;
    bank_select_q <= out_select_q;
  end

  for (genvar bank = 0; bank < Banks; bank++) begin : gen_bank
    // Block RAM lies all over a device: each bank has registers of its own on the way there (`keep`: Yosys would make one of equal ones).
    logic [Lanes-1:0]     bank_we_q;
    logic                 bank_re_q;
    logic [BankAddrW-1:0] bank_waddr_q, bank_raddr_q;
    logic [DataW-1:0]     bank_wdata_q;

    (* keep *) always_ff @(posedge clk_i) begin
      bank_we_q    <= wbank == BankW'(bank) ? we_q : '0;
      bank_re_q    <= re_q && rbank == BankW'(bank);
      bank_waddr_q <= waddr_q[BankAddrW-1:0];
      bank_raddr_q <= raddr_q[BankAddrW-1:0];
      bank_wdata_q <= wdata_q;
    end

    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
      systole_ram #(
        .W    (8),
        .Depth(BankDepth)
      ) u_ram (
        .clk_i,
        .we_i   (bank_we_q[i]),
        .waddr_i(bank_waddr_q),
        .wdata_i(bank_wdata_q[i*8 +: 8]),
        .re_i   (bank_re_q),
        .raddr_i(bank_raddr_q),
        .rdata_o(out_data[bank*DataW + i*8 +: 8])
      );
    end
  end

endmodule
