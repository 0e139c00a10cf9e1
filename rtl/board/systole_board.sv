// SPDX-License-Identifier: Apache-2.0

/// A board with the whole accelerator (kind 0), but for its clock and pins: UART, host link, board information, the accelerator and a memory
/// of block RAM that the link and the accelerator share (docs/link.md). `rst_ni` is synchronous and low for 16 cycles or more;
/// `rx_i` is asynchronous and idles high.
///
/// `led_o` (1: on): heartbeat; bytes received; bytes sent; the accelerator uses the memory; its interrupt; a request was refused or
/// spoiled; the link is at work; out of reset.
module systole_board #(
  parameter int Rows         = 8,
  parameter int Cols         = 8,
  parameter int Fp           = 1,
  parameter int L            = (Fp != 0) ? 4 : 1,
  parameter int MulRegs      = 0,
  parameter int AxiDataW     = 64,
  parameter int AxiAddrW     = 32,
  parameter int ActBytes     = 16384,
  parameter int WgtBytes     = 8192,
  parameter int AccRows      = 512,
  parameter int ParamEntries = 64,
  parameter int QueueDepth   = 4,
  parameter int MaxReads     = 16,
  parameter int MaxWrites    = 16,
  parameter int EpLanes      = Cols / 2,
  parameter int MemBytes     = 262144,
  parameter int ClkHz        = 50000000,
  parameter int Baud         = 1000000,
  parameter int BoardId      = 0
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,
  output logic       tx_o,
  output logic [7:0] led_o
);

  localparam int MaxData = 1024;
  localparam int StrobeW = AxiDataW / 8;
  localparam logic [2:0] SIZE = 3'($clog2(StrobeW));

  // --- UART and link ---
  logic                rx_valid, tx_valid;
  logic                req_valid, req_mem, req_write;
  logic [31:0]         req_addr;
  logic [AxiDataW-1:0] req_wdata;
  logic [StrobeW-1:0]  req_wstrb;
  logic                regs_valid, mem_valid, info_valid, none_valid_q;
  logic [AxiDataW-1:0] rsp_rdata, mem_rdata;
  logic [31:0]         regs_rdata, info_rdata;
  logic [1:0]          regs_resp, mem_resp, info_resp;
  logic                link_active, refused, irq;
  logic                asked_q, mem_ask_q, regs_ask_q, info_ask_q, none_ask_q, regs_answer_q, info_answer_q, rsp_valid_q;
  logic [1:0]          rsp_resp_q;

  // Registers of the reset, as in systole.sv.
  logic link_rst_nq, bus_rst_nq, core_rst_nq;
  (* keep *) always_ff @(posedge clk_i) begin
    link_rst_nq <= rst_ni;
    bus_rst_nq  <= rst_ni;
    core_rst_nq <= rst_ni;
  end

  systole_uart_link #(.DataW(AxiDataW), .MaxData(MaxData), .ClkHz(ClkHz), .Baud(Baud)) u_link (
    .clk_i,
    .rst_ni(link_rst_nq),
    .rx_i,
    .tx_o,
    .req_valid_o(req_valid),
    .req_mem_o  (req_mem),
    .req_write_o(req_write),
    .req_addr_o (req_addr),
    .req_wdata_o(req_wdata),
    .req_wstrb_o(req_wstrb),
    .rsp_valid_i(rsp_valid_q),
    .rsp_rdata_i(rsp_rdata),
    .rsp_resp_i (rsp_resp_q),
    .active_o   (link_active),
    .refused_o  (refused),
    .rx_valid_o (rx_valid),
    .tx_valid_o (tx_valid)
  );

  // --- where an access goes: registers on the way there, for one cycle, and back; the payloads hold ---
  always_ff @(posedge clk_i) begin
    asked_q       <= req_valid;
    mem_ask_q     <= link_rst_nq && req_valid && !asked_q && req_mem;
    regs_ask_q    <= link_rst_nq && req_valid && !asked_q && !req_mem && req_addr[31:12] == '0;
    info_ask_q    <= link_rst_nq && req_valid && !asked_q && !req_mem && req_addr[31:8] == 24'h000010;
    none_ask_q    <= link_rst_nq && req_valid && !asked_q && !req_mem && req_addr[31:12] != '0 && req_addr[31:8] != 24'h000010;
    none_valid_q  <= none_ask_q;
    rsp_valid_q   <= link_rst_nq && (regs_valid || mem_valid || info_valid || none_valid_q);
    rsp_resp_q    <= none_valid_q ? 2'b11 : regs_valid ? regs_resp : info_valid ? info_resp : mem_resp;
    regs_answer_q <= regs_valid;
    info_answer_q <= info_valid;
  end

  always_comb begin
    rsp_rdata = mem_rdata;
    if (regs_answer_q) rsp_rdata[31:0] = regs_rdata;
    if (info_answer_q) rsp_rdata[31:0] = info_rdata;
  end

  systole_board_info #(
    .BoardId (BoardId),
    .ClkHz   (ClkHz),
    .Baud    (Baud),
    .MemBytes(MemBytes),
    .Kind    (0),
    .MaxData (MaxData)
  ) u_info (
    .clk_i,
    .rst_ni(link_rst_nq),
    .req_valid_i(info_ask_q),
    .req_write_i(req_write),
    .req_word_i (req_addr[7:2]),
    .req_wdata_i(req_wdata[31:0]),
    .rsp_valid_o(info_valid),
    .rsp_rdata_o(info_rdata),
    .rsp_resp_o (info_resp)
  );

  // --- registers of the accelerator ---
  logic        reg_awvalid, reg_awready, reg_wvalid, reg_wready, reg_bvalid, reg_bready, reg_arvalid, reg_arready, reg_rvalid, reg_rready;
  logic [11:0] reg_awaddr, reg_araddr;
  logic [31:0] reg_wdata, reg_rdata;
  logic [3:0]  reg_wstrb;
  logic [1:0]  reg_bresp, reg_rresp;

  systole_axi_single #(.AddrW(12), .DataW(32)) u_reg_master (
    .clk_i,
    .rst_ni(link_rst_nq),
    .req_valid_i(regs_ask_q),
    .req_write_i(req_write),
    .req_addr_i (req_addr[11:0]),
    .req_wdata_i(req_wdata[31:0]),
    .req_wstrb_i(req_wstrb[3:0]),
    .rsp_valid_o(regs_valid),
    .rsp_rdata_o(regs_rdata),
    .rsp_resp_o (regs_resp),
    .m_awvalid_o(reg_awvalid),
    .m_awready_i(reg_awready),
    .m_awaddr_o (reg_awaddr),
    .m_wvalid_o (reg_wvalid),
    .m_wready_i (reg_wready),
    .m_wdata_o  (reg_wdata),
    .m_wstrb_o  (reg_wstrb),
    .m_bvalid_i (reg_bvalid),
    .m_bready_o (reg_bready),
    .m_bresp_i  (reg_bresp),
    .m_arvalid_o(reg_arvalid),
    .m_arready_i(reg_arready),
    .m_araddr_o (reg_araddr),
    .m_rvalid_i (reg_rvalid),
    .m_rready_o (reg_rready),
    .m_rdata_i  (reg_rdata),
    .m_rresp_i  (reg_rresp)
  );

  // --- the memory's masters: 0 the link, 1 the accelerator ---
  logic [1:0]            awvalid, awready, wvalid, wready, wlast, bvalid, bready, arvalid, arready, rvalid, rready, rlast;
  logic [2*AxiAddrW-1:0] awaddr, araddr;
  logic [2*8-1:0]        awlen, arlen;
  logic [2*3-1:0]        awsize, arsize;
  logic [2*2-1:0]        awburst, arburst, bresp, rresp;
  logic [2*AxiDataW-1:0] wdata, rdata;
  logic [2*StrobeW-1:0]  wstrb;

  assign awlen[7:0]   = 8'd0;
  assign arlen[7:0]   = 8'd0;
  assign awsize[2:0]  = SIZE;
  assign arsize[2:0]  = SIZE;
  assign awburst[1:0] = 2'b01;
  assign arburst[1:0] = 2'b01;
  assign wlast[0]     = 1'b1;

  systole_axi_single #(.AddrW(AxiAddrW), .DataW(AxiDataW)) u_mem_master (
    .clk_i,
    .rst_ni(link_rst_nq),
    .req_valid_i(mem_ask_q),
    .req_write_i(req_write),
    .req_addr_i (AxiAddrW'(req_addr)),
    .req_wdata_i(req_wdata),
    .req_wstrb_i(req_wstrb),
    .rsp_valid_o(mem_valid),
    .rsp_rdata_o(mem_rdata),
    .rsp_resp_o (mem_resp),
    .m_awvalid_o(awvalid[0]),
    .m_awready_i(awready[0]),
    .m_awaddr_o (awaddr[AxiAddrW-1:0]),
    .m_wvalid_o (wvalid[0]),
    .m_wready_i (wready[0]),
    .m_wdata_o  (wdata[AxiDataW-1:0]),
    .m_wstrb_o  (wstrb[StrobeW-1:0]),
    .m_bvalid_i (bvalid[0]),
    .m_bready_o (bready[0]),
    .m_bresp_i  (bresp[1:0]),
    .m_arvalid_o(arvalid[0]),
    .m_arready_i(arready[0]),
    .m_araddr_o (araddr[AxiAddrW-1:0]),
    .m_rvalid_i (rvalid[0]),
    .m_rready_o (rready[0]),
    .m_rdata_i  (rdata[AxiDataW-1:0]),
    .m_rresp_i  (rresp[1:0])
  );

  logic       awid, arid, awlock, arlock;
  logic [3:0] awcache, arcache, awqos, arqos;
  logic [2:0] awprot, arprot;

  systole #(
    .Rows        (Rows),
    .Cols        (Cols),
    .AxiDataW    (AxiDataW),
    .AxiAddrW    (AxiAddrW),
    .ActBytes    (ActBytes),
    .WgtBytes    (WgtBytes),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .QueueDepth  (QueueDepth),
    .MaxReads    (MaxReads),
    .MaxWrites   (MaxWrites),
    .AccelId     (0),
    .Fp          (Fp),
    .L           (L),
    .MulRegs     (MulRegs),
    .EpLanes     (EpLanes)
  ) u_systole (
    .clk_i,
    .rst_ni(core_rst_nq),
    .irq_o           (irq),
    .s_axil_awvalid_i(reg_awvalid),
    .s_axil_awready_o(reg_awready),
    .s_axil_awaddr_i (reg_awaddr),
    .s_axil_wvalid_i (reg_wvalid),
    .s_axil_wready_o (reg_wready),
    .s_axil_wdata_i  (reg_wdata),
    .s_axil_wstrb_i  (reg_wstrb),
    .s_axil_bvalid_o (reg_bvalid),
    .s_axil_bready_i (reg_bready),
    .s_axil_bresp_o  (reg_bresp),
    .s_axil_arvalid_i(reg_arvalid),
    .s_axil_arready_o(reg_arready),
    .s_axil_araddr_i (reg_araddr),
    .s_axil_rvalid_o (reg_rvalid),
    .s_axil_rready_i (reg_rready),
    .s_axil_rdata_o  (reg_rdata),
    .s_axil_rresp_o  (reg_rresp),
    .m_axi_awid_o    (awid),
    .m_axi_awaddr_o  (awaddr[AxiAddrW +: AxiAddrW]),
    .m_axi_awlen_o   (awlen[15:8]),
    .m_axi_awsize_o  (awsize[5:3]),
    .m_axi_awburst_o (awburst[3:2]),
    .m_axi_awlock_o  (awlock),
    .m_axi_awcache_o (awcache),
    .m_axi_awprot_o  (awprot),
    .m_axi_awqos_o   (awqos),
    .m_axi_awvalid_o (awvalid[1]),
    .m_axi_awready_i (awready[1]),
    .m_axi_wdata_o   (wdata[AxiDataW +: AxiDataW]),
    .m_axi_wstrb_o   (wstrb[StrobeW +: StrobeW]),
    .m_axi_wlast_o   (wlast[1]),
    .m_axi_wvalid_o  (wvalid[1]),
    .m_axi_wready_i  (wready[1]),
    .m_axi_bid_i     (1'b0),
    .m_axi_bresp_i   (bresp[3:2]),
    .m_axi_bvalid_i  (bvalid[1]),
    .m_axi_bready_o  (bready[1]),
    .m_axi_arid_o    (arid),
    .m_axi_araddr_o  (araddr[AxiAddrW +: AxiAddrW]),
    .m_axi_arlen_o   (arlen[15:8]),
    .m_axi_arsize_o  (arsize[5:3]),
    .m_axi_arburst_o (arburst[3:2]),
    .m_axi_arlock_o  (arlock),
    .m_axi_arcache_o (arcache),
    .m_axi_arprot_o  (arprot),
    .m_axi_arqos_o   (arqos),
    .m_axi_arvalid_o (arvalid[1]),
    .m_axi_arready_i (arready[1]),
    .m_axi_rid_i     (1'b0),
    .m_axi_rdata_i   (rdata[AxiDataW +: AxiDataW]),
    .m_axi_rresp_i   (rresp[3:2]),
    .m_axi_rlast_i   (rlast[1]),
    .m_axi_rvalid_i  (rvalid[1]),
    .m_axi_rready_o  (rready[1])
  );

  logic                m_awvalid, m_awready, m_wvalid, m_wready, m_wlast, m_bvalid, m_bready, m_arvalid, m_arready, m_rvalid, m_rready, m_rlast;
  logic [AxiAddrW-1:0] m_awaddr, m_araddr;
  logic [7:0]          m_awlen, m_arlen;
  logic [2:0]          m_awsize, m_arsize;
  logic [1:0]          m_awburst, m_arburst, m_bresp, m_rresp;
  logic [AxiDataW-1:0] m_wdata, m_rdata;
  logic [StrobeW-1:0]  m_wstrb;

  systole_axi_mux #(.DataW(AxiDataW), .AddrW(AxiAddrW), .Direct(1)) u_mux (
    .clk_i,
    .rst_ni(bus_rst_nq),
    .s_awvalid_i(awvalid),
    .s_awready_o(awready),
    .s_awaddr_i (awaddr),
    .s_awlen_i  (awlen),
    .s_awsize_i (awsize),
    .s_awburst_i(awburst),
    .s_wvalid_i (wvalid),
    .s_wready_o (wready),
    .s_wdata_i  (wdata),
    .s_wstrb_i  (wstrb),
    .s_wlast_i  (wlast),
    .s_bvalid_o (bvalid),
    .s_bready_i (bready),
    .s_bresp_o  (bresp),
    .s_arvalid_i(arvalid),
    .s_arready_o(arready),
    .s_araddr_i (araddr),
    .s_arlen_i  (arlen),
    .s_arsize_i (arsize),
    .s_arburst_i(arburst),
    .s_rvalid_o (rvalid),
    .s_rready_i (rready),
    .s_rdata_o  (rdata),
    .s_rresp_o  (rresp),
    .s_rlast_o  (rlast),
    .m_awvalid_o(m_awvalid),
    .m_awready_i(m_awready),
    .m_awaddr_o (m_awaddr),
    .m_awlen_o  (m_awlen),
    .m_awsize_o (m_awsize),
    .m_awburst_o(m_awburst),
    .m_wvalid_o (m_wvalid),
    .m_wready_i (m_wready),
    .m_wdata_o  (m_wdata),
    .m_wstrb_o  (m_wstrb),
    .m_wlast_o  (m_wlast),
    .m_bvalid_i (m_bvalid),
    .m_bready_o (m_bready),
    .m_bresp_i  (m_bresp),
    .m_arvalid_o(m_arvalid),
    .m_arready_i(m_arready),
    .m_araddr_o (m_araddr),
    .m_arlen_o  (m_arlen),
    .m_arsize_o (m_arsize),
    .m_arburst_o(m_arburst),
    .m_rvalid_i (m_rvalid),
    .m_rready_o (m_rready),
    .m_rdata_i  (m_rdata),
    .m_rresp_i  (m_rresp),
    .m_rlast_i  (m_rlast)
  );

  systole_axi_mem #(.DataW(AxiDataW), .AddrW(AxiAddrW), .MemBytes(MemBytes)) u_mem (
    .clk_i,
    .rst_ni(bus_rst_nq),
    .s_awvalid_i(m_awvalid),
    .s_awready_o(m_awready),
    .s_awaddr_i (m_awaddr),
    .s_awlen_i  (m_awlen),
    .s_awsize_i (m_awsize),
    .s_awburst_i(m_awburst),
    .s_wvalid_i (m_wvalid),
    .s_wready_o (m_wready),
    .s_wdata_i  (m_wdata),
    .s_wstrb_i  (m_wstrb),
    .s_bvalid_o (m_bvalid),
    .s_bready_i (m_bready),
    .s_bresp_o  (m_bresp),
    .s_arvalid_i(m_arvalid),
    .s_arready_o(m_arready),
    .s_araddr_i (m_araddr),
    .s_arlen_i  (m_arlen),
    .s_arsize_i (m_arsize),
    .s_arburst_i(m_arburst),
    .s_rvalid_o (m_rvalid),
    .s_rready_i (m_rready),
    .s_rdata_o  (m_rdata),
    .s_rresp_o  (m_rresp),
    .s_rlast_o  (m_rlast)
  );

  // --- LEDs ---
  systole_leds #(.ClkHz(ClkHz), .Events(4)) u_leds (
    .clk_i,
    .rst_ni(link_rst_nq),
    .event_i    ({refused, arvalid[1] || wvalid[1], tx_valid, rx_valid}),
    .led_o      ({led_o[5], led_o[3:1]}),
    .heartbeat_o(led_o[0])
  );
  assign led_o[4] = irq;
  assign led_o[6] = link_active;
  assign led_o[7] = rst_ni;

  // One ID, cacheable or not, one order; the link's reads have one beat.
  logic unused;
  assign unused = &{1'b0, awid, arid, awlock, arlock, awcache, arcache, awprot, arprot, awqos, arqos, rlast[0], m_wlast};

endmodule
