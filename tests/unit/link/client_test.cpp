// SPDX-License-Identifier: Apache-2.0
#include "sim/link/client.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <string>

#include "firmware/include/systole_regs.h"
#include "tests/fake_board/fake_board.hpp"

namespace systole::link {
namespace {

using fake::BoardSettings;
using fake::FakeBoard;
using fake::FakeLine;

Settings fixed_seq(std::uint8_t seq = 7) {
  Settings out;
  out.first_seq = seq;
  return out;
}

Bytes random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (std::uint8_t &byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

Bytes read(Client &client, std::uint32_t address, std::size_t size) {
  Bytes out(size);
  client.read_memory(address, out.data(), size);
  return out;
}

/// The message of the Error that the action throws.
std::string message(const std::function<void()> &action) {
  try {
    action();
  } catch (const Error &error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "nothing was thrown";
}

#define EXPECT_MESSAGE(part, action) EXPECT_NE(message([&] { action; }).find(part), std::string::npos) << message([&] { action; })

/// A good board on a good line, connected.
struct Bench {
  explicit Bench(const BoardSettings &settings = {}, const Settings &how = fixed_seq())
      : board(settings), line(board), client(line, how) {
    client.connect(1'000'000);
  }
  FakeBoard board;
  FakeLine line;
  Client client;
};

/// A line whose bytes come one by one.
struct Trickle final : Stream {
  explicit Trickle(FakeLine &inner) : inner(inner) {}
  FakeLine &inner;
  const std::string &name() const override { return inner.name(); }
  void set_baud(unsigned baud) override { inner.set_baud(baud); }
  void write(const std::uint8_t *data, std::size_t size, Duration limit) override { inner.write(data, size, limit); }
  std::size_t read(std::uint8_t *data, std::size_t, Duration limit) override { return inner.read(data, 1, limit); }
};

TEST(LinkClientTest, ReadsWhatTheBoardSaysOfItself) {
  BoardSettings settings;
  settings.id = 1;
  Bench bench(settings);
  EXPECT_EQ(bench.client.info().name(), "ulx3s-85f");
  EXPECT_EQ(bench.client.info().clock_hz, settings.clock_hz);
  EXPECT_EQ(bench.client.info().memory_bytes, settings.memory_bytes);
  EXPECT_EQ(bench.client.info().max_data, 1024u);
  EXPECT_EQ(bench.client.baud(), 1'000'000u);
}

TEST(LinkClientTest, MemoryOfAnyLengthAtAnyAddressComesBack) {
  Bench bench;
  for (const std::size_t size : {1, 2, 3, 15, 16, 17, 1023, 1024, 1025, 5000}) {
    for (const std::uint32_t address : {0u, 1u, 7u, 4093u}) {
      const Bytes data = random_bytes(size, address + static_cast<std::uint32_t>(size));
      bench.client.write_memory(address, data.data(), size);
      ASSERT_TRUE(std::equal(data.begin(), data.end(), bench.board.memory().begin() + address));
      ASSERT_EQ(read(bench.client, address, size), data);
    }
  }
  EXPECT_EQ(bench.client.statistics().repeats, 0u);
}

TEST(LinkClientTest, RegistersComeBack) {
  Bench bench;
  EXPECT_EQ(bench.client.read_register(SYSTOLE_REG_ID), SYSTOLE_ID_VALUE);
  bench.client.write_register(SYSTOLE_REG_WATCHDOG, 0xC0DBDCDD);
  EXPECT_EQ(bench.client.read_register(SYSTOLE_REG_WATCHDOG), 0xC0DBDCDDu);
}

TEST(LinkClientTest, TheSessionWordTellsAReset) {
  constexpr std::uint32_t kSession = kInfoBase + 0x24;
  for (const std::uint32_t kind : {kKindAccelerator, kKindArrayBench}) {
    BoardSettings settings;
    settings.kind = kind;
    Bench bench(settings);
    EXPECT_EQ(bench.client.read_register(kSession), 0u);
    bench.client.write_register(kSession, 0x12345678);
    EXPECT_EQ(bench.client.read_register(kSession), 0x12345678u);
    bench.board.reset(false);
    EXPECT_EQ(bench.client.read_register(kSession), 0u);
  }
}

TEST(LinkClientTest, SaysWhatTheBoardRefuses) {
  Bench bench;
  Bytes data(4);
  EXPECT_MESSAGE("DECERR to a memory read of 4 bytes at 0x10000", bench.client.read_memory(0x10000, data.data(), 4));
  EXPECT_MESSAGE("SLVERR to a register write", bench.client.write_register(kInfoBase, 1));
  EXPECT_EQ(bench.client.ask(0x55, 0, 0, {}), Status::bad_op);
  EXPECT_EQ(bench.client.ask(0x01, 2, 4, {}), Status::bad_length);
  EXPECT_EQ(bench.client.statistics().repeats, 0u);
}

TEST(LinkClientTest, SurvivesCorruptedBytes) {
  Bench bench;
  bench.line.corrupted = 0.01;
  const Bytes data = random_bytes(20'000, 1);
  bench.client.write_memory(100, data.data(), data.size());
  EXPECT_TRUE(std::equal(data.begin(), data.end(), bench.board.memory().begin() + 100));
  EXPECT_EQ(read(bench.client, 100, data.size()), data);
  EXPECT_GT(bench.client.statistics().repeats, 100u);
  EXPECT_GT(bench.client.statistics().bad_frames, 10u);
  EXPECT_GT(bench.client.statistics().bad_replies, 10u);
}

TEST(LinkClientTest, SurvivesLostBytes) {
  Bench bench;
  bench.line.lost = 0.01;
  const Bytes data = random_bytes(20'000, 2);
  bench.client.write_memory(0, data.data(), data.size());
  EXPECT_EQ(read(bench.client, 0, data.size()), data);
  EXPECT_GT(bench.client.statistics().repeats, 100u);
}

TEST(LinkClientTest, SurvivesDoubledReplies) {
  Bench bench;
  bench.line.doubled = 0.3;
  bench.line.corrupted = 0.002;
  for (std::uint32_t round = 0; round < 50; ++round) {
    const Bytes data = random_bytes(700, round);
    bench.client.write_memory(round, data.data(), data.size());
    ASSERT_EQ(read(bench.client, round, data.size()), data);
  }
  EXPECT_GT(bench.client.statistics().stale, 20u);
}

TEST(LinkClientTest, ChunksShrinkWithNoiseAndGrowWithout) {
  Bench bench;
  EXPECT_EQ(bench.client.chunk(), 1024u);
  bench.line.corrupted = 0.03;
  const Bytes data = random_bytes(3000, 3);
  bench.client.write_memory(0, data.data(), data.size());
  EXPECT_LE(bench.client.chunk(), 64u);
  EXPECT_GE(bench.client.chunk(), Client::kMinChunk);
  bench.line.corrupted = 0;
  const Bytes more = random_bytes(30'000, 4);
  bench.client.write_memory(0, more.data(), more.size());
  EXPECT_EQ(bench.client.chunk(), 1024u);
}

TEST(LinkClientTest, AnotherRequestsReplyIsNotTaken) {
  Bench bench;
  const Bytes data = random_bytes(64, 5);
  bench.client.write_memory(0, data.data(), data.size());
  // Before each reply comes one of the same kind and length with another sequence number, and one with another operation.
  bench.line.on_write = [&](Bytes &frame) {
    Decoder decoder(1100);
    Bytes body;
    for (const std::uint8_t byte : frame) {
      if (decoder.push(byte) == Decoder::Event::frame) body = decoder.body();
    }
    for (const Bytes &head : {Bytes{static_cast<std::uint8_t>(body[0] | 0x80), static_cast<std::uint8_t>(body[1] - 1), 0, 0},
                              Bytes{0x92, body[1], 0, 0}, Bytes{static_cast<std::uint8_t>(body[0] | 0x80), body[1], 0, 1}}) {
      Bytes reply = head;
      reply.resize(4 + 64, 0xEE);
      const Bytes encoded = encode(reply);
      bench.line.to_host.insert(bench.line.to_host.end(), encoded.begin(), encoded.end());
    }
  };
  EXPECT_EQ(read(bench.client, 0, 64), data);
  EXPECT_EQ(bench.client.statistics().stale, 3u);
}

TEST(LinkClientTest, AReplyOfAnotherLengthIsNotTaken) {
  Bench bench;
  const Bytes data = random_bytes(64, 6);
  bench.client.write_memory(0, data.data(), data.size());
  bool once = true;
  bench.line.on_write = [&](Bytes &frame) {
    if (!std::exchange(once, false)) return;
    Bytes reply = {0x91, frame[3], 0, 0};  // as right as can be, but for the length
    reply.resize(4 + 63, 0xEE);
    const Bytes encoded = encode(reply);
    bench.line.to_host.insert(bench.line.to_host.end(), encoded.begin(), encoded.end());
  };
  EXPECT_EQ(read(bench.client, 0, 64), data);
  EXPECT_EQ(bench.client.statistics().bad_replies, 1u);
}

TEST(LinkClientTest, ARepeatIsTheSameFrameAndAShorterOneHasANumberOfItsOwn) {
  Bench bench;
  std::vector<Bytes> sent;
  bench.line.on_write = [&](Bytes &frame) {
    Decoder decoder(1100);
    for (const std::uint8_t byte : frame) {
      if (decoder.push(byte) == Decoder::Event::frame) sent.push_back(decoder.body());
    }
    if (sent.size() <= 10) frame[6] ^= 0x10;  // the board does not understand the first ten
  };
  const Bytes data = random_bytes(16, 7);
  bench.client.write_memory(0, data.data(), data.size());
  ASSERT_EQ(sent.size(), 11u);
  for (const Bytes &frame : sent) EXPECT_EQ(frame, sent.front());
  sent.clear();
  read(bench.client, 0, 1024);
  std::map<std::uint8_t, Bytes> by_number;
  for (const Bytes &frame : sent) EXPECT_EQ(by_number.emplace(frame[1], frame).first->second, frame);
  EXPECT_GT(by_number.size(), 5u);
}

TEST(LinkClientTest, AStrayComplaintCostsOneRepetitionAtMost) {
  FakeBoard board;
  FakeLine line(board);
  Trickle trickle(line);
  Client client(trickle, fixed_seq());
  client.connect(1'000'000);
  const Bytes complaint = encode({0x80, 0, 1, 0});
  line.to_host.insert(line.to_host.end(), complaint.begin(), complaint.end());
  const std::uint64_t before = line.writes;
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(client.read_register(SYSTOLE_REG_ID), SYSTOLE_ID_VALUE);
  EXPECT_EQ(line.writes - before, 101u);
}

TEST(LinkClientTest, AStormOfComplaintsEnds) {
  // A board that calls bad what arrives while it is busy: each repetition makes it complain once more, during the next request.
  FakeBoard board;
  FakeLine line(board);
  Trickle trickle(line);
  Client client(trickle, fixed_seq());
  client.connect(1'000'000);
  const Bytes complaint = encode({0x80, 0, 1, 0});
  Bytes last;
  bool owed = true;
  line.on_write = [&](Bytes &frame) {
    if (std::exchange(owed, frame == last)) line.to_host.insert(line.to_host.end(), complaint.begin(), complaint.end());
    last = frame;
  };
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(client.read_register(SYSTOLE_REG_ID), SYSTOLE_ID_VALUE);
  EXPECT_GE(client.statistics().repeats, 5u);
  EXPECT_LE(client.statistics().repeats, 20u);
}

TEST(LinkClientTest, GivesUpOnASilentBoard) {
  Bench bench;
  bench.line.silent_from = bench.line.writes;
  EXPECT_MESSAGE("fake: the board does not answer any more (5 time-outs in a row", bench.client.read_register(0));
}

TEST(LinkClientTest, GivesUpOnNoise) {
  Bench bench;
  bench.line.corrupted = 0.5;
  EXPECT_THROW(bench.client.read_register(0), Error);
  EXPECT_LE(bench.client.statistics().repeats, 51u);
}

TEST(LinkClientTest, AResetInMidFrameIsSurvived) {
  Bench bench;
  const Bytes data = random_bytes(4000, 8);
  unsigned frames = 0;
  bench.line.on_write = [&](Bytes &frame) {
    if (++frames != 2) return;
    std::deque<std::uint8_t> lost;
    for (std::size_t i = 0; i < 500; ++i) bench.board.receive(frame[i], lost);
    bench.board.reset(false);
    frame.erase(frame.begin(), frame.begin() + 500);
  };
  bench.client.write_memory(0, data.data(), data.size());
  EXPECT_EQ(read(bench.client, 0, data.size()), data);
  EXPECT_GT(bench.client.statistics().repeats, 0u);
}

TEST(LinkClientTest, WhatLiesInThePortIsThrownAway) {
  FakeBoard board;
  FakeLine line(board);
  Client client(line, fixed_seq(9));
  // An earlier process did not wait for this answer to the request of the same number.
  const Bytes old = encode({0x81, 9, 0, 0, 'x', 'x', 'x', 'x'});
  struct Late final : Stream {
    Late(FakeLine &inner, Bytes late) : inner(inner), late(std::move(late)) {}
    FakeLine &inner;
    Bytes late;
    const std::string &name() const override { return inner.name(); }
    void set_baud(unsigned baud) override {
      inner.set_baud(baud);
      inner.to_host.insert(inner.to_host.end(), late.begin(), late.end());  // still on its way through the adapter
    }
    void write(const std::uint8_t *data, std::size_t size, Duration limit) override { inner.write(data, size, limit); }
    std::size_t read(std::uint8_t *data, std::size_t size, Duration limit) override { return inner.read(data, size, limit); }
  } late(line, old);
  Client careful(late, fixed_seq(9));
  careful.connect(115'200);
  EXPECT_EQ(careful.info().link_version, 1u);
}

TEST(LinkClientTest, FindsTheBaudRate) {
  for (const unsigned right : {3'000'000u, 1'000'000u, 115'200u}) {
    FakeBoard board;
    FakeLine line(board);
    line.right_baud = right;
    Client client(line, fixed_seq());
    client.connect();
    EXPECT_EQ(client.baud(), right);
  }
}

TEST(LinkClientTest, TriesTheGivenBaudOnly) {
  FakeBoard board;
  FakeLine line(board);
  line.silent_from = 0;
  Client client(line, fixed_seq());
  EXPECT_MESSAGE("fake: no answer at 9600 baud", client.connect(9600));
  for (const unsigned baud : line.bauds) EXPECT_EQ(baud, 9600u);
}

TEST(LinkClientTest, SaysWhichBaudsWereTried) {
  FakeBoard board;
  FakeLine line(board);
  line.silent_from = 0;
  Client client(line, fixed_seq());
  EXPECT_MESSAGE("fake: no answer at 3000000, 1000000 and 115200 baud", client.connect());
}

TEST(LinkClientTest, SaysThatOnlyDamagedFramesCame) {
  FakeBoard board;
  FakeLine line(board);
  Client client(line, fixed_seq());
  line.on_write = [&](Bytes &) {
    for (const std::uint8_t byte : {0xC0, 1, 2, 3, 0xC0}) line.to_host.push_back(byte);
  };
  line.silent_from = 0;
  EXPECT_MESSAGE("only damaged frames", client.connect(115'200));
}

TEST(LinkClientTest, RefusesWhatIsNoBoard) {
  BoardSettings settings;
  settings.magic = 0x12345678;
  EXPECT_MESSAGE("no Systole board (its identification is 0x12345678)", Bench{settings});
}

TEST(LinkClientTest, RefusesAnotherLinkVersion) {
  BoardSettings settings;
  settings.link_version = 2;
  EXPECT_MESSAGE("speaks link version 2, this program version 1", Bench{settings});
}

TEST(LinkClientTest, RefusesInformationThatMakesNoSense) {
  for (const auto &spoil : {+[](BoardSettings &s) { s.kind = 7; }, +[](BoardSettings &s) { s.clock_hz = 0; },
                            +[](BoardSettings &s) { s.max_data = 3; }}) {
    BoardSettings settings;
    spoil(settings);
    EXPECT_MESSAGE("makes no sense", Bench{settings});
  }
}

TEST(LinkClientTest, KeepsToTheBoardsFrames) {
  BoardSettings settings;
  settings.max_data = 100;
  Bench bench(settings);
  std::size_t longest = 0;
  bench.line.on_write = [&](Bytes &frame) {
    Decoder decoder(2000);
    for (const std::uint8_t byte : frame) {
      if (decoder.push(byte) == Decoder::Event::frame) longest = std::max(longest, decoder.body().size());
    }
  };
  const Bytes data(3000, 1);
  bench.client.write_memory(0, data.data(), data.size());
  EXPECT_EQ(longest, 8u + 64);
}

TEST(LinkClientTest, FramesOfRegistersHoldWholeRegistersHoweverNoiseCutsThem) {
  BoardSettings settings;
  settings.max_data = 100;
  Bench bench(settings);
  bench.line.corrupted = 0.02;
  std::size_t shortest = settings.max_data;
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(bench.client.read_registers(kInfoBase, 32).front(), kMagic);
    shortest = std::min(shortest, bench.client.chunk());
  }
  EXPECT_EQ(shortest, Client::kMinChunk);
}

/// A line on which a byte of noise has come before the reply, and which tells for how long the next one is waited for.
struct NoiseFirst final : Stream {
  explicit NoiseFirst(FakeLine &inner) : inner(inner) {}
  FakeLine &inner;
  bool noise = false;
  std::optional<double> waited;
  const std::string &name() const override { return inner.name(); }
  void set_baud(unsigned baud) override { inner.set_baud(baud); }
  void write(const std::uint8_t *data, std::size_t size, Duration limit) override { inner.write(data, size, limit); }
  std::size_t read(std::uint8_t *data, std::size_t size, Duration limit) override {
    if (noise) {
      noise = false;
      waited.emplace(0);
      data[0] = 0x55;
      return 1;
    }
    if (waited && *waited == 0) waited = limit.count();
    return inner.read(data, size, limit);
  }
};

TEST(LinkClientTest, AByteOfNoiseDoesNotCutALongRequestShort) {
  FakeBoard board;
  FakeLine line(board);
  NoiseFirst noisy(line);
  Settings settings = fixed_seq();
  settings.timeout_s = 0.1;
  Client client(noisy, settings);
  client.connect(9600);
  noisy.noise = true;
  const Bytes data(1024, 1);
  client.write_memory(0, data.data(), data.size());
  ASSERT_TRUE(noisy.waited);
  // The request alone takes 1024 bytes of 10 bits.
  EXPECT_GT(*noisy.waited, 1024 * 10 / 9600.0);
}

}  // namespace
}  // namespace systole::link
