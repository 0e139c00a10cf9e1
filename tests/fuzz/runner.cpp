// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/runner.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "sim/model/machine.hpp"
#include "sim/platform/axi_checker.hpp"
#include "sim/platform/axi_memory_port.hpp"
#include "tests/unit/model/ring.hpp"

#define FIELD SYSTOLE_FUZZ_FIELD

namespace systole::fuzz {
namespace {

using platform::Resp;

constexpr unsigned kBus = SYSTOLE_FUZZ_AxiDataW / 8;
constexpr uint64_t kAddresses = (uint64_t{1} << SYSTOLE_FUZZ_AxiAddrW) - 1;
constexpr uint64_t kBudget = 3000;      // cycles of a program, before its end is forced
constexpr unsigned kLiteAnswer = 100;   // cycles that a register access may take
constexpr uint64_t kDrain = 100000;     // cycles that the slowest memory here may take for all that is outstanding
constexpr unsigned kStopped = 16;       // cycles after an error was read in which engines stop
constexpr uint64_t kModelCost = 20000;  // steps of a command that the functional model is asked to do

uint64_t splitmix(uint64_t &state) {
  uint64_t z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

void put32(uint8_t *to, uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

/// The memory's first contents, by place (program.hpp).
std::vector<uint8_t> image(uint8_t seed) {
  std::vector<uint8_t> out(kMemoryBytes);
  uint64_t state = seed * 0x1234567ull + 1;
  for (uint32_t at = kOperands; at < kMemoryBytes; at += 8) {
    uint64_t word = splitmix(state);
    if (at >= kScales && at < kShifts) {
      // Exponents around one, so that results do not all saturate.
      for (unsigned i = 0; i < 2; ++i)
        put32(&out[at + 4 * i], (100u + (word >> (32 * i) & 31u)) << 23 | (word >> (9 + 32 * i) & 0x7FFFFF));
      continue;
    }
    if (at >= kWords && at < kResults) word &= 0x7FFFFFFF7FFFFFFFull;
    std::memcpy(&out[at], &word, 8);
    if (at >= kShifts && at < kWords)
      for (unsigned i = 0; i < 8; ++i) out[at + i] = static_cast<uint8_t>(static_cast<int>(out[at + i] % 62) - 31);
  }
  return out;
}

/// Addresses that the host allows.
struct Window {
  uint64_t first = 0, last = ~uint64_t{0};
  bool holds(uint64_t address) const { return address >= first && address <= last; }
  bool all() const { return first == 0 && last == ~uint64_t{0}; }
};

/// Errors that the bus answers, by range.
struct BusErrors {
  struct Range {
    uint64_t first, last;
    Resp resp;
    bool reads, writes;
  };
  std::vector<Range> ranges;
  bool hit(uint64_t address, uint64_t length, bool is_read) const {
    const uint64_t first = address & ~uint64_t{kBus - 1}, last = (address + length - 1) | (kBus - 1);
    for (const Range &r : ranges)
      if ((is_read ? r.reads : r.writes) && first <= r.last && last >= r.first) return true;
    return false;
  }
};

bool in_memory(uint64_t address, uint64_t length) {
  return address >= kMemory && address - kMemory < kMemoryBytes && length <= kMemoryBytes - (address - kMemory);
}

/// Which bytes of buffers and memory have a value that the command reference defines: one never written has none, nor has what is
/// computed from it. A model of its own executes each record once more to see where it reads and writes.
class Defined final : public model::Observer {
 public:
  explicit Defined(const model::MemoryPort &memory) : machine_(config(), memory) { forget(); }

  /// What a soft reset leaves is not to be relied on.
  void forget() {
    const size_t cols = config().cols, entries = config().param_entries;
    act_.assign(config().act_bytes, 0);
    wgt_.assign(config().wgt_bytes, 0);
    acc_.assign(2 * size_t{config().acc_rows} * cols * 4, 0);
    bank_[SYSTOLE_BANK_BIAS].assign(entries * cols * 4, 0);
    bank_[SYSTOLE_BANK_B_ZERO_POINT].assign(entries * cols, 0);
    bank_[SYSTOLE_BANK_SCALE].assign(entries * cols * 4, 0);
    bank_[SYSTOLE_BANK_SHIFT].assign(entries * cols, 0);
  }
  void execute(const Record &record) {
    record_ = &record;
    machine_.execute_all({record}, *this);
  }
  /// Whether the command's course depends on bytes without a value: a STORE checks the parameters of its columns.
  bool controls(const Record &r) const {
    if (FIELD(r, CMD_OPCODE) != SYSTOLE_OPCODE_STORE || !FIELD(r, STORE_PER_COLUMN)) return true;
    const size_t cols = config().cols, first = FIELD(r, STORE_PARAM) * cols;
    const size_t last = std::min<size_t>(first + FIELD(r, STORE_N) * cols, config().param_entries * cols);
    for (size_t i = first; i < last; ++i)
      if (!all(bank_[SYSTOLE_BANK_SCALE], 4 * i, 4) || !all(bank_[SYSTOLE_BANK_SHIFT], i, 1)) return false;
    return true;
  }
  bool memory(uint32_t offset) const { return undefined_.empty() || !undefined_[offset]; }

 private:
  using Bytes = std::vector<uint8_t>;
  static bool all(const Bytes &bytes, size_t first, size_t count) {
    return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(first),
                       bytes.begin() + static_cast<std::ptrdiff_t>(first + count), [](uint8_t defined) { return defined != 0; });
  }

  void loaded(const model::LoadedWord &seen) override {
    Bytes &to = seen.dest == SYSTOLE_DEST_ACT   ? act_
                : seen.dest == SYSTOLE_DEST_WGT ? wgt_
                : seen.dest == SYSTOLE_DEST_ACC ? acc_
                                                : bank_[seen.bank];
    for (size_t i = 0; i < seen.size; ++i) to[seen.word * seen.size + i] = i < seen.valid && undefined_.empty();
  }
  void accumulated(const model::AccumulatedRow &seen) override {
    const Record &r = *record_;
    const size_t cols = config().cols, word = config().word_bytes(),
                 bytes = seen.depth * (seen.a_dtype >= SYSTOLE_DTYPE_FP16 ? 2 : 1);
    const bool first = seen.k1 == 0 && seen.k0 == 0;
    const size_t entry = FIELD(r, MATMUL_PARAM) + seen.n;
    for (size_t column = 0; column < cols; ++column) {
      const size_t sum = (seen.acc_row * cols + column) * 4;
      bool defined = column < seen.columns && all(act_, seen.act_word * word, bytes);
      if (defined)
        defined =
            all(wgt_, static_cast<size_t>(seen.first_weight_word + static_cast<int64_t>(column) * seen.weight_word_stride) * word,
                bytes);
      if (defined && FIELD(r, MATMUL_B_ZP_PER_COLUMN)) defined = all(bank_[SYSTOLE_BANK_B_ZERO_POINT], entry * cols + column, 1);
      if (defined && first && FIELD(r, MATMUL_SEED) == SYSTOLE_SEED_BIAS)
        defined = all(bank_[SYSTOLE_BANK_BIAS], (entry * cols + column) * 4, 4);
      if (defined && (!first || FIELD(r, MATMUL_SEED) == SYSTOLE_SEED_KEEP)) defined = all(acc_, sum, 4);
      std::fill_n(acc_.begin() + static_cast<std::ptrdiff_t>(sum), 4, defined);
    }
  }
  void stored(const model::StoredTile &seen) override {
    for (size_t column = 0; column < seen.columns; ++column) {
      const bool defined = all(acc_, (seen.acc_row * config().cols + column) * 4, 4);
      for (size_t i = 0; i < seen.result_bytes; ++i) {
        const uint64_t address = (seen.address + column * seen.result_bytes + i) & kAddresses;
        if (address < kMemory || address - kMemory >= kMemoryBytes) continue;
        if (undefined_.empty() && !defined) undefined_.resize(kMemoryBytes);
        if (!undefined_.empty()) undefined_[address - kMemory] = !defined;
      }
    }
  }

  model::Machine machine_;
  const Record *record_ = nullptr;
  Bytes act_, wgt_, acc_, undefined_;  // undefined_: of the memory, empty as long as there are none
  std::array<Bytes, 4> bank_;
};

/// The functional model with a memory of its own.
struct Shadow {
  std::vector<uint8_t> memory;
  model::Machine machine;
  Defined defined;

  Shadow(const std::vector<uint8_t> &image, const BusErrors &errors)
      : memory(image), machine(config(), port(errors)), defined(port(errors)) {}
  Shadow(const Shadow &) = delete;
  uint32_t reg(uint32_t offset) const { return machine.read_register(offset).value_or(0); }

 private:
  model::MemoryPort port(const BusErrors &errors) {
    return {[this, &errors](uint64_t address, uint8_t *data, size_t size) {
              if (!in_memory(address, size) || errors.hit(address, size, true)) return false;
              std::memcpy(data, &memory[address - kMemory], size);
              return true;
            },
            [this, &errors](uint64_t address, const uint8_t *data, size_t size) {
              if (!in_memory(address, size) || errors.hit(address, size, false)) return false;
              std::memcpy(&memory[address - kMemory], data, size);
              return true;
            }};
  }
};

/// Steps that the functional model takes for a record.
uint64_t cost(const Record &r) {
  const auto product = [](std::initializer_list<uint64_t> factors) {
    uint64_t out = 1;
    for (const uint64_t factor : factors) out = factor != 0 && out > kModelCost / factor ? kModelCost + 1 : out * factor;
    return out;
  };
  switch (FIELD(r, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: return product({FIELD(r, LOAD_LENGTH)});  // ends with the buffer
    case SYSTOLE_OPCODE_MATMUL:
      return product({FIELD(r, MATMUL_M0), FIELD(r, MATMUL_M1), FIELD(r, MATMUL_K0), FIELD(r, MATMUL_K1), FIELD(r, MATMUL_N)});
    case SYSTOLE_OPCODE_STORE: return product({FIELD(r, STORE_M0), FIELD(r, STORE_M1), FIELD(r, STORE_N)});
    default: return 0;
  }
}

/// The feature of a completed command.
void note_completed(const Record &r, Features &features) {
  switch (FIELD(r, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: {
      const unsigned dest = FIELD(r, LOAD_DEST);
      features.set(kLoads + dest + (dest == SYSTOLE_DEST_PARAM ? FIELD(r, LOAD_BANK) : 0));
      break;
    }
    case SYSTOLE_OPCODE_MATMUL: {
      const unsigned a = FIELD(r, MATMUL_A_DTYPE), b = FIELD(r, MATMUL_B_DTYPE);
      const unsigned types = a < 2 ? 2 * a + b : a + 2;
      features.set(kMatmuls + (types * 2 + FIELD(r, MATMUL_ORDER)) * 3 + FIELD(r, MATMUL_SEED));
      if (FIELD(r, MATMUL_B_ZP_PER_COLUMN) != 0) features.set(kZeroPointsPerColumn);
      break;
    }
    case SYSTOLE_OPCODE_STORE: {
      const unsigned requant = FIELD(r, STORE_REQUANT) == SYSTOLE_REQUANT_FIXED ? 2 : 0;
      const unsigned rule = requant + FIELD(r, STORE_PER_COLUMN);
      switch (FIELD(r, STORE_OUT_DTYPE)) {
        case SYSTOLE_DTYPE_S32: features.set(kStores); break;
        case SYSTOLE_DTYPE_FP32: features.set(kStores + 1); break;
        case SYSTOLE_DTYPE_FP16: features.set(kStores + 2); break;
        case SYSTOLE_DTYPE_BF16: features.set(kStores + 3); break;
        case SYSTOLE_DTYPE_S8: features.set(kStores + 4 + rule); break;
        default: features.set(kStores + 8 + rule); break;
      }
      break;
    }
    default: break;
  }
}

class Runner final : private platform::MemoryBackend {
 public:
  explicit Runner(const Program &program)
      : program_(program),
        header_(program.header),
        bytes_(image(header_.image_seed)),
        port_(kBus, timing(header_), *this),
        axi_("AXI4", {kBus, SYSTOLE_FUZZ_AxiAddrW, SYSTOLE_FUZZ_MaxReads, SYSTOLE_FUZZ_MaxWrites}),
        lite_("AXI4-Lite"),
        rtl_(make_rtl(header_.x_seed + 1u)),
        may_write_(kMemoryBytes) {}

  Outcome run() {
    power_on();
    if (header_.flags & kStepwise) {
      shadow_ = std::make_unique<Shadow>(bytes_, errors_);
      model_on_ = true;
    }
    set_up();
    for (const Op &op : program_.ops) {
      if (cycle_ > kBudget) break;
      perform(op);
    }
    end();
    out_.cycles = cycle_;
    return out_;
  }

 private:
  static platform::MemoryTiming timing(const Header &header) {
    static const unsigned outstanding[] = {1, 2, 4, 16};
    platform::MemoryTiming out;
    out.latency = latencies()[header.latency % latencies().size()];
    out.bytes_per_cycle = 1u << (header.bytes_per_cycle % 4);
    out.outstanding = outstanding[header.outstanding % 4];
    if (header.stall_seed != 0) out.stall_seed = header.stall_seed;
    return out;
  }

  [[noreturn]] void fail(const std::string &rule, const std::string &detail) { throw Violation(rule, detail, cycle_); }

  // --- the bus's other side ---
  Resp read(uint64_t address, size_t length, uint8_t *data) override {
    if (!in_memory(address, length)) return platform::RESP_DECERR;
    std::memcpy(data, &bytes_[address - kMemory], length);
    return platform::RESP_OKAY;
  }
  Resp write(uint64_t address, size_t length, const uint8_t *data, const uint8_t *enable) override {
    if (!in_memory(address, length)) return platform::RESP_DECERR;
    const uint64_t offset = address - kMemory;
    for (size_t i = 0; i < length; ++i) {
      if (!enable[i]) continue;
      if (strict_ && !may_write_[offset + i])
        fail("WRITE_STRAY", "byte " + hex(address + i) + " is written, which no STORE names");
      bytes_[offset + i] = data[i];
    }
    return platform::RESP_OKAY;
  }

  void cycle() {
    const platform::AxiSlavePins &slave = port_.drive();
    inputs_.axi = &slave;
    rtl_->settle(inputs_, outputs_);
    const platform::AxiMasterPins &master = outputs_.axi;
    const bool reset = !inputs_.rst_n;
    if (!axi_.check(master, slave, reset)) {
      const platform::Violation &v = axi_.violations().front();
      fail(v.rule, "AXI4: " + v.detail);
    }
    if (!lite_.check(inputs_.lite, outputs_.lite, reset)) {
      const platform::Violation &v = lite_.violations().front();
      fail(v.rule, "AXI4-Lite: " + v.detail);
    }
    if (!reset) {
      if (master.arvalid && !ar_offered_) offered(true, master.ar.addr, read_window_);
      if (master.awvalid && !aw_offered_) offered(false, master.aw.addr, write_window_);
      ar_offered_ = master.arvalid && !slave.arready;
      aw_offered_ = master.awvalid && !slave.awready;
      if (outputs_.irq) out_.features.set(kIrq);
    } else {
      ar_offered_ = aw_offered_ = false;
    }
    port_.clock(master, reset);
    rtl_->edge();
    ++cycle_;
  }
  void cycles(uint64_t count) {
    while (count-- > 0) cycle();
  }

  /// A burst is offered that was not in the cycle before.
  void offered(bool is_read, uint64_t address, const Window &window) {
    const char *const what = is_read ? "read" : "write";
    if (!window.holds(address))
      fail(is_read ? "WINDOW_READ" : "WINDOW_WRITE",
           std::string(what) + " burst at " + hex(address) + " outside " + hex(window.first) + " to " + hex(window.last));
    // Behind the one that the memory has not taken yet wait a fetch and a load, or a store, that were asked for before.
    if (error_seen_ != 0 && cycle_ > error_seen_ + kStopped && ++late_[is_read] > (is_read ? 2 : 1))
      fail("STOP", std::string("a new ") + what + " burst at " + hex(address) + " in the error state");
  }

  // --- the host ---
  struct Answer {
    bool error = false;
    uint32_t data = 0;
  };

  Answer access(bool write, uint16_t offset, uint32_t value = 0, unsigned strobe = 0xF, unsigned address_late = 0,
                unsigned data_late = 0, unsigned ready_late = 0) {
    platform::AxiLiteMasterPins &pins = inputs_.lite;
    bool address_taken = false, data_taken = !write, done = false;
    Answer out;
    for (unsigned n = 0; !done; ++n) {
      if (n == kLiteAnswer) fail("LITE_ANSWER", std::string(write ? "write to" : "read of") + " register " + hex(offset));
      pins.awvalid = write && !address_taken && n >= address_late;
      pins.arvalid = !write && !address_taken && n >= address_late;
      pins.wvalid = !data_taken && n >= data_late;
      pins.awaddr = pins.araddr = offset & 0xFFF;
      pins.wdata = value;
      pins.wstrb = static_cast<uint8_t>(strobe);
      pins.bready = write && n >= ready_late;
      pins.rready = !write && n >= ready_late;
      cycle();
      const platform::AxiLiteSlavePins &slave = outputs_.lite;
      if ((pins.awvalid && slave.awready) || (pins.arvalid && slave.arready)) address_taken = true;
      if (pins.wvalid && slave.wready) data_taken = true;
      if (write && pins.bready && slave.bvalid) {
        out.error = slave.bresp != platform::RESP_OKAY;
        done = true;
      }
      if (!write && pins.rready && slave.rvalid) {
        out.error = slave.rresp != platform::RESP_OKAY;
        out.data = slave.rdata;
        done = true;
      }
    }
    pins = {};
    return out;
  }
  uint32_t reg(uint16_t offset) {
    const Answer answer = access(false, offset);
    if (answer.error) fail("LITE_ANSWER", "register " + hex(offset) + " answers an error");
    return answer.data;
  }
  void set(uint16_t offset, uint32_t value) {
    if (access(true, offset, value).error) fail("LITE_ANSWER", "register " + hex(offset) + " answers an error");
    if (shadow_) shadow_->machine.write_register(offset, value);
  }

  void power_on() {
    inputs_ = {};
    for (unsigned i = 0; i < 6; ++i) cycle();
    inputs_.rst_n = true;
    cycle();  // no valid right after reset
    forget();
    read_window_ = write_window_ = {};
    locks_ = 0;
    injected_ = false;
  }
  /// After a reset of either kind.
  void forget() {
    records_.clear();
    written_ = 0;
    error_seen_ = 0;
    late_ = {};
    resetting_ = hidden_ = false;
  }

  void set_up() {
    ring_base_ = kMemory + kRingArea + header_.ring_base * uint64_t{SYSTOLE_COMMAND_BYTES};
    ring_log2_ = header_.ring_log2 % 6;
    set(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(ring_base_));
    set(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(ring_base_ >> 32));
    set(SYSTOLE_REG_RING_SIZE, ring_log2_);
    set(SYSTOLE_REG_IRQ_ENABLE, 3);
    const auto pages = [&](uint8_t window, uint16_t base) {
      if (window == 0) return;
      set_window(base, kMemory + (window >> 4) * 4096u);
      set_window(static_cast<uint16_t>(base + 8), kMemory + (window & 15) * 4096u + 4095);
    };
    pages(header_.read_window, SYSTOLE_REG_READ_BASE_LO);
    pages(header_.write_window, SYSTOLE_REG_WRITE_BASE_LO);
    locks_ = header_.lock & (SYSTOLE_LOCK_WINDOWS_MASK | SYSTOLE_LOCK_INJECT_MASK);
    if (locks_ != 0) set(SYSTOLE_REG_LOCK, locks_);
    if (!(header_.flags & kDisabled)) set(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
  }

  static bool window_register(uint16_t offset) {
    return offset >= SYSTOLE_REG_READ_BASE_LO && offset <= SYSTOLE_REG_WRITE_LIMIT_HI && offset % 4 == 0;
  }
  /// What this side thinks a window register holds.
  uint32_t window_part(uint16_t offset) const {
    const Window &window = offset < SYSTOLE_REG_WRITE_BASE_LO ? read_window_ : write_window_;
    return static_cast<uint32_t>((offset % 16 < 8 ? window.first : window.last) >> (offset % 8 ? 32 : 0));
  }
  void put_window_part(uint16_t offset, uint32_t value) {
    Window &window = offset < SYSTOLE_REG_WRITE_BASE_LO ? read_window_ : write_window_;
    uint64_t &bound = offset % 16 < 8 ? window.first : window.last;
    const unsigned shift = offset % 8 ? 32 : 0;
    bound = (bound & ~(uint64_t{0xFFFFFFFF} << shift)) | uint64_t{value} << shift;
  }
  /// Sets one of the bounds; the machine is idle.
  void set_window(uint16_t low, uint64_t bound) {
    for (unsigned part = 0; part < 2; ++part) {
      const auto offset = static_cast<uint16_t>(low + 4 * part);
      const auto value = static_cast<uint32_t>(bound >> (32 * part));
      put_window_part(offset, value);  // the register takes it a little earlier than the answer says
      set(offset, value);
    }
  }
  /// A write to a window register happened: what may it hold now, and does it?
  void check_window(uint16_t offset, uint32_t value, unsigned strobe, bool busy, bool error) {
    const uint32_t before = window_part(offset);
    uint32_t mask = 0;
    for (unsigned byte = 0; byte < 4; ++byte)
      if (strobe >> byte & 1) mask |= 0xFFu << (8 * byte);
    uint32_t after = (before & ~mask) | (value & mask);
    if (offset % 16 == 0) after &= ~4095u;
    if (offset % 16 == 8) after |= 4095u;
    const uint32_t now = reg(offset);
    const bool locked = locks_ & SYSTOLE_LOCK_WINDOWS_MASK;
    if (error != locked)
      fail("WINDOW", "a write to register " + hex(offset) + (locked ? " is taken while locked" : " answers SLVERR"));
    if (locked ? now != before : busy ? now != before && now != after : now != after)
      fail("WINDOW", "register " + hex(offset) + " is " + hex(now) + " after a write of " + hex(value) + " over " + hex(before));
    put_window_part(offset, now);
  }

  /// Reads the error and, if there is one, checks that it is the first one's still.
  uint32_t error() {
    // A soft reset that nobody waited for takes the error away.
    if (resetting_ && (reg(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK)) return 0;
    resetting_ = false;
    const uint32_t code = reg(SYSTOLE_REG_ERROR_CODE);
    if (code != 0 && error_seen_ == 0) {
      error_seen_ = cycle_;
      code_ = code;
      index_ = reg(SYSTOLE_REG_ERROR_INDEX);
      if (code >= 16) fail("ERROR", "code " + std::to_string(code));
      out_.features.set(kErrors + code);
      const auto record = records_.find(index_);
      const unsigned opcode = record == records_.end() ? 0 : FIELD(record->second, CMD_OPCODE);
      out_.features.set(kErrorsOf + code * 4 + (opcode < 4 ? opcode : 0));
    } else if (error_seen_ != 0 && (code != code_ || reg(SYSTOLE_REG_ERROR_INDEX) != index_)) {
      fail("ERROR", "code " + std::to_string(code_) + " became " + std::to_string(code));
    }
    return code;
  }

  /// Until the machine is idle or in an error state. @returns false if it took more than `limit` cycles
  bool settle(uint64_t limit) {
    const uint64_t begin = cycle_;
    for (;;) {
      const uint32_t status = reg(SYSTOLE_REG_STATUS);
      if (status & SYSTOLE_STATUS_ERROR_MASK) {
        error();
        if (!resetting_) return true;
      } else if (!(status & SYSTOLE_STATUS_BUSY_MASK)) {
        return true;
      }
      if (cycle_ - begin > limit) return false;
      cycles(16);
    }
  }

  void write_record(const Record &record) {
    const uint64_t address = ring_base_ + (written_ & ((1u << ring_log2_) - 1)) * uint64_t{SYSTOLE_COMMAND_BYTES};
    if (in_memory(address, SYSTOLE_COMMAND_BYTES))
      for (unsigned word = 0; word < record.size(); ++word) host_write(address - kMemory + 4 * word, record[word]);
    records_[written_] = record;
    ++written_;
    allow(record);
    if (cost(record) > kModelCost) model_on_ = false;
  }
  void host_write(uint64_t offset, uint32_t value) {
    put32(&bytes_[offset], value);
    if (shadow_) put32(&shadow_->memory[offset], value);
  }

  /// The bytes that a STORE may write, if it is legal.
  void allow(const Record &r) {
    if (FIELD(r, CMD_OPCODE) != SYSTOLE_OPCODE_STORE) return;
    static const model::Machine judge(config(), {});
    if (judge.check(r)) return;
    const unsigned dtype = FIELD(r, STORE_OUT_DTYPE);
    const unsigned size = dtype == SYSTOLE_DTYPE_S32 || dtype == SYSTOLE_DTYPE_FP32 ? 4 : dtype < SYSTOLE_DTYPE_FP16 ? 1 : 2;
    const uint64_t row_bytes = ((FIELD(r, STORE_N) - 1) * uint64_t{SYSTOLE_FUZZ_Cols} + FIELD(r, STORE_N_TAIL)) * size;
    const uint64_t address = uint64_t{FIELD(r, STORE_ADDRESS_HI)} << 32 | FIELD(r, STORE_ADDRESS_LO);
    const auto pitch0 = static_cast<int32_t>(FIELD(r, STORE_PITCH0)), pitch1 = static_cast<int32_t>(FIELD(r, STORE_PITCH1));
    // The first tile alone ends a STORE of more rows than there are.
    const uint64_t m0 = FIELD(r, STORE_M0), rows = std::min<uint64_t>(m0 * FIELD(r, STORE_M1), 2 * SYSTOLE_FUZZ_AccRows);
    for (uint64_t row = 0; row < rows; ++row) {
      const uint64_t first =
          address + (row / m0) * static_cast<uint64_t>(int64_t{pitch1}) + (row % m0) * static_cast<uint64_t>(int64_t{pitch0});
      for (uint64_t i = 0; i < row_bytes; ++i) {
        const uint64_t byte = (first + i) & kAddresses;
        if (!in_memory(byte, 1)) {
          if (i != 0 && byte > kMemory) break;
          continue;
        }
        may_write_[byte - kMemory] = 1;
        const uint64_t ring = ring_base_ - kMemory, ring_end = ring + (uint64_t{SYSTOLE_COMMAND_BYTES} << ring_log2_);
        if (byte - kMemory >= ring && byte - kMemory < ring_end) ring_changes();
      }
    }
  }
  /// Records may come to stand in the ring that the host did not write: what they write, or which command an index means, is not known.
  void ring_changes() { strict_ = trusted_ = model_on_ = false; }

  void note_completed_records() {
    if (!trusted_) return;
    const uint32_t head = reg(SYSTOLE_REG_RING_HEAD);
    for (const auto &[index, record] : records_)
      if (index < head) note_completed(record, out_.features);
    if (head != 0 && (!read_window_.all() || !write_window_.all())) out_.features.set(kWindows);
  }

  void soft_reset(bool wait, bool enable) {
    const uint32_t status = reg(SYSTOLE_REG_STATUS);
    if (status & SYSTOLE_STATUS_ERROR_MASK) {
      error();
      out_.features.set(kSoftResetAfterError);
    } else if (status & SYSTOLE_STATUS_BUSY_MASK) {
      out_.features.set(kSoftResetBusy);
      model_on_ = false;
    }
    if (axi_.reads_outstanding() + axi_.writes_outstanding() != 0) out_.features.set(kSoftResetInFlight);
    note_completed_records();
    model_compare();
    const uint32_t keep = enable ? SYSTOLE_CTRL_ENABLE_MASK : 0;
    // An error that this last access finds is cleared as well; bursts that a new job asks for are none of the error state.
    access(true, SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK | keep);
    if (shadow_) {
      shadow_->machine.write_register(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_SOFT_RESET_MASK | keep);
      shadow_->defined.forget();
    }
    forget();
    if (!wait) {
      model_on_ = false;
      resetting_ = true;
      return;
    }
    await_reset();
  }
  void await_reset() {
    const uint64_t begin = cycle_;
    while (reg(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) {
      if (cycle_ - begin > kDrain) fail("BOUND", "the soft reset does not end");
      cycles(8);
    }
    resetting_ = false;
  }

  void perform(const Op &op) {
    switch (op.kind) {
      case Op::kRecord:
        write_record(op.record);
        if (model_on_) step();
        break;
      case Op::kDoorbell:
        if (model_on_) break;  // step() rings it
        access(true, SYSTOLE_REG_RING_TAIL, written_ + op.value);
        hidden_ = hidden_ || op.value != 0;
        break;
      case Op::kWait: cycles(op.value % 512); break;
      case Op::kIdle: settle(1000); break;
      case Op::kWrite: perform_write(op); break;
      case Op::kRead: perform_read(op); break;
      case Op::kSoftReset: soft_reset(!(op.style & 1), !(op.style & 2)); break;
      case Op::kHardReset:
        note_completed_records();
        model_on_ = false;
        // Whatever was outstanding is lost with the reset: the memory is reset, too.
        inputs_ = {};
        power_on();
        set_up();
        break;
      case Op::kBusError: {
        const uint64_t first = (kMemory + op.offset) & ~uint64_t{kBus - 1};
        const uint64_t last = (kMemory + op.offset + (op.value & 0xFFFF)) | (kBus - 1);
        const Resp resp = op.style & 1 ? platform::RESP_DECERR : platform::RESP_SLVERR;
        errors_.ranges.push_back({first, last, resp, (op.style & 2) == 0, (op.style & 4) == 0});
        port_.inject(first, last, resp, (op.style & 2) == 0, (op.style & 4) == 0);
        break;
      }
      case Op::kNoBusErrors:
        errors_.ranges.clear();
        port_.clear_injections();
        break;
      case Op::kPoke: {
        const uint32_t offset = op.offset & ~3u;
        const uint64_t ring = ring_base_ - kMemory, ring_end = ring + (uint64_t{SYSTOLE_COMMAND_BYTES} << ring_log2_);
        if (offset + 4 > ring && offset < ring_end) ring_changes();
        host_write(offset, op.value);
        break;
      }
      default: break;
    }
  }

  void perform_write(const Op &op) {
    const uint16_t offset = op.offset & 0xFFF;
    if (offset == SYSTOLE_REG_CTRL && (op.value & SYSTOLE_CTRL_SOFT_RESET_MASK) && (op.style & 1)) {
      note_completed_records();
      error_seen_ = 0;
      late_ = {};
      model_on_ = false;
    }
    // A write that comes while the machine is just becoming idle may be taken or not.
    const bool window = window_register(offset);
    const bool busy = window && (resetting_ || hidden_ || (reg(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_BUSY_MASK));
    const Answer answer =
        access(true, op.offset, op.value, op.style & 15u, op.style >> 4 & 3u, op.style >> 6 & 3u, op.style >> 5 & 3u);
    if (answer.error) out_.features.set(kWriteRefused);
    if (window) check_window(offset, op.value, op.style & 15u, busy, answer.error);
    if (offset == SYSTOLE_REG_LOCK && (op.style & 1)) locks_ |= op.value & (SYSTOLE_LOCK_WINDOWS_MASK | SYSTOLE_LOCK_INJECT_MASK);
    if (offset == SYSTOLE_REG_INJECT) {
      const bool locked = locks_ & SYSTOLE_LOCK_INJECT_MASK;
      if (answer.error != locked) fail("INJECT", locked ? "is taken while locked" : "answers SLVERR");
      if (!locked && (op.value >> 31) && (op.style & 8)) {
        injected_ = true;
        model_on_ = false;
      }
    }
    if (offset == SYSTOLE_REG_CTRL && (op.value & SYSTOLE_CTRL_SOFT_RESET_MASK) && (op.style & 1)) {
      forget();
      await_reset();
      return;
    }
    if (offset >= SYSTOLE_REG_RING_BASE_LO && offset <= SYSTOLE_REG_RING_SIZE) {
      ring_base_ = uint64_t{reg(SYSTOLE_REG_RING_BASE_HI)} << 32 | reg(SYSTOLE_REG_RING_BASE_LO);
      ring_log2_ = std::min<uint32_t>(reg(SYSTOLE_REG_RING_SIZE), 16);
      strict_ = trusted_ = false;
    }
    if (offset == SYSTOLE_REG_RING_TAIL) {
      strict_ = trusted_ = false;
      hidden_ = true;
    }
    if (!model_on_) return;
    if (shadow_->machine.write_register(op.offset & 0xFFFu, op.value, op.style & 15u) == answer.error)
      fail("MODEL", "write to register " + hex(offset) + (answer.error ? " answers SLVERR" : " answers OKAY"));
    catch_up();
  }

  void perform_read(const Op &op) {
    const Answer answer = access(false, op.offset, 0, 0, op.style >> 4 & 3u, 0, op.style >> 6 & 3u);
    if (!model_on_) return;
    const uint32_t offset = op.offset & 0xFFFu;
    const std::optional<uint32_t> expected = shadow_->machine.read_register(offset);
    if (expected.has_value() == answer.error)
      fail("MODEL", "read of register " + hex(offset) + (answer.error ? " answers SLVERR" : " answers OKAY"));
  }

  // --- the functional model ---
  void step() {
    access(true, SYSTOLE_REG_RING_TAIL, written_);
    shadow_->machine.write_register(SYSTOLE_REG_RING_TAIL, written_);
    catch_up();
  }
  /// Lets both sides do what is announced.
  void catch_up() {
    using Step = model::Machine::Step;
    const uint32_t head = shadow_->reg(SYSTOLE_REG_RING_HEAD);
    if (shadow_->reg(SYSTOLE_REG_RING_TAIL) - head > 1) {
      model_on_ = false;  // commands overlap
      return;
    }
    const std::optional<model::Machine::Record> record = shadow_->machine.record(head);
    if (record && !shadow_->defined.controls(*record)) {
      model_on_ = false;
      return;
    }
    const Step step = shadow_->machine.step();
    if (record && (step == Step::executed || step == Step::failed)) shadow_->defined.execute(*record);
    const bool stands = step == Step::blocked || step == Step::idle;
    if (stands) {
      cycles(64);
    } else if (!settle(1200)) {
      model_on_ = false;  // a long command: the watchdog's
      return;
    }
    if (step == Step::blocked) {
      // Not for all of a MATMUL's tokens at once: what it can do with some of them may show an error, at any moment, between two
      // registers read here too.
      try {
        model_compare();
      } catch (const Violation &seen) {
        const bool reads_ahead = record && FIELD(*record, CMD_OPCODE) == SYSTOLE_OPCODE_MATMUL;
        if (seen.rule != "MODEL" || !reads_ahead || error() != SYSTOLE_ERROR_RANGE) throw;
      }
      model_on_ = false;
      return;
    }
    model_compare();
  }
  void model_compare() {
    if (!model_on_) return;
    const uint32_t code = error(), expected = shadow_->reg(SYSTOLE_REG_ERROR_CODE);
    if (code == SYSTOLE_ERROR_WATCHDOG) {
      model_on_ = false;
      return;
    }
    if (code != expected && code != 0 && expected != 0 && where_depends(code) && where_depends(expected)) {
      model_on_ = false;  // two causes in one command: which comes first is the engine's business
      return;
    }
    const auto compare = [&](const char *what, uint16_t offset) {
      const uint32_t is = reg(offset), model = shadow_->reg(offset);
      if (is != model) fail("MODEL", std::string(what) + " is " + hex(is) + ", of the functional model " + hex(model));
    };
    compare("ERROR_CODE", SYSTOLE_REG_ERROR_CODE);
    if (code == SYSTOLE_ERROR_TOKEN) {
      model_on_ = false;  // seen behind the command that gave it: that one may be complete or not
      return;
    }
    compare("RING_HEAD", SYSTOLE_REG_RING_HEAD);
    compare("DONE_LOAD", SYSTOLE_REG_DONE_LOAD);
    compare("DONE_COMPUTE", SYSTOLE_REG_DONE_COMPUTE);
    compare("DONE_STORE", SYSTOLE_REG_DONE_STORE);
    if (where_depends(code)) partial_ = true;
    if (code != 0) compare("ERROR_INDEX", SYSTOLE_REG_ERROR_INDEX);
    if (code != 0 && !where_depends(code)) compare("ERROR_ADDR_LO", SYSTOLE_REG_ERROR_ADDR_LO);
  }
  /// Errors that a command meets on its way.
  static bool where_depends(uint32_t code) {
    return code == SYSTOLE_ERROR_RANGE || code == SYSTOLE_ERROR_PARAM ||
           (code >= SYSTOLE_ERROR_AXI_FETCH && code <= SYSTOLE_ERROR_AXI_STORE) || code > SYSTOLE_ERROR_PARAM;
  }
  void compare_memory() {
    model_compare();
    if (!model_on_ || partial_) return;
    const std::vector<uint8_t> &model = shadow_->memory;
    if (bytes_ != model)
      for (uint32_t i = 0; i < kMemoryBytes; ++i)
        if (bytes_[i] != model[i] && shadow_->defined.memory(i))
          fail("MODEL", "byte " + hex(kMemory + i) + " is " + hex(bytes_[i]) + ", of the functional model " + hex(model[i]));
    out_.features.set(kModelCompared);
    if (reg(SYSTOLE_REG_RING_HEAD) >= 4) out_.features.set(kModelCompared4);
  }

  // --- the end ---
  void end() {
    if (reg(SYSTOLE_REG_CTRL) & SYSTOLE_CTRL_SOFT_RESET_MASK) await_reset();
    if (model_on_) compare_memory();
    model_on_ = false;
    shadow_ = nullptr;

    const uint32_t status = reg(SYSTOLE_REG_STATUS);
    if ((status & SYSTOLE_STATUS_BUSY_MASK) && !(status & SYSTOLE_STATUS_ERROR_MASK)) {
      const unsigned watchdog = 400 + 2 * port_.timing().latency;
      set(SYSTOLE_REG_WATCHDOG, watchdog);
      const uint64_t open = std::min<uint64_t>(reg(SYSTOLE_REG_RING_TAIL) - reg(SYSTOLE_REG_RING_HEAD), 1 << 16);
      if (!settle((open + 2) * (watchdog + 64)))
        fail("BOUND", "neither done nor in an error state: head " + std::to_string(reg(SYSTOLE_REG_RING_HEAD)) + ", tail " +
                          std::to_string(reg(SYSTOLE_REG_RING_TAIL)));
    }
    const uint32_t code = error();
    const uint32_t after = reg(SYSTOLE_REG_STATUS);
    if (((after & SYSTOLE_STATUS_ERROR_MASK) != 0) != (code != 0))
      fail("ERROR", "STATUS " + hex(after) + " with code " + std::to_string(code));
    const uint64_t begin = cycle_;
    while (!(reg(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_QUIET_MASK)) {
      if (cycle_ - begin > kDrain) fail("BOUND", "the bus does not become quiet: " + port_.describe());
      cycles(8);
    }
    if (!axi_.finish()) fail("UNFINISHED", "STATUS.quiet is 1, but " + axi_.violations().front().detail);
    const bool irq = (reg(SYSTOLE_REG_IRQ_STATUS) & reg(SYSTOLE_REG_IRQ_ENABLE)) != 0;
    if (irq != outputs_.irq) fail("ERROR", std::string("irq_o is ") + (outputs_.irq ? "1" : "0"));
    if (code != error()) fail("ERROR", "the code changed");

    soft_reset(true, true);
    for (const uint16_t offset : {SYSTOLE_REG_RING_HEAD, SYSTOLE_REG_RING_TAIL, SYSTOLE_REG_ERROR_CODE, SYSTOLE_REG_IRQ_STATUS,
                                  SYSTOLE_REG_DONE_LOAD, SYSTOLE_REG_DONE_COMPUTE, SYSTOLE_REG_DONE_STORE})
      if (reg(static_cast<uint16_t>(offset)) != 0) fail("RESET", "register " + hex(offset) + " is not 0 after a soft reset");
    await_init();
    if (reg(SYSTOLE_REG_STATUS) != SYSTOLE_STATUS_QUIET_MASK) fail("RESET", "STATUS after a soft reset");
    for (unsigned part = 0; part < 8; ++part) {
      const auto offset = static_cast<uint16_t>(SYSTOLE_REG_READ_BASE_LO + 4 * part);
      if (reg(offset) != window_part(offset)) fail("RESET", "a soft reset changed register " + hex(offset));
    }
    if (reg(SYSTOLE_REG_LOCK) != locks_) fail("RESET", "a soft reset changed the locks");

    if (locks_ & SYSTOLE_LOCK_WINDOWS_MASK) {
      if (gemm(true)) return;
      out_.features.set(kLockedOut);
      inputs_ = {};
      power_on();
    } else {
      if (!read_window_.all()) open_window(SYSTOLE_REG_READ_BASE_LO);
      if (!write_window_.all()) open_window(SYSTOLE_REG_WRITE_BASE_LO);
    }
    // A fault that the program planted may only come to light now, and one that is still armed then strikes once more; PARITY and the
    // soft reset behind it clear the memories each time.
    for (unsigned round = 0; !gemm(false); ++round) {
      if (round == 2) fail("GEMM", "error PARITY three times, of two faults at most");
      soft_reset(true, true);
      await_init();
      injected_ = (reg(SYSTOLE_REG_INJECT) & SYSTOLE_INJECT_ARM_MASK) != 0;
    }
  }
  void open_window(uint16_t base) {
    set_window(base, 0);
    set_window(static_cast<uint16_t>(base + 8), ~uint64_t{0});
  }
  void await_init() {
    const uint64_t begin = cycle_;
    while (reg(SYSTOLE_REG_STATUS) & SYSTOLE_STATUS_INIT_MASK)
      if (cycle_ - begin > 1000) fail("BOUND", "STATUS.init stays 1");
  }

  /// C = A * B of 3x6 and 6x3 int8: two K steps, two column tiles. @returns false if it ended with WINDOW, as it must where the windows
  /// do not hold its operands, or with PARITY and the program planted a fault
  bool gemm(bool windows) {
    constexpr unsigned kM = 3, kN = 3, kK = 6, kRow = kN * 4;
    constexpr uint32_t a = kOperands + 1, b = kOperands + 0x103, c = kResults + 0xFF8;  // over the end of a page
    constexpr uint64_t ring = kMemory + kRingArea + 0xFC0;
    port_.clear_injections();
    errors_.ranges.clear();
    if (port_.timing().latency > 11) {
      while (!port_.quiet()) cycle();
      platform::MemoryTiming fast = port_.timing();
      fast.latency = 11;
      port_.set_timing(fast);
    }
    uint64_t state = header_.image_seed * 77u + 5;
    for (unsigned i = 0; i < kM * kK; ++i) bytes_[a + i] = static_cast<uint8_t>(splitmix(state));
    for (unsigned i = 0; i < kN * kK; ++i) bytes_[b + i] = static_cast<uint8_t>(splitmix(state));
    std::fill(may_write_.begin(), may_write_.end(), 0);
    std::fill_n(may_write_.begin() + c, kM * kRow, 1);
    strict_ = true;
    model::Record commands[4] = {
        model::load(SYSTOLE_DEST_ACT, kMemory + a, 3, kK, kM, kK, 0, SYSTOLE_TOKEN_ACT_FULL),
        model::load(SYSTOLE_DEST_WGT, kMemory + b, 1, kK, kN, kK, 0, SYSTOLE_TOKEN_WGT_FULL),
        model::matmul(kK % 4, kN % 2, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL, SYSTOLE_TOKEN_ACC_FULL),
        model::store(kMemory + c, 14, kM, kRow, 2, kN % 2, SYSTOLE_TOKEN_ACC_FULL, 0)};
    model::Record &m = commands[2];
    SET(m, MATMUL_ACT, 3);
    SET(m, MATMUL_WGT, 1);
    SET(m, MATMUL_ACC, 14);  // both halves
    SET(m, MATMUL_M0, kM);
    SET(m, MATMUL_ACT_M0_STRIDE, 2);
    SET(m, MATMUL_K0, 2);
    SET(m, MATMUL_ACT_K0_STRIDE, 1);
    SET(m, MATMUL_WGT_K0_STRIDE, 1);
    SET(m, MATMUL_WGT_COL_STRIDE, 2);
    SET(m, MATMUL_N, 2);
    SET(m, MATMUL_WGT_N_STRIDE, 4);
    SET(m, MATMUL_ACC_N_STRIDE, kM);
    SET(commands[3], STORE_ACC_N_STRIDE, kM);
    SET(commands[3], CMD_IRQ, 1);
    for (unsigned i = 0; i < 4; ++i)
      for (unsigned word = 0; word < SYSTOLE_COMMAND_WORDS; ++word)
        put32(&bytes_[ring - kMemory + 64 * i + 4 * word], commands[i][word]);
    set(SYSTOLE_REG_WATCHDOG, 20000);
    set(SYSTOLE_REG_IRQ_ENABLE, 3);
    set(SYSTOLE_REG_RING_BASE_LO, static_cast<uint32_t>(ring));
    set(SYSTOLE_REG_RING_BASE_HI, static_cast<uint32_t>(ring >> 32));
    set(SYSTOLE_REG_RING_SIZE, 2);
    set(SYSTOLE_REG_CTRL, SYSTOLE_CTRL_ENABLE_MASK);
    set(SYSTOLE_REG_RING_TAIL, 4);
    if (!settle(90000)) fail("GEMM", "is not done after the soft reset");
    const uint32_t code = reg(SYSTOLE_REG_ERROR_CODE);
    if (code == SYSTOLE_ERROR_PARITY && injected_) {
      out_.features.set(kErrors + code);
      return windows;  // with locked windows that must do: what comes next, comes after rst_ni
    }
    const bool inside = read_window_.holds(ring) && read_window_.holds(ring + 255) && read_window_.holds(kMemory + a) &&
                        write_window_.holds(kMemory + c) && write_window_.holds(kMemory + c + kM * kRow - 1);
    if (windows && !inside) {
      if (code != SYSTOLE_ERROR_WINDOW) fail("GEMM", "error " + std::to_string(code) + " instead of WINDOW");
      return false;
    }
    if (code != 0) fail("GEMM", "error " + std::to_string(code) + " after the soft reset");
    if (!outputs_.irq) fail("GEMM", "no interrupt");
    for (unsigned row = 0; row < kM; ++row)
      for (unsigned column = 0; column < kN; ++column) {
        int32_t sum = 0;
        for (unsigned k = 0; k < kK; ++k)
          sum += static_cast<int8_t>(bytes_[a + row * kK + k]) * static_cast<int8_t>(bytes_[b + column * kK + k]);
        int32_t is;
        std::memcpy(&is, &bytes_[c + row * kRow + 4 * column], 4);
        if (is != sum)
          fail("GEMM", "element (" + std::to_string(row) + ", " + std::to_string(column) + ") is " + std::to_string(is) +
                           ", not " + std::to_string(sum));
      }
    cycles(8);
    if (!axi_.finish() || !lite_.finish()) fail("UNFINISHED", "after the product");
    return true;
  }

  const Program &program_;
  const Header header_;
  std::vector<uint8_t> bytes_;
  BusErrors errors_;
  platform::AxiMemoryPort port_;
  platform::AxiChecker axi_;
  platform::AxiLiteChecker lite_;
  std::unique_ptr<platform::RtlModel> rtl_;
  platform::RtlModel::Inputs inputs_;
  platform::RtlModel::Outputs outputs_;
  uint64_t cycle_ = 0;
  bool ar_offered_ = false, aw_offered_ = false;
  Window read_window_, write_window_;
  uint32_t locks_ = 0;
  bool injected_ = false;  // a fault was planted since power-on

  uint64_t ring_base_ = 0;
  uint32_t ring_log2_ = 0;
  uint32_t written_ = 0;                 // records, since the last reset
  std::map<uint32_t, Record> records_;   // by index
  std::vector<uint8_t> may_write_;       // by byte of the memory: some STORE names it
  bool strict_ = true, trusted_ = true;  // these hold; indices mean what records_ says
  uint64_t error_seen_ = 0;              // cycle in which an error was read; 0: none
  bool resetting_ = false;               // a soft reset was asked for and not waited for
  bool hidden_ = false;  // RING_TAIL was set otherwise than by what was written: commands may be under way that it hides
  std::array<unsigned, 2> late_{};  // bursts offered after that: writes, reads
  uint32_t code_ = 0, index_ = 0;

  std::unique_ptr<Shadow> shadow_;
  bool model_on_ = false;
  bool partial_ = false;  // a command ended half-way: what it wrote before is the engine's business
  Outcome out_;
};

}  // namespace

const platform::ConfigInfo &config() {
  static const platform::ConfigInfo all = [] {
    platform::ConfigInfo out;
    out.name = "fuzz";
    out.rows = SYSTOLE_FUZZ_Rows;
    out.cols = SYSTOLE_FUZZ_Cols;
    out.axi_bits = SYSTOLE_FUZZ_AxiDataW;
    out.fp = SYSTOLE_FUZZ_Fp != 0;
    out.element_latency = SYSTOLE_FUZZ_L;
    out.axi_addr_bits = SYSTOLE_FUZZ_AxiAddrW;
    out.act_bytes = SYSTOLE_FUZZ_ActBytes;
    out.wgt_bytes = SYSTOLE_FUZZ_WgtBytes;
    out.acc_rows = SYSTOLE_FUZZ_AccRows;
    out.param_entries = SYSTOLE_FUZZ_ParamEntries;
    out.queue_depth = SYSTOLE_FUZZ_QueueDepth;
    out.max_reads = SYSTOLE_FUZZ_MaxReads;
    out.max_writes = SYSTOLE_FUZZ_MaxWrites;
    return out;
  }();
  return all;
}

std::string feature_name(unsigned feature) {
  static const char *const loads[] = {"ACT", "WGT", "ACC", "BIAS", "B_ZERO_POINT", "SCALE", "SHIFT"};
  static const char *const types[] = {"S8 S8", "S8 U8", "U8 S8", "U8 U8", "FP16", "BF16"};
  static const char *const seeds[] = {"ZERO", "BIAS", "KEEP"};
  static const char *const stores[] = {"S32",      "FP32",
                                       "FP16",     "BF16",
                                       "S8 FLOAT", "S8 FLOAT per column",
                                       "S8 FIXED", "S8 FIXED per column",
                                       "U8 FLOAT", "U8 FLOAT per column",
                                       "U8 FIXED", "U8 FIXED per column"};
  static const char *const situations[] = {"soft reset while busy",
                                           "soft reset with transactions outstanding",
                                           "soft reset after an error",
                                           "agreed with the functional model",
                                           "agreed with the functional model over four commands or more",
                                           "a register write refused",
                                           "an interrupt",
                                           "locked windows keep a product out",
                                           "completed within windows"};
  if (feature < kMatmuls) return std::string("LOAD ") + loads[feature - kLoads];
  if (feature < kZeroPointsPerColumn) {
    const unsigned n = feature - kMatmuls;
    return std::string("MATMUL ") + types[n / 6] + (n / 3 % 2 ? " N_INNER " : " K_INNER ") + seeds[n % 3];
  }
  if (feature == kZeroPointsPerColumn) return "MATMUL with zero points per column";
  if (feature < kErrors) return std::string("STORE ") + stores[feature - kStores];
  if (feature < kErrorsOf) return "error " + std::to_string(feature - kErrors);
  if (feature < kSoftResetBusy) {
    const unsigned n = feature - kErrorsOf;
    return "error " + std::to_string(n / 4) + " of opcode " + std::to_string(n % 4);
  }
  return situations[feature - kSoftResetBusy];
}

Outcome run(const Program &program) { return Runner(program).run(); }

}  // namespace systole::fuzz
