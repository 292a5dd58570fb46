#include <curses.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "ceremony/operator.h"
#include "tui/line_input.h"
#include "tui/terminal.h"

namespace ceremony::tui {
namespace {

constexpr int pair_accent = 1;
constexpr int pair_warning = 2;
constexpr int pair_paper = 3;

class CursesTerminal final : public Terminal {
 public:
  CursesTerminal(std::chrono::seconds idle, media::Scanner* scanner) : m_input(STDIN_FILENO, idle, scanner) {
    std::setlocale(LC_CTYPE, "");
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
      throw Refused(OperatorRefusal::end_of_input, "standard input and output are no terminal", "--tui", "use --plain");
    m_screen = ::newterm(nullptr, stdout, stdin);
    if (m_screen == nullptr) {
      const char* term = std::getenv("TERM");
      throw Refused(OperatorRefusal::end_of_input, "there is no terminal \"" + std::string(term == nullptr ? "" : term) + "\"", "TERM", "set TERM to linux, xterm-256color or vt100, or use --plain");
    }
    ::raw();
    ::noecho();
    ::nonl();
    if (std::getenv("NO_COLOR") == nullptr && ::has_colors()) {
      ::start_color();
      ::use_default_colors();
      ::init_pair(pair_accent, COLOR_CYAN, -1);
      ::init_pair(pair_warning, COLOR_YELLOW, -1);
      ::init_pair(pair_paper, COLOR_BLACK, COLORS >= 16 ? 15 : COLOR_WHITE);
      m_colours = true;
    }
    learn_keys();
    if (const char* on = ::tigetstr(const_cast<char*>("smkx")); usable(on)) ::putp(on);
    std::fflush(stdout);  // putp goes through stdio, the screens do not
    take_size();
  }
  ~CursesTerminal() override {
    ::erase();
    ::refresh();
    if (const char* off = ::tigetstr(const_cast<char*>("rmkx")); usable(off)) ::putp(off);
    std::fflush(stdout);
    ::endwin();
    ::delscreen(m_screen);
  }
  CursesTerminal(const CursesTerminal&) = delete;
  CursesTerminal& operator=(const CursesTerminal&) = delete;

  int cols() const override { return COLS; }
  int rows() const override { return LINES; }

  void draw(const Grid& grid, std::optional<std::pair<int, int>> cursor) override {
    for (int y = 0; y < grid.rows(); ++y)
      for (int x = 0; x < grid.cols(); ++x) {
        const auto cell = grid.at(x, y);
        const std::array<wchar_t, 2> text{static_cast<wchar_t>(cell.c), L'\0'};
        cchar_t out;
        ::setcchar(&out, text.data(), attributes(cell.attr), pair_of(cell.attr), nullptr);
        ::mvadd_wch(y, x, &out);
      }
    ::curs_set(cursor ? 1 : 0);
    if (cursor) ::move(cursor->second, cursor->first);
    ::refresh();
  }

  Key read(std::chrono::milliseconds wait) override {
    auto first = m_input.next(wait);
    switch (first.event) {
      case Event::quiet: return {Key::quiet};
      case Event::interrupt: return {Key::control, U'c'};
      case Event::suspend: return {Key::control, U'z'};
      case Event::resized: take_size(); return {Key::resized};
      case Event::scanned: return {Key::scanned, 0, 0, std::move(first.text)};
      case Event::scan_failed: return {Key::scan_failed, 0, 0, std::move(first.text)};
      case Event::byte: break;
    }
    if (first.byte == 27) return after_escape();
    if (first.byte == '\r' || first.byte == '\n') return {Key::enter};
    if (first.byte == '\t') return {Key::tab};
    if (first.byte == 8 || first.byte == 127) return {Key::backspace};
    if (first.byte < 32) return {Key::control, static_cast<char32_t>(first.byte + 96)};
    if (first.byte < 0x80) return {Key::character, first.byte};
    return beyond_ascii(first.byte);
  }

  bool utf8() const override { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

  void beep() override { ::beep(); }

  void forget() override {
    ::erase();
    ::clearok(stdscr, TRUE);
    ::refresh();
    if (const char* scrollback = ::tigetstr(const_cast<char*>("E3")); usable(scrollback)) {
      ::putp(scrollback);
      std::fflush(stdout);
    }
  }

 private:
  static bool usable(const char* capability) { return capability != nullptr && capability != reinterpret_cast<const char*>(-1); }

  void learn_keys() {
    // As terminfo has them, and as nearly every terminal sends them whatever terminfo says.
    const auto both = [&](const char* capability, std::initializer_list<const char*> usual, Key key) {
      if (const char* sequence = ::tigetstr(const_cast<char*>(capability)); usable(sequence) && sequence[0] == 27) m_keys[sequence + 1] = key;
      for (const char* sequence : usual) m_keys.try_emplace(sequence, key);
    };
    both("kcuu1", {"[A", "OA"}, {Key::up});
    both("kcud1", {"[B", "OB"}, {Key::down});
    both("kcuf1", {"[C", "OC"}, {Key::right});
    both("kcub1", {"[D", "OD"}, {Key::left});
    both("kpp", {"[5~"}, {Key::page_up});
    both("knp", {"[6~"}, {Key::page_down});
    both("khome", {"[H", "OH", "[1~"}, {Key::home});
    both("kend", {"[F", "OF", "[4~"}, {Key::end});
    both("kf1", {"OP", "[[A", "[11~"}, {Key::function, 0, 1});
    both("kf2", {"OQ", "[[B", "[12~"}, {Key::function, 0, 2});
    both("kf3", {"OR", "[[C", "[13~"}, {Key::function, 0, 3});
    both("kf4", {"OS", "[[D", "[14~"}, {Key::function, 0, 4});
  }

  Key after_escape() {
    std::string sequence;
    while (sequence.size() < 8) {
      const auto next = m_input.next(std::chrono::milliseconds(50));
      if (next.event != Event::byte) break;
      sequence += static_cast<char>(next.byte);
      if (const auto found = m_keys.find(sequence); found != m_keys.end()) return found->second;
      const auto longer = m_keys.lower_bound(sequence);
      const bool begins = longer != m_keys.end() && longer->first.starts_with(sequence);
      // A sequence we do not know ends with a letter or ~; it is swallowed whole, so that its rest is not typed.
      if (!begins && sequence.size() > 1 && (std::isalpha(static_cast<unsigned char>(sequence.back())) != 0 || sequence.back() == '~')) return {};
      if (!begins && sequence.size() == 1 && sequence[0] != '[' && sequence[0] != 'O') return {};
    }
    return sequence.empty() ? Key{Key::escape} : Key{};
  }

  Key beyond_ascii(unsigned char first) {
    std::string bytes(1, static_cast<char>(first));
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
    for (int i = 0; i < more; ++i) {
      const auto next = m_input.next(std::chrono::milliseconds(50));
      if (next.event != Event::byte) return {};
      bytes += static_cast<char>(next.byte);
    }
    std::string_view text = bytes;
    const auto c = take_code_point(text);
    return c == U'\uFFFD' || !text.empty() ? Key{} : Key{Key::character, c};
  }

  void take_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 && (size.ws_row != LINES || size.ws_col != COLS)) {
      ::resizeterm(size.ws_row, size.ws_col);
      ::clearok(stdscr, TRUE);
    }
  }

  attr_t attributes(std::uint8_t attr) const {
    attr_t out = A_NORMAL;
    // Linux's console makes reversed bold text dark grey on grey; reversed, it stands out as it is.
    if ((attr & bold) != 0 && (attr & reverse) == 0) out |= A_BOLD;
    if ((attr & reverse) != 0) out |= A_REVERSE;
    if ((attr & underline) != 0) out |= A_UNDERLINE;
    if ((attr & paper) != 0 && !m_colours) out |= A_REVERSE;  // light on dark is what such terminals have
    return out;
  }
  short pair_of(std::uint8_t attr) const {
    if (!m_colours) return 0;
    return static_cast<short>((attr & paper) != 0 ? pair_paper : (attr & warning) != 0 ? pair_warning : (attr & accent) != 0 ? pair_accent : 0);
  }

  LineInput m_input;
  SCREEN* m_screen = nullptr;
  bool m_colours = false;
  std::map<std::string, Key> m_keys;
};

}  // namespace

std::unique_ptr<Terminal> make_curses_terminal(std::chrono::seconds idle, media::Scanner* scanner) { return std::make_unique<CursesTerminal>(idle, scanner); }

}  // namespace ceremony::tui
