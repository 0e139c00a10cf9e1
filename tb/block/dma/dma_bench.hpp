// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <vector>

#include "firmware/include/systole_regs.h"

/// What the benches of the two DMA directions share. Nothing here knows how the RTL works.
namespace systole::tb::dma {

using Bytes = std::vector<uint8_t>;

constexpr unsigned kAddressBits = 40;

inline uint64_t wrap(uint64_t address) { return address & ((uint64_t{1} << kAddressBits) - 1); }

/// Copies bytes to and from a Verilated port of any width (little-endian host).
template <typename Port>
void set_port(Port &port, const Bytes &bytes) {
  Bytes padded(sizeof port);
  std::copy_n(bytes.begin(), std::min(bytes.size(), padded.size()), padded.begin());
  std::memcpy(&port, padded.data(), sizeof port);
}
template <typename Port>
Bytes get_port(const Port &port, size_t size) {
  Bytes bytes(sizeof port);
  std::memcpy(bytes.data(), &port, sizeof port);
  bytes.resize(size);
  return bytes;
}

/// A command record as bytes.
class Record {
 public:
  Record() { words_.fill(0); }
  void set(unsigned word, unsigned lsb, unsigned width, uint32_t value) {
    systole_field_set(words_.data(), word, lsb, width, value);
  }
  Bytes bytes() const {
    Bytes out(sizeof words_);
    std::memcpy(out.data(), words_.data(), out.size());
    return out;
  }

 private:
  std::array<uint32_t, 16> words_;
};

/// A burst as it stands on an address channel.
struct Burst {
  uint64_t address;
  unsigned beats;
  bool operator==(const Burst &other) const { return address == other.address && beats == other.beats; }
};
inline std::ostream &operator<<(std::ostream &out, const Burst &burst) {
  return out << std::hex << burst.address << std::dec << "+" << burst.beats;
}

/// count2 x count1 items of `length` bytes, the shape both directions walk.
struct Shape {
  uint64_t address = 0;
  uint32_t length = 1;
  uint32_t count1 = 1, count2 = 1;
  int32_t pitch1 = 0, pitch2 = 0;

  uint64_t item(uint32_t i2, uint32_t i1) const {
    return wrap(address + uint64_t(int64_t(pitch2)) * i2 + uint64_t(int64_t(pitch1)) * i1);
  }

  /// Contiguous stretches that are fetched as one, in order: (address, bytes). This is the documented rule.
  std::vector<std::pair<uint64_t, uint64_t>> segments() const {
    const uint64_t row = uint64_t(length) * count1;
    const bool merge1 = count1 == 1 || pitch1 == int64_t(length);
    const bool merge2 = merge1 && row < (1u << 24) && (count2 == 1 || pitch2 == int64_t(row));
    std::vector<std::pair<uint64_t, uint64_t>> out;
    for (uint32_t i2 = 0; i2 < (merge2 ? 1 : count2); i2++)
      for (uint32_t i1 = 0; i1 < (merge1 ? 1 : count1); i1++)
        out.emplace_back(item(i2, i1), merge2 ? row * count2 : merge1 ? row : length);
    return out;
  }

  std::vector<Burst> bursts(unsigned bus_bytes) const {
    std::vector<Burst> out;
    for (auto [address, bytes] : segments()) {
      while (bytes > 0) {
        const uint64_t aligned = address / bus_bytes * bus_bytes;
        const uint64_t to_page = (address / 4096 + 1) * 4096;
        const uint64_t to_limit = aligned + 256 * bus_bytes;
        const uint64_t end = std::min({address + bytes, to_page, to_limit});
        out.push_back({address, unsigned((end - aligned + bus_bytes - 1) / bus_bytes)});
        bytes -= end - address;
        address = wrap(end);
      }
    }
    return out;
  }
};

/// Random numbers of a test; SYSTOLE_SEED replays one.
class Random {
 public:
  explicit Random(uint64_t salt) {
    const char *given = std::getenv("SYSTOLE_SEED");
    seed_ = given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    engine_.seed(seed_ * 0x9E3779B97F4A7C15u + salt);
  }
  uint64_t seed() const { return seed_; }
  /// lo … hi, both included.
  int64_t in(int64_t lo, int64_t hi) { return lo + int64_t(engine_() % uint64_t(hi - lo + 1)); }
  bool chance(unsigned percent) { return engine_() % 100 < percent; }
  uint64_t bits() { return engine_(); }
  template <typename T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[engine_() % values.size()];
  }

 private:
  uint64_t seed_;
  std::mt19937_64 engine_;
};

/// Chances, in percent, that a channel does something in a cycle.
struct Pace {
  unsigned address = 100;   ///< AR or AW accepted
  unsigned data = 100;      ///< R offered or W accepted
  unsigned response = 100;  ///< B offered
  unsigned buffer = 100;    ///< chunk accepted, accumulator read accepted
  unsigned latency = 3;     ///< cycles from AR to R, from WLAST to B

  static Pace random(Random &random) {
    const auto pace = [&] { return random.pick({100u, 100u, 70u, 30u}); };
    return {pace(), pace(), pace(), pace(), unsigned(random.in(1, 40))};
  }
};

}  // namespace systole::tb::dma
