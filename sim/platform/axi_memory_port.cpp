// SPDX-License-Identifier: Apache-2.0
#include "sim/platform/axi_memory_port.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace systole::platform {
namespace {

constexpr uint8_t JUNK = 0xDB;

unsigned log2_of(unsigned value) {
  unsigned result = 0;
  while ((1u << result) < value) ++result;
  return result;
}

}  // namespace

uint64_t StallSource::random() {  // splitmix64
  uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

bool StallSource::next() {
  if (!on_) return false;
  if (spell_ == 0) {
    const uint64_t r = random();
    spell_ = 1 + (r >> 32) % 64;
    switch (r & 7) {  // a third of all spells is free, a few are dead
      case 0:
      case 1:
      case 2: density_ = 0; break;
      case 3:
        density_ = 255;
        spell_ = 1 + spell_ / 2;
        break;
      case 4: density_ = 32; break;
      case 5: density_ = 192; break;
      default: density_ = 128; break;
    }
  }
  --spell_;
  return density_ != 0 && (random() & 0xFF) < density_;
}

AxiMemoryPort::AxiMemoryPort(unsigned bus_bytes, const MemoryTiming &timing, MemoryBackend &backend)
    : bus_bytes_(bus_bytes),
      size_log2_(log2_of(bus_bytes)),
      backend_(backend),
      read_tokens_(bus_bytes),
      write_tokens_(bus_bytes) {
  if (bus_bytes < 4 || bus_bytes > MAX_BUS_BYTES || (bus_bytes & (bus_bytes - 1)) != 0)
    throw std::invalid_argument("bus width must be 4 to 64 bytes and a power of two");
  set_timing(timing);
}

void AxiMemoryPort::set_timing(const MemoryTiming &timing) {
  if (timing.latency == 0 || timing.bytes_per_cycle == 0 || timing.outstanding == 0)
    throw std::invalid_argument("memory latency, bytes per cycle and outstanding bursts must be at least 1");
  if (!quiet()) throw std::logic_error("the memory's timing can be changed only while it is quiet: " + describe());
  timing_ = timing;
  rate_ = std::min(timing.bytes_per_cycle, bus_bytes_);
  StallSource *const channels[] = {&ar_stall_, &aw_stall_, &w_stall_, &r_stall_, &b_stall_};
  for (unsigned i = 0; i < std::size(channels); ++i)
    *channels[i] = timing.stall_seed ? StallSource(*timing.stall_seed * 5 + i) : StallSource();
}

bool AxiMemoryPort::quiet() const {
  return reads_.empty() && write_outstanding_ == 0 && read_tokens_ == bus_bytes_ && write_tokens_ == bus_bytes_;
}

void AxiMemoryPort::inject(uint64_t first, uint64_t last, Resp response, bool reads, bool writes) {
  injections_.push_back({first, last, response, reads, writes});
}

Resp AxiMemoryPort::injected(uint64_t first, uint64_t last, bool is_read) const {
  for (const Injection &injection : injections_)
    if ((is_read ? injection.reads : injection.writes) && first <= injection.last && last >= injection.first)
      return injection.response;
  return RESP_OKAY;
}

Resp AxiMemoryPort::injected_ordinal(bool read, uint64_t number) const {
  for (const Ordinal &ordinal : ordinals_)
    if (ordinal.read == read && ordinal.number == number) return ordinal.response;
  return RESP_OKAY;
}

uint64_t AxiMemoryPort::transferred(Channel channel) const {
  switch (channel) {
    case AR: return read_bursts_;
    case AW: return write_bursts_;
    case W: return write_beats_;
    case R: return read_beats_;
    case B: break;
  }
  return write_answers_;
}

bool AxiMemoryPort::regular(const AxiAddress &address) const { return address.burst == 1 && address.size == size_log2_; }

const AxiSlavePins &AxiMemoryPort::drive() {
  if (driven_) return pins_;
  driven_ = true;
  const bool ar_stalled = ar_stall_.next(), aw_stalled = aw_stall_.next(), w_stalled = w_stall_.next(),
             r_stalled = r_stall_.next(), b_stalled = b_stall_.next();
  pins_.arready = reads_.size() < timing_.outstanding && !ar_stalled && !held(AR);
  pins_.awready = write_outstanding_ < timing_.outstanding && !aw_stalled && !held(AW);
  pins_.wready = write_tokens_ >= bus_bytes_ && !w_stalled && !held(W);

  if (!r_held_) {
    pins_.rvalid = false;
    if (!reads_.empty() && !r_stalled && read_tokens_ >= bus_bytes_ && !held(R)) {
      const Read &read = reads_.front();
      if (cycle_ >= read.due) {
        pins_.rvalid = true;
        pins_.rid = read.id;
        pins_.rlast = read.next + 1 == read.beats;
        pins_.rresp = read.resp.empty() ? static_cast<uint8_t>(RESP_OKAY) : read.resp[read.next];
        std::memcpy(pins_.rdata.data(), read.data.data() + size_t{read.next} * bus_bytes_, bus_bytes_);
      }
    }
  }
  if (!b_held_) {
    pins_.bvalid = false;
    if (!writes_.empty() && !b_stalled && !held(B)) {
      Write &write = writes_.front();
      if (write.done && cycle_ >= write.due) {
        if (!write.answered) take_effect(write);
        pins_.bvalid = true;
        pins_.bid = write.address.id;
        pins_.bresp = write.resp;
      }
    }
  }
  return pins_;
}

void AxiMemoryPort::clock(const AxiMasterPins &master, bool reset) {
  drive();
  driven_ = false;
  if (reset) {
    reads_.clear();
    writes_.clear();
    write_filling_ = write_outstanding_ = 0;
    r_held_ = b_held_ = false;
    pins_ = AxiSlavePins{};
    read_tokens_ = write_tokens_ = bus_bytes_;
    ++cycle_;
    return;
  }
  // R and B first: a slot that is released in this cycle may be used from the next one on.
  if (pins_.rvalid) {
    r_held_ = !master.rready;
    if (master.rready) {
      ++read_beats_;
      read_tokens_ -= bus_bytes_;
      Read &read = reads_.front();
      if (recording_) transfers_.push_back({false, cycle_, read.addr, read.next, static_cast<Resp>(pins_.rresp)});
      if (++read.next == read.beats) reads_.pop();
    }
  }
  if (pins_.bvalid) {
    b_held_ = !master.bready;
    if (master.bready) {
      ++write_answers_;
      if (recording_) transfers_.push_back({true, cycle_, writes_.front().address.addr, 0, static_cast<Resp>(pins_.bresp)});
      writes_.pop();
      --write_filling_;
      --write_outstanding_;
    }
  }
  if (master.arvalid && pins_.arready) {
    ++read_bursts_;
    accept_read(master.ar);
  }
  if (master.awvalid && pins_.awready) {
    Write &write = writes_.push();
    write.address = master.aw;
    write.number = write_bursts_;
    write.next = 0;
    write.done = write.answered = false;
    write.resp = RESP_OKAY;
    const size_t bytes = size_t{master.aw.beats()} * bus_bytes_;
    write.data.resize(bytes);
    write.enable.resize(bytes);
    ++write_outstanding_;
    ++write_bursts_;
  }
  if (master.wvalid && pins_.wready) {
    write_tokens_ -= bus_bytes_;
    ++write_beats_;
    if (write_filling_ >= writes_.size()) throw std::runtime_error("cycle " + std::to_string(cycle_) + ": W data before its AW");
    Write &write = writes_[write_filling_];
    const size_t offset = size_t{write.next} * bus_bytes_;
    std::memcpy(write.data.data() + offset, master.wdata.data(), bus_bytes_);
    for (unsigned lane = 0; lane < bus_bytes_; ++lane) write.enable[offset + lane] = (master.wstrb >> lane) & 1 ? 0xFF : 0;
    if (++write.next == write.address.beats()) {
      write.done = true;
      write.due = cycle_ + timing_.latency;
      ++write_filling_;
    }
  }
  read_tokens_ = std::min(bus_bytes_, read_tokens_ + rate_);
  write_tokens_ = std::min(bus_bytes_, write_tokens_ + rate_);
  ++cycle_;
}

void AxiMemoryPort::accept_read(const AxiAddress &address) {
  Read &read = reads_.push();
  read.due = cycle_ + timing_.latency;
  read.addr = address.addr;
  read.beats = address.beats();
  read.next = 0;
  read.id = address.id;
  read.resp.clear();
  const uint64_t first_beat = asked_beats_;
  asked_beats_ += read.beats;
  const uint64_t aligned = address.addr & ~uint64_t{bus_bytes_ - 1};
  const size_t bytes = size_t{read.beats} * bus_bytes_;
  read.data.resize(bytes);
  if (!regular(address)) {
    std::fill(read.data.begin(), read.data.end(), JUNK);
    read.resp.assign(read.beats, RESP_SLVERR);
    return;
  }
  const bool injection =
      !ordinals_.empty() || (!injections_.empty() && injected(aligned, aligned + bytes - 1, true) != RESP_OKAY);
  if (injection || backend_.read(aligned, bytes, read.data.data()) != RESP_OKAY) {
    // Beat by beat: those that can be read are.
    read.resp.assign(read.beats, RESP_OKAY);
    for (unsigned beat = 0; beat < read.beats; ++beat) {
      const uint64_t first = aligned + uint64_t{beat} * bus_bytes_;
      uint8_t *data = read.data.data() + size_t{beat} * bus_bytes_;
      Resp resp = injected(first, first + bus_bytes_ - 1, true);
      if (resp == RESP_OKAY) resp = injected_ordinal(true, first_beat + beat);
      if (resp == RESP_OKAY) resp = backend_.read(first, bus_bytes_, data);
      if (resp != RESP_OKAY) std::fill_n(data, bus_bytes_, JUNK);
      read.resp[beat] = resp;
    }
  }
  std::fill_n(read.data.begin(), address.addr - aligned, JUNK);
}

void AxiMemoryPort::take_effect(Write &write) {
  write.answered = true;
  if (!regular(write.address)) {
    write.resp = RESP_SLVERR;
    return;
  }
  const uint64_t aligned = write.address.addr & ~uint64_t{bus_bytes_ - 1};
  const size_t bytes = size_t{write.address.beats()} * bus_bytes_;
  write.resp = injections_.empty() ? RESP_OKAY : injected(aligned, aligned + bytes - 1, false);
  if (write.resp == RESP_OKAY) write.resp = injected_ordinal(false, write.number);
  if (write.resp == RESP_OKAY) write.resp = backend_.write(aligned, bytes, write.data.data(), write.enable.data());
}

std::string AxiMemoryPort::describe() const {
  return std::to_string(reads_.size()) + " read bursts and " + std::to_string(write_outstanding_) + " write bursts unfinished, " +
         std::to_string(read_beats_) + " beats read, " + std::to_string(write_beats_) + " written";
}

std::vector<AxiMemoryPort::Burst> AxiMemoryPort::unfinished_reads() const {
  std::vector<Burst> out;
  for (size_t i = 0; i < reads_.size(); ++i) out.push_back({reads_[i].id, reads_[i].addr, reads_[i].beats, reads_[i].next});
  return out;
}

std::vector<AxiMemoryPort::Burst> AxiMemoryPort::unfinished_writes() const {
  std::vector<Burst> out;
  for (size_t i = 0; i < writes_.size(); ++i)
    out.push_back({writes_[i].address.id, writes_[i].address.addr, writes_[i].address.beats(), writes_[i].next});
  return out;
}

}  // namespace systole::platform
