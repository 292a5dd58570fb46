// CRLs and their TBS: what is read can be described.
#include <cstddef>
#include <cstdint>

#include "ceremony/pki/crl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto read : {ceremony::pki::read_crl, ceremony::pki::read_crl_tbs}) {
    try {
      (void)ceremony::pki::describe(read({data, size}));
    } catch (const ceremony::Refused&) {
    }
  }
  return 0;
}
