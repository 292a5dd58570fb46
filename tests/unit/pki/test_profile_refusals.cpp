// Certificate profiles that are not taken: each mistake that people make, and the exact text they read.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/pki/profile.h"
#include "tests/unit/policy/one_mistake.h"
#include "tests/unit/shared/refusal_table.h"

using ceremony::test::shipped;

TEST_CASE("every bad profile is refused with the text of the table") {
  const ceremony::test::RefusalTable table("profile files", "pki/profile.refusals");
  table.check_texts({{"issuing", shipped("profiles/issuing-generic.toml")}, {"root", shipped("profiles/root-generic.toml")}, {"policy", shipped("policy-rehearsal.toml")}},
                    [](const std::string& text) { (void)ceremony::pki::read_profile("p.toml", text); });
  table.print_count();
}
