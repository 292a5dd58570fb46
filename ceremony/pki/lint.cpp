#include "ceremony/pki/lint.h"

#include <algorithm>
#include <cassert>
#include <format>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/extension.h"

namespace ceremony::pki {

namespace {

constexpr std::string_view marker = "REHEARSAL";

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "none" : out;
}

/// The checks of one certificate, each noting its own id.
class CertificateLint final {
 public:
  CertificateLint(const CertificateView& certificate, const LintContext& context)
      : m_cert(certificate),
        m_context(context),
        m_profile(*context.profile),
        m_issuer(context.issuer != nullptr ? *context.issuer : certificate) {}

  std::vector<LintFinding> run() {
    check_issuer();
    check_key_and_scheme();
    check_validity();
    check_serial();
    check_subject();
    check_rehearsal();
    check_key_ids();
    check_constraints();
    check_usages();
    check_extensions();
    check_size();
    if (m_findings.empty()) check_as_built();
    return std::move(m_findings);
  }

 private:
  void note(std::string id, std::string what) {
    m_findings.push_back({std::move(id), std::move(what), Severity::error});
  }

  [[nodiscard]] const ExtensionSeen* seen(std::string_view oid) const {
    const auto at = std::ranges::find(m_cert.extensions, oid, &ExtensionSeen::oid);
    return at == m_cert.extensions.end() ? nullptr : &*at;
  }

  void check_issuer() {
    const bool root = m_profile.kind == ProfileKind::root;
    if (root != m_cert.self_issued)
      note("cert-self-issued", std::format("profile {} makes {} certificates, and subject and issuer are {}",
                                           m_profile.id, text(m_profile.kind), root ? "not the same" : "the same"));
    if (m_context.issuer == nullptr) {
      if (!root) note("cert-issuer-missing", "no issuer was given to measure this certificate against");
      return;
    }
    if (m_cert.issuer_der != m_issuer.subject_der)
      note("cert-issuer-name", std::format("the issuer is '{}', the issuing certificate's subject is '{}'",
                                           text(m_cert.issuer), text(m_issuer.subject)));
    if (!m_issuer.is_ca || !std::ranges::contains(m_issuer.key_usage, "keyCertSign"))
      note("cert-issuer-not-ca", "the issuing certificate may not sign certificates");
    if (m_cert.key.spki == m_issuer.key.spki) note("cert-key-of-issuer", "the public key is the issuer's own");
    if (m_issuer.path_length &&
        (*m_issuer.path_length < 1 || !m_cert.path_length || *m_cert.path_length >= *m_issuer.path_length))
      note("cert-path-length-issuer",
           std::format("the issuer's path length {} leaves no room for path length {}", *m_issuer.path_length,
                       m_cert.path_length ? std::to_string(*m_cert.path_length) : "without limit"));
  }

  void check_key_and_scheme() {
    if (!allows_key(m_profile, m_cert.key.algorithm))
      note("cert-key-algorithm", std::format("the key is {}, profile {} allows {}", m_cert.key.algorithm,
                                             m_profile.id, listed(m_profile.key_algorithms)));
    if (!allows_scheme(m_profile, m_cert.scheme))
      note("cert-signature-scheme", std::format("the signature is {}, profile {} allows {}", m_cert.scheme,
                                                m_profile.id, listed(m_profile.signature_schemes)));
    if (!fits(m_cert.scheme, m_issuer.key.algorithm))
      note("cert-signature-key",
           std::format("the issuer's key is {}, which cannot make {}", m_issuer.key.algorithm, m_cert.scheme));
  }

  void check_validity() {
    if (m_cert.not_after < m_cert.not_before)
      note("cert-validity-order",
           std::format("it ends ({}) before it begins ({})", text_of(m_cert.not_after), text_of(m_cert.not_before)));
    // RFC 5280 4.1.2.5: both ends are inside, hence the second.
    const auto length = m_cert.not_after - m_cert.not_before + std::chrono::seconds(1);
    if (length > std::chrono::days(m_profile.max_days))
      note("cert-validity-length", std::format("it is valid for more than {} days ({} to {})", m_profile.max_days,
                                               text_of(m_cert.not_before), text_of(m_cert.not_after)));
    if (m_cert.not_after > last_not_after())
      note("cert-not-after-3099", std::format("it ends on {}, after the year 3099", text_of(m_cert.not_after)));
    if (m_context.issuer != nullptr && m_cert.not_before < m_issuer.not_before)
      note("cert-before-issuer", std::format("it begins on {}, its issuer on {}", text_of(m_cert.not_before),
                                             text_of(m_issuer.not_before)));
    if (m_context.issuer != nullptr && m_cert.not_after > m_issuer.not_after)
      note("cert-outlives-issuer",
           std::format("it ends on {}, its issuer on {}", text_of(m_cert.not_after), text_of(m_issuer.not_after)));
    if (!m_context.signing_time) return;
    const Time now = *m_context.signing_time;
    if (m_cert.not_before > now || m_cert.not_before < now - std::chrono::days(1))
      note("cert-not-before-signing", std::format("it begins on {}, not within the day before it is signed on {}",
                                                  text_of(m_cert.not_before), text_of(now)));
  }

  void check_serial() {
    const Bytes& serial = m_cert.serial.value;
    if (serial.size() != 17 || serial[0] != 0x01)
      note("cert-serial-bits", std::format("the serial number {} is not 01 and 16 random bytes", m_cert.serial_hex));
  }

  void check_subject() {
    Name subject = m_cert.subject;
    if (m_context.rehearsal) {  // a fixed organisation name is compared without the marker
      for (Attribute& attribute : subject.attributes)
        if (attribute.type == "O" && attribute.value.starts_with("REHEARSAL ")) attribute.value.erase(0, 10);
    }
    for (const std::string& mistake : mistakes_in_subject(m_profile, subject)) note("cert-subject", mistake);
    if (!m_profile.matter || m_context.issuer == nullptr) return;
    const auto vendor = m_issuer.subject.get("VID");
    if (vendor && m_cert.subject.get("VID") != vendor)
      note("cert-matter-vid", std::format("the vendor id is '{}', its issuer's is '{}'",
                                          m_cert.subject.get("VID").value_or(""), *vendor));
  }

  void check_rehearsal() {
    const auto marked = std::ranges::any_of(
        m_cert.subject.attributes, [](const Attribute& a) { return a.type == "O" && a.value.contains(marker); });
    if (m_context.rehearsal && !marked)
      note("cert-rehearsal-missing", std::format("this is a rehearsal, and no organisation name carries {} ('{}')",
                                                 marker, text(m_cert.subject)));
    if (!m_context.rehearsal && marked)
      note("cert-rehearsal-present", std::format("this is no rehearsal, and an organisation name carries {} ('{}')",
                                                 marker, text(m_cert.subject)));
  }

  void check_key_ids() {
    if (m_cert.skid.empty())
      note("cert-skid-missing", "the subject key identifier is missing");
    else if (m_cert.skid != m_cert.key.skid)
      note("cert-skid-method", std::format("the subject key identifier is {}, method 1 of RFC 5280 gives {}",
                                           hex(m_cert.skid), hex(m_cert.key.skid)));
    const Bytes& expected = m_context.issuer != nullptr ? m_issuer.skid : m_cert.key.skid;
    if (m_cert.akid.empty())
      note("cert-akid-missing", "the authority key identifier is missing");
    else if (m_cert.akid != expected)
      note("cert-akid-issuer",
           std::format("the authority key identifier is {}, its issuer's is {}", hex(m_cert.akid), hex(expected)));
  }

  void check_constraints() {
    const ExtensionSeen* constraints = seen(ext::basic_constraints);
    if (constraints == nullptr || !m_cert.is_ca)
      note("cert-basic-constraints-ca", "basicConstraints does not say that this is a CA");
    if (constraints != nullptr && !constraints->critical)
      note("cert-basic-constraints-critical", "basicConstraints is not critical");
    if (m_cert.path_length != m_profile.path_length) {
      auto words = [](const std::optional<std::int64_t>& length) {
        return length ? std::to_string(*length) : std::string("none");
      };
      note("cert-path-length", std::format("the path length is {}, profile {} says {}", words(m_cert.path_length),
                                           m_profile.id, words(m_profile.path_length)));
    }
  }

  void check_list(std::string id, std::string_view what, const std::vector<std::string>& is,
                  const std::vector<std::string>& should) {
    if (is != should)
      note(std::move(id), std::format("{}: {}; profile {} says: {}", what, listed(is), m_profile.id, listed(should)));
  }

  void check_usages() {
    const ExtensionSeen* usage = seen(ext::key_usage);
    if (usage != nullptr && !usage->critical) note("cert-key-usage-critical", "keyUsage is not critical");
    check_list("cert-key-usage", "the key usage is", m_cert.key_usage, m_profile.key_usage);
    check_list("cert-eku", "the extended key usage is", m_cert.extended_key_usage, m_profile.extended_key_usage);
    check_list("cert-policies", "the policies are", m_cert.policies, m_profile.policies);
    check_list("cert-crl-distribution-points", "the CRL distribution points are", m_cert.crl_distribution_points,
               m_profile.crl_distribution_points);
  }

  void check_extensions() {
    static constexpr std::string_view critical[] = {ext::basic_constraints, ext::key_usage};
    static constexpr std::string_view plain[] = {ext::skid, ext::akid, ext::eku, ext::policies, ext::cdp};
    for (const ExtensionSeen& extension : m_cert.extensions) {
      if (std::ranges::contains(critical, extension.oid)) continue;
      if (!std::ranges::contains(plain, extension.oid))
        note("cert-extension-unexpected",
             std::format("the extension {} is none that a profile can ask for", extension.name));
      else if (extension.critical)
        note("cert-extension-critical", std::format("{} is critical", extension.name));
    }
  }

  void check_size() {
    if (m_profile.max_bytes == 0) return;
    const std::string& key = m_issuer.key.algorithm;
    const std::size_t signature = key == "p256" ? 72 : key == "p384" ? 104 : std::stoul(key.substr(3)) / 8;
    const std::size_t most = assemble_certificate({m_cert.tbs}, m_cert.scheme, Bytes(signature)).value.size();
    if (most > m_profile.max_bytes)
      note("cert-too-large",
           std::format("it has up to {} bytes, profile {} allows {}", most, m_profile.id, m_profile.max_bytes));
  }

  /// What the checks above cannot see (string types, order, stray elements): the bytes are those we would build.
  void check_as_built() {
    const CertificatePlan plan{&m_profile,    m_cert.subject,    m_cert.key.spki,  m_cert.issuer, m_cert.akid,
                               m_cert.serial, m_cert.not_before, m_cert.not_after, m_cert.scheme};
    if (build_tbs(plan).value != m_cert.tbs)
      note("cert-not-as-built", "the bytes are not those that this content has when built from its profile");
  }

  const CertificateView& m_cert;
  const LintContext& m_context;
  const Profile& m_profile;
  const CertificateView& m_issuer;  ///< itself where there is no other
  std::vector<LintFinding> m_findings;
};

}  // namespace

Name marked_as_rehearsal(Name name) {
  bool found = false;
  for (Attribute& attribute : name.attributes) {
    if (attribute.type != "O") continue;
    found = true;
    if (!attribute.value.contains(marker)) attribute.value = std::format("{} {}", marker, attribute.value);
  }
  if (!found) name.attributes.push_back({"O", std::string(marker)});
  return name;
}

const std::vector<std::string>& lint_ids() {
  static const std::vector<std::string> ids = {"cert-akid-issuer",
                                               "cert-akid-missing",
                                               "cert-basic-constraints-ca",
                                               "cert-basic-constraints-critical",
                                               "cert-before-issuer",
                                               "cert-crl-distribution-points",
                                               "cert-eku",
                                               "cert-extension-critical",
                                               "cert-extension-unexpected",
                                               "cert-issuer-missing",
                                               "cert-issuer-name",
                                               "cert-issuer-not-ca",
                                               "cert-key-algorithm",
                                               "cert-key-of-issuer",
                                               "cert-key-usage",
                                               "cert-key-usage-critical",
                                               "cert-matter-vid",
                                               "cert-not-after-3099",
                                               "cert-not-as-built",
                                               "cert-not-before-signing",
                                               "cert-outlives-issuer",
                                               "cert-path-length",
                                               "cert-path-length-issuer",
                                               "cert-policies",
                                               "cert-rehearsal-missing",
                                               "cert-rehearsal-present",
                                               "cert-self-issued",
                                               "cert-serial-bits",
                                               "cert-signature-key",
                                               "cert-signature-scheme",
                                               "cert-skid-method",
                                               "cert-skid-missing",
                                               "cert-subject",
                                               "cert-too-large",
                                               "cert-unreadable",
                                               "cert-validity-length",
                                               "cert-validity-order",
                                               "crl-akid-issuer",
                                               "crl-akid-missing",
                                               "crl-entry-date",
                                               "crl-entry-duplicate",
                                               "crl-entry-extension",
                                               "crl-entry-foreign",
                                               "crl-extension-critical",
                                               "crl-extension-unexpected",
                                               "crl-idp",
                                               "crl-issuer-name",
                                               "crl-issuer-not-ca",
                                               "crl-next-update-missing",
                                               "crl-next-update-window",
                                               "crl-not-as-built",
                                               "crl-number-missing",
                                               "crl-number-order",
                                               "crl-outlives-issuer",
                                               "crl-reason-forbidden",
                                               "crl-reason-missing",
                                               "crl-signature-key",
                                               "crl-signature-scheme",
                                               "crl-this-update-signing",
                                               "crl-unreadable"};
  return ids;
}

std::vector<LintFinding> lint_tbs(const CertificateView& certificate, const LintContext& context) {
  assert(context.profile != nullptr);
  return CertificateLint(certificate, context).run();
}

std::vector<LintFinding> lint_tbs(View tbs, const LintContext& context) {
  try {
    return lint_tbs(read_tbs(tbs), context);
  } catch (const Refused& refused) {
    return {{"cert-unreadable", refused.findings().front().what, Severity::error}};
  }
}

void refuse_if_any(const std::vector<LintFinding>& findings) {
  std::vector<Finding> refused;
  for (const LintFinding& finding : findings)
    if (finding.severity != Severity::notice)
      refused.push_back(
          {finding.what, finding.id, "correct the profile, the name or the dates; nothing has been signed"});
  if (!refused.empty()) throw Refused(PkiRefusal::lint, std::move(refused));
}

LintedTbs::LintedTbs(TbsDer tbs, std::string scheme, std::vector<LintFinding> notices)
    : m_tbs(std::move(tbs)),
      m_scheme(std::move(scheme)),
      m_digest(sha256(m_tbs.view())),
      m_notices(std::move(notices)) {}
LintedCertificate::LintedCertificate(TbsDer tbs, CertificateView view, std::vector<LintFinding> notices)
    : LintedTbs(std::move(tbs), view.scheme, std::move(notices)), m_view(std::move(view)) {}
LintedCrl::LintedCrl(TbsDer tbs, CrlView view, std::vector<LintFinding> notices)
    : LintedTbs(std::move(tbs), view.scheme, std::move(notices)), m_view(std::move(view)) {}

LintedCertificate lint_certificate(TbsDer tbs, const LintContext& context, const ThrowawayKey& throwaway,
                                   Botan::RandomNumberGenerator& rng, const ExternalLint& external) {
  CertificateView view = read_tbs(tbs.view());
  std::vector<LintFinding> findings = lint_tbs(view, context);
  if (external) {
    const auto more = external(sign_with_throwaway(tbs, throwaway, rng));
    findings.insert(findings.end(), more.begin(), more.end());
  }
  refuse_if_any(findings);
  return {std::move(tbs), std::move(view), std::move(findings)};
}

LintedCrl lint_crl(TbsDer tbs, const CrlLintContext& context) {
  CrlView view = read_crl_tbs(tbs.view());
  std::vector<LintFinding> findings = lint_crl_tbs(view, context);
  refuse_if_any(findings);
  return {std::move(tbs), std::move(view), std::move(findings)};
}

}  // namespace ceremony::pki
