// SPDX-License-Identifier: Apache-2.0

/// Functional covers of the whole machine: what a thorough set of tests is to have made happen at least once. Bound to the top in coverage
/// builds only (scripts/coverage), for Verilator only. A cover's name is its path; what stands behind `//=` names the turns of a loop.
module systole_cover #(
  parameter int AxiDataW  = 32,
  parameter int AxiAddrW  = 40,
  parameter int MaxReads  = 16,
  parameter int MaxWrites = 16
) (
  input logic                  clk_i,
  input logic                  rst_ni,
  input logic                  irq_i,
  // Commands that engines take.
  input logic                  load_valid_i,
  input logic                  load_ready_i,
  input logic [511:0]          load_i,
  input logic                  compute_valid_i,
  input logic                  compute_ready_i,
  input logic [511:0]          compute_i,
  input logic                  store_valid_i,
  input logic                  store_ready_i,
  input logic [511:0]          store_i,
  // Tokens and causes of stalls.
  input logic [7:0]            avail_i,
  input logic [7:0]            take_i,
  input logic [7:0]            give_i,
  input logic                  load_done_i,
  input logic                  compute_done_i,
  input logic                  store_done_i,
  input logic [4:0]            cause_i,
  input logic                  row_i,
  input logic [3:0]            row_dtype_i,
  input logic                  wr_valid_i,
  input logic                  wr_ready_i,
  input logic                  acc_rd_valid_i,
  input logic                  acc_rd_ready_i,
  // Ring, dispatch, errors, reset.
  input logic [31:0]           head_i,
  input logic [31:0]           tail_i,
  input logic [4:0]            ring_size_i,
  input logic                  enable_i,
  input logic                  fetch_ask_i,
  input logic [31:0]           fetch_index_i,
  input logic [15:0]           fetch_slot_i,
  input logic                  fetch_full_i,
  input logic [2:0]            queue_room_i,   // store, compute, load
  input logic                  order_room_i,
  input logic                  record_valid_i, // a checked record waits for its queue
  input logic [1:0]            record_engine_i,
  input logic                  error_set_i,
  input logic [7:0]            error_code_i,
  input logic                  error_i,
  input logic [3:0]            error_memory_i,
  input logic                  locked_write_i,
  input logic                  fetch_err_i,
  input logic [7:0]            fetch_err_code_i,
  input logic                  load_err_i,
  input logic [7:0]            load_err_code_i,
  input logic                  compute_err_i,
  input logic                  store_err_i,
  input logic [7:0]            store_err_code_i,
  input logic                  soft_reset_i,
  input logic                  engine_rst_ni,
  input logic                  load_quiet_i,
  input logic                  store_quiet_i,
  input logic                  read_quiet_i,
  input logic                  irq_done_i,     // set in this cycle
  // AXI
  input logic                  arvalid_i,
  input logic                  arready_i,
  input logic [AxiAddrW-1:0]   araddr_i,
  input logic [7:0]            arlen_i,
  input logic                  rvalid_i,
  input logic                  rready_i,
  input logic [1:0]            rresp_i,
  input logic                  rlast_i,
  input logic                  r_fetch_i,      // the beat belongs to a fetch
  input logic                  awvalid_i,
  input logic                  awready_i,
  input logic [AxiAddrW-1:0]   awaddr_i,
  input logic [7:0]            awlen_i,
  input logic                  wvalid_i,
  input logic                  wready_i,
  input logic [AxiDataW/8-1:0] wstrb_i,
  input logic                  wlast_i,
  input logic                  bvalid_i,
  input logic                  bready_i,
  input logic [1:0]            bresp_i,
  // AXI4-Lite: {aw, w, b, ar, r}
  input logic [4:0]            lite_valid_i,
  input logic [4:0]            lite_ready_i
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int OffW     = $clog2(BusBytes);

  // --- commands --------------------------------------------------------------------------------------------------------------
  logic load, matmul, store;

  assign load   = load_valid_i && load_ready_i;
  assign matmul = compute_valid_i && compute_ready_i;
  assign store  = store_valid_i && store_ready_i;

  logic [3:0]  dest, bank;
  logic [3:0]  pads;  // bottom, top, right, left
  logic [15:0] count1, count2;
  logic [31:0] pitch1, pitch2;

  assign dest   = load_i[systole_pkg::LOAD_DEST_LSB +: 4];
  assign bank   = load_i[systole_pkg::LOAD_BANK_LSB +: 4];
  assign pads   = {load_i[systole_pkg::LOAD_PAD_BOTTOM_LSB +: 8] != 0, load_i[systole_pkg::LOAD_PAD_TOP_LSB +: 8] != 0,
                   load_i[systole_pkg::LOAD_PAD_RIGHT_LSB +: 8] != 0, load_i[systole_pkg::LOAD_PAD_LEFT_LSB +: 8] != 0};
  assign count1 = load_i[systole_pkg::LOAD_COUNT1_LSB +: 16];
  assign count2 = load_i[systole_pkg::LOAD_COUNT2_LSB +: 16];
  assign pitch1 = load_i[systole_pkg::LOAD_PITCH1_LSB +: 32];
  assign pitch2 = load_i[systole_pkg::LOAD_PITCH2_LSB +: 32];

  for (genvar d = 0; d < 3; d++) begin : gen_dest  //= activations weights accumulators
    load_to: cover property (@(posedge clk_i) load && dest == 4'(d));
    load_unaligned: cover property (@(posedge clk_i) load && dest == 4'(d) && load_i[64 +: OffW] != '0);
  end
  for (genvar b = 0; b < 4; b++) begin : gen_bank  //= bias zero-points scales shifts
    load_to: cover property (@(posedge clk_i) load && dest == systole_pkg::DEST_PARAM && bank == 4'(b));
  end
  for (genvar p = 0; p < 4; p++) begin : gen_pad  //= left right top bottom
    load_padded: cover property (@(posedge clk_i) load && pads[p]);
  end
  for (genvar s = 0; s < 3; s++) begin : gen_pitch  //= negative zero positive
    load_items: cover property (@(posedge clk_i) load && count1 > 1 && (s == 0 ? pitch1[31] : s == 1 ? pitch1 == 0 : !pitch1[31] && pitch1 != 0));
    load_rows: cover property (@(posedge clk_i) load && count2 > 1 && (s == 0 ? pitch2[31] : s == 1 ? pitch2 == 0 : !pitch2[31] && pitch2 != 0));
  end
  load_pad_value: cover property (@(posedge clk_i) load && pads != 0 && load_i[systole_pkg::LOAD_PAD_BYTE_LSB +: 8] != 0);

  logic [3:0] a_dtype, b_dtype;
  logic [1:0] seed;
  logic       order, per_column;

  assign a_dtype    = compute_i[systole_pkg::MATMUL_A_DTYPE_LSB +: 4];
  assign b_dtype    = compute_i[systole_pkg::MATMUL_B_DTYPE_LSB +: 4];
  assign seed       = compute_i[systole_pkg::MATMUL_SEED_LSB +: 2];
  assign order      = compute_i[systole_pkg::MATMUL_ORDER_LSB];
  assign per_column = compute_i[systole_pkg::MATMUL_B_ZP_PER_COLUMN_LSB];

  for (genvar t = 0; t < 6; t++) begin : gen_types  //= s8.s8 u8.s8 s8.u8 u8.u8 fp16 bf16
    localparam logic [7:0] Types = t < 4 ? 8'(t % 2) | 8'((t / 2) << 4) : t == 4 ? 8'h22 : 8'h33;
    for (genvar s = 0; s < 3; s++) begin : gen_seed  //= zero bias keep
      for (genvar o = 0; o < 2; o++) begin : gen_order  //= k-inner n-inner
        matmul_of: cover property (@(posedge clk_i) matmul && {b_dtype, a_dtype} == Types && seed == 2'(s) && order == 1'(o));
      end
    end
    if (t < 4) begin : gen_integer
      matmul_zero_point_a: cover property (@(posedge clk_i) matmul && {b_dtype, a_dtype} == Types
                                             && compute_i[systole_pkg::MATMUL_A_ZERO_POINT_LSB +: 8] != 0);
      matmul_zero_point_b: cover property (@(posedge clk_i) matmul && {b_dtype, a_dtype} == Types && !per_column
                                             && compute_i[systole_pkg::MATMUL_B_ZERO_POINT_LSB +: 8] != 0);
      matmul_zero_points_of_columns: cover property (@(posedge clk_i) matmul && {b_dtype, a_dtype} == Types && per_column);
    end
  end
  matmul_k_outer: cover property (@(posedge clk_i) matmul && compute_i[systole_pkg::MATMUL_K1_LSB +: 16] > 1);
  matmul_m_outer: cover property (@(posedge clk_i) matmul && compute_i[systole_pkg::MATMUL_M1_LSB +: 16] > 1);
  matmul_one_row: cover property (@(posedge clk_i) matmul && compute_i[systole_pkg::MATMUL_M0_LSB +: 32] == 32'h0001_0001);
  matmul_several_tiles: cover property (@(posedge clk_i) matmul && compute_i[systole_pkg::MATMUL_N_LSB +: 16] > 1);
  matmul_negative_stride: cover property (@(posedge clk_i) matmul && compute_i[systole_pkg::MATMUL_ACT_M0_STRIDE_LSB + 15]);

  // Rows of different types follow one another without a cycle between them.
  logic       row_q;
  logic [3:0] row_dtype_q;

  always_ff @(posedge clk_i) begin
    row_q       <= row_i && rst_ni;
    row_dtype_q <= row_dtype_i;
  end

  for (genvar t = 0; t < 16; t++) begin : gen_from_to  //= s8→s8 u8→s8 fp16→s8 bf16→s8 s8→u8 u8→u8 fp16→u8 bf16→u8 s8→fp16 u8→fp16 fp16→fp16 bf16→fp16 s8→bf16 u8→bf16 fp16→bf16 bf16→bf16
    rows_follow: cover property (@(posedge clk_i) row_q && row_i && row_dtype_q == 4'(t % 4) && row_dtype_i == 4'(t / 4));
  end

  logic [3:0]  out_dtype;
  logic [2:0]  requant;
  logic        store_columns;
  logic [7:0]  shift;

  assign out_dtype     = store_i[systole_pkg::STORE_OUT_DTYPE_LSB +: 4];
  assign requant       = store_i[systole_pkg::STORE_REQUANT_LSB +: 3];
  assign store_columns = store_i[systole_pkg::STORE_PER_COLUMN_LSB];
  assign shift         = store_i[systole_pkg::STORE_SHIFT_LSB +: 8];

  for (genvar t = 2; t < 6; t++) begin : gen_result  //= - - fp16 bf16 s32 fp32
    store_as: cover property (@(posedge clk_i) store && out_dtype == 4'(t));
  end
  for (genvar t = 0; t < 2; t++) begin : gen_result8  //= s8 u8
    for (genvar r = 0; r < 2; r++) begin : gen_rule  //= float fixed
      for (genvar c = 0; c < 2; c++) begin : gen_scales  //= per-matrix per-column
        store_as: cover property (@(posedge clk_i) store && out_dtype == 4'(t) && requant == 3'(r + 1) && store_columns == 1'(c));
      end
    end
    store_zero_point: cover property (@(posedge clk_i) store && out_dtype == 4'(t) && store_i[systole_pkg::STORE_OUT_ZERO_POINT_LSB +: 8] != 0);
  end
  for (genvar s = 0; s < 3; s++) begin : gen_shift  //= right none left
    store_shift: cover property (@(posedge clk_i) store && requant == systole_pkg::REQUANT_FIXED && !store_columns
                                   && (s == 0 ? shift[7] : s == 1 ? shift == 0 : !shift[7] && shift != 0));
  end
  store_unaligned: cover property (@(posedge clk_i) store && store_i[64 +: OffW] != '0);
  store_several_tiles: cover property (@(posedge clk_i) store && store_i[systole_pkg::STORE_N_LSB +: 16] > 1);
  store_rows: cover property (@(posedge clk_i) store && store_i[systole_pkg::STORE_M1_LSB +: 16] > 1);
  store_negative_pitch: cover property (@(posedge clk_i) store && store_i[systole_pkg::STORE_PITCH0_LSB + 31]);

  // --- tokens and hazards ----------------------------------------------------------------------------------------------------
  logic [7:0] missed;  // a command at the head of its queue waits for it

  assign missed = ~avail_i & ((load_valid_i ? load_i[32 +: 8] & systole_pkg::LOAD_TAKES : 8'd0) |
                              (compute_valid_i ? compute_i[32 +: 8] & systole_pkg::COMPUTE_TAKES : 8'd0) |
                              (store_valid_i ? store_i[32 +: 8] & systole_pkg::STORE_TAKES : 8'd0));

  for (genvar t = 0; t < 8; t++) begin : gen_token  //= act-full wgt-full act-free wgt-free acc-full acc-free mem-done param-full
    token_given: cover property (@(posedge clk_i) give_i[t]);
    token_taken: cover property (@(posedge clk_i) take_i[t]);
    token_given_and_taken_at_once: cover property (@(posedge clk_i) give_i[t] && take_i[t]);
    token_awaited: cover property (@(posedge clk_i) missed[t]);
  end

  no_command_waits: cover property (@(posedge clk_i) cause_i[4]);
  load_waits_for_the_accumulators: cover property (@(posedge clk_i) wr_valid_i && !wr_ready_i);
  store_waits_for_the_accumulators: cover property (@(posedge clk_i) acc_rd_valid_i && !acc_rd_ready_i);
  for (genvar m = 1; m < 8; m++) begin : gen_done  //= - load compute load+compute store load+store compute+store all
    commands_end_at_once: cover property (@(posedge clk_i) {store_done_i, compute_done_i, load_done_i} == 3'(m));
  end

  // --- ring and dispatch -----------------------------------------------------------------------------------------------------
  logic [31:0] records;

  assign records = tail_i - head_i;

  ring_full: cover property (@(posedge clk_i) records == 32'd1 << ring_size_i);
  ring_wraps: cover property (@(posedge clk_i) fetch_ask_i && fetch_index_i != 0 && fetch_slot_i == 0);
  ring_of_one_record: cover property (@(posedge clk_i) fetch_ask_i && ring_size_i == 0);
  fetched_ahead_as_far_as_it_may: cover property (@(posedge clk_i) fetch_full_i && tail_i != fetch_index_i);
  stopped_by_enable: cover property (@(posedge clk_i) rst_ni && !enable_i && records != 0);
  for (genvar e = 0; e < 3; e++) begin : gen_engine  //= load compute store
    queue_full: cover property (@(posedge clk_i) record_valid_i && record_engine_i == 2'(e) && !queue_room_i[e]);
  end
  order_full: cover property (@(posedge clk_i) record_valid_i && !order_room_i);

  // --- errors and resets -----------------------------------------------------------------------------------------------------
  for (genvar c = 1; c <= 14; c++) begin : gen_error  //= - opcode version reserved-field field range axi-fetch axi-load axi-store token ring watchdog param window parity
    error: cover property (@(posedge clk_i) error_set_i && error_code_i == 8'(c));
  end
  error_load_range: cover property (@(posedge clk_i) load_err_i && load_err_code_i == systole_pkg::ERROR_RANGE);
  error_load_axi: cover property (@(posedge clk_i) load_err_i && load_err_code_i == systole_pkg::ERROR_AXI_LOAD);
  error_compute_range: cover property (@(posedge clk_i) compute_err_i);
  error_store_range: cover property (@(posedge clk_i) store_err_i && store_err_code_i == systole_pkg::ERROR_RANGE);
  error_store_axi: cover property (@(posedge clk_i) store_err_i && store_err_code_i == systole_pkg::ERROR_AXI_STORE);
  error_fetch_window: cover property (@(posedge clk_i) fetch_err_i && fetch_err_code_i == systole_pkg::ERROR_WINDOW);
  error_load_window: cover property (@(posedge clk_i) load_err_i && load_err_code_i == systole_pkg::ERROR_WINDOW);
  error_store_window: cover property (@(posedge clk_i) store_err_i && store_err_code_i == systole_pkg::ERROR_WINDOW);
  for (genvar m = 0; m < 7; m++) begin : gen_memory  //= act wgt acc bias b-zero-point scale shift
    error_parity: cover property (@(posedge clk_i) error_set_i && error_code_i == systole_pkg::ERROR_PARITY
                                    && error_memory_i == 4'(m));
  end
  error_store_param: cover property (@(posedge clk_i) store_err_i && store_err_code_i == systole_pkg::ERROR_PARAM);
  error_while_reads_are_under_way: cover property (@(posedge clk_i) error_set_i && !read_quiet_i);
  error_while_writes_are_under_way: cover property (@(posedge clk_i) error_set_i && !store_quiet_i);
  error_while_rows_are_under_way: cover property (@(posedge clk_i) error_set_i && (row_q || row_i));
  write_to_a_locked_register: cover property (@(posedge clk_i) locked_write_i);

  logic soft_reset_q, reset_pulse_q;

  always_ff @(posedge clk_i) begin
    soft_reset_q  <= soft_reset_i;
    reset_pulse_q <= !engine_rst_ni;
  end

  soft_reset_idle: cover property (@(posedge clk_i) soft_reset_i && !soft_reset_q && records == 0);
  soft_reset_busy: cover property (@(posedge clk_i) soft_reset_i && !soft_reset_q && records != 0);
  soft_reset_after_an_error: cover property (@(posedge clk_i) soft_reset_i && !soft_reset_q && error_i);
  soft_reset_waits_for_reads: cover property (@(posedge clk_i) soft_reset_i && !read_quiet_i);
  soft_reset_waits_for_writes: cover property (@(posedge clk_i) soft_reset_i && !store_quiet_i);
  soft_reset_waits_for_load: cover property (@(posedge clk_i) soft_reset_i && !load_quiet_i);
  soft_reset_while_rows_are_under_way: cover property (@(posedge clk_i) soft_reset_i && row_i);
  engines_reset: cover property (@(posedge clk_i) rst_ni && reset_pulse_q && engine_rst_ni);
  hard_reset_while_busy: cover property (@(posedge clk_i) !rst_ni && records != 0);
  interrupt_done: cover property (@(posedge clk_i) irq_done_i);
  interrupt: cover property (@(posedge clk_i) irq_i);

  // --- AXI -------------------------------------------------------------------------------------------------------------------
  logic first_q, r_beat;

  assign r_beat = rvalid_i && rready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (r_beat) first_q <= rlast_i;
  end

  for (genvar r = 0; r < 4; r++) begin : gen_resp  //= okay - slverr decerr
    if (r != 1) begin : gen_legal
      for (genvar p = 0; p < 4; p++) begin : gen_beat  //= middle first last only
        load_answered: cover property (@(posedge clk_i) r_beat && !r_fetch_i && rresp_i == 2'(r) && {rlast_i, first_q} == 2'(p));
        if (p != 3) begin : gen_fetch
          fetch_answered: cover property (@(posedge clk_i) r_beat && r_fetch_i && rresp_i == 2'(r) && {rlast_i, first_q} == 2'(p));
        end
      end
      store_answered: cover property (@(posedge clk_i) bvalid_i && bready_i && bresp_i == 2'(r));
    end
  end

  ar_waits: cover property (@(posedge clk_i) arvalid_i && !arready_i);
  r_waits: cover property (@(posedge clk_i) rvalid_i && !rready_i);
  aw_waits: cover property (@(posedge clk_i) awvalid_i && !awready_i);
  w_waits: cover property (@(posedge clk_i) wvalid_i && !wready_i);
  b_waits: cover property (@(posedge clk_i) bvalid_i && !bready_i);
  for (genvar c = 0; c < 5; c++) begin : gen_lite  //= r ar b w aw
    register_port_waits: cover property (@(posedge clk_i) lite_valid_i[c] && !lite_ready_i[c]);
  end

  // Bursts outstanding, lengths, the 4 KiB boundary.
  logic [31:0]         reads_q, writes_q;
  logic                ar, aw, b, r_end;
  logic [31:0]         ar_bytes, aw_bytes;
  logic [AxiAddrW-1:0] ar_end, aw_end, ar_end_q, aw_end_q;
  logic                fetch_len;

  assign ar     = arvalid_i && arready_i;
  assign aw     = awvalid_i && awready_i;
  assign b      = bvalid_i && bready_i;
  assign r_end  = r_beat && rlast_i;
  assign ar_bytes = (32'(arlen_i) + 32'd1) * BusBytes;
  assign aw_bytes = (32'(awlen_i) + 32'd1) * BusBytes;
  assign ar_end = araddr_i + AxiAddrW'(ar_bytes);
  assign aw_end = awaddr_i + AxiAddrW'(aw_bytes);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reads_q  <= '0;
      writes_q <= '0;
    end else begin
      reads_q  <= reads_q + 32'(ar) - 32'(r_end);
      writes_q <= writes_q + 32'(aw) - 32'(b);
    end
    if (ar) ar_end_q <= ar_end;
    if (aw) aw_end_q <= aw_end;
  end

  assign fetch_len = 32'(arlen_i) == 64 / BusBytes - 1;  // one of fetch's, or as long as those

  for (genvar l = 0; l < 4; l++) begin : gen_beats  //= 1 2-15 16-255 256
    localparam int From = l == 0 ? 1 : l == 1 ? 2 : l == 2 ? 16 : 256;
    localparam int To   = l == 0 ? 1 : l == 1 ? 15 : l == 2 ? 255 : 256;
    read_burst: cover property (@(posedge clk_i) ar && !fetch_len && 32'(arlen_i) + 1 >= From && 32'(arlen_i) + 1 <= To);
    write_burst: cover property (@(posedge clk_i) aw && 32'(awlen_i) + 1 >= From && 32'(awlen_i) + 1 <= To);
  end
  read_split_at_4k: cover property (@(posedge clk_i) ar && araddr_i == ar_end_q && araddr_i[11:0] == 0);
  write_split_at_4k: cover property (@(posedge clk_i) aw && awaddr_i == aw_end_q && awaddr_i[11:0] == 0);
  reads_at_their_limit: cover property (@(posedge clk_i) reads_q == MaxReads);
  writes_at_their_limit: cover property (@(posedge clk_i) writes_q == MaxWrites);

  logic w_first_q, w_beat;

  assign w_beat = wvalid_i && wready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) w_first_q <= 1'b1;
    else if (w_beat) w_first_q <= wlast_i;
  end

  for (genvar p = 0; p < 4; p++) begin : gen_strobes  //= middle first last only
    write_beat_in_part: cover property (@(posedge clk_i) w_beat && wstrb_i != '0 && wstrb_i != '1 && {wlast_i, w_first_q} == 2'(p));
  end
  write_beat_without_strobes: cover property (@(posedge clk_i) w_beat && wstrb_i == '0);

endmodule

bind systole systole_cover #(
  .AxiDataW (AxiDataW),
  .AxiAddrW (AxiAddrW),
  .MaxReads (MaxReads),
  .MaxWrites(MaxWrites)
) u_cover (
  .clk_i,
  .rst_ni,
  .irq_i            (irq_o),
  .load_valid_i     (load_cmd_valid),
  .load_ready_i     (load_cmd_ready),
  .load_i           (load_cmd),
  .compute_valid_i  (compute_cmd_valid),
  .compute_ready_i  (compute_cmd_ready),
  .compute_i        (compute_cmd),
  .store_valid_i    (store_cmd_valid),
  .store_ready_i    (store_cmd_ready),
  .store_i          (store_cmd),
  .avail_i          (tok_avail),
  .take_i           (load_take | compute_take | store_take),
  .give_i           (load_give | compute_give | store_give),
  .load_done_i      (load_done),
  .compute_done_i   (compute_done),
  .store_done_i     (store_done),
  .cause_i          (act_cause),
  .row_i            (row_issue),
  .row_dtype_i      (u_compute.row_dtype),
  .wr_valid_i       (wr_valid),
  .wr_ready_i       (wr_ready),
  .acc_rd_valid_i   (acc_rd_valid),
  .acc_rd_ready_i   (acc_rd_ready),
  .head_i           (u_control.head),
  .tail_i           (u_control.tail),
  .ring_size_i      (u_control.ring_size),
  .enable_i         (u_control.enable),
  .fetch_ask_i      (u_control.u_fetch.ask),
  .fetch_index_i    (u_control.fetch_index),
  .fetch_slot_i     (u_control.u_fetch.slot_q),
  .fetch_full_i     (u_control.u_fetch.full),
  .queue_room_i     (u_control.u_dispatch.queue_ready),
  .order_room_i     (u_control.u_dispatch.order_ready),
  .record_valid_i   (u_control.u_dispatch.valid_q && u_control.u_dispatch.legal),
  .record_engine_i  (u_control.u_dispatch.engine),
  .error_set_i      (u_control.error_set),
  .error_code_i     (u_control.error_code),
  .error_i          (u_control.error),
  .error_memory_i   (u_control.parity_addr[35:32]),
  .locked_write_i   (u_control.locked_write),
  .fetch_err_i      (u_control.fetch_err_valid),
  .fetch_err_code_i (u_control.fetch_err_code),
  .load_err_i       (load_err_valid),
  .load_err_code_i  (load_err_code),
  .compute_err_i    (compute_err_valid),
  .store_err_i      (store_err_valid),
  .store_err_code_i (store_err_code),
  .soft_reset_i     (u_control.soft_reset),
  .engine_rst_ni    (engine_rst_n),
  .load_quiet_i     (load_quiet),
  .store_quiet_i    (store_quiet),
  .read_quiet_i     (read_quiet),
  .irq_done_i       (u_control.irq_done),
  .arvalid_i        (m_axi_arvalid_o),
  .arready_i        (m_axi_arready_i),
  .araddr_i         (m_axi_araddr_o),
  .arlen_i          (m_axi_arlen_o),
  .rvalid_i         (m_axi_rvalid_i),
  .rready_i         (m_axi_rready_o),
  .rresp_i          (m_axi_rresp_i),
  .rlast_i          (m_axi_rlast_i),
  .r_fetch_i        (u_read_mux.fetch_q),
  .awvalid_i        (m_axi_awvalid_o),
  .awready_i        (m_axi_awready_i),
  .awaddr_i         (m_axi_awaddr_o),
  .awlen_i          (m_axi_awlen_o),
  .wvalid_i         (m_axi_wvalid_o),
  .wready_i         (m_axi_wready_i),
  .wstrb_i          (m_axi_wstrb_o),
  .wlast_i          (m_axi_wlast_o),
  .bvalid_i         (m_axi_bvalid_i),
  .bready_i         (m_axi_bready_o),
  .bresp_i          (m_axi_bresp_i),
  .lite_valid_i     ({s_axil_awvalid_i, s_axil_wvalid_i, s_axil_bvalid_o, s_axil_arvalid_i, s_axil_rvalid_o}),
  .lite_ready_i     ({s_axil_awready_o, s_axil_wready_o, s_axil_bready_i, s_axil_arready_o, s_axil_rready_i})
);
