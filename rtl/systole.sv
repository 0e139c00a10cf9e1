// SPDX-License-Identifier: Apache-2.0

/// Systole: a weight-stationary systolic matrix engine with an AXI4-Lite register port, one AXI4 master and one interrupt.
///
/// This file only connects the four engines; docs/architecture.md explains them and docs/integration.md the ports and parameters.
/// `rst_ni` is synchronous: hold it low for at least four cycles (each engine has a register of it).
module systole #(
  parameter int Rows         = 16,         // array rows, a power of two from 2 to 64
  parameter int Cols         = 16,         // array columns, a power of two from 2 to 64
  parameter int AxiDataW     = 128,        // AXI data width: 32, 64, 128, 256 or 512
  parameter int AxiAddrW     = 40,         // AXI address width: 32 to 64
  parameter int ActBytes     = 65536,      // activation buffer
  parameter int WgtBytes     = 32768,      // weight buffer
  parameter int AccRows      = 1024,       // rows of each accumulator half
  parameter int ParamEntries = 64,         // column tiles that each parameter bank holds
  parameter int QueueDepth   = 4,          // commands that each engine's queue holds
  parameter int MaxReads     = 16,         // outstanding read bursts
  parameter int MaxWrites    = 16,         // outstanding write bursts
  parameter int AccelId      = 0,          // must match a command's accel_id
  parameter int Fp           = 1,          // floating-point lanes (0: int8 only)
  parameter int L            = (Fp != 0) ? 4 : 1,  // cycles an element takes: 1 without floating point, 2 to 7 with it
  parameter int MulRegs      = 0,                  // 1: registers in the array's multipliers, for FPGAs (docs/fpga.md)
  parameter int Parity       = 0,          // 1: parity in the buffers, accumulators and parameter banks
  parameter int EpLanes      = Cols / 2    // columns that the store engine reads and turns into results a cycle
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  output logic                  irq_o,

  input  logic                  s_axil_awvalid_i,
  output logic                  s_axil_awready_o,
  input  logic [11:0]           s_axil_awaddr_i,
  input  logic                  s_axil_wvalid_i,
  output logic                  s_axil_wready_o,
  input  logic [31:0]           s_axil_wdata_i,
  input  logic [3:0]            s_axil_wstrb_i,
  output logic                  s_axil_bvalid_o,
  input  logic                  s_axil_bready_i,
  output logic [1:0]            s_axil_bresp_o,
  input  logic                  s_axil_arvalid_i,
  output logic                  s_axil_arready_o,
  input  logic [11:0]           s_axil_araddr_i,
  output logic                  s_axil_rvalid_o,
  input  logic                  s_axil_rready_i,
  output logic [31:0]           s_axil_rdata_o,
  output logic [1:0]            s_axil_rresp_o,

  output logic [0:0]            m_axi_awid_o,
  output logic [AxiAddrW-1:0]   m_axi_awaddr_o,
  output logic [7:0]            m_axi_awlen_o,
  output logic [2:0]            m_axi_awsize_o,
  output logic [1:0]            m_axi_awburst_o,
  output logic                  m_axi_awlock_o,
  output logic [3:0]            m_axi_awcache_o,
  output logic [2:0]            m_axi_awprot_o,
  output logic [3:0]            m_axi_awqos_o,
  output logic                  m_axi_awvalid_o,
  input  logic                  m_axi_awready_i,
  output logic [AxiDataW-1:0]   m_axi_wdata_o,
  output logic [AxiDataW/8-1:0] m_axi_wstrb_o,
  output logic                  m_axi_wlast_o,
  output logic                  m_axi_wvalid_o,
  input  logic                  m_axi_wready_i,
  input  logic [0:0]            m_axi_bid_i,
  input  logic [1:0]            m_axi_bresp_i,
  input  logic                  m_axi_bvalid_i,
  output logic                  m_axi_bready_o,
  output logic [0:0]            m_axi_arid_o,
  output logic [AxiAddrW-1:0]   m_axi_araddr_o,
  output logic [7:0]            m_axi_arlen_o,
  output logic [2:0]            m_axi_arsize_o,
  output logic [1:0]            m_axi_arburst_o,
  output logic                  m_axi_arlock_o,
  output logic [3:0]            m_axi_arcache_o,
  output logic [2:0]            m_axi_arprot_o,
  output logic [3:0]            m_axi_arqos_o,
  output logic                  m_axi_arvalid_o,
  input  logic                  m_axi_arready_i,
  input  logic [0:0]            m_axi_rid_i,
  input  logic [AxiDataW-1:0]   m_axi_rdata_i,
  input  logic [1:0]            m_axi_rresp_i,
  input  logic                  m_axi_rlast_i,
  input  logic                  m_axi_rvalid_i,
  output logic                  m_axi_rready_o
);

  localparam int FetchSlots = 8;         // records fetched ahead
  localparam int ActWords   = ActBytes / (2 * Rows);
  localparam int WgtWords   = WgtBytes / (2 * Rows);

  // Illegal parameters instantiate a module that does not exist: all tools stop and print its name.
  if (Rows < 2 || Rows > 64 || Rows != 2**$clog2(Rows) || Cols < 2 || Cols > 64 || Cols != 2**$clog2(Cols)) begin : gen_bad_array
    systole_error_rows_and_cols_must_be_powers_of_two_from_2_to_64 u_error ();
  end
  if (AxiDataW != 32 && AxiDataW != 64 && AxiDataW != 128 && AxiDataW != 256 && AxiDataW != 512) begin : gen_bad_data
    systole_error_axi_data_w_must_be_32_64_128_256_or_512 u_error ();
  end
  if (AxiAddrW < 32 || AxiAddrW > 64) begin : gen_bad_addr
    systole_error_axi_addr_w_must_be_32_to_64 u_error ();
  end
  if (ActWords < 2 || ActWords > 65536 || ActWords != 2**$clog2(ActWords) || WgtWords < 2 || WgtWords > 65536 ||
      WgtWords != 2**$clog2(WgtWords) || AccRows < 2 || AccRows > 32768 || AccRows != 2**$clog2(AccRows) ||
      ParamEntries < 2 || ParamEntries > 32768 || ParamEntries != 2**$clog2(ParamEntries)) begin : gen_bad_buffer
    systole_error_buffers_must_be_powers_of_two_in_the_documented_range u_error ();
  end
  if (QueueDepth < 2 || QueueDepth > 64 || MaxReads < 1 || MaxReads > 128 || MaxWrites < 1 || MaxWrites > 128 ||
      AccelId < 0 || AccelId > 15) begin : gen_bad_depth
    systole_error_queue_depth_max_reads_max_writes_or_accel_id_out_of_range u_error ();
  end
  if (EpLanes < 1 || EpLanes > Cols || EpLanes != 2**$clog2(EpLanes)) begin : gen_bad_lanes
    systole_error_ep_lanes_must_be_a_power_of_two_from_1_to_cols u_error ();
  end
  if (Fp < 0 || Fp > 1 || (Fp == 0 && L != 1) || (Fp == 1 && (L < 2 || L > 7))) begin : gen_bad_fp
    systole_error_fp_must_be_0_with_l_1_or_1_with_l_2_to_7 u_error ();
  end
  if (Parity < 0 || Parity > 1) begin : gen_bad_parity
    systole_error_parity_must_be_0_or_1 u_error ();
  end
  if (MulRegs < 0 || MulRegs > 1) begin : gen_bad_multipliers
    systole_error_mul_regs_must_be_0_or_1 u_error ();
  end

  logic engine_rst_n, load_rst_nq, compute_rst_nq, store_rst_nq, stop, load_stop_q, store_stop_q, quiet, load_quiet, store_quiet, read_quiet;

  // No VALID during reset, not even while it is on its way to the engines.
  logic arvalid, awvalid, wvalid;
  assign m_axi_arvalid_o = arvalid && rst_ni;
  assign m_axi_awvalid_o = awvalid && rst_ni;
  assign m_axi_wvalid_o  = wvalid && rst_ni;

  // A register of the reset for each engine (as in systole_control), and of the order to stop (compute has its own).
  (* keep *) always_ff @(posedge clk_i) begin
    load_rst_nq    <= engine_rst_n;
    compute_rst_nq <= engine_rst_n;
    store_rst_nq   <= engine_rst_n;
    load_stop_q    <= stop;
    store_stop_q   <= stop;
  end

  // Command, tokens, completion and errors of each engine.
  logic                load_cmd_valid, load_cmd_ready, load_done, load_err_valid;
  logic                compute_cmd_valid, compute_cmd_ready, compute_done, compute_err_valid;
  logic                store_cmd_valid, store_cmd_ready, store_done, store_err_valid;
  logic [511:0]        load_cmd, compute_cmd, store_cmd;
  logic [31:0]         load_idx, compute_idx, store_idx, load_err_idx, compute_err_idx, store_err_idx;
  logic [7:0]          load_take, load_give, compute_take, compute_give, store_take, store_give, tok_avail;
  logic [7:0]          load_err_code, compute_err_code, store_err_code;
  logic [AxiAddrW-1:0] load_err_addr, compute_err_addr, store_err_addr;

  // Read channel of fetch and load.
  logic                fetch_ar_valid, fetch_ar_ready, fetch_r_valid, fetch_r_last, fetch_r_err;
  logic [AxiAddrW-1:0] fetch_ar_addr, load_ar_addr;
  logic [AxiDataW-1:0] fetch_r_data, load_r_data;
  logic                load_ar_valid, load_ar_ready, load_r_valid, load_r_ready, load_r_last;
  logic [7:0]          load_ar_len;
  logic [1:0]          load_r_resp;

  // Memories of compute: load's write port, store's read port.
  logic                  wr_valid, wr_ready, acc_rd_valid, acc_rd_ready;
  logic [3:0]            wr_dest, wr_bank;
  logic [5:0]            wr_chunk;
  logic [15:0]           wr_addr, acc_rd_addr;
  logic [Rows*16-1:0]    wr_data;
  logic [5:0]            acc_rd_group;
  logic [EpLanes*32-1:0] acc_rd_data;

  // Windows and the memories' guards.
  logic [AxiAddrW-13:0] read_first, read_last, write_first, write_last;
  logic [7*24-1:0]      guard_to, guard_from;

  logic        row_issue, compute_waiting, compute_begin;
  logic [systole_pkg::MACS_W-1:0] macs;
  logic [4:0]  act_cause;

  // For simulators and logic analysers: commands that end and begin in this cycle; read by name (systole.vlt), used by nothing here.
  logic [5:0] trace;

  assign trace = {store_done, compute_done, load_done, store_cmd_valid && store_cmd_ready, compute_begin,
                  load_cmd_valid && load_cmd_ready};

  assign quiet = load_quiet && store_quiet && read_quiet;

  systole_control #(
    .Rows        (Rows),
    .Cols        (Cols),
    .AxiDataW    (AxiDataW),
    .AxiAddrW    (AxiAddrW),
    .ActWords    (ActWords),
    .WgtWords    (WgtWords),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .QueueDepth  (QueueDepth),
    .MaxReads    (MaxReads),
    .MaxWrites   (MaxWrites),
    .EpLanes     (EpLanes),
    .L           (L),
    .AccelId     (AccelId),
    .Fp          (Fp),
    .Parity      (Parity),
    .FetchSlots  (FetchSlots)
  ) u_control (
    .clk_i,
    .rst_ni,
    .irq_o,
    .s_axil_awvalid_i,
    .s_axil_awready_o,
    .s_axil_awaddr_i,
    .s_axil_wvalid_i,
    .s_axil_wready_o,
    .s_axil_wdata_i,
    .s_axil_wstrb_i,
    .s_axil_bvalid_o,
    .s_axil_bready_i,
    .s_axil_bresp_o,
    .s_axil_arvalid_i,
    .s_axil_arready_o,
    .s_axil_araddr_i,
    .s_axil_rvalid_o,
    .s_axil_rready_i,
    .s_axil_rdata_o,
    .s_axil_rresp_o,
    .engine_rst_no      (engine_rst_n),
    .stop_o             (stop),
    .quiet_i            (quiet),
    .read_first_o       (read_first),
    .read_last_o        (read_last),
    .write_first_o      (write_first),
    .write_last_o       (write_last),
    .guard_o            (guard_to),
    .guard_i            (guard_from),
    .fetch_ar_valid_o   (fetch_ar_valid),
    .fetch_ar_ready_i   (fetch_ar_ready),
    .fetch_ar_addr_o    (fetch_ar_addr),
    .fetch_r_valid_i    (fetch_r_valid),
    .fetch_r_data_i     (fetch_r_data),
    .fetch_r_last_i     (fetch_r_last),
    .fetch_r_err_i      (fetch_r_err),
    .load_cmd_valid_o   (load_cmd_valid),
    .load_cmd_ready_i   (load_cmd_ready),
    .load_cmd_o         (load_cmd),
    .load_idx_o         (load_idx),
    .load_take_i        (load_take),
    .load_give_i        (load_give),
    .load_done_i        (load_done),
    .load_err_valid_i   (load_err_valid),
    .load_err_code_i    (load_err_code),
    .load_err_idx_i     (load_err_idx),
    .load_err_addr_i    (load_err_addr),
    .compute_cmd_valid_o(compute_cmd_valid),
    .compute_cmd_ready_i(compute_cmd_ready),
    .compute_cmd_o      (compute_cmd),
    .compute_idx_o      (compute_idx),
    .compute_take_i     (compute_take),
    .compute_give_i     (compute_give),
    .compute_done_i     (compute_done),
    .compute_err_valid_i(compute_err_valid),
    .compute_err_code_i (compute_err_code),
    .compute_err_idx_i  (compute_err_idx),
    .compute_err_addr_i (compute_err_addr),
    .store_cmd_valid_o  (store_cmd_valid),
    .store_cmd_ready_i  (store_cmd_ready),
    .store_cmd_o        (store_cmd),
    .store_idx_o        (store_idx),
    .store_take_i       (store_take),
    .store_give_i       (store_give),
    .store_done_i       (store_done),
    .store_err_valid_i  (store_err_valid),
    .store_err_code_i   (store_err_code),
    .store_err_idx_i    (store_err_idx),
    .store_err_addr_i   (store_err_addr),
    .tok_avail_o        (tok_avail),
    .row_issue_i        (row_issue),
    .act_cause_i        (act_cause),
    .compute_waiting_i  (compute_waiting),
    .macs_i             (macs),
    .r_burst_i          (m_axi_arvalid_o && m_axi_arready_i),
    .w_burst_i          (m_axi_awvalid_o && m_axi_awready_i),
    .r_beat_i           (m_axi_rvalid_i && m_axi_rready_o),
    .w_beat_i           (m_axi_wvalid_o && m_axi_wready_i)
  );

  systole_read_mux #(
    .AxiDataW(AxiDataW),
    .AxiAddrW(AxiAddrW),
    .MaxReads(MaxReads)
  ) u_read_mux (
    .clk_i,
    .rst_ni            (load_rst_nq),
    .fetch_ar_valid_i  (fetch_ar_valid),
    .fetch_ar_ready_o  (fetch_ar_ready),
    .fetch_ar_addr_i   (fetch_ar_addr),
    .fetch_r_valid_o   (fetch_r_valid),
    .fetch_r_data_o    (fetch_r_data),
    .fetch_r_last_o    (fetch_r_last),
    .fetch_r_err_o     (fetch_r_err),
    .load_ar_valid_i   (load_ar_valid),
    .load_ar_ready_o   (load_ar_ready),
    .load_ar_addr_i    (load_ar_addr),
    .load_ar_len_i     (load_ar_len),
    .load_r_valid_o    (load_r_valid),
    .load_r_ready_i    (load_r_ready),
    .load_r_data_o     (load_r_data),
    .load_r_last_o     (load_r_last),
    .load_r_resp_o     (load_r_resp),
    .m_axi_arid_o,
    .m_axi_araddr_o,
    .m_axi_arlen_o,
    .m_axi_arsize_o,
    .m_axi_arburst_o,
    .m_axi_arlock_o,
    .m_axi_arcache_o,
    .m_axi_arprot_o,
    .m_axi_arqos_o,
    .m_axi_arvalid_o   (arvalid),
    .m_axi_arready_i,
    .m_axi_rid_i,
    .m_axi_rdata_i,
    .m_axi_rresp_i,
    .m_axi_rlast_i,
    .m_axi_rvalid_i,
    .m_axi_rready_o,
    .quiet_o           (read_quiet)
  );

  systole_load #(
    .Rows        (Rows),
    .Cols        (Cols),
    .AxiDataW    (AxiDataW),
    .AxiAddrW    (AxiAddrW),
    .ActWords    (ActWords),
    .WgtWords    (WgtWords),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries)
  ) u_load (
    .clk_i,
    .rst_ni     (load_rst_nq),
    .stop_i     (load_stop_q),
    .window_first_i(read_first),
    .window_last_i(read_last),
    .cmd_valid_i(load_cmd_valid),
    .cmd_ready_o(load_cmd_ready),
    .cmd_i      (load_cmd),
    .idx_i      (load_idx),
    .tok_avail_i(tok_avail),
    .take_o     (load_take),
    .give_o     (load_give),
    .done_o     (load_done),
    .err_valid_o(load_err_valid),
    .err_code_o (load_err_code),
    .err_idx_o  (load_err_idx),
    .err_addr_o (load_err_addr),
    .ar_valid_o (load_ar_valid),
    .ar_ready_i (load_ar_ready),
    .ar_addr_o  (load_ar_addr),
    .ar_len_o   (load_ar_len),
    .r_valid_i  (load_r_valid),
    .r_ready_o  (load_r_ready),
    .r_data_i   (load_r_data),
    .r_last_i   (load_r_last),
    .r_resp_i   (load_r_resp),
    .wr_valid_o (wr_valid),
    .wr_ready_i (wr_ready),
    .wr_dest_o  (wr_dest),
    .wr_bank_o  (wr_bank),
    .wr_addr_o  (wr_addr),
    .wr_chunk_o (wr_chunk),
    .wr_data_o  (wr_data),
    .quiet_o    (load_quiet)
  );

  systole_compute #(
    .Rows        (Rows),
    .Cols        (Cols),
    .ActWords    (ActWords),
    .WgtWords    (WgtWords),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .EpLanes     (EpLanes),
    .Fp          (Fp),
    .L           (L),
    .MulRegs     (MulRegs),
    .Parity      (Parity),
    .AxiAddrW    (AxiAddrW)
  ) u_compute (
    .clk_i,
    .rst_ni        (compute_rst_nq),
    .stop_i        (stop),
    .guard_i       (guard_to[systole_pkg::MEMORY_ACT*24 +: 5*24]),
    .guard_o       (guard_from[systole_pkg::MEMORY_ACT*24 +: 5*24]),
    .cmd_valid_i   (compute_cmd_valid),
    .cmd_ready_o   (compute_cmd_ready),
    .cmd_i         (compute_cmd),
    .idx_i         (compute_idx),
    .tok_avail_i   (tok_avail),
    .take_o        (compute_take),
    .give_o        (compute_give),
    .done_o        (compute_done),
    .err_valid_o   (compute_err_valid),
    .err_code_o    (compute_err_code),
    .err_idx_o     (compute_err_idx),
    .err_addr_o    (compute_err_addr),
    .row_issue_o   (row_issue),
    .act_cause_o   (act_cause),
    .begin_o       (compute_begin),
    .macs_o        (macs),
    .cmd_waiting_o (compute_waiting),
    .wr_valid_i    (wr_valid),
    .wr_ready_o    (wr_ready),
    .wr_dest_i     (wr_dest),
    .wr_bank_i     (wr_bank),
    .wr_addr_i     (wr_addr),
    .wr_chunk_i    (wr_chunk),
    .wr_data_i     (wr_data),
    .acc_rd_valid_i(acc_rd_valid),
    .acc_rd_ready_o(acc_rd_ready),
    .acc_rd_addr_i (acc_rd_addr),
    .acc_rd_group_i(acc_rd_group),
    .acc_rd_data_o (acc_rd_data)
  );

  systole_store #(
    .Rows        (Rows),
    .Cols        (Cols),
    .AxiDataW    (AxiDataW),
    .AxiAddrW    (AxiAddrW),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .EpLanes     (EpLanes),
    .MaxWrites   (MaxWrites),
    .Fp          (Fp),
    .Parity      (Parity)
  ) u_store (
    .clk_i,
    .rst_ni        (store_rst_nq),
    .stop_i        (store_stop_q),
    .window_first_i(write_first),
    .window_last_i (write_last),
    .guard_i       (guard_to[systole_pkg::MEMORY_SCALE*24 +: 2*24]),
    .guard_o       (guard_from[systole_pkg::MEMORY_SCALE*24 +: 2*24]),
    .cmd_valid_i   (store_cmd_valid),
    .cmd_ready_o   (store_cmd_ready),
    .cmd_i         (store_cmd),
    .idx_i         (store_idx),
    .tok_avail_i   (tok_avail),
    .take_o        (store_take),
    .give_o        (store_give),
    .done_o        (store_done),
    .err_valid_o   (store_err_valid),
    .err_code_o    (store_err_code),
    .err_idx_o     (store_err_idx),
    .err_addr_o    (store_err_addr),
    .wr_valid_i    (wr_valid),
    .wr_dest_i     (wr_dest),
    .wr_bank_i     (wr_bank),
    .wr_addr_i     (wr_addr),
    .wr_chunk_i    (wr_chunk),
    .wr_data_i     (wr_data),
    .acc_rd_valid_o(acc_rd_valid),
    .acc_rd_ready_i(acc_rd_ready),
    .acc_rd_addr_o (acc_rd_addr),
    .acc_rd_group_o(acc_rd_group),
    .acc_rd_data_i (acc_rd_data),
    .m_axi_awid_o,
    .m_axi_awaddr_o,
    .m_axi_awlen_o,
    .m_axi_awsize_o,
    .m_axi_awburst_o,
    .m_axi_awlock_o,
    .m_axi_awcache_o,
    .m_axi_awprot_o,
    .m_axi_awqos_o,
    .m_axi_awvalid_o(awvalid),
    .m_axi_awready_i,
    .m_axi_wdata_o,
    .m_axi_wstrb_o,
    .m_axi_wlast_o,
    .m_axi_wvalid_o(wvalid),
    .m_axi_wready_i,
    .m_axi_bid_i,
    .m_axi_bresp_i,
    .m_axi_bvalid_i,
    .m_axi_bready_o,
    .quiet_o       (store_quiet)
  );

endmodule
