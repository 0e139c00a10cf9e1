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
    input  logic [        23:0] ctx_length_i,
    input  logic [        15:0] ctx_count1_i,
    input  logic [        15:0] ctx_count2_i,
    input  logic [        31:0] ctx_pitch1_i,
    input  logic [        31:0] ctx_pitch2_i,
    input  logic [         7:0] ctx_pad_left_i,
    input  logic [         7:0] ctx_pad_right_i,
    input  logic [         7:0] ctx_pad_top_i,
    input  logic [         7:0] ctx_pad_bottom_i,
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

  // --- The command under way. ------------------------------------------------------------------------------------------------
  logic active_q, abort_q;
  logic merge1_q, merge2_q;
  logic [31:0] idx_q;
  logic [7:0] give_q, pad_byte_q;
  logic [3:0] dest_q, bank_q;
  logic [23:0] length_q;
  logic [31:0] pitch1_q, pitch2_q;
  logic [ChunkW-1:0] chunk_bytes_q;
  logic [5:0] chunk_last_q;
  logic [16:0] depth_q;  // words of the destination
  logic [16:0] data_first1_q, data_last1_q, item_last1_q;  // items of a row: first and last with data, last
  logic [16:0] data_first2_q, data_last2_q, item_last2_q;  // the same for rows

  // Where it stands.
  logic [16:0] item1_q, item2_q, item1_d, item2_d;
  logic data1_q, data2_q, data1_d, data2_d;  // the present item, row holds data
  logic [AxiAddrW-1:0] addr_q, row_addr_q;  // of the present (or next) item with data, and of its row
  logic [OffW-1:0] offset_q;  // of the next byte in its beat
  logic [23:0] left_q;  // bytes of the item
  logic [5:0] chunk_q;
  logic [16:0] word_q;

  // --- Beat slots. -----------------------------------------------------------------------------------------------------------
  logic [AxiDataW-1:0] slot_q[Slots];
  logic [Slots-1:0] slot_err_q;
  logic [SlotW-1:0] head_q, tail_q;
  logic [LevelW-1:0] level_q;
  logic push;
  logic [RingW-1:0] ring;
  logic [CutW-1:0] cut;
  logic [RingW-1:0] unused_ring;

  assign r_ready_o = abort_q || level_q != LevelW'(Slots);
  assign push = r_valid_i && r_ready_o && !abort_q;

  always_ff @(posedge clk_i) begin
    if (push) begin
      slot_q[tail_q] <= r_data_i;
      slot_err_q[tail_q] <= r_err_i;
    end
  end

  for (genvar s = 0; s < Slots; s++) begin : gen_ring
    assign ring[s*AxiDataW+:AxiDataW] = slot_q[s];
  end

  // The rotator.
  assign {unused_ring, cut} = {ring[CutW-1:0], ring} >> {head_q, offset_q, 3'b000};

  // --- One chunk. ------------------------------------------------------------------------------------------------------------
  logic is_data, item_end, data_last1, data_last2, row_end, command_end;
  logic segment_end;
  logic [ChunkW-1:0] bytes;
  logic [SpanW-1:0] span, span_up;
  logic [LevelW-1:0] touched, freed;
  logic [Slots-1:0] head_err, touched_mask, unused_err;
  logic in_range, beats_ok, ready, beat_err, fire, fail;
  logic ctx_fire;
  logic [AxiAddrW-1:0] pitch;  // sign-extended
  logic [64-AxiAddrW:0] unused_pitch;
  logic [AxiAddrW-1:0] next_addr;

  assign is_data = data1_q && data2_q;
  assign item_end = left_q <= 24'(chunk_bytes_q);
  assign bytes = item_end ? left_q[ChunkW-1:0] : chunk_bytes_q;
  assign data_last1 = item1_q == data_last1_q;
  assign data_last2 = item2_q == data_last2_q;
  assign row_end = item1_q == item_last1_q;
  assign command_end = item_end && row_end && item2_q == item_last2_q;
  assign segment_end = item_end && !(data_last1 ? merge2_q && !data_last2 : merge1_q);

  // Slots that the chunk touches, and those it frees.
  assign span = SpanW'(offset_q) + SpanW'(bytes);
  assign span_up = span + SpanW'(BusBytes - 1);
  assign touched = LevelW'(span_up >> OffW);
  assign freed = segment_end ? touched : LevelW'(span >> OffW);
  assign touched_mask = ~({Slots{1'b1}} << touched);
  assign {unused_err, head_err} = {slot_err_q, slot_err_q} >> head_q;

  assign in_range = word_q < depth_q;
  assign beats_ok = !is_data || level_q >= touched;
  assign beat_err = is_data && (head_err & touched_mask) != '0;
  assign ready = active_q && !abort_q && (!wr_valid_o || wr_ready_i);
  assign fire = ready && in_range && beats_ok && !beat_err;
  assign fail = active_q && !abort_q && (!in_range || (beats_ok && beat_err));

  assign ctx_ready_o = !active_q || (fire && command_end);
  assign ctx_fire = ctx_valid_i && ctx_ready_o && !abort_q;

  assign {unused_pitch, pitch} = data_last1 ? {{33{pitch2_q[31]}}, pitch2_q} : {{33{pitch1_q[31]}}, pitch1_q};
  assign next_addr = (data_last1 ? row_addr_q : addr_q) + pitch;

  assign item1_d = row_end ? 17'd0 : item1_q + 17'd1;
  assign item2_d = row_end ? item2_q + 17'd1 : item2_q;
  assign data1_d = item1_d >= data_first1_q && item1_d <= data_last1_q;
  assign data2_d = item2_d >= data_first2_q && item2_d <= data_last2_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      abort_q <= 1'b0;
      head_q <= '0;
      tail_q <= '0;
      level_q <= '0;
      err_valid_o <= 1'b0;
    end else begin
      if (ctx_fire) active_q <= 1'b1;
      else if (fire && command_end) active_q <= 1'b0;
      if (stop_i || fail) abort_q <= 1'b1;
      err_valid_o <= fail;
      if (push) tail_q <= tail_q + SlotW'(1);
      if (fire && is_data) head_q <= head_q + SlotW'(freed);
      level_q <= level_q + LevelW'(push) - (fire && is_data ? freed : LevelW'(0));
    end
  end

  always_ff @(posedge clk_i) begin
    if (fail) begin
      err_code_o <= in_range ? systole_pkg::ERROR_AXI_LOAD : systole_pkg::ERROR_RANGE;
      err_idx_o  <= idx_q;
      err_addr_o <= in_range ? addr_q : AxiAddrW'(word_q);
    end
  end

  // Walk the items.
  always_ff @(posedge clk_i) begin
    if (ctx_fire) begin
      item1_q <= '0;
      item2_q <= '0;
      data1_q <= ctx_pad_left_i == '0;
      data2_q <= ctx_pad_top_i == '0;
      addr_q <= ctx_addr_i;
      row_addr_q <= ctx_addr_i;
      offset_q <= ctx_addr_i[OffW-1:0];
      left_q <= ctx_length_i;
      chunk_q <= '0;
      word_q <= {1'b0, ctx_dst_i};
    end else if (fire) begin
      if (item_end) begin
        item1_q <= item1_d;
        item2_q <= item2_d;
        data1_q <= data1_d;
        data2_q <= data2_d;
      end
      if (item_end && is_data) begin
        addr_q <= next_addr;
        if (data_last1) row_addr_q <= next_addr;
      end
      if (is_data) offset_q <= item_end ? next_addr[OffW-1:0] : span[OffW-1:0];
      left_q <= item_end ? length_q : left_q - 24'(chunk_bytes_q);
      if (item_end || chunk_q == chunk_last_q) begin
        chunk_q <= '0;
        word_q  <= word_q + 17'd1;
      end else begin
        chunk_q <= chunk_q + 6'd1;
      end
    end
  end

  // Take a context.
  always_ff @(posedge clk_i) begin
    if (ctx_fire) begin
      merge1_q <= ctx_merge1_i;
      merge2_q <= ctx_merge2_i;
      idx_q <= ctx_idx_i;
      give_q <= ctx_give_i;
      dest_q <= ctx_dest_i;
      bank_q <= ctx_bank_i;
      pad_byte_q <= ctx_pad_byte_i;
      length_q <= ctx_length_i;
      pitch1_q <= ctx_pitch1_i;
      pitch2_q <= ctx_pitch2_i;
      data_first1_q <= 17'(ctx_pad_left_i);
      data_last1_q <= 17'(ctx_pad_left_i) + 17'(ctx_count1_i) - 17'd1;
      item_last1_q <= 17'(ctx_pad_left_i) + 17'(ctx_count1_i) + 17'(ctx_pad_right_i) - 17'd1;
      data_first2_q <= 17'(ctx_pad_top_i);
      data_last2_q <= 17'(ctx_pad_top_i) + 17'(ctx_count2_i) - 17'd1;
      item_last2_q <= 17'(ctx_pad_top_i) + 17'(ctx_count2_i) + 17'(ctx_pad_bottom_i) - 17'd1;
      if (ctx_dest_i == systole_pkg::DEST_ACT || ctx_dest_i == systole_pkg::DEST_WGT) begin
        chunk_bytes_q <= ChunkW'(WordBytes);
        chunk_last_q <= 6'd0;
      end else if (ctx_dest_i == systole_pkg::DEST_ACC || ctx_bank_i == systole_pkg::BANK_BIAS ||
                   ctx_bank_i == systole_pkg::BANK_SCALE) begin
        chunk_bytes_q <= ChunkW'(AccBytes);
        chunk_last_q <= 6'(AccLast);
      end else begin
        chunk_bytes_q <= ChunkW'(ZpBytes);
        chunk_last_q <= 6'(ZpLast);
      end
      if (ctx_dest_i == systole_pkg::DEST_ACT) depth_q <= 17'(ActWords);
      else if (ctx_dest_i == systole_pkg::DEST_WGT) depth_q <= 17'(WgtWords);
      else if (ctx_dest_i == systole_pkg::DEST_ACC) depth_q <= 17'(2 * AccRows);
      else depth_q <= 17'(ParamEntries);
    end
  end

  // --- Write register. -------------------------------------------------------------------------------------------------------
  logic last_q;  // the command's last chunk
  logic [7:0] last_give_q;

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
      wr_chunk_o <= chunk_q;
      wr_data_o <= is_data ? cut : {WordBytes{pad_byte_q}};
      last_q <= command_end;
      last_give_q <= give_q;
    end
  end

endmodule
