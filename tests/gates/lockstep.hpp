// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/platform/rtl_model.hpp"

namespace systole::gates {

/// What the small machine drives in a cycle.
using Outputs = platform::RtlModel::Outputs;

/// The pin in which the outputs differ and both values, e.g. "m_axi_araddr_o is 0x40 instead of 0x80"; "": none does. Payloads
/// count while their valid is 1.
std::string difference(const Outputs &expected, const Outputs &actual);

/// The RTL of the small machine and netlists of it, with the same inputs; what is not reset starts with random bits, different ones
/// in each. Their outputs are compared in every cycle after the reset.
class Lockstep final : public platform::RtlModel {
 public:
  /// @param faults one netlist for each, with that fault (0: none)
  Lockstep(uint64_t x_seed, const std::vector<int> &faults);
  ~Lockstep() override;

  /// The outputs are those of the first netlist without a fault, if there is one, else the RTL's; `trace` is always the RTL's.
  /// @throws std::runtime_error if a netlist without a fault differs
  void settle(const Inputs &inputs, Outputs &outputs) override;
  void edge() override;
  void open_waves(const platform::WavePlan &plan) override;
  void close_waves(const platform::WaveNotes & /*notes*/) override {}

  uint64_t compared_cycles() const { return compared_; }
  /// The first difference of each netlist, "": none so far. One with a fault is left alone after its first.
  const std::vector<std::string> &differences() const { return differences_; }

 private:
  std::unique_ptr<platform::RtlModel> rtl_;
  std::vector<int> faults_;
  std::vector<std::unique_ptr<platform::RtlModel>> netlists_;
  std::vector<std::string> differences_;
  uint64_t cycle_ = 0, compared_ = 0;
};

}  // namespace systole::gates
