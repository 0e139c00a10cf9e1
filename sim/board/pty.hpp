// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace systole::board {

/// The board's serial port: a pseudo-terminal, raw, which stays when a client closes it.
class Pty final {
 public:
  /// @param baud  line speed that the port is set to, until a client sets another
  /// @param link  path of a symbolic link to it, removed at the end; "": none. A symbolic link of that name is replaced.
  /// @throws std::runtime_error in one line
  Pty(uint32_t baud, std::string link);
  ~Pty();
  Pty(const Pty &) = delete;
  Pty &operator=(const Pty &) = delete;

  /// Of the file that clients open.
  const std::string &name() const { return name_; }

  /// What clients have sent, as far as it is there. Never waits. @returns bytes read
  std::size_t read(uint8_t *data, std::size_t size);
  /// Sends to the client. Never waits. @returns bytes taken; all of them, which then are lost, if no client is there
  std::size_t write(const uint8_t *data, std::size_t size);
  /// Waits until clients have sent something, a signal arrives or the time is over.
  void wait(int milliseconds) const;
  /// The speed the client has set, in bits per second, if it is one that this program knows.
  std::optional<uint32_t> speed() const;

 private:
  int master_ = -1;
  std::string name_, link_;
};

}  // namespace systole::board
