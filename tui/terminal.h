// The terminal under the screens: shows grids, reads keys. A test gives its own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "media/scanner.h"
#include "tui/grid.h"

namespace ceremony::tui {

struct Key {
  enum Kind { character, enter, escape, backspace, tab, up, down, left, right, page_up, page_down, home, end, function, control, resized, quiet, scanned, scan_failed, unknown };
  Kind kind = unknown;
  char32_t c = 0;  ///< character; control: its letter in lower case
  int number = 0;  ///< function: 1 to 12
  std::string text{};  ///< scanned: the line; scan_failed: why
};

class Terminal {
 public:
  virtual ~Terminal() = default;
  [[nodiscard]] virtual int cols() const = 0;
  [[nodiscard]] virtual int rows() const = 0;
  /// Whether it shows half blocks; without them there is no QR code.
  [[nodiscard]] virtual bool utf8() const = 0;
  virtual void draw(const Grid& grid, std::optional<std::pair<int, int>> cursor) = 0;
  /// The next key, or `quiet` after `wait`. Throws as LineInput does.
  [[nodiscard]] virtual Key read(std::chrono::milliseconds wait) = 0;
  virtual void beep() = 0;
  /// Nothing of what was shown stays: screen and, where the terminal can, scrollback.
  virtual void forget() = 0;
};

/// ncurses on the process's own terminal; raw, so that Ctrl-C, Ctrl-Z and Ctrl-S are keys. The terminal is given back as
/// it was when this goes. Colours only where there are some and NO_COLOR is not set. Throws Refused{OperatorRefusal::end_of_input}
/// where standard input and output are no terminal, or TERM is unknown. The scanner may be null; it outlives the terminal.
[[nodiscard]] std::unique_ptr<Terminal> make_curses_terminal(std::chrono::seconds idle, media::Scanner* scanner = nullptr);

}  // namespace ceremony::tui
