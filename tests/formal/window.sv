// SPDX-License-Identifier: Apache-2.0

/// systole_window: an address, whichever, is admitted by the pages exactly if it lies between base and limit of the cycle before,
/// whole pages both.
module window #(
    parameter int AxiAddrW = 40
) (
    input logic        clk_i,
    input logic        rst_ni,
    input logic [63:0] base_i,
    input logic [63:0] limit_i
);

  (* anyconst *) logic [63:0] address;
  logic [AxiAddrW-13:0] first, last;
  logic past_q, admitted, inside_q, empty_q;

  systole_window #(.AxiAddrW(AxiAddrW)) u_window (.clk_i, .base_i, .limit_i, .first_o(first), .last_o(last));

  initial past_q = 1'b0;
  always_comb assume (rst_ni == past_q);
  always_comb assume ((address >> AxiAddrW) == '0);  // what the bus can say

  assign admitted = address[AxiAddrW-1:12] >= first && address[AxiAddrW-1:12] <= last;

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    inside_q <= address >= {base_i[63:12], 12'd0} && address <= {limit_i[63:12], 12'hFFF};
    empty_q <= base_i[63:12] > limit_i[63:12];
    if (past_q) begin
      assert (admitted == inside_q);
      if (empty_q) assert (!admitted);
      cover (admitted && address[12] && last != '1 && first != '0);  // an address inside
      cover (!admitted && first < last);  // one outside
      cover (empty_q);  // nothing is inside
    end
  end

endmodule
