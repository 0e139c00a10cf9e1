// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware/include/systole.h"
#include "sim/golden/epilogue.hpp"
#include "sim/golden/types.hpp"
#include "sim/platform/accelerator.hpp"
#include "sim/platform/errors.hpp"

namespace systole::platform {

/// One matrix product C = epilogue(seed + (A - a_zp) * (B - b_zp)) as the driver gets it. Elements are little-endian.
struct GemmJob {
  uint32_t m = 1, n = 1, k = 1;
  std::vector<uint8_t> a;                                                ///< M x K elements of a_type
  std::vector<uint8_t> b;                                                ///< N x K elements of b_type (K contiguous)
  golden::DType a_type = golden::DType::s8, b_type = golden::DType::s8;  ///< s8 and u8 in any pair, fp16 twice, bf16 twice
  int a_zp = 0;                                                          ///< in A's type
  std::vector<int> b_zp = {0};                                           ///< in B's type: one, or N
  std::optional<std::vector<uint32_t>> bias;                             ///< N int32 or binary32 words
  std::optional<std::vector<uint32_t>> seed;                             ///< M x N of them, instead of a bias
  golden::Epilogue epilogue;                                             ///< type of C and the way to it
  /// Gap between the end of a row and the next one, in bytes (filled with the pattern, must stay intact).
  uint32_t a_gap = 0, b_gap = 0, c_gap = 0;
};

/// How far a run is.
struct Progress {
  size_t job = 0, jobs = 0;
  uint64_t cycles = 0;  ///< since this job's start
  double fraction = 0;  ///< of this job's commands that have been fetched
};

/// Where a job lies in memory (bus addresses; 0: not there).
struct Layout {
  uint64_t ring = 0, a = 0, b = 0, b_zero_points = 0, bias = 0, seed = 0, scales = 0, shifts = 0, c = 0;
  uint64_t end = 0;  ///< first address after the job
};

struct GemmResult;

/// Options of run_gemm.
struct RunOptions {
  std::string config = "16x16";
  AcceleratorFactory make_accelerator;  ///< rtl_factory() or the model's
  MemoryTiming timing;
  std::optional<uint64_t> layout_seed;  ///< random addresses (any byte alignment); none: 64-byte aligned, fixed
  unsigned ring_entries_log2 = 10;
  uint64_t memory_base = 0x12'0000'0000;  ///< multiple of 4096
  uint32_t watchdog = 0;                  ///< value of the WATCHDOG register
  /// All jobs are handed to the driver before the first is waited for, each in memory of its own. Cycles (then the counter
  /// `total`), counters, utilisation and times are those of the whole queue, and stand in the last result; the others hold 0.
  bool queued = false;
  /// Called before each job, e.g. to inject bus errors.
  std::function<void(size_t job, const Layout &, Accelerator &)> before_job;
  bool predict = true;  ///< compare with the timing model
  /// Called before an error that ends the simulation goes on, with what is known of each job; of an unfinished one, what it has measured.
  std::function<void(std::vector<GemmResult>)> on_failure;
  std::function<void(const Progress &)> progress;
  uint64_t progress_interval = 100'000;  ///< cycles between calls
};

/// What became of a job.
struct GemmResult {
  std::vector<uint8_t> c;                    ///< M x N elements of the epilogue's type, as found in memory, without gaps
  uint64_t cycles = 0;                       ///< doorbell to interrupt (0: engine without a clock)
  std::map<std::string, uint64_t> counters;  ///< by the names of the specification, in lower case
  /// The cycles since the simulation's start, as waves count them, in which the doorbell came and the interrupt rose last (0: no clock).
  uint64_t doorbell_cycle = 0, interrupt_cycle = 0;
  uint64_t macs = 0;
  double utilisation = 0;         ///< macs / (cycles * what the array does at most with these types)
  double wall_s = 0;              ///< of the simulation alone, without the memory check
  double cpu_s = 0;               ///< processor time of the same
  uint64_t simulated_cycles = 0;  ///< all cycles of the job, with the driver's register accesses
  int driver_result = 0;          ///< systole_result_t; not 0: the rest may be incomplete
  std::string driver_message;     ///< its name and the error registers, if not 0
  /// What the machine's error registers held, if the driver failed with an error of the machine; code 0: not so.
  uint32_t error_code = 0, error_index = 0;
  uint64_t error_address = 0;
  bool memory_intact = true;  ///< nothing outside C changed, and nobody tried
  uint64_t unwritten = 0;     ///< bytes of C that were never written
  std::string memory_report;  ///< first offence, if any
  /// The timing model's prediction of this job (queued: of all, in the last result); none if the engine has no clock, the memory
  /// has random stalls or answers errors, or the driver failed.
  std::optional<timing::Prediction> predicted;
  /// What the engine was given to do and when it did it, predicted or not; empty if it has no clock.
  MeasuredProgram measured;
  bool unfinished = false;   ///< the simulation ended before the job: of the rest nothing is known (queued: says the last result)
  std::string files_report;  ///< why a file that the engine writes is missing, in the last result; "": none is
  std::string timing_report;  ///< one line about the first difference of the two, "": none

  /// The driver succeeded, every byte of C was written and no other.
  bool ok() const { return driver_result == 0 && memory_intact && unwritten == 0; }
};

/// The counters by their names in the specification, in lower case.
std::map<std::string, uint64_t> by_name(const systole_counters_t &counters);

/// One line about the first difference between what the machine did and what was predicted: of a command's times, of the cycles to
/// the last rise of the interrupt (0: not to be compared), of a counter; "" if there is none. Where several records have an
/// interrupt bit, the interrupt may rise with any of them, since it stays up until the host has seen it.
std::string timing_difference(const MeasuredProgram &measured, uint64_t interrupt,
                              const std::map<std::string, uint64_t> &counters, const timing::Prediction &predicted);

/// @throws std::invalid_argument with one line, if the job makes no sense or the configuration cannot do it
void validate(const GemmJob &job, const ConfigInfo &config);

/// Multiply-accumulates a cycle of the configuration with the job's types.
unsigned peak_macs(const GemmJob &job, const ConfigInfo &config);

/// C as the golden model has it, in the form of GemmResult::c.
std::vector<uint8_t> golden_result(const GemmJob &job);

/// The driver's arguments, with the addresses that run_gemm would choose for this job alone; A and B need not hold anything.
systole_gemm_t placed_gemm(const RunOptions &options, const GemmJob &job);

/// Memory from `base` on.
struct MemoryImage {
  uint64_t base = 0;
  std::vector<uint8_t> bytes;
};

/// What the memory of a run holds when one of its jobs starts: its operands (queued: those of all jobs) where run_gemm puts them, all else
/// zero.
MemoryImage operand_image(const RunOptions &options, const std::vector<GemmJob> &jobs, size_t job);

/// The value of a job's C that lies at an address, as row and column; none: it lies elsewhere.
std::optional<std::pair<uint64_t, uint64_t>> find_in_result(const RunOptions &options, const std::vector<GemmJob> &jobs,
                                                            size_t job, uint64_t address);

/// Runs the jobs one after another on one machine: SystemC elaborates here, hence once a process. Matrices and ring lie
/// in memory between guard bands; all memory that is not an input is filled with a pattern first.
/// @throws HangError, ProtocolError, OutputError (a file that cannot be begun), std::invalid_argument
std::vector<GemmResult> run_gemm(const RunOptions &options, const std::vector<GemmJob> &jobs);

}  // namespace systole::platform
