// SPDX-License-Identifier: Apache-2.0

/// The eight token counters, four bits each. `give_i` adds one to each named counter, `take_i` takes one away; both may come in
/// one cycle, from any engine. `avail_o` is a register: a token given in one cycle is seen in the next. An engine
/// takes only what is available. `overflow_o` is high in the cycle after a gift to a full counter, which then stays full.
module systole_tokens (
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic [7:0] take_i,
    input  logic [7:0] give_i,
    output logic [7:0] avail_o,
    output logic       overflow_o
);

  logic [31:0] count_q;  // without what was taken and given in the cycle before
  logic [7:0] take_q, give_q, overflow_q;
  logic [7:0] full, many;  // the counter is 15, is 2 or more

  always_comb begin
    for (int t = 0; t < 8; t++) begin
      if (take_q[t] == give_q[t]) begin
        full[t] = count_q[t*4+:4] == 4'd15;
        many[t] = count_q[t*4+:4] >= 4'd2;
      end else if (give_q[t]) begin
        full[t] = count_q[t*4+:4] >= 4'd14;
        many[t] = count_q[t*4+:4] != 4'd0;
      end else begin
        full[t] = count_q[t*4+:4] == 4'd0;
        many[t] = count_q[t*4+:4] >= 4'd3;
      end
    end
  end

  assign overflow_o = overflow_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      take_q <= '0;
      give_q <= '0;
      avail_o <= '0;
      overflow_q <= '0;
    end else begin
      take_q <= take_i;
      give_q <= give_i;
      overflow_q <= give_i & ~take_i & full;
      for (int t = 0; t < 8; t++) begin
        avail_o[t] <= give_i[t] || (take_i[t] ? many[t] : avail_o[t]);
        if (give_q[t] && !take_q[t] && count_q[t*4+:4] != 4'd15) count_q[t*4+:4] <= count_q[t*4+:4] + 4'd1;
        if (take_q[t] && !give_q[t]) count_q[t*4+:4] <= count_q[t*4+:4] - 4'd1;
      end
    end
  end

`ifdef FORMAL
  // One counter, whichever, as a number that is given to and taken from.
  (* anyconst *) logic [2:0] f_t;
  logic f_past_q;
  logic [3:0] f_count_q;
  logic f_lost;

  initial f_past_q = 1'b0;
  always_comb assume (rst_ni == f_past_q);
  always_comb if (f_past_q) assume (!take_i[f_t] || avail_o[f_t]);  // an engine takes only what is available

  assign f_lost = give_i[f_t] && !take_i[f_t] && f_count_q == 4'd15;

  always_ff @(posedge clk_i) begin
    f_past_q <= 1'b1;
    if (!rst_ni) f_count_q <= '0;
    else f_count_q <= f_count_q + 4'(give_i[f_t] && !f_lost) - 4'(take_i[f_t]);
  end

  always_ff @(posedge clk_i) begin
    if (f_past_q) begin
      assert (avail_o[f_t] == (f_count_q != '0));
      assert (!take_i[f_t] || f_count_q != '0);
      assert (f_count_q == count_q[f_t*4+:4] + 4'(give_q[f_t]) - 4'(take_q[f_t]) - 4'(overflow_q[f_t]));
      assert (overflow_q[f_t] == $past(rst_ni && f_lost));
      assert (overflow_o || !overflow_q[f_t]);
      assert (!overflow_o || overflow_q != '0);
      cover (f_count_q == 4'd15 && take_i[f_t] && give_i[f_t]);  // full, one given and one taken
      cover (overflow_o && f_t == 3'd5);  // a gift too many
      cover (f_count_q == '0 && $past(f_count_q == 4'd1 && f_past_q) && f_t == 3'd7);  // the last one taken
    end
  end
`endif

endmodule
