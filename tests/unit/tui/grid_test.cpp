// The grid under the screens: what becomes of text.
#include "tui/grid.h"

#include <catch2/catch_test_macros.hpp>

namespace ceremony::tui {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("words stay whole, lines of the text stay lines") {
  CHECK(wrapped("", 20).empty());
  CHECK(wrapped("one two three", 20) == Lines{"one two three"});
  CHECK(wrapped("one two three", 8) == Lines{"one two", "three"});
  CHECK(wrapped("one\n\ntwo\n", 8) == Lines{"one", "", "two"});
  CHECK(wrapped("0123456789", 4) == Lines{"0123", "4567", "89"});
  CHECK(wrapped("a 0123456789", 4) == Lines{"a", "0123", "4567", "89"});
  CHECK(wrapped("  one two three", 8) == Lines{"  one", "  two", "  three"});
  CHECK(wrapped("exactly8 exactly8", 8) == Lines{"exactly8", "exactly8"});
  // Below four columns there is nothing to wrap to.
  CHECK(wrapped("abcdef", 1) == Lines{"abcd", "ef"});
}

TEST_CASE("what is wrapped stands below its value, not below its label") {
  CHECK(wrapped("key:  one two three", 14) == Lines{"key:  one two", "      three"});
  CHECK(wrapped("a b   0123456789abcdef", 16) == Lines{"a b   0123456789", "      abcdef"});
  // A label that takes more than half of the row does not push its value into a corner.
  CHECK(wrapped("a long label:  one two three four", 16) == Lines{"a long label:", "one two three", "four"});
}

TEST_CASE("no line is wider than it may be, and no word is lost, at any width") {
  const std::string text = "key:            p384, SPKI SHA-256 3f9a0c1d5be8f6274411d0a7c2e95b88  Zürich – Genève 日本語 x";
  std::string wanted;
  for (const char c : text)
    if (c != ' ') wanted += c;
  for (int width = 4; width < 100; ++width) {
    std::string seen;
    for (const auto& line : wrapped(text, width)) {
      INFO(width << " |" << line << "|");
      CHECK(columns(line) <= width);
      for (const char c : line)
        if (c != ' ') seen += c;
    }
    CHECK(seen == wanted);
  }
}

TEST_CASE("a text that is cut says so") {
  CHECK(fitted("whole", 5) == "whole");
  CHECK(fitted("whole text", 8) == "whole..");
  CHECK(fitted("wholetext", 8) == "wholet..");
  CHECK(fitted("Zürichü", 6) == "Züri..");
}

TEST_CASE("UTF-8 comes back as it was, and what is none becomes U+FFFD, one byte at a time") {
  std::string out;
  std::string_view text = "aü€😀";
  while (!text.empty()) append_utf8(out, take_code_point(text));
  CHECK(out == "aü€😀");
  CHECK(columns("aü€😀") == 4);
  for (const std::string_view bad : {"\x80", "\xff", "\xc0\x80", "\xe2\x82", "\xf5\x80\x80\x80", "\xc3("}) {
    std::string_view left = bad;
    CHECK(take_code_point(left) == U'\uFFFD');
    CHECK(left.size() == bad.size() - 1);
  }
  // Spelt longer than it has to be, a half of a pair, beyond Unicode: each is none.
  for (const std::string_view bad : {"\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    std::string_view left = bad;
    CHECK(take_code_point(left) == U'\uFFFD');
  }
}

TEST_CASE("control characters do not reach a terminal") {
  Grid grid(8, 1);
  CHECK(grid.put(0, 0, "a\x1b[\x07\tb\x7f\xc2\x9b") == 8);
  CHECK(grid.text() == "a?[??b??\n");
}

TEST_CASE("what is beside the grid is dropped") {
  Grid grid(4, 2);
  CHECK(grid.put(2, 1, "abc", bold) == 3);
  CHECK(grid.put(-1, 0, "xy") == 2);
  grid.put(0, 2, "below");
  grid.put(0, -1, "above");
  CHECK(grid.text() == "y\n  ab\n");
  CHECK(grid.put(0, 0, "wide", plain, 2) == 2);
  CHECK(grid.at(3, 1) == Cell{U'b', bold});
}

TEST_CASE("a golden screen is rows, a line, rows of attributes") {
  Grid grid(6, 2);
  grid.put(0, 0, "ab", bold | warning);
  grid.put(2, 0, "cd", reverse);
  grid.put(1, 1, "ü", accent);
  CHECK(grid.golden() == "abcd\n ü\n---\nhh22\n.8\n");
}

}  // namespace
}  // namespace ceremony::tui
