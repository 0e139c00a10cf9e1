// SPDX-License-Identifier: Apache-2.0

/// Misuse of the ring, as systole_faults finds it: by the distances of tail and fetched index from the head, which the host reads in one
/// cycle at the earliest before it can move the tail by it.
module ring (
    input logic        clk_i,
    input logic        rst_ni,
    input logic [ 4:0] ring_size_i,
    input logic [31:0] head_i,
    input logic [31:0] tail_i,
    input logic [31:0] fetch_idx_i,
    input logic        locked_write_i,
    input logic        soft_reset_i,
    input logic        quiet_i
);

  logic misuse, error, error_set, engine_rst_n;
  logic [7:0] code;

  systole_faults #(.AxiAddrW(32)) u_faults (
      .clk_i, .rst_ni, .load_err_valid_i(1'b0), .compute_err_valid_i(1'b0), .store_err_valid_i(1'b0), .dispatch_err_valid_i(1'b0),
      .fetch_err_valid_i(1'b0), .parity_valid_i(1'b0), .token_overflow_i(1'b0), .watchdog_i('0), .init_i(1'b0), .completed_i(1'b0),
      .load_err_code_i(), .load_err_idx_i(), .load_err_addr_i(), .compute_err_code_i(), .compute_err_idx_i(), .compute_err_addr_i(),
      .store_err_code_i(), .store_err_idx_i(), .store_err_addr_i(), .dispatch_err_code_i(), .dispatch_err_idx_i(), .dispatch_err_addr_i(),
      .fetch_err_code_i(), .fetch_addr_i(), .parity_addr_i(), .index_o(), .addr_o(), .soft_reset_done_o(), .stop_o(),
      .fetch_idx_i, .locked_write_i, .ring_size_i, .head_i, .tail_i, .ring_misuse_o(misuse), .error_o(error), .error_set_o(error_set),
      .code_o(code), .soft_reset_i, .quiet_i, .engine_rst_no(engine_rst_n)
  );

  logic past_q, past2_q, calm;
  logic [ 2:0] calm_q;
  logic [31:0] head_q;  // of the cycle before, as is the size
  logic [ 4:0] size_q;
  logic [31:0] announced, fetched;  // records from there
  logic legal, good, wrong;  // a size; a tail; misuse, an error (an illegal size with records waiting, or a locked register written, too)

  initial past_q = 1'b0;
  initial past2_q = 1'b0;
  always_comb assume (rst_ni == past_q);

  assign announced = tail_i - head_q;
  assign fetched = fetch_idx_i - head_q;
  assign legal = size_q <= 5'd16;
  assign good = fetched <= announced && announced <= (32'd1 << size_q);
  assign wrong = locked_write_i || (legal ? !good : head_i != tail_i);

  // What is fetched lies in the ring. While the engines are reset, and just after, head and fetched index become 0 one after the other.
  assign calm = &calm_q && engine_rst_n;
  always_comb if (past2_q && calm && legal) assume (fetched <= (32'd1 << size_q));

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    past2_q <= past_q;
    head_q <= head_i;
    size_q <= ring_size_i;
    calm_q <= {calm_q[1:0], engine_rst_n && rst_ni};
    if (past2_q && calm) begin
      assert (misuse == !(legal && good));
      if ($past(past2_q) && $past(past2_q, 2) && $past(calm, 2) && $past(calm)) begin
        if ($past(wrong, 2)) assert (error);
        if (error_set) assert (code == systole_pkg::ERROR_RING && $past(wrong || !legal, 2));
      end
      cover (misuse && legal && fetched == 32'd2 && announced == 32'd1 && $past(!misuse));  // a tail behind what was fetched
      cover (misuse && legal && announced == (32'd1 << size_q) + 32'd1 && $past(!misuse));  // one record more than the ring has room for
      cover (!misuse && announced == 32'h10000 && head_q > tail_i);  // the largest ring, full, across the end of the count
      cover (error_set && code == systole_pkg::ERROR_RING && $past(size_q, 2) == 5'd17);  // an illegal size
    end
  end

endmodule
