#include "ceremony/actions/known_answers.h"

#include <botan/aead.h>
#include <botan/hash.h>
#include <botan/kdf.h>
#include <botan/mac.h>
#include <botan/pwdhash.h>
#include <botan/x25519.h>

#include <algorithm>
#include <array>

#include "ceremony/actions/known_vectors.h"
#include "ceremony/ground/bytes.h"
#include "ceremony/ground/secret.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/shares/age.h"
#include "ceremony/shares/slip39.h"

namespace ceremony::actions {
namespace {

Bytes octets(std::string_view digits) { return unhex(digits).value_or(Bytes{}); }

template <const char* Algorithm>
bool hash_agrees(std::string_view answer) {
  const auto hash = Botan::HashFunction::create_or_throw(Algorithm);
  hash->update("abc");
  return hex(hash->final_stdvec()) == answer;
}
constexpr char sha_1[] = "SHA-1", sha_384[] = "SHA-384", sha_512[] = "SHA-512";

bool hmac_agrees(std::string_view answer) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
  mac->set_key(as_view("Jefe"));
  mac->update("what do ya want for nothing?");
  return hex(mac->final_stdvec()) == answer;
}

bool hkdf_agrees(std::string_view answer) {
  const Bytes key(22, 0x0b), salt = octets("000102030405060708090a0b0c"), info = octets("f0f1f2f3f4f5f6f7f8f9");
  return hex(Botan::KDF::create_or_throw("HKDF(SHA-256)")->derive_key<Bytes>(42, key, salt, info)) == answer;
}

bool password_hash_agrees(const Botan::PasswordHash& function, std::string_view password, std::string_view salt, std::string_view answer) {
  Bytes out(64);
  function.hash(out, password, as_view(salt));
  return hex(out) == answer;
}

bool pbkdf2_agrees(std::string_view answer) {
  return password_hash_agrees(*Botan::PasswordHashFamily::create_or_throw("PBKDF2(SHA-256)")->from_params(1), "passwd", "salt", answer);
}

bool scrypt_agrees(std::string_view answer) {
  return password_hash_agrees(*Botan::PasswordHashFamily::create_or_throw("Scrypt")->from_params(16384, 8, 1), "pleaseletmein", "SodiumChloride", answer);
}

bool x25519_agrees(std::string_view answer) {
  const Botan::X25519_PrivateKey key(Botan::lock(octets("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")));
  return hex(key.agree(octets("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c").data(), 32)) == answer;
}

bool chacha_agrees(std::string_view answer) {
  const Bytes key = octets("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"), nonce = octets("070000004041424344454647");
  const Bytes more = octets("50515253c0c1c2c3c4c5c6c7");
  constexpr std::string_view plain = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
  const auto with = [&](Botan::Cipher_Dir way, View bytes) {
    const auto aead = Botan::AEAD_Mode::create_or_throw("ChaCha20Poly1305", way);
    aead->set_key(key);
    aead->set_associated_data(more);
    aead->start(nonce);
    Botan::secure_vector<std::uint8_t> out(bytes.begin(), bytes.end());
    aead->finish(out);
    return out;
  };
  return hex(with(Botan::Cipher_Dir::Encryption, as_view(plain))) == answer && as_text(with(Botan::Cipher_Dir::Decryption, octets(answer))) == plain;
}

bool both_take(std::string_view key, std::string_view message, View signature, std::string_view scheme) {
  try {
    pki::verify_by_both(octets(key), as_view(message), signature, scheme);
    return true;
  } catch (const Refused&) {
    return false;
  }
}

bool neither_takes(std::string_view key, std::string_view message, View signature, std::string_view scheme) {
  try {
    pki::verify_by_both(octets(key), as_view(message), signature, scheme);
    return false;
  } catch (const Refused& refusal) {
    const auto& what = refusal.findings().front().what;
    return what.find("botan: ") != std::string::npos && what.find("openssl: ") != std::string::npos;
  }
}

bool signature_agrees(std::string_view key, std::string_view message, std::string_view answer, std::string_view scheme) {
  return both_take(key, message, octets(answer), scheme) && neither_takes(key, std::string(message) + "!", octets(answer), scheme);
}

bool slip39_agrees(std::string_view answer) {
  std::vector<ShareWords> shares;
  for (const auto words : {vectors::slip39_share_1, vectors::slip39_share_2}) shares.emplace_back(as_view(words));
  return hex(shares::combine(shares, as_view("TREZOR")).reveal()) == answer;
}

bool age_x25519_agrees(std::string_view answer) {
  const std::array<shares::AgeIdentity, 1> with{shares::AgeIdentity::parse("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0")};
  return shares::age_decrypt_identity(unbase64(vectors::age_x25519_file).value_or(Bytes{}), with).reveal_text() == answer;
}

bool age_scrypt_agrees(std::string_view answer) {
  const Passphrase passphrase(as_view("password"));
  return shares::age_decrypt_passphrase(unbase64(vectors::age_scrypt_file).value_or(Bytes{}), passphrase).reveal_text() == answer;
}

/// The eight leaves that Certificate Transparency's own test has.
bool merkle_agrees(std::string_view answer) {
  ledger::Tree tree;
  for (const auto* leaf : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"})
    tree.append(ledger::leaf_hash(as_text(octets(leaf))));
  return hex(tree.root()) == answer;
}

constexpr KnownAnswer table[] = {
    {"sha-1", "FIPS 180-4, \"abc\"", "a9993e364706816aba3e25717850c26c9cd0d89d", hash_agrees<sha_1>},
    {"sha-256", "FIPS 180-4, \"abc\"", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     [](std::string_view answer) { return hex(sha256("abc")) == answer; }},
    {"sha-384", "FIPS 180-4, \"abc\"", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7", hash_agrees<sha_384>},
    {"sha-512", "FIPS 180-4, \"abc\"",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", hash_agrees<sha_512>},
    {"hmac", "RFC 4231 4.3", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", hmac_agrees},
    {"hkdf", "RFC 5869 A.1", "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", hkdf_agrees},
    {"pbkdf2", "RFC 7914 11",
     "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783", pbkdf2_agrees},
    {"scrypt", "RFC 7914 12",
     "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887", scrypt_agrees},
    {"x25519", "RFC 7748 5.2", "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", x25519_agrees},
    {"chacha20-poly1305", "RFC 8439 2.8.2",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c"
     "9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
     chacha_agrees},
    {"p256", "RFC 6979 A.2.5", vectors::p256_signature, [](std::string_view answer) { return signature_agrees(vectors::p256_key, "sample", answer, "ecdsa-sha256"); }},
    {"p384", "RFC 6979 A.2.6", vectors::p384_signature, [](std::string_view answer) { return signature_agrees(vectors::p384_key, "sample", answer, "ecdsa-sha384"); }},
    {"p384", "RFC 6979 A.2.6", vectors::p384_sha512_signature, [](std::string_view answer) { return signature_agrees(vectors::p384_key, "sample", answer, "ecdsa-sha512"); }},
    {"rsa", "Wycheproof, PKCS #1 v1.5", vectors::rsa_pkcs1_signature,
     [](std::string_view answer) { return signature_agrees(vectors::rsa_pkcs1_key, "Test", answer, "rsa-pkcs1-sha384"); }},
    {"rsa", "Wycheproof, PSS", vectors::rsa_pss_signature, [](std::string_view answer) { return signature_agrees(vectors::rsa_pss_key, "Test", answer, "rsa-pss-sha256"); }},
    {"slip-0039", "SLIP-0039 vectors, case 23", "c938b319067687e990e05e0da0ecce1278f75ff58d9853f19dcaeed5de104aae", slip39_agrees},
    {"age", "C2SP CCTV, x25519", "age", age_x25519_agrees},
    {"age", "C2SP CCTV, scrypt", "age", age_scrypt_agrees},
    {"merkle", "RFC 6962 2.1, Certificate Transparency", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", merkle_agrees}};

}  // namespace

std::span<const KnownAnswer> known_answers() { return table; }

std::vector<std::string_view> algorithms_of(std::span<const KnownAnswer> answers) {
  std::vector<std::string_view> out;
  for (const auto& known : answers)
    if (std::ranges::find(out, known.algorithm) == out.end()) out.push_back(known.algorithm);
  return out;
}

std::vector<Finding> wrong_answers(std::span<const KnownAnswer> answers) {
  std::vector<Finding> out;
  for (const auto& known : answers) {
    std::string why = "does not give";
    try {
      if (known.agrees(known.answer)) continue;
    } catch (const std::exception& error) {
      why = std::string("failed (") + error.what() + ") instead of giving";
    }
    out.push_back({"\"" + std::string(known.algorithm) + "\" " + why + " the published answer of " + std::string(known.source), "self-test", "do not use this machine; nothing was touched"});
  }
  return out;
}

}  // namespace ceremony::actions
