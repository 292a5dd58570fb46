// Tables of keys: what is taken is as long as it says, in order, and every letter can be typed with it.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/ground/refused.h"
#include "ceremony/init/keymap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  try {
    const auto keymap = init::parse_keymap(View(data, size), "fuzz");
    assert(size <= init::longest_keymap && !keymap.empty() && keymap.front().shifts == 0);
    assert(std::ranges::is_sorted(keymap, {}, &init::KeyTable::shifts));
    for (char letter = 'a'; letter <= 'z'; ++letter)
      assert(std::ranges::any_of(keymap.front().keys, [letter](std::uint16_t value) { return (value & 0xff) == static_cast<unsigned char>(letter); }));
  } catch (const Refused& refusal) {
    assert(refusal.is(init::KeymapRefusal::malformed));
  }
  return 0;
}
