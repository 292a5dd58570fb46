// The 1024 words of SLIP-0039: a table of the standard. All words have 4 to 8 letters; the first 4 tell them apart.
//
// words(), starting_with() and word_for() are for screens that help a person type; the two functions over indices are
// for secrets: they read the whole table for every word, so that no address and no branch depends on which one it is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::shares {

/// The list in the standard's order, which is alphabetical.
[[nodiscard]] std::span<const std::string_view> words();
/// The words that begin with these letters (lower case): a run of the list, maybe empty.
[[nodiscard]] std::span<const std::string_view> starting_with(std::string_view letters);
/// The one word that begins with these letters, or nothing. Four letters always suffice.
[[nodiscard]] std::optional<std::string_view> word_for(std::string_view letters);

/// A digest as people compare it: its first 120 bits as 12 words, 10 bits each from the left. Not for secrets.
[[nodiscard]] std::vector<std::string_view> words_of(const Digest& digest);

/// A word as eight bytes, first letter lowest, zeros after the last: the form in which words are compared.
using PackedWord = std::uint64_t;
/// Returns all ones in `found` if the word is on the list, else 0; `index` is then 0. No branch on the word.
struct WordIndex {
  std::uint32_t index;
  std::uint32_t found;
};
[[nodiscard]] WordIndex index_of(PackedWord word);
/// The word at an index below 1024. No branch on the index.
[[nodiscard]] PackedWord packed_word(std::uint32_t index);

}  // namespace ceremony::shares
