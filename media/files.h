// A set of files as it crosses the air gap: relative names and their bytes, in memory. The rules for names are here because
// bundles, archives and volumes share them: a name that is fine here is fine on vfat, ext4, in ustar and in a shell.
// Pure: touches no disk.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"

namespace ceremony::media {

/// Relative path → content. std::map keeps the names in byte order, which is the order of every format here.
using Files = std::map<std::string, Bytes>;

inline constexpr std::size_t longest_name = 100;  ///< The name field of a ustar header.
inline constexpr std::size_t deepest_name = 4;    ///< Parts between slashes, the file's own name included.

/// Why `name` is not a name for a file here, or nothing if it is one. A name is 1 to 4 parts joined by `/`, at most 100
/// bytes; a part is one or more of `A-Z a-z 0-9 . _ -`, begins with neither `.` nor `-` and does not end with `.`: so there
/// is no absolute name, no `..`, no empty part, nothing hidden, nothing that looks like an option.
[[nodiscard]] inline std::string_view fault_of_name(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name.size() > longest_name) return "a name longer than 100 bytes";
  if (name.front() == '/') return "an absolute name";
  std::size_t depth = 0;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    at = end + 1;
    if (part.empty()) return "a name with an empty part";
    if (part == "..") return "a name that climbs with \"..\"";
    if (part.front() == '.' || part.front() == '-') return "a part that begins with \".\" or \"-\"";
    if (part.back() == '.') return "a part that ends with \".\"";
    const bool fine = std::ranges::all_of(part, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
    if (!fine) return "a character that is not one of A-Z a-z 0-9 . _ -";
    if (++depth > deepest_name) return "a name more than 4 parts deep";
  }
  return {};
}

/// The name as a filesystem sees it that does not tell upper from lower case (vfat).
[[nodiscard]] inline std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// A name from outside as a message may show it: in quotes, at most 120 bytes of it, everything that is not printable ASCII
/// as \xNN, so that no name can move a terminal's cursor.
[[nodiscard]] inline std::string shown(std::string_view name) {
  std::string out = "\"";
  for (const char c : name.substr(0, 120)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += "\\x" + hex(View(&byte, 1));
    }
  }
  return out + (name.size() > 120 ? "…\"" : "\"");
}

}  // namespace ceremony::media
