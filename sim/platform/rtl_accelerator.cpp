// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/rtl_accelerator.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "sim/platform/hang_report.hpp"

namespace systole::platform {
namespace {

constexpr unsigned RESET_CYCLES = 4;
constexpr uint64_t MAX_AHEAD = 1024;  // cycles that the clock may run ahead of SystemC's time

std::vector<RtlBuild> &builds() {
  static std::vector<RtlBuild> all;
  return all;
}

AxiRules rules_of(const RtlBuild &build) { return {build.axi_bits / 8, build.axi_addr_bits, build.max_reads, build.max_writes}; }

}  // namespace

bool register_rtl_build(RtlBuild build) {
  builds().push_back(std::move(build));
  return true;
}

RtlAccelerator::RtlAccelerator(const sc_core::sc_module_name &name, const RtlBuild &build, const MemoryTiming &timing,
                               const RtlOptions &options)
    : Accelerator(name),
      options_(options),
      model_(build.make(options.x_seed)),
      port_(build.axi_bits / 8, timing, *this),
      checker_("m_axi", rules_of(build)),
      lite_checker_("s_axil"),
      trace_([this](uint64_t address, size_t length, uint8_t *data) { return peek(address, length, data); }) {
  const char *const trace_file = std::getenv("SYSTOLE_TRACE");
  if (!options_.trace_file.empty() || trace_file != nullptr)
    trace_file_ = std::make_unique<TraceFile>(options_.trace_file.empty() ? trace_file : options_.trace_file);
  if (options_.activity) activity_ = std::make_unique<ActivityRecorder>();
  if (!options_.waves.empty())
    model_->open_waves({options_.waves, options_.waves_from, options_.waves_to, options_.waves_scopes});
  // Reset, before SystemC's time begins.
  for (unsigned i = 0; i < RESET_CYCLES; ++i) {
    inputs_.rst_n = false;
    run_cycle();
  }
  inputs_.rst_n = true;
  SC_METHOD(clock_method);
}

RtlAccelerator::~RtlAccelerator() {
  if (trace_file_) trace_file_->job_over(trace_.measured());
  try {
    close_files();
  } catch (const std::exception &e) {
    SC_REPORT_WARNING("systole", e.what());
  }
}

void RtlAccelerator::close_files() {
  note_job();
  model_->close_waves(notes_);
}

void RtlAccelerator::note_job() {
  if (!options_.waves.empty()) notes_.add(trace_.measured(), doorbell_cycle_, irq_cycle_);
}

void RtlAccelerator::begin_job() {
  note_job();
  if (trace_file_) trace_file_->job_over(trace_.measured());
  doorbell_cycle_ = irq_cycle_ = 0;
  trace_.begin_job();
  if (activity_) activity_->begin_job();
}

const MeasuredProgram *RtlAccelerator::measured() {
  MeasuredProgram &measured = trace_.measured();
  measured.read_bursts = port_.read_bursts() - at_doorbell_[0];
  measured.read_beats = port_.read_beats() - at_doorbell_[1];
  measured.write_bursts = port_.write_bursts() - at_doorbell_[2];
  measured.write_beats = port_.write_beats() - at_doorbell_[3];
  if (activity_) measured.activity = activity_->activity();
  return &measured;
}

void RtlAccelerator::set_progress(const std::function<void(uint64_t)> &call, uint64_t interval) {
  progress_ = call;
  progress_interval_ = std::max<uint64_t>(interval, 1);
  next_progress_ = cycle_ + progress_interval_;
}

void RtlAccelerator::check_quiet() {
  const bool axi_good = checker_.finish(), lite_good = lite_checker_.finish();
  if (!axi_good || !lite_good)
    throw ProtocolError(checker_.report() + (checker_.report().empty() ? "" : "\n") + lite_checker_.report());
}

void RtlAccelerator::count_reads(uint64_t address, uint64_t length) {
  count_from_ = address;
  count_length_ = length;
  counted_reads_ = 0;
}

void RtlAccelerator::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void RtlAccelerator::clock_method() {
  if (stopped_) return;
  try {
    run_cycles();
  } catch (...) {
    thrown_ = std::current_exception();
    stopped_ = true;
    sc_core::sc_stop();
  }
}

void RtlAccelerator::run_cycles() {
  // What the last batch of cycles brought about is seen now, at its true time; whoever is woken acts before the next cycle.
  bool woke = false;
  if (irq.read() != irq_now_) {
    irq.write(irq_now_);
    woke = true;
  }
  if (access_ != nullptr && access_->done) {
    access_->finished->notify(sc_core::SC_ZERO_TIME);
    access_ = nullptr;
    woke = true;
  }
  uint64_t most = MAX_AHEAD;
  if (woke) {
    most = 1;
  } else if (sc_core::sc_pending_activity()) {
    const sc_core::sc_time until = sc_core::sc_time_to_pending_activity();
    most = std::clamp<uint64_t>(until.value() / clock_period().value(), 1, MAX_AHEAD);
  }
  uint64_t run = 0;
  while (run < most) {
    ++run;
    if (run_cycle()) break;
  }
  next_trigger(static_cast<double>(run) * clock_period());
}

bool RtlAccelerator::run_cycle() {
  const bool reset = !inputs_.rst_n;
  if (!reset) drive_lite();
  inputs_.axi = &port_.drive();
  const AxiSlavePins slave = *inputs_.axi;
  model_->settle(inputs_, outputs_);
  const AxiMasterPins &master = outputs_.axi;
  const bool axi_good = checker_.check(master, slave, reset);
  const bool lite_good = lite_checker_.check(inputs_.lite, outputs_.lite, reset);
  if (!axi_good || !lite_good) {
    model_->edge();
    throw ProtocolError(checker_.report() + (checker_.report().empty() ? "" : "\n") + lite_checker_.report());
  }
  bool noticed = false;
  if (!reset) {
    if ((master.arvalid & slave.arready) | (master.awvalid & slave.awready) | (master.wvalid & slave.wready) |
        (slave.rvalid & master.rready) | (slave.bvalid & master.bready))
      last_move_ = cycle_;
    if (outputs_.trace != 0) {
      trace_.pulses(outputs_.trace, cycle_);
      last_move_ = cycle_;
    }
    if (trace_file_) trace_file_->handshakes(master, slave, cycle_ - doorbell_cycle_);
    if (access_ != nullptr) noticed = clock_lite();
    if (outputs_.irq != irq_now_) {
      irq_now_ = outputs_.irq;
      if (irq_now_) irq_cycle_ = cycle_;
      if (irq_now_ && activity_ && doorbell_cycle_ != 0) activity_->interrupt(cycle_ - doorbell_cycle_);
      last_move_ = cycle_;
      noticed = true;
    }
    if (activity_ && doorbell_cycle_ != 0)
      activity_->cycle(cycle_ - doorbell_cycle_, model_->events(), master, slave, trace_.in_ring(master.ar.addr),
                       port_.reads_outstanding(), port_.writes_outstanding());
  }
  port_.clock(master, reset);
  model_->edge();
  ++cycle_;
  if (cycle_ >= next_progress_) {
    next_progress_ += progress_interval_;
    progress_(cycle_);
  }
  if (options_.hang_limit != 0 && cycle_ - last_move_ > hang_limit() && !stopped_) hang();
  return noticed;
}

void RtlAccelerator::drive_lite() {
  AxiLiteMasterPins &pins = inputs_.lite;
  if (access_ == nullptr && !waiting_.empty()) {
    access_ = waiting_.front();
    waiting_.pop_front();
  }
  if (access_ == nullptr || access_->done) {
    pins = AxiLiteMasterPins{};
    return;
  }
  const Access &access = *access_;
  pins.awvalid = access.write && !access.address_taken;
  pins.wvalid = access.write && !access.data_taken;
  pins.bready = access.write;
  pins.awaddr = pins.araddr = access.offset;
  pins.wdata = access.data;
  pins.wstrb = access.strobe;
  pins.arvalid = !access.write && !access.address_taken;
  pins.rready = !access.write;
}

bool RtlAccelerator::clock_lite() {
  Access &access = *access_;
  if (access.done) return false;
  const AxiLiteMasterPins &master = inputs_.lite;
  const AxiLiteSlavePins &slave = outputs_.lite;
  if (master.awvalid && slave.awready) access.address_taken = true;
  if (master.wvalid && slave.wready) access.data_taken = true;
  if (master.arvalid && slave.arready) access.address_taken = true;
  if (slave.bvalid && access.write) {
    // A register shows its new value in the cycle in which the response is offered (systole_regs).
    if (!access.responded) {
      if (access.offset == SYSTOLE_REG_RING_TAIL && doorbell_cycle_ == 0) {
        doorbell_cycle_ = cycle_;
        at_doorbell_ = {port_.read_bursts(), port_.read_beats(), port_.write_bursts(), port_.write_beats()};
        trace_.start(port_.timing(), port_.quiet() && !port_.timing().stall_seed && !port_.injections());
      }
      written_cycle_ = cycle_;
      if (slave.bresp == RESP_OKAY) trace_.register_written(access.offset, access.data, cycle_);
    }
    access.responded = true;
    if (master.bready) {
      access.resp = slave.bresp;
      access.done = true;
    }
  }
  if (slave.rvalid && !access.write && master.rready) {
    access.resp = slave.rresp;
    access.data = slave.rdata;
    access.done = true;
  }
  if (access.done) last_move_ = cycle_;
  return access.done;
}

void RtlAccelerator::registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  if (payload.get_data_length() != 4 || payload.get_streaming_width() < 4 || payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (payload.get_address() >= 0x1000) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if (delay != sc_core::SC_ZERO_TIME) sc_core::wait(std::exchange(delay, sc_core::SC_ZERO_TIME));
  sc_core::sc_event finished;
  Access access;
  access.write = payload.is_write();
  access.offset = static_cast<uint16_t>(payload.get_address());
  if (access.write) std::memcpy(&access.data, payload.get_data_ptr(), 4);
  access.finished = &finished;
  waiting_.push_back(&access);
  sc_core::wait(finished);
  if (!access.write) std::memcpy(payload.get_data_ptr(), &access.data, 4);
  payload.set_response_status(access.resp == RESP_OKAY ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE);
}

Resp RtlAccelerator::transport(tlm::tlm_command command, uint64_t address, size_t length, uint8_t *data, const uint8_t *enable) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(length));
  payload.set_streaming_width(static_cast<unsigned>(length));
  payload.set_byte_enable_ptr(const_cast<uint8_t *>(enable));
  payload.set_byte_enable_length(enable == nullptr ? 0 : static_cast<unsigned>(length));
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  mem_socket->b_transport(payload, delay);
  if (command == tlm::TLM_READ_COMMAND && !dmi_valid_ && payload.is_dmi_allowed() && payload.is_response_ok())
    dmi_valid_ = mem_socket->get_direct_mem_ptr(payload, dmi_) && dmi_.is_read_allowed();
  if (payload.is_response_ok()) return RESP_OKAY;
  return payload.get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE ? RESP_DECERR : RESP_SLVERR;
}

bool RtlAccelerator::peek(uint64_t address, size_t length, uint8_t *data) {
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(length));
  return mem_socket->transport_dbg(payload) == length;
}

Resp RtlAccelerator::read(uint64_t address, size_t length, uint8_t *data) {
  if (address >= count_from_ && address - count_from_ < count_length_) counted_reads_ += length;
  if (dmi_valid_ && address >= dmi_.get_start_address() && address <= dmi_.get_end_address() &&
      length - 1 <= dmi_.get_end_address() - address) {
    std::memcpy(data, dmi_.get_dmi_ptr() + (address - dmi_.get_start_address()), length);
    return RESP_OKAY;
  }
  return transport(tlm::TLM_READ_COMMAND, address, length, data, nullptr);
}

Resp RtlAccelerator::write(uint64_t address, size_t length, const uint8_t *data, const uint8_t *enable) {
  return transport(tlm::TLM_WRITE_COMMAND, address, length, const_cast<uint8_t *>(data), enable);
}

uint64_t RtlAccelerator::hang_limit() const { return options_.hang_limit + 4 * uint64_t{port_.timing().latency}; }

uint32_t RtlAccelerator::read_after_hang(uint16_t offset, bool &answered) {
  Access access;
  access.offset = offset;
  access_ = &access;
  for (unsigned i = 0; i < 100 && !access.done; ++i) run_cycle();
  answered = access.done;
  access_ = nullptr;
  return access.data;
}

void RtlAccelerator::hang() {
  stopped_ = true;
  HangState state;
  state.now = cycle_;
  state.last_move = last_move_;
  state.doorbell = doorbell_cycle_;
  state.measured = &trace_.measured();
  state.probe = model_->probe();
  state.master = outputs_.axi;
  state.slave = port_.drive();
  state.reads = port_.unfinished_reads();
  state.writes = port_.unfinished_writes();
  state.in_ring = [this](uint64_t address) { return trace_.in_ring(address); };
  if (access_ != nullptr) {
    state.unanswered = access_->offset;
  } else {
    const struct {
      const char *name;
      uint16_t offset;
    } registers[] = {{"STATUS", SYSTOLE_REG_STATUS},
                     {"RING_TAIL", SYSTOLE_REG_RING_TAIL},
                     {"RING_HEAD", SYSTOLE_REG_RING_HEAD},
                     {"DONE_LOAD", SYSTOLE_REG_DONE_LOAD},
                     {"DONE_COMPUTE", SYSTOLE_REG_DONE_COMPUTE},
                     {"DONE_STORE", SYSTOLE_REG_DONE_STORE},
                     {"ERROR_CODE", SYSTOLE_REG_ERROR_CODE},
                     {"ERROR_INDEX", SYSTOLE_REG_ERROR_INDEX},
                     {"IRQ_STATUS", SYSTOLE_REG_IRQ_STATUS}};
    for (const auto &reg : registers) {
      bool answered = false;
      const uint32_t value = read_after_hang(reg.offset, answered);
      state.registers.emplace_back(reg.name, answered ? std::optional<uint32_t>(value) : std::nullopt);
    }
    bool answered = false;
    const uint32_t cap0 = read_after_hang(SYSTOLE_REG_CAP0, answered);
    if (answered) state.queue_depth = cap0 >> SYSTOLE_CAP0_QUEUE_DEPTH_LSB;
  }
  // Reading the registers was a move, too.
  const uint64_t mark = state.last_move;
  if (mark >= options_.waves_from && mark <= options_.waves_to) notes_.hang = mark;
  throw HangError(hang_report(state), mark);
}

std::string gtkw_name(const std::string &fst_file) {
  const bool fst = fst_file.size() >= 4 && fst_file.compare(fst_file.size() - 4, 4, ".fst") == 0;
  return (fst ? fst_file.substr(0, fst_file.size() - 4) : fst_file) + ".gtkw";
}

std::string gtkw_names(const std::string &fst_file) {
  const std::string view = gtkw_name(fst_file);
  return view.substr(0, view.size() - 5) + ".names";
}

std::unique_ptr<Accelerator> make_rtl_accelerator(const std::string &config, const MemoryTiming &timing,
                                                  const RtlOptions &options) {
  const bool trace = !options.waves.empty(), x_unique = options.x_seed != 0;
  for (const RtlBuild &build : builds())
    if (build.config == config && build.trace == trace && build.x_unique == x_unique)
      return std::make_unique<RtlAccelerator>("accelerator", build, timing, options);
  throw std::invalid_argument("this program holds no RTL build of '" + config + "'" + (trace ? " with waves" : "") +
                              (x_unique ? " with random initial state" : ""));
}

std::vector<std::string> rtl_configs(bool waves, bool x_unique) {
  std::vector<std::string> names;
  for (const ConfigInfo &config : configs())
    for (const RtlBuild &build : builds())
      if (build.config == config.name && build.trace == waves && build.x_unique == x_unique) names.push_back(config.name);
  for (const RtlBuild &build : builds())
    if (build.trace == waves && build.x_unique == x_unique && std::find(names.begin(), names.end(), build.config) == names.end())
      names.push_back(build.config);
  return names;
}

std::unique_ptr<WaveReader> read_waves(const std::string &file) {
  for (const RtlBuild &build : builds())
    if (build.read_waves) return build.read_waves(file);
  throw std::invalid_argument("this program holds no RTL build with waves");
}

void write_view(const WavePlan &plan, const WaveNotes &notes) {
  for (const RtlBuild &build : builds())
    if (build.write_view) return build.write_view(plan, notes);
  throw std::invalid_argument("this program holds no RTL build with waves");
}

std::vector<std::pair<std::string, std::string>> planted_faults() {
  std::vector<std::pair<std::string, std::string>> out;
  if (!builds().empty())
    for (const PlantedFault &plant : builds().front().plants) out.emplace_back(plant.name, plant.what);
  return out;
}

AcceleratorFactory rtl_factory(const RtlOptions &options) {
  return [options](const ConfigInfo &config, const MemoryTiming &timing) {
    return make_rtl_accelerator(config.name, timing, options);
  };
}

}  // namespace systole::platform
