// SPDX-License-Identifier: Apache-2.0

/// What the board is, in 64 words (docs/link.md): an access (`req_valid_i` held until `rsp_valid_o`) is answered in the next cycle. Word 9 is a
/// register that the host may use to notice a reset (0 after it); writes elsewhere get SLVERR.
module systole_board_info #(
  parameter int BoardId    = 0,
  parameter int ClkHz      = 50000000,
  parameter int Baud       = 1000000,
  parameter int MemBytes   = 0,
  parameter int Kind       = 0,         // 0: the accelerator, 1: the array alone
  parameter int MaxData    = 1024,
  parameter int Rows       = 0,         // kind 1: the array, and how many cycles a run takes
  parameter int Cols       = 0,
  parameter int DepthLog2  = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        req_valid_i,
  input  logic        req_write_i,
  input  logic [5:0]  req_word_i,
  input  logic [31:0] req_wdata_i,
  output logic        rsp_valid_o,
  output logic [31:0] rsp_rdata_o,
  output logic [1:0]  rsp_resp_o
);

  localparam logic [31:0] MAGIC = 32'h53595342;  // "SYSB"
  localparam logic [31:0] LINK_VERSION = 32'd1;

  localparam logic [5:0]  SESSION = 6'd9;

  logic [31:0] session_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) session_q <= '0;
    else if (req_valid_i && req_write_i && req_word_i == SESSION) session_q <= req_wdata_i;
  end

  always_ff @(posedge clk_i) begin
    rsp_valid_o <= rst_ni && req_valid_i && !rsp_valid_o;
    rsp_resp_o  <= req_write_i && req_word_i != SESSION ? 2'b10 : 2'b00;
    unique case (req_word_i)
      6'd0: rsp_rdata_o <= MAGIC;
      6'd1: rsp_rdata_o <= LINK_VERSION;
      6'd2: rsp_rdata_o <= 32'(BoardId);
      6'd3: rsp_rdata_o <= 32'(ClkHz);
      6'd4: rsp_rdata_o <= 32'(Baud);
      6'd5: rsp_rdata_o <= 32'(MemBytes);
      6'd6: rsp_rdata_o <= 32'(Kind);
      6'd7: rsp_rdata_o <= 32'(MaxData);
      6'd8: rsp_rdata_o <= {8'd0, 8'(DepthLog2), 8'(Cols), 8'(Rows)};
      SESSION: rsp_rdata_o <= session_q;
      default: rsp_rdata_o <= '0;
    endcase
  end

endmodule
