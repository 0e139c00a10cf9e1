// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/gemm.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <random>
#include <stdexcept>

#include "firmware/include/systole.h"
#include "firmware/include/systole_regs.h"
#include "sim/golden/float.hpp"
#include "sim/golden/gemm.hpp"
#include "sim/platform/host.hpp"
#include "sim/platform/memory.hpp"

namespace systole::platform {
namespace {

constexpr uint64_t PAGE = 4096;
constexpr uint64_t MIN_GUARD = 256;
constexpr uint64_t RECORD_BYTES = 64;

using golden::DType;

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

size_t a_row(const GemmJob &job) { return job.k * golden::size(job.a_type); }
size_t b_row(const GemmJob &job) { return job.k * golden::size(job.b_type); }
size_t c_row(const GemmJob &job) { return job.n * golden::size(job.epilogue.out); }

bool has_shifts(const GemmJob &job) { return job.epilogue.rule == golden::Requant::fixed; }

Layout place(const GemmJob &job, uint64_t ring, uint64_t first, std::mt19937_64 *random) {
  Allocator memory(first, random);
  Layout at;
  at.ring = ring;
  at.a = memory.take(rows_bytes(job.m, a_row(job), job.a_gap));
  at.b = memory.take(rows_bytes(job.n, b_row(job), job.b_gap));
  if (job.b_zp.size() > 1) at.b_zero_points = memory.take(job.n);
  if (job.bias) at.bias = memory.take(uint64_t{4} * job.n);
  if (job.seed) at.seed = memory.take(uint64_t{4} * job.m * job.n);
  if (job.epilogue.per_column()) {
    at.scales = memory.take(uint64_t{4} * job.n);
    if (has_shifts(job)) at.shifts = memory.take(job.n);
  }
  at.c = memory.take(rows_bytes(job.m, c_row(job), job.c_gap));
  at.end = memory.end();
  return at;
}

/// Writes the operands to their places. `memory.at(address, length)` points to bytes.
template <class Bytes>
void fill(Bytes &memory, const GemmJob &job, const Layout &at) {
  const auto rows = [&memory](uint64_t address, size_t count, size_t row_bytes, size_t gap, const void *data) {
    const auto *bytes = static_cast<const uint8_t *>(data);
    for (size_t row = 0; row < count; ++row)
      std::memcpy(memory.at(address + row * (row_bytes + gap), row_bytes), bytes + row * row_bytes, row_bytes);
  };
  const auto word = [&memory](uint64_t address, uint32_t value) { std::memcpy(memory.at(address, 4), &value, 4); };
  rows(at.a, job.m, a_row(job), job.a_gap, job.a.data());
  rows(at.b, job.n, b_row(job), job.b_gap, job.b.data());
  if (job.bias) rows(at.bias, 1, size_t{4} * job.n, 0, job.bias->data());
  if (job.seed) rows(at.seed, 1, size_t{4} * job.m * job.n, 0, job.seed->data());
  for (uint32_t n = 0; n < job.n; ++n) {
    if (at.b_zero_points != 0) *memory.at(at.b_zero_points + n) = static_cast<uint8_t>(job.b_zp[n]);
    if (at.scales != 0) word(at.scales + uint64_t{4} * n, job.epilogue.scale_word(n));
    if (at.shifts != 0) *memory.at(at.shifts + n) = static_cast<uint8_t>(job.epilogue.shift_of(n));
  }
}

systole_epilogue_t describe_epilogue(const GemmJob &job, const Layout &at) {
  const golden::Epilogue &epilogue = job.epilogue;
  systole_epilogue_t out{};
  out.out_dtype = static_cast<uint32_t>(epilogue.out);
  out.requant = static_cast<uint32_t>(epilogue.rule);
  out.scales = at.scales;
  out.shifts = at.shifts;
  if (at.scales == 0) {
    out.scale = epilogue.scale_word(0);
    out.shift = epilogue.shift_of(0);
  }
  out.out_zero_point = static_cast<uint8_t>(epilogue.zero_point);
  out.clamp = epilogue.clamp_min || epilogue.clamp_max;
  if (out.clamp) {
    out.clamp_min = epilogue.low();
    out.clamp_max = epilogue.high();
  }
  return out;
}

systole_gemm_t describe(const GemmJob &job, const Layout &at) {
  systole_gemm_t gemm{};
  gemm.m = job.m;
  gemm.n = job.n;
  gemm.k = job.k;
  gemm.a = at.a;
  gemm.a_pitch = static_cast<int64_t>(a_row(job) + job.a_gap);
  gemm.a_dtype = static_cast<uint32_t>(job.a_type);
  gemm.a_zero_point = static_cast<uint8_t>(job.a_zp);
  gemm.b = at.b;
  gemm.b_pitch = static_cast<int64_t>(b_row(job) + job.b_gap);
  gemm.b_dtype = static_cast<uint32_t>(job.b_type);
  gemm.b_zero_point = at.b_zero_points != 0 ? uint8_t{0} : static_cast<uint8_t>(job.b_zp[0]);
  gemm.b_zero_points = at.b_zero_points;
  gemm.bias = at.bias;
  gemm.seed = at.seed;
  gemm.seed_pitch = int64_t{4} * job.n;
  gemm.c = at.c;
  gemm.c_pitch = static_cast<int64_t>(c_row(job) + job.c_gap);
  gemm.epilogue = describe_epilogue(job, at);
  return gemm;
}

Memory::Region result_region(const GemmJob &job, const Layout &at) { return {at.c, job.m, c_row(job), c_row(job) + job.c_gap}; }

/// Where the jobs of a run lie.
struct Arrangement {
  std::vector<Layout> layouts;
  uint64_t first = 0, end = 0;  // of what follows the ring
};

/// The ring first, then the jobs: each over the one before, if they run one by one.
Arrangement arrange(const RunOptions &options, const std::vector<GemmJob> &jobs) {
  std::mt19937_64 random(options.layout_seed.value_or(0));
  std::mt19937_64 *const choose = options.layout_seed ? &random : nullptr;
  const uint64_t ring = options.memory_base + MIN_GUARD + (choose != nullptr ? random() % 64 * 64 : 0);
  Arrangement result;
  result.first = result.end = ring + (RECORD_BYTES << options.ring_entries_log2);
  for (const GemmJob &job : jobs) {
    result.layouts.push_back(place(job, ring, options.queued ? result.end : result.first, choose));
    result.end = std::max(result.end, result.layouts.back().end);
  }
  result.end = (result.end + PAGE - 1) & ~(PAGE - 1);
  return result;
}

systole_mmio_t mmio_of(Host &host) {
  systole_mmio_t mmio{};
  mmio.ctx = &host;
  mmio.read32 = [](void *ctx, uint32_t offset) { return static_cast<Host *>(ctx)->read32(offset); };
  mmio.write32 = [](void *ctx, uint32_t offset, uint32_t value) { static_cast<Host *>(ctx)->write32(offset, value); };
  mmio.idle = [](void *ctx) { static_cast<Host *>(ctx)->idle(); };
  return mmio;
}

/// Runs the jobs with the driver; the program of the host.
class Jobs {
 public:
  Jobs(const RunOptions &options, const ConfigInfo &config, const std::vector<GemmJob> &jobs, const std::vector<Layout> &layouts,
       uint64_t first, Memory &memory, Accelerator &accelerator, std::vector<GemmResult> &results)
      : options_(options),
        config_(config),
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
    const size_t batch = options_.queued ? jobs_.size() : 1;
    for (job_ = 0; job_ < jobs_.size(); job_ += batch) run(job_, job_ + batch);
  }

  /// The simulation ends early: keeps what the engine has done so far.
  void abandon() {
    if (job_ >= jobs_.size()) return;
    GemmResult &last = results_[options_.queued ? jobs_.size() - 1 : job_];
    if (const MeasuredProgram *const measured = accelerator_.measured()) last.measured = *measured;
    last.unfinished = true;
  }

  void progress(uint64_t cycle) const {
    if (!options_.progress || job_ >= jobs_.size()) return;
    Progress progress;
    progress.job = job_;
    progress.jobs = jobs_.size();
    progress.cycles = cycle - start_cycle_;
    const uint64_t fetched = accelerator_.counted_reads() / RECORD_BYTES;
    if (commands_ != 0) progress.fraction = std::min(1.0, static_cast<double>(fetched) / static_cast<double>(commands_));
    options_.progress(progress);
  }

 private:
  /// Jobs [begin, end): all are started, then waited for together.
  void run(size_t begin, size_t end) {
    memory_.fill_pattern(first_, memory_.base() + memory_.size() - first_,
                         options_.layout_seed.value_or(0) * 1000003 + begin + 1);
    std::vector<systole_gemm_t> gemms;
    std::vector<Memory::Region> regions;
    commands_ = 0;
    for (size_t i = begin; i < end; ++i) {
      fill(memory_, jobs_[i], layouts_[i]);
      regions.push_back(result_region(jobs_[i], layouts_[i]));
      gemms.push_back(describe(jobs_[i], layouts_[i]));
      uint32_t commands = 0;
      if (systole_gemm_commands(&device_, &gemms.back(), &commands) == SYSTOLE_OK)
        commands_ += commands;  // else systole_gemm says why
    }
    memory_.watch(regions);
    if (options_.before_job)
      for (size_t i = begin; i < end; ++i) options_.before_job(i, layouts_[i], accelerator_);
    const uint64_t ring = layouts_[begin].ring;
    accelerator_.count_reads(ring, RECORD_BYTES << options_.ring_entries_log2);

    GemmResult &last = results_[end - 1];
    start_cycle_ = accelerator_.cycles();
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    systole_result_t status = systole_clear_counters(&device_);
    accelerator_.begin_job();
    for (const systole_gemm_t &gemm : gemms)
      if (status == SYSTOLE_OK) status = systole_gemm(&device_, &gemm);
    if (status == SYSTOLE_OK) status = systole_wait(&device_);
    systole_counters_t counters{};
    if (status == SYSTOLE_OK) status = systole_read_counters(&device_, &counters);
    last.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    last.cpu_s = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    last.simulated_cycles = accelerator_.cycles() - start_cycle_;
    last.doorbell_cycle = accelerator_.doorbell_cycle();
    last.interrupt_cycle = accelerator_.irq_cycle();
    if (status == SYSTOLE_OK) last.counters = by_name(counters);
    // The interrupts of queued jobs may run into one another: their cycles are those that the machine counted.
    if (end - begin > 1 && status == SYSTOLE_OK)
      last.cycles = counters.total;
    else if (accelerator_.irq_cycle() > accelerator_.doorbell_cycle() && accelerator_.doorbell_cycle() != 0)
      last.cycles = accelerator_.irq_cycle() - accelerator_.doorbell_cycle();

    std::string message;
    if (status != SYSTOLE_OK) {
      message = systole_result_string(status);
      systole_error_info_t error{};
      if (systole_is_device_error(status) && systole_last_error(&device_, &error) == SYSTOLE_OK) {
        last.error_code = error.code;
        last.error_index = error.index;
        last.error_address = error.address;
        message += ": error code " + std::to_string(error.code) + ", command " + std::to_string(error.index) + ", address " +
                   std::to_string(error.address) + " (" + systole_error_name(error.code) + ": " + systole_error_text(error.code) +
                   ")";
      }
      if (const MeasuredProgram *const measured = accelerator_.measured()) last.measured = *measured;  // the reset forgets it
      if (systole_reset(&device_) != SYSTOLE_OK) throw RunError("the accelerator does not come back: " + message);
    }
    accelerator_.check_quiet();
    if (status == SYSTOLE_OK) predict(last);
    const Memory::Findings findings = memory_.check(ring, RECORD_BYTES << options_.ring_entries_log2);
    double ideal_cycles = 0;
    for (size_t i = begin; i < end; ++i) {
      GemmResult &result = results_[i];
      result.macs = uint64_t{jobs_[i].m} * jobs_[i].n * jobs_[i].k;
      ideal_cycles += static_cast<double>(result.macs) / peak_macs(jobs_[i], config_);
      result.driver_result = status;
      result.driver_message = message;
      result.memory_intact = findings.stray_bytes == 0;
      result.memory_report = findings.first;
      collect(regions[i - begin], result);
    }
    if (last.cycles != 0 && status == SYSTOLE_OK) last.utilisation = ideal_cycles / static_cast<double>(last.cycles);
  }

  /// Says what happened and asks the timing model what should have.
  void predict(GemmResult &result) const {
    const MeasuredProgram *const measured = accelerator_.measured();
    if (measured == nullptr) return;
    result.measured = *measured;
    if (!options_.predict || !measured->predictable) return;
    result.predicted = measured->prediction;
    if (result.predicted) return;  // it would be compared with itself
    result.predicted = timing::predict(config_, measured->memory, measured->program);
    const uint64_t interrupt = std::max(accelerator_.irq_cycle(), accelerator_.doorbell_cycle()) - accelerator_.doorbell_cycle();
    result.timing_report = timing_difference(*measured, interrupt, result.counters, *result.predicted);
  }

  /// What a job's region of memory holds now.
  void collect(const Memory::Region &region, GemmResult &result) {
    result.unwritten = memory_.unwritten_bytes(region);
    result.c.resize(region.rows * region.row_bytes);
    for (size_t row = 0; row < region.rows; ++row)
      std::memcpy(&result.c[row * region.row_bytes], memory_.at(region.address + row * region.pitch, region.row_bytes),
                  region.row_bytes);
  }

  const RunOptions &options_;
  const ConfigInfo &config_;
  const std::vector<GemmJob> &jobs_;
  const std::vector<Layout> &layouts_;
  const uint64_t first_;
  Memory &memory_;
  Accelerator &accelerator_;
  std::vector<GemmResult> &results_;
  systole_t device_{};
  size_t job_ = 0;
  uint64_t start_cycle_ = 0;
  uint64_t commands_ = 0;
};

}  // namespace

std::map<std::string, uint64_t> by_name(const systole_counters_t &c) {
  return {{"total", c.total},
          {"compute", c.compute},
          {"command", c.command},
          {"weights", c.weights},
          {"activations", c.activations},
          {"hazard", c.hazard},
          {"store", c.store},
          {"drain", c.drain},
          {"read_bytes", c.read_bytes},
          {"write_bytes", c.write_bytes},
          {"read_bursts", c.read_bursts},
          {"write_bursts", c.write_bursts},
          {"macs", c.macs}};
}

systole_gemm_t placed_gemm(const RunOptions &options, const GemmJob &job) {
  return describe(job, arrange(options, {job}).layouts.front());
}

std::string timing_difference(const MeasuredProgram &measured, uint64_t interrupt,
                              const std::map<std::string, uint64_t> &counters, const timing::Prediction &predicted) {
  std::string report = timing::first_difference(measured.program, measured.commands, predicted.commands);
  if (!report.empty()) return report;
  if (interrupt != 0) {
    // RING_HEAD passes one command a cycle, and the interrupt rises in that cycle.
    const auto &records = measured.program.records;
    timing::Cycle head = 0, last = timing::kNever;
    bool rises = false;
    for (size_t i = 0; i < records.size() && predicted.commands.at(i).end != timing::kNever; ++i) {
      head = std::max(head, predicted.commands[i].end) + 1;
      if ((records[i][SYSTOLE_CMD_IRQ_WORD] >> SYSTOLE_CMD_IRQ_LSB & 1) == 0) continue;
      rises = rises || head == interrupt;
      last = head;
    }
    if (!rises)
      return "the interrupt comes " + std::to_string(interrupt) + " cycles after the doorbell, predicted " +
             (last == timing::kNever ? "never" : std::to_string(last));
  }
  for (const auto &[name, value] : counters) {
    const auto found = predicted.counters.find(name);
    if (found == predicted.counters.end()) return "counter " + name + " is not predicted";
    if (found->second != value)
      return "counter " + name + " is " + std::to_string(value) + ", predicted " + std::to_string(found->second);
  }
  return "";
}

void validate(const GemmJob &job, const ConfigInfo &config) {
  const auto require = [](bool good, const std::string &what) {
    if (!good) throw std::invalid_argument(what);
  };
  const auto integer = [](DType type) { return type == DType::s8 || type == DType::u8; };
  const auto half = [](DType type) { return type == DType::fp16 || type == DType::bf16; };
  require((integer(job.a_type) && integer(job.b_type)) || (half(job.a_type) && job.a_type == job.b_type),
          std::string("there is no product of ") + golden::name(job.a_type) + " and " + golden::name(job.b_type) +
              " (int8 and uint8 in any pair, fp16 with fp16, bf16 with bf16)");
  require(config.fp || !half(job.a_type), "configuration " + config.name + " has no floating point");
  require(job.m > 0 && job.n > 0 && job.k > 0, "M, N and K must be at least 1");
  require(job.a.size() == job.m * a_row(job), "A must hold M*K elements");
  require(job.b.size() == job.n * b_row(job), "B must hold N*K elements");
  require(job.b_zp.size() == 1 || job.b_zp.size() == job.n, "there must be one zero point of B, or N");
  require(!job.bias || job.bias->size() == job.n, "the bias must hold N values");
  require(!job.seed || job.seed->size() == size_t{job.m} * job.n, "the seed must hold M*N values");
  require(!(job.bias && job.seed), "bias and seed matrix exclude one another");
  const auto in_range = [](int value, DType type) {
    switch (type) {
      case DType::s8: return value >= -128 && value <= 127;
      case DType::u8: return value >= 0 && value <= 255;
      default: return value == 0;
    }
  };
  require(in_range(job.a_zp, job.a_type), "the zero point of A is outside its type");
  for (const int zp : job.b_zp) require(in_range(zp, job.b_type), "a zero point of B is outside its type");
  require(integer(job.b_type) || job.b_zp.size() == 1, "floating-point operands have no zero points");
  golden::validate(job.epilogue, job.a_type, job.n);
}

unsigned peak_macs(const GemmJob &job, const ConfigInfo &config) {
  return golden::is_float(job.a_type) ? config.fp_macs_per_cycle() : config.int8_macs_per_cycle();
}

std::vector<uint8_t> golden_result(const GemmJob &job) {
  std::vector<uint32_t> sums(size_t{job.m} * job.n);
  const uint32_t *const seed = job.seed ? job.seed->data() : nullptr, *const bias = job.bias ? job.bias->data() : nullptr;
  if (golden::is_float(job.a_type)) {
    golden::gemm_float(job.a_type, job.m, job.n, job.k, job.a.data(), job.b.data(), seed, bias, sums.data());
  } else {
    std::vector<int32_t> b_zp(job.n);
    for (uint32_t n = 0; n < job.n; ++n) b_zp[n] = job.b_zp[job.b_zp.size() == 1 ? 0 : n];
    golden::gemm_int(job.m, job.n, job.k, {job.a.data(), job.a_type == DType::s8, static_cast<ptrdiff_t>(job.k)},
                     {job.b.data(), job.b_type == DType::s8, static_cast<ptrdiff_t>(job.k)}, job.a_zp, b_zp.data(),
                     reinterpret_cast<const int32_t *>(seed), reinterpret_cast<const int32_t *>(bias),
                     reinterpret_cast<int32_t *>(sums.data()));
  }
  std::vector<uint8_t> c(job.m * c_row(job));
  golden::apply(job.epilogue, job.m, job.n, sums.data(), c.data());
  return c;
}

MemoryImage operand_image(const RunOptions &options, const std::vector<GemmJob> &jobs, size_t job) {
  struct Bytes {
    MemoryImage image;
    uint8_t *at(uint64_t address, size_t /*length*/ = 1) { return image.bytes.data() + (address - image.base); }
  } memory;
  const Arrangement arrangement = arrange(options, jobs);
  memory.image.base = options.memory_base;
  memory.image.bytes.resize(arrangement.end - options.memory_base);
  for (size_t i = 0; i < jobs.size(); ++i)
    if (options.queued || i == job) fill(memory, jobs[i], arrangement.layouts[i]);
  return memory.image;
}

std::optional<std::pair<uint64_t, uint64_t>> find_in_result(const RunOptions &options, const std::vector<GemmJob> &jobs,
                                                            size_t job, uint64_t address) {
  const Memory::Region region = result_region(jobs[job], arrange(options, jobs).layouts[job]);
  if (address < region.address || address >= region.address + region.rows * region.pitch) return std::nullopt;
  const uint64_t row = (address - region.address) / region.pitch, byte = (address - region.address) % region.pitch;
  if (byte >= region.row_bytes) return std::nullopt;
  return std::pair(row, byte / golden::size(jobs[job].epilogue.out));
}

std::vector<GemmResult> run_gemm(const RunOptions &options, const std::vector<GemmJob> &jobs) {
  const ConfigInfo &config = find_config(options.config);
  if (!options.make_accelerator) throw std::invalid_argument("no engine was chosen");
  if (options.ring_entries_log2 > 16) throw std::invalid_argument("a ring has at most 65536 records");
  if (options.memory_base % PAGE != 0) throw std::invalid_argument("memory must begin at a multiple of 4096");
  if (jobs.empty()) return {};
  for (const GemmJob &job : jobs) validate(job, config);
  if (sc_core::sc_get_status() != sc_core::SC_ELABORATION)
    throw std::logic_error("SystemC elaborates once a process: run_gemm can be called once");
  // SystemC's own messages ("Simulation stopped by user") are not for our user.
  sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);

  const Arrangement arrangement = arrange(options, jobs);
  const uint64_t first = arrangement.first, end = arrangement.end;
  const std::vector<Layout> &layouts = arrangement.layouts;
  std::vector<GemmResult> results(jobs.size());
  Memory memory("memory", options.memory_base, end - options.memory_base);
  memory.fill_pattern(options.memory_base, memory.size(), ~options.layout_seed.value_or(0));
  const std::unique_ptr<Accelerator> accelerator = options.make_accelerator(config, options.timing);
  Jobs program(options, config, jobs, layouts, first, memory, *accelerator, results);
  Host host("host", [&program](Host &h) { program(h); });
  sc_core::sc_signal<bool> irq("irq");
  host.regs_socket.bind(accelerator->regs_socket);
  accelerator->mem_socket.bind(memory.socket);
  accelerator->irq.bind(irq);
  host.irq.bind(irq);
  if (options.progress)
    accelerator->set_progress([&program](uint64_t cycle) { program.progress(cycle); }, options.progress_interval);

  sc_core::sc_start();
  try {
    accelerator->rethrow();
    host.rethrow();
    if (!host.finished()) throw HangError("hang: nothing is left to happen, but the driver still waits for the accelerator");
  } catch (...) {
    program.abandon();
    if (options.on_failure) options.on_failure(std::move(results));
    throw;
  }
  try {
    accelerator->close_files();
  } catch (const OutputError &error) {  // what was computed stands
    results.back().files_report = error.what();
  }
  return results;
}

}  // namespace systole::platform
