// SPDX-License-Identifier: Apache-2.0
/// The command-line tool: `systole gemm`, `systole sim`, `systole plan`, `systole probe`, `systole list`, `systole version`.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace systole::tool {

/// Exit statuses.
enum Status {
  kOk = 0,        ///< everything agreed: every bit and, unless something was random, every cycle
  kFailed = 1,    ///< the engine's result was wrong, or it reported an error
  kBadInput = 2,  ///< what the user gave cannot be used, or a file not be written; one line on stderr
  kHang = 3,      ///< the engine stopped moving
};

/// Something the user gave is wrong; what() is one line that says what.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `systole gemm`: one product of the user's own matrices.
int gemm_command(const std::vector<std::string> &arguments);
/// `systole sim`: a named test.
int sim_command(const std::vector<std::string> &arguments);
/// `systole plan`: what a product would take, without its data.
int plan_command(const std::vector<std::string> &arguments);

/// `systole probe`: what is at the other end of a serial port, and whether it works.
int probe_command(const std::vector<std::string> &arguments);

/// The whole tool. @param arguments without the program's name
int run(const std::vector<std::string> &arguments);

}  // namespace systole::tool
