// SPDX-License-Identifier: Apache-2.0

/// The systolic array alone between two memories, for an FPGA too small for the accelerator: the host writes the array's inputs of
/// 2^DepthLog2 cycles, starts a run at full speed and reads the outputs of the same cycles (docs/link.md).
///
/// Accesses hold `req_valid_i` until `rsp_valid_o`, two cycles later; 16 address bits:
/// 0x2000 control: a write with bit 0 starts a run, a read gives bit 0: it runs. 0x4000..0x7fff stimulus, write-only; 0x8000..0xffff
/// capture, read-only (SLVERR otherwise, DECERR elsewhere; words that the memories lack read 0 and are not written).
///
/// Stimulus entry i, the array's inputs of cycle i, is {switch, push[Cols], weight lanes, activation lanes}, from bit 0 up, in little-endian
/// words at 0x4000 + 4*(i*StimStride + word). Capture entry i is what psum_o shows in that cycle: column c at 0x8000 + 4*(i*CaptStride + c).
/// Partial sums begin at 0. Outside a run nothing switches or shifts, and the activations stay those of the last entry.
module systole_array_bench #(
  parameter int Rows      = 4,
  parameter int Cols      = 4,
  parameter int DepthLog2 = 8
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        req_valid_i,
  input  logic        req_write_i,
  input  logic [15:0] req_addr_i,
  input  logic [31:0] req_wdata_i,
  output logic        rsp_valid_o,
  output logic [31:0] rsp_rdata_o,
  output logic [1:0]  rsp_resp_o,
  output logic        busy_o
);

  localparam int LaneW     = 18;
  localparam int StimW     = 2 * Rows * LaneW + Cols + 1;
  localparam int StimWords = (StimW + 31) / 32;
  localparam int StimLog2  = $clog2(StimWords);  // of the words that an entry takes in the address space
  localparam int CaptLog2  = $clog2(Cols);

  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10, DECERR = 2'b11;

  if (Cols < 2 || StimLog2 + DepthLog2 > 12 || CaptLog2 + DepthLog2 > 13 || DepthLog2 < 4) begin : gen_bad_size
    systole_error_array_bench_does_not_fit_its_address_space u_error ();
  end

  // --- accesses ---
  logic                 wait_q;
  logic                 is_control, is_stim, is_capt;
  logic [Cols*32-1:0]   capt_data;

  assign is_control = req_addr_i[15:2] == 14'h0800;  // 0x2000; the link names a write's last byte
  assign is_stim    = req_addr_i[15:14] == 2'b01;
  assign is_capt    = req_addr_i[15];

  always_ff @(posedge clk_i) begin
    // The memories are read in the first cycle of an access.
    wait_q      <= rst_ni && req_valid_i && !wait_q && !rsp_valid_o;
    rsp_valid_o <= rst_ni && wait_q;
    rsp_rdata_o <= is_capt ? capt_data[req_addr_i[2 +: CaptLog2]*32 +: 32] : {31'd0, busy_o};
    if (is_control) rsp_resp_o <= OKAY;
    else if (is_stim) rsp_resp_o <= req_write_i ? OKAY : SLVERR;
    else if (is_capt) rsp_resp_o <= req_write_i ? SLVERR : OKAY;
    else rsp_resp_o <= DECERR;
  end

  // --- a run: the entry that is read, that is on the array's inputs ---
  logic                 run_q, active_q;
  logic [DepthLog2-1:0] entry_q, active_entry_q;

  assign busy_o = run_q || active_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q    <= 1'b0;
      active_q <= 1'b0;
      entry_q  <= '0;
    end else begin
      active_q <= run_q;
      if (run_q) begin
        entry_q <= entry_q + DepthLog2'(1);
        if (entry_q == '1) run_q <= 1'b0;
      end else if (wait_q && req_write_i && is_control && req_wdata_i[0] && !active_q) begin
        run_q <= 1'b1;
      end
    end
    active_entry_q <= entry_q;
  end

  // --- stimulus, array, capture ---
  logic [StimW-1:0]   stim;
  logic [Cols*32-1:0] psum;

  for (genvar i = 0; i < StimWords; i++) begin : gen_stim
    localparam int PartW = StimW - i * 32 < 32 ? StimW - i * 32 : 32;
    logic mine;
    if (StimLog2 > 0) begin : gen_word
      assign mine = req_addr_i[2 +: StimLog2] == StimLog2'(i);
    end else begin : gen_only
      assign mine = 1'b1;
    end
    systole_ram #(
      .W    (PartW),
      .Depth(2**DepthLog2)
    ) u_ram (
      .clk_i,
      .we_i   (wait_q && req_write_i && is_stim && mine && !busy_o && req_addr_i[13:2] >> (StimLog2 + DepthLog2) == '0),
      .waddr_i(req_addr_i[2+StimLog2 +: DepthLog2]),
      .wdata_i(req_wdata_i[PartW-1:0]),
      .re_i   (run_q),
      .raddr_i(entry_q),
      .rdata_o(stim[i*32 +: PartW])
    );
  end

  systole_array #(
    .Rows(Rows),
    .Cols(Cols),
    .Fp  (0)
  ) u_array (
    .clk_i,
    .act_i   (stim[0 +: Rows*LaneW]),
    .switch_i(stim[StimW-1] && active_q),
    .wgt_i   (stim[Rows*LaneW +: Rows*LaneW]),
    .push_i  (stim[2*Rows*LaneW +: Cols] & {Cols{active_q}}),
    .psum_i  ({Cols*32{1'b0}}),
    .psum_o  (psum)
  );

  logic unused;
  assign unused = &{1'b0, req_addr_i[1:0]};

  for (genvar c = 0; c < Cols; c++) begin : gen_capt
    systole_ram #(
      .W    (32),
      .Depth(2**DepthLog2)
    ) u_ram (
      .clk_i,
      .we_i   (active_q),
      .waddr_i(active_entry_q),
      .wdata_i(psum[c*32 +: 32]),
      .re_i   (req_valid_i && !busy_o),
      .raddr_i(req_addr_i[2+CaptLog2 +: DepthLog2]),
      .rdata_o(capt_data[c*32 +: 32])
    );
  end

endmodule
