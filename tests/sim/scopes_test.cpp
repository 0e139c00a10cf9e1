// SPDX-License-Identifier: Apache-2.0
// RtlOptions::waves_scopes, waves_from, waves_to and waves_mark, which the tool's own searches use.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
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

void multiply(const RtlOptions &rtl) {
  RunOptions options;
  options.config = "4x4";
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
  rtl.waves_mark = 201;
  multiply(rtl);
  const Contents found = contents(rtl.waves);
  EXPECT_EQ(found.first, 150u);
  EXPECT_EQ(found.last, 250u);
  std::ifstream view(gtkw_name(rtl.waves));
  std::string line;
  while (std::getline(view, line) && line[0] != '*') {}
  std::istringstream words(line);
  std::string zoom;
  int64_t primary = 0, doorbell = 0, irq = 0, mismatch = 0;
  words >> zoom >> primary >> doorbell >> irq >> mismatch;
  EXPECT_EQ(primary, 201'000);
  EXPECT_EQ(mismatch, 201'000);
  EXPECT_GT(doorbell, 0);
  EXPECT_GT(irq, doorbell);
}

}  // namespace
}  // namespace systole::platform
