#include "tui/word_entry.h"

#include <algorithm>

namespace ceremony::tui {
namespace {

constexpr std::size_t longest = 16;

}  // namespace

WordEntry::WordEntry(std::span<const std::string_view> list, std::size_t count) : m_list(list), m_count(count) {
  // Nothing is left behind by growing.
  m_letters.reserve(longest);
  m_words.reserve(count * (longest + 1));
}

std::string_view WordEntry::letters() const { return {reinterpret_cast<const char*>(m_letters.data()), m_letters.size()}; }

std::span<const std::string_view> WordEntry::fitting() const {
  const auto run = std::ranges::equal_range(m_list, letters(), {}, [&](std::string_view word) { return word.substr(0, m_letters.size()); });
  return {run.begin(), run.end()};
}

void WordEntry::letter(char32_t c) {
  if (c >= U'A' && c <= U'Z') c = c - U'A' + U'a';
  if (c < U'a' || c > U'z' || m_letters.size() == longest) return;
  m_letters.push_back(static_cast<std::uint8_t>(c));
}

void WordEntry::back() {
  if (!m_letters.empty()) {
    m_letters.pop_back();
    return;
  }
  if (m_at == 0) return;
  --m_at;
  while (!m_words.empty() && m_words.back() != ' ') m_words.pop_back();
  if (!m_words.empty()) m_words.pop_back();
}

void WordEntry::clear() { m_letters.clear(); }

bool WordEntry::take() {
  const auto fit = fitting();
  if (m_letters.empty() || fit.size() != 1 || complete()) return false;
  if (!m_words.empty()) m_words.push_back(' ');
  m_words.insert(m_words.end(), fit.front().begin(), fit.front().end());
  m_letters.clear();
  ++m_at;
  return true;
}

ShareWords WordEntry::words() {
  m_at = 0;
  m_letters.clear();
  return ShareWords(std::exchange(m_words, {}));
}

}  // namespace ceremony::tui
