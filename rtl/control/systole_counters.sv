// SPDX-License-Identifier: Apache-2.0

/// The performance counters. Each counts one for every cycle of `busy_i` in which its event holds; bytes: the bytes of a beat;
/// MACS: `macs_i`, what the row of the cycle before does.
/// `snapshot_i` copies all of them to `snapshot_o` at the end of its cycle, without that cycle; `clear_i` zeroes them, that
/// cycle's events included, after the snapshot if both come together. `cause_i` has, in every cycle without `row_issue_i`, one
/// bit set: {no command, store, hazard, activations, weights}; "no command" counts as COMMAND while `commands_left_i`, else
/// as DRAIN, so that the causes and COMPUTE add up to TOTAL. Everything goes through a register first: `snapshot_o` changes two cycles after
/// `snapshot_i`.
module systole_counters #(
    parameter int BeatBytes = 16
) (
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       busy_i,
    input  logic       row_issue_i,
    input  logic [4:0] cause_i,
    input  logic       commands_left_i,
    input  logic [systole_pkg::MACS_W-1:0] macs_i,
    input  logic       r_burst_i,
    input  logic       w_burst_i,
    input  logic       r_beat_i,
    input  logic       w_beat_i,
    input  logic       snapshot_i,
    input  logic       clear_i,
    output logic [systole_pkg::COUNTER_COUNT*systole_pkg::COUNTER_W-1:0] snapshot_o
);

  localparam int Count = systole_pkg::COUNTER_COUNT;
  localparam int W = systole_pkg::COUNTER_W;

  logic [Count-1:0] event_now, event_q;  // event_q: it counts
  logic [systole_pkg::MACS_W-1:0] macs_q;
  logic snapshot_now_q, clear_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {snapshot_now_q, clear_q} <= 2'b00;
    else         {snapshot_now_q, clear_q} <= {snapshot_i, clear_i};
  end

  always_ff @(posedge clk_i) begin
    event_q <= busy_i ? event_now : '0;
    macs_q  <= macs_i;
  end

  assign event_now[systole_pkg::COUNTER_TOTAL] = 1'b1;
  assign event_now[systole_pkg::COUNTER_COMPUTE] = row_issue_i;
  assign event_now[systole_pkg::COUNTER_COMMAND] = !row_issue_i && cause_i[4] && commands_left_i;
  assign event_now[systole_pkg::COUNTER_WEIGHTS] = !row_issue_i && cause_i[0];
  assign event_now[systole_pkg::COUNTER_ACTIVATIONS] = !row_issue_i && cause_i[1];
  assign event_now[systole_pkg::COUNTER_HAZARD] = !row_issue_i && cause_i[2];
  assign event_now[systole_pkg::COUNTER_STORE] = !row_issue_i && cause_i[3];
  assign event_now[systole_pkg::COUNTER_DRAIN] = !row_issue_i && cause_i[4] && !commands_left_i;
  assign event_now[systole_pkg::COUNTER_READ_BYTES] = r_beat_i;
  assign event_now[systole_pkg::COUNTER_WRITE_BYTES] = w_beat_i;
  assign event_now[systole_pkg::COUNTER_READ_BURSTS] = r_burst_i;
  assign event_now[systole_pkg::COUNTER_WRITE_BURSTS] = w_burst_i;
  assign event_now[systole_pkg::COUNTER_MACS] = 1'b1;

  generate
    for (genvar c = 0; c < Count; c++) begin : gen_counter
      localparam int Step =
          c == systole_pkg::COUNTER_READ_BYTES || c == systole_pkg::COUNTER_WRITE_BYTES ? BeatBytes : 1;
      logic [W-1:0] counter_q, snapshot_q, step;

      assign step = c == systole_pkg::COUNTER_MACS ? W'(macs_q) : W'(Step);

      assign snapshot_o[c*W+:W] = snapshot_q;

      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          counter_q  <= '0;
          snapshot_q <= '0;
        end else begin
          if (snapshot_now_q) snapshot_q <= counter_q;
          if (clear_q) counter_q <= '0;
          else if (event_q[c]) counter_q <= counter_q + step;
        end
      end
    end
  endgenerate

endmodule
