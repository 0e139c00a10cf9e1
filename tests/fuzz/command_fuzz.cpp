// SPDX-License-Identifier: Apache-2.0
// libFuzzer's side of the command-stream fuzzer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/runner.hpp"

namespace {

using namespace systole::fuzz;

// What libFuzzer takes for coverage besides the branches of the Verilated code: kinds of commands, errors, situations.
__attribute__((section("__libfuzzer_extra_counters"))) uint8_t counters[kFeatures];

size_t put(const Program &program, uint8_t *data, size_t max_size) {
  const std::vector<uint8_t> bytes = serialise(program);
  const size_t size = std::min(bytes.size(), max_size);
  std::memcpy(data, bytes.data(), size);
  return size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try {
    const Outcome outcome = run(parse(data, size));
    for (unsigned i = 0; i < kFeatures; ++i) counters[i] = outcome.features[i];
  } catch (const Violation &violation) {
    std::fprintf(stderr, "fuzz: %s; replay: fuzz_replay FILE with the file that is named below\n", violation.what());
    std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  Random random(seed);
  if (size == 0 || random.one_in(32)) return put(random_program(random), data, max_size);
  Program program = parse(data, size);
  mutate(program, random);
  return put(program, data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                            size_t max_size, unsigned seed) {
  Random random(seed);
  return put(cross(parse(a, a_size), parse(b, b_size), random), out, max_size);
}
