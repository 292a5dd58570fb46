// CSR intake: from a certification request only the public key and the name fields its profile lets through are
// taken. Everything else it asks for is put into words and dropped. Never a source of extensions.
#pragma once

#include <string>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/key.h"
#include "ceremony/pki/name.h"
#include "ceremony/pki/profile.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

constexpr std::size_t csr_limit = 64 * 1024;

struct CsrIntake {
  CsrDer der;     ///< the artifact: DER also where PEM came in
  Digest digest;  ///< SHA-256 of `der`
  PublicKeyInfo key;
  Name requested;      ///< the known fields of the name it asked for, for the screen
  Name subject;        ///< what the profile lets through, with the profile's fixed fields, in the profile's order
  std::string scheme;  ///< of its self-signature
  std::vector<std::string> dropped;  ///< one sentence for each wish that is not followed
};

/// PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST") or DER, at most 64 KiB, exactly one request and nothing
/// after it. Its self-signature must be accepted by Botan and by OpenSSL, its key by inspect_key and by the profile,
/// and the resulting subject by the profile. Throws PkiRefusal::csr, csr_signature, key, weak_key, pem, der or name.
[[nodiscard]] CsrIntake take_csr(View bytes, const Profile& profile);

}  // namespace ceremony::pki
