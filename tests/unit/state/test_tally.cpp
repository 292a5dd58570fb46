// After all the files that break rules (this one comes last): is every rule broken by a test that names it alone, and would
// some test turn red if the rule were not there?
#include <algorithm>
#include <cstdio>

#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

/// Ceremonies here reach every rule; one that they cannot would be listed with the reason.
const std::map<std::string_view, std::string_view> out_of_reach{};

/// What breaks this rule, asked again without it.
bool needed(std::string_view rule) {
  return std::ranges::any_of(cases(), [&](const Case& c) { return c.broken.contains(std::string(rule)) && ids_of(c.ask(rule)) != c.broken; });
}

/// Left out, the rule no longer names itself, and what it alone forbade is allowed.
bool bites_alone(std::string_view rule) {
  return std::ranges::any_of(cases(), [&](const Case& c) { return c.broken == Ids{std::string(rule)} && ids_of(c.ask(rule)).empty(); });
}

}  // namespace

TEST_CASE("The tally of the rules, after all other tests") {
  std::size_t there = 0, named = 0, wanted = 0;
  std::string not_named, not_needed;
  for (const state::Rule& rule : state::rules()) {
    CHECK((rule.function != nullptr || !rule.elsewhere.empty()));
    if (out_of_reach.contains(rule.id)) continue;
    ++there;
    if (bites_alone(rule.id)) ++named; else not_named += " " + std::string(rule.id);
    if (needed(rule.id)) ++wanted; else not_needed += " " + std::string(rule.id);
  }
  std::printf("counted: rules broken and named: %zu of %zu\ncounted: rules without which a test turns red: %zu of %zu\ncounted: ways in which rules were broken: %zu\n", named, there, wanted, there, cases().size());
  // Run alone, without the tests that break rules, this fails: there is nothing to count.
  CHECK(not_named == "");
  CHECK(not_needed == "");
}

}  // namespace ceremony::testing
