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

`ifdef FORMAL
  // A queue's whole contract by one entry, whichever: it leaves after as many others as were there before it, unchanged; and as many
  // leave as came.
  (* anyseq *) logic f_mark;
  logic f_past_q, f_marked_q;
  logic [LevelW-1:0] f_level_q, f_ahead_q;  // entries; those before the marked one
  logic [W-1:0] f_data_q;

  initial f_past_q = 1'b0;
  always_comb assume (rst_ni == f_past_q);

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) begin
      f_marked_q <= 1'b0;
      f_level_q  <= '0;
    end else begin
      f_level_q <= f_level_q + LevelW'(push) - LevelW'(pop);
      if (f_marked_q) begin
        if (pop && f_ahead_q == '0) f_marked_q <= 1'b0;
        if (pop) f_ahead_q <= f_ahead_q - LevelW'(1);
      end else if (push && f_mark) begin
        f_marked_q <= 1'b1;
        f_ahead_q  <= f_level_q - LevelW'(pop);
        f_data_q   <= data_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q) begin
      assert (f_level_q <= LevelW'(Depth));
      assert (ready_o == (f_level_q != LevelW'(Depth)));
      assert (valid_o == (f_level_q != '0));
      if (f_marked_q) assert (f_ahead_q < f_level_q);
      if (f_marked_q && f_ahead_q == '0) assert (data_o == f_data_q);
      if ($past(f_past_q) && $past(valid_o && !ready_i)) assert (valid_o && $stable(data_o));
    end
    if (f_past_q) begin
      cover (f_level_q == LevelW'(Depth) && valid_i && !ready_i);  // full, an entry waits
      cover (f_marked_q && pop && f_ahead_q == '0 && f_data_q != '0);  // the marked entry leaves
      cover (Depth == 1 || (push && pop));  // one comes while one leaves
    end
  end
`endif

endmodule
