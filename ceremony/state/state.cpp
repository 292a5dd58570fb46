#include "ceremony/state/state.h"

#include <algorithm>

#include "ceremony/ledger/approval.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/profile.h"
#include "ceremony/policy/policy.h"
#include "ceremony/state/fields.h"

namespace ceremony::state {
namespace {

using ledger::Record;
using ledger::Value;

struct Step {
  CaState& s;
  const Record& r;
  const Digest& leaf;
  const ArtifactSource& artifacts;
  [[nodiscard]] Ceremony& open() const { return *s.open; }
  [[nodiscard]] std::string text(std::string_view key) const { return std::string(r.d.text(key)); }
  [[nodiscard]] Digest digest(std::string_view key) const { return digest_in(r.d, key).value_or(Digest{}); }
  [[nodiscard]] std::uint64_t number(std::string_view key) const { return number_in(r.d, key); }
};

std::shared_ptr<const policy::Policy> policy_in(const Digest& digest, const ArtifactSource& artifacts) {
  const auto bytes = artifacts(digest);
  if (!bytes) return nullptr;
  try {
    return std::make_shared<const policy::Policy>(policy::read_policy("policy", as_text(*bytes)));
  } catch (const Refused&) {
    return nullptr;
  }
}

void fold_open(const Step& f) {
  Ceremony c;
  c.id = f.r.c;
  c.kind = f.text("kind");
  c.environment = f.text("environment");
  c.origin = f.text("origin");
  c.n = f.r.n;
  c.leaf = f.leaf;
  c.opened = f.r.t;
  c.procedure = f.digest("procedure");
  c.policy = f.digest("policy");
  c.binding = f.digest("binding");
  c.software = f.text("software");
  c.image = f.text("image");
  c.uki = f.text("uki");
  c.tpm = f.text("tpm");
  c.op = f.text("operator");
  for (const auto& [name, result] : f.r.d.object("selftest"))
    if (const auto* text = result.if_text()) c.selftest[name] = *text;
  c.previous_size = f.number("previous_size");
  c.previous_root = f.digest("previous_root");
  c.previous_checkpoint = f.text("previous_checkpoint");
  c.compared = f.r.d.texts("compared");
  if (f.s.tree.size() > 0) c.gap = f.r.t - f.s.last_time;
  if (f.s.origin.empty()) {
    f.s.origin = c.origin;
    f.s.environment = c.environment;
  }
  if (f.s.policy == nullptr) f.s.proposed = policy_in(c.policy, f.artifacts);
  f.s.ceremony_ids.insert(c.id);
  f.s.open = std::move(c);
}

void fold_enrol(const Step& f) {
  Person p;
  p.id = f.text("person");
  p.roles = f.r.d.texts("roles");
  p.key = f.digest("key");
  p.spki = unbase64(f.r.d.text("spki")).value_or(Bytes{});
  p.age = f.text("age");
  p.credential = f.text("credential");
  p.seen_by = f.r.d.texts("seen_by");
  p.n = f.r.n;
  f.s.credential_keys.insert(p.key);
  f.s.people[p.id] = std::move(p);
}

void fold_policy(const Step& f) {
  f.s.policy_digest = digest_in(f.r.d, "policy");
  f.s.policy = f.s.policy_digest ? policy_in(*f.s.policy_digest, f.artifacts) : nullptr;
  f.s.proposed = nullptr;
  f.s.procedures = digests_in(f.r.d, "procedures");
  f.s.profile_digests = digests_in(f.r.d, "profiles");
  f.s.profiles.clear();
  for (const auto& [id, profile] : f.s.profile_digests) {
    const auto bytes = f.artifacts(profile);
    if (!bytes) continue;
    try {
      f.s.profiles[id] = std::make_shared<const pki::Profile>(pki::read_profile(id, as_text(*bytes)));
    } catch (const Refused&) {
      continue;  // stays unknown; POL-1 names it
    }
  }
}

void fold_init(const Step& f) {
  const std::string before = f.text("before"), purpose = f.text("purpose");
  for (auto& [id, key] : f.s.keys)
    for (Restored& restored : key.restores)
      if (restored.token == before || restored.token == f.text("token")) restored.erased = true;
  if (before != f.text("token")) f.s.tokens.erase(before);
  Token& token = f.s.tokens[f.text("token")];
  token = {};
  token.serial = f.text("token");
  token.label = f.text("label");
  token.role = f.text("role");
  token.purpose = purpose;
  token.n = f.r.n;
}

void fold_token(const Step& f) {
  Token& token = f.s.tokens[f.text("token")];
  token.serial = f.text("token");
  token.manufacturer = f.text("manufacturer");
  token.model = f.text("model");
  token.firmware = f.text("firmware");
  token.label = f.text("label");
  token.role = f.text("role");
  token.pin = f.text("pin");
  token.list = f.digest("list");
  token.list_purpose = f.text("purpose");
  token.checkpoint_size = f.number("checkpoint_size");
  token.n = f.r.n;
  if (f.s.active && f.s.active->token == token.serial) {
    if (token.list_purpose == "activation") f.s.active->listed = true;
    if (token.list_purpose == "deactivation") f.s.active->listed_at_end = true;
  }
}

void fold_share(const Step& f) {
  ShareSet& set = f.s.share_sets[f.text("set")];
  set.id = f.text("set");
  set.quorum = f.text("quorum");
  set.threshold = static_cast<unsigned>(f.number("threshold"));
  set.count = static_cast<unsigned>(f.number("count"));
  set.ceremony = f.r.c;
  Share share;
  share.index = static_cast<unsigned>(f.number("index"));
  share.holder = f.text("holder");
  share.commitment = f.digest("commitment");
  share.kcv = f.text("kcv");
  share.form = f.text("form");
  share.medium = f.text("medium");
  share.file = digest_in(f.r.d, "file");
  share.n = f.r.n;
  set.shares[share.index] = std::move(share);
}

Share* share_at(CaState& s, const std::string& set, std::uint64_t index) {
  const auto found = s.share_sets.find(set);
  if (found == s.share_sets.end()) return nullptr;
  const auto share = found->second.shares.find(static_cast<unsigned>(index));
  return share == found->second.shares.end() ? nullptr : &share->second;
}

void fold_hand_in(const Step& f) {
  const std::string purpose = f.text("purpose");
  if (purpose == "read-back") {
    if (Share* share = share_at(f.s, f.text("set"), f.number("index"))) share->read_back = true;
  }
  // A round that was left unfinished is given up: what was handed in was wiped, and is handed in anew.
  if (purpose != "read-back" && f.number("nth") > f.s.next_nth(purpose)) f.open().rounds[purpose] = f.number("nth") - 1;
  f.open().hand_ins[{purpose, f.number("nth")}].push_back(
      {f.text("set"), static_cast<unsigned>(f.number("index")), f.text("holder"), f.digest("commitment"), f.r.n});
}

void fold_activate(const Step& f) {
  f.s.active = Activation{f.text("token"), f.text("purpose"), f.text("set"), f.r.d.texts("holders"), f.number("nth"), false, false, f.r.n};
  Ceremony& c = f.open();
  if (c.hand_ins.contains({"wrap", f.s.next_nth("wrap")})) ++c.rounds["wrap"];
  ++c.rounds["activate"];
  ++c.activations;
}

void fold_intent(const Step& f) {
  Intent intent;
  intent.id = f.text("id");
  intent.act = f.text("act");
  intent.key = f.text("key");
  intent.tbs = f.digest("tbs");
  intent.who = f.r.who;
  intent.n = f.r.n;
  if (intent.act != "sign-batch") {
    intent.lines = {intent.tbs};
  } else if (const auto bytes = f.artifacts(intent.tbs)) {
    for (const ledger::BatchLine& line : batch_in(*bytes)) intent.lines.insert(line.tbs);
  }
  f.open().intents[intent.id] = std::move(intent);
}

void fold_result(const Step& f) {
  const auto found = f.open().intents.find(f.text("id"));
  if (found != f.open().intents.end()) found->second.results[f.digest("tbs")] = {f.text("out"), f.r.d.texts("verified"), f.r.n};
}

void fold_reconcile(const Step& f) {
  const auto found = f.open().intents.find(f.text("id"));
  if (found == f.open().intents.end()) return;
  Intent& intent = found->second;
  if (f.text("outcome") != "signed-again") intent.reconciled[f.digest("tbs")] = f.text("outcome");
  if (f.text("outcome") != "maybe-issued") return;
  const auto serial = serial_of(intent, f.digest("tbs"), f.artifacts);
  if (serial) f.s.maybe_issued[intent.key].insert(*serial);
}

void fold_keygen(const Step& f) {
  Key key;
  key.id = f.text("key");
  key.label = f.text("label");
  key.purpose = f.text("purpose");
  key.alg = f.text("alg");
  key.scheme = f.text("scheme");
  key.spki = unbase64(f.r.d.text("spki")).value_or(Bytes{});
  key.spki_sha256 = f.digest("spki_sha256");
  key.token = f.text("token");
  key.local = f.r.d.boolean("local");
  key.sensitive = f.r.d.boolean("sensitive");
  key.extractable = f.r.d.boolean("extractable");
  key.n = f.r.n;
  key.ceremony = f.r.c;
  f.s.keys[key.id] = std::move(key);
}

void fold_restore(const Step& f) {
  ++f.open().rounds["restore"];
  const auto key = f.s.keys.find(f.text("key"));
  if (key == f.s.keys.end()) return;
  key->second.restores.push_back({f.text("token"), f.text("set"), f.text("disposition"), f.r.d.boolean("extractable"), false, f.r.n});
}

void fold_lock(const Step& f) {
  const auto key = f.s.keys.find(f.text("key"));
  if (key == f.s.keys.end()) return;
  key->second.extractable = f.r.d.boolean("extractable");
  key->second.locked = !key->second.extractable;
}

void mark_recorded(const Step& f, const Digest& made) {
  const auto intent = f.open().intents.find(f.text("intent"));
  if (intent != f.open().intents.end()) intent->second.recorded.insert(made);
}

void fold_void(const Step& f) {
  const auto set = f.s.share_sets.find(f.text("set"));
  if (set == f.s.share_sets.end()) return;
  const bool whole = f.text("scope") == "set";
  set->second.is_void |= whole;
  for (auto& [index, share] : set->second.shares)
    if (whole || index == f.number("index")) share.is_void = true;
}

void fold_destroy(const Step& f) {
  const auto key = f.s.keys.find(f.text("key"));
  if (key == f.s.keys.end()) return;
  const bool whole = f.text("what") == "key";
  key->second.destroyed |= whole;
  for (Backup& backup : key->second.backups)
    if (whole || backup.set == f.text("set")) backup.destroyed = true;
}

void fold_custody(const Step& f) {
  if (f.text("act") != "handed") f.s.seals[f.text("item")] = {f.text("act"), f.text("seal"), f.r.n};
}

void fold_issue(const Step& f) {
  Certificate c;
  c.digest = f.digest("certificate");
  c.tbs = f.digest("tbs");
  c.spki_sha256 = f.digest("spki_sha256");
  c.serial = f.text("serial");
  c.subject = f.text("subject");
  c.profile = f.text("profile");
  c.issuer = f.text("issuer");
  c.skid = unhex(f.r.d.text("skid")).value_or(Bytes{});
  c.csr = digest_in(f.r.d, "csr");
  c.not_before = time_in(f.r.d, "not_before");
  c.not_after = time_in(f.r.d, "not_after");
  c.n = f.r.n;
  c.ceremony = f.r.c;
  mark_recorded(f, c.digest);
  f.open().certificates.insert(c.digest);
  f.s.by_serial[c.issuer + "/" + c.serial] = c.digest;
  f.s.certificates[c.digest] = std::move(c);
}

void fold_crl(const Step& f) {
  CrlState crl;
  crl.number = f.number("number");
  crl.this_update = time_in(f.r.d, "this_update");
  crl.next_update = time_in(f.r.d, "next_update");
  crl.digest = f.digest("crl");
  crl.n = f.r.n;
  if (const auto bytes = f.artifacts(crl.digest)) {
    try {
      for (const pki::CrlEntry& entry : pki::read_crl(*bytes).entries)
        crl.entries[pki::hex(entry.serial)] = {entry.date, entry.reason ? std::string(pki::text(*entry.reason)) : ""};
    } catch (const Refused&) {
      crl.entries.clear();  // CERT-1 names it
    }
  }
  mark_recorded(f, crl.digest);
  f.open().crls.insert(crl.digest);
  f.s.crls[f.text("issuer")] = std::move(crl);
}

void fold_revoke(const Step& f) {
  for (auto& [digest, certificate] : f.s.certificates)
    if (certificate.serial == f.text("serial")) certificate.revoked = {f.text("why"), time_in(f.r.d, "date"), f.r.n};
}

void fold_found(const Step& f) {
  const auto certificate = certificate_in(f.digest("certificate"), f.artifacts);
  if (!certificate) return;
  for (const auto& [id, key] : f.s.keys)
    if (key.purpose == "ca" && signed_by(*certificate, key)) f.s.found[id].insert(certificate->serial_hex);
}

void fold_export(const Step& f) {
  Ceremony& c = f.open();
  c.exports.push_back({f.text("kind"), f.text("name"), f.text("recipient"), f.r.d.texts("media"), f.digest("sha256"), f.r.d.boolean("read_back"),
                       digest_in(f.r.d, "certificate"), f.r.n});
  if (f.text("kind") != "backup") return;
  const auto key = f.s.keys.find(f.text("key"));
  if (key != f.s.keys.end()) key->second.backups.push_back({f.text("set"), f.digest("sha256"), f.number("length"), f.r.d.texts("media"), false, f.r.n});
}

void fold_close(const Step& f) {
  Ceremony& c = f.open();
  Closed closed;
  closed.id = c.id;
  closed.kind = c.kind;
  closed.outcome = f.text("outcome");
  closed.log_signature = f.text("log_signature");
  closed.first = c.n;
  closed.last = f.r.n;
  closed.at = f.r.t;
  closed.signers = f.r.d.texts("signers");
  for (const auto& [person, why] : f.r.d.object("absent"))
    if (const auto* text = why.if_text()) closed.absent[person] = *text;
  closed.acted = c.acted;
  closed.clock = c.clock;
  closed.waivers = c.waivers;
  closed.deviations = c.deviations.size();
  f.s.closed.push_back(std::move(closed));
  f.s.active.reset();
  f.s.open.reset();
}

using FoldFunction = void (*)(const Step&);
const std::map<std::string_view, FoldFunction>& folds() {
  static const std::map<std::string_view, FoldFunction> table = {
      {"clock", [](const Step& f) { f.open().clock.push_back({f.r.who, time_in(f.r.d, "shown"), f.r.t}); }},
      {"medium",
       [](const Step& f) { f.open().media[f.text("medium")] = {f.text("medium"), f.text("kind"), f.text("ident"), f.text("label")}; }},
      {"enrol", fold_enrol},
      {"policy", fold_policy},
      {"evidence", [](const Step& f) { f.open().evidence.push_back({f.text("kind"), f.text("reference"), digest_in(f.r.d, "sha256"), f.r.who}); }},
      {"image", [](const Step& f) { f.s.images.push_back({f.digest("manifest"), f.digest("uki"), f.text("version"), f.r.c, f.r.n, digest_in(f.r.d, "pcr4"), digest_in(f.r.d, "pcr11")}); }},
      {"token", fold_token},
      {"init", fold_init},
      {"activate", fold_activate},
      {"deactivate", [](const Step& f) { f.s.active.reset(); }},
      {"approve", [](const Step& f) { f.open().approvals[f.text("act")][f.digest("sha256")].emplace(f.text("person"), f.r.n); }},
      {"intent", fold_intent},
      {"result", fold_result},
      {"reconcile", fold_reconcile},
      {"resume", [](const Step& f) { ++f.open().resumes; }},
      {"keygen", fold_keygen},
      {"restore", fold_restore},
      {"lock", fold_lock},
      {"share", fold_share},
      {"hand-in", fold_hand_in},
      {"void", fold_void},
      {"custody", fold_custody},
      {"issue", fold_issue},
      {"crl", fold_crl},
      {"revoke", fold_revoke},
      {"found", fold_found},
      {"import",
       [](const Step& f) {
         f.open().imports.push_back({f.digest("csr"), f.digest("spki_sha256"), f.text("subject"), f.text("recipient"), f.text("profile"),
                                     f.text("medium"), f.r.d.texts("dropped"), f.r.n});
       }},
      {"export", fold_export},
      {"deviation", [](const Step& f) { f.open().deviations.push_back({f.text("text"), f.text("source"), f.r.who, f.r.t}); }},
      {"waiver",
       [](const Step& f) { f.open().waivers.push_back({f.text("rule"), f.text("why"), time_in(f.r.d, "until"), f.digest("act"), f.r.n}); }},
      {"retire",
       [](const Step& f) {
         if (const auto key = f.s.keys.find(f.text("key")); key != f.s.keys.end()) key->second.retired = true;
       }},
      {"destroy", fold_destroy},
      {"signoff",
       [](const Step& f) {
         Signoff signoff{f.digest("summary"), {}, f.number("deviations"), f.r.d.texts("people"), f.r.n};
         for (const auto& [person, remark] : f.r.d.object("remarks"))
           if (const auto* text = remark.if_text()) signoff.remarks[person] = *text;
         f.open().signoffs.push_back(std::move(signoff));
       }},
      {"close", fold_close},
  };
  return table;
}

constexpr std::string_view artifact_fields[][2] = {
    {"open", "procedure"}, {"open", "policy"},     {"open", "binding"},  {"open", "tpm"},  {"policy", "policy"}, {"policy", "act_policy"}, {"policy", "act_procedures"},
    {"approve", "sha256"}, {"intent", "tbs"},      {"result", "out"},    {"token", "list"},    {"issue", "certificate"}, {"issue", "tbs"},
    {"issue", "csr"},      {"import", "csr"},      {"crl", "crl"},       {"crl", "tbs"},       {"signoff", "summary"},   {"found", "certificate"},
    {"waiver", "act"},     {"image", "act"},      {"retire", "act"},     {"destroy", "act"},
};

}  // namespace

CaState fold(CaState state, const Record& record, const Digest& leaf, const ArtifactSource& artifacts) {
  for (const Digest& digest : artifacts_named(record)) {
    state.named.insert(digest);
    if (state.open) state.open->named.insert(digest);
  }
  // What failed or was reconciled may have left its bytes behind; nothing rests on them.
  if (!record.ok || record.ev == "reconcile")
    for (const Digest& digest : ledger::named_digests(record)) state.mentioned.insert(digest);
  const Step step{state, record, leaf, artifacts};
  if (record.ok && record.ev == "open") {
    fold_open(step);
    for (const Digest& digest : artifacts_named(record)) state.open->named.insert(digest);
  }
  if (state.open) {
    state.open->acted.insert(record.who.begin(), record.who.end());
    // A deviation (a ledger medium that failed, say) does nothing to the token.
    if (record.ok && state.active && record.ev != "token" && record.ev != "deviation") state.active->listed_at_end = false;
    if (record.ok && (record.ev == "enrol" || record.ev == "approve" || record.ev == "hand-in" || record.ev == "intent")) state.open->signed_anything = true;
    if (!record.ok) ++state.open->failures;
    if (const auto found = folds().find(record.ev); record.ok && found != folds().end()) found->second(step);
  }
  if (!record.ok) ++state.failures;
  state.tree.append(leaf);
  state.last_time = record.t;
  return state;
}

std::vector<Digest> artifacts_named(const Record& record) {
  std::set<Digest> named;
  if (!record.ok) return {};
  for (const auto& [event, field] : artifact_fields)
    if (record.ev == event)
      if (const auto digest = digest_in(record.d, field)) named.insert(*digest);
  if (record.ev == "policy")
    for (const std::string_view field : {"procedures", "profiles"})
      for (const auto& [id, digest] : digests_in(record.d, field)) named.insert(digest);
  if (record.ev == "export" && record.d.text("kind") != "backup")
    if (const auto digest = digest_in(record.d, "sha256")) named.insert(*digest);
  return {named.begin(), named.end()};
}

}  // namespace ceremony::state
