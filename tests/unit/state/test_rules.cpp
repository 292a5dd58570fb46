// Each rule broken, and named: that id and no other. This file: the log, the world it belongs to, what was decided, who
// acts. At the end of all of them a tally (test_tally.cpp).
#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/checkpoint.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

std::size_t first_activation_of_issue() {
  return where_if([](const Record& r) { return r.ev == "activate" && r.c == "issue"; });
}

/// The first record of a production log, changed.
Ids broken_in_production(const std::function<void(Record&)>& change, std::string images = "[images]\nmanifests = [\"" + hex(sha256("manifest")) + "\"]\nukis = [\"" +
                                                                                         hex(sha256("uki")) + "\"]\n") {
  Record r = happy().records()[0];
  const std::string policy = policy_with({{"rehearsal.ca.example", "ca.example"},
                                          {"environment = \"rehearsal\"", "environment = \"production\""},
                                          {"O=Example REHEARSAL", "O=Example"},
                                          {"scrypt_log_n = 14", "scrypt_log_n = 18"},
                                          {"models = [\"SoftHSM v2\"]", "models = [\"YubiHSM\"]\nserials = [\"1\"]"}}) +
                             std::move(images);
  set(r, "policy", happy().put(policy));
  set(r, "environment", "production");
  set(r, "origin", "ca.example.com/test");
  set(r, "operator", "plain");
  set(r, "image", sha256("manifest"));
  set(r, "uki", sha256("uki"));
  change(r);
  return broken_by({}, r, happy().source());
}

/// The `policy` record for other files, which governance approved.
Ids broken_by_adopting(const std::string& which, const std::string& id, const std::string& text) {
  const std::size_t n = where("policy");
  state::CaState s = before(n);
  Record r = happy().records()[n];
  Value files = *r.d.find(which);
  files.set(id, happy().put(text));
  ledger::Act act;
  if (which == "profiles") act["policy"] = std::string(r.d.text("policy"));
  for (const auto& [name, digest] : files.object()) act[(which == "profiles" ? "profile." : "procedure.") + name] = *digest.if_text();
  const Digest approved = happy().put(ledger::act_artifact(act));
  s.open->approvals[which == "profiles" ? "adopt-policy" : "adopt-procedure"][approved] = {{"g1", 0}, {"g2", 0}};
  set(r, which, files);
  set(r, which == "profiles" ? "act_policy" : "act_procedures", approved);
  return broken_by(s, r, happy().source());
}

/// The close of the issue with these people absent, as `change` wants it.
Ids broken_without(const std::vector<std::string>& left, std::size_t n, const std::function<void(Record&)>& change = [](Record&) {},
                   const std::function<void(state::CaState&)>& change_state = [](state::CaState&) {}) {
  state::CaState s = before(n);
  change_state(s);
  Record r = happy().records()[n];
  auto signers = r.d.texts("signers");
  Value absent = Value::Object{};
  for (const std::string& person : left) {
    std::erase(signers, person);
    absent.set(person, "was called away");
  }
  set(r, "signers", signers);
  set(r, "absent", absent);
  change(r);
  return broken_by(s, r, happy().source());
}

}  // namespace

TEST_CASE("No record of the happy log breaks a rule") {
  for (std::size_t n = 0; n < happy().records().size(); ++n) {
    INFO("record " << n << " " << happy().records()[n].ev);
    CHECK(broken_at(n, [](Record&) {}) == Ids{});
  }
}

TEST_CASE("LOG-1, LOG-2, LOG-3, LOG-4: the form of the log") {
  CHECK(broken_at(where("clock"), [](Record& r) { set(r, "surprise", "x"); }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.d = Value::Object{}; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.ev = "dance"; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.who = {"Ada Lovelace"}; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { r.who = {"adm1", "adm1"}; }) == Ids{"LOG-1"});
  CHECK(broken_at(where("evidence"), [](Record& r) { r.step = std::string(9000, 'x'); }) == Ids{"LOG-1"});
  CHECK(broken_at(where("clock"), [](Record& r) { ++r.n; }) == Ids{"LOG-2"});
  CHECK(broken_at(where("evidence"), [](Record& r) { r.t -= std::chrono::hours(1); }) == Ids{"LOG-3"});
  CHECK(broken_after(first_activation_of_issue(), [](state::CaState& s) { s.open->gap = std::chrono::days(401); }) == Ids{"LOG-3"});
  CHECK(broken_after(where("activate", 4), [](state::CaState& s) { s.open->gap = std::chrono::days(401); }) == Ids{});  // asked once
  CHECK(broken_at(where("evidence"), [](Record& r) { r.c = "another"; }) == Ids{"LOG-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { r.c = "genesis"; }) == Ids{"LOG-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { r.ok = false, r.d = {{"reason", "a bad day"}}; }) == Ids{"LOG-4"});
  CHECK(broken_at(where("open", 1), [](Record& r) { r.ev = "clock", r.d = {{"shown", text_of(r.t)}}; }) == Ids{"LOG-4"});
  CHECK(broken_at(where("evidence"), [](Record& r) {
          const std::uint64_t n = r.n;
          r = happy().records()[where("open")];
          r.n = n;
          r.c = "second";
        }) == Ids{"LOG-4"});
}

TEST_CASE("LOG-5: the log stands on itself") {
  const std::size_t open = where("open", 1), token = where_if([](const Record& r) { return r.ev == "token" && r.c == "issue"; });
  CHECK(broken_at(open, [](Record& r) { set(r, "previous_root", sha256("x")); }) == Ids{"LOG-5"});
  CHECK(broken_at(open, [](Record& r) { set(r, "previous_size", 3); }) == Ids{"LOG-5"});
  CHECK(broken_at(open, [](Record& r) { set(r, "previous_checkpoint", "none"); }) == Ids{"LOG-5"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "previous_checkpoint", sha256("x")); }) == Ids{"LOG-5"});
  CHECK(broken_at(token, [](Record& r) { set(r, "checkpoint_root", sha256("x")); }) == Ids{"LOG-5"});
  CHECK(broken_at(token, [](Record& r) { set(r, "checkpoint_size", 5000); }) == Ids{"LOG-5"});
  CHECK(broken_at(token, [](Record& r) { set(r, "checkpoint_size", 0); }) == Ids{"LOG-5"});

  // The checkpoint kept from the ceremony before: as it was, with signatures added since, another one.
  const std::string kept = happy().signed_log().checkpoints.begin()->second;
  const auto ask = [&](const std::string& note, const Digest& named) {
    Record r = happy().records()[open];
    set(r, "previous_checkpoint", named);
    return broken_in([open, r, note](std::string_view without) { return state::check_previous_checkpoint(before(open), r, note, without); });
  };
  CHECK(ask(kept, field_digest(open, "previous_checkpoint")) == Ids{});
  auto note = ledger::parse_note(kept, "checkpoint");
  note.signatures.pop_back();
  CHECK(ask(kept, sha256(ledger::write_note(note))) == Ids{});
  CHECK(ask(ledger::write_note(note), sha256(kept)) == Ids{"LOG-5"});
  CHECK(ask(kept, sha256("another checkpoint")) == Ids{"LOG-5"});
}

TEST_CASE("LOG-6, LOG-7, ROLE-3: the checkpoint") {
  LogBuilder& log = happy();
  const LogImage image = log.signed_log();
  const auto signers = log.records().back().d.texts("signers");
  const auto ask_in = [&](const state::CaState& s, const std::string& note) {
    return broken_in([s, note](std::string_view without) { return state::check_checkpoint(s, s.tree, note, without); });
  };
  const auto ask = [&](const std::string& note) { return ask_in(log.state(), note); };
  CHECK(ask(image.checkpoint) == Ids{});
  auto other = image.lines;
  other.back()[0] = '[';
  CHECK(ask(log.checkpoint_of(other, signers, &log.log())) == Ids{"LOG-6"});
  CHECK(ask("no note") == Ids{"LOG-6"});
  for (const std::size_t of_log_key_or_person : {0U, 2U}) {
    auto note = ledger::parse_note(image.checkpoint, "checkpoint");
    note.signatures[of_log_key_or_person].signature[20] ^= 1;
    CHECK(ask(ledger::write_note(note)) == Ids{"LOG-6"});
  }
  state::CaState elsewhere = log.state();
  elsewhere.origin = "rehearsal.elsewhere";
  CHECK(ask_in(elsewhere, image.checkpoint) == Ids{"LOG-6", "LOG-7"});  // nobody signed for elsewhere
  CHECK(ask(log.checkpoint_of(image.lines, {"c1", "c2"}, &log.log())) == Ids{"LOG-7"});
  CHECK(ask(log.checkpoint_of(image.lines, signers, nullptr)) == Ids{"LOG-7"});
  CHECK(ask(image.checkpoints.begin()->second) == Ids{"LOG-7"});
  CHECK(ask("") == Ids{"LOG-7"});
  state::CaState timeless = log.state();
  timeless.closed.back().clock.clear();
  CHECK(ask_in(timeless, image.checkpoint) == Ids{"ROLE-3"});
}

TEST_CASE("LOG-7: who signs, at close") {
  const std::size_t n = where("close", 1);
  CHECK(broken_at(n, [](Record& r) {
          auto left = r.d.texts("signers");
          std::erase(left, "g1");
          set(r, "signers", left);
        }) == Ids{"LOG-7"});
  CHECK(broken_at(n, [](Record& r) { set(r, "absent", Value{{"g1", "left early"}}); }) == Ids{"LOG-7"});
  CHECK(broken_at(n, [](Record& r) { set(r, "log_signature", "no-key-yet"); }) == Ids{"LOG-7"});
  CHECK(broken_after(n, [](state::CaState& s) { s.active.reset(); }) == Ids{"LOG-7"});
  const auto aborted = [](Record& r) { set(r, "outcome", "aborted"), set(r, "log_signature", "not-activated"); };
  CHECK(broken_without({"adm1", "so1"}, n, aborted) == Ids{});
  CHECK(broken_without({"adm1", "so1", "w1", "g1", "g2"}, n, aborted) == Ids{"LOG-7"});  // custodians only
}

TEST_CASE("LOG-7: a genesis is aborted before anybody is enrolled, and the next one stands on it") {
  const std::size_t n = where("medium");
  Record r = happy().records()[n];
  r.ev = "close";
  const auto close = [&](const Value& absent) {
    r.d = {{"outcome", "aborted"}, {"log_signature", "no-key-yet"}, {"signers", Value::Array{}}, {"absent", absent}};
    return broken_by(before(n), r, happy().source());
  };
  CHECK(close(Value::Object{}) == Ids{"LOG-7"});
  CHECK(close({{"adm1", "not enrolled"}, {"w1", "not enrolled"}}) == Ids{});
  const auto after = state::fold(before(n), r, ledger::leaf_hash(ledger::line(r)), happy().source());
  CHECK(ids_of(state::check_checkpoint(after, after.tree, "")) == Ids{});
  Record open = happy().records()[where("open")];
  open.n = n + 1;
  open.t = r.t;
  open.c = "genesis-2";
  set(open, "previous_size", n + 1);
  set(open, "previous_root", after.tree.root());
  CHECK(broken_by(after, open, happy().source()) == Ids{});
  // With somebody enrolled, they sign.
  const std::size_t later = where("enrol", 1);
  r.n = later;
  r.t = happy().records()[later].t;
  const auto alone = [&](std::vector<std::string> signers) {
    r.d = {{"outcome", "aborted"}, {"log_signature", "no-key-yet"}, {"signers", signers}, {"absent", Value{{"w1", "not enrolled"}}}};
    if (signers.empty()) r.d.set("absent", Value{{"w1", "not enrolled"}, {"adm1", "left"}});
    return broken_by(before(later), r, happy().source());
  };
  CHECK(alone({"adm1"}) == Ids{});
  CHECK(alone({}) == Ids{"LOG-7"});
}

TEST_CASE("LOG-8, LOG-9: what was named is there, what was begun has an end") {
  CHECK(broken_by(before(where("token")), happy().records()[where("token")], [](const Digest& d) -> std::optional<Bytes> {
          return d == field_digest(where("token"), "list") ? std::nullopt : happy().source()(d);
        }) == Ids{"LOG-8"});
  CHECK(broken_by(before(where("signoff")), happy().records()[where("signoff")], [](const Digest& d) -> std::optional<Bytes> {
          return d == field_digest(where("signoff"), "summary") ? as_bytes("another summary") : happy().source()(d);
        }) == Ids{"LOG-8"});
  CHECK(broken_by(before(where("close")), happy().records()[where("close")], [](const Digest& d) -> std::optional<Bytes> {
          return d == field_digest(where("signoff"), "summary") ? std::nullopt : happy().source()(d);
        }) == Ids{"LOG-8"});
  CHECK(broken_in([](std::string_view without) { return state::check_artifacts(happy().state(), std::vector{sha256("stray")}, without); }) == Ids{"LOG-8"});
  CHECK(broken_after(where("close", 1), [](state::CaState& s) { s.open->intents.at("batch").results.clear(); }) == Ids{"LOG-9"});
  CHECK(broken_after(where("close", 1), [](state::CaState& s) { s.open->intents.at("batch").recorded.clear(); }) == Ids{"LOG-9"});
  const std::size_t n = where("result", "id", "batch");
  CHECK(broken_at(n, [](Record& r) { set(r, "id", "unknown"); }) == Ids{"LOG-9"});
  CHECK(broken_at(n, [](Record& r) { set(r, "tbs", sha256("not on the batch's list")); }) == Ids{"LOG-9"});
  CHECK(broken_at(where("result", "id", "batch", 1), [&](Record& r) { r.d = happy().records()[n].d; }) == Ids{"LOG-9"});
  CHECK(broken_at(where("intent", "id", "crl-2"), [](Record& r) { set(r, "id", "batch"); }) == Ids{"LOG-9"});
}

TEST_CASE("LOG-10, POL-4, ENV-1: what the machine says of itself") {
  const auto selftest = [](const std::string& test, const Value& result) {
    return [=](Record& r) {
      Value results = *r.d.find("selftest");
      results.set(test, result);
      set(r, "selftest", results);
    };
  };
  CHECK(broken_at(where("open"), selftest("module", "another one")) == Ids{});
  CHECK(broken_at(where("open"), selftest("slip-0039", "failed")) == Ids{"LOG-10"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "selftest", Value{{"sha-256", "ok"}}); }) == Ids{"LOG-10"});
  for (const std::string test : {"known-answers", "sha-256", "random", "age", "p256", "p384", "clock", "memory"}) {
    CHECK(broken_at(where("open"), selftest(test, "failed")) == Ids{"LOG-10"});
  }
  // Those of a machine that has what they test.
  for (const std::string test : {"manifest", "tpm-random", "token-random"}) {
    CHECK(broken_at(where("open"), selftest(test, "ok")) == Ids{});
    CHECK(broken_at(where("open"), selftest(test, "failed")) == Ids{"LOG-10"});
  }
  const auto without = [](const std::string& test, const Value& image) {
    return [=](Record& r) {
      Value results;
      for (const auto& [name, result] : r.d.object("selftest"))
        if (name != test) results.set(name, result);
      set(r, "selftest", results);
      set(r, "image", image);
    };
  };
  CHECK(broken_at(where("open"), without("manifest", "none")) == Ids{});
  CHECK(broken_at(where("open"), without("manifest", sha256("image"))) == Ids{"LOG-10"});
  CHECK(broken_at(where("open"), without("memory", "none")) == Ids{"LOG-10"});
  // A later one names what was tested then.
  const auto later = [](const Value& results) { return broken_by_new(where("evidence"), "selftest", {}, {{"results", results}}); };
  CHECK(later(Value{{"token-random", "ok"}, {"token", "1234"}}) == Ids{});
  CHECK(later(Value{{"entropy", "kernel, dice 99 rolls"}}) == Ids{});
  CHECK(later(Value{{"token-random", "failed"}, {"token", "1234"}}) == Ids{"LOG-10"});
  CHECK(later(Value{{"sha-256", "ok"}, {"random", "no"}}) == Ids{"LOG-10"});
  CHECK(broken_in_production([](Record&) {}) == Ids{});
  CHECK(broken_in_production([](Record& r) { set(r, "image", "none"); }) == Ids{"LOG-10"});
  CHECK(broken_in_production([](Record& r) { set(r, "uki", "none"); }) == Ids{"LOG-10"});
  CHECK(broken_in_production([](Record& r) { set(r, "image", sha256("another manifest")); }) == Ids{"POL-4"});
  CHECK(broken_in_production([](Record& r) { set(r, "uki", sha256("another uki")); }) == Ids{"POL-4"});
  CHECK(broken_in_production([](Record&) {}, "") == Ids{"POL-4"});
  CHECK(broken_in_production([](Record& r) { set(r, "operator", "scripted"); }) == Ids{"ENV-1"});
  CHECK(broken_in_production([](Record& r) { set(r, "origin", "ca.example.com/another"); }) == Ids{"ENV-1"});
  // A rehearsal whose policy lists images.
  const std::string digest = hex(sha256("x"));
  const auto listing = happy().put(happy().policy_text() + "[images]\nmanifests = [\"" + digest + "\"]\nukis = [\"" + digest + "\"]\n");
  CHECK(broken_at(where("open"), [&](Record& r) { set(r, "policy", listing); }) == Ids{"POL-4"});
  CHECK(broken_at(where("open"), [&](Record& r) { set(r, "policy", listing), set(r, "image", sha256("x")), set(r, "uki", sha256("x")); }) == Ids{});
}

TEST_CASE("POL-4: governance admits an image that somebody independent hashed elsewhere, and it counts from the next open on") {
  const std::size_t n = where("image");
  CHECK(broken_at(n, [](Record& r) { set(r, "manifest", sha256("another manifest")); }) == Ids{"POL-4"});
  CHECK(broken_at(n, [](Record& r) { set(r, "uki", sha256("another uki")); }) == Ids{"POL-4"});
  CHECK(broken_at(n, [](Record& r) { set(r, "version", "0.3.0"); }) == Ids{"POL-4"});
  CHECK(broken_at(where("evidence", "kind", "medium-hash"), [](Record& r) { r.who = {}; }) == Ids{});  // it is asked at the image
  const auto hashed_by = [&](const std::vector<std::string>& who, const std::optional<Digest>& found) {
    return broken_after(n, [&](state::CaState& s) {
      auto& evidence = s.open->evidence;
      std::erase_if(evidence, [](const auto& e) { return e.kind == "medium-hash"; });
      evidence.push_back({"medium-hash", "bag 7", found, who});
    });
  };
  const Digest uki = sha256("new uki");
  CHECK(hashed_by({"w1"}, uki) == Ids{});
  CHECK(hashed_by({"so1", "w1"}, uki) == Ids{});
  CHECK(hashed_by({"so1"}, uki) == Ids{"POL-4"});
  CHECK(hashed_by({"stranger"}, uki) == Ids{"POL-4"});
  CHECK(hashed_by({}, uki) == Ids{"POL-4"});
  CHECK(hashed_by({"w1"}, sha256("another uki")) == Ids{"POL-4"});
  CHECK(hashed_by({"w1"}, std::nullopt) == Ids{"POL-4"});
  CHECK(broken_after(n, [](state::CaState& s) { s.open->evidence.back().kind = "other"; }) == Ids{"POL-4"});
  const Digest act = field_digest(n, "act");
  CHECK(broken_after(n, [&](state::CaState& s) { s.open->approvals["admit-image"][act].erase("g2"); }) == Ids{"POL-4"});
  CHECK(broken_after(n, [&](state::CaState& s) { s.open->approvals["waive"] = s.open->approvals["admit-image"], s.open->approvals["admit-image"].clear(); }) == Ids{"POL-4"});
  // Whoever approved it is no witness of it, whatever their roles.
  CHECK(broken_after(n, [&](state::CaState& s) { s.open->approvals["admit-image"][act]["w1"] = 0; }) == Ids{"POL-4"});
  const auto approved = [&](const std::string& text) {
    state::CaState s = before(n);
    const Digest other = happy().put(text);
    s.open->approvals["admit-image"][other] = {{"g1", 0}, {"g2", 0}};
    Record r = happy().records()[n];
    set(r, "act", other);
    return broken_by(s, r, happy().source());
  };
  const std::string manifest = hex(sha256("new manifest")), hash = hex(uki);
  CHECK(approved(ledger::act_artifact({{"manifest", manifest}, {"medium-hash", hash}, {"uki", hash}, {"version", "0.2.0"}})) == Ids{});
  CHECK(approved(ledger::act_artifact({{"manifest", manifest}, {"uki", hash}, {"version", "0.2.0"}})) == Ids{"POL-4"});
  CHECK(approved(ledger::act_artifact({{"manifest", manifest}, {"medium-hash", manifest}, {"uki", hash}, {"version", "0.2.0"}})) == Ids{"POL-4"});
  CHECK(approved(ledger::act_artifact({{"manifest", manifest}, {"medium-hash", hash}, {"uki", hash}, {"version", "0.2.0"}, {"until", "2027"}})) == Ids{"POL-4"});
  CHECK(approved(ledger::act_artifact({{"manifest", manifest}, {"medium-hash", hash}, {"pcr11", hash}, {"pcr4", hash}, {"uki", hash}, {"version", "0.2.0"}})) == Ids{"POL-4"});
  CHECK(approved("no act\n") == Ids{"POL-4"});

  // What `open` may name: the pair, and nothing that is put together of two.
  const std::string listed = hex(sha256("x"));
  const auto listing = happy().put(happy().policy_text() + "[images]\nmanifests = [\"" + listed + "\"]\nukis = [\"" + listed + "\"]\n");
  const auto opened_on = [&](const std::string& image, const std::string& kernel) {
    state::CaState s = before(where("open"));
    s.images.push_back({sha256("new manifest"), uki, "0.2.0", "issue", 0});
    Record r = happy().records()[where("open")];
    set(r, "policy", listing), set(r, "image", sha256(image)), set(r, "uki", sha256(kernel));
    return broken_by(s, r, happy().source());
  };
  CHECK(opened_on("new manifest", "new uki") == Ids{});
  CHECK(opened_on("x", "x") == Ids{});
  CHECK(opened_on("new manifest", "x") == Ids{"POL-4"});
  CHECK(opened_on("x", "new uki") == Ids{"POL-4"});
  CHECK(opened_on("another manifest", "another uki") == Ids{"POL-4"});
  CHECK(happy().state().images.size() == 1);
}

TEST_CASE("ENV: one world") {
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "origin", "rehearsal.other"); }) == Ids{"ENV-1"});
  CHECK(broken_at(where("open", 1), [](Record& r) {
          set(r, "environment", "production"), set(r, "operator", "plain"), set(r, "image", sha256("image")), set(r, "uki", sha256("uki"));
        }) == Ids{"ENV-1"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "policy", happy().put(policy_with({{"/test", "/another"}}))); }) == Ids{"ENV-1"});
  CHECK(broken_at(where("token"), [](Record& r) { set(r, "model", "YubiHSM"); }) == Ids{"ENV-1"});
  CHECK(broken_at(where("init", 1), [](Record& r) { set(r, "model", "YubiHSM"); }) == Ids{"ENV-1"});
  auto plan = happy().plan_for(0);
  plan.subject = pki::parse_name("CN=Test Issuing 0, O=Example");
  CHECK(broken_by_tbs(plan) == Ids{"ENV-2"});
}

TEST_CASE("POL-1, POL-2: what was decided") {
  const std::size_t n = where("policy"), open = where("open", 1);
  CHECK(broken_after(n, [](state::CaState& s) { s.open->approvals["adopt-policy"].clear(); }) == Ids{"POL-1"});
  CHECK(broken_after(n, [](state::CaState& s) { s.open->approvals["adopt-procedure"].begin()->second.erase("g2"); }) == Ids{"POL-1"});
  CHECK(broken_after(n, [](state::CaState& s) { s.open->policy = sha256("another policy"); }) == Ids{"POL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "profiles", Value::Object{}); }) == Ids{"POL-1"});
  CHECK(broken_by_adopting("profiles", "issuing-generic", "no profile") == Ids{"POL-1"});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "policy", happy().put("no policy")); }) == Ids{"POL-1"});
  CHECK(broken_at(open, [](Record& r) { set(r, "policy", happy().put(happy().policy_text() + "# one more word\n")); }) == Ids{"POL-1"});
  CHECK(broken_by_new(n, "found", {}, {{"certificate", happy().put("a certificate")}, {"where", "a web site"}}) == Ids{"POL-1"});
  CHECK(broken_at(open, [](Record& r) { set(r, "procedure", happy().put("another procedure")); }) == Ids{"POL-2"});
  CHECK(broken_at(open, [](Record& r) { set(r, "kind", "party"); }) == Ids{"POL-2"});
  CHECK(broken_by_adopting("procedures", "party", "procedure party\n") == Ids{"POL-2"});
  CHECK(broken_by_adopting("procedures", "root-genesis", "another procedure\n") == Ids{"POL-2"});
}

TEST_CASE("POL-3: what policy allows to be made") {
  auto plan = happy().root_plan();
  plan.subject = plan.issuer = pki::parse_name("CN=Another Root, O=Example REHEARSAL");
  CHECK(broken_by_tbs(plan, true) == Ids{"POL-3"});
  CHECK(broken_after(where("keygen"), under_policy({{"algorithm = \"p384\"", "algorithm = \"p256\""}})) == Ids{"POL-3"});
  const std::size_t batch = where("intent", "act", "sign-batch");
  CHECK(broken_after(batch, under_policy({{"batch_max = 4", "batch_max = 1"}})) == Ids{"POL-3"});
  CHECK(broken_after(batch, under_policy({{"\"issuing-generic\", ", ""}})) == Ids{"POL-3"});
  CHECK(broken_after(batch, under_policy({{"[\"p256\", \"p384\"]", "[\"p256\"]"}})) == Ids{"POL-3"});
}

TEST_CASE("ROLE-1, ROLE-2, ROLE-3: who acts") {
  CHECK(broken_at(where("evidence"), [](Record& r) { r.who = {"stranger"}; }) == Ids{"ROLE-1"});
  CHECK(broken_after(where("custody"), [](state::CaState& s) { s.people.erase("so1"); }) == Ids{"ROLE-1"});
  CHECK(broken_at(where("approve"), [](Record& r) { r.who = {"g2"}; }) == Ids{"ROLE-1"});
  CHECK(broken_by_new(where("enrol"), "evidence", {}, {{"kind", "video"}, {"reference", "x"}}) == Ids{"ROLE-1"});
  const std::size_t n = where("enrol", "person", "w1");
  const auto enrolled_as = [&](std::vector<std::string> roles) {
    return broken_at(n, [&](Record& r) {
      set(r, "roles", roles);
      set(r, "sig", happy().enrolment(happy().person("w1"), before(n), r.d));
    });
  };
  CHECK(enrolled_as({"auditor"}) == Ids{"ROLE-1"});
  CHECK(enrolled_as({"auditor", "witness", "administrator"}) == Ids{"ROLE-2"});
  CHECK(enrolled_as({"auditor", "witness", "custodian"}) == Ids{"ROLE-2"});
  CHECK(broken_at(n, [&](Record& r) {
          set(r, "person", "stranger"), set(r, "sig", happy().enrolment(happy().person("w1"), before(n), r.d));
          r.who = {"stranger"};
        }) == Ids{"ROLE-1"});
  CHECK(broken_after(where("enrol"), [](state::CaState& s) { s.open->clock.clear(); }) == Ids{"ROLE-3"});
  CHECK(broken_after(where("enrol"), [](state::CaState& s) { s.open->clock[0].who = {"adm1"}; }) == Ids{"ROLE-3"});
}

TEST_CASE("ROLE-4, ROLE-5: who signs off, who compared") {
  CHECK(broken_without({"so1"}, where("close", 1)) == Ids{"ROLE-4"});
  const auto no_demands = [](state::CaState& s) {
    auto policy = *s.policy;
    policy.procedures.clear();
    s.policy = std::make_shared<const policy::Policy>(std::move(policy));
  };
  CHECK(broken_without({}, where("close"), [](Record&) {}, no_demands) == Ids{});
  CHECK(broken_without({"so1"}, where("close"), [](Record&) {}, no_demands) == Ids{"ROLE-4"});
  CHECK(broken_without({"w1"}, where("close"), [](Record&) {}, no_demands) == Ids{"ROLE-4"});
  CHECK(broken_after(first_activation_of_issue(), [](state::CaState& s) { s.open->waivers.clear(); }) == Ids{"ROLE-5"});
  CHECK(broken_after(first_activation_of_issue(), [](state::CaState& s) { s.open->waivers.clear(), s.open->compared = {"c1", "w1"}; }) == Ids{});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "compared", std::vector<std::string>{"c1", "stranger"}); }) == Ids{"ROLE-5"});
}

TEST_CASE("ENROL, CRED: credentials") {
  const std::size_t n = where("enrol", "person", "c2");
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().enrolment(happy().person("c1"), before(n), r.d)); }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "age", "age1other"); }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "key", sha256("another key")); }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [&](Record& r) {
          set(r, "replaces", sha256("no key of c2's")), set(r, "sig", happy().enrolment(happy().person("c2"), before(n), r.d));
        }) == Ids{"ENROL-1"});
  CHECK(broken_at(n, [](Record& r) { set(r, "seen_by", std::vector<std::string>{"c2", "adm1"}); }) == Ids{"ENROL-2"});
  CHECK(broken_at(n, [](Record& r) { set(r, "seen_by", std::vector<std::string>{"stranger", "adm1"}); }) == Ids{"ENROL-2"});
  CHECK(broken_at(n, [&](Record& r) {
          const Bytes& spki = happy().person("c1").info().spki.value;
          set(r, "spki", base64(spki));
          set(r, "key", sha256(spki));
          set(r, "sig", happy().enrolment(happy().person("c1"), before(n), r.d));
        }) == Ids{"CRED-1"});
}

TEST_CASE("ENROL-1: after genesis governance approves a new key, which replaces the old") {
  const std::size_t n = where("import");
  const auto fresh = [](const std::string& replaces, bool approved) {
    const pki::ThrowawayKey key("p256", happy().rng);
    state::CaState s = before(where("import"));
    Record r = happy().records()[where("import")];
    r.ev = "enrol";
    r.who = {"c2"};
    r.d = happy().records()[where("enrol", "person", "c2")].d;
    r.d.set("spki", base64(key.info().spki.view())).set("key", key.info().spki_sha256).set("replaces", replaces);
    r.d.set("sig", happy().enrolment(key, s, r.d));
    const auto statement = ledger::enrolment_statement(s.open->origin, s.open->id, s.open->leaf,
                                                       {"c2", {"custodian"}, key.info().spki_sha256, "age1c2", replaces == "none" ? "" : replaces});
    if (approved) s.open->approvals["enrol"][sha256(statement)] = {{"g1", 0}, {"g3", 0}};
    return broken_by(s, r, happy().source());
  };
  const std::string old = hex(before(n).people.at("c2").key);
  CHECK(fresh(old, true) == Ids{});
  CHECK(fresh(old, false) == Ids{"ENROL-1"});
  CHECK(fresh("none", true) == Ids{"ENROL-1"});
}

TEST_CASE("QUORUM-1, QUORUM-2: how many approve, and what") {
  CHECK(broken_after(where("intent", "act", "sign-batch"), [](state::CaState& s) { s.open->approvals["sign-batch"].begin()->second.erase("c2"); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("intent", "act", "sign-crl"), [](state::CaState& s) { s.open->approvals["sign-crl"].clear(); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("intent", "act", "generate-key"), [](state::CaState& s) { s.open->approvals["generate-key"].clear(); }) == Ids{"QUORUM-1"});
  CHECK(broken_after(where("keygen"), [](state::CaState& s) { s.open->intents.erase("generate-root"); }) == Ids{"QUORUM-1"});
  CHECK(broken_at(where("issue", 1), [](Record& r) { set(r, "intent", "root-of-all"); }) == Ids{"QUORUM-1"});
  const std::size_t n = where("approve", "act", "sign-batch", 1);
  CHECK(broken_at(n, [&](Record& r) {
          set(r, "person", "g1"), set(r, "sig", happy().approval("g1", before(n), "sign-batch", field_digest(n, "sha256")));
          r.who = {"g1"};
        }) == Ids{"QUORUM-1"});
  CHECK(broken_at(n, [&](Record& r) { r = happy().records()[n - 1], r.n = n, r.t = happy().records()[n].t; }) == Ids{"QUORUM-1"});
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().approval("c2", before(n), "sign-crl", field_digest(n, "sha256"))); }) == Ids{"QUORUM-2"});
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().approval("c2", before(where("policy")), "sign-batch", field_digest(n, "sha256"))); }) == Ids{"QUORUM-2"});
}

TEST_CASE("WITNESS-1: somebody who holds that role and did not approve is named where policy wants it") {
  const std::size_t root = where("intent", "act", "sign-certificate"), batch = where("intent", "act", "sign-batch");
  for (const std::size_t n : {root, batch}) {
    CHECK(broken_at(n, [](Record& r) { r.who.clear(); }) == Ids{"WITNESS-1"});
    CHECK(broken_at(n, [](Record& r) { r.who = {"so1", "c2"}; }) == Ids{"WITNESS-1"});
    CHECK(broken_at(n, [](Record& r) { r.who = {"adm1", "w1"}; }) == Ids{});
  }
  CHECK(broken_at(root, [](Record& r) { r.who = {"stranger"}; }) == Ids{"ROLE-1", "WITNESS-1"});
  const auto w1_approved = [&](std::string_view act, const Digest& digest) {
    return broken_after(root, [&](state::CaState& s) { s.open->approvals[std::string(act)][digest]["w1"] = 0; });
  };
  CHECK(w1_approved("sign-certificate", field_digest(root, "tbs")) == Ids{"WITNESS-1"});
  CHECK(w1_approved("sign-certificate", sha256("other bytes")) == Ids{});
  CHECK(w1_approved("sign-crl", field_digest(root, "tbs")) == Ids{});
  // Nobody is wanted for the CRL, nor for anything by a policy that has no such table.
  const std::size_t crl = where("intent", "act", "sign-crl");
  CHECK(broken_at(crl, [](Record& r) { r.who.clear(); }) == Ids{});
  CHECK(broken_after(crl, under_policy({{"\"sign-batch\"]", "\"sign-crl\"]"}})) == Ids{"WITNESS-1"});
  CHECK(broken_after(where("intent", "act", "generate-key"), under_policy({{"\"sign-batch\"]", "\"generate-key\"]"}})) == Ids{"WITNESS-1"});
  CHECK(broken_after(where("intent", "act", "init-token", 1), under_policy({{"\"sign-batch\"]", "\"init-token\"]"}})) == Ids{"WITNESS-1"});
  state::CaState s = before(root);
  under_policy({{"[witness]\nacts = [\"sign-certificate\", \"sign-batch\"]\n", ""}})(s);
  Record r = happy().records()[root];
  r.who.clear();
  CHECK(broken_by(s, r, happy().source()) == Ids{});
}

TEST_CASE("QUORUM-3, QUORUM-4: how many hand in, and whose shares they are") {
  const std::size_t n = where("hand-in", "purpose", "activate");
  CHECK(broken_at(n, [](Record& r) { set(r, "commitment", sha256("another share")); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(n, [&](Record& r) { set(r, "sig", happy().hand_in_signature("c1", before(n), field_digest(n, "commitment"), "activate", 2)); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(n, [](Record& r) { set(r, "nth", 7); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(n + 1, [&](Record& r) { r = happy().records()[n], r.n = n + 1, r.t = happy().records()[n + 1].t; }) == Ids{"QUORUM-3"});
  const std::size_t activate = where("activate");
  CHECK(broken_after(activate, [](state::CaState& s) { s.open->hand_ins[{"activate", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(activate, [](Record& r) { set(r, "holders", std::vector<std::string>{"c1", "c3"}); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(activate, [](Record& r) { set(r, "set", "recovery-1"); }) == Ids{"QUORUM-3"});
  CHECK(broken_after(where("restore"), [](state::CaState& s) { s.open->hand_ins[{"restore", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_after(where("export"), [](state::CaState& s) { s.open->hand_ins[{"wrap", 1}].pop_back(); }) == Ids{"QUORUM-3"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "threshold", 1); }) == Ids{"QUORUM-4"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "count", 5); }) == Ids{"QUORUM-4"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "index", 4); }) == Ids{"QUORUM-4"});
  CHECK(broken_at(where("share"), [](Record& r) { set(r, "holder", "g1"); }) == Ids{"QUORUM-4"});
  CHECK(broken_at(where("share", 1), [](Record& r) { set(r, "kcv", "ffffffff"); }) == Ids{"QUORUM-4"});
}

}  // namespace ceremony::testing
