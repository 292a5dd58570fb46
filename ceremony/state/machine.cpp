#include "ceremony/state/machine.h"

#include <algorithm>

namespace ceremony::state {

std::vector<std::string> not_admitted(const ledger::Quote& quote, const policy::Policy& policy) {
  std::vector<std::string> out;
  if (!policy.tpm) return out;
  const policy::Tpm& expected = *policy.tpm;
  const Digest key = sha256(quote.key);
  if (!std::ranges::contains(expected.keys, key)) out.push_back("policy does not enrol the attestation key " + hex(key));
  for (const auto& [name, value, admitted] : {std::tuple{"PCR 4", &quote.pcr4, &expected.pcr4}, std::tuple{"PCR 7", &quote.pcr7, &expected.pcr7},
                                              std::tuple{"PCR 11", &quote.pcr11, &expected.pcr11}})
    if (!std::ranges::contains(*admitted, *value)) out.push_back("policy does not expect " + std::string(name) + " to be " + hex(*value));
  return out;
}

}  // namespace ceremony::state
