// Procedure files: the shipped ones load, and a procedure in a wrong order does not.
#include "ceremony/procedure/procedure.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <algorithm>
#include <set>

#include "ceremony/procedure/actions_spec.h"
#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::procedure;  // NOLINT: a test reads as a story
using ceremony::policy::read_policy;
using ceremony::policy::Role;
using ceremony::test::findings_of;
using ceremony::test::lines_of;
using ceremony::test::shipped;
using ceremony::test::with;

namespace {

/// A shipped procedure as head and steps, so that a test can take a step out or move it.
class Steps {
 public:
  explicit Steps(const std::string& name) {
    std::string text = shipped(name);
    for (auto at = text.find("[[step]]"); at != std::string::npos; at = text.find("[[step]]")) {
      m_parts.push_back(text.substr(0, at));
      text.erase(0, at);
      text.replace(0, 8, "[[_step]]");
    }
    m_parts.push_back(text);
    for (std::string& part : m_parts) {
      if (part.starts_with("[[_step]]")) part.replace(0, 9, "[[step]]");
    }
  }
  Steps& without(const std::string& id) {
    m_parts.erase(m_parts.begin() + at(id));
    return *this;
  }
  Steps& swap(const std::string& one, const std::string& other) {
    std::swap(m_parts[static_cast<std::size_t>(at(one))], m_parts[static_cast<std::size_t>(at(other))]);
    return *this;
  }
  Steps& again(const std::string& id) {
    const std::string copy = with(m_parts[static_cast<std::size_t>(at(id))], "id = \"" + id, "id = \"again-" + id);
    m_parts.insert(m_parts.begin() + at(id) + 1, copy);
    return *this;
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const std::string& part : m_parts) out += part;
    return out;
  }

 private:
  [[nodiscard]] std::ptrdiff_t at(const std::string& id) const {
    for (std::size_t i = 1; i < m_parts.size(); ++i) {
      if (m_parts[i].find("\nid = \"" + id + "\"\n") != std::string::npos) return static_cast<std::ptrdiff_t>(i);
    }
    FAIL("no step " << id);
    return 0;
  }
  std::vector<std::string> m_parts;
};

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

}  // namespace

TEST_CASE("the shipped procedures load, and fit the sample policies") {
  for (const char* const name : {genesis, issuance}) {
    const std::string text = shipped(name);
    const Procedure procedure = read_procedure(name, text);
    CHECK(procedure.digest == ceremony::sha256(text));
    CHECK(procedure.id + ".toml" == name);
    for (const char* const policy : {"policy-rehearsal.toml", "policy-production.toml"}) {
      CHECK_NOTHROW(check(procedure, read_policy(policy, shipped(policy))));
    }
  }
}

TEST_CASE("steps come with what people read, who acts, and complete arguments") {
  const Procedure procedure = read_procedure(genesis, shipped(genesis));
  CHECK(procedure.kind == Kind::genesis);
  CHECK(procedure.steps.size() == 23);
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

struct Disorder {
  const char* name;
  const char* expected;
  Steps (*make)();
};

TEST_CASE("a procedure in a wrong order does not load, and each mistake is one finding") {
  const auto [name, expected, make] = GENERATE(values<Disorder>({
      {"no self-test", "\"open\" comes too early: the appliance was not tested", [] { return Steps(genesis).without("self-test"); }},
      {"no clock", "\"open\" comes too early: nobody agreed the clock", [] { return Steps(issuance).without("clock"); }},
      {"acts before open", "\"enrol_people\" comes too early: the ceremony is not open", [] { return Steps(genesis).swap("open", "enrol"); }},
      {"never opens", "\"enrol_people\" comes too early: the ceremony is not open", [] { return Steps(genesis).without("open"); }},
      {"nobody enrolled", "\"adopt_policy\" comes too early: nobody is enrolled", [] { return Steps(genesis).without("enrol"); }},
      {"no policy", "\"record_evidence\" comes too early: no policy is in force", [] { return Steps(genesis).without("adopt"); }},
      {"no evidence", "\"initialise_token\" comes too early: no evidence was recorded", [] { return Steps(genesis).without("evidence"); }},
      {"HSM touched before the dry run", "\"initialise_token\" comes too early: the root certificate was not linted in a dry run",
       [] { return Steps(genesis).swap("dry-lint", "init-token"); }},
      {"shares never handed out", "\"generate_keys\" comes too early: no share was handed out and read back", [] { return Steps(genesis).without("split"); }},
      {"keys before shares are read back", "\"generate_keys\" comes too early: no share was handed out and read back",
       [] { return Steps(genesis).swap("split", "generate"); }},
      {"two genesis keys", "\"generate_keys\" comes too late: the keys are generated already", [] { return Steps(genesis).again("generate"); }},
      {"no backup", "\"prove_restore\" comes too early: the key is not backed up", [] { return Steps(genesis).without("back-up"); }},
      {"no restore", "\"lock_key\" comes too early: no restore was proven", [] { return Steps(genesis).without("restore"); }},
      {"locked before the backup", "\"lock_key\" comes too early: no restore was proven", [] { return Steps(genesis).swap("back-up", "lock"); }},
      {"never locked", "\"sign_prepared\" comes too early: the key is not locked", [] { return Steps(genesis).without("lock"); }},
      {"signs before approval", "\"sign_prepared\" comes too early: what is prepared is not approved",
       [] { return Steps(genesis).swap("approve-root", "sign-root"); }},
      {"never approved", "\"sign_prepared\" comes too early: what is prepared is not approved", [] { return Steps(issuance).without("approve"); }},
      {"approves before anything is prepared", "\"approve_signatures\" comes too early: nothing is prepared",
       [] { return Steps(genesis).swap("prepare-root", "approve-root"); }},
      {"something prepared after the approval", "\"sign_prepared\" comes too early: what is prepared is not approved",
       [] { return Steps(issuance).swap("prepare-crl", "approve"); }},
      {"CRL before the root certificate", "\"prepare_crl\" comes too early: there is no root certificate", [] { return Steps(genesis).without("sign-root"); }},
      {"exports before the CRL is signed", "\"export_payload\" comes too early: no CRL was signed and verified",
       [] { return Steps(genesis).swap("sign-crl", "export"); }},
      {"CRL never signed", "\"export_payload\" comes too early: no CRL was signed and verified", [] { return Steps(genesis).without("sign-crl"); }},
      {"no requests", "\"prepare_certificates\" comes too early: no certification request was taken in", [] { return Steps(issuance).without("take-csrs"); }},
      {"no certificates", "\"export_bundles\" comes too early: no certificate was signed and verified", [] { return Steps(issuance).without("prepare-certificates"); }},
      {"nothing exported", "\"sign_off\" comes too early: what was signed has not left and was not read back", [] { return Steps(issuance).without("export-bundles"); }},
      {"deviations not confirmed", "\"sign_off\" comes too early: nobody confirmed the list of deviations", [] { return Steps(genesis).without("deviations"); }},
      {"deviations after sign-off", "\"sign_off\" comes too early: nobody confirmed the list of deviations",
       [] { return Steps(genesis).swap("deviations", "sign-off"); }},
      {"never signs off", "\"close\" comes too early: nobody signed off", [] { return Steps(genesis).without("sign-off"); }},
      {"never closes", "the procedure ends here, and the ceremony is not closed", [] { return Steps(issuance).without("close"); }},
      {"exports again after sign-off", "\"sign_off\" comes too late: the ceremony is signed off already", [] { return Steps(genesis).again("sign-off"); }},
      {"closes twice", "\"close\" comes too late: the ceremony is closed already", [] { return Steps(genesis).again("close"); }},
      {"opens twice", "\"open\" comes too late: the ceremony is open already", [] { return Steps(genesis).again("open"); }},
  }));
  INFO(name);
  CHECK(what(make().text()) == expected);
}

TEST_CASE("two mistakes of order are two findings") {
  CHECK(what(Steps(genesis).without("evidence").without("approve-root").text()) ==
        "\"initialise_token\" comes too early: no evidence was recorded\n"
        "\"sign_prepared\" comes too early: what is prepared is not approved");
}

TEST_CASE("a genesis cannot be run on a CA that exists, nor an issuance without one") {
  CHECK(what(with(shipped(genesis), "kind = \"genesis\"", "kind = \"issuance\"")).starts_with("\"enrol_people\" comes too late: the people are enrolled already"));
  CHECK(what(with(shipped(issuance), "kind = \"issuance\"", "kind = \"genesis\"")).starts_with("\"take_csrs\" comes too early: no policy is in force"));
}

struct Mistake {
  const char* from;
  const char* to;
  const char* expected;
};

// Lines are counted from the one that was changed, so that a word in a step may be improved without touching this table.
TEST_CASE("each mistake in a procedure file is one finding with its place") {
  const auto [from, to, expected] = GENERATE(values<Mistake>({
      {"procedure/v1", "procedure/v2", "0:1: the format is \"ceremony-procedure/v2\""},
      {"id = \"root-genesis\"", "id = \"Root genesis\"", "0:1: \"Root genesis\" is no procedure id"},
      {"title = \"Root genesis\"", "title = \"\"", "0:1: \"title\" is empty"},
      {"kind = \"genesis\"", "kind = \"birth\"", "0:1: the kind of ceremony is \"birth\""},
      {"id = \"clock\"", "id = \"self-test\"", "0:1: there are two steps \"self-test\""},
      {"title = \"Agree on the time\"", "titel = \"Agree on the time\"", "-2:1: \"step[2].title\" is missing\n0:1: unknown key \"step[2].titel\""},
      {"action = \"agree_clock\"", "action = \"agree_time\"", "0:1: there is no action \"agree_time\""},
      {"who = [\"everyone\"]", "who = [\"everybody\"]", "0:1: there is no role \"everybody\""},
      {"who = [\"everyone\"]", "who = []", "0:1: nobody acts in this step"},
      {"who = [\"everyone\"]", "who = [\"witness\", \"witness\"]", "0:1: the role \"witness\" stands there twice"},
      {"minutes = 5", "minutes = 0", "0:1: \"step[1].minutes\" is 0, outside 1 to 480"},
      {"minutes = 5", "minutes = \"5\"", "0:1: \"step[1].minutes\" is a text, not a whole number"},
      {"minutes = 5", "minutes = 5\nskip = true", "1:1: unknown key \"step[1].skip\""},
      {"who = [\"governance\"]", "who = [\"administrator\"]", "0:1: \"adopt_policy\" needs the role \"governance\", this step names administrator"},
      {"kinds = \"video,", "kinds = \"rumour,", "0:10: \"record_evidence\" does not take kinds = \"rumour, access-log, module-certificate\""},
      {"kinds = \"video,", "kind = \"video,", "0:10: unknown key \"step[6].args.kind\""},
      {"then = \"erase\"", "then = \"forget\"", "0:10: \"prove_restore\" does not take then = \"forget\""},
  }));
  INFO(from << " -> " << to);
  const std::string text = shipped(genesis);
  const auto line_of_change = std::ranges::count(text.substr(0, text.find(from)), '\n') + 1;
  std::string lines;
  for (const std::string_view line : lines_of(expected)) {
    const auto colon = line.find(':');
    lines += "p.toml:" + std::to_string(line_of_change + std::stoi(std::string(line.substr(0, colon)))) + std::string(line.substr(colon)) + "\n";
  }
  CHECK(findings_of([&] { (void)read_procedure("p.toml", with(text, from, to)); }) == lines);
}

TEST_CASE("an action of everyone names everyone") {
  const std::string step = "action = \"sign_off\"\nwho = [\"everyone\"]";
  CHECK(what(with(shipped(genesis), step, "action = \"sign_off\"\nwho = [\"witness\"]")) ==
        "\"sign_off\" is an action of everyone, this step names witness");
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
