// SPDX-License-Identifier: Apache-2.0

/// Turns groups of up to `Lanes` accumulators into packed results: a pipeline of eleven register stages, the same for
/// every type, that advances as a whole.
///
/// in: valid/ready; a group, its place in the beat, what the command says of its results and, where `in_per_column_i`, the
/// bank entry its parameters come from. param_re_o (in the cycle in which a group is taken) asks for these parameters;
/// they must be on scale_i and shift_i from the next cycle until the next request.
/// out: valid/ready; the results, 1, 2 or 4 bytes each (2^size), packed to the low end; the bytes that `out_strobes_o`
/// does not name are 0. out_touched_o: beats of 2^OffW bytes that they touch; out_completed_o: how many of these they complete. A group taken in cycle t is offered in cycle t + 11 if the pipeline advances in all of them. It
/// advances (and in_ready_o is up) in every cycle in which its output is empty or taken; then one group a cycle. Whether it will be
/// taken it must hear a cycle ahead, for in_ready_o is a register: `out_fits_i` says so of a group that touches `out_next_touched_o` beats.
///
/// The parameters of a group's valid lanes are checked one stage after they came. If one is illegal: err_valid_o is a
/// pulse in the cycle after the pipeline then advances, with the command's index and the bank entry; dead_o stays up until
/// reset; the group and all that follow are dropped, those before it come out. unchecked_o: a group has been taken but
/// not yet checked. idle_o: no group is in the pipeline.
module systole_epilogue #(
    parameter int Lanes = 8,
    parameter int OffW = 4,
    parameter int ParamW = 6,
    parameter int Fp = 1,
    parameter int BeatsW = $clog2(4 * Lanes + (2 << OffW)) + 1 - OffW  // follows: not to be set
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    // groups
    input  logic                  in_valid_i,
    output logic                  in_ready_o,
    input  logic [  Lanes*32-1:0] in_data_i,
    input  logic [$clog2(Lanes):0] in_lanes_i,
    input  logic [      OffW-1:0] in_offset_i,
    input  logic                  in_end_i,
    input  logic [    ParamW-1:0] in_entry_i,
    // their command
    input  logic [          31:0] in_idx_i,
    input  logic [           3:0] in_dtype_i,
    input  logic [           1:0] in_size_i,
    input  logic [           2:0] in_requant_i,
    input  logic                  in_per_column_i,
    input  logic [           7:0] in_zero_point_i,
    input  logic [           7:0] in_shift_i,
    input  logic [          31:0] in_scale_i,
    input  logic [          31:0] in_clamp_min_i,
    input  logic [          31:0] in_clamp_max_i,
    // parameter banks
    output logic                  param_re_o,
    input  logic [  Lanes*32-1:0] scale_i,
    input  logic [   Lanes*8-1:0] shift_i,
    // results
    output logic                  out_valid_o,
    output logic [    BeatsW-1:0] out_next_touched_o,
    input  logic                  out_fits_i,
    output logic [  Lanes*32-1:0] out_data_o,
    output logic [   Lanes*4-1:0] out_strobes_o,
    output logic [      OffW-1:0] out_offset_o,
    output logic [    BeatsW-1:0] out_touched_o,
    output logic [    BeatsW-1:0] out_completed_o,
    output logic                  out_end_o,
    // errors
    output logic                  err_valid_o,
    output logic [          31:0] err_idx_o,
    output logic [    ParamW-1:0] err_entry_o,
    output logic                  dead_o,
    output logic                  unchecked_o,
    output logic                  idle_o
);

  localparam int Last = 10;  // stages 0 to 10; 1 to 9 are the lanes'
  localparam int LaneW = $clog2(Lanes) + 1;
  localparam int PlaceW = 2 + LaneW + OffW + 1;  // size, lanes, offset, end
  localparam int IntW = 3 * 9;  // zero point, bounds
  localparam int SpanW = BeatsW + OffW;  // bytes from the present beat's start to a group's end

  // --- The pipeline's control. ---------------------------------------------------------------------------------------------
  logic [Last:0] valid_q, enable;
  logic advance_q, bad;
  logic [(Last-1)*4-1:0] mode_q;  // stages 0 to 8
  logic [(Last-1)*IntW-1:0] int_q;
  logic [(Last+1)*PlaceW-1:0] place_q;
  logic [LaneW-1:0] lanes1, lanes8, lanes9;
  logic [1:0] size8, size9;
  logic [3:0] mode;
  logic signed_result;

  assign in_ready_o = advance_q;
  assign param_re_o = in_valid_i && advance_q;
  assign enable = {valid_q[Last-1:0], in_valid_i} & {(Last + 1) {advance_q}};

  assign lanes1 = place_q[PlaceW+OffW+1+:LaneW];
  assign lanes8 = place_q[(Last-2)*PlaceW+OffW+1+:LaneW];
  assign lanes9 = place_q[(Last-1)*PlaceW+OffW+1+:LaneW];
  assign size8 = place_q[(Last-1)*PlaceW-2+:2];
  assign size9 = place_q[Last*PlaceW-2+:2];

  assign signed_result = in_dtype_i == systole_pkg::DTYPE_S8;
  assign mode = {
    Fp != 0 && in_dtype_i == systole_pkg::DTYPE_BF16,
    Fp != 0 && in_dtype_i == systole_pkg::DTYPE_FP16,
    in_requant_i == systole_pkg::REQUANT_FIXED,
    in_requant_i == systole_pkg::REQUANT_FLOAT
  };

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      advance_q <= 1'b1;
    end else begin
      if (advance_q) begin
        valid_q <= {valid_q[Last-1:0], in_valid_i};
        valid_q[1] <= valid_q[0] && !bad && !dead_o;
        valid_q[2] <= valid_q[1] && !bad && !dead_o;
      end
      advance_q <= !(advance_q ? valid_q[Last-1] : valid_q[Last]) || out_fits_i;
    end
  end

  // Stage 0 at the low end. Without its condition the shift would cost the simulator time in every cycle.
  always_ff @(posedge clk_i) begin
    if (advance_q && (in_valid_i || valid_q != '0)) begin
      place_q <= {place_q[Last*PlaceW-1:0], in_size_i, in_lanes_i, in_offset_i, in_end_i};
      mode_q <= {mode_q[(Last-2)*4-1:0], mode};
      int_q <= {
        int_q[(Last-2)*IntW-1:0],
        {signed_result && in_zero_point_i[7], in_zero_point_i, in_clamp_min_i[8:0], in_clamp_max_i[8:0]}
      };
    end
  end

  // --- Stage 0: what the lanes begin with. ---------------------------------------------------------------------------------
  logic [Lanes*32-1:0] acc0_q;
  logic [31:0] scale0_q, idx0_q;
  logic [7:0] shift0_q;
  logic [31:0] idx1_q;
  logic [ParamW-1:0] entry0_q, entry1_q;
  logic per_column0_q, per_column1_q;

  always_ff @(posedge clk_i) begin
    if (enable[0]) begin
      acc0_q <= in_data_i;
      scale0_q <= in_scale_i;
      shift0_q <= in_shift_i;
      entry0_q <= in_entry_i;
      idx0_q <= in_idx_i;
      per_column0_q <= in_per_column_i;
    end
    if (enable[1]) begin
      entry1_q <= entry0_q;
      idx1_q <= idx0_q;
      per_column1_q <= per_column0_q;
    end
  end

  // The bounds of a floating-point result. Keys have the order of signed integers, -0 just below +0; to keep a zero of
  // either sign within a bound of zero, the lower one is then taken as -0 and the upper one as +0.
  logic clamp0;
  logic [31:0] low_key0, high_key0, low1, high1;

  if (Fp != 0) begin : gen_bounds
    logic clamp0_q, low_zero0_q, high_zero0_q;
    logic [31:0] low0_q, high0_q, low1_q, high1_q;

    always_ff @(posedge clk_i) begin
      if (enable[0]) begin
        clamp0_q <= |mode[3:2] || in_dtype_i == systole_pkg::DTYPE_FP32;
        low0_q <= in_clamp_min_i;
        high0_q <= in_clamp_max_i;
        low_zero0_q <= in_clamp_min_i[30:0] == '0;
        high_zero0_q <= in_clamp_max_i[30:0] == '0;
      end
      if (enable[1]) begin
        low1_q  <= low0_q;
        high1_q <= high0_q;
      end
    end

    assign clamp0 = clamp0_q;
    assign low_key0 = {low0_q[31], low0_q[30:0] ^ {31{low0_q[31]}}} | {32{low_zero0_q}};
    assign high_key0 = {high0_q[31], high0_q[30:0] ^ {31{high0_q[31]}}} & ~{32{high_zero0_q}};
    assign low1 = low1_q;
    assign high1 = high1_q;
  end else begin : gen_no_bounds
    logic unused;
    assign unused = ^{in_clamp_min_i, in_clamp_max_i};
    assign clamp0 = 1'b0;
    assign low_key0 = '0;
    assign high_key0 = '0;
    assign low1 = '0;
    assign high1 = '0;
  end

  // --- Lanes. --------------------------------------------------------------------------------------------------------------
  logic [Lanes*32-1:0] scales, results;
  logic [Lanes-1:0] below9, above9;
  logic [Lanes*8-1:0] shifts;
  logic [Lanes-1:0] lane_bad, lane_valid;
  logic [11:0] below8_q, above8_q;  // zero point less the lower bound; less the upper bound and one

  assign scales = per_column0_q ? scale_i : {Lanes{scale0_q}};
  assign shifts = per_column0_q ? shift_i : {Lanes{shift0_q}};

  logic [11:0] zero_point7, low7, high7;

  assign zero_point7 = {{4{int_q[7*IntW+26]}}, int_q[7*IntW+18+:8]};
  assign low7 = {{4{int_q[7*IntW+17]}}, int_q[7*IntW+9+:8]};
  assign high7 = {{4{int_q[7*IntW+8]}}, int_q[7*IntW+:8]};

  always_ff @(posedge clk_i) begin
    if (enable[8]) begin
      below8_q <= zero_point7 - low7;
      above8_q <= zero_point7 + ~high7;
    end
  end

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign lane_valid[l] = LaneW'(l) < lanes1;

    systole_epilogue_lane #(
        .Fp(Fp)
    ) u_lane (
        .clk_i       (clk_i),
        .en_i        (enable[9:1]),
        .mode_i      (mode_q),
        .acc_i       (acc0_q[l*32+:32]),
        .scale_i     (scales[l*32+:32]),
        .shift_i     (shifts[l*8+:8]),
        .clamp_i     (clamp0),
        .low_key_i   (low_key0),
        .high_key_i  (high_key0),
        .low_i       (low1),
        .high_i      (high1),
        .zero_point_i(int_q[8*IntW+18+:9]),
        .below_i     (below8_q),
        .above_i     (above8_q),
        .bad_o       (lane_bad[l]),
        .below_o     (below9[l]),
        .above_o     (above9[l]),
        .result_o    (results[l*32+:32])
    );
  end

  // --- Errors. -------------------------------------------------------------------------------------------------------------
  assign bad = valid_q[1] && per_column1_q && (lane_bad & lane_valid) != '0 && !dead_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      err_valid_o <= 1'b0;
      dead_o <= 1'b0;
    end else begin
      err_valid_o <= bad && advance_q;
      if (bad && advance_q) dead_o <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance_q && !dead_o) begin  // with the group that fails they stop
      err_idx_o   <= idx1_q;
      err_entry_o <= entry1_q;
    end
  end

  assign unchecked_o = |valid_q[1:0];
  assign idle_o = valid_q == '0;

  // --- Stage 10: the integer bounds, packing, and what the groups will fill. -----------------------------------------------
  logic [7:0] qmin9_q, qmax9_q;
  logic [Lanes*4-1:0] strobes9;
  logic [Lanes*32-1:0] mask9;

  always_ff @(posedge clk_i) begin
    if (enable[9]) begin
      qmin9_q <= int_q[8*IntW+9+:8];
      qmax9_q <= int_q[8*IntW+:8];
    end
  end

  // Two loops: Verilator's --unroll-count of our build takes no 64 turns in one.
  for (genvar w = 0; w < Lanes; w++) begin : gen_word
    for (genvar b = w * 4; b < w * 4 + 4; b++) begin : gen_strobe
      assign strobes9[b] = size9 == 2'd0 ? b < Lanes && LaneW'(b) < lanes9 :
          size9 == 2'd1 ? b < 2 * Lanes && LaneW'(b / 2) < lanes9 : LaneW'(b / 4) < lanes9;
      assign mask9[b*8+:8] = {8{strobes9[b]}};
    end
  end

  always_ff @(posedge clk_i) begin : pack
    logic [Lanes*32-1:0] data;
    logic [7:0] low;
    if (enable[Last]) begin
      data = results;
      if (size9 == 2'd0) begin
        for (int l = 0; l < Lanes; l++) begin
          low = below9[l] ? qmin9_q : above9[l] ? qmax9_q : results[l*32+:8];
          data[l*8+:8] = low;
        end
      end
      if (size9 == 2'd1) begin
        for (int l = 0; l < Lanes; l++) data[l*16+:16] = results[l*32+:16];
      end
      out_data_o <= data & mask9;
      out_strobes_o <= strobes9;
    end
  end

  // What they fill is found out a stage ahead.
  logic [LaneW+1:0] bytes8;
  logic [SpanW-1:0] span8, span_up8;
  logic [BeatsW-1:0] touched9_q, whole9_q, touched_q, whole_q;
  logic unused_span;

  assign bytes8 = (LaneW + 2)'(lanes8) << size8;
  assign span8 = SpanW'(bytes8) + SpanW'(place_q[(Last-2)*PlaceW+1+:OffW]);
  assign span_up8 = span8 + SpanW'((1 << OffW) - 1);
  assign unused_span = ^{span_up8[OffW-1:0], int_q};
  assign out_next_touched_o = advance_q ? touched9_q : touched_q;

  always_ff @(posedge clk_i) begin
    if (enable[9]) begin
      whole9_q   <= span8[SpanW-1:OffW];
      touched9_q <= span_up8[SpanW-1:OffW];
    end
    if (enable[Last]) begin
      whole_q   <= whole9_q;
      touched_q <= touched9_q;
    end
  end

  assign out_valid_o = valid_q[Last];
  assign out_touched_o = touched_q;
  assign out_completed_o = out_end_o ? touched_q : whole_q;
  assign out_offset_o = place_q[Last*PlaceW+1+:OffW];
  assign out_end_o = place_q[Last*PlaceW];

endmodule
