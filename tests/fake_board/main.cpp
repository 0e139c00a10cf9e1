// SPDX-License-Identifier: Apache-2.0
// A fake board behind a pseudo-terminal: prints the port's name, then serves until its standard input ends.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "tests/fake_board/fake_board.hpp"

namespace po = boost::program_options;

namespace {

int serve(int master, systole::fake::FakeBoard &board, double corrupted, double lost, std::uint64_t silent_from, bool babbles,
          std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto chance = [&random](double rate) { return rate > 0 && std::uniform_real_distribution<>(0, 1)(random) < rate; };
  const auto carried = [&](std::uint8_t &byte) {
    if (chance(lost)) return false;
    if (chance(corrupted)) byte ^= static_cast<std::uint8_t>(1 + random() % 255);
    return true;
  };
  std::deque<std::uint8_t> out;
  for (;;) {
    pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {master, POLLIN, 0}};
    if (poll(files, 2, -1) < 0) return 1;
    if (files[0].revents != 0) return 0;
    std::uint8_t in[4096];
    const ssize_t count = read(master, in, sizeof in);
    if (count <= 0) return 1;
    for (ssize_t i = 0; i < count; ++i) {
      if (carried(in[i])) board.receive(in[i], out);
    }
    std::vector<std::uint8_t> bytes;
    for (std::uint8_t byte : out) {
      if (carried(byte)) bytes.push_back(byte);
    }
    if (babbles && !out.empty()) {
      bytes.resize(50);
      for (std::uint8_t &byte : bytes) byte = static_cast<std::uint8_t>(random());
    }
    out.clear();
    if (board.requests() > silent_from) bytes.clear();
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t written = write(master, &bytes[at], bytes.size() - at);
      if (written <= 0) return 1;
      at += static_cast<std::size_t>(written);
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  systole::fake::BoardSettings board;
  double corrupted = 0, lost = 0;
  std::uint64_t silent_from = UINT64_MAX, reset_at = UINT64_MAX;
  std::uint32_t seed = 1, core_version = 0;
  bool babbles = false;
  std::vector<std::string> forced;
  po::options_description options;
  options.add_options()                                                                 //
      ("memory", po::value(&board.memory_bytes))("magic", po::value(&board.magic))      //
      ("link-version", po::value(&board.link_version))("kind", po::value(&board.kind))  //
      ("core-version", po::value(&core_version))("int8", "no floating point")           //
      ("corrupted", po::value(&corrupted))("lost", po::value(&lost))                    //
      ("silent-from", po::value(&silent_from))("reset-at", po::value(&reset_at))        //
      ("seed", po::value(&seed))("stuck-address", po::value(&board.stuck_address))      //
      ("wrong-product", po::bool_switch(&board.wrong_product))                          //
      ("hangs", po::bool_switch(&board.hangs))                                          //
      ("babbles", po::bool_switch(&babbles), "random bytes instead of each reply")      //
      ("reads", po::value(&forced), "ADDRESS=VALUE: what a register reads");
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, options), values);
  po::notify(values);
  for (const std::string &text : forced) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return 1;
    board.forced[static_cast<std::uint32_t>(std::stoul(text, nullptr, 0))] =
        static_cast<std::uint32_t>(std::stoul(text.substr(equals + 1), nullptr, 0));
  }
  if (core_version != 0) board.core_version = core_version;
  if (values.count("int8") != 0) {
    board.config.fp = false;
    board.config.element_latency = 1;
  }
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return 1;
  const std::string port = ptsname(master);
  const int slave = open(port.c_str(), O_RDWR | O_NOCTTY);  // kept, lest the port die with its first user
  termios settings{};
  if (slave < 0 || tcgetattr(slave, &settings) != 0) return 1;
  cfmakeraw(&settings);
  if (tcsetattr(slave, TCSANOW, &settings) != 0) return 1;
  systole::fake::FakeBoard fake(board);
  fake.before_request = [&](std::uint64_t number) {
    if (number == reset_at) fake.reset(true);
  };
  std::cout << port << std::endl;
  return serve(master, fake, corrupted, lost, silent_from, babbles, seed);
}
