// What policy, and who admitted an image, expect of the machine's TPM, and what its quote says: the one comparison behind rule POL-5 and
// the pre-flight.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ceremony/ledger/quote.h"
#include "ceremony/policy/policy.h"
#include "ceremony/state/state.h"

namespace ceremony::state {

/// What a machine was started from, as far as it is known: `open.image` and `open.uki`.
struct Started { std::optional<Digest> manifest, uki; };

/// What of the quote is not expected, a sentence each: its key, and each value. Empty for a policy that has no [tpm]. PCR 4 and 11 are each in
/// the policy's list; or both are those of one image in `admitted`, and the machine was started from that one.
[[nodiscard]] std::vector<std::string> not_admitted(const ledger::Quote& quote, const policy::Policy& policy, std::span<const AdmittedImage> admitted, const Started& started);

}  // namespace ceremony::state
