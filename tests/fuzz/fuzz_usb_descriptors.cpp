// USB descriptors: what is taken has interfaces, and whatever it is gets a verdict with a sentence of plain characters.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "media/usb_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  try {
    const auto device = media::parse_usb_descriptors(View(data, size));
    assert(!device.interfaces.empty() && device.interfaces.size() <= size / 9);
    assert(media::usb_model_from(media::text_of(device.model)) == device.model);
    for (const auto phase : {media::UsbPhase::boot, media::UsbPhase::ceremony}) {
      const auto verdict = media::decide(device, "1-1", {}, {}, phase);
      assert(std::ranges::all_of(verdict.sentence, [](char c) { return c >= ' ' && c <= '~'; }));
      // Whatever the bytes: one interface that can be a network keeps it off.
      const bool network = std::ranges::any_of(device.interfaces, [](const auto& one) { return one.kind.base == 2 || one.kind.base == 0xe0; });
      assert(!network || verdict.answer == media::UsbAnswer::refuse);
    }
  } catch (const Refused&) {
  }
  return 0;
}
