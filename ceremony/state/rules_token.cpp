// TOKEN, KEY: what the token is, what is on it, and what its keys may do.
#include <algorithm>
#include <set>

#include "ceremony/ledger/text.h"
#include "ceremony/state/rule_functions.h"
#include "ceremony/state/token_list.h"

namespace ceremony::state::rule {

using ledger::shown;

namespace {

/// Private keys that live on the token: generated there and not destroyed, or restored there and not erased.
std::vector<const Key*> live_on(const CaState& s, std::string_view serial) {
  std::vector<const Key*> keys;
  for (const auto& [id, key] : s.keys) {
    if (key.destroyed) continue;
    const bool restored = std::ranges::any_of(key.restores, [&](const Restored& r) { return r.token == serial && !r.erased; });
    if (key.token == serial || restored) keys.push_back(&key);
  }
  return keys;
}

/// The unsettled intent of this ceremony whose act an `init` carries out.
const Intent* init_intent(const CaState& s) {
  for (const auto& [id, intent] : s.open->intents)
    if (intent.act == "init-token" && !intent.settled()) return &intent;
  return nullptr;
}

bool proves(const Question& q, View spki, std::string_view label) {
  const Ceremony& c = *q.before.open;
  const std::string challenge = ledger::challenge_text(c.origin, c.id, c.leaf, text(q, "key"), label);
  return accepted_by_both(spki, as_view(challenge), unbase64(q.record.d.text("proof")).value_or(Bytes{}), text(q, "scheme"));
}

bool is_signature_by_ca(const Question& q) { return is(q, "intent") && is_signing(text(q, "act")); }

}  // namespace

void token_1(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "intent") && text(q, "act") == "init-token") {
    if (auto few = short_of_approvals(q, "init-token", digest(q, "tbs")); !few.empty()) broken.push_back(std::move(few));
    if (q.artifacts(digest(q, "tbs")) && !act_in(digest(q, "tbs"), q.artifacts)) broken.push_back("what was approved is no act");
  }
  if (!is(q, "init")) return;
  const std::string before = text(q, "before"), purpose = text(q, "purpose");
  const Intent* intent = init_intent(s);
  if (intent == nullptr) {
    broken.push_back("the token " + shown(text(q, "token")) + " was initialised without an approved intent");
  } else if (const auto act = act_in(intent->tbs, q.artifacts)) {
    const auto approved = [&](const std::string& field) { return act->contains(field) ? act->at(field) : std::string(); };
    if (approved("label") != text(q, "label") || approved("role") != text(q, "role"))
      broken.push_back("approved was a token " + shown(approved("label")) + " of role " + shown(approved("role")));
    if (purpose == "erase" ? approved("then") != "erase" : approved("token") != before)
      broken.push_back(purpose == "erase" ? "erasing the token was not approved" : "approved was the token " + shown(approved("token")) + ", initialised was " + shown(before));
  }
  for (const Key* key : live_on(s, before)) {
    const bool to_be_erased = purpose == "erase" && key->token != before &&
                              std::ranges::all_of(key->restores, [&](const Restored& r) { return r.token != before || r.erased || r.disposition == "erase"; });
    if (!to_be_erased) broken.push_back("the token " + shown(before) + " held the key " + shown(key->label));
  }
  // A restore token keeps its throw-away PINs until it is erased: nothing but a copy lives on it, for one step.
  if (text(q, "role") == "main" && !q.record.d.boolean("throwaway_refused")) broken.push_back("the throw-away SO PIN still opens the token");
}

void token_2(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "token")) {
    const auto list = q.artifacts(digest(q, "list"));
    if (!list) return;  // LOG-8
    if (auto what = unexpected(s, text(q, "token"), as_text(*list))) broken.push_back(*what);
  }
  if (!s.active || !q.record.ok) return;
  const std::string& ev = q.record.ev;
  // `lock` may come first: a lock that a power cut left unrecorded is recorded before token and log are compared.
  const bool works = ev == "intent" || ev == "keygen" || (ev == "close" && s.active->purpose == "checkpoint");
  if (works && !s.active->listed) broken.push_back(ev + " stands before the token's objects were listed after its activation");
  if (ev == "deactivate" && text(q, "reason_for") == "done" && !s.active->listed_at_end) broken.push_back("the token was deactivated without listing its objects");
}

void token_3(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  const auto known = s.tokens.find(text(q, "token"));
  if (is(q, "activate") && (known == s.tokens.end() || known->second.model.empty() || known->second.role != "main"))
    broken.push_back("the token " + shown(text(q, "token")) + " that is activated was not taken in as main token");
  if (!is(q, "token")) return;
  if (known == s.tokens.end()) {
    broken.push_back("the token " + shown(text(q, "token")) + " was never initialised on this log");
  } else if (known->second.role != text(q, "role") || (!known->second.model.empty() && (known->second.model != text(q, "model") ||
                                                                                         known->second.manufacturer != text(q, "manufacturer")))) {
    broken.push_back("the token " + shown(text(q, "token")) + " is a " + shown(known->second.manufacturer + " " + known->second.model) + " of role " + known->second.role +
                     " on the log, read was " + shown(text(q, "manufacturer") + " " + text(q, "model")) + " of role " + text(q, "role"));
  }
  if (s.active && text(q, "purpose") != "admit" && s.active->token != text(q, "token")) broken.push_back("listed was another token than the active one");
}

void key_1(const Question& q, Broken& broken) {
  if (is(q, "keygen")) {
    const auto spki = unbase64(q.record.d.text("spki")).value_or(Bytes{});
    if (!q.record.d.boolean("local") || !q.record.d.boolean("sensitive")) broken.push_back("the key " + shown(text(q, "label")) + " does not read back as LOCAL and SENSITIVE");
    if (sha256(spki) != digest(q, "spki_sha256")) broken.push_back("the public key of " + shown(text(q, "label")) + " is not the one of that digest");
    if (!proves(q, spki, text(q, "label"))) broken.push_back("the key " + shown(text(q, "label")) + " did not sign its challenge");
    if (text(q, "purpose") == "log" && q.record.d.boolean("extractable")) broken.push_back("the log key is extractable");
  }
  if (!is(q, "restore")) return;
  const Key* key = key_named(q.before, text(q, "key"));
  if (key == nullptr) {
    broken.push_back("the key " + shown(text(q, "key")) + " that was restored is not on the log");
    return;
  }
  if (q.record.d.boolean("extractable") || q.record.d.boolean("local")) broken.push_back("the restored key reads back as extractable or as made there");
  const bool recorded = std::ranges::any_of(key->backups, [&](const Backup& b) { return b.blob == digest(q, "blob") && b.set == text(q, "set") && !b.destroyed; });
  if (!recorded) broken.push_back("the restored key came from a backup that is not on the log");
  if (text(q, "token") == key->token) broken.push_back("the key was restored on the token it came from");
  if (!proves(q, key->spki, key->label)) broken.push_back("the restored key did not sign its challenge");
}

void key_2(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "keygen")) {
    for (const Key* key : live_on(s, text(q, "token")))
      if (key->label == text(q, "label") || key->id == text(q, "key")) broken.push_back("label or id of " + shown(text(q, "label")) + " is taken on the token");
    if (s.keys.contains(text(q, "key"))) broken.push_back("the key id " + text(q, "key") + " was used before");
    const Digest spki = digest(q, "spki_sha256");
    if (std::ranges::any_of(s.keys, [&](const auto& key) { return key.second.spki_sha256 == spki; }) ||
        std::ranges::any_of(s.certificates, [&](const auto& c) { return c.second.spki_sha256 == spki; }))
      broken.push_back("the public key of " + shown(text(q, "label")) + " is on the log already");
  }
  if (!is(q, "restore")) return;
  const Key* key = key_named(s, text(q, "key"));
  if (key != nullptr && key->spki_sha256 != digest(q, "spki_sha256")) broken.push_back("what was restored has another public key than " + shown(key->label));
}

void key_3(const Question& q, Broken& broken) {
  if (!is_signature_by_ca(q)) return;
  const Key* key = key_named(q.before, text(q, "key"));
  if (key == nullptr || key->purpose != "ca") return;  // KEY-5
  const bool restored = std::ranges::any_of(key->restores, [](const Restored& r) { return r.erased || r.disposition == "standby"; });
  if (!restored) broken.push_back("no backup of " + shown(key->label) + " was restored on another token that was then erased or kept as standby");
}

void key_4(const Question& q, Broken& broken) {
  if (!is_signature_by_ca(q)) return;
  const Key* signer = key_named(q.before, text(q, "key"));
  if (signer == nullptr) return;  // KEY-5
  for (const Key* key : live_on(q.before, signer->token))
    if (key->token == signer->token && key->extractable) broken.push_back("the key " + shown(key->label) + " is still extractable");
}

void key_5(const Question& q, Broken& broken) {
  if (!is_signature_by_ca(q)) return;
  const Key* key = key_named(q.before, text(q, "key"));
  if (key == nullptr) {
    broken.push_back("the key " + shown(text(q, "key")) + " that is to sign is not on the log");
  } else if (key->purpose != "ca") {
    broken.push_back("the " + key->purpose + " key " + shown(key->label) + " is to sign a certificate or CRL");
  }
}

namespace {

/// Every place that holds the key, as `destroy` names them.
std::set<std::string> places_of(const Key& key) {
  std::set<std::string> places{"token " + key.token};
  for (const Restored& restored : key.restores)
    if (!restored.erased) places.insert("token " + restored.token);
  for (const Backup& backup : key.backups)
    if (!backup.destroyed)
      for (const std::string& medium : backup.media) places.insert("medium " + medium);
  return places;
}

void check_places(const Question& q, const Key& key, const std::optional<std::string>& approved, Broken& broken) {
  const auto places = places_of(key);
  std::string joined;
  for (const std::string& place : places) joined += (joined.empty() ? "" : ", ") + place;
  if (!std::ranges::equal(q.record.d.texts("where"), places)) broken.push_back("the key " + shown(key.label) + " is on " + joined + "; destroyed it was elsewhere");
  if (approved && *approved != joined) broken.push_back("approved was to destroy " + shown(key.label) + " on " + shown(*approved) + ", it is on " + joined);
}

/// All that the key issued has expired or is on its last CRL.
void check_last_crl(const Question& q, const Key& key, Broken& broken) {
  const CaState& s = q.before;
  const auto crl = s.crls.find(key.id);
  const auto listed = [&](const std::string& serial) { return crl != s.crls.end() && crl->second.entries.contains(serial); };
  if (key.purpose == "ca" && s.certificate_of(key.id) != nullptr && crl == s.crls.end()) broken.push_back("the key " + shown(key.label) + " has signed no last CRL");
  for (const auto& [digest, certificate] : s.certificates) {
    if (certificate.issuer != key.id || certificate.spki_sha256 == key.spki_sha256 || certificate.not_after < q.record.t) continue;
    if (!listed(certificate.serial)) broken.push_back(shown(certificate.subject) + " is neither expired nor on the last CRL");
  }
  for (const auto* const kind : {&s.maybe_issued, &s.found})
    if (const auto of_key = kind->find(key.id); of_key != kind->end())
      for (const std::string& serial : of_key->second)
        if (!listed(serial)) broken.push_back("the serial " + serial + " is not on the last CRL");
}

}  // namespace

void key_6(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is_signature_by_ca(q)) {
    const Key* key = key_named(s, text(q, "key"));
    if (key != nullptr && key->destroyed) broken.push_back("the key " + shown(key->label) + " is destroyed");
    if (key != nullptr && key->retired && text(q, "act") != "sign-crl") broken.push_back("the key " + shown(key->label) + " is retired and signs CRLs only");
  }
  const bool destroys = is(q, "destroy") && text(q, "what") == "key";
  if (!destroys && !is(q, "retire")) return;
  const Key* key = key_named(s, text(q, "key"));
  if (key == nullptr || key->destroyed) {
    broken.push_back("there is no key " + shown(text(q, "key")) + " that could be " + (destroys ? "destroyed" : "retired"));
    return;
  }
  if (auto few = short_of_approvals(q, destroys ? "destroy-key" : "retire-key", digest(q, "act")); !few.empty()) broken.push_back(std::move(few));
  const auto act = act_in(digest(q, "act"), q.artifacts);
  const auto approved = [&](std::string_view field) { return act && act->contains(field) ? act->find(field)->second : std::string(); };
  if (q.artifacts(digest(q, "act")) && approved("key") != key->id) broken.push_back("approved was the key " + shown(approved("key")) + ", not " + shown(key->id));
  if (!destroys) return;
  check_places(q, *key, act ? std::optional(approved("where")) : std::nullopt, broken);
  check_last_crl(q, *key, broken);
  const bool witness = std::ranges::any_of(q.record.who, [&](const std::string& person) {
    const auto known = s.people.find(person);
    return known != s.people.end() && contains(known->second.roles, "witness");
  });
  if (!witness) broken.push_back("no witness saw the key destroyed");
}

void key_7(const Question& q, Broken& broken) {
  if (!is(q, "export") || text(q, "kind") != "backup") return;
  const Ceremony& c = *q.before.open;
  const policy::Policy* policy = policy_of(q);
  const auto media = q.record.d.texts("media");
  const std::size_t wanted = policy == nullptr ? 2 : policy->backup_media;
  if (std::set<std::string>(media.begin(), media.end()).size() < wanted)
    broken.push_back("the backup is on " + std::to_string(media.size()) + " media, " + std::to_string(wanted) + " are needed");
  for (const std::string& medium : media) {
    const auto known = c.media.find(medium);
    if (known == c.media.end() || known->second.kind != "backup") broken.push_back("the medium " + shown(medium) + " is no backup medium of this ceremony");
  }
  const Key* key = key_named(q.before, text(q, "key"));
  if (key == nullptr || key->purpose != "ca" || number(q, "length") == 0) broken.push_back("the backup is of no CA key on the log");
  if (q.before.named.contains(digest(q, "sha256")) || q.artifacts(digest(q, "sha256"))) broken.push_back("the wrapped key lies among the public artifacts");
}

void key_8(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (!q.record.ok) return;
  const std::string& ev = q.record.ev;
  const std::string act = ev == "intent" ? text(q, "act") : "";
  const std::string purpose = s.active ? s.active->purpose : "";
  const bool signs = is_signing(act);
  if ((signs && purpose != "sign") || ((ev == "keygen" || act == "generate-key") && purpose != "generate") || (ev == "lock" && purpose != "lock")) {
    broken.push_back((act.empty() ? ev : act) + (purpose.empty() ? " while no token is active" : " while the token is active to " + purpose));
    return;
  }
  if (!s.active) return;
  if (ev == "activate") broken.push_back("the token is activated while it is active");
  static const std::set<std::string> always = {"token", "deactivate", "result", "reconcile", "deviation", "resume", "activate", "selftest"};
  static const std::map<std::string, std::set<std::string>> allowed = {{"generate", {"intent", "keygen", "export"}},
                                                                       {"restore", {"intent", "init", "hand-in", "restore"}},
                                                                       {"lock", {"lock"}},
                                                                       {"sign", {"intent", "issue", "crl"}},
                                                                       {"checkpoint", {"close"}}};
  const auto of_purpose = allowed.find(purpose);
  if (!always.contains(ev) && (of_purpose == allowed.end() || !of_purpose->second.contains(ev)))
    broken.push_back(ev + " stands while the token is active to " + purpose);
  if (act == "init-token" && purpose != "restore") broken.push_back("init-token stands while the token is active to " + purpose);
  if (ev == "export" && text(q, "kind") != "backup") broken.push_back("something leaves while the token is active");
  const Key* key = signs ? key_named(s, text(q, "key")) : ev == "lock" ? key_named(s, text(q, "key")) : nullptr;
  if (key != nullptr && key->token != s.active->token) broken.push_back("the key " + shown(key->label) + " is not on the active token");
  if (ev == "keygen" && text(q, "token") != s.active->token) broken.push_back("the key was generated on another token than the active one");
  if (ev == "lock" && (q.record.d.boolean("extractable") || !q.record.d.boolean("wrap_refused"))) broken.push_back("the key can still be wrapped");
}

}  // namespace ceremony::state::rule
