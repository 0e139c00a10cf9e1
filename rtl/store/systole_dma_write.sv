// SPDX-License-Identifier: Apache-2.0

/// Data side of a store: packs groups of up to `GroupBytes` bytes into AXI write beats and sends them.
///
/// in: valid/ready; the bytes of in_data_i that `in_strobes_i` names (one or more, from the low end; the others are 0) belong at byte
/// `in_offset_i` of the present beat and those after it, touch `in_touched_i` beats and complete `in_completed_i` of them. Offsets follow each other within a segment; its last
/// group completes its last beat. `in_fits_o` says a cycle ahead whether a group that touches `in_next_touched_i` beats would be taken. One rotator places the bytes in a ring of `Slots` beat slots, which are zero where nothing
/// was placed.
/// burst: valid/ready, a burst whose AW has been accepted, in order, beats-1. W beats are sent for these only, at
/// the earliest one cycle after the burst was announced and one cycle after the group that completes the beat was taken.
/// One group and one beat a cycle; one beat a cycle whenever groups are at least as wide as beats. W payload holds
/// until taken.
/// `fill_i`, until reset: the rest of the data will not come. From the next cycle on, once all complete beats are sent, announced bursts are completed with
/// beats without strobes.
module systole_dma_write #(
    parameter int GroupBytes = 32,  // a power of two, >= 4
    parameter int AxiDataW = 128,
    parameter int MaxWrites = 16,
    parameter int BeatsW = $clog2(GroupBytes + AxiDataW / 4) + 1 - $clog2(AxiDataW / 8)  // follows: not to be set
) (
    input  logic                            clk_i,
    input  logic                            rst_ni,
    input  logic                            fill_i,
    input  logic                            in_valid_i,
    output logic                            in_ready_o,
    input  logic [        GroupBytes*8-1:0] in_data_i,
    input  logic [          GroupBytes-1:0] in_strobes_i,
    input  logic [$clog2(AxiDataW/8)-1 : 0] in_offset_i,
    input  logic [              BeatsW-1:0] in_touched_i,
    input  logic [              BeatsW-1:0] in_next_touched_i,
    output logic                            in_fits_o,
    input  logic [              BeatsW-1:0] in_completed_i,
    input  logic                            burst_valid_i,
    output logic                            burst_ready_o,
    input  logic [                     7:0] burst_len_i,
    output logic                            w_valid_o,
    input  logic                            w_ready_i,
    output logic [            AxiDataW-1:0] w_data_o,
    output logic [          AxiDataW/8-1:0] w_strb_o,
    output logic                            w_last_o
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW = $clog2(BusBytes);
  // A group may touch one beat more than it is wide, while the beats before it leave.
  localparam int Slots = GroupBytes >= 2 * BusBytes ? 2 * GroupBytes / BusBytes : GroupBytes == BusBytes ? 4 : 2;
  localparam int SlotW = $clog2(Slots);
  localparam int LevelW = SlotW + 1;
  localparam int RingBytes = Slots * BusBytes;
  localparam int MaxTouched = (GroupBytes >= BusBytes ? GroupBytes / BusBytes : 1) + 1;  // beats that a group may touch
  localparam int TouchedW = $clog2(MaxTouched + 1);

  // --- Place a group. --------------------------------------------------------------------------------------------------------
  logic [SlotW-1:0] head_q, tail_q;  // next beat to send, beat that is being filled
  // Complete beats; there is one; Slots less these; there is room for as many as the index says.
  logic [LevelW-1:0] level_q, room_q;
  logic some_q;
  logic [2**TouchedW-1:0] fits_d, fits_q;
  logic [LevelW-1:0] completed, level_placed, room_placed;
  logic place, send, sent;
  logic [RingBytes*8+GroupBytes*8-1:0] placed;  // the part beyond the ring's end belongs to its beginning
  logic [RingBytes+GroupBytes-1:0] placed_strobes;

  logic unused_beats;

  assign completed = LevelW'(in_completed_i);
  assign in_ready_o = fits_q[in_touched_i[TouchedW-1:0]];
  assign in_fits_o = fits_d[in_next_touched_i[TouchedW-1:0]];
  assign unused_beats = ^{in_touched_i, in_next_touched_i, in_completed_i};
  assign place = in_valid_i && in_ready_o;

  // The condition only saves the simulator's time.
  always_comb begin
    placed = '0;
    placed_strobes = '0;
    if (in_valid_i) begin
      placed = {{RingBytes * 8{1'b0}}, in_data_i} << {tail_q, in_offset_i, 3'b000};
      placed_strobes = {{RingBytes{1'b0}}, in_strobes_i} << {tail_q, in_offset_i};
    end
  end

  // --- Beat slots: cleared when sent, so that placing is an OR. ------------------------------------------------------------------
  logic [RingBytes*8-1:0] ring, put;
  logic [RingBytes-1:0] ring_strobes, put_strobes;

  assign put = placed[RingBytes*8-1:0] | (RingBytes * 8)'(placed[RingBytes*8+:GroupBytes*8]);
  assign put_strobes = placed_strobes[RingBytes-1:0] | RingBytes'(placed_strobes[RingBytes+:GroupBytes]);

  for (genvar s = 0; s < Slots; s++) begin : gen_slot
    logic [AxiDataW-1:0] beat_q;
    logic [BusBytes-1:0] strobes_q;

    assign ring[s*AxiDataW+:AxiDataW] = beat_q;
    assign ring_strobes[s*BusBytes+:BusBytes] = strobes_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni || (send && some_q && head_q == SlotW'(s))) begin
        beat_q <= '0;
        strobes_q <= '0;
      end else if (place) begin
        beat_q <= beat_q | put[s*AxiDataW+:AxiDataW];
        strobes_q <= strobes_q | put_strobes[s*BusBytes+:BusBytes];
      end
    end
  end

  // --- Send beats of announced bursts. -------------------------------------------------------------------------------------------
  logic burst_valid, burst_end;
  logic [7:0] burst_len, beat_q;
  logic fill_q, filling;

  systole_fifo #(
      .W(8),
      .Depth(MaxWrites)
  ) u_bursts (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(burst_valid_i),
      .ready_o(burst_ready_o),
      .data_i (burst_len_i),
      .valid_o(burst_valid),
      .ready_i(burst_end),
      .data_o (burst_len)
  );

  assign filling = fill_q && !some_q;
  assign w_valid_o = burst_valid && (some_q || fill_q);
  assign w_last_o = beat_q == burst_len;
  assign w_data_o = ring[{head_q, {OffW + 3{1'b0}}}+:AxiDataW];
  assign w_strb_o = filling ? '0 : ring_strobes[{head_q, {OffW{1'b0}}}+:BusBytes];
  assign send = w_valid_o && w_ready_i;
  assign sent = send && !filling;
  assign burst_end = send && w_last_o;

  // Sums first, for `place` and `sent` come late.
  assign level_placed = level_q + completed;
  assign room_placed = room_q - completed;

  always_comb begin
    fits_d = '1;
    for (int i = 1; i <= MaxTouched; i++) begin
      fits_d[i] = place ? (sent ? room_placed + LevelW'(1) >= LevelW'(i) : room_placed >= LevelW'(i))
                        : (sent ? room_q + LevelW'(1) >= LevelW'(i) : room_q >= LevelW'(i));
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q  <= '0;
      tail_q  <= '0;
      level_q <= '0;
      some_q  <= 1'b0;
      fits_q  <= '1;
      fill_q  <= 1'b0;
      room_q  <= LevelW'(Slots);
      beat_q  <= '0;
    end else begin
      if (place) tail_q <= tail_q + SlotW'(completed);
      if (send) begin
        beat_q <= w_last_o ? '0 : beat_q + 8'd1;
        if (!filling) head_q <= head_q + SlotW'(1);
      end
      level_q <= place ? (sent ? level_placed - LevelW'(1) : level_placed) : (sent ? level_q - LevelW'(1) : level_q);
      some_q  <= place ? (sent ? level_placed != LevelW'(1) : level_placed != '0) : (sent ? level_q != LevelW'(1) : some_q);
      fill_q  <= fill_i;
      room_q  <= place ? (sent ? room_placed + LevelW'(1) : room_placed) : (sent ? room_q + LevelW'(1) : room_q);
      fits_q  <= fits_d;
    end
  end

`ifdef FORMAL
  // One beat, whichever, carries exactly what was placed in it; one burst, whichever, has as many beats as it announced. Numbers of
  // beats are modulo 32.
  (* anyseq *) logic f_mark, f_end;
  localparam int FCountW = 5;
  localparam int CountBurstW = $clog2(MaxWrites + 1) + 1;
  logic f_past_q, f_first_q;  // a segment begins
  logic [OffW-1:0] f_offset_q;
  logic [FCountW-1:0] f_sum, f_touched, f_completed, f_number, f_level_q, f_ahead_q;  // complete beats; those before the marked one
  logic f_marked_q, f_burst_marked_q, f_sent;
  logic [SlotW-1:0] f_slot;
  logic [AxiDataW-1:0] f_data_q;
  logic [BusBytes-1:0] f_strobes_q;
  logic [CountBurstW-1:0] f_bursts_q, f_before_q;  // bursts without their last beat; those before the marked one
  logic [7:0] f_len_q;

  always_comb begin
    f_number = '0;
    for (int i = 0; i < GroupBytes; i++) f_number = f_number + FCountW'(in_strobes_i[i]);
  end
  assign f_sum = FCountW'(in_offset_i) + f_number;
  assign f_touched = (f_sum + FCountW'(BusBytes - 1)) >> OffW;
  assign f_completed = f_end ? f_touched : f_sum >> OffW;
  assign f_sent = send && f_level_q != '0;
  assign f_slot = head_q + SlotW'(f_ahead_q);

  initial f_past_q = 1'b0;
  always_comb begin
    assume (rst_ni == f_past_q);
    // Groups as the epilogue makes them.
    if (in_valid_i) begin
      assume (in_strobes_i[0] && (in_strobes_i & (in_strobes_i + 1'b1)) == '0);
      assume (in_touched_i == BeatsW'(f_touched) && in_completed_i == BeatsW'(f_completed));
      if (f_past_q && !f_first_q) assume (in_offset_i == f_offset_q);
      for (int i = 0; i < GroupBytes; i++) if (!in_strobes_i[i]) assume (in_data_i[i*8+:8] == '0);
    end
    if (f_past_q && f_bursts_q == CountBurstW'(MaxWrites)) assume (!burst_valid_i);  // no more bursts than have a place
    if (f_past_q && (fill_i || fill_q)) assume (!in_valid_i);  // once the data are cut off, until reset
    if (f_past_q && fill_q) assume (fill_i);
  end

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) begin
      f_first_q <= 1'b1;
      f_level_q <= '0;
      f_marked_q <= 1'b0;
      f_bursts_q <= '0;
      f_burst_marked_q <= 1'b0;
    end else begin
      if (place) begin
        f_first_q  <= f_end;
        f_offset_q <= OffW'(f_sum);
      end
      f_level_q <= f_level_q + (place ? f_completed : FCountW'(0)) - FCountW'(f_sent);
      if (!f_marked_q) begin
        // The beat behind the one that is being filled.
        if (f_mark && !place) begin
          f_marked_q <= 1'b1;
          f_ahead_q <= f_level_q + FCountW'(1) - FCountW'(f_sent);
          f_strobes_q <= '0;
          f_data_q <= '0;
        end
      end else begin
        if (f_sent) f_ahead_q <= f_ahead_q - FCountW'(1);
        if (f_sent && f_ahead_q == '0) f_marked_q <= 1'b0;
        if (place && f_ahead_q >= f_level_q) begin
          for (int i = 0; i < GroupBytes; i++) begin
            for (int lane = 0; lane < BusBytes; lane++) begin
              if (in_strobes_i[i] && FCountW'(in_offset_i) + FCountW'(i) == ((f_ahead_q - f_level_q) << OffW) + FCountW'(lane)) begin
                f_strobes_q[lane] <= 1'b1;
                f_data_q[lane*8+:8] <= f_data_q[lane*8+:8] | in_data_i[i*8+:8];
              end
            end
          end
        end
      end
      f_bursts_q <= f_bursts_q + CountBurstW'(burst_valid_i) - CountBurstW'(burst_end);
      if (!f_burst_marked_q) begin
        if (f_mark && burst_valid_i) begin
          f_burst_marked_q <= 1'b1;
          f_before_q <= f_bursts_q - CountBurstW'(burst_end);
          f_len_q <= burst_len_i;
        end
      end else if (burst_end) begin
        f_before_q <= f_before_q - CountBurstW'(1);
        if (f_before_q == '0) f_burst_marked_q <= 1'b0;
      end
      // The queue of bursts keeps its contract.
      assume (burst_valid == (f_bursts_q != '0));
      if (f_burst_marked_q && f_before_q == '0) assume (burst_len == f_len_q);
    end
    if (f_past_q && $past(burst_valid && !burst_end)) assume ($stable(burst_len));
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q) begin
      if (w_valid_o) assert (f_bursts_q != '0 && (f_level_q != '0 || fill_q));
      if (f_bursts_q != '0 && (f_level_q != '0 || fill_q)) assert (w_valid_o);
      if (f_burst_marked_q && f_before_q == '0) assert (w_last_o == (beat_q == f_len_q));
      if ($past(f_past_q) && $past(send)) assert (beat_q == ($past(w_last_o) ? 8'd0 : $past(beat_q) + 8'd1));
      else if ($past(f_past_q)) assert ($stable(beat_q));
      if (w_valid_o && f_level_q == '0) assert (w_strb_o == '0);
      if (w_valid_o && f_marked_q && f_ahead_q == '0 && f_level_q != '0) assert (w_strb_o == f_strobes_q && w_data_o == f_data_q);
      if ($past(f_past_q) && $past(w_valid_o && !w_ready_i))
        assert (w_valid_o && $stable(w_last_o) && $stable(w_strb_o) && $stable(w_data_o));
      // What was said a cycle ahead to fit is taken, and nothing else.
      if ($past(f_past_q) && in_touched_i == $past(in_next_touched_i)) assert (in_ready_o == $past(in_fits_o));
      // What the registers say.
      assert (f_bursts_q <= CountBurstW'(MaxWrites) && (!f_burst_marked_q || f_before_q < f_bursts_q));
      assert (f_level_q <= FCountW'(Slots) && level_q == LevelW'(f_level_q) && room_q == LevelW'(FCountW'(Slots) - f_level_q));
      assert (some_q == (f_level_q != '0) && tail_q == SlotW'(head_q + SlotW'(f_level_q)));
      for (int i = 1; i <= MaxTouched; i++) assert (fits_q[i] == (room_q >= LevelW'(i)));
      assert (f_level_q != FCountW'(Slots) || f_first_q || f_offset_q == '0);
      if (f_first_q || f_offset_q == '0) begin
        for (int s = 0; s < Slots; s++)
          if (f_level_q <= FCountW'(SlotW'(SlotW'(s) - head_q)))
            assert (ring_strobes[s*BusBytes+:BusBytes] == '0 && ring[s*AxiDataW+:AxiDataW] == '0);
      end
      for (int s = 0; s < Slots; s++)
        if (f_level_q < FCountW'(SlotW'(SlotW'(s) - head_q)))
          assert (ring_strobes[s*BusBytes+:BusBytes] == '0 && ring[s*AxiDataW+:AxiDataW] == '0);
      if (f_marked_q) begin
        assert (f_ahead_q <= f_level_q + FCountW'(1));
        if (f_ahead_q > f_level_q || f_ahead_q == FCountW'(Slots)) assert (f_strobes_q == '0 && f_data_q == '0);
        else assert (ring_strobes[f_slot*BusBytes+:BusBytes] == f_strobes_q && ring[f_slot*AxiDataW+:AxiDataW] == f_data_q);
      end

      cover (send && w_last_o && beat_q == 8'd2 && !filling);  // a burst of three beats
      cover (w_valid_o && !w_ready_i && $past(w_valid_o && !w_ready_i && place));  // a beat that waits while a group is placed
      cover (f_marked_q && f_ahead_q == '0 && f_sent && f_strobes_q == '1 && f_data_q[0]);  // the marked beat goes, full
      cover (in_valid_i && !in_ready_o && w_valid_o);  // a group that waits for room
      cover (place && $past(f_past_q) && in_touched_i == BeatsW'(MaxTouched) && $past(in_fits_o && !in_ready_o));  // a group that fits just as a beat leaves
      cover (filling && send && w_last_o && beat_q != '0);  // a burst whose data were cut off
    end
  end
`endif

endmodule
