// SPDX-License-Identifier: Apache-2.0

/// The control engine: registers, command fetch, dispatch, tokens, counters, errors and soft reset. See the modules for their
/// handshakes. Latencies: RING_TAIL changes in cycle 0: `fetch_ar_valid_o` in cycle 1. Last beat of a record in cycle 0:
/// `*_cmd_valid_o` in cycle 3. `*_done_i` in cycle 0: RING_HEAD, IRQ_STATUS and `irq_o` in cycle 1. An error in cycle 0: `stop_o` and
/// ERROR_* in cycle 1, `irq_o` in cycle 2 (misuse of the ring, a slot beyond the address width or the window, an overflow of tokens: one later). `engine_rst_no` is low
/// during `rst_ni` and for 8 cycles of a soft reset; it comes from a register and one gate. A soft reset leaves CTRL.enable,
/// IRQ_ENABLE, the ring's place and size, WATCHDOG, windows, locks, INJECT and the counters alone.
module systole_control #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int ActWords = 2048,
    parameter int WgtWords = 1024,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int QueueDepth = 4,
    parameter int MaxReads = 16,
    parameter int MaxWrites = 16,
    parameter int EpLanes = 8,
    parameter int Fp = 1,
    parameter int L = (Fp != 0) ? 4 : 1,  // cycles an element takes, for CAP0
    parameter int AccelId = 0,
    parameter int Parity = 0,
    parameter int FetchSlots = 8,  // records fetched ahead
    parameter int OrderDepth = 32  // records dispatched and not yet retired
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                s_axil_awvalid_i,
    output logic                s_axil_awready_o,
    input  logic [        11:0] s_axil_awaddr_i,
    input  logic                s_axil_wvalid_i,
    output logic                s_axil_wready_o,
    input  logic [        31:0] s_axil_wdata_i,
    input  logic [         3:0] s_axil_wstrb_i,
    output logic                s_axil_bvalid_o,
    input  logic                s_axil_bready_i,
    output logic [         1:0] s_axil_bresp_o,
    input  logic                s_axil_arvalid_i,
    output logic                s_axil_arready_o,
    input  logic [        11:0] s_axil_araddr_i,
    output logic                s_axil_rvalid_o,
    input  logic                s_axil_rready_i,
    output logic [        31:0] s_axil_rdata_o,
    output logic [         1:0] s_axil_rresp_o,
    output logic                irq_o,
    output logic                engine_rst_no,
    output logic                stop_o,
    input  logic                quiet_i,
    // Windows, as first and last page.
    output logic [AxiAddrW-13:0] read_first_o,
    output logic [AxiAddrW-13:0] read_last_o,
    output logic [AxiAddrW-13:0] write_first_o,
    output logic [AxiAddrW-13:0] write_last_o,
    // The memories' guards (systole_parity_ram), ACT first.
    output logic [7*24-1:0]     guard_o,
    input  logic [7*24-1:0]     guard_i,
    output logic                fetch_ar_valid_o,
    input  logic                fetch_ar_ready_i,
    output logic [AxiAddrW-1:0] fetch_ar_addr_o,
    input  logic                fetch_r_valid_i,
    input  logic [AxiDataW-1:0] fetch_r_data_i,
    input  logic                fetch_r_last_i,
    input  logic                fetch_r_err_i,
    output logic                load_cmd_valid_o,
    input  logic                load_cmd_ready_i,
    output logic [       511:0] load_cmd_o,
    output logic [        31:0] load_idx_o,
    input  logic [         7:0] load_take_i,
    input  logic [         7:0] load_give_i,
    input  logic                load_done_i,
    input  logic                load_err_valid_i,
    input  logic [         7:0] load_err_code_i,
    input  logic [        31:0] load_err_idx_i,
    input  logic [AxiAddrW-1:0] load_err_addr_i,
    output logic                compute_cmd_valid_o,
    input  logic                compute_cmd_ready_i,
    output logic [       511:0] compute_cmd_o,
    output logic [        31:0] compute_idx_o,
    input  logic [         7:0] compute_take_i,
    input  logic [         7:0] compute_give_i,
    input  logic                compute_done_i,
    input  logic                compute_err_valid_i,
    input  logic [         7:0] compute_err_code_i,
    input  logic [        31:0] compute_err_idx_i,
    input  logic [AxiAddrW-1:0] compute_err_addr_i,
    output logic                store_cmd_valid_o,
    input  logic                store_cmd_ready_i,
    output logic [       511:0] store_cmd_o,
    output logic [        31:0] store_idx_o,
    input  logic [         7:0] store_take_i,
    input  logic [         7:0] store_give_i,
    input  logic                store_done_i,
    input  logic                store_err_valid_i,
    input  logic [         7:0] store_err_code_i,
    input  logic [        31:0] store_err_idx_i,
    input  logic [AxiAddrW-1:0] store_err_addr_i,
    output logic [         7:0] tok_avail_o,
    // Events for the counters; act_cause_i is {no command, store, hazard, activations, weights}.
    input  logic                row_issue_i,
    input  logic [         4:0] act_cause_i,
    input  logic                compute_waiting_i,  // a MATMUL is between the queue and the activation sequencer
    input  logic [systole_pkg::MACS_W-1:0] macs_i,             // of the row that entered the cycle before
    input  logic                r_burst_i,
    input  logic                w_burst_i,
    input  logic                r_beat_i,
    input  logic                w_beat_i
);

  localparam int OperandWords = ActWords > WgtWords ? ActWords : WgtWords;
  localparam int SmallerWords = AccRows > ParamEntries ? AccRows : ParamEntries;
  localparam int DeepestWords = OperandWords > SmallerWords ? OperandWords : SmallerWords;

  logic inner_rst_nq, enable, soft_reset, soft_reset_done, locked_write, irq_done, error, error_set, busy, locked, quiet, fetch_quiet, ring_misuse;
  logic [63:0] ring_base, error_addr, fetch_addr, slot_address, dispatch_err_addr;
  logic [4:0] ring_size;
  logic [15:0] slot_mask_q;  // bits of an index that name its slot
  logic [31:0] tail, head, watchdog, error_index, fetch_index, dispatch_index;
  logic [7:0] error_code, dispatch_err_code;
  logic fetch_err_valid, dispatch_err_valid, token_overflow;
  logic [7:0] fetch_err_code;
  logic record_valid, record_ready, record_err;
  logic [511:0] record;
  logic snapshot, clear;
  logic [systole_pkg::COUNTER_COUNT*systole_pkg::COUNTER_W-1:0] counters;
  logic [31:0] done_load_q, done_compute_q, done_store_q;

  // What a wrong word led to is no result: nothing completes from then on.
  logic init, inject, injected, parity_error, load_done, compute_done, store_done;
  logic [3:0] inject_memory;
  logic [5:0] inject_bank;
  logic [63:0] parity_addr;

  assign load_done = load_done_i && !parity_error;
  assign compute_done = compute_done_i && !parity_error;
  assign store_done = store_done_i && !parity_error;

  assign busy = head != tail;
  // A tail that was moved back announces nothing, but what was fetched before is still under way.
  assign locked = busy || head != fetch_index;
  assign quiet = quiet_i && fetch_quiet;

  // Registers of the reset, here and for each engine in systole.sv, so that no net of it spans the whole machine (`keep`: Yosys would
  // otherwise make one of equal ones).
  (* keep *) always_ff @(posedge clk_i) inner_rst_nq <= engine_rst_no;

  // A ring has at most 2^16 slots; none is fetched from another.
  always_ff @(posedge clk_i) begin
    slot_mask_q  <= ~(16'hFFFF << ring_size);
    slot_address <= ring_base + 64'({dispatch_index[15:0] & slot_mask_q, 6'd0});
  end

  always_ff @(posedge clk_i) begin
    if (!inner_rst_nq) begin
      done_load_q    <= '0;
      done_compute_q <= '0;
      done_store_q   <= '0;
    end else begin
      if (load_done) done_load_q <= done_load_q + 32'd1;
      if (compute_done) done_compute_q <= done_compute_q + 32'd1;
      if (store_done) done_store_q <= done_store_q + 32'd1;
    end
  end

  logic [63:0] read_base, read_limit, write_base, write_limit;
  logic [1:0] unused_locks;  // the registers themselves see to it

  systole_regs u_regs (
      .clk_i,
      .rst_ni,
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
      .busy_i                    (locked),
      .soft_reset_i              (!engine_rst_no),
      .locked_write_o            (locked_write),
      .irq_o,
      .cap0_rows_log2_i          (4'($clog2(Rows))),
      .cap0_cols_log2_i          (4'($clog2(Cols))),
      .cap0_axi_bytes_log2_i     (4'($clog2(AxiDataW / 8))),
      .cap0_fp_i                 (Fp != 0),
      .cap0_parity_i             (Parity != 0),
      .cap0_element_latency_i    (4'(L)),
      .cap0_epilogue_lanes_log2_i(4'($clog2(EpLanes))),
      .cap0_queue_depth_i        (8'(QueueDepth)),
      .cap1_act_words_log2_i     (5'($clog2(ActWords))),
      .cap1_wgt_words_log2_i     (5'($clog2(WgtWords))),
      .cap1_acc_rows_log2_i      (5'($clog2(AccRows))),
      .cap1_param_entries_log2_i (5'($clog2(ParamEntries))),
      .cap2_max_reads_i          (8'(MaxReads)),
      .cap2_max_writes_i         (8'(MaxWrites)),
      .cap2_axi_addr_bits_i      (8'(AxiAddrW)),
      .cap2_accel_id_i           (4'(AccelId)),
      .status_busy_i             (busy),
      .status_error_i            (error),
      .status_quiet_i            (quiet),
      .status_init_i             (init),
      .ring_head_i               (head),
      .error_code_i              (error_code),
      .error_index_i             (error_index),
      .error_addr_lo_i           (error_addr[31:0]),
      .error_addr_hi_i           (error_addr[63:32]),
      .done_load_i               (done_load_q),
      .done_compute_i            (done_compute_q),
      .done_store_i              (done_store_q),
      .ctrl_enable_o             (enable),
      .ctrl_soft_reset_o         (soft_reset),
      .ring_base_lo_o            (ring_base[31:0]),
      .ring_base_hi_o            (ring_base[63:32]),
      .ring_size_o               (ring_size),
      .ring_tail_o               (tail),
      .watchdog_o                (watchdog),
      .read_base_lo_o            (read_base[31:0]),
      .read_base_hi_o            (read_base[63:32]),
      .read_limit_lo_o           (read_limit[31:0]),
      .read_limit_hi_o           (read_limit[63:32]),
      .write_base_lo_o           (write_base[31:0]),
      .write_base_hi_o           (write_base[63:32]),
      .write_limit_lo_o          (write_limit[31:0]),
      .write_limit_hi_o          (write_limit[63:32]),
      .lock_windows_o            (unused_locks[0]),
      .lock_inject_o             (unused_locks[1]),
      .inject_memory_o           (inject_memory),
      .inject_bank_o             (inject_bank),
      .inject_arm_o              (inject),
      .inject_arm_done_i         (injected),
      .ctrl_soft_reset_done_i    (soft_reset_done),
      .irq_status_done_set_i     (irq_done),
      .irq_status_error_set_i    (error_set),
      .counter_ctrl_snapshot_o   (snapshot),
      .counter_ctrl_clear_o      (clear),
      .counter_i                 (counters)
  );

  systole_window #(
      .AxiAddrW(AxiAddrW)
  ) u_read_window (
      .clk_i,
      .base_i (read_base),
      .limit_i(read_limit),
      .first_o(read_first_o),
      .last_o (read_last_o)
  );

  systole_window #(
      .AxiAddrW(AxiAddrW)
  ) u_write_window (
      .clk_i,
      .base_i (write_base),
      .limit_i(write_limit),
      .first_o(write_first_o),
      .last_o (write_last_o)
  );

  systole_parity #(
      .Words(DeepestWords),
      .Parity(Parity)
  ) u_parity (
      .clk_i,
      .rst_ni,
      .engine_rst_ni  (inner_rst_nq),
      .inject_i       (inject),
      .inject_memory_i(inject_memory),
      .inject_bank_i  (inject_bank),
      .injected_o     (injected),
      .init_o         (init),
      .error_o        (parity_error),
      .addr_o         (parity_addr),
      .guard_o,
      .guard_i
  );

  systole_fetch #(
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .Slots(FetchSlots)
  ) u_fetch (
      .clk_i,
      .rst_ni      (inner_rst_nq),
      .enable_i    (enable && !init),
      .stop_i      (stop_o || ring_misuse),
      .ring_base_i (ring_base),
      .slot_mask_i (slot_mask_q),
      .window_first_i(read_first_o),
      .window_last_i(read_last_o),
      .tail_i      (tail),
      .ar_valid_o  (fetch_ar_valid_o),
      .ar_ready_i  (fetch_ar_ready_i),
      .ar_addr_o   (fetch_ar_addr_o),
      .r_valid_i   (fetch_r_valid_i),
      .r_data_i    (fetch_r_data_i),
      .r_last_i    (fetch_r_last_i),
      .r_err_i     (fetch_r_err_i),
      .cmd_valid_o (record_valid),
      .cmd_ready_i (record_ready),
      .cmd_o       (record),
      .cmd_err_o   (record_err),
      .quiet_o     (fetch_quiet),
      .err_valid_o (fetch_err_valid),
      .err_code_o  (fetch_err_code),
      .next_index_o(fetch_index),
      .next_addr_o (fetch_addr)
  );

  systole_dispatch #(
      .Rows(Rows),
      .Cols(Cols),
      .AxiAddrW(AxiAddrW),
      .ActWords(ActWords),
      .WgtWords(WgtWords),
      .AccRows(AccRows),
      .ParamEntries(ParamEntries),
      .Fp(Fp),
      .AccelId(AccelId),
      .QueueDepth(QueueDepth),
      .OrderDepth(OrderDepth)
  ) u_dispatch (
      .clk_i,
      .rst_ni        (inner_rst_nq),
      .enable_i      (enable),
      .stop_i        (stop_o),
      .cmd_valid_i   (record_valid),
      .cmd_ready_o   (record_ready),
      .cmd_i         (record),
      .cmd_err_i     (record_err),
      .index_o       (dispatch_index),
      .slot_address_i(slot_address),
      .load_cmd_valid_o,
      .load_cmd_ready_i,
      .load_cmd_o,
      .load_idx_o,
      .load_done_i   (load_done),
      .compute_cmd_valid_o,
      .compute_cmd_ready_i,
      .compute_cmd_o,
      .compute_idx_o,
      .compute_done_i(compute_done),
      .store_cmd_valid_o,
      .store_cmd_ready_i,
      .store_cmd_o,
      .store_idx_o,
      .store_done_i  (store_done),
      .head_o        (head),
      .irq_o         (irq_done),
      .err_valid_o   (dispatch_err_valid),
      .err_code_o    (dispatch_err_code),
      .err_addr_o    (dispatch_err_addr)
  );

  systole_tokens u_tokens (
      .clk_i,
      .rst_ni    (inner_rst_nq),
      .take_i    (load_take_i | compute_take_i | store_take_i),
      .give_i    (load_give_i | compute_give_i | store_give_i),
      .avail_o   (tok_avail_o),
      .overflow_o(token_overflow)
  );

  systole_counters #(
      .BeatBytes(AxiDataW / 8)
  ) u_counters (
      .clk_i,
      .rst_ni,
      .busy_i         (busy),
      .row_issue_i,
      .cause_i        (act_cause_i),
      // A matrix command in its queue is one that the sequencer has not decoded yet.
      .commands_left_i(dispatch_index != tail || compute_cmd_valid_o || compute_waiting_i),
      .macs_i,
      .r_burst_i,
      .w_burst_i,
      .r_beat_i,
      .w_beat_i,
      .snapshot_i     (snapshot),
      .clear_i        (clear),
      .snapshot_o     (counters)
  );

  systole_faults #(
      .AxiAddrW(AxiAddrW)
  ) u_faults (
      .clk_i,
      .rst_ni,
      .load_err_valid_i,
      .load_err_code_i,
      .load_err_idx_i,
      .load_err_addr_i,
      .compute_err_valid_i,
      .compute_err_code_i,
      .compute_err_idx_i,
      .compute_err_addr_i,
      .store_err_valid_i,
      .store_err_code_i,
      .store_err_idx_i,
      .store_err_addr_i,
      .dispatch_err_valid_i(dispatch_err_valid),
      .dispatch_err_code_i (dispatch_err_code),
      .dispatch_err_idx_i  (dispatch_index),
      .dispatch_err_addr_i (dispatch_err_addr),
      .fetch_err_valid_i   (fetch_err_valid),
      .fetch_err_code_i    (fetch_err_code),
      .fetch_idx_i         (fetch_index),
      .fetch_addr_i        (fetch_addr),
      .parity_valid_i      (parity_error),
      .parity_addr_i       (parity_addr),
      .init_i              (init),
      .token_overflow_i    (token_overflow),
      .locked_write_i      (locked_write),
      .ring_size_i         (ring_size),
      .head_i              (head),
      .tail_i              (tail),
      .completed_i         (load_done || compute_done || store_done),
      .watchdog_i          (watchdog),
      .ring_misuse_o       (ring_misuse),
      .error_o             (error),
      .error_set_o         (error_set),
      .code_o              (error_code),
      .index_o             (error_index),
      .addr_o              (error_addr),
      .soft_reset_i        (soft_reset),
      .soft_reset_done_o   (soft_reset_done),
      .quiet_i             (quiet),
      .stop_o,
      .engine_rst_no
  );

endmodule
