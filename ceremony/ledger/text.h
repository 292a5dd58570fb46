// What may stand in a line of a signed text, and taking such texts apart line by line. Used by the parsers of this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ceremony::ledger {

/// Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);
/// UTF-8 of one line: no control character below U+0020 and no DEL.
[[nodiscard]] bool is_line(std::string_view text);
/// A value for messages: cut at 80 characters, control characters and non-ASCII as `?`.
[[nodiscard]] std::string shown(std::string_view text);

/// A decimal without sign and leading zeroes, or nothing.
[[nodiscard]] std::optional<std::uint64_t> decimal(std::string_view text);

/// Takes the line up to the next LF off the front of `rest`; nothing if there is no LF.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& rest);

}  // namespace ceremony::ledger
