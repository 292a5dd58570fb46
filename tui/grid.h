// A screen as data: characters with attributes. What is drawn is a pure function of what is shown; the terminal only copies
// the grid. Invariants: a character outside the grid is dropped, control characters become '?'.
#pragma once

#include <botan/secmem.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ceremony::tui {

/// Bits. `accent` and `warning` are colours where there are some and nothing where there are none: no meaning rests on them.
/// `paper`: dark on bright whatever the terminal's own colours are.
enum Attr : std::uint8_t { plain = 0, bold = 1, reverse = 2, underline = 4, accent = 8, warning = 16, paper = 32 };

struct Cell {
  char32_t c = U' ';
  std::uint8_t attr = plain;
  bool operator==(const Cell&) const = default;
};

class Grid final {
 public:
  Grid(int cols, int rows) : m_cols(cols), m_rows(rows), m_cells(static_cast<std::size_t>(cols) * static_cast<std::size_t>(rows), U' ') {}

  [[nodiscard]] int cols() const { return m_cols; }
  [[nodiscard]] int rows() const { return m_rows; }
  [[nodiscard]] Cell at(int x, int y) const { return {m_cells[index(x, y)] & 0xFFFFFFU, static_cast<std::uint8_t>(m_cells[index(x, y)] >> 24U)}; }
  void set(int x, int y, char32_t c, std::uint8_t attr);
  /// UTF-8 text from (x, y), cut at `most` columns; returns how many were used.
  int put(int x, int y, std::string_view text, std::uint8_t attr = plain, int most = 10000);
  void fill(int x, int y, int width, char32_t c, std::uint8_t attr);

  /// Rows of text, then a line `---`, then rows of attributes (one letter or digit a cell, `.` for none).
  [[nodiscard]] std::string golden() const;
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::size_t index(int x, int y) const { return static_cast<std::size_t>(y) * static_cast<std::size_t>(m_cols) + static_cast<std::size_t>(x); }
  int m_cols, m_rows;
  Botan::secure_vector<std::uint32_t> m_cells;  // a screen may show a secret; attribute in the top byte
};

/// One code point from the front of `text` (not empty), which is shortened; U+FFFD for what is no UTF-8.
[[nodiscard]] char32_t take_code_point(std::string_view& text);
void append_utf8(std::string& out, char32_t c);
/// Lines of at most `width` columns; words stay whole where they fit, line breaks of the text stay, and leading spaces too.
/// Where two spaces or more part a label from a value, what is wrapped stands below the value.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, int width);
/// The text, or its beginning and "..", so that nobody takes a part for the whole.
[[nodiscard]] std::string fitted(std::string_view text, int width);
/// Columns of a text: its code points (everything we show is one column wide).
[[nodiscard]] int columns(std::string_view text);

}  // namespace ceremony::tui
