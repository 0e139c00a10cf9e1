// SPDX-License-Identifier: Apache-2.0
#include "sim/model/model_accelerator.hpp"

#include <cstring>

namespace systole::model {

ModelAccelerator::ModelAccelerator(const sc_core::sc_module_name &name, const platform::ConfigInfo &config)
    : Accelerator(name),
      machine_(config, MemoryPort{[this](std::uint64_t address, std::uint8_t *data, std::size_t size) {
                                    return access(tlm::TLM_READ_COMMAND, address, data, size);
                                  },
                                  [this](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
                                    // The payload's pointer is not const; a target does not change what it is to write.
                                    return access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t *>(data), size);
                                  }}) {
  SC_HAS_PROCESS(ModelAccelerator);
  SC_THREAD(run);
  SC_METHOD(drive_irq);
  sensitive << irq_changed_;
}

void ModelAccelerator::registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time & /*delay*/) {
  // Takes time as any bus does: a host that polls must see the machine move, and irq must follow what it writes.
  wait(platform::clock_period());
  if (payload.get_data_length() != 4 || payload.get_byte_enable_ptr() != nullptr || payload.get_streaming_width() < 4) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  bool mapped = payload.get_address() <= 0xFFF;
  const auto offset = static_cast<std::uint32_t>(payload.get_address());
  std::uint32_t value = 0;
  if (payload.is_read()) {
    const std::optional<std::uint32_t> read = mapped ? machine_.read_register(offset) : std::nullopt;
    mapped = read.has_value();
    value = read.value_or(0);
    std::memcpy(payload.get_data_ptr(), &value, sizeof value);
  } else if (payload.is_write()) {
    std::memcpy(&value, payload.get_data_ptr(), sizeof value);
    mapped = mapped && machine_.write_register(offset, value);
    written_ = true;
    registers_written_.notify(sc_core::SC_ZERO_TIME);
    irq_changed_.notify(sc_core::SC_ZERO_TIME);
    wait(platform::clock_period());
  }
  payload.set_response_status(mapped ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

bool ModelAccelerator::access(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data, std::size_t size) {
  tlm::tlm_generic_payload payload;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(size));
  payload.set_streaming_width(static_cast<unsigned>(size));
  payload.set_byte_enable_ptr(nullptr);
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  mem_socket->b_transport(payload, delay);
  return payload.is_response_ok();
}

void ModelAccelerator::drive_irq() { irq->write(machine_.irq()); }

void ModelAccelerator::run() {
  for (;;) {
    const Machine::Step step = machine_.step();
    irq_changed_.notify(sc_core::SC_ZERO_TIME);
    if (step == Machine::Step::executed || step == Machine::Step::failed) {
      wait(platform::clock_period());
    } else if (step == Machine::Step::blocked && machine_.watchdog() != 0) {
      written_ = false;
      wait(platform::clock_period() * machine_.watchdog(), registers_written_);
      if (!written_) machine_.expire_watchdog();
      irq_changed_.notify(sc_core::SC_ZERO_TIME);
    } else {
      wait(registers_written_);
    }
  }
}

std::unique_ptr<platform::Accelerator> make_model_accelerator(const platform::ConfigInfo &config,
                                                              std::optional<std::uint64_t> order_seed) {
  auto model = std::make_unique<ModelAccelerator>("model", config);
  if (order_seed) model->machine().decouple(*order_seed);
  return model;
}

platform::AcceleratorFactory model_factory(std::optional<std::uint64_t> order_seed) {
  return [order_seed](const platform::ConfigInfo &config, const platform::MemoryTiming &) {
    return make_model_accelerator(config, order_seed);
  };
}

}  // namespace systole::model
