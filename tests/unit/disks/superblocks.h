// First bytes of filesystems, as mkfs.fat and xorriso write them, to be changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "media/superblock.h"

namespace ceremony::media::test {

inline void put(Bytes& to, std::size_t at, std::string_view text) {
  for (const char c : text) to.at(at++) = static_cast<std::uint8_t>(c);
}
inline void put(Bytes& to, std::size_t at, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
}
inline void put_big(Bytes& to, std::size_t at, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to.at(at + i) = static_cast<std::uint8_t>(value >> (8 * (count - 1 - i)));
}

inline constexpr std::uint64_t fat_size = 36ULL << 20;

/// mkfs.fat -F 32 -s 1 -n CEREMONY -i 1234abcd, 36 MiB.
inline Bytes fat_start(std::uint32_t id = 0x1234abcd, std::string_view label = "CEREMONY   ") {
  Bytes out(superblock_bytes);
  put(out, 0, "\xeb\x58\x90mkfs.fat");
  put(out, 11, 512, 2);
  put(out, 13, 1, 1);
  put(out, 14, 32, 2);
  put(out, 16, 2, 1);
  put(out, 21, 0xf8, 1);
  put(out, 32, 73728, 4);
  put(out, 36, 567, 4);
  put(out, 44, 2, 4);
  put(out, 48, 1, 2);
  put(out, 50, 6, 2);
  put(out, 64, 0x80, 1);
  put(out, 66, 0x29, 1);
  put(out, 67, id, 4);
  put(out, 71, label);
  put(out, 82, "FAT32   ");
  put(out, 510, 0xaa55, 2);
  return out;
}

inline constexpr std::uint64_t iso_size = 400 * 2048;

inline Bytes iso_start(std::string_view label = "DISC") {
  Bytes out(superblock_bytes);
  constexpr std::size_t at = 16 * 2048;
  put(out, at, std::string_view("\1CD001\1", 7));
  put(out, at + 40, std::string(label) + std::string(32 - label.size(), ' '));
  put(out, at + 80, 300, 4);
  put_big(out, at + 84, 300, 4);
  put(out, at + 128, 2048, 2);
  put_big(out, at + 130, 2048, 2);
  put(out, at + 813, std::string_view("2026112214073100\0", 17));
  return out;
}

}  // namespace ceremony::media::test
