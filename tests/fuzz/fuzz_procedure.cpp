// Any bytes as a procedure file: read, or refused; nothing else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ceremony/procedure/procedure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)ceremony::procedure::read_procedure("fuzz.toml", std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
