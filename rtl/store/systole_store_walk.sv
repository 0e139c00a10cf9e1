// SPDX-License-Identifier: Apache-2.0

/// Accumulator side of a store: walks the groups of `EpLanes` columns of a command (a context) along its rows, across
/// column tiles, reads each from the accumulators and hands it on with its place in the beat, which results of 2^size bytes
/// have, and the place of its parameters in the banks. Groups wholly beyond n_tail are skipped, a group partly beyond it
/// has fewer lanes. Contexts come in the order in which systole_burst_gen takes their descriptors, with its merge flags.
///
/// acc_rd: valid/ready; data one cycle after valid and ready. out: valid/ready; a group is offered two cycles after its
/// read was accepted; out_last_o marks a context's last. One group a cycle, also across rows and contexts; a read is
/// asked for only while fewer than four groups are on their way to `out`. free_o: pulse in the cycle after the command's
/// last read was accepted, if the context asks for it.
/// An accumulator row outside both halves, or else, with per_column, a parameter entry beyond the banks: no further read; when
/// all groups before have passed the check of their parameters (none is on its way to `out`, and not `unchecked_i`),
/// err_valid_o is a pulse, one cycle later, with the row or the entry, and dead_o stays up until reset. stop_i (up until
/// reset): that check failed; no further read is asked for and no error raised. idle_o: no group is on its way to `out`
/// or asked for.
module systole_store_walk #(
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int EpLanes = 8,
    parameter int Credits = 4,  // groups on their way to `out`, at most 7
    parameter int ParamW = $clog2(ParamEntries),
    parameter int GroupW = Cols > EpLanes ? $clog2(Cols / EpLanes) : 1
) (
    input  logic                            clk_i,
    input  logic                            rst_ni,
    // context
    input  logic                            ctx_valid_i,
    output logic                            ctx_ready_o,
    input  logic                            ctx_merge1_i,
    input  logic                            ctx_merge2_i,
    input  logic [                    31:0] ctx_idx_i,
    input  logic                            ctx_free_i,
    input  logic [$clog2(AxiDataW/8)-1 : 0] ctx_offset_i,   // low bits of the address and the pitches
    input  logic [$clog2(AxiDataW/8)-1 : 0] ctx_pitch0_i,
    input  logic [$clog2(AxiDataW/8)-1 : 0] ctx_pitch1_i,
    input  logic [                    15:0] ctx_acc_i,
    input  logic [                    15:0] ctx_stride_i,
    input  logic [                    15:0] ctx_m0_i,
    input  logic [                    15:0] ctx_m1_i,
    input  logic [                    15:0] ctx_n_i,
    input  logic [                     7:0] ctx_n_tail_i,
    input  logic [                     1:0] ctx_size_i,     // log2 of a result's bytes
    input  logic                            ctx_per_column_i,
    input  logic [                    15:0] ctx_param_i,
    // accumulators
    output logic                            acc_rd_valid_o,
    input  logic                            acc_rd_ready_i,
    output logic [                    15:0] acc_rd_addr_o,
    output logic [                     5:0] acc_rd_group_o,
    input  logic [          EpLanes*32-1:0] acc_rd_data_i,
    // groups
    output logic                            out_valid_o,
    input  logic                            out_ready_i,
    output logic [          EpLanes*32-1:0] out_data_o,
    output logic [       $clog2(EpLanes):0] out_lanes_o,
    output logic [$clog2(AxiDataW/8)-1 : 0] out_offset_o,
    output logic                            out_end_o,
    output logic                            out_last_o,
    output logic [              ParamW-1:0] out_entry_o,
    output logic [              GroupW-1:0] out_group_o,
    // completion and errors
    input  logic                            unchecked_i,
    input  logic                            stop_i,
    output logic                            free_o,
    output logic                            err_valid_o,
    output logic [                    31:0] err_idx_o,
    output logic [                    15:0] err_addr_o,
    output logic                            dead_o,
    output logic                            idle_o
);

  localparam int OffW = $clog2(AxiDataW / 8);
  localparam int LaneW = $clog2(EpLanes) + 1;

  // --- The command under way. ----------------------------------------------------------------------------------------------
  logic active_q, merge1_q, merge2_q, free_q, per_column_q;
  logic [1:0] size_q;
  logic [15:0] param_q;
  logic [31:0] idx_q;
  logic [OffW-1:0] pitch0_q, pitch1_q;
  logic [15:0] stride_q, m0_q, n_q;
  logic [7:0] n_tail_q;

  // Where it stands. Rows are signed and one bit wider than needed to see them leave the accumulators on either side.
  logic [15:0] left0_q, left1_q, left_n_q;  // rows of this i1, of i1, tiles of this row: left, this one included
  logic [17:0] row_q, tile_row_q;  // accumulator row of the first tile, of this tile
  logic [15:0] entry_q;  // parameters of this tile
  logic [7:0] columns_q;  // of this tile, left
  logic [5:0] group_q;
  logic [OffW-1:0] offset_q, start0_q, start1_q;  // of this group, of the start of row i0, of the first row of i1

  logic group_last, row_end, last0, last1, command_end, segment_end;
  logic [LaneW-1:0] lanes;
  logic [OffW-1:0] bytes;  // of the group's results, as far as they move the place in the beat
  logic row_in_range, in_range, read, fail, ctx_fire;
  logic pending_q;  // a read that was asked for holds
  logic [OffW-1:0] next_start;
  logic [2:0] credits_q;
  logic give_back;

  assign group_last = columns_q <= 8'(EpLanes);
  assign lanes = group_last ? columns_q[LaneW-1:0] : LaneW'(EpLanes);
  assign bytes = OffW'(lanes) << size_q;
  assign row_end = group_last && left_n_q == 16'd1;
  assign last0 = left0_q == 16'd1;
  assign last1 = left1_q == 16'd1;
  assign command_end = row_end && last0 && last1;
  assign segment_end = row_end && !(last0 ? merge2_q && !last1 : merge1_q);
  assign next_start = last0 ? start1_q + pitch1_q : start0_q + pitch0_q;

  assign row_in_range = tile_row_q < 18'(2 * AccRows);  // negative rows are large
  assign in_range = row_in_range && !(per_column_q && entry_q >= 16'(ParamEntries));
  assign acc_rd_valid_o = active_q && in_range && credits_q != '0 && (!stop_i || pending_q);
  assign acc_rd_addr_o = tile_row_q[15:0];
  assign acc_rd_group_o = group_q;
  assign read = acc_rd_valid_o && acc_rd_ready_i;
  assign fail = active_q && !in_range && !dead_o && !stop_i && idle_o && !unchecked_i;

  assign ctx_ready_o = !active_q || (read && command_end);
  assign ctx_fire = ctx_valid_i && ctx_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      free_o <= 1'b0;
      err_valid_o <= 1'b0;
      dead_o <= 1'b0;
      pending_q <= 1'b0;
      credits_q <= 3'(Credits);
    end else begin
      if (ctx_fire) active_q <= 1'b1;
      else if (read && command_end) active_q <= 1'b0;
      free_o <= read && command_end && free_q;
      pending_q <= acc_rd_valid_o && !acc_rd_ready_i;
      err_valid_o <= fail;
      if (fail) dead_o <= 1'b1;
      if (read && !give_back) credits_q <= credits_q - 3'd1;
      if (give_back && !read) credits_q <= credits_q + 3'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fail) begin
      err_idx_o  <= idx_q;
      err_addr_o <= row_in_range ? entry_q : tile_row_q[15:0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (ctx_fire) begin
      left0_q <= ctx_m0_i;
      left1_q <= ctx_m1_i;
      left_n_q <= ctx_n_i;
      row_q <= {2'b00, ctx_acc_i};
      tile_row_q <= {2'b00, ctx_acc_i};
      entry_q <= ctx_param_i;
      columns_q <= ctx_n_i == 16'd1 ? ctx_n_tail_i : 8'(Cols);
      group_q <= '0;
      offset_q <= ctx_offset_i;
      start0_q <= ctx_offset_i;
      start1_q <= ctx_offset_i;
    end else if (read) begin
      if (!group_last) begin
        columns_q <= columns_q - 8'(EpLanes);
        group_q <= group_q + 6'd1;
      end else if (!row_end) begin
        left_n_q <= left_n_q - 16'd1;
        tile_row_q <= tile_row_q + {{2{stride_q[15]}}, stride_q};
        entry_q <= entry_q + 16'd1;
        columns_q <= left_n_q == 16'd2 ? n_tail_q : 8'(Cols);
        group_q <= '0;
      end else begin
        left_n_q <= n_q;
        left0_q <= last0 ? m0_q : left0_q - 16'd1;
        if (last0) left1_q <= left1_q - 16'd1;
        row_q <= row_q + 18'd1;
        tile_row_q <= row_q + 18'd1;
        entry_q <= param_q;
        columns_q <= n_q == 16'd1 ? n_tail_q : 8'(Cols);
        group_q <= '0;
        start0_q <= next_start;
        if (last0) start1_q <= next_start;
      end
      offset_q <= row_end ? next_start : offset_q + bytes;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ctx_fire) begin
      merge1_q <= ctx_merge1_i;
      merge2_q <= ctx_merge2_i;
      free_q <= ctx_free_i;
      idx_q <= ctx_idx_i;
      pitch0_q <= ctx_pitch0_i;
      pitch1_q <= ctx_pitch1_i;
      stride_q <= ctx_stride_i;
      m0_q <= ctx_m0_i;
      n_q <= ctx_n_i;
      n_tail_q <= ctx_n_tail_i;
      size_q <= ctx_size_i;
      per_column_q <= ctx_per_column_i;
      param_q <= ctx_param_i;
    end
  end

  // --- Groups that have been read. -----------------------------------------------------------------------------------------
  logic fly_valid_q, fly_end_q, fly_last_q;
  logic [ParamW-1:0] fly_entry_q;
  logic [GroupW-1:0] fly_group_q;
  logic [LaneW-1:0] fly_lanes_q;
  logic [OffW-1:0] fly_offset_q;
  logic unused_ready;  // there is a credit for each place

  always_ff @(posedge clk_i) begin
    if (!rst_ni) fly_valid_q <= 1'b0;
    else fly_valid_q <= read;
  end

  always_ff @(posedge clk_i) begin
    if (read) begin
      fly_end_q <= segment_end;
      fly_last_q <= command_end;
      fly_entry_q <= entry_q[ParamW-1:0];
      fly_group_q <= group_q[GroupW-1:0];
      fly_lanes_q <= lanes;
      fly_offset_q <= offset_q;
    end
  end

  systole_fifo #(
      .W(2 + ParamW + GroupW + LaneW + OffW + EpLanes * 32),
      .Depth(Credits)
  ) u_groups (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(fly_valid_q),
      .ready_o(unused_ready),
      .data_i ({fly_end_q, fly_last_q, fly_entry_q, fly_group_q, fly_lanes_q, fly_offset_q, acc_rd_data_i}),
      .valid_o(out_valid_o),
      .ready_i(out_ready_i),
      .data_o ({out_end_o, out_last_o, out_entry_o, out_group_o, out_lanes_o, out_offset_o, out_data_o})
  );

  assign give_back = out_valid_o && out_ready_i;
  assign idle_o = credits_q == 3'(Credits) && !acc_rd_valid_o;

endmodule
