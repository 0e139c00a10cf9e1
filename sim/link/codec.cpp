// SPDX-License-Identifier: Apache-2.0
#include "sim/link/codec.hpp"

#include <zlib.h>

namespace systole::link {

std::uint32_t crc(const std::uint8_t *data, std::size_t size) {
  return static_cast<std::uint32_t>(crc32_z(crc32_z(0, nullptr, 0), data, size));
}

Bytes encode(const Bytes &body) {
  Bytes out;
  out.reserve(2 * (body.size() + kCrcBytes) + 4);
  const auto put = [&out](std::uint8_t byte) {
    if (byte == kEnd || byte == kEscape) {
      out.push_back(kEscape);
      byte = byte == kEnd ? kEscapedEnd : kEscapedEscape;
    }
    out.push_back(byte);
  };
  out.insert(out.end(), 2, kEnd);
  for (const std::uint8_t byte : body) put(byte);
  const std::uint32_t check = crc(body.data(), body.size());
  for (unsigned shift = 0; shift < 32; shift += 8) put(static_cast<std::uint8_t>(check >> shift));
  out.insert(out.end(), 2, kEnd);
  return out;
}

void Decoder::reset() {
  frame_.clear();
  escaped_ = spoiled_ = false;
}

Decoder::Event Decoder::push(std::uint8_t byte) {
  if (byte == kEnd) {
    if (!in_frame()) return Event::none;
    bool good = !spoiled_ && !escaped_ && frame_.size() > kCrcBytes;
    if (good) {
      const std::size_t size = frame_.size() - kCrcBytes;
      std::uint32_t check = 0;
      for (unsigned i = 0; i < kCrcBytes; ++i) check |= static_cast<std::uint32_t>(frame_[size + i]) << (8 * i);
      good = check == crc(frame_.data(), size);
      if (good) body_.assign(frame_.begin(), frame_.end() - kCrcBytes);
    }
    reset();
    return good ? Event::frame : Event::bad;
  }
  if (escaped_) {
    escaped_ = false;
    if (byte == kEscapedEnd)
      byte = kEnd;
    else if (byte == kEscapedEscape)
      byte = kEscape;
    else
      spoiled_ = true;
  } else if (byte == kEscape) {
    escaped_ = true;
    return Event::none;
  }
  if (frame_.size() == max_) spoiled_ = true;
  if (!spoiled_) frame_.push_back(byte);
  return Event::none;
}

}  // namespace systole::link
