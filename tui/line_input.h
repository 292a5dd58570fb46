// What people type, byte by byte from a terminal or a pipe, without a stream's buffer in between: a secret must not stay
// behind in one. While this lives, SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGWINCH are no longer delivered but read here, so
// that nothing kills a ceremony half-way and nothing leaves the terminal broken.
//
// A scanner, where there is one, is read beside: what it reads never becomes bytes that somebody typed.
//
// Throws Refused{OperatorRefusal}: end_of_input where the other side is gone, interrupted for SIGTERM and SIGHUP, idle after
// the time given of waiting without a byte.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include "media/scanner.h"

namespace ceremony::tui {

/// scanned: a line, whole. scan_failed: a sentence on what is wrong with the scanner, or with what it read.
enum class Event { byte, interrupt, suspend, resized, quiet, scanned, scan_failed };

class LineInput final {
 public:
  /// `in` outlives it and is not closed, and so does the scanner, which may be null. `idle`: how long nobody may touch a key or
  /// scan.
  LineInput(int in, std::chrono::seconds idle, media::Scanner* scanner = nullptr);
  ~LineInput();
  LineInput(const LineInput&) = delete;
  LineInput& operator=(const LineInput&) = delete;

  struct Read {
    Event event;
    unsigned char byte = 0;
    std::string text{};
  };
  /// The next byte or signal. `wait`: `quiet` comes after that long without either; without it only idleness ends the wait.
  [[nodiscard]] Read next(std::optional<std::chrono::milliseconds> wait = std::nullopt);

 private:
  [[nodiscard]] std::optional<Read> from_scanner();

  int m_in;
  media::Scanner* m_scanner;  ///< null when it is gone
  int m_signals;
  sigset_t m_before{};
  std::chrono::milliseconds m_idle;
  std::chrono::steady_clock::duration m_silent{};  ///< waited for a byte since the last one
};

}  // namespace ceremony::tui
