// The boot image's MANIFEST: what is taken is what would have been written, and no path of it leads out of the system.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/actions/image_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  try {
    const auto manifest = actions::parse_image_manifest(text);
    assert(actions::text_of(manifest) == text);
    for (const auto& entry : manifest.entries) {
      assert(entry.path.front() == '/' && entry.path.find("/../") == std::string::npos && !entry.path.ends_with("/.."));
      assert(Path(entry.path).lexically_normal() == Path(entry.path));
    }
  } catch (const Refused&) {
  }
  return 0;
}
