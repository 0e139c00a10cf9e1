// SPDX-License-Identifier: Apache-2.0
#include "tb/system/raw_ring.hpp"

#include <algorithm>
#include <cmath>

#include "firmware/include/systole_regs.h"

namespace systole::tb {
namespace {

using timing::Record;

/// A field of the command reference, by its name in systole_regs.h.
#define FIELD(name) name##_WORD, name##_LSB, name##_WIDTH

template <class T>
void put(Record &record, unsigned word, unsigned lsb, unsigned width, T value) {
  systole_field_set(record.data(), word, lsb, width, static_cast<uint32_t>(value));
}

Record record_of(uint32_t opcode) {
  Record record{};
  put(record, FIELD(SYSTOLE_CMD_OPCODE), opcode);
  put(record, FIELD(SYSTOLE_CMD_VERSION), SYSTOLE_COMMAND_VERSION);
  return record;
}

/// The offsets that counts times strides reach.
struct Reach {
  int64_t low = 0, high = 0;
  void add(uint64_t count, int64_t step) {
    const int64_t last = static_cast<int64_t>(count - 1) * step;
    (last < 0 ? low : high) += last;
  }
  int64_t span() const { return high - low + 1; }
};

}  // namespace

uint32_t RawRing::size(uint32_t most) {
  const double log = std::log(static_cast<double>(most) + 1) * static_cast<double>(below(1 << 20)) / (1 << 20);
  return std::clamp(static_cast<uint32_t>(std::exp(log)), 1u, most);
}

int32_t RawRing::stride(int32_t natural, int32_t reach) {
  switch (below(6)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return -natural;
    case 3: return static_cast<int32_t>(below(2 * static_cast<uint64_t>(reach) + 1)) - reach;
    default: return natural;
  }
}

std::pair<int32_t, int32_t> RawRing::pitches(uint32_t length, uint32_t count) {
  int32_t inner = static_cast<int32_t>(length);
  if (below(2) == 0) inner = below(2) == 0 ? stride(inner, 300) : static_cast<int32_t>(length + below(40));
  int32_t outer = inner * static_cast<int32_t>(count);
  if (below(2) == 0) outer = stride(outer, 3000);
  return {inner, outer};
}

Record RawRing::load(Kind kind) {
  Record record = record_of(SYSTOLE_OPCODE_LOAD);
  uint32_t dest = SYSTOLE_DEST_ACT, bank = 0;
  const uint32_t choice = below(20);
  if (kind == Kind::traffic ? choice < 16 : choice < 5)
    dest = SYSTOLE_DEST_ACC;
  else if (choice < 12)
    dest = SYSTOLE_DEST_WGT;
  else if (choice < 16)
    dest = SYSTOLE_DEST_PARAM;
  uint32_t word = config_.word_bytes(), depth = config_.act_words();
  uint64_t region = regions_.data;
  uint32_t region_bytes = regions_.data_bytes;
  if (dest == SYSTOLE_DEST_WGT) depth = config_.wgt_words();
  if (dest == SYSTOLE_DEST_ACC) {
    word = 4 * config_.cols;
    depth = 2 * config_.acc_rows;
  }
  if (dest == SYSTOLE_DEST_PARAM) {
    bank = below(4);
    word = bank == SYSTOLE_BANK_BIAS || bank == SYSTOLE_BANK_SCALE ? 4 * config_.cols : config_.cols;
    depth = config_.param_entries;
    if (bank == SYSTOLE_BANK_SCALE || bank == SYSTOLE_BANK_SHIFT) {
      region = bank == SYSTOLE_BANK_SCALE ? regions_.scales : regions_.shifts;
      region_bytes = regions_.scale_bytes;
    }
  }
  const bool whole_words = region != regions_.data;  // what is beyond an item's end is undefined, so perhaps illegal

  uint32_t length = 0, count1 = 0, count2 = 0, pads[4] = {}, words = 0;
  double cost = 0;
  do {
    length = size(below(4) == 0 ? 6000 : 2 * word);
    if (below(3) == 0) length = word * (1 + below(3));
    if (whole_words) length = (length + word - 1) / word * word;
    count1 = size(24);
    count2 = below(2) == 0 ? 1 : size(8);
    for (uint32_t &pad : pads) pad = below(4) == 0 ? below(4) : 0;
    words = (pads[0] + count1 + pads[1]) * (pads[2] + count2 + pads[3]) * ((length + word - 1) / word);
    const double chunks = static_cast<double>(words) * std::max(1.0, static_cast<double>(word) / config_.word_bytes());
    cost = count1 * count2 * (burst_cycles_ + length * byte_cycles_) + chunks;
  } while (words > depth || words > 800 || cost > 3000 + burst_cycles_);
  cost_ += cost;
  auto [pitch1, pitch2] = pitches(length, count1);
  Reach reach;
  reach.add(count1, pitch1);
  reach.add(count2, pitch2);
  reach.high += length - 1;
  if (reach.span() > region_bytes) {
    pitch1 = static_cast<int32_t>(length);
    pitch2 = 0;
    reach = {};
    reach.high = int64_t{length} * count1 - 1;
  }
  const uint64_t slack = static_cast<uint64_t>(region_bytes - reach.span());
  uint64_t address = region + random_.below(slack + 1);
  if (below(3) == 0) address = std::max(region, (address & ~uint64_t{4095}));  // bursts that begin at a 4 KiB boundary
  address -= static_cast<uint64_t>(reach.low);
  if (address + static_cast<uint64_t>(reach.high) >= region + region_bytes) address = region - static_cast<uint64_t>(reach.low);

  put(record, FIELD(SYSTOLE_LOAD_ADDRESS_LO), address & 0xFFFFFFFF);
  put(record, FIELD(SYSTOLE_LOAD_ADDRESS_HI), address >> 32);
  put(record, FIELD(SYSTOLE_LOAD_DEST), dest);
  put(record, FIELD(SYSTOLE_LOAD_BANK), bank);
  put(record, FIELD(SYSTOLE_LOAD_PAD_BYTE), 1);
  put(record, FIELD(SYSTOLE_LOAD_DST), below(depth - words + 1));
  put(record, FIELD(SYSTOLE_LOAD_LENGTH), length);
  put(record, FIELD(SYSTOLE_LOAD_COUNT1), count1);
  put(record, FIELD(SYSTOLE_LOAD_COUNT2), count2);
  put(record, FIELD(SYSTOLE_LOAD_PITCH1), pitch1);
  put(record, FIELD(SYSTOLE_LOAD_PITCH2), pitch2);
  put(record, FIELD(SYSTOLE_LOAD_PAD_LEFT), pads[0]);
  put(record, FIELD(SYSTOLE_LOAD_PAD_RIGHT), pads[1]);
  put(record, FIELD(SYSTOLE_LOAD_PAD_TOP), pads[2]);
  put(record, FIELD(SYSTOLE_LOAD_PAD_BOTTOM), pads[3]);
  return record;
}

Record RawRing::matmul(Kind kind) {
  Record record = record_of(SYSTOLE_OPCODE_MATMUL);
  const bool tiny = kind == Kind::tiny_matmuls || (kind == Kind::queues && below(2) == 0);
  const bool floats = config_.fp && below(2) == 0;
  uint32_t m0 = 0, m1 = 0, n = 0, k0 = 0, k1 = 0;
  double cost = 0;
  do {
    m0 = tiny ? 1 : size(60);
    m1 = tiny || below(2) == 0 ? 1 : size(6);
    n = tiny && below(4) != 0 ? 1 : size(5);
    k0 = tiny && below(4) != 0 ? 1 : size(5);
    k1 = tiny || below(2) == 0 ? 1 : size(3);
    if (kind == Kind::same_rows) {
      m0 = size(10);
      k0 = 1 + below(6);
    }
    cost = double{1} * n * k0 * k1 * std::max(m0 * m1, config_.cols / 2);
  } while (cost > 2000);
  cost_ += cost;
  const auto m = static_cast<int32_t>(m0 * m1);
  const uint32_t k_tail = floats ? 2 + 2 * below(config_.rows) : 1 + below(2 * config_.rows);
  const uint32_t n_tail = tiny || below(3) == 0 ? 1 + below(2) : 1 + below(config_.cols);

  struct Place {
    uint32_t base;
    int32_t strides[4];
  };
  // Strides until all words lie in the memory; some base within what is left.
  const auto place = [&](uint32_t depth, std::initializer_list<uint32_t> counts, std::initializer_list<int32_t> natural,
                         int32_t reach_limit) {
    Place result{};
    Reach reach;
    int32_t limit = reach_limit;
    do {
      reach = {};
      size_t i = 0;
      for (const uint32_t count : counts) {
        result.strides[i] = stride(*(natural.begin() + i), limit);
        reach.add(count, result.strides[i]);
        ++i;
      }
      limit /= 2;
    } while (reach.span() > depth);
    result.base = static_cast<uint32_t>(-reach.low) + below(static_cast<uint64_t>(depth - reach.span()) + 1);
    return result;
  };
  const Place act = place(config_.act_words(), {m0, m1, k0, k1},
                          {static_cast<int32_t>(k0), static_cast<int32_t>(k0 * m0), 1, static_cast<int32_t>(k0 * m0 * m1)}, 40);
  const Place wgt = place(config_.wgt_words(), {k0, k1, n, n == 1 ? n_tail : config_.cols},
                          {1, static_cast<int32_t>(k0), static_cast<int32_t>(k0 * config_.cols), static_cast<int32_t>(k0)}, 40);
  // Rows of the accumulators: m of them in a tile, in a few favourite places so that commands meet; also across the halves.
  int32_t acc_stride = kind == Kind::same_rows && below(2) == 0 ? 0 : stride(m, m + 2);
  Reach rows;
  rows.add(n, acc_stride);
  rows.high += m - 1;
  const uint32_t spread = below(3) == 0 ? 2 * config_.acc_rows : 64;
  const auto room = static_cast<uint32_t>(2 * int64_t{config_.acc_rows} - rows.span());
  const uint32_t from =
      below(2) == 0 ? 0 : config_.acc_rows - std::min<uint32_t>(config_.acc_rows, static_cast<uint32_t>(rows.span()) / 2);
  const uint32_t acc = std::min(room, from + below(spread)) + static_cast<uint32_t>(-rows.low);

  const uint32_t a_dtype = floats ? (below(2) == 0 ? SYSTOLE_DTYPE_FP16 : SYSTOLE_DTYPE_BF16) : below(2);
  put(record, FIELD(SYSTOLE_MATMUL_A_DTYPE), a_dtype);
  put(record, FIELD(SYSTOLE_MATMUL_B_DTYPE), floats ? a_dtype : below(2));
  put(record, FIELD(SYSTOLE_MATMUL_SEED), kind == Kind::same_rows && below(2) == 0 ? SYSTOLE_SEED_KEEP : below(3));
  put(record, FIELD(SYSTOLE_MATMUL_ORDER), kind == Kind::same_rows && below(3) != 0 ? SYSTOLE_ORDER_K_INNER : below(2));
  put(record, FIELD(SYSTOLE_MATMUL_B_ZP_PER_COLUMN), floats ? 0 : below(2));
  put(record, FIELD(SYSTOLE_MATMUL_ACT), act.base);
  put(record, FIELD(SYSTOLE_MATMUL_WGT), wgt.base);
  put(record, FIELD(SYSTOLE_MATMUL_ACC), acc);
  put(record, FIELD(SYSTOLE_MATMUL_PARAM), below(config_.param_entries - n + 1));
  put(record, FIELD(SYSTOLE_MATMUL_M0), m0);
  put(record, FIELD(SYSTOLE_MATMUL_M1), m1);
  put(record, FIELD(SYSTOLE_MATMUL_ACT_M0_STRIDE), act.strides[0]);
  put(record, FIELD(SYSTOLE_MATMUL_ACT_M1_STRIDE), act.strides[1]);
  put(record, FIELD(SYSTOLE_MATMUL_K0), k0);
  put(record, FIELD(SYSTOLE_MATMUL_K1), k1);
  put(record, FIELD(SYSTOLE_MATMUL_ACT_K0_STRIDE), act.strides[2]);
  put(record, FIELD(SYSTOLE_MATMUL_ACT_K1_STRIDE), act.strides[3]);
  put(record, FIELD(SYSTOLE_MATMUL_WGT_K0_STRIDE), wgt.strides[0]);
  put(record, FIELD(SYSTOLE_MATMUL_WGT_K1_STRIDE), wgt.strides[1]);
  put(record, FIELD(SYSTOLE_MATMUL_N), n);
  put(record, FIELD(SYSTOLE_MATMUL_K_TAIL), k_tail);
  put(record, FIELD(SYSTOLE_MATMUL_N_TAIL), n_tail);
  put(record, FIELD(SYSTOLE_MATMUL_WGT_N_STRIDE), wgt.strides[2]);
  put(record, FIELD(SYSTOLE_MATMUL_WGT_COL_STRIDE), wgt.strides[3]);
  put(record, FIELD(SYSTOLE_MATMUL_ACC_N_STRIDE), acc_stride);
  return record;
}

Record RawRing::store(Kind kind) {
  Record record = record_of(SYSTOLE_OPCODE_STORE);
  uint32_t m0 = 0, m1 = 0, n = 0, n_tail = 0, bytes = 0;
  constexpr uint32_t kTypes[] = {SYSTOLE_DTYPE_S32,  SYSTOLE_DTYPE_S8,   SYSTOLE_DTYPE_U8,
                                 SYSTOLE_DTYPE_FP32, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16};
  const uint32_t type = kTypes[below(config_.fp ? 6 : 3)];
  const bool eight = type == SYSTOLE_DTYPE_S8 || type == SYSTOLE_DTYPE_U8;
  const bool four = type == SYSTOLE_DTYPE_S32 || type == SYSTOLE_DTYPE_FP32;
  double cost = 0;
  do {
    m0 = size(kind == Kind::queues ? 4 : 40);
    m1 = below(2) == 0 ? 1 : size(5);
    n = size(4);
    n_tail = below(3) == 0 ? 1 + below(2) : 1 + below(config_.cols);
    bytes = ((n - 1) * config_.cols + n_tail) * (eight ? 1 : four ? 4 : 2);
    cost = m0 * m1 * (burst_cycles_ + std::max<double>(bytes * byte_cycles_, 2 * n));
  } while (cost > 3000 + burst_cycles_);
  cost_ += cost;
  auto [pitch0, pitch1] = pitches(bytes, m0);
  Reach reach;
  reach.add(m0, pitch0);
  reach.add(m1, pitch1);
  reach.high += bytes - 1;
  if (reach.span() > regions_.result_bytes) {
    pitch0 = pitch1 = 0;
    reach = {};
    reach.high = bytes - 1;
  }
  const uint64_t address = regions_.results + random_.below(static_cast<uint64_t>(regions_.result_bytes - reach.span()) + 1) -
                           static_cast<uint64_t>(reach.low);

  const auto m = static_cast<int32_t>(m0 * m1);
  const int32_t acc_stride = stride(m, m + 2);
  Reach rows;
  rows.add(n, acc_stride);
  rows.high += m - 1;
  const uint32_t spread = below(3) == 0 ? 2 * config_.acc_rows : 64;
  const auto room = static_cast<uint32_t>(2 * int64_t{config_.acc_rows} - rows.span());
  const uint32_t from =
      below(2) == 0 ? 0 : config_.acc_rows - std::min<uint32_t>(config_.acc_rows, static_cast<uint32_t>(rows.span()) / 2);
  const uint32_t acc = std::min(room, from + below(spread)) + static_cast<uint32_t>(-rows.low);

  put(record, FIELD(SYSTOLE_STORE_ADDRESS_LO), address & 0xFFFFFFFF);
  put(record, FIELD(SYSTOLE_STORE_ADDRESS_HI), address >> 32);
  put(record, FIELD(SYSTOLE_STORE_ACC), acc);
  put(record, FIELD(SYSTOLE_STORE_ACC_N_STRIDE), acc_stride);
  put(record, FIELD(SYSTOLE_STORE_M0), m0);
  put(record, FIELD(SYSTOLE_STORE_M1), m1);
  put(record, FIELD(SYSTOLE_STORE_PITCH0), pitch0);
  put(record, FIELD(SYSTOLE_STORE_PITCH1), pitch1);
  put(record, FIELD(SYSTOLE_STORE_N), n);
  put(record, FIELD(SYSTOLE_STORE_N_TAIL), n_tail);
  put(record, FIELD(SYSTOLE_STORE_OUT_DTYPE), type);
  if (eight) {
    const bool fixed = below(2) == 0, per_column = below(2) == 0;
    put(record, FIELD(SYSTOLE_STORE_REQUANT), fixed ? SYSTOLE_REQUANT_FIXED : SYSTOLE_REQUANT_FLOAT);
    put(record, FIELD(SYSTOLE_STORE_PER_COLUMN), per_column);
    put(record, FIELD(SYSTOLE_STORE_PARAM), per_column ? below(config_.param_entries - n + 1) : 0);
    put(record, FIELD(SYSTOLE_STORE_SCALE), per_column ? 0 : 0x3F800000);
    put(record, FIELD(SYSTOLE_STORE_CLAMP_MAX), 100);
  }
  return record;
}

Record RawRing::small_matmul(const platform::ConfigInfo &config) {
  Record record = record_of(SYSTOLE_OPCODE_MATMUL);
  put(record, FIELD(SYSTOLE_MATMUL_M0), 1);
  put(record, FIELD(SYSTOLE_MATMUL_M1), 1);
  put(record, FIELD(SYSTOLE_MATMUL_K0), 1);
  put(record, FIELD(SYSTOLE_MATMUL_K1), 1);
  put(record, FIELD(SYSTOLE_MATMUL_N), 1);
  put(record, FIELD(SYSTOLE_MATMUL_K_TAIL), config.word_bytes());
  put(record, FIELD(SYSTOLE_MATMUL_N_TAIL), config.cols);
  put(record, FIELD(SYSTOLE_MATMUL_WGT_COL_STRIDE), 1);
  return record;
}

Record RawRing::small_store(const platform::ConfigInfo &config, const Regions &regions) {
  Record record = record_of(SYSTOLE_OPCODE_STORE);
  put(record, FIELD(SYSTOLE_STORE_ADDRESS_LO), regions.results & 0xFFFFFFFF);
  put(record, FIELD(SYSTOLE_STORE_ADDRESS_HI), regions.results >> 32);
  put(record, FIELD(SYSTOLE_STORE_M0), 1);
  put(record, FIELD(SYSTOLE_STORE_M1), 1);
  put(record, FIELD(SYSTOLE_STORE_N), 1);
  put(record, FIELD(SYSTOLE_STORE_N_TAIL), config.cols);
  put(record, FIELD(SYSTOLE_STORE_OUT_DTYPE), SYSTOLE_DTYPE_S32);
  return record;
}

std::vector<Record> RawRing::prologue() {
  std::vector<Record> records;
  for (const uint32_t bank : {SYSTOLE_BANK_SCALE, SYSTOLE_BANK_SHIFT}) {
    Record record = record_of(SYSTOLE_OPCODE_LOAD);
    const uint64_t address = bank == SYSTOLE_BANK_SCALE ? regions_.scales : regions_.shifts;
    put(record, FIELD(SYSTOLE_LOAD_ADDRESS_LO), address & 0xFFFFFFFF);
    put(record, FIELD(SYSTOLE_LOAD_ADDRESS_HI), address >> 32);
    put(record, FIELD(SYSTOLE_LOAD_DEST), SYSTOLE_DEST_PARAM);
    put(record, FIELD(SYSTOLE_LOAD_BANK), bank);
    put(record, FIELD(SYSTOLE_LOAD_LENGTH), (bank == SYSTOLE_BANK_SCALE ? 4 : 1) * config_.cols);
    put(record, FIELD(SYSTOLE_LOAD_COUNT1), config_.param_entries);
    put(record, FIELD(SYSTOLE_LOAD_COUNT2), 1);
    records.push_back(record);
  }
  put(records.back(), FIELD(SYSTOLE_CMD_IRQ), 1);
  return records;
}

std::vector<Record> RawRing::program(Kind kind, double budget, double burst_cycles, double byte_cycles,
                                     const std::array<uint8_t, 8> &tokens) {
  burst_cycles_ = burst_cycles;
  byte_cycles_ = byte_cycles;
  cost_ = 0;
  struct Mix {
    unsigned load, matmul, store;
  };
  constexpr Mix kMixes[kKinds] = {{3, 3, 2}, {1, 20, 1}, {1, 8, 1}, {4, 4, 4}, {10, 1, 1}, {1, 2, 10}, {1, 1, 1}};
  const Mix &mix = kMixes[static_cast<unsigned>(kind)];
  const uint32_t takes[] = {SYSTOLE_LOAD_TAKES, SYSTOLE_COMPUTE_TAKES, SYSTOLE_STORE_TAKES};
  const uint32_t gives[] = {SYSTOLE_LOAD_GIVES, SYSTOLE_COMPUTE_GIVES, SYSTOLE_STORE_GIVES};
  std::array<uint8_t, 8> there = tokens, given = tokens;
  const unsigned rarely = 1 + below(4);  // tokens order much or little
  std::vector<Record> records;
  unsigned engine = 0, left = 0;
  do {
    if (left == 0) {
      const uint32_t choice = below(mix.load + mix.matmul + mix.store);
      engine = choice < mix.load ? 0 : choice < mix.load + mix.matmul ? 1 : 2;
      left = kind == Kind::queues ? 1 + below(14) : 1;
    }
    --left;
    Record record = engine == 0 ? load(kind) : engine == 1 ? matmul(kind) : store(kind);
    uint32_t wait = 0, give = 0;
    for (unsigned token = 0; token < 8; ++token) {
      if ((takes[engine] >> token & 1) != 0 && there[token] != 0 && below(rarely) == 0) {
        --there[token];
        wait |= 1u << token;
      }
      if ((gives[engine] >> token & 1) != 0 && given[token] < 15 && below(rarely) == 0) {
        ++there[token];
        ++given[token];
        give |= 1u << token;
      }
    }
    put(record, FIELD(SYSTOLE_CMD_WAIT), wait);
    put(record, FIELD(SYSTOLE_CMD_GIVE), give);
    records.push_back(record);
  } while (cost_ < budget && records.size() < 80);
  put(records.back(), FIELD(SYSTOLE_CMD_IRQ), 1);
  return records;
}

}  // namespace systole::tb
