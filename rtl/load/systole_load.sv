// SPDX-License-Identifier: Apache-2.0

/// Load engine: executes LOAD commands in order. A command is accepted when all tokens it waits for are there (taken in
/// that cycle) and goes to two walkers: systole_burst_gen asks for its data, systole_dma_read writes them as they
/// return. Up to four commands queue between the two, so the next commands' bursts are asked for while data of the
/// present one return.
///
/// Latency: a command accepted in cycle t has its first AR at t+5 if the burst generator is free (1 to hold it, 3 to
/// set up, 1 to form the burst) and, where it begins with padding, its first chunk at t+6; a command every 3 cycles.
/// done_o and give_o are pulses, in order, in the cycle after the command's last chunk was accepted. Errors: see
/// systole_dma_read; and ERROR_WINDOW, which stays, with the address of a burst outside the window, in the cycle in which its AR would
/// have been raised. After stop_i or an error of its own no command is accepted and no new AR is raised; an AR that is
/// up holds, and all data of issued bursts are taken. quiet_o: no AR is up or unanswered.
module systole_load #(
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
    input  logic [AxiAddrW-13:0] window_first_i,
    input  logic [AxiAddrW-13:0] window_last_i,
    input  logic                cmd_valid_i,
    output logic                cmd_ready_o,
    input  logic [       511:0] cmd_i,
    input  logic [        31:0] idx_i,
    input  logic [         7:0] tok_avail_i,
    output logic [         7:0] take_o,
    output logic [         7:0] give_o,
    output logic                done_o,
    output logic                err_valid_o,
    output logic [         7:0] err_code_o,
    output logic [        31:0] err_idx_o,
    output logic [AxiAddrW-1:0] err_addr_o,
    output logic                ar_valid_o,
    input  logic                ar_ready_i,
    output logic [AxiAddrW-1:0] ar_addr_o,
    output logic [         7:0] ar_len_o,
    input  logic                r_valid_i,
    output logic                r_ready_o,
    input  logic [AxiDataW-1:0] r_data_i,
    input  logic                r_last_i,
    input  logic [         1:0] r_resp_i,
    output logic                wr_valid_o,
    input  logic                wr_ready_i,
    output logic [         3:0] wr_dest_o,
    output logic [         3:0] wr_bank_o,
    output logic [        15:0] wr_addr_o,
    output logic [         5:0] wr_chunk_o,
    output logic [ Rows*16-1:0] wr_data_o,
    output logic                quiet_o
);

  localparam int ContextDepth = 4;
  localparam int CountW = 8;  // the read multiplexer's limit is below 256

  // What the walkers need of a record: tokens to give, and these fields.
  localparam int FieldsW = AxiAddrW + 4 + 4 + 8 + 16 + 24 + 16 + 16 + 32 + 32 + 32;
  localparam int ContextW = 2 + 34 + 32 + 8 + FieldsW;

  // --- Accept. ---------------------------------------------------------------------------------------------------------------
  logic stopped, stopped_q;
  logic hold_valid_q;
  logic [31:0] hold_idx_q;
  logic [7:0] hold_give_q;
  logic [FieldsW-1:0] fields, hold_q;
  logic [7:0] waits;
  logic fails, accept;
  logic desc_valid, desc_ready, desc_fire, refused;
  logic merge1, merge2;
  logic ctx_ready;
  logic unused;

  assign stopped = stop_i || stopped_q;
  assign waits = cmd_i[systole_pkg::CMD_WAIT_LSB+:systole_pkg::CMD_WAIT_W];
  assign cmd_ready_o = (!hold_valid_q || desc_fire) && !stopped && (waits & ~tok_avail_i) == '0;
  assign accept = cmd_valid_i && cmd_ready_o;
  assign take_o = accept ? waits : '0;
  assign desc_valid = hold_valid_q && ctx_ready;
  assign desc_fire = desc_valid && desc_ready;

  assign fields = {
    cmd_i[systole_pkg::LOAD_ADDRESS_LO_LSB+:AxiAddrW],
    cmd_i[systole_pkg::LOAD_DEST_LSB+:systole_pkg::LOAD_DEST_W],
    cmd_i[systole_pkg::LOAD_BANK_LSB+:systole_pkg::LOAD_BANK_W],
    cmd_i[systole_pkg::LOAD_PAD_BYTE_LSB+:systole_pkg::LOAD_PAD_BYTE_W],
    cmd_i[systole_pkg::LOAD_DST_LSB+:systole_pkg::LOAD_DST_W],
    cmd_i[systole_pkg::LOAD_LENGTH_LSB+:systole_pkg::LOAD_LENGTH_W],
    cmd_i[systole_pkg::LOAD_COUNT1_LSB+:systole_pkg::LOAD_COUNT1_W],
    cmd_i[systole_pkg::LOAD_COUNT2_LSB+:systole_pkg::LOAD_COUNT2_W],
    cmd_i[systole_pkg::LOAD_PITCH1_LSB+:systole_pkg::LOAD_PITCH1_W],
    cmd_i[systole_pkg::LOAD_PITCH2_LSB+:systole_pkg::LOAD_PITCH2_W],
    cmd_i[systole_pkg::LOAD_PAD_BOTTOM_LSB+:systole_pkg::LOAD_PAD_BOTTOM_W],
    cmd_i[systole_pkg::LOAD_PAD_TOP_LSB+:systole_pkg::LOAD_PAD_TOP_W],
    cmd_i[systole_pkg::LOAD_PAD_RIGHT_LSB+:systole_pkg::LOAD_PAD_RIGHT_W],
    cmd_i[systole_pkg::LOAD_PAD_LEFT_LSB+:systole_pkg::LOAD_PAD_LEFT_W]
  };
  assign unused = ^{cmd_i, r_resp_i[0]};  // control has checked the rest

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      stopped_q <= 1'b0;
      hold_valid_q <= 1'b0;
    end else begin
      stopped_q <= stopped || fails || refused;  // with err_valid_o, or a cycle later
      if (accept) hold_valid_q <= 1'b1;
      else if (desc_fire) hold_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      hold_idx_q <= idx_i;
      hold_give_q <= cmd_i[systole_pkg::CMD_GIVE_LSB+:systole_pkg::CMD_GIVE_W];
      hold_q <= fields;
    end
  end

  // --- Ask for the data. -----------------------------------------------------------------------------------------------------
  logic [AxiAddrW-1:0] addr;
  logic [31:0] pitch1, pitch2, unused_pads;
  logic [3:0] dest, bank;
  logic [23:0] unused_target;
  logic [23:0] length;
  logic [15:0] count1, count2;
  logic unused_last;
  logic [31:0] burst_idx;

  // Not needed here: pad byte and dst; pads.
  assign {addr, dest, bank, unused_target, length, count1, count2, pitch1, pitch2, unused_pads} = hold_q;

  // How items fall into chunks, for the walker of the data: found out in two cycles, while the burst generator sets up.
  localparam int WordBytes = 2 * Rows;
  localparam int AccBytes = 4 * Cols < WordBytes ? 4 * Cols : WordBytes;
  localparam int ZpBytes = Cols < WordBytes ? Cols : WordBytes;

  logic [23:0] last_byte_q, more_q, more;  // of an item; chunks of it less one
  logic [7:0] tail_q, tail;  // bytes of its last chunk
  logic [1:0] width_q;  // chunks as wide as one of: a word, a word of accumulators, a word of the narrow banks
  logic one_q, two_q;

  always_comb begin
    unique case (width_q)
      2'd0: begin
        more = last_byte_q >> $clog2(WordBytes);
        tail = 8'(last_byte_q) & 8'(WordBytes - 1);
      end
      2'd1: begin
        more = last_byte_q >> $clog2(AccBytes);
        tail = 8'(last_byte_q) & 8'(AccBytes - 1);
      end
      default: begin
        more = last_byte_q >> $clog2(ZpBytes);
        tail = 8'(last_byte_q) & 8'(ZpBytes - 1);
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    last_byte_q <= length - 24'd1;
    if (dest == systole_pkg::DEST_ACT || dest == systole_pkg::DEST_WGT) width_q <= 2'd0;
    else if (dest == systole_pkg::DEST_ACC || bank == systole_pkg::BANK_BIAS || bank == systole_pkg::BANK_SCALE) width_q <= 2'd1;
    else width_q <= 2'd2;
    more_q <= more;
    tail_q <= tail + 8'd1;
    one_q  <= more == '0;
    two_q  <= more == 24'd1;
  end

  systole_burst_gen #(
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .TagW(32)
  ) u_bursts (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .enable_i     (!stopped),
      .window_first_i(window_first_i),
      .window_last_i(window_last_i),
      .desc_valid_i (desc_valid),
      .desc_ready_o (desc_ready),
      .desc_addr_i  (addr),
      .desc_length_i(length),
      .desc_count1_i(count1),
      .desc_count2_i(count2),
      .desc_pitch1_i(pitch1),
      .desc_pitch2_i(pitch2),
      .desc_tag_i   (hold_idx_q),
      .merge1_o     (merge1),
      .merge2_o     (merge2),
      .burst_valid_o(ar_valid_o),
      .burst_ready_i(ar_ready_i),
      .burst_addr_o (ar_addr_o),
      .burst_len_o  (ar_len_o),
      .burst_last_o (unused_last),
      .burst_tag_o  (burst_idx),
      .refused_o    (refused)
  );

  // --- Write it. -------------------------------------------------------------------------------------------------------------
  logic ctx_valid, ctx_take;
  logic ctx_merge1, ctx_merge2;
  logic [31:0] ctx_idx;
  logic [7:0] ctx_give;
  logic [FieldsW-1:0] ctx_fields;
  logic [AxiAddrW-1:0] ctx_addr;
  logic [3:0] ctx_dest, ctx_bank;
  logic [7:0] ctx_pad_byte, ctx_pad_bottom, ctx_pad_top, ctx_pad_right, ctx_pad_left;
  logic [15:0] ctx_dst, ctx_count1, ctx_count2;
  logic [23:0] unused_length, ctx_more;
  logic [7:0] ctx_tail;
  logic ctx_one, ctx_two;
  logic [31:0] ctx_pitch1, ctx_pitch2;
  logic read_err;
  logic [7:0] read_err_code;
  logic [31:0] read_err_idx;
  logic [AxiAddrW-1:0] read_err_addr;

  assign err_valid_o = read_err || refused;
  assign err_code_o = read_err ? read_err_code : systole_pkg::ERROR_WINDOW;
  assign err_idx_o = read_err ? read_err_idx : burst_idx;
  assign err_addr_o = read_err ? read_err_addr : ar_addr_o;

  systole_fifo #(
      .W(ContextW),
      .Depth(ContextDepth)
  ) u_contexts (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(desc_fire),
      .ready_o(ctx_ready),
      .data_i ({merge1, merge2, one_q, two_q, more_q, tail_q, hold_idx_q, hold_give_q, hold_q}),
      .valid_o(ctx_valid),
      .ready_i(ctx_take),
      .data_o ({ctx_merge1, ctx_merge2, ctx_one, ctx_two, ctx_more, ctx_tail, ctx_idx, ctx_give, ctx_fields})
  );

  assign {ctx_addr, ctx_dest, ctx_bank, ctx_pad_byte, ctx_dst, unused_length, ctx_count1, ctx_count2, ctx_pitch1, ctx_pitch2,
          ctx_pad_bottom, ctx_pad_top, ctx_pad_right, ctx_pad_left} = ctx_fields;

  systole_dma_read #(
      .Rows(Rows),
      .Cols(Cols),
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .ActWords(ActWords),
      .WgtWords(WgtWords),
      .AccRows(AccRows),
      .ParamEntries(ParamEntries)
  ) u_read (
      .clk_i           (clk_i),
      .rst_ni          (rst_ni),
      .stop_i          (stop_i),
      .ctx_valid_i     (ctx_valid),
      .ctx_ready_o     (ctx_take),
      .ctx_merge1_i    (ctx_merge1),
      .ctx_merge2_i    (ctx_merge2),
      .ctx_addr_i      (ctx_addr),
      .ctx_idx_i       (ctx_idx),
      .ctx_give_i      (ctx_give),
      .ctx_dest_i      (ctx_dest),
      .ctx_bank_i      (ctx_bank),
      .ctx_dst_i       (ctx_dst),
      .ctx_pad_byte_i  (ctx_pad_byte),
      .ctx_more_i      (ctx_more),
      .ctx_tail_i      (ctx_tail),
      .ctx_one_i       (ctx_one),
      .ctx_two_i       (ctx_two),
      .ctx_count1_i    (ctx_count1),
      .ctx_count2_i    (ctx_count2),
      .ctx_pitch1_i    (ctx_pitch1),
      .ctx_pitch2_i    (ctx_pitch2),
      .ctx_pad_left_i  (ctx_pad_left),
      .ctx_pad_right_i (ctx_pad_right),
      .ctx_pad_top_i   (ctx_pad_top),
      .ctx_pad_bottom_i(ctx_pad_bottom),
      .r_valid_i       (r_valid_i),
      .r_ready_o       (r_ready_o),
      .r_data_i        (r_data_i),
      .r_err_i         (r_resp_i[1]),
      .wr_valid_o      (wr_valid_o),
      .wr_ready_i      (wr_ready_i),
      .wr_dest_o       (wr_dest_o),
      .wr_bank_o       (wr_bank_o),
      .wr_addr_o       (wr_addr_o),
      .wr_chunk_o      (wr_chunk_o),
      .wr_data_o       (wr_data_o),
      .done_o          (done_o),
      .give_o          (give_o),
      .fails_o         (fails),
      .err_valid_o     (read_err),
      .err_code_o      (read_err_code),
      .err_idx_o       (read_err_idx),
      .err_addr_o      (read_err_addr)
  );

  // --- Bursts without their last beat. -----------------------------------------------------------------------------------------
  logic [CountW-1:0] count_q;
  logic none_q;  // it is 0
  logic issue, finish;

  assign issue = ar_valid_o && ar_ready_i;
  assign finish = r_valid_i && r_ready_o && r_last_i;
  assign quiet_o = !ar_valid_o && none_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      none_q <= 1'b1;
    end else if (issue && !finish) begin
      count_q <= count_q + CountW'(1);
      none_q <= 1'b0;
    end else if (finish && !issue) begin
      count_q <= count_q - CountW'(1);
      none_q <= count_q == CountW'(1);
    end
  end

endmodule
