// SPDX-License-Identifier: Apache-2.0

/// Activation sequencer: walks the tiles of MATMUL commands behind the weight sequencer and streams each tile's M rows through the array, one a
/// cycle, without ever stalling within a tile.
///
/// A tile starts (`tile_start_o`) in the first cycle in which the tile before has issued its last row, its weights are in the shadow
/// registers (`shadow_full_i`), no accumulator hazard holds it and, for a command's first tile, its ACT_FULL and ACC_FREE tokens are
/// there; its first row is issued in that cycle. The hazard table takes a cycle to look at a tile: two tiles start at least two cycles
/// apart, and a command's first tile two cycles after the command was taken. When no row is issued, one bit of `cause_o` tells why, by
/// this priority: no command (bit 4), weights (0), activations (1), hazard (2), store (3).
///
/// In a cycle with `row_o`, the other outputs describe the row that goes to row 0's activation bank now and to column 0's accumulators P cycles
/// later (docs/architecture.md, Timing).
module systole_act_seq #(
  parameter int Rows         = 16,
  parameter int Cols         = 16,
  parameter int ActWords     = 2048,
  parameter int AccRows      = 1024,
  parameter int ParamEntries = 64,
  parameter int L            = 4,
  parameter int ActW         = $clog2(ActWords),
  parameter int RowW         = $clog2(2 * AccRows),
  parameter int ParamW       = $clog2(ParamEntries)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              stop_i,

  input  logic              cmd_valid_i,
  output logic              cmd_ready_o,
  input  logic [511:0]      cmd_i,
  input  logic [31:0]       idx_i,
  input  logic [RowW:0]     rows_i,       // of a tile of the command: M0 * M1, modulo 2^(RowW + 1)

  input  logic              act_full_i,   // tokens that are there
  input  logic              acc_free_i,
  output logic              take_act_full_o,
  output logic              take_acc_free_o,
  input  logic              shadow_full_i,
  input  logic              shadow_next_i,  // shadow_full_i in the next cycle, if no tile starts in this one
  input  logic [systole_pkg::MACS_W-1:0] tile_macs_i,  // of a row, with the weights in the shadow registers
  output logic              tile_start_o,

  output logic              row_o,
  output logic [ActW-1:0]   act_addr_o,
  output logic [3:0]        dtype_o,
  output logic [7:0]        zero_point_o,
  output logic [RowW-1:0]   acc_row_o,
  output logic              acc_read_o,   // the row's seed is what the accumulator holds
  output logic              bias_read_o,  // the row's seed is the bias entry param_o (neither: zero)
  output logic [ParamW-1:0] param_o,
  output logic              act_free_o,   // the command's last row: give ACT_FREE when it has been read
  output logic              acc_full_o,   // the command's last row: give ACC_FULL when it is written
  output logic              last_o,       // the command's last row
  output logic              begin_o,      // the command's first row
  output logic [systole_pkg::MACS_W-1:0] macs_o,  // in the cycle after a row: its multiply-accumulates within K and N (else 0)
  output logic [4:0]        cause_o,

  output logic              err_valid_o,  // RANGE
  output logic [31:0]       err_idx_o,
  output logic [17:0]       err_addr_o
);

  localparam int W     = 18;  // addresses with room to see them leave their memory
  localparam int Depth = L * Rows + 3;
  localparam int Need  = (Depth + Cols - 1) / Cols + 1;  // tiles in flight that are Cols cycles apart

  function automatic logic [W-1:0] sext(input logic [15:0] x);
    sext = {{(W-16){x[15]}}, x};
  endfunction

  // --- the command whose tiles are starting ---------------------------------------------------------------------------------
  logic         valid_q, order_q, wait_act_q, wait_acc_q, give_act_q, give_acc_q, bias_q, keep_q;
  logic [3:0]   a_dtype_q;
  logic [7:0]   a_zero_point_q;
  logic [31:0]  idx_q;
  logic [15:0]  m0_q, m1_q;
  logic         m0_one_q, m1_one_q;  // it is 1
  logic [W-1:0] stride_m0_q, stride_m1_q, stride_k0_q, stride_k1_q, stride_acc_q;
  logic         load, last_tile, start;
  logic         last_go_q;  // of the tile that may start: it is the command's last
  logic [1:0]   seed;

  assign cmd_ready_o = !valid_q || (start && last_go_q);
  assign load        = cmd_valid_i && cmd_ready_o;
  assign seed        = cmd_i[systole_pkg::MATMUL_SEED_LSB +: 2];

  always_ff @(posedge clk_i) begin
    if (!rst_ni)          valid_q <= 1'b0;
    else if (cmd_ready_o) valid_q <= cmd_valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (load) begin
      order_q        <= cmd_i[systole_pkg::MATMUL_ORDER_LSB];
      a_dtype_q      <= cmd_i[systole_pkg::MATMUL_A_DTYPE_LSB +: 4];
      wait_act_q     <= cmd_i[systole_pkg::CMD_WAIT_LSB + systole_pkg::TOKEN_ACT_FULL];
      wait_acc_q     <= cmd_i[systole_pkg::CMD_WAIT_LSB + systole_pkg::TOKEN_ACC_FREE];
      give_act_q     <= cmd_i[systole_pkg::CMD_GIVE_LSB + systole_pkg::TOKEN_ACT_FREE];
      give_acc_q     <= cmd_i[systole_pkg::CMD_GIVE_LSB + systole_pkg::TOKEN_ACC_FULL];
      bias_q         <= seed == 2'(systole_pkg::SEED_BIAS);
      keep_q         <= seed == 2'(systole_pkg::SEED_KEEP);
      a_zero_point_q <= cmd_i[systole_pkg::MATMUL_A_ZERO_POINT_LSB +: 8];
      idx_q          <= idx_i;
      m0_q           <= cmd_i[systole_pkg::MATMUL_M0_LSB +: 16];
      m1_q           <= cmd_i[systole_pkg::MATMUL_M1_LSB +: 16];
      m0_one_q       <= cmd_i[systole_pkg::MATMUL_M0_LSB +: 16] == 16'd1;
      m1_one_q       <= cmd_i[systole_pkg::MATMUL_M1_LSB +: 16] == 16'd1;
      stride_m0_q    <= sext(cmd_i[systole_pkg::MATMUL_ACT_M0_STRIDE_LSB +: 16]);
      stride_m1_q    <= sext(cmd_i[systole_pkg::MATMUL_ACT_M1_STRIDE_LSB +: 16]);
      stride_k0_q    <= sext(cmd_i[systole_pkg::MATMUL_ACT_K0_STRIDE_LSB +: 16]);
      stride_k1_q    <= sext(cmd_i[systole_pkg::MATMUL_ACT_K1_STRIDE_LSB +: 16]);
      stride_acc_q   <= sext(cmd_i[systole_pkg::MATMUL_ACC_N_STRIDE_LSB +: 16]);
    end else if (start) begin
      wait_act_q     <= 1'b0;
      wait_acc_q     <= 1'b0;
    end
  end

  // --- the next tile --------------------------------------------------------------------------------------------------------
  logic         k_inner, first_k;
  logic [2:0]   first, last;
  logic [1:0]   carry;
  logic [15:0]  n, k0, k1;
  logic [W-1:0] tile_act, tile_acc, tile_param;
  logic [RowW:0] tile_end;

  assign n       = cmd_i[systole_pkg::MATMUL_N_LSB +: 16];
  assign k0      = cmd_i[systole_pkg::MATMUL_K0_LSB +: 16];
  assign k1      = cmd_i[systole_pkg::MATMUL_K1_LSB +: 16];
  assign k_inner = order_q == 1'(systole_pkg::ORDER_K_INNER);

  systole_loop #(.Late(1)) u_loop (
    .clk_i,
    .load_i (load),
    .count_i((cmd_i[systole_pkg::MATMUL_ORDER_LSB] == 1'(systole_pkg::ORDER_K_INNER)) ? {n, k1, k0} : {k1, k0, n}),
    .step_i (start),
    .first_o(first),
    .last_o (last),
    .carry_o(carry)
  );

  systole_loop_addr #(.W(W)) u_act (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_ACT_LSB +: 16])),
    .stride_i(k_inner ? {W'(0), stride_k1_q, stride_k0_q} : {stride_k1_q, stride_k0_q, W'(0)}),
    .step_i  (start),
    .carry_i (carry),
    .addr_o  (tile_act)
  );

  systole_loop_addr #(.W(W)) u_acc (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_ACC_LSB +: 16])),
    .stride_i(k_inner ? {stride_acc_q, {2*W{1'b0}}} : {{2*W{1'b0}}, stride_acc_q}),
    .step_i  (start),
    .carry_i (carry),
    .addr_o  (tile_acc)
  );

  // Accumulator row after the tile's last.
  systole_loop_addr #(.W(RowW+1)) u_end (
    .clk_i,
    .load_i  (load),
    .base_i  ({1'b0, cmd_i[systole_pkg::MATMUL_ACC_LSB +: RowW]} + rows_i),
    .stride_i(k_inner ? {stride_acc_q[RowW:0], {2*(RowW+1){1'b0}}} : {{2*(RowW+1){1'b0}}, stride_acc_q[RowW:0]}),
    .step_i  (start),
    .carry_i (carry),
    .addr_o  (tile_end)
  );

  systole_loop_addr #(.W(W)) u_param (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_PARAM_LSB +: 16])),
    .stride_i(k_inner ? {W'(1), {2*W{1'b0}}} : {{2*W{1'b0}}, W'(1)}),
    .step_i  (start),
    .carry_i (carry),
    .addr_o  (tile_param)
  );

  assign first_k   = k_inner ? (first[0] && first[1]) : (first[1] && first[2]);
  assign last_tile = last == 3'b111;

  // --- may it start? --------------------------------------------------------------------------------------------------------
  logic streaming_q;  // rows of the started tile are left
  logic clear, clear_next, reads;

  assign reads = !first_k || keep_q;

  systole_hazard #(
    .RowW   (RowW),
    .Depth  (Depth),
    .Entries(Need)
  ) u_hazard (
    .clk_i,
    .rst_ni,
    .change_i(load),
    .first_i (tile_acc[RowW-1:0]),
    .end_i   (tile_end),
    .reads_i (reads),
    .start_i (start),
    .stream_i(streaming_q && !stop_i),
    .clear_o (clear),
    .next_o  (clear_next)
  );

  // What does not depend on tokens is found out a cycle ahead: there is a tile, it is the first in line, its weights are in the shadow
  // registers and no hazard holds it. After a start and after a command was taken the hazard table wants a cycle.
  logic go_q, final_r;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) go_q <= 1'b0;
    else         go_q <= valid_q && !start && !(streaming_q && !final_r) && shadow_next_i && clear_next;
  end

  always_ff @(posedge clk_i) last_go_q <= last_tile;

  assign start = go_q && !stop_i && (!wait_act_q || act_full_i) && (!wait_acc_q || acc_free_i);

  always_comb begin
    cause_o = 5'b00000;
    if (stop_i) begin
      cause_o = 5'b10000;
    end else if (!streaming_q) begin
      if (!valid_q)                       cause_o = 5'b10000;
      else if (!shadow_full_i)            cause_o = 5'b00001;
      else if (wait_act_q && !act_full_i) cause_o = 5'b00010;
      else if (!clear)                    cause_o = 5'b00100;
      else if (wait_acc_q && !acc_free_i) cause_o = 5'b01000;
    end
  end

  assign tile_start_o    = start;
  assign take_act_full_o = start && wait_act_q;
  assign take_acc_free_o = start && wait_acc_q;

  // --- the rows: of the started tile, or, while none is streaming, of the one that is to start -----------------------------------
  // These registers (_r) follow the tile's by a cycle, as the hazard table's answer does; so nothing here waits for `start`.
  logic         seed_acc_r, seed_bias_r, give_act_r, give_acc_r, last_r;
  logic [3:0]   a_dtype_r;
  logic [7:0]   a_zero_point_r;
  logic [31:0]  idx_r;
  logic [15:0]  m0_r, i0_r, i1_r;       // iterations after this row
  logic [W-1:0] stride_m0_r, stride_m1_r, param_r;
  logic [W-1:0] addr_r, outer_r, acc_r, outer;
  logic         m0_one_r, i0_zero_r, i1_zero_r, outside;  // final_r: both are zero

  assign row_o     = start || (streaming_q && !stop_i);
  assign outer     = outer_r + stride_m1_r;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) streaming_q <= 1'b0;
    else         streaming_q <= row_o && !final_r;
  end

  always_ff @(posedge clk_i) begin
    if (row_o && !final_r) begin
      acc_r <= acc_r + W'(1);
      if (!i0_zero_r) begin
        i0_r      <= i0_r - 16'd1;
        i0_zero_r <= i0_r == 16'd1;
        final_r   <= i0_r == 16'd1 && i1_zero_r;
        addr_r    <= addr_r + stride_m0_r;
      end else begin
        i0_r      <= m0_r;
        i1_r      <= i1_r - 16'd1;
        i0_zero_r <= m0_one_r;
        i1_zero_r <= i1_r == 16'd1;
        final_r   <= i1_r == 16'd1 && m0_one_r;
        addr_r    <= outer;
        outer_r   <= outer;
      end
    end else begin
      i0_r           <= m0_q - 16'd1;
      i1_r           <= m1_q - 16'd1;
      m0_r           <= m0_q - 16'd1;
      m0_one_r       <= m0_one_q;
      i0_zero_r      <= m0_one_q;
      i1_zero_r      <= m1_one_q;
      final_r        <= m0_one_q && m1_one_q;
      addr_r         <= tile_act;
      outer_r        <= tile_act;
      acc_r          <= tile_acc;
      param_r        <= tile_param;
      stride_m0_r    <= stride_m0_q;
      stride_m1_r    <= stride_m1_q;
      seed_acc_r     <= reads;
      seed_bias_r    <= first_k && bias_q;
      give_act_r     <= give_act_q && last_tile;
      give_acc_r     <= give_acc_q && last_tile;
      last_r         <= last_tile;
      a_dtype_r      <= a_dtype_q;
      a_zero_point_r <= a_zero_point_q;
      idx_r          <= idx_q;
    end
  end

  assign act_addr_o   = addr_r[ActW-1:0];
  assign dtype_o      = a_dtype_r;
  assign zero_point_o = a_zero_point_r;
  assign acc_row_o    = acc_r[RowW-1:0];
  assign acc_read_o   = row_o && seed_acc_r;
  assign bias_read_o  = row_o && seed_bias_r;
  assign param_o      = param_r[ParamW-1:0];
  assign last_o       = row_o && final_r && last_r && !outside;
  assign act_free_o   = row_o && final_r && give_act_r && !outside;
  assign acc_full_o   = row_o && final_r && give_acc_r && !outside;

  assign begin_o = start && first == 3'b111;

  // --- multiply-accumulates of a row, for the counter -------------------------------------------------------------------------
  logic                           counted_q;
  logic [systole_pkg::MACS_W-1:0] macs_q;

  assign macs_o = counted_q ? macs_q : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) counted_q <= 1'b0;
    else         counted_q <= row_o;
  end

  always_ff @(posedge clk_i) begin
    if (start) macs_q <= tile_macs_i;
  end

  assign outside     = addr_r >= W'(ActWords) || acc_r >= W'(2 * AccRows) || (seed_bias_r && param_r >= W'(ParamEntries));
  assign err_valid_o = row_o && outside;
  assign err_idx_o   = idx_r;
  assign err_addr_o  = (addr_r >= W'(ActWords)) ? addr_r : (acc_r >= W'(2 * AccRows)) ? acc_r : param_r;

  logic unused;
  assign unused = &{1'b0, cmd_i};

endmodule
