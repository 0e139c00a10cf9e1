// SPDX-License-Identifier: Apache-2.0
// RtlOptions::waves_scopes, waves_from, waves_to and the mark of a view, which the tool's own searches use.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "gtkwave/fstapi.h"
#include "sim/platform/gemm.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/platform/rtl.hpp"

namespace systole::platform {
namespace {

struct Contents {
  std::set<std::string> scopes, names;  // of signals: "TOP.systole", "TOP.systole.wr_data"
  uint64_t first = 0, last = 0;         // cycles
};

Contents contents(const std::string &file) {
  Contents out;
  void *reader = fstReaderOpen(file.c_str());
  if (reader == nullptr) return out;
  out.first = fstReaderGetStartTime(reader) / WAVE_UNITS;
  out.last = fstReaderGetEndTime(reader) / WAVE_UNITS;
  while (const fstHier *item = fstReaderIterateHier(reader)) {
    if (item->htyp == FST_HT_SCOPE) fstReaderPushScope(reader, item->u.scope.name, nullptr);
    if (item->htyp == FST_HT_UPSCOPE) fstReaderPopScope(reader);
    if (item->htyp != FST_HT_VAR) continue;
    const std::string scope = fstReaderGetCurrentFlatScope(reader), name = item->u.var.name;
    out.scopes.insert(scope);
    out.names.insert(scope + "." + name.substr(0, name.find(' ')));
  }
  fstReaderClose(reader);
  return out;
}

void multiply(const RtlOptions &rtl, const std::string &config = "4x4") {
  RunOptions options;
  options.config = config;
  options.make_accelerator = rtl_factory(rtl);
  GemmJob job;
  job.m = job.n = job.k = 9;
  job.a.assign(81, 3);
  job.b.assign(81, 5);
  const GemmResult result = run_gemm(options, {job}).front();
  EXPECT_GT(result.cycles, 100u);
}

std::string fresh(const std::string &name) {
  std::filesystem::remove(name);
  std::filesystem::remove(gtkw_name(name));
  return name;
}

TEST(WaveScopes, HoldTheSignalsDirectlyInThemAndNoView) {
  RtlOptions rtl;
  rtl.waves = fresh("scopes.fst");
  rtl.waves_scopes = {"systole", "systole.u_compute.u_accumulators"};
  multiply(rtl);
  const Contents found = contents(rtl.waves);
  EXPECT_EQ(found.scopes, (std::set<std::string>{"TOP.systole", "TOP.systole.u_compute.u_accumulators"}));
  for (const char *name : {"TOP.systole.wr_valid", "TOP.systole.wr_data", "TOP.systole.u_compute.u_accumulators.psum_i",
                           "TOP.systole.u_compute.u_accumulators.wr"})
    EXPECT_EQ(found.names.count(name), 1u) << name;
  EXPECT_FALSE(std::filesystem::exists(gtkw_name(rtl.waves)));
}

TEST(WaveScopes, OfAGenerateBlockAreNamedWithItsIndex) {
  RtlOptions rtl;
  rtl.waves = fresh("generate.fst");
  rtl.waves_scopes = {"systole.u_compute.u_accumulators.gen_col[2]"};
  multiply(rtl);
  EXPECT_EQ(contents(rtl.waves).names.count("TOP.systole.u_compute.u_accumulators.gen_col[2].wr_row"), 1u);
}

TEST(WaveMark, IsTheViewsPrimaryMarkerAndMarkerC) {
  RtlOptions rtl;
  rtl.waves = fresh("mark.fst");
  rtl.waves_from = 150;
  rtl.waves_to = 250;
  multiply(rtl);
  WaveNotes notes;
  notes.jobs.push_back({100, 300, 0, 0});
  notes.first_wrong.emplace();
  notes.first_wrong->cycle = 201;
  write_view({rtl.waves, rtl.waves_from, rtl.waves_to, {}}, notes);
  const Contents found = contents(rtl.waves);
  EXPECT_EQ(found.first, 150u);
  EXPECT_EQ(found.last, 250u);
  std::ifstream view(gtkw_name(rtl.waves));
  std::string line;
  while (std::getline(view, line) && line[0] != '*') {}
  std::istringstream words(line);
  std::string zoom;
  int64_t primary = 0, doorbell = 0, irq = 0, mismatch = 0, sum = 0;
  words >> zoom >> primary >> doorbell >> irq >> mismatch >> sum;
  EXPECT_EQ(primary, 201'000);
  EXPECT_EQ(mismatch, 201'000);
  EXPECT_EQ(doorbell, 100'000);
  EXPECT_EQ(irq, 300'000);
  EXPECT_EQ(sum, -1);
}

/// The traces of the group "first wrong" of a fault in column 9, where the row is known, on an array.
std::string rows_shown(const std::string &config, std::optional<unsigned> row) {
  RtlOptions rtl;
  rtl.waves = fresh("rows_" + config + "_" + std::to_string(row.value_or(0)) + ".fst");
  rtl.waves_to = 5;
  multiply(rtl, config);
  WaveNotes notes;
  FirstWrong &at = notes.first_wrong.emplace();
  at.port = "accumulator";
  at.column = 9;
  at.row = row;
  write_view({rtl.waves, rtl.waves_from, rtl.waves_to, {}}, notes);
  std::ifstream view(gtkw_name(rtl.waves));
  std::string labels;
  for (std::string line; std::getline(view, line) && line != "-registers";) {
    const size_t end = line.find(", column 9}");
    if (end != std::string::npos) labels += (labels.empty() ? "" : ", ") + line.substr(2, end - 2);
  }
  for (std::string line; std::getline(view, line);) EXPECT_EQ(line.find("missing"), std::string::npos) << line;
  return labels;
}

TEST(FirstWrongGroup, ShowsEightRowsAroundTheElement) {
  EXPECT_EQ(rows_shown("16x16", 5),
            "row 1 sum in, row 1 sum out, row 2 sum in, row 2 sum out, row 3 sum in, row 3 sum out, row 4 sum in, row 4 sum out, "
            "row 5 sum in, row 5 sum out, row 6 sum in, row 6 sum out, row 7 sum in, row 7 sum out, row 8 sum in, row 8 sum out");
}

TEST(FirstWrongGroup, ShowsTheLastRowsWhereTheElementIsInOne) {
  const std::string rows = rows_shown("16x16", 15);
  EXPECT_EQ(rows.substr(0, 12), "row 8 sum in");
  EXPECT_EQ(rows.substr(rows.size() - 14), "row 15 sum out");
}

TEST(FirstWrongGroup, ShowsAnArrayWithoutFloatingPointAsOneBlock) {
  EXPECT_EQ(rows_shown("16x16-int8", std::nullopt), "array sum in, array sum out");
}

}  // namespace
}  // namespace systole::platform
