// SPDX-License-Identifier: Apache-2.0

/// A board with the array alone (kind 1): UART, link, board information, systole_array_bench. Ports as systole_board.
module systole_bench_board #(
  parameter int Rows      = 4,
  parameter int Cols      = 4,
  parameter int DepthLog2 = 8,
  parameter int ClkHz     = 12000000,
  parameter int Baud      = 1000000,
  parameter int BoardId   = 0
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,
  output logic       tx_o,
  output logic [7:0] led_o
);

  localparam int MaxData = 1024;

  logic        rx_valid, tx_valid;
  logic        req_valid, req_mem, req_write;
  logic [31:0] req_addr, req_wdata;
  logic [3:0]  req_wstrb;
  logic        rsp_valid, info_valid, bench_valid, none_valid_q;
  logic [31:0] rsp_rdata, info_rdata, bench_rdata;
  logic [1:0]  rsp_resp, info_resp, bench_resp;
  logic        link_active, refused, busy;
  logic        to_none, to_info;

  systole_uart_link #(.DataW(32), .MaxData(MaxData), .ClkHz(ClkHz), .Baud(Baud)) u_link (
    .clk_i,
    .rst_ni,
    .rx_i,
    .tx_o,
    .req_valid_o(req_valid),
    .req_mem_o  (req_mem),
    .req_write_o(req_write),
    .req_addr_o (req_addr),
    .req_wdata_o(req_wdata),
    .req_wstrb_o(req_wstrb),
    .rsp_valid_i(rsp_valid),
    .rsp_rdata_i(rsp_rdata),
    .rsp_resp_i (rsp_resp),
    .active_o   (link_active),
    .refused_o  (refused),
    .rx_valid_o (rx_valid),
    .tx_valid_o (tx_valid)
  );

  // No memory; registers in the low 64 KiB, of which the bench decodes all but the board information.
  assign to_none = req_mem || req_addr[31:16] != '0;
  assign to_info = req_addr[15:8] == 8'h10;

  always_ff @(posedge clk_i) none_valid_q <= rst_ni && req_valid && to_none && !none_valid_q;

  systole_board_info #(
    .BoardId  (BoardId),
    .ClkHz    (ClkHz),
    .Baud     (Baud),
    .MemBytes (0),
    .Kind     (1),
    .MaxData  (MaxData),
    .Rows     (Rows),
    .Cols     (Cols),
    .DepthLog2(DepthLog2)
  ) u_info (
    .clk_i,
    .rst_ni,
    .req_valid_i(req_valid && !to_none && to_info),
    .req_write_i(req_write),
    .req_word_i (req_addr[7:2]),
    .req_wdata_i(req_wdata),
    .rsp_valid_o(info_valid),
    .rsp_rdata_o(info_rdata),
    .rsp_resp_o (info_resp)
  );

  systole_array_bench #(.Rows(Rows), .Cols(Cols), .DepthLog2(DepthLog2)) u_bench (
    .clk_i,
    .rst_ni,
    .req_valid_i(req_valid && !to_none && !to_info),
    .req_write_i(req_write),
    .req_addr_i (req_addr[15:0]),
    .req_wdata_i(req_wdata),
    .rsp_valid_o(bench_valid),
    .rsp_rdata_o(bench_rdata),
    .rsp_resp_o (bench_resp),
    .busy_o     (busy)
  );

  assign rsp_valid = none_valid_q || info_valid || bench_valid;
  assign rsp_rdata = info_valid ? info_rdata : bench_rdata;
  assign rsp_resp  = none_valid_q ? 2'b11 : info_valid ? info_resp : bench_resp;

  systole_leds #(.ClkHz(ClkHz), .Events(4)) u_leds (
    .clk_i,
    .rst_ni,
    .event_i    ({refused, busy, tx_valid, rx_valid}),
    .led_o      ({led_o[5], led_o[3:1]}),
    .heartbeat_o(led_o[0])
  );
  assign led_o[4] = 1'b0;
  assign led_o[6] = link_active;
  assign led_o[7] = rst_ni;

  logic unused;
  assign unused = &{1'b0, req_wstrb};

endmodule
