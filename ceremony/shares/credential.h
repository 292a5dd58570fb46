// A person's software credential: a P-256 key that signs approvals and an age identity that opens share files, in one
// text that is itself a valid age identity file (FORMAT.md), age-encrypted to a passphrase on the person's own
// medium.
//
// Unlocked for one act and destroyed before the next screen: the destructor wipes. Move-only; moved-from it may only
// be assigned to or destroyed.
#pragma once

#include <botan/rng.h>

#include <memory>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/secret.h"
#include "ceremony/shares/age.h"
#include "ceremony/shares/refusal.h"

namespace ceremony::shares {

class Credential final {
 public:
  /// person: [a-z0-9-]{1,16}. Throws credential.
  [[nodiscard]] static Credential generate(std::string_view person, Botan::RandomNumberGenerator& rng);
  /// Takes exactly what text() makes. Throws credential; never quotes a key.
  [[nodiscard]] static Credential parse(PrivateText&& text);
  /// The encrypted file, armored or binary. Throws wrong_passphrase, what age_decrypt_passphrase throws, credential.
  [[nodiscard]] static Credential unlock(View file, const Passphrase& passphrase, unsigned max_log_n = age_max_log_n);

  Credential(Credential&& other) noexcept;
  Credential& operator=(Credential&& other) noexcept;
  ~Credential();

  [[nodiscard]] const std::string& person() const;
  /// ECDSA P-256, SHA-256, DER.
  [[nodiscard]] Bytes sign(View message, Botan::RandomNumberGenerator& rng) const;
  [[nodiscard]] Bytes spki() const;             ///< SubjectPublicKeyInfo, DER
  [[nodiscard]] std::string recipient() const;  ///< "age1…"
  [[nodiscard]] const AgeIdentity& identity() const;
  [[nodiscard]] PrivateText text() const;
  /// Armored age file.
  [[nodiscard]] Bytes seal(const Passphrase& passphrase, unsigned log_n, Botan::RandomNumberGenerator& rng) const;

 private:
  struct Inside;
  explicit Credential(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> m_inside;
};

}  // namespace ceremony::shares
