// SPDX-License-Identifier: Apache-2.0
// systole_uart_rx and systole_uart_tx at the ends of their range of clocks a bit, with a partner that is up to 2 % off.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "Vuart_rx_12_1.h"
#include "Vuart_rx_600_1.h"
#include "Vuart_rx_65000000_115200.h"
#include "Vuart_rx_65000000_3000000.h"
#include "Vuart_rx_8_1.h"
#include "Vuart_tx_12_1.h"
#include "Vuart_tx_600_1.h"
#include "Vuart_tx_65000000_115200.h"
#include "Vuart_tx_65000000_3000000.h"
#include "Vuart_tx_8_1.h"
#include "tb/block/board/line.hpp"

namespace {

using namespace systole::line;

struct Received {
  uint8_t byte;
  bool error;
  bool operator==(const Received &other) const { return byte == other.byte && error == other.error; }
};

template <typename Model>
class Rx {
 public:
  Rx() {
    model.rst_ni = 0;
    model.rx_i = 1;
    for (int i = 0; i < 8; ++i) cycle(true);
    model.rst_ni = 1;
    for (int i = 0; i < 8; ++i) cycle(true);
    received.clear();
  }
  void cycle(bool level) {
    model.rx_i = level ? 1 : 0;
    model.clk_i = 0;
    model.eval();
    model.clk_i = 1;
    model.eval();
    if (model.valid_o) received.push_back({model.data_o, model.error_o != 0});
  }
  void run(Sender &sender) {
    while (!sender.idle()) cycle(sender.level());
  }
  void level(bool level, double cycles) {
    for (int i = 0; i < cycles; ++i) cycle(level);
  }
  Model model;
  std::vector<Received> received;
};

template <typename RxModel, typename TxModel, unsigned CLK, unsigned BAUD>
struct Ratio {
  using RxM = RxModel;
  using TxM = TxModel;
  static constexpr double clocks = static_cast<double>(CLK) / BAUD;
};

template <typename T>
class UartTest : public ::testing::Test {};
using Ratios = ::testing::Types<Ratio<Vuart_rx_8_1, Vuart_tx_8_1, 8, 1>, Ratio<Vuart_rx_12_1, Vuart_tx_12_1, 12, 1>,
                                Ratio<Vuart_rx_65000000_3000000, Vuart_tx_65000000_3000000, 65000000, 3000000>,
                                Ratio<Vuart_rx_65000000_115200, Vuart_tx_65000000_115200, 65000000, 115200>,
                                Ratio<Vuart_rx_600_1, Vuart_tx_600_1, 600, 1>>;
TYPED_TEST_SUITE(UartTest, Ratios, );

TYPED_TEST(UartTest, ReceivesAtBaudRatesUpToTwoPercentOff) {
  std::mt19937 random(1);
  for (const double error : {-0.02, -0.01, 0.0, 0.01, 0.02}) {
    for (int phase = 0; phase < 4; ++phase) {
      Rx<typename TypeParam::RxM> rx;
      Sender sender(TypeParam::clocks * (1 + error));
      sender.gap = phase == 3 ? 0.3 : 0;  // back to back but once
      std::vector<Received> expected;
      for (int i = 0; i < 64; ++i) {
        const uint8_t byte = static_cast<uint8_t>(i < 6 ? 0xFF * (i & 1) : random());
        sender.send(byte);
        expected.push_back({byte, false});
      }
      rx.level(true, 30 + phase);
      rx.run(sender);
      rx.level(true, 2 * TypeParam::clocks);
      ASSERT_EQ(rx.received.size(), expected.size()) << error;
      EXPECT_TRUE(rx.received == expected) << error;
    }
  }
}

TYPED_TEST(UartTest, ReportsAStopBitOfZeroAndGoesOn) {
  Rx<typename TypeParam::RxM> rx;
  Sender sender(TypeParam::clocks);
  sender.send(0x5A);
  sender.send(0xA5, false);
  rx.run(sender);
  rx.level(true, 3 * TypeParam::clocks);
  Sender after(TypeParam::clocks);
  after.send(0x33);
  rx.run(after);
  rx.level(true, 3 * TypeParam::clocks);
  EXPECT_TRUE(rx.received == (std::vector<Received>{{0x5A, false}, {0xA5, true}, {0x33, false}}));
}

TYPED_TEST(UartTest, TakesABreakForOneErrorAndWaitsForItsEnd) {
  Rx<typename TypeParam::RxM> rx;
  rx.level(false, 40 * TypeParam::clocks);
  rx.level(true, 3 * TypeParam::clocks);
  Sender sender(TypeParam::clocks);
  sender.send(0x81);
  rx.run(sender);
  rx.level(true, 3 * TypeParam::clocks);
  EXPECT_TRUE(rx.received == (std::vector<Received>{{0x00, true}, {0x81, false}}));
}

TYPED_TEST(UartTest, TakesNoGlitchForAStartBit) {
  Rx<typename TypeParam::RxM> rx;
  for (int i = 0; i < 5; ++i) {
    rx.level(false, std::max(1.0, TypeParam::clocks * 0.3));
    rx.level(true, 12 * TypeParam::clocks);
  }
  EXPECT_TRUE(rx.received.empty());
}

TYPED_TEST(UartTest, IsSilentWhileTheLineIsLowFromTheReset) {
  typename TypeParam::RxM model;
  const auto cycle = [&](bool reset) {
    model.rst_ni = reset ? 0 : 1;
    model.rx_i = 0;
    model.clk_i = 0;
    model.eval();
    model.clk_i = 1;
    model.eval();
    return model.valid_o != 0 && !reset;
  };
  for (int i = 0; i < 10; ++i) cycle(true);
  for (int i = 0; i < 50 * TypeParam::clocks; ++i) ASSERT_FALSE(cycle(false));
}

TYPED_TEST(UartTest, SendsEveryEdgeWithinAClock) {
  typename TypeParam::TxM model;
  bool taken = false;
  const auto cycle = [&](bool reset, bool valid, uint8_t byte) {
    model.rst_ni = reset ? 0 : 1;
    model.valid_i = valid ? 1 : 0;
    model.data_i = byte;
    model.clk_i = 0;
    model.eval();
    taken = valid && model.ready_o && !reset;
    model.clk_i = 1;
    model.eval();
    return model.tx_o != 0;
  };
  for (int i = 0; i < 10; ++i) cycle(true, false, 0);
  for (int i = 0; i < 3 * TypeParam::clocks; ++i) ASSERT_TRUE(cycle(false, false, 0));
  std::mt19937 random(2);
  for (int i = 0; i < 40; ++i) {
    const uint8_t byte = static_cast<uint8_t>(i < 4 ? 0x55 << (i & 1) : random());
    // The level after each clock, from the one that takes the byte to the next one that could.
    std::vector<bool> levels{cycle(false, true, byte)};
    ASSERT_TRUE(taken);
    while (levels.push_back(cycle(false, true, 0)), !taken) ASSERT_LT(levels.size(), 12 * TypeParam::clocks);
    // That one began a character of zeros: let it pass.
    levels.pop_back();
    ASSERT_NEAR(static_cast<double>(levels.size()), 10 * TypeParam::clocks, 2) << "characters follow each other";
    for (size_t at = 0; at < levels.size(); ++at) {
      const double position = (static_cast<double>(at) + 0.5) / TypeParam::clocks;
      const auto bit = static_cast<unsigned>(position);
      if (std::abs(position - std::round(position)) * TypeParam::clocks > 1) {
        const bool expected = bit == 0 ? false : bit <= 8 ? (byte >> (bit - 1) & 1) != 0 : true;
        ASSERT_EQ(levels[at], expected) << "byte " << unsigned{byte} << ", clock " << at;
      }
    }
    for (int wait = 0; wait < 11 * TypeParam::clocks; ++wait) cycle(false, false, 0);
  }
}

}  // namespace
