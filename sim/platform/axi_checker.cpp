// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/axi_checker.hpp"

#include <cstdio>

namespace systole::platform {
namespace {

constexpr size_t MAX_VIOLATIONS = 20;
constexpr uint64_t PAGE = 4096;

unsigned log2_of(unsigned value) {
  unsigned result = 0;
  while ((1u << result) < value) ++result;
  return result;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string list(const std::string &name, const std::vector<Violation> &violations) {
  std::string text;
  for (const Violation &v : violations)
    text += (text.empty() ? "" : "\n") + name + ": cycle " + std::to_string(v.cycle) + ": " + v.rule + ": " + v.detail;
  return text;
}

}  // namespace

AxiChecker::AxiChecker(std::string name, const AxiRules &rules)
    : name_(std::move(name)),
      rules_(rules),
      size_log2_(log2_of(rules.bus_bytes)),
      lanes_(rules.bus_bytes == 64 ? ~uint64_t{0} : (uint64_t{1} << rules.bus_bytes) - 1) {}

void AxiChecker::fail(const std::string &rule, const std::string &detail) {
  if (violations_.size() < MAX_VIOLATIONS) violations_.push_back({rule, cycle_ - 1, detail});
}

std::string AxiChecker::report() const { return list(name_, violations_); }

void AxiChecker::check_address(const char *channel, const AxiAddress &address) {
  const std::string name = channel;
  const auto subset = [&](bool good, const char *what) {
    if (!good) fail(name + "_SUBSET", std::string(what) + " (address " + hex(address.addr) + ")");
  };
  subset(address.burst == 1, "burst type is not INCR");
  subset(address.size == size_log2_, "size is not the full bus width");
  subset(address.id == 0, "ID is not 0");
  subset(address.lock == 0, "lock is not 0");
  subset(address.cache == 3, "cache is not 0011");
  subset(address.prot == 0, "prot is not 0");
  subset(address.qos == 0, "QoS is not 0");
  subset(address.addr >> rules_.addr_bits == 0, "address is wider than the bus");
  const uint64_t aligned = address.addr & ~uint64_t{rules_.bus_bytes - 1};
  const uint64_t last = aligned + uint64_t{address.beats()} * rules_.bus_bytes - 1;
  if (address.addr / PAGE != last / PAGE)
    fail(name + "_4K", "burst at " + hex(address.addr) + " of " + std::to_string(address.beats()) + " beats");
}

bool AxiChecker::check_busy(const AxiMasterPins &master, const AxiSlavePins &slave, bool reset) {
  const size_t before = violations_.size();
  if (reset) {
    if (in_reset_) {
      if (master.arvalid || master.awvalid || master.wvalid) fail("RESET_MASTER", "AR, AW or W valid during reset");
      if (slave.rvalid || slave.bvalid) fail("RESET_SLAVE", "R or B valid during reset");
    }
    in_reset_ = true;
    waiting_ = ar_wait_ = aw_wait_ = w_wait_ = r_wait_ = b_wait_ = false;
    reads_.clear();
    writes_.clear();
    addressed_ = completed_ = answered_ = 0;
    return violations_.size() == before;
  }
  // Valid must not rise before the first edge after reset: what was reset is still seen in this cycle.
  if (in_reset_) {
    if (master.arvalid || master.awvalid || master.wvalid) fail("RESET_MASTER", "AR, AW or W valid right after reset");
    if (slave.rvalid || slave.bvalid) fail("RESET_SLAVE", "R or B valid right after reset");
  }
  in_reset_ = false;

  if (waiting_) {
    if (ar_wait_ && !(master.arvalid && master.ar == master_.ar))
      fail("AR_STABLE", master.arvalid ? "payload changed" : "valid fell without ready");
    if (aw_wait_ && !(master.awvalid && master.aw == master_.aw))
      fail("AW_STABLE", master.awvalid ? "payload changed" : "valid fell without ready");
    if (w_wait_ && !(master.wvalid && master.wlast == master_.wlast && master.wstrb == master_.wstrb &&
                     std::memcmp(master.wdata.data(), master_.wdata.data(), rules_.bus_bytes) == 0))
      fail("W_STABLE", master.wvalid ? "payload changed" : "valid fell without ready");
    if (r_wait_ && !(slave.rvalid && slave.rlast == slave_.rlast && slave.rid == slave_.rid && slave.rresp == slave_.rresp &&
                     std::memcmp(slave.rdata.data(), slave_.rdata.data(), rules_.bus_bytes) == 0))
      fail("R_STABLE", slave.rvalid ? "payload changed" : "valid fell without ready");
    if (b_wait_ && !(slave.bvalid && slave.bid == slave_.bid && slave.bresp == slave_.bresp))
      fail("B_STABLE", slave.bvalid ? "payload changed" : "valid fell without ready");
  }

  // R and B belong to what was asked in earlier cycles.
  if (slave.rvalid) {
    if (reads_.empty()) {
      fail("R_UNASKED", "R valid without an outstanding burst");
    } else {
      const Burst &burst = reads_.front();
      if (slave.rlast != (burst.next + 1 == burst.beats))
        fail("R_LAST", "beat " + std::to_string(burst.next) + " of " + std::to_string(burst.beats));
      if (slave.rid != 0) fail("R_ID", "RID is " + std::to_string(slave.rid));
      if (slave.rresp == RESP_EXOKAY || slave.rresp > RESP_DECERR) fail("R_RESP", "RRESP is " + std::to_string(slave.rresp));
      if (master.rready && ++reads_.front().next == burst.beats) reads_.pop();
    }
  }
  if (slave.bvalid) {
    if (answered_ == completed_) {
      fail("B_UNASKED", "B valid without a complete burst");
    } else {
      if (slave.bid != 0) fail("B_ID", "BID is " + std::to_string(slave.bid));
      if (slave.bresp == RESP_EXOKAY || slave.bresp > RESP_DECERR) fail("B_RESP", "BRESP is " + std::to_string(slave.bresp));
      if (master.bready) ++answered_;
    }
  }
  // A new burst's slot may be the one that was released in this cycle only from the next cycle on for the slave; for the
  // master's own limit the release counts at once.
  if (master.arvalid) {
    if (!ar_wait_) check_address("AR", master.ar);
    if (slave.arready) {
      reads_.push({master.ar.addr, master.ar.beats(), 0});
      if (reads_.size() > rules_.max_reads) fail("AR_LIMIT", std::to_string(reads_.size()) + " bursts outstanding");
    }
  }
  if (master.awvalid) {
    if (!aw_wait_) check_address("AW", master.aw);
    if (slave.awready) {
      writes_.push({master.aw.addr, master.aw.beats(), 0});
      ++addressed_;
      if (addressed_ - answered_ > rules_.max_writes)
        fail("AW_LIMIT", std::to_string(addressed_ - answered_) + " bursts outstanding");
    }
  }
  if (master.wvalid) {
    if (writes_.empty()) {
      if (slave.wready) fail("W_EARLY", "W taken before its AW");
    } else {
      Burst &burst = writes_.front();
      if (master.wlast != (burst.next + 1 == burst.beats))
        fail("W_LAST", "beat " + std::to_string(burst.next) + " of " + std::to_string(burst.beats) + " at " + hex(burst.addr));
      uint64_t allowed = lanes_;
      if (burst.next == 0) allowed &= ~uint64_t{0} << (burst.addr & (rules_.bus_bytes - 1));
      if (master.wstrb & ~allowed) fail("W_STRB", "strobes " + hex(master.wstrb) + " at " + hex(burst.addr));
      if (slave.wready && ++burst.next == burst.beats) {
        writes_.pop();
        ++completed_;
      }
    }
  }

  ar_wait_ = master.arvalid && !slave.arready;
  aw_wait_ = master.awvalid && !slave.awready;
  w_wait_ = master.wvalid && !slave.wready;
  r_wait_ = slave.rvalid && !master.rready;
  b_wait_ = slave.bvalid && !master.bready;
  waiting_ = ar_wait_ || aw_wait_ || w_wait_ || r_wait_ || b_wait_;
  if (ar_wait_) master_.ar = master.ar;
  if (aw_wait_) master_.aw = master.aw;
  if (w_wait_) {
    master_.wlast = master.wlast;
    master_.wstrb = master.wstrb;
    master_.wdata = master.wdata;
  }
  if (r_wait_ || b_wait_) slave_ = slave;
  return violations_.size() == before;
}

bool AxiChecker::finish() {
  const size_t before = violations_.size();
  if (!reads_.empty()) fail("UNFINISHED", std::to_string(reads_.size()) + " read bursts");
  if (!writes_.empty()) fail("UNFINISHED", std::to_string(writes_.size()) + " write bursts lack data");
  if (completed_ != answered_) fail("UNFINISHED", std::to_string(completed_ - answered_) + " write bursts lack their response");
  if (waiting_) fail("UNFINISHED", "a channel is valid and not ready");
  return violations_.size() == before;
}

void AxiLiteChecker::fail(const std::string &rule, const std::string &detail) {
  if (violations_.size() < MAX_VIOLATIONS) violations_.push_back({rule, cycle_ - 1, detail});
}

std::string AxiLiteChecker::report() const { return list(name_, violations_); }

bool AxiLiteChecker::check_busy(const AxiLiteMasterPins &master, const AxiLiteSlavePins &slave, bool reset) {
  const size_t before = violations_.size();
  const bool master_valid = master.awvalid || master.wvalid || master.arvalid, slave_valid = slave.bvalid || slave.rvalid;
  if (reset) {
    if (in_reset_ && master_valid) fail("RESET_MASTER", "AW, W or AR valid during reset");
    if (in_reset_ && slave_valid) fail("RESET_SLAVE", "B or R valid during reset");
    in_reset_ = true;
    waiting_ = aw_wait_ = w_wait_ = ar_wait_ = b_wait_ = r_wait_ = false;
    addressed_ = written_ = answered_ = asked_ = read_ = 0;
    return violations_.size() == before;
  }
  if (in_reset_ && master_valid) fail("RESET_MASTER", "AW, W or AR valid right after reset");
  if (in_reset_ && slave_valid) fail("RESET_SLAVE", "B or R valid right after reset");
  in_reset_ = false;

  const char *const fell = "valid fell without ready, or the payload changed";
  if (aw_wait_ && !(master.awvalid && master.awaddr == master_.awaddr)) fail("AW_STABLE", fell);
  if (w_wait_ && !(master.wvalid && master.wdata == master_.wdata && master.wstrb == master_.wstrb)) fail("W_STABLE", fell);
  if (ar_wait_ && !(master.arvalid && master.araddr == master_.araddr)) fail("AR_STABLE", fell);
  if (b_wait_ && !(slave.bvalid && slave.bresp == slave_.bresp)) fail("B_STABLE", fell);
  if (r_wait_ && !(slave.rvalid && slave.rresp == slave_.rresp && slave.rdata == slave_.rdata)) fail("R_STABLE", fell);

  if (slave.bvalid) {
    if (answered_ >= addressed_ || answered_ >= written_) fail("B_UNASKED", "B valid before address and data");
    if (slave.bresp == RESP_EXOKAY || slave.bresp > RESP_DECERR) fail("B_RESP", "BRESP is " + std::to_string(slave.bresp));
    if (master.bready) ++answered_;
  }
  if (slave.rvalid) {
    if (read_ >= asked_) fail("R_UNASKED", "R valid without an address");
    if (slave.rresp == RESP_EXOKAY || slave.rresp > RESP_DECERR) fail("R_RESP", "RRESP is " + std::to_string(slave.rresp));
    if (master.rready) ++read_;
  }
  if (master.awvalid && slave.awready) ++addressed_;
  if (master.wvalid && slave.wready) ++written_;
  if (master.arvalid && slave.arready) ++asked_;

  aw_wait_ = master.awvalid && !slave.awready;
  w_wait_ = master.wvalid && !slave.wready;
  ar_wait_ = master.arvalid && !slave.arready;
  b_wait_ = slave.bvalid && !master.bready;
  r_wait_ = slave.rvalid && !master.rready;
  waiting_ = aw_wait_ || w_wait_ || ar_wait_ || b_wait_ || r_wait_;
  master_ = master;
  slave_ = slave;
  return violations_.size() == before;
}

bool AxiLiteChecker::finish() {
  const size_t before = violations_.size();
  if (addressed_ != answered_ || written_ != answered_) fail("UNFINISHED", "a write lacks address, data or response");
  if (asked_ != read_) fail("UNFINISHED", "a read lacks its response");
  return violations_.size() == before;
}

}  // namespace systole::platform
