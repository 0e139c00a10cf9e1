// SPDX-License-Identifier: Apache-2.0
/// Operands aimed at what floating-point hardware gets wrong: ties, cancellation, subnormals, the edges of the range, special values.
#pragma once

#include <cmath>
#include <cstdint>
#include <iterator>
#include <random>

#include "sim/golden/float.hpp"
#include "tests/unit/golden/exact.hpp"

namespace systole::golden::exact {

struct Case {
  std::uint32_t acc;
  std::uint16_t a, b;
};

class Cases {
 public:
  Cases(DType type, std::uint64_t seed) : f_(format(type)), type_(type), random_(seed) {}

  Case next() {
    Case c{0, operand(), operand()};
    if (type_ == DType::bf16 && pick(8) == 0) return at_the_edge();
    if (pick(32) == 0) return Case{sign(), static_cast<std::uint16_t>(sign() >> 16), c.b};  // zeros of all signs
    const double product = value_of(c.a) * value_of(c.b);  // exact where it is finite: 22 bits at most
    const int magnitude = std::isfinite(product) && product != 0 ? std::ilogb(product) : pick(60) - 30;
    switch (pick(8)) {
      case 0: c.acc = static_cast<std::uint32_t>(random_()); break;
      case 1: c.acc = special(kBinary32); break;
      case 2: c.acc = sign() | (static_cast<std::uint32_t>(random_()) & 0x7FFFFF) >> pick(23); break;  // subnormal
      case 3: c.acc = near(magnitude + pick(61) - 30); break;
      case 4: c.acc = near(magnitude + 23 + pick(3)); break;   // the product lies around the sum's last bit
      case 5: c.acc = near(magnitude - 22 + pick(24)); break;  // the sum's last bits come from acc
      default: {                                               // cancellation, exact or down to the last places
        c.acc = as_bits(static_cast<float>(-product));
        if (pick(2) == 0 && (c.acc & 0x7FFFFFFF) < 0x7F800000) c.acc += static_cast<std::uint32_t>(pick(5)) - 2;
        break;
      }
    }
    return c;
  }

  std::uint32_t random_bits() { return static_cast<std::uint32_t>(random_()); }
  int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  /// Zeros, ends of the ranges, infinities, NaNs with and without the quiet bit.
  std::uint32_t special(Format f) {
    const std::uint32_t one = ((1U << (f.exponent_bits - 1)) - 1) << f.fraction_bits, least = 1U << f.fraction_bits;
    const std::uint32_t list[] = {0,
                                  0,
                                  1,
                                  2,
                                  least - 1,
                                  least,
                                  least + 1,
                                  one - 1,
                                  one,
                                  one + 1,
                                  f.infinity() - 1,
                                  f.infinity(),
                                  f.nan(),
                                  f.infinity() + 1,
                                  f.nan() | 1};
    return list[random_() % std::size(list)] | (pick(2) == 0 ? f.sign() : 0);
  }

 private:
  double value_of(std::uint16_t bits) const { return static_cast<double>(as_float(widen(type_, bits))); }
  std::uint32_t sign() { return pick(2) == 0 ? 0x80000000 : 0; }

  std::uint16_t operand() {
    const std::uint32_t mask = (1U << f_.fraction_bits) - 1, bits = static_cast<std::uint32_t>(random_());
    const std::uint32_t around_one = ((1U << (f_.exponent_bits - 1)) - 4 + (bits >> 16) % 8) << f_.fraction_bits;
    switch (pick(8)) {
      case 0: return static_cast<std::uint16_t>(special(f_));
      case 1: return static_cast<std::uint16_t>((bits & (f_.sign() | mask)) >> (pick(2) == 0 ? 0 : pick(f_.fraction_bits)));
      case 2: return static_cast<std::uint16_t>(bits & ~mask);                              // powers of two
      case 3: return static_cast<std::uint16_t>(bits & ~(mask >> 2));                       // two bits of fraction
      case 4: return static_cast<std::uint16_t>(around_one | (bits & (f_.sign() | mask)));  // 1/8 to 32
      case 5: return static_cast<std::uint16_t>(around_one | (bits & f_.sign()));
      default: return static_cast<std::uint16_t>(bits);
    }
  }

  /// A binary32 number of that exponent, with dense or sparse fraction.
  std::uint32_t near(int exponent) {
    const std::uint32_t bits = static_cast<std::uint32_t>(random_()) & 0x7FFFFF;
    const std::uint32_t fraction = pick(2) == 0 ? bits : pick(2) == 0 ? bits & 0x600001 : bits | 0x1FFFFE;
    if (exponent > 127) exponent = 127;
    if (exponent < -126) return sign() | fraction;
    return sign() | static_cast<std::uint32_t>(exponent + 127) << 23 | fraction;
  }

  /// bfloat16 only: sums around the largest number, and around half of the smallest subnormal.
  Case at_the_edge() {
    const bool large = pick(2) == 0;
    const int target = large ? 102 + pick(4) : -151 + pick(4);  // exponent of the product
    const int ea = large ? pick(100) : -pick(26), eb = target - ea;
    const auto encode = [this](int exponent, std::uint32_t fraction) {
      // Below 2^-126 the fraction's bits that are left make a subnormal.
      if (exponent >= -126) return sign() >> 16 | static_cast<std::uint32_t>(exponent + 127) << 7 | fraction;
      return sign() >> 16 | (fraction | 0x80) >> (-126 - exponent);
    };
    const auto fraction = [this] { return pick(2) == 0 ? 0 : static_cast<std::uint32_t>(pick(128)); };
    Case c{0, static_cast<std::uint16_t>(encode(ea, fraction())), static_cast<std::uint16_t>(encode(eb, fraction()))};
    c.acc = sign() |
            (large ? 0x7F7FFFFFU - static_cast<std::uint32_t>(pick(3)) : static_cast<std::uint32_t>(pick(4)) << (4 * pick(6)));
    return c;
  }

  Format f_;
  DType type_;
  std::mt19937_64 random_;
};

}  // namespace systole::golden::exact
