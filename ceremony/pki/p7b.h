// Certs-only PKCS#7 SignedData (RFC 2315, RFC 5652 5), byte for byte what `openssl crl2pkcs7 -nocrl -outform DER`
// makes.
#pragma once

#include <span>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

/// The certificates in the order given (a chain: issuing first, root last). At least one.
[[nodiscard]] Bytes certs_only_p7b(std::span<const CertDer> certificates);

}  // namespace ceremony::pki
