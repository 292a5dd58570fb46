// Each rule broken, and named: that id and no other. This file: certificates, CRLs and what leaves.
#include "tests/unit/state/csr_maker.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {

TEST_CASE("CERT: what is signed") {
  LogBuilder& log = happy();
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "serial", "0123456789"); }) == Ids{"CERT-1"});
  CHECK(broken_at(where("crl"), [](Record& r) { set(r, "number", 9); }) == Ids{"CERT-1"});
  CHECK(broken_at(where("result", "id", "batch"), [](Record& r) { set(r, "verified", std::vector<std::string>{"botan"}); }) == Ids{"CERT-2"});
  for (const char* const field : {"subject", "spki_sha256", "skid", "not_before", "not_after", "issuer", "certificate"}) {
    INFO(field);
    const Value other = happy().records()[where("issue", 2)].d.text(field);
    const Ids ids = broken_at(where("issue", 1), [&](Record& r) { set(r, field, std::string_view(field) == "issuer" ? Value("ffff") : std::string_view(field).starts_with("not_") ? Value("2030-01-01T00:00:00Z") : other); });
    // Another subject or key is also not what was taken in (CERT-7).
    CHECK(ids == (std::string_view(field) == "subject" || std::string_view(field) == "spki_sha256" ? Ids{"CERT-1", "CERT-7"} : Ids{"CERT-1"}));
  }
  CHECK(broken_at(where("result", "id", "batch"), [](Record& r) { set(r, "verified", std::vector<std::string>{"openssl"}); }) == Ids{"CERT-2"});
  {
    // A certificate and a CRL with somebody else's signature, results and all.
    const pki::ThrowawayKey foreign("p384", log.rng);
    const auto tbs = pki::build_tbs(log.plan_for(0));
    const Digest made = log.put(pki::assemble_certificate(tbs, "ecdsa-sha384", foreign.sign(tbs.view(), "ecdsa-sha384", log.rng)).view());
    state::CaState s = before(where("issue", 1));
    s.open->intents.at("batch").results.at(field_digest(where("issue", 1), "tbs")).out = hex(made);
    Record r = log.records()[where("issue", 1)];
    set(r, "certificate", made);
    CHECK(broken_by(s, r, log.source()) == Ids{"CERT-2"});
    const auto crl = pki::build_crl_tbs(log.crl_plan(2));
    const Digest list = log.put(pki::assemble_crl(crl, "ecdsa-sha384", foreign.sign(crl.view(), "ecdsa-sha384", log.rng)).view());
    s = before(where("crl", 1));
    s.open->intents.at("crl-2").results.at(field_digest(where("crl", 1), "tbs")).out = hex(list);
    r = log.records()[where("crl", 1)];
    set(r, "crl", list);
    CHECK(broken_by(s, r, log.source()) == Ids{"CERT-2"});
  }
  auto plan = log.plan_for(0);
  plan.profile = &log.profile("root-generic");
  CHECK(broken_by_tbs(plan) == Ids{"CERT-3"});
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
  plan.serial = {*unhex("7102030405060708")};  // positive: 63 bits at most
  CHECK(broken_by_tbs(plan) == Ids{"CERT-5"});
  plan.serial = log.root_plan().serial;
  CHECK(broken_by_tbs(plan) == Ids{"CERT-5"});
  plan = log.plan_for(0);
  plan.issuer_skid = Bytes(20, 7);
  CHECK(broken_by_tbs(plan) == Ids{"CERT-8"});
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "profile", "issuing-802.1ar"); }) == Ids{"CERT-3"});
  CHECK(broken_at(where("issue"), [](Record& r) { set(r, "profile", "issuing-generic"); }) == Ids{"CERT-3"});
  CHECK(broken_after(where("intent", "act", "sign-batch"), [](state::CaState& s) { s.profiles.erase("issuing-generic"); }) == Ids{"CERT-3"});
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
  // Before the signature already: asked for was another name.
  CHECK(broken_after(where("intent", "act", "sign-batch"), [](state::CaState& s) { s.open->imports.at(0).subject = "CN=Another"; }) == Ids{"CERT-7"});
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "csr", "none"); }) == Ids{"CERT-7"});
  CHECK(broken_after(where("issue", 1), [](state::CaState& s) { s.open->imports.clear(); }) == Ids{"CERT-7"});
}

TEST_CASE("CRL: what is revoked") {
  LogBuilder& log = happy();
  const pki::Serial serial{*unhex(std::string(happy().records()[where("issue", 1)].d.text("serial")))};
  auto plan = log.crl_plan(2);
  CHECK(broken_by_crl(plan) == Ids{});
  plan.number = 1;
  CHECK(broken_by_crl(plan) == Ids{"CRL-1"});
  plan = log.crl_plan(2);
  plan.this_update -= std::chrono::days(3);
  plan.next_update -= std::chrono::days(3);
  CHECK(broken_by_crl(plan) == Ids{"CRL-1"});
  const auto carried_and_expired = [&](state::CaState& s) {
    s.crls.begin()->second.entries[pki::hex(serial)] = {};
    for (auto& [digest, c] : s.certificates)
      if (c.serial == pki::hex(serial)) c.not_after = s.crls.begin()->second.this_update - std::chrono::hours(1);
  };
  CHECK(broken_by_crl(log.crl_plan(2), carried_and_expired) == Ids{});
  CHECK(broken_by_crl(log.crl_plan(2), [&](state::CaState& s) {
          carried_and_expired(s);
          auto profile = *s.profiles.at("issuing-generic");
          profile.extended_key_usage = {"1.3.6.1.5.5.7.3.3"};  // code signing
          s.profiles["issuing-generic"] = std::make_shared<const pki::Profile>(profile);
        }) == Ids{"CRL-2"});
  CHECK(broken_by_crl(log.crl_plan(2), [&](state::CaState& s) { s.maybe_issued[log.root_id()] = {"01aa"}; }) == Ids{"CRL-2"});
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

TEST_CASE("EXPORT, EVID-1, DEV: the rest") {
  CHECK(broken_at(where("export", "kind", "public"), [](Record& r) { set(r, "read_back", false); }) == Ids{"EXPORT-1"});
  CHECK(broken_at(where("export", "kind", "public"), [](Record& r) { set(r, "media", std::vector<std::string>{"pocket"}); }) == Ids{"EXPORT-1"});
  CHECK(broken_at(where("export", "kind", "public"), [](Record& r) { set(r, "media", std::vector<std::string>{}); }) == Ids{"EXPORT-1"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "form", "age-passphrase"); }) == Ids{"EXPORT-2"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "medium", "ledger-1"); }) == Ids{"EXPORT-2"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "file", "none"); }) == Ids{"EXPORT-2"});
  CHECK(broken_after(where("close"), [](state::CaState& s) { std::erase_if(s.open->evidence, [](const auto& e) { return e.kind == "access-log"; }); }) == Ids{"EVID-1"});
  CHECK(broken_after(where("close"), [](state::CaState& s) { std::erase_if(s.open->evidence, [](const auto& e) { return e.kind == "auditor"; }); }) == Ids{"EVID-1"});
  CHECK(broken_after(where("close"), [](state::CaState& s) { std::erase_if(s.open->evidence, [](const auto& e) { return e.kind == "module-certificate"; }); }) == Ids{"EVID-1"});
  CHECK(broken_at(where("signoff"), [](Record& r) { set(r, "deviations", 0); }) == Ids{"DEV-1"});
  CHECK(broken_at(where("deviation"), [](Record& r) { set(r, "source", "person"); }) == Ids{"DEV-1"});  // the appliance noted it
  CHECK(broken_after(where("close"), [](state::CaState& s) { s.open->signoffs.clear(); }) == Ids{"DEV-1"});
}

TEST_CASE("EXPORT-2: words on paper, where policy has them so and of recovery shares only") {
  const auto as_words = [](Record& r) { set(r, "form", "words-shown"), set(r, "file", "none"), set(r, "medium", "none"); };
  const std::size_t recovery = where("share", "quorum", "recovery");
  CHECK(broken_at(recovery, as_words) == Ids{"EXPORT-2"});
  CHECK(broken_at(where("share", "quorum", "activation"), as_words) == Ids{"EXPORT-2"});
  const auto by_hand = under_policy({{"passphrases = \"proposed\"", "passphrases = \"proposed\"\nrecovery = \"words\""}});
  CHECK(broken_after(recovery, by_hand) == Ids{"EXPORT-2"});
  state::CaState s = before(recovery);
  by_hand(s);
  Record r = happy().records()[recovery];
  as_words(r);
  CHECK(broken_by(s, r, happy().source()) == Ids{});
  for (const auto& [field, value] : {std::pair<std::string, Value>{"file", sha256("file")}, {"medium", "c1"}}) {
    Record wrong = r;
    set(wrong, field, value);
    CHECK(broken_by(s, wrong, happy().source()) == Ids{"EXPORT-2"});
  }
}

}  // namespace ceremony::testing
