// What a scanner types: two bytes a key (its code, and pressed or not; 0xff: keys were lost). Lines are printable, and none is longer than a
// frame can be.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/ground/refused.h"
#include "media/scanner_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  media::ScannerKeys keys;
  for (std::size_t at = 0; at + 1 < size; at += 2) {
    if (data[at] == 0xff) {
      keys.lost();
      continue;
    }
    try {
      const auto line = keys.take(data[at], data[at + 1] % 3);
      if (!line) continue;
      assert(line->size() <= media::longest_scan);
      assert(std::ranges::all_of(*line, [](char c) { return c >= ' ' && c <= '~'; }));
    } catch (const Refused& refused) {
      assert(refused.is(media::ScannerRefusal::lost) || refused.is(media::ScannerRefusal::too_long));
    }
  }
  return 0;
}
