// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/test_data.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/golden/float.hpp"

namespace systole::tool {

using golden::DType;
using platform::GemmJob;

namespace {

/// A binary16 or bfloat16 format.
struct Format {
  unsigned fraction_bits;
  unsigned bias;
  unsigned special;  // the exponent field of infinities and NaNs
};

Format format_of(DType type) { return type == DType::fp16 ? Format{10, 15, 31} : Format{7, 127, 255}; }

std::vector<std::uint8_t> little_endian(const std::vector<std::uint16_t> &values) {
  std::vector<std::uint8_t> out;
  out.reserve(2 * values.size());
  for (const std::uint16_t value : values) {
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  return out;
}

/// Numbers of one format.
class Numbers {
 public:
  Numbers(Random &random, DType type) : random_(random), format_(format_of(type)) {}

  std::uint16_t make(bool negative, std::uint64_t exponent, std::uint64_t fraction) const {
    return static_cast<std::uint16_t>((negative ? 0x8000u : 0u) | exponent << format_.fraction_bits | fraction);
  }
  // In each of these the random numbers are drawn in statements of their own: the order of arguments is the compiler's.
  std::uint64_t fraction() { return random_.below(std::uint64_t{1} << format_.fraction_bits); }
  std::uint16_t zero() { return make(random_.chance(2), 0, 0); }
  /// Exponent field from low to high.
  std::uint16_t normal(std::int64_t low, std::int64_t high) {
    const bool negative = random_.chance(2);
    const auto exponent = static_cast<std::uint64_t>(random_.between(low, high));
    return make(negative, exponent, fraction());
  }
  std::uint16_t around_one() { return normal(format_.bias - 4, format_.bias + 2); }
  std::uint16_t subnormal() {
    const bool negative = random_.chance(2);
    return make(negative, 0, random_.chance(8) ? 0 : fraction());
  }
  std::uint16_t special() {
    const bool negative = random_.chance(2);
    switch (random_.below(12)) {
      case 0: return make(negative, format_.special, 0);
      case 1: return make(negative, format_.special, std::max<std::uint64_t>(1, fraction()));
      case 2: return make(negative, 0, 0);
      default: return around_one();
    }
  }

  std::uint16_t one_of(Regime regime) {
    switch (regime) {
      case Regime::minus_zero: return make(true, 0, 0);
      case Regime::zeros: return zero();
      case Regime::subnormal: return subnormal();
      case Regime::tiny: return normal(1, 4);
      case Regime::small: return normal(format_.bias / 2 - 3, format_.bias / 2 + 2);
      case Regime::positive: return around_one() & 0x7fff;
      case Regime::big: return normal(format_.bias + format_.bias / 2 - 1, format_.bias + format_.bias / 2 + 1);
      case Regime::large: return normal(format_.special - 3, format_.special - 1);
      case Regime::special: return special();
      case Regime::any: return static_cast<std::uint16_t>(random_.below(65536));
      default: return around_one();
    }
  }

 private:
  Random &random_;
  const Format format_;
};

}  // namespace

std::vector<std::uint8_t> Random::bytes(std::size_t count, bool extremes) {
  static constexpr std::uint8_t kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
  std::vector<std::uint8_t> out(count);
  for (std::uint8_t &byte : out) byte = extremes ? kExtremes[below(4)] : static_cast<std::uint8_t>(below(256));
  return out;
}

std::vector<std::uint32_t> Random::words(std::size_t count) {
  std::vector<std::uint32_t> out(count);
  for (std::uint32_t &value : out) value = bits32();
  return out;
}

std::vector<std::uint16_t> float_line(Random &random, DType type, Regime regime, std::size_t count) {
  Numbers numbers(random, type);
  std::vector<std::uint16_t> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool second = i % 2 != 0;
    if (second && regime == Regime::paired) {
      out[i] = out[i - 1];
    } else if (second && regime == Regime::cancelling) {
      out[i] = out[i - 1] ^ (random.chance(4) ? 0x8001 : 0x8000);
    } else {
      out[i] = numbers.one_of(regime);
    }
  }
  return out;
}

std::vector<std::uint8_t> regime_matrix(Random &random, DType type, std::size_t lines, std::size_t count, std::size_t first) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < lines; ++i) {
    const std::vector<std::uint8_t> line =
        little_endian(float_line(random, type, static_cast<Regime>((first + i) % kRegimes), count));
    out.insert(out.end(), line.begin(), line.end());
  }
  return out;
}

std::vector<std::uint8_t> float_matrix(Random &random, DType type, std::size_t lines, std::size_t count, Regime regime) {
  return little_endian(float_line(random, type, regime, lines * count));
}

std::vector<std::uint32_t> float_seeds(Random &random, std::size_t count) {
  std::vector<std::uint32_t> out(count);
  for (std::uint32_t &value : out) {
    const std::uint32_t sign = random.chance(2) ? 0x80000000 : 0, fraction = random.bits32() & 0x7fffff;
    switch (random.below(10)) {
      case 0: value = 0; break;
      case 1:
      case 2: value = 0x80000000; break;
      case 3: value = sign | fraction >> random.below(23); break;                                           // subnormal
      case 4: value = sign | static_cast<std::uint32_t>(random.between(1, 30)) << 23 | fraction; break;     // tiny
      case 5: value = sign | static_cast<std::uint32_t>(random.between(224, 254)) << 23 | fraction; break;  // huge
      case 6: value = random.chance(4) ? sign | 0x7f800000 | (random.chance(2) ? 0 : fraction) : sign; break;
      default: value = sign | static_cast<std::uint32_t>(random.between(110, 135)) << 23 | fraction; break;  // around 1
    }
  }
  return out;
}

GemmJob int_product(Random &random, std::uint32_t m, std::uint32_t n, std::uint32_t k, bool extremes) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a = random.bytes(std::size_t{m} * k, extremes);
  job.b = random.bytes(std::size_t{n} * k, extremes);
  return job;
}

GemmJob float_product(Random &random, DType type, DType out, std::uint32_t m, std::uint32_t n, std::uint32_t k) {
  GemmJob job;
  job.m = m;
  job.n = n;
  job.k = k;
  job.a_type = job.b_type = type;
  job.a = float_matrix(random, type, m, k);
  job.b = float_matrix(random, type, n, k);
  job.epilogue.out = out;
  return job;
}

golden::Epilogue random_requant(Random &random, golden::Requant rule, std::size_t n, double reach) {
  golden::Epilogue out;
  out.out = random.chance(2) ? DType::s8 : DType::u8;
  out.rule = rule;
  out.zero_point = random.zero_point(out.out);
  // The real scale brings sums of that reach to between an eighth of the result's range and eight times as much.
  const auto factor = [&] {
    const double mantissa = static_cast<double>(8 + random.below(8)) / 8;
    return std::ldexp(mantissa, static_cast<int>(random.between(-3, 3))) * 128 / reach;
  };
  const std::size_t count = random.chance(2) ? n : 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (rule == golden::Requant::floating) {
      // A power of two makes ties.
      const double scale = factor();
      out.scale.push_back(golden::as_bits(static_cast<float>(random.chance(2) ? scale : std::ldexp(1.0, std::ilogb(scale)))));
    } else {
      int exponent = 0;
      const double fraction = std::frexp(factor(), &exponent);
      const std::int64_t multiplier = std::llround((random.chance(2) ? fraction : 0.5) * 0x1p31);
      out.multiplier.push_back(
          static_cast<std::int32_t>(std::min<std::int64_t>(multiplier, std::numeric_limits<std::int32_t>::max())));
      out.shift.push_back(std::clamp(exponent, -31, 30));
    }
  }
  if (random.chance(3)) {
    const int low = out.out == DType::s8 ? -128 : 0;
    const std::int64_t a = random.between(low, low + 255), b = random.between(low, low + 255);
    if (!random.chance(4)) out.clamp_min = static_cast<std::uint32_t>(std::min(a, b));
    if (!random.chance(4)) out.clamp_max = static_cast<std::uint32_t>(std::max(a, b));
  }
  return out;
}

}  // namespace systole::tool
