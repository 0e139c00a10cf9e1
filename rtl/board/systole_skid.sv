// SPDX-License-Identifier: Apache-2.0

/// Register slice of a valid/ready channel: outputs and `ready_o` are registers, one transfer a cycle, one cycle of latency. Cheaper on an FPGA than
/// a systole_fifo of two, which becomes LUT RAM. Through != 0: wires instead.
module systole_skid #(
  parameter int W       = 8,
  parameter int Through = 0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [W-1:0] data_i,
  output logic         valid_o,
  input  logic         ready_i,
  output logic [W-1:0] data_o
);

  if (Through != 0) begin : gen_through
    assign valid_o = valid_i;
    assign ready_o = ready_i;
    assign data_o  = data_i;

    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni};
  end else begin : gen_slice
    logic         valid_q, full_q;  // the output; a second entry, taken while the output waited
    logic [W-1:0] data_q, second_q;

    assign valid_o = valid_q;
    assign data_o  = data_q;
    assign ready_o = !full_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        full_q  <= 1'b0;
      end else if (ready_i || !valid_q) begin
        valid_q <= valid_i || full_q;
        full_q  <= 1'b0;
      end else if (valid_i) begin
        full_q <= 1'b1;
      end
    end

    always_ff @(posedge clk_i) begin
      if (ready_i || !valid_q) data_q <= full_q ? second_q : data_i;
      if (!full_q) second_q <= data_i;
    end
  end

`ifdef FORMAL
  // The contract of a queue of two, as in systole_fifo.
  (* anyseq *) logic f_mark;
  logic f_past_q, f_marked_q, f_push, f_pop;
  logic [1:0] f_level_q, f_ahead_q;
  logic [W-1:0] f_data_q;

  initial f_past_q = 1'b0;
  always_comb assume (rst_ni == f_past_q);

  assign f_push = valid_i && ready_o;
  assign f_pop  = valid_o && ready_i;

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) begin
      f_marked_q <= 1'b0;
      f_level_q  <= '0;
    end else begin
      f_level_q <= f_level_q + 2'(f_push) - 2'(f_pop);
      if (f_marked_q) begin
        if (f_pop && f_ahead_q == '0) f_marked_q <= 1'b0;
        if (f_pop) f_ahead_q <= f_ahead_q - 2'd1;
      end else if (f_push && f_mark) begin
        f_marked_q <= 1'b1;
        f_ahead_q  <= f_level_q - 2'(f_pop);
        f_data_q   <= data_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q && Through == 0) begin
      assert (f_level_q <= 2'd2);
      assert (ready_o == (f_level_q != 2'd2));
      assert (valid_o == (f_level_q != '0));
      if (f_marked_q) assert (f_ahead_q < f_level_q);
      if (f_marked_q && f_ahead_q == '0) assert (data_o == f_data_q);
      if ($past(f_past_q) && $past(valid_o && !ready_i)) assert (valid_o && $stable(data_o));
      cover (f_level_q == 2'd2 && valid_i && !ready_i);  // full, an entry waits
      cover (f_marked_q && f_pop && f_ahead_q == '0 && f_data_q != '0);  // the marked entry leaves
      cover (f_push && f_pop && $past(f_push && f_pop));  // one comes and one leaves, cycle after cycle
    end
  end
`endif

endmodule
