// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/platform/pins.hpp"

namespace systole::platform {

/// A broken rule.
struct Violation {
  std::string rule;  ///< e.g. "AR_STABLE"
  uint64_t cycle = 0;
  std::string detail;
};

/// What a checker expects beyond the protocol.
struct AxiRules {
  unsigned bus_bytes = 16;
  unsigned addr_bits = 40;
  unsigned max_reads = 16;  ///< bursts that the master may have outstanding
  unsigned max_writes = 16;
};

/// Checks one AXI4 port every cycle, both sides of it, against the protocol (ARM IHI 0022) and the core's subset of it
/// (docs/integration.md: full-width INCR bursts, ID 0, no lock). Rules:
///
/// AR_STABLE, AW_STABLE, W_STABLE, R_STABLE, B_STABLE: valid stays, with its payload, until ready.
/// AR_SUBSET, AW_SUBSET: INCR, full width, ID 0, no lock, cache 0011, prot and QoS 0, address in range.
/// AR_4K, AW_4K: no burst crosses 4 KiB. AR_LIMIT, AW_LIMIT: no more bursts outstanding than promised.
/// W_EARLY: no W beat before its AW. W_LAST: WLAST on the last beat and only there.
/// W_STRB: no strobe outside the burst's bytes (below an unaligned first address, or beyond the bus).
/// R_UNASKED: no R without a burst. R_LAST: RLAST on the last beat and only there. R_ID, R_RESP; B_UNASKED: no B before its
/// burst's data is complete. B_ID, B_RESP. RESET_MASTER, RESET_SLAVE: valids are low in reset, from its second cycle on.
/// UNFINISHED (by finish()): nothing is outstanding at the end.
class AxiChecker {
 public:
  AxiChecker(std::string name, const AxiRules &rules);

  /// One cycle. @returns true if all is well.
  bool check(const AxiMasterPins &master, const AxiSlavePins &slave, bool reset = false) {
    ++cycle_;
    if (!reset && !in_reset_ && !waiting_ && !(master.arvalid | master.awvalid | master.wvalid | slave.rvalid | slave.bvalid))
      return true;
    return check_busy(master, slave, reset);
  }
  /// The end of a job. @returns true if nothing is outstanding.
  bool finish();

  const std::vector<Violation> &violations() const { return violations_; }
  /// All violations, a line each.
  std::string report() const;
  uint64_t cycle() const { return cycle_; }
  size_t reads_outstanding() const { return reads_.size(); }
  size_t writes_outstanding() const { return addressed_ - answered_; }

 private:
  bool check_busy(const AxiMasterPins &master, const AxiSlavePins &slave, bool reset);
  void check_address(const char *channel, const AxiAddress &address);
  void fail(const std::string &rule, const std::string &detail);

  struct Burst {
    uint64_t addr;
    unsigned beats, next;
  };
  template <class T>
  class Queue {  // a deque that keeps its memory
   public:
    bool empty() const { return head_ == items_.size(); }
    size_t size() const { return items_.size() - head_; }
    T &front() { return items_[head_]; }
    void push(const T &item) { items_.push_back(item); }
    void pop() {
      if (++head_ == items_.size())
        clear();
      else if (head_ >= 1024) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
      }
    }
    void clear() {
      items_.clear();
      head_ = 0;
    }

   private:
    std::vector<T> items_;
    size_t head_ = 0;
  };

  const std::string name_;
  const AxiRules rules_;
  const unsigned size_log2_;
  const uint64_t lanes_;
  uint64_t cycle_ = 0;
  bool in_reset_ = false;  // the cycle before was one of reset
  bool waiting_ = false;   // some channel was valid and not ready in the cycle before
  bool ar_wait_ = false, aw_wait_ = false, w_wait_ = false, r_wait_ = false, b_wait_ = false;
  AxiMasterPins master_;  // payloads of waiting channels
  AxiSlavePins slave_;
  Queue<Burst> reads_, writes_;  // writes_: data not complete
  uint64_t addressed_ = 0, completed_ = 0, answered_ = 0;
  std::vector<Violation> violations_;
};

/// Checks the core's AXI4-Lite port. Rules: AW_STABLE, W_STABLE, AR_STABLE, B_STABLE, R_STABLE; B_UNASKED: no B before its
/// address and data; R_UNASKED; B_RESP, R_RESP: no EXOKAY; RESET_MASTER, RESET_SLAVE; UNFINISHED.
class AxiLiteChecker {
 public:
  explicit AxiLiteChecker(std::string name) : name_(std::move(name)) {}

  /// One cycle. @returns true if all is well.
  bool check(const AxiLiteMasterPins &master, const AxiLiteSlavePins &slave, bool reset = false) {
    ++cycle_;
    if (!reset && !in_reset_ && !waiting_ && !(master.awvalid | master.wvalid | master.arvalid | slave.bvalid | slave.rvalid))
      return true;
    return check_busy(master, slave, reset);
  }
  bool finish();
  const std::vector<Violation> &violations() const { return violations_; }
  std::string report() const;

 private:
  bool check_busy(const AxiLiteMasterPins &master, const AxiLiteSlavePins &slave, bool reset);
  void fail(const std::string &rule, const std::string &detail);

  const std::string name_;
  uint64_t cycle_ = 0;
  bool in_reset_ = false, waiting_ = false;
  bool aw_wait_ = false, w_wait_ = false, ar_wait_ = false, b_wait_ = false, r_wait_ = false;
  AxiLiteMasterPins master_;
  AxiLiteSlavePins slave_;
  uint64_t addressed_ = 0, written_ = 0, answered_ = 0, asked_ = 0, read_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace systole::platform
