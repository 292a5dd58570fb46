// Each rule broken, and named: that id and no other. This file: seals, waivers, deviations; and what breaks no rule.
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {

TEST_CASE("EVID-2: seals") {
  CHECK(broken_at(where("custody", "act", "opened", 1), [](Record& r) { set(r, "seal", sha256("salt seal: 4712")); }) == Ids{"EVID-2"});
  CHECK(broken_after(where("custody", "act", "opened", 1), [](state::CaState& s) { s.seals.at("token bag").act = "opened"; }) == Ids{"EVID-2"});
  const std::size_t n = where("evidence");
  const auto custody = [&](const std::string& act, const Value& seal, const std::optional<state::Seal>& last) {
    state::CaState s = before(n);
    s.seals.clear();
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
  const auto changed = [&](const std::string& field, const Value& value) {
    return broken_at(where("waiver"), [&](Record& r) { set(r, field, value); });
  };
  CHECK(changed("why", "laziness") == Ids{"WAIVER-1"});
  CHECK(changed("until", "2027-12-24T00:00:00Z") == Ids{"WAIVER-1"});
  CHECK(changed("rule", "LOG-3") == Ids{"WAIVER-1"});
  const auto granted = [&](const ledger::Act& what) {
    const Digest digest = log.put(ledger::act_artifact(what));
    state::CaState waiving = before(where("waiver"));
    waiving.open->approvals["waive"][digest] = {{"g1", 0}, {"g2", 0}};
    Record r = log.records()[where("waiver")];
    for (const auto& [field, value] : {std::pair{"rule", "rule"}, {"reason", "why"}, {"end", "until"}})
      if (what.contains(field)) set(r, value, what.at(field));
    set(r, "act", digest);
    return broken_by(waiving, r, log.source());
  };
  CHECK(granted({{"rule", "ROLE-5"}, {"reason", "r"}, {"end", until}, {"event", "activate"}}) == Ids{"WAIVER-1"});  // over before it began
  CHECK(granted({{"rule", "ROLE-5"}, {"reason", "r"}, {"end", "2027-01-01T00:00:00Z"}, {"event", "activate"}}) == Ids{});
  CHECK(granted({{"rule", "ROLE-5"}, {"reason", "r"}, {"end", "2027-01-01T00:00:00Z"}}) == Ids{"WAIVER-1"});
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

TEST_CASE("ROLE-5 and LOG-3's gap can be waived where they are asked, and nothing else by that") {
  const std::size_t n = where_if([](const Record& r) { return r.ev == "activate" && r.c == "issue"; });
  const auto waived = state::check(before(n), happy().records()[n], happy().source());
  REQUIRE(waived.size() == 1);
  CHECK((waived[0].rule == "ROLE-5" && waived[0].waived));
  state::CaState s = before(n);
  s.open->gap = std::chrono::days(401);
  CHECK(broken_by(s, happy().records()[n], happy().source()) == Ids{"LOG-3"});
  s.open->waivers.push_back(s.open->waivers[0]);
  s.open->waivers[1].rule = "LOG-3";
  CHECK(broken_by(s, happy().records()[n], happy().source()) == Ids{});
}

TEST_CASE("WITNESS-1 can be waived: a witness may fall ill") {
  const std::size_t n = where("intent", "act", "sign-certificate");
  Record r = happy().records()[n];
  r.who.clear();
  state::CaState s = before(n);
  const std::string until = "2026-12-01T00:00:00Z";
  const Digest act = happy().put(ledger::act_artifact({{"rule", "WITNESS-1"}, {"reason", "w1 fell ill"}, {"end", until}, {"event", "intent"}}));
  s.open->waivers.push_back({"WITNESS-1", "w1 fell ill", *time_from_text(until), act, 0});
  CHECK(broken_by(s, r, happy().source()) == Ids{});
  CHECK(state::is_waived(s, "WITNESS-1", "intent", r.t, happy().source()));
  CHECK(!state::is_waived(s, "WITNESS-1", "close", r.t, happy().source()));
  CHECK(!state::is_waived(s, "ROLE-5", "intent", r.t, happy().source()));
  CHECK(!state::is_waived(s, "WITNESS-1", "intent", *time_from_text("2026-12-02T00:00:00Z"), happy().source()));
  CHECK(!state::is_waived(before(n), "WITNESS-1", "intent", r.t, happy().source()));
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

}  // namespace ceremony::testing
