// Mnemonics, one a line: each inspected, all combined. Exponents above 0 are left out, they only cost time.
#include <algorithm>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "ceremony/shares/slip39.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  std::vector<ShareWords> all;
  for (View rest(data, size); !rest.empty() && all.size() < 20;) {
    const auto end = std::ranges::find(rest, '\n');
    const auto line = rest.first(static_cast<std::size_t>(end - rest.begin()));
    rest = rest.subspan(std::min(line.size() + 1, rest.size()));
    try {
      all.emplace_back(line);
      if (shares::inspect(all.back()).exponent > 0) return 0;
    } catch (const Refused&) {
    }
  }
  try {
    (void)shares::combine(all);
  } catch (const Refused&) {
  }
  return 0;
}
