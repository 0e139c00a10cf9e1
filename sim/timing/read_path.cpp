// SPDX-License-Identifier: Apache-2.0
#include "sim/timing/read_path.hpp"

#include <algorithm>

#include "firmware/include/systole_regs.h"

namespace systole::timing {

ReadSide::ReadSide(const platform::ConfigInfo &config, const platform::MemoryTiming &memory, const Program &program,
                   Services &services, const Compute &compute, bool every_cycle)
    : program_(program),
      services_(services),
      every_cycle_(every_cycle),
      queue_depth_(config.queue_depth),
      max_reads_(config.max_reads),
      outstanding_(std::min(memory.outstanding, config.max_reads)),  // more than the multiplexer lets through do not matter
      fetch_beats_(SYSTOLE_COMMAND_BYTES / config.axi_bytes()),
      stream_(config, memory, services, compute, every_cycle),
      bursts_(config.axi_bytes()) {}

Cycle ReadSide::step(Cycle now) {
  if (stream_.wake() <= now || every_cycle_) stream_.advance(now);

  const bool ready = room() <= now, take_fetch = fetch_valid_ && ready, load_ready = ready && !fetch_valid_;
  uint32_t beats = 0;
  if (take_fetch) {
    beats = fetch_beats_;
  } else if (load_ready) {
    beats = bursts_.beats();
  }
  load_front(now, load_ready);
  if (take_fetch || dispatch_wake_ <= now || services_.dispatch_poked_ <= now ||
      (!checked_ && !stream_.records.empty() && stream_.records.front() <= now) || every_cycle_)
    dispatch(now, take_fetch);
  if (beats != 0) {
    ++taken_;
    taken_at_ = now;
    handshake(now, beats, take_fetch);
  } else if (pending_) {
    handshake(now, pending_beats_, pending_fetch_);
  }
  return next(now);
}

// The burst in the multiplexer's register: if it is known when the memory has a place for it, it is as good as there.
void ReadSide::handshake(Cycle now, uint32_t beats, bool fetch) {
  const uint64_t burst = taken_ - 1;
  Cycle at = taken_at_ + 1;
  if (burst >= outstanding_) {
    if (burst - outstanding_ >= stream_.finished()) {
      pending_ = true;
      pending_beats_ = beats;
      pending_fetch_ = fetch;
      return;
    }
    at = std::max(at, stream_.last(burst - outstanding_) + 1);
  }
  pending_ = false;
  register_free_ = at;
  services_.count_reads(1, beats);
  stream_.burst(now, at, beats, fetch);
}

// The first cycle in which the multiplexer can take a burst, kNever if that is not known.
Cycle ReadSide::room() const {
  if (pending_) return kNever;
  if (taken_ < max_reads_) return register_free_;
  const uint64_t before = taken_ - max_reads_;
  return before < stream_.finished() ? std::max(register_free_, stream_.last(before)) : kNever;
}

void ReadSide::load_front(Cycle now, bool ready) {
  const bool offered = hold_ != nullptr && stream_.context_room() <= now;
  const bool taken = bursts_.step(now, offered ? &transfer_ : nullptr, ready);
  if (taken) {
    stream_.context(now, hold_, transfer_.merge1(), transfer_.merge2());
    hold_ = nullptr;
  }
  if (hold_ == nullptr) {
    const Decoded *command = services_.front(Engine::Load, now);
    if (command != nullptr && services_.available(now, command->wait)) {
      services_.take(now, command->wait);
      services_.pop(Engine::Load, now);
      services_.begin(command->index, now);
      hold_ = command;
      const LoadFields &load = command->load;
      transfer_ = {load.address, load.length, load.count1, load.count2, load.pitch1, load.pitch2};
    }
  }
}

bool ReadSide::queue_room(Engine engine, Cycle now) const {
  const unsigned e = static_cast<unsigned>(engine);
  return services_.queues_[e].size() + (services_.popped_[e] == now + 1 ? 1 : 0) < queue_depth_;
}

// Has the record kOrderDepth places before left the order queue?
bool ReadSide::order_room(Cycle now) const {
  if (index_ < kOrderDepth) return true;
  const uint32_t before = index_ - kOrderDepth;
  return before < services_.retired_count_ && services_.retired_[before] < now;
}

void ReadSide::dispatch(Cycle now, bool fetch_taken) {
  bool pushed = false;
  if (checked_) {
    const Decoded &record = services_.decoded_[index_];
    if (order_room(now) && queue_room(record.engine, now)) {
      pushed = true;
      services_.queues_[static_cast<unsigned>(record.engine)].push({&record, now + 1});
      services_.poke(Services::block_of(record.engine), now + 1);
      services_.left_[index_] = now + 1;
      ++index_;
    }
  }
  const bool accepted = (!checked_ || pushed) && !stream_.records.empty() && stream_.records.front() <= now;
  if (accepted) stream_.records.pop();
  checked_ = accepted || (checked_ && !pushed);

  while (doorbell_ < program_.doorbells.size() && program_.doorbells[doorbell_].cycle <= now)
    tail_ = program_.doorbells[doorbell_++].records;
  const bool ask = next_ != tail_ && reserved_ != kFetchSlots && (!fetch_valid_ || fetch_taken);
  if (fetch_taken) fetch_valid_ = false;
  if (ask) {
    fetch_valid_ = true;
    ++next_;
    ++reserved_;
  }
  if (accepted) --reserved_;
  services_.dispatch_poked_ = kNever;
  dispatch_wake_ = dispatch_next(now);
}

// The next cycle in which fetch or dispatch do something, apart from a record's arrival.
Cycle ReadSide::dispatch_next(Cycle now) const {
  Cycle wake = doorbell_ < program_.doorbells.size() ? program_.doorbells[doorbell_].cycle : kNever;
  if (next_ != tail_ && reserved_ != kFetchSlots && !fetch_valid_) return now + 1;
  if (!checked_) return wake;
  const Decoded &record = services_.decoded_[index_];
  if (!queue_room(record.engine, now + 1)) return wake;  // its pop wakes
  if (index_ < kOrderDepth) return now + 1;
  const uint32_t before = index_ - kOrderDepth;
  if (before < services_.retired_count_) wake = std::min(wake, std::max(now, services_.retired_[before]) + 1);
  return wake;  // else its completion wakes
}

// The next cycle in which something moves.
Cycle ReadSide::next(Cycle now) const {
  const Cycle soon = now + 1;
  Cycle wake = stream_.wake();
  const auto at = [&](Cycle cycle) { wake = std::min(wake, std::max(cycle, soon)); };

  if (fetch_valid_ || bursts_.valid()) at(room());
  at(bursts_.next(now));
  if (hold_ != nullptr) {
    if (!bursts_.setting_up()) at(stream_.context_room());
  } else if (const Decoded *command = services_.front(Engine::Load, soon)) {
    at(services_.when_available(command->wait));
  }
  at(dispatch_wake_);
  at(services_.dispatch_poked_);
  if (!checked_ && !stream_.records.empty()) at(stream_.records.front());
  return wake;
}

}  // namespace systole::timing
