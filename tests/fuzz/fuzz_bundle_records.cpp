// log/records.jsonl of a bundle from outside: refused, or read.
#include "ceremony/ground/refused.h"
#include "ceremony/report/bundle_records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)ceremony::report::read_bundle_records({reinterpret_cast<const char*>(data), size});
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
