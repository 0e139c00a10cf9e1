// SPDX-License-Identifier: Apache-2.0
#include "sim/board/board.hpp"

#include <algorithm>
#include <utility>

namespace systole::board {

namespace {

// In a function: other files register while the program's static objects are made, in any order.
std::vector<BoardBuild> &registry() {
  static std::vector<BoardBuild> builds;
  return builds;
}

}  // namespace

bool register_board(BoardBuild build) {
  std::vector<BoardBuild> &builds = registry();
  const auto place = std::find_if(builds.begin(), builds.end(), [&](const BoardBuild &b) { return b.name > build.name; });
  builds.insert(place, std::move(build));
  return true;
}

const std::vector<BoardBuild> &boards() { return registry(); }

}  // namespace systole::board
