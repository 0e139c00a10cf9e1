// SPDX-License-Identifier: Apache-2.0

/// Makes one guard answer (systole_parity_ram) of `N`: the error of the lowest one in error, a cycle later; `injected` at once. Without
/// `Parity` there is none.
module systole_guard_merge #(
    parameter int N = 2,
    parameter int Parity = 0
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic [N*24-1:0] guard_i,
    output logic [    23:0] guard_o
);

  if (Parity == 0) begin : gen_none
    logic unused;
    assign unused = ^{clk_i, rst_ni, guard_i};
    assign guard_o = '0;
  end else begin : gen_merge
    logic injected, error, error_q;
    logic [21:0] place, place_q;

    always_comb begin
      injected = 1'b0;
      error = 1'b0;
      place = '0;
      for (int i = 0; i < N; i++) begin
        injected = injected || guard_i[i*24+23];
        if (guard_i[i*24+22] && !error) place = guard_i[i*24+:22];
        error = error || guard_i[i*24+22];
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) error_q <= 1'b0;
      else error_q <= error;
    end

    always_ff @(posedge clk_i) begin
      place_q <= place;
    end

    assign guard_o = {injected, error_q, place_q};
  end

endmodule
