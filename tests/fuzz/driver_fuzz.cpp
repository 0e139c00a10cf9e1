// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the driver with any arguments, on a mock accelerator with any capabilities. It must come back with a result code,
// leave everything but its ring alone (AddressSanitizer: the ring is a block of its own) and write only records that are legal for the
// capabilities it read, that fit the ring, and that compute the product (tests/unit/driver/ring_checker).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "sim/model/machine.hpp"
#include "tests/unit/driver/mock_device.hpp"
#include "tests/unit/driver/ring_checker.hpp"

namespace {

using namespace systole::test;

constexpr uint32_t kMostCommands = 3000;    // of a product that is started
constexpr uint64_t kMostProducts = 6000;    // multiplications that are checked one by one
constexpr uint64_t kMostBuffers = 1 << 16;  // words of all buffers of a machine that checks records

[[noreturn]] void fail(const std::string &what) {
  std::fprintf(stderr, "fuzz: DRIVER: %s; replay: fuzz_driver FILE with the file that is named below\n", what.c_str());
  std::abort();
}

/// Something wrong that a test of this target asks for (CMakeLists.txt): "ring": the ring is half as large as the driver is told;
/// "record": a bit of a record that the driver wrote is set; "call": a register does not hold what a call wrote.
bool planted(const char *name) {
  static const char *const chosen = std::getenv("SYSTOLE_PLANT");
  return chosen != nullptr && std::strcmp(chosen, name) == 0;
}

/// The input, then zeros.
class Input {
 public:
  Input(const uint8_t *data, size_t size) : at_(data), left_(size) {}
  uint64_t get(unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && left_ != 0; ++i, --left_) value |= uint64_t{*at_++} << (8 * i);
    return value;
  }
  unsigned below(unsigned n) { return static_cast<unsigned>(get(1) % n); }
  /// Small, about the size of a buffer, or anything.
  uint64_t size() {
    switch (below(4)) {
      case 0:
      case 1: return get(1);
      case 2: return get(2);
      default: return get(4);
    }
  }
  bool more() const { return left_ != 0; }

 private:
  const uint8_t *at_;
  size_t left_;
};

Shape shape_of(Input &in) {
  Shape s;
  if (in.below(8) == 0) {
    // Whatever the registers can hold.
    s.rows_log2 = in.below(16);
    s.cols_log2 = in.below(16);
    s.axi_bytes_log2 = in.below(16);
    s.act_words_log2 = in.below(32);
    s.wgt_words_log2 = in.below(32);
    s.acc_rows_log2 = in.below(32);
    s.param_entries_log2 = in.below(32);
    s.element_latency = in.below(16);
    s.queue_depth = in.below(256);
    s.max_reads = in.below(256);
    s.max_writes = in.below(256);
    s.address_bits = in.below(256);
    s.epilogue_lanes_log2 = in.below(16);
  } else {
    // What the RTL's parameters allow.
    s.rows_log2 = 1 + in.below(6);
    s.cols_log2 = 1 + in.below(6);
    s.axi_bytes_log2 = 2 + in.below(5);
    s.act_words_log2 = 1 + in.below(10);
    s.wgt_words_log2 = 1 + in.below(10);
    s.acc_rows_log2 = 1 + in.below(10);
    s.param_entries_log2 = 1 + in.below(6);
    s.queue_depth = 2 + in.below(8);
    s.max_reads = 1 + in.below(16);
    s.max_writes = 1 + in.below(16);
    s.address_bits = 32 + in.below(33);
    s.epilogue_lanes_log2 = in.below(s.cols_log2 + 1);
    s.element_latency = 1 + in.below(7);
  }
  s.accel_id = in.below(16);
  s.fp = in.below(2) != 0;
  return s;
}

systole_gemm_t gemm_of(Input &in, bool sane) {
  systole_gemm_t g{};
  g.m = static_cast<uint32_t>(in.size());
  g.n = static_cast<uint32_t>(in.size());
  g.k = static_cast<uint32_t>(in.size());
  g.a_dtype = in.below(5) ? in.below(4) : static_cast<uint32_t>(in.get(4));
  g.b_dtype = g.a_dtype >= 2 || in.below(2) ? g.a_dtype : in.below(6);
  g.a_zero_point = static_cast<uint8_t>(g.a_dtype < 2 || !sane ? in.get(1) : 0);
  g.b_zero_point = static_cast<uint8_t>(g.a_dtype < 2 || !sane ? in.get(1) : 0);
  systole_epilogue_t &e = g.epilogue;
  const bool floating = g.a_dtype >= 2;
  static const uint8_t integers[] = {SYSTOLE_DTYPE_S32, SYSTOLE_DTYPE_S8, SYSTOLE_DTYPE_U8};
  static const uint8_t floats[] = {SYSTOLE_DTYPE_FP32, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16};
  e.out_dtype = in.below(8) ? (floating ? floats : integers)[in.below(3)] : in.below(8);
  const bool bytes = e.out_dtype < 2;
  if (bytes || !sane) {
    e.requant = sane ? 1 + in.below(2) : in.below(4);
    e.scale = e.requant == SYSTOLE_REQUANT_FIXED ? static_cast<uint32_t>(in.get(4)) : 0x3C000000u;
    e.shift = e.requant == SYSTOLE_REQUANT_FIXED ? static_cast<int32_t>(in.below(62)) - 31 : 0;
    e.out_zero_point = static_cast<uint8_t>(in.get(1));
  }
  if (!sane) {
    if (in.below(4) == 0) e.scale = static_cast<uint32_t>(in.get(4));
    if (in.below(4) == 0) e.shift = static_cast<int32_t>(in.get(4));
    e.clamp = in.below(2) != 0;
    e.clamp_min = static_cast<uint32_t>(in.get(4));
    e.clamp_max = static_cast<uint32_t>(in.get(4));
  }
  const unsigned options = static_cast<unsigned>(in.get(1));
  if (sane) {
    // Operands apart from one another.
    const int64_t operand = int64_t{g.k} * (floating ? 2 : 1), result = int64_t{g.n} * (e.out_dtype >= SYSTOLE_DTYPE_S32 ? 4
                                                                                        : bytes                          ? 1
                                                                                                                         : 2);
    g.a = 0x01000000 + in.below(64);
    g.b = 0x21000000 + in.below(64);
    g.c = 0x41000000 + in.below(64);
    g.a_pitch = operand + in.below(64);
    g.b_pitch = operand + in.below(64);
    g.c_pitch = result + in.below(64);
    if ((options & 1) && !floating) g.b_zero_points = 0x61000000 + in.below(64);
    if (options & 2) g.bias = 0x62000000 + in.below(64);
    if ((options & 6) == 4) {
      g.seed = 0x63000000 + in.below(64);
      g.seed_pitch = int64_t{g.n} * 4 + in.below(64);
    }
    if ((options & 8) && bytes) {
      e.scales = 0x64000000 + in.below(64);
      e.scale = 0;
      e.shift = 0;
      if (e.requant == SYSTOLE_REQUANT_FIXED) e.shifts = 0x65000000 + in.below(64);
    }
  } else {
    uint64_t *const addresses[] = {&g.a, &g.b, &g.c, &g.b_zero_points, &g.bias, &g.seed, &e.scales, &e.shifts};
    for (unsigned i = 0; i < 8; ++i)
      if (options >> i & 1 || i < 3) *addresses[i] = in.get(in.below(2) ? 5 : 8);
    int64_t *const pitches[] = {&g.a_pitch, &g.b_pitch, &g.c_pitch, &g.seed_pitch};
    for (int64_t *pitch : pitches)
      *pitch = in.below(2) ? static_cast<int16_t>(in.get(2)) : static_cast<int64_t>(in.get(in.below(2) ? 4 : 8));
  }
  return g;
}

/// Records that the command reference calls illegal. @returns what is wrong, or an empty string
std::string illegal(const Shape &s, const std::vector<Record> &records) {
  systole::platform::ConfigInfo config;
  config.rows = 1u << s.rows_log2;
  config.cols = 1u << s.cols_log2;
  config.axi_bits = 8u << s.axi_bytes_log2;
  config.fp = s.fp;
  config.axi_addr_bits = s.address_bits;
  const uint64_t words = (uint64_t{1} << s.act_words_log2) + (uint64_t{1} << s.wgt_words_log2) +
                         (uint64_t{2} << s.acc_rows_log2) + (uint64_t{1} << s.param_entries_log2);
  if (words > kMostBuffers) return "";
  config.act_bytes = config.word_bytes() << s.act_words_log2;
  config.wgt_bytes = config.word_bytes() << s.wgt_words_log2;
  config.acc_rows = 1u << s.acc_rows_log2;
  config.param_entries = 1u << s.param_entries_log2;
  const systole::model::Machine judge(config, {});
  for (size_t i = 0; i < records.size(); ++i) {
    Record record = records[i];
    if (systole_field_get(record.data(), SYSTOLE_CMD_ACCEL_ID_WORD, SYSTOLE_CMD_ACCEL_ID_LSB, SYSTOLE_CMD_ACCEL_ID_WIDTH) !=
        s.accel_id)
      return "record " + std::to_string(i) + " is for another accelerator";
    systole_field_set(record.data(), SYSTOLE_CMD_ACCEL_ID_WORD, SYSTOLE_CMD_ACCEL_ID_LSB, SYSTOLE_CMD_ACCEL_ID_WIDTH, 0);
    if (const auto fault = judge.check(record))
      return "record " + std::to_string(i) + " is illegal: error " + std::to_string(fault->code);
  }
  return "";
}

/// @returns the result, which has a sentence
systole_result_t named(systole_result_t result) {
  if (std::strcmp(systole_result_string(result), "unknown result") == 0) fail("a result without a sentence");
  return result;
}

/// What a call returns that finds this code latched.
systole_result_t told(uint32_t code) { return code == SYSTOLE_ERROR_NONE ? SYSTOLE_ERR_DEVICE : systole_error_result(code); }

/// Everything but products, with any arguments, on a device that has latched `latched` or nothing (-1).
void other_calls(systole_t &device, MockDevice &mock, Input &in, int latched) {
  const auto expect = [](bool good, const char *what) {
    if (!good) fail(what);
  };
  const auto wide = [&](uint32_t low) { return uint64_t{mock.registers[low + 4]} << 32 | mock.registers[low]; };
  const auto null = [&](auto *pointer) { return in.below(16) == 0 ? nullptr : pointer; };
  for (unsigned calls = 0; calls < 8 && in.more(); ++calls) {
    systole_t *const dev = null(&device);
    const bool arguments = dev != nullptr;
    systole_result_t expected = SYSTOLE_ERR_BAD_ARG, result = SYSTOLE_OK;
    const size_t written = mock.writes.size();
    switch (in.below(8)) {
      case 0: {
        const auto cycles = static_cast<uint32_t>(in.get(4));
        if (arguments) expected = SYSTOLE_OK;
        result = systole_set_watchdog(dev, cycles);
        if (planted("call")) mock.registers[SYSTOLE_REG_WATCHDOG] ^= 1u;
        if (arguments) expect(mock.registers[SYSTOLE_REG_WATCHDOG] == cycles, "WATCHDOG is another");
        break;
      }
      case 1: {
        systole_window_t both[2];
        bool pages = true;
        for (systole_window_t &window : both) {
          window = {in.get(8), in.get(8)};
          if (in.below(8) != 0) window = {window.base & ~uint64_t{4095}, window.limit | 4095u};
          pages = pages && window.base % 4096 == 0 && window.limit % 4096 == 4095;
        }
        const systole_window_t *const reads = null(&both[0]), *const writes = null(&both[1]);
        const bool locked = (mock.registers[SYSTOLE_REG_LOCK] & SYSTOLE_LOCK_WINDOWS_MASK) != 0u;
        if (arguments && reads != nullptr && writes != nullptr && pages) expected = locked ? SYSTOLE_ERR_LOCKED : SYSTOLE_OK;
        result = systole_set_windows(dev, reads, writes);
        if (result == SYSTOLE_ERR_BUSY && expected == SYSTOLE_OK && latched >= 0)
          expected = SYSTOLE_ERR_BUSY;  // records stay behind
        if (expected != SYSTOLE_OK) break;
        expect(wide(SYSTOLE_REG_READ_BASE_LO) == reads->base && wide(SYSTOLE_REG_READ_LIMIT_LO) == reads->limit &&
                   wide(SYSTOLE_REG_WRITE_BASE_LO) == writes->base && wide(SYSTOLE_REG_WRITE_LIMIT_LO) == writes->limit,
               "a window is another");
        break;
      }
      case 2: {
        const auto locks = static_cast<uint32_t>(in.below(4) ? in.below(4) : in.get(4));
        if (arguments && locks < 4) expected = SYSTOLE_OK;
        result = systole_lock(dev, locks);
        if (expected == SYSTOLE_OK) expect(mock.registers[SYSTOLE_REG_LOCK] == locks, "LOCK is another");
        break;
      }
      case 3: {
        bool idle = false, *const to = null(&idle);
        if (arguments && to != nullptr) expected = latched < 0 ? SYSTOLE_OK : told(static_cast<uint32_t>(latched));
        result = systole_is_idle(dev, to);
        if (result == SYSTOLE_OK) expect(idle, "busy after systole_wait()");
        break;
      }
      case 4: {
        systole_error_info_t info{}, *const to = null(&info);
        if (arguments && to != nullptr) expected = SYSTOLE_OK;
        result = systole_last_error(dev, to);
        if (result == SYSTOLE_OK)
          expect(info.code == (latched < 0 ? 0u : static_cast<uint32_t>(latched)) &&
                     info.index == mock.registers[SYSTOLE_REG_ERROR_INDEX] && info.address == wide(SYSTOLE_REG_ERROR_ADDR_LO),
                 "the error is another");
        expect(*systole_error_name(info.code) != '\0' && *systole_error_text(info.code) != '\0', "an error without a sentence");
        break;
      }
      case 5: {
        systole_counters_t counters{}, *const to = null(&counters);
        mock.registers[SYSTOLE_REG_COUNTER_TOTAL_HI] = static_cast<uint32_t>(in.get(4));
        mock.registers[SYSTOLE_REG_COUNTER_MACS_LO] = static_cast<uint32_t>(in.get(4));
        if (arguments && to != nullptr) expected = SYSTOLE_OK;
        result = systole_read_counters(dev, to);
        if (result == SYSTOLE_OK)
          expect(counters.total == wide(SYSTOLE_REG_COUNTER_TOTAL_LO) && counters.macs == wide(SYSTOLE_REG_COUNTER_MACS_LO),
                 "a counter is another");
        break;
      }
      case 6:
        if (arguments) expected = SYSTOLE_OK;
        result = systole_clear_counters(dev);
        break;
      default:
        if (arguments) expected = mock.stuck_reset ? SYSTOLE_ERR_TIMEOUT : SYSTOLE_OK;
        result = systole_reset(dev);
        if (result != SYSTOLE_OK) break;
        latched = -1;
        mock.registers[SYSTOLE_REG_ERROR_CODE] = SYSTOLE_ERROR_NONE;
        break;
    }
    if (named(result) != expected)
      fail(std::string("a call ends with: ") + systole_result_string(result) + ", not: " + systole_result_string(expected));
    if (expected == SYSTOLE_ERR_BAD_ARG || expected == SYSTOLE_ERR_LOCKED)
      expect(mock.writes.size() == written, "a refused call has written a register");
  }
  if (!mock.fault.empty()) fail(mock.fault);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input in(data, size);
  const Shape shape = shape_of(in);
  const unsigned ring_log2 = in.below(8) ? in.below(11) : in.below(32);
  const unsigned odd = in.below(32);
  MockDevice mock(shape, ring_log2 > 16 ? 0 : planted("ring") && ring_log2 > 0 ? ring_log2 - 1 : ring_log2);
  systole_config_t config = mock.config();
  config.ring_entries_log2 = ring_log2;
  mock.complete_per_read = in.below(3);
  if (mock.complete_per_read == 0 && in.below(2)) mock.complete_per_read = 1;
  switch (odd) {
    case 0: mock.stuck_reset = true; break;
    case 1:
      mock.error_after = in.below(16);
      mock.registers[SYSTOLE_REG_ERROR_CODE] = in.below(16);
      mock.registers[SYSTOLE_REG_ERROR_INDEX] = static_cast<uint32_t>(in.get(4));
      mock.registers[SYSTOLE_REG_ERROR_ADDR_HI] = static_cast<uint32_t>(in.get(1));
      break;
    case 2: mock.registers[SYSTOLE_REG_ID] ^= 1u << in.below(32); break;
    case 3: mock.registers[SYSTOLE_REG_VERSION] ^= 1u << in.below(32); break;
    case 4: config.ring_address += in.get(8); break;
    case 5: config.ring = static_cast<uint8_t *>(config.ring) + in.below(4); break;
    case 6:
      config.mmio.idle = nullptr;
      mock.complete_per_read = 1;
      break;
    default: break;
  }
  if (odd == 5 && config.ring_entries_log2 == 0 && config.ring != mock.config().ring) return 0;
  systole_t device;
  const systole_result_t started = systole_init(&device, &config);
  if (named(started) != SYSTOLE_OK) return 0;

  for (unsigned job = 0; job < 3 && (job == 0 || in.more()); ++job) {
    const bool sane = in.below(2) != 0;
    const systole_gemm_t gemm = gemm_of(in, sane);
    systole_gemm_plan_t plan;
    const systole_result_t planned = named(systole_gemm_plan(&device, &gemm, &plan));
    uint32_t commands = 0;
    if (systole_gemm_commands(&device, &gemm, &commands) != planned)
      fail("plan and number of commands disagree about the arguments");
    if (planned != SYSTOLE_OK) {
      const size_t before = mock.log.size();
      if (systole_gemm(&device, &gemm) != planned) fail("plan and product disagree about the arguments");
      if (mock.log.size() != before) fail("a refused product was started");
      continue;
    }
    if (plan.commands < UINT32_MAX && plan.commands != commands) fail("plan and number of commands disagree");
    if (commands > kMostCommands) continue;
    const size_t first = mock.log.size();
    const systole_result_t result = systole_gemm(&device, &gemm);
    const systole_result_t waited = named(result == SYSTOLE_OK ? systole_wait(&device) : result);
    if (!mock.fault.empty()) fail(mock.fault);
    if (planted("record")) mock.log.back()[1] |= 1u << 31;
    const std::vector<Record> records(mock.log.begin() + static_cast<std::ptrdiff_t>(first), mock.log.end());
    const std::string what = illegal(shape, records);
    if (!what.empty()) fail(what);
    if (waited != SYSTOLE_OK) {
      const uint32_t code = mock.registers[SYSTOLE_REG_ERROR_CODE];
      if (odd != 1 || waited != told(code) || !systole_is_device_error(waited))
        fail(std::string("the product ends with: ") + systole_result_string(waited));
      other_calls(device, mock, in, static_cast<int>(code));
      return 0;
    }
    if (records.size() != commands) fail(std::to_string(records.size()) + " records instead of " + std::to_string(commands));
    const uint64_t products = uint64_t{gemm.m} * gemm.n;  // neither is large with so few commands
    if (sane && job == 0 && odd > 6 && gemm.m < 4096 && gemm.n < 4096 && products * gemm.k <= kMostProducts) {
      const std::string wrong = CheckRecords(shape, {gemm}, records, commands >= 1u << ring_log2);  // waits for space: interrupts
      if (!wrong.empty()) fail(wrong);
    }
  }
  if (odd != 1) other_calls(device, mock, in, -1);
  return 0;
}
