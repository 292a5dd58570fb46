// The paper script: everything of the procedure is on it, places to write too, and nothing of a file becomes markup.
#include "ceremony/procedure/script.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::procedure;  // NOLINT: a test reads as a story
using ceremony::policy::Policy;
using ceremony::policy::read_policy;
using ceremony::test::shipped;
using ceremony::test::with;

namespace {

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

const std::vector<std::string_view> words{"academic", "acid", "acne", "acquire", "acrobat", "activity", "actress", "adapt", "adequate", "adjust", "admit", "adorn"};

/// What the program fills in for these two.
ScriptDetails filled(const Policy& policy, const Procedure& procedure) {
  return {"2026-11-22-root-genesis", "2026-11-22", "", "ceremony 0.1.0", {{"policy", policy.digest, words}, {"procedure", procedure.digest, words}}, {}};
}

const ScriptDetails details{"2026-11-22-root-genesis", "2026-11-22", "", "ceremony 0.1.0", {}, {}};

/// Every tag that is opened is closed, in order; void elements close themselves.
void is_well_formed(const std::string& html) {
  std::vector<std::string> open;
  for (auto at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const auto end = html.find('>', at);
    REQUIRE(end != std::string::npos);
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!DOCTYPE") || tag.ends_with("/")) continue;
    if (tag.starts_with("/")) {
      REQUIRE_FALSE(open.empty());
      CHECK(open.back() == tag.substr(1));
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  CHECK(open.empty());
}

}  // namespace

TEST_CASE("both scripts of every procedure have every step with its id, roles, approvals and places to write") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  for (const char* const name : {"root-genesis.toml", "issue-intermediates.toml", "admit-image.toml"}) {
    const Procedure procedure = read_procedure(name, shipped(name));
    for (const std::string& text : {script_markdown(procedure, policy, filled(policy, procedure)), script_html(procedure, policy, filled(policy, procedure))}) {
      for (const Step& step : procedure.steps) {
        INFO(step.id);
        CHECK(count(text, "[" + step.id + "]") == 1);
        CHECK(text.find(step.title) != std::string::npos);
      }
      CHECK(count(text, "Begun (UTC)") == procedure.steps.size());
      for (const auto& [id, person] : policy.people) CHECK(text.find(id) != std::string::npos);
      for (const char* const part : {"REHEARSAL", "Roles", "Quorums", "Approvals", "Hardware", "Physical security", "Seals", "Storage afterwards", "Deviations",
                                     "Checkpoint", "Sign-off", "3 of 5", "2026-11-22-root-genesis"}) {
        INFO(part);
        CHECK(text.find(part) != std::string::npos);
      }
      CHECK(text.find(ceremony::hex(procedure.digest)) != std::string::npos);
      CHECK(text.find(ceremony::hex(policy.digest)) != std::string::npos);
    }
  }
}

TEST_CASE("the approvals listed are those the steps ask for") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  const std::string text = script_markdown(read_procedure("g", shipped("root-genesis.toml")), policy, details);
  CHECK(text.find("| approve-root | sign-certificate | activation | 3 | types two words |") != std::string::npos);
  CHECK(text.find("| approve-crl | sign-crl | activation | 3 | - |") != std::string::npos);
  CHECK(text.find("| approve-crl | sign-certificate |") == std::string::npos);
  CHECK(text.find("| adopt | adopt-policy | governance | 2 |") != std::string::npos);
  CHECK(text.find("sign-batch") == std::string::npos);
  const std::string admission = script_markdown(read_procedure("a", shipped("admit-image.toml")), policy, details);
  CHECK(admission.find("| admit | admit-image | governance | 2 | - |") != std::string::npos);
  CHECK(admission.find("| New boot image | First and last four of the SHA-256 | By whom, on which machine |") != std::string::npos);
  CHECK(admission.find("| PCR ") == std::string::npos);
  Policy measured = policy;
  measured.tpm.emplace();
  const std::string with_values = script_markdown(read_procedure("a", shipped("admit-image.toml")), measured, details);
  CHECK(with_values.find("| PCR 4, of a machine that was started from it |") != std::string::npos);
  CHECK(with_values.find("| PCR 11, as scripts/image printed it |") != std::string::npos);
  const std::string batch = script_markdown(read_procedure("i", with(shipped("issue-intermediates.toml"), "as = \"each\"", "as = \"batch\"")), policy, details);
  CHECK(batch.find("| approve | sign-batch | activation | 3 |") != std::string::npos);
  CHECK(batch.find("sign-certificate") == std::string::npos);
}

TEST_CASE("where policy wants a witness, and there only, a step has a place for who it was") {
  const Procedure procedure = read_procedure("g", shipped("root-genesis.toml"));
  const auto printed = [&](const char* policy) { return script_markdown(procedure, read_policy("p", shipped(policy)), details); };
  const std::string told = "types two other words of the same digest", text = printed("policy-rehearsal.toml");
  CHECK(count(text, told) == 1);
  CHECK(count(text, "| sign-certificate | w1 | …") == 1);
  CHECK(text.find(told) > text.find("[approve-root]"));
  CHECK(text.find(told) < text.find("[sign-root]"));
  CHECK(count(printed("policy-rehearsal-matter.toml"), told) == 0);
  const std::string production = printed("policy-production.toml");
  CHECK(count(production, told) == 3);  // generate, approve-root, approve-crl
  CHECK(count(production, "| generate-key | w1 | …") == 1);
}

TEST_CASE("the same input gives the same bytes, and a production script does not say rehearsal") {
  const Policy policy = read_policy("p", shipped("policy-production.toml"));
  const Procedure procedure = read_procedure("i", shipped("issue-intermediates.toml"));
  CHECK(script_html(procedure, policy, {}) == script_html(procedure, policy, {}));
  CHECK(script_html(procedure, policy, {}).find("<p class=\"banner\">PRODUCTION</p>") != std::string::npos);
  CHECK(script_html(procedure, policy, {}).find("REHEARSAL:") == std::string::npos);
  CHECK(script_markdown(procedure, policy, {}).find("REHEARSAL:") == std::string::npos);
}

TEST_CASE("words of a file do not become markup") {
  const Policy policy = read_policy("p", with(shipped("policy-rehearsal.toml"), "Root G1 (rehearsal)\"", "<script>*x*|`y`\""));
  const Procedure procedure = read_procedure("i", shipped("issue-intermediates.toml"));
  const std::string html = script_html(procedure, policy, {});
  CHECK(html.find("<script>") == std::string::npos);
  CHECK(html.find("&lt;script&gt;*x*|`y`") != std::string::npos);
  CHECK(script_markdown(procedure, policy, {}).find("\\<script\\>\\*x\\*\\|\\`y\\`") != std::string::npos);
}

TEST_CASE("the HTML stands alone") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  const std::string html = script_html(read_procedure("i", shipped("issue-intermediates.toml")), policy, {});
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(html.ends_with("</html>\n"));
  CHECK(html.find("http") == std::string::npos);
  CHECK(html.find("src=") == std::string::npos);
  is_well_formed(html);
}

TEST_CASE("digests stand with their ends and words, beside a box to tick them off") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  const Procedure procedure = read_procedure("g", shipped("root-genesis.toml"));
  const std::string text = ceremony::hex(policy.digest);
  const std::string ends = text.substr(0, 4) + " … " + text.substr(60);
  CHECK(script_markdown(procedure, policy, filled(policy, procedure)).find("| policy | " + ends + " | " + text +
                                                                          " 1. academic acid acne acquire 2. acrobat activity actress adapt 3. adequate adjust admit adorn | …") !=
        std::string::npos);
  CHECK(script_html(procedure, policy, filled(policy, procedure)).find("<td>policy</td><td>" + ends + "</td><td class=\"lines\">" + text +
                                                                      "\n1. academic acid acne acquire\n2. acrobat") != std::string::npos);
}

TEST_CASE("the previous checkpoint is printed where it is known, left to be written where not, and left out before there is any") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  const Procedure genesis = read_procedure("g", shipped("root-genesis.toml"));
  const Procedure issuance = read_procedure("i", shipped("issue-intermediates.toml"));
  CHECK(script_markdown(genesis, policy, details).find("Previous checkpoint") == std::string::npos);
  CHECK(script_markdown(issuance, policy, details).find("## Previous checkpoint") != std::string::npos);
  CHECK(script_markdown(issuance, policy, details).find("| Size | …") != std::string::npos);
  ScriptDetails known = details;
  known.previous = {123, words};
  CHECK(script_markdown(issuance, policy, known).find("| Size | 123 records |") != std::string::npos);
  CHECK(script_markdown(issuance, policy, known).find("| Words | 1. academic acid acne acquire 2.") != std::string::npos);
}

TEST_CASE("on paper the banner is the head of the table that holds all pages, and parts begin on pages of their own") {
  const Policy policy = read_policy("p", shipped("policy-rehearsal.toml"));
  const Procedure procedure = read_procedure("g", shipped("root-genesis.toml"));
  const std::string html = script_html(procedure, policy, details);
  const std::string banner = "<p class=\"banner\">REHEARSAL: nothing made in this ceremony has any value</p>";
  CHECK(html.find("<table class=\"pages\">\n<thead><tr><td class=\"page\">" + banner) != std::string::npos);
  CHECK(count(html, banner) == 1);
  CHECK(html.find("thead { display: table-header-group }") != std::string::npos);
  CHECK(html.ends_with("</td></tr></tbody>\n</table>\n</body>\n</html>\n"));
  CHECK(count(html, "<div class=\"new-page\"></div>") == 3);
  // Markdown has no pages: each part says it.
  CHECK(count(script_markdown(procedure, policy, details), "**REHEARSAL: nothing made in this ceremony has any value**") == 4);
}
