// What the kernel says when a device comes, changes or goes: the message and the socket it arrives on.
//
// Message (Linux, lib/kobject_uevent.c): `ACTION@DEVPATH` and then lines `KEY=VALUE`, each ended by a zero byte. ACTION,
// DEVPATH, SUBSYSTEM and SEQNUM are always there and agree with the head. Values may hold what a device calls itself, so any
// bytes: show them through shown() only.
// Never: runs a helper, as udev does; opens a device; believes a message that the kernel did not send.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ceremony::media {

enum class UeventRefusal {
  malformed,   ///< not a message as above
  too_large,
  lost,        ///< messages came faster than they were read: look at all of /sys again
  failed,      ///< the socket itself
};
[[nodiscard]] constexpr std::string_view name_of(UeventRefusal code) {
  switch (code) {
    case UeventRefusal::malformed: return "uevent/malformed";
    case UeventRefusal::too_large: return "uevent/too-large";
    case UeventRefusal::lost: return "uevent/lost";
    case UeventRefusal::failed: return "uevent/failed";
  }
  return "uevent/?";
}

enum class UeventAction { add, remove, change, move, online, offline, bind, unbind };
[[nodiscard]] std::string_view text_of(UeventAction action);

struct Uevent {
  UeventAction action = UeventAction::add;
  std::string path;       ///< below /sys: absolute, no empty, `.` or `..` part
  std::string subsystem;  ///< `block`, `usb`, `input`, …
  std::uint64_t number = 0;
  std::map<std::string, std::string> values;  ///< all of them, those above too

  /// Empty where there is none.
  [[nodiscard]] std::string value(const std::string& key) const;
};

/// The kernel's buffer for the values is 2048 bytes; a path is not longer than 4096.
inline constexpr std::size_t longest_uevent = 8192;

/// Throws Refused{malformed} or {too_large}.
[[nodiscard]] Uevent parse_uevent(std::string_view message);
/// The bytes of the message that would be parsed to this, values in the order of their keys.
[[nodiscard]] std::string text_of(const Uevent& event);

/// Listens from its construction on. Throws Refused{failed}.
class Uevents final {
 public:
  Uevents();
  ~Uevents();
  Uevents(const Uevents&) = delete;
  Uevents& operator=(const Uevents&) = delete;

  /// The next message, or nothing after `patience`. Throws Refused: {lost}, {failed}, and what parse_uevent throws.
  [[nodiscard]] std::optional<Uevent> next(std::chrono::milliseconds patience);
  /// To poll beside others.
  [[nodiscard]] int descriptor() const { return m_socket; }

 private:
  int m_socket;
};

}  // namespace ceremony::media
