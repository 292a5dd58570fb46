#include "ceremony/ground/bytes.h"

#include <botan/base64.h>
#include <botan/hash.h>

#include <algorithm>

namespace ceremony {

Digest sha256(View bytes) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  hash->update(bytes);
  Digest out;
  hash->final(out.value);
  return out;
}

Digest sha256(std::string_view text) { return sha256(as_view(text)); }

View as_view(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
Bytes as_bytes(std::string_view text) { return to_bytes(as_view(text)); }
std::string as_text(View bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string hex(View bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto b : bytes) {
    out += digits[b >> 4U];
    out += digits[b & 15U];
  }
  return out;
}

std::string hex(const Digest& digest) { return hex(View(digest.value)); }

std::optional<Bytes> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 2);
  unsigned value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    unsigned digit = 0;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10U;
    else return std::nullopt;
    value = value << 4U | digit;
    if (i % 2 == 1) {
      out.push_back(static_cast<std::uint8_t>(value));
      value = 0;
    }
  }
  return out;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  const auto bytes = unhex(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Digest out;
  std::ranges::copy(*bytes, out.value.begin());
  return out;
}

std::string base64(View bytes) { return Botan::base64_encode(bytes); }

std::optional<Bytes> unbase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  try {
    Bytes out(Botan::base64_decode_max_output(text.size()));
    out.resize(Botan::base64_decode(out.data(), text, false));
    // Canonical or refused: white space, stray bits and doubled padding do not come back the same.
    if (base64(out) != text) return std::nullopt;
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace ceremony
