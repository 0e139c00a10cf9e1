// SPDX-License-Identifier: Apache-2.0
// systole_check against the functional model's check of records: random records near every boundary, with and without floating point
// and at the ends of the parameters' ranges; and, by hand, each rule about types and results.
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "Vcheck_fp.h"
#include "Vcheck_int8.h"
#include "Vcheck_tall.h"
#include "Vcheck_wide.h"
#include "firmware/include/systole_regs.h"
#include "sim/model/machine.hpp"
#include "tb/block/control/bench.hpp"

namespace systole::tb {
namespace {

using Record = model::Machine::Record;

struct Field {
  unsigned word, lsb, width;
};
#define FIELD(name) (Field{SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH})

void set(Record &record, Field field, uint64_t value) {
  systole_field_set(record.data(), field.word, field.lsb, field.width, static_cast<uint32_t>(value));
}
uint32_t get(const Record &record, Field field) { return systole_field_get(record.data(), field.word, field.lsb, field.width); }

struct Verdict {
  unsigned code;
  uint64_t address;  // of a RANGE error
  unsigned engine;   // except with an unknown opcode
};

/// A systole_check with the sizes that it was built with.
template <class Dut>
class Check {
 public:
  Verdict operator()(const Record &record) {
    for (unsigned word = 0; word < record.size(); ++word) dut_.cmd_i[word] = record[word];
    dut_.take_i = 1;
    tick();
    // Without a take the record stays.
    for (unsigned word = 0; word < record.size(); ++word) dut_.cmd_i[word] = ~record[word];
    dut_.take_i = 0;
    tick();
    for (unsigned word = 0; word < record.size(); ++word) EXPECT_EQ(dut_.cmd_o[word], record[word]) << "word " << word;
    EXPECT_EQ(dut_.legal_o, dut_.code_o == SYSTOLE_ERROR_NONE);
    return {dut_.code_o, dut_.address_o, dut_.engine_o};
  }

 private:
  void tick() {
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
  }

  Dut dut_;
};

platform::ConfigInfo sizes(bool fp, unsigned rows, unsigned cols, unsigned act_words, unsigned wgt_words, unsigned acc_rows,
                           unsigned entries, unsigned address_bits) {
  platform::ConfigInfo config;
  config.name = "check";
  config.fp = fp;
  config.rows = rows;
  config.cols = cols;
  config.axi_bits = 128;
  config.axi_addr_bits = address_bits;
  config.act_bytes = act_words * 2 * rows;
  config.wgt_bytes = wgt_words * 2 * rows;
  config.acc_rows = acc_rows;
  config.param_entries = entries;
  return config;
}

// The parameters are those of CMakeLists.txt.
template <class Dut>
platform::ConfigInfo sizes_of();
template <>
platform::ConfigInfo sizes_of<Vcheck_fp>() {
  return sizes(true, 16, 16, 2048, 1024, 1024, 64, 40);
}
template <>
platform::ConfigInfo sizes_of<Vcheck_int8>() {
  return sizes(false, 16, 16, 2048, 1024, 1024, 64, 40);
}
template <>
platform::ConfigInfo sizes_of<Vcheck_tall>() {
  return sizes(true, 64, 2, 2, 65536, 32768, 32768, 32);
}
template <>
platform::ConfigInfo sizes_of<Vcheck_wide>() {
  return sizes(false, 2, 64, 65536, 2, 2, 2, 64);
}

constexpr uint32_t kInfinity = 0x7F800000, kMinusInfinity = 0xFF800000, kOne = 0x3F800000;

Record record_of(unsigned opcode) {
  Record r{};
  set(r, FIELD(CMD_OPCODE), opcode);
  set(r, FIELD(CMD_VERSION), SYSTOLE_COMMAND_VERSION);
  return r;
}

/// The smallest legal MATMUL of a pair of types.
Record matmul(unsigned a_dtype, unsigned b_dtype) {
  Record r = record_of(SYSTOLE_OPCODE_MATMUL);
  set(r, FIELD(MATMUL_A_DTYPE), a_dtype);
  set(r, FIELD(MATMUL_B_DTYPE), b_dtype);
  set(r, FIELD(MATMUL_K_TAIL), 2);
  for (const Field field :
       {FIELD(MATMUL_M0), FIELD(MATMUL_M1), FIELD(MATMUL_K0), FIELD(MATMUL_K1), FIELD(MATMUL_N), FIELD(MATMUL_N_TAIL)}) {
    set(r, field, 1);
  }
  return r;
}

/// The smallest legal STORE of a type; 8-bit ones by the rule FLOAT with scale 1.
Record store(unsigned dtype) {
  Record r = record_of(SYSTOLE_OPCODE_STORE);
  for (const Field field : {FIELD(STORE_M0), FIELD(STORE_M1), FIELD(STORE_N), FIELD(STORE_N_TAIL)}) set(r, field, 1);
  set(r, FIELD(STORE_OUT_DTYPE), dtype);
  if (dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8) {
    set(r, FIELD(STORE_REQUANT), SYSTOLE_REQUANT_FLOAT);
    set(r, FIELD(STORE_SCALE), kOne);
    set(r, FIELD(STORE_CLAMP_MIN), dtype == SYSTOLE_DTYPE_S8 ? -128 : 0);
    set(r, FIELD(STORE_CLAMP_MAX), dtype == SYSTOLE_DTYPE_S8 ? 127 : 255);
  } else if (dtype != SYSTOLE_DTYPE_S32) {
    set(r, FIELD(STORE_CLAMP_MIN), kMinusInfinity);
    set(r, FIELD(STORE_CLAMP_MAX), kInfinity);
  }
  return r;
}

template <class Dut>
class CheckTest : public testing::Test {
 protected:
  Check<Dut> check;
  const platform::ConfigInfo config = sizes_of<Dut>();
  model::Machine machine{config, {}};

  unsigned code(const Record &record) { return check(record).code; }
  /// The record with the fields set to values.
  unsigned code(Record record, std::initializer_list<std::pair<Field, uint64_t>> settings) {
    for (const auto &[field, value] : settings) set(record, field, value);
    return code(record);
  }
  unsigned with_fp() const { return config.fp ? SYSTOLE_ERROR_NONE : SYSTOLE_ERROR_FIELD; }
};

using Duts = testing::Types<Vcheck_fp, Vcheck_int8, Vcheck_tall, Vcheck_wide>;
TYPED_TEST_SUITE(CheckTest, Duts);

constexpr unsigned kLegal = SYSTOLE_ERROR_NONE, kField = SYSTOLE_ERROR_FIELD, kRange = SYSTOLE_ERROR_RANGE;

TYPED_TEST(CheckTest, OperandTypesGoTogether) {
  for (unsigned a = 0; a < 16; ++a) {
    for (unsigned b = 0; b < 16; ++b) {
      unsigned expected = kField;
      if (a <= SYSTOLE_DTYPE_U8 && b <= SYSTOLE_DTYPE_U8) expected = kLegal;
      if (a == b && (a == SYSTOLE_DTYPE_FP16 || a == SYSTOLE_DTYPE_BF16)) expected = this->with_fp();
      EXPECT_EQ(this->code(matmul(a, b)), expected) << a << ' ' << b;
    }
  }
}

TYPED_TEST(CheckTest, FloatingPointHasNoZeroPointsAndWholeElements) {
  const unsigned word_bytes = this->config.word_bytes();
  for (const unsigned dtype : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
    const bool floating = dtype != SYSTOLE_DTYPE_S8;
    const Record r = matmul(dtype, dtype);
    const unsigned legal = floating ? this->with_fp() : kLegal;
    for (unsigned k_tail = 0; k_tail < 256; ++k_tail) {
      const bool fits = k_tail >= 1 && k_tail <= word_bytes && (!floating || k_tail % 2 == 0);
      EXPECT_EQ(this->code(r, {{FIELD(MATMUL_K_TAIL), k_tail}}), fits ? legal : kField) << dtype << ' ' << k_tail;
    }
    for (unsigned bit = 0; bit < 8; ++bit) {
      EXPECT_EQ(this->code(r, {{FIELD(MATMUL_A_ZERO_POINT), 1U << bit}}), floating ? kField : kLegal);
      EXPECT_EQ(this->code(r, {{FIELD(MATMUL_B_ZERO_POINT), 1U << bit}}), floating ? kField : kLegal);
    }
    EXPECT_EQ(this->code(r, {{FIELD(MATMUL_B_ZP_PER_COLUMN), 1}}), floating ? kField : kLegal);
    EXPECT_EQ(this->code(r, {{FIELD(MATMUL_SEED), SYSTOLE_SEED_BIAS}}), legal) << "a bias is no zero point";
  }
}

TYPED_TEST(CheckTest, ResultTypesAreThoseOfTheBuild) {
  for (unsigned dtype = 0; dtype < 16; ++dtype) {
    const bool integer = dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8 || dtype == SYSTOLE_DTYPE_S32;
    const unsigned expected = integer ? kLegal : dtype <= SYSTOLE_DTYPE_FP32 ? this->with_fp() : kField;
    EXPECT_EQ(this->code(store(dtype)), expected) << dtype;
  }
}

TYPED_TEST(CheckTest, FieldsThatAResultDoesNotUseAreZero) {
  const std::array<Field, 6> common{FIELD(STORE_REQUANT), FIELD(STORE_PER_COLUMN), FIELD(STORE_OUT_ZERO_POINT),
                                    FIELD(STORE_SHIFT),   FIELD(STORE_SCALE),      FIELD(STORE_PARAM)};
  for (const unsigned dtype : {SYSTOLE_DTYPE_S32, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32}) {
    for (const Field field : common) {
      for (unsigned bit = 0; bit < field.width; ++bit) {
        EXPECT_EQ(this->code(store(dtype), {{field, 1ULL << bit}}), kField)
            << dtype << ": word " << field.word << " bit " << field.lsb + bit;
      }
    }
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    EXPECT_EQ(this->code(store(SYSTOLE_DTYPE_S32), {{FIELD(STORE_CLAMP_MIN), 1ULL << bit}}), kField);
    EXPECT_EQ(this->code(store(SYSTOLE_DTYPE_S32), {{FIELD(STORE_CLAMP_MAX), 1ULL << bit}}), kField);
  }
}

TYPED_TEST(CheckTest, FloatingPointBoundsAreNumbersInOrder) {
  const std::array<uint32_t, 8> numbers{kMinusInfinity, 0xFF7FFFFF, 0xBF800000, 0x80000001,
                                        0x00000001,     kOne,       0x7F7FFFFF, kInfinity};
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32}) {
    const auto bounds = [&](uint32_t low, uint32_t high) {
      return this->code(store(dtype), {{FIELD(STORE_CLAMP_MIN), low}, {FIELD(STORE_CLAMP_MAX), high}});
    };
    for (unsigned low = 0; low < numbers.size(); ++low) {
      for (unsigned high = 0; high < numbers.size(); ++high) {
        EXPECT_EQ(bounds(numbers[low], numbers[high]), low <= high ? this->with_fp() : kField) << low << ' ' << high;
      }
      for (const uint32_t zero : {0U, 0x80000000U}) {
        EXPECT_EQ(bounds(numbers[low], zero), low < 4 ? this->with_fp() : kField) << low;
        EXPECT_EQ(bounds(zero, numbers[low]), low < 4 ? kField : this->with_fp()) << low;
      }
      for (const uint32_t nan : {0x7F800001U, 0x7FFFFFFFU, 0xFF800001U, 0xFFC00000U}) {
        EXPECT_EQ(bounds(nan, numbers[low]), kField);
        EXPECT_EQ(bounds(numbers[low], nan), kField);
      }
    }
    EXPECT_EQ(bounds(0, 0x80000000), this->with_fp()) << "the zeros are equal";
    EXPECT_EQ(bounds(0x80000000, 0), this->with_fp());
  }
}

TYPED_TEST(CheckTest, BoundsOfBytesLieWithinTheTypeAndInOrder) {
  for (const unsigned dtype : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8}) {
    const int64_t lowest = dtype == SYSTOLE_DTYPE_S8 ? -128 : 0;
    const int64_t highest = lowest + 255;
    std::vector<int64_t> values{INT32_MIN, INT32_MAX, -65536, 65535};
    for (int64_t value = -300; value <= 300; value += 1 + (value > -120 && value < 110 ? 7 : 0)) values.push_back(value);
    for (const int64_t low : values) {
      for (const int64_t high : values) {
        const bool legal = low >= lowest && low <= high && high <= highest;
        EXPECT_EQ(this->code(store(dtype), {{FIELD(STORE_CLAMP_MIN), low}, {FIELD(STORE_CLAMP_MAX), high}}),
                  legal ? kLegal : kField)
            << dtype << ": " << low << ' ' << high;
      }
    }
    for (unsigned zero_point = 0; zero_point < 256; ++zero_point) {
      EXPECT_EQ(this->code(store(dtype), {{FIELD(STORE_OUT_ZERO_POINT), zero_point}}), kLegal);
    }
  }
}

TYPED_TEST(CheckTest, RequantisationHasARuleAScaleAndAShift) {
  struct Scale {
    uint32_t scale;
    unsigned floating, fixed;
  };
  const std::array<Scale, 11> scales{{{0, kField, kLegal},
                                      {1, kLegal, kLegal},  // subnormal
                                      {0x007FFFFF, kLegal, kLegal},
                                      {kOne, kLegal, kLegal},
                                      {0x7F7FFFFF, kLegal, kLegal},
                                      {kInfinity, kField, kLegal},
                                      {0x7F800001, kField, kLegal},
                                      {0x7FFFFFFF, kField, kLegal},
                                      {0x80000000, kField, kField},
                                      {0xBF800000, kField, kField},
                                      {0xFFFFFFFF, kField, kField}}};
  const std::pair<Field, uint64_t> fixed{FIELD(STORE_REQUANT), SYSTOLE_REQUANT_FIXED};
  const std::pair<Field, uint64_t> per_column{FIELD(STORE_PER_COLUMN), 1};
  const std::pair<Field, uint64_t> no_scale{FIELD(STORE_SCALE), 0};
  for (const unsigned dtype : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8}) {
    const Record r = store(dtype);
    for (unsigned rule = 0; rule < 8; ++rule) {
      const bool known = rule == SYSTOLE_REQUANT_FLOAT || rule == SYSTOLE_REQUANT_FIXED;
      EXPECT_EQ(this->code(r, {{FIELD(STORE_REQUANT), rule}}), known ? kLegal : kField) << rule;
      EXPECT_EQ(this->code(r, {{FIELD(STORE_REQUANT), rule}, per_column, no_scale}), known ? kLegal : kField) << rule;
    }
    for (const Scale &s : scales) {
      EXPECT_EQ(this->code(r, {{FIELD(STORE_SCALE), s.scale}}), s.floating) << std::hex << s.scale;
      EXPECT_EQ(this->code(r, {fixed, {FIELD(STORE_SCALE), s.scale}}), s.fixed) << std::hex << s.scale;
      EXPECT_EQ(this->code(r, {per_column, {FIELD(STORE_SCALE), s.scale}}), s.scale == 0 ? kLegal : kField)
          << std::hex << s.scale;
    }
    for (int shift = -128; shift < 128; ++shift) {
      const std::pair<Field, uint64_t> shifted{FIELD(STORE_SHIFT), static_cast<uint64_t>(shift)};
      EXPECT_EQ(this->code(r, {shifted}), shift == 0 ? kLegal : kField) << shift;
      EXPECT_EQ(this->code(r, {fixed, shifted}), shift >= -31 && shift <= 30 ? kLegal : kField) << shift;
      EXPECT_EQ(this->code(r, {fixed, per_column, no_scale, shifted}), shift == 0 ? kLegal : kField) << shift;
    }
    EXPECT_EQ(this->code(r, {{FIELD(STORE_PARAM), 1}}), kField) << "no entry without per_column";
    EXPECT_EQ(this->code(r, {fixed, {FIELD(STORE_PARAM), 0x8000}}), kField);
  }
}

TYPED_TEST(CheckTest, TheFirstEntryLiesInTheParameterBanks) {
  const unsigned entries = this->config.param_entries;
  for (const unsigned dtype : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8}) {
    Record r = store(dtype);
    set(r, FIELD(STORE_PER_COLUMN), 1);
    set(r, FIELD(STORE_SCALE), 0);
    for (const unsigned entry : {0U, 1U, entries - 1, entries, entries + 1, 0xFFFFU}) {
      set(r, FIELD(STORE_PARAM), entry);
      const Verdict verdict = this->check(r);
      EXPECT_EQ(verdict.code, entry < entries ? kLegal : kRange) << entry;
      if (entry >= entries) EXPECT_EQ(verdict.address, entry);
    }
    // The accumulators come first, a memory address before them.
    if (this->config.acc_rows < 32768) {
      set(r, FIELD(STORE_ACC), 65535);
      EXPECT_EQ(this->check(r).address, 65535U);
    }
    if (this->config.axi_addr_bits < 64) {
      set(r, FIELD(STORE_ADDRESS_HI), 0x80000000);
      EXPECT_EQ(this->check(r).code, kRange);
      EXPECT_EQ(this->check(r).address, 0x8000000000000000U);
    }
    set(r, FIELD(STORE_SHIFT), 1);
    EXPECT_EQ(this->check(r).code, kField) << "fields come before addresses";
  }
}

TYPED_TEST(CheckTest, LoadsKnowFourParameterBanks) {
  for (unsigned dest = 0; dest < 16; ++dest) {
    for (unsigned bank = 0; bank < 16; ++bank) {
      Record r = record_of(SYSTOLE_OPCODE_LOAD);
      for (const Field field : {FIELD(LOAD_LENGTH), FIELD(LOAD_COUNT1), FIELD(LOAD_COUNT2)}) set(r, field, 1);
      set(r, FIELD(LOAD_DEST), dest);
      set(r, FIELD(LOAD_BANK), bank);
      const bool legal = dest == SYSTOLE_DEST_PARAM ? bank <= SYSTOLE_BANK_SHIFT : dest < SYSTOLE_DEST_PARAM && bank == 0;
      EXPECT_EQ(this->code(r), legal ? kLegal : kField) << dest << ' ' << bank;
    }
  }
}

// --- random records ---

constexpr std::array<Field, 17> kLoadFields{
    FIELD(LOAD_ADDRESS_LO), FIELD(LOAD_ADDRESS_HI), FIELD(LOAD_DEST),     FIELD(LOAD_BANK),      FIELD(LOAD_TRANSPOSE),
    FIELD(LOAD_PAD_BYTE),   FIELD(LOAD_DST),        FIELD(LOAD_LENGTH),   FIELD(LOAD_COUNT1),    FIELD(LOAD_COUNT2),
    FIELD(LOAD_PITCH1),     FIELD(LOAD_PITCH2),     FIELD(LOAD_PAD_LEFT), FIELD(LOAD_PAD_RIGHT), FIELD(LOAD_PAD_TOP),
    FIELD(LOAD_DEST),       FIELD(LOAD_BANK)};
constexpr std::array<Field, 24> kMatmulFields{FIELD(MATMUL_A_DTYPE),
                                              FIELD(MATMUL_B_DTYPE),
                                              FIELD(MATMUL_SEED),
                                              FIELD(MATMUL_ORDER),
                                              FIELD(MATMUL_B_ZP_PER_COLUMN),
                                              FIELD(MATMUL_A_ZERO_POINT),
                                              FIELD(MATMUL_B_ZERO_POINT),
                                              FIELD(MATMUL_ACT),
                                              FIELD(MATMUL_WGT),
                                              FIELD(MATMUL_ACC),
                                              FIELD(MATMUL_PARAM),
                                              FIELD(MATMUL_M0),
                                              FIELD(MATMUL_M1),
                                              FIELD(MATMUL_K0),
                                              FIELD(MATMUL_K1),
                                              FIELD(MATMUL_N),
                                              FIELD(MATMUL_K_TAIL),
                                              FIELD(MATMUL_N_TAIL),
                                              FIELD(MATMUL_A_DTYPE),
                                              FIELD(MATMUL_B_DTYPE),
                                              FIELD(MATMUL_K_TAIL),
                                              FIELD(MATMUL_WGT_N_STRIDE),
                                              FIELD(MATMUL_PARAM),
                                              FIELD(MATMUL_ACC_N_STRIDE)};
constexpr std::array<Field, 24> kStoreFields{
    FIELD(STORE_ADDRESS_LO), FIELD(STORE_ADDRESS_HI), FIELD(STORE_ACC),       FIELD(STORE_ACC_N_STRIDE),
    FIELD(STORE_M0),         FIELD(STORE_M1),         FIELD(STORE_PITCH0),    FIELD(STORE_N),
    FIELD(STORE_N_TAIL),     FIELD(STORE_OUT_DTYPE),  FIELD(STORE_REQUANT),   FIELD(STORE_PER_COLUMN),
    FIELD(STORE_SHIFT),      FIELD(STORE_SCALE),      FIELD(STORE_CLAMP_MIN), FIELD(STORE_CLAMP_MAX),
    FIELD(STORE_PARAM),      FIELD(STORE_CLAMP_MIN),  FIELD(STORE_CLAMP_MAX), FIELD(STORE_OUT_ZERO_POINT),
    FIELD(STORE_SHIFT),      FIELD(STORE_SCALE),      FIELD(STORE_REQUANT),   FIELD(STORE_OUT_DTYPE)};
constexpr std::array<Field, 6> kCommonFields{FIELD(CMD_OPCODE), FIELD(CMD_VERSION), FIELD(CMD_ACCEL_ID),
                                             FIELD(CMD_IRQ),    FIELD(CMD_WAIT),    FIELD(CMD_GIVE)};

/// A value at or beside a boundary of any of the rules, or any value.
uint32_t boundary_value(Random &random, const platform::ConfigInfo &config) {
  const std::array<uint32_t, 24> values{0,
                                        1,
                                        2,
                                        config.word_bytes(),
                                        config.cols,
                                        config.act_words(),
                                        config.wgt_words(),
                                        2 * config.acc_rows,
                                        config.param_entries,
                                        0x80,  // of an 8-bit type or a shift
                                        0x100,
                                        0xFFFFFF80,
                                        0xE1,
                                        30,
                                        kOne,
                                        0xBF800000,
                                        kInfinity,
                                        kMinusInfinity,
                                        0x80000000,
                                        0x7F7FFFFF,
                                        0x7FC00000,
                                        1U << (config.axi_addr_bits % 32),
                                        4,
                                        0xFFFFFFFF};
  switch (random.below(4)) {
    case 0: return random.word();
    case 1: return random.below(16);
    default: return values[random.below(values.size())] + random.below(3) - 1;
  }
}

/// A legal record of a random command and type, with random legal values in most fields.
Record legal_record(Random &random, const platform::ConfigInfo &config) {
  const auto some = [&](unsigned limit) { return random.percent(30) ? limit - 1 : random.percent(40) ? 0 : random.below(limit); };
  const unsigned opcode = SYSTOLE_OPCODE_LOAD + random.below(3);
  const bool fp = config.fp && random.percent(50);
  if (opcode == SYSTOLE_OPCODE_LOAD) {
    Record r = record_of(opcode);
    for (const Field field : kLoadFields) set(r, field, random.word() | 1);
    set(r, FIELD(LOAD_TRANSPOSE), 0);
    set(r, FIELD(LOAD_ADDRESS_LO), random.word());
    set(r, FIELD(LOAD_ADDRESS_HI), some(256) & ((1ULL << (config.axi_addr_bits - 32)) - 1));
    const unsigned dest = random.below(4);
    const std::array<unsigned, 4> depths{config.act_words(), config.wgt_words(), 2 * config.acc_rows, config.param_entries};
    set(r, FIELD(LOAD_DEST), dest);
    set(r, FIELD(LOAD_BANK), dest == SYSTOLE_DEST_PARAM ? random.below(4) : 0);
    set(r, FIELD(LOAD_DST), some(depths.at(dest)));
    return r;
  }
  if (opcode == SYSTOLE_OPCODE_MATMUL) {
    const unsigned float_type = SYSTOLE_DTYPE_FP16 + random.below(2);
    Record r = fp ? matmul(float_type, float_type) : matmul(random.below(2), random.below(2));
    for (const Field field : {FIELD(MATMUL_M0), FIELD(MATMUL_M1), FIELD(MATMUL_K0), FIELD(MATMUL_K1), FIELD(MATMUL_N),
                              FIELD(MATMUL_WGT_N_STRIDE), FIELD(MATMUL_ACC_N_STRIDE), FIELD(MATMUL_ORDER)}) {
      set(r, field, random.word() | 1);
    }
    set(r, FIELD(MATMUL_SEED), random.below(3));
    set(r, FIELD(MATMUL_ACT), some(config.act_words()));
    set(r, FIELD(MATMUL_WGT), some(config.wgt_words()));
    set(r, FIELD(MATMUL_ACC), some(2 * config.acc_rows));
    set(r, FIELD(MATMUL_N_TAIL), 1 + some(config.cols));
    set(r, FIELD(MATMUL_K_TAIL), fp ? 2 + 2 * some(config.rows) : 1 + some(config.word_bytes()));
    if (!fp) {
      set(r, FIELD(MATMUL_A_ZERO_POINT), random.word());
      set(r, FIELD(MATMUL_B_ZERO_POINT), random.word());
      set(r, FIELD(MATMUL_B_ZP_PER_COLUMN), random.below(2));
    }
    const bool used = get(r, FIELD(MATMUL_SEED)) == SYSTOLE_SEED_BIAS || get(r, FIELD(MATMUL_B_ZP_PER_COLUMN)) != 0;
    set(r, FIELD(MATMUL_PARAM), used ? some(config.param_entries) : random.word());
    return r;
  }
  const std::array<unsigned, 3> integers{SYSTOLE_DTYPE_S32, SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8};
  const std::array<unsigned, 3> floats{SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32};
  const unsigned dtype = fp ? floats[random.below(3)] : integers[random.below(3)];
  Record r = store(dtype);
  for (const Field field : {FIELD(STORE_M0), FIELD(STORE_M1), FIELD(STORE_N), FIELD(STORE_PITCH0), FIELD(STORE_ACC_N_STRIDE)}) {
    set(r, field, random.word() | 1);
  }
  set(r, FIELD(STORE_ADDRESS_LO), random.word());
  set(r, FIELD(STORE_ADDRESS_HI), some(256) & ((1ULL << (config.axi_addr_bits - 32)) - 1));
  set(r, FIELD(STORE_ACC), some(2 * config.acc_rows));
  set(r, FIELD(STORE_N_TAIL), 1 + some(config.cols));
  if (dtype == SYSTOLE_DTYPE_S8 || dtype == SYSTOLE_DTYPE_U8) {
    const int lowest = dtype == SYSTOLE_DTYPE_S8 ? -128 : 0;
    const int low = lowest + static_cast<int>(some(256));
    const bool fixed = random.percent(50);
    const bool per_column = random.percent(50);
    set(r, FIELD(STORE_CLAMP_MIN), static_cast<uint32_t>(low));
    set(r, FIELD(STORE_CLAMP_MAX),
        static_cast<uint32_t>(low + static_cast<int>(some(static_cast<unsigned>(lowest + 256 - low)))));
    set(r, FIELD(STORE_OUT_ZERO_POINT), random.word());
    set(r, FIELD(STORE_REQUANT), fixed ? SYSTOLE_REQUANT_FIXED : SYSTOLE_REQUANT_FLOAT);
    set(r, FIELD(STORE_PER_COLUMN), per_column);
    set(r, FIELD(STORE_PARAM), per_column ? some(config.param_entries) : 0);
    set(r, FIELD(STORE_SCALE), per_column ? 0 : fixed ? some(0x80000000) : 1 + some(kInfinity - 1));
    set(r, FIELD(STORE_SHIFT), per_column || !fixed ? 0 : some(62) - 31);
  } else if (dtype != SYSTOLE_DTYPE_S32) {
    const uint32_t magnitude = some(kInfinity + 1);
    set(r, FIELD(STORE_CLAMP_MIN), 0x80000000 | some(magnitude + 1));
    set(r, FIELD(STORE_CLAMP_MAX), magnitude);
    if (random.percent(10)) {  // zeros, of which neither is above the other
      set(r, FIELD(STORE_CLAMP_MIN), random.below(2) << 31);
      set(r, FIELD(STORE_CLAMP_MAX), random.below(2) << 31);
    }
  }
  return r;
}

TYPED_TEST(CheckTest, AgreesWithTheFunctionalModelOnRandomRecords) {
  Random random;
  const auto &config = this->config;
  std::map<std::string, unsigned> seen;
  for (unsigned i = 0; i < 200000; ++i) {
    Record record = legal_record(random, config);
    const unsigned opcode = get(record, FIELD(CMD_OPCODE));
    if (random.percent(75)) {
      // One to three fields at a boundary, most of them of the command; now and then a bit anywhere.
      for (unsigned change = 0; change <= random.below(3); ++change) {
        Field field = kCommonFields[random.below(kCommonFields.size())];
        if (random.percent(95)) {
          field = opcode == SYSTOLE_OPCODE_LOAD     ? kLoadFields[random.below(kLoadFields.size())]
                  : opcode == SYSTOLE_OPCODE_MATMUL ? kMatmulFields[random.below(kMatmulFields.size())]
                                                    : kStoreFields[random.below(kStoreFields.size())];
        }
        set(record, field, boundary_value(random, config));
      }
      if (random.percent(3)) record[random.below(16)] ^= 1U << random.below(32);
    } else {
      ASSERT_FALSE(this->machine.check(record).has_value()) << "what should be legal is not, seed " << random.seed();
    }
    const auto expected = this->machine.check(record).value_or(model::Fault{});
    const Verdict verdict = this->check(record);
    std::string text;
    for (const uint32_t word : record) text += ' ' + std::to_string(word);
    ASSERT_EQ(verdict.code, expected.code) << "record" << text;
    if (expected.code == kRange) ASSERT_EQ(verdict.address, expected.address) << "record" << text;
    if (expected.code != SYSTOLE_ERROR_OPCODE) ASSERT_EQ(verdict.engine, get(record, FIELD(CMD_OPCODE)) - 1) << "record" << text;

    // What was tried, to see that the numbers above are worth something.
    std::string kind = "code " + std::to_string(expected.code);
    if (expected.code == kLegal || expected.code == kField || expected.code == kRange) {
      kind += " of " + std::to_string(get(record, FIELD(CMD_OPCODE)));
      if (expected.code == kLegal && opcode == SYSTOLE_OPCODE_STORE) {
        kind += " type " + std::to_string(get(record, FIELD(STORE_OUT_DTYPE)));
        kind += " rule " + std::to_string(get(record, FIELD(STORE_REQUANT)));
      }
      if (expected.code == kLegal && opcode == SYSTOLE_OPCODE_MATMUL) {
        kind +=
            " types " + std::to_string(get(record, FIELD(MATMUL_A_DTYPE))) + std::to_string(get(record, FIELD(MATMUL_B_DTYPE)));
      }
    }
    ++seen[kind];
  }
  const auto expect_seen = [&](const std::string &kind) { EXPECT_GE(seen[kind], 20U) << kind; };
  for (const unsigned code : {SYSTOLE_ERROR_OPCODE, SYSTOLE_ERROR_VERSION, SYSTOLE_ERROR_RESERVED_FIELD}) {
    expect_seen("code " + std::to_string(code));
  }
  for (unsigned opcode = 1; opcode <= 3; ++opcode) {
    expect_seen("code 4 of " + std::to_string(opcode));
    expect_seen("code 5 of " + std::to_string(opcode));
  }
  expect_seen("code 0 of 1");
  for (const char *types : {"00", "01", "10", "11"}) expect_seen(std::string("code 0 of 2 types ") + types);
  for (const char *type : {"0 rule 1", "0 rule 2", "1 rule 1", "1 rule 2", "4 rule 0"}) {
    expect_seen(std::string("code 0 of 3 type ") + type);
  }
  if (config.fp) {
    for (const char *types : {"22", "33"}) expect_seen(std::string("code 0 of 2 types ") + types);
    for (const char *type : {"2", "3", "5"}) expect_seen(std::string("code 0 of 3 type ") + type + " rule 0");
  }
}

}  // namespace
}  // namespace systole::tb
