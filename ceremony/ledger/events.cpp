#include "ceremony/ledger/events.h"

#include <algorithm>
#include <set>

#include "ceremony/ledger/checkpoint.h"

namespace ceremony::ledger {
namespace {

using enum FieldType;

constexpr Field open_fields[] = {
    {"environment", choice, true, "rehearsal|production"},
    {"origin", text, true, ""},
    {"kind", text, true, ""},
    {"procedure", digest, true, ""},
    {"policy", digest, true, ""},
    {"binding", digest, true, ""},
    {"software", text, true, ""},
    {"image", digest_or_none, true, ""},
    {"uki", digest_or_none, true, ""},
    {"tpm", digest_or_none, true, ""},
    {"operator", choice, true, "tui|plain|scripted"},
    {"selftest", map, true, ""},
    {"previous_size", integer, true, ""},
    {"previous_root", digest, true, ""},
    {"previous_checkpoint", digest_or_none, true, ""},
    {"compared", people, true, ""},
};
constexpr Field clock_fields[] = {{"shown", time, true, ""}};
constexpr Field medium_fields[] = {
    {"medium", text, true, ""},
    {"kind", choice, true, "ledger|backup|export|share|intake"},
    {"ident", text, true, ""},
    {"label", digest_or_none, true, ""},
};
constexpr Field enrol_fields[] = {
    {"person", person, true, ""},     {"roles", texts, true, ""},
    {"alg", choice, true, "p256"},    {"key", digest, true, ""},
    {"spki", base64, true, ""},       {"age", text, true, ""},
    {"credential", choice, true, "software|card"},
    {"replaces", digest_or_none, true, ""},
    {"seen_by", people, true, ""},    {"private", digest, true, ""},
    {"sig", base64, true, ""},
};
constexpr Field policy_fields[] = {
    {"policy", digest, true, ""},           {"procedures", digest_map, true, ""}, {"profiles", digest_map, true, ""},
    {"act_policy", digest, true, ""}, {"act_procedures", digest, true, ""},
};
constexpr Field selftest_fields[] = {{"results", map, true, ""}};
constexpr Field evidence_fields[] = {
    {"kind", choice, true, "video|auditor|access-log|module-certificate|medium-hash|seal|other"},
    {"reference", text, true, ""},
    {"sha256", digest, false, ""},
};
constexpr Field token_fields[] = {
    {"token", text, true, ""},        {"role", choice, true, "main|restore"},
    {"manufacturer", text, true, ""}, {"model", text, true, ""},
    {"firmware", text, true, ""},     {"label", text, true, ""},
    {"purpose", choice, true, "admit|activation|deactivation"},
    {"list", digest, true, ""},       {"pin", choice, true, "normal|low|final|locked"},
    {"checkpoint_size", integer, true, ""},
    {"checkpoint_root", digest_or_none, true, ""},
};
constexpr Field init_fields[] = {
    {"token", text, true, ""},   {"before", text, true, ""},
    {"model", text, true, ""},
    {"label", text, true, ""},   {"role", choice, true, "main|restore"},
    {"purpose", choice, true, "create|restore-test|erase"},
    {"pin_form", text, true, ""}, {"throwaway_refused", boolean, true, ""},
};
constexpr Field activate_fields[] = {
    {"token", text, true, ""},
    {"purpose", choice, true, "generate|restore|lock|sign|checkpoint"},
    {"set", text, true, ""},
    {"holders", people, true, ""},
    {"nth", integer, true, ""},
};
constexpr Field deactivate_fields[] = {
    {"token", text, true, ""},
    {"reason_for", choice, true, "done|idle|pause|abort|resume|failure"},
};
constexpr Field approve_fields[] = {
    {"act", choice, true,
     "adopt-policy|adopt-procedure|enrol|change-quorum|waive|retire-key|destroy-key|admit-image|init-token|generate-key|"
     "sign-certificate|sign-crl|sign-batch|recover-key|rewrap-key"},
    {"sha256", digest, true, ""},
    {"person", person, true, ""},
    {"alg", choice, true, "p256"},
    {"sig", base64, true, ""},
};
constexpr Field intent_fields[] = {
    {"id", text, true, ""},
    {"act", choice, true, "init-token|generate-key|sign-certificate|sign-crl|sign-batch"},
    {"key", text, true, ""},
    {"tbs", digest, true, ""},
};
constexpr Field result_fields[] = {
    {"id", text, true, ""},
    {"tbs", digest, true, ""},
    {"out", digest_or_none, true, ""},
    {"verified", texts, true, ""},
};
constexpr Field reconcile_fields[] = {
    {"id", text, true, ""},
    {"outcome", choice, true, "adopted|destroyed|undone|signed-again|maybe-issued"},
    {"tbs", digest, true, ""},
    {"found", text, true, ""},
};
constexpr Field resume_fields[] = {{"at", text, true, ""}, {"repairs", texts, true, ""}};
constexpr Field keygen_fields[] = {
    {"key", hex, true, ""},          {"label", text, true, ""},
    {"purpose", choice, true, "ca|log"},
    {"alg", text, true, ""},         {"token", text, true, ""},
    {"spki", base64, true, ""},      {"spki_sha256", digest, true, ""},
    {"local", boolean, true, ""},    {"sensitive", boolean, true, ""},
    {"extractable", boolean, true, ""},
    {"scheme", text, true, ""},      {"proof", base64, true, ""},
};
constexpr Field restore_fields[] = {
    {"key", hex, true, ""},          {"token", text, true, ""},
    {"set", text, true, ""},         {"blob", digest, true, ""},
    {"spki_sha256", digest, true, ""}, {"local", boolean, true, ""},
    {"extractable", boolean, true, ""},
    {"scheme", text, true, ""},      {"proof", base64, true, ""},
    {"disposition", choice, true, "erase|standby"},
};
constexpr Field lock_fields[] = {
    {"key", hex, true, ""},
    {"token", text, true, ""},
    {"extractable", boolean, true, ""},
    {"wrap_refused", boolean, true, ""},
};
constexpr Field share_fields[] = {
    {"set", text, true, ""},
    {"quorum", choice, true, "activation|recovery"},
    {"index", integer, true, ""},
    {"count", integer, true, ""},
    {"threshold", integer, true, ""},
    {"holder", person, true, ""},
    {"commitment", digest, true, ""},
    {"kcv", hex, true, ""},
    {"form", choice, true, "age-passphrase|age-identity|words-shown"},
    {"file", digest_or_none, true, ""},
    {"medium", text, true, ""},
};
constexpr Field hand_in_fields[] = {
    {"set", text, true, ""},
    {"index", integer, true, ""},
    {"holder", person, true, ""},
    {"commitment", digest, true, ""},
    {"purpose", choice, true, "read-back|activate|wrap|restore|recover"},
    {"nth", integer, true, ""},
    {"sig", base64, true, ""},
};
constexpr Field void_fields[] = {
    {"set", text, true, ""},      {"scope", choice, true, "share|set"}, {"index", integer, false, ""},
    {"holder", person, false, ""}, {"why", text, true, ""}};
constexpr Field issue_fields[] = {
    {"intent", text, true, ""},       {"certificate", digest, true, ""},
    {"tbs", digest, true, ""},        {"serial", hex, true, ""},
    {"subject", text, true, ""},      {"issuer", hex, true, ""},
    {"profile", text, true, ""},      {"spki_sha256", digest, true, ""},
    {"skid", hex, true, ""},          {"not_before", time, true, ""},
    {"not_after", time, true, ""},    {"csr", digest_or_none, true, ""},
    {"lint", texts, true, ""},
};
constexpr Field crl_fields[] = {
    {"intent", text, true, ""},      {"crl", digest, true, ""},
    {"tbs", digest, true, ""},       {"number", integer, true, ""},
    {"issuer", hex, true, ""},       {"this_update", time, true, ""},
    {"next_update", time, true, ""}, {"entries", integer, true, ""},
};
constexpr Field revoke_fields[] = {
    {"serial", hex, true, ""}, {"why", text, true, ""}, {"date", time, true, ""}};
constexpr Field found_fields[] = {{"certificate", digest, true, ""}, {"where", text, true, ""}};
constexpr Field import_fields[] = {
    {"csr", digest, true, ""},     {"spki_sha256", digest, true, ""}, {"subject", text, true, ""},
    {"recipient", text, true, ""}, {"profile", text, true, ""},       {"dropped", texts, true, ""},
    {"medium", text, true, ""},
};
constexpr Field export_fields[] = {
    {"kind", choice, true, "backup|bundle|public"},
    {"name", text, true, ""},
    {"media", texts, true, ""},
    {"sha256", digest, true, ""},
    {"files", integer, true, ""},
    {"recipient", text, true, ""},
    {"read_back", boolean, true, ""},
    {"certificate", digest, false, ""},
    {"key", hex, false, ""},
    {"set", text, false, ""},
    {"length", integer, false, ""},
};
constexpr Field custody_fields[] = {
    {"item", text, true, ""}, {"act", choice, true, "opened|sealed|handed"}, {"seal", digest_or_none, true, ""},
    {"from", text, true, ""}, {"to", text, true, ""}};
constexpr Field deviation_fields[] = {{"text", text, true, ""}, {"source", choice, true, "person|appliance"}};
constexpr Field waiver_fields[] = {
    {"rule", text, true, ""}, {"why", text, true, ""}, {"until", time, true, ""}, {"act", digest, true, ""}};
constexpr Field image_fields[] = {{"manifest", digest, true, ""}, {"uki", digest, true, ""}, {"version", text, true, ""},
                                  {"pcr4", digest_or_none, true, ""}, {"pcr11", digest_or_none, true, ""}, {"act", digest, true, ""}};
constexpr Field retire_fields[] = {{"key", hex, true, ""}, {"act", digest, true, ""}};
constexpr Field destroy_fields[] = {
    {"what", choice, true, "key|backup"}, {"key", hex, true, ""}, {"set", text, false, ""}, {"act", digest_or_none, true, ""}, {"where", texts, true, ""}};
constexpr Field signoff_fields[] = {
    {"summary", digest, true, ""}, {"remarks", map, true, ""}, {"deviations", integer, true, ""}, {"people", people, true, ""}};
constexpr Field close_fields[] = {
    {"outcome", choice, true, "complete|aborted"},
    {"log_signature", choice, true, "yes|no-key-yet|not-activated|token-lost"},
    {"signers", people, true, ""},
    {"absent", map, true, ""},
};

constexpr Event all_events[] = {
    {"open", open_fields, "a ceremony begins", "LOG-3, LOG-4, LOG-5, LOG-10, ENV-1, POL-1, POL-2, POL-4, POL-5, ROLE-5"},
    {"clock", clock_fields, "two people compared the clock with a source of their own", "ROLE-1, ROLE-3"},
    {"selftest", selftest_fields, "a self-test after the one that open names, or what secrets are made of", "LOG-10"},
    {"medium", medium_fields, "a medium takes part", "EXPORT-1"},
    {"enrol", enrol_fields, "a person's credential, proven by its own signature over the enrolment statement", "ROLE-1, ROLE-2, ENROL-1, ENROL-2, CRED-1"},
    {"policy", policy_fields, "policy, profiles and procedures come into force", "POL-1, POL-2"},
    {"evidence", evidence_fields, "something outside the log that vouches for the ceremony", "EVID-1, POL-4"},
    {"approve", approve_fields, "one person's signature for one act over exactly these bytes", "ROLE-1, QUORUM-1, QUORUM-2"},
    {"intent", intent_fields, "about to ask the token for an effect", "LOG-9, QUORUM-1, WITNESS-1, TOKEN-1, KEY-3, KEY-4, KEY-5, KEY-6, KEY-8, CERT-1, CRL-1 to CRL-5"},
    {"result", result_fields, "what came of an intent", "LOG-9, CERT-1, CERT-2"},
    {"reconcile", reconcile_fields, "what became of an intent whose result was not recorded", "LOG-9, CRL-3"},
    {"resume", resume_fields, "the appliance came back after a cut", "LOG-4"},
    {"init", init_fields, "a token was initialised", "TOKEN-1, ENV-1"},
    {"token", token_fields, "a token's identity, objects and own checkpoint, as read", "LOG-5, TOKEN-2, TOKEN-3, ENV-1"},
    {"share", share_fields, "a share is committed to, before it leaves", "EXPORT-2, SHARE-1, SHARE-4, QUORUM-4"},
    {"hand-in", hand_in_fields, "a holder handed in a share that equals its commitment", "QUORUM-2, QUORUM-3, SHARE-2, SHARE-3"},
    {"void", void_fields, "a share, or a whole set of them, is one no longer", "SHARE-3"},
    {"activate", activate_fields, "the token was logged in with the secret of a quorum's shares", "LOG-3, QUORUM-3, ROLE-5, SHARE-2, TOKEN-3"},
    {"deactivate", deactivate_fields, "the token was logged out and the secret wiped", "TOKEN-2, KEY-8"},
    {"keygen", keygen_fields, "a key was generated, its attributes as read back, and it signed a challenge", "POL-3, KEY-1, KEY-2"},
    {"export", export_fields, "something left on media and was read back", "EXPORT-1, KEY-7"},
    {"restore", restore_fields, "a backup was unwrapped on another token, and the key signed a challenge there", "KEY-1, KEY-2, KEY-3"},
    {"lock", lock_fields, "a key can no longer be wrapped", "KEY-4"},
    {"import", import_fields, "a certification request was taken in", "CERT-6, CERT-7"},
    {"issue", issue_fields, "a certificate exists", "CERT-1 to CERT-8, POL-3, ENV-2"},
    {"crl", crl_fields, "a certificate revocation list exists", "CRL-1 to CRL-5"},
    {"revoke", revoke_fields, "a certificate is revoked", "CRL-2, CRL-5"},
    {"found", found_fields, "a certificate under this CA's key that this log did not issue", "CRL-3"},
    {"custody", custody_fields, "a thing was sealed, opened or handed over", "EVID-2"},
    {"deviation", deviation_fields, "something went otherwise than the procedure says", "DEV-1"},
    {"waiver", waiver_fields, "a rule is set aside for one act", "WAIVER-1"},
    {"image", image_fields, "a boot image is admitted, besides those that policy lists", "POL-4, POL-5"},
    {"retire", retire_fields, "a key signs CRLs only from now on", "KEY-6"},
    {"destroy", destroy_fields, "a key, or the backups of a key under one set of shares, are gone", "KEY-6, SHARE-3"},
    {"signoff", signoff_fields, "the people saw the summary and said what they had to say", "ROLE-4, DEV-1"},
    {"close", close_fields, "the ceremony ends", "LOG-4, LOG-7, LOG-8, LOG-9, ROLE-3, ROLE-4"},
};

constexpr std::string_view type_names[] = {"text",   "integer", "boolean", "digest", "hex",        "base64", "time",
                                           "person", "people",  "texts",   "map",    "digest map", "choice", "digest or none"};

bool good_text(const Value& v) { return v.if_text() != nullptr && !v.if_text()->empty() && v.if_text()->size() <= 1024; }
bool good_digest(const Value& v) { return v.if_text() != nullptr && digest_from_hex(*v.if_text()).has_value(); }
bool good_person(const Value& v) { return v.if_text() != nullptr && is_person_id(*v.if_text()); }

bool one_of(std::string_view value, std::string_view values) {
  while (true) {
    const auto bar = values.find('|');
    if (values.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) return false;
    values.remove_prefix(bar + 1);
  }
}

bool good_people(const Value& v) {
  std::set<std::string_view> seen;
  return v.if_array() != nullptr &&
         std::ranges::all_of(v.array(), [&](const Value& p) { return good_person(p) && seen.insert(*p.if_text()).second; });
}

bool good(const Field& field, const Value& v) {
  const auto all_in_object = [&v](auto fine) {
    return v.if_object() != nullptr && std::ranges::all_of(v.object(), [&](const auto& entry) { return fine(entry.second); });
  };
  const std::string* const word = v.if_text();
  switch (field.type) {
    case text: return good_text(v);
    case integer: return v.if_number() != nullptr && *v.if_number() >= 0;
    case boolean: return v.if_boolean() != nullptr;
    case digest: return good_digest(v);
    case hex: return good_text(v) && unhex(*word).has_value();
    case base64: return word != nullptr && !word->empty() && unbase64(*word).has_value();
    case time: return word != nullptr && time_from_text(*word).has_value();
    case person: return good_person(v);
    case people: return good_people(v);
    case texts: return v.if_array() != nullptr && std::ranges::all_of(v.array(), good_text);
    case map: return all_in_object(good_text);
    case digest_map: return all_in_object(good_digest);
    case choice: return word != nullptr && one_of(*word, field.values);
    case digest_or_none: return good_digest(v) || (word != nullptr && *word == "none");
  }
  return false;
}

}  // namespace

std::span<const Event> events() { return all_events; }

const Event* find_event(std::string_view name) {
  const auto* found = std::ranges::find(all_events, name, &Event::name);
  return found == std::end(all_events) ? nullptr : found;
}

std::string_view name_of(FieldType type) { return type_names[static_cast<std::size_t>(type)]; }

std::string events_page() {
  std::string out;
  for (const Event& event : all_events) {
    out += "## " + std::string(event.name) + "\n\nMeans: " + std::string(event.meaning) + ". Read by: " + std::string(event.rules) +
           ".\n\n| field | type | needed |\n|---|---|---|\n";
    for (const Field& field : event.fields) {
      std::string type(name_of(field.type));
      if (!field.values.empty()) type += ": ";
      for (const char c : field.values) type += c == '|' ? std::string(", ") : std::string(1, c);
      out += "| `" + std::string(field.name) + "` | " + type + " | " + (field.required ? "yes" : "no") + " |\n";
    }
    out += "\n";
  }
  return out;
}

std::vector<std::string> check_fields(const Record& record) {
  const Event* event = find_event(record.ev);
  if (event == nullptr) return {"there is no event \"" + record.ev + "\""};
  std::vector<std::string> wrong;
  const auto& fields = record.d.object();
  for (const Field& field : event->fields) {
    const auto found = fields.find(field.name);
    if (found == fields.end()) {
      if (field.required && record.ok) wrong.push_back(record.ev + " lacks the field \"" + std::string(field.name) + "\"");
    } else if (!good(field, found->second)) {
      wrong.push_back(record.ev + "'s field \"" + std::string(field.name) + "\" is not of type " + std::string(name_of(field.type)));
    }
  }
  const auto reason = fields.find("reason");
  if (!record.ok && (reason == fields.end() || !good_text(reason->second))) wrong.push_back("a failed " + record.ev + " lacks its reason");
  for (const auto& [name, value] : fields) {
    if (!record.ok && name == "reason") continue;
    if (std::ranges::find(event->fields, name, &Field::name) == event->fields.end())
      wrong.push_back(record.ev + " has no field \"" + name + "\"");
  }
  return wrong;
}

}  // namespace ceremony::ledger
