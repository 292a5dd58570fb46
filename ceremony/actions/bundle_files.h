// The files of what is exported, made from the log alone: the same log gives the same bytes.
#pragma once

#include "ceremony/actions/run.h"
#include "media/files.h"

namespace ceremony::actions {

/// Folder of a certificate's bundle on the factory's medium: "bundle-<first 8 random bytes of the serial>".
[[nodiscard]] std::string bundle_name(const state::Certificate& certificate);
/// Root certificate and CRL with README and MANIFEST.
[[nodiscard]] media::Files public_files(Run& run);
/// The payload of a factory's bundle (media/FORMAT.md): everything but log/ and the proofs.
[[nodiscard]] media::Files bundle_files(Run& run, const state::Certificate& certificate, const std::string& recipient);

/// Writes and reads back; what an interrupted attempt wrote whole is read back and adopted. `beside`: what lies below the
/// prefix already.
void export_to(Run& run, const std::string& medium, const std::string& prefix, const media::Files& files, const media::Files& beside = {});
/// Proofs and archives of the bundles of the last closed ceremony.
void write_proofs(Run& run);

}  // namespace ceremony::actions
