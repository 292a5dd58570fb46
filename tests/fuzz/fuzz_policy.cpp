// Any bytes as a policy file: read, or refused; nothing else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ceremony/policy/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)ceremony::policy::read_policy("fuzz.toml", std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
