// SPDX-License-Identifier: Apache-2.0
// systole-wave-filter TYPE: a filter process for GTKWave. A value a line in hexadecimal, its text a line.
#include <exception>
#include <iostream>
#include <string>

#include "sim/waves/wave_text.hpp"

int main(int argc, char **argv) {
  std::string type;  // GTKWave hands all words on as one argument
  for (int i = 1; i < argc; ++i) type += (i == 1 ? "" : " ") + std::string(argv[i]);
  try {
    const systole::waves::Decoder text = systole::waves::decoder(type);
    std::string line;
    while (std::getline(std::cin, line)) {
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      std::cout << text(line) << std::endl;  // GTKWave waits for each
    }
  } catch (const std::exception &error) {
    std::cerr << "systole-wave-filter: " << error.what() << '\n';
    return 2;
  }
  return 0;
}
