// SPDX-License-Identifier: Apache-2.0
/// A stand-in for systole with the same pins: copies `bursts` bursts of eight beats from SRC to DST, to try the platform's
/// wrapper, memory port and checkers without the engine. Registers: 0x00 ID, 0x04 SRC, 0x08 DST, 0x0C number of bursts,
/// 0x10 write: go, read: bit 0 busy, bit 1 some response was an error, 0x14 write: clear the interrupt.
/// All reads are issued as fast as the bus takes them; a write burst starts when a whole burst has been read.
module platform_dut #(
  parameter int AxiDataW = 32,
  parameter int AxiAddrW = 40
) (
  input  logic clk_i,
  input  logic rst_ni,
  output logic irq_o,

  input  logic s_axil_awvalid_i,
  output logic s_axil_awready_o,
  input  logic [11:0] s_axil_awaddr_i,
  input  logic s_axil_wvalid_i,
  output logic s_axil_wready_o,
  input  logic [31:0] s_axil_wdata_i,
  input  logic [3:0] s_axil_wstrb_i,
  output logic s_axil_bvalid_o,
  input  logic s_axil_bready_i,
  output logic [1:0] s_axil_bresp_o,
  input  logic s_axil_arvalid_i,
  output logic s_axil_arready_o,
  input  logic [11:0] s_axil_araddr_i,
  output logic s_axil_rvalid_o,
  input  logic s_axil_rready_i,
  output logic [31:0] s_axil_rdata_o,
  output logic [1:0] s_axil_rresp_o,

  output logic [0:0] m_axi_awid_o,
  output logic [AxiAddrW-1:0] m_axi_awaddr_o,
  output logic [7:0] m_axi_awlen_o,
  output logic [2:0] m_axi_awsize_o,
  output logic [1:0] m_axi_awburst_o,
  output logic m_axi_awlock_o,
  output logic [3:0] m_axi_awcache_o,
  output logic [2:0] m_axi_awprot_o,
  output logic [3:0] m_axi_awqos_o,
  output logic m_axi_awvalid_o,
  input  logic m_axi_awready_i,
  output logic [AxiDataW-1:0] m_axi_wdata_o,
  output logic [AxiDataW/8-1:0] m_axi_wstrb_o,
  output logic m_axi_wlast_o,
  output logic m_axi_wvalid_o,
  input  logic m_axi_wready_i,
  input  logic [0:0] m_axi_bid_i,
  input  logic [1:0] m_axi_bresp_i,
  input  logic m_axi_bvalid_i,
  output logic m_axi_bready_o,
  output logic [0:0] m_axi_arid_o,
  output logic [AxiAddrW-1:0] m_axi_araddr_o,
  output logic [7:0] m_axi_arlen_o,
  output logic [2:0] m_axi_arsize_o,
  output logic [1:0] m_axi_arburst_o,
  output logic m_axi_arlock_o,
  output logic [3:0] m_axi_arcache_o,
  output logic [2:0] m_axi_arprot_o,
  output logic [3:0] m_axi_arqos_o,
  output logic m_axi_arvalid_o,
  input  logic m_axi_arready_i,
  input  logic [0:0] m_axi_rid_i,
  input  logic [AxiDataW-1:0] m_axi_rdata_i,
  input  logic [1:0] m_axi_rresp_i,
  input  logic m_axi_rlast_i,
  input  logic m_axi_rvalid_i,
  output logic m_axi_rready_o
);

  localparam int BB = AxiDataW / 8;
  localparam int BurstBytes = 8 * BB;
  localparam int Slots = 64;  // beats of storage, eight bursts

  logic [31:0] src_q, dst_q, count_q, asked_q, addressed_q, written_q, answered_q, beats_in_q, beats_out_q;
  logic busy_q, irq_q, error_q, bvalid_q, rvalid_q;
  logic [31:0] rdata_q;
  logic [AxiDataW-1:0] store_q [Slots];

  // --- registers: address and data of a write are taken together
  logic reg_write;
  assign reg_write = s_axil_awvalid_i & s_axil_wvalid_i & !bvalid_q;
  assign s_axil_awready_o = reg_write;
  assign s_axil_wready_o = reg_write;
  assign s_axil_bvalid_o = bvalid_q;
  assign s_axil_bresp_o = 2'b00;
  assign s_axil_arready_o = !rvalid_q;
  assign s_axil_rvalid_o = rvalid_q;
  assign s_axil_rdata_o = rdata_q;
  assign s_axil_rresp_o = 2'b00;
  assign irq_o = irq_q;

  // --- reads: space for the burst is reserved before it is asked for
  assign m_axi_arvalid_o = busy_q && asked_q != count_q && (asked_q - written_q) < Slots / 8;
  assign m_axi_araddr_o = AxiAddrW'(src_q) + AxiAddrW'(asked_q * BurstBytes);
  assign m_axi_rready_o = 1'b1;

  // --- writes
  logic wvalid;
  assign m_axi_awvalid_o = busy_q && addressed_q != count_q && beats_in_q >= (addressed_q + 1) * 8;
  assign m_axi_awaddr_o = AxiAddrW'(dst_q) + AxiAddrW'(addressed_q * BurstBytes);
  assign wvalid = busy_q && written_q != addressed_q;
  assign m_axi_wvalid_o = wvalid;
  assign m_axi_wdata_o = wvalid ? store_q[beats_out_q[5:0]] : '0;
  assign m_axi_wstrb_o = '1;
  assign m_axi_wlast_o = beats_out_q[2:0] == 3'd7;
  assign m_axi_bready_o = 1'b1;

  assign m_axi_awid_o = 1'b0;
  assign m_axi_awlen_o = 8'd7;
  assign m_axi_awsize_o = 3'($clog2(BB));
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_awlock_o = 1'b0;
  assign m_axi_awcache_o = 4'b0011;
  assign m_axi_awprot_o = 3'b000;
  assign m_axi_awqos_o = 4'b0000;
  assign m_axi_arid_o = 1'b0;
  assign m_axi_arlen_o = 8'd7;
  assign m_axi_arsize_o = 3'($clog2(BB));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_arlock_o = 1'b0;
  assign m_axi_arcache_o = 4'b0011;
  assign m_axi_arprot_o = 3'b000;
  assign m_axi_arqos_o = 4'b0000;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      src_q <= '0;
      dst_q <= '0;
      count_q <= '0;
      asked_q <= '0;
      addressed_q <= '0;
      written_q <= '0;
      answered_q <= '0;
      beats_in_q <= '0;
      beats_out_q <= '0;
      busy_q <= 1'b0;
      irq_q <= 1'b0;
      error_q <= 1'b0;
      bvalid_q <= 1'b0;
      rvalid_q <= 1'b0;
      rdata_q <= '0;
    end else begin
      if (s_axil_bready_i) bvalid_q <= 1'b0;
      if (s_axil_rready_i) rvalid_q <= 1'b0;
      if (m_axi_arvalid_o && m_axi_arready_i) asked_q <= asked_q + 1;
      if (m_axi_rvalid_i) begin
        store_q[beats_in_q[5:0]] <= m_axi_rdata_i;
        beats_in_q <= beats_in_q + 1;
        if (m_axi_rresp_i != 2'b00) error_q <= 1'b1;
      end
      if (m_axi_awvalid_o && m_axi_awready_i) addressed_q <= addressed_q + 1;
      if (m_axi_wvalid_o && m_axi_wready_i) begin
        beats_out_q <= beats_out_q + 1;
        if (m_axi_wlast_o) written_q <= written_q + 1;
      end
      if (m_axi_bvalid_i) begin
        answered_q <= answered_q + 1;
        if (m_axi_bresp_i != 2'b00) error_q <= 1'b1;
        if (answered_q + 1 == count_q) begin
          busy_q <= 1'b0;
          irq_q <= 1'b1;
        end
      end
      if (reg_write) begin
        bvalid_q <= 1'b1;
        case (s_axil_awaddr_i)
          12'h004: src_q <= s_axil_wdata_i;
          12'h008: dst_q <= s_axil_wdata_i;
          12'h00c: count_q <= s_axil_wdata_i;
          12'h010: begin
            busy_q <= 1'b1;
            error_q <= 1'b0;
            asked_q <= '0;
            addressed_q <= '0;
            written_q <= '0;
            answered_q <= '0;
            beats_in_q <= '0;
            beats_out_q <= '0;
          end
          12'h014: irq_q <= 1'b0;
          default: ;
        endcase
      end
      if (s_axil_arvalid_i && !rvalid_q) begin
        rvalid_q <= 1'b1;
        case (s_axil_araddr_i)
          12'h000: rdata_q <= 32'h53595354;
          12'h004: rdata_q <= src_q;
          12'h008: rdata_q <= dst_q;
          12'h00c: rdata_q <= count_q;
          12'h010: rdata_q <= {30'b0, error_q, busy_q};
          default: rdata_q <= '0;
        endcase
      end
    end
  end

endmodule
