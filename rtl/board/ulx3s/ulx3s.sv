// SPDX-License-Identifier: Apache-2.0

/// ULX3S (Lattice ECP5, CABGA381; revisions 2 and 3): systole_board behind the 25 MHz oscillator, a PLL, the FTDI's serial port and the LEDs. Port
/// names as in the board's schematic, i.e. seen from the FTDI: `ftdi_txd` is what the FPGA receives. `btn_pwr_n` (BTN_PWR, 0 when
/// pressed) resets; `wifi_gpio0` = 1 keeps the ESP32 from taking the board over.
///
/// The PLL's oscillator runs at 25 MHz / PllRefDiv * PllFbDiv * PllOpDiv, 400 to 800 MHz; its output CLKOP goes back to it; the machine's clock
/// is CLKOS, the oscillator / PllOsDiv, which must be `ClkHz`.
module ulx3s #(
  parameter int Rows         = 8,
  parameter int Cols         = 8,
  parameter int Fp           = 1,
  parameter int L            = (Fp != 0) ? 4 : 1,
  parameter int MulRegs      = 0,
  parameter int AxiDataW     = 64,
  parameter int AxiAddrW     = 32,
  parameter int ActBytes     = 16384,
  parameter int WgtBytes     = 8192,
  parameter int AccRows      = 512,
  parameter int ParamEntries = 64,
  parameter int QueueDepth   = 4,
  parameter int MaxReads     = 16,
  parameter int MaxWrites    = 16,
  parameter int EpLanes      = Cols / 2,
  parameter int MemBytes     = 262144,
  parameter int ClkHz        = 65000000,
  parameter int Baud         = 1000000,
  parameter int BoardId      = 1,         // 1: LFE5U-85F, 2: LFE5U-25F
  parameter int PllRefDiv    = 1,         // CLKI_DIV; 25 MHz / PllRefDiv is 10 MHz or more
  parameter int PllFbDiv     = 13,        // CLKFB_DIV
  parameter int PllOpDiv     = 2,         // CLKOP_DIV
  parameter int PllOsDiv     = 10         // CLKOS_DIV
) (
  input  logic       clk_25mhz,
  input  logic       ftdi_txd,
  output logic       ftdi_rxd,
  input  logic       btn_pwr_n,
  output logic [7:0] led,
  output logic       wifi_gpio0
);

  localparam int InHz  = 25000000;
  localparam int VcoHz = PllRefDiv < 1 ? 0 : InHz / PllRefDiv * PllFbDiv * PllOpDiv;

  if (PllRefDiv < 1 || InHz / PllRefDiv < 10000000 || PllFbDiv < 1 || PllFbDiv > 80 || PllOpDiv < 1 || PllOpDiv > 128 || PllOsDiv < 1 ||
      PllOsDiv > 128 || VcoHz < 400000000 || VcoHz > 800000000) begin : gen_bad_pll
    systole_error_pll_dividers_are_out_of_range u_error ();
  end
  // To a hertz or so: the true quotient need not be whole.
  if (VcoHz / PllOsDiv - ClkHz > 1 || ClkHz - VcoHz / PllOsDiv > 1) begin : gen_bad_clock
    systole_error_clk_hz_must_be_what_the_pll_makes u_error ();
  end

  logic clk, feedback, locked, rst_n;

  assign wifi_gpio0 = 1'b1;

  // Charge pump and loop filter, as Lattice's tools and prjtrellis' ecppll set them; left out, they would be 0 and the PLL might not lock.
  (* ICP_CURRENT = "12", LPF_RESISTOR = "8", MFG_ENABLE_FILTEROPAMP = "1", MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
    .CLKI_DIV        (PllRefDiv),
    .CLKFB_DIV       (PllFbDiv),
    .CLKOP_DIV       (PllOpDiv),
    .CLKOP_CPHASE    (PllOpDiv - 1),
    .CLKOP_FPHASE    (0),
    .CLKOP_ENABLE    ("ENABLED"),
    .CLKOS_DIV       (PllOsDiv),
    .CLKOS_CPHASE    (PllOsDiv - 1),
    .CLKOS_FPHASE    (0),
    .CLKOS_ENABLE    ("ENABLED"),
    .CLKOS2_ENABLE   ("DISABLED"),
    .CLKOS3_ENABLE   ("DISABLED"),
    .FEEDBK_PATH     ("CLKOP"),
    .OUTDIVIDER_MUXA ("DIVA"),
    .OUTDIVIDER_MUXB ("DIVB"),
    .OUTDIVIDER_MUXC ("DIVC"),
    .OUTDIVIDER_MUXD ("DIVD"),
    .PLLRST_ENA      ("DISABLED"),
    .INTFB_WAKE      ("DISABLED"),
    .STDBY_ENABLE    ("DISABLED"),
    .DPHASE_SOURCE   ("DISABLED")
  ) u_pll (
    .CLKI        (clk_25mhz),
    .CLKFB       (feedback),
    .CLKOP       (feedback),
    .CLKOS       (clk),
    .LOCK        (locked),
    .RST         (1'b0),
    .STDBY       (1'b0),
    .PLLWAKESYNC (1'b0),
    .PHASESEL0   (1'b0),
    .PHASESEL1   (1'b0),
    .PHASEDIR    (1'b1),
    .PHASESTEP   (1'b1),
    .PHASELOADREG(1'b1),
    .ENCLKOP     (1'b0)
  );

  systole_board_reset u_reset (
    .clk_i (clk),
    .ok_i  (locked && btn_pwr_n),
    .rst_no(rst_n)
  );

  systole_board #(
    .Rows        (Rows),
    .Cols        (Cols),
    .Fp          (Fp),
    .L           (L),
    .MulRegs     (MulRegs),
    .AxiDataW    (AxiDataW),
    .AxiAddrW    (AxiAddrW),
    .ActBytes    (ActBytes),
    .WgtBytes    (WgtBytes),
    .AccRows     (AccRows),
    .ParamEntries(ParamEntries),
    .QueueDepth  (QueueDepth),
    .MaxReads    (MaxReads),
    .MaxWrites   (MaxWrites),
    .EpLanes     (EpLanes),
    .MemBytes    (MemBytes),
    .ClkHz       (ClkHz),
    .Baud        (Baud),
    .BoardId     (BoardId)
  ) u_board (
    .clk_i (clk),
    .rst_ni(rst_n),
    .rx_i  (ftdi_txd),
    .tx_o  (ftdi_rxd),
    .led_o (led)
  );

endmodule
