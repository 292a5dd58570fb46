// What keeps a file from being read as TOML at all, said in our words. Called by the reader only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ceremony::toml_file {

struct SyntaxFault {
  std::uint32_t line;    ///< from 1; 0: the file as a whole
  std::uint32_t column;  ///< in characters, from 1
  std::string what;
  std::string hint;
};

/// These files are read aloud, shown and approved: what a screen would swallow, or show in another order than it is
/// stored, must not be in them. Line feed and tab are fine. Takes valid UTF-8 only.
[[nodiscard]] bool shows_as_written(std::string_view text);

/// What is wrong with the bytes before anybody parses them: too many, not text, not UTF-8, characters that do not show.
[[nodiscard]] std::optional<SyntaxFault> fault_of_bytes(std::string_view text);

/// The library's complaint, with the line it is about quoted.
[[nodiscard]] SyntaxFault fault_of_parse(std::string_view text, std::uint32_t line, std::uint32_t column, std::string_view complaint);

}  // namespace ceremony::toml_file
