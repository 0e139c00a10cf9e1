// SPDX-License-Identifier: Apache-2.0

/// Turns the bursts of an AXI address channel into beats of a memory of `Words` words of `WordBytes` bytes at address 0: `beat_valid_o` with
/// `beat_index_o`, `beat_last_o` and `beat_bad_o`, taken by `beat_ready_i`. Bad are all beats of a burst that begins or ends outside the memory,
/// is no INCR or is narrower than the bus. One beat a cycle, also from one burst to the next, if the burst has come three cycles
/// before. The first beat of a burst follows four cycles after its address.
module systole_axi_walk #(
  parameter int AddrW     = 32,
  parameter int WordBytes = 8,
  parameter int Words     = 32768,         // a power of two
  parameter int IndexW    = $clog2(Words)  // follows Words: not to be set
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              valid_i,
  output logic              ready_o,
  input  logic [AddrW-1:0]  addr_i,
  input  logic [7:0]        len_i,
  input  logic [2:0]        size_i,
  input  logic [1:0]        burst_i,
  output logic              beat_valid_o,
  input  logic              beat_ready_i,
  output logic [IndexW-1:0] beat_index_o,
  output logic              beat_last_o,
  output logic              beat_bad_o
);

  localparam int ByteW  = $clog2(WordBytes);
  localparam int UpperW = AddrW - IndexW - ByteW;

  // The channel's own register, then the burst taken apart, then checked, then walked.
  logic              in_valid, in_ready;
  logic [AddrW-ByteW-1:0] in_word;
  logic [7:0]        in_len;
  logic [2:0]        in_size;
  logic [1:0]        in_burst;

  logic              part_valid_q, part_bad_q, part_ready;
  logic [IndexW-1:0] part_index_q;
  logic [7:0]        part_len_q;

  logic              next_valid_q, next_bad_q, next_single_q, next_ready;
  logic [IndexW-1:0] next_index_q;
  logic [7:0]        next_len_q;

  logic [7:0]        left_q;  // beats after this one
  logic [IndexW:0]   end_index;

  systole_skid #(
    .W(AddrW - ByteW + 13)
  ) u_in (
    .clk_i,
    .rst_ni,
    .valid_i(valid_i),
    .ready_o(ready_o),
    .data_i ({addr_i[AddrW-1:ByteW], len_i, size_i, burst_i}),
    .valid_o(in_valid),
    .ready_i(in_ready),
    .data_o ({in_word, in_len, in_size, in_burst})
  );

  logic unused;
  assign unused = &{1'b0, addr_i[ByteW-1:0]};

  assign in_ready   = !part_valid_q || part_ready;
  assign part_ready = !next_valid_q || next_ready;
  assign next_ready = !beat_valid_o || (beat_ready_i && beat_last_o);
  assign end_index  = {1'b0, part_index_q} + (IndexW+1)'(part_len_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      part_valid_q <= 1'b0;
      next_valid_q <= 1'b0;
      beat_valid_o <= 1'b0;
    end else begin
      if (in_ready) part_valid_q <= in_valid;
      if (part_ready) next_valid_q <= part_valid_q;
      if (next_ready) beat_valid_o <= next_valid_q;
    end

    if (in_ready) begin
      part_index_q <= in_word[IndexW-1:0];
      part_len_q   <= in_len;
      part_bad_q   <= in_word[AddrW-ByteW-1 -: UpperW] != '0 || in_size != 3'(ByteW) || in_burst != 2'b01;
    end
    if (part_ready) begin
      next_index_q  <= part_index_q;
      next_len_q    <= part_len_q;
      next_single_q <= part_len_q == '0;
      next_bad_q    <= part_bad_q || end_index[IndexW];
    end
    if (next_ready) begin
      beat_index_o <= next_index_q;
      beat_last_o  <= next_single_q;
      beat_bad_o   <= next_bad_q;
      left_q       <= next_len_q;
    end else if (beat_ready_i) begin
      beat_index_o <= beat_index_o + IndexW'(1);
      beat_last_o  <= left_q == 8'd1;
      left_q       <= left_q - 8'd1;
    end
  end

endmodule
