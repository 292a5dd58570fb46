// One member's share as a text file (ceremony-share/v1), what the log may know of it, and what a combined secret
// gives. The format, an example and the way back without our programs: FORMAT.md beside this file.
//
// The text is a secret until it is encrypted. Commitment and key check value go on the log.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/secret.h"
#include "ceremony/shares/refusal.h"

namespace ceremony::shares {

struct ShareFile {
  std::string origin;      ///< of the log: 1 to 200 visible ASCII characters, no '+'
  std::string ceremony;    ///< ceremony id: 1 to 64 of [A-Za-z0-9._-]
  std::string quorum;      ///< [a-z0-9-]{1,32}: activation, recovery
  unsigned index = 0;      ///< from 1; the words' member index plus one
  unsigned count = 0;      ///< N
  unsigned threshold = 0;  ///< M, as in the words
  std::string holder;      ///< person id, [a-z0-9-]{1,16}
  ShareWords words;        ///< 33 words
  std::string kcv;         ///< 16 lower-case hex digits
};

/// The text. Throws share_file for values the format does not have, so that what is written can be read.
[[nodiscard]] PrivateText write(const ShareFile& share);
/// Takes exactly what write makes. Throws share_file with every mistake at once, `where` = "line 3"; mistakes in the
/// words are findings too, and no finding quotes a word.
[[nodiscard]] ShareFile read(std::span<const std::uint8_t> text);

/// SHA-256("ceremony-share-commit/v1\n" origin "\n" words "\n"): on the log before the share leaves.
[[nodiscard]] Digest commitment(std::string_view origin, const ShareWords& words);
/// Key check value: the first 8 bytes of HMAC-SHA-256(secret, "ceremony-kcv/v1"), hex. The same in all N shares.
[[nodiscard]] std::string kcv(const MasterSecret& secret);

/// How a token wants its PIN. base32_32: 32 characters A-Z 2-7 (160 bits). hex_16: 16 of 0-9 a-f (64 bits).
enum class PinForm { base32_32, hex_16 };
[[nodiscard]] std::optional<PinForm> pin_form_from(std::string_view text);  ///< "base32-32", "hex-16"
[[nodiscard]] std::string_view text_of(PinForm form);

/// HKDF-SHA-256, empty salt; info ceremony/user-pin/v1, ceremony/so-pin/v1, ceremony/kek/v1.
[[nodiscard]] Pin derive_user_pin(const MasterSecret& activation, PinForm form);
[[nodiscard]] Pin derive_so_pin(const MasterSecret& recovery, PinForm form);
[[nodiscard]] Kek derive_kek(const MasterSecret& recovery);  ///< 32 bytes

}  // namespace ceremony::shares
