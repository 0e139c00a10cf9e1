// SPDX-License-Identifier: Apache-2.0

/// Compute engine: executes MATMUL commands. Sequencers, operand buffers, array edges, array, accumulators and parameter
/// banks; docs/architecture.md has its timing. `done_o` pulses when the command's last result is written, in order. Load's write
/// port and store's read port reach the memories that live here. A row whose address lies outside a memory is not written and its command never
/// completes; from the cycle after `stop_i` on no further row is issued.
module systole_compute #(
  parameter int Rows         = 16,
  parameter int Cols         = 16,
  parameter int ActWords     = 2048,
  parameter int WgtWords     = 1024,
  parameter int AccRows      = 1024,
  parameter int ParamEntries = 64,
  parameter int EpLanes      = 8,
  parameter int Fp           = 1,                    // floating-point lanes
  parameter int L            = (Fp != 0) ? 4 : 1,    // cycles an element takes
  parameter int MulRegs      = 0,                    // registers in the array's multipliers
  parameter int Parity       = 0,                    // parity in the memories
  parameter int AxiAddrW     = 40
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  stop_i,       // start no tile and issue no row until reset
  input  logic [5*24-1:0]       guard_i,      // memories ACT to B_ZERO_POINT, see systole_parity_ram
  output logic [5*24-1:0]       guard_o,

  input  logic                  cmd_valid_i,
  output logic                  cmd_ready_o,
  input  logic [511:0]          cmd_i,
  input  logic [31:0]           idx_i,
  input  logic [7:0]            tok_avail_i,
  output logic [7:0]            take_o,
  output logic [7:0]            give_o,
  output logic                  done_o,
  output logic                  err_valid_o,
  output logic [7:0]            err_code_o,
  output logic [31:0]           err_idx_o,
  output logic [AxiAddrW-1:0]   err_addr_o,
  output logic                  row_issue_o,  // an activation word enters row 0
  output logic [4:0]            act_cause_o,  // why not: one of {no command, store, hazard, activations, weights}
  output logic                  begin_o,      // a command's first row
  output logic [systole_pkg::MACS_W-1:0] macs_o,  // multiply-accumulates of the row before, for the counter
  output logic                  cmd_waiting_o,  // a command is on its way to the activation sequencer

  input  logic                  wr_valid_i,
  output logic                  wr_ready_o,
  input  logic [3:0]            wr_dest_i,
  input  logic [3:0]            wr_bank_i,
  input  logic [15:0]           wr_addr_i,
  input  logic [5:0]            wr_chunk_i,
  input  logic [Rows*16-1:0]    wr_data_i,

  input  logic                  acc_rd_valid_i,
  output logic                  acc_rd_ready_o,
  input  logic [15:0]           acc_rd_addr_i,
  input  logic [5:0]            acc_rd_group_i,
  output logic [EpLanes*32-1:0] acc_rd_data_o
);

  localparam int EdgeP  = (L > 4) ? 2 : 1;  // registers of the edges
  localparam int P      = EdgeP + ((MulRegs == 0) ? 1 : (Fp != 0) ? 3 : 2);  // and of the multipliers and products
  localparam int LaneW  = (Fp != 0) ? 32 : 18;
  localparam int ActW   = $clog2(ActWords);
  localparam int WgtW   = $clog2(WgtWords);
  localparam int RowW   = $clog2(2 * AccRows);
  localparam int ParamW = $clog2(ParamEntries);
  localparam int ColW   = $clog2(Cols);

  // --- write port decode ----------------------------------------------------------------------------------------------------
  logic wr_act, wr_wgt, wr_acc, wr_bias, wr_zp, acc_wr_ready;

  always_comb begin
    wr_act  = wr_valid_i && wr_dest_i == 4'(systole_pkg::DEST_ACT);
    wr_wgt  = wr_valid_i && wr_dest_i == 4'(systole_pkg::DEST_WGT);
    wr_acc  = wr_valid_i && wr_dest_i == 4'(systole_pkg::DEST_ACC);
    wr_bias = wr_valid_i && wr_dest_i == 4'(systole_pkg::DEST_PARAM) && wr_bank_i == 4'(systole_pkg::BANK_BIAS);
    wr_zp   = wr_valid_i && wr_dest_i == 4'(systole_pkg::DEST_PARAM) && wr_bank_i == 4'(systole_pkg::BANK_B_ZERO_POINT);
  end

  assign wr_ready_o = !wr_acc || acc_wr_ready;

  // --- sequencers -----------------------------------------------------------------------------------------------------------
  logic              fwd_valid, fwd_ready, act_cmd_valid, act_cmd_ready, tile_start, shadow_full;
  logic [544+RowW:0] act_cmd;
  logic [RowW:0]     act_cmd_rows;  // M0 * M1
  logic              shadow_next;
  logic [systole_pkg::MACS_W-1:0] tile_macs;
  logic              take_wgt_full, take_act_full, take_acc_free;
  logic              wgt_err, act_err, err_q, failed_q, halt_q;
  logic [31:0]       wgt_err_idx, act_err_idx;
  logic [17:0]       wgt_err_addr, act_err_addr;

  logic              push, push_free, push_per_column, param_re;
  logic [3:0]        push_dtype, row_dtype;
  logic [WgtW-1:0]   push_addr;
  logic [ParamW-1:0] push_param;
  logic [ColW-1:0]   push_column;
  logic [7:0]        push_zero_point, push_valid_bytes;
  logic [Cols-1:0]   push_enable;

  logic              row, row_acc_read, row_bias_read, row_act_free, row_acc_full, row_last;
  logic [ActW-1:0]   row_act_addr;
  logic [7:0]        row_zero_point;
  logic [RowW-1:0]   row_acc;
  logic [ParamW-1:0] row_param;

  systole_weight_seq #(
    .Rows        (Rows),
    .Cols        (Cols),
    .WgtWords    (WgtWords),
    .ParamEntries(ParamEntries)
  ) u_weight_seq (
    .clk_i,
    .rst_ni,
    .cmd_valid_i,
    .cmd_ready_o,
    .cmd_i,
    .idx_i,
    .act_cmd_valid_o(fwd_valid),
    .act_cmd_ready_i(fwd_ready),
    .wgt_full_i     (tok_avail_i[systole_pkg::TOKEN_WGT_FULL]),
    .take_o         (take_wgt_full),
    .tile_start_i   (tile_start),
    .shadow_full_o  (shadow_full),
    .shadow_next_o  (shadow_next),
    .tile_macs_o    (tile_macs),
    .push_o         (push),
    .addr_o         (push_addr),
    .param_re_o     (param_re),
    .param_o        (push_param),
    .column_o       (push_column),
    .per_column_o   (push_per_column),
    .zero_point_o   (push_zero_point),
    .dtype_o        (push_dtype),
    .valid_bytes_o  (push_valid_bytes),
    .free_o         (push_free),
    .enable_o       (push_enable),
    .err_valid_o    (wgt_err),
    .err_idx_o      (wgt_err_idx),
    .err_addr_o     (wgt_err_addr)
  );

  assign act_cmd_rows = (RowW+1)'(cmd_i[systole_pkg::MATMUL_M0_LSB +: 16]) * (RowW+1)'(cmd_i[systole_pkg::MATMUL_M1_LSB +: 16]);

  systole_fifo #(.W(545 + RowW), .Depth(2)) u_act_cmd (
    .clk_i,
    .rst_ni,
    .valid_i(fwd_valid),
    .ready_o(fwd_ready),
    .data_i ({act_cmd_rows, idx_i, cmd_i}),
    .valid_o(act_cmd_valid),
    .ready_i(act_cmd_ready),
    .data_o (act_cmd)
  );

  systole_act_seq #(
    .Rows        (Rows),
    .Cols        (Cols),
    .ActWords    (ActWords),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .L           (L)
  ) u_act_seq (
    .clk_i,
    .rst_ni,
    .stop_i         (halt_q),
    .cmd_valid_i    (act_cmd_valid),
    .cmd_ready_o    (act_cmd_ready),
    .cmd_i          (act_cmd[511:0]),
    .idx_i          (act_cmd[543:512]),
    .rows_i         (act_cmd[544 +: RowW+1]),
    .act_full_i     (tok_avail_i[systole_pkg::TOKEN_ACT_FULL]),
    .acc_free_i     (tok_avail_i[systole_pkg::TOKEN_ACC_FREE]),
    .take_act_full_o(take_act_full),
    .take_acc_free_o(take_acc_free),
    .shadow_full_i  (shadow_full),
    .shadow_next_i  (shadow_next),
    .tile_macs_i    (tile_macs),
    .tile_start_o   (tile_start),
    .row_o          (row),
    .act_addr_o     (row_act_addr),
    .dtype_o        (row_dtype),
    .zero_point_o   (row_zero_point),
    .acc_row_o      (row_acc),
    .acc_read_o     (row_acc_read),
    .bias_read_o    (row_bias_read),
    .param_o        (row_param),
    .act_free_o     (row_act_free),
    .acc_full_o     (row_acc_full),
    .last_o         (row_last),
    .begin_o        (begin_o),
    .macs_o         (macs_o),
    .cause_o        (act_cause_o),
    .err_valid_o    (act_err),
    .err_idx_o      (act_err_idx),
    .err_addr_o     (act_err_addr)
  );

  assign row_issue_o   = row;
  assign cmd_waiting_o = act_cmd_valid;

  // --- operand buffers: data of row 0 one cycle after the address -----------------------------------------------------------
  logic [Rows*16-1:0] act_lanes, wgt_lanes;

  systole_operand_buffer #(.Rows(Rows), .Words(ActWords), .L(L), .Parity(Parity)) u_act_buffer (
    .clk_i,
    .rst_ni,
    .guard_i(guard_i[systole_pkg::MEMORY_ACT*24 +: 24]),
    .guard_o(guard_o[systole_pkg::MEMORY_ACT*24 +: 24]),
    .we_i   (wr_act),
    .waddr_i(wr_addr_i[ActW-1:0]),
    .wdata_i(wr_data_i),
    .re_i   (row),
    .raddr_i(row_act_addr),
    .lanes_o(act_lanes)
  );

  systole_operand_buffer #(.Rows(Rows), .Words(WgtWords), .L(L), .Parity(Parity)) u_wgt_buffer (
    .clk_i,
    .rst_ni,
    .guard_i(guard_i[systole_pkg::MEMORY_WGT*24 +: 24]),
    .guard_o(guard_o[systole_pkg::MEMORY_WGT*24 +: 24]),
    .we_i   (wr_wgt),
    .waddr_i(wr_addr_i[WgtW-1:0]),
    .wdata_i(wr_data_i),
    .re_i   (push),
    .raddr_i(push_addr),
    .lanes_o(wgt_lanes)
  );

  // --- edges ----------------------------------------------------------------------------------------------------------------
  logic                  switch_q;
  logic [3:0]            a_dtype_q, b_dtype_q;
  logic [7:0]            a_zero_point_q, b_zero_point, valid_bytes_q;
  logic [Rows*LaneW-1:0] act_edge, wgt_edge;
  logic [2*(Cols+1)-1:0] edge_taps;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) switch_q <= 1'b0;
    else         switch_q <= tile_start;
  end

  always_ff @(posedge clk_i) begin
    a_dtype_q      <= row ? row_dtype : 4'(systole_pkg::DTYPE_S8);  // between rows the floating-point elements rest
    a_zero_point_q <= row_zero_point;
    b_dtype_q      <= push_dtype;
    valid_bytes_q  <= push_valid_bytes;
  end

  systole_zero_points #(.Rows(Rows), .Cols(Cols), .ParamEntries(ParamEntries), .Parity(Parity)) u_zero_points (
    .clk_i,
    .rst_ni,
    .guard_i     (guard_i[systole_pkg::MEMORY_B_ZERO_POINT*24 +: 24]),
    .guard_o     (guard_o[systole_pkg::MEMORY_B_ZERO_POINT*24 +: 24]),
    .we_i        (wr_zp),
    .waddr_i     (wr_addr_i[ParamW-1:0]),
    .chunk_i     (wr_chunk_i),
    .wdata_i     (wr_data_i),
    .re_i        (param_re),
    .raddr_i     (push_param),
    .column_i    (push_column),
    .per_column_i(push_per_column),
    .zero_point_i(push_zero_point),
    .zero_point_o(b_zero_point)
  );

  systole_edge #(.Rows(Rows), .Fp(Fp), .L(L), .Weights(0)) u_act_edge (
    .clk_i,
    .rst_ni,
    .dtype_i      (a_dtype_q),
    .zero_point_i (a_zero_point_q),
    .valid_bytes_i(8'd255),
    .lanes_i      (act_lanes),
    .lanes_o      (act_edge)
  );

  systole_edge #(.Rows(Rows), .Fp(Fp), .L(L), .Weights(1)) u_wgt_edge (
    .clk_i,
    .rst_ni,
    .dtype_i      (b_dtype_q),
    .zero_point_i (b_zero_point),
    .valid_bytes_i(valid_bytes_q),
    .lanes_i      (wgt_lanes),
    .lanes_o      (wgt_edge)
  );

  systole_taps #(.W(Cols + 1), .N(2), .Step(EdgeP)) u_edge_delay (
    .clk_i,
    .rst_ni,
    .d_i   ({switch_q, push_enable}),
    .taps_o(edge_taps)
  );

  // --- array and accumulators -----------------------------------------------------------------------------------------------
  logic [Cols*32-1:0] psum_top, psum_bottom;
  logic               acc_full;

  systole_array #(.Rows(Rows), .Cols(Cols), .Fp(Fp), .L(L), .MulRegs(MulRegs)) u_array (
    .clk_i,
    .act_i   (act_edge),
    .switch_i(edge_taps[2*Cols+1]),
    .wgt_i   (wgt_edge),
    .push_i  (edge_taps[Cols+1 +: Cols]),
    .psum_i  (psum_top),
    .psum_o  (psum_bottom)
  );

  // The row that the accumulators see: P cycles behind the activation's address; a row outside a memory is not written.
  localparam int AccW = RowW + ParamW + 5;

  logic [2*AccW-1:0] acc_taps;
  logic              acc_row, acc_row_read, acc_row_bias, acc_row_full, acc_row_last;
  logic [RowW-1:0]   acc_row_addr;
  logic [ParamW-1:0] acc_row_param;

  systole_taps #(.W(AccW), .N(2), .Step(P)) u_acc_delay (
    .clk_i,
    .rst_ni,
    .d_i   ({row && !act_err, row_acc_read, row_bias_read, row_acc_full, row_last, row_acc, row_param}),
    .taps_o(acc_taps)
  );

  assign {acc_row, acc_row_read, acc_row_bias, acc_row_full, acc_row_last, acc_row_addr, acc_row_param} = acc_taps[AccW +: AccW];

  systole_accumulators #(
    .Rows        (Rows),
    .Cols        (Cols),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .EpLanes     (EpLanes),
    .L           (L),
    .Parity      (Parity)
  ) u_accumulators (
    .clk_i,
    .rst_ni,
    .guard_i    (guard_i[systole_pkg::MEMORY_ACC*24 +: 48]),
    .guard_o    (guard_o[systole_pkg::MEMORY_ACC*24 +: 48]),
    .row_i      (acc_row),
    .acc_row_i  (acc_row_addr),
    .acc_read_i (acc_row_read),
    .bias_read_i(acc_row_bias),
    .param_i    (acc_row_param),
    .acc_full_i (acc_row_full),
    .last_i     (acc_row_last),
    .psum_o     (psum_top),
    .psum_i     (psum_bottom),
    .acc_full_o (acc_full),
    .done_o     (done_o),
    .wr_acc_i   (wr_acc),
    .wr_bias_i  (wr_bias),
    .wr_ready_o (acc_wr_ready),
    .wr_addr_i,
    .wr_chunk_i,
    .wr_data_i,
    .rd_valid_i (acc_rd_valid_i),
    .rd_ready_o (acc_rd_ready_o),
    .rd_addr_i  (acc_rd_addr_i),
    .rd_group_i (acc_rd_group_i),
    .rd_data_o  (acc_rd_data_o)
  );

  // --- tokens: a buffer is free when its last bank has been read ------------------------------------------------------------
  localparam int ActFreeDelay = (L * (Rows - 1) > P + Cols - 1) ? L * (Rows - 1) : P + Cols - 1;  // activations by row, bias by column

  logic [1:0] act_free, wgt_free;

  systole_taps #(.W(1), .N(2), .Step(ActFreeDelay)) u_act_free (
    .clk_i,
    .rst_ni,
    .d_i   (row_act_free),
    .taps_o(act_free)
  );

  systole_taps #(.W(1), .N(2), .Step(L * (Rows - 1))) u_wgt_free (
    .clk_i,
    .rst_ni,
    .d_i   (push_free),
    .taps_o(wgt_free)
  );

  assign take_o = 8'(take_wgt_full) << systole_pkg::TOKEN_WGT_FULL | 8'(take_act_full) << systole_pkg::TOKEN_ACT_FULL |
                  8'(take_acc_free) << systole_pkg::TOKEN_ACC_FREE;
  assign give_o = 8'(act_free[1]) << systole_pkg::TOKEN_ACT_FREE | 8'(wgt_free[1]) << systole_pkg::TOKEN_WGT_FREE |
                  8'(acc_full) << systole_pkg::TOKEN_ACC_FULL;

  // --- errors: the sequencers only leave their memories' ranges -------------------------------------------------------------
  // Reported a cycle later, when no further row is issued.
  logic [31:0] err_idx_q;
  logic [15:0] err_addr_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {err_q, failed_q, halt_q} <= 3'b000;
    end else begin
      err_q    <= !failed_q && (wgt_err || act_err);
      failed_q <= failed_q || wgt_err || act_err;
      halt_q   <= failed_q || wgt_err || act_err || stop_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!failed_q) begin
      err_idx_q  <= act_err ? act_err_idx : wgt_err_idx;
      err_addr_q <= act_err ? act_err_addr[15:0] : wgt_err_addr[15:0];
    end
  end

  assign err_valid_o = err_q;
  assign err_code_o  = 8'(systole_pkg::ERROR_RANGE);
  assign err_idx_o   = err_idx_q;
  assign err_addr_o  = AxiAddrW'(err_addr_q);

  logic unused;
  assign unused = &{1'b0, tok_avail_i, act_free, wgt_free, acc_taps[AccW-1:0], edge_taps[Cols:0], act_err_addr, wgt_err_addr};

endmodule
