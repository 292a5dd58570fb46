#include "media/linux_uevent.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "ceremony/ground/refused.h"
#include "media/files.h"

namespace ceremony::media {
namespace {

constexpr std::array<std::string_view, 8> actions{"add", "remove", "change", "move", "online", "offline", "bind", "unbind"};
constexpr const char* look_again = "take the device out and put it in again";

[[noreturn]] void malformed(const std::string& what) {
  throw Refused(UeventRefusal::malformed, "a kernel event is not one: " + what, "", look_again);
}

[[noreturn]] void failed(const char* call) {
  throw Refused(UeventRefusal::failed, "kernel events cannot be read: " + std::string(call) + " says \"" + std::strerror(errno) + "\"", "",
                "restart the machine");
}

bool is_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_path(std::string_view path) {
  if (path.size() < 2 || path.size() > 4096 || path.front() != '/') return false;
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

UeventAction action_of(std::string_view text) {
  const auto* found = std::ranges::find(actions, text);
  if (found == actions.end()) malformed("the action " + shown(text) + " is unknown");
  return static_cast<UeventAction>(found - actions.begin());
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(out) != text) malformed("the number " + shown(text) + " is not one");
  return out;
}

/// Takes what stands before the next zero byte.
std::string_view cut(std::string_view& rest) {
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) malformed("it does not end with a zero byte");
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return out;
}

}  // namespace

std::string_view text_of(UeventAction action) {
  return actions[static_cast<std::size_t>(action)];
}

std::string Uevent::value(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() ? std::string() : found->second;
}

Uevent parse_uevent(std::string_view message) {
  if (message.size() > longest_uevent)
    throw Refused(UeventRefusal::too_large, "a kernel event is longer than " + std::to_string(longest_uevent) + " bytes", "", look_again);
  const auto head = cut(message);
  Uevent event;
  while (!message.empty()) {
    const auto line = cut(message);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) malformed("the line " + shown(line) + " has no \"=\"");
    const auto key = line.substr(0, equals);
    if (!is_key(key)) malformed("the key " + shown(key) + " is not of A-Z 0-9 _");
    if (!event.values.emplace(key, line.substr(equals + 1)).second) malformed("the key " + shown(key) + " is there twice");
  }
  for (const char* key : {"ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM"})
    if (event.value(key).empty()) malformed("it has no " + std::string(key));
  event.action = action_of(event.value("ACTION"));
  event.path = event.value("DEVPATH");
  event.subsystem = event.value("SUBSYSTEM");
  event.number = number_of(event.value("SEQNUM"));
  if (!is_path(event.path)) malformed("the path " + shown(event.path) + " is not one below /sys");
  if (head != std::string(text_of(event.action)) + "@" + event.path) malformed("the head " + shown(head) + " is not what the lines below say");
  return event;
}

std::string text_of(const Uevent& event) {
  std::string out = std::string(text_of(event.action)) + "@" + event.path + '\0';
  for (const auto& [key, value] : event.values) out += key + "=" + value + '\0';
  return out;
}

Uevents::Uevents() : m_socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)) {
  if (m_socket < 0) failed("socket");
  ::sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own; 2 is what udev's daemon would send on
  if (::bind(m_socket, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
    ::close(m_socket);
    failed("bind");
  }
}

Uevents::~Uevents() {
  ::close(m_socket);
}

std::optional<Uevent> Uevents::next(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + patience;
  while (true) {
    std::array<char, longest_uevent + 1> bytes;
    ::sockaddr_nl sender{};
    ::iovec part{bytes.data(), bytes.size()};
    ::msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const auto got = ::recvmsg(m_socket, &message, 0);
    if (got >= 0) {
      // Any program may send to the group; the kernel's port is 0.
      if (sender.nl_pid != 0) continue;
      return parse_uevent(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
    }
    if (errno == ENOBUFS) throw Refused(UeventRefusal::lost, "kernel events were lost", "", look_again);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) failed("recvmsg");
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    ::pollfd waiting{m_socket, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(std::min<long long>(left, 60'000))) < 0 && errno != EINTR) failed("poll");
  }
}

}  // namespace ceremony::media
