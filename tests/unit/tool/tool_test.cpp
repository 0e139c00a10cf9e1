// SPDX-License-Identifier: Apache-2.0
// What the tool says of results, above all of wrong ones.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sim/tool/named_tests.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/tool.hpp"

namespace systole::tool {
namespace {

/// 3 x 4 x 2, with the right answer.
platform::GemmJob job() {
  platform::GemmJob out;
  out.m = 3;
  out.n = 4;
  out.k = 2;
  out.a = {1, 2, 3, 4, 5, 6};
  out.b = {1, 0, 0, 1, 1, 1, 0, 0};  // columns (1 0), (0 1), (1 1), (0 0)
  return out;
}

platform::GemmResult right() {
  platform::GemmResult out;
  out.c = {1, 2, 3, 0, 3, 4, 7, 0, 5, 6, 11, 0};
  out.cycles = 100;
  out.macs = 24;
  out.utilisation = 0.25;
  out.wall_s = 0.5;
  out.simulated_cycles = 1000;
  out.counters = {{"total", 100}, {"compute", 40}, {"command", 10}, {"weights", 20},     {"activations", 5},
                  {"hazard", 3},  {"store", 2},    {"drain", 20},   {"read_bytes", 640}, {"write_bytes", 64}};
  return out;
}

Report report_of(std::vector<Case> cases) {
  Report out;
  out.test = "some_test";
  out.options.config = platform::configs().front();
  out.seed = 42;
  out.cases = std::move(cases);
  return out;
}

std::string summary(const Report &report) {
  std::ostringstream out;
  print_summary(out, report);
  return out.str();
}

void expect_contains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in\n" << text;
}

TEST(ToolCheckTest, RightResultsPass) {
  const Case c = check("x", job(), right());
  EXPECT_TRUE(c.pass());
  EXPECT_EQ(c.mismatches, 0u);
  const Report report = report_of({c});
  EXPECT_TRUE(report.pass());
  expect_contains(summary(report), "some_test: PASS");
  expect_contains(summary(report), "every bit agrees");
}

TEST(ToolCheckTest, OneWrongBitAnywhereFails) {
  for (std::size_t at = 0; at < 12; ++at) {
    for (const unsigned bit : {0u, 7u, 31u}) {
      platform::GemmResult wrong = right();
      wrong.c[at] = static_cast<std::int32_t>(static_cast<std::uint32_t>(wrong.c[at]) ^ 1u << bit);
      const Case c = check("x", job(), wrong);
      EXPECT_FALSE(c.pass());
      EXPECT_EQ(c.mismatches, 1u);
      ASSERT_EQ(c.first.size(), 1u);
      EXPECT_EQ(c.first[0].row, at / 4);
      EXPECT_EQ(c.first[0].column, at % 4);
      EXPECT_EQ(c.first[0].expected, right().c[at]);
      EXPECT_EQ(c.first[0].actual, wrong.c[at]);
      EXPECT_FALSE(report_of({check("x", job(), right()), c}).pass());
    }
  }
}

TEST(ToolCheckTest, AResultThatIsTooShortFails) {
  platform::GemmResult wrong = right();
  wrong.c.resize(11);
  EXPECT_FALSE(check("x", job(), wrong).pass());
  wrong.c.clear();
  EXPECT_EQ(check("x", job(), wrong).mismatches, 12u);
}

TEST(ToolCheckTest, OtherOffencesFailThoughEveryBitAgrees) {
  platform::GemmResult wrong = right();
  wrong.memory_intact = false;
  wrong.memory_report = "a byte at 0x1234";
  expect_contains(summary(report_of({check("x", job(), wrong)})), "memory outside C: a byte at 0x1234");
  EXPECT_FALSE(check("x", job(), wrong).pass());
  wrong = right();
  wrong.driver_result = 6;
  wrong.driver_message = "the accelerator reports an error";
  expect_contains(summary(report_of({check("x", job(), wrong)})), "driver: the accelerator reports an error");
  EXPECT_FALSE(check("x", job(), wrong).pass());
  wrong = right();
  wrong.unwritten = 4;
  expect_contains(summary(report_of({check("x", job(), wrong)})), "4 bytes of C were never written");
  EXPECT_FALSE(check("x", job(), wrong).pass());
  wrong = right();
  ++wrong.counters["hazard"];
  expect_contains(summary(report_of({check("x", job(), wrong)})),
                  "the causes add up to 101, but doorbell to interrupt took 100 cycles");
  EXPECT_FALSE(check("x", job(), wrong).pass());
  wrong.counters.erase("hazard");
  EXPECT_FALSE(check("x", job(), wrong).pass());
  EXPECT_FALSE(report_of({}).pass());  // nothing checked is nothing passed
}

TEST(ToolCheckTest, ZeroPointsAndSeedsAreThoseOfTheJob) {
  platform::GemmJob shifted = job();
  shifted.a_zp = 1;
  shifted.b_zp = {0, 1, 0, 2};
  shifted.bias = std::vector<std::int32_t>{100, 0, 0, 0};
  // Row 0 of A - 1 is (0 1); the columns are (1 0), (-1 0), (1 1), (-2 -2).
  const std::vector<std::int32_t> c = golden_result(shifted);
  EXPECT_EQ(std::vector<std::int32_t>(c.begin(), c.begin() + 4), (std::vector<std::int32_t>{100, 0, 1, -2}));
}

TEST(ToolReportTest, NamesCoordinatesAndCountOfWrongValues) {
  platform::GemmResult wrong = right();
  for (std::int32_t &value : wrong.c) value += 1000;
  Report report = report_of({check("the case", job(), wrong)});
  const std::string text = summary(report);
  expect_contains(text, "some_test: FAIL");
  expect_contains(text, "FAILED the case (3x4x2, int8)");
  expect_contains(text, "12 of 12 values are wrong");
  expect_contains(text, "C[1][2]  expected 7  actual 1007");
  expect_contains(text, "and 4 more");
  expect_contains(text, "--seed 42");
  EXPECT_EQ(text.find("every bit agrees"), std::string::npos);
}

TEST(ToolReportTest, ShowsWhereTheCyclesWent) {
  const std::string text = summary(report_of({check("x", job(), right())}));
  expect_contains(text, "100 from doorbell to interrupt");
  expect_contains(text, "40   40.0 %  ################ ");
  expect_contains(text, "2 kcycle/s");
  expect_contains(text, "640 bytes read, 64 written");
}

TEST(ToolReportTest, FitsOnOneScreen) {
  const TestPlan plan = named_test("gemm_int8_ragged", platform::configs().front(), 1);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    platform::GemmResult wrong = right();  // of another shape: everything fails
    cases.push_back(check(plan.names[i], plan.jobs[i], wrong));
  }
  std::istringstream lines(summary(report_of(cases)));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    EXPECT_LE(line.size(), 130u) << line;
  }
  EXPECT_LE(count, 90);
}

TEST(ToolReportTest, JsonHoldsWhatTheContractNames) {
  const nlohmann::json one = nlohmann::json::parse(to_json(report_of({check("x", job(), right())})));
  for (const char *key : {"test", "config", "shape", "dtype", "engine", "pass", "mismatches", "cycles", "model_cycles", "macs",
                          "utilisation", "counters", "seed", "wall_s"}) {
    EXPECT_TRUE(one.contains(key)) << key;
  }
  EXPECT_EQ(one["config"]["rows"], 16);
  EXPECT_EQ(one["config"]["axi_bits"], 128);
  EXPECT_EQ(one["shape"], nlohmann::json({{"m", 3}, {"n", 4}, {"k", 2}}));
  EXPECT_EQ(one["cycles"], 100);
  EXPECT_TRUE(one["model_cycles"].is_null());
  std::uint64_t sum = 0;
  for (const auto &[name, count] : one["counters"].items()) sum += count.get<std::uint64_t>();
  EXPECT_EQ(sum, 100u);  // the causes add up to the cycles
  EXPECT_FALSE(one.contains("cases"));

  platform::GemmResult wrong = right();
  wrong.c[0] = 0;
  const nlohmann::json two = nlohmann::json::parse(to_json(report_of({check("x", job(), right()), check("y", job(), wrong)})));
  EXPECT_EQ(two["pass"], false);
  EXPECT_EQ(two["mismatches"], 1);
  EXPECT_EQ(two["cycles"], 200);
  EXPECT_EQ(two["macs"], 48);
  EXPECT_NEAR(two["utilisation"].get<double>(), 48.0 / (200 * 512), 1e-12);
  ASSERT_EQ(two["cases"].size(), 2u);
  EXPECT_EQ(two["cases"][0]["pass"], true);
  EXPECT_EQ(two["cases"][1]["pass"], false);
  EXPECT_EQ(two["cases"][1]["name"], "y");

  Report model = report_of({check("x", job(), right())});
  model.options.engine = "model";
  const nlohmann::json untimed = nlohmann::json::parse(to_json(model));
  EXPECT_TRUE(untimed["cycles"].is_null());
  EXPECT_TRUE(untimed["utilisation"].is_null());
  EXPECT_TRUE(untimed["counters"].is_null());
}

TEST(ToolReportTest, JsonOfASimulationThatEndedEarlyFails) {
  Report report = report_of({});
  report.error = "hang: nothing has moved since cycle 7";
  const nlohmann::json json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["pass"], false);
  EXPECT_EQ(json["error"], report.error);
  for (const char *unknown : {"mismatches", "cycles", "utilisation", "counters"}) EXPECT_TRUE(json[unknown].is_null()) << unknown;
}

TEST(ToolOptionsTest, IntegersAreReadStrictly) {
  EXPECT_EQ(integer("x", "-128", -128, 127), -128);
  EXPECT_EQ(integer("x", "+5", -128, 127), 5);
  EXPECT_EQ(integer("x", "0x7f", -128, 127), 127);
  EXPECT_EQ(integer("x", "010", -128, 127), 10);
  for (const char *bad : {"", " 1", "1 ", "x", "--1", "1.0", "-129", "128", "0x", "1e1", "99999999999999999999", "-", "+"}) {
    EXPECT_THROW(integer("x", bad, -128, 127), UserError) << bad;
  }
  EXPECT_EQ(unsigned_integer("x", "18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char *bad : {"", "-1", "+1", " 1", "18446744073709551616", "1x"})
    EXPECT_THROW(unsigned_integer("x", bad), UserError) << bad;
}

TEST(NamedTestsTest, AreLegalJobsOnEveryConfiguration) {
  std::ostringstream listed;
  list_named_tests(listed);
  std::istringstream lines(listed.str());
  std::string line;
  int tests = 0;
  while (std::getline(lines, line)) {
    std::string name;
    std::istringstream(line) >> name;
    ++tests;
    for (const platform::ConfigInfo &config : platform::configs()) {
      const TestPlan plan = named_test(name, config, 5);
      ASSERT_EQ(plan.names.size(), plan.jobs.size());
      ASSERT_FALSE(plan.jobs.empty());
      for (const platform::GemmJob &job : plan.jobs) {
        ASSERT_TRUE(job.m >= 1 && job.n >= 1 && job.k >= 1);
        ASSERT_EQ(job.a.size(), std::size_t{job.m} * job.k);
        ASSERT_EQ(job.b.size(), std::size_t{job.n} * job.k);
        ASSERT_TRUE(job.b_zp.size() == 1 || job.b_zp.size() == job.n);
        ASSERT_TRUE(job.a_zp >= (job.a_signed ? -128 : 0) && job.a_zp <= (job.a_signed ? 127 : 255));
        for (const int zero : job.b_zp) ASSERT_TRUE(zero >= (job.b_signed ? -128 : 0) && zero <= (job.b_signed ? 127 : 255));
        ASSERT_TRUE(!job.bias || job.bias->size() == job.n);
        ASSERT_TRUE(!job.seed || job.seed->size() == std::size_t{job.m} * job.n);
        ASSERT_FALSE(job.bias && job.seed);
      }
    }
  }
  EXPECT_EQ(tests, 6);
  EXPECT_THROW(named_test("nothing", platform::configs().front(), 1), UserError);
}

}  // namespace
}  // namespace systole::tool
