// SPDX-License-Identifier: Apache-2.0
#include "sim/model/machine.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "firmware/include/systole_regs.h"
#include "sim/golden/epilogue.hpp"
#include "sim/golden/float.hpp"

// The fields' names are macros; this pastes them together: FIELD(record, LOAD_LENGTH).
#define FIELD(record, name) \
  systole_field_get((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)

namespace systole::model {

namespace {

constexpr unsigned kTokenLimit = 15;  // 4-bit counters
constexpr unsigned kMaxRingLog2 = 16;
constexpr unsigned kAccelId = 0;  // all shipped configurations

unsigned log2_of(unsigned value) {
  unsigned log = 0;
  while ((1u << log) < value) ++log;
  if ((1u << log) != value) throw std::invalid_argument("model: sizes must be powers of two");
  return log;
}

std::int64_t sign_extend(std::uint32_t value, unsigned width) {
  const std::int64_t half = std::int64_t{1} << (width - 1);
  return (static_cast<std::int64_t>(value) ^ half) - half;
}

std::uint32_t get32(const std::uint8_t *from) {
  return from[0] | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 | std::uint32_t{from[3]} << 24;
}

std::uint16_t get16(const std::uint8_t *from) { return static_cast<std::uint16_t>(from[0] | from[1] << 8); }

/// Little-endian, `size` bytes.
void put(std::uint8_t *to, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
void put32(std::uint8_t *to, std::uint32_t value) { put(to, value, 4); }

std::int32_t element(std::uint8_t byte, unsigned dtype) {
  return dtype == SYSTOLE_DTYPE_S8 && byte >= 128 ? static_cast<std::int32_t>(byte) - 256 : static_cast<std::int32_t>(byte);
}

/// Legal parameters of a requantisation, in a record or in a parameter bank. A subnormal scale is one.
bool requant_legal(unsigned rule, std::uint32_t scale, std::int32_t shift) {
  if (rule == SYSTOLE_REQUANT_FLOAT) return std::isfinite(golden::as_float(scale)) && golden::as_float(scale) > 0;
  return (scale >> 31) == 0 && shift >= -31 && shift <= 30;
}

Fault fault(unsigned code, std::uint64_t address = 0) { return Fault{code, address}; }

constexpr std::uint64_t kPage = 4096;

/// The buffer address of an error; negative ones appear modulo 2^16, as wide as a command's address field.
Fault out_of_range(std::int64_t word) { return Fault{SYSTOLE_ERROR_RANGE, static_cast<std::uint64_t>(word) & 0xFFFF}; }

}  // namespace

struct Machine::Load {
  std::uint64_t address;
  unsigned dest, bank;
  std::uint8_t pad_byte;
  std::uint32_t dst, length, count1, count2;
  std::int64_t pitch1, pitch2;
  std::uint32_t pad_left, pad_right, pad_top, pad_bottom;

  explicit Load(const Record &r)
      : address(static_cast<std::uint64_t>(FIELD(r, LOAD_ADDRESS_HI)) << 32 | FIELD(r, LOAD_ADDRESS_LO)),
        dest(FIELD(r, LOAD_DEST)),
        bank(FIELD(r, LOAD_BANK)),
        pad_byte(static_cast<std::uint8_t>(FIELD(r, LOAD_PAD_BYTE))),
        dst(FIELD(r, LOAD_DST)),
        length(FIELD(r, LOAD_LENGTH)),
        count1(FIELD(r, LOAD_COUNT1)),
        count2(FIELD(r, LOAD_COUNT2)),
        pitch1(sign_extend(FIELD(r, LOAD_PITCH1), SYSTOLE_LOAD_PITCH1_WIDTH)),
        pitch2(sign_extend(FIELD(r, LOAD_PITCH2), SYSTOLE_LOAD_PITCH2_WIDTH)),
        pad_left(FIELD(r, LOAD_PAD_LEFT)),
        pad_right(FIELD(r, LOAD_PAD_RIGHT)),
        pad_top(FIELD(r, LOAD_PAD_TOP)),
        pad_bottom(FIELD(r, LOAD_PAD_BOTTOM)) {}
};

struct Machine::Matmul {
  unsigned a_dtype, b_dtype, seed, order;
  bool b_zp_per_column;
  std::uint8_t a_zero_point, b_zero_point;
  std::int64_t act, wgt, acc, param;
  std::uint32_t m0, m1, k0, k1, n, k_tail, n_tail;
  std::int64_t act_m0_stride, act_m1_stride, act_k0_stride, act_k1_stride;
  std::int64_t wgt_k0_stride, wgt_k1_stride, wgt_n_stride, wgt_col_stride, acc_n_stride;

  explicit Matmul(const Record &r)
      : a_dtype(FIELD(r, MATMUL_A_DTYPE)),
        b_dtype(FIELD(r, MATMUL_B_DTYPE)),
        seed(FIELD(r, MATMUL_SEED)),
        order(FIELD(r, MATMUL_ORDER)),
        b_zp_per_column(FIELD(r, MATMUL_B_ZP_PER_COLUMN) != 0),
        a_zero_point(static_cast<std::uint8_t>(FIELD(r, MATMUL_A_ZERO_POINT))),
        b_zero_point(static_cast<std::uint8_t>(FIELD(r, MATMUL_B_ZERO_POINT))),
        act(FIELD(r, MATMUL_ACT)),
        wgt(FIELD(r, MATMUL_WGT)),
        acc(FIELD(r, MATMUL_ACC)),
        param(FIELD(r, MATMUL_PARAM)),
        m0(FIELD(r, MATMUL_M0)),
        m1(FIELD(r, MATMUL_M1)),
        k0(FIELD(r, MATMUL_K0)),
        k1(FIELD(r, MATMUL_K1)),
        n(FIELD(r, MATMUL_N)),
        k_tail(FIELD(r, MATMUL_K_TAIL)),
        n_tail(FIELD(r, MATMUL_N_TAIL)),
        act_m0_stride(sign_extend(FIELD(r, MATMUL_ACT_M0_STRIDE), 16)),
        act_m1_stride(sign_extend(FIELD(r, MATMUL_ACT_M1_STRIDE), 16)),
        act_k0_stride(sign_extend(FIELD(r, MATMUL_ACT_K0_STRIDE), 16)),
        act_k1_stride(sign_extend(FIELD(r, MATMUL_ACT_K1_STRIDE), 16)),
        wgt_k0_stride(sign_extend(FIELD(r, MATMUL_WGT_K0_STRIDE), 16)),
        wgt_k1_stride(sign_extend(FIELD(r, MATMUL_WGT_K1_STRIDE), 16)),
        wgt_n_stride(sign_extend(FIELD(r, MATMUL_WGT_N_STRIDE), 16)),
        wgt_col_stride(sign_extend(FIELD(r, MATMUL_WGT_COL_STRIDE), 16)),
        acc_n_stride(sign_extend(FIELD(r, MATMUL_ACC_N_STRIDE), 16)) {}
};

struct Machine::Store {
  std::uint64_t address;
  std::int64_t acc, acc_n_stride;
  std::uint32_t m0, m1;
  std::int64_t pitch0, pitch1;
  std::uint32_t n, n_tail;
  unsigned out_dtype, requant;
  bool per_column;
  std::uint8_t out_zero_point;
  std::int32_t shift;
  std::uint32_t scale, clamp_min, clamp_max;
  std::int64_t param;

  explicit Store(const Record &r)
      : address(static_cast<std::uint64_t>(FIELD(r, STORE_ADDRESS_HI)) << 32 | FIELD(r, STORE_ADDRESS_LO)),
        acc(FIELD(r, STORE_ACC)),
        acc_n_stride(sign_extend(FIELD(r, STORE_ACC_N_STRIDE), 16)),
        m0(FIELD(r, STORE_M0)),
        m1(FIELD(r, STORE_M1)),
        pitch0(sign_extend(FIELD(r, STORE_PITCH0), 32)),
        pitch1(sign_extend(FIELD(r, STORE_PITCH1), 32)),
        n(FIELD(r, STORE_N)),
        n_tail(FIELD(r, STORE_N_TAIL)),
        out_dtype(FIELD(r, STORE_OUT_DTYPE)),
        requant(FIELD(r, STORE_REQUANT)),
        per_column(FIELD(r, STORE_PER_COLUMN) != 0),
        out_zero_point(static_cast<std::uint8_t>(FIELD(r, STORE_OUT_ZERO_POINT))),
        shift(static_cast<std::int32_t>(sign_extend(FIELD(r, STORE_SHIFT), SYSTOLE_STORE_SHIFT_WIDTH))),
        scale(FIELD(r, STORE_SCALE)),
        clamp_min(FIELD(r, STORE_CLAMP_MIN)),
        clamp_max(FIELD(r, STORE_CLAMP_MAX)),
        param(FIELD(r, STORE_PARAM)) {}

  golden::DType type() const { return static_cast<golden::DType>(out_dtype); }

  /// The fields from out_dtype on go together.
  bool epilogue_legal(bool fp) const {
    const bool no_requant =
        requant == SYSTOLE_REQUANT_NONE && !per_column && out_zero_point == 0 && shift == 0 && scale == 0 && param == 0;
    switch (out_dtype) {
      case SYSTOLE_DTYPE_S32: return no_requant && clamp_min == 0 && clamp_max == 0;
      case SYSTOLE_DTYPE_FP32:
      case SYSTOLE_DTYPE_FP16:
      case SYSTOLE_DTYPE_BF16:
        // Not a comparison that a NaN passes.
        return fp && no_requant && golden::as_float(clamp_min) <= golden::as_float(clamp_max);
      case SYSTOLE_DTYPE_S8:
      case SYSTOLE_DTYPE_U8: {
        if (requant != SYSTOLE_REQUANT_FLOAT && requant != SYSTOLE_REQUANT_FIXED) return false;
        const std::int64_t low = sign_extend(clamp_min, 32), high = sign_extend(clamp_max, 32);
        const bool is_signed = out_dtype == SYSTOLE_DTYPE_S8;
        if (low < (is_signed ? -128 : 0) || low > high || high > (is_signed ? 127 : 255)) return false;
        if (per_column) return scale == 0 && shift == 0;
        return param == 0 && requant_legal(requant, scale, shift) && (requant == SYSTOLE_REQUANT_FIXED || shift == 0);
      }
      default: return false;
    }
  }
};

Machine::Machine(const platform::ConfigInfo &config, MemoryPort memory)
    : config_(config),
      memory_(std::move(memory)),
      act_(config.act_bytes),
      wgt_(config.wgt_bytes),
      acc_(std::size_t{2} * config.acc_rows * config.cols * 4),
      bias_(std::size_t{config.param_entries} * config.cols * 4),
      zero_points_(std::size_t{config.param_entries} * config.cols),
      scales_(std::size_t{config.param_entries} * config.cols * 4),
      shifts_(std::size_t{config.param_entries} * config.cols) {
  reset();
}

void Machine::reset() {
  irq_status_ = 0;
  head_ = tail_ = 0;
  error_ = Fault{};
  error_index_ = 0;
  done_ = {};
  tokens_ = {};
  dispatched_.clear();
  for (std::deque<std::uint32_t> &queue : queues_) queue.clear();
  for (std::vector<std::uint8_t> *buffer : {&act_, &wgt_, &acc_, &bias_, &zero_points_, &scales_, &shifts_})
    std::fill(buffer->begin(), buffer->end(), kPoison);
}

void Machine::raise(const Fault &fault, std::uint32_t index) {
  if (error_.code != SYSTOLE_ERROR_NONE) return;
  error_ = fault;
  error_index_ = index;
  irq_status_ |= SYSTOLE_IRQ_STATUS_ERROR_MASK;
}

void Machine::expire_watchdog() { raise(fault(SYSTOLE_ERROR_WATCHDOG), head_); }

std::optional<std::uint32_t> Machine::read_register(std::uint32_t offset) const {
  const auto put = [](std::uint32_t value, unsigned lsb) { return value << lsb; };
  switch (offset) {
    case SYSTOLE_REG_ID: return SYSTOLE_ID_VALUE;
    case SYSTOLE_REG_VERSION:
      return put(SYSTOLE_VERSION_PATCH, SYSTOLE_VERSION_PATCH_LSB) | put(SYSTOLE_VERSION_MINOR, SYSTOLE_VERSION_MINOR_LSB) |
             put(SYSTOLE_VERSION_MAJOR, SYSTOLE_VERSION_MAJOR_LSB) | put(SYSTOLE_COMMAND_VERSION, SYSTOLE_VERSION_COMMAND_LSB);
    case SYSTOLE_REG_CAP0:
      return put(log2_of(config_.rows), SYSTOLE_CAP0_ROWS_LOG2_LSB) | put(log2_of(config_.cols), SYSTOLE_CAP0_COLS_LOG2_LSB) |
             put(log2_of(config_.axi_bytes()), SYSTOLE_CAP0_AXI_BYTES_LOG2_LSB) | put(config_.fp ? 1 : 0, SYSTOLE_CAP0_FP_LSB) |
             put(config_.element_latency, SYSTOLE_CAP0_ELEMENT_LATENCY_LSB) |
             put(log2_of(config_.epilogue_lanes()), SYSTOLE_CAP0_EPILOGUE_LANES_LOG2_LSB) |
             put(config_.queue_depth, SYSTOLE_CAP0_QUEUE_DEPTH_LSB);
    case SYSTOLE_REG_CAP1:
      return put(log2_of(config_.act_words()), SYSTOLE_CAP1_ACT_WORDS_LOG2_LSB) |
             put(log2_of(config_.wgt_words()), SYSTOLE_CAP1_WGT_WORDS_LOG2_LSB) |
             put(log2_of(config_.acc_rows), SYSTOLE_CAP1_ACC_ROWS_LOG2_LSB) |
             put(log2_of(config_.param_entries), SYSTOLE_CAP1_PARAM_ENTRIES_LOG2_LSB);
    case SYSTOLE_REG_CAP2:
      return put(config_.max_reads, SYSTOLE_CAP2_MAX_READS_LSB) | put(config_.max_writes, SYSTOLE_CAP2_MAX_WRITES_LSB) |
             put(config_.axi_addr_bits, SYSTOLE_CAP2_AXI_ADDR_BITS_LSB) | put(kAccelId, SYSTOLE_CAP2_ACCEL_ID_LSB);
    case SYSTOLE_REG_CTRL: return enable_ ? SYSTOLE_CTRL_ENABLE_MASK : 0;
    case SYSTOLE_REG_STATUS:
      return (busy() ? SYSTOLE_STATUS_BUSY_MASK : 0) | (error_.code != 0 ? SYSTOLE_STATUS_ERROR_MASK : 0) |
             SYSTOLE_STATUS_QUIET_MASK;
    case SYSTOLE_REG_IRQ_ENABLE: return irq_enable_;
    case SYSTOLE_REG_IRQ_STATUS: return irq_status_;
    case SYSTOLE_REG_RING_BASE_LO: return ring_base_lo_;
    case SYSTOLE_REG_RING_BASE_HI: return ring_base_hi_;
    case SYSTOLE_REG_RING_SIZE: return ring_size_log2_;
    case SYSTOLE_REG_RING_TAIL: return tail_;
    case SYSTOLE_REG_RING_HEAD: return head_;
    case SYSTOLE_REG_WATCHDOG: return watchdog_;
    case SYSTOLE_REG_ERROR_CODE: return error_.code;
    case SYSTOLE_REG_ERROR_INDEX: return error_index_;
    case SYSTOLE_REG_ERROR_ADDR_LO: return static_cast<std::uint32_t>(error_.address);
    case SYSTOLE_REG_ERROR_ADDR_HI: return static_cast<std::uint32_t>(error_.address >> 32);
    case SYSTOLE_REG_DONE_LOAD: return done_[0];
    case SYSTOLE_REG_DONE_COMPUTE: return done_[1];
    case SYSTOLE_REG_DONE_STORE: return done_[2];
    case SYSTOLE_REG_COUNTER_CTRL: return 0;
    case SYSTOLE_REG_READ_BASE_LO: return static_cast<std::uint32_t>(read_window_.base);
    case SYSTOLE_REG_READ_BASE_HI: return static_cast<std::uint32_t>(read_window_.base >> 32);
    case SYSTOLE_REG_READ_LIMIT_LO: return static_cast<std::uint32_t>(read_window_.limit);
    case SYSTOLE_REG_READ_LIMIT_HI: return static_cast<std::uint32_t>(read_window_.limit >> 32);
    case SYSTOLE_REG_WRITE_BASE_LO: return static_cast<std::uint32_t>(write_window_.base);
    case SYSTOLE_REG_WRITE_BASE_HI: return static_cast<std::uint32_t>(write_window_.base >> 32);
    case SYSTOLE_REG_WRITE_LIMIT_LO: return static_cast<std::uint32_t>(write_window_.limit);
    case SYSTOLE_REG_WRITE_LIMIT_HI: return static_cast<std::uint32_t>(write_window_.limit >> 32);
    case SYSTOLE_REG_LOCK: return lock_;
    case SYSTOLE_REG_INJECT: return inject_;
    default: break;
  }
  // No time, no counts: the counters read 0 (ModelAccelerator, which knows the time, puts its own in their place).
  constexpr std::uint32_t kCountersEnd = SYSTOLE_REG_COUNTER_TOTAL_LO + 8 * SYSTOLE_COUNTER_COUNT;
  if (offset % 4 == 0 && offset >= SYSTOLE_REG_COUNTER_TOTAL_LO && offset < kCountersEnd) return 0;
  return std::nullopt;
}

bool Machine::write_register(std::uint32_t offset, std::uint32_t value, unsigned strobe) {
  const std::optional<std::uint32_t> before = read_register(offset);
  if (!before) return false;
  std::uint32_t mask = 0;
  for (unsigned byte = 0; byte < 4; ++byte) {
    if ((strobe >> byte & 1) != 0) mask |= 0xFFu << (8 * byte);
  }
  const std::uint32_t merged = (*before & ~mask) | (value & mask);  // for what is stored
  const std::uint32_t ones = value & mask;                          // for what acts on ones

  switch (offset) {
    case SYSTOLE_REG_CTRL:
      if ((ones & SYSTOLE_CTRL_SOFT_RESET_MASK) != 0) reset();
      enable_ = (merged & SYSTOLE_CTRL_ENABLE_MASK) != 0;
      break;
    case SYSTOLE_REG_IRQ_ENABLE: irq_enable_ = merged & (SYSTOLE_IRQ_ENABLE_DONE_MASK | SYSTOLE_IRQ_ENABLE_ERROR_MASK); break;
    case SYSTOLE_REG_IRQ_STATUS: irq_status_ &= ~ones; break;
    case SYSTOLE_REG_RING_BASE_LO:
    case SYSTOLE_REG_RING_BASE_HI:
    case SYSTOLE_REG_RING_SIZE:
      if (busy()) {
        raise(fault(SYSTOLE_ERROR_RING), head_);
      } else if (offset == SYSTOLE_REG_RING_BASE_LO) {
        ring_base_lo_ = merged & ~(SYSTOLE_COMMAND_BYTES - 1);
      } else if (offset == SYSTOLE_REG_RING_BASE_HI) {
        ring_base_hi_ = merged;
      } else {
        ring_size_log2_ = merged & SYSTOLE_RING_SIZE_ENTRIES_LOG2_MASK;
      }
      break;
    case SYSTOLE_REG_RING_TAIL:
      tail_ = merged;
      if (busy() && (ring_size_log2_ > kMaxRingLog2 || tail_ - head_ > (1u << ring_size_log2_)))
        raise(fault(SYSTOLE_ERROR_RING), head_);
      break;
    case SYSTOLE_REG_WATCHDOG: watchdog_ = merged; break;
    case SYSTOLE_REG_READ_BASE_LO:
    case SYSTOLE_REG_READ_BASE_HI:
    case SYSTOLE_REG_READ_LIMIT_LO:
    case SYSTOLE_REG_READ_LIMIT_HI:
    case SYSTOLE_REG_WRITE_BASE_LO:
    case SYSTOLE_REG_WRITE_BASE_HI:
    case SYSTOLE_REG_WRITE_LIMIT_LO:
    case SYSTOLE_REG_WRITE_LIMIT_HI:
      if ((lock_ & SYSTOLE_LOCK_WINDOWS_MASK) != 0) return false;
      if (busy())
        raise(fault(SYSTOLE_ERROR_RING), head_);
      else
        set_window(offset, merged);
      break;
    case SYSTOLE_REG_LOCK: lock_ |= ones & (SYSTOLE_LOCK_WINDOWS_MASK | SYSTOLE_LOCK_INJECT_MASK); break;
    case SYSTOLE_REG_INJECT:  // without parity there is nothing to wait for
      if ((lock_ & SYSTOLE_LOCK_INJECT_MASK) != 0) return false;
      inject_ = merged & (SYSTOLE_INJECT_MEMORY_MASK | SYSTOLE_INJECT_BANK_MASK);
      break;
    default: break;  // read-only
  }
  return true;
}

void Machine::set_window(std::uint32_t offset, std::uint32_t value) {
  Window &window = offset < SYSTOLE_REG_WRITE_BASE_LO ? read_window_ : write_window_;
  const std::uint32_t part = offset % 16;  // BASE_LO, BASE_HI, LIMIT_LO, LIMIT_HI
  std::uint64_t &bound = part < 8 ? window.base : window.limit;
  const std::uint64_t shift = part % 8 == 0 ? 0 : 32;
  bound = (bound & ~(std::uint64_t{0xFFFFFFFF} << shift)) | std::uint64_t{value} << shift;
  window.base &= ~(kPage - 1);
  window.limit |= kPage - 1;
}

std::optional<std::uint64_t> Machine::refused(const Window &window, std::uint64_t address, std::uint64_t length) const {
  // Page by page, as the bursts go.
  for (std::uint64_t at = address, left = length; left > 0;) {
    const std::uint64_t some = std::min(left, kPage - at % kPage);
    if (at < window.base || at > window.limit) return at;
    at = (at + some) & address_mask();
    left -= some;
  }
  return std::nullopt;
}

void Machine::decouple(std::uint64_t seed) {
  random_.emplace(seed);
  std::shuffle(precedence_.begin(), precedence_.end(), *random_);
}

std::optional<Fault> Machine::fetch(std::uint32_t index, Record &record) const {
  const std::uint64_t slot = index & ((1u << ring_size_log2_) - 1);
  const std::uint64_t address = ring_base() + slot * SYSTOLE_COMMAND_BYTES;
  std::array<std::uint8_t, SYSTOLE_COMMAND_BYTES> bytes{};
  if (!address_fits(address) || address < ring_base()) return fault(SYSTOLE_ERROR_RANGE, address);
  if (refused(read_window_, address, bytes.size())) return fault(SYSTOLE_ERROR_WINDOW, address);
  if (!memory_.read(address, bytes.data(), bytes.size())) return fault(SYSTOLE_ERROR_AXI_FETCH, address);
  for (unsigned word = 0; word < record.size(); ++word) record[word] = get32(&bytes[4 * word]);
  std::optional<Fault> problem = check(record);
  if (problem && problem->code != SYSTOLE_ERROR_RANGE) problem->address = address;  // of the record itself
  return problem;
}

bool Machine::tokens_there(const Record &record) const {
  const std::uint32_t wait = FIELD(record, CMD_WAIT);
  for (unsigned token = 0; token < tokens_.size(); ++token) {
    if ((wait >> token & 1) != 0 && tokens_[token] == 0) return false;
  }
  return true;
}

std::optional<Fault> Machine::perform(const Record &record) {
  const std::uint32_t wait = FIELD(record, CMD_WAIT);
  for (unsigned token = 0; token < tokens_.size(); ++token) tokens_[token] -= wait >> token & 1;
  std::optional<Fault> problem = execute(record);
  const std::uint32_t give = FIELD(record, CMD_GIVE);
  for (unsigned token = 0; token < tokens_.size() && !problem; ++token) {
    if ((give >> token & 1) == 0) continue;
    if (tokens_[token] == kTokenLimit)
      problem = fault(SYSTOLE_ERROR_TOKEN);
    else
      ++tokens_[token];
  }
  if (!problem) ++done_[FIELD(record, CMD_OPCODE) - SYSTOLE_OPCODE_LOAD];
  return problem;
}

void Machine::retire(const Record &record) {
  ++head_;
  if (FIELD(record, CMD_IRQ) != 0) irq_status_ |= SYSTOLE_IRQ_STATUS_DONE_MASK;
}

std::optional<Machine::Record> Machine::record(std::uint32_t index) const {
  Record out{};
  if (fetch(index, out)) return std::nullopt;
  return out;
}

std::array<std::uint8_t, 8> Machine::tokens() const {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t token = 0; token < out.size(); ++token) out[token] = static_cast<std::uint8_t>(tokens_[token]);
  return out;
}

Machine::Step Machine::step() {
  if (!enable_ || error_.code != SYSTOLE_ERROR_NONE || !busy()) return Step::idle;
  if (random_) return step_decoupled();

  Record record{};
  std::optional<Fault> problem = fetch(head_, record);
  if (!problem) {
    if (!tokens_there(record)) return Step::blocked;
    problem = perform(record);
  }
  if (problem) {
    raise(*problem, head_);
    return Step::failed;
  }
  retire(record);
  return Step::executed;
}

Machine::Step Machine::step_decoupled() {
  for (std::uint32_t next = head_ + static_cast<std::uint32_t>(dispatched_.size()); next != tail_; ++next) {
    Record record{};
    if (const auto problem = fetch(next, record)) {
      raise(*problem, next);
      return Step::failed;
    }
    std::deque<std::uint32_t> &queue = queues_[FIELD(record, CMD_OPCODE) - SYSTOLE_OPCODE_LOAD];
    if (queue.size() == config_.queue_depth) break;  // holds up the ones behind
    queue.push_back(next);
    dispatched_.push_back(Dispatched{record});
  }

  // One engine after the other has precedence for a while: an even choice would hardly ever leave one far behind.
  if ((*random_)() % 32 == 0) std::shuffle(precedence_.begin(), precedence_.end(), *random_);
  std::deque<std::uint32_t> *chosen = nullptr;
  for (const unsigned engine : precedence_) {
    std::deque<std::uint32_t> &queue = queues_[engine];
    if (queue.empty() || !tokens_there(dispatched_[queue.front() - head_].record)) continue;
    chosen = &queue;
    if ((*random_)() % 16 != 0) break;
  }
  if (chosen == nullptr) return Step::blocked;
  std::deque<std::uint32_t> &queue = *chosen;
  const std::uint32_t index = queue.front();
  queue.pop_front();
  Dispatched &command = dispatched_[index - head_];
  if (const auto problem = perform(command.record)) {
    raise(*problem, index);
    return Step::failed;
  }
  command.complete = true;
  while (!dispatched_.empty() && dispatched_.front().complete) {
    retire(dispatched_.front().record);
    dispatched_.pop_front();
  }
  return Step::executed;
}

std::optional<Fault> Machine::check(const Record &record) const {
  const std::uint32_t *reserved = nullptr;
  std::uint32_t takes = 0;
  std::uint32_t gives = 0;
  switch (FIELD(record, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD:
      reserved = SYSTOLE_LOAD_RESERVED;
      takes = SYSTOLE_LOAD_TAKES;
      gives = SYSTOLE_LOAD_GIVES;
      break;
    case SYSTOLE_OPCODE_MATMUL:
      reserved = SYSTOLE_MATMUL_RESERVED;
      takes = SYSTOLE_COMPUTE_TAKES;
      gives = SYSTOLE_COMPUTE_GIVES;
      break;
    case SYSTOLE_OPCODE_STORE:
      reserved = SYSTOLE_STORE_RESERVED;
      takes = SYSTOLE_STORE_TAKES;
      gives = SYSTOLE_STORE_GIVES;
      break;
    default: return fault(SYSTOLE_ERROR_OPCODE);
  }
  if (FIELD(record, CMD_VERSION) != SYSTOLE_COMMAND_VERSION || FIELD(record, CMD_ACCEL_ID) != kAccelId) {
    return fault(SYSTOLE_ERROR_VERSION);
  }
  for (unsigned word = 0; word < record.size(); ++word) {
    if ((record[word] & reserved[word]) != 0) return fault(SYSTOLE_ERROR_RESERVED_FIELD);
  }
  if ((FIELD(record, CMD_WAIT) & ~takes) != 0 || (FIELD(record, CMD_GIVE) & ~gives) != 0) return fault(SYSTOLE_ERROR_FIELD);

  switch (FIELD(record, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: return check(Load(record));
    case SYSTOLE_OPCODE_MATMUL: return check(Matmul(record));
    default: return check(Store(record));
  }
}

std::optional<Fault> Machine::check(const Load &c) const {
  const bool counts = c.length >= 1 && c.count1 >= 1 && c.count2 >= 1;
  const bool place = c.dest <= SYSTOLE_DEST_PARAM && c.bank <= (c.dest == SYSTOLE_DEST_PARAM ? SYSTOLE_BANK_SHIFT : 0);
  if (!counts || !place) return fault(SYSTOLE_ERROR_FIELD);
  if (!address_fits(c.address)) return fault(SYSTOLE_ERROR_RANGE, c.address);
  const unsigned depths[] = {config_.act_words(), config_.wgt_words(), 2 * config_.acc_rows, config_.param_entries};
  if (c.dst >= depths[c.dest]) return out_of_range(c.dst);
  return std::nullopt;
}

std::optional<Fault> Machine::check(const Matmul &c) const {
  const bool counts = c.m0 >= 1 && c.m1 >= 1 && c.k0 >= 1 && c.k1 >= 1 && c.n >= 1;
  const bool tails = c.k_tail >= 1 && c.k_tail <= config_.word_bytes() && c.n_tail >= 1 && c.n_tail <= config_.cols;
  bool types = false;
  switch (c.a_dtype) {
    case SYSTOLE_DTYPE_S8:
    case SYSTOLE_DTYPE_U8: types = c.b_dtype == SYSTOLE_DTYPE_S8 || c.b_dtype == SYSTOLE_DTYPE_U8; break;
    case SYSTOLE_DTYPE_FP16:
    case SYSTOLE_DTYPE_BF16:
      types = config_.fp && c.b_dtype == c.a_dtype && c.k_tail % 2 == 0 && c.a_zero_point == 0 && c.b_zero_point == 0 &&
              !c.b_zp_per_column;
      break;
    default: break;
  }
  if (!counts || !tails || !types || c.seed > SYSTOLE_SEED_KEEP) return fault(SYSTOLE_ERROR_FIELD);
  if (c.act >= config_.act_words()) return out_of_range(c.act);
  if (c.wgt >= config_.wgt_words()) return out_of_range(c.wgt);
  if (c.acc >= 2 * config_.acc_rows) return out_of_range(c.acc);
  if ((c.seed == SYSTOLE_SEED_BIAS || c.b_zp_per_column) && c.param >= config_.param_entries) return out_of_range(c.param);
  return std::nullopt;
}

std::optional<Fault> Machine::check(const Store &c) const {
  const bool counts = c.m0 >= 1 && c.m1 >= 1 && c.n >= 1 && c.n_tail >= 1 && c.n_tail <= config_.cols;
  if (!counts || !c.epilogue_legal(config_.fp)) return fault(SYSTOLE_ERROR_FIELD);
  if (!address_fits(c.address)) return fault(SYSTOLE_ERROR_RANGE, c.address);
  if (c.acc >= 2 * config_.acc_rows) return out_of_range(c.acc);
  if (c.per_column && c.param >= config_.param_entries) return out_of_range(c.param);
  return std::nullopt;
}

std::optional<Fault> Machine::execute(const Record &record) {
  switch (FIELD(record, CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: return execute(Load(record));
    case SYSTOLE_OPCODE_MATMUL: return execute(Matmul(record));
    default: return execute(Store(record));
  }
}

std::optional<Fault> Machine::execute_all(const std::vector<Record> &records, Observer &observer) {
  observer_ = &observer;
  std::optional<Fault> problem;
  for (observed_ = 0; observed_ < records.size() && !problem; ++observed_) {
    problem = check(records[observed_]);
    if (!problem) problem = execute(records[observed_]);
  }
  observer_ = nullptr;
  return problem;
}

Machine::Destination Machine::destination(unsigned dest, unsigned bank) {
  switch (dest) {
    case SYSTOLE_DEST_ACT: return {&act_, config_.word_bytes()};
    case SYSTOLE_DEST_WGT: return {&wgt_, config_.word_bytes()};
    case SYSTOLE_DEST_ACC: return {&acc_, std::size_t{4} * config_.cols};
    default: break;
  }
  switch (bank) {
    case SYSTOLE_BANK_BIAS: return {&bias_, std::size_t{4} * config_.cols};
    case SYSTOLE_BANK_SCALE: return {&scales_, std::size_t{4} * config_.cols};
    case SYSTOLE_BANK_SHIFT: return {&shifts_, config_.cols};
    default: return {&zero_points_, config_.cols};
  }
}

std::optional<Fault> Machine::execute(const Load &c) {
  const Destination to = destination(c.dest, c.bank);
  const std::size_t depth = to.bytes->size() / to.word_bytes;
  const std::uint64_t row_items = std::uint64_t{c.pad_left} + c.count1 + c.pad_right;
  const std::uint64_t rows = std::uint64_t{c.pad_top} + c.count2 + c.pad_bottom;
  const std::size_t words = (c.length + to.word_bytes - 1) / to.word_bytes;

  std::vector<std::uint8_t> item(c.length);
  std::size_t word = c.dst;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < row_items; ++column) {
      const bool inside =
          row >= c.pad_top && row < c.pad_top + c.count2 && column >= c.pad_left && column < c.pad_left + c.count1;
      if (inside) {
        const auto i2 = static_cast<std::int64_t>(row - c.pad_top);
        const auto i1 = static_cast<std::int64_t>(column - c.pad_left);
        const std::uint64_t address = (c.address + static_cast<std::uint64_t>(i2 * c.pitch2 + i1 * c.pitch1)) & address_mask();
        if (const auto at = refused(read_window_, address, item.size())) return fault(SYSTOLE_ERROR_WINDOW, *at);
        if (!memory_.read(address, item.data(), item.size())) return fault(SYSTOLE_ERROR_AXI_LOAD, address);
      } else {
        std::fill(item.begin(), item.end(), c.pad_byte);
      }
      for (std::size_t i = 0; i < words; ++i, ++word) {
        if (word >= depth) return fault(SYSTOLE_ERROR_RANGE, word);
        std::uint8_t *const out = to.bytes->data() + word * to.word_bytes;
        const std::size_t first = i * to.word_bytes;
        const std::size_t valid = std::min<std::size_t>(to.word_bytes, c.length - first);
        std::copy_n(item.data() + first, valid, out);
        std::fill(out + valid, out + to.word_bytes, kPoison);
        if (observer_ != nullptr) observer_->loaded({observed_, c.dest, c.bank, word, out, to.word_bytes, valid});
      }
    }
  }
  return std::nullopt;
}

std::optional<Fault> Machine::execute(const Matmul &c) {
  const std::size_t word_bytes = config_.word_bytes();
  const std::size_t cols = config_.cols;
  const auto act_words = static_cast<std::int64_t>(config_.act_words());
  const auto wgt_words = static_cast<std::int64_t>(config_.wgt_words());
  const auto acc_words = static_cast<std::int64_t>(2 * config_.acc_rows);
  const auto type = static_cast<golden::DType>(c.a_dtype);
  const bool floating = golden::is_float(type);
  const std::int32_t a_zero = element(c.a_zero_point, c.a_dtype);

  std::vector<std::int32_t> weights(word_bytes * cols);  // [element of the word][column]; of floats the pattern
  std::vector<std::uint32_t> sums(cols), seeds;

  const auto tile = [&](std::int64_t n, std::int64_t k1, std::int64_t k0) -> std::optional<Fault> {
    const std::size_t columns = n + 1 == c.n ? c.n_tail : cols;
    const std::size_t depth = (k0 + 1 == c.k0 ? c.k_tail : word_bytes) / golden::size(type);  // elements; those beyond do nothing
    const bool first = k1 == 0 && k0 == 0;
    const std::int64_t entry = c.param + n;
    const bool uses_entry = c.b_zp_per_column || (first && c.seed == SYSTOLE_SEED_BIAS);
    if (uses_entry && entry >= config_.param_entries) return out_of_range(entry);

    for (std::size_t column = 0; column < columns; ++column) {
      const std::int64_t word = c.wgt + n * c.wgt_n_stride + k1 * c.wgt_k1_stride + k0 * c.wgt_k0_stride +
                                static_cast<std::int64_t>(column) * c.wgt_col_stride;
      if (word < 0 || word >= wgt_words) return out_of_range(word);
      const std::uint8_t *const bytes = wgt_.data() + static_cast<std::size_t>(word) * word_bytes;
      const std::uint8_t zero_byte =
          c.b_zp_per_column ? zero_points_[static_cast<std::size_t>(entry) * cols + column] : c.b_zero_point;
      const std::int32_t b_zero = element(zero_byte, c.b_dtype);
      for (std::size_t x = 0; x < depth; ++x)
        weights[x * cols + column] = floating ? get16(bytes + 2 * x) : element(bytes[x], c.b_dtype) - b_zero;
    }

    const std::int64_t first_row = c.acc + n * c.acc_n_stride;
    for (std::int64_t i1 = 0; i1 < c.m1; ++i1) {
      for (std::int64_t i0 = 0; i0 < c.m0; ++i0) {
        const std::int64_t word =
            c.act + k1 * c.act_k1_stride + k0 * c.act_k0_stride + i1 * c.act_m1_stride + i0 * c.act_m0_stride;
        const std::int64_t row = first_row + i1 * c.m0 + i0;
        if (word < 0 || word >= act_words) return out_of_range(word);
        if (row < 0 || row >= acc_words) return out_of_range(row);
        std::uint8_t *const acc = acc_.data() + static_cast<std::size_t>(row) * cols * 4;

        for (std::size_t column = 0; column < columns; ++column) {
          if (!first || c.seed == SYSTOLE_SEED_KEEP) {
            sums[column] = get32(acc + 4 * column);
          } else if (c.seed == SYSTOLE_SEED_BIAS) {
            sums[column] = get32(bias_.data() + (static_cast<std::size_t>(entry) * cols + column) * 4);
          } else {
            sums[column] = 0;
          }
        }
        if (observer_ != nullptr) seeds = sums;
        const std::uint8_t *const bytes = act_.data() + static_cast<std::size_t>(word) * word_bytes;
        for (std::size_t x = 0; x < depth; ++x) {
          const std::int32_t *const w = weights.data() + x * cols;
          if (floating) {
            const std::uint16_t a = get16(bytes + 2 * x);
            for (std::size_t column = 0; column < columns; ++column)
              sums[column] = golden::multiply_add(type, sums[column], a, static_cast<std::uint16_t>(w[column]));
          } else {
            const std::int32_t a = element(bytes[x], c.a_dtype) - a_zero;
            for (std::size_t column = 0; column < columns; ++column) sums[column] += static_cast<std::uint32_t>(a * w[column]);
          }
        }
        for (std::size_t column = 0; column < columns; ++column) put32(acc + 4 * column, sums[column]);
        std::fill(acc + 4 * columns, acc + 4 * cols, kPoison);  // what columns beyond N accumulate is undefined
        if (observer_ != nullptr) {
          AccumulatedRow seen;
          seen.command = observed_;
          seen.n = static_cast<std::uint32_t>(n);
          seen.k1 = static_cast<std::uint32_t>(k1);
          seen.k0 = static_cast<std::uint32_t>(k0);
          seen.m = static_cast<std::uint32_t>(i1 * c.m0 + i0);
          seen.acc_row = static_cast<std::size_t>(row);
          seen.act_word = static_cast<std::size_t>(word);
          seen.a_dtype = c.a_dtype;
          seen.seeds = seeds.data();
          seen.sums = sums.data();
          seen.columns = columns;
          seen.weights = weights.data();
          seen.activations = bytes;
          seen.a_zero_point = a_zero;
          seen.depth = depth;
          seen.first_weight_word = c.wgt + n * c.wgt_n_stride + k1 * c.wgt_k1_stride + k0 * c.wgt_k0_stride;
          seen.weight_word_stride = c.wgt_col_stride;
          observer_->accumulated(seen);
        }
      }
    }
    return std::nullopt;
  };

  // Outer and inner loop swap places; k0 always runs inside k1.
  const bool n_inner = c.order == SYSTOLE_ORDER_N_INNER;
  for (std::int64_t outer_n = 0; outer_n < (n_inner ? 1 : c.n); ++outer_n) {
    for (std::int64_t k1 = 0; k1 < c.k1; ++k1) {
      for (std::int64_t k0 = 0; k0 < c.k0; ++k0) {
        for (std::int64_t inner_n = 0; inner_n < (n_inner ? c.n : 1); ++inner_n) {
          if (const auto problem = tile(outer_n + inner_n, k1, k0)) return problem;
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<Fault> Machine::execute(const Store &c) {
  const std::size_t cols = config_.cols;
  const auto acc_words = static_cast<std::int64_t>(2 * config_.acc_rows);
  const std::size_t size = golden::size(c.type());
  std::vector<std::uint8_t> line((std::size_t{c.n - 1} * cols + c.n_tail) * size);
  for (std::int64_t i1 = 0; i1 < c.m1; ++i1) {
    for (std::int64_t i0 = 0; i0 < c.m0; ++i0) {
      const std::uint64_t first = (c.address + static_cast<std::uint64_t>(i1 * c.pitch1 + i0 * c.pitch0)) & address_mask();
      for (std::int64_t t = 0; t < c.n; ++t) {
        const std::int64_t row = c.acc + t * c.acc_n_stride + i1 * c.m0 + i0;
        if (row < 0 || row >= acc_words) return out_of_range(row);
        const std::size_t columns = t + 1 == c.n ? c.n_tail : cols;
        const auto problem = finish(c, acc_.data() + static_cast<std::size_t>(row) * cols * 4, columns, c.param + t,
                                    line.data() + static_cast<std::size_t>(t) * cols * size);
        if (problem) return problem;
        if (observer_ != nullptr) {
          const std::size_t offset = static_cast<std::size_t>(t) * cols * size;
          observer_->stored({observed_, static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(i1 * c.m0 + i0),
                             static_cast<std::size_t>(row), columns, acc_.data() + static_cast<std::size_t>(row) * cols * 4,
                             line.data() + offset, size, first + offset, static_cast<std::uint8_t>(c.type())});
        }
      }
      // What precedes the first refused burst is written.
      const auto outside = refused(write_window_, first, line.size());
      const std::size_t allowed = outside ? (*outside - first) & address_mask() : line.size();
      if (allowed > 0 && !memory_.write(first, line.data(), allowed)) return fault(SYSTOLE_ERROR_AXI_STORE, first);
      if (outside) return fault(SYSTOLE_ERROR_WINDOW, *outside);
    }
  }
  return std::nullopt;
}

std::optional<Fault> Machine::finish(const Store &c, const std::uint8_t *sums, std::size_t columns, std::int64_t entry,
                                     std::uint8_t *results) const {
  if (c.per_column && entry >= config_.param_entries) return out_of_range(entry);
  const golden::DType type = c.type();
  const std::int32_t zero_point = element(c.out_zero_point, c.out_dtype);
  const auto low = static_cast<std::int32_t>(c.clamp_min), high = static_cast<std::int32_t>(c.clamp_max);
  for (std::size_t column = 0; column < columns; ++column) {
    const std::uint32_t sum = get32(sums + 4 * column);
    std::uint32_t result = sum;
    switch (type) {
      case golden::DType::s32: break;
      case golden::DType::fp32: result = golden::clamp(sum, c.clamp_min, c.clamp_max); break;
      case golden::DType::fp16:
      case golden::DType::bf16: result = golden::narrow(type, golden::clamp(sum, c.clamp_min, c.clamp_max)); break;
      case golden::DType::s8:
      case golden::DType::u8: {
        std::uint32_t scale = c.scale;
        std::int32_t shift = c.shift;
        if (c.per_column) {
          const std::size_t at = static_cast<std::size_t>(entry) * config_.cols + column;
          scale = get32(scales_.data() + 4 * at);
          shift = element(shifts_[at], SYSTOLE_DTYPE_S8);
          if (!requant_legal(c.requant, scale, shift)) return fault(SYSTOLE_ERROR_PARAM, static_cast<std::uint64_t>(entry));
        }
        const auto acc = static_cast<std::int32_t>(sum);
        result = static_cast<std::uint32_t>(
            c.requant == SYSTOLE_REQUANT_FLOAT
                ? golden::requant_float(acc, scale, zero_point, low, high)
                : golden::requant_fixed(acc, static_cast<std::int32_t>(scale), shift, zero_point, low, high));
        break;
      }
    }
    put(results + column * golden::size(type), result, golden::size(type));
  }
  return std::nullopt;
}

}  // namespace systole::model
