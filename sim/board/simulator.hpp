// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/board/board.hpp"
#include "sim/board/noise.hpp"
#include "sim/board/pty.hpp"
#include "sim/board/uart.hpp"

namespace systole::board {

/// What happens to the board and to its line.
struct Mishaps {
  double noise = 0;  ///< probability that a byte is corrupted, in each direction
  uint64_t noise_seed = 1;
  uint64_t cut = UINT64_MAX;           ///< bytes to the PC after which the board falls silent for good
  std::vector<uint64_t> reset_after;   ///< the reset button is pressed after so many bytes from the PC
  std::vector<uint64_t> reload_after;  ///< the FPGA is configured anew, which clears its memory, too, after so many bytes
};

/// Runs a board on a pseudo-terminal.
class Simulator final {
 public:
  Simulator(const BoardBuild &build, Mishaps mishaps, Pty &pty);

  /// Simulates until `stop` is set, the process that was the parent at construction has ended, or `cycles` cycles have passed since the
  /// first byte from the PC. Without that limit (UINT64_MAX), and before that byte, the process sleeps, and simulated time stands
  /// still, while the line is silent and no LED says that the accelerator is at work.
  void run(const std::atomic<bool> &stop, uint64_t cycles);

  /// What has happened, as a JSON object.
  std::string to_json() const;
  /// The same in one or two lines for people.
  std::string summary() const;

 private:
  void receive();  // from the pseudo-terminal
  void deliver();  // to the pseudo-terminal
  void cycle();
  void mishaps();  // those that are due
  bool asleep() const;

  const BoardBuild &build_;
  Mishaps mishaps_;
  Pty &pty_;
  std::unique_ptr<Board> board_;
  UartSender sender_;
  UartReceiver receiver_;
  Noise to_board_, to_host_;
  Noise wrong_speed_{1.0, 2};  // what a byte is worth that came at another speed than the board's
  bool right_speed_ = true;
  std::vector<uint8_t> outgoing_;  // to the PC
  Board::Outputs outputs_;
  uint64_t cycles_ = 0, active_ = 0;  // so far; when anything moved last
  uint64_t resets_ = 0, reloads_ = 0, reset_left_ = 0;
  uint64_t sent_ = 0;            // bytes on the line to the board, as far as mishaps() has seen them
  uint64_t framing_errors_ = 0;  // bytes from the board with a stop bit of 0
  uint64_t silenced_ = 0;        // bytes that --cut held back
  uint64_t lost_ = 0;            // bytes to a PC that does not read
  // Who started us: asked for before anybody can know the port, since a parent that ends at once must be missed, too.
  const pid_t parent_ = getppid();
  double busy_seconds_ = 0;  // wall time of the simulation, sleep not counted
};

}  // namespace systole::board
