// The USB guard in a guest, moved by a test: usb_watch LOG COMMANDS [RULES].
//
// Appends a line to LOG for whatever comes and goes ("came 1-2 disk asked: …", "gone 1-2 disk"), and takes lines from COMMANDS, a FIFO:
// `ceremony`, `approve PORT`, `off PORT`, `end`; each is answered in LOG. It is also how a caller uses UsbGuard: look once, then after
// every event.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/files.h"
#include "media/linux_uevent.h"
#include "media/linux_usb.h"

namespace {

using namespace ceremony::media;

class Watch final {
 public:
  Watch(const std::string& log, const std::string& commands, UsbRules rules) : m_log(log, std::ios::app), m_guard(std::move(rules)) {
    look();
    if (::mkfifo(commands.c_str(), 0600) != 0) throw ceremony::Refused(UsbRefusal::failed, "no FIFO " + commands, "", "give another path");
    // For both ends, so that it never ends.
    m_commands = ::open(commands.c_str(), O_RDWR | O_CLOEXEC);
  }

  void run() {
    while (!m_ended) {
      ::pollfd waiting[] = {{m_events.descriptor(), POLLIN, 0}, {m_commands, POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
      if (waiting[0].revents != 0 && something_of_usb()) look();
      if (waiting[1].revents != 0) read_commands();
    }
  }

 private:
  bool something_of_usb() {
    bool found = false;
    try {
      while (const auto event = m_events.next(std::chrono::milliseconds(0))) found = found || event->subsystem == "usb";
    } catch (const ceremony::Refused&) {
      return true;  // lost or strange: look at everything
    }
    return found;
  }

  void look() {
    for (const auto& seen : m_guard.look()) {
      const auto what = seen.port + " " + std::string(text_of(seen.verdict.role));
      if (seen.news == UsbSeen::News::gone) say("gone " + what);
      else say("came " + what + (seen.on ? " on: " : seen.verdict.answer == UsbAnswer::ask ? " asked: " : " off: ") + seen.verdict.sentence + " " + shown(seen.product));
    }
  }

  void read_commands() {
    char piece[256];
    const auto got = ::read(m_commands, piece, sizeof piece);
    if (got > 0) m_typed.append(piece, static_cast<std::size_t>(got));
    for (auto end = m_typed.find('\n'); end != std::string::npos; end = m_typed.find('\n')) {
      const auto line = m_typed.substr(0, end);
      m_typed.erase(0, end + 1);
      try {
        take(line);
        say("done " + line);
      } catch (const ceremony::Refused& refused) {
        say("refused " + line + ": " + refused.findings().front().what);
      }
    }
  }

  void take(const std::string& line) {
    if (line == "end") m_ended = true;
    else if (line == "ceremony") m_guard.begin_ceremony();
    else if (line.starts_with("off ")) m_guard.turn_off(line.substr(4));
    else if (line.starts_with("approve ")) {
      unsigned number = 0;
      for (const auto& seen : m_guard.devices())
        if (seen.port == line.substr(8)) number = seen.number;
      m_guard.approve(line.substr(8), number);
    }
  }

  void say(const std::string& line) { m_log << line + "\n" << std::flush; }

  Uevents m_events;
  std::ofstream m_log;
  UsbGuard m_guard;
  int m_commands = -1;
  std::string m_typed;
  bool m_ended = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    std::string rules = "ceremony-usb/v1\n";
    if (argc > 3) {
      std::ifstream file(argv[3], std::ios::binary);
      rules.assign(std::istreambuf_iterator<char>(file), {});
    }
    Watch(argv[1], argv[2], parse_usb_rules(rules, argc > 3 ? argv[3] : "usb")).run();
  } catch (const ceremony::Refused& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 1;
  }
  return 0;
}
