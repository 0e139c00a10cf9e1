// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the .npy reader with any bytes. It must give an array that is what its header says, or throw npy::Error with one line;
// memory grows with what is there, not with what the header claims (-malloc_limit_mb).
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/npy/npy.hpp"

namespace {

using namespace systole::npy;

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "fuzz: NPY: %s; replay: fuzz_npy FILE with the file that is named below\n", what);
  std::abort();
}

/// A file in memory, read by its name.
class MemoryFile {
 public:
  MemoryFile() : file_(memfd_create("fuzz", 0)) {
    if (file_ < 0) fail("no file in memory");
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }
  void put(const uint8_t *data, size_t size) {
    if (ftruncate(file_, 0) != 0 || pwrite(file_, data, size, 0) != static_cast<ssize_t>(size))
      fail("the file in memory is full");
  }

 private:
  int file_;
};

}  // namespace

// The first byte says which types and how many dimensions are asked for, the rest is the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static MemoryFile file;
  if (size == 0) return 0;
  file.put(data + 1, size - 1);
  std::vector<Type> types;
  for (const Type type : {Type::i1, Type::u1, Type::u2, Type::i4, Type::f2, Type::f4})
    if (!(data[0] >> types.size() & 1) || types.size() < 2) types.push_back(type);
  const size_t rank = data[0] >> 6;
  try {
    const Array array = read(file.path(), types, rank);
    const char *planted = std::getenv("SYSTOLE_PLANT");
    if (planted != nullptr && std::string(planted) == "memory")
      std::vector<uint8_t>(size_t{1} << 27);  // as much as a header may claim: a test asks for it
    if (array.shape.size() != rank) fail("another number of dimensions than asked for");
    bool asked = false;
    for (const Type type : types) asked = asked || type == array.type;
    if (!asked) fail("another type than asked for");
    if (array.data.size() != array.count() * systole::npy::size(array.type)) fail("data and shape disagree");
    if (array.data.size() + 1 > size) fail("more data than the file holds");
    if (systole::npy::size(array.type) == 4 && array.words().size() != array.count()) fail("words and shape disagree");
  } catch (const Error &error) {
    const std::string what = error.what();
    if (what.empty() || what.find('\n') != std::string::npos) fail("the error is not one line");
  }
  return 0;
}
