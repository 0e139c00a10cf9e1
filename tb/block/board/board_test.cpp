// SPDX-License-Identifier: Apache-2.0
// The whole board by its pins: serial line in, serial line out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "Vboard.h"
#include "Vboard_bench.h"
#include "firmware/include/systole_regs.h"
#include "tb/block/board/line.hpp"

namespace {

using namespace systole::line;

constexpr unsigned CLOCKS = 8;  // a bit
constexpr unsigned MEMORY = 16384;

template <typename Model>
class Board {
 public:
  Board() {
    model.rst_ni = 0;
    model.rx_i = 1;
    cycles(20);
    model.rst_ni = 1;
    cycles(20);
  }
  void cycles(unsigned count) {
    for (unsigned i = 0; i < count; ++i) cycle();
  }
  /// Sends a frame and waits for the reply; none in 40,000 cycles beyond the frame: nullopt.
  std::optional<Reply> ask(const Bytes &frame) {
    sender.send(slip(frame));
    return reply();
  }
  std::optional<Reply> reply(unsigned patience = 40000) {
    for (unsigned quiet = 0; quiet < patience; ++quiet) {
      if (!sender.idle() || model.tx_o == 0) quiet = 0;
      if (auto reply = cycle()) return reply;
    }
    return std::nullopt;
  }
  Reply read(uint8_t op, uint32_t address, unsigned length) { return expect(request(op, ++seq, address, length)); }
  Reply write(uint8_t op, uint32_t address, const Bytes &data) {
    return expect(request(op, ++seq, address, static_cast<unsigned>(data.size()), data));
  }
  uint32_t word(uint32_t address) {
    const Reply reply = read(REG_READ, address, 4);
    EXPECT_EQ(reply.status, OK);
    EXPECT_EQ(reply.data.size(), 4U);
    uint32_t value = 0;
    for (size_t i = 0; i < reply.data.size(); ++i) value |= uint32_t{reply.data[i]} << (8 * i);
    return value;
  }
  Model model;
  Sender sender{CLOCKS};
  Receiver receiver{CLOCKS};
  Decoder decoder;
  uint8_t seq = 0;

 private:
  Reply expect(const Bytes &frame) {
    const auto reply = ask(with_crc(frame));
    EXPECT_TRUE(reply.has_value()) << "no reply";
    if (!reply) return {};
    EXPECT_EQ(reply->op, frame[0] | 0x80);
    EXPECT_EQ(reply->seq, frame[1]);
    EXPECT_EQ(decoder.bad, 0U);
    EXPECT_EQ(receiver.errors, 0U);
    return *reply;
  }
  std::optional<Reply> cycle() {
    model.rx_i = sender.level() ? 1 : 0;
    model.clk_i = 0;
    model.eval();
    model.clk_i = 1;
    model.eval();
    const auto byte = receiver.sample(model.tx_o != 0);
    return byte ? decoder.feed(*byte) : std::nullopt;
  }
};

Bytes random_bytes(std::mt19937 &random, size_t count) {
  Bytes bytes(count);
  for (auto &byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(BoardTest, SaysWhatItIs) {
  Board<Vboard> board;
  EXPECT_EQ(board.word(0x1000), 0x53595342U);
  EXPECT_EQ(board.word(0x1004), 1U);
  EXPECT_EQ(board.word(0x1008), 77U);
  EXPECT_EQ(board.word(0x100c), 8000000U);
  EXPECT_EQ(board.word(0x1010), 1000000U);
  EXPECT_EQ(board.word(0x1014), MEMORY);
  EXPECT_EQ(board.word(0x1018), 0U);
  EXPECT_EQ(board.word(0x101c), MAX);
  EXPECT_EQ(board.word(0x1020), 0U);
  EXPECT_EQ(board.word(0x10fc), 0U);
  EXPECT_EQ(board.write(REG_WRITE, 0x1000, Bytes(4)).status, SLV_ERR);
  EXPECT_EQ(board.read(REG_READ, 0x10fc, 8).status, DEC_ERR);
  EXPECT_EQ(board.read(REG_READ, 0x1100, 4).status, DEC_ERR);
  EXPECT_EQ(board.read(REG_READ, 0x80000000, 4).status, DEC_ERR);
  EXPECT_EQ(board.read(REG_READ, 0x00011000, 4).status, DEC_ERR);
}

template <typename Model>
void notices_a_reset() {
  Board<Model> board;
  EXPECT_EQ(board.word(0x1024), 0U);
  EXPECT_EQ(board.write(REG_WRITE, 0x1024, {0x78, 0x56, 0x34, 0x12}).status, OK);
  EXPECT_EQ(board.write(REG_WRITE, 0x1020, Bytes(4)).status, SLV_ERR);
  EXPECT_EQ(board.write(REG_WRITE, 0x1028, Bytes(4)).status, SLV_ERR);
  EXPECT_EQ(board.word(0x1024), 0x12345678U);
  board.model.rst_ni = 0;
  board.cycles(20);
  board.model.rst_ni = 1;
  board.cycles(20);
  EXPECT_EQ(board.word(0x1024), 0U);
}

TEST(BoardTest, ForgetsTheSessionInAReset) { notices_a_reset<Vboard>(); }
TEST(BoardTest, BenchForgetsTheSessionInAReset) { notices_a_reset<Vboard_bench>(); }

TEST(BoardTest, ReachesTheAcceleratorsRegisters) {
  Board<Vboard> board;
  const uint32_t version = board.word(SYSTOLE_REG_VERSION);
  EXPECT_NE(version, 0U);
  EXPECT_EQ(board.word(SYSTOLE_REG_RING_BASE_LO), 0U);
  EXPECT_EQ(board.write(REG_WRITE, SYSTOLE_REG_RING_BASE_LO, {0x40, 0x23, 0x01, 0x00}).status, OK);
  EXPECT_EQ(board.word(SYSTOLE_REG_RING_BASE_LO), 0x00012340U);
  EXPECT_EQ(board.word(SYSTOLE_REG_VERSION), version);
}

TEST(BoardTest, KeepsItsMemory) {
  std::mt19937 random(1);
  Board<Vboard> board;
  Bytes memory = random_bytes(random, MEMORY);
  for (unsigned at = 0; at < MEMORY; at += MAX)
    ASSERT_EQ(board.write(MEM_WRITE, at, Bytes(memory.begin() + at, memory.begin() + at + MAX)).status, OK);
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned size = 1 + random() % (i % 3 == 0 ? MAX : 20);
    const unsigned at = static_cast<unsigned>(random() % (MEMORY - size + 1));
    const Bytes data = random_bytes(random, size);
    ASSERT_EQ(board.write(MEM_WRITE, at, data).status, OK);
    std::copy(data.begin(), data.end(), memory.begin() + at);
  }
  for (unsigned at = 0; at < MEMORY; at += MAX) {
    const Reply reply = board.read(MEM_READ, at, MAX);
    ASSERT_EQ(reply.status, OK);
    ASSERT_EQ(reply.data, Bytes(memory.begin() + at, memory.begin() + at + MAX)) << at;
  }
  for (unsigned i = 0; i < 40; ++i) {
    const unsigned size = 1 + random() % 30;
    const unsigned at = static_cast<unsigned>(random() % (MEMORY - size + 1));
    ASSERT_EQ(board.read(MEM_READ, at, size).data, Bytes(memory.begin() + at, memory.begin() + at + size));
  }
  EXPECT_EQ(board.read(MEM_READ, MEMORY, 1).status, DEC_ERR);
  EXPECT_EQ(board.read(MEM_READ, MEMORY - 1, 2).status, DEC_ERR);
  EXPECT_EQ(board.read(MEM_READ, MEMORY - 1, 1).status, OK);
  EXPECT_EQ(board.write(MEM_WRITE, 0xfffffffc, Bytes(8, 0x55)).status, DEC_ERR);
  EXPECT_EQ(board.read(MEM_READ, 0, 4).data, Bytes(memory.begin(), memory.begin() + 4));  // no wrap-around
}

TEST(BoardTest, LivesThroughAResetInAFrame) {
  Board<Vboard> board;
  const Bytes line = slip(with_crc(request(MEM_WRITE, 1, 0, 100, Bytes(100, 0xC0))));
  ASSERT_EQ(board.write(MEM_WRITE, 0, Bytes(100, 0x11)).status, OK);
  for (const unsigned after : {3U, 30U, 111U, 150U}) {
    board.sender.send(line);
    board.cycles(after * 10 * CLOCKS);
    board.model.rst_ni = 0;  // in the frame, the access, the reply
    board.cycles(20);
    board.model.rst_ni = 1;
    board.decoder = {};
    board.reply(400);
    while (!board.sender.idle()) board.cycles(1);
    board.cycles(3000);
    board.decoder = {};
    board.receiver = Receiver(CLOCKS);
    auto reply = board.ask(with_crc(request(MEM_READ, 9, 0, 100)));
    if (reply && reply->status == BAD_FRAME) reply = board.ask(with_crc(request(MEM_READ, 9, 0, 100)));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->seq, 9);
    EXPECT_EQ(reply->status, OK);
    EXPECT_EQ(reply->data, Bytes(100, 0x11)) << "a part of a frame was carried out";
  }
}

TEST(BoardTest, BenchSaysWhatItIs) {
  Board<Vboard_bench> board;
  EXPECT_EQ(board.word(0x1000), 0x53595342U);
  EXPECT_EQ(board.word(0x1008), 78U);
  EXPECT_EQ(board.word(0x1014), 0U);
  EXPECT_EQ(board.word(0x1018), 1U);
  EXPECT_EQ(board.word(0x1020), 0x00060402U);  // 2 rows, 4 columns, 2^6 cycles
  EXPECT_EQ(board.read(MEM_READ, 0, 4).status, DEC_ERR);
  EXPECT_EQ(board.read(REG_READ, 0, 4).status, DEC_ERR);
  EXPECT_EQ(board.read(REG_READ, 0x10000, 4).status, DEC_ERR);
  EXPECT_EQ(board.word(0x2000), 0U);
  EXPECT_EQ(board.read(REG_READ, 0x4000, 4).status, SLV_ERR);
  EXPECT_EQ(board.write(REG_WRITE, 0x8000, Bytes(4)).status, SLV_ERR);
}

}  // namespace
