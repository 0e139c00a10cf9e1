// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/write_path.hpp"

#include <algorithm>

#include "firmware/include/systole_regs.h"

namespace systole::timing {

WritePath::WritePath(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, Services &services)
    : max_writes_(config.max_writes),
      limit_(std::min(memory.outstanding, max_writes_)),
      latency_(memory.latency),
      beat_cycles_((config.axi_bytes() + memory.bytes_per_cycle - 1) / memory.bytes_per_cycle),
      services_(services),
      generator_(config.axi_bytes()) {
  size_t places = 1;
  while (places < max_writes_) places *= 2;
  answers_.resize(places);
  answer_mask_ = places - 1;
}

void WritePath::command(Cycle when, const Transfer &transfer, const Decoded &store) {
  generator_.start(transfer);
  store_ = &store;
  ready_ = when + 1;
  raise();
}

// Loads bursts and finds when the memory accepts their addresses, as far as the responses are known that make room for them.
void WritePath::raise() {
  for (;;) {
    if (!in_register_) {
      // Loaded when the register is empty or being emptied and, with it, less than max_writes_ wait for their response.
      if (!generator_.left() || raised_ >= answered_ + max_writes_) return;
      loaded_ = std::max(ready_, accepted_);
      if (raised_ >= max_writes_) loaded_ = std::max(loaded_, answered(raised_ - max_writes_));
      register_.beats = generator_.next();
      register_.last = !generator_.left();
      register_.store = store_;
      in_register_ = true;
    }
    // Accepted in the next cycle or in the one after that of the response that makes room in the memory.
    if (raised_ >= answered_ + limit_) return;
    accepted_ = loaded_ + 1;
    if (raised_ >= limit_) accepted_ = std::max(accepted_, answered(raised_ - limit_) + 1);
    register_.accepted = accepted_;
    services_.count_writes(1, 0);
    bursts_.push(register_);
    in_register_ = false;
    ++raised_;
  }
}

Cycle WritePath::send(Cycle ready) {
  Burst &burst = bursts_.front();
  const Cycle now = std::max(std::max(ready, burst.accepted + 1), next_beat_);
  next_beat_ = now + beat_cycles_;
  services_.count_writes(0, 1);
  if (--burst.beats != 0) return now;

  // Beats are at least a cycle apart, so no response finds the one before still there.
  const Cycle answer = now + latency_;
  answers_[answered_++ & answer_mask_] = answer;
  if (burst.last) {
    if ((burst.store->give & SYSTOLE_TOKEN_MEM_DONE) != 0) services_.give(answer + 1, SYSTOLE_TOKEN_MEM_DONE);
    services_.done(Engine::Store, burst.store->index, answer + 1);
  }
  bursts_.pop();
  raise();
  return now;
}

}  // namespace systole::timing
