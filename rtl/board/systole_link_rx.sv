// SPDX-License-Identifier: Apache-2.0

/// SLIP decoder (RFC 1055). After a reset and whenever `listen_i` was low it hunts: it drops everything up to an END. Then each byte of a frame
/// is on `byte_o` for the one cycle of `valid_o`, and `end_o` marks the END after it. `spoil_o`: the frame cannot be right (a byte with a
/// framing error, ESC before anything but its two partners; ESC before END comes with `end_o`). One cycle of latency, no back-pressure.
module systole_link_rx (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       listen_i,
  input  logic       valid_i,
  input  logic [7:0] data_i,
  input  logic       error_i,
  output logic       valid_o,
  output logic [7:0] byte_o,
  output logic       end_o,
  output logic       spoil_o
);

  logic hunt_q, escape_q;
  logic is_end, is_esc, is_esc_end, is_esc_esc;

  assign is_end     = data_i == 8'hC0;
  assign is_esc     = data_i == 8'hDB;
  assign is_esc_end = data_i == 8'hDC;
  assign is_esc_esc = data_i == 8'hDD;

  always_ff @(posedge clk_i) begin
    valid_o <= 1'b0;
    end_o   <= 1'b0;
    spoil_o <= 1'b0;
    if (!rst_ni || !listen_i) begin
      hunt_q   <= 1'b1;
      escape_q <= 1'b0;
    end else if (valid_i && hunt_q) begin
      if (is_end && !error_i) hunt_q <= 1'b0;
    end else if (valid_i) begin
      escape_q <= 1'b0;
      if (error_i) begin
        spoil_o <= 1'b1;
      end else if (is_end) begin
        end_o   <= 1'b1;
        spoil_o <= escape_q;
      end else if (escape_q) begin
        valid_o <= is_esc_end || is_esc_esc;
        spoil_o <= !is_esc_end && !is_esc_esc;
      end else if (is_esc) begin
        escape_q <= 1'b1;
      end else begin
        valid_o <= 1'b1;
      end
    end
    byte_o <= !escape_q ? data_i : is_esc_end ? 8'hC0 : 8'hDB;
  end

endmodule
