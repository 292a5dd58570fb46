// age v1 files (C2SP age): encryption to a passphrase (scrypt) and to X25519 recipients, and the way back.
//
// Canonical or refused, as the specification says: exact base64, no CR, one scrypt stanza and nothing beside it.
// Nothing of a plaintext comes back unless the whole file is authentic. Files are read armored or binary, and are
// written binary; age_armor makes text of them. Stanzas of other kinds are skipped, as the specification says.
//
// Never: plugins, SSH keys, hybrid recipients, streaming (the caller bounds the size of what it reads).
#pragma once

#include <botan/rng.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/secret.h"
#include "ceremony/shares/refusal.h"

namespace ceremony::shares {

constexpr unsigned age_max_log_n = 20;  ///< scrypt work factor we are willing to spend: 2^20, 1 GiB, some seconds

/// A native age identity: an X25519 secret. Move-only; wiped when it goes.
class AgeIdentity final {
 public:
  [[nodiscard]] static AgeIdentity generate(Botan::RandomNumberGenerator& rng);
  /// "AGE-SECRET-KEY-1…", upper case, nothing around it. Throws age_key.
  [[nodiscard]] static AgeIdentity parse(std::string_view text);
  /// "age1…": public.
  [[nodiscard]] std::string recipient() const;
  /// "AGE-SECRET-KEY-1…" without LF.
  [[nodiscard]] PrivateText text() const;
  [[nodiscard]] AgeIdentity duplicate() const;

 private:
  friend struct AgeInside;
  using Scalar = Secret<struct AgeScalarTag>;
  explicit AgeIdentity(Scalar scalar);
  Scalar m_scalar;
  std::array<std::uint8_t, 32> m_public{};
};

/// Whether the text is a canonical "age1…" recipient.
[[nodiscard]] bool is_age_recipient(std::string_view text);

/// Binary age file. log_n: work factor, 1 to age_max_log_n. Throws age_work_factor.
[[nodiscard]] Bytes age_encrypt_passphrase(std::span<const std::uint8_t> plaintext, const Passphrase& passphrase,
                                           unsigned log_n, Botan::RandomNumberGenerator& rng);
/// Binary age file that each of the recipients ("age1…", at least one) can open. Throws age_key naming the bad one.
[[nodiscard]] Bytes age_encrypt_to(std::span<const std::uint8_t> plaintext, std::span<const std::string> recipients,
                                   Botan::RandomNumberGenerator& rng);

/// Throws age_armor, age_header, age_hmac, age_payload, age_work_factor, wrong_passphrase; age_no_match for a file
/// that is not encrypted to a passphrase.
[[nodiscard]] PrivateText age_decrypt_passphrase(View file, const Passphrase& passphrase,
                                                 unsigned max_log_n = age_max_log_n);
/// Throws age_armor, age_header, age_hmac, age_payload, age_no_match.
[[nodiscard]] PrivateText age_decrypt_identity(View file, std::span<const AgeIdentity> identities);

/// scrypt on all cores: several files at once, results in the order given. If any item fails, all failures are thrown
/// as one Refused, one finding an item, `where` = its name, with the code of the first. What the views and pointers
/// mean must live until the call returns.
struct AgeToUnlock {
  std::string name;  ///< for people: "share file of c2"
  View file;
  const Passphrase* passphrase;
};
struct AgeToLock {
  std::string name;
  std::span<const std::uint8_t> plaintext;
  const Passphrase* passphrase;
};
[[nodiscard]] std::vector<PrivateText> age_decrypt_passphrases(std::span<const AgeToUnlock> items,
                                                               unsigned max_log_n = age_max_log_n);
[[nodiscard]] std::vector<Bytes> age_encrypt_passphrases(std::span<const AgeToLock> items, unsigned log_n,
                                                         Botan::RandomNumberGenerator& rng);

/// Bytes that scrypt takes at one time while so many files are sealed or opened together: 128 · r · N (RFC 7914 6, r = 8) a core.
[[nodiscard]] std::uint64_t age_memory(unsigned log_n, std::size_t files);

/// The strict PEM form of the specification: 64 columns, LF, a final LF.
[[nodiscard]] std::string age_armor(View file);
/// Throws age_armor. White space around the armor is fine, LF and CRLF too; nothing else is.
[[nodiscard]] Bytes age_unarmor(View text);

}  // namespace ceremony::shares
