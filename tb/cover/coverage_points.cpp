// SPDX-License-Identifier: Apache-2.0
#include "tb/cover/coverage_points.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

namespace systole::coverage {
namespace {

std::deque<Class> &classes() {
  static auto *all = new std::deque<Class>;  // models may go after whatever is destroyed at exit
  return *all;
}

void write_at_exit() {
  const char *folder = std::getenv("SYSTOLE_COVERAGE_DIR");
  if (folder == nullptr || *folder == '\0') return;
  const std::string name = std::string(folder) + "/" + std::to_string(getpid()) + ".dat";
  const std::string part = name + ".part";  // whoever collects the files sees whole ones
  std::FILE *file = std::fopen(part.c_str(), "w");
  bool good = file != nullptr;
  if (good) {
    std::fputs("# SystemC::Coverage-3\n", file);
    for (const Class &points : classes()) {
      for (size_t i = 0; i < points.points.size(); ++i) {
        const Point &p = points.points[i];
        if (p.file == nullptr) continue;
        std::fprintf(file, "C '\1f\2%s\1l\2%d\1n\2%d\1page\2%s\1o\2%s%s%s%s%s' %llu\n", p.file, p.line, p.column, p.page,
                     p.comment, *p.lines != '\0' ? "\1S\2" : "", p.lines, p.instance.empty() ? "" : "\1h\2", p.instance.c_str(),
                     static_cast<unsigned long long>(points.counts[i]));
      }
    }
    good = std::ferror(file) == 0;
    good = std::fclose(file) == 0 && good;
  }
  if (!good || std::rename(part.c_str(), name.c_str()) != 0) {
    std::perror(("coverage: cannot write " + name).c_str());
    _exit(1);  // what was counted is lost: no test may pass like that
  }
}

}  // namespace

Class &new_class(size_t points) {
  if (classes().empty()) std::atexit(write_at_exit);
  classes().emplace_back();
  classes().back().points.resize(points);
  classes().back().counts.resize(points);
  return classes().back();
}

}  // namespace systole::coverage
