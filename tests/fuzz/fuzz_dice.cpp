// Dice as people type them: what is taken is numbers from 1 to 6, all that were typed and in their order.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/actions/dice.h"
#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  std::string typed = as_text(View(data, size));
  try {
    const auto dice = actions::read_dice(Passphrase(View(data, size)));
    std::erase(typed, ' ');
    assert(dice.reveal_text() == typed);
    assert(std::ranges::all_of(typed, [](char c) { return c >= '1' && c <= '6'; }));
    (void)actions::dice_fault(dice);
  } catch (const Refused&) {
  }
  return 0;
}
