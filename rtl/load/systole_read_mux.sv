// SPDX-License-Identifier: Apache-2.0

/// AXI read master shared by command fetch and load: one ID, responses in order. A fetch goes before a load whenever
/// both ask (burst by burst). A request accepted in one cycle is on the AXI port in the next; at most `MaxReads` bursts
/// are between the port's AR register (included) and their last R beat, and the cycle of that beat already frees its
/// place. R data reach their owner in the same cycle. A fetch is one burst of 64 bytes (one beat on a 512-bit bus) and
/// takes data at any time.
module systole_read_mux #(
    parameter int AxiDataW = 128,
    parameter int AxiAddrW = 40,
    parameter int MaxReads = 16
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    // command fetch
    input  logic                fetch_ar_valid_i,
    output logic                fetch_ar_ready_o,
    input  logic [AxiAddrW-1:0] fetch_ar_addr_i,
    output logic                fetch_r_valid_o,
    output logic [AxiDataW-1:0] fetch_r_data_o,
    output logic                fetch_r_last_o,
    output logic                fetch_r_err_o,
    // load
    input  logic                load_ar_valid_i,
    output logic                load_ar_ready_o,
    input  logic [AxiAddrW-1:0] load_ar_addr_i,
    input  logic [         7:0] load_ar_len_i,
    output logic                load_r_valid_o,
    input  logic                load_r_ready_i,
    output logic [AxiDataW-1:0] load_r_data_o,
    output logic                load_r_last_o,
    output logic [         1:0] load_r_resp_o,
    // AXI4
    output logic [         0:0] m_axi_arid_o,
    output logic [AxiAddrW-1:0] m_axi_araddr_o,
    output logic [         7:0] m_axi_arlen_o,
    output logic [         2:0] m_axi_arsize_o,
    output logic [         1:0] m_axi_arburst_o,
    output logic                m_axi_arlock_o,
    output logic [         3:0] m_axi_arcache_o,
    output logic [         2:0] m_axi_arprot_o,
    output logic [         3:0] m_axi_arqos_o,
    output logic                m_axi_arvalid_o,
    input  logic                m_axi_arready_i,
    input  logic [         0:0] m_axi_rid_i,
    input  logic [AxiDataW-1:0] m_axi_rdata_i,
    input  logic [         1:0] m_axi_rresp_i,
    input  logic                m_axi_rlast_i,
    input  logic                m_axi_rvalid_i,
    output logic                m_axi_rready_o,
    output logic                quiet_o            // no burst asked for or under way
);

  localparam int BusBytes = AxiDataW / 8;
  localparam int FetchBeats = 64 / BusBytes;
  localparam int CountW = $clog2(MaxReads + 1);

  logic unused_id;  // all bursts carry ID 0
  assign unused_id = m_axi_rid_i[0];

  assign m_axi_arid_o = 1'b0;
  assign m_axi_arsize_o = 3'($clog2(BusBytes));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_arlock_o = 1'b0;
  assign m_axi_arcache_o = 4'b0011;
  assign m_axi_arprot_o = 3'b000;
  assign m_axi_arqos_o = 4'd0;

  // Bursts from the AR register to the last R beat, and who owns them (1: fetch), oldest first: a shift register with the oldest at
  // its end, since that decides about R data at once.
  logic [CountW-1:0] count_q;
  logic [MaxReads-1:0] owner_q, owner_d, shifted;
  logic owned_q, many_q, full_q;  // count_q is not 0, neither 0 nor 1, MaxReads
  logic fetch_q, load_q, next_fetch;  // the oldest burst's owner, if there is one; the next one's, if there is
  logic [CountW:0] bursts;  // count_q, wide enough for every comparison below to have two outcomes
  logic room, take, last;
  logic unused_owner;

  assign m_axi_rready_o = fetch_q || (load_q && load_r_ready_i);
  assign last = m_axi_rvalid_i && m_axi_rready_o && m_axi_rlast_i;
  assign room = (!m_axi_arvalid_o || m_axi_arready_i) && (!full_q || last);
  assign fetch_ar_ready_o = room;
  assign load_ar_ready_o = room && !fetch_ar_valid_i;
  assign take = room && (fetch_ar_valid_i || load_ar_valid_i);
  assign quiet_o = !owned_q;

  // Places beyond the youngest burst follow what would be taken next, so that it is there when it is taken.
  assign shifted = MaxReads'({fetch_ar_valid_i, owner_q} >> 1);
  assign bursts = {1'b0, count_q};
  assign next_fetch = many_q ? shifted[0] : fetch_ar_valid_i;
  assign unused_owner = owner_q[0];  // fetch_q and load_q say it
  for (genvar i = 0; i < MaxReads; i++) begin : gen_owner
    assign owner_d[i] = last ? (bursts <= (CountW + 1)'(i + 1) ? fetch_ar_valid_i : shifted[i])
                             : (bursts <= (CountW + 1)'(i) ? fetch_ar_valid_i : owner_q[i]);
  end

  always_ff @(posedge clk_i) begin
    owner_q <= owner_d;
    if (!rst_ni) begin
      m_axi_arvalid_o <= 1'b0;
      count_q <= '0;
      owned_q <= 1'b0;
      many_q <= 1'b0;
      full_q <= 1'b0;
      fetch_q <= 1'b0;
      load_q <= 1'b0;
    end else begin
      if (last || !owned_q) begin
        fetch_q <= next_fetch && (many_q || take);
        load_q  <= !next_fetch && (many_q || take);
      end
      if (take) m_axi_arvalid_o <= 1'b1;
      else if (m_axi_arready_i) m_axi_arvalid_o <= 1'b0;
      if (take && !last) begin
        count_q <= count_q + CountW'(1);
        owned_q <= 1'b1;
        many_q  <= owned_q;
        full_q  <= count_q == CountW'(MaxReads - 1);
      end
      if (last && !take) begin
        count_q <= count_q - CountW'(1);
        owned_q <= many_q;
        many_q  <= many_q && count_q != CountW'(2);
        full_q  <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      m_axi_araddr_o <= fetch_ar_valid_i ? fetch_ar_addr_i : load_ar_addr_i;
      m_axi_arlen_o  <= fetch_ar_valid_i ? 8'(FetchBeats - 1) : load_ar_len_i;
    end
  end

  assign fetch_r_valid_o = m_axi_rvalid_i && fetch_q;
  assign fetch_r_data_o  = m_axi_rdata_i;
  assign fetch_r_last_o  = m_axi_rlast_i;
  assign fetch_r_err_o   = m_axi_rresp_i[1];
  assign load_r_valid_o  = m_axi_rvalid_i && load_q;
  assign load_r_data_o   = m_axi_rdata_i;
  assign load_r_last_o   = m_axi_rlast_i;
  assign load_r_resp_o   = m_axi_rresp_i;

endmodule
