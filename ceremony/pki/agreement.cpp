#include "ceremony/pki/agreement.h"

#include <botan/bigint.h>
#include <botan/der_enc.h>
#include <botan/pubkey.h>
#include <botan/x509_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cassert>
#include <format>
#include <memory>

#include "ceremony/pki/der.h"
#include "ceremony/pki/key.h"

namespace ceremony::pki {

namespace {

Bytes oid(std::string_view dotted) {
  Bytes out;
  Botan::DER_Encoder(out).encode(Botan::OID(dotted));
  return out;
}

Bytes joined(std::initializer_list<View> parts) {
  Bytes out;
  for (const View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes hash_identifier(unsigned bits) {  // with NULL, as RFC 4055 2.1 has it
  const Bytes id = oid(bits == 256   ? "2.16.840.1.101.3.4.2.1"
                       : bits == 384 ? "2.16.840.1.101.3.4.2.2"
                                     : "2.16.840.1.101.3.4.2.3");
  return der::wrap(der::sequence, joined({id, der::wrap(der::null, {})}));
}

/// RSASSA-PSS-params of RFC 4055 3.1; trailerField is the default and so absent.
Bytes pss_parameters(unsigned bits) {
  const Bytes hash = hash_identifier(bits);
  const Bytes mgf = der::wrap(der::sequence, joined({oid("1.2.840.113549.1.1.8"), hash}));
  const Bytes salt = der::wrap(der::integer, der::from_number(bits / 8));
  return der::wrap(der::sequence,
                   joined({der::wrap(der::context_constructed(0), hash), der::wrap(der::context_constructed(1), mgf),
                           der::wrap(der::context_constructed(2), salt)}));
}

std::vector<Scheme> make_schemes() {
  std::vector<Scheme> out;
  for (const unsigned bits : {256U, 384U, 512U}) {
    const unsigned arc = bits == 256 ? 2 : bits == 384 ? 3 : 4;
    const std::string hash = std::format("SHA-{}", bits);
    // RFC 5758 3.2: parameters absent. RFC 4055 5: parameters NULL.
    out.push_back({std::format("ecdsa-sha{}", bits), hash, "ec", hash,
                   der::wrap(der::sequence, oid(std::format("1.2.840.10045.4.3.{}", arc)))});
    out.push_back({std::format("rsa-pkcs1-sha{}", bits), hash, "rsa", std::format("PKCS1v15({})", hash),
                   der::wrap(der::sequence, joined({oid(std::format("1.2.840.113549.1.1.{}", arc + 9)),
                                                    der::wrap(der::null, {})}))});
    out.push_back({std::format("rsa-pss-sha{}", bits), hash, "rsa", std::format("PSS({},MGF1,{})", hash, bits / 8),
                   der::wrap(der::sequence, joined({oid("1.2.840.113549.1.1.10"), pss_parameters(bits)}))});
  }
  std::ranges::sort(out, {}, &Scheme::name);
  return out;
}

/// Empty, or what Botan has against it.
std::string botan_says(View spki, View message, View signature, const Scheme& scheme) {
  try {
    const auto key = Botan::X509::load_key(to_bytes(spki));
    const auto format = scheme.key == "ec" ? Botan::Signature_Format::DerSequence : Botan::Signature_Format::Standard;
    Botan::PK_Verifier verifier(*key, scheme.botan, format);
    return verifier.verify_message(message, signature) ? "" : "botan: the signature does not verify";
  } catch (const std::exception& error) {
    return std::format("botan: {}", error.what());
  }
}

template <auto Free>
struct With {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};

std::string openssl_says(View spki, View message, View signature, const Scheme& scheme) {
  const unsigned char* at = spki.data();
  const std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const std::unique_ptr<EVP_MD_CTX, With<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  bool ready = key != nullptr && at == spki.data() + spki.size() && context != nullptr;
  EVP_PKEY_CTX* pkey = nullptr;
  const EVP_MD* hash = EVP_get_digestbyname(scheme.hash == "SHA-256"   ? "SHA256"
                                            : scheme.hash == "SHA-384" ? "SHA384"
                                                                       : "SHA512");
  ready = ready && hash != nullptr && EVP_DigestVerifyInit(context.get(), &pkey, hash, nullptr, key.get()) == 1;
  if (ready && scheme.name.starts_with("rsa-pss"))
    ready = EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) == 1 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(pkey, hash) == 1;
  const bool good = ready && EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                              message.size()) == 1;
  ERR_clear_error();
  if (!ready) return "openssl: the key cannot be used";
  return good ? "" : "openssl: the signature does not verify";
}

[[noreturn]] void refuse_signature(std::string fact) {
  throw Refused(PkiRefusal::signature, std::move(fact), "",
                "do not use it; sign again with the right key, or ask for the right file");
}

}  // namespace

const std::vector<Scheme>& schemes() {
  static const std::vector<Scheme> table = make_schemes();
  return table;
}

const Scheme& scheme_named(std::string_view name) {
  const auto at = std::ranges::find(schemes(), name, &Scheme::name);
  if (at != schemes().end()) return *at;
  std::string known;
  for (const Scheme& scheme : schemes()) known += (known.empty() ? "" : ", ") + scheme.name;
  throw Refused(PkiRefusal::scheme, std::format("'{}' is no signature scheme", name), "",
                std::format("use one of {}", known));
}

const Scheme* scheme_of(View algorithm_identifier) {
  const auto at = std::ranges::find_if(
      schemes(), [&](const Scheme& s) { return std::ranges::equal(s.algorithm_identifier, algorithm_identifier); });
  return at == schemes().end() ? nullptr : &*at;
}

bool fits(std::string_view scheme, std::string_view key_algorithm) {
  const bool rsa = key_algorithm.starts_with("rsa");
  return scheme_named(scheme).key == (rsa ? "rsa" : "ec");
}

std::string scheme_for(std::string_view key_algorithm) {
  if (key_algorithm == "p256") return "ecdsa-sha256";
  if (key_algorithm == "p384") return "ecdsa-sha384";
  assert(key_algorithm.starts_with("rsa"));
  return "rsa-pkcs1-sha384";
}

void verify_by_both(View spki, View message, View signature, std::string_view scheme_name) {
  const Scheme& scheme = scheme_named(scheme_name);
  const std::string algorithm = key_algorithm(spki);
  if (!fits(scheme_name, algorithm))
    throw Refused(PkiRefusal::scheme,
                  std::format("a {} key cannot make the signature scheme {}", algorithm, scheme_name), "",
                  std::format("its usual scheme is {}", scheme_for(algorithm)));
  const std::string botan = botan_says(spki, message, signature, scheme);
  const std::string openssl = openssl_says(spki, message, signature, scheme);
  if (botan.empty() && openssl.empty()) return;
  refuse_signature(botan.empty() ? openssl : openssl.empty() ? botan : botan + "; " + openssl);
}

Bytes ecdsa_der_from_raw(View raw) {
  if (raw.empty() || raw.size() % 2 != 0 || raw.size() > 132)
    refuse_signature(std::format("an ECDSA signature of {} bytes is not r and s of equal length", raw.size()));
  const Botan::BigInt r(raw.first(raw.size() / 2));
  const Botan::BigInt s(raw.subspan(raw.size() / 2));
  Bytes out;
  Botan::DER_Encoder(out).start_sequence().encode(r).encode(s).end_cons();
  return out;
}

Bytes ecdsa_raw_from_der(View der_bytes, std::size_t coordinate_bytes) {
  Bytes out;
  try {
    der::Reader pair(der::one(der_bytes, der::sequence, "the ECDSA signature").content, "the ECDSA signature");
    for (const std::string_view field : {"r", "s"}) {
      View number = pair.next(der::integer, field).content;
      if (number[0] >= 0x80) pair.refuse(std::format("{} is negative", field));
      if (number[0] == 0) number = number.subspan(1);
      if (number.size() > coordinate_bytes)
        pair.refuse(std::format("{} is longer than {} bytes", field, coordinate_bytes));
      out.resize(out.size() + coordinate_bytes - number.size());
      out.insert(out.end(), number.begin(), number.end());
    }
    pair.end();
  } catch (const Refused& refused) {
    refuse_signature(refused.findings().front().what);
  }
  return out;
}

}  // namespace ceremony::pki
