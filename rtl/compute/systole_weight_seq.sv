// SPDX-License-Identifier: Apache-2.0

/// Weight sequencer: walks the tiles of MATMUL commands, one tile ahead of the activations, and pushes each tile's weights into
/// the array's shadow registers, farthest column first, one column a cycle.
///
/// Commands come by valid/ready and are handed on to the activation sequencer (`act_cmd_valid_o`/`act_cmd_ready_i`) in the cycle in which
/// they are taken. The first push of a tile waits until the tile before has started (`tile_start_i`, which may be this very cycle)
/// and, for a command's first tile, for its WGT_FULL token; the pushes of a tile follow one another without a gap. `shadow_full_o`
/// rises the cycle after a tile's last push and falls the cycle after its start.
///
/// In a cycle with `push_o`, `addr_o` is the weight word and the other outputs describe it; `enable_o` (the columns that shift) is a cycle later,
/// with the bank's data.
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
  output logic [systole_pkg::MACS_W-1:0] tile_macs_o,  // of a row, with the weights pushed so far: bytes or pairs of bytes by column

  output logic              push_o,
  output logic [AddrW-1:0]  addr_o,
  output logic [ParamW-1:0] param_o,       // zero-point entry of the tile
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
  logic         valid_q, wait_q, give_q, order_q, per_column_q;
  logic [3:0]   dtype_q;
  logic [7:0]   zero_point_q, k_tail_q, n_tail_q;
  logic [31:0]  idx_q;
  logic [W-1:0] stride_n_q, stride_k0_q, stride_k1_q, stride_col_q, far_full_q, far_tail_q;
  logic         load, want;
  logic [15:0]  col_stride;
  logic [7:0]   n_tail;

  assign col_stride = cmd_i[systole_pkg::MATMUL_WGT_COL_STRIDE_LSB +: 16];
  assign n_tail     = cmd_i[systole_pkg::MATMUL_N_TAIL_LSB +: 8];

  logic last_push, last_tile;

  assign want            = !valid_q || (last_push && last_tile);
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
      idx_q        <= idx_i;
      stride_n_q   <= sext(cmd_i[systole_pkg::MATMUL_WGT_N_STRIDE_LSB +: 16]);
      stride_k0_q  <= sext(cmd_i[systole_pkg::MATMUL_WGT_K0_STRIDE_LSB +: 16]);
      stride_k1_q  <= sext(cmd_i[systole_pkg::MATMUL_WGT_K1_STRIDE_LSB +: 16]);
      stride_col_q <= sext(col_stride);
      far_full_q   <= (sext(col_stride) << ColW) - sext(col_stride);
      far_tail_q   <= W'(W'(n_tail) - W'(1)) * sext(col_stride);
    end else if (take_o) begin
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
    .step_i (last_push),
    .first_o(first),
    .last_o (last),
    .carry_o(carry)
  );

  systole_loop_addr #(.W(W)) u_addr (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_WGT_LSB +: 16])),
    .stride_i(k_inner ? {stride_n_q, stride_k1_q, stride_k0_q} : {stride_k1_q, stride_k0_q, stride_n_q}),
    .step_i  (last_push),
    .carry_i (carry),
    .addr_o  (tile_addr)
  );

  systole_loop_addr #(.W(W)) u_param (
    .clk_i,
    .load_i  (load),
    .base_i  (W'(cmd_i[systole_pkg::MATMUL_PARAM_LSB +: 16])),
    .stride_i(k_inner ? {W'(1), {2*W{1'b0}}} : {{2*W{1'b0}}, W'(1)}),
    .step_i  (last_push),
    .carry_i (carry),
    .addr_o  (tile_param)
  );

  assign last_k0   = k_inner ? last[0] : last[1];
  assign last_n    = k_inner ? last[2] : last[0];
  assign last_tile = last == 3'b111;

  // --- the pushes -----------------------------------------------------------------------------------------------------------
  logic            pushing_q;  // within a tile, after its first push
  logic            shadow_full_q;
  logic [ColW-1:0] column_q;
  logic [W-1:0]    next_addr_q, addr;
  logic [Cols-1:0] enable_q;
  logic            begin_tile;

  assign begin_tile = valid_q && !pushing_q && (!wait_q || wgt_full_i) && (!shadow_full_q || tile_start_i);
  assign push_o     = pushing_q || begin_tile;
  assign take_o     = begin_tile && wait_q;
  assign column_o   = pushing_q ? column_q : (last_n ? ColW'(n_tail_q - 8'd1) : ColW'(Cols - 1));
  assign last_push  = push_o && column_o == '0;
  assign addr       = pushing_q ? next_addr_q : tile_addr + (last_n ? far_tail_q : far_full_q);

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
    if (push_o) begin
      column_q    <= column_o - ColW'(1);
      next_addr_q <= addr - stride_col_q;
    end
  end

  // Multiply-accumulates of a row, for the counter: each column adds its elements.
  logic                           int8;
  logic [7:0]                     elements;
  logic [systole_pkg::MACS_W-1:0] macs_q;

  assign int8     = dtype_q == 4'(systole_pkg::DTYPE_S8) || dtype_q == 4'(systole_pkg::DTYPE_U8);
  assign elements = int8 ? valid_bytes_o : {1'b0, valid_bytes_o[7:1]};

  always_ff @(posedge clk_i) begin
    if (push_o) macs_q <= (pushing_q ? macs_q : '0) + systole_pkg::MACS_W'(elements);
  end

  assign tile_macs_o   = macs_q;
  assign shadow_full_o = shadow_full_q;
  assign addr_o        = addr[AddrW-1:0];
  assign param_o       = tile_param[ParamW-1:0];
  assign per_column_o  = per_column_q;
  assign zero_point_o  = zero_point_q;
  assign dtype_o       = dtype_q;
  assign valid_bytes_o = last_k0 ? k_tail_q : 8'(2 * Rows);
  assign free_o        = last_push && last_tile && give_q;
  assign enable_o      = enable_q;

  assign err_valid_o = push_o && (addr >= W'(WgtWords) || (per_column_q && tile_param >= W'(ParamEntries)));
  assign err_idx_o   = idx_q;
  assign err_addr_o  = (addr >= W'(WgtWords)) ? addr : tile_param;

  logic unused;
  assign unused = &{1'b0, first, cmd_i};

endmodule
