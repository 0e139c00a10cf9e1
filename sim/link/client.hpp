// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/link/codec.hpp"
#include "sim/link/stream.hpp"

/// The host's side of a board's link: requests, replies, repetition. docs/link.md has the protocol.
namespace systole::link {

inline constexpr std::uint32_t kLinkVersion = 1;
inline constexpr std::uint32_t kMagic = 0x53595342;  ///< "SYSB"

enum class Op : std::uint8_t { reg_read = 0x01, reg_write = 0x02, mem_read = 0x11, mem_write = 0x12 };
enum class Status : std::uint8_t { ok = 0, bad_frame = 1, bad_op = 2, bad_length = 3, slverr = 4, decerr = 5 };
/// "SLVERR", …
const char *name(Status status);

/// The board did what it was asked to, and says that it failed.
class BoardError : public Error {
 public:
  BoardError(const std::string &what, Status status) : Error(what), status(status) {}
  const Status status;
};

/// When to give up.
struct Settings {
  double timeout_s = 1;                   ///< for a reply, besides the time that the bytes take on the line
  unsigned max_timeouts = 5;              ///< in a row, without a sign of the board between
  unsigned max_failures = 50;             ///< of all kinds, for the same bytes
  std::optional<std::uint8_t> first_seq;  ///< sequence number of the first request; none: random
};

/// What went over the line.
struct Statistics {
  std::uint64_t requests = 0;     ///< frames sent, repeated ones too
  std::uint64_t repeats = 0;      ///< … because the one before failed
  std::uint64_t timeouts = 0;     ///< … without any reply in time
  std::uint64_t bad_frames = 0;   ///< … the board received something broken
  std::uint64_t bad_replies = 0;  ///< … the host did
  std::uint64_t stale = 0;        ///< replies to requests that had been given up; ignored
  std::uint64_t bytes_sent = 0, bytes_received = 0;
};

/// What the board says of itself (registers 0x1000 to 0x1020).
struct BoardInfo {
  std::uint32_t link_version = 0;
  std::uint32_t id = 0;  ///< 0: none, or a simulation; else as in scripts/boards.toml
  std::uint32_t clock_hz = 0;
  std::uint32_t baud = 0;
  std::uint32_t memory_bytes = 0;  ///< from address 0; 0: none
  std::uint32_t kind = 0;          ///< 0: whole accelerator, 1: array bench
  std::uint32_t max_data = 0;      ///< data bytes of a frame, at most
  std::uint32_t array = 0;         ///< kind 1: {rows[7:0], cols[15:8], depth_log2[23:16]}

  /// "ulx3s-85f", …; "simulation" for 0, "board N" for one that is not known.
  std::string name() const;
};

inline constexpr std::uint32_t kAcceleratorBase = 0x0000, kInfoBase = 0x1000;
inline constexpr std::uint32_t kKindAccelerator = 0, kKindArrayBench = 1;

/// One request after another. Each may be carried out twice, when a reply is lost: a caller must not ask for what does harm then.
class Client {
 public:
  static constexpr std::size_t kMaxData = 1024, kMinChunk = 16;

  explicit Client(Stream &stream, const Settings &settings = {});

  /// Finds the board: at this baud, or at 3000000, 1000000, 115200 in this order. Reads and checks its information.
  /// @throws Error: no answer, no Systole board, other link version
  void connect(std::optional<unsigned> baud = {});

  /// After connect().
  const BoardInfo &info() const { return info_; }
  unsigned baud() const { return baud_; }

  /// @throws Error if the board does not answer, BoardError if it reports an error
  std::uint32_t read_register(std::uint32_t address);
  void write_register(std::uint32_t address, std::uint32_t value);
  /// `count` registers at ascending addresses.
  std::vector<std::uint32_t> read_registers(std::uint32_t address, std::size_t count);
  void write_registers(std::uint32_t address, const std::vector<std::uint32_t> &values);
  void read_memory(std::uint32_t address, std::uint8_t *data, std::size_t size);
  void write_memory(std::uint32_t address, const std::uint8_t *data, std::size_t size);

  /// One request of any kind, legal or not, repeated until answered. `reply` gets the data of a read.
  Status ask(std::uint8_t op, std::uint32_t address, std::uint16_t length, const Bytes &data, Bytes *reply = nullptr);

  const Statistics &statistics() const { return statistics_; }
  /// Data bytes of the next frame, as noise has it at present.
  std::size_t chunk() const { return chunk_; }
  const Settings &settings() const { return settings_; }
  const std::string &port() const { return stream_.name(); }

 private:
  enum class Outcome { answered, damaged, silent };
  struct Answer {
    Status status = Status::ok;
    Bytes data;
  };
  /// How often the same bytes have failed.
  struct Patience {
    unsigned failures = 0, timeouts = 0;
  };

  /// Sends a request once and waits for its reply.
  /// @param reads     bytes that its reply holds if all is well
  /// @param repeated  the same was sent before
  Outcome attempt(const Bytes &body, std::size_t reads, Answer &answer, bool repeated);
  /// Throws away what an earlier process left behind, until the line is silent.
  void drain();
  Bytes request(Op op, std::uint32_t address, std::size_t length, const std::uint8_t *data);
  /// Counts a failure. @throws Error when it was the last
  void failed(Outcome outcome, Patience &patience);
  /// A transfer of any length, in frames. `in`: of reads, `out`: of writes.
  void transfer(Op op, std::uint32_t address, std::size_t size, std::uint8_t *in, const std::uint8_t *out);

  Stream &stream_;
  const Settings settings_;
  Decoder decoder_;
  Statistics statistics_;
  BoardInfo info_;
  unsigned baud_ = 115200;
  std::uint8_t seq_;
  std::size_t chunk_ = kMaxData, max_chunk_ = kMaxData;
  unsigned successes_ = 0;  // in a row, since the chunk changed
  unsigned refused_ = 0;    // requests in a row of which the board called a frame bad
};

}  // namespace systole::link
