// Procedure files: the shipped ones load, and a procedure in a wrong order does not.
#include "ceremony/procedure/procedure.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "ceremony/procedure/actions_spec.h"
#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::procedure;  // NOLINT: a test reads as a story
using ceremony::policy::read_policy;
using ceremony::policy::Role;
using ceremony::test::findings_of;
using ceremony::test::shipped;
using ceremony::test::with;

namespace {

/// Findings without their places, which a moved step changes.
std::string what(const std::string& text) {
  std::string out;
  try {
    (void)read_procedure("p", text);
  } catch (const ceremony::Refused& refused) {
    CHECK(refused.is(ceremony::toml_file::TomlRefusal::mistakes));
    for (const auto& each : refused.findings()) {
      out += (out.empty() ? "" : "\n") + each.what;
      CHECK(each.where.starts_with("p:"));
      CHECK_FALSE(each.hint.empty());
    }
  }
  return out;
}

constexpr const char* genesis = "root-genesis.toml";
constexpr const char* issuance = "issue-intermediates.toml";
constexpr const char* admission = "admit-image.toml";

}  // namespace

TEST_CASE("the shipped procedures load, and fit the sample policies") {
  for (const char* const name : {genesis, issuance, admission}) {
    const std::string text = shipped(name);
    const Procedure procedure = read_procedure(name, text);
    CHECK(procedure.digest == ceremony::sha256(text));
    CHECK(procedure.id + ".toml" == name);
    for (const char* const policy : {"policy-rehearsal.toml", "policy-production.toml"}) {
      CHECK_NOTHROW(check(procedure, read_policy(policy, shipped(policy))));
    }
  }
}

TEST_CASE("an admission signs nothing, and admits an image") {
  const std::string text = shipped(admission);
  CHECK(read_procedure(admission, text).kind == Kind::admission);
  CHECK(what(with(text, "kind = \"admission\"", "kind = \"issuance\"")).find("\"sign_off\" comes too early: what was signed has not left and was not read back") != std::string::npos);
  CHECK(what(with(text, "action = \"admit_image\"", "action = \"record_deviation\"")) == "the procedure ends here, and no boot image is admitted");
}

TEST_CASE("steps come with what people read, who acts, and complete arguments") {
  const Procedure procedure = read_procedure(genesis, shipped(genesis));
  CHECK(procedure.kind == Kind::genesis);
  CHECK(procedure.steps.size() == 27);
  CHECK(procedure.minutes() > 180);
  const Step* split = procedure.step("split");
  REQUIRE(split != nullptr);
  CHECK(split->action == "split_secrets");
  CHECK(split->acts(Role::custodian));
  CHECK_FALSE(split->acts(Role::witness));
  CHECK(split->who_text() == "custodian");
  CHECK(split->says.starts_with("Each custodian"));
  CHECK_FALSE(split->help.empty());
  CHECK(procedure.step("restore")->arg("then") == "erase");
  CHECK(procedure.step("approve-crl")->arg("as") == "each");
  CHECK(procedure.step("sign-off")->who_text() == "everyone");
  CHECK(procedure.step("nowhere") == nullptr);
}

TEST_CASE("what people read fits a screen of 80 by 24: no step is a wall of text") {
  for (const char* const name : {genesis, issuance}) {
    const Procedure procedure = read_procedure(name, shipped(name));
    for (const Step& step : procedure.steps) {
      INFO(step.id);
      CHECK(step.says.size() < 1300);
    }
  }
}

TEST_CASE("a genesis cannot be run on a CA that exists, nor an issuance without one") {
  CHECK(what(with(shipped(genesis), "kind = \"genesis\"", "kind = \"issuance\"")).starts_with("\"enrol_people\" comes too late: the people are enrolled already"));
  CHECK(what(with(shipped(issuance), "kind = \"issuance\"", "kind = \"genesis\"")).starts_with("\"record_waiver\" comes too early: no policy is in force"));
}

TEST_CASE("a procedure that the policy does not admit is refused before anything is touched") {
  const auto refused = [](const std::string& procedure, const std::string& policy) {
    return findings_of([&] { check(read_procedure("p.toml", procedure), read_policy("policy", policy)); });
  };
  const std::string policy = shipped("policy-rehearsal.toml");
  const std::string text = shipped(genesis);
  CHECK(refused(with(text, "id = \"root-genesis\"", "id = \"root-genesis-2\""), policy) == "p.toml: the policy does not admit the procedure \"root-genesis-2\"\n");

  const std::string pin = "[procedures.root-genesis]\nsha256 = \"";
  CHECK(refused(text, with(policy, "[procedures.root-genesis]\n", pin + ceremony::hex(ceremony::sha256(text)) + "\"\n")).empty());
  CHECK(refused(text, with(policy, "[procedures.root-genesis]\n", pin + std::string(64, '0') + "\"\n")) ==
        "p.toml: the file's SHA-256 is " + ceremony::hex(ceremony::sha256(text)) + ", the policy admits " + std::string(64, '0') + "\n");

  // Nobody holds the role that a step needs.
  const std::string alone = with(text, "who = [\"administrator\"]", "who = [\"auditor\"]");
  const std::string no_auditor = with(policy, "w1 = [\"witness\", \"auditor\"]", "w1 = [\"witness\"]");
  CHECK(refused(alone, no_auditor) == read_procedure("p.toml", alone).step("self-test")->where + ": the step \"self-test\" needs the role \"auditor\", which nobody holds\n");

  CHECK(refused(with(text, "kinds = \"video, ", "kinds = \""), policy).ends_with("asks for the evidence \"access-log, module-certificate\"\n"));
  CHECK(refused(with(text, "as = \"each\"", "as = \"batch\""), policy).ends_with("approves a root certificate as a batch\n"));
}

TEST_CASE("a run that stopped begins again where the oldest thing that is prepared and not signed was prepared") {
  const Procedure issue = read_procedure(issuance, shipped(issuance));
  const auto begins = [](const Procedure& procedure, std::string_view stopped) {
    for (std::size_t i = 0; i < procedure.steps.size(); ++i)
      if (procedure.steps[i].id == stopped) return procedure.steps[procedure.begins_again_at(i)].id;
    return std::string("no such step");
  };
  CHECK(begins(issue, "take-csrs") == "take-csrs");
  // Also from the step between approving and signing that opens the HSM's bag.
  for (const char* const stopped : {"prepare-certificates", "prepare-crl", "approve", "open-bag", "sign"}) CHECK(begins(issue, stopped) == "prepare-certificates");
  CHECK(begins(issue, "export-bundles") == "export-bundles");
  const Procedure root = read_procedure(genesis, shipped(genesis));
  CHECK(begins(root, "lock") == "lock");
  CHECK(begins(root, "sign-root") == "prepare-root");
  CHECK(begins(root, "prepare-crl") == "prepare-crl");
  CHECK(begins(root, "sign-crl") == "prepare-crl");
}

TEST_CASE("the table of actions is consistent") {
  std::set<std::string_view> names;
  for (const ActionSpec& each : actions()) {
    INFO(each.name);
    CHECK(names.insert(each.name).second);
    CHECK_FALSE(each.says.empty());
    CHECK(action_named(each.name) == &each);
    for (const Fact fact : each.needs) CHECK_FALSE(spec_of(fact).lacking.empty());
    for (const auto act : each.acts) CHECK((act == "hand-in-share" || ceremony::policy::quorum_of_act(act)));
  }
  CHECK(action_named("run_shell") == nullptr);
}

TEST_CASE("the format page names every action, argument and fact") {
  std::ifstream file(CEREMONY_SOURCE "/ceremony/procedure/FORMAT.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (const ActionSpec& each : actions()) {
    INFO(each.name);
    CHECK(page.find("`" + std::string(each.name) + "`") != std::string::npos);
    for (const ArgSpec& arg : each.args) CHECK(page.find("`" + std::string(arg.name) + "`") != std::string::npos);
    for (const Fact fact : each.provides) CHECK(page.find(spec_of(fact).name) != std::string::npos);
  }
}
