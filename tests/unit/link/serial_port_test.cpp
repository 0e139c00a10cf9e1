// SPDX-License-Identifier: Apache-2.0
#include "sim/link/serial_port.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "sim/link/client.hpp"
#include "tests/fake_board/fake_board.hpp"

namespace systole::link {
namespace {

using Seconds = Stream::Duration;
constexpr Seconds kLong(60), kShort(0.02);

/// The other end of a pseudo-terminal.
class Master {
 public:
  Master() : file_(posix_openpt(O_RDWR | O_NOCTTY)) {
    if (file_ < 0 || grantpt(file_) != 0 || unlockpt(file_) != 0) throw std::runtime_error("no pseudo-terminal");
    port_ = ptsname(file_);
  }
  ~Master() { hang_up(); }
  void hang_up() {
    if (file_ >= 0) close(file_);
    file_ = -1;
  }
  int file() const { return file_; }
  const std::string &port() const { return port_; }
  void send(const Bytes &bytes) const {
    ASSERT_EQ(::write(file_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  Bytes receive(std::size_t size) const {
    Bytes out(size);
    for (std::size_t at = 0; at < size;) {
      const ssize_t count = ::read(file_, &out[at], size - at);
      if (count <= 0) break;
      at += static_cast<std::size_t>(count);
    }
    return out;
  }

 private:
  int file_;
  std::string port_;
};

std::string message(const std::function<void()> &action) {
  try {
    action();
  } catch (const Error &error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "nothing was thrown";
}

Bytes every_byte() {
  Bytes out;
  for (unsigned byte = 0; byte < 256; ++byte) out.push_back(static_cast<std::uint8_t>(byte));
  return out;
}

TEST(LinkSerialPortTest, AllBytesPassUnchanged) {
  Master master;
  SerialPort port(master.port());
  const Bytes all = every_byte();
  port.write(all.data(), all.size(), kLong);
  EXPECT_EQ(master.receive(all.size()), all);
  master.send(all);
  Bytes got;
  std::uint8_t buffer[64];
  while (got.size() < all.size()) {
    const std::size_t count = port.read(buffer, sizeof buffer, kLong);
    ASSERT_NE(count, 0u);
    got.insert(got.end(), buffer, buffer + count);
  }
  EXPECT_EQ(got, all);
}

TEST(LinkSerialPortTest, AReadEndsWithoutBytes) {
  Master master;
  SerialPort port(master.port());
  std::uint8_t buffer[8];
  EXPECT_EQ(port.read(buffer, sizeof buffer, kShort), 0u);
  EXPECT_EQ(port.read(buffer, sizeof buffer, Seconds(0)), 0u);
  master.send({1, 2});
  EXPECT_GT(port.read(buffer, sizeof buffer, kLong), 0u);
}

TEST(LinkSerialPortTest, TakesAnyBaudOnAPseudoTerminal) {
  Master master;
  SerialPort port(master.port());
  for (const unsigned baud : {1200u, 115'200u, 250'000u, 1'000'000u, 1'500'000u, 2'500'000u, 3'000'000u, 12'000'000u}) {
    EXPECT_NO_THROW(port.set_baud(baud)) << baud;
  }
  // And the line is as raw as before.
  const Bytes all = every_byte();
  port.write(all.data(), all.size(), kLong);
  EXPECT_EQ(master.receive(all.size()), all);
}

TEST(LinkSerialPortTest, ForgetsWhatCameBeforeItWasOpened) {
  Master master;
  const int slave = open(master.port().c_str(), O_RDWR | O_NOCTTY);
  ASSERT_GE(slave, 0);
  master.send({'o', 'l', 'd', '\n'});
  SerialPort port(master.port());
  std::uint8_t buffer[8];
  EXPECT_EQ(port.read(buffer, sizeof buffer, kShort), 0u);
  close(slave);
}

TEST(LinkSerialPortTest, IsForOneProgramAtATime) {
  Master master;
  const int slave = open(master.port().c_str(), O_RDWR | O_NOCTTY);
  {
    SerialPort port(master.port());
    EXPECT_NE(message([&] { SerialPort second(master.port()); }).find("in use by another program"), std::string::npos);
  }
  EXPECT_NO_THROW(SerialPort(master.port()));
  close(slave);
}

TEST(LinkSerialPortTest, SaysWhatIsNoPort) {
  EXPECT_NE(message([] { SerialPort port("/dev/there-is-no-such-port"); }).find("no such port"), std::string::npos);
  EXPECT_NE(message([] { SerialPort port("/dev/null"); }).find("is not a serial port"), std::string::npos);
  EXPECT_NE(message([] { SerialPort port("/"); }).find("is not a serial port"), std::string::npos);
}

TEST(LinkSerialPortTest, SaysThatTheOtherEndWentAway) {
  Master master;
  SerialPort port(master.port());
  master.hang_up();
  std::uint8_t buffer[8];
  EXPECT_NE(message([&] { port.read(buffer, sizeof buffer, kLong); }).find("its other end went away"), std::string::npos);
}

TEST(LinkSerialPortTest, SaysThatNobodyTakesTheBytes) {
  Master master;
  SerialPort port(master.port());
  const Bytes much(1 << 20, 'x');
  EXPECT_NE(message([&] { port.write(much.data(), much.size(), kShort); }).find("takes no more data"), std::string::npos);
}

TEST(LinkSerialPortTest, ACorruptedPseudoTerminalCarriesMemoryUnchanged) {
  Master master;
  fake::FakeBoard board;
  std::atomic<bool> end{false};
  std::thread server([&] {
    std::mt19937 random(1);
    const auto noisy = [&random](std::uint8_t byte) {
      return random() % 100 == 0 ? static_cast<std::uint8_t>(byte ^ (1 + random() % 255)) : byte;
    };
    while (!end) {
      pollfd file = {master.file(), POLLIN, 0};
      if (poll(&file, 1, 20) <= 0 || (file.revents & POLLIN) == 0) continue;
      std::uint8_t in[4096];
      const ssize_t count = ::read(master.file(), in, sizeof in);
      std::deque<std::uint8_t> out;
      for (ssize_t i = 0; i < count; ++i) board.receive(noisy(in[i]), out);
      Bytes bytes;
      for (const std::uint8_t byte : out) bytes.push_back(noisy(byte));
      if (::write(master.file(), bytes.data(), bytes.size()) < 0) break;
    }
  });
  try {
    SerialPort port(master.port());
    Settings settings;
    settings.timeout_s = 2;
    settings.max_timeouts = 20;
    Client client(port, settings);
    client.connect(1'000'000);
    std::mt19937 random(2);
    Bytes data(6000), back(6000);
    for (std::uint8_t &byte : data) byte = static_cast<std::uint8_t>(random());
    client.write_memory(5, data.data(), data.size());
    client.read_memory(5, back.data(), back.size());
    EXPECT_EQ(back, data);
    EXPECT_GT(client.statistics().repeats, 20u);
  } catch (const std::exception &error) {
    ADD_FAILURE() << error.what();
  }
  end = true;
  server.join();
}

}  // namespace
}  // namespace systole::link
