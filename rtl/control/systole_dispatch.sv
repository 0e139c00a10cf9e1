// SPDX-License-Identifier: Apache-2.0

/// Takes records in ring order, checks them, hands each to its engine's queue, and retires them in ring order.
/// A record accepted in one cycle stands checked in a register in the next and in its engine's queue one later: two cycles from
/// `cmd_ready_o` to `*_cmd_valid_o`; one record a cycle. A full queue or a full order FIFO holds up the ones behind.
/// An illegal record raises `err_valid_o` two cycles after it was accepted, until reset; it is not executed. The record behind an illegal
/// one may still be accepted, and is lost; nothing is from then on. `enable_i` and `stop_i` count from the cycle after. `slot_address_i`
/// follows `index_o` by a cycle.
/// `*_done_i` says that the engine's oldest command is complete. In the cycle after, `head_o` has moved past it if all before
/// it were complete; at most one a cycle. `irq_o` is high in the cycle before a head that passes a command with its irq bit.
module systole_dispatch #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int AxiAddrW = 40,
    parameter int ActWords = 2048,
    parameter int WgtWords = 1024,
    parameter int AccRows = 1024,
    parameter int ParamEntries = 64,
    parameter int Fp = 1,
    parameter int AccelId = 0,
    parameter int QueueDepth = 4,
    parameter int OrderDepth = 32
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         enable_i,
    input  logic         stop_i,
    input  logic         cmd_valid_i,
    output logic         cmd_ready_o,
    input  logic [511:0] cmd_i,
    input  logic         cmd_err_i,
    // Address of the slot of index `index_o`, for error reports.
    output logic [ 31:0] index_o,
    input  logic [ 63:0] slot_address_i,
    output logic         load_cmd_valid_o,
    input  logic         load_cmd_ready_i,
    output logic [511:0] load_cmd_o,
    output logic [ 31:0] load_idx_o,
    input  logic         load_done_i,
    output logic         compute_cmd_valid_o,
    input  logic         compute_cmd_ready_i,
    output logic [511:0] compute_cmd_o,
    output logic [ 31:0] compute_idx_o,
    input  logic         compute_done_i,
    output logic         store_cmd_valid_o,
    input  logic         store_cmd_ready_i,
    output logic [511:0] store_cmd_o,
    output logic [ 31:0] store_idx_o,
    input  logic         store_done_i,
    output logic [ 31:0] head_o,
    output logic         irq_o,
    output logic         err_valid_o,
    output logic [  7:0] err_code_o,
    output logic [ 63:0] err_addr_o
);

  localparam int DoneW = $clog2(OrderDepth + 1);

  // --- check: one register stage between the ring and the queues; its record has index index_q ---
  logic [511:0] cmd_q;
  logic [63:0] address;
  logic [31:0] index_q;
  logic [7:0] code;
  logic [1:0] engine;
  logic valid_q, fetch_err_q, accept, room, push, legal, record_legal;
  logic open_q, bad_q, range_q, may_push;
  logic [7:0] code_q;
  logic [63:0] address_q;
  logic [2:0] queue_ready, fit;
  logic order_ready;

  systole_check #(
      .Rows(Rows),
      .Cols(Cols),
      .AxiAddrW(AxiAddrW),
      .ActWords(ActWords),
      .WgtWords(WgtWords),
      .AccRows(AccRows),
      .ParamEntries(ParamEntries),
      .Fp(Fp),
      .AccelId(AccelId)
  ) u_check (
      .clk_i,
      .take_i   (accept),
      .cmd_i,
      .cmd_o    (cmd_q),
      .engine_o (engine),
      .legal_o  (record_legal),
      .fit_o    (fit),
      .code_o   (code),
      .address_o(address)
  );

  assign legal = record_legal && !fetch_err_q;
  assign room = order_ready && (engine[1] ? queue_ready[2] : engine[0] ? queue_ready[1] : queue_ready[0]);
  assign may_push = valid_q && !fetch_err_q && open_q && !bad_q && order_ready;
  assign push = may_push && (fit & queue_ready) != '0;
  assign cmd_ready_o = open_q && !bad_q && (!valid_q || room);
  assign accept = cmd_valid_i && cmd_ready_o;
  assign index_o = index_q;
  assign err_valid_o = bad_q;
  assign err_code_o = code_q;
  assign err_addr_o = range_q ? address_q : slot_address_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      open_q <= 1'b0;
      bad_q <= 1'b0;
    end else begin
      open_q <= enable_i && !stop_i;
      if (valid_q && !legal && open_q) bad_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!bad_q) begin
      code_q <= fetch_err_q ? systole_pkg::ERROR_AXI_FETCH : code;
      range_q <= code == systole_pkg::ERROR_RANGE && !fetch_err_q;
      address_q <= address;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      index_q <= '0;
      fetch_err_q <= 1'b0;
    end else begin
      if (push) begin
        valid_q <= 1'b0;
        index_q <= index_q + 32'd1;
      end
      if (accept) begin
        valid_q <= 1'b1;
        fetch_err_q <= cmd_err_i;
      end
    end
  end

  // --- queues ---
  logic [2:0] valid, ready, done;
  logic [3*544-1:0] entry;

  assign {store_cmd_valid_o, compute_cmd_valid_o, load_cmd_valid_o} = valid;
  assign ready = {store_cmd_ready_i, compute_cmd_ready_i, load_cmd_ready_i};
  assign done = {store_done_i, compute_done_i, load_done_i};
  assign {store_idx_o, store_cmd_o, compute_idx_o, compute_cmd_o, load_idx_o, load_cmd_o} = entry;

  generate
    for (genvar e = 0; e < 3; e++) begin : gen_queue
      systole_fifo #(
          .W(544),
          .Depth(QueueDepth)
      ) u_queue (
          .clk_i,
          .rst_ni,
          .valid_i(may_push && fit[e]),
          .ready_o(queue_ready[e]),
          .data_i ({index_q, cmd_q}),
          .valid_o(valid[e]),
          .ready_i(ready[e]),
          .data_o (entry[e*544+:544])
      );
    end
  endgenerate

  // --- order and retirement ---
  logic order_valid, order_irq, retire;
  logic [1:0] order_engine;
  logic [3*DoneW-1:0] completed_q;  // commands completed and not yet retired, by engine
  logic [2:0] retirable, waiting_q;  // waiting: there are completed ones

  systole_fifo #(
      .W(3),
      .Depth(OrderDepth)
  ) u_order (
      .clk_i,
      .rst_ni,
      .valid_i(push),
      .ready_o(order_ready),
      .data_i ({cmd_q[systole_pkg::CMD_IRQ_LSB], engine}),
      .valid_o(order_valid),
      .ready_i(retire),
      .data_o ({order_irq, order_engine})
  );

  always_comb begin
    for (int e = 0; e < 3; e++) retirable[e] = done[e] || waiting_q[e];
  end

  assign retire = order_valid && retirable[order_engine];
  assign irq_o = retire && order_irq;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_o <= '0;
      completed_q <= '0;
      waiting_q <= '0;
    end else begin
      if (retire) head_o <= head_o + 32'd1;
      for (int e = 0; e < 3; e++) begin
        if (done[e] && !(retire && order_engine == 2'(e))) begin
          completed_q[e*DoneW+:DoneW] <= completed_q[e*DoneW+:DoneW] + DoneW'(1);
          waiting_q[e] <= 1'b1;
        end
        if (!done[e] && retire && order_engine == 2'(e)) begin
          completed_q[e*DoneW+:DoneW] <= completed_q[e*DoneW+:DoneW] - DoneW'(1);
          waiting_q[e] <= completed_q[e*DoneW+:DoneW] != DoneW'(1);
        end
      end
    end
  end

endmodule
