// SPDX-License-Identifier: Apache-2.0

/// Latches the first error, stops the machine, and carries out a soft reset.
/// An error in one cycle shows in `code_o`, `index_o`, `addr_o` and `stop_o` in the next and stays until reset; `error_set_o` is
/// high in that next cycle. Of errors in the same cycle store goes before compute, load, dispatch, parity, fetch, tokens, ring,
/// watchdog.
/// `ring_misuse_o` says at once that the tail or the size is no good, so that nothing is fetched by it; misuse of the ring is an error one
/// cycle later.
/// A soft reset request (`soft_reset_i`, held until `soft_reset_done_o`) raises `stop_o` at once; when `quiet_i` has
/// been high for 8 cycles in a row, `engine_rst_no` is low for 8 cycles, in the last of which `soft_reset_done_o` is high.
module systole_faults #(
    parameter int AxiAddrW = 40
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                load_err_valid_i,
    input  logic [         7:0] load_err_code_i,
    input  logic [        31:0] load_err_idx_i,
    input  logic [AxiAddrW-1:0] load_err_addr_i,
    input  logic                compute_err_valid_i,
    input  logic [         7:0] compute_err_code_i,
    input  logic [        31:0] compute_err_idx_i,
    input  logic [AxiAddrW-1:0] compute_err_addr_i,
    input  logic                store_err_valid_i,
    input  logic [         7:0] store_err_code_i,
    input  logic [        31:0] store_err_idx_i,
    input  logic [AxiAddrW-1:0] store_err_addr_i,
    input  logic                dispatch_err_valid_i,
    input  logic [         7:0] dispatch_err_code_i,
    input  logic [        31:0] dispatch_err_idx_i,
    input  logic [        63:0] dispatch_err_addr_i,
    input  logic                fetch_err_valid_i,
    input  logic [         7:0] fetch_err_code_i,
    input  logic [        31:0] fetch_idx_i,
    input  logic [        63:0] fetch_addr_i,
    input  logic                parity_valid_i,
    input  logic [        63:0] parity_addr_i,
    input  logic                init_i,
    input  logic                token_overflow_i,
    input  logic                locked_write_i,
    input  logic [         4:0] ring_size_i,
    input  logic [        31:0] head_i,
    input  logic [        31:0] tail_i,
    input  logic                completed_i,
    input  logic [        31:0] watchdog_i,
    output logic                ring_misuse_o,
    output logic                error_o,
    output logic                error_set_o,
    output logic [         7:0] code_o,
    output logic [        31:0] index_o,
    output logic [        63:0] addr_o,
    input  logic                soft_reset_i,
    output logic                soft_reset_done_o,
    input  logic                quiet_i,
    output logic                stop_o,
    output logic                engine_rst_no
);

  // --- ring and watchdog ---
  logic [31:0] waiting_q;
  logic busy, watchdog_expired;

  // A tail that moved back behind what was fetched would announce records that nobody wrote. One too far ahead is beyond `full_q`, a
  // size after the head of the cycle before: what became free just now, no host has seen. Both by the sign of a difference.
  logic [31:0] full_q;
  logic [16:0] size;  // of the ring, 0 if illegal
  logic [30:0] unused_behind, unused_beyond;
  logic behind, beyond, size_bad_q;
  logic misuse_q;
  logic [31:0] head_before_q;  // of the cycle before, to which token_overflow_i and misuse_q belong

  assign busy = head_i != tail_i;
  assign size = 17'd1 << ring_size_i;
  assign {behind, unused_behind} = tail_i - fetch_idx_i;
  assign {beyond, unused_beyond} = full_q - tail_i;
  assign ring_misuse_o = behind || beyond || size_bad_q;

  always_ff @(posedge clk_i) begin
    head_before_q <= head_i;
    full_q <= head_i + 32'(size);
    size_bad_q <= ring_size_i > 5'd16;
    misuse_q <= engine_rst_no && (locked_write_i || behind || beyond || (size_bad_q && busy));
  end
  assign watchdog_expired = watchdog_i != '0 && waiting_q >= watchdog_i;

  always_ff @(posedge clk_i) begin
    if (!engine_rst_no || !busy || init_i || completed_i || error_o || watchdog_i == '0) waiting_q <= '0;
    else waiting_q <= waiting_q + 32'd1;
  end

  // --- first error ---
  logic [ 7:0] code;
  logic [31:0] index;
  logic [63:0] addr;

  always_comb begin
    code  = systole_pkg::ERROR_NONE;
    index = head_i;
    addr  = '0;
    if (store_err_valid_i) begin
      code  = store_err_code_i;
      index = store_err_idx_i;
      addr  = 64'(store_err_addr_i);
    end else if (compute_err_valid_i) begin
      code  = compute_err_code_i;
      index = compute_err_idx_i;
      addr  = 64'(compute_err_addr_i);
    end else if (load_err_valid_i) begin
      code  = load_err_code_i;
      index = load_err_idx_i;
      addr  = 64'(load_err_addr_i);
    end else if (dispatch_err_valid_i) begin
      code  = dispatch_err_code_i;
      index = dispatch_err_idx_i;
      addr  = dispatch_err_addr_i;
    end else if (parity_valid_i) begin
      code  = systole_pkg::ERROR_PARITY;
      addr  = parity_addr_i;
    end else if (fetch_err_valid_i) begin
      code  = fetch_err_code_i;
      index = fetch_idx_i;
      addr  = fetch_addr_i;
    end else if (token_overflow_i) begin
      code  = systole_pkg::ERROR_TOKEN;
      index = head_before_q;
    end else if (misuse_q) begin
      code  = systole_pkg::ERROR_RING;
      index = head_before_q;
    end else if (watchdog_expired) begin
      code = systole_pkg::ERROR_WATCHDOG;
    end
  end

  // By what is raised, not by its code, which takes longer to find.
  logic raised;
  logic [7:0] code_q;
  logic [31:0] index_q;
  logic [63:0] addr_q;

  assign raised = store_err_valid_i || compute_err_valid_i || load_err_valid_i || dispatch_err_valid_i || parity_valid_i || fetch_err_valid_i
      || token_overflow_i || misuse_q || watchdog_expired;

  always_ff @(posedge clk_i) begin
    if (!engine_rst_no) begin
      error_o <= 1'b0;
      error_set_o <= 1'b0;
    end else begin
      if (raised) error_o <= 1'b1;
      error_set_o <= raised && !error_o;
    end
  end

  // They run along until there is an error, and show nothing before.
  always_ff @(posedge clk_i) begin
    if (!error_o) begin
      code_q  <= code;
      index_q <= index;
      addr_q  <= addr;
    end
  end

  assign code_o  = error_o ? code_q : systole_pkg::ERROR_NONE;
  assign index_o = error_o ? index_q : '0;
  assign addr_o  = error_o ? addr_q : '0;

  // --- soft reset ---
  typedef enum logic [0:0] {
    DRAIN,
    PULSE
  } reset_state_e;

  reset_state_e state_d, state_q;
  logic [2:0] count_d, count_q;

  assign stop_o = error_o || soft_reset_i;
  assign engine_rst_no = rst_ni && state_q != PULSE;

  always_comb begin
    state_d = state_q;
    count_d = '0;
    soft_reset_done_o = 1'b0;
    unique case (state_q)
      DRAIN: begin
        if (soft_reset_i && quiet_i) count_d = count_q + 3'd1;
        if (soft_reset_i && quiet_i && count_q == 3'd7) state_d = PULSE;
      end
      PULSE: begin
        count_d = count_q + 3'd1;
        if (count_q == 3'd7) begin
          state_d = DRAIN;
          soft_reset_done_o = 1'b1;
        end
      end
      default: state_d = DRAIN;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= DRAIN;
      count_q <= '0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
    end
  end

endmodule
