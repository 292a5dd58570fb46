// What the program that people use and the small privileged one that mounts disks for it say to each other: one request, one
// answer, each one message of text lines. media/FORMAT.md has the page.
//
// Pure. Canonical: a message that is not the very bytes that text_of would write is refused. Neither side believes the other: no
// path and no option of mount is ever in a request, only what was in a list, and a list's texts are anybody's bytes (a device
// calls itself what it likes), bounded and escaped.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "media/superblock.h"
#include "media/volume.h"

namespace ceremony::media {

enum class MounterRefusal { malformed, too_large };
[[nodiscard]] constexpr std::string_view name_of(MounterRefusal code) {
  return code == MounterRefusal::malformed ? "mounter/malformed" : "mounter/too-large";
}

inline constexpr std::size_t longest_message = 65536;
inline constexpr std::size_t longest_text = 96;       ///< bytes of what a device says, before it is escaped
inline constexpr std::size_t longest_sentence = 300;  ///< the same of what people read
inline constexpr std::size_t most_media = 24;         ///< so that the longest list fits a message
inline constexpr std::chrono::milliseconds longest_wait{10'000};

/// A disk, or one of its partitions.
struct MediumSeen {
  std::string node;            ///< `sda`, `sdb1`, `sr0`: [a-z]{2,8}[0-9]{0,4}
  std::uint64_t sequence = 0;  ///< another one once the disk was taken out and put in again
  std::uint64_t bytes = 0;
  bool write_protected = false;
  Filesystem filesystem;
  std::string model, serial, port;
  bool operator==(const MediumSeen& other) const;
};

enum class Access { read_only, writable };

/// A USB device, and what became of it. `number` tells it from the next one at the same port.
enum class UsbState {
  on,     ///< is used
  asked,  ///< stays off until people say that it is theirs
  off,    ///< stays off
  gone,   ///< was pulled out
};
struct UsbNews {
  UsbState state = UsbState::off;
  std::string port;  ///< `2-1.4`: [0-9.-]{3,31}
  unsigned number = 0;
  std::string role;  ///< as usb_policy.h spells it: `disk`, `keyboard`
  std::string sentence;
  bool operator==(const UsbNews&) const = default;
};
inline constexpr std::size_t most_news = 32;

/// What is in: at once, or when something has come or gone since the last list was given, at the latest after so long.
struct ListRequest {
  std::chrono::milliseconds wait{0};
};
struct MountRequest {
  std::string node;
  std::uint64_t sequence = 0;
  Access access = Access::read_only;
};
struct UnmountRequest {
  unsigned place = 0;
};
/// What came and went since this was asked before; all that is there, the first time.
struct UsbRequest {};
/// People said that the device is theirs.
struct ApproveRequest {
  std::string port;
  unsigned number = 0;
};
using Request = std::variant<ListRequest, MountRequest, UnmountRequest, UsbRequest, ApproveRequest>;

struct Listed {
  std::vector<MediumSeen> media;
};
/// `place`: the number that names the folder it is mounted on, and that unmounting takes.
struct Mounted {
  unsigned place = 0;
};
struct Unmounted {};
struct UsbTold {
  std::vector<UsbNews> news;
};
struct Approved {};
/// With the sentences that people read.
struct NotDone {
  VolumeRefusal code = VolumeRefusal::failed;
  std::string what, hint;
};
using Answer = std::variant<Listed, Mounted, Unmounted, UsbTold, Approved, NotDone>;

/// What is longer, and what is beyond `most_media` and `most_news`, is cut off.
[[nodiscard]] std::string text_of(const Request& request);
[[nodiscard]] std::string text_of(const Answer& answer);
/// Throw Refused{MounterRefusal}.
[[nodiscard]] Request parse_request(std::string_view message);
[[nodiscard]] Answer parse_answer(std::string_view message);

}  // namespace ceremony::media
