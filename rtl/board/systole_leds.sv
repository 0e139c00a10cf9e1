// SPDX-License-Identifier: Apache-2.0

/// Lights that an eye can see: each event lights its LED for 50 to 100 ms; the heartbeat blinks once or twice a second.
module systole_leds #(
  parameter int ClkHz  = 50000000,
  parameter int Events = 4
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [Events-1:0] event_i,
  output logic [Events-1:0] led_o,
  output logic              heartbeat_o
);

  // 2^TickW cycles are 25 to 50 ms.
  localparam int TickW = $clog2(ClkHz / 40);

  logic [TickW+3:0]  time_q;
  logic              tick_q;
  logic [Events-1:0] event_q, first_q;

  assign heartbeat_o = time_q[TickW+3];

  always_ff @(posedge clk_i) begin
    event_q <= event_i;
    if (!rst_ni) begin
      time_q  <= '0;
      tick_q  <= 1'b0;
      led_o   <= '0;
      first_q <= '0;
    end else begin
      time_q <= time_q + (TickW+4)'(1);
      tick_q <= time_q[TickW-1:0] == '0;
      // An LED goes off at the second tick after its last event.
      if (tick_q) begin
        led_o   <= first_q;
        first_q <= '0;
      end
      for (int i = 0; i < Events; i++) begin
        if (event_q[i]) begin
          led_o[i]   <= 1'b1;
          first_q[i] <= 1'b1;
        end
      end
    end
  end

endmodule
