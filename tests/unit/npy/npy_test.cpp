// SPDX-License-Identifier: Apache-2.0
#include "sim/npy/npy.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace systole::npy {
namespace {

namespace fs = std::filesystem;

class NpyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "systole-npy-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string &name) const { return (folder_ / name).string(); }

  std::string put(const std::string &bytes) const {
    std::ofstream(path("x.npy"), std::ios::binary) << bytes;
    return path("x.npy");
  }

  std::string contents(const std::string &name) const {
    std::ifstream file(path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  /// The message that reading a file of these bytes ends with.
  std::string complaint(const std::string &bytes, const std::vector<Type> &types = {Type::i1, Type::u1},
                        std::size_t rank = 2) const {
    const std::string file = put(bytes);
    try {
      read(file, types, rank);
    } catch (const Error &error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(file), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return message;
    }
    return "accepted";
  }

  fs::path folder_;
};

/// A file put together by hand, as the format's description has it.
std::string file(const std::string &header, const std::string &data, int major = 1) {
  std::string out = std::string("\x93NUMPY", 6) + static_cast<char>(major) + '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return out + header + data;
}

std::string header(const std::string &descr, const std::string &shape, const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }          \n";
}

/// An int32 array.
Array int32s(std::vector<std::size_t> shape, const std::vector<std::int32_t> &values) {
  Array out;
  out.type = Type::i4;
  out.shape = std::move(shape);
  for (const std::int32_t value : values) {
    for (int byte = 0; byte < 4; ++byte)
      out.data.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(value) >> (8 * byte)));
  }
  return out;
}

void expect_contains(const std::string &message, const std::string &part) {
  EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
}

TEST_F(NpyTest, ReadsBothVersionsAndAllTypes) {
  for (const int major : {1, 2}) {
    const Array a = read(put(file(header("|i1", "(2, 3)"), "\x01\x02\x03\xff\x80\x7f", major)), {Type::i1, Type::u1}, 2);
    EXPECT_EQ(a.type, Type::i1);
    EXPECT_EQ(a.shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(a.data, (std::vector<std::uint8_t>{1, 2, 3, 255, 128, 127}));
    EXPECT_EQ(read(put(file(header("|u1", "(1, 1)"), "\xc8", major)), {Type::i1, Type::u1}, 2).type, Type::u1);
    const Array v =
        read(put(file(header("<i4", "(2,)"), std::string("\x04\x03\x02\x01\xfe\xff\xff\xff", 8), major)), {Type::i4}, 1);
    EXPECT_EQ(v.words(), (std::vector<std::uint32_t>{0x01020304, 0xfffffffe}));
    const Array f = read(put(file(header("<f4", "(2,)"), std::string("\0\0\x80\x3f\0\0\xc0\x7f", 8), major)), {Type::f4}, 1);
    EXPECT_EQ(f.words(), (std::vector<std::uint32_t>{0x3f800000, 0x7fc00000}));
    const Array h = read(put(file(header("<f2", "(1, 2)"), std::string("\x01\x3c\0\xfc", 4), major)), {Type::f2}, 2);
    EXPECT_EQ(h.data, (std::vector<std::uint8_t>{0x01, 0x3c, 0x00, 0xfc}));
    EXPECT_EQ(read(put(file(header("<u2", "(1,)"), "ab", major)), {Type::f2, Type::u2}, 1).type, Type::u2);
    EXPECT_THROW((void)h.words(), Error);
  }
}

TEST_F(NpyTest, KnowsNumpysNames) {
  EXPECT_STREQ(name(Type::f2), "float16");
  EXPECT_STREQ(name(Type::f4), "float32");
  EXPECT_STREQ(name(Type::u2), "uint16");
  EXPECT_EQ(size(Type::f2), 2u);
  EXPECT_EQ(size(Type::u2), 2u);
  EXPECT_EQ(size(Type::f4), 4u);
}

TEST_F(NpyTest, ReadsAnySpellingOfTheHeader) {
  EXPECT_EQ(complaint(file("{\"shape\":(1,1),\"fortran_order\":False,\"descr\":\"<i1\"}\n", "x")), "accepted");
  EXPECT_EQ(complaint(file("{'shape': (1L, 1L), 'descr' : '>u1' , 'fortran_order': False}", "x")), "accepted");
  EXPECT_EQ(complaint(file(header("|i1", "()"), "x"), {Type::i1}, 0), "accepted");
  EXPECT_EQ(complaint(file(header("|i1", "(0, 5)"), "")), "accepted");
}

TEST_F(NpyTest, RefusesAMissingFileAndAFolder) {
  try {
    read(path("nowhere.npy"), {Type::i1}, 2);
    FAIL();
  } catch (const Error &error) {
    expect_contains(error.what(), "nowhere.npy: No such file");
  }
  EXPECT_THROW(read(folder_.string(), {Type::i1}, 2), Error);
}

TEST_F(NpyTest, RefusesEveryTruncation) {
  for (const int major : {1, 2}) {
    const std::string whole = file(header("|i1", "(2, 3)"), "abcdef", major);
    ASSERT_EQ(complaint(whole), "accepted");
    for (std::size_t length = 0; length < whole.size(); ++length) {
      expect_contains(complaint(whole.substr(0, length)), length == 0 ? "empty" : "truncated");
    }
  }
}

TEST_F(NpyTest, RefusesTrailingBytes) {
  expect_contains(complaint(file(header("|i1", "(2, 3)"), "abcdefg")), "bytes after the end");
}

TEST_F(NpyTest, RefusesFortranOrder) {
  expect_contains(complaint(file(header("|i1", "(2, 3)", "True"), "abcdef")), "Fortran order");
}

TEST_F(NpyTest, RefusesOtherTypes) {
  expect_contains(complaint(file(header("<i4", "(1, 1)"), "abcd")), "dtype is int32, int8 or uint8 expected");
  expect_contains(complaint(file(header("<f4", "(1, 1)"), "abcd")), "dtype is float32, int8 or uint8 expected");
  expect_contains(complaint(file(header("<f8", "(1, 1)"), "abcdefgh")), "dtype is '<f8', int8 or uint8 expected");
  expect_contains(complaint(file(header("<f2", "(1, 1)"), "ab"), {Type::u2}), "dtype is float16, uint16 expected");
  expect_contains(complaint(file(header(">f2", "(1, 1)"), "ab"), {Type::f2}), "big-endian float16");
  expect_contains(complaint(file(header("|f2", "(1, 1)"), "ab"), {Type::f2}), "dtype is '|f2', float16 expected");
  expect_contains(complaint(file(header("|b1", "(1, 1)"), "a")), "dtype is '|b1'");
  expect_contains(complaint(file(header("i1", "(1, 1)"), "a")), "dtype is 'i1'");
  expect_contains(complaint(file(header("|i4", "(1,)"), "abcd"), {Type::i4}, 1), "dtype is '|i4', int32 expected");
  expect_contains(complaint(file(header(">i4", "(1,)"), "abcd"), {Type::i4}, 1), "big-endian int32");
  expect_contains(complaint(file("{'descr': [('x', '|i1')], 'fortran_order': False, 'shape': (1, 1), }\n", "a")), "structured");
}

TEST_F(NpyTest, RefusesAnotherRank) {
  expect_contains(complaint(file(header("|i1", "(6,)"), "abcdef")), "shape (6,) has 1 dimension, 2 expected");
  expect_contains(complaint(file(header("|i1", "(1, 2, 3)"), "abcdef")), "shape (1, 2, 3) has 3 dimensions, 2 expected");
  expect_contains(complaint(file(header("|i1", "()"), "a")), "shape () has 0 dimensions");
}

TEST_F(NpyTest, RefusesAbsurdShapes) {
  expect_contains(complaint(file(header("|i1", "(4294967296, 4294967296)"), "a")), "absurd shape");
  expect_contains(complaint(file(header("|i1", "(99999999999999999999, 1)"), "a")), "absurd shape");
  expect_contains(complaint(file(header("|i1", "(18446744073709551615, 1)"), "a")), "absurd shape");
  // An empty dimension does not hide the overflow of the others.
  expect_contains(complaint(file(header("|i1", "(0, 4294967296, 4294967296)"), ""), {Type::i1}, 3), "absurd shape");
  // A size that is no overflow but not there: an answer at once, not an attempt to allocate it.
  expect_contains(complaint(file(header("|i1", "(1000000000, 1000000000)"), "a")), "truncated");
}

TEST_F(NpyTest, RefusesBadHeaders) {
  const std::string rest = ", 'fortran_order': False, 'shape': (1, 1), }\n";
  for (const std::string &text : std::vector<std::string>{"",
                                                          "\n",
                                                          "{",
                                                          "{}",
                                                          "garbage",
                                                          "{'descr': '|i1'" + rest + "x",
                                                          "{'descr': '|i1', 'descr': '|i1'" + rest,
                                                          "{'descr': |i1" + rest,
                                                          "{'descr' '|i1'" + rest,
                                                          "{'descr': '|i1" + rest.substr(0, 1),
                                                          "{'more': 1, 'descr': '|i1'" + rest,
                                                          "{'descr': '|i1', 'fortran_order': False, }",
                                                          "{'descr': '|i1', 'shape': (1, 1), }",
                                                          "{'fortran_order': False, 'shape': (1, 1), }",
                                                          "{'descr': '|i1', 'fortran_order': 0, 'shape': (1, 1), }",
                                                          "{'descr': '|i1', 'fortran_order': False, 'shape': (1), }",
                                                          "{'descr': '|i1', 'fortran_order': False, 'shape': (1 1), }",
                                                          "{'descr': '|i1', 'fortran_order': False, 'shape': (-1, 1), }",
                                                          "{'descr': '|i1', 'fortran_order': False, 'shape': [1, 1], }",
                                                          "{'descr': '|i1', 'fortran_order': False, 'shape': 1, }",
                                                          std::string("{'descr': '|i1'\0", 16) + rest,
                                                          std::string(300, '(')}) {
    expect_contains(complaint(file(text, "x")), "bad header");
  }
  expect_contains(complaint(std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12)), "bad header: it claims 4294967295 bytes");
}

TEST_F(NpyTest, RefusesOtherFormatsAndVersions) {
  expect_contains(complaint("PK\x03\x04 this is an npz"), "not an .npy file");
  expect_contains(complaint("x"), "not an .npy file");
  expect_contains(complaint(file(header("|i1", "(1, 1)"), "a", 3)), "version 3.0");
}

TEST_F(NpyTest, NoMutationOfAFileCrashesTheReader) {
  const std::string whole = file(header("|i1", "(2, 3)"), "abcdef");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value :
         {'\0', '\x01', '\x02', '\n', ' ', '(', ')', ',', '0', '9', ':', 'L', 'T', '\'', '}', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      (void)complaint(changed);  // any answer, in one line that names the file
    }
  }
}

TEST_F(NpyTest, WritesWhatNumpyWrites) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min(), kMax = std::numeric_limits<std::int32_t>::max();
  write(path("c.npy"), int32s({2, 3}, {1, -2, kMin, kMax, 0, 7}));
  // numpy.save of the same array, byte for byte.
  std::string expected =
      std::string("\x93NUMPY\x01\x00\x76\x00", 10) + "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }";
  expected += std::string(127 - expected.size(), ' ') + '\n';
  expected += std::string("\x01\0\0\0\xfe\xff\xff\xff\0\0\0\x80\xff\xff\xff\x7f\0\0\0\0\x07\0\0\0", 24);
  EXPECT_EQ(contents("c.npy"), expected);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(NpyTest, ReadsBackWhatItWrites) {
  for (const std::vector<std::size_t> &shape : std::vector<std::vector<std::size_t>>{{}, {1}, {5}, {3, 4}, {0, 7}, {1, 2, 3}}) {
    for (const Type type : {Type::i1, Type::u1, Type::u2, Type::i4, Type::f2, Type::f4}) {
      Array a;
      a.type = type;
      a.shape = shape;
      a.data.resize(a.count() * size(type));
      for (std::size_t i = 0; i < a.data.size(); ++i) a.data[i] = static_cast<std::uint8_t>(37 * i + 200);
      write(path("a.npy"), a);
      const Array b = read(path("a.npy"), {Type::i4, Type::i1, Type::u1, Type::f4, Type::u2, Type::f2}, shape.size());
      EXPECT_EQ(b.type, a.type);
      EXPECT_EQ(b.shape, a.shape);
      EXPECT_EQ(b.data, a.data);
    }
  }
}

TEST_F(NpyTest, ReplacesAFileOnlyWhenComplete) {
  put("old");
  {
    OutputFile file(path("x.npy"));
    file.write("new", 3);
    EXPECT_EQ(contents("x.npy"), "old");
  }
  EXPECT_EQ(contents("x.npy"), "old");
  EXPECT_EQ(entries(), 1u);
  {
    OutputFile file(path("x.npy"));
    file.write("new", 3);
    file.commit();
  }
  EXPECT_EQ(contents("x.npy"), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(NpyTest, WritesThroughALinkAndToADevice) {
  put("old");
  fs::create_symlink("x.npy", folder_ / "link.npy");
  const Array one = int32s({1}, {1});
  write(path("link.npy"), one);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.npy"));
  EXPECT_EQ(read(path("x.npy"), {Type::i4}, 1).words(), std::vector<std::uint32_t>{1});
  write("/dev/null", one);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(NpyTest, SaysWhatCannotBeWritten) {
  for (const std::string &bad : {path("no/such/folder.npy"), folder_.string(), path("new/"), std::string()}) {
    EXPECT_THROW(check_writable(bad), Error) << bad;
    EXPECT_THROW(OutputFile{bad}, Error) << bad;
  }
  EXPECT_EQ(entries(), 0u);
  put("old");
  EXPECT_THROW(check_writable(path("x.npy/below.npy")), Error);
  check_writable(path("fine.npy"));
  EXPECT_EQ(entries(), 1u);
  if (fs::is_character_file("/dev/full")) {
    OutputFile full("/dev/full");
    EXPECT_THROW(full.write("x", 1), Error);
  }
}

}  // namespace
}  // namespace systole::npy
