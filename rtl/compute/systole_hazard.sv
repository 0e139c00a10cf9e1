// SPDX-License-Identifier: Apache-2.0

/// Accumulator hazards: remembers the tiles whose results may still be in the array and holds back a tile that would read rows
/// before they are written.
///
/// `clear_o` answers combinationally for the tile offered on `first_i`, `last_i`, `reads_i`; `start_i` (only while `clear_o`)
/// enters it. A tile streams one row a cycle from its start on; `row_i` is high while it does (from its start, too). With D = Depth:
/// a tile that reads waits, while an entry overlaps its rows, until D cycles after that entry's start when both have the same first
/// row, otherwise until D cycles after its last row. An entry lives until D cycles after its last row; without a free entry any tile waits.
module systole_hazard #(
  parameter int RowW    = 11,
  parameter int Depth   = 19,  // cycles from the read of an accumulator row until it may be read again
  parameter int Entries = 3
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [RowW-1:0] first_i,
  input  logic [RowW-1:0] last_i,
  input  logic            reads_i,
  input  logic            start_i,
  input  logic            row_i,
  output logic            clear_o
);

  localparam int AgeW = $clog2(Depth + 1);
  localparam int PtrW = (Entries > 1) ? $clog2(Entries) : 1;

  logic [PtrW-1:0]    ptr_q;  // entry that the next tile takes: they free in order
  logic [Entries-1:0] used, blocks;

  assign clear_o = !used[ptr_q] && !(reads_i && blocks != '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni)      ptr_q <= '0;
    else if (start_i) ptr_q <= (ptr_q == PtrW'(Entries - 1)) ? '0 : ptr_q + PtrW'(1);
  end

  for (genvar i = 0; i < Entries; i++) begin : gen_entry
    logic            valid_q, open_q;           // open: its rows are still being issued (only the newest)
    logic [RowW-1:0] first_q, last_q;
    logic [AgeW-1:0] age_start_q, age_end_q;    // cycles since its start, at most Depth; since its last row
    logic            enter, streams;

    assign enter     = start_i && ptr_q == PtrW'(i);
    assign streams   = open_q && row_i && !start_i;  // with start_i the row belongs to a newer tile
    assign used[i]   = valid_q;
    assign blocks[i] = valid_q && first_i <= last_q && last_i >= first_q &&
                       !(first_i == first_q && age_start_q == AgeW'(Depth));

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        open_q  <= 1'b0;
      end else if (enter) begin
        valid_q <= 1'b1;
        open_q  <= 1'b1;
      end else begin
        open_q <= streams;
        if (!streams && age_end_q == AgeW'(Depth - 1)) valid_q <= 1'b0;
      end
    end

    always_ff @(posedge clk_i) begin
      if (enter) begin
        first_q     <= first_i;
        last_q      <= last_i;
        age_start_q <= AgeW'(1);
        age_end_q   <= AgeW'(1);
      end else begin
        if (age_start_q != AgeW'(Depth)) age_start_q <= age_start_q + AgeW'(1);
        age_end_q <= streams ? AgeW'(1) : age_end_q + AgeW'(1);
      end
    end
  end

endmodule
