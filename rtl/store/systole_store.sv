// SPDX-License-Identifier: Apache-2.0

/// Store engine: executes STORE commands in order. A command is accepted when all tokens it waits for are there (taken
/// in that cycle) and goes to systole_burst_gen, which raises its AWs, and, up to four commands deep, to
/// systole_store_walk, which reads its accumulators; systole_epilogue turns them into results, with the parameters that
/// load wrote to systole_params, and systole_dma_write packs and sends these. All go on to the next command on their
/// own. At most `MaxWrites` bursts are between the AW register (included) and their B; the cycle of a B already frees
/// its place.
///
/// Latency: a command accepted in cycle t has its first AW at t+5 (1 to hold it, 3 to set up, 1 to form the burst) and
/// its first accumulator read at t+5, if burst generator and walker are free; a command every 3 cycles. The first W
/// beat is sent 15 cycles after the read that completes it (read, its register, group queue, 11 of the epilogue, placing), but not
/// before the cycle after its AW. ACC_FREE: cycle after the last accumulator read. done_o and MEM_DONE: cycle after the
/// command's last B.
///
/// wr: load's write port; SCALE and SHIFT are written in the cycle of wr_valid_i, always.
///
/// Errors: ERROR_WINDOW, which stays, with the address of a burst outside the window, in the cycle in which its AW would have been raised;
/// as a pulse: ERROR_AXI_STORE with the burst's address, one cycle after the first B with an error; ERROR_RANGE
/// with the accumulator row or the parameter entry outside its memory, when all groups before have passed the check of
/// their parameters; ERROR_PARAM with the entry, when that check fails. From then on, and after stop_i, no command is
/// accepted and no new AW raised; an AW that is up holds, and bursts with an accepted AW get their data (beats without
/// strobes where a RANGE or PARAM error cut the data off). After an error B of its own the engine completes no command.
/// quiet_o: no AW is up, no B is awaited.
module systole_store #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int EpLanes = Cols / 2,
    parameter int MaxWrites = 16,
    parameter int Fp = 1,
    parameter int Parity = 0
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  stop_i,
    input  logic [ AxiAddrW-13:0] window_first_i,
    input  logic [ AxiAddrW-13:0] window_last_i,
    input  logic [      2*24-1:0] guard_i,         // memories SCALE, SHIFT, see systole_parity_ram
    output logic [      2*24-1:0] guard_o,
    input  logic                  cmd_valid_i,
    output logic                  cmd_ready_o,
    input  logic [         511:0] cmd_i,
    input  logic [          31:0] idx_i,
    input  logic [           7:0] tok_avail_i,
    output logic [           7:0] take_o,
    output logic [           7:0] give_o,
    output logic                  done_o,
    output logic                  err_valid_o,
    output logic [           7:0] err_code_o,
    output logic [          31:0] err_idx_o,
    output logic [  AxiAddrW-1:0] err_addr_o,
    input  logic                  wr_valid_i,
    input  logic [           3:0] wr_dest_i,
    input  logic [           3:0] wr_bank_i,
    input  logic [          15:0] wr_addr_i,
    input  logic [           5:0] wr_chunk_i,
    input  logic [   Rows*16-1:0] wr_data_i,
    output logic                  acc_rd_valid_o,
    input  logic                  acc_rd_ready_i,
    output logic [          15:0] acc_rd_addr_o,
    output logic [           5:0] acc_rd_group_o,
    input  logic [EpLanes*32-1:0] acc_rd_data_i,
    output logic [           0:0] m_axi_awid_o,
    output logic [  AxiAddrW-1:0] m_axi_awaddr_o,
    output logic [           7:0] m_axi_awlen_o,
    output logic [           2:0] m_axi_awsize_o,
    output logic [           1:0] m_axi_awburst_o,
    output logic                  m_axi_awlock_o,
    output logic [           3:0] m_axi_awcache_o,
    output logic [           2:0] m_axi_awprot_o,
    output logic [           3:0] m_axi_awqos_o,
    output logic                  m_axi_awvalid_o,
    input  logic                  m_axi_awready_i,
    output logic [  AxiDataW-1:0] m_axi_wdata_o,
    output logic [AxiDataW/8-1:0] m_axi_wstrb_o,
    output logic                  m_axi_wlast_o,
    output logic                  m_axi_wvalid_o,
    input  logic                  m_axi_wready_i,
    input  logic [           0:0] m_axi_bid_i,
    input  logic [           1:0] m_axi_bresp_i,
    input  logic                  m_axi_bvalid_i,
    output logic                  m_axi_bready_o,
    output logic                  quiet_o
);

  localparam int ContextDepth = 4;  // commands waiting for the walker
  localparam int Credits = 5;       // groups on their way from the walker to the epilogue
  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW = $clog2(BusBytes);
  localparam int CountW = $clog2(MaxWrites + 1);
  // index, free, acc, acc_n_stride, n, n_tail, size, per_column, param
  localparam int FieldsW = 32 + 1 + 16 + 16 + 16 + 8 + 2 + 1 + 16;
  // index, dtype, size, requant, per_column, out_zero_point, shift, scale, clamp_min, clamp_max
  localparam int ResultW = 32 + 4 + 2 + 3 + 1 + 8 + 8 + 32 + 32 + 32;
  // Commands whose groups may be on their way to the epilogue: those waiting for the walker, one in it, and as many as it
  // lets groups be on their way.
  localparam int ResultDepth = ContextDepth + 1 + Credits;
  localparam int ParamW = $clog2(ParamEntries);
  localparam int GroupW = Cols > EpLanes ? $clog2(Cols / EpLanes) : 1;
  localparam int BeatsW = $clog2(4 * EpLanes + 2 * BusBytes) + 1 - OffW;
  localparam int ShapeW = AxiAddrW + 16 + 16 + 32 + 32;  // address, m0, m1, pitch0, pitch1
  localparam int ContextW = 2 + FieldsW + 3 * OffW + 32;

  // --- Accept. -------------------------------------------------------------------------------------------------------------
  logic stopped, stopped_q;
  logic hold_valid_q, hold_done_q;
  logic [FieldsW-1:0] fields_q;
  logic [ShapeW-1:0] shape_q;
  logic [ResultW-1:0] result_q;
  logic [23:0] row_bytes_q;
  logic [7:0] waits, gives;
  logic [15:0] tiles;
  logic [3:0] dtype;
  logic [1:0] size;
  logic b_fails, range_fails, param_dead, refused;
  logic accept;
  logic desc_valid, desc_ready, desc_fire;
  logic merge1, merge2;
  logic ctx_ready;
  logic unused;

  // Control has checked the rest of the record, load the address; there is one ID.
  assign unused = ^{cmd_i, wr_addr_i, m_axi_bid_i, m_axi_bresp_i[0]};

  assign stopped = stop_i || stopped_q || param_dead;
  assign waits = cmd_i[systole_pkg::CMD_WAIT_LSB+:systole_pkg::CMD_WAIT_W];
  assign gives = cmd_i[systole_pkg::CMD_GIVE_LSB+:systole_pkg::CMD_GIVE_W];
  assign tiles = cmd_i[systole_pkg::STORE_N_LSB+:systole_pkg::STORE_N_W];
  assign dtype = cmd_i[systole_pkg::STORE_OUT_DTYPE_LSB+:systole_pkg::STORE_OUT_DTYPE_W];
  assign size = dtype == systole_pkg::DTYPE_S8 || dtype == systole_pkg::DTYPE_U8 ? 2'd0 :
      dtype == systole_pkg::DTYPE_FP16 || dtype == systole_pkg::DTYPE_BF16 ? 2'd1 : 2'd2;
  assign cmd_ready_o = (!hold_valid_q || desc_fire) && !stopped && (waits & ~tok_avail_i) == '0;
  assign accept = cmd_valid_i && cmd_ready_o;
  assign take_o = accept ? waits : '0;
  assign desc_valid = hold_valid_q && ctx_ready;
  assign desc_fire = desc_valid && desc_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      stopped_q <= 1'b0;
      hold_valid_q <= 1'b0;
    end else begin
      stopped_q <= stopped || b_fails || range_fails || refused;  // with err_valid_o, or a cycle later
      if (accept) hold_valid_q <= 1'b1;
      else if (desc_fire) hold_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      hold_done_q <= gives[systole_pkg::TOKEN_MEM_DONE];
      fields_q <= {
        idx_i,
        gives[systole_pkg::TOKEN_ACC_FREE],
        cmd_i[systole_pkg::STORE_ACC_LSB+:systole_pkg::STORE_ACC_W],
        cmd_i[systole_pkg::STORE_ACC_N_STRIDE_LSB+:systole_pkg::STORE_ACC_N_STRIDE_W],
        tiles,
        cmd_i[systole_pkg::STORE_N_TAIL_LSB+:systole_pkg::STORE_N_TAIL_W],
        size,
        cmd_i[systole_pkg::STORE_PER_COLUMN_LSB],
        cmd_i[systole_pkg::STORE_PARAM_LSB+:systole_pkg::STORE_PARAM_W]
      };
      result_q <= {
        idx_i,
        dtype,
        size,
        cmd_i[systole_pkg::STORE_REQUANT_LSB+:systole_pkg::STORE_REQUANT_W],
        cmd_i[systole_pkg::STORE_PER_COLUMN_LSB],
        cmd_i[systole_pkg::STORE_OUT_ZERO_POINT_LSB+:systole_pkg::STORE_OUT_ZERO_POINT_W],
        cmd_i[systole_pkg::STORE_SHIFT_LSB+:systole_pkg::STORE_SHIFT_W],
        cmd_i[systole_pkg::STORE_SCALE_LSB+:systole_pkg::STORE_SCALE_W],
        cmd_i[systole_pkg::STORE_CLAMP_MIN_LSB+:systole_pkg::STORE_CLAMP_MIN_W],
        cmd_i[systole_pkg::STORE_CLAMP_MAX_LSB+:systole_pkg::STORE_CLAMP_MAX_W]
      };
      shape_q <= {
        cmd_i[systole_pkg::STORE_ADDRESS_LO_LSB+:AxiAddrW],
        cmd_i[systole_pkg::STORE_M0_LSB+:systole_pkg::STORE_M0_W],
        cmd_i[systole_pkg::STORE_M1_LSB+:systole_pkg::STORE_M1_W],
        cmd_i[systole_pkg::STORE_PITCH0_LSB+:systole_pkg::STORE_PITCH0_W],
        cmd_i[systole_pkg::STORE_PITCH1_LSB+:systole_pkg::STORE_PITCH1_W]
      };
      row_bytes_q <= (((24'(tiles) - 24'd1) << $clog2(Cols)) +
          24'(cmd_i[systole_pkg::STORE_N_TAIL_LSB+:systole_pkg::STORE_N_TAIL_W])) << size;
    end
  end

  // --- Raise AWs. ----------------------------------------------------------------------------------------------------------
  logic [AxiAddrW-1:0] addr;
  logic [15:0] m0, m1;
  logic [31:0] pitch0, pitch1;
  logic burst_last, burst_done;
  logic [31:0] burst_idx;
  logic [CountW-1:0] count_q;  // AW accepted, no B yet
  logic none_q, near_q, max_q;  // count_q is 0, MaxWrites - 1, MaxWrites
  logic full;  // with the AW that is up, but for a B in this cycle
  logic aw_fire, b_fire;

  assign {addr, m0, m1, pitch0, pitch1} = shape_q;
  assign aw_fire = m_axi_awvalid_o && m_axi_awready_i;
  assign b_fire = m_axi_bvalid_i && m_axi_bready_o;
  assign full = max_q || (m_axi_awvalid_o && near_q);
  assign quiet_o = !m_axi_awvalid_o && none_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      none_q <= 1'b1;
      near_q <= MaxWrites == 1;
      max_q <= 1'b0;
    end else if (aw_fire && !b_fire) begin
      count_q <= count_q + CountW'(1);
      none_q <= 1'b0;
      near_q <= MaxWrites > 1 && count_q == CountW'(MaxWrites - 2);
      max_q <= near_q;
    end else if (b_fire && !aw_fire) begin
      count_q <= count_q - CountW'(1);
      none_q <= count_q == CountW'(1);
      near_q <= max_q;
      max_q <= 1'b0;
    end
  end

  systole_burst_gen #(
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .TagW(33)
  ) u_bursts (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .enable_i     (!stopped && (!full || b_fire)),
      .window_first_i(window_first_i),
      .window_last_i(window_last_i),
      .desc_valid_i (desc_valid),
      .desc_ready_o (desc_ready),
      .desc_addr_i  (addr),
      .desc_length_i(row_bytes_q),
      .desc_count1_i(m0),
      .desc_count2_i(m1),
      .desc_pitch1_i(pitch0),
      .desc_pitch2_i(pitch1),
      .desc_tag_i   ({hold_done_q, fields_q[FieldsW-1-:32]}),
      .merge1_o     (merge1),
      .merge2_o     (merge2),
      .burst_valid_o(m_axi_awvalid_o),
      .burst_ready_i(m_axi_awready_i),
      .burst_addr_o (m_axi_awaddr_o),
      .burst_len_o  (m_axi_awlen_o),
      .burst_last_o (burst_last),
      .burst_tag_o  ({burst_done, burst_idx}),
      .refused_o    (refused)
  );

  assign m_axi_awid_o = 1'b0;
  assign m_axi_awsize_o = 3'($clog2(BusBytes));
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_awlock_o = 1'b0;
  assign m_axi_awcache_o = 4'b0011;
  assign m_axi_awprot_o = 3'b000;
  assign m_axi_awqos_o = 4'd0;

  // --- Read accumulators. --------------------------------------------------------------------------------------------------
  logic ctx_valid, ctx_take;
  logic ctx_merge1, ctx_merge2, ctx_free;
  logic [31:0] ctx_idx;
  logic [15:0] ctx_acc, ctx_stride, ctx_m0, ctx_m1, ctx_n;
  logic [7:0] ctx_n_tail;
  logic [1:0] ctx_size;
  logic ctx_per_column;
  logic [15:0] ctx_param;
  logic [OffW-1:0] ctx_offset, ctx_pitch0, ctx_pitch1;
  logic group_valid, group_ready, group_end, group_last, group_fire;
  logic [ParamW-1:0] group_entry;
  logic [GroupW-1:0] group_column;
  logic [EpLanes*32-1:0] group_data;
  logic [$clog2(EpLanes):0] group_lanes;
  logic [OffW-1:0] group_offset;
  logic free, dead, range_dead, walk_idle, unchecked, range_valid;
  logic [31:0] range_idx;
  logic [15:0] range_addr;

  systole_fifo #(
      .W(ContextW),
      .Depth(ContextDepth)
  ) u_contexts (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(desc_fire),
      .ready_o(ctx_ready),
      .data_i({merge1, merge2, fields_q, addr[OffW-1:0], pitch0[OffW-1:0], pitch1[OffW-1:0], m0, m1}),
      .valid_o(ctx_valid),
      .ready_i(ctx_take),
      .data_o({
        ctx_merge1, ctx_merge2, ctx_idx, ctx_free, ctx_acc, ctx_stride, ctx_n, ctx_n_tail, ctx_size,
        ctx_per_column, ctx_param, ctx_offset, ctx_pitch0, ctx_pitch1, ctx_m0, ctx_m1
      })
  );

  systole_store_walk #(
      .Cols(Cols),
      .AxiDataW(AxiDataW),
      .AccRows(AccRows),
      .ParamEntries(ParamEntries),
      .EpLanes(EpLanes),
      .Credits(Credits)
  ) u_walk (
      .clk_i         (clk_i),
      .rst_ni        (rst_ni),
      .ctx_valid_i   (ctx_valid),
      .ctx_ready_o   (ctx_take),
      .ctx_merge1_i  (ctx_merge1),
      .ctx_merge2_i  (ctx_merge2),
      .ctx_idx_i     (ctx_idx),
      .ctx_free_i    (ctx_free),
      .ctx_offset_i  (ctx_offset),
      .ctx_pitch0_i  (ctx_pitch0),
      .ctx_pitch1_i  (ctx_pitch1),
      .ctx_acc_i     (ctx_acc),
      .ctx_stride_i  (ctx_stride),
      .ctx_m0_i      (ctx_m0),
      .ctx_m1_i      (ctx_m1),
      .ctx_n_i       (ctx_n),
      .ctx_n_tail_i  (ctx_n_tail),
      .ctx_size_i    (ctx_size),
      .ctx_per_column_i(ctx_per_column),
      .ctx_param_i   (ctx_param),
      .acc_rd_valid_o(acc_rd_valid_o),
      .acc_rd_ready_i(acc_rd_ready_i),
      .acc_rd_addr_o (acc_rd_addr_o),
      .acc_rd_group_o(acc_rd_group_o),
      .acc_rd_data_i (acc_rd_data_i),
      .out_valid_o   (group_valid),
      .out_ready_i   (group_ready),
      .out_data_o    (group_data),
      .out_lanes_o   (group_lanes),
      .out_offset_o  (group_offset),
      .out_end_o     (group_end),
      .out_last_o    (group_last),
      .out_entry_o   (group_entry),
      .out_group_o   (group_column),
      .unchecked_i   (unchecked),
      .stop_i        (param_dead),
      .free_o        (free),
      .fails_o       (range_fails),
      .err_valid_o   (range_valid),
      .err_idx_o     (range_idx),
      .err_addr_o    (range_addr),
      .dead_o        (range_dead),
      .idle_o        (walk_idle)
  );

  // --- Turn them into results. ---------------------------------------------------------------------------------------------
  logic unused_out_end;
  logic unused_result_ready, unused_result_valid;  // never full, and not empty while a group is there
  logic [31:0] res_idx, res_scale, res_clamp_min, res_clamp_max;
  logic [3:0] res_dtype;
  logic [1:0] res_size;
  logic [2:0] res_requant;
  logic res_per_column;
  logic [7:0] res_zero_point, res_shift;
  logic wr_param, param_re, param_valid, epilogue_idle;
  logic [EpLanes*32-1:0] scales;
  logic [EpLanes*8-1:0] shifts;
  logic [31:0] param_idx;
  logic [ParamW-1:0] param_entry;
  logic out_valid, unused_out_ready, out_fits;
  logic [EpLanes*32-1:0] out_data;
  logic [EpLanes*4-1:0] out_strobes;
  logic [OffW-1:0] out_offset;
  logic [BeatsW-1:0] out_touched, out_completed, out_next_touched;

  assign group_fire = group_valid && group_ready;

  systole_fifo #(
      .W(ResultW),
      .Depth(ResultDepth)
  ) u_results (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(desc_fire),
      .ready_o(unused_result_ready),
      .data_i(result_q),
      .valid_o(unused_result_valid),
      .ready_i(group_fire && group_last),
      .data_o({
        res_idx, res_dtype, res_size, res_requant, res_per_column, res_zero_point, res_shift, res_scale, res_clamp_min,
        res_clamp_max
      })
  );

  assign wr_param = wr_valid_i && wr_dest_i == systole_pkg::DEST_PARAM;

  systole_params #(
      .Rows(Rows),
      .Cols(Cols),
      .ParamEntries(ParamEntries),
      .EpLanes(EpLanes),
      .Parity(Parity)
  ) u_params (
      .clk_i     (clk_i),
      .rst_ni    (rst_ni),
      .guard_i   (guard_i),
      .guard_o   (guard_o),
      .wr_scale_i(wr_param && wr_bank_i == systole_pkg::BANK_SCALE),
      .wr_shift_i(wr_param && wr_bank_i == systole_pkg::BANK_SHIFT),
      .wr_entry_i(wr_addr_i[ParamW-1:0]),
      .wr_chunk_i(wr_chunk_i),
      .wr_data_i (wr_data_i),
      .re_i      (param_re && res_per_column),
      .rd_entry_i(group_entry),
      .rd_group_i(group_column),
      .scale_o   (scales),
      .shift_o   (shifts)
  );

  systole_epilogue #(
      .Lanes(EpLanes),
      .OffW(OffW),
      .ParamW(ParamW),
      .Fp(Fp)
  ) u_epilogue (
      .clk_i          (clk_i),
      .rst_ni         (rst_ni),
      .in_valid_i     (group_valid),
      .in_ready_o     (group_ready),
      .in_data_i      (group_data),
      .in_lanes_i     (group_lanes),
      .in_offset_i    (group_offset),
      .in_end_i       (group_end),
      .in_entry_i     (group_entry),
      .in_idx_i       (res_idx),
      .in_dtype_i     (res_dtype),
      .in_size_i      (res_size),
      .in_requant_i   (res_requant),
      .in_per_column_i(res_per_column),
      .in_zero_point_i(res_zero_point),
      .in_shift_i     (res_shift),
      .in_scale_i     (res_scale),
      .in_clamp_min_i (res_clamp_min),
      .in_clamp_max_i (res_clamp_max),
      .param_re_o     (param_re),
      .scale_i        (scales),
      .shift_i        (shifts),
      .out_valid_o    (out_valid),
      .out_next_touched_o(out_next_touched),
      .out_fits_i     (out_fits),
      .out_data_o     (out_data),
      .out_strobes_o  (out_strobes),
      .out_offset_o   (out_offset),
      .out_touched_o  (out_touched),
      .out_completed_o(out_completed),
      .out_end_o      (unused_out_end),
      .err_valid_o    (param_valid),
      .err_idx_o      (param_idx),
      .err_entry_o    (param_entry),
      .dead_o         (param_dead),
      .unchecked_o    (unchecked),
      .idle_o         (epilogue_idle)
  );

  // --- Send them. ----------------------------------------------------------------------------------------------------------
  logic unused_burst_ready;  // as many places as bursts under way

  assign dead = range_dead || param_dead;

  systole_dma_write #(
      .GroupBytes(4 * EpLanes),
      .AxiDataW(AxiDataW),
      .MaxWrites(MaxWrites)
  ) u_write (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .fill_i       (dead && walk_idle && epilogue_idle),
      .in_valid_i   (out_valid),
      .in_ready_o   (unused_out_ready),
      .in_next_touched_i(out_next_touched),
      .in_fits_o    (out_fits),
      .in_data_i    (out_data),
      .in_strobes_i (out_strobes),
      .in_offset_i  (out_offset),
      .in_touched_i (out_touched),
      .in_completed_i(out_completed),
      .burst_valid_i(aw_fire),
      .burst_ready_o(unused_burst_ready),
      .burst_len_i  (m_axi_awlen_o),
      .w_valid_o    (m_axi_wvalid_o),
      .w_ready_i    (m_axi_wready_i),
      .w_data_o     (m_axi_wdata_o),
      .w_strb_o     (m_axi_wstrb_o),
      .w_last_o     (m_axi_wlast_o)
  );

  // --- Responses. ----------------------------------------------------------------------------------------------------------
  logic mem_done, b_fail;
  logic [31:0] cut_idx, b_idx;
  logic [AxiAddrW-1:0] b_addr;

  // What a RANGE or PARAM error cut off is not complete, nor is what follows it; what precedes it is.
  assign cut_idx = param_dead ? param_idx : range_idx;

  systole_store_answers #(
      .AxiAddrW (AxiAddrW),
      .MaxWrites(MaxWrites)
  ) u_answers (
      .clk_i           (clk_i),
      .rst_ni          (rst_ni),
      .burst_valid_i   (aw_fire),
      .burst_addr_i    (m_axi_awaddr_o),
      .burst_last_i    (burst_last),
      .burst_mem_done_i(burst_done),
      .burst_idx_i     (burst_idx),
      .b_valid_i       (m_axi_bvalid_i),
      .b_ready_o       (m_axi_bready_o),
      .b_error_i       (m_axi_bresp_i[1]),
      .cut_i           (dead),
      .cut_idx_i       (cut_idx),
      .done_o          (done_o),
      .mem_done_o      (mem_done),
      .fails_o         (b_fails),
      .err_valid_o     (b_fail),
      .err_idx_o       (b_idx),
      .err_addr_o      (b_addr)
  );

  assign give_o = (8'(mem_done) << systole_pkg::TOKEN_MEM_DONE) | (8'(free) << systole_pkg::TOKEN_ACC_FREE);
  assign err_valid_o = b_fail || range_valid || param_valid || refused;
  always_comb begin
    if (b_fail) begin
      err_code_o = systole_pkg::ERROR_AXI_STORE;
      err_idx_o  = b_idx;
      err_addr_o = b_addr;
    end else if (param_valid) begin
      err_code_o = systole_pkg::ERROR_PARAM;
      err_idx_o  = cut_idx;
      err_addr_o = AxiAddrW'(param_entry);
    end else if (range_valid) begin
      err_code_o = systole_pkg::ERROR_RANGE;
      err_idx_o  = cut_idx;
      err_addr_o = AxiAddrW'(range_addr);
    end else begin
      err_code_o = systole_pkg::ERROR_WINDOW;
      err_idx_o  = burst_idx;
      err_addr_o = m_axi_awaddr_o;
    end
  end

`ifdef FORMAL
  // Bursts and their answers, and the step from the epilogue to the write DMA; the blocks that make bursts and data are free here, apart
  // from what systole_burst_gen shows of itself.
  localparam int FCountW = CountW + 1;
  logic f_past_q, f_enable;
  logic [FCountW-1:0] f_bursts_q;  // AW taken, no B yet
  logic f_cut_q;  // the data have been cut off
  logic [7:0] f_bytes;  // of the group that is offered

  always_comb begin
    f_bytes = '0;
    for (int i = 0; i < 4 * EpLanes; i++) f_bytes = f_bytes + 8'(out_strobes[i]);
  end

  initial f_past_q = 1'b0;
  assign f_enable = !stopped && (b_fire || !full);
  always_comb begin
    assume (rst_ni == f_past_q);
    if (f_past_q && f_bursts_q == '0) assume (!m_axi_bvalid_i);  // an answer comes only for a burst whose AW was taken
    if (group_valid) assume (group_lanes != '0 && group_lanes <= ($clog2(EpLanes) + 1)'(EpLanes) && res_size != 2'd3);
  end

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) f_bursts_q <= '0;
    else f_bursts_q <= f_bursts_q + FCountW'(aw_fire) - FCountW'(b_fire);
    f_cut_q <= rst_ni && (f_cut_q || (dead && walk_idle && epilogue_idle));
    if (!f_past_q || !$past(f_past_q)) assume (!m_axi_awvalid_o && !range_dead);
    else begin
      if ($past(range_dead)) assume (range_dead);
      if (walk_idle) assume (!group_valid);
      if ($past(dead && walk_idle)) assume (walk_idle);
      if ($past(m_axi_awvalid_o && !m_axi_awready_i)) assume (m_axi_awvalid_o);
      else if ($past(!f_enable)) assume (!m_axi_awvalid_o);
    end
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q && $past(f_past_q)) begin
      assert (f_bursts_q + FCountW'(m_axi_awvalid_o) <= FCountW'(MaxWrites));
      assert (m_axi_bready_o == (f_bursts_q != '0));
      assert (quiet_o == (!m_axi_awvalid_o && f_bursts_q == '0));
      assert (m_axi_awburst_o == 2'b01 && m_axi_awsize_o == 3'($clog2(BusBytes)));
      if ($past(stop_i) && !$past(m_axi_awvalid_o && !m_axi_awready_i)) assert (!m_axi_awvalid_o);
      if ($past(stop_i)) assert (!cmd_ready_o);
      assert ((take_o & ~tok_avail_i) == '0);
      if ($past(b_fire && m_axi_bresp_i[1])) assert (stopped_q);
      if (!$past(b_fire)) assert (!done_o);
      if (done_o) assert ($past(!m_axi_bresp_i[1]));
      // The epilogue advances by what it was told a cycle ahead, the write DMA places by its ready: both or neither.
      assert (group_ready == (!out_valid || unused_out_ready));
      if ($past(out_valid && !unused_out_ready))
        assert (out_valid && $stable(out_strobes) && $stable(out_offset) && $stable(out_touched) && $stable(out_completed) && $stable(out_data));
      // What the proof of systole_store_walk takes for granted, then that of systole_dma_write.
      if ($past(param_dead)) assert (param_dead);
      if (out_valid) begin
        assert (out_strobes[0] && (out_strobes & (out_strobes + 1'b1)) == '0);
        assert (8'(out_touched) == (8'(out_offset) + f_bytes + 8'(BusBytes - 1)) >> OffW);
        assert (8'(out_completed) == (unused_out_end ? 8'(out_touched) : (8'(out_offset) + f_bytes) >> OffW));
        for (int i = 0; i < 4 * EpLanes; i++) if (!out_strobes[i]) assert (out_data[i*8+:8] == '0);
      end
      if (f_cut_q) assert (dead && walk_idle && epilogue_idle && !out_valid);

      cover (f_bursts_q == FCountW'(MaxWrites) && m_axi_bvalid_i);  // as many bursts as may be, answered
      cover (m_axi_awvalid_o && f_bursts_q == FCountW'(MaxWrites - 1) && $past(b_fire && max_q));  // the place of an answer taken at once
      cover (err_valid_o && err_code_o == systole_pkg::ERROR_AXI_STORE);  // an error response
      cover (done_o && f_bursts_q == '0);  // a command completes
      cover (f_cut_q && param_dead && $past(out_valid, 3));  // illegal parameters behind a group cut the data off
      cover (out_valid && unused_out_ready && $past(out_valid && !unused_out_ready));  // a group that waited is placed
      cover (out_valid && !unused_out_ready && $past(out_valid && unused_out_ready));  // one behind another finds no room
    end
  end
`endif

endmodule
