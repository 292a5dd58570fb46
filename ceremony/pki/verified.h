// What may leave: certificates and CRLs whose bytes were linted and whose signature Botan and OpenSSL both accept.
// There is no other way to get one of these types.
#pragma once

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/lint.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

class VerifiedCertificate final {
 public:
  [[nodiscard]] const CertDer& der() const { return m_der; }
  [[nodiscard]] const CertificateView& view() const { return m_view; }
  [[nodiscard]] const Digest& digest() const { return m_view.digest; }

 private:
  friend VerifiedCertificate verify_certificate(CertDer, const SpkiDer&);
  VerifiedCertificate(CertDer der, CertificateView view) : m_der(std::move(der)), m_view(std::move(view)) {}
  CertDer m_der;
  CertificateView m_view;
};

class VerifiedCrl final {
 public:
  [[nodiscard]] const CrlDer& der() const { return m_der; }
  [[nodiscard]] const CrlView& view() const { return m_view; }
  [[nodiscard]] const Digest& digest() const { return m_view.digest; }

 private:
  friend VerifiedCrl verify_crl(CrlDer, const SpkiDer&);
  VerifiedCrl(CrlDer der, CrlView view) : m_der(std::move(der)), m_view(std::move(view)) {}
  CrlDer m_der;
  CrlView m_view;
};

/// Puts the signature (X.509's form) on the linted bytes and has both libraries check it under the issuer's key;
/// OpenSSL (of certificates Botan too) must also parse the whole and take the same bytes for the signed ones. Throws
/// PkiRefusal::signature naming the library that said no.
[[nodiscard]] VerifiedCertificate verify_signed(const LintedCertificate& tbs, const SpkiDer& issuer, View signature);
[[nodiscard]] VerifiedCrl verify_signed(const LintedCrl& tbs, const SpkiDer& issuer, View signature);

/// The same check of a certificate or CRL that already exists (a log's artifact, a bundle's file).
[[nodiscard]] VerifiedCertificate verify_certificate(CertDer der, const SpkiDer& issuer);
[[nodiscard]] VerifiedCrl verify_crl(CrlDer der, const SpkiDer& issuer);

}  // namespace ceremony::pki
