// The outside of an age file: header and armor, parsed strictly. Internal to this folder. No secret is in here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::shares {

struct AgeStanza {
  std::vector<std::string> arguments;  ///< at least one; the first names the kind
  Bytes body;
};

struct AgeHeader {
  std::vector<AgeStanza> stanzas;
  Bytes mac;
  std::size_t mac_covers = 0;  ///< bytes of the file, up to and including "---"
  std::size_t length = 0;      ///< the payload begins here
};

/// Throws age_header.
[[nodiscard]] AgeHeader parse_age_header(View file);
/// The header up to and including "---"; the MAC line is finished by " ", unpadded base64, LF.
[[nodiscard]] std::string age_header_text(const std::vector<AgeStanza>& stanzas);

/// RFC 4648 base64 without padding; decoding takes the canonical form only.
[[nodiscard]] std::string raw_base64(View bytes);
[[nodiscard]] std::optional<Bytes> unraw_base64(std::string_view text);

/// The binary file of an armored or binary one. Throws age_armor, age_header.
[[nodiscard]] Bytes age_binary(View file);

}  // namespace ceremony::shares
