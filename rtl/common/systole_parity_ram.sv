// SPDX-License-Identifier: Apache-2.0

/// A systole_ram with its guard: with `Parity`, a bit of even parity for each of the word's bytes, checked on every read. Same timing, same
/// rules; without `Parity` it is the memory alone, and `guard_o` is 0.
///
/// guard_i: {clear, word [15:0], inject, bank [5:0]}. `clear` writes 0 to `word`, before anything else. `inject`, with `bank` equal to
/// `Bank`: bit 0 of a word written now is flipped, its parity is not.
/// guard_o: {injected, error, bank [5:0], word [15:0]}. `injected`: in the cycle of such a write. `error`, for a cycle, two cycles after
/// the read of a word with wrong parity: word `First` + address of bank `Bank`. A read of the word that is written in the
/// same cycle is not checked: its data are undefined.
module systole_parity_ram #(
    parameter int W = 16,  // a multiple of 8
    parameter int Depth = 1024,  // power of two, >= 2
    parameter int Parity = 0,
    parameter int Bank = 0,
    parameter int First = 0,
    parameter int AddrW = $clog2(Depth)
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [     23:0] guard_i,
    output logic [     23:0] guard_o,
    input  logic             we_i,
    input  logic [AddrW-1:0] waddr_i,
    input  logic [    W-1:0] wdata_i,
    input  logic             re_i,
    input  logic [AddrW-1:0] raddr_i,
    output logic [    W-1:0] rdata_o
);

  if (Parity == 0) begin : gen_plain
    logic unused;
    assign unused = ^{rst_ni, guard_i};
    assign guard_o = '0;

    systole_ram #(
        .W(W),
        .Depth(Depth)
    ) u_ram (
        .clk_i,
        .we_i,
        .waddr_i,
        .wdata_i,
        .re_i,
        .raddr_i,
        .rdata_o
    );
  end else begin : gen_guarded
    localparam int Bytes = W / 8;

    logic clear, flip, checked_q, error_q;
    logic [15:0] clear_word, word_q, error_word_q;
    logic [Bytes-1:0] wparity, rparity, expected;
    logic [W-1:0] wdata;

    assign clear = guard_i[23];
    assign clear_word = guard_i[22:7];
    assign flip = guard_i[6] && guard_i[5:0] == 6'(Bank) && we_i;
    assign wdata = clear ? '0 : wdata_i;

    always_comb begin
      for (int i = 0; i < Bytes; i++) begin
        wparity[i]  = ^wdata[i*8+:8];
        expected[i] = ^rdata_o[i*8+:8];
      end
    end

    systole_ram #(
        .W(W + Bytes),
        .Depth(Depth)
    ) u_ram (
        .clk_i,
        .we_i   (we_i || clear),
        .waddr_i(clear ? clear_word[AddrW-1:0] : waddr_i),
        .wdata_i({wparity, wdata ^ W'(flip)}),
        .re_i,
        .raddr_i,
        .rdata_o({rparity, rdata_o})
    );

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        checked_q <= 1'b0;
        error_q   <= 1'b0;
      end else begin
        checked_q <= re_i && !(we_i && waddr_i == raddr_i);
        error_q   <= checked_q && rparity != expected;
      end
    end

    always_ff @(posedge clk_i) begin
      word_q <= 16'(First) + 16'(raddr_i);
      error_word_q <= word_q;
    end

    assign guard_o = {flip, error_q, 6'(Bank), error_word_q};

    logic unused;
    assign unused = ^clear_word;
  end

endmodule
