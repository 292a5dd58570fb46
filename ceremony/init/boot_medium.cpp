#include "ceremony/init/boot_medium.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "ceremony/ground/refused.h"
#include "media/linux_disks.h"
#include "media/linux_uevent.h"

namespace ceremony::init {
namespace {

constexpr const char* place = "/run/ceremony/boot-medium";
constexpr std::size_t longest_uki = 256 << 20;

Bytes read_whole(const std::string& path) {
  Bytes out;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return out;
  struct stat about {};
  if (::fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 && static_cast<std::size_t>(about.st_size) <= longest_uki) {
    out.resize(static_cast<std::size_t>(about.st_size));
    std::size_t have = 0;
    while (have < out.size()) {
      const auto got = ::read(file, out.data() + have, std::min<std::size_t>(out.size() - have, 1 << 20));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    if (have != out.size()) out.clear();
  }
  ::close(file);
  return out;
}

/// The digest of the image on it, if it is one of this system.
std::optional<Digest> uki_on(const std::string& node, const Digest& manifest) {
  ::mkdir(place, 0700);
  constexpr unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_NOATIME;
  const auto device = "/dev/" + node;
  if (::mount(device.c_str(), place, "vfat", flags, "umask=077,utf8=1") != 0 && ::mount(device.c_str(), place, "iso9660", flags, "mode=0400,dmode=0500") != 0) return std::nullopt;
  const Bytes bytes = read_whole(std::string(place) + "/EFI/BOOT/BOOTX64.EFI");
  ::umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW);
  const std::string ours = "CEREMONY_MANIFEST=" + hex(manifest);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find(ours) == std::string_view::npos) return std::nullopt;
  return sha256(bytes);
}

/// Something happened to a disk, or the time is over.
void wait_for_disks(media::Uevents& events, std::chrono::milliseconds patience) {
  try {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      const auto event = events.next(std::max(left, std::chrono::milliseconds(0)));
      if (!event || event->subsystem == "block") return;
    }
  } catch (const Refused&) {
    return;  // lost or strange: look
  }
}

}  // namespace

std::optional<BootMedium> find_boot_medium(const Digest& manifest, std::chrono::milliseconds patience) {
  media::Uevents events;
  std::set<std::uint64_t> seen;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    for (const auto& disk : media::removable_disks()) {
      // Another number once the drive has a medium in it.
      if (disk.bytes == 0 || !seen.insert(disk.sequence).second) continue;
      std::vector<std::string> nodes;
      for (const auto& partition : disk.partitions) nodes.push_back(partition.name);
      if (nodes.empty()) nodes.push_back(disk.name);
      for (const auto& node : nodes)
        if (const auto uki = uki_on(node, manifest)) return BootMedium{disk.name, *uki};
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    wait_for_disks(events, left);
  }
}

void wait_until_out(const std::string& disk) {
  media::Uevents events;
  while (true) {
    const auto there = media::removable_disk(disk);
    if (!there || there->bytes == 0) return;
    wait_for_disks(events, std::chrono::seconds(2));
  }
}

}  // namespace ceremony::init
