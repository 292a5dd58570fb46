#include <catch2/catch_test_macros.hpp>
#include <unistd.h>

#include "media/linux_usb.h"
#include "tests/unit/devices/usb_bytes.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using ceremony::test::fate;
using Kinds = std::vector<std::string>;

/// A /sys with one controller, and people who plug devices in.
struct Ports {
  TempFolder folder;
  unsigned next = 2;
  Ports() {
    folder.runs("mkdir -p bus/usb/devices devices/usb1 && ln -s ../../../devices/usb1 bus/usb/devices/usb1 && mkdir bus/usb/devices/1-0:1.0");
    put("devices/usb1/authorized_default", "1\n");
  }
  void put(const std::string& path, const std::string& text) const { folder.put(path, as_bytes(text)); }
  void plug(const std::string& port, const Bytes& descriptors, const std::string& on = "0\n") {
    const auto at = "devices/usb1/" + port;
    folder.runs("mkdir -p '" + at + "' && ln -sfn '../../../" + at + "' 'bus/usb/devices/" + port + "'");
    folder.put(at + "/descriptors", descriptors);
    put(at + "/authorized", on);
    put(at + "/devnum", std::to_string(next++) + "\n");
    put(at + "/idVendor", "abcd\n");
    put(at + "/idProduct", "0001\n");
    put(at + "/product", "Stick \x1b[2J\n");
  }
  void plug(const std::string& port, const Kinds& kinds, const std::string& on = "0\n") { plug(port, test::device_with("abcd:0001", kinds), on); }
  void unplug(const std::string& port) const { folder.runs("rm -r 'bus/usb/devices/" + port + "' 'devices/usb1/" + port + "'"); }
  [[nodiscard]] std::string is_on(const std::string& port) const { return as_text(folder.get("devices/usb1/" + port + "/authorized")).substr(0, 1); }
  [[nodiscard]] UsbGuard guard() const { return UsbGuard({}, folder.path()); }
};

/// "came 1-1 keyboard on, gone 1-2 disk"
std::string news(UsbGuard& guard) {
  std::string out;
  for (const auto& seen : guard.look())
    out += (out.empty() ? "" : ", ") + std::string(seen.news == UsbSeen::News::came ? "came " : "gone ") + seen.port + " " + std::string(text_of(seen.verdict.role)) + (seen.on ? " on" : "");
  return out;
}

unsigned number_at(const UsbGuard& guard, const std::string& port) {
  for (const auto& seen : guard.devices())
    if (seen.port == port) return seen.number;
  return 0;
}

const Kinds keyboard{"03/01/01"}, stick{"08/06/50"}, reader{"0b/00/00"}, hub{"09/00/01"}, network{"02/06/00"};

}  // namespace

TEST_CASE("a device's node is given to a group, and one that is gone is not") {
  const TempFolder dev;
  dev.put("bus/usb/002/005", {});
  dev.put("bus/usb/002/006", {});
  dev.runs("chmod 600 bus/usb/002/*");
  CHECK(give_usb_node("2-1.4", 5, ::getegid(), dev.path()));
  CHECK(dev.says("stat -c %a bus/usb/002/*") == "660\n600\n");
  CHECK(!give_usb_node("2-1.4", 7, ::getegid(), dev.path()));
  CHECK(!give_usb_node("2-1.4", 105, ::getegid(), dev.path()));
  CHECK(!give_usb_node("usb2", 5, ::getegid(), dev.path()));
}

TEST_CASE("controllers leave new devices off, and a machine without any is refused") {
  const Ports ports;
  const auto guard = ports.guard();
  CHECK(as_text(ports.folder.get("devices/usb1/authorized_default")) == "0\n");
  CHECK(fate([&] { UsbGuard({}, ports.folder.path() / "nowhere"); }) == "usb/failed");
  ports.folder.runs("rm devices/usb1/authorized_default && mkdir devices/usb1/authorized_default");
  CHECK(fate([&] { UsbGuard({}, ports.folder.path()); }) == "usb/failed");
}

TEST_CASE("what may be used at once is switched on, in the order of ports, and the rest stays off") {
  Ports ports;
  auto guard = ports.guard();
  ports.plug("1-10", keyboard);
  ports.plug("1-2", keyboard);
  ports.plug("1-3", network);
  ports.plug("1-1", hub);
  ports.plug("1-1.1", stick);
  CHECK(news(guard) == "came 1-1 hub on, came 1-1.1 disk on, came 1-2 keyboard on, came 1-3 unknown device, came 1-10 scanner");
  for (const auto& [port, on] : std::map<std::string, std::string>{{"1-1", "1"}, {"1-1.1", "1"}, {"1-2", "1"}, {"1-3", "0"}, {"1-10", "0"}}) CHECK(ports.is_on(port) == on);
  CHECK(news(guard).empty());
  CHECK(guard.devices().size() == 5);
  CHECK(guard.devices()[0].product == "Stick \x1b[2J");
}

TEST_CASE("in a ceremony a disk is on once people said yes, and the same device only") {
  Ports ports;
  auto guard = ports.guard();
  guard.begin_ceremony();
  ports.plug("1-1", stick);
  CHECK(news(guard) == "came 1-1 disk");
  const auto number = number_at(guard, "1-1");
  CHECK(fate([&] { guard.approve("1-2", number); }) == "usb/gone");
  CHECK(fate([&] { guard.approve("1-1", number + 1); }) == "usb/gone");
  // Another one in its place, before the guard has looked again.
  ports.unplug("1-1");
  ports.plug("1-1", stick);
  CHECK(fate([&] { guard.approve("1-1", number); }) == "usb/gone");
  CHECK(ports.is_on("1-1") == "0");
  CHECK(news(guard) == "gone 1-1 disk, came 1-1 disk");
  guard.approve("1-1", number_at(guard, "1-1"));
  CHECK(ports.is_on("1-1") == "1");
  guard.approve("1-1", number_at(guard, "1-1"));  // once more is no mistake
  guard.turn_off("1-1");
  CHECK(ports.is_on("1-1") == "0");
  guard.turn_off("1-1");
  guard.turn_off("1-7");
}

TEST_CASE("nobody can approve what is refused, nor two scanners") {
  Ports ports;
  auto guard = ports.guard();
  for (const char* port : {"1-1", "1-2", "1-3"}) ports.plug(port, keyboard);
  ports.plug("1-4", network);
  CHECK(news(guard) == "came 1-1 keyboard on, came 1-2 scanner, came 1-3 scanner, came 1-4 unknown device");
  CHECK(fate([&] { guard.approve("1-4", number_at(guard, "1-4")); }) == "usb/not-asked");
  guard.approve("1-2", number_at(guard, "1-2"));
  CHECK(fate([&] { guard.approve("1-3", number_at(guard, "1-3")); }) == "usb/not-asked");
  CHECK(ports.is_on("1-3") == "0");
  CHECK(ports.is_on("1-4") == "0");
}

TEST_CASE("what approving is about is decided about the descriptors that are there then") {
  Ports ports;
  auto guard = ports.guard();
  guard.begin_ceremony();
  ports.plug("1-1", stick);
  REQUIRE(news(guard) == "came 1-1 disk");
  ports.folder.put("devices/usb1/1-1/descriptors", test::device_with("abcd:0001", {"08/06/50", "03/01/01"}));
  CHECK(fate([&] { guard.approve("1-1", number_at(guard, "1-1")); }) == "usb/not-asked");
  CHECK(ports.is_on("1-1") == "0");
}

TEST_CASE("a keyboard that was pulled out comes back") {
  Ports ports;
  auto guard = ports.guard();
  ports.plug("1-1", keyboard);
  REQUIRE(news(guard) == "came 1-1 keyboard on");
  guard.begin_ceremony();
  ports.unplug("1-1");
  ports.plug("1-2", keyboard);
  CHECK(news(guard) == "gone 1-1 keyboard, came 1-2 unknown device");
  ports.plug("1-1", keyboard);
  CHECK(news(guard) == "came 1-1 keyboard on");
  CHECK(ports.is_on("1-2") == "0");
}

TEST_CASE("a device that is on before it was looked at is switched off, whenever that is seen") {
  Ports ports;
  auto guard = ports.guard();
  ports.plug("1-1", network, "1\n");
  CHECK(news(guard) == "came 1-1 unknown device");
  CHECK(ports.is_on("1-1") == "0");
  ports.put("devices/usb1/1-1/authorized", "1\n");
  CHECK(news(guard).empty());
  CHECK(ports.is_on("1-1") == "0");
}

TEST_CASE("a device whose descriptors are bad, or that is half gone, or that the kernel does not switch on, is no accident") {
  Ports ports;
  auto guard = ports.guard();
  ports.plug("1-1", Bytes{18, 1});
  ports.plug("1-2", stick);
  ports.folder.runs("rm devices/usb1/1-2/devnum");
  ports.plug("1-3", stick);
  ports.folder.runs("rm devices/usb1/1-3/descriptors");
  ports.folder.runs("ln -s nowhere bus/usb/devices/1-4");
  CHECK(news(guard) == "came 1-1 unknown device, came 1-3 unknown device");
  CHECK(guard.devices()[0].verdict.sentence == "the USB device at port 1-1 stays off: the USB device does not describe itself properly: a descriptor of length \"18\" is cut off");
  CHECK(ports.is_on("1-1") == "0");
}

}  // namespace ceremony::media
