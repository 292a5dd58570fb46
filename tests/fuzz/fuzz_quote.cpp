// A TPM's quote from a log: not one, or written back the same; and what a TPM signed, alone.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/quote.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)ceremony::ledger::read_attest({data, size});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto quote = ceremony::ledger::parse_quote(text, "fuzz");
    if (ceremony::ledger::quote_artifact(quote) != text) std::abort();
    (void)ceremony::ledger::faults_of(quote, {});
  } catch (const ceremony::Refused&) {
    // no quote
  }
  return 0;
}
