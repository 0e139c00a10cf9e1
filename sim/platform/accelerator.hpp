// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>

#include "sim/platform/command_trace.hpp"
#include "sim/platform/config.hpp"
#include "sim/platform/timing.hpp"

namespace systole::platform {

/// The period of the clock; SystemC time is cycles times this.
inline sc_core::sc_time clock_period() { return sc_core::sc_time(1, sc_core::SC_NS); }

/// What every engine behind the driver looks like: registers (4-byte accesses at word offsets), memory, interrupt.
class Accelerator : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Accelerator> regs_socket;
  tlm_utils::simple_initiator_socket<Accelerator> mem_socket;
  sc_core::sc_out<bool> irq;

  explicit Accelerator(const sc_core::sc_module_name &name)
      : sc_module(name), regs_socket("regs_socket"), mem_socket("mem_socket"), irq("irq") {
    regs_socket.register_b_transport(this, &Accelerator::registers_b_transport);
  }

  /// Clock cycles since the start; 0 for an engine without a clock.
  virtual uint64_t cycles() const { return 0; }
  /// Forgets doorbell and interrupt.
  virtual void begin_job() {}
  /// The first cycle in which RING_TAIL held a value written since begin_job() (0: none, or no clock).
  virtual uint64_t doorbell_cycle() const { return 0; }
  /// The last cycle in which irq rose since begin_job() (0: none, or no clock).
  virtual uint64_t irq_cycle() const { return 0; }
  /// What the engine did since begin_job() and when; nullptr: an engine without a clock.
  virtual const MeasuredProgram *measured() { return nullptr; }
  /// A call every `interval` cycles (engines without a clock never call).
  virtual void set_progress(const std::function<void(uint64_t cycle)> & /*call*/, uint64_t /*interval*/) {}
  /// Checks that hold once a job is over, e.g. that no burst is unfinished. @throws ProtocolError
  virtual void check_quiet() {}
  /// Counts, from now on, the bytes read from [address, address + length).
  virtual void count_reads(uint64_t /*address*/, uint64_t /*length*/) {}
  /// Those bytes (0: engine without a clock).
  virtual uint64_t counted_reads() const { return 0; }
  /// Completes the files that the engine writes, if any. @throws OutputError
  virtual void close_files() {}
  /// Rethrows what a process of the engine threw, if anything.
  virtual void rethrow() {}

 protected:
  /// One register access; may wait. Errors are response statuses.
  virtual void registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) = 0;
};

/// Makes the engine of a run, during elaboration.
using AcceleratorFactory = std::function<std::unique_ptr<Accelerator>(const ConfigInfo &, const MemoryTiming &)>;

}  // namespace systole::platform
