// SPDX-License-Identifier: Apache-2.0
/// Counts of coverage points, for builds with SYSTOLE_COVERAGE. This header is included before the code that Verilator has generated: points
/// register here instead of with VerilatedCovContext, which would have to be written before each model goes, by each bench, to a file a model.
/// Here the counts of all models of a class are added up when they go (scripts/cmake/collect_verilated.cmake), and written once a process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "verilated_cov.h"

namespace systole::coverage {

/// Where a point stands: the texts are literals of the generated code.
struct Point {
  const char *file = nullptr;
  int line = 0, column = 0;
  const char *page = "";     ///< its kind and module, v_KIND/MODULE; KIND is line, branch, toggle or user
  const char *comment = "";  ///< what it counts: block, if, else, case, the name of a bit or of a cover
  const char *lines = "";    ///< the lines that it stands for, as "12-15,17"
  std::string instance;      ///< of a cover (page v_user): its path, from the top; else empty
};

/// The points of one Verilated class and how often each was passed in the models that are gone.
struct Class {
  std::vector<Point> points;
  std::vector<uint64_t> counts;
};

/// A new class, written when the process ends to a file of its own in the folder SYSTOLE_COVERAGE_DIR, if that is set: in Verilator's format.
Class &new_class(size_t points);

/// The class of models with these symbols.
template <class Symbols>
Class &class_of(const Symbols &symbols) {
  static Class &points = new_class(sizeof symbols.__Vcoverage / sizeof symbols.__Vcoverage[0]);
  return points;
}

/// Registers a point of a model. Further instances of a module share the first one's counter and say so by one outside the model.
template <class Symbols>
void add_point(const Symbols &symbols, const uint32_t *counter, const Point &point) {
  const auto *first = reinterpret_cast<const uint32_t *>(symbols.__Vcoverage);
  Class &points = class_of(symbols);
  if (counter >= first && counter < first + points.points.size()) points.points[counter - first] = point;
}

/// Adds the counts of a model that is about to go. A bit that changed once has not been seen both to rise and to fall: it does not count.
template <class Symbols>
void keep(const Symbols &symbols) {
  Class &points = class_of(symbols);
  for (size_t i = 0; i < points.counts.size(); ++i) {
    const uint32_t count = symbols.__Vcoverage[i].load(std::memory_order_relaxed);
    const bool toggle = points.points[i].page[2] == 't';
    points.counts[i] += toggle && count == 1 ? 0 : count;
  }
}

}  // namespace systole::coverage

#undef VL_COVER_INSERT
#define VL_COVER_INSERT(context, counter, k1, file, k2, line, k3, column, k4, instance, k5, page, k6, comment, k7, lines) \
  systole::coverage::add_point(*vlSymsp, counter,                                                                         \
                               {file, line, column, page, comment, lines, (page)[2] == 'u' ? (instance) : std::string()})
