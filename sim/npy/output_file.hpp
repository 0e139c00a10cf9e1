// SPDX-License-Identifier: Apache-2.0
/// Files that appear whole or not at all.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace systole::npy {

/// What is wrong with a file, in one line that names it.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file written under a temporary name in its own directory and renamed when complete. A symbolic link is followed; something
/// that exists but is no regular file (a pipe, /dev/stdout) is written to directly.
class OutputFile final {
 public:
  /// Creates the temporary file. @throws Error if the path cannot be written
  explicit OutputFile(const std::string &path);
  /// Removes the temporary file unless commit() succeeded.
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Appends bytes. @throws Error, for instance when the disk is full
  void write(const void *data, std::size_t size);
  /// Brings all bytes to the disk: only the renaming is left for commit(). @throws Error
  void finish();
  /// finish(), and puts the file in its place. @throws Error
  void commit();

 private:
  [[noreturn]] void fail(const std::string &what) const;

  std::string path_;
  std::string target_;     // path_ with symbolic links resolved
  std::string temporary_;  // empty: written to directly
  int fd_ = -1;
};

/// Throws Error if a file of this name could not be written now; leaves no trace.
void check_writable(const std::string &path);

}  // namespace systole::npy
