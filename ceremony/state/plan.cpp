// What an intent to sign covers, read and linted once; and the small questions that several rules ask.
#include <algorithm>

#include "ceremony/ledger/text.h"
#include "ceremony/pki/profile.h"
#include "ceremony/state/rule_functions.h"

namespace ceremony::state::rule {

using ledger::shown;

namespace {

const pki::Profile* profile_named(const CaState& s, const std::string& id) {
  const auto found = s.profiles.find(id);
  return found == s.profiles.end() ? nullptr : found->second.get();
}

/// The profile of the CA whose key this is, by its certificate.
const pki::Profile* profile_of_ca(const CaState& s, const Key& key) {
  const Certificate* own = s.certificate_of(key.id);
  return own == nullptr ? nullptr : profile_named(s, own->profile);
}

/// Puts what does not read under the rule it belongs to. Nothing if the artifact is not there: LOG-8 names that.
template <typename Read>
auto read_or_fault(const Digest& digest, const ArtifactSource& artifacts, Planned& planned, Read read) -> std::optional<decltype(read(View{}))> {
  const auto bytes = artifacts(digest);
  if (!bytes) return std::nullopt;
  try {
    return read(View(*bytes));
  } catch (const Refused& refused) {
    const bool key = refused.is(pki::PkiRefusal::key) || refused.is(pki::PkiRefusal::weak_key);
    planned.faults.push_back({key ? "CERT-6" : "CERT-3", "the bytes " + hex(digest) + " to be signed do not read: " + refused.findings().front().what});
    return std::nullopt;
  }
}

std::set<pki::Serial> listable_serials(const CaState& s, const KeyId& issuer) {
  std::set<pki::Serial> serials;
  const auto add = [&](const std::string& text) {
    if (auto bytes = unhex(text)) serials.insert({std::move(*bytes)});
  };
  for (const auto& [digest, certificate] : s.certificates)
    if (certificate.issuer == issuer) add(certificate.serial);
  for (const auto* kind : {&s.maybe_issued, &s.found})
    if (const auto of_issuer = kind->find(issuer); of_issuer != kind->end())
      for (const std::string& serial : of_issuer->second) add(serial);
  return serials;
}

void plan_certificate(const CaState& s, const Digest& tbs, const Key* issuer, Time now, const ArtifactSource& artifacts, Planned& planned) {
  auto view = read_or_fault(tbs, artifacts, planned, [](View bytes) { return pki::read_tbs(bytes); });
  if (!view) return;
  PlannedCertificate out{tbs, std::move(*view), issuer, false, {}, nullptr, {}};
  out.root = issuer != nullptr && out.view.key.spki_sha256 == issuer->spki_sha256;
  if (out.root && s.rules_of_people() != nullptr) {
    out.profile_id = s.rules_of_people()->root.profile;
  } else {
    for (const Import& import : s.open->imports)
      if (import.spki_sha256 == out.view.key.spki_sha256) out.profile_id = import.profile;
  }
  out.profile = profile_named(s, out.profile_id);
  const auto issuing = issuer != nullptr && !out.root ? issuer_certificate(s, *issuer, artifacts) : std::nullopt;
  if (out.profile != nullptr && (out.root || issuing))
    out.lint = pki::lint_tbs(out.view, {out.profile, issuing ? &*issuing : nullptr, s.open->environment == "rehearsal", now});
  planned.certificates.push_back(std::move(out));
}

void plan_crl(const CaState& s, const Digest& tbs, const Key* issuer, Time now, const ArtifactSource& artifacts, Planned& planned) {
  auto view = read_or_fault(tbs, artifacts, planned, [](View bytes) { return pki::read_crl_tbs(bytes); });
  if (!view) return;
  PlannedCrl out{std::move(*view), issuer, issuer == nullptr ? nullptr : profile_of_ca(s, *issuer), {}};
  const auto issuing = issuer != nullptr ? issuer_certificate(s, *issuer, artifacts) : std::nullopt;
  if (out.profile != nullptr && issuing) {
    const auto last = s.crls.find(issuer->id);
    const auto serials = listable_serials(s, issuer->id);
    out.lint = pki::lint_crl_tbs(out.view, {out.profile, &*issuing, last == s.crls.end() ? std::nullopt : std::optional(last->second.number), now, &serials});
  }
  planned.crls.push_back(std::move(out));
}

}  // namespace

Planned plan_of(const CaState& s, const ledger::Record& record, const ArtifactSource& artifacts) {
  Planned planned;
  if (!record.ok || record.ev != "intent" || !s.open) return planned;
  const std::string act(record.d.text("act"));
  const auto tbs = digest_in(record.d, "tbs");
  const Key* issuer = key_named(s, record.d.text("key"));
  if (!tbs || !is_signing(act)) return planned;
  if (act == "sign-crl") plan_crl(s, *tbs, issuer, record.t, artifacts, planned);
  if (act == "sign-certificate") plan_certificate(s, *tbs, issuer, record.t, artifacts, planned);
  if (act != "sign-batch") return planned;
  const auto bytes = artifacts(*tbs);
  if (!bytes) return planned;
  const auto lines = batch_in(*bytes);
  if (lines.empty()) planned.faults.push_back({"CERT-1", "the batch " + hex(*tbs) + " to be signed does not read"});
  for (const ledger::BatchLine& line : lines) plan_certificate(s, line.tbs, issuer, record.t, artifacts, planned);
  return planned;
}

std::optional<pki::CertificateView> issuer_certificate(const CaState& s, const Key& issuer, const ArtifactSource& artifacts) {
  const Certificate* own = s.certificate_of(issuer.id);
  return own == nullptr ? std::nullopt : certificate_in(own->digest, artifacts);
}

const Key* key_named(const CaState& state, std::string_view id) {
  const auto found = state.keys.find(std::string(id));
  return found == state.keys.end() ? nullptr : &found->second;
}

const Intent* intent_named(const CaState& state, std::string_view id) {
  if (!state.open) return nullptr;
  const auto found = state.open->intents.find(std::string(id));
  return found == state.open->intents.end() ? nullptr : &found->second;
}

std::string short_of_approvals(const Question& q, std::string_view act, const Digest& digest) {
  const policy::Policy* policy = q.before.rules_of_people();
  if (policy == nullptr) return {};  // POL-1
  const auto needed = policy->approval_for(act);
  if (!needed) return shown(act) + " is nothing that can be approved";
  const auto people = q.before.approved(act, digest);
  const auto members = std::ranges::count_if(people, [&](const std::string& person) {
    return policy->quorum(needed->quorum).has(person) && q.before.people.contains(person);
  });
  if (static_cast<std::size_t>(members) >= needed->m) return {};
  return std::to_string(members) + " members of the " + std::string(policy::name_of(needed->quorum)) + " quorum approved " + std::string(act) + " of " + hex(digest) +
         ", " + std::to_string(needed->m) + " are needed";
}

}  // namespace ceremony::state::rule
