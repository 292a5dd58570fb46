// A boot image that is to be admitted: what of it governance approves, and what people read of it.
//
// Pure. Called by the action `admit_image` alone. PCR 4 and 11 are there exactly where the policy has [tpm].
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ceremony/actions/image_files.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/policy/policy.h"
#include "ceremony/state/state.h"

namespace ceremony::actions {

struct NewImage {
  ImageFiles files;
  Digest uki;                                ///< as the witness found it on the medium; one of `files.kernels`
  std::optional<Digest> pcr4{}, pcr11{};     ///< what the TPM of a machine says that was started from it
};

/// Exactly what rule POL-4 wants of `image.act`.
[[nodiscard]] ledger::Act act_of(const NewImage& image);
/// For the screen of those who approve: each digest with its words.
[[nodiscard]] std::string described(const NewImage& image);
/// A ceremony can be opened on it already. One that was admitted with other values of the TPM is not that: those were for other firmware, or
/// were mistyped.
[[nodiscard]] bool is_admitted(const NewImage& image, const policy::Policy& policy, std::span<const state::AdmittedImage> before);
/// `what`: "SHA-256", "value of PCR 4". Throws Refused{ActionRefusal::mistaken}, with that hint.
[[nodiscard]] Digest digest_typed(std::string typed, const std::string& what, const std::string& person, const std::string& hint);

}  // namespace ceremony::actions
