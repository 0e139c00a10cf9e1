// SPDX-License-Identifier: Apache-2.0
// view_check VIEW [--window]: reads a GTKWave save file and its FST file as GTKWave would, and checks that every signal is there and that every
// trace shown as text shows texts, which change between the beginning and marker B, the interrupt (--window: they need not change).
// view_check VIEW --at CYCLE: what the traces of the group "first wrong" show in a cycle, a line each: label, text, digits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "gtkwave/fstapi.h"
#include "sim/platform/gtkw.hpp"
#include "sim/waves/wave_text.hpp"

namespace {

using Times = std::map<uint64_t, std::string>;  // bits from then on
constexpr uint64_t CYCLE = 1000;                // of a save file, in ps

struct Fst {
  std::map<std::string, fstHandle> handles;
  std::vector<Times> values;     // by handle
  uint64_t first = 0, last = 0;  // cycles
};

Fst read_fst(const std::string &file) {
  void *reader = fstReaderOpen(file.c_str());
  if (reader == nullptr) throw std::runtime_error("cannot read " + file);
  Fst fst;
  std::vector<std::string> path;
  while (const fstHier *item = fstReaderIterateHier(reader)) {
    if (item->htyp == FST_HT_SCOPE) path.emplace_back(item->u.scope.name);
    if (item->htyp == FST_HT_UPSCOPE) path.pop_back();
    if (item->htyp != FST_HT_VAR) continue;
    std::string name;
    for (const std::string &part : path) name += part + ".";
    name += item->u.var.name;
    name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
    fst.handles[name] = item->u.var.handle;
  }
  fst.values.resize(fstReaderGetMaxHandle(reader) + 1);
  fst.first = fstReaderGetStartTime(reader) / systole::platform::WAVE_UNITS;
  fst.last = fstReaderGetEndTime(reader) / systole::platform::WAVE_UNITS;
  fstReaderSetFacProcessMaskAll(reader);
  fstReaderIterBlocks(
      reader,
      [](void *user, uint64_t time, fstHandle handle, const unsigned char *value) {
        (*static_cast<std::vector<Times> *>(user))[handle][time] = reinterpret_cast<const char *>(value);
      },
      &fst.values, nullptr);
  fstReaderClose(reader);
  return fst;
}

/// A trace of the save file: bits of signals, and how they become text.
struct Trace {
  std::string label, engine;
  std::vector<std::pair<const Times *, int>> bits;  // -1: all of it
  std::map<std::string, std::string> table;         // of a translate file
  systole::waves::Decoder decoder;
};

std::string hexadecimal(std::string bits) {
  bits.insert(0, (4 - bits.size() % 4) % 4, '0');
  std::string text;
  for (size_t i = 0; i < bits.size(); i += 4) {
    int digit = 0;
    for (size_t b = 0; b < 4; ++b) digit = 2 * digit + (bits[i + b] == '1');
    text += "0123456789abcdef"[digit];
  }
  return text;
}

std::string value_at(const Trace &trace, uint64_t time) {
  std::string bits;
  for (const auto &[times, bit] : trace.bits) {
    auto after = times->upper_bound(time);
    const std::string value = after == times->begin() ? "" : std::prev(after)->second;
    bits += bit < 0 ? value : value.empty() ? "" : value.substr(static_cast<size_t>(bit), 1);
  }
  return hexadecimal(bits);
}

std::string text_of(const Trace &trace, const std::string &value) {
  if (trace.decoder) return trace.decoder(value);
  const auto found = trace.table.find(value);
  return found == trace.table.end() ? value : found->second;
}

/// `at`: says what the first wrong group shows in that cycle, instead of how much was checked.
int check(const std::string &view, bool parts, const std::optional<uint64_t> &at) {
  std::ifstream in(view);
  std::string line, fst_file, flags, engine;
  std::vector<std::string> groups, errors;
  std::vector<Trace> traces, first_wrong;
  Fst fst;
  uint64_t primary = 0, irq = 0;
  size_t signals = 0;
  Trace next;
  std::map<std::string, unsigned> of_engine;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string word;
    if (line.compare(0, 10, "[dumpfile]") == 0) {
      const std::string name = line.substr(12, line.size() - 13);
      fst = read_fst(view.substr(0, view.rfind('/') + 1) + name);
    } else if (line[0] == '*') {
      uint64_t doorbell = 0;
      words >> word >> primary >> doorbell >> irq;
    } else if (line[0] == '[') {
    } else if (line[0] == '@') {
      flags = line;
    } else if (line[0] == '-') {
      if (flags == "@800200" || flags == "@c00200") groups.push_back(line.substr(1));
      if (flags == "@1000200" || flags == "@1401200") {
        if (groups.empty() || groups.back() != line.substr(1)) errors.push_back("no group ends with " + line);
        if (!groups.empty()) groups.pop_back();
      }
      if (flags == "@200" && line.compare(0, 9, "-missing:") == 0) errors.push_back(line.substr(1));
    } else if (line[0] == '^') {
      words >> word;
      std::string rest;
      std::getline(words >> std::ws, rest);
      if (word[1] == '>') {
        const size_t space = rest.find(' ');
        if (!std::ifstream(rest.substr(0, space))) errors.push_back("no program " + rest);
        next.decoder = systole::waves::decoder(rest.substr(space + 1));
      } else {
        std::ifstream table(rest);
        if (!table) errors.push_back("no file " + rest);
        for (std::string entry; std::getline(table, entry);)
          next.table[entry.substr(0, entry.find(' '))] = entry.substr(entry.find(' ') + 1);
      }
    } else {
      // A trace: "+{label} signal", "#{label} (bit)signal …" or a signal alone.
      std::string rest = line;
      if (line[0] == '+' || line[0] == '#') {
        next.label = line.substr(2, line.find('}') - 2);
        rest = line.substr(line.find('}') + 2);
      } else {
        next.label = line;
      }
      next.engine = groups.empty() ? "" : groups.front();
      ++of_engine[next.engine];
      std::istringstream parts(rest);
      while (parts >> word) {
        ++signals;
        int bit = -1;
        if (word[0] == '(') {
          bit = std::atoi(word.c_str() + 1);
          word = word.substr(word.find(')') + 1);
        }
        const bool one_bit = word.size() > 5 && word.compare(word.size() - 5, 5, "[0:0]") == 0;
        if (one_bit && bit < 0) errors.push_back("GTKWave does not find " + word + ", only its bit");
        const auto at = fst.handles.find(word);
        if (at == fst.handles.end())
          errors.push_back("no signal " + word);
        else
          next.bits.emplace_back(&fst.values[at->second], bit);
      }
      const bool text = flags == "@2022" || flags == "@4022";
      if (text == (next.table.empty() && !next.decoder)) errors.push_back(next.label + " has no texts");
      if (text) traces.push_back(next);
      if (next.engine == "first wrong") first_wrong.push_back(next);
      next = {};
    }
  }
  for (const char *needed : {"registers", "control", "memory read", "load", "compute", "store", "memory write", "interrupt"})
    if (of_engine[needed] == 0) errors.push_back(std::string("no signal in group ") + needed);
  if (!groups.empty()) errors.push_back("group " + groups.back() + " does not end");

  // What only a fault changes.
  const std::set<std::string> constant = {"error"};
  for (const Trace &trace : traces) {
    std::set<std::string> texts;
    std::string unknown, last = "?";
    for (uint64_t cycle = 0; cycle <= irq / CYCLE + 5; ++cycle) {
      const std::string value = value_at(trace, cycle * systole::platform::WAVE_UNITS);
      if (value == last) continue;
      last = value;
      if (value.empty()) continue;
      const auto found = trace.table.find(value);
      if (!trace.decoder && found == trace.table.end()) unknown = value;
      texts.insert(trace.decoder ? trace.decoder(value) : found == trace.table.end() ? "" : found->second);
    }
    const std::string name = trace.engine + ": " + trace.label;
    if (!unknown.empty()) errors.push_back(name + " shows " + unknown + ", not a text");
    if (!parts && texts.size() < 2 && constant.count(trace.label) == 0) errors.push_back(name + " does not change");
  }
  for (const std::string &error : errors) std::cerr << view << ": " << error << '\n';
  if (at) {
    for (const Trace &trace : first_wrong) {
      const std::string value = value_at(trace, *at * systole::platform::WAVE_UNITS);
      std::cout << trace.label << '\t' << text_of(trace, value) << '\t' << value << '\n';
    }
    return errors.empty() ? 0 : 1;
  }
  std::cout << view << ": " << traces.size() << " traces with texts, " << signals << " bits and signals, cycles " << fst.first
            << " to " << fst.last << ';';
  for (const auto &[name, count] : of_engine) std::cout << ' ' << (name.empty() ? "-" : name) << ' ' << count;
  std::cout << '\n';
  return errors.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    const bool parts = argc == 3 && std::string(argv[2]) == "--window";
    if (argc == 2 || parts) return check(argv[1], parts, std::nullopt);
    if (argc == 4 && std::string(argv[2]) == "--at") return check(argv[1], true, std::strtoull(argv[3], nullptr, 10));
    std::cerr << "view_check VIEW [--window | --at CYCLE]\n";
  } catch (const std::exception &error) {
    std::cerr << "view_check: " << error.what() << '\n';
  }
  return 2;
}
