// What a USB device says it is: the file `descriptors` of its folder in /sys/bus/usb/devices, which can be read before anything of
// the device is used.
//
// The file (Linux, Documentation/ABI/stable/sysfs-bus-usb; USB 2.0, chapter 9.6): the device descriptor, then for each
// configuration its descriptor and all that belongs to it, as the device sent them. Outside bytes, read strictly: lengths, types,
// counts and numbers have to agree. A device that gets its own descriptors wrong is refused, so what is decided about
// `interfaces` was decided about everything that a driver could be bound to.
// Pure. Throws Refused{UsbRefusal::malformed}.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::media {

enum class UsbRefusal {
  malformed,   ///< descriptors that do not agree with themselves
  rules,       ///< the file of devices that may be used
  gone,        ///< pulled out, or another device is in its place
  not_asked,   ///< nobody was to be asked about that device
  failed,      ///< the kernel did not do it
};
[[nodiscard]] constexpr std::string_view name_of(UsbRefusal code) {
  switch (code) {
    case UsbRefusal::malformed: return "usb/malformed";
    case UsbRefusal::rules: return "usb/rules";
    case UsbRefusal::gone: return "usb/gone";
    case UsbRefusal::not_asked: return "usb/not-asked";
    case UsbRefusal::failed: return "usb/failed";
  }
  return "usb/?";
}

/// What a driver is chosen by: class, subclass, protocol.
struct UsbClass {
  std::uint8_t base = 0, sub = 0, protocol = 0;
  friend auto operator<=>(const UsbClass&, const UsbClass&) = default;
};
/// `08/06/50`
[[nodiscard]] std::string text_of(UsbClass kind);
/// The class of that text; nothing where it is not written so.
[[nodiscard]] std::optional<UsbClass> usb_class_from(std::string_view text);

/// Vendor and product, as the USB forum numbers them; a device may lie about both.
struct UsbModel {
  std::uint16_t vendor = 0, product = 0;
  friend auto operator<=>(const UsbModel&, const UsbModel&) = default;
};
/// `1050:0030`
[[nodiscard]] std::string text_of(UsbModel model);
[[nodiscard]] std::optional<UsbModel> usb_model_from(std::string_view text);

struct UsbInterface {
  std::uint8_t configuration = 0, number = 0, alternate = 0;
  UsbClass kind;
};

struct UsbDevice {
  UsbModel model;
  UsbClass kind;                         ///< of the device; 00: look at the interfaces
  std::vector<UsbInterface> interfaces;  ///< of every configuration, alternates too; never empty
};

/// The kernel's limit for the file.
inline constexpr std::size_t longest_descriptors = 18 + 65535;

[[nodiscard]] UsbDevice parse_usb_descriptors(View file);

}  // namespace ceremony::media
