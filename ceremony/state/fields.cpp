#include "ceremony/state/fields.h"

#include <algorithm>

#include "ceremony/pki/agreement.h"

namespace ceremony::state {
namespace {

template <typename Read>
auto read_artifact(const Digest& digest, const ArtifactSource& artifacts, Read read) -> std::optional<decltype(read(View{}))> {
  const auto bytes = artifacts(digest);
  if (!bytes) return std::nullopt;
  try {
    return read(View(*bytes));
  } catch (const Refused&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<Digest> digest_in(const ledger::Value& d, std::string_view key) { return digest_from_hex(d.text(key)); }

std::map<std::string, Digest> digests_in(const ledger::Value& d, std::string_view key) {
  std::map<std::string, Digest> out;
  for (const auto& [id, value] : d.object(key))
    if (const auto* text = value.if_text())
      if (const auto digest = digest_from_hex(*text)) out[id] = *digest;
  return out;
}

std::uint64_t number_in(const ledger::Value& d, std::string_view key) { return static_cast<std::uint64_t>(std::max<std::int64_t>(d.number(key), 0)); }
Time time_in(const ledger::Value& d, std::string_view key) { return time_from_text(d.text(key)).value_or(Time{}); }

std::vector<ledger::BatchLine> batch_in(View artifact) {
  try {
    return ledger::parse_batch(as_text(artifact), "batch");
  } catch (const Refused&) {
    return {};
  }
}

std::optional<ledger::Act> act_in(const Digest& digest, const ArtifactSource& artifacts) {
  return read_artifact(digest, artifacts, [](View bytes) { return ledger::parse_act(as_text(bytes), "act"); });
}
std::optional<pki::CertificateView> certificate_in(const Digest& digest, const ArtifactSource& artifacts) {
  return read_artifact(digest, artifacts, [](View bytes) { return pki::read_certificate(bytes); });
}
std::optional<pki::CertificateView> tbs_in(const Digest& digest, const ArtifactSource& artifacts) {
  return read_artifact(digest, artifacts, [](View bytes) { return pki::read_tbs(bytes); });
}
std::optional<pki::CrlView> crl_in(const Digest& digest, const ArtifactSource& artifacts) {
  return read_artifact(digest, artifacts, [](View bytes) { return pki::read_crl(bytes); });
}
std::optional<pki::CrlView> crl_tbs_in(const Digest& digest, const ArtifactSource& artifacts) {
  return read_artifact(digest, artifacts, [](View bytes) { return pki::read_crl_tbs(bytes); });
}

bool accepted_by_both(View spki, View message, View signature, std::string_view scheme) {
  try {
    pki::verify_by_both(spki, message, signature, scheme);
    return true;
  } catch (const Refused&) {
    return false;
  }
}

bool signed_by(const pki::CertificateView& certificate, const Key& key) {
  return accepted_by_both(key.spki, certificate.tbs, certificate.signature, certificate.scheme);
}

std::optional<std::string> serial_of(const Intent& intent, const Digest& tbs, const ArtifactSource& artifacts) {
  if (intent.act == "sign-batch") {
    const auto bytes = artifacts(intent.tbs);
    if (!bytes) return std::nullopt;
    for (const ledger::BatchLine& line : batch_in(*bytes))
      if (line.tbs == tbs) return line.serial;
    return std::nullopt;
  }
  const auto view = tbs_in(tbs, artifacts);
  return view ? std::optional(view->serial_hex) : std::nullopt;
}

}  // namespace ceremony::state
