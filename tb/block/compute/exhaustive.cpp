// SPDX-License-Identifier: Apache-2.0
// Every product of two binary16 numbers through the row of the shipped element, added to +0 and compared with the C library's
// fmaf; and every product that is zero added to -0, where only the sign can go wrong. Exit status 0 if all bits agree.
#include <Velement_4.h>

#include <cinttypes>
#include <cstdio>
#include <vector>

#include "tb/block/compute/element_bench.hpp"
#include "tb/block/compute/fused.hpp"

double sc_time_stamp() { return 0; }

namespace {

using namespace systole::tb;
constexpr int kCols = 16;
using Bench = ElementBench<Velement_4, kCols, 4>;

class Exhaustive {
 public:
  Exhaustive() {
    for (uint32_t i = 0; i < values_.size(); i++) values_[i] = widen(false, uint16_t(i));
  }

  /// All products of `as` and `bs` (multiples of kCols values each), added to `seed`; counts them.
  uint64_t run(const std::vector<uint16_t> &as, const std::vector<uint16_t> &bs, uint32_t seed, bool progress) {
    const uint64_t blocks = as.size() / kCols, tiles = blocks * (bs.size() / kCols);
    uint64_t next = 0, products = 0;
    bench_.run(
        tiles,
        [&](Bench::Tile &tile) {
          for (int i = 0; i < kCols; i++) {
            tile.acts[i] = as[(next % blocks) * kCols + i];
            tile.weights[i].bits = bs[(next / blocks) * kCols + i];
          }
          if (progress && next % (tiles / 64) == 0) {
            std::fprintf(stderr, "\r%3d %%", int(100 * next / tiles));
            std::fflush(stderr);
          }
          next++;
        },
        [&](const Bench::Tile &, int, int) { return seed; },
        [&](const Bench::Tile &tile, int row, int column, uint32_t c, uint32_t sum) {
          const uint16_t a = tile.acts[row], b = tile.weights[column].bits;
          const uint32_t expected = fused(values_[a], values_[b], c);
          products++;
          if (sum == expected) return;
          if (mismatches++ < 20) std::printf("%04x * %04x + %08x: %08x, expected %08x\n", a, b, c, sum, expected);
        });
    if (progress) std::fprintf(stderr, "\r      \r");
    return products;
  }

  uint64_t mismatches = 0;

 private:
  std::vector<float> values_ = std::vector<float>(65536);
  Bench bench_;
};

}  // namespace

int main() {
  Exhaustive exhaustive;
  std::vector<uint16_t> all(65536), zeros(kCols);
  for (uint32_t i = 0; i < all.size(); i++) all[i] = uint16_t(i);
  for (int i = 0; i < kCols; i++) zeros[i] = i % 2 ? 0x8000 : 0;
  const uint64_t signs = exhaustive.run(all, zeros, 0x80000000, false) + exhaustive.run(zeros, all, 0x80000000, false);
  std::printf("%" PRIu64 " products of zero added to -0, %" PRIu64 " mismatches\n", signs, exhaustive.mismatches);
  const uint64_t products = exhaustive.run(all, all, 0, true);
  std::printf("%" PRIu64 " products, %" PRIu64 " mismatches\n", products, exhaustive.mismatches);
  return exhaustive.mismatches == 0 && products == uint64_t(1) << 32 ? 0 : 1;
}
