#include "ceremony/shares/arithmetic.h"

#include <botan/mac.h>
#include <botan/pwdhash.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>

#include "ceremony/shares/constant_time.h"
#include "ceremony/shares/words.h"

namespace ceremony::shares {
namespace {

constexpr std::uint8_t digest_x = 254;
constexpr std::uint8_t secret_x = 255;
constexpr std::size_t digest_length = 4;
constexpr unsigned rounds = 4;
constexpr unsigned rounds_of_all = 10000;  // PBKDF2 iterations, shared among the Feistel rounds
constexpr std::size_t header_words = 4;
constexpr std::size_t checksum_words = 3;

/// SLIP-0039 "Format": D = HMAC-SHA256(R, S), first 4 octets, then R.
Octets digest_of(std::span<const std::uint8_t> random, std::span<const std::uint8_t> secret) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
  mac->set_key(random);
  mac->update(secret);
  Octets out(mac->output_length());
  mac->final(out);
  out.resize(digest_length);
  return out;
}

Octets feistel(const Octets& in, std::span<const std::uint8_t> passphrase, CipherParameters with, bool forward) {
  assert(in.size() % 2 == 0);
  const std::size_t half = in.size() / 2;
  Octets left(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(half));
  Octets right(in.begin() + static_cast<std::ptrdiff_t>(half), in.end());
  const auto family = Botan::PasswordHashFamily::create_or_throw("PBKDF2(SHA-256)");
  const auto hash = family->from_params((rounds_of_all << with.exponent) / rounds);
  Octets fixed_salt;
  if (!with.extendable) {
    for (const char c : std::string_view("shamir")) fixed_salt.push_back(static_cast<std::uint8_t>(c));
    fixed_salt.push_back(static_cast<std::uint8_t>(with.identifier >> 8U));
    fixed_salt.push_back(static_cast<std::uint8_t>(with.identifier));
  }
  for (unsigned k = 0; k < rounds; ++k) {
    const unsigned round = forward ? k : rounds - 1 - k;
    Octets password{static_cast<std::uint8_t>(round)};
    password.insert(password.end(), passphrase.begin(), passphrase.end());
    Octets salt = fixed_salt;
    salt.insert(salt.end(), right.begin(), right.end());
    Octets f(half);
    hash->derive_key(f.data(), f.size(), reinterpret_cast<const char*>(password.data()), password.size(), salt.data(),
                     salt.size());
    for (std::size_t i = 0; i < half; ++i) f[i] ^= left[i];
    left = std::move(right);
    right = std::move(f);
  }
  right.insert(right.end(), left.begin(), left.end());
  return right;
}

std::uint32_t polymod_step(std::uint32_t sum, std::uint32_t value) {
  constexpr std::array<std::uint32_t, 10> generator = {0x00E0E040, 0x01C1C080, 0x03838100, 0x07070200, 0x0E0E0009,
                                                       0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x03F3F120};
  const std::uint32_t top = sum >> 20U;
  sum = (sum & 0xFFFFFU) << 10U ^ value;
  for (unsigned i = 0; i < generator.size(); ++i) sum ^= generator[i] & mask_of_bit(top >> i);
  return sum;
}

std::uint32_t polymod(std::span<const std::uint16_t> indices, bool extendable) {
  std::uint32_t sum = 1;
  for (const char c : std::string_view(extendable ? "shamir_extendable" : "shamir"))
    sum = polymod_step(sum, static_cast<std::uint8_t>(c));
  for (const auto index : indices) sum = polymod_step(sum, index);
  return sum;
}

}  // namespace

std::uint8_t gf_multiply(std::uint8_t a, std::uint8_t b) {
  std::uint32_t x = a;
  std::uint32_t sum = 0;
  for (unsigned i = 0; i < 8; ++i) {
    sum ^= x & mask_of_bit(static_cast<std::uint32_t>(b) >> i);
    x = x << 1U ^ (0x11BU & mask_of_bit(x >> 7U));
  }
  return static_cast<std::uint8_t>(sum);
}

std::uint8_t gf_inverse(std::uint8_t a) {
  // a^254: the exponent is public.
  std::uint8_t out = 1;
  for (unsigned bit = 8; bit-- > 0;) {
    out = gf_multiply(out, out);
    if ((254U >> bit & 1U) != 0) out = gf_multiply(out, a);
  }
  return out;
}

Octets interpolate(std::span<const Point> points, std::uint8_t x) {
  assert(!points.empty());
  Octets out(points[0].y.size());
  for (const Point& p : points) {
    assert(p.y.size() == out.size());
    std::uint8_t above = 1;
    std::uint8_t below = 1;
    for (const Point& q : points) {
      if (&q == &p) continue;
      assert(q.x != p.x);
      above = gf_multiply(above, static_cast<std::uint8_t>(x ^ q.x));
      below = gf_multiply(below, static_cast<std::uint8_t>(p.x ^ q.x));
    }
    const std::uint8_t weight = gf_multiply(above, gf_inverse(below));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= gf_multiply(p.y[i], weight);
  }
  return out;
}

std::vector<Octets> split_value(const Octets& secret, unsigned m, unsigned n, Botan::RandomNumberGenerator& rng) {
  assert(m >= 1 && m <= n && n <= 16 && secret.size() >= 16);
  std::vector<Octets> out;
  if (m == 1) {
    for (unsigned i = 0; i < n; ++i) out.push_back(secret);
    return out;
  }
  std::vector<Point> points;
  for (unsigned x = 0; x + 2 < m; ++x) {
    points.push_back({static_cast<std::uint8_t>(x), rng.random_vec(secret.size())});
    out.push_back(points.back().y);
  }
  const Octets random = rng.random_vec(secret.size() - digest_length);
  Octets digest = digest_of(random, secret);
  digest.insert(digest.end(), random.begin(), random.end());
  points.push_back({digest_x, std::move(digest)});
  points.push_back({secret_x, secret});
  for (unsigned x = m - 2; x < n; ++x) out.push_back(interpolate(points, static_cast<std::uint8_t>(x)));
  return out;
}

std::uint32_t equal_mask(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  assert(a.size() == b.size());
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<std::uint64_t>(a[i] ^ b[i]);
  return static_cast<std::uint32_t>(mask_if_zero(difference));
}

Recovered recover_value(std::span<const Point> points) {
  if (points.size() == 1) return {points[0].y, ~0U};
  Recovered out{interpolate(points, secret_x), 0};
  const Octets digest = interpolate(points, digest_x);
  const std::span<const std::uint8_t> all(digest);
  const Octets expected = digest_of(all.subspan(digest_length), out.secret);
  out.authentic = equal_mask(expected, all.first(digest_length));
  return out;
}

Octets feistel_encrypt(const Octets& secret, std::span<const std::uint8_t> passphrase, CipherParameters with) {
  return feistel(secret, passphrase, with, true);
}

Octets feistel_decrypt(const Octets& secret, std::span<const std::uint8_t> passphrase, CipherParameters with) {
  return feistel(secret, passphrase, with, false);
}

std::uint32_t rs1024_syndrome(std::span<const std::uint16_t> indices, bool extendable) {
  return polymod(indices, extendable) ^ 1U;
}

Indices share_indices(const ShareInfo& info, const Octets& value) {
  const std::uint64_t header =
      static_cast<std::uint64_t>(info.identifier) << 25U | static_cast<std::uint64_t>(info.extendable) << 24U |
      static_cast<std::uint64_t>(info.exponent) << 20U | info.group_index << 16U | (info.group_threshold - 1) << 12U |
      (info.group_count - 1) << 8U | info.member_index << 4U | (info.member_threshold - 1);
  Indices out;
  for (unsigned k = 0; k < header_words; ++k)
    out.push_back(static_cast<std::uint16_t>(header >> (30U - 10U * k) & 1023U));
  // The value as one big-endian number, zero bits in front up to a multiple of 10.
  const std::size_t bits = value.size() * 8;
  const std::size_t count = (bits + 9) / 10;
  std::uint32_t pending = 0;
  auto have = static_cast<unsigned>(count * 10 - bits);
  for (const auto octet : value) {
    pending = (pending << 8U | octet) & 0x3FFFFU;
    have += 8;
    if (have < 10) continue;
    have -= 10;
    out.push_back(static_cast<std::uint16_t>(pending >> have & 1023U));
  }
  assert(have == 0);
  out.resize(out.size() + checksum_words);
  const std::uint32_t sum = rs1024_syndrome(out, info.extendable);
  for (std::size_t k = 0; k < checksum_words; ++k)
    out[out.size() - checksum_words + k] = static_cast<std::uint16_t>(sum >> (10 * (checksum_words - 1 - k)) & 1023U);
  return out;
}

ShareInfo info_of(std::span<const std::uint16_t> indices) {
  assert(indices.size() > header_words + checksum_words);
  std::uint64_t header = 0;
  for (std::size_t k = 0; k < header_words; ++k) header = header << 10U | indices[k];
  auto field = [&](unsigned shift, unsigned mask) { return static_cast<unsigned>(header >> shift) & mask; };
  const std::size_t bits = (indices.size() - header_words - checksum_words) * 10;
  return {.identifier = field(25, 0x7FFF),
          .extendable = field(24, 1) != 0,
          .exponent = field(20, 15),
          .group_index = field(16, 15),
          .group_threshold = field(12, 15) + 1,
          .group_count = field(8, 15) + 1,
          .member_index = field(4, 15),
          .member_threshold = field(0, 15) + 1,
          .value_bytes = bits / 16 * 2};
}

Unpacked share_value(std::span<const std::uint16_t> indices) {
  const auto body = indices.subspan(header_words, indices.size() - header_words - checksum_words);
  const std::size_t bits = body.size() * 10;
  const auto padding_bits = static_cast<unsigned>(bits % 16);
  Unpacked out{{}, 0};
  out.value.reserve(bits / 8);
  std::uint32_t pending = 0;
  unsigned have = 0;
  unsigned left = padding_bits;
  for (const auto index : body) {
    pending = (pending << 10U | index) & 0xFFFFFFU;
    have += 10;
    const unsigned skip = std::min(left, have);
    have -= skip;
    left -= skip;
    if (skip > 0) out.padding |= pending >> have & ((1U << skip) - 1);
    while (have >= 8) {
      have -= 8;
      out.value.push_back(static_cast<std::uint8_t>(pending >> have));
    }
  }
  return out;
}

Octets text_of_words(std::span<const std::uint16_t> indices) {
  Octets out(indices.size() * 9 + 8);
  std::size_t at = 0;
  for (const auto index : indices) {
    PackedWord word = packed_word(index);
    std::size_t length = 0;
    for (unsigned k = 0; k < 8; ++k) {
      const auto letter = static_cast<std::uint8_t>(word >> (8 * k));
      out[at + k] = letter;
      length += 1U & ~static_cast<unsigned>(mask_if_zero(letter));
    }
    at += length;
    out[at++] = ' ';
  }
  out.resize(at == 0 ? 0 : at - 1);
  return out;
}

WordsRead read_words(std::span<const std::uint8_t> text) {
  WordsRead out;
  PackedWord word = 0;
  std::size_t length = 0;
  auto end_word = [&] {
    const WordIndex at = index_of(word);
    out.indices.push_back(static_cast<std::uint16_t>(at.index));
    if (length > 8 || at.found == 0) out.unknown.push_back(out.indices.size());
    word = 0;
    length = 0;
  };
  for (const auto c : text) {
    if (c == ' ') {
      end_word();
      continue;
    }
    if (length < 8) word |= static_cast<PackedWord>(c) << (8 * length);
    ++length;
  }
  if (!text.empty()) end_word();
  return out;
}

}  // namespace ceremony::shares
