// MANIFEST: what is taken is what would have been written.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  try {
    std::string again;
    for (const auto& [name, digest] : media::parse_manifest(text)) again += hex(digest) + "  " + name + "\n";
    assert(again == text);
  } catch (const Refused&) {
  }
  return 0;
}
