// SPDX-License-Identifier: Apache-2.0

/// Weight sequencer: walks the tiles of MATMUL commands, one tile ahead of the activations, and pushes each tile's weights into
/// the array's shadow registers, farthest column first, one column a cycle.
///
/// Commands come by valid/ready and are handed on to the activation sequencer (`act_cmd_valid_o`/`act_cmd_ready_i`) in the cycle in which
/// they are taken. Each tile is prepared (its first address computed) a cycle before its first push at the earliest: in the cycle after its
/// command was taken, in that of the last push of the tile before (of a tile of one column: in the next), or later; the next command is
/// taken when the last tile of the one before is prepared. The first push of a tile waits until the tile before has started
/// (`tile_start_i`, which may be this very cycle) and, for a command's first tile, for its WGT_FULL token; the pushes of a tile follow
/// one another without a gap. `shadow_full_o` rises the cycle after a tile's last push and falls the cycle after its start.
///
/// In a cycle with `push_o`, `addr_o` is the weight word and the other outputs describe it; `enable_o` (the columns that shift) is a cycle later,
/// with the bank's data. The zero points of a prepared tile are read from entry `param_o` in each cycle with `param_re_o`, until its first push.
module systole_weight_seq #(
  parameter int Rows         = 16,
  parameter int Cols         = 16,
  parameter int WgtWords     = 1024,
  parameter int ParamEntries = 64,
  parameter int AddrW        = $clog2(WgtWords),
  parameter int ParamW       = $clog2(ParamEntries),
  parameter int ColW         = $clog2(Cols)
) (
  input  logic              clk_i,
  input  logic              rst_ni,

  input  logic              cmd_valid_i,
  output logic              cmd_ready_o,
  input  logic [511:0]      cmd_i,
  input  logic [31:0]       idx_i,
  output logic              act_cmd_valid_o,
  input  logic              act_cmd_ready_i,

  input  logic              wgt_full_i,    // a WGT_FULL token is there
  output logic              take_o,        // take it
  input  logic              tile_start_i,
  output logic              shadow_full_o,
  output logic              shadow_next_o, // shadow_full_o in the next cycle, if no tile starts in this one
  output logic [systole_pkg::MACS_W-1:0] tile_macs_o,  // of a row, with the weights pushed so far: bytes or pairs of bytes by column

  output logic              push_o,
  output logic [AddrW-1:0]  addr_o,
  output logic              param_re_o,
  output logic [ParamW-1:0] param_o,       // zero-point entry of the tile that is prepared, or has been
  output logic [ColW-1:0]   column_o,
  output logic              per_column_o,  // zero point from the bank, else zero_point_o
  output logic [7:0]        zero_point_o,
  output logic [3:0]        dtype_o,
  output logic [7:0]        valid_bytes_o, // of the weight word
  output logic              free_o,        // the command's last push: give WGT_FREE
  output logic [Cols-1:0]   enable_o,

  output logic              err_valid_o,   // RANGE
  output logic [31:0]       err_idx_o,
  output logic [17:0]       err_addr_o
);

  localparam int W = 18;  // addresses with room to see them leave the buffer

  function automatic logic [W-1:0] sext(input logic [15:0] x);
    sext = {{(W-16){x[15]}}, x};
  endfunction

  // --- the command being walked ---------------------------------------------------------------------------------------------
  logic         valid_q, wait_q, give_q, order_q, per_column_q;  // valid: a tile of it is to be prepared
  logic [3:0]   dtype_q;
  logic [7:0]   zero_point_q, k_tail_q, n_tail_q;
  logic         n_tail_one_q;  // it is 1
  logic [31:0]  idx_q;
  logic [W-1:0] stride_n_q, stride_k0_q, stride_k1_q, stride_col_q, far_tail_q;
  logic         load, want, prepare;
  logic [15:0]  col_stride;
  logic [7:0]   n_tail;

  assign col_stride = cmd_i[systole_pkg::MATMUL_WGT_COL_STRIDE_LSB +: 16];
  assign n_tail     = cmd_i[systole_pkg::MATMUL_N_TAIL_LSB +: 8];

  logic last_push, last_tile;

  assign want            = !valid_q || (prepare && last_tile);
  assign act_cmd_valid_o = cmd_valid_i && want;
  assign cmd_ready_o     = want && act_cmd_ready_i;
  assign load            = cmd_valid_i && cmd_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)   valid_q <= 1'b0;
    else if (load) valid_q <= 1'b1;
    else if (want) valid_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (load) begin
      wait_q       <= cmd_i[systole_pkg::CMD_WAIT_LSB + systole_pkg::TOKEN_WGT_FULL];
      give_q       <= cmd_i[systole_pkg::CMD_GIVE_LSB + systole_pkg::TOKEN_WGT_FREE];
      order_q      <= cmd_i[systole_pkg::MATMUL_ORDER_LSB];
      per_column_q <= cmd_i[systole_pkg::MATMUL_B_ZP_PER_COLUMN_LSB];
      dtype_q      <= cmd_i[systole_pkg::MATMUL_B_DTYPE_LSB +: 4];
      zero_point_q <= cmd_i[systole_pkg::MATMUL_B_ZERO_POINT_LSB +: 8];
      k_tail_q     <= cmd_i[systole_pkg::MATMUL_K_TAIL_LSB +: 8];
      n_tail_q     <= n_tail;
      n_tail_one_q <= n_tail == 8'd1;
      idx_q        <= idx_i;
      stride_n_q   <= sext(cmd_i[systole_pkg::MATMUL_WGT_N_STRIDE_LSB +: 16]);
      stride_k0_q  <= sext(cmd_i[systole_pkg::MATMUL_WGT_K0_STRIDE_LSB +: 16]);
      stride_k1_q  <= sext(cmd_i[systole_pkg::MATMUL_WGT_K1_STRIDE_LSB +: 16]);
      stride_col_q <= sext(col_stride);
      far_tail_q   <= W'(n_tail) * sext(col_stride);
    end else if (prepare) begin
      wait_q       <= 1'b0;
    end
  end

  // --- the tile -------------------------------------------------------------------------------------------------------------
  logic         k_inner;
  logic [2:0]   first, last;
  logic [1:0]   carry;
  logic [W-1:0] tile_addr, tile_param;
  logic [47:0]  count;
  logic [15:0]  n, k0, k1;
  logic         last_k0, last_n;

  assign n       = cmd_i[systole_pkg::MATMUL_N_LSB +: 16];
  assign k0      = cmd_i[systole_pkg::MATMUL_K0_LSB +: 16];
  assign k1      = cmd_i[systole_pkg::MATMUL_K1_LSB +: 16];
  assign count   = (cmd_i[systole_pkg::MATMUL_ORDER_LSB] == 1'(systole_pkg::ORDER_K_INNER)) ? {n, k1, k0} : {k1, k0, n};
  assign k_inner = order_q == 1'(systole_pkg::ORDER_K_INNER);

  systole_loop u_loop (
    .clk_i,
    .load_i (load),
    .count_i(count),
    .step_i (prepare),
    .first_o(first),
    .last_o (last),
    .carry_o(carry)
  );

  // One column before the tile's first, so that the farthest is as many strides away as there are columns.
  systole_loop_addr #(.W(W)) u_addr (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_WGT_LSB +: 16]) - sext(col_stride)),
    .stride_i(k_inner ? {stride_n_q, stride_k1_q, stride_k0_q} : {stride_k1_q, stride_k0_q, stride_n_q}),
    .step_i  (prepare),
    .carry_i (carry),
    .addr_o  (tile_addr)
  );

  systole_loop_addr #(.W(W)) u_param (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_PARAM_LSB +: 16])),
    .stride_i(k_inner ? {W'(1), {2*W{1'b0}}} : {{2*W{1'b0}}, W'(1)}),
    .step_i  (prepare),
    .carry_i (carry),
    .addr_o  (tile_param)
  );

  assign last_k0   = k_inner ? last[0] : last[1];
  assign last_n    = k_inner ? last[2] : last[0];
  assign last_tile = last == 3'b111;

  // --- the pushes: of the prepared tile (_r) ----------------------------------------------------------------------------------
  logic            ready_q;    // prepared, not begun
  logic            pushing_q;  // within a tile, after its first push
  logic            shadow_full_q;
  logic            wait_r, give_r, per_column_r;
  logic [3:0]      dtype_r;
  logic [7:0]      zero_point_r, valid_bytes_r;
  logic [31:0]     idx_r;
  logic [ColW-1:0] column_r;
  logic [W-1:0]    addr_r, stride_r, param_r;
  logic [Cols-1:0] enable_q;
  logic            begin_tile, last_column;  // a register: column_r is 0

  assign prepare     = valid_q && !ready_q && (!pushing_q || last_column);
  assign begin_tile  = ready_q && (!wait_r || wgt_full_i) && (!shadow_full_q || tile_start_i);
  assign push_o      = pushing_q || begin_tile;
  assign take_o      = begin_tile && wait_r;
  assign last_push   = push_o && last_column;

  assign shadow_next_o = shadow_full_q || (last_column && (pushing_q || (ready_q && !(wait_r && !wgt_full_i))));

  always_ff @(posedge clk_i) begin
    if (!rst_ni)         ready_q <= 1'b0;
    else if (prepare)    ready_q <= 1'b1;
    else if (begin_tile) ready_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pushing_q     <= 1'b0;
      shadow_full_q <= 1'b0;
      enable_q      <= '0;
    end else begin
      pushing_q <= push_o && !last_push;
      if (last_push)         shadow_full_q <= 1'b1;
      else if (tile_start_i) shadow_full_q <= 1'b0;
      if (!push_o)           enable_q <= '0;
      else if (!pushing_q)   enable_q <= Cols'(1);
      else                   enable_q <= {enable_q[Cols-2:0], 1'b1};
    end
  end

  always_ff @(posedge clk_i) begin
    if (prepare) begin
      column_r      <= last_n ? ColW'(n_tail_q - 8'd1) : ColW'(Cols - 1);
      last_column   <= last_n && n_tail_one_q;
      addr_r        <= tile_addr + (last_n ? far_tail_q : stride_col_q << ColW);
      stride_r      <= stride_col_q;
      param_r       <= tile_param;
      wait_r        <= wait_q;
      give_r        <= give_q && last_tile;
      per_column_r  <= per_column_q;
      dtype_r       <= dtype_q;
      zero_point_r  <= zero_point_q;
      valid_bytes_r <= last_k0 ? k_tail_q : 8'(2 * Rows);
      idx_r         <= idx_q;
    end else if (push_o) begin
      column_r      <= column_r - ColW'(1);
      last_column   <= column_r == ColW'(1);
      addr_r        <= addr_r - stride_r;
    end
  end

  // Multiply-accumulates of a row, for the counter: each column adds its elements.
  logic                           int8;
  logic [7:0]                     elements;
  logic [systole_pkg::MACS_W-1:0] macs_q;

  assign int8     = dtype_r == 4'(systole_pkg::DTYPE_S8) || dtype_r == 4'(systole_pkg::DTYPE_U8);
  assign elements = int8 ? valid_bytes_o : {1'b0, valid_bytes_o[7:1]};

  always_ff @(posedge clk_i) begin
    if (push_o) macs_q <= (pushing_q ? macs_q : '0) + systole_pkg::MACS_W'(elements);
  end

  assign tile_macs_o   = macs_q;
  assign shadow_full_o = shadow_full_q;
  assign addr_o        = addr_r[AddrW-1:0];
  assign param_re_o    = prepare || ready_q;
  assign param_o       = prepare ? tile_param[ParamW-1:0] : param_r[ParamW-1:0];
  assign column_o      = column_r;
  assign per_column_o  = per_column_r;
  assign zero_point_o  = zero_point_r;
  assign dtype_o       = dtype_r;
  assign valid_bytes_o = valid_bytes_r;
  assign free_o        = last_push && give_r;
  assign enable_o      = enable_q;

  assign err_valid_o = push_o && (addr_r >= W'(WgtWords) || (per_column_r && param_r >= W'(ParamEntries)));
  assign err_idx_o   = idx_r;
  assign err_addr_o  = (addr_r >= W'(WgtWords)) ? addr_r : param_r;

  logic unused;
  assign unused = &{1'b0, first, cmd_i};

endmodule
