#include "media/scanner_keys.h"

#include <linux/input-event-codes.h>

#include <array>
#include <string_view>
#include <utility>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

/// Keys whose codes follow one another, and what they are without and with Shift.
struct Row {
  unsigned first;
  std::string_view plain, shifted;
};
constexpr std::array<Row, 4> rows{{{KEY_1, "1234567890-=", "!@#$%^&*()_+"},
                                   {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
                                   {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
                                   {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"}}};
/// Keys of the number pad, and the space; the same with Shift.
constexpr std::array<std::pair<unsigned, char>, 16> others{{{KEY_SPACE, ' '}, {KEY_KPASTERISK, '*'}, {KEY_KP7, '7'}, {KEY_KP8, '8'}, {KEY_KP9, '9'}, {KEY_KPMINUS, '-'},
                                                            {KEY_KP4, '4'}, {KEY_KP5, '5'}, {KEY_KP6, '6'}, {KEY_KPPLUS, '+'}, {KEY_KP1, '1'}, {KEY_KP2, '2'},
                                                            {KEY_KP3, '3'}, {KEY_KP0, '0'}, {KEY_KPDOT, '.'}, {KEY_KPSLASH, '/'}}};
static_assert(KEY_EQUAL - KEY_1 == 11 && KEY_RIGHTBRACE - KEY_Q == 11 && KEY_GRAVE - KEY_A == 11 && KEY_SLASH - KEY_BACKSLASH == 10);

bool is_modifier(unsigned code) {
  return code == KEY_LEFTCTRL || code == KEY_RIGHTCTRL || code == KEY_LEFTALT || code == KEY_RIGHTALT || code == KEY_LEFTMETA || code == KEY_RIGHTMETA ||
         code == KEY_NUMLOCK;
}

char character_of(unsigned code, bool shift, bool capitals) {
  for (const auto& row : rows) {
    if (code < row.first || code - row.first >= row.plain.size()) continue;
    const char plain = row.plain[code - row.first];
    const bool letter = plain >= 'a' && plain <= 'z';
    return shift != (letter && capitals) ? row.shifted[code - row.first] : plain;
  }
  for (const auto& [key, c] : others)
    if (key == code) return c;
  return '?';
}

}  // namespace

std::optional<std::string> ScannerKeys::take(unsigned code, int value) {
  if (code == KEY_LEFTSHIFT) m_left = value != 0;
  if (code == KEY_RIGHTSHIFT) m_right = value != 0;
  if (value != 1 || code == KEY_LEFTSHIFT || code == KEY_RIGHTSHIFT || is_modifier(code)) return std::nullopt;
  if (code == KEY_CAPSLOCK) {
    m_capitals = !m_capitals;
    return std::nullopt;
  }
  if (code != KEY_ENTER && code != KEY_KPENTER) {
    if (m_line.size() < longest_scan) m_line += character_of(code, m_left || m_right, m_capitals);
    else m_too_long = true;
    return std::nullopt;
  }
  auto line = std::exchange(m_line, {});
  const bool lost = std::exchange(m_lost, false), too_long = std::exchange(m_too_long, false);
  if (lost) throw Refused(ScannerRefusal::lost, "keys of the scanner were lost", "", "read the code again; set the scanner to type more slowly if it happens often");
  if (too_long)
    throw Refused(ScannerRefusal::too_long, "the scanner typed more than " + std::to_string(longest_scan) + " characters without Enter", "",
                  "set the scanner to end each code with Enter, and read the code again");
  return line;
}

void ScannerKeys::lost() {
  m_lost = true;
  m_left = m_right = false;
}

}  // namespace ceremony::media
