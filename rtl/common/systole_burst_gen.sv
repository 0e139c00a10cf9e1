// SPDX-License-Identifier: Apache-2.0

/// AXI burst generator of both DMA directions. A descriptor names count2 x count1 items of `length` bytes, item (i2,
/// i1) at addr + i2*pitch2 + i1*pitch1 (pitches signed, addresses modulo 2^AxiAddrW). It becomes full-width INCR bursts
/// in that order: the first address of a burst is byte-granular, a burst ends at a 4 KiB boundary, after 256 beats or
/// with its segment.
///
/// Segments. Items that lie back to back share beats and bursts:
///   merge1: items of a row follow each other:  count1 == 1 or pitch1 == length
///   merge2: and rows do, too:                  merge1, row bytes < 2^24, and count2 == 1 or pitch2 == count1*length
/// A segment is everything (merge2), a row (merge1) or an item. Segments share no beat. The data walkers follow the
/// same rule by merge1_o and merge2_o, which are valid with desc_ready_o.
///
/// desc: valid/ready; the payload must hold while valid. Latency: desc_ready_o rises 2 cycles after desc_valid_i (two
/// products on one multiplier), or, if the walk of the descriptor before is not over, in the cycle in which its last
/// burst is loaded into the output register. The first burst is valid 2 cycles after desc_ready_o; then one burst a
/// cycle.
/// burst: valid/ready, registered; `enable_i` low keeps the next burst from being loaded, never withdraws one.
module systole_burst_gen #(
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int TagW = 1
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                enable_i,
    input  logic                desc_valid_i,
    output logic                desc_ready_o,
    input  logic [AxiAddrW-1:0] desc_addr_i,
    input  logic [        23:0] desc_length_i,
    input  logic [        15:0] desc_count1_i,
    input  logic [        15:0] desc_count2_i,
    input  logic [        31:0] desc_pitch1_i,
    input  logic [        31:0] desc_pitch2_i,
    input  logic [    TagW-1:0] desc_tag_i,
    output logic                merge1_o,
    output logic                merge2_o,
    output logic                burst_valid_o,
    input  logic                burst_ready_i,
    output logic [AxiAddrW-1:0] burst_addr_o,
    output logic [         7:0] burst_len_o,
    output logic                burst_last_o,   // last burst of its descriptor
    output logic [    TagW-1:0] burst_tag_o
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW = $clog2(BusBytes);
  localparam int SegW = 40;  // bits of a segment's length in bytes
  localparam int BeatW = SegW - OffW + 1;  // bits of its length in beats
  localparam int PageBeats = 4096 / BusBytes;
  localparam int PageW = 12 - OffW;  // bits of a beat's index in its 4 KiB page
  localparam logic [SegW:0] LAST_BYTE = (SegW + 1)'(BusBytes) - 1'b1;
  localparam int MaxBeats = PageBeats < 256 ? PageBeats : 256;

  // --- Set-up: row = count1*length, all = count2*row, then wait for the walker. -----------------------------------------
  typedef enum logic [1:0] {
    SETUP_ROW,
    SETUP_ALL,
    SETUP_DONE
  } setup_e;

  setup_e setup_q;
  logic [SegW-1:0] row_q, product_q, product;
  logic [15:0] factor_a;
  logic [23:0] factor_b;
  logic walk_free;
  logic desc_fire;

  assign factor_a = setup_q == SETUP_ROW ? desc_count1_i : desc_count2_i;
  assign factor_b = setup_q == SETUP_ROW ? desc_length_i : product_q[23:0];
  assign product = SegW'(factor_a) * SegW'(factor_b);

  assign merge1_o = desc_count1_i == 16'd1 || desc_pitch1_i == {8'd0, desc_length_i};
  assign merge2_o = merge1_o && row_q[SegW-1:24] == '0 &&
                    (desc_count2_i == 16'd1 || desc_pitch2_i == {8'd0, row_q[23:0]});
  assign desc_ready_o = setup_q == SETUP_DONE && walk_free;
  assign desc_fire = desc_valid_i && desc_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      setup_q <= SETUP_ROW;
    end else begin
      unique case (setup_q)
        SETUP_ROW: if (desc_valid_i) setup_q <= SETUP_ALL;
        SETUP_ALL: setup_q <= SETUP_DONE;
        default:   if (desc_fire) setup_q <= SETUP_ROW;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (setup_q != SETUP_DONE) product_q <= product;
    if (setup_q == SETUP_ALL) row_q <= product_q;
  end

  // --- Walk: one burst a cycle into the output register. -------------------------------------------------------------------
  logic busy_q;
  logic [AxiAddrW-1:0] addr_q;  // next burst
  logic [AxiAddrW-1:0] segment_q;  // start of the segment it belongs to
  logic [AxiAddrW-1:0] row_start_q;  // start of the row that belongs to
  logic [SegW-1:0] length_q;  // bytes of a segment
  logic [BeatW-1:0] beats_q;  // beats of the segment still to ask for
  logic [15:0] segments_q, left1_q, left2_q;  // segments a row; segments and rows left, this one included
  logic [31:0] pitch1_q, pitch2_q;
  logic [TagW-1:0] tag_q;

  logic walk;
  logic segment_end, row_end, last;
  logic [PageW:0] page_left;
  logic [8:0] limit, take;
  logic [AxiAddrW-1:0] next_segment, start;
  logic [SegW-1:0] seg_length, start_length;
  logic [SegW:0] start_end;
  logic [BeatW-1:0] start_beats;
  logic [AxiAddrW-1:0] pitch;  // sign-extended
  logic [64-AxiAddrW:0] unused_pitch;
  logic unused_end;

  assign walk = busy_q && enable_i && (!burst_valid_o || burst_ready_i);
  assign page_left = (PageW + 1)'(PageBeats) - {1'b0, addr_q[11:OffW]};
  assign limit = page_left > (PageW + 1)'(MaxBeats) ? 9'(MaxBeats) : 9'(page_left);
  assign segment_end = beats_q <= BeatW'(limit);
  assign take = segment_end ? beats_q[8:0] : limit;
  assign row_end = left1_q == 16'd1;
  assign last = segment_end && row_end && left2_q == 16'd1;
  assign walk_free = !busy_q || (walk && last);

  assign {unused_pitch, pitch} = row_end ? {{33{pitch2_q[31]}}, pitch2_q} : {{33{pitch1_q[31]}}, pitch1_q};
  assign next_segment = (row_end ? row_start_q : segment_q) + pitch;
  assign seg_length = merge2_o ? product_q : merge1_o ? row_q : SegW'(desc_length_i);

  // Beats of the segment that starts next: ceil((length + offset) / BusBytes).
  assign unused_end = &start_end[OffW-1:0];
  assign start = desc_fire ? desc_addr_i : next_segment;
  assign start_length = desc_fire ? seg_length : length_q;
  assign start_end = {1'b0, start_length} + (SegW + 1)'(start[OffW-1:0]) + LAST_BYTE;
  assign start_beats = start_end[SegW:OffW];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      burst_valid_o <= 1'b0;
    end else begin
      if (desc_fire) busy_q <= 1'b1;
      else if (walk && last) busy_q <= 1'b0;
      if (walk) burst_valid_o <= 1'b1;
      else if (burst_ready_i) burst_valid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (desc_fire) begin
      length_q <= seg_length;
      segments_q <= merge1_o ? 16'd1 : desc_count1_i;
      left1_q <= merge1_o ? 16'd1 : desc_count1_i;
      left2_q <= merge2_o ? 16'd1 : desc_count2_i;
      pitch1_q <= desc_pitch1_i;
      pitch2_q <= desc_pitch2_i;
      tag_q <= desc_tag_i;
      row_start_q <= desc_addr_i;
    end else if (walk && segment_end) begin
      left1_q <= row_end ? segments_q : left1_q - 16'd1;
      if (row_end) begin
        left2_q <= left2_q - 16'd1;
        row_start_q <= next_segment;
      end
    end
    if (desc_fire || (walk && segment_end)) begin
      segment_q <= start;
      addr_q <= start;
      beats_q <= start_beats;
    end else if (walk) begin
      addr_q <= {addr_q[AxiAddrW-1:OffW] + (AxiAddrW - OffW)'(take), OffW'(0)};
      beats_q <= beats_q - BeatW'(take);
    end
    if (walk) begin
      burst_addr_o <= addr_q;
      burst_len_o <= 8'(take - 9'd1);
      burst_last_o <= last;
      burst_tag_o <= tag_q;
    end
  end

endmodule
