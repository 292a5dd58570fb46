// The label file of a medium: what is taken is what would have been written.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/ground/refused.h"
#include "media/volume.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  try {
    assert(media::text_of(media::parse_label(text)) == text);
  } catch (const Refused&) {
  }
  return 0;
}
