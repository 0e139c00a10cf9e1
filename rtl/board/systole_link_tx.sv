// SPDX-License-Identifier: Apache-2.0

/// SLIP encoder (RFC 1055): bytes with valid/ready on both sides; `end_i` with a byte asks for an END instead of it. END and ESC among the
/// bytes become two. A byte taken is out from the next cycle; the next one is taken a cycle after it has gone. All outputs are registers.
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

  logic is_end, is_esc, take;
  logic second_q, second_esc_q;  // a second byte follows, the one for ESC

  assign is_end  = data_i == 8'hC0;
  assign is_esc  = data_i == 8'hDB;
  assign ready_o = !valid_o;
  assign take    = valid_i && !valid_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else if (take) valid_o <= 1'b1;
    else if (ready_i && !second_q) valid_o <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      data_o       <= end_i ? 8'hC0 : is_end || is_esc ? 8'hDB : data_i;
      second_q     <= !end_i && (is_end || is_esc);
      second_esc_q <= is_esc;
    end else if (ready_i) begin
      data_o   <= second_esc_q ? 8'hDD : 8'hDC;
      second_q <= 1'b0;
    end
  end

endmodule
