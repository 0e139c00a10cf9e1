// SPDX-License-Identifier: Apache-2.0
#include "sim/link/client.hpp"

#include <algorithm>
#include <cstdio>
#include <random>

#include "board_names.hpp"

namespace systole::link {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReplyHead = 4;  // op, seq, status, zero
constexpr std::uint8_t kReplyBit = 0x80;
constexpr unsigned kRecovery = 8;    // successes after which a chunk may double
constexpr unsigned kStorm = 8;       // requests in a row that the board seems not to have understood
constexpr double kBitsPerByte = 10;  // 8N1
constexpr double kSlack = 4;         // times the time that the bytes take on the line
constexpr std::size_t kFrameOverhead = 4 + kCrcBytes;
constexpr double kSilence = 0.03;  // s: longer than a USB adapter keeps a byte to itself
constexpr unsigned kBauds[] = {3'000'000, 1'000'000, 115'200};
constexpr unsigned kSearchTimeouts = 2, kSearchFailures = 20;  // at each baud

void put32(Bytes &out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t get32(const std::uint8_t *from) {
  return from[0] | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 | std::uint32_t{from[3]} << 24;
}

bool is_read(std::uint8_t op) {
  return op == static_cast<std::uint8_t>(Op::reg_read) || op == static_cast<std::uint8_t>(Op::mem_read);
}

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", value);
  return text;
}

const char *name(Op op) {
  switch (op) {
    case Op::reg_read: return "register read";
    case Op::reg_write: return "register write";
    case Op::mem_read: return "memory read";
    case Op::mem_write: return "memory write";
  }
  return "request";
}

Bytes pack(std::uint8_t op, std::uint8_t seq, std::uint16_t length, std::uint32_t address) {
  Bytes body = {op, seq, static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(length >> 8)};
  put32(body, address);
  return body;
}

}  // namespace

const char *name(Status status) {
  switch (status) {
    case Status::ok: return "OK";
    case Status::bad_frame: return "BAD_FRAME";
    case Status::bad_op: return "BAD_OP";
    case Status::bad_length: return "BAD_LENGTH";
    case Status::slverr: return "SLVERR";
    case Status::decerr: return "DECERR";
  }
  return "an unknown status";
}

std::string BoardInfo::name() const {
  if (id == 0) return "simulation";
  for (const BoardName &board : kBoardNames) {
    if (board.id == id) return board.name;
  }
  return "board " + std::to_string(id);
}

Client::Client(Stream &stream, const Settings &settings)
    : stream_(stream),
      settings_(settings),
      decoder_(kReplyHead + kMaxData),
      // A reply that an earlier process did not wait for must not pass for one of ours.
      seq_(settings.first_seq ? *settings.first_seq : static_cast<std::uint8_t>(std::random_device{}())) {}

Bytes Client::request(Op op, std::uint32_t address, std::size_t length, const std::uint8_t *data) {
  Bytes body = pack(static_cast<std::uint8_t>(op), seq_++, static_cast<std::uint16_t>(length), address);
  if (data != nullptr) body.insert(body.end(), data, data + length);
  return body;
}

Client::Outcome Client::attempt(const Bytes &body, std::size_t reads, Answer &answer, bool repeated) {
  const Bytes frame = encode(body);
  const auto bytes = static_cast<double>(frame.size() + kReplyHead + reads + kFrameOverhead);
  const double patience = settings_.timeout_s + kSlack * kBitsPerByte * bytes / baud_;
  // Between two bytes of a reply; a byte that noise has left behind is followed by silence while the request goes out.
  const double gap = settings_.timeout_s / 10 + kBitsPerByte * static_cast<double>(frame.size()) / baud_;
  ++statistics_.requests;
  statistics_.bytes_sent += frame.size();
  stream_.write(frame.data(), frame.size(), Stream::Duration(patience * settings_.max_timeouts));

  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Stream::Duration(patience));
  std::array<std::uint8_t, 2 * kMaxData> received{};
  for (;;) {
    const double left = std::max(0.0, Stream::Duration(end - Clock::now()).count());
    const bool inside = decoder_.in_frame();
    const std::size_t count =
        stream_.read(received.data(), received.size(), Stream::Duration(inside ? std::min(left, gap) : left));
    statistics_.bytes_received += count;
    if (count == 0) {
      // A reply that ends in the middle has lost its last byte.
      decoder_.reset();
      if (inside) ++statistics_.bad_replies;
      if (!inside) ++statistics_.timeouts;
      return inside ? Outcome::damaged : Outcome::silent;
    }
    // All that was received is looked at, lest the next attempt find the rest of it.
    std::optional<Outcome> outcome;
    for (std::size_t i = 0; i < count; ++i) {
      const Decoder::Event event = decoder_.push(received[i]);
      if (event == Decoder::Event::none) continue;
      const Bytes &reply = decoder_.body();
      if (event == Decoder::Event::bad || reply.size() < kReplyHead) {
        ++statistics_.bad_replies;
        if (!outcome) outcome = Outcome::damaged;
      } else if (reply[0] == kReplyBit && reply[2] == static_cast<std::uint8_t>(Status::bad_frame)) {
        // It does not say which frame was bad. Where each request seems to be, its true reply is under way, and the complaint is
        // about a needless repetition, which the next one would cause again: then the reply is waited for.
        ++statistics_.bad_frames;
        const bool storm = refused_ >= kStorm;
        refused_ = storm ? 0 : refused_ + 1;
        if (!outcome && !storm) outcome = Outcome::damaged;
      } else if (reply[0] != (body[0] | kReplyBit) || reply[1] != body[1] || reply[3] != 0 || outcome == Outcome::answered) {
        ++statistics_.stale;
      } else {
        const auto status = static_cast<Status>(reply[2]);
        const std::size_t data = reply.size() - kReplyHead;
        if (status > Status::decerr || status == Status::bad_frame || data != (status == Status::ok ? reads : 0)) {
          ++statistics_.bad_replies;
          if (!outcome) outcome = Outcome::damaged;
          continue;
        }
        answer.status = status;
        answer.data.assign(reply.begin() + kReplyHead, reply.end());
        outcome = Outcome::answered;
      }
    }
    if (!outcome) continue;
    if (*outcome == Outcome::answered && !repeated) refused_ = 0;
    return *outcome;
  }
}

void Client::failed(Outcome outcome, Patience &patience) {
  ++patience.failures;
  patience.timeouts = outcome == Outcome::silent ? patience.timeouts + 1 : 0;
  if (patience.timeouts >= settings_.max_timeouts) {
    throw Error(stream_.name() + ": the board does not answer any more (" + std::to_string(patience.timeouts) +
                " time-outs in a row; was it reset or unplugged? a longer --timeout helps a slow simulation)");
  }
  if (patience.failures >= settings_.max_failures) {
    throw Error(stream_.name() + ": the line is too noisy, " + std::to_string(patience.failures) +
                " tries in a row failed (a shorter cable, or a bitstream of a lower baud rate, helps)");
  }
  ++statistics_.repeats;
}

Status Client::ask(std::uint8_t op, std::uint32_t address, std::uint16_t length, const Bytes &data, Bytes *reply) {
  Bytes body = pack(op, seq_++, length, address);
  body.insert(body.end(), data.begin(), data.end());
  Patience patience;
  Answer answer;
  for (;;) {
    const Outcome outcome = attempt(body, is_read(op) ? length : 0, answer, patience.failures != 0);
    if (outcome == Outcome::answered) break;
    failed(outcome, patience);
  }
  if (reply != nullptr) *reply = answer.data;
  return answer.status;
}

void Client::transfer(Op op, std::uint32_t address, std::size_t size, std::uint8_t *in, const std::uint8_t *out) {
  Patience patience;
  Answer answer;
  for (std::size_t at = 0; at < size;) {
    std::size_t length = std::min(chunk_, size - at);
    const Bytes body = request(op, address + static_cast<std::uint32_t>(at), length, out == nullptr ? nullptr : out + at);
    for (bool again = true; again;) {
      again = false;
      const Outcome outcome = attempt(body, in == nullptr ? 0 : length, answer, patience.failures != 0);
      if (outcome == Outcome::answered) {
        if (answer.status != Status::ok) {
          throw BoardError(stream_.name() + ": the board answers " + name(answer.status) + " to a " + name(op) + " of " +
                               std::to_string(length) + " bytes at " + hex(address + static_cast<std::uint32_t>(at)),
                           answer.status);
        }
        if (in != nullptr) std::copy(answer.data.begin(), answer.data.end(), in + at);
        at += length;
        patience = {};
        if (++successes_ >= kRecovery && chunk_ < max_chunk_) {
          chunk_ = std::min(2 * chunk_, max_chunk_);
          successes_ = 0;
        }
        break;
      }
      failed(outcome, patience);
      successes_ = 0;
      chunk_ = std::max(kMinChunk, chunk_ / 2);
      // The same request, as long as it is short enough; else a shorter one.
      again = length <= chunk_;
    }
  }
}

std::uint32_t Client::read_register(std::uint32_t address) { return read_registers(address, 1).front(); }

void Client::write_register(std::uint32_t address, std::uint32_t value) { write_registers(address, {value}); }

std::vector<std::uint32_t> Client::read_registers(std::uint32_t address, std::size_t count) {
  Bytes bytes(4 * count);
  transfer(Op::reg_read, address, bytes.size(), bytes.data(), nullptr);
  std::vector<std::uint32_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = get32(&bytes[4 * i]);
  return out;
}

void Client::write_registers(std::uint32_t address, const std::vector<std::uint32_t> &values) {
  Bytes bytes;
  for (const std::uint32_t value : values) put32(bytes, value);
  transfer(Op::reg_write, address, bytes.size(), nullptr, bytes.data());
}

void Client::read_memory(std::uint32_t address, std::uint8_t *data, std::size_t size) {
  transfer(Op::mem_read, address, size, data, nullptr);
}

void Client::write_memory(std::uint32_t address, const std::uint8_t *data, std::size_t size) {
  transfer(Op::mem_write, address, size, nullptr, data);
}

void Client::drain() {
  std::array<std::uint8_t, kMaxData> ignored{};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Stream::Duration(settings_.timeout_s));
  while (stream_.read(ignored.data(), ignored.size(), Stream::Duration(kSilence)) != 0 && Clock::now() < end) {}
  decoder_.reset();
}

void Client::connect(std::optional<unsigned> baud) {
  const std::vector<unsigned> bauds =
      baud ? std::vector<unsigned>{*baud} : std::vector<unsigned>(std::begin(kBauds), std::end(kBauds));
  const unsigned timeouts = baud ? settings_.max_timeouts : std::min(kSearchTimeouts, settings_.max_timeouts);
  const unsigned failures = baud ? settings_.max_failures : std::min(kSearchFailures, settings_.max_failures);
  std::string tried;
  std::optional<Answer> found;
  bool heard = false;
  for (std::size_t i = 0; i < bauds.size() && !found; ++i) {
    try {
      stream_.set_baud(bauds[i]);
    } catch (const Error &) {
      if (baud) throw;  // of several, the port may lack some
      continue;
    }
    tried += (tried.empty() ? "" : i + 1 == bauds.size() ? " and " : ", ") + std::to_string(bauds[i]);
    baud_ = bauds[i];
    drain();
    const Bytes body = request(Op::reg_read, kInfoBase, 4, nullptr);
    Answer answer;
    for (unsigned failed = 0, silent = 0; failed < failures && silent < timeouts; ++failed) {
      const Outcome outcome = attempt(body, 4, answer, failed != 0);
      if (outcome == Outcome::answered) {
        found = answer;
        break;
      }
      silent = outcome == Outcome::silent ? silent + 1 : 0;
      heard = heard || outcome == Outcome::damaged;
      ++statistics_.repeats;
    }
  }
  if (!found) {
    throw Error(stream_.name() + ": no answer at " + (tried.empty() ? "any" : tried) + " baud" +
                (heard ? ", only damaged frames" : "") +
                " (is this the board's port, its bitstream loaded, its cable one for data" +
                (baud ? ", and this its baud rate?)" : "? --baud sets another rate)"));
  }
  const std::uint32_t magic = found->status == Status::ok ? get32(found->data.data()) : 0;
  if (magic != kMagic) {
    throw Error(
        stream_.name() + ": what answers is no Systole board (" +
        (found->status == Status::ok ? "its identification is " + hex(magic) : std::string("status ") + name(found->status)) +
        "); load the bitstream that `make fpga` writes");
  }
  const std::uint32_t version = read_register(kInfoBase + 4);
  if (version != kLinkVersion) {
    throw Error(stream_.name() + ": the board speaks link version " + std::to_string(version) + ", this program version " +
                std::to_string(kLinkVersion) + "; use bitstream and program of the same release");
  }
  const std::vector<std::uint32_t> words = read_registers(kInfoBase, 9);
  info_ = {words[1], words[2], words[3], words[4], words[5], words[6], words[7], words[8]};
  if (info_.max_data < kMinChunk || info_.clock_hz == 0 || info_.kind > kKindArrayBench) {
    throw Error(stream_.name() + ": the board's information makes no sense (kind " + std::to_string(info_.kind) + ", clock " +
                std::to_string(info_.clock_hz) + " Hz, frames of " + std::to_string(info_.max_data) +
                " bytes); use bitstream and program of the same release");
  }
  // A power of two: halves of it are multiples of a register's size, too.
  while (max_chunk_ > info_.max_data) max_chunk_ /= 2;
  chunk_ = std::min(chunk_, max_chunk_);
}

}  // namespace systole::link
