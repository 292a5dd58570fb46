// Distinguished names: the few attributes CA certificates need, in order, one attribute an RDN, with the bounds of
// RFC 5280 appendix A. Encoding is deterministic: equal Names have equal DER. Never guesses: an attribute that is not
// in the table below is refused (or, from a CSR, reported), not carried along.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/refusal.h"

namespace ceremony::pki {

/// `type` is one of CN O OU C ST L serialNumber VID PID (the last two: Matter's vendor and product id,
/// 1.3.6.1.4.1.37244.2.1 and .2.2). `value` is UTF-8.
struct Attribute {
  std::string type;
  std::string value;
  auto operator<=>(const Attribute&) const = default;
};

struct Name {
  std::vector<Attribute> attributes;
  auto operator<=>(const Name&) const = default;
  [[nodiscard]] bool empty() const { return attributes.empty(); }
  /// The first attribute of that type, or nothing.
  [[nodiscard]] std::optional<std::string> get(std::string_view type) const;
  [[nodiscard]] bool has(std::string_view type) const { return get(type).has_value(); }
};

/// The attribute types known here, in their table's order.
[[nodiscard]] const std::vector<std::string>& attribute_types();

/// What is wrong with a value (length, characters, form), or nothing.
[[nodiscard]] std::optional<std::string> mistake_in(const Attribute& attribute);

/// "CN=Example Root, O=Example, C=DE", in the order in which it is encoded. A backslash takes the next character
/// literally (RFC 4514 escapes, and \xx hex pairs). Throws PkiRefusal::name with every mistake.
[[nodiscard]] Name parse_name(std::string_view text);
/// The same form back; parse_name(text(n)) == n. Control characters never appear.
[[nodiscard]] std::string text(const Name& name);

/// Name ::= RDNSequence. C and serialNumber as PrintableString, all else UTF8String (RFC 5280 4.1.2.4).
/// Throws PkiRefusal::name for an empty Name or an attribute out of bounds.
[[nodiscard]] Bytes encode_name(const Name& name);
/// The whole of `der` is one Name made of known attributes, one a RDN, in UTF8String or PrintableString (IA5String is
/// read too). Throws PkiRefusal::name, or PkiRefusal::der where it is no DER.
[[nodiscard]] Name decode_name(View der);

/// For CSRs: takes what is known and within bounds, and puts everything else into words.
struct LenientName {
  Name name;
  std::vector<std::string> dropped;
};
[[nodiscard]] LenientName decode_name_leniently(View der);

}  // namespace ceremony::pki
