// SPDX-License-Identifier: Apache-2.0
// The PC's end of the link for benches: UART on pins, SLIP and CRC-32 (zlib's) on their own, requests and replies.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <zlib.h>

namespace systole::line {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t END = 0xC0, ESC = 0xDB, ESC_END = 0xDC, ESC_ESC = 0xDD;
constexpr uint8_t REG_READ = 0x01, REG_WRITE = 0x02, MEM_READ = 0x11, MEM_WRITE = 0x12;
constexpr uint8_t OK = 0, BAD_FRAME = 1, BAD_OP = 2, BAD_LENGTH = 3, SLV_ERR = 4, DEC_ERR = 5;
constexpr unsigned MAX = 1024;

inline void append(Bytes &bytes, uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

inline uint32_t crc(const Bytes &bytes) { return static_cast<uint32_t>(crc32(0, bytes.data(), static_cast<uInt>(bytes.size()))); }

inline Bytes with_crc(Bytes frame) {
  append(frame, crc(frame), 4);
  return frame;
}

/// END, the escaped bytes, END.
inline Bytes slip(const Bytes &frame) {
  Bytes line{END};
  for (const uint8_t byte : frame) {
    if (byte == END || byte == ESC) {
      line.push_back(ESC);
      line.push_back(byte == END ? ESC_END : ESC_ESC);
    } else {
      line.push_back(byte);
    }
  }
  line.push_back(END);
  return line;
}

/// A request without its CRC. `length` is the length field; `data` goes along whatever it says.
inline Bytes request(uint8_t op, uint8_t seq, uint32_t address, unsigned length, const Bytes &data = {}) {
  Bytes frame{op, seq};
  append(frame, length, 2);
  append(frame, address, 4);
  frame.insert(frame.end(), data.begin(), data.end());
  return frame;
}

struct Reply {
  uint8_t op = 0, seq = 0, status = 0;
  Bytes data;
};

/// Takes bytes from the board; a whole reply at its END. Anything that is not one is counted in `bad`.
class Decoder {
 public:
  std::optional<Reply> feed(uint8_t byte) {
    if (byte != END) {
      if (escaped_)
        byte = byte == ESC_END ? END : byte == ESC_ESC ? ESC : (spoiled_ = true, byte);
      else if (byte == ESC)
        return escaped_ = true, std::nullopt;
      escaped_ = false;
      frame_.push_back(byte);
      return std::nullopt;
    }
    Bytes frame;
    frame.swap(frame_);
    const bool spoiled = spoiled_ || escaped_;
    spoiled_ = escaped_ = false;
    if (frame.empty() && !spoiled) return std::nullopt;
    uint32_t sum = 0;
    if (!spoiled && frame.size() >= 8) {
      for (unsigned i = 0; i < 4; ++i) sum |= uint32_t{frame[frame.size() - 4 + i]} << (8 * i);
      frame.resize(frame.size() - 4);
      if (sum == crc(frame) && frame[3] == 0) return Reply{frame[0], frame[1], frame[2], Bytes(frame.begin() + 4, frame.end())};
    }
    ++bad;
    return std::nullopt;
  }
  unsigned bad = 0;

 private:
  Bytes frame_;
  bool escaped_ = false, spoiled_ = false;
};

/// Drives a line with 8N1 characters whose bits take `clocks` cycles (need not be whole).
class Sender {
 public:
  explicit Sender(double clocks) : clocks_(clocks) {}
  void send(uint8_t byte, bool stop = true) { queue_.push_back({byte, stop}); }
  void send(const Bytes &bytes) {
    for (const uint8_t byte : bytes) send(byte);
  }
  [[nodiscard]] bool idle() const { return !busy_ && next_ == queue_.size(); }
  void drop() {
    queue_.clear();
    next_ = 0;
  }
  /// Idle bits between characters.
  double gap = 0;
  /// The level in this cycle.
  bool level() {
    if (!busy_) {
      if (next_ == queue_.size()) {
        drop();
        return true;
      }
      busy_ = true;
      position_ = debt_;
    }
    const auto bit = static_cast<unsigned>(position_ / clocks_);
    const auto [byte, stop] = queue_[next_];
    const bool level = bit == 0 ? false : bit <= 8 ? (byte >> (bit - 1) & 1) != 0 : bit == 9 ? stop : true;
    position_ += 1;
    const double length = (10 + gap) * clocks_;
    if (position_ >= length) {
      busy_ = false;
      ++next_;
      debt_ = next_ == queue_.size() ? 0 : position_ - length;
    }
    return level;
  }

 private:
  struct Character {
    uint8_t byte;
    bool stop;
  };
  double clocks_, position_ = 0, debt_ = 0;
  bool busy_ = false;
  size_t next_ = 0;
  std::vector<Character> queue_;
};

/// Receives 8N1 characters, sampled in the middle of each bit.
class Receiver {
 public:
  explicit Receiver(double clocks) : clocks_(clocks) {}
  std::optional<uint8_t> sample(bool level) {
    if (!busy_) {
      if (last_ && !level) {
        busy_ = true;
        position_ = 0;
        next_ = 0;
        byte_ = 0;
      }
      last_ = level;
      if (!busy_) return std::nullopt;
    }
    last_ = level;
    std::optional<uint8_t> result;
    if (position_ >= (next_ + 0.5) * clocks_ - 0.5) {
      if (next_ == 0 && level)
        ++errors, busy_ = false;
      else if (next_ >= 1 && next_ <= 8)
        byte_ = static_cast<uint8_t>(byte_ | (level ? 1 : 0) << (next_ - 1));
      else if (next_ == 9) {
        busy_ = false;
        if (level)
          result = byte_;
        else
          ++errors;
      }
      ++next_;
    }
    position_ += 1;
    return result;
  }
  unsigned errors = 0;

 private:
  double clocks_, position_ = 0;
  bool busy_ = false, last_ = true;
  unsigned next_ = 0;
  uint8_t byte_ = 0;
};

}  // namespace systole::line
