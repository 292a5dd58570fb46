// Return values of a PKCS#11 module (CK_RV, an unsigned long) as sentences. Used by pkcs11_*.cpp and their tests
// only.
#pragma once

#include <string>
#include <string_view>

#include "hsm/token.h"

namespace ceremony::hsm::pkcs11 {

/// Throws what `rv` means: "cannot <doing>: <reason> (CKR_…)", at `where` (the token), with what a person does next.
[[noreturn]] void refuse(unsigned long rv, std::string_view doing, std::string where);

inline void check(unsigned long rv, std::string_view doing, const std::string& where) {
  if (rv != 0) refuse(rv, doing, where);
}

/// "CKR_PIN_LOCKED"; "0x…" for what the standard does not name.
[[nodiscard]] std::string name_of_rv(unsigned long rv);
/// "CKM_ECDSA"; "0x…" for what we know no name of.
[[nodiscard]] std::string name_of_mechanism(unsigned long type);

}  // namespace ceremony::hsm::pkcs11
