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

  logic [31:0] count_q;
  logic [7:0] overflow;

  always_comb begin
    for (int t = 0; t < 8; t++) overflow[t] = give_i[t] && !take_i[t] && count_q[t*4+:4] == 4'd15;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      avail_o <= '0;
      overflow_o <= 1'b0;
    end else begin
      overflow_o <= overflow != '0;
      for (int t = 0; t < 8; t++) begin
        avail_o[t] <= give_i[t] || count_q[t*4+:4] > {3'd0, take_i[t]};
        if (give_i[t] && !take_i[t] && !overflow[t]) count_q[t*4+:4] <= count_q[t*4+:4] + 4'd1;
        if (take_i[t] && !give_i[t]) count_q[t*4+:4] <= count_q[t*4+:4] - 4'd1;
      end
    end
  end

endmodule
