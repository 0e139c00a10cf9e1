// SPDX-License-Identifier: Apache-2.0

/// Power-on reset: `rst_no` is low until `ok_i` (asynchronous: the PLL has locked, the button is up) has been high for 256 cycles, and again
/// whenever it falls (21 us at 12 MHz: an iCE40's block RAM is not ready sooner after its configuration). The registers start from the FPGA's initial values: there is no reset before this one.
module systole_board_reset (
  input  logic clk_i,
  input  logic ok_i,
  output logic rst_no
);

  logic [1:0] sync_q;
  logic [8:0] count_q;

  initial begin
    sync_q  = '0;
    count_q = '0;
  end

  assign rst_no = count_q[8];

  always_ff @(posedge clk_i) begin
    sync_q <= {sync_q[0], ok_i};
    if (!sync_q[1]) count_q <= '0;
    else if (!count_q[8]) count_q <= count_q + 9'd1;
  end

endmodule
