// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace systole::platform {

/// Something went wrong in a simulation; what() is the report, which may have several lines.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Nothing moved for the hang limit (the tool exits with status 3).
class HangError : public RunError {
 public:
  /// @param last_move  cycle since the start of the simulation in which something moved last; none: there is no clock
  explicit HangError(const std::string &what, std::optional<uint64_t> last_move = std::nullopt)
      : RunError(what), last_move_(last_move) {}
  std::optional<uint64_t> last_move() const { return last_move_; }

 private:
  std::optional<uint64_t> last_move_;
};

/// A bus protocol rule was broken.
class ProtocolError : public RunError {
 public:
  using RunError::RunError;
};

/// A file that the run writes on its way (waves) could not be written whole; what() is one line.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace systole::platform
