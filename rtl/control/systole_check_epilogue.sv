// SPDX-License-Identifier: Apache-2.0

/// Checks the fields of a STORE record that say how sums become results, from out_dtype on: `bad_o` if any of them
/// is illegal, of the record taken last (`take_i`), from the cycle after on. `param_used_o`: the record on `cmd_i` reads the parameter
/// banks, so that its first entry must lie within them.
module systole_check_epilogue #(
    parameter int Fp = 1
) (
    input  logic         clk_i,
    input  logic         take_i,
    input  logic [511:0] cmd_i,
    output logic         bad_o,
    output logic         param_used_o
);

  logic [3:0] dtype;
  logic [2:0] rule;
  logic [7:0] shift;
  logic [31:0] scale, low, high;
  logic per_column, integer_result, float_result;
  logic [15:0] param;
  logic rule_unused, bounds_unused, requant_bad;
  logic low_beyond, high_beyond, low_nan, high_nan, above, below, reversed_integer, reversed_float;

  assign dtype = cmd_i[systole_pkg::STORE_OUT_DTYPE_LSB+:systole_pkg::STORE_OUT_DTYPE_W];
  assign rule = cmd_i[systole_pkg::STORE_REQUANT_LSB+:systole_pkg::STORE_REQUANT_W];
  assign per_column = cmd_i[systole_pkg::STORE_PER_COLUMN_LSB];
  assign shift = cmd_i[systole_pkg::STORE_SHIFT_LSB+:systole_pkg::STORE_SHIFT_W];
  assign scale = cmd_i[systole_pkg::STORE_SCALE_LSB+:systole_pkg::STORE_SCALE_W];
  assign param = cmd_i[systole_pkg::STORE_PARAM_LSB+:systole_pkg::STORE_PARAM_W];
  assign low = cmd_i[systole_pkg::STORE_CLAMP_MIN_LSB+:systole_pkg::STORE_CLAMP_MIN_W];
  assign high = cmd_i[systole_pkg::STORE_CLAMP_MAX_LSB+:systole_pkg::STORE_CLAMP_MAX_W];
  assign integer_result = dtype == systole_pkg::DTYPE_S8 || dtype == systole_pkg::DTYPE_U8;
  assign float_result = Fp != 0
      && (dtype == systole_pkg::DTYPE_FP16 || dtype == systole_pkg::DTYPE_BF16 || dtype == systole_pkg::DTYPE_FP32);

  // Of results that are not requantised: these fields are zero; of raw sums the bounds, too.
  assign rule_unused = rule == systole_pkg::REQUANT_NONE && !per_column && scale == '0 && shift == '0
      && cmd_i[systole_pkg::STORE_OUT_ZERO_POINT_LSB+:systole_pkg::STORE_OUT_ZERO_POINT_W] == '0
      && param == '0;
  assign bounds_unused = low == '0 && high == '0;

  // The rule of a requantisation and its parameters, in the record or in the banks from entry `param` on.
  always_comb begin
    requant_bad = 1'b1;
    if (per_column) begin
      requant_bad = (rule != systole_pkg::REQUANT_FLOAT && rule != systole_pkg::REQUANT_FIXED) || |scale || |shift;
    end else if (rule == systole_pkg::REQUANT_FLOAT) begin
      // A positive, finite number; a subnormal one is legal.
      requant_bad = scale[31] || !(|scale) || &scale[30:23] || |shift || |param;
    end else if (rule == systole_pkg::REQUANT_FIXED) begin
      requant_bad = scale[31] || $signed(shift) < -8'sd31 || $signed(shift) > 8'sd30 || |param;
    end
  end

  // Bounds. With equal signs two's complement numbers compare like their low 31 bits, binary32 numbers do, too, or, if negative, the
  // other way round.
  assign above = low[30:0] > high[30:0];
  assign below = low[30:0] < high[30:0];
  // Of opposite signs low is above high if it is the positive one, but the zeros of binary32 are equal.
  assign reversed_integer = low[31] != high[31] ? high[31] : above;
  assign reversed_float = low[31] != high[31] ? high[31] && |{low[30:0], high[30:0]} : low[31] ? below : above;
  assign low_beyond = dtype == systole_pkg::DTYPE_U8 ? |low[31:8] : |low[31:7] && !(&low[31:7]);
  assign high_beyond = dtype == systole_pkg::DTYPE_U8 ? |high[31:8] : |high[31:7] && !(&high[31:7]);
  assign low_nan = &low[30:23] && |low[22:0];
  assign high_nan = &high[30:23] && |high[22:0];

  // --- One register in between. ------------------------------------------------------------------------------------------------
  logic integer_q, requant_bad_q, low_beyond_q, high_beyond_q, integer_reversed_q, float_q, float_bad_q, float_reversed_q, raw_bad_q;

  always_ff @(posedge clk_i) begin
    if (take_i) begin
      integer_q <= integer_result;
      requant_bad_q <= requant_bad;
      low_beyond_q <= low_beyond;
      high_beyond_q <= high_beyond;
      integer_reversed_q <= reversed_integer;
      float_q <= float_result;
      float_bad_q <= !rule_unused || low_nan || high_nan;
      float_reversed_q <= reversed_float;
      raw_bad_q <= !integer_result && !float_result && (dtype != systole_pkg::DTYPE_S32 || !rule_unused || !bounds_unused);
    end
  end

  assign param_used_o = integer_result && per_column;
  assign bad_o = (integer_q && (requant_bad_q || low_beyond_q || high_beyond_q || integer_reversed_q))
      || (float_q && (float_bad_q || float_reversed_q)) || raw_bad_q;

endmodule
