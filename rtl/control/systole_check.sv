// SPDX-License-Identifier: Apache-2.0

/// Holds one command record and checks it: which engine it is for (0 load, 1 compute, 2 store) and the first error in it,
/// in the order opcode, version, reserved bits, field values, addresses; ERROR_NONE if it may be executed (`legal_o`; `fit_o`: by engine). The record
/// is taken from `cmd_i` in a cycle with `take_i`; all outputs are those of the record taken last, from the cycle after on. What is
/// wrong with each part of a record is found out in the cycle in which it is taken, what follows from that in the next. Only what the record
/// alone shows is checked here: first addresses. The engines check every address in a buffer as they go; memory addresses after the first are
/// modulo 2^AxiAddrW. `address_o` is the offending address of a RANGE error, a byte address in memory or a word of a buffer.
/// Without floating point (Fp = 0) its types are illegal.
module systole_check #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int AxiAddrW = 40,
    parameter int ActWords = 2048,
    parameter int WgtWords = 1024,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int Fp = 1,
    parameter int AccelId = 0
) (
    input  logic         clk_i,
    input  logic         take_i,
    input  logic [511:0] cmd_i,
    output logic [511:0] cmd_o,
    output logic [  1:0] engine_o,
    output logic         legal_o,
    output logic [  2:0] fit_o,
    output logic [  7:0] code_o,
    output logic [ 63:0] address_o
);

  logic [7:0] opcode, wait_tokens, give_tokens;
  logic version_bad, load_bad, matmul_bad, store_bad;
  logic [15:0] load_dst, act, wgt, acc, param, store_acc, store_param;
  logic [16:0] load_depth;
  logic [3:0] dest, bank, a_dtype, b_dtype;
  logic [7:0] k_tail, n_tail, store_n_tail;
  logic [63:0] memory;
  logic memory_bad, param_used, types_bad, epilogue_bad, store_param_used;

  assign opcode = cmd_i[systole_pkg::CMD_OPCODE_LSB+:systole_pkg::CMD_OPCODE_W];
  assign wait_tokens = cmd_i[systole_pkg::CMD_WAIT_LSB+:systole_pkg::CMD_WAIT_W];
  assign give_tokens = cmd_i[systole_pkg::CMD_GIVE_LSB+:systole_pkg::CMD_GIVE_W];
  assign version_bad = cmd_i[systole_pkg::CMD_VERSION_LSB+:systole_pkg::CMD_VERSION_W] != systole_pkg::COMMAND_VERSION
      || cmd_i[systole_pkg::CMD_ACCEL_ID_LSB+:systole_pkg::CMD_ACCEL_ID_W] != 4'(AccelId);

  // LOAD. The memory address has the same place in LOAD and STORE.
  assign memory = cmd_i[systole_pkg::LOAD_ADDRESS_LO_LSB+:64];
  assign memory_bad = (memory >> AxiAddrW) != '0;
  assign dest = cmd_i[systole_pkg::LOAD_DEST_LSB+:systole_pkg::LOAD_DEST_W];
  assign bank = cmd_i[systole_pkg::LOAD_BANK_LSB+:systole_pkg::LOAD_BANK_W];
  assign load_dst = cmd_i[systole_pkg::LOAD_DST_LSB+:systole_pkg::LOAD_DST_W];
  assign load_bad = cmd_i[systole_pkg::LOAD_LENGTH_LSB+:systole_pkg::LOAD_LENGTH_W] == '0
      || cmd_i[systole_pkg::LOAD_COUNT1_LSB+:systole_pkg::LOAD_COUNT1_W] == '0
      || cmd_i[systole_pkg::LOAD_COUNT2_LSB+:systole_pkg::LOAD_COUNT2_W] == '0
      || dest > systole_pkg::DEST_PARAM
      || bank > (dest == systole_pkg::DEST_PARAM ? systole_pkg::BANK_SHIFT : 4'd0);

  // Depths have 17 bits: a buffer may have 65536 words.
  always_comb begin
    unique case (dest)
      systole_pkg::DEST_ACT: load_depth = 17'(ActWords);
      systole_pkg::DEST_WGT: load_depth = 17'(WgtWords);
      systole_pkg::DEST_ACC: load_depth = 17'(2 * AccRows);
      default: load_depth = 17'(ParamEntries);
    endcase
  end

  // MATMUL. Any two 8-bit types, or twice the same floating-point type, which has no zero points and whole elements only.
  assign a_dtype = cmd_i[systole_pkg::MATMUL_A_DTYPE_LSB+:systole_pkg::MATMUL_A_DTYPE_W];
  assign b_dtype = cmd_i[systole_pkg::MATMUL_B_DTYPE_LSB+:systole_pkg::MATMUL_B_DTYPE_W];
  assign k_tail = cmd_i[systole_pkg::MATMUL_K_TAIL_LSB+:systole_pkg::MATMUL_K_TAIL_W];
  assign n_tail = cmd_i[systole_pkg::MATMUL_N_TAIL_LSB+:systole_pkg::MATMUL_N_TAIL_W];
  assign act = cmd_i[systole_pkg::MATMUL_ACT_LSB+:systole_pkg::MATMUL_ACT_W];
  assign wgt = cmd_i[systole_pkg::MATMUL_WGT_LSB+:systole_pkg::MATMUL_WGT_W];
  assign acc = cmd_i[systole_pkg::MATMUL_ACC_LSB+:systole_pkg::MATMUL_ACC_W];
  assign param = cmd_i[systole_pkg::MATMUL_PARAM_LSB+:systole_pkg::MATMUL_PARAM_W];
  assign param_used = cmd_i[systole_pkg::MATMUL_SEED_LSB+:systole_pkg::MATMUL_SEED_W] == systole_pkg::SEED_BIAS
      || cmd_i[systole_pkg::MATMUL_B_ZP_PER_COLUMN_LSB];
  assign matmul_bad = types_bad
      || cmd_i[systole_pkg::MATMUL_SEED_LSB+:systole_pkg::MATMUL_SEED_W] > systole_pkg::SEED_KEEP
      || cmd_i[systole_pkg::MATMUL_M0_LSB+:systole_pkg::MATMUL_M0_W] == '0
      || cmd_i[systole_pkg::MATMUL_M1_LSB+:systole_pkg::MATMUL_M1_W] == '0
      || cmd_i[systole_pkg::MATMUL_K0_LSB+:systole_pkg::MATMUL_K0_W] == '0
      || cmd_i[systole_pkg::MATMUL_K1_LSB+:systole_pkg::MATMUL_K1_W] == '0
      || cmd_i[systole_pkg::MATMUL_N_LSB+:systole_pkg::MATMUL_N_W] == '0
      || k_tail == '0 || k_tail > 8'(2 * Rows) || n_tail == '0 || n_tail > 8'(Cols);

  always_comb begin
    types_bad = 1'b1;
    if (a_dtype == systole_pkg::DTYPE_S8 || a_dtype == systole_pkg::DTYPE_U8) begin
      types_bad = b_dtype != systole_pkg::DTYPE_S8 && b_dtype != systole_pkg::DTYPE_U8;
    end else if (Fp != 0 && (a_dtype == systole_pkg::DTYPE_FP16 || a_dtype == systole_pkg::DTYPE_BF16)) begin
      types_bad = b_dtype != a_dtype || cmd_i[systole_pkg::MATMUL_B_ZP_PER_COLUMN_LSB]
          || cmd_i[systole_pkg::MATMUL_A_ZERO_POINT_LSB+:systole_pkg::MATMUL_A_ZERO_POINT_W] != '0
          || cmd_i[systole_pkg::MATMUL_B_ZERO_POINT_LSB+:systole_pkg::MATMUL_B_ZERO_POINT_W] != '0
          || k_tail[0];
    end
  end

  // STORE.
  assign store_acc = cmd_i[systole_pkg::STORE_ACC_LSB+:systole_pkg::STORE_ACC_W];
  assign store_n_tail = cmd_i[systole_pkg::STORE_N_TAIL_LSB+:systole_pkg::STORE_N_TAIL_W];
  assign store_param = cmd_i[systole_pkg::STORE_PARAM_LSB+:systole_pkg::STORE_PARAM_W];
  assign store_bad = cmd_i[systole_pkg::STORE_M0_LSB+:systole_pkg::STORE_M0_W] == '0
      || cmd_i[systole_pkg::STORE_M1_LSB+:systole_pkg::STORE_M1_W] == '0
      || cmd_i[systole_pkg::STORE_N_LSB+:systole_pkg::STORE_N_W] == '0
      || store_n_tail == '0 || store_n_tail > 8'(Cols);

  systole_check_epilogue #(
      .Fp(Fp)
  ) u_epilogue (
      .clk_i,
      .take_i,
      .cmd_i,
      .bad_o       (epilogue_bad),
      .param_used_o(store_param_used)
  );

  // --- What is wrong, by engine: the record's bits that must be zero, its tokens, its fields, its addresses. ------------------------
  logic [2:0] opcode_is, opcode_q, reserved_bad_q, tokens_bad_q, field_bad_q;
  logic version_bad_q, memory_bad_q;
  logic act_bad_q, wgt_bad_q, acc_bad_q, store_acc_bad_q;
  logic load_dst_bad, act_bad, wgt_bad, acc_bad, param_bad, store_acc_bad, store_param_bad;
  logic [2:0] range_bad_q;
  logic [511:0] cmd_q;

  assign load_dst_bad = {1'b0, load_dst} >= load_depth;
  assign act_bad = {1'b0, act} >= 17'(ActWords);
  assign wgt_bad = {1'b0, wgt} >= 17'(WgtWords);
  assign acc_bad = {1'b0, acc} >= 17'(2 * AccRows);
  assign param_bad = param_used && {1'b0, param} >= 17'(ParamEntries);
  assign store_acc_bad = {1'b0, store_acc} >= 17'(2 * AccRows);
  assign store_param_bad = store_param_used && {1'b0, store_param} >= 17'(ParamEntries);
  assign opcode_is = {opcode == systole_pkg::OPCODE_STORE, opcode == systole_pkg::OPCODE_MATMUL, opcode == systole_pkg::OPCODE_LOAD};

  always_ff @(posedge clk_i) begin
    if (take_i) begin
      cmd_q <= cmd_i;
      opcode_q <= opcode_is;
      version_bad_q <= version_bad;
      reserved_bad_q <= {(cmd_i & systole_pkg::STORE_RESERVED_MASK) != '0, (cmd_i & systole_pkg::MATMUL_RESERVED_MASK) != '0,
                         (cmd_i & systole_pkg::LOAD_RESERVED_MASK) != '0};
      tokens_bad_q <= {(wait_tokens & ~systole_pkg::STORE_TAKES) != '0 || (give_tokens & ~systole_pkg::STORE_GIVES) != '0,
                       (wait_tokens & ~systole_pkg::COMPUTE_TAKES) != '0 || (give_tokens & ~systole_pkg::COMPUTE_GIVES) != '0,
                       (wait_tokens & ~systole_pkg::LOAD_TAKES) != '0 || (give_tokens & ~systole_pkg::LOAD_GIVES) != '0};
      field_bad_q <= {store_bad, matmul_bad, load_bad};
      memory_bad_q <= memory_bad;
      act_bad_q <= act_bad;
      wgt_bad_q <= wgt_bad;
      acc_bad_q <= acc_bad;
      store_acc_bad_q <= store_acc_bad;
      range_bad_q <= {memory_bad || store_acc_bad || store_param_bad, act_bad || wgt_bad || acc_bad || param_bad,
                      memory_bad || load_dst_bad};
    end
  end

  assign cmd_o = cmd_q;
  assign engine_o = opcode_q[2] ? 2'd2 : opcode_q[1] ? 2'd1 : 2'd0;

  // --- What follows. -----------------------------------------------------------------------------------------------------------
  logic [2:0] bad;

  assign bad = reserved_bad_q | tokens_bad_q | field_bad_q | range_bad_q | {epilogue_bad, 2'b00};
  assign fit_o = version_bad_q ? 3'b000 : opcode_q & ~bad;
  assign legal_o = fit_o != '0;

  always_comb begin
    address_o = cmd_q[systole_pkg::LOAD_ADDRESS_LO_LSB+:64];
    if (opcode_q[1]) begin
      if (act_bad_q) address_o = {48'd0, cmd_q[systole_pkg::MATMUL_ACT_LSB+:systole_pkg::MATMUL_ACT_W]};
      else if (wgt_bad_q) address_o = {48'd0, cmd_q[systole_pkg::MATMUL_WGT_LSB+:systole_pkg::MATMUL_WGT_W]};
      else if (acc_bad_q) address_o = {48'd0, cmd_q[systole_pkg::MATMUL_ACC_LSB+:systole_pkg::MATMUL_ACC_W]};
      else address_o = {48'd0, cmd_q[systole_pkg::MATMUL_PARAM_LSB+:systole_pkg::MATMUL_PARAM_W]};
    end else if (!memory_bad_q) begin
      if (opcode_q[0]) address_o = {48'd0, cmd_q[systole_pkg::LOAD_DST_LSB+:systole_pkg::LOAD_DST_W]};
      else if (store_acc_bad_q) address_o = {48'd0, cmd_q[systole_pkg::STORE_ACC_LSB+:systole_pkg::STORE_ACC_W]};
      else address_o = {48'd0, cmd_q[systole_pkg::STORE_PARAM_LSB+:systole_pkg::STORE_PARAM_W]};
    end
  end

  always_comb begin
    code_o = systole_pkg::ERROR_NONE;
    if (opcode_q == '0) code_o = systole_pkg::ERROR_OPCODE;
    else if (version_bad_q) code_o = systole_pkg::ERROR_VERSION;
    else if ((opcode_q & reserved_bad_q) != '0) code_o = systole_pkg::ERROR_RESERVED_FIELD;
    else if ((opcode_q & (field_bad_q | tokens_bad_q | {epilogue_bad, 2'b00})) != '0) code_o = systole_pkg::ERROR_FIELD;
    else if ((opcode_q & range_bad_q) != '0) code_o = systole_pkg::ERROR_RANGE;
  end

endmodule
