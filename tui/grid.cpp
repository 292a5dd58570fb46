#include "tui/grid.h"

#include <algorithm>

namespace ceremony::tui {

char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : -1;
  if (more < 0 || first >= 0xF5 || text.size() < static_cast<std::size_t>(more)) return U'\uFFFD';
  char32_t c = first & (0x3FU >> static_cast<unsigned>(more));
  for (int i = 0; i < more; ++i) {
    const auto next = static_cast<unsigned char>(text[static_cast<std::size_t>(i)]);
    if ((next & 0xC0U) != 0x80) return U'\uFFFD';
    c = c << 6U | (next & 0x3FU);
  }
  text.remove_prefix(static_cast<std::size_t>(more));
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  const auto byte = [&](char32_t b) { out += static_cast<char>(static_cast<unsigned char>(b)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0U | c >> 6U);
    byte(0x80U | (c & 0x3FU));
  } else {
    if (c < 0x10000) byte(0xE0U | c >> 12U);
    else {
      byte(0xF0U | c >> 18U);
      byte(0x80U | (c >> 12U & 0x3FU));
    }
    byte(0x80U | (c >> 6U & 0x3FU));
    byte(0x80U | (c & 0x3FU));
  }
}

int columns(std::string_view text) {
  int n = 0;
  while (!text.empty()) {
    (void)take_code_point(text);
    ++n;
  }
  return n;
}

namespace {

/// The first `width` columns of the text, which is shortened by them.
std::string take_columns(std::string_view& text, int width) {
  std::string out;
  for (int i = 0; i < width && !text.empty(); ++i) append_utf8(out, take_code_point(text));
  return out;
}

void wrap_line(std::string_view line, int width, std::vector<std::string>& out) {
  const auto indent = std::min(line.find_first_not_of(' ') == std::string_view::npos ? 0 : line.find_first_not_of(' '), static_cast<std::size_t>(width / 2));
  std::string current(indent, ' ');
  line.remove_prefix(indent);
  bool begun = false;
  while (!line.empty()) {
    const auto space = line.find(' ');
    std::string_view word = line.substr(0, space);
    line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    const int needed = columns(word) + (begun ? 1 : 0);
    if (columns(current) + needed > width && begun) {
      out.push_back(std::move(current));
      current = std::string(indent, ' ');
      begun = false;
    }
    if (begun) current += ' ';
    while (columns(current) + columns(word) > width) {
      current += take_columns(word, width - columns(current));
      out.push_back(std::move(current));
      current = std::string(indent, ' ');
    }
    current += word;
    begun = true;
  }
  out.push_back(std::move(current));
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, int width) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    wrap_line(text.substr(0, end), std::max(width, 4), out);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

void Grid::set(int x, int y, char32_t c, std::uint8_t attr) {
  if (x < 0 || y < 0 || x >= m_cols || y >= m_rows) return;
  m_cells[index(x, y)] = static_cast<std::uint32_t>(c < 0x20 || (c >= 0x7F && c < 0xA0) ? U'?' : c) | static_cast<std::uint32_t>(attr) << 24U;
}

int Grid::put(int x, int y, std::string_view text, std::uint8_t attr, int most) {
  int used = 0;
  while (!text.empty() && used < most) set(x + used++, y, take_code_point(text), attr);
  return used;
}

void Grid::fill(int x, int y, int width, char32_t c, std::uint8_t attr) {
  for (int i = 0; i < width; ++i) set(x + i, y, c, attr);
}

std::string Grid::text() const {
  std::string out;
  for (int y = 0; y < m_rows; ++y) {
    std::string row;
    for (int x = 0; x < m_cols; ++x) append_utf8(row, at(x, y).c);
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  }
  return out;
}

std::string Grid::golden() const {
  std::string out = text() + "---\n";
  constexpr std::string_view letters = ".123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
  for (int y = 0; y < m_rows; ++y) {
    std::string row;
    for (int x = 0; x < m_cols; ++x) row += letters[at(x, y).attr & 63U];
    row.erase(row.find_last_not_of('.') + 1);
    out += row + "\n";
  }
  return out;
}

}  // namespace ceremony::tui
