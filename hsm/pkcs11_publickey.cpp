#include "hsm/pkcs11_publickey.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <memory>

namespace ceremony::hsm::pkcs11 {
namespace {

template <auto Free>
struct Freed {
  void operator()(auto* p) const { Free(p); }
};
using PKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Digester = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;

constexpr std::array<std::uint8_t, 10> oid_p256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> oid_p384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 9> oid_ec{0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
constexpr std::array<std::uint8_t, 13> rsa_algorithm{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                     0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

Bytes joined(std::initializer_list<View> parts) {
  Bytes out;
  for (const View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes tlv(std::uint8_t tag, View content) {
  Bytes out{tag};
  const std::size_t n = content.size();
  assert(n < 0x10000);
  if (n >= 0x100) {
    out.insert(out.end(), {0x82, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
  } else if (n >= 0x80) {
    out.insert(out.end(), {0x81, static_cast<std::uint8_t>(n)});
  } else {
    out.push_back(static_cast<std::uint8_t>(n));
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes integer(View big_endian) {
  while (!big_endian.empty() && big_endian.front() == 0) big_endian = big_endian.subspan(1);
  Bytes content(big_endian.begin(), big_endian.end());
  if (content.empty() || (content.front() & 0x80) != 0) content.insert(content.begin(), 0);
  return tlv(0x02, content);
}

PKey parsed(View spki) {
  const unsigned char* at = spki.data();
  PKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key || at != spki.data() + spki.size()) return nullptr;
  return key;
}

std::optional<Bytes> checked_spki(View algorithm, View key) {
  const std::uint8_t no_unused_bits = 0;
  Bytes spki = tlv(0x30, joined({tlv(0x30, algorithm), tlv(0x03, joined({View(&no_unused_bits, 1), key}))}));
  if (!parsed(spki)) return std::nullopt;
  return spki;
}

const EVP_MD* md_of(Hash hash) {
  switch (hash) {
    case Hash::sha256:
      return EVP_sha256();
    case Hash::sha384:
      return EVP_sha384();
    case Hash::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

Bytes number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const Number number(raw);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(raw)));
  BN_bn2bin(raw, out.data());
  return out;
}

}  // namespace

SchemeParts parts_of(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::ecdsa_sha256:
      return {Padding::ecdsa, Hash::sha256};
    case SignatureScheme::ecdsa_sha384:
      return {Padding::ecdsa, Hash::sha384};
    case SignatureScheme::ecdsa_sha512:
      return {Padding::ecdsa, Hash::sha512};
    case SignatureScheme::rsa_pkcs1_sha256:
      return {Padding::pkcs1, Hash::sha256};
    case SignatureScheme::rsa_pkcs1_sha384:
      return {Padding::pkcs1, Hash::sha384};
    case SignatureScheme::rsa_pkcs1_sha512:
      return {Padding::pkcs1, Hash::sha512};
    case SignatureScheme::rsa_pss_sha256:
      return {Padding::pss, Hash::sha256};
    case SignatureScheme::rsa_pss_sha384:
      return {Padding::pss, Hash::sha384};
    case SignatureScheme::rsa_pss_sha512:
      return {Padding::pss, Hash::sha512};
  }
  assert(false);
  return {Padding::ecdsa, Hash::sha256};
}

Bytes hash_of(View message, Hash hash) {
  Bytes out(static_cast<std::size_t>(EVP_MD_get_size(md_of(hash))));
  [[maybe_unused]] const int ok =
      EVP_Digest(message.data(), message.size(), out.data(), nullptr, md_of(hash), nullptr);
  assert(ok == 1);
  return out;
}

SignatureScheme usual_scheme(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::p256:
      return SignatureScheme::ecdsa_sha256;
    case KeyAlgorithm::p384:
      return SignatureScheme::ecdsa_sha384;
    case KeyAlgorithm::rsa3072:
    case KeyAlgorithm::rsa4096:
      return SignatureScheme::rsa_pkcs1_sha256;
  }
  assert(false);
  return SignatureScheme::ecdsa_sha256;
}

Bytes ec_params(KeyAlgorithm algorithm) {
  assert(!is_rsa(algorithm));
  return algorithm == KeyAlgorithm::p256 ? to_bytes(oid_p256) : to_bytes(oid_p384);
}

std::optional<KeyAlgorithm> algorithm_of_params(View params) {
  if (std::ranges::equal(params, oid_p256)) return KeyAlgorithm::p256;
  if (std::ranges::equal(params, oid_p384)) return KeyAlgorithm::p384;
  return std::nullopt;
}

std::optional<PublicParts> parts_of_spki(View spki) {
  const PKey key = parsed(spki);
  if (!key) return std::nullopt;
  PublicParts parts{};
  std::optional<Bytes> again;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits != 3072 && bits != 4096) return std::nullopt;
    parts.algorithm = bits == 3072 ? KeyAlgorithm::rsa3072 : KeyAlgorithm::rsa4096;
    parts.modulus = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N);
    parts.exponent = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
    again = spki_of_rsa(parts.modulus, parts.exponent);
  } else if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) {
    const int bits = EVP_PKEY_get_bits(key.get());
    parts.algorithm = bits == 256 ? KeyAlgorithm::p256 : KeyAlgorithm::p384;
    parts.point.resize(1 + 2 * static_cast<std::size_t>((bits + 7) / 8));
    std::size_t written = 0;
    if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, parts.point.data(), parts.point.size(),
                                        &written) != 1 ||
        written != parts.point.size())
      return std::nullopt;
    again = spki_of_ec(ec_params(parts.algorithm), octet_string(parts.point));
  }
  // Another curve of that size, explicit parameters or a compressed point do not come out the same.
  if (!again || !std::ranges::equal(*again, spki)) return std::nullopt;
  return parts;
}

std::optional<Bytes> spki_of_ec(View params, View ec_point) {
  const std::optional<KeyAlgorithm> algorithm = algorithm_of_params(params);
  if (!algorithm) return std::nullopt;
  const std::size_t size = *algorithm == KeyAlgorithm::p256 ? 65 : 97;
  View point = ec_point;
  if (point.size() == size + 2 && point[0] == 0x04 && point[1] == size) point = point.subspan(2);
  if (point.size() != size || point[0] != 0x04) return std::nullopt;
  return checked_spki(joined({oid_ec, params}), point);
}

std::optional<Bytes> spki_of_rsa(View modulus, View exponent) {
  if (modulus.empty() || modulus.size() > 1024 || exponent.empty() || exponent.size() > 32) return std::nullopt;
  return checked_spki(rsa_algorithm, tlv(0x30, joined({integer(modulus), integer(exponent)})));
}

Bytes octet_string(View content) { return tlv(0x04, content); }

Bytes digest_info(View digest, Hash hash) {
  const std::uint8_t last = hash == Hash::sha256 ? 1 : hash == Hash::sha384 ? 2 : 3;
  const std::array<std::uint8_t, 13> algorithm{0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
                                               0x03, 0x04, 0x02, last, 0x05, 0x00};
  return tlv(0x30, joined({tlv(0x30, algorithm), tlv(0x04, digest)}));
}

Bytes der_of_raw_ecdsa(View raw) {
  assert(raw.size() % 2 == 0);
  return tlv(0x30, joined({integer(raw.first(raw.size() / 2)), integer(raw.last(raw.size() / 2))}));
}

bool verifies(View spki, View message, View signature, SignatureScheme scheme) {
  const PKey key = parsed(spki);
  if (!key) return false;
  const auto [padding, hash] = parts_of(scheme);
  if ((padding == Padding::ecdsa) != (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC)) return false;
  const Digester digester(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;  // owned by the digester
  if (!digester || EVP_DigestVerifyInit(digester.get(), &context, md_of(hash), nullptr, key.get()) != 1) return false;
  if (padding == Padding::pss && (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) != 1 ||
                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(digester.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace ceremony::hsm::pkcs11
