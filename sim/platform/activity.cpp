// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/activity.hpp"

#include <algorithm>

namespace systole::platform {

Activity::Window &Activity::Window::operator+=(const Window &other) {
  for (size_t i = 0; i < events.size(); ++i) events[i] += other.events[i];
  ar += other.ar;
  ar_fetch += other.ar_fetch;
  r += other.r;
  aw += other.aw;
  w += other.w;
  b += other.b;
  reads += other.reads;
  writes += other.writes;
  return *this;
}

void Activity::halve() {
  for (size_t i = 0; 2 * i < windows.size(); ++i) {
    Window sum = windows[2 * i];
    if (2 * i + 1 < windows.size()) sum += windows[2 * i + 1];
    windows[i] = sum;
  }
  windows.resize((windows.size() + 1) / 2);
  window *= 2;
}

void Activity::coarsen(size_t most) {
  while (windows.size() > most) halve();
}

Activity::Window &ActivityRecorder::at(uint64_t cycle) {
  Activity &a = activity_;
  a.cycles = std::max(a.cycles, cycle + 1);
  while (cycle / a.window >= Activity::MAX_WINDOWS) a.halve();
  const size_t index = cycle / a.window;
  if (index >= a.windows.size()) a.windows.resize(index + 1);
  return a.windows[index];
}

void ActivityRecorder::cycle(uint64_t cycle, uint16_t events, const AxiMasterPins &master, const AxiSlavePins &slave, bool fetch,
                             size_t reads, size_t writes) {
  if (events != 0 && cycle != 0) {
    Activity::Window &before = at(cycle - 1);
    for (size_t i = 0; i < before.events.size(); ++i) before.events[i] += events >> i & 1;
  }
  const bool ar = master.arvalid && slave.arready, r = slave.rvalid && master.rready, aw = master.awvalid && slave.awready,
             w = master.wvalid && slave.wready, b = slave.bvalid && master.bready;
  if (!(ar | r | aw | w | b) && reads == 0 && writes == 0) return;
  Activity::Window &now = at(cycle);
  now.ar += ar;
  now.ar_fetch += ar && fetch;
  now.r += r;
  now.aw += aw;
  now.w += w;
  now.b += b;
  now.reads += reads;
  now.writes += writes;
}

void ActivityRecorder::interrupt(uint64_t cycle) {
  activity_.interrupts.push_back(cycle);
  if (cycle != 0) at(cycle - 1);
}

}  // namespace systole::platform
