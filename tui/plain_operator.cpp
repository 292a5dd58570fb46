#include "tui/plain_operator.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "tui/line_input.h"
#include "tui/word_entry.h"

namespace ceremony::tui {
namespace {

/// Echo off as long as this lives, where there is a terminal.
class NoEcho final {
 public:
  explicit NoEcho(int fd) : m_fd(fd) {
    if (::isatty(fd) == 0 || ::tcgetattr(fd, &m_before) != 0) return;
    termios quiet = m_before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    m_changed = ::tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() { if (m_changed) ::tcsetattr(m_fd, TCSAFLUSH, &m_before); }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  int m_fd;
  bool m_changed = false;
  termios m_before{};
};

std::string rows_of(const Words& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out += (i % 4 == 0 ? "  " + std::to_string(i / 4 + 1) + "  " : std::string(" ")) + std::string(words[i]) + (i % 4 == 3 || i + 1 == words.size() ? "\n" : "");
  return out;
}

class PlainOperator final : public Operator {
 public:
  PlainOperator(int in, int out, std::chrono::seconds idle, media::Scanner* scanner) : m_in(in), m_out(out), m_input(in, idle, scanner) {}

  std::string_view kind() const override { return "plain"; }
  void attend(Desk* desk) override { m_desk = desk; }

  void begin_step(const StepView& step, std::string_view banner) override {
    if (step.of == 0) return say("\n" + std::string(banner) + "\n" + step.title + "\n");
    say("\n" + std::string(banner) + "\nStep " + std::to_string(step.number) + " of " + std::to_string(step.of) + " [" + step.id + "]  " + step.title + "\nNOW: " +
        step.who + "\n" + step.says + "\n");
  }

  void show(const Question& q, const Page& page) override {
    ask(q, page.text + (page.text.empty() ? "" : "\n") + rows_of(page.words));
    (void)answer("[" + q.id + "] Enter when read: ");
  }

  bool confirm(const Question& q) override {
    ask(q, "");
    return yes_or_no();
  }

  bool compare(const Question& q, const Words& words) override {
    ask(q, rows_of(words));
    return yes_or_no();
  }

  std::vector<std::string> retype(const Question& q, const Words& words, std::span<const std::size_t> positions) override {
    ask(q, rows_of(words));
    std::vector<std::string> typed;
    for (const auto at : positions) {
      std::string word = answer("word " + std::to_string(at) + " (row " + std::to_string((at - 1) / 4 + 1) + ", place " + std::to_string((at - 1) % 4 + 1) + ") > ");
      std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      typed.push_back(std::move(word));
    }
    return typed;
  }

  std::string type(const Question& q, std::string_view fallback) override {
    ask(q, "");
    std::string typed = answer(fallback.empty() ? "> " : "[" + std::string(fallback) + "] > ");
    return typed.empty() ? std::string(fallback) : typed;
  }

  std::size_t choose(const Question& q, std::span<const std::string> options) override {
    std::string list;
    for (std::size_t i = 0; i < options.size(); ++i) list += "  " + std::to_string(i + 1) + "  " + options[i] + "\n";
    ask(q, list);
    while (true) {
      const std::string typed = answer("number > ");
      for (std::size_t i = 0; i < options.size(); ++i)
        if (typed == std::to_string(i + 1) || typed == options[i]) return i;
      say("Please type one of the numbers.\n");
    }
  }

  std::string people(const Question& q, std::span<const Candidate> candidates, std::size_t at_least) override {
    std::string list;
    for (const auto& c : candidates) list += "  " + c.id + "  " + c.note + (c.why_not.empty() ? "" : "  (not now: " + c.why_not + ")") + "\n";
    ask(q, list);
    return answer(at_least == 0 ? "ids, or nothing > " : std::to_string(at_least) + " or more ids > ");
  }

  std::vector<std::size_t> pick(const Question& q, std::span<const std::string> files) override {
    std::string list;
    for (std::size_t i = 0; i < files.size(); ++i) list += "  " + std::to_string(i + 1) + "  " + files[i] + "\n";
    ask(q, list);
    while (true) {
      const std::string typed = answer("numbers, or nothing for all > ");
      std::vector<std::size_t> out;
      if (typed.empty())
        for (std::size_t i = 0; i < files.size(); ++i) out.push_back(i);
      bool good = true;
      std::string number;
      for (const char c : typed + " ") {
        if (c != ' ' && c != ',') {
          number += c;
          continue;
        }
        if (number.empty()) continue;
        const auto value = std::strtoul(number.c_str(), nullptr, 10);
        if (value < 1 || value > files.size() || std::ranges::find(out, value - 1) != out.end()) good = false;
        else out.push_back(value - 1);
        number.clear();
      }
      if (good && !out.empty()) return out;
      say("Please type numbers of the list, each once, parted by spaces.\n");
    }
  }

  void await_medium(const Question& q) override {
    ask(q, "");
    (void)answer("[" + q.id + "] Enter when it is in: ");
  }

  bool receive(const Question& q, FrameSink& sink) override {
    ask(q, "");
    std::string typed;
    while (!sink.complete()) {
      say("frame, or nothing > ");
      const auto read = line_or_scan(typed);
      // What is scanned is neither a command nor the end.
      if (read.event == Event::scanned) say("\nScanned: " + sink.take(read.text) + "\n");
      else if (read.event == Event::scan_failed) say("\nNot scanned: " + read.text + "\n");
      else if (const auto line = std::exchange(typed, {}); line.empty()) return false;
      else if (!command(line)) say(sink.take(line) + "\n");
    }
    return true;
  }

  Passphrase secret(const Question& q) override {
    ask(q, "(nothing is shown) > ");
    Botan::secure_vector<std::uint8_t> typed;
    typed.reserve(256);
    {
      const NoEcho quiet(m_in);
      while (true) {
        const auto read = next();
        if (read.event == Event::interrupt) pause();
        if (read.event != Event::byte) continue;
        if (read.byte == '\n') break;
        if (typed.size() < 256) typed.push_back(read.byte);
      }
    }
    say("\n");
    return Passphrase(std::move(typed));
  }

  void reveal(const Question& q, const Passphrase& passphrase) override {
    show_once(q, [&] { say("    "), say(passphrase.reveal_text()), say("\n"); });
  }

  void reveal(const Question& q, const ShareWords& words) override {
    show_once(q, [&] {
      std::size_t n = 0;
      for (std::string_view left = words.reveal_text(); !left.empty();) {
        const auto word = left.substr(0, left.find(' '));
        left.remove_prefix(std::min(word.size() + 1, left.size()));
        say((n % 4 == 0 ? "    " : "  ") + std::to_string(n + 1) + " ");
        say(word);
        if (++n % 4 == 0 || left.empty()) say("\n");
      }
    });
  }

  ShareWords secret_words(const Question& q, std::span<const std::size_t> positions, std::size_t of, std::span<const std::string_view> list) override {
    WordEntry entry(list, positions.size());
    ask(q, "Nothing is shown. Four letters of a word are enough; one or several words a line, a line with < takes the last one back.\n");
    const NoEcho quiet(m_in);
    while (true) {
      say("word " + std::to_string(positions[entry.at()]) + " of " + std::to_string(of) + " > ");
      const auto wrong = words_of_a_line(entry);
      say("\n");
      if (!wrong.empty()) say(wrong + "\n");
      if (entry.complete() && wrong.empty()) return entry.words();
      if (entry.complete()) (void)entry.words();
    }
  }

  void progress(std::string_view doing) override { say("... " + std::string(doing) + "\n"); }

  Next refused(const Question& q, const Refused& refusal) override {
    say(std::string(refusal.what()) + "\n");
    while (true) {
      ask(q, "");
      const std::string typed = answer("again, stop (to be resumed) or abort? ");
      if (typed == "again" || typed == "a") return Next::again;
      if (typed == "stop" || typed == "s") return Next::stop;
      if (typed == "abort" || typed == "ABORT") return Next::abort;
    }
  }

  void locked(const Question& q) override {
    clear();
    ask(q, "");
    say("Enter to unlock: ");
    (void)line();
  }

  void finished(std::string_view text) override { say("\n" + std::string(text) + "\n"); }

 private:
  struct Wiped {
    PlainOperator& op;
    ~Wiped() { op.clear(); }
  };

  template <typename Say>
  void show_once(const Question& q, Say say_secret) {
    clear();
    ask(q, "Only " + q.who + " looks now. Write it down:\n\n");
    // No commands here: nothing but the secret stands on this screen, and it is wiped when it is left, however that is.
    const Wiped wiped{*this};
    say_secret();
    say("\nEnter when written down; the screen is cleared: ");
    (void)line();
  }

  /// Reads a line of words into the entry; what is wrong with it, or nothing. After a word that is not taken the rest does not count.
  std::string words_of_a_line(WordEntry& entry) {
    std::string wrong;
    while (true) {
      const auto read = next();
      if (read.event == Event::interrupt) pause();
      if (read.event != Event::byte) continue;
      const bool ends = read.byte == ' ' || read.byte == '\t' || read.byte == '\r' || read.byte == '\n';
      const auto c = static_cast<char32_t>(read.byte);
      if (!ends && wrong.empty()) {
        if (entry.complete()) wrong = "There were more words than are asked for: type them all again.";
        else if (c == U'<' && entry.letters().empty()) entry.back();
        else if (entry.letter(c), entry.fitting().empty()) wrong = "The word after the last one taken is not on the list; go on from it.";
      }
      if (ends && wrong.empty() && !entry.letters().empty() && !entry.take()) wrong = "A word needs more letters than that to be told from others; go on from it.";
      if (read.byte != '\n') continue;
      entry.clear();
      return wrong;
    }
  }

  LineInput::Read next() {
    try {
      return m_input.next();
    } catch (const Refused& refusal) {
      if (m_desk != nullptr && refusal.is(OperatorRefusal::idle)) m_desk->leaving(OperatorRefusal::idle);
      throw;
    }
  }
  void say(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::write(m_out, text.data(), text.size());
      if (n <= 0) return;  // nobody is there to read it; reading will say so
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void ask(const Question& q, std::string_view more) const {
    say("[" + q.id + "] " + (q.who.empty() ? "" : (m_desk == nullptr ? q.who : m_desk->who_is(q.who)) + ": ") + q.text + "\n" + std::string(more));
  }
  void clear() const {
    if (::isatty(m_out) != 0) say("\x1b[3J\x1b[H\x1b[2J");
  }
  bool yes_or_no() {
    while (true) {
      const std::string typed = answer("yes or no? ");
      if (typed == "yes" || typed == "y") return true;
      if (typed == "no" || typed == "n") return false;
      say("Please type yes or no.\n");
    }
  }
  std::string line() {
    std::string typed;
    while (line_or_scan(typed).event != Event::byte) {
    }
    return typed;
  }
  /// Reads on until the line is whole (Event::byte), or the scanner has something.
  LineInput::Read line_or_scan(std::string& typed) {
    while (true) {
      auto read = next();
      if (read.event == Event::interrupt) pause();
      if (read.event == Event::scanned || read.event == Event::scan_failed) return read;
      if (read.event != Event::byte) continue;
      if (read.byte == '\n') return read;
      if (typed.size() < 4096) typed += static_cast<char>(read.byte);
    }
  }
  /// A line that is no command.
  std::string answer(const std::string& prompt) {
    while (true) {
      say(prompt);
      std::string typed = line();
      if (!command(typed)) return typed;
    }
  }
  bool command(const std::string& typed) {
    if (m_desk == nullptr) return false;
    if (typed == "?") say(m_desk->help() + "\nAt any question: < back, ? this, :transcript [text], :state, :deviation, :pause.\n");
    else if (typed == ":transcript" || typed.starts_with(":transcript ")) {
      const auto wanted = typed.size() > 12 ? typed.substr(12) : "";
      for (const auto& one : m_desk->transcript())
        if (one.find(wanted) != std::string::npos) say(one + "\n");
    } else if (typed == ":state") say(m_desk->state());
    else if (typed == ":deviation") deviation();
    else if (typed == ":pause") pause();
    else if (typed == "<") {
      if (m_desk->may_go_back()) throw Refused(OperatorRefusal::back, "the people went back", "", "the step begins again");
      say("There is no way back from here: what is recorded stays. :pause stops or aborts.\n");
    } else return false;
    return true;
  }
  void deviation() {
    say("What went otherwise than the script says? (one line, nothing to leave)\n> ");
    const auto text = line();
    if (text.empty()) return;
    std::string all;
    for (const auto& one : m_desk->people()) all += " " + one;
    const auto known = m_desk->people();
    while (true) {
      say("Who reports it? Of:" + all + "\n> ");
      const auto person = line();
      if (person.empty()) return;
      if (std::ranges::find(known, person) == known.end()) continue;
      say(m_desk->note_deviation(person, text) + "\n");
      return;
    }
  }
  void pause() {
    if (m_desk == nullptr) throw Refused(OperatorRefusal::interrupted, "interrupted", "", "run the same command again: the ceremony goes on where it stopped");
    say("\nPAUSED\n" + m_desk->stopping() + "\n");
    while (true) {
      say("go on, stop (to be resumed), or ABORT? ");
      const auto typed = line();
      if (typed == "go on" || typed.empty()) return;
      if (typed == "stop") leave(OperatorRefusal::stop, "the people chose to stop");
      if (typed == "ABORT") leave(OperatorRefusal::abort, "the people chose to abort");
    }
  }
  [[noreturn]] void leave(OperatorRefusal why, const char* what) {
    m_desk->leaving(why);
    throw Refused(why, what, "", "run the same command again to go on");
  }

  int m_in;
  int m_out;
  LineInput m_input;
  Desk* m_desk = nullptr;
};

}  // namespace

std::unique_ptr<Operator> make_plain_operator(int in, int out, std::chrono::seconds idle, media::Scanner* scanner) {
  return std::make_unique<PlainOperator>(in, out, idle, scanner);
}

}  // namespace ceremony::tui
