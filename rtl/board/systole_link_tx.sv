// SPDX-License-Identifier: Apache-2.0

/// SLIP encoder (RFC 1055): bytes with valid/ready on both sides; `end_i` with a byte asks for an END instead of it. END and ESC among the
/// bytes become two. Combinational but for the one state "the ESC is out".
module systole_link_tx (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       valid_i,
  output logic       ready_o,
  input  logic [7:0] data_i,
  input  logic       end_i,
  output logic       valid_o,
  input  logic       ready_i,
  output logic [7:0] data_o
);

  logic escaped_q, is_end, is_esc, escape;

  assign is_end  = data_i == 8'hC0;
  assign is_esc  = data_i == 8'hDB;
  assign escape  = !end_i && (is_end || is_esc) && !escaped_q;
  assign valid_o = valid_i;
  assign ready_o = ready_i && !escape;

  always_comb begin
    data_o = data_i;
    if (end_i) data_o = 8'hC0;
    else if (escape) data_o = 8'hDB;
    else if (escaped_q) data_o = is_end ? 8'hDC : 8'hDD;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) escaped_q <= 1'b0;
    else if (valid_i && ready_i) escaped_q <= escape;
  end

endmodule
