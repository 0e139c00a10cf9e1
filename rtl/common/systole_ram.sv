// SPDX-License-Identifier: Apache-2.0

/// One-read, one-write synchronous memory: the only place where Systole's memories are mapped. FPGA and ASIC users replace this
/// file.
///
/// Write: `we_i`, `waddr_i`, `wdata_i` in one cycle. Read: `re_i`, `raddr_i`; `rdata_o` follows in the next cycle and holds until
/// the next read. A read of the address written in the same cycle gives undefined data: block RAMs differ in it, nobody here relies on
/// it, and with SYSTOLE_POISON_COLLISIONS defined such a read gives wrong data, so that a user who did would fail. Contents and
/// output are not reset.
module systole_ram #(
  parameter int W     = 16,
  parameter int Depth = 1024,  // power of two, >= 2
  parameter int AddrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             we_i,
  input  logic [AddrW-1:0] waddr_i,
  input  logic [W-1:0]     wdata_i,
  input  logic             re_i,
  input  logic [AddrW-1:0] raddr_i,
  output logic [W-1:0]     rdata_o
);

  (* no_rw_check *) logic [W-1:0] mem_q [Depth];
  logic [W-1:0] rdata_q;

  always_ff @(posedge clk_i) begin
`ifdef SYSTOLE_POISON_COLLISIONS
    if (re_i) rdata_q <= mem_q[raddr_i] ^ {W{we_i && waddr_i == raddr_i}};
`else
    if (re_i) rdata_q <= mem_q[raddr_i];
`endif
    if (we_i) mem_q[waddr_i] <= wdata_i;
  end

  assign rdata_o = rdata_q;

endmodule
