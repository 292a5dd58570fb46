#include "ceremony/init/keymap.h"

#include <algorithm>

#include "ceremony/ground/refused.h"

namespace ceremony::init {
namespace {

constexpr std::string_view magic = "bkeymap";

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Refused(KeymapRefusal::malformed, what, where, "go on with another keyboard's keys, and make the boot medium anew before the next ceremony");
}

/// linux/keyboard.h: a value is a type and a number; a letter is KT_LATIN (0) or, where caps lock shifts it, KT_LETTER (11).
bool types(std::uint16_t value, char letter) { return (value & 0xff) == static_cast<unsigned char>(letter) && (value >> 8 == 0 || value >> 8 == 11); }

}  // namespace

Keymap parse_keymap(View bytes, const std::string& where) {
  const auto head = magic.size() + 256;
  if (bytes.size() < head || !std::ranges::equal(bytes.first(magic.size()), as_view(magic))) refuse("this is no table of keys", where);
  const auto flags = bytes.subspan(magic.size(), 256);
  Keymap out;
  for (std::size_t shifts = 0; shifts < flags.size(); ++shifts) {
    if (flags[shifts] > 1) refuse("the table of keys has the flag " + std::to_string(flags[shifts]), where);
    if (flags[shifts] == 1) out.push_back({static_cast<std::uint8_t>(shifts), {}});
  }
  if (out.empty() || out.front().shifts != 0 || out.size() > 16) refuse("the table of keys has no keys without shifts, or too many with them", where);
  if (bytes.size() != head + out.size() * 2 * keys_of_table) refuse("the table of keys is " + std::to_string(bytes.size()) + " bytes long, which is not what it says", where);
  auto at = head;
  for (auto& table : out)
    for (auto& key : table.keys) {
      key = static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
      at += 2;
    }
  for (char letter = 'a'; letter <= 'z'; ++letter)
    if (std::ranges::none_of(out.front().keys, [letter](std::uint16_t value) { return types(value, letter); }))
      refuse("no key of this table is the letter \"" + std::string(1, letter) + "\"", where);
  return out;
}

std::optional<std::size_t> chosen(std::string_view line) {
  while (line.ends_with(' ')) line.remove_suffix(1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  if (line.empty()) return 1;
  if (line.size() > 2 || (line.size() == 2 && line.front() == '0')) return std::nullopt;
  std::size_t number = 0;
  for (const char c : line) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number <= keyboards.size() ? std::optional(number) : std::nullopt;
}

bool is_right(std::string_view line) {
  return line.starts_with(proof_words) && (line.size() == proof_words.size() || line[proof_words.size()] == ' ');
}

}  // namespace ceremony::init
