#include "media/mounter_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

NotDone not_done(const Refused& refusal) {
  NotDone no{VolumeRefusal::failed, refusal.findings().front().what, refusal.findings().front().hint};
  for (int i = 0; i <= static_cast<int>(VolumeRefusal::failed); ++i)
    if (refusal.is(static_cast<VolumeRefusal>(i))) no.code = static_cast<VolumeRefusal>(i);
  return no;
}

/// The answer, and beside it an open file (unix(7), SCM_RIGHTS).
bool send_with(int socket, const std::string& said, std::optional<int> file) {
  ::iovec text{const_cast<char*>(said.data()), said.size()};
  alignas(::cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  ::msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (file) {
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    ::cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &*file, sizeof(int));
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return false;
  return true;
}

}  // namespace

MounterServer::~MounterServer() {
  for (const auto& [number, place] : m_places) {
    try {
      m_devices.unmount(path_of(number), true);
    } catch (const Refused&) {
      // There is nobody left to be told; the kernel lets go of it with the machine.
    }
  }
}

void MounterServer::add(Listed& listed, const Disk& disk, const std::string& node, std::uint64_t bytes) {
  MediumSeen seen{node, disk.sequence, bytes, disk.read_only, {}, disk.model, disk.serial, disk.port};
  // One whose disk is mounted is not read again, nor is one that was looked at: it changes through its filesystem only.
  auto& looked = m_looked[node];
  if (looked.sequence != disk.sequence || looked.filesystem.kind == FilesystemKind::none) looked = {disk.sequence, filesystem_of(m_devices.start_of(node, superblock_bytes), bytes)};
  seen.filesystem = looked.filesystem;
  listed.media.push_back(std::move(seen));
}

Listed MounterServer::list() {
  Listed listed;
  for (const Disk& disk : m_devices.disks()) {
    if (disk.bytes == 0) continue;  // a drive with nothing in it
    if (disk.partitions.empty()) add(listed, disk, disk.name, disk.bytes);
    for (const Partition& partition : disk.partitions) add(listed, disk, partition.name, partition.bytes);
  }
  std::erase_if(m_looked, [&](const auto& one) { return std::ranges::find(listed.media, one.first, &MediumSeen::node) == listed.media.end(); });
  return listed;
}

bool MounterServer::is_in(const Place& place) {
  const auto disks = m_devices.disks();
  return std::ranges::any_of(disks, [&](const Disk& d) { return d.name == place.disk && d.sequence == place.sequence; });
}

Answer MounterServer::mount(const MountRequest& request) {
  const auto gone = NotDone{VolumeRefusal::out, "the disk was taken out", "put it in again"};
  const auto disks = m_devices.disks();
  const auto holds = [&](const Disk& d) {
    return d.sequence == request.sequence && (d.name == request.node || std::ranges::find(d.partitions, request.node, &Partition::name) != d.partitions.end());
  };
  const auto disk = std::ranges::find_if(disks, holds);
  if (disk == disks.end()) return gone;
  const auto listed = list();
  const auto seen = std::ranges::find_if(listed.media, [&](const MediumSeen& m) { return m.node == request.node && m.sequence == request.sequence; });
  if (seen == listed.media.end()) return gone;
  const auto& fs = seen->filesystem;
  if (fs.kind != FilesystemKind::fat32 && fs.kind != FilesystemKind::iso9660) return NotDone{VolumeRefusal::failed, "the disk cannot be used: " + fs.note, "use a disk that is formatted as FAT32"};
  if (request.access == Access::writable && seen->write_protected)
    return NotDone{VolumeRefusal::read_only, "the disk is write-protected", "slide its write-protect switch, or use another disk"};
  if (std::ranges::any_of(m_places, [&](const auto& p) { return p.second.node == request.node && p.second.sequence == request.sequence; }))
    return NotDone{VolumeRefusal::failed, "the disk is in use already", "use another disk"};
  unsigned number = 0;
  while (m_places.contains(number)) ++number;
  m_devices.mount(seen->node, fs.kind, request.access, path_of(number));
  const Place place{disk->name, seen->node, seen->sequence};
  if (!is_in(place)) {
    m_devices.unmount(path_of(number), true);
    return gone;
  }
  m_places[number] = place;
  return Mounted{number};
}

Answer MounterServer::unmount(unsigned number) {
  const auto place = m_places.find(number);
  if (place == m_places.end()) return NotDone{VolumeRefusal::out, "nothing is mounted there", "put the disk in again"};
  m_devices.unmount(path_of(number), !is_in(place->second));
  m_places.erase(place);
  return Unmounted{};
}

Answer MounterServer::act(const Request& request) {
  if (const auto* wanted = std::get_if<MountRequest>(&request)) return mount(*wanted);
  if (const auto* wanted = std::get_if<UnmountRequest>(&request)) return unmount(wanted->place);
  if (std::holds_alternative<UsbRequest>(request)) return UsbTold{m_devices.usb_news()};
  if (const auto* wanted = std::get_if<ApproveRequest>(&request)) {
    m_devices.approve_usb(wanted->port, wanted->number);
    return Approved{};
  }
  if (const auto wait = std::get<ListRequest>(request).wait; wait.count() > 0) m_devices.wait(wait);
  return list();
}

std::string MounterServer::answer(std::string_view request) {
  try {
    return text_of(act(parse_request(request)));
  } catch (const Refused& refusal) {
    return text_of(Answer{not_done(refusal)});
  }
}

void MounterServer::serve(int socket) {
  std::string message(longest_message + 1, '\0');
  while (true) {
    std::array<::pollfd, 2> waiting{{{socket, POLLIN, 0}, {m_devices.descriptor(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) m_devices.heed();
    if (waiting[0].revents == 0) continue;
    const auto got = ::recv(socket, message.data(), message.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const auto said = answer(std::string_view(message).substr(0, static_cast<std::size_t>(got)));
    const auto handed = m_devices.take_descriptor();
    const bool sent = send_with(socket, said, handed);
    if (handed) ::close(*handed);
    if (!sent) return;
  }
}

}  // namespace ceremony::media
