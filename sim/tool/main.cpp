// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "sim/tool/tool.hpp"

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);  // stderr is the tool's
  std::signal(SIGPIPE, SIG_IGN);                        // `systole … | head` must not end in the middle of a file
  return systole::tool::run(std::vector<std::string>(argv + 1, argv + argc));
}
