// SPDX-License-Identifier: Apache-2.0
// How wrong values lie, and the command that repeats a run.
#include <gtest/gtest.h>

#include "sim/tool/diagnosis.hpp"

namespace systole::tool {
namespace {

constexpr std::uint32_t kRows = 12, kColumns = 40;
constexpr unsigned kArrayColumns = 16, kLanes = 8;

/// The pattern of the places for which `wrong` says so.
template <class Wrong>
std::string pattern(const Wrong &wrong, std::uint32_t difference = 0x28) {
  Pattern out(kRows, kColumns, kArrayColumns, kLanes);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      if (wrong(row, column)) out.add(row, column, difference);
    }
  }
  return out.text();
}

TEST(PatternTest, NamesWhatWrongValuesHaveInCommon) {
  EXPECT_EQ(pattern([](std::size_t, std::size_t) { return false; }), "");
  EXPECT_EQ(pattern([](std::size_t, std::size_t) { return true; }), "all of them");
  EXPECT_EQ(pattern([](std::size_t r, std::size_t c) { return r == 3 && c == 5; }), "a single one");
  EXPECT_EQ(pattern([](std::size_t r, std::size_t) { return r == 3; }), "all in row 3");
  EXPECT_EQ(pattern([](std::size_t, std::size_t c) { return c == 18; }), "all in column 18 (column 2 of the array)");
  EXPECT_EQ(pattern([](std::size_t, std::size_t c) { return c % 16 == 2; }), "all in columns 2 modulo 16: column 2 of the array");
  EXPECT_EQ(pattern([](std::size_t, std::size_t c) { return c % 8 == 2; }), "all in columns 2 modulo 8: lane 2 of the epilogue");
  EXPECT_EQ(pattern([](std::size_t, std::size_t c) { return c / 16 == 1; }), "all in column tile 1 (columns 16 and following)");
  EXPECT_EQ(pattern([](std::size_t r, std::size_t c) { return r < 2 && c % 3 == 0; }), "in 2 rows and 14 columns");
}

TEST(PatternTest, NamesTheBitIfItIsTheSameEverywhere) {
  const auto some = [](std::size_t r, std::size_t c) { return r == 3 && c < 9; };
  EXPECT_EQ(pattern(some, 0x20), "all in row 3, only bit 5");
  EXPECT_EQ(pattern(some, 0x80000000u), "all in row 3, only bit 31");
  EXPECT_EQ(pattern(some, 0x30), "all in row 3");
  Pattern two(kRows, kColumns, kArrayColumns, kLanes);
  two.add(0, 0, 0x20);
  two.add(0, 1, 0x10);
  EXPECT_EQ(two.text(), "all in row 0");
}

TEST(PatternTest, OfOneValueThereIsNoAll) {
  Pattern one(1, 1, kArrayColumns, kLanes);
  one.add(0, 0, 1);
  EXPECT_EQ(one.text(), "bit 0");
}

TEST(RerunTest, WritesNothingAndKeepsTheSeed) {
  Report report;
  report.seed = 77;
  const std::vector<std::string> typed = {"sim",    "gemm_int8", "--json",    "r.json",         "--config", "4x4",
                                          "--seed", "random",    "--waves=w", "--stall-seed=3", "--trace",  "t.csv"};
  const std::vector<std::string> wanted = {"sim",    "gemm_int8", "--config",      "4x4", "--stall-seed=3",
                                           "--seed", "77",        "--no-diagnosis"};
  EXPECT_EQ(rerun_arguments(typed, report), wanted);
  report.repeatable = false;  // gemm: the data are the user's
  EXPECT_EQ(rerun_arguments({"gemm", "--a", "a.npy", "--out", "c.npy", "--mismatch-waves", "m.fst"}, report),
            (std::vector<std::string>{"gemm", "--a", "a.npy", "--no-diagnosis", "--out", "/dev/null"}));
}

}  // namespace
}  // namespace systole::tool
