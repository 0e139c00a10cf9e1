// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gemm.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <random>
#include <stdexcept>

#include "firmware/include/systole.h"
#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"

namespace systole::platform {
namespace {

constexpr uint64_t PAGE = 4096;
constexpr uint64_t MIN_GUARD = 256;
constexpr uint64_t RECORD_BYTES = 64;

void validate(const GemmJob &job) {
  const auto require = [](bool good, const char *what) {
    if (!good) throw std::invalid_argument(what);
  };
  require(job.m > 0 && job.n > 0 && job.k > 0, "M, N and K must be at least 1");
  require(job.a.size() == size_t{job.m} * job.k, "A must hold M*K bytes");
  require(job.b.size() == size_t{job.n} * job.k, "B must hold N*K bytes");
  require(job.b_zp.size() == 1 || job.b_zp.size() == job.n, "there must be one zero point of B, or N");
  require(!job.bias || job.bias->size() == job.n, "the bias must hold N values");
  require(!job.seed || job.seed->size() == size_t{job.m} * job.n, "the seed must hold M*N values");
  require(!(job.bias && job.seed), "bias and seed matrix exclude one another");
  const auto in_range = [](int value, bool is_signed) {
    return is_signed ? value >= -128 && value <= 127 : value >= 0 && value <= 255;
  };
  require(in_range(job.a_zp, job.a_signed), "the zero point of A is outside its type");
  for (const int zp : job.b_zp) require(in_range(zp, job.b_signed), "a zero point of B is outside its type");
}

/// Hands out memory, with a guard band before each piece.
class Allocator {
 public:
  Allocator(uint64_t first, std::mt19937_64 *random) : next_(first), random_(random) {}
  uint64_t take(uint64_t bytes) {
    next_ += MIN_GUARD;
    if (random_ != nullptr)
      next_ += (*random_)() % 1024;
    else
      next_ = (next_ + 63) & ~uint64_t{63};
    const uint64_t address = next_;
    next_ += bytes;
    return address;
  }
  uint64_t end() const { return next_ + MIN_GUARD; }

 private:
  uint64_t next_;
  std::mt19937_64 *random_;
};

uint64_t rows_bytes(uint64_t rows, uint64_t row_bytes, uint64_t gap) { return (rows - 1) * (row_bytes + gap) + row_bytes; }

Layout place(const GemmJob &job, uint64_t ring, uint64_t first, std::mt19937_64 *random) {
  Allocator memory(first, random);
  Layout at;
  at.ring = ring;
  at.a = memory.take(rows_bytes(job.m, job.k, job.a_gap));
  at.b = memory.take(rows_bytes(job.n, job.k, job.b_gap));
  if (job.b_zp.size() > 1) at.b_zero_points = memory.take(job.n);
  if (job.bias) at.bias = memory.take(uint64_t{4} * job.n);
  if (job.seed) at.seed = memory.take(uint64_t{4} * job.m * job.n);
  at.c = memory.take(rows_bytes(job.m, uint64_t{4} * job.n, job.c_gap));
  at.end = memory.end();
  return at;
}

void fill(Memory &memory, const GemmJob &job, const Layout &at, uint64_t first, uint64_t pattern) {
  memory.fill_pattern(first, memory.base() + memory.size() - first, pattern);
  const auto rows = [&memory](uint64_t address, size_t count, size_t row_bytes, size_t gap, const void *data) {
    const auto *bytes = static_cast<const uint8_t *>(data);
    for (size_t row = 0; row < count; ++row)
      std::memcpy(memory.at(address + row * (row_bytes + gap), row_bytes), bytes + row * row_bytes, row_bytes);
  };
  rows(at.a, job.m, job.k, job.a_gap, job.a.data());
  rows(at.b, job.n, job.k, job.b_gap, job.b.data());
  if (at.b_zero_points != 0)
    for (uint32_t n = 0; n < job.n; ++n) *memory.at(at.b_zero_points + n) = static_cast<uint8_t>(job.b_zp[n]);
  if (job.bias) rows(at.bias, 1, size_t{4} * job.n, 0, job.bias->data());
  if (job.seed) rows(at.seed, 1, size_t{4} * job.m * job.n, 0, job.seed->data());
}

systole_gemm_t describe(const GemmJob &job, const Layout &at) {
  systole_gemm_t gemm{};
  gemm.m = job.m;
  gemm.n = job.n;
  gemm.k = job.k;
  gemm.a = at.a;
  gemm.a_pitch = int64_t{job.k} + job.a_gap;
  gemm.a_signed = job.a_signed;
  gemm.a_zero_point = static_cast<uint8_t>(job.a_zp);
  gemm.b = at.b;
  gemm.b_pitch = int64_t{job.k} + job.b_gap;
  gemm.b_signed = job.b_signed;
  gemm.b_zero_point = static_cast<uint8_t>(job.b_zp[0]);
  gemm.b_zero_points = at.b_zero_points;
  gemm.bias = at.bias;
  gemm.seed = at.seed;
  gemm.seed_pitch = int64_t{4} * job.n;
  gemm.c = at.c;
  gemm.c_pitch = int64_t{4} * job.n + job.c_gap;
  return gemm;
}

systole_mmio_t mmio_of(Host &host) {
  systole_mmio_t mmio{};
  mmio.ctx = &host;
  mmio.read32 = [](void *ctx, uint32_t offset) { return static_cast<Host *>(ctx)->read32(offset); };
  mmio.write32 = [](void *ctx, uint32_t offset, uint32_t value) { static_cast<Host *>(ctx)->write32(offset, value); };
  mmio.idle = [](void *ctx) { static_cast<Host *>(ctx)->idle(); };
  return mmio;
}

std::map<std::string, uint64_t> named(const systole_counters_t &c) {
  return {{"total", c.total},
          {"compute", c.compute},
          {"command", c.command},
          {"weights", c.weights},
          {"activations", c.activations},
          {"hazard", c.hazard},
          {"store", c.store},
          {"drain", c.drain},
          {"read_bytes", c.read_bytes},
          {"write_bytes", c.write_bytes}};
}

/// Runs the jobs with the driver; the program of the host.
class Jobs {
 public:
  Jobs(const RunOptions &options, const std::vector<GemmJob> &jobs, const std::vector<Layout> &layouts, uint64_t first,
       Memory &memory, Accelerator &accelerator, std::vector<GemmResult> &results)
      : options_(options),
        jobs_(jobs),
        layouts_(layouts),
        first_(first),
        memory_(memory),
        accelerator_(accelerator),
        results_(results) {}

  void operator()(Host &host) {
    systole_config_t config{};
    config.mmio = mmio_of(host);
    config.ring_address = layouts_.front().ring;
    config.ring_entries_log2 = options_.ring_entries_log2;
    config.ring = memory_.at(config.ring_address, RECORD_BYTES << options_.ring_entries_log2);
    systole_result_t result = systole_init(&device_, &config);
    if (result == SYSTOLE_OK && options_.watchdog != 0) result = systole_set_watchdog(&device_, options_.watchdog);
    if (result != SYSTOLE_OK) throw RunError(std::string("the driver cannot start: ") + systole_result_string(result));
    for (job_ = 0; job_ < jobs_.size(); ++job_) run_job();
  }

  void progress(uint64_t cycle) const {
    if (!options_.progress || job_ >= jobs_.size()) return;
    Progress progress;
    progress.job = job_;
    progress.jobs = jobs_.size();
    progress.cycles = cycle - start_cycle_;
    const uint64_t fetched = accelerator_.counted_reads() / RECORD_BYTES;
    if (commands_ != 0) progress.fraction = std::min(1.0, static_cast<double>(fetched) / commands_);
    options_.progress(progress);
  }

 private:
  void run_job() {
    const GemmJob &job = jobs_[job_];
    const Layout &at = layouts_[job_];
    GemmResult &result = results_[job_];
    fill(memory_, job, at, first_, options_.layout_seed.value_or(0) * 1000003 + job_ + 1);
    const size_t row_bytes = size_t{4} * job.n;
    memory_.watch({at.c, job.m, row_bytes, row_bytes + job.c_gap});
    if (options_.before_job) options_.before_job(job_, at, accelerator_);
    const systole_gemm_t gemm = describe(job, at);
    if (systole_gemm_commands(&device_, &gemm, &commands_) != SYSTOLE_OK) commands_ = 0;  // systole_gemm says why
    accelerator_.count_reads(at.ring, RECORD_BYTES << options_.ring_entries_log2);
    start_cycle_ = accelerator_.cycles();
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    systole_result_t status = systole_clear_counters(&device_);
    accelerator_.begin_job();
    if (status == SYSTOLE_OK) status = systole_gemm(&device_, &gemm);
    if (status == SYSTOLE_OK) status = systole_wait(&device_);
    systole_counters_t counters{};
    if (status == SYSTOLE_OK) status = systole_read_counters(&device_, &counters);
    result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.cpu_s = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    result.simulated_cycles = accelerator_.cycles() - start_cycle_;
    result.counters = named(counters);
    result.macs = uint64_t{job.m} * job.n * job.k;
    if (accelerator_.irq_cycle() > accelerator_.doorbell_cycle() && accelerator_.doorbell_cycle() != 0) {
      result.cycles = accelerator_.irq_cycle() - accelerator_.doorbell_cycle();
      result.utilisation = static_cast<double>(result.macs) / static_cast<double>(result.cycles) /
                           find_config(options_.config).int8_macs_per_cycle();
    }
    if (status != SYSTOLE_OK) {
      result.driver_result = status;
      result.driver_message = systole_result_string(status);
      systole_error_info_t error{};
      if (status == SYSTOLE_ERR_DEVICE && systole_last_error(&device_, &error) == SYSTOLE_OK)
        result.driver_message += ": error code " + std::to_string(error.code) + ", command " + std::to_string(error.index) +
                                 ", address " + std::to_string(error.address);
      if (systole_reset(&device_) != SYSTOLE_OK) throw RunError("the accelerator does not come back: " + result.driver_message);
    }
    accelerator_.check_quiet();
    result.c.resize(size_t{job.m} * job.n);
    for (uint32_t row = 0; row < job.m; ++row)
      std::memcpy(&result.c[size_t{row} * job.n], memory_.at(at.c + row * (row_bytes + job.c_gap), row_bytes), row_bytes);
    const Memory::Findings findings = memory_.check(at.ring, RECORD_BYTES << options_.ring_entries_log2);
    result.memory_intact = findings.stray_bytes == 0;
    result.unwritten = findings.unwritten_bytes;
    result.memory_report = findings.first;
  }

  const RunOptions &options_;
  const std::vector<GemmJob> &jobs_;
  const std::vector<Layout> &layouts_;
  const uint64_t first_;
  Memory &memory_;
  Accelerator &accelerator_;
  std::vector<GemmResult> &results_;
  systole_t device_{};
  size_t job_ = 0;
  uint64_t start_cycle_ = 0;
  uint32_t commands_ = 0;
};

}  // namespace

std::vector<GemmResult> run_gemm(const RunOptions &options, const std::vector<GemmJob> &jobs) {
  const ConfigInfo &config = find_config(options.config);
  if (!options.make_accelerator) throw std::invalid_argument("no engine was chosen");
  if (options.ring_entries_log2 > 16) throw std::invalid_argument("a ring has at most 65536 records");
  if (options.memory_base % PAGE != 0) throw std::invalid_argument("memory must begin at a multiple of 4096");
  if (jobs.empty()) return {};
  for (const GemmJob &job : jobs) validate(job);
  if (sc_core::sc_get_status() != sc_core::SC_ELABORATION)
    throw std::logic_error("SystemC elaborates once a process: run_gemm can be called once");
  // SystemC's own messages ("Simulation stopped by user") are not for our user.
  sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);

  // The ring first, then the jobs, each over the one before.
  std::mt19937_64 random(options.layout_seed.value_or(0));
  std::mt19937_64 *const choose = options.layout_seed ? &random : nullptr;
  uint64_t ring = options.memory_base + MIN_GUARD + (choose != nullptr ? random() % 64 * 64 : 0);
  const uint64_t first = ring + (RECORD_BYTES << options.ring_entries_log2);
  std::vector<Layout> layouts;
  uint64_t end = first;
  for (const GemmJob &job : jobs) {
    layouts.push_back(place(job, ring, first, choose));
    end = std::max(end, layouts.back().end);
  }
  end = (end + PAGE - 1) & ~(PAGE - 1);

  std::vector<GemmResult> results(jobs.size());
  Memory memory("memory", options.memory_base, end - options.memory_base);
  memory.fill_pattern(options.memory_base, memory.size(), ~options.layout_seed.value_or(0));
  const std::unique_ptr<Accelerator> accelerator = options.make_accelerator(config, options.timing);
  Jobs program(options, jobs, layouts, first, memory, *accelerator, results);
  Host host("host", [&program](Host &h) { program(h); });
  sc_core::sc_signal<bool> irq("irq");
  host.regs_socket.bind(accelerator->regs_socket);
  accelerator->mem_socket.bind(memory.socket);
  accelerator->irq.bind(irq);
  host.irq.bind(irq);
  if (options.progress)
    accelerator->set_progress([&program](uint64_t cycle) { program.progress(cycle); }, options.progress_interval);

  sc_core::sc_start();
  accelerator->rethrow();
  host.rethrow();
  if (!host.finished()) throw HangError("hang: nothing is left to happen, but the driver still waits for the accelerator");
  accelerator->close_files();
  return results;
}

}  // namespace systole::platform
