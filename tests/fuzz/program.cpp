// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/program.hpp"

#include <cstdio>
#include <cstring>

namespace systole::fuzz {
namespace {

/// Bytes of an op behind its kind.
size_t payload(Op::Kind kind) {
  switch (kind) {
    case Op::kRecord: return SYSTOLE_COMMAND_BYTES;
    case Op::kDoorbell: return 1;
    case Op::kWait: return 2;
    case Op::kWrite: return 7;
    case Op::kRead: return 3;
    case Op::kSoftReset: return 1;
    case Op::kBusError: return 5;
    case Op::kPoke: return 6;
    default: return 0;
  }
}

struct Reader {
  const uint8_t *at;
  uint32_t get(unsigned bytes) {
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= uint32_t{*at++} << (8 * i);
    return value;
  }
};

struct Writer {
  std::vector<uint8_t> bytes;
  void put(uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
};

uint8_t *header_bytes(Header &header) { return reinterpret_cast<uint8_t *>(&header); }
static_assert(sizeof(Header) == kHeaderBytes, "a byte each");

}  // namespace

const std::array<unsigned, 8> &latencies() {
  static const std::array<unsigned, 8> all{1, 2, 3, 5, 11, 40, 130, 500};
  return all;
}

Program parse(const uint8_t *data, size_t size) {
  Program out;
  std::memcpy(header_bytes(out.header), data, size < kHeaderBytes ? size : kHeaderBytes);
  size_t at = kHeaderBytes;
  while (at < size && out.ops.size() < kMaxOps) {
    Op op;
    op.kind = static_cast<Op::Kind>(data[at++] % Op::kKinds);
    if (size - at < payload(op.kind)) break;
    Reader reader{data + at};
    switch (op.kind) {
      case Op::kRecord:
        for (uint32_t &word : op.record) word = reader.get(4);
        break;
      case Op::kDoorbell: op.value = static_cast<uint32_t>(static_cast<int8_t>(reader.get(1))); break;
      case Op::kWait: op.value = reader.get(2); break;
      case Op::kWrite:
        op.offset = static_cast<uint16_t>(reader.get(2));
        op.value = reader.get(4);
        op.style = static_cast<uint8_t>(reader.get(1));
        break;
      case Op::kRead:
        op.offset = static_cast<uint16_t>(reader.get(2));
        op.style = static_cast<uint8_t>(reader.get(1));
        break;
      case Op::kSoftReset: op.style = static_cast<uint8_t>(reader.get(1)); break;
      case Op::kBusError:
        op.offset = static_cast<uint16_t>(reader.get(2));
        op.value = reader.get(2);
        op.style = static_cast<uint8_t>(reader.get(1));
        break;
      case Op::kPoke:
        op.offset = static_cast<uint16_t>(reader.get(2));
        op.value = reader.get(4);
        break;
      default: break;
    }
    at += payload(op.kind);
    out.ops.push_back(op);
  }
  return out;
}

std::vector<uint8_t> serialise(const Program &program) {
  Writer out;
  Header header = program.header;
  out.bytes.assign(header_bytes(header), header_bytes(header) + kHeaderBytes);
  for (const Op &op : program.ops) {
    out.put(op.kind, 1);
    switch (op.kind) {
      case Op::kRecord:
        for (const uint32_t word : op.record) out.put(word, 4);
        break;
      case Op::kDoorbell: out.put(op.value, 1); break;
      case Op::kWait: out.put(op.value, 2); break;
      case Op::kWrite:
        out.put(op.offset, 2);
        out.put(op.value, 4);
        out.put(op.style, 1);
        break;
      case Op::kRead:
        out.put(op.offset, 2);
        out.put(op.style, 1);
        break;
      case Op::kSoftReset: out.put(op.style, 1); break;
      case Op::kBusError:
        out.put(op.offset, 2);
        out.put(op.value, 2);
        out.put(op.style, 1);
        break;
      case Op::kPoke:
        out.put(op.offset, 2);
        out.put(op.value, 4);
        break;
      default: break;
    }
  }
  return out.bytes;
}

std::string text(const Program &program) {
  static const char *const names[] = {"record",     "doorbell", "wait",      "idle",          "write", "read",
                                      "soft reset", "rst_ni",   "bus error", "no bus errors", "poke"};
  Header header = program.header;
  std::string out = "header";
  char line[64];
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    std::snprintf(line, sizeof line, " %u", header_bytes(header)[i]);
    out += line;
  }
  for (const Op &op : program.ops) {
    out += std::string("\n") + names[op.kind];
    if (op.kind == Op::kRecord) {
      for (const uint32_t word : op.record) {
        std::snprintf(line, sizeof line, " %x", word);
        out += line;
      }
    } else if (payload(op.kind) != 0) {
      std::snprintf(line, sizeof line, " offset 0x%x value 0x%x style 0x%x", op.offset, op.value, op.style);
      out += line;
    }
  }
  return out + "\n";
}

}  // namespace systole::fuzz
