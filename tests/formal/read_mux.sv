// SPDX-License-Identifier: Apache-2.0

/// The contract of systole_read_mux, by one burst, whichever: it leaves on AR once, as it was asked for, and all beats up to its last
/// go to the one who asked, after those of the bursts before it.
module read_mux #(
    parameter int AxiDataW = 256,
    parameter int AxiAddrW = 3,
    parameter int MaxReads = 3
) (
    input logic                clk_i,
    input logic                rst_ni,
    input logic                mark_i,
    input logic                fetch_ar_valid_i,
    input logic [AxiAddrW-1:0] fetch_ar_addr_i,
    input logic                load_ar_valid_i,
    input logic [AxiAddrW-1:0] load_ar_addr_i,
    input logic [         7:0] load_ar_len_i,
    input logic                load_r_ready_i,
    input logic                arready_i,
    input logic [AxiDataW-1:0] rdata_i,
    input logic [         1:0] rresp_i,
    input logic                rlast_i,
    input logic                rvalid_i
);

  localparam int CountW = $clog2(MaxReads + 2);

  logic fetch_ar_ready, load_ar_ready, fetch_r_valid, load_r_valid, fetch_r_last, load_r_last, fetch_r_err, quiet;
  logic arvalid, rready;
  logic [AxiAddrW-1:0] araddr;
  logic [7:0] arlen;
  logic [2:0] arsize;
  logic [1:0] arburst, load_r_resp;
  logic [AxiDataW-1:0] fetch_r_data, load_r_data;

  systole_read_mux #(.AxiDataW(AxiDataW), .AxiAddrW(AxiAddrW), .MaxReads(MaxReads)) u_mux (
      .clk_i, .rst_ni, .fetch_ar_valid_i, .fetch_ar_ready_o(fetch_ar_ready), .fetch_ar_addr_i, .fetch_r_valid_o(fetch_r_valid),
      .fetch_r_data_o(fetch_r_data), .fetch_r_last_o(fetch_r_last), .fetch_r_err_o(fetch_r_err), .load_ar_valid_i,
      .load_ar_ready_o(load_ar_ready), .load_ar_addr_i, .load_ar_len_i, .load_r_valid_o(load_r_valid), .load_r_ready_i,
      .load_r_data_o(load_r_data), .load_r_last_o(load_r_last), .load_r_resp_o(load_r_resp), .m_axi_arid_o(),
      .m_axi_araddr_o(araddr), .m_axi_arlen_o(arlen), .m_axi_arsize_o(arsize), .m_axi_arburst_o(arburst), .m_axi_arlock_o(),
      .m_axi_arcache_o(), .m_axi_arprot_o(), .m_axi_arqos_o(), .m_axi_arvalid_o(arvalid), .m_axi_arready_i(arready_i),
      .m_axi_rid_i(1'b0), .m_axi_rdata_i(rdata_i), .m_axi_rresp_i(rresp_i), .m_axi_rlast_i(rlast_i), .m_axi_rvalid_i(rvalid_i),
      .m_axi_rready_o(rready), .quiet_o(quiet)
  );

  logic past_q, marked_q, owner_q, take_fetch, take_load, last, settled_q;
  logic [CountW-1:0] asked_q, ahead_q;  // bursts between their request and their last beat; those before the marked one
  logic [AxiAddrW-1:0] addr_q;
  logic [7:0] len_q;

  initial past_q = 1'b0;
  assign take_fetch = fetch_ar_valid_i && fetch_ar_ready;
  assign take_load = load_ar_valid_i && load_ar_ready;
  assign last = rvalid_i && rready && rlast_i;

  always_comb begin
    assume (rst_ni == past_q);
    if (past_q && asked_q == CountW'(arvalid)) assume (!rvalid_i);  // data come only for bursts that were taken
  end

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!rst_ni) begin
      asked_q  <= '0;
      marked_q <= 1'b0;
    end else begin
      asked_q <= asked_q + CountW'(take_fetch || take_load) - CountW'(last);
      if (marked_q) begin
        if (last) ahead_q <= ahead_q - CountW'(1);
        if (last && ahead_q == '0) marked_q <= 1'b0;
      end else if (mark_i && (take_fetch || take_load)) begin
        marked_q <= 1'b1;
        ahead_q <= asked_q - CountW'(last);
        owner_q <= take_fetch;
      end
    end
    if (take_fetch || take_load) begin
      addr_q <= take_fetch ? fetch_ar_addr_i : load_ar_addr_i;
      len_q <= take_fetch ? 8'(64 / (AxiDataW / 8) - 1) : load_ar_len_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (past_q) begin
      assert (!(take_fetch && take_load));
      assert (!(take_load && fetch_ar_valid_i));  // a fetch goes first
      // AR: the request of the cycle before, or the one that waits, or none.
      assert (arburst == 2'b01 && arsize == 3'($clog2(AxiDataW / 8)));
      if (arvalid) assert (araddr == addr_q && arlen == len_q);
      if ($past(past_q)) begin
        assert (arvalid == $past(take_fetch || take_load || (arvalid && !arready_i)));
        if ($past(arvalid && !arready_i)) assert (!$past(take_fetch || take_load));
      end
      // R: never taken unasked; to its owner, and to nobody else.
      assert (asked_q <= CountW'(MaxReads) && quiet == (asked_q == '0));
      if (asked_q == '0) assert (!rready && !(fetch_r_valid || load_r_valid));
      assert (!(fetch_r_valid && load_r_valid));
      if (asked_q != '0) assert ((fetch_r_valid || load_r_valid) == rvalid_i);
      if (marked_q) assert (ahead_q < asked_q);
      if (marked_q && ahead_q == '0) begin
        assert (fetch_r_valid == (rvalid_i && owner_q) && load_r_valid == (rvalid_i && !owner_q));
        assert (rready == (owner_q || load_r_ready_i));
      end
      assert (fetch_r_data == rdata_i && load_r_data == rdata_i && load_r_last == rlast_i && fetch_r_last == rlast_i);
      assert (load_r_resp == rresp_i && fetch_r_err == rresp_i[1]);

      cover (asked_q == CountW'(MaxReads) && load_ar_valid_i && !load_ar_ready && !arvalid);  // as many under way as may be, one waits
      cover (arvalid && !arready_i && $past(arvalid && !arready_i));  // a request that waits
      cover (marked_q && ahead_q == '0 && last && owner_q && $past(load_r_valid && rlast_i));  // a record behind a load's last beat
      cover (load_r_valid && !rlast_i && load_r_ready_i && $past(load_r_valid && !load_r_ready_i));  // a beat that waited for the load
      cover (fetch_r_valid && fetch_r_err);  // an error response
      cover (quiet && $past(!quiet) && past_q);  // all is done
    end
  end

endmodule
