// What people type of dice (action gather_entropy): numbers from 1 to 6, which are a secret like any other.
#pragma once

#include <optional>
#include <string>

#include "ceremony/ground/secret.h"

namespace ceremony::actions {

using Dice = Secret<struct DiceTag>;  ///< one character a roll, '1' to '6'

/// Spaces are left out; nothing typed is no roll. Throws Refused{ActionRefusal::mistaken} for anything else, and repeats none of it.
[[nodiscard]] Dice read_dice(const Passphrase& typed);
/// Nothing, or why no dice can be believed to have shown this: one number over and over, a short pattern repeated.
[[nodiscard]] std::optional<std::string> dice_fault(const Dice& dice);

}  // namespace ceremony::actions
