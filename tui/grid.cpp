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
  // Spelt longer than it has to be, half of a pair, or beyond Unicode.
  constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (c < least[more] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return U'\uFFFD';
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

/// Where the lines after the first begin: below the first, or, where two or more spaces part a label from its value, below the value.
std::size_t hanging(std::string_view line, std::size_t indent, int width) {
  const auto gap = line.find("  ", indent);
  const auto value = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
  if (value == std::string_view::npos) return indent;
  const auto at = static_cast<std::size_t>(columns(line.substr(0, value)));
  return at <= static_cast<std::size_t>(width / 2) ? at : indent;
}

void wrap_line(std::string_view line, int width, std::vector<std::string>& out) {
  const auto first = line.find_first_not_of(' ');
  const auto indent = std::min(first == std::string_view::npos ? 0 : first, static_cast<std::size_t>(width / 2));
  const auto hang = hanging(line, indent, width);
  // Room for the whole row at once: what is wrapped may be a secret, and no copy of it stays behind where a row grew.
  const auto begun_with = [&](std::size_t spaces) {
    std::string row;
    row.reserve(static_cast<std::size_t>(width) * 4);
    return row.append(spaces, ' ');
  };
  auto current = begun_with(indent);
  line.remove_prefix(indent);
  bool begun = false;
  const auto next_row = [&] {
    current.erase(current.find_last_not_of(' ') + 1);
    out.push_back(std::move(current));
    current = begun_with(hang);
  };
  while (!line.empty()) {
    const auto space = line.find(' ');
    std::string_view word = line.substr(0, space);
    line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    const int needed = columns(word) + (begun ? 1 : 0);
    // A word longer than any row begins beside its label, not below it.
    const bool too_long = columns(word) > width - static_cast<int>(hang) && columns(current) < static_cast<int>(hang);
    if (columns(current) + needed > width && begun && !too_long) {
      next_row();
      begun = false;
    }
    if (begun) current += ' ';
    while (columns(current) + columns(word) > width) {
      current += take_columns(word, width - columns(current));
      next_row();
    }
    current += word;
    begun = true;
  }
  out.push_back(std::move(current));
}

}  // namespace

std::string fitted(std::string_view text, int width) {
  if (columns(text) <= width) return std::string(text);
  std::string out = take_columns(text, std::max(width - 2, 0));
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "..";
}

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
