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
/// products, one after the other), or, if the walk of the descriptor before is not over, in the cycle after the one in
/// which its last burst is loaded into the output register. The first burst is valid 2 cycles after desc_ready_o; then
/// one burst a cycle. All outputs of this handshake are registers and a gate or two.
/// burst: valid/ready, registered; `enable_i` low keeps the next burst from being loaded, never withdraws one.
/// window: a burst whose page is not among `window_first_i` … `window_last_i` is loaded but never valid; from the cycle after on
/// `refused_o` is high, the burst's address and tag stand, and no further burst is loaded, until reset.
module systole_burst_gen #(
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int TagW = 1
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                enable_i,
    input  logic [AxiAddrW-13:0] window_first_i,
    input  logic [AxiAddrW-13:0] window_last_i,
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
    output logic [    TagW-1:0] burst_tag_o,
    output logic                refused_o
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW = $clog2(BusBytes);
  localparam int SegW = 40;  // bits of a segment's length in bytes
  localparam int BeatW = SegW - OffW + 1;  // bits of its length in beats
  localparam int PageW = 12 - OffW;  // bits of a beat's index in its 4 KiB page
  localparam int LimitW = PageW < 8 ? PageW : 8;  // bits of a burst's beats - 1
  localparam logic [SegW:0] LAST_BYTE = (SegW + 1)'(BusBytes) - 1'b1;

  // --- Set-up: row = count1*length, all = count2*row, then wait for the walker. The descriptor holds, so what follows from it is
  // in registers when the set-up is done. -----------------------------------------------------------------------------------
  typedef enum logic [1:0] {
    SETUP_ROW,
    SETUP_ALL,
    SETUP_DONE
  } setup_e;

  setup_e setup_q;
  logic [SegW-1:0] row_q, row, all_q;  // a multiplier each: one with a multiplexer before it would be too slow
  logic one2_q;  // one row
  logic merge1_q, merge2_q;
  logic busy_q, free_q;  // free_q = !busy_q, for the one path that must not bear busy_q's load
  logic desc_fire;

  assign row = SegW'(desc_count1_i) * SegW'(desc_length_i);

  assign merge1_o = merge1_q;
  assign merge2_o = merge2_q;
  assign desc_ready_o = setup_q == SETUP_DONE && free_q;
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
    if (setup_q == SETUP_ROW) begin
      row_q    <= row;
      one2_q   <= desc_count2_i == 16'd1;
      merge1_q <= desc_count1_i == 16'd1 || desc_pitch1_i == {8'd0, desc_length_i};
    end
    if (setup_q == SETUP_ALL) begin
      all_q    <= SegW'(desc_count2_i) * SegW'(row_q[23:0]);
      merge2_q <= merge1_q && row_q[SegW-1:24] == '0 && (one2_q || desc_pitch2_i == {8'd0, row_q[23:0]});
    end
  end

  // --- Walk: one burst a cycle into the output register. Beats are counted less one: the beats - 1 up to the end of a page are its
  // beats' index inverted. --------------------------------------------------------------------------------------------------
  logic [AxiAddrW-1:0] addr_q;  // next burst
  logic [AxiAddrW-1:0] segment_q;  // start of the segment it belongs to
  logic [AxiAddrW-1:0] row_start_q;  // start of the row that belongs to
  logic [BeatW-1:0] more_q;  // beats of the segment still to ask for, less one
  logic [15:0] segments_q, left1_q, left2_q;  // segments a row; segments and rows left, this one included
  logic one_segment_q, row_end_q, rows_end_q;  // segments_q, left1_q, left2_q are 1
  logic [31:0] pitch1_q, pitch2_q;
  logic [TagW-1:0] tag_q;

  // What a segment of this descriptor needs in beats, less one, by the offset at which it begins: `full_q`, or one more from
  // offset `spill_q` on.
  logic [BeatW-1:0] full_q, more_full_q;
  logic [OffW:0] spill_q;

  logic walk, in_window;
  logic segment_end, row_over, last;
  logic [PageW-1:0] index;
  logic [PageW:0] page_sum;
  logic [LimitW-1:0] limit, take;
  logic [BeatW-1:0] more_after, next_more;
  logic [AxiAddrW-1:0] next_segment;
  logic [AxiAddrW-OffW-1:0] next_beat;
  logic [SegW-1:0] seg_length;
  logic [SegW:0] desc_end, seg_round;
  logic [SegW-1:0] seg_last;
  logic [OffW:0] offset_less;  // offset - 1
  logic [BeatW-1:0] desc_more;
  logic [AxiAddrW-1:0] pitch;  // sign-extended
  logic [64-AxiAddrW:0] unused_pitch;
  logic unused_end;

  assign walk = busy_q && enable_i && !refused_o && (!burst_valid_o || burst_ready_i);

  // All bytes of a burst lie in the page of the first one.
  assign in_window = addr_q[AxiAddrW-1:12] >= window_first_i && addr_q[AxiAddrW-1:12] <= window_last_i;

  // A burst is limited by its page and, where that is longer, to 256 beats; it is the segment's last if that needs no more.
  assign index = addr_q[11:OffW];
  if (PageW > 8) begin : gen_long_page
    assign limit = index[PageW-1:8] == '1 ? ~index[7:0] : 8'd255;
  end else begin : gen_short_page
    assign limit = ~index;
  end
  assign page_sum = {1'b0, index} + {1'b0, more_q[PageW-1:0]};
  assign segment_end = more_q[BeatW-1:LimitW] == '0 && !page_sum[PageW];
  assign take = segment_end ? more_q[LimitW-1:0] : limit;
  assign row_over = segment_end && row_end_q;
  assign last = row_over && rows_end_q;

  // Further bursts of the segment.
  assign more_after = more_q - BeatW'(limit) - BeatW'(1);
  assign next_beat = addr_q[AxiAddrW-1:OffW] + (AxiAddrW - OffW)'(limit) + (AxiAddrW - OffW)'(1);

  // The segment after it.
  assign {unused_pitch, pitch} = row_end_q ? {{33{pitch2_q[31]}}, pitch2_q} : {{33{pitch1_q[31]}}, pitch1_q};
  assign next_segment = (row_end_q ? row_start_q : segment_q) + pitch;
  assign next_more = {1'b0, next_segment[OffW-1:0]} >= spill_q ? more_full_q : full_q;

  // The first one of a descriptor, and what any one of it needs. A segment's bytes - 1 + the offset, in beats, rounded down, is its
  // beats less one.
  assign seg_length = merge2_q ? all_q : merge1_q ? row_q : SegW'(desc_length_i);
  assign seg_last = seg_length - SegW'(1);
  assign seg_round = {1'b0, seg_length} + LAST_BYTE;
  assign offset_less = {1'b0, desc_addr_i[OffW-1:0]} - (OffW + 1)'(1);
  assign desc_end = {1'b0, seg_length} + {{(SegW - OffW) {offset_less[OffW]}}, offset_less};
  assign desc_more = desc_end[SegW:OffW];
  assign unused_end = ^{desc_end[OffW-1:0], seg_round[OffW-1:0]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      free_q <= 1'b1;
      burst_valid_o <= 1'b0;
      refused_o <= 1'b0;
    end else begin
      busy_q <= busy_q ? !(walk && last) : desc_fire;
      free_q <= busy_q ? walk && last : !desc_fire;
      if (walk) burst_valid_o <= in_window;
      else if (burst_ready_i) burst_valid_o <= 1'b0;
      if (walk && !in_window) refused_o <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    // Loaded while there is no walk; what is not a descriptor's then is not looked at.
    if (!busy_q) begin
      full_q <= BeatW'(seg_last >> OffW);
      more_full_q <= seg_round[SegW:OffW];
      spill_q <= (OffW + 1)'(BusBytes) - {1'b0, seg_last[OffW-1:0]};
      segments_q <= merge1_q ? 16'd1 : desc_count1_i;
      one_segment_q <= merge1_q;
      left1_q <= merge1_q ? 16'd1 : desc_count1_i;
      row_end_q <= merge1_q;
      left2_q <= merge2_q ? 16'd1 : desc_count2_i;
      rows_end_q <= merge2_q || one2_q;
      pitch1_q <= desc_pitch1_i;
      pitch2_q <= desc_pitch2_i;
      tag_q <= desc_tag_i;
      row_start_q <= desc_addr_i;
    end else if (walk) begin
      if (segment_end) begin
        left1_q <= row_end_q ? segments_q : left1_q - 16'd1;
        row_end_q <= row_end_q ? one_segment_q : left1_q == 16'd2;
      end
      if (row_over) begin
        left2_q <= left2_q - 16'd1;
        rows_end_q <= left2_q == 16'd2;
        row_start_q <= next_segment;
      end
    end
    if (!busy_q) begin
      segment_q <= desc_addr_i;
      addr_q <= desc_addr_i;
      more_q <= desc_more;
    end else if (walk) begin
      if (segment_end) segment_q <= next_segment;
      addr_q <= segment_end ? next_segment : {next_beat, OffW'(0)};
      more_q <= segment_end ? next_more : more_after;
    end
    if (walk) begin
      burst_addr_o <= addr_q;
      burst_len_o <= 8'(take);
      burst_last_o <= last;
      burst_tag_o <= tag_q;
    end
  end

endmodule
