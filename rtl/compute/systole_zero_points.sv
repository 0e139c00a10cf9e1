// SPDX-License-Identifier: Apache-2.0

/// Zero points of B's columns: ParamEntries words of Cols bytes, written by load in chunks of min(2*Rows, Cols) bytes. A tile's word is read
/// before its first weight push (`re_i`, `raddr_i`) and holds until the next read; `zero_point_o`, a register, follows each push's `column_i`
/// by one cycle: that column's byte with `per_column_i`, else `zero_point_i`. guard: see systole_parity_ram.
module systole_zero_points #(
  parameter int Rows         = 16,
  parameter int Cols         = 16,
  parameter int ParamEntries = 64,
  parameter int Parity       = 0,
  parameter int ParamW       = $clog2(ParamEntries),
  parameter int ColW         = $clog2(Cols)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [23:0]        guard_i,
  output logic [23:0]        guard_o,
  input  logic               we_i,
  input  logic [ParamW-1:0]  waddr_i,
  input  logic [5:0]         chunk_i,
  input  logic [Rows*16-1:0] wdata_i,
  input  logic               re_i,
  input  logic [ParamW-1:0]  raddr_i,
  input  logic [ColW-1:0]    column_i,
  input  logic               per_column_i,
  input  logic [7:0]         zero_point_i,
  output logic [7:0]         zero_point_o
);

  localparam int Chunk = (2*Rows < Cols) ? 2*Rows : Cols;

  logic [Cols*8-1:0] word;
  logic [7:0]        zero_point_q;
  logic [Cols/Chunk*24-1:0] guards;

  for (genvar i = 0; i < Cols / Chunk; i++) begin : gen_chunk
    systole_parity_ram #(.W(Chunk*8), .Depth(ParamEntries), .Parity(Parity), .Bank(i)) u_ram (
      .clk_i,
      .rst_ni,
      .guard_i,
      .guard_o(guards[i*24 +: 24]),
      .we_i   (we_i && chunk_i == 6'(i)),
      .waddr_i,
      .wdata_i(wdata_i[Chunk*8-1:0]),
      .re_i,
      .raddr_i,
      .rdata_o(word[i*Chunk*8 +: Chunk*8])
    );
  end

  systole_guard_merge #(.N(Cols / Chunk), .Parity(Parity)) u_guard (
    .clk_i,
    .rst_ni,
    .guard_i(guards),
    .guard_o
  );

  always_ff @(posedge clk_i) begin
    zero_point_q <= per_column_i ? word[column_i*8 +: 8] : zero_point_i;
  end

  assign zero_point_o = zero_point_q;

  logic unused;
  assign unused = ^wdata_i;

endmodule
