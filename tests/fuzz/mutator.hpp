// SPDX-License-Identifier: Apache-2.0
// Makes programs that are mostly legal, and changes them.
#pragma once

#include <cstdint>

#include "tests/fuzz/program.hpp"

namespace systole::fuzz {

/// Random numbers that the same seed gives again.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  uint64_t next();
  /// 0 to n - 1; n is not 0.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }
  /// Once in n times.
  bool one_in(uint32_t n) { return below(n) == 0; }
  int32_t between(int32_t low, int32_t high) { return low + static_cast<int32_t>(below(static_cast<uint32_t>(high - low + 1))); }

 private:
  uint64_t state_;
};

/// A record of the kind that is legal in itself; addresses in buffers mostly stay inside.
Record random_record(Random &random);
/// A program: usually one to three chains of LOADs, MATMUL and STORE, ordered by tokens.
Program random_program(Random &random);
/// One to four changes.
void mutate(Program &program, Random &random);
/// The beginning of one and the end of the other.
Program cross(const Program &a, const Program &b, Random &random);

}  // namespace systole::fuzz
