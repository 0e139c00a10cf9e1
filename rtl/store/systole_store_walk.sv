// SPDX-License-Identifier: Apache-2.0

/// Accumulator side of a store: walks the groups of `EpLanes` columns of a command (a context) along its rows, across
/// column tiles, reads each from the accumulators and hands it on with its place in the beat, which results of 2^size bytes
/// have, and the place of its parameters in the banks. Groups wholly beyond n_tail are skipped, a group partly beyond it
/// has fewer lanes. Contexts come in the order in which systole_burst_gen takes their descriptors, with its merge flags.
///
/// acc_rd: valid/ready; data two cycles after valid and ready. out: valid/ready; a group is offered three cycles after its
/// read was accepted; out_last_o marks a context's last. One group a cycle, also across rows and contexts; a read is
/// asked for only while fewer than `Credits` groups are on their way to `out`. free_o: pulse in the cycle after the command's
/// last read was accepted, if the context asks for it.
/// An accumulator row outside both halves, or else, with per_column, a parameter entry beyond the banks: no further read; when
/// all groups before have passed the check of their parameters (none is on its way to `out`, and not `unchecked_i`),
/// fails_o is a pulse, one cycle later err_valid_o, with the row or the entry, and dead_o stays up until reset. stop_i (up until
/// reset): that check failed; no further read is asked for and no error raised. idle_o: no group is on its way to `out`
/// or asked for.
module systole_store_walk #(
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int EpLanes = 8,
    parameter int Credits = 5,  // groups on their way to `out`, at most 7
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
    output logic                            fails_o,
    output logic                            err_valid_o,
    output logic [                    31:0] err_idx_o,
    output logic [                    15:0] err_addr_o,
    output logic                            dead_o,
    output logic                            idle_o
);

  localparam int OffW = $clog2(AxiDataW / 8);
  localparam int LaneW = $clog2(EpLanes) + 1;
  localparam int RowBits = $clog2(2 * AccRows);  // of a row in range

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
  logic [GroupW-1:0] group_q;
  logic [OffW-1:0] offset_q, start0_q, start1_q;  // of this group, of the start of row i0, of the first row of i1

  // What follows from that, found out with it: the last group of its tile, of its row; the last row of i0, of i1; the row is in the
  // accumulators, the parameters are in the banks; there is a group to read. And of the command: one tile a row, one row of i0, the tile at a
  // row's end has one group, a row begins with parameters in the banks.
  logic group_last_q, group_last_d, tile_last_q, tile_last_d, row_end_q, last0_q, last1_q;
  logic row_ok_q, row_ok_d, entry_ok_q, entry_ok_d, ready_q;
  logic one_tile_q, one_row_q, tail_last_q, param_ok_q;

  logic command_end, segment_end;
  logic [LaneW-1:0] lanes;
  logic [OffW-1:0] bytes;  // of the group's results, as far as they move the place in the beat
  logic read;
  logic renew, step;  // what is loaded is the next context's; something is
  logic [17:0] next_tile_row, next_row;
  logic [15:0] next_entry;
  logic ctx_one_tile, ctx_tail_last, ctx_row_ok, ctx_param_ok;
  logic pending_q;  // a read that was asked for holds
  logic [OffW-1:0] next_start;
  logic [2:0] credits_q;
  logic credit_q, all_credits_q;  // there is one, all are there
  logic give_back;

  assign lanes = group_last_q ? columns_q[LaneW-1:0] : LaneW'(EpLanes);
  assign bytes = OffW'(lanes) << size_q;
  assign command_end = row_end_q && last0_q && last1_q;
  assign segment_end = row_end_q && !(last0_q ? merge2_q && !last1_q : merge1_q);
  assign next_start = last0_q ? start1_q + pitch1_q : start0_q + pitch0_q;

  assign acc_rd_valid_o = ready_q && credit_q && (!stop_i || pending_q);
  assign acc_rd_addr_o = tile_row_q[15:0];
  assign acc_rd_group_o = 6'(group_q);
  assign read = acc_rd_valid_o && acc_rd_ready_i;
  assign fails_o = active_q && !ready_q && !dead_o && !stop_i && idle_o && !unchecked_i;

  assign ctx_ready_o = !active_q || (read && command_end);

  // All that follows is loaded by `step` from what `renew` chooses, which is known earlier; without a context it is not looked at.
  assign renew = !active_q || command_end;
  assign step = !active_q || read;

  // The place after this group, if that is in the same command. Negative rows are large.
  assign next_row = row_q + 18'd1;
  assign next_tile_row = tile_row_q + {{2{stride_q[15]}}, stride_q};
  assign next_entry = entry_q + 16'd1;

  always_comb begin
    if (!group_last_q) begin
      group_last_d = columns_q <= 8'(2 * EpLanes);
      tile_last_d = tile_last_q;
      row_ok_d = row_ok_q;
      entry_ok_d = entry_ok_q;
    end else if (!tile_last_q) begin
      tile_last_d = left_n_q == 16'd2;
      group_last_d = Cols == EpLanes || (tile_last_d && tail_last_q);
      row_ok_d = next_tile_row[17:RowBits] == '0;
      entry_ok_d = !per_column_q || (next_entry >> ParamW) == '0;
    end else begin
      tile_last_d = one_tile_q;
      group_last_d = Cols == EpLanes || (one_tile_q && tail_last_q);
      row_ok_d = next_row[17:RowBits] == '0;
      entry_ok_d = param_ok_q;
    end
  end

  assign ctx_one_tile = ctx_n_i == 16'd1;
  assign ctx_tail_last = Cols == EpLanes || ctx_n_tail_i <= 8'(EpLanes);
  assign ctx_row_ok = ({2'b00, ctx_acc_i} >> RowBits) == '0;
  assign ctx_param_ok = !ctx_per_column_i || (ctx_param_i >> ParamW) == '0;

  always_ff @(posedge clk_i) begin
    if (step && renew) begin
      tile_last_q <= ctx_one_tile;
      group_last_q <= Cols == EpLanes || (ctx_one_tile && ctx_tail_last);
      row_end_q <= ctx_one_tile && ctx_tail_last;
      last0_q <= ctx_m0_i == 16'd1;
      last1_q <= ctx_m1_i == 16'd1;
      row_ok_q <= ctx_row_ok;
      entry_ok_q <= ctx_param_ok;
      ready_q <= ctx_valid_i && ctx_row_ok && ctx_param_ok;
      one_tile_q <= ctx_one_tile;
      tail_last_q <= ctx_tail_last;
      param_ok_q <= ctx_param_ok;
    end else if (step) begin
      tile_last_q <= tile_last_d;
      group_last_q <= group_last_d;
      row_end_q <= tile_last_d && group_last_d;
      row_ok_q <= row_ok_d;
      entry_ok_q <= entry_ok_d;
      ready_q <= row_ok_d && entry_ok_d;
      if (row_end_q) begin
        last0_q <= last0_q ? one_row_q : left0_q == 16'd2;
        if (last0_q) last1_q <= left1_q == 16'd2;
      end
    end
    if (step && renew) one_row_q <= ctx_m0_i == 16'd1;
    if (!rst_ni) ready_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      free_o <= 1'b0;
      err_valid_o <= 1'b0;
      dead_o <= 1'b0;
      pending_q <= 1'b0;
      credits_q <= 3'(Credits);
      credit_q <= 1'b1;
      all_credits_q <= 1'b1;
    end else begin
      if (ctx_ready_o) active_q <= ctx_valid_i;
      free_o <= read && command_end && free_q;
      pending_q <= acc_rd_valid_o && !acc_rd_ready_i;
      err_valid_o <= fails_o;
      if (fails_o) dead_o <= 1'b1;
      if (read && !give_back) begin
        credits_q <= credits_q - 3'd1;
        credit_q <= credits_q != 3'd1;
        all_credits_q <= 1'b0;
      end
      if (give_back && !read) begin
        credits_q <= credits_q + 3'd1;
        credit_q <= 1'b1;
        all_credits_q <= credits_q == 3'(Credits - 1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (fails_o) begin
      err_idx_o  <= idx_q;
      err_addr_o <= row_ok_q ? entry_q : tile_row_q[15:0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (step && renew) begin
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
    end else if (step) begin
      if (!group_last_q) begin
        columns_q <= columns_q - 8'(EpLanes);
        group_q <= group_q + GroupW'(1);
      end else if (!tile_last_q) begin
        left_n_q <= left_n_q - 16'd1;
        tile_row_q <= next_tile_row;
        entry_q <= next_entry;
        columns_q <= tile_last_d ? n_tail_q : 8'(Cols);
        group_q <= '0;
      end else begin
        left_n_q <= n_q;
        left0_q <= last0_q ? m0_q : left0_q - 16'd1;
        if (last0_q) left1_q <= left1_q - 16'd1;
        row_q <= next_row;
        tile_row_q <= next_row;
        entry_q <= param_q;
        columns_q <= one_tile_q ? n_tail_q : 8'(Cols);
        group_q <= '0;
        start0_q <= next_start;
        if (last0_q) start1_q <= next_start;
      end
      offset_q <= row_end_q ? next_start : offset_q + bytes;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step && renew) begin
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
  localparam int FlyW = 2 + ParamW + GroupW + LaneW + OffW;

  logic [1:0] fly_valid_q;  // read one, two cycles ago
  logic [FlyW-1:0] fly1_q, fly2_q;
  logic unused_ready;  // there is a credit for each place

  always_ff @(posedge clk_i) begin
    if (!rst_ni) fly_valid_q <= 2'b00;
    else fly_valid_q <= {fly_valid_q[0], read};
  end

  always_ff @(posedge clk_i) begin
    if (read) fly1_q <= {segment_end, command_end, entry_q[ParamW-1:0], group_q, lanes, offset_q};
    if (fly_valid_q[0]) fly2_q <= fly1_q;
  end

  systole_fifo #(
      .W(FlyW + EpLanes * 32),
      .Depth(Credits)
  ) u_groups (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(fly_valid_q[1]),
      .ready_o(unused_ready),
      .data_i ({fly2_q, acc_rd_data_i}),
      .valid_o(out_valid_o),
      .ready_i(out_ready_i),
      .data_o ({out_end_o, out_last_o, out_entry_o, out_group_o, out_lanes_o, out_offset_o, out_data_o})
  );

  assign give_back = out_valid_o && out_ready_i;
  assign idle_o = all_credits_q && !acc_rd_valid_o;

`ifdef FORMAL
  // Groups and their credits; what a context says of its rows is free here.
  logic f_past_q;
  logic [3:0] f_level_q, f_way;  // groups that wait for the epilogue; all that have been read and not taken

  initial f_past_q = 1'b0;
  assign f_way = f_level_q + 4'(fly_valid_q[0]) + 4'(fly_valid_q[1]);
  always_comb begin
    assume (rst_ni == f_past_q);
    if (f_past_q) assume (out_valid_o == (f_level_q != '0));  // the queue keeps its contract
  end

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) f_level_q <= '0;
    else f_level_q <= f_level_q + 4'(fly_valid_q[1]) - 4'(give_back);
    if (f_past_q && $past(f_past_q && stop_i)) assume (stop_i);  // until reset
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q && $past(f_past_q)) begin
      // A place for each group that is asked for.
      assert (f_way <= 4'(Credits) && 4'(credits_q) == 4'(Credits) - f_way);
      assert (credit_q == (credits_q != '0) && all_credits_q == (credits_q == 3'(Credits)));
      assert (!fly_valid_q[1] || f_level_q != 4'(Credits));
      assert (idle_o == (f_way == '0 && !acc_rd_valid_o));
      // A read holds until it is taken.
      if ($past(acc_rd_valid_o && !acc_rd_ready_i)) assert (acc_rd_valid_o && $stable(acc_rd_addr_o) && $stable(acc_rd_group_o));
      assert (pending_q == $past(acc_rd_valid_o && !acc_rd_ready_i));
      // What cuts the data off: behind it nothing comes.
      assert (!ready_q || active_q);
      if (dead_o) assert (active_q && !ready_q);
      if ($past(stop_i) && !pending_q) assert (!acc_rd_valid_o);
      if ($past(dead_o)) assert (dead_o);
      if ($past(idle_o && (dead_o || stop_i))) assert (idle_o && !out_valid_o);
      if ($past(fails_o)) assert (dead_o && err_valid_o && $past(idle_o && !unchecked_i));
      if (err_valid_o) assert ($past(fails_o));

      cover (f_way == 4'(Credits) && active_q && ready_q);  // as many groups on their way as may be, another waits
      cover (dead_o && $past(!dead_o) && $past(out_valid_o && out_ready_i, 2));  // a row outside the accumulators, behind a group
      cover (stop_i && pending_q && !$past(stop_i));  // illegal parameters while a read waits
      cover (free_o);  // a command's last read
    end
  end
`endif

endmodule
