// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "firmware/include/systole_regs.h"
#include "sim/platform/activity.hpp"
#include "sim/platform/command_text.hpp"

namespace systole::tool {

namespace {

using Json = nlohmann::ordered_json;
using platform::Activity;
using Window = Activity::Window;

// --- What both files show -----------------------------------------------------------------------------------------------------

/// Where a cycle went: a hardware counter by its number, in the order of kCauses.
constexpr std::array<unsigned, 7> kCounters = {1, 2, 3, 4, 5, 6, 7};
constexpr std::size_t kCauseCount = kCounters.size() + 1;  // with idle
using Causes = std::array<std::uint64_t, kCauseCount>;

constexpr std::size_t kLeastWindows = 100;  // of a product

/// A command whose times are known.
struct Slice {
  std::size_t index;
  unsigned engine;
  std::uint64_t begin, end;
  unsigned lane;  ///< of its engine: commands of one lane do not overlap
  bool ends;      ///< false: it was under way when the machine stopped or the simulation ended
};

struct Product {
  const Case *shown;
  std::vector<Slice> slices;
  Activity activity;  // in fewer windows where there are many products
  const std::vector<timing::Record> &records() const { return shown->result.measured.program.records; }
  std::uint64_t cycles = 0;  ///< that the timeline is long
};

/// A window's cycles [begin, end) within the product.
std::uint64_t begin_of(const Product &product, std::size_t window) { return window * product.activity.window; }
std::uint64_t end_of(const Product &product, std::size_t window) {
  return std::max(begin_of(product, window), std::min(begin_of(product, window + 1), product.cycles));
}

Causes causes_of(const Product &product, std::size_t window) {
  Causes out{};
  std::uint64_t known = 0;
  const Window &w = product.activity.windows[window];
  for (std::size_t i = 0; i < kCounters.size(); ++i) known += out[i] = w.events[kCounters[i]];
  const std::uint64_t length = end_of(product, window) - begin_of(product, window);
  out.back() = length > known ? length - known : 0;
  return out;
}

/// An engine begins its next command before it has ended the one before; each command goes to the first lane that is free. What has
/// not ended does so at kNever.
std::vector<Slice> slices_of(const platform::MeasuredProgram &measured, bool unfinished) {
  std::vector<Slice> out;
  for (std::size_t i = 0; i < measured.program.records.size(); ++i) {
    const timing::Command &times = measured.commands[i];
    const unsigned engine = platform::engine_of(measured.program.records[i]);
    const bool ends = times.end != timing::kNever;
    if (engine >= platform::ENGINES || times.begin == timing::kNever || !(ends || unfinished)) continue;
    out.push_back({i, engine, times.begin, times.end, 0, ends});
  }
  std::array<std::vector<std::uint64_t>, platform::ENGINES> free;  // when each lane is
  for (Slice &slice : out) {
    std::vector<std::uint64_t> &lanes = free[slice.engine];
    while (slice.lane < lanes.size() && lanes[slice.lane] > slice.begin) ++slice.lane;
    if (slice.lane == lanes.size()) lanes.push_back(0);
    lanes[slice.lane] = slice.end;
  }
  return out;
}

/// The machine did not complete the product: it stopped with an error, or the simulation ended.
bool stopped(const platform::GemmResult &result) { return result.unfinished || result.driver_result != 0; }

/// Of a product that was not completed: what comes long after anything moved is left out, and what has not ended ends with the rest.
void shorten(Product &product) {
  Activity &activity = product.activity;
  std::uint64_t moved = 0;
  for (const Slice &slice : product.slices) moved = std::max(moved, slice.ends ? slice.end : slice.begin);
  for (std::size_t i = 0; i < activity.windows.size(); ++i) {
    const Window &w = activity.windows[i];
    if (w.ar + w.r + w.aw + w.w + w.b != 0) moved = std::max(moved, (i + 1) * activity.window);
  }
  for (const std::uint64_t cycle : activity.interrupts) moved = std::max(moved, cycle);
  const std::uint64_t most = (moved + moved / 8) / activity.window + 1;
  if (activity.windows.size() > most) {
    activity.windows.resize(most);
    activity.cycles = most * activity.window;
  }
  product.cycles = std::max(activity.cycles, moved);
  for (Slice &slice : product.slices)
    if (!slice.ends) slice.end = product.cycles;
}

std::vector<Product> products_of(const Report &report) {
  std::vector<Product> out;
  const std::size_t windows = std::max(kLeastWindows, Activity::MAX_WINDOWS / std::max<std::size_t>(report.cases.size(), 1));
  for (const Case &c : report.cases) {
    if (c.result.measured.commands.empty()) continue;  // queued before the one that holds the figures, or failed
    Product product{&c, slices_of(c.result.measured, stopped(c.result)), c.result.measured.activity};
    product.activity.coarsen(windows);
    if (stopped(c.result)) shorten(product);
    product.cycles = std::max(product.cycles, product.activity.cycles);
    for (const Slice &slice : product.slices) product.cycles = std::max(product.cycles, slice.end);
    out.push_back(std::move(product));
  }
  return out;
}

std::string title_of(const Case &c) { return c.shape() + ' ' + c.dtype() + " -> " + c.out_dtype(); }

// --- Chrome trace events --------------------------------------------------------------------------------------------------------

/// The trace's events, a line each.
class Events {
 public:
  void add(const Json &event) {
    out_ << (first_ ? "\n" : ",\n") << event.dump();
    first_ = false;
  }
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  bool first_ = true;
};

constexpr unsigned kLanesMost = 100;  // of an engine; the thread's number says both

unsigned thread_of(unsigned engine, unsigned lane) { return (engine + 1) * kLanesMost + lane; }

void add_names(Events &events, const Report &report, const Product &product, unsigned pid) {
  const auto metadata = [&](const char *what, unsigned tid, const char *key, const Json &value) {
    events.add({{"ph", "M"}, {"name", what}, {"pid", pid}, {"tid", tid}, {"ts", 0}, {"args", {{key, value}}}});
  };
  metadata("process_name", 0, "name", report.test + " #" + std::to_string(pid - 1) + ": " + title_of(*product.shown));
  metadata("process_sort_index", 0, "sort_index", pid);
  metadata("thread_name", 0, "name", "doorbell and interrupt");
  std::set<std::pair<unsigned, unsigned>> tracks;
  for (const Slice &slice : product.slices) tracks.emplace(slice.engine, slice.lane);
  for (const auto &[engine, lane] : tracks) {
    const std::string name = platform::engine_name(engine);
    metadata("thread_name", thread_of(engine, lane), "name", lane == 0 ? name : name + ' ' + std::to_string(lane + 1));
    metadata("thread_sort_index", thread_of(engine, lane), "sort_index", thread_of(engine, lane));
  }
}

void add_slice(Events &events, const Report &report, const Product &product, unsigned pid, const Slice &slice) {
  const timing::Record &record = product.records()[slice.index];
  Json args = {{"product", &*product.shown - report.cases.data()},
               {"index", slice.index},
               {"command", platform::mnemonic(record)},
               {"begin", slice.begin},
               {"end", slice.end}};
  for (const platform::CommandField &field : platform::command_fields(record))
    args[field.name] = field.text.empty() ? Json(field.value) : Json(field.text);
  if (!slice.ends) {
    args["end"] = nullptr;
    args["unfinished"] = true;
  }
  args["takes"] = platform::token_text(platform::tokens_taken(record));
  args["gives"] = platform::token_text(platform::tokens_given(record));
  events.add({{"ph", "X"},
              {"name", platform::command_name(record)},
              {"cat", platform::engine_name(slice.engine)},
              {"pid", pid},
              {"tid", thread_of(slice.engine, slice.lane)},
              {"ts", slice.begin},
              {"dur", slice.end - slice.begin},
              {"args", args}});
}

void add_counters(Events &events, const Product &product, unsigned pid) {
  const auto counter = [&](const char *name, std::uint64_t at, const Json &args) {
    events.add({{"ph", "C"}, {"name", name}, {"pid", pid}, {"tid", 0}, {"ts", at}, {"args", args}});
  };
  // A value holds until the next; after the last window there is nothing.
  const std::size_t count = product.activity.windows.size();
  for (std::size_t i = 0; i <= count; ++i) {
    const Window none;
    const Window &w = i < count ? product.activity.windows[i] : none;
    const std::uint64_t at = i < count ? begin_of(product, i) : product.cycles;
    const std::uint64_t length = i < count ? end_of(product, i) - begin_of(product, i) : 0;
    if (i < count && length == 0) continue;
    const Causes causes = i < count ? causes_of(product, i) : Causes{};
    Json by_cause = Json::object();
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) by_cause[kCauses[cause]] = causes[cause];
    counter("cycles by cause", at, by_cause);
    counter("AXI handshakes", at,
            {{"AR fetch", w.ar_fetch}, {"AR load", w.ar - w.ar_fetch}, {"R", w.r}, {"AW", w.aw}, {"W", w.w}, {"B", w.b}});
    const auto mean = [&](std::uint64_t sum) {
      return length == 0 ? 0.0 : std::round(100.0 * static_cast<double>(sum) / static_cast<double>(length)) / 100;
    };
    counter("AXI bursts outstanding", at, {{"reads", mean(w.reads)}, {"writes", mean(w.writes)}});
  }
}

void add_markers(Events &events, const Product &product, unsigned pid) {
  const auto marker = [&](const char *name, std::uint64_t at, const Json &args) {
    events.add({{"ph", "i"}, {"name", name}, {"pid", pid}, {"tid", 0}, {"ts", at}, {"s", "p"}, {"args", args}});
  };
  for (const timing::Doorbell &doorbell : product.shown->result.measured.program.doorbells)
    marker("doorbell", doorbell.cycle, {{"records", doorbell.records}});
  for (const std::uint64_t cycle : product.activity.interrupts) marker("interrupt", cycle, Json::object());
}

// --- SVG --------------------------------------------------------------------------------------------------------------------------

constexpr double kLeft = 118, kRight = 1180, kWidth = 1200;  // of the plot; of the picture
constexpr double kLane = 26, kStrip = 96, kBus = 44, kGap = 10, kTop = 54;
constexpr double kFinest = 1;  // pixels: what is narrower is merged with its neighbours

struct Colour {
  const char *fill, *name;
};
// Loads by destination, then MATMUL and STORE in two shades by turns.
enum Look : unsigned { kLoadAct, kLoadWgt, kLoadOther, kMatmul, kMatmul2, kStore, kStore2, kLooks };
constexpr std::array<Colour, kLooks> kSlices = {{{"#4e79a7", "LOAD activations"},
                                                 {"#76b7b2", "LOAD weights"},
                                                 {"#9c755f", "LOAD accumulators, parameters"},
                                                 {"#59a14f", "MATMUL"},
                                                 {"#8cc97f", ""},
                                                 {"#f28e2b", "STORE"},
                                                 {"#ffbe7d", ""}}};
// In the order of kCauses, in the colour of what is waited for.
constexpr std::array<Colour, kCauseCount> kCauseColours = {{{"#59a14f", "compute"},
                                                            {"#b07aa1", "command"},
                                                            {"#76b7b2", "weights"},
                                                            {"#4e79a7", "activations"},
                                                            {"#e15759", "hazard"},
                                                            {"#f28e2b", "store"},
                                                            {"#bab0ac", "drain"},
                                                            {"#ececec", "idle"}}};
constexpr Colour kReads = {"#4e79a7", "read"}, kWrites = {"#f28e2b", "write"};

/// A number with one digit after the point at most.
std::string coordinate(double value) {
  std::string out = fixed(value, 1);
  if (out.size() > 2 && out.compare(out.size() - 2, 2, ".0") == 0) out.resize(out.size() - 2);
  return out;
}

std::string escaped(const std::string &text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

/// Rectangles of one colour as one path.
class Rectangles {
 public:
  void add(double x, double y, double width, double height) {
    path_ += 'M' + coordinate(x) + ' ' + coordinate(y) + 'h' + coordinate(width) + 'v' + coordinate(height) + 'h' +
             coordinate(-width) + 'z';
  }
  void print(std::ostream &out, const char *fill) const {
    if (!path_.empty()) out << "<path fill=\"" << fill << "\" d=\"" << path_ << "\"/>\n";
  }

 private:
  std::string path_;
};

class Picture {
 public:
  explicit Picture(const Report &report) : report_(report), products_(products_of(report)) {
    for (const Product &product : products_) {
      starts_.push_back(total_);
      total_ += product.cycles;
    }
  }

  std::string text() const {
    std::ostringstream out;
    const double lanes = kTop, strip = lanes + platform::ENGINES * (kLane + kGap) + kGap, reads = strip + kStrip + 2 * kGap,
                 writes = reads + kBus + kGap, axis = writes + kBus, height = axis + 92;
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << coordinate(kWidth) << "\" height=\"" << coordinate(height)
        << "\" viewBox=\"0 0 " << coordinate(kWidth) << ' ' << coordinate(height)
        << "\" font-family=\"Helvetica,Arial,sans-serif\" font-size=\"12\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" "
           "fill=\"#fff\"/>\n";
    title(out);
    for (unsigned engine = 0; engine < platform::ENGINES; ++engine) lane(out, engine, lanes + engine * (kLane + kGap));
    causes(out, strip);
    bus(out, reads, kReads, "AXI read", &Window::r, &Window::reads);
    bus(out, writes, kWrites, "AXI write", &Window::w, &Window::writes);
    time_axis(out, lanes, axis);
    legend(out, axis + 50);
    out << "</svg>\n";
    return out.str();
  }

 private:
  bool unfinished() const {
    return std::any_of(report_.cases.begin(), report_.cases.end(), [](const Case &c) { return stopped(c.result); });
  }

  double x_of(std::size_t product, std::uint64_t cycle) const {
    return kLeft + (kRight - kLeft) * static_cast<double>(starts_[product] + cycle) /
                       static_cast<double>(std::max<std::uint64_t>(total_, 1));
  }

  static void write(std::ostream &out, double x, double y, const std::string &text, const std::string &attributes = "") {
    out << "<text x=\"" << coordinate(x) << "\" y=\"" << coordinate(y) << "\"" << attributes << ">" << escaped(text)
        << "</text>\n";
  }
  static void label(std::ostream &out, double y, const std::string &name, const std::string &below) {
    write(out, kLeft - 8, y, name, " text-anchor=\"end\" font-weight=\"bold\"");
    write(out, kLeft - 8, y + 13, below, " text-anchor=\"end\" font-size=\"11\" fill=\"#666\"");
  }
  static void frame(std::ostream &out, double y, double height) {
    out << "<rect x=\"" << coordinate(kLeft) << "\" y=\"" << coordinate(y) << "\" width=\"" << coordinate(kRight - kLeft)
        << "\" height=\"" << coordinate(height) << "\" fill=\"#f7f7f7\"/>\n";
  }
  static std::string percent(double part) { return fixed(100 * part, 1) + " %"; }

  void title(std::ostream &out) const {
    std::uint64_t cycles = 0;
    double ideal = 0;
    for (const Case &c : report_.cases) {
      cycles += c.result.cycles;
      ideal += static_cast<double>(c.result.macs) / c.peak;
    }
    std::string what = report_.test + " on " + report_.options.config.name;
    what += report_.cases.size() == 1 ? ": " + title_of(report_.cases.front()) : ": " + counted(report_.cases.size(), "product");
    if (unfinished()) what += ", ended early";
    write(out, kLeft, 24, what, " font-size=\"17\" font-weight=\"bold\"");
    std::string line = unfinished() ? grouped(total_) + " cycles from the doorbell on; the product was not completed"
                                    : grouped(cycles) + " cycles from doorbell to interrupt";
    if (cycles != 0 && !unfinished()) line += ", utilisation " + fixed(100 * ideal / static_cast<double>(cycles), 2) + " %";
    const platform::MemoryTiming &memory = report_.options.timing;
    line += "; memory: latency " + std::to_string(memory.latency) + ", " + counted(memory.bytes_per_cycle, "byte") + " a cycle" +
            (memory.stall_seed ? ", random stalls" : "");
    write(out, kLeft, 42, line, " fill=\"#444\"");
  }

  unsigned look_of(const timing::Record &record, unsigned turn) const {
    switch (platform::engine_of(record)) {
      case 0: {
        const std::string name = platform::command_name(record);
        return name == "LOAD ACT" ? kLoadAct : name == "LOAD WGT" ? kLoadWgt : kLoadOther;
      }
      case 1: return turn % 2 == 0 ? kMatmul : kMatmul2;
      default: return turn % 2 == 0 ? kStore : kStore2;
    }
  }

  /// An engine's commands, each from when the one before has ended.
  void lane(std::ostream &out, unsigned engine, double y) const {
    frame(out, y, kLane);
    std::array<Rectangles, kLooks> rectangles;
    std::ostringstream names;
    std::uint64_t busy = 0;
    for (std::size_t p = 0; p < products_.size(); ++p) {
      std::array<double, kLooks> covered{};  // of what is pending: pixels by colour
      double from = 0, to = 0;
      const auto flush = [&] {
        if (to > from)
          rectangles[static_cast<std::size_t>(std::max_element(covered.begin(), covered.end()) - covered.begin())].add(
              from, y, std::max(to - from, kFinest / 2), kLane);
        covered = {};
        from = to;
      };
      std::uint64_t ended = 0;
      unsigned turn = 0;
      for (const Slice &slice : products_[p].slices) {
        if (slice.engine != engine) continue;
        const std::uint64_t begin = std::max(slice.begin, ended);
        if (begin >= slice.end) continue;
        ended = slice.end;
        busy += slice.end - begin;
        const double x0 = x_of(p, begin), x1 = x_of(p, slice.end);
        const timing::Record &record = products_[p].records()[slice.index];
        const unsigned look = look_of(record, turn++);
        if (to - from >= kFinest || x0 - to > kFinest / 2 || x1 - x0 >= kFinest) flush();
        if (to <= from) from = x0;
        to = x1;
        covered[look] += x1 - x0;
        const std::string name = '#' + std::to_string(slice.index) + ' ' + platform::command_name(record);
        if (x1 - x0 > 7.0 * static_cast<double>(name.size()))
          write(names, (x0 + x1) / 2, y + kLane / 2 + 4, name, " text-anchor=\"middle\" font-size=\"11\" fill=\"#fff\"");
      }
      flush();
    }
    for (unsigned look = 0; look < kLooks; ++look) rectangles[look].print(out, kSlices[look].fill);
    out << names.str();
    label(out, y + 12, platform::engine_name(engine),
          total_ == 0 ? "" : percent(static_cast<double>(busy) / static_cast<double>(total_)));
  }

  /// Calls `draw(product, x0, x1, sum of the windows' causes and contents)` for neighbouring windows that are wide enough to be seen.
  template <typename Draw>
  void windows(const Draw &draw) const {
    for (std::size_t p = 0; p < products_.size(); ++p) {
      const Product &product = products_[p];
      const std::size_t count = product.activity.windows.size();
      std::size_t first = 0;
      Window sum;
      Causes causes{};
      for (std::size_t i = 0; i < count; ++i) {
        sum += product.activity.windows[i];
        const Causes more = causes_of(product, i);
        for (std::size_t cause = 0; cause < kCauseCount; ++cause) causes[cause] += more[cause];
        const double x0 = x_of(p, begin_of(product, first)), x1 = x_of(p, end_of(product, i));
        if (x1 - x0 < 2 * kFinest && i + 1 < count) continue;
        const auto cycles = static_cast<double>(end_of(product, i) - begin_of(product, first));
        if (cycles > 0) draw(x0, x1, causes, sum, cycles);
        first = i + 1;
        sum = Window();
        causes = {};
      }
    }
  }

  void causes(std::ostream &out, double y) const {
    frame(out, y, kStrip);
    /// Neighbours of the same height are one rectangle.
    struct Open {
      double x0 = 0, x1 = -1, y = 0, height = 0;
    };
    std::array<Open, kCauseCount> open;
    std::array<Rectangles, kCauseCount> rectangles;
    Causes sums{};
    const auto close = [&](std::size_t cause) {
      Open &o = open[cause];
      if (o.x1 > o.x0 && o.height > 0) rectangles[cause].add(o.x0, o.y, o.x1 - o.x0, o.height);
      o.x1 = -1;
    };
    windows([&](double x0, double x1, const Causes &causes, const Window &, double cycles) {
      double base = y + kStrip;
      for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
        sums[cause] += causes[cause];
        const double height = std::min(base - y, kStrip * static_cast<double>(causes[cause]) / cycles);
        base -= height;
        Open &o = open[cause];
        if (o.x1 == x0 && std::abs(o.height - height) < 0.05 && std::abs(o.y - base) < 0.05) {
          o.x1 = x1;
          continue;
        }
        close(cause);
        o = {x0, x1, base, height};
      }
    });
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
      close(cause);
      rectangles[cause].print(out, kCauseColours[cause].fill);
    }
    label(out, y + 14, "where the", "");
    write(out, kLeft - 8, y + 28, "cycles went", " text-anchor=\"end\" font-weight=\"bold\"");
    // The greatest, below the name.
    std::uint64_t all = 0;
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
      all += sums[cause];
      order.emplace_back(sums[cause], cause);
    }
    std::stable_sort(order.begin(), order.end(), [](const auto &a, const auto &b) { return a.first > b.first; });
    for (std::size_t i = 0; i < 4 && all != 0 && order[i].first != 0; ++i)
      write(out, kLeft - 8, y + 44 + 14 * static_cast<double>(i),
            kCauses[order[i].second] + ' ' + percent(static_cast<double>(order[i].first) / static_cast<double>(all)),
            " text-anchor=\"end\" font-size=\"11\" fill=\"#666\"");
  }

  void bus(std::ostream &out, double y, const Colour &colour, const char *name, std::uint32_t Window::*beats,
           std::uint64_t Window::*bursts) const {
    frame(out, y, kBus);
    Rectangles rectangles;
    std::string line;
    std::uint64_t all = 0;
    const double most = report_.options.timing.outstanding;
    double x0 = 0, x1 = -1, height = 0;
    const auto close = [&] {
      if (x1 > x0 && height > 0) rectangles.add(x0, y + kBus - height, x1 - x0, height);
    };
    windows([&](double from, double to, const Causes &, const Window &w, double cycles) {
      all += w.*beats;
      const double now = kBus * std::min(1.0, static_cast<double>(w.*beats) / cycles);
      const double level = y + kBus - kBus * std::min(1.0, static_cast<double>(w.*bursts) / cycles / most);
      line += (line.empty() ? "M" : "L") + coordinate((from + to) / 2) + ' ' + coordinate(level);
      if (x1 == from && std::abs(height - now) < 0.05) {
        x1 = to;
        return;
      }
      close();
      x0 = from;
      x1 = to;
      height = now;
    });
    close();
    rectangles.print(out, colour.fill);
    if (!line.empty()) out << "<path fill=\"none\" stroke=\"#333\" stroke-width=\".7\" d=\"" << line << "\"/>\n";
    label(out, y + 18, name, total_ == 0 ? "" : percent(static_cast<double>(all) / static_cast<double>(total_)));
  }

  void time_axis(std::ostream &out, double top, double y) const {
    const auto vertical = [&](double x, double from, double to, const char *attributes) {
      out << "<path " << attributes << " d=\"M" << coordinate(x) << ' ' << coordinate(from) << 'V' << coordinate(to) << "\"/>\n";
    };
    if (products_.size() <= 64)
      for (std::size_t p = 1; p < products_.size(); ++p)
        vertical(x_of(p, 0), top - 4, y, R"(stroke="#000" stroke-width=".8" stroke-dasharray="3 3")");
    for (std::size_t p = 0; p < products_.size() && products_.size() <= 64; ++p) {
      for (const std::uint64_t cycle : products_[p].activity.interrupts)
        vertical(x_of(p, cycle), top - 4, y, R"(stroke="#c00" stroke-width=".8")");
    }
    double step = 1;
    while (static_cast<double>(total_) / step > 10) {
      const double digit = step / std::pow(10, std::floor(std::log10(step) + 1e-9));
      step *= digit > 1.5 && digit < 4 ? 2.5 : 2;
    }
    for (double tick = 0; tick <= static_cast<double>(total_); tick += step) {
      const double x = kLeft + (kRight - kLeft) * tick / static_cast<double>(std::max<std::uint64_t>(total_, 1));
      vertical(x, y, y + 5, R"(stroke="#666")");
      write(out, x, y + 18, grouped(static_cast<std::uint64_t>(tick)), " text-anchor=\"middle\" font-size=\"11\" fill=\"#444\"");
    }
    write(out, (kLeft + kRight) / 2, y + 34,
          products_.size() > 1 ? "cycles, the products one behind the other, each from its doorbell" : "cycles from the doorbell",
          " text-anchor=\"middle\" font-size=\"11\" fill=\"#444\"");
  }

  static void legend(std::ostream &out, double y) {
    double x = kLeft;
    const auto entry = [&](const char *fill, const std::string &name) {
      out << "<rect x=\"" << coordinate(x) << "\" y=\"" << coordinate(y - 9) << "\" width=\"11\" height=\"11\" fill=\"" << fill
          << "\"/>\n";
      write(out, x + 16, y, name, " font-size=\"11\"");
      x += 32 + 6.6 * static_cast<double>(name.size());
    };
    const auto heading = [&](const char *text) {
      write(out, kLeft - 8, y, text, " text-anchor=\"end\" font-size=\"11\" fill=\"#666\"");
    };
    heading("engines");
    for (const Colour &colour : kSlices)
      if (colour.name[0] != '\0') entry(colour.fill, colour.name);
    write(out, x, y, "two shades: one command, the next; % of all cycles", " font-size=\"11\" fill=\"#666\"");
    y += 17;
    x = kLeft;
    heading("cycles");
    for (const Colour &colour : kCauseColours) entry(colour.fill, colour.name);
    write(out, x, y, "AXI: area data beats a cycle, line unfinished bursts of the limit", " font-size=\"11\" fill=\"#666\"");
  }

  const Report &report_;
  const std::vector<Product> products_;
  std::vector<std::uint64_t> starts_;
  std::uint64_t total_ = 0;
};

}  // namespace

std::string to_timeline(const Report &report) {
  Events events;
  unsigned pid = 0;
  for (const Product &product : products_of(report)) {
    ++pid;
    add_names(events, report, product, pid);
    std::vector<Slice> slices = product.slices;
    std::stable_sort(slices.begin(), slices.end(), [](const Slice &a, const Slice &b) { return a.begin < b.begin; });
    for (const Slice &slice : slices) add_slice(events, report, product, pid, slice);
    add_counters(events, product, pid);
    add_markers(events, product, pid);
  }
  const Json about = {{"test", report.test},
                      {"config", report.options.config.name},
                      {"seed", report.seed ? Json(*report.seed) : Json()},
                      {"time", "1 us of the trace is 1 cycle; 0 is the product's first doorbell"}};
  return "{\"displayTimeUnit\":\"ms\",\n\"otherData\":" + about.dump(-1, ' ', false, Json::error_handler_t::replace) +
         ",\n\"traceEvents\":[" + events.text() + "\n]}\n";
}

std::string to_svg(const Report &report) { return Picture(report).text(); }

void TimelineFiles::commit() const {
  if (json) json->commit();
  if (svg) svg->commit();
}

TimelineFiles prepare_timeline(const Report &report) {
  if (report.options.timeline.empty()) return {};
  return {prepare_file(report.options.timeline, to_timeline(report)),
          prepare_file(svg_name(report.options.timeline), to_svg(report))};
}

}  // namespace systole::tool
