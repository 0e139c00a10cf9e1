// SPDX-License-Identifier: Apache-2.0

/// The contract of systole_axi_mux between its slices, by one write and one read, whichever: each is asked for once, as its master did, and
/// its data and answers go between the slave and this master, after those of the bursts before it.
module axi_mux #(
    parameter int AddrW = 2,
    parameter int DataW = 8,
    parameter int Depth = 2,
    parameter int CommandW = AddrW + 13,  // follow: not to be set
    parameter int BeatW = DataW + DataW / 8 + 1,
    parameter int ResultW = DataW + 3
) (
    input logic                  clk_i,
    input logic                  rst_ni,
    input logic                  mark_i,
    input logic [           1:0] awvalid_i,
    input logic [2*CommandW-1:0] aw_i,
    input logic [           1:0] wvalid_i,
    input logic [   2*BeatW-1:0] w_i,
    input logic [           1:0] bready_i,
    input logic [           1:0] arvalid_i,
    input logic [2*CommandW-1:0] ar_i,
    input logic [           1:0] rready_i,
    input logic                  m_awready_i,
    input logic                  m_wready_i,
    input logic                  m_bvalid_i,
    input logic [           1:0] m_b_i,
    input logic                  m_arready_i,
    input logic                  m_rvalid_i,
    input logic [   ResultW-1:0] m_r_i
);

  localparam int CountW = $clog2(Depth + 2);

  logic [1:0] awready, wready, bvalid, arready, rvalid, rlast;
  logic [3:0] bresp, rresp;
  logic [2*DataW-1:0] rdata;
  logic m_awvalid, m_wvalid, m_bready, m_arvalid, m_rready;
  logic [CommandW-1:0] m_aw, m_ar;
  logic [BeatW-1:0] m_w;

  // Command: address, length, size, kind. Beat: last, strobes, data. Result: last, response, data.
  systole_axi_mux #(.DataW(DataW), .AddrW(AddrW), .Depth(Depth), .Direct(3)) u_mux (
      .clk_i, .rst_ni, .s_awvalid_i(awvalid_i), .s_awready_o(awready),
      .s_awaddr_i({aw_i[CommandW+13+:AddrW], aw_i[13+:AddrW]}), .s_awlen_i({aw_i[CommandW+5+:8], aw_i[5+:8]}),
      .s_awsize_i({aw_i[CommandW+2+:3], aw_i[2+:3]}), .s_awburst_i({aw_i[CommandW+:2], aw_i[0+:2]}),
      .s_wvalid_i(wvalid_i), .s_wready_o(wready), .s_wdata_i({w_i[BeatW+:DataW], w_i[0+:DataW]}),
      .s_wstrb_i({w_i[BeatW+DataW+:DataW/8], w_i[DataW+:DataW/8]}), .s_wlast_i({w_i[2*BeatW-1], w_i[BeatW-1]}),
      .s_bvalid_o(bvalid), .s_bready_i(bready_i), .s_bresp_o(bresp), .s_arvalid_i(arvalid_i), .s_arready_o(arready),
      .s_araddr_i({ar_i[CommandW+13+:AddrW], ar_i[13+:AddrW]}), .s_arlen_i({ar_i[CommandW+5+:8], ar_i[5+:8]}),
      .s_arsize_i({ar_i[CommandW+2+:3], ar_i[2+:3]}), .s_arburst_i({ar_i[CommandW+:2], ar_i[0+:2]}),
      .s_rvalid_o(rvalid), .s_rready_i(rready_i), .s_rdata_o(rdata), .s_rresp_o(rresp), .s_rlast_o(rlast),
      .m_awvalid_o(m_awvalid), .m_awready_i, .m_awaddr_o(m_aw[13+:AddrW]), .m_awlen_o(m_aw[5+:8]), .m_awsize_o(m_aw[2+:3]),
      .m_awburst_o(m_aw[0+:2]), .m_wvalid_o(m_wvalid), .m_wready_i, .m_wdata_o(m_w[0+:DataW]), .m_wstrb_o(m_w[DataW+:DataW/8]),
      .m_wlast_o(m_w[BeatW-1]), .m_bvalid_i, .m_bready_o(m_bready), .m_bresp_i(m_b_i), .m_arvalid_o(m_arvalid), .m_arready_i,
      .m_araddr_o(m_ar[13+:AddrW]), .m_arlen_o(m_ar[5+:8]), .m_arsize_o(m_ar[2+:3]), .m_arburst_o(m_ar[0+:2]), .m_rvalid_i,
      .m_rready_o(m_rready), .m_rdata_i(m_r_i[0+:DataW]), .m_rresp_i(m_r_i[DataW+:2]), .m_rlast_i(m_r_i[ResultW-1])
  );

  logic past_q;
  logic [1:0] aw_take, ar_take;
  logic w_last, b_take, r_last, aw_last_q, ar_last_q;  // aw_last, ar_last: who was served last
  // Bursts: AW taken, their last W not; AW taken, B not; AR taken, their last R not.
  logic [CountW-1:0] w_count_q, b_count_q, r_count_q, w_ahead_q, b_ahead_q, r_ahead_q;  // ahead: before the marked one
  logic w_marked_q, b_marked_q, r_marked_q, write_owner_q, read_owner_q;

  initial past_q = 1'b0;
  assign aw_take = awvalid_i & awready;
  assign ar_take = arvalid_i & arready;
  assign w_last = m_wvalid && m_wready_i && m_w[BeatW-1];
  assign b_take = m_bvalid_i && m_bready;
  assign r_last = m_rvalid_i && m_rready && m_r_i[ResultW-1];

  always_comb begin
    assume (rst_ni == past_q);
    if (past_q && b_count_q == w_count_q) assume (!m_bvalid_i);  // an answer comes only behind a burst's data
    if (past_q && r_count_q == '0) assume (!m_rvalid_i);  // data only for a burst that was asked for
  end

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!rst_ni) begin
      w_count_q <= '0;
      b_count_q <= '0;
      r_count_q <= '0;
      w_marked_q <= 1'b0;
      b_marked_q <= 1'b0;
      r_marked_q <= 1'b0;
      aw_last_q <= 1'b0;
      ar_last_q <= 1'b0;
    end else begin
      w_count_q <= w_count_q + CountW'(aw_take != '0) - CountW'(w_last);
      b_count_q <= b_count_q + CountW'(aw_take != '0) - CountW'(b_take);
      r_count_q <= r_count_q + CountW'(ar_take != '0) - CountW'(r_last);
      if (aw_take != '0) aw_last_q <= aw_take[1];
      if (ar_take != '0) ar_last_q <= ar_take[1];
      w_ahead_q <= w_ahead_q - CountW'(w_last);
      b_ahead_q <= b_ahead_q - CountW'(b_take);
      r_ahead_q <= r_ahead_q - CountW'(r_last);
      if (w_last && w_ahead_q == '0) w_marked_q <= 1'b0;
      if (b_take && b_ahead_q == '0) b_marked_q <= 1'b0;
      if (r_last && r_ahead_q == '0) r_marked_q <= 1'b0;
      if (mark_i && aw_take != '0 && !w_marked_q && !b_marked_q) begin
        w_marked_q <= 1'b1;
        b_marked_q <= 1'b1;
        write_owner_q <= aw_take[1];
        w_ahead_q <= w_count_q - CountW'(w_last);
        b_ahead_q <= b_count_q - CountW'(b_take);
      end
      if (mark_i && ar_take != '0 && !r_marked_q) begin
        r_marked_q <= 1'b1;
        read_owner_q <= ar_take[1];
        r_ahead_q <= r_count_q - CountW'(r_last);
      end
      // Masters hold what they ask for.
      for (int i = 0; i < 2; i++) begin
        if (past_q && $past(past_q) && $past(awvalid_i[i] && !awready[i])) assume (awvalid_i[i] && $stable(aw_i[i*CommandW+:CommandW]));
        if (past_q && $past(past_q) && $past(arvalid_i[i] && !arready[i])) assume (arvalid_i[i] && $stable(ar_i[i*CommandW+:CommandW]));
        if (past_q && $past(past_q) && $past(wvalid_i[i] && !wready[i])) assume (wvalid_i[i] && $stable(w_i[i*BeatW+:BeatW]));
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (past_q) begin
      // One of them a cycle, as it asked, when the slave takes it.
      assert (aw_take != 2'b11 && (aw_take != '0) == (m_awvalid && m_awready_i));
      assert (ar_take != 2'b11 && (ar_take != '0) == (m_arvalid && m_arready_i));
      if (aw_take != '0) assert (m_aw == aw_i[aw_take[1]*CommandW+:CommandW]);
      if (ar_take != '0) assert (m_ar == ar_i[ar_take[1]*CommandW+:CommandW]);
      if ($past(past_q)) begin
        if ($past(m_awvalid && !m_awready_i)) assert (m_awvalid && $stable(m_aw));
        if ($past(m_arvalid && !m_arready_i)) assert (m_arvalid && $stable(m_ar));
        if ($past(m_wvalid && !m_wready_i)) assert (m_wvalid && $stable(m_w));
        // Turns: of two that ask, the one that was not served last.
        if (aw_take != '0 && awvalid_i == 2'b11 && !$past(m_awvalid && !m_awready_i)) assert (aw_take[1] != aw_last_q);
        if (ar_take != '0 && arvalid_i == 2'b11 && !$past(m_arvalid && !m_arready_i)) assert (ar_take[1] != ar_last_q);
      end
      assert (w_count_q <= b_count_q && b_count_q <= CountW'(Depth) && r_count_q <= CountW'(Depth));
      if (awvalid_i != '0 && w_count_q != CountW'(Depth) && b_count_q != CountW'(Depth)) assert (m_awvalid);
      if (arvalid_i != '0 && r_count_q != CountW'(Depth)) assert (m_arvalid);
      // Nothing without a burst; nothing to or from both.
      if (w_count_q == '0) assert (!m_wvalid && wready == '0);
      if (b_count_q == '0) assert (bvalid == '0 && !m_bready);
      if (r_count_q == '0) assert (rvalid == '0 && !m_rready);
      assert (wready != 2'b11 && bvalid != 2'b11 && rvalid != 2'b11);
      // The marked write and read: their data and answers, and no others.
      if (w_marked_q && w_ahead_q == '0) begin
        assert (m_wvalid == wvalid_i[write_owner_q] && wready == (m_wready_i ? {write_owner_q, !write_owner_q} : 2'b00));
        if (m_wvalid) assert (m_w == w_i[write_owner_q*BeatW+:BeatW]);
      end
      if (b_marked_q && b_ahead_q == '0)
        assert (m_bready == bready_i[write_owner_q] && bvalid == (m_bvalid_i ? {write_owner_q, !write_owner_q} : 2'b00));
      if (r_marked_q && r_ahead_q == '0)
        assert (m_rready == rready_i[read_owner_q] && rvalid == (m_rvalid_i ? {read_owner_q, !read_owner_q} : 2'b00));
      for (int i = 0; i < 2; i++) assert (bresp[i*2+:2] == m_b_i && {rlast[i], rresp[i*2+:2], rdata[i*DataW+:DataW]} == m_r_i);
      if (w_marked_q) assert (w_ahead_q < w_count_q);
      if (b_marked_q) assert (b_ahead_q < b_count_q);
      if (r_marked_q) assert (r_ahead_q < r_count_q);

      cover (b_count_q == CountW'(Depth) && awvalid_i == 2'b11 && !m_awvalid);  // as many writes as may be, both masters wait
      cover (m_awvalid && !m_awready_i && $past(past_q && m_awvalid && !m_awready_i && awvalid_i == 2'b01) && awvalid_i == 2'b11);  // the other asks while one waits
      cover (w_marked_q && w_ahead_q == '0 && w_last && write_owner_q && $past(past_q && w_last));  // data behind those of the other burst
      cover (b_marked_q && b_ahead_q == '0 && b_take && write_owner_q && !w_marked_q);  // the marked write is answered
      cover (r_marked_q && r_ahead_q == '0 && r_last && !read_owner_q && $past(past_q && rvalid[1] && !rready_i[1], 2));  // a read behind one whose master waits
    end
  end

endmodule
