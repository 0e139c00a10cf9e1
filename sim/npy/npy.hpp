// SPDX-License-Identifier: Apache-2.0
/// Reader and writer of NumPy's .npy files, versions 1 and 2, C order, little-endian.
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/npy/output_file.hpp"

namespace systole::npy {

/// Element types. A new one needs a row in the table in npy.cpp, nothing else.
enum class Type { i1, u1, u2, i4, f2, f4 };

/// NumPy's name of a type, such as "int8".
const char *name(Type type);
/// Bytes an element takes.
std::size_t size(Type type);

/// An array in C order, elements little-endian.
struct Array {
  Type type = Type::i1;
  std::vector<std::size_t> shape;  ///< empty: a scalar
  std::vector<std::uint8_t> data;  ///< size(type) bytes an element

  /// Elements. @throws Error if the product of the shape and the element's size does not fit in size_t
  std::size_t count() const;
  /// The elements of an array of 4-byte elements, as they are: int32 or the bits of a float32. @throws Error for another type
  std::vector<std::uint32_t> words() const;
};

/// Reads a file.
/// @param types  types that are acceptable, in the order in which the message lists them
/// @param rank   number of dimensions that is required
/// @throws Error with one line that names the file and what is wrong: missing, not an .npy file, another version, bad header,
///         Fortran order, type, rank, absurd shape, truncated, trailing bytes
Array read(const std::string &path, const std::vector<Type> &types, std::size_t rank);

/// Appends the bytes of a version 1 file; commit() is left to the caller. @throws Error
void write(OutputFile &file, const Array &array);
/// Writes a version 1 file, whole or not at all. @throws Error
void write(const std::string &path, const Array &array);

}  // namespace systole::npy
