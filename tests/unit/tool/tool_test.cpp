// SPDX-License-Identifier: Apache-2.0
// What the tool says of results, above all of wrong ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "firmware/include/systole_regs.h"
#include "sim/golden/float.hpp"
#include "sim/record/record.hpp"
#include "sim/tool/diagnosis.hpp"
#include "sim/tool/forecast.hpp"
#include "sim/tool/named_tests.hpp"
#include "sim/tool/options.hpp"
#include "sim/tool/report.hpp"
#include "sim/tool/test_data.hpp"
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
  for (const std::uint8_t value : {1, 2, 3, 0, 3, 4, 7, 0, 5, 6, 11, 0}) out.c.insert(out.c.end(), {value, 0, 0, 0});
  out.cycles = 100;
  out.macs = 24;
  out.utilisation = 0.25;
  out.wall_s = 0.5;
  out.simulated_cycles = 1000;
  out.counters = {{"total", 100}, {"compute", 40},     {"command", 10},    {"weights", 20},     {"activations", 5},
                  {"hazard", 3},  {"store", 2},        {"drain", 20},      {"read_bytes", 640}, {"write_bytes", 64},
                  {"macs", 24},   {"read_bursts", 12}, {"write_bursts", 7}};
  return out;
}

/// right(), predicted cycle by cycle: one command of each kind.
platform::GemmResult predicted() {
  platform::GemmResult out = right();
  for (const unsigned opcode : {SYSTOLE_OPCODE_LOAD, SYSTOLE_OPCODE_MATMUL, SYSTOLE_OPCODE_STORE}) {
    timing::Record record{};
    record[0] = opcode << SYSTOLE_CMD_OPCODE_LSB;
    out.measured.program.records.push_back(record);
  }
  out.measured.program.records.back()[SYSTOLE_CMD_IRQ_WORD] |= 1u << SYSTOLE_CMD_IRQ_LSB;
  out.measured.commands = {{10, 50}, {52, 70}, {60, 99}};
  out.predicted.emplace();
  out.predicted->commands = out.measured.commands;
  out.predicted->complete = 100;
  out.predicted->counters = out.counters;
  return out;
}

const platform::ConfigInfo &config() { return platform::configs().front(); }

/// The check of a result of job().
Case checked(const std::string &name, const platform::GemmResult &result) { return check(name, job(), config(), result); }

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
  const Case c = checked("x", right());
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
      wrong.c[4 * at + bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
      const Case c = checked("x", wrong);
      EXPECT_FALSE(c.pass());
      EXPECT_EQ(c.mismatches, 1u);
      ASSERT_EQ(c.first.size(), 1u);
      EXPECT_EQ(c.first[0].row, at / 4);
      EXPECT_EQ(c.first[0].column, at % 4);
      EXPECT_EQ(c.first[0].expected, right().c[4 * at]);
      EXPECT_EQ(c.first[0].actual, c.first[0].expected ^ 1u << bit);
      EXPECT_FALSE(report_of({checked("x", right()), c}).pass());
    }
  }
}

TEST(ToolCheckTest, AResultThatIsTooShortFails) {
  platform::GemmResult wrong = right();
  for (const std::size_t bytes : {44u, 47u}) {
    wrong = right();
    wrong.c.resize(bytes);
    const Case c = checked("x", wrong);
    EXPECT_EQ(c.mismatches, 1u);
    ASSERT_EQ(c.first.size(), 1u);
    EXPECT_FALSE(c.first[0].actual.has_value());
    expect_contains(summary(report_of({c})), "C[2][3]  expected 0 (0x00000000)  actual missing");
  }
  wrong.c.clear();
  EXPECT_EQ(checked("x", wrong).mismatches, 12u);
}

TEST(ToolCheckTest, OtherOffencesFailThoughEveryBitAgrees) {
  platform::GemmResult wrong = right();
  wrong.memory_intact = false;
  wrong.memory_report = "a byte at 0x1234";
  expect_contains(summary(report_of({checked("x", wrong)})), "memory outside C: a byte at 0x1234");
  EXPECT_FALSE(checked("x", wrong).pass());
  wrong = right();
  wrong.driver_result = 6;
  wrong.driver_message = "the accelerator reports an error";
  wrong.c.assign(wrong.c.size(), 0x5A);
  const Report unfinished = report_of({checked("x", wrong)});
  expect_contains(summary(unfinished), "driver: the accelerator reports an error");
  EXPECT_EQ(summary(unfinished).find("values"), std::string::npos) << "what was not computed was compared";
  EXPECT_TRUE(nlohmann::json::parse(to_json(unfinished))["mismatches"].is_null());
  EXPECT_FALSE(checked("x", wrong).pass());
  wrong = right();
  wrong.unwritten = 4;
  expect_contains(summary(report_of({checked("x", wrong)})), "4 bytes of C were never written");
  EXPECT_FALSE(checked("x", wrong).pass());
  wrong = right();
  ++wrong.counters["macs"];
  expect_contains(summary(report_of({checked("x", wrong)})), "the array did 25 multiply-accumulates, but M*N*K is 24");
  EXPECT_FALSE(checked("x", wrong).pass());
  wrong = right();
  --wrong.counters["total"];
  expect_contains(summary(report_of({checked("x", wrong)})), "the machine was busy for 99 cycles");
  EXPECT_FALSE(checked("x", wrong).pass());
  for (const char *counter : {"macs", "total", "drain"}) {
    wrong = right();
    wrong.counters.erase(counter);
    expect_contains(summary(report_of({checked("x", wrong)})), std::string("the counter ") + counter + " is missing");
    EXPECT_FALSE(checked("x", wrong).pass());
  }
  wrong = right();
  ++wrong.counters["hazard"];
  expect_contains(summary(report_of({checked("x", wrong)})),
                  "the causes add up to 101 cycles, but doorbell to interrupt took 100");
  EXPECT_FALSE(checked("x", wrong).pass());
  wrong.counters.erase("hazard");
  EXPECT_FALSE(checked("x", wrong).pass());
  EXPECT_FALSE(report_of({}).pass());  // nothing checked is nothing passed
}

TEST(ToolCheckTest, IdleIsTimeBetweenDoorbellsAsPredicted) {
  platform::GemmResult idle = right();
  idle.cycles += 7;  // the ring was empty for seven cycles
  EXPECT_FALSE(checked("x", idle).pass()) << "with one doorbell";
  idle.measured.program.doorbells = {{0, 3}, {50, 9}};
  EXPECT_TRUE(checked("x", idle).pass());
  EXPECT_EQ(checked("x", idle).result.counters.at("idle"), 7u);
  idle.predicted.emplace();
  idle.predicted->complete = 107;
  idle.predicted->counters["total"] = 100;
  EXPECT_TRUE(checked("x", idle).pass());
  expect_contains(summary(report_of({checked("x", idle)})), "107 from doorbell to interrupt; model 107");
  idle.predicted->counters["total"] = 101;
  expect_contains(summary(report_of({checked("x", idle)})), "the machine was idle for 7 cycles, predicted 6");
  EXPECT_FALSE(checked("x", idle).pass());
}

TEST(ToolCheckTest, ComparesElementsOfEverySize) {
  platform::GemmJob floats;
  floats.m = 1;
  floats.n = 2;
  floats.k = 1;
  floats.a_type = floats.b_type = golden::DType::fp16;
  floats.a = {0x00, 0x3e};              // 1.5
  floats.b = {0x00, 0x40, 0x00, 0xbc};  // 2, -1
  floats.epilogue.out = golden::DType::fp16;
  platform::GemmResult result;
  result.c = {0x00, 0x42, 0x00, 0xbe};  // 3, -1.5
  EXPECT_TRUE(check("x", floats, config(), result).pass());
  result.c[3] = 0x3e;
  Case c = check("x", floats, config(), result);
  ASSERT_EQ(c.first.size(), 1u);
  EXPECT_EQ(c.first[0].column, 1u);
  EXPECT_EQ(c.dtype(), "fp16");
  EXPECT_EQ(c.peak, 256u);
  expect_contains(summary(report_of({c})), "C[0][1]  expected -1.5 (0xbe00)  actual 1.5 (0x3e00)");

  platform::GemmJob bytes = job();
  bytes.epilogue.out = golden::DType::s8;
  bytes.epilogue.rule = golden::Requant::floating;
  bytes.epilogue.scale = {0x3f800000};
  bytes.epilogue.zero_point = -10;
  result.c = {0xf7, 0xf8, 0xf9, 0xf6, 0xf9, 0xfa, 0xfd, 0xf6, 0xfb, 0xfc, 0x01, 0xf6};
  EXPECT_TRUE(check("x", bytes, config(), result).pass());
  result.c[10] = 2;
  c = check("x", bytes, config(), result);
  EXPECT_EQ(c.peak, 512u);
  expect_contains(summary(report_of({c})), "FAILED x (3x4x2, int8 -> int8)");
  expect_contains(summary(report_of({c})), "C[2][2]  expected 1 (0x01)  actual 2 (0x02)");
}

TEST(ToolCheckTest, WritesValuesWithTheirBits) {
  using golden::DType;
  EXPECT_EQ(value_text(DType::s8, 0xfd), "-3 (0xfd)");
  EXPECT_EQ(value_text(DType::u8, 0xfd), "253 (0xfd)");
  EXPECT_EQ(value_text(DType::s32, 0xffffffff), "-1 (0xffffffff)");
  EXPECT_EQ(value_text(DType::fp16, 0x8000), "-0 (0x8000)");
  EXPECT_EQ(value_text(DType::fp16, 0xfc00), "-inf (0xfc00)");
  EXPECT_EQ(value_text(DType::bf16, 0x3fc0), "1.5 (0x3fc0)");
  EXPECT_EQ(value_text(DType::fp32, 0x7fc00000), "nan (0x7fc00000)");
  EXPECT_EQ(value_text(DType::fp32, 0x00000001), "1.40129846e-45 (0x00000001)");
}

TEST(ToolCheckTest, TheLastOfAQueueHasDoneTheWorkOfAll) {
  platform::GemmResult last = right();
  last.counters["macs"] = 124;
  EXPECT_TRUE(check("x", job(), config(), last, 100).pass());
  EXPECT_FALSE(check("x", job(), config(), last, 101).pass());
  EXPECT_FALSE(check("x", job(), config(), last).pass());
}

TEST(ToolCheckTest, OneCycleThatWasNotPredictedFails) {
  const auto report = [](platform::GemmResult result) {
    result.timing_report = platform::timing_difference(result.measured, result.cycles, result.counters, *result.predicted);
    return report_of({checked("the case", result)});
  };
  EXPECT_TRUE(report(predicted()).pass());
  expect_contains(summary(report(predicted())), "100 from doorbell to interrupt; model 100, every command equal");
  const nlohmann::json json = nlohmann::json::parse(to_json(report(predicted())));
  EXPECT_EQ(json["model_cycles"], 100);
  ASSERT_TRUE(json.contains("timing"));
  EXPECT_EQ(json["timing"], nullptr);

  for (std::size_t command = 0; command < 3; ++command) {
    for (const bool end : {false, true}) {
      platform::GemmResult late = predicted();
      ++(end ? late.measured.commands[command].end : late.measured.commands[command].begin);
      const Report wrong = report(late);
      EXPECT_FALSE(wrong.pass());
      const std::string text = summary(wrong);
      expect_contains(text, "FAILED the case");
      expect_contains(text, "    timing: ");
      expect_contains(text, std::array{"LOAD", "MATMUL", "STORE"}[command]);
      expect_contains(text, "; model 100, but a command's time or a counter differs\n");
      EXPECT_EQ(text.find("DIFFERS"), std::string::npos) << text;
      expect_contains(text, "checked      12 values against the golden model: every bit agrees");
      const timing::Command measured = late.measured.commands[command], model = late.predicted->commands[command];
      expect_contains(text, std::to_string(end ? measured.end : measured.begin));
      expect_contains(text, std::to_string(end ? model.end : model.begin));
      const nlohmann::json failed = nlohmann::json::parse(to_json(wrong));
      EXPECT_EQ(failed["pass"], false);
      EXPECT_EQ(failed["mismatches"], 0);
      EXPECT_EQ(failed["timing"], wrong.cases[0].result.timing_report);
      EXPECT_NE(failed["timing"], "");
    }
  }
  platform::GemmResult late = predicted();
  late.cycles = 101;
  late.counters["total"] = 101;
  late.counters["drain"] += 1;
  EXPECT_FALSE(report(late).pass());
  expect_contains(summary(report(late)), "101 from doorbell to interrupt; model 100, which DIFFERS\n");
  const nlohmann::json later = nlohmann::json::parse(to_json(report(late)));
  EXPECT_EQ(later["timing"], "the interrupt comes 101 cycles after the doorbell, predicted 100");
  late = predicted();
  ++late.counters["read_bursts"];
  EXPECT_FALSE(report(late).pass());
}

/// Of several products the first one that differs is named; and what the counters contradict is shown, predicted or not.
TEST(ToolCheckTest, JsonSaysWhatIsWrongWithTheTime) {
  platform::GemmResult second = predicted(), third = predicted();
  second.timing_report = "command 7 LOAD: late";
  third.timing_report = "command 8 LOAD: late";
  const nlohmann::json json =
      nlohmann::json::parse(to_json(report_of({checked("x", predicted()), checked("y", second), checked("z", third)})));
  EXPECT_EQ(json["timing"], second.timing_report);
  EXPECT_EQ(json["cases"][0]["timing"], nullptr);
  EXPECT_EQ(json["cases"][1]["timing"], second.timing_report);
  EXPECT_EQ(json["cases"][2]["timing"], third.timing_report);
  platform::GemmResult macs = right();
  ++macs.counters["macs"];
  EXPECT_EQ(nlohmann::json::parse(to_json(report_of({checked("x", macs)})))["timing"],
            "the array did 25 multiply-accumulates, but M*N*K is 24");
}

TEST(ToolCheckTest, WhatIsNotRandomMustBePredicted) {
  const auto report = [](const platform::GemmResult &result, bool stalls) {
    Report out = report_of({checked("x", result)});
    if (stalls) out.options.timing.stall_seed = 1;
    require_predictions(out);
    return out;
  };
  EXPECT_TRUE(report(predicted(), false).pass());
  EXPECT_FALSE(report(right(), false).pass());
  expect_contains(summary(report(right(), false)), "timing: ");
  EXPECT_EQ(nlohmann::json::parse(to_json(report(right(), false)))["model_cycles"], nullptr);
  EXPECT_NE(nlohmann::json::parse(to_json(report(right(), false)))["timing"], nullptr);
  EXPECT_EQ(nlohmann::json::parse(to_json(report(right(), true)))["timing"], nullptr);
  EXPECT_TRUE(report(right(), true).pass());
  expect_contains(summary(report(right(), true)), "100 from doorbell to interrupt; no prediction");
  platform::GemmResult queued = right();  // not the last of its queue
  queued.cycles = 0;
  EXPECT_TRUE(report(queued, false).pass());
}

TEST(ToolReportTest, TracesEveryCommand) {
  Report report = report_of({checked("x", predicted()), checked("y", right())});
  const std::string header = "product,index,command,engine,begin,end,predicted_begin,predicted_end\n";
  EXPECT_EQ(to_csv(report), header + "0,0,LOAD,load,10,50,10,50\n0,1,MATMUL,compute,52,70,52,70\n0,2,STORE,store,60,99,60,99\n");
  report.cases[0].result.predicted.reset();
  EXPECT_EQ(to_csv(report), header + "0,0,LOAD,load,10,50,,\n0,1,MATMUL,compute,52,70,,\n0,2,STORE,store,60,99,,\n");
  report.cases[0].result = predicted();
  report.cases[0].result.measured.commands[2].end = timing::kNever;
  expect_contains(to_csv(report), "0,2,STORE,store,60,,60,99\n");
  report.options.engine = "model";
  expect_contains(to_csv(report), "0,0,LOAD,load,,,10,50\n");
}

TEST(ToolForecastTest, RooflineIsWhatArrayOrPortCannotBeat) {
  record::Recorder recorder(config());
  ForecastOptions options;
  options.config = config();  // 16 x 16, 16 bytes a cycle
  options.a_type = options.b_type = golden::DType::fp16;
  options.out = golden::DType::fp16;
  const Forecast square = forecast(options, {512, 512, 512}, recorder);
  EXPECT_EQ(square.mac_cycles(), 512.0 * 512 * 512 / 256);
  EXPECT_EQ(square.read_cycles(), 2.0 * 512 * 512 * 2 / 16);
  EXPECT_EQ(square.write_cycles(), 512.0 * 512 * 2 / 16);
  EXPECT_EQ(square.roofline_cycles(), square.mac_cycles());
  EXPECT_EQ(square.utilisation(), square.efficiency());
  EXPECT_EQ(square.commands, square.loads + square.matmuls + square.stores);
  EXPECT_EQ(square.prediction.counters.at("macs"), square.macs);

  options.timing.bytes_per_cycle = 64;  // more than the port's 16
  options.bias = true;
  const Forecast vector = forecast(options, {1, 4096, 4096}, recorder);
  EXPECT_EQ(vector.read_cycles(), (4096.0 * 2 + 4096.0 * 4096 * 2 + 4096 * 4) / 16);
  EXPECT_EQ(vector.roofline_cycles(), vector.read_cycles());
  EXPECT_GT(vector.efficiency(), vector.utilisation());
  EXPECT_LT(vector.efficiency(), 1);

  options.timing.bytes_per_cycle = 2;
  options.bias = false;
  options.a_type = options.b_type = golden::DType::u8;
  options.out = golden::DType::s32;
  const Forecast outer = forecast(options, {256, 256, 1}, recorder);
  EXPECT_EQ(outer.write_cycles(), 256.0 * 256 * 4 / 2);
  EXPECT_EQ(outer.roofline_cycles(), outer.write_cycles());
  EXPECT_EQ(outer.peak, 512u);
  EXPECT_LE(outer.efficiency(), 1);
}

TEST(ToolForecastTest, RefusesWhatCannotBe) {
  record::Recorder recorder(config());
  ForecastOptions options;
  options.config = config();
  for (const Shape shape : {Shape{1u << 31, 1u << 31, 1}, Shape{1, 1u << 31, 1u << 31}, Shape{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF},
                            Shape{1u << 20, 1u << 18, 1u << 18}, Shape{1u << 16, 1u << 16, 1u << 16}})
    EXPECT_THROW(forecast(options, shape, recorder), UserError) << shape.m << " " << shape.n << " " << shape.k;
  EXPECT_GT(forecast(options, {1, 1, 1}, recorder).cycles(), 0u);  // the recorder still works
}

std::string forecast_text(const ForecastOptions &options, const Forecast &f) {
  std::ostringstream out;
  print_forecast(out, options, f);
  return out.str();
}

/// Limits are lower bounds in whole cycles; what there is one of is not in the plural.
TEST(ToolForecastTest, SaysWhatThereIsOneOf) {
  record::Recorder recorder(config());
  ForecastOptions options;
  options.config = config();
  options.timing.outstanding = 1;
  const Forecast one = forecast(options, {1, 1, 1}, recorder);
  const std::string text = forecast_text(options, one);
  expect_contains(text, "at least 1 cycle to multiply");  // 1 of 512 that it could do
  expect_contains(text, " 1 to read 2 bytes, 1 to write 4\n");
  expect_contains(text, "(1 MAC, at most 512 a cycle)");
  expect_contains(text, "1 burst outstanding");
  expect_contains(text, "1 filling of ");
  expect_contains(text, "16 written in 1\n");  // a beat
  for (const char *noun : {"cycles to multiply", "MACs", "fillings", "slots", "words", "accumulator places", "bursts"})
    EXPECT_EQ(text.find(std::string(" 1 ") + noun), std::string::npos) << noun << " in\n" << text;
  options.out = golden::DType::s32;
  const Forecast more = forecast(options, {17, 16, 33}, recorder);  // 17.53 cycles of 512 MACs, 68.06 to read, 68 to write
  expect_contains(forecast_text(options, more), "at least 18 cycles to multiply");
  expect_contains(forecast_text(options, more), " 69 to read 1,089 bytes, 68 to write 1,088\n");
  std::ostringstream table;
  print_forecasts(table, options, {one});
  expect_contains(table.str(), "plan: 1 product, ");
  EXPECT_EQ(counted(0, "burst"), "0 bursts");
  EXPECT_EQ(counted(1234, "burst"), "1,234 bursts");
}

TEST(ToolForecastTest, SaysWhenTheRingIsTooShort) {
  record::Recorder recorder(platform::find_config("4x4-int8"));
  ForecastOptions options;
  options.config = platform::find_config("4x4-int8");
  const std::string note = "the further doorbells are taken to follow without delay";
  const Forecast few = forecast(options, {64, 64, 64}, recorder), many = forecast(options, {10000, 10000, 4}, recorder);
  ASSERT_EQ(few.program.doorbells.size(), 1u);
  ASSERT_GT(many.program.doorbells.size(), 1u);
  EXPECT_EQ(forecast_text(options, few).find(note), std::string::npos);
  expect_contains(forecast_text(options, many), note);
  std::ostringstream without, with;
  print_forecasts(without, options, {few, few});
  print_forecasts(with, options, {few, many, few});
  EXPECT_EQ(without.str().find(note), std::string::npos);
  expect_contains(with.str(), note);
}

/// The records of two jobs are those of a driver that queues them: the second one's first LOAD waits for the first one's results.
TEST(RecorderTest, QueuesJobsAndForgetsThem) {
  const platform::ConfigInfo &small = platform::find_config("4x4-int8");
  systole_gemm_t gemm{};
  gemm.m = gemm.n = gemm.k = 9;
  gemm.a = 0x10000;
  gemm.b = 0x20000;
  gemm.c = 0x30000;
  gemm.a_pitch = gemm.b_pitch = 9;
  gemm.c_pitch = 36;
  gemm.epilogue.out_dtype = SYSTOLE_DTYPE_S32;
  const auto first_wait = [](const timing::Program &program, std::size_t record) {
    return systole_field_get(program.records.at(record).data(), SYSTOLE_CMD_WAIT_WORD, SYSTOLE_CMD_WAIT_LSB,
                             SYSTOLE_CMD_WAIT_WIDTH);
  };
  record::Recorder recorder(small);
  std::uint32_t count = 0;
  ASSERT_EQ(systole_gemm_commands(&recorder.device(), &gemm, &count), SYSTOLE_OK);
  recorder.add(gemm);
  recorder.add(gemm);
  const timing::Program two = recorder.take();
  ASSERT_EQ(two.records.size(), 2 * count);
  ASSERT_EQ(two.doorbells.size(), 2u);
  EXPECT_EQ(two.doorbells[0].cycle, 0u);
  EXPECT_EQ(two.doorbells[0].records, count);
  EXPECT_EQ(two.doorbells[1].cycle, 1u);
  EXPECT_EQ(two.doorbells[1].records, 2 * count);
  EXPECT_EQ(first_wait(two, 0) & SYSTOLE_TOKEN_MEM_DONE, 0u);
  EXPECT_EQ(first_wait(two, count) & SYSTOLE_TOKEN_MEM_DONE, unsigned{SYSTOLE_TOKEN_MEM_DONE});

  recorder.add(gemm);
  const timing::Program again = recorder.take();
  ASSERT_EQ(again.records.size(), count);
  EXPECT_TRUE(std::equal(again.records.begin(), again.records.end(), two.records.begin()));
  EXPECT_EQ(record::record_gemm(small, gemm).records, again.records);
  EXPECT_TRUE(recorder.take().records.empty());

  gemm.c = std::uint64_t{1} << 40;  // beyond the address width
  EXPECT_THROW(recorder.add(gemm), std::invalid_argument);
  EXPECT_THROW(recorder.plan(gemm), std::invalid_argument);
}

/// More records than the ring holds: none is lost, whatever the driver does to publish them in parts.
TEST(RecorderTest, ManyRecordsComeInSeveralDoorbells) {
  systole_gemm_t gemm{};
  gemm.m = gemm.n = 10000;
  gemm.k = 4;
  gemm.a = 0x1000000;
  gemm.b = 0x2000000;
  gemm.c = 0x100000000;
  gemm.a_pitch = gemm.b_pitch = 4;
  gemm.c_pitch = 40000;
  gemm.epilogue.out_dtype = SYSTOLE_DTYPE_S32;
  record::Recorder recorder(platform::find_config("4x4-int8"));
  std::uint32_t count = 0;
  ASSERT_EQ(systole_gemm_commands(&recorder.device(), &gemm, &count), SYSTOLE_OK);
  ASSERT_GT(count, 65536u);
  recorder.add(gemm);
  const timing::Program program = recorder.take();
  EXPECT_EQ(program.records.size(), count);
  ASSERT_GT(program.doorbells.size(), 1u);
  EXPECT_EQ(program.doorbells.back().records, count);
  for (std::size_t i = 1; i < program.doorbells.size(); ++i) {
    EXPECT_GT(program.doorbells[i].cycle, program.doorbells[i - 1].cycle);
    EXPECT_GT(program.doorbells[i].records, program.doorbells[i - 1].records);
  }
  std::map<std::uint32_t, std::uint32_t> opcodes;
  for (const timing::Record &record : program.records) ++opcodes[record[0] & 0xFF];
  EXPECT_EQ(opcodes.size(), 3u);  // LOAD, MATMUL and STORE, nothing else
}

TEST(ToolReportTest, NamesCoordinatesAndCountOfWrongValues) {
  platform::GemmResult wrong = right();
  for (std::size_t i = 0; i < 12; ++i) {  // plus 1000
    wrong.c[4 * i] = static_cast<std::uint8_t>(right().c[4 * i] + 0xe8);
    wrong.c[4 * i + 1] = 3;
  }
  Report report = report_of({checked("the case", wrong)});
  report.again = again_text({"sim", "some_test", "--stall-seed", "5", "--json", "r.json"}, report);
  const std::string text = summary(report);
  expect_contains(text, "some_test: FAIL");
  expect_contains(text, "FAILED the case (3x4x2, int8 -> int32)");
  expect_contains(text, "12 of 12 values are wrong");
  expect_contains(text, "C[1][2]  expected 7 (0x00000007)  actual 1007 (0x000003ef)");
  expect_contains(text, "and 4 more");
  expect_contains(text, "again with   " + program_name() + " sim some_test --stall-seed 5 --seed 42\n");
  EXPECT_EQ(text.find("every bit agrees"), std::string::npos);
}

TEST(ToolReportTest, ShowsWhereTheCyclesWent) {
  const std::string text = summary(report_of({checked("x", right())}));
  expect_contains(text, "100 from doorbell to interrupt");
  expect_contains(text, "40   40.0 %  ################ ");
  expect_contains(text, "2 kcycle/s");
  expect_contains(text, "640 bytes read in 12 bursts, 64 written in 7");
}

/// No bar for 0.0 %, one # for what is little but more, as many as the share says for the rest.
TEST(ToolReportTest, BarsAreAsLongAsTheirShare) {
  std::ostringstream out;
  print_causes(out, {{"compute", 96449}, {"command", 49}, {"weights", 51}, {"store", 1250}, {"drain", 2201}});
  const auto bar = [&](const std::string &cause) {
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) {
      if (line.find("    " + cause + " ") != 0) continue;
      return std::count(line.begin(), line.end(), '#');
    }
    return std::ptrdiff_t{-1};
  };
  EXPECT_EQ(bar("compute"), 39);  // 96.4 % of 40
  EXPECT_EQ(bar("command"), 0);   // 0.0 %
  EXPECT_EQ(bar("weights"), 1);   // 0.1 %
  EXPECT_EQ(bar("store"), 1);     // 1.25 %: half a step
  EXPECT_EQ(bar("drain"), 1);
  EXPECT_EQ(bar("hazard"), -1);
}

TEST(ToolReportTest, FitsOnOneScreen) {
  const TestPlan plan = named_test("gemm_int8_ragged", platform::configs().front(), 1);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    platform::GemmResult wrong = right();  // of another shape: everything fails
    cases.push_back(check(plan.names[i], plan.jobs[i], config(), wrong));
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
  const nlohmann::json one = nlohmann::json::parse(to_json(report_of({checked("x", right())})));
  for (const char *key : {"test", "config", "shape", "dtype", "out_dtype", "engine", "pass", "mismatches", "cycles",
                          "model_cycles", "macs", "utilisation", "counters", "seed", "wall_s"}) {
    EXPECT_TRUE(one.contains(key)) << key;
  }
  EXPECT_EQ(one["config"]["rows"], 16);
  EXPECT_EQ(one["config"]["axi_bits"], 128);
  EXPECT_EQ(one["shape"], nlohmann::json({{"m", 3}, {"n", 4}, {"k", 2}}));
  EXPECT_EQ(one["dtype"], "int8");
  EXPECT_EQ(one["out_dtype"], "int32");
  EXPECT_EQ(one["config"]["fp"], true);
  EXPECT_EQ(one["cycles"], 100);
  EXPECT_TRUE(one["model_cycles"].is_null());
  std::uint64_t sum = 0;
  for (const auto &[name, count] : one["counters"].items()) sum += count.get<std::uint64_t>();
  EXPECT_EQ(sum, 100u);  // the causes add up to the cycles
  EXPECT_FALSE(one.contains("cases"));

  platform::GemmResult wrong = right();
  wrong.c[0] = 0;
  const nlohmann::json two = nlohmann::json::parse(to_json(report_of({checked("x", right()), checked("y", wrong)})));
  EXPECT_EQ(two["pass"], false);
  EXPECT_EQ(two["mismatches"], 1);
  EXPECT_EQ(two["cycles"], 200);
  EXPECT_EQ(two["macs"], 48);
  EXPECT_NEAR(two["utilisation"].get<double>(), 48.0 / (200 * 512), 1e-12);
  ASSERT_EQ(two["cases"].size(), 2u);
  EXPECT_EQ(two["cases"][0]["pass"], true);
  EXPECT_EQ(two["cases"][1]["pass"], false);
  EXPECT_EQ(two["cases"][1]["name"], "y");

  Report model = report_of({checked("x", predicted())});
  model.options.engine = "model";
  const nlohmann::json timed = nlohmann::json::parse(to_json(model));
  for (const char *key : {"cycles", "model_cycles"}) EXPECT_EQ(timed[key], 100) << key;
  EXPECT_EQ(timed["counters"], one["counters"]);
  EXPECT_EQ(timed["read_bursts"], 12);
  model.options.timing.stall_seed = 7;  // the model does not know what is random
  const nlohmann::json untimed = nlohmann::json::parse(to_json(model));
  for (const char *key :
       {"cycles", "model_cycles", "utilisation", "counters", "read_bytes", "write_bytes", "read_bursts", "write_bursts"}) {
    ASSERT_TRUE(untimed.contains(key)) << key;
    EXPECT_TRUE(untimed[key].is_null()) << key;
  }
  EXPECT_EQ(untimed["memory"]["stall_seed"], 7);
  EXPECT_EQ(one["memory"]["latency"], 40);
}

TEST(ToolReportTest, UtilisationIsThatOfEachType) {
  Case ints = checked("x", right());
  Case floats = ints;
  floats.a_type = floats.b_type = golden::DType::fp16;
  floats.peak = 256;
  const nlohmann::json both = nlohmann::json::parse(to_json(report_of({ints, floats})));
  EXPECT_NEAR(both["utilisation"].get<double>(), (24.0 / 512 + 24.0 / 256) / 200, 1e-12);
  expect_contains(summary(report_of({ints, floats})), "at most what the types of each product allow");
  expect_contains(summary(report_of({floats})), "at most 256 a cycle");
}

TEST(ToolReportTest, TypesThatDifferAreShown) {
  const Case ints = checked("x", right());
  Case bytes = ints;
  bytes.b_type = golden::DType::u8;
  Case floats = ints;
  floats.a_type = floats.b_type = golden::DType::fp16;
  floats.out = golden::DType::bf16;
  const auto json = [](std::vector<Case> cases) { return nlohmann::json::parse(to_json(report_of(std::move(cases)))); };
  EXPECT_EQ(json({ints, ints})["dtype"], "int8");
  EXPECT_EQ(json({ints, ints})["out_dtype"], "int32");
  EXPECT_EQ(json({ints, bytes})["dtype"], "mixed");
  EXPECT_EQ(json({ints, bytes})["out_dtype"], "int32");
  EXPECT_EQ(json({ints, floats})["dtype"], "mixed");
  EXPECT_EQ(json({ints, floats})["out_dtype"], "mixed");
  expect_contains(summary(report_of({ints, ints})), "2, of which 2 passed, int8 -> int32, seed 42\n    3x4x2 ok, 3x4x2 ok\n");
  expect_contains(summary(report_of({ints, floats, bytes})),
                  "3, of which 3 passed, of mixed types, seed 42\n"
                  "    3x4x2 int8 -> int32 ok, 3x4x2 fp16 -> bf16 ok, 3x4x2 int8,uint8 -> int32 ok\n");
}

TEST(ToolReportTest, QueuedJobsHaveNoFiguresOfTheirOwn) {
  platform::GemmResult first = right();
  first.cycles = 0;
  first.counters.clear();
  const nlohmann::json json = nlohmann::json::parse(to_json(report_of({checked("x", first), checked("y", right())})));
  EXPECT_EQ(json["cycles"], 100);
  EXPECT_EQ(json["cases"][1]["cycles"], 100);
  for (const char *key : {"cycles", "utilisation", "counters", "read_bytes", "write_bytes"}) {
    ASSERT_TRUE(json["cases"][0].contains(key)) << key;
    EXPECT_TRUE(json["cases"][0][key].is_null()) << key;
    EXPECT_FALSE(json["cases"][1][key].is_null()) << key;
  }
}

TEST(ToolReportTest, JsonOfASimulationThatEndedEarlyFails) {
  Report report = report_of({});
  report.error = "hang: nothing has moved since cycle 7";
  const nlohmann::json json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["pass"], false);
  EXPECT_EQ(json["error"], report.error);
  for (const char *unknown : {"mismatches", "timing", "dtype", "out_dtype", "cycles", "utilisation", "counters"})
    EXPECT_TRUE(json[unknown].is_null()) << unknown;
}

TEST(ToolOptionsTest, IntegersAreReadStrictly) {
  EXPECT_EQ(integer("x", "-128", -128, 127), -128);
  EXPECT_EQ(integer("x", "+5", -128, 127), 5);
  EXPECT_EQ(integer("x", "0x7f", -128, 127), 127);
  EXPECT_EQ(integer("x", "010", -128, 127), 10);
  for (const auto &[option, start] : {std::pair{"mem-latency", "--mem-latency is "}, std::pair{"-m", "-m is "}}) {
    try {
      integer(option, "0", 1, 2);
      ADD_FAILURE() << option;
    } catch (const UserError &error) {
      EXPECT_EQ(std::string(error.what()).find(start), 0u) << error.what();
    }
  }
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
    const bool floats = name.find("fp16") != std::string::npos || name.find("bf16") != std::string::npos ||
                        name.find("float_stress") != std::string::npos || name == "gemm_mixed";
    for (const platform::ConfigInfo &config : platform::configs()) {
      const TestPlan plan = named_test(name, config, 5);
      ASSERT_EQ(plan.names.size(), plan.jobs.size());
      ASSERT_FALSE(plan.jobs.empty());
      unsigned refused = 0;
      for (const platform::GemmJob &job : plan.jobs) {
        try {
          platform::validate(job, config);
        } catch (const std::invalid_argument &error) {
          ++refused;
          ASSERT_FALSE(config.fp) << name << ": " << error.what();
          ASSERT_EQ(error.what(), "configuration " + config.name + " has no floating point");
        }
      }
      EXPECT_EQ(refused != 0, floats && !config.fp) << name << ", " << config.name;
    }
  }
  EXPECT_EQ(tests, 13);
  EXPECT_THROW(named_test("nothing", platform::configs().front(), 1), UserError);
}

/// The bits of a job's golden result, element by element.
std::vector<std::uint32_t> golden_elements(const platform::GemmJob &job) {
  const std::vector<std::uint8_t> bytes = platform::golden_result(job);
  const std::size_t size = golden::size(job.epilogue.out);
  std::vector<std::uint32_t> out(bytes.size() / size);
  for (std::size_t i = 0; i < bytes.size(); ++i) out[i / size] |= static_cast<std::uint32_t>(bytes[i]) << (8 * (i % size));
  return out;
}

TEST(NamedTestsTest, SpecialNumbersComeOutInEveryKind) {
  // By type of the results: -0, +0, subnormals, normals, infinities, NaNs, and none of them nearly everywhere.
  std::map<golden::DType, std::map<int, std::size_t>> classes;
  std::map<golden::DType, std::size_t> total;
  for (const platform::GemmJob &job : named_test("gemm_fp16_special", platform::configs().front(), 1).jobs) {
    const golden::DType type = job.epilogue.out;
    for (const std::uint32_t bits : golden_elements(job)) {
      ++total[type];
      const float value =
          golden::as_float(type == golden::DType::fp32 ? bits : golden::widen(type, static_cast<std::uint16_t>(bits)));
      // A binary16 subnormal is a normal binary32 number.
      const float least = type == golden::DType::fp16 ? 0x1p-14f : 0x1p-126f;
      const bool subnormal = value != 0 && std::fabs(value) < least;
      ++classes[type][std::isnan(value) ? 5 : std::isinf(value) ? 4 : value == 0 ? std::signbit(value) : subnormal ? 2 : 3];
    }
  }
  ASSERT_EQ(classes.size(), 3u);
  for (const auto &[type, counts] : classes) {
    ASSERT_EQ(counts.size(), 6u) << golden::name(type);
    for (const auto &[kind, count] : counts) {
      EXPECT_GE(count, 40u) << golden::name(type) << ", kind " << kind;
      EXPECT_LE(count, total[type] * 7 / 10) << golden::name(type) << ", kind " << kind;
    }
  }
}

TEST(NamedTestsTest, RequantisedResultsAreNotAllAtTheBounds) {
  for (const char *name : {"requant_float", "requant_fixed"}) {
    const TestPlan plan = named_test(name, platform::configs().front(), 1);
    std::size_t spread = 0;
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      const platform::GemmJob &job = plan.jobs[i];
      const std::vector<std::uint32_t> elements = golden_elements(job);
      const std::set<std::uint32_t> values(elements.begin(), elements.end());
      const std::size_t least = plan.names[i].find("ties") != std::string::npos    ? 256
                                : plan.names[i].find("layer") != std::string::npos ? 10
                                                                                   : 1;
      EXPECT_GE(values.size(), least) << name << ", " << plan.names[i];
      if (values.size() > 30) ++spread;
    }
    EXPECT_GE(spread, plan.jobs.size() / 2) << name;
  }
}

TEST(TestDataTest, RegimesAreWhatTheirNamesSay) {
  for (const golden::DType type : {golden::DType::fp16, golden::DType::bf16}) {
    const unsigned fraction_bits = type == golden::DType::fp16 ? 10 : 7;
    const unsigned special = type == golden::DType::fp16 ? 31 : 255;
    for (std::size_t r = 0; r < kRegimes; ++r) {
      const auto regime = static_cast<Regime>(r);
      Random random(r + 1);
      const std::vector<std::uint16_t> line = float_line(random, type, regime, 1001);
      unsigned negative = 0, zero = 0, subnormal = 0, infinite = 0, nan = 0;
      for (const std::uint16_t bits : line) {
        const unsigned exponent = (bits & 0x7fffu) >> fraction_bits, fraction = bits & ((1u << fraction_bits) - 1);
        negative += bits >> 15;
        zero += exponent == 0 && fraction == 0;
        subnormal += exponent == 0 && fraction != 0;
        infinite += exponent == special && fraction == 0;
        nan += exponent == special && fraction != 0;
      }
      const std::string name = std::string(golden::name(type)) + ", regime " + std::to_string(r);
      const bool zeros = regime == Regime::minus_zero || regime == Regime::zeros;
      const bool specials = regime == Regime::special || regime == Regime::any;
      EXPECT_EQ(zero == 1001, zeros) << name;
      EXPECT_EQ(negative == 1001, regime == Regime::minus_zero) << name;
      EXPECT_EQ(negative == 0, regime == Regime::positive) << name;
      EXPECT_EQ(subnormal > 500, regime == Regime::subnormal) << name;
      EXPECT_EQ(nan != 0, specials) << name;
      EXPECT_EQ(infinite > 30, regime == Regime::special) << name;
      if (regime == Regime::cancelling || regime == Regime::paired) {
        for (std::size_t i = 0; i + 1 < line.size(); i += 2)
          EXPECT_EQ((line[i] ^ line[i + 1]) & ~1u, regime == Regime::paired ? 0u : 0x8000u) << name;
      }
    }
  }
}

}  // namespace
}  // namespace systole::tool
