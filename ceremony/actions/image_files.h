// What a boot image says of itself, in two of the files that scripts/image makes of it (scripts/FORMAT.md): MANIFEST and SHA256SUMS.
//
// Pure. The bytes are anybody's: they say which image is meant, and a witness and governance say whether it is the right one.
// Invariants of what was read: SHA256SUMS names this very MANIFEST, and one kernel image at least.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ceremony/actions/image_manifest.h"
#include "ceremony/ground/bytes.h"

namespace ceremony::actions {

struct ImageFiles {
  Digest manifest;
  std::string version, kind, source;       ///< `0.2.0`; `production` or `rehearsal`; the commit
  std::map<std::string, Digest> kernels;   ///< by file: `ceremony.efi`, `ceremony.signed.efi`
  /// The name of the kernel image with that digest; empty if it is none of these.
  [[nodiscard]] std::string kernel_of(const Digest& digest) const;
};

inline constexpr std::size_t longest_sums = 1 << 14;

/// Throws Refused{ImageRefusal}.
[[nodiscard]] ImageFiles read_image_files(std::string_view manifest, std::string_view sums);

}  // namespace ceremony::actions
