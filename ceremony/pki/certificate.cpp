#include "ceremony/pki/certificate.h"

#include <botan/asn1_obj.h>
#include <botan/der_enc.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <format>
#include <set>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/extension.h"
#include "ceremony/pki/signed.h"

namespace ceremony::pki {

namespace {

constexpr std::string_view what = "the certificate";

[[noreturn]] void refuse_plan(std::string fact) {
  throw Refused(PkiRefusal::plan, std::move(fact), "the certificate's plan",
                "correct the plan; nothing has been signed");
}
[[noreturn]] void refuse_certificate(std::string fact) {
  throw Refused(PkiRefusal::certificate, std::move(fact), std::string(what),
                "this certificate was not made by this appliance as it stands; ask where it comes from");
}

constexpr std::pair<std::string_view, std::string_view> usages[] = {
    {"serverAuth", "1.3.6.1.5.5.7.3.1"},   {"clientAuth", "1.3.6.1.5.5.7.3.2"},
    {"codeSigning", "1.3.6.1.5.5.7.3.3"},  {"emailProtection", "1.3.6.1.5.5.7.3.4"},
    {"timeStamping", "1.3.6.1.5.5.7.3.8"}, {"OCSPSigning", "1.3.6.1.5.5.7.3.9"},
    {"anyExtendedKeyUsage", "2.5.29.37.0"}};

Bytes oid_list(const std::vector<std::string>& oids) {
  Bytes out;
  Botan::DER_Encoder encoder(out);
  encoder.start_sequence();
  for (const std::string& oid : oids) encoder.encode(Botan::OID(oid));
  encoder.end_cons();
  return out;
}

Bytes policy_list(const std::vector<std::string>& oids) {
  Bytes out;
  Botan::DER_Encoder encoder(out);
  encoder.start_sequence();
  for (const std::string& oid : oids) encoder.start_sequence().encode(Botan::OID(oid)).end_cons();
  encoder.end_cons();
  return out;
}

Bytes point_list(const std::vector<std::string>& urls) {
  Bytes points;
  for (const std::string& url : urls) {
    const Bytes full = der::wrap(der::context_constructed(0), der::wrap(der::context(6), as_view(url)));
    const Bytes point = der::wrap(der::sequence, der::wrap(der::context_constructed(0), full));
    points.insert(points.end(), point.begin(), point.end());
  }
  return der::wrap(der::sequence, points);
}

Bytes extensions_of(const CertificatePlan& plan) {
  const Profile& profile = *plan.profile;
  Bytes constraints;
  Botan::DER_Encoder encoder(constraints);
  encoder.start_sequence().encode(true);
  if (profile.path_length) encoder.encode(static_cast<std::size_t>(*profile.path_length));
  encoder.end_cons();

  Bytes out;
  auto add = [&](const Bytes& extension) { out.insert(out.end(), extension.begin(), extension.end()); };
  add(write_extension(ext::basic_constraints, true, constraints));
  add(write_key_usage(profile.key_usage));
  if (!profile.extended_key_usage.empty())
    add(write_extension(ext::eku, false, oid_list(profile.extended_key_usage)));
  if (!profile.policies.empty()) add(write_extension(ext::policies, false, policy_list(profile.policies)));
  add(write_extension(ext::skid, false, der::wrap(der::octet_string, subject_key_id(plan.key.view()))));
  add(write_akid(plan.issuer_skid));
  if (!profile.crl_distribution_points.empty())
    add(write_extension(ext::cdp, false, point_list(profile.crl_distribution_points)));
  return out;
}

void encode_time(Botan::DER_Encoder& encoder, Time time) {
  const der::TimeText text = der::from_time(time);
  encoder.add_object(static_cast<Botan::ASN1_Type>(text.tag), Botan::ASN1_Class::Universal, text.text);
}

/// What an extension says, into the view; one that is unknown here is listed by its caller only.
void take_extension(const Extension& extension, CertificateView& out) {
  const View value = extension.value;
  if (extension.oid == ext::basic_constraints) {
    const BasicConstraints constraints = read_basic_constraints(value);
    out.is_ca = constraints.ca;
    out.path_length = constraints.path_length;
  } else if (extension.oid == ext::key_usage) {
    out.key_usage = read_key_usage(value);
  } else if (extension.oid == ext::eku) {
    out.extended_key_usage = read_oids(value, "extKeyUsage");
  } else if (extension.oid == ext::policies) {
    out.policies = read_policies(value);
  } else if (extension.oid == ext::cdp) {
    out.crl_distribution_points = read_distribution_points(value);
  } else if (extension.oid == ext::skid) {
    out.skid = read_skid(value);
  } else if (extension.oid == ext::akid) {
    out.akid = read_akid(value);
  }
}

CertificateView view_of(const der::Element& tbs) {
  CertificateView out;
  out.tbs = to_bytes(tbs.whole);
  der::Reader body(tbs.content, what);
  der::Reader version = body.enter(der::context_constructed(0), "the version");
  if (der::to_number(version.next(der::integer, "the version").content) != 2)
    refuse_certificate("the version is not 3");
  version.end();
  const View serial = body.next(der::integer, "the serial number").content;
  if (serial[0] >= 0x80 || (serial.size() == 1 && serial[0] == 0))
    refuse_certificate("the serial number is not positive");
  if (serial.size() > 20)
    refuse_certificate(std::format("the serial number has {} octets, more than 20", serial.size()));
  out.serial.value = to_bytes(serial);
  out.serial_hex = hex(serial);
  const Scheme* scheme = scheme_of(body.next(der::sequence, "the signature's algorithm").whole);
  if (scheme == nullptr) refuse_certificate("the signature's algorithm is not one of ours");
  out.scheme = scheme->name;
  out.issuer_der = to_bytes(body.next(der::sequence, "the issuer").whole);
  out.issuer = decode_name(out.issuer_der);
  der::Reader validity = body.enter(der::sequence, "the validity");
  out.not_before = der::to_time(validity.next(), what);
  out.not_after = der::to_time(validity.next(), what);
  validity.end();
  out.subject_der = to_bytes(body.next(der::sequence, "the subject").whole);
  out.subject = decode_name(out.subject_der);
  out.self_issued = out.subject_der == out.issuer_der;
  out.key = inspect_key(body.next(der::sequence, "the public key").whole);
  der::Reader explicit_extensions = body.enter(der::context_constructed(3), "the extensions");
  body.end();
  der::Reader extensions = explicit_extensions.enter(der::sequence, "the extensions");
  explicit_extensions.end();
  std::set<std::string> seen;
  while (!extensions.done()) {
    const Extension extension = read_extension(extensions);
    if (!seen.insert(extension.oid).second)
      refuse_certificate(std::format("the extension {} stands twice", extension_name(extension.oid)));
    out.extensions.push_back({extension.oid, extension_name(extension.oid), extension.critical});
    take_extension(extension, out);
  }
  return out;
}

}  // namespace

std::string extended_key_usage_name(std::string_view oid) {
  for (const auto& [name, known] : usages)
    if (known == oid) return std::string(name);
  return std::string(oid);
}

std::optional<std::string> extended_key_usage_oid(std::string_view name_or_oid) {
  for (const auto& [name, oid] : usages)
    if (name == name_or_oid || oid == name_or_oid) return std::string(oid);
  return std::nullopt;
}

Serial make_serial(Botan::RandomNumberGenerator& rng) {
  Bytes out(17);
  rng.randomize(out);
  out[0] = 0x01;
  return {out};
}

Time last_not_after() {
  using namespace std::chrono_literals;
  return std::chrono::sys_days(std::chrono::year(3099) / 12 / 31) + 23h + 59min + 59s;
}

Time not_after_for(Time not_before, std::int64_t days) {
  return std::min(last_not_after(), not_before + std::chrono::days(days) - std::chrono::seconds(1));
}

TbsDer build_tbs(const CertificatePlan& plan) {
  assert(plan.profile != nullptr);
  const Bytes& serial = plan.serial.value;
  if (serial.empty() || serial.size() > 20 || serial[0] >= 0x80 ||
      (serial[0] == 0 && (serial.size() == 1 || serial[1] < 0x80)))
    refuse_plan(
        std::format("the serial number '{}' is not a positive integer of at most 20 octets", hex(plan.serial)));
  if (plan.not_after < plan.not_before)
    refuse_plan(std::format("notAfter {} is before notBefore {}", text_of(plan.not_after), text_of(plan.not_before)));
  if (plan.not_after > last_not_after())
    refuse_plan(std::format("notAfter {} is after the year 3099", text_of(plan.not_after)));
  if (plan.issuer_skid.size() != 20)
    refuse_plan(std::format("the issuer's key id has {} bytes, not 20", plan.issuer_skid.size()));
  const Scheme& scheme = scheme_named(plan.scheme);
  const Bytes extensions = extensions_of(plan);

  Bytes out;
  Botan::DER_Encoder encoder(out);
  encoder.start_sequence().start_explicit(0).encode(std::size_t{2}).end_explicit();
  encoder.add_object(Botan::ASN1_Type::Integer, Botan::ASN1_Class::Universal, serial);
  encoder.raw_bytes(scheme.algorithm_identifier).raw_bytes(encode_name(plan.issuer)).start_sequence();
  encode_time(encoder, plan.not_before);
  encode_time(encoder, plan.not_after);
  encoder.end_cons().raw_bytes(encode_name(plan.subject)).raw_bytes(plan.key.value);
  encoder.start_explicit(3).start_sequence().raw_bytes(extensions).end_cons().end_explicit().end_cons();
  return {out};
}

CertDer assemble_certificate(const TbsDer& tbs, std::string_view scheme, View signature) { return {assemble_signed(tbs, scheme, signature)}; }

CertificateView read_certificate(View der_bytes) {
  return read_signed(der_bytes, what, [](const auto& body) { return view_of(body); }, [](const std::string& why) { refuse_certificate(why); });
}

CertificateView read_tbs(View tbs) {
  CertificateView out = view_of(der::one(tbs, der::sequence, what));
  out.digest = sha256(tbs);
  return out;
}

std::string describe(const CertificateView& certificate) {
  auto list = [](const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? std::string("none") : out;
  };
  std::vector<std::string> usage_names;
  for (const std::string& oid : certificate.extended_key_usage) usage_names.push_back(extended_key_usage_name(oid));
  std::string out;
  auto line = [&](std::string_view label, std::string_view value) {
    out += std::format("{}{:<16}{}", out.empty() ? "" : "\n", std::format("{}:", label), value);
  };
  line("subject", text(certificate.subject));
  line("issuer", certificate.self_issued ? "itself" : text(certificate.issuer));
  line("serial", certificate.serial_hex);
  line("not before", text_of(certificate.not_before));
  line("not after", text_of(certificate.not_after));
  line("key", std::format("{}, SPKI SHA-256 {}", certificate.key.algorithm, hex(certificate.key.spki_sha256)));
  line("CA", !certificate.is_ca        ? "no"
             : certificate.path_length ? std::format("yes, path length {}", *certificate.path_length)
                                       : "yes, no limit of path length");
  line("key usage", list(certificate.key_usage));
  line("extended usage", list(usage_names));
  line("policies", list(certificate.policies));
  line("CRL from", list(certificate.crl_distribution_points));
  line("key id", hex(certificate.skid));
  line("issuer key id", hex(certificate.akid));
  line("signature", certificate.scheme);
  line("SHA-256", hex(certificate.digest));
  for (const ExtensionSeen& extension : certificate.extensions)
    if (extension.name == extension.oid)
      line("unknown", std::format("extension {}{}", extension.oid, extension.critical ? ", critical" : ""));
  return out;
}

}  // namespace ceremony::pki
