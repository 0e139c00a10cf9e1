// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace systole::link {

/// The line or the board cannot be used; what() is one line that says why and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bytes to and from a board.
class Stream {
 public:
  using Duration = std::chrono::duration<double>;

  Stream() = default;
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  virtual ~Stream() = default;

  /// What the user calls it, e.g. the port's path.
  virtual const std::string &name() const = 0;
  /// Bits a second of what follows; also forgets what was received and not read. @throws Error if the port cannot do it
  virtual void set_baud(unsigned baud) = 0;
  /// Sends all. @throws Error also if the line does not take them within `limit`
  virtual void write(const std::uint8_t *data, std::size_t size, Duration limit) = 0;
  /// Waits for something to be received, at most for `limit`. @return bytes received, 0: none in time. @throws Error
  virtual std::size_t read(std::uint8_t *data, std::size_t size, Duration limit) = 0;
};

}  // namespace systole::link
