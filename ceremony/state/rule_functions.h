// The rules' functions, one each, and the few questions they share. Only rules.cpp and the rule files include this.
// A rule says nothing about an artifact that is not there (LOG-8 does), about fields that are malformed (LOG-1), or
// about a policy that does not read (POL-1): so that one fault is named by one id.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ceremony/pki/lint.h"
#include "ceremony/policy/policy.h"
#include "ceremony/state/fields.h"
#include "ceremony/state/rules.h"

namespace ceremony::state::rule {

using Broken = std::vector<std::string>;

/// The record is a successful one of that event.
[[nodiscard]] inline bool is(const Question& q, std::string_view event) { return q.record.ok && q.record.ev == event; }
[[nodiscard]] inline std::string text(const Question& q, std::string_view key) { return std::string(q.record.d.text(key)); }
[[nodiscard]] inline Digest digest(const Question& q, std::string_view key) { return digest_in(q.record.d, key).value_or(Digest{}); }
[[nodiscard]] inline std::uint64_t number(const Question& q, std::string_view key) { return number_in(q.record.d, key); }
[[nodiscard]] inline const policy::Policy* policy_of(const Question& q) { return q.before.rules_of_people(); }
[[nodiscard]] inline bool is_signing(std::string_view act) { return act.starts_with("sign-"); }
[[nodiscard]] inline bool contains(const std::vector<std::string>& list, std::string_view text) {
  for (const std::string& each : list)
    if (each == text) return true;
  return false;
}

[[nodiscard]] const Key* key_named(const CaState& state, std::string_view id);
[[nodiscard]] const Intent* intent_named(const CaState& state, std::string_view id);
/// A sentence if fewer than the policy's M members of the act's quorum approved that digest; empty if enough did.
[[nodiscard]] std::string short_of_approvals(const Question& q, std::string_view act, const Digest& digest);

/// One TBSCertificate that an intent covers. A batch line whose TBS is not there is left out: it cannot be issued either.
struct PlannedCertificate {
  Digest tbs;
  pki::CertificateView view;
  const Key* issuer;             ///< null if the intent names no key
  bool root;                     ///< the issuer's own certificate
  std::string profile_id;        ///< the root's, or the import's; empty if unknown
  const pki::Profile* profile;   ///< null if unknown
  std::vector<pki::LintFinding> lint;
};
struct PlannedCrl {
  pki::CrlView view;
  const Key* issuer;
  const pki::Profile* profile;  ///< of the issuer's certificate
  std::vector<pki::LintFinding> lint;
};
struct Fault {
  std::string_view rule;
  std::string what;
};

}  // namespace ceremony::state::rule

namespace ceremony::state {
struct Planned {
  std::vector<rule::PlannedCertificate> certificates;
  std::vector<rule::PlannedCrl> crls;
  std::vector<rule::Fault> faults;  ///< bytes that do not read
};
}  // namespace ceremony::state

namespace ceremony::state::rule {

[[nodiscard]] Planned plan_of(const CaState& before, const ledger::Record& record, const ArtifactSource& artifacts);
/// The issuer's own certificate, read; nothing before there is one.
[[nodiscard]] std::optional<pki::CertificateView> issuer_certificate(const CaState& before, const Key& issuer, const ArtifactSource& artifacts);

void log_1(const Question& q, Broken& broken);
void log_2(const Question& q, Broken& broken);
void log_3(const Question& q, Broken& broken);
void log_4(const Question& q, Broken& broken);
void log_5(const Question& q, Broken& broken);
void log_7(const Question& q, Broken& broken);
void log_8(const Question& q, Broken& broken);
void log_9(const Question& q, Broken& broken);
void log_10(const Question& q, Broken& broken);
void env_1(const Question& q, Broken& broken);
void env_2(const Question& q, Broken& broken);
void pol_1(const Question& q, Broken& broken);
void pol_2(const Question& q, Broken& broken);
void pol_3(const Question& q, Broken& broken);
void pol_4(const Question& q, Broken& broken);
void pol_5(const Question& q, Broken& broken);
void role_1(const Question& q, Broken& broken);
void role_2(const Question& q, Broken& broken);
void role_3(const Question& q, Broken& broken);
void role_4(const Question& q, Broken& broken);
void role_5(const Question& q, Broken& broken);
void enrol_1(const Question& q, Broken& broken);
void enrol_2(const Question& q, Broken& broken);
void cred_1(const Question& q, Broken& broken);
void quorum_1(const Question& q, Broken& broken);
void quorum_2(const Question& q, Broken& broken);
void quorum_3(const Question& q, Broken& broken);
void quorum_4(const Question& q, Broken& broken);
void witness_1(const Question& q, Broken& broken);
void share_1(const Question& q, Broken& broken);
void share_2(const Question& q, Broken& broken);
void share_3(const Question& q, Broken& broken);
void share_4(const Question& q, Broken& broken);
void token_1(const Question& q, Broken& broken);
void token_2(const Question& q, Broken& broken);
void token_3(const Question& q, Broken& broken);
void key_1(const Question& q, Broken& broken);
void key_2(const Question& q, Broken& broken);
void key_3(const Question& q, Broken& broken);
void key_4(const Question& q, Broken& broken);
void key_5(const Question& q, Broken& broken);
void key_6(const Question& q, Broken& broken);
void key_7(const Question& q, Broken& broken);
void key_8(const Question& q, Broken& broken);
void cert_1(const Question& q, Broken& broken);
void cert_2(const Question& q, Broken& broken);
void cert_3(const Question& q, Broken& broken);
void cert_4(const Question& q, Broken& broken);
void cert_5(const Question& q, Broken& broken);
void cert_6(const Question& q, Broken& broken);
void cert_7(const Question& q, Broken& broken);
void cert_8(const Question& q, Broken& broken);
void crl_1(const Question& q, Broken& broken);
void crl_2(const Question& q, Broken& broken);
void crl_3(const Question& q, Broken& broken);
void crl_4(const Question& q, Broken& broken);
void crl_5(const Question& q, Broken& broken);
void export_1(const Question& q, Broken& broken);
void export_2(const Question& q, Broken& broken);
void evid_1(const Question& q, Broken& broken);
void evid_2(const Question& q, Broken& broken);
void waiver_1(const Question& q, Broken& broken);
void dev_1(const Question& q, Broken& broken);

}  // namespace ceremony::state::rule
