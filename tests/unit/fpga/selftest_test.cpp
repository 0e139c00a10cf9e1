// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/selftest.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/fake_board/fake_board.hpp"

namespace systole::fpga {
namespace {

using fake::BoardSettings;

/// Names of the parts that fail.
std::set<std::string> failures(const BoardSettings &settings) {
  fake::FakeBoard board(settings);
  fake::FakeLine line(board);
  link::Client client(line);
  client.connect(1'000'000);
  std::set<std::string> out;
  const auto results = settings.kind == 0 ? self_test(client, read_board(client)) : bench_test(client);
  EXPECT_GE(results.size(), 3u);
  for (const TestResult &result : results) {
    EXPECT_FALSE(result.detail.empty());
    if (!result.pass) out.insert(result.name);
  }
  return out;
}

TEST(FpgaSelftestTest, AGoodBoardPasses) {
  EXPECT_EQ(failures({}), std::set<std::string>{});
  for (const std::uint32_t memory : {4096u, 262144u}) {
    BoardSettings settings;
    settings.memory_bytes = memory;
    EXPECT_EQ(failures(settings), std::set<std::string>{});
  }
  BoardSettings settings;
  settings.config.fp = false;
  settings.config.element_latency = 1;
  EXPECT_EQ(failures(settings), std::set<std::string>{});
}

TEST(FpgaSelftestTest, EachStuckAddressBitIsFound) {
  for (std::uint32_t bit = 1; bit < 65536; bit *= 2) {
    BoardSettings settings;
    settings.stuck_address = bit;
    EXPECT_EQ(failures(settings).count("memory addresses"), 1u) << bit;
  }
}

TEST(FpgaSelftestTest, MissingByteStrobesAreFound) {
  BoardSettings settings;
  settings.ignores_strobes = true;
  EXPECT_EQ(failures(settings).count("memory byte writes"), 1u);
}

TEST(FpgaSelftestTest, AStuckRegisterBitIsFound) {
  BoardSettings settings;
  settings.stuck_register = true;
  EXPECT_EQ(failures(settings).count("registers"), 1u);
}

TEST(FpgaSelftestTest, ABoardThatRefusesNothingIsFound) {
  BoardSettings settings;
  settings.accepts_everything = true;
  EXPECT_EQ(failures(settings), std::set<std::string>{"refusals"});
}

TEST(FpgaSelftestTest, AWrongProductIsFound) {
  BoardSettings settings;
  settings.wrong_product = true;
  EXPECT_EQ(failures(settings), (std::set<std::string>{"int8 product", "fp16 product"}));
}

TEST(FpgaSelftestTest, AGoodArrayBenchPasses) {
  for (const std::uint32_t array : {8u << 16 | 4u << 8 | 4u, 8u << 16 | 4u << 8 | 2u, 6u << 16 | 2u << 8 | 4u}) {
    BoardSettings settings;
    settings.kind = 1;
    settings.bench_array = array;
    EXPECT_EQ(failures(settings), std::set<std::string>{}) << array;
  }
}

}  // namespace
}  // namespace systole::fpga
