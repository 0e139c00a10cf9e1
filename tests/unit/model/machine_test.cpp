// SPDX-License-Identifier: Apache-2.0
// The machine without time, on small rings written by hand and on random commands, against the golden model.
#include "sim/model/machine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"
#include "sim/golden/gemm.hpp"
#include "tests/unit/model/ring.hpp"

namespace systole::model {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kBase = 0x12'3400'0000;
constexpr std::uint64_t kRing = kBase;               // 64 KiB
constexpr std::uint64_t kData = kBase + 0x1'0000;    // matrices
constexpr std::uint64_t kResult = kBase + 0x8'0000;  // results
constexpr std::uint64_t kSize = 0x10'0000;
constexpr std::uint32_t kPoison32 = 0x01010101u * Machine::kPoison;

class MachineTest : public ::testing::Test {
 protected:
  explicit MachineTest(const std::string &config = "4x4-int8") : config_(platform::find_config(config)), memory_(kSize, 0x5C) {
    make();
  }

  void make() {
    machine_.emplace(config_, MemoryPort{[this](std::uint64_t address, std::uint8_t *data, std::size_t size) {
                                           if (!inside(address, size)) return false;
                                           std::memcpy(data, &memory_[address - kBase], size);
                                           return true;
                                         },
                                         [this](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
                                           if (!inside(address, size)) return false;
                                           std::memcpy(&memory_[address - kBase], data, size);
                                           return true;
                                         }});
    written_ = 0;
    write(SYSTOLE_REG_RING_BASE_LO, static_cast<std::uint32_t>(kRing));
    write(SYSTOLE_REG_RING_BASE_HI, kRing >> 32);
    write(SYSTOLE_REG_RING_SIZE, 4);
    write(SYSTOLE_REG_IRQ_ENABLE, 3);
    write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
  }

  bool inside(std::uint64_t address, std::size_t size) const {
    return address >= kBase && size <= kSize && address - kBase <= kSize - size;
  }

  std::uint32_t read(std::uint32_t offset) const {
    const auto value = machine_->read_register(offset);
    EXPECT_TRUE(value.has_value()) << offset;
    return value.value_or(0xDEAD);
  }
  void write(std::uint32_t offset, std::uint32_t value) { EXPECT_TRUE(machine_->write_register(offset, value)) << offset; }

  void put(std::uint64_t address, const void *data, std::size_t size) { std::memcpy(&memory_.at(address - kBase), data, size); }
  void put(std::uint64_t address, const Bytes &data) { put(address, data.data(), data.size()); }
  std::uint32_t word(std::uint64_t address) const {
    std::uint32_t value = 0;
    std::memcpy(&value, &memory_.at(address - kBase), sizeof value);
    return value;
  }
  std::vector<std::int32_t> words(std::uint64_t address, std::size_t count) const {
    std::vector<std::int32_t> out(count);
    std::memcpy(out.data(), &memory_.at(address - kBase), 4 * count);
    return out;
  }

  /// Puts records in the ring and moves the tail; executes until nothing moves. What the last step was.
  Machine::Step run(const std::vector<Record> &records) {
    const std::uint32_t size = 1u << read(SYSTOLE_REG_RING_SIZE);
    Machine::Step last = Machine::Step::idle;
    for (const Record &record : records) {
      put(kRing + 64 * (written_++ % size), record.data(), 64);
      if (written_ - read(SYSTOLE_REG_RING_HEAD) < size && &record != &records.back()) continue;
      write(SYSTOLE_REG_RING_TAIL, written_);
      for (;;) {
        const Machine::Step step = machine_->step();
        if (step == Machine::Step::idle) break;
        last = step;
        if (step == Machine::Step::blocked) return step;
      }
    }
    return last;
  }

  /// Runs one record on a fresh machine: the error that it ends with.
  unsigned error_of(const Record &record, std::uint64_t *address = nullptr) {
    make();
    run({record});
    if (address != nullptr)
      *address = static_cast<std::uint64_t>(read(SYSTOLE_REG_ERROR_ADDR_HI)) << 32 | read(SYSTOLE_REG_ERROR_ADDR_LO);
    const unsigned code = read(SYSTOLE_REG_ERROR_CODE);
    EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), code == 0 ? 1u : 0u);
    EXPECT_EQ((read(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_ERROR_MASK) != 0, code != 0);
    EXPECT_EQ(machine_->irq(), code != 0);
    return code;
  }

  platform::ConfigInfo config_;
  Bytes memory_;
  std::optional<Machine> machine_;
  std::uint32_t written_ = 0;
};

unsigned test_seed() {
  const char *given = std::getenv("SYSTOLE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 0)) : 20240601u;
}

/// Random bytes of which nearly all pairs are finite as binary16 and as bfloat16, of exponents from 2^-7 to 2^7 or from 2^-63 to 2^57: long
/// sums of random patterns would all be NaN. Some are zeros, a few infinities and NaNs.
Bytes random_operands(std::mt19937 &random, std::size_t count) {
  Bytes out(count);
  for (std::size_t i = 0; i < count; i += 2) {
    auto lane = static_cast<std::uint16_t>(random() & 0x83FF);
    lane = static_cast<std::uint16_t>(lane | (8 + random() % 15) << 10);
    if (random() % 16 == 0) lane &= 0x8000;
    if (random() % 4096 == 0) lane = static_cast<std::uint16_t>(random() | 0x7F80);
    out[i] = static_cast<std::uint8_t>(lane);
    out[i + 1] = static_cast<std::uint8_t>(lane >> 8);
  }
  return out;
}

Bytes random_bytes(std::mt19937 &random, std::size_t count) {
  Bytes out(count);
  for (std::uint8_t &byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

TEST_F(MachineTest, DescribesItself) {
  EXPECT_EQ(read(SYSTOLE_REG_ID), 0x53595354u);
  EXPECT_EQ(read(SYSTOLE_REG_VERSION) >> 24, SYSTOLE_COMMAND_VERSION);
  // rows 4, cols 4, AXI 4 bytes, no floating point, L = 1, 2 epilogue lanes, queues of 4.
  EXPECT_EQ(read(SYSTOLE_REG_CAP0), 2u | 2u << 4 | 2u << 8 | 0u << 12 | 1u << 16 | 1u << 20 | 4u << 24);
  // 8192 activation words, 4096 weight words, 1024 accumulator rows a half, 64 parameter entries.
  EXPECT_EQ(read(SYSTOLE_REG_CAP1), 13u | 12u << 8 | 10u << 16 | 6u << 24);
  EXPECT_EQ(read(SYSTOLE_REG_CAP2), 16u | 16u << 8 | 40u << 16 | 0u << 24);
}

TEST_F(MachineTest, LoadsMultipliesAndStores) {
  // [1 2 3; 4 5 6] times columns [7 9 11] and [8 10 12], bias [100 -200].
  put(kData, Bytes{1, 2, 3, 4, 5, 6});
  put(kData + 64, Bytes{7, 9, 11, 8, 10, 12});
  const std::int32_t bias[] = {100, -200};
  put(kData + 128, bias, sizeof bias);
  Record load_bias = load(SYSTOLE_DEST_PARAM, kData + 128, 5, sizeof bias, 1, 0);
  Record product = matmul(3, 2, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACC_FULL);
  SET(product, MATMUL_SEED, SYSTOLE_SEED_BIAS);
  SET(product, MATMUL_PARAM, 5);
  SET(product, MATMUL_M0, 2);
  Record save = store(kResult, 0, 2, 8, 1, 2, SYSTOLE_TOKEN_ACC_FULL);
  SET(save, CMD_IRQ, 1);
  EXPECT_EQ(run({load_bias, load(SYSTOLE_DEST_ACT, kData, 0, 3, 2, 3, 0, SYSTOLE_TOKEN_ACT_FULL),
                 load(SYSTOLE_DEST_WGT, kData + 64, 0, 3, 2, 3, 0, SYSTOLE_TOKEN_WGT_FULL), product}),
            Machine::Step::executed);
  EXPECT_FALSE(machine_->irq());
  EXPECT_EQ(run({save}), Machine::Step::executed);
  EXPECT_EQ(words(kResult, 5), (std::vector<std::int32_t>{158, -136, 239, -46, 0x5C5C5C5C}));
  EXPECT_TRUE(machine_->irq());
  EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), 5u);
  EXPECT_EQ(read(SYSTOLE_REG_DONE_LOAD), 3u);
  EXPECT_EQ(read(SYSTOLE_REG_DONE_COMPUTE), 1u);
  EXPECT_EQ(read(SYSTOLE_REG_DONE_STORE), 1u);
  EXPECT_EQ(read(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
  write(SYSTOLE_REG_IRQ_STATUS, SYSTOLE_IRQ_STATUS_DONE_MASK);
  EXPECT_FALSE(machine_->irq());
}

TEST_F(MachineTest, LoadsRowsWithSignedAndZeroPitches) {
  put(kData, Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  Record r = load(SYSTOLE_DEST_ACC, kData + 4, 1, 2, 2, -2);  // items at 4, 2 and, a row on, at 4 + 3 = 7, 5
  SET(r, LOAD_COUNT2, 2);
  SET(r, LOAD_PITCH2, 3);
  EXPECT_EQ(run({r, load(SYSTOLE_DEST_ACC, kData + 9, 5, 1, 2, 0), store(kResult, 0, 7, 16, 1, 4)}), Machine::Step::executed);
  const std::uint32_t high = kPoison32 & 0xFFFF0000u;
  EXPECT_EQ(word(kResult), kPoison32);  // row 0 was never written
  const std::uint32_t expected[] = {
      high | 0x0504, high | 0x0302, high | 0x0807, high | 0x0605, (kPoison32 & ~0xFFu) | 9, (kPoison32 & ~0xFFu) | 9};
  for (unsigned row = 0; row < 6; ++row) {
    EXPECT_EQ(word(kResult + 16 * (row + 1)), expected[row]) << row;
    EXPECT_EQ(word(kResult + 16 * (row + 1) + 4), kPoison32) << row;  // beyond `length`: undefined
  }
}

TEST_F(MachineTest, LongItemsFillWholeWords) {
  Bytes data(40);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i);
  put(kData, data);
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACC, kData, 0, 20, 2, 20), store(kResult, 0, 4, 16, 1, 4)}), Machine::Step::executed);
  EXPECT_EQ(word(kResult + 0), 0x03020100u);
  EXPECT_EQ(word(kResult + 16), 0x13121110u);
  EXPECT_EQ(word(kResult + 20), kPoison32);
  EXPECT_EQ(word(kResult + 32), 0x17161514u);  // the second item starts a new word
  EXPECT_EQ(word(kResult + 48), 0x27262524u);
}

TEST_F(MachineTest, PadsOnAllFourSides) {
  Bytes data(24);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i + 1);
  put(kData, data);
  Record r = load(SYSTOLE_DEST_ACC, kData, 0, 4, 2, 4);
  SET(r, LOAD_COUNT2, 3);
  SET(r, LOAD_PITCH2, 8);
  SET(r, LOAD_PAD_BYTE, 0xEE);
  SET(r, LOAD_PAD_LEFT, 2);
  SET(r, LOAD_PAD_RIGHT, 1);
  SET(r, LOAD_PAD_TOP, 1);
  SET(r, LOAD_PAD_BOTTOM, 2);
  EXPECT_EQ(run({r, store(kResult, 0, 31, 4, 1, 1)}), Machine::Step::executed);
  for (unsigned row = 0; row < 6; ++row) {
    for (unsigned column = 0; column < 5; ++column) {
      const bool inside = row >= 1 && row < 4 && column >= 2 && column < 4;
      const unsigned first = 8 * (row - 1) + 4 * (column - 2) + 1;
      EXPECT_EQ(word(kResult + 4 * (5 * row + column)), inside ? first * 0x01010101u + 0x03020100u : 0xEEEEEEEEu)
          << row << ' ' << column;
    }
  }
  EXPECT_EQ(word(kResult + 4 * 30), kPoison32);
}

TEST_F(MachineTest, StoresRowsAcrossTilesWithSignedPitches) {
  std::vector<std::uint32_t> rows(8 * 4);
  for (unsigned i = 0; i < rows.size(); ++i) rows[i] = i;
  put(kData, rows.data(), 4 * rows.size());
  Record save = store(kResult + 0x201, 7, 2, 0x40, 3, 2);  // unaligned; tiles at rows 7, 4, 1
  SET(save, STORE_ACC_N_STRIDE, -3);
  SET(save, STORE_M1, 2);
  SET(save, STORE_PITCH1, -0x90);
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACC, kData, 3, 16, 8, 16), load(SYSTOLE_DEST_ACC, kData, 0, 16, 3, 16), save}),
            Machine::Step::executed);
  const auto at = [](unsigned row, unsigned column) { return static_cast<std::int32_t>((row < 3 ? row : row - 3) * 4 + column); };
  for (unsigned i1 = 0; i1 < 2; ++i1) {
    for (unsigned i0 = 0; i0 < 2; ++i0) {
      const unsigned m = 2 * i1 + i0;
      std::vector<std::int32_t> expected;
      for (const unsigned tile : {0u, 1u, 2u}) {
        for (unsigned column = 0; column < (tile == 2 ? 2 : 4); ++column) expected.push_back(at(7 - 3 * tile + m, column));
      }
      EXPECT_EQ(words(kResult + 0x201 + 0x40 * i0 - 0x90 * i1, 10), expected) << m;
    }
  }
}

TEST_F(MachineTest, ColumnsBeyondTheTailAreUndefined) {
  Record product = matmul(8, 3);
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACT, kData, 0, 8, 1, 0), load(SYSTOLE_DEST_WGT, kData, 0, 8, 4, 0), product,
                 store(kResult, 0, 1, 16, 1, 4)}),
            Machine::Step::executed);
  EXPECT_EQ(word(kResult + 8), 8u * 0x5C * 0x5C);
  EXPECT_EQ(word(kResult + 12), kPoison32);
}

TEST_F(MachineTest, BytesBeyondTheTailHaveNoEffect) {
  put(kData, Bytes{1, 2, 3, 100, 100, 100, 100, 100});
  Record product = matmul(3, 1);
  SET(product, MATMUL_A_ZERO_POINT, 1);
  SET(product, MATMUL_B_ZERO_POINT, 2);
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACT, kData, 0, 8, 1, 0), load(SYSTOLE_DEST_WGT, kData, 0, 3, 1, 0), product,
                 store(kResult, 0, 1, 4, 1, 1)}),
            Machine::Step::executed);
  EXPECT_EQ(word(kResult), 2u);  // 0*-1 + 1*0 + 2*1
}

TEST_F(MachineTest, KeepContinuesFromTheAccumulator) {
  put(kData, Bytes{3, 0, 0, 0, 0, 0, 0, 0});
  const std::int32_t seed = -1000;
  put(kData + 64, &seed, 4);
  Record product = matmul(1, 1);
  SET(product, MATMUL_SEED, SYSTOLE_SEED_KEEP);
  SET(product, MATMUL_ACC, 1030);  // second half
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACT, kData, 0, 8, 1, 0), load(SYSTOLE_DEST_WGT, kData, 0, 8, 1, 0),
                 load(SYSTOLE_DEST_ACC, kData + 64, 1030, 4, 1, 0), product, product, store(kResult, 1030, 1, 4, 1, 1)}),
            Machine::Step::executed);
  EXPECT_EQ(words(kResult, 1), std::vector<std::int32_t>{-982});
}

TEST_F(MachineTest, ConvolutionNeedsNoIm2col) {
  // 5 x 6 image of 7 channels, 3 x 3 kernel, one pixel of padding with A's zero point, 3 output channels: output 5 x 6. The kernel
  // taps are k1 (a 3 x 3 window is walked as three commands, one a kernel row, each adding to what is there).
  std::mt19937 random(test_seed());
  const unsigned height = 5, width = 6, channels = 7, outputs = 3;
  const Bytes image = random_bytes(random, height * width * channels);
  const Bytes kernel = random_bytes(random, outputs * 9 * channels);
  put(kData, image);
  put(kData + 0x1000, kernel);
  const std::uint8_t zero = 0x83;

  Record load_image = load(SYSTOLE_DEST_ACT, kData, 10, channels, width, channels);
  SET(load_image, LOAD_COUNT2, height);
  SET(load_image, LOAD_PITCH2, width * channels);
  SET(load_image, LOAD_PAD_BYTE, zero);
  SET(load_image, LOAD_PAD_LEFT, 1);
  SET(load_image, LOAD_PAD_RIGHT, 1);
  SET(load_image, LOAD_PAD_TOP, 1);
  SET(load_image, LOAD_PAD_BOTTOM, 1);
  std::vector<Record> ring{load_image, load(SYSTOLE_DEST_WGT, kData + 0x1000, 3, channels, 9 * outputs, channels)};
  for (unsigned kernel_row = 0; kernel_row < 3; ++kernel_row) {
    Record r = matmul(channels, outputs);
    SET(r, MATMUL_A_DTYPE, SYSTOLE_DTYPE_U8);
    SET(r, MATMUL_A_ZERO_POINT, zero);
    SET(r, MATMUL_SEED, kernel_row == 0 ? SYSTOLE_SEED_ZERO : SYSTOLE_SEED_KEEP);
    SET(r, MATMUL_ACT, 10 + kernel_row * (width + 2));
    SET(r, MATMUL_WGT, 3 + 3 * kernel_row);
    SET(r, MATMUL_M0, width);
    SET(r, MATMUL_M1, height);
    SET(r, MATMUL_ACT_M1_STRIDE, width + 2);
    SET(r, MATMUL_K1, 3);
    SET(r, MATMUL_ACT_K1_STRIDE, 1);
    SET(r, MATMUL_WGT_K1_STRIDE, 1);
    SET(r, MATMUL_WGT_COL_STRIDE, 9);
    ring.push_back(r);
  }
  ring.push_back(store(kResult, 0, height * width, 4 * outputs, 1, outputs));
  ASSERT_EQ(run(ring), Machine::Step::executed);

  // The same by im2col and the golden model.
  Bytes columns;
  for (unsigned y = 0; y < height; ++y) {
    for (unsigned x = 0; x < width; ++x) {
      for (unsigned tap = 0; tap < 9; ++tap) {
        const unsigned from_y = y + tap / 3, from_x = x + tap % 3;  // in the padded image
        const bool border = from_y == 0 || from_y > height || from_x == 0 || from_x > width;
        for (unsigned c = 0; c < channels; ++c)
          columns.push_back(border ? zero : image[((from_y - 1) * width + from_x - 1) * channels + c]);
      }
    }
  }
  std::vector<std::int32_t> expected(height * width * outputs);
  const std::ptrdiff_t pitch = 9 * channels;
  golden::gemm_int(height * width, outputs, 9 * channels, golden::Operand{columns.data(), false, pitch},
                   golden::Operand{kernel.data(), true, pitch}, zero, nullptr, nullptr, nullptr, expected.data());
  EXPECT_EQ(words(kResult, expected.size()), expected);
}

TEST_F(MachineTest, RingWrapsAround) {
  write(SYSTOLE_REG_RING_SIZE, 1);  // two slots
  std::vector<Record> ring;
  for (unsigned i = 0; i < 9; ++i) {
    const std::uint32_t value = i;
    put(kData + 4 * i, &value, 4);
    ring.push_back(load(SYSTOLE_DEST_ACC, kData + 4 * i, i, 4, 1, 0));
  }
  ring.push_back(store(kResult, 0, 9, 4, 1, 1));
  EXPECT_EQ(run(ring), Machine::Step::executed);
  EXPECT_EQ(words(kResult, 9), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), 10u);
}

TEST_F(MachineTest, WaitsForTokensAndTakesThem) {
  const Record giver = load(SYSTOLE_DEST_ACT, kData, 0, 1, 1, 0, 0, SYSTOLE_TOKEN_ACT_FULL);
  const Record taker = matmul(1, 1, SYSTOLE_TOKEN_ACT_FULL, 0);
  const Record weights = load(SYSTOLE_DEST_WGT, kData, 0, 1, 1, 0);
  EXPECT_EQ(run({weights, giver, taker}), Machine::Step::executed);
  EXPECT_EQ(run({taker}), Machine::Step::blocked);
  EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), 3u);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), 0u);
  machine_->expire_watchdog();
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_WATCHDOG});
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_INDEX), 3u);
  EXPECT_EQ(machine_->step(), Machine::Step::idle);
}

TEST_F(MachineTest, TokenCountersHoldFifteen) {
  const Record giver = load(SYSTOLE_DEST_ACT, kData, 0, 1, 1, 0, 0, SYSTOLE_TOKEN_ACT_FULL);
  EXPECT_EQ(run(std::vector<Record>(15, giver)), Machine::Step::executed);
  EXPECT_EQ(run({giver}), Machine::Step::failed);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_TOKEN});
}

TEST_F(MachineTest, RefusesIllegalRecords) {
  const Record good_load = load(SYSTOLE_DEST_ACT, kData, 0, 1, 1, 0);
  const Record good_matmul = matmul(1, 1);
  const Record good_store = store(kResult, 0, 1, 0, 1, 1);
  EXPECT_EQ(error_of(good_load), 0u);
  EXPECT_EQ(error_of(good_matmul), 0u);
  EXPECT_EQ(error_of(good_store), 0u);

  // Each with one field wrong.
  const auto expect = [this](Record r, unsigned word, unsigned lsb, unsigned width, std::uint32_t value, unsigned code) {
    systole_field_set(r.data(), word, lsb, width, value);
    EXPECT_EQ(error_of(r), code) << "word " << word << " bit " << lsb << " value " << value;
  };
#define EXPECT_ERROR(record, name, value, code) \
  expect(record, SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH, value, SYSTOLE_ERROR_##code)
  EXPECT_ERROR(good_load, CMD_OPCODE, 0, OPCODE);
  EXPECT_ERROR(good_load, CMD_OPCODE, 4, OPCODE);
  for (const Record &good : {good_load, good_matmul, good_store}) {
    EXPECT_ERROR(good, CMD_VERSION, 0, VERSION);
    EXPECT_ERROR(good, CMD_VERSION, 2, VERSION);
    EXPECT_ERROR(good, CMD_ACCEL_ID, 1, VERSION);
  }
  EXPECT_ERROR(good_load, LOAD_TRANSPOSE, 1, RESERVED_FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_WEIGHT_FORMAT, 1, RESERVED_FIELD);
  EXPECT_ERROR(good_store, STORE_ACTIVATION, 1, RESERVED_FIELD);
  EXPECT_ERROR(good_store, STORE_RESIDUAL, 1, RESERVED_FIELD);
  const std::uint32_t *const reserved[] = {SYSTOLE_LOAD_RESERVED, SYSTOLE_MATMUL_RESERVED, SYSTOLE_STORE_RESERVED};
  const Record *const good[] = {&good_load, &good_matmul, &good_store};
  for (unsigned kind = 0; kind < 3; ++kind) {
    for (unsigned bit = 0; bit < 512; ++bit) {
      if ((reserved[kind][bit / 32] >> (bit % 32) & 1) != 0)
        expect(*good[kind], bit / 32, bit % 32, 1, 1, SYSTOLE_ERROR_RESERVED_FIELD);
    }
  }
  for (unsigned token = 0; token < 8; ++token) {
    const std::uint32_t mask = 1u << token;
    if ((SYSTOLE_LOAD_TAKES & mask) == 0) EXPECT_ERROR(good_load, CMD_WAIT, mask, FIELD);
    if ((SYSTOLE_LOAD_GIVES & mask) == 0) EXPECT_ERROR(good_load, CMD_GIVE, mask, FIELD);
    if ((SYSTOLE_COMPUTE_TAKES & mask) == 0) EXPECT_ERROR(good_matmul, CMD_WAIT, mask, FIELD);
    if ((SYSTOLE_COMPUTE_GIVES & mask) == 0) EXPECT_ERROR(good_matmul, CMD_GIVE, mask, FIELD);
    if ((SYSTOLE_STORE_TAKES & mask) == 0) EXPECT_ERROR(good_store, CMD_WAIT, mask, FIELD);
    if ((SYSTOLE_STORE_GIVES & mask) == 0) EXPECT_ERROR(good_store, CMD_GIVE, mask, FIELD);
  }
  EXPECT_ERROR(good_load, LOAD_DEST, 4, FIELD);
  EXPECT_ERROR(good_load, LOAD_BANK, 1, FIELD);
  EXPECT_ERROR(good_load, LOAD_LENGTH, 0, FIELD);
  EXPECT_ERROR(good_load, LOAD_COUNT1, 0, FIELD);
  EXPECT_ERROR(good_load, LOAD_COUNT2, 0, FIELD);
  EXPECT_ERROR(good_load, LOAD_ADDRESS_HI, 0x100, RANGE);
  EXPECT_ERROR(good_load, LOAD_DST, 8192, RANGE);
  EXPECT_ERROR(load(SYSTOLE_DEST_PARAM, kData, 0, 1, 1, 0), LOAD_BANK, 4, FIELD);
  EXPECT_ERROR(load(SYSTOLE_DEST_PARAM, kData, 0, 1, 1, 0), LOAD_DST, 64, RANGE);
  EXPECT_ERROR(good_matmul, MATMUL_A_DTYPE, 2, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_B_DTYPE, 4, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_SEED, 3, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_M0, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_M1, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_K0, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_K1, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_N, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_K_TAIL, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_K_TAIL, 9, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_N_TAIL, 0, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_N_TAIL, 5, FIELD);
  EXPECT_ERROR(good_matmul, MATMUL_ACT, 8192, RANGE);
  EXPECT_ERROR(good_matmul, MATMUL_WGT, 4096, RANGE);
  EXPECT_ERROR(good_matmul, MATMUL_ACC, 2048, RANGE);
  EXPECT_ERROR(good_store, STORE_M0, 0, FIELD);
  EXPECT_ERROR(good_store, STORE_M1, 0, FIELD);
  EXPECT_ERROR(good_store, STORE_N, 0, FIELD);
  EXPECT_ERROR(good_store, STORE_N_TAIL, 0, FIELD);
  EXPECT_ERROR(good_store, STORE_N_TAIL, 5, FIELD);
  EXPECT_ERROR(good_store, STORE_OUT_DTYPE, SYSTOLE_DTYPE_S8, FIELD);
  EXPECT_ERROR(good_store, STORE_OUT_DTYPE, 6, FIELD);
  EXPECT_ERROR(good_store, STORE_REQUANT, SYSTOLE_REQUANT_FLOAT, FIELD);
  EXPECT_ERROR(good_store, STORE_PER_COLUMN, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_OUT_ZERO_POINT, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_SHIFT, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_SCALE, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_CLAMP_MIN, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_CLAMP_MAX, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_PARAM, 1, FIELD);
  EXPECT_ERROR(good_store, STORE_ACC, 2048, RANGE);
  EXPECT_ERROR(good_store, STORE_ADDRESS_HI, 0x100, RANGE);
#undef EXPECT_ERROR
}

TEST_F(MachineTest, WithoutFloatingPointItsTypesAreIllegal) {
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32}) {
    Record product = matmul(2, 1);
    SET(product, MATMUL_A_DTYPE, dtype);
    SET(product, MATMUL_B_DTYPE, dtype);
    EXPECT_EQ(error_of(product), unsigned{SYSTOLE_ERROR_FIELD}) << dtype;
    EXPECT_EQ(error_of(float_results(store(kResult, 0, 1, 0, 1, 1), dtype)), unsigned{SYSTOLE_ERROR_FIELD}) << dtype;
  }
}

TEST_F(MachineTest, ChecksTheFieldsOfARequantisation) {
  const Record plain = store(kResult, 0, 1, 0, 1, 1);
  const unsigned legal = SYSTOLE_ERROR_NONE, field = SYSTOLE_ERROR_FIELD;
  struct Scale {
    std::uint32_t scale;
    unsigned code_float, code_fixed;
  };
  const Scale scales[] = {{0, field, legal},          {1, legal, legal},          {0x007FFFFF, legal, legal},
                          {0x3F800000, legal, legal}, {0x7F7FFFFF, legal, legal}, {0x7F800000, field, legal},
                          {0x7F800001, field, legal}, {0x7FFFFFFF, field, legal}, {0x80000000, field, field},
                          {0xBF800000, field, field}, {0xFFFFFFFF, field, field}};
  for (const unsigned dtype : {SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8}) {
    const bool is_signed = dtype == SYSTOLE_DTYPE_S8;
    for (const auto &[scale, code_float, code_fixed] : scales) {
      EXPECT_EQ(error_of(byte_results(plain, dtype, SYSTOLE_REQUANT_FLOAT, scale)), code_float) << std::hex << scale;
      EXPECT_EQ(error_of(byte_results(plain, dtype, SYSTOLE_REQUANT_FIXED, scale)), code_fixed) << std::hex << scale;
    }
    for (int shift = -128; shift < 128; ++shift) {
      EXPECT_EQ(error_of(byte_results(plain, dtype, SYSTOLE_REQUANT_FLOAT, 1, shift)), shift == 0 ? legal : field) << shift;
      EXPECT_EQ(error_of(byte_results(plain, dtype, SYSTOLE_REQUANT_FIXED, 1, shift)),
                shift >= -31 && shift <= 30 ? legal : field)
          << shift;
    }
    for (const unsigned rule : {0u, 3u, 4u, 7u}) EXPECT_EQ(error_of(byte_results(plain, dtype, rule, 1)), field) << rule;
    const int lowest = is_signed ? -128 : 0, highest = is_signed ? 127 : 255;
    const auto bounds = [&](std::int64_t low, std::int64_t high) {
      Record r = byte_results(plain, dtype, SYSTOLE_REQUANT_FIXED, 1, 0, 0xFF);
      SET(r, STORE_CLAMP_MIN, low);
      SET(r, STORE_CLAMP_MAX, high);
      return error_of(r);
    };
    EXPECT_EQ(bounds(lowest, lowest), legal);
    EXPECT_EQ(bounds(highest, highest), legal);
    EXPECT_EQ(bounds(lowest - 1, highest), field);
    EXPECT_EQ(bounds(lowest, highest + 1), field);
    EXPECT_EQ(bounds(6, 5), field);
    EXPECT_EQ(bounds(is_signed ? 0 : 1, is_signed ? -1 : 0), field);
    EXPECT_EQ(bounds(lowest, INT32_MIN), field);
    EXPECT_EQ(bounds(INT32_MAX, highest), field);

    Record entry = byte_results(plain, dtype, SYSTOLE_REQUANT_FLOAT, 1);
    SET(entry, STORE_PARAM, 1);
    EXPECT_EQ(error_of(entry), field) << "without per_column there is no entry";
    const Record bank = per_column(byte_results(plain, dtype, SYSTOLE_REQUANT_FIXED, 0), 63);
    EXPECT_EQ(error_of(bank), unsigned{SYSTOLE_ERROR_PARAM}) << "legal, but the banks are empty";
    Record both = bank;
    SET(both, STORE_SCALE, 1);
    EXPECT_EQ(error_of(both), field);
    both = bank;
    SET(both, STORE_SHIFT, 1);
    EXPECT_EQ(error_of(both), field);
    std::uint64_t address = 0;
    EXPECT_EQ(error_of(per_column(bank, 64), &address), unsigned{SYSTOLE_ERROR_RANGE});
    EXPECT_EQ(address, 64u);
  }
}

TEST_F(MachineTest, NamesTheAddressOutsideABuffer) {
  std::uint64_t address = 0;
  EXPECT_EQ(error_of(load(SYSTOLE_DEST_ACT, kData, 8190, 8, 3, 8), &address), unsigned{SYSTOLE_ERROR_RANGE});
  EXPECT_EQ(address, 8192u);
  Record r = matmul(1, 1);
  SET(r, MATMUL_M0, 4);
  SET(r, MATMUL_ACT, 2);
  SET(r, MATMUL_ACT_M0_STRIDE, -1);
  EXPECT_EQ(error_of(r, &address), unsigned{SYSTOLE_ERROR_RANGE});
  EXPECT_EQ(address, 0xFFFFu);
  r = matmul(1, 1);
  SET(r, MATMUL_SEED, SYSTOLE_SEED_BIAS);
  SET(r, MATMUL_N, 2);
  SET(r, MATMUL_PARAM, 63);
  EXPECT_EQ(error_of(r, &address), unsigned{SYSTOLE_ERROR_RANGE});
  EXPECT_EQ(address, 64u);
}

TEST_F(MachineTest, ReportsBusErrors) {
  std::uint64_t address = 0;
  EXPECT_EQ(error_of(load(SYSTOLE_DEST_ACT, kBase + kSize - 4, 0, 4, 2, 4), &address), unsigned{SYSTOLE_ERROR_AXI_LOAD});
  EXPECT_EQ(address, kBase + kSize);
  EXPECT_EQ(error_of(store(kBase + kSize - 4, 0, 2, 4, 1, 1), &address), unsigned{SYSTOLE_ERROR_AXI_STORE});
  EXPECT_EQ(address, kBase + kSize);
  make();
  write(SYSTOLE_REG_RING_BASE_HI, 1);
  EXPECT_EQ(run({matmul(1, 1)}), Machine::Step::failed);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_AXI_FETCH});
  make();
  write(SYSTOLE_REG_RING_BASE_HI, 0x100);
  EXPECT_EQ(run({matmul(1, 1)}), Machine::Step::failed);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_RANGE});
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_ADDR_HI), 0x100u);
}

TEST_F(MachineTest, WindowsBoundWhatIsTouched) {
  const auto window = [this](bool write_window, std::uint64_t base, std::uint64_t limit) {
    const std::uint32_t first = write_window ? SYSTOLE_REG_WRITE_BASE_LO : SYSTOLE_REG_READ_BASE_LO;
    write(first, static_cast<std::uint32_t>(base));
    write(first + 4, static_cast<std::uint32_t>(base >> 32));
    write(first + 8, static_cast<std::uint32_t>(limit));
    write(first + 12, static_cast<std::uint32_t>(limit >> 32));
  };
  const auto error = [this](const Record &record) {
    run({record});
    return std::pair{read(SYSTOLE_REG_ERROR_CODE), read(SYSTOLE_REG_ERROR_ADDR_LO)};
  };
  const auto low = [](std::uint64_t address) { return static_cast<std::uint32_t>(address); };
  const std::pair<unsigned, std::uint32_t> fine{SYSTOLE_ERROR_NONE, 0};
  const auto refused = [&](std::uint64_t address) {
    return std::pair<unsigned, std::uint32_t>{SYSTOLE_ERROR_WINDOW, low(address)};
  };

  window(true, kResult + 1, kResult + 4096);  // whole pages: [kResult, kResult + 8191]
  EXPECT_EQ(read(SYSTOLE_REG_WRITE_BASE_LO), low(kResult));
  EXPECT_EQ(read(SYSTOLE_REG_WRITE_LIMIT_LO), low(kResult + 8191));
  EXPECT_EQ(error(store(kResult + 8188, 0, 1, 4, 1, 1)), fine);
  // One row of four sums across the end: three of them are inside.
  EXPECT_EQ(error(store(kResult + 8192 - 12, 0, 1, 16, 1, 4)), refused(kResult + 8192));
  EXPECT_NE(word(kResult + 8188), 0x5C5C5C5Cu);
  EXPECT_EQ(word(kResult + 8192), 0x5C5C5C5Cu);
  make();
  window(true, kResult, kResult + 4095);
  EXPECT_EQ(error(store(kResult - 4, 0, 1, 4, 1, 1)), refused(kResult - 4));
  make();
  window(false, kRing, kData + 4095);
  EXPECT_EQ(error(load(SYSTOLE_DEST_ACT, kData, 0, 4096, 1, 0)), fine);
  EXPECT_EQ(error(load(SYSTOLE_DEST_ACT, kData + 8, 0, 4096, 1, 0)), refused(kData + 4096));
  make();
  window(false, kData, ~std::uint64_t{0});
  EXPECT_EQ(error(matmul(1, 1)), refused(kRing));
  make();
  write(SYSTOLE_REG_LOCK, SYSTOLE_LOCK_WINDOWS_MASK);
  EXPECT_FALSE(machine_->write_register(SYSTOLE_REG_READ_BASE_LO, 4096));
  EXPECT_EQ(read(SYSTOLE_REG_READ_BASE_LO), 0u);
  write(SYSTOLE_REG_LOCK, 0);
  EXPECT_EQ(read(SYSTOLE_REG_LOCK), unsigned{SYSTOLE_LOCK_WINDOWS_MASK});
  make();
  write(SYSTOLE_REG_CTRL, 0);
  write(SYSTOLE_REG_RING_TAIL, 1);
  write(SYSTOLE_REG_READ_LIMIT_HI, 0);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_RING});
  EXPECT_EQ(read(SYSTOLE_REG_READ_LIMIT_HI), 0xFFFFFFFFu);
}

TEST_F(MachineTest, AnErrorStopsAndASoftResetRestarts) {
  Record bad = matmul(1, 1);
  SET(bad, CMD_OPCODE, 0x7F);
  EXPECT_EQ(run({load(SYSTOLE_DEST_ACT, kData, 0, 1, 1, 0, 0, SYSTOLE_TOKEN_ACT_FULL), bad, store(kResult, 0, 1, 4, 1, 1)}),
            Machine::Step::failed);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_INDEX), 1u);
  EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), 1u);
  EXPECT_EQ(read(SYSTOLE_REG_IRQ_STATUS), SYSTOLE_IRQ_STATUS_ERROR_MASK);
  EXPECT_EQ(word(kResult), 0x5C5C5C5Cu);
  write(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK | SYSTOLE_CTRL_ENABLE_MASK);
  written_ = 0;
  EXPECT_EQ(read(SYSTOLE_REG_STATUS), SYSTOLE_STATUS_QUIET_MASK);
  EXPECT_FALSE(machine_->irq());
  EXPECT_EQ(read(SYSTOLE_REG_RING_SIZE), 4u);
  EXPECT_EQ(run({matmul(1, 1, SYSTOLE_TOKEN_ACT_FULL)}), Machine::Step::blocked);  // tokens are gone, too
}

TEST_F(MachineTest, RefusesAnOverfullRingAndSetUpWhileBusy) {
  write(SYSTOLE_REG_CTRL, 0);
  write(SYSTOLE_REG_RING_TAIL, 16);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), 0u);
  write(SYSTOLE_REG_RING_TAIL, 17);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_RING});
  make();
  write(SYSTOLE_REG_CTRL, 0);
  write(SYSTOLE_REG_RING_TAIL, 1);
  write(SYSTOLE_REG_RING_SIZE, 5);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_RING});
  EXPECT_EQ(read(SYSTOLE_REG_RING_SIZE), 4u);
}

TEST_F(MachineTest, RegistersHaveTheirAccessRules) {
  EXPECT_FALSE(machine_->read_register(0x014).has_value());
  EXPECT_FALSE(machine_->read_register(0x002).has_value());
  EXPECT_FALSE(machine_->write_register(0xFFC, 0));
  write(SYSTOLE_REG_ID, 0);
  EXPECT_EQ(read(SYSTOLE_REG_ID), SYSTOLE_ID_VALUE);
  write(SYSTOLE_REG_WATCHDOG, 0x11223344);
  EXPECT_TRUE(machine_->write_register(SYSTOLE_REG_WATCHDOG, 0xAABBCCDD, 0x5));
  EXPECT_EQ(read(SYSTOLE_REG_WATCHDOG), 0x11BB33DDu);
  write(SYSTOLE_REG_RING_BASE_LO, 0xFFFFFFFF);
  EXPECT_EQ(read(SYSTOLE_REG_RING_BASE_LO), 0xFFFFFFC0u);
}

TEST_F(MachineTest, TheTwoRulesOfRequantisationDiffer) {
  const std::int32_t sums[] = {5, -5, 7, 1000};
  put(kData, sums, sizeof sums);
  const Record plain = store(kResult, 0, 1, 4, 1, 4);
  const Record floating = byte_results(plain, SYSTOLE_DTYPE_S8, SYSTOLE_REQUANT_FLOAT, 0x3F000000, 0, -10);  // times 0.5
  Record fixed = byte_results(plain, SYSTOLE_DTYPE_S8, SYSTOLE_REQUANT_FIXED, 1u << 30, 0, -10);             // the same
  SET(fixed, STORE_ADDRESS_LO, kResult + 4);
  Record right = byte_results(plain, SYSTOLE_DTYPE_U8, SYSTOLE_REQUANT_FIXED, 0x7FFFFFFF, -1, 100);  // nearly the same
  SET(right, STORE_ADDRESS_LO, kResult + 8);
  SET(right, STORE_CLAMP_MAX, 200);
  ASSERT_EQ(run({load(SYSTOLE_DEST_ACC, kData, 0, 16, 1, 0), floating, fixed, right}), Machine::Step::executed);
  const Bytes expected{0xF8, 0xF4, 0xFA, 127,  // 2.5 and -2.5 to even: 2 - 10, -2 - 10; 3.5: 4 - 10; above the range
                       0xF9, 0xF4, 0xFA, 127,  // halves go up: 3 - 10, -2 - 10, 4 - 10
                       103,  97,   104,  200,  // the division rounds halves away from zero: 3, -3, 4, 500 above the bound
                       0x5C};
  EXPECT_EQ(Bytes(&memory_[kResult - kBase], &memory_[kResult - kBase] + 13), expected);
}

TEST_F(MachineTest, RefusesBadParametersOfAColumn) {
  const Record plain = store(kResult, 0, 2, 8, 2, 3);  // two rows, columns 0 to 6 of entries 5 and 6
  struct Case {
    unsigned rule;
    std::uint32_t scale;
    int shift;
    bool legal;
  };
  const unsigned floating = SYSTOLE_REQUANT_FLOAT, fixed = SYSTOLE_REQUANT_FIXED;
  const Case cases[] = {{floating, 0x00000001, 99, true},  // no shifts in this rule
                        {floating, 0x7F7FFFFF, 0, true},
                        {floating, 0x00000000, 0, false},
                        {floating, 0x80000000, 0, false},
                        {floating, 0xBF800000, 0, false},
                        {floating, 0x7F800000, 0, false},
                        {floating, 0x7FC00000, 0, false},
                        {fixed, 0x00000000, 0, true},
                        {fixed, 0x7FFFFFFF, 30, true},
                        {fixed, 0x7FC00000, -31, true},
                        {fixed, 0x80000000, 0, false},
                        {fixed, 0xFFFFFFFF, 0, false},
                        {fixed, 1, -32, false},
                        {fixed, 1, 31, false}};
  for (const Case &c : cases) {
    for (unsigned column = 0; column < 8; ++column) {
      SCOPED_TRACE(std::to_string(c.rule) + ' ' + std::to_string(c.scale) + ' ' + std::to_string(c.shift) + " in column " +
                   std::to_string(column));
      make();
      std::fill(memory_.begin() + (kResult - kBase), memory_.end(), 0x5C);
      std::vector<std::uint32_t> scales(8, 0x3F800000);
      Bytes shifts(8, 0);
      scales[column] = c.scale;
      shifts[column] = static_cast<std::uint8_t>(c.shift);
      put(kData, scales.data(), 32);
      put(kData + 32, shifts);
      Record load_scales = load(SYSTOLE_DEST_PARAM, kData, 5, 32, 1, 0);
      SET(load_scales, LOAD_BANK, SYSTOLE_BANK_SCALE);
      Record load_shifts = load(SYSTOLE_DEST_PARAM, kData + 32, 5, 8, 1, 0);
      SET(load_shifts, LOAD_BANK, SYSTOLE_BANK_SHIFT);
      Record save = per_column(byte_results(plain, SYSTOLE_DTYPE_U8, c.rule, 0), 5);
      SET(save, STORE_ACC_N_STRIDE, 2);
      const bool fails = !c.legal && column < 7;  // nobody asks for the eighth column
      EXPECT_EQ(run({load_scales, load_shifts, save}), fails ? Machine::Step::failed : Machine::Step::executed);
      EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), fails ? unsigned{SYSTOLE_ERROR_PARAM} : 0u);
      EXPECT_EQ(read(SYSTOLE_REG_ERROR_INDEX), fails ? 2u : 0u);
      EXPECT_EQ(read(SYSTOLE_REG_ERROR_ADDR_LO), fails ? 5u + column / 4 : 0u);
      EXPECT_EQ(read(SYSTOLE_REG_RING_HEAD), fails ? 2u : 3u);
      EXPECT_EQ(memory_[kResult - kBase + 7], 0x5C) << "between the rows";
      EXPECT_EQ(memory_[kResult - kBase + 15], 0x5C) << "behind the last one";
    }
  }
}

TEST_F(MachineTest, AStoreStopsAtTheEndOfTheParameterBanks) {
  std::vector<std::uint32_t> scales(64 * 4, 0x3F800000);
  put(kData, scales.data(), 4 * scales.size());
  Record load_scales = load(SYSTOLE_DEST_PARAM, kData, 0, static_cast<std::uint32_t>(4 * scales.size()), 1, 0);
  SET(load_scales, LOAD_BANK, SYSTOLE_BANK_SCALE);
  const auto save = [](std::uint32_t n) {
    return per_column(byte_results(store(kResult, 0, 1, 0, n, 4), SYSTOLE_DTYPE_S8, SYSTOLE_REQUANT_FLOAT, 0), 62);
  };
  EXPECT_EQ(run({load_scales, save(2)}), Machine::Step::executed);
  EXPECT_EQ(run({save(3)}), Machine::Step::failed);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_CODE), unsigned{SYSTOLE_ERROR_RANGE});
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_INDEX), 2u);
  EXPECT_EQ(read(SYSTOLE_REG_ERROR_ADDR_LO), 64u);
}

/// With floating point; words of 4 lanes.
class FloatMachineTest : public MachineTest {
 protected:
  FloatMachineTest() : MachineTest("4x4") {}

  void put16(std::uint64_t address, const std::vector<std::uint16_t> &values) { put(address, values.data(), 2 * values.size()); }
  std::uint16_t half(std::uint64_t address) const { return static_cast<std::uint16_t>(word(address)); }

  static Record float_matmul(unsigned dtype, unsigned k_tail, unsigned n_tail) {
    Record r = matmul(k_tail, n_tail);
    SET(r, MATMUL_A_DTYPE, dtype);
    SET(r, MATMUL_B_DTYPE, dtype);
    return r;
  }
};

TEST_F(FloatMachineTest, DescribesItself) {
  // rows 4, cols 4, AXI 4 bytes, floating point, L = 4, 2 epilogue lanes, queues of 4.
  EXPECT_EQ(read(SYSTOLE_REG_CAP0), 2u | 2u << 4 | 2u << 8 | 1u << 12 | 4u << 16 | 1u << 20 | 4u << 24);
}

TEST_F(FloatMachineTest, AddsOneProductAfterTheOther) {
  // 2^24 + 1 + 1 + 1 + 1, one after the other: each sum is a tie, which goes back to 2^24. In the second K tile - 2^15 * 2^9 + 3 * 1.
  put16(kData, {0x3C00, 0x3C00, 0x3C00, 0x3C00, 0x7800, 0x4200});
  put16(kData + 64, {0x3C00, 0x3C00, 0x3C00, 0x3C00, 0xE000, 0x3C00});
  const std::uint32_t bias = 0x4B800000;
  put(kData + 128, &bias, 4);
  Record product = float_matmul(SYSTOLE_DTYPE_FP16, 4, 1);
  SET(product, MATMUL_SEED, SYSTOLE_SEED_BIAS);
  SET(product, MATMUL_K0, 2);
  SET(product, MATMUL_ACT_K0_STRIDE, 1);
  SET(product, MATMUL_WGT_K0_STRIDE, 1);
  EXPECT_EQ(run({load(SYSTOLE_DEST_PARAM, kData + 128, 0, 4, 1, 0), load(SYSTOLE_DEST_ACT, kData, 0, 12, 1, 0),
                 load(SYSTOLE_DEST_WGT, kData + 64, 0, 12, 1, 0), product,
                 float_results(store(kResult, 0, 1, 4, 1, 1), SYSTOLE_DTYPE_FP32)}),
            Machine::Step::executed);
  EXPECT_EQ(word(kResult), 0x40400000u);
}

TEST_F(FloatMachineTest, ElementsBeyondTheTailLeaveTheSumAlone) {
  // Infinities and NaNs beyond the tail; -0 + 1 * -0 stays -0, to which a product of +0 would have added +0.
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
    const bool bf16 = dtype == SYSTOLE_DTYPE_BF16;
    const std::uint16_t one = bf16 ? 0x3F80 : 0x3C00, infinity = bf16 ? 0x7F80 : 0x7C00;
    const auto nan = static_cast<std::uint16_t>(infinity + 1);
    const std::uint32_t minus_zero = 0x80000000;
    put(kData + 128, &minus_zero, 4);
    for (unsigned valid = 1; valid <= 4; ++valid) {
      for (const std::uint16_t beyond : {std::uint16_t{0}, infinity, nan}) {
        std::vector<std::uint16_t> a(4, one), b(4, 0x8000);
        for (unsigned lane = valid; lane < 4; ++lane) a[lane] = b[lane] = beyond;
        if (valid < 4) b[3] = infinity;  // 0 * infinity or infinity * infinity
        put16(kData, a);
        put16(kData + 64, b);
        make();
        Record product = float_matmul(dtype, 2 * valid, 1);
        SET(product, MATMUL_SEED, SYSTOLE_SEED_BIAS);
        EXPECT_EQ(run({load(SYSTOLE_DEST_PARAM, kData + 128, 0, 4, 1, 0), load(SYSTOLE_DEST_ACT, kData, 0, 8, 1, 0),
                       load(SYSTOLE_DEST_WGT, kData + 64, 0, 8, 1, 0), product,
                       float_results(store(kResult, 0, 1, 4, 1, 1), SYSTOLE_DTYPE_FP32)}),
                  Machine::Step::executed);
        EXPECT_EQ(word(kResult), minus_zero) << valid << ' ' << beyond;
      }
    }
  }
}

TEST_F(FloatMachineTest, StoresEveryResultType) {
  // 1 + 2^-11 (a tie for binary16), 65520 (too large for it), a NaN of another pattern, -0.
  const std::uint32_t sums[] = {0x3F801000, 0x477FF000, 0xFF812345, 0x80000000};
  put(kData, sums, sizeof sums);
  const Record plain = store(kResult, 0, 1, 16, 1, 4);
  const auto at = [](Record r, unsigned offset) {
    SET(r, STORE_ADDRESS_LO, kResult + offset);
    return r;
  };
  ASSERT_EQ(run({load(SYSTOLE_DEST_ACC, kData, 0, 16, 1, 0), plain, at(float_results(plain, SYSTOLE_DTYPE_FP32), 16),
                 at(float_results(plain, SYSTOLE_DTYPE_FP16), 32), at(float_results(plain, SYSTOLE_DTYPE_BF16), 40),
                 at(float_results(plain, SYSTOLE_DTYPE_FP16, 0x00000000, 0x3F800000), 48),
                 at(byte_results(plain, SYSTOLE_DTYPE_U8, SYSTOLE_REQUANT_FIXED, 0x7FFFFFFF, -22), 56)}),
            Machine::Step::executed);
  const std::uint32_t expected[] = {
      0x3F801000,
      0x477FF000,
      0xFF812345,
      0x80000000,  // S32
      0x3F801000,
      0x477FF000,
      0xFF812345,
      0x80000000,  // FP32: a clamp without bounds changes nothing
      0x3C00 | 0x7C00u << 16,
      0x7E00 | 0x8000u << 16,  // FP16
      0x3F80 | 0x4780u << 16,
      0x7FC0 | 0x8000u << 16,  // BF16
      0x3C00 | 0x3C00u << 16,
      0x7E00 | 0x8000u << 16,  // FP16 within +0 to 1: NaN and -0 pass
      0xFE | 0xFFu << 8 | 0x00u << 16 | 0x00u << 24,
      0x5C5C5C5Cu,  // U8 of the sums as integers
  };
  for (unsigned i = 0; i < std::size(expected); ++i) EXPECT_EQ(word(kResult + 4 * i), expected[i]) << i;
}

TEST_F(FloatMachineTest, ChecksTheFieldsOfFloatingPointCommands) {
  const unsigned legal = SYSTOLE_ERROR_NONE, field = SYSTOLE_ERROR_FIELD;
  for (unsigned a = 0; a < 16; ++a) {
    for (unsigned b = 0; b < 16; ++b) {
      Record r = matmul(2, 1);
      SET(r, MATMUL_A_DTYPE, a);
      SET(r, MATMUL_B_DTYPE, b);
      const bool fits = (a <= SYSTOLE_DTYPE_U8 && b <= SYSTOLE_DTYPE_U8) ||
                        (a == SYSTOLE_DTYPE_FP16 && b == SYSTOLE_DTYPE_FP16) ||
                        (a == SYSTOLE_DTYPE_BF16 && b == SYSTOLE_DTYPE_BF16);
      EXPECT_EQ(error_of(r), fits ? legal : field) << a << ' ' << b;
    }
  }
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16}) {
    const Record good = float_matmul(dtype, 8, 1);
    EXPECT_EQ(error_of(good), legal);
    EXPECT_EQ(error_of(float_matmul(dtype, 7, 1)), field);
    EXPECT_EQ(error_of(float_matmul(dtype, 10, 1)), field);
    Record r = good;
    SET(r, MATMUL_A_ZERO_POINT, 0x80);
    EXPECT_EQ(error_of(r), field);
    r = good;
    SET(r, MATMUL_B_ZERO_POINT, 1);
    EXPECT_EQ(error_of(r), field);
    r = good;
    SET(r, MATMUL_B_ZP_PER_COLUMN, 1);
    EXPECT_EQ(error_of(r), field);
  }
  const Record plain = store(kResult, 0, 1, 0, 1, 1);
  const std::uint32_t numbers[] = {0xFF800000, 0xFF7FFFFF, 0xBF800000, 0x80000001,
                                   0x00000001, 0x3F800000, 0x7F7FFFFF, 0x7F800000};
  for (const unsigned dtype : {SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16, SYSTOLE_DTYPE_FP32}) {
    for (unsigned low = 0; low < 8; ++low) {
      for (unsigned high = 0; high < 8; ++high)
        EXPECT_EQ(error_of(float_results(plain, dtype, numbers[low], numbers[high])), low <= high ? legal : field) << low << high;
      for (const std::uint32_t nan : {0x7F800001u, 0xFFC00000u}) {
        EXPECT_EQ(error_of(float_results(plain, dtype, nan, numbers[low])), field);
        EXPECT_EQ(error_of(float_results(plain, dtype, numbers[low], nan)), field);
      }
    }
    EXPECT_EQ(error_of(float_results(plain, dtype, 0, 0x80000000)), legal) << "the zeros are equal";
    EXPECT_EQ(error_of(float_results(plain, dtype, 0x80000000, 0)), legal);
#define EXPECT_FIELD(name)                         \
  {                                                \
    Record r = float_results(plain, dtype);        \
    SET(r, name, 1);                               \
    EXPECT_EQ(error_of(r), field) << #name " set"; \
  }
    EXPECT_FIELD(STORE_REQUANT)
    EXPECT_FIELD(STORE_PER_COLUMN)
    EXPECT_FIELD(STORE_OUT_ZERO_POINT)
    EXPECT_FIELD(STORE_SHIFT)
    EXPECT_FIELD(STORE_SCALE)
    EXPECT_FIELD(STORE_PARAM)
#undef EXPECT_FIELD
  }
}

TEST_F(FloatMachineTest, OneRingMixesIntegersAndFloats) {
  // The same bytes, as int8 (2 * 3 lanes) and as three binary16 numbers, into two accumulator rows; the int8 product last and first.
  put16(kData, {0x3C00, 0x4000, 0xC200});       // 1, 2, -3
  put16(kData + 64, {0x4400, 0x3800, 0x3C00});  // 4, 0.5, 1: 4 + 1 - 3
  const std::int32_t integers = 0x3C * 0x44 + 0x40 * 0x38 - 0x3E * 0x3C;
  Record first = matmul(6, 1);
  Record second = float_matmul(SYSTOLE_DTYPE_FP16, 6, 1);
  SET(second, MATMUL_ACC, 1);
  Record third = first;
  SET(third, MATMUL_ACC, 2);
  SET(third, MATMUL_SEED, SYSTOLE_SEED_ZERO);
  Record keep = second;  // once more on top of it
  SET(keep, MATMUL_SEED, SYSTOLE_SEED_KEEP);
  ASSERT_EQ(
      run({load(SYSTOLE_DEST_ACT, kData, 0, 6, 1, 0), load(SYSTOLE_DEST_WGT, kData + 64, 0, 6, 1, 0), first, second, third, keep,
           byte_results(store(kResult, 0, 1, 4, 1, 1), SYSTOLE_DTYPE_S8, SYSTOLE_REQUANT_FLOAT, 0x3C000000, 0, -1),  // / 128
           float_results(store(kResult + 4, 1, 1, 4, 1, 1), SYSTOLE_DTYPE_BF16), store(kResult + 8, 2, 1, 4, 1, 1)}),
      Machine::Step::executed);
  EXPECT_EQ(memory_[kResult - kBase], static_cast<std::uint8_t>(static_cast<std::int8_t>((integers + 64) / 128 - 1)));
  EXPECT_EQ(half(kResult + 4), 0x4080);  // 4
  EXPECT_EQ(words(kResult + 8, 1), std::vector<std::int32_t>{integers});
}

/// Random commands on every configuration: strides, loops and tails are arbitrary, buffers are full of random bytes.
class RandomMachineTest : public MachineTest, public ::testing::WithParamInterface<std::string> {
 protected:
  RandomMachineTest() : MachineTest(GetParam()) {}
};

TEST_P(RandomMachineTest, MatmulsEqualTheGoldenModelTileByTile) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(test_seed()));
  std::mt19937 random(test_seed());
  const auto range = [&random](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(high - low + 1));
  };
  const std::int64_t cols = config_.cols, word_bytes = config_.word_bytes();
  // The first 320 words of each buffer, all zero points, biases and accumulator rows 0 to 199 are defined.
  const std::int64_t words_used = 320, rows_used = 200;
  const Bytes act = random_operands(random, static_cast<std::size_t>(words_used * word_bytes));
  const Bytes wgt = random_operands(random, static_cast<std::size_t>(words_used * word_bytes));
  const Bytes zero_points = random_bytes(random, config_.param_entries * config_.cols);
  std::vector<std::int32_t> bias(config_.param_entries * config_.cols);
  for (std::int32_t &value : bias) value = static_cast<std::int32_t>(random());
  std::vector<std::int32_t> acc(static_cast<std::size_t>(rows_used * cols));
  for (std::int32_t &value : acc) value = static_cast<std::int32_t>(random());

  std::uint64_t at = kData;
  const auto fill = [&](unsigned dest, unsigned bank, const void *data, std::size_t size) {
    put(at, data, size);
    Record r = load(dest, at, 0, static_cast<std::uint32_t>(size), 1, 0);
    SET(r, LOAD_BANK, bank);
    at += size + 3;
    return r;
  };
  ASSERT_EQ(run({fill(SYSTOLE_DEST_ACT, 0, act.data(), act.size()), fill(SYSTOLE_DEST_WGT, 0, wgt.data(), wgt.size()),
                 fill(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_B_ZERO_POINT, zero_points.data(), zero_points.size()),
                 fill(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_BIAS, bias.data(), 4 * bias.size()),
                 fill(SYSTOLE_DEST_ACC, 0, acc.data(), 4 * acc.size())}),
            Machine::Step::executed);

  for (unsigned round = 0; round < 150; ++round) {
    const std::int64_t m0 = range(1, 6), m1 = range(1, 4), k0 = range(1, 3), k1 = range(1, 3), n = range(1, 3);
    // int8 twice, or a floating-point type with whole elements and without zero points; both share accumulators and biases.
    const unsigned kind = config_.fp ? static_cast<unsigned>(range(0, 2)) : 0;
    const bool floating = kind != 0;
    const golden::DType float_type = kind == 1 ? golden::DType::fp16 : golden::DType::bf16;
    const std::int64_t k_tail = floating ? 2 * range(1, word_bytes / 2) : range(1, word_bytes), n_tail = range(1, cols);
    const std::int64_t act_m0 = range(-9, 9), act_m1 = range(-9, 9), act_k0 = range(-9, 9), act_k1 = range(-9, 9);
    const std::int64_t wgt_k0 = range(-9, 9), wgt_k1 = range(-9, 9), wgt_n = range(-9, 9), wgt_col = range(-3, 3);
    const std::int64_t act_first = range(115, 140), wgt_first = range(150, 160), acc_first = range(30, 140),
                       acc_n = range(-12, 12);
    const std::int64_t param = range(0, config_.param_entries - 3);
    const bool a_signed = (random() & 1) != 0, b_signed = (random() & 1) != 0, per_column = !floating && (random() & 1) != 0,
               n_inner = (random() & 1) != 0;
    const auto a_zero = static_cast<std::uint8_t>(floating ? 0 : random()),
               b_zero = static_cast<std::uint8_t>(floating ? 0 : random());
    const auto seed = static_cast<unsigned>(random() % 3);
    const auto float_dtype = static_cast<unsigned>(float_type);

    Record r = matmul(static_cast<unsigned>(k_tail), static_cast<unsigned>(n_tail));
    SET(r, MATMUL_A_DTYPE, floating ? float_dtype : unsigned{a_signed ? SYSTOLE_DTYPE_S8 : SYSTOLE_DTYPE_U8});
    SET(r, MATMUL_B_DTYPE, floating ? float_dtype : unsigned{b_signed ? SYSTOLE_DTYPE_S8 : SYSTOLE_DTYPE_U8});
    SET(r, MATMUL_SEED, seed);
    SET(r, MATMUL_ORDER, n_inner ? SYSTOLE_ORDER_N_INNER : SYSTOLE_ORDER_K_INNER);
    SET(r, MATMUL_B_ZP_PER_COLUMN, per_column);
    SET(r, MATMUL_A_ZERO_POINT, a_zero);
    SET(r, MATMUL_B_ZERO_POINT, b_zero);
    SET(r, MATMUL_ACT, act_first);
    SET(r, MATMUL_WGT, wgt_first);
    SET(r, MATMUL_ACC, acc_first);
    SET(r, MATMUL_PARAM, param);
    SET(r, MATMUL_M0, m0);
    SET(r, MATMUL_M1, m1);
    SET(r, MATMUL_ACT_M0_STRIDE, act_m0);
    SET(r, MATMUL_ACT_M1_STRIDE, act_m1);
    SET(r, MATMUL_K0, k0);
    SET(r, MATMUL_K1, k1);
    SET(r, MATMUL_ACT_K0_STRIDE, act_k0);
    SET(r, MATMUL_ACT_K1_STRIDE, act_k1);
    SET(r, MATMUL_WGT_K0_STRIDE, wgt_k0);
    SET(r, MATMUL_WGT_K1_STRIDE, wgt_k1);
    SET(r, MATMUL_N, n);
    SET(r, MATMUL_WGT_N_STRIDE, wgt_n);
    SET(r, MATMUL_WGT_COL_STRIDE, wgt_col);
    SET(r, MATMUL_ACC_N_STRIDE, acc_n);
    ASSERT_EQ(run({r}), Machine::Step::executed)
        << "round " << round << ": error " << read(SYSTOLE_REG_ERROR_CODE) << " at " << read(SYSTOLE_REG_ERROR_ADDR_LO);

    // The reference's text, one golden product a tile.
    std::vector<std::array<std::int64_t, 3>> tiles;
    if (n_inner) {
      for (std::int64_t x1 = 0; x1 < k1; ++x1)
        for (std::int64_t x0 = 0; x0 < k0; ++x0)
          for (std::int64_t t = 0; t < n; ++t) tiles.push_back({t, x1, x0});
    } else {
      for (std::int64_t t = 0; t < n; ++t)
        for (std::int64_t x1 = 0; x1 < k1; ++x1)
          for (std::int64_t x0 = 0; x0 < k0; ++x0) tiles.push_back({t, x1, x0});
    }
    const std::int64_t m = m0 * m1;
    for (const auto &[t, x1, x0] : tiles) {
      const std::int64_t columns = t == n - 1 ? n_tail : cols;
      const std::int64_t depth = x0 == k0 - 1 ? k_tail : word_bytes;
      Bytes a, b;
      for (std::int64_t row = 0; row < m; ++row) {
        const std::int64_t word = act_first + x1 * act_k1 + x0 * act_k0 + row / m0 * act_m1 + row % m0 * act_m0;
        a.insert(a.end(), act.begin() + word * word_bytes, act.begin() + word * word_bytes + depth);
      }
      std::vector<std::int32_t> b_zp;
      for (std::int64_t column = 0; column < columns; ++column) {
        const std::int64_t word = wgt_first + t * wgt_n + x1 * wgt_k1 + x0 * wgt_k0 + column * wgt_col;
        b.insert(b.end(), wgt.begin() + word * word_bytes, wgt.begin() + word * word_bytes + depth);
        const std::uint8_t zero = per_column ? zero_points[static_cast<std::size_t>((param + t) * cols + column)] : b_zero;
        b_zp.push_back(b_signed ? static_cast<std::int8_t>(zero) : zero);
      }
      std::vector<std::int32_t> start, result(static_cast<std::size_t>(m * columns));
      const bool first = x1 == 0 && x0 == 0;
      for (std::int64_t row = 0; row < m; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
          const auto index = static_cast<std::size_t>((acc_first + t * acc_n + row) * cols + column);
          start.push_back(!first || seed == SYSTOLE_SEED_KEEP ? acc[index]
                          : seed == SYSTOLE_SEED_BIAS         ? bias[static_cast<std::size_t>((param + t) * cols + column)]
                                                              : 0);
        }
      }
      const auto m_size = static_cast<std::size_t>(m), n_size = static_cast<std::size_t>(columns);
      if (floating) {
        const std::vector<std::uint32_t> start_bits(start.begin(), start.end());
        std::vector<std::uint32_t> sums(result.size());
        golden::gemm_float(float_type, m_size, n_size, static_cast<std::size_t>(depth / 2), a.data(), b.data(), start_bits.data(),
                           nullptr, sums.data());
        result.assign(sums.begin(), sums.end());
      } else {
        golden::gemm_int(m_size, n_size, static_cast<std::size_t>(depth), golden::Operand{a.data(), a_signed, depth},
                         golden::Operand{b.data(), b_signed, depth}, a_signed ? static_cast<std::int8_t>(a_zero) : a_zero,
                         b_zp.data(), start.data(), nullptr, result.data());
      }
      for (std::int64_t row = 0; row < m; ++row) {
        for (std::int64_t column = 0; column < cols; ++column) {
          const auto index = static_cast<std::size_t>((acc_first + t * acc_n + row) * cols + column);
          if (column < columns) {
            acc[index] = result[static_cast<std::size_t>(row * columns + column)];
          } else {
            std::memcpy(&acc[index], &kPoison32, 4);
          }
        }
      }
    }
    ASSERT_EQ(run({store(kResult, 0, rows_used, static_cast<std::int32_t>(4 * cols), 1, config_.cols)}), Machine::Step::executed);
    ASSERT_EQ(words(kResult, acc.size()), acc) << "round " << round;
  }
}

TEST_P(RandomMachineTest, StoresEqualTheGoldenEpilogue) {
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(test_seed()));
  std::mt19937 random(test_seed());
  const auto range = [&random](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(high - low + 1));
  };
  const std::int64_t cols = config_.cols, rows_used = 64, entries = config_.param_entries;
  // Sums: small and large integers, any binary32 patterns, and numbers near the limits of binary16.
  std::vector<std::uint32_t> acc(static_cast<std::size_t>(rows_used * cols));
  for (std::uint32_t &value : acc) {
    value = static_cast<std::uint32_t>(random());
    if (random() % 2 == 0) value = (value & 0x807FFFFF) | static_cast<std::uint32_t>(range(95, 145)) << 23;
    if (random() % 4 == 0) value = static_cast<std::uint32_t>(range(-1000, 1000));
    if (random() % 4 == 0) value &= 0xFFFFF000;  // ties
  }
  // Legal values of both rules: positive finite binary32 numbers that are multipliers as well; half of them of useful size.
  std::vector<std::uint32_t> scales(static_cast<std::size_t>(entries * cols));
  Bytes shifts(scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    scales[i] = static_cast<std::uint32_t>(range(1, 0x7F7FFFFF));
    if (random() % 2 == 0) scales[i] = (scales[i] & 0x7FFFFF) | static_cast<std::uint32_t>(range(96, 130)) << 23;
    shifts[i] = static_cast<std::uint8_t>(range(-31, 30));
  }
  std::uint64_t at = kData;
  const auto fill = [&](unsigned dest, unsigned bank, const void *data, std::size_t size) {
    put(at, data, size);
    Record r = load(dest, at, 0, static_cast<std::uint32_t>(size), 1, 0);
    SET(r, LOAD_BANK, bank);
    at += size;
    return r;
  };
  ASSERT_EQ(run({fill(SYSTOLE_DEST_ACC, 0, acc.data(), 4 * acc.size()),
                 fill(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SCALE, scales.data(), 4 * scales.size()),
                 fill(SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SHIFT, shifts.data(), shifts.size())}),
            Machine::Step::executed);

  for (unsigned round = 0; round < 300; ++round) {
    golden::Epilogue epilogue;
    const golden::DType integers[] = {golden::DType::s8, golden::DType::u8, golden::DType::s32};
    const golden::DType floats[] = {golden::DType::fp16, golden::DType::bf16, golden::DType::fp32};
    epilogue.out = config_.fp && random() % 2 == 0 ? floats[random() % 3] : integers[random() % 3];
    const bool bytes = golden::size(epilogue.out) == 1;
    const std::int64_t m0 = range(1, 3), m1 = range(1, 3), n = range(1, 3), n_tail = range(1, cols);
    const std::int64_t columns = (n - 1) * cols + n_tail, param = range(0, entries - n);
    const std::int64_t acc_first = range(16, 32), acc_n = range(-8, 8);
    const auto row_bytes = static_cast<std::int64_t>(golden::size(epilogue.out)) * columns;
    const std::int64_t pitch0 = row_bytes + range(0, 5), pitch1 = m0 * pitch0 + range(0, 5);

    Record r = store(kResult + 64 + round % 8, static_cast<std::uint32_t>(acc_first), static_cast<std::uint32_t>(m0),
                     static_cast<std::int32_t>(pitch0), static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n_tail));
    SET(r, STORE_M1, m1);
    SET(r, STORE_PITCH1, pitch1);
    SET(r, STORE_ACC_N_STRIDE, acc_n);
    SET(r, STORE_OUT_DTYPE, epilogue.out);
    if (golden::is_float(epilogue.out) && random() % 2 == 0) {
      const float bound = std::ldexp(static_cast<float>(range(1, 999)), static_cast<int>(range(-20, 10)));
      epilogue.clamp_min = golden::as_bits(random() % 2 == 0 ? -bound : bound / 2);
      epilogue.clamp_max = golden::as_bits(bound);
    }
    if (bytes) {
      const std::int64_t lowest = epilogue.out == golden::DType::s8 ? -128 : 0;
      epilogue.zero_point = static_cast<std::int32_t>(range(lowest, lowest + 255));
      if (random() % 2 == 0) {
        const std::int64_t low = range(lowest, lowest + 255);
        epilogue.clamp_min = static_cast<std::uint32_t>(low);
        epilogue.clamp_max = static_cast<std::uint32_t>(range(low, lowest + 255));
      }
      epilogue.rule = random() % 2 == 0 ? golden::Requant::floating : golden::Requant::fixed;
      const bool fixed = epilogue.rule == golden::Requant::fixed, per_column = random() % 2 == 0;
      const auto first = static_cast<std::size_t>(param * cols);
      for (std::size_t j = first; j < first + static_cast<std::size_t>(per_column ? columns : 1); ++j) {
        if (!fixed) epilogue.scale.push_back(scales[j]);
        if (fixed) epilogue.multiplier.push_back(static_cast<std::int32_t>(scales[j]));
        if (fixed) epilogue.shift.push_back(static_cast<std::int8_t>(shifts[j]));
      }
      SET(r, STORE_REQUANT, epilogue.rule);
      SET(r, STORE_OUT_ZERO_POINT, epilogue.zero_point);
      SET(r, STORE_PER_COLUMN, per_column);
      SET(r, STORE_PARAM, per_column ? param : 0);
      if (!per_column) SET(r, STORE_SCALE, scales[first]);
      if (!per_column && fixed) SET(r, STORE_SHIFT, epilogue.shift[0]);
    }
    SET(r, STORE_CLAMP_MIN, epilogue.low());
    SET(r, STORE_CLAMP_MAX, epilogue.high());
    const std::size_t window = 64 + 8 + static_cast<std::size_t>(m1 * pitch1) + 64;
    std::fill_n(memory_.begin() + (kResult - kBase), window, 0x5C);
    ASSERT_EQ(run({r}), Machine::Step::executed)
        << "round " << round << ": error " << read(SYSTOLE_REG_ERROR_CODE) << " at " << read(SYSTOLE_REG_ERROR_ADDR_LO);

    // The same rows, one golden epilogue each, between bytes that stay as they were.
    Bytes expected(window, 0x5C);
    for (std::int64_t row = 0; row < m0 * m1; ++row) {
      std::vector<std::uint32_t> sums;
      for (std::int64_t j = 0; j < columns; ++j)
        sums.push_back(acc[static_cast<std::size_t>((acc_first + j / cols * acc_n + row) * cols + j % cols)]);
      golden::apply(epilogue, 1, sums.size(), sums.data(), &expected[64 + round % 8 + row / m0 * pitch1 + row % m0 * pitch0]);
    }
    const auto begin = memory_.begin() + (kResult - kBase);
    ASSERT_EQ(Bytes(begin, begin + static_cast<std::ptrdiff_t>(window)), expected)
        << "round " << round << ", " << golden::name(epilogue.out);
  }
}

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const platform::ConfigInfo &config : platform::configs()) names.push_back(config.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(AllConfigurations, RandomMachineTest, ::testing::ValuesIn(config_names()), [](const auto &info) {
  std::string name = info.param;
  for (char &c : name) {
    if (c == '-') c = '_';
  }
  return name;
});

}  // namespace
}  // namespace systole::model
