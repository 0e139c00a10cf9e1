// SPDX-License-Identifier: Apache-2.0
#include "sim/model/model_accelerator.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/include/systole_regs.h"

namespace systole::model {

namespace {

// The platform's RTL engine spends so many cycles in reset before SystemC's time begins; a cycle has the same number here.
constexpr std::uint64_t kResetCycles = 4;

// The RTL's register block: a write shows three periods after the call and its response is seen in the fourth, a read has the
// state two periods after the call and its data are seen in the fourth.
constexpr unsigned kWriteShows = 3, kWriteReturns = 1, kReadSamples = 2, kReadReturns = 2;

/// The counters in the order of their registers.
constexpr const char *kCounters[] = {"total", "compute",    "command",     "weights",     "activations",  "hazard", "store",
                                     "drain", "read_bytes", "write_bytes", "read_bursts", "write_bursts", "macs"};
static_assert(std::size(kCounters) == SYSTOLE_COUNTER_COUNT);

}  // namespace

ModelAccelerator::ModelAccelerator(const sc_core::sc_module_name &name, const platform::ConfigInfo &config,
                                   std::optional<platform::MemoryTiming> timing)
    : Accelerator(name),
      machine_(config, MemoryPort{[this](std::uint64_t address, std::uint8_t *data, std::size_t size) {
                                    return access(tlm::TLM_READ_COMMAND, address, data, size);
                                  },
                                  [this](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
                                    // The payload's pointer is not const; a target does not change what it is to write.
                                    return access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t *>(data), size);
                                  }}),
      timing_(timing && !timing->stall_seed ? timing : std::nullopt) {
  SC_HAS_PROCESS(ModelAccelerator);
  SC_THREAD(run);
  SC_METHOD(drive_irq);
  sensitive << irq_changed_;
}

std::uint64_t ModelAccelerator::cycles() const {
  if (!timing_) return 0;
  return kResetCycles + static_cast<std::uint64_t>(sc_core::sc_time_stamp().value() / platform::clock_period().value());
}

void ModelAccelerator::begin_job() {
  doorbell_cycle_ = 0;
  irq_cycle_ = 0;
  fresh_ = true;
}

const platform::MeasuredProgram *ModelAccelerator::measured() {
  if (!timing_) return nullptr;
  if (predictor_) {
    measured_.program = predictor_->program();
    measured_.prediction = predictor_->prediction();
    measured_.commands = measured_.prediction->commands;
  }
  return &measured_;
}

void ModelAccelerator::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

// Within one SystemC time writes come first, then commands complete, then registers are read: a cycle's state holds what the edge
// before it brought, and a completion beats a clear of the same edge.
void ModelAccelerator::registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time & /*delay*/) {
  const bool is_write = payload.is_write();
  wait(platform::clock_period() * (is_write ? kWriteShows : kReadSamples));
  if (payload.get_data_length() != 4 || payload.get_byte_enable_ptr() != nullptr || payload.get_streaming_width() < 4) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  bool mapped = payload.get_address() <= 0xFFF;
  const auto offset = static_cast<std::uint32_t>(payload.get_address());
  std::uint32_t value = 0;
  if (payload.is_read()) {
    wait(sc_core::SC_ZERO_TIME);
    wait(sc_core::SC_ZERO_TIME);
    const std::optional<std::uint32_t> register_value = mapped ? read(offset) : std::nullopt;
    mapped = register_value.has_value();
    value = register_value.value_or(0);
    std::memcpy(payload.get_data_ptr(), &value, sizeof value);
  } else if (is_write) {
    std::memcpy(&value, payload.get_data_ptr(), sizeof value);
    mapped = mapped && write(offset, value);
  }
  wait(platform::clock_period() * (is_write ? kWriteReturns : kReadReturns));
  payload.set_response_status(mapped ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

std::optional<std::uint32_t> ModelAccelerator::read(std::uint32_t offset) const {
  constexpr std::uint32_t kFirst = SYSTOLE_REG_COUNTER_TOTAL_LO;
  if (offset % 4 != 0 || offset < kFirst || offset >= kFirst + 8 * SYSTOLE_COUNTER_COUNT) return machine_.read_register(offset);
  const auto found = snapshot_.find(kCounters[(offset - kFirst) / 8]);
  if (found == snapshot_.end()) return 0;
  const std::uint64_t count = found->second & ((std::uint64_t{1} << SYSTOLE_COUNTER_BITS) - 1);
  return static_cast<std::uint32_t>((offset - kFirst) % 8 == 0 ? count : count >> 32);
}

bool ModelAccelerator::write(std::uint32_t offset, std::uint32_t value) {
  const bool mapped = machine_.write_register(offset, value);
  last_write_ = cycles();
  switch (offset) {
    case SYSTOLE_REG_RING_TAIL:
      if (doorbell_cycle_ == 0) doorbell_cycle_ = last_write_;
      doorbells_.emplace_back(last_write_, value);
      break;
    case SYSTOLE_REG_CTRL:
      if ((value & SYSTOLE_CTRL_ENABLE_MASK) == 0 && !complete()) measured_.predictable = false;
      if ((value & SYSTOLE_CTRL_SOFT_RESET_MASK) == 0) break;
      count();
      measured_ = {};
      predictor_.reset();
      next_ = 0;
      announced_ = 0;
      fresh_ = true;
      doorbells_.clear();
      break;
    case SYSTOLE_REG_COUNTER_CTRL:
      count();
      if ((value & SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK) != 0) snapshot_ = counters_;
      if ((value & SYSTOLE_COUNTER_CTRL_CLEAR_MASK) != 0) {
        counters_.clear();
        fresh_ = true;
        discard_ = !complete();
      }
      break;
    default: break;
  }
  written_ = true;
  registers_written_.notify(sc_core::SC_ZERO_TIME);
  update_irq();
  return mapped;
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

void ModelAccelerator::update_irq() {
  const bool level = machine_.irq();
  if (level == irq_now_) return;
  irq_now_ = level;
  if (level) irq_cycle_ = cycles();
  irq_changed_.notify(platform::clock_period());  // a cycle's outputs are there at its end
}

void ModelAccelerator::drive_irq() { irq->write(irq_now_); }

void ModelAccelerator::run() {
  try {
    if (timing_)
      run_timed();
    else
      run_untimed();
  } catch (const sc_core::sc_unwind_exception &) {  // SystemC's own way to end a thread
    throw;
  } catch (...) {
    thrown_ = std::current_exception();
    sc_core::sc_stop();
  }
}

void ModelAccelerator::wait_blocked() {
  if (machine_.watchdog() == 0) {
    wait(registers_written_);
    return;
  }
  written_ = false;
  wait(platform::clock_period() * machine_.watchdog(), registers_written_);
  if (!written_) machine_.expire_watchdog();
  update_irq();
}

void ModelAccelerator::run_untimed() {
  for (;;) {
    const Machine::Step step = machine_.step();
    update_irq();
    if (step == Machine::Step::executed || step == Machine::Step::failed) {
      wait(platform::clock_period());
    } else if (step == Machine::Step::blocked) {
      wait_blocked();
    } else {
      wait(registers_written_);
    }
  }
}

void ModelAccelerator::run_timed() {
  for (;;) {
    announce();
    if (!complete()) {
      const std::uint64_t now = cycles(), quiet = quiet_until(now);
      predictor_->run(quiet == timing::kNever ? timing::kNever : quiet - base_, next_);
      const timing::Cycle move = predictor_->head_passes(next_);
      if (move == timing::kNever && predictor_->still()) {
        wait_blocked();
        continue;
      }
      // As long as it is not known when the command is complete, it is not before somebody else has had his turn.
      const std::uint64_t until = move != timing::kNever ? base_ + move : std::max(quiet, now + 1);
      if (now < until) {
        wait(platform::clock_period() * static_cast<double>(until - now), registers_written_);
        wait(sc_core::SC_ZERO_TIME);
        continue;
      }
    }
    const Machine::Step step = machine_.step();
    if (step == Machine::Step::executed) ++next_;
    update_irq();
    if (step == Machine::Step::blocked)
      wait_blocked();
    else if (step != Machine::Step::executed)
      wait(registers_written_);
  }
}

std::uint64_t ModelAccelerator::quiet_until(std::uint64_t now) const {
  if (!sc_core::sc_pending_activity()) return timing::kNever;
  return now + static_cast<std::uint64_t>(sc_core::sc_time_to_pending_activity().value() / platform::clock_period().value());
}

void ModelAccelerator::count() {
  if (!predictor_ || counted_ || !complete()) return;
  counted_ = true;
  if (discard_) return;
  counters_ = before_;
  for (const auto &[name, count] : predictor_->prediction().counters) counters_[name] += count;
}

void ModelAccelerator::announce() {
  const bool enabled = (machine_.read_register(SYSTOLE_REG_CTRL).value_or(0) & SYSTOLE_CTRL_ENABLE_MASK) != 0;
  const bool error = (machine_.read_register(SYSTOLE_REG_STATUS).value_or(0) & SYSTOLE_STATUS_ERROR_MASK) != 0;
  if (doorbells_.empty() || !enabled || error) return;
  for (const auto &[written, tail] : std::exchange(doorbells_, {})) {
    if (tail == announced_) continue;
    const std::uint64_t cycle = std::max(written, last_write_);  // or when the machine was enabled
    if (fresh_ && complete()) {
      count();
      measured_ = {};
      measured_.memory = *timing_;
      measured_.predictable = true;
      predictor_ = std::make_unique<timing::Predictor>(machine_.config(), *timing_, machine_.tokens());
      next_ = 0;
      base_ = cycle;
      before_ = counters_;
      fresh_ = discard_ = false;
    }
    // A record that cannot be executed ends what can be predicted; the machine says what is wrong with it.
    std::vector<timing::Record> records;
    for (; announced_ != tail; ++announced_) {
      const std::optional<Machine::Record> record = machine_.record(announced_);
      if (!record) {
        measured_.predictable = false;
        break;
      }
      records.push_back(*record);
    }
    announced_ = tail;
    predictor_->announce(cycle - base_, records);
    counted_ = false;
  }
}

std::unique_ptr<platform::Accelerator> make_model_accelerator(const platform::ConfigInfo &config,
                                                              std::optional<platform::MemoryTiming> timing,
                                                              std::optional<std::uint64_t> order_seed) {
  auto model = std::make_unique<ModelAccelerator>("model", config, timing);
  if (order_seed) model->machine().decouple(*order_seed);
  return model;
}

platform::AcceleratorFactory model_factory(std::optional<std::uint64_t> order_seed) {
  return [order_seed](const platform::ConfigInfo &config, const platform::MemoryTiming &timing) {
    return make_model_accelerator(config, timing, order_seed);
  };
}

}  // namespace systole::model
