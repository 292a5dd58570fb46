// What the machine says of itself through its TPM: asked by `open`, by the pre-flight and by `ceremony machine`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ceremony/ledger/quote.h"
#include "ceremony/policy/policy.h"
#include "hsm/tpm.h"

namespace ceremony::actions {

/// The TPM's quote over that nonce, looked at as the verifier will. Throws Refused{hsm::TpmRefusal, …}.
[[nodiscard]] ledger::Quote quote_of(hsm::Tpm& tpm, const Digest& nonce);

/// What `open` will say, and why it says no more.
struct Measured {
  std::optional<ledger::Quote> quote;
  std::string why_not;  ///< "there is no TPM to ask", or how it failed; empty where there is a quote
};
/// `tpm` may be null. A TPM that is there and fails is refused where the policy asks something of it; where it does not, that is a fact like
/// having none.
[[nodiscard]] Measured measure(hsm::Tpm* tpm, const policy::Policy& policy, const Digest& nonce);

/// Key and values as lines that people read and write down, each behind `indent`.
[[nodiscard]] std::string lines_of(const ledger::Quote& quote, std::string_view indent = "");
/// The same for a machine of which nothing is asked yet. One line where there is no TPM, or it fails.
[[nodiscard]] std::string machine_lines(hsm::Tpm* tpm);

}  // namespace ceremony::actions
