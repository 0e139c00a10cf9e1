// SPDX-License-Identifier: Apache-2.0

/// Store engine: executes STORE commands in order. A command is accepted when all tokens it waits for are there (taken
/// in that cycle) and goes to systole_burst_gen, which raises its AWs, and, up to four commands deep, to
/// systole_store_walk, which reads its accumulators; systole_dma_write packs what was read and sends it. All three go
/// on to the next command on their own. At most `MaxWrites` bursts are between the AW register (included) and their B;
/// the cycle of a B already frees its place.
///
/// Latency: a command accepted in cycle t has its first AW at t+5 (1 to hold it, 3 to set up, 1 to form the burst) and
/// its first accumulator read at t+5, if burst generator and walker are free; a command every 3 cycles. The first W
/// beat is sent 3 cycles after the read that completes it (read, group queue, placing), but not before the cycle after
/// its AW. ACC_FREE: cycle after the last accumulator read. done_o and MEM_DONE: cycle after the command's last B.
///
/// Errors, as a pulse one cycle after the event: ERROR_AXI_STORE with the burst's address, on the first B with an
/// error; ERROR_RANGE with the accumulator row. From then on, and after stop_i, no command is accepted and no new AW
/// raised; an AW that is up holds, and bursts with an accepted AW get their data (beats without strobes where a RANGE
/// error cut the data off). After an error B of its own the engine completes no command. quiet_o: no AW is up, no B is
/// awaited.
module systole_store #(
    parameter int Cols = 16,
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int AccRows = 1024,
    parameter int EpLanes = Cols / 2,
    parameter int MaxWrites = 16
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  stop_i,
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

  localparam int ContextDepth = 4;
  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW = $clog2(BusBytes);
  localparam int CountW = $clog2(MaxWrites + 1);
  localparam int FieldsW = 32 + 1 + 16 + 16 + 16 + 8;  // index, free, acc, acc_n_stride, n, n_tail
  localparam int ShapeW = AxiAddrW + 16 + 16 + 32 + 32;  // address, m0, m1, pitch0, pitch1
  localparam int ContextW = 2 + FieldsW + 3 * OffW + 32;

  // --- Accept. ---------------------------------------------------------------------------------------------------------------
  logic stopped, stopped_q;
  logic hold_valid_q, hold_done_q;
  logic [FieldsW-1:0] fields_q;
  logic [ShapeW-1:0] shape_q;
  logic [23:0] row_bytes_q;
  logic [7:0] waits, gives;
  logic [15:0] tiles;
  logic accept;
  logic desc_valid, desc_ready, desc_fire;
  logic merge1, merge2;
  logic ctx_ready;
  logic unused;

  assign unused = ^{cmd_i, m_axi_bid_i, m_axi_bresp_i[0], b_age[30:0]};  // control has checked the rest; one ID

  assign stopped = stop_i || stopped_q || err_valid_o;
  assign waits = cmd_i[systole_pkg::CMD_WAIT_LSB+:systole_pkg::CMD_WAIT_W];
  assign gives = cmd_i[systole_pkg::CMD_GIVE_LSB+:systole_pkg::CMD_GIVE_W];
  assign tiles = cmd_i[systole_pkg::STORE_N_LSB+:systole_pkg::STORE_N_W];
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
      stopped_q <= stopped;
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
        cmd_i[systole_pkg::STORE_N_TAIL_LSB+:systole_pkg::STORE_N_TAIL_W]
      };
      shape_q <= {
        cmd_i[systole_pkg::STORE_ADDRESS_LO_LSB+:AxiAddrW],
        cmd_i[systole_pkg::STORE_M0_LSB+:systole_pkg::STORE_M0_W],
        cmd_i[systole_pkg::STORE_M1_LSB+:systole_pkg::STORE_M1_W],
        cmd_i[systole_pkg::STORE_PITCH0_LSB+:systole_pkg::STORE_PITCH0_W],
        cmd_i[systole_pkg::STORE_PITCH1_LSB+:systole_pkg::STORE_PITCH1_W]
      };
      row_bytes_q <= ((24'(tiles) - 24'd1) << $clog2(4 * Cols)) +
          (24'(cmd_i[systole_pkg::STORE_N_TAIL_LSB+:systole_pkg::STORE_N_TAIL_W]) << 2);
    end
  end

  // --- Raise AWs. ------------------------------------------------------------------------------------------------------------
  logic [AxiAddrW-1:0] addr;
  logic [15:0] m0, m1;
  logic [31:0] pitch0, pitch1;
  logic burst_last, burst_done;
  logic [31:0] burst_idx;
  logic [CountW-1:0] count_q;  // AW accepted, no B yet
  logic [CountW:0] count_next;
  logic aw_fire, b_fire;

  assign {addr, m0, m1, pitch0, pitch1} = shape_q;
  assign aw_fire = m_axi_awvalid_o && m_axi_awready_i;
  assign b_fire = m_axi_bvalid_i && m_axi_bready_o;
  assign count_next = (CountW + 1)'(count_q) + (CountW + 1)'(m_axi_awvalid_o) - (CountW + 1)'(b_fire);
  assign quiet_o = !m_axi_awvalid_o && count_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else if (aw_fire && !b_fire) count_q <= count_q + CountW'(1);
    else if (b_fire && !aw_fire) count_q <= count_q - CountW'(1);
  end

  systole_burst_gen #(
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .TagW(33)
  ) u_bursts (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .enable_i     (!stopped && count_next < (CountW + 1)'(MaxWrites)),
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
      .burst_tag_o  ({burst_done, burst_idx})
  );

  assign m_axi_awid_o = 1'b0;
  assign m_axi_awsize_o = 3'($clog2(BusBytes));
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_awlock_o = 1'b0;
  assign m_axi_awcache_o = 4'b0011;
  assign m_axi_awprot_o = 3'b000;
  assign m_axi_awqos_o = 4'd0;

  // --- Read accumulators, send them. -------------------------------------------------------------------------------------------
  logic ctx_valid, ctx_take;
  logic ctx_merge1, ctx_merge2, ctx_free;
  logic [31:0] ctx_idx;
  logic [15:0] ctx_acc, ctx_stride, ctx_m0, ctx_m1, ctx_n;
  logic [7:0] ctx_n_tail;
  logic [OffW-1:0] ctx_offset, ctx_pitch0, ctx_pitch1;
  logic group_valid, group_ready, group_end;
  logic [EpLanes*32-1:0] group_data;
  logic [$clog2(EpLanes):0] group_lanes;
  logic [OffW-1:0] group_offset;
  logic free, dead, walk_idle, range_valid;
  logic [31:0] range_idx;
  logic [15:0] range_row;
  logic unused_burst_ready;  // as many places as bursts under way

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
        ctx_merge1, ctx_merge2, ctx_idx, ctx_free, ctx_acc, ctx_stride, ctx_n, ctx_n_tail, ctx_offset, ctx_pitch0,
        ctx_pitch1, ctx_m0, ctx_m1
      })
  );

  systole_store_walk #(
      .Cols(Cols),
      .AxiDataW(AxiDataW),
      .AccRows(AccRows),
      .EpLanes(EpLanes)
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
      .free_o        (free),
      .err_valid_o   (range_valid),
      .err_idx_o     (range_idx),
      .err_addr_o    (range_row),
      .dead_o        (dead),
      .idle_o        (walk_idle)
  );

  systole_dma_write #(
      .Lanes(EpLanes),
      .AxiDataW(AxiDataW),
      .MaxWrites(MaxWrites)
  ) u_write (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .fill_i       (dead && walk_idle),
      .in_valid_i   (group_valid),
      .in_ready_o   (group_ready),
      .in_data_i    (group_data),
      .in_lanes_i   (group_lanes),
      .in_offset_i  (group_offset),
      .in_end_i     (group_end),
      .burst_valid_i(aw_fire),
      .burst_ready_o(unused_burst_ready),
      .burst_len_i  (m_axi_awlen_o),
      .w_valid_o    (m_axi_wvalid_o),
      .w_ready_i    (m_axi_wready_i),
      .w_data_o     (m_axi_wdata_o),
      .w_strb_o     (m_axi_wstrb_o),
      .w_last_o     (m_axi_wlast_o)
  );

  // --- Responses. --------------------------------------------------------------------------------------------------------------
  logic b_known, b_last, b_done, b_ok, failed_q;
  logic [31:0] b_idx, b_age;
  logic [AxiAddrW-1:0] b_addr;
  logic done_q, mem_done_q, b_fail_q;
  logic [31:0] b_idx_q;
  logic [AxiAddrW-1:0] b_addr_q;
  logic unused_answer_ready;

  systole_fifo #(
      .W(AxiAddrW + 34),
      .Depth(MaxWrites)
  ) u_answers (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(aw_fire),
      .ready_o(unused_answer_ready),
      .data_i ({m_axi_awaddr_o, burst_last, burst_done, burst_idx}),
      .valid_o(b_known),
      .ready_i(b_fire),
      .data_o ({b_addr, b_last, b_done, b_idx})
  );

  assign m_axi_bready_o = b_known;
  // What a RANGE error cut off is not complete, nor is what follows it; what precedes it is.
  assign b_age = b_idx - range_idx;
  assign b_ok = b_fire && !m_axi_bresp_i[1] && !failed_q && (!dead || b_age[31]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      failed_q <= 1'b0;
      done_q <= 1'b0;
      mem_done_q <= 1'b0;
      b_fail_q <= 1'b0;
    end else begin
      if (b_fire && m_axi_bresp_i[1]) failed_q <= 1'b1;
      b_fail_q <= b_fire && m_axi_bresp_i[1] && !failed_q;
      done_q <= b_ok && b_last;
      mem_done_q <= b_ok && b_last && b_done;
    end
  end

  always_ff @(posedge clk_i) begin
    b_idx_q  <= b_idx;
    b_addr_q <= b_addr;
  end

  assign done_o = done_q;
  assign give_o = (8'(mem_done_q) << systole_pkg::TOKEN_MEM_DONE) | (8'(free) << systole_pkg::TOKEN_ACC_FREE);
  assign err_valid_o = b_fail_q || range_valid;
  assign err_code_o = b_fail_q ? systole_pkg::ERROR_AXI_STORE : systole_pkg::ERROR_RANGE;
  assign err_idx_o = b_fail_q ? b_idx_q : range_idx;
  assign err_addr_o = b_fail_q ? b_addr_q : AxiAddrW'(range_row);

endmodule
