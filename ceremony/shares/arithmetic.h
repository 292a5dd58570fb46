// The arithmetic of SLIP-0039 without its checks and texts: field, interpolation, digest, cipher, checksum, words as
// numbers. Internal to this folder, its tests and the valgrind test.
//
// Everything here is branch-free and table-free over values, digests and words; x coordinates, lengths, thresholds,
// identifiers and exponents are public.
#pragma once

#include <botan/rng.h>
#include <botan/secmem.h>

#include <cstdint>
#include <span>
#include <vector>

#include "ceremony/shares/slip39.h"

namespace ceremony::shares {

using Octets = Botan::secure_vector<std::uint8_t>;
using Indices = Botan::secure_vector<std::uint16_t>;  ///< words as their numbers, each below 1024

/// GF(256) of Rijndael: x^8 + x^4 + x^3 + x + 1.
[[nodiscard]] std::uint8_t gf_multiply(std::uint8_t a, std::uint8_t b);
[[nodiscard]] std::uint8_t gf_inverse(std::uint8_t a);  ///< of 0 it is 0

struct Point {
  std::uint8_t x;
  Octets y;
};
/// The value at x of the polynomial of lowest degree through the points, octet by octet. Distinct x, equal lengths.
[[nodiscard]] Octets interpolate(std::span<const Point> points, std::uint8_t x);

/// y at x = 0 … n-1 of a random polynomial whose value at 255 is the secret, at 254 its digest. m = 1: n copies.
[[nodiscard]] std::vector<Octets> split_value(const Octets& secret, unsigned m, unsigned n,
                                              Botan::RandomNumberGenerator& rng);
struct Recovered {
  Octets secret;
  std::uint32_t authentic;  ///< all ones if the digest fits, else 0
};
/// Exactly the threshold's number of points.
[[nodiscard]] Recovered recover_value(std::span<const Point> points);
/// All ones if equal, else 0; equal lengths.
[[nodiscard]] std::uint32_t equal_mask(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// The four-round Feistel cipher under the passphrase.
struct CipherParameters {
  unsigned identifier;
  bool extendable;
  unsigned exponent;
};
[[nodiscard]] Octets feistel_encrypt(const Octets& secret, std::span<const std::uint8_t> passphrase,
                                     CipherParameters with);
[[nodiscard]] Octets feistel_decrypt(const Octets& secret, std::span<const std::uint8_t> passphrase,
                                     CipherParameters with);

/// 0 for words whose checksum is right; the syndrome otherwise.
[[nodiscard]] std::uint32_t rs1024_syndrome(std::span<const std::uint16_t> indices, bool extendable);

/// A share as numbers, checksum and all, and back. `padding` is all the padding bits: 0 in a good share.
[[nodiscard]] Indices share_indices(const ShareInfo& info, const Octets& value);
[[nodiscard]] ShareInfo info_of(std::span<const std::uint16_t> indices);
struct Unpacked {
  Octets value;
  std::uint32_t padding;
};
[[nodiscard]] Unpacked share_value(std::span<const std::uint16_t> indices);

/// Words by their numbers, single spaces. Branches and addresses depend on the words' lengths alone, which the text
/// shows.
[[nodiscard]] Octets text_of_words(std::span<const std::uint16_t> indices);
/// The numbers of words of a text with single spaces. `unknown`: numbers (from 1) of the words that are not on the
/// list.
struct WordsRead {
  Indices indices;
  std::vector<std::size_t> unknown;
};
[[nodiscard]] WordsRead read_words(std::span<const std::uint8_t> text);

}  // namespace ceremony::shares
