// Certificates and their TBS: what is read can be described, and a name or refusal never escapes as anything else.
#include <cstddef>
#include <cstdint>

#include "ceremony/pki/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto read : {ceremony::pki::read_certificate, ceremony::pki::read_tbs}) {
    try {
      (void)ceremony::pki::describe(read({data, size}));
    } catch (const ceremony::Refused&) {
    }
  }
  return 0;
}
