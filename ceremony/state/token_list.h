// The artifact that says what is on a token: every object, one a line, sorted, so that two readings of the same token are
// the same bytes. Written from what the module reports, compared with what the log expects (rules TOKEN-2, KEY-4).
//
//   ceremony-token-list/v1
//   <class> <label> <id hex or -> local=<yes|no|-> extractable=<yes|no|-> wrap=<yes|no|-> key=<sha256 of SPKI or ->
//
// A label's bytes outside [A-Za-z0-9._/:-] are written %xx, an empty label is %. Holds no secret and no value.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::state {

struct CaState;

/// `cls` is private-key, public-key, secret-key, certificate, data or other.
struct TokenObject {
  std::string cls;
  std::string label;
  std::string id;  ///< hex, empty where the object has none
  std::optional<bool> local;
  std::optional<bool> extractable;
  std::optional<bool> wrap;  ///< CKA_WRAP: whether it may wrap other keys
  std::optional<Digest> key;  ///< SHA-256 of the SubjectPublicKeyInfo, where it can be read
  auto operator<=>(const TokenObject&) const = default;
};

[[nodiscard]] std::string token_list(std::vector<TokenObject> objects);
/// Exactly what token_list writes, or nothing.
[[nodiscard]] std::optional<std::vector<TokenObject>> parse_token_list(std::string_view text);

/// What is on the token that the log does not expect, what it expects and is not there, or what differs: a sentence with
/// the first one; nothing where they agree.
///
/// Expected on a token: the private key of each key generated or restored there and not erased since, with its id, its
/// label, LOCAL as generated (yes) or restored (no), EXTRACTABLE as last recorded, WRAP no; its public key object (may be
/// absent of a restored key); data objects `checkpoint-<size>` of checkpoints after closed ceremonies, none before the
/// first. Anything else is unexpected.
[[nodiscard]] std::optional<std::string> unexpected(const CaState& state, std::string_view token_serial, std::string_view list);

}  // namespace ceremony::state
