// SPDX-License-Identifier: Apache-2.0

/// Data side of a load: walks the items of a command (a context) as their beats return, cuts the byte stream into
/// chunks and writes them. Contexts come in the order in which systole_burst_gen takes their descriptors, with its
/// merge flags.
///
/// Beats go unrotated into a ring of `Slots` beat slots; one rotator cuts out a chunk at any byte offset. A destination
/// word is written in chunks of min(2*Rows, word) bytes, chunk 0 first; chunks that hold no byte of the item are not
/// written. Padding items are written the same way, without data. Bytes beyond an item's end are undefined.
///
/// r: valid/ready, ready while a slot is free. wr: valid/ready, registered. A chunk enters the write register in the
/// first cycle in which its beats are in slots (the cycle after the last of them was accepted at the earliest) and the
/// register is free; one chunk a cycle, also across items and contexts; a context is taken in the cycle of the last chunk of the
/// one before, or when there is none, and its first chunk follows one cycle later. There are slots enough for one beat
/// a cycle wherever chunks are as wide as beats or wider. done_o and give_o are pulses in the cycle after the command's
/// last chunk was accepted.
///
/// A word address beyond its destination: ERROR_RANGE with that address. A beat with an error response: ERROR_AXI_LOAD
/// with the address of the first item that needs it. err_valid_o is a pulse, one cycle after the chunk that failed.
/// From then on, and after stop_i, nothing enters the write register and all beats are taken and dropped, until reset.
///
/// What the next chunk takes (bytes, slots, whether it ends its item, row, command) stands in registers: it is found out for
/// the chunk after it while this one waits for its beats. Only the level of the slots decides whether it fires.
module systole_dma_read #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int ActWords = 2048,
    parameter int WgtWords = 1024,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                stop_i,
    // context
    input  logic                ctx_valid_i,
    output logic                ctx_ready_o,
    input  logic                ctx_merge1_i,
    input  logic                ctx_merge2_i,
    input  logic [AxiAddrW-1:0] ctx_addr_i,
    input  logic [        31:0] ctx_idx_i,
    input  logic [         7:0] ctx_give_i,
    input  logic [         3:0] ctx_dest_i,
    input  logic [         3:0] ctx_bank_i,
    input  logic [        15:0] ctx_dst_i,
    input  logic [         7:0] ctx_pad_byte_i,
    input  logic [        15:0] ctx_count1_i,
    input  logic [        15:0] ctx_count2_i,
    input  logic [        31:0] ctx_pitch1_i,
    input  logic [        31:0] ctx_pitch2_i,
    input  logic [         7:0] ctx_pad_left_i,
    input  logic [         7:0] ctx_pad_right_i,
    input  logic [         7:0] ctx_pad_top_i,
    input  logic [         7:0] ctx_pad_bottom_i,
    // chunks of an item less one, bytes of its last chunk; the former is 0, 1
    input  logic [        23:0] ctx_more_i,
    input  logic [         7:0] ctx_tail_i,
    input  logic                ctx_one_i,
    input  logic                ctx_two_i,
    // read data
    input  logic                r_valid_i,
    output logic                r_ready_o,
    input  logic [AxiDataW-1:0] r_data_i,
    input  logic                r_err_i,
    // buffers
    output logic                wr_valid_o,
    input  logic                wr_ready_i,
    output logic [         3:0] wr_dest_o,
    output logic [         3:0] wr_bank_o,
    output logic [        15:0] wr_addr_o,
    output logic [         5:0] wr_chunk_o,
    output logic [ Rows*16-1:0] wr_data_o,
    // completion
    output logic                done_o,
    output logic [         7:0] give_o,
    output logic                fails_o,  // err_valid_o in the next cycle
    output logic                err_valid_o,
    output logic [         7:0] err_code_o,
    output logic [        31:0] err_idx_o,
    output logic [AxiAddrW-1:0] err_addr_o
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int WordBytes = 2 * Rows;
  localparam int OffW = $clog2(BusBytes);
  // A chunk may touch one beat more than it is wide, while one more arrives.
  localparam int Slots = WordBytes >= 2 * BusBytes ? 2 * WordBytes / BusBytes : WordBytes == BusBytes ? 4 : 2;
  localparam int SlotW = $clog2(Slots);
  localparam int LevelW = SlotW + 1;
  localparam int ChunkW = $clog2(WordBytes) + 1;  // bits of a number of bytes in a chunk
  localparam int SpanW = (ChunkW > OffW ? ChunkW : OffW) + 2;  // bits of offset + bytes + BusBytes - 1
  localparam int RingW = Slots * AxiDataW;
  localparam int CutW = WordBytes * 8;

  // Bytes and last index of the chunks of words of 4*Cols and Cols bytes.
  localparam int AccBytes = 4 * Cols < WordBytes ? 4 * Cols : WordBytes;
  localparam int AccLast = 4 * Cols / AccBytes - 1;
  localparam int ZpBytes = Cols < WordBytes ? Cols : WordBytes;
  localparam int ZpLast = Cols / ZpBytes - 1;
  localparam int IndexW = AccLast > 0 ? $clog2(AccLast + 1) : 1;  // bits of a chunk's index; AccLast >= ZpLast

  // --- The command under way. ------------------------------------------------------------------------------------------------
  logic active_q, abort_q;
  logic merge1_q, merge2_q;
  logic [31:0] idx_q;
  logic [7:0] give_q, pad_byte_q;
  logic [3:0] dest_q, bank_q;
  logic [31:0] pitch1_q, pitch2_q;
  logic [ChunkW-1:0] chunk_bytes_q, tail_q;  // bytes of a whole chunk, of an item's last one
  logic [23:0] item_more_q;  // chunks of an item less one
  logic item_one_q, item_two_q;  // it has one, two
  logic [IndexW-1:0] chunk_last_q;
  logic [16:0] depth_q;  // words of the destination
  // Items of a row, rows: those after which data begin, after which the last with data and the last of all come; and whether that
  // is the first one.
  logic [16:0] before_data1_q, before_last1_q, before_end1_q, before_data2_q, before_last2_q, before_end2_q;
  logic data_first1_q, last_first1_q, end_first1_q;

  // Where it stands.
  logic [16:0] item1_q, item2_q;
  logic data1_q, data2_q, data1_d, data2_d;  // the present item, row holds data
  logic last1_q, last2_q, last1_d, last2_d;  // it is the last of them
  logic end1_q, end2_q, end1_d, end2_d;  // it is the last of all
  logic [AxiAddrW-1:0] addr_q, row_addr_q;  // of the present (or next) item with data, and of its row
  logic [OffW-1:0] offset_q;  // of the next byte in its beat
  logic [23:0] more_q;  // chunks of the item after this one
  logic item_end_q, item_near_q;  // they are none, one
  logic [IndexW-1:0] chunk_q;
  logic [16:0] word_q;
  logic in_range_q;
  logic [LevelW-1:0] touched_q, whole_q;  // slots that the chunk touches, that it ends

  // --- Beat slots. -----------------------------------------------------------------------------------------------------------
  logic [AxiDataW-1:0] slot_q[Slots];
  logic [SlotW-1:0] head_q, fill_q;
  logic [LevelW-1:0] level_q, good_q, freed;  // beats in slots, those before the first with an error response
  logic bad_q;  // there is one
  logic push, push_good;
  logic [RingW-1:0] ring;
  logic [CutW-1:0] cut;
  logic [RingW-1:0] unused_ring;

  assign r_ready_o = abort_q || !level_q[LevelW-1];
  assign push = r_valid_i && r_ready_o && !abort_q;
  assign push_good = push && !r_err_i && !bad_q;

  always_ff @(posedge clk_i) begin
    if (push) slot_q[fill_q] <= r_data_i;
  end

  for (genvar s = 0; s < Slots; s++) begin : gen_ring
    assign ring[s*AxiDataW+:AxiDataW] = slot_q[s];
  end

  // The rotator.
  assign {unused_ring, cut} = {ring[CutW-1:0], ring} >> {head_q, offset_q, 3'b000};

  // --- One chunk. ------------------------------------------------------------------------------------------------------------
  logic is_data, command_end, segment_end, word_end;
  logic ready, enough, fire, fire_data;
  logic renew, step;  // what is loaded is the next context's; something is

  assign is_data = data1_q && data2_q;
  assign command_end = item_end_q && end1_q && end2_q;
  assign segment_end = item_end_q && !(last1_q ? merge2_q && !last2_q : merge1_q);
  assign word_end = item_end_q || chunk_q == chunk_last_q;
  assign freed = segment_end ? touched_q : whole_q;

  assign enough = !is_data || good_q >= touched_q;
  assign ready = active_q && !abort_q && in_range_q && (!wr_valid_o || wr_ready_i);
  assign fire = ready && enough;
  assign fire_data = fire && is_data;
  assign fails_o = active_q && !abort_q && (!in_range_q || (!enough && level_q >= touched_q));

  assign ctx_ready_o = !active_q || (fire && command_end);

  // The walk is loaded by `step` from what `renew` chooses, which is known earlier; without a context it is not looked at.
  assign renew = !active_q || command_end;
  assign step = !active_q || fire;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      abort_q <= 1'b0;
      head_q <= '0;
      fill_q <= '0;
      level_q <= '0;
      good_q <= '0;
      bad_q <= 1'b0;
      err_valid_o <= 1'b0;
    end else begin
      if (ctx_ready_o) active_q <= ctx_valid_i && !abort_q;
      if (stop_i || fails_o) abort_q <= 1'b1;
      err_valid_o <= fails_o;
      if (push) fill_q <= fill_q + SlotW'(1);
      if (push && r_err_i) bad_q <= 1'b1;
      if (fire_data) head_q <= head_q + SlotW'(freed);
      level_q <= fire_data ? level_q + LevelW'(push) - freed : level_q + LevelW'(push);
      good_q <= fire_data ? good_q + LevelW'(push_good) - freed : good_q + LevelW'(push_good);
    end
  end

  always_ff @(posedge clk_i) begin
    if (fails_o) begin
      err_code_o <= in_range_q ? systole_pkg::ERROR_AXI_LOAD : systole_pkg::ERROR_RANGE;
      err_idx_o  <= idx_q;
      err_addr_o <= in_range_q ? addr_q : AxiAddrW'(word_q);
    end
  end

  // --- The chunk after it. ---------------------------------------------------------------------------------------------------
  logic [AxiAddrW-1:0] pitch;  // sign-extended
  logic [64-AxiAddrW:0] unused_pitch;
  logic [AxiAddrW-1:0] next_addr;
  logic [OffW-1:0] offset_d;
  logic [ChunkW-1:0] bytes_d, ctx_bytes, ctx_chunk_bytes;
  logic [SpanW-1:0] whole_d, touched_d, ctx_whole, ctx_touched;
  logic [16:0] word_d, ctx_depth;
  logic [IndexW-1:0] ctx_chunk_last;
  logic item_end_d, unused_span;

  assign {unused_pitch, pitch} = last1_q ? {{33{pitch2_q[31]}}, pitch2_q} : {{33{pitch1_q[31]}}, pitch1_q};
  assign next_addr = (last1_q ? row_addr_q : addr_q) + pitch;

  // Data begin behind the padding before them and end with their last item. Rows go on with the last item of one.
  always_comb begin
    if (end1_q) begin
      data1_d = data_first1_q;
      last1_d = last_first1_q;
      end1_d  = end_first1_q;
      data2_d = data2_q ? !last2_q : item2_q == before_data2_q;
      last2_d = item2_q == before_last2_q;
      end2_d  = item2_q == before_end2_q;
    end else begin
      data1_d = data1_q ? !last1_q : item1_q == before_data1_q;
      last1_d = item1_q == before_last1_q;
      end1_d  = item1_q == before_end1_q;
      data2_d = data2_q;
      last2_d = last2_q;
      end2_d  = end2_q;
    end
  end

  // Where it begins in its beat, its bytes, and the slots from there. Those of a padding chunk do not matter, except that the offset
  // stays.
  assign item_end_d = item_end_q ? item_one_q : item_near_q;
  assign bytes_d = item_end_d ? tail_q : chunk_bytes_q;
  assign offset_d = !is_data ? offset_q : item_end_q ? next_addr[OffW-1:0] : OffW'(offset_q + OffW'(chunk_bytes_q));
  assign whole_d = SpanW'(offset_d) + SpanW'(bytes_d);
  assign touched_d = SpanW'(offset_d) + (SpanW'(bytes_d) + SpanW'(BusBytes - 1));
  assign word_d = word_q + 17'd1;

  assign ctx_bytes = ctx_one_i ? ChunkW'(ctx_tail_i) : ctx_chunk_bytes;
  assign ctx_whole = SpanW'(ctx_addr_i[OffW-1:0]) + SpanW'(ctx_bytes);
  assign ctx_touched = SpanW'(ctx_addr_i[OffW-1:0]) + (SpanW'(ctx_bytes) + SpanW'(BusBytes - 1));
  assign unused_span = ^{whole_d, touched_d, ctx_whole, ctx_touched, ctx_tail_i};

  always_comb begin
    if (ctx_dest_i == systole_pkg::DEST_ACT || ctx_dest_i == systole_pkg::DEST_WGT) begin
      ctx_chunk_bytes = ChunkW'(WordBytes);
      ctx_chunk_last = '0;
    end else if (ctx_dest_i == systole_pkg::DEST_ACC || ctx_bank_i == systole_pkg::BANK_BIAS ||
                 ctx_bank_i == systole_pkg::BANK_SCALE) begin
      ctx_chunk_bytes = ChunkW'(AccBytes);
      ctx_chunk_last = IndexW'(AccLast);
    end else begin
      ctx_chunk_bytes = ChunkW'(ZpBytes);
      ctx_chunk_last = IndexW'(ZpLast);
    end
    if (ctx_dest_i == systole_pkg::DEST_ACT) ctx_depth = 17'(ActWords);
    else if (ctx_dest_i == systole_pkg::DEST_WGT) ctx_depth = 17'(WgtWords);
    else if (ctx_dest_i == systole_pkg::DEST_ACC) ctx_depth = 17'(2 * AccRows);
    else ctx_depth = 17'(ParamEntries);
  end

  // Walk the items. What is not reset is not looked at before a context was taken.
  always_ff @(posedge clk_i) begin
    if (step && renew) begin
      item1_q <= '0;
      item2_q <= '0;
      data1_q <= ctx_pad_left_i == '0;
      data2_q <= ctx_pad_top_i == '0;
      last1_q <= ctx_pad_left_i == '0 && ctx_count1_i == 16'd1;
      last2_q <= ctx_pad_top_i == '0 && ctx_count2_i == 16'd1;
      end1_q <= ctx_pad_left_i == '0 && ctx_count1_i == 16'd1 && ctx_pad_right_i == '0;
      end2_q <= ctx_pad_top_i == '0 && ctx_count2_i == 16'd1 && ctx_pad_bottom_i == '0;
      addr_q <= ctx_addr_i;
      row_addr_q <= ctx_addr_i;
      offset_q <= ctx_addr_i[OffW-1:0];
      more_q <= ctx_more_i;
      item_end_q <= ctx_one_i;
      item_near_q <= ctx_two_i;
      whole_q <= LevelW'(ctx_whole >> OffW);
      touched_q <= LevelW'(ctx_touched >> OffW);
      chunk_q <= '0;
      word_q <= {1'b0, ctx_dst_i};
      in_range_q <= {1'b0, ctx_dst_i} < ctx_depth;
    end else if (step) begin
      if (item_end_q) begin
        item1_q <= end1_q ? 17'd0 : item1_q + 17'd1;
        if (end1_q) item2_q <= item2_q + 17'd1;
        data1_q <= data1_d;
        data2_q <= data2_d;
        last1_q <= last1_d;
        last2_q <= last2_d;
        end1_q <= end1_d;
        end2_q <= end2_d;
        if (is_data) begin
          addr_q <= next_addr;
          if (last1_q) row_addr_q <= next_addr;
        end
      end
      offset_q <= offset_d;
      more_q <= item_end_q ? item_more_q : more_q - 24'd1;
      item_end_q <= item_end_d;
      item_near_q <= item_end_q ? item_two_q : more_q == 24'd2;
      whole_q <= LevelW'(whole_d >> OffW);
      touched_q <= LevelW'(touched_d >> OffW);
      chunk_q <= word_end ? '0 : chunk_q + IndexW'(1);
      if (word_end) begin
        word_q <= word_d;
        in_range_q <= word_d < depth_q;
      end
    end
  end

  // Take a context.
  always_ff @(posedge clk_i) begin
    if (step && renew) begin
      merge1_q <= ctx_merge1_i;
      merge2_q <= ctx_merge2_i;
      idx_q <= ctx_idx_i;
      give_q <= ctx_give_i;
      dest_q <= ctx_dest_i;
      bank_q <= ctx_bank_i;
      pad_byte_q <= ctx_pad_byte_i;
      pitch1_q <= ctx_pitch1_i;
      pitch2_q <= ctx_pitch2_i;
      chunk_bytes_q <= ctx_chunk_bytes;
      chunk_last_q <= ctx_chunk_last;
      depth_q <= ctx_depth;
      tail_q <= ChunkW'(ctx_tail_i);
      item_more_q <= ctx_more_i;
      item_one_q <= ctx_one_i;
      item_two_q <= ctx_two_i;
      data_first1_q <= ctx_pad_left_i == '0;
      last_first1_q <= ctx_pad_left_i == '0 && ctx_count1_i == 16'd1;
      end_first1_q <= ctx_pad_left_i == '0 && ctx_count1_i == 16'd1 && ctx_pad_right_i == '0;
      before_data1_q <= 17'(ctx_pad_left_i) - 17'd1;
      before_last1_q <= 17'(ctx_pad_left_i) + 17'(ctx_count1_i) - 17'd2;
      before_end1_q <= 17'(ctx_pad_left_i) + 17'(ctx_count1_i) + 17'(ctx_pad_right_i) - 17'd2;
      before_data2_q <= 17'(ctx_pad_top_i) - 17'd1;
      before_last2_q <= 17'(ctx_pad_top_i) + 17'(ctx_count2_i) - 17'd2;
      before_end2_q <= 17'(ctx_pad_top_i) + 17'(ctx_count2_i) + 17'(ctx_pad_bottom_i) - 17'd2;
    end
  end

  // --- Write register. -------------------------------------------------------------------------------------------------------
  logic last_q;  // the command's last chunk
  logic [IndexW-1:0] wr_chunk_q;
  logic [7:0] last_give_q;

  assign wr_chunk_o = 6'(wr_chunk_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_valid_o <= 1'b0;
      done_o <= 1'b0;
      give_o <= '0;
    end else begin
      if (fire) wr_valid_o <= 1'b1;
      else if (wr_ready_i) wr_valid_o <= 1'b0;
      done_o <= wr_valid_o && wr_ready_i && last_q;
      give_o <= wr_valid_o && wr_ready_i && last_q ? last_give_q : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire) begin
      wr_dest_o <= dest_q;
      wr_bank_o <= bank_q;
      wr_addr_o <= word_q[15:0];
      wr_chunk_q <= chunk_q;
      wr_data_o <= is_data ? cut : {WordBytes{pad_byte_q}};
      last_q <= command_end;
      last_give_q <= give_q;
    end
  end

endmodule
