// SPDX-License-Identifier: Apache-2.0

/// One column's way from a 32-bit accumulator to a result of 8, 16 or 32 bits (docs/arithmetic.md), in nine register
/// stages for every kind of result. Stage s loads in a cycle with `en_i[s]`; the result of what is on acc_i in the cycle of
/// en_i[1] is on result_o, from its low end, after the ninth of nine successive enables, a requantised one before the clamp: below_o and
/// above_o say that a bound takes its place. bad_o: what stage 1 took as scale and shift is
/// illegal as the parameters of requantisation: a scale that is negative, infinite, NaN or zero, a negative multiplier or a shift
/// outside -31 to 30.
///
/// mode_i: what the work in stage s is, in bits [(s-1)*4 +: 4]: FLOAT or FIXED (requantisation, bits 0 and 1), FP16 or
/// BF16 (narrowing, bits 2 and 3), none of them: 32 bits as they are. Stage 1 takes acc_i, scale_i, shift_i (-31 to 30) and
/// the clamp: with `clamp_i` the accumulator is binary32 and compared with the bounds' keys (see systole_epilogue). Stage 2
/// takes the bounds, stage 9 zero_point_i, and for the comparison with the integer bounds the zero point less the lower bound, and less
/// the upper bound and one.
///
///   stage  FLOAT (ONNX Runtime)             FIXED (TFLite)                FP16, BF16           all others
///     1    |acc|                            acc                           compare with bounds  (FP32: compare)
///     2,3  normalise                        acc << max(shift, 0)          clamp, unpack        (FP32: clamp)
///     4    round to 24 bits: RN32(acc)
///     5,6  times the scale's significand    times the multiplier          times 2^31           times 2^31
///     7    round to 24 bits: t              h = (… + 2^30) >> 31          >> 31: unchanged     >> 31: unchanged
///     8    t / 2^n, what is shifted out remembered by its first bit and the OR of the rest        n = 0
///     9    round half to even, sign,        round half away, zero point,  round half to even,  as it is
///          zero point, clamp                clamp                         exponent, specials
///
/// Bounds are integers, so that clamping after rounding and adding the zero point is the same as clamping t to
/// [qmin - zp, qmax - zp] before. A t of 2^10 or more saturates whatever the zero point is. A subnormal scale needs no
/// care: |acc| <= 2^31, so the product is far below one half and only its exponent counts.
module systole_epilogue_lane #(
    parameter int Fp = 1
) (
    input  logic        clk_i,
    input  logic [ 9:1] en_i,
    input  logic [35:0] mode_i,
    input  logic [31:0] acc_i,
    input  logic [31:0] scale_i,
    input  logic [ 7:0] shift_i,
    input  logic        clamp_i,
    input  logic [31:0] low_key_i,
    input  logic [31:0] high_key_i,
    input  logic [31:0] low_i,
    input  logic [31:0] high_i,
    input  logic [ 8:0] zero_point_i,
    input  logic [11:0] below_i,
    input  logic [11:0] above_i,
    output logic        bad_o,
    output logic        below_o,
    output logic        above_o,
    output logic [31:0] result_o
);

  // Bits of a mode, and where stage s finds its own.
  localparam int FLOAT = 0;
  localparam int FIXED = 1;
  localparam int FP16 = 2;
  localparam int BF16 = 3;
  localparam int S2 = 4;
  localparam int S3 = 8;
  localparam int S4 = 12;
  localparam int S5 = 16;
  localparam int S7 = 24;
  localparam int S8 = 28;
  localparam int S9 = 32;

  // --- 1: magnitude of what is rounded on its magnitude; comparisons. ------------------------------------------------------
  logic [31:0] x1_q, scale1_q;
  logic [7:0] shift1_q;
  logic sign1_q, under16_1_q, under8_1_q;  // FLOAT: the magnitude has 16 leading zeros; 8 (more) after these, if it has

  always_ff @(posedge clk_i) begin : stage_1
    logic negate;
    logic under8, under16, under24;  // below 2^8, 2^16, 2^24; of a negative number its ones' complement is, or it is less by one: the power itself
    if (en_i[1]) begin
      negate = mode_i[FLOAT] && acc_i[31];
      under24 = acc_i[31] ? acc_i[31:24] == '1 && acc_i[23:0] != '0 : acc_i[31:24] == '0;
      under16 = acc_i[31] ? acc_i[31:16] == '1 && acc_i[15:0] != '0 : acc_i[31:16] == '0;
      under8 = acc_i[31] ? acc_i[31:8] == '1 && acc_i[7:0] != '0 : acc_i[31:8] == '0;
      under16_1_q <= under16;
      under8_1_q <= under16 ? under8 : under24;
      x1_q <= (acc_i ^ {32{negate}}) + 32'(negate);
      sign1_q <= acc_i[31];
      scale1_q <= scale_i;
      shift1_q <= shift_i;
    end
  end

  assign bad_o = scale1_q[31] || (mode_i[S2+FLOAT] ? scale1_q[30:23] == 8'hFF || scale1_q == '0 :
      shift1_q[7:5] != {3{shift1_q[7]}} || shift1_q[4:0] == (shift1_q[7] ? 5'h00 : 5'h1F));

  logic below1_q, above1_q, nan4_q;

  if (Fp != 0) begin : gen_clamp
    logic nan1_q, nan2_q, nan3_q;

    always_ff @(posedge clk_i) begin : stage_1_clamp
      logic [31:0] key;
      logic nan;
      if (en_i[1]) begin
        // In the order of signed integers, -0 just below +0.
        key = {acc_i[31], acc_i[30:0] ^ {31{acc_i[31]}}};
        nan = acc_i[30:23] == 8'hFF && acc_i[22:0] != '0;
        below1_q <= clamp_i && !nan && $signed(key) < $signed(low_key_i);
        above1_q <= clamp_i && !nan && $signed(key) > $signed(high_key_i);
        nan1_q <= nan;
      end
      if (en_i[2]) nan2_q <= nan1_q;
      if (en_i[3]) nan3_q <= nan2_q;
      if (en_i[4]) nan4_q <= nan3_q;
    end
  end else begin : gen_no_clamp
    logic unused;
    assign unused = ^{clamp_i, low_key_i, high_key_i, mode_i};
    assign below1_q = 1'b0;
    assign above1_q = 1'b0;
    assign nan4_q = 1'b0;
  end

  // --- 2, 3: left shift, to the leading one or by FIXED's shift. -----------------------------------------------------------
  logic [31:0] x2_q, scale2_q;
  logic [5:0] shift2_q;
  logic sign2_q;
  logic [4:3] left2_q;
  logic zeros4_2_q;  // FLOAT: its first four bits are 0

  always_ff @(posedge clk_i) begin : stage_2
    logic [31:0] x, clamped;
    logic by16, by8, left;
    if (en_i[2]) begin
      clamped = below1_q ? low_i : above1_q ? high_i : x1_q;
      left = mode_i[S2+FIXED] && !shift1_q[5];
      by16 = mode_i[S2+FLOAT] ? under16_1_q : left && shift1_q[4];
      x = by16 ? {clamped[15:0], 16'b0} : clamped;
      by8 = mode_i[S2+FLOAT] ? under8_1_q : left && shift1_q[3];
      x2_q <= by8 ? {x[23:0], 8'b0} : x;
      left2_q <= {by16, by8};
      zeros4_2_q <= under16_1_q ? (under8_1_q ? x1_q[7:4] == '0 : x1_q[15:12] == '0)
                                : (under8_1_q ? x1_q[23:20] == '0 : x1_q[31:28] == '0);
      sign2_q <= mode_i[S2+FLOAT] ? sign1_q : clamped[31];
      scale2_q <= scale1_q;
      shift2_q <= shift1_q[5:0];
    end
  end

  logic [31:0] x3_q, scale3_q;
  logic [5:0] shift3_q;
  logic [7:0] exponent3_q;
  logic sign3_q;
  logic [4:0] left3_q;

  always_ff @(posedge clk_i) begin : stage_3
    logic [31:0] x;
    logic by4, by2, by1, left;
    if (en_i[3]) begin
      left = mode_i[S3+FIXED] && !shift2_q[5];
      by4 = mode_i[S3+FLOAT] ? zeros4_2_q : left && shift2_q[2];
      x = by4 ? {x2_q[27:0], 4'b0} : x2_q;
      by2 = mode_i[S3+FLOAT] ? (zeros4_2_q ? x2_q[27:26] == '0 : x2_q[31:30] == '0) : left && shift2_q[1];
      x = by2 ? {x[29:0], 2'b0} : x;
      by1 = mode_i[S3+FLOAT] ? !x[31] : left && shift2_q[0];
      x = by1 ? {x[30:0], 1'b0} : x;
      exponent3_q <= scale2_q[30:23];
      if (Fp != 0) begin
        // binary16: the significand (a subnormal's leading bit does not matter, it is shifted out); bfloat16: the magnitude.
        if (mode_i[S3+FP16]) x[31:23] = 9'b1;
        if (mode_i[S3+BF16]) x[31] = 1'b0;
        if (mode_i[S3+FP16]) exponent3_q <= x2_q[30:23];
      end
      x3_q <= x;
      left3_q <= {left2_q, by4, by2, by1};
      sign3_q <= sign2_q;
      scale3_q <= scale2_q;
      shift3_q <= shift2_q;
    end
  end

  // --- 4: RN32(acc), the multiplier's operands, the exponent. --------------------------------------------------------------
  // FLOAT: the product's leading one is at bit 54 or 53, so that both rules drop 31 bits (or 30). A significand that rounds up to
  // 2^24 is taken as it is.
  logic signed [32:0] a4_q;
  logic [31:0] b4_q;
  logic [8:0] exponent4_q;  // FLOAT: log2 of the accumulator plus the scale's biased exponent; FP16: the biased exponent
  logic [4:0] right4_q;
  logic sign4_q, zero4_q;

  always_ff @(posedge clk_i) begin : stage_4
    logic [24:0] rounded;
    if (en_i[4]) begin
      rounded = 25'(x3_q[31:8]) + 25'(x3_q[7] && (x3_q[8] || x3_q[6:0] != '0));
      if (mode_i[S4+FLOAT]) begin
        a4_q <= {1'b0, rounded, 7'b0};
        b4_q <= {8'b0, 1'b1, scale3_q[22:0]};
        exponent4_q <= 9'(exponent3_q) + {4'b0, ~left3_q};
      end else begin
        a4_q <= {mode_i[S4+FIXED] && x3_q[31], x3_q};
        b4_q <= mode_i[S4+FIXED] ? scale3_q : 32'h80000000;
        exponent4_q <= 9'(exponent3_q);
      end
      right4_q <= mode_i[S4+FIXED] && shift3_q[5] ? 5'd0 - shift3_q[4:0] : 5'd0;
      zero4_q <= !x3_q[31];
      sign4_q <= sign3_q;
    end
  end

  // --- 5, 6: product of four 16 by 16-bit products (one 18 by 18-bit multiplier each), distance of the right shift. --------
  logic [31:0] low5_q, mid5_q;
  logic signed [32:0] mid_high5_q;
  logic [30:0] high5_q;
  logic [4:0] right5_q, base5_q;
  logic over5_q, sign5_q, nan5_q;

  always_ff @(posedge clk_i) begin : stage_5
    logic signed [16:0] a_low, a_high, b_low, b_high;
    logic signed [32:0] product;
    logic [4:0] from;
    if (en_i[5]) begin
      a_low = {1'b0, a4_q[15:0]};
      a_high = a4_q[32:16];
      b_low = {1'b0, b4_q[15:0]};
      b_high = {1'b0, b4_q[31:16]};
      product = a_low * b_low;
      low5_q <= product[31:0];
      product = a_low * b_high;
      mid5_q <= product[31:0];
      product = a_high * b_low;
      mid_high5_q <= product;
      product = a_high * b_high;
      high5_q <= product[30:0];
      // FLOAT: t = h * 2^(exponent - 150), one more where the product's leading one is at bit 54. FP16: a result's unit is
      // 2^-24 below the exponent 113, else 2^10 below the leading one. Beyond 31 nothing but zero is left.
      from = Fp != 0 && mode_i[S5+FP16] ? 5'd30 : 5'd22;
      right5_q <= from - exponent4_q[4:0];
      over5_q <= !zero4_q && exponent4_q > 9'd136;
      if (exponent4_q < 9'd119) right5_q <= 5'd31;
      base5_q <= '0;
      if (mode_i[S5+FIXED]) right5_q <= right4_q;
      if (Fp != 0) begin
        if (mode_i[S5+FP16]) begin
          over5_q <= exponent4_q >= 9'd143;
          right5_q <= from - exponent4_q[4:0];
          if (exponent4_q < 9'd95) right5_q <= 5'd31;
          if (exponent4_q >= 9'd113) begin
            right5_q <= 5'd13;
            base5_q <= exponent4_q[4:0] - 5'd17;
          end
        end
        if (mode_i[S5+BF16]) right5_q <= 5'd16;
      end
      if (mode_i[S5+:4] == '0) right5_q <= '0;
      sign5_q <= sign4_q;
      nan5_q <= nan4_q;
    end
  end

  logic [62:0] product6_q;
  logic [4:0] right6_q, base6_q;
  logic over6_q, sign6_q, nan6_q;

  always_ff @(posedge clk_i) begin : stage_6
    logic signed [34:0] middle;
    logic signed [46:0] upper;
    if (en_i[6]) begin
      middle = $signed({3'b0, mid5_q}) + 35'(mid_high5_q);
      upper = $signed({high5_q, low5_q[31:16]}) + 47'(middle);
      product6_q <= {upper, low5_q[15:0]};
      right6_q <= right5_q;
      base6_q <= base5_q;
      over6_q <= over5_q;
      sign6_q <= sign5_q;
      nan6_q <= nan5_q;
    end
  end

  // --- 7: first rounding: FLOAT to 24 bits, half to even; FIXED half up. ---------------------------------------------------
  // |x * multiplier| is below 2^62, so FIXED's h never saturates; what passes unchanged has nothing below bit 31.
  logic [31:0] h7_q;
  logic [4:0] right7_q, base7_q;
  logic over7_q, sign7_q, nan7_q;

  always_ff @(posedge clk_i) begin : stage_7
    logic [62:0] product;
    logic lead, up;
    if (en_i[7]) begin
      lead = mode_i[S7+FLOAT] && product6_q[54];
      product = mode_i[S7+FLOAT] && !product6_q[54] ? {product6_q[61:0], 1'b0} : product6_q;
      up = product[30] && (!mode_i[S7+FLOAT] || product[31] || product[29:0] != '0);
      h7_q <= product[62:31] + 32'(up);
      right7_q <= right6_q - 5'(lead);
      base7_q <= base6_q;
      over7_q <= over6_q;
      sign7_q <= sign6_q;
      nan7_q <= nan6_q;
    end
  end

  // --- 8: right shift. -----------------------------------------------------------------------------------------------------
  logic [32:0] quotient8_q;  // its low bit is the first one shifted out
  logic sticky8_q, minus8_q;
  logic [4:0] base8_q;
  logic over8_q, sign8_q, nan8_q;

  always_ff @(posedge clk_i) begin : stage_8
    logic [32:0] x;
    logic fill;
    logic [4:0] lost;
    if (en_i[8]) begin
      fill = mode_i[S8+FIXED] && h7_q[31];
      x = {h7_q, 1'b0};
      lost[4] = right7_q[4] && x[15:0] != '0;
      x = right7_q[4] ? {{16{fill}}, x[32:16]} : x;
      lost[3] = right7_q[3] && x[7:0] != '0;
      x = right7_q[3] ? {{8{fill}}, x[32:8]} : x;
      lost[2] = right7_q[2] && x[3:0] != '0;
      x = right7_q[2] ? {{4{fill}}, x[32:4]} : x;
      lost[1] = right7_q[1] && x[1:0] != '0;
      x = right7_q[1] ? {{2{fill}}, x[32:2]} : x;
      lost[0] = right7_q[0] && x[0];
      x = right7_q[0] ? {fill, x[32:1]} : x;
      quotient8_q <= x;
      sticky8_q <= lost != '0;
      minus8_q <= fill;
      base8_q <= base7_q;
      over8_q <= over7_q;
      sign8_q <= sign7_q;
      nan8_q <= nan7_q;
    end
  end

  // --- 9: last rounding, zero point or exponent, clamp. --------------------------------------------------------------------
  always_ff @(posedge clk_i) begin : stage_9
    logic [31:0] quotient;
    logic up, negate, far;
    logic [15:0] base, sum;
    logic [11:0] value, under, over;
    logic unused_distance;
    if (en_i[9]) begin
      quotient = quotient8_q[32:1];
      // The quotient of a negative h is its floor: a half is already away from zero there.
      up = quotient8_q[0] && (sticky8_q || (mode_i[S9+FIXED] ? !minus8_q : quotient[0]));
      negate = mode_i[S9+FLOAT] && sign8_q;
      base = {{7{zero_point_i[8]}}, zero_point_i};
      if (Fp != 0 && mode_i[S9+FP16]) base = {1'b0, base8_q, 10'b0};
      sum = (quotient[15:0] ^ {16{negate}}) + base + {15'b0, up ^ negate};
      result_o <= {quotient[31:16], sum};
      below_o  <= 1'b0;
      above_o  <= 1'b0;

      if (Fp != 0) begin
        if (mode_i[S9+FP16]) result_o <= {16'b0, nan8_q ? 16'h7E00 : {sign8_q, over8_q ? 15'h7C00 : sum[14:0]}};
        if (mode_i[S9+BF16]) result_o <= {16'b0, nan8_q ? 16'h7FC0 : {sign8_q, sum[14:0]}};
      end

      if (mode_i[S9+FLOAT] || mode_i[S9+FIXED]) begin
        // Beyond +-2^10 the sum may not fit, and every bound is exceeded. Beside the sum, its distances from the bounds.
        far = quotient[31:10] != {22{minus8_q}} || (mode_i[S9+FLOAT] && over8_q);
        value = quotient[11:0] ^ {12{negate}};
        under = value + below_i + {11'b0, up ^ negate};
        over = value + above_i + {11'b0, up ^ negate};
        unused_distance = ^{under[10:0], over[10:0]};
        below_o <= far ? minus8_q || negate : under[11];
        above_o <= far ? !minus8_q && !negate : !over[11];
      end
    end
  end

endmodule
