// A PKCS#10 request (RFC 2986) put together by hand, for keys that only sign through ThrowawayKey.
#pragma once

#include <botan/ber_dec.h>
#include <botan/der_enc.h>
#include <botan/rng.h>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/lint.h"
#include "ceremony/pki/name.h"

namespace ceremony::testing {

inline Bytes make_csr(const pki::ThrowawayKey& key, const pki::Name& subject, Botan::RandomNumberGenerator& rng) {
  const std::string scheme = pki::scheme_for(key.info().algorithm);
  Bytes info;
  Botan::DER_Encoder(info)
      .start_sequence()
      .encode(std::size_t{0})
      .raw_bytes(pki::encode_name(subject))
      .raw_bytes(key.info().spki.value)
      .start_context_specific(0)
      .end_cons()
      .end_cons();
  Bytes out;
  Botan::DER_Encoder(out)
      .start_sequence()
      .raw_bytes(info)
      .raw_bytes(pki::scheme_named(scheme).algorithm_identifier)
      .encode(key.sign(info, scheme, rng), Botan::ASN1_Type::BitString)
      .end_cons();
  return out;
}

}  // namespace ceremony::testing
