// SPDX-License-Identifier: Apache-2.0

/// The machine in four states: every memory and every register starts X, and so is every input while nothing makes it valid, every byte
/// of memory that holds no operand, every lane of a beat that was not asked for. After reset no output may ever be X:
///
/// - irq_o, all valids and readys, and the outputs that are constants: never;
/// - addresses and lengths, responses, read data of registers, WSTRB and WLAST: while their valid is 1; they are not reset;
/// - a lane of WDATA: while WVALID and its strobe are 1. The other lanes hold what the array made of columns that nobody wants.
///
/// +folder: memory.hex, expected.hex; +records: how many of them to ring for. The two products run, then a soft reset comes, and they run
/// again. Says PASS, or what is wrong.
module xrun_tb;
  parameter int Rows = 4;
  parameter int Cols = 4;
  parameter int AxiDataW = 32;
  parameter int Fp = 0;
  localparam int AxiAddrW = 40;
  localparam int Bytes = AxiDataW / 8;
  localparam int MemBytes = 65536;
  localparam logic [AxiAddrW-1:0] BASE = 40'h12_0000_0000;
  localparam int Limit = 5000;

  logic clk, rst_n;
  logic irq;
  logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [11:0] awaddr, araddr;
  logic [31:0] wdata, rdata;
  logic [3:0] wstrb;
  logic [1:0] bresp, rresp;
  logic m_awid, m_awlock, m_awvalid, m_awready, m_wlast, m_wvalid, m_wready, m_bid, m_bvalid, m_bready;
  logic m_arid, m_arlock, m_arvalid, m_arready, m_rid, m_rlast, m_rvalid, m_rready;
  logic [AxiAddrW-1:0] m_awaddr, m_araddr;
  logic [7:0] m_awlen, m_arlen;
  logic [2:0] m_awsize, m_arsize, m_awprot, m_arprot;
  logic [1:0] m_awburst, m_arburst, m_bresp, m_rresp;
  logic [3:0] m_awcache, m_awqos, m_arcache, m_arqos;
  logic [AxiDataW-1:0] m_wdata, m_rdata;
  logic [Bytes-1:0] m_wstrb;

  systole #(
      .Rows(Rows),
      .Cols(Cols),
      .AxiDataW(AxiDataW),
      .AxiAddrW(AxiAddrW),
      .Fp(Fp)
  ) u_dut (
      .clk_i(clk), .rst_ni(rst_n), .irq_o(irq),
      .s_axil_awvalid_i(awvalid), .s_axil_awready_o(awready), .s_axil_awaddr_i(awaddr),
      .s_axil_wvalid_i(wvalid), .s_axil_wready_o(wready), .s_axil_wdata_i(wdata), .s_axil_wstrb_i(wstrb),
      .s_axil_bvalid_o(bvalid), .s_axil_bready_i(bready), .s_axil_bresp_o(bresp),
      .s_axil_arvalid_i(arvalid), .s_axil_arready_o(arready), .s_axil_araddr_i(araddr),
      .s_axil_rvalid_o(rvalid), .s_axil_rready_i(rready), .s_axil_rdata_o(rdata), .s_axil_rresp_o(rresp),
      .m_axi_awid_o(m_awid), .m_axi_awaddr_o(m_awaddr), .m_axi_awlen_o(m_awlen), .m_axi_awsize_o(m_awsize),
      .m_axi_awburst_o(m_awburst), .m_axi_awlock_o(m_awlock), .m_axi_awcache_o(m_awcache), .m_axi_awprot_o(m_awprot),
      .m_axi_awqos_o(m_awqos), .m_axi_awvalid_o(m_awvalid), .m_axi_awready_i(m_awready),
      .m_axi_wdata_o(m_wdata), .m_axi_wstrb_o(m_wstrb), .m_axi_wlast_o(m_wlast), .m_axi_wvalid_o(m_wvalid),
      .m_axi_wready_i(m_wready),
      .m_axi_bid_i(m_bid), .m_axi_bresp_i(m_bresp), .m_axi_bvalid_i(m_bvalid), .m_axi_bready_o(m_bready),
      .m_axi_arid_o(m_arid), .m_axi_araddr_o(m_araddr), .m_axi_arlen_o(m_arlen), .m_axi_arsize_o(m_arsize),
      .m_axi_arburst_o(m_arburst), .m_axi_arlock_o(m_arlock), .m_axi_arcache_o(m_arcache), .m_axi_arprot_o(m_arprot),
      .m_axi_arqos_o(m_arqos), .m_axi_arvalid_o(m_arvalid), .m_axi_arready_i(m_arready),
      .m_axi_rid_i(m_rid), .m_axi_rdata_i(m_rdata), .m_axi_rresp_i(m_rresp), .m_axi_rlast_i(m_rlast),
      .m_axi_rvalid_i(m_rvalid), .m_axi_rready_o(m_rready)
  );

  initial begin
    clk = 1'b0;
    forever #5 clk = !clk;
  end

  integer cycle, checked;

  task fail(input [8*48-1:0] what);
    begin
      $display("FAIL: cycle %0d: %0s", cycle, what);
      $finish;
    end
  endtask

  // --- no X on any output -------------------------------------------------------------------------------------------------------
  task known(input bit_is_x, input [8*48-1:0] name);
    begin
      checked = checked + 1;
      if (bit_is_x === 1'bx) begin
        $display("FAIL: cycle %0d: X on %0s", cycle, name);
        $finish;
      end
    end
  endtask

  // Outputs before the edge: what the other side takes with it.
  always @(posedge clk) begin
    cycle = cycle + 1;
    if (rst_n) begin
      known(irq, "irq_o");
      known(awready, "s_axil_awready_o");
      known(wready, "s_axil_wready_o");
      known(bvalid, "s_axil_bvalid_o");
      known(arready, "s_axil_arready_o");
      known(rvalid, "s_axil_rvalid_o");
      known(m_awvalid, "m_axi_awvalid_o");
      known(m_wvalid, "m_axi_wvalid_o");
      known(m_bready, "m_axi_bready_o");
      known(m_arvalid, "m_axi_arvalid_o");
      known(m_rready, "m_axi_rready_o");
      known(^{m_awid, m_awsize, m_awburst, m_awlock, m_awcache, m_awprot, m_awqos}, "the constants of AW");
      known(^{m_arid, m_arsize, m_arburst, m_arlock, m_arcache, m_arprot, m_arqos}, "the constants of AR");
      if (bvalid) known(^bresp, "s_axil_bresp_o");
      if (rvalid) known(^{rdata, rresp}, "s_axil_rdata_o or s_axil_rresp_o");
      if (m_awvalid) known(^{m_awaddr, m_awlen}, "m_axi_awaddr_o or m_axi_awlen_o");
      if (m_arvalid) known(^{m_araddr, m_arlen}, "m_axi_araddr_o or m_axi_arlen_o");
      if (m_wvalid) begin
        known(^{m_wstrb, m_wlast}, "m_axi_wstrb_o or m_axi_wlast_o");
        for (int lane = 0; lane < Bytes; lane++) if (m_wstrb[lane]) known(^m_wdata[8*lane +: 8], "a lane of m_axi_wdata_o with its strobe");
      end
    end
  end

  // --- memory ---------------------------------------------------------------------------------------------------------------------
  logic [7:0] mem [0:MemBytes-1];
  logic [7:0] expected [0:MemBytes-1];
  logic [AxiAddrW-1:0] ar_addr [0:15], aw_addr [0:15];
  logic [7:0] ar_len [0:15], aw_len [0:15];
  integer ar_head, ar_tail, aw_head, aw_tail, b_left, read_beat, write_beat;
  logic [31:0] noise;  // stalls
  logic [AxiAddrW-1:0] first, word;

  function [31:0] next_noise(input [31:0] value);
    next_noise = {value[30:0], value[31] ^ value[21] ^ value[1] ^ value[0]};
  endfunction

  task outside(input [AxiAddrW-1:0] address);
    if (address < BASE || address >= BASE + MemBytes) fail("an address outside the memory");
  endtask

  initial begin
    ar_head = 0;
    ar_tail = 0;
    aw_head = 0;
    aw_tail = 0;
    b_left = 0;
    read_beat = 0;
    write_beat = 0;
    noise = 32'hACE1;
    m_arready = 1'b0;
    m_awready = 1'b0;
    m_wready = 1'b0;
    m_rvalid = 1'b0;
    m_bvalid = 1'b0;
  end

  always @(posedge clk) begin
    noise = next_noise(noise);
    if (rst_n) begin
      if (m_arvalid && m_arready) begin
        outside(m_araddr);
        ar_addr[ar_tail % 16] = m_araddr;
        ar_len[ar_tail % 16] = m_arlen;
        ar_tail = ar_tail + 1;
      end
      if (m_rvalid && m_rready) begin
        if (read_beat == 32'(ar_len[ar_head % 16])) begin
          read_beat = 0;
          ar_head = ar_head + 1;
        end else read_beat = read_beat + 1;
      end
      if (m_awvalid && m_awready) begin
        outside(m_awaddr);
        aw_addr[aw_tail % 16] = m_awaddr;
        aw_len[aw_tail % 16] = m_awlen;
        aw_tail = aw_tail + 1;
      end
      if (m_wvalid && m_wready) begin
        first = aw_addr[aw_head % 16] - BASE;
        word = (first & ~40'(Bytes - 1)) + 40'(write_beat * Bytes);
        for (int lane = 0; lane < Bytes; lane++) if (m_wstrb[lane]) mem[16'(word) + 16'(lane)] = m_wdata[8*lane +: 8];
        if (m_wlast !== (write_beat == 32'(aw_len[aw_head % 16]))) fail("WLAST");
        if (m_wlast) begin
          write_beat = 0;
          aw_head = aw_head + 1;
          b_left = b_left + 1;
        end else write_beat = write_beat + 1;
      end
      if (m_bvalid && m_bready) b_left = b_left - 1;
    end
    // What the memory drives in the next cycle; X where nothing is offered.
    m_arready <= ar_tail - ar_head < 8 && noise[0];
    m_awready <= aw_tail - aw_head < 8 && noise[1];
    m_wready <= 1'b0;
    if (aw_tail != aw_head) m_wready <= noise[2] || noise[5];
    if (!(m_rvalid && !m_rready)) begin
      m_rvalid <= 1'b0;
      m_rid <= 1'bx;
      m_rresp <= 2'bxx;
      m_rlast <= 1'bx;
      m_rdata <= 'x;
      if (ar_tail != ar_head && (noise[3] || noise[7])) begin
        first = ar_addr[ar_head % 16] - BASE;
        word = (first & ~40'(Bytes - 1)) + 40'(read_beat * Bytes);
        m_rvalid <= 1'b1;
        m_rid <= 1'b0;
        m_rresp <= 2'b00;
        m_rlast <= read_beat == 32'(ar_len[ar_head % 16]);
        for (int lane = 0; lane < Bytes; lane++)
          m_rdata[8*lane +: 8] <= 40'(word) + 40'(lane) < first ? 8'hxx : mem[16'(word) + 16'(lane)];
      end
    end
    if (!(m_bvalid && !m_bready)) begin
      m_bvalid <= b_left > 0 && noise[4];
      m_bid <= b_left > 0 && noise[4] ? 1'b0 : 1'bx;
      m_bresp <= b_left > 0 && noise[4] ? 2'b00 : 2'bxx;
    end
  end

  // --- the host ---------------------------------------------------------------------------------------------------------------------
  integer waited;

  task idle_write;
    begin
      awvalid <= 1'b0;
      awaddr <= 12'hxxx;
      wvalid <= 1'b0;
      wdata <= 'x;
      wstrb <= 4'bxxxx;
    end
  endtask

  task write(input [11:0] address, input [31:0] data);
    begin
      awvalid <= 1'b1;
      awaddr <= address;
      wvalid <= 1'b1;
      wdata <= data;
      wstrb <= 4'b1111;
      @(posedge clk);
      while (!(awready && wready)) @(posedge clk);  // both, in this machine: it takes them in the same cycle
      idle_write;
      @(posedge clk);
      while (!bvalid) @(posedge clk);
      if (bresp !== 2'b00) fail("a register write was refused");
    end
  endtask

  logic [31:0] value;

  task read(input [11:0] address, input answers);
    begin
      arvalid <= 1'b1;
      araddr <= address;
      @(posedge clk);
      while (!arready) @(posedge clk);
      arvalid <= 1'b0;
      araddr <= 12'hxxx;
      @(posedge clk);
      while (!rvalid) @(posedge clk);
      value = rdata;
      if (answers && rresp !== 2'b00) fail("a register read was refused");
    end
  endtask

  task read_all;
    for (int i = 0; i < 128; i++) read(12'(4 * i), 1'b0);
  endtask

  task expect_register(input [11:0] address, input [31:0] wanted, input [8*48-1:0] name);
    begin
      read(address, 1'b1);
      if (value !== wanted) begin
        $display("FAIL: cycle %0d: %0s is %h, not %h", cycle, name, value, wanted);
        $finish;
      end
    end
  endtask

  integer wrong, compared;

  task job(input [31:0] records);
    begin
      for (int i = 0; i < MemBytes; i++) if (^expected[i] !== 1'bx) mem[i] = 8'hxx;
      write(systole_pkg::REG_RING_TAIL_OFFSET, records);
      waited = 0;
      while (irq !== 1'b1) begin
        @(posedge clk);
        waited = waited + 1;
        if (waited == Limit) fail("no interrupt");
      end
      expect_register(systole_pkg::REG_STATUS_OFFSET, 32'd4, "STATUS");
      expect_register(systole_pkg::REG_ERROR_CODE_OFFSET, 32'd0, "ERROR_CODE");
      expect_register(systole_pkg::REG_RING_HEAD_OFFSET, records, "RING_HEAD");
      expect_register(systole_pkg::REG_IRQ_STATUS_OFFSET, 32'd1, "IRQ_STATUS");
      wrong = 0;
      compared = 0;
      for (int i = 0; i < MemBytes; i++) if (^expected[i] !== 1'bx) begin
        compared = compared + 1;
        if (mem[i] !== expected[i]) begin
          if (wrong == 0) $display("byte %h is %h, not %h", i, mem[i], expected[i]);
          wrong = wrong + 1;
        end
      end
      if (wrong != 0 || compared == 0) fail("C is wrong");
      write(systole_pkg::REG_COUNTER_CTRL_OFFSET, 32'd1);
      read_all;
      write(systole_pkg::REG_IRQ_STATUS_OFFSET, 32'd3);
    end
  endtask

  reg [8*256-1:0] folder;
  reg [31:0] records;

  initial begin
    cycle = 0;
    checked = 0;
    if (!$value$plusargs("folder=%s", folder) || !$value$plusargs("records=%d", records)) fail("+folder and +records are needed");
    $readmemh({folder, "/memory.hex"}, mem);
    $readmemh({folder, "/expected.hex"}, expected);
    idle_write;
    bready <= 1'b1;
    arvalid <= 1'b0;
    araddr <= 12'hxxx;
    rready <= 1'b1;
    rst_n <= 1'b0;
    repeat (4) @(posedge clk);  // as few as docs/integration.md allows
    rst_n <= 1'b1;
    @(posedge clk);
    read_all;
    write(systole_pkg::REG_RING_BASE_LO_OFFSET, BASE[31:0]);
    write(systole_pkg::REG_RING_BASE_HI_OFFSET, 32'(BASE >> 32));
    write(systole_pkg::REG_RING_SIZE_OFFSET, 32'd6);
    write(systole_pkg::REG_IRQ_ENABLE_OFFSET, 32'd3);
    write(systole_pkg::REG_CTRL_OFFSET, 32'd1);
    job(records);
    write(systole_pkg::REG_CTRL_OFFSET, 32'd3);
    value = 32'd2;
    while (value[1]) read(systole_pkg::REG_CTRL_OFFSET, 1'b1);
    read_all;
    job(records);
    $display("PASS: %0d cycles, %0d times an output was looked at, %0d bytes of C exact, twice", cycle, checked, compared);
    $finish;
  end

endmodule
