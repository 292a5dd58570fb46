// The TPM that the kernel has found.
#pragma once

#include <memory>

#include "hsm/tpm.h"

namespace ceremony::hsm {

/// The kernel's own resource manager: what one program loads does not get into another's way.
inline constexpr const char* tpm_device = "/dev/tpmrm0";

/// Null where the kernel has found none. The TPM is not asked anything yet.
[[nodiscard]] std::unique_ptr<Tpm> find_tpm();

}  // namespace ceremony::hsm
