// Policy and binding files that are not taken: each mistake that people make, and the exact text they read.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/policy/binding.h"
#include "ceremony/policy/policy.h"
#include "tests/unit/policy/one_mistake.h"
#include "tests/unit/shared/refusal_table.h"

using ceremony::test::RefusalTable;
using ceremony::test::shipped;

TEST_CASE("every bad policy is refused with the text of the table") {
  const RefusalTable table("policy files", "policy/policy.refusals");
  table.check_texts({{"rehearsal", shipped("policy-rehearsal.toml")}, {"production", shipped("policy-production.toml")}, {"hsm-softhsm2.toml", shipped("hsm-softhsm2.toml")}},
                    [](const std::string& text) { (void)ceremony::policy::read_policy("p.toml", text); });
  table.print_count();
}

TEST_CASE("every bad binding is refused with the text of the table") {
  const RefusalTable table("binding files", "policy/binding.refusals");
  table.check_texts({{"softhsm2", shipped("hsm-softhsm2.toml")}, {"policy", shipped("policy-rehearsal.toml")}},
                    [](const std::string& text) { (void)ceremony::policy::read_binding("h.toml", text); });
  table.print_count();
}

TEST_CASE("a policy with ten mistakes gives ten lines with line and column, all in one run") {
  const RefusalTable table("ten mistakes", "policy/policy.refusals");
  const auto entry = std::ranges::find(table.entries(), "ten mistakes at once", &ceremony::test::BadFile::name);
  REQUIRE(entry != table.entries().end());
  CHECK(entry->changes.size() == 10);
  // That this is what is said, the table's own test has seen.
  std::size_t errors = 0;
  for (const std::string_view line : ceremony::test::lines_of(entry->expected)) {
    if (line.starts_with("error: ")) {
      INFO(line);
      CHECK(line.starts_with("error: p.toml:@"));
      ++errors;
    }
  }
  CHECK(errors == 10);
}
