// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

#include "sim/board/uart.hpp"

namespace systole::board {

/// Corrupts bytes of one direction at random.
///
/// Each byte is hit with the given probability, independently of the others. Of the bytes hit,
/// 70 % have bits flipped (each of the 255 patterns of wrong bits is as likely as the others), 10 % are dropped, 10 % have a random byte
/// put before them, and 10 % lose their stop bit (the data bits stay as they were).
class Noise final {
 public:
  struct Counts {
    uint64_t bytes = 0;  ///< that were to pass
    uint64_t flipped = 0, dropped = 0, inserted = 0, broken = 0;
    uint64_t hits() const { return flipped + dropped + inserted + broken; }
  };

  /// @param probability  0 to 1
  Noise(double probability, uint64_t seed) : probability_(probability), random_(seed) {}

  /// Passes a byte on to `send`, a function of Symbol, as often and in the shape that the noise leaves.
  template <class Send>
  void pass(Symbol symbol, Send &&send) {
    ++counts_.bytes;
    if (probability_ <= 0 || uniform_(random_) >= probability_) {
      send(symbol);
      return;
    }
    const uint64_t draw = random_();
    const unsigned kind = draw % 10;
    const auto value = static_cast<uint8_t>(draw >> 32);
    switch (kind) {
      case 0: ++counts_.dropped; return;
      case 1:
        ++counts_.inserted;
        send(Symbol{value, true});
        send(symbol);
        return;
      case 2:
        ++counts_.broken;
        send(Symbol{symbol.byte, false});
        return;
      default:
        ++counts_.flipped;
        symbol.byte ^= static_cast<uint8_t>(1 + (draw >> 32) % 255);
        send(symbol);
        return;
    }
  }

  const Counts &counts() const { return counts_; }

 private:
  double probability_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_{0.0, 1.0};
  Counts counts_;
};

}  // namespace systole::board
