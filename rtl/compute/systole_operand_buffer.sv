// SPDX-License-Identifier: Apache-2.0

/// Operand buffer (activations or weights): one 16-bit bank a row of the array.
///
/// A word (Rows lanes) is written at once. A read presents the word's address to row 0's bank and, L cycles later each, to the next
/// row's: lane r of `lanes_o` follows `re_i` by 1 + L*r cycles. That is the array's skew, without registers for data.
/// guard: see systole_parity_ram.
module systole_operand_buffer #(
  parameter int Rows  = 16,
  parameter int Words = 2048,
  parameter int L     = 4,
  parameter int Parity = 0,
  parameter int AddrW = $clog2(Words)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [23:0]        guard_i,
  output logic [23:0]        guard_o,
  input  logic               we_i,
  input  logic [AddrW-1:0]   waddr_i,
  input  logic [Rows*16-1:0] wdata_i,
  input  logic               re_i,
  input  logic [AddrW-1:0]   raddr_i,
  output logic [Rows*16-1:0] lanes_o
);

  logic [Rows*(AddrW+1)-1:0] read;
  logic [Rows*24-1:0]        guards;

  systole_taps #(.W(AddrW + 1), .N(Rows), .Step(L)) u_skew (
    .clk_i,
    .rst_ni,
    .d_i   ({re_i, raddr_i}),
    .taps_o(read)
  );

  for (genvar r = 0; r < Rows; r++) begin : gen_bank
    systole_parity_ram #(.W(16), .Depth(Words), .Parity(Parity), .Bank(r)) u_ram (
      .clk_i,
      .rst_ni,
      .guard_i,
      .guard_o(guards[r*24 +: 24]),
      .we_i,
      .waddr_i,
      .wdata_i(wdata_i[r*16 +: 16]),
      .re_i   (read[r*(AddrW+1) + AddrW]),
      .raddr_i(read[r*(AddrW+1) +: AddrW]),
      .rdata_o(lanes_o[r*16 +: 16])
    );
  end

  systole_guard_merge #(.N(Rows), .Parity(Parity)) u_guard (
    .clk_i,
    .rst_ni,
    .guard_i(guards),
    .guard_o
  );

endmodule
