// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/diagnosis.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "sim/diagnose/locate.hpp"
#include "sim/diagnose/tokens.hpp"
#include "sim/golden/float.hpp"
#include "sim/platform/command_text.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/platform/gtkw_text.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/tool.hpp"

extern char **environ;

namespace systole::tool {

namespace {

namespace fs = std::filesystem;
using diagnose::Divergence;
using diagnose::Port;
using platform::FirstWrong;

// What a signal must leave nothing of: the scratch folder and its files. The handler can make no strings.
char scratch_names[4][256];  // files, then the folder; "": none

void clean_up(int signal_number) {
  for (int i = 0; i < 3; ++i) {
    if (scratch_names[i][0] != '\0') unlink(scratch_names[i]);
  }
  if (scratch_names[3][0] != '\0') rmdir(scratch_names[3]);
  std::signal(signal_number, SIG_DFL);
  raise(signal_number);
}

/// A folder with two files that goes away with this object, and with the process.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "systole-XXXXXX").string();
    if (name.size() + 20 > sizeof scratch_names[0] || mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("no temporary folder can be made");
    path_ = name;
    const std::string files[] = {waves(), waves() + ".hier", log(), name};
    for (int i = 0; i < 4; ++i) std::strcpy(scratch_names[i], files[i].c_str());
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, clean_up);
  }
  ~ScratchFolder() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_DFL);
    std::error_code none;
    fs::remove_all(path_, none);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;
  std::string waves() const { return (path_ / "ports.fst").string(); }
  std::string log() const { return (path_ / "log").string(); }

 private:
  fs::path path_;
};

/// This program with other arguments; its output goes to `log`, and it ends with this process. @returns its exit status, -1 if it could
/// not run or was ended
int start_self(const std::vector<std::string> &arguments, const std::string &log) {
  std::vector<std::string> words = {program_name()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char *> argv;
  for (std::string &word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char *> environment;  // a trace of handshakes would be written over
  for (char **entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "SYSTOLE_TRACE=", 14) != 0) environment.push_back(*entry);
  }
  environment.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {  // only what may be called between fork and exec
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
    const int in = open("/dev/null", O_RDONLY), out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
      _exit(127);
    execve("/proc/self/exe", argv.data(), environment.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What a run says that cannot do what it was asked for.
std::string last_line(const std::string &file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

constexpr std::uint64_t kAfter = 32;    // cycles that waves show after the mark
constexpr std::uint64_t kReach = 1000;  // cycles that a token may be before it

std::string window(std::uint64_t from, std::uint64_t to) { return std::to_string(from) + ":" + std::to_string(to); }

const char *port_text(Port port) {
  switch (port) {
    case Port::load: return "the load engine writes";
    case Port::accumulator: return "the array's sum is written into";
    case Port::read: return "the store engine reads";
    case Port::result: return "the epilogue hands on the result of";
    default: return "the store engine sends";
  }
}

const char *checked_text(Port port) {
  switch (port) {
    case Port::load: return "buffer writes of the load engine";
    case Port::accumulator: return "accumulator writes";
    case Port::read: return "accumulator reads of the store engine";
    case Port::result: return "results of the epilogue";
    default: return "bytes sent to memory";
  }
}

/// Where to look, and the source of the block.
std::string suspect(const Divergence &at, const diagnose::Element &element) {
  switch (at.port) {
    case Port::load:
      return at.missing ? "load engine: the word never comes (rtl/load/systole_load.sv)"
                        : "load engine, DMA read: what it makes of the bus's beats (byte rotator: rtl/load/systole_dma_read.sv)";
    case Port::accumulator:
      if (!at.stale.empty())
        return "control, tokens: the command began before its operands were there (rtl/control/systole_tokens.sv; who gives and "
               "takes: "
               "docs/commands_and_registers.md)";
      if (at.missing) return "compute engine: the sum is never written (rtl/compute/systole_act_seq.sv, systole_accumulators.sv)";
      if (element.seed_wrong)
        return "compute engine: what enters the array's top is wrong: seed, accumulator read or hazard "
               "(rtl/compute/systole_accumulators.sv, systole_hazard.sv)";
      if (element.known)
        return "compute engine: element [" + std::to_string(element.row) + "][" + std::to_string(at.column) +
               "] of the array, row " + std::to_string(element.row) + ", column " + std::to_string(at.column) +
               " (rtl/compute/systole_row.sv, rtl/compute/systole_array.sv), or the operands that reach it "
               "(rtl/compute/systole_edge.sv)";
      return "compute engine: column " + std::to_string(at.column) +
             " of the array (rtl/compute/systole_array.sv) or the operands that reach it (systole_edge.sv, "
             "systole_operand_buffer.sv)";
    case Port::read:
      return "accumulators: what the array wrote right is read wrong, or was read too early "
             "(rtl/compute/systole_accumulators.sv, rtl/store/systole_store_walk.sv)";
    case Port::memory: return "store engine, DMA write: what it makes of the epilogue's results (rtl/store/systole_dma_write.sv)";
    default:
      return at.missing ? "store engine: the epilogue never hands the result on (rtl/store/systole_store.sv)"
                        : "store engine, epilogue: right sums go in, wrong results come out (rtl/store/systole_epilogue.sv, "
                          "rtl/store/systole_epilogue_lane.sv)";
  }
}

/// Where a token's fault is.
std::string suspect(const diagnose::TokenFault &fault) {
  if (!fault.given_early)
    return "control, tokens: one was taken that had not been given (rtl/control/systole_tokens.sv; who gives and takes: "
           "docs/commands_and_registers.md)";
  const unsigned token = 1u << fault.token;
  const char *const giver = (SYSTOLE_LOAD_GIVES & token) != 0 ? "load engine, DMA read (rtl/load/systole_dma_read.sv)"
                            : (SYSTOLE_COMPUTE_GIVES & token) != 0
                                ? "compute engine (rtl/compute/systole_act_seq.sv)"
                                : "store engine, write responses (rtl/store/systole_store_answers.sv)";
  return std::string(giver) + ": it gives a token before its command has ended";
}

/// As a shell takes it.
std::string quoted(const std::string &word) {
  constexpr const char *kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + '\'';
}

/// Whether this program can repeat a run with waves.
bool has_traced_build(const EngineOptions &options) {
  const std::vector<std::string> built = platform::rtl_configs(true);
  return options.x_seed == 0 && std::find(built.begin(), built.end(), options.config.name) != built.end();
}

class Diagnosis {
 public:
  Diagnosis(const std::vector<std::string> &arguments, const platform::RunOptions &run,
            const std::vector<platform::GemmJob> &jobs, Report &report, ProgressMeter &meter)
      : rerun_(rerun_arguments(arguments, report)), run_(run), jobs_(jobs), report_(report), meter_(meter) {}

  /// The machine stopped with an error.
  void stopped(std::size_t product) {
    const platform::GemmResult &result = run_.queued ? report_.cases.back().result : report_.cases[product].result;
    begin_ = result.doorbell_cycle;
    std::uint64_t mark = std::max(result.interrupt_cycle, begin_);
    report_.first_wrong = FirstWrong{};
    FirstWrong &out = *report_.first_wrong;
    out.port = "error";
    out.place = "error " + std::to_string(result.error_code) + ' ' + systole_error_name(result.error_code);
    const std::size_t index = result.error_index - result.measured.first;
    // Of these ERROR_INDEX is where RING_HEAD stood.
    const bool of_head = result.error_code == SYSTOLE_ERROR_TOKEN || result.error_code == SYSTOLE_ERROR_RING ||
                         result.error_code == SYSTOLE_ERROR_WATCHDOG || result.error_code == SYSTOLE_ERROR_PARITY;
    say("stopped     " + out.place + (of_head ? ", RING_HEAD stood at #" : ", command #") + std::to_string(index) + ", address " +
        std::to_string(result.error_address));
    say(std::string("that is     ") + systole_error_text(result.error_code));
    if (!of_head && index < result.measured.commands.size()) {
      out.command = index;
      command_line(result, index);
    }
    if (trace_ports(result.measured, mark) && token_fault_) {
      token_lines(result);
      say("look at     " + suspect(*token_fault_));
      mark = token_fault_->cycle;
      out.port = "token";
      out.command = token_fault_->given_early ? token_fault_->giver : token_fault_->taker;
      out.place += std::string(": ") + platform::TOKEN_NAMES[token_fault_->token];
      std::tie(out.expected, out.actual) = token_times(result.measured);
    }
    out.cycle = mark;
    if (mark == 0) return;
    const std::string &waves = report_.options.mismatch_waves;
    const std::vector<std::string> about = trace_around(mark, waves);
    say_waves(about, mark, waves);
    show(about.empty());
  }

  /// Nothing moves since cycle `mark`. @returns a line about waves of it
  std::string hang(std::uint64_t mark) {
    const EngineOptions &options = report_.options;
    if (!options.waves.empty() && options.waves_scopes.empty() && mark >= options.waves_from && mark <= options.waves_to)
      return options.waves + ", view " + platform::gtkw_name(options.waves) + ":\n           marker on cycle " + grouped(mark);
    const std::vector<std::string> problem = trace_around(mark, options.hang_waves, kHang);
    if (!problem.empty()) return "none: " + problem.front();
    return waves_text(mark, options.hang_waves, ":\n           ");
  }

  void operator()(std::size_t product) {
    // Of queued products the last one knows what all did.
    const platform::GemmResult &result = run_.queued ? report_.cases.back().result : report_.cases[product].result;
    begin_ = result.doorbell_cycle;
    product_ = product;
    const std::uint64_t end = std::max(result.interrupt_cycle, begin_);
    if (!trace_ports(result.measured, end)) return;
    diagnose::Run what;
    what.config = report_.options.config;
    what.records = result.measured.program.records;
    platform::MemoryImage image = platform::operand_image(run_, jobs_, product);
    what.memory = std::move(image.bytes);
    what.memory_base = image.base;
    what.begin = begin_;
    findings_ = diagnose::locate(what, *platform::read_waves(scratch_.waves()));
    const std::optional<Divergence> &found = findings_.first;

    if (!found) {
      say("all that passes the engines' ports is right, and C was not: something else writes it");
      return;
    }
    // What comes after the first wrong bit is none of its causes.
    if (token_fault_ && token_fault_->cycle > found->cycle) token_fault_.reset();
    const std::uint64_t mark = found->cycle;
    const std::string waves = report_.options.mismatch_waves;
    const std::vector<std::string> about = trace_around(mark, waves);
    const bool traced = about.empty();
    diagnose::Element element;
    std::string problem;  // what is known is said all the same
    try {
      if (traced && found->stale.empty() && !token_fault_)
        element = diagnose::find_element(report_.options.config, *found, *platform::read_waves(waves));
    } catch (const std::exception &error) {
      problem = error.what();
    }
    describe(result, *found, element);
    if (!problem.empty()) say("element     not looked for: " + problem);
    say_waves(about, mark, waves);
    report_.first_wrong = to_report(*found, element, mark);
    if (token_fault_) {
      report_.first_wrong->token = token_times(result.measured).second;
      report_.first_wrong->cause_cycle = token_fault_->cycle;
    }
    report_.first_wrong->stale = token_fault_ || !found->stale.empty();
    show(traced);
  }

 private:
  void say(const std::string &line) { report_.diagnosis.push_back(line); }

  std::uint64_t window_begin(std::uint64_t mark) const {
    const platform::ConfigInfo &config = report_.options.config;
    const std::uint64_t depth = std::uint64_t{config.element_latency} * config.rows + config.cols;
    const std::uint64_t begin = mark - std::min(mark, 64 + 2 * depth);
    // A token that came too early should be seen, too, unless that was long before.
    const std::uint64_t token = token_fault_ ? token_fault_->cycle : mark;
    return token + kReach < mark ? begin : std::min(begin, token - std::min<std::uint64_t>(token, 8));
  }

  /// Runs once more with all signals. @returns what went wrong, one line; empty: nothing
  std::vector<std::string> trace_around(std::uint64_t mark, const std::string &waves, int ends = kFailed) {
    if (waves.empty())
      return {std::string("no file is named (--mismatch-waves, or --json or --out for ") + (ends == kHang ? "hang" : "mismatch") +
              ".fst beside it)"};
    meter_.phase("tracing around it");
    std::vector<std::string> command = rerun_;
    for (const std::string &word :
         {std::string("--waves"), waves, std::string("--waves-window"), window(window_begin(mark), mark + kAfter)})
      command.push_back(word);
    if (start_self(command, scratch_.log()) == ends) return {};
    return {last_line(scratch_.log())};
  }

  void say_waves(const std::vector<std::string> &problem, std::uint64_t mark, const std::string &waves) {
    if (!problem.empty()) {
      say("waves       none: " + problem.front());
      return;
    }
    say("waves       " + waves_text(mark, waves));
    report_.first_wrong_waves = waves;
  }

  std::string waves_text(std::uint64_t mark, const std::string &waves, const char *separator = ": ") const {
    return waves + ", view " + platform::gtkw_name(waves) + separator + "cycles " + grouped(window_begin(mark)) + " to " +
           grouped(mark + kAfter) + ", marker on cycle " + grouped(mark);
  }

  /// Writes the finding into the view of the waves around it, if they were `traced`, and into that of the waves which the user asked for,
  /// if they hold its cycle.
  void show(bool traced) {
    platform::WaveNotes notes;
    for (const Case &c : report_.cases) notes.add(c.result.measured, c.result.doorbell_cycle, c.result.interrupt_cycle);
    notes.first_wrong = report_.first_wrong;
    const std::uint64_t cycle = report_.first_wrong->cycle;
    const EngineOptions &options = report_.options;
    if (traced) platform::write_view({options.mismatch_waves, window_begin(cycle), cycle + kAfter, {}}, notes);
    if (!options.waves.empty() && options.waves_scopes.empty() && cycle >= options.waves_from && cycle <= options.waves_to)
      platform::write_view({options.waves, options.waves_from, options.waves_to, {}}, notes);
  }

  /// Runs once more with the ports between the blocks alone, to `end`, and looks at the tokens. @returns whether that could be done; else
  /// says why not
  bool trace_ports(const platform::MeasuredProgram &measured, std::uint64_t end) {
    meter_.phase("looking for the first wrong bit");
    std::vector<std::string> command = rerun_;
    for (const std::string &word :
         {std::string("--waves"), scratch_.waves(), std::string("--waves-window"), window(begin_, end + 1)})
      command.push_back(word);
    for (const std::string &scope : diagnose::located_scopes()) {
      command.emplace_back("--waves-scope");
      command.push_back(scope);
    }
    const int status = start_self(command, scratch_.log());
    if (status != kFailed) {
      say("the run cannot be repeated with waves (exit status " + std::to_string(status) + "): " + last_line(scratch_.log()));
      return false;
    }
    const auto waves = platform::read_waves(scratch_.waves());
    token_fault_ = diagnose::find_token_fault(measured, begin_, diagnose::read_tokens(begin_, *waves));
    return true;
  }

  void token_lines(const platform::GemmResult &result) {
    const diagnose::TokenFault &fault = *token_fault_;
    const std::string name = platform::TOKEN_NAMES[fault.token];
    const std::string cycle = " in cycle " + grouped(fault.cycle - begin_) + " of the job";
    const auto number = [](const std::optional<std::size_t> &index) {
      return index ? '#' + std::to_string(*index) : std::string("none");
    };
    const auto ended = [&](std::size_t giver) {
      const timing::Command &times = result.measured.commands[giver];
      return times.begin == timing::kNever ? std::string("never began")
             : times.end == timing::kNever ? std::string("had not ended")
                                           : "ended in cycle " + grouped(times.end);
    };
    if (fault.given_early)
      say("too early   " + number(fault.giver) + " gave " + name + cycle + ", but " + ended(*fault.giver) +
          "; taker: " + number(fault.taker));
    else
      say("too early   " + number(fault.taker) + " took " + name + cycle + ", but " +
          (fault.giver ? number(fault.giver) + ", which gives it, " + ended(*fault.giver) : "no command gives so many"));
    if (const auto index = fault.given_early ? fault.giver : fault.taker) command_line(result, *index);
  }

  /// When a token that came too early should have come, and when it did, in words; commands as the RTL counts.
  std::pair<std::string, std::string> token_times(const platform::MeasuredProgram &measured) const {
    const diagnose::TokenFault &fault = *token_fault_;
    const std::string name = platform::TOKEN_NAMES[fault.token], cycle = " in cycle " + std::to_string(fault.cycle);
    const auto number = [&](std::size_t index) { return '#' + std::to_string(measured.first + index); };
    std::string expected = "no " + name;
    if (fault.giver) {
      const timing::Cycle end = measured.commands[*fault.giver].end;
      expected =
          name + " from " + number(*fault.giver) + (end == timing::kNever ? "" : ", cycle " + std::to_string(begin_ + end));
    }
    if (fault.given_early) return {expected, name + " given" + cycle};
    return {expected, name + " taken" + cycle};
  }

  static FirstWrong to_report(const Divergence &at, const diagnose::Element &element, std::uint64_t cycle) {
    FirstWrong out;
    static const char *const kNames[] = {"load", "accumulator", "read", "result", "memory"};
    out.port = kNames[static_cast<unsigned>(at.port)];
    out.command = at.command;
    out.cycle = cycle;
    out.place = at.place;
    if (!at.missing) {
      out.expected = at.expected;
      out.actual = at.actual;
      out.bits = at.bits;
    }
    out.lane = at.lane;
    if (at.port == Port::accumulator || at.port == Port::read) out.column = at.column;
    if (element.known && !element.seed_wrong) {
      out.row = element.row;
      out.sum_expected = golden::value_text(at.sum_type, element.expected);
      out.sum_actual = golden::value_text(at.sum_type, element.actual);
      out.cause_cycle = element.cycle;
    }
    return out;
  }

  void command_line(const platform::GemmResult &result, std::size_t index) {
    const timing::Command &times = result.measured.commands[index];
    const auto cycle = [](timing::Cycle at) { return at == timing::kNever ? std::string("never") : grouped(at); };
    const timing::Record &record = result.measured.program.records[index];
    const unsigned engine = platform::engine_of(record);
    say("command     #" + std::to_string(index) + ' ' + platform::command_name(record) + " (" + platform::engine_name(engine) +
        " engine), begins " + cycle(times.begin) + ", ends " + cycle(times.end) + " (cycles of the job)");
    say("            " + platform::command_essentials(record));
  }

  /// ", C[3][17] of product 2": whose value that is.
  std::string result_text(std::uint64_t address) const {
    for (std::size_t job = 0; address != 0 && job < jobs_.size(); ++job) {
      if (!run_.queued && job != product_) continue;
      if (const auto place = platform::find_in_result(run_, jobs_, job, address))
        return ": C[" + std::to_string(place->first) + "][" + std::to_string(place->second) + "]" +
               (jobs_.size() > 1 ? " of product " + std::to_string(job) : "");
    }
    return "";
  }

  void describe(const platform::GemmResult &result, const Divergence &found, const diagnose::Element &element) {
    say(std::string("first wrong ") + port_text(found.port) + ' ' + found.place +
        (found.missing
             ? ": never"
             : " in cycle " + grouped(found.cycle - begin_) + " of the job (" + grouped(found.cycle) + " of the waves)"));
    if (!found.missing) say("            expected " + found.expected + "  actual " + found.actual + ", " + found.bits);
    command_line(result, found.command);
    if (!found.tile.empty()) say("            " + found.tile + result_text(found.address));
    if (element.known && !element.seed_wrong)
      say("element     [" + std::to_string(element.row) + "][" + std::to_string(found.column) +
          "]: the sum that enters it is right, the one that leaves it should be " +
          golden::value_text(found.sum_type, element.expected) + " and is " + golden::value_text(found.sum_type, element.actual));
    if (element.seed_wrong) say("element     none: the sum that enters the array's row 0 is wrong already");
    if (token_fault_)
      token_lines(result);
    else if (!found.stale.empty())
      say("too early   " + found.stale);
    const auto at = static_cast<unsigned>(found.port);
    for (unsigned port = 0; port < at; ++port) {
      const diagnose::Tally &tally = findings_.ports[port];
      if (tally.compared != 0 && tally.wrong == 0)
        say("right       " + grouped(tally.compared) + ' ' + checked_text(static_cast<Port>(port)));
    }
    say("wrong       " + grouped(findings_.ports[at].wrong) + " of " + grouped(findings_.ports[at].compared) + ' ' +
        checked_text(found.port) + (found.pattern.empty() ? "" : ", " + found.pattern));
    say("look at     " + (token_fault_ ? suspect(*token_fault_) : suspect(found, element)));
  }

  const ScratchFolder scratch_;
  const std::vector<std::string> rerun_;
  const platform::RunOptions &run_;
  const std::vector<platform::GemmJob> &jobs_;
  Report &report_;
  ProgressMeter &meter_;
  diagnose::Findings findings_;
  std::optional<diagnose::TokenFault> token_fault_;
  std::uint64_t begin_ = 0;
  std::size_t product_ = 0;
};

}  // namespace

std::vector<std::string> rerun_arguments(const std::vector<std::string> &arguments, const Report &report) {
  static const char *const kDropped[] = {"--json",     "--trace",          "--waves", "--waves-window", "--waves-scope",
                                         "--timeline", "--mismatch-waves", "--seed",  "--out"};
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string &word = arguments[i];
    const std::string name = word.substr(0, word.find('='));
    if (std::find_if(std::begin(kDropped), std::end(kDropped), [&](const char *option) { return name == option; }) ==
        std::end(kDropped)) {
      out.push_back(word);
    } else if (name.size() == word.size()) {
      ++i;  // its value follows
    }
  }
  if (report.seed && report.repeatable) {
    out.emplace_back("--seed");
    out.push_back(std::to_string(*report.seed));
  }
  out.emplace_back("--no-diagnosis");
  if (!arguments.empty() && arguments.front() == "gemm") {  // it is asked for, and written only if all agrees
    out.emplace_back("--out");
    out.emplace_back("/dev/null");
  }
  return out;
}

std::string again_text(const std::vector<std::string> &arguments, const Report &report) {
  std::string out = (awake_plant().empty() ? "" : "SYSTOLE_PLANT=" + awake_plant() + " ") + program_name();
  // A product of the user's own is told as it was typed.
  const bool own = !arguments.empty() && arguments.front() == "gemm";
  for (const std::string &word : own ? arguments : rerun_arguments(arguments, report)) {
    if (word != "--no-diagnosis" || own) out += ' ' + quoted(word);
  }
  return out;
}

void note_plant(Report &report) {
  for (const auto &[name, what] : platform::planted_faults()) {
    if (name == awake_plant()) report.notes.push_back("planted fault " + name + ": " + what);
  }
}

std::string show_hang(const platform::HangError &error, const platform::RunOptions &run,
                      const std::vector<platform::GemmJob> &jobs, Report &report, ProgressMeter &meter) {
  const EngineOptions &options = report.options;
  if (!options.is_rtl() || !options.diagnosis || !error.last_move()) return "";
  const std::string line = "\n  waves    ";
  if (options.waves.empty() && !has_traced_build(options))
    return line + "none: this program holds no build with waves of this configuration";
  try {
    return line + Diagnosis(report.command, run, jobs, report, meter).hang(*error.last_move());
  } catch (const std::exception &other) {
    return line + "none: " + other.what();
  }
}

void diagnose(const std::vector<std::string> &arguments, const platform::RunOptions &run,
              const std::vector<platform::GemmJob> &jobs, Report &report, ProgressMeter &meter) {
  if (!report.options.is_rtl() || !report.options.diagnosis) return;
  const auto wrong = std::find_if(report.cases.begin(), report.cases.end(),
                                  [](const Case &c) { return c.mismatches != 0 || c.result.error_code != 0; });
  if (wrong == report.cases.end()) return;
  if (!has_traced_build(report.options)) {
    report.diagnosis.push_back("this program holds no build with waves of this configuration that could say more");
    return;
  }
  try {
    Diagnosis diagnosis(arguments, run, jobs, report, meter);
    const auto product = static_cast<std::size_t>(wrong - report.cases.begin());
    if (wrong->mismatches != 0)
      diagnosis(product);
    else
      diagnosis.stopped(product);
  } catch (const std::exception &error) {
    report.diagnosis.push_back(std::string("the search for the first wrong bit ended early: ") + error.what());
  }
}

}  // namespace systole::tool
