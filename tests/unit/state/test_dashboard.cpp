// What people see when no ceremony runs: what is due, what can be started, who is needed.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "ceremony/report/dashboard.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

Time at(const char* text) { return *time_from_text(text); }

std::string file(const std::string& name) {
  std::ifstream in(CEREMONY_SOURCE "/procedures/" + name);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

policy::Policy rehearsal() { return policy::read_policy("policy", file("policy-rehearsal.toml")); }

std::vector<procedure::Procedure> procedures() {
  return {procedure::read_procedure("genesis", file("root-genesis.toml")), procedure::read_procedure("issue", file("issue-intermediates.toml"))};
}

/// The happy log's state, as that of the CA of this policy.
state::CaState adopted(const policy::Policy& policy, state::CaState s = happy().state()) {
  s.origin = policy.origin;
  s.policy_digest = policy.digest;
  s.procedures.clear();
  return s;
}

bool says(const std::vector<report::Due>& all, std::string_view part, bool late) {
  return std::ranges::any_of(all, [&](const auto& one) { return one.late == late && one.text.find(part) != std::string::npos; });
}

const report::Needed* needed(const report::Startable& p, std::string_view as) {
  const auto found = std::ranges::find(p.needed, as, &report::Needed::as);
  return found == p.needed.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("Nothing is due right after a ceremony, and each thing in its time") {
  const auto& s = happy().state();
  CHECK(report::due(s, s.last_time).empty());
  const Time update = s.crls.at(happy().root_id()).next_update;
  CHECK(!says(report::due(s, update - std::chrono::days(31)), "CRL", false));
  CHECK(says(report::due(s, update - std::chrono::days(30)), "the next CRL, by", false));
  CHECK(says(report::due(s, update - std::chrono::days(1)), "(1 day)", false));
  CHECK(says(report::due(s, update + std::chrono::seconds(1)), "CRL 2 ran out on", true));
}

TEST_CASE("Shares are to be opened once a year") {
  const auto& s = happy().state();
  const Time made = s.closed.front().at;
  CHECK(!says(report::due(s, made + std::chrono::days(334)), "check of the shares", false));
  CHECK(says(report::due(s, made + std::chrono::days(336)), "a check of the shares of activation-1, by", false));
  CHECK(says(report::due(s, made + std::chrono::days(336)), "a check of the shares of recovery-1, by", false));
  CHECK(says(report::due(s, made + std::chrono::days(366)), "shares of recovery-1, read back on", true));
  auto unread = s;
  unread.share_sets.at("recovery-1").shares.begin()->second.read_back = false;
  CHECK(says(report::due(unread, s.last_time), "never read back: ", true));
}

TEST_CASE("A certificate's end is seen a year ahead and not forgotten after it") {
  const auto& s = happy().state();
  const Time end = s.certificate_of(happy().root_id())->not_after;
  CHECK(!says(report::due(s, end - std::chrono::days(366)), "Test Root G1", false));
  CHECK(says(report::due(s, end - std::chrono::days(365)), "a successor of \"CN=Test Root G1", false));
  CHECK(says(report::due(s, end + std::chrono::seconds(1)), "CN=Test Root G1", true));
}

TEST_CASE("An empty log offers the genesis, to everybody") {
  const auto policy = rehearsal();
  const auto d = report::dashboard({}, at("2026-11-22T10:00:00Z"), policy, procedures());
  CHECK(d.last == "none yet");
  CHECK(d.due.empty());
  REQUIRE(d.procedures.size() == 2);
  CHECK(d.procedures[0].why_not.empty());
  CHECK(d.procedures[1].why_not == "there is no root yet: a genesis comes first");
  REQUIRE(needed(d.procedures[0], "everybody") != nullptr);
  CHECK(needed(d.procedures[0], "everybody")->count == 11);
  CHECK(needed(d.procedures[0], "recovery quorum")->count == 3);
  CHECK(needed(d.procedures[0], "governance quorum")->count == 2);
  CHECK(needed(d.procedures[1], "everybody") == nullptr);
  CHECK(needed(d.procedures[1], "recovery quorum") == nullptr);
  REQUIRE(needed(d.procedures[1], "activation quorum") != nullptr);
  CHECK(needed(d.procedures[1], "activation quorum")->among == policy.activation.members);
  CHECK(needed(d.procedures[1], "witness")->among == std::vector<std::string>{"w1"});
  CHECK(d.procedures[1].minutes == 195);
}

TEST_CASE("What the policy raises is what is needed") {
  auto policy = rehearsal();
  policy.raised["sign-certificate"] = 4;
  const auto d = report::dashboard({}, Time{}, policy, procedures());
  CHECK(needed(d.procedures[1], "activation quorum")->count == 4);
}

TEST_CASE("A log with a root offers the issuance") {
  const auto policy = rehearsal();
  const auto s = adopted(policy);
  const auto d = report::dashboard(s, s.last_time, policy, procedures());
  CHECK(d.procedures[0].why_not == "this CA has its root already");
  CHECK(d.procedures[1].why_not.empty());
  CHECK(d.last.find(", closed ") != std::string::npos);
  const auto text = report::text(d, "equal, 99 records");
  for (const std::string part : {"Ledgers: equal, 99 records\n", "Due: nothing\n", "issue-intermediates: Issue intermediates, about 3 h 15 min\n  needs 3 of 5 activation quorum; administrator adm1;",
                                 "NOT NOW: this CA has its root already\n"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("An open ceremony can only be gone on with") {
  const auto policy = rehearsal();
  const auto s = adopted(policy, before(where("import")));
  REQUIRE(s.open);
  const auto d = report::dashboard(s, s.last_time, policy, procedures());
  CHECK(d.procedures[0].why_not.find("is open: finish or abort it") != std::string::npos);
  CHECK(!d.procedures[0].goes_on);
  CHECK(d.procedures[1].why_not.empty());
  CHECK(d.procedures[1].goes_on);
  CHECK(d.last.starts_with("open: "));
}

TEST_CASE("Other files than the adopted ones start nothing") {
  const auto policy = rehearsal();
  auto s = adopted(policy);
  s.procedures["issue-intermediates"] = sha256("another");
  CHECK(report::dashboard(s, s.last_time, policy, procedures()).procedures[1].why_not == "the procedure file is not the one that governance adopted");
  s = adopted(policy);
  s.policy_digest = sha256("another");
  CHECK(report::dashboard(s, s.last_time, policy, procedures()).procedures[1].why_not == "the policy file is not the one that governance adopted");
  s = adopted(policy);
  s.origin = "rehearsal.other";
  const auto d = report::dashboard(s, s.last_time, policy, procedures());
  CHECK(d.procedures[1].why_not.find("the ledgers are those of the CA \"rehearsal.other\"") != std::string::npos);
  CHECK(d.ca.find("the ledgers are those of rehearsal.other") != std::string::npos);
}

}  // namespace ceremony::testing
