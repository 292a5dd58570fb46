// Each rule broken, and named: that id and no other. This file: shares, tokens, keys.
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

const std::vector<std::string> backup_media{"medium backup-1", "medium backup-2"};
const std::vector<std::string> all_places{"medium backup-1", "medium backup-2", "token 0001"};

/// A record that the happy log does not have, before the second sign-off: everything has been issued.
Ids broken_late(const std::string& event, std::vector<std::string> who, Value d, const std::function<void(state::CaState&)>& change = [](state::CaState&) {}) {
  const std::size_t n = where("signoff", 1);
  state::CaState s = before(n);
  change(s);
  Record r = happy().records()[n];
  r.ev = event;
  r.who = std::move(who);
  r.d = std::move(d);
  return broken_by(s, r, happy().source());
}

/// As if all certificates below the root had expired.
void expire(state::CaState& s) {
  for (auto& [digest, certificate] : s.certificates)
    if (certificate.subject != "CN=Test Root G1, O=Example REHEARSAL, C=CH") certificate.not_after = *time_from_text("2026-12-22T00:00:00Z");
}

struct Destruction {
  std::vector<std::string> where = all_places;
  std::string approved = "medium backup-1, medium backup-2, token 0001";
  std::string approved_key = happy().root_id();
  std::vector<std::string> by{"g1", "g2"};
  std::vector<std::string> who{"so1", "w1"};
  std::string key = happy().root_id();
};
Ids broken_by_destroying(const Destruction& d, const std::function<void(state::CaState&)>& change = expire) {
  const Digest act = happy().put(ledger::act_artifact({{"key", d.approved_key}, {"where", d.approved}}));
  return broken_late("destroy", d.who, {{"what", "key"}, {"key", d.key}, {"act", act}, {"where", d.where}}, [&](state::CaState& s) {
    for (const std::string& person : d.by) s.open->approvals["destroy-key"][act][person] = 0;
    change(s);
  });
}

}  // namespace

TEST_CASE("SHARE: what is in people's hands") {
  CHECK(broken_after(where("hand-in"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.erase(3); }) == Ids{"SHARE-1"});
  CHECK(broken_after(where("hand-in"), [](state::CaState& s) { s.share_sets.clear(); }) == Ids{"SHARE-1"});
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.at(3).read_back = false; }) == Ids{"SHARE-2"});
  CHECK(broken_after(where("hand-in", "purpose", "activate"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.at(1).is_void = true; }) == Ids{"SHARE-3"});
  CHECK(broken_after(where("share", 1), [](state::CaState& s) { s.share_sets.at("activation-1").shares.at(1).read_back = true; }) == Ids{"SHARE-1"});
  CHECK(broken_after(where("restore"), [](state::CaState& s) { s.share_sets.at("recovery-1").shares.at(2).read_back = false; }) == Ids{"SHARE-2"});
  CHECK(broken_at(where("share", 1), [](Record& r) { set(r, "holder", "c1"); }) == Ids{"SHARE-4"});
  CHECK(broken_at(where("share", 1), [](Record& r) { set(r, "index", 1); }) == Ids{"SHARE-4"});
  CHECK(broken_at(where("share", 1), [](Record& r) { set(r, "commitment", sha256("activationc1")); }) == Ids{"SHARE-4"});
}

TEST_CASE("SHARE-3: what is void, and when a set is") {
  const auto void_share = [](int index, const std::string& holder) {
    return broken_late("void", {"so1"}, {{"set", "recovery-1"}, {"scope", "share"}, {"index", index}, {"holder", holder}, {"why", "its medium was lost"}});
  };
  CHECK(void_share(2, "c2") == Ids{});
  CHECK(void_share(2, "c1") == Ids{"SHARE-3"});
  CHECK(void_share(7, "c2") == Ids{"SHARE-3"});
  const auto void_set = [](const std::string& set, const std::function<void(state::CaState&)>& change = [](state::CaState&) {}) {
    return broken_late("void", {"so1"}, {{"set", set}, {"scope", "set"}, {"why", "a new set was made"}}, change);
  };
  const auto destroy_backup = [](std::vector<std::string> who, const std::vector<std::string>& media, const std::string& set = "recovery-1") {
    return broken_late("destroy", std::move(who), {{"what", "backup"}, {"key", happy().root_id()}, {"set", set}, {"act", "none"}, {"where", media}});
  };
  CHECK(void_set("activation-1") == Ids{});  // nothing is wrapped under it
  CHECK(void_set("recovery-1") == Ids{"SHARE-3"});
  CHECK(void_set("recovery-9") == Ids{"SHARE-3"});
  CHECK(destroy_backup({"so1", "w1"}, backup_media) == Ids{});
  CHECK(destroy_backup({"so1"}, backup_media) == Ids{"SHARE-3"});
  CHECK(destroy_backup({"so1", "w1"}, {"medium backup-1"}) == Ids{"SHARE-3"});
  CHECK(destroy_backup({"so1", "w1"}, backup_media, "recovery-9") == Ids{"SHARE-3"});
  CHECK(void_set("recovery-1", [](state::CaState& s) { s.keys.at(happy().root_id()).backups.at(0).destroyed = true; }) == Ids{});
}

TEST_CASE("SHARE-3: a set is void after its backups are gone, and opens nothing more") {
  const std::size_t n = where("hand-in", "purpose", "restore");
  state::CaState s = before(n);
  Record r = happy().records()[n];
  const auto append = [&](const std::string& event, Value d) {
    Record next = r;
    next.n = s.tree.size();
    next.ev = event;
    next.who = {"so1", "w1"};
    next.d = std::move(d);
    CHECK(broken_by(s, next, happy().source()) == Ids{});
    s = state::fold(std::move(s), next, ledger::leaf_hash(ledger::line(next)), happy().source());
  };
  append("destroy", {{"what", "backup"}, {"key", happy().root_id()}, {"set", "recovery-1"}, {"act", "none"}, {"where", backup_media}});
  append("void", {{"set", "recovery-1"}, {"scope", "set"}, {"why", "a new set was made"}});
  CHECK(s.share_sets.at("recovery-1").is_void);
  CHECK_FALSE(s.share_sets.at("activation-1").is_void);
  CHECK_FALSE(s.keys.at(happy().root_id()).destroyed);
  r.n = s.tree.size();
  CHECK(broken_by(s, r, happy().source()) == Ids{"SHARE-3"});
  Record restore = happy().records()[where("restore")];
  restore.n = s.tree.size();
  s.open->hand_ins = before(where("restore")).open->hand_ins;
  CHECK(broken_by(s, restore, happy().source()) == Ids{"KEY-1"});  // from a backup that is no more
}

TEST_CASE("TOKEN: the token and what is on it") {
  CHECK(broken_after(where("intent", "act", "init-token"), [](state::CaState& s) { s.open->approvals["init-token"].clear(); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init"), [](Record& r) { set(r, "label", "another"); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init"), [](Record& r) { set(r, "throwaway_refused", false); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init", 2), [](Record& r) { set(r, "before", "0001"); }) == Ids{"TOKEN-1"});
  CHECK(broken_after(where("init"), [](state::CaState& s) { s.open->intents.clear(); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init"), [](Record& r) { set(r, "before", "0007"); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("intent", "act", "init-token"), [](Record& r) {
          set(r, "tbs", happy().put("no act"));
        }) == Ids{"TOKEN-1"});
  const std::size_t n = where("token", "purpose", "deactivation");
  const auto listed = as_text(*happy().source()(field_digest(n, "list")));
  const auto objects = *state::parse_token_list(listed);
  CHECK(state::token_list(objects) == listed);
  const auto with = [&](std::vector<state::TokenObject> changed) { return broken_at(n, [&](Record& r) { set(r, "list", happy().put(state::token_list(std::move(changed)))); }); };
  auto changed = objects;
  changed.push_back({"private-key", "twin", "a1a1a1a1a1a1a1a1", true, true, false, std::nullopt});
  CHECK(with(changed) == Ids{"TOKEN-2"});
  changed = objects;
  changed.pop_back();
  CHECK(with(changed) == Ids{"TOKEN-2"});
  for (auto& object : changed = objects) object.local = false;
  CHECK(with(changed) == Ids{"TOKEN-2"});
  CHECK(broken_after(where("keygen"), [](state::CaState& s) { s.active->listed = false; }) == Ids{"TOKEN-2"});
  CHECK(broken_after(where("deactivate"), [](state::CaState& s) { s.active->listed_at_end = false; }) == Ids{"TOKEN-2"});
  CHECK(broken_at(where("token", 1), [](Record& r) { set(r, "manufacturer", "somebody else"); }) == Ids{"TOKEN-3"});
  CHECK(broken_at(where("token", 1), [](Record& r) { set(r, "role", "restore"); }) == Ids{"TOKEN-3"});
  CHECK(broken_after(where("token"), [](state::CaState& s) { s.tokens.clear(); }) == Ids{"TOKEN-3"});
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.tokens.clear(); }) == Ids{"TOKEN-3"});
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.tokens.at("0001").role = "restore"; }) == Ids{"TOKEN-3"});
}

TEST_CASE("KEY: what keys are and may do") {
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "local", false); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "proof", base64(sha256("no proof").value)); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "spki_sha256", sha256("another key")); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("keygen", 1), [](Record& r) { set(r, "extractable", true); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "extractable", true); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "key", "ffff"); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "token", "0001"); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "proof", base64(sha256("no proof").value)); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "blob", sha256("another blob")); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "spki_sha256", sha256("another key")); }) == Ids{"KEY-2"});
  CHECK(broken_after(where("keygen", 1), [](state::CaState& s) { s.keys.begin()->second.spki_sha256 = happy().log_pin(); }) == Ids{"KEY-2"});
  CHECK(broken_after(where("keygen", 1), [](state::CaState& s) { s.keys.begin()->second.label = "log"; }) == Ids{"KEY-2"});
  const std::size_t n = where("intent", "act", "sign-certificate");
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).restores[0].erased = false; }) == Ids{"KEY-3"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).restores.clear(); }) == Ids{"KEY-3"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).extractable = true; }) == Ids{"KEY-4"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).purpose = "log"; }) == Ids{"KEY-5"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "media", std::vector<std::string>{"backup-1"}); }) == Ids{"KEY-7"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "media", std::vector<std::string>{"backup-1", "ledger-1"}); }) == Ids{"KEY-7"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "sha256", happy().put("a wrapped key among the artifacts")); }) == Ids{"KEY-7"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "length", 0); }) == Ids{"KEY-7"});
  CHECK(broken_after(n, [](state::CaState& s) { s.active.reset(); }) == Ids{"KEY-8"});
  CHECK(broken_after(n, [](state::CaState& s) { s.active->purpose = "lock"; }) == Ids{"KEY-8"});
  CHECK(broken_after(where("import"), [](state::CaState& s) { s.active = state::Activation{"0001", "sign", "activation-1", {}, 1, true, false, 0}; }) == Ids{"KEY-8"});
}

TEST_CASE("KEY-8: what may happen while the token is active") {
  const auto active = [](const std::string& purpose) {
    return [=](state::CaState& s) { s.active = state::Activation{"0001", purpose, "activation-1", {}, 1, true, true, 0}; };
  };
  CHECK(broken_after(where("activate", 1), active("sign")) == Ids{"KEY-8"});
  CHECK(broken_after(where("custody", "act", "sealed"), active("checkpoint")) == Ids{"KEY-8"});
  CHECK(broken_after(where("intent", "act", "init-token", 1), active("sign")) == Ids{"KEY-8"});
  CHECK(broken_after(where("export", "kind", "public"), active("generate")) == Ids{"KEY-8"});
  // Its random source is tested then.
  CHECK(broken_by_new(where("intent", "act", "sign-certificate"), "selftest", {}, {{"results", Value{{"token-random", "ok"}}}}) == Ids{});
  CHECK(broken_at(where("lock"), [](Record& r) { set(r, "extractable", true); }) == Ids{"KEY-8"});
  CHECK(broken_at(where("lock"), [](Record& r) { set(r, "wrap_refused", false); }) == Ids{"KEY-8"});
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "token", "0002"); }) == Ids{"KEY-8", "QUORUM-1"});  // it was approved for this token
  CHECK(broken_after(where("intent", "act", "sign-certificate"), [](state::CaState& s) { s.active->token = "0002"; }) == Ids{"KEY-8"});
}

TEST_CASE("KEY-6: a retired key signs CRLs only, a destroyed key nothing") {
  const std::size_t certificate = where("intent", "act", "sign-certificate"), crl = where("intent", "act", "sign-crl");
  const auto retired = [](state::CaState& s) { s.keys.at(happy().root_id()).retired = true; };
  const auto destroyed = [](state::CaState& s) { s.keys.at(happy().root_id()).destroyed = true; };
  CHECK(broken_after(certificate, retired) == Ids{"KEY-6"});
  CHECK(broken_after(crl, retired) == Ids{});
  CHECK(broken_after(crl, destroyed) == Ids{"KEY-6"});
  const auto retire = [](const std::string& approved, const std::string& key, std::vector<std::string> by) {
    const Digest act = happy().put(ledger::act_artifact({{"key", approved}}));
    return broken_late("retire", {"so1"}, {{"key", key}, {"act", act}}, [&](state::CaState& s) {
      for (const std::string& person : by) s.open->approvals["retire-key"][act][person] = 0;
    });
  };
  const std::string root = happy().root_id();
  CHECK(retire(root, root, {"g1", "g2"}) == Ids{});
  CHECK(retire(root, root, {"g1"}) == Ids{"KEY-6"});
  CHECK(retire("ffff", root, {"g1", "g2"}) == Ids{"KEY-6"});
  CHECK(retire("ffff", "ffff", {"g1", "g2"}) == Ids{"KEY-6"});
}

TEST_CASE("KEY-6: a key is destroyed after a last CRL, before a witness, wherever it is") {
  const Destruction whole;
  CHECK(broken_by_destroying(whole) == Ids{});
  CHECK(broken_by_destroying(whole, [](state::CaState&) {}) == Ids{"KEY-6"});  // two certificates are live
  CHECK(broken_by_destroying(whole, [](state::CaState& s) {
          for (const auto& [digest, certificate] : s.certificates) s.crls.at(happy().root_id()).entries[certificate.serial] = {};
        }) == Ids{});
  CHECK(broken_by_destroying(whole, [](state::CaState& s) { expire(s), s.crls.clear(); }) == Ids{"KEY-6"});
  CHECK(broken_by_destroying(whole, [](state::CaState& s) { expire(s), s.maybe_issued[happy().root_id()] = {"01ff"}; }) == Ids{"KEY-6"});
  CHECK(broken_by_destroying(whole, [](state::CaState& s) { expire(s), s.keys.at(happy().root_id()).destroyed = true; }) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.by = {"g1"}}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.who = {"so1", "adm1"}}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.where = backup_media}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.where = {"token 0001"}}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.approved = "token 0001"}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.approved_key = "ffff"}) == Ids{"KEY-6"});
  CHECK(broken_by_destroying({.key = "ffff"}) == Ids{"KEY-6"});
  // A standby token is a place too.
  CHECK(broken_by_destroying(whole, [](state::CaState& s) { expire(s), s.keys.at(happy().root_id()).restores[0].erased = false; }) == Ids{"KEY-6"});
}

}  // namespace ceremony::testing
