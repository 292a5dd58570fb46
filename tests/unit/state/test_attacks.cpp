// What somebody could do to a log, with the keys or without, and the rule that names it.
#include <catch2/generators/catch_generators.hpp>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/checkpoint.h"
#include "ceremony/report/verdict.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

Ids verdict_on(const LogImage& image, const std::optional<Digest>& pin = happy().log_pin()) {
  MemoryEnv env;
  image.write_to(env, "/log");
  const report::Verdict verdict = report::verify_folder(env, "/log", pin);
  CHECK(verdict.consistent == verdict.violations.empty());
  keep_log(image, ids_of(verdict.violations));
  if (!verdict.consistent) CHECK(verdict.exit_code() == 1);
  return ids_of(verdict.violations);
}

std::size_t first_of_issue() { return where("open", 1); }

/// A copy of the happy records to be changed.
std::vector<Record> records() { return happy().records(); }

void put_fields(Record& r, std::initializer_list<std::pair<std::string, Value>> fields) {
  for (const auto& [key, value] : fields) r.d.set(key, value);
}

/// Every field of every record that names `old` names `fresh`.
void replace(std::vector<Record>& all, std::string_view old, const Digest& fresh) {
  for (Record& r : all)
    for (const auto& [field, value] : Value::Object(r.d.object()))
      if (value.if_text() != nullptr && *value.if_text() == old) r.d.set(field, fresh);
}

}  // namespace

TEST_CASE("The happy log is consistent, and verified under its pin") {
  MemoryEnv env;
  const auto ledger = happy().signed_log().load(env);
  const report::Verdict verdict = report::verify_ledger(ledger, happy().log_pin());
  CHECK(ids_of(verdict.violations) == Ids{});
  REQUIRE(verdict.waived.size() == 1);
  CHECK(verdict.waived[0].rule == "ROLE-5");
  // Each rule is in one place: it holds, or it was waived. None is left out.
  CHECK(verdict.proved.size() + verdict.asserted.size() + 1 == state::rules().size());
  CHECK(verdict.not_checked.size() == 2);
  CHECK(verdict.exit_code() == 0);
  CHECK(verdict.people_only.empty());
  CHECK(report::verify_ledger(ledger, std::nullopt).exit_code() == 2);
  CHECK(report::verify_ledger(ledger, sha256("another key")).exit_code() == 1);
  const std::string text = report::text(verdict);
  CHECK(text.starts_with("VERIFIED under the pinned log key\n"));
  CHECK(text.find("QUORUM-1") != std::string::npos);
  CHECK(report::json(verdict).find("\"pin\": \"match\"") != std::string::npos);
  CHECK(report::text(report::verify_ledger(ledger, std::nullopt)).starts_with("CONSISTENT, NOT PINNED"));
}

TEST_CASE("Without keys: a byte of a record changed") {
  LogImage image = happy().signed_log();
  SECTION("so that it is no canonical line") {
    image.lines[where("keygen")].insert(1, " ");
    CHECK(verdict_on(image) == Ids{"LOG-1"});
  }
  SECTION("so that it still is one") {
    // A remark that no rule reads: only the tree sees it.
    std::string& line = image.lines[where("deviation", "source", "person", 1)];
    line.replace(line.find("projector"), 9, "Projector");
    CHECK(verdict_on(image) == Ids{"LOG-6"});
  }
  SECTION("in the first ceremony, on which the second stands") {
    std::string& line = image.lines[where("deviation", "source", "person")];
    line.replace(line.find("projector"), 9, "Projector");
    CHECK(verdict_on(image) == Ids{"LOG-5", "LOG-6"});
  }
}

TEST_CASE("Without keys: a record removed, swapped, added") {
  LogImage image = happy().signed_log();
  const std::size_t n = where("evidence", 1);
  SECTION("removed") {
    image.lines.erase(image.lines.begin() + static_cast<std::ptrdiff_t>(n));
    CHECK(verdict_on(image) == Ids{"LOG-2"});
  }
  SECTION("swapped") {
    std::swap(image.lines[n], image.lines[n + 1]);
    CHECK(verdict_on(image) == Ids{"LOG-2"});
  }
  SECTION("swapped and numbered anew") {
    auto all = records();
    std::swap(all[n], all[n + 1]);
    std::swap(all[n].n, all[n + 1].n);
    std::swap(all[n].t, all[n + 1].t);
    image.lines[n] = ledger::line(all[n]);
    image.lines[n + 1] = ledger::line(all[n + 1]);
    CHECK(verdict_on(image) == Ids{"LOG-5", "LOG-6"});
  }
  SECTION("added at the end") {
    Record r = records()[n];
    r.n = image.lines.size();
    r.c = "issue";
    r.t = records().back().t;
    image.lines.push_back(ledger::line(r));
    CHECK(verdict_on(image) == Ids{"LOG-4"});
  }
  SECTION("the last one cut in half") {
    image.lines.back().resize(40);
    MemoryEnv env;
    image.write_to(env, "/log");
    env.at("/log/transcript.log").pop_back();
    CHECK(ids_of(report::verify_folder(env, "/log", std::nullopt).violations) == Ids{"LOG-1"});
  }
}

TEST_CASE("Without keys: a certificate or CRL replaced among the artifacts") {
  LogImage image = happy().signed_log();
  const bool crl = GENERATE(false, true);
  const auto digest = !crl ? *digest_from_hex(records()[where("issue", 1)].d.text("certificate")) : *digest_from_hex(records()[where("crl", 1)].d.text("crl"));
  image.artifacts.at(digest) = image.artifacts.at(*digest_from_hex(records()[where("issue", 0)].d.text("certificate")));
  CHECK(verdict_on(image) == Ids{"LOG-8"});
}

TEST_CASE("Without keys: an artifact missing, an artifact too many") {
  LogImage image = happy().signed_log();
  SECTION("missing") {
    image.artifacts.erase(*digest_from_hex(records()[where("signoff", 1)].d.text("summary")));
    CHECK(verdict_on(image) == Ids{"LOG-8"});
  }
  SECTION("too many") {
    image.artifacts[sha256("stray")] = as_bytes("stray");
    CHECK(verdict_on(image) == Ids{"LOG-8"});
  }
}

TEST_CASE("Without keys: a checkpoint of an older size") {
  LogImage image = happy().signed_log();
  SECTION("as the head") {
    image.checkpoint = image.checkpoints.begin()->second;
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
  SECTION("in place of the newest") {
    image.checkpoints.rbegin()->second = image.checkpoints.begin()->second;
    image.checkpoint = image.checkpoints.begin()->second;
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
  SECTION("none at all") {
    image.checkpoints.clear();
    image.checkpoint.clear();
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
}

TEST_CASE("A foreign log key") {
  LogImage image = happy().signed_log();
  const std::vector<std::string> signers = records().back().d.texts("signers");
  SECTION("signs the checkpoint in the log's name") {
    const pki::ThrowawayKey foreign("p256", happy().rng);
    image.checkpoint = image.checkpoints.rbegin()->second = happy().checkpoint_of(image.lines, signers, &foreign);
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
  SECTION("or nobody signs in its name") {
    image.checkpoint = image.checkpoints.rbegin()->second = happy().checkpoint_of(image.lines, signers, nullptr);
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
  SECTION("a person does not sign") {
    image.checkpoint = image.checkpoints.rbegin()->second = happy().checkpoint_of(image.lines, {signers.begin() + 1, signers.end()}, &happy().log());
    CHECK(verdict_on(image) == Ids{"LOG-7"});
  }
  SECTION("is not the one that was pinned") {
    MemoryEnv env;
    image.write_to(env, "/log");
    const auto verdict = report::verify_folder(env, "/log", sha256("the receipt's"));
    CHECK(verdict.consistent);
    CHECK(verdict.exit_code() == 1);
    CHECK(report::text(verdict).starts_with("FOREIGN LOG KEY"));
  }
}

TEST_CASE("A misbehaving appliance that signs the log again: approvals") {
  auto all = records();
  const std::size_t n = where("approve", "act", "sign-batch", 0);
  const state::CaState& s = before(n);
  const Digest batch = *digest_from_hex(all[n].d.text("sha256"));
  SECTION("one is missing") {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(n));
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-1"});
  }
  SECTION("one is by a non-member") {
    all[n].who = {"g1"};
    put_fields(all[n], {{"person", "g1"}, {"sig", happy().approval("g1", s, "sign-batch", batch)}});
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-1"});
  }
  SECTION("the same member twice") {
    all[n + 1] = all[n];
    all[n + 1].t = records()[n + 1].t;
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-1"});
  }
  SECTION("one is over other bytes") {
    put_fields(all[n], {{"sig", happy().approval("c1", s, "sign-batch", sha256("other bytes"))}});
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-2"});
  }
  SECTION("one is of another ceremony") {
    put_fields(all[n], {{"sig", happy().approval("c1", before(where("approve", "act", "sign-crl", 0)), "sign-batch", batch)}});
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-2"});
  }
  SECTION("one is for another act") {
    put_fields(all[n], {{"sig", happy().approval("c1", s, "sign-crl", batch)}});
    CHECK(verdict_on(happy().signed_log(all)) == Ids{"QUORUM-2"});
  }
}

TEST_CASE("A misbehaving appliance that signs the log again: what was signed") {
  auto all = records();
  LogBuilder& log = happy();
  SECTION("a certificate replaced by one that nobody approved") {
    auto plan = log.plan_for(0);
    plan.not_after = *time_from_text("2036-12-21T00:00:00Z");
    const auto der = log.certify(plan);
    const std::size_t n = where("issue", 1);
    all[n].d.set("not_after", text_of(plan.not_after));
    replace(all, records()[n].d.text("certificate"), log.put(der.view()));
    CHECK(verdict_on(log.signed_log(all)) == Ids{"CERT-1"});
  }
  SECTION("a CRL replaced") {
    auto plan = log.crl_plan(2);
    plan.next_update -= std::chrono::days(1);
    const std::size_t n = where("crl", 1);
    all[n].d.set("next_update", text_of(plan.next_update));
    replace(all, records()[n].d.text("crl"), log.put(log.sign_crl(plan).view()));
    CHECK(verdict_on(log.signed_log(all)) == Ids{"CERT-1"});
  }
  SECTION("a certificate whose signature is another's") {
    const pki::ThrowawayKey foreign("p384", log.rng);
    const auto plan = log.plan_for(0);
    const auto tbs = pki::build_tbs(plan);
    const auto der = pki::assemble_certificate(tbs, plan.scheme, foreign.sign(tbs.view(), plan.scheme, log.rng));
    replace(all, records()[where("issue", 1)].d.text("certificate"), log.put(der.view()));
    CHECK(verdict_on(log.signed_log(all)) == Ids{"CERT-2"});
  }
  SECTION("an earlier log with a token that remembers a later one") {
    const std::size_t n = where("token", "purpose", "activation", 5);
    REQUIRE(all[n].c == "issue");
    put_fields(all[n], {{"checkpoint_size", 5000}, {"checkpoint_root", sha256("later")}});
    CHECK(verdict_on(log.signed_log(all)) == Ids{"LOG-5"});
  }
  SECTION("a ceremony that is still open") {
    all.pop_back();
    CHECK(verdict_on(log.signed_log(all)) == Ids{"LOG-4"});
  }
  SECTION("the log ends with the genesis: consistent, only shorter") {
    all.resize(first_of_issue());
    CHECK(verdict_on(log.signed_log(all)) == Ids{});
  }
}

}  // namespace ceremony::testing
