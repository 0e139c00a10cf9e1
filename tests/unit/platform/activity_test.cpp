// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/activity.hpp"

#include <gtest/gtest.h>

namespace systole::platform {
namespace {

constexpr uint16_t TOTAL = 1, COMPUTE = 3;  // with TOTAL

AxiMasterPins reading(bool address) {
  AxiMasterPins out;
  out.arvalid = address;
  out.rready = true;
  return out;
}
AxiSlavePins answering(bool data) {
  AxiSlavePins out;
  out.arready = true;
  out.rvalid = data;
  return out;
}

Activity::Window sum(const Activity &activity) {
  Activity::Window out;
  for (const Activity::Window &window : activity.windows) out += window;
  return out;
}

TEST(ActivityTest, CountsEventsInTheCycleBeforeAndHandshakesInTheirOwn) {
  ActivityRecorder recorder;
  recorder.cycle(0, TOTAL, {}, {}, false, 0, 0);  // of the cycle before the doorbell
  recorder.cycle(1, TOTAL, reading(true), answering(false), true, 0, 0);
  recorder.cycle(2, COMPUTE, reading(true), answering(true), false, 1, 2);
  const Activity &activity = recorder.activity();
  ASSERT_EQ(activity.windows.size(), 3u);
  EXPECT_EQ(activity.windows[0].events[0], 1u);
  EXPECT_EQ(activity.windows[0].events[1], 0u);
  EXPECT_EQ(activity.windows[1].events[1], 1u);
  EXPECT_EQ(activity.windows[1].ar, 1u);
  EXPECT_EQ(activity.windows[1].ar_fetch, 1u);
  EXPECT_EQ(activity.windows[2].ar, 1u);
  EXPECT_EQ(activity.windows[2].ar_fetch, 0u);
  EXPECT_EQ(activity.windows[2].r, 1u);
  EXPECT_EQ(activity.windows[2].reads, 1u);
  EXPECT_EQ(activity.windows[2].writes, 2u);
  recorder.begin_job();
  EXPECT_TRUE(activity.windows.empty());
}

TEST(ActivityTest, WindowsDoubleAndLoseNothing) {
  ActivityRecorder recorder;
  constexpr uint64_t CYCLES = 5 * Activity::MAX_WINDOWS + 1;
  for (uint64_t cycle = 0; cycle < CYCLES; ++cycle)
    recorder.cycle(cycle, cycle == 0 ? uint16_t{0} : TOTAL, reading(cycle % 3 == 0), answering(cycle % 2 == 0), false, 3, 1);
  recorder.interrupt(CYCLES);
  Activity activity = recorder.activity();
  EXPECT_EQ(activity.window, 8u);
  EXPECT_LE(activity.windows.size(), Activity::MAX_WINDOWS);
  EXPECT_EQ(activity.cycles, CYCLES);
  const auto complete = [&] {
    const Activity::Window all = sum(activity);
    EXPECT_EQ(all.events[0], CYCLES - 1);
    EXPECT_EQ(all.ar, (CYCLES + 2) / 3);
    EXPECT_EQ(all.r, (CYCLES + 1) / 2);
    EXPECT_EQ(all.reads, 3 * CYCLES);
  };
  complete();
  activity.coarsen(100);
  EXPECT_LE(activity.windows.size(), 100u);
  EXPECT_EQ(activity.window, 128u);
  complete();
}

TEST(ActivityTest, NothingHappensAfterTheInterrupt) {
  ActivityRecorder recorder;
  recorder.cycle(1, TOTAL, {}, {}, false, 0, 0);
  recorder.interrupt(7);
  recorder.cycle(500, 0, {}, {}, false, 0, 0);
  EXPECT_EQ(recorder.activity().cycles, 7u);
  EXPECT_EQ(recorder.activity().interrupts, std::vector<uint64_t>{7});
}

}  // namespace
}  // namespace systole::platform
