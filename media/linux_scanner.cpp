#include "media/linux_scanner.h"

#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <vector>

#include "ceremony/ground/refused.h"
#include "media/files.h"
#include "media/scanner_keys.h"

namespace ceremony::media {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void gone() {
  throw Refused(ScannerRefusal::gone, "the scanner is not there any more", "", "plug it in again, or type the frames");
}

/// Of a device's letters, where a keyboard has them all.
bool types(int node) {
  std::array<unsigned char, KEY_MAX / 8 + 1> keys{};
  if (::ioctl(node, EVIOCGBIT(EV_KEY, keys.size()), keys.data()) < 0) return false;
  return std::ranges::all_of(std::array{KEY_A, KEY_Z, KEY_0, KEY_LEFTSHIFT, KEY_ENTER},
                             [&](int key) { return (keys[static_cast<std::size_t>(key) / 8] >> (key % 8) & 1) != 0; });
}

class LinuxScanner final : public Scanner {
 public:
  LinuxScanner(int node, bool grabbed) : m_node(node) {
    try {
      errno = 0;
      if (!types(node)) {
        if (errno == ENODEV) gone();
        throw Refused(ScannerRefusal::not_one, "the device does not type", "", "plug in a scanner that is set to work as a USB keyboard");
      }
      if (!grabbed && ::ioctl(node, EVIOCGRAB, 1) != 0) {
        if (errno == EBUSY) throw Refused(ScannerRefusal::busy, "another program reads the scanner", "", "restart the machine");
        gone();
      }
      if (const int flags = ::fcntl(node, F_GETFL); flags < 0 || ::fcntl(node, F_SETFL, flags | O_NONBLOCK) != 0) gone();
      std::array<char, 256> name{};
      if (const int got = ::ioctl(node, EVIOCGNAME(name.size() - 1), name.data()); got > 0) m_name = name.data();
    } catch (...) {
      ::close(node);
      throw;
    }
  }
  ~LinuxScanner() override { ::close(m_node); }  // which releases it
  LinuxScanner(const LinuxScanner&) = delete;
  LinuxScanner& operator=(const LinuxScanner&) = delete;

  std::string name() const override { return m_name; }
  int descriptor() const override { return m_node; }

  std::optional<std::string> next(milliseconds patience) override {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + patience;
    while (true) {
      ::input_event event{};
      const auto got = ::read(m_node, &event, sizeof event);
      if (got == static_cast<ssize_t>(sizeof event)) {
        if (auto line = take(event)) return line;
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got >= 0 || errno != EAGAIN) gone();
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
      if (left <= 0) return std::nullopt;
      ::pollfd waiting{m_node, POLLIN, 0};
      (void)::poll(&waiting, 1, static_cast<int>(std::min<long long>(left, 60'000)));  // reading says what it was
    }
  }

 private:
  std::optional<std::string> take(const ::input_event& event) {
    // After a drop, what comes up to the next report is what was left of the one that was dropped (Linux, input/event-codes.rst).
    if (event.type == EV_SYN && event.code == SYN_DROPPED) {
      m_dropping = true;
      m_keys.lost();
    } else if (event.type == EV_SYN && event.code == SYN_REPORT) {
      m_dropping = false;
    } else if (event.type == EV_KEY && !m_dropping) {
      return m_keys.take(event.code, event.value);
    }
    return std::nullopt;
  }

  int m_node;
  std::string m_name;
  ScannerKeys m_keys;
  bool m_dropping = false;
};

/// What `capabilities/key` says: words of 64 bits, the highest first. The lowest one has all letters, digits and Enter.
bool has_letters(const std::filesystem::path& input) {
  std::ifstream file(input / "capabilities/key");
  std::string word, lowest;
  while (file >> word) lowest = word;
  std::uint64_t bits = 0;
  const auto [end, error] = std::from_chars(lowest.data(), lowest.data() + lowest.size(), bits, 16);
  constexpr std::uint64_t wanted = std::uint64_t{1} << KEY_A | std::uint64_t{1} << KEY_Z | std::uint64_t{1} << KEY_ENTER;
  return error == std::errc() && !lowest.empty() && end == lowest.data() + lowest.size() && (bits & wanted) == wanted;
}

/// Whether an interface of the device at that port stands in the path: …/1-2/1-2:1.0/… (a hub's own port stands there as …/1-2/1-2.1/…).
bool is_part_of(const std::filesystem::path& device, const std::string& port) {
  return std::ranges::any_of(device, [&](const std::filesystem::path& part) { return !port.empty() && part.string().starts_with(port + ":"); });
}

}  // namespace

std::unique_ptr<Scanner> make_linux_scanner(int descriptor, bool grabbed) { return std::make_unique<LinuxScanner>(descriptor, grabbed); }

std::unique_ptr<Scanner> open_linux_scanner(const std::filesystem::path& node) {
  const int file = ::open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    throw Refused(ScannerRefusal::not_one, "the scanner " + shown(node.string()) + " cannot be opened: " + std::strerror(errno), "", "name the event node of a scanner that is plugged in");
  return make_linux_scanner(file);
}

std::optional<std::string> event_node_at(const std::string& port, const std::filesystem::path& sys) {
  std::vector<std::pair<unsigned, std::string>> found;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(sys / "class/input", error); !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    unsigned number = 0;
    if (!name.starts_with("event") || std::from_chars(name.data() + 5, name.data() + name.size(), number).ptr != name.data() + name.size()) continue;
    std::error_code half_gone;
    const auto device = std::filesystem::canonical(entry->path() / "device", half_gone);
    if (half_gone || !is_part_of(device, port) || !has_letters(device)) continue;
    found.emplace_back(number, name);
  }
  if (found.empty()) return std::nullopt;
  return std::ranges::min(found).second;
}

}  // namespace ceremony::media
