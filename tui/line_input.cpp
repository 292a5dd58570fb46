#include "tui/line_input.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "ceremony/operator.h"

namespace ceremony::tui {
namespace {

constexpr auto hint = "run the same command again: the ceremony goes on where it stopped";

}  // namespace

LineInput::LineInput(int in, std::chrono::seconds idle, media::Scanner* scanner) : m_in(in), m_scanner(scanner), m_idle(idle) {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH, SIGQUIT}) ::sigaddset(&ours, signal);
  ::sigprocmask(SIG_BLOCK, &ours, &m_before);
  m_signals = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

LineInput::~LineInput() {
  if (m_signals >= 0) ::close(m_signals);
  ::sigprocmask(SIG_SETMASK, &m_before, nullptr);
}

std::optional<LineInput::Read> LineInput::from_scanner() {
  try {
    auto line = m_scanner->next(std::chrono::milliseconds(0));
    if (!line) return std::nullopt;  // not whole yet
    return Read{Event::scanned, 0, std::move(*line)};
  } catch (const Refused& refusal) {
    // The ceremony goes on without it: frames can be typed.
    if (refusal.is(media::ScannerRefusal::gone)) m_scanner = nullptr;
    const auto& finding = refusal.findings().front();
    return Read{Event::scan_failed, 0, finding.what + "; " + finding.hint};
  }
}

LineInput::Read LineInput::next(std::optional<std::chrono::milliseconds> wait) {
  using std::chrono::milliseconds;
  const auto begun = std::chrono::steady_clock::now();
  auto counted = begun;
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    // Time in which the machine worked and nobody could be waited for is no silence.
    m_silent += now - counted;
    counted = now;
    const auto idle_left = std::chrono::duration_cast<milliseconds>(m_idle - m_silent);
    if (idle_left <= milliseconds(0)) {
      m_silent = {};
      throw Refused(OperatorRefusal::idle, "nobody touched a key for " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(m_idle).count()) + " s", "", "unlock to go on");
    }
    auto left = idle_left;
    if (wait) {
      const auto wait_left = std::chrono::duration_cast<milliseconds>(begun + *wait - now);
      if (wait_left < milliseconds(0)) return {Event::quiet};
      left = std::min(left, wait_left);
    }
    // poll takes no notice of a descriptor below 0.
    std::array<pollfd, 3> fds{{{m_in, POLLIN, 0}, {m_signals, POLLIN, 0}, {m_scanner == nullptr ? -1 : m_scanner->descriptor(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left.count() + 1, 60000)));
    if (ready < 0 && errno != EINTR) throw Refused(OperatorRefusal::end_of_input, "the terminal cannot be read any more", "", hint);
    if (ready <= 0) continue;
    if ((fds[1].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(m_signals, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
      switch (static_cast<int>(info.ssi_signo)) {
        case SIGINT: case SIGQUIT: return {Event::interrupt};
        case SIGTSTP: return {Event::suspend};
        case SIGWINCH: return {Event::resized};
        default: throw Refused(OperatorRefusal::interrupted, "the program was told to end", "", hint);
      }
    }
    if (fds[2].revents != 0) {
      m_silent = {};
      if (auto scanned = from_scanner()) return std::move(*scanned);
    }
    if (fds[0].revents == 0) continue;
    unsigned char byte = 0;
    const auto got = ::read(m_in, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Refused(OperatorRefusal::end_of_input, "the input ended in the middle of the ceremony", "", hint);
    m_silent = {};
    return {Event::byte, byte};
  }
}

}  // namespace ceremony::tui
