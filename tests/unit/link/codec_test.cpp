// SPDX-License-Identifier: Apache-2.0
#include "sim/link/codec.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace systole::link {
namespace {

using Event = Decoder::Event;

/// What a decoder makes of the bytes: good bodies, and how many bad frames.
struct Found {
  std::vector<Bytes> bodies;
  unsigned bad = 0;
};

Found decode(Decoder &decoder, const Bytes &line) {
  Found out;
  for (const std::uint8_t byte : line) {
    const Event event = decoder.push(byte);
    if (event == Event::frame) out.bodies.push_back(decoder.body());
    if (event == Event::bad) ++out.bad;
  }
  return out;
}

/// Body and CRC escaped between ENDs by the letter of RFC 1055, the CRC by zlib.
Bytes by_the_book(Bytes body) {
  const auto check = static_cast<std::uint32_t>(crc32(crc32(0, nullptr, 0), body.data(), static_cast<uInt>(body.size())));
  for (unsigned shift = 0; shift < 32; shift += 8) body.push_back(static_cast<std::uint8_t>(check >> shift));
  Bytes out = {0300};
  for (const std::uint8_t byte : body) {
    switch (byte) {
      case 0300: out.insert(out.end(), {0333, 0334}); break;  // the RFC's octal constants
      case 0333: out.insert(out.end(), {0333, 0335}); break;
      default: out.push_back(byte);
    }
  }
  out.push_back(0300);
  return out;
}

TEST(LinkCodecTest, CrcOfTheDigitsIsThePublishedCheckValue) {
  const std::string digits = "123456789";
  // "check" of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
  EXPECT_EQ(crc(reinterpret_cast<const std::uint8_t *>(digits.data()), digits.size()), 0xCBF43926u);
}

TEST(LinkCodecTest, CrcEqualsThatOfZlib) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes data(size);
    for (std::uint8_t &byte : data) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(crc(data.data(), size), crc32(crc32(0, nullptr, 0), data.data(), static_cast<uInt>(size)));
  }
}

TEST(LinkCodecTest, EncodesAsRfc1055BetweenDoubledEnds) {
  for (const Bytes &body : {Bytes{1, 2, 3}, Bytes{0xC0}, Bytes{0xDB}, Bytes{0xC0, 0xDB, 0xDC, 0xDD, 0xC0}, Bytes(300, 0xDB)}) {
    Bytes expected = by_the_book(body);
    expected.insert(expected.begin(), 0xC0);
    expected.push_back(0xC0);
    EXPECT_EQ(encode(body), expected);
  }
}

TEST(LinkCodecTest, EveryBodyComesBack) {
  std::mt19937 random(2);
  Decoder decoder(1028);
  for (std::size_t size = 1; size <= 1028; ++size) {
    Bytes body(size);
    for (std::uint8_t &byte : body) byte = static_cast<std::uint8_t>(random() % 2 != 0 ? random() : 0xC0 + random() % 32);
    const Found found = decode(decoder, encode(body));
    ASSERT_EQ(found.bodies, std::vector<Bytes>{body});
    ASSERT_EQ(found.bad, 0u);
    ASSERT_FALSE(decoder.in_frame());
  }
}

TEST(LinkCodecTest, EmptyFramesMeanNothing) {
  Decoder decoder(16);
  const Found found = decode(decoder, Bytes(9, 0xC0));
  EXPECT_TRUE(found.bodies.empty());
  EXPECT_EQ(found.bad, 0u);
}

TEST(LinkCodecTest, ACrcWithoutABodyIsBad) {
  Decoder decoder(16);
  // The CRC of nothing is 0.
  const Found found = decode(decoder, {0xC0, 0, 0, 0, 0, 0xC0});
  EXPECT_TRUE(found.bodies.empty());
  EXPECT_EQ(found.bad, 1u);
}

TEST(LinkCodecTest, AnUnknownEscapeIsBad) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (byte == 0xDC || byte == 0xDD || byte == 0xC0) continue;
    // Whatever it stands for, another decoder might take the escape for this byte and find the CRC right.
    Bytes line = by_the_book({1, static_cast<std::uint8_t>(byte), 3});
    line.insert(line.begin() + 2, 0xDB);
    Decoder decoder(16);
    const Found found = decode(decoder, line);
    EXPECT_TRUE(found.bodies.empty()) << byte;
    EXPECT_EQ(found.bad, 1u) << byte;
  }
}

TEST(LinkCodecTest, AFrameThatEndsInAnEscapeIsBad) {
  Bytes line = by_the_book({1, 2, 3});
  line.insert(line.end() - 1, 0xDB);
  Decoder decoder(16);
  EXPECT_EQ(decode(decoder, line).bad, 1u);
}

TEST(LinkCodecTest, AFrameOverTheLimitIsBadAndTheNextOneGood) {
  Decoder decoder(16);
  EXPECT_EQ(decode(decoder, encode(Bytes(16, 7))).bodies.size(), 1u);
  EXPECT_EQ(decode(decoder, encode(Bytes(17, 7))).bad, 1u);
  EXPECT_EQ(decode(decoder, encode(Bytes(5000, 7))).bad, 1u);
  EXPECT_EQ(decode(decoder, encode(Bytes(16, 7))).bodies.size(), 1u);
}

TEST(LinkCodecTest, NoChangedByteGoesUnnoticed) {
  const Bytes body = {0x11, 1, 4, 0, 0xC0, 0xDB, 0, 0, 9}, line = encode(body);
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      Bytes damaged = line;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ change);
      Decoder decoder(16);
      for (const Bytes &found : decode(decoder, damaged).bodies) ASSERT_EQ(found, body) << at << ' ' << change;
    }
  }
}

TEST(LinkCodecTest, FindsTheNextFrameAfterNoise) {
  std::mt19937 random(3);
  const Bytes body = {1, 2, 3, 4};
  for (unsigned round = 0; round < 1000; ++round) {
    Decoder decoder(1028);
    Bytes line(random() % 3000);
    for (std::uint8_t &byte : line) byte = static_cast<std::uint8_t>(random());
    const Bytes frame = encode(body);
    line.insert(line.end(), frame.begin(), frame.end());
    const Found found = decode(decoder, line);
    ASSERT_FALSE(found.bodies.empty());
    ASSERT_EQ(found.bodies.back(), body);
  }
}

}  // namespace
}  // namespace systole::link
