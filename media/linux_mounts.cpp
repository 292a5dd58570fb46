// The machine's disks under the mounter: opening, mounting and unmounting, with a sentence for each way it can go wrong.
#include <fcntl.h>
#include <linux/input.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ceremony/ground/refused.h"
#include "media/linux_scanner.h"
#include "media/linux_uevent.h"
#include "media/linux_usb.h"
#include "media/mounter_server.h"

namespace ceremony::media {
namespace {

[[noreturn]] void refuse_mount(int error) {
  switch (error) {
    case EROFS:
    case EACCES:
      throw Refused(VolumeRefusal::read_only, "the disk is write-protected", "", "slide its write-protect switch, or use another disk");
    case ENXIO:
    case ENODEV:
    case ENOENT:
    case ENOMEDIUM:
      throw Refused(VolumeRefusal::out, "the disk was taken out", "", "put it in again");
    case EINVAL:
      throw Refused(VolumeRefusal::failed, "the filesystem on the disk is damaged", "", "do not use this disk; copy what is needed from it on another machine, and take another one here");
    case EIO:
      throw Refused(VolumeRefusal::failed, "the disk cannot be read", "", "put it in again, into another socket; if that does not help, use another disk");
    case EBUSY:
      throw Refused(VolumeRefusal::failed, "the disk is in use already", "", "use another disk");
    default:
      throw Refused(VolumeRefusal::failed, std::string("the disk cannot be mounted (") + std::strerror(error) + ")", "", "use another disk");
  }
}

class LinuxDevices final : public Devices {
 public:
  LinuxDevices(uid_t user, gid_t group, std::optional<UsbRules> rules, std::function<void(const UsbNews&)> told, std::optional<gid_t> readers)
      : m_owner("uid=" + std::to_string(user) + ",gid=" + std::to_string(group)), m_group(group), m_readers(readers), m_told(std::move(told)) {
    if (!rules) return;
    m_guard.emplace(std::move(*rules));
    // A hub has devices behind it that are seen only once it is on.
    while (look() > 0) wait(std::chrono::seconds(1));
    m_guard->begin_ceremony();
  }

  std::vector<Disk> disks() override { return removable_disks(); }

  Bytes start_of(const std::string& node, std::size_t count) override {
    Bytes out(count);
    const int device = ::open(("/dev/" + node).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (device < 0) return {};
    struct stat about {};
    std::size_t have = 0;
    while (::fstat(device, &about) == 0 && S_ISBLK(about.st_mode) && have < count) {
      const auto got = ::pread(device, out.data() + have, count - have, static_cast<off_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    ::close(device);
    out.resize(have);
    return out;
  }

  void mount(const std::string& node, FilesystemKind kind, Access access, const Path& folder) override {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) throw Refused(VolumeRefusal::failed, "there is no place to mount the disk on (" + failed.message() + ")", "", "restart the machine");
    const bool fat = kind == FilesystemKind::fat32;
    // FAT: names in UTF-8; after an error it is not written any more. ISO 9660: names as Rock Ridge or Joliet spell them, without the
    // owners and modes that are on it. Only the user of the ceremony sees either.
    const std::string options = m_owner + (fat ? ",umask=077,utf8=1,shortname=mixed,errors=remount-ro,quiet" : ",mode=0400,dmode=0500,iocharset=utf8");
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_NOATIME | (access == Access::writable ? 0UL : static_cast<unsigned long>(MS_RDONLY));
    if (::mount(("/dev/" + node).c_str(), folder.c_str(), fat ? "vfat" : "iso9660", flags, options.c_str()) != 0) refuse_mount(errno);
  }

  void unmount(const Path& folder, bool gone) override {
    if (::umount2(folder.c_str(), UMOUNT_NOFOLLOW) == 0) return;
    if (errno == EINVAL) return;  // nothing is mounted there any more
    if (gone && ::umount2(folder.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return;
    throw Refused(VolumeRefusal::failed, "the disk is still being used", "", "wait a moment, then try again; do not pull it out");
  }

  int descriptor() const override { return m_events.descriptor(); }

  void heed() override {
    bool usb = false;
    try {
      while (const auto event = m_events.next(std::chrono::milliseconds(0))) {
        usb = usb || event->subsystem == "usb";
        m_changed = m_changed || event->subsystem == "block" || event->subsystem == "usb";
      }
    } catch (const Refused&) {
      usb = m_changed = true;  // lost or strange: look at everything
    }
    if (usb && m_guard) look();
  }

  void wait(std::chrono::milliseconds patience) override {
    if (std::exchange(m_changed, false)) return;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      try {
        const auto event = m_events.next(std::max(left, std::chrono::milliseconds(0)));
        if (!event || event->subsystem == "block" || (m_guard && event->subsystem == "usb")) return;
      } catch (const Refused& refusal) {
        if (refusal.is(UeventRefusal::lost)) return;  // something happened
        if (refusal.is(UeventRefusal::failed)) throw;
      }
    }
  }

  std::vector<UsbNews> usb_news() override {
    if (m_guard) look();
    return std::exchange(m_news, {});
  }

  void approve_usb(const std::string& port, unsigned number) override {
    if (!m_guard) throw Refused(VolumeRefusal::failed, "USB devices are not looked at on this machine", "", "go on; every device is used");
    m_guard->approve(port, number);
    const auto devices = m_guard->devices();
    const auto seen = std::ranges::find(devices, port, &UsbSeen::port);
    if (seen == devices.end()) return;
    if (seen->verdict.role == UsbRole::scanner) grab_scanner(port);
    if (!let_programs_open(*seen)) {
      m_guard->turn_off(port);
      throw Refused(VolumeRefusal::out, "no program can reach the USB device at port " + port, "", "put it in again");
    }
    if (m_told) m_told({UsbState::on, port, number, std::string(text_of(seen->verdict.role)), "people said that it is theirs"});
  }

  std::optional<int> take_descriptor() override { return std::exchange(m_descriptor, std::nullopt); }

 private:
  /// Where a program speaks to it, and no driver of the kernel's.
  [[nodiscard]] bool let_programs_open(const UsbSeen& seen) const {
    const auto group = seen.verdict.role == UsbRole::listed ? m_group : seen.verdict.role == UsbRole::reader ? m_readers : std::nullopt;
    return !group || give_usb_node(seen.port, seen.number, *group);
  }

  /// At once, so that what it types never comes to a console.
  void grab_scanner(const std::string& port) {
    std::optional<std::string> node;
    for (int tries = 0; !(node = event_node_at(port)) && tries < 50; ++tries) wait(std::chrono::milliseconds(100));
    const int file = node ? ::open(("/dev/input/" + *node).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (file >= 0 && ::ioctl(file, EVIOCGRAB, 1) == 0) {
      m_descriptor = file;
      return;
    }
    if (file >= 0) ::close(file);
    m_guard->turn_off(port);
    throw Refused(VolumeRefusal::failed, "the scanner at port " + port + " does not type, and is switched off again", "", "type the frames, or plug in a scanner that is set to work as a USB keyboard");
  }

  /// How many were switched on.
  std::size_t look() {
    std::size_t on = 0;
    for (auto& seen : m_guard->look()) {
      const auto state = seen.news == UsbSeen::News::gone ? UsbState::gone : seen.on ? UsbState::on : seen.verdict.answer == UsbAnswer::ask ? UsbState::asked : UsbState::off;
      if (state == UsbState::on) ++on;
      if (state == UsbState::on && !let_programs_open(seen)) seen.verdict.sentence += "; but no program can reach it";
      // Nobody reads more than that; a device that is made to come and go all the time fills nothing.
      if (m_news.size() == most_news) m_news.erase(m_news.begin());
      m_news.push_back({state, seen.port, seen.number, std::string(text_of(seen.verdict.role)), std::move(seen.verdict.sentence)});
      if (m_told) m_told(m_news.back());
    }
    return on;
  }

  std::string m_owner;
  std::optional<gid_t> m_group, m_readers;
  std::function<void(const UsbNews&)> m_told;
  Uevents m_events;
  bool m_changed = false;  ///< since the last wait
  std::optional<UsbGuard> m_guard;
  std::vector<UsbNews> m_news;
  std::optional<int> m_descriptor;
};

}  // namespace

std::unique_ptr<Devices> make_linux_devices(uid_t user, gid_t group, std::optional<UsbRules> rules, std::function<void(const UsbNews&)> told, std::optional<gid_t> readers) {
  return std::make_unique<LinuxDevices>(user, group, std::move(rules), std::move(told), readers);
}

}  // namespace ceremony::media
