#include <catch2/catch_test_macros.hpp>

#include "media/usb_policy.h"
#include "tests/unit/devices/usb_bytes.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using Kinds = std::vector<std::string>;

const std::string file =
    "ceremony-usb/v1\n"
    "# what this machine uses besides\n"
    "\n"
    "scanner 0c2e:0b61 Honeywell Voyager\n"
    "device 1050:0030 ff/00/00 YubiHSM 2\n"
    "device 20a0:4109 0b/00/00+ff/00/00 Nitrokey\n";

/// A machine on which devices come one after the other.
struct Machine {
  UsbPhase phase = UsbPhase::boot;
  std::vector<UsbUsed> used{};
  UsbRules rules = parse_usb_rules(file, "usb");

  UsbVerdict verdict(const std::string& port, const Kinds& kinds, const std::string& model = "abcd:0001", const std::string& kind = "00/00/00") const {
    return decide(parse_usb_descriptors(test::device_with(model, kinds, kind)), port, used, rules, phase);
  }
  /// "authorise keyboard"; what is authorised, or asked about and approved, is used from then on.
  std::string comes(const std::string& port, const Kinds& kinds, const std::string& model = "abcd:0001", bool approved = true) {
    const auto seen = verdict(port, kinds, model);
    INFO(seen.sentence);
    CHECK(seen.sentence.find("port " + port) != std::string::npos);
    CHECK(seen.sentence.find(model) != std::string::npos);
    const bool on = seen.answer == UsbAnswer::authorise || (seen.answer == UsbAnswer::ask && approved);
    if (on) used.push_back({port, usb_model_from(model).value(), seen.role});
    static constexpr const char* words[] = {"authorise", "ask", "refuse"};
    return std::string(words[static_cast<int>(seen.answer)]) + " " + std::string(text_of(seen.role));
  }
};

const Kinds keyboard{"03/01/01"}, office_keyboard{"03/01/01", "03/00/00"}, stick{"08/06/50"}, reader{"0b/00/00"}, hub{"09/00/01"};

}  // namespace

TEST_CASE("at boot a hub, one keyboard, a card reader and disks are used at once") {
  Machine machine;
  CHECK(machine.comes("1-1", hub) == "authorise hub");
  CHECK(machine.comes("1-1.1", office_keyboard) == "authorise keyboard");
  CHECK(machine.comes("1-1.2", stick) == "authorise disk");
  CHECK(machine.comes("1-1.3", {"08/06/50", "08/06/62"}) == "authorise disk");
  CHECK(machine.comes("1-2", reader) == "authorise card reader");
  CHECK(machine.comes("1-3", reader) == "ask card reader");
  CHECK(machine.comes("1-4", {"ff/00/00"}, "1050:0030") == "authorise listed device");
  CHECK(machine.comes("1-5", {"0b/00/00", "ff/00/00"}, "20a0:4109") == "authorise listed device");
}

TEST_CASE("in a ceremony what comes is asked about") {
  Machine machine;
  machine.phase = UsbPhase::ceremony;
  CHECK(machine.comes("1-1", stick) == "ask disk");
  CHECK(machine.comes("1-2", reader) == "ask card reader");
  CHECK(machine.comes("1-3", {"ff/00/00"}, "1050:0030") == "ask listed device");
  CHECK(machine.comes("1-4", hub) == "authorise hub");
}

TEST_CASE("a second keyboard is asked about as a scanner, and a third is refused") {
  for (const auto phase : {UsbPhase::boot, UsbPhase::ceremony}) {
    Machine machine;
    REQUIRE(machine.comes("1-1", keyboard) == "authorise keyboard");
    machine.phase = phase;
    CHECK(machine.comes("1-2", keyboard) == "ask scanner");
    CHECK(machine.comes("1-3", keyboard) == "refuse unknown device");
  }
}

TEST_CASE("a listed scanner is never the keyboard") {
  Machine machine;
  CHECK(machine.comes("1-1", keyboard, "0c2e:0b61", false) == "ask scanner");
  CHECK(machine.comes("1-2", keyboard) == "authorise keyboard");
  CHECK(machine.comes("1-1", keyboard, "0c2e:0b61") == "ask scanner");
  CHECK(machine.comes("1-3", {"03/01/01", "08/06/50"}, "0c2e:0b61") == "refuse unknown device");
}

TEST_CASE("a keyboard whose cable fell out is the keyboard again, and no other becomes it") {
  Machine machine;
  REQUIRE(machine.comes("1-1", keyboard) == "authorise keyboard");
  machine.phase = UsbPhase::ceremony;
  machine.used[0].there = false;
  CHECK(machine.comes("1-2", keyboard) == "refuse unknown device");
  CHECK(machine.comes("1-1", keyboard, "abcd:0002") == "refuse unknown device");
  CHECK(machine.verdict("1-1", keyboard).answer == UsbAnswer::authorise);
  CHECK(machine.verdict("1-1", keyboard).role == UsbRole::keyboard);
  // Where there was none at boot there is none later.
  Machine none;
  none.phase = UsbPhase::ceremony;
  CHECK(none.comes("1-1", keyboard) == "refuse unknown device");
}

TEST_CASE("one interface too many keeps a device off") {
  Machine machine;
  CHECK(machine.comes("1-1", {"08/06/50", "03/01/01"}) == "refuse unknown device");  // a stick that types
  CHECK(machine.comes("1-1", {"0b/00/00", "03/01/01"}) == "refuse unknown device");  // a reader that types
  CHECK(machine.comes("1-1", {"03/01/01", "02/06/00"}) == "refuse unknown device");  // a keyboard with a network
  CHECK(machine.comes("1-1", {"09/00/00", "08/06/50"}) == "refuse unknown device");
  CHECK(machine.comes("1-1", {"0b/00/00", "08/06/50"}) == "refuse unknown device");
  // Nor does a listed number help.
  CHECK(machine.comes("1-1", {"ff/00/00", "03/01/01"}, "1050:0030") == "refuse unknown device");
  CHECK(machine.comes("1-1", {"08/06/50"}, "1050:0030") == "refuse unknown device");
  // An alternate setting or a second configuration is an interface too.
  const auto twice = test::device("abcd:0001", {test::configuration(1, {test::interface(0, "08/06/50"), test::interface(0, "03/01/01", 1, 1)})});
  CHECK(decide(parse_usb_descriptors(twice), "1-1", {}, {}, UsbPhase::boot).answer == UsbAnswer::refuse);
  const auto both = test::device("abcd:0001", {test::configuration(1, {test::interface(0, "08/06/50")}, 1), test::configuration(1, {test::interface(0, "02/06/00")}, 2)});
  CHECK(decide(parse_usb_descriptors(both), "1-1", {}, {}, UsbPhase::boot).answer == UsbAnswer::refuse);
}

TEST_CASE("a device that calls itself something else than its interfaces do stays off") {
  const Machine machine;
  CHECK(machine.verdict("1-1", stick, "abcd:0001", "09/00/00").answer == UsbAnswer::refuse);
  CHECK(machine.verdict("1-1", stick, "abcd:0001", "ff/00/00").answer == UsbAnswer::refuse);
  CHECK(machine.verdict("1-1", stick, "abcd:0001", "ef/02/02").answer == UsbAnswer::refuse);
  CHECK(machine.verdict("1-1", stick, "abcd:0001", "ef/02/01").answer == UsbAnswer::authorise);
  CHECK(machine.verdict("1-1", stick, "abcd:0001", "08/00/00").answer == UsbAnswer::authorise);
}

TEST_CASE("everything else stays off, in both phases") {
  for (const auto phase : {UsbPhase::boot, UsbPhase::ceremony})
    for (unsigned base = 0; base < 256; ++base)
      for (const unsigned sub : {0U, 1U, 2U, 6U, 255U})
        for (const unsigned protocol : {0U, 1U, 2U, 0x50U, 0x62U, 255U}) {
          const UsbClass kind{static_cast<std::uint8_t>(base), static_cast<std::uint8_t>(sub), static_cast<std::uint8_t>(protocol)};
          Machine machine;
          machine.phase = phase;
          machine.used.push_back({"9-9", {1, 1}, UsbRole::keyboard});
          const bool known = (base == 9 && sub == 0) || kind == UsbClass{3, 1, 1} || kind == UsbClass{0x0b, 0, 0} || kind == UsbClass{8, 6, 0x50} ||
                             kind == UsbClass{8, 6, 0x62} || kind == UsbClass{8, 2, 0x50};
          CAPTURE(text_of(kind));
          CHECK((machine.verdict("1-1", {text_of(kind)}).answer != UsbAnswer::refuse) == known);
        }
}

TEST_CASE("people read what a device is and why it stays off") {
  Machine machine;
  CHECK(machine.verdict("1-1", {"02/06/00", "0a/00/00"}, "0525:a4a2", "02/00/00").sentence ==
        "the USB device 0525:a4a2 at port 1-1 stays off: it calls itself one thing (network or modem, 02/00/00) and is another (network or modem, 02/06/00; network or modem data, 0a/00/00)");
  CHECK(machine.verdict("1-1", {"e0/01/01"}).sentence == "the USB device abcd:0001 at port 1-1 stays off: nothing of its kind is used (radio, e0/01/01)");
  CHECK(machine.verdict("1-1", {"08/06/50", "03/01/01"}).sentence ==
        "the USB device abcd:0001 at port 1-1 stays off: it is several things at once, and not all of them are used (keys or pointer, 03/01/01; disk, 08/06/50)");
  CHECK(machine.verdict("1-1", {"03/01/02"}).sentence ==
        "the USB device abcd:0001 at port 1-1 stays off: it is no keyboard that works at boot, nor anything else that is used (keys or pointer, 03/01/02)");
  machine.phase = UsbPhase::ceremony;
  CHECK(machine.verdict("1-1", stick).sentence == "the disk abcd:0001 at port 1-1 came during the ceremony; it stays off until you say that it is yours");
}

TEST_CASE("the file of devices is read") {
  const auto rules = parse_usb_rules(file, "usb");
  REQUIRE(rules.listed.size() == 3);
  CHECK(rules.listed[0].kinds.empty());
  CHECK(rules.listed[0].name == "Honeywell Voyager");
  CHECK(rules.listed[2].kinds == std::set<UsbClass>{{0x0b, 0, 0}, {0xff, 0, 0}});
  CHECK(parse_usb_rules("ceremony-usb/v1\n", "usb").listed.empty());
}

TEST_CASE("a file of devices with mistakes says all of them, with their lines") {
  try {
    (void)parse_usb_rules("ceremony-usb/v2\nkeyboard 0001:0001 x\ndevice 1:1 ff/00/00 x\ndevice 0002:0001 ff x\ndevice 0002:0002 03/01/01 x\n"
                          "device 0002:0003 ff/00/00+0b/00/00 x\ndevice 0002:0004 ff/00/00 \nscanner 0002:0005  x\nscanner 0002:0006 x\nscanner 0002:0006 y\ndevice 0002:0007 ff/00/00 x",
                          "usb");
    FAIL("taken");
  } catch (const Refused& refused) {
    CHECK(refused.is(UsbRefusal::rules));
    std::string said;
    for (const auto& finding : refused.findings()) said += finding.where + ": " + finding.what + "\n";
    CHECK(said ==
          "usb:1: the first line is \"ceremony-usb/v2\"\n"
          "usb:2: the line begins with \"keyboard\"\n"
          "usb:3: the number is \"1:1\"\n"
          "usb:4: the interfaces are \"ff\"\n"
          "usb:5: the interface 03/01/01 is one that no line lets in\n"
          "usb:6: the interfaces are \"ff/00/00+0b/00/00\"\n"
          "usb:7: the name is \"\"\n"
          "usb:8: the name is \" x\"\n"
          "usb:10: 0002:0006 stands behind 0002:0006\n"
          "usb:11: the last line does not end\n");
    for (const auto& finding : refused.findings()) CHECK_FALSE(finding.hint.empty());
  }
}

TEST_CASE("a file of devices that is none is refused") {
  const auto fate_of = [](const std::string& text) { return ceremony::test::fate([&] { (void)parse_usb_rules(text, "usb"); }); };
  const std::string head = "ceremony-usb/v1\n";
  CHECK(fate_of(head) == "done");
  for (const std::string& text : {std::string(), std::string("\n"), head.substr(0, head.size() - 1), "\n" + head, "ceremony-usb/v1\r\n" + head, head + " device 0002:0007 ff/00/00 x\n",
                                 head + "device\t0002:0007 ff/00/00 x\n", head + "device 0002:0007\n", head + "device 0002:0007 ff/00/00+ x\n", head + "device 0002:0007 ff/00/00+ff/00/00 x\n",
                                 head + "device 0002:0007 e0/01/01 x\n", head + "device 0002:0007 09/00/00 x\n", head + "device 0002:0007 ff/00/00 " + std::string(41, 'x') + "\n",
                                 head + "device 0002:0007 ff/00/00 x \n", head + "device 0002:0007 ff/00/00 \xff\n", head + std::string(65536, '#') + "\n"}) {
    CAPTURE(text.substr(0, 80));
    CHECK(fate_of(text) == "usb/rules");
  }
}

}  // namespace ceremony::media
