// SPDX-License-Identifier: Apache-2.0
#include "sim/fpga/engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "sim/golden/types.hpp"

namespace systole::fpga {

namespace {

using Clock = std::chrono::steady_clock;
using golden::DType;

constexpr std::size_t kPiece = 4096;  // bytes between two reports of progress
constexpr double kResetSeconds = 10;  // for a soft reset

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// The driver with its hands on the line. C code calls its functions, so nothing may be thrown through them: the first failure is
/// kept, and from then on nothing goes over the line and the registers read as those of a machine that has stopped, so that every
/// loop of the driver ends. check() throws what was kept.
class Driver {
 public:
  Driver(link::Client &client, std::uint32_t ring_log2, const EngineOptions &options)
      : client_(client),
        options_(options),
        watchdog_(options.watchdog + (std::random_device{}() & 0xFFFF)),
        ring_(std::size_t{SYSTOLE_COMMAND_WORDS} << ring_log2) {
    systole_config_t config{};
    config.mmio.ctx = this;
    config.mmio.read32 = [](void *self, std::uint32_t offset) { return static_cast<Driver *>(self)->read(offset); };
    config.mmio.write32 = [](void *self, std::uint32_t offset, std::uint32_t value) {
      static_cast<Driver *>(self)->write(offset, value);
    };
    config.mmio.idle = [](void *self) { static_cast<Driver *>(self)->idle(); };
    config.mmio.barrier = [](void *self) { static_cast<Driver *>(self)->upload_records(); };
    config.ring = ring_.data();
    config.ring_address = 0;
    config.ring_entries_log2 = ring_log2;
    // Before all else: a reset from here on is seen. The driver's soft reset keeps it.
    client_.write_register(link::kAcceleratorBase + SYSTOLE_REG_WATCHDOG, watchdog_);
    systole_result_t result = systole_init(&device_, &config);
    if (result == SYSTOLE_OK) result = systole_clear_counters(&device_);
    check();
    if (result != SYSTOLE_OK) {
      expect_no_reset();
      throw link::Error(client_.port() + ": the driver cannot start on this board: " + systole_result_string(result));
    }
  }
  Driver(const Driver &) = delete;
  Driver &operator=(const Driver &) = delete;

  /// Computes and waits. @throws as Engine::run
  systole_result_t run(const systole_gemm_t &gemm) {
    polls_ = 0;
    moved_ = Clock::now();
    systole_result_t result = systole_gemm(&device_, &gemm);
    if (result == SYSTOLE_OK) result = systole_wait(&device_);
    check();
    return result;
  }

  systole_counters_t counters() {
    systole_counters_t out{};
    const systole_result_t result = systole_read_counters(&device_, &out);
    check();
    if (result != SYSTOLE_OK) throw std::logic_error("fpga: the counters cannot be read");
    return out;
  }

  /// What the error registers say; then the accelerator is reset.
  std::string error() {
    systole_error_info_t info{};
    const systole_result_t result = systole_last_error(&device_, &info);
    check();
    std::string out;
    if (result == SYSTOLE_OK) {
      out = ": error " + std::to_string(info.code) + " (" + systole_error_name(info.code) + "), command " +
            std::to_string(info.index) + ", address " + hex(info.address) + ": " + systole_error_text(info.code);
    }
    if (systole_reset(&device_) != SYSTOLE_OK) out += "; the soft reset does not end";
    check();
    return out;
  }

  /// Whether the board is the one that was set up: a reset clears the watchdog's register, another program writes another value.
  void expect_no_reset() {
    if (client_.read_register(link::kAcceleratorBase + SYSTOLE_REG_WATCHDOG) == watchdog_) return;
    throw ResetError(client_.port() + ": the board was reset, or used by somebody else, in the middle of the product; try again");
  }

 private:
  void check() {
    if (failure_) std::rethrow_exception(failure_);
  }

  template <typename Access>
  void attempt(const Access &access) {
    if (failure_) return;
    try {
      access();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  std::uint32_t read(std::uint32_t offset) {
    std::uint32_t value = 0;
    attempt([&] { value = client_.read_register(link::kAcceleratorBase + offset); });
    if (offset == SYSTOLE_REG_CTRL) {
      attempt([&] {
        if ((value & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0 && seconds_since(moved_) > kResetSeconds)
          throw StallError(client_.port() + ": the accelerator does not come out of its soft reset within " +
                           std::to_string(static_cast<int>(kResetSeconds)) + " s: reset or reload the board");
      });
    }
    if (offset == SYSTOLE_REG_RING_HEAD && value != head_) {
      head_ = value;
      polls_ = 0;
      moved_ = Clock::now();
    }
    if (!failure_) return value;
    return offset == SYSTOLE_REG_STATUS ? SYSTOLE_STATUS_ERROR_MASK : 0;
  }

  void write(std::uint32_t offset, std::uint32_t value) {
    if (offset == SYSTOLE_REG_CTRL) moved_ = Clock::now();
    attempt([&] { client_.write_register(link::kAcceleratorBase + offset, value); });
  }

  /// Between two polls: less and less often, and not for ever.
  void idle() {
    attempt([&] {
      if (++polls_ > 3) {
        expect_no_reset();
        if (seconds_since(moved_) > options_.stall_s) {
          throw StallError(client_.port() + ": no command was completed for " +
                           std::to_string(static_cast<int>(options_.stall_s)) +
                           " s, and the watchdog did not notice: reset or reload the board");
        }
      }
      if (polls_ > 1) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(polls_, 20u)));
    });
  }

  /// Sends the records since the last doorbell.
  void upload_records() {
    attempt([&] {
      const std::uint32_t mask = (1u << device_.ring_entries_log2) - 1;
      for (std::uint32_t index = device_.published; index != device_.tail;) {
        const std::uint32_t slot = index & mask, count = std::min(device_.tail - index, mask + 1 - slot);
        std::vector<std::uint8_t> bytes;
        bytes.reserve(std::size_t{count} * SYSTOLE_COMMAND_BYTES);
        for (std::size_t word = 0; word < std::size_t{count} * SYSTOLE_COMMAND_WORDS; ++word) {
          const std::uint32_t value = ring_[std::size_t{slot} * SYSTOLE_COMMAND_WORDS + word];
          for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
        }
        client_.write_memory(slot * SYSTOLE_COMMAND_BYTES, bytes.data(), bytes.size());
        index += count;
      }
    });
  }

  link::Client &client_;
  const EngineOptions &options_;
  const std::uint32_t watchdog_;
  std::vector<std::uint32_t> ring_;
  systole_t device_{};
  std::exception_ptr failure_;
  std::uint32_t head_ = 0;
  unsigned polls_ = 0;  // since something moved
  Clock::time_point moved_ = Clock::now();
};

/// What of an operand lies on the board.
struct Resident {
  std::uint32_t block = UINT32_MAX, piece = UINT32_MAX;
};

/// One product on its way.
class Run {
 public:
  Run(link::Client &client, const platform::GemmJob &job, const Tiling &tiling, const EngineOptions &options,
      platform::GemmResult &result)
      : client_(client),
        job_(job),
        tiling_(tiling),
        options_(options),
        result_(result),
        driver_(client, tiling.ring_log2, options) {
    progress_.all_tiles = tiling.tiles;
    progress_.all_bytes = tiling.bytes_to_board + tiling.bytes_from_board;
    result_.c.resize(std::size_t{job.m} * job.n * out_bytes_);
    result_.unwritten = result_.c.size();
  }

  /// A reset is noticed while the accelerator does not move, after an error of its, and at the latest here at the end.
  void operator()() {
    const std::uint32_t rows = tiling_.m_blocks(job_), columns = tiling_.n_blocks(job_);
    const std::uint32_t outer = tiling_.n_outer ? columns : rows, inner = tiling_.n_outer ? rows : columns;
    for (std::uint32_t i = 0; i < outer; ++i) {
      for (std::uint32_t step = 0; step < inner; ++step) {
        // The inner loop turns round: its last block is there already.
        const std::uint32_t j = i % 2 == 0 ? step : inner - 1 - step;
        if (!block(tiling_.n_outer ? j : i, tiling_.n_outer ? i : j)) return;
      }
    }
    const systole_counters_t counters = driver_.counters();
    driver_.expect_no_reset();
    result_.counters = platform::by_name(counters);
    result_.cycles = counters.total;
  }

 private:
  /// A block of C, from its operands to its results. @return false if the accelerator failed
  bool block(std::uint32_t mi, std::uint32_t ni) {
    m0_ = mi * tiling_.tile_m;
    n0_ = ni * tiling_.tile_n;
    m_ = std::min(tiling_.tile_m, job_.m - m0_);
    n_ = std::min(tiling_.tile_n, job_.n - n0_);
    const std::uint32_t pieces = tiling_.k_pieces(job_);
    if (parameters_.block != ni) send_parameters();
    parameters_.block = ni;
    if (options_.fill_results) {
      const std::vector<std::uint8_t> pattern(std::size_t{m_} * n_ * out_bytes_, 0xA5);
      client_.write_memory(tiling_.sums[pieces % 2], pattern.data(), pattern.size());
    }
    if (job_.seed) send_seed();
    for (std::uint32_t piece = 0; piece < pieces; ++piece) {
      const std::uint32_t k0 = piece * tiling_.tile_k, k = std::min(tiling_.tile_k, job_.k - k0);
      send_operand(a_, mi, piece, tiling_.a, job_.a, m0_, m_, k0, k);
      send_operand(b_, ni, piece, tiling_.b, job_.b, n0_, n_, k0, k);
      const systole_result_t status = driver_.run(describe(piece, pieces, k));
      if (status != SYSTOLE_OK) {
        driver_.expect_no_reset();
        result_.driver_result = status;
        result_.driver_message = systole_result_string(status);
        if (systole_is_device_error(status)) result_.driver_message += driver_.error();
        driver_.expect_no_reset();  // nor while the error was read
        return false;
      }
      ++progress_.tiles;
      report(0);
    }
    fetch_results(tiling_.sums[pieces % 2]);
    return true;
  }

  /// The driver's arguments for a piece of K of the present block.
  systole_gemm_t describe(std::uint32_t piece, std::uint32_t pieces, std::uint32_t k) const {
    const bool first = piece == 0, last = piece + 1 == pieces;
    const auto pitch = static_cast<std::int64_t>(k * element_);
    const ParameterLayout at = parameter_layout(job_, n_);
    systole_gemm_t gemm{};
    gemm.m = m_;
    gemm.n = n_;
    gemm.k = k;
    gemm.a = tiling_.a;
    gemm.a_pitch = pitch;
    gemm.a_dtype = static_cast<std::uint32_t>(job_.a_type);
    gemm.a_zero_point = static_cast<std::uint8_t>(job_.a_zp);
    gemm.b = tiling_.b;
    gemm.b_pitch = pitch;
    gemm.b_dtype = static_cast<std::uint32_t>(job_.b_type);
    if (job_.b_zp.size() > 1)
      gemm.b_zero_points = tiling_.parameters + at.zero_points;
    else
      gemm.b_zero_point = static_cast<std::uint8_t>(job_.b_zp[0]);
    if (job_.bias && first) gemm.bias = tiling_.parameters + at.bias;
    if (job_.seed || !first) gemm.seed = tiling_.sums[piece % 2];
    gemm.seed_pitch = std::int64_t{4} * n_;
    gemm.c = tiling_.sums[(piece + 1) % 2];
    gemm.c_pitch = static_cast<std::int64_t>(n_ * (last ? out_bytes_ : 4));
    if (last)
      describe_epilogue(gemm.epilogue, at);
    else
      gemm.epilogue.out_dtype = static_cast<std::uint32_t>(golden::is_float(job_.a_type) ? DType::fp32 : DType::s32);
    return gemm;
  }

  void describe_epilogue(systole_epilogue_t &out, const ParameterLayout &at) const {
    const golden::Epilogue &epilogue = job_.epilogue;
    out.out_dtype = static_cast<std::uint32_t>(epilogue.out);
    out.requant = static_cast<std::uint32_t>(epilogue.rule);
    if (epilogue.per_column()) {
      out.scales = tiling_.parameters + at.scales;
      if (epilogue.rule == golden::Requant::fixed) out.shifts = tiling_.parameters + at.shifts;
    } else {
      out.scale = epilogue.scale_word(0);
      out.shift = epilogue.shift_of(0);
    }
    out.out_zero_point = static_cast<std::uint8_t>(epilogue.zero_point);
    out.clamp = epilogue.clamp_min || epilogue.clamp_max;
    if (out.clamp) {
      out.clamp_min = epilogue.low();
      out.clamp_max = epilogue.high();
    }
  }

  /// Rows [row, row + rows) and columns [k0, k0 + k) of a matrix of job_.k columns, unless they are there.
  void send_operand(Resident &there, std::uint32_t block, std::uint32_t piece, std::uint32_t address,
                    const std::vector<std::uint8_t> &matrix, std::uint32_t row, std::uint32_t rows, std::uint32_t k0,
                    std::uint32_t k) {
    if (there.block == block && there.piece == piece) return;
    const std::size_t pitch = std::size_t{job_.k} * element_, bytes = std::size_t{k} * element_;
    std::vector<std::uint8_t> packed(rows * bytes);
    for (std::size_t i = 0; i < rows; ++i) std::memcpy(&packed[i * bytes], &matrix[(row + i) * pitch + k0 * element_], bytes);
    send(address, packed.data(), packed.size());
    there = {block, piece};
  }

  static void put32(std::uint8_t *to, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }

  /// Bias, zero points, scales and shifts of the present block's columns.
  void send_parameters() {
    const ParameterLayout at = parameter_layout(job_, n_);
    if (at.bytes == 0) return;
    std::vector<std::uint8_t> bytes(at.bytes);
    const bool scales = job_.epilogue.per_column(), shifts = scales && job_.epilogue.rule == golden::Requant::fixed;
    for (std::uint32_t i = 0; i < n_; ++i) {
      const std::uint32_t column = n0_ + i;
      if (job_.bias) put32(&bytes[at.bias + 4 * i], (*job_.bias)[column]);
      if (job_.b_zp.size() > 1) bytes[at.zero_points + i] = static_cast<std::uint8_t>(job_.b_zp[column]);
      if (scales) put32(&bytes[at.scales + 4 * i], job_.epilogue.scale_word(column));
      if (shifts) bytes[at.shifts + i] = static_cast<std::uint8_t>(job_.epilogue.shift_of(column));
    }
    send(tiling_.parameters, bytes.data(), bytes.size());
  }

  void send_seed() {
    std::vector<std::uint8_t> bytes(std::size_t{4} * m_ * n_);
    for (std::size_t i = 0; i < m_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) put32(&bytes[4 * (i * n_ + j)], (*job_.seed)[(m0_ + i) * job_.n + n0_ + j]);
    }
    send(tiling_.sums[0], bytes.data(), bytes.size());
  }

  void fetch_results(std::uint32_t address) {
    std::vector<std::uint8_t> bytes(std::size_t{m_} * n_ * out_bytes_);
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
      const std::size_t size = std::min(kPiece, bytes.size() - at);
      client_.read_memory(address + static_cast<std::uint32_t>(at), &bytes[at], size);
      report(size);
    }
    const std::size_t row = n_ * out_bytes_;
    for (std::size_t i = 0; i < m_; ++i) std::memcpy(&result_.c[((m0_ + i) * job_.n + n0_) * out_bytes_], &bytes[i * row], row);
    result_.unwritten -= bytes.size();
  }

  void send(std::uint32_t address, const std::uint8_t *data, std::size_t size) {
    for (std::size_t at = 0; at < size; at += kPiece) {
      const std::size_t part = std::min(kPiece, size - at);
      client_.write_memory(address + static_cast<std::uint32_t>(at), data + at, part);
      report(part);
    }
  }

  void report(std::size_t bytes) {
    progress_.bytes += bytes;
    if (options_.progress) options_.progress(progress_);
  }

  link::Client &client_;
  const platform::GemmJob &job_;
  const Tiling &tiling_;
  const EngineOptions &options_;
  platform::GemmResult &result_;
  Driver driver_;
  const std::size_t element_ = golden::size(job_.a_type), out_bytes_ = golden::size(job_.epilogue.out);
  Progress progress_;
  Resident a_, b_, parameters_;
  std::uint32_t m0_ = 0, n0_ = 0, m_ = 0, n_ = 0;  // the present block
};

}  // namespace

platform::GemmResult Engine::run(const platform::GemmJob &job, const EngineOptions &options) {
  platform::validate(job, board_.config);
  const std::optional<Tiling> tiling = choose_tiling(job, board_.config, board_.info.memory_bytes);
  if (!tiling) {
    throw link::Error(client_.port() + ": the board's memory of " + std::to_string(board_.info.memory_bytes) +
                      " bytes is too small for this product even in tiles, which take " +
                      std::to_string(least_memory(job, board_.config)) + "; use a board or a bitstream with more");
  }
  tiling_ = *tiling;
  platform::GemmResult result;
  const auto start = Clock::now();
  Run(client_, job, tiling_, options, result)();
  result.wall_s = seconds_since(start);
  result.macs = std::uint64_t{job.m} * job.n * job.k;
  if (result.cycles != 0) {
    result.utilisation =
        static_cast<double>(result.macs) / platform::peak_macs(job, board_.config) / static_cast<double>(result.cycles);
  }
  return result;
}

}  // namespace systole::fpga
