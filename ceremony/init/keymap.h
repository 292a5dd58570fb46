// What the keys of a keyboard are: tables that the image carries, one a file (ceremony/init/FORMAT.md), for the kernel's console.
//
// Pure: opens nothing; keyboard.h gives them to the kernel.
// Invariants of what was read: the table without any shift is there, at most 16 are, in rising order; each of the letters a to z is on a key
// without shift and without a dead key, so that a passphrase can be typed on every keyboard of the list.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::init {

enum class KeymapRefusal { malformed };
[[nodiscard]] constexpr std::string_view name_of(KeymapRefusal) { return "keymap/malformed"; }

inline constexpr std::size_t keys_of_table = 128;
inline constexpr std::size_t longest_keymap = 7 + 256 + 16 * 2 * keys_of_table;

struct KeyTable {
  std::uint8_t shifts = 0;  ///< bits: 1 Shift, 2 AltGr, 4 Ctrl, 8 Alt, …
  std::array<std::uint16_t, keys_of_table> keys{};
};
using Keymap = std::vector<KeyTable>;

/// Throws Refused{KeymapRefusal::malformed}.
[[nodiscard]] Keymap parse_keymap(View bytes, const std::string& where);

/// A keyboard that people may choose: the name of its file, and what it says on the screen.
struct Keyboard {
  std::string_view name, title;
};
inline constexpr std::array<Keyboard, 14> keyboards{{{"us", "United States"}, {"uk", "United Kingdom"}, {"de", "German"}, {"ch-de", "Swiss, German"}, {"ch-fr", "Swiss, French"},
                                                     {"fr", "French"}, {"be", "Belgian"}, {"es", "Spanish"}, {"it", "Italian"}, {"pt", "Portuguese"},
                                                     {"se", "Swedish, Finnish"}, {"dk", "Danish"}, {"no", "Norwegian"}, {"pl", "Polish"}}};

/// What a line asks for: the number of a keyboard from 1, 0 for the other size of characters, an empty line for 1; else nothing.
[[nodiscard]] std::optional<std::size_t> chosen(std::string_view line);

/// What people type to see that the keys are right. Every letter that keyboards disagree about (a q, y z, w, m) is in it, as itself or as the
/// one in whose place it would come.
inline constexpr std::string_view proof_words = "lazy mower";
/// What was typed begins so; whatever follows, people only look at.
[[nodiscard]] bool is_right(std::string_view line);

}  // namespace ceremony::init
