// SPDX-License-Identifier: Apache-2.0

/// The systolic array: Rows x Cols weight-stationary elements, each multiplying two int8 pairs or, with Fp != 0, one pair of binary16 or
/// bfloat16 numbers a cycle. A row's sum takes L cycles: 1 without floating point, 2 to 7 with it.
///
/// Row r of `act_i` and `wgt_i` is one lane as systole_edge makes it: two signed 9-bit operands {second, first} that are neighbours
/// along K (Fp = 0), or 24 bits of a word. Row r is presented L*r cycles after row 0, column c of `psum_i` c cycles after column 0 (the
/// caller's addresses make that skew). An activation presented at cycle t is multiplied in column c of row 0 at t + 1 + c and its products,
/// which have registers of their own, meet `psum_i` at t + 2 + c; the sum of the whole column is on `psum_o` L*Rows cycles later.
/// With MulRegs the multipliers have registers at their operands and products that FPGAs have inside theirs; the products meet
/// `psum_i` later by MUL_CYCLES: one cycle, two with floating point.
///
/// `switch_i` with row 0's activation makes the shadow weights active from that activation on; the switch travels with it, right and
/// down. `push_i[c]` with row 0's weight shifts the shadow weight of column c from its left neighbour (column 0: from
/// `wgt_i`) and travels down one row every L cycles. A switch and a push in the same cycle use the shadow weight of before the push.
module systole_array #(
  parameter int Rows  = 16,
  parameter int Cols  = 16,
  parameter int Fp    = 1,
  parameter int L     = (Fp != 0) ? 4 : 1,
  parameter int MulRegs = 0,               // 1: the multipliers' operands and products have registers
  parameter int LaneW = (Fp != 0) ? 32 : 18  // follows Fp: not to be set
) (
  input  logic                  clk_i,
  input  logic [Rows*LaneW-1:0] act_i,
  input  logic                  switch_i,
  input  logic [Rows*LaneW-1:0] wgt_i,
  input  logic [Cols-1:0]       push_i,
  input  logic [Cols*32-1:0]    psum_i,
  output logic [Cols*32-1:0]    psum_o
);

  localparam int OpW = 9;

  if ((Fp == 0 && L != 1) || (Fp != 0 && (L < 2 || L > 7))) begin : gen_bad_latency
    systole_error_element_latency_must_be_1_without_and_2_to_7_with_floating_point u_error ();
  end

  if (Fp != 0) begin : gen_float
    logic [Rows:0]               switches;
    logic [(Rows+1)*Cols-1:0]    pushes;
    logic [(Rows+1)*Cols*32-1:0] psums;

    assign switches[0]        = switch_i;
    assign pushes[Cols-1:0]   = push_i;
    assign psums[Cols*32-1:0] = psum_i;
    assign psum_o             = psums[Rows*Cols*32 +: Cols*32];

    for (genvar r = 0; r < Rows; r++) begin : gen_row
      systole_row #(.Cols(Cols), .L(L), .MulRegs(MulRegs)) u_row (
        .clk_i,
        .act_i   (act_i[r*LaneW +: 24]),
        .switch_i(switches[r]),
        .wgt_i   (wgt_i[r*LaneW +: 24]),
        .push_i  (pushes[r*Cols +: Cols]),
        .psum_i  (psums[r*Cols*32 +: Cols*32]),
        .switch_o(switches[r+1]),
        .push_o  (pushes[(r+1)*Cols +: Cols]),
        .psum_o  (psums[(r+1)*Cols*32 +: Cols*32])
      );
    end

    logic unused;
    assign unused = &{1'b0, switches[Rows], pushes[Rows*Cols +: Cols], act_i, wgt_i};
  end else begin : gen_int
    logic [Cols*32-1:0] psum_q;
    assign psum_o = psum_q;

    // Rolled loops over block-private state, last row first, so that each value is read before it is replaced: Verilator turns
    // that into C++ that the compiler vectorises, and Yosys into one register per value.
    always_ff @(posedge clk_i) begin : array
      // Registers of the elements: activation, active weight, shadow weight, both products (of 18 bits: the others are copies of the sign),
      // partial sum.
      logic [LaneW-1:0]   act    [Rows][Cols];
      logic [LaneW-1:0]   weight [Rows][Cols];
      logic [LaneW-1:0]   shadow [Rows][Cols];
      logic [LaneW-1:0]   factor_a [Rows][Cols];  // MulRegs: both operands again
      logic [LaneW-1:0]   factor_b [Rows][Cols];
      logic signed [31:0] first  [Rows][Cols];
      logic signed [31:0] second [Rows][Cols];
      logic signed [31:0] psum   [Rows][Cols];
      // Per row: which columns switch, which shift (the row below does the same a cycle later).
      logic [Cols-1:0]    switches [Rows];
      logic [Cols-1:0]    pushes   [Rows];
      // Temporaries.
      logic [LaneW-1:0]   shifted [Cols];
      logic [Cols-1:0]    enable;
      int unsigned r, c;
      r = 0;
      c = 0;

      for (r = Rows - 1; r > 0; r = r - 1) begin
        for (c = 0; c < Cols; c = c + 1) begin
          psum[r][c] = psum[r-1][c] + (first[r][c] + second[r][c]);
        end
      end
      for (c = 0; c < Cols; c = c + 1) psum[0][c] = $signed(psum_i[c*32 +: 32]) + (first[0][c] + second[0][c]);

      for (r = 0; r < Rows; r = r + 1) begin
        for (c = 0; c < Cols; c = c + 1) begin
          if (MulRegs == 0) begin
            factor_a[r][c] = act[r][c];
            factor_b[r][c] = weight[r][c];
          end
          first[r][c]  = $signed(factor_a[r][c][OpW-1:0]) * $signed(factor_b[r][c][OpW-1:0]);
          second[r][c] = $signed(factor_a[r][c][LaneW-1:OpW]) * $signed(factor_b[r][c][LaneW-1:OpW]);
          if (MulRegs != 0) begin
            factor_a[r][c] = act[r][c];
            factor_b[r][c] = weight[r][c];
          end
        end
      end

      for (r = Rows - 1; r > 0; r = r - 1) begin
        switches[r] = switches[r-1];
        pushes[r]   = pushes[r-1];
      end
      switches[0] = Cols'({switches[0], switch_i});
      pushes[0]   = push_i;

      for (r = 0; r < Rows; r = r + 1) begin
        enable = switches[r];
        if (enable != '0) begin
          for (c = 0; c < Cols; c = c + 1) weight[r][c] = enable[c] ? shadow[r][c] : weight[r][c];
        end
        enable = pushes[r];
        if (enable != '0) begin
          for (c = 0; c < Cols; c = c + 1) shifted[c] = shadow[r][c];
          for (c = 1; c < Cols; c = c + 1) shadow[r][c] = enable[c] ? shifted[c-1] : shadow[r][c];
          if (enable[0]) shadow[r][0] = wgt_i[r*LaneW +: LaneW];
        end
        for (c = 0; c < Cols; c = c + 1) shifted[c] = act[r][c];
        for (c = 1; c < Cols; c = c + 1) act[r][c] = shifted[c-1];
        act[r][0] = act_i[r*LaneW +: LaneW];
      end

      for (c = 0; c < Cols; c = c + 1) psum_q[c*32 +: 32] <= psum[Rows-1][c];
    end
  end

endmodule
