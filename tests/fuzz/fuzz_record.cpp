// A record's line from outside: refused, or it is exactly what we would have written.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (ceremony::ledger::line(ceremony::ledger::parse_record(text, "fuzz")) != text) std::abort();
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
