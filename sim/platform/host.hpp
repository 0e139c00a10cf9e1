// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <systemc>

namespace systole::platform {

/// The processor that runs the driver: a thread that executes one function, with register accesses through a TLM-2.0 socket and
/// the interrupt. SystemC stops when the function returns or throws.
class Host final : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> regs_socket;
  sc_core::sc_in<bool> irq;

  SC_HAS_PROCESS(Host);
  Host(const sc_core::sc_module_name &name, std::function<void(Host &)> program);

  /// Reads the register at a byte offset. To be called by the program. @throws RunError on a bus error
  uint32_t read32(uint32_t offset);
  /// Writes it. To be called by the program. @throws RunError on a bus error
  void write32(uint32_t offset, uint32_t value);
  /// Returns when the interrupt is high. To be called by the program.
  void idle();

  bool finished() const { return finished_; }
  /// Rethrows what the program threw, if anything.
  void rethrow();

 private:
  void thread();
  void access(bool write, uint32_t offset, uint32_t &value);

  std::function<void(Host &)> program_;
  bool finished_ = false;
  std::exception_ptr thrown_;
};

}  // namespace systole::platform
