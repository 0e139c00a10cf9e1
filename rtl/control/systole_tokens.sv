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

endmodule
