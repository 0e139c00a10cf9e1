// SPDX-License-Identifier: Apache-2.0

/// One window of memory, from its registers to what the comparisons at the bus need: the first and the last page of 4 KiB that an
/// access may touch, within the address width, as registers: a cycle behind `base_i` and `limit_i`. A base above the limit, or beyond
/// the address width, allows nothing: `first_o` is then above `last_o`.
module systole_window #(
    parameter int AxiAddrW = 40
) (
    input  logic                 clk_i,
    input  logic [         63:0] base_i,
    input  logic [         63:0] limit_i,
    output logic [AxiAddrW-13:0] first_o,
    output logic [AxiAddrW-13:0] last_o
);

  logic base_beyond, limit_beyond;

  assign base_beyond = (base_i >> AxiAddrW) != '0;
  assign limit_beyond = (limit_i >> AxiAddrW) != '0;

  always_ff @(posedge clk_i) begin
    first_o <= base_beyond ? '1 : base_i[AxiAddrW-1:12];
    last_o  <= base_beyond ? '0 : limit_beyond ? '1 : limit_i[AxiAddrW-1:12];
  end

  logic unused;
  assign unused = ^{base_i[11:0], limit_i[11:0]};

endmodule
