// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <exception>
#include <memory>
#include <string>

#include "sim/platform/accelerator.hpp"
#include "sim/platform/activity.hpp"
#include "sim/platform/axi_checker.hpp"
#include "sim/platform/axi_memory_port.hpp"
#include "sim/platform/command_trace.hpp"
#include "sim/platform/errors.hpp"
#include "sim/platform/rtl.hpp"
#include "sim/platform/rtl_model.hpp"

namespace systole::platform {

/// The RTL as a SystemC module: the pins of a Verilated model on one side, TLM-2.0 sockets on the other, the memory port of
/// docs/memory_model.md and both protocol checkers between them. A self-timed method runs the clock; it runs ahead of
/// SystemC's time as long as nothing else is due, which nobody can tell but the wall clock.
class RtlAccelerator final : public Accelerator, private MemoryBackend {
 public:
  SC_HAS_PROCESS(RtlAccelerator);
  RtlAccelerator(const sc_core::sc_module_name &name, const RtlBuild &build, const MemoryTiming &timing,
                 const RtlOptions &options);
  ~RtlAccelerator() override;

  uint64_t cycles() const override { return cycle_; }
  void begin_job() override;
  uint64_t doorbell_cycle() const override { return doorbell_cycle_; }
  uint64_t irq_cycle() const override { return irq_cycle_; }
  const MeasuredProgram *measured() override;
  void set_progress(const std::function<void(uint64_t cycle)> &call, uint64_t interval) override;
  void check_quiet() override;
  void count_reads(uint64_t address, uint64_t length) override;
  uint64_t counted_reads() const override { return counted_reads_; }
  void close_files() override;
  void rethrow() override;

  /// The memory behind the AXI port, for error injection.
  AxiMemoryPort &port() { return port_; }
  /// The first cycle in which the register that was written last held its new value, as doorbell_cycle() is of RING_TAIL.
  uint64_t written_cycle() const { return written_cycle_; }

 protected:
  void registers_b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) override;

 private:
  /// A register access under way on the AXI4-Lite pins.
  struct Access {
    bool write = false;
    uint16_t offset = 0;
    uint32_t data = 0;
    uint8_t strobe = 0xF, resp = 0;
    bool done = false;
    bool address_taken = false, data_taken = false, responded = false;
    sc_core::sc_event *finished = nullptr;
  };

  void clock_method();
  void run_cycles();
  /// One clock cycle. @returns true if something outside may notice: an access finished or irq changed.
  bool run_cycle();
  void drive_lite();
  bool clock_lite();
  uint64_t hang_limit() const;
  /// Keeps what the waves' view will say of the job that is over.
  void note_job();
  [[noreturn]] void hang();
  uint32_t read_after_hang(uint16_t offset, bool &answered);

  Resp read(uint64_t address, size_t length, uint8_t *data) override;
  Resp write(uint64_t address, size_t length, const uint8_t *data, const uint8_t *enable) override;
  bool peek(uint64_t address, size_t length, uint8_t *data);
  Resp transport(tlm::tlm_command command, uint64_t address, size_t length, uint8_t *data, const uint8_t *enable);

  const RtlOptions options_;
  std::unique_ptr<RtlModel> model_;
  AxiMemoryPort port_;
  AxiChecker checker_;
  AxiLiteChecker lite_checker_;
  RtlModel::Inputs inputs_;
  RtlModel::Outputs outputs_;
  uint64_t cycle_ = 0, last_move_ = 0, doorbell_cycle_ = 0, irq_cycle_ = 0, written_cycle_ = 0;
  bool irq_now_ = false;
  Access *access_ = nullptr;
  std::deque<Access *> waiting_;
  tlm::tlm_dmi dmi_;
  bool dmi_valid_ = false;
  uint64_t count_from_ = 0, count_length_ = 0, counted_reads_ = 0;
  CommandTrace trace_;
  WaveNotes notes_;
  std::array<uint64_t, 4> at_doorbell_{};  // what the port had counted
  std::unique_ptr<TraceFile> trace_file_;
  std::unique_ptr<ActivityRecorder> activity_;
  std::function<void(uint64_t)> progress_;
  uint64_t progress_interval_ = 0, next_progress_ = ~uint64_t{0};
  std::exception_ptr thrown_;
  bool stopped_ = false;
};

}  // namespace systole::platform
