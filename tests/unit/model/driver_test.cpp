// SPDX-License-Identifier: Apache-2.0
// The driver's rings on the machine: right in ring order, and right in any other order that queues and tokens allow. The second part
// finds tokens that are missing from the driver's commands without any RTL.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "sim/golden/gemm.hpp"
#include "sim/model/machine.hpp"
#include "tests/unit/model/ring.hpp"

namespace systole::model {
namespace {

using golden::DType;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kBase = 0x9'8000'0000;
constexpr std::uint8_t kUntouched = 0x5C;  // what memory holds at first

struct Shape {
  std::uint32_t m, n, k;
};

unsigned test_seed() {
  const char *given = std::getenv("SYSTOLE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 0)) : 20240601u;
}

/// A machine with its memory and the driver on top.
class Bench {
 public:
  Bench(const std::string &config, unsigned ring_entries_log2, std::optional<std::uint64_t> order_seed,
        std::uint32_t dropped_tokens = 0)
      : memory_(std::size_t{1} << 23, kUntouched),
        machine_(platform::find_config(config),
                 MemoryPort{[this, dropped_tokens](std::uint64_t address, std::uint8_t *data, std::size_t size) {
                              if (!inside(address, size)) return false;
                              std::memcpy(data, at(address), size);
                              const bool command = size == 64 && address < kBase + ring_bytes_;
                              if (command) data[4] &= static_cast<std::uint8_t>(~dropped_tokens);
                              return true;
                            },
                            [this](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
                              if (!inside(address, size)) return false;
                              std::memcpy(at(address), data, size);
                              return true;
                            }}),
        ring_bytes_(std::size_t{64} << ring_entries_log2),
        next_(kBase + ring_bytes_) {
    if (order_seed) machine_.decouple(*order_seed);
    systole_config_t config_record{};
    config_record.mmio.ctx = this;
    config_record.mmio.read32 = [](void *self, std::uint32_t offset) {
      return static_cast<Bench *>(self)->machine_.read_register(offset).value();
    };
    config_record.mmio.write32 = [](void *self, std::uint32_t offset, std::uint32_t value) {
      EXPECT_TRUE(static_cast<Bench *>(self)->machine_.write_register(offset, value));
    };
    config_record.mmio.idle = [](void *self) { static_cast<Bench *>(self)->idle(); };
    config_record.ring = memory_.data();
    config_record.ring_address = kBase;
    config_record.ring_entries_log2 = ring_entries_log2;
    EXPECT_EQ(systole_init(&device_, &config_record), SYSTOLE_OK);
  }

  systole_t *device() { return &device_; }
  Machine &machine() { return machine_; }
  std::uint8_t *at(std::uint64_t address) { return &memory_.at(address - kBase); }

  /// Memory that is not yet used, at an odd address.
  std::uint64_t place(std::size_t size) {
    const std::uint64_t address = next_;
    next_ += size + 13;
    EXPECT_TRUE(inside(address, size));
    return address;
  }

  /// Whether the machine got stuck; the driver would wait for ever.
  bool stuck() const { return stuck_; }

 private:
  bool inside(std::uint64_t address, std::size_t size) const {
    return address >= kBase && address - kBase + size <= memory_.size();
  }

  void idle() {
    while (!machine_.irq()) {
      const Machine::Step step = machine_.step();
      if (step == Machine::Step::executed) continue;
      if (step == Machine::Step::failed) return;
      stuck_ = true;
      machine_.expire_watchdog();  // ends the driver's wait
      return;
    }
  }

  Bytes memory_;
  Machine machine_;
  std::size_t ring_bytes_;
  std::uint64_t next_;
  systole_t device_{};
  bool stuck_ = false;
};

/// Types and epilogue of a product.
struct Kind {
  const char *name;
  DType a, b, out;
  golden::Requant rule = golden::Requant::none;
  bool per_column = false, clamp = false;

  bool is_float() const { return golden::is_float(a); }
};

constexpr Kind kKinds[] = {
    {"s8*u8->s32", DType::s8, DType::u8, DType::s32},
    {"u8*s8->s8 float", DType::u8, DType::s8, DType::s8, golden::Requant::floating},
    {"s8*s8->u8 float clamp", DType::s8, DType::s8, DType::u8, golden::Requant::floating, false, true},
    {"u8*u8->u8 float columns", DType::u8, DType::u8, DType::u8, golden::Requant::floating, true},
    {"s8*s8->s8 fixed", DType::s8, DType::s8, DType::s8, golden::Requant::fixed},
    {"s8*s8->s8 fixed columns", DType::s8, DType::s8, DType::s8, golden::Requant::fixed, true},
    {"u8*s8->u8 fixed columns clamp", DType::u8, DType::s8, DType::u8, golden::Requant::fixed, true, true},
    {"fp16->fp32", DType::fp16, DType::fp16, DType::fp32},
    {"fp16->fp16 clamp", DType::fp16, DType::fp16, DType::fp16, golden::Requant::none, false, true},
    {"fp16->bf16", DType::fp16, DType::fp16, DType::bf16},
    {"bf16->fp32 clamp", DType::bf16, DType::bf16, DType::fp32, golden::Requant::none, false, true},
    {"bf16->bf16", DType::bf16, DType::bf16, DType::bf16},
};

const Kind &kind_named(const std::string &name) {
  for (const Kind &kind : kKinds) {
    if (kind.name == name) return kind;
  }
  throw std::invalid_argument(name);
}

/// The kinds that a configuration does.
std::vector<Kind> kinds_of(const platform::ConfigInfo &config) {
  std::vector<Kind> kinds;
  for (const Kind &kind : kKinds) {
    if (config.fp || !kind.is_float()) kinds.push_back(kind);
  }
  return kinds;
}

/// A product in a bench's memory.
struct Product {
  systole_gemm_t gemm{};
  Bytes expected;  // C without gaps
  std::string description;

  Product(Bench &bench, std::mt19937 &random, const Shape &shape, const Kind &kind) : description(kind.name) {
    const auto [m, n, k] = shape;
    const std::size_t in = golden::size(kind.a), out = golden::size(kind.out);
    description += ' ' + std::to_string(m) + 'x' + std::to_string(n) + 'x' + std::to_string(k);
    gemm.m = m;
    gemm.n = n;
    gemm.k = k;
    gemm.a_dtype = static_cast<std::uint32_t>(kind.a);
    gemm.b_dtype = static_cast<std::uint32_t>(kind.b);
    gemm.a_pitch = static_cast<std::int64_t>(k * in + random() % 3);
    gemm.b_pitch = static_cast<std::int64_t>(k * in + random() % 3);
    gemm.c_pitch = static_cast<std::int64_t>(n * out + random() % 3);
    gemm.seed_pitch = 4 * n + random() % 3;
    // Floats of any bits, infinities and NaN too, in one product of four; else numbers of similar size, so that sums stay finite.
    const bool any = !kind.is_float() || random() % 4 == 0;
    const Bytes a = elements(random, kind.a, std::size_t{m} * k, any), b = elements(random, kind.b, std::size_t{n} * k, any);
    gemm.a = put(bench, a, m, k * in, gemm.a_pitch);
    gemm.b = put(bench, b, n, k * in, gemm.b_pitch);

    std::vector<std::uint32_t> sums(std::size_t{m} * n), bias(n), start(sums.size());
    const unsigned seed = random() % 3;
    if (seed == 1) {
      fill(bias, random, kind);
      gemm.bias = put(bench, as_bytes(bias), 1, 4 * n, 4 * n);
    }
    if (seed == 2) {
      fill(start, random, kind);
      gemm.seed = put(bench, as_bytes(start), m, 4 * n, gemm.seed_pitch);
    }
    if (kind.is_float()) {
      golden::gemm_float(kind.a, m, n, k, a.data(), b.data(), seed == 2 ? start.data() : nullptr,
                         seed == 1 ? bias.data() : nullptr, sums.data());
    } else {
      // Zero points near the middle of the type as a rule, so that sums are not all of one sign; any in one product of four.
      const std::uint32_t spread = random() % 4 == 0 ? 256 : 33;
      const auto zero_point = [&](DType type) {
        return static_cast<std::uint8_t>((type == DType::u8 ? 128 : 0) + random() % spread - spread / 2);
      };
      gemm.a_zero_point = zero_point(kind.a);
      gemm.b_zero_point = zero_point(kind.b);
      Bytes zero_points(n, gemm.b_zero_point);
      if ((random() & 1) != 0) {
        for (std::uint8_t &byte : zero_points) byte = zero_point(kind.b);
        gemm.b_zero_points = put(bench, zero_points, 1, n, n);
      }
      std::vector<std::int32_t> b_zp, seeds, biases, c(sums.size());
      for (const std::uint8_t byte : zero_points) b_zp.push_back(value(kind.b, byte));
      for (const std::uint32_t bits : start) seeds.push_back(static_cast<std::int32_t>(bits));
      for (const std::uint32_t bits : bias) biases.push_back(static_cast<std::int32_t>(bits));
      const auto pitch = static_cast<std::ptrdiff_t>(k);
      golden::gemm_int(m, n, k, golden::Operand{a.data(), kind.a == DType::s8, pitch},
                       golden::Operand{b.data(), kind.b == DType::s8, pitch}, value(kind.a, gemm.a_zero_point), b_zp.data(),
                       seeds.data(), biases.data(), c.data());
      std::memcpy(sums.data(), c.data(), 4 * c.size());
    }

    gemm.c = bench.place(m * static_cast<std::size_t>(gemm.c_pitch));
    const golden::Epilogue epilogue = make_epilogue(bench, random, kind, sums);
    golden::validate(epilogue, kind.a, n);
    expected.resize(sums.size() * out);
    golden::apply(epilogue, m, n, sums.data(), expected.data());
  }

  /// C without gaps. The gaps must be as they were.
  Bytes result(Bench &bench) const {
    const std::size_t row = expected.size() / gemm.m, gap = static_cast<std::size_t>(gemm.c_pitch) - row;
    Bytes out(expected.size());
    for (std::uint32_t i = 0; i < gemm.m; ++i) {
      const std::uint8_t *line = bench.at(gemm.c + i * static_cast<std::uint64_t>(gemm.c_pitch));
      std::memcpy(&out[i * row], line, row);
      for (std::size_t x = 0; x < gap; ++x) EXPECT_EQ(line[row + x], kUntouched) << "behind row " << i;
    }
    return out;
  }

 private:
  static std::int32_t value(DType type, std::uint8_t byte) { return type == DType::s8 ? static_cast<std::int8_t>(byte) : byte; }

  static Bytes as_bytes(const std::vector<std::uint32_t> &words) {
    Bytes bytes(4 * words.size());
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
  }

  static Bytes elements(std::mt19937 &random, DType type, std::size_t count, bool any) {
    Bytes bytes(count * golden::size(type));
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t bits = random();
      if (type == DType::fp16 && !any) bits = (bits & 0x83FF) | (11 + (bits >> 16) % 8) << 10;
      if (type == DType::bf16 && !any) bits = (bits & 0x807F) | (123 + (bits >> 16) % 8) << 7;
      std::memcpy(&bytes[i * golden::size(type)], &bits, golden::size(type));
    }
    return bytes;
  }

  /// Seeds: any integers, or floats between about 2^-8 and 2^8.
  static void fill(std::vector<std::uint32_t> &words, std::mt19937 &random, const Kind &kind) {
    for (std::uint32_t &word : words) {
      word = kind.is_float() ? (random() & 0x807FFFFF) | (119 + random() % 16) << 23 : random() % (1u << 20) - (1u << 19);
    }
  }

  /// Puts rows of bytes into the bench's memory.
  static std::uint64_t put(Bench &bench, const Bytes &bytes, std::size_t rows, std::size_t row, std::int64_t pitch) {
    const std::uint64_t address = bench.place(rows * static_cast<std::size_t>(pitch));
    for (std::size_t i = 0; i < rows; ++i) {
      std::memcpy(bench.at(address + i * static_cast<std::uint64_t>(pitch)), &bytes[i * row], row);
    }
    return address;
  }

  /// Sets the epilogue's fields, writes its vectors, and returns the same for the golden model.
  golden::Epilogue make_epilogue(Bench &bench, std::mt19937 &random, const Kind &kind, const std::vector<std::uint32_t> &sums) {
    systole_epilogue_t &fields = gemm.epilogue;
    golden::Epilogue epilogue;
    epilogue.out = kind.out;
    epilogue.rule = kind.rule;
    fields.out_dtype = static_cast<std::uint32_t>(kind.out);
    fields.requant = static_cast<std::uint32_t>(kind.rule);
    const bool int8 = golden::size(kind.out) == 1;
    if (kind.clamp) {
      fields.clamp = true;
      std::int32_t low = kind.out == DType::s8 ? -90 : 20, high = kind.out == DType::s8 ? 77 : 200;
      fields.clamp_min = int8 ? static_cast<std::uint32_t>(low) : golden::as_bits(-3.5f);
      fields.clamp_max = int8 ? static_cast<std::uint32_t>(high) : golden::as_bits(250.0f);
      epilogue.clamp_min = fields.clamp_min;
      epilogue.clamp_max = fields.clamp_max;
    }
    if (!int8) return epilogue;

    fields.out_zero_point = static_cast<std::uint8_t>(random());
    epilogue.zero_point = value(kind.out, fields.out_zero_point);
    // Scales that bring the largest sum to about a byte's range, and differ by a factor of up to 8 from column to column.
    std::uint32_t largest = 1;
    for (const std::uint32_t sum : sums) largest = std::max(largest, (sum >> 31) != 0 ? ~sum : sum);
    int log2 = 0;
    while (largest >> log2 > 150) ++log2;
    const std::size_t count = kind.per_column ? gemm.n : 1;
    Bytes shifts;
    std::vector<std::uint32_t> scales;
    for (std::size_t j = 0; j < count; ++j) {
      const int exponent = std::min(log2 + static_cast<int>(random() % 3), 31) - (kind.rule == golden::Requant::fixed ? 1 : 0);
      if (kind.rule == golden::Requant::floating) {
        scales.push_back(static_cast<std::uint32_t>(127 - exponent) << 23 | (random() & 0x7FFFFF));
        epilogue.scale.push_back(scales.back());
      } else {
        scales.push_back(0x40000000 | (random() & 0x3FFFFFFF));
        epilogue.multiplier.push_back(static_cast<std::int32_t>(scales.back()));
        epilogue.shift.push_back(-exponent);
        shifts.push_back(static_cast<std::uint8_t>(-exponent));
      }
    }
    if (kind.per_column) {
      fields.scales = put(bench, as_bytes(scales), 1, 4 * count, static_cast<std::int64_t>(4 * count));
      if (!shifts.empty()) fields.shifts = put(bench, shifts, 1, count, static_cast<std::int64_t>(count));
    } else {
      fields.scale = scales[0];
      if (!shifts.empty()) fields.shift = static_cast<std::int8_t>(shifts[0]);
    }
    return epilogue;
  }
};

std::vector<Shape> shapes(const platform::ConfigInfo &config) {
  // Small ones, and ones that overflow each buffer of this configuration in turn.
  const std::uint32_t word = config.word_bytes();
  const std::uint32_t halves = config.acc_rows + 100;
  return {{1, 1, 1},
          {5, config.cols + 1, word + 1},
          {3 * config.cols, 2 * config.cols, 3 * word},
          {halves, config.cols, 2},                                 // more rows than one accumulator half
          {300, 5 * config.cols, 333},                              // more activations than the buffer
          {7, 70 * config.cols, word},                              // more column tiles than parameter entries
          {20, config.cols, config.wgt_bytes / config.cols + 40}};  // one column tile overflows the weights
}

class DriverOnMachineTest : public ::testing::TestWithParam<std::string> {};

TEST_P(DriverOnMachineTest, IsRightInRingOrder) {
  const platform::ConfigInfo &config = platform::find_config(GetParam());
  std::mt19937 random(test_seed());
  for (const Shape &shape : shapes(config)) {
    for (const Kind &kind : kinds_of(config)) {
      Bench bench(GetParam(), 10, std::nullopt);
      const Product product(bench, random, shape, kind);
      ASSERT_EQ(systole_gemm(bench.device(), &product.gemm), SYSTOLE_OK) << product.description;
      ASSERT_EQ(systole_wait(bench.device()), SYSTOLE_OK) << product.description;
      ASSERT_EQ(product.result(bench), product.expected) << product.description;
    }
  }
}

TEST_P(DriverOnMachineTest, IsRightInAnyOrderThatTokensAllow) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(test_seed()));
  const platform::ConfigInfo &config = platform::find_config(GetParam());
  const std::vector<Kind> kinds = kinds_of(config);
  std::mt19937 random(test_seed());
  std::size_t turn = 0;
  for (const Shape &shape : shapes(config)) {
    // Every kind once, and enough rounds that no kind meets short rings only.
    for (unsigned round = 0; round < kinds.size(); ++round) {
      // Short rings as well, and a second job of another kind queued behind the first without waiting.
      Bench bench(GetParam(), turn % 3 == 0 ? 3 : 10, random());
      const Product first(bench, random, shape, kinds[round]);
      const Product second(bench, random,
                           Shape{1 + static_cast<std::uint32_t>(random() % 40), 1 + static_cast<std::uint32_t>(random() % 40),
                                 1 + static_cast<std::uint32_t>(random() % 90)},
                           kinds[random() % kinds.size()]);
      ASSERT_EQ(systole_gemm(bench.device(), &first.gemm), SYSTOLE_OK) << first.description;
      ASSERT_EQ(systole_gemm(bench.device(), &second.gemm), SYSTOLE_OK) << second.description;
      ASSERT_EQ(systole_wait(bench.device()), SYSTOLE_OK) << first.description << " stuck: " << bench.stuck();
      ASSERT_EQ(first.result(bench), first.expected) << first.description << " round " << round;
      ASSERT_EQ(second.result(bench), second.expected) << second.description << " behind " << first.description;
      ++turn;
    }
  }
}

/// The results of the tests above are worth comparing: neither all alike nor all at a bound.
TEST(DriverOnMachineCheckTest, ResultsOfRequantisationVary) {
  std::mt19937 random(test_seed());
  for (const Kind &kind : kKinds) {
    if (golden::size(kind.out) != 1) continue;
    for (const std::uint32_t k : {1u, 50u, 1000u}) {
      std::size_t values = 0;
      for (unsigned round = 0; round < 10; ++round) {
        Bench bench("4x4", 10, std::nullopt);
        const Product product(bench, random, Shape{20, 20, k}, kind);
        values += std::set<std::uint8_t>(product.expected.begin(), product.expected.end()).size();
      }
      EXPECT_GT(values, 10 * 30u) << kind.name << " k " << k;
    }
  }
}

/// The test above tried: commands that do not wait for one kind of token must be caught.
TEST(DriverOnMachineCheckTest, CatchesEachTokenThatIsNotWaitedFor) {
  const Kind &sums = kind_named("s8*u8->s32"), &scaled = kind_named("s8*s8->s8 fixed columns");
  struct Case {
    std::uint32_t token;
    Kind kind;
    Shape even, odd;  // of the rounds
  };
  // Many pieces of A and B, or many blocks of C; parameters that are awaited, that are loaded anew for each block.
  const Shape pieces{300, 40, 1000}, blocks{1500, 40, 8}, columns{40, 600, 8}, few{3, 30, 8};
  const Case cases[] = {
      {SYSTOLE_TOKEN_ACT_FULL, sums, pieces, blocks},   {SYSTOLE_TOKEN_WGT_FULL, sums, pieces, blocks},
      {SYSTOLE_TOKEN_ACT_FREE, sums, pieces, blocks},   {SYSTOLE_TOKEN_WGT_FREE, sums, pieces, blocks},
      {SYSTOLE_TOKEN_ACC_FULL, sums, pieces, blocks},   {SYSTOLE_TOKEN_ACC_FREE, sums, pieces, blocks},
      {SYSTOLE_TOKEN_PARAM_FULL, scaled, columns, few}, {SYSTOLE_TOKEN_MEM_DONE, scaled, columns, Shape{300, 1100, 8}},
  };
  for (const Case &c : cases) {
    std::mt19937 random(test_seed());
    unsigned caught = 0;
    for (unsigned round = 0; round < 8; ++round) {
      Bench bench("4x4-int8", 10, random(), c.token);
      const Product product(bench, random, round % 2 == 0 ? c.even : c.odd, c.kind);
      if (systole_gemm(bench.device(), &product.gemm) != SYSTOLE_OK || systole_wait(bench.device()) != SYSTOLE_OK ||
          product.result(bench) != product.expected) {
        ++caught;
      }
    }
    EXPECT_GT(caught, 0u) << "token mask " << c.token;
  }
}

/// What the driver cannot check, the contents of the parameter vectors, the machine does.
TEST(DriverOnMachineErrorTest, AnIllegalScaleOfAColumnStopsTheMachineAndResetBringsItBack) {
  std::mt19937 random(test_seed());
  Bench bench("4x4", 10, std::nullopt);
  Product product(bench, random, Shape{10, 30, 20}, kind_named("u8*u8->u8 float columns"));
  std::uint8_t *const scale = bench.at(product.gemm.epilogue.scales + 4 * 22);  // of a column in entry 5
  Bytes good(scale, scale + 4);
  const std::uint32_t bad[] = {0, 0x80000000, 0x7F800000, 0x7FC00000, 0xBF800000};
  for (const std::uint32_t bits : bad) {
    std::memcpy(scale, &bits, 4);
    ASSERT_EQ(systole_gemm(bench.device(), &product.gemm), SYSTOLE_OK);
    EXPECT_EQ(systole_wait(bench.device()), SYSTOLE_ERR_PARAM);
    systole_error_info_t info{};
    ASSERT_EQ(systole_last_error(bench.device(), &info), SYSTOLE_OK);
    EXPECT_EQ(info.code, static_cast<std::uint32_t>(SYSTOLE_ERROR_PARAM));
    EXPECT_EQ(info.address, 5u);
    ASSERT_EQ(systole_reset(bench.device()), SYSTOLE_OK);
  }
  std::memcpy(scale, good.data(), 4);
  ASSERT_EQ(systole_gemm(bench.device(), &product.gemm), SYSTOLE_OK);
  ASSERT_EQ(systole_wait(bench.device()), SYSTOLE_OK);
  EXPECT_EQ(product.result(bench), product.expected);
}

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const platform::ConfigInfo &config : platform::configs()) names.push_back(config.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(AllConfigurations, DriverOnMachineTest, ::testing::ValuesIn(config_names()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name) {
    if (c == '-') c = '_';
  }
  return name;
});

}  // namespace
}  // namespace systole::model
