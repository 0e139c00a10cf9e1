// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gtkw.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <vector>

#include "gtkwave/fstapi.h"
#include "sim/platform/errors.hpp"
#include "sim/platform/rtl.hpp"

namespace systole::platform {
namespace {

// Flags of a trace line in GTKWave's save file (analyzer.h).
const char *const HEX = "@22", *const BIN = "@28", *const GROUP_BEGIN = "@800200", *const GROUP_BEGIN_CLOSED = "@c00200",
                  *const GROUP_END = "@1000200";
constexpr unsigned MAX_BITS = 512;

struct Signal {
  std::string path;  // with the range, as GTKWave names it
  std::string name;  // last part, without the range
  unsigned bits = 1;
};

bool begins(const std::string &text, const std::string &with) { return text.compare(0, with.size(), with) == 0; }
bool ends(const std::string &text, const std::string &with) {
  return text.size() >= with.size() && text.compare(text.size() - with.size(), with.size(), with) == 0;
}

/// All signals, by scope ("TOP.systole.u_load").
std::map<std::string, std::vector<Signal>> read_hierarchy(const std::string &file) {
  void *reader = fstReaderOpen(file.c_str());
  if (reader == nullptr) throw OutputError("cannot read the waves in " + file);
  std::map<std::string, std::vector<Signal>> scopes;
  std::vector<std::string> path;
  const auto joined = [&path] {
    std::string text;
    for (const std::string &part : path) text += (text.empty() ? "" : ".") + part;
    return text;
  };
  while (const fstHier *item = fstReaderIterateHier(reader)) {
    if (item->htyp == FST_HT_SCOPE) {
      path.emplace_back(item->u.scope.name);
    } else if (item->htyp == FST_HT_UPSCOPE) {
      if (!path.empty()) path.pop_back();
    } else if (item->htyp == FST_HT_VAR && item->u.var.typ != FST_VT_VCD_PARAMETER) {
      std::string name = item->u.var.name;
      name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
      const std::string scope = joined();
      scopes[scope].push_back({scope + "." + name, name.substr(0, name.find('[')), item->u.var.length});
    }
  }
  fstReaderClose(reader);
  return scopes;
}

class Writer {
 public:
  explicit Writer(std::ostream &out) : out_(out) {}
  void signal(const Signal &signal) {
    if (signal.bits <= MAX_BITS) out_ << (signal.bits == 1 ? BIN : HEX) << '\n' << signal.path << '\n';
  }
  void begin(const std::string &title, bool closed) {
    out_ << (closed ? GROUP_BEGIN_CLOSED : GROUP_BEGIN) << "\n-" << title << '\n';
  }
  void end(const std::string &title) { out_ << GROUP_END << "\n-" << title << '\n'; }

 private:
  std::ostream &out_;
};

}  // namespace

void check_fst(const std::string &fst_file) {
  std::ifstream in(fst_file, std::ios::binary | std::ios::ate);
  const auto size = in ? static_cast<uint64_t>(in.tellg()) : 0;
  // A block is a byte that says what it is, eight with the length of what follows the first, and the rest.
  uint64_t at = 0;
  while (in && at + 9 <= size) {
    unsigned char head[9] = {};
    in.seekg(static_cast<std::streamoff>(at));
    in.read(reinterpret_cast<char *>(head), sizeof head);
    uint64_t length = 0;
    for (unsigned i = 1; i < sizeof head; ++i) length = length << 8 | head[i];
    if (head[0] == FST_BL_SKIP || length < 8 || length >= size - at) break;
    at += 1 + length;
  }
  if (!in || size == 0 || at != size)
    throw OutputError("cannot write " + fst_file + ": the waves are not whole (is the disk full?)");
}

void write_gtkw(const std::string &fst_file) {
  const auto scopes = read_hierarchy(fst_file);
  std::ofstream out(gtkw_name(fst_file));
  const std::string dump = fst_file.substr(fst_file.find_last_of('/') + 1);
  out << "[*] Written by the Systole platform.\n[dumpfile] \"" << dump << "\"\n[timestart] 0\n[size] 1600 900\n[pos] -1 -1\n"
      << "*-6.0 0\n[sst_expanded] 1\n[sst_width] 240\n[signals_width] 320\n";

  // The top is the first scope below TOP that has instances or signals.
  std::string top;
  for (const auto &scope : scopes)
    if (begins(scope.first, "TOP.") && (top.empty() || scope.first.size() < top.size())) top = scope.first;
  if (top.empty()) throw OutputError("cannot write " + fst_file + ": the waves hold no signals (is the disk full?)");
  Writer writer(out);

  const auto top_group = [&](const std::string &title, bool closed, auto wanted) {
    std::vector<Signal> found;
    for (const Signal &signal : scopes.at(top))
      if (wanted(signal.name)) found.push_back(signal);
    if (found.empty()) return;
    writer.begin(title, closed);
    for (const Signal &signal : found) writer.signal(signal);
    writer.end(title);
  };
  for (const Signal &signal : scopes.at(top))
    if (signal.name == "clk_i" || signal.name == "rst_ni" || signal.name == "irq_o") writer.signal(signal);
  top_group("registers (AXI4-Lite)", true, [](const std::string &n) { return begins(n, "s_axil_"); });
  top_group("memory read (AXI4)", false, [](const std::string &n) { return begins(n, "m_axi_ar") || begins(n, "m_axi_r"); });
  top_group("memory write (AXI4)", false,
            [](const std::string &n) { return begins(n, "m_axi_aw") || begins(n, "m_axi_w") || begins(n, "m_axi_b"); });

  // One group an engine: its ports, then the states below it, then one closed group a block with its ports.
  const struct {
    const char *title, *instance;
  } engines[] = {{"control", "u_control"},
                 {"load", "u_load"},
                 {"read channel", "u_read_mux"},
                 {"compute", "u_compute"},
                 {"store", "u_store"}};
  for (const auto &engine : engines) {
    const std::string scope = top + "." + engine.instance;
    const auto at = scopes.find(scope);
    if (at == scopes.end()) continue;
    const auto is_port = [](const std::string &n) { return (ends(n, "_i") || ends(n, "_o")) && n != "clk_i" && n != "rst_ni"; };
    writer.begin(engine.title, false);
    for (const Signal &signal : at->second)
      if (is_port(signal.name)) writer.signal(signal);
    for (const auto &inner : scopes) {
      if (inner.first != scope && !begins(inner.first, scope + ".")) continue;
      for (const Signal &signal : inner.second)
        if (signal.name == "state_q" || ends(signal.name, "_state_q")) writer.signal(signal);
    }
    for (const auto &inner : scopes) {
      if (!begins(inner.first, scope + ".u_") || inner.first.find('.', scope.size() + 1) != std::string::npos) continue;
      const std::string title = engine.title + std::string(": ") + inner.first.substr(scope.size() + 3);
      writer.begin(title, true);
      for (const Signal &signal : inner.second)
        if (is_port(signal.name)) writer.signal(signal);
      writer.end(title);
    }
    writer.end(engine.title);
  }
  out.close();
  if (!out) throw OutputError("cannot write " + gtkw_name(fst_file));
}

}  // namespace systole::platform
