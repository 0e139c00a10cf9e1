// SPDX-License-Identifier: Apache-2.0

/// Address of a three-level loop nest: base plus, for each level, its iteration times its stride; no multiplier.
///
/// Follows a systole_loop with the same `load_i` and `step_i` and its `carry_o`. Addresses are W bits; strides are signed
/// and W bits wide. Callers give W spare upper bits where they want to see an address leave its memory.
module systole_loop_addr #(
  parameter int W = 18
) (
  input  logic           clk_i,
  input  logic           load_i,
  input  logic [W-1:0]   base_i,
  input  logic [3*W-1:0] stride_i,  // {level 2, level 1, level 0}, constant during the nest
  input  logic           step_i,
  input  logic [1:0]     carry_i,
  output logic [W-1:0]   addr_o
);

  // The address at the present iteration, of the present level 0 loop's start, of the present level 1 loop's start.
  logic [W-1:0] addr_q, start0_q, start1_q, next;

  assign addr_o = addr_q;
  assign next   = (carry_i == 2'd0) ? addr_q + stride_i[0*W +: W] :
                  (carry_i == 2'd1) ? start0_q + stride_i[1*W +: W] :
                                      start1_q + stride_i[2*W +: W];

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      addr_q   <= base_i;
      start0_q <= base_i;
      start1_q <= base_i;
    end else if (step_i) begin
      addr_q <= next;
      if (carry_i >= 2'd1) start0_q <= next;
      if (carry_i >= 2'd2) start1_q <= next;
    end
  end

endmodule
