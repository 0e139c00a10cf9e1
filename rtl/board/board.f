// SPDX-License-Identifier: Apache-2.0
// What a board adds to the core (after systole.f), but for its own top. Paths are relative to this file.
systole_crc32.sv
systole_uart_rx.sv
systole_uart_tx.sv
systole_link_rx.sv
systole_link_tx.sv
systole_link.sv
systole_uart_link.sv
systole_axi_single.sv
systole_skid.sv
systole_axi_mux.sv
systole_axi_walk.sv
systole_axi_mem.sv
systole_board_info.sv
systole_board_reset.sv
systole_leds.sv
systole_board.sv
systole_array_bench.sv
systole_bench_board.sv
