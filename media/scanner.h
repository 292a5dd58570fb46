// Where QR frames come in: a camera or a hand scanner, one decoded frame at a time. Joining frames to a payload is pure
// and not the scanner's business.
// Never: decides what a frame means, or keeps one after handing it over.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace ceremony::media {

class Scanner {
 public:
  virtual ~Scanner() = default;
  /// What people call it.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The next frame's text, `A-Z 0-9` only and at most 4096 characters, or nothing after `patience`.
  /// Throws Refused where the device is gone.
  [[nodiscard]] virtual std::optional<std::string> next(std::chrono::milliseconds patience) = 0;
};

}  // namespace ceremony::media
