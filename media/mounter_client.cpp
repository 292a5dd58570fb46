#include "media/mounter_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

[[noreturn]] void gone() {
  throw Refused(VolumeRefusal::failed, "the program that mounts disks is gone", "", "stop here and start again: everything recorded stays");
}

bool is_mounters(int socket) {
  int type = 0, domain = 0;
  ::socklen_t size = sizeof type;
  return ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
         ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

}  // namespace

MounterClient::MounterClient(int socket, Path folder) : m_socket(socket), m_folder(std::move(folder)) {
  if (!is_mounters(socket))
    throw Refused(VolumeRefusal::failed, "there is no program that mounts disks", "", "start this one by it, as root: ceremony-mounter --user UID -- ceremony run … --disks …");
  if (::fcntl(socket, F_SETFD, FD_CLOEXEC) != 0) gone();
}

MounterClient::~MounterClient() {
  if (m_scanner) ::close(*m_scanner);
  ::close(m_socket);
}

std::string MounterClient::receive() {
  std::string text(longest_message + 1, '\0');
  ::iovec into{text.data(), text.size()};
  alignas(::cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  ::msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  ::ssize_t got = -1;
  while ((got = ::recvmsg(m_socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
  if (got <= 0) gone();
  if (const ::cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int))) {
    if (m_scanner) ::close(*m_scanner);
    int file = -1;
    std::memcpy(&file, CMSG_DATA(head), sizeof file);
    m_scanner = file;
  }
  text.resize(static_cast<std::size_t>(got));
  return text;
}

template <typename Wanted>
Wanted MounterClient::ask(const Request& request) {
  const auto said = text_of(request);
  while (::send(m_socket, said.data(), said.size(), MSG_NOSIGNAL) < 0)
    if (errno != EINTR) gone();
  auto answer = parse_answer(receive());
  if (const auto* no = std::get_if<NotDone>(&answer)) throw Refused(no->code, no->what, "", no->hint);
  if (auto* wanted = std::get_if<Wanted>(&answer)) return std::move(*wanted);
  throw Refused(MounterRefusal::malformed, "the program that mounts disks answered something else", "", "restart the machine; if it comes again, do not use this image");
}

std::vector<MediumSeen> MounterClient::list(std::chrono::milliseconds wait) {
  return ask<Listed>(ListRequest{std::min(wait, longest_wait)}).media;
}

Path MounterClient::mount(const MediumSeen& medium, Access access) {
  return m_folder / std::to_string(ask<Mounted>(MountRequest{medium.node, medium.sequence, access}).place);
}

void MounterClient::unmount(const Path& folder) {
  const std::string name = folder.filename().string();
  unsigned place = 0;
  std::from_chars(name.data(), name.data() + name.size(), place);
  static_cast<void>(ask<Unmounted>(UnmountRequest{place}));
}

std::vector<UsbNews> MounterClient::usb_news() { return ask<UsbTold>(UsbRequest{}).news; }

void MounterClient::approve(const UsbNews& device) { static_cast<void>(ask<Approved>(ApproveRequest{device.port, device.number})); }

}  // namespace ceremony::media
