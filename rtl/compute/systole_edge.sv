// SPDX-License-Identifier: Apache-2.0

/// Edge of the array: removes the zero point from every byte of every lane and masks the bytes at or beyond `valid_bytes_i`.
///
/// Combinational on the lanes; the control inputs belong to row 0's lane and are delayed by L cycles a row inside. A lane leaves
/// as two OpW-bit signed operands {byte 1, byte 0}.
module systole_edge #(
  parameter int Rows = 16,
  parameter int OpW  = 9,
  parameter int L    = 1
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  signed_i,       // operands are s8 (else u8), and so is the zero point
  input  logic [7:0]            zero_point_i,
  input  logic [7:0]            valid_bytes_i,  // of the word: 1 to 2*Rows
  input  logic [Rows*16-1:0]    lanes_i,
  output logic [Rows*2*OpW-1:0] lanes_o
);

  localparam int CtlW = 17;

  logic [Rows*CtlW-1:0] ctl;

  systole_taps #(.W(CtlW), .N(Rows), .Step(L)) u_skew (
    .clk_i,
    .rst_ni,
    .d_i   ({signed_i, zero_point_i, valid_bytes_i}),
    .taps_o(ctl)
  );

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic       is_signed;
    logic [7:0] valid_bytes;
    logic [8:0] zero_point;

    assign is_signed   = ctl[r*CtlW + 16];
    assign valid_bytes = ctl[r*CtlW +: 8];
    assign zero_point  = {is_signed & ctl[r*CtlW + 15], ctl[r*CtlW + 8 +: 8]};

    for (genvar b = 0; b < 2; b++) begin : gen_byte
      logic [7:0]     operand;
      logic [OpW-1:0] centred;

      assign operand = lanes_i[r*16 + b*8 +: 8];
      assign centred = OpW'({is_signed & operand[7], operand} - zero_point);
      assign lanes_o[(2*r+b)*OpW +: OpW] = (valid_bytes > 8'(2*r + b)) ? centred : '0;
    end
  end

endmodule
