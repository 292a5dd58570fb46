#include "ceremony/shares/age_format.h"

#include <algorithm>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/age.h"

namespace ceremony::shares {
namespace {

constexpr std::string_view version = "age-encryption.org/v1";
constexpr std::string_view armor_begin = "-----BEGIN AGE ENCRYPTED FILE-----";
constexpr std::string_view armor_end = "-----END AGE ENCRYPTED FILE-----";
constexpr std::size_t columns = 64;

[[noreturn]] void bad_header(std::string what, std::size_t line) {
  throw Refused(SharesRefusal::age_header, std::move(what), "header line " + std::to_string(line),
                "the file is damaged or not an age file; use another copy of it");
}

[[noreturn]] void bad_armor(std::string what, std::size_t line) {
  throw Refused(SharesRefusal::age_armor, std::move(what), line == 0 ? "" : "armor line " + std::to_string(line),
                "the armored file was changed, by an editor or a mailer perhaps; use another copy of it");
}

std::string_view text_of(View bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Lines that end in LF; the rest of the file stays.
class Lines final {
 public:
  explicit Lines(std::string_view text) : m_text(text) {}
  std::string_view next() {
    ++m_line;
    const auto end = m_text.find('\n', m_at);
    if (end == std::string_view::npos) bad_header("the header ends in the middle of a line", m_line);
    const auto line = m_text.substr(m_at, end - m_at);
    m_at = end + 1;
    return line;
  }
  [[nodiscard]] std::size_t at() const { return m_at; }
  [[nodiscard]] std::size_t line() const { return m_line; }

 private:
  std::string_view m_text;
  std::size_t m_at = 0;
  std::size_t m_line = 0;
};

AgeStanza parse_stanza(std::string_view first, Lines& lines) {
  AgeStanza out;
  // arg-line = "-> " argument *(SP argument) LF; argument = 1*VCHAR
  for (auto rest = first.substr(2); !rest.empty();) {
    if (rest.front() != ' ') bad_header("a recipient line does not begin with '-> '", lines.line());
    rest.remove_prefix(1);
    const auto argument = rest.substr(0, rest.find(' '));
    const bool visible = std::ranges::all_of(argument, [](char c) { return c > ' ' && c < 0x7F; });
    if (argument.empty() || !visible)
      bad_header("a recipient line has an empty or unprintable argument", lines.line());
    out.arguments.emplace_back(argument);
    rest.remove_prefix(argument.size());
  }
  if (out.arguments.empty()) bad_header("a recipient line has no argument", lines.line());
  while (true) {
    const auto line = lines.next();
    const auto part = line.size() > columns ? std::nullopt : unraw_base64(line);
    if (!part) bad_header("a recipient's body is not canonical base64 in lines of 64 characters", lines.line());
    out.body.insert(out.body.end(), part->begin(), part->end());
    if (line.size() < columns) return out;
  }
}

}  // namespace

std::string raw_base64(View bytes) {
  std::string out = base64(bytes);
  out.erase(std::ranges::find(out, '='), out.end());
  return out;
}

std::optional<Bytes> unraw_base64(std::string_view text) {
  if (text.contains('=')) return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  return unbase64(padded);
}

AgeHeader parse_age_header(View file) {
  Lines lines(text_of(file));
  if (!text_of(file).starts_with("age-encryption.org/")) bad_header("this is not an age file", 1);
  if (lines.next() != version) bad_header("this is not an age file of version v1", 1);
  AgeHeader out;
  while (true) {
    const std::size_t begin = lines.at();
    const auto line = lines.next();
    if (line.starts_with("->")) {
      out.stanzas.push_back(parse_stanza(line, lines));
      continue;
    }
    if (!line.starts_with("---"))
      bad_header("neither a recipient ('->') nor the end of the header ('---')", lines.line());
    if (out.stanzas.empty()) bad_header("the header names no recipient", lines.line());
    // end = "--- " 43base64char LF
    const auto mac = line.size() == 47 && line[3] == ' ' ? unraw_base64(line.substr(4)) : std::nullopt;
    if (!mac || mac->size() != 32)
      bad_header("the header's MAC is not 43 characters of canonical base64", lines.line());
    out.mac = *mac;
    out.mac_covers = begin + 3;
    out.length = lines.at();
    return out;
  }
}

std::string age_header_text(const std::vector<AgeStanza>& stanzas) {
  std::string out(version);
  out += '\n';
  for (const AgeStanza& s : stanzas) {
    out += "->";
    for (const auto& argument : s.arguments) out += ' ' + argument;
    out += '\n';
    const std::string body = raw_base64(s.body);
    // The last line is shorter than 64 columns, be it empty.
    for (std::size_t at = 0; at <= body.size(); at += columns) out += body.substr(at, columns) + '\n';
  }
  return out + "---";
}

std::string age_armor(View file) {
  std::string out(armor_begin);
  out += '\n';
  const std::string body = base64(file);
  for (std::size_t at = 0; at < body.size(); at += columns) out += body.substr(at, columns) + '\n';
  out += armor_end;
  out += '\n';
  return out;
}

Bytes age_unarmor(View file) {
  std::string_view text = text_of(file);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::size_t number = 0;
  bool ended = false;
  auto next = [&] {
    ++number;
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    ended = end == std::string_view::npos;
    text.remove_prefix(ended ? text.size() : end + 1);
    // LF or CRLF, as the specification allows.
    if (!ended && line.ends_with('\r')) line.remove_suffix(1);
    return line;
  };
  if (next() != armor_begin || ended) bad_armor("the first line is not '" + std::string(armor_begin) + "'", number);
  Bytes out;
  bool last = false;
  while (true) {
    const auto line = next();
    if (line == armor_end) {
      if (!ended) bad_armor("there is something after the last line", number);
      return out;
    }
    if (ended) bad_armor("the last line is not '" + std::string(armor_end) + "'", number);
    if (last) bad_armor("a line follows one that is shorter than 64 characters", number);
    const auto part = line.empty() || line.size() > columns ? std::nullopt : unbase64(line);
    if (!part) bad_armor("not canonical base64 in lines of 64 characters", number);
    last = part->size() < columns / 4 * 3;
    out.insert(out.end(), part->begin(), part->end());
  }
}

Bytes age_binary(View file) {
  const std::string_view text = text_of(file);
  const auto first = std::ranges::find_if_not(text, is_space);
  if (std::string_view(first, text.end()).starts_with("-----BEGIN")) return age_unarmor(file);
  return to_bytes(file);
}

}  // namespace ceremony::shares
