// SPDX-License-Identifier: Apache-2.0
// What the command-stream fuzzer runs: a memory, and a list of things that a host (good or bad) and its bus do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/include/systole_regs.h"

namespace systole::fuzz {

using Record = std::array<uint32_t, SYSTOLE_COMMAND_WORDS>;

/// The memory: so many bytes from this bus address on; nothing else answers OKAY.
constexpr uint64_t kMemory = 0x40000;
constexpr uint32_t kMemoryBytes = 0x10000;
/// Places in it, as offsets: what lies there before the program begins.
constexpr uint32_t kRingArea = 0;  ///< zeros, for rings
constexpr uint32_t kRingBytes = 0x4000;
constexpr uint32_t kOperands = 0x4000;  ///< any bytes
constexpr uint32_t kScales = 0x8000;    ///< positive, finite binary32 numbers
constexpr uint32_t kShifts = 0x9000;    ///< bytes from -31 to 30
constexpr uint32_t kWords = 0xA000;     ///< words below 2^31
constexpr uint32_t kResults = 0xB000;   ///< any bytes

/// What is decided before the program begins; a byte each, all values legal.
struct Header {
  uint8_t image_seed = 0;       ///< of the memory's contents
  uint8_t x_seed = 0;           ///< of the RTL's state before reset
  uint8_t latency = 0;          ///< index of latencies()
  uint8_t bytes_per_cycle = 2;  ///< 1 << (it mod 4)
  uint8_t outstanding = 3;      ///< 1, 2, 4, 16
  uint8_t stall_seed = 0;       ///< 0: no random stalls
  uint8_t flags = 0;            ///< kStepwise, …
  uint8_t ring_log2 = 4;        ///< mod 6
  uint8_t ring_base = 0;        ///< in records from kRingArea on
  uint8_t read_window = 0;      ///< 0: everything; else first and last page of the memory, a nibble each
  uint8_t write_window = 0;     ///< the same
  uint8_t lock = 0;             ///< what is written to LOCK before the program begins
};
constexpr size_t kHeaderBytes = 12;
/// Flags: each record is announced alone and waited for, and the functional model says what must come of it.
constexpr uint8_t kStepwise = 1;
/// CTRL.enable stays 0 until the program sets it.
constexpr uint8_t kDisabled = 2;

struct Op {
  enum Kind : uint8_t {
    kRecord,     ///< writes a record into the next slot of the ring
    kDoorbell,   ///< RING_TAIL = records written + `value` (signed)
    kWait,       ///< `value` cycles
    kIdle,       ///< until head is tail or an error is latched, or long enough
    kWrite,      ///< register `offset` = `value`, by `style`
    kRead,       ///< register `offset`
    kSoftReset,  ///< `style` bit 0: without waiting for its end; bit 1: without enabling after it
    kHardReset,  ///< rst_ni
    kBusError,   ///< accesses to [offset, offset + value] of the memory are answered by `style`: SLVERR, DECERR; reads, writes
    kNoBusErrors,
    kPoke,  ///< the host writes the word `value` at `offset` of the memory
    kKinds
  };
  Kind kind = kIdle;
  uint16_t offset = 0;
  uint32_t value = 0;
  /// kWrite: strobes (low four bits), cycles by which address, data and ready of the answer come late (bits 5:4, 7:6, none); kRead:
  /// cycles by which address and ready come late (bits 5:4, 7:6).
  uint8_t style = 0;
  Record record{};
};

struct Program {
  Header header;
  std::vector<Op> ops;
};

constexpr size_t kMaxOps = 96;

/// Any bytes are a program.
Program parse(const uint8_t *data, size_t size);
std::vector<uint8_t> serialise(const Program &program);
/// A line for the header and one for each op.
std::string text(const Program &program);

/// Latencies of the memory, by Header::latency.
const std::array<unsigned, 8> &latencies();

/// FIELD(record, LOAD_LENGTH) is that field's value; SET(record, LOAD_LENGTH, 5) sets it.
#define SYSTOLE_FUZZ_FIELD(record, name) \
  systole_field_get((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH)
#define SYSTOLE_FUZZ_SET(record, name, value)                                                             \
  systole_field_set((record).data(), SYSTOLE_##name##_WORD, SYSTOLE_##name##_LSB, SYSTOLE_##name##_WIDTH, \
                    static_cast<uint32_t>(value))

}  // namespace systole::fuzz
