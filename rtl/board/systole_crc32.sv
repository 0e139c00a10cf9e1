// SPDX-License-Identifier: Apache-2.0

/// CRC-32 of IEEE 802.3 (as zlib's crc32), a bit a cycle. `clear_i` begins a message; `valid_i` adds the byte `data_i`, which takes eight cycles
/// after it (`busy_o`); no other byte may come in that time. `crc_o` is the CRC of the bytes so far; `good_o`: the last four of them were the
/// CRC of those before, least significant byte first.
module systole_crc32 (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        clear_i,
  input  logic        valid_i,
  input  logic [7:0]  data_i,
  output logic        busy_o,
  output logic [31:0] crc_o,
  output logic        good_o
);

  localparam logic [31:0] POLYNOMIAL = 32'hEDB88320;  // bit-reversed 0x04C11DB7
  localparam logic [31:0] RESIDUE    = 32'hDEBB20E3;  // the register after any message and its CRC

  logic [31:0] crc_q;
  logic [2:0]  left_q;
  logic        busy_q;

  assign busy_o = busy_q;
  assign crc_o  = ~crc_q;
  assign good_o = crc_q == RESIDUE;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      crc_q  <= '1;
      left_q <= '0;
      busy_q <= 1'b0;
    end else if (busy_q) begin
      crc_q  <= {1'b0, crc_q[31:1]} ^ (crc_q[0] ? POLYNOMIAL : '0);
      left_q <= left_q - 3'd1;
      busy_q <= left_q != '0;
    end else if (valid_i) begin
      crc_q[7:0] <= crc_q[7:0] ^ data_i;
      left_q     <= 3'd7;
      busy_q     <= 1'b1;
    end
  end

endmodule
