// SPDX-License-Identifier: Apache-2.0

/// Functional covers, crossed: each kind of command with each type, with what such a command waits for, and with each AXI response to it.
/// What the machine meets one at a time is in systole_cover. Bound to the top in coverage builds only (scripts/coverage).
module systole_crosses (
  input logic         clk_i,
  input logic         load_rst_ni,
  input logic         store_rst_ni,
  input logic [7:0]   avail_i,
  // Records at their engines, with their indices.
  input logic         load_valid_i,
  input logic         load_ready_i,
  input logic [511:0] load_i,
  input logic [31:0]  load_idx_i,
  input logic         compute_valid_i,
  input logic         compute_ready_i,
  input logic [511:0] compute_i,
  input logic [31:0]  compute_idx_i,
  input logic         store_valid_i,
  input logic         store_ready_i,
  input logic [511:0] store_i,
  input logic [31:0]  store_idx_i,
  // The load engine's own AR and R, and the command whose AR is up.
  input logic         ar_valid_i,
  input logic         ar_ready_i,
  input logic [31:0]  ar_idx_i,
  input logic         r_valid_i,
  input logic         r_ready_i,
  input logic         r_last_i,
  input logic [1:0]   r_resp_i,
  // The bus.
  input logic         fetch_r_i,  // the beat is one of a record
  input logic         bus_r_valid_i,
  input logic         bus_r_ready_i,
  input logic [1:0]   bus_r_resp_i,
  input logic         aw_valid_i,
  input logic         aw_ready_i,
  input logic [31:0]  aw_idx_i,
  input logic         w_valid_i,
  input logic         w_ready_i,
  input logic         w_last_i,
  input logic         b_valid_i,
  input logic         b_ready_i,
  input logic [1:0]   b_resp_i,
  input logic [31:0]  b_idx_i,
  // The store engine's reading of accumulators, and the command that reads.
  input logic         acc_valid_i,
  input logic         acc_ready_i,
  input logic [31:0]  acc_idx_i,
  // Why the next tile waits, and its command; rows that enter the array, and the type of their activations.
  input logic [4:0]   cause_i,
  input logic [31:0]  tile_idx_i,
  input logic         row_i,
  input logic [3:0]   row_dtype_i
);

  // --- Of what kind a command is. ----------------------------------------------------------------------------------------------
  logic [2:0] load_kind, matmul_kind, store_kind;
  logic [3:0] a_dtype, b_dtype;

  assign load_kind = load_i[systole_pkg::LOAD_DEST_LSB +: 4] != systole_pkg::DEST_PARAM ? load_i[systole_pkg::LOAD_DEST_LSB +: 3]
                                                                                        : 3'd3 + load_i[systole_pkg::LOAD_BANK_LSB +: 3];
  assign a_dtype     = compute_i[systole_pkg::MATMUL_A_DTYPE_LSB +: 4];
  assign b_dtype     = compute_i[systole_pkg::MATMUL_B_DTYPE_LSB +: 4];
  assign matmul_kind = a_dtype < 4'd2 ? {1'b0, b_dtype[0], a_dtype[0]} : 3'd2 + a_dtype[2:0];
  assign store_kind  = store_i[systole_pkg::STORE_OUT_DTYPE_LSB +: 3];

  // By index: what is under way at a time is far less than 64.
  logic [2:0] loads_q [64];
  logic [2:0] matmuls_q [64];
  logic [2:0] stores_q [64];

  always_ff @(posedge clk_i) begin
    if (load_valid_i && load_ready_i) loads_q[load_idx_i[5:0]] <= load_kind;
    if (compute_valid_i && compute_ready_i) matmuls_q[compute_idx_i[5:0]] <= matmul_kind;
    if (store_valid_i && store_ready_i) stores_q[store_idx_i[5:0]] <= store_kind;
  end

  // --- LOAD: reads are answered in the order in which they are asked for. -------------------------------------------------------
  logic [2:0] reads_q [256];
  logic [7:0] asked_q, answered_q;
  logic [2:0] ar_kind, r_kind;
  logic       r_beat;

  assign ar_kind = loads_q[ar_idx_i[5:0]];
  assign r_kind  = reads_q[answered_q];
  assign r_beat  = r_valid_i && r_ready_i;

  always_ff @(posedge clk_i) begin
    if (ar_valid_i && ar_ready_i) reads_q[asked_q] <= ar_kind;
    if (!load_rst_ni) begin
      asked_q    <= '0;
      answered_q <= '0;
    end else begin
      asked_q    <= asked_q + 8'(ar_valid_i && ar_ready_i);
      answered_q <= answered_q + 8'(r_beat && r_last_i);
    end
  end

  for (genvar k = 0; k < 7; k++) begin : gen_load  //= activations weights accumulators bias zero-points scales shifts
    load_waits_for_a_token: cover property (@(posedge clk_i) load_valid_i && load_kind == 3'(k)
                                              && (load_i[32 +: 8] & systole_pkg::LOAD_TAKES & ~avail_i) != '0);
    load_waits_for_ar: cover property (@(posedge clk_i) ar_valid_i && !ar_ready_i && ar_kind == 3'(k));
    load_waits_for_r: cover property (@(posedge clk_i) asked_q != answered_q && !r_valid_i && r_kind == 3'(k));
    for (genvar r = 0; r < 4; r++) begin : gen_resp  //= okay - slverr decerr
      if (r != 1) begin : gen_legal
        load_of: cover property (@(posedge clk_i) r_beat && r_kind == 3'(k) && r_resp_i == 2'(r));
      end
    end
  end

  // --- MATMUL --------------------------------------------------------------------------------------------------------------------
  for (genvar k = 0; k < 6; k++) begin : gen_matmul  //= s8.s8 u8.s8 s8.u8 u8.u8 fp16 bf16
    // Weights and activations: for their tokens, or for weights that are on their way; store: for a free half of the accumulators.
    for (genvar c = 0; c < 4; c++) begin : gen_cause  //= weights activations hazard store
      tile_waits: cover property (@(posedge clk_i) cause_i[c] && matmuls_q[tile_idx_i[5:0]] == 3'(k));
    end
  end
  for (genvar k = 0; k < 4; k++) begin : gen_rows  //= s8 u8 fp16 bf16
    for (genvar r = 2; r < 4; r++) begin : gen_resp  //= - - slverr decerr
      fetch_fails_beside_rows: cover property (@(posedge clk_i) row_i && row_dtype_i == 4'(k) && bus_r_valid_i && bus_r_ready_i
                                                 && fetch_r_i && bus_r_resp_i == 2'(r));
      load_fails_beside_rows: cover property (@(posedge clk_i) row_i && row_dtype_i == 4'(k) && r_beat && r_resp_i == 2'(r));
      store_fails_beside_rows: cover property (@(posedge clk_i) row_i && row_dtype_i == 4'(k) && b_valid_i && b_ready_i
                                                 && b_resp_i == 2'(r));
    end
  end

  // --- STORE: data go out in the order of their addresses. ----------------------------------------------------------------------
  logic [2:0] writes_q [256];
  logic [7:0] addressed_q, written_q;
  logic [2:0] aw_kind, w_kind;

  assign aw_kind = stores_q[aw_idx_i[5:0]];
  assign w_kind  = writes_q[written_q];

  always_ff @(posedge clk_i) begin
    if (aw_valid_i && aw_ready_i) writes_q[addressed_q] <= aw_kind;
    if (!store_rst_ni) begin
      addressed_q <= '0;
      written_q   <= '0;
    end else begin
      addressed_q <= addressed_q + 8'(aw_valid_i && aw_ready_i);
      written_q   <= written_q + 8'(w_valid_i && w_ready_i && w_last_i);
    end
  end

  for (genvar k = 0; k < 6; k++) begin : gen_store  //= s8 u8 fp16 bf16 s32 fp32
    store_waits_for_a_token: cover property (@(posedge clk_i) store_valid_i && store_kind == 3'(k)
                                               && (store_i[32 +: 8] & systole_pkg::STORE_TAKES & ~avail_i) != '0);
    store_waits_for_accumulators: cover property (@(posedge clk_i) acc_valid_i && !acc_ready_i && stores_q[acc_idx_i[5:0]] == 3'(k));
    store_waits_for_aw: cover property (@(posedge clk_i) aw_valid_i && !aw_ready_i && aw_kind == 3'(k));
    store_waits_for_w: cover property (@(posedge clk_i) w_valid_i && !w_ready_i && w_kind == 3'(k));
    for (genvar r = 0; r < 4; r++) begin : gen_resp  //= okay - slverr decerr
      if (r != 1) begin : gen_legal
        store_of: cover property (@(posedge clk_i) b_valid_i && b_ready_i && stores_q[b_idx_i[5:0]] == 3'(k) && b_resp_i == 2'(r));
      end
    end
  end

endmodule

bind systole systole_crosses u_crosses (
  .clk_i,
  .load_rst_ni    (load_rst_nq),
  .store_rst_ni   (store_rst_nq),
  .avail_i        (tok_avail),
  .load_valid_i   (load_cmd_valid),
  .load_ready_i   (load_cmd_ready),
  .load_i         (load_cmd),
  .load_idx_i     (load_idx),
  .compute_valid_i(compute_cmd_valid),
  .compute_ready_i(compute_cmd_ready),
  .compute_i      (compute_cmd),
  .compute_idx_i  (compute_idx),
  .store_valid_i  (store_cmd_valid),
  .store_ready_i  (store_cmd_ready),
  .store_i        (store_cmd),
  .store_idx_i    (store_idx),
  .ar_valid_i     (u_load.ar_valid_o),
  .ar_ready_i     (u_load.ar_ready_i),
  .ar_idx_i       (u_load.burst_idx),
  .r_valid_i      (u_load.r_valid_i),
  .r_ready_i      (u_load.r_ready_o),
  .r_last_i       (u_load.r_last_i),
  .r_resp_i       (u_load.r_resp_i),
  .fetch_r_i      (u_read_mux.fetch_q),
  .bus_r_valid_i  (m_axi_rvalid_i),
  .bus_r_ready_i  (m_axi_rready_o),
  .bus_r_resp_i   (m_axi_rresp_i),
  .aw_valid_i     (u_store.m_axi_awvalid_o),
  .aw_ready_i     (u_store.m_axi_awready_i),
  .aw_idx_i       (u_store.burst_idx),
  .w_valid_i      (u_store.m_axi_wvalid_o),
  .w_ready_i      (u_store.m_axi_wready_i),
  .w_last_i       (u_store.m_axi_wlast_o),
  .b_valid_i      (u_store.m_axi_bvalid_i),
  .b_ready_i      (u_store.m_axi_bready_o),
  .b_resp_i       (u_store.m_axi_bresp_i),
  .b_idx_i        (u_store.u_answers.idx),
  .acc_valid_i    (acc_rd_valid),
  .acc_ready_i    (acc_rd_ready),
  .acc_idx_i      (u_store.u_walk.idx_q),
  .cause_i        (act_cause),
  .tile_idx_i     (u_compute.u_act_seq.idx_q),
  .row_i          (row_issue),
  .row_dtype_i    (u_compute.row_dtype)
);
