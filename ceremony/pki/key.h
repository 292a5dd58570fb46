// Public keys: what they are and whether they are fit to be certified. Never sees a private key.
#pragma once

#include <string>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

/// A key that passed inspect_key. `algorithm` is "p256", "p384", "rsa3072", "rsa4096" or
/// "rsa<bits>": the spelling of hsm/token.h and of profiles.
struct PublicKeyInfo {
  std::string algorithm;
  SpkiDer spki;
  Digest spki_sha256;
  Bytes skid;  ///< RFC 5280 4.2.1.2 method 1: SHA-1 of the BIT STRING's content, 20 bytes
};

/// Takes the whole of `spki`: strict DER; an uncompressed point on P-256 or P-384 named by its OID; or RSA of 3072 to
/// 8192 bits, bits divisible by 8, odd exponent from 65537 to 2^256, modulus odd and without small factors, without
/// the fingerprint of CVE-2017-15361 (ROCA), and not the product of close primes (100 rounds of Fermat's method).
/// Throws PkiRefusal::key for what is no such key, PkiRefusal::weak_key for one that must not be certified. (CA/B
/// BR 6.1.6)
[[nodiscard]] PublicKeyInfo inspect_key(View spki);

/// The `algorithm` text alone, of a well-formed key of any size; no question of strength is asked. Throws
/// PkiRefusal::key.
[[nodiscard]] std::string key_algorithm(View spki);

/// Method 1 of RFC 5280 4.2.1.2 over a well-formed SubjectPublicKeyInfo. Throws PkiRefusal::der.
[[nodiscard]] Bytes subject_key_id(View spki);

}  // namespace ceremony::pki
