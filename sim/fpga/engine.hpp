// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "sim/fpga/board.hpp"
#include "sim/fpga/tiling.hpp"
#include "sim/link/client.hpp"
#include "sim/platform/errors.hpp"
#include "sim/platform/gemm.hpp"

namespace systole::fpga {

/// How far a product is.
struct Progress {
  std::uint64_t bytes = 0, all_bytes = 0;  ///< of operands, parameters and results over the line
  std::uint64_t tiles = 0, all_tiles = 0;
};

/// The board was reset, reloaded or used by somebody else in the middle of a product.
class ResetError : public link::Error {
 public:
  using link::Error::Error;
};

/// The accelerator of a board neither moves nor fails. The message is one line that names the port.
class StallError : public platform::HangError {
 public:
  using platform::HangError::HangError;
};

/// Options of Engine::run.
struct EngineOptions {
  std::function<void(const Progress &)> progress;
  /// Cycles without a completed command after which the accelerator gives up; about 2^24 at most take one command. A random number
  /// below 2^16 is added: the register's value is what tells a board that was reset.
  std::uint32_t watchdog = 1u << 24;
  /// Results' places are overwritten before each block, so that nothing of an earlier product can pass for its result.
  bool fill_results = false;
  double stall_s = 120;  ///< without a completed command after which the host gives up, should the watchdog not
};

/// Products on a board, with the unmodified driver: its register accesses go over the line, its ring is written here and sent before
/// each doorbell.
class Engine {
 public:
  /// @param client  connected; must outlive the engine
  Engine(link::Client &client, const Board &board) : client_(client), board_(board) {}

  /// C as the accelerator computes it. Cycles and counters are those of the hardware, summed over the tiles; memory is not looked at
  /// outside C. If the accelerator reports an error, driver_result and driver_message say so, and C is incomplete.
  /// @throws std::invalid_argument if the job makes no sense or the configuration cannot do it; link::Error if the board's memory is
  ///   too small, the board was reset or does not answer; StallError if the accelerator neither moves nor fails
  platform::GemmResult run(const platform::GemmJob &job, const EngineOptions &options = {});

  /// How the last product went through the memory.
  const Tiling &tiling() const { return tiling_; }

 private:
  link::Client &client_;
  const Board board_;
  Tiling tiling_;
};

}  // namespace systole::fpga
