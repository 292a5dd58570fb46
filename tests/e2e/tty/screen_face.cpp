#include <catch2/catch_test_macros.hpp>
#include <map>
#include <sstream>

#include "face.h"

namespace tty {
namespace {

std::vector<std::string> tokens(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string one; in >> one;) out.push_back(one);
  return out;
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; }

}  // namespace

std::string ScreenFace::question() {
  screen.wait("a question", [&] { return screen.ended() || (!screen.id().empty() && screen.id() != "working"); });
  return screen.ended() ? "" : screen.id();
}

void ScreenFace::field(const std::string& text) {
  screen.press(text);
  const auto tail = text.size() > 20 ? text.substr(text.size() - 20) : text;
  screen.wait("what was typed: " + text, [&] { return screen.before_cursor().ends_with(tail); });
}

void ScreenFace::yes() {
  screen.press("y");
  screen.wait("yes", [&] { return screen.shows("Yes or no: yes"); });
  screen.press_and_see("\r");
}

void ScreenFace::type(const std::string& text) {
  if (!text.empty()) field(text);
  screen.press_and_see("\r");
}

void ScreenFace::go_to(const std::string& name) {
  while (true) {
    int here = -1, there = -1;
    for (int y = 2; y < screen.size().rows - 3; ++y) {
      auto row = screen.task(y);
      const bool current = row.starts_with("> ");
      if (!current && !row.starts_with("  ")) continue;
      row = row.substr(2);
      if (row.starts_with("[")) row = row.substr(4);
      if (current) here = y;
      if (row == name || row.starts_with(name + " ")) there = y;
    }
    INFO(screen.text());
    REQUIRE(here >= 0);
    if (here == there) return;
    if (there >= 0 && there < here) up();
    else down();
  }
}

void ScreenFace::mark(const std::vector<std::string>& people) {
  for (const auto& person : people) {
    go_to(person);
    screen.press(" ");
    screen.wait("a mark at " + person, [&] { return screen.shows("> [x] " + person + " "); });
  }
  screen.press_and_see("\r");
}

void ScreenFace::choose(const std::string& option) {
  go_to(option);
  screen.press_and_see("\r");
}

std::string ScreenFace::note_secret() {
  REQUIRE(screen.shows("looks away now"));
  screen.alone(true);
  screen.press("\r");
  std::map<int, std::string> words;
  screen.wait("eight numbered words", [&] {
    words.clear();
    for (int y = 2; y < screen.size().rows - 3; ++y) {
      const auto row = tokens(screen.task(y));
      for (std::size_t i = 0; i + 1 < row.size(); i += 2)
        if (is_number(row[i])) words[std::stoi(row[i])] = row[i + 1];
    }
    return words.size() == 8 && !screen.shows("looks away now");
  });
  std::string out;
  for (const auto& [n, word] : words) out += (out.empty() ? "" : " ") + word;
  screen.alone(false);
  screen.press_and_see("\r");
  for (const auto& [n, word] : words) REQUIRE_FALSE(screen.shows(" " + std::to_string(n) + " " + word));
  return out;
}

void ScreenFace::retype_words() {
  const auto id = screen.id();
  std::map<int, std::vector<std::string>> rows;
  const auto look = [&] {
    for (int y = 2; y < screen.size().rows - 3; ++y) {
      const auto row = tokens(screen.task(y));
      if (row.size() >= 2 && row.size() <= 5 && is_number(row[0])) rows[std::stoi(row[0])] = {row.begin() + 1, row.end()};
    }
  };
  while (screen.id() == id) {
    look();
    const auto text = screen.text();
    const auto label = text.find("Word ");
    INFO(text);
    REQUIRE(label != std::string::npos);
    const int wanted = std::stoi(text.substr(label + 5));
    const auto row = rows.find((wanted - 1) / 4 + 1);
    if (row == rows.end()) {
      REQUIRE(screen.shows("more"));
      screen.press_and_see("\x1b[6~");
      continue;
    }
    field(row->second.at(static_cast<std::size_t>((wanted - 1) % 4)));
    screen.press_and_see("\r");
    (void)question();
  }
}

void ScreenFace::function(int number) {
  const char last = static_cast<char>((screen.term() == "linux" ? 'A' : 'P') + number - 1);
  screen.press_and_see((screen.term() == "linux" ? "\x1b[[" : "\x1bO") + std::string(1, last));
}

void ScreenFace::leave(const std::string& word) {
  screen.press_and_see("\x03");
  REQUIRE(screen.id() == "pause");
  type(word);
}

void ScreenFace::deviation(const std::string& person, const std::string& text) {
  const auto before = screen.id();
  function(2);
  REQUIRE(screen.id() == "deviation-note");
  type(text);
  type(person);
  screen.press_and_see("\r");
  REQUIRE(screen.id() == before);
}

int ScreenFace::exit_code() {
  // Whatever ends it, people are told; a program that only ends has failed.
  INFO(screen.text());
  REQUIRE(question() == "finished");
  screen.press("\r");
  screen.wait("the end", [&] { return screen.ended(); });
  return screen.child().exit_code();
}

}  // namespace tty
