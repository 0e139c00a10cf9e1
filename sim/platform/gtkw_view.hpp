// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/platform/gtkw_text.hpp"

namespace systole::platform {

/// Bits of a signal, named below the top ("u_load.idx_i"); `high` < `low`: all of them.
struct Bits {
  std::string path;
  unsigned high = 0, low = 1;
};

/// Cycles that a view shows; 0: there is no such thing.
struct ViewTimes {
  uint64_t doorbell = 0, irq = 0;
  std::optional<uint64_t> mark;
  std::string mark_name;  ///< beside its line; "": its letter
  uint64_t cause = 0;     ///< a wrong sum leaves its element, or a token comes too early
  uint64_t from = 0;      ///< the waves begin here
  uint64_t until = 0;     ///< should be in view, with the doorbell
};

/// A GTKWave save file under construction, from the signals that an FST file holds. What it lacks becomes a comment "missing: …".
class View {
 public:
  /// @throws OutputError if the FST file cannot be read, holds no top or the view not be written
  View(const std::string &fst_file, const ViewTimes &times);

  void begin(const std::string &title, bool closed);
  /// Ends the group that was begun last.
  void end();
  void comment(const std::string &text);
  /// A signal or some of its bits: hexadecimal, or one bit.
  void plain(const std::string &label, const Bits &bits);
  void decimal(const std::string &label, const Bits &bits);
  /// Bits beside each other, from the highest, by a file of texts: `names` has that of each value.
  void text(const std::string &label, const std::string &file, const text::Names &names, const std::vector<Bits> &bits);
  /// The same, and "-" for each of them while `valid`, a bit before them, is 0.
  void valid_text(const std::string &label, const std::string &file, const text::Names &names, const Bits &valid,
                  const Bits &bits, const std::optional<Bits> &more = std::nullopt);
  /// Bits beside each other by a process: systole-wave-filter TYPE.
  void decode(const std::string &label, const std::string &type, const std::vector<Bits> &bits);
  /// The signals of an enumerated type in an instance and below it, by the names that the FST file holds.
  void states(const std::string &instance);
  /// The ports of an instance.
  void ports(const std::string &instance);
  /// The signals directly in an instance ("": the top) whose names are wanted.
  void all(const std::string &instance, const std::function<bool(const std::string &)> &wanted);

  /// Bits of a signal, 0 if there is none.
  unsigned width(const std::string &path);
  /// The instances directly in one.
  std::vector<std::string> instances(const std::string &instance) const;
  /// Writes a file into the folder of names. @returns its path
  std::string write_names(const std::string &file, const std::string &text);

  /// @throws OutputError if it could not be written
  void close();

 private:
  struct Signal {
    std::string path;  ///< with the range, as GTKWave names it
    std::string name;  ///< last part, without the range
    unsigned bits = 1;
    uint32_t enumeration = 0;  ///< 0: none
  };
  struct Enumeration {
    std::string name;
    text::Names values;
  };

  void read(const std::string &fst_file);
  const Signal *find(const std::string &path);
  std::string scope(const std::string &instance) const { return instance.empty() ? top_ : top_ + "." + instance; }
  void write_signal(const Signal &signal);
  /// GTKWave's words for the bits, from the highest; none: a signal is missing.
  std::optional<std::string> words(const std::vector<Bits> &bits, unsigned &count);
  void composed(const std::string &label, const std::string &flags, const std::string &filter, const std::string &color,
                const std::vector<Bits> &bits);

  std::string file_, names_, filter_, top_;
  std::map<std::string, std::vector<Signal>> scopes_;
  std::map<uint32_t, Enumeration> enumerations_;
  std::map<std::string, unsigned> files_, processes_;  // their numbers in the view
  std::vector<std::pair<std::string, bool>> groups_;   // open: title, closed
  std::vector<std::string> missing_;
  std::ofstream out_;
};

}  // namespace systole::platform
