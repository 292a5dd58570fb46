// The first console before and after the people's program: a few lines of text, and the Enter key.
#pragma once

#include <string>
#include <string_view>

namespace ceremony::init {

class Screen final {
 public:
  /// Makes tty1 the controlling terminal and standard input, output and error of this process, and gives it to the people's user.
  /// Nothing is thrown: where there is no console nothing can be said either, and the kernel's log has it.
  Screen();

  /// Empties the screen.
  void clear();
  /// Writes a line.
  void say(std::string_view line);
  /// What is typed until Enter, at most 80 bytes of it; what was typed before is not in it.
  std::string read_line();
  /// The same, with a line written when keys are taken already.
  std::string ask(std::string_view line);
};

}  // namespace ceremony::init
