// The USB devices of the machine, and which of them are switched on: the one place that writes `authorized`.
//
// Until then the kernel has read a device's descriptors and does nothing else with it: no driver is bound, no key arrives. The kernel is
// started with `usbcore.authorized_default=0`, so that no device is on before this looked at it.
// For the privileged process only. Has no thread and waits for nothing: the caller calls look() once, and again after every kernel
// event of the subsystem `usb` (linux_uevent.h), and after UeventRefusal::lost. A device that is pulled out meanwhile is gone, no more.
// Invariant: a device is on only if usb_policy.h said so about the descriptors it had when it was switched on: they are read, and
// `authorized` is written, below one open folder, which is no other device's when this one goes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "media/usb_policy.h"

namespace ceremony::media {

/// A device as it came or went.
struct UsbSeen {
  enum class News { came, gone };
  News news = News::came;
  std::string port;    ///< `2-1.4`
  unsigned number = 0; ///< that the kernel gave it on its bus; another one at the same port has another
  UsbModel model;
  std::string maker, product, serial;  ///< what it calls itself: any bytes, show them through shown() only
  UsbVerdict verdict;
  bool on = false;
};

class UsbFolder;

/// Gives the node that programs speak to this device through (`/dev/bus/usb/001/005`) to a group besides root; nobody else can open it, as
/// nobody can any other device's. Needs CAP_SETGID, or membership. Whether it was done: the device may be gone.
[[nodiscard]] bool give_usb_node(const std::string& port, unsigned number, gid_t group, const std::filesystem::path& dev = "/dev");

class UsbGuard final {
 public:
  /// Tells every root hub that devices are off until they are authorised. `sys` is /sys, or a tree like it in a test. Throws
  /// Refused{UsbRefusal::failed} where there is no USB or a root hub does not take that.
  explicit UsbGuard(UsbRules rules, std::filesystem::path sys = "/sys");

  /// What went since the last look, then what came, in the order of ports; devices that may be used at once have been switched on, or
  /// the verdict says what the kernel said instead. Devices that are on and were not switched on here (by the firmware's or the
  /// kernel's choice) are switched off first.
  [[nodiscard]] std::vector<UsbSeen> look();
  /// From now on what comes is asked about.
  void begin_ceremony() { m_phase = UsbPhase::ceremony; }

  /// People said yes to the device that was seen there. Throws Refused: {not_asked}; {gone} where it is out or another device is
  /// in its place; {failed}.
  void approve(const std::string& port, unsigned number);
  /// Switches a device off that is on; one that is gone is off.
  void turn_off(const std::string& port);

  /// All that are plugged in now.
  [[nodiscard]] std::vector<UsbSeen> devices() const;

 private:
  [[nodiscard]] UsbVerdict judged(const std::string& port, const UsbFolder& folder) const;
  void switch_on(UsbSeen& seen, const UsbFolder& folder);
  void forget(const UsbSeen& seen);
  [[nodiscard]] std::vector<std::string> ports() const;

  std::filesystem::path m_devices;
  UsbRules m_rules;
  UsbPhase m_phase = UsbPhase::boot;
  std::map<std::string, UsbSeen> m_seen;  ///< by port
  std::vector<UsbUsed> m_used;
};

}  // namespace ceremony::media
