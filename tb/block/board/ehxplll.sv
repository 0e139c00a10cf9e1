// SPDX-License-Identifier: Apache-2.0

/// Stands for the ECP5's PLL in simulation and lint: CLKOP and CLKOS are CLKI itself (whoever drives it gives it the machine's frequency), LOCK rises after
/// `LockCycles` of it. Only the parameters and ports that the boards connect.
module EHXPLLL #(
  parameter int CLKI_DIV     = 1,
  parameter int CLKFB_DIV    = 1,
  parameter int CLKOP_DIV    = 8,
  parameter int CLKOP_CPHASE = 0,
  parameter int CLKOP_FPHASE = 0,
  parameter int CLKOS_DIV    = 8,
  parameter int CLKOS_CPHASE = 0,
  parameter int CLKOS_FPHASE = 0,
  parameter CLKOP_ENABLE    = "ENABLED",
  parameter CLKOS_ENABLE    = "DISABLED",
  parameter CLKOS2_ENABLE   = "DISABLED",
  parameter CLKOS3_ENABLE   = "DISABLED",
  parameter FEEDBK_PATH     = "CLKOP",
  parameter OUTDIVIDER_MUXA = "DIVA",
  parameter OUTDIVIDER_MUXB = "DIVB",
  parameter OUTDIVIDER_MUXC = "DIVC",
  parameter OUTDIVIDER_MUXD = "DIVD",
  parameter PLLRST_ENA      = "DISABLED",
  parameter INTFB_WAKE      = "DISABLED",
  parameter STDBY_ENABLE    = "DISABLED",
  parameter DPHASE_SOURCE   = "DISABLED",
  parameter int LockCycles   = 20
) (
  input  logic CLKI,
  input  logic CLKFB,
  output logic CLKOP,
  output logic CLKOS,
  output logic LOCK,
  input  logic RST,
  input  logic STDBY,
  input  logic PLLWAKESYNC,
  input  logic PHASESEL0,
  input  logic PHASESEL1,
  input  logic PHASEDIR,
  input  logic PHASESTEP,
  input  logic PHASELOADREG,
  input  logic ENCLKOP
);

  logic [7:0] count_q;

  initial count_q = '0;

  assign CLKOP = CLKI;
  assign CLKOS = CLKI;
  assign LOCK  = count_q == 8'(LockCycles);

  always_ff @(posedge CLKI) begin
    if (!LOCK) count_q <= count_q + 8'd1;
  end

endmodule
