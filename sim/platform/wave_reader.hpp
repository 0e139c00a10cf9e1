// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace systole::platform {

/// A signal's value in a cycle: a character '0' or '1' a bit, the most significant first.
class WaveValue {
 public:
  WaveValue() = default;
  explicit WaveValue(std::string bits) : bits_(std::move(bits)) {}
  unsigned width() const { return static_cast<unsigned>(bits_.size()); }
  bool bit(unsigned index) const { return index < bits_.size() && bits_[bits_.size() - 1 - index] == '1'; }
  /// `count` bits (at most 64) from bit `low` on.
  uint64_t field(unsigned low, unsigned count) const {
    uint64_t value = 0;
    for (unsigned i = count; i-- > 0;) value = value << 1 | (bit(low + i) ? 1 : 0);
    return value;
  }
  uint64_t value() const { return field(0, width() < 64 ? width() : 64); }
  /// Bytes from bit 8 * `first` on, the lowest first.
  std::vector<uint8_t> bytes(unsigned first, unsigned count) const {
    std::vector<uint8_t> out(count);
    for (unsigned i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(field(8 * (first + i), 8));
    return out;
  }

 private:
  std::string bits_;
};

/// Reads a wave file that a traced build has written.
class WaveReader {
 public:
  virtual ~WaveReader() = default;
  /// Whether the file holds a signal, named like "systole.u_load.done_o".
  virtual bool has(const std::string &signal) const = 0;
  /// Calls for every cycle of the file, in order, with the values that the signals have settled to when the cycle's rising edge comes.
  /// @throws std::invalid_argument if a signal is not there
  virtual void read(const std::vector<std::string> &signals,
                    const std::function<void(uint64_t cycle, const std::vector<WaveValue> &values)> &call) = 0;
};

/// Opens an FST file. @throws OutputError if it cannot be read
using WaveReaderFactory = std::function<std::unique_ptr<WaveReader>(const std::string &file)>;

}  // namespace systole::platform
