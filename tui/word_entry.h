// Words of a list typed letter by letter, one at a time: what is typed of the current one, which words that may become, and those
// that are done. What was typed lies in locked, wiping memory; only the current word is meant to be seen.
//
// Not in constant time: it helps a person type, and the list is looked through by the letters that were typed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ceremony/ground/secret.h"

namespace ceremony::tui {

class WordEntry final {
 public:
  /// `list`: sorted, lower case, outlives this; no word is the beginning of another. `count`: words wanted.
  WordEntry(std::span<const std::string_view> list, std::size_t count);

  [[nodiscard]] std::size_t at() const { return m_at; }  ///< from 0, of the word being typed
  [[nodiscard]] bool complete() const { return m_at == m_count; }
  [[nodiscard]] std::string_view letters() const;
  /// The words that begin with what is typed: all where nothing is, none where it is on the list under no name.
  [[nodiscard]] std::span<const std::string_view> fitting() const;

  /// Letters are taken in either case; anything else, and a letter too many for any word, is not.
  void letter(char32_t c);
  /// Takes a letter back, or with none the whole word before.
  void back();
  void clear();  ///< of the word being typed
  /// Goes to the next word if just one fits; says whether it did.
  [[nodiscard]] bool take();
  /// What is done, parted by single spaces; empty afterwards.
  [[nodiscard]] ShareWords words();

 private:
  std::span<const std::string_view> m_list;
  std::size_t m_count;
  std::size_t m_at = 0;
  Botan::secure_vector<std::uint8_t> m_letters, m_words;
};

}  // namespace ceremony::tui
