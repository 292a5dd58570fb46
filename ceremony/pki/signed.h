// What certificates and CRLs share: X.509's SIGNED { tbs, AlgorithmIdentifier, BIT STRING } (RFC 5280 4.1 and 5.1). Inside pki.
#pragma once

#include <botan/der_enc.h>

#include <format>
#include <string_view>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

[[nodiscard]] inline Bytes assemble_signed(const TbsDer& tbs, std::string_view scheme, View signature) {
  Bytes out;
  Botan::DER_Encoder(out)
      .start_sequence()
      .raw_bytes(tbs.value)
      .raw_bytes(scheme_named(scheme).algorithm_identifier)
      .encode(signature.data(), signature.size(), Botan::ASN1_Type::BitString)
      .end_cons();
  return out;
}

/// `view_of` reads the body; `refuse` says no in the words of the caller's kind.
template <typename ViewOf, typename Refuse>
[[nodiscard]] auto read_signed(View bytes, std::string_view what, ViewOf view_of, Refuse refuse) {
  der::Reader whole(der::one(bytes, der::sequence, what).content, what);
  auto out = view_of(whole.next(der::sequence, "the body"));
  const Scheme* scheme = scheme_of(whole.next(der::sequence, "the outer algorithm").whole);
  if (scheme == nullptr || scheme->name != out.scheme) refuse(std::format("the outer signature algorithm is not the inner one ({})", out.scheme));
  out.signature = to_bytes(der::whole_octets(whole.next(der::bit_string, "the signature").content, what));
  whole.end();
  out.digest = sha256(bytes);
  return out;
}

}  // namespace ceremony::pki
