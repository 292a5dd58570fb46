#include "media/superblock.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

namespace ceremony::media {
namespace {

constexpr std::size_t iso_at = 16 * 2048;

std::uint32_t little(View bytes, std::size_t at, std::size_t count) {
  std::uint32_t out = 0;
  for (std::size_t i = count; i-- > 0;) out = (out << 8) | bytes[at + i];
  return out;
}

std::uint32_t big(View bytes, std::size_t at, std::size_t count) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < count; ++i) out = (out << 8) | bytes[at + i];
  return out;
}

bool has(View bytes, std::size_t at, std::string_view text) {
  return at + text.size() <= bytes.size() && std::ranges::equal(bytes.subspan(at, text.size()), as_view(text));
}

/// Without the blanks that it is padded with.
std::string padded(View bytes, std::size_t at, std::size_t count) {
  std::string out = as_text(bytes.subspan(at, count));
  out.resize(out.find_last_not_of(' ') + 1);
  return out;
}

Filesystem damaged(const std::string& as, const std::string& what) {
  return {FilesystemKind::damaged, "", "", "it begins like " + as + ", but " + what};
}

bool power_of_two(std::uint32_t n, std::uint32_t least, std::uint32_t most) { return std::has_single_bit(n) && n >= least && n <= most; }

/// FAT12 and FAT16 have a count of entries of the root folder and a 16-bit size of the table where FAT32 has zeros.
Filesystem fat(View boot, std::uint64_t size) {
  const std::uint32_t sector = little(boot, 11, 2), per_cluster = boot[13], reserved = little(boot, 14, 2), tables = boot[16];
  const std::uint32_t table = little(boot, 36, 4), sectors = little(boot, 32, 4), root = little(boot, 44, 4);
  const auto not_one = [](const char* what) { return damaged("FAT32", what); };
  if (little(boot, 17, 2) != 0 || little(boot, 22, 2) != 0) return {FilesystemKind::other, "", "", "it holds FAT12 or FAT16"};
  if (!power_of_two(sector, 512, 4096)) return not_one("the size of its sectors is impossible");
  if (!power_of_two(per_cluster, 1, 128) || sector * per_cluster > 65536) return not_one("the size of its clusters is impossible");
  if (reserved == 0 || tables == 0 || tables > 2 || table == 0) return not_one("its tables are impossible");
  if (boot[21] != 0xf0 && boot[21] < 0xf8) return not_one("its media byte is impossible");
  if (little(boot, 19, 2) != 0 || sectors == 0) return not_one("the count of its sectors is impossible");
  if (std::uint64_t{sectors} * sector > size) return not_one("it is larger than what it is on");
  if (little(boot, 42, 2) != 0) return not_one("its version is unknown");
  const std::uint64_t before = reserved + std::uint64_t{tables} * table;
  if (before >= sectors) return not_one("there is no room for data");
  const std::uint64_t clusters = (sectors - before) / per_cluster;
  if (clusters < 65525) return {FilesystemKind::other, "", "", "it holds a FAT32 so small that other systems take it for FAT16"};
  if (clusters > 0x0ffffff5 || (clusters + 2) * 4 > std::uint64_t{table} * sector) return not_one("its tables are too small for its clusters");
  if (root < 2 || root >= clusters + 2) return not_one("its root folder is nowhere");
  if (boot[66] != 0x29 || !has(boot, 82, "FAT32   ")) return not_one("it has no volume id");
  std::string label = padded(boot, 71, 11);
  if (label == "NO NAME") label.clear();
  std::array<std::uint8_t, 4> id{boot[70], boot[69], boot[68], boot[67]};
  return {FilesystemKind::fat32, "fat-" + hex(id), std::move(label), ""};
}

/// ECMA-119, 8.4.26.1: sixteen digits and an offset from Greenwich; all zero where it is not given.
std::optional<std::string> iso_time(View descriptor) {
  const std::string digits = as_text(descriptor.subspan(813, 16));
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return digits;
}

Filesystem iso(View descriptor, std::uint64_t size) {
  const auto not_one = [](const char* what) { return damaged("ISO 9660", what); };
  if (descriptor[0] != 1 || descriptor[6] != 1) return not_one("its first descriptor is not the primary one");
  const std::uint32_t block = little(descriptor, 128, 2), blocks = little(descriptor, 80, 4);
  if (block != 2048 || big(descriptor, 130, 2) != block) return not_one("the size of its blocks is impossible");
  if (blocks == 0 || big(descriptor, 84, 4) != blocks) return not_one("the count of its blocks is impossible");
  if (std::uint64_t{blocks} * block > size) return not_one("it is larger than what it is on");
  const auto made = iso_time(descriptor);
  if (!made) return not_one("the time it was made is impossible");
  std::string label = padded(descriptor, 40, 32), name = label;
  for (char& c : name)
    if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) c = '_';
  return {FilesystemKind::iso9660, "iso-" + *made + (name.empty() ? "" : "-" + name), std::move(label), ""};
}

struct Known {
  std::size_t at;
  std::string_view mark, name;
};
constexpr std::array<Known, 7> others{{{3, "EXFAT   ", "exFAT"},
                                       {3, "NTFS    ", "NTFS"},
                                       {1080, "\x53\xef", "a Linux filesystem (ext2, ext3 or ext4)"},
                                       {0, "LUKS\xba\xbe", "an encrypted container (LUKS)"},
                                       {3, "-FVE-FS-", "an encrypted container (BitLocker)"},
                                       {0, "XFSB", "XFS"},
                                       {32, "NXSB", "APFS"}}};

}  // namespace

std::string_view text_of(FilesystemKind kind) {
  constexpr std::array<std::string_view, 5> names{"fat32", "iso9660", "other", "damaged", "none"};
  return names[static_cast<std::size_t>(kind)];
}

Filesystem filesystem_of(View start, std::uint64_t size) {
  if (start.size() < 512 || size < 512) return {FilesystemKind::none, "", "", "nothing can be read from it"};
  for (const auto& known : others)
    if (has(start, known.at, known.mark)) return {FilesystemKind::other, "", "", "it holds " + std::string(known.name)};
  // A disc for several systems may have a boot sector before its descriptors: those count.
  if (has(start, iso_at + 1, "CD001") && start.size() >= iso_at + 2048) return iso(start.subspan(iso_at, 2048), size);
  const bool jumps = (start[0] == 0xeb && start[2] == 0x90) || start[0] == 0xe9;
  const bool ends = start[510] == 0x55 && start[511] == 0xaa;
  if (jumps && ends) return fat(start, size);
  if (jumps && has(start, 82, "FAT32   ")) return damaged("FAT32", "its first sector does not end like one");
  if (std::ranges::all_of(start, [](std::uint8_t b) { return b == 0; })) return {FilesystemKind::other, "", "", "it is empty: no filesystem is on it"};
  return {FilesystemKind::other, "", "", "no filesystem that is known here is on it"};
}

}  // namespace ceremony::media
