// The file of USB devices: what is taken is sorted, and no line lets a keyboard, a network or a radio in.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "media/usb_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  try {
    const auto rules = media::parse_usb_rules(as_text(View(data, size)), "usb");
    assert(std::ranges::is_sorted(rules.listed, {}, &media::UsbListed::model));
    for (const auto& line : rules.listed) {
      assert(!line.name.empty());
      for (const auto kind : line.kinds) assert(kind.base != 2 && kind.base != 3 && kind.base != 9 && kind.base != 0x0a && kind.base != 0xe0);
    }
  } catch (const Refused& refused) {
    for (const auto& finding : refused.findings()) assert(!finding.what.empty() && finding.where.starts_with("usb:") && !finding.hint.empty());
  }
  return 0;
}
