// The medium that the machine was started from: its unified kernel image is hashed, and then it is to be taken out.
//
// The kernel keeps nothing of the medium, so it is looked for among the removable disks: the one whose EFI/BOOT/BOOTX64.EFI
// carries the digest of this very system's MANIFEST. Mounted read-only, and only while it is read.
// Downside: it is what the medium holds now, read by the system that was started from it; that is why a witness hashes the medium on
// another machine too. Firmware that refuses what is not signed, and a TPM, say more.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "ceremony/ground/bytes.h"

namespace ceremony::init {

struct BootMedium {
  std::string disk;  ///< `sda`
  Digest uki;
};

/// Waits so long for it; nothing where it did not come, or the machine was not started from one.
[[nodiscard]] std::optional<BootMedium> find_boot_medium(const Digest& manifest, std::chrono::milliseconds patience);
/// Returns when it is out.
void wait_until_out(const std::string& disk);

}  // namespace ceremony::init
