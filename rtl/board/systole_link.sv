// SPDX-License-Identifier: Apache-2.0

/// The host link (docs/link.md): takes requests from a byte stream, carries them out one at a time, answers each.
///
/// A request's data lie in a buffer of `MaxData` bytes until its CRC has been found right; then every access is made, then the reply is sent,
/// with the data read in the same buffer. Bytes that arrive from the end of a request to the last byte of its reply are dropped, and
/// everything after them up to an END. `rx_valid_i` must leave eleven cycles between bytes (a UART leaves eighty).
///
/// Accesses: `req_valid_o` with its payload holds until the one cycle of `rsp_valid_i`; one at a time. `req_mem_o`: of memory, `DataW` bits at
/// `req_addr_o` rounded down to them, else of a register, 32 bits in the low lanes, address rounded down to 4. The byte
/// order is little-endian; `req_wstrb_o` names the bytes to write. `rsp_resp_i` as in AXI.
///
/// `active_o` is high from the end of a request to the end of its reply, `refused_o` for a cycle when a request's status is not 0.
module systole_link #(
  parameter int DataW   = 32,   // 32 to 512
  parameter int MaxData = 1024  // bytes, a power of two
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // bytes from and to the UART
  input  logic               rx_valid_i,
  input  logic [7:0]         rx_data_i,
  input  logic               rx_error_i,
  output logic               tx_valid_o,
  input  logic               tx_ready_i,
  output logic [7:0]         tx_data_o,
  // accesses
  output logic               req_valid_o,
  output logic               req_mem_o,
  output logic               req_write_o,
  output logic [31:0]        req_addr_o,
  output logic [DataW-1:0]   req_wdata_o,
  output logic [DataW/8-1:0] req_wstrb_o,
  input  logic               rsp_valid_i,
  input  logic [DataW-1:0]   rsp_rdata_i,
  input  logic [1:0]         rsp_resp_i,
  // status
  output logic               active_o,
  output logic               refused_o
);

  localparam int Lanes = DataW / 8;
  localparam int LaneW = $clog2(Lanes);
  localparam int IndexW = $clog2(MaxData);
  localparam int CountW = IndexW + 2;  // from -8 (nothing yet) to MaxData + 4

  localparam logic [7:0] OK = 8'd0, BAD_FRAME = 8'd1, BAD_OP = 8'd2, BAD_LENGTH = 8'd3, SLV_ERR = 8'd4, DEC_ERR = 8'd5;

  enum logic [3:0] {
    RECEIVE,                                     // up to an END after something
    CHECK, COMPARE, DECIDE,                      // is it a request?
    FETCH, PUT, ACCESS, TAKE,                    // carry it out: byte from the buffer, byte into the beat, the beat, byte to the buffer
    OPEN, HEADER, LOAD, COPY, DATA, SEAL, TAIL, CLOSE  // reply: two END, four bytes, data (two cycles to read each), (copy the) CRC, two END
  } state_q;

  logic        byte_valid, byte_end, byte_spoil;
  logic [7:0]  byte_data;
  logic        crc_clear, crc_valid, crc_busy, crc_good;
  logic [7:0]  crc_data;
  logic [31:0] crc;
  logic        out_valid, out_ready, out_end, out_take;
  logic [7:0]  out_data;

  logic               spoiled_q;
  logic [CountW-1:0]  count_q;  // data bytes so far; negative in the header
  logic [31:0]        head_q;   // op, seq, len; the first bytes of a reply; its CRC
  logic [31:0]        addr_q;
  logic [DataW-1:0]   beat_q;
  logic [Lanes-1:0]   strobe_q;
  logic [IndexW-1:0]  last_q;   // index of the last data byte
  logic               has_data_q;  // the reply has data
  logic               twice_q;  // the first of two END has gone
  logic [1:0]         left_q;   // bytes of a reply's header or CRC after this one
  logic               write_q, mem_q, bad_frame_q, bad_op_q, bad_length_q, bad_size_q;
  logic [7:0]         status;

  logic [LaneW-1:0]   lane;
  logic               last_lane, last_byte;
  logic               buffer_we, buffer_re;
  logic [7:0]         buffer_in, buffer_out;
  logic [7:0]         byte_q;  // buffer_out a cycle later: a RAM's output comes late in its cycle

  systole_link_rx u_rx (
    .clk_i,
    .rst_ni,
    .listen_i(!active_o),
    .valid_i (rx_valid_i),
    .data_i  (rx_data_i),
    .error_i (rx_error_i),
    .valid_o (byte_valid),
    .byte_o  (byte_data),
    .end_o   (byte_end),
    .spoil_o (byte_spoil)
  );

  systole_crc32 u_crc (
    .clk_i,
    .rst_ni,
    .clear_i(crc_clear),
    .valid_i(crc_valid),
    .data_i (crc_data),
    .busy_o (crc_busy),
    .crc_o  (crc),
    .good_o (crc_good)
  );

  systole_ram #(
    .W    (8),
    .Depth(MaxData)
  ) u_buffer (
    .clk_i,
    .we_i   (buffer_we),
    .waddr_i(count_q[IndexW-1:0]),
    .wdata_i(buffer_in),
    .re_i   (buffer_re),
    .raddr_i(count_q[IndexW-1:0]),
    .rdata_o(buffer_out)
  );

  systole_link_tx u_tx (
    .clk_i,
    .rst_ni,
    .valid_i(out_valid),
    .ready_o(out_ready),
    .data_i (out_data),
    .end_i  (out_end),
    .valid_o(tx_valid_o),
    .ready_i(tx_ready_i),
    .data_o (tx_data_o)
  );

  // A frame's bytes: header, data, CRC.
  logic in_header, in_data, empty, full;
  assign in_header = count_q[CountW-1];
  assign in_data   = count_q[CountW-1:IndexW] == '0;
  assign empty     = in_header && count_q[2:0] == '0;
  assign full      = count_q[CountW-1:IndexW] == 2'b01 && count_q[2];

  assign lane      = mem_q ? addr_q[LaneW-1:0] : LaneW'(addr_q[1:0]);
  assign last_lane = mem_q ? addr_q[LaneW-1:0] == '1 : addr_q[1:0] == '1;
  assign last_byte = count_q[IndexW-1:0] == last_q;

  assign buffer_we = state_q == TAKE || (state_q == RECEIVE && byte_valid && in_data);
  assign buffer_in = state_q == TAKE ? beat_q[lane*8 +: 8] : byte_data;
  assign buffer_re = state_q == FETCH || state_q == LOAD;

  assign out_valid = state_q == OPEN || state_q == HEADER || state_q == DATA || state_q == TAIL || state_q == CLOSE;
  assign out_end   = state_q == OPEN || state_q == CLOSE;
  assign out_data  = state_q == DATA ? byte_q : head_q[7:0];
  assign out_take  = out_valid && out_ready;

  assign crc_clear = out_take && out_end;
  assign crc_valid = state_q == RECEIVE ? byte_valid : out_take && (state_q == HEADER || state_q == DATA);
  assign crc_data  = state_q == RECEIVE ? byte_data : out_data;

  assign req_valid_o = state_q == ACCESS;
  assign req_mem_o   = mem_q;
  assign req_write_o = write_q;
  assign req_addr_o  = addr_q;
  assign req_wdata_o = beat_q;
  assign req_wstrb_o = strobe_q;
  assign active_o    = state_q != RECEIVE || tx_valid_o;

  always_comb begin
    status = OK;
    if (bad_frame_q) status = BAD_FRAME;
    else if (bad_op_q) status = BAD_OP;
    else if (bad_length_q) status = BAD_LENGTH;
    else if (bad_size_q) status = BAD_FRAME;
    if (state_q == ACCESS) status = rsp_resp_i[0] ? DEC_ERR : SLV_ERR;
  end

  always_ff @(posedge clk_i) byte_q <= buffer_out;

  always_ff @(posedge clk_i) begin
    refused_o <= 1'b0;
    if (!rst_ni) begin
      state_q   <= RECEIVE;
      spoiled_q <= 1'b0;
      twice_q   <= 1'b0;
      count_q   <= CountW'(-8);
    end else begin
      unique case (state_q)
        RECEIVE: begin
          if (byte_valid) begin
            if (in_header) begin
              head_q <= {addr_q[7:0], head_q[31:8]};
              addr_q <= {byte_data, addr_q[31:8]};
            end
            if (full) spoiled_q <= 1'b1;
            else count_q <= count_q + CountW'(1);
          end
          if (byte_spoil) spoiled_q <= 1'b1;
          if (byte_end) begin
            if (empty) spoiled_q <= 1'b0;
            else state_q <= CHECK;
          end
        end

        CHECK: begin
          write_q      <= head_q[1];
          mem_q        <= head_q[4];
          bad_frame_q  <= spoiled_q || !crc_good || in_header || count_q[CountW-1:2] == '0;
          bad_op_q     <= head_q[7:5] != '0 || head_q[3:2] != '0 || head_q[1] == head_q[0];
          bad_length_q <= head_q[31:16] == '0 || (!head_q[4] && (head_q[17:16] != '0 || addr_q[1:0] != '0));
          last_q       <= head_q[16 +: IndexW] - IndexW'(1);
          count_q      <= count_q - CountW'(4);
          if (!crc_busy) state_q <= COMPARE;
          else count_q <= count_q;
        end
        COMPARE: begin
          if (head_q[31:16+IndexW] != '0 && (head_q[31:17+IndexW] != '0 || last_q != '1)) bad_length_q <= 1'b1;
          bad_size_q <= write_q ? count_q != head_q[16 +: CountW] : count_q != '0;
          state_q    <= DECIDE;
        end
        DECIDE: begin
          head_q     <= {8'd0, status, status == BAD_FRAME ? 16'h0080 : {head_q[15:8], head_q[7:0] | 8'h80}};
          has_data_q <= status == OK && !write_q;
          refused_o  <= status != OK;
          strobe_q   <= '0;
          count_q    <= '0;
          if (status != OK) state_q <= OPEN;
          else if (write_q) state_q <= FETCH;
          else state_q <= ACCESS;
        end

        FETCH: state_q <= PUT;
        PUT: begin
          for (int i = 0; i < Lanes; i++) begin
            if (lane == LaneW'(i)) begin
              beat_q[i*8 +: 8] <= buffer_out;
              strobe_q[i]      <= 1'b1;
            end
          end
          if (last_lane || last_byte) begin
            state_q <= ACCESS;
          end else begin
            count_q <= count_q + CountW'(1);
            addr_q  <= addr_q + 32'd1;
            state_q <= FETCH;
          end
        end
        ACCESS: begin
          if (rsp_valid_i) begin
            strobe_q <= '0;
            if (!write_q) beat_q <= rsp_rdata_i;
            if (rsp_resp_i[1]) begin
              head_q[23:16] <= status;
              has_data_q    <= 1'b0;
              refused_o     <= 1'b1;
              state_q       <= OPEN;
            end else if (!write_q) begin
              state_q <= TAKE;
            end else begin
              count_q <= count_q + CountW'(1);
              addr_q  <= addr_q + 32'd1;
              if (last_byte) state_q <= OPEN;
              else state_q <= FETCH;
            end
          end
        end
        TAKE: begin
          count_q <= count_q + CountW'(1);
          addr_q  <= addr_q + 32'd1;
          if (last_byte) state_q <= OPEN;
          else if (last_lane) state_q <= ACCESS;
        end

        OPEN: begin
          count_q <= '0;
          left_q  <= 2'd3;
          if (out_take) begin
            twice_q <= !twice_q;
            if (twice_q) state_q <= HEADER;
          end
        end
        HEADER: begin
          if (out_take) begin
            head_q <= {8'd0, head_q[31:8]};
            left_q <= left_q - 2'd1;
            if (left_q == '0 && has_data_q) state_q <= LOAD;
            else if (left_q == '0) state_q <= SEAL;
          end
        end
        LOAD: state_q <= COPY;
        COPY: state_q <= DATA;
        DATA: begin
          if (out_take) begin
            count_q <= count_q + CountW'(1);
            if (last_byte) state_q <= SEAL;
            else state_q <= LOAD;
          end
        end
        SEAL: begin
          head_q <= crc;
          if (!crc_busy) state_q <= TAIL;
        end
        TAIL: begin
          if (out_take) begin
            left_q <= left_q - 2'd1;
            head_q <= {8'd0, head_q[31:8]};
            if (left_q == '0) state_q <= CLOSE;
          end
        end
        default: begin  // CLOSE
          spoiled_q <= 1'b0;
          count_q   <= CountW'(-8);
          if (out_take) begin
            twice_q <= !twice_q;
            if (twice_q) state_q <= RECEIVE;
          end
        end
      endcase
    end
  end

endmodule
