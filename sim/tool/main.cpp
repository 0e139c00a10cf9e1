// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "sim/tool/options.hpp"
#include "sim/tool/tool.hpp"

namespace {

std::string program;  // its name; the handler must not make a string

/// The wave writer maps its files into memory without asking whether they could be written.
void bus_error(int) {
  static constexpr char kText[] = ": a file could not be written whole (is the disk full?)\n";
  ssize_t ignored = write(STDERR_FILENO, program.data(), program.size());
  ignored = write(STDERR_FILENO, kText, sizeof kText - 1);
  (void)ignored;
  _exit(systole::tool::kBadInput);
}

}  // namespace

int main(int argc, char **argv) {
  program = systole::tool::program_name();
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);  // stderr is the tool's
  std::signal(SIGPIPE, SIG_IGN);                        // `systole … | head` must not end in the middle of a file
  std::signal(SIGXFSZ, SIG_IGN);                        // a file that must not grow is an error like any other
  std::signal(SIGBUS, bus_error);
  return systole::tool::run(std::vector<std::string>(argv + 1, argv + argc));
}
