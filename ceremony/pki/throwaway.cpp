// Throwaway keys for linters. A private key made here never leaves this file and signs nothing that is kept.
#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/pubkey.h>
#include <botan/rsa.h>

#include <algorithm>
#include <cassert>
#include <format>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/lint.h"

namespace ceremony::pki {

struct ThrowawayKey::Inside {
  std::unique_ptr<Botan::Private_Key> key;
  PublicKeyInfo info;
};

namespace {

std::unique_ptr<Botan::Private_Key> make_key(std::string_view algorithm, Botan::RandomNumberGenerator& rng) {
  if (algorithm == "p256")
    return std::make_unique<Botan::ECDSA_PrivateKey>(rng, Botan::EC_Group::from_name("secp256r1"));
  if (algorithm == "p384")
    return std::make_unique<Botan::ECDSA_PrivateKey>(rng, Botan::EC_Group::from_name("secp384r1"));
  if (algorithm == "rsa3072") return std::make_unique<Botan::RSA_PrivateKey>(rng, 3072);
  if (algorithm == "rsa4096") return std::make_unique<Botan::RSA_PrivateKey>(rng, 4096);
  throw Refused(PkiRefusal::key, std::format("no throwaway key of the kind '{}' can be made", algorithm), "",
                "use p256, p384, rsa3072 or rsa4096");
}

/// The same TBS over another key: the SubjectPublicKeyInfo and, in the extensions, both key identifiers exchanged.
TbsDer with_key(const CertificateView& view, const PublicKeyInfo& key) {
  der::Reader body(der::one(view.tbs, der::sequence, "the certificate").content, "the certificate");
  Bytes content;
  auto append = [&](View bytes) { content.insert(content.end(), bytes.begin(), bytes.end()); };
  while (!body.done()) {
    const der::Element element = body.next();
    if (std::ranges::equal(element.whole, view.key.spki.value)) {
      append(key.spki.value);
      continue;
    }
    Bytes bytes = to_bytes(element.whole);
    if (element.tag == der::context_constructed(3) && !view.skid.empty() && view.skid.size() == key.skid.size()) {
      for (auto at = bytes.begin();; at += static_cast<std::ptrdiff_t>(key.skid.size())) {
        at = std::search(at, bytes.end(), view.skid.begin(), view.skid.end());
        if (at == bytes.end()) break;
        std::ranges::copy(key.skid, at);
      }
    }
    append(bytes);
  }
  return {der::wrap(der::sequence, content)};
}

}  // namespace

ThrowawayKey::ThrowawayKey(std::string_view algorithm, Botan::RandomNumberGenerator& rng)
    : m_inside(std::make_unique<Inside>()) {
  m_inside->key = make_key(algorithm, rng);
  m_inside->info = inspect_key(m_inside->key->subject_public_key());
}
ThrowawayKey::~ThrowawayKey() = default;
ThrowawayKey::ThrowawayKey(ThrowawayKey&&) noexcept = default;
ThrowawayKey& ThrowawayKey::operator=(ThrowawayKey&&) noexcept = default;

const PublicKeyInfo& ThrowawayKey::info() const { return m_inside->info; }

Bytes ThrowawayKey::sign(View message, std::string_view scheme_name, Botan::RandomNumberGenerator& rng) const {
  const Scheme& scheme = scheme_named(scheme_name);
  if (!fits(scheme_name, info().algorithm))
    throw Refused(PkiRefusal::scheme,
                  std::format("a throwaway key of the kind {} cannot make {}", info().algorithm, scheme_name), "",
                  "make one that fits the scheme");
  const auto format = scheme.key == "ec" ? Botan::Signature_Format::DerSequence : Botan::Signature_Format::Standard;
  Botan::PK_Signer signer(*m_inside->key, rng, scheme.botan, format);
  return signer.sign_message(message, rng);
}

CertDer sign_with_throwaway(const TbsDer& tbs, const ThrowawayKey& key, Botan::RandomNumberGenerator& rng) {
  const CertificateView view = read_tbs(tbs.view());
  const TbsDer signed_bytes = view.self_issued ? with_key(view, key.info()) : tbs;
  return assemble_certificate(signed_bytes, view.scheme, key.sign(signed_bytes.view(), view.scheme, rng));
}

CertDer sign_with_throwaway(const TbsDer& tbs, Botan::RandomNumberGenerator& rng) {
  const CertificateView view = read_tbs(tbs.view());
  const std::string by_scheme = view.scheme == "ecdsa-sha256"      ? "p256"
                                : view.scheme.starts_with("ecdsa") ? "p384"
                                                                   : "rsa3072";
  return sign_with_throwaway(tbs, ThrowawayKey(view.self_issued ? view.key.algorithm : by_scheme, rng), rng);
}

}  // namespace ceremony::pki
