#include "ceremony/pki/verified.h"

#include <botan/data_src.h>
#include <botan/x509cert.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <format>
#include <memory>

namespace ceremony::pki {

namespace {

template <auto Free>
struct With {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};

[[noreturn]] void refuse(std::string_view library, std::string_view thing, std::string_view why) {
  throw Refused(PkiRefusal::signature, std::format("{}: does not read this {} as we do ({})", library, thing, why),
                "", "keep it aside and do not use it; this is worth a report");
}

/// Botan reads the whole, and takes the same bytes for the signed ones.
void botan_agrees(View der, View tbs, std::string_view thing) {
  try {
    Botan::DataSource_Memory source(der);
    const Botan::X509_Certificate object(source);
    if (!std::ranges::equal(object.tbs_data(), tbs)) refuse("botan", thing, "other signed bytes");
    if (!source.end_of_data()) refuse("botan", thing, "bytes left over");
  } catch (const Botan::Exception& error) {
    refuse("botan", thing, error.what());
  }
}

/// OpenSSL reads the whole, and writes the same signed bytes back from what it understood.
template <auto Read, auto WriteTbs, auto Free>
void openssl_agrees(View der, View tbs, std::string_view thing) {
  const unsigned char* at = der.data();
  auto* raw = Read(nullptr, &at, static_cast<long>(der.size()));
  const std::unique_ptr<std::remove_pointer_t<decltype(raw)>, With<Free>> object(raw);
  ERR_clear_error();
  if (object == nullptr) refuse("openssl", thing, "it cannot be parsed");
  if (at != der.data() + der.size()) refuse("openssl", thing, "bytes left over");
  unsigned char* out = nullptr;
  const int size = WriteTbs(object.get(), &out);
  const bool same = size > 0 && std::ranges::equal(View(out, static_cast<std::size_t>(size)), tbs);
  OPENSSL_free(out);
  ERR_clear_error();
  if (!same) refuse("openssl", thing, "other signed bytes");
}

}  // namespace

VerifiedCertificate verify_certificate(CertDer der, const SpkiDer& issuer) {
  CertificateView view = read_certificate(der.view());
  verify_by_both(issuer.view(), view.tbs, view.signature, view.scheme);
  botan_agrees(der.view(), view.tbs, "certificate");
  openssl_agrees<d2i_X509, i2d_re_X509_tbs, X509_free>(der.view(), view.tbs, "certificate");
  return {std::move(der), std::move(view)};
}

VerifiedCrl verify_crl(CrlDer der, const SpkiDer& issuer) {
  CrlView view = read_crl(der.view());
  verify_by_both(issuer.view(), view.tbs, view.signature, view.scheme);
  // Botan checked the signature over these bytes; its CRL object is not made, for it takes most of the time and
  // memory that a list of a million entries costs, and OpenSSL has read the list already.
  openssl_agrees<d2i_X509_CRL, i2d_re_X509_CRL_tbs, X509_CRL_free>(der.view(), view.tbs, "CRL");
  return {std::move(der), std::move(view)};
}

VerifiedCertificate verify_signed(const LintedCertificate& tbs, const SpkiDer& issuer, View signature) {
  return verify_certificate(assemble_certificate(tbs.tbs(), tbs.scheme(), signature), issuer);
}

VerifiedCrl verify_signed(const LintedCrl& tbs, const SpkiDer& issuer, View signature) {
  return verify_crl(assemble_crl(tbs.tbs(), tbs.scheme(), signature), issuer);
}

}  // namespace ceremony::pki
