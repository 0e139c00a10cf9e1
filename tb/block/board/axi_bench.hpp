// SPDX-License-Identifier: Apache-2.0
// Parts of the AXI benches: a master that asks for random bursts with random stalls, and the rules that may be broken on purpose.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sim/platform/axi_checker.hpp"
#include "sim/platform/pins.hpp"

namespace systole::board_bench {

using platform::AxiAddress;
using platform::AxiMasterPins;
using platform::AxiSlavePins;
using platform::Beat;

struct WriteBurst {
  AxiAddress address;
  std::vector<Beat> data;
  std::vector<uint64_t> strobes;
};

/// A transfer in `percent` of 100 cycles.
inline bool chance(std::mt19937_64 &random, unsigned percent) { return random() % 100 < percent; }

/// The pins of one master, driven from queues; every valid stays until it is taken. W may run ahead of AW (`early`).
class Master {
 public:
  std::deque<AxiAddress> reads;
  std::deque<WriteBurst> writes;
  unsigned valid_percent = 100, ready_percent = 100;
  bool early = false;

  /// Before the clock: what the pins are in this cycle.
  const AxiMasterPins &drive(std::mt19937_64 &random) {
    pins_.arvalid = pins_.arvalid || (!reads.empty() && chance(random, valid_percent));
    if (pins_.arvalid) pins_.ar = reads.front();
    pins_.awvalid = pins_.awvalid || (addressed_ < writes.size() && chance(random, valid_percent));
    if (pins_.awvalid) pins_.aw = writes[addressed_].address;
    pins_.wvalid = pins_.wvalid || (!writes.empty() && beat_ < writes.front().data.size() && (early || addressed_ > 0) &&
                                    chance(random, valid_percent));
    if (pins_.wvalid) {
      pins_.wdata = writes.front().data[beat_];
      pins_.wstrb = writes.front().strobes[beat_];
      pins_.wlast = beat_ + 1 == writes.front().data.size();
    }
    pins_.rready = chance(random, ready_percent);
    pins_.bready = chance(random, ready_percent);
    return pins_;
  }
  struct Done {
    bool read = false, write = false;  ///< an address was taken, the data of a burst were sent
    AxiAddress read_address;
    WriteBurst written;
  };
  /// With the slave's answer, at the clock.
  Done clock(const AxiSlavePins &slave) {
    Done done;
    if (pins_.arvalid && slave.arready) {
      done.read = true;
      done.read_address = reads.front();
      reads.pop_front();
      pins_.arvalid = false;
    }
    if (pins_.awvalid && slave.awready) {
      pins_.awvalid = false;
      ++addressed_;
    }
    if (pins_.wvalid && slave.wready) {
      pins_.wvalid = false;
      ++beat_;
    }
    // A burst leaves the queue when its address and all its data have been taken.
    if (!writes.empty() && addressed_ > 0 && beat_ == writes.front().data.size()) {
      done.write = true;
      done.written = writes.front();
      writes.pop_front();
      --addressed_;
      beat_ = 0;
    }
    return done;
  }

 private:
  AxiMasterPins pins_;
  size_t addressed_ = 0, beat_ = 0;
};

/// All violations but those of `allowed` rules, a line each.
inline std::string broken(const platform::AxiChecker &checker, const std::set<std::string> &allowed) {
  std::string text;
  for (const auto &violation : checker.violations()) {
    if (!allowed.count(violation.rule))
      text += violation.rule + " in cycle " + std::to_string(violation.cycle) + ": " + violation.detail + "\n";
  }
  return text;
}

}  // namespace systole::board_bench
