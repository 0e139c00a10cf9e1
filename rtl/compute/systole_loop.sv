// SPDX-License-Identifier: Apache-2.0

/// Three nested loop counters, level 0 innermost, counts >= 1.
///
/// `load_i` starts a nest (and wins over `step_i`); `step_i` goes to the next iteration. The flags describe the present
/// iteration. `carry_o` names the outermost level that the next step advances, for systole_loop_addr. With Late, it is a register that follows
/// the iteration by a cycle: a step comes two cycles after the load or the step before it, or later.
module systole_loop #(
  parameter int W    = 16,
  parameter int Late = 0
) (
  input  logic           clk_i,
  input  logic           load_i,
  input  logic [3*W-1:0] count_i,   // {level 2, level 1, level 0}
  input  logic           step_i,
  output logic [2:0]     first_o,   // level i is in its first iteration
  output logic [2:0]     last_o,    // level i is in its last iteration
  output logic [1:0]     carry_o
);

  logic [2:0] first_q, last_q;
  logic [1:0] carry;

  assign first_o = first_q;
  assign last_o  = last_q;
  assign carry   = !last_o[0] ? 2'd0 : !last_o[1] ? 2'd1 : 2'd2;

  if (Late != 0) begin : gen_late
    logic [1:0] carry_q;
    always_ff @(posedge clk_i) carry_q <= carry;
    assign carry_o = carry_q;
  end else begin : gen_now
    assign carry_o = carry;
  end

  for (genvar i = 0; i < 3; i++) begin : gen_level
    logic [W-1:0] left_q, start_q;  // iterations from this one on; all
    logic         single_q;         // there is but one

    always_ff @(posedge clk_i) begin
      if (load_i) begin
        first_q[i] <= 1'b1;
        last_q[i]  <= count_i[i*W +: W] == W'(1);
        single_q   <= count_i[i*W +: W] == W'(1);
        start_q    <= count_i[i*W +: W];
        left_q     <= count_i[i*W +: W];
      end else if (step_i && carry_o == 2'(i)) begin
        first_q[i] <= 1'b0;
        last_q[i]  <= left_q == W'(2);
        left_q     <= left_q - W'(1);
      end else if (step_i && carry_o > 2'(i)) begin
        first_q[i] <= 1'b1;
        last_q[i]  <= single_q;
        left_q     <= start_q;
      end
    end
  end

endmodule
