// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <iterator>

#include "tests/unit/model/ring.hpp"

namespace systole::fuzz {
namespace {

constexpr uint32_t kWordBytes = 2 * SYSTOLE_FUZZ_Rows;
constexpr uint32_t kActWords = SYSTOLE_FUZZ_ActBytes / kWordBytes, kWgtWords = SYSTOLE_FUZZ_WgtBytes / kWordBytes;
constexpr uint32_t kAccWords = 2 * SYSTOLE_FUZZ_AccRows;

/// A field of a record.
struct Field {
  uint8_t word, lsb, width;
};
#define F(name) \
  { SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH }
constexpr Field kCommon[] = {F(CMD_OPCODE), F(CMD_VERSION), F(CMD_ACCEL_ID), F(CMD_IRQ),
                             F(CMD_WAIT),   F(CMD_GIVE),    F(CMD_WAIT),     F(CMD_GIVE)};
constexpr Field kLoad[] = {F(LOAD_ADDRESS_LO), F(LOAD_ADDRESS_HI), F(LOAD_DEST),    F(LOAD_BANK),
                           F(LOAD_TRANSPOSE),  F(LOAD_PAD_BYTE),   F(LOAD_DST),     F(LOAD_LENGTH),
                           F(LOAD_COUNT1),     F(LOAD_COUNT2),     F(LOAD_PITCH1),  F(LOAD_PITCH2),
                           F(LOAD_PAD_LEFT),   F(LOAD_PAD_RIGHT),  F(LOAD_PAD_TOP), F(LOAD_PAD_BOTTOM)};
constexpr Field kMatmul[] = {F(MATMUL_A_DTYPE),
                             F(MATMUL_B_DTYPE),
                             F(MATMUL_SEED),
                             F(MATMUL_ORDER),
                             F(MATMUL_B_ZP_PER_COLUMN),
                             F(MATMUL_WEIGHT_FORMAT),
                             F(MATMUL_A_ZERO_POINT),
                             F(MATMUL_B_ZERO_POINT),
                             F(MATMUL_ACT),
                             F(MATMUL_WGT),
                             F(MATMUL_ACC),
                             F(MATMUL_PARAM),
                             F(MATMUL_M0),
                             F(MATMUL_M1),
                             F(MATMUL_ACT_M0_STRIDE),
                             F(MATMUL_ACT_M1_STRIDE),
                             F(MATMUL_K0),
                             F(MATMUL_K1),
                             F(MATMUL_ACT_K0_STRIDE),
                             F(MATMUL_ACT_K1_STRIDE),
                             F(MATMUL_WGT_K0_STRIDE),
                             F(MATMUL_WGT_K1_STRIDE),
                             F(MATMUL_N),
                             F(MATMUL_K_TAIL),
                             F(MATMUL_N_TAIL),
                             F(MATMUL_WGT_N_STRIDE),
                             F(MATMUL_WGT_COL_STRIDE),
                             F(MATMUL_ACC_N_STRIDE)};
constexpr Field kStore[] = {F(STORE_ADDRESS_LO), F(STORE_ADDRESS_HI), F(STORE_ACC),        F(STORE_ACC_N_STRIDE),
                            F(STORE_M0),         F(STORE_M1),         F(STORE_PITCH0),     F(STORE_PITCH1),
                            F(STORE_N),          F(STORE_N_TAIL),     F(STORE_OUT_DTYPE),  F(STORE_ACTIVATION),
                            F(STORE_RESIDUAL),   F(STORE_REQUANT),    F(STORE_PER_COLUMN), F(STORE_OUT_ZERO_POINT),
                            F(STORE_SHIFT),      F(STORE_SCALE),      F(STORE_CLAMP_MIN),  F(STORE_CLAMP_MAX),
                            F(STORE_PARAM)};
#undef F

constexpr uint16_t kRegisters[] = {
    SYSTOLE_REG_ID,           SYSTOLE_REG_VERSION,       SYSTOLE_REG_CAP0,          SYSTOLE_REG_CAP1,
    SYSTOLE_REG_CAP2,         SYSTOLE_REG_CTRL,          SYSTOLE_REG_STATUS,        SYSTOLE_REG_IRQ_ENABLE,
    SYSTOLE_REG_IRQ_STATUS,   SYSTOLE_REG_RING_BASE_LO,  SYSTOLE_REG_RING_BASE_HI,  SYSTOLE_REG_RING_SIZE,
    SYSTOLE_REG_RING_TAIL,    SYSTOLE_REG_RING_HEAD,     SYSTOLE_REG_WATCHDOG,      SYSTOLE_REG_ERROR_CODE,
    SYSTOLE_REG_ERROR_INDEX,  SYSTOLE_REG_ERROR_ADDR_LO, SYSTOLE_REG_ERROR_ADDR_HI, SYSTOLE_REG_DONE_LOAD,
    SYSTOLE_REG_DONE_COMPUTE, SYSTOLE_REG_DONE_STORE,    SYSTOLE_REG_COUNTER_CTRL,  SYSTOLE_REG_COUNTER_TOTAL_LO,
    SYSTOLE_REG_READ_BASE_LO, SYSTOLE_REG_READ_LIMIT_LO, SYSTOLE_REG_WRITE_BASE_LO, SYSTOLE_REG_WRITE_LIMIT_LO,
    SYSTOLE_REG_READ_BASE_HI, SYSTOLE_REG_READ_LIMIT_HI, SYSTOLE_REG_WRITE_BASE_HI, SYSTOLE_REG_WRITE_LIMIT_HI,
    SYSTOLE_REG_LOCK,         SYSTOLE_REG_INJECT,        SYSTOLE_REG_INJECT};

template <class T, size_t N>
const T &pick(Random &random, const T (&from)[N]) {
  return from[random.below(N)];
}

/// An offset into the memory's part that begins at `place`.
uint64_t somewhere(Random &random, uint32_t place, uint32_t bytes) {
  switch (random.below(4)) {
    case 0: return kMemory + place + random.below(bytes / 16) * 16;
    case 1: return kMemory + place + (random.below(bytes / 4096 + 1) * 4096 - random.below(40)) % bytes;  // near a page's end
    default: return kMemory + place + random.below(bytes - 512);
  }
}

uint32_t small(Random &random) {
  static const uint8_t sizes[] = {1, 1, 1, 2, 2, 3, 4, 5, 7, 9};
  return pick(random, sizes);
}

Record random_load(Random &random, unsigned dest, unsigned bank) {
  const uint32_t word = dest <= SYSTOLE_DEST_WGT                   ? kWordBytes
                        : dest == SYSTOLE_DEST_PARAM && (bank & 1) ? SYSTOLE_FUZZ_Cols
                                                                   : 4 * SYSTOLE_FUZZ_Cols;
  const uint32_t depths[] = {kActWords, kWgtWords, kAccWords, SYSTOLE_FUZZ_ParamEntries};
  const uint32_t depth = depths[dest];
  uint64_t address = somewhere(random, kOperands, kScales - kOperands);
  if (dest == SYSTOLE_DEST_PARAM && bank == SYSTOLE_BANK_SCALE) address = (kMemory + kScales + random.below(900) * 4);
  if (dest == SYSTOLE_DEST_PARAM && bank == SYSTOLE_BANK_SHIFT) address = somewhere(random, kShifts, kWords - kShifts);
  if (dest == SYSTOLE_DEST_PARAM && bank == SYSTOLE_BANK_BIAS && !random.one_in(4))
    address = kMemory + kWords + random.below(900) * 4;
  // Mostly the whole of a buffer or a good part, so that what follows finds something.
  const uint32_t words = random.one_in(3) ? 1 + random.below(depth) : depth;
  uint32_t dst = words == depth ? 0 : random.below(depth - words + 1), length = words * word, count1 = 1, count2 = 1;
  int32_t pitch1 = 0, pitch2 = 0;
  Record r = model::load(dest, address, dst, length, 1, 0);
  if (random.one_in(3)) {
    const uint32_t item = 1 + random.below(std::min(words, 6u));
    count1 = std::max(1u, std::min(words / item, small(random)));
    count2 = std::max(1u, std::min(words / item / count1, small(random)));
    length = item * word - (random.one_in(3) ? random.below(word) : 0);
    pitch1 = random.one_in(3) ? static_cast<int32_t>(length) : random.between(-300, 600);
    pitch2 = random.one_in(4) ? random.between(-5000, 5000) : random.between(-300, 600);
    SET(r, LOAD_LENGTH, length);
    SET(r, LOAD_COUNT1, count1);
    SET(r, LOAD_COUNT2, count2);
    SET(r, LOAD_PITCH1, pitch1);
    SET(r, LOAD_PITCH2, pitch2);
    if (random.one_in(3)) {
      SET(r, LOAD_PAD_LEFT, random.below(3));
      SET(r, LOAD_PAD_RIGHT, random.below(3));
      SET(r, LOAD_PAD_TOP, random.below(2));
      SET(r, LOAD_PAD_BOTTOM, random.below(2));
      SET(r, LOAD_PAD_BYTE, random.next());
    }
  }
  SET(r, LOAD_BANK, bank);
  return r;
}

/// A stride for `count` steps and, by adding to `low` and `high`, the least and the greatest offset it leads to.
int32_t stride(Random &random, uint32_t count, int32_t most, int32_t &low, int32_t &high) {
  int32_t out = random.one_in(5) ? -random.between(0, most) : random.between(0, most);
  if (random.one_in(3)) out = 1;
  const int32_t span = out * static_cast<int32_t>(count - 1);
  (span < 0 ? low : high) += span;
  return out;
}

uint32_t base(Random &random, uint32_t depth, int32_t low, int32_t high) {
  const int32_t room = static_cast<int32_t>(depth) - 1 - high + low;
  return room < 0 ? random.below(depth) : static_cast<uint32_t>(-low + random.between(0, room));
}

Record random_matmul(Random &random) {
  static const uint8_t types[][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 2}, {3, 3}};
  const uint8_t(&type)[2] = types[SYSTOLE_FUZZ_Fp ? random.below(6) : random.below(4)];
  const bool floating = type[0] >= SYSTOLE_DTYPE_FP16;
  const uint32_t m0 = small(random), m1 = random.one_in(3) ? small(random) : 1, k0 = 1 + random.below(3),
                 k1 = 1 + random.below(2), n = 1 + random.below(2);
  Record r = model::matmul(floating ? 2 * (1 + random.below(kWordBytes / 2)) : 1 + random.below(kWordBytes),
                           1 + random.below(SYSTOLE_FUZZ_Cols));
  SET(r, MATMUL_A_DTYPE, type[0]);
  SET(r, MATMUL_B_DTYPE, type[1]);
  SET(r, MATMUL_SEED, random.below(3));
  SET(r, MATMUL_ORDER, random.below(2));
  SET(r, MATMUL_PARAM, random.below(SYSTOLE_FUZZ_ParamEntries - n + 1));
  if (!floating) {
    SET(r, MATMUL_B_ZP_PER_COLUMN, random.below(2));
    SET(r, MATMUL_A_ZERO_POINT, random.next());
    SET(r, MATMUL_B_ZERO_POINT, random.next());
  }
  int32_t low = 0, high = 0;
  SET(r, MATMUL_M0, m0);
  SET(r, MATMUL_M1, m1);
  SET(r, MATMUL_K0, k0);
  SET(r, MATMUL_K1, k1);
  SET(r, MATMUL_N, n);
  SET(r, MATMUL_ACT_M0_STRIDE, stride(random, m0, 4, low, high));
  SET(r, MATMUL_ACT_M1_STRIDE, stride(random, m1, 4, low, high));
  SET(r, MATMUL_ACT_K0_STRIDE, stride(random, k0, 4, low, high));
  SET(r, MATMUL_ACT_K1_STRIDE, stride(random, k1, 4, low, high));
  SET(r, MATMUL_ACT, base(random, kActWords, low, high));
  low = high = 0;
  SET(r, MATMUL_WGT_K0_STRIDE, stride(random, k0, 4, low, high));
  SET(r, MATMUL_WGT_K1_STRIDE, stride(random, k1, 4, low, high));
  SET(r, MATMUL_WGT_N_STRIDE, stride(random, n, 8, low, high));
  SET(r, MATMUL_WGT_COL_STRIDE, stride(random, SYSTOLE_FUZZ_Cols, 4, low, high));
  SET(r, MATMUL_WGT, base(random, kWgtWords, low, high));
  low = 0;
  high = static_cast<int32_t>(m0 * m1) - 1;
  const int32_t tiles = random.one_in(3) ? stride(random, n, 12, low, high)
                                         : (high += static_cast<int32_t>((n - 1) * m0 * m1), static_cast<int32_t>(m0 * m1));
  SET(r, MATMUL_ACC_N_STRIDE, tiles);
  SET(r, MATMUL_ACC, base(random, kAccWords, low, high));
  return r;
}

Record random_store(Random &random) {
  const uint32_t m0 = small(random), m1 = random.one_in(3) ? small(random) : 1, n = 1 + random.below(2);
  const uint32_t tail = 1 + random.below(SYSTOLE_FUZZ_Cols);
  const uint64_t address = random.one_in(24) ? somewhere(random, kRingArea, kRingBytes)
                                             : somewhere(random, kResults + 64, kMemoryBytes - kResults - 1024);
  const int32_t pitch =
      random.one_in(2) ? static_cast<int32_t>(((n - 1) * SYSTOLE_FUZZ_Cols + tail) * 4) : random.between(-100, 200);
  int32_t low = 0, high = static_cast<int32_t>(m0 * m1) - 1;
  const int32_t tiles = stride(random, n, 12, low, high);
  Record r = model::store(address, base(random, kAccWords, low, high), m0, pitch, n, tail);
  SET(r, STORE_M1, m1);
  SET(r, STORE_PITCH1, random.one_in(3) ? random.between(-4200, 4200) : random.between(-100, 300));
  SET(r, STORE_ACC_N_STRIDE, tiles);
  const uint32_t kind = random.below(12);
  if (kind >= 1 && kind < 4 && SYSTOLE_FUZZ_Fp) {
    static const uint8_t types[] = {SYSTOLE_DTYPE_FP32, SYSTOLE_DTYPE_FP16, SYSTOLE_DTYPE_BF16};
    r = random.one_in(2) ? model::float_results(r, types[kind - 1])
                         : model::float_results(r, types[kind - 1], 0xC0000000u, 0x42000000u);
  } else if (kind >= 4) {
    const bool fixed = kind & 2, columns = kind & 1;
    r = model::byte_results(r, kind < 8 ? SYSTOLE_DTYPE_S8 : SYSTOLE_DTYPE_U8,
                            fixed ? SYSTOLE_REQUANT_FIXED : SYSTOLE_REQUANT_FLOAT,
                            fixed ? static_cast<uint32_t>(random.next()) >> 1 : 0x3C000000u + random.below(0x02000000u),
                            fixed ? random.between(-31, 30) : 0, static_cast<int>(random.below(256)));
    if (columns) r = model::per_column(r, random.below(SYSTOLE_FUZZ_ParamEntries - n + 1));
    if (random.one_in(3)) {
      SET(r, STORE_CLAMP_MIN, random.below(60));
      SET(r, STORE_CLAMP_MAX, 60 + random.below(60));
    }
  }
  return r;
}

Op record_op(const Record &record) {
  Op op;
  op.kind = Op::kRecord;
  op.record = record;
  return op;
}
Op plain(Op::Kind kind, uint32_t value = 0) {
  Op op;
  op.kind = kind;
  op.value = value;
  return op;
}

void give(Record &r, uint32_t tokens) { SET(r, CMD_GIVE, SYSTOLE_FUZZ_FIELD(r, CMD_GIVE) | tokens); }
void wait(Record &r, uint32_t tokens) { SET(r, CMD_WAIT, SYSTOLE_FUZZ_FIELD(r, CMD_WAIT) | tokens); }

/// LOADs, MATMUL and STORE, each waiting for what it needs.
void add_chain(std::vector<Op> &ops, Random &random) {
  const bool by_token = !random.one_in(6);
  Record store = random_store(random), matmul = random_matmul(random);
  Record act = random_load(random, SYSTOLE_DEST_ACT, 0), wgt = random_load(random, SYSTOLE_DEST_WGT, 0);
  if (by_token) {
    give(act, SYSTOLE_TOKEN_ACT_FULL);
    give(wgt, SYSTOLE_TOKEN_WGT_FULL);
    wait(matmul, SYSTOLE_TOKEN_ACT_FULL | SYSTOLE_TOKEN_WGT_FULL);
    give(matmul, SYSTOLE_TOKEN_ACC_FULL);
    wait(store, SYSTOLE_TOKEN_ACC_FULL);
  }
  // Loads of the parameters that are used come first: the weights' token covers them.
  if (SYSTOLE_FUZZ_FIELD(matmul, MATMUL_SEED) == SYSTOLE_SEED_BIAS)
    ops.push_back(record_op(random_load(random, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_BIAS)));
  if (SYSTOLE_FUZZ_FIELD(matmul, MATMUL_SEED) == SYSTOLE_SEED_KEEP && !random.one_in(3))
    ops.push_back(record_op(random_load(random, SYSTOLE_DEST_ACC, 0)));
  if (SYSTOLE_FUZZ_FIELD(matmul, MATMUL_B_ZP_PER_COLUMN))
    ops.push_back(record_op(random_load(random, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_B_ZERO_POINT)));
  if (SYSTOLE_FUZZ_FIELD(store, STORE_PER_COLUMN) && !random.one_in(8)) {
    Record scales = random_load(random, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SCALE);
    Record shifts = random_load(random, SYSTOLE_DEST_PARAM, SYSTOLE_BANK_SHIFT);
    if (random.one_in(2)) {
      give(shifts, SYSTOLE_TOKEN_PARAM_FULL);
      wait(store, SYSTOLE_TOKEN_PARAM_FULL);
    }
    ops.push_back(record_op(scales));
    ops.push_back(record_op(shifts));
  }
  if (random.one_in(4)) SET(store, CMD_IRQ, 1);
  ops.push_back(record_op(act));
  ops.push_back(record_op(wgt));
  if (random.one_in(4)) ops.push_back(plain(Op::kDoorbell));
  ops.push_back(record_op(matmul));
  ops.push_back(record_op(store));
  if (!random.one_in(4)) ops.push_back(plain(Op::kDoorbell));
  if (random.one_in(2)) ops.push_back(plain(Op::kIdle));
}

uint32_t interesting(Random &random, uint32_t width) {
  const uint32_t mask = width >= 32 ? ~0u : (1u << width) - 1;
  switch (random.below(8)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return mask;
    case 3: return (1u << (width - 1)) & mask;
    case 4: return mask >> 1;
    case 5: return (1u << random.below(width)) - random.below(2);
    case 6: return random.below(16) & mask;
    default: return static_cast<uint32_t>(random.next()) & mask;
  }
}

void mutate_record(Record &r, Random &random) {
  const unsigned opcode = SYSTOLE_FUZZ_FIELD(r, CMD_OPCODE);
  const Field *field = nullptr;
  switch (random.below(5)) {
    case 0: field = &pick(random, kCommon); break;
    case 1: r[random.below(16)] ^= 1u << random.below(32); return;
    default:
      field = opcode == SYSTOLE_OPCODE_LOAD     ? &pick(random, kLoad)
              : opcode == SYSTOLE_OPCODE_MATMUL ? &pick(random, kMatmul)
                                                : &pick(random, kStore);
  }
  const uint32_t old = systole_field_get(r.data(), field->word, field->lsb, field->width);
  uint32_t value = interesting(random, field->width);
  if (random.one_in(2)) value = old + static_cast<uint32_t>(random.between(-4, 4));
  const uint32_t mask = field->width >= 32 ? ~0u : (1u << field->width) - 1;
  systole_field_set(r.data(), field->word, field->lsb, field->width, value & mask);
}

/// A fault in one of the memories with parity.
uint32_t injection(Random &random) {
  return SYSTOLE_INJECT_ARM_MASK | random.below(SYSTOLE_MEMORY_SHIFT + 1) << SYSTOLE_INJECT_MEMORY_LSB |
         random.below(SYSTOLE_FUZZ_Cols) << SYSTOLE_INJECT_BANK_LSB;
}

Op random_op(Random &random) {
  Op op;
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: return record_op(random_record(random));
    case 4: return plain(Op::kDoorbell, random.one_in(6) ? static_cast<uint32_t>(random.between(-3, 3)) : 0);
    case 5: return plain(Op::kWait, random.below(random.one_in(3) ? 600 : 40));
    case 6: return plain(Op::kIdle);
    case 7:
    case 8:
    case 9:
      op.kind = Op::kWrite;
      op.offset = random.one_in(8) ? static_cast<uint16_t>(random.below(0x1000)) : pick(random, kRegisters);
      op.value = interesting(random, 32);
      if (op.offset == SYSTOLE_REG_WATCHDOG) op.value = random.below(300);
      if (op.offset >= SYSTOLE_REG_READ_BASE_LO && op.offset < SYSTOLE_REG_LOCK && op.offset % 8 == 0 && !random.one_in(4))
        op.value = static_cast<uint32_t>(kMemory) + random.below(17) * 4096 - random.below(2);
      if (op.offset == SYSTOLE_REG_INJECT && !random.one_in(4)) op.value = injection(random);
      op.style = static_cast<uint8_t>(random.one_in(3) ? random.next() : 0xF);
      return op;
    case 10:
      op.kind = Op::kRead;
      op.offset = random.one_in(8) ? static_cast<uint16_t>(random.below(0x1000)) : pick(random, kRegisters);
      op.style = static_cast<uint8_t>(random.one_in(3) ? random.next() : 0);
      return op;
    case 11:
      op.kind = Op::kSoftReset;
      op.style = static_cast<uint8_t>(random.one_in(3) ? random.below(4) : 0);
      return op;
    case 12: op.kind = random.one_in(3) ? Op::kHardReset : Op::kNoBusErrors; return op;
    case 13:
    case 14: {
      op.kind = Op::kBusError;
      static const uint16_t places[] = {kRingArea, kOperands, kScales, kWords, kResults};
      op.offset = static_cast<uint16_t>(random.one_in(4) ? random.next() : pick(random, places) + random.below(0x800));
      op.value = random.one_in(3) ? random.below(0x2000) : random.below(8);
      op.style = static_cast<uint8_t>(random.below(8));
      return op;
    }
    default:
      op.kind = Op::kPoke;
      op.offset =
          static_cast<uint16_t>(random.one_in(4) ? random.below(kRingBytes) : kOperands + random.below(kMemoryBytes - kOperands));
      op.value = interesting(random, 32);
      return op;
  }
}

void mutate_header(Header &header, Random &random) {
  uint8_t *const bytes = reinterpret_cast<uint8_t *>(&header);
  bytes[random.below(kHeaderBytes)] = static_cast<uint8_t>(random.one_in(2) ? random.below(8) : random.next());
}

}  // namespace

uint64_t Random::next() {  // splitmix64
  uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

Record random_record(Random &random) {
  Record out;
  switch (random.below(3)) {
    case 0: {
      const unsigned dest = random.below(4);
      out = random_load(random, dest, dest == SYSTOLE_DEST_PARAM ? random.below(4) : 0);
      if (random.one_in(4)) SET(out, CMD_GIVE, SYSTOLE_LOAD_GIVES & random.next());
      if (random.one_in(8)) SET(out, CMD_WAIT, SYSTOLE_LOAD_TAKES & random.next());
      break;
    }
    case 1:
      out = random_matmul(random);
      if (random.one_in(4)) SET(out, CMD_GIVE, SYSTOLE_COMPUTE_GIVES & random.next());
      if (random.one_in(8)) SET(out, CMD_WAIT, SYSTOLE_COMPUTE_TAKES & random.next());
      break;
    default:
      out = random_store(random);
      if (random.one_in(4)) SET(out, CMD_GIVE, SYSTOLE_STORE_GIVES & random.next());
      if (random.one_in(8)) SET(out, CMD_WAIT, SYSTOLE_STORE_TAKES & random.next());
      break;
  }
  return out;
}

Program random_program(Random &random) {
  Program out;
  Header &header = out.header;
  header.image_seed = static_cast<uint8_t>(random.next());
  header.x_seed = static_cast<uint8_t>(random.next());
  header.latency = static_cast<uint8_t>(random.below(random.one_in(8) ? 8 : 5));
  header.bytes_per_cycle = static_cast<uint8_t>(random.one_in(3) ? random.below(4) : 2);
  header.outstanding = static_cast<uint8_t>(random.below(4));
  header.stall_seed = static_cast<uint8_t>(random.one_in(2) ? random.next() : 0);
  header.flags = static_cast<uint8_t>(random.below(2) * kStepwise | (random.one_in(24) ? kDisabled : 0));
  header.ring_log2 = static_cast<uint8_t>(random.one_in(4) ? random.below(6) : 4);
  header.ring_base = static_cast<uint8_t>(random.next());
  if (random.one_in(8)) header.read_window = static_cast<uint8_t>(random.one_in(2) ? 0x0F : random.next());
  if (random.one_in(6)) header.write_window = static_cast<uint8_t>(random.one_in(2) ? 0xBF : random.next());
  if (random.one_in(6)) header.lock = static_cast<uint8_t>(random.below(4));
  if (random.one_in(12)) {
    Op op;
    op.kind = Op::kWrite;
    op.offset = SYSTOLE_REG_INJECT;
    op.value = injection(random);
    op.style = 0xF;
    out.ops.push_back(op);
  }
  for (unsigned chains = 1 + random.below(2); chains > 0; --chains) add_chain(out.ops, random);
  if (random.one_in(2)) out.ops.push_back(random_op(random));
  return out;
}

void mutate(Program &program, Random &random) {
  std::vector<Op> &ops = program.ops;
  for (unsigned changes = 1 + random.below(4); changes > 0; --changes) {
    const auto any = [&] { return ops.begin() + random.below(static_cast<uint32_t>(ops.size())); };
    const auto gap = [&] { return ops.begin() + random.below(static_cast<uint32_t>(ops.size()) + 1); };
    if (ops.empty()) {
      program = random_program(random);
      continue;
    }
    switch (random.below(16)) {
      case 0: mutate_header(program.header, random); break;
      case 1:
      case 2: ops.insert(gap(), random_op(random)); break;
      case 3:
      case 4: ops.erase(any()); break;
      case 5: {
        // Many of one kind overflow a token's counter.
        const Op copy = *any();
        ops.insert(gap(), random.one_in(6) ? 2 + random.below(16) : 1, copy);
        break;
      }
      case 6: std::swap(*any(), *any()); break;
      case 7: {
        std::vector<Op> chain;
        add_chain(chain, random);
        ops.insert(gap(), chain.begin(), chain.end());
        break;
      }
      case 8: *any() = random_op(random); break;
      default: {
        Op &op = *any();
        if (op.kind == Op::kRecord) {
          mutate_record(op.record, random);
        } else if (random.one_in(3)) {
          op = random_op(random);
        } else {
          op.value = random.one_in(2) ? interesting(random, 32) : op.value + static_cast<uint32_t>(random.between(-3, 3));
          if (random.one_in(4)) op.style = static_cast<uint8_t>(random.next());
          if (random.one_in(4)) op.offset = static_cast<uint16_t>(op.offset + 4 * random.between(-3, 3));
        }
      }
    }
  }
  if (ops.size() > kMaxOps) ops.resize(kMaxOps);
}

Program cross(const Program &a, const Program &b, Random &random) {
  Program out;
  out.header = random.one_in(2) ? a.header : b.header;
  if (!a.ops.empty()) out.ops.assign(a.ops.begin(), a.ops.begin() + random.below(static_cast<uint32_t>(a.ops.size()) + 1));
  if (!b.ops.empty())
    out.ops.insert(out.ops.end(), b.ops.begin() + random.below(static_cast<uint32_t>(b.ops.size())), b.ops.end());
  if (out.ops.size() > kMaxOps) out.ops.resize(kMaxOps);
  return out;
}

}  // namespace systole::fuzz
