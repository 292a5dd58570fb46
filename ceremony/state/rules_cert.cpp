// CERT, CRL: what is signed, before it is signed (at the intent, over the TBS) and after (at issue and crl, over what exists).
#include <algorithm>
#include <map>

#include "ceremony/ledger/text.h"
#include "ceremony/pki/csr.h"
#include "ceremony/pki/key.h"
#include "ceremony/pki/profile.h"
#include "ceremony/state/rule_functions.h"

namespace ceremony::state::rule {

using ledger::shown;

namespace {

void faults_of(const Question& q, std::string_view rule, Broken& broken) {
  for (const Fault& fault : q.planned.faults)
    if (fault.rule == rule) broken.push_back(fault.what);
}

std::string named(const pki::CertificateView& view) { return shown(pki::text(view.subject)); }

/// Years count 365.25 days, rounded up, as in profiles.
std::chrono::days days_of(int years) { return std::chrono::days((static_cast<std::int64_t>(years) * 1461 + 3) / 4); }

/// Lint's ids under the rule that says the same; "" where the rule's own function says it, so that it is said once.
std::string_view rule_of(std::string_view lint_id) {
  static const std::map<std::string_view, std::string_view> other = {
      {"cert-validity-length", "CERT-4"},    {"cert-not-before-signing", "CERT-4"}, {"cert-validity-order", ""},  {"cert-before-issuer", ""},
      {"cert-outlives-issuer", ""},          {"cert-serial-bits", "CERT-5"},        {"cert-key-of-issuer", ""},   {"cert-skid-method", ""},
      {"cert-skid-missing", ""},             {"cert-akid-issuer", ""},              {"cert-akid-missing", ""},    {"cert-rehearsal-missing", ""},
      {"cert-rehearsal-present", ""},        {"crl-number-missing", ""},            {"crl-number-order", ""},     {"crl-this-update-signing", ""},
      {"crl-entry-foreign", ""},             {"crl-next-update-missing", ""},       {"crl-next-update-window", ""}, {"crl-outlives-issuer", "CRL-4"},
      {"crl-entry-date", ""},                {"crl-reason-missing", ""},            {"crl-reason-forbidden", "CRL-5"},
  };
  const auto found = other.find(lint_id);
  return found == other.end() ? "CERT-3" : found->second;
}

void findings_of(const Question& q, std::string_view rule, Broken& broken) {
  for (const PlannedCertificate& planned : q.planned.certificates)
    for (const pki::LintFinding& finding : planned.lint)
      if (finding.severity != pki::Severity::notice && rule_of(finding.id) == rule) broken.push_back(named(planned.view) + ": " + finding.what + " (" + finding.id + ")");
  for (const PlannedCrl& planned : q.planned.crls)
    for (const pki::LintFinding& finding : planned.lint)
      if (finding.severity != pki::Severity::notice && rule_of(finding.id) == rule) broken.push_back("CRL: " + finding.what + " (" + finding.id + ")");
}

template <typename Seen, typename Said>
void compare(std::string_view field, const Seen& seen, const Said& said, Broken& broken) {
  if (seen != said) broken.push_back("the record says " + std::string(field) + " " + shown(said) + ", the bytes say " + shown(seen));
}

/// result.out of this TBS in the record's intent is what the record names.
void compare_with_result(const Question& q, const Intent& intent, std::string_view field, Broken& broken) {
  const auto done = intent.results.find(digest(q, "tbs"));
  if (done == intent.results.end()) {
    broken.push_back("there is no result for " + text(q, "tbs"));
  } else if (done->second.out != text(q, field)) {
    broken.push_back("the result was " + done->second.out + ", recorded is " + text(q, field));
  }
}

void check_issued(const Question& q, const Intent& intent, Broken& broken) {
  compare_with_result(q, intent, "certificate", broken);
  const Digest issued = digest(q, "certificate");
  if (!q.artifacts(issued)) return;  // LOG-8
  const auto view = certificate_in(issued, q.artifacts);
  if (!view) {
    broken.push_back("the certificate " + hex(issued) + " does not read");
    return;
  }
  compare("the TBS", hex(sha256(view->tbs)), text(q, "tbs"), broken);
  compare("the serial", view->serial_hex, text(q, "serial"), broken);
  compare("the subject", pki::text(view->subject), text(q, "subject"), broken);
  compare("the key", hex(view->key.spki_sha256), text(q, "spki_sha256"), broken);
  compare("the key id", hex(view->skid), text(q, "skid"), broken);
  compare("notBefore", text_of(view->not_before), text(q, "not_before"), broken);
  compare("notAfter", text_of(view->not_after), text(q, "not_after"), broken);
  compare("the issuer", intent.key, text(q, "issuer"), broken);
  if (intent.act != "sign-batch") return;
  const auto batch = q.artifacts(intent.tbs);
  for (const ledger::BatchLine& line : batch ? batch_in(*batch) : std::vector<ledger::BatchLine>{})
    if (line.tbs == digest(q, "tbs") && (line.serial != view->serial_hex || line.subject != pki::text(view->subject)))
      broken.push_back("the batch's line shown to the people was " + line.serial + " " + shown(line.subject) + ", the certificate is " + view->serial_hex + " " + named(*view));
}

void check_crl(const Question& q, const Intent& intent, Broken& broken) {
  compare_with_result(q, intent, "crl", broken);
  const Digest made = digest(q, "crl");
  if (!q.artifacts(made)) return;  // LOG-8
  const auto view = crl_in(made, q.artifacts);
  if (!view) {
    broken.push_back("the CRL " + hex(made) + " does not read");
    return;
  }
  compare("the TBS", hex(sha256(view->tbs)), text(q, "tbs"), broken);
  compare("the number", std::to_string(view->number.value_or(0)), std::to_string(number(q, "number")), broken);
  compare("thisUpdate", text_of(view->this_update), text(q, "this_update"), broken);
  compare("nextUpdate", view->next_update ? text_of(*view->next_update) : "none", text(q, "next_update"), broken);
  compare("the number of entries", std::to_string(view->entries.size()), std::to_string(number(q, "entries")), broken);
  compare("the issuer", intent.key, text(q, "issuer"), broken);
}

}  // namespace

void cert_1(const Question& q, Broken& broken) {
  faults_of(q, "CERT-1", broken);
  if (!is(q, "issue") && !is(q, "crl")) return;
  const Intent* intent = intent_named(q.before, text(q, "intent"));
  if (intent == nullptr || !intent->lines.contains(digest(q, "tbs"))) return;  // QUORUM-1
  if (is(q, "issue")) check_issued(q, *intent, broken);
  if (is(q, "crl")) check_crl(q, *intent, broken);
}

void cert_2(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "result")) {
    const Intent* intent = intent_named(s, text(q, "id"));
    const auto verified = q.record.d.texts("verified");
    if (intent != nullptr && is_signing(intent->act) && (!contains(verified, "botan") || !contains(verified, "openssl")))
      broken.push_back("the signature was not verified by both libraries");
  }
  const Key* issuer = key_named(s, text(q, "issuer"));
  if (issuer == nullptr) return;  // CERT-1, KEY-5
  if (is(q, "issue")) {
    const auto view = certificate_in(digest(q, "certificate"), q.artifacts);
    if (view && !signed_by(*view, *issuer)) broken.push_back("the signature on the certificate of " + named(*view) + " is not one of " + shown(issuer->label));
  }
  if (is(q, "crl")) {
    const auto view = crl_in(digest(q, "crl"), q.artifacts);
    if (view && !accepted_by_both(issuer->spki, view->tbs, view->signature, view->scheme))
      broken.push_back("the signature on CRL " + std::to_string(number(q, "number")) + " is not one of " + shown(issuer->label));
  }
}

void cert_3(const Question& q, Broken& broken) {
  faults_of(q, "CERT-3", broken);
  findings_of(q, "CERT-3", broken);
  for (const PlannedCertificate& planned : q.planned.certificates)
    if (planned.profile == nullptr) broken.push_back("no profile on the log says what " + named(planned.view) + " has to be");
  if (!is(q, "issue")) return;
  const policy::Policy* policy = policy_of(q);
  const Key* issuer = key_named(q.before, text(q, "issuer"));
  const bool root = issuer != nullptr && issuer->spki_sha256 == digest(q, "spki_sha256");
  if (root && policy != nullptr && policy->root.profile != text(q, "profile")) broken.push_back("the root is recorded under the profile " + shown(text(q, "profile")));
  if (!root && issuer != nullptr)
    for (const Import& import : q.before.open->imports)
      if (import.spki_sha256 == digest(q, "spki_sha256") && import.profile != text(q, "profile"))
        broken.push_back("recorded is the profile " + shown(text(q, "profile")) + ", taken in was " + shown(import.profile));
}

void cert_4(const Question& q, Broken& broken) {
  findings_of(q, "CERT-4", broken);
  const policy::Policy* policy = policy_of(q);
  for (const PlannedCertificate& planned : q.planned.certificates) {
    const pki::CertificateView& view = planned.view;
    if (view.not_after <= view.not_before) broken.push_back(named(view) + " ends before it begins");
    if (policy != nullptr && view.not_after - view.not_before > days_of(planned.root ? policy->root.years : policy->issuing.years_max))
      broken.push_back(named(view) + " is valid from " + text_of(view.not_before) + " to " + text_of(view.not_after) + ", longer than policy allows");
    if (planned.root || planned.issuer == nullptr) continue;
    const auto issuer = issuer_certificate(q.before, *planned.issuer, q.artifacts);
    if (issuer && (view.not_before < issuer->not_before || view.not_after > issuer->not_after))
      broken.push_back(named(view) + " is valid from " + text_of(view.not_before) + " to " + text_of(view.not_after) + ", its issuer from " + text_of(issuer->not_before) +
                       " to " + text_of(issuer->not_after));
  }
}

void cert_5(const Question& q, Broken& broken) {
  findings_of(q, "CERT-5", broken);
  const CaState& s = q.before;
  std::set<std::string> planned_before;
  for (const PlannedCertificate& planned : q.planned.certificates) {
    const Bytes& serial = planned.view.serial.value;
    const std::string& text = planned.view.serial_hex;
    if (serial.size() < 9) broken.push_back("the serial " + text + " has no room for 64 random bits");
    if (serial.size() > 20 || serial.empty() || serial.front() >= 0x80 || text.find_first_not_of('0') == std::string::npos)
      broken.push_back("the serial " + text + " is not positive and under 2^159");
    if (planned.issuer == nullptr) continue;
    const KeyId& issuer = planned.issuer->id;
    const auto has = [&](const std::map<KeyId, std::set<std::string>>& kind) { return kind.contains(issuer) && kind.at(issuer).contains(text); };
    if (s.by_serial.contains(issuer + "/" + text) || has(s.maybe_issued) || has(s.found) || !planned_before.insert(text).second)
      broken.push_back("the serial " + text + " was used before");
  }
}

void cert_6(const Question& q, Broken& broken) {
  faults_of(q, "CERT-6", broken);
  findings_of(q, "CERT-6", broken);
  const CaState& s = q.before;
  const auto taken = [&](const Digest& spki, const std::string& subject, const Key* own) {
    for (const auto& [id, key] : s.keys)
      if (key.spki_sha256 == spki && &key != own) return "the log's own key " + shown(key.label);
    for (const auto& [digest, certificate] : s.certificates)
      if (certificate.spki_sha256 == spki && certificate.subject != subject && !certificate.revoked && certificate.not_after >= q.record.t) return shown(certificate.subject);
    return std::string();
  };
  std::map<Digest, std::string> subjects;
  for (const PlannedCertificate& planned : q.planned.certificates) {
    const std::string subject = pki::text(planned.view.subject);
    if (const std::string other = taken(planned.view.key.spki_sha256, subject, planned.root ? planned.issuer : nullptr); !other.empty())
      broken.push_back("the public key of " + shown(subject) + " is that of " + other);
    const auto [same, added] = subjects.emplace(planned.view.key.spki_sha256, subject);
    if (!added && same->second != subject) broken.push_back("the public key of " + shown(subject) + " is that of " + shown(same->second));
  }
  if (!is(q, "import")) return;
  if (const std::string other = taken(digest(q, "spki_sha256"), text(q, "subject"), nullptr); !other.empty())
    broken.push_back("the public key taken in for " + shown(text(q, "subject")) + " is that of " + other);
}

void cert_7(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "import")) {
    const auto bytes = q.artifacts(digest(q, "csr"));
    const auto profile = s.profiles.find(text(q, "profile"));
    if (profile == s.profiles.end()) broken.push_back("a request is taken in for the profile " + shown(text(q, "profile")) + ", which is not on the log");
    if (!bytes || profile == s.profiles.end()) return;
    try {
      const pki::CsrIntake intake = pki::take_csr(*bytes, *profile->second);
      const std::string subject = pki::text(s.open->environment == "rehearsal" ? pki::marked_as_rehearsal(intake.subject) : intake.subject);
      if (intake.key.spki_sha256 != digest(q, "spki_sha256") || subject != text(q, "subject"))
        broken.push_back("the request is for " + shown(subject) + " and key " + hex(intake.key.spki_sha256) + ", the record says otherwise");
    } catch (const Refused& refused) {
      broken.push_back("the request of " + shown(text(q, "recipient")) + " does not stand: " + refused.findings().front().what);
    }
  }
  // Before the signature: what is about to be signed is what a request of this ceremony asked for.
  for (const PlannedCertificate& planned : q.planned.certificates) {
    if (planned.root) continue;
    const auto& view = planned.view;
    const auto same_key = [&](const Import& import) { return import.spki_sha256 == view.key.spki_sha256; };
    if (std::ranges::any_of(s.open->imports, same_key) &&  // else CERT-3: there is no profile for it
        std::ranges::none_of(s.open->imports, [&](const Import& import) { return same_key(import) && import.subject == pki::text(view.subject); }))
      broken.push_back("the request for the key of " + named(view) + " is for another subject");
  }
  if (!is(q, "issue")) return;
  const Key* issuer = key_named(s, text(q, "issuer"));
  const Digest spki = digest(q, "spki_sha256");
  if (text(q, "csr") == "none") {
    if (issuer == nullptr || issuer->spki_sha256 != spki) broken.push_back("nothing shows that " + shown(text(q, "subject")) + " has its private key");
    return;
  }
  const bool taken_in = std::ranges::any_of(s.open->imports, [&](const Import& import) {
    return import.csr == digest(q, "csr") && import.spki_sha256 == spki && import.subject == text(q, "subject");
  });
  if (!taken_in) broken.push_back("no request for this key and the subject " + shown(text(q, "subject")) + " was taken in in this ceremony");
}

void cert_8(const Question& q, Broken& broken) {
  findings_of(q, "CERT-8", broken);
  for (const PlannedCertificate& planned : q.planned.certificates) {
    if (planned.view.skid != planned.view.key.skid) broken.push_back("the SKID of " + named(planned.view) + " is " + hex(planned.view.skid) + ", method 1 gives " + hex(planned.view.key.skid));
    if (planned.issuer != nullptr && planned.view.akid != pki::subject_key_id(planned.issuer->spki))
      broken.push_back("the AKID of " + named(planned.view) + " is " + hex(planned.view.akid) + ", not its issuer's SKID");
  }
}

void crl_1(const Question& q, Broken& broken) {
  findings_of(q, "CRL-1", broken);
  for (const PlannedCrl& planned : q.planned.crls) {
    if (planned.issuer == nullptr) continue;
    const auto last = q.before.crls.find(planned.issuer->id);
    if (!planned.view.number || (last != q.before.crls.end() && *planned.view.number <= last->second.number))
      broken.push_back("the CRL has the number " + std::to_string(planned.view.number.value_or(0)) + ", the last one had " +
                       std::to_string(last == q.before.crls.end() ? 0 : last->second.number));
    const auto off = planned.view.this_update > q.record.t ? planned.view.this_update - q.record.t : q.record.t - planned.view.this_update;
    if (off > std::chrono::days(1)) broken.push_back("thisUpdate is " + text_of(planned.view.this_update) + ", more than a day from " + text_of(q.record.t));
  }
}

namespace {

/// What it signed may be checked long after it expired.
bool signs_code(const CaState& s, const Certificate& certificate) {
  constexpr std::string_view code_signing = "1.3.6.1.5.5.7.3.3";
  const auto profile = s.profiles.find(certificate.profile);
  return profile != s.profiles.end() && contains(profile->second->extended_key_usage, code_signing);
}

}  // namespace

void crl_2(const Question& q, Broken& broken) {
  findings_of(q, "CRL-2", broken);
  const CaState& s = q.before;
  for (const PlannedCrl& planned : q.planned.crls) {
    if (planned.issuer == nullptr) continue;
    const KeyId& issuer = planned.issuer->id;
    std::set<std::string> listed, due;
    for (const pki::CrlEntry& entry : planned.view.entries) listed.insert(pki::hex(entry.serial));
    const auto last = s.crls.find(issuer);
    if (last != s.crls.end())
      for (const auto& [serial, entry] : last->second.entries) due.insert(serial);
    for (const auto& [digest, certificate] : s.certificates)
      if (certificate.issuer == issuer && certificate.revoked) due.insert(certificate.serial);
    if (const auto maybe = s.maybe_issued.find(issuer); maybe != s.maybe_issued.end()) due.insert(maybe->second.begin(), maybe->second.end());
    for (const std::string& serial : due) {
      if (listed.contains(serial)) continue;
      const auto certificate = s.by_serial.find(issuer + "/" + serial);
      const bool carried = last != s.crls.end() && last->second.entries.contains(serial) && certificate != s.by_serial.end() &&
                           s.certificates.at(certificate->second).not_after < last->second.this_update && !signs_code(s, s.certificates.at(certificate->second));
      if (!carried) broken.push_back("the revoked serial " + serial + " is not on the CRL");
    }
  }
}

void crl_3(const Question& q, Broken& broken) {
  findings_of(q, "CRL-3", broken);
  const CaState& s = q.before;
  for (const PlannedCrl& planned : q.planned.crls) {
    if (planned.issuer == nullptr) continue;
    const KeyId& issuer = planned.issuer->id;
    const auto has = [&](const std::map<KeyId, std::set<std::string>>& kind, const std::string& serial) {
      return kind.contains(issuer) && kind.at(issuer).contains(serial);
    };
    for (const pki::CrlEntry& entry : planned.view.entries) {
      const std::string serial = pki::hex(entry.serial);
      if (!s.by_serial.contains(issuer + "/" + serial) && !has(s.found, serial) && !has(s.maybe_issued, serial))
        broken.push_back("the CRL lists " + serial + ", which this CA did not issue on this log");
    }
  }
}

void crl_4(const Question& q, Broken& broken) {
  findings_of(q, "CRL-4", broken);
  const policy::Policy* policy = policy_of(q);
  for (const PlannedCrl& planned : q.planned.crls) {
    std::int64_t days = policy == nullptr ? 365 : policy->crl_next_update_days;
    if (planned.profile != nullptr) days = std::min(days, planned.profile->crl.max_days);
    if (!planned.view.next_update || *planned.view.next_update <= planned.view.this_update || *planned.view.next_update > planned.view.this_update + std::chrono::days(days))
      broken.push_back("nextUpdate is " + (planned.view.next_update ? text_of(*planned.view.next_update) : "absent") + ", thisUpdate " + text_of(planned.view.this_update) +
                       " and the limit " + std::to_string(days) + " days");
  }
}

void crl_5(const Question& q, Broken& broken) {
  findings_of(q, "CRL-5", broken);
  for (const PlannedCrl& planned : q.planned.crls)
    for (const pki::CrlEntry& entry : planned.view.entries)
      if (!entry.reason || entry.date > planned.view.this_update) broken.push_back("the entry " + pki::hex(entry.serial) + " has no reason or a date after thisUpdate");
}

}  // namespace ceremony::state::rule
