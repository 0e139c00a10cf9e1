// SPDX-License-Identifier: Apache-2.0
#include "sim/link/serial_port.hpp"

#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/serial_port.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>
#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

namespace systole::link {

namespace asio = boost::asio;

namespace {

/// A pseudo-terminal has no line: bauds mean nothing, and its other end keeps it alive when we leave.
bool is_pseudo_terminal(int file) {
#if defined(__linux__)
  constexpr unsigned kFirst = 136, kLast = 143;  // majors of Unix98 slaves, Documentation/admin-guide/devices.txt
  struct stat status {};
  return fstat(file, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) >= kFirst &&
         major(status.st_rdev) <= kLast;
#else
  (void)file;
  return false;
#endif
}

std::string open_problem(const std::string &path, const boost::system::error_code &error) {
  switch (error.value()) {
    case ENOENT: return "no such port: " + path + " (is the board plugged in? `ls /dev/ttyUSB* /dev/ttyACM*` shows the ports)";
    case EACCES:
    case EPERM:
      return "no permission to open " + path + " (join its group, usually `sudo usermod -aG dialout $USER`, and log in again)";
    case EBUSY: return path + " is in use by another program; close that and try again";
    case ENXIO:
    case EIO:
    case ENODEV: return path + " has nothing behind it: is the board plugged in and, if it is a simulated one, running?";
    case ENOTTY:
    case EINVAL:
    case EISDIR: return path + " is not a serial port";
    default: return "cannot open " + path + ": " + error.message();
  }
}

}  // namespace

struct SerialPort::Impl {
  explicit Impl(const std::string &path) : name(path), port(context) {}

  /// Lets the started operation end, or cancels it at the limit.
  void run(Duration limit, const bool &done) {
    context.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit);
    while (!done && context.run_one_until(end) != 0) {}
    if (done) return;
    boost::system::error_code ignored;
    port.cancel(ignored);
    context.restart();
    context.run();  // the handler comes with operation_aborted, or with what was received meanwhile
  }

  [[noreturn]] void gone(const boost::system::error_code &error) const {
    throw Error("lost " + name + ": " +
                (error == asio::error::eof || error.value() == EIO ? "its other end went away" : error.message()) +
                " (was the board unplugged or the simulated board ended?)");
  }

  std::string name;
  asio::io_context context;
  asio::serial_port port;
  bool exclusive = false;
};

SerialPort::SerialPort(const std::string &path) : impl_(std::make_unique<Impl>(path)) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && !S_ISCHR(status.st_mode)) throw Error(path + " is not a serial port");
  boost::system::error_code error;
  impl_->port.open(path, error);  // raw, not waiting for a modem
  if (error) throw Error(open_problem(path, error));
  const int file = impl_->port.native_handle();
  // The lock is what two of us, and most terminal programs, respect; a superuser passes by TIOCEXCL.
  if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw Error(path + " is in use by another program; close that and try again");
  // On a pseudo-terminal the flag would outlive us.
  impl_->exclusive = !is_pseudo_terminal(file) && ioctl(file, TIOCEXCL) == 0;
  using Base = asio::serial_port_base;
  const auto set = [&](const auto &option) {
    if (!error) impl_->port.set_option(option, error);
  };
  set(Base::character_size(8));
  set(Base::parity(Base::parity::none));
  set(Base::stop_bits(Base::stop_bits::one));
  set(Base::flow_control(Base::flow_control::none));
  if (error) throw Error(path + " cannot be set to 8 data bits, no parity, 1 stop bit: " + error.message());
  tcflush(file, TCIOFLUSH);
}

SerialPort::~SerialPort() {
  if (impl_->exclusive) ioctl(impl_->port.native_handle(), TIOCNXCL);
}

const std::string &SerialPort::name() const { return impl_->name; }

void SerialPort::set_baud(unsigned baud) {
  const int file = impl_->port.native_handle();
  boost::system::error_code error;
  impl_->port.set_option(asio::serial_port_base::baud_rate(baud), error);
  if (error && !set_any_baud(file, baud) && !is_pseudo_terminal(file))
    throw Error(impl_->name + " cannot do " + std::to_string(baud) + " baud (" + error.message() + "); try --baud 115200");
  tcflush(file, TCIFLUSH);
}

void SerialPort::write(const std::uint8_t *data, std::size_t size, Duration limit) {
  bool done = false;
  boost::system::error_code result;
  asio::async_write(impl_->port, asio::buffer(data, size), [&](const boost::system::error_code &error, std::size_t) {
    result = error;
    done = true;
  });
  impl_->run(limit, done);
  if (result == asio::error::operation_aborted)
    throw Error(impl_->name + " takes no more data (is it the right port, and is the board or its simulation running?)");
  if (result) impl_->gone(result);
}

std::size_t SerialPort::read(std::uint8_t *data, std::size_t size, Duration limit) {
  bool done = false;
  boost::system::error_code result;
  std::size_t received = 0;
  impl_->port.async_read_some(asio::buffer(data, size), [&](const boost::system::error_code &error, std::size_t count) {
    result = error;
    received = count;
    done = true;
  });
  impl_->run(limit, done);
  if (received != 0 || result == asio::error::operation_aborted) return received;
  if (result) impl_->gone(result);
  return received;
}

}  // namespace systole::link
