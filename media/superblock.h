// Which filesystem a disk holds, from its first bytes: FAT32 and ISO 9660, which are the two that are mounted, read strictly; of
// others the name, where it can be told, so that people know why the disk is not taken.
//
// Pure: opens nothing. The bytes are anybody's; what is FAT32 or ISO 9660 here still may be damaged further in.
// Source: Microsoft, "FAT32 File System Specification" 1.03; ECMA-119, 8.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"

namespace ceremony::media {

/// `damaged`: it begins as a FAT32 or ISO 9660 filesystem and is not one. `none`: no medium is in the drive, or it cannot be read.
enum class FilesystemKind { fat32, iso9660, other, damaged, none };
/// `fat32`, `iso9660`, `other`, `damaged`, `none`.
[[nodiscard]] std::string_view text_of(FilesystemKind kind);

struct Filesystem {
  FilesystemKind kind = FilesystemKind::none;
  std::string id;     ///< `fat-1234abcd`, `iso-2026112214073100-DISC`; empty for the last three kinds
  std::string label;  ///< what the filesystem calls itself, any bytes but padding; may be empty
  std::string note;   ///< for the last three kinds, why it cannot be used: "it holds exFAT"
};

/// So many bytes from the start of a disk or partition are looked at.
inline constexpr std::size_t superblock_bytes = 16 * 2048 + 2048;

/// `start`: that many, or all there are where there are fewer; `size`: of the whole disk or partition.
[[nodiscard]] Filesystem filesystem_of(View start, std::uint64_t size);

}  // namespace ceremony::media
