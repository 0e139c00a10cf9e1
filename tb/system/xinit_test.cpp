// SPDX-License-Identifier: Apache-2.0
// Builds whose state starts with random bits: a register that lacks its reset shows.
#include <gtest/gtest.h>

#include "sim/platform/rtl.hpp"
#include "tb/system/system.hpp"

namespace systole::tb {
namespace {

class RandomStartTest : public testing::TestWithParam<std::tuple<std::string, unsigned>> {};

TEST_P(RandomStartTest, EveryBitAgrees) {
  const unsigned seed = std::get<1>(GetParam());
  std::mt19937_64 random{seed};
  platform::RtlOptions rtl;
  rtl.x_seed = seed;
  platform::RunOptions run;
  run.config = std::get<0>(GetParam());
  run.make_accelerator = platform::rtl_factory(rtl);
  run.layout_seed = seed;
  if (seed % 2 == 0) run.timing.stall_seed = seed;
  std::vector<platform::GemmJob> jobs;
  for (unsigned i = 0; i < 8; ++i) {
    jobs.push_back(random_job(random, 1 + random() % 40, 1 + random() % 40, 1 + random() % 80));
    randomise(random, jobs.back());
    if (platform::find_config(run.config).fp)
      jobs.push_back(random_float_job(random, 1 + random() % 40, 1 + random() % 40, 1 + random() % 40));
  }
  expect_golden(run, jobs);
}

INSTANTIATE_TEST_SUITE_P(Rtl, RandomStartTest,
                         testing::Combine(testing::ValuesIn(platform::rtl_configs(false, true)), testing::Range(1u, 7u)),
                         [](const auto &info) {
                           return test_name(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace systole::tb
