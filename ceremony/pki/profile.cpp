#include "ceremony/pki/profile.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <set>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/toml/reader.h"

namespace ceremony::pki {

namespace {

using toml_file::Table;

constexpr std::string_view key_names[] = {"p256", "p384", "rsa3072", "rsa4096"};
constexpr std::string_view usage_names[] = {"digitalSignature", "keyCertSign", "cRLSign"};

std::string listed(const auto& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

bool has(const auto& list, std::string_view value) { return std::ranges::find(list, value) != std::end(list); }

/// A list of distinct words out of `known`, not empty if `some`.
std::vector<std::string> words(const Table& table, std::string_view key, const auto& known, bool some) {
  std::vector<std::string> out = table.texts(key);
  std::set<std::string> seen;
  for (const std::string& word : out) {
    if (!has(known, word))
      table.note(key, std::format("\"{}\" does not take \"{}\"", key, word),
                 std::format("use some of {}", listed(known)));
    else if (!seen.insert(word).second)
      table.note(key, std::format("\"{}\" holds \"{}\" twice", key, word), "leave one of them out");
  }
  if (some && out.empty() && table.has(key))
    table.note(key, std::format("\"{}\" is empty", key), std::format("use some of {}", listed(known)));
  return out;
}

std::vector<std::string> scheme_names() {
  std::vector<std::string> out;
  for (const Scheme& scheme : schemes()) out.push_back(scheme.name);
  return out;
}

void read_validity(const Table& table, Profile& out) {
  const bool days = table.has("max_days");
  const bool years = table.has("max_years");
  if (days == years)
    table.note({}, days ? "there are both \"max_days\" and \"max_years\"" : "there is neither \"max_days\" nor \"max_years\"",
               "write one of the two, for example max_years = 30");
  const std::int64_t d = table.integer_or("max_days", 1, 400000, 0);
  const std::int64_t y = table.integer_or("max_years", 1, 1000, 0);
  out.max_days = days ? d : static_cast<std::int64_t>(std::ceil(static_cast<double>(y) * 365.25));
}

void read_subject(const Table& table, Profile& out) {
  const auto& types = attribute_types();
  out.subject_allowed = words(table, "allowed", types, true);
  out.subject_required = words(table, "required", types, true);
  out.subject_from_csr = words(table, "from_csr", types, false);
  for (const auto* list : {&out.subject_required, &out.subject_from_csr})
    for (const std::string& type : *list)
      if (has(types, type) && !has(out.subject_allowed, type))
        table.note(list == &out.subject_required ? "required" : "from_csr",
                   std::format("\"{}\" names \"{}\", which is not in \"allowed\"",
                               list == &out.subject_required ? "required" : "from_csr", type),
                   "add it there, or leave it out here");
  const auto fixed = table.table_if("fixed");
  if (!fixed) return;
  for (const std::string& type : fixed->keys()) {
    const Attribute attribute{type, fixed->text(type)};
    if (!has(out.subject_allowed, type))
      fixed->note(type, std::format("the fixed field \"{}\" is not in \"allowed\"", type),
                  "add it there, or leave it out here");
    else if (has(out.subject_from_csr, type))
      fixed->note(type, std::format("\"{}\" is fixed and also taken from the CSR", type), "decide for one of the two");
    else if (const auto mistake = mistake_in(attribute))
      fixed->note(type, *mistake, "correct the value");
    out.subject_fixed.push_back(attribute);
  }
}

bool dotted_oid(std::string_view text) {
  // 2.5.29.32.0 and the like: at least three arcs, canonical decimal, first arc 0 to 2.
  std::size_t arcs = 0;
  for (std::size_t at = 0; at <= text.size(); ++arcs) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    const std::string_view arc = text.substr(at, end - at);
    if (arc.empty() || arc.size() > 18 || (arc.size() > 1 && arc[0] == '0') ||
        !std::ranges::all_of(arc, [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    if (arcs == 0 && (arc.size() != 1 || arc[0] > '2')) return false;
    if (arcs == 1 && text[0] < '2' && (arc.size() > 2 || std::stoi(std::string(arc)) > 39)) return false;
    at = end + 1;
  }
  return arcs >= 3;
}

bool plain_url(std::string_view url) {
  return (url.starts_with("http://") && url.size() > 8 && url.size() <= 2048) && std::ranges::all_of(url, [](char c) {
           return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\';
         });
}

void read_extensions(const Table& table, Profile& out) {
  if (table.has("path_length")) out.path_length = table.integer_or("path_length", 0, 20, 0);
  out.key_usage = words(table, "key_usage", usage_names, true);
  for (const std::string_view needed : {"keyCertSign", "cRLSign"})
    if (table.good("key_usage") && !out.key_usage.empty() && !has(out.key_usage, needed) &&
        std::ranges::all_of(out.key_usage, [](const std::string& name) { return has(usage_names, name); }))
      table.note("key_usage", std::format("\"key_usage\" lacks \"{}\"", needed),
                 "add it: a CA signs certificates and CRLs (RFC 5280 4.2.1.3)");
  // In the order of the bits, which is the order they are read back in.
  std::ranges::sort(out.key_usage, {}, [](const std::string& name) {
    return std::ranges::find(usage_names, name) - std::begin(usage_names);
  });
  std::set<std::string> seen;
  for (const std::string& usage : table.texts_or("extended_key_usage", {})) {
    const auto oid = dotted_oid(usage) ? std::optional(usage) : extended_key_usage_oid(usage);
    if (!oid)
      table.note("extended_key_usage", std::format("\"{}\" is no extended key usage", usage),
                 "write a name like serverAuth, or a dotted OID");
    else if (!seen.insert(*oid).second)
      table.note("extended_key_usage", std::format("\"extended_key_usage\" holds \"{}\" twice", usage), "leave one of them out");
    else
      out.extended_key_usage.push_back(*oid);
  }
  for (const std::string& policy : table.texts_or("policies", {})) {
    if (!dotted_oid(policy))
      table.note("policies", std::format("\"{}\" is no dotted OID", policy), "write it like 2.23.140.1.2.1");
    else if (!seen.insert("policy " + policy).second)
      table.note("policies", std::format("\"policies\" holds \"{}\" twice", policy), "leave one of them out");
    out.policies.push_back(policy);
  }
  for (const std::string& url : table.texts_or("crl_distribution_points", {})) {
    if (!plain_url(url))
      table.note("crl_distribution_points", std::format("\"{}\" is no http URL", url),
                 "write it like http://crl.example.com/root.crl");
    out.crl_distribution_points.push_back(url);
  }
  if (out.kind == ProfileKind::root) {  // CA/B BR 7.1.2.1
    if (!out.extended_key_usage.empty())
      table.note("extended_key_usage", "a root has no extended key usage", "leave it out (CA/B BR 7.1.2.1)");
    if (!out.policies.empty())
      table.note("policies", "a root has no certificate policies", "leave them out (CA/B BR 7.1.2.1)");
    if (!out.crl_distribution_points.empty())
      table.note("crl_distribution_points", "a root has no CRL distribution points",
                 "leave them out: nobody revokes a root by its own CRL");
  }
}

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= 40 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

std::string_view text(ProfileKind kind) { return kind == ProfileKind::root ? "root" : "issuing"; }

Profile read_profile(std::string file_name, std::string_view text) {
  toml_file::Document document(std::move(file_name), text);
  document.require_format("certificate profile", "ceremony-profile/v1");
  const Table root = document.root();
  Profile out;
  out.digest = sha256(text);
  out.id = root.text("id");
  if (root.has("id") && !good_id(out.id))
    root.note("id", std::format("\"{}\" is no profile id", out.id),
              "write 1 to 40 of a-z, 0-9, - and ., like \"issuing-generic\"");
  out.title = root.text("title");
  if (out.title.empty() || out.title.size() > 80 || out.title.find_first_of("\n\t") != std::string::npos)
    root.note("title",
              std::format("\"title\" is {}", out.title.empty()       ? "empty"
                                             : out.title.size() > 80 ? "longer than 80 bytes"
                                                                     : "more than one line"),
              "write one line of 1 to 80 bytes");
  const std::string kind = root.text("kind");
  if (kind == "issuing")
    out.kind = ProfileKind::issuing;
  else if (root.has("kind") && kind != "root")
    root.note("kind", std::format("there is no kind of profile \"{}\"", kind), "write \"root\" or \"issuing\"");
  out.max_bytes = static_cast<std::size_t>(root.integer_or("max_bytes", 256, 1 << 20, 0));
  out.matter = root.boolean_or("matter", false);

  out.key_algorithms = words(root.table("key"), "algorithms", key_names, true);
  out.signature_schemes = words(root.table("signature"), "schemes", scheme_names(), true);
  read_validity(root.table("validity"), out);
  read_subject(root.table("subject"), out);
  read_extensions(root.table("extensions"), out);
  const Table crl = root.table("crl");
  out.crl.max_days = crl.integer("max_days", 1, 4000);
  out.crl.only_contains_ca_certs = crl.boolean_or("only_contains_ca_certs", false);
  static constexpr std::string_view sources[] = {"RFC3279", "RFC5280", "RFC5480",   "RFC5891",
                                                 "RFC8813", "CABF_BR", "CABF_EV",   "CABF_SMIME_BR",
                                                 "Mozilla", "Apple",   "Community", "ETSI_ESI"};
  out.zlint_sources = words(root.table("lint"), "zlint_sources", sources, true);
  document.done();
  return out;
}

bool allows_key(const Profile& profile, std::string_view algorithm) { return has(profile.key_algorithms, algorithm); }
bool allows_scheme(const Profile& profile, std::string_view scheme) { return has(profile.signature_schemes, scheme); }

std::vector<std::string> mistakes_in_subject(const Profile& profile, const Name& subject) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const Attribute& attribute : subject.attributes) {
    if (!has(profile.subject_allowed, attribute.type))
      out.push_back(
          std::format("profile {} allows no {} in the subject ('{}')", profile.id, attribute.type, attribute.value));
    else if (!seen.insert(attribute.type).second)
      out.push_back(std::format("{} stands twice in the subject", attribute.type));
    if (const auto mistake = mistake_in(attribute)) out.push_back(*mistake);
  }
  for (const std::string& type : profile.subject_required)
    if (!subject.has(type))
      out.push_back(std::format("profile {} wants {} in the subject, which has none", profile.id, type));
  for (const Attribute& fixed : profile.subject_fixed)
    if (subject.get(fixed.type) != fixed.value)
      out.push_back(std::format("profile {} fixes {} to '{}', the subject has '{}'", profile.id, fixed.type,
                                fixed.value, subject.get(fixed.type).value_or("")));
  return out;
}

}  // namespace ceremony::pki
