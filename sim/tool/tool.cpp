// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/tool.hpp"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <iostream>
#include <new>

#include "firmware/include/systole_regs.h"
#include "sim/fpga/engine.hpp"
#include "sim/link/stream.hpp"
#include "sim/npy/npy.hpp"
#include "sim/platform/config.hpp"
#include "sim/platform/errors.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/tool/named_tests.hpp"
#include "sim/tool/options.hpp"

namespace systole::tool {

namespace {

void help(std::ostream &out) {
  out << "Usage: " << program_name()
      << " COMMAND [OPTIONS]\n\n"
         "  gemm      one matrix product of your own NumPy files\n"
         "  sim TEST  a named test; without a name, lists them\n"
         "  plan      how the driver would map a product, and the cycles it takes\n"
         "  probe     what is on a board at a serial port, and whether it works\n"
         "  list      the configurations and the tests\n"
         "  version   the version of this tool and of the core\n\n"
      << program_name()
      << " COMMAND --help tells the options. Exit status: 0 every bit and every cycle agreed, 1 not so, 2 bad input, "
         "3 the engine hung.\n";
}

void list(std::ostream &out) {
  out << "configurations (--config):\n";
  std::vector<std::string> built = platform::rtl_configs(false);  // none: the program of the model, which knows all
  if (built.empty()) built = platform::rtl_configs(true);
  for (const platform::ConfigInfo &config : platform::configs()) {
    if (!built.empty() && std::find(built.begin(), built.end(), config.name) == built.end()) continue;
    out << "  " << config.name << std::string(config.name.size() < 14 ? 14 - config.name.size() : 1, ' ') << config.rows << " x "
        << config.cols << " elements, " << config.axi_bits << "-bit AXI, " << config.int8_macs_per_cycle() << " int8 MACs a cycle"
        << (config.fp ? ", " + std::to_string(config.fp_macs_per_cycle()) + " fp16 or bf16" : "") << '\n';
  }
  out << "tests (" << program_name() << " sim TEST):\n";
  list_named_tests(out);
}

void version(std::ostream &out) {
  out << program_name() << ' ' << SYSTOLE_VERSION_MAJOR << '.' << SYSTOLE_VERSION_MINOR << '.' << SYSTOLE_VERSION_PATCH
      << " (command records version " << SYSTOLE_COMMAND_VERSION << ")\n";
}

/// The program's name and the text, as one line whatever is in it (a file's name may hold a line break).
int complain(const std::string &text, int status) {
  std::string line = program_name() + ": " + text;
  for (char &c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  std::cout.flush();
  std::cerr << line << '\n';
  return status;
}

/// The library's message with short options as the user typed them: it says '--m' where -m lacks its value.
std::string as_typed(std::string text, const std::vector<std::string> &arguments) {
  for (std::size_t at = text.find("'--"); at != std::string::npos; at = text.find("'--", at + 1)) {
    const std::string option = text.substr(at + 1, 3);
    const bool letter = at + 4 < text.size() && text[at + 4] == '\'';
    if (letter && std::find(arguments.begin(), arguments.end(), option) == arguments.end()) text.erase(at + 1, 1);
  }
  return text;
}

/// The fault that SYSTOLE_PLANT names must be one of this program's.
void check_plant() {
  const std::string name = awake_plant();
  if (name.empty()) return;
  const auto faults = platform::planted_faults();
  if (faults.empty())
    throw UserError("SYSTOLE_PLANT is set, but this program holds no planted faults: build/bin/systole-planted does");
  std::string known;
  for (const auto &[fault, what] : faults) {
    if (fault == name) return;
    known += (known.empty() ? "" : ", ") + fault;
  }
  throw UserError("no planted fault named '" + name + "' (known: " + known + ")");
}

int dispatch(const std::vector<std::string> &arguments) {
  check_plant();
  if (arguments.empty()) throw UserError("no command given (" + program_name() + " --help lists them)");
  const std::string &command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "gemm") return gemm_command(rest);
  if (command == "sim") return sim_command(rest);
  if (command == "plan") return plan_command(rest);
  if (command == "probe") return probe_command(rest);
  const bool helps = command == "--help" || command == "-h" || command == "help";
  if (helps || command == "list" || command == "version" || command == "--version") {
    if (!rest.empty()) throw UserError("'" + command + "' takes no arguments");
    if (helps)
      help(std::cout);
    else if (command == "list")
      list(std::cout);
    else
      version(std::cout);
    return kOk;
  }
  throw UserError("unknown command '" + command + "' (" + program_name() + " --help lists them)");
}

}  // namespace

int run(const std::vector<std::string> &arguments) {
  try {
    const int status = dispatch(arguments);
    std::cout.flush();
    if (!std::cout) return complain("cannot write to the standard output", kBadInput);
    return status;
  } catch (const UserError &error) {
    return complain(error.what(), kBadInput);
  } catch (const npy::Error &error) {
    return complain(error.what(), kBadInput);
  } catch (const link::Error &error) {
    return complain(error.what(), kBadInput);
  } catch (const platform::OutputError &error) {
    return complain(error.what(), kBadInput);
  } catch (const boost::program_options::error &error) {
    return complain(as_typed(error.what(), arguments), kBadInput);
  } catch (const fpga::StallError &error) {
    return complain(error.what(), kHang);
  } catch (const platform::HangError &error) {
    std::cout.flush();
    std::cerr << program_name() << ": the engine hangs\n" << error.what() << '\n';
    return kHang;
  } catch (const platform::RunError &error) {
    std::cout.flush();
    std::cerr << program_name() << ": the simulation failed\n" << error.what() << '\n';
    return kFailed;
  } catch (const std::bad_alloc &) {
    return complain("not enough memory", kBadInput);
  } catch (const std::exception &error) {
    return complain(std::string("internal error: ") + error.what(), kFailed);
  }
}

}  // namespace systole::tool
