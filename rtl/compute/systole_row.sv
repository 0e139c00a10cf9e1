// SPDX-License-Identifier: Apache-2.0

/// One row of the array's elements when floating point is built in: Cols weight-stationary elements, each doing two int8 multiply-adds or
/// one fused multiply-add (binary16 or bfloat16 product, binary32 sum) a cycle, in L = 2 to 7 cycles.
///
/// `act_i` and `wgt_i` are decoded lanes (systole_edge). An activation presented at cycle t is multiplied in column c at t + 1 + c; its
/// product meets `psum_i` of column c one cycle later (MulRegs: three), and `psum_o` follows that by L cycles. `switch_i` and `push_i`
/// are those of systole_array; `switch_o` and `push_o` repeat them L cycles later, for the row below.
///
/// Bit 23 of an activation's lane says that it is floating point. It passes the columns with the activation and tells each stage of
/// each element what to do: stage s of column c works on the activation that is in column c + s.
///
/// The fused multiply-add, step by step; a larger L puts a register between more of them:
///   product  significand normalised to its leading one; zero loses every comparison of exponents
///   a1       the greater of product and partial sum, by exponent, then significand; distances of exponents
///   a2       greater and smaller, sign, special values
///   b1       the smaller is shifted to the greater's exponent, with guard, round and sticky bit
///   b2       sum or difference
///   c1, c2   normalised, but never below the smallest exponent, 1: that leaves the subnormal numbers as they are
///   d        rounded to nearest even; overflow, infinities, NaN
/// L = 2: a b | c d; 3: a | b | c d; 4: a | b | c | d; 5: a | b | c1 | c2 | d; 6: a1 | a2 | b | c1 | c2 | d; 7: all are apart.
/// The exponent of binary32 is carried with 256 added, so that it is positive even where bfloat16 products lie below binary32's range.
module systole_row #(
  parameter int Cols = 16,
  parameter int L    = 4,
  parameter int MulRegs = 0  // 1: the multipliers' operands and products have registers
) (
  input  logic               clk_i,
  input  logic [23:0]        act_i,
  input  logic               switch_i,
  input  logic [23:0]        wgt_i,
  input  logic [Cols-1:0]    push_i,
  input  logic [Cols*32-1:0] psum_i,
  output logic               switch_o,
  output logic [Cols-1:0]    push_o,
  output logic [Cols*32-1:0] psum_o
);

  // Stage of the activation's way, counted from its own register, at which each step of an element works.
  localparam int StageP  = (MulRegs != 0) ? 2 : 0;
  localparam int StageA1 = StageP + 1;
  localparam int StageA2 = (L > 5) ? StageA1 + 1 : StageA1;
  localparam int StageB1 = (L > 2) ? StageA2 + 1 : StageA2;
  localparam int StageB2 = (L > 6) ? StageB1 + 1 : StageB1;
  localparam int StageC1 = StageB2 + 1;
  localparam int StageC2 = (L > 4) ? StageC1 + 1 : StageC1;
  localparam int StageD  = (L > 3) ? StageC2 + 1 : StageC2;
  localparam int Last    = StageP + L;
  localparam int Totals  = (L > 5) ? 8 : 4;

  logic [L*(Cols+1)-1:0] enables_q;
  logic [Cols*32-1:0]    psum_q;
  assign {push_o, switch_o} = enables_q[(L-1)*(Cols+1) +: Cols+1];
  assign psum_o = psum_q;

  always_ff @(posedge clk_i) enables_q <= (L*(Cols+1))'({enables_q, push_i, switch_i});

  // Rolled loops over block-private state, last stage first, so that each value is read before it is replaced: Verilator turns
  // that into C++ that the compiler vectorises, and Yosys into one register per value. Where a row has no element of a kind, its
  // loops are skipped; in hardware that is a clock enable.
  always_ff @(posedge clk_i) begin : row
    logic [23:0]        act    [Cols];
    logic [23:0]        weight [Cols];
    logic [23:0]        shadow [Cols];
    logic [Cols-1:0]    switches, pushes;
    logic [Cols+Last-1:0] floats;
    // Small fields, too, are words, whose upper bits are constant: a loop over one width becomes vector code.
    // With MulRegs: operands, both products; beside them floating point's exponent and {not zero, kind}.
    logic [23:0]        factor_a [Cols];
    logic [23:0]        factor_b [Cols];
    logic [31:0]        factor_exponents [Cols];
    logic [31:0]        factor_kinds     [Cols];
    logic [31:0]        low       [Cols];
    logic [31:0]        high      [Cols];
    logic [31:0]        exponents [Cols];
    logic [31:0]        kinds     [Cols];
    // Product: int8 sum of two; floating point {exponent, significand}, {NaN, infinity, pass, sign}.
    logic signed [18:0] pair     [Cols];
    logic [31:0]        product  [Cols];
    logic [31:0]        kind     [Cols];
    // Integer sums on their way of L - 1 registers (a power of two simulates faster; the others are not used).
    logic [31:0]        total    [Totals][Cols];
    // Step a1: partial sum and product, {seed's exponent less product's, product's less seed's, product is greater, kind}.
    logic [31:0]        a1_seed    [Cols];
    logic [31:0]        a1_product [Cols];
    logic [31:0]        a1_order   [Cols];
    // a2: greater significand, {distance, smaller significand}, {NaN, infinity, subtract, sign, exponent}.
    logic [23:0]        greater  [Cols];
    logic [28:0]        smaller  [Cols];
    logic [31:0]        a_flags  [Cols];
    // b1: greater significand, aligned smaller one with three bits more; flags as before.
    logic [23:0]        b1_greater [Cols];
    logic [31:0]        b1_aligned [Cols];
    logic [31:0]        b1_flags   [Cols];
    // b2: sum, two's complement with three bits below the significand's last; flags as before.
    logic [28:0]        sum      [Cols];
    logic [31:0]        b_flags  [Cols];
    // c1: significand, shifted by 16 and 8, {shift by 16, 8, 4, further shifts are free, NaN, infinity, sign, exponent}.
    logic [31:0]        c1_mantissa [Cols];
    logic [31:0]        c1_flags    [Cols];
    // c2: {significand, guard, both sticky bits}, {31 - shift, NaN, infinity, sign, exponent - 30}.
    logic [26:0]        normal   [Cols];
    logic [31:0]        c_flags  [Cols];
    // Result before its register.
    logic [31:0]        result   [Cols];
    // Temporaries; of numbers, whole words.
    logic [31:0]        seeds   [Cols];
    logic [23:0]        shifted [Cols];
    logic [31:0]        number, flags, seed, value, mantissa, exponent, shift, aligned, wide, rounded;
    logic [31:0]        seed_exponent, seed_significand, product_exponent, product_significand, distance, swap;
    logic               sign, negative, overflow, exact_zero, sticky, subtract, special_seed, product_greater;
    logic               top_clear, unlimited, take, take16, take8, nan, infinite, nonzero, two_digits;
    int unsigned        c, i, step, stage;
    number = '0; flags = '0; seed = '0; value = '0; mantissa = '0; exponent = '0; shift = '0; aligned = '0; wide = '0; rounded = '0;
    seed_exponent = '0; seed_significand = '0; product_exponent = '0; product_significand = '0; distance = '0; swap = '0;
    sign = '0; negative = '0; overflow = '0; exact_zero = '0; sticky = '0; subtract = '0; special_seed = '0;
    product_greater = '0; top_clear = '0; unlimited = '0; take = '0; take16 = '0; take8 = '0; nan = '0; infinite = '0; nonzero = '0;
    two_digits = '0;
    c = 0;
    i = 0;
    step = 0;
    stage = 0;

    for (c = 0; c < Cols; c = c + 1) seeds[c] = psum_i[c*32 +: 32];
    for (c = 0; c < Cols; c = c + 1) result[c] = total[L-2][c];

    // The last stage first; the steps of one stage in their order.
    for (stage = Last; stage > 0; stage = stage - 1) begin
      if (floats[stage +: Cols] != '0) begin
        // a1: compare
        if (stage == StageA1) begin
          for (c = 0; c < Cols; c = c + 1) begin
            seed                = seeds[c];
            number              = product[c];
            seed_exponent       = {23'b0, 1'b1, seed[30:24], seed[23] | (seed[30:24] == '0)};
            seed_significand    = {8'b0, seed[30:23] != '0, seed[22:0]};
            product_exponent    = 32'(number[31:22]);
            product_significand = {8'b0, number[21:0], 2'b0};
            product_greater     = {product_exponent[9:0], product_significand[23:2]} > {seed_exponent[9:0], seed_significand[23:2]};
            distance            = product_exponent - seed_exponent;
            exponent            = seed_exponent - product_exponent;
            a1_seed[c]          = seed;
            a1_product[c]       = number;
            a1_order[c]         = {7'b0, exponent[9:0], distance[9:0], product_greater, kind[c][3:0]};
          end
        end
        // a2: order
        if (stage == StageA2) begin
          for (c = 0; c < Cols; c = c + 1) begin
            seed                = a1_seed[c];
            number              = a1_product[c];
            flags               = a1_order[c];
            special_seed        = seed[30:23] == '1;
            seed_exponent       = {23'b0, 1'b1, seed[30:24], seed[23] | (seed[30:24] == '0)};
            seed_significand    = {8'b0, seed[30:23] != '0, seed[22:0]};
            product_exponent    = 32'(number[31:22]);
            product_significand = {8'b0, number[21:0], 2'b0};
            product_greater     = flags[4];
            distance            = product_greater ? 32'(flags[14:5]) : 32'(flags[24:15]);
            swap                = (product_significand ^ seed_significand) & {32{product_greater}};
            exponent            = ((product_exponent ^ seed_exponent) & {32{product_greater}}) ^ seed_exponent;
            // A product that passes is a zero of the partial sum's sign.
            sign                = flags[1] ? seed[31] : flags[0];
            subtract            = sign ^ seed[31];
            nan                 = flags[3] | (special_seed & (seed[22:0] != '0)) | (special_seed & flags[2] & subtract);
            infinite            = flags[2] | special_seed;
            sign                = ((product_greater & !special_seed) | flags[2]) ? sign : seed[31];
            greater[c]          = seed_significand[23:0] ^ swap[23:0];
            smaller[c]          = {(distance[9:5] != '0) ? 5'd31 : distance[4:0], product_significand[23:0] ^ swap[23:0]};
            a_flags[c]          = 32'({nan, infinite, subtract, sign, exponent[9], exponent[7:0]});  // 256 taken away: 1 to 382 is left
          end
        end
        // b1: align
        if (stage == StageB1) begin
          for (c = 0; c < Cols; c = c + 1) begin
            number   = 32'(smaller[c]);
            distance = 32'(number[28:24]);
            aligned  = {6'b0, number[23:0], 2'b0};
            sticky   = 1'b0;
            for (i = 5; i > 0; i = i - 1) begin
              step    = 32'd1 << (i - 1);
              take    = (distance & step) != '0;
              sticky  = sticky | (take & ((aligned & ((32'd1 << step) - 32'd1)) != '0));
              aligned = take ? (aligned >> step) : aligned;
            end
            b1_greater[c] = greater[c];
            b1_aligned[c] = {aligned[30:0], sticky};
            b1_flags[c]   = a_flags[c];
          end
        end
        // b2: add
        if (stage == StageB2) begin
          for (c = 0; c < Cols; c = c + 1) begin
            flags      = b1_flags[c];
            subtract   = flags[10];
            aligned    = b1_aligned[c] ^ {32{subtract}};
            wide       = {5'b0, b1_greater[c], 3'b0} + aligned + {31'b0, subtract};
            sum[c]     = wide[28:0];
            b_flags[c] = flags;
          end
        end
        // c1: normalise, coarsely
        if (stage == StageC1) begin
          for (c = 0; c < Cols; c = c + 1) begin
            number     = 32'(sum[c]);
            flags      = b_flags[c];
            exponent   = 32'(flags[8:0]);
            negative   = number[28];
            exact_zero = number[28:0] == '0;
            // Only a subnormal partial sum less a product that is smaller than all normal numbers can be negative: both have the lowest
            // exponent, whichever is greater. They are shifted by one at most, so that no step here looks at them, and rounding may add the
            // one that the complement lacks: if the three last bits do not take it, they become 111, which rounds up.
            value      = negative ? ~number : number;
            mantissa   = {4'b0, value[27:3], (negative && number[2:0] != '0) ? -number[2:0] : value[2:0]};
            // Shift left, but by no more than the exponent: step by step as its bits allow, freely once one of them was not needed. These
            // steps look at what is not yet shifted: that is quicker.
            unlimited  = exponent[8:5] != '0;
            top_clear  = number[27:12] == '0;
            take16     = top_clear & (unlimited | exponent[4]);
            unlimited  = unlimited | (exponent[4] & !top_clear);
            top_clear  = take16 ? (number[11:4] == '0) : (number[27:20] == '0);
            take8      = top_clear & (unlimited | exponent[3]);
            unlimited  = unlimited | (exponent[3] & !top_clear);
            top_clear  = take8 ? (take16 ? (number[3:0] == '0) : (number[19:16] == '0))
                               : (take16 ? (number[11:8] == '0) : (number[27:24] == '0));
            take       = top_clear & (unlimited | exponent[2]);
            unlimited  = unlimited | (exponent[2] & !top_clear);
            mantissa   = take16 ? (mantissa << 16) : mantissa;
            mantissa   = take8 ? (mantissa << 8) : mantissa;
            // Exact cancellation is +0.
            sign       = flags[11] ? flags[9] : ((flags[9] ^ negative) & !(exact_zero & flags[10]));
            c1_mantissa[c] = {4'b0, mantissa[27:0]};
            c1_flags[c]    = 32'({take16, take8, take, unlimited, flags[12:11], sign, exponent[8:0]});
          end
        end
        // c2: normalise, finely
        if (stage == StageC2) begin
          for (c = 0; c < Cols; c = c + 1) begin
            mantissa  = c1_mantissa[c];
            flags     = c1_flags[c];
            unlimited = flags[12];
            mantissa  = flags[13] ? (mantissa << 4) : mantissa;
            shift     = {27'b0, flags[15:13], 2'b00};
            top_clear = mantissa[27:26] == '0;
            take      = top_clear & (unlimited | flags[1]);
            unlimited = unlimited | (flags[1] & !top_clear);
            mantissa  = take ? (mantissa << 2) : mantissa;
            shift[1]  = take;
            take      = !mantissa[27] & (unlimited | flags[0]);
            mantissa  = take ? (mantissa << 1) : mantissa;
            shift[0]  = take;
            exponent   = 32'(flags[8:0]) - 32'd30;
            normal[c]  = {mantissa[27:3], mantissa[2:1] != '0, mantissa[0]};
            c_flags[c] = 32'({~shift[4:0], flags[11:9], exponent[8:0]});
          end
        end
        // d: round
        if (stage == StageD) begin
          for (c = 0; c < Cols; c = c + 1) begin
            number    = 32'(normal[c]);
            flags     = c_flags[c];
            // What c left and 1 - shift; a subnormal number's exponent is 0. Rounding up to 255 gives infinity as it should be.
            exponent  = number[26] ? flags : '0;
            wide      = number[26] ? 32'(flags[16:12]) : '0;
            rounded   = {exponent[8:0], number[25:3]} + {wide[8:0], 22'b0, number[2] & (number[1] | number[0] | number[3])};
            exponent  = flags + 32'(flags[16:12]) + 32'd1;
            overflow  = number[26] & exponent[8];  // 255 or more
            value     = (flags[10] | overflow) ? 32'h7F800000 : {1'b0, rounded[30:0]};
            value     = flags[11] ? 32'h7FC00000 : {flags[9], value[30:0]};
            result[c] = floats[StageD+c] ? value : result[c];
          end
        end
      end
    end

    // Integer sums.
    for (i = L - 2; i > 0; i = i - 1) begin
      for (c = 0; c < Cols; c = c + 1) total[i][c] = total[i-1][c];
    end
    if (floats[StageA1 +: Cols] != '1) begin
      for (c = 0; c < Cols; c = c + 1) total[0][c] = seeds[c] + 32'(pair[c]);
    end

    // Products; with registers in the multipliers, last step first.
    if (MulRegs == 0) begin
      if (floats[Cols-1:0] != '1) begin
        for (c = 0; c < Cols; c = c + 1) begin
          value   = $signed(act[c][11:0]) * $signed(weight[c][11:0]);
          wide    = $signed(act[c][20:12]) * $signed(weight[c][20:12]);
          pair[c] = 19'(value + wide);
        end
      end
      if (floats[Cols-1:0] != '0) begin
        for (c = 0; c < Cols; c = c + 1) begin
          value      = $signed(act[c][11:0]) * $signed(weight[c][11:0]);  // the same multiplier
          number     = 32'(act[c]);
          flags      = 32'(weight[c]);
          two_digits = value[21];  // before the point
          nonzero    = number[10] & flags[10];
          exponent   = 32'(number[20:12]) + {{23{flags[20]}}, flags[20:12]} + {31'b0, two_digits};
          product[c] = {nonzero ? exponent[9:8] : 2'b00, exponent[7:0], two_digits ? value[21:0] : {value[20:0], 1'b0}};
          nan        = (number[22] & (number[9] | !flags[10])) | (flags[22] & (flags[9] | !number[10]));
          infinite   = number[22] | flags[22];
          kind[c]    = 32'({nan & !flags[23], infinite & !flags[23], flags[23], number[21] ^ flags[21]});
        end
      end
    end else begin
      if (floats[StageP +: Cols] != '1) begin
        for (c = 0; c < Cols; c = c + 1) pair[c] = 19'(low[c] + high[c]);
      end
      if (floats[StageP +: Cols] != '0) begin
        for (c = 0; c < Cols; c = c + 1) begin
          value      = low[c];
          flags      = kinds[c];
          two_digits = value[21];
          exponent   = exponents[c] + {31'b0, two_digits};
          product[c] = {flags[4] ? exponent[9:8] : 2'b00, exponent[7:0], two_digits ? value[21:0] : {value[20:0], 1'b0}};
          kind[c]    = {28'b0, flags[3:0]};
        end
      end
      for (c = 0; c < Cols; c = c + 1) begin
        low[c]       = $signed(factor_a[c][11:0]) * $signed(factor_b[c][11:0]);
        high[c]      = $signed(factor_a[c][20:12]) * $signed(factor_b[c][20:12]);
        exponents[c] = factor_exponents[c];
        kinds[c]     = factor_kinds[c];
      end
      for (c = 0; c < Cols; c = c + 1) begin
        number              = 32'(act[c]);
        flags               = 32'(weight[c]);
        factor_a[c]         = act[c];
        factor_b[c]         = weight[c];
        exponent            = 32'(number[20:12]) + {{23{flags[20]}}, flags[20:12]};
        factor_exponents[c] = {22'b0, exponent[9:0]};
        nan                 = (number[22] & (number[9] | !flags[10])) | (flags[22] & (flags[9] | !number[10]));
        infinite            = number[22] | flags[22];
        factor_kinds[c]     = 32'({number[10] & flags[10], nan & !flags[23], infinite & !flags[23], flags[23], number[21] ^ flags[21]});
      end
    end

    // Operands.
    switches = Cols'({switches, switch_i});
    floats   = (Cols+Last)'({floats, act_i[23]});
    if (switches != '0) begin
      for (c = 0; c < Cols; c = c + 1) weight[c] = switches[c] ? shadow[c] : weight[c];
    end
    pushes   = push_i;
    if (pushes != '0) begin
      for (c = 0; c < Cols; c = c + 1) shifted[c] = shadow[c];
      for (c = 1; c < Cols; c = c + 1) shadow[c] = pushes[c] ? shifted[c-1] : shadow[c];
      if (pushes[0]) shadow[0] = wgt_i;
    end
    for (c = 0; c < Cols; c = c + 1) shifted[c] = act[c];
    for (c = 1; c < Cols; c = c + 1) act[c] = shifted[c-1];
    act[0] = act_i;

    for (c = 0; c < Cols; c = c + 1) psum_q[c*32 +: 32] <= result[c];
  end

endmodule
