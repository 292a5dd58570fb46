// Profile files, and the names in them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ceremony/pki/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    (void)ceremony::pki::read_profile("fuzz", text);
  } catch (const ceremony::Refused&) {
  }
  try {
    (void)ceremony::pki::text(ceremony::pki::parse_name(text));
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
