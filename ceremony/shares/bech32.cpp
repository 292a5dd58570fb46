#include "ceremony/shares/bech32.h"

#include <array>

#include "ceremony/shares/constant_time.h"

namespace ceremony::shares {
namespace {

using Octets = Botan::secure_vector<std::uint8_t>;

constexpr std::string_view alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_length = 6;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

std::uint32_t step(std::uint32_t sum, std::uint32_t value) {
  constexpr std::array<std::uint32_t, 5> generator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  const std::uint32_t top = sum >> 25U;
  sum = (sum & 0x1FFFFFFU) << 5U ^ value;
  for (unsigned i = 0; i < generator.size(); ++i) sum ^= generator[i] & mask_of_bit(top >> i);
  return sum;
}

std::uint32_t checksum(std::string_view prefix, std::span<const std::uint8_t> digits) {
  std::uint32_t sum = 1;
  for (const char c : prefix) sum = step(sum, static_cast<std::uint32_t>(lower(c)) >> 5U);
  sum = step(sum, 0);
  for (const char c : prefix) sum = step(sum, static_cast<std::uint32_t>(lower(c)) & 31U);
  for (const auto d : digits) sum = step(sum, d);
  return sum;
}

std::uint8_t character(std::uint32_t digit) {
  std::uint32_t out = 0;
  for (std::uint32_t i = 0; i < alphabet.size(); ++i)
    out |= static_cast<std::uint32_t>(mask_if_zero(i ^ digit)) & static_cast<unsigned char>(alphabet[i]);
  return static_cast<std::uint8_t>(out);
}

}  // namespace

Octets bech32(std::string_view prefix, std::span<const std::uint8_t> data) {
  Octets digits;
  std::uint32_t pending = 0;
  unsigned have = 0;
  for (const auto octet : data) {
    pending = (pending << 8U | octet) & 0xFFFU;
    for (have += 8; have >= 5;) {
      have -= 5;
      digits.push_back(static_cast<std::uint8_t>(pending >> have & 31U));
    }
  }
  if (have > 0) digits.push_back(static_cast<std::uint8_t>(pending << (5 - have) & 31U));
  digits.resize(digits.size() + checksum_length);
  const std::uint32_t sum = checksum(prefix, digits) ^ 1U;
  for (std::size_t i = 0; i < checksum_length; ++i)
    digits[digits.size() - checksum_length + i] =
        static_cast<std::uint8_t>(sum >> (5 * (checksum_length - 1 - i)) & 31U);
  Octets out;
  for (const char c : prefix) out.push_back(static_cast<std::uint8_t>(c));
  out.push_back('1');
  for (const auto d : digits) out.push_back(character(d));
  return out;
}

std::optional<Octets> unbech32(std::string_view prefix, std::string_view text) {
  const bool upper = is_upper(prefix.front());
  if (text.size() < prefix.size() + 1 + checksum_length || !text.starts_with(prefix) || text[prefix.size()] != '1')
    return std::nullopt;
  Octets digits;
  for (const char c : text.substr(prefix.size() + 1)) {
    if (upper ? c >= 'a' && c <= 'z' : is_upper(c)) return std::nullopt;
    std::uint32_t digit = 0;
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < alphabet.size(); ++i) {
      const auto same = static_cast<std::uint32_t>(mask_if_zero(static_cast<std::uint64_t>(alphabet[i] ^ lower(c))));
      digit |= same & i;
      found |= same;
    }
    if (found == 0) return std::nullopt;
    digits.push_back(static_cast<std::uint8_t>(digit));
  }
  if (checksum(prefix, digits) != 1) return std::nullopt;
  Octets out;
  std::uint32_t pending = 0;
  unsigned have = 0;
  for (const auto d : std::span(digits).first(digits.size() - checksum_length)) {
    pending = (pending << 5U | d) & 0xFFFU;
    have += 5;
    if (have < 8) continue;
    have -= 8;
    out.push_back(static_cast<std::uint8_t>(pending >> have));
  }
  // Fewer than five bits left over, all zero: one text for one value.
  if (have >= 5 || (pending & ((1U << have) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace ceremony::shares
