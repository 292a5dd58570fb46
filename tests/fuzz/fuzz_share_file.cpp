// Share files; what is accepted must be written again byte for byte.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/share_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const View file(data, size);
  try {
    if (!shares::write(shares::read(file)).same(PrivateText(file))) std::abort();
  } catch (const Refused&) {
  }
  return 0;
}
