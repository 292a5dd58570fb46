// Byte strings and digests that are not secret, and their text forms. Secrets never pass through here: see secret.h.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ceremony {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

/// A SHA-256 digest of public bytes.
struct Digest {
  std::array<std::uint8_t, 32> value{};
  auto operator<=>(const Digest&) const = default;
};

[[nodiscard]] Digest sha256(View bytes);
[[nodiscard]] Digest sha256(std::string_view text);

/// The same bytes seen as the other type; no copy for views.
[[nodiscard]] View as_view(std::string_view text);
[[nodiscard]] Bytes as_bytes(std::string_view text);
[[nodiscard]] std::string as_text(View bytes);

/// Lower-case hex. `unhex` takes exactly that (even length, no white space, no upper case) or nothing.
[[nodiscard]] std::string hex(View bytes);
[[nodiscard]] std::string hex(const Digest& digest);
[[nodiscard]] std::optional<Bytes> unhex(std::string_view text);
[[nodiscard]] std::optional<Digest> digest_from_hex(std::string_view text);

/// RFC 4648 standard base64 with padding. `unbase64` takes the canonical form only, or nothing.
[[nodiscard]] std::string base64(View bytes);
[[nodiscard]] std::optional<Bytes> unbase64(std::string_view text);

/// Bytes `from` a Botan or other contiguous range.
template <typename Range>
[[nodiscard]] Bytes to_bytes(const Range& range) { return Bytes(range.begin(), range.end()); }

}  // namespace ceremony
