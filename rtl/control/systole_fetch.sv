// SPDX-License-Identifier: Apache-2.0

/// Fetches command records from the ring, ahead of their use: up to `Slots` records asked for and not yet taken, each with a
/// place reserved before its burst is asked for, so that read data are always accepted. One burst of 64 bytes a record.
/// A doorbell shows on `ar_valid_o` one cycle after `tail_i` changes; one request a cycle. A record is offered (`cmd_valid_o`)
/// in the cycle after its last beat; `cmd_err_o` says that a beat came with an error response. While `stop_i` no new burst is
/// asked for; one already offered stays. A record whose slot lies beyond the address width (ERROR_RANGE) or outside the read window
/// (ERROR_WINDOW) is not asked for either; then `err_valid_o` is high from the cycle after until `stop_i`, with `err_code_o`, its
/// `next_index_o` and `next_addr_o`. `quiet_o`: no burst is offered or under way. `ring_base_i`, `window_*_i` and `slot_mask_i`, the bits of an index
/// that name its slot, must have stood for a cycle when `tail_i` announces records.
module systole_fetch #(
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int Slots = 4
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                enable_i,
    input  logic                stop_i,
    input  logic [        63:0] ring_base_i,
    input  logic [        15:0] slot_mask_i,
    input  logic [AxiAddrW-13:0] window_first_i,
    input  logic [AxiAddrW-13:0] window_last_i,
    input  logic [        31:0] tail_i,
    output logic                ar_valid_o,
    input  logic                ar_ready_i,
    output logic [AxiAddrW-1:0] ar_addr_o,
    input  logic                r_valid_i,
    input  logic [AxiDataW-1:0] r_data_i,
    input  logic                r_last_i,
    input  logic                r_err_i,
    output logic                cmd_valid_o,
    input  logic                cmd_ready_i,
    output logic [       511:0] cmd_o,
    output logic                cmd_err_o,
    output logic                quiet_o,
    output logic                err_valid_o,
    output logic [         7:0] err_code_o,
    output logic [        31:0] next_index_o,
    output logic [        63:0] next_addr_o
);

  localparam int LevelW = $clog2(Slots + 1);

  logic [31:0] next_q, next;
  logic [15:0] slot_q;  // of record next_q
  logic [LevelW-1:0] reserved_q, pending_q;  // without what was asked for in the cycle before
  logic [AxiAddrW:0] address;  // with its carry
  logic beyond_q, full, due, in_range, in_window, ask, asked_q, taken, arrived, full_unused;

  // Index i lies in slot i mod size.
  assign address = {1'b0, ring_base_i[AxiAddrW-1:0]} + (AxiAddrW + 1)'({slot_q, 6'd0});
  assign in_range = !beyond_q && !address[AxiAddrW];
  // A legal tail is at most 65536 ahead; another one shows as misuse of the ring (`stop_i`).
  assign due = enable_i && next_q[16:0] != tail_i[16:0];
  assign next_index_o = next_q;
  assign next_addr_o = ring_base_i + 64'({slot_q, 6'd0});
  assign ask = due && in_range && in_window && !stop_i && !full && (!ar_valid_o || ar_ready_i);
  assign full = reserved_q == LevelW'(Slots) || (asked_q && reserved_q == LevelW'(Slots - 1));
  assign next = next_q + 32'd1;

  always_ff @(posedge clk_i) begin
    beyond_q <= (ring_base_i >> AxiAddrW) != '0;
  end

  // The slots inside the window are those of the ring's first so many, or none: 64 a page from the ring's page on.
  localparam int PageW = AxiAddrW - 12;

  logic base_inside;
  logic [PageW-1:0] base_page, pages;  // pages from the ring's to the window's last, less one
  logic [16:0] slots_q, pages_slots;

  assign base_page = ring_base_i[AxiAddrW-1:12];
  assign base_inside = base_page >= window_first_i && base_page <= window_last_i;
  assign pages = window_last_i - base_page;
  assign pages_slots = {pages[9:0], 6'd63} - 17'(ring_base_i[11:6]);  // less one
  assign in_window = {1'b0, slot_q} < slots_q;

  always_ff @(posedge clk_i) begin
    if (!base_inside) slots_q <= '0;
    else if ((pages >> 10) != '0) slots_q <= 17'h10000;  // more than the largest ring has
    else slots_q <= pages_slots + 17'd1;
  end

  assign taken = cmd_valid_o && cmd_ready_i;
  assign arrived = r_valid_i && r_last_i;
  assign quiet_o = pending_q == '0 && !asked_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ar_valid_o <= 1'b0;
      ar_addr_o  <= '0;
      next_q     <= '0;
      slot_q     <= '0;
      reserved_q <= '0;
      asked_q    <= 1'b0;
      pending_q  <= '0;
      err_valid_o <= 1'b0;
    end else begin
      err_valid_o <= due && !(in_range && in_window) && !stop_i;
      err_code_o  <= in_range ? systole_pkg::ERROR_WINDOW : systole_pkg::ERROR_RANGE;
      slot_q <= (ask ? next[15:0] : next_q[15:0]) & slot_mask_i;
      if (ar_ready_i) ar_valid_o <= 1'b0;
      if (ask) begin
        ar_valid_o <= 1'b1;
        ar_addr_o  <= address[AxiAddrW-1:0];
        next_q     <= next;
      end
      asked_q <= ask;
      if (asked_q && !taken) reserved_q <= reserved_q + LevelW'(1);
      if (taken && !asked_q) reserved_q <= reserved_q - LevelW'(1);
      if (asked_q && !arrived) pending_q <= pending_q + LevelW'(1);
      if (arrived && !asked_q) pending_q <= pending_q - LevelW'(1);
    end
  end

  // The last beat goes straight to the buffer, together with the ones before it.
  logic [511:0] record;
  logic err_q;

  generate
    if (AxiDataW == 512) begin : gen_one_beat
      assign record = r_data_i;
    end else begin : gen_beats
      logic [511-AxiDataW:0] early_q;
      assign record = {r_data_i, early_q};
      always_ff @(posedge clk_i) begin
        if (r_valid_i) early_q <= record[511:AxiDataW];
      end
    end
  endgenerate

  always_ff @(posedge clk_i) begin
    if (!rst_ni) err_q <= 1'b0;
    else if (r_valid_i) err_q <= !r_last_i && (err_q || r_err_i);
  end

  systole_fifo #(
      .W(513),
      .Depth(Slots)
  ) u_records (
      .clk_i,
      .rst_ni,
      .valid_i(arrived),
      .ready_o(full_unused),
      .data_i ({err_q || r_err_i, record}),
      .valid_o(cmd_valid_o),
      .ready_i(cmd_ready_i),
      .data_o ({cmd_err_o, cmd_o})
  );

  logic unused;
  assign unused = ^tail_i;

`ifdef FORMAL
  logic f_past_q;
  logic f_same;  // ring and window are what they were in the cycle before
  logic [79+2*PageW:0] f_seen_q;
  logic [LevelW:0] f_level_q;  // records that wait
  logic [LevelW:0] f_owed_q;  // requests whose last beat has not come
  // One beat of each record, whichever.
  localparam int FBeats = 512 / AxiDataW;
  (* anyconst *) logic [3:0] f_lane;
  logic [3:0] f_beat_q;  // beats of the record that have come
  logic [AxiDataW-1:0] f_data_q, f_beat;  // it, as it came; where it stands now
  logic f_err_q;  // one came with an error response

  initial f_past_q = 1'b0;
  always_comb begin
    assume (rst_ni == f_past_q);
    assume (ring_base_i[5:0] == '0);  // as the register has it
    assume ({1'b0, f_lane} < 5'(FBeats));
    if (f_past_q && r_valid_i) assume (r_last_i == (f_beat_q == 4'(FBeats - 1)));  // a burst has as many beats as were asked for
  end

  always_comb begin
    f_beat = '0;
    for (int i = 0; i < FBeats; i++) if (4'(i) == 4'(FBeats - 1) - f_beat_q + f_lane) f_beat = record[i*AxiDataW+:AxiDataW];
  end

  assign f_same = f_seen_q == {ring_base_i, slot_mask_i, window_first_i, window_last_i};

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) f_owed_q <= '0;
    else f_owed_q <= f_owed_q + (LevelW + 1)'(ask) - (LevelW + 1)'(arrived);
    if (!rst_ni) f_level_q <= '0;
    else f_level_q <= f_level_q + (LevelW + 1)'(arrived) - (LevelW + 1)'(taken);
    if (!rst_ni) f_beat_q <= '0;
    else if (r_valid_i) f_beat_q <= r_last_i ? 4'd0 : f_beat_q + 4'd1;
    if (!rst_ni) f_err_q <= 1'b0;
    else if (r_valid_i) f_err_q <= (f_beat_q != '0 && f_err_q) || r_err_i;
    if (r_valid_i && f_beat_q == f_lane) f_data_q <= r_data_i;
    f_seen_q <= {ring_base_i, slot_mask_i, window_first_i, window_last_i};
    if (f_past_q) begin
      // The registers do not change under way, and stand for a cycle before a doorbell.
      if (!f_same) assume (!due && !ar_valid_o);
      // The queue keeps its contract.
      assume (cmd_valid_o == (f_level_q != '0) && full_unused == (f_level_q != (LevelW + 1)'(Slots)));
      // Data come for what was asked for.
      if (f_owed_q == (LevelW + 1)'(ar_valid_o)) assume (!r_valid_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q && $past(f_past_q)) begin
      if (ar_valid_o) begin
        assert (ar_addr_o[AxiAddrW-1:12] >= window_first_i && ar_addr_o[AxiAddrW-1:12] <= window_last_i);
        assert (ar_addr_o[5:0] == '0);  // 64 bytes, aligned: in one page
        assert ((ring_base_i >> AxiAddrW) == '0);
      end
      if ($past(ar_valid_o && !ar_ready_i)) assert (ar_valid_o && $stable(ar_addr_o));
      if ($past(stop_i) && !$past(ar_valid_o && !ar_ready_i)) assert (!ar_valid_o);
      if (err_valid_o && $past(!stop_i) && err_code_o == systole_pkg::ERROR_WINDOW)
        assert (!$past(base_inside) || $past(next_addr_o[AxiAddrW-1:12] < window_first_i || next_addr_o[AxiAddrW-1:12] > window_last_i));
      // A place for each record.
      assert (f_owed_q <= (LevelW + 1)'(Slots));
      assert (!arrived || full_unused);  // the queue's ready
      assert (quiet_o == (f_owed_q == '0));
      assert (f_owed_q == (LevelW + 1)'(pending_q) + (LevelW + 1)'(asked_q));
      assert ((LevelW + 1)'(reserved_q) + (LevelW + 1)'(asked_q) == f_owed_q + f_level_q);
      assert (f_level_q <= (LevelW + 1)'(Slots));
      assert (f_owed_q + f_level_q <= (LevelW + 1)'(Slots));
      assert ((LevelW + 1)'(ar_valid_o) <= f_owed_q && (!asked_q || ar_valid_o));
      // A record is its beats in order, the first at the low end; an error response of an earlier one is remembered.
      if (f_beat_q > f_lane) assert (f_beat == f_data_q);
      if (arrived && f_beat_q == f_lane) assert (f_beat == r_data_i);
      assert ({1'b0, f_beat_q} < 5'(FBeats) && err_q == (f_beat_q != '0 && f_err_q));
      // What the registers for the window say, when they say it.
      if (f_same) begin
        assert (slots_q == (!base_inside ? 17'd0 : (pages >> 10) != '0 ? 17'h10000 : pages_slots + 17'd1));
        assert (beyond_q == ((ring_base_i >> AxiAddrW) != '0));
      end

      cover (ar_valid_o && $past(ar_valid_o && ar_ready_i) && ar_addr_o[AxiAddrW-1:12] == window_last_i);  // a request behind another, in the last page
      cover (err_valid_o && err_code_o == systole_pkg::ERROR_WINDOW && $past(ar_valid_o));  // the next record is outside
      cover (err_valid_o && err_code_o == systole_pkg::ERROR_RANGE);  // beyond the address width
      cover (arrived && $past(!r_valid_i) && f_lane == 4'(FBeats - 1) && r_data_i[0]);  // a record's last beat, after a gap
      cover (arrived && (err_q || r_err_i));  // a record that came with an error response
      cover (f_owed_q == (LevelW + 1)'(Slots) && !ar_valid_o);  // as many under way as there are places
    end
  end
`endif

endmodule
