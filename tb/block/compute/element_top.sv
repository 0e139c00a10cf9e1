// SPDX-License-Identifier: Apache-2.0

/// One row of the array behind its two edges, as systole_compute connects them: raw lanes in, sums out.
///
/// With an activation and its switch presented in cycle t, `psum_i` of column c is taken in cycle t + 3 + c,
/// one later for L > 4 and two later with MulRegs, and `psum_o` shows the sum L cycles later. Weights are pushed as into systole_array;
/// all inputs of the row pass the edge's registers.
module element_top #(
  parameter int Cols = 16,
  parameter int L    = 4,
  parameter int MulRegs = 0
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [3:0]         dtype_i,         // of the activation
  input  logic [15:0]        act_i,
  input  logic               switch_i,
  input  logic [3:0]         wgt_dtype_i,
  input  logic [15:0]        wgt_i,
  input  logic [7:0]         valid_bytes_i,   // of the weight
  input  logic [Cols-1:0]    push_i,
  input  logic [Cols*32-1:0] psum_i,
  output logic [Cols*32-1:0] psum_o
);

  logic [31:0]     act, wgt;
  logic            switch_q;
  logic [Cols-1:0] push_q;

  if (L > 4) begin : gen_two
    logic            switch_1_q;
    logic [Cols-1:0] push_1_q;
    always_ff @(posedge clk_i) begin
      {switch_q, switch_1_q} <= {switch_1_q, switch_i};
      {push_q, push_1_q}     <= {push_1_q, push_i};
    end
  end else begin : gen_one
    always_ff @(posedge clk_i) begin
      switch_q <= switch_i;
      push_q   <= push_i;
    end
  end

  systole_edge #(.Rows(1), .Fp(1), .L(L), .Weights(0)) u_act_edge (
    .clk_i,
    .rst_ni,
    .dtype_i,
    .zero_point_i (8'd0),
    .valid_bytes_i(8'd255),
    .lanes_i      (act_i),
    .lanes_o      (act)
  );

  systole_edge #(.Rows(1), .Fp(1), .L(L), .Weights(1)) u_wgt_edge (
    .clk_i,
    .rst_ni,
    .dtype_i      (wgt_dtype_i),
    .zero_point_i (8'd0),
    .valid_bytes_i(valid_bytes_i),
    .lanes_i      (wgt_i),
    .lanes_o      (wgt)
  );

  logic            unused_switch;
  logic [Cols-1:0] unused_push;

  systole_row #(.Cols(Cols), .L(L), .MulRegs(MulRegs)) u_row (
    .clk_i,
    .act_i   (act[23:0]),
    .switch_i(switch_q),
    .wgt_i   (wgt[23:0]),
    .push_i  (push_q),
    .psum_i,
    .switch_o(unused_switch),
    .push_o  (unused_push),
    .psum_o
  );

endmodule
