// The files of the system against the MANIFEST that names each of them (`ceremony-image/v1`, scripts/FORMAT.md): whether what the
// machine holds now is what its boot image held.
//
// It finds a memory or a transfer that went wrong, and a file that somebody changed in the running system. A system that lies
// about its own files it cannot find: that is for Secure Boot, the witness's hash of the medium, and the TPM.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"

namespace ceremony::actions {

enum class ImageRefusal { malformed, does_not_fit };
[[nodiscard]] constexpr std::string_view name_of(ImageRefusal code) { return code == ImageRefusal::malformed ? "image/malformed" : "image/does-not-fit"; }

inline constexpr std::size_t longest_manifest = std::size_t{1} << 20;

struct ImageEntry {
  std::string path;    ///< absolute
  std::string target;  ///< of a link; empty: a file
  Digest digest;       ///< of a file, as are the next two
  unsigned mode = 0;
  std::string source;  ///< "package=version", or "ceremony"
};

struct ImageManifest {
  std::string version, kind, commit;
  Digest kernel;
  std::string kernel_version, command_line;
  std::vector<ImageEntry> entries;  ///< in the order of their paths
};

/// Letters, digits and . - _ +; at most 60: a version, a name of a file.
[[nodiscard]] bool is_word(std::string_view text);
/// Takes exactly what text_of writes. Throws Refused{ImageRefusal::malformed} with the line in `where`.
[[nodiscard]] ImageManifest parse_image_manifest(std::string_view text);
[[nodiscard]] std::string text_of(const ImageManifest& manifest);

/// Every file and link that SYSTEM/MANIFEST names, and MANIFEST itself, which has the digest `image`: what is missing or different,
/// all of it, each a sentence that names the file. `progress` is told now and then.
[[nodiscard]] std::vector<std::string> image_faults(Env& env, const Path& system, const Digest& image, const std::function<void(std::string_view)>& progress);

}  // namespace ceremony::actions
