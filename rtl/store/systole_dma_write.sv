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

endmodule
