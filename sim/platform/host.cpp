// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/host.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include "sim/platform/errors.hpp"

namespace systole::platform {

Host::Host(const sc_core::sc_module_name &name, std::function<void(Host &)> program)
    : sc_module(name), regs_socket("regs_socket"), irq("irq"), program_(std::move(program)) {
  SC_THREAD(thread);
}

void Host::thread() {
  try {
    program_(*this);
  } catch (const sc_core::sc_unwind_exception &) {  // SystemC's own way to end a thread
    throw;
  } catch (...) {
    thrown_ = std::current_exception();
  }
  finished_ = true;
  sc_core::sc_stop();
}

void Host::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void Host::access(bool write, uint32_t offset, uint32_t &value) {
  tlm::tlm_generic_payload payload;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_address(offset);
  payload.set_data_ptr(reinterpret_cast<unsigned char *>(&value));
  payload.set_data_length(4);
  payload.set_streaming_width(4);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  regs_socket->b_transport(payload, delay);
  if (!payload.is_response_ok()) {
    char text[96];
    std::snprintf(text, sizeof text, "bus error: %s of register 0x%03x: ", write ? "write" : "read", offset);
    throw RunError(text + payload.get_response_string());
  }
}

uint32_t Host::read32(uint32_t offset) {
  uint32_t value = 0;
  access(false, offset, value);
  return value;
}

void Host::write32(uint32_t offset, uint32_t value) { access(true, offset, value); }

void Host::idle() {
  if (!irq.read()) wait(irq.posedge_event());
}

}  // namespace systole::platform
