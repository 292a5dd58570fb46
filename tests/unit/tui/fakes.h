// A terminal whose keys are written down beforehand and which keeps every screen it was given, and a desk with fixed papers on it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ceremony/operator.h"
#include "tui/tui_operator.h"

namespace ceremony::tui::testing {

/// Keys as text: letters, and names in angle brackets: <enter> <esc> <up> <down> <pgup> <pgdn> <home> <end> <bs> <tab> <quiet> <resized>
/// <f1> … and <^g>; <scan TEXT> is a line that a scanner reads, <misread WHY> one that it does not.
[[nodiscard]] std::deque<Key> keys(std::string_view text);

/// What happened at the terminal. It outlives the operator.
struct Record {
  int cols = 80, rows = 24;
  std::deque<Key> keys;
  std::vector<Grid> drawn;
  std::vector<std::optional<std::pair<int, int>>> cursors;
  std::vector<std::size_t> forgotten;  ///< how many screens had been drawn, at each forget()
  int beeps = 0;
  bool falls_silent = false;  ///< after the keys, instead of their end

  [[nodiscard]] std::string text() const { return drawn.back().text(); }
};

/// Wants so many lines, whatever they are, and keeps them.
class Lines final : public FrameSink {
 public:
  explicit Lines(std::size_t wanted) : m_wanted(wanted) {}
  std::string take(std::string_view line) override {
    taken.emplace_back(line);
    return "line " + std::to_string(taken.size()) + " of " + std::to_string(m_wanted);
  }
  bool complete() const override { return taken.size() >= m_wanted; }
  std::vector<std::string> taken;

 private:
  std::size_t m_wanted;
};

class FakeDesk final : public Desk {
 public:
  FrameView shown = usual_frame();
  bool back = false;
  std::vector<std::string> noted;
  std::vector<OperatorRefusal> left;

  Time now() override;
  std::string who_is(const std::string& who) override { return who == "so1" ? "so1 (security-officer)" : who; }
  FrameView frame() override { return shown; }
  std::string help() override;
  std::vector<std::string> transcript() override;
  std::string state() override;
  std::string stopping() override;
  bool may_go_back() override { return back; }
  std::vector<std::string> people() override { return {"adm1", "c1", "c2", "c3", "c4", "c5", "so1", "w1"}; }
  std::string note_deviation(const std::string& person, const std::string& text) override {
    noted.push_back(person + ": " + text);
    return "It is on the record.";
  }
  void leaving(OperatorRefusal why) override { left.push_back(why); }

  [[nodiscard]] static FrameView usual_frame();
};

/// The real operator on a fake terminal, beside a fake desk, in the middle of a root genesis.
class Stage {
 public:
  Record record;
  FakeDesk desk;
  std::unique_ptr<Operator> op;

  explicit Stage(std::string_view typed, int cols = 80, int rows = 24);
  /// A step begins; what it says stands below its first question.
  void step(std::string_view says);
  void step_that_says();
  void quorum(std::vector<Seat> seats, std::string doing = "approve sign-certificate");
};

[[nodiscard]] const Words& digest_words();
[[nodiscard]] Passphrase passphrase_of(std::string_view text);

/// One screen of the golden ones. `play` asks; the keys of the stage bring it to the screen that is meant, where they end.
struct Screen {
  std::string name;  ///< the screen's id, and "+variant" where one id has several
  std::string keys;
  void (*play)(Stage&);
};
[[nodiscard]] const std::vector<Screen>& all_screens();
/// The last screen that was drawn before the keys ended.
[[nodiscard]] Grid played(const Screen& screen, int cols, int rows);

}  // namespace ceremony::tui::testing
