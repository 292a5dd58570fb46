#include "media/device_volume.h"

#include <algorithm>

#include "ceremony/ground/refused.h"

namespace ceremony::media {

Inserted DeviceVolume::inserted() const { return m_in && m_room.is_in(m_in->medium) ? m_in->files->inserted() : Inserted::no; }

void DeviceVolume::must_be_in() const {
  if (!m_in) throw Refused(VolumeRefusal::out, "the medium is not inserted", m_name, "insert " + shown(m_name));
}

void DeviceVolume::must_not_be_gone() const {
  if (!m_room.is_in(m_in->medium))
    throw Refused(VolumeRefusal::out, "the medium was pulled out while it was in use", m_name, "put " + shown(m_name) + " in again, or an empty one where it was being written, and try again");
}

template <typename Work>
auto DeviceVolume::on_disk(const Work& work) {
  must_be_in();
  try {
    return work(*m_in->files);
  } catch (const Refused& refusal) {
    must_not_be_gone();
    if (m_in->access == Access::writable && refusal.is(VolumeRefusal::read_only))
      throw Refused(VolumeRefusal::failed, "the medium failed while it was written", m_name, "do not use this medium any more; take a new one, and try again");
    throw;
  }
}

VolumeInfo DeviceVolume::info() {
  VolumeInfo info = on_disk([](FolderVolume& files) { return files.info(); });
  must_not_be_gone();  // the kernel finds nothing on a disk that is gone, which is no error to it
  info.id = m_in->medium.filesystem.id;
  info.kind = VolumeKind::disk;
  return info;
}

std::vector<std::string> DeviceVolume::list() {
  auto out = on_disk([](FolderVolume& files) { return files.list(); });
  must_not_be_gone();
  return out;
}

bool DeviceVolume::exists(const std::string& path) {
  const bool there = on_disk([&](FolderVolume& files) { return files.exists(path); });
  if (!there) must_not_be_gone();
  return there;
}

Bytes DeviceVolume::read(const std::string& path, std::size_t limit) {
  return on_disk([&](FolderVolume& files) { return files.read(path, limit); });
}

void DeviceVolume::write(const std::string& path, View bytes) {
  on_disk([&](FolderVolume& files) { files.write(path, bytes); });
}

void DeviceVolume::unmount() {
  m_room.mounter().unmount(m_in->folder);
  m_in.reset();
}

void DeviceVolume::eject() {
  if (!m_in) return;
  const auto sequence = m_in->medium.sequence;
  unmount();
  m_left = sequence;
}

void DeviceVolume::put_away() noexcept {
  if (!m_in) return;
  try {
    unmount();
  } catch (const std::exception&) {
    m_in.reset();  // the mounter unmounts it when this program ends
  }
}

void DeviceVolume::mount(const MediumSeen& medium, Access access) {
  const Path folder = m_room.mounter().mount(medium, access);
  try {
    m_in = In{medium, folder, access, std::make_unique<FolderVolume>(m_room.env(), m_name, folder, FolderOptions{.room = {}, .write_protected = access == Access::read_only})};
  } catch (const Refused&) {
    m_room.mounter().unmount(folder);
    throw;
  }
}

void DeviceVolume::insert(Access access) {
  std::optional<MediumSeen> medium;
  if (m_in) {
    if (m_room.is_in(m_in->medium)) medium = m_in->medium;
    unmount();
  }
  if (!m_stays) m_room.give_way([this] { put_away(); });
  while (!m_in) {
    if (!medium) medium = m_room.find(m_name, m_left, m_discs);
    const bool readable_only = medium->write_protected || medium->filesystem.kind == FilesystemKind::iso9660;
    try {
      mount(*medium, readable_only ? Access::read_only : access);
    } catch (const Refused& refusal) {
      if (!refusal.is(VolumeRefusal::out)) throw;
      medium.reset();  // pulled out at this very moment: it is asked for again
    }
  }
  m_left.reset();
  if (access == Access::writable && m_in->access == Access::read_only)
    throw Refused(VolumeRefusal::read_only, "the medium is write-protected", m_name, "slide its write-protect switch, or use another medium");
}

void DeviceVolumes::add(const std::string& role, const std::string& name) {
  if (!is_medium_name(name)) throw Refused(VolumeRefusal::name, shown(name) + " cannot be a medium's name", "", "use 1 to 32 letters, digits, \".\", \"_\" and \"-\"");
  if (std::ranges::any_of(m_entries, [&](const Entry& e) { return e.volume->name() == name; }))
    throw Refused(VolumeRefusal::exists, "two media are called " + shown(name), name, "give each medium its own name");
  m_entries.push_back({role, std::make_unique<DeviceVolume>(m_room, name, false, role == "media")});
}

Volume& DeviceVolumes::named(const std::string& name) {
  std::string known;
  for (const Entry& entry : m_entries) {
    if (entry.volume->name() == name) return *entry.volume;
    known += (known.empty() ? "" : ", ") + entry.volume->name();
  }
  throw Refused(VolumeRefusal::absent, "there is no medium called " + shown(name), "", known.empty() ? "name one with --media NAME" : "the media of this run are: " + known);
}

std::vector<std::string> DeviceVolumes::names(const std::string& role) const {
  std::vector<std::string> out;
  for (const Entry& entry : m_entries)
    if (role.empty() || entry.role == role) out.push_back(entry.volume->name());
  return out;
}

}  // namespace ceremony::media
