#include "media/linux_uevent.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using test::fate;

/// A message as people write it: one line for what a zero byte ends.
std::string message(std::string text) {
  for (char& c : text)
    if (c == '\n') c = '\0';
  return text;
}

std::string fate_of(const std::string& text) {
  return fate([&] { (void)parse_uevent(message(text)); });
}

const std::string good = "add@/devices/usb1/1-1\nACTION=add\nDEVPATH=/devices/usb1/1-1\nSUBSYSTEM=usb\nDEVNAME=bus/usb/001/002\nNAME=a=\"b\" \xff\nSEQNUM=7\n";

/// The good message with one thing changed.
std::string with(const std::string& from, const std::string& to) {
  std::string out = good;
  const auto at = out.find(from);
  REQUIRE(at != std::string::npos);
  return out.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a kernel event is read, with whatever a device calls itself") {
  const auto event = parse_uevent(message(good));
  CHECK(event.action == UeventAction::add);
  CHECK(event.path == "/devices/usb1/1-1");
  CHECK(event.subsystem == "usb");
  CHECK(event.number == 7);
  CHECK(event.value("DEVNAME") == "bus/usb/001/002");
  CHECK(event.value("NAME") == "a=\"b\" \xff");
  CHECK(event.value("DEVTYPE").empty());
  for (const auto action : {UeventAction::add, UeventAction::remove, UeventAction::change, UeventAction::move, UeventAction::online, UeventAction::offline,
                            UeventAction::bind, UeventAction::unbind}) {
    auto other = event;
    other.action = action;
    other.values["ACTION"] = text_of(action);
    CHECK(parse_uevent(text_of(other)).action == action);
  }
}

TEST_CASE("anything else is not a kernel event") {
  CHECK(fate_of(good) == "done");
  CHECK(fate_of("") == "uevent/malformed");
  CHECK(fate_of("add@/devices/usb1/1-1\n") == "uevent/malformed");
  CHECK(fate_of(good.substr(0, good.size() - 1)) == "uevent/malformed");
  CHECK(fate_of(good + "\n") == "uevent/malformed");
  CHECK(fate_of(good + "NO VALUE\n") == "uevent/malformed");
  CHECK(fate_of(good + "lower=1\n") == "uevent/malformed");
  CHECK(fate_of(good + "=1\n") == "uevent/malformed");
  CHECK(fate_of(good + "SEQNUM=7\n") == "uevent/malformed");
  CHECK(fate_of(with("ACTION=add", "ACTION=remove")) == "uevent/malformed");
  CHECK(fate_of(with("ACTION=add", "ACTION=adds")) == "uevent/malformed");
  CHECK(fate_of(with("SUBSYSTEM=usb\n", "")) == "uevent/malformed");
  CHECK(fate_of(with("SEQNUM=7\n", "")) == "uevent/malformed");
  for (const char* number : {"", "-1", "+1", "07", "0x7", "7 ", "18446744073709551616"}) CHECK(fate_of(with("SEQNUM=7", std::string("SEQNUM=") + number)) == "uevent/malformed");
  CHECK(fate_of("libudev\n" + good) == "uevent/malformed");
}

TEST_CASE("the path of an event stays below /sys") {
  for (const std::string path : {"devices", "/", "//devices", "/devices/", "/devices/../../etc", "/devices/./usb1", "/.."}) {
    CAPTURE(path);
    CHECK(fate_of("add@" + path + "\nACTION=add\nDEVPATH=" + path + "\nSUBSYSTEM=usb\nSEQNUM=7\n") == "uevent/malformed");
  }
}

TEST_CASE("an event is not longer than the kernel makes them") {
  CHECK(fate_of(good + "X=" + std::string(longest_uevent - good.size() - 3, 'x') + "\n") == "done");
  CHECK(fate_of(good + "X=" + std::string(longest_uevent - good.size() - 2, 'x') + "\n") == "uevent/too-large");
}

}  // namespace ceremony::media
