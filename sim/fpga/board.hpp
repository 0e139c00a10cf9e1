// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "sim/link/client.hpp"
#include "sim/platform/config.hpp"

/// A board at the other end of a link: what it holds, and products on it.
namespace systole::fpga {

/// A board with a whole accelerator.
struct Board {
  link::BoardInfo info;
  std::uint32_t version = 0;    ///< register VERSION
  platform::ConfigInfo config;  ///< from the capability registers; its name is ROWSxCOLS or ROWSxCOLS-int8

  /// "0.1.0".
  std::string version_text() const;
};

/// Reads what the accelerator of a connected board is.
/// @throws link::Error in one line: array bench only, no accelerator, another version, capabilities that make no sense
Board read_board(link::Client &client);

/// @throws link::Error if the board's configuration has another name
void expect_config(const Board &board, const std::string &name, const std::string &port);

}  // namespace systole::fpga
