// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "mock_device.hpp"
#include "ring_checker.hpp"

namespace systole::test {
namespace {

// --- machines and jobs -------------------------------------------------------------------------------------------------

Shape Machine(unsigned rows, unsigned cols, unsigned axi_bits, unsigned act_bytes = 65536, unsigned wgt_bytes = 32768,
              unsigned acc_rows = 1024, unsigned param_entries = 64) {
  const auto log2 = [](unsigned x) {
    unsigned l = 0;
    while ((1u << l) < x) ++l;
    return l;
  };
  Shape shape;
  shape.rows_log2 = log2(rows);
  shape.cols_log2 = log2(cols);
  shape.axi_bytes_log2 = log2(axi_bits / 8);
  shape.act_words_log2 = log2(act_bytes / (2 * rows));
  shape.wgt_words_log2 = log2(wgt_bytes / (2 * rows));
  shape.acc_rows_log2 = log2(acc_rows);
  shape.param_entries_log2 = log2(param_entries);
  return shape;
}

/// A dense int8 product at fixed addresses, whose result are the sums.
systole_gemm_t Dense(uint32_t m, uint32_t n, uint32_t k) {
  systole_gemm_t gemm{};
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  gemm.a = 0x10'0000'0000;
  gemm.a_pitch = k;
  gemm.a_dtype = SYSTOLE_DTYPE_S8;
  gemm.b = 0x20'0000'0000;
  gemm.b_pitch = k;
  gemm.b_dtype = SYSTOLE_DTYPE_S8;
  gemm.c = 0x30'0000'0000;
  gemm.c_pitch = int64_t{n} * 4;
  gemm.epilogue.out_dtype = SYSTOLE_DTYPE_S32;
  return gemm;
}

constexpr uint64_t BIAS = 0x40'0000'0003, ZERO_POINTS = 0x48'0000'0001, SEED = 0x50'0000'0005, SCALES = 0x58'0000'0007,
                   SHIFTS = 0x60'0000'0009;

constexpr uint32_t PLUS_INFINITY = 0x7F800000, MINUS_INFINITY = 0xFF800000, NOT_A_NUMBER = 0x7F800001;

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

uint32_t ElementBytes(uint32_t dtype) {
  return dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8       ? 1
         : dtype == SYSTOLE_DTYPE_FP16 || dtype == SYSTOLE_DTYPE_BF16 ? 2
                                                                      : 4;
}

/// Types and epilogue of a product.
struct Kind {
  const char *name;
  uint32_t a, b, out, requant = SYSTOLE_REQUANT_NONE;
  bool per_column = false, clamp = false;
};

constexpr uint32_t S8 = SYSTOLE_DTYPE_S8, U8 = SYSTOLE_DTYPE_U8, FP16 = SYSTOLE_DTYPE_FP16, BF16 = SYSTOLE_DTYPE_BF16,
                   S32 = SYSTOLE_DTYPE_S32, FP32 = SYSTOLE_DTYPE_FP32, FLOAT = SYSTOLE_REQUANT_FLOAT,
                   FIXED = SYSTOLE_REQUANT_FIXED;

const Kind KINDS[] = {
    {"s8*s8->s32", S8, S8, S32},
    {"s8*u8->s8 float", S8, U8, S8, FLOAT},
    {"u8*s8->u8 fixed", U8, S8, U8, FIXED},
    {"u8*u8->u8 float, columns, clamp", U8, U8, U8, FLOAT, true, true},
    {"s8*s8->s8 fixed, columns", S8, S8, S8, FIXED, true},
    {"u8*s8->s8 fixed, columns, clamp", U8, S8, S8, FIXED, true, true},
    {"s8*s8->s8 float, columns", S8, S8, S8, FLOAT, true},
    {"fp16->fp32", FP16, FP16, FP32},
    {"fp16->fp16", FP16, FP16, FP16},
    {"fp16->bf16 clamp", FP16, FP16, BF16, SYSTOLE_REQUANT_NONE, false, true},
    {"bf16->fp32 clamp", BF16, BF16, FP32, SYSTOLE_REQUANT_NONE, false, true},
    {"bf16->bf16", BF16, BF16, BF16},
};

bool IsFloat(const Kind &kind) { return kind.a == FP16 || kind.a == BF16; }

/// The kinds that a machine does.
std::vector<Kind> Kinds(const Shape &shape) {
  std::vector<Kind> kinds;
  for (const Kind &kind : KINDS) {
    if (shape.fp || !IsFloat(kind)) kinds.push_back(kind);
  }
  return kinds;
}

/// A product of the same size and addresses, of another kind.
systole_gemm_t As(const Kind &kind, systole_gemm_t gemm) {
  gemm.a_dtype = kind.a;
  gemm.b_dtype = kind.b;
  gemm.a_pitch *= ElementBytes(kind.a);
  gemm.b_pitch *= ElementBytes(kind.b);
  gemm.c_pitch = int64_t{gemm.n} * ElementBytes(kind.out);
  systole_epilogue_t &epilogue = gemm.epilogue;
  epilogue.out_dtype = kind.out;
  epilogue.requant = kind.requant;
  if (kind.requant == FLOAT && !kind.per_column) epilogue.scale = Bits(0.01f);
  if (kind.requant == FIXED && !kind.per_column) {
    epilogue.scale = 0x41234567;
    epilogue.shift = -5;
  }
  if (kind.per_column) epilogue.scales = SCALES;
  if (kind.per_column && kind.requant == FIXED) epilogue.shifts = SHIFTS;
  if (kind.requant != SYSTOLE_REQUANT_NONE) epilogue.out_zero_point = 0xF3;
  epilogue.clamp = kind.clamp;
  if (kind.clamp) {
    epilogue.clamp_min = IsFloat(kind) ? Bits(-0.0f) : kind.out == S8 ? static_cast<uint32_t>(-100) : 7u;
    epilogue.clamp_max = IsFloat(kind) ? Bits(6.0f) : 120u;
  }
  if (IsFloat(kind)) {
    gemm.a_zero_point = gemm.b_zero_point = 0;
    gemm.b_zero_points = 0;
  }
  return gemm;
}

const Kind &Named(const std::string &name) {
  const auto *found = std::find_if(std::begin(KINDS), std::end(KINDS), [&name](const Kind &kind) { return kind.name == name; });
  return found != std::end(KINDS) ? *found : throw std::invalid_argument(name);
}

systole_t Open(MockDevice &mock) {
  systole_t dev;
  const systole_config_t config = mock.config();
  EXPECT_EQ(systole_init(&dev, &config), SYSTOLE_OK);
  mock.writes.clear();
  mock.doorbells = 0;
  return dev;
}

/// The records of jobs that are queued one after another on a machine whose ring holds them all.
std::vector<Record> Records(const Shape &shape, const std::vector<systole_gemm_t> &jobs) {
  MockDevice mock(shape, 16);
  systole_t dev = Open(mock);
  for (const auto &job : jobs) EXPECT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
  EXPECT_EQ(mock.fault, "");
  return mock.log;
}

std::string Describe(const systole_gemm_t &g) {
  return std::to_string(g.m) + "x" + std::to_string(g.n) + "x" + std::to_string(g.k) + (g.bias != 0 ? " bias" : "") +
         (g.b_zero_points != 0 ? " zero-points" : "") + (g.seed != 0 ? " seed" : "") + " types " + std::to_string(g.a_dtype) +
         "*" + std::to_string(g.b_dtype) + "->" + std::to_string(g.epilogue.out_dtype) + " rule " +
         std::to_string(g.epilogue.requant) + (g.epilogue.scales != 0 ? " per column" : "");
}

std::string Describe(const Shape &s) {
  return std::to_string(1u << s.rows_log2) + "x" + std::to_string(1u << s.cols_log2) + " act 2^" +
         std::to_string(s.act_words_log2) + " wgt 2^" + std::to_string(s.wgt_words_log2) + " acc 2^" +
         std::to_string(s.acc_rows_log2) + " param 2^" + std::to_string(s.param_entries_log2) + " L " +
         std::to_string(s.element_latency) + " queue " + std::to_string(s.queue_depth) + (s.fp ? " fp" : "");
}

void ExpectRight(const Shape &shape, const std::vector<systole_gemm_t> &jobs) {
  const auto records = Records(shape, jobs);
  const bool overfull = records.size() > size_t{1} << 16;  // the tightest machines need more records than the largest ring holds
  EXPECT_EQ(CheckRecords(shape, jobs, records, overfull), "") << Describe(shape) << ": " << Describe(jobs.front());
}

/// Every way to seed and to give zero points.
std::vector<systole_gemm_t> Variants(const systole_gemm_t &gemm) {
  std::vector<systole_gemm_t> variants(5, gemm);
  variants[1].bias = BIAS;
  variants[2].b_zero_points = ZERO_POINTS;
  variants[3].bias = BIAS;
  variants[3].b_zero_points = ZERO_POINTS;
  variants[4].seed = SEED;
  variants[4].seed_pitch = int64_t{gemm.n} * 4 + 8;
  variants[4].b_zero_points = ZERO_POINTS;
  return variants;
}

Shape FloatingPoint(Shape shape, unsigned latency = 4) {
  shape.fp = true;
  shape.element_latency = latency;
  return shape;
}

constexpr uint64_t LIMIT = uint64_t{1} << 40;  // of a mock's addresses

// --- set-up ------------------------------------------------------------------------------------------------------------

TEST(DriverInit, ReadsCapabilitiesAndSetsTheRingUp) {
  Shape shape = Machine(8, 16, 64);
  shape.accel_id = 5;
  shape.element_latency = 4;
  shape.epilogue_lanes_log2 = 2;
  shape.fp = true;
  shape.max_reads = 9;
  MockDevice mock(shape, 7);
  systole_t dev;
  const systole_config_t config = mock.config();
  ASSERT_EQ(systole_init(&dev, &config), SYSTOLE_OK);
  EXPECT_EQ(dev.caps.rows_log2, 3u);
  EXPECT_EQ(dev.caps.cols_log2, 4u);
  EXPECT_EQ(dev.caps.word_bytes_log2, 4u);
  EXPECT_EQ(dev.caps.axi_bytes_log2, 3u);
  EXPECT_EQ(dev.caps.act_words, 4096u);
  EXPECT_EQ(dev.caps.wgt_words, 2048u);
  EXPECT_EQ(dev.caps.acc_rows, 1024u);
  EXPECT_EQ(dev.caps.param_entries, 64u);
  EXPECT_EQ(dev.caps.max_reads, 9u);
  EXPECT_EQ(dev.caps.accel_id, 5u);
  EXPECT_EQ(dev.caps.element_latency, 4u);
  EXPECT_EQ(dev.caps.epilogue_lanes_log2, 2u);
  EXPECT_TRUE(dev.caps.fp);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_RING_BASE_LO], static_cast<uint32_t>(config.ring_address));
  EXPECT_EQ(mock.registers[SYSTOLE_REG_RING_BASE_HI], static_cast<uint32_t>(config.ring_address >> 32));
  EXPECT_EQ(mock.registers[SYSTOLE_REG_RING_SIZE], 7u);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_CTRL], SYSTOLE_CTRL_ENABLE_MASK);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_IRQ_ENABLE], SYSTOLE_IRQ_ENABLE_DONE_MASK | SYSTOLE_IRQ_ENABLE_ERROR_MASK);
}

TEST(DriverInit, RejectsBadArguments) {
  MockDevice mock(Shape{}, 4);
  systole_t dev;
  const systole_config_t good = mock.config();
  EXPECT_EQ(systole_init(nullptr, &good), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_init(&dev, nullptr), SYSTOLE_ERR_BAD_ARG);
  const auto expect_bad = [&dev, &good](const std::function<void(systole_config_t &)> &spoil, systole_result_t result) {
    systole_config_t config = good;
    spoil(config);
    EXPECT_EQ(systole_init(&dev, &config), result);
  };
  expect_bad([](systole_config_t &c) { c.mmio.read32 = nullptr; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.mmio.write32 = nullptr; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.ring = nullptr; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.ring = static_cast<char *>(c.ring) + 2; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.ring_address += 32; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.ring_entries_log2 = 17; }, SYSTOLE_ERR_BAD_ARG);
  expect_bad([](systole_config_t &c) { c.ring_address = (uint64_t{1} << 40) - 512; }, SYSTOLE_ERR_ADDRESS);
  expect_bad([](systole_config_t &c) { c.ring_address = ~uint64_t{63}; }, SYSTOLE_ERR_ADDRESS);
  expect_bad([](systole_config_t &c) { c.ring_address = (uint64_t{1} << 40) - 1024; }, SYSTOLE_OK);
}

TEST(DriverInit, RejectsForeignHardware) {
  const auto init = [](const std::function<void(MockDevice &)> &spoil, const Shape &shape = {}) {
    MockDevice mock(shape);
    spoil(mock);
    systole_t dev;
    const systole_config_t config = mock.config();
    return systole_init(&dev, &config);
  };
  EXPECT_EQ(init([](MockDevice &m) { m.registers[SYSTOLE_REG_ID] = 0x12345678; }), SYSTOLE_ERR_BAD_DEVICE);
  EXPECT_EQ(init([](MockDevice &m) { m.registers[SYSTOLE_REG_VERSION] ^= 1u << SYSTOLE_VERSION_COMMAND_LSB; }),
            SYSTOLE_ERR_VERSION);
  EXPECT_EQ(init([](MockDevice &m) { m.registers[SYSTOLE_REG_VERSION] ^= 0x00FFFFFF; }), SYSTOLE_OK);
  EXPECT_EQ(init([](MockDevice &m) { m.registers[SYSTOLE_REG_CAP0] = 0; }), SYSTOLE_ERR_BAD_DEVICE);
  EXPECT_EQ(init([](MockDevice &m) { m.stuck_reset = true; }), SYSTOLE_ERR_TIMEOUT);
  Shape deep;
  deep.act_words_log2 = 17;
  EXPECT_EQ(init([](MockDevice &) {}, deep), SYSTOLE_ERR_UNSUPPORTED);
  Shape tall;
  tall.acc_rows_log2 = 16;
  EXPECT_EQ(init([](MockDevice &) {}, tall), SYSTOLE_ERR_UNSUPPORTED);
  Shape narrow;  // not even one tile of weights
  narrow.wgt_words_log2 = 3;
  EXPECT_EQ(init([](MockDevice &) {}, narrow), SYSTOLE_ERR_UNSUPPORTED);
}

TEST(DriverWindows, AreWrittenAsPagesUnlessLockedOrBusy) {
  MockDevice mock(Shape{});
  systole_t dev;
  const systole_config_t config = mock.config();
  ASSERT_EQ(systole_init(&dev, &config), SYSTOLE_OK);
  const systole_window_t reads{0x12'3456'7000, 0x12'3457'6FFF}, writes{0, 0xFFF};
  mock.writes.clear();
  ASSERT_EQ(systole_set_windows(&dev, &reads, &writes), SYSTOLE_OK);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_READ_BASE_LO], 0x34567000u);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_READ_BASE_HI], 0x12u);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_READ_LIMIT_LO], 0x34576FFFu);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_READ_LIMIT_HI], 0x12u);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_WRITE_LIMIT_LO], 0xFFFu);
  EXPECT_EQ(mock.writes.size(), 8u);
  mock.writes.clear();
  for (const systole_window_t &bad : {systole_window_t{1, 0xFFF}, systole_window_t{0, 0x1000}}) {
    EXPECT_EQ(systole_set_windows(&dev, &bad, &writes), SYSTOLE_ERR_BAD_ARG);
    EXPECT_EQ(systole_set_windows(&dev, &reads, &bad), SYSTOLE_ERR_BAD_ARG);
  }
  EXPECT_EQ(systole_set_windows(&dev, nullptr, &writes), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_set_windows(nullptr, &reads, &writes), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_lock(&dev, 4), SYSTOLE_ERR_BAD_ARG);
  EXPECT_TRUE(mock.writes.empty());
  EXPECT_EQ(systole_lock(&dev, SYSTOLE_LOCK_WINDOWS_MASK), SYSTOLE_OK);
  mock.writes.clear();
  EXPECT_EQ(systole_set_windows(&dev, &reads, &writes), SYSTOLE_ERR_LOCKED);
  EXPECT_TRUE(mock.writes.empty());
}

TEST(DriverResult, EveryCodeHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int code = SYSTOLE_OK; code <= SYSTOLE_ERR_INTEGRITY; ++code)
    names.insert(systole_result_string(static_cast<systole_result_t>(code)));
  EXPECT_EQ(names.size(), static_cast<size_t>(SYSTOLE_ERR_INTEGRITY) + 1);
  EXPECT_NE(systole_result_string(static_cast<systole_result_t>(99)), nullptr);
}

/// The errors of the specification, by the header's list of them.
std::vector<uint32_t> ErrorCodes() {
#define CODE(name, result, sentence) SYSTOLE_ERROR_##name,
  return {SYSTOLE_ERRORS(CODE)};
#undef CODE
}

TEST(DriverResult, EveryErrorOfTheAcceleratorHasANameASentenceAndAResult) {
  std::set<std::string> names, sentences;
  const std::vector<uint32_t> codes = ErrorCodes();
  for (const uint32_t code : codes) {
    SCOPED_TRACE(code);
    names.insert(systole_error_name(code));
    sentences.insert(systole_error_text(code));
    EXPECT_GE(std::string(systole_error_text(code)).size(), 8u);
    const systole_result_t result = systole_error_result(code);
    EXPECT_EQ(result == SYSTOLE_OK, code == SYSTOLE_ERROR_NONE);
    EXPECT_EQ(systole_is_device_error(result), code != SYSTOLE_ERROR_NONE);
    EXPECT_NE(result, SYSTOLE_ERR_DEVICE);  // each known error has one of its kind
  }
  EXPECT_EQ(names.size(), codes.size());
  EXPECT_EQ(sentences.size(), codes.size());
  EXPECT_EQ(systole_error_name(SYSTOLE_ERROR_AXI_LOAD), std::string("AXI_LOAD"));
  EXPECT_EQ(systole_error_text(SYSTOLE_ERROR_NONE), std::string("no error"));
  EXPECT_EQ(systole_error_result(SYSTOLE_ERROR_FIELD), SYSTOLE_ERR_COMMAND);
  EXPECT_EQ(systole_error_result(SYSTOLE_ERROR_AXI_FETCH), SYSTOLE_ERR_BUS);
  EXPECT_EQ(systole_error_result(SYSTOLE_ERROR_WATCHDOG), SYSTOLE_ERR_WATCHDOG);
  EXPECT_EQ(systole_error_result(SYSTOLE_ERROR_PARAM), SYSTOLE_ERR_PARAM);
  for (const uint32_t code : {200u, 255u}) {  // of hardware that came later
    EXPECT_EQ(systole_error_result(code), SYSTOLE_ERR_DEVICE);
    EXPECT_EQ(sentences.count(systole_error_text(code)), 0u);
    EXPECT_EQ(systole_error_name(code), std::string("?"));
  }
  for (const systole_result_t result : {SYSTOLE_OK, SYSTOLE_ERR_BAD_ARG, SYSTOLE_ERR_ADDRESS, SYSTOLE_ERR_TIMEOUT})
    EXPECT_FALSE(systole_is_device_error(result));
}

TEST(DriverResult, WaitingReturnsWhatTheErrorRegisterSays) {
  for (const uint32_t code : ErrorCodes()) {
    SCOPED_TRACE(code);
    MockDevice mock(Shape{});
    systole_t dev = Open(mock);
    mock.error_after = 0;
    mock.registers[SYSTOLE_REG_ERROR_CODE] = code;
    const systole_gemm_t job = Dense(1, 1, 1);
    ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
    const systole_result_t expected = code == SYSTOLE_ERROR_NONE ? SYSTOLE_ERR_DEVICE : systole_error_result(code);
    bool idle = false;
    EXPECT_EQ(systole_wait(&dev), expected);
    EXPECT_EQ(systole_is_idle(&dev, &idle), expected);
  }
}

TEST(DriverRegisters, ReadsCountersAndErrors) {
  MockDevice mock(Shape{});
  systole_t dev = Open(mock);
  for (unsigned i = 0; i < 2 * SYSTOLE_COUNTER_COUNT; ++i) mock.registers[SYSTOLE_REG_COUNTER_TOTAL_LO + 4 * i] = 0x100 + i;
  systole_counters_t counters;
  ASSERT_EQ(systole_read_counters(&dev, &counters), SYSTOLE_OK);
  EXPECT_EQ(counters.total, 0x101'0000'0100u);
  EXPECT_EQ(counters.store, 0x10D'0000'010Cu);
  EXPECT_EQ(counters.write_bytes, 0x113'0000'0112u);
  EXPECT_EQ(counters.read_bursts, 0x115'0000'0114u);
  EXPECT_EQ(counters.write_bursts, 0x117'0000'0116u);
  EXPECT_EQ(counters.macs, 0x119'0000'0118u);
  ASSERT_FALSE(mock.writes.empty());
  EXPECT_EQ(mock.writes.back(), std::make_pair(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK));
  ASSERT_EQ(systole_clear_counters(&dev), SYSTOLE_OK);
  EXPECT_EQ(mock.writes.back(), std::make_pair(SYSTOLE_REG_COUNTER_CTRL, SYSTOLE_COUNTER_CTRL_CLEAR_MASK));

  mock.registers[SYSTOLE_REG_ERROR_CODE] = SYSTOLE_ERROR_AXI_LOAD;
  mock.registers[SYSTOLE_REG_ERROR_INDEX] = 77;
  mock.registers[SYSTOLE_REG_ERROR_ADDR_LO] = 0x1000;
  mock.registers[SYSTOLE_REG_ERROR_ADDR_HI] = 0x12;
  systole_error_info_t info;
  ASSERT_EQ(systole_last_error(&dev, &info), SYSTOLE_OK);
  EXPECT_EQ(info.code, static_cast<uint32_t>(SYSTOLE_ERROR_AXI_LOAD));
  EXPECT_EQ(info.index, 77u);
  EXPECT_EQ(info.address, 0x12'0000'1000u);
  ASSERT_EQ(systole_set_watchdog(&dev, 12345), SYSTOLE_OK);
  EXPECT_EQ(mock.registers[SYSTOLE_REG_WATCHDOG], 12345u);
}

TEST(DriverRegisters, NullPointersAreBadArguments) {
  MockDevice mock(Shape{});
  systole_t dev = Open(mock);
  const systole_gemm_t gemm = Dense(1, 1, 1);
  uint32_t count;
  bool idle;
  systole_gemm_plan_t plan;
  systole_counters_t counters;
  systole_error_info_t info;
  EXPECT_EQ(systole_reset(nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_wait(nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_is_idle(nullptr, &idle), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_is_idle(&dev, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm(nullptr, &gemm), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm(&dev, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_commands(nullptr, &gemm, &count), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_commands(&dev, nullptr, &count), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_commands(&dev, &gemm, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_plan(nullptr, &gemm, &plan), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_plan(&dev, nullptr, &plan), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_gemm_plan(&dev, &gemm, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_read_counters(nullptr, &counters), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_read_counters(&dev, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_clear_counters(nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_last_error(nullptr, &info), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_last_error(&dev, nullptr), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(systole_set_watchdog(nullptr, 0), SYSTOLE_ERR_BAD_ARG);
  EXPECT_TRUE(mock.log.empty());
}

TEST(DriverGemm, RejectsWhatItCannotMapAndStartsNothing) {
  MockDevice mock(FloatingPoint(Shape{}));
  systole_t dev = Open(mock);
  const auto gemm_with = [&dev](const std::function<void(systole_gemm_t &)> &spoil) {
    systole_gemm_t gemm = Dense(20, 30, 40);
    spoil(gemm);
    return systole_gemm(&dev, &gemm);
  };
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.m = 0; }), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.n = 0; }), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.k = 0; }), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.bias = BIAS, g.seed = SEED; }), SYSTOLE_ERR_BAD_ARG);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.a_pitch = int64_t{1} << 31; }), SYSTOLE_ERR_UNSUPPORTED);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.b_pitch = -(int64_t{1} << 31) - 1; }), SYSTOLE_ERR_UNSUPPORTED);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.c_pitch = int64_t{1} << 40; }), SYSTOLE_ERR_UNSUPPORTED);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.seed = SEED, g.seed_pitch = int64_t{1} << 31; }), SYSTOLE_ERR_UNSUPPORTED);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.a = (uint64_t{1} << 40) - 799; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.b = ~uint64_t{0}; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.c = 20, g.c_pitch = -4096; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.bias = uint64_t{1} << 40; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.b_zero_points = (uint64_t{1} << 40) - 29; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("s8*s8->s8 fixed, columns"), g), g.epilogue.scales = LIMIT - 119; }),
            SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("s8*s8->s8 fixed, columns"), g), g.epilogue.shifts = LIMIT - 29; }),
            SYSTOLE_ERR_ADDRESS);
  // Elements of two bytes reach twice as far, results of one byte a quarter.
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp32"), g), g.a = LIMIT - 1599; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp32"), g), g.b = LIMIT - 2399; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp32"), g), g.c = LIMIT - 2399; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp16"), g), g.c = LIMIT - 1199; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("s8*u8->s8 float"), g), g.c = LIMIT - 599; }), SYSTOLE_ERR_ADDRESS);
  EXPECT_TRUE(mock.log.empty());
  EXPECT_EQ(mock.doorbells, 0u);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp32"), g), g.a = LIMIT - 1600; }), SYSTOLE_OK);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("fp16->fp16"), g), g.c = LIMIT - 1200; }), SYSTOLE_OK);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("s8*u8->s8 float"), g), g.c = LIMIT - 600; }), SYSTOLE_OK);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g = As(Named("s8*s8->s8 fixed, columns"), g), g.epilogue.scales = LIMIT - 120; }),
            SYSTOLE_OK);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.a = (uint64_t{1} << 40) - 800; }), SYSTOLE_OK);
  EXPECT_EQ(gemm_with([](systole_gemm_t &g) { g.m = 1, g.a_pitch = g.c_pitch = int64_t{1} << 50; }), SYSTOLE_OK);
}

std::function<void(systole_gemm_t &)> ClampBits(uint32_t low, uint32_t high) {
  return [low, high](systole_gemm_t &gemm) {
    gemm.epilogue.clamp = true;
    gemm.epilogue.clamp_min = low;
    gemm.epilogue.clamp_max = high;
  };
}

std::function<void(systole_gemm_t &)> Clamp(int32_t low, int32_t high) {
  return ClampBits(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
}

TEST(DriverGemm, RejectsTypesAndEpiloguesThatDoNotExist) {
  using Spoil = std::function<void(systole_gemm_t &)>;
  struct Case {
    const char *kind;
    Spoil spoil;
    bool legal;  // the neighbour that is allowed
  };
  const uint32_t minus_one = Bits(-1.0f), one = Bits(1.0f);
  const Case cases[] = {
      // Types of the operands.
      {"s8*s8->s32", [](systole_gemm_t &g) { g.a_dtype = FP16; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.b_dtype = FP16; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.a_dtype = S32; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.a_dtype = g.b_dtype = S32; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.b_dtype = 6; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.a_dtype = 0x100; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.b_dtype = BF16; }, false},
      {"bf16->fp32 clamp", [](systole_gemm_t &g) { g.a_dtype = FP16; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.a_dtype = g.b_dtype = FP32; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.a_zero_point = 1; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.b_zero_point = 1; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.b_zero_points = ZERO_POINTS; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.bias = BIAS; }, true},
      // Types of the result.
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.out_dtype = FP32; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.out_dtype = FP16; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.out_dtype = 6; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.out_dtype = S8; }, false},  // without a rule
      {"fp16->fp32", [](systole_gemm_t &g) { g.epilogue.out_dtype = S32; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.epilogue.out_dtype = S8; }, false},
      {"fp16->fp32", [](systole_gemm_t &g) { g.epilogue.out_dtype = BF16; }, true},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.out_dtype = U8; }, true},
      // Rules.
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.requant = SYSTOLE_REQUANT_NONE; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.requant = 3; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.requant = FLOAT; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.scale = Bits(1.0f); }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.shift = -1; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.scales = SCALES; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.shifts = SHIFTS; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.out_zero_point = 1; }, false},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.clamp = true; }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.requant = FIXED; }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.scale = Bits(1.0f); }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.shift = 1; }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.scales = SCALES; }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.shifts = SHIFTS; }, false},
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.out_zero_point = 1; }, false},
      // Rule FLOAT: the scale is positive and finite.
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = 0; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = 1; }, true},  // subnormal
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = PLUS_INFINITY - 1; }, true},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = PLUS_INFINITY; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = NOT_A_NUMBER; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.scale = 0x80000000; }, false},
      {"s8*u8->s8 float", [minus_one](systole_gemm_t &g) { g.epilogue.scale = minus_one; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.shift = 1; }, false},
      {"s8*u8->s8 float", [](systole_gemm_t &g) { g.epilogue.shifts = SHIFTS; }, false},
      {"s8*s8->s8 float, columns", [](systole_gemm_t &g) { g.epilogue.shifts = SHIFTS; }, false},
      // Rule FIXED.
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.scale = 0; }, true},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.scale = 0x7FFFFFFF; }, true},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.scale = 0x80000000; }, false},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shift = -31; }, true},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shift = -32; }, false},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shift = 30; }, true},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shift = 31; }, false},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shift = 256; }, false},
      {"u8*s8->u8 fixed", [](systole_gemm_t &g) { g.epilogue.shifts = SHIFTS; }, false},
      {"s8*s8->s8 fixed, columns", [](systole_gemm_t &g) { g.epilogue.shifts = 0; }, false},
      // Bounds of 8-bit results.
      {"s8*u8->s8 float", Clamp(-128, 127), true},
      {"s8*u8->s8 float", Clamp(-129, 127), false},
      {"s8*u8->s8 float", Clamp(-128, 128), false},
      {"s8*u8->s8 float", Clamp(5, 5), true},
      {"s8*u8->s8 float", Clamp(5, 4), false},
      {"s8*u8->s8 float", Clamp(INT32_MIN, 4), false},
      {"s8*u8->s8 float", Clamp(4, INT32_MAX), false},
      {"u8*s8->u8 fixed", Clamp(0, 255), true},
      {"u8*s8->u8 fixed", Clamp(-1, 255), false},
      {"u8*s8->u8 fixed", Clamp(0, 256), false},
      {"u8*s8->u8 fixed", Clamp(200, 100), false},
      // Bounds of floating-point results, in the order of numbers.
      {"fp16->fp16", ClampBits(MINUS_INFINITY, PLUS_INFINITY), true},
      {"fp16->fp16", ClampBits(PLUS_INFINITY, MINUS_INFINITY), false},
      {"fp16->fp16", ClampBits(Bits(-2.0f), Bits(-1.0f)), true},
      {"fp16->fp16", ClampBits(Bits(-1.0f), Bits(-2.0f)), false},
      {"fp16->fp16", ClampBits(minus_one, one), true},
      {"fp16->fp16", ClampBits(one, minus_one), false},
      {"fp16->fp16", ClampBits(0, 0x80000000), true},  // the zeros are equal
      {"fp16->fp16", ClampBits(0x80000000, 0), true},
      {"fp16->fp16", ClampBits(1, 0x80000000), false},
      {"fp16->fp16", ClampBits(0, 0x80000001), false},
      {"fp16->fp16", ClampBits(NOT_A_NUMBER, PLUS_INFINITY), false},
      {"fp16->fp16", ClampBits(MINUS_INFINITY, NOT_A_NUMBER), false},
      {"fp16->fp16", ClampBits(0xFFC00000, one), false},
      {"bf16->fp32 clamp", ClampBits(0, 0xFFFFFFFF), false},
      // Bounds that are not used are not looked at; nor are the matrix's parameters beside the columns'.
      {"fp16->fp16", [](systole_gemm_t &g) { g.epilogue.clamp_min = NOT_A_NUMBER; }, true},
      {"s8*s8->s32", [](systole_gemm_t &g) { g.epilogue.clamp_max = 1000; }, true},
      {"s8*s8->s8 float, columns", [](systole_gemm_t &g) { g.epilogue.scale = NOT_A_NUMBER, g.epilogue.shift = 99; }, true},
  };
  unsigned index = 0;
  for (const Case &c : cases) {
    MockDevice mock(FloatingPoint(Shape{}));
    systole_t dev = Open(mock);
    systole_gemm_t gemm = As(Named(c.kind), Dense(20, 30, 40));
    c.spoil(gemm);
    EXPECT_EQ(systole_gemm(&dev, &gemm), c.legal ? SYSTOLE_OK : SYSTOLE_ERR_BAD_ARG) << "case " << index << ": " << c.kind;
    EXPECT_EQ(mock.log.empty(), !c.legal) << "case " << index << ": " << c.kind;
    EXPECT_EQ(mock.doorbells, c.legal ? 1u : 0u) << "case " << index << ": " << c.kind;
    if (c.legal) {
      EXPECT_EQ(CheckRecords(FloatingPoint(Shape{}), {gemm}, mock.log), "") << "case " << index;
    }
    ++index;
  }
}

TEST(DriverGemm, FloatingPointNeedsAMachineThatHasIt) {
  for (const Kind &kind : KINDS) {
    MockDevice mock(Shape{});
    systole_t dev = Open(mock);
    const systole_gemm_t gemm = As(kind, Dense(20, 30, 40));
    systole_gemm_plan_t plan;
    uint32_t count;
    const systole_result_t expected = IsFloat(kind) ? SYSTOLE_ERR_UNSUPPORTED : SYSTOLE_OK;
    EXPECT_EQ(systole_gemm_plan(&dev, &gemm, &plan), expected) << kind.name;
    EXPECT_EQ(systole_gemm_commands(&dev, &gemm, &count), expected) << kind.name;
    EXPECT_EQ(systole_gemm(&dev, &gemm), expected) << kind.name;
    EXPECT_EQ(mock.log.empty(), IsFloat(kind)) << kind.name;
  }
}

// --- the mapping ---------------------------------------------------------------------------------------------------------

struct NamedShape {
  const char *name;
  Shape shape;
};

void PrintTo(const NamedShape &named, std::ostream *out) { *out << named.name; }

Shape With(Shape shape, unsigned latency, unsigned queue_depth, unsigned accel_id) {
  shape.element_latency = latency;
  shape.queue_depth = queue_depth;
  shape.accel_id = accel_id;
  return shape;
}

const NamedShape MACHINES[] = {
    {"16x16", FloatingPoint(Machine(16, 16, 128))},
    {"16x16int8", Machine(16, 16, 128)},
    {"8x8", FloatingPoint(Machine(8, 8, 128))},
    {"4x4", FloatingPoint(Machine(4, 4, 32))},
    {"8x16", FloatingPoint(Machine(8, 16, 64), 2)},
    {"16x4", Machine(16, 4, 128)},
    {"32x32", FloatingPoint(Machine(32, 32, 256))},
    {"64x2", FloatingPoint(Machine(64, 2, 512), 3)},
    {"2x64", FloatingPoint(Machine(2, 64, 32, 1024, 512, 64, 2))},
    {"4x4small", FloatingPoint(Machine(4, 4, 32, 128, 64, 16, 2))},
    // One word of activations, one tile of weights, one accumulator row.
    {"8x8tight", FloatingPoint(Machine(8, 8, 64, 16, 128, 1, 2))},
    {"16x16slow", With(Machine(16, 16, 128), 5, 1, 9)},
};

class DriverMapping : public testing::TestWithParam<NamedShape> {};

TEST_P(DriverMapping, CoversEveryProductOnceAndNeverRaces) {
  const Shape &shape = GetParam().shape;
  const uint32_t sizes[][3] = {{1, 1, 1},     {1, 1, 2},     {1, 2, 1},      {2, 1, 1},    {3, 5, 7},    {16, 16, 32},
                               {17, 33, 65},  {31, 1, 129},  {1, 31, 129},   {129, 31, 1}, {64, 64, 64}, {37, 101, 53},
                               {1, 100, 300}, {100, 1, 300}, {128, 128, 16}, {96, 80, 200}};
  const std::vector<Kind> kinds = Kinds(shape);
  size_t turn = 0;
  for (const auto &[m, n, k] : sizes) {
    // Each size with every seed and each with another kind; the kinds' number shares no factor with the variants', so all pairs meet.
    for (const auto &job : Variants(Dense(m, n, k))) ExpectRight(shape, {As(kinds[turn++ % kinds.size()], job)});
  }
}

TEST_P(DriverMapping, EveryTypeAndEpilogueWithEverySeed) {
  const Shape &shape = GetParam().shape;
  for (const Kind &kind : Kinds(shape)) {
    SCOPED_TRACE(kind.name);
    for (const auto &job : Variants(Dense(33, 70, 45))) ExpectRight(shape, {As(kind, job)});
  }
}

TEST_P(DriverMapping, RandomShapesPitchesAndAddresses) {
  const char *given = std::getenv("SYSTOLE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 0)) : std::random_device{}();
  std::cout << "SYSTOLE_SEED=" << seed << '\n';
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  const auto size = [&below] { return 1 + below(1u << (1 + below(8))); };
  for (int i = 0; i < 150; ++i) {
    const std::vector<Kind> kinds = Kinds(GetParam().shape);
    const Kind &kind = kinds[below(static_cast<uint32_t>(kinds.size()))];
    systole_gemm_t job = As(kind, Variants(Dense(size(), size(), size()))[below(5)]);
    job.a += below(100);
    job.b += below(100);
    job.c += below(100);
    job.a_pitch = (job.a_pitch + below(2) * below(50)) * (below(4) == 0 ? -1 : 1);
    job.b_pitch = (job.b_pitch + below(2) * below(50)) * (below(4) == 0 ? -1 : 1);
    job.c_pitch = (job.c_pitch + below(2) * below(50)) * (below(4) == 0 ? -1 : 1);
    job.epilogue.scales += job.epilogue.scales != 0 ? below(100) : 0;
    job.epilogue.shifts += job.epilogue.shifts != 0 ? below(100) : 0;
    if (!IsFloat(kind)) {
      job.a_dtype = below(2) != 0 ? S8 : U8;
      job.b_dtype = below(2) != 0 ? S8 : U8;
      job.a_zero_point = static_cast<uint8_t>(below(256));
      job.b_zero_point = static_cast<uint8_t>(below(256));
    }
    if (kind.requant != SYSTOLE_REQUANT_NONE) job.epilogue.out_zero_point = static_cast<uint8_t>(below(256));
    ExpectRight(GetParam().shape, {job});
  }
}

TEST_P(DriverMapping, JobsFollowOneAnotherWithoutWaiting) {
  ExpectRight(GetParam().shape,
              {Dense(20, 30, 70), Variants(Dense(5, 9, 40))[3], As(Named("s8*s8->s8 fixed, columns"), Dense(30, 40, 50)),
               Dense(1, 1, 1), As(Named("s8*s8->s8 float, columns"), Dense(9, 300, 20)), Variants(Dense(40, 33, 20))[4]});
  const std::vector<Kind> kinds = Kinds(GetParam().shape);
  std::vector<systole_gemm_t> jobs;  // of every kind, one behind another
  for (size_t i = 0; i < kinds.size(); ++i) jobs.push_back(As(kinds[i], Variants(Dense(20, 21, 22))[i % 5]));
  ExpectRight(GetParam().shape, jobs);
}

TEST_P(DriverMapping, CountsItsRecords) {
  std::vector<systole_gemm_t> jobs = Variants(Dense(50, 70, 90));
  jobs.push_back(As(Named("s8*s8->s8 fixed, columns"), jobs[0]));
  if (GetParam().shape.fp) jobs.push_back(As(Named("fp16->fp16"), jobs[1]));
  for (const auto &job : jobs) {
    MockDevice mock(GetParam().shape, 16);
    systole_t dev = Open(mock);
    uint32_t count = 0;
    ASSERT_EQ(systole_gemm_commands(&dev, &job, &count), SYSTOLE_OK);
    ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
    EXPECT_EQ(mock.log.size(), count);
    EXPECT_EQ(mock.doorbells, 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, DriverMapping, testing::ValuesIn(MACHINES),
                         [](const testing::TestParamInfo<NamedShape> &info) { return std::string(info.param.name); });

TEST(DriverMappingBig, LargeProductsOnTheDefaultMachine) {
  const Shape shape = Machine(16, 16, 128);
  ExpectRight(shape, {Dense(512, 512, 512)});
  ExpectRight(shape, {Dense(1, 1024, 4096)});
  ExpectRight(shape, {Variants(Dense(3, 3000, 100))[3]});  // more column tiles than the parameter banks hold
  ExpectRight(shape, {Variants(Dense(200, 1100, 40))[3]});
  ExpectRight(shape, {Variants(Dense(200, 1100, 40))[4]});
  ExpectRight(shape, {Dense(2000, 20, 33)});
}

TEST(DriverMappingBig, LargeFloatsAndRequantisationOnTheDefaultMachine) {
  const Shape shape = FloatingPoint(Machine(16, 16, 128));
  ExpectRight(shape, {As(Named("fp16->fp16"), Dense(512, 512, 512))});
  ExpectRight(shape, {As(Named("bf16->bf16"), Dense(1, 1024, 2048))});
  ExpectRight(shape, {As(Named("s8*s8->s8 fixed, columns"), Dense(512, 512, 512))});
  for (const char *kind : {"s8*s8->s8 fixed, columns", "s8*s8->s8 float, columns"}) {
    // More column tiles than the parameter banks hold: with scales alone, with bias and zero points, with a seed matrix.
    for (const size_t variant : {0u, 1u, 3u, 4u}) {
      ExpectRight(shape, {As(Named(kind), Variants(Dense(3, 3000, 100))[variant])});
      ExpectRight(shape, {As(Named(kind), Variants(Dense(200, 1100, 40))[variant])});
    }
  }
}

TEST(DriverMappingBig, ParameterTokensStayWithinTheirCounterHoweverManyBlocks) {
  // Blocks of one tile whose loads, without a token to hold them back, run far ahead of the stores: A is resident, weights stream.
  const Shape shape = FloatingPoint(Machine(4, 4, 32, 65536, 1024, 4, 64));
  for (const char *kind : {"s8*s8->s8 fixed, columns", "s8*s8->s8 float, columns"}) {
    for (const auto &size : {Dense(4, 256, 8), Dense(4, 257, 8), Dense(1, 256, 4), Dense(64, 256, 300), Dense(4, 1000, 8)}) {
      for (const auto &job : Variants(size)) ExpectRight(shape, {As(Named(kind), job)});
    }
  }
}

unsigned CountTokens(const std::vector<Record> &records, uint32_t token, unsigned lsb) {
  return static_cast<unsigned>(std::count_if(records.begin(), records.end(), [token, lsb](const Record &record) {
    return (record[SYSTOLE_CMD_WAIT_WORD] >> lsb & token) != 0;
  }));
}

TEST(DriverMappingParams, ResidentScalesAreLoadedOnceAndAwaitedOnce) {
  const Shape shape = Machine(16, 16, 128, 65536, 32768, 64, 64);
  const systole_gemm_t job = As(Named("s8*s8->s8 fixed, columns"), Dense(300, 1024, 64));  // 64 column tiles, as the banks hold
  const auto records = Records(shape, {job});
  EXPECT_EQ(CheckRecords(shape, {job}, records), "");
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_PARAM_FULL, SYSTOLE_CMD_GIVE_LSB), 1u);
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_PARAM_FULL, SYSTOLE_CMD_WAIT_LSB), 1u);
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_MEM_DONE, SYSTOLE_CMD_WAIT_LSB), 0u);
}

TEST(DriverMappingParams, OtherScalesAreLoadedForEachBlockBehindTheStoreThatUsedTheirHalf) {
  const Shape shape = Machine(16, 16, 128, 65536, 32768, 64, 64);
  const systole_gemm_t job = As(Named("s8*s8->s8 fixed, columns"), Dense(30, 1025, 64));
  const auto records = Records(shape, {job});
  EXPECT_EQ(CheckRecords(shape, {job}, records), "");
  const unsigned stores = CountTokens(records, SYSTOLE_TOKEN_ACC_FULL, SYSTOLE_CMD_WAIT_LSB);
  EXPECT_GT(stores, 2u);
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_PARAM_FULL, SYSTOLE_CMD_GIVE_LSB), stores);
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_PARAM_FULL, SYSTOLE_CMD_WAIT_LSB), stores);
  EXPECT_EQ(CountTokens(records, SYSTOLE_TOKEN_MEM_DONE, SYSTOLE_CMD_WAIT_LSB), stores - 2);
}

TEST(DriverMappingBig, SizesOfThirtyTwoBitsDoNotOverflow) {
  // Planned, not run: rows that lie on each other, so that the operands fit the address space.
  for (const unsigned rows : {2u, 16u}) {
    MockDevice mock(FloatingPoint(Machine(rows, 16, 128)));
    systole_t dev = Open(mock);
    for (const char *kind : {"s8*s8->s32", "fp16->fp32", "s8*s8->s8 fixed, columns"}) {
      systole_gemm_plan_t plan;
      systole_gemm_t gemm = As(Named(kind), Dense(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF));
      gemm.a_pitch = gemm.b_pitch = gemm.c_pitch = 0;
      ASSERT_EQ(systole_gemm_plan(&dev, &gemm, &plan), SYSTOLE_OK) << kind;
      EXPECT_GE(uint64_t{plan.m_block} * plan.m_blocks, 0xFFFFFFFFu);
      EXPECT_GE(uint64_t{plan.t_block} * plan.n_blocks * 16, 0xFFFFFFFFu);
      EXPECT_EQ(plan.k_words, (uint64_t{0xFFFFFFFF} * ElementBytes(gemm.a_dtype) + 2 * rows - 1) / (2 * rows)) << kind;
    }
  }
}

TEST(DriverMappingBig, RowsOfMoreThanFourGibibytesAreCutAtTheRightAddresses) {
  // K of floats beyond 2^31: bytes do not fit 32 bits. The first and last records of each kind tell; nobody runs the 10^5 between.
  const Shape shape = FloatingPoint(Machine(64, 2, 512, 1u << 23, 1u << 23));
  const uint32_t k = 0xC0000001;
  const systole_gemm_t job = As(Named("fp16->fp32"), Dense(1, 1, k));
  const auto records = Records(shape, {job});
  uint64_t covered = 0;
  uint32_t tail = 0;
  for (const Record &record : records) {
    const uint32_t opcode = record[0] & 0xFF;
    if (opcode == SYSTOLE_OPCODE_MATMUL) tail = record[SYSTOLE_MATMUL_K_TAIL_WORD] >> SYSTOLE_MATMUL_K_TAIL_LSB & 0xFF;
    if (opcode != SYSTOLE_OPCODE_LOAD || (record[SYSTOLE_LOAD_DEST_WORD] & 0xF) != SYSTOLE_DEST_ACT) continue;
    const uint64_t address = uint64_t{record[SYSTOLE_LOAD_ADDRESS_HI_WORD]} << 32 | record[SYSTOLE_LOAD_ADDRESS_LO_WORD];
    ASSERT_EQ(address, job.a + covered);
    covered += record[SYSTOLE_LOAD_LENGTH_WORD];
  }
  EXPECT_EQ(covered, uint64_t{k} * 2);
  EXPECT_EQ(tail, 2u);
}

// --- speed, by the driver's own estimate and by counting --------------------------------------------------------------------

TEST(DriverPlan, PromisesTheUtilisationThatTheMachineIsBuiltFor) {
  MockDevice mock(Machine(16, 16, 128));
  systole_t dev = Open(mock);
  const auto utilisation = [&dev](uint32_t m, uint32_t n, uint32_t k) {
    const systole_gemm_t gemm = Dense(m, n, k);
    systole_gemm_plan_t plan;
    EXPECT_EQ(systole_gemm_plan(&dev, &gemm, &plan), SYSTOLE_OK);
    return static_cast<double>(m) * n * k / (512.0 * static_cast<double>(plan.cycles));
  };
  EXPECT_GT(utilisation(128, 128, 128), 0.79);
  EXPECT_GT(utilisation(256, 256, 256), 0.96);
  EXPECT_GT(utilisation(512, 512, 512), 0.99);
  EXPECT_GT(utilisation(1024, 1024, 1024), 0.995);
  EXPECT_GT(utilisation(1, 4096, 4096), 0.98 / 32);  // 16 bytes of weights a cycle feed 1/32 of the array
}

TEST(DriverPlan, PromisesTheUtilisationOfFloatsAndRequantisedResults) {
  MockDevice mock(FloatingPoint(Machine(16, 16, 128)));
  systole_t dev = Open(mock);
  const auto utilisation = [&dev](const char *kind, uint32_t m, uint32_t n, uint32_t k) {
    const systole_gemm_t gemm = As(Named(kind), Dense(m, n, k));
    systole_gemm_plan_t plan;
    EXPECT_EQ(systole_gemm_plan(&dev, &gemm, &plan), SYSTOLE_OK);
    const double macs_per_cycle = ElementBytes(gemm.a_dtype) == 2 ? 256.0 : 512.0;
    return static_cast<double>(m) * n * k / (macs_per_cycle * static_cast<double>(plan.cycles));
  };
  EXPECT_GT(utilisation("fp16->fp16", 128, 128, 128), 0.89);
  EXPECT_GT(utilisation("fp16->fp16", 256, 256, 256), 0.975);
  EXPECT_GT(utilisation("fp16->fp16", 512, 512, 512), 0.99);
  EXPECT_LT(utilisation("fp16->fp16", 512, 512, 512), 1.0);
  EXPECT_GT(utilisation("bf16->fp32 clamp", 512, 512, 512), 0.98);
  EXPECT_GT(utilisation("s8*u8->s8 float", 512, 512, 512), 0.97);
  EXPECT_GT(utilisation("s8*s8->s8 fixed, columns", 512, 512, 512), 0.97);
  EXPECT_GT(utilisation("s8*s8->s32", 512, 512, 512), 0.97);
  EXPECT_GT(utilisation("fp16->fp16", 1, 2048, 4096), 0.98 / 32);
}

uint32_t Field(const Record &record, unsigned word, unsigned lsb, unsigned width) {
  return systole_field_get(record.data(), word, lsb, width);
}

#define RECORD_FIELD(record, name) Field(record, SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)

std::vector<Record> Only(const std::vector<Record> &records, uint32_t opcode) {
  std::vector<Record> found;
  std::copy_if(records.begin(), records.end(), std::back_inserter(found),
               [opcode](const Record &record) { return (record[0] & 0xFF) == opcode; });
  return found;
}

TEST(DriverPlan, TellsWhatTheRecordsDo) {
  // Long loops, too, most of whose rounds the forecast leaves out.
  const uint32_t sizes[][3] = {{1, 1, 1},      {64, 64, 64},  {256, 256, 256},  {300, 1000, 31}, {1000, 300, 65},
                               {17, 2000, 70}, {2000, 7, 90}, {700, 900, 2000}, {5, 7, 60000},   {1200, 1300, 500}};
  for (const Shape &shape : {FloatingPoint(Machine(16, 16, 128)), FloatingPoint(Machine(8, 8, 128)), Machine(16, 4, 64)}) {
    for (const auto &[m, n, k] : sizes) {
      const systole_gemm_t job = As(Named("s8*s8->s8 fixed, columns"), Variants(Dense(m, n, k))[1]);
      SCOPED_TRACE(Describe(shape) + ": " + Describe(job));
      MockDevice mock(shape, 16);
      systole_t dev = Open(mock);
      systole_gemm_plan_t plan;
      ASSERT_EQ(systole_gemm_plan(&dev, &job, &plan), SYSTOLE_OK);
      ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
      ASSERT_EQ(mock.fault, "");
      uint32_t rows = 0, tiles = 0, words = 0;
      for (const Record &record : Only(mock.log, SYSTOLE_OPCODE_STORE)) {
        rows = std::max(rows, RECORD_FIELD(record, STORE_M0));
        tiles = std::max(tiles, RECORD_FIELD(record, STORE_N));
      }
      const std::vector<Record> matmuls = Only(mock.log, SYSTOLE_OPCODE_MATMUL);
      for (const Record &record : matmuls) words = std::max(words, RECORD_FIELD(record, MATMUL_K0));
      EXPECT_EQ(plan.commands, mock.log.size());
      // The last block may be stored in parts.
      const std::size_t stores = Only(mock.log, SYSTOLE_OPCODE_STORE).size();
      if (plan.part_max == 0 && plan.part_end == 0)
        EXPECT_EQ(plan.blocks, stores);
      else
        EXPECT_LE(plan.blocks, stores);
      EXPECT_LE(rows, plan.m_block);
      EXPECT_LE(tiles, plan.t_block);
      EXPECT_LE(words, plan.k_chunk);
      if (plan.k_head != 0) EXPECT_EQ(RECORD_FIELD(matmuls.front(), MATMUL_K0), plan.k_head);
      if (plan.part != 0 && !plan.part_rows) EXPECT_EQ(RECORD_FIELD(matmuls.front(), MATMUL_N), plan.part);
    }
  }
}

TEST(DriverPlan, ThinProductsComeInParts) {
  // Neither operand fits its buffer. Short pieces of rows that are not aligned to the bus cost a beat more each.
  const Shape shape = FloatingPoint(Machine(16, 16, 128));
  const uint32_t sizes[][3] = {{425, 19, 2550}, {34, 296, 2034}};
  for (const auto &[m, n, k] : sizes) {
    for (const systole_gemm_t &variant : Variants(As(Named("s8*s8->s8 fixed, columns"), Dense(m, n, k)))) {
      SCOPED_TRACE(Describe(variant));
      MockDevice mock(shape, 12);
      systole_t dev = Open(mock);
      systole_gemm_plan_t plan;
      ASSERT_EQ(systole_gemm_plan(&dev, &variant, &plan), SYSTOLE_OK);
      EXPECT_GT(plan.part_max, 0u);
      EXPECT_EQ(plan.part_rows, m > n);
      const auto records = Records(shape, {variant});
      EXPECT_EQ(plan.commands, records.size());
      EXPECT_EQ(CheckRecords(shape, {variant}, records, false), "");
      uint64_t beats = 0;
      for (const Record &record : Only(records, SYSTOLE_OPCODE_LOAD))
        if (RECORD_FIELD(record, LOAD_DEST) <= SYSTOLE_DEST_WGT)
          beats += uint64_t{RECORD_FIELD(record, LOAD_COUNT1)} * ((RECORD_FIELD(record, LOAD_LENGTH) + 15) / 16 + 1);
      EXPECT_LT(beats, (uint64_t{m} + n) * k / 16 * 115 / 100);
      const auto stores = Only(records, SYSTOLE_OPCODE_STORE);
      const Record &last = stores.back();
      const uint32_t part = plan.part_rows ? RECORD_FIELD(last, STORE_M0) : RECORD_FIELD(last, STORE_N);
      EXPECT_LE(part, plan.part_max);
    }
  }
}

TEST(DriverPlan, BeginsAndEndsWithLittleWork) {
  // Before the first MATMUL and behind the last one, nothing hides loads and stores.
  const auto work = [](const Record &record) {
    return RECORD_FIELD(record, MATMUL_M0) * RECORD_FIELD(record, MATMUL_N) * RECORD_FIELD(record, MATMUL_K0);
  };
  const auto results = [](const Record &record) { return RECORD_FIELD(record, STORE_M0) * RECORD_FIELD(record, STORE_N); };
  for (const char *kind : {"fp16->fp16", "s8*u8->s8 float", "s8*s8->s32"}) {
    for (const uint32_t size : {256u, 512u}) {
      SCOPED_TRACE(std::string(kind) + " " + std::to_string(size));
      const auto records = Records(FloatingPoint(Machine(16, 16, 128)), {As(Named(kind), Dense(size, size, size))});
      const auto matmuls = Only(records, SYSTOLE_OPCODE_MATMUL), stores = Only(records, SYSTOLE_OPCODE_STORE);
      EXPECT_LE(work(matmuls.front()), 1024u);  // cycles
      EXPECT_LE(2 * results(stores.back()), results(stores[stores.size() / 2]));
    }
  }
}

TEST(DriverPlan, FloatsAreMappedAsIntegersOfTwiceTheLength) {
  MockDevice mock(FloatingPoint(Machine(16, 16, 128)));
  systole_t dev = Open(mock);
  const uint32_t sizes[][3] = {{1, 1, 1}, {300, 200, 3}, {64, 64, 64}, {17, 33, 65}, {1, 1000, 500}, {500, 1000, 100}};
  for (const auto &[m, n, k] : sizes) {
    const systole_gemm_t floats = As(Named("fp16->fp32"), Dense(m, n, k)), integers = Dense(m, n, 2 * k);
    systole_gemm_plan_t a, b;
    ASSERT_EQ(systole_gemm_plan(&dev, &floats, &a), SYSTOLE_OK);
    ASSERT_EQ(systole_gemm_plan(&dev, &integers, &b), SYSTOLE_OK);
    EXPECT_EQ(a.cycles, b.cycles) << m << "x" << n << "x" << k;
    EXPECT_EQ(a.k_words, b.k_words);
    EXPECT_EQ(a.m_block, b.m_block);
    EXPECT_EQ(a.t_block, b.t_block);
    EXPECT_EQ(a.k_chunk, b.k_chunk);
  }
}

TEST(DriverPlan, NarrowResultsAreStoredFasterUpToTheEpiloguesPace) {
  // One block, hardly any work: the end is the store of 16 rows of 1024 columns.
  const auto cycles = [](unsigned lanes_log2, const char *kind) {
    Shape shape = Machine(16, 16, 128);
    shape.epilogue_lanes_log2 = lanes_log2;
    MockDevice mock(shape);
    systole_t dev = Open(mock);
    const systole_gemm_t gemm = As(Named(kind), Dense(16, 1024, 1));
    systole_gemm_plan_t plan;
    EXPECT_EQ(systole_gemm_plan(&dev, &gemm, &plan), SYSTOLE_OK);
    return plan.cycles;
  };
  EXPECT_LT(cycles(4, "s8*u8->s8 float"), cycles(4, "s8*s8->s32"));
  EXPECT_LT(cycles(4, "s8*u8->s8 float"), cycles(3, "s8*u8->s8 float"));  // 16 or 8 columns a cycle on a bus of 16 bytes
  EXPECT_EQ(cycles(4, "s8*s8->s32"), cycles(3, "s8*s8->s32"));
}

TEST(DriverPlan, MatrixVectorStreamsWeightsOnceInLongBurstsWithFewCommands) {
  const Shape shape = Machine(16, 16, 128);
  const auto records = Records(shape, {Dense(1, 4096, 4096)});
  uint64_t bytes = 0;
  for (const Record &record : records) {
    if (systole_field_get(record.data(), SYSTOLE_CMD_OPCODE_WORD, SYSTOLE_CMD_OPCODE_LSB, 8) != SYSTOLE_OPCODE_LOAD) continue;
    const uint32_t length = record[SYSTOLE_LOAD_LENGTH_WORD];
    const uint64_t items = record[SYSTOLE_LOAD_COUNT1_WORD] & 0xFFFF;
    bytes += items * length;
  }
  EXPECT_LE(bytes, uint64_t{4096} * 4096 + 2 * 4096);
  EXPECT_LT(records.size() * SYSTOLE_COMMAND_BYTES * 100, bytes);  // commands cost less than 1 % of the traffic
}

// --- the ring ------------------------------------------------------------------------------------------------------------------

Record WithoutInterrupt(Record record) {
  record[SYSTOLE_CMD_IRQ_WORD] &= ~(1u << SYSTOLE_CMD_IRQ_LSB);
  return record;
}

TEST(DriverRing, JobsLongerThanTheRingAreTheSameRecords) {
  const Shape shape = Machine(4, 4, 32, 512, 256, 64, 4);
  const std::vector<systole_gemm_t> jobs = {Variants(Dense(60, 50, 70))[3], Dense(33, 20, 50)};
  const std::vector<Record> whole = Records(shape, jobs);
  ASSERT_GT(whole.size(), 200u);
  for (unsigned entries_log2 : {0u, 1u, 2u, 3u, 5u, 6u}) {
    for (unsigned complete_per_read : {0u, 1u, 3u, 100u}) {
      MockDevice mock(shape, entries_log2);
      mock.complete_per_read = complete_per_read;
      systole_t dev = Open(mock);
      for (const auto &job : jobs) ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
      ASSERT_EQ(systole_wait(&dev), SYSTOLE_OK);
      EXPECT_EQ(mock.fault, "") << entries_log2 << " " << complete_per_read;
      ASSERT_EQ(mock.log.size(), whole.size());
      for (size_t i = 0; i < whole.size(); ++i) ASSERT_EQ(WithoutInterrupt(mock.log[i]), WithoutInterrupt(whole[i])) << i;
      EXPECT_EQ(CheckRecords(shape, jobs, mock.log, true), "");
    }
  }
}

TEST(DriverRing, PollsWithoutAnIdleFunction) {
  const Shape shape = Machine(4, 4, 32, 512, 256, 64, 4);
  MockDevice mock(shape, 3);
  mock.complete_per_read = 1;
  systole_config_t config = mock.config();
  config.mmio.idle = nullptr;
  systole_t dev;
  ASSERT_EQ(systole_init(&dev, &config), SYSTOLE_OK);
  const systole_gemm_t job = Dense(60, 50, 70);
  ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
  ASSERT_EQ(systole_wait(&dev), SYSTOLE_OK);
  EXPECT_EQ(mock.idles, 0u);
  EXPECT_EQ(CheckRecords(shape, {job}, mock.log, true), "");
}

TEST(DriverRing, WaitKnowsWhenAllIsComplete) {
  MockDevice mock(Shape{});
  systole_t dev = Open(mock);
  bool idle = false;
  ASSERT_EQ(systole_wait(&dev), SYSTOLE_OK);
  const systole_gemm_t job = Dense(10, 10, 10);
  ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
  ASSERT_EQ(systole_is_idle(&dev, &idle), SYSTOLE_OK);
  EXPECT_FALSE(idle);
  ASSERT_EQ(systole_wait(&dev), SYSTOLE_OK);
  EXPECT_EQ(mock.idles, 1u);
  ASSERT_EQ(systole_is_idle(&dev, &idle), SYSTOLE_OK);
  EXPECT_TRUE(idle);
}

TEST(DriverRing, AnErrorEndsTheWaitAndResetStartsAfresh) {
  const Shape shape = Machine(4, 4, 32, 512, 256, 64, 4);
  const systole_gemm_t job = Dense(60, 50, 70);
  for (unsigned entries_log2 : {3u, 16u}) {
    MockDevice mock(shape, entries_log2);
    mock.error_after = 20;
    systole_t dev = Open(mock);
    systole_result_t result = systole_gemm(&dev, &job);
    if (entries_log2 == 16) {
      EXPECT_EQ(result, SYSTOLE_OK);
      result = systole_wait(&dev);
    }
    EXPECT_EQ(result, SYSTOLE_ERR_DEVICE);
    bool idle;
    EXPECT_EQ(systole_is_idle(&dev, &idle), SYSTOLE_ERR_DEVICE);
    mock.error_after = ~0u;
    mock.log.clear();
    ASSERT_EQ(systole_reset(&dev), SYSTOLE_OK);
    ASSERT_EQ(systole_gemm(&dev, &job), SYSTOLE_OK);
    ASSERT_EQ(systole_wait(&dev), SYSTOLE_OK);
    EXPECT_EQ(CheckRecords(shape, {job}, mock.log, true), "");
  }
}

// --- the checker itself ------------------------------------------------------------------------------------------------------

class RingCheckerTest : public testing::Test {
 protected:
  RingCheckerTest() : shape_(FloatingPoint(Machine(4, 4, 32, 512, 512, 64, 4))) {
    job_ = Variants(Dense(50, 40, 60))[3];
    seeded_ = Variants(Dense(50, 40, 60))[4];
    columns_ = As(Named("s8*s8->s8 fixed, columns"), Variants(Dense(50, 40, 60))[3]);
    scaled_ = As(Named("u8*s8->u8 fixed"), Dense(50, 40, 60));
    floats_ = As(Named("fp16->bf16 clamp"), Dense(50, 40, 60));
  }

  static uint32_t Opcode(const Record &record) { return record[0] & 0xFF; }

  Shape shape_;
  systole_gemm_t job_, seeded_, columns_, scaled_, floats_;
};

TEST_F(RingCheckerTest, NoticesMissingAndLateTokens) {
  std::array<unsigned, 8> late{};  // by token: delays that were noticed
  for (const auto &job :
       {job_, seeded_, Variants(Dense(50, 40, 60))[1], Dense(50, 40, 60), Dense(40, 40, 8), Dense(8, 60, 90), columns_,
        As(Named("s8*s8->s8 float, columns"), Dense(50, 40, 60)), As(Named("s8*s8->s8 fixed, columns"), Dense(50, 16, 60)),
        Dense(20, 300, 30)}) {  // in the last one activations are kept and weights are not
    const auto records = Records(shape_, {job});
    for (size_t i = 0; i < records.size(); ++i) {
      for (unsigned token = 0; token < 8; ++token) {
        if ((records[i][SYSTOLE_CMD_WAIT_WORD] >> token & 1u) == 0) continue;
        // A token not taken is left over, if nothing worse happens.
        auto spoilt = records;
        spoilt[i][SYSTOLE_CMD_WAIT_WORD] &= ~(1u << token);
        EXPECT_NE(CheckRecords(shape_, {job}, spoilt), "") << "record " << i << " token " << token;
        // A token taken by a later command of the engine: the books balance, and now and then another token makes up for it.
        for (size_t j = i + 1; j < records.size(); ++j) {
          if (Opcode(records[j]) != Opcode(records[i]) || (records[j][SYSTOLE_CMD_WAIT_WORD] >> token & 1u) != 0) continue;
          spoilt[j][SYSTOLE_CMD_WAIT_WORD] |= 1u << token;
          if (CheckRecords(shape_, {job}, spoilt) != "") ++late[token];
          break;
        }
      }
    }
  }
  for (unsigned token = 0; token <= 7; ++token) {
    if (token == 4) continue;  // every STORE takes ACC_FULL: none can take it for another
    EXPECT_GT(late[token], 0u) << "token " << token;
  }
}

TEST_F(RingCheckerTest, NoticesWrongRecords) {
  const auto records = Records(shape_, {job_});
  ASSERT_EQ(CheckRecords(shape_, {job_}, records), "");
  unsigned load = 0, matmul = 0, store = 0;
  while (Opcode(records[load]) != SYSTOLE_OPCODE_LOAD || (records[load][SYSTOLE_LOAD_DEST_WORD] & 0xF) != SYSTOLE_DEST_ACT)
    ++load;
  while (Opcode(records[matmul]) != SYSTOLE_OPCODE_MATMUL || (records[matmul][SYSTOLE_MATMUL_N_WORD] & 0xFFFF) < 2) ++matmul;
  while (Opcode(records[store]) != SYSTOLE_OPCODE_STORE) ++store;
  const auto expect_noticed = [&](size_t index, unsigned word, uint32_t flip) {
    auto spoilt = records;
    spoilt[index][word] ^= flip;
    EXPECT_NE(CheckRecords(shape_, {job_}, spoilt), "") << index << " word " << word << " flip " << flip;
  };
  expect_noticed(load, 0, 0xFF);     // opcode
  expect_noticed(load, 0, 0x100);    // version
  expect_noticed(load, 0, 0x1000);   // accelerator
  expect_noticed(load, 0, 0x10000);  // interrupt in the middle
  expect_noticed(load, 15, 1);       // reserved
  expect_noticed(load, 2, 1);        // address
  expect_noticed(load, SYSTOLE_LOAD_DST_WORD, 1);
  expect_noticed(load, SYSTOLE_LOAD_DST_WORD, 0x8000);
  expect_noticed(load, SYSTOLE_LOAD_LENGTH_WORD, 1);
  expect_noticed(load, SYSTOLE_LOAD_COUNT1_WORD, 1);
  expect_noticed(load, SYSTOLE_LOAD_PITCH1_WORD, 1);
  for (unsigned word = 2; word <= 12; ++word) {
    if (word == 6 || word == 8 || word == 9) continue;  // both halves are tried below
    expect_noticed(matmul, word, 1);
  }
  expect_noticed(matmul, SYSTOLE_MATMUL_ACT_M0_STRIDE_WORD, 1);
  expect_noticed(matmul, 2, 1u << SYSTOLE_MATMUL_SEED_LSB);
  expect_noticed(matmul, 2, 1u << SYSTOLE_MATMUL_B_ZP_PER_COLUMN_LSB);
  expect_noticed(matmul, 2, 1u << SYSTOLE_MATMUL_A_ZERO_POINT_LSB);
  expect_noticed(matmul, 3, 1u << SYSTOLE_MATMUL_WGT_LSB);
  expect_noticed(matmul, 4, 1u << SYSTOLE_MATMUL_PARAM_LSB);
  expect_noticed(matmul, 10, 1u << SYSTOLE_MATMUL_K_TAIL_LSB);
  expect_noticed(matmul, 10, 1u << SYSTOLE_MATMUL_N_TAIL_LSB);
  for (unsigned word : {2u, 4u, 5u, 6u, 8u}) expect_noticed(store, word, 1);
  for (size_t i = 0; i < records.size(); i += 7) {  // a record missing
    auto spoilt = records;
    spoilt.erase(spoilt.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(CheckRecords(shape_, {job_}, spoilt), "") << i;
  }
}

TEST_F(RingCheckerTest, NoticesWrongTypesAndEpilogues) {
  const auto find = [](const std::vector<Record> &records, uint32_t opcode, uint32_t dest = 0, uint32_t bank = 0) {
    size_t i = 0;
    while (Opcode(records[i]) != opcode || (opcode == SYSTOLE_OPCODE_LOAD && (records[i][SYSTOLE_LOAD_DEST_WORD] & 0xFF) !=
                                                                                 (dest | bank << SYSTOLE_LOAD_BANK_LSB))) {
      ++i;
    }
    return i;
  };
  const auto expect_noticed = [&](const systole_gemm_t &job, size_t index, unsigned word, uint32_t flip) {
    auto spoilt = Records(shape_, {job});
    ASSERT_EQ(CheckRecords(shape_, {job}, spoilt), "");
    spoilt[index][word] ^= flip;
    EXPECT_NE(CheckRecords(shape_, {job}, spoilt), "") << Describe(job) << ": " << index << " word " << word << " flip " << flip;
  };
  for (const auto &job : {columns_, scaled_, floats_}) {
    const auto records = Records(shape_, {job});
    const size_t matmul = find(records, SYSTOLE_OPCODE_MATMUL), store = find(records, SYSTOLE_OPCODE_STORE);
    expect_noticed(job, matmul, 2, 1u << SYSTOLE_MATMUL_A_DTYPE_LSB);
    expect_noticed(job, matmul, 2, 1u << SYSTOLE_MATMUL_B_DTYPE_LSB);
    expect_noticed(job, matmul, 2, 1u << SYSTOLE_MATMUL_A_ZERO_POINT_LSB);
    expect_noticed(job, store, 8, 1u << SYSTOLE_STORE_OUT_DTYPE_LSB);
    expect_noticed(job, store, 9, 1u << SYSTOLE_STORE_ACTIVATION_LSB);
    expect_noticed(job, store, 9, 1u << SYSTOLE_STORE_REQUANT_LSB);
    expect_noticed(job, store, 9, 1u << SYSTOLE_STORE_PER_COLUMN_LSB);
    expect_noticed(job, store, 9, 1u << SYSTOLE_STORE_OUT_ZERO_POINT_LSB);
    expect_noticed(job, store, 9, 1u << SYSTOLE_STORE_SHIFT_LSB);
    for (const unsigned word : {10u, 11u, 12u, 13u}) expect_noticed(job, store, word, 1);
  }
  const auto records = Records(shape_, {columns_});
  for (const uint32_t bank : {SYSTOLE_BANK_SCALE, SYSTOLE_BANK_SHIFT}) {
    const size_t load = find(records, SYSTOLE_OPCODE_LOAD, SYSTOLE_DEST_PARAM, bank);
    expect_noticed(columns_, load, SYSTOLE_LOAD_ADDRESS_LO_WORD, 4);
    expect_noticed(columns_, load, SYSTOLE_LOAD_DST_WORD, 1);
    const uint32_t length = records[load][SYSTOLE_LOAD_LENGTH_WORD];
    expect_noticed(columns_, load, SYSTOLE_LOAD_LENGTH_WORD, length & (~length + 1));  // the lowest set bit: columns missing
    auto spoilt = records;
    spoilt[load][SYSTOLE_LOAD_DEST_WORD] ^= 1u << SYSTOLE_LOAD_BANK_LSB;
    EXPECT_NE(CheckRecords(shape_, {columns_}, spoilt), "");
  }
  // The last word of a row of floats: half an element more or less.
  const auto floats = Records(shape_, {floats_});
  expect_noticed(floats_, find(floats, SYSTOLE_OPCODE_MATMUL), 10, 1u << SYSTOLE_MATMUL_K_TAIL_LSB);
  expect_noticed(floats_, find(floats, SYSTOLE_OPCODE_LOAD, SYSTOLE_DEST_ACT), SYSTOLE_LOAD_LENGTH_WORD, 1);
  // The same records on a machine without floating point.
  Shape integers = shape_;
  integers.fp = false;
  EXPECT_NE(CheckRecords(integers, {floats_}, floats), "");
}

TEST_F(RingCheckerTest, NoticesATokenCounterThatCouldOverflow) {
  // Sixteen loads that each give a token before anybody must have taken one.
  auto records = Records(shape_, {job_});
  size_t load = 0;
  while ((records[load][SYSTOLE_CMD_GIVE_WORD] >> SYSTOLE_CMD_GIVE_LSB & SYSTOLE_TOKEN_ACT_FULL) == 0) ++load;
  records[load][SYSTOLE_CMD_WAIT_WORD] &= ~0xFFu;
  records.insert(records.begin() + static_cast<std::ptrdiff_t>(load), 15, records[load]);
  EXPECT_NE(CheckRecords(shape_, {job_}, records).find("overflow"), std::string::npos);
}

}  // namespace
}  // namespace systole::test
