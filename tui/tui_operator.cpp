#include "tui/tui_operator.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tui/desk_screens.h"
#include "tui/word_entry.h"

namespace ceremony::tui {
namespace {

void add_rows(std::vector<Line>& body, const Words& words) {
  if (!words.empty()) body.push_back({"", plain});
  for (std::size_t i = 0; i < words.size(); i += 4) {
    std::string row = "  " + std::to_string(i / 4 + 1) + "  ";
    for (std::size_t j = i; j < std::min(i + 4, words.size()); ++j) row += std::string(words[j]) + std::string(10 - std::min<std::size_t>(words[j].size(), 9), ' ');
    body.push_back({row, bold});
  }
}

class TuiOperator final : public Operator, private DeskScreens {
 public:
  explicit TuiOperator(std::unique_ptr<Terminal> terminal) : DeskScreens(*terminal), m_terminal(std::move(terminal)) {}

  std::string_view kind() const override { return "tui"; }
  void attend(Desk* desk) override { DeskScreens::attend(desk); }

  void begin_step(const StepView& step, std::string_view) override {
    DeskScreens::begin_step(step);
    m_says = step.says;
    m_first = true;
  }

  void show(const Question& q, const Page& page) override {
    auto asked = begin(q);
    if (!page.text.empty()) asked.body.push_back({"", plain});
    for (auto& line : lines_of(page.text)) asked.body.push_back({std::move(line), plain});
    add_rows(asked.body, page.words);
    asked.keys = page.codes.empty() ? "Enter: read on" : "Enter: read on  q: as QR code";
    while (true) {
      const auto key = next_key(asked);
      // What is to be approved was on the screen to its end before it is left.
      if (key.kind == Key::enter && !read_on(asked)) return;
      if (!page.codes.empty() && key.kind == Key::character && key.c == U'q') show_codes(q.id, page.codes, page.words);
    }
  }

  bool confirm(const Question& q) override {
    auto asked = begin(q);
    return yes_or_no(asked);
  }

  bool compare(const Question& q, const Words& words) override {
    auto asked = begin(q);
    add_rows(asked.body, words);
    return yes_or_no(asked);
  }

  std::vector<std::string> retype(const Question& q, const Words& words, std::span<const std::size_t> positions) override {
    std::vector<std::string> typed;
    auto asked = begin(q);
    asked.keys = "Enter: next word";
    asked.status = {"This cannot be undone. Do not type words that are not those you noted.", warning};
    add_rows(asked.body, words);
    for (const auto at : positions) {
      asked.field = Field{"Word " + std::to_string(at) + " (row " + std::to_string((at - 1) / 4 + 1) + ", place " + std::to_string((at - 1) % 4 + 1) + "):", "", ""};
      auto word = *read_line(asked, "", false);
      std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      typed.push_back(std::move(word));
    }
    return typed;
  }

  std::string type(const Question& q, std::string_view fallback) override {
    auto asked = begin(q);
    asked.field = Field{">", "", fallback.empty() ? "" : "Enter alone means: " + std::string(fallback)};
    asked.keys = "Enter: done";
    auto typed = *read_line(asked, "", false);
    return typed.empty() ? std::string(fallback) : typed;
  }

  std::size_t choose(const Question& q, std::span<const std::string> options) override {
    auto asked = begin(q);
    asked.body.push_back({"", plain});
    const auto above = asked.body.size();
    std::size_t at = 0;
    asked.moves = true;
    asked.keys = "Up/Down Enter: choose";
    while (true) {
      asked.body.resize(above);
      for (std::size_t i = 0; i < options.size(); ++i) asked.body.push_back({(i == at ? "> " : "  ") + options[i], i == at ? reverse : plain});
      asked.follow = above + at;
      const auto key = next_key(asked);
      move(key, at, options.size());
      if (key.kind == Key::enter) return at;
    }
  }

  std::string people(const Question& q, std::span<const Candidate> candidates, std::size_t at_least) override {
    std::vector<std::string> names;
    for (const auto& c : candidates) names.push_back(c.id + "  " + c.note + (c.why_not.empty() ? "" : "  (not now)"));
    auto asked = begin(q);
    asked.body.push_back({at_least == 0 ? "Mark whoever applies. Nobody is an answer too: Enter." : std::to_string(at_least) + " or more of them.", plain});
    const auto chosen = mark(asked, names, [&](std::size_t i) { return candidates[i].why_not.empty() ? "" : candidates[i].id + " " + candidates[i].why_not + "."; }, at_least, {});
    std::string out;
    for (const auto i : chosen) out += (out.empty() ? "" : " ") + candidates[i].id;
    return out;
  }

  std::vector<std::size_t> pick(const Question& q, std::span<const std::string> files) override {
    std::set<std::size_t> all;
    for (std::size_t i = 0; i < files.size(); ++i) all.insert(i);
    auto asked = begin(q);
    return mark(asked, {files.begin(), files.end()}, [](std::size_t) { return std::string(); }, 0, all);
  }

  void await_medium(const Question& q) override {
    auto asked = begin(q);
    asked.keys = "Enter: it is in";
    terminal().beep();
    until_enter(asked);
  }

  bool receive(const Question& q, FrameSink& sink) override {
    auto asked = begin(q);
    asked.keys = "Enter: take the frame; Enter alone: no more";
    asked.typing = asked.scans = true;
    std::string typed;
    while (!sink.complete()) {
      asked.field = Field{"Frame:", typed, ""};
      const auto key = next_key(asked);
      std::string became;
      if (key.kind == Key::scanned) became = "Scanned: " + sink.take(key.text);
      else if (key.kind == Key::scan_failed) became = "Not scanned: " + key.text;
      else if (key.kind == Key::enter && typed.empty()) return false;
      else if (key.kind == Key::enter) became = sink.take(std::exchange(typed, {}));
      else edit(typed, key, media::longest_scan);
      if (became.empty()) continue;
      asked.body.push_back({became, plain});
      asked.follow = asked.body.size() - 1;
    }
    return true;
  }

  Passphrase secret(const Question& q) override {
    auto asked = begin(q);
    asked.field = Field{"Type it (nothing is shown):", "", ""};
    asked.keys = "Enter: done  ^U: begin anew";
    asked.typing = true;
    Botan::secure_vector<std::uint8_t> typed;
    typed.reserve(256);
    terminal().beep();
    while (true) {
      const auto key = next_key(asked);
      if (key.kind == Key::enter) return Passphrase(std::move(typed));
      if (key.kind == Key::control && key.c == U'u') typed.clear();
      if (key.kind == Key::backspace && !typed.empty()) typed.pop_back();
      if (key.kind == Key::character && key.c < 0x80 && typed.size() < 256) typed.push_back(static_cast<std::uint8_t>(key.c));
    }
  }

  void reveal(const Question& q, const Passphrase& passphrase) override { show_once(q, passphrase.reveal_text()); }
  void reveal(const Question& q, const ShareWords& words) override { show_once(q, words.reveal_text()); }

  ShareWords secret_words(const Question& q, std::span<const std::size_t> positions, std::size_t of, std::span<const std::string_view> list) override {
    WordEntry entry(list, positions.size());
    alone_first(q, "What is typed next can be read until the word is done.");
    Asked asked = begin(q);
    const Forgotten forgotten{terminal(), asked.body};
    terminal().forget();
    asked.body.push_back({"", plain});
    asked.body.push_back({"Only the word that is being typed is shown, and none that is done. The first letters are enough, never more than four.", plain});
    asked.typing = true;
    asked.keys = "Enter, Space or Tab: next word  Backspace: back";
    while (!entry.complete()) {
      const auto fit = entry.fitting();
      asked.field = Field{"Word " + std::to_string(positions[entry.at()]) + " of " + std::to_string(of) + ":", std::string(entry.letters()), meaning(entry.letters(), fit)};
      const auto key = next_key(asked);
      wipe(*asked.field);
      if (key.kind == Key::backspace) entry.back();
      if (key.kind == Key::control && key.c == U'u') entry.clear();
      if (key.kind == Key::character && key.c != U' ') entry.letter(key.c);
      const bool ends = key.kind == Key::enter || key.kind == Key::tab || (key.kind == Key::character && key.c == U' ');
      if (ends && !entry.take() && !entry.letters().empty()) terminal().beep();
    }
    return entry.words();
  }

  void progress(std::string_view doing) override { DeskScreens::progress(doing); }

  Next refused(const Question& q, const Refused& refusal) override {
    Asked asked;
    asked.id = q.id;
    asked.who = q.who;
    asked.body.push_back({"REFUSED", bold | warning});
    for (const auto& finding : refusal.findings()) {
      asked.body.push_back({(finding.where.empty() ? "" : finding.where + ": ") + finding.what, bold});
      if (!finding.hint.empty()) asked.body.push_back({"What to do: " + finding.hint, plain});
    }
    asked.body.push_back({"", plain});
    asked.body.push_back({q.text, plain});
    asked.keys = "a or Enter: try again";
    asked.status = {"What was recorded so far is kept. Esc shows what stopping or aborting means.", plain};
    asked.typing = false;
    terminal().beep();
    while (true) {
      const auto key = next_key(asked);
      if (key.kind == Key::enter || (key.kind == Key::character && (key.c == U'a' || key.c == U'A'))) return Next::again;
    }
  }

  void locked(const Question& q) override {
    terminal().forget();
    Asked asked;
    asked.id = q.id;
    asked.body.push_back({"LOCKED", bold});
    asked.body.push_back({q.text, plain});
    asked.keys = "Enter: unlock";
    asked.secret = true;  // nothing of the ceremony is shown or done until somebody is back
    until_enter(asked);
  }

  void finished(std::string_view text) override {
    Asked asked;
    asked.id = "finished";
    asked.body.push_back({std::string(text), bold});
    asked.body.push_back({"", plain});
    for (const auto& line : log()) asked.body.push_back({line, plain});
    asked.keys = "Enter: leave the program";
    until_enter(asked);
  }

 private:
  /// However the screen is left.
  struct Forgotten {
    Terminal& terminal;
    std::vector<Line>& body;
    ~Forgotten() {
      scrub(body);
      terminal.forget();
    }
  };

  /// Says who is shown something next, and that the others look away.
  void alone_first(const Question& q, const std::string& why) {
    auto asked = begin(q);
    asked.body.push_back({"", plain});
    asked.body.push_back({why + " Everybody but " + q.who + " looks away now.", bold});
    asked.keys = "Enter: " + q.who + " is alone at the screen";
    terminal().beep();
    until_enter(asked);
  }

  /// A secret of several words, in numbered rows of four as it is written down: 52 columns, which is what 80 leave.
  void show_once(const Question& q, std::string_view left) {
    alone_first(q, "It is shown on the next screen, once.");
    Asked asked;
    const Forgotten forgotten{terminal(), asked.body};
    terminal().forget();
    asked.id = q.id;
    asked.who = q.who;
    asked.secret = true;
    asked.keys = "Enter: it is written down, clear the screen";
    asked.status = {"Only " + q.who + " looks. Write every word down with its number.", warning};
    asked.body.push_back({q.text, plain});
    asked.body.push_back({"", plain});
    // These copies go when the screen does.
    std::string row;
    row.reserve(80);  // no copy of it stays behind where it grew
    std::size_t n = 0;
    while (!left.empty()) {
      const auto end = left.find(' ');
      const auto word = left.substr(0, end);
      ++n;
      row += (row.empty() ? "" : " ") + std::string(n < 10 ? "  " : " ") + std::to_string(n) + " ";
      row += word;
      if (n % 4 != 0) row.append(word.size() < 8 ? 8 - word.size() : 0, ' ');
      left = end == std::string_view::npos ? std::string_view() : left.substr(end + 1);
      if (n % 4 != 0 && !left.empty()) continue;
      asked.body.push_back({row, bold});
      Botan::secure_scrub_memory(row.data(), row.size());
      row.clear();
    }
    until_enter(asked);
  }

  /// What stands beside a word that is being typed.
  static std::string meaning(std::string_view letters, std::span<const std::string_view> fit) {
    if (letters.empty()) return "";
    if (fit.empty()) return "No word of the list begins so: look at the paper.";
    if (fit.size() > 4) return std::to_string(fit.size()) + " words begin so.";
    std::string out = fit.size() == 1 ? "It is " : "One of ";
    for (const auto word : fit) out += (word == fit.front() ? "" : ", ") + std::string(word);
    return out + ".";
  }

  static void wipe(Field& field) {
    for (auto* text : {&field.shown, &field.hint}) Botan::secure_scrub_memory(text->data(), text->size());
  }

  /// The question; below it, at the first one of a step, what the step says, and later what the machine last did. What is asked
  /// is in sight however long the rest is.
  Asked begin(const Question& q) {
    Asked asked;
    asked.id = q.id;
    asked.who = q.who;
    if (m_first && !m_says.empty()) {
      for (auto& line : paragraphs_of(m_says)) asked.below.push_back({std::move(line), plain});
      m_first = false;
    } else if (const auto done = news(); !done.empty()) {
      asked.below.push_back({"... " + done, plain});
    }
    for (auto& line : lines_of(q.text)) asked.body.push_back({std::move(line), bold});
    return asked;
  }

  void until_enter(Asked& asked) {
    while (next_key(asked).kind != Key::enter) {
    }
  }

  static void move(const Key& key, std::size_t& at, std::size_t count) {
    if (key.kind == Key::up && at > 0) --at;
    if (key.kind == Key::down && at + 1 < count) ++at;
    if (key.kind == Key::home) at = 0;
    if (key.kind == Key::end) at = count - 1;
  }

  bool yes_or_no(Asked& asked) {
    bool yes = false;
    asked.typing = true;  // n is an answer here
    asked.keys = "y or n, then Enter";
    while (true) {
      asked.field = Field{"Yes or no:", yes ? "yes" : "no", ""};
      const auto key = next_key(asked);
      if (key.kind == Key::character && (key.c == U'y' || key.c == U'Y')) yes = true;
      if (key.kind == Key::character && (key.c == U'n' || key.c == U'N')) yes = false;
      if (key.kind == Key::enter) return yes;
    }
  }

  /// A list with marks; what may not be chosen is shown, and says why when it is tried.
  template <typename WhyNot>
  std::vector<std::size_t> mark(Asked& asked, const std::vector<std::string>& names, WhyNot why_not, std::size_t at_least, std::set<std::size_t> chosen) {
    asked.body.push_back({"", plain});
    const auto above = asked.body.size();
    std::size_t at = 0;
    asked.moves = true;
    asked.keys = "Up/Down Space: mark  Enter: done";
    while (true) {
      asked.body.resize(above);
      for (std::size_t i = 0; i < names.size(); ++i)
        asked.body.push_back({(i == at ? "> " : "  ") + std::string(chosen.contains(i) ? "[x] " : "[ ] ") + names[i], i == at ? reverse : plain});
      asked.follow = above + at;
      const auto key = next_key(asked);
      if (key.kind != Key::enter) asked.status = {};
      move(key, at, names.size());
      // Who goes to a line that may not be marked is told why, before they try.
      const std::string why = at < names.size() ? why_not(at) : "";
      if (!why.empty() && key.kind != Key::enter) asked.status = {why, bold};
      if (key.kind == Key::character && key.c == U' ' && at < names.size()) {
        if (!why.empty()) terminal().beep();
        else if (!chosen.erase(at)) chosen.insert(at);
      }
      if (key.kind != Key::enter) continue;
      if (chosen.size() >= at_least) return {chosen.begin(), chosen.end()};
      asked.status = {std::to_string(chosen.size()) + " of the " + std::to_string(at_least) + " needed are marked. Wait until enough of them are here.", bold};
    }
  }

  std::unique_ptr<Terminal> m_terminal;
  std::string m_says;
  bool m_first = false;
};

}  // namespace

std::unique_ptr<Operator> make_tui_operator(std::unique_ptr<Terminal> terminal) { return std::make_unique<TuiOperator>(std::move(terminal)); }

}  // namespace ceremony::tui
