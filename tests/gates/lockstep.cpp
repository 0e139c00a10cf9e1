// SPDX-License-Identifier: Apache-2.0
#include "tests/gates/lockstep.hpp"

#include <cstdio>
#include <stdexcept>

#include "Vgates.h"
#include "Vgates___024root.h"
#include "Vgates_rtl.h"
#include "Vgates_rtl___024root.h"
#include "sim/platform/verilated_model.hpp"

namespace {

int fault_of_next = 0;

}  // namespace

/// Called by a netlist when it is evaluated for the first time (netlist.py --faults).
extern "C" int systole_gates_fault() { return fault_of_next; }

namespace systole::gates {
namespace {

/// Compares pin by pin, up to the first difference.
class Comparison {
 public:
  void pin(const char *name, uint64_t expected, uint64_t actual) {
    if (expected == actual || !report_.empty()) return;
    char text[128];
    std::snprintf(text, sizeof text, "%s is 0x%llx instead of 0x%llx", name, static_cast<unsigned long long>(actual),
                  static_cast<unsigned long long>(expected));
    report_ = text;
  }
  void address(const std::string &name, const platform::AxiAddress &expected, const platform::AxiAddress &actual) {
    pin((name + "addr_o").c_str(), expected.addr, actual.addr);
    pin((name + "id_o").c_str(), expected.id, actual.id);
    pin((name + "len_o").c_str(), expected.len, actual.len);
    pin((name + "size_o").c_str(), expected.size, actual.size);
    pin((name + "burst_o").c_str(), expected.burst, actual.burst);
    pin((name + "lock_o").c_str(), expected.lock, actual.lock);
    pin((name + "cache_o").c_str(), expected.cache, actual.cache);
    pin((name + "prot_o").c_str(), expected.prot, actual.prot);
    pin((name + "qos_o").c_str(), expected.qos, actual.qos);
  }
  const std::string &report() const { return report_; }

 private:
  std::string report_;
};

}  // namespace

std::string difference(const Outputs &expected, const Outputs &actual) {
  Comparison compare;
  compare.pin("irq_o", expected.irq, actual.irq);
  const platform::AxiLiteSlavePins &lite = expected.lite, &lite2 = actual.lite;
  compare.pin("s_axil_awready_o", lite.awready, lite2.awready);
  compare.pin("s_axil_wready_o", lite.wready, lite2.wready);
  compare.pin("s_axil_bvalid_o", lite.bvalid, lite2.bvalid);
  compare.pin("s_axil_arready_o", lite.arready, lite2.arready);
  compare.pin("s_axil_rvalid_o", lite.rvalid, lite2.rvalid);
  if (lite.bvalid) compare.pin("s_axil_bresp_o", lite.bresp, lite2.bresp);
  if (lite.rvalid) {
    compare.pin("s_axil_rresp_o", lite.rresp, lite2.rresp);
    compare.pin("s_axil_rdata_o", lite.rdata, lite2.rdata);
  }
  const platform::AxiMasterPins &axi = expected.axi, &axi2 = actual.axi;
  compare.pin("m_axi_arvalid_o", axi.arvalid, axi2.arvalid);
  compare.pin("m_axi_awvalid_o", axi.awvalid, axi2.awvalid);
  compare.pin("m_axi_wvalid_o", axi.wvalid, axi2.wvalid);
  compare.pin("m_axi_rready_o", axi.rready, axi2.rready);
  compare.pin("m_axi_bready_o", axi.bready, axi2.bready);
  if (axi.arvalid) compare.address("m_axi_ar", axi.ar, axi2.ar);
  if (axi.awvalid) compare.address("m_axi_aw", axi.aw, axi2.aw);
  if (axi.wvalid) {
    compare.pin("m_axi_wlast_o", axi.wlast, axi2.wlast);
    compare.pin("m_axi_wstrb_o", axi.wstrb, axi2.wstrb);
    for (unsigned i = 0; i < SYSTOLE_GATES_AxiDataW / 8; ++i)
      compare.pin(("m_axi_wdata_o, byte " + std::to_string(i) + ",").c_str(), axi.wdata[i], axi2.wdata[i]);
  }
  return compare.report();
}

Lockstep::Lockstep(uint64_t x_seed, const std::vector<int> &faults)
    : rtl_(std::make_unique<platform::VerilatedModel<Vgates_rtl>>(x_seed)), faults_(faults), differences_(faults.size()) {
  for (size_t i = 0; i < faults.size(); ++i)
    netlists_.push_back(std::make_unique<platform::VerilatedModel<Vgates>>(1000 * x_seed + i + 1));
}

Lockstep::~Lockstep() = default;

void Lockstep::settle(const Inputs &inputs, Outputs &outputs) {
  rtl_->settle(inputs, outputs);
  const Outputs expected = outputs;
  if (inputs.rst_n) ++compared_;
  bool driven = false;
  for (size_t i = 0; i < netlists_.size(); ++i) {
    if (!differences_[i].empty()) continue;
    fault_of_next = faults_[i];
    Outputs actual;
    netlists_[i]->settle(inputs, actual);
    if (inputs.rst_n) {
      const std::string report = difference(expected, actual);
      if (!report.empty()) differences_[i] = "cycle " + std::to_string(cycle_) + ": " + report;
      if (!report.empty() && faults_[i] == 0) throw std::runtime_error("the netlist differs from the RTL: " + differences_[i]);
    }
    if (faults_[i] == 0 && !driven) {
      outputs = actual;
      outputs.trace = expected.trace;
      driven = true;
    }
  }
}

void Lockstep::edge() {
  rtl_->edge();
  for (size_t i = 0; i < netlists_.size(); ++i)
    if (differences_[i].empty()) netlists_[i]->edge();
  ++cycle_;
}

void Lockstep::open_waves(const platform::WavePlan &plan) {
  throw std::invalid_argument("gate-level builds have no tracing (" + plan.file + ")");
}

}  // namespace systole::gates
