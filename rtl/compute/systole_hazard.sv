// SPDX-License-Identifier: Apache-2.0

/// Accumulator hazards: remembers the tiles whose results may still be in the array and holds back a tile that would read rows
/// before they are written.
///
/// `clear_o` is a register: it answers for the tile that was on `first_i`, `end_i`, `reads_i` in the cycle before. `change_i` says that
/// another one is there from the next cycle on; `clear_o` is then low in that cycle. `start_i` (only while `clear_o`) enters the tile and
/// counts as a change. A tile streams one row a cycle from its start on; `stream_i` is high while it does, after its first row. With
/// D = Depth: a tile that reads waits, while an entry overlaps its rows, until D cycles after that entry's start when both have the same
/// first row, otherwise until D cycles after its last row. An entry lives until D cycles after its last row; without a free entry any
/// tile waits. `next_o` is the answer for the tile that is there now, if it neither starts nor changes.
module systole_hazard #(
  parameter int RowW    = 11,
  parameter int Depth   = 19,  // cycles from the read of an accumulator row until it may be read again
  parameter int Entries = 3
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            change_i,
  input  logic [RowW-1:0] first_i,
  input  logic [RowW:0]   end_i,    // the row after the last
  input  logic            reads_i,
  input  logic            start_i,
  input  logic            stream_i,
  output logic            clear_o,
  output logic            next_o
);

  localparam int AgeW = $clog2(Depth + 1);
  localparam int PtrW = (Entries > 1) ? $clog2(Entries) : 1;

  logic [PtrW-1:0]    ptr_q;  // entry that the next tile takes: they free in order
  logic [Entries-1:0] used, blocks;  // in the next cycle, if no tile starts in this one
  logic               next, clear_q;

  assign clear_o = clear_q;
  assign next_o  = next;
  assign next    = !used[ptr_q] && !(reads_i && blocks != '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) clear_q <= 1'b0;
    else         clear_q <= !start_i && !change_i && next;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni)      ptr_q <= '0;
    else if (start_i) ptr_q <= (ptr_q == PtrW'(Entries - 1)) ? '0 : ptr_q + PtrW'(1);
  end

  for (genvar i = 0; i < Entries; i++) begin : gen_entry
    logic            valid_q, open_q;           // open: its rows are still being issued (only the newest)
    logic [RowW-1:0] first_q;
    logic [RowW:0]   end_q;
    logic [AgeW-1:0] age_start_q, age_end_q;    // cycles since its start, at most Depth; since its last row
    logic            old_q, ripe_q;             // age_start_q is Depth - 1 or Depth; age_end_q is Depth - 1
    logic            enter, streams, leaves, in_step;

    assign enter     = start_i && ptr_q == PtrW'(i);
    assign streams   = open_q && stream_i;
    assign leaves    = !streams && ripe_q;
    assign in_step   = first_i == first_q && old_q;
    assign used[i]   = valid_q && !leaves;
    assign blocks[i] = used[i] && {1'b0, first_i} < end_q && end_i > {1'b0, first_q} && !in_step;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        open_q  <= 1'b0;
      end else if (enter) begin
        valid_q <= 1'b1;
        open_q  <= 1'b1;
      end else begin
        open_q <= streams;
        if (leaves) valid_q <= 1'b0;
      end
    end

    always_ff @(posedge clk_i) begin
      if (enter) begin
        first_q     <= first_i;
        end_q       <= end_i;
        age_start_q <= AgeW'(1);
        age_end_q   <= AgeW'(1);
        old_q       <= Depth <= 2;
        ripe_q      <= Depth == 2;
      end else begin
        if (age_start_q != AgeW'(Depth)) age_start_q <= age_start_q + AgeW'(1);
        age_end_q <= streams ? AgeW'(1) : age_end_q + AgeW'(1);
        old_q     <= old_q || age_start_q >= AgeW'(Depth - 2);
        ripe_q    <= streams ? Depth == 2 : age_end_q == AgeW'(Depth - 2);
      end
    end
  end

endmodule
