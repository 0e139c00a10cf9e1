// SPDX-License-Identifier: Apache-2.0

/// Requantisation parameters of C's columns: the banks SCALE (32 bits a column) and SHIFT (8 bits a column), ParamEntries
/// words of Cols columns each.
///
/// Load writes one chunk of `wr_data_i` at once: as many columns as 2*Rows bytes hold, or a whole word where that is less, from the
/// low end. A read takes the EpLanes columns of group `rd_group_i` of entry `rd_entry_i` from both banks; `scale_o` and
/// `shift_o` follow `re_i` by one cycle and hold until the next read. Contents are undefined until load has written them.
/// guard: {shift, scale}, see systole_parity_ram.
module systole_params #(
    parameter int Rows = 16,
    parameter int Cols = 16,
    parameter int ParamEntries = 64,
    parameter int EpLanes = 8,
    parameter int Parity = 0,
    parameter int ParamW = $clog2(ParamEntries),
    parameter int GroupW = Cols > EpLanes ? $clog2(Cols / EpLanes) : 1
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [          47:0] guard_i,
    output logic [          47:0] guard_o,
    // load's write port
    input  logic                  wr_scale_i,
    input  logic                  wr_shift_i,
    input  logic [    ParamW-1:0] wr_entry_i,
    input  logic [           5:0] wr_chunk_i,
    input  logic [   Rows*16-1:0] wr_data_i,
    // read
    input  logic                  re_i,
    input  logic [    ParamW-1:0] rd_entry_i,
    input  logic [    GroupW-1:0] rd_group_i,
    output logic [EpLanes*32-1:0] scale_o,
    output logic [ EpLanes*8-1:0] shift_o
);

  localparam int Groups = Cols / EpLanes;
  // Columns that a chunk holds, and those of them that one memory holds: a chunk may span groups, a group may span chunks.
  localparam int ScaleChunk = Rows / 2 < Cols ? Rows / 2 : Cols;
  localparam int ShiftChunk = 2 * Rows < Cols ? 2 * Rows : Cols;
  localparam int ScaleUnit = ScaleChunk < EpLanes ? ScaleChunk : EpLanes;
  localparam int ShiftUnit = ShiftChunk < EpLanes ? ShiftChunk : EpLanes;

  logic [Cols*32-1:0] scales;
  logic [ Cols*8-1:0] shifts;
  logic [Cols/ScaleUnit*24-1:0] scale_guards;
  logic [Cols/ShiftUnit*24-1:0] shift_guards;

  for (genvar u = 0; u < Cols / ScaleUnit; u++) begin : gen_scale
    systole_parity_ram #(
        .W(ScaleUnit * 32),
        .Depth(ParamEntries),
        .Parity(Parity),
        .Bank(u)
    ) u_ram (
        .clk_i  (clk_i),
        .rst_ni (rst_ni),
        .guard_i(guard_i[23:0]),
        .guard_o(scale_guards[u*24+:24]),
        .we_i   (wr_scale_i && wr_chunk_i == 6'(u * ScaleUnit / ScaleChunk)),
        .waddr_i(wr_entry_i),
        .wdata_i(wr_data_i[(u*ScaleUnit%ScaleChunk)*32+:ScaleUnit*32]),
        .re_i   (re_i && rd_group_i == GroupW'(u * ScaleUnit / EpLanes)),
        .raddr_i(rd_entry_i),
        .rdata_o(scales[u*ScaleUnit*32+:ScaleUnit*32])
    );
  end

  for (genvar u = 0; u < Cols / ShiftUnit; u++) begin : gen_shift
    systole_parity_ram #(
        .W(ShiftUnit * 8),
        .Depth(ParamEntries),
        .Parity(Parity),
        .Bank(u)
    ) u_ram (
        .clk_i  (clk_i),
        .rst_ni (rst_ni),
        .guard_i(guard_i[47:24]),
        .guard_o(shift_guards[u*24+:24]),
        .we_i   (wr_shift_i && wr_chunk_i == 6'(u * ShiftUnit / ShiftChunk)),
        .waddr_i(wr_entry_i),
        .wdata_i(wr_data_i[(u*ShiftUnit%ShiftChunk)*8+:ShiftUnit*8]),
        .re_i   (re_i && rd_group_i == GroupW'(u * ShiftUnit / EpLanes)),
        .raddr_i(rd_entry_i),
        .rdata_o(shifts[u*ShiftUnit*8+:ShiftUnit*8])
    );
  end

  systole_guard_merge #(
      .N(Cols / ScaleUnit),
      .Parity(Parity)
  ) u_scale_guard (
      .clk_i,
      .rst_ni,
      .guard_i(scale_guards),
      .guard_o(guard_o[23:0])
  );

  systole_guard_merge #(
      .N(Cols / ShiftUnit),
      .Parity(Parity)
  ) u_shift_guard (
      .clk_i,
      .rst_ni,
      .guard_i(shift_guards),
      .guard_o(guard_o[47:24])
  );

  if (Groups == 1) begin : gen_one_group
    assign scale_o = scales;
    assign shift_o = shifts;
  end else begin : gen_groups
    logic [GroupW-1:0] group_q;

    always_ff @(posedge clk_i) begin
      if (re_i) group_q <= rd_group_i;
    end

    assign scale_o = scales[group_q*(EpLanes*32)+:EpLanes*32];
    assign shift_o = shifts[group_q*(EpLanes*8)+:EpLanes*8];
  end

  logic unused;
  assign unused = ^wr_data_i;  // a word may be narrower than a chunk

endmodule
