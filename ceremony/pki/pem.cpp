#include "ceremony/pki/pem.h"

#include <algorithm>
#include <format>

namespace ceremony::pki {

namespace {

[[noreturn]] void refuse_pem(std::string fact, std::string_view label) {
  throw Refused(PkiRefusal::pem, std::move(fact), "the PEM file",
                std::format("give a file that holds one '{}' block and nothing else", label));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

std::string pem(std::string_view label, View der) {
  const std::string body = base64(der);
  std::string out = std::format("-----BEGIN {}-----\n", label);
  for (std::size_t at = 0; at < body.size(); at += 64) out += body.substr(at, 64) + "\n";
  return out + std::format("-----END {}-----\n", label);
}

bool looks_like_pem(View bytes) { return as_text(bytes.first(std::min<std::size_t>(bytes.size(), 5))) == "-----"; }

Bytes unpem(std::string_view label, std::string_view text) {
  const auto lines = lines_of(text);
  const std::string begin = std::format("-----BEGIN {}-----", label);
  const std::string end = std::format("-----END {}-----", label);
  if (lines.empty() || lines.front() != begin) {
    const std::string_view first = lines.empty() ? std::string_view() : lines.front().substr(0, 60);
    const bool plain = std::ranges::all_of(first, [](char c) { return c >= 0x20 && c < 0x7f; });
    refuse_pem(std::format("the first line is '{}', not '{}'", plain ? first : "(not text)", begin), label);
  }
  const auto last = std::ranges::find(lines, end);
  if (last == lines.end()) refuse_pem(std::format("the line '{}' is missing", end), label);
  if (const auto more = std::ranges::count(lines, begin); more > 1)
    refuse_pem(std::format("there are {} '{}' blocks", more, label), label);
  if (last + 1 != lines.end())
    refuse_pem(std::format("something follows the end of the '{}' block: line {}", label, last - lines.begin() + 2), label);
  std::string body;
  for (auto line = lines.begin() + 1; line != last; ++line) {
    // RFC 7468 section 3, "stricttextualmsg": every line but the last has 64 characters.
    if (line->empty() || line->size() > 64 || (line + 1 != last && line->size() != 64))
      refuse_pem(std::format("line {} of the block has {} characters, not 64", line - lines.begin(), line->size()),
                 label);
    body += *line;
  }
  const auto out = unbase64(body);
  if (!out || out->empty()) refuse_pem("the block is not canonical base64", label);
  return *out;
}

Bytes der_of(std::string_view label, View pem_or_der) {
  return looks_like_pem(pem_or_der) ? unpem(label, as_text(pem_or_der)) : to_bytes(pem_or_der);
}

}  // namespace ceremony::pki
