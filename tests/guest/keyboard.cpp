// The USB keyboard, read as a scanner will be: grabbed, so that nothing reaches the console.
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

/// Event nodes that have letters.
std::vector<std::string> keyboards() {
  std::vector<std::string> found;
  if (!std::filesystem::is_directory("/dev/input")) return found;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/input")) {
    if (!entry.path().filename().string().starts_with("event")) continue;
    const int node = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(node >= 0);
    unsigned char keys[KEY_MAX / 8 + 1]{};
    if (::ioctl(node, EVIOCGBIT(EV_KEY, sizeof keys), keys) >= 0 && (keys[KEY_A / 8] >> (KEY_A % 8) & 1)) found.push_back(entry.path());
    ::close(node);
  }
  return found;
}

}  // namespace

TEST_CASE("one keyboard is there, and what it types is read from its event node", "[keyboard]") {
  const auto found = keyboards();
  REQUIRE(found.size() == 1);
  const int node = ::open(found[0].c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(node >= 0);
  REQUIRE(::ioctl(node, EVIOCGRAB, 1) == 0);
  std::ofstream("/run/listening").flush();
  std::vector<int> pressed;
  while (pressed.empty() || pressed.back() != KEY_ENTER) {
    ::pollfd waiting{node, POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 30'000) == 1);
    ::input_event event{};
    REQUIRE(::read(node, &event, sizeof event) == sizeof event);
    if (event.type == EV_KEY && event.value == 1) pressed.push_back(event.code);
  }
  CHECK(pressed == std::vector<int>{KEY_C, KEY_A, KEY_1, KEY_LEFTSHIFT, KEY_B, KEY_ENTER});
  ::close(node);
}
