// SPDX-License-Identifier: Apache-2.0
// systole_parity_ram in all widths that the machine may have: no word that was written is wrong, every word with its lowest bit flipped is.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "Vparity_ram_128.h"
#include "Vparity_ram_16.h"
#include "Vparity_ram_32.h"
#include "Vparity_ram_512.h"
#include "Vparity_ram_64.h"
#include "Vparity_ram_8.h"

namespace systole::tb {
namespace {

constexpr unsigned kBank = 5, kFirst = 100, kWords = 16;
constexpr std::uint32_t kClear = 1u << 23, kInject = 1u << 6, kInjected = 1u << 23, kError = 1u << 22;

template <typename Top>
class ParityRamTest : public testing::Test {
 protected:
  Top top;
  static constexpr std::size_t kBytes = sizeof(top.wdata_i);
  using Word = std::vector<std::uint8_t>;

  ParityRamTest() {
    top.rst_ni = 0;
    top.we_i = top.re_i = 0;
    top.guard_i = 0;
    edge();
    top.rst_ni = 1;
    for (unsigned w = 0; w < kWords; ++w) {
      top.guard_i = kClear | w << 7;
      edge();
    }
    top.guard_i = 0;
  }
  void edge() {
    top.clk_i = 0;
    top.eval();
    top.clk_i = 1;
    top.eval();
    top.clk_i = 0;
    top.eval();
  }
  /// @returns `injected`
  bool write(unsigned word, const Word &data, std::uint32_t guard = 0) {
    top.we_i = 1;
    top.waddr_i = word;
    std::memcpy(&top.wdata_i, data.data(), kBytes);
    top.guard_i = guard;
    top.clk_i = 0;
    top.eval();
    const bool injected = (top.guard_o & kInjected) != 0;
    edge();
    top.we_i = 0;
    top.guard_i = 0;
    return injected;
  }
  /// What is read, and the guard two cycles later.
  std::pair<Word, std::uint32_t> read(unsigned word) {
    top.re_i = 1;
    top.raddr_i = word;
    edge();
    top.re_i = 0;
    Word data(kBytes);
    std::memcpy(data.data(), &top.rdata_o, kBytes);
    edge();
    const std::uint32_t guard = top.guard_o;
    edge();
    EXPECT_EQ(top.guard_o & kError, 0u) << "an error lasts a cycle";
    return {data, guard};
  }
};

using Tops = testing::Types<Vparity_ram_8, Vparity_ram_16, Vparity_ram_32, Vparity_ram_64, Vparity_ram_128, Vparity_ram_512>;
TYPED_TEST_SUITE(ParityRamTest, Tops, );

TYPED_TEST(ParityRamTest, ClearedWordsAreRight) {
  for (unsigned w = 0; w < kWords; ++w) {
    const auto [data, guard] = this->read(w);
    EXPECT_EQ(data, typename TestFixture::Word(this->kBytes));
    EXPECT_EQ(guard & kError, 0u) << w;
  }
}

TYPED_TEST(ParityRamTest, EveryFlippedWordIsFoundAndNoOther) {
  std::mt19937 random(1);
  for (unsigned i = 0; i < 5000; ++i) {
    typename TestFixture::Word data(this->kBytes);
    for (std::uint8_t &byte : data) byte = static_cast<std::uint8_t>(random());
    const unsigned word = random() % kWords;
    const std::uint32_t bank = random() % 4 == 0 ? kBank ^ 1u : kBank;
    const bool inject = random() % 2 != 0, flipped = inject && bank == kBank;
    ASSERT_EQ(this->write(word, data, (inject ? kInject : 0) | bank), flipped);
    const auto [read, guard] = this->read(word);
    if (flipped) data[0] ^= 1;
    ASSERT_EQ(read, data);
    ASSERT_EQ((guard & kError) != 0, flipped) << "word " << i;
    if (flipped) ASSERT_EQ(guard & 0x3FFFFF, kBank << 16 | (kFirst + word));
  }
}

TYPED_TEST(ParityRamTest, AReadOfTheWordBeingWrittenIsNotChecked) {
  typename TestFixture::Word data(this->kBytes, 0xA7);
  this->write(3, data, kInject | kBank);
  this->top.re_i = 1;
  this->top.raddr_i = 3;
  this->write(3, data);
  this->top.re_i = 0;
  this->edge();
  EXPECT_EQ(this->top.guard_o & kError, 0u);
  EXPECT_EQ(this->read(3).second & kError, 0u);
}

}  // namespace
}  // namespace systole::tb
