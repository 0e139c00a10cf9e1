// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sim/link/stream.hpp"
#include "sim/model/machine.hpp"
#include "sim/platform/config.hpp"

namespace systole::fake {

/// What a FakeBoard is, and what is wrong with it.
struct BoardSettings {
  platform::ConfigInfo config = [] {
    platform::ConfigInfo out;
    out.name = "4x4";
    out.rows = out.cols = 4;
    out.axi_bits = 64;
    out.axi_addr_bits = 32;
    out.fp = true;
    out.element_latency = 4;
    out.act_bytes = 4096;
    out.wgt_bytes = 2048;
    out.acc_rows = 128;
    out.param_entries = 16;
    return out;
  }();
  std::uint32_t memory_bytes = 65536;
  std::uint32_t magic = 0x53595342, link_version = 1, id = 0, clock_hz = 50'000'000, baud = 1'000'000, kind = 0, max_data = 1024;
  std::uint32_t bench_array = 8u << 16 | 4u << 8 | 4u;  ///< kind 1
  std::optional<std::uint32_t> core_version;            ///< instead of the driver's own
  std::map<std::uint32_t, std::uint32_t> forced;        ///< what registers read, by address, whatever is in them
  // Planted faults.
  std::uint32_t stuck_address = 0;  ///< bits of memory addresses that the memory does not see
  bool ignores_strobes = false;     ///< writes whole bus words of 8 bytes, the other bytes as 0
  bool accepts_everything = false;  ///< nothing is ever refused
  bool stuck_register = false;      ///< WATCHDOG's bit 0 is always 0
  bool wrong_product = false;       ///< a bit of the first result byte that a command writes flips
  bool hangs = false;               ///< the accelerator executes nothing and has no watchdog
};

/// The board of docs/link.md in software: bytes in, bytes out, by a codec of its own.
class FakeBoard {
 public:
  explicit FakeBoard(const BoardSettings &settings = {});
  ~FakeBoard();

  /// A byte from the host. What the board has to say is appended to `out`.
  void receive(std::uint8_t byte, std::deque<std::uint8_t> &out);
  /// As the button: all registers and a frame in progress; `memory`: and the memory, as a reload does.
  void reset(bool memory);

  std::vector<std::uint8_t> &memory() { return memory_; }
  std::uint64_t requests() const { return requests_; }
  /// Called before each request that is carried out, with its number from 0.
  std::function<void(std::uint64_t)> before_request;

 private:
  struct Bench;
  using Bytes = std::vector<std::uint8_t>;
  void frame(std::deque<std::uint8_t> &out);
  std::uint8_t carry_out(std::uint8_t op, std::uint32_t address, std::uint32_t length, const Bytes &frame, Bytes &data);
  std::optional<std::uint32_t> read_word(std::uint32_t address, std::uint8_t &status);
  std::uint8_t write_word(std::uint32_t address, std::uint32_t value);
  std::uint8_t &cell(std::uint64_t address) { return memory_[address & ~std::uint64_t{settings_.stuck_address}]; }
  void start_machine();
  void execute();
  void count(const model::Machine::Record &record);

  const BoardSettings settings_;
  std::vector<std::uint8_t> memory_;
  std::unique_ptr<model::Machine> machine_;
  std::unique_ptr<Bench> bench_;
  std::array<std::uint64_t, 13> counters_{}, snapshot_{};
  std::uint64_t requests_ = 0;
  std::uint32_t session_ = 0;
  bool flip_ = false;
  // Reception.
  Bytes frame_;
  bool escaped_ = false, spoiled_ = false;
};

/// A line to a fake board without time: what is written has been carried out and answered when write() returns, and a read that finds
/// nothing has waited in vain.
class FakeLine final : public link::Stream {
 public:
  explicit FakeLine(FakeBoard &board, std::uint32_t seed = 1) : board_(board), random_(seed) {}

  double corrupted = 0, lost = 0;            ///< of all bytes, in both directions
  double doubled = 0;                        ///< of all replies
  std::optional<unsigned> right_baud;        ///< at others all bytes are garbled
  std::optional<std::uint64_t> dies_at;      ///< the write of this number throws, later ones do not
  std::optional<std::uint64_t> silent_from;  ///< from this write on nothing comes back
  /// Called with each frame that the host sends.
  std::function<void(std::vector<std::uint8_t> &)> on_write;
  std::deque<std::uint8_t> to_host;  ///< what waits to be read

  std::vector<unsigned> bauds;  ///< all that were set
  std::uint64_t writes = 0;

  const std::string &name() const override { return name_; }
  void set_baud(unsigned baud) override {
    bauds.push_back(baud);
    to_host.clear();
  }
  void write(const std::uint8_t *data, std::size_t size, Duration limit) override;
  std::size_t read(std::uint8_t *data, std::size_t size, Duration limit) override;

 private:
  bool chance(double rate) { return rate > 0 && std::uniform_real_distribution<>(0, 1)(random_) < rate; }
  std::optional<std::uint8_t> carried(std::uint8_t byte);

  const std::string name_ = "fake";
  FakeBoard &board_;
  std::mt19937 random_;
  std::uint64_t accesses_ = 0;
};

}  // namespace systole::fake
