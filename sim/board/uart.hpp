// SPDX-License-Identifier: Apache-2.0
/// Both ends of a serial line at the level of bits: 8 data bits, least significant first, no parity, one stop bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace systole::board {

/// A byte on the line; `stop` false: its stop bit is 0, which the other side must take for an error.
struct Symbol {
  uint8_t byte = 0;
  bool stop = true;
};

/// Drives a line from a queue of bytes, one level a clock. A bit takes clock_hz / baud clocks, in the mean: it need not be a whole number.
class UartSender final {
 public:
  UartSender(uint32_t clock_hz, uint32_t baud) : clock_hz_(clock_hz), baud_(baud) {}
  void push(Symbol symbol) { queue_.push_back(symbol); }
  /// Bytes that have not left, the present one not counted.
  std::size_t queued() const { return queue_.size(); }
  bool idle() const { return queue_.empty() && bits_left_ == 0; }
  /// Bytes that have gone out, the present one counted.
  uint64_t sent() const { return sent_; }
  /// The line's level in the next clock.
  bool next();

 private:
  uint32_t clock_hz_, baud_;
  std::deque<Symbol> queue_;
  uint64_t sent_ = 0;
  uint32_t shift_ = 1;      // bit 0 is on the line
  unsigned bits_left_ = 0;  // of the byte on the line, the present bit counted
  uint32_t phase_ = 0;      // of the present bit: it is over at clock_hz_
};

/// Reads a line, one level a clock, in the middle of each bit.
class UartReceiver final {
 public:
  UartReceiver(uint32_t clock_hz, uint32_t baud) : clock_hz_(clock_hz), baud_(baud) {}
  /// Takes the line's level in this clock. @returns a byte when its stop bit has been read
  std::optional<Symbol> take(bool level);
  bool idle() const { return !receiving_; }

 private:
  uint32_t clock_hz_, baud_;
  bool receiving_ = false;
  bool was_high_ = false;  // a start bit is a fall: a line that stays 0 after a bad stop bit starts nothing
  unsigned bit_ = 0;       // 0: start bit, 1 to 8: data, 9: stop bit
  int64_t wait_ = 0;       // to the next sample: it falls by baud_ each clock
  uint8_t byte_ = 0;
};

}  // namespace systole::board
