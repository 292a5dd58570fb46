// A removable disk as a volume: found, mounted and unmounted through the mounter, and in between a folder.
//
// insert_again() after eject() means what it says: the very disk, taken out and put in again since; it is asked for until it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/disk_room.h"
#include "media/folder_volume.h"

namespace ceremony::media {

class DeviceVolume final : public Volume {
 public:
  /// Out at first. `stays`: in all the time, as a ledger is; others give way to the next one that is used, and are then out without having
  /// been ejected. `discs`: whether a disc, which cannot be written, will do. `room` outlives this.
  DeviceVolume(DiskRoom& room, std::string name, bool stays, bool discs) : m_room(room), m_name(std::move(name)), m_stays(stays), m_discs(discs) {}
  ~DeviceVolume() override { put_away(); }
  DeviceVolume(const DeviceVolume&) = delete;
  DeviceVolume& operator=(const DeviceVolume&) = delete;

  [[nodiscard]] std::string name() const override { return m_name; }
  [[nodiscard]] VolumeKind kind() const override { return VolumeKind::disk; }
  /// `no` also where it was pulled out.
  [[nodiscard]] Inserted inserted() const override;
  [[nodiscard]] VolumeInfo info() override;
  [[nodiscard]] std::vector<std::string> list() override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Bytes read(const std::string& path, std::size_t limit) override;
  void write(const std::string& path, View bytes) override;
  void eject() override;
  void insert_again() override { insert(Access::read_only); }
  void insert_writable() override { insert(Access::writable); }

  /// Where its files are while it is in.
  [[nodiscard]] Path folder() const { return m_in ? m_in->folder : Path(); }
  /// Unmounts it where it can be; it need not have been taken out when it is inserted the next time.
  void put_away() noexcept;

 private:
  struct In {
    MediumSeen medium;
    Path folder;
    Access access;
    std::unique_ptr<FolderVolume> files;
  };
  void insert(Access access);
  void mount(const MediumSeen& medium, Access access);
  void unmount();
  void must_be_in() const;
  void must_not_be_gone() const;
  /// Does the work on the files; what fails because the disk is gone says so.
  template <typename Work>
  auto on_disk(const Work& work);

  DiskRoom& m_room;
  std::string m_name;
  bool m_stays, m_discs;
  std::optional<In> m_in;
  std::optional<std::uint64_t> m_left;  ///< under which number it was ejected
};

class DeviceVolumes final : public Volumes {
 public:
  explicit DeviceVolumes(DiskRoom& room) : m_room(room) {}
  /// Refuses a name that is taken {exists} or no name of a medium {name}.
  void add(const std::string& role, const std::string& name);
  [[nodiscard]] Volume& named(const std::string& name) override;
  [[nodiscard]] std::vector<std::string> names(const std::string& role = {}) const override;
  void look_at_sockets() override { m_room.look_at_sockets(); }
  [[nodiscard]] std::vector<std::string> take_notes() override { return m_room.take_notes(); }

 private:
  struct Entry {
    std::string role;
    std::unique_ptr<DeviceVolume> volume;
  };
  DiskRoom& m_room;
  std::vector<Entry> m_entries;
};

}  // namespace ceremony::media
