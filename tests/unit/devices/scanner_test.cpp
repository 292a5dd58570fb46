#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <unistd.h>

#include "media/linux_scanner.h"
#include "media/qr_frames.h"
#include "media/scanner_keys.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

struct Meaning {
  unsigned key;
  char plain, shifted;
};
// The US keyboard, key by key.
constexpr Meaning keyboard[] = {
    {KEY_GRAVE, '`', '~'}, {KEY_1, '1', '!'}, {KEY_2, '2', '@'}, {KEY_3, '3', '#'}, {KEY_4, '4', '$'}, {KEY_5, '5', '%'}, {KEY_6, '6', '^'}, {KEY_7, '7', '&'},
    {KEY_8, '8', '*'}, {KEY_9, '9', '('}, {KEY_0, '0', ')'}, {KEY_MINUS, '-', '_'}, {KEY_EQUAL, '=', '+'}, {KEY_Q, 'q', 'Q'}, {KEY_W, 'w', 'W'}, {KEY_E, 'e', 'E'},
    {KEY_R, 'r', 'R'}, {KEY_T, 't', 'T'}, {KEY_Y, 'y', 'Y'}, {KEY_U, 'u', 'U'}, {KEY_I, 'i', 'I'}, {KEY_O, 'o', 'O'}, {KEY_P, 'p', 'P'}, {KEY_LEFTBRACE, '[', '{'},
    {KEY_RIGHTBRACE, ']', '}'}, {KEY_BACKSLASH, '\\', '|'}, {KEY_A, 'a', 'A'}, {KEY_S, 's', 'S'}, {KEY_D, 'd', 'D'}, {KEY_F, 'f', 'F'}, {KEY_G, 'g', 'G'},
    {KEY_H, 'h', 'H'}, {KEY_J, 'j', 'J'}, {KEY_K, 'k', 'K'}, {KEY_L, 'l', 'L'}, {KEY_SEMICOLON, ';', ':'}, {KEY_APOSTROPHE, '\'', '"'}, {KEY_Z, 'z', 'Z'},
    {KEY_X, 'x', 'X'}, {KEY_C, 'c', 'C'}, {KEY_V, 'v', 'V'}, {KEY_B, 'b', 'B'}, {KEY_N, 'n', 'N'}, {KEY_M, 'm', 'M'}, {KEY_COMMA, ',', '<'}, {KEY_DOT, '.', '>'},
    {KEY_SLASH, '/', '?'}, {KEY_SPACE, ' ', ' '}, {KEY_KP0, '0', '0'}, {KEY_KP1, '1', '1'}, {KEY_KP2, '2', '2'}, {KEY_KP3, '3', '3'}, {KEY_KP4, '4', '4'},
    {KEY_KP5, '5', '5'}, {KEY_KP6, '6', '6'}, {KEY_KP7, '7', '7'}, {KEY_KP8, '8', '8'}, {KEY_KP9, '9', '9'}, {KEY_KPDOT, '.', '.'}, {KEY_KPPLUS, '+', '+'},
    {KEY_KPMINUS, '-', '-'}, {KEY_KPASTERISK, '*', '*'}, {KEY_KPSLASH, '/', '/'}};

/// A scanner with fingers.
struct Typing {
  ScannerKeys keys;
  std::optional<std::string> press(unsigned key) {
    auto line = keys.take(key, 1);
    CHECK_FALSE(keys.take(key, 0));
    return line;
  }
  std::optional<std::string> shifted(unsigned key, unsigned shift = KEY_LEFTSHIFT) {
    CHECK_FALSE(keys.take(shift, 1));
    auto line = press(key);
    CHECK_FALSE(keys.take(shift, 0));
    return line;
  }
  void type(std::string_view text) {
    for (const char c : text) {
      const auto* found = std::ranges::find_if(keyboard, [&](const Meaning& one) { return one.plain == c || one.shifted == c; });
      REQUIRE(found != std::end(keyboard));
      CHECK_FALSE((found->plain == c ? press(found->key) : shifted(found->key)).has_value());
    }
  }
  std::string line(std::string_view text) {
    type(text);
    return press(KEY_ENTER).value_or("no line");
  }
  std::string fate_of_enter() {
    return test::fate([&] { (void)keys.take(KEY_ENTER, 1); });
  }
};

}  // namespace

TEST_CASE("each key of a US keyboard is its character") {
  for (const auto& [key, plain, shifted] : keyboard) {
    CAPTURE(key, plain, shifted);
    Typing scanner;
    CHECK_FALSE(scanner.press(key));
    CHECK_FALSE(scanner.shifted(key));
    CHECK_FALSE(scanner.shifted(key, KEY_RIGHTSHIFT));
    CHECK(scanner.press(KEY_ENTER) == std::string{plain, shifted, shifted});
  }
}

TEST_CASE("every other key is no character of a frame, and none ends a line but Enter") {
  for (unsigned key = 0; key <= KEY_MAX; ++key) {
    if (key == KEY_ENTER || key == KEY_KPENTER || std::ranges::find(keyboard, key, &Meaning::key) != std::end(keyboard)) continue;
    CAPTURE(key);
    Typing scanner;
    CHECK_FALSE(scanner.press(key));
    const auto line = scanner.press(KEY_KPENTER);
    REQUIRE(line);
    const bool modifies = key == KEY_LEFTSHIFT || key == KEY_RIGHTSHIFT || key == KEY_LEFTCTRL || key == KEY_RIGHTCTRL || key == KEY_LEFTALT || key == KEY_RIGHTALT ||
                          key == KEY_LEFTMETA || key == KEY_RIGHTMETA || key == KEY_NUMLOCK || key == KEY_CAPSLOCK;
    CHECK(*line == (modifies ? "" : "?"));
  }
}

TEST_CASE("shift counts while it is held, caps lock until it is pressed again, a key that is held counts once") {
  Typing scanner;
  CHECK_FALSE(scanner.keys.take(KEY_LEFTSHIFT, 1));
  scanner.type("a");
  CHECK_FALSE(scanner.keys.take(KEY_RIGHTSHIFT, 1));
  CHECK_FALSE(scanner.keys.take(KEY_LEFTSHIFT, 0));
  scanner.type("b1");
  CHECK_FALSE(scanner.keys.take(KEY_LEFTSHIFT, 2));
  CHECK_FALSE(scanner.keys.take(KEY_LEFTSHIFT, 0));
  CHECK_FALSE(scanner.keys.take(KEY_RIGHTSHIFT, 0));
  scanner.type("c");
  CHECK_FALSE(scanner.press(KEY_CAPSLOCK));
  scanner.type("de1");
  CHECK_FALSE(scanner.shifted(KEY_F));
  CHECK_FALSE(scanner.press(KEY_CAPSLOCK));
  CHECK_FALSE(scanner.keys.take(KEY_G, 1));
  for (int i = 0; i < 9; ++i) CHECK_FALSE(scanner.keys.take(KEY_G, 2));
  CHECK(scanner.press(KEY_ENTER) == "AB!cDE1fg");
}

TEST_CASE("lines follow one another, empty ones too") {
  Typing scanner;
  CHECK(scanner.line("KCYZ1 one") == "KCYZ1 one");
  CHECK(scanner.press(KEY_ENTER)->empty());
  CHECK(scanner.line("2") == "2");
}

TEST_CASE("a line in which keys were lost, or that does not end, is refused at its Enter, and the next one is whole") {
  Typing scanner;
  scanner.type("KC");
  scanner.keys.lost();
  scanner.type("Z1");
  CHECK(scanner.fate_of_enter() == "scanner/lost");
  CHECK(scanner.line("KCYZ1") == "KCYZ1");
  for (std::size_t i = 0; i < longest_scan; ++i) (void)scanner.press(KEY_7);
  CHECK(scanner.press(KEY_ENTER)->size() == longest_scan);
  for (std::size_t i = 0; i < 3 * longest_scan; ++i) (void)scanner.press(KEY_7);
  CHECK(scanner.fate_of_enter() == "scanner/too-long");
  CHECK(scanner.line("KCYZ1") == "KCYZ1");
}

TEST_CASE("a frame that a scanner types is the frame, and one of a German scanner says what to do") {
  const auto frame = frames(PayloadKind::digest, Bytes(32, 7), 100).at(0);
  Typing scanner;
  FrameCollector collector;
  (void)collector.take(scanner.line(frame));
  CHECK(collector.complete());
  // It looks for the keys of a German keyboard: Y and Z are where ours has Z and Y.
  std::string german = frame;
  for (char& c : german) c = c == 'Y' ? 'Z' : c == 'Z' ? 'Y' : c;
  try {
    (void)FrameCollector().take(scanner.line(german));
    FAIL("taken");
  } catch (const Refused& refused) {
    CHECK(refused.is(QrRefusal::layout));
    CHECK(std::string(refused.what()) ==
          "error: the line begins with \"KCZY1\", and a frame begins with \"KCYZ1\": the layout of the keyboard or scanner swaps Y and Z\n"
          "hint: set the scanner and this machine to the same layout (US) and read the code again");
  }
}

TEST_CASE("what does not type is no scanner") {
  CHECK(test::fate([] { (void)open_linux_scanner("/dev/null"); }) == "scanner/not-one");
  CHECK(test::fate([] { (void)open_linux_scanner("/dev/input/nowhere"); }) == "scanner/not-one");
  CHECK(test::fate([] { (void)make_linux_scanner(-1); }) == "scanner/not-one");
}

TEST_CASE("the event node of a port is found, and not that of another device behind it") {
  const TempFolder sys;
  const auto node = [&](const std::string& name, const std::string& device, const std::string& keys) {
    const auto input = "devices/usb1/" + device + "/input/input-" + name;
    sys.put(input + "/capabilities/key", as_bytes(keys + "\n"));
    sys.runs("mkdir -p class/input '" + input + "/" + name + "' && ln -s .. '" + input + "/" + name + "/device' && ln -s '../../" + input + "/" + name + "' class/input/" + name);
  };
  const std::string letters = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe";
  node("event1", "1-1/1-1:1.0/0003:0627:0001.0001", letters);
  node("event12", "1-2/1-2.1/1-2.1:1.0/0003:0627:0001.0002", letters);
  node("event3", "1-2/1-2.1/1-2.1:1.1/0003:0627:0001.0003", "10000 0 0 0 0");  // volume keys
  node("event4", "1-3/1-3:1.0/0003:0627:0001.0004", "70000 0 0 0 0");          // a mouse
  sys.runs("mkdir class/input/eventful && ln -s nowhere class/input/event9");
  CHECK(event_node_at("1-1", sys.path()) == "event1");
  CHECK(event_node_at("1-2.1", sys.path()) == "event12");
  for (const char* port : {"", "1", "1-", "1-2", "1-3", "1-4", "1-1:1.0"}) CHECK_FALSE(event_node_at(port, sys.path()));
  CHECK_FALSE(event_node_at("1-1", sys.path() / "nowhere"));
}

}  // namespace ceremony::media
