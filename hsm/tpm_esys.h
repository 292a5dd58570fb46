// A TPM over tpm2-tss. Every call opens the TPM, asks, and closes it: nothing stays open or loaded between two of them, and a TPM that does
// not answer is refused where it is asked. Used by tpm_device.cpp, and by tests, which reach a TPM of software.
#pragma once

#include <tss2/tss2_tcti.h>

#include <memory>
#include <string>

#include "hsm/tpm.h"

namespace ceremony::hsm {

/// The way to a TPM: what its library calls the initialiser of a transport, and what that takes.
struct TpmTransport {
  TSS2_RC (*initialise)(TSS2_TCTI_CONTEXT* context, std::size_t* size, const char* configuration);
  std::string configuration;
  std::string name;  ///< for messages
};

[[nodiscard]] std::unique_ptr<Tpm> make_tpm(TpmTransport transport);

}  // namespace ceremony::hsm
