// C2SP tlog-checkpoint: origin, size, root. Exactly three lines; we neither write nor take extension lines.
// The log's key name is the origin, a person's is `origin/person`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ceremony/ledger/note.h"

namespace ceremony::ledger {

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Digest root;
  bool operator==(const Checkpoint&) const = default;
};

/// Printable ASCII without space and `+`, at most 200 characters, no `/` at either end.
[[nodiscard]] bool is_origin(std::string_view text);
/// `[a-z0-9-]{1,16}`.
[[nodiscard]] bool is_person_id(std::string_view text);

/// The three lines, each ended by LF: what is signed.
[[nodiscard]] std::string body(const Checkpoint& checkpoint);
/// Throws LedgerRefusal::checkpoint.
[[nodiscard]] Checkpoint parse_body(std::string_view text, std::string_view where);
/// A whole signed checkpoint: the note and what it says. Throws LedgerRefusal::note or ::checkpoint.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  Note note;
  bool operator==(const SignedCheckpoint&) const = default;
};
[[nodiscard]] SignedCheckpoint parse_checkpoint(std::string_view text, std::string_view where);

[[nodiscard]] std::string log_key_name(std::string_view origin);
[[nodiscard]] std::string person_key_name(std::string_view origin, std::string_view person);

/// Adds a signature made elsewhere over `note.text` by the key `spki` (DER). The signature is verified first; throws
/// LedgerRefusal::note if it is not one, or if that key has signed already.
void add_signature(Note& note, std::string_view name, View spki, View der_signature);

}  // namespace ceremony::ledger
