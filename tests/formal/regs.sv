// SPDX-License-Identifier: Apache-2.0

/// systole_regs as an AXI4-Lite slave: one response a request, in order, none unasked, each held until taken.
module regs (
    input logic        clk_i,
    input logic        rst_ni,
    input logic        awvalid_i,
    input logic [11:0] awaddr_i,
    input logic        wvalid_i,
    input logic [31:0] wdata_i,
    input logic [ 3:0] wstrb_i,
    input logic        bready_i,
    input logic        arvalid_i,
    input logic [11:0] araddr_i,
    input logic        rready_i,
    input logic        busy_i,
    input logic        soft_reset_i
);

  logic awready, wready, bvalid, arready, rvalid, locked_write;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata, base_lo, base_hi;
  logic [4:0] size;
  logic [4*64-1:0] windows;
  logic lock_windows, lock_inject;

  systole_regs u_regs (
      .clk_i, .rst_ni, .s_axil_awvalid_i(awvalid_i), .s_axil_awready_o(awready), .s_axil_awaddr_i(awaddr_i), .s_axil_wvalid_i(wvalid_i),
      .s_axil_wready_o(wready), .s_axil_wdata_i(wdata_i), .s_axil_wstrb_i(wstrb_i), .s_axil_bvalid_o(bvalid), .s_axil_bready_i(bready_i),
      .s_axil_bresp_o(bresp), .s_axil_arvalid_i(arvalid_i), .s_axil_arready_o(arready), .s_axil_araddr_i(araddr_i),
      .s_axil_rvalid_o(rvalid), .s_axil_rready_i(rready_i), .s_axil_rdata_o(rdata), .s_axil_rresp_o(rresp), .busy_i, .soft_reset_i,
      .locked_write_o(locked_write), .ring_base_lo_o(base_lo), .ring_base_hi_o(base_hi), .ring_size_o(size),
      .lock_windows_o(lock_windows), .lock_inject_o(lock_inject),
      .read_base_lo_o(windows[0 +: 32]), .read_base_hi_o(windows[32 +: 32]), .read_limit_lo_o(windows[64 +: 32]),
      .read_limit_hi_o(windows[96 +: 32]), .write_base_lo_o(windows[128 +: 32]), .write_base_hi_o(windows[160 +: 32]),
      .write_limit_lo_o(windows[192 +: 32]), .write_limit_hi_o(windows[224 +: 32])
  );

  // Requests whose response has not been taken: of each kind at most one that waits and one that is answered.
  logic past_q;
  logic [1:0] aw_q, w_q, ar_q;
  logic [1:0] both_q;  // cycles for which a whole write has been there without an answer
  logic [1:0] read_q;
  logic [11:0] araddr_q, awaddr_q;  // of the last request that was taken
  logic b_waits_q;  // an answer to a write waited in the cycle before
  logic [1:0] locks_q;  // the locks in the cycle before
  logic answer, window, refused;  // there is a new answer to a write; to one of a window; of a write that must answer SLVERR

  // The offsets of docs/commands_and_registers.md.
  function automatic logic mapped(input logic [11:0] offset);
    mapped = offset[1:0] == '0 && (offset <= 12'h010 || (offset >= 12'h020 && offset <= 12'h054) || (offset >= 12'h060 && offset <= 12'h068)
        || offset == 12'h080 || (offset >= 12'h088 && offset <= 12'h0EC) || (offset >= 12'h100 && offset <= 12'h124));
  endfunction

  assign answer = bvalid && !b_waits_q;
  assign window = awaddr_q >= 12'h100 && awaddr_q <= 12'h11C;
  assign refused = !mapped(awaddr_q) || (window && locks_q[0]) || (awaddr_q == 12'h124 && locks_q[1]);

  initial past_q = 1'b0;
  always_comb assume (rst_ni == past_q);

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!rst_ni) begin
      aw_q <= '0;
      w_q <= '0;
      ar_q <= '0;
      both_q <= '0;
      read_q <= '0;
    end else begin
      aw_q <= aw_q + 2'(awvalid_i && awready) - 2'(bvalid && bready_i);
      w_q <= w_q + 2'(wvalid_i && wready) - 2'(bvalid && bready_i);
      ar_q <= ar_q + 2'(arvalid_i && arready) - 2'(rvalid && rready_i);
      both_q <= aw_q != '0 && w_q != '0 && !bvalid ? both_q + 2'd1 : 2'd0;
      read_q <= ar_q != '0 && !rvalid ? read_q + 2'd1 : 2'd0;
    end
    b_waits_q <= bvalid && !bready_i;
    locks_q <= {lock_inject, lock_windows};
    if (arvalid_i && arready) araddr_q <= araddr_i;
    if (awvalid_i && awready) awaddr_q <= awaddr_i;
  end

  always_ff @(posedge clk_i) begin
    if (past_q) begin
      assert (aw_q <= 2'd2 && w_q <= 2'd2 && ar_q <= 2'd1);
      if (bvalid) assert (aw_q != '0 && w_q != '0);
      if (rvalid) assert (ar_q != '0);
      assert (both_q <= 2'd1 && read_q <= 2'd1);  // an answer comes two cycles after the handshake
      if (aw_q == '0) assert (awready);
      if (w_q == '0) assert (wready);
      if (ar_q == '0) assert (arready);
      if ($past(past_q)) begin
        if ($past(bvalid && !bready_i)) assert (bvalid && $stable(bresp));
        if ($past(rvalid && !rready_i)) assert (rvalid && $stable(rdata) && $stable(rresp));
        if ($past(busy_i)) assert ($stable(base_lo) && $stable(base_hi) && $stable(size));
        if ($past(busy_i || lock_windows)) assert ($stable(windows));
        if ($past(lock_windows)) assert (lock_windows);
        if ($past(lock_inject)) assert (lock_inject);
        // A write took place in the cycle before its answer: refused by its address, by a lock, or because the machine is busy.
        if (answer) assert (bresp == (refused ? 2'b10 : 2'b00));
        assert ($past(locked_write) == (answer && !refused && $past(busy_i)
            && (window || (awaddr_q >= 12'h030 && awaddr_q <= 12'h038 && awaddr_q[1:0] == '0))));
      end
      if (rvalid) assert (rresp == (mapped(araddr_q) ? 2'b00 : 2'b10));

      cover (aw_q == 2'd2 && w_q == 2'd2 && !bready_i && bvalid);  // a write behind one whose answer waits
      cover (bvalid && bresp == 2'b10 && awaddr_q == 12'h200);  // a write that answers SLVERR
      cover (rvalid && rresp == 2'b10 && !rready_i);  // a read that answers SLVERR and waits
      cover (w_q == 2'd1 && aw_q == '0 && $past(w_q) == 2'd1);  // data before their address
      cover (lock_windows && windows[12] && bvalid && bresp == 2'b10);  // a window set, locked, and a write refused
      cover (locked_write);  // a locked register refused
      cover (size == 5'd7 && rvalid && rdata == 32'd7 && rresp == '0);  // a register written and read back
    end
  end

endmodule
