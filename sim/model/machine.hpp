// SPDX-License-Identifier: Apache-2.0
/// The accelerator as its programmer sees it, without time: registers, command ring, buffers, tokens, errors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "sim/model/observer.hpp"
#include "sim/platform/config.hpp"

namespace systole::model {

/// Reads or writes memory; false means that the bus answered with an error.
struct MemoryPort {
  std::function<bool(std::uint64_t address, std::uint8_t *data, std::size_t size)> read;
  std::function<bool(std::uint64_t address, const std::uint8_t *data, std::size_t size)> write;
};

/// A command that was refused or failed.
struct Fault {
  unsigned code = 0;          ///< enum systole_error
  std::uint64_t address = 0;  ///< memory or buffer address, as in ERROR_ADDR
};

/// Executes whole commands in ring order; nothing overlaps. A ring whose tokens are right gives the same bytes here and on the RTL; bytes
/// that the command reference calls undefined hold kPoison here, so that a result which depends on them is wrong at once.
/// On request the three engines take turns at random, as far as queues and tokens allow: then a missing token shows, too.
class Machine {
 public:
  static constexpr std::uint8_t kPoison = 0xA5;

  Machine(const platform::ConfigInfo &config, MemoryPort memory);

  const platform::ConfigInfo &config() const { return config_; }

  /// From now on each engine executes its own commands in order, and which one is next is random. To be called before the first step.
  void decouple(std::uint64_t seed);

  /// A register's value; none if the offset is not mapped or misaligned (SLVERR on the bus).
  std::optional<std::uint32_t> read_register(std::uint32_t offset) const;
  /// Writes the bytes of a register that `strobe` names; false as above. Writes to read-only registers are ignored.
  bool write_register(std::uint32_t offset, std::uint32_t value, unsigned strobe = 0xF);

  /// Level of irq_o.
  bool irq() const { return (irq_status_ & irq_enable_) != 0; }

  enum class Step {
    idle,      ///< nothing to do: disabled, stopped by an error, or head equals tail
    executed,  ///< one command is complete
    failed,    ///< a command was refused or failed; the error registers say why
    blocked,   ///< no command can start: the one at head waits for a token that no command before it gives
  };
  /// Executes a command.
  Step step();

  /// Cycles after which blocked() must become an error; 0: never.
  std::uint32_t watchdog() const { return watchdog_; }
  /// Raises the error WATCHDOG.
  void expire_watchdog();

  /// A command record, word by word.
  using Record = std::array<std::uint32_t, 16>;
  /// What the record alone shows to be wrong: opcode, version, reserved bits, field values, first addresses, in this order. Only the
  /// last (RANGE) have an address.
  std::optional<Fault> check(const Record &record) const;

  /// The record of an index, read from the ring; none if it cannot be read or is not legal.
  std::optional<Record> record(std::uint32_t index) const;
  /// Executes records one after another, whatever the ring, the registers and the tokens say, and lets `observer` see what they do.
  /// @returns the first fault; the rest is not executed then
  std::optional<Fault> execute_all(const std::vector<Record> &records, Observer &observer);
  /// What the token counters hold, by token number.
  std::array<std::uint8_t, 8> tokens() const;

 private:
  struct Load;
  struct Matmul;
  struct Store;

  void reset();
  Step step_decoupled();
  /// Reads and checks the record of an index.
  std::optional<Fault> fetch(std::uint32_t index, Record &record) const;
  bool tokens_there(const Record &record) const;
  /// Takes the tokens, executes, gives the tokens.
  std::optional<Fault> perform(const Record &record);
  /// Moves the head past a command.
  void retire(const Record &record);
  void raise(const Fault &fault, std::uint32_t index);
  bool busy() const { return head_ != tail_; }
  std::uint64_t ring_base() const { return static_cast<std::uint64_t>(ring_base_hi_) << 32 | ring_base_lo_; }
  bool address_fits(std::uint64_t address) const {
    return config_.axi_addr_bits >= 64 || (address >> config_.axi_addr_bits) == 0;
  }

  std::uint64_t address_mask() const {
    return config_.axi_addr_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << config_.axi_addr_bits) - 1;
  }

  /// Bytes that accesses may touch, both bounds included.
  struct Window {
    std::uint64_t base = 0, limit = ~std::uint64_t{0};
  };
  /// Writes one of the window registers.
  void set_window(std::uint32_t offset, std::uint32_t value);
  /// @returns the address of the first burst of `length` bytes from `address` on that a window refuses, if it does
  std::optional<std::uint64_t> refused(const Window &window, std::uint64_t address, std::uint64_t length) const;

  std::optional<Fault> check(const Load &command) const;
  std::optional<Fault> check(const Matmul &command) const;
  std::optional<Fault> check(const Store &command) const;
  std::optional<Fault> execute(const Record &record);
  std::optional<Fault> execute(const Load &command);
  std::optional<Fault> execute(const Matmul &command);
  std::optional<Fault> execute(const Store &command);
  /// Turns `columns` sums of an accumulator row into results. `entry`: the row's tile in the parameter banks.
  std::optional<Fault> finish(const Store &command, const std::uint8_t *sums, std::size_t columns, std::int64_t entry,
                              std::uint8_t *results) const;

  /// A destination of LOAD.
  struct Destination {
    std::vector<std::uint8_t> *bytes;
    std::size_t word_bytes;
  };
  Destination destination(unsigned dest, unsigned bank);

  const platform::ConfigInfo config_;
  const MemoryPort memory_;

  // Registers.
  bool enable_ = false;
  std::uint32_t irq_enable_ = 0;
  std::uint32_t irq_status_ = 0;
  std::uint32_t ring_base_lo_ = 0;
  std::uint32_t ring_base_hi_ = 0;
  std::uint32_t ring_size_log2_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t watchdog_ = 0;
  Window read_window_, write_window_;
  std::uint32_t lock_ = 0, inject_ = 0;
  Fault error_;
  std::uint32_t error_index_ = 0;
  std::array<std::uint32_t, 3> done_{};  // load, compute, store

  std::array<unsigned, 8> tokens_{};

  // Decoupled engines: dispatched commands in ring order, and which of them wait in each engine's queue, by ring index.
  struct Dispatched {
    Record record;
    bool complete = false;
  };
  std::optional<std::mt19937_64> random_;
  std::deque<Dispatched> dispatched_;  // head_ is the first one's index
  std::array<std::deque<std::uint32_t>, 3> queues_;
  std::array<unsigned, 3> precedence_{0, 1, 2};

  Observer *observer_ = nullptr;
  std::size_t observed_ = 0;  // index of the command for the observer

  // Buffers, little-endian as in memory.
  std::vector<std::uint8_t> act_, wgt_, acc_, bias_, zero_points_, scales_, shifts_;
};

}  // namespace systole::model
