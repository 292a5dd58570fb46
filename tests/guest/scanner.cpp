// A second keyboard, read as a scanner. The host plugs it in, says its port in /run/port, and scans what stands in /run/frames
// (tests/e2e/test_guest.py).
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/linux_scanner.h"
#include "media/qr_frames.h"

using namespace ceremony;

namespace {

template <typename Work>
std::string fate(Work work) {
  try {
    work();
  } catch (const Refused& refused) {
    return std::string(refused.code());
  }
  return "done";
}

}  // namespace

TEST_CASE("frames are read from the scanner that is plugged in, until it is pulled out", "[scanner]") {
  std::string port;
  REQUIRE(std::ifstream("/run/port") >> port);
  const auto node = media::event_node_at(port);
  REQUIRE(node);
  const auto scanner = media::open_linux_scanner("/dev/input/" + *node);
  CHECK(scanner->name() == "QEMU QEMU USB Keyboard");
  CHECK(fate([&] { (void)media::open_linux_scanner("/dev/input/" + *node); }) == "scanner/busy");
  CHECK(scanner->next(std::chrono::milliseconds(0)) == std::nullopt);

  Bytes payload;
  for (unsigned i = 0; i < 60; ++i) payload.push_back(static_cast<std::uint8_t>(i * 7));
  const auto frames = media::frames(media::PayloadKind::checkpoint, payload, 80);
  REQUIRE(frames.size() == 2);
  {
    std::ofstream file("/run/frames");
    for (const auto& frame : frames) file << frame << "\n";
  }
  std::ofstream("/run/listening").flush();
  media::FrameCollector collector;
  for (const auto& frame : frames) {
    const auto line = scanner->next(std::chrono::seconds(60));
    REQUIRE(line);
    CHECK(*line == frame);
    (void)collector.take(*line);
  }
  REQUIRE(collector.complete());
  CHECK(collector.payload() == payload);

  std::ofstream("/run/done").flush();
  CHECK(fate([&] { (void)scanner->next(std::chrono::seconds(60)); }) == "scanner/gone");
}

TEST_CASE("what does not type is no scanner", "[keyboard]") {
  // The power button has keys too.
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/input")) {
    const auto name = entry.path().filename().string();
    std::string what;
    if (!name.starts_with("event")) continue;
    std::getline(std::ifstream(entry.path() / "device/name"), what);
    if (what == "Power Button") CHECK(fate([&] { (void)media::open_linux_scanner("/dev/input/" + name); }) == "scanner/not-one");
  }
}
