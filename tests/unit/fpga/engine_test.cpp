// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/engine.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <stdexcept>
#include <string>

#include "firmware/include/systole_regs.h"
#include "sim/platform/errors.hpp"
#include "tests/fake_board/fake_board.hpp"

namespace systole::fpga {
namespace {

using fake::BoardSettings;
using fake::FakeBoard;
using fake::FakeLine;
using golden::DType;

BoardSettings with_memory(std::uint32_t bytes) {
  BoardSettings out;
  out.memory_bytes = bytes;
  return out;
}

/// A board that answers.
struct Bench {
  explicit Bench(const BoardSettings &settings = {}) : fake(settings), line(fake), client(line) {
    client.connect(1'000'000);
    board = read_board(client);
  }
  platform::GemmResult run(const platform::GemmJob &job, const EngineOptions &options = {}) {
    Engine engine(client, board);
    platform::GemmResult result = engine.run(job, options);
    tiling = engine.tiling();
    return result;
  }
  FakeBoard fake;
  FakeLine line;
  link::Client client;
  Board board;
  Tiling tiling;
};

/// Random operands; floating-point ones with all kinds of numbers.
platform::GemmJob random_job(std::mt19937 &random, std::uint32_t m, std::uint32_t n, std::uint32_t k, DType a, DType b) {
  platform::GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = a;
  job.b_type = b;
  const auto fill = [&random](std::vector<std::uint8_t> &matrix, std::size_t elements, DType type) {
    matrix.resize(elements * golden::size(type));
    for (std::uint8_t &byte : matrix) byte = static_cast<std::uint8_t>(random());
    if (type != DType::fp16 && type != DType::bf16) return;
    // About 1, so that roundings count; a few zeros of both signs.
    for (std::size_t i = 0; i < elements; ++i) {
      std::uint8_t &high = matrix[2 * i + 1];
      high = static_cast<std::uint8_t>((high & 0x83) | (type == DType::fp16 ? 0x38 : 0x3C));
      if (random() % 50 == 0) matrix[2 * i] = 0, high &= 0x80;
    }
  };
  fill(job.a, std::size_t{m} * k, a);
  fill(job.b, std::size_t{n} * k, b);
  if (golden::is_float(a)) job.epilogue.out = DType::fp32;
  return job;
}

/// Some of all that a product can have besides.
void decorate(std::mt19937 &random, platform::GemmJob &job) {
  const bool floating = golden::is_float(job.a_type);
  const auto small = [&random, floating] {
    return floating ? 0x3F000000u + random() % 0x1000000 : static_cast<std::uint32_t>(random() % 2000) - 1000;
  };
  switch (random() % 4) {
    case 0:
      job.bias.emplace(job.n);
      for (std::uint32_t &word : *job.bias) word = small();
      break;
    case 1:
      job.seed.emplace(std::size_t{job.m} * job.n);
      for (std::uint32_t &word : *job.seed) word = small();
      break;
    default: break;
  }
  if (floating) {
    const DType types[] = {DType::fp32, DType::fp16, DType::bf16};
    job.epilogue.out = types[random() % 3];
    if (random() % 2 != 0) job.epilogue.clamp_min = 0xBF800000;
    return;
  }
  const auto zero_point = [&random](DType type) { return static_cast<int>(random() % 256) - (type == DType::s8 ? 128 : 0); };
  job.a_zp = zero_point(job.a_type);
  job.b_zp.assign(random() % 2 != 0 ? job.n : 1, 0);
  for (int &value : job.b_zp) value = zero_point(job.b_type);
  const auto columns = [&] { return random() % 2 != 0 ? std::size_t{job.n} : std::size_t{1}; };
  switch (random() % 3) {
    case 0: return;
    case 1:
      job.epilogue.rule = golden::Requant::floating;
      job.epilogue.scale.resize(columns());
      for (std::uint32_t &scale : job.epilogue.scale) scale = 0x38000000 + random() % 0x2000000;
      break;
    default:
      job.epilogue.rule = golden::Requant::fixed;
      job.epilogue.multiplier.resize(columns());
      job.epilogue.shift.resize(columns());
      for (std::int32_t &value : job.epilogue.multiplier) value = static_cast<std::int32_t>(0x40000000 + random() % 0x40000000);
      for (std::int32_t &value : job.epilogue.shift) value = -static_cast<std::int32_t>(random() % 12);
  }
  job.epilogue.out = random() % 2 != 0 ? DType::s8 : DType::u8;
  job.epilogue.zero_point = zero_point(job.epilogue.out);
}

std::string describe(const platform::GemmJob &job) {
  return std::to_string(job.m) + "x" + std::to_string(job.n) + "x" + std::to_string(job.k) + " " + golden::name(job.a_type) +
         " " + golden::name(job.b_type) + " to " + golden::name(job.epilogue.out);
}

TEST(FpgaEngineTest, ReadsTheConfiguration) {
  Bench bench;
  EXPECT_EQ(bench.board.config.name, "4x4");
  EXPECT_EQ(bench.board.config.axi_bits, 64u);
  EXPECT_EQ(bench.board.config.act_bytes, 4096u);
  EXPECT_EQ(bench.board.config.wgt_bytes, 2048u);
  EXPECT_EQ(bench.board.config.acc_rows, 128u);
  EXPECT_TRUE(bench.board.config.fp);
}

TEST(FpgaEngineTest, EveryBitAgreesInTinyMemories) {
  const std::pair<DType, DType> types[] = {{DType::s8, DType::s8}, {DType::u8, DType::s8},     {DType::s8, DType::u8},
                                           {DType::u8, DType::u8}, {DType::fp16, DType::fp16}, {DType::bf16, DType::bf16}};
  const std::uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 32, 33, 61, 97, 127};
  std::mt19937 random(1);
  unsigned pieces = 0, several = 0;
  for (const std::uint32_t memory : {2048u, 4096u, 8192u, 65536u}) {
    Bench bench(with_memory(memory));
    for (unsigned round = 0; round < 120; ++round) {
      const auto &[a, b] = types[round % std::size(types)];
      const auto size = [&] { return sizes[random() % std::size(sizes)]; };
      platform::GemmJob job = random_job(random, size(), size(), size() * (round % 3 == 0 ? 8 : 1), a, b);
      decorate(random, job);
      const platform::GemmResult result = bench.run(job);
      ASSERT_EQ(result.driver_result, 0) << describe(job) << ' ' << result.driver_message;
      ASSERT_EQ(result.c, platform::golden_result(job)) << describe(job) << " in " << memory;
      ASSERT_EQ(result.unwritten, 0u);
      ASSERT_EQ(result.counters.at("macs"), result.macs) << describe(job);
      ASSERT_EQ(result.cycles, result.counters.at("total"));
      pieces += bench.tiling.tile_k < job.k ? 1 : 0;
      several += bench.tiling.tile_m < job.m && bench.tiling.tile_n < job.n ? 1 : 0;
    }
  }
  EXPECT_GT(pieces, 20u);
  EXPECT_GT(several, 10u);
}

TEST(FpgaEngineTest, SizesAroundATileAgree) {
  std::mt19937 random(2);
  Bench bench(with_memory(4096));
  const platform::GemmJob large = random_job(random, 90, 90, 300, DType::s8, DType::s8);
  ASSERT_EQ(bench.run(large).c, platform::golden_result(large));
  const Tiling t = bench.tiling;
  for (const int dm : {-1, 0, 1}) {
    for (const int dn : {-1, 0, 1}) {
      for (const int dk : {-1, 0, 1}) {
        const platform::GemmJob job =
            random_job(random, 2 * t.tile_m + dm, t.tile_n + dn, 3 * t.tile_k + dk, DType::s8, DType::u8);
        ASSERT_EQ(bench.run(job).c, platform::golden_result(job)) << describe(job);
      }
    }
  }
}

TEST(FpgaEngineTest, NumbersThatMustNotMeetAnotherRounding) {
  // A sum that overflows on the way, negative zeros, NaN and subnormals: a partial sum that takes any detour shows.
  Bench bench(with_memory(1024));
  platform::GemmJob job;
  job.m = 3;
  job.n = 2;
  job.k = 400;
  job.a_type = job.b_type = DType::bf16;
  job.epilogue.out = DType::fp32;
  std::mt19937 random(3);
  for (std::vector<std::uint8_t> *matrix : {&job.a, &job.b}) {
    matrix->resize((matrix == &job.a ? job.m : job.n) * job.k * 2);
    for (std::uint8_t &byte : *matrix) byte = static_cast<std::uint8_t>(random());
    for (std::size_t i = 1; i < matrix->size(); i += 2)
      (*matrix)[i] = static_cast<std::uint8_t>(((*matrix)[i] & 0xBF) % 0x60 | ((*matrix)[i] & 0x80));
  }
  for (std::size_t x = 0; x < job.k; ++x) job.a[2 * x] = 0, job.a[2 * x + 1] = 0x80;  // row 0: -0 throughout
  EXPECT_EQ(bench.run(job).c, platform::golden_result(job));
  EXPECT_LT(bench.tiling.tile_k, job.k);
}

TEST(FpgaEngineTest, SendsAsManyBytesAsTheTilingSays) {
  std::mt19937 random(4);
  for (const std::uint32_t memory : {4096u, 16384u}) {
    Bench bench(with_memory(memory));
    platform::GemmJob job = random_job(random, 70, 50, 90, DType::s8, DType::s8);
    Progress last;
    EngineOptions options;
    options.progress = [&last](const Progress &progress) {
      EXPECT_GE(progress.bytes, last.bytes);
      last = progress;
    };
    ASSERT_EQ(bench.run(job, options).c, platform::golden_result(job));
    EXPECT_EQ(last.tiles, last.all_tiles);
    // Edge blocks may make the estimate a little too large or small where blocks are sent again.
    EXPECT_NEAR(static_cast<double>(last.bytes), static_cast<double>(last.all_bytes), 0.05 * static_cast<double>(last.all_bytes));
  }
}

TEST(FpgaEngineTest, SurvivesANoisyLine) {
  std::mt19937 random(5);
  Bench bench(with_memory(4096));
  bench.line.corrupted = 0.01;
  bench.line.lost = 0.001;
  platform::GemmJob job = random_job(random, 30, 20, 70, DType::fp16, DType::fp16);
  EXPECT_EQ(bench.run(job).c, platform::golden_result(job));
  EXPECT_GT(bench.client.statistics().repeats, 50u);
}

TEST(FpgaEngineTest, ALineThatDiesAtAnyAccessEndsInOneError) {
  std::mt19937 random(6);
  const platform::GemmJob job = random_job(random, 9, 9, 40, DType::s8, DType::s8);
  const BoardSettings settings = with_memory(2048);  // a ring of 4 records: the driver waits for room
  std::uint64_t accesses = 0;
  {
    Bench bench(settings);
    const std::uint64_t before = bench.line.writes;
    bench.run(job);
    accesses = bench.line.writes - before;
  }
  ASSERT_GT(accesses, 50u);
  for (std::uint64_t at = 0; at < accesses; ++at) {
    Bench bench(settings);
    bench.line.dies_at = at;
    const std::uint64_t before = bench.line.writes;
    EXPECT_THROW(bench.run(job), link::Error) << at;
    EXPECT_EQ(bench.line.writes - before, at) << "something went over the dead line";
  }
}

TEST(FpgaEngineTest, AResetOfTheBoardIsNoticedWheneverItComes) {
  std::mt19937 random(7);
  const platform::GemmJob job = random_job(random, 9, 9, 40, DType::s8, DType::s8);
  const BoardSettings settings = with_memory(2048);
  std::uint64_t requests = 0;
  {
    Bench bench(settings);
    const std::uint64_t before = bench.fake.requests();
    bench.run(job);
    requests = bench.fake.requests() - before;
  }
  unsigned noticed = 0, harmless = 0;
  for (const bool memory : {false, true}) {
    for (std::uint64_t at = 0; at < requests; ++at) {
      Bench bench(settings);
      const std::uint64_t when = bench.fake.requests() + at;
      bench.fake.before_request = [&](std::uint64_t number) {
        if (number == when) bench.fake.reset(memory);
      };
      try {
        const platform::GemmResult result = bench.run(job);
        // Before the first setting it does no harm.
        ASSERT_EQ(result.driver_result, 0) << result.driver_message;
        ASSERT_EQ(result.c, platform::golden_result(job)) << at;
        ++harmless;
      } catch (const link::Error &) {
        ++noticed;
      }
    }
  }
  EXPECT_GT(noticed, requests);
  EXPECT_GT(harmless, 0u);
}

TEST(FpgaEngineTest, TellsTheErrorRegisters) {
  Bench bench;
  std::mt19937 random(8);
  platform::GemmJob job = random_job(random, 4, 4, 8, DType::s8, DType::s8);
  // The records in memory change before the doorbell: the accelerator finds an unknown opcode.
  bench.fake.before_request = [&](std::uint64_t) { bench.fake.memory()[0] = 0x7F; };
  const platform::GemmResult result = bench.run(job);
  EXPECT_EQ(result.driver_result, SYSTOLE_ERR_COMMAND);
  EXPECT_NE(result.driver_message.find("error 1 (OPCODE), command 0"), std::string::npos) << result.driver_message;
  EXPECT_NE(result.driver_message.find(systole_error_text(SYSTOLE_ERROR_OPCODE)), std::string::npos) << result.driver_message;
  EXPECT_FALSE(result.ok());
  // And the board is of use again.
  bench.fake.before_request = nullptr;
  EXPECT_EQ(bench.run(job).c, platform::golden_result(job));
}

TEST(FpgaEngineTest, AResetIsNotMistakenForAnErrorOfTheAccelerator) {
  std::mt19937 random(11);
  const platform::GemmJob job = random_job(random, 4, 4, 8, DType::s8, DType::s8);
  unsigned resets = 0, errors = 0;
  for (std::uint64_t at = 0;; ++at) {
    Bench bench;
    const std::uint64_t when = bench.fake.requests() + at;
    bool came = false;
    bench.fake.before_request = [&](std::uint64_t number) {
      if (number == when) bench.fake.reset(true), came = true;
      bench.fake.memory()[0] = 0x7F;  // an unknown opcode: the accelerator reports an error if no reset comes before
    };
    try {
      const platform::GemmResult result = bench.run(job);
      ASSERT_NE(result.driver_message.find("error 1 (OPCODE), command 0"), std::string::npos)
          << at << ' ' << result.driver_message;
      ++errors;
    } catch (const ResetError &) {
      ++resets;
    }
    if (!came) break;
  }
  EXPECT_GT(resets, 10u);
  EXPECT_GT(errors, 1u);  // before the first setting; never
}

TEST(FpgaEngineTest, AnAcceleratorThatHangsEnds) {
  BoardSettings settings;
  settings.hangs = true;
  Bench bench(settings);
  std::mt19937 random(9);
  EngineOptions options;
  options.stall_s = 0.05;
  try {
    bench.run(random_job(random, 4, 4, 8, DType::s8, DType::s8), options);
    FAIL() << "it computed";
  } catch (const platform::HangError &error) {
    EXPECT_EQ(std::string(error.what()),
              "fake: no command was completed for 0 s, and the watchdog did not notice: reset or reload the board");
  }
}

TEST(FpgaEngineTest, RefusesWhatTheBoardCannotDo) {
  std::mt19937 random(10);
  BoardSettings settings;
  settings.config.fp = false;
  settings.config.element_latency = 1;
  Bench bench(settings);
  EXPECT_THROW(bench.run(random_job(random, 4, 4, 8, DType::fp16, DType::fp16)), std::invalid_argument);
  Bench tiny(with_memory(384));
  try {
    tiny.run(random_job(random, 100, 100, 100, DType::s8, DType::s8));
    FAIL() << "384 bytes did";
  } catch (const link::Error &error) {
    EXPECT_NE(std::string(error.what()).find("memory of 384 bytes is too small"), std::string::npos) << error.what();
  }
}

TEST(FpgaEngineTest, RefusesOtherBoards) {
  const auto message = [](const BoardSettings &settings) -> std::string {
    try {
      Bench bench(settings);
      expect_config(bench.board, "8x8", "port");
    } catch (const link::Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({}).find("holds configuration 4x4, not 8x8"), std::string::npos);
  BoardSettings settings;
  settings.kind = 1;
  EXPECT_NE(message(settings).find("array bench only"), std::string::npos);
  settings = {};
  settings.core_version = 0x01000000 | (SYSTOLE_VERSION_MAJOR + 1) << 16;
  EXPECT_NE(message(settings).find("use bitstream and program of the same release"), std::string::npos);
  settings.core_version = (SYSTOLE_COMMAND_VERSION + 1) << 24 | SYSTOLE_VERSION_MAJOR << 16 | SYSTOLE_VERSION_MINOR << 8;
  EXPECT_NE(message(settings).find("command records of version 2"), std::string::npos);
  settings = {};
  for (const auto &[address, value] :
       {std::pair{SYSTOLE_REG_CAP0, 0u}, {SYSTOLE_REG_CAP1, 0xFFFFFFFFu}, {SYSTOLE_REG_CAP2, 0u}}) {
    settings.forced = {{address, value}};
    EXPECT_NE(message(settings).find("the capabilities of the board's accelerator make no sense"), std::string::npos) << address;
    EXPECT_NE(message(settings).find("; load the bitstream again"), std::string::npos) << address;
  }
  settings = with_memory(0);
  EXPECT_NE(message(settings).find("has no memory"), std::string::npos);
}

}  // namespace
}  // namespace systole::fpga
