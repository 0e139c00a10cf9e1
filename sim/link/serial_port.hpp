// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sim/link/stream.hpp"

namespace systole::link {

/// A serial port, 8 data bits, no parity, 1 stop bit, no flow control, for this process alone. A pseudo-terminal works, too; there
/// the baud rate means nothing.
class SerialPort final : public Stream {
 public:
  /// Opens the port and forgets what it has received. @throws Error: no such port, no permission, in use, no serial port
  explicit SerialPort(const std::string &path);
  ~SerialPort() override;

  const std::string &name() const override;
  void set_baud(unsigned baud) override;
  void write(const std::uint8_t *data, std::size_t size, Duration limit) override;
  std::size_t read(std::uint8_t *data, std::size_t size, Duration limit) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Sets a baud rate that has no name in termios.h. @return false if the system or the port cannot
bool set_any_baud(int file, unsigned baud);

}  // namespace systole::link
