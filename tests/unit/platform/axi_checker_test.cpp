// SPDX-License-Identifier: Apache-2.0
// The protocol checkers themselves: clean traffic passes, and each rule, broken, is named.
#include "sim/platform/axi_checker.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace systole::platform {
namespace {

/// One cycle of a port.
struct Cycle {
  AxiMasterPins m;
  AxiSlavePins s;
  bool reset = false;
};
using Trace = std::vector<Cycle>;

/// Clean traffic on a 16-byte bus: a read of two beats at 0x1000 and a write of two beats at 0x2008, each channel waiting once.
///  0,1 reset  2 idle  3 AR waits  4 AR taken  5 AW waits  6 AW taken  7 W0 waits  8 W0 taken  9 W1 taken
/// 10 R0 waits  11 R0 taken  12 R1 taken  13 B waits  14 B taken  15 idle
Trace clean() {
  Trace t(16);
  t[0].reset = t[1].reset = true;
  AxiAddress ar, aw;
  ar.addr = 0x1000;
  aw.addr = 0x2008;
  ar.len = aw.len = 1;
  ar.size = aw.size = 4;
  for (unsigned c : {3, 4}) {
    t[c].m.arvalid = true;
    t[c].m.ar = ar;
  }
  t[4].s.arready = true;
  for (unsigned c : {5, 6}) {
    t[c].m.awvalid = true;
    t[c].m.aw = aw;
  }
  t[6].s.awready = true;
  for (unsigned c : {7, 8, 9}) {
    t[c].m.wvalid = true;
    t[c].m.wstrb = c == 9 ? 0x00FF : 0xFF00;
    t[c].m.wdata.fill(c == 9 ? 2 : 1);
    t[c].m.wlast = c == 9;
    t[c].s.wready = c != 7;
  }
  for (unsigned c : {10, 11, 12}) {
    t[c].s.rvalid = true;
    t[c].s.rdata.fill(c == 12 ? 4 : 3);
    t[c].s.rlast = c == 12;
    t[c].m.rready = c != 10;
  }
  for (unsigned c : {13, 14}) {
    t[c].s.bvalid = true;
    t[c].m.bready = c == 14;
  }
  return t;
}

AxiRules rules() {
  AxiRules r;
  r.bus_bytes = 16;
  r.max_reads = r.max_writes = 2;
  return r;
}

std::vector<Violation> run(const Trace &trace) {
  AxiChecker checker("m_axi", rules());
  for (const Cycle &cycle : trace) checker.check(cycle.m, cycle.s, cycle.reset);
  checker.finish();
  return checker.violations();
}

std::string first_rule(const Trace &trace) {
  const std::vector<Violation> violations = run(trace);
  return violations.empty() ? "" : violations.front().rule;
}

TEST(AxiCheckerTest, AcceptsCleanTraffic) { EXPECT_EQ(first_rule(clean()), ""); }

TEST(AxiCheckerTest, AcceptsTrafficWithoutWaits) {
  Trace t = clean();
  for (const size_t waiting : {13, 10, 7, 5, 3}) t.erase(t.begin() + static_cast<std::ptrdiff_t>(waiting));
  EXPECT_EQ(first_rule(t), "");
}

TEST(AxiCheckerTest, NamesTheCycle) {
  Trace t = clean();
  t[12].s.rlast = false;
  const std::vector<Violation> violations = run(t);
  ASSERT_FALSE(violations.empty());
  EXPECT_EQ(violations.front().cycle, 12u);
}

/// A planted fault and the rule that must name it.
struct Fault {
  const char *name;
  const char *rule;
  std::function<void(Trace &)> plant;
};
void PrintTo(const Fault &fault, std::ostream *out) { *out << fault.name; }

class AxiFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(AxiFaultTest, IsNamed) {
  Trace trace = clean();
  GetParam().plant(trace);
  EXPECT_EQ(first_rule(trace), GetParam().rule);
}

const Fault AXI_FAULTS[] = {
    {"ArValidFalls", "AR_STABLE", [](Trace &t) { t[4].m.arvalid = false; }},
    {"ArAddressChanges", "AR_STABLE", [](Trace &t) { t[4].m.ar.addr += 16; }},
    {"ArLengthChanges", "AR_STABLE", [](Trace &t) { t[4].m.ar.len = 0; }},
    {"AwValidFalls", "AW_STABLE", [](Trace &t) { t[6].m.awvalid = false; }},
    {"AwAddressChanges", "AW_STABLE", [](Trace &t) { t[6].m.aw.addr += 16; }},
    {"WValidFalls", "W_STABLE", [](Trace &t) { t[8].m.wvalid = false; }},
    {"WDataChange", "W_STABLE", [](Trace &t) { t[8].m.wdata[15] = 99; }},
    {"WStrobesChange", "W_STABLE", [](Trace &t) { t[8].m.wstrb = 0x7F00; }},
    {"WLastChanges", "W_STABLE", [](Trace &t) { t[8].m.wlast = true; }},
    {"RValidFalls", "R_STABLE", [](Trace &t) { t[11].s.rvalid = false; }},
    {"RDataChange", "R_STABLE", [](Trace &t) { t[11].s.rdata[0] = 99; }},
    {"RRespChanges", "R_STABLE", [](Trace &t) { t[11].s.rresp = RESP_SLVERR; }},
    {"BValidFalls", "B_STABLE", [](Trace &t) { t[14].s.bvalid = false; }},
    {"BRespChanges", "B_STABLE", [](Trace &t) { t[14].s.bresp = RESP_SLVERR; }},
    {"ArWraps", "AR_SUBSET", [](Trace &t) { t[3].m.ar.burst = t[4].m.ar.burst = 2; }},
    {"ArIsNarrow", "AR_SUBSET", [](Trace &t) { t[3].m.ar.size = t[4].m.ar.size = 2; }},
    {"ArHasAnId", "AR_SUBSET", [](Trace &t) { t[3].m.ar.id = t[4].m.ar.id = 1; }},
    {"ArLocks", "AR_SUBSET", [](Trace &t) { t[3].m.ar.lock = t[4].m.ar.lock = 1; }},
    {"ArCache", "AR_SUBSET", [](Trace &t) { t[3].m.ar.cache = t[4].m.ar.cache = 0; }},
    {"ArProt", "AR_SUBSET", [](Trace &t) { t[3].m.ar.prot = t[4].m.ar.prot = 2; }},
    {"ArQos", "AR_SUBSET", [](Trace &t) { t[3].m.ar.qos = t[4].m.ar.qos = 1; }},
    {"ArIsTooWide", "AR_SUBSET", [](Trace &t) { t[3].m.ar.addr = t[4].m.ar.addr = uint64_t{1} << 40; }},
    {"AwIsFixed", "AW_SUBSET", [](Trace &t) { t[5].m.aw.burst = t[6].m.aw.burst = 0; }},
    {"AwIsNarrow", "AW_SUBSET", [](Trace &t) { t[5].m.aw.size = t[6].m.aw.size = 0; }},
    {"ArCrosses4KiB", "AR_4K", [](Trace &t) { t[3].m.ar.addr = t[4].m.ar.addr = 0x1FF0; }},
    {"ArUnalignedCrosses4KiB", "AR_4K", [](Trace &t) { t[3].m.ar.addr = t[4].m.ar.addr = 0x1FFF; }},
    {"AwCrosses4KiB", "AW_4K", [](Trace &t) { t[5].m.aw.addr = t[6].m.aw.addr = 0x2FF8; }},
    {"TooManyReads", "AR_LIMIT", [](Trace &t) { t.insert(t.begin() + 5, 2, t[4]); }},
    {"TooManyWrites", "AW_LIMIT", [](Trace &t) { t.insert(t.begin() + 7, 2, t[6]); }},
    {"WBeforeAw", "W_EARLY",
     [](Trace &t) {
       const Cycle w = t[8];
       t.insert(t.begin() + 3, w);
     }},
    {"WLastMissing", "W_LAST", [](Trace &t) { t[9].m.wlast = false; }},
    {"WLastEarly", "W_LAST", [](Trace &t) { t[7].m.wlast = t[8].m.wlast = true; }},
    {"StrobeBelowTheAddress", "W_STRB", [](Trace &t) { t[7].m.wstrb = t[8].m.wstrb = 0xFF80; }},
    {"StrobeBeyondTheBus", "W_STRB", [](Trace &t) { t[9].m.wstrb = 0x100FF; }},
    {"RWithoutABurst", "R_UNASKED", [](Trace &t) { t.insert(t.begin() + 13, t[12]); }},
    {"RBeforeItsAddress", "R_UNASKED", [](Trace &t) { t.insert(t.begin() + 3, t[12]); }},
    {"RInTheCycleOfItsAddress", "R_UNASKED", [](Trace &t) { t[4].s.rvalid = true; }},
    {"RLastMissing", "R_LAST", [](Trace &t) { t[12].s.rlast = false; }},
    {"RLastEarly", "R_LAST", [](Trace &t) { t[10].s.rlast = t[11].s.rlast = true; }},
    {"RId", "R_ID", [](Trace &t) { t[12].s.rid = 1; }},
    {"RRespExokay", "R_RESP", [](Trace &t) { t[12].s.rresp = RESP_EXOKAY; }},
    {"BTwice", "B_UNASKED", [](Trace &t) { t.insert(t.begin() + 15, t[14]); }},
    {"BBeforeTheLastData", "B_UNASKED", [](Trace &t) { t.insert(t.begin() + 9, t[14]); }},
    {"BId", "B_ID", [](Trace &t) { t[13].s.bid = t[14].s.bid = 1; }},
    {"BRespExokay", "B_RESP", [](Trace &t) { t[13].s.bresp = t[14].s.bresp = RESP_EXOKAY; }},
    {"MasterValidInReset", "RESET_MASTER", [](Trace &t) { t[1].m.arvalid = true; }},
    {"MasterValidRightAfterReset", "RESET_MASTER", [](Trace &t) { t.erase(t.begin() + 2); }},
    {"SlaveValidInReset", "RESET_SLAVE", [](Trace &t) { t[1].s.bvalid = true; }},
    {"SlaveValidRightAfterReset", "RESET_SLAVE", [](Trace &t) { t[2].s.rvalid = true; }},
    {"ReadNotFinished", "UNFINISHED", [](Trace &t) { t.insert(t.begin() + 15, t[4]); }},
    {"WriteDataMissing", "UNFINISHED", [](Trace &t) { t.insert(t.begin() + 15, t[6]); }},
    {"ResponseMissing", "UNFINISHED", [](Trace &t) { t[13] = t[14] = Cycle{}; }},
    {"AddressStillWaits", "UNFINISHED", [](Trace &t) { t[15] = t[3]; }},
};

INSTANTIATE_TEST_SUITE_P(Planted, AxiFaultTest, testing::ValuesIn(AXI_FAULTS), [](const auto &info) { return info.param.name; });

TEST(AxiCheckerTest, ResetForgetsWhatWasOutstanding) {
  Trace t = clean();
  t.resize(8);  // read and write under way
  Cycle reset;
  reset.reset = true;
  t.push_back(reset);
  t.push_back(reset);
  t.push_back(Cycle{});
  EXPECT_EQ(first_rule(t), "");
}

// --- AXI4-Lite ---

struct LiteCycle {
  AxiLiteMasterPins m;
  AxiLiteSlavePins s;
  bool reset = false;
};
using LiteTrace = std::vector<LiteCycle>;

/// 0,1 reset  2 idle  3 AW and W wait  4 AW taken  5 W taken  6 B waits  7 B taken  8 AR waits  9 AR taken  10 R waits  11 R
/// taken
LiteTrace lite_clean() {
  LiteTrace t(13);
  t[0].reset = t[1].reset = true;
  for (unsigned c : {3, 4}) {
    t[c].m.awvalid = true;
    t[c].m.awaddr = 0x20;
  }
  for (unsigned c : {3, 4, 5}) {
    t[c].m.wvalid = true;
    t[c].m.wdata = 7;
    t[c].m.wstrb = 15;
  }
  t[4].s.awready = true;
  t[5].s.wready = true;
  t[6].s.bvalid = t[7].s.bvalid = t[7].m.bready = true;
  for (unsigned c : {8, 9}) {
    t[c].m.arvalid = true;
    t[c].m.araddr = 0x24;
  }
  t[9].s.arready = true;
  for (unsigned c : {10, 11}) {
    t[c].s.rvalid = true;
    t[c].s.rdata = 9;
  }
  t[11].m.rready = true;
  return t;
}

std::string first_lite_rule(const LiteTrace &trace) {
  AxiLiteChecker checker("s_axil");
  for (const LiteCycle &cycle : trace) checker.check(cycle.m, cycle.s, cycle.reset);
  checker.finish();
  return checker.violations().empty() ? "" : checker.violations().front().rule;
}

TEST(AxiLiteCheckerTest, AcceptsCleanTraffic) { EXPECT_EQ(first_lite_rule(lite_clean()), ""); }

struct LiteFault {
  const char *name;
  const char *rule;
  std::function<void(LiteTrace &)> plant;
};
void PrintTo(const LiteFault &fault, std::ostream *out) { *out << fault.name; }

class AxiLiteFaultTest : public testing::TestWithParam<LiteFault> {};

TEST_P(AxiLiteFaultTest, IsNamed) {
  LiteTrace trace = lite_clean();
  GetParam().plant(trace);
  EXPECT_EQ(first_lite_rule(trace), GetParam().rule);
}

const LiteFault LITE_FAULTS[] = {
    {"AwValidFalls", "AW_STABLE", [](LiteTrace &t) { t[4].m.awvalid = false; }},
    {"AwAddressChanges", "AW_STABLE", [](LiteTrace &t) { t[4].m.awaddr = 0x28; }},
    {"WValidFalls", "W_STABLE", [](LiteTrace &t) { t[5].m.wvalid = false; }},
    {"WDataChange", "W_STABLE", [](LiteTrace &t) { t[5].m.wdata = 8; }},
    {"WStrobesChange", "W_STABLE", [](LiteTrace &t) { t[5].m.wstrb = 1; }},
    {"ArValidFalls", "AR_STABLE", [](LiteTrace &t) { t[9].m.arvalid = false; }},
    {"ArAddressChanges", "AR_STABLE", [](LiteTrace &t) { t[9].m.araddr = 0; }},
    {"BValidFalls", "B_STABLE", [](LiteTrace &t) { t[7].s.bvalid = false; }},
    {"BRespChanges", "B_STABLE", [](LiteTrace &t) { t[7].s.bresp = RESP_SLVERR; }},
    {"RValidFalls", "R_STABLE", [](LiteTrace &t) { t[11].s.rvalid = false; }},
    {"RDataChange", "R_STABLE", [](LiteTrace &t) { t[11].s.rdata = 10; }},
    {"BBeforeData", "B_UNASKED",
     [](LiteTrace &t) {
       t.insert(t.begin() + 5, t[7]);
       t[5].m.wvalid = true;
       t[5].m.wdata = 7;
       t[5].m.wstrb = 15;
     }},
    {"BTwice", "B_UNASKED", [](LiteTrace &t) { t.insert(t.begin() + 8, t[7]); }},
    {"RTwice", "R_UNASKED", [](LiteTrace &t) { t.insert(t.begin() + 12, t[11]); }},
    {"RBeforeAddress", "R_UNASKED", [](LiteTrace &t) { t.insert(t.begin() + 8, t[11]); }},
    {"BRespExokay", "B_RESP", [](LiteTrace &t) { t[6].s.bresp = t[7].s.bresp = RESP_EXOKAY; }},
    {"RRespExokay", "R_RESP", [](LiteTrace &t) { t[10].s.rresp = t[11].s.rresp = RESP_EXOKAY; }},
    {"MasterValidInReset", "RESET_MASTER", [](LiteTrace &t) { t[1].m.arvalid = true; }},
    {"MasterValidRightAfterReset", "RESET_MASTER", [](LiteTrace &t) { t.erase(t.begin() + 2); }},
    {"SlaveValidInReset", "RESET_SLAVE", [](LiteTrace &t) { t[1].s.rvalid = true; }},
    {"SlaveValidRightAfterReset", "RESET_SLAVE", [](LiteTrace &t) { t[2].s.bvalid = true; }},
    {"ReadUnanswered", "UNFINISHED", [](LiteTrace &t) { t[10] = t[11] = LiteCycle{}; }},
    {"WriteUnanswered", "UNFINISHED", [](LiteTrace &t) { t[6] = t[7] = LiteCycle{}; }},
};

INSTANTIATE_TEST_SUITE_P(Planted, AxiLiteFaultTest, testing::ValuesIn(LITE_FAULTS),
                         [](const auto &info) { return info.param.name; });

}  // namespace
}  // namespace systole::platform
