// The privileged side of mounting: it alone opens block devices and calls mount. It does so for one other program, over one socket,
// and for nothing but what a list of its own named: a removable disk or a partition of one that holds FAT32 or ISO 9660.
//
// Invariants: mounts are nosuid, nodev, noexec, nosymfollow and noatime, below one folder that only root writes, each in a place of
// its own; read-only unless writing was asked for; a disk is mounted once. What was asked for under one sequence number is not done
// to the disk that took its place. When the server goes, nothing stays mounted.
// Never: takes a path or an option from the other side, starts a program, writes to a device itself.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "media/linux_disks.h"
#include "media/mounter_protocol.h"
#include "media/usb_policy.h"

namespace ceremony::media {

/// Where media are mounted, each below it as 0, 1, …
inline constexpr const char* mount_folder = "/run/ceremony/media";

/// What of it needs a machine with disks; a test stands in for it. `unmount` and `mount` throw Refused{VolumeRefusal} with a sentence.
class Devices {
 public:
  virtual ~Devices() = default;
  [[nodiscard]] virtual std::vector<Disk> disks() = 0;
  /// So many bytes from the start of the node, fewer where there are fewer, none where it cannot be read.
  [[nodiscard]] virtual Bytes start_of(const std::string& node, std::size_t count) = 0;
  virtual void mount(const std::string& node, FilesystemKind kind, Access access, const Path& folder) = 0;
  /// `gone`: the disk was pulled out; whatever still holds files on it loses them.
  virtual void unmount(const Path& folder, bool gone) = 0;
  /// What USB devices came and went since the last call; all that are there, the first time. Nothing where USB is not guarded.
  [[nodiscard]] virtual std::vector<UsbNews> usb_news() { return {}; }
  /// Switches on a device that is asked about. Throws Refused with a sentence.
  virtual void approve_usb(const std::string& port, unsigned number) = 0;
  /// Of a scanner that was approved: its event node, open and grabbed before a key of it could reach a console. The caller closes it.
  [[nodiscard]] virtual std::optional<int> take_descriptor() { return std::nullopt; }
  /// To poll beside the socket, and what is then to be done; -1: nothing.
  [[nodiscard]] virtual int descriptor() const { return -1; }
  virtual void heed() {}
  /// Returns when a disk came or went since the last call, at the latest after `patience`.
  virtual void wait(std::chrono::milliseconds patience) = 0;
};

/// The machine's own. Files on media belong to this user and group. With rules its USB devices are guarded: what is there now is
/// switched on if usb_policy.h takes it at boot, whatever comes later is asked about or stays off. Throws Refused where kernel events
/// cannot be heard or USB cannot be guarded. `told`: of each device that came, was switched on, or went, at once. Programs of the group can
/// open listed devices that are on, and those of the group `readers`, where there is one, card readers.
[[nodiscard]] std::unique_ptr<Devices> make_linux_devices(uid_t user, gid_t group, std::optional<UsbRules> rules = std::nullopt,
                                                          std::function<void(const UsbNews&)> told = {}, std::optional<gid_t> readers = std::nullopt);

class MounterServer final {
 public:
  /// `folder` is made by this, or made its own. Both outlive it.
  MounterServer(Devices& devices, Path folder) : m_devices(devices), m_folder(std::move(folder)) {}
  ~MounterServer();
  MounterServer(const MounterServer&) = delete;
  MounterServer& operator=(const MounterServer&) = delete;

  /// Never throws for what the other side sent: what is no request is answered with a refusal.
  [[nodiscard]] std::string answer(std::string_view request);
  /// Answers what comes over the socket (SOCK_SEQPACKET) until the other side closes it.
  void serve(int socket);

 private:
  struct Place {
    std::string disk, node;
    std::uint64_t sequence = 0;
  };
  struct Looked {
    std::uint64_t sequence = 0;
    Filesystem filesystem;
  };
  [[nodiscard]] Answer act(const Request& request);
  [[nodiscard]] Listed list();
  [[nodiscard]] Answer mount(const MountRequest& request);
  [[nodiscard]] Answer unmount(unsigned number);
  void add(Listed& listed, const Disk& disk, const std::string& node, std::uint64_t bytes);
  [[nodiscard]] bool is_in(const Place& place);
  [[nodiscard]] Path path_of(unsigned place) const { return m_folder / std::to_string(place); }

  Devices& m_devices;
  Path m_folder;
  std::map<unsigned, Place> m_places;
  std::map<std::string, Looked> m_looked;  ///< by node: a superblock is read once an insertion
};

}  // namespace ceremony::media
