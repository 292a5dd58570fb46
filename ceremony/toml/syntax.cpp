#include "ceremony/toml/syntax.h"

#include <algorithm>

#include "ceremony/toml/reader.h"

namespace ceremony::toml_file {

namespace {

constexpr std::size_t max_bytes = std::size_t{1} << 20;

/// Length of the valid UTF-8 character the text begins with (RFC 3629); 0 where it begins with none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (first >= 0xf0 && first <= 0xf4) return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

bool shows(std::string_view character) {
  const auto c = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
  if (character.size() == 2) return c != 0xc2 || static_cast<unsigned char>(character[1]) >= 0xa0;  // U+0080 … U+009F, C1 controls
  // Zero width, bidirectional controls, line and paragraph separators.
  return !(character == "\u200b" || character == "\u200c" || character == "\u200d" || character == "\u2060" || character == "\u200e" || character == "\u200f" ||
           character == "\ufeff" || (character >= "\u2028" && character <= "\u202e" && character.size() == 3) ||
           (character >= "\u2066" && character <= "\u2069" && character.size() == 3));
}

std::string code_of(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])); };
  const std::uint32_t code = character.size() == 1   ? byte(0)
                             : character.size() == 2 ? (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU)
                                                     : (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out = "U+";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[code >> static_cast<unsigned>(shift) & 0xfU];
  return out;
}

struct Sentence {
  std::string_view sign;  ///< what the library's complaint contains
  std::string_view what;
  std::string_view hint;
};

// In this order: the first sign that is there decides.
constexpr Sentence sentences[] = {
    {"redefine existing", "this name stands further up already", "keep one of the two; several tables of one name are written [[name]], each of them"},
    {"cannot insert", "this name stands further up already", "keep one of the two"},
    {"tables with blank", "the name of a table is empty", "write a name between [ and ]"},
    {"table header: expected ']'", "the name of a table is not closed", "write it as [name], or [[name]] for one of several"},
    {"end-of-file", "the file ends in the middle of a text, a list or a table", "look for a quote or bracket that is not closed; perhaps the file is cut off"},
    {"control characters", "a text in quotes is not closed on its line", "put a quote at its end; longer texts stand between three quotes each side"},
    {"escape sequence", "a backslash in a text does not begin an escape", "write \\\\ for a backslash itself"},
    {"unicode scalar", "a backslash in a text does not begin an escape", "write \\\\ for a backslash itself"},
    {"error while parsing array", "a list lacks a comma or its closing bracket before this place", "write it as [\"one\", \"two\"]"},
    {"inline table", "a table on one line lacks a comma or its closing brace", "write it as { one = 1, two = 2 }, or as a [table] of its own"},
    {"nested value depth", "lists stand in lists too deep", "check that this is the right file"},
    {"comment or whitespace", "something follows the value", "put one key = value on a line, and a remark behind #"},
    {"expected '='", "this is neither key = value nor [table]", "write key = value; a remark begins with #"},
    {"expected keys, tables", "this is neither key = value nor [table]", "write key = value; a remark begins with #"},
    {"bare key", "this is neither key = value nor [table]", "write key = value; a remark begins with #"},
    {"not representable", "the number is too large", "write a smaller number"},
    {"leading zeroes", "a number does not begin with 0", "leave the zero out; what is no number to count with (a serial) stands in quotes"},
    {"integer", "the number is not complete", "write digits only"},
    {"floating", "the number is not complete", "write digits only"},
    {"expected value, saw", "there is no value after the equals sign", "write a text in \"quotes\", a number, true, false, or a list in brackets"},
};

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t shown = 0;
  for (; !text.empty() && shown < 80; ++shown) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || !shows(character) || character == "\n" || character == "\t") out += '?';
    else out += character;
    text.remove_prefix(character.size());
  }
  return out + (text.empty() ? "\"" : "…\"");
}

bool shows_as_written(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0 || !shows(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::optional<SyntaxFault> fault_of_bytes(std::string_view text) {
  const std::string right_file = "check that this is the right file";
  if (text.empty()) return SyntaxFault{0, 0, "the file is empty", right_file};
  if (text.size() > max_bytes) return SyntaxFault{0, 0, "the file has " + std::to_string(text.size()) + " bytes, more than 1 MiB", right_file};
  if (text.find('\0') != std::string_view::npos) return SyntaxFault{0, 0, "the file holds a zero byte, so it is not text", right_file};
  if (text.starts_with("\ufeff")) {
    return SyntaxFault{1, 1, "the file begins with a byte order mark, which no screen shows", "save it as plain UTF-8, without a byte order mark"};
  }
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return SyntaxFault{line, column, "this is not UTF-8 text", "save the file as UTF-8; if it looks like no text at all, it is the wrong file"};
    const std::string_view character = text.substr(0, length);
    if (text.starts_with("\r\n")) return SyntaxFault{line, column, "the line ends with CR LF, as on Windows", "save the file with plain LF line ends"};
    if (!shows(character)) {
      return SyntaxFault{line, column, "the character " + code_of(character) + " stands here, which no screen shows as it is stored",
                         "take it out; ask who put it there"};
    }
    column = character == "\n" ? 1 : column + 1;
    line += character == "\n" ? 1 : 0;
    text.remove_prefix(length);
  }
  return std::nullopt;
}

SyntaxFault fault_of_parse(std::string_view text, std::uint32_t line, std::uint32_t column, std::string_view complaint) {
  std::string_view rest = text;
  for (std::uint32_t i = 1; i < line && rest.find('\n') != std::string_view::npos; ++i) rest.remove_prefix(rest.find('\n') + 1);
  std::string_view shown = rest.substr(0, rest.find('\n'));
  while (shown.starts_with(' ')) shown.remove_prefix(1);
  const std::string on = shown.empty() ? std::string() : ": " + quoted(shown);
  std::string small(complaint);
  std::ranges::transform(small, small.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const Sentence& each : sentences) {
    if (small.find(each.sign) != std::string::npos) return {line, column, std::string(each.what) + on, std::string(each.hint)};
  }
  return {line, column, "this is no value" + on, "write a text in \"quotes\", a number, true, false, or a list in brackets"};
}

}  // namespace ceremony::toml_file
