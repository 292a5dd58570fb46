// A program on a terminal of its own, and what a person in front of it sees: characters on a grid (libvterm), and keys.
// Everything waits for what the screen shows; the only clock is a deadline after which a test fails with the screen as it is.
#pragma once

#include <sys/types.h>
#include <termios.h>
#include <vterm.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tty {

using Command = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;  ///< added to the test's own

struct Size {
  int cols = 80, rows = 24;
};

/// A child and its end. Ends it, if it still runs, when it goes.
class Child final {
 public:
  explicit Child(pid_t pid);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int fd() const { return m_fd; }  ///< readable once it has ended
  [[nodiscard]] bool ended();
  /// Waits for the end. 128 and the signal's number where a signal was it.
  [[nodiscard]] int exit_code();
  /// Whether it waits for something (a key, as a rule) instead of working.
  [[nodiscard]] bool sleeps() const;
  void signal(int number) const;

 private:
  pid_t m_pid;
  int m_fd;
  int m_code = -1;
};

/// Never comes back: becomes the command, in a folder.
[[noreturn]] void become(const Command& command, const Environment& environment, const std::string& folder);

class Screen final {
 public:
  Screen(const Command& command, Environment environment, const std::string& folder, Size size, const std::string& term);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] std::string row(int y) const { return row(y, m_size.cols); }
  [[nodiscard]] std::string text() const;
  /// What a camera in front of it sees: PGM, every character as 4 × 8 points in the colours that the terminal was told.
  [[nodiscard]] std::string picture() const;
  /// What stands left of the cursor in its row.
  [[nodiscard]] std::string before_cursor() const;
  /// The part of a row that is the question's: right of the step list.
  [[nodiscard]] std::string task(int y) const;
  [[nodiscard]] std::string id() const;  ///< of the question, from the corner
  [[nodiscard]] bool shows(std::string_view text) const { return this->text().find(text) != std::string::npos; }
  [[nodiscard]] Size size() const { return m_size; }

  void press(std::string_view keys);
  /// Until the program waits for a key and `wanted` is on the screen; `what` is said where that never comes.
  void wait(const std::string& what, const std::function<bool()>& wanted);
  /// Presses, and waits until anything but the title has changed, or the program ended.
  void press_and_see(std::string_view keys);
  /// Where the program ends instead, that is fine too.
  [[nodiscard]] bool ended();
  void resize(Size size);
  void hang_up();
  [[nodiscard]] termios modes() const;
  /// As a terminal is before a program changes it.
  [[nodiscard]] bool modes_are_as_before() const;
  [[nodiscard]] Child& child() { return m_child; }
  [[nodiscard]] const std::string& term() const { return m_term; }

  /// What the terminal receives from now on is for one person alone. Kept apart from the rest.
  void alone(bool yes) { m_alone = yes; }
  [[nodiscard]] const std::string& received() const { return m_public; }
  [[nodiscard]] const std::string& received_alone() const { return m_private; }

 private:
  [[nodiscard]] std::string row(int y, int cols) const;
  bool pump(int milliseconds);  ///< whether anything came
  [[noreturn]] void give_up(const std::string& what);

  Size m_size;
  std::string m_term;
  int m_master = -1;
  int m_slave = -1;  // kept open: what the terminal was set to can be asked after the program's end
  Child m_child;
  VTerm* m_vterm;
  VTermScreen* m_screen;
  std::string m_public, m_private;
  bool m_alone = false;
  unsigned long m_changes = 0;  ///< of what is below the title, in which the clock goes on by itself
};

}  // namespace tty
