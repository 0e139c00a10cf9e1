// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/model/machine.hpp"
#include "sim/platform/accelerator.hpp"
#include "sim/timing/predict.hpp"
#include "sim/timing/timing.hpp"

namespace systole::model {

/// The functional engine: model::Machine behind the sockets and the interrupt that the RTL has. It fetches its commands and its
/// operands through mem_socket, so a wrong address means the same wrong bytes as on the RTL. Register accesses take the cycles
/// that they take on the RTL in this platform.
///
/// With a memory's parameters it keeps the time of the timing model: RING_HEAD moves, and the interrupt rises, in the cycle that
/// timing::predict says, and the command is executed in that cycle, so that all else which software can see agrees. The timing
/// model's clock stays behind the cycle in which software can next write a register, so that no doorbell comes too late for it. The
/// counters hold what it predicts, once all that was announced is complete. What it does not say is when a faulty command fails: as
/// soon as all before it are complete. Without these parameters it has no clock: a command takes one period, which is order, not
/// timing, and the counters read 0.
class ModelAccelerator final : public platform::Accelerator {
 public:
  /// @param timing  memory; none, or one with random stalls: no clock
  ModelAccelerator(const sc_core::sc_module_name &name, const platform::ConfigInfo &config,
                   std::optional<platform::MemoryTiming> timing = {});

  Machine &machine() { return machine_; }

  uint64_t cycles() const override;
  void begin_job() override;
  uint64_t doorbell_cycle() const override { return doorbell_cycle_; }
  uint64_t irq_cycle() const override { return irq_cycle_; }
  const platform::MeasuredProgram *measured() override;
  void rethrow() override;

 private:
  using Counters = std::map<std::string, std::uint64_t>;

  void registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) override;
  std::optional<std::uint32_t> read(std::uint32_t offset) const;
  bool write(std::uint32_t offset, std::uint32_t value);
  void run();
  void run_untimed();
  void run_timed();
  /// Gives the timing model what the doorbells since the last call announced.
  void announce();
  /// All that was announced and can be predicted is complete.
  bool complete() const { return !predictor_ || next_ >= predictor_->program().records.size(); }
  /// The first cycle >= `now` in which somebody else may do something: until then no register is written.
  std::uint64_t quiet_until(std::uint64_t now) const;
  /// Brings counters_ up to date.
  void count();
  void wait_blocked();
  void update_irq();
  void drive_irq();
  bool access(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data, std::size_t size);

  Machine machine_;
  const std::optional<platform::MemoryTiming> timing_;  // none: no clock
  sc_core::sc_event registers_written_;
  sc_core::sc_event irq_changed_;
  bool written_ = false;  // since run() last began to wait with a time limit
  bool irq_now_ = false;
  std::uint64_t doorbell_cycle_ = 0, irq_cycle_ = 0;
  std::exception_ptr thrown_;

  // What was announced since begin_job() or since the counters were cleared. Its cycles count from base_.
  std::unique_ptr<timing::Predictor> predictor_;
  platform::MeasuredProgram measured_;  // program and commands: only as measured() returns it
  std::uint64_t base_ = 0, last_write_ = 0;
  std::size_t next_ = 0;         // records executed
  std::uint32_t announced_ = 0;  // index after the last record
  bool fresh_ = true;            // what is announced next, if the machine is idle, begins a new program
  std::vector<std::pair<std::uint64_t, std::uint32_t>> doorbells_;  // not yet in the program: cycle, RING_TAIL
  bool discard_ = false;                                            // the counters were cleared while it ran
  bool counted_ = false;                                            // counters_ has all of it
  Counters before_, counters_, snapshot_;                           // at the program's beginning, now, of the last snapshot
};

/// The model of a configuration. @param order_seed see Machine::decouple(); none: commands in ring order
std::unique_ptr<platform::Accelerator> make_model_accelerator(const platform::ConfigInfo &config,
                                                              std::optional<platform::MemoryTiming> timing = {},
                                                              std::optional<std::uint64_t> order_seed = {});

/// make_model_accelerator as a factory for platform::run_gemm.
platform::AcceleratorFactory model_factory(std::optional<std::uint64_t> order_seed = {});

}  // namespace systole::model
