// SPDX-License-Identifier: Apache-2.0

/// First-in first-out queue of `Depth` entries of `W` bits. valid/ready on both sides; first word falls through: an entry
/// accepted in one cycle is offered in the next. One entry in and one out every cycle when Depth >= 2. `ready_o` depends
/// on the fill level only, never on `ready_i`. The storage is small and read in the same cycle (flip-flops or LUT RAM),
/// hence not a systole_ram.
module systole_fifo #(
    parameter int W = 8,
    parameter int Depth = 4
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

  localparam int PtrW = Depth > 1 ? $clog2(Depth) : 1;
  localparam int LevelW = $clog2(Depth + 1);

  logic [W-1:0] storage_q[Depth];
  logic [PtrW-1:0] write_q, read_q;
  logic [LevelW-1:0] level_q;
  logic full_q, filled_q;  // level_q is Depth, is not 0
  logic push, pop;

  assign ready_o = !full_q;
  assign valid_o = filled_q;
  assign data_o = storage_q[read_q];
  assign push = valid_i && ready_o;
  assign pop = valid_o && ready_i;

  always_ff @(posedge clk_i) begin
    if (push) storage_q[write_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      level_q <= '0;
      full_q <= 1'b0;
      filled_q <= 1'b0;
    end else begin
      if (push) write_q <= write_q == PtrW'(Depth - 1) ? '0 : write_q + PtrW'(1);
      if (pop) read_q <= read_q == PtrW'(Depth - 1) ? '0 : read_q + PtrW'(1);
      if (push && !pop) begin
        level_q  <= level_q + LevelW'(1);
        full_q   <= level_q == LevelW'(Depth - 1);
        filled_q <= 1'b1;
      end
      if (pop && !push) begin
        level_q  <= level_q - LevelW'(1);
        full_q   <= 1'b0;
        filled_q <= level_q != LevelW'(1);
      end
    end
  end

endmodule
