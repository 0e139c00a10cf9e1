// SPDX-License-Identifier: Apache-2.0

/// Accumulator buffer and bias bank: two halves of AccRows x Cols 32-bit sums, one bank a column in each half, read at the top of
/// the array and written at its bottom; and ParamEntries x Cols 32-bit seeds.
///
/// The array's row is described by `row_i` … `last_i` P cycles after row 0's activation bank is addressed (docs/architecture.md, Timing);
/// column c's banks are addressed c cycles after that. `psum_o` of column c follows by 2 + c cycles, `psum_i` is taken L*Rows cycles after that. `acc_full_o`
/// and `done_o` pulse in the cycle in which the last column writes the row that carried `acc_full_i`/`last_i`; a read of it
/// may come in the next cycle.
///
/// Load writes one chunk of `wr_data_i` (WB bytes, or a whole word where that is less), to the accumulators when `wr_ready_o`, to the bias
/// bank at once. The store engine reads `EpLanes` columns; the data follows the accepted request by two cycles. Both give way to the
/// array, bank by bank. guard: {bias bank, accumulators}, see systole_parity_ram.
module systole_accumulators #(
  parameter int Rows         = 16,
  parameter int Cols         = 16,
  parameter int AccRows      = 1024,
  parameter int ParamEntries = 64,
  parameter int EpLanes      = 8,
  parameter int L            = 4,
  parameter int Parity       = 0,
  parameter int RowW         = $clog2(2 * AccRows),
  parameter int ParamW       = $clog2(ParamEntries)
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic [47:0]           guard_i,
  output logic [47:0]           guard_o,

  input  logic                  row_i,
  input  logic [RowW-1:0]       acc_row_i,    // {half, row}
  input  logic                  acc_read_i,
  input  logic                  bias_read_i,
  input  logic [ParamW-1:0]     param_i,
  input  logic                  acc_full_i,
  input  logic                  last_i,
  output logic [Cols*32-1:0]    psum_o,
  input  logic [Cols*32-1:0]    psum_i,
  output logic                  acc_full_o,
  output logic                  done_o,

  input  logic                  wr_acc_i,
  input  logic                  wr_bias_i,
  output logic                  wr_ready_o,
  input  logic [15:0]           wr_addr_i,
  input  logic [5:0]            wr_chunk_i,
  input  logic [Rows*16-1:0]    wr_data_i,

  input  logic                  rd_valid_i,
  output logic                  rd_ready_o,
  input  logic [15:0]           rd_addr_i,    // {half, row}
  input  logic [5:0]            rd_group_i,
  output logic [EpLanes*32-1:0] rd_data_o
);

  localparam int AddrW    = RowW - 1;
  localparam int ChunkMax = Rows / 2;  // columns that WB bytes hold
  localparam int Chunk    = (ChunkMax < Cols) ? ChunkMax : Cols;
  localparam int Groups   = Cols / EpLanes;
  localparam int RdW      = 2 + RowW + ParamW;
  localparam int WrW      = 3 + RowW;

  // --- the array's side: control of column 0, one column a cycle --------------------------------------------------------------
  logic [Cols*RdW-1:0] rd;
  logic [2*WrW-1:0]        bottom;
  logic [(Cols+1)*WrW-1:0] wr_early;  // with the cycle before column 0's
  logic [Cols*WrW-1:0]     wr;

  systole_taps #(.W(RdW), .N(Cols), .Step(1)) u_rd (
    .clk_i,
    .rst_ni,
    .d_i   ({acc_read_i, bias_read_i, acc_row_i, param_i}),
    .taps_o(rd)
  );

  systole_taps #(.W(WrW), .N(2), .Step(1 + L*Rows)) u_depth (
    .clk_i,
    .rst_ni,
    .d_i   ({acc_full_i, last_i, row_i, acc_row_i}),
    .taps_o(bottom)
  );

  systole_taps #(.W(WrW), .N(Cols + 1), .Step(1)) u_wr (
    .clk_i,
    .rst_ni,
    .d_i   (bottom[WrW +: WrW]),
    .taps_o(wr_early)
  );

  assign wr = wr_early[WrW +: Cols*WrW];

  assign acc_full_o = wr[(Cols-1)*WrW + RowW + 2];
  assign done_o     = wr[(Cols-1)*WrW + RowW + 1];

  // --- load and store: what the array leaves free ---------------------------------------------------------------------------
  localparam int Chunks = Cols / Chunk;

  logic [Cols-1:0]    load_cols, store_cols;
  logic [1:0]         rd0;                // column 0 reads from each half
  logic [Cols-1:0]    rd_next0, rd_next1;  // in the next cycle a column other than 0 reads: half 0, 1
  logic [Cols-1:0]    wr_next0, wr_next1;  // a column writes
  logic [2*Groups-1:0] rd_busy_q;         // {half 1, half 0}, by group; without column 0
  logic [2*Chunks-1:0] wr_busy_q;         // by chunk
  logic               wr_half, rd_half, rd_half_q, wr_accept;
  logic [5:0]         rd_group_q, rd_group_q2;
  logic [Cols*32-1:0] word;
  logic [Cols*48-1:0] acc_guards;   // {half 1, half 0}, by column
  logic [Cols*24-1:0] bias_guards;

  assign wr_half    = wr_addr_i[AddrW];
  assign rd_half    = rd_addr_i[AddrW];
  assign rd0        = rd[RowW + ParamW + 1] ? {rd[ParamW + AddrW], !rd[ParamW + AddrW]} : 2'b00;

  // Which banks the array takes is known a cycle ahead, but for column 0's reads.
  always_comb begin
    wr_ready_o = 1'b1;
    rd_ready_o = 1'b1;
    for (int i = 0; i < Chunks; i++) if (wr_chunk_i == 6'(i) && wr_busy_q[32'(wr_half)*Chunks + i]) wr_ready_o = 1'b0;
    for (int i = 0; i < Groups; i++) if (rd_group_i == 6'(i) && rd_busy_q[32'(rd_half)*Groups + i]) rd_ready_o = 1'b0;
    if (rd_group_i == '0 && rd0[rd_half]) rd_ready_o = 1'b0;
  end

  for (genvar i = 0; i < Chunks; i++) begin : gen_wr_busy
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        {wr_busy_q[Chunks + i], wr_busy_q[i]} <= 2'b00;
      end else begin
        wr_busy_q[i]          <= wr_next0[i*Chunk +: Chunk] != '0;
        wr_busy_q[Chunks + i] <= wr_next1[i*Chunk +: Chunk] != '0;
      end
    end
  end

  for (genvar i = 0; i < Groups; i++) begin : gen_rd_busy
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        {rd_busy_q[Groups + i], rd_busy_q[i]} <= 2'b00;
      end else begin
        rd_busy_q[i]          <= rd_next0[i*EpLanes +: EpLanes] != '0;
        rd_busy_q[Groups + i] <= rd_next1[i*EpLanes +: EpLanes] != '0;
      end
    end
  end

  assign wr_accept  = wr_acc_i && wr_ready_o;

  // A request that has to wait reads what it can; only the data of one that was accepted are meant.
  always_ff @(posedge clk_i) begin
    if (rd_valid_i) begin
      rd_half_q  <= rd_half;
      rd_group_q <= rd_group_i;
    end
    rd_group_q2 <= rd_group_q;
  end

  if (Groups == 1) begin : gen_one_group
    assign rd_data_o = word;
  end else begin : gen_groups
    assign rd_data_o = word[rd_group_q2[$clog2(Groups)-1:0]*(EpLanes*32) +: EpLanes*32];
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic              acc_read, bias_read, write, half_q, acc_q, bias_q;
    logic [RowW-1:0]   rd_row, wr_row;
    logic [ParamW-1:0] param;
    logic [31:0]       acc0, acc1, bias, seed_q, word_q, load_data;

    assign acc_read  = rd[c*RdW + RowW + ParamW + 1];
    assign bias_read = rd[c*RdW + RowW + ParamW];
    assign rd_row    = rd[c*RdW + ParamW +: RowW];
    assign param     = rd[c*RdW +: ParamW];
    assign write     = wr[c*WrW + RowW];
    assign wr_row    = wr[c*WrW +: RowW];
    assign load_data = wr_data_i[(c % Chunk)*32 +: 32];

    assign load_cols[c]     = wr_chunk_i == 6'(c / Chunk);
    assign store_cols[c]    = rd_group_i == 6'(c / EpLanes);
    assign wr_next0[c]      = wr_early[c*WrW + RowW] && !wr_early[c*WrW + AddrW];
    assign wr_next1[c]      = wr_early[c*WrW + RowW] && wr_early[c*WrW + AddrW];

    if (c == 0) begin : gen_first
      assign {rd_next1[c], rd_next0[c]} = 2'b00;
    end else begin : gen_behind
      assign rd_next0[c] = rd[(c-1)*RdW + RowW + ParamW + 1] && !rd[(c-1)*RdW + ParamW + AddrW];
      assign rd_next1[c] = rd[(c-1)*RdW + RowW + ParamW + 1] && rd[(c-1)*RdW + ParamW + AddrW];
    end

    systole_parity_ram #(.W(32), .Depth(AccRows), .Parity(Parity), .Bank(c)) u_half0 (
      .clk_i,
      .rst_ni,
      .guard_i(guard_i[23:0]),
      .guard_o(acc_guards[c*48 +: 24]),
      .we_i   ((write && !wr_row[AddrW]) || (wr_accept && !wr_half && load_cols[c])),
      .waddr_i((write && !wr_row[AddrW]) ? wr_row[AddrW-1:0] : wr_addr_i[AddrW-1:0]),
      .wdata_i((write && !wr_row[AddrW]) ? psum_i[c*32 +: 32] : load_data),
      .re_i   ((acc_read && !rd_row[AddrW]) || (rd_valid_i && !rd_half && store_cols[c])),
      .raddr_i((acc_read && !rd_row[AddrW]) ? rd_row[AddrW-1:0] : rd_addr_i[AddrW-1:0]),
      .rdata_o(acc0)
    );

    systole_parity_ram #(.W(32), .Depth(AccRows), .Parity(Parity), .Bank(c), .First(AccRows)) u_half1 (
      .clk_i,
      .rst_ni,
      .guard_i(guard_i[23:0]),
      .guard_o(acc_guards[c*48 + 24 +: 24]),
      .we_i   ((write && wr_row[AddrW]) || (wr_accept && wr_half && load_cols[c])),
      .waddr_i((write && wr_row[AddrW]) ? wr_row[AddrW-1:0] : wr_addr_i[AddrW-1:0]),
      .wdata_i((write && wr_row[AddrW]) ? psum_i[c*32 +: 32] : load_data),
      .re_i   ((acc_read && rd_row[AddrW]) || (rd_valid_i && rd_half && store_cols[c])),
      .raddr_i((acc_read && rd_row[AddrW]) ? rd_row[AddrW-1:0] : rd_addr_i[AddrW-1:0]),
      .rdata_o(acc1)
    );

    systole_parity_ram #(.W(32), .Depth(ParamEntries), .Parity(Parity), .Bank(c)) u_bias (
      .clk_i,
      .rst_ni,
      .guard_i(guard_i[47:24]),
      .guard_o(bias_guards[c*24 +: 24]),
      .we_i   (wr_bias_i && load_cols[c]),
      .waddr_i(wr_addr_i[ParamW-1:0]),
      .wdata_i(load_data),
      .re_i   (bias_read),
      .raddr_i(param),
      .rdata_o(bias)
    );

    always_ff @(posedge clk_i) begin
      half_q <= rd_row[AddrW];
      acc_q  <= acc_read;
      bias_q <= bias_read;
      if (acc_q)       seed_q <= half_q ? acc1 : acc0;
      else if (bias_q) seed_q <= bias;
      else             seed_q <= '0;
      word_q <= rd_half_q ? acc1 : acc0;  // beside its banks: a block RAM's output is late
    end

    assign psum_o[c*32 +: 32] = seed_q;
    assign word[c*32 +: 32]   = word_q;
  end

  systole_guard_merge #(.N(2 * Cols), .Parity(Parity)) u_acc_guard (
    .clk_i,
    .rst_ni,
    .guard_i(acc_guards),
    .guard_o(guard_o[23:0])
  );

  systole_guard_merge #(.N(Cols), .Parity(Parity)) u_bias_guard (
    .clk_i,
    .rst_ni,
    .guard_i(bias_guards),
    .guard_o(guard_o[47:24])
  );

  logic unused;
  assign unused = &{1'b0, wr_addr_i, wr_data_i, rd_addr_i, bottom[WrW-1:0], rd_group_q2};

endmodule
