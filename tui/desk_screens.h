// The screen under every question, and what people may do whatever is asked: read help, transcript and state, note a
// deviation, pause. A question gives its body and takes the keys that are left for it.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "ceremony/operator.h"
#include "tui/terminal.h"
#include "tui/view.h"

namespace ceremony::tui {

class DeskScreens {
 public:
  explicit DeskScreens(Terminal& terminal) : m_terminal(terminal) {}

  void attend(Desk* desk);
  void begin_step(const StepView& step);
  void progress(std::string_view doing);

 protected:
  /// What a question puts on the screen. `typing`: letters are text. `secret`: nothing but this is shown or done here.
  struct Asked {
    std::string id, who;
    std::vector<Line> body;
    std::vector<Line> below;  ///< to be read with it, but what is asked comes first
    std::optional<std::size_t> follow;
    std::optional<Field> field;
    Line status;
    std::string keys;
    bool typing = false, secret = false, moves = false;  ///< moves: Up and Down are the question's own
    bool scans = false;                                  ///< what a scanner reads is the question's own
    std::size_t scroll = 0;
    std::size_t longest = 900;  ///< bytes that can be typed
  };

  /// Draws and reads until a key comes that is the question's own; everything else happens in here.
  [[nodiscard]] Key next_key(Asked& asked);
  /// Lines to read, with Up, Down and `/` to search; until Esc, Enter or q.
  void read_long(const std::string& id, const std::string& title, const std::vector<std::string>& lines);
  /// A line of text that is no secret; nothing where people leave it with Esc and `may_leave`.
  [[nodiscard]] std::optional<std::string> read_line(Asked& asked, std::string text, bool may_leave);
  /// What such a line becomes with that key, if it is one that edits.
  static void edit(std::string& text, const Key& key, std::size_t longest);
  /// A page further down, if the screen has lines that were not seen yet; false at the end.
  [[nodiscard]] bool read_on(Asked& asked) const;
  /// The codes, one after the other, until Esc.
  void show_codes(const std::string& id, const std::vector<Code>& codes, const Words& words);
  [[nodiscard]] Terminal& terminal() { return m_terminal; }
  [[nodiscard]] const std::deque<std::string>& log() const { return m_log; }
  /// What the machine last did, where no question has said it yet.
  [[nodiscard]] std::string news();
  void draw(Asked& asked);

 private:
  [[nodiscard]] View around(const Asked& asked);
  [[nodiscard]] Key read();
  [[nodiscard]] bool global(const Key& key, const Asked& asked);
  void note_deviation();
  void pause();
  [[noreturn]] void leave(OperatorRefusal why, const char* what);

  Terminal& m_terminal;
  Desk* m_desk = nullptr;
  FrameView m_frame;  ///< as the desk last had it: the last word of a ceremony comes when the desk is gone
  Time m_now{};
  StepView m_step;
  std::deque<std::string> m_log;
  bool m_news = false;
  std::size_t m_page = 1;
  bool m_more = false;  ///< the last screen drawn has lines below
  bool m_at_desk = false;  ///< help, pause or another desk screen is up: none opens on top of it
};

/// The lines of a text, in order.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);
/// The same with the lines of a paragraph joined, so that they are wrapped to the screen; indented lines stay their own.
[[nodiscard]] std::vector<std::string> paragraphs_of(std::string_view text);

}  // namespace ceremony::tui
