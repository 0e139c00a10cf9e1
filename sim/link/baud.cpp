// SPDX-License-Identifier: Apache-2.0
// A file of its own: the kernel's terminal structures and the C library's have the same names.
#if defined(__linux__)
#include <asm/termbits.h>
#include <sys/ioctl.h>
#endif

namespace systole::link {

// As serial_port.hpp declares it; its headers bring in the C library's structures.
bool set_any_baud(int file, unsigned baud);

bool set_any_baud(int file, unsigned baud) {
#if defined(__linux__) && defined(BOTHER)
  struct termios2 settings {};
  if (ioctl(file, TCGETS2, &settings) != 0) return false;
  settings.c_cflag &= ~static_cast<tcflag_t>(CBAUD | (CBAUD << IBSHIFT));
  settings.c_cflag |= static_cast<tcflag_t>(BOTHER | (BOTHER << IBSHIFT));
  settings.c_ispeed = settings.c_ospeed = baud;
  return ioctl(file, TCSETS2, &settings) == 0;
#else
  (void)file;
  (void)baud;
  return false;
#endif
}

}  // namespace systole::link
