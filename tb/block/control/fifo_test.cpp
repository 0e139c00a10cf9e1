// SPDX-License-Identifier: Apache-2.0
// systole_fifo: order, fill level, handshake and throughput against std::deque.
#include <deque>

#include "Vfifo_1.h"
#include "Vfifo_2.h"
#include "Vfifo_5.h"
#include "tb/block/control/bench.hpp"

namespace systole::tb {
namespace {

struct Depth1 {
  using Dut = Vfifo_1;
  static constexpr unsigned depth = 1;
};
struct Depth2 {
  using Dut = Vfifo_2;
  static constexpr unsigned depth = 2;
};
struct Depth5 {
  using Dut = Vfifo_5;
  static constexpr unsigned depth = 5;
};

template <class Config>
class FifoTest : public testing::Test {
 protected:
  using Dut = typename Config::Dut;
  static constexpr uint64_t mask = (uint64_t{1} << 37) - 1;

  FifoTest() : dut(random.seed()) {
    dut->rst_ni = 0;
    for (int i = 0; i < 3; ++i) {
      dut->valid_i = 1;
      dut->ready_i = 1;
      dut.settle();
      dut.edge();
    }
    dut->rst_ni = 1;
  }

  /// One cycle with the given wishes; checks everything against the queue.
  void step(bool push, bool pop) {
    const uint64_t data = ((uint64_t{random.word()} << 32) | random.word()) & mask;
    dut->valid_i = push;
    dut->ready_i = pop;
    dut->data_i = data;
    dut.settle();
    ASSERT_EQ(dut->valid_o, !queue.empty());
    ASSERT_EQ(dut->ready_o, queue.size() < Config::depth);
    if (!queue.empty()) ASSERT_EQ(dut->data_o, queue.front());
    const bool accepted = push && dut->ready_o;
    if (pop && dut->valid_o) {
      queue.pop_front();
      ++popped;
    }
    if (accepted) queue.push_back(data);
    dut.edge();
  }

  Random random;
  Clocked<Dut> dut;
  std::deque<uint64_t> queue;
  unsigned popped = 0;
};

using Configs = testing::Types<Depth1, Depth2, Depth5>;
TYPED_TEST_SUITE(FifoTest, Configs);

TYPED_TEST(FifoTest, KeepsOrderUnderRandomPressure) {
  for (int phase = 0; phase < 200; ++phase) {
    const uint32_t push = this->random.below(101);
    const uint32_t pop = this->random.below(101);
    for (int i = 0; i < 50; ++i) {
      this->step(this->random.percent(push), this->random.percent(pop));
      if (this->HasFatalFailure()) return;
    }
  }
}

TYPED_TEST(FifoTest, TakesAndGivesOneEveryCycle) {
  for (int i = 0; i < 100; ++i) {
    this->step(true, true);
    if (this->HasFatalFailure()) return;
  }
  EXPECT_EQ(this->popped, TypeParam::depth >= 2 ? 99U : 50U);
}

}  // namespace
}  // namespace systole::tb
