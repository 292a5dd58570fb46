// CSR intake: whatever comes in is taken or refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ceremony/pki/csr.h"

namespace {

constexpr std::string_view text = R"(format = "ceremony-profile/v1"
id = "fuzz"
title = "fuzz"
kind = "issuing"
[key]
algorithms = ["p256", "p384", "rsa3072", "rsa4096"]
[signature]
schemes = ["ecdsa-sha256"]
[validity]
max_days = 1
[subject]
allowed = ["CN", "O", "OU", "C"]
required = ["CN"]
from_csr = ["CN", "O"]
[subject.fixed]
C = "DE"
[extensions]
key_usage = ["keyCertSign", "cRLSign"]
[crl]
max_days = 1
[lint]
zlint_sources = ["RFC5280"]
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ceremony::pki::Profile profile = ceremony::pki::read_profile("fuzz", text);
  try {
    (void)ceremony::pki::take_csr({data, size}, profile);
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
