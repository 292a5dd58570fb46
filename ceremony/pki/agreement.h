// Signatures, checked by two libraries that share no code: Botan and OpenSSL must both say yes. Signature schemes by
// name. Signature bytes are in the form X.509 carries: DER SEQUENCE {r, s} for ECDSA, the octets for RSA.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

/// One row of the table: ecdsa-sha256/384/512, rsa-pkcs1-sha256/384/512, rsa-pss-sha256/384/512 (MGF1 with the same
/// hash, salt as long as the hash).
struct Scheme {
  std::string name;
  std::string hash;            ///< "SHA-256", "SHA-384", "SHA-512"
  std::string key;             ///< "ec" or "rsa"
  std::string botan;           ///< Botan's padding or emsa text
  Bytes algorithm_identifier;  ///< DER, as it stands in certificates (RFC 5758, RFC 4055)
};
[[nodiscard]] const std::vector<Scheme>& schemes();
/// Throws PkiRefusal::scheme for a name not in the table.
[[nodiscard]] const Scheme& scheme_named(std::string_view name);
/// The row whose AlgorithmIdentifier is exactly these bytes, or nothing.
[[nodiscard]] const Scheme* scheme_of(View algorithm_identifier);
/// Whether a key of that algorithm ("p384", …) can make it.
[[nodiscard]] bool fits(std::string_view scheme, std::string_view key_algorithm);

/// The scheme a key signs with unless its profile says otherwise: p256 → ecdsa-sha256, p384 → ecdsa-sha384 (the
/// hash as strong as the curve; CA/B BR 7.1.3.2 allows these pairs only), every RSA → rsa-pkcs1-sha384 (PKCS#1 v1.5
/// because devices that verify PSS are still rare; SHA-384 suffices for 3072 bits and more).
[[nodiscard]] std::string scheme_for(std::string_view key_algorithm);

/// Returns if both libraries accept the signature over `message`. Throws PkiRefusal::signature naming which library
/// said no ("botan", "openssl" or both), PkiRefusal::scheme for an unknown scheme or one the key cannot make.
void verify_by_both(View spki, View message, View signature, std::string_view scheme);

/// ECDSA forms: PKCS#11 gives r ‖ s of equal length, X.509 wants DER. Throws PkiRefusal::signature for a malformed
/// one.
[[nodiscard]] Bytes ecdsa_der_from_raw(View raw);
[[nodiscard]] Bytes ecdsa_raw_from_der(View der, std::size_t coordinate_bytes);

}  // namespace ceremony::pki
