// SPDX-License-Identifier: Apache-2.0
#include "sim/npy/npy.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

namespace systole::npy {

namespace {

struct TypeInfo {
  Type type;
  const char *name;   // NumPy's
  char kind;          // in the descr string: i, u, f
  std::size_t bytes;  // an element
};

constexpr TypeInfo kTypes[] = {
    {Type::i1, "int8", 'i', 1},  {Type::u1, "uint8", 'u', 1},   {Type::u2, "uint16", 'u', 2},
    {Type::i4, "int32", 'i', 4}, {Type::f2, "float16", 'f', 2}, {Type::f4, "float32", 'f', 4},
};

const TypeInfo &info(Type type) {
  for (const TypeInfo &entry : kTypes) {
    if (entry.type == type) return entry;
  }
  throw std::logic_error("npy: type without a table row");
}

std::string describe(Type type) {
  const TypeInfo &entry = info(type);
  return std::string(entry.bytes == 1 ? "|" : "<") + entry.kind + std::to_string(entry.bytes);
}

constexpr unsigned char kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr std::size_t kMaxHeader = 1 << 20;  // NumPy itself refuses to trust more than 10 000 bytes

/// Text from a file, fit for one line of a message.
std::string quoted(const std::string &text) {
  std::string out = "'";
  for (const char c : text.substr(0, 40)) out += (c >= 0x20 && c < 0x7f) ? c : '?';
  return out + (text.size() > 40 ? "...'" : "'");
}

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;
};

struct BadHeader : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The header is a Python dictionary literal with the keys descr, fortran_order and shape, in any order.
class HeaderParser {
 public:
  explicit HeaderParser(const std::string &text) : text_(text) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        once(header.descr.has_value(), key);
        if (peek() == '[') throw BadHeader("structured dtypes are not supported");
        header.descr = string();
      } else if (key == "fortran_order") {
        once(header.fortran_order.has_value(), key);
        header.fortran_order = boolean();
      } else if (key == "shape") {
        once(header.shape.has_value(), key);
        header.shape = tuple();
      } else {
        throw BadHeader("unknown key " + quoted(key));
      }
      if (!accept(',') && peek() != '}') throw BadHeader("',' or '}' expected");
    }
    if (peek() != '\0' || at_ < text_.size()) throw BadHeader("text after the dictionary");
    if (!header.descr) throw BadHeader("no 'descr'");
    if (!header.fortran_order) throw BadHeader("no 'fortran_order'");
    if (!header.shape) throw BadHeader("no 'shape'");
    return header;
  }

 private:
  static void once(bool seen, const std::string &key) {
    if (seen) throw BadHeader(quoted(key) + " twice");
  }

  /// Next character after white space; '\0' at the end.
  char peek() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) != nullptr && text_[at_] != '\0') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) throw BadHeader(std::string("'") + c + "' expected");
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') throw BadHeader("string expected");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos) throw BadHeader("string without an end");
    const std::string out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out;
  }

  bool boolean() {
    for (const bool value : {false, true}) {
      const std::string word = value ? "True" : "False";
      if (peek() != '\0' && text_.compare(at_, word.size(), word) == 0) {
        at_ += word.size();
        return value;
      }
    }
    throw BadHeader("True or False expected");
  }

  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> out;
    expect('(');
    while (!accept(')')) {
      if (out.size() == 64) throw BadHeader("more than 64 dimensions");
      out.push_back(number());
      if (!accept(',') && (out.size() == 1 || peek() != ')')) throw BadHeader("',' or ')' expected in the shape");
    }
    return out;
  }

  std::size_t number() {
    if (std::isdigit(static_cast<unsigned char>(peek())) == 0) throw BadHeader("the shape is not a tuple of sizes");
    std::size_t value = 0;
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0; ++at_) {
      const std::size_t digit = static_cast<std::size_t>(text_[at_] - '0');
      if (value > (std::numeric_limits<std::size_t>::max() - digit) / 10) throw BadHeader("absurd shape");
      value = value * 10 + digit;
    }
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
    return value;
  }

  const std::string &text_;
  std::size_t at_ = 0;
};

std::optional<std::size_t> bytes(const std::vector<std::size_t> &shape, std::size_t element) {
  // Half the address space: sizes also serve as differences of pointers. Zeros must not hide an overflow elsewhere.
  constexpr std::size_t kLimit = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  std::size_t product = element;
  bool empty = false;
  for (const std::size_t extent : shape) {
    if (extent == 0) {
      empty = true;
    } else if (product > kLimit / extent) {
      return std::nullopt;
    } else {
      product *= extent;
    }
  }
  return empty ? 0 : product;
}

std::string tuple(const std::vector<std::size_t> &shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += std::to_string(shape[i]);
    if (i + 1 < shape.size()) out += ", ";
  }
  return out + (shape.size() == 1 ? ",)" : ")");
}

Type find_type(const std::string &path, const std::string &descr, const std::vector<Type> &allowed) {
  std::string wanted;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    wanted += (i == 0 ? "" : i + 1 == allowed.size() ? " or " : ", ") + std::string(info(allowed[i]).name);
  }
  for (const TypeInfo &entry : kTypes) {
    const std::string tail = entry.kind + std::to_string(entry.bytes);
    const bool known = descr.size() == tail.size() + 1 && descr.compare(1, tail.size(), tail) == 0;
    if (!known) continue;
    const bool order_matters = entry.bytes > 1;
    const char order = descr[0];
    if (order_matters && order == '>')
      throw Error(path + ": big-endian " + entry.name + " is not supported, save it little-endian");
    if (order != '<' && order != '=' && (order_matters || (order != '|' && order != '>'))) break;
    for (const Type type : allowed) {
      if (type == entry.type) return type;
    }
    throw Error(path + ": dtype is " + entry.name + ", " + wanted + " expected");
  }
  throw Error(path + ": dtype is " + quoted(descr) + ", " + wanted + " expected");
}

/// A file that is only read.
class InputFile {
 public:
  explicit InputFile(const std::string &path) : path_(path), file_(std::fopen(path.c_str(), "rb"), &std::fclose) {
    if (!file_) throw Error("cannot read " + path_ + ": " + std::strerror(errno));
  }

  /// Up to `count` bytes, fewer only at the end of the file. Memory grows with what is really there, whatever a header claims.
  std::vector<std::uint8_t> read(std::size_t count) {
    std::vector<std::uint8_t> out;
    while (out.size() < count) {
      const std::size_t before = out.size();
      const std::size_t step = std::min(std::max<std::size_t>(before, 4096), count - before);
      out.resize(before + step);
      const std::size_t got = std::fread(out.data() + before, 1, step, file_.get());
      out.resize(before + got);
      if (got < step) {
        if (std::ferror(file_.get()) != 0) throw Error("cannot read " + path_ + ": " + std::strerror(errno));
        break;
      }
    }
    return out;
  }

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file_;
};

}  // namespace

const char *name(Type type) { return info(type).name; }

std::size_t size(Type type) { return info(type).bytes; }

std::size_t Array::count() const {
  const std::optional<std::size_t> total = bytes(shape, size(type));
  if (!total) throw Error("absurd shape " + tuple(shape));
  return *total / size(type);
}

std::vector<std::uint32_t> Array::words() const {
  if (size(type) != 4) throw Error(std::string("4-byte elements asked of an array of ") + name(type));
  std::vector<std::uint32_t> out(count());
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t byte = 0; byte < 4; ++byte) out[i] |= static_cast<std::uint32_t>(data.at(4 * i + byte)) << (8 * byte);
  }
  return out;
}

Array read(const std::string &path, const std::vector<Type> &types, std::size_t rank) {
  InputFile file(path);

  const std::vector<std::uint8_t> start = file.read(8);
  if (start.empty()) throw Error(path + ": the file is empty");
  if (std::memcmp(start.data(), kMagic, std::min(start.size(), sizeof kMagic)) != 0) throw Error(path + ": not an .npy file");
  if (start.size() < 8) throw Error(path + ": truncated in the header");
  const unsigned major = start[6];
  if ((major != 1 && major != 2) || start[7] != 0) {
    throw Error(path + ": .npy version " + std::to_string(major) + "." + std::to_string(start[7]) +
                " is not supported, only 1.0 and 2.0");
  }

  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::vector<std::uint8_t> length = file.read(length_bytes);
  if (length.size() < length_bytes) throw Error(path + ": truncated in the header");
  std::size_t header_size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) header_size |= static_cast<std::size_t>(length[i]) << (8 * i);
  if (header_size > kMaxHeader) throw Error(path + ": bad header: it claims " + std::to_string(header_size) + " bytes");
  const std::vector<std::uint8_t> raw = file.read(header_size);
  if (raw.size() < header_size) throw Error(path + ": truncated in the header");

  const std::string text(raw.begin(), raw.end());
  Header header;
  try {
    header = HeaderParser(text).parse();
  } catch (const BadHeader &error) {
    throw Error(path + ": bad header: " + error.what());
  }

  Array out;
  out.type = find_type(path, *header.descr, types);
  out.shape = *header.shape;
  if (out.shape.size() != rank) {
    throw Error(path + ": shape " + tuple(out.shape) + " has " + std::to_string(out.shape.size()) + " dimension" +
                (out.shape.size() == 1 ? "" : "s") + ", " + std::to_string(rank) + " expected");
  }
  if (*header.fortran_order) throw Error(path + ": Fortran order is not supported, save it with numpy.ascontiguousarray");
  const std::optional<std::size_t> expected = bytes(out.shape, size(out.type));
  if (!expected) throw Error(path + ": absurd shape " + tuple(out.shape));

  try {
    out.data = file.read(*expected);
    if (out.data.size() < *expected) {
      throw Error(path + ": truncated: shape " + tuple(out.shape) + " of " + name(out.type) + " takes " +
                  std::to_string(*expected) + " bytes, the file holds " + std::to_string(out.data.size()));
    }
    if (!file.read(1).empty()) {
      throw Error(path + ": bytes after the end: shape " + tuple(out.shape) + " of " + name(out.type) + " takes " +
                  std::to_string(*expected) + " bytes, the file holds more");
    }
  } catch (const std::bad_alloc &) {
    throw Error(path + ": not enough memory for shape " + tuple(out.shape) + " of " + name(out.type));
  }
  return out;
}

void write(OutputFile &file, const Array &array) {
  if (array.data.size() != array.count() * size(array.type)) throw std::logic_error("npy: data and shape disagree");
  std::string header = "{'descr': '" + describe(array.type) + "', 'fortran_order': False, 'shape': " + tuple(array.shape) + ", }";
  constexpr std::size_t kPrefix = 10;  // magic, version, length
  constexpr std::size_t kAlign = 64;   // of the data in the file
  header.append(kAlign - 1 - (kPrefix + header.size()) % kAlign, ' ');
  header += '\n';

  std::string prefix(reinterpret_cast<const char *>(kMagic), sizeof kMagic);
  prefix += '\x01';
  prefix += '\x00';
  prefix += static_cast<char>(header.size() & 0xff);
  prefix += static_cast<char>(header.size() >> 8);

  file.write(prefix.data(), prefix.size());
  file.write(header.data(), header.size());
  file.write(array.data.data(), array.data.size());
}

void write(const std::string &path, const Array &array) {
  OutputFile file(path);
  write(file, array);
  file.commit();
}

}  // namespace systole::npy
