#include "ceremony/pki/p7b.h"

#include <cassert>

#include "ceremony/pki/der.h"

namespace ceremony::pki {

Bytes certs_only_p7b(std::span<const CertDer> certificates) {
  assert(!certificates.empty());
  static constexpr std::uint8_t signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
  static constexpr std::uint8_t data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
  auto append = [](Bytes& out, View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  Bytes all;
  for (const CertDer& certificate : certificates) append(all, certificate.value);
  // RFC 2315 9.1: version 1, no digest algorithms, data absent, certificates [0], no CRLs, no signers.
  Bytes content = der::wrap(der::integer, der::from_number(1));
  append(content, der::wrap(der::set, {}));
  append(content, der::wrap(der::sequence, data));
  append(content, der::wrap(der::context_constructed(0), all));
  append(content, der::wrap(der::set, {}));
  Bytes outer(std::begin(signed_data), std::end(signed_data));
  append(outer, der::wrap(der::context_constructed(0), der::wrap(der::sequence, content)));
  return der::wrap(der::sequence, outer);
}

}  // namespace ceremony::pki
