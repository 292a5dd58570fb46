#include "ceremony/pki/name.h"

#include <algorithm>
#include <array>
#include <format>

#include "ceremony/pki/der.h"

namespace ceremony::pki {

namespace {

struct Kind {
  std::string_view type;
  std::string_view oid;
  std::array<std::uint8_t, 11> encoded;
  std::size_t encoded_size;
  std::size_t longest;  ///< characters; the ub- bounds of RFC 5280 appendix A
  bool printable;       ///< PrintableString by RFC 5280 and X.520
};

constexpr Kind kinds[] = {
    {"CN", "2.5.4.3", {0x55, 0x04, 0x03}, 3, 64, false},
    {"O", "2.5.4.10", {0x55, 0x04, 0x0a}, 3, 64, false},
    {"OU", "2.5.4.11", {0x55, 0x04, 0x0b}, 3, 64, false},
    {"C", "2.5.4.6", {0x55, 0x04, 0x06}, 3, 2, true},
    {"ST", "2.5.4.8", {0x55, 0x04, 0x08}, 3, 128, false},
    {"L", "2.5.4.7", {0x55, 0x04, 0x07}, 3, 128, false},
    {"serialNumber", "2.5.4.5", {0x55, 0x04, 0x05}, 3, 64, true},
    {"VID", "1.3.6.1.4.1.37244.2.1", {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xa2, 0x7c, 0x02, 0x01}, 10, 4, false},
    {"PID", "1.3.6.1.4.1.37244.2.2", {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xa2, 0x7c, 0x02, 0x02}, 10, 4, false},
};

const Kind* kind_of(std::string_view type) {
  const auto* at = std::ranges::find(kinds, type, &Kind::type);
  return at == std::end(kinds) ? nullptr : at;
}
const Kind* kind_of_oid(std::string_view oid) {
  const auto* at = std::ranges::find(kinds, oid, &Kind::oid);
  return at == std::end(kinds) ? nullptr : at;
}

std::string known_types() {
  std::string out;
  for (const Kind& kind : kinds) out += (out.empty() ? "" : ", ") + std::string(kind.type);
  return out;
}

std::vector<std::uint32_t> points_of(std::string_view utf8) {
  std::vector<std::uint32_t> out;
  for (const char c : utf8) {
    const auto b = static_cast<std::uint8_t>(c);
    if ((b & 0xc0U) == 0x80U && !out.empty())
      out.back() = (out.back() << 6U) | (b & 0x3fU);
    else
      out.push_back(b < 0x80 ? b : b & (b >= 0xf0 ? 0x07U : b >= 0xe0 ? 0x0fU : 0x1fU));
  }
  return out;
}

/// Characters that would let a name look like another one on a screen or on paper.
bool unseen(std::uint32_t p) {
  return p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0xad || (p >= 0x200b && p <= 0x200f) ||
         (p >= 0x2028 && p <= 0x202e) || (p >= 0x2060 && p <= 0x206f) || p == 0xfeff ||
         (p >= 0xfff0 && p <= 0xfffb) || p >= 0xe0000;
}

bool printable_set(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" '()+,-./:=?").contains(c);
}

/// For findings: what cannot be shown is shown as hex.
std::string shown(std::string_view value) {
  if (!der::valid_utf8(value) || std::ranges::any_of(points_of(value), unseen)) return "#" + hex(as_view(value));
  return std::string(value);
}

constexpr std::string_view hint_name = "write it like 'CN=Example Root CA, O=Example, C=DE'";

struct RawAttribute {
  std::string oid;
  std::uint8_t tag;
  std::string value;
};

/// One RDN a SET of one: the common form, and the only one we issue.
std::vector<std::vector<RawAttribute>> raw_rdns(View der_bytes) {
  std::vector<std::vector<RawAttribute>> out;
  der::Reader rdns(der::one(der_bytes, der::sequence, "the name").content, "the name");
  while (!rdns.done()) {
    der::Reader set = rdns.enter(der::set, "an RDN");
    std::vector<RawAttribute> rdn;
    while (!set.done()) {
      der::Reader pair = set.enter(der::sequence, "an attribute");
      const std::string oid = der::oid_text(pair.next(der::oid, "an attribute's type").content);
      const der::Element value = pair.next();
      pair.end();
      rdn.push_back({oid, value.tag, as_text(value.content)});
    }
    if (rdn.empty()) rdns.refuse("an RDN is empty");
    out.push_back(std::move(rdn));
  }
  return out;
}

bool readable_string(std::uint8_t tag) {
  return tag == der::utf8_string || tag == der::printable_string || tag == der::ia5_string;
}

}  // namespace

std::optional<std::string> Name::get(std::string_view type) const {
  const auto at = std::ranges::find(attributes, type, &Attribute::type);
  return at == attributes.end() ? std::nullopt : std::optional(at->value);
}

const std::vector<std::string>& attribute_types() {
  static const std::vector<std::string> types = [] {
    std::vector<std::string> out;
    for (const Kind& kind : kinds) out.emplace_back(kind.type);
    return out;
  }();
  return types;
}

std::optional<std::string> mistake_in(const Attribute& attribute) {
  const Kind* kind = kind_of(attribute.type);
  const std::string& value = attribute.value;
  if (kind == nullptr)
    return std::format("'{}' is no attribute type of ours ({})", shown(attribute.type), known_types());
  if (value.empty()) return std::format("{} is empty", kind->type);
  if (!der::valid_utf8(value)) return std::format("{} is not UTF-8 (#{})", kind->type, hex(as_view(value)));
  const auto points = points_of(value);
  if (std::ranges::any_of(points, unseen))
    return std::format("{} has a character that cannot be seen ({})", kind->type, shown(value));
  if (value.front() == ' ' || value.back() == ' ')
    return std::format("{} begins or ends with a space ('{}')", kind->type, value);
  if (points.size() > kind->longest)
    return std::format("{} has {} characters, at most {} are allowed ('{}')", kind->type, points.size(),
                       kind->longest, value);
  if (kind->printable && !std::ranges::all_of(value, printable_set))
    return std::format("{} has a character outside of PrintableString ('{}')", kind->type, value);
  if (kind->type == "C" &&
      !(value.size() == 2 && std::ranges::all_of(value, [](char c) { return c >= 'A' && c <= 'Z'; })))
    return std::format("C is not two capital letters ('{}')", value);
  const bool matter = kind->type == "VID" || kind->type == "PID";
  if (matter && !(value.size() == 4 && std::ranges::all_of(value, [](char c) {
                    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
                  })))
    return std::format("{} is not four upper-case hex digits ('{}')", kind->type, value);
  return std::nullopt;
}

std::string text(const Name& name) {
  std::string out;
  for (const Attribute& attribute : name.attributes) {
    out += (out.empty() ? "" : ", ") + attribute.type + "=";
    for (std::size_t i = 0; i < attribute.value.size(); ++i) {
      const char c = attribute.value[i];
      const bool edge = c == ' ' && (i == 0 || i + 1 == attribute.value.size());
      if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f) {
        out += std::format("\\{:02x}", static_cast<std::uint8_t>(c));
        continue;
      }
      if (std::string_view(",+\"\\<>;=").contains(c) || edge || (c == '#' && i == 0)) out += '\\';
      out += c;
    }
  }
  return out;
}

Name parse_name(std::string_view text) {
  Name name;
  std::vector<Finding> findings;
  auto wrong = [&](std::string what) {
    findings.push_back({std::move(what), std::format("the name '{}'", shown(text)), std::string(hint_name)});
  };
  std::size_t at = 0;
  auto skip = [&] {
    while (at < text.size() && text[at] == ' ') ++at;
  };
  do {
    skip();
    const std::size_t equals = std::min(text.find_first_of("=,", at), text.size());
    std::string type(text.substr(at, equals - at));
    while (type.ends_with(' ')) type.pop_back();
    if (equals == text.size() || text[equals] == ',') {
      wrong(type.empty() ? "an attribute is missing" : std::format("'{}' has no '='", shown(type)));
      at = equals;
    } else {
      at = equals + 1;
      skip();
      std::string value;
      std::size_t keep = 0;  // up to the last character that is not a plain space
      bool whole = true;
      for (; at < text.size() && text[at] != ','; ++at) {
        if (text[at] == '\\') {
          const auto pair = at + 2 < text.size() ? unhex(text.substr(at + 1, 2)) : std::nullopt;
          if (at + 1 >= text.size()) {
            wrong("the name ends with a single backslash");
            whole = false;
            continue;
          }
          value += pair ? static_cast<char>(pair->front()) : text[at + 1];
          at += pair ? 2 : 1;
          keep = value.size();
          continue;
        }
        if (std::string_view("+\"<>;=").contains(text[at])) {
          wrong(std::format("'{}' in the value of {} stands without a backslash before it", text[at], shown(type)));
          whole = false;
        }
        value += text[at];
        if (text[at] != ' ') keep = value.size();
      }
      value.resize(keep);
      const Attribute attribute{type, value};
      if (const auto mistake = mistake_in(attribute))
        wrong(*mistake);
      else if (whole)
        name.attributes.push_back(attribute);
    }
  } while (at < text.size() && text[at++] == ',');
  if (!findings.empty()) throw Refused(PkiRefusal::name, std::move(findings));
  return name;
}

Bytes encode_name(const Name& name) {
  std::vector<Finding> findings;
  if (name.empty()) findings.push_back({"the name is empty", "", std::string(hint_name)});
  Bytes rdns;
  for (const Attribute& attribute : name.attributes) {
    if (const auto mistake = mistake_in(attribute)) {
      findings.push_back({*mistake, std::format("the name '{}'", text(name)), std::string(hint_name)});
      continue;
    }
    const Kind& kind = *kind_of(attribute.type);
    Bytes pair = der::wrap(der::oid, View(kind.encoded).first(kind.encoded_size));
    const Bytes value =
        der::wrap(kind.printable ? der::printable_string : der::utf8_string, as_view(attribute.value));
    pair.insert(pair.end(), value.begin(), value.end());
    const Bytes rdn = der::wrap(der::set, der::wrap(der::sequence, pair));
    rdns.insert(rdns.end(), rdn.begin(), rdn.end());
  }
  if (!findings.empty()) throw Refused(PkiRefusal::name, std::move(findings));
  return der::wrap(der::sequence, rdns);
}

Name decode_name(View der_bytes) {
  Name name;
  std::vector<Finding> findings;
  auto wrong = [&](std::string what) {
    findings.push_back({std::move(what), "", "this name is not one that our certificates can have"});
  };
  for (const auto& rdn : raw_rdns(der_bytes)) {
    if (rdn.size() != 1) wrong(std::format("an RDN has {} attributes", rdn.size()));
    for (const RawAttribute& raw : rdn) {
      const Kind* kind = kind_of_oid(raw.oid);
      if (kind == nullptr)
        wrong(std::format("the attribute type {} is not known", raw.oid));
      else if (!readable_string(raw.tag))
        wrong(std::format("{} has the string type 0x{:02x}", kind->type, raw.tag));
      else if (const auto mistake = mistake_in({std::string(kind->type), raw.value}))
        wrong(*mistake);
      else
        name.attributes.push_back({std::string(kind->type), raw.value});
    }
  }
  if (!findings.empty()) throw Refused(PkiRefusal::name, std::move(findings));
  return name;
}

LenientName decode_name_leniently(View der_bytes) {
  LenientName out;
  for (const auto& rdn : raw_rdns(der_bytes)) {
    for (const RawAttribute& raw : rdn) {
      const Kind* kind = kind_of_oid(raw.oid);
      const std::string called = kind == nullptr ? raw.oid : std::string(kind->type);
      const std::string field = std::format("the name field {} '{}' is not taken: ", called, shown(raw.value));
      if (rdn.size() != 1)
        out.dropped.push_back(field + std::format("it shares an RDN with {} others", rdn.size() - 1));
      else if (kind == nullptr)
        out.dropped.push_back(field + "its type is not one we use");
      else if (!readable_string(raw.tag))
        out.dropped.push_back(field + std::format("its string type 0x{:02x} is not read", raw.tag));
      else if (const auto mistake = mistake_in({called, raw.value}))
        out.dropped.push_back(field + *mistake);
      else if (out.name.has(called))
        out.dropped.push_back(field + "there is one of that type already");
      else
        out.name.attributes.push_back({called, raw.value});
    }
  }
  return out;
}

}  // namespace ceremony::pki
