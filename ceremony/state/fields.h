// Reading records and artifacts for the fold and the rules. Nothing here judges: what is absent or does not read comes
// back as nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/record.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/state/state.h"

namespace ceremony::state {

[[nodiscard]] std::optional<Digest> digest_in(const ledger::Value& d, std::string_view key);
[[nodiscard]] std::map<std::string, Digest> digests_in(const ledger::Value& d, std::string_view key);
/// 0 where absent or negative.
[[nodiscard]] std::uint64_t number_in(const ledger::Value& d, std::string_view key);
/// The epoch where absent.
[[nodiscard]] Time time_in(const ledger::Value& d, std::string_view key);

[[nodiscard]] std::vector<ledger::BatchLine> batch_in(View artifact);
[[nodiscard]] std::optional<ledger::Act> act_in(const Digest& digest, const ArtifactSource& artifacts);
[[nodiscard]] std::optional<pki::CertificateView> certificate_in(const Digest& digest, const ArtifactSource& artifacts);
[[nodiscard]] std::optional<pki::CertificateView> tbs_in(const Digest& digest, const ArtifactSource& artifacts);
[[nodiscard]] std::optional<pki::CrlView> crl_in(const Digest& digest, const ArtifactSource& artifacts);
[[nodiscard]] std::optional<pki::CrlView> crl_tbs_in(const Digest& digest, const ArtifactSource& artifacts);

/// Both libraries accept the certificate's signature under that key.
[[nodiscard]] bool signed_by(const pki::CertificateView& certificate, const Key& key);
[[nodiscard]] bool accepted_by_both(View spki, View message, View signature, std::string_view scheme);
/// The serial of the certificate with that TBS in the intent, from the batch's line or the TBS.
[[nodiscard]] std::optional<std::string> serial_of(const Intent& intent, const Digest& tbs, const ArtifactSource& artifacts);

}  // namespace ceremony::state
