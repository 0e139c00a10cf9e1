// SPDX-License-Identifier: Apache-2.0
// systole_link between a byte stream and an imagined machine: every access that it makes is compared with those that the request means.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "Vlink_128.h"
#include "Vlink_32.h"
#include "Vlink_64.h"
#include "tb/block/board/line.hpp"

namespace {

using namespace systole::line;

struct Access {
  bool mem, write;
  uint32_t address;  // of the beat or word
  Bytes data;        // written: with zeros where the strobe is 0
  uint64_t strobe;
  bool operator==(const Access &o) const {
    return mem == o.mem && write == o.write && address == o.address && data == o.data && strobe == o.strobe;
  }
};

std::ostream &operator<<(std::ostream &out, const Access &a) {
  return out << (a.mem ? "mem " : "reg ") << (a.write ? "write " : "read ") << std::hex << a.address << " strobe " << a.strobe
             << std::dec;
}

template <unsigned LANES>
Bytes bytes_of(uint64_t value) {
  Bytes bytes;
  append(bytes, value, LANES);
  return bytes;
}
template <unsigned LANES>
Bytes bytes_of(const VlWide<4> &value) {
  Bytes bytes;
  for (unsigned i = 0; i < 4; ++i) append(bytes, value.at(i), 4);
  return bytes;
}
void put(const Bytes &bytes, IData &value) {
  value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= IData{bytes[i]} << (8 * i);
}
void put(const Bytes &bytes, QData &value) {
  value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= QData{bytes[i]} << (8 * i);
}
void put(const Bytes &bytes, VlWide<4> &value) {
  for (unsigned i = 0; i < 4; ++i) put(Bytes(bytes.begin() + 4 * i, bytes.begin() + 4 * i + 4), value.at(i));
}

/// The machine's answer: DECERR above 0xF000'0000, SLVERR in one page, else data that depend on the address and on what was written.
unsigned response(uint32_t address) { return address >= 0xF0000000 ? 3 : address >> 8 == 0x777 ? 2 : 0; }
uint8_t pattern(bool mem, uint32_t address) { return static_cast<uint8_t>((address * 2654435761U) >> 24 ^ (mem ? 0x3C : 0)); }

template <typename Model, unsigned LANES>
class Link {
 public:
  explicit Link(unsigned seed) : random(seed) {
    model.rst_ni = 0;
    for (int i = 0; i < 4; ++i) cycle();
    model.rst_ni = 1;
  }
  /// What a request must do, by the protocol alone.
  std::vector<Access> meaning(const Bytes &frame, uint8_t &status) {
    std::vector<Access> list;
    const bool mem = (frame[0] & 0x10) != 0, write = (frame[0] & 3) == 2;
    uint32_t address = 0;
    unsigned length = frame[2] | frame[3] << 8;
    for (unsigned i = 0; i < 4; ++i) address |= uint32_t{frame[4 + i]} << (8 * i);
    const unsigned lanes = mem ? LANES : 4;
    status = OK;
    for (unsigned i = 0; i < length;) {
      Access access{mem, write, (address + i) / lanes * lanes, Bytes(lanes, 0), 0};
      do {
        const unsigned lane = (address + i) % lanes;
        access.strobe |= uint64_t{write} << lane;
        if (write) access.data[lane] = frame[8 + i];
      } while (++i < length && (address + i) % lanes != 0);
      if (!write) access.data.clear();
      list.push_back(access);
      const unsigned result = response(access.address);
      if (result) {
        status = result == 3 ? DEC_ERR : SLV_ERR;
        break;
      }
    }
    return list;
  }
  Bytes content(bool mem, uint32_t address, unsigned length) {
    Bytes data;
    for (unsigned i = 0; i < length; ++i) {
      const auto found = memory.find({mem, address + i});
      data.push_back(found == memory.end() ? pattern(mem, address + i) : found->second);
    }
    return data;
  }
  void send(const Bytes &line) { input.insert(input.end(), line.begin(), line.end()); }
  std::vector<Reply> settle(unsigned patience = 600) {
    std::vector<Reply> replies;
    for (unsigned quiet = 0; quiet < patience; ++quiet) {
      if (!input.empty() || model.active_o) quiet = 0;
      if (auto reply = cycle()) replies.push_back(*reply);
    }
    return replies;
  }
  void frame_error() { error_next = true; }
  std::optional<Reply> cycle() {
    // line in: eleven to forty cycles between bytes
    model.rx_valid_i = 0;
    model.rx_data_i = static_cast<uint8_t>(random());
    model.rx_error_i = 0;
    if (wait_in)
      --wait_in;
    else if (!input.empty() && model.rst_ni) {
      model.rx_valid_i = 1;
      model.rx_data_i = input.front();
      model.rx_error_i = error_next || errors.count(sent) ? 1 : 0;
      error_next = false;
      ++sent;
      input.pop_front();
      wait_in = 11 + static_cast<unsigned>(random() % (fast ? 1 : 30));
    }
    model.tx_ready_i = wait_out == 0 ? 1 : 0;
    model.rsp_valid_i = 0;
    model.rsp_resp_i = static_cast<uint8_t>(random() % 4);
    if (answering && --answer_in == 0) {
      model.rsp_valid_i = 1;
      model.rsp_resp_i = static_cast<uint8_t>(response(accesses.back().address));
      Bytes data(LANES);
      for (auto &byte : data) byte = static_cast<uint8_t>(random());
      if (!accesses.back().write) {
        const Bytes word = content(accesses.back().mem, accesses.back().address, accesses.back().mem ? LANES : 4);
        std::copy(word.begin(), word.end(), data.begin());
      }
      put(data, model.rsp_rdata_i);
      answering = false;
    }
    model.clk_i = 0;
    model.eval();
    std::optional<Reply> reply;
    if (wait_out)
      --wait_out;
    else if (model.tx_valid_o) {
      output.push_back(model.tx_data_o);
      reply = decoder.feed(model.tx_data_o);
      wait_out = fast ? 10 : 10 + static_cast<unsigned>(random() % 20);
    }
    if (model.req_valid_o && !answering && !model.rsp_valid_i && model.rst_ni) {
      answering = true;
      answer_in = 1 + static_cast<unsigned>(random() % 9);
      const bool mem = model.req_mem_o != 0, write = model.req_write_o != 0;
      const unsigned lanes = mem ? LANES : 4;
      Access access{mem, write, model.req_addr_o / lanes * lanes, {}, 0};
      if (write) {
        access.data = bytes_of<LANES>(model.req_wdata_o);
        access.data.resize(lanes);
        access.strobe = model.req_wstrb_o;
        for (unsigned i = 0; i < lanes; ++i) {
          if (access.strobe >> i & 1 && response(access.address) == 0)
            memory[{mem, access.address + i}] = access.data[i];
          else if (!(access.strobe >> i & 1))
            access.data[i] = 0;
        }
      }
      accesses.push_back(access);
    }
    model.clk_i = 1;
    model.eval();
    return reply;
  }
  /// A request on a clean line: right accesses, right reply.
  void check(const Bytes &frame) {
    accesses.clear();
    uint8_t status = OK;
    const auto expected = meaning(frame, status);
    const bool mem = (frame[0] & 0x10) != 0, write = (frame[0] & 3) == 2;
    uint32_t address = 0;
    for (unsigned i = 0; i < 4; ++i) address |= uint32_t{frame[4 + i]} << (8 * i);
    const Bytes data = write || status != OK ? Bytes() : content(mem, address, frame[2] | frame[3] << 8);
    send(slip(with_crc(frame)));
    const auto replies = settle();
    ASSERT_EQ(accesses.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(accesses[i], expected[i]) << i;
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].op, frame[0] | 0x80);
    EXPECT_EQ(replies[0].seq, frame[1]);
    EXPECT_EQ(replies[0].status, status);
    EXPECT_EQ(replies[0].data, data);
    EXPECT_EQ(decoder.bad, 0U);
  }
  /// A frame that must do nothing but get this status.
  void refused(const Bytes &line, uint8_t status, uint8_t op, uint8_t seq) {
    accesses.clear();
    send(line);
    const auto replies = settle();
    EXPECT_TRUE(accesses.empty());
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, status);
    EXPECT_EQ(replies[0].op, op);
    EXPECT_EQ(replies[0].seq, seq);
    EXPECT_TRUE(replies[0].data.empty());
  }
  Bytes random_data(size_t size) {
    Bytes data(size);
    for (auto &byte : data) byte = static_cast<uint8_t>(random() % 4 == 0 ? (random() % 2 ? END : ESC) : random());
    return data;
  }

  Model model;
  std::mt19937 random;
  std::deque<uint8_t> input;
  Bytes output;
  Decoder decoder;
  std::vector<Access> accesses;
  std::map<std::pair<bool, uint32_t>, uint8_t> memory;
  std::map<unsigned, bool> errors;  // positions of framing errors
  unsigned sent = 0;
  bool fast = false;

 private:
  unsigned wait_in = 0, wait_out = 0, answer_in = 0;
  bool answering = false, error_next = false;
};

template <typename Model, unsigned LANES>
void all_offsets_and_lengths() {
  Link<Model, LANES> link(3);
  uint8_t seq = 0;
  for (unsigned offset = 0; offset < LANES; ++offset) {
    for (unsigned length = 1; length <= 2 * LANES + 1; ++length) {
      link.check(request(MEM_WRITE, ++seq, 0x1000 + offset, length, link.random_data(length)));
      link.check(request(MEM_READ, ++seq, 0x1000 + offset, length));
      if (::testing::Test::HasFatalFailure()) FAIL() << "offset " << offset << ", length " << length;
    }
  }
}
TEST(LinkTest, MovesAnyBytesOver32Bits) { all_offsets_and_lengths<Vlink_32, 4>(); }
TEST(LinkTest, MovesAnyBytesOver64Bits) { all_offsets_and_lengths<Vlink_64, 8>(); }
TEST(LinkTest, MovesAnyBytesOver128Bits) { all_offsets_and_lengths<Vlink_128, 16>(); }

using Link64 = Link<Vlink_64, 8>;

TEST(LinkTest, CarriesOutRandomRequests) {
  Link64 link(std::getenv("SYSTOLE_SEED") ? static_cast<unsigned>(std::atoi(std::getenv("SYSTOLE_SEED"))) : 4);
  for (int i = 0; i < 400; ++i) {
    link.fast = i % 2 == 0;
    const bool mem = link.random() % 2, write = link.random() % 2;
    unsigned length = static_cast<unsigned>(i % 20 == 0 ? MAX : i % 5 == 0 ? 1 + link.random() % MAX : 1 + link.random() % 40);
    uint32_t address =
        link.random() % 3 == 0 ? static_cast<uint32_t>(link.random()) : static_cast<uint32_t>(link.random() % 4096);
    if (link.random() % 8 == 0) address = 0x77700 - static_cast<uint32_t>(link.random() % 16);     // runs into SLVERR
    if (link.random() % 8 == 0) address = 0xF0000000 - static_cast<uint32_t>(link.random() % 16);  // into DECERR
    if (!mem) length = std::max(4U, length / 4 * 4), address = address / 4 * 4;
    const uint8_t op = mem ? (write ? MEM_WRITE : MEM_READ) : write ? REG_WRITE : REG_READ;
    link.check(request(op, static_cast<uint8_t>(link.random()), address, length, write ? link.random_data(length) : Bytes()));
    ASSERT_FALSE(HasFailure()) << "request " << i;
  }
}

TEST(LinkTest, EscapesEveryByteBothWays) {
  Link64 link(5);
  Bytes data;
  for (unsigned i = 0; i < 256; ++i) data.push_back(static_cast<uint8_t>(i));
  link.check(request(MEM_WRITE, END, 0xC0DB, 256, data));
  link.check(request(MEM_READ, ESC, 0xC0DB, 256));
}

TEST(LinkTest, RepeatedRequestsDoNoHarm) {
  Link64 link(6);
  const Bytes frame = request(MEM_WRITE, 1, 10, 50, link.random_data(50));
  link.check(frame);
  const auto before = link.memory;
  link.check(frame);
  EXPECT_EQ(before, link.memory);
}

TEST(LinkTest, RefusesWhatIsNoOperation) {
  Link64 link(7);
  for (unsigned op = 0; op < 256; ++op) {
    if (op == REG_READ || op == REG_WRITE || op == MEM_READ || op == MEM_WRITE) continue;
    link.refused(slip(with_crc(request(static_cast<uint8_t>(op), 42, 0, 4, op & 2 ? Bytes(4) : Bytes()))), BAD_OP,
                 static_cast<uint8_t>(op | 0x80), 42);
  }
}

TEST(LinkTest, RefusesBadLengths) {
  Link64 link(8);
  const auto expect = [&](uint8_t op, uint32_t address, unsigned length, size_t data) {
    link.refused(slip(with_crc(request(op, 7, address, length, Bytes(data, 0x11)))), BAD_LENGTH, op | 0x80, 7);
  };
  for (const uint8_t op : {REG_READ, REG_WRITE, MEM_READ, MEM_WRITE}) expect(op, 0, 0, 0);
  for (const unsigned length : {MAX + 1, MAX + 4, 2 * MAX, 4 * MAX, 0x8000U, 0xFFFFU, 0xFC00U}) {
    for (const uint8_t op : {REG_READ, REG_WRITE, MEM_READ, MEM_WRITE})
      expect(op, 0, length, op == REG_WRITE || op == MEM_WRITE ? 4 : 0);
  }
  for (const unsigned length : {1U, 2U, 3U, 5U, 1022U, 1023U}) {
    expect(REG_READ, 0, length, 0);
    expect(REG_WRITE, 0, length, length);
  }
  for (const uint32_t address : {1U, 2U, 3U, 0xFFFFFFFFU}) {
    expect(REG_READ, address, 4, 0);
    expect(REG_WRITE, address, 4, 4);
  }
  link.check(request(MEM_READ, 1, 0, MAX));  // and the limit itself is legal
  link.check(request(REG_READ, 1, 0, MAX));
}

TEST(LinkTest, RefusesFramesOfAnotherSizeThanTheirLength) {
  Link64 link(9);
  const auto bad = [&](const Bytes &frame) { link.refused(slip(with_crc(frame)), BAD_FRAME, 0x80, 0); };
  for (const unsigned data : {0U, 1U, 3U, 5U, 8U, 260U, 516U, 1024U}) {
    bad(request(MEM_WRITE, 1, 0, 4, Bytes(data)));
    bad(request(REG_WRITE, 1, 0, 4, Bytes(data)));
  }
  bad(request(MEM_READ, 1, 0, 4, Bytes(1)));
  bad(request(MEM_READ, 1, 0, 4, Bytes(4)));
  bad(request(REG_READ, 1, 0, 1024, Bytes(1024)));
  for (const unsigned data : {1025U, 1028U, 2048U, 3000U, 4096U + 4U, 70000U})
    bad(request(MEM_WRITE, 1, 0, data & 0xFFFF, Bytes(data)));
}

TEST(LinkTest, RefusesShortFramesWithARightCrc) {
  Link64 link(10);
  link.check(request(MEM_WRITE, 1, 0x40, 4, {1, 2, 3, 4}));  // leaves a header behind
  for (unsigned size = 0; size < 8; ++size) {
    const Bytes whole = request(MEM_WRITE, 1, 0x40, 4);
    link.refused(slip(with_crc(Bytes(whole.begin(), whole.begin() + size))), BAD_FRAME, 0x80, 0);
    // What its bytes say does not count: neither an unknown operation nor a length that no request has.
    link.refused(slip(with_crc(Bytes(size, 0x7C))), BAD_FRAME, 0x80, 0);
    Bytes none(size);
    if (size > 0) none[0] = MEM_WRITE;
    link.refused(slip(with_crc(none)), BAD_FRAME, 0x80, 0);
  }
  for (unsigned size = 1; size < 4; ++size) link.refused(slip(Bytes(size, 0)), BAD_FRAME, 0x80, 0);
}

TEST(LinkTest, IgnoresEmptyFrames) {
  Link64 link(11);
  link.send(Bytes(50, END));
  EXPECT_TRUE(link.settle().empty());
  EXPECT_TRUE(link.output.empty());
  link.check(request(REG_READ, 3, 0x20, 8));
}

TEST(LinkTest, ResynchronisesAfterNoise) {
  Link64 link(12);
  for (int i = 0; i < 100; ++i) {
    link.send(link.random_data(1 + link.random() % 30));
    link.settle();
    // A whole frame may have been left open: its end is the next frame's beginning, which then is dropped while the board answers.
    link.send({END, END});
    link.settle();
    const unsigned bad = link.decoder.bad;
    link.check(request(MEM_READ, static_cast<uint8_t>(i), 0x100, 20));
    ASSERT_EQ(link.decoder.bad, bad);
  }
  EXPECT_TRUE(std::all_of(link.memory.begin(), link.memory.end(), [](const auto &) { return false; })) << "noise wrote something";
}

TEST(LinkTest, HalfAFrameCostsOneRepeat) {
  Link64 link(13);
  const Bytes whole = slip(with_crc(request(MEM_WRITE, 1, 0, 40, link.random_data(40))));
  for (size_t size = 2; size + 1 < whole.size(); ++size) {
    link.accesses.clear();
    link.send(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_TRUE(link.settle().empty());
    link.refused({END}, BAD_FRAME, 0x80, 0);  // the next frame's first byte
    ASSERT_TRUE(link.accesses.empty());
    link.check(request(MEM_READ, 2, 0, 4));
  }
}

TEST(LinkTest, DropsWhatArrivesWhileBusyUpToAnEnd) {
  Link64 link(14);
  const Bytes first = slip(with_crc(request(MEM_READ, 1, 0, 64)));
  for (unsigned delay = 0; delay < 120; delay += 7) {
    // The second request arrives in the middle of the first one's reply; whatever is seen of it is not carried out, nor called bad.
    link.accesses.clear();
    link.send(first);
    link.send(Bytes(delay, 0x55));
    link.send(slip(with_crc(request(MEM_WRITE, 2, 0, 64, link.random_data(64)))));
    const auto replies = link.settle();
    ASSERT_GE(replies.size(), 1U);
    EXPECT_EQ(replies[0].seq, 1);
    for (size_t i = 1; i < replies.size(); ++i) {
      EXPECT_EQ(replies[i].seq, 2);  // taken whole, when it came late enough
      EXPECT_EQ(replies[i].status, OK);
    }
    EXPECT_LE(replies.size(), 2U);
  }
  EXPECT_EQ(link.decoder.bad, 0U);
}

TEST(LinkTest, SpoiltByAFramingError) {
  Link64 link(15);
  const Bytes line = slip(with_crc(request(MEM_WRITE, 1, 0, 8, Bytes(8, 9))));
  for (unsigned at = 1; at + 1 < line.size(); ++at) {
    link.errors.clear();
    link.errors[link.sent + at] = true;
    link.refused(line, BAD_FRAME, 0x80, 0);
  }
  link.errors.clear();
  link.check(request(MEM_READ, 2, 0, 8));
}

TEST(LinkTest, SpoiltByAnEscapeOfNothing) {
  Link64 link(16);
  Bytes frame = with_crc(request(MEM_WRITE, 1, 0, 8, Bytes(8, 9)));
  for (const uint8_t wrong : {0x00, 0xDA, 0xDB, 0xDE, 0xFF}) {
    Bytes line = slip(frame);
    line.insert(line.begin() + 5, {ESC, wrong});
    link.refused(line, BAD_FRAME, 0x80, 0);
  }
  Bytes line = slip(frame);
  line.insert(line.end() - 1, ESC);
  link.refused(line, BAD_FRAME, 0x80, 0);
  link.check(request(MEM_READ, 2, 0, 8));
}

TEST(LinkTest, StartsAfreshAfterAReset) {
  Link64 link(17);
  const Bytes line = slip(with_crc(request(MEM_WRITE, 1, 0, 16, Bytes(16, 9))));
  for (size_t size = 1; size < line.size(); ++size) {
    link.accesses.clear();
    link.send(Bytes(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(size)));
    while (!link.input.empty()) link.cycle();
    link.model.rst_ni = 0;
    link.cycle();
    link.cycle();
    link.model.rst_ni = 1;
    // The rest of the frame is noise; its END is where the board begins.
    link.send(Bytes(line.begin() + static_cast<std::ptrdiff_t>(size), line.end()));
    EXPECT_TRUE(link.settle().empty());
    ASSERT_TRUE(link.accesses.empty());
    link.check(request(MEM_READ, 2, 0, 4));
  }
}

TEST(LinkTest, NeverCarriesOutADamagedFrame) {
  const unsigned seed = std::getenv("SYSTOLE_SEED") ? static_cast<unsigned>(std::atoi(std::getenv("SYSTOLE_SEED"))) : 18;
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  Link64 link(seed);
  link.fast = true;
  auto &random = link.random;
  unsigned carried_out = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const unsigned length = 4 * (1 + static_cast<unsigned>(random() % 12));
    const Bytes frame = request(random() % 2 ? MEM_WRITE : REG_WRITE, static_cast<uint8_t>(i),
                                static_cast<uint32_t>(random() % 1024) * 4, length, link.random_data(length));
    uint8_t status = OK;
    const auto meant = link.meaning(frame, status);
    Bytes line = slip(with_crc(frame));
    const unsigned damages = 1 + static_cast<unsigned>(random() % 3);
    for (unsigned d = 0; d < damages; ++d) {
      const auto at = static_cast<std::ptrdiff_t>(random() % line.size());
      switch (random() % 6) {
        case 0: line[at] ^= static_cast<uint8_t>(1 << random() % 8); break;
        case 1: line[at] = static_cast<uint8_t>(random()); break;
        case 2: line.erase(line.begin() + at); break;
        case 3: line.insert(line.begin() + at, static_cast<uint8_t>(random() % 2 ? END : random())); break;
        case 4: line.resize(std::max<size_t>(1, at)); break;
        default: std::swap(line[at], line[random() % line.size()]);
      }
      if (line.empty()) line.push_back(END);
    }
    link.accesses.clear();
    link.send(line);
    for (const auto &reply : link.settle()) ++(reply.status == OK ? carried_out : refused);
    if (!link.accesses.empty()) {
      ASSERT_EQ(link.accesses.size(), meant.size());
      for (size_t k = 0; k < meant.size(); ++k) ASSERT_EQ(link.accesses[k], meant[k]);
    }
    link.send({END, END});
    link.settle();
    link.accesses.clear();
  }
  EXPECT_GT(refused, 1000U);
  EXPECT_GT(carried_out, 10U);  // harmless damage: outside the frame
}

}  // namespace
