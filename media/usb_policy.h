// Which USB devices are used: a decision about one device, from what it says it is, what is used already, and the file of devices
// that this CA's machine may use besides.
//
// A device says what it is, and may lie: a stick that says it is a keyboard types. So what counts is not what a device is sold
// as but everything a driver could be bound to, and one interface too many keeps all of it off. Before people are there (boot) the
// machine takes one keyboard, a card reader and disks; in a ceremony whatever comes is first shown and asked about.
// Pure. FORMAT.md has the grammar of the file.
// Never: switches anything on (linux_usb.h does), believes a name that a device gives itself.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "media/usb_descriptors.h"

namespace ceremony::media {

enum class UsbPhase { boot, ceremony };
enum class UsbRole {
  hub,
  keyboard,
  scanner,  ///< a keyboard as well, which is read in another way (scanner.h) and never as the keyboard
  reader,   ///< of smart cards
  disk,
  listed,   ///< one of the file
  none,
};
/// As people call it: `hub`, `keyboard`, `scanner`, `card reader`, `disk`, `listed device`, `unknown device`.
[[nodiscard]] std::string_view text_of(UsbRole role);

enum class UsbAnswer {
  authorise,  ///< at once, and shown
  ask,        ///< stays off until people said yes
  refuse,     ///< stays off; goes on the record
};

struct UsbVerdict {
  UsbAnswer answer = UsbAnswer::refuse;
  UsbRole role = UsbRole::none;
  std::string sentence;  ///< for the people and the record
};

/// A line of the file.
struct UsbListed {
  UsbModel model;
  std::set<UsbClass> kinds;  ///< its interfaces, all of them; empty: a scanner
  std::string name;
};
struct UsbRules {
  std::vector<UsbListed> listed;  ///< by model, each once
};
/// `name` stands before line numbers in what is refused. Throws Refused{UsbRefusal::rules} with every mistake of the file.
[[nodiscard]] UsbRules parse_usb_rules(std::string_view text, const std::string& name);

/// A device that is used. A keyboard stays in the list when it was pulled out, with `there` false: it may come back.
struct UsbUsed {
  std::string port;
  UsbModel model;
  UsbRole role = UsbRole::none;
  bool there = true;
};

/// `port`: where it is plugged in. The device itself is not among `used`, unless it is a keyboard that comes back.
[[nodiscard]] UsbVerdict decide(const UsbDevice& device, const std::string& port, std::span<const UsbUsed> used, const UsbRules& rules, UsbPhase phase);

}  // namespace ceremony::media
