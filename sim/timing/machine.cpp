// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/machine.hpp"

#include <stdexcept>
#include <string>

#include "firmware/include/systole_regs.h"

namespace systole::timing {
namespace {

int32_t signed_field(const Record &record, unsigned word, unsigned lsb, unsigned width) {
  return static_cast<int32_t>(systole_field_get(record.data(), word, lsb, width) << (32 - width)) >> (32 - width);
}

}  // namespace

#define FIELD(name) systole_field_get(record.data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)
#define SIGNED_FIELD(name) signed_field(record, SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)

Decoded decode(const Record &record, uint32_t index) {
  Decoded d;
  bool counts = true;  // none is zero
  d.index = index;
  d.wait = static_cast<uint8_t>(FIELD(CMD_WAIT));
  d.give = static_cast<uint8_t>(FIELD(CMD_GIVE));
  switch (FIELD(CMD_OPCODE)) {
    case SYSTOLE_OPCODE_LOAD: {
      d.engine = Engine::Load;
      LoadFields &f = d.load;
      f.address = FIELD(LOAD_ADDRESS_LO) | uint64_t{FIELD(LOAD_ADDRESS_HI)} << 32;
      f.dest = FIELD(LOAD_DEST);
      f.bank = FIELD(LOAD_BANK);
      f.dst = FIELD(LOAD_DST);
      f.length = FIELD(LOAD_LENGTH);
      f.count1 = FIELD(LOAD_COUNT1);
      f.count2 = FIELD(LOAD_COUNT2);
      f.pitch1 = SIGNED_FIELD(LOAD_PITCH1);
      f.pitch2 = SIGNED_FIELD(LOAD_PITCH2);
      f.pad_left = FIELD(LOAD_PAD_LEFT);
      f.pad_right = FIELD(LOAD_PAD_RIGHT);
      f.pad_top = FIELD(LOAD_PAD_TOP);
      f.pad_bottom = FIELD(LOAD_PAD_BOTTOM);
      counts = f.length != 0 && f.count1 != 0 && f.count2 != 0;
      break;
    }
    case SYSTOLE_OPCODE_MATMUL: {
      d.engine = Engine::Compute;
      MatmulFields &f = d.matmul;
      f.a_dtype = FIELD(MATMUL_A_DTYPE);
      f.seed = FIELD(MATMUL_SEED);
      f.order = FIELD(MATMUL_ORDER);
      f.acc = FIELD(MATMUL_ACC);
      f.m0 = FIELD(MATMUL_M0);
      f.m1 = FIELD(MATMUL_M1);
      f.k0 = FIELD(MATMUL_K0);
      f.k1 = FIELD(MATMUL_K1);
      f.n = FIELD(MATMUL_N);
      f.acc_n_stride = SIGNED_FIELD(MATMUL_ACC_N_STRIDE);
      f.k_tail = FIELD(MATMUL_K_TAIL);
      f.n_tail = FIELD(MATMUL_N_TAIL);
      counts = f.m0 != 0 && f.m1 != 0 && f.k0 != 0 && f.k1 != 0 && f.n != 0 && f.n_tail != 0;
      break;
    }
    case SYSTOLE_OPCODE_STORE: {
      d.engine = Engine::Store;
      StoreFields &f = d.store;
      f.address = FIELD(STORE_ADDRESS_LO) | uint64_t{FIELD(STORE_ADDRESS_HI)} << 32;
      f.acc = FIELD(STORE_ACC);
      f.acc_n_stride = SIGNED_FIELD(STORE_ACC_N_STRIDE);
      f.m0 = FIELD(STORE_M0);
      f.m1 = FIELD(STORE_M1);
      f.pitch0 = SIGNED_FIELD(STORE_PITCH0);
      f.pitch1 = SIGNED_FIELD(STORE_PITCH1);
      f.n = FIELD(STORE_N);
      f.n_tail = FIELD(STORE_N_TAIL);
      f.out_dtype = FIELD(STORE_OUT_DTYPE);
      counts = f.m0 != 0 && f.m1 != 0 && f.n != 0 && f.n_tail != 0;
      break;
    }
    default:
      throw std::invalid_argument("record " + std::to_string(index) + " has the unknown opcode " +
                                  std::to_string(FIELD(CMD_OPCODE)));
  }
  if (!counts) throw std::invalid_argument("record " + std::to_string(index) + " has a count of zero");
  return d;
}

Services::Services(const Program &program) {
  add(program.records.data(), program.records.size());
  for (unsigned t = 0; t < 8; ++t)
    for (unsigned i = 0; i < program.tokens[t]; ++i) tokens_[t].push(0);
}

void Services::add(const Record *records, size_t count) {
  const size_t before = decoded_.size();
  try {
    for (size_t i = 0; i < count; ++i) decoded_.push_back(decode(records[i], static_cast<uint32_t>(before + i)));
  } catch (...) {
    decoded_.resize(before);
    throw;
  }
  commands_.resize(before + count);
  retired_.resize(before + count, kNever);
  left_.resize(before + count, kNever);
}

void Services::give(Cycle when, uint8_t mask) {
  const auto wakes = [&](uint8_t takes, Block block) {
    if (mask & takes) poke(block, when + 1);
  };
  wakes(SYSTOLE_LOAD_TAKES, Block::Read);
  wakes(SYSTOLE_COMPUTE_TAKES, Block::Compute);
  wakes(SYSTOLE_STORE_TAKES, Block::Store);
  for (unsigned t = 0; mask != 0; ++t, mask = static_cast<uint8_t>(mask >> 1))
    if (mask & 1) tokens_[t].push(when + 1);
}

void Services::pop(Engine engine, Cycle now) {
  Ring<Queued> &queue = queues_[static_cast<unsigned>(engine)];
  if (engine == Engine::Compute) left_[queue.front().command->index] = now + 1;
  queue.pop();
  popped_[static_cast<unsigned>(engine)] = now + 1;
  dispatch_poked_ = std::min(dispatch_poked_, now + 1);
  if (engine != Engine::Load) poke(Block::Read, now + 1);
}

void Services::done(Engine engine, uint32_t index, Cycle when) {
  commands_[index].end = when;
  bool retired = false;
  while (retired_count_ < commands_.size() && commands_[retired_count_].end != kNever) {
    // One a cycle, at the earliest in the cycle in which the engine says that it is complete.
    const Cycle before = retired_count_ == 0 ? 0 : retired_[retired_count_ - 1] + 1;
    retired_[retired_count_] = std::max(commands_[retired_count_].end, before);
    ++retired_count_;
    retired = true;
  }
  if (!retired) return;
  dispatch_poked_ = std::min(dispatch_poked_, now_);
  if (engine != Engine::Load) poke(Block::Read, now_);
}

Cycle Services::next_token(uint8_t takes, Cycle now) const {
  Cycle next = kNever;
  for (unsigned left = takes; left != 0; left &= left - 1) {
    const Ring<Cycle> &tokens = tokens_[static_cast<unsigned>(__builtin_ctz(left))];
    if (!tokens.empty() && tokens.front() > now) next = std::min(next, tokens.front());
  }
  return next;
}

}  // namespace systole::timing
