// SPDX-License-Identifier: Apache-2.0

/// UART receiver, 8N1, for a line that knows nothing of `clk_i` (two synchronising registers). `ClkHz` / `Baud` may be any ratio from 8 up:
/// a 24-bit phase accumulator divides the clock, so that a bit is sampled within one clock of its middle.
///
/// `valid_o` is high for one cycle for each byte, in the middle of its stop bit, with `data_o` and `error_o` (the stop bit was 0: a break, noise
/// or another rate; the line must then rise before the next start bit). There is no back-pressure. A start bit that is over by its middle is
/// noise and gives nothing.
module systole_uart_rx #(
  parameter int ClkHz = 50000000,
  parameter int Baud  = 1000000
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,
  output logic       valid_o,
  output logic [7:0] data_o,
  output logic       error_o
);

  localparam int PhaseW = 24;
  localparam logic [63:0] STEP = ((64'(Baud) << PhaseW) + 64'(ClkHz) / 2) / 64'(ClkHz);
  // Half a bit, less the cycle and a half by which the start bit is seen and the sample is taken late.
  localparam logic [PhaseW-1:0] START = (PhaseW'(1) << (PhaseW - 1)) + STEP[PhaseW-1:0] + {1'b0, STEP[PhaseW-1:1]};

  if (ClkHz < 8 * Baud) begin : gen_bad_ratio
    systole_error_uart_needs_eight_clocks_a_bit u_error ();
  end

  enum logic [1:0] {IDLE, BITS, BREAK} state_q;
  logic [1:0]        sync_q;
  logic [PhaseW-1:0] phase_q;
  (* keep *) logic [PhaseW:0] phase_sum;  // kept: Yosys 0.23 would break the adder into single bits for the iCE40
  logic              tick_q;
  logic [3:0]        left_q;  // bits still to be sampled, start and stop bit included
  logic [7:0]        shift_q;
  logic              line;

  assign line = sync_q[1];
  assign data_o = shift_q;

  assign phase_sum = {1'b0, phase_q} + {1'b0, STEP[PhaseW-1:0]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= BREAK;
      sync_q  <= 2'b00;
      phase_q <= '0;
      tick_q  <= 1'b0;
      left_q  <= '0;
      shift_q <= '0;
      valid_o <= 1'b0;
      error_o <= 1'b0;
    end else begin
      sync_q  <= {sync_q[0], rx_i};
      valid_o <= 1'b0;
      {tick_q, phase_q} <= phase_sum;

      unique case (state_q)
        IDLE: begin
          tick_q  <= 1'b0;
          phase_q <= START;
          left_q  <= 4'd9;
          if (!line) state_q <= BITS;
        end
        BITS: begin
          if (tick_q) begin
            left_q <= left_q - 4'd1;
            if (left_q == 4'd0) begin
              valid_o <= 1'b1;
              error_o <= !line;
              if (line) state_q <= IDLE;
              else state_q <= BREAK;
            end else if (left_q == 4'd9) begin
              if (line) state_q <= IDLE;
            end else begin
              shift_q <= {line, shift_q[7:1]};
            end
          end
        end
        default: begin  // BREAK, and after a reset: wait until the line is idle
          if (line) state_q <= IDLE;
        end
      endcase
    end
  end

endmodule
