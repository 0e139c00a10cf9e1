// SPDX-License-Identifier: Apache-2.0
#include "sim/board/uart.hpp"

namespace systole::board {

bool UartSender::next() {
  if (bits_left_ == 0) {
    if (queue_.empty()) return true;
    const Symbol symbol = queue_.front();
    queue_.pop_front();
    shift_ = static_cast<uint32_t>(symbol.byte) << 1 | (symbol.stop ? 1u << 9 : 0u);
    // After a stop bit that was 0 the line must be seen at 1 before the next start bit.
    bits_left_ = symbol.stop ? 10 : 12;
    if (!symbol.stop) shift_ |= 3u << 10;
    ++sent_;
  }
  const bool level = (shift_ & 1) != 0;
  phase_ += baud_;
  if (phase_ >= clock_hz_) {
    phase_ -= clock_hz_;  // the rest goes into the next bit, and the next byte
    shift_ >>= 1;
    --bits_left_;
  }
  return level;
}

std::optional<Symbol> UartReceiver::take(bool level) {
  const bool falls = was_high_ && !level;
  was_high_ = level;
  if (!receiving_) {
    if (falls) {
      receiving_ = true;
      bit_ = 0;
      wait_ = clock_hz_ / 2;
    }
    return std::nullopt;
  }
  wait_ -= baud_;
  if (wait_ > 0) return std::nullopt;
  wait_ += clock_hz_;
  if (bit_ == 0) {
    if (level) receiving_ = false;  // a spike
  } else if (bit_ <= 8) {
    byte_ = static_cast<uint8_t>(byte_ >> 1 | (level ? 0x80 : 0));
  } else {
    receiving_ = false;
    return Symbol{byte_, level};
  }
  ++bit_;
  return std::nullopt;
}

}  // namespace systole::board
