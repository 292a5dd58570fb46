// What a policy expects of the machine's TPM, and what its quote says: the one comparison behind rule POL-5 and the pre-flight.
#pragma once

#include <string>
#include <vector>

#include "ceremony/ledger/quote.h"
#include "ceremony/policy/policy.h"

namespace ceremony::state {

/// What of the quote the policy does not admit, a sentence each: its key, and each value. Empty for a policy that has no [tpm].
[[nodiscard]] std::vector<std::string> not_admitted(const ledger::Quote& quote, const policy::Policy& policy);

}  // namespace ceremony::state
