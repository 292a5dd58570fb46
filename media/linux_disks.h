// The removable disks and optical drives of the machine, as /sys shows them now.
//
// Only looks: opens no device and mounts nothing. What a device says of itself (vendor, model, serial) may be any bytes: show it
// through shown() only. A disk that is pulled out while it is looked at is left out, which is what it would be a moment later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ceremony::media {

struct Partition {
  std::string name;  ///< of the node in /dev: `sda1`
  unsigned number = 0;
  std::uint64_t first_byte = 0;
  std::uint64_t bytes = 0;
};

struct Disk {
  std::string name;        ///< of the node in /dev: `sda`, `sr0`
  std::string port;        ///< where it is plugged in, as the kernel calls it: `2-1.4`; empty where it is not USB
  std::string vendor, model, serial;
  std::uint64_t bytes = 0;  ///< 0: a drive or reader without a medium in it
  std::uint64_t sequence = 0;  ///< the kernel's number of this insertion: another one once it was taken out and put in again
  bool optical = false;
  bool read_only = false;
  std::vector<Partition> partitions;  ///< by number; empty: none, or one filesystem on all of it
};

/// Disks that people can take out: SCSI disks (USB ones are) and optical drives whose device is on USB or says that its medium is
/// removable. By name. `sys` is /sys, or a tree like it in a test.
[[nodiscard]] std::vector<Disk> removable_disks(const std::filesystem::path& sys = "/sys");
/// One of them; nothing where it is not there or not removable.
[[nodiscard]] std::optional<Disk> removable_disk(const std::string& name, const std::filesystem::path& sys = "/sys");

}  // namespace ceremony::media
