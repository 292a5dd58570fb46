// What a hand scanner types, as text: keys of a US keyboard, whatever layout the console has.
//
// Pure. A scanner presses keys; which character a key is, its layout decides, and ours is fixed: US. A scanner that is set to another
// layout gives other characters, and the frame's first ones say so (qr_frames.h).
// Invariants: a line is printable ASCII, at most 4,096 characters; a key that is no character of ASCII is a "?", which no frame has.
#pragma once

#include <optional>
#include <string>

#include "media/scanner.h"

namespace ceremony::media {

class ScannerKeys final {
 public:
  /// A key as evdev gives it (linux/input-event-codes.h): `value` 0 released, 1 pressed, 2 repeated. The line, once Enter is pressed.
  /// Throws Refused{ScannerRefusal::too_long} or {lost} instead; the line is forgotten then, and the next one is a new one.
  [[nodiscard]] std::optional<std::string> take(unsigned code, int value);
  /// Keys did not arrive: what is being typed is not whole, up to its Enter.
  void lost();

 private:
  std::string m_line;
  bool m_left = false, m_right = false, m_capitals = false;  ///< shifts that are held, caps lock
  bool m_lost = false, m_too_long = false;
};

}  // namespace ceremony::media
