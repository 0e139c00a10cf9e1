// SPDX-License-Identifier: Apache-2.0

/// UART transmitter, 8N1, of any `ClkHz` / `Baud` from 8 up (24-bit phase accumulator: no bit is off by more than one clock, and the error does
/// not add up within a byte). A byte is taken when `valid_i && ready_o`; its start bit is on the line in the next cycle. Bytes may follow
/// each other after one stop bit (and one clock).
module systole_uart_tx #(
  parameter int ClkHz = 50000000,
  parameter int Baud  = 1000000
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       valid_i,
  output logic       ready_o,
  input  logic [7:0] data_i,
  output logic       tx_o
);

  localparam int PhaseW = 24;
  localparam logic [63:0] STEP = ((64'(Baud) << PhaseW) + 64'(ClkHz) / 2) / 64'(ClkHz);

  if (ClkHz < 8 * Baud) begin : gen_bad_ratio
    systole_error_uart_needs_eight_clocks_a_bit u_error ();
  end

  logic [PhaseW-1:0] phase_q;
  (* keep *) logic [PhaseW:0] phase_sum;  // kept: Yosys 0.23 would break the adder into single bits for the iCE40
  logic              tick_q, busy_q;
  logic [3:0]        left_q;   // bits after the one on the line
  logic [8:0]        shift_q;  // the bit on the line and the data bits after it

  assign ready_o = !busy_q;
  assign tx_o = shift_q[0];

  assign phase_sum = {1'b0, phase_q} + {1'b0, STEP[PhaseW-1:0]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      phase_q <= '0;
      tick_q  <= 1'b0;
      busy_q  <= 1'b0;
      left_q  <= '0;
      shift_q <= '1;
    end else begin
      {tick_q, phase_q} <= phase_sum;
      if (!busy_q) begin
        tick_q  <= 1'b0;
        phase_q <= STEP[PhaseW-1:0];  // the tick is seen a cycle late
        left_q  <= 4'd9;
        if (valid_i) begin
          busy_q  <= 1'b1;
          shift_q <= {data_i, 1'b0};
        end
      end else if (tick_q) begin
        shift_q <= {1'b1, shift_q[8:1]};
        left_q  <= left_q - 4'd1;
        if (left_q == 4'd0) busy_q <= 1'b0;
      end
    end
  end

endmodule
