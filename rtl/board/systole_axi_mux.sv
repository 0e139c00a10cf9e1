// SPDX-License-Identifier: Apache-2.0

/// Two AXI4 masters on one slave that answers in order (systole_axi_mem). Reads and writes are independent. Whole bursts take turns: if
/// both masters ask, the one that was not served last goes first. At most `Depth` bursts a direction are under way.
///
/// The masters' ports are vectors of two, master 0 in the low half. Every channel of a master passes a register slice here, unless its bit of
/// `Direct` is set (for one whose outputs are registers and who waits with ready, as systole_axi_single); the slave must take AW, W and
/// AR into registers of its own. R and B reach the master that asked, in the order in which it asked.
module systole_axi_mux #(
  parameter int DataW = 64,
  parameter int AddrW = 32,
  parameter int Depth = 16,
  parameter int Direct = 0    // bit i: of master i
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  // masters
  input  logic [1:0]           s_awvalid_i,
  output logic [1:0]           s_awready_o,
  input  logic [2*AddrW-1:0]   s_awaddr_i,
  input  logic [2*8-1:0]       s_awlen_i,
  input  logic [2*3-1:0]       s_awsize_i,
  input  logic [2*2-1:0]       s_awburst_i,
  input  logic [1:0]           s_wvalid_i,
  output logic [1:0]           s_wready_o,
  input  logic [2*DataW-1:0]   s_wdata_i,
  input  logic [2*DataW/8-1:0] s_wstrb_i,
  input  logic [1:0]           s_wlast_i,
  output logic [1:0]           s_bvalid_o,
  input  logic [1:0]           s_bready_i,
  output logic [2*2-1:0]       s_bresp_o,
  input  logic [1:0]           s_arvalid_i,
  output logic [1:0]           s_arready_o,
  input  logic [2*AddrW-1:0]   s_araddr_i,
  input  logic [2*8-1:0]       s_arlen_i,
  input  logic [2*3-1:0]       s_arsize_i,
  input  logic [2*2-1:0]       s_arburst_i,
  output logic [1:0]           s_rvalid_o,
  input  logic [1:0]           s_rready_i,
  output logic [2*DataW-1:0]   s_rdata_o,
  output logic [2*2-1:0]       s_rresp_o,
  output logic [1:0]           s_rlast_o,
  // slave
  output logic                 m_awvalid_o,
  input  logic                 m_awready_i,
  output logic [AddrW-1:0]     m_awaddr_o,
  output logic [7:0]           m_awlen_o,
  output logic [2:0]           m_awsize_o,
  output logic [1:0]           m_awburst_o,
  output logic                 m_wvalid_o,
  input  logic                 m_wready_i,
  output logic [DataW-1:0]     m_wdata_o,
  output logic [DataW/8-1:0]   m_wstrb_o,
  output logic                 m_wlast_o,
  input  logic                 m_bvalid_i,
  output logic                 m_bready_o,
  input  logic [1:0]           m_bresp_i,
  output logic                 m_arvalid_o,
  input  logic                 m_arready_i,
  output logic [AddrW-1:0]     m_araddr_o,
  output logic [7:0]           m_arlen_o,
  output logic [2:0]           m_arsize_o,
  output logic [1:0]           m_arburst_o,
  input  logic                 m_rvalid_i,
  output logic                 m_rready_o,
  input  logic [DataW-1:0]     m_rdata_i,
  input  logic [1:0]           m_rresp_i,
  input  logic                 m_rlast_i
);

  localparam int CommandW = AddrW + 13;
  localparam int BeatW    = DataW + DataW / 8 + 1;
  localparam int ResultW  = DataW + 3;

  logic [1:0]            aw_valid, aw_take, w_valid, w_take, b_ready, ar_valid, ar_take, r_ready;
  logic [2*CommandW-1:0] aw_command, ar_command;
  logic [2*BeatW-1:0]    w_beat;
  logic [1:0]            b_valid, r_valid;

  for (genvar i = 0; i < 2; i++) begin : gen_master
    systole_skid #(.W(CommandW), .Through((Direct >> i) & 1)) u_aw (
      .clk_i,
      .rst_ni,
      .valid_i(s_awvalid_i[i]),
      .ready_o(s_awready_o[i]),
      .data_i ({s_awaddr_i[i*AddrW +: AddrW], s_awlen_i[i*8 +: 8], s_awsize_i[i*3 +: 3], s_awburst_i[i*2 +: 2]}),
      .valid_o(aw_valid[i]),
      .ready_i(aw_take[i]),
      .data_o (aw_command[i*CommandW +: CommandW])
    );
    systole_skid #(.W(BeatW), .Through((Direct >> i) & 1)) u_w (
      .clk_i,
      .rst_ni,
      .valid_i(s_wvalid_i[i]),
      .ready_o(s_wready_o[i]),
      .data_i ({s_wlast_i[i], s_wstrb_i[i*DataW/8 +: DataW/8], s_wdata_i[i*DataW +: DataW]}),
      .valid_o(w_valid[i]),
      .ready_i(w_take[i]),
      .data_o (w_beat[i*BeatW +: BeatW])
    );
    systole_skid #(.W(2), .Through((Direct >> i) & 1)) u_b (
      .clk_i,
      .rst_ni,
      .valid_i(b_valid[i]),
      .ready_o(b_ready[i]),
      .data_i (m_bresp_i),
      .valid_o(s_bvalid_o[i]),
      .ready_i(s_bready_i[i]),
      .data_o (s_bresp_o[i*2 +: 2])
    );
    systole_skid #(.W(CommandW), .Through((Direct >> i) & 1)) u_ar (
      .clk_i,
      .rst_ni,
      .valid_i(s_arvalid_i[i]),
      .ready_o(s_arready_o[i]),
      .data_i ({s_araddr_i[i*AddrW +: AddrW], s_arlen_i[i*8 +: 8], s_arsize_i[i*3 +: 3], s_arburst_i[i*2 +: 2]}),
      .valid_o(ar_valid[i]),
      .ready_i(ar_take[i]),
      .data_o (ar_command[i*CommandW +: CommandW])
    );
    systole_skid #(.W(ResultW), .Through((Direct >> i) & 1)) u_r (
      .clk_i,
      .rst_ni,
      .valid_i(r_valid[i]),
      .ready_o(r_ready[i]),
      .data_i ({m_rlast_i, m_rresp_i, m_rdata_i}),
      .valid_o(s_rvalid_o[i]),
      .ready_i(s_rready_i[i]),
      .data_o ({s_rlast_o[i], s_rresp_o[i*2 +: 2], s_rdata_o[i*DataW +: DataW]})
    );
  end

  // --- whose turn it is; who owns the bursts under way ---
  logic aw_owner, ar_owner;      // of this burst
  logic aw_owner_q, ar_owner_q;  // of the one before
  logic aw_hold_q, ar_hold_q;    // or of this one, which waits: valid and its payload hold
  logic w_room, b_room, r_room;
  logic w_owner_valid, w_owner, b_owner_valid, b_owner, r_owner_valid, r_owner;
  logic aw_done, w_done, b_done, ar_done, r_done;

  always_comb begin
    aw_owner = aw_hold_q ? aw_owner_q : aw_valid == 2'b11 ? !aw_owner_q : aw_valid[1];
    ar_owner = ar_hold_q ? ar_owner_q : ar_valid == 2'b11 ? !ar_owner_q : ar_valid[1];
    // By masks: an index on the left becomes arithmetic in Yosys.
    aw_take = {aw_owner, !aw_owner} & {2{m_awready_i && w_room && b_room}};
    ar_take = {ar_owner, !ar_owner} & {2{m_arready_i && r_room}};
    w_take  = {w_owner, !w_owner} & {2{m_wready_i && w_owner_valid}};
    b_valid = {b_owner, !b_owner} & {2{m_bvalid_i && b_owner_valid}};
    r_valid = {r_owner, !r_owner} & {2{m_rvalid_i && r_owner_valid}};
  end

  assign m_awvalid_o = aw_valid != '0 && w_room && b_room;
  assign {m_awaddr_o, m_awlen_o, m_awsize_o, m_awburst_o} = aw_owner ? aw_command[CommandW +: CommandW] : aw_command[0 +: CommandW];
  assign m_wvalid_o  = (w_owner ? w_valid[1] : w_valid[0]) && w_owner_valid;
  assign {m_wlast_o, m_wstrb_o, m_wdata_o} = w_owner ? w_beat[BeatW +: BeatW] : w_beat[0 +: BeatW];
  assign m_bready_o  = (b_owner ? b_ready[1] : b_ready[0]) && b_owner_valid;
  assign m_arvalid_o = ar_valid != '0 && r_room;
  assign {m_araddr_o, m_arlen_o, m_arsize_o, m_arburst_o} = ar_owner ? ar_command[CommandW +: CommandW] : ar_command[0 +: CommandW];
  assign m_rready_o  = (r_owner ? r_ready[1] : r_ready[0]) && r_owner_valid;

  assign aw_done = m_awvalid_o && m_awready_i;
  assign w_done  = m_wvalid_o && m_wready_i && m_wlast_o;
  assign b_done  = m_bvalid_i && m_bready_o;
  assign ar_done = m_arvalid_o && m_arready_i;
  assign r_done  = m_rvalid_i && m_rready_o && m_rlast_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_owner_q <= 1'b0;
      ar_owner_q <= 1'b0;
      aw_hold_q  <= 1'b0;
      ar_hold_q  <= 1'b0;
    end else begin
      if (m_awvalid_o) aw_owner_q <= aw_owner;
      if (m_arvalid_o) ar_owner_q <= ar_owner;
      aw_hold_q <= m_awvalid_o && !m_awready_i;
      ar_hold_q <= m_arvalid_o && !m_arready_i;
    end
  end

  systole_fifo #(.W(1), .Depth(Depth)) u_w_owner (
    .clk_i,
    .rst_ni,
    .valid_i(aw_done),
    .ready_o(w_room),
    .data_i (aw_owner),
    .valid_o(w_owner_valid),
    .ready_i(w_done),
    .data_o (w_owner)
  );
  systole_fifo #(.W(1), .Depth(Depth)) u_b_owner (
    .clk_i,
    .rst_ni,
    .valid_i(aw_done),
    .ready_o(b_room),
    .data_i (aw_owner),
    .valid_o(b_owner_valid),
    .ready_i(b_done),
    .data_o (b_owner)
  );
  systole_fifo #(.W(1), .Depth(Depth)) u_r_owner (
    .clk_i,
    .rst_ni,
    .valid_i(ar_done),
    .ready_o(r_room),
    .data_i (ar_owner),
    .valid_o(r_owner_valid),
    .ready_i(r_done),
    .data_o (r_owner)
  );

endmodule
