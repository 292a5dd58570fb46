#include "media/usb_policy.h"

#include <algorithm>
#include <array>

namespace ceremony::media {
namespace {

// Of the USB forum's list of classes.
constexpr std::uint8_t by_interface = 0x00, hid = 0x03, storage = 0x08, hub = 0x09, smart_card = 0x0b, miscellaneous = 0xef;
constexpr UsbClass boot_keyboard{hid, 1, 1};

struct ClassName {
  std::uint8_t base;
  std::string_view name;
};
constexpr std::array<ClassName, 21> class_names{{{0x01, "sound"},          {0x02, "network or modem"}, {hid, "keys or pointer"}, {0x05, "force feedback"}, {0x06, "camera"},
                                                 {0x07, "printer"},        {storage, "disk"},          {hub, "hub"},             {0x0a, "network or modem data"},
                                                 {smart_card, "card reader"}, {0x0d, "content security"}, {0x0e, "video"},       {0x0f, "health"}, {0x10, "sound and video"},
                                                 {0x11, "billboard"},      {0x12, "USB-C bridge"},     {0xdc, "diagnostic"},     {0xe0, "radio"}, {miscellaneous, "miscellaneous"},
                                                 {0xfe, "application"},    {0xff, "vendor's own"}}};

std::string name_of_class(UsbClass kind) {
  const auto* found = std::ranges::find(class_names, kind.base, &ClassName::base);
  return (found == class_names.end() ? "unknown" : std::string(found->name)) + ", " + text_of(kind);
}

bool is_disk(UsbClass kind) {
  // SCSI over bulk-only (BOT) or UAS; the other command sets are those of floppy drives and old card readers.
  return kind == UsbClass{storage, 6, 0x50} || kind == UsbClass{storage, 6, 0x62} || kind == UsbClass{storage, 2, 0x50} || kind == UsbClass{storage, 5, 0x50};
}
bool is_reader(UsbClass kind) { return kind == UsbClass{smart_card, 0, 0}; }
bool is_hub(UsbClass kind) { return kind.base == hub && kind.sub == 0; }
bool is_hid(UsbClass kind) { return kind.base == hid; }

template <typename Test>
bool all(const UsbDevice& device, Test test) {
  return std::ranges::all_of(device.interfaces, test, &UsbInterface::kind);
}

/// A device's class says nothing, or the same as its interfaces: drivers look at both.
bool agrees(const UsbDevice& device) {
  const auto base = device.kind.base;
  return base == by_interface || (base == miscellaneous && device.kind == UsbClass{miscellaneous, 2, 1}) ||
         all(device, [&](UsbClass kind) { return kind.base == base; });
}

const UsbUsed* used_as(std::span<const UsbUsed> used, UsbRole role) {
  const auto found = std::ranges::find_if(used, [&](const UsbUsed& one) { return one.role == role && one.there; });
  return found == used.end() ? nullptr : &*found;
}

std::string what_it_is(const UsbDevice& device, const std::string& port, std::string_view role) {
  return "the " + std::string(role) + " " + text_of(device.model) + " at port " + port;
}

UsbVerdict refuse(const UsbDevice& device, const std::string& port, const std::string& why) {
  return {UsbAnswer::refuse, UsbRole::none, "the USB device " + text_of(device.model) + " at port " + port + " stays off: " + why};
}

UsbVerdict by_phase(UsbRole role, UsbPhase phase, const std::string& it) {
  if (phase == UsbPhase::boot) return {UsbAnswer::authorise, role, it + " is used"};
  return {UsbAnswer::ask, role, it + " came during the ceremony; it stays off until you say that it is yours"};
}

UsbVerdict scanner(const UsbDevice& device, const std::string& port, std::span<const UsbUsed> used, std::string_view name) {
  if (const auto* other = used_as(used, UsbRole::scanner))
    return refuse(device, port, "it types, and one keyboard and one scanner (port " + other->port + ") are enough");
  return {UsbAnswer::ask, UsbRole::scanner, what_it_is(device, port, name) + " types as a keyboard does; it stays off unless you say that it is the scanner, and is read as that only"};
}

UsbVerdict typing(const UsbDevice& device, const std::string& port, std::span<const UsbUsed> used, UsbPhase phase) {
  if (std::ranges::none_of(device.interfaces, [](UsbClass kind) { return kind == boot_keyboard; }, &UsbInterface::kind))
    return refuse(device, port, "it is no keyboard that works at boot, nor anything else that is used (" + name_of_class(device.interfaces.front().kind) + ")");
  const auto keyboard = std::ranges::find(used, UsbRole::keyboard, &UsbUsed::role);
  if (keyboard == used.end()) {
    if (phase == UsbPhase::boot) return {UsbAnswer::authorise, UsbRole::keyboard, what_it_is(device, port, "keyboard") + " is used"};
    return refuse(device, port, "there was no keyboard at boot, and none is taken later; restart the machine with the keyboard plugged in");
  }
  // A keyboard whose cable fell out: there is no other one to answer a question with.
  if (!keyboard->there) {
    if (keyboard->port == port && keyboard->model == device.model)
      return {UsbAnswer::authorise, UsbRole::keyboard, what_it_is(device, port, "keyboard") + " is back and used again"};
    return refuse(device, port, "the keyboard is " + text_of(keyboard->model) + " at port " + keyboard->port + "; put that one back where it was");
  }
  return scanner(device, port, used, "second keyboard");
}

UsbVerdict listed(const UsbDevice& device, const std::string& port, std::span<const UsbUsed> used, const UsbListed& line, UsbPhase phase) {
  if (line.kinds.empty()) {
    if (!all(device, is_hid)) return refuse(device, port, "it has the number of the scanner " + line.name + " and is more than a keyboard");
    return scanner(device, port, used, "scanner");
  }
  for (const auto& interface : device.interfaces)
    if (!line.kinds.contains(interface.kind))
      return refuse(device, port, "it has the number of " + line.name + " and an interface that " + line.name + " has not (" + name_of_class(interface.kind) + ")");
  return by_phase(UsbRole::listed, phase, what_it_is(device, port, line.name));
}

/// The sentence about a device that is none of those that are used.
std::string why_unknown(const UsbDevice& device) {
  std::set<UsbClass> kinds;
  for (const auto& interface : device.interfaces) kinds.insert(interface.kind);
  std::string out;
  for (const auto kind : kinds) out += (out.empty() ? "" : "; ") + name_of_class(kind);
  if (!agrees(device)) return "it calls itself one thing (" + name_of_class(device.kind) + ") and is another (" + out + ")";
  return (kinds.size() == 1 ? "nothing of its kind is used (" : "it is several things at once, and not all of them are used (") + out + ")";
}

}  // namespace

std::string_view text_of(UsbRole role) {
  switch (role) {
    case UsbRole::hub: return "hub";
    case UsbRole::keyboard: return "keyboard";
    case UsbRole::scanner: return "scanner";
    case UsbRole::reader: return "card reader";
    case UsbRole::disk: return "disk";
    case UsbRole::listed: return "listed device";
    case UsbRole::none: return "unknown device";
  }
  return "?";
}

UsbVerdict decide(const UsbDevice& device, const std::string& port, std::span<const UsbUsed> used, const UsbRules& rules, UsbPhase phase) {
  if (!agrees(device)) return refuse(device, port, why_unknown(device));
  const auto line = std::ranges::find(rules.listed, device.model, &UsbListed::model);
  if (line != rules.listed.end()) return listed(device, port, used, *line, phase);
  // What hangs on a hub is decided about by itself.
  if (all(device, is_hub)) return {UsbAnswer::authorise, UsbRole::hub, what_it_is(device, port, "hub") + " is used; what is plugged into it is looked at by itself"};
  if (all(device, is_hid)) return typing(device, port, used, phase);
  if (all(device, is_disk)) return by_phase(UsbRole::disk, phase, what_it_is(device, port, "disk"));
  if (all(device, is_reader)) {
    // Whose card would be in which of two is not to be guessed.
    if (const auto* first = used_as(used, UsbRole::reader))
      return {UsbAnswer::ask, UsbRole::reader, what_it_is(device, port, "second card reader") + " stays off until you say that it is needed beside the one at port " + first->port};
    return by_phase(UsbRole::reader, phase, what_it_is(device, port, "card reader"));
  }
  return refuse(device, port, why_unknown(device));
}

}  // namespace ceremony::media
