// A signed note, a checkpoint, a proof, a key from outside: refused, or written back the same.
#include <cstdlib>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/proof.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto must_be_same = [text](const std::string& written) {
    if (written != text) std::abort();
  };
  const auto attempt = [](auto parse_and_write) {
    try {
      parse_and_write();
    } catch (const ceremony::Refused&) {
    }
  };
  using namespace ceremony::ledger;
  attempt([&] { must_be_same(write_note(parse_note(text, "fuzz"))); });
  attempt([&] { must_be_same(body(parse_body(text, "fuzz"))); });
  attempt([&] { must_be_same(write_proof(parse_proof(text, "fuzz"))); });
  attempt([&] { must_be_same(write_vkey(parse_vkey(text, "fuzz"))); });
  attempt([&] { must_be_same(write_public_pem(parse_public_pem(text, "fuzz"))); });
  return 0;
}
