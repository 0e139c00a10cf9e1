// SPDX-License-Identifier: Apache-2.0

/// The array between shift registers: the smallest design that scripts/fpga can be tried on.
module standin #(
  parameter int Rows    = 2,
  parameter int Cols    = 2,
  parameter int BoardId = 0,
  parameter int ClkHz   = 12000000,
  parameter int Baud    = 115200
) (
  input  logic clk,
  input  logic si,
  output logic so
);

  localparam int InW  = 36 * Rows + Cols + 1;
  localparam int OutW = 32 * Cols;

  logic [InW-1:0]  in_q;
  logic [OutW-1:0] sums, out_q;
  logic            take_q;

  always_ff @(posedge clk) begin
    in_q   <= {in_q[InW-2:0], si};
    take_q <= si;
    out_q  <= take_q ? sums : {out_q[OutW-2:0], 1'b0};
    so     <= out_q[OutW-1];
  end

  systole_array #(.Rows(Rows), .Cols(Cols), .Fp(0), .L(1)) u_array (
    .clk_i   (clk),
    .act_i   (in_q[0 +: 18*Rows]),
    .switch_i(in_q[InW-1]),
    .wgt_i   (in_q[18*Rows +: 18*Rows]),
    .push_i  (in_q[36*Rows +: Cols]),
    .psum_i  ('0),
    .psum_o  (sums)
  );

endmodule
