#include "screen.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>

namespace tty {
namespace {

/// Far beyond what anything takes, in the sanitized build on a busy machine too.
constexpr auto patience = std::chrono::seconds(60);

pid_t on_a_terminal(const Command& command, const Environment& environment, const std::string& folder, Size size, int& master) {
  winsize window{};
  window.ws_col = static_cast<unsigned short>(size.cols);
  window.ws_row = static_cast<unsigned short>(size.rows);
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, &window);
  if (pid == 0) become(command, environment, folder);
  REQUIRE(pid > 0);
  return pid;
}

void append(std::string& out, std::uint32_t c) {
  const auto byte = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0U | c >> 6U);
    return byte(0x80U | (c & 0x3FU));
  }
  byte(0xE0U | c >> 12U);
  byte(0x80U | (c >> 6U & 0x3FU));
  byte(0x80U | (c & 0x3FU));
}

}  // namespace

void become(const Command& command, const Environment& environment, const std::string& folder) {
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  // What Catch2 and CTest may have left blocked or ignored is not the program's to inherit.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<char*> argv;
  for (const auto& one : command) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  if (::chdir(folder.c_str()) == 0) ::execvp(argv[0], argv.data());
  ::_exit(127);
}

Child::Child(pid_t pid) : m_pid(pid), m_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) { REQUIRE(m_fd >= 0); }

Child::~Child() {
  if (m_code < 0) {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  ::close(m_fd);
}

bool Child::ended() {
  if (m_code >= 0) return true;
  int status = 0;
  if (::waitpid(m_pid, &status, WNOHANG) != m_pid) return false;
  m_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

int Child::exit_code() {
  pollfd end{m_fd, POLLIN, 0};
  if (!ended()) REQUIRE(::poll(&end, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1);
  REQUIRE(ended());
  return m_code;
}

bool Child::sleeps() const {
  std::ifstream stat("/proc/" + std::to_string(m_pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const auto name_end = line.rfind(") ");
  return name_end != std::string::npos && line[name_end + 2] == 'S';
}

void Child::signal(int number) const { REQUIRE(::kill(m_pid, number) == 0); }

Screen::Screen(const Command& command, Environment environment, const std::string& folder, Size size, const std::string& term)
    : m_size(size), m_term(term), m_child((environment["TERM"] = term, environment["LC_ALL"] = "C.UTF-8", on_a_terminal(command, environment, folder, size, m_master))),
      m_vterm(::vterm_new(size.rows, size.cols)), m_screen(::vterm_obtain_screen(m_vterm)) {
  m_slave = ::open(::ptsname(m_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(m_slave >= 0);
  ::vterm_set_utf8(m_vterm, 1);
  ::vterm_screen_enable_altscreen(m_screen, 1);
  static const VTermScreenCallbacks callbacks = [] {
    VTermScreenCallbacks out{};
    out.damage = [](VTermRect rect, void* screen) {
      if (rect.end_row > 1) ++static_cast<Screen*>(screen)->m_changes;
      return 1;
    };
    return out;
  }();
  ::vterm_screen_set_callbacks(m_screen, &callbacks, this);
  ::vterm_screen_reset(m_screen, 1);
}

Screen::~Screen() {
  ::vterm_free(m_vterm);
  if (m_slave >= 0) ::close(m_slave);
  if (m_master >= 0) ::close(m_master);
}

std::string Screen::row(int y, int cols) const {
  std::string out;
  for (int x = 0; x < cols; ++x) {
    VTermScreenCell cell;
    if (::vterm_screen_get_cell(m_screen, VTermPos{y, x}, &cell) == 0 || cell.chars[0] == 0) out += ' ';
    else append(out, cell.chars[0]);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string Screen::before_cursor() const {
  VTermPos at;
  ::vterm_state_get_cursorpos(::vterm_obtain_state(m_vterm), &at);
  return row(at.row, at.col);
}

std::string Screen::text() const {
  std::string out;
  for (int y = 0; y < m_size.rows; ++y) out += row(y) + "\n";
  return out;
}

std::string Screen::picture() const {
  const auto brightness = [&](VTermColor colour, int usual) {
    if (VTERM_COLOR_IS_DEFAULT_FG(&colour) || VTERM_COLOR_IS_DEFAULT_BG(&colour)) return usual;
    ::vterm_screen_convert_color_to_rgb(m_screen, &colour);
    return (colour.rgb.red + colour.rgb.green + colour.rgb.blue) / 3;
  };
  std::string out = "P5\n" + std::to_string(m_size.cols * 4) + " " + std::to_string(m_size.rows * 8) + "\n255\n";
  const auto head = out.size();
  out.resize(head + static_cast<std::size_t>(m_size.cols * 4 * m_size.rows * 8));
  for (int y = 0; y < m_size.rows; ++y)
    for (int x = 0; x < m_size.cols; ++x) {
      VTermScreenCell cell;
      REQUIRE(::vterm_screen_get_cell(m_screen, VTermPos{y, x}, &cell) != 0);
      int ink = brightness(cell.fg, 200), paper = brightness(cell.bg, 0);
      if (cell.attrs.reverse) std::swap(ink, paper);
      const auto c = cell.chars[0];
      for (int py = 0; py < 8; ++py)
        for (int px = 0; px < 4; ++px) {
          const bool half = c == 0x2588 || (c == 0x2580 && py < 4) || (c == 0x2584 && py >= 4);
          const bool letter = c > ' ' && c < 0x2500 && px % 4 == 1 && py > 1;
          out[head + static_cast<std::size_t>((y * 8 + py) * m_size.cols * 4 + x * 4 + px)] = static_cast<char>(half || letter ? ink : paper);
        }
    }
  return out;
}

std::string Screen::task(int y) const {
  const std::size_t left = m_size.cols >= 120 ? 40 : 27;
  const auto all = row(y);
  return all.size() > left ? all.substr(left) : "";
}

std::string Screen::id() const {
  const auto top = row(1);
  const auto space = top.rfind(' ');
  return space == std::string::npos ? "" : top.substr(space + 1);
}

bool Screen::pump(int milliseconds) {
  std::array<pollfd, 2> fds{{{m_master, POLLIN, 0}, {m_child.fd(), POLLIN, 0}}};
  if (m_child.ended()) fds[1].fd = -1;
  if (::poll(fds.data(), fds.size(), milliseconds) <= 0 || (fds[0].revents & POLLIN) == 0) return false;
  std::array<char, 65536> piece{};
  const auto got = ::read(m_master, piece.data(), piece.size());
  if (got <= 0) return false;
  ::vterm_input_write(m_vterm, piece.data(), static_cast<std::size_t>(got));
  ::vterm_screen_flush_damage(m_screen);
  // What a terminal answers by itself would be typed.
  std::array<char, 256> answer{};
  while (::vterm_output_read(m_vterm, answer.data(), answer.size()) > 0) {
  }
  (m_alone ? m_private : m_public).append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

void Screen::give_up(const std::string& what) { FAIL("the screen never showed " << what << (m_child.ended() ? "; the program has ended" : "") << "\n" << text()); std::abort(); }

void Screen::wait(const std::string& what, const std::function<bool()>& wanted) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    // A screen is whole once the program waits and the kernel has handed over all that it wrote.
    while (pump(1)) {
    }
    if ((m_child.ended() || m_child.sleeps()) && !pump(0) && wanted()) return;
    if (m_child.ended() && !pump(0)) {
      if (wanted()) return;
      give_up(what);
    }
    if (std::chrono::steady_clock::now() > end) give_up(what);
    (void)pump(5);
  }
}

void Screen::press(std::string_view keys) { REQUIRE(::write(m_master, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size())); }

void Screen::press_and_see(std::string_view keys) {
  const auto before = m_changes;
  press(keys);
  wait("anything new after a key", [&] { return m_child.ended() || m_changes != before; });
}

bool Screen::ended() {
  while (pump(0)) {
  }
  return m_child.ended();
}

void Screen::resize(Size size) {
  m_size = size;
  ::vterm_set_size(m_vterm, size.rows, size.cols);
  winsize window{};
  window.ws_col = static_cast<unsigned short>(size.cols);
  window.ws_row = static_cast<unsigned short>(size.rows);
  REQUIRE(::ioctl(m_master, TIOCSWINSZ, &window) == 0);
}

void Screen::hang_up() {
  ::close(m_slave);
  ::close(m_master);
  m_slave = m_master = -1;
}

termios Screen::modes() const {
  termios out{};
  REQUIRE(::tcgetattr(m_slave, &out) == 0);
  return out;
}

bool Screen::modes_are_as_before() const {
  int master = -1, slave = -1;
  REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
  termios before{};
  REQUIRE(::tcgetattr(slave, &before) == 0);
  ::close(slave);
  ::close(master);
  const auto now = modes();
  return now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag && now.c_cflag == before.c_cflag && now.c_lflag == before.c_lflag;
}

}  // namespace tty
