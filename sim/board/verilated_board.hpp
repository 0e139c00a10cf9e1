// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/board/board.hpp"
#include "verilated.h"

namespace systole::board {

/// The pins of ulx3s (rtl/board/ulx3s/ulx3s.sv).
struct Ulx3sPins {
  template <class V>
  static void drive(V &top, const Board::Inputs &inputs) {
    top.ftdi_txd = inputs.rx;
    top.btn_pwr_n = !inputs.reset;
  }
  template <class V>
  static void clock(V &top, bool level) {
    top.clk_25mhz = level;
  }
  template <class V>
  static Board::Outputs outputs(const V &top) {
    return {top.ftdi_rxd != 0, top.led};
  }
};

/// The pins of icebreaker (rtl/board/icebreaker/icebreaker.sv). Of its two LEDs, which light when 0, green is LED 0, red LED 5.
struct IcebreakerPins {
  template <class V>
  static void drive(V &top, const Board::Inputs &inputs) {
    top.RX = inputs.rx;
    top.BTN_N = !inputs.reset;
  }
  template <class V>
  static void clock(V &top, bool level) {
    top.CLK = level;
  }
  template <class V>
  static Board::Outputs outputs(const V &top) {
    return {top.TX != 0, static_cast<uint8_t>((top.LEDG_N == 0 ? 1 : 0) | (top.LEDR_N == 0 ? 1 << 5 : 0))};
  }
};

/// Board of a Verilated top: nothing but its pins is used.
template <class V, class Pins>
class VerilatedBoard final : public Board {
 public:
  VerilatedBoard() : top_(&context_, "TOP") {}
  ~VerilatedBoard() override { top_.final(); }
  VerilatedBoard(const VerilatedBoard &) = delete;
  VerilatedBoard &operator=(const VerilatedBoard &) = delete;

  Outputs cycle(const Inputs &inputs) override {
    Pins::clock(top_, false);
    Pins::drive(top_, inputs);
    top_.eval();
    Pins::clock(top_, true);
    top_.eval();
    return Pins::outputs(top_);
  }

 private:
  VerilatedContext context_;
  V top_;
};

}  // namespace systole::board
