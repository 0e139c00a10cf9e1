// SPDX-License-Identifier: Apache-2.0
/// Frames on the line: SLIP (RFC 1055) around a body that ends with its CRC-32. docs/link.md has the protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace systole::link {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kEnd = 0xC0, kEscape = 0xDB, kEscapedEnd = 0xDC, kEscapedEscape = 0xDD;

/// Bytes of the CRC at the end of each frame.
inline constexpr std::size_t kCrcBytes = 4;

/// CRC-32 of IEEE 802.3, as zlib's crc32().
std::uint32_t crc(const std::uint8_t *data, std::size_t size);

/// A body as it goes over the line: END, END, body and CRC with END and ESC escaped, END, END. A single END would do; the second one
/// at either side costs a byte and spares a time-out where the first one is damaged. Empty frames mean nothing.
Bytes encode(const Bytes &body);

/// Takes a line's bytes one by one and finds the frames in them, whatever came before.
class Decoder {
 public:
  enum class Event {
    none,   ///< in the middle of something
    frame,  ///< a frame has ended and its CRC is right: body()
    bad,    ///< a frame has ended, but is too short, too long, wrongly escaped or has a wrong CRC
  };

  /// @param max_body  bytes of a body; a longer frame is a bad one
  explicit Decoder(std::size_t max_body) : max_(max_body + kCrcBytes) {}

  Event push(std::uint8_t byte);
  /// The last good frame without its CRC; until the next push().
  const Bytes &body() const { return body_; }
  /// Something has been received of a frame that has not ended.
  bool in_frame() const { return spoiled_ || escaped_ || !frame_.empty(); }
  /// Forgets a frame that has begun.
  void reset();

 private:
  const std::size_t max_;
  Bytes frame_, body_;
  bool escaped_ = false;  // the last byte was ESC
  bool spoiled_ = false;  // whatever comes, this frame is bad
};

}  // namespace systole::link
