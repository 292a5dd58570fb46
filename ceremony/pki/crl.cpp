#include "ceremony/pki/crl.h"

#include <botan/asn1_obj.h>
#include <botan/der_enc.h>

#include <algorithm>
#include <format>
#include <set>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/extension.h"
#include "ceremony/pki/signed.h"

namespace ceremony::pki {

namespace {

constexpr std::string_view what = "the CRL";

constexpr std::pair<Reason, std::string_view> reasons[] = {{Reason::unspecified, "unspecified"},
                                                           {Reason::keyCompromise, "keyCompromise"},
                                                           {Reason::cACompromise, "cACompromise"},
                                                           {Reason::affiliationChanged, "affiliationChanged"},
                                                           {Reason::superseded, "superseded"},
                                                           {Reason::cessationOfOperation, "cessationOfOperation"},
                                                           {Reason::certificateHold, "certificateHold"},
                                                           {Reason::removeFromCRL, "removeFromCRL"},
                                                           {Reason::privilegeWithdrawn, "privilegeWithdrawn"},
                                                           {Reason::aACompromise, "aACompromise"}};

[[noreturn]] void refuse_plan(std::string fact) {
  throw Refused(PkiRefusal::plan, std::move(fact), "the CRL's plan", "correct the plan; nothing has been signed");
}
[[noreturn]] void refuse_crl(std::string fact) {
  throw Refused(PkiRefusal::crl, std::move(fact), std::string(what),
                "this CRL was not made by this appliance as it stands; ask where it comes from");
}

void append(Bytes& out, View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Bytes time_der(Time time) {
  const der::TimeText text = der::from_time(time);
  return der::wrap(text.tag, as_view(text.text));
}

/// One revokedCertificates element. Composed by hand: a list may hold a million of them.
void append_entry(Bytes& out, const CrlEntry& entry) {
  // SEQUENCE { SEQUENCE { OID reasonCode, OCTET STRING { ENUMERATED } } }, RFC 5280 5.3.1
  static constexpr std::uint8_t reason_head[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                                 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
  Bytes content = der::wrap(der::integer, entry.serial.value);
  append(content, time_der(entry.date));
  if (entry.reason) {
    append(content, reason_head);
    content.push_back(static_cast<std::uint8_t>(*entry.reason));
  }
  append(out, der::wrap(der::sequence, content));
}

Bytes extensions_of(const CrlPlan& plan) {
  Bytes out = write_akid(plan.issuer_skid);
  append(out, write_extension(ext::crl_number, false, der::wrap(der::integer, der::from_number(plan.number))));
  if (plan.idp_only_ca) {  // RFC 5280 5.2.5: [2] onlyContainsCACerts TRUE, critical
    static constexpr std::uint8_t yes[] = {0xff};
    append(out, write_extension(ext::idp, true, der::wrap(der::sequence, der::wrap(der::context(2), yes))));
  }
  return out;
}

bool good_serial(View s) {
  return !s.empty() && s.size() <= 20 && s[0] < 0x80 && !(s[0] == 0 && (s.size() == 1 || s[1] < 0x80));
}

CrlEntry read_entry(der::Reader entry, CrlView& out) {
  CrlEntry found;
  const View serial = entry.next(der::integer, "an entry's serial").content;
  if (!good_serial(serial))
    refuse_crl(std::format("the entry's serial '{}' is not a positive integer of at most 20 octets", hex(serial)));
  found.serial.value = to_bytes(serial);
  found.date = der::to_time(entry.next(), what);
  if (entry.done()) return found;
  der::Reader extensions = entry.enter(der::sequence, "an entry's extensions");
  entry.end();
  if (extensions.done()) extensions.refuse("an entry's extensions are empty");
  while (!extensions.done()) {
    const Extension extension = read_extension(extensions);
    if (extension.oid != ext::reason || extension.critical || found.reason) {
      out.odd_entry_extensions.push_back(extension.oid);
      continue;
    }
    const auto code = der::to_number(der::one(extension.value, der::enumerated, "reasonCode").content);
    const auto* known =
        std::ranges::find_if(reasons, [&](const auto& r) { return code == static_cast<std::uint64_t>(r.first); });
    if (known == std::end(reasons)) refuse_crl("an entry has an unknown reason code");
    found.reason = known->first;
  }
  return found;
}

void take_extension(const Extension& extension, CrlView& out) {
  out.extensions.push_back({extension.oid, extension_name(extension.oid), extension.critical});
  if (extension.oid == ext::akid) {
    out.akid = read_akid(extension.value);
  } else if (extension.oid == ext::crl_number) {
    out.number = der::to_number(der::one(extension.value, der::integer, "cRLNumber").content);
    if (!out.number) refuse_crl("the CRL number is negative or above 2^63");
  } else if (extension.oid == ext::idp) {
    der::Reader idp(der::one(extension.value, der::sequence, "issuingDistributionPoint").content,
                    "issuingDistributionPoint");
    const View only_ca = idp.next(der::context(2), "onlyContainsCACerts").content;
    out.idp_only_ca = only_ca.size() == 1 && only_ca[0] == 0xff;
    if (!out.idp_only_ca) idp.refuse("onlyContainsCACerts is not TRUE");
    idp.end();
  }
}

CrlView view_of(const der::Element& tbs) {
  CrlView out;
  out.tbs = to_bytes(tbs.whole);
  der::Reader body(tbs.content, what);
  if (der::to_number(body.next(der::integer, "the version").content) != 1) refuse_crl("the version is not 2");
  const Scheme* scheme = scheme_of(body.next(der::sequence, "the signature's algorithm").whole);
  if (scheme == nullptr) refuse_crl("the signature's algorithm is not one of ours");
  out.scheme = scheme->name;
  out.issuer_der = to_bytes(body.next(der::sequence, "the issuer").whole);
  out.issuer = decode_name(out.issuer_der);
  out.this_update = der::to_time(body.next(), what);
  auto entries = body.next_if(der::sequence);
  if (!entries) {
    if (const auto utc = body.next_if(der::utc_time))
      out.next_update = der::to_time(*utc, what);
    else if (const auto general = body.next_if(der::generalized_time))
      out.next_update = der::to_time(*general, what);
    entries = body.next_if(der::sequence);
  }
  if (entries) {
    der::Reader list(entries->content, what);
    if (list.done()) list.refuse("the list of entries is there but empty (RFC 5280 5.1.2.6)");
    while (!list.done()) out.entries.push_back(read_entry(list.enter(der::sequence, "an entry"), out));
  }
  der::Reader explicit_extensions = body.enter(der::context_constructed(0), "the extensions");
  body.end();
  der::Reader extensions = explicit_extensions.enter(der::sequence, "the extensions");
  explicit_extensions.end();
  std::set<std::string> seen;
  while (!extensions.done()) {
    const Extension extension = read_extension(extensions);
    if (!seen.insert(extension.oid).second)
      refuse_crl(std::format("the extension {} stands twice", extension_name(extension.oid)));
    take_extension(extension, out);
  }
  return out;
}

}  // namespace

std::string_view text(Reason reason) {
  for (const auto& [code, name] : reasons)
    if (code == reason) return name;
  return "?";
}

std::optional<Reason> reason_from_text(std::string_view text) {
  for (const auto& [code, name] : reasons)
    if (name == text) return code;
  return std::nullopt;
}

TbsDer build_crl_tbs(const CrlPlan& plan) {
  if (plan.number == 0 || plan.number >> 63U != 0)
    refuse_plan(std::format("the CRL number {} is not between 1 and 2^63", plan.number));
  if (plan.next_update > last_not_after())
    refuse_plan(std::format("nextUpdate {} is after the year 3099", text_of(plan.next_update)));
  if (plan.issuer_skid.size() != 20)
    refuse_plan(std::format("the issuer's key id has {} bytes, not 20", plan.issuer_skid.size()));
  Bytes entries;
  entries.reserve(plan.entries.size() * 52);
  for (const CrlEntry& entry : plan.entries) {
    if (!good_serial(entry.serial.value))
      refuse_plan(
          std::format("the entry's serial '{}' is not a positive integer of at most 20 octets", hex(entry.serial)));
    append_entry(entries, entry);
  }
  Bytes body;
  body.reserve(entries.size() + 1024);
  append(body, der::wrap(der::integer, der::from_number(1)));
  append(body, scheme_named(plan.scheme).algorithm_identifier);
  append(body, encode_name(plan.issuer));
  append(body, time_der(plan.this_update));
  append(body, time_der(plan.next_update));
  if (!entries.empty()) append(body, der::wrap(der::sequence, entries));  // RFC 5280 5.1.2.6: absent, not empty
  append(body, der::wrap(der::context_constructed(0), der::wrap(der::sequence, extensions_of(plan))));
  return {der::wrap(der::sequence, body)};
}

CrlDer assemble_crl(const TbsDer& tbs, std::string_view scheme, View signature) { return {assemble_signed(tbs, scheme, signature)}; }

CrlView read_crl(View der_bytes) {
  return read_signed(der_bytes, what, [](const auto& body) { return view_of(body); }, [](const std::string& why) { refuse_crl(why); });
}

CrlView read_crl_tbs(View tbs) {
  CrlView out = view_of(der::one(tbs, der::sequence, what));
  out.digest = sha256(tbs);
  return out;
}

std::string describe(const CrlView& crl) {
  std::string out;
  auto line = [&](std::string_view label, std::string_view value) {
    out += std::format("{}{:<16}{}", out.empty() ? "" : "\n", std::format("{}:", label), value);
  };
  line("CRL of", text(crl.issuer));
  line("number", crl.number ? std::format("{}", *crl.number) : "none");
  line("this update", text_of(crl.this_update));
  line("next update", crl.next_update ? text_of(*crl.next_update) : "none");
  line("covers", crl.idp_only_ca ? "CA certificates only" : "all certificates of this CA");
  line("issuer key id", hex(crl.akid));
  line("signature", crl.scheme);
  line("SHA-256", hex(crl.digest));
  line("entries", std::format("{}", crl.entries.size()));
  for (const CrlEntry& entry : crl.entries)
    out += std::format("\n  {}  {}  {}", hex(entry.serial), text_of(entry.date),
                       entry.reason ? text(*entry.reason) : "no reason");
  return out;
}

}  // namespace ceremony::pki
