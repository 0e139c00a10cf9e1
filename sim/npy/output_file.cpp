// SPDX-License-Identifier: Apache-2.0
#include "sim/npy/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace systole::npy {

namespace {

/// Where a path leads; the path itself if nothing is there yet.
std::string resolve(const std::string &path) {
  const std::unique_ptr<char, void (*)(void *)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

OutputFile::OutputFile(const std::string &path) : path_(path), target_(resolve(path)) {
  if (path.empty()) throw Error("cannot write a file without a name");
  struct stat info {};
  if (::stat(target_.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      fail("cannot write");
    }
    if (::access(target_.c_str(), W_OK) != 0) fail("cannot write");
    if (!S_ISREG(info.st_mode)) {
      fd_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) fail("cannot write");
      return;
    }
  } else if (errno != ENOENT || target_.back() == '/') {
    if (errno == ENOENT) errno = EISDIR;
    fail("cannot write");
  }
  const std::size_t slash = target_.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : target_.substr(0, slash + 1);
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temporary_ = directory + ".systole-" + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".tmp";
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && (errno != EEXIST || attempt == 1000)) {
      temporary_.clear();
      fail("cannot write");
    }
  }
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void *data, std::size_t size) {
  const char *from = static_cast<const char *>(data);
  while (size > 0) {
    const ::ssize_t done = ::write(fd_, from, size);
    if (done < 0) {
      if (errno == EINTR) continue;
      fail("cannot write");
    }
    from += done;
    size -= static_cast<std::size_t>(done);
  }
}

void OutputFile::finish() {
  if (fd_ < 0) return;
  const bool synced = temporary_.empty() || ::fsync(fd_) == 0;
  const int code = errno;
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) fail("cannot write");
  errno = code;
  if (!synced) fail("cannot write");
}

void OutputFile::commit() {
  finish();
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot write");
  temporary_.clear();
}

void OutputFile::fail(const std::string &what) const {
  const int code = errno;  // before anything else can change it
  // A constructor that throws runs no destructor: nothing is left open or behind at any call from there.
  throw Error(what + " " + path_ + ": " + std::strerror(code));
}

void check_writable(const std::string &path) { OutputFile probe(path); }

}  // namespace systole::npy
