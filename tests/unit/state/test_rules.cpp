// Each rule broken by one record, and named: that id and no other. The sections of the attacks do the rest (LOG-6, LOG-7
// of the checkpoint). At the end a tally.
#include <cstdio>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/checkpoint.h"
#include "tests/unit/state/csr_maker.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

void set(Record& r, std::string field, Value value) { r.d.set(std::move(field), std::move(value)); }
Digest field_digest(std::size_t n, std::string_view field) { return *digest_from_hex(happy().records()[n].d.text(field)); }

/// The intent for a certificate other than the happy one: a TBS with something changed, approved as the policy asks.
Ids broken_by_tbs(const pki::CertificatePlan& plan, bool root = false) {
  const std::size_t n = root ? where("intent", "act", "sign-certificate") : where("intent", "act", "sign-batch");
  state::CaState s = before(n);
  const Digest tbs = happy().put(pki::build_tbs(plan).view());
  s.open->approvals["sign-certificate"][tbs] = {{"c1", 0}, {"c2", 0}};
  Record r = happy().records()[n];
  set(r, "act", "sign-certificate");
  set(r, "tbs", tbs);
  return broken_by(s, r, happy().source());
}

Ids broken_by_crl(const pki::CrlPlan& plan, const std::function<void(state::CaState&)>& change = {}) {
  const std::size_t n = where("intent", "act", "sign-crl", 1);
  state::CaState s = before(n);
  if (change) change(s);
  const Digest tbs = happy().put(pki::build_crl_tbs(plan).view());
  s.open->approvals["sign-crl"][tbs] = {{"c1", 0}, {"c2", 0}};
  Record r = happy().records()[n];
  set(r, "tbs", tbs);
  return broken_by(s, r, happy().source());
}

}  // namespace

TEST_CASE("No record of the happy log breaks a rule") {
  for (std::size_t n = 0; n < happy().records().size(); ++n) {
    INFO("record " << n << " " << happy().records()[n].ev);
    CHECK(broken_at(n, [](Record&) {}) == Ids{});
  }
}

TEST_CASE("LOG: the form of the log") {
  CHECK(broken_at(where("clock"), [](Record& r) { set(r, "surprise", "x"); }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.d = Value::Object{}; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.ev = "dance"; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { ++r.n; }) == Ids{"LOG-2"});
  CHECK(broken_at(where("evidence"), [](Record& r) { r.t -= std::chrono::hours(1); }) == Ids{"LOG-3"});
  CHECK(broken_after(where("activate", 4), [](state::CaState& s) { s.open->gap = std::chrono::days(401); }) == Ids{"LOG-3"});
  CHECK(broken_at(where("evidence"), [](Record& r) { r.c = "another"; }) == Ids{"LOG-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { r.c = "genesis"; }) == Ids{"LOG-4"});
  CHECK(broken_by(before(where("evidence")), [] { Record r = happy().records()[where("open")]; r.n = where("evidence"); r.c = "second"; return r; }(), happy().source()) == Ids{"LOG-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "previous_root", sha256("x")); }) == Ids{"LOG-5"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "previous_checkpoint", "none"); }) == Ids{"LOG-5"});
  CHECK(broken_at(where("token", "purpose", "activation", 5), [](Record& r) { set(r, "checkpoint_root", sha256("x")); }) == Ids{"LOG-5"});
}

TEST_CASE("LOG-6, LOG-7: the checkpoint") {
  LogBuilder& log = happy();
  const LogImage image = log.signed_log();
  const state::CaState& s = log.state();
  const auto signers = log.records().back().d.texts("signers");
  const auto ask = [&](const std::string& note) {
    const Ids ids = ids_of(state::check_checkpoint(s, s.tree, note));
    if (ids.size() == 1) tally().broken.insert(*ids.begin());
    return ids;
  };
  CHECK(ask(image.checkpoint) == Ids{});
  auto other = image.lines;
  other.back()[0] = '[';
  CHECK(ask(log.checkpoint_of(other, signers, &log.log())) == Ids{"LOG-6"});
  auto note = ledger::parse_note(image.checkpoint, "checkpoint");
  note.signatures[2].signature[20] ^= 1;
  CHECK(ask(ledger::write_note(note)).contains("LOG-6"));
  CHECK(ask(log.checkpoint_of(image.lines, {"c1", "c2"}, &log.log())) == Ids{"LOG-7"});
  CHECK(ask("") == Ids{"LOG-7"});
  CHECK(broken_at(where("close"), [](Record& r) {
          auto left = r.d.texts("signers");
          std::erase(left, "g1");
          set(r, "signers", left);
        }) == Ids{"LOG-7"});
  CHECK(broken_at(where("close"), [](Record& r) { set(r, "log_signature", "no-key-yet"); }) == Ids{"LOG-7"});
}

TEST_CASE("LOG-8, LOG-9, LOG-10") {
  CHECK(broken_by(before(where("token")), happy().records()[where("token")], [](const Digest& d) -> std::optional<Bytes> {
          return d == field_digest(where("token"), "list") ? std::nullopt : happy().source()(d);
        }) == Ids{"LOG-8"});
  CHECK(ids_of(state::check_artifacts(happy().state(), std::vector{sha256("stray")})) == Ids{"LOG-8"});
  CHECK(broken_after(where("close", 1), [](state::CaState& s) { s.open->intents.at("batch").results.clear(); }) == Ids{"LOG-9"});
  CHECK(broken_after(where("close", 1), [](state::CaState& s) { s.open->intents.at("batch").recorded.clear(); }) == Ids{"LOG-9"});
  CHECK(broken_at(where("result", "id", "batch"), [](Record& r) { set(r, "id", "unknown"); }) == Ids{"LOG-9"});
  CHECK(broken_at(where("result", "id", "batch", 1), [](Record& r) { r.d = happy().records()[where("result", "id", "batch")].d; }) == Ids{"LOG-9"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "selftest", Value::Object{}); }) == Ids{"LOG-10"});
}

TEST_CASE("ENV: one world") {
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "origin", "rehearsal.other"); }) == Ids{"ENV-1"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "environment", "production"); }).contains("ENV-1"));
  CHECK(broken_at(where("token"), [](Record& r) { set(r, "model", "YubiHSM"); }) == Ids{"ENV-1"});
  auto plan = happy().plan_for(0);
  plan.subject = pki::parse_name("CN=Test Issuing 0, O=Example");
  CHECK(broken_by_tbs(plan) == Ids{"ENV-2"});
}

TEST_CASE("POL: what was decided") {
  const std::size_t n = where("policy");
  CHECK(broken_after(n, [](state::CaState& s) { s.open->approvals["adopt-policy"].clear(); }) == Ids{"POL-1"});
  CHECK(broken_after(n, [](state::CaState& s) { s.open->approvals["adopt-procedure"].begin()->second.erase("g2"); }) == Ids{"POL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "profiles", Value::Object{}); }) == Ids{"POL-1"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "policy", happy().put("no policy")); }).contains("POL-1"));
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "procedure", happy().put("another procedure")); }) == Ids{"POL-2"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "kind", "party"); }) == Ids{"POL-2"});
  auto plan = happy().root_plan();
  plan.subject = plan.issuer = pki::parse_name("CN=Another Root, O=Example REHEARSAL");
  CHECK(broken_by_tbs(plan, true) == Ids{"POL-3"});
  CHECK(broken_at(where("keygen", 1), [](Record& r) { set(r, "alg", "p384"); }).contains("POL-3"));
}

TEST_CASE("ROLE: who acts") {
  CHECK(broken_at(where("evidence"), [](Record& r) { r.who = {"stranger"}; }) == Ids{"ROLE-1"});
  CHECK(broken_at(where("approve"), [](Record& r) { r.who = {"g2"}; }) == Ids{"ROLE-1"});
  CHECK(broken_by_new(where("enrol"), "evidence", {}, {{"kind", "video"}, {"reference", "x"}}) == Ids{"ROLE-1"});
  const std::size_t n = where("enrol", "person", "c1");
  const auto with_roles = [&](std::vector<std::string> roles) {
    return broken_at(n, [&](Record& r) {
      set(r, "roles", roles);
      set(r, "sig", happy().enrolment(happy().person("c1"), before(n), r.d));
    });
  };
  CHECK(with_roles({"custodian", "auditor"}) == Ids{"ROLE-2"});
  CHECK(with_roles({"witness"}).contains("ROLE-1"));
  CHECK(broken_after(where("enrol"), [](state::CaState& s) { s.open->clock.clear(); }) == Ids{"ROLE-3"});
  CHECK(broken_after(where("enrol"), [](state::CaState& s) { s.open->clock[0].who = {"adm1"}; }) == Ids{"ROLE-3"});
  CHECK(broken_at(where("close", 1), [](Record& r) {
          auto left = r.d.texts("signers");
          std::erase(left, "so1");
          set(r, "signers", left);
          set(r, "absent", Value{{"so1", "was called away"}});
        }) == Ids{"ROLE-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "compared", std::vector<std::string>{"c1"}); }) == Ids{"ROLE-5"});
}

TEST_CASE("ENROL, CRED: credentials") {
  const std::size_t n = where("enrol", "person", "c2");
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().enrolment(happy().person("c1"), before(n), r.d)); }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "age", "age1other"); }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "seen_by", std::vector<std::string>{"c2", "adm1"}); }) == Ids{"ENROL-2"});
  CHECK(broken_at(n, [&](Record& r) {
          const Bytes& spki = happy().person("c1").info().spki.value;
          set(r, "spki", base64(spki));
          set(r, "key", sha256(spki));
          set(r, "sig", happy().enrolment(happy().person("c1"), before(n), r.d));
        }) == Ids{"CRED-1"});
  // After genesis: a new key for c2, properly signed and replaced, that governance did not approve.
  const std::size_t later = where("import");
  const pki::ThrowawayKey fresh("p256", happy().rng);
  Value d = happy().records()[n].d;
  d.set("spki", base64(fresh.info().spki.view())).set("key", fresh.info().spki_sha256).set("replaces", hex(sha256(happy().person("c2").info().spki.view())));
  d.set("sig", happy().enrolment(fresh, before(later), d));
  CHECK(broken_by_new(later, "enrol", {"c2"}, d) == Ids{"ENROL-1"});
}

TEST_CASE("QUORUM: how many") {
  CHECK(broken_after(where("intent", "act", "sign-batch"), [](state::CaState& s) { s.open->approvals["sign-batch"].begin()->second.erase("c2"); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("intent", "act", "sign-crl"), [](state::CaState& s) { s.open->approvals["sign-crl"].clear(); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("intent", "act", "generate-key"), [](state::CaState& s) { s.open->approvals["generate-key"].clear(); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("keygen"), [](state::CaState& s) { s.open->intents.erase("generate-root"); }) == Ids{"QUORUM-1"});
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "intent", "root-of-all"); }) == Ids{"QUORUM-1"});
  CHECK(broken_at(where("approve"), [](Record& r) { set(r, "sig", happy().approval("g1", before(where("approve")), "waive", field_digest(where("approve"), "sha256"))); }) == Ids{"QUORUM-2"});
  const std::size_t n = where("hand-in", "purpose", "activate");
  CHECK(broken_at(n, [](Record& r) { set(r, "commitment", sha256("another share")); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().hand_in_signature("c1", before(n), field_digest(n, "commitment"), "activate", 2)); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(n, [](Record& r) { set(r, "nth", 7); }) == Ids{"QUORUM-3"});
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.open->hand_ins[{"activate", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_after(where("restore"), [](state::CaState& s) { s.open->hand_ins[{"restore", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_after(where("export"), [](state::CaState& s) { s.open->hand_ins[{"wrap", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "threshold", 1); }) == Ids{"QUORUM-4"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "holder", "g1"); }) == Ids{"QUORUM-4"});
}

TEST_CASE("SHARE: what is in people's hands") {
  CHECK(broken_after(where("hand-in"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.erase(3); }) == Ids{"SHARE-1"});
  CHECK(broken_after(where("hand-in"), [](state::CaState& s) { s.share_sets.clear(); }) == Ids{"SHARE-1"});
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.at(3).read_back = false; }) == Ids{"SHARE-2"});
  CHECK(broken_after(where("hand-in", "purpose", "activate"), [](state::CaState& s) { s.share_sets.at("activation-1").shares.at(1).is_void = true; }) == Ids{"SHARE-3"});
  CHECK(broken_at(where("share", 1), [](Record& r) { set(r, "holder", "c1"); }) == Ids{"SHARE-4"});
}

TEST_CASE("TOKEN: the token and what is on it") {
  CHECK(broken_after(where("intent", "act", "init-token"), [](state::CaState& s) { s.open->approvals["init-token"].clear(); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init"), [](Record& r) { set(r, "label", "another"); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init"), [](Record& r) { set(r, "throwaway_refused", false); }) == Ids{"TOKEN-1"});
  CHECK(broken_at(where("init", 2), [](Record& r) { set(r, "before", "0001"); }) == Ids{"TOKEN-1"});
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
  CHECK(broken_after(where("activate"), [](state::CaState& s) { s.tokens.clear(); }) == Ids{"TOKEN-3"});
}

TEST_CASE("KEY: what keys are and may do") {
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "local", false); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("keygen"), [](Record& r) { set(r, "proof", base64(sha256("no proof").value)); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "extractable", true); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "blob", sha256("another blob")); }) == Ids{"KEY-1"});
  CHECK(broken_at(where("restore"), [](Record& r) { set(r, "spki_sha256", sha256("another key")); }) == Ids{"KEY-2"});
  CHECK(broken_after(where("keygen", 1), [](state::CaState& s) { s.keys.begin()->second.spki_sha256 = happy().log_pin(); }) == Ids{"KEY-2"});
  const std::size_t n = where("intent", "act", "sign-certificate");
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).restores[0].erased = false; }) == Ids{"KEY-3"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).extractable = true; }) == Ids{"KEY-4"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).purpose = "log"; }) == Ids{"KEY-5"});
  CHECK(broken_after(n, [](state::CaState& s) { s.keys.at(happy().root_id()).retired = true; }) == Ids{"KEY-6"});
  CHECK(broken_after(where("intent", "act", "sign-crl"), [](state::CaState& s) { s.keys.at(happy().root_id()).destroyed = true; }) == Ids{"KEY-6"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "media", std::vector<std::string>{"backup-1"}); }) == Ids{"KEY-7"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "media", std::vector<std::string>{"backup-1", "ledger-1"}); }) == Ids{"KEY-7"});
  CHECK(broken_at(where("export"), [](Record& r) { set(r, "sha256", happy().put("a wrapped key among the artifacts")); }) == Ids{"KEY-7"});
  CHECK(broken_after(n, [](state::CaState& s) { s.active.reset(); }) == Ids{"KEY-8"});
  CHECK(broken_after(n, [](state::CaState& s) { s.active->purpose = "lock"; }) == Ids{"KEY-8"});
  CHECK(broken_after(where("import"), [](state::CaState& s) { s.active = state::Activation{"0001", "sign", "activation-1", {}, 1, true, false, 0}; }) == Ids{"KEY-8"});
}

TEST_CASE("CERT: what is signed") {
  LogBuilder& log = happy();
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "serial", "0123456789"); }) == Ids{"CERT-1"});
  CHECK(broken_at(where("crl"), [](Record& r) { set(r, "number", 9); }) == Ids{"CERT-1"});
  CHECK(broken_at(where("result", "id", "batch"), [](Record& r) { set(r, "verified", std::vector<std::string>{"botan"}); }) == Ids{"CERT-2"});
  auto plan = log.plan_for(0);
  plan.profile = &log.profile("issuing-802.1ar");
  auto tbs_ids = broken_by_tbs(plan);
  CHECK((tbs_ids == Ids{"CERT-3"} || tbs_ids == Ids{}));  // the two profiles may be alike in all that lint sees
  plan = log.plan_for(0);
  plan.subject = pki::parse_name("CN=Another, O=Example REHEARSAL, VID=FFF1");
  CHECK(broken_by_tbs(plan) == Ids{"CERT-3"});
  plan = log.plan_for(0);
  plan.not_after = *time_from_text("2052-01-01T00:00:00Z");
  CHECK(broken_by_tbs(plan) == Ids{"CERT-4"});
  plan = log.plan_for(0);
  plan.not_before = *time_from_text("2026-11-22T08:00:00Z");
  CHECK(broken_by_tbs(plan) == Ids{"CERT-4"});
  plan = log.plan_for(0);
  plan.serial = {*unhex("01020304")};
  CHECK(broken_by_tbs(plan) == Ids{"CERT-5"});
  plan.serial = log.root_plan().serial;
  CHECK(broken_by_tbs(plan) == Ids{"CERT-5"});
  plan = log.plan_for(0);
  plan.issuer_skid = Bytes(20, 7);
  CHECK(broken_by_tbs(plan) == Ids{"CERT-8"});
}

TEST_CASE("CERT-6, CERT-7: whose key it is") {
  LogBuilder& log = happy();
  const std::size_t n = where("intent", "act", "sign-batch");
  CHECK(broken_after(n, [&](state::CaState& s) {
          state::Certificate other;
          other.spki_sha256 = log.subject(0).info().spki_sha256;
          other.subject = "CN=Somebody Else";
          other.not_after = *time_from_text("2040-01-01T00:00:00Z");
          s.certificates[sha256("other")] = other;
        }) == Ids{"CERT-6"});
  const std::size_t import = where("import");
  CHECK(broken_at(import, [&](Record& r) {
          // A request over the log's own key.
          const auto subject = pki::parse_name(std::string(r.d.text("subject")));
          set(r, "csr", log.put(make_csr(log.log(), subject, log.rng)));
          set(r, "spki_sha256", log.log_pin());
        }) == Ids{"CERT-6"});
  CHECK(broken_at(import, [&](Record& r) {
          Bytes bad = make_csr(log.subject(0), pki::parse_name(std::string(r.d.text("subject"))), log.rng);
          bad[40] ^= 1;
          set(r, "csr", log.put(bad));
        }) == Ids{"CERT-7"});
  CHECK(broken_at(import, [](Record& r) { set(r, "subject", "CN=Another"); }) == Ids{"CERT-7"});
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "csr", "none"); }) == Ids{"CERT-7"});
  CHECK(broken_after(where("issue", 1), [](state::CaState& s) { s.open->imports.clear(); }) == Ids{"CERT-7"});
}

TEST_CASE("CRL: what is revoked") {
  LogBuilder& log = happy();
  const std::string issued = happy().records()[where("issue", 1)].d.text("serial").data();
  const pki::Serial serial{*unhex(std::string(happy().records()[where("issue", 1)].d.text("serial")))};
  auto plan = log.crl_plan(2);
  CHECK(broken_by_crl(plan) == Ids{});
  plan.number = 1;
  CHECK(broken_by_crl(plan) == Ids{"CRL-1"});
  plan = log.crl_plan(2);
  plan.this_update -= std::chrono::days(3);
  plan.next_update -= std::chrono::days(3);
  CHECK(broken_by_crl(plan) == Ids{"CRL-1"});
  CHECK(broken_by_crl(log.crl_plan(2), [&](state::CaState& s) { s.crls.begin()->second.entries[pki::hex(serial)] = {}; }) == Ids{"CRL-2"});
  CHECK(broken_by_crl(log.crl_plan(2), [&](state::CaState& s) {
          for (auto& [digest, c] : s.certificates)
            if (c.serial == pki::hex(serial)) c.revoked = state::Certificate::Revocation{"keyCompromise", s.last_time, 0};
        }) == Ids{"CRL-2"});
  plan = log.crl_plan(2);
  plan.entries = {{{*unhex("01ff00ff00ff00ff00ff00ff00ff00ff00")}, plan.this_update, pki::Reason::superseded}};
  CHECK(broken_by_crl(plan) == Ids{"CRL-3"});
  plan = log.crl_plan(2);
  plan.next_update += std::chrono::days(30);
  CHECK(broken_by_crl(plan) == Ids{"CRL-4"});
  plan = log.crl_plan(2);
  plan.entries = {{serial, plan.this_update, std::nullopt}};
  CHECK(broken_by_crl(plan) == Ids{"CRL-5"});
  plan.entries = {{serial, plan.this_update + std::chrono::hours(1), pki::Reason::keyCompromise}};
  CHECK(broken_by_crl(plan) == Ids{"CRL-5"});
}

TEST_CASE("EXPORT, EVID, WAIVER, DEV: the rest") {
  CHECK(broken_at(where("export", "kind", "public"), [](Record& r) { set(r, "read_back", false); }) == Ids{"EXPORT-1"});
  CHECK(broken_at(where("export", "kind", "public"), [](Record& r) { set(r, "media", std::vector<std::string>{"pocket"}); }) == Ids{"EXPORT-1"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "form", "age-passphrase"); }) == Ids{"EXPORT-2"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "medium", "ledger-1"); }) == Ids{"EXPORT-2"});
  CHECK(broken_after(where("close"), [](state::CaState& s) { std::erase_if(s.open->evidence, [](const auto& e) { return e.kind == "access-log"; }); }) == Ids{"EVID-1"});
  CHECK(broken_at(where("signoff"), [](Record& r) { set(r, "deviations", 0); }) == Ids{"DEV-1"});
  CHECK(broken_at(where("deviation"), [](Record& r) { r.who.clear(); }) == Ids{"DEV-1"});
  CHECK(broken_at(where("deviation"), [](Record& r) { r.who.clear(), set(r, "source", "appliance"); }) == Ids{});
  CHECK(broken_after(where("close"), [](state::CaState& s) { s.open->signoffs.clear(); }) == Ids{"DEV-1"});
}

TEST_CASE("EVID-2: seals") {
  const std::size_t n = where("evidence");
  const auto custody = [&](const std::string& act, const Value& seal, const std::optional<state::Seal>& last) {
    state::CaState s = before(n);
    if (last) s.seals["token bag"] = *last;
    Record r = happy().records()[n];
    r.ev = "custody";
    r.who = {"so1"};
    r.d = {{"item", "token bag"}, {"act", act}, {"seal", seal}, {"from", "safe"}, {"to", "table"}};
    return broken_by(s, r, happy().source());
  };
  const Digest seal = sha256("seal: 4711");
  CHECK(custody("opened", seal, std::nullopt) == Ids{});
  CHECK(custody("opened", seal, state::Seal{"sealed", hex(seal), 3}) == Ids{});
  CHECK(custody("handed", "none", state::Seal{"sealed", hex(seal), 3}) == Ids{});
  CHECK(custody("sealed", seal, state::Seal{"opened", hex(seal), 3}) == Ids{});
  CHECK(custody("opened", sha256("seal: 4712"), state::Seal{"sealed", hex(seal), 3}) == Ids{"EVID-2"});
  CHECK(custody("opened", "none", state::Seal{"sealed", hex(seal), 3}) == Ids{"EVID-2"});
  CHECK(custody("opened", seal, state::Seal{"opened", hex(seal), 3}) == Ids{"EVID-2"});
  CHECK(custody("sealed", "none", std::nullopt) == Ids{"EVID-2"});
}

TEST_CASE("A waiver covers one event under a rule that is not absolute, and is listed") {
  LogBuilder& log = happy();
  const std::size_t close = where("close");
  const std::string until = "2026-12-01T00:00:00Z";
  const auto act = [&](const std::string& rule) { return log.put(ledger::act_artifact({{"rule", rule}, {"reason", "no room log here"}, {"end", until}, {"event", "close"}})); };
  const auto waive = [&](const std::string& rule, std::vector<std::string> people) {
    state::CaState s = before(close);
    for (const std::string& person : people) s.open->approvals["waive"][act(rule)][person] = 0;
    Record r = log.records()[close];
    r.ev = "waiver";
    r.d = {{"rule", rule}, {"why", "no room log here"}, {"until", until}, {"act", act(rule)}};
    s.active.reset();
    return broken_by(s, r, log.source());
  };
  CHECK(waive("EVID-1", {"g1", "g2"}) == Ids{});
  CHECK(waive("EVID-1", {"g1"}) == Ids{"WAIVER-1"});
  CHECK(waive("QUORUM-1", {"g1", "g2"}) == Ids{"WAIVER-1"});
  CHECK(waive("DEV-1", {"g1", "g2"}) == Ids{"WAIVER-1"});  // policy does not let it be waived

  state::CaState s = before(close);
  s.open->evidence.clear();
  s.open->waivers.push_back({"EVID-1", "no room log here", *time_from_text(until), act("EVID-1"), 0});
  const auto violations = state::check(s, log.records()[close], log.source());
  REQUIRE(violations.size() == 3);
  for (const auto& v : violations) CHECK((v.rule == "EVID-1" && v.waived));
  CHECK(state::unwaived(violations).empty());
  s.open->waivers[0].until = *time_from_text("2026-11-01T00:00:00Z");
  CHECK(state::unwaived(state::check(s, log.records()[close], log.source())).size() == 3);
}

TEST_CASE("A rule that is left out no longer bites") {
  Record r = happy().records()[where("signoff")];
  set(r, "deviations", 0);
  CHECK(state::check(before(where("signoff")), r, happy().source(), "DEV-1").empty());
}

TEST_CASE("A failed record is a fact, and breaks no rule of substance") {
  Record r = happy().records()[where("activate")];
  r.ok = false;
  r.d = {{"reason", "wrong PIN"}};
  CHECK(broken_by(before(where("activate")), r, happy().source()) == Ids{});
  const auto& s = before(where("activate"));
  const auto after = state::fold(s, r, ledger::leaf_hash(ledger::line(r)), happy().source());
  CHECK(after.open->failures == s.open->failures + 1);
  CHECK(!after.active);
  CHECK(after.next_nth("activate") == s.next_nth("activate"));
}

TEST_CASE("The tally of the rules") {
  std::size_t checked = 0;
  std::string left;
  for (const state::Rule& rule : state::rules()) {
    if (rule.function == nullptr && rule.elsewhere.empty()) continue;
    ++checked;
    if (!tally().broken.contains(std::string(rule.id))) left += " " + std::string(rule.id);
  }
  std::printf("rules broken and named: %zu of %zu%s%s\n", tally().broken.size(), checked, left.empty() ? "" : ", not:", left.c_str());
  // Only when the cases above ran too.
  if (tally().broken.size() > 3) CHECK(left == "");
}

}  // namespace ceremony::testing
