// SPDX-License-Identifier: Apache-2.0

/// The systolic array: Rows x Cols weight-stationary elements, each multiplying two int8 pairs a cycle (L = 1).
///
/// Row r of `act_i` and `wgt_i` is one lane, two signed OpW-bit operands {second, first} that are neighbours along K; row r is
/// presented r cycles after row 0, column c of `psum_i` c cycles after column 0 (the caller's addresses make that skew).
/// An activation presented at cycle t is multiplied in column c at t + 1 + c; `psum_i` of column c is added at that cycle in
/// row 0; the sum of the whole column is on `psum_o` Rows cycles later.
///
/// `switch_i` with row 0's activation makes the shadow weights active from that activation on; the switch travels with it, right and
/// down. `push_i[c]` with row 0's weight shifts the shadow weight of column c from its left neighbour (column 0: from
/// `wgt_i`) and travels down one row a cycle. A switch and a push in the same cycle use the shadow weight of before the push.
///
/// Written as rolled loops over block-private state, last row first, so that each value is read before it is replaced: Verilator
/// turns that into C++ that the compiler vectorises, and Yosys into one register per value.
module systole_array #(
  parameter int Rows = 16,
  parameter int Cols = 16,
  parameter int OpW  = 9
) (
  input  logic                  clk_i,
  input  logic [Rows*2*OpW-1:0] act_i,
  input  logic                  switch_i,
  input  logic [Rows*2*OpW-1:0] wgt_i,
  input  logic [Cols-1:0]       push_i,
  input  logic [Cols*32-1:0]    psum_i,
  output logic [Cols*32-1:0]    psum_o
);

  localparam int LaneW = 2 * OpW;

  logic [Cols*32-1:0] psum_q;
  assign psum_o = psum_q;

  always_ff @(posedge clk_i) begin : array
    // Registers of the elements: activation, active weight, shadow weight, partial sum.
    logic [LaneW-1:0]   act    [Rows][Cols];
    logic [LaneW-1:0]   weight [Rows][Cols];
    logic [LaneW-1:0]   shadow [Rows][Cols];
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
        psum[r][c] = psum[r-1][c] +
            $signed(act[r][c][OpW-1:0]) * $signed(weight[r][c][OpW-1:0]) +
            $signed(act[r][c][LaneW-1:OpW]) * $signed(weight[r][c][LaneW-1:OpW]);
      end
    end
    for (c = 0; c < Cols; c = c + 1) begin
      psum[0][c] = $signed(psum_i[c*32 +: 32]) +
          $signed(act[0][c][OpW-1:0]) * $signed(weight[0][c][OpW-1:0]) +
          $signed(act[0][c][LaneW-1:OpW]) * $signed(weight[0][c][LaneW-1:OpW]);
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

endmodule
