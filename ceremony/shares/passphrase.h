// Passphrases the appliance proposes: 8 words of the SLIP-0039 list, 80 bits, single spaces.
#pragma once

#include <botan/rng.h>

#include "ceremony/ground/secret.h"

namespace ceremony::shares {

[[nodiscard]] Passphrase propose_passphrase(Botan::RandomNumberGenerator& rng);

/// Whether this has the form of a proposed one; in production no other is taken.
[[nodiscard]] bool is_proposed_form(const Passphrase& passphrase);

}  // namespace ceremony::shares
