// SPDX-License-Identifier: Apache-2.0
// The golden model against a second definition: the sum expanded into four separate sums, exact in 128 bits and reduced at the end,
//   sum (a - za)(b - zb) = sum a*b - zb * sum a - za * sum b + K * za * zb,
// and against cases worked out by hand.
#include "sim/golden/gemm.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace systole::golden {
namespace {

__extension__ typedef __int128 Wide;  // NOLINT: not in the standard, exact for any size here

struct Case {
  std::size_t m = 1, n = 1, k = 1;
  bool a_signed = true, b_signed = true;
  std::int32_t a_zp = 0;
  std::vector<std::int32_t> b_zp;
  std::vector<std::uint8_t> a, b;
  std::vector<std::int32_t> seed, bias;

  std::vector<std::int32_t> golden() const {
    std::vector<std::int32_t> c(m * n, 0x55555555);
    gemm_int(m, n, k, Operand{a.data(), a_signed, static_cast<std::ptrdiff_t>(k)},
             Operand{b.data(), b_signed, static_cast<std::ptrdiff_t>(k)}, a_zp, b_zp.empty() ? nullptr : b_zp.data(),
             seed.empty() ? nullptr : seed.data(), bias.empty() ? nullptr : bias.data(), c.data());
    return c;
  }
};

Wide value(std::uint8_t byte, bool is_signed) {
  return is_signed ? static_cast<Wide>(static_cast<std::int8_t>(byte)) : static_cast<Wide>(byte);
}

std::int32_t wrap(Wide x) {
  const Wide modulus = Wide{1} << 32;
  Wide r = x % modulus;
  if (r < 0) r += modulus;
  if (r >= modulus / 2) r -= modulus;
  return static_cast<std::int32_t>(r);
}

std::vector<std::int32_t> expanded(const Case &t) {
  std::vector<Wide> row_sum(t.m, 0), column_sum(t.n, 0), product(t.m * t.n, 0);
  for (std::size_t x = 0; x < t.k; ++x) {  // outer products, one K step after the other
    for (std::size_t i = 0; i < t.m; ++i) row_sum[i] += value(t.a[i * t.k + x], t.a_signed);
    for (std::size_t j = 0; j < t.n; ++j) column_sum[j] += value(t.b[j * t.k + x], t.b_signed);
    for (std::size_t j = 0; j < t.n; ++j) {
      for (std::size_t i = 0; i < t.m; ++i)
        product[i * t.n + j] += value(t.a[i * t.k + x], t.a_signed) * value(t.b[j * t.k + x], t.b_signed);
    }
  }
  std::vector<std::int32_t> c(t.m * t.n);
  for (std::size_t i = 0; i < t.m; ++i) {
    for (std::size_t j = 0; j < t.n; ++j) {
      const Wide za = t.a_zp;
      const Wide zb = t.b_zp.empty() ? 0 : t.b_zp[j];
      Wide sum = product[i * t.n + j] - zb * row_sum[i] - za * column_sum[j] + static_cast<Wide>(t.k) * za * zb;
      if (!t.seed.empty()) sum += t.seed[i * t.n + j];
      if (!t.bias.empty()) sum += t.bias[j];
      c[i * t.n + j] = wrap(sum);
    }
  }
  return c;
}

TEST(GoldenGemmTest, EqualsCasesWorkedOutByHand) {
  Case t;
  t.a = {0x80};
  t.b = {0x80};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{16384});  // -128 * -128
  t.b_signed = false;
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{-16384});  // -128 * 128
  t.a_signed = false;
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{16384});  // 128 * 128
  t.a_zp = 255;
  t.b_zp = {255};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{16129});  // (128 - 255)^2
  t.bias = {-16130};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{-1});

  Case two;  // [1 2 3; 4 5 6] times columns [7 9 11] and [8 10 12]
  two.m = 2;
  two.n = 2;
  two.k = 3;
  two.a = {1, 2, 3, 4, 5, 6};
  two.b = {7, 9, 11, 8, 10, 12};
  EXPECT_EQ(two.golden(), (std::vector<std::int32_t>{58, 64, 139, 154}));
  two.seed = {1, 2, 3, 4};
  EXPECT_EQ(two.golden(), (std::vector<std::int32_t>{59, 66, 142, 158}));
  two.b_zp = {7, 0};  // columns become [0 2 4] and [8 10 12]
  EXPECT_EQ(two.golden(), (std::vector<std::int32_t>{17, 66, 37, 158}));
}

TEST(GoldenGemmTest, ExtremesMultiplyNineBitsBySigned9Bits) {
  // The largest magnitudes that a zero point leaves: u8 0 - 255 = -255, s8 127 + 128 = 255, s8 -128 - 127 = -255.
  Case t;
  t.a_signed = false;
  t.a = {0};
  t.a_zp = 255;
  t.b = {0x7f};
  t.b_zp = {-128};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{-255 * 255});
  t.b = {0x80};
  t.b_zp = {127};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{255 * 255});
}

TEST(GoldenGemmTest, WrapsModuloTwoToThe32) {
  Case t;
  t.k = 33025;  // the largest K that cannot overflow: 33025 * 255^2 = 2147450625 < 2^31
  t.a_signed = t.b_signed = false;
  t.a.assign(t.k, 255);
  t.b.assign(t.k, 255);
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{2147450625});
  t.k = 33026;
  t.a.assign(t.k, 255);
  t.b.assign(t.k, 255);
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{2147515650 - 4294967296});
  t.k = 1;
  t.bias = {std::numeric_limits<std::int32_t>::max()};
  EXPECT_EQ(t.golden(), std::vector<std::int32_t>{static_cast<std::int32_t>(2147483647LL + 65025 - 4294967296LL)});
}

TEST(GoldenGemmTest, AnEmptySumIsTheSeed) {
  Case t;
  t.m = t.n = 2;
  t.k = 0;
  t.seed = {1, -2, 3, -4};
  EXPECT_EQ(t.golden(), t.seed);
}

TEST(GoldenGemmTest, HonoursPitches) {
  const std::uint8_t memory[] = {1, 2, 99, 3, 4, 99};
  std::int32_t c[4] = {};
  const Operand rows{memory, true, 3};            // [1 2; 3 4]
  const Operand backwards{memory + 3, true, -3};  // [3 4; 1 2]
  gemm_int(2, 2, 2, rows, backwards, 0, nullptr, nullptr, nullptr, c);
  EXPECT_EQ(std::vector<std::int32_t>(c, c + 4), (std::vector<std::int32_t>{11, 5, 25, 11}));
  const Operand overlapping{memory, true, 0};  // [1 2; 1 2]
  gemm_int(2, 2, 2, overlapping, rows, 0, nullptr, nullptr, nullptr, c);
  EXPECT_EQ(std::vector<std::int32_t>(c, c + 4), (std::vector<std::int32_t>{5, 11, 5, 11}));
}

TEST(GoldenGemmTest, EqualsTheExpandedSumsOnRandomCases) {
  const char *given = std::getenv("SYSTOLE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 0)) : 20240601;
  SCOPED_TRACE("SYSTOLE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const auto up_to = [&random](std::size_t limit) { return 1 + random() % limit; };
  for (int round = 0; round < 400; ++round) {
    Case t;
    t.m = up_to(9);
    t.n = up_to(9);
    t.k = round % 50 == 0 ? 40000 + up_to(30000) : up_to(70);  // long ones wrap
    t.a_signed = (random() & 1) != 0;
    t.b_signed = (random() & 1) != 0;
    const bool extremes = (random() & 3) == 0;
    const auto byte = [&]() -> std::uint8_t {
      static constexpr std::uint8_t kExtreme[] = {0x00, 0x7f, 0x80, 0xff};
      return extremes ? kExtreme[random() & 3] : static_cast<std::uint8_t>(random());
    };
    const auto zero_point = [&](bool is_signed) -> std::int32_t { return static_cast<std::int32_t>(value(byte(), is_signed)); };
    for (std::size_t i = 0; i < t.m * t.k; ++i) t.a.push_back(byte());
    for (std::size_t i = 0; i < t.n * t.k; ++i) t.b.push_back(byte());
    t.a_zp = zero_point(t.a_signed);
    if ((random() & 1) != 0) {
      for (std::size_t j = 0; j < t.n; ++j) t.b_zp.push_back(zero_point(t.b_signed));
    }
    const unsigned seeds = random() % 4;
    if ((seeds & 1) != 0) {
      for (std::size_t i = 0; i < t.m * t.n; ++i) t.seed.push_back(static_cast<std::int32_t>(random()));
    }
    if ((seeds & 2) != 0) {
      for (std::size_t j = 0; j < t.n; ++j) t.bias.push_back(static_cast<std::int32_t>(random()));
    }
    ASSERT_EQ(t.golden(), expanded(t)) << "round " << round << ": " << t.m << "x" << t.n << "x" << t.k;
  }
}

}  // namespace
}  // namespace systole::golden
