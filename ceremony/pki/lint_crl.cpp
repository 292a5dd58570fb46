// The checks of a CRL: zlint has hardly any, so these are all there are.
#include <algorithm>
#include <cassert>
#include <format>
#include <set>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/extension.h"
#include "ceremony/pki/lint.h"

namespace ceremony::pki {

namespace {

class CrlLint final {
 public:
  CrlLint(const CrlView& crl, const CrlLintContext& context)
      : m_crl(crl), m_context(context), m_profile(*context.issuer_profile), m_issuer(*context.issuer) {}

  std::vector<LintFinding> run() {
    check_issuer();
    check_number();
    check_times();
    check_entries();
    check_extensions();
    if (m_findings.empty()) check_as_built();
    return std::move(m_findings);
  }

 private:
  void note(std::string id, std::string what) {
    m_findings.push_back({std::move(id), std::move(what), Severity::error});
  }

  void check_issuer() {
    if (m_crl.issuer_der != m_issuer.subject_der)
      note("crl-issuer-name",
           std::format("the issuer is '{}', the CA's subject is '{}'", text(m_crl.issuer), text(m_issuer.subject)));
    if (!m_issuer.is_ca || !std::ranges::contains(m_issuer.key_usage, "cRLSign"))
      note("crl-issuer-not-ca", "the CA's certificate does not allow signing CRLs");
    if (m_crl.akid.empty())
      note("crl-akid-missing", "the authority key identifier is missing");
    else if (m_crl.akid != m_issuer.skid)
      note("crl-akid-issuer",
           std::format("the authority key identifier is {}, the CA's is {}", hex(m_crl.akid), hex(m_issuer.skid)));
    if (!allows_scheme(m_profile, m_crl.scheme))
      note("crl-signature-scheme",
           std::format("the signature is {}, which profile {} does not allow", m_crl.scheme, m_profile.id));
    if (!fits(m_crl.scheme, m_issuer.key.algorithm))
      note("crl-signature-key",
           std::format("the CA's key is {}, which cannot make {}", m_issuer.key.algorithm, m_crl.scheme));
  }

  void check_number() {
    if (!m_crl.number)
      note("crl-number-missing", "the CRL number is missing");
    else if (m_context.last_number && *m_crl.number <= *m_context.last_number)
      note("crl-number-order", std::format("the CRL number {} is not above {}, the latest of this CA", *m_crl.number,
                                           *m_context.last_number));
  }

  void check_times() {
    const Time begin = m_crl.this_update;
    if (m_context.signing_time) {
      const Time now = *m_context.signing_time;
      if (begin > now + std::chrono::days(1) || begin < now - std::chrono::days(1))
        note("crl-this-update-signing",
             std::format("thisUpdate {} is not within a day of signing on {}", text_of(begin), text_of(now)));
    }
    if (!m_crl.next_update) return note("crl-next-update-missing", "nextUpdate is missing");
    const Time end = *m_crl.next_update;
    if (end <= begin || end > begin + std::chrono::days(m_profile.crl.max_days))
      note("crl-next-update-window", std::format("nextUpdate {} is not within {} days after thisUpdate {}",
                                                 text_of(end), m_profile.crl.max_days, text_of(begin)));
    if (begin < m_issuer.not_before || begin > m_issuer.not_after)
      note("crl-outlives-issuer",
           std::format("thisUpdate {} is outside of the CA's validity ({} to {})", text_of(begin),
                       text_of(m_issuer.not_before), text_of(m_issuer.not_after)));
  }

  void check_entries() {
    std::set<Serial> seen;
    for (const CrlEntry& entry : m_crl.entries) {
      const std::string serial = hex(entry.serial);
      if (!seen.insert(entry.serial).second)
        note("crl-entry-duplicate", std::format("the serial {} is listed twice", serial));
      if (entry.date > m_crl.this_update)
        note("crl-entry-date",
             std::format("the serial {} is revoked on {}, after thisUpdate", serial, text_of(entry.date)));
      if (!entry.reason)
        note("crl-reason-missing", std::format("the serial {} has no reason code", serial));
      else if (*entry.reason == Reason::unspecified || *entry.reason == Reason::certificateHold ||
               *entry.reason == Reason::removeFromCRL)
        note("crl-reason-forbidden",
             std::format("the serial {} has the reason {}, which is not used", serial, text(*entry.reason)));
      if (m_context.listable != nullptr && !m_context.listable->contains(entry.serial))
        note("crl-entry-foreign", std::format("the serial {} is of no certificate of this CA", serial));
    }
    for (const std::string& oid : m_crl.odd_entry_extensions)
      note("crl-entry-extension",
           std::format("an entry has the extension {} beside its reason", extension_name(oid)));
  }

  void check_extensions() {
    for (const ExtensionSeen& extension : m_crl.extensions) {
      const bool idp = extension.oid == ext::idp;
      if (!idp && extension.oid != ext::akid && extension.oid != ext::crl_number)
        note("crl-extension-unexpected", std::format("the extension {} is none of ours", extension.name));
      else if (extension.critical != idp)
        note("crl-extension-critical",
             std::format("{} is {}critical", extension.name, extension.critical ? "" : "not "));
    }
    if (m_crl.idp_only_ca != m_profile.crl.only_contains_ca_certs)
      note("crl-idp",
           std::format("issuingDistributionPoint with onlyContainsCACerts is {}, profile {} says otherwise",
                       m_crl.idp_only_ca ? "there" : "absent", m_profile.id));
  }

  void check_as_built() {
    const CrlPlan plan{m_crl.issuer,       m_crl.akid,    *m_crl.number,     m_crl.this_update,
                       *m_crl.next_update, m_crl.entries, m_crl.idp_only_ca, m_crl.scheme};
    if (build_crl_tbs(plan).value != m_crl.tbs)
      note("crl-not-as-built", "the bytes are not those that this content has when built by us");
  }

  const CrlView& m_crl;
  const CrlLintContext& m_context;
  const Profile& m_profile;
  const CertificateView& m_issuer;
  std::vector<LintFinding> m_findings;
};

}  // namespace

std::vector<LintFinding> lint_crl_tbs(const CrlView& crl, const CrlLintContext& context) {
  assert(context.issuer_profile != nullptr && context.issuer != nullptr);
  return CrlLint(crl, context).run();
}

std::vector<LintFinding> lint_crl_tbs(View tbs, const CrlLintContext& context) {
  try {
    return lint_crl_tbs(read_crl_tbs(tbs), context);
  } catch (const Refused& refused) {
    return {{"crl-unreadable", refused.findings().front().what, Severity::error}};
  }
}

}  // namespace ceremony::pki
