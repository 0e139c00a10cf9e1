// SPDX-License-Identifier: Apache-2.0
// What the benches of the control engine share: random numbers, a clock, an AXI4-Lite master.
#pragma once

#include <gtest/gtest.h>
#include <verilated.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>

namespace systole::tb {

/// Seeded random numbers. The seed comes from the environment variable SYSTOLE_SEED, else from the system; it is printed.
class Random {
 public:
  Random() {
    const char *given = std::getenv("SYSTOLE_SEED");
    seed_ = given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 0)) : std::random_device{}();
    std::cout << "SYSTOLE_SEED=" << seed_ << '\n';
    engine_.seed(seed_);
  }
  uint32_t seed() const { return seed_; }
  uint32_t word() { return static_cast<uint32_t>(engine_()); }
  /// A number from 0 to n - 1.
  uint32_t below(uint32_t n) { return word() % n; }
  bool percent(uint32_t p) { return below(100) < p; }

 private:
  uint32_t seed_ = 0;
  std::mt19937 engine_;
};

/// Owns a Verilated module whose unreset state starts with random bits, and its clock.
template <class Dut>
class Clocked {
 public:
  explicit Clocked(uint32_t seed) : context_(std::make_unique<VerilatedContext>()) {
    context_->randReset(2);
    context_->randSeed(static_cast<int>(seed & 0x7FFFFFFFU));
    dut_ = std::make_unique<Dut>(context_.get(), "dut");
  }
  ~Clocked() { dut_->final(); }
  Clocked(const Clocked &) = delete;
  Clocked &operator=(const Clocked &) = delete;

  Dut *operator->() { return dut_.get(); }
  Dut &operator*() { return *dut_; }

  /// Lets the inputs of this cycle settle; outputs may be read.
  void settle() {
    dut_->clk_i = 0;
    dut_->eval();
  }
  /// The clock edge; outputs of registers then show the next cycle's values.
  void edge() {
    dut_->clk_i = 1;
    dut_->eval();
  }

 private:
  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Dut> dut_;
};

struct ReadResult {
  uint32_t data;
  unsigned resp;
};

/// AXI4-Lite master. `cycle` is called for every clock cycle: it must settle, and after the master has sampled, clock.
/// Channels are delayed at random when `slow` is set.
template <class Dut>
class LiteMaster {
 public:
  LiteMaster(Dut &dut, Random &random) : dut_(dut), random_(random) {}

  bool slow = false;

  /// Returns the response; `shown` (if given) receives the cycle number in which the register shows the new value.
  template <class Cycle>
  unsigned write(Cycle &&cycle, uint32_t offset, uint32_t data, unsigned strb = 15) {
    unsigned aw_wait = delay();
    unsigned w_wait = delay();
    unsigned b_wait = delay();
    bool aw_done = false;
    bool w_done = false;
    for (unsigned guard = 0; guard < 1000; ++guard) {
      dut_.s_axil_awvalid_i = static_cast<CData>(!aw_done && aw_wait == 0);
      dut_.s_axil_awaddr_i = static_cast<SData>(dut_.s_axil_awvalid_i != 0 ? offset : random_.below(4096));
      dut_.s_axil_wvalid_i = static_cast<CData>(!w_done && w_wait == 0);
      dut_.s_axil_wdata_i = dut_.s_axil_wvalid_i != 0 ? data : random_.word();
      dut_.s_axil_wstrb_i = static_cast<CData>(dut_.s_axil_wvalid_i != 0 ? strb : random_.below(16));
      dut_.s_axil_bready_i = static_cast<CData>(aw_done && w_done && b_wait == 0);
      bool aw = false;
      bool w = false;
      bool b = false;
      unsigned resp = 0;
      cycle([&] {
        aw = dut_.s_axil_awvalid_i && dut_.s_axil_awready_o;
        w = dut_.s_axil_wvalid_i && dut_.s_axil_wready_o;
        b = dut_.s_axil_bvalid_o && dut_.s_axil_bready_i;
        if (!aw_done || !w_done) EXPECT_FALSE(dut_.s_axil_bvalid_o) << "response before address and data";
        resp = dut_.s_axil_bresp_o;
      });
      aw_wait -= aw_wait != 0 ? 1U : 0U;
      w_wait -= w_wait != 0 ? 1U : 0U;
      if (aw_done && w_done) b_wait -= b_wait != 0 ? 1U : 0U;
      aw_done |= aw;
      w_done |= w;
      if (b) {
        dut_.s_axil_bready_i = 0;
        return resp;
      }
    }
    ADD_FAILURE() << "write to " << offset << " has no response";
    return 3;
  }

  /// `sampled` is called in the cycle of the address handshake: the data are the register's value in that cycle.
  template <class Cycle, class Sampled>
  ReadResult read(Cycle &&cycle, uint32_t offset, Sampled &&sampled) {
    unsigned ar_wait = delay();
    unsigned r_wait = delay();
    bool ar_done = false;
    bool sampling = false;  // the register is read in the cycle after the address
    for (unsigned guard = 0; guard < 1000; ++guard) {
      dut_.s_axil_arvalid_i = static_cast<CData>(!ar_done && ar_wait == 0);
      dut_.s_axil_araddr_i = static_cast<SData>(dut_.s_axil_arvalid_i != 0 ? offset : random_.below(4096));
      dut_.s_axil_rready_i = static_cast<CData>(ar_done && r_wait == 0);
      bool ar = false;
      bool r = false;
      ReadResult result{};
      cycle([&] {
        ar = dut_.s_axil_arvalid_i && dut_.s_axil_arready_o;
        if (sampling) sampled();
        sampling = ar;
        if (!ar_done) EXPECT_FALSE(dut_.s_axil_rvalid_o) << "data before address";
        r = dut_.s_axil_rvalid_o && dut_.s_axil_rready_i;
        result = {dut_.s_axil_rdata_o, dut_.s_axil_rresp_o};
      });
      ar_wait -= ar_wait != 0 ? 1U : 0U;
      if (ar_done) r_wait -= r_wait != 0 ? 1U : 0U;
      ar_done |= ar;
      if (r) {
        dut_.s_axil_rready_i = 0;
        return result;
      }
    }
    ADD_FAILURE() << "read of " << offset << " has no data";
    return {0, 3};
  }

 private:
  unsigned delay() { return slow ? random_.below(4) : 0; }

  Dut &dut_;
  Random &random_;
};

}  // namespace systole::tb
