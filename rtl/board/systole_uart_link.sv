// SPDX-License-Identifier: Apache-2.0

/// A board's serial line: UART and host link. Accesses as of systole_link; `rx_valid_o` and `tx_valid_o` tell of bytes received and to send.
module systole_uart_link #(
  parameter int DataW   = 32,
  parameter int MaxData = 1024,
  parameter int ClkHz   = 50000000,
  parameter int Baud    = 1000000
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               rx_i,
  output logic               tx_o,
  output logic               req_valid_o,
  output logic               req_mem_o,
  output logic               req_write_o,
  output logic [31:0]        req_addr_o,
  output logic [DataW-1:0]   req_wdata_o,
  output logic [DataW/8-1:0] req_wstrb_o,
  input  logic               rsp_valid_i,
  input  logic [DataW-1:0]   rsp_rdata_i,
  input  logic [1:0]         rsp_resp_i,
  output logic               active_o,
  output logic               refused_o,
  output logic               rx_valid_o,
  output logic               tx_valid_o
);

  logic       rx_error, tx_ready;
  logic [7:0] rx_data, tx_data;

  systole_uart_rx #(.ClkHz(ClkHz), .Baud(Baud)) u_uart_rx (
    .clk_i,
    .rst_ni,
    .rx_i,
    .valid_o(rx_valid_o),
    .data_o (rx_data),
    .error_o(rx_error)
  );

  systole_uart_tx #(.ClkHz(ClkHz), .Baud(Baud)) u_uart_tx (
    .clk_i,
    .rst_ni,
    .valid_i(tx_valid_o),
    .ready_o(tx_ready),
    .data_i (tx_data),
    .tx_o
  );

  systole_link #(.DataW(DataW), .MaxData(MaxData)) u_link (
    .clk_i,
    .rst_ni,
    .rx_valid_i (rx_valid_o),
    .rx_data_i  (rx_data),
    .rx_error_i (rx_error),
    .tx_valid_o (tx_valid_o),
    .tx_ready_i (tx_ready),
    .tx_data_o  (tx_data),
    .req_valid_o,
    .req_mem_o,
    .req_write_o,
    .req_addr_o,
    .req_wdata_o,
    .req_wstrb_o,
    .rsp_valid_i,
    .rsp_rdata_i,
    .rsp_resp_i,
    .active_o,
    .refused_o
  );

endmodule
