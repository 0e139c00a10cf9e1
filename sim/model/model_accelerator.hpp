// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sim/model/machine.hpp"
#include "sim/platform/accelerator.hpp"

namespace systole::model {

/// The functional engine: model::Machine behind the sockets and the interrupt that the RTL has. It fetches its commands and its
/// operands through mem_socket, so a wrong address means the same wrong bytes as on the RTL. A command takes one clock period, a register
/// access one or two; that is order, not timing.
class ModelAccelerator final : public platform::Accelerator {
 public:
  ModelAccelerator(const sc_core::sc_module_name &name, const platform::ConfigInfo &config);

  Machine &machine() { return machine_; }

 private:
  void registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) override;
  void run();
  void drive_irq();
  bool access(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data, std::size_t size);

  Machine machine_;
  sc_core::sc_event registers_written_;
  sc_core::sc_event irq_changed_;
  bool written_ = false;  // since run() last began to wait with a time limit
};

/// The model of a configuration. @param order_seed see Machine::decouple(); none: commands in ring order
std::unique_ptr<platform::Accelerator> make_model_accelerator(const platform::ConfigInfo &config,
                                                              std::optional<std::uint64_t> order_seed = {});

/// make_model_accelerator as a factory for platform::run_gemm; the memory's timing has no effect.
platform::AcceleratorFactory model_factory(std::optional<std::uint64_t> order_seed = {});

}  // namespace systole::model
