// SPDX-License-Identifier: Apache-2.0

/// iCEBreaker (Lattice iCE40 UP5K, SG48): the array alone (systole_bench_board) at the board's 12 MHz, on the FTDI's second serial port. Port names
/// as on the board; the LEDs light when 0. The green one blinks while all is well, the red one lights when a request was
/// refused or spoiled. The button resets.
module icebreaker #(
  parameter int Rows      = 2,
  parameter int Cols      = 4,
  parameter int DepthLog2 = 8,
  parameter int ClkHz     = 12000000,
  parameter int Baud      = 1000000,
  parameter int BoardId   = 3
) (
  input  logic CLK,
  input  logic RX,
  output logic TX,
  input  logic BTN_N,
  output logic LEDR_N,
  output logic LEDG_N
);

  logic       rst_n;
  logic [7:0] led;

  systole_board_reset u_reset (
    .clk_i (CLK),
    .ok_i  (BTN_N),
    .rst_no(rst_n)
  );

  systole_bench_board #(
    .Rows     (Rows),
    .Cols     (Cols),
    .DepthLog2(DepthLog2),
    .ClkHz    (ClkHz),
    .Baud     (Baud),
    .BoardId  (BoardId)
  ) u_board (
    .clk_i (CLK),
    .rst_ni(rst_n),
    .rx_i  (RX),
    .tx_o  (TX),
    .led_o (led)
  );

  assign LEDG_N = !led[0];
  assign LEDR_N = !led[5];

  logic unused;
  assign unused = &{1'b0, led[7:6], led[4:1]};

endmodule
