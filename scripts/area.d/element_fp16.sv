// SPDX-License-Identifier: Apache-2.0

/// The array's element when nothing but binary16 ever enters it: what scripts/area measures as "FP16 alone". The lanes lack what
/// binary16 does not need: the mode, the second int8 operand's bits beyond its 6-bit exponent, the significand's sign.
/// Yosys then removes the int8 sums and the wider exponents.
module element_fp16 #(
  parameter int L = 4
) (
  input  logic        clk_i,
  input  logic [18:0] act_i,  // {special, sign, exponent[5:0], significand[10:0]}, see systole_row
  input  logic        switch_i,
  input  logic [18:0] wgt_i,
  input  logic        pass_i,  // weight lane beyond K: the partial sum passes
  input  logic        push_i,
  input  logic [31:0] psum_i,
  output logic [31:0] psum_o
);

  systole_array #(.Rows(1), .Cols(1), .Fp(1), .L(L)) u_element (
    .clk_i,
    .act_i ({1'b1, act_i[18:17], {3{act_i[16]}}, act_i[16:11], 1'b0, act_i[10:0]}),
    .switch_i,
    .wgt_i ({pass_i, wgt_i[18:17], {3{wgt_i[16]}}, wgt_i[16:11], 1'b0, wgt_i[10:0]}),
    .push_i,
    .psum_i,
    .psum_o
  );

endmodule
