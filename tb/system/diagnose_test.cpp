// SPDX-License-Identifier: Apache-2.0
// locate() on runs of the right RTL: every port is compared, and nothing differs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>

#include "firmware/include/systole_regs.h"
#include "sim/diagnose/locate.hpp"
#include "sim/diagnose/tokens.hpp"
#include "sim/platform/gemm.hpp"
#include "sim/platform/rtl.hpp"

namespace systole {
namespace {

using diagnose::Port;
using golden::DType;

/// A token given a cycle before its command's end, and one taken in the cycle in which it is given.
void expect_faults_seen(const platform::MeasuredProgram &measured, uint64_t doorbell, const diagnose::TokenEvents &events) {
  for (const unsigned token : {SYSTOLE_TOKEN_ACT_FULL, SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACC_FULL}) {
    unsigned number = 0;
    while (1u << number != token) ++number;
    SCOPED_TRACE(platform::TOKEN_NAMES[number]);
    ASSERT_FALSE(events.given[number].empty());
    ASSERT_FALSE(events.taken[number].empty());
    diagnose::TokenEvents changed = events;
    changed.given[number].back() -= 1;
    auto fault = diagnose::find_token_fault(measured, doorbell, changed);
    ASSERT_TRUE(fault);
    EXPECT_TRUE(fault->given_early);
    EXPECT_EQ(fault->token, number);
    EXPECT_EQ(fault->cycle, changed.given[number].back());
    EXPECT_EQ(platform::tokens_given(measured.program.records.at(*fault->giver)) & token, token);
    changed = events;
    changed.taken[number].front() = events.given[number].front();
    fault = diagnose::find_token_fault(measured, doorbell, changed);
    ASSERT_TRUE(fault);
    EXPECT_FALSE(fault->given_early);
    EXPECT_EQ(fault->cycle, changed.taken[number].front());
    EXPECT_EQ(platform::tokens_taken(measured.program.records.at(*fault->taker)) & token, token);
  }
}

/// Runs two products, the second of which is looked at, and compares its ports.
diagnose::Findings look(const std::string &config, DType type, DType out, uint32_t m, uint32_t n, uint32_t k, bool seed,
                        std::optional<uint64_t> stalls, const std::function<void(diagnose::Run &, uint64_t a)> &spoil = nullptr) {
  std::mt19937 random(7);
  const size_t size = golden::size(type);
  platform::GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = type;
  job.epilogue.out = out;
  const auto bytes = [&](size_t count) {
    std::vector<uint8_t> data(count * size);
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<uint8_t>(size == 2 && i % 2 == 1 ? 0x38 + random() % 8 : random());
    return data;
  };
  job.a = bytes(size_t{m} * k);
  job.b = bytes(size_t{n} * k);
  if (seed) job.seed = std::vector<uint32_t>(size_t{m} * n, 0x3F800000u);
  const std::vector<platform::GemmJob> jobs = {job, job};

  std::string name = testing::TempDir() + "systole-diagnose-XXXXXX";
  const int file = mkstemp(name.data());
  EXPECT_GE(file, 0);
  close(file);
  platform::RtlOptions rtl;
  rtl.waves = name;
  rtl.waves_scopes = diagnose::located_scopes();
  platform::RunOptions options;
  options.config = config;
  options.layout_seed = 3;
  options.timing.stall_seed = stalls;
  options.make_accelerator = platform::rtl_factory(rtl);
  uint64_t a = 0;
  options.before_job = [&a](size_t, const platform::Layout &at, platform::Accelerator &) { a = at.a; };
  const std::vector<platform::GemmResult> results = platform::run_gemm(options, jobs);
  EXPECT_TRUE(results[1].ok());
  EXPECT_EQ(results[1].c, platform::golden_result(job));

  diagnose::Run run;
  run.config = platform::find_config(config);
  run.records = results[1].measured.program.records;
  platform::MemoryImage image = platform::operand_image(options, jobs, 1);
  run.memory = std::move(image.bytes);
  run.memory_base = image.base;
  run.begin = results[1].doorbell_cycle;
  if (spoil) spoil(run, a);
  const diagnose::Findings findings = diagnose::locate(run, *platform::read_waves(name));
  // No token comes early in a right machine; and one that did would be seen.
  platform::MeasuredProgram measured = results[1].measured;
  diagnose::TokenEvents tokens = diagnose::read_tokens(run.begin, *platform::read_waves(name));
  EXPECT_FALSE(diagnose::find_token_fault(measured, run.begin, tokens));
  expect_faults_seen(measured, run.begin, tokens);
  std::remove(name.c_str());
  return findings;
}

void expect_right(const diagnose::Findings &findings, uint64_t sums) {
  EXPECT_FALSE(findings.first) << findings.first->place << " in cycle " << findings.first->cycle << ": "
                               << findings.first->expected << ", not " << findings.first->actual;
  for (unsigned port = 0; port < diagnose::kPorts; ++port) {
    EXPECT_GT(findings.ports[port].compared, 0u) << port;
    EXPECT_EQ(findings.ports[port].wrong, 0u) << port;
  }
  EXPECT_EQ(findings.ports[static_cast<unsigned>(Port::accumulator)].compared, sums);
}

struct Shape {
  const char *name;
  DType type, out;
  uint32_t m, n, k;
  bool seed;
  std::optional<uint64_t> stalls;
};
void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.name; }

/// The configuration that this program holds.
platform::ConfigInfo here() { return platform::find_config(platform::rtl_configs(true).front()); }

std::vector<Shape> shapes() {
  std::vector<Shape> all = {{"Int8", DType::s8, DType::s32, 37, 41, 83, false, std::nullopt},
                            {"Uint8WithSeedAndStalls", DType::u8, DType::s32, 19, 23, 29, true, 5}};
  if (here().fp) {
    all.push_back({"Fp16", DType::fp16, DType::fp16, 17, 13, 21, true, std::nullopt});
    all.push_back({"Bf16WithStalls", DType::bf16, DType::fp32, 1, 9, 5, false, 2});
  }
  return all;
}

class DiagnoseTest : public testing::TestWithParam<Shape> {};

TEST_P(DiagnoseTest, FindsNothingWrongWithTheRightRtl) {
  const Shape &s = GetParam();
  const size_t word = here().word_bytes() / golden::size(s.type);
  expect_right(look(here().name, s.type, s.out, s.m, s.n, s.k, s.seed, s.stalls),
               uint64_t{s.m} * s.n * ((s.k + word - 1) / word));
}

/// Names of tests are those of the configuration, too: every program has them.
std::string identifier(const std::string &text) {
  std::string out = text;
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

INSTANTIATE_TEST_SUITE_P(Rtl, DiagnoseTest, testing::ValuesIn(shapes()), [](const testing::TestParamInfo<Shape> &info) {
  return identifier(here().name) + "_" + info.param.name;
});

class DiagnoseOperandTest : public testing::TestWithParam<std::string> {};

/// A byte of A that is not what the machine was given: load is the first to differ, in that byte.
TEST_P(DiagnoseOperandTest, SeesAWrongByte) {
  const unsigned bytes = here().word_bytes();
  const diagnose::Findings findings =
      look(here().name, DType::s8, DType::s32, 7, 5, bytes, false, std::nullopt, [](diagnose::Run &run, uint64_t a) {
        run.memory[a - run.memory_base + 3] ^= 4;  // A[0][3]
      });
  ASSERT_TRUE(findings.first);
  EXPECT_EQ(findings.first->port, Port::load);
  EXPECT_EQ(findings.first->place, "word 0 of the activation buffer, byte 3");
  EXPECT_EQ(findings.first->bits, "bit 2");
  EXPECT_EQ(findings.ports[static_cast<unsigned>(Port::load)].wrong, 1u);
}

INSTANTIATE_TEST_SUITE_P(Rtl, DiagnoseOperandTest, testing::ValuesIn(std::vector<std::string>{here().name}),
                         [](const testing::TestParamInfo<std::string> &info) { return identifier(info.param); });

}  // namespace
}  // namespace systole
