#include "hsm/tpm_device.h"

#include <tss2/tss2_tcti_device.h>
#include <unistd.h>

#include "hsm/tpm_esys.h"

namespace ceremony::hsm {

std::unique_ptr<Tpm> find_tpm() {
  if (::access(tpm_device, F_OK) != 0) return nullptr;
  return make_tpm({Tss2_Tcti_Device_Init, tpm_device, tpm_device});
}

}  // namespace ceremony::hsm
