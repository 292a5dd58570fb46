// C2SP signed notes (c2sp.org/signed-note) and the one signature type we use: 0x02, ECDSA P-256 over SHA-256 of the text,
// in DER; key id = first 4 bytes of SHA-256(SubjectPublicKeyInfo DER). Signatures are made elsewhere (log key on the HSM,
// people's credentials); this file writes, parses and verifies. A note in any other spelling is refused.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ledger/refusal.h"

namespace ceremony::ledger {

using NoteKeyId = std::array<std::uint8_t, 4>;

struct NoteSignature {
  std::string name;
  NoteKeyId key_id{};
  Bytes signature;
  bool operator==(const NoteSignature&) const = default;
};

struct Note {
  std::string text;  ///< what is signed; ends with LF
  std::vector<NoteSignature> signatures;
  bool operator==(const Note&) const = default;
};

/// A key that notes are verified with. `spki`: DER SubjectPublicKeyInfo of a P-256 key.
struct VerifierKey {
  std::string name;
  Bytes spki;
  bool operator==(const VerifierKey&) const = default;
};

[[nodiscard]] NoteKeyId key_id_of(View spki);
/// `name` is what a note's signature line may carry: not empty, UTF-8, no space, no control character, no `+`.
[[nodiscard]] bool is_key_name(std::string_view name);

/// Throws LedgerRefusal::note if it cannot be written (text not ended by LF, bad name, no signature, the same key twice).
[[nodiscard]] std::string write_note(const Note& note);
/// At most 64 KiB and 64 signatures. Throws LedgerRefusal::note.
[[nodiscard]] Note parse_note(std::string_view text, std::string_view where);

/// `name+<8 hex>+base64(0x02 ‖ SPKI)`, without LF.
[[nodiscard]] std::string write_vkey(const VerifierKey& key);
/// Throws LedgerRefusal::key.
[[nodiscard]] VerifierKey parse_vkey(std::string_view text, std::string_view where);

/// Exactly the 91-byte SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480), the point on the curve.
[[nodiscard]] bool is_p256_spki(View spki_der);
/// SPKI as RFC 7468 PEM and back (`PUBLIC KEY`, 64 columns, LF); the reader takes exactly what the writer makes.
[[nodiscard]] std::string write_public_pem(View spki_der);
/// Throws LedgerRefusal::key.
[[nodiscard]] Bytes parse_public_pem(std::string_view pem, std::string_view where);

/// True if `der_signature` is an ECDSA-SHA-256 signature over `message` under that P-256 key. Never throws: a key or
/// signature that is malformed verifies nothing.
[[nodiscard]] bool verify_ecdsa_p256(View spki_der, View message, View der_signature);

/// What a set of known keys says of a note. Signatures of unknown keys are ignored, as the specification demands; a
/// known key whose signature does not verify spoils the note.
struct NoteCheck {
  std::vector<std::string> good;  ///< names of known keys whose signatures verify, in the note's order
  std::vector<std::string> bad;   ///< names of known keys whose signatures do not
  [[nodiscard]] bool trusted() const { return !good.empty() && bad.empty(); }
};
[[nodiscard]] NoteCheck check_note(const Note& note, std::span<const VerifierKey> known);

}  // namespace ceremony::ledger
