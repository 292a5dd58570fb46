#include <botan/bigint.h>
#include <botan/der_enc.h>
#include <botan/ec_group.h>
#include <botan/numthry.h>
#include <botan/rsa.h>

#include "ceremony/pki/der.h"
#include "foreign.h"

using namespace pki_test;

namespace {

Bytes openssl_key(const std::string& options) {
  const Folder folder;
  folder.must("openssl genpkey " + options + " -out k.pem && openssl pkey -in k.pem -pubout -outform DER -out k.der");
  return folder.read("k.der");
}

Bytes rsa_spki(const Botan::BigInt& modulus, const Botan::BigInt& exponent = Botan::BigInt(65537)) {
  return Botan::RSA_PublicKey(modulus, exponent).subject_public_key();
}

/// A number of that many bits that is no prime's business: odd, without small factors.
Botan::BigInt rough_number(std::size_t bits) {
  for (;;) {
    Botan::BigInt n(rng(), bits);
    n.set_bit(bits - 1);
    n.set_bit(0);
    bool rough = true;
    for (unsigned p = 3; p < 752; p += 2) rough = rough && n % p != 0;
    if (rough) return n;
  }
}

}  // namespace

TEST_CASE("good keys are recognised, with the key id openssl computes") {
  const Folder folder;
  for (const auto& [options, name] : {std::pair{"-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "p256"},
                                      {"-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "p384"},
                                      {"-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "rsa3072"},
                                      {"-algorithm RSA -pkeyopt rsa_keygen_bits:4096", "rsa4096"}}) {
    CAPTURE(name);
    folder.must(std::string("openssl req -x509 -newkey ") +
                (name[0] == 'p' ? "ec -pkeyopt ec_paramgen_curve:P-" : "rsa:") +
                (name[0] == 'p' ? std::string(name).substr(1) : std::string(name).substr(3)) +
                " -noenc -subj /CN=x -keyout k.pem -out c.pem && openssl x509 -in c.pem -noout -pubkey | openssl "
                "pkey -pubin -outform DER -out k.der");
    const PublicKeyInfo key = inspect_key(folder.read("k.der"));
    CHECK(key.algorithm == name);
    CHECK(key.skid.size() == 20);
    CHECK(key.spki_sha256 == sha256(folder.read("k.der")));
    std::string openssl = folder.run("openssl x509 -in c.pem -noout -ext subjectKeyIdentifier").output;
    std::erase_if(openssl, [](char c) { return c == ':' || c == ' ' || c == '\n'; });
    std::ranges::transform(openssl, openssl.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    CHECK(openssl.ends_with(hex(key.skid)));
  }
}

TEST_CASE("keys of other kinds are refused by name") {
  refuses(PkiRefusal::key, "P-521",
          [] { (void)inspect_key(openssl_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-521")); });
  refuses(PkiRefusal::key, "Ed25519", [] { (void)inspect_key(openssl_key("-algorithm ED25519")); });
  refuses(PkiRefusal::key, "secp256k1",
          [] { (void)inspect_key(openssl_key("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1")); });
  refuses(PkiRefusal::key, "restricted to PSS",
          [] { (void)inspect_key(openssl_key("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:3072")); });
  refuses(PkiRefusal::key, "by its parameters", [] {
    (void)inspect_key(openssl_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit"));
  });
  refuses(PkiRefusal::weak_key, "2048 bits",
          [] { (void)inspect_key(openssl_key("-algorithm RSA -pkeyopt rsa_keygen_bits:2048")); });
}

TEST_CASE("a point that is not on its curve is refused, and every form but the uncompressed one") {
  Bytes spki = openssl_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-384");
  Bytes off = spki;
  off.back() ^= 1U;
  refuses(PkiRefusal::key, "not on the curve", [&] { (void)inspect_key(off); });
  const Folder folder;
  folder.must(
      "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem && openssl ec -in k.pem -pubout "
      "-conv_form compressed -outform DER -out k.der");
  refuses(PkiRefusal::key, "not uncompressed", [&] { (void)inspect_key(folder.read("k.der")); });
  spki.push_back(0);
  refuses(PkiRefusal::der, "something follows its end (bytes: 1)", [&] { (void)inspect_key(spki); });
}

TEST_CASE("weak RSA keys are refused") {
  const Botan::BigInt rough = rough_number(3072);
  CHECK_NOTHROW((void)inspect_key(rsa_spki(rough)));
  refuses(PkiRefusal::weak_key, "exponent 3", [&] { (void)inspect_key(rsa_spki(rough, Botan::BigInt(3))); });
  refuses(PkiRefusal::weak_key, "exponent is even", [&] {
    Bytes rsa;
    Botan::DER_Encoder(rsa).start_sequence().encode(rough).encode(std::size_t{65538}).end_cons();
    Bytes spki;
    Botan::DER_Encoder(spki)
        .start_sequence()
        .start_sequence()
        .encode(Botan::OID("1.2.840.113549.1.1.1"))
        .encode_null()
        .end_cons()
        .encode(rsa, Botan::ASN1_Type::BitString)
        .end_cons();
    (void)inspect_key(spki);
  });
  refuses(PkiRefusal::weak_key, "multiple of 8", [&] { (void)inspect_key(rsa_spki(rough_number(3073))); });
  refuses(PkiRefusal::weak_key, "divisible by 17", [&] {
    Botan::BigInt n = rough;
    while (n % 17 != 0 || n.is_even() || n % 3 == 0 || n % 5 == 0 || n % 7 == 0 || n % 11 == 0 || n % 13 == 0) n += 1;
    (void)inspect_key(rsa_spki(n));
  });
}

TEST_CASE("an RSA modulus with the ROCA fingerprint is refused") {
  // The shape of CVE-2017-15361's moduli: k·M + (65537^a mod M), M the product of the primes up to 167.
  Botan::BigInt product(2);
  for (unsigned p = 3; p <= 167; p += 2)
    if (Botan::is_prime(Botan::BigInt(p), rng())) product *= Botan::BigInt(p);
  Botan::BigInt roca;
  for (bool rough = false; !rough;) {
    roca = Botan::BigInt(rng(), 3072 - product.bits()) * product +
           Botan::power_mod(Botan::BigInt(65537), Botan::BigInt(rng(), 100), product);
    rough = roca.bits() == 3072 && roca.is_odd();
    for (unsigned p = 3; p < 752; p += 2) rough = rough && roca % p != 0;
  }
  refuses(PkiRefusal::weak_key, "ROCA", [&] { (void)inspect_key(rsa_spki(roca)); });
}

TEST_CASE("an RSA modulus of close primes is refused") {
  // Roughness stands in for primality: the check factors into close numbers, whatever they are.
  Botan::BigInt p = rough_number(1536);
  p.set_bit(1534);
  Botan::BigInt first = p;
  auto rough = [](const Botan::BigInt& n) {
    bool out = n.is_odd();
    for (unsigned d = 3; d < 752; d += 2) out = out && n % d != 0;
    return out;
  };
  while (!rough(first)) first += 1;
  Botan::BigInt second = first + 2;
  while (!rough(second)) second += 2;
  const Botan::BigInt n = first * second;
  REQUIRE(n.bits() == 3072);
  refuses(PkiRefusal::weak_key, "close primes", [&] { (void)inspect_key(rsa_spki(n)); });
  refuses(PkiRefusal::weak_key, "close primes", [&] { (void)inspect_key(rsa_spki(first * first)); });
}
