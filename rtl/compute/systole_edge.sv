// SPDX-License-Identifier: Apache-2.0

/// Edge of the array: turns each lane of an operand word into what the elements multiply, and masks the bytes at or beyond
/// `valid_bytes_i`.
///
/// The control inputs belong to row 0's lane and are delayed by L cycles a row inside. int8: the zero point is removed from both bytes.
/// A lane leaves one cycle later, two for L > 4:
/// without floating point as {byte 1, byte 0}, two signed 9-bit operands, with it as 24 bits in a word of 32
/// (whole words simulate faster; the upper 8 are 0):
///
///   bits     int8                          binary16, bfloat16
///   [11:0]   byte 0, signed                {0, significand}: leading one at bit 10 (subnormal numbers are normalised), 0 for zero; for the
///                                          special values: infinity 0x400, NaN 0x600
///   [20:12]  byte 1, signed                exponent of the leading one, in activations plus 383 (EXP_BIAS)
///   [21]     0                             sign
///   [22]     0                             special: infinity or NaN
///   [23]     0                             activations: 1; weights: pass, the element is masked (partial sums pass it unchanged)
module systole_edge #(
  parameter int Rows    = 16,
  parameter int Fp      = 1,
  parameter int L       = (Fp != 0) ? 4 : 1,
  parameter int Weights = 0,                    // lanes are weights
  parameter int LaneW   = (Fp != 0) ? 32 : 18   // follows Fp: not to be set
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic [3:0]            dtype_i,
  input  logic [7:0]            zero_point_i,   // in that type
  input  logic [7:0]            valid_bytes_i,  // of the word: 1 to 2*Rows
  input  logic [Rows*16-1:0]    lanes_i,
  output logic [Rows*LaneW-1:0] lanes_o
);

  localparam int EXP_BIAS = (Weights != 0) ? 0 : 383;  // product exponents: those of binary32 + 256
  localparam int CtlW     = 32;  // of each row, 20 of them in use: whole words simulate faster

  // {brain, is_float, zero point, signed as its type is, is_signed, valid_bytes}
  logic [CtlW-1:0]      ctl_q;
  logic [Rows*CtlW-1:0] ctl;
  logic [Rows*16-1:0]   lane_q;
  logic                 is_signed, is_brain;

  assign is_signed = dtype_i == 4'(systole_pkg::DTYPE_S8);
  assign is_brain  = dtype_i == 4'(systole_pkg::DTYPE_BF16);

  systole_taps #(.W(CtlW), .N(Rows), .Step(L)) u_skew (
    .clk_i,
    .rst_ni,
    .d_i   (ctl_q),
    .taps_o(ctl)
  );

  // The memories' data are late in their cycle: they are decoded behind this register, in the cycle that brings them into the array.
  always_ff @(posedge clk_i) begin
    ctl_q  <= CtlW'({is_brain, is_brain || dtype_i == 4'(systole_pkg::DTYPE_FP16), is_signed & zero_point_i[7], zero_point_i,
                     is_signed, valid_bytes_i});
    lane_q <= lanes_i;
  end

  if (Fp == 0) begin : gen_int
    for (genvar r = 0; r < Rows; r++) begin : gen_row
      logic       row_signed;
      logic [7:0] valid_bytes;
      logic [8:0] zero_point;

      assign {zero_point, row_signed, valid_bytes} = ctl[r*CtlW +: 18];

      for (genvar b = 0; b < 2; b++) begin : gen_byte
        logic [7:0] operand;
        logic [8:0] centred;

        assign operand = lane_q[r*16 + b*8 +: 8];
        assign centred = {row_signed & operand[7], operand} - zero_point;
        assign lanes_o[(2*r+b)*9 +: 9] = (valid_bytes > 8'(2*r + b)) ? centred : '0;
      end
    end
  end else begin : gen_float
    // Whether a floating-point lane may be on its way down the rows. Each lane's own type decides; this lets the decoding rest.
    localparam int SKEW   = L * (Rows - 1);
    localparam int CountW = $clog2(SKEW + 2);

    logic [CountW-1:0] skew_q;  // cycles until row 0's last floating-point lane is in the last row
    logic              first_float, any_float;

    assign first_float = ctl_q[18];
    assign any_float   = first_float || skew_q != '0;

    always_ff @(posedge clk_i) begin
      if (!rst_ni)            skew_q <= '0;
      else if (first_float)   skew_q <= CountW'(SKEW);
      else if (skew_q != '0)  skew_q <= skew_q - CountW'(1);
    end

    // Lanes before subnormal numbers are normalised; bits 31 to 28: by how much. A large L has a register between the two steps.
    logic [Rows*32-1:0] decoded, denormal;
    logic               shift_any;

    // Loops without branches, of words: vector code when simulated.
    always_comb begin : decode
      logic [31:0] words [Rows];
      logic [31:0] control, lane, zero_point, byte0, byte1, field, significand, shift, exponent;
      logic        row_signed, is_float, brain, special, masked, denormal_lane;
      int unsigned r;
      control = '0; lane = '0; zero_point = '0; byte0 = '0; byte1 = '0; field = '0; significand = '0; shift = '0; exponent = '0;
      row_signed = '0; is_float = '0; brain = '0; special = '0; masked = '0; denormal_lane = '0;
      r = 0;

      for (r = 0; r < Rows; r = r + 1) begin
        control    = ctl[r*CtlW +: CtlW];
        lane       = 32'(lane_q[r*16 +: 16]);
        row_signed = control[8];
        zero_point = {{23{control[17]}}, control[17:9]};
        byte0      = {{24{row_signed & lane[7]}}, lane[7:0]} - zero_point;
        byte1      = {{24{row_signed & lane[15]}}, lane[15:8]} - zero_point;
        words[r]   = {11'b0, byte1[8:0] & {9{32'(control[7:0]) > 2 * r + 1}}, byte0[11:0] & {12{32'(control[7:0]) > 2 * r}}};
      end

      if (any_float) begin
        for (r = 0; r < Rows; r = r + 1) begin
          control     = ctl[r*CtlW +: CtlW];
          lane        = 32'(lane_q[r*16 +: 16]);
          brain       = control[19];
          is_float    = control[18];
          masked      = (Weights != 0) & (32'(control[7:0]) <= 2 * r);
          field       = {24'b0, brain & lane[14], brain & lane[13], brain & lane[12], brain ? lane[11:7] : lane[14:10]};
          // Subnormal or zero.
          denormal_lane = (lane[14:10] == '0) & !(brain & (lane[9:7] != '0));
          special     = brain ? (lane[14:7] == '1) : (lane[14:10] == '1);
          significand = {22'b0, brain ? {lane[6:0], 3'b0} : lane[9:0]};
          // How far below bit 10 a subnormal number's leading one is; of zero, anything.
          shift[3]    = significand[9:3] == '0;
          shift[2]    = (significand[9:7] == '0) & (significand[6:3] != '0);
          shift[1]    = ((significand[9] == '0) & (significand[8:7] != '0)) | ((significand[9:5] == '0) & (significand[4:3] != '0)) |
                        (significand[9:1] == '0);
          shift[0]    = significand[9] | ((significand[9:8] == '0) & significand[7]) | ((significand[9:6] == '0) & significand[5]) |
                        ((significand[9:4] == '0) & significand[3]) | ((significand[9:2] == '0) & significand[1]);
          shift       = (is_float & !masked & denormal_lane) ? shift : '0;
          exponent    = {field[31:1], field[0] | denormal_lane} + (brain ? EXP_BIAS - 32'd127 : EXP_BIAS - 32'd15);
          significand = {21'b0, !denormal_lane, (special & (significand[9:0] != '0)) ? 10'h200 : significand[9:0]};
          lane        = {shift[3:0], 4'b0, Weights == 0, special, lane[15], exponent[8:0], 1'b0, significand[10:0]};
          lane        = masked ? 32'h800000 : lane;
          words[r]    = is_float ? lane : words[r];
        end
      end
      for (r = 0; r < Rows; r = r + 1) decoded[r*32 +: 32] = words[r];
    end

    if (L > 4) begin : gen_register
      always_ff @(posedge clk_i) begin
        denormal  <= decoded;
        shift_any <= any_float;
      end
    end else begin : gen_wire
      assign denormal  = decoded;
      assign shift_any = any_float;
    end

    always_comb begin : normalise
      logic [31:0] words [Rows];
      logic [31:0] lane, significand, exponent;
      int unsigned r;
      lane = '0; significand = '0; exponent = '0;
      r = 0;

      for (r = 0; r < Rows; r = r + 1) words[r] = denormal[r*32 +: 32];
      if (shift_any) begin
        for (r = 0; r < Rows; r = r + 1) begin
          lane        = words[r];
          significand = 32'(lane[10:0]) << lane[31:28];
          exponent    = 32'(lane[20:12]) - 32'(lane[31:28]);
          words[r]    = {8'b0, lane[23:21], exponent[8:0], lane[11], significand[10:0]};
        end
      end
      for (r = 0; r < Rows; r = r + 1) lanes_o[r*LaneW +: LaneW] = words[r];
    end
  end

endmodule
