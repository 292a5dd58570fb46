// Where QR frames come in: a camera or a hand scanner, one decoded line at a time. What a line means, and joining frames to a payload,
// is pure and not the scanner's business.
// Never: decides what a line means, or keeps one after handing it over.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ceremony/ground/refused.h"

namespace ceremony::media {

enum class ScannerRefusal {
  not_one,   ///< no device that types
  busy,      ///< another program reads it
  gone,      ///< pulled out
  lost,      ///< keys were lost: read the code again
  too_long,  ///< more than a frame can be
};
[[nodiscard]] constexpr std::string_view name_of(ScannerRefusal code) {
  switch (code) {
    case ScannerRefusal::not_one: return "scanner/not-one";
    case ScannerRefusal::busy: return "scanner/busy";
    case ScannerRefusal::gone: return "scanner/gone";
    case ScannerRefusal::lost: return "scanner/lost";
    case ScannerRefusal::too_long: return "scanner/too-long";
  }
  return "scanner/?";
}

inline constexpr std::size_t longest_scan = 4096;

class Scanner {
 public:
  virtual ~Scanner() = default;
  /// What it calls itself: any bytes, show it through shown() only.
  [[nodiscard]] virtual std::string name() const = 0;
  /// To poll beside others; next() with no patience then takes what is there.
  [[nodiscard]] virtual int descriptor() const = 0;
  /// The next line: printable ASCII without its end, at most longest_scan characters; or nothing after `patience`.
  /// Throws Refused{ScannerRefusal}: {gone}, after which there is nothing more; {lost} and {too_long}, after which people read the code
  /// again.
  [[nodiscard]] virtual std::optional<std::string> next(std::chrono::milliseconds patience) = 0;
};

/// A place for a scanner that may be plugged in while people work: without one it has nothing to poll and reads nothing. One that is gone
/// is told as {lost}, since another may come.
class ScannerPlace final : public Scanner {
 public:
  void put(std::unique_ptr<Scanner> scanner) { m_scanner = std::move(scanner); }
  [[nodiscard]] std::string name() const override { return m_scanner ? m_scanner->name() : ""; }
  [[nodiscard]] int descriptor() const override { return m_scanner ? m_scanner->descriptor() : -1; }
  [[nodiscard]] std::optional<std::string> next(std::chrono::milliseconds patience) override {
    if (!m_scanner) return std::nullopt;
    try {
      return m_scanner->next(patience);
    } catch (const Refused& refusal) {
      if (!refusal.is(ScannerRefusal::gone)) throw;
      m_scanner.reset();
      throw Refused(ScannerRefusal::lost, refusal.findings());
    }
  }

 private:
  std::unique_ptr<Scanner> m_scanner;
};

}  // namespace ceremony::media
