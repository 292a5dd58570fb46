// Lint: is this certificate or CRL exactly what its profile, its issuer and the rules say? Own checks, each with a
// stable id, and a seam for zlint (a function given by the caller; this folder starts no process). Only lint makes a
// LintedTbs, and only a LintedTbs can be verified into something that leaves (verified.h).
#pragma once

#include <botan/rng.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/name.h"
#include "ceremony/pki/profile.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

enum class Severity { notice, warning, error };

struct LintFinding {
  std::string id;    ///< "cert-serial-bits"; another linter's with its name before: "zlint:e_…"
  std::string what;  ///< a sentence with the offending value
  Severity severity = Severity::error;
  auto operator<=>(const LintFinding&) const = default;
};

/// The marker of a rehearsal: "REHEARSAL " before the organisation name, or O=REHEARSAL where there is none.
[[nodiscard]] Name marked_as_rehearsal(Name name);

/// Every id that the own checks can report.
[[nodiscard]] const std::vector<std::string>& lint_ids();

/// What a certificate is measured against.
struct LintContext {
  const Profile* profile = nullptr;
  const CertificateView* issuer = nullptr;  ///< null for a self-signed root
  bool rehearsal = false;                   ///< O must carry REHEARSAL; otherwise it must not
  std::optional<Time> signing_time;         ///< where known: notBefore is at most a day before it, and not after it
};
[[nodiscard]] std::vector<LintFinding> lint_tbs(const CertificateView& certificate, const LintContext& context);
/// Reads the bytes first; what cannot be read is the finding "cert-unreadable".
[[nodiscard]] std::vector<LintFinding> lint_tbs(View tbs, const LintContext& context);

/// What a CRL is measured against.
struct CrlLintContext {
  const Profile* issuer_profile = nullptr;  ///< its crl rules
  const CertificateView* issuer = nullptr;
  std::optional<std::uint64_t> last_number;  ///< of the issuer's latest CRL
  std::optional<Time> signing_time;          ///< thisUpdate is within a day of it
  /// Serials that may be listed (issued, found, maybe-issued); null: not checked.
  const std::set<Serial>* listable = nullptr;
};
[[nodiscard]] std::vector<LintFinding> lint_crl_tbs(const CrlView& crl, const CrlLintContext& context);
[[nodiscard]] std::vector<LintFinding> lint_crl_tbs(View tbs, const CrlLintContext& context);

/// A software key that signs what only a linter will see, so that linters which want a signed certificate can run
/// before the real key is used, or exists. Make one a ceremony and algorithm: RSA keys are slow to make.
class ThrowawayKey final {
 public:
  /// `algorithm` as in PublicKeyInfo: p256, p384, rsa3072, rsa4096.
  ThrowawayKey(std::string_view algorithm, Botan::RandomNumberGenerator& rng);
  ~ThrowawayKey();
  ThrowawayKey(ThrowawayKey&&) noexcept;
  ThrowawayKey& operator=(ThrowawayKey&&) noexcept;

  [[nodiscard]] const PublicKeyInfo& info() const;
  /// In X.509's form. Throws PkiRefusal::scheme where the key cannot make that scheme.
  [[nodiscard]] Bytes sign(View message, std::string_view scheme, Botan::RandomNumberGenerator& rng) const;

 private:
  struct Inside;
  std::unique_ptr<Inside> m_inside;
};

/// The TBS signed by `key`: a certificate with a wrong signature (or, where subject and issuer are the same, the same
/// TBS over the throwaway key with its key ids, so that self-signature checks pass). For linters' eyes only.
[[nodiscard]] CertDer sign_with_throwaway(const TbsDer& tbs, const ThrowawayKey& key,
                                          Botan::RandomNumberGenerator& rng);
/// With a key made for the purpose, of the algorithm the TBS's scheme needs.
[[nodiscard]] CertDer sign_with_throwaway(const TbsDer& tbs, Botan::RandomNumberGenerator& rng);

/// zlint or another; warnings and errors stop a signature.
using ExternalLint = std::function<std::vector<LintFinding>(const CertDer&)>;

/// Bytes that passed lint without a warning or an error: the only bytes a CA key may be asked to sign.
class LintedTbs {
 public:
  [[nodiscard]] const TbsDer& tbs() const { return m_tbs; }
  [[nodiscard]] const std::string& scheme() const { return m_scheme; }
  [[nodiscard]] const Digest& digest() const { return m_digest; }  ///< SHA-256 of tbs(): what the people approve
  [[nodiscard]] const std::vector<LintFinding>& notices() const { return m_notices; }

 protected:
  LintedTbs(TbsDer tbs, std::string scheme, std::vector<LintFinding> notices);
  ~LintedTbs() = default;
  LintedTbs(const LintedTbs&) = default;
  LintedTbs& operator=(const LintedTbs&) = default;

 private:
  TbsDer m_tbs;
  std::string m_scheme;
  Digest m_digest;
  std::vector<LintFinding> m_notices;
};

class LintedCertificate final : public LintedTbs {
 public:
  [[nodiscard]] const CertificateView& view() const { return m_view; }

 private:
  friend LintedCertificate lint_certificate(TbsDer, const LintContext&, const ThrowawayKey&,
                                            Botan::RandomNumberGenerator&, const ExternalLint&);
  LintedCertificate(TbsDer tbs, CertificateView view, std::vector<LintFinding> notices);
  CertificateView m_view;
};

class LintedCrl final : public LintedTbs {
 public:
  [[nodiscard]] const CrlView& view() const { return m_view; }

 private:
  friend LintedCrl lint_crl(TbsDer, const CrlLintContext&);
  LintedCrl(TbsDer tbs, CrlView view, std::vector<LintFinding> notices);
  CrlView m_view;
};

/// Own checks, then `external` on the TBS signed by the throwaway key (null: own checks only). `throwaway` must fit
/// the TBS's scheme. Throws PkiRefusal::lint with one finding for each warning or error, its id in `where`.
[[nodiscard]] LintedCertificate lint_certificate(TbsDer tbs, const LintContext& context,
                                                 const ThrowawayKey& throwaway, Botan::RandomNumberGenerator& rng,
                                                 const ExternalLint& external);
[[nodiscard]] LintedCrl lint_crl(TbsDer tbs, const CrlLintContext& context);

/// Throws PkiRefusal::lint if any of them is a warning or an error.
void refuse_if_any(const std::vector<LintFinding>& findings);

}  // namespace ceremony::pki
