// SPDX-License-Identifier: Apache-2.0
/// systole-board: a whole FPGA board, simulated, on a pseudo-terminal. The host tool talks to it as to a board on a cable.
#include <atomic>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/board/board.hpp"
#include "sim/board/pty.hpp"
#include "sim/board/simulator.hpp"
#include "sim/npy/output_file.hpp"

namespace {

namespace po = boost::program_options;
using namespace systole::board;

constexpr int kBadInput = 2;
constexpr char kDefaultBoard[] = "ulx3s-85f";

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int) { stop = true; }

const BoardBuild &find_board(const std::string &name) {
  std::string known;
  for (const BoardBuild &build : boards()) {
    if (build.name == name) return build;
    known += (known.empty() ? "" : ", ") + build.name;
  }
  throw std::runtime_error("--board " + name + ": no such board in this program (it has " + known + ")");
}

uint64_t whole_number(const char *option, const std::string &text) {
  std::size_t end = 0;
  uint64_t value = 0;
  try {
    if (text.empty() || text[0] < '0' || text[0] > '9') throw std::invalid_argument(text);
    value = std::stoull(text, &end);
  } catch (const std::logic_error &) {
    end = std::string::npos;
  }
  if (end != text.size()) throw std::runtime_error(std::string("--") + option + " " + text + ": a whole number is expected");
  return value;
}

double probability(const std::string &text) {
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::logic_error &) {
    end = std::string::npos;
  }
  if (end != text.size() || !(value >= 0 && value <= 1)) {
    throw std::runtime_error("--noise " + text + ": a probability from 0 to 1 is expected, for instance 0.01");
  }
  return value;
}

int run(int argc, char **argv) {
  const auto text = [](const char *name) { return po::value<std::string>()->value_name(name); };
  po::options_description options("Options");
  options.add_options()                                                                                            //
      ("board", text("NAME"), "ulx3s-85f by default; `--board list` names the boards of this program")             //
      ("link", text("PATH"), "also make a symbolic link of this name to the port; it goes when the program ends")  //
      ("noise", text("P"),
       "corrupt each byte, in either direction, with probability P: of the bytes hit, 70 % have bits "  //
       "flipped, 10 % are dropped, 10 % follow a random byte too many, 10 % lose their stop bit")       //
      ("noise-seed", text("S"), "of the noise, 1 by default")                                           //
      ("cut", text("N"), "fall silent after N bytes to the PC")                                         //
      ("stuck", "never answer")                                                                         //
      ("reset-after", po::value<std::vector<std::string>>()->value_name("N"),
       "press the reset button after N bytes from the PC; may be given several times")  //
      ("reload-after", po::value<std::vector<std::string>>()->value_name("N"),
       "configure the FPGA anew after N bytes from the PC, which clears its memory, too")  //
      ("cycles", text("N"),
       "end N clock cycles after the first byte from the PC; without it the board sleeps while nothing happens")  //
      ("json", text("FILE"), "at the end, write what has happened as JSON")                                       //
      ("help,h", "this text");
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv)
                .options(options)
                .positional({})
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .run(),
            values);
  const auto given = [&](const char *name) { return values.count(name) != 0; };
  const auto number = [&](const char *name, uint64_t otherwise) {
    return given(name) ? whole_number(name, values[name].as<std::string>()) : otherwise;
  };
  if (given("help")) {
    std::cout << "systole-board: a simulated FPGA board on a pseudo-terminal. Its first line of output names the port:\n"
                 "  systole-board --link /tmp/board &\n"
                 "  systole gemm --engine fpga --port /tmp/board --a A.npy --b B.npy --out C.npy\n"
                 "Begin when that line is there. It runs until SIGINT, SIGTERM or the end of the process that started it.\n\n"
              << options;
    return 0;
  }
  const std::string name = given("board") ? values["board"].as<std::string>() : kDefaultBoard;
  if (name == "list") {
    for (const BoardBuild &build : boards()) std::cout << build.name << ": " << build.parameters << "\n";
    return 0;
  }
  const BoardBuild &build = find_board(name);
  Mishaps mishaps;
  if (given("noise")) mishaps.noise = probability(values["noise"].as<std::string>());
  mishaps.noise_seed = number("noise-seed", 1);
  mishaps.cut = given("stuck") ? 0 : number("cut", UINT64_MAX);
  const auto numbers = [&](const char *name) {
    std::vector<uint64_t> list;
    if (given(name)) {
      for (const std::string &value : values[name].as<std::vector<std::string>>()) list.push_back(whole_number(name, value));
    }
    return list;
  };
  mishaps.reset_after = numbers("reset-after");
  mishaps.reload_after = numbers("reload-after");
  const uint64_t cycles = number("cycles", UINT64_MAX);
  const std::string json = given("json") ? values["json"].as<std::string>() : "";
  if (!json.empty()) systole::npy::check_writable(json);

  struct sigaction action {};
  action.sa_handler = on_signal;  // no SA_RESTART: a sleep ends
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Pty pty(build.baud, given("link") ? values["link"].as<std::string>() : "");
  Simulator simulator(build, mishaps, pty);
  std::cout << pty.name() << std::endl;  // whoever waits for the line may begin
  simulator.run(stop, cycles);
  std::cout << simulator.summary() << std::flush;
  if (!json.empty()) {
    const std::string report = simulator.to_json();
    systole::npy::OutputFile file(json);
    file.write(report.data(), report.size());
    file.commit();
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return run(argc, argv);
  } catch (const po::error &error) {
    std::cerr << "systole-board: " << error.what() << " (systole-board --help lists the options)\n";
  } catch (const std::exception &error) {
    std::cerr << "systole-board: " << error.what() << "\n";
  }
  return kBadInput;
}
