// Credential files after decryption; what is accepted must be written again byte for byte.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/credential.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const PrivateText file(View(data, size));
  try {
    if (!shares::Credential::parse(file.duplicate()).text().same(file)) std::abort();
  } catch (const Refused&) {
  }
  return 0;
}
