#include "ceremony/pki/key.h"

#include <botan/bigint.h>
#include <botan/ec_apoint.h>
#include <botan/ec_group.h>
#include <botan/hash.h>

#include <algorithm>
#include <array>
#include <format>
#include <optional>

#include "ceremony/pki/der.h"

namespace ceremony::pki {

namespace {

constexpr std::string_view oid_rsa = "1.2.840.113549.1.1.1";
constexpr std::string_view oid_ec = "1.2.840.10045.2.1";
constexpr std::string_view hint_key = "have the key made again: RSA of 3072 or 4096 bits, P-256 or P-384";

[[noreturn]] void refuse_key(PkiRefusal code, std::string fact) {
  throw Refused(code, std::move(fact), "the public key", std::string(hint_key));
}

struct Curve {
  std::string_view oid, name, botan;
  std::size_t coordinate;
};
constexpr Curve curves[] = {{"1.2.840.10045.3.1.7", "p256", "secp256r1", 32},
                            {"1.3.132.0.34", "p384", "secp384r1", 48}};

struct Parts {
  const Curve* curve = nullptr;  ///< null for RSA
  View key_bits;                 ///< of the BIT STRING: the point, or RSAPublicKey
  Bytes modulus;                 ///< magnitude, without the sign octet
  Bytes exponent;
  std::size_t modulus_bits = 0;
};

std::string algorithm_words(std::string_view oid) {
  if (oid == "1.3.101.112") return "Ed25519";
  if (oid == "1.3.101.113") return "Ed448";
  if (oid == "1.2.840.113549.1.1.10") return "RSA restricted to PSS";
  if (oid == "1.2.840.10040.4.1") return "DSA";
  if (oid == "1.3.132.0.35") return "P-521";
  if (oid == "1.3.132.0.10") return "secp256k1";
  if (oid == "1.3.132.0.33") return "P-224";
  if (oid == "1.3.36.3.3.2.8.1.1.7") return "brainpoolP256r1";
  return std::string(oid);
}

Bytes magnitude(View integer, std::string_view field) {
  if (integer.empty() || integer[0] >= 0x80)
    refuse_key(PkiRefusal::key, std::format("the RSA {} is negative", field));
  return to_bytes(integer[0] == 0 ? integer.subspan(1) : integer);
}

/// RFC 5280 4.1.2.7, RFC 3279 2.3.1, RFC 5480 2.1.1.
Parts parts_of(View spki) {
  constexpr std::string_view what = "the public key";
  der::Reader outer(der::one(spki, der::sequence, what).content, what);
  der::Reader algorithm = outer.enter(der::sequence, "the algorithm");
  const std::string oid = der::oid_text(algorithm.next(der::oid, "the algorithm's identifier").content);
  Parts out;
  if (oid == oid_rsa) {
    if (algorithm.next(der::null, "the parameter NULL").content.size() != 0)
      algorithm.refuse("the parameter is not NULL");
  } else if (oid == oid_ec) {
    if (algorithm.done()) refuse_key(PkiRefusal::key, "the curve is missing");
    const der::Element curve = algorithm.next();
    if (curve.tag != der::oid) refuse_key(PkiRefusal::key, "the curve is given by its parameters, not by its name");
    const std::string curve_oid = der::oid_text(curve.content);
    const auto* at = std::ranges::find(curves, curve_oid, &Curve::oid);
    if (at == std::end(curves))
      refuse_key(PkiRefusal::key, std::format("the curve is {}", algorithm_words(curve_oid)));
    out.curve = at;
  } else {
    refuse_key(PkiRefusal::key, std::format("the key is of the kind {}", algorithm_words(oid)));
  }
  algorithm.end();
  out.key_bits = der::whole_octets(outer.next(der::bit_string, "the key").content, what);
  outer.end();
  if (out.curve != nullptr) return out;
  der::Reader rsa(der::one(out.key_bits, der::sequence, what).content, what);
  out.modulus = magnitude(rsa.next(der::integer, "the modulus").content, "modulus");
  out.exponent = magnitude(rsa.next(der::integer, "the exponent").content, "exponent");
  rsa.end();
  if (out.modulus.empty()) refuse_key(PkiRefusal::key, "the RSA modulus is 0");
  out.modulus_bits = out.modulus.size() * 8 - static_cast<std::size_t>(std::countl_zero(out.modulus[0]));
  return out;
}

std::string algorithm_of(const Parts& parts) {
  return parts.curve != nullptr ? std::string(parts.curve->name) : std::format("rsa{}", parts.modulus_bits);
}

/// The odd primes below 752 (CA/B BR 6.1.6: no factor smaller than 752).
std::vector<unsigned> small_primes() {
  std::vector<unsigned> out;
  for (unsigned n = 3; n < 752; n += 2)
    if (std::ranges::none_of(out, [&](unsigned p) { return n % p == 0; })) out.push_back(n);
  return out;
}

/// CVE-2017-15361 ("ROCA"): both primes are 65537^a modulo the product of the first primes, hence so is the modulus,
/// modulo each of them. A sound modulus is in all these subgroups with a chance below 2^-27.
bool roca(const Botan::BigInt& modulus) {
  for (const unsigned p : small_primes()) {
    if (p > 167) break;
    const auto residue = static_cast<unsigned>(modulus % p);
    bool inside = false;
    unsigned power = 1;
    do {
      inside = inside || power == residue;
      power = power * (65537U % p) % p;
    } while (power != 1);
    if (!inside) return false;
  }
  return true;
}

Botan::BigInt root_of(const Botan::BigInt& n) {
  if (n.is_zero()) return n;
  Botan::BigInt x = Botan::BigInt::power_of_2((n.bits() + 1) / 2);  // at least the root: Newton falls from above
  for (;;) {
    Botan::BigInt y = (x + n / x) >> 1;
    if (y >= x) return x;
    x = y;
  }
}

/// Squares modulo a few small numbers: most of what is no square is told without a root.
bool may_be_square(const Botan::BigInt& n) {
  for (const unsigned m : {64U, 63U, 65U, 11U, 17U, 19U, 23U, 31U}) {
    const auto residue = static_cast<unsigned>(n % m);
    bool square = false;
    for (unsigned i = 0; i < m && !square; ++i) square = i * i % m == residue;
    if (!square) return false;
  }
  return true;
}

/// Fermat's method: p and q close together show as a² - n = b² with a just above the root of n.
bool close_primes(const Botan::BigInt& n) {
  Botan::BigInt a = root_of(n);
  if (a * a < n) a += 1;
  for (int round = 0; round < 100; ++round, a += 1) {
    const Botan::BigInt rest = a * a - n;
    if (!may_be_square(rest)) continue;
    const Botan::BigInt b = root_of(rest);
    if (b * b == rest) return true;
  }
  return false;
}

void refuse_weak_rsa(const Parts& parts) {
  auto weak = [](std::string fact) { refuse_key(PkiRefusal::weak_key, std::move(fact)); };
  if (parts.modulus_bits < 3072)
    weak(std::format("the RSA modulus has {} bits, fewer than 3072", parts.modulus_bits));
  if (parts.modulus_bits > 8192) weak(std::format("the RSA modulus has {} bits, more than 8192", parts.modulus_bits));
  if (parts.modulus_bits % 8 != 0)
    weak(std::format("the RSA modulus has {} bits, not a multiple of 8", parts.modulus_bits));
  const Botan::BigInt modulus = Botan::BigInt::from_bytes(parts.modulus);
  const Botan::BigInt exponent = Botan::BigInt::from_bytes(parts.exponent);
  if (exponent.is_even()) weak("the RSA exponent is even");
  if (exponent < 65537) weak(std::format("the RSA exponent {} is below 65537", exponent.to_dec_string()));
  if (exponent.bits() > 256) weak(std::format("the RSA exponent has {} bits", exponent.bits()));
  if (modulus.is_even()) weak("the RSA modulus is even");
  for (const unsigned p : small_primes())
    if (modulus % p == 0) weak(std::format("the RSA modulus is divisible by {}", p));
  if (roca(modulus)) weak("the RSA modulus has the fingerprint of the ROCA weakness (CVE-2017-15361)");
  if (close_primes(modulus)) weak("the RSA modulus is the product of two close primes");
}

void refuse_bad_point(const Parts& parts) {
  const View point = parts.key_bits;
  if (point.size() != 1 + 2 * parts.curve->coordinate || point[0] != 0x04)
    refuse_key(PkiRefusal::key, std::format("the point on {} is not uncompressed ({} bytes, form 0x{:02x})",
                                            parts.curve->name, point.size(), point.empty() ? 0 : point[0]));
  const auto group = Botan::EC_Group::from_name(parts.curve->botan);
  const auto found = Botan::EC_AffinePoint::deserialize(group, point);
  if (!found || found->is_identity())
    refuse_key(PkiRefusal::key, std::format("the point is not on the curve {}", parts.curve->name));
}

Bytes sha1(View bytes) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-1");
  hash->update(bytes);
  return hash->final<Bytes>();
}

}  // namespace

std::string key_algorithm(View spki) { return algorithm_of(parts_of(spki)); }

Bytes subject_key_id(View spki) { return sha1(parts_of(spki).key_bits); }

PublicKeyInfo inspect_key(View spki) {
  const Parts parts = parts_of(spki);
  try {
    if (parts.curve != nullptr)
      refuse_bad_point(parts);
    else
      refuse_weak_rsa(parts);
  } catch (const Botan::Exception& error) {
    refuse_key(PkiRefusal::key, std::format("the key cannot be used ({})", error.what()));
  }
  return {algorithm_of(parts), {to_bytes(spki)}, sha256(spki), sha1(parts.key_bits)};
}

}  // namespace ceremony::pki
