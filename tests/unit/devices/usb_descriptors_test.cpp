#include <catch2/catch_test_macros.hpp>

#include "media/usb_descriptors.h"
#include "tests/unit/devices/usb_bytes.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using test::configuration;
using test::device;
using test::interface;

std::string kinds_of(const UsbDevice& device) {
  std::string out;
  for (const auto& one : device.interfaces)
    out += std::to_string(one.configuration) + "." + std::to_string(one.number) + "." + std::to_string(one.alternate) + " " + text_of(one.kind) + "\n";
  return out;
}

std::string fate_of(const Bytes& file) {
  return ceremony::test::fate([&] { (void)parse_usb_descriptors(file); });
}

/// A good file with one byte changed.
std::string with_byte(std::size_t at, unsigned value) {
  auto file = device("0951:1666", {configuration(1, {interface(0, "08/06/50", 2)})});
  REQUIRE(at < file.size());
  file[at] = static_cast<std::uint8_t>(value);
  return fate_of(file);
}

}  // namespace

TEST_CASE("devices as the kernel shows them") {
  // QEMU's, read in a guest.
  const auto read = [](const char* text) { return parse_usb_descriptors(unhex(text).value()); };
  const auto stick = read("1201000300000009f446010000000102030109022c00010106c0000904000002080650000705810200040006300f0000000705020200040006300f000000");
  CHECK(stick.model == UsbModel{0x46f4, 0x0001});
  CHECK(kinds_of(stick) == "1.0.0 08/06/50\n");
  const auto keyboard = read("120100020000004027060100000001040b0109022200010108a032090400000103010100092111010001223f0007058103080007");
  CHECK(text_of(keyboard.model) == "0627:0001");
  CHECK(kinds_of(keyboard) == "1.0.0 03/01/01\n");
  const auto hub = read("12011001090000080904aa5501010102030109021900010100e000090400000109000000070581030200ff");
  CHECK(hub.kind == UsbClass{9, 0, 0});
  CHECK(kinds_of(hub) == "1.0.0 09/00/00\n");
  const auto reader = read("1201100100000040e608334400000102030109025d00010100e03209040000030b00000436211001000701000000a00f000000000100008025000000c2010000fe0000000000000000000000fe04010012000100ffff00000101070581034000ff0705820240000007050302400000");
  CHECK(kinds_of(reader) == "1.0.0 0b/00/00\n");
  const auto network = read("12010002020000402505a2a4000001020a0209024300020209c03209040000010202ff06052400100105240100010424020005240600010705810310002009040100020a000004070582024000000705020240000009025000020107c032090400000102060005052400100105240600010d240f0300000000ea050000000705810310002009040100000a00000009040101020a0000040705820240000007050202400000");
  CHECK(kinds_of(network) == "2.0.0 02/02/ff\n2.1.0 0a/00/00\n1.0.0 02/06/00\n1.1.0 0a/00/00\n1.1.1 0a/00/00\n");
}

TEST_CASE("every configuration and every setting of an interface counts") {
  const auto seen = parse_usb_descriptors(device("0525:a4a2",
                                                 {configuration(2, {interface(0, "02/02/ff"), interface(1, "0a/00/00", 2)}, 2),
                                                  configuration(2, {interface(0, "02/06/00"), interface(1, "0a/00/00", 0), interface(1, "0a/00/00", 2, 1)}, 1)},
                                                 "02/00/00"));
  CHECK(seen.kind == UsbClass{2, 0, 0});
  CHECK(kinds_of(seen) == "2.0.0 02/02/ff\n2.1.0 0a/00/00\n1.0.0 02/06/00\n1.1.0 0a/00/00\n1.1.1 0a/00/00\n");
}

TEST_CASE("descriptors that do not agree with themselves are refused") {
  const auto good = device("0951:1666", {configuration(1, {interface(0, "08/06/50", 2)})});
  REQUIRE(fate_of(good) == "done");
  // Cut at every byte, and one byte too many.
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(fate_of(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))) == "usb/malformed");
  }
  auto longer = good;
  longer.push_back(0);
  CHECK(fate_of(longer) == "usb/malformed");
  const struct {
    const char* what;
    std::size_t at;
    unsigned value;
  } damages[] = {{"length of the device", 0, 17},         {"type of the device", 1, 2},           {"no configuration", 17, 0},         {"a second configuration", 17, 2},
                 {"nine configurations", 17, 9},          {"length of the configuration", 18, 8}, {"type of the configuration", 19, 4}, {"whole length too long", 20, 33},
                 {"whole length too short", 20, 31},      {"whole length shorter than its head", 20, 8}, {"whole length of 16 bits", 21, 1}, {"two interfaces announced", 22, 2},
                 {"none announced", 22, 0},               {"configuration 0", 23, 0},             {"length of the interface", 27, 8},  {"an interface that is a device", 28, 1},
                 {"an interface that is a configuration", 28, 2}, {"no interface", 28, 0x24},     {"number of the interface", 29, 32}, {"setting 1 alone", 30, 1},
                 {"one endpoint announced", 31, 1},       {"three endpoints announced", 31, 3},   {"length of an endpoint", 36, 6},    {"a descriptor of length 0", 36, 0},
                 {"a descriptor of length 1", 36, 1},     {"an endpoint that is none", 37, 0x24}, {"the last one longer", 43, 8}};
  for (const auto& damage : damages) {
    CAPTURE(damage.what);
    CHECK(with_byte(damage.at, damage.value) == "usb/malformed");
  }
  CHECK(with_byte(32, 3) == "done");   // another class is another device
  CHECK(with_byte(29, 31) == "done");  // numbers may have gaps
}

TEST_CASE("what is there twice, or in the wrong place, is refused") {
  CHECK(fate_of(device("0951:1666", {configuration(1, {interface(0, "08/06/50"), interface(0, "03/01/01")})})) == "usb/malformed");
  CHECK(fate_of(device("0951:1666", {configuration(1, {interface(0, "08/06/50")}), configuration(1, {interface(0, "08/06/50")})})) == "usb/malformed");
  CHECK(fate_of(device("0951:1666", {configuration(1, {interface(0, "08/06/50")}, 1), configuration(1, {interface(0, "08/06/50")}, 2)})) == "done");
  CHECK(fate_of(device("0951:1666", {configuration(1, {{7, 5, 0x81, 2, 0, 2, 0}, interface(0, "08/06/50", 0)})})) == "usb/malformed");
  CHECK(fate_of(device("0951:1666", {configuration(0, {})})) == "usb/malformed");
  CHECK(fate_of(Bytes(longest_descriptors + 1)) == "usb/malformed");
}

TEST_CASE("numbers of models and classes are written in one way") {
  CHECK(usb_model_from("1050:0030") == UsbModel{0x1050, 0x30});
  for (const char* text : {"", "1050", "1050:003", "1050:00300", "10500030", "1050 0030", "105G:0030", "AB50:0030", " 050:0030", "+050:0030"}) CHECK_FALSE(usb_model_from(text));
  CHECK(usb_class_from("0b/00/ff") == UsbClass{0x0b, 0, 0xff});
  for (const char* text : {"", "0b", "0b/00", "0b/00/0", "0b/00/000", "0b:00:00", "0B/00/00", "0x/00/00"}) CHECK_FALSE(usb_class_from(text));
}

}  // namespace ceremony::media
