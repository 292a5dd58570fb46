// Kernel events: what is taken says the same again, and its path stays below /sys.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "media/linux_uevent.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  try {
    const auto event = media::parse_uevent(text);
    assert(event.path.find("/../") == std::string::npos && event.path.front() == '/' && event.path.back() != '/');
    const auto again = media::parse_uevent(media::text_of(event));
    assert(again.values == event.values && again.path == event.path && again.number == event.number);
    assert(media::text_of(again).size() == text.size());
  } catch (const Refused&) {
  }
  return 0;
}
