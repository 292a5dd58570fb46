// Strict DER reading (X.690 10 and 11) for this folder's parsers: minimal definite lengths, low tag numbers, the
// canonical form of every universal type, nothing after the end. Written by us because libraries read BER, and
// because what is shown to people must be decoded from the very bytes. Throws PkiRefusal::der. Private to this
// folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"

namespace ceremony::pki::der {

enum Tag : std::uint8_t {
  boolean = 0x01,
  integer = 0x02,
  bit_string = 0x03,
  octet_string = 0x04,
  null = 0x05,
  oid = 0x06,
  enumerated = 0x0a,
  utf8_string = 0x0c,
  printable_string = 0x13,
  teletex_string = 0x14,
  ia5_string = 0x16,
  utc_time = 0x17,
  generalized_time = 0x18,
  bmp_string = 0x1e,
  sequence = 0x30,
  set = 0x31
};
[[nodiscard]] constexpr std::uint8_t context(unsigned number) { return static_cast<std::uint8_t>(0x80 + number); }
[[nodiscard]] constexpr std::uint8_t context_constructed(unsigned number) {
  return static_cast<std::uint8_t>(0xa0 + number);
}

struct Element {
  std::uint8_t tag = 0;
  View content;
  View whole;  ///< with tag and length
};

/// Walks the elements of one constructed value. `what` names the value in refusals.
class Reader final {
 public:
  Reader(View content, std::string_view what) : m_rest(content), m_what(what) {}
  [[nodiscard]] bool done() const { return m_rest.empty(); }
  [[nodiscard]] Element next();
  [[nodiscard]] Element next(std::uint8_t tag, std::string_view field);
  [[nodiscard]] std::optional<Element> next_if(std::uint8_t tag);
  [[nodiscard]] Reader enter(std::uint8_t tag, std::string_view field) { return {next(tag, field).content, m_what}; }
  void end() const;
  [[noreturn]] void refuse(std::string fact) const;

 private:
  View m_rest;
  std::string_view m_what;
};

/// Checks that `bytes` is exactly one element, strict all the way down, and returns it.
[[nodiscard]] Element one(View bytes, std::string_view what);
[[nodiscard]] Element one(View bytes, std::uint8_t tag, std::string_view what);

[[nodiscard]] std::string oid_text(View content);
[[nodiscard]] bool to_bool(View content);
/// A non-negative INTEGER below 2^63, or nothing.
[[nodiscard]] std::optional<std::uint64_t> to_number(View content);
/// Content octets of a non-negative INTEGER for a number.
[[nodiscard]] Bytes from_number(std::uint64_t number);
/// BIT STRING of whole octets.
[[nodiscard]] View whole_octets(View bit_string_content, std::string_view what);
/// UTCTime before 2050, GeneralizedTime from then on, both with seconds and Z (RFC 5280 4.1.2.5).
[[nodiscard]] Time to_time(const Element& element, std::string_view what);
struct TimeText {
  std::uint8_t tag;
  std::string text;
};
[[nodiscard]] TimeText from_time(Time time);
[[nodiscard]] bool valid_utf8(std::string_view text);

/// tag ‖ length ‖ content
[[nodiscard]] Bytes wrap(std::uint8_t tag, View content);

}  // namespace ceremony::pki::der
