#include "ceremony/actions/measuring.h"

namespace ceremony::actions {
namespace {

constexpr auto no_tpm = "there is no TPM to ask";

}  // namespace

ledger::Quote quote_of(hsm::Tpm& tpm, const Digest& nonce) {
  auto given = tpm.quote(nonce);
  ledger::Quote out{std::move(given.spki), std::move(given.attest), std::move(given.signature), given.pcr4, given.pcr7, given.pcr11};
  if (const auto faults = ledger::faults_of(out, nonce); !faults.empty())
    throw Refused(hsm::TpmRefusal::malformed, "the machine's TPM gave a quote that is none: " + faults.front(), "TPM", "do not trust what this machine says of itself; use another machine");
  return out;
}

Measured measure(hsm::Tpm* tpm, const policy::Policy& policy, const Digest& nonce) {
  if (tpm == nullptr) return {std::nullopt, no_tpm};
  try {
    return {quote_of(*tpm, nonce), ""};
  } catch (const Refused& refusal) {
    if (policy.tpm) throw;
    return {std::nullopt, refusal.findings().front().what};
  }
}

std::string lines_of(const ledger::Quote& quote, std::string_view indent) {
  std::string out;
  for (const auto& [name, value] : {std::pair{"TPM key    ", sha256(quote.key)}, std::pair{"PCR 4      ", quote.pcr4}, std::pair{"PCR 7      ", quote.pcr7},
                                    std::pair{"PCR 11     ", quote.pcr11}})
    out += std::string(indent) + name + hex(value) + "\n";
  return out;
}

std::string machine_lines(hsm::Tpm* tpm) {
  const auto measured = measure(tpm, {}, {});
  return measured.quote ? lines_of(*measured.quote) : measured.why_not + "\n";
}

}  // namespace ceremony::actions
