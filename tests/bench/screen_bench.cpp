// What a screen costs: CPU of drawing the busiest one, bytes on the line for one redraw, and the time from a key to the next
// screen. Drawn through render and ncurses onto a pseudo-terminal as xterm-256color, 128x48. The limits are those that a person on
// a serial line at 115200 baud would notice: 5 ms, 8 KiB (0.7 s), 50 ms. CPU time of this thread, medians, so that a busy machine
// changes little.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "tests/unit/tui/fakes.h"
#include "tui/terminal.h"

namespace ceremony::tui::testing {
namespace {

constexpr int rounds = 101;

double thread_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

/// Standard input and output on a pseudo-terminal of 128x48 as long as it lives; what is written there is counted, not shown.
class Line final {
 public:
  Line() : m_in(::dup(STDIN_FILENO)), m_out(::dup(STDOUT_FILENO)), m_master(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(m_master >= 0);
    REQUIRE(::grantpt(m_master) == 0);
    REQUIRE(::unlockpt(m_master) == 0);
    const int slave = ::open(::ptsname(m_master), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
    const winsize size{48, 128, 0, 0};
    ::ioctl(slave, TIOCSWINSZ, &size);
    std::fflush(stdout);
    ::dup2(slave, STDIN_FILENO);
    ::dup2(slave, STDOUT_FILENO);
    ::close(slave);
    ::fcntl(m_master, F_SETFL, O_NONBLOCK);
  }
  ~Line() {
    ::dup2(m_in, STDIN_FILENO);
    ::dup2(m_out, STDOUT_FILENO);
    for (const int fd : {m_in, m_out, m_master}) ::close(fd);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  std::size_t taken() {
    std::array<char, 8192> some{};
    std::size_t all = 0;
    for (ssize_t n = 0; (n = ::read(m_master, some.data(), some.size())) > 0;) all += static_cast<std::size_t>(n);
    return all;
  }

 private:
  int m_in, m_out, m_master;
};

}  // namespace

TEST_CASE("a screen's cost") {
  ::setenv("TERM", "xterm-256color", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::unsetenv("NO_COLOR");
  // The busiest golden screen: the one with most characters and attributes.
  std::vector<Grid> grids;
  std::size_t busiest = 0, most = 0;
  for (const auto& screen : all_screens()) {
    grids.push_back(played(screen, 128, 48));
    const auto golden = grids.back().golden();
    const auto full = static_cast<std::size_t>(std::ranges::count_if(golden, [](char c) { return c != ' ' && c != '.' && c != '\n'; }));
    if (full > most) {
      most = full;
      busiest = grids.size() - 1;
    }
  }
  const auto& name = all_screens()[busiest].name;

  // From a question's data to a grid, and from a key to the next screen: the operator draws twice around a key.
  std::vector<double> key_ms;
  for (int i = 0; i < rounds; ++i) {
    Stage stage("<down>", 128, 48);
    const auto before = thread_ms();
    try {
      all_screens()[busiest].play(stage);
    } catch (const Refused&) {
    }
    key_ms.push_back(thread_ms() - before);
  }

  std::vector<double> draw_ms;
  std::size_t largest = 0, full_redraw = 0;
  {
    Line line;
    const auto terminal = make_curses_terminal(std::chrono::seconds(600));
    (void)line.taken();
    for (int i = 0; i < rounds; ++i) {
      // Another screen first, so that nearly every cell changes.
      terminal->draw(grids[(busiest + 1 + static_cast<std::size_t>(i) % (grids.size() - 1)) % grids.size()], std::nullopt);
      (void)line.taken();
      const auto before = thread_ms();
      terminal->draw(grids[busiest], std::nullopt);
      draw_ms.push_back(thread_ms() - before);
      largest = std::max(largest, line.taken());
    }
    terminal->forget();
    (void)line.taken();
    terminal->draw(grids[busiest], std::nullopt);
    full_redraw = line.taken();
  }
  const auto draw = median(draw_ms), key = median(key_ms);
  std::printf("busiest screen \"%s\", 128x48, %d rounds: ncurses %.2f ms CPU a redraw; %zu bytes at most from another screen, %zu bytes on an empty one; %.2f ms CPU from question to the screen after a key\n",
              name.c_str(), rounds, draw, largest, full_redraw, key);
  CHECK(draw + key < 5);
  CHECK(largest > 100);
  CHECK(largest < 8192);
  CHECK(full_redraw > 1000);
  CHECK(full_redraw < 8192);
  CHECK(draw + key < 50);
}

}  // namespace ceremony::tui::testing
