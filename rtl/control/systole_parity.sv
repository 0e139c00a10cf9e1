// SPDX-License-Identifier: Apache-2.0

/// The guards of all memories (systole_parity_ram; memories as in enum memory): clears every word after `rst_ni`, and after the
/// `engine_rst_ni` that follows an error, so that no wrong word is left (`init_o` meanwhile, `Words` cycles), hands an injection to the memory that it is for, and keeps the first error until `engine_rst_ni`:
/// `error_o`, from the cycle after `guard_i` on, with `addr_o` as in ERROR_ADDR. Without `Parity` it does nothing.
module systole_parity #(
    parameter int Words = 2048,  // of the deepest memory
    parameter int Parity = 0
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         engine_rst_ni,
    input  logic         inject_i,
    input  logic [  3:0] inject_memory_i,
    input  logic [  5:0] inject_bank_i,
    output logic         injected_o,
    output logic         init_o,
    output logic         error_o,
    output logic [ 63:0] addr_o,
    output logic [167:0] guard_o,  // to the seven memories
    input  logic [167:0] guard_i
);

  localparam int Memories = 7;

  if (Parity == 0) begin : gen_none
    logic unused;
    assign unused = ^{clk_i, rst_ni, engine_rst_ni, inject_i, inject_memory_i, inject_bank_i, guard_i};
    assign injected_o = inject_i;  // nothing to wait for
    assign init_o = 1'b0;
    assign error_o = 1'b0;
    assign addr_o = '0;
    assign guard_o = '0;
  end else begin : gen_guards
    logic init_q, error_q, error;
    logic [15:0] word_q;
    logic [25:0] place_q, place;  // memory, bank, word

    always_ff @(posedge clk_i) begin
      if (!rst_ni || (!engine_rst_ni && error_q)) begin
        init_q <= 1'b1;
        word_q <= '0;
      end else if (init_q) begin
        init_q <= word_q != 16'(Words - 1);
        word_q <= word_q + 16'd1;
      end
    end

    for (genvar m = 0; m < Memories; m++) begin : gen_memory
      assign guard_o[m*24+:24] = {init_q, word_q, inject_i && inject_memory_i == 4'(m), inject_bank_i};
    end

    always_comb begin
      injected_o = inject_i && inject_memory_i >= 4'(Memories);
      error = 1'b0;
      place = '0;
      for (int m = 0; m < Memories; m++) begin
        injected_o = injected_o || guard_i[m*24+23];
        if (guard_i[m*24+22] && !error) place = {4'(m), guard_i[m*24+:22]};
        error = error || guard_i[m*24+22];
      end
    end

    always_ff @(posedge clk_i) begin
      if (!engine_rst_ni) error_q <= 1'b0;
      else if (error) error_q <= 1'b1;
    end

    always_ff @(posedge clk_i) begin
      if (!error_q) place_q <= place;
    end

    assign init_o = init_q;
    assign error_o = error_q;
    assign addr_o = {18'd0, place_q[21:16], 4'd0, place_q[25:22], 16'd0, place_q[15:0]};
  end

endmodule
