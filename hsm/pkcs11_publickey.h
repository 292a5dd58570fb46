// Public halves: SubjectPublicKeyInfo from and to PKCS#11 attributes, signatures from the module's form to X.509's,
// and one verification, all with libcrypto. Pure functions; used by pkcs11_*.cpp only.
#pragma once

#include <optional>

#include "hsm/token.h"

namespace ceremony::hsm::pkcs11 {

enum class Hash { sha256, sha384, sha512 };
enum class Padding { ecdsa, pkcs1, pss };
struct SchemeParts {
  Padding padding;
  Hash hash;
};
[[nodiscard]] SchemeParts parts_of(SignatureScheme scheme);
[[nodiscard]] Bytes hash_of(View message, Hash hash);

[[nodiscard]] constexpr bool is_rsa(KeyAlgorithm a) {
  return a == KeyAlgorithm::rsa3072 || a == KeyAlgorithm::rsa4096;
}
/// The scheme a challenge is signed with.
[[nodiscard]] SignatureScheme usual_scheme(KeyAlgorithm algorithm);

/// DER of the curve's object identifier, as CKA_EC_PARAMS has it.
[[nodiscard]] Bytes ec_params(KeyAlgorithm algorithm);
[[nodiscard]] std::optional<KeyAlgorithm> algorithm_of_params(View ec_params);

/// What a public key object is made of. RSA: modulus and exponent, big-endian; EC: the uncompressed point.
struct PublicParts {
  KeyAlgorithm algorithm;
  Bytes modulus, exponent, point;
};
/// Exactly one DER SubjectPublicKeyInfo of a kind we make, in the one form we make; else nothing.
[[nodiscard]] std::optional<PublicParts> parts_of_spki(View spki);

/// Nothing if they are no valid public key. `ec_point` as DER OCTET STRING (PKCS #11 v2.40, 2.3.3) or, from modules
/// that differ, bare.
[[nodiscard]] std::optional<Bytes> spki_of_ec(View ec_params, View ec_point);
[[nodiscard]] std::optional<Bytes> spki_of_rsa(View modulus, View exponent);
/// Content as DER OCTET STRING.
[[nodiscard]] Bytes octet_string(View content);

/// RFC 8017, 9.2: DigestInfo for CKM_RSA_PKCS.
[[nodiscard]] Bytes digest_info(View digest, Hash hash);
/// r‖s, two halves of one length, as DER ECDSA-Sig-Value (RFC 3279, 2.2.3).
[[nodiscard]] Bytes der_of_raw_ecdsa(View raw);

[[nodiscard]] bool verifies(View spki, View message, View signature, SignatureScheme scheme);

}  // namespace ceremony::hsm::pkcs11
