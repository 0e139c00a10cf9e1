// SPDX-License-Identifier: Apache-2.0
// The driver's rings on the machine: right in ring order, and right in any other order that queues and tokens allow. The second part
// finds tokens that are missing from the driver's commands without any RTL.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "firmware/include/systole.h"
#include "sim/golden/gemm.hpp"
#include "sim/model/machine.hpp"
#include "tests/unit/model/ring.hpp"

namespace systole::model {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kBase = 0x9'8000'0000;

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
      : memory_(std::size_t{1} << 22, 0x5C),
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

/// A product in a bench's memory.
struct Product {
  systole_gemm_t gemm{};
  std::vector<std::int32_t> expected;

  Product(Bench &bench, std::mt19937 &random, const Shape &shape) {
    const auto fill = [&](std::size_t count) {
      const std::uint64_t address = bench.place(count);
      for (std::size_t i = 0; i < count; ++i) *bench.at(address + i) = static_cast<std::uint8_t>(random());
      return address;
    };
    const auto [m, n, k] = shape;
    gemm.m = m;
    gemm.n = n;
    gemm.k = k;
    gemm.a_pitch = k + random() % 3;
    gemm.b_pitch = k + random() % 3;
    gemm.c_pitch = 4 * n + random() % 3;
    gemm.a = fill(m * static_cast<std::size_t>(gemm.a_pitch));
    gemm.b = fill(n * static_cast<std::size_t>(gemm.b_pitch));
    gemm.a_signed = (random() & 1) != 0;
    gemm.b_signed = (random() & 1) != 0;
    gemm.a_zero_point = static_cast<std::uint8_t>(random());
    gemm.b_zero_point = static_cast<std::uint8_t>(random());
    if ((random() & 1) != 0) gemm.b_zero_points = fill(n);
    const unsigned seed = random() % 3;
    if (seed == 1) gemm.bias = fill(4 * n);
    gemm.seed_pitch = 4 * n + random() % 3;
    if (seed == 2) gemm.seed = fill(m * static_cast<std::size_t>(gemm.seed_pitch));
    gemm.c = bench.place(m * static_cast<std::size_t>(gemm.c_pitch));

    std::vector<std::int32_t> zero_points, bias(n), start(std::size_t{m} * n);
    for (std::uint32_t j = 0; j < n; ++j) {
      const std::uint8_t byte = gemm.b_zero_points != 0 ? *bench.at(gemm.b_zero_points + j) : gemm.b_zero_point;
      zero_points.push_back(gemm.b_signed ? static_cast<std::int8_t>(byte) : byte);
    }
    if (gemm.bias != 0) std::memcpy(bias.data(), bench.at(gemm.bias), 4 * n);
    for (std::uint32_t i = 0; i < m && gemm.seed != 0; ++i) {
      std::memcpy(&start[std::size_t{i} * n], bench.at(gemm.seed + i * static_cast<std::uint64_t>(gemm.seed_pitch)), 4 * n);
    }
    expected.resize(start.size());
    golden::gemm_int(m, n, k, golden::Operand{bench.at(gemm.a), gemm.a_signed, gemm.a_pitch},
                     golden::Operand{bench.at(gemm.b), gemm.b_signed, gemm.b_pitch},
                     gemm.a_signed ? static_cast<std::int8_t>(gemm.a_zero_point) : gemm.a_zero_point, zero_points.data(),
                     start.data(), bias.data(), expected.data());
  }

  std::vector<std::int32_t> result(Bench &bench) const {
    std::vector<std::int32_t> out(expected.size());
    for (std::uint32_t i = 0; i < gemm.m; ++i) {
      std::memcpy(&out[std::size_t{i} * gemm.n], bench.at(gemm.c + i * static_cast<std::uint64_t>(gemm.c_pitch)), 4 * gemm.n);
    }
    return out;
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
  std::mt19937 random(test_seed());
  for (const Shape &shape : shapes(platform::find_config(GetParam()))) {
    Bench bench(GetParam(), 10, std::nullopt);
    const Product product(bench, random, shape);
    ASSERT_EQ(systole_gemm(bench.device(), &product.gemm), SYSTOLE_OK);
    ASSERT_EQ(systole_wait(bench.device()), SYSTOLE_OK);
    ASSERT_EQ(product.result(bench), product.expected) << shape.m << 'x' << shape.n << 'x' << shape.k;
  }
}

TEST_P(DriverOnMachineTest, IsRightInAnyOrderThatTokensAllow) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(test_seed()));
  std::mt19937 random(test_seed());
  for (const Shape &shape : shapes(platform::find_config(GetParam()))) {
    for (unsigned round = 0; round < 6; ++round) {
      // Short rings as well, and a second job queued behind the first without waiting.
      Bench bench(GetParam(), round % 2 == 0 ? 3 : 10, random());
      const Product first(bench, random, shape);
      const Product second(bench, random,
                           Shape{1 + static_cast<std::uint32_t>(random() % 40), 1 + static_cast<std::uint32_t>(random() % 40),
                                 1 + static_cast<std::uint32_t>(random() % 90)});
      ASSERT_EQ(systole_gemm(bench.device(), &first.gemm), SYSTOLE_OK);
      ASSERT_EQ(systole_gemm(bench.device(), &second.gemm), SYSTOLE_OK);
      ASSERT_EQ(systole_wait(bench.device()), SYSTOLE_OK) << "stuck: " << bench.stuck();
      ASSERT_EQ(first.result(bench), first.expected) << shape.m << 'x' << shape.n << 'x' << shape.k << " round " << round;
      ASSERT_EQ(second.result(bench), second.expected) << shape.m << 'x' << shape.n << 'x' << shape.k << " round " << round;
    }
  }
}

/// The test above tried: commands that do not wait for one kind of token must be caught.
TEST(DriverOnMachineCheckTest, CatchesEachTokenThatIsNotWaitedFor) {
  for (const std::uint32_t token : {SYSTOLE_TOKEN_ACT_FULL, SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACT_FREE,
                                    SYSTOLE_TOKEN_WGT_FREE, SYSTOLE_TOKEN_ACC_FULL, SYSTOLE_TOKEN_ACC_FREE}) {
    std::mt19937 random(test_seed());
    unsigned caught = 0;
    for (unsigned round = 0; round < 8; ++round) {
      Bench bench("4x4-int8", 10, random(), token);
      // Many pieces of A and B, or many blocks of C.
      const Product product(bench, random, round % 2 == 0 ? Shape{300, 40, 1000} : Shape{1500, 40, 8});
      if (systole_gemm(bench.device(), &product.gemm) != SYSTOLE_OK || systole_wait(bench.device()) != SYSTOLE_OK ||
          product.result(bench) != product.expected) {
        ++caught;
      }
    }
    EXPECT_GT(caught, 0u) << "token mask " << token;
  }
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
