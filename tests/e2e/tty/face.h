// What people do with a question, whatever face the ceremony has: screens or lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "screen.h"

namespace tty {

class Face {
 public:
  virtual ~Face() = default;
  /// The id of the question that waits for an answer; "" once the program has ended.
  [[nodiscard]] virtual std::string question() = 0;
  [[nodiscard]] virtual bool shows(std::string_view text) = 0;
  [[nodiscard]] virtual std::string last() = 0;  ///< what people see now
  virtual void read() = 0;                       ///< Enter
  virtual void yes() = 0;
  virtual void mark(const std::vector<std::string>& people) = 0;
  virtual void type(const std::string& text) = 0;
  virtual void secret(const std::string& text) = 0;
  [[nodiscard]] virtual std::string note_secret() = 0;  ///< writes down what is shown to one person
  virtual void retype_words() = 0;
  virtual void choose(const std::string& option) = 0;
  virtual void take_all() = 0;
  virtual void again() = 0;
  virtual void stop() = 0;   ///< pauses and stops, to be resumed
  virtual void abort() = 0;  ///< pauses and aborts
  virtual void back() = 0;
  virtual void deviation(const std::string& person, const std::string& text) = 0;
  [[nodiscard]] virtual int exit_code() = 0;
  [[nodiscard]] virtual std::string received() = 0;        ///< by everybody
  [[nodiscard]] virtual std::string received_alone() = 0;  ///< by the one person that a secret is for
};

/// Reads the screen alone, and presses keys.
class ScreenFace final : public Face {
 public:
  ScreenFace(const Command& command, const Environment& environment, const std::string& folder, Size size, const std::string& term)
      : screen(command, environment, folder, size, term) {}

  std::string question() override;
  bool shows(std::string_view text) override { return screen.shows(text); }
  std::string last() override { return screen.text(); }
  void read() override { screen.press_and_see("\r"); }
  void yes() override;
  void mark(const std::vector<std::string>& people) override;
  void type(const std::string& text) override;
  void secret(const std::string& text) override { screen.press_and_see(text + "\r"); }
  std::string note_secret() override;
  void retype_words() override;
  void choose(const std::string& option) override;
  void take_all() override { screen.press_and_see("\r"); }
  void again() override { screen.press_and_see("a"); }
  void stop() override { leave("STOP"); }
  void abort() override { leave("ABORT"); }
  void back() override { screen.press_and_see("\x1b"); }
  void deviation(const std::string& person, const std::string& text) override;
  int exit_code() override;
  std::string received() override { return screen.received(); }
  std::string received_alone() override { return screen.received_alone(); }

  /// Moves to the row of a list that begins with this, and stays there.
  void go_to(const std::string& name);
  void down() { screen.press_and_see(screen.term() == "linux" ? "\x1b[B" : "\x1bOB"); }
  void up() { screen.press_and_see(screen.term() == "linux" ? "\x1b[A" : "\x1bOA"); }
  void right() { screen.press_and_see(screen.term() == "linux" ? "\x1b[C" : "\x1bOC"); }
  void function(int number);

  Screen screen;

 private:
  void field(const std::string& text);
  void leave(const std::string& word);
};

/// Lines over pipes.
class PlainFace final : public Face {
 public:
  PlainFace(const Command& command, const Environment& environment, const std::string& folder);
  ~PlainFace() override;

  std::string question() override;
  bool shows(std::string_view text) override { return m_last.find(text) != std::string::npos; }
  std::string last() override { return m_last; }
  void read() override { say(""); }
  void yes() override { say("yes"); }
  void mark(const std::vector<std::string>& people) override;
  void type(const std::string& text) override { say(text); }
  void secret(const std::string& text) override { say(text); }
  std::string note_secret() override;
  void retype_words() override;
  void choose(const std::string& option) override;
  void take_all() override { say(""); }
  void again() override { say("again"); }
  void stop() override;
  void abort() override;
  void back() override { say("<"); }
  void deviation(const std::string& person, const std::string& text) override;
  int exit_code() override;
  std::string received() override { return m_public; }
  std::string received_alone() override { return m_private; }

  void say(const std::string& line);
  void wait_for_prompt();
  void close_output();  ///< nobody reads any more
  void close_input();
  Child& child() { return *m_child; }

 private:
  int m_in = -1, m_out = -1;
  std::unique_ptr<Child> m_child;
  std::string m_last;  ///< since the last answer
  std::string m_id;
  std::string m_public, m_private;
};

}  // namespace tty
