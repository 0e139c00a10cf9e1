// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "sim/link/client.hpp"
#include "sim/link/serial_port.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/progress.hpp"
#include "sim/tool/report.hpp"

namespace systole::tool {

/// A board that answers.
struct Connection {
  explicit Connection(const BoardOptions &options);
  link::SerialPort port;
  link::Client client;
};

/// Computes the product on the board that the options name; puts the board, its configuration and what the line had to carry into
/// the report. Older reports are removed first.
/// @throws UserError for what the board cannot be asked for, link::Error, platform::HangError
platform::GemmResult run_on_board(const platform::GemmJob &job, Report &report, ProgressMeter &meter);

}  // namespace systole::tool
