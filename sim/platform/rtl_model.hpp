// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/platform/gtkw.hpp"
#include "sim/platform/pins.hpp"
#include "sim/platform/wave_reader.hpp"

namespace systole::platform {

/// What stands inside the RTL, read by name (rtl/systole.vlt).
struct RtlProbe {
  bool known = false;               ///< false: the top is not `systole`, and nothing here holds
  std::array<uint8_t, 8> tokens{};  ///< by token number, with what was given and taken in the cycle before
  uint16_t events = 0;              ///< as RtlModel::events(): among them why no activation row was issued
  /// A queue (systole_fifo).
  struct Queue {
    unsigned level = 0;
    bool full = false;
  };
  std::array<Queue, 3> queues;    ///< of the engines: dispatched, not yet taken
  Queue order, fetched;           ///< dispatched and not retired; fetched and not yet in dispatch
  uint32_t dispatch = 0;          ///< index of the record in dispatch, or of the one that will be next
  bool dispatch_holds = false;    ///< there is one
  bool dispatch_open = true;      ///< false: enable is 0, or the machine has stopped
  bool dispatch_refused = false;  ///< the record is illegal
  uint32_t next_fetch = 0;        ///< index of the next record to be asked for
  bool load_writes = false;       ///< load holds a chunk that is not yet written, of destination `load_dest`
  unsigned load_dest = 0;         ///< systole_pkg::DEST_*
  bool store_reads = false;       ///< store has asked for accumulators that it was not given yet
};

/// A Verilated top with the core's pins, behind two half cycles.
class RtlModel {
 public:
  struct Inputs {
    bool rst_n = false;
    AxiLiteMasterPins lite;
    const AxiSlavePins *axi = nullptr;
  };
  struct Outputs {
    bool irq = false;
    /// {store, compute, load end, store, compute, load begin} a command in this cycle; bit 0: load begins (rtl/systole.sv).
    uint8_t trace = 0;
    AxiLiteSlavePins lite;
    AxiMasterPins axi;  ///< payloads are current only while their valid is 1
  };
  virtual ~RtlModel() = default;
  /// The low half of a cycle: drives the inputs and gives the outputs.
  virtual void settle(const Inputs &inputs, Outputs &outputs) = 0;
  /// The rising edge at the end of the cycle.
  virtual void edge() = 0;
  /// What stands inside now: after settle() in that cycle, after edge() at the beginning of the next.
  virtual RtlProbe probe() const { return {}; }
  /// The counters that count the cycle before this one, by their numbers in the specification (systole_counters' event_q); after
  /// settle(). 0 for a top that is not `systole`.
  virtual uint16_t events() const { return 0; }
  /// Has an FST file written in the cycles of the window. @throws std::invalid_argument if the build has no tracing
  virtual void open_waves(const WavePlan &plan) = 0;
  /// Writes the waves' end and a .gtkw next to them. @throws OutputError if either could not be written whole, or if the run ended
  /// before the window
  virtual void close_waves(const WaveNotes &notes) = 0;
};

/// A fault in a copy of the RTL that sleeps until the environment variable SYSTOLE_PLANT names it.
struct PlantedFault {
  std::string name, what;
};

/// How a registered build is made.
struct RtlBuild {
  std::string config;
  bool trace = false, x_unique = false;
  unsigned axi_bits = 0;
  std::function<std::unique_ptr<RtlModel>(uint64_t x_seed)> make;
  unsigned axi_addr_bits = 40, max_reads = 16, max_writes = 16;
  WaveReaderFactory read_waves = {};                                                  ///< traced builds only
  std::function<void(const WavePlan &plan, const WaveNotes &notes)> write_view = {};  ///< the same
  std::vector<PlantedFault> plants = {};
};

/// Adds a build to the registry; builds are registered when the program starts. @returns true
bool register_rtl_build(RtlBuild build);

}  // namespace systole::platform
