// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace systole::model {

/// A buffer word that a LOAD writes.
struct LoadedWord {
  std::size_t command = 0;  ///< index in the program
  unsigned dest = 0, bank = 0;
  std::size_t word = 0;
  const std::uint8_t *bytes = nullptr;
  std::size_t size = 0;   ///< of the word
  std::size_t valid = 0;  ///< bytes from the low end that are defined
};

/// An accumulator row that a MATMUL writes: one activation word against one tile of weights.
struct AccumulatedRow {
  std::size_t command = 0;
  std::uint32_t n = 0, k1 = 0, k0 = 0, m = 0;  ///< the tile, and the row in it (m1 * M0 + m0)
  std::size_t acc_row = 0;                     ///< half * ACC_ROWS + row
  std::size_t act_word = 0;
  unsigned a_dtype = 0;
  const std::uint32_t *seeds = nullptr, *sums = nullptr;  ///< by column: before and after
  std::size_t columns = 0;                                ///< that are defined
  const std::int32_t *weights = nullptr;                  ///< [element of the word][Cols]; of floats the patterns
  const std::uint8_t *activations = nullptr;              ///< the word
  std::int32_t a_zero_point = 0;
  std::size_t depth = 0;  ///< elements of the word that count
  /// The weight buffer's word of a column.
  std::int64_t first_weight_word = 0, weight_word_stride = 0;
};

/// Results that a STORE makes of one row of one tile.
struct StoredTile {
  std::size_t command = 0;
  std::uint32_t n = 0, m = 0;
  std::size_t acc_row = 0;
  std::size_t columns = 0;
  const std::uint8_t *sums = nullptr;     ///< 4 bytes a column
  const std::uint8_t *results = nullptr;  ///< `result_bytes` a column
  std::size_t result_bytes = 0;
  std::uint64_t address = 0;   ///< of the first result
  std::uint8_t out_dtype = 0;  ///< of the results; of floating-point types, if the sums are binary32
};

/// Sees what a Machine does inside commands, in the order in which it does it. Pointers hold during the call only.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void loaded(const LoadedWord &) {}
  virtual void accumulated(const AccumulatedRow &) {}
  virtual void stored(const StoredTile &) {}
};

}  // namespace systole::model
