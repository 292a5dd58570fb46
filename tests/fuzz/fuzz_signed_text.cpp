// An act or a batch from outside: refused, or written back the same.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/approval.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (ceremony::ledger::act_artifact(ceremony::ledger::parse_act(text, "fuzz")) != text) std::abort();
  } catch (const ceremony::Refused&) {
  }
  try {
    if (ceremony::ledger::batch_artifact(ceremony::ledger::parse_batch(text, "fuzz")) != text) std::abort();
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
