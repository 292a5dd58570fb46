// What a disk holds, told from its first bytes.
#include "media/superblock.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/disks/superblocks.h"

namespace ceremony::media {
namespace {

using namespace test;

/// A good FAT32 with these bytes in place of others; its kind and why.
std::string fat_with(std::size_t at, std::uint32_t value, std::size_t count) {
  Bytes start = fat_start();
  put(start, at, value, count);
  const auto fs = filesystem_of(start, fat_size);
  CHECK(fs.id.empty() == (fs.kind != FilesystemKind::fat32));
  return std::string(text_of(fs.kind)) + (fs.note.empty() ? "" : ": " + fs.note);
}

std::string iso_with(std::size_t at, std::uint32_t value, std::size_t count) {
  Bytes start = iso_start();
  put(start, 16 * 2048 + at, value, count);
  const auto fs = filesystem_of(start, iso_size);
  return std::string(text_of(fs.kind)) + (fs.note.empty() ? "" : ": " + fs.note);
}

}  // namespace

TEST_CASE("a FAT32 is known by its volume id and called by its label") {
  const auto fs = filesystem_of(fat_start(), fat_size);
  CHECK(fs.kind == FilesystemKind::fat32);
  CHECK(fs.id == "fat-1234abcd");
  CHECK(fs.label == "CEREMONY");
  CHECK(filesystem_of(fat_start(1, "NO NAME    "), fat_size).label.empty());
  CHECK(filesystem_of(fat_start(1, "           "), fat_size).id == "fat-00000001");
  // Only as much as there is.
  const auto start = fat_start();
  CHECK(filesystem_of(View(start).first(512), fat_size).kind == FilesystemKind::fat32);
  CHECK(filesystem_of(View(start).first(511), fat_size).kind == FilesystemKind::none);
  CHECK(filesystem_of({}, 0).note == "nothing can be read from it");
}

TEST_CASE("a FAT32 that cannot be one is damaged, and says why") {
  CHECK(fat_with(11, 500, 2) == "damaged: it begins like FAT32, but the size of its sectors is impossible");
  CHECK(fat_with(11, 0, 2) == "damaged: it begins like FAT32, but the size of its sectors is impossible");
  CHECK(fat_with(13, 3, 1) == "damaged: it begins like FAT32, but the size of its clusters is impossible");
  CHECK(fat_with(14, 0, 2) == "damaged: it begins like FAT32, but its tables are impossible");
  CHECK(fat_with(16, 3, 1) == "damaged: it begins like FAT32, but its tables are impossible");
  CHECK(fat_with(36, 0, 4) == "damaged: it begins like FAT32, but its tables are impossible");
  CHECK(fat_with(21, 0, 1) == "damaged: it begins like FAT32, but its media byte is impossible");
  CHECK(fat_with(32, 0, 4) == "damaged: it begins like FAT32, but the count of its sectors is impossible");
  CHECK(fat_with(19, 7, 2) == "damaged: it begins like FAT32, but the count of its sectors is impossible");
  CHECK(fat_with(32, 73729, 4) == "damaged: it begins like FAT32, but it is larger than what it is on");
  CHECK(fat_with(32, 0xffffffff, 4) == "damaged: it begins like FAT32, but it is larger than what it is on");
  CHECK(fat_with(42, 1, 2) == "damaged: it begins like FAT32, but its version is unknown");
  CHECK(fat_with(36, 0xffffffff, 4) == "damaged: it begins like FAT32, but there is no room for data");
  CHECK(fat_with(36, 500, 4) == "damaged: it begins like FAT32, but its tables are too small for its clusters");
  CHECK(fat_with(44, 1, 4) == "damaged: it begins like FAT32, but its root folder is nowhere");
  CHECK(fat_with(44, 0xffffffff, 4) == "damaged: it begins like FAT32, but its root folder is nowhere");
  CHECK(fat_with(66, 0x28, 1) == "damaged: it begins like FAT32, but it has no volume id");
  CHECK(fat_with(510, 0, 2) == "damaged: it begins like FAT32, but its first sector does not end like one");
}

TEST_CASE("what is not FAT32 is called by its name where it has one") {
  CHECK(fat_with(17, 512, 2) == "other: it holds FAT12 or FAT16");
  CHECK(fat_with(13, 2, 1) == "other: it holds a FAT32 so small that other systems take it for FAT16");
  const auto holds = [](std::size_t at, std::string_view mark) {
    Bytes start(superblock_bytes);
    put(start, at, mark);
    return filesystem_of(start, fat_size).note;
  };
  CHECK(holds(3, "EXFAT   ") == "it holds exFAT");
  CHECK(holds(3, "NTFS    ") == "it holds NTFS");
  CHECK(holds(1080, "\x53\xef") == "it holds a Linux filesystem (ext2, ext3 or ext4)");
  CHECK(holds(0, "LUKS\xba\xbe") == "it holds an encrypted container (LUKS)");
  CHECK(holds(100, "x") == "no filesystem that is known here is on it");
  CHECK(holds(0, "") == "it is empty: no filesystem is on it");
}

TEST_CASE("an ISO 9660 is known by its time and volume id") {
  const auto fs = filesystem_of(iso_start(), iso_size);
  CHECK(fs.kind == FilesystemKind::iso9660);
  CHECK(fs.id == "iso-2026112214073100-DISC");
  CHECK(fs.label == "DISC");
  CHECK(filesystem_of(iso_start("A disc/\x1b[2J"), iso_size).id == "iso-2026112214073100-A_disc___2J");
  CHECK(filesystem_of(iso_start(""), iso_size).id == "iso-2026112214073100");
  CHECK(iso_with(0, 2, 1) == "damaged: it begins like ISO 9660, but its first descriptor is not the primary one");
  CHECK(iso_with(128, 512, 2) == "damaged: it begins like ISO 9660, but the size of its blocks is impossible");
  CHECK(iso_with(80, 301, 4) == "damaged: it begins like ISO 9660, but the count of its blocks is impossible");
  CHECK(iso_with(813, 'x', 1) == "damaged: it begins like ISO 9660, but the time it was made is impossible");
  CHECK(filesystem_of(iso_start(), 299 * 2048).note == "it begins like ISO 9660, but it is larger than what it is on");
  // Both readings: the descriptors count, not what a boot sector says.
  Bytes both = iso_start();
  const Bytes fat = fat_start();
  std::copy_n(fat.begin(), 512, both.begin());
  CHECK(filesystem_of(both, fat_size).kind == FilesystemKind::iso9660);
}

}  // namespace ceremony::media
