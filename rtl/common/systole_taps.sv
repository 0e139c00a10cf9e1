// SPDX-License-Identifier: Apache-2.0

/// Delay line with taps: tap i of `taps_o` is `d_i` delayed by i * Step cycles (tap 0 is `d_i` itself). It makes the skew of the
/// array's edges out of narrow control signals and addresses. Reset clears it.
module systole_taps #(
  parameter int W    = 1,
  parameter int N    = 2,  // taps, >= 1
  parameter int Step = 1   // cycles from tap to tap, >= 1
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic [W-1:0]   d_i,
  output logic [N*W-1:0] taps_o
);

  localparam int Stages = (N - 1) * Step;

  if (Stages == 0) begin : gen_wire
    assign taps_o = d_i;
    logic unused;
    assign unused = clk_i & rst_ni;
  end else begin : gen_line
    logic [Stages*W-1:0] line_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) line_q <= '0;
      else         line_q <= (Stages*W)'({line_q, d_i});
    end

    assign taps_o[0 +: W] = d_i;
    for (genvar i = 1; i < N; i++) begin : gen_tap
      assign taps_o[i*W +: W] = line_q[(i*Step-1)*W +: W];
    end
  end

endmodule
