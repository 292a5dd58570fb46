#include "ceremony/init/screen.h"

#include <fcntl.h>
#include <linux/vt.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "ceremony/init/world.h"

namespace ceremony::init {
namespace {

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto put = ::write(STDOUT_FILENO, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

void forget_what_was_typed() {
  ::termios how{};
  // A program that died may have left the terminal as it used it.
  if (::tcgetattr(STDIN_FILENO, &how) != 0) return;
  how.c_lflag |= ICANON | ECHO | ISIG;
  how.c_iflag |= ICRNL;
  how.c_oflag |= OPOST | ONLCR;
  (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &how);
}

std::string next_line() {
  std::string line;
  while (true) {
    char byte = 0;
    const auto got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == '\n') return line;
    if (line.size() < 80) line += byte;
  }
}

}  // namespace

Screen::Screen() {
  ::setsid();
  const int terminal = ::open("/dev/tty1", O_RDWR | O_NOCTTY);
  if (terminal < 0) return;
  (void)::ioctl(terminal, TIOCSCTTY, 1);
  // The other consoles are empty; people who press Alt and a function key would think that the machine is gone.
  (void)::ioctl(terminal, VT_ACTIVATE, 1);
  (void)::ioctl(terminal, VT_LOCKSWITCH, 1);
  if (::fchown(terminal, people_user, people_group) != 0 || ::fchmod(terminal, 0600) != 0) note("the console cannot be given to people");
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (terminal != standard) ::dup2(terminal, standard);
  if (terminal > STDERR_FILENO) ::close(terminal);
}

void Screen::clear() { write_all("\033[0m\033[2J\033[3J\033[H\033[?25h"); }

void Screen::say(std::string_view line) { write_all(std::string(line) + "\n"); }

std::string Screen::read_line() {
  forget_what_was_typed();
  return next_line();
}

std::string Screen::ask(std::string_view line) {
  forget_what_was_typed();
  say(line);
  return next_line();
}

}  // namespace ceremony::init
