// What people type, byte by byte from a terminal or a pipe, without a stream's buffer in between: a secret must not stay
// behind in one. While this lives, SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGWINCH are no longer delivered but read here, so
// that nothing kills a ceremony half-way and nothing leaves the terminal broken.
//
// Throws Refused{OperatorRefusal}: end_of_input where the other side is gone, interrupted for SIGTERM and SIGHUP, idle after
// the time given of waiting without a byte.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>

namespace ceremony::tui {

enum class Event { byte, interrupt, suspend, resized, quiet };

class LineInput final {
 public:
  /// `in` outlives it and is not closed. `idle`: how long nobody may touch a key.
  LineInput(int in, std::chrono::seconds idle);
  ~LineInput();
  LineInput(const LineInput&) = delete;
  LineInput& operator=(const LineInput&) = delete;

  struct Read {
    Event event;
    unsigned char byte = 0;
  };
  /// The next byte or signal. `wait`: `quiet` comes after that long without either; without it only idleness ends the wait.
  [[nodiscard]] Read next(std::optional<std::chrono::milliseconds> wait = std::nullopt);

 private:
  int m_in;
  int m_signals;
  sigset_t m_before{};
  std::chrono::milliseconds m_idle;
  std::chrono::steady_clock::duration m_silent{};  ///< waited for a byte since the last one
};

}  // namespace ceremony::tui
