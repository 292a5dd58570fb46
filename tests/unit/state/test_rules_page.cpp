// RULES.md is what somebody writes another verifier from: it has every rule of the table, in its order, under its id and with its sentence.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "ceremony/state/rules.h"

namespace ceremony::testing {

TEST_CASE("RULES.md has every rule with its id, its mark and its sentence") {
  std::ifstream file(CEREMONY_SOURCE "/ceremony/state/RULES.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::size_t at = 0, sections = 0;
  for (const state::Rule& rule : state::rules()) {
    const std::string section = "\n### " + std::string(rule.id) + (rule.absolute ? " ■" : "") + "\n\n" + std::string(rule.sentence) + "\n";
    INFO("due next in ceremony/state/RULES.md:" << section);
    const std::size_t found = page.find(section, at);
    REQUIRE(found != std::string::npos);
    at = found;
    ++sections;
  }
  std::size_t headings = 0;
  for (std::size_t next = page.find("\n### "); next != std::string::npos; next = page.find("\n### ", next + 1)) ++headings;
  CHECK(headings == sections);
}

}  // namespace ceremony::testing
