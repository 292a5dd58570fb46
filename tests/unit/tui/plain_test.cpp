// The ceremony as lines of text, over pipes: answers, and the commands that are taken at any question.
#include "tui/plain_operator.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <deque>

#include "tests/unit/tui/fakes.h"

namespace ceremony::tui::testing {
namespace {

/// A scanner that has read these lines, before anything is typed. "!" is a line of which keys were lost, "x" the end of the cable.
class FakeScanner final : public media::Scanner {
 public:
  explicit FakeScanner(std::vector<std::string> lines) : m_lines(lines.begin(), lines.end()) {
    REQUIRE(::pipe(m_pipe.data()) == 0);
    REQUIRE(::write(m_pipe[1], std::string(m_lines.size(), '.').data(), m_lines.size()) == static_cast<ssize_t>(m_lines.size()));
  }
  ~FakeScanner() override { for (const int fd : m_pipe) ::close(fd); }
  FakeScanner(const FakeScanner&) = delete;
  FakeScanner& operator=(const FakeScanner&) = delete;

  std::string name() const override { return "fake"; }
  int descriptor() const override { return m_pipe[0]; }
  std::optional<std::string> next(std::chrono::milliseconds) override {
    auto line = std::move(m_lines.front());
    m_lines.pop_front();
    if (line == "x") throw Refused(media::ScannerRefusal::gone, "the scanner is not there any more", "", "plug it in again");  // and stays to be read
    char one = 0;
    REQUIRE(::read(m_pipe[0], &one, 1) == 1);
    if (line == "!") throw Refused(media::ScannerRefusal::lost, "keys were lost", "", "read the code again");
    if (line == "-") return std::nullopt;
    return line;
  }

 private:
  std::deque<std::string> m_lines;
  std::array<int, 2> m_pipe{-1, -1};
};

/// A plain operator whose whole input is written beforehand. What it says stays in a pipe until it is looked at.
class Talk {
 public:
  FakeDesk desk;
  std::unique_ptr<Operator> op;

  explicit Talk(std::string_view typed, media::Scanner* scanner = nullptr) {
    REQUIRE(::pipe(m_in.data()) == 0);
    REQUIRE(::pipe(m_out.data()) == 0);
    ::fcntl(m_out[0], F_SETFL, O_NONBLOCK);
    REQUIRE(::write(m_in[1], typed.data(), typed.size()) == static_cast<ssize_t>(typed.size()));
    ::close(std::exchange(m_in[1], -1));
    op = make_plain_operator(m_in[0], m_out[1], std::chrono::seconds(60), scanner);
    op->attend(&desk);
  }
  ~Talk() {
    op.reset();
    for (const int fd : {m_in[0], m_out[0], m_out[1]}) ::close(fd);
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  const std::string& said() {
    std::array<char, 4096> some{};
    for (ssize_t n = 0; (n = ::read(m_out[0], some.data(), some.size())) > 0;) m_said.append(some.data(), static_cast<std::size_t>(n));
    return m_said;
  }
  [[nodiscard]] bool has(std::string_view text) { return said().find(text) != std::string::npos; }

 private:
  std::array<int, 2> m_in{-1, -1}, m_out{-1, -1};
  std::string m_said;
};

const Question q{"some.question", "c2", "What is asked?"};

template <typename Ask>
std::string code_of(Ask ask) {
  try {
    ask();
  } catch (const Refused& refusal) {
    return std::string(refusal.code());
  }
  return "";
}

}  // namespace

TEST_CASE("plain: a question is its id, who acts, and the text") {
  Talk talk("yes\nno\nperhaps\ny\n");
  CHECK(talk.op->kind() == "plain");
  CHECK(talk.op->confirm(q));
  CHECK_FALSE(talk.op->compare(q, digest_words()));
  CHECK(talk.op->confirm(q));
  CHECK(talk.has("[some.question] c2: What is asked?\n"));
  CHECK(talk.has("  1  academic lizard ancestor tolerance\n  2  island sailboat kernel wildlife\n  3  credit observe yoga pitch\n"));
  CHECK(talk.has("Please type yes or no.\n"));
}

TEST_CASE("plain: words, lines, choices, files, people") {
  const std::vector<std::size_t> places{2, 5};
  const std::vector<std::string> options{"red", "green", "blue"};
  Talk talk("lizard\nISLAND\n\nZürich\n4\n2\ngreen\n\n3, 1\n1 1\n2\nc1 c3\n");
  CHECK(talk.op->retype(q, digest_words(), places) == std::vector<std::string>{"lizard", "island"});
  CHECK(talk.has("word 5 (row 2, place 1) > "));
  CHECK(talk.op->type(q, "here") == "here");
  CHECK(talk.op->type(q, "here") == "Zürich");
  CHECK(talk.op->choose(q, options) == 1);
  CHECK(talk.has("Please type one of the numbers.\n"));
  CHECK(talk.op->choose(q, options) == 1);
  CHECK(talk.op->pick(q, options) == std::vector<std::size_t>{0, 1, 2});
  CHECK(talk.op->pick(q, options) == std::vector<std::size_t>{2, 0});
  CHECK(talk.op->pick(q, options) == std::vector<std::size_t>{1});
  CHECK(talk.has("each once, parted by spaces"));
  const std::vector<Candidate> people{{"c1", "custodian", ""}, {"c2", "custodian", "has approved this already"}};
  CHECK(talk.op->people(q, people, 2) == "c1 c3");
  CHECK(talk.has("c2  custodian  (not now: has approved this already)"));
}

TEST_CASE("plain: what is scanned is a frame and nothing else, and the ceremony goes on when the scanner is gone") {
  FakeScanner scanner({"-", "KCYZ1A", ":pause", "", "!", "x"});
  Talk talk("?\nKCYZ1B\nKCYZ1C\n", &scanner);
  Lines lines(5);
  CHECK(talk.op->receive(q, lines));
  CHECK(lines.taken == std::vector<std::string>{"KCYZ1A", ":pause", "", "KCYZ1B", "KCYZ1C"});
  CHECK(talk.has("Scanned: line 1 of 5\n"));
  CHECK(talk.has("Not scanned: keys were lost; read the code again\n"));
  CHECK(talk.has("Not scanned: the scanner is not there any more; plug it in again\n"));
  CHECK(talk.has("The machine: takes approvals"));
  CHECK_FALSE(talk.has("PAUSED"));
}

TEST_CASE("plain: frames end with an empty line, or with the last one that is scanned") {
  FakeScanner scanner({"a", "b"});
  Talk talk("\n", &scanner);
  Lines lines(2);
  CHECK(talk.op->receive(q, lines));
  Lines more(1);
  CHECK_FALSE(talk.op->receive(q, more));
}

TEST_CASE("plain: what is scanned while nothing is to be scanned is no answer") {
  FakeScanner scanner({"yes", "no", "!"});
  Talk talk("no\nsecret\n", &scanner);
  CHECK_FALSE(talk.op->confirm(q));
  CHECK(talk.op->secret(q).reveal_text() == "secret");
}

TEST_CASE("plain: ? helps, :transcript looks for words, :state shows the CA, and the question comes again") {
  Talk talk("?\n:transcript deviation\n:state\n:transcript\nyes\n");
  CHECK(talk.op->confirm(q));
  CHECK(talk.has("The machine: takes approvals"));
  CHECK(talk.has("At any question: < back, ? this, :transcript [text], :state, :deviation, :pause.\n"));
  CHECK(talk.has("33  2026-03-14T13:43:00Z  deviation adm1"));
  CHECK(talk.has("49  2026-03-14T13:59:00Z"));
  CHECK(talk.has("(a rehearsal): 50 records"));
  CHECK(talk.said().find("0  2026-03-14T12:01:02Z  log-init") > talk.said().find("(a rehearsal)"));  // not in what was looked for
  CHECK(talk.said().ends_with("yes or no? "));
}

TEST_CASE("plain: < goes back where nothing was recorded, and says so where there is no way back") {
  Talk back("<\n");
  back.desk.back = true;
  CHECK(code_of([&] { (void)back.op->confirm(q); }) == "operator/back");
  Talk late("<\nyes\n");
  CHECK(late.op->confirm(q));
  CHECK(late.has("There is no way back from here: what is recorded stays."));
}

TEST_CASE("plain: a deviation is one line and one person, or nothing") {
  Talk talk(":deviation\nThe door was open\nc9\nw1\n:deviation\n\n:deviation\ntext\n\nyes\n");
  CHECK(talk.op->confirm(q));
  CHECK(talk.desk.noted == std::vector<std::string>{"w1: The door was open"});
  CHECK(talk.has("It is on the record.\n"));
}

TEST_CASE("plain: :pause goes on, stops, or aborts only by the word in capitals") {
  Talk on(":pause\nabort\nSTOP!\ngo on\nyes\n");
  CHECK(on.op->confirm(q));
  CHECK(on.desk.left.empty());
  CHECK(on.has("PAUSED\nTo stop here keeps the ceremony open"));
  Talk stop(":pause\nstop\n");
  CHECK(code_of([&] { (void)stop.op->confirm(q); }) == "operator/stop");
  CHECK(stop.desk.left == std::vector{OperatorRefusal::stop});
  Talk abort(":pause\nABORT\n");
  CHECK(code_of([&] { (void)abort.op->type(q, ""); }) == "operator/abort");
  CHECK(abort.desk.left == std::vector{OperatorRefusal::abort});
}

TEST_CASE("plain: a secret is taken as it is typed, commands and all, and never said") {
  Talk talk("?:pause <\nnext\n");
  CHECK(talk.op->secret(q).reveal_text() == "?:pause <");
  CHECK(talk.op->secret(q).reveal_text() == "next");
  CHECK_FALSE(talk.has(":pause"));
  CHECK_FALSE(talk.has("next"));
}

TEST_CASE("plain: pages, media, a passphrase shown once, refusals, the lock and the last word") {
  Talk talk("\n\n\nwhat\nstop\n\n");
  talk.op->begin_step({2, 23, "clock", "Agree on the time", "Says.", "everyone"}, "ACME ROOT G1   *** REHEARSAL ***");
  CHECK(talk.has("ACME ROOT G1   *** REHEARSAL ***\nStep 2 of 23 [clock]  Agree on the time\nNOW: everyone\nSays.\n"));
  talk.op->show(q, {"A page.", digest_words()});
  talk.op->await_medium(q);
  talk.op->reveal(q, passphrase_of("academic acid acne"));
  CHECK(talk.has("Only c2 looks now. Write it down:\n\n    academic acid acne\n"));
  talk.op->progress("Signing");
  CHECK(talk.has("... Signing\n"));
  CHECK(talk.op->refused(q, Refused(OperatorRefusal::unanswered, "it went wrong", "c2", "do it better")) == Next::stop);
  CHECK(talk.has("error: c2: it went wrong\nhint: do it better\n"));
  talk.op->locked(q);
  talk.op->finished("Closed.");
  CHECK(talk.said().ends_with("\nClosed.\n"));
}

TEST_CASE("plain: the end of the input is told from an answer") {
  Talk talk("ye");
  CHECK(code_of([&] { (void)talk.op->confirm(q); }) == "operator/end-of-input");
}

}  // namespace ceremony::tui::testing
