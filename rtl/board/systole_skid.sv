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

endmodule
