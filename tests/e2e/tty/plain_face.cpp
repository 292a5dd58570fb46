#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <sstream>

#include "face.h"

namespace tty {
namespace {

constexpr int patience_ms = 60000;

/// Whether the program has asked and waits: every prompt ends in the middle of a line with one of these.
bool is_prompt(const std::string& said) {
  static const std::vector<std::string> ends{"> ", "? ", "Enter when read: ", "Enter when it is in: ", "the screen is cleared: ", "Enter to unlock: "};
  return std::ranges::any_of(ends, [&](const std::string& end) { return said.ends_with(end); });
}

}  // namespace

PlainFace::PlainFace(const Command& command, const Environment& environment, const std::string& folder) {
  std::array<int, 2> in{}, out{};
  REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(out[1], STDERR_FILENO);
    become(command, environment, folder);
  }
  REQUIRE(pid > 0);
  ::close(in[0]);
  ::close(out[1]);
  m_in = in[1];
  m_out = out[0];
  m_child = std::make_unique<Child>(pid);
}

PlainFace::~PlainFace() {
  close_input();
  close_output();
}

void PlainFace::close_input() {
  if (m_in >= 0) ::close(m_in);
  m_in = -1;
}

void PlainFace::close_output() {
  if (m_out >= 0) ::close(m_out);
  m_out = -1;
}

void PlainFace::say(const std::string& line) {
  const std::string all = line + "\n";
  m_last.clear();
  m_id.clear();
  REQUIRE(::write(m_in, all.data(), all.size()) == static_cast<ssize_t>(all.size()));
}

void PlainFace::wait_for_prompt() {
  while (!is_prompt(m_last)) {
    pollfd fd{m_out, POLLIN, 0};
    INFO(m_last);
    REQUIRE(::poll(&fd, 1, patience_ms) == 1);
    std::array<char, 65536> piece{};
    const auto got = ::read(m_out, piece.data(), piece.size());
    if (got <= 0) return;  // it has ended
    m_last.append(piece.data(), static_cast<std::size_t>(got));
  }
}

std::string PlainFace::question() {
  if (!m_id.empty()) return m_id;
  wait_for_prompt();
  const bool asks = is_prompt(m_last);
  // A question begins a line with its id in brackets; where a prompt of the same question comes again, the id stays.
  // What Enter alone means stands in brackets too, right before the prompt.
  for (std::size_t at = 0; at < m_last.size(); at = m_last.find('\n', at) == std::string::npos ? m_last.size() : m_last.find('\n', at) + 1)
    if (const auto end = m_last.find("] ", at); m_last[at] == '[' && end != std::string::npos && m_last.substr(end) != "] > ") m_id = m_last.substr(at + 1, end - at - 1);
  if (m_id.starts_with("new-") && m_last.find("the screen is cleared") != std::string::npos) m_private += m_last;
  else m_public += m_last;
  return asks ? m_id : "";
}

void PlainFace::mark(const std::vector<std::string>& people) {
  std::string line;
  for (const auto& person : people) line += (line.empty() ? "" : " ") + person;
  say(line);
}

std::string PlainFace::note_secret() {
  const auto from = m_last.find("Write it down:");
  REQUIRE(from != std::string::npos);
  const auto begin = m_last.find_first_not_of(" \n", from + 14);
  auto out = m_last.substr(begin, m_last.find('\n', begin) - begin);
  say("");
  return out;
}

void PlainFace::retype_words() {
  std::map<int, std::vector<std::string>> rows;
  std::istringstream in(m_last);
  for (std::string line; std::getline(in, line);) {
    std::istringstream row(line);
    int n = 0;
    if (!line.starts_with("  ") || !(row >> n)) continue;
    for (std::string word; row >> word;) rows[n].push_back(word);
  }
  // Three of a member, two of a witness: until something else is asked.
  for (bool first = true;; first = false) {
    if (!first) wait_for_prompt();
    if (!first && !m_last.starts_with("word ")) return;
    const auto label = m_last.rfind("word ");
    REQUIRE(label != std::string::npos);
    const int wanted = std::stoi(m_last.substr(label + 5));
    m_public += first ? "" : m_last;
    say(rows.at((wanted - 1) / 4 + 1).at(static_cast<std::size_t>((wanted - 1) % 4)));
  }
}

void PlainFace::choose(const std::string& option) {
  const auto at = m_last.find("  " + option + "\n");
  REQUIRE(at != std::string::npos);
  const auto line = m_last.rfind('\n', at) + 1;
  say(std::to_string(std::stoi(m_last.substr(line))));
}

void PlainFace::stop() {
  say(":pause");
  wait_for_prompt();
  REQUIRE(shows("PAUSED"));
  say("stop");
}

void PlainFace::abort() {
  say(":pause");
  wait_for_prompt();
  REQUIRE(shows("PAUSED"));
  say("ABORT");
}

void PlainFace::deviation(const std::string& person, const std::string& text) {
  const auto before = m_id;
  say(":deviation");
  wait_for_prompt();
  say(text);
  wait_for_prompt();
  REQUIRE(shows("Who reports it?"));
  say(person);
  wait_for_prompt();
  REQUIRE(shows("the record"));
  m_id = before;
}

int PlainFace::exit_code() {
  INFO(m_last);
  REQUIRE(question().empty());
  return m_child->exit_code();
}

}  // namespace tty
