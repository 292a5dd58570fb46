// Keys at random, for half a minute, from three places of a ceremony. The seed is printed; CEREMONY_MONKEY_SEED takes it back.
#include <signal.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>

#include "room.h"

namespace {

std::string random_key(std::mt19937& dice) {
  static const std::vector<std::string> keys{"\r", "\r", "\r", " ", " ", "y", "n", "a", "q", "/", "?", "l", "s", "\x1b", "\x1b[A", "\x1b[B", "\x1b[B", "\x1bOB", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F",
                                             "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[[A", "\x1b[200~", "\x1b[<0;1;1M", "\t", "\x7f", "\x03", "\x13", "\x1a", "\x11", "\x04", "\x15", "\x07", "\x0e", "\x0c",
                                             "\x14", "so1", "w1", "factory-a", "\xc3\xa9", "\xe2\x82\xac", "\xff", "\xc3", "\xf0\x9f", "again", "STO", "c1 c2 c3"};
  if (std::uniform_int_distribution<int>(0, 9)(dice) == 0) return std::string(1, static_cast<char>(std::uniform_int_distribution<int>(1, 255)(dice)));
  return keys[std::uniform_int_distribution<std::size_t>(0, keys.size() - 1)(dice)];
}

}  // namespace

TEST_CASE("random keys break neither the program nor the ledgers", "[monkey]") {
  const char* given = std::getenv("CEREMONY_MONKEY_SEED");
  const auto seed = given == nullptr ? std::random_device()() : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  std::cout << "CEREMONY_MONKEY_SEED=" << seed << std::endl;
  INFO("CEREMONY_MONKEY_SEED=" << seed);
  std::mt19937 dice(seed);
  tty::Room room;
  for (const int answers : {0, 12, 40}) {
    auto face = room.screens("root-genesis", {80, 24}, "xterm-256color", {"--idle", "1"});
    auto& screen = face->screen;
    // Further in each time; where the ceremony stands after the keys before is where it goes on.
    for (int i = 0; i < answers && !face->question().empty() && face->question() != "finished" && !face->question().ends_with(".refused"); ++i) room.answer(*face);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end && !screen.ended()) {
      if (std::uniform_int_distribution<int>(0, 60)(dice) == 0) screen.resize(std::uniform_int_distribution<int>(0, 1)(dice) == 0 ? tty::Size{70, 20} : tty::Size{100, 30});
      screen.press(random_key(dice));
      screen.wait("a screen that waits", [] { return true; });
    }
    if (!screen.ended()) screen.child().signal(SIGTERM);
    screen.wait("the end", [&] { return screen.ended(); });
    INFO(screen.text());
    CHECK(screen.child().exit_code() <= 2);
    CHECK(face->received().find("Sanitizer") == std::string::npos);
    CHECK(face->received().find("runtime error") == std::string::npos);
    CHECK(screen.modes_are_as_before());
    room.has_a_status();
  }
}
