// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/fpga/board.hpp"
#include "sim/link/client.hpp"

namespace systole::fpga {

/// One part of a self-test.
struct TestResult {
  std::string name;
  bool pass = false;
  std::string detail;  ///< one line: what was tried, or what was wrong
};

/// Tries registers, error replies, memory and, against the golden model, products on a board with a whole accelerator. Overwrites the
/// memory. `next` is called with the name of each part before it.
/// @throws link::Error if the board does not answer; a part that the board answers wrongly fails instead
std::vector<TestResult> self_test(link::Client &client, const Board &board,
                                  const std::function<void(const std::string &)> &next = {});

/// The same for a board with the array bench: a product through the array, cycle by cycle (docs/link.md).
std::vector<TestResult> bench_test(link::Client &client, const std::function<void(const std::string &)> &next = {});

}  // namespace systole::fpga
