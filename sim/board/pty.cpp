// SPDX-License-Identifier: Apache-2.0
#include "sim/board/pty.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace systole::board {

namespace {

struct Speed {
  uint32_t baud;
  speed_t code;
};

constexpr std::array kSpeeds = {Speed{9600, B9600},       Speed{19200, B19200},     Speed{38400, B38400},
                                Speed{57600, B57600},     Speed{115200, B115200},   Speed{230400, B230400},
                                Speed{460800, B460800},   Speed{500000, B500000},   Speed{576000, B576000},
                                Speed{921600, B921600},   Speed{1000000, B1000000}, Speed{1152000, B1152000},
                                Speed{1500000, B1500000}, Speed{2000000, B2000000}, Speed{2500000, B2500000},
                                Speed{3000000, B3000000}, Speed{3500000, B3500000}, Speed{4000000, B4000000}};

[[noreturn]] void fail(const std::string &what) {
  throw std::runtime_error(what + ": " + std::error_code(errno, std::generic_category()).message());
}

// A client that opens the port without setting it up finds it raw and at the board's speed.
void set_raw(const std::string &name, uint32_t baud) {
  const int fd = open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) fail("cannot open " + name);
  termios settings{};
  bool good = tcgetattr(fd, &settings) == 0;
  if (good) {
    cfmakeraw(&settings);
    for (const Speed &speed : kSpeeds) {
      if (speed.baud == baud) cfsetspeed(&settings, speed.code);
    }
    good = tcsetattr(fd, TCSANOW, &settings) == 0;
  }
  const int error = errno;
  // From here on the master sees whether a client has it open.
  close(fd);
  errno = error;
  if (!good) fail("cannot set up " + name);
}

}  // namespace

Pty::Pty(uint32_t baud, std::string link) : link_(std::move(link)) {
  master_ = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  std::array<char, 128> name{};
  if (master_ < 0 || grantpt(master_) != 0 || unlockpt(master_) != 0 || ptsname_r(master_, name.data(), name.size()) != 0) {
    fail("cannot make a pseudo-terminal");
  }
  name_ = name.data();
  set_raw(name_, baud);
  if (link_.empty()) return;
  struct stat status {};
  if (lstat(link_.c_str(), &status) == 0) {
    if (!S_ISLNK(status.st_mode)) {
      throw std::runtime_error("--link " + link_ + ": it exists and is no symbolic link; remove it or give another name");
    }
    unlink(link_.c_str());
  }
  if (symlink(name_.c_str(), link_.c_str()) != 0) fail("cannot make the link " + link_);
}

Pty::~Pty() {
  std::error_code error;
  // Not somebody else's who took the name in the meantime.
  if (!link_.empty() && std::filesystem::read_symlink(link_, error) == name_) unlink(link_.c_str());
  if (master_ >= 0) close(master_);
}

std::size_t Pty::read(uint8_t *data, std::size_t size) {
  const ssize_t count = ::read(master_, data, size);
  return count > 0 ? static_cast<std::size_t>(count) : 0;  // EIO: no client; EAGAIN: nothing there
}

std::size_t Pty::write(const uint8_t *data, std::size_t size) {
  pollfd poll_master{master_, POLLOUT, 0};
  if (poll(&poll_master, 1, 0) > 0 && (poll_master.revents & POLLHUP) != 0) return size;
  const ssize_t count = ::write(master_, data, size);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

void Pty::wait(int milliseconds) const {
  pollfd poll_master{master_, POLLIN, 0};
  if (poll(&poll_master, 1, milliseconds) > 0 && (poll_master.revents & POLLIN) == 0) {
    poll(nullptr, 0, milliseconds < 20 ? milliseconds : 20);  // no client: poll does not wait for one
  }
}

std::optional<uint32_t> Pty::speed() const {
  termios settings{};
  if (tcgetattr(master_, &settings) != 0) return std::nullopt;
  for (const Speed &speed : kSpeeds) {
    if (speed.code == cfgetospeed(&settings)) return speed.baud;
  }
  return std::nullopt;
}

}  // namespace systole::board
