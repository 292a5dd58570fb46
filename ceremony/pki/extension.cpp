#include "ceremony/pki/extension.h"

#include <botan/asn1_obj.h>
#include <botan/der_enc.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <format>

#include "ceremony/pki/certificate.h"
#include "ceremony/pki/refusal.h"

namespace ceremony::pki {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

/// SubjectAltName's kinds that people meet in a CSR (RFC 5280 4.2.1.6); the text is made printable.
std::string general_names(View value) {
  std::vector<std::string> out;
  der::Reader names(der::one(value, der::sequence, "subjectAltName").content, "subjectAltName");
  while (!names.done()) {
    const der::Element name = names.next();
    const bool plain = std::ranges::all_of(name.content, [](std::uint8_t b) { return b >= 0x20 && b < 0x7f; });
    const std::string shown = plain && (name.tag & 0x20U) == 0 && name.tag != der::context(7)
                                  ? as_text(name.content)
                                  : "#" + hex(name.content);
    const char* kind = name.tag == der::context(1)   ? "email:"
                       : name.tag == der::context(2) ? "DNS:"
                       : name.tag == der::context(6) ? "URI:"
                       : name.tag == der::context(7) ? "IP:"
                                                     : "";
    out.push_back(kind + shown);
  }
  return joined(out);
}

std::string content_words(const Extension& extension) {
  if (extension.oid == ext::basic_constraints) {
    const BasicConstraints constraints = read_basic_constraints(extension.value);
    return std::format("CA: {}", constraints.ca ? "TRUE" : "FALSE") +
           (constraints.path_length ? std::format(", path length {}", *constraints.path_length) : "");
  }
  if (extension.oid == ext::key_usage) return joined(read_key_usage(extension.value));
  if (extension.oid == ext::san) return general_names(extension.value);
  if (extension.oid == ext::policies) return joined(read_policies(extension.value));
  if (extension.oid == ext::cdp) return joined(read_distribution_points(extension.value));
  if (extension.oid == ext::skid) return hex(read_skid(extension.value));
  if (extension.oid == ext::eku) {
    std::vector<std::string> names;
    for (const std::string& oid : read_oids(extension.value, "extendedKeyUsage"))
      names.push_back(extended_key_usage_name(oid));
    return joined(names);
  }
  return std::format("{} bytes", extension.value.size());
}

}  // namespace

Extension read_extension(der::Reader& extensions) {
  der::Reader one = extensions.enter(der::sequence, "an extension");
  Extension out;
  out.oid = der::oid_text(one.next(der::oid, "an extension's id").content);
  if (const auto critical = one.next_if(der::boolean)) {
    out.critical = der::to_bool(critical->content);
    if (!out.critical)
      one.refuse(std::format("the extension {} says 'critical FALSE', which is the default and so must be absent",
                             extension_name(out.oid)));
  }
  out.value = one.next(der::octet_string, "an extension's value").content;
  one.end();
  return out;
}

std::string extension_name(std::string_view oid) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {ext::skid, "subjectKeyIdentifier"},
      {ext::key_usage, "keyUsage"},
      {ext::san, "subjectAltName"},
      {ext::basic_constraints, "basicConstraints"},
      {ext::crl_number, "cRLNumber"},
      {ext::reason, "reasonCode"},
      {ext::idp, "issuingDistributionPoint"},
      {ext::cdp, "cRLDistributionPoints"},
      {ext::policies, "certificatePolicies"},
      {ext::akid, "authorityKeyIdentifier"},
      {ext::eku, "extKeyUsage"},
      {"2.5.29.18", "issuerAltName"},
      {"2.5.29.24", "invalidityDate"},
      {"2.5.29.27", "deltaCRLIndicator"},
      {"2.5.29.29", "certificateIssuer"},
      {"2.5.29.30", "nameConstraints"},
      {"2.5.29.33", "policyMappings"},
      {"2.5.29.36", "policyConstraints"},
      {"2.5.29.54", "inhibitAnyPolicy"},
      {"1.3.6.1.5.5.7.1.1", "authorityInfoAccess"}};
  for (const auto& [known, name] : names)
    if (known == oid) return std::string(name);
  return std::string(oid);
}

std::string extension_words(const Extension& extension) {
  std::string content;
  try {
    content = content_words(extension);
  } catch (const Refused&) {
    content = std::format("malformed, {} bytes", extension.value.size());
  }
  return std::format("{} ({}{})", extension_name(extension.oid), extension.critical ? "critical; " : "", content);
}

BasicConstraints read_basic_constraints(View value) {
  der::Reader reader(der::one(value, der::sequence, "basicConstraints").content, "basicConstraints");
  BasicConstraints out;
  if (const auto ca = reader.next_if(der::boolean)) {
    out.ca = der::to_bool(ca->content);
    if (!out.ca) reader.refuse("cA is written as FALSE, which is the default and so must be absent");
  }
  if (const auto length = reader.next_if(der::integer)) {
    const auto number = der::to_number(length->content);
    if (!number || *number > 1000) reader.refuse("the path length is out of range");
    out.path_length = static_cast<std::int64_t>(*number);
  }
  reader.end();
  return out;
}

const std::vector<std::string>& key_usage_names() {
  static const std::vector<std::string> names = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                                 "dataEncipherment", "keyAgreement",   "keyCertSign",
                                                 "cRLSign",          "encipherOnly",   "decipherOnly"};
  return names;
}

std::vector<std::string> read_key_usage(View value) {
  const View content = der::one(value, der::bit_string, "keyUsage").content;
  std::vector<std::string> out;
  const std::size_t bits = (content.size() - 1) * 8 - content[0];
  auto set = [&](std::size_t bit) {
    return ((static_cast<unsigned>(content[1 + bit / 8]) >> (7 - bit % 8)) & 1U) != 0;
  };
  // X.690 11.2.2: a named bit list has no trailing zero bits. RFC 5280 4.2.1.3: at least one bit is set.
  const bool tidy = bits > 0 && bits <= key_usage_names().size() && set(bits - 1);
  if (!tidy)
    throw Refused(PkiRefusal::der, "the named bits are empty, unknown or have zeros at the end", "keyUsage",
                  "have it made again by its sender");
  for (std::size_t bit = 0; bit < bits; ++bit)
    if (set(bit)) out.push_back(key_usage_names()[bit]);
  return out;
}

std::vector<std::string> read_oids(View value, std::string_view what) {
  der::Reader reader(der::one(value, der::sequence, what).content, what);
  std::vector<std::string> out;
  while (!reader.done()) out.push_back(der::oid_text(reader.next(der::oid, "an identifier").content));
  if (out.empty()) reader.refuse("the list is empty");
  return out;
}

std::vector<std::string> read_policies(View value) {
  der::Reader reader(der::one(value, der::sequence, "certificatePolicies").content, "certificatePolicies");
  std::vector<std::string> out;
  while (!reader.done()) {
    der::Reader policy = reader.enter(der::sequence, "a policy");
    out.push_back(der::oid_text(policy.next(der::oid, "a policy's identifier").content));
    policy.end();  // no qualifiers: RFC 5280 4.2.1.4 recommends the OID alone
  }
  if (out.empty()) reader.refuse("the list is empty");
  return out;
}

std::vector<std::string> read_distribution_points(View value) {
  der::Reader reader(der::one(value, der::sequence, "cRLDistributionPoints").content, "cRLDistributionPoints");
  std::vector<std::string> out;
  while (!reader.done()) {
    der::Reader point = reader.enter(der::sequence, "a distribution point");
    der::Reader name = point.enter(der::context_constructed(0), "its name");
    der::Reader full = name.enter(der::context_constructed(0), "its full name");
    out.push_back(as_text(full.next(der::context(6), "its URL").content));
    const std::string& url = out.back();
    if (std::ranges::any_of(url, [](char c) { return c <= 0x20 || c >= 0x7f; }))
      full.refuse("the URL has characters outside of ASCII");
    full.end();
    name.end();
    point.end();
  }
  if (out.empty()) reader.refuse("the list is empty");
  return out;
}

Bytes read_skid(View value) { return to_bytes(der::one(value, der::octet_string, "subjectKeyIdentifier").content); }

Bytes read_akid(View value) {
  der::Reader reader(der::one(value, der::sequence, "authorityKeyIdentifier").content, "authorityKeyIdentifier");
  const Bytes out = to_bytes(reader.next(der::context(0), "the key identifier").content);
  reader.end();  // issuer name and serial are never written by us (RFC 5280 4.2.1.1 does not ask for them)
  return out;
}

Bytes write_extension(std::string_view oid, bool critical, View value) {
  Bytes out;
  Botan::DER_Encoder encoder(out);
  encoder.start_sequence().encode(Botan::OID(oid));
  if (critical) encoder.encode(true);
  encoder.encode(value.data(), value.size(), Botan::ASN1_Type::OctetString).end_cons();
  return out;
}

Bytes write_akid(View issuer_skid) {
  return write_extension(ext::akid, false, der::wrap(der::sequence, der::wrap(der::context(0), issuer_skid)));
}

Bytes write_key_usage(const std::vector<std::string>& names) {
  std::array<std::uint8_t, 3> bits{};
  std::size_t top = 0;
  for (const std::string& name : names) {
    const auto bit = static_cast<std::size_t>(std::ranges::find(key_usage_names(), name) - key_usage_names().begin());
    assert(bit < key_usage_names().size());
    bits[1 + bit / 8] = static_cast<std::uint8_t>(bits[1 + bit / 8] | (0x80U >> (bit % 8)));
    top = std::max(top, bit);
  }
  bits[0] = static_cast<std::uint8_t>(7 - top % 8);
  return write_extension(ext::key_usage, true, der::wrap(der::bit_string, View(bits).first(2 + top / 8)));
}

}  // namespace ceremony::pki
