// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "sim/platform/errors.hpp"
#include "sim/platform/gtkw.hpp"
#include "sim/platform/rtl_model.hpp"
#include "verilated.h"

namespace systole::platform {

/// The wire `trace` of the top's signals; a top that is not `systole` has none.
template <class Root>
auto trace_of(const Root &root, int) -> decltype(root.systole__DOT__trace) {
  return root.systole__DOT__trace;
}
template <class Root>
uint8_t trace_of(const Root &, long) {
  return 0;
}

/// The signals of RtlProbe; a top that is not `systole` has none.
template <class Root>
auto probe_of(const Root &root, int) -> decltype(root.systole__DOT__u_control__DOT__u_tokens__DOT__count_q, RtlProbe()) {
  RtlProbe out;
  out.queues[0] = {root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__0__KET____DOT__u_queue__DOT__level_q,
                   root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__0__KET____DOT__u_queue__DOT__full_q != 0};
  out.queues[1] = {root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__1__KET____DOT__u_queue__DOT__level_q,
                   root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__1__KET____DOT__u_queue__DOT__full_q != 0};
  out.queues[2] = {root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__2__KET____DOT__u_queue__DOT__level_q,
                   root.systole__DOT__u_control__DOT__u_dispatch__DOT__gen_queue__BRA__2__KET____DOT__u_queue__DOT__full_q != 0};
  out.order = {root.systole__DOT__u_control__DOT__u_dispatch__DOT__u_order__DOT__level_q,
               root.systole__DOT__u_control__DOT__u_dispatch__DOT__u_order__DOT__full_q != 0};
  out.dispatch = root.systole__DOT__u_control__DOT__u_dispatch__DOT__index_q;
  out.dispatch_holds = root.systole__DOT__u_control__DOT__u_dispatch__DOT__valid_q;
  out.dispatch_open = root.systole__DOT__u_control__DOT__u_dispatch__DOT__open_q;
  out.dispatch_refused = root.systole__DOT__u_control__DOT__u_dispatch__DOT__bad_q;
  out.fetched = {root.systole__DOT__u_control__DOT__u_fetch__DOT__u_records__DOT__level_q,
                 root.systole__DOT__u_control__DOT__u_fetch__DOT__u_records__DOT__full_q != 0};
  out.next_fetch = root.systole__DOT__u_control__DOT__u_fetch__DOT__next_q;
  out.load_writes = root.systole__DOT__wr_valid;
  out.load_dest = root.systole__DOT__wr_dest;
  out.store_reads = root.systole__DOT__u_store__DOT__u_walk__DOT__pending_q;
  out.known = true;
  for (unsigned token = 0; token < out.tokens.size(); ++token) {
    const unsigned count = root.systole__DOT__u_control__DOT__u_tokens__DOT__count_q >> (4 * token) & 15;
    const unsigned give = root.systole__DOT__u_control__DOT__u_tokens__DOT__give_q >> token & 1;
    const unsigned take = root.systole__DOT__u_control__DOT__u_tokens__DOT__take_q >> token & 1;
    out.tokens[token] = static_cast<uint8_t>(count == 15 && give > take ? 15 : (count + give - take) & 15);
  }
  out.events = root.systole__DOT__u_control__DOT__u_counters__DOT__event_q;
  return out;
}
template <class Root>
RtlProbe probe_of(const Root &, long) {
  return {};
}
template <class Root>
auto events_of(const Root &root, int) -> decltype(root.systole__DOT__u_control__DOT__u_counters__DOT__event_q, uint16_t()) {
  return root.systole__DOT__u_control__DOT__u_counters__DOT__event_q;
}
template <class Root>
uint16_t events_of(const Root &, long) {
  return 0;
}

/// RtlModel of a Verilated class. `Trace` is VerilatedFstC for a traced build, void for others.
template <class V, class Trace = void>
class VerilatedModel final : public RtlModel {
 public:
  explicit VerilatedModel(uint64_t x_seed) {
    if (x_seed != 0) {
      context_.randReset(2);
      context_.randSeed(static_cast<int>(x_seed & 0x7FFFFFFF));
    }
    // A fault to wake in a copy of the RTL that has some (sim/planted).
    const char *const plant = std::getenv("SYSTOLE_PLANT");
    const std::string argument = std::string("+plant=") + (plant != nullptr ? plant : "") + ";";
    const char *arguments[] = {"systole", argument.c_str()};
    context_.commandArgs(2, arguments);
    context_.traceEverOn(TRACED);
    top_ = std::make_unique<V>(&context_, "TOP");
  }
  ~VerilatedModel() override {
    if constexpr (TRACED) {
      if (trace_) trace_->close();
    }
    top_->final();
    Verilated::threadContextp(&context_);  // the top's scopes leave the current context, which may be another model's
  }

  void settle(const Inputs &in, Outputs &out) override {
    V &v = *top_;
    v.clk_i = 0;
    v.rst_ni = in.rst_n;
    v.s_axil_awvalid_i = in.lite.awvalid;
    v.s_axil_awaddr_i = in.lite.awaddr;
    v.s_axil_wvalid_i = in.lite.wvalid;
    v.s_axil_wdata_i = in.lite.wdata;
    v.s_axil_wstrb_i = in.lite.wstrb;
    v.s_axil_bready_i = in.lite.bready;
    v.s_axil_arvalid_i = in.lite.arvalid;
    v.s_axil_araddr_i = in.lite.araddr;
    v.s_axil_rready_i = in.lite.rready;
    const AxiSlavePins &s = *in.axi;
    v.m_axi_arready_i = s.arready;
    v.m_axi_awready_i = s.awready;
    v.m_axi_wready_i = s.wready;
    v.m_axi_rvalid_i = s.rvalid;
    if (s.rvalid) {
      v.m_axi_rid_i = s.rid;
      v.m_axi_rresp_i = s.rresp;
      v.m_axi_rlast_i = s.rlast;
      std::memcpy(&v.m_axi_rdata_i, s.rdata.data(), sizeof v.m_axi_rdata_i);
    }
    v.m_axi_bvalid_i = s.bvalid;
    if (s.bvalid) {
      v.m_axi_bid_i = s.bid;
      v.m_axi_bresp_i = s.bresp;
    }
    v.eval();
    dump(0);
    out.irq = v.irq_o;
    out.trace = trace_of(*v.rootp, 0);
    out.lite.awready = v.s_axil_awready_o;
    out.lite.wready = v.s_axil_wready_o;
    out.lite.bvalid = v.s_axil_bvalid_o;
    out.lite.bresp = v.s_axil_bresp_o;
    out.lite.arready = v.s_axil_arready_o;
    out.lite.rvalid = v.s_axil_rvalid_o;
    out.lite.rresp = v.s_axil_rresp_o;
    out.lite.rdata = v.s_axil_rdata_o;
    AxiMasterPins &m = out.axi;
    m.arvalid = v.m_axi_arvalid_o;
    if (m.arvalid)
      m.ar = {v.m_axi_araddr_o, v.m_axi_arid_o,    v.m_axi_arlen_o,  v.m_axi_arsize_o, v.m_axi_arburst_o,
              v.m_axi_arlock_o, v.m_axi_arcache_o, v.m_axi_arprot_o, v.m_axi_arqos_o};
    m.awvalid = v.m_axi_awvalid_o;
    if (m.awvalid)
      m.aw = {v.m_axi_awaddr_o, v.m_axi_awid_o,    v.m_axi_awlen_o,  v.m_axi_awsize_o, v.m_axi_awburst_o,
              v.m_axi_awlock_o, v.m_axi_awcache_o, v.m_axi_awprot_o, v.m_axi_awqos_o};
    m.wvalid = v.m_axi_wvalid_o;
    if (m.wvalid) {
      m.wlast = v.m_axi_wlast_o;
      m.wstrb = v.m_axi_wstrb_o;
      std::memcpy(m.wdata.data(), &v.m_axi_wdata_o, sizeof v.m_axi_wdata_o);
    }
    m.rready = v.m_axi_rready_o;
    m.bready = v.m_axi_bready_o;
  }

  void edge() override {
    top_->clk_i = 1;
    top_->eval();
    dump(1);
    ++cycle_;
  }

  RtlProbe probe() const override { return probe_of(*top_->rootp, 0); }
  uint16_t events() const override { return events_of(*top_->rootp, 0); }

  void open_waves(const WavePlan &plan) override {
    if (!TRACED) throw std::invalid_argument("this build has no tracing (" + plan.file + ")");
    plan_ = plan;
    waves_ = Waves::before;
  }

  void close_waves(const WaveNotes &notes) override {
    if constexpr (TRACED) {
      if (trace_) end_waves();
      const Waves state = std::exchange(waves_, Waves::none);
      if (state == Waves::before)
        throw OutputError("no waves: the simulation ended after cycle " + std::to_string(cycle_ - 1) +
                          ", before the window began at " + std::to_string(plan_.from));
      if (state == Waves::none) return;
      check_fst(plan_.file);
      if (plan_.scopes.empty()) write_gtkw(plan_, notes);
    } else {
      (void)notes;
    }
  }

 private:
  static constexpr bool TRACED = !std::is_void<Trace>::value;
  struct None {};
  using Tracer = std::conditional_t<TRACED, Trace, None>;

  // Inputs change at the low half, registers at the rising edge that ends it.
  void dump(unsigned half) {
    if constexpr (TRACED) {
      if (waves_ == Waves::before && cycle_ >= plan_.from) begin_waves();
      if (trace_ && cycle_ > plan_.to) end_waves();
      if (trace_) trace_->dump(WAVE_UNITS * cycle_ + WAVE_UNITS / 2 * half);
    } else {
      (void)half;
    }
  }

  void begin_waves() {
    if constexpr (TRACED) {
      waves_ = Waves::now;
      trace_ = std::make_unique<Tracer>();
      for (const std::string &scope : plan_.scopes) trace_->dumpvars(1, "TOP." + scope);
      top_->trace(trace_.get(), 99);
      trace_->set_time_unit("100ps");
      trace_->set_time_resolution("100ps");
      trace_->open(plan_.file.c_str());
      if (!trace_->isOpen()) throw OutputError("cannot write waves to '" + plan_.file + "'");
    }
  }
  void end_waves() {
    if constexpr (TRACED) {
      trace_->close();
      trace_.reset();
      waves_ = Waves::over;
    }
  }

  VerilatedContext context_;
  std::unique_ptr<V> top_;
  std::unique_ptr<Tracer> trace_;
  enum class Waves { none, before, now, over } waves_ = Waves::none;
  WavePlan plan_;
  uint64_t cycle_ = 0;
};

}  // namespace systole::platform
