// The policy file: the samples load, and each mistake is said once, with its place.
#include "ceremony/policy/policy.h"

#include <catch2/catch_test_macros.hpp>
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

#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
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

TEST_CASE("a witness is wanted for the acts that policy names") {
  const Policy policy = read_policy("p", shipped(rehearsal));
  CHECK(policy.wants_witness("sign-certificate"));
  CHECK(policy.wants_witness("sign-batch"));
  CHECK_FALSE(policy.wants_witness("sign-crl"));
  CHECK_FALSE(policy.wants_witness("sign-anything"));
  CHECK(read_policy("p", shipped("policy-rehearsal-matter.toml")).witnessed.empty());
  CHECK(intended_acts() == std::vector<std::string_view>{"init-token", "generate-key", "sign-certificate", "sign-crl", "sign-batch"});
  // Somebody who may approve may be a witness too, if the quorum can do without them.
  const std::string both = with(with(shipped(rehearsal), "\"security-officer\", \"witness\", \"auditor\", \"governance\"]", "\"governance\"]"), "c1 = [\"custodian\"]", "c1 = [\"custodian\", \"witness\"]");
  CHECK(read_policy("p", both).wants_witness("sign-batch"));
}

TEST_CASE("recovery shares are files unless the policy has them on paper") {
  CHECK_FALSE(read_policy("p", shipped(rehearsal)).recovery_as_words);
  CHECK_FALSE(read_policy("p", with(shipped(rehearsal), "[backup]", "recovery = \"age-passphrase\"\n\n[backup]")).recovery_as_words);
  CHECK(read_policy("p", with(shipped(rehearsal), "[backup]", "recovery = \"words\"\n\n[backup]")).recovery_as_words);
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

TEST_CASE("a policy may name the images it admits") {
  CHECK_FALSE(read_policy("p", shipped(rehearsal)).images);
  const auto images = read_policy("p", shipped(rehearsal) + "\n[images]\nmanifests = [\"" DIGEST "\"]\nukis = [\"" DIGEST "\"]\n").images;
  REQUIRE(images);
  CHECK(images->manifests == std::vector{ceremony::sha256("")});
  CHECK(images->ukis == images->manifests);
}

TEST_CASE("a policy may name the machine, and how it was started") {
  CHECK_FALSE(read_policy("p", shipped(rehearsal)).tpm);
  const auto tpm = read_policy("p", shipped(rehearsal) + "\n[tpm]\nkeys = [\"" DIGEST "\"]\npcr4 = [\"" + std::string(64, '4') + "\", \"" DIGEST "\"]\npcr7 = [\"" + std::string(64, '7') +
                                          "\"]\npcr11 = [\"" + std::string(64, '1') + "\"]\n").tpm;
  REQUIRE(tpm);
  CHECK(tpm->keys == std::vector{ceremony::sha256("")});
  CHECK(tpm->pcr4 == std::vector{*ceremony::digest_from_hex(std::string(64, '4')), ceremony::sha256("")});
  CHECK(tpm->pcr7 == std::vector{*ceremony::digest_from_hex(std::string(64, '7'))});
  CHECK(tpm->pcr11 == std::vector{*ceremony::digest_from_hex(std::string(64, '1'))});
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
