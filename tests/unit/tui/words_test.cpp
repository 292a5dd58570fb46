// Words of a share by hand: what is shown while they are typed and shown, and what is left of it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <numeric>
#include <set>

#include "ceremony/ground/bytes.h"
#include "tui/plain_operator.h"
#include "tui/tui_operator.h"
#include "tui/word_entry.h"

using ceremony::Question;
using ceremony::ShareWords;
using ceremony::tui::Grid;
using ceremony::tui::Key;
using ceremony::tui::WordEntry;

namespace {

constexpr std::array<std::string_view, 6> list{"academic", "acid", "acne", "acquire", "beam", "zero"};

std::vector<std::size_t> first(std::size_t count) {
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{1});
  return out;
}

std::string text_of(const ShareWords& words) { return std::string(words.reveal_text()); }

/// Keys pressed one after the other; what each screen showed.
struct Screen final : ceremony::tui::Terminal {
  std::deque<Key> keys;
  std::vector<std::string> shown;
  std::vector<std::size_t> forgotten;  ///< screens before each
  int beeps = 0;

  int cols() const override { return 80; }
  int rows() const override { return 24; }
  bool utf8() const override { return true; }
  void draw(const Grid& grid, std::optional<std::pair<int, int>>) override {
    std::string text;
    for (int y = 0; y < grid.rows(); ++y) {
      for (int x = 0; x < grid.cols(); ++x) text += static_cast<char>(grid.at(x, y).c);
      text += '\n';
    }
    shown.push_back(text);
  }
  Key read(std::chrono::milliseconds) override {
    REQUIRE_FALSE(keys.empty());
    const Key key = keys.front();
    keys.pop_front();
    return key;
  }
  void beep() override { ++beeps; }
  void forget() override { forgotten.push_back(shown.size()); }

  void press(std::string_view text) {
    for (const char c : text) keys.push_back(c == '\n' ? Key{Key::enter} : c == '\t' ? Key{Key::tab} : c == '<' ? Key{Key::backspace} : Key{Key::character, static_cast<char32_t>(c)});
  }
};

struct Tui {
  std::unique_ptr<Screen> made = std::make_unique<Screen>();
  Screen& screen = *made;
  std::unique_ptr<ceremony::Operator> op = ceremony::tui::make_tui_operator(std::move(made));
  bool showed(std::string_view text) { return std::ranges::any_of(screen.shown, [&](const auto& s) { return s.find(text) != std::string::npos; }); }
};

/// The plain operator on two pipes, with all of its input there already.
struct Plain {
  std::array<int, 2> in{}, out{};
  std::unique_ptr<ceremony::Operator> op;
  explicit Plain(std::string_view typed) {
    REQUIRE(::pipe(in.data()) == 0);
    REQUIRE(::pipe(out.data()) == 0);
    REQUIRE(::write(in[1], typed.data(), typed.size()) == static_cast<ssize_t>(typed.size()));
    op = ceremony::tui::make_plain_operator(in[0], out[1], std::chrono::seconds(60));
  }
  ~Plain() {
    for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
  }
  std::string said() {
    std::string text(60000, ' ');
    const auto n = ::read(out[0], text.data(), text.size());
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
  }
};

}  // namespace

TEST_CASE("a word is taken as soon as no other begins so, and Backspace goes back over it") {
  WordEntry entry(list, 2);
  for (const char c : std::string_view("AC")) entry.letter(static_cast<char32_t>(c));
  CHECK(entry.fitting().size() == 4);
  CHECK_FALSE(entry.take());
  entry.letter(U'i');
  CHECK(entry.take());
  CHECK(entry.at() == 1);
  CHECK(entry.letters().empty());
  entry.letter(U'x');
  CHECK(entry.fitting().empty());
  CHECK_FALSE(entry.take());
  entry.back();
  entry.back();
  CHECK(entry.at() == 0);
  for (const char c : std::string_view("beam")) entry.letter(static_cast<char32_t>(c));
  CHECK(entry.take());
  entry.letter(U'z');
  CHECK(entry.take());
  CHECK(entry.complete());
  CHECK(text_of(entry.words()) == "beam zero");
  CHECK(entry.words().empty());
}

TEST_CASE("on the screens one word at a time is typed, and none that is done can be read") {
  Tui tui;
  tui.screen.press("\nbeam acx<i\t<acn\nzero\n");
  // "acid" is taken, opened again by Backspace, and becomes another.
  const auto words = tui.op->secret_words({"share-words.c1", "c1", "Type them."}, first(3), 33, list);
  CHECK(text_of(words) == "beam acne zero");
  CHECK(tui.showed("Everybody but c1 looks away now"));
  CHECK(tui.showed("Word 1 of 33: beam"));
  CHECK(tui.showed("Word 2 of 33: acx"));
  CHECK(tui.showed("No word of the list begins so"));
  CHECK(tui.showed("One of academic, acid, acne, acquire."));
  CHECK(tui.showed("It is acid."));
  for (const auto& screen : tui.screen.shown)
    if (screen.find("Word 3 of 33") != std::string::npos) {
      CHECK(screen.find("beam") == std::string::npos);
      CHECK(screen.find("acid") == std::string::npos);
    }
  CHECK(tui.screen.forgotten.size() == 2);
  CHECK(tui.screen.forgotten.back() == tui.screen.shown.size());
}

TEST_CASE("33 words of any length are numbered in rows that no screen breaks, and the screen is cleared before and after") {
  Tui tui;
  std::string words;
  for (int i = 0; i < 33; ++i) words += (i == 0 ? "" : " ") + std::string(i % 2 == 0 ? "aluminum" : "zero");
  tui.screen.press("\n\n");
  tui.op->reveal({"new-share-words.c1", "c1", "The words:"}, ShareWords(ceremony::as_view(words)));
  CHECK(tui.showed("   1 aluminum   2 zero       3 aluminum   4 zero"));
  CHECK(tui.showed("  29 aluminum  30 zero      31 aluminum  32 zero"));
  CHECK(tui.showed("  33 aluminum"));
  CHECK(tui.screen.shown.front().find("aluminum") == std::string::npos);
  CHECK(tui.screen.forgotten == std::vector<std::size_t>{1, 2});
}

TEST_CASE("as plain lines words are typed on one line or several, and what is not on the list is told by its place") {
  Plain plain("Beam acid\nbeam xxxx acne\n<\nACNE academ\n");
  const auto words = plain.op->secret_words({"share-words.c1", "c1", "Type them."}, first(4), 33, list);
  CHECK(text_of(words) == "beam acid acne academic");
  const auto said = plain.said();
  CHECK(said.find("word 3 of 33 > ") != std::string::npos);
  CHECK(said.find("The word after the last one taken is not on the list") != std::string::npos);
  for (const auto word : list) CHECK(said.find(word) == std::string::npos);
}

TEST_CASE("as plain lines more words than asked for are none at all") {
  Plain plain("acid acne beam\nbe ze\n");
  CHECK(text_of(plain.op->secret_words({"prove-words.c1", "c1", "Type them."}, std::array<std::size_t, 2>{4, 17}, 33, list)) == "beam zero");
  const auto said = plain.said();
  CHECK(said.find("type them all again") != std::string::npos);
  CHECK(said.find("word 17 of 33 > ") == std::string::npos);
}
