// The fold and what is printed of it.
#include <algorithm>
#include <cstdlib>

#include "ceremony/report/verdict.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {

TEST_CASE("The fold of the happy log knows the CA") {
  const state::CaState& s = happy().state();
  CHECK(s.origin == LogBuilder::origin);
  CHECK(s.people.size() == 9);
  CHECK(s.policy != nullptr);
  CHECK(s.profiles.size() == 3);
  CHECK(s.keys.size() == 2);
  CHECK(s.log_key() != nullptr);
  CHECK(s.keys.at(happy().root_id()).locked);
  CHECK(s.keys.at(happy().root_id()).backups.size() == 1);
  CHECK(s.keys.at(happy().root_id()).restores.at(0).erased);
  CHECK(s.certificates.size() == 3);
  CHECK(s.certificate_of(happy().root_id())->subject == "CN=Test Root G1, O=Example REHEARSAL, C=CH");
  CHECK(s.crls.at(happy().root_id()).number == 2);
  CHECK(s.share_set("recovery")->all_read_back());
  CHECK(s.closed.size() == 2);
  CHECK(s.last_closed_size() == s.tree.size());
  CHECK(!s.open);
  CHECK(!s.active);
}

TEST_CASE("Rounds of hand-ins are numbered within a ceremony") {
  CHECK(before(where("hand-in", "purpose", "activate")).next_nth("activate") == 1);
  CHECK(before(where("lock")).next_nth("activate") == 3);
  CHECK(before(where("lock")).next_nth("wrap") == 2);
  CHECK(before(where("lock")).next_nth("restore") == 2);
  CHECK(before(where("import")).next_nth("activate") == 1);
  CHECK(before(where("lock")).next_nth("read-back") == 1);
  CHECK(before(where("activate")).handed_in("activate").size() == 2);
}

TEST_CASE("What may have been issued after a cut is revoked by serial") {
  const std::size_t n = where("result", "id", "batch");
  Record r = happy().records()[n];
  const Value tbs = r.d.text("tbs");
  r.ev = "reconcile";
  r.d = {{"id", "batch"}, {"outcome", "maybe-issued"}, {"tbs", tbs}, {"found", "nothing"}};
  CHECK(broken_by(before(n), r, happy().source()) == Ids{});
  const auto s = state::fold(before(n), r, ledger::leaf_hash(ledger::line(r)), happy().source());
  CHECK(s.maybe_issued.at(happy().root_id()).size() == 1);
  CHECK(!s.open->intents.at("batch").settled());
}

TEST_CASE("A token list is read back as it was written, and in no other spelling") {
  const std::vector<state::TokenObject> objects = {{"data", "a label with % and \xC3\xA9", "", std::nullopt, std::nullopt, std::nullopt, std::nullopt},
                                                   {"private-key", "root", "a1", true, false, false, sha256("key")},
                                                   {"other", "", "00", std::nullopt, true, std::nullopt, std::nullopt}};
  const std::string text = state::token_list(objects);
  const auto read = state::parse_token_list(text);
  REQUIRE(read);
  CHECK(state::token_list(*read) == text);
  CHECK(std::is_permutation(read->begin(), read->end(), objects.begin(), objects.end()));
  CHECK(state::parse_token_list("ceremony-token-list/v1\n")->empty());
  for (const std::string& bad : {text + "\n", text.substr(1), text.substr(0, text.size() - 1), text + "private-key\n",
                                 std::string("ceremony-token-list/v1\nkey root a1 local=yes extractable=no wrap=no key=-\n"),
                                 std::string("ceremony-token-list/v1\ndata %41 - local=- extractable=- wrap=- key=-\n"),
                                 std::string("ceremony-token-list/v1\ndata a - local=maybe extractable=- wrap=- key=-\n")})
    CHECK(!state::parse_token_list(bad));
}

TEST_CASE("A token may hold checkpoints of closed ceremonies only") {
  const std::size_t n = where("token", "purpose", "activation", 5);
  const auto& s = before(n);
  auto objects = *state::parse_token_list(as_text(*happy().source()(*digest_from_hex(happy().records()[n].d.text("list")))));
  const auto with = [&](const std::string& label) {
    auto more = objects;
    more.push_back({"data", label, "", std::nullopt, std::nullopt, std::nullopt, std::nullopt});
    return state::unexpected(s, "0001", state::token_list(more));
  };
  CHECK(!state::unexpected(s, "0001", state::token_list(objects)));
  CHECK(!with("checkpoint-" + std::to_string(s.last_closed_size())));  // two after a crash
  CHECK(with("checkpoint-7"));
  CHECK(with("diary"));
}

TEST_CASE("Artifacts named are those that must lie in the folder") {
  const auto& all = happy().records();
  CHECK(state::artifacts_named(all[where("open")]).size() == 3);
  CHECK(state::artifacts_named(all[where("policy")]).size() == 8);
  CHECK(state::artifacts_named(all[where("issue", 1)]).size() == 3);
  CHECK(state::artifacts_named(all[where("issue")]).size() == 2);
  CHECK(state::artifacts_named(all[where("export")]).empty());  // the backup: never an artifact
  CHECK(state::artifacts_named(all[where("export", "kind", "bundle")]).size() == 1);
  CHECK(state::artifacts_named(all[where("share")]).empty());
  CHECK(state::artifacts_named(all[where("enrol")]).empty());
  Record failed = all[where("issue")];
  failed.ok = false;
  CHECK(state::artifacts_named(failed).empty());
}

TEST_CASE("The status says what there is and what is due") {
  const std::string text = report::status_text(happy().state(), *time_from_text("2027-06-01T00:00:00Z"));
  CHECK(text.starts_with("rehearsal.ca.example.com/test (a rehearsal): "));
  for (const std::string part : {"No ceremony is open.", "root  ca, p384", "restored on token 0002, erased since", "CN=Test Issuing 1", "number 2, 0 entries, next update 2027-06-20",
                                 "activation-1: 2 of 3: c1, c2, c3", "the next CRL, by 2027-06-20 (19 days)"})
    CHECK(text.find(part) != std::string::npos);
  CHECK(report::status_text(before(where("restore")), happy().state().last_time).find("is open since") != std::string::npos);
  CHECK(report::status_text({}, Time{}) == "The log is empty: no ceremony has begun.\n");
}

TEST_CASE("The catalogue of rules") {
  std::set<std::string_view> ids;
  for (const state::Rule& rule : state::rules()) {
    CHECK(ids.insert(rule.id).second);
    CHECK(rule.sentence.ends_with("."));
  }
  CHECK(ids.size() == 64);
  CHECK(state::find_rule("QUORUM-1")->absolute);
  CHECK(!state::find_rule("EVID-1")->absolute);
  CHECK(state::find_rule("NO-1") == nullptr);
}

}  // namespace ceremony::testing
