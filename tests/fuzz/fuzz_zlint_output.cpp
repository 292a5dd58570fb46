// What zlint prints: whatever it is, findings come out tame and sorted or nothing does.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/actions/zlint.h"
#include "ceremony/ground/refused.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  try {
    for (const auto& findings : actions::parse_zlint_output(as_text(View(data, size)), 2))
      for (const auto& finding : findings)
        assert(std::ranges::all_of(finding.id + finding.details, [](char c) { return c >= ' ' && c <= '~'; }));
  } catch (const Refused&) {
  }
  return 0;
}
