// SPDX-License-Identifier: Apache-2.0
/// The boards that this program simulates: each the top of a real board, Verilated, of which only the pins are used.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace systole::board {

/// A board as the world sees it.
class Board {
 public:
  struct Inputs {
    bool rx = true;      ///< serial line from the PC; 1 when idle
    bool reset = false;  ///< the reset button is pressed
  };
  struct Outputs {
    bool tx = true;    ///< serial line to the PC
    uint8_t leds = 0;  ///< LED 0 in bit 0
  };
  Board() = default;
  Board(const Board &) = delete;
  Board &operator=(const Board &) = delete;
  virtual ~Board() = default;
  /// One period of the oscillator: the inputs are stable at the rising edge, the outputs are those after it.
  virtual Outputs cycle(const Inputs &inputs) = 0;
};

/// A board that was built into this program.
struct BoardBuild {
  std::string name;
  std::string parameters;  ///< of the top, for people: "Rows=8 Cols=8 …"
  uint32_t clock_hz = 0;   ///< of the oscillator and of the board's clock
  uint32_t baud = 0;       ///< of its serial line
  std::function<std::unique_ptr<Board>()> make;
};

/// Adds a build to the registry; builds are registered when the program starts. @returns true
bool register_board(BoardBuild build);

/// All of them, by name.
const std::vector<BoardBuild> &boards();

}  // namespace systole::board
