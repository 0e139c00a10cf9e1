// SPDX-License-Identifier: Apache-2.0
#include "sim/waves/wave_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "sim/golden/float.hpp"

namespace systole::waves {
namespace {

/// The bits of a value, the lowest last, at least `width` of them; empty: some are unknown.
std::vector<bool> bits_of(const std::string &digits, unsigned width) {
  std::vector<bool> bits;
  for (const char c : digits) {
    int value = 0;
    if (c >= '0' && c <= '9')
      value = c - '0';
    else if (c >= 'a' && c <= 'f')
      value = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      value = c - 'A' + 10;
    else
      return {};
    for (int bit = 3; bit >= 0; --bit) bits.push_back((value >> bit & 1) != 0);
  }
  if (bits.size() < width) bits.insert(bits.begin(), width - bits.size(), false);
  return bits;
}

uint64_t number(const std::vector<bool> &bits, size_t from, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 1 | static_cast<uint64_t>(bits[from + i]);
  return value;
}

int64_t sign_extend(uint64_t value, unsigned width) {
  const uint64_t sign = uint64_t{1} << (width - 1);
  return static_cast<int64_t>(((value & (2 * sign - 1)) ^ sign) - sign);
}

/// As few digits as name this number among its type's.
std::string number_text(float value, int digits) {
  if (std::isnan(value)) return "NaN";
  char text[32];
  if (digits != 0) {
    std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
    return text;
  }
  const auto end = std::to_chars(std::begin(text), std::end(text), value);
  return {text, end.ptr};
}

std::string lane(golden::DType type, uint32_t bits) {
  const auto half = static_cast<uint16_t>(bits);
  switch (type) {
    case golden::DType::s8: return std::to_string(sign_extend(half & 0xFF, 8)) + " " + std::to_string(sign_extend(half >> 8, 8));
    case golden::DType::u8: return std::to_string(half & 0xFF) + " " + std::to_string(half >> 8);
    case golden::DType::fp16: return number_text(golden::as_float(golden::widen(type, half)), 5);
    case golden::DType::bf16: return number_text(golden::as_float(golden::widen(type, half)), 4);
    case golden::DType::s32: return std::to_string(static_cast<int32_t>(bits));
    default: return number_text(golden::as_float(bits), 0);
  }
}

/// Two 9-bit integers; those of the 24 bits are 12 and 9 bits wide.
std::string edge_integers(uint64_t first, uint64_t second) {
  return std::to_string(sign_extend(first, 9)) + " " + std::to_string(sign_extend(second, 9));
}

/// The fields are those of systole_edge: significand with its leading one at bit 10, that one's exponent, sign, special.
std::string edge_float(uint64_t bits, int bias) {
  const auto significand = static_cast<int>(bits & 0x7FF);
  const bool negative = (bits >> 21 & 1) != 0, special = (bits >> 22 & 1) != 0;
  const int64_t exponent = bias != 0 ? static_cast<int64_t>(bits >> 12 & 0x1FF) - bias : sign_extend(bits >> 12, 9);
  std::string text = special ? (significand == 0x400 ? "inf" : "NaN")
                             : number_text(std::ldexp(static_cast<float>(significand), static_cast<int>(exponent) - 10), 5);
  return (negative ? "-" : "") + text;
}

constexpr int EXP_BIAS = 383;  // of activations behind systole_edge

Decoder of_bits(unsigned width, std::function<std::string(uint64_t)> text) {
  return [width, text = std::move(text)](const std::string &digits) -> std::string {
    const std::vector<bool> bits = bits_of(digits, width);
    return bits.empty() ? "x" : text(number(bits, bits.size() - width, width));
  };
}

/// The place in each loop, innermost first.
std::array<uint32_t, 3> coordinates(const Loops &loops, uint64_t iteration) {
  std::array<uint32_t, 3> at{};
  for (size_t level = 0; level < at.size(); ++level) {
    at[level] = static_cast<uint32_t>(iteration % loops.counts[level]);
    iteration /= loops.counts[level];
  }
  return at;
}

/// The fields of a value, from the highest; empty: some bits are unknown.
std::vector<uint64_t> fields(const std::string &digits, const std::vector<unsigned> &widths) {
  const unsigned width = std::accumulate(widths.begin(), widths.end(), 0u);
  const std::vector<bool> bits = bits_of(digits, width);
  std::vector<uint64_t> values;
  size_t at = bits.size() - width;
  for (const unsigned field : widths) {
    if (bits.empty()) return {};
    values.push_back(number(bits, at, field));
    at += field;
  }
  return values;
}

/// "n1 k0.2": the tile that a sequencer is at. `left` is by level, as its loops have it.
std::string tile_text(const Loops &loops, const std::array<uint64_t, 3> &left, bool now, bool next_is_same) {
  // Iterations before the one that the loops are at; the tile under way is that or the one before it, the last one if the loops are at
  // another command.
  uint64_t iteration = 0, tiles = 1;
  for (size_t level = 3; level-- > 0;) {
    const uint64_t count = loops.counts[level];
    iteration = iteration * count + (count - std::clamp<uint64_t>(left[level], 1, count));
    tiles *= count;
  }
  if (!now) iteration = next_is_same && iteration != 0 ? iteration - 1 : tiles - 1;
  const std::array<uint32_t, 3> tile = coordinates(loops, iteration);
  const uint32_t n = tile[loops.k_inner ? 2 : 0], k0 = tile[loops.k_inner ? 0 : 1], k1 = tile[loops.k_inner ? 1 : 2];
  const bool one_k1 = loops.counts[loops.k_inner ? 1 : 2] == 1;
  return " n" + std::to_string(n) + " k" + (one_k1 ? "" : std::to_string(k1) + ".") + std::to_string(k0);
}

Decoder rows(const std::string &file) {
  return [table = read_loops(file)](const std::string &digits) -> std::string {
    const std::vector<uint64_t> v = fields(digits, {std::begin(ROW_WIDTHS), std::end(ROW_WIDTHS)});
    if (v.empty()) return "x";
    if (v[0] == 0) return "-";
    const std::string name = "#" + std::to_string(v[3]);
    const auto found = table.find(static_cast<uint32_t>(v[3]));
    if (found == table.end()) return name;
    const Loops &loops = found->second;
    const auto done = [](uint32_t count, uint64_t after) {
      return std::to_string(count - 1 - std::min<uint64_t>(after, count - 1));
    };
    return name + tile_text(loops, {v[7], v[6], v[5]}, v[1] != 0, v[2] != 0 && v[3] == v[4]) + " m" +
           (loops.m1 == 1 ? "" : done(loops.m1, v[8]) + ".") + done(loops.m0, v[9]) + " acc " + std::to_string(v[10]);
  };
}

Decoder weights(const std::string &words) {
  std::istringstream in(words);
  unsigned bits = 0;
  std::string file;
  if (!(in >> bits) || bits > 32 || !std::getline(in >> std::ws, file))
    throw std::runtime_error("unknown type 'weights " + words + "'");
  std::vector<unsigned> widths(std::begin(WEIGHT_WIDTHS), std::end(WEIGHT_WIDTHS));
  widths.push_back(bits);
  return [table = read_loops(file), widths](const std::string &digits) -> std::string {
    const std::vector<uint64_t> v = fields(digits, widths);
    if (v.empty()) return "x";
    if (v[0] == 0) return "-";
    const std::string name = "#" + std::to_string(v[2]);
    const auto found = table.find(static_cast<uint32_t>(v[2]));
    if (found == table.end()) return name;
    return name + tile_text(found->second, {v[6], v[5], v[4]}, false, v[1] != 0 && v[2] == v[3]) + " col " + std::to_string(v[7]);
  };
}

}  // namespace

LoopTable read_loops(const std::string &file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  LoopTable table;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    uint32_t index = 0, order = 0;
    Loops loops;
    words >> index >> order >> loops.counts[0] >> loops.counts[1] >> loops.counts[2] >> loops.m0 >> loops.m1;
    if (!words || std::min({loops.counts[0], loops.counts[1], loops.counts[2], loops.m0, loops.m1}) == 0)
      throw std::runtime_error(file + " is not a loop table: '" + line + "'");
    loops.k_inner = order == 0;
    table[index] = loops;
  }
  return table;
}

Decoder decoder(const std::string &type) {
  for (const golden::DType known :
       {golden::DType::s8, golden::DType::u8, golden::DType::fp16, golden::DType::bf16, golden::DType::s32, golden::DType::fp32})
    if (type == golden::name(known))
      return of_bits(golden::size(known) == 4 ? 32 : 16,
                     [known](uint64_t bits) { return lane(known, static_cast<uint32_t>(bits)); });
  if (type == "s8") return of_bits(8, [](uint64_t bits) { return std::to_string(sign_extend(bits, 8)); });
  if (type == "u8") return of_bits(8, [](uint64_t bits) { return std::to_string(bits); });
  if (type == "edge18") return of_bits(18, [](uint64_t bits) { return edge_integers(bits & 0x1FF, bits >> 9); });
  const auto integers = [](uint64_t bits) { return edge_integers(bits & 0x1FF, bits >> 12 & 0x1FF); };
  if (type == "edge-int8") return of_bits(24, integers);
  if (type == "edge-act")
    return of_bits(24, [integers](uint64_t bits) { return (bits >> 23 & 1) != 0 ? edge_float(bits, EXP_BIAS) : integers(bits); });
  if (type == "edge-wgt")
    return of_bits(24, [](uint64_t bits) { return (bits >> 23 & 1) != 0 ? std::string("masked") : edge_float(bits, 0); });
  if (type.compare(0, 5, "rows ") == 0) return rows(type.substr(5));
  if (type.compare(0, 8, "weights ") == 0) return weights(type.substr(8));
  throw std::runtime_error("unknown type '" + type + "'");
}

}  // namespace systole::waves
