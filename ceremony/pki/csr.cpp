#include "ceremony/pki/csr.h"

#include <algorithm>
#include <format>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/der.h"
#include "ceremony/pki/extension.h"
#include "ceremony/pki/pem.h"

namespace ceremony::pki {

namespace {

constexpr std::string_view what = "the CSR";

[[noreturn]] void refuse_csr(std::string fact, std::string hint) {
  throw Refused(PkiRefusal::csr, std::move(fact), std::string(what), std::move(hint));
}

Bytes der_of_csr(View bytes) {
  if (bytes.empty()) refuse_csr("the file is empty", "have the CSR exported again");
  if (bytes.size() > csr_limit)
    refuse_csr(std::format("the file has {} bytes, more than {}", bytes.size(), csr_limit),
               "give the CSR alone; one is a few hundred bytes");
  const std::string text = as_text(bytes);
  if (text.find("PRIVATE KEY-----") != std::string::npos)
    refuse_csr("the file holds a private key",
               "take this medium away from here; whoever made the key makes a new one, and gives the CSR alone");
  if (!looks_like_pem(bytes)) {
    if (text.find("-----BEGIN ") != std::string::npos)
      refuse_csr("there is text before the line that begins with -----BEGIN",
                 "give the file as openssl req -new -out wrote it, without -text and not as a quotation");
    if (bytes.front() != der::sequence)
      refuse_csr("the file is no certification request, neither as PEM nor as DER", "have the right file given; openssl req -in FILE -text shows what is in one");
    return to_bytes(bytes);
  }
  return unpem(
      text.starts_with("-----BEGIN NEW CERTIFICATE REQUEST-----") ? "NEW CERTIFICATE REQUEST" : "CERTIFICATE REQUEST",
      text);
}

/// The attributes (RFC 2986 4.1), all of them wishes: put into words, followed in nothing.
void drop_attributes(der::Reader attributes, std::vector<std::string>& dropped) {
  while (!attributes.done()) {
    der::Reader attribute = attributes.enter(der::sequence, "an attribute");
    const std::string type = der::oid_text(attribute.next(der::oid, "an attribute's type").content);
    der::Reader values = attribute.enter(der::set, "an attribute's values");
    attribute.end();
    const bool extensions = type == "1.2.840.113549.1.9.14" || type == "1.3.6.1.4.1.311.2.1.14";
    if (!extensions) {
      dropped.push_back(
          std::format("the attribute {} is not taken", type == "1.2.840.113549.1.9.7" ? "challengePassword" : type));
      continue;
    }
    while (!values.done()) {
      der::Reader wishes = values.enter(der::sequence, "the requested extensions");
      while (!wishes.done())
        dropped.push_back(std::format("the requested extension {} is not taken; the profile decides",
                                      extension_words(read_extension(wishes))));
    }
  }
}

/// The name as the profile wants it: its fixed fields and what it takes from the CSR, in the order of `allowed`.
Name subject_under(const Profile& profile, const Name& requested, std::vector<std::string>& dropped) {
  auto fixed = [&](const std::string& type) { return Name{profile.subject_fixed}.get(type); };
  auto taken = [&](const std::string& type) {
    return std::ranges::find(profile.subject_from_csr, type) != profile.subject_from_csr.end();
  };
  Name out;
  for (const std::string& type : profile.subject_allowed) {
    if (const auto value = fixed(type))
      out.attributes.push_back({type, *value});
    else if (const auto wish = requested.get(type); wish && taken(type))
      out.attributes.push_back({type, *wish});
  }
  for (const Attribute& wish : requested.attributes) {
    if (taken(wish.type) || fixed(wish.type) == wish.value) continue;
    const auto instead = fixed(wish.type);
    dropped.push_back(
        std::format("the name field {} '{}' is not taken: profile {} {}", wish.type, wish.value, profile.id,
                    instead ? std::format("fixes it to '{}'", *instead) : "does not take it from a CSR"));
  }
  return out;
}

}  // namespace

CsrIntake take_csr(View bytes, const Profile& profile) {
  CsrIntake out;
  out.der.value = der_of_csr(bytes);
  der::Reader request(der::one(out.der.view(), der::sequence, what).content, what);
  const der::Element info = request.next(der::sequence, "the request's body");
  const der::Element algorithm = request.next(der::sequence, "the signature's algorithm");
  const View signature = der::whole_octets(request.next(der::bit_string, "the signature").content, what);
  request.end();

  der::Reader body(info.content, what);
  if (der::to_number(body.next(der::integer, "the version").content) != 0) body.refuse("the version is not 1");
  const der::Element subject = body.next(der::sequence, "the subject");
  const der::Element spki = body.next(der::sequence, "the public key");
  const der::Element attributes = body.next(der::context_constructed(0), "the attributes");
  body.end();

  out.key = inspect_key(spki.whole);
  if (!allows_key(profile, out.key.algorithm)) {
    std::string known;
    for (const std::string& name : profile.key_algorithms) known += (known.empty() ? "" : ", ") + name;
    refuse_csr(std::format("the key is {}, which profile {} does not allow", out.key.algorithm, profile.id),
               std::format("have a key of these made: {}", known));
  }
  const Scheme* scheme = scheme_of(algorithm.whole);
  if (scheme == nullptr)
    refuse_csr("the self-signature is made with an algorithm that is not ours",
               "have it signed with SHA-256, SHA-384 or SHA-512");
  out.scheme = scheme->name;
  try {
    verify_by_both(spki.whole, info.whole, signature, scheme->name);
  } catch (const Refused& refused) {
    throw Refused(PkiRefusal::csr_signature,
                  std::format("the self-signature is not good ({})", refused.findings().front().what),
                  std::string(what),
                  "the sender does not hold this key, or the file was changed; have the CSR made again");
  }

  LenientName name = decode_name_leniently(subject.whole);
  out.requested = std::move(name.name);
  out.dropped = std::move(name.dropped);
  out.subject = subject_under(profile, out.requested, out.dropped);
  drop_attributes(der::Reader(attributes.content, what), out.dropped);
  if (const auto mistakes = mistakes_in_subject(profile, out.subject); !mistakes.empty()) {
    std::vector<Finding> findings;
    for (const std::string& mistake : mistakes)
      findings.push_back({mistake, std::string(what), "have the CSR made with the name its profile asks for"});
    throw Refused(PkiRefusal::csr, std::move(findings));
  }
  out.digest = sha256(out.der.view());
  return out;
}

}  // namespace ceremony::pki
