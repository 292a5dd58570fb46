// The policy file: the samples load, and each mistake is said once, with its place.
#include "ceremony/policy/policy.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <fstream>
#include <iterator>

#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::policy;  // NOLINT: a test reads as a story
using ceremony::test::findings_of;
using ceremony::test::shipped;
using ceremony::test::with;

namespace {

std::string findings(std::string_view text) {
  return findings_of([&] { (void)read_policy("p.toml", text); });
}

struct Mistake {
  const char* sample;
  const char* from;
  const char* to;
  const char* expected;
};

constexpr const char* rehearsal = "policy-rehearsal.toml";
constexpr const char* production = "policy-production.toml";

}  // namespace

TEST_CASE("the rehearsal sample says who, how many, and in which world") {
  const std::string text = shipped(rehearsal);
  const Policy policy = read_policy(rehearsal, text);
  CHECK(policy.environment == Environment::rehearsal);
  CHECK(policy.origin == "rehearsal.ca.example.com/devices-g1");
  CHECK(policy.digest == ceremony::sha256(text));
  CHECK(policy.people.size() == 11);
  CHECK(policy.people_with(Role::custodian) == std::vector<std::string>{"c1", "c2", "c3", "c4", "c5"});
  CHECK(policy.holds("w1", Role::auditor));
  CHECK_FALSE(policy.holds("w1", Role::custodian));
  CHECK_FALSE(policy.holds("stranger", Role::custodian));
  CHECK(policy.person("stranger") == nullptr);
  CHECK(policy.activation.m == 3);
  CHECK(policy.recovery.n() == 5);
  CHECK(policy.activation.place_of("c4") == 4);
  CHECK(policy.activation.place_of("g1") == 0);
  CHECK(policy.quorum(QuorumName::governance).has("g2"));
  CHECK(policy.root.algorithm == "p384");
  CHECK(policy.root.organization == "Example REHEARSAL");
  CHECK(policy.root.subject.get("CN") == "Example Devices Root G1");
  CHECK(policy.issuing.profiles == std::vector<std::string>{"issuing-generic", "issuing-802.1ar"});
  CHECK(policy.log_algorithm == "p256");
  CHECK(policy.scrypt_log_n == 14);
  CHECK(policy.backup_media == 2);
  REQUIRE(policy.procedure("root-genesis") != nullptr);
  CHECK(policy.procedure("root-genesis")->sign_off.size() == 4);
  CHECK(policy.procedure("elsewhere") == nullptr);
}

TEST_CASE("an act's approvals come from its quorum, or from what the policy raised them to") {
  const Policy policy = read_policy("p", with(shipped(rehearsal), "[root]", "[approvals]\nsign-certificate = 4\n\n[root]"));
  CHECK(policy.approval_for("sign-certificate")->m == 4);
  CHECK(policy.approval_for("sign-crl")->m == 3);
  CHECK(policy.approval_for("sign-crl")->quorum == QuorumName::activation);
  CHECK(policy.approval_for("adopt-policy")->m == 2);
  CHECK(policy.approval_for("recover-key")->quorum == QuorumName::recovery);
  CHECK_FALSE(policy.approval_for("hand-in-share"));
  CHECK_FALSE(policy.approval_for("sign-anything"));
}

TEST_CASE("a rehearsal admits tokens by model, production by model and serial") {
  const Policy one = read_policy("p", shipped(rehearsal));
  CHECK(one.admits_token("SoftHSM v2", "any"));
  CHECK_FALSE(one.admits_token("YubiHSM", "0012345678"));
  const Policy other = read_policy("p", shipped(production));
  CHECK(other.scrypt_log_n >= 18);
  CHECK(other.admits_token("YubiHSM", "0012345678"));
  CHECK_FALSE(other.admits_token("YubiHSM", "any"));
  CHECK_FALSE(other.admits_token("SoftHSM v2", "0012345678"));
}

TEST_CASE("each mistake in a policy is one finding with its place") {
  const auto [sample, from, to, expected] = GENERATE(values<Mistake>({
      {rehearsal, "policy/v1", "policy/v2", "3:1: the format is \"ceremony-policy/v2\""},
      {rehearsal, "name = \"Example Devices Root G1 (rehearsal)\"", "name = \"\"", "4:1: \"name\" is empty"},
      {rehearsal, "\"rehearsal.ca", "\"ca", "5:1: the origin \"ca.example.com/devices-g1\" of a rehearsal does not begin with \"rehearsal.\""},
      {rehearsal, "devices-g1\"", "devices g1\"",
       "5:1: the origin \"rehearsal.ca.example.com/devices g1\" holds a space, a plus sign or a character outside ASCII"},
      {rehearsal, "devices-g1\"", "devices+g1\"",
       "5:1: the origin \"rehearsal.ca.example.com/devices+g1\" holds a space, a plus sign or a character outside ASCII"},
      {rehearsal, "= \"rehearsal\"", "= \"staging\"", "6:1: the environment is \"staging\""},
      {rehearsal, "adm1 = [", "Adm1 = [", "10:1: the person \"Adm1\" has no proper id"},
      {rehearsal, "c1 = [\"custodian\"]", "c1 = [\"custodain\"]",
       "13:1: \"c1\" names the role \"custodain\", which does not exist"},
      {rehearsal, "so1 = [\"security-officer\"]", "so1 = [\"security-officer\", \"security-officer\"]",
       "11:1: \"so1\" names the role \"security-officer\" twice"},
      {rehearsal, "adm1 = [\"administrator\"]", "adm1 = [\"administrator\"]\nx = []", "11:1: \"x\" names no role"},
      {rehearsal, "c2 = [\"custodian\"]", "c2 = [\"custodian\", \"governance\"]",
       "14:1: \"c2\" holds the roles \"custodian\" and \"governance\", which exclude each other"},
      {rehearsal, "custodian = [\"administrator\"", "custodian = [\"custodian\", \"administrator\"", "24:1: the role \"custodian\" excludes itself"},
      {rehearsal, "security-officer = [\"witness\"", "officer = [\"witness\"", "27:1: [exclusive] names the role \"officer\", which does not exist"},
      {rehearsal, "m = 2\n", "m = 1\n", "30:1: \"quorums.governance.m\" is 1, outside 2 to 16"},
      {rehearsal, "m = 2\n", "m = 4\n", "30:1: the quorum \"governance\" asks for 4 of 3 members"},
      {rehearsal, "members = [\"g1\", \"g2\", \"g3\"]", "members = [\"g1\", \"g2\", \"g2\"]", "31:1: the quorum \"governance\" names \"g2\" twice"},
      {rehearsal, "members = [\"g1\", \"g2\", \"g3\"]", "members = [\"g1\", \"g2\", \"g9\"]",
       "31:1: the quorum \"governance\" names \"g9\", who is not in [people]"},
      {rehearsal, "members = [\"g1\", \"g2\", \"g3\"]", "members = [\"g1\", \"g2\", \"c3\"]",
       "31:1: the quorum \"governance\" names \"c3\", who does not hold the role \"governance\""},
      {rehearsal, "[quorums.activation]\nm = 3", "[quorums.activation]\nm = 4", "38:1: recovery asks for 3 people, activation for 4"},
      {rehearsal, "[root]", "[approvals]\nsign-anything = 3\n\n[root]", "42:1: there is no act \"sign-anything\" that a quorum approves"},
      {rehearsal, "[root]", "[approvals]\nsign-crl = 2\n\n[root]",
       "42:1: \"sign-crl\" asks for 2 approvals; its quorum \"activation\" is 3 of 5"},
      {rehearsal, "[root]", "[approvals]\nsign-crl = 6\n\n[root]",
       "42:1: \"sign-crl\" asks for 6 approvals; its quorum \"activation\" is 3 of 5"},
      {rehearsal, "algorithm = \"p384\"", "algorithm = \"p521\"", "42:1: the key algorithm \"p521\" is not known"},
      {rehearsal, "O=Example REHEARSAL", "O=Example", "43:1: the organisation \"Example\" of a rehearsal does not contain REHEARSAL"},
      {rehearsal, ", O=Example REHEARSAL", "", "43:1: the subject \"CN=Example Devices Root G1, C=CH\" lacks O"},
      {rehearsal, "CN=Example Devices Root G1, ", "", "43:1: the subject \"O=Example REHEARSAL, C=CH\" lacks CN"},
      {rehearsal, "profile = \"root-generic\"", "profile = \"Root Generic\"", "44:1: \"Root Generic\" is no profile id"},
      {rehearsal, "years = 25", "years = 0", "45:1: \"root.years\" is 0, outside 1 to 60"},
      {rehearsal, "algorithm = \"p256\"", "algorithm = \"p384\"", "48:1: the log key's algorithm is \"p384\""},
      {rehearsal, "\"rsa3072\", ", "\"rsa2048\", ", "52:1: the key algorithm \"rsa2048\" is not known"},
      {rehearsal, "years_max = 15", "years_max = 26", "53:1: an intermediate may be valid for 26 years, its root for 25"},
      {rehearsal, "next_update_days = 180", "next_update_days = 400", "57:1: \"crl.next_update_days\" is 400, outside 1 to 365"},
      {rehearsal, "scrypt_log_n = 14", "scrypt_log_n = 13", "60:1: \"shares.scrypt_log_n\" is 13, outside 14 to 20"},
      {rehearsal, "passphrases = \"proposed\"", "passphrases = \"own\"", "61:1: passphrases are \"own\""},
      {rehearsal, "media = 2", "media = 1", "64:1: \"backup.media\" is 1, outside 2 to 8"},
      {rehearsal, "models = [\"SoftHSM v2\"]", "models = []", "70:1: no token model is admitted"},
      {rehearsal, "models = [\"SoftHSM v2\"]", "models = [\"SoftHSM v2\"]\nserials = [\"1\"]", "71:1: a rehearsal names tokens by serial"},
      {rehearsal, "[\"administrator\", \"security-officer\", \"witness\", \"custodian\"]", "[\"administrator\", \"security-officer\", \"custodian\"]",
       "73:1: \"root-genesis\" is signed off by administrator, security-officer, custodian"},
      {rehearsal, "[procedures.root-genesis]\n", "[procedures.root-genesis]\nsha256 = \"abc\"\n", "73:1: \"abc\" is no SHA-256 digest"},
      {rehearsal, "\"LOG-3\"", "\"log three\"", "79:1: \"log three\" is no rule id"},
      {rehearsal, "[limits]", "[limit]", "1:1: \"limits\" is missing\n66:2: unknown table \"limit\""},
      {rehearsal, "longest_gap_days = 400", "longest_gap_days = \"400\"", "67:1: \"limits.longest_gap_days\" is a text, not a whole number"},
      {production, "\"ca.example.com", "\"rehearsal.ca.example.com",
       "5:1: the origin \"rehearsal.ca.example.com/devices-g1\" of a production policy is a rehearsal's"},
      {production, "O=Example,", "O=Example REHEARSAL,", "43:1: the organisation \"Example REHEARSAL\" of a production policy contains REHEARSAL"},
      {production, "scrypt_log_n = 18", "scrypt_log_n = 17", "60:1: the scrypt work factor is 2^17 in a production policy"},
      {production, "passphrases = \"proposed\"", "passphrases = \"any\"", "61:1: a production policy takes passphrases that people thought of"},
      {production, "\"YubiHSM\"", "\"SoftHSM v2\"", "70:1: a production policy admits \"SoftHSM v2\", a token made of software"},
      {production, "serials = [\"0012345678\", \"0012345679\"]\n", "", "69:1: a production policy admits no token by serial"},
      {production, "\"0012345679\"", "\"0012345678\"", "72:1: \"serials\" holds \"0012345678\" twice"},
  }));
  INFO(sample << ": " << from << " -> " << to);
  std::string lines;
  for (const std::string_view line : ceremony::test::lines_of(expected)) lines += "p.toml:" + std::string(line) + "\n";
  CHECK(findings(with(shipped(sample), from, to)) == lines);
}

TEST_CASE("a quorum has at most sixteen members") {
  std::string people = "c1 = [\"custodian\"]";
  std::string members = "\"c1\", \"c2\", \"c3\", \"c4\", \"c5\"";
  for (int i = 6; i <= 17; ++i) {
    people += "\nc" + std::to_string(i) + " = [\"custodian\"]";
    members += ", \"c" + std::to_string(i) + "\"";
  }
  std::string text = with(shipped(rehearsal), "c1 = [\"custodian\"]", people);
  text = with(text, "\"c1\", \"c2\", \"c3\", \"c4\", \"c5\"", members);
  CHECK(findings(text) == "p.toml:47:1: the quorum \"activation\" has 17 members, more than 16\n");
}

TEST_CASE("a policy with ten mistakes gives ten findings, each with line and column") {
  std::string text = shipped(rehearsal);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"rehearsal.ca", "\"ca"},
           {"adm1 = [\"administrator\"]", "adm1 = [\"administrator\", \"administrator\"]"},
           {"c2 = [\"custodian\"]", "c2 = [\"custodian\", \"auditor\"]"},
           {"m = 2\n", "m = 17\n"},
           {"[quorums.activation]\nm = 3", "[quorums.activation]\nm = 5"},
           {"algorithm = \"p384\"", "algorithm = \"p521\""},
           {"years_max = 15", "years_max = 50"},
           {"scrypt_log_n = 14", "scrypt_log_n = true"},
           {"media = 2", "medium = 2"},
           {"\"EVID-1\"", "\"EVID\""},
       }) {
    text = with(text, from, to);
  }
  // media misspelt is two findings: one key too many, one missing.
  CHECK(findings(text) ==
        "p.toml:5:1: the origin \"ca.example.com/devices-g1\" of a rehearsal does not begin with \"rehearsal.\"\n"
        "p.toml:10:1: \"adm1\" names the role \"administrator\" twice\n"
        "p.toml:14:1: \"c2\" holds the roles \"custodian\" and \"auditor\", which exclude each other\n"
        "p.toml:30:1: \"quorums.governance.m\" is 17, outside 2 to 16\n"
        "p.toml:38:1: recovery asks for 3 people, activation for 5\n"
        "p.toml:42:1: the key algorithm \"p521\" is not known\n"
        "p.toml:53:1: an intermediate may be valid for 50 years, its root for 25\n"
        "p.toml:60:1: \"shares.scrypt_log_n\" is true or false, not a whole number\n"
        "p.toml:63:1: \"backup.media\" is missing\n"
        "p.toml:64:1: unknown key \"backup.medium\"\n"
        "p.toml:79:1: \"EVID\" is no rule id\n");
}

TEST_CASE("names of roles, quorums and ids go both ways") {
  for (const Role role : all_roles) CHECK(role_from(name_of(role)) == role);
  CHECK_FALSE(role_from("king"));
  CHECK(quorum_from("recovery") == QuorumName::recovery);
  CHECK_FALSE(quorum_from("quorum"));
  CHECK(is_person_id("c-1"));
  CHECK_FALSE(is_person_id("C1"));
  CHECK_FALSE(is_person_id("a-name-of-17-byte"));
  CHECK(is_plain_id("issuing-802.1ar"));
  CHECK_FALSE(is_plain_id("../policy"));
}
