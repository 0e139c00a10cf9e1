// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gtkw_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gtkwave/fstapi.h"
#include "sim/platform/errors.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/platform/rtl.hpp"

namespace systole::platform {
namespace {

namespace fs = std::filesystem;

// Flags of a trace in GTKWave's save file (analyzer.h); all values to the right.
const char *const HEX = "@22", *const DECIMAL = "@24", *const BIT = "@28", *const TEXT = "@2022", *const PROCESS = "@4022",
                  *const COMMENT = "@200", *const GROUP_BEGIN = "@800200", *const GROUP_BEGIN_CLOSED = "@c00200",
                  *const GROUP_END = "@1000200", *const GROUP_END_CLOSED = "@1401200";
constexpr uint64_t CYCLE = 1000;  // GTKWave counts in the prefix of the file's time unit, picoseconds
// GTKWave's colours: what a part is at, and what it works on.
const char *const YELLOW = "3", *const GREEN = "4";

bool begins(const std::string &text, const std::string &with) { return text.compare(0, with.size(), with) == 0; }
bool ends(const std::string &text, const std::string &with) {
  return text.size() >= with.size() && text.compare(text.size() - with.size(), with.size(), with) == 0;
}

/// A value as GTKWave shows so many bits of it.
std::string hexadecimal(uint64_t value, unsigned bits) {
  static const char *const DIGITS = "0123456789abcdef";
  std::string text((bits + 3) / 4, '0');
  for (size_t i = text.size(); i-- > 0; value >>= 4) text[i] = DIGITS[value & 15];
  return text;
}

/// A signal of one bit; GTKWave knows a vector of one bit only by its bit.
std::string word_of_bit(const std::string &path) { return (ends(path, "[0:0]") ? "(0)" : "") + path; }

/// The wave filter beside this program; "": there is none.
std::string find_filter() {
  std::error_code unknown;
  const fs::path folder = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  for (const fs::path &place : {folder, folder.parent_path() / "bin"}) {
    const fs::path file = place / "systole-wave-filter";
    if (!unknown && fs::is_regular_file(file, unknown)) return file.string();
    unknown.clear();
  }
  return "";
}

}  // namespace

View::View(const std::string &fst_file, const ViewTimes &times) : file_(gtkw_name(fst_file)), filter_(find_filter()) {
  read(fst_file);
  // GTKWave wants absolute names: it sees others from where it was started.
  std::error_code error;
  names_ = fs::absolute(gtkw_names(fst_file), error).lexically_normal().string();
  // Texts of an earlier view; what else lies there is not ours.
  for (const fs::directory_entry &entry : fs::directory_iterator(names_, error))
    if (entry.path().extension() == ".txt") fs::remove(entry.path(), error);
  error.clear();
  fs::create_directories(names_, error);
  if (error) throw OutputError("cannot write " + names_ + ": " + error.message());
  out_.open(file_);
  const std::string dump = fst_file.substr(fst_file.find_last_of('/') + 1);

  // In view: the mark, else the way from the doorbell to the first row; at most so that a command's text can be read.
  const uint64_t primary = times.mark ? *times.mark : std::max(times.doorbell, times.from);
  const uint64_t before = times.mark ? 100 : 20,
                 after = std::clamp<uint64_t>(times.until, primary + 100, primary + 1000) - primary + 100;
  const uint64_t left = std::max(primary > before ? primary - before : 0, times.from);
  // Zoom is that of a frame of 200 pixels; there are at least 1000.
  const double zoom = -std::log2(static_cast<double>((primary - left + after) * CYCLE) / 5);
  const auto time = [](uint64_t cycle) { return cycle == 0 ? std::string("-1") : std::to_string(cycle * CYCLE); };
  out_ << "[*] Written by the Systole platform; 1 ns is a cycle.\n[dumpfile] \"" << dump << "\"\n[timestart] " << left * CYCLE
       << "\n[size] 1600 1000\n[pos] -1 -1\n*" << zoom << ' ' << primary * CYCLE << ' ' << time(times.doorbell) << ' '
       << time(times.irq) << ' ' << (times.mark ? std::to_string(*times.mark * CYCLE) : "-1") << ' ' << time(times.cause);
  for (unsigned marker = 4; marker < 26; ++marker) out_ << " -1";
  if (times.mark && !times.mark_name.empty()) out_ << "\n[markername] C" << times.mark_name;
  const bool wide = times.mark && times.mark_name.empty();  // for what is said of a mismatch
  out_ << "\n[sst_expanded] 0\n[sst_width] 60\n[signals_width] " << (wide ? 560 : 420) << '\n';
}

void View::read(const std::string &fst_file) {
  void *reader = fstReaderOpen(fst_file.c_str());
  if (reader == nullptr) throw OutputError("cannot read the waves in " + fst_file);
  std::vector<std::string> path;
  const auto joined = [&path] {
    std::string text;
    for (const std::string &part : path) text += (text.empty() ? "" : ".") + part;
    return text;
  };
  uint32_t enumeration = 0;
  while (const fstHier *item = fstReaderIterateHier(reader)) {
    if (item->htyp == FST_HT_SCOPE) {
      path.emplace_back(item->u.scope.name);
    } else if (item->htyp == FST_HT_UPSCOPE) {
      if (!path.empty()) path.pop_back();
    } else if (item->htyp == FST_HT_ATTRBEGIN && item->u.attr.typ == FST_AT_MISC && item->u.attr.subtype == FST_MT_ENUMTABLE) {
      const auto handle = static_cast<uint32_t>(item->u.attr.arg);
      if (item->u.attr.name == nullptr || *item->u.attr.name == '\0') {
        enumeration = handle;  // of the next variable
      } else if (fstETab *table = fstUtilityExtractEnumTableFromString(item->u.attr.name)) {
        Enumeration &known = enumerations_[handle];
        known.name = table->name;
        for (uint32_t i = 0; i < table->elem_count; ++i)
          known.values.emplace_back(static_cast<uint32_t>(std::strtoul(table->val_arr[i], nullptr, 2)), table->literal_arr[i]);
        fstUtilityFreeEnumTable(table);
      }
    } else if (item->htyp == FST_HT_VAR) {
      if (item->u.var.typ != FST_VT_VCD_PARAMETER) {
        std::string name = item->u.var.name;
        name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
        const std::string scope = joined();
        const size_t range = name.find(':') == std::string::npos ? name.size() : name.rfind('[');  // "sum[2][31:0]"
        scopes_[scope].push_back({scope + "." + name, name.substr(0, range), item->u.var.length, enumeration});
      }
      enumeration = 0;
    }
  }
  fstReaderClose(reader);
  // The top is the first scope below TOP that has instances or signals.
  for (const auto &scope : scopes_)
    if (begins(scope.first, "TOP.") && (top_.empty() || scope.first.size() < top_.size())) top_ = scope.first;
  if (top_.empty()) throw OutputError("cannot write " + fst_file + ": the waves hold no signals (is the disk full?)");
}

const View::Signal *View::find(const std::string &path) {
  const size_t dot = path.rfind('.');
  const auto at = scopes_.find(scope(dot == std::string::npos ? "" : path.substr(0, dot)));
  const std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
  if (at != scopes_.end())
    for (const Signal &signal : at->second)
      if (signal.name == name) return &signal;
  if (std::find(missing_.begin(), missing_.end(), path) == missing_.end()) missing_.push_back(path);
  return nullptr;
}

unsigned View::width(const std::string &path) {
  const Signal *signal = find(path);
  return signal == nullptr ? 0 : signal->bits;
}

std::vector<std::string> View::instances(const std::string &instance) const {
  const std::string begin = scope(instance) + ".u_";
  std::vector<std::string> found;
  for (const auto &item : scopes_)
    if (begins(item.first, begin) && item.first.find('.', begin.size()) == std::string::npos)
      found.push_back(item.first.substr(top_.size() + 1));
  return found;
}

void View::begin(const std::string &title, bool closed) {
  out_ << (closed ? GROUP_BEGIN_CLOSED : GROUP_BEGIN) << "\n-" << title << '\n';
  groups_.emplace_back(title, closed);
}

void View::end() {
  out_ << (groups_.back().second ? GROUP_END_CLOSED : GROUP_END) << "\n-" << groups_.back().first << '\n';
  groups_.pop_back();
}

void View::comment(const std::string &text) { out_ << COMMENT << "\n-" << text << '\n'; }

void View::write_signal(const Signal &signal) {
  const std::string word = signal.bits == 1 ? word_of_bit(signal.path) : signal.path;
  out_ << (signal.bits == 1 ? BIT : HEX) << '\n';
  if (word != signal.path) out_ << "#{" << signal.name << "} ";
  out_ << word << '\n';
}

std::optional<std::string> View::words(const std::vector<Bits> &bits, unsigned &count) {
  std::string text;
  const auto add = [&](const std::string &word) {
    text += " " + word;
    ++count;
  };
  for (const Bits &item : bits) {
    const Signal *signal = find(item.path);
    if (signal == nullptr) return std::nullopt;
    if (signal->bits == 1) {
      add(word_of_bit(signal->path));
      continue;
    }
    const unsigned high = item.high < item.low ? signal->bits - 1 : item.high, low = item.high < item.low ? 0 : item.low;
    // The whole vector is one word where nothing stands beside it; bit by bit, GTKWave forgets an enumeration, which it would not translate.
    if (bits.size() == 1 && signal->enumeration == 0 && high == signal->bits - 1 && low == 0) {
      count = signal->bits;
      return signal->path;
    }
    for (unsigned bit = high + 1; bit-- > low;) add("(" + std::to_string(signal->bits - 1 - bit) + ")" + signal->path);
  }
  return text.substr(1);
}

void View::composed(const std::string &label, const std::string &flags, const std::string &filter, const std::string &color,
                    const std::vector<Bits> &bits) {
  unsigned count = 0;
  const std::optional<std::string> text = words(bits, count);
  if (!text) return;
  out_ << flags << '\n';
  if (!filter.empty()) out_ << filter << '\n';
  if (!color.empty()) out_ << "[color] " << color << '\n';
  const bool alias = text->find(' ') == std::string::npos && (filter.empty() || text->front() != '(');
  out_ << (alias ? "+{" : "#{") << label << "} " << *text << '\n';
}

void View::plain(const std::string &label, const Bits &bits) {
  unsigned count = 0;
  if (words({bits}, count)) composed(label, count == 1 ? BIT : HEX, "", "", {bits});
}

void View::decimal(const std::string &label, const Bits &bits) { composed(label, DECIMAL, "", "", {bits}); }

std::string View::write_names(const std::string &file, const std::string &text) {
  const std::string path = names_ + "/" + file + ".txt";
  if (files_.find(path) == files_.end()) {
    files_.emplace(path, files_.size() + 1);
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) throw OutputError("cannot write " + path);
  }
  return path;
}

void View::text(const std::string &label, const std::string &file, const text::Names &names, const std::vector<Bits> &bits) {
  unsigned count = 0;
  if (!words(bits, count)) return;
  std::string table;
  for (const auto &[value, name] : names) table += hexadecimal(value, count) + " " + name + "\n";
  const std::string path = write_names(file, table);
  composed(label, TEXT, "^" + std::to_string(files_.at(path)) + " " + path, YELLOW, bits);
}

void View::valid_text(const std::string &label, const std::string &file, const text::Names &names, const Bits &valid,
                      const Bits &bits, const std::optional<Bits> &more) {
  std::vector<Bits> all = {valid, bits};
  if (more) all.push_back(*more);
  unsigned count = 0;
  if (!words(all, count)) return;
  std::string table;
  for (const auto &[value, name] : names) {
    const uint64_t valid_value = uint64_t{1} << (count - 1) | value;
    table += hexadecimal(value, count) + " -\n" + hexadecimal(valid_value, count) + " " + name + "\n";
  }
  const std::string path = write_names(file, table);
  composed(label, TEXT, "^" + std::to_string(files_.at(path)) + " " + path, YELLOW, all);
}

void View::decode(const std::string &label, const std::string &type, const std::vector<Bits> &bits) {
  if (filter_.empty()) {
    composed(label, HEX, "", GREEN, bits);
    return;
  }
  const auto number = processes_.emplace(type, processes_.size() + 1).first->second;
  composed(label, PROCESS, "^>" + std::to_string(number) + " " + filter_ + " " + type,
           type.find(' ') == std::string::npos ? GREEN : YELLOW, bits);
}

void View::states(const std::string &instance) {
  const std::string above = scope(instance);
  for (const auto &item : scopes_) {
    if (item.first != above && !begins(item.first, above + ".")) continue;
    for (const Signal &signal : item.second) {
      const auto known = enumerations_.find(signal.enumeration);
      if (known == enumerations_.end() || !ends(signal.name, "_q")) continue;
      const std::string path = item.first.substr(top_.size() + 1) + "." + signal.name;
      text(item.first.substr(item.first.rfind('.') + 1) + " " + signal.name, known->second.name, known->second.values, {{path}});
    }
  }
}

void View::ports(const std::string &instance) {
  all(instance, [](const std::string &n) { return (ends(n, "_i") || ends(n, "_o")) && n != "clk_i" && n != "rst_ni"; });
}

void View::all(const std::string &instance, const std::function<bool(const std::string &)> &wanted) {
  const auto at = scopes_.find(scope(instance));
  if (at == scopes_.end()) return;
  for (const Signal &signal : at->second)
    if (wanted(signal.name)) write_signal(signal);
}

void View::close() {
  for (const std::string &path : missing_) comment("missing: " + path);
  out_.close();
  if (!out_) throw OutputError("cannot write " + file_);
}

}  // namespace systole::platform
