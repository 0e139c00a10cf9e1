// SPDX-License-Identifier: Apache-2.0

/// Checks one command record, combinationally: which engine it is for (0 load, 1 compute, 2 store) and the first error in it,
/// in the order opcode, version, reserved bits, field values, addresses; ERROR_NONE if it may be executed. Only what the record
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
    input  logic [511:0] cmd_i,
    output logic [  1:0] engine_o,
    output logic [  7:0] code_o,
    output logic [ 63:0] address_o
);

  logic [7:0] opcode, wait_tokens, give_tokens, takes, gives;
  logic [511:0] reserved;
  logic opcode_bad, version_bad, field_bad, load_bad, matmul_bad, store_bad;
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
  assign store_bad = epilogue_bad
      || cmd_i[systole_pkg::STORE_M0_LSB+:systole_pkg::STORE_M0_W] == '0
      || cmd_i[systole_pkg::STORE_M1_LSB+:systole_pkg::STORE_M1_W] == '0
      || cmd_i[systole_pkg::STORE_N_LSB+:systole_pkg::STORE_N_W] == '0
      || store_n_tail == '0 || store_n_tail > 8'(Cols);

  systole_check_epilogue #(
      .Fp(Fp)
  ) u_epilogue (
      .cmd_i,
      .bad_o       (epilogue_bad),
      .param_used_o(store_param_used)
  );

  always_comb begin
    engine_o = 2'd0;
    opcode_bad = 1'b0;
    reserved = systole_pkg::LOAD_RESERVED_MASK;
    takes = systole_pkg::LOAD_TAKES;
    gives = systole_pkg::LOAD_GIVES;
    field_bad = load_bad;
    unique case (opcode)
      systole_pkg::OPCODE_LOAD: engine_o = 2'd0;
      systole_pkg::OPCODE_MATMUL: begin
        engine_o = 2'd1;
        reserved = systole_pkg::MATMUL_RESERVED_MASK;
        takes = systole_pkg::COMPUTE_TAKES;
        gives = systole_pkg::COMPUTE_GIVES;
        field_bad = matmul_bad;
      end
      systole_pkg::OPCODE_STORE: begin
        engine_o = 2'd2;
        reserved = systole_pkg::STORE_RESERVED_MASK;
        takes = systole_pkg::STORE_TAKES;
        gives = systole_pkg::STORE_GIVES;
        field_bad = store_bad;
      end
      default: opcode_bad = 1'b1;
    endcase
  end

  // The address of a RANGE error, zero-extended, and whether there is one.
  logic range_bad;

  always_comb begin
    range_bad = 1'b1;
    address_o = memory;
    if (engine_o != 2'd1 && memory_bad) begin
      address_o = memory;
    end else if (engine_o == 2'd0 && {1'b0, load_dst} >= load_depth) begin
      address_o = {48'd0, load_dst};
    end else if (engine_o == 2'd1 && {1'b0, act} >= 17'(ActWords)) begin
      address_o = {48'd0, act};
    end else if (engine_o == 2'd1 && {1'b0, wgt} >= 17'(WgtWords)) begin
      address_o = {48'd0, wgt};
    end else if (engine_o == 2'd1 && {1'b0, acc} >= 17'(2 * AccRows)) begin
      address_o = {48'd0, acc};
    end else if (engine_o == 2'd1 && param_used && {1'b0, param} >= 17'(ParamEntries)) begin
      address_o = {48'd0, param};
    end else if (engine_o == 2'd2 && {1'b0, store_acc} >= 17'(2 * AccRows)) begin
      address_o = {48'd0, store_acc};
    end else if (engine_o == 2'd2 && store_param_used && {1'b0, store_param} >= 17'(ParamEntries)) begin
      address_o = {48'd0, store_param};
    end else begin
      range_bad = 1'b0;
    end
  end

  always_comb begin
    code_o = systole_pkg::ERROR_NONE;
    if (opcode_bad) code_o = systole_pkg::ERROR_OPCODE;
    else if (version_bad) code_o = systole_pkg::ERROR_VERSION;
    else if ((cmd_i & reserved) != '0) code_o = systole_pkg::ERROR_RESERVED_FIELD;
    else if (field_bad || (wait_tokens & ~takes) != '0 || (give_tokens & ~gives) != '0) code_o = systole_pkg::ERROR_FIELD;
    else if (range_bad) code_o = systole_pkg::ERROR_RANGE;
  end

endmodule
