// A whole transcript from outside, replayed with every rule and no artifact: refused by the parser, or a verdict.
#include "ceremony/ground/refused.h"
#include "ceremony/ledger/ledger.h"
#include "ceremony/state/rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ceremony::state::ArtifactSource nothing = [](const ceremony::Digest&) -> std::optional<ceremony::Bytes> { return std::nullopt; };
  try {
    const auto transcript = ceremony::ledger::parse_transcript({reinterpret_cast<const char*>(data), size}, "fuzz");
    ceremony::state::CaState state;
    for (const auto& record : transcript.records) {
      (void)ceremony::state::check(state, record, nothing);
      state = ceremony::state::fold(std::move(state), record, transcript.tree.leaf(record.n), nothing);
    }
    (void)ceremony::state::check_checkpoint(state, transcript.tree, "");
  } catch (const ceremony::Refused&) {
  }
  return 0;
}
