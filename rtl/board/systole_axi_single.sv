// SPDX-License-Identifier: Apache-2.0

/// Master of single accesses on AXI4-Lite or AXI4 (there with the constants of one beat: len 0, last 1): one at a time, address and data of a
/// write together. `req_valid_i` with its payload holds until the one cycle of `rsp_valid_o`. All outputs are registers. The
/// address is rounded down to the data width. Two cycles more than the slave takes.
module systole_axi_single #(
  parameter int AddrW = 12,
  parameter int DataW = 32
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               req_valid_i,
  input  logic               req_write_i,
  input  logic [AddrW-1:0]   req_addr_i,
  input  logic [DataW-1:0]   req_wdata_i,
  input  logic [DataW/8-1:0] req_wstrb_i,
  output logic               rsp_valid_o,
  output logic [DataW-1:0]   rsp_rdata_o,
  output logic [1:0]         rsp_resp_o,

  output logic               m_awvalid_o,
  input  logic               m_awready_i,
  output logic [AddrW-1:0]   m_awaddr_o,
  output logic               m_wvalid_o,
  input  logic               m_wready_i,
  output logic [DataW-1:0]   m_wdata_o,
  output logic [DataW/8-1:0] m_wstrb_o,
  input  logic               m_bvalid_i,
  output logic               m_bready_o,
  input  logic [1:0]         m_bresp_i,
  output logic               m_arvalid_o,
  input  logic               m_arready_i,
  output logic [AddrW-1:0]   m_araddr_o,
  input  logic               m_rvalid_i,
  output logic               m_rready_o,
  input  logic [DataW-1:0]   m_rdata_i,
  input  logic [1:0]         m_rresp_i
);

  localparam int ByteW = $clog2(DataW / 8);

  logic                 active_q;  // from the request to its response
  logic [AddrW-1:ByteW] word_q;

  assign m_awaddr_o = {word_q, ByteW'(0)};
  assign m_araddr_o = m_awaddr_o;

  logic unused;
  assign unused = &{1'b0, req_addr_i[ByteW-1:0]};

  always_ff @(posedge clk_i) begin
    rsp_valid_o <= 1'b0;
    if (!rst_ni) begin
      active_q    <= 1'b0;
      m_awvalid_o <= 1'b0;
      m_wvalid_o  <= 1'b0;
      m_arvalid_o <= 1'b0;
      m_bready_o  <= 1'b0;
      m_rready_o  <= 1'b0;
    end else begin
      if (m_awready_i) m_awvalid_o <= 1'b0;
      if (m_wready_i) m_wvalid_o <= 1'b0;
      if (m_arready_i) m_arvalid_o <= 1'b0;
      if (!active_q && req_valid_i && !rsp_valid_o) begin
        active_q    <= 1'b1;
        m_awvalid_o <= req_write_i;
        m_wvalid_o  <= req_write_i;
        m_bready_o  <= req_write_i;
        m_arvalid_o <= !req_write_i;
        m_rready_o  <= !req_write_i;
      end else if (active_q && ((m_bready_o && m_bvalid_i) || (m_rready_o && m_rvalid_i))) begin
        active_q    <= 1'b0;
        m_bready_o  <= 1'b0;
        m_rready_o  <= 1'b0;
        rsp_valid_o <= 1'b1;
      end
    end
    if (!active_q) begin
      word_q    <= req_addr_i[AddrW-1:ByteW];
      m_wdata_o <= req_wdata_i;
      m_wstrb_o <= req_wstrb_i;
    end
    if (active_q) begin
      rsp_rdata_o <= m_rdata_i;
      rsp_resp_o  <= m_bready_o ? m_bresp_i : m_rresp_i;
    end
  end

endmodule
