#include "media/linux_disks.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>

namespace ceremony::media {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t longest_attribute = 4096;  // a page: what sysfs gives at most
constexpr std::uint64_t sector = 512;            // the unit of `size` and `start`, whatever the disk's own is
constexpr std::string_view disk_type = "0", optical_type = "5";  // SPC-4, peripheral device type

/// What is in the file without the blanks that SCSI pads with; nothing where it cannot be read.
std::optional<std::string> attribute(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string out(longest_attribute, '\0');
  if (!file || (file.read(out.data(), static_cast<std::streamsize>(out.size())), file.bad())) return std::nullopt;
  out.resize(static_cast<std::size_t>(file.gcount()));
  const auto end = out.find_last_not_of(" \n");
  out.resize(end == std::string::npos ? 0 : end + 1);
  return out;
}

std::optional<std::uint64_t> number(const Path& path) {
  const auto text = attribute(path);
  std::uint64_t out = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> sectors(const Path& path) {
  const auto count = number(path);
  if (!count || *count > std::numeric_limits<std::uint64_t>::max() / sector) return std::nullopt;
  return *count * sector;
}

/// The USB device that `device` is a part of: the nearest folder above it that has a vendor's number.
std::optional<Path> usb_device(Path device, const Path& devices) {
  std::error_code error;
  for (; device != devices && device.has_relative_path(); device = device.parent_path())
    if (std::filesystem::exists(device / "idVendor", error)) return device;
  return std::nullopt;
}

/// sda → sda1, sda2; the kernel puts a folder for each into the disk's.
std::vector<Partition> partitions_of(const Path& disk) {
  std::vector<Partition> out;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(disk, error); !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto index = number(entry->path() / "partition");
    const auto first = sectors(entry->path() / "start");
    const auto bytes = sectors(entry->path() / "size");
    if (index && *index <= 256 && first && bytes) out.push_back({entry->path().filename().string(), static_cast<unsigned>(*index), *first, *bytes});
  }
  std::ranges::sort(out, {}, &Partition::number);
  return out;
}

}  // namespace

std::optional<Disk> removable_disk(const std::string& name, const Path& sys) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) return std::nullopt;
  const Path about = sys / "block" / name;
  std::error_code error;
  // Disks made of files or memory have no device; those of other buses have no SCSI type.
  const Path device = std::filesystem::canonical(about / "device", error);
  if (error) return std::nullopt;
  const auto type = attribute(device / "type");
  if (!type || (*type != disk_type && *type != optical_type)) return std::nullopt;
  const Path devices = std::filesystem::canonical(sys / "devices", error);
  if (error) return std::nullopt;
  const auto usb = usb_device(device, devices);
  const auto removable = number(about / "removable"), read_only = number(about / "ro");
  const auto bytes = sectors(about / "size");
  if (!removable || !read_only || !bytes || (!usb && *removable != 1)) return std::nullopt;

  Disk disk;
  disk.name = name;
  disk.optical = *type == optical_type;
  disk.read_only = *read_only != 0 || disk.optical;
  disk.bytes = *bytes;
  disk.sequence = number(about / "diskseq").value_or(0);
  disk.vendor = attribute(device / "vendor").value_or("");
  disk.model = attribute(device / "model").value_or("");
  if (usb) {
    disk.port = usb->filename().string();
    disk.serial = attribute(*usb / "serial").value_or("");
  }
  disk.partitions = partitions_of(about);
  return disk;
}

std::vector<Disk> removable_disks(const Path& sys) {
  std::vector<Disk> out;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(sys / "block", error); !error && entry != std::filesystem::directory_iterator();
       entry.increment(error))
    if (auto disk = removable_disk(entry->path().filename().string(), sys)) out.push_back(std::move(*disk));
  std::ranges::sort(out, {}, &Disk::name);
  return out;
}

}  // namespace ceremony::media
