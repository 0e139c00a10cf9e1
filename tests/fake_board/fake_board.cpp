// SPDX-License-Identifier: Apache-2.0
#include "tests/fake_board/fake_board.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "firmware/include/systole_regs.h"

// The fields' names are macros; this pastes them together: FIELD(record, MATMUL_N).
#define FIELD(record, name) \
  systole_field_get((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)

namespace systole::fake {

namespace {

enum : std::uint8_t { kOk = 0, kBadFrame = 1, kBadOp = 2, kBadLength = 3, kSlverr = 4, kDecerr = 5 };
constexpr std::size_t kMax = 1024, kHead = 8;
constexpr std::uint32_t kSession = 0x1024;

std::uint32_t get32(const std::uint8_t *from) {
  return from[0] | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 | std::uint32_t{from[3]} << 24;
}

void put32(std::vector<std::uint8_t> &out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t crc_of(const std::uint8_t *data, std::size_t size) {
  return static_cast<std::uint32_t>(crc32(crc32(0, nullptr, 0), data, static_cast<uInt>(size)));
}

/// As docs/link.md has it: END, END, escaped bytes and CRC, END, END.
void send(std::deque<std::uint8_t> &out, std::vector<std::uint8_t> body) {
  put32(body, crc_of(body.data(), body.size()));
  out.push_back(0xC0);
  out.push_back(0xC0);
  for (const std::uint8_t byte : body) {
    if (byte == 0xC0 || byte == 0xDB) {
      out.push_back(0xDB);
      out.push_back(byte == 0xC0 ? 0xDC : 0xDD);
    } else {
      out.push_back(byte);
    }
  }
  out.push_back(0xC0);
  out.push_back(0xC0);
}

int signed9(std::uint32_t bits) { return static_cast<int>(bits & 0x1FF) - ((bits & 0x100) != 0 ? 512 : 0); }

}  // namespace

/// The array bench: rtl/compute/systole_array.sv with Fp = 0, cycle by cycle, from the words of its comment.
struct FakeBoard::Bench {
  explicit Bench(std::uint32_t array)
      : rows(array & 0xFF), cols(array >> 8 & 0xFF), depth(1u << (array >> 16 & 0xFF)), words((36 * rows + cols + 1 + 31) / 32) {
    for (stride = 1; stride < words;) stride *= 2;
    for (out_stride = 1; out_stride < cols;) out_stride *= 2;
    stimulus.resize(std::size_t{depth} * stride);
    capture.resize(std::size_t{depth} * out_stride);
  }
  std::uint32_t bits(unsigned entry, unsigned at, unsigned width) const {
    std::uint32_t out = 0;
    for (unsigned i = 0; i < width; ++i)
      out |= (stimulus[std::size_t{entry} * stride + (at + i) / 32] >> ((at + i) % 32) & 1) << i;
    return out;
  }
  void run() {
    using Pair = std::array<int, 2>;
    const auto pair = [this](unsigned entry, unsigned lane) {
      return Pair{signed9(bits(entry, 18 * lane, 9)), signed9(bits(entry, 18 * lane + 9, 9))};
    };
    std::vector<Pair> act(rows * cols), weight(rows * cols), shadow(rows * cols);
    std::vector<std::int64_t> products(rows * cols), sum(rows * cols);
    std::vector<char> switches(rows * cols), pushes(rows * cols);  // registers: what a row hands down, a column hands right
    for (unsigned t = 0; t < depth; ++t) {
      for (unsigned c = 0; c < cols; ++c)
        capture[std::size_t{t} * out_stride + c] = static_cast<std::uint32_t>(sum[(rows - 1) * cols + c]);
      auto next_act = act, next_weight = weight, next_shadow = shadow;
      auto next_products = products, next_sum = sum;
      auto next_switches = switches, next_pushes = pushes;
      for (unsigned r = 0; r < rows; ++r) {
        for (unsigned c = 0; c < cols; ++c) {
          const unsigned at = r * cols + c;
          next_sum[at] = (r == 0 ? 0 : sum[at - cols]) + products[at];
          next_products[at] = act[at][0] * weight[at][0] + act[at][1] * weight[at][1];
          next_act[at] = c == 0 ? pair(t, r) : act[at - 1];
          const bool push = r == 0 ? bits(t, 36 * rows + c, 1) != 0 : pushes[at - cols] != 0;
          const bool change = r != 0   ? switches[at - cols] != 0
                              : c == 0 ? bits(t, 36 * rows + cols, 1) != 0
                                       : switches[at - 1] != 0;
          if (change) next_weight[at] = shadow[at];
          if (push) next_shadow[at] = c == 0 ? pair(t, rows + r) : shadow[at - 1];
          next_pushes[at] = static_cast<char>(push);
          next_switches[at] = static_cast<char>(change);
        }
      }
      act = next_act, weight = next_weight, shadow = next_shadow, products = next_products, sum = next_sum,
      switches = next_switches, pushes = next_pushes;
    }
  }
  const unsigned rows, cols, depth, words;
  unsigned stride = 1, out_stride = 1;
  std::vector<std::uint32_t> stimulus, capture;
};

FakeBoard::FakeBoard(const BoardSettings &settings) : settings_(settings), memory_(settings.memory_bytes) {
  if (settings.kind == 1) bench_ = std::make_unique<Bench>(settings.bench_array);
  start_machine();
}

FakeBoard::~FakeBoard() = default;

void FakeBoard::start_machine() {
  const auto inside = [this](std::uint64_t address, std::size_t size) {
    return address <= memory_.size() && size <= memory_.size() - address;
  };
  model::MemoryPort port;
  port.read = [this, inside](std::uint64_t address, std::uint8_t *data, std::size_t size) {
    if (!inside(address, size)) return false;
    for (std::size_t i = 0; i < size; ++i) data[i] = cell(address + i);
    return true;
  };
  port.write = [this, inside](std::uint64_t address, const std::uint8_t *data, std::size_t size) {
    if (!inside(address, size)) return false;
    for (std::size_t i = 0; i < size; ++i) cell(address + i) = data[i];
    if (flip_ && size != 0) cell(address) ^= 1;
    flip_ = false;
    return true;
  };
  machine_ = std::make_unique<model::Machine>(settings_.config, port);
}

void FakeBoard::reset(bool memory) {
  start_machine();
  counters_ = snapshot_ = {};
  session_ = 0;
  if (memory) std::fill(memory_.begin(), memory_.end(), std::uint8_t{0});
  frame_.clear();
  escaped_ = spoiled_ = false;
}

void FakeBoard::receive(std::uint8_t byte, std::deque<std::uint8_t> &out) {
  if (byte == 0xC0) {
    if (!frame_.empty() || spoiled_ || escaped_) frame(out);
    frame_.clear();
    escaped_ = spoiled_ = false;
  } else if (escaped_) {
    escaped_ = false;
    if (byte != 0xDC && byte != 0xDD) spoiled_ = true;
    frame_.push_back(byte == 0xDC ? 0xC0 : 0xDB);
  } else if (byte == 0xDB) {
    escaped_ = true;
  } else if (frame_.size() > kHead + kMax + 4) {
    spoiled_ = true;
  } else {
    frame_.push_back(byte);
  }
}

void FakeBoard::frame(std::deque<std::uint8_t> &out) {
  const bool good = !spoiled_ && !escaped_ && frame_.size() >= kHead + 4 && frame_.size() <= kHead + kMax + 4 &&
                    crc_of(frame_.data(), frame_.size() - 4) == get32(&frame_[frame_.size() - 4]);
  const auto bad = [&out] { send(out, {0x80, 0, kBadFrame, 0}); };
  if (!good) return bad();
  const std::uint8_t op = frame_[0];
  const std::uint32_t length = frame_[2] | frame_[3] << 8;
  const bool write = op == 0x02 || op == 0x12, known = write || op == 0x01 || op == 0x11;
  const std::uint32_t address = get32(&frame_[4]);
  std::uint8_t status = kOk;
  Bytes data;
  if (!known)
    status = kBadOp;
  else if (length == 0 || length > kMax || (op < 0x10 && (length % 4 != 0 || address % 4 != 0)))
    status = kBadLength;
  else if (frame_.size() != kHead + 4 + (write ? length : 0))
    return bad();
  if (settings_.accepts_everything && status != kOk) {
    data.resize(write ? 0 : length);
    status = kOk;
  } else if (status == kOk) {
    if (before_request) before_request(requests_);
    ++requests_;
    status = carry_out(op, address, length, frame_, data);
    if (status != kOk) data.clear();
    if (settings_.accepts_everything && status != kOk) {
      data.resize(write ? 0 : length);
      status = kOk;
    }
  }
  Bytes reply = {static_cast<std::uint8_t>(op | 0x80), frame_[1], status, 0};
  reply.insert(reply.end(), data.begin(), data.end());
  send(out, reply);
}

std::uint8_t FakeBoard::carry_out(std::uint8_t op, std::uint32_t address, std::uint32_t length, const Bytes &frame, Bytes &data) {
  for (std::uint32_t i = 0; i < length; i += op < 0x10 ? 4 : 1) {
    const std::uint64_t at = std::uint64_t{address} + i;
    if (op < 0x10) {
      std::uint8_t status = kOk;
      if (op == 0x02) {
        status = write_word(address + i, get32(&frame[kHead + i]));
      } else {
        const std::optional<std::uint32_t> value = read_word(address + i, status);
        put32(data, value.value_or(0));
      }
      if (status != kOk) return status;
      continue;
    }
    if (at >= memory_.size()) return kDecerr;
    if (op == 0x11) {
      data.push_back(cell(at));
      continue;
    }
    if (settings_.ignores_strobes) {
      for (std::uint64_t other = at & ~std::uint64_t{7}; other <= (at | 7); ++other) {
        if (other < address || other >= std::uint64_t{address} + length) cell(other) = 0;
      }
    }
    cell(at) = frame[kHead + i];
  }
  return kOk;
}

std::optional<std::uint32_t> FakeBoard::read_word(std::uint32_t address, std::uint8_t &status) {
  constexpr std::uint32_t kFirst = SYSTOLE_REG_COUNTER_TOTAL_LO;
  if (const auto forced = settings_.forced.find(address); forced != settings_.forced.end()) return forced->second;
  if (address >= 0x1000 && address < 0x1100) {
    const std::uint32_t words[] = {settings_.magic,
                                   settings_.link_version,
                                   settings_.id,
                                   settings_.clock_hz,
                                   settings_.baud,
                                   settings_.kind == 0 ? settings_.memory_bytes : 0,
                                   settings_.kind,
                                   settings_.max_data,
                                   settings_.kind == 1 ? settings_.bench_array : 0,
                                   session_};
    return (address - 0x1000) / 4 < std::size(words) ? words[(address - 0x1000) / 4] : 0;
  }
  if (bench_) {
    const std::uint32_t word = (address & 0x3FFF) / 4;
    if (address == 0x2000) return 0;
    if (address >= 0x8000 && (address - 0x8000) / 4 < bench_->capture.size()) return bench_->capture[(address - 0x8000) / 4];
    status = address >= 0x4000 && address < 0x8000 && word < bench_->stimulus.size() ? kSlverr : kDecerr;
    return std::nullopt;
  }
  if (address >= 0x1000) {
    status = kDecerr;
    return std::nullopt;
  }
  if (address == SYSTOLE_REG_VERSION && settings_.core_version) return settings_.core_version;
  if (address >= kFirst && address < kFirst + 8 * counters_.size()) {
    const std::uint64_t value = snapshot_[(address - kFirst) / 8];
    return static_cast<std::uint32_t>((address - kFirst) % 8 == 0 ? value : value >> 32);
  }
  const std::optional<std::uint32_t> value = machine_->read_register(address);
  if (!value) status = kSlverr;
  if (value && settings_.stuck_register && address == SYSTOLE_REG_WATCHDOG) return *value & ~1u;
  return value;
}

std::uint8_t FakeBoard::write_word(std::uint32_t address, std::uint32_t value) {
  if (address == kSession) {
    session_ = value;
    return kOk;
  }
  if (address >= 0x1000 && address < 0x1100) return kSlverr;
  if (bench_) {
    if (address == 0x2000) {
      if ((value & 1) != 0) bench_->run();
      return kOk;
    }
    const std::uint32_t word = (address - 0x4000) / 4;
    if (address < 0x4000 || word >= bench_->stimulus.size()) return address >= 0x8000 && address < 0xC000 ? kSlverr : kDecerr;
    bench_->stimulus[word] = value;
    return kOk;
  }
  if (address >= 0x1000) return kDecerr;
  if (address == SYSTOLE_REG_COUNTER_CTRL) {
    if ((value & SYSTOLE_COUNTER_CTRL_SNAPSHOT_MASK) != 0) snapshot_ = counters_;
    if ((value & SYSTOLE_COUNTER_CTRL_CLEAR_MASK) != 0) counters_ = {};
  }
  if (!machine_->write_register(address, value)) return kSlverr;
  if (!settings_.hangs) execute();
  return kOk;
}

void FakeBoard::execute() {
  for (;;) {
    const std::optional<std::uint32_t> head = machine_->read_register(SYSTOLE_REG_RING_HEAD);
    const std::optional<model::Machine::Record> record = machine_->record(head.value_or(0));
    flip_ = settings_.wrong_product && record && FIELD(*record, CMD_OPCODE) == SYSTOLE_OPCODE_STORE;
    switch (machine_->step()) {
      case model::Machine::Step::executed:
        if (record) count(*record);
        break;
      case model::Machine::Step::blocked: machine_->expire_watchdog(); return;
      default: return;
    }
  }
}

/// A command takes ten cycles here, all of them useful.
void FakeBoard::count(const model::Machine::Record &record) {
  counters_[0] += 10;
  counters_[1] += 10;
  if (FIELD(record, CMD_OPCODE) != SYSTOLE_OPCODE_MATMUL) return;
  const std::uint64_t rows = std::uint64_t{FIELD(record, MATMUL_M0)} * FIELD(record, MATMUL_M1);
  const std::uint64_t columns = (FIELD(record, MATMUL_N) - 1) * settings_.config.cols + FIELD(record, MATMUL_N_TAIL);
  const std::uint64_t bytes =
      (std::uint64_t{FIELD(record, MATMUL_K0)} * FIELD(record, MATMUL_K1) - 1) * settings_.config.word_bytes() +
      FIELD(record, MATMUL_K_TAIL);
  const unsigned type = FIELD(record, MATMUL_A_DTYPE);
  counters_[12] += rows * columns * (bytes / (type == SYSTOLE_DTYPE_S8 || type == SYSTOLE_DTYPE_U8 ? 1 : 2));
}

// --- the line --------------------------------------------------------------------------------------------------------------

std::optional<std::uint8_t> FakeLine::carried(std::uint8_t byte) {
  if (chance(lost)) return std::nullopt;
  if (right_baud && (bauds.empty() || bauds.back() != *right_baud)) return static_cast<std::uint8_t>(random_());
  if (chance(corrupted)) byte ^= static_cast<std::uint8_t>(1 + random_() % 255);
  return byte;
}

void FakeLine::write(const std::uint8_t *data, std::size_t size, Duration /*limit*/) {
  if (dies_at && accesses_++ == *dies_at) throw link::Error("fake: unplugged");
  std::vector<std::uint8_t> bytes(data, data + size);
  ++writes;
  if (on_write) on_write(bytes);
  std::deque<std::uint8_t> replies;
  for (const std::uint8_t byte : bytes) {
    if (const auto arrives = carried(byte)) board_.receive(*arrives, replies);
  }
  if (silent_from && writes > *silent_from) return;
  if (chance(doubled)) replies.insert(replies.end(), replies.begin(), replies.end());
  for (const std::uint8_t byte : replies) {
    if (const auto arrives = carried(byte)) to_host.push_back(*arrives);
  }
}

std::size_t FakeLine::read(std::uint8_t *data, std::size_t size, Duration /*limit*/) {
  // Bytes come in groups of any size.
  const std::size_t count = std::min({size, to_host.size(), std::size_t{1} + random_() % 700});
  for (std::size_t i = 0; i < count; ++i) {
    data[i] = to_host.front();
    to_host.pop_front();
  }
  return count;
}

}  // namespace systole::fake
