// SPDX-License-Identifier: Apache-2.0

/// Write responses of the store engine: remembers each burst whose address was accepted, in order, and tells from the responses when a
/// command is complete in memory.
///
/// `burst_valid_i`: a burst was accepted (at most `MaxWrites` wait for their response): its address, whether it is its command's last,
/// whether that command gives MEM_DONE, the command's index. B: ready while a burst waits.
/// In the cycle after a command's last response: `done_o`, and `mem_done_o` if it asked for that. In the cycle after the first
/// response with an error: `err_valid_o`, a pulse, with the burst's address and the command's index; no command completes from then on.
/// `fails_o`: in the cycle of any response with an error.
/// `cut_i`: the data of command `cut_idx_i` and of all behind it was cut off: these do not complete, earlier ones do.
module systole_store_answers #(
    parameter int AxiAddrW = 40,
    parameter int MaxWrites = 16
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                burst_valid_i,
    input  logic [AxiAddrW-1:0] burst_addr_i,
    input  logic                burst_last_i,
    input  logic                burst_mem_done_i,
    input  logic [        31:0] burst_idx_i,
    input  logic                b_valid_i,
    output logic                b_ready_o,
    input  logic                b_error_i,
    input  logic                cut_i,
    input  logic [        31:0] cut_idx_i,
    output logic                done_o,
    output logic                mem_done_o,
    output logic                fails_o,
    output logic                err_valid_o,
    output logic [        31:0] err_idx_o,
    output logic [AxiAddrW-1:0] err_addr_o
);

  logic fire, last, mem_done, complete, failed_q;
  logic [31:0] idx, age;
  logic [AxiAddrW-1:0] addr;
  logic unused_ready;  // as many places as bursts under way
  logic unused;

  assign unused = ^age[30:0];

  systole_fifo #(
      .W(AxiAddrW + 34),
      .Depth(MaxWrites)
  ) u_bursts (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(burst_valid_i),
      .ready_o(unused_ready),
      .data_i ({burst_addr_i, burst_last_i, burst_mem_done_i, burst_idx_i}),
      .valid_o(b_ready_o),
      .ready_i(fire),
      .data_o ({addr, last, mem_done, idx})
  );

  assign fire = b_valid_i && b_ready_o;
  assign fails_o = fire && b_error_i;
  assign age = idx - cut_idx_i;  // negative: before the cut
  assign complete = fire && last && !b_error_i && !failed_q && (!cut_i || age[31]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      failed_q <= 1'b0;
      done_o <= 1'b0;
      mem_done_o <= 1'b0;
      err_valid_o <= 1'b0;
    end else begin
      if (fails_o) failed_q <= 1'b1;
      err_valid_o <= fails_o && !failed_q;
      done_o <= complete;
      mem_done_o <= complete && mem_done;
    end
  end

  always_ff @(posedge clk_i) begin
    err_idx_o  <= idx;
    err_addr_o <= addr;
  end

endmodule
