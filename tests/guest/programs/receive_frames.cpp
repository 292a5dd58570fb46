// The real screens on the real console of a guest, a keyboard and a scanner before it: receive_frames PORT OUT. Takes frames, scanned at that
// port or typed, and puts the payload into OUT.
#include <cstdio>
#include <fstream>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/linux_scanner.h"
#include "media/qr_frames.h"
#include "tui/tui_operator.h"

namespace {

class Frames final : public ceremony::FrameSink {
 public:
  std::string take(std::string_view line) override {
    try {
      return m_collector.take(line).says;
    } catch (const ceremony::Refused& refused) {
      return refused.findings().front().what;
    }
  }
  bool complete() const override { return m_collector.complete(); }
  [[nodiscard]] const ceremony::Bytes& payload() const { return m_collector.payload(); }

 private:
  ceremony::media::FrameCollector m_collector;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace ceremony;
  if (argc != 3) return 2;
  try {
    const auto node = media::event_node_at(argv[1]);
    if (!node) return 3;
    const auto scanner = media::open_linux_scanner("/dev/input/" + *node);
    const auto people = tui::make_tui_operator(tui::make_curses_terminal(std::chrono::seconds(300), scanner.get()));
    Frames frames;
    if (!people->receive({"frames.test", "administrator", "Scan the frames, or type them."}, frames)) return 4;
    const auto& payload = frames.payload();
    std::ofstream(argv[2], std::ios::binary).write(reinterpret_cast<const char*>(payload.data()), static_cast<std::streamsize>(payload.size()));
  } catch (const Refused& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 1;
  }
  return 0;
}
