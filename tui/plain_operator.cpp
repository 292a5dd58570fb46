#include "tui/plain_operator.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

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

class PlainOperator final : public Operator {
 public:
  PlainOperator(std::FILE* in, std::FILE* out) : m_in(in), m_out(out) {
    // A secret must not stay behind in a stream buffer; people type slowly enough for one read a character.
    std::setvbuf(m_in, nullptr, _IONBF, 0);
  }

  std::string_view kind() const override { return "plain"; }

  void begin_step(const StepView& step, std::string_view banner) override {
    say("\n" + std::string(banner) + "\nStep " + std::to_string(step.number) + " of " + std::to_string(step.of) + " [" +
        step.id + "]  " + step.title + "\nNOW: " + step.who + "\n" + step.says + "\n");
  }

  void show(const Question& q, std::string_view text) override {
    ask(q, "");
    say(std::string(text) + "\n");
    say("[" + q.id + "] Enter when read: ");
    (void)line();
  }

  bool confirm(const Question& q) override {
    while (true) {
      ask(q, "yes or no? ");
      const std::string answer = line();
      if (answer == "yes" || answer == "y") return true;
      if (answer == "no" || answer == "n") return false;
      say("Please type yes or no.\n");
    }
  }

  std::string type(const Question& q, std::string_view fallback) override {
    ask(q, fallback.empty() ? "> " : "[" + std::string(fallback) + "] > ");
    std::string answer = line();
    return answer.empty() ? std::string(fallback) : answer;
  }

  std::size_t choose(const Question& q, std::span<const std::string> options) override {
    while (true) {
      ask(q, "");
      for (std::size_t i = 0; i < options.size(); ++i) say("  " + std::to_string(i + 1) + "  " + options[i] + "\n");
      say("number > ");
      const std::string answer = line();
      for (std::size_t i = 0; i < options.size(); ++i)
        if (answer == std::to_string(i + 1) || answer == options[i]) return i;
      say("Please type one of the numbers.\n");
    }
  }

  Passphrase secret(const Question& q) override {
    ask(q, "(nothing is shown) > ");
    Botan::secure_vector<std::uint8_t> typed;
    typed.reserve(256);
    {
      const NoEcho quiet(::fileno(m_in));
      while (true) {
        const int c = std::fgetc(m_in);
        if (c == EOF && typed.empty()) end_of_input();
        if (c == EOF || c == '\n') break;
        if (typed.size() < 256) typed.push_back(static_cast<std::uint8_t>(c));
      }
    }
    say("\n");
    return Passphrase(std::move(typed));
  }

  void reveal(const Question& q, const Passphrase& passphrase) override {
    clear();
    ask(q, "Only " + q.who + " looks now. Write it down:\n\n    ");
    const auto text = passphrase.reveal_text();
    std::fwrite(text.data(), 1, text.size(), m_out);
    say("\n\nEnter when written down; the screen is cleared: ");
    (void)line();
    clear();
  }

  void progress(std::string_view doing) override { say("... " + std::string(doing) + "\n"); }

  Next refused(const Question& q, const Refused& refusal) override {
    say(std::string(refusal.what()) + "\n");
    while (true) {
      ask(q, "again, stop (to be resumed) or abort? ");
      const std::string answer = line();
      if (answer == "again" || answer == "a") return Next::again;
      if (answer == "stop" || answer == "s") return Next::stop;
      if (answer == "abort" || answer == "ABORT") return Next::abort;
    }
  }

  void finished(std::string_view text) override { say("\n" + std::string(text) + "\n"); }

 private:
  void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), m_out);
    std::fflush(m_out);
  }
  void ask(const Question& q, std::string_view prompt) {
    say("[" + q.id + "] " + (q.who.empty() ? "" : q.who + ": ") + q.text + "\n" + std::string(prompt));
  }
  void clear() {
    if (::isatty(::fileno(m_out)) != 0) say("\x1b[3J\x1b[H\x1b[2J");
  }
  [[noreturn]] static void end_of_input() {
    throw Refused(OperatorRefusal::end_of_input, "the input ended in the middle of the ceremony", "",
                  "run the same command again: the ceremony goes on where it stopped");
  }
  std::string line() {
    std::string out;
    while (true) {
      const int c = std::fgetc(m_in);
      if (c == EOF && out.empty()) end_of_input();
      if (c == EOF || c == '\n') return out;
      if (out.size() < 4096) out += static_cast<char>(c);
    }
  }

  std::FILE* m_in;
  std::FILE* m_out;
};

}  // namespace

std::unique_ptr<Operator> make_plain_operator(std::FILE* in, std::FILE* out) {
  return std::make_unique<PlainOperator>(in, out);
}

}  // namespace ceremony::tui
