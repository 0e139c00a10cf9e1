// SPDX-License-Identifier: Apache-2.0
// Models of the two ECP5 blocks that Yosys knows only as black boxes, as far as synth_ecp5 uses them for this machine (after
// Lattice's Memory Usage Guide, FPGA-TN-02204, and sysDSP Usage Guide, FPGA-TN-02205). Names of pins and parameters are Lattice's.
// Another mode does not elaborate: the module that is missing then says in its name what is not modelled. What depends on signals
// ends the simulation.

/// 18 kbit of block RAM without output registers; port B only reads; both ports have one clock.
///
/// Ports of 9 or 18 bits: a word is AD[13:3] or AD[13:4]; with 18 bits AD[1:0] enable its two bytes for writing. 36 bits (pseudo
/// dual port): A writes the word ADA[13:5], its four bytes enabled by ADA[3:0], bits 17:0 on DIA and 35:18 on DIB; B reads the word
/// ADB[13:5], bits 17:0 on DOA and 35:18 on DOB.
///
/// Contents and outputs begin undefined (random, if the simulator is told so); netlist.py refuses other initial contents
/// than zeros, and nothing in this machine may depend on those. A read of the word that the other port is writing has no
/// defined value in hardware: here it is the complement of the old word, so that a netlist that depends on it fails.
module DP16KD #(
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC",
    ASYNC_RESET_RELEASE = "SYNC", CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED"
) (
  input  DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
  input  ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input  CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
  input  DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
  input  ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input  CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);

  localparam Pair = DATA_WIDTH_A == 36;  // both ports' data pins make one word
  localparam Low = Pair ? 5 : DATA_WIDTH_A == 18 ? 4 : 3;
  localparam Bytes = DATA_WIDTH_A / 9;

  generate
    if (DATA_WIDTH_A != DATA_WIDTH_B || (DATA_WIDTH_A != 9 && DATA_WIDTH_A != 18 && DATA_WIDTH_A != 36)) begin : bad_width
      dp16kd_widths_other_than_9_18_36_on_both_ports_are_not_modelled u_error ();
    end
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG") begin : bad_registers
      dp16kd_output_registers_are_not_modelled u_error ();
    end
    if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin : bad_select
      dp16kd_chip_selects_are_not_modelled u_error ();
    end
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") begin : bad_clock
      dp16kd_inverted_clocks_are_not_modelled u_error ();
    end
    if (WRITEMODE_A != "NORMAL" && WRITEMODE_A != "READBEFOREWRITE" && WRITEMODE_A != "WRITETHROUGH") begin : bad_mode
      dp16kd_write_mode_is_not_known u_error ();
    end
  endgenerate

  wire [35:0] wdata = {
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0
  };
  wire [13:0] waddr = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] raddr = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [3:0] enable = Low == 3 ? 4'h1 : Low == 4 ? {2'b00, waddr[1:0]} : waddr[3:0];

  reg [DATA_WIDTH_A-1:0] mem [0:(1<<(14-Low))-1];
  reg [DATA_WIDTH_A-1:0] word, old;
  reg [35:0] a_q, b_q;
  integer i;

  always @(posedge CLKA) begin
    if (!CLKB) fail("two clocks");
    if (RSTA || RSTB) fail("a reset");
    if (CSA2 || CSA1 || CSA0 || CSB2 || CSB1 || CSB0) fail("a chip select of 1");
    if (WEB) fail("a write by port B");
    old = mem[waddr[13:Low]];
    word = old;
    for (i = 0; i < Bytes; i = i + 1) if (enable[i]) word[9*i +: 9] = wdata[9*i +: 9];
    if (CEB) b_q <= CEA && WEA && |enable && waddr[13:Low] == raddr[13:Low] ? ~old : mem[raddr[13:Low]];
    if (CEA && WEA) mem[waddr[13:Low]] <= word;
    if (CEA && (!WEA || WRITEMODE_A != "NORMAL")) a_q <= WEA && WRITEMODE_A == "WRITETHROUGH" ? word : old;
  end

  task fail(input [8*24:1] what);
    begin
      $display("%m: DP16KD: %0s is not modelled", what);
      $stop;
    end
  endtask

  assign {
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0
  } = Pair ? b_q[17:0] : a_q[17:0];
  assign {
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
  } = Pair ? b_q[35:18] : b_q[17:0];

endmodule

/// 18 by 18 bit multiplier: P = A * B, each operand signed or not, with registers clocked by CLK0 at both operands (with their
/// signs), at the product, at both or nowhere. Cascades (SRI*, SRO*, RO*), other clocks, enables and resets are not there.
module MULT18X18D #(
  parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_INPUTC_CLK = "NONE", REG_PIPELINE_CLK = "NONE",
    REG_OUTPUT_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTB_CE = "CE0", REG_INPUTC_CE = "CE0", REG_PIPELINE_CE = "CE0",
    REG_OUTPUT_CE = "CE0", REG_INPUTA_RST = "RST0", REG_INPUTB_RST = "RST0", REG_INPUTC_RST = "RST0", REG_PIPELINE_RST =
    "RST0", REG_OUTPUT_RST = "RST0", CLK0_DIV = "ENABLED", CLK1_DIV = "ENABLED", CLK2_DIV = "ENABLED", CLK3_DIV = "ENABLED",
    HIGHSPEED_CLK = "NONE", GSR = "ENABLED", CAS_MATCH_REG = "FALSE", SOURCEB_MODE = "B_SHIFT", MULT_BYPASS = "DISABLED",
    RESETMODE = "SYNC"
) (
  input  A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input  B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input  C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
  input  SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13,
         P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);

  generate
    if ((REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0") || REG_INPUTB_CLK != REG_INPUTA_CLK || REG_INPUTC_CLK != "NONE" ||
        REG_PIPELINE_CLK != "NONE" || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0") || CLK0_DIV != "ENABLED") begin : bad_registers
      mult18x18d_these_registers_are_not_modelled u_error ();
    end
    if (MULT_BYPASS != "DISABLED") begin : bad_bypass
      mult18x18d_bypass_is_not_modelled u_error ();
    end
  endgenerate

  wire signed [35:0] a = {{18{SIGNEDA & A17}}, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire signed [35:0] b = {{18{SIGNEDB & B17}}, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  reg  signed [35:0] a_q, b_q;
  reg         [35:0] p_q;
  wire        [35:0] p = (REG_INPUTA_CLK == "CLK0") ? a_q * b_q : a * b;
  assign {
    P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13,
    P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
  } = (REG_OUTPUT_CLK == "CLK0") ? p_q : p;

  generate
    if (REG_INPUTA_CLK == "CLK0" || REG_OUTPUT_CLK == "CLK0") begin : registers
      always @(posedge CLK0) begin
        a_q <= a;
        b_q <= b;
        p_q <= p;
        if (!CE0 || RST0) begin
          $display("%m: MULT18X18D: enable and reset are not modelled");
          $stop;
        end
      end
    end
  endgenerate

  always @* if (SOURCEA || SOURCEB) begin
    $display("%m: MULT18X18D: operands from a cascade are not modelled");
    $stop;
  end

endmodule
